/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ACPI fixed hardware. Section numbers are those of ACPI 6.3; the reset control register is that
 * of the Intel 82371SB (PIIX3) data sheet, 2.5.7.
 */
#include "emulator/device/acpi_pm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/device/device_fixture.h"

extern const struct device_class acpi_pm_class;

static struct device *pm;

enum { STS = 0x600, EN = 0x602, CNT = 0x604, TMR = 0x608, SCI = 3 };

#define CARRY_NS 2343484438ull /* 2^23 ticks of 3.579545 MHz, rounded up to a nanosecond */

static uint32_t get(uint16_t port, unsigned size)
{
	return (uint32_t)fixture_port_read(port, size);
}

static void put(uint16_t port, unsigned size, uint32_t value)
{
	fixture_port_write(port, size, value);
}

static int setup(void **state)
{
	fixture_open();
	pm = fixture_device(&acpi_pm_class);
	pm->out[0] = fixture_line(SCI);
	fixture_realize(pm);
	return 0;
}

/* 4.8.3.3: a free running counter at 3.579545 MHz; 24 bits here. */
static void test_timer(void **state)
{
	assert_int_equal(get(TMR, 4), 0);
	fixture_advance_to(279);
	assert_int_equal(get(TMR, 4), 0);
	fixture_advance_to(280);
	assert_int_equal(get(TMR, 4), 1);
	fixture_advance_to(1000000000);
	assert_int_equal(get(TMR, 4), 3579545);
	assert_int_equal(get(TMR, 1), 3579545 & 0xff);
	assert_int_equal(get(TMR + 1, 2), 3579545 >> 8 & 0xffff);
	put(TMR, 4, 0);
	assert_int_equal(get(TMR, 4), 3579545);
	fixture_advance_to(100 * 1000000000ull);
	assert_int_equal(get(TMR, 4), 357954500 & 0xffffff);
}

/* 4.8.3.1.1: TMR_STS is set when bit 23 changes, either way, and SCI follows if enabled. */
static void test_timer_carry(void **state)
{
	put(0xb2, 1, ACPI_PM_ENABLE);
	assert_true(fixture_next_deadline() == UINT64_MAX);
	put(EN, 2, 1);
	fixture_advance_to(CARRY_NS - 1);
	assert_int_equal(get(STS, 2), 0);
	assert_false(fixture_level(SCI));
	fixture_advance_to(CARRY_NS);
	assert_int_equal(get(STS, 2), 1);
	assert_int_equal(get(TMR, 4), 0x800000);
	assert_true(fixture_level(SCI));
	put(STS, 2, 1);
	assert_false(fixture_level(SCI));
	assert_int_equal(get(STS, 2), 0);
	fixture_advance_to(2 * CARRY_NS);
	assert_true(fixture_level(SCI));
	put(EN, 2, 0);
	assert_false(fixture_level(SCI));
	assert_int_equal(get(STS, 2), 1);
}

/* 4.8.3.1: the power button; bits are cleared by writing 1, SCI needs SCI_EN. */
static void test_power_button(void **state)
{
	put(EN, 2, 0x100);
	assert_true(acpi_pm_class.char_room(pm) > 1);
	acpi_pm_class.char_in(pm, (const uint8_t *)"p", 1);
	assert_int_equal(get(STS, 2), 0x100);
	assert_false(fixture_level(SCI));
	put(0xb2, 1, ACPI_PM_ENABLE);
	assert_true(fixture_level(SCI));
	put(STS, 2, 0xfeff);
	assert_int_equal(get(STS, 2), 0x100);
	put(STS + 1, 1, 0x01);
	assert_int_equal(get(STS, 2), 0);
	assert_false(fixture_level(SCI));
	put(EN, 2, 0xffff);
	assert_int_equal(get(EN, 2), 0x0521);
	assert_int_equal(get(STS, 4), 0x05210000);
}

/* 4.8.3.2.1: SCI_EN changes by the SMI commands of the FADT only. */
static void test_sci_enable(void **state)
{
	assert_int_equal(get(CNT, 2), 0);
	put(CNT, 2, 1);
	assert_int_equal(get(CNT, 2), 0);
	put(0xb2, 1, ACPI_PM_ENABLE);
	assert_int_equal(get(CNT, 2), 1);
	assert_int_equal(get(0xb2, 1), ACPI_PM_ENABLE);
	put(CNT, 2, 0);
	assert_int_equal(get(CNT, 2), 1);
	put(0xb2, 1, 0x42); /* no command */
	assert_int_equal(get(CNT, 2), 1);
	put(0xb2, 1, ACPI_PM_DISABLE);
	assert_int_equal(get(CNT, 2), 0);
	put(0xb3, 1, 0x5a);
	assert_int_equal(get(0xb3, 1), 0x5a);
}

/* SLP_EN with the type of \_S5 switches off; it reads as 0. */
static void test_soft_off(void **state)
{
	put(CNT, 2, 0x0400 | 0x2000); /* a type that no object names */
	assert_int_equal(fixture_poweroffs(), 0);
	assert_int_equal(get(CNT, 2), 0x0400);
	put(CNT, 2, ACPI_PM_S5_TYPE << 10);
	assert_int_equal(fixture_poweroffs(), 0);
	put(CNT, 2, ACPI_PM_S5_TYPE << 10 | 0x2000);
	assert_int_equal(fixture_poweroffs(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_timer, setup),
	    cmocka_unit_test_setup(test_timer_carry, setup),
	    cmocka_unit_test_setup(test_power_button, setup),
	    cmocka_unit_test_setup(test_sci_enable, setup),
	    cmocka_unit_test_setup(test_soft_off, setup),
	};

	return cmocka_run_group_tests_name("device/acpi_pm", tests, NULL, NULL);
}
