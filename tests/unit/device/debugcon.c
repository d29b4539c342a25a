/* SPDX-License-Identifier: Apache-2.0 */
/* debugcon: as Bochs and QEMU have it (reads E9h; SeaBIOS expects it at 402h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/device/device_fixture.h"

extern const struct device_class debugcon_class;

static int setup(void **state)
{
	fixture_open();
	return 0;
}

static void test_debugcon(void **state)
{
	struct device *d = fixture_device(&debugcon_class);
	size_t size;

	d->channel = 1;
	fixture_realize(d);
	assert_int_equal(in8(0x402), 0xe9);
	out8(0x402, 'o');
	out8(0x402, 'k');
	assert_string_equal(fixture_output(1, &size), "ok");
	assert_int_equal(size, 2);
}

static void test_debugcon_iobase(void **state)
{
	struct device *d = fixture_device(&debugcon_class);

	d->property[0] = 0xe9;
	fixture_realize(d);
	assert_int_equal(in8(0xe9), 0xe9);
	assert_int_equal(in8(0x402), 0xff);
	out8(0xe9, 'x'); /* no channel: goes nowhere */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_debugcon, setup),
	    cmocka_unit_test_setup(test_debugcon_iobase, setup),
	};

	return cmocka_run_group_tests_name("device/debugcon", tests, NULL, NULL);
}
