/* SPDX-License-Identifier: Apache-2.0 */
/*
 * i8254: quotations are from the Intel 82C54 data sheet (231244), whose timing diagrams give the
 * counts used here. Output of counter 0 is seen on a line, that of counter 2 at port 61h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "emulator/device/ticks.h"
#include "tests/unit/device/device_fixture.h"

extern const struct device_class i8254_class;

enum { HZ = 1193182, OUT0 = 0 };

static struct device *pit;

static int setup(void **state)
{
	fixture_open();
	pit = fixture_device(&i8254_class);
	pit->out[0] = fixture_line(OUT0);
	fixture_realize(pit);
	return 0;
}

/* Virtual time of clock pulse `tick`, and moving there. */
static uint64_t at(uint64_t tick)
{
	return ticks_time(tick, HZ);
}

static void go(uint64_t tick)
{
	fixture_advance_to(at(tick));
}

static void program(unsigned counter, uint8_t mode, uint16_t count)
{
	out8(0x43, (uint8_t)(counter << 6 | 0x30 | mode << 1));
	out8((uint16_t)(0x40 + counter), (uint8_t)count);
	out8((uint16_t)(0x40 + counter), (uint8_t)(count >> 8));
}

static uint16_t read_two(uint16_t port)
{
	uint8_t low = in8(port);

	return (uint16_t)(low | in8(port) << 8);
}

static uint16_t read_count(unsigned counter)
{
	out8(0x43, (uint8_t)(counter << 6));
	return read_two((uint16_t)(0x40 + counter));
}

static bool out2(void)
{
	return in8(0x61) & 0x20;
}

static uint8_t status(unsigned counter)
{
	out8(0x43, (uint8_t)(0xe0 | 2 << counter));
	return in8((uint16_t)(0x40 + counter));
}

/* "Mode 0": OUT goes high "N + 1 CLK pulses after the initial count is written". */
static void test_mode0(void **state)
{
	go(100);
	program(0, 0, 4);
	assert_false(fixture_level(OUT0));
	assert_true(fixture_next_deadline() == at(105));
	go(104);
	assert_int_equal(read_count(0), 1);
	assert_false(fixture_level(OUT0));
	go(105);
	assert_true(fixture_level(OUT0));
	assert_int_equal(read_count(0), 0);
	/* It counts on past zero, and nothing is armed any more. */
	go(106);
	assert_int_equal(read_count(0), 0xffff);
	assert_true(fixture_next_deadline() == UINT64_MAX);
	/* The first byte of a new count takes OUT low at once and stops counting. */
	out8(0x40, 3);
	assert_false(fixture_level(OUT0));
	assert_true(fixture_next_deadline() == UINT64_MAX);
	out8(0x40, 0);
	assert_true(fixture_next_deadline() == at(106 + 1 + 3));
}

/* "Mode 0": "GATE = 1 enables counting; GATE = 0 disables counting". Counter 2, gate at 61h. */
static void test_mode0_gate(void **state)
{
	out8(0x61, 0x01);
	program(2, 0, 10);
	go(4); /* loaded at 1, three counted */
	assert_int_equal(read_count(2), 7);
	out8(0x61, 0x00);
	go(50);
	assert_int_equal(read_count(2), 7);
	assert_false(out2());
	out8(0x61, 0x01);
	go(56);
	assert_false(out2());
	go(57);
	assert_true(out2());
	/* A count written while the gate is low is loaded all the same. */
	out8(0x61, 0x00);
	program(2, 0, 5);
	go(70);
	assert_int_equal(read_count(2), 5);
	assert_false(out2());
}

/* "Mode 1": a pulse of N ticks from each trigger; a retrigger makes it longer. */
static void test_mode1(void **state)
{
	program(2, 1, 5);
	assert_true(out2());
	go(20);
	assert_true(out2());
	out8(0x61, 0x01);
	assert_true(out2());
	go(21);
	assert_false(out2());
	assert_int_equal(read_count(2), 5);
	go(23);
	out8(0x61, 0x00); /* "GATE has no effect on OUT" */
	assert_false(out2());
	out8(0x61, 0x01);
	assert_false(out2());
	go(28);
	assert_false(out2());
	/* "a new count ... the current one-shot is not affected unless ... retriggered" */
	out8(0x42, 2);
	out8(0x42, 0);
	go(29);
	assert_true(out2());
	out8(0x61, 0x00);
	out8(0x61, 0x01);
	go(31);
	assert_false(out2());
	go(32);
	assert_true(out2());
}

/* "Mode 2": low for one CLK pulse when the count reaches 1, then reloaded. */
static void test_mode2(void **state)
{
	program(0, 2, 3);
	assert_true(fixture_level(OUT0));
	go(1);
	assert_int_equal(read_count(0), 3);
	go(3);
	assert_int_equal(read_count(0), 1);
	assert_false(fixture_level(OUT0));
	go(4);
	assert_int_equal(read_count(0), 3);
	assert_true(fixture_level(OUT0));
	assert_true(fixture_rise_time(OUT0) == at(4));
	/* "Writing a new count while counting does not affect the current counting sequence." */
	go(5);
	out8(0x40, 5);
	out8(0x40, 0);
	assert_int_equal(status(0) & 0x40, 0x40);
	go(7);
	assert_true(fixture_rise_time(OUT0) == at(7));
	assert_int_equal(status(0) & 0x40, 0x00);
	go(11);
	assert_false(fixture_level(OUT0));
	assert_true(fixture_fall_time(OUT0) == at(11));
	go(12);
	assert_true(fixture_rise_time(OUT0) == at(12));
}

/* "Mode 2": "If GATE goes low during an output pulse, OUT is set high immediately"; a trigger
 * reloads. */
static void test_mode2_gate(void **state)
{
	out8(0x61, 0x01);
	program(2, 2, 4);
	go(4);
	assert_false(out2());
	out8(0x61, 0x00);
	assert_true(out2());
	go(40);
	assert_true(out2());
	out8(0x61, 0x01);
	go(41);
	assert_int_equal(read_count(2), 4);
	go(43);
	assert_true(out2());
	go(44);
	assert_false(out2());
}

/* "Mode 3", even: half high, half low, counting by two. */
static void test_mode3_even(void **state)
{
	program(0, 3, 4);
	go(1);
	assert_int_equal(read_count(0), 4);
	go(2);
	assert_int_equal(read_count(0), 2);
	assert_true(fixture_level(OUT0));
	go(3);
	assert_int_equal(read_count(0), 4);
	assert_false(fixture_level(OUT0));
	go(5);
	assert_true(fixture_level(OUT0));
	go(1 + 4 * 10);
	assert_int_equal(fixture_rises(OUT0), 1 + 10);
}

/* "Mode 3", odd: "OUT will be high for (N + 1)/2 counts and low for (N - 1)/2 counts". */
static void test_mode3_odd(void **state)
{
	static const struct {
		uint8_t count;
		bool out;
	} shows[] = {{4, 1}, {2, 1}, {0, 1}, {4, 0}, {2, 0}, {4, 1}, {2, 1}, {0, 1}, {4, 0}};

	program(0, 3, 5);
	for (unsigned i = 0; i < sizeof(shows) / sizeof(shows[0]); i++) {
		go(1 + i);
		assert_int_equal(read_count(0), shows[i].count);
		assert_int_equal(fixture_level(OUT0), shows[i].out);
	}
}

/* "Mode 3": a new count "will be loaded at the end of the current half-cycle". */
static void test_mode3_new_count(void **state)
{
	program(0, 3, 8);
	go(2);
	out8(0x40, 4);
	out8(0x40, 0);
	go(5); /* high half of 8 ends; now the low half of 4 */
	assert_true(fixture_fall_time(OUT0) == at(5));
	go(7);
	assert_true(fixture_rise_time(OUT0) == at(7));
	go(9);
	assert_true(fixture_fall_time(OUT0) == at(9));
}

/* "Mode 4": OUT low for one CLK pulse, "N + 1 CLK pulses after the initial count is written". */
static void test_mode4(void **state)
{
	go(10);
	program(0, 4, 3);
	assert_true(fixture_level(OUT0));
	go(13);
	assert_true(fixture_level(OUT0));
	go(14);
	assert_false(fixture_level(OUT0));
	go(15);
	assert_true(fixture_level(OUT0));
	assert_int_equal(read_count(0), 0xffff);
	assert_true(fixture_next_deadline() == UINT64_MAX);
}

/* "Mode 4": "GATE = 0 disables counting. GATE has no effect on OUT." */
static void test_mode4_gate(void **state)
{
	out8(0x61, 0x01);
	program(2, 4, 3);
	go(2);
	out8(0x61, 0x00);
	go(20);
	assert_true(out2());
	out8(0x61, 0x01);
	go(22);
	assert_false(out2());
	out8(0x61, 0x00);
	go(23);
	assert_true(out2());
	out8(0x61, 0x01);
	go(24);
	assert_true(out2());
}

/* "Mode 5": the same from a rise of the gate; "retriggerable". */
static void test_mode5(void **state)
{
	program(2, 5, 3);
	go(10);
	out8(0x61, 0x01);
	go(12);
	out8(0x61, 0x00);
	out8(0x61, 0x01);
	go(14);
	assert_true(out2());
	go(16);
	assert_false(out2());
	go(17);
	assert_true(out2());
}

/* "Counter Latch Command": held until read, a second one is ignored. */
static void test_latch(void **state)
{
	program(0, 2, 1000);
	go(11);
	out8(0x43, 0x00);
	go(21);
	out8(0x43, 0x00);
	go(31);
	assert_int_equal(read_two(0x40), 1000 - 10);
	assert_int_equal(read_two(0x40), 1000 - 30);
}

/* "Read-Back Command": status before count, several counters at once; NULL COUNT until loaded. */
static void test_read_back(void **state)
{
	program(0, 2, 0x1234);
	program(2, 3, 0x0600);
	assert_int_equal(status(0), 0x80 | 0x40 | 0x30 | 2 << 1);
	program(1, 7, 100); /* mode 3; the status has it "exactly as written" */
	assert_int_equal(status(1) & 0x3f, 0x30 | 7 << 1);
	program(1, 3, 100);
	assert_int_equal(status(1) & 0x3f, 0x30 | 3 << 1);
	go(2);
	out8(0x43, 0xc0 | 0x02 | 0x08); /* counters 0 and 2, count and status */
	go(9);
	assert_int_equal(in8(0x40), 0x80 | 0x30 | 2 << 1);
	assert_int_equal(in8(0x40), 0x33);
	assert_int_equal(in8(0x40), 0x12);
	assert_int_equal(in8(0x42), 0x80 | 0x30 | 3 << 1);
	assert_int_equal(read_two(0x42), 0x0600);
}

/* "Control Word Format": one byte only, and which; the other one of the count is zero. */
static void test_access(void **state)
{
	out8(0x43, 0x14); /* counter 0, low byte, mode 2 */
	out8(0x40, 200);
	go(1);
	assert_int_equal(in8(0x40), 200);
	assert_int_equal(in8(0x40), 200);
	out8(0x43, 0x24); /* high byte */
	out8(0x40, 2);
	go(2);
	assert_int_equal(in8(0x40), 2);
	go(3);
	assert_int_equal(in8(0x40), 1);
	assert_int_equal(in8(0x43), 0xff);
}

/* BCD: four decades, 0 is 10000, and below zero comes 9999. */
static void test_bcd(void **state)
{
	out8(0x43, 0x31); /* mode 0, BCD */
	out8(0x40, 0x00);
	out8(0x40, 0x10);
	go(2);
	assert_int_equal(read_count(0), 0x0999);
	go(1 + 1000);
	assert_true(fixture_level(OUT0));
	go(1 + 1001);
	assert_int_equal(read_count(0), 0x9999);
	out8(0x43, 0x35); /* mode 2 */
	out8(0x40, 0x00);
	out8(0x40, 0x00);
	go(1002 + 1 + 10000);
	assert_true(fixture_rise_time(OUT0) == at(1002 + 1 + 10000));
}

/* A count of zero is 65536, the 18.2 Hz of every PC. */
static void test_zero_is_65536(void **state)
{
	program(0, 3, 0);
	go(1 + 65536);
	assert_true(fixture_rise_time(OUT0) == at(1 + 65536));
	assert_true(fixture_fall_time(OUT0) == at(1 + 32768));
	assert_int_equal(read_count(0), 0);
}

/* Counts of 1 in periodic modes are illegal or no wave: they must not storm. */
static void test_count_of_one(void **state)
{
	program(0, 2, 1);
	go(1000);
	assert_true(fixture_next_deadline() == UINT64_MAX);
	program(0, 3, 1);
	go(2000);
	assert_true(fixture_next_deadline() == UINT64_MAX);
	assert_true(fixture_level(OUT0));
}

/* Port 61h: bits 0-3 read back, bit 4 toggles with each refresh, 15.085 us apart. */
static void test_port61(void **state)
{
	unsigned toggles = 0;
	uint8_t last = in8(0x61) & 0x10;

	out8(0x61, 0xff);
	assert_int_equal(in8(0x61) & 0xcf, 0x0f);
	out8(0x61, 0x00);
	for (unsigned us = 0; us < 15086; us++) {
		uint8_t now;

		fixture_advance(1000);
		now = in8(0x61) & 0x10;
		toggles += now != last;
		last = now;
	}
	assert_int_equal(toggles, 1000);
}

/* Nothing is armed unless counter 0 has an edge to come. */
static void test_armed_only_when_needed(void **state)
{
	assert_true(fixture_next_deadline() == UINT64_MAX);
	out8(0x61, 0x01);
	program(1, 2, 18);
	program(2, 3, 100);
	assert_true(fixture_next_deadline() == UINT64_MAX);
	program(0, 2, 100);
	assert_true(fixture_next_deadline() == at(100));
	out8(0x43, 0x30);
	assert_true(fixture_next_deadline() == UINT64_MAX);
}

/*
 * A million periods of mode 2, checked one by one: period k ends at pulse 1 + k * N of the clock,
 * rounded up to whole nanoseconds. Adding rounded periods would be 0.3 ms off at the end.
 */
static void test_no_drift(void **state)
{
	const uint64_t count = 11932; /* 100 Hz, nearly */

	program(0, 2, count);
	for (uint64_t k = 1; k <= 1000000; k++) {
		unsigned __int128 pulses = 1 + k * count;
		uint64_t exact = (uint64_t)((pulses * 1000000000 + HZ - 1) / HZ);

		fixture_advance_to(exact - 1);
		assert_false(fixture_level(OUT0));
		fixture_advance_to(exact);
		assert_true(fixture_level(OUT0));
	}
	assert_int_equal(fixture_rises(OUT0), 1 + 1000000);
}

/* The state is a function of virtual time alone: one leap and many steps leave the same bytes. */
static void test_steps_do_not_matter(void **state)
{
	uint8_t leap[256];
	unsigned rises;
	size_t size = i8254_class.state_size;
	const uint64_t end = 20000000;

	assert_true(size <= sizeof(leap));
	program(0, 3, 1001);
	out8(0x61, 0x01);
	program(2, 2, 333);
	fixture_advance_to(end);
	in8(0x61);
	memcpy(leap, device_state(pit), size);
	rises = fixture_rises(OUT0);

	setup(state);
	program(0, 3, 1001);
	out8(0x61, 0x01);
	program(2, 2, 333);
	for (uint64_t t = 0; t < end; t += 1237) {
		fixture_advance_to(t);
		in8(0x61);
	}
	fixture_advance_to(end);
	in8(0x61);
	assert_memory_equal(leap, device_state(pit), size);
	assert_int_equal(fixture_rises(OUT0), rises);
}

static void test_random_use(void **state)
{
	static const uint16_t ports[] = {0x40, 0x41, 0x42, 0x43, 0x43, 0x61};

	fixture_random_use(pit, ports, sizeof(ports) / sizeof(ports[0]), 200000, 20000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_mode0, setup),
	    cmocka_unit_test_setup(test_mode0_gate, setup),
	    cmocka_unit_test_setup(test_mode1, setup),
	    cmocka_unit_test_setup(test_mode2, setup),
	    cmocka_unit_test_setup(test_mode2_gate, setup),
	    cmocka_unit_test_setup(test_mode3_even, setup),
	    cmocka_unit_test_setup(test_mode3_odd, setup),
	    cmocka_unit_test_setup(test_mode3_new_count, setup),
	    cmocka_unit_test_setup(test_mode4, setup),
	    cmocka_unit_test_setup(test_mode4_gate, setup),
	    cmocka_unit_test_setup(test_mode5, setup),
	    cmocka_unit_test_setup(test_latch, setup),
	    cmocka_unit_test_setup(test_read_back, setup),
	    cmocka_unit_test_setup(test_access, setup),
	    cmocka_unit_test_setup(test_bcd, setup),
	    cmocka_unit_test_setup(test_zero_is_65536, setup),
	    cmocka_unit_test_setup(test_count_of_one, setup),
	    cmocka_unit_test_setup(test_port61, setup),
	    cmocka_unit_test_setup(test_armed_only_when_needed, setup),
	    cmocka_unit_test_setup(test_no_drift, setup),
	    cmocka_unit_test_setup(test_steps_do_not_matter, setup),
	    cmocka_unit_test_setup(test_random_use, setup),
	};

	return cmocka_run_group_tests_name("device/i8254", tests, NULL, NULL);
}
