/* SPDX-License-Identifier: Apache-2.0 */
/* Flat firmware: it ends at 4 GiB, where the reset vector is (Intel SDM vol. 3A 9.1.4). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/loader/loader_fixture.h"

static struct fixture f;
static uint8_t bytes[0x40000];

static int setup(void **state)
{
	fixture_open(&f, 2 * MEMORY_MIB);
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i >> 8) ^ (uint8_t)i;
	return 0;
}

static int teardown(void **state)
{
	fixture_close(&f);
	return 0;
}

static struct image firmware(size_t size)
{
	static char name[] = "bios";

	return (struct image){IMAGE_BIOS, name, bytes, size};
}

static void test_128k(void **state)
{
	struct image bios = firmware(0x20000);

	assert_int_equal(flat_load(&f.m, &bios, &f.error), 0);
	assert_memory_equal(fixture_at(&f, 0xfffe0000, 0x20000), bytes, 0x20000);
	assert_false(f.entered); /* the vCPU stays at the reset vector */
}

static void test_sizes(void **state)
{
	static const size_t bad[] = {0, 1, 0xffff, 0x10001, 0x1010000};
	static const size_t good[] = {0x10000, 0x30000, 0x1000000};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct image bios = firmware(bad[i]);

		assert_int_equal(flat_check(&bios, &f.error), -1);
		assert_int_equal(f.error.kind, ERROR_USAGE);
		assert_non_null(strstr(f.error.text, "64 KiB"));
		assert_int_equal(flat_load(&f.m, &bios, &f.error), -1);
	}
	for (unsigned i = 0; i < sizeof(good) / sizeof(*good); i++) {
		struct image bios = firmware(good[i]);

		assert_int_equal(flat_check(&bios, &f.error), 0);
	}
}

/* More than the board has ROM for. */
static void test_no_room(void **state)
{
	struct image bios = firmware(0x40000);

	assert_int_equal(flat_load(&f.m, &bios, &f.error), -1);
	assert_int_equal(f.error.kind, ERROR_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_128k, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_sizes, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_no_room, setup, teardown),
	};

	return cmocka_run_group_tests_name("loader/flat", tests, NULL, NULL);
}
