/* SPDX-License-Identifier: Apache-2.0 */
/*
 * i8259: a master and a slave wired as on a PC. Quotations are from the Intel 8259A data sheet
 * (231468); "82371SB" is the Intel PIIX3 data sheet, which defines the ELCR.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "emulator/device/i8259.h"
#include "tests/unit/device/device_fixture.h"

enum { MASTER = 0x20, SLAVE = 0xa0, ELCR1 = 0x4d0, ELCR2 = 0x4d1 };
enum { EOI = 0x20, ROTATE_EOI = 0xa0, READ_IRR = 0x0a, READ_ISR = 0x0b, POLL = 0x0c };
enum { INT = 0 }; /* fixture line */

static const struct i8259_config master_config = {MASTER, ELCR1, 0xf8, false};
static const struct i8259_config slave_config = {SLAVE, ELCR2, 0xde, true};
static struct device *master, *slave;

static void program(uint8_t icw4_master, uint8_t icw4_slave)
{
	out8(MASTER, 0x11);
	out8(MASTER + 1, 0x20);
	out8(MASTER + 1, 0x04);
	out8(MASTER + 1, icw4_master);
	out8(SLAVE, 0x11);
	out8(SLAVE + 1, 0x28);
	out8(SLAVE + 1, 0x02);
	out8(SLAVE + 1, icw4_slave);
}

static int setup(void **state)
{
	fixture_open();
	master = fixture_device(&i8259_class);
	slave = fixture_device(&i8259_class);
	master->data = &master_config;
	master->peer = slave;
	master->out[0] = fixture_line(INT);
	slave->data = &slave_config;
	slave->out[0] = (struct irq){master, 2};
	fixture_realize(master);
	fixture_realize(slave);
	program(0x01, 0x01);
	return 0;
}

static void raise_irq(unsigned irq)
{
	irq_set((struct irq){irq < 8 ? master : slave, irq % 8}, true);
}

static void lower_irq(unsigned irq)
{
	irq_set((struct irq){irq < 8 ? master : slave, irq % 8}, false);
}

static void pulse_irq(unsigned irq)
{
	raise_irq(irq);
	lower_irq(irq);
}

static uint8_t read_register(uint16_t port, uint8_t ocw3)
{
	out8(port, ocw3);
	return in8(port);
}

/* "Interrupt Sequence": INT, acknowledge sets the ISR bit and resets the IRR bit, EOI clears. */
static void test_sequence(void **state)
{
	assert_false(fixture_level(INT));
	raise_irq(3);
	assert_true(fixture_level(INT));
	assert_int_equal(read_register(MASTER, READ_IRR), 0x08);
	assert_int_equal(i8259_acknowledge(master), 0x23);
	assert_false(fixture_level(INT));
	assert_int_equal(read_register(MASTER, READ_IRR), 0x00);
	assert_int_equal(read_register(MASTER, READ_ISR), 0x08);
	out8(MASTER, EOI);
	assert_int_equal(in8(MASTER), 0x00);
	/* The line is still high: an edge input asks no more. */
	assert_false(fixture_level(INT));
	lower_irq(3);
	raise_irq(3);
	assert_true(fixture_level(INT));
}

/* "Fully Nested Mode": IR0 is the highest; lower and equal ones wait for the EOI. */
static void test_nesting(void **state)
{
	pulse_irq(4);
	assert_int_equal(i8259_acknowledge(master), 0x24);
	pulse_irq(4);
	pulse_irq(6);
	assert_false(fixture_level(INT));
	pulse_irq(1);
	assert_true(fixture_level(INT));
	assert_int_equal(i8259_acknowledge(master), 0x21);
	assert_int_equal(read_register(MASTER, READ_ISR), 0x12);
	/* The non-specific EOI resets "the highest priority bit of those that are set". */
	out8(MASTER, EOI);
	assert_int_equal(in8(MASTER), 0x10);
	out8(MASTER, 0x64); /* specific EOI of 4 */
	assert_int_equal(in8(MASTER), 0x00);
	assert_int_equal(i8259_acknowledge(master), 0x24);
	out8(MASTER, EOI);
	assert_int_equal(i8259_acknowledge(master), 0x26);
}

/* OCW1 masks; the IMR reads back from the odd port; a masked edge stays in the IRR. */
static void test_mask(void **state)
{
	out8(MASTER + 1, 0xfb);
	assert_int_equal(in8(MASTER + 1), 0xfb);
	pulse_irq(5);
	assert_false(fixture_level(INT));
	assert_int_equal(read_register(MASTER, READ_IRR), 0x20);
	out8(MASTER + 1, 0x00);
	assert_true(fixture_level(INT));
	assert_int_equal(i8259_acknowledge(master), 0x25);
}

/* "Cascade Mode": the slave releases the vector; both need an EOI. */
static void test_cascade(void **state)
{
	raise_irq(12);
	assert_true(fixture_level(INT));
	assert_int_equal(i8259_acknowledge(master), 0x2c);
	assert_int_equal(read_register(MASTER, READ_ISR), 0x04);
	assert_int_equal(read_register(SLAVE, READ_ISR), 0x10);
	raise_irq(14);
	assert_false(fixture_level(INT));
	out8(SLAVE, EOI);
	/* The master still serves its input 2. */
	assert_false(fixture_level(INT));
	out8(MASTER, EOI);
	assert_true(fixture_level(INT));
	assert_int_equal(i8259_acknowledge(master), 0x2e);
}

/*
 * "The Special Fully Nested Mode": "When an interrupt request from a certain slave is in service
 * this slave is not locked out from the master's priority logic".
 */
static void test_special_fully_nested(void **state)
{
	raise_irq(12);
	assert_int_equal(i8259_acknowledge(master), 0x2c);
	raise_irq(9);
	assert_false(fixture_level(INT));

	program(0x11, 0x01);
	lower_irq(12);
	lower_irq(9);
	raise_irq(12);
	assert_int_equal(i8259_acknowledge(master), 0x2c);
	raise_irq(9);
	assert_true(fixture_level(INT));
	assert_int_equal(i8259_acknowledge(master), 0x29);
	assert_int_equal(read_register(SLAVE, READ_ISR), 0x12);
}

/* "If no interrupt request is present at step 4 ... the 8259A will issue an interrupt level 7". */
static void test_spurious(void **state)
{
	assert_int_equal(i8259_acknowledge(master), 0x27);
	assert_int_equal(read_register(MASTER, READ_ISR), 0x00);

	/* The slave's request goes away after the master has latched it. */
	out8(ELCR2, 0x08);
	raise_irq(11);
	lower_irq(11);
	assert_true(fixture_level(INT));
	assert_int_equal(i8259_acknowledge(master), 0x2f);
	assert_int_equal(read_register(MASTER, READ_ISR), 0x04);
	assert_int_equal(read_register(SLAVE, READ_ISR), 0x00);
}

/* "Automatic End of Interrupt (AEOI) Mode": no ISR bit stays. */
static void test_auto_eoi(void **state)
{
	program(0x03, 0x03);
	pulse_irq(1);
	pulse_irq(6);
	assert_int_equal(i8259_acknowledge(master), 0x21);
	assert_int_equal(read_register(MASTER, READ_ISR), 0x00);
	assert_true(fixture_level(INT));
	assert_int_equal(i8259_acknowledge(master), 0x26);
	assert_false(fixture_level(INT));
	/* Two requests of the slave: the second must reach the master as a new edge. */
	pulse_irq(8);
	pulse_irq(15);
	assert_int_equal(i8259_acknowledge(master), 0x28);
	assert_true(fixture_level(INT));
	assert_int_equal(i8259_acknowledge(master), 0x2f);
	assert_false(fixture_level(INT));
}

/* "Automatic Rotation (Equal Priority Devices)": "a device, after being serviced, receives the
 * lowest priority", by EOI and in AEOI mode. */
static void test_automatic_rotation(void **state)
{
	pulse_irq(4);
	assert_int_equal(i8259_acknowledge(master), 0x24);
	out8(MASTER, ROTATE_EOI);
	pulse_irq(4);
	pulse_irq(0);
	pulse_irq(6);
	assert_int_equal(i8259_acknowledge(master), 0x26);
	out8(MASTER, ROTATE_EOI);
	assert_int_equal(i8259_acknowledge(master), 0x20);
	out8(MASTER, ROTATE_EOI);
	assert_int_equal(i8259_acknowledge(master), 0x24);

	program(0x03, 0x01);
	out8(MASTER, 0x80); /* rotate in AEOI mode, set */
	pulse_irq(1);
	assert_int_equal(i8259_acknowledge(master), 0x21);
	pulse_irq(1);
	pulse_irq(7);
	assert_int_equal(i8259_acknowledge(master), 0x27);
	assert_int_equal(i8259_acknowledge(master), 0x21);
	out8(MASTER, 0x00); /* clear */
	pulse_irq(3);
	assert_int_equal(i8259_acknowledge(master), 0x23);
	pulse_irq(3);
	pulse_irq(2);
	/* Priorities stay where the last rotation left them: 2 is the highest. */
	pulse_irq(1);
	assert_int_equal(i8259_acknowledge(master), 0x2f);
	assert_int_equal(i8259_acknowledge(master), 0x23);
}

/* "Specific Rotation": "if IR5 is programmed as the bottom priority device, then IR6 will have
 * the highest one". */
static void test_specific_rotation(void **state)
{
	out8(MASTER, 0xc5);
	pulse_irq(0);
	pulse_irq(5);
	pulse_irq(6);
	assert_int_equal(i8259_acknowledge(master), 0x26);
	out8(MASTER, 0xe6); /* rotate on specific EOI of 6: 7 is the highest */
	pulse_irq(6);
	assert_int_equal(i8259_acknowledge(master), 0x20);
	out8(MASTER, 0x60);
	assert_int_equal(i8259_acknowledge(master), 0x25);
	out8(MASTER, 0x65);
	assert_int_equal(i8259_acknowledge(master), 0x26);
}

/*
 * "Special Mask Mode": "when a mask bit is set in OCW1, it inhibits further interrupts at that
 * level and enables interrupts from all other levels (lower as well as higher) that are not
 * masked"; and its non-specific EOI does not clear a masked ISR bit.
 */
static void test_special_mask(void **state)
{
	pulse_irq(2 + 1);
	assert_int_equal(i8259_acknowledge(master), 0x23);
	pulse_irq(6);
	assert_false(fixture_level(INT));
	out8(MASTER, 0x68); /* ESMM and SMM */
	assert_false(fixture_level(INT));
	out8(MASTER + 1, 0x08);
	assert_true(fixture_level(INT));
	assert_int_equal(i8259_acknowledge(master), 0x26);
	out8(MASTER, EOI);
	assert_int_equal(read_register(MASTER, READ_ISR), 0x08);
	out8(MASTER, EOI);
	assert_int_equal(in8(MASTER), 0x08);
	out8(MASTER, 0x48); /* ESMM without SMM: off */
	pulse_irq(6);
	assert_false(fixture_level(INT));
}

/* "Poll Command": bit 7 and the level, and the read is the acknowledge. */
static void test_poll(void **state)
{
	out8(MASTER, POLL);
	assert_int_equal(in8(MASTER), 0x00);
	raise_irq(5);
	out8(MASTER, POLL);
	assert_int_equal(in8(MASTER), 0x85);
	assert_false(fixture_level(INT));
	assert_int_equal(read_register(MASTER, READ_ISR), 0x20);
}

/* 82371SB 2.5.11: ELCR bits; IRQ 0, 1, 2, 8 and 13 are always edges. A level asks while high. */
static void test_elcr(void **state)
{
	out8(ELCR1, 0xff);
	out8(ELCR2, 0xff);
	assert_int_equal(in8(ELCR1), 0xf8);
	assert_int_equal(in8(ELCR2), 0xde);
	raise_irq(5);
	assert_int_equal(i8259_acknowledge(master), 0x25);
	out8(MASTER, EOI);
	assert_true(fixture_level(INT));
	lower_irq(5);
	assert_false(fixture_level(INT));
	assert_int_equal(read_register(MASTER, READ_IRR), 0x00);
	/* ICW1 leaves the ELCR alone. */
	program(0x01, 0x01);
	assert_int_equal(in8(ELCR1), 0xf8);
}

/* "Initialization Command Words": ICW1 clears IMR, ISR, edges and modes; SNGL and IC4 say which
 * words follow. */
static void test_initialization(void **state)
{
	out8(MASTER + 1, 0xff);
	pulse_irq(0);
	raise_irq(1);
	out8(MASTER, READ_ISR);
	out8(MASTER, 0x13); /* single: no ICW3 */
	assert_int_equal(in8(MASTER + 1), 0x00);
	assert_int_equal(in8(MASTER), 0x00); /* IRR is selected, and the edges are gone */
	out8(MASTER + 1, 0x47);              /* the low three bits are the chip's own */
	out8(MASTER + 1, 0x01);
	out8(MASTER + 1, 0x80); /* now OCW1 */
	assert_int_equal(in8(MASTER + 1), 0x80);
	assert_false(fixture_level(INT));
	lower_irq(1);
	raise_irq(1);
	assert_int_equal(i8259_acknowledge(master), 0x41);

	out8(MASTER, 0x10); /* cascade, no ICW4 */
	out8(MASTER + 1, 0x50);
	out8(MASTER + 1, 0x04);
	out8(MASTER + 1, 0x0f);
	assert_int_equal(in8(MASTER + 1), 0x0f);
}

static void test_reset(void **state)
{
	out8(ELCR1, 0x20);
	raise_irq(3);
	i8259_acknowledge(master);
	lower_irq(3);
	i8259_class.reset(master);
	assert_false(fixture_level(INT));
	assert_int_equal(in8(ELCR1), 0x00);
	assert_int_equal(read_register(MASTER, READ_ISR), 0x00);
	assert_int_equal(i8259_acknowledge(master), 0x07);
}

static void test_random_use(void **state)
{
	static const uint16_t ports[] = {MASTER, MASTER + 1, SLAVE, SLAVE + 1, ELCR1, ELCR2};

	fixture_random_use(master, ports, sizeof(ports) / sizeof(ports[0]), 200000, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_sequence, setup),
	    cmocka_unit_test_setup(test_nesting, setup),
	    cmocka_unit_test_setup(test_mask, setup),
	    cmocka_unit_test_setup(test_cascade, setup),
	    cmocka_unit_test_setup(test_special_fully_nested, setup),
	    cmocka_unit_test_setup(test_spurious, setup),
	    cmocka_unit_test_setup(test_auto_eoi, setup),
	    cmocka_unit_test_setup(test_automatic_rotation, setup),
	    cmocka_unit_test_setup(test_specific_rotation, setup),
	    cmocka_unit_test_setup(test_special_mask, setup),
	    cmocka_unit_test_setup(test_poll, setup),
	    cmocka_unit_test_setup(test_elcr, setup),
	    cmocka_unit_test_setup(test_initialization, setup),
	    cmocka_unit_test_setup(test_reset, setup),
	    cmocka_unit_test_setup(test_random_use, setup),
	};

	return cmocka_run_group_tests_name("device/i8259", tests, NULL, NULL);
}
