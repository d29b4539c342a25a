/* SPDX-License-Identifier: Apache-2.0 */
/* mc146818: section names are from the Motorola MC146818A data sheet (ADI-1023). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "emulator/device/mc146818.h"
#include "tests/unit/device/device_fixture.h"

enum { IRQ = 0 };
enum { A = 0x0a, B = 0x0b, C = 0x0c, D = 0x0d, CENTURY = 0x32 };
enum { SET = 0x80, PIE = 0x40, AIE = 0x20, UIE = 0x10, BINARY = 0x04, H24 = 0x02 };

#define SECOND 1000000000ull
/* 2024-02-28 23:59:58 UTC, a Wednesday, and a quarter of a second. */
#define LEAP_EVE (1709164798 * (int64_t)SECOND + (int64_t)SECOND / 4)

static const struct mc146818_config config = {.ram_size = 128 << 20};
static struct device *rtc;

static int setup(void **state)
{
	fixture_open();
	fixture_set_wall_clock(LEAP_EVE);
	rtc = fixture_device(&mc146818_class);
	rtc->data = &config;
	rtc->out[0] = fixture_line(IRQ);
	fixture_realize(rtc);
	return 0;
}

static uint8_t get(uint8_t index)
{
	out8(0x70, index);
	return in8(0x71);
}

static void set(uint8_t index, uint8_t value)
{
	out8(0x70, index);
	out8(0x71, value);
}

static void assert_time(uint8_t hours, uint8_t minutes, uint8_t seconds)
{
	assert_int_equal(get(4), hours);
	assert_int_equal(get(2), minutes);
	assert_int_equal(get(0), seconds);
}

static void assert_date(uint8_t century, uint8_t year, uint8_t month, uint8_t day, uint8_t weekday)
{
	assert_int_equal(get(CENTURY), century);
	assert_int_equal(get(9), year);
	assert_int_equal(get(8), month);
	assert_int_equal(get(7), day);
	assert_int_equal(get(6), weekday);
}

/* The host is asked once, when the clock is first looked at and not for the RAM. */
static void test_date_from_host(void **state)
{
	assert_int_equal(get(D), 0x80);
	get(0x0f);
	set(0x40, 1);
	assert_int_equal(fixture_wall_clock_calls(), 0);
	fixture_advance(17 * SECOND);
	assert_time(0x23, 0x59, 0x58);
	assert_date(0x20, 0x24, 0x02, 0x28, 4);
	assert_int_equal(fixture_wall_clock_calls(), 1);
}

/* Time goes on with virtual time, from the fraction of a second that the host gave. */
static void test_advance(void **state)
{
	assert_time(0x23, 0x59, 0x58);
	fixture_advance(SECOND * 3 / 4 - 1);
	assert_time(0x23, 0x59, 0x58);
	fixture_advance(1);
	assert_time(0x23, 0x59, 0x59);
	fixture_advance(SECOND);
	assert_time(0x00, 0x00, 0x00);
	assert_date(0x20, 0x24, 0x02, 0x29, 5);
	fixture_advance(86400 * SECOND);
	assert_date(0x20, 0x24, 0x03, 0x01, 6);
	assert_true(fixture_next_deadline() == UINT64_MAX);
}

/* Calendar against known days: leap years by the Gregorian rule, and week days. */
static void test_calendar(void **state)
{
	static const struct {
		int64_t seconds;
		uint8_t century, year, month, day, weekday;
	} days[] = {
	    {0, 0x19, 0x70, 0x01, 0x01, 5},          /* Thursday */
	    {68169600, 0x19, 0x72, 0x02, 0x29, 3},   /* Tuesday */
	    {946684799, 0x19, 0x99, 0x12, 0x31, 6},  /* Friday */
	    {951782400, 0x20, 0x00, 0x02, 0x29, 3},  /* Tuesday */
	    {4107542400, 0x21, 0x00, 0x03, 0x01, 2}, /* Monday, the day after 02-28 */
	    {4107542399, 0x21, 0x00, 0x02, 0x28, 1}, /* Sunday */
	    {1767225600, 0x20, 0x26, 0x01, 0x01, 5}, /* Thursday */
	};

	for (unsigned i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
		setup(state);
		fixture_set_wall_clock(days[i].seconds * (int64_t)SECOND);
		assert_date(days[i].century, days[i].year, days[i].month, days[i].day,
			    days[i].weekday);
	}
}

/* A host clock before 1970 is 1970. */
static void test_host_before_1970(void **state)
{
	fixture_set_wall_clock(INT64_MIN);
	assert_date(0x19, 0x70, 0x01, 0x01, 5);
}

/* "Register B": DM binary or BCD, 24/12 hours with bit 7 for PM. */
static void test_formats(void **state)
{
	set(B, BINARY | H24);
	assert_time(23, 59, 58);
	assert_int_equal(get(9), 24);
	assert_int_equal(get(CENTURY), 20);
	set(B, 0);
	assert_time(0x91, 0x59, 0x58); /* 11 PM */
	fixture_advance(2 * SECOND);
	assert_time(0x12, 0x00, 0x00); /* 12 AM */
	set(B, BINARY);
	fixture_advance(12 * 3600 * SECOND);
	assert_time(0x8c, 0, 0); /* 12 PM */
	fixture_advance(3600 * SECOND);
	assert_time(0x81, 0, 0);
}

/* "Register B", SET: the update is aborted and a program may set the time. */
static void test_set_time(void **state)
{
	set(B, SET | H24);
	fixture_advance(10 * SECOND);
	assert_time(0x23, 0x59, 0x58);
	set(4, 0x12);
	set(2, 0x34);
	set(0, 0x56);
	set(7, 0x31);
	set(8, 0x12);
	set(9, 0x99);
	set(CENTURY, 0x19);
	assert_time(0x12, 0x34, 0x56);
	set(B, H24);
	assert_time(0x12, 0x34, 0x56);
	assert_date(0x19, 0x99, 0x12, 0x31, 6);
	/* The divider went on: three quarters of a second to the next update. */
	fixture_advance(SECOND * 3 / 4);
	assert_time(0x12, 0x34, 0x57);
	assert_int_equal(fixture_wall_clock_calls(), 1);
}

/* 12-hour and binary values are taken as they are given. */
static void test_set_time_12h(void **state)
{
	set(B, SET | BINARY);
	set(4, 0x80 | 12);
	set(2, 30);
	set(0, 0);
	set(B, BINARY);
	assert_time(0x80 | 12, 30, 0);
	set(B, BINARY | H24);
	assert_time(12, 30, 0);
}

/* Any bytes in the time registers make some time: no crash, and the clock goes on. */
static void test_hostile_time(void **state)
{
	for (unsigned v = 0; v < 256; v++) {
		for (unsigned format = 0; format < 8; format += 2) {
			set(B, (uint8_t)(SET | format));
			for (uint8_t i = 0; i < 10; i++)
				set(i, (uint8_t)v);
			set(CENTURY, (uint8_t)v);
			set(B, (uint8_t)format);
			fixture_advance(SECOND);
			for (uint8_t i = 0; i < 10; i++)
				get(i);
			set(8, (uint8_t)v);
			assert_true((get(8) & 0x0f) <= 12);
			set(B, AIE | H24);
			get(C);
			set(B, H24);
		}
	}
}

/* "Register A", UIP: set 244 us before the update. Divider reset: the first update comes half a
 * second after it. */
static void test_uip_and_divider(void **state)
{
	assert_int_equal(get(A), 0x26);
	fixture_advance(SECOND * 3 / 4 - 245000);
	assert_int_equal(get(A), 0x26);
	fixture_advance(2000);
	assert_int_equal(get(A), 0xa6);
	assert_int_equal(get(0), 0x58);
	fixture_advance(243000);
	assert_int_equal(get(A), 0x26);
	assert_int_equal(get(0), 0x59);

	set(A, 0x76);
	fixture_advance(100 * SECOND);
	assert_int_equal(get(0), 0x59);
	assert_int_equal(get(A), 0x76);
	set(A, 0xa6); /* UIP is read-only */
	assert_int_equal(get(A), 0x26);
	fixture_advance(SECOND / 2 - 1);
	assert_int_equal(get(0), 0x59);
	fixture_advance(1);
	assert_int_equal(get(0), 0x00);
}

/* "Register C": UF with every update, cleared by the read; UIE makes an interrupt of it. */
static void test_update_ended(void **state)
{
	get(C);
	assert_true(fixture_next_deadline() == UINT64_MAX);
	fixture_advance(SECOND);
	assert_int_equal(get(C) & UIE, UIE);
	assert_int_equal(get(C), 0x00);
	assert_int_equal(fixture_rises(IRQ), 0);
	set(B, UIE | H24);
	fixture_advance(SECOND);
	assert_true(fixture_level(IRQ));
	assert_true(fixture_rise_time(IRQ) == SECOND * 3 / 4 + SECOND);
	/* It stays until C is read, and until then no timer is needed. */
	assert_true(fixture_next_deadline() == UINT64_MAX);
	assert_int_equal(get(C) & (0x80 | UIE), 0x80 | UIE);
	assert_false(fixture_level(IRQ));
	fixture_advance(SECOND);
	assert_true(fixture_level(IRQ));
	/* "Register B", SET: clears UIE. */
	set(B, SET | UIE | H24);
	assert_int_equal(get(B), SET | H24);
	assert_false(fixture_level(IRQ));
}

/* A flag that is set already interrupts when it gets enabled (IRQF is their product). */
static void test_enable_after_flag(void **state)
{
	get(C);
	fixture_advance(2 * SECOND);
	set(B, UIE | H24);
	assert_true(fixture_level(IRQ));
	assert_int_equal(get(C) & 0x80, 0x80);
}

/* Table 5, "Periodic Interrupt Rate", at 32.768 kHz: from 122.070 us to 500 ms. */
static void test_periodic_rates(void **state)
{
	static const unsigned pulses[16] = {0,   128, 256, 4,    8,    16,   32,   64,
					    128, 256, 512, 1024, 2048, 4096, 8192, 16384};

	for (uint8_t rate = 1; rate < 16; rate++) {
		unsigned rises;

		setup(state);
		fixture_set_wall_clock(0);
		set(A, 0x20 | rate);
		set(B, PIE | H24);
		for (rises = 0; fixture_now() < 2 * SECOND; rises++) {
			uint64_t next = fixture_next_deadline();
			uint64_t exact = (rises + 1ull) * pulses[rate];

			assert_true(next == (exact * SECOND + 32767) / 32768);
			fixture_advance_to(next);
			assert_true(fixture_level(IRQ));
			assert_int_equal(get(C) & 0xc0, 0xc0);
		}
		assert_int_equal(rises, 2 * 32768 / pulses[rate]);
	}
	setup(state);
	set(A, 0x20);
	set(B, PIE | H24);
	assert_true(fixture_next_deadline() == UINT64_MAX);
}

/* "Alarm": at a time of day; the flag comes without the interrupt, too. */
static void test_alarm(void **state)
{
	set(B, H24);
	set(5, 0x06);
	set(3, 0x30);
	set(1, 0x15);
	set(B, AIE | H24);
	fixture_advance(6 * 3600 * SECOND + 30 * 60 * SECOND + 15 * SECOND + SECOND * 7 / 4 - 1);
	assert_false(fixture_level(IRQ));
	fixture_advance(1);
	assert_true(fixture_level(IRQ));
	assert_time(0x06, 0x30, 0x15);
	assert_int_equal(get(C) & (0x80 | AIE), 0x80 | AIE);
	fixture_advance(86400 * SECOND - 1);
	assert_false(fixture_level(IRQ));
	fixture_advance(1);
	assert_true(fixture_level(IRQ));
	get(C);
	set(B, H24);
	fixture_advance(2 * 86400 * SECOND);
	assert_int_equal(get(C) & (0x80 | AIE), AIE);
}

/* "Alarm", the don't-care codes C0h-FFh: once an hour, a minute, a second. */
static void test_alarm_dont_care(void **state)
{
	set(5, 0xff);
	set(3, 0xc0);
	set(1, 0x05);
	set(B, AIE | H24);
	fixture_advance(10 * SECOND);
	assert_true(fixture_level(IRQ)); /* 00:00:05 */
	get(C);
	fixture_advance(54 * SECOND);
	assert_false(fixture_level(IRQ));
	fixture_advance(3 * SECOND);
	assert_true(fixture_level(IRQ)); /* 00:01:05 */
	set(1, 0xff);
	get(C);
	for (unsigned i = 0; i < 5; i++) {
		fixture_advance(SECOND);
		assert_true(fixture_level(IRQ));
		get(C);
	}
	/* 99 is no second: never. */
	set(1, 0x99);
	get(C);
	assert_true(fixture_next_deadline() == UINT64_MAX);
}

/* "Alarm" in 12-hour mode: 12 PM is noon. */
static void test_alarm_12h(void **state)
{
	set(B, 0);
	set(5, 0x92);
	set(3, 0x00);
	set(1, 0x00);
	set(B, AIE);
	fixture_advance(12 * 3600 * SECOND);
	assert_false(fixture_level(IRQ));
	fixture_advance(2 * SECOND);
	assert_true(fixture_level(IRQ));
}

/* The RAM: 128 bytes, bit 7 of the index is not part of it; port 70h cannot be read. */
static void test_ram(void **state)
{
	for (unsigned i = 0x0e; i < 0x80; i++) {
		if (i != CENTURY && i != 0x37)
			set((uint8_t)i, (uint8_t)(i ^ 0x5a));
	}
	for (unsigned i = 0x0e; i < 0x80; i++) {
		if (i != CENTURY && i != 0x37)
			assert_int_equal(get((uint8_t)(0x80 | i)), i ^ 0x5a);
	}
	assert_int_equal(in8(0x70), 0xff);
	/* 37h is the century too; C and D are read-only. */
	assert_int_equal(get(0x37), 0x20);
	set(D, 0);
	assert_int_equal(get(D), 0x80);
}

/* IBM PC AT Technical Reference, "CMOS RAM Information": sizes, equipment and checksum. */
static void test_configuration(void **state)
{
	unsigned sum = 0;

	assert_int_equal(get(0x15) | get(0x16) << 8, 640);
	assert_int_equal(get(0x17) | get(0x18) << 8, 65535);
	assert_int_equal(get(0x30) | get(0x31) << 8, 65535);
	assert_int_equal(get(0x34) | get(0x35) << 8, (128 - 16) * 16);
	assert_int_equal(get(0x5b) | get(0x5c) << 8 | get(0x5d) << 16, 0);
	assert_int_equal(get(0x14), 0x06);
	assert_int_equal(get(0x0f), 0x00);
	for (uint8_t i = 0x10; i <= 0x2d; i++)
		sum += get(i);
	assert_int_equal(get(0x2e) << 8 | get(0x2f), sum);
}

static void configure(const struct mc146818_config *c)
{
	fixture_open();
	rtc = fixture_device(&mc146818_class);
	rtc->data = c;
	fixture_realize(rtc);
}

static void test_configuration_sizes(void **state)
{
	static const struct mc146818_config small = {.ram_size = 8 << 20};
	static const struct mc146818_config large = {.ram_size = 6ull << 30,
						     .ram_above_4g = 3ull << 30};

	configure(&small);
	assert_int_equal(get(0x17) | get(0x18) << 8, 7 * 1024);
	assert_int_equal(get(0x34) | get(0x35) << 8, 0);
	configure(&large);
	assert_int_equal(get(0x34) | get(0x35) << 8, ((3u << 10) - 16) * 16);
	assert_int_equal(get(0x5b) | get(0x5c) << 8 | get(0x5d) << 16, 3 << 14);
}

/* "RESET": clears PIE, AIE, UIE, SQWE and the flags; time, format and RAM stay. */
static void test_reset(void **state)
{
	set(B, PIE | AIE | UIE | 0x08 | BINARY | H24);
	set(0x50, 0x77);
	fixture_advance(SECOND);
	assert_true(fixture_level(IRQ));
	mc146818_class.reset(rtc);
	assert_false(fixture_level(IRQ));
	assert_true(fixture_next_deadline() == UINT64_MAX);
	assert_int_equal(get(B), BINARY | H24);
	assert_int_equal(get(C), 0x00);
	assert_int_equal(get(0x50), 0x77);
	assert_time(23, 59, 59);
	assert_int_equal(fixture_wall_clock_calls(), 1);
}

/* An interrupt a second for a day, each at its second; and a century in one leap. */
static void test_no_drift(void **state)
{
	set(B, UIE | H24);
	for (uint64_t k = 0; k < 86400; k++) {
		fixture_advance_to(fixture_next_deadline());
		assert_true(fixture_rise_time(IRQ) == k * SECOND + SECOND * 3 / 4);
		get(C);
	}
	assert_time(0x23, 0x59, 0x58);
	set(B, H24);
	fixture_advance(36525ull * 86400 * SECOND);
	assert_time(0x23, 0x59, 0x58);
	assert_date(0x21, 0x24, 0x03, 0x01, 4);
	assert_int_equal(fixture_wall_clock_calls(), 1);
}

/* The state is a function of virtual time alone, whenever somebody looks. */
static void test_steps_do_not_matter(void **state)
{
	uint8_t leap[256];
	size_t size = mc146818_class.state_size;

	assert_true(size <= sizeof(leap));
	set(A, 0x2a);
	set(B, PIE | AIE | H24);
	fixture_advance(3 * SECOND);
	get(0);
	memcpy(leap, device_state(rtc), size);

	setup(state);
	set(A, 0x2a);
	set(B, PIE | AIE | H24);
	for (unsigned i = 0; i < 3000; i++) {
		fixture_advance(SECOND / 1000);
		get(0);
	}
	assert_memory_equal(leap, device_state(rtc), size);
}

static void test_random_use(void **state)
{
	static const uint16_t ports[] = {0x70, 0x71};

	fixture_random_use(rtc, ports, sizeof(ports) / sizeof(ports[0]), 200000, 3 * SECOND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_date_from_host, setup),
	    cmocka_unit_test_setup(test_advance, setup),
	    cmocka_unit_test_setup(test_calendar, setup),
	    cmocka_unit_test_setup(test_host_before_1970, setup),
	    cmocka_unit_test_setup(test_formats, setup),
	    cmocka_unit_test_setup(test_set_time, setup),
	    cmocka_unit_test_setup(test_set_time_12h, setup),
	    cmocka_unit_test_setup(test_hostile_time, setup),
	    cmocka_unit_test_setup(test_uip_and_divider, setup),
	    cmocka_unit_test_setup(test_update_ended, setup),
	    cmocka_unit_test_setup(test_enable_after_flag, setup),
	    cmocka_unit_test_setup(test_periodic_rates, setup),
	    cmocka_unit_test_setup(test_alarm, setup),
	    cmocka_unit_test_setup(test_alarm_dont_care, setup),
	    cmocka_unit_test_setup(test_alarm_12h, setup),
	    cmocka_unit_test_setup(test_ram, setup),
	    cmocka_unit_test_setup(test_configuration, setup),
	    cmocka_unit_test_setup(test_configuration_sizes, setup),
	    cmocka_unit_test_setup(test_reset, setup),
	    cmocka_unit_test_setup(test_no_drift, setup),
	    cmocka_unit_test_setup(test_steps_do_not_matter, setup),
	    cmocka_unit_test_setup(test_random_use, setup),
	};

	return cmocka_run_group_tests_name("device/mc146818", tests, NULL, NULL);
}
