/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs of RAM: what a page walk may take for granted about the addresses around one. Accesses of
 * which only some bytes are somebody's.
 */
#include "emulator/bus/bus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define KIB 1024ull

static const struct region_ops no_ops = {.max_size = 4};
static struct bus *bus;

/* RAM to 640 KiB, a segment of RAM with ROM behind it, RAM from 1 MiB with a device in it. */
static int setup(void **state)
{
	struct error e;

	bus = calloc(1, sizeof(*bus));
	if (!bus || bus_add_slot(bus, 0, 640 * KIB, 0, false, &e) ||
	    bus_add_slot(bus, 896 * KIB, 64 * KIB, 896 * KIB, false, &e) ||
	    bus_add_slot(bus, 1024 * KIB, 1024 * KIB, 1024 * KIB, false, &e) ||
	    bus_add_memory(bus, NULL, 1280 * KIB, 4 * KIB, &no_ops, "device", &e))
		return -1;
	bus_set_behind(bus, 896 * KIB, 4096 * KIB);
	return 0;
}

static int teardown(void **state)
{
	free(bus);
	return 0;
}

static void expect_run(uint64_t gpa, uint64_t first, uint64_t end, uint64_t ram_offset)
{
	struct ram_run run;

	assert_true(bus_find_run(bus, gpa, &run));
	assert_int_equal(run.gpa, first);
	assert_int_equal(run.size, end - first);
	assert_int_equal(run.ram_offset, ram_offset);
	assert_true(run.writable);
}

static void test_run_of_slot(void **state)
{
	struct ram_run run;

	expect_run(4 * KIB, 0, 640 * KIB, 0);
	assert_false(bus_find_run(bus, 640 * KIB, &run));
	assert_false(bus_find_run(bus, 2048 * KIB, &run));
}

static void test_device_cuts(void **state)
{
	struct ram_run run;

	expect_run(1024 * KIB, 1024 * KIB, 1280 * KIB, 1024 * KIB);
	assert_false(bus_find_run(bus, 1280 * KIB, &run));
	expect_run(1284 * KIB, 1284 * KIB, 2048 * KIB, 1284 * KIB);
}

/* What is read in one place and written in another is ROM: a write has to exit. */
static void test_views(void **state)
{
	struct slot *s = &bus->slot[1];
	struct ram_run run;

	expect_run(900 * KIB, 896 * KIB, 960 * KIB, 896 * KIB);
	s->view = SLOT_READ;
	assert_true(bus_find_run(bus, 900 * KIB, &run));
	assert_int_equal(run.ram_offset, 896 * KIB);
	assert_false(run.writable);
	s->view = SLOT_WRITE;
	assert_true(bus_find_run(bus, 900 * KIB, &run));
	assert_int_equal(run.ram_offset, 4096 * KIB);
	assert_false(run.writable);
	s->behind = SLOT_NOTHING;
	assert_false(bus_find_run(bus, 900 * KIB, &run));
	s->view = SLOT_READ_WRITE;
	s->exits = true;
	assert_false(bus_find_run(bus, 900 * KIB, &run));
}

/* ---- accesses ---- */

static uint64_t written;

static uint64_t low_read(struct device *d, uint64_t offset, unsigned size)
{
	return 0x10 + offset;
}

static void low_write(struct device *d, uint64_t offset, uint64_t value, unsigned size)
{
	written = written << 8 | value;
}

static const struct region_ops byte_ops = {.max_size = 1, .read = low_read, .write = low_write};

/* Two bytes, a gap with a window in it that comes and goes, and one more byte. */
static void test_gaps(void **state)
{
	struct window *w;

	assert_int_equal(bus_add_memory(bus, NULL, 0x80000000, 2, &byte_ops, "two", NULL), 0);
	assert_int_equal(bus_add_memory(bus, NULL, 0x80000006, 1, &byte_ops, "one", NULL), 0);
	w = bus_add_window(bus, NULL, false, &byte_ops, "window", NULL);
	assert_non_null(w);
	w->region.base = 0x80000004;
	w->region.size = 1;
	assert_true(bus_memory_read(bus, 0x80000000, 8) == 0xff10ffffffff1110);
	assert_true(bus_memory_read(bus, 0x7ffffffd, 8) == 0xffffff1110ffffff);
	w->on = true;
	assert_true(bus_memory_read(bus, 0x80000000, 8) == 0xff10ff10ffff1110);
	assert_true(bus_memory_read(bus, 0x80000002, 4) == 0xff10ffff);
	assert_true(bus_memory_read(bus, 0x80000007, 8) == UINT64_MAX);
	assert_true(bus_memory_read(bus, UINT64_MAX - 3, 8) == UINT64_MAX);
	written = 0;
	bus_memory_write(bus, 0x80000000, 8, 0x0807060504030201);
	assert_true(written == 0x01020507);
	/* The last byte before a slot's end and the first behind it are nobody's, what comes is. */
	bus->slot[2].size = 512 * KIB;
	assert_int_equal(bus_add_memory(bus, NULL, 1536 * KIB + 2, 1, &byte_ops, "edge", NULL), 0);
	assert_int_equal(bus_memory_read(bus, 1536 * KIB - 2, 8), 0xffffff10ffffffff);
}

/* As bytes one by one, at every offset, with regions and windows anywhere. */
static void test_gaps_by_bytes(void **state)
{
	for (uint64_t base = 0x9000; base < 0x9100; base += 7 + base % 5)
		assert_int_equal(bus_add_memory(bus, NULL, 0x80000000 + base, 1 + base % 3,
						&byte_ops, "few", NULL),
				 0);
	for (uint64_t gpa = 0x80008ff8; gpa < 0x80009100; gpa++) {
		for (unsigned size = 1; size <= 8; size++) {
			uint64_t value = 0;

			for (unsigned i = 0; i < size; i++)
				value |= bus_memory_read(bus, gpa + i, 1) << 8 * i;
			assert_true(bus_memory_read(bus, gpa, size) == value);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_run_of_slot, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_device_cuts, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_views, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_gaps, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_gaps_by_bytes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
