/* SPDX-License-Identifier: Apache-2.0 */
/* isa-debug-exit: properties and exit status as QEMU has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/device/device_fixture.h"

extern const struct device_class isa_debug_exit_class;

static int setup(void **state)
{
	fixture_open();
	return 0;
}

/* Status (v << 1) | 1 of which the process shows eight bits. */
static void test_debug_exit(void **state)
{
	int status = -1;

	fixture_add(&isa_debug_exit_class);
	assert_int_equal(in8(0x501), 0x00);
	assert_false(fixture_exited(NULL));
	out8(0x502, 0x10);
	assert_true(fixture_exited(&status));
	assert_int_equal(status, 0x21);
	assert_int_equal(in8(0x503), 0xff);
}

static void test_debug_exit_wide(void **state)
{
	struct device *d = fixture_device(&isa_debug_exit_class);
	int status = -1;

	d->property[0] = 0xf4;
	d->property[1] = 4;
	fixture_realize(d);
	fixture_port_write(0xf4, 4, 0);
	assert_true(fixture_exited(&status));
	assert_int_equal(status, 1);
	fixture_port_write(0xf4, 4, 0xdeadbeff);
	fixture_exited(&status);
	assert_int_equal(status, 0xff);
}

static void test_debug_exit_out_of_ports(void **state)
{
	struct device *d = fixture_device(&isa_debug_exit_class);
	struct error e = {0};

	d->property[0] = 0xffff;
	d->property[1] = 2;
	assert_int_equal(isa_debug_exit_class.realize(d, &e), -1);
	assert_int_equal(e.kind, ERROR_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_debug_exit, setup),
	    cmocka_unit_test_setup(test_debug_exit_wide, setup),
	    cmocka_unit_test_setup(test_debug_exit_out_of_ports, setup),
	};

	return cmocka_run_group_tests_name("device/isa_debug_exit", tests, NULL, NULL);
}
