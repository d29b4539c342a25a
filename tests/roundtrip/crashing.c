/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes a vcr whose devices crash: the linker's --wrap puts this before the machine's own write of
 * a port. For the tests of what works on findings (fuzzing.py).
 */
#include <stdlib.h>

#include "emulator/bus/bus.h"

void __real_bus_port_write(struct bus *b, uint16_t port, unsigned size, uint64_t value);
void __wrap_bus_port_write(struct bus *b, uint16_t port, unsigned size, uint64_t value);

/* Two ways to the same end, with a stack each. */
__attribute__((noinline)) static void crash_by_value(void)
{
	abort();
}

__attribute__((noinline)) static void crash_by_sequence(void)
{
	abort();
}

void __wrap_bus_port_write(struct bus *b, uint16_t port, unsigned size, uint64_t value)
{
	static uint64_t before;

	if (port == 0x43 && value == 0xde)
		crash_by_value();
	if (port == 0x40 && value == 0x22 && before == 0x11)
		crash_by_sequence();
	while (port == 0x43 && value == 0xdd)
		;
	if (port == 0x40)
		before = value;
	__real_bus_port_write(b, port, size, value);
}
