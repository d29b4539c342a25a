/* SPDX-License-Identifier: Apache-2.0 */
/* The one vCPU of a test program on system_fixture.h, and its set-up and tear-down for cmocka. */
#ifndef VCR_TEST_SYSTEM_TEST_H
#define VCR_TEST_SYSTEM_TEST_H

#include "tests/unit/cpu/system_fixture.h"

static struct cpu_fixture fixture, *const f = &fixture;

static inline int setup16(void **state)
{
	system_open(f, 16);
	return 0;
}

static inline int setup32(void **state)
{
	system_open(f, 32);
	return 0;
}

static inline int setup64(void **state)
{
	system_open(f, 64);
	return 0;
}

static inline int teardown(void **state)
{
	fixture_close(f);
	return 0;
}

#endif
