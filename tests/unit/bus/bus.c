/* SPDX-License-Identifier: Apache-2.0 */
/* Runs of RAM: what a page walk may take for granted about the addresses around one. */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_run_of_slot, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_device_cuts, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_views, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
