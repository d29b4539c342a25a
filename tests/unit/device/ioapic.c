/* SPDX-License-Identifier: Apache-2.0 */
/*
 * I/O APIC with a local APIC behind it. Section numbers are those of the Intel 82093AA data sheet
 * (order number 290566).
 */
#include "emulator/device/ioapic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "emulator/device/lapic.h"
#include "tests/unit/device/device_fixture.h"

extern const struct device_class lapic_class, ioapic_class, isa_irq_class;

#define MASKED     0x10000u
#define LEVEL      0x8000u
#define REMOTE     0x4000u
#define ACTIVE_LOW 0x2000u

static struct device *lapic, *ioapic;

static uint32_t get(uint8_t index)
{
	fixture_memory_write(IOAPIC_BASE, 4, index);
	return (uint32_t)fixture_memory_read(IOAPIC_BASE + 0x10, 4);
}

static void put(uint8_t index, uint32_t value)
{
	fixture_memory_write(IOAPIC_BASE, 4, index);
	fixture_memory_write(IOAPIC_BASE + 0x10, 4, value);
}

static uint32_t entry(unsigned pin)
{
	return get((uint8_t)(0x10 + 2 * pin));
}

static void program(unsigned pin, uint32_t low)
{
	put((uint8_t)(0x10 + 2 * pin), low);
}

static void line(unsigned pin, bool level)
{
	ioapic_class.set_irq(ioapic, pin, level);
}

static uint8_t acknowledge(void)
{
	return lapic_class.acknowledge(lapic);
}

static void eoi(void)
{
	fixture_memory_write(LAPIC_BASE + 0xb0, 4, 0);
}

static int setup(void **state)
{
	fixture_open();
	lapic = fixture_device(&lapic_class);
	ioapic = fixture_device(&ioapic_class);
	lapic->out[LAPIC_OUT_EOI] = (struct irq){ioapic, IOAPIC_EOI};
	ioapic->peer = lapic;
	fixture_realize(lapic);
	fixture_realize(ioapic);
	fixture_memory_write(LAPIC_BASE + 0xf0, 4, 0x1ff);
	return 0;
}

/* 3.2.1 to 3.2.4: ID, version and 24 masked entries. */
static void test_registers(void **state)
{
	assert_int_equal(get(0), 0);
	assert_int_equal(get(1), 0x00170011);
	assert_int_equal(get(2), 0);
	for (uint8_t i = 0x10; i < 0x40; i += 2) {
		assert_int_equal(get(i), MASKED);
		assert_int_equal(get((uint8_t)(i + 1)), 0);
	}
	put(0, 0xffffffff);
	assert_int_equal(get(0), 0x0f000000);
	put(1, 0);
	assert_int_equal(get(1), 0x00170011);
	put(0x11, 0xffffffff);
	assert_int_equal(get(0x11), 0xff000000);
	put(0x10, 0xffffffff);
	assert_int_equal(get(0x10), 0x0001afff); /* status and remote IRR are read-only */
	assert_int_equal(get(0x40), 0);
	put(0x40, 1);
	assert_int_equal(get(0xff), 0);
	assert_int_equal(fixture_memory_read(IOAPIC_BASE, 4), 0xff);
	assert_int_equal(fixture_memory_read(IOAPIC_BASE + 0x20, 4), 0);
}

/* An edge is one message; what came while masked is lost. */
static void test_edge(void **state)
{
	program(4, 0x34);
	line(4, true);
	assert_true(fixture_intr());
	assert_int_equal(acknowledge(), 0x34);
	eoi();
	assert_false(fixture_intr());
	line(4, true);
	assert_false(fixture_intr());
	line(4, false);
	line(4, true);
	assert_int_equal(acknowledge(), 0x34);
	eoi();
	line(4, false);
	program(4, MASKED | 0x34);
	line(4, true);
	program(4, 0x34);
	assert_false(fixture_intr());
}

/* Remote IRR from delivery to EOI; a line that stays high asks again. */
static void test_level(void **state)
{
	program(9, LEVEL | 0x49);
	line(9, true);
	assert_int_equal(entry(9), LEVEL | REMOTE | 0x49);
	assert_int_equal(acknowledge(), 0x49);
	assert_false(fixture_intr());
	eoi();
	assert_true(fixture_intr());
	assert_int_equal(acknowledge(), 0x49);
	line(9, false);
	eoi();
	assert_false(fixture_intr());
	assert_int_equal(entry(9), LEVEL | 0x49);
	/* A level that came while masked is delivered when it is unmasked. */
	program(9, MASKED | LEVEL | 0x49);
	line(9, true);
	assert_false(fixture_intr());
	program(9, LEVEL | 0x49);
	assert_int_equal(acknowledge(), 0x49);
	/* Linux clears a stuck remote IRR by making the entry edge-triggered for a moment. */
	program(9, MASKED | 0x49);
	assert_int_equal(entry(9), MASKED | 0x49);
}

static void test_polarity(void **state)
{
	program(5, ACTIVE_LOW | 0x35);
	line(5, true);
	assert_false(fixture_intr());
	line(5, false);
	assert_int_equal(acknowledge(), 0x35);
	eoi();
	program(6, ACTIVE_LOW | LEVEL | 0x36); /* low already */
	assert_int_equal(acknowledge(), 0x36);
	line(6, true);
	eoi();
	assert_false(fixture_intr());
}

static void test_destination(void **state)
{
	put(0x19, 0x05000000); /* APIC 5: nobody */
	program(4, 0x34);
	line(4, true);
	line(4, false);
	assert_false(fixture_intr());
	put(0x19, 0x01000000); /* logical, set 1 */
	program(4, 0x834);
	line(4, true);
	line(4, false);
	assert_false(fixture_intr());
	fixture_memory_write(LAPIC_BASE + 0xd0, 4, 0x01000000);
	line(4, true);
	assert_int_equal(acknowledge(), 0x34);
}

/* A level that nobody accepts stays pending in the I/O APIC. */
static void test_not_accepted(void **state)
{
	fixture_memory_write(LAPIC_BASE + 0xf0, 4, 0xff);
	program(9, LEVEL | 0x49);
	line(9, true);
	assert_int_equal(entry(9), LEVEL | 0x49);
	fixture_memory_write(LAPIC_BASE + 0xf0, 4, 0x1ff);
	program(9, LEVEL | 0x49);
	assert_int_equal(acknowledge(), 0x49);
}

/* Delivery modes lowest priority, NMI, INIT; SMI does nothing. */
static void test_modes(void **state)
{
	program(1, 0x121);
	line(1, true);
	assert_int_equal(acknowledge(), 0x21);
	program(2, 0x400);
	line(2, true);
	assert_int_equal(fixture_nmis(), 1);
	program(3, 0x200);
	line(3, true);
	program(7, 0x500);
	line(7, true);
	assert_int_equal(fixture_resets(), 1);
	line(100, true); /* no such pin */
}

/* ISA lines reach both controllers; nothing above 15. */
static void test_isa_lines(void **state)
{
	struct device *isa = fixture_device(&isa_irq_class);

	isa->out[4] = fixture_line(0);
	isa->out[16 + 4] = fixture_line(1);
	isa_irq_class.set_irq(isa, 4, true);
	assert_true(fixture_level(0) && fixture_level(1));
	isa_irq_class.set_irq(isa, 4, false);
	assert_false(fixture_level(0) || fixture_level(1));
	isa_irq_class.set_irq(isa, 20, true);
	assert_false(fixture_level(0) || fixture_level(1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_registers, setup),
	    cmocka_unit_test_setup(test_edge, setup),
	    cmocka_unit_test_setup(test_level, setup),
	    cmocka_unit_test_setup(test_polarity, setup),
	    cmocka_unit_test_setup(test_destination, setup),
	    cmocka_unit_test_setup(test_not_accepted, setup),
	    cmocka_unit_test_setup(test_modes, setup),
	    cmocka_unit_test_setup(test_isa_lines, setup),
	};

	return cmocka_run_group_tests_name("device/ioapic", tests, NULL, NULL);
}
