/* SPDX-License-Identifier: Apache-2.0 */
/* port80: the latch holds what was written (IBM PC AT Technical Reference, DMA page registers). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/device/device_fixture.h"

extern const struct device_class port80_class;

static int setup(void **state)
{
	fixture_open();
	return 0;
}

static void test_latch(void **state)
{
	struct device *d = fixture_add(&port80_class);

	assert_int_equal(in8(0x80), 0x00);
	out8(0x80, 0xab);
	assert_int_equal(in8(0x80), 0xab);
	assert_int_equal(in8(0x81), 0xff);
	port80_class.reset(d);
	assert_int_equal(in8(0x80), 0x00);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_latch, setup),
	};

	return cmocka_run_group_tests_name("device/port80", tests, NULL, NULL);
}
