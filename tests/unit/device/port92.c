/* SPDX-License-Identifier: Apache-2.0 */
/* port92: IBM PS/2 Hardware Interface Technical Reference, "System Control Port A". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/device/device_fixture.h"

extern const struct device_class port92_class;

static int setup(void **state)
{
	fixture_open();
	return 0;
}

static void test_port92_a20(void **state)
{
	fixture_add(&port92_class);
	assert_int_equal(in8(0x92), 0x02);
	out8(0x92, 0x00);
	assert_false(fixture_a20());
	assert_int_equal(in8(0x92), 0x00);
	out8(0x92, 0x02);
	assert_true(fixture_a20());
	assert_int_equal(fixture_resets(), 0);
}

/* The alternate reset acts on a change of bit 0 from 0 to 1. */
static void test_port92_reset(void **state)
{
	fixture_add(&port92_class);
	out8(0x92, 0x03);
	assert_int_equal(fixture_resets(), 1);
	out8(0x92, 0x03);
	assert_int_equal(fixture_resets(), 1);
	out8(0x92, 0x02);
	out8(0x92, 0x03);
	assert_int_equal(fixture_resets(), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_port92_a20, setup),
	    cmocka_unit_test_setup(test_port92_reset, setup),
	};

	return cmocka_run_group_tests_name("device/port92", tests, NULL, NULL);
}
