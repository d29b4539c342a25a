/* SPDX-License-Identifier: Apache-2.0 */
/*
 * i8042: "AT" is the IBM PC AT Technical Reference ("Keyboard Controller", "Keyboard"), "PS/2"
 * the IBM PS/2 Hardware Interface Technical Reference.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/device/device_fixture.h"

extern const struct device_class i8042_class;

enum { DATA = 0x60, COMMAND = 0x64 };
enum { FULL = 0x01, SYSTEM = 0x04, LAST_COMMAND = 0x08, MOUSE = 0x20 };
enum { IRQ1 = 0, IRQ12 = 1 };

static struct device *kbc;

static bool full(void)
{
	return in8(COMMAND) & FULL;
}

/* The next byte must be there and come from the keyboard or the controller. */
static void expect(uint8_t byte)
{
	assert_int_equal(in8(COMMAND) & (FULL | MOUSE), FULL);
	assert_int_equal(in8(DATA), byte);
}

static void expect_mouse(uint8_t byte)
{
	assert_int_equal(in8(COMMAND) & (FULL | MOUSE), FULL | MOUSE);
	assert_int_equal(in8(DATA), byte);
}

static uint8_t ask(uint8_t command)
{
	out8(COMMAND, command);
	assert_true(full());
	return in8(DATA);
}

static void tell(uint8_t command, uint8_t data)
{
	out8(COMMAND, command);
	out8(DATA, data);
}

static void mouse(uint8_t byte)
{
	tell(0xd4, byte);
}

/* Without translation, so that tests see the devices' own bytes. */
static int setup(void **state)
{
	fixture_open();
	kbc = fixture_device(&i8042_class);
	kbc->out[0] = fixture_line(IRQ1);
	kbc->out[1] = fixture_line(IRQ12);
	fixture_realize(kbc);
	tell(0x60, 0x03);
	return 0;
}

/* AT, "Status Register": empty after reset; bit 3 tells a command from data; AA sets bit 2. */
static void test_status(void **state)
{
	assert_int_equal(in8(COMMAND), 0x10);
	assert_int_equal(ask(0xaa), 0x55);
	assert_int_equal(in8(COMMAND), 0x10 | SYSTEM | LAST_COMMAND);
	out8(DATA, 0xee);
	assert_int_equal(in8(COMMAND), 0x10 | SYSTEM | FULL);
	expect(0xee);
	assert_false(full());
	/* An empty buffer shows what it held. */
	assert_int_equal(in8(DATA), 0xee);
}

/* AT, "Commands": tests of both ports, input port, RAM. */
static void test_controller(void **state)
{
	assert_int_equal(ask(0xab), 0x00);
	assert_int_equal(ask(0xa9), 0x00);
	assert_int_equal(ask(0xc0), 0x80);
	assert_int_equal(ask(0x20), 0x03);
	tell(0x60, 0x47);
	assert_int_equal(ask(0x20), 0x47);
	assert_int_equal(in8(COMMAND) & SYSTEM, SYSTEM);
	tell(0x7f, 0x5a);
	assert_int_equal(ask(0x3f), 0x5a);
	assert_int_equal(ask(0x20), 0x47);
	/* Disable and enable are bits of the command byte. */
	out8(COMMAND, 0xad);
	out8(COMMAND, 0xa7);
	assert_int_equal(ask(0x20), 0x77);
	out8(COMMAND, 0xae);
	out8(COMMAND, 0xa8);
	assert_int_equal(ask(0x20), 0x47);
	out8(COMMAND, 0x99); /* no command */
	assert_false(full());
}

/* The state after a reset is that after a PC's self test; whatever was going on is forgotten. */
static void test_reset(void **state)
{
	out8(DATA, 0xf2);
	mouse(0xf4);
	out8(COMMAND, 0xd1);
	i8042_class.reset(kbc);
	assert_int_equal(in8(COMMAND), 0x10);
	assert_false(fixture_level(IRQ1));
	out8(DATA, 0xee); /* to the keyboard, not the output port */
	expect(0xee);
	assert_int_equal(ask(0x20), 0x43);
	assert_true(fixture_a20());
}

/* AT, "Output Port": bit 0 low resets, bit 1 is A20; bits 4 and 5 are the interrupts. */
static void test_output_port(void **state)
{
	assert_int_equal(ask(0xd0), 0xcf);
	tell(0xd1, 0xcd);
	assert_false(fixture_a20());
	assert_int_equal(ask(0xd0), 0xcd);
	tell(0xd1, 0xcf);
	assert_true(fixture_a20());
	out8(COMMAND, 0xdd);
	assert_false(fixture_a20());
	out8(COMMAND, 0xdf);
	assert_true(fixture_a20());
	assert_int_equal(fixture_resets(), 0);
	tell(0xd1, 0xce);
	assert_int_equal(fixture_resets(), 1);
	out8(DATA, 0xee);
	out8(COMMAND, 0xd0);
	expect(0xee);
	expect(0xde); /* taken while the echo was in the buffer */
}

/* AT, "F0-FF Pulse Output Port": only a zero in bit 0 resets. */
static void test_pulse(void **state)
{
	out8(COMMAND, 0xff);
	out8(COMMAND, 0xf1);
	assert_int_equal(fixture_resets(), 0);
	out8(COMMAND, 0xfe);
	assert_int_equal(fixture_resets(), 1);
	out8(COMMAND, 0xf0);
	assert_int_equal(fixture_resets(), 2);
	assert_true(fixture_a20());
}

/* Command byte bits 0 and 1 gate the interrupts; each byte is an edge of its own. */
static void test_interrupts(void **state)
{
	tell(0x60, 0x00);
	out8(DATA, 0xf2);
	assert_true(full());
	assert_false(fixture_level(IRQ1));
	tell(0x60, 0x01);
	assert_true(fixture_level(IRQ1));
	expect(0xfa);
	assert_true(fixture_level(IRQ1));
	expect(0xab);
	expect(0x83);
	assert_false(fixture_level(IRQ1));
	assert_int_equal(fixture_rises(IRQ1), 3);
	tell(0xd4, 0xf4);
	assert_true(full());
	assert_false(fixture_level(IRQ12));
	tell(0x60, 0x02);
	assert_true(fixture_level(IRQ12));
	assert_false(fixture_level(IRQ1));
	expect_mouse(0xfa);
	assert_false(fixture_level(IRQ12));
}

/* PS/2, D2 and D3: the byte appears as if the device had sent it, untranslated. */
static void test_loops(void **state)
{
	tell(0x60, 0x43);
	tell(0xd2, 0x1c);
	assert_true(fixture_level(IRQ1));
	expect(0x1c);
	tell(0xd3, 0xa5);
	assert_true(fixture_level(IRQ12));
	expect_mouse(0xa5);
}

/* AT, "Keyboard", "Commands from the System". */
static void test_keyboard_commands(void **state)
{
	out8(DATA, 0xff);
	expect(0xfa);
	expect(0xaa);
	out8(DATA, 0xee);
	expect(0xee);
	out8(DATA, 0xed);
	expect(0xfa);
	out8(DATA, 0x07);
	expect(0xfa);
	out8(DATA, 0xf3);
	expect(0xfa);
	out8(DATA, 0x2b);
	expect(0xfa);
	out8(DATA, 0xf2);
	expect(0xfa);
	expect(0xab);
	expect(0x83);
	out8(DATA, 0xfe); /* resend */
	expect(0x83);
	out8(DATA, 0xf4);
	expect(0xfa);
	out8(DATA, 0xf6);
	expect(0xfa);
	out8(DATA, 0xfa);
	expect(0xfa);
	out8(DATA, 0xfb);
	expect(0xfa);
	out8(DATA, 0x1c);
	expect(0xfa);
	out8(DATA, 0x10); /* no command */
	expect(0xfe);
	assert_false(full());
}

/* F0: 0 asks for the set, 1 and 2 choose, 3 is not there. */
static void test_scan_code_sets(void **state)
{
	out8(DATA, 0xf0);
	expect(0xfa);
	out8(DATA, 0x00);
	expect(0xfa);
	expect(0x02);
	out8(DATA, 0xf0);
	expect(0xfa);
	out8(DATA, 0x03);
	expect(0xfe);
	out8(DATA, 0xf0);
	expect(0xfa);
	out8(DATA, 0x01);
	expect(0xfa);
	/* A down and up, right control down: now set 1 without the controller's help. */
	fixture_char_in(kbc, "\x1c\xf0\x1c\xe0\x14", 5);
	expect(0x1e);
	expect(0x9e);
	expect(0xe0);
	expect(0x1d);
}

/* AT, scan code translation: set 2 in, set 1 out; replies pass, the ID becomes AB 41. */
static void test_translation(void **state)
{
	static const struct {
		uint8_t set2, set1;
	} keys[] = {
	    {0x76, 0x01}, {0x16, 0x02}, {0x45, 0x0b}, {0x66, 0x0e}, {0x15, 0x10}, /* esc 1 0 */
	    {0x5a, 0x1c}, {0x14, 0x1d}, {0x1c, 0x1e}, {0x12, 0x2a}, {0x1a, 0x2c}, /* enter A */
	    {0x59, 0x36}, {0x11, 0x38}, {0x29, 0x39}, {0x58, 0x3a}, {0x05, 0x3b}, /* space F1 */
	    {0x83, 0x41}, {0x09, 0x44}, {0x77, 0x45}, {0x7e, 0x46}, {0x78, 0x57}, /* F7 F10 F11 */
	    {0x07, 0x58}, {0x75, 0x48}, {0x84, 0x54}, {0x61, 0x56}, {0x5d, 0x2b}, /* F12 up */
	};

	tell(0x60, 0x43);
	for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		uint8_t bytes[] = {keys[i].set2, 0xf0, keys[i].set2};

		assert_int_equal(fixture_char_in(kbc, bytes, 3), 3);
		expect(keys[i].set1);
		expect(keys[i].set1 | 0x80);
		assert_false(full());
	}
	out8(DATA, 0xf2);
	expect(0xfa);
	expect(0xab);
	expect(0x41);
	/* Without translation the bytes are the keyboard's. */
	tell(0x60, 0x03);
	fixture_char_in(kbc, "\xf0\x1c", 2);
	expect(0xf0);
	expect(0x1c);
}

/* Keys wait while scanning or the port is off, and do not crowd out replies. */
static void test_key_flow(void **state)
{
	static const uint8_t keys[32] = {0x1c};
	size_t taken = fixture_char_in(kbc, keys, sizeof(keys));

	assert_true(taken > 0 && taken < sizeof(keys));
	out8(DATA, 0xf5);
	in8(DATA); /* the key that was in the output buffer */
	expect(0xfa);
	assert_int_equal(fixture_char_in(kbc, keys, 1), 0);
	out8(DATA, 0xf4);
	expect(0xfa);
	out8(COMMAND, 0xad);
	assert_int_equal(fixture_char_in(kbc, "\x1c", 1), 1);
	assert_false(full());
	out8(COMMAND, 0xae);
	expect(0x1c);
	/* A byte to the keyboard switches its port on. */
	out8(COMMAND, 0xad);
	out8(DATA, 0xee);
	expect(0xee);
	assert_int_equal(ask(0x20) & 0x10, 0);
}

/* A reply goes before keys that wait; what was not sent of it ends with the next command. */
static void test_replies(void **state)
{
	static const uint8_t keys[2] = {0x1c, 0x32};

	fixture_char_in(kbc, keys, sizeof(keys));
	out8(DATA, 0xed);
	expect(0x1c);
	expect(0xfa);
	expect(0x32);
	out8(DATA, 0x00);
	expect(0xfa);
	out8(DATA, 0xf2);
	out8(DATA, 0xee);
	expect(0xfa); /* it was in the output buffer already */
	expect(0xee);
	assert_false(full());
}

/* The controller's output buffer has its last reply; what the keyboard sent is not lost by one. */
static void test_unread_reply(void **state)
{
	out8(COMMAND, 0xaa);
	out8(COMMAND, 0xc0);
	expect(0x80);
	assert_false(full());
	out8(DATA, 0xee);
	out8(COMMAND, 0xaa);
	expect(0xee);
	expect(0x55);
	assert_false(full());
}

/* PS/2, "Mouse", "Commands". */
static void test_mouse_commands(void **state)
{
	mouse(0xff);
	expect_mouse(0xfa);
	expect_mouse(0xaa);
	expect_mouse(0x00);
	mouse(0xf2);
	expect_mouse(0xfa);
	expect_mouse(0x00);
	mouse(0xe9);
	expect_mouse(0xfa);
	expect_mouse(0x00);
	expect_mouse(0x02);
	expect_mouse(100);
	mouse(0xe8);
	expect_mouse(0xfa);
	mouse(0x03);
	expect_mouse(0xfa);
	mouse(0xf3);
	expect_mouse(0xfa);
	mouse(200);
	expect_mouse(0xfa);
	mouse(0xe7);
	expect_mouse(0xfa);
	mouse(0xf4);
	expect_mouse(0xfa);
	mouse(0xf0);
	expect_mouse(0xfa);
	mouse(0xe9);
	expect_mouse(0xfa);
	expect_mouse(0x70);
	expect_mouse(0x03);
	expect_mouse(200);
	mouse(0xfe);
	expect_mouse(200);
	mouse(0xeb);
	expect_mouse(0xfa);
	expect_mouse(0x08);
	expect_mouse(0x00);
	expect_mouse(0x00);
	mouse(0xf6);
	expect_mouse(0xfa);
	mouse(0x55);
	expect_mouse(0xfe);
	assert_false(full());
}

/* PS/2: in wrap mode everything comes back but "reset wrap mode" and "reset". */
static void test_mouse_wrap(void **state)
{
	mouse(0xee);
	expect_mouse(0xfa);
	mouse(0xf4);
	expect_mouse(0xf4);
	mouse(0x00);
	expect_mouse(0x00);
	mouse(0xec);
	expect_mouse(0xfa);
	mouse(0xf4);
	expect_mouse(0xfa);
}

/* Both devices speak: the buffer says who, and nothing gets lost. */
static void test_interleaved(void **state)
{
	out8(DATA, 0xf2);
	mouse(0xf2);
	out8(COMMAND, 0x20);
	expect(0xfa);
	expect(0x03); /* the controller comes first */
	expect(0xab);
	expect(0x83);
	expect_mouse(0xfa);
	expect_mouse(0x00);
}

/* What the Linux i8042 driver does to find the mouse port, in its order. */
static void test_linux_probe(void **state)
{
	uint8_t mode = ask(0x20);

	tell(0xd3, 0x5a);
	expect_mouse(0x5a);
	assert_int_equal(ask(0xa9), 0x00);
	out8(COMMAND, 0xa7);
	assert_int_equal(ask(0x20) & 0x20, 0x20);
	out8(COMMAND, 0xa8);
	assert_int_equal(ask(0x20) & 0x20, 0x00);
	tell(0x60, (uint8_t)((mode & ~0x20) | 0x02));
	tell(0xd3, 0xa5);
	assert_true(fixture_level(IRQ12));
	expect_mouse(0xa5);
	/* No multiplexer: F0, 56, A4 come back as they are. */
	tell(0xd3, 0xf0);
	expect_mouse(0xf0);
	tell(0xd3, 0x56);
	expect_mouse(0x56);
	tell(0xd3, 0xa4);
	expect_mouse(0xa4);
}

/* Commands without end, and never a read: the queues fill up and nothing breaks. */
static void test_flood(void **state)
{
	for (unsigned i = 0; i < 1000; i++) {
		out8(DATA, 0xf2);
		mouse(0xe9);
	}
	for (unsigned i = 0; i < 1000 && full(); i++)
		in8(DATA);
	assert_false(full());
	out8(DATA, 0xee);
	expect(0xee);
}

static void test_random_use(void **state)
{
	static const uint16_t ports[] = {DATA, COMMAND};

	fixture_random_use(kbc, ports, sizeof(ports) / sizeof(ports[0]), 200000, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_status, setup),
	    cmocka_unit_test_setup(test_controller, setup),
	    cmocka_unit_test_setup(test_reset, setup),
	    cmocka_unit_test_setup(test_output_port, setup),
	    cmocka_unit_test_setup(test_pulse, setup),
	    cmocka_unit_test_setup(test_interrupts, setup),
	    cmocka_unit_test_setup(test_loops, setup),
	    cmocka_unit_test_setup(test_keyboard_commands, setup),
	    cmocka_unit_test_setup(test_scan_code_sets, setup),
	    cmocka_unit_test_setup(test_translation, setup),
	    cmocka_unit_test_setup(test_key_flow, setup),
	    cmocka_unit_test_setup(test_replies, setup),
	    cmocka_unit_test_setup(test_unread_reply, setup),
	    cmocka_unit_test_setup(test_mouse_commands, setup),
	    cmocka_unit_test_setup(test_mouse_wrap, setup),
	    cmocka_unit_test_setup(test_interleaved, setup),
	    cmocka_unit_test_setup(test_linux_probe, setup),
	    cmocka_unit_test_setup(test_flood, setup),
	    cmocka_unit_test_setup(test_random_use, setup),
	};

	return cmocka_run_group_tests_name("device/i8042", tests, NULL, NULL);
}
