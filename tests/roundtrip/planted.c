/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes a vcr that has one defect: the linker's --wrap puts this before the machine's own read of a
 * port, and one bit of what the real-time clock answers is wrong. For the test of vcr compare.
 */
#include "emulator/bus/bus.h"

uint64_t __real_bus_port_read(struct bus *b, uint16_t port, unsigned size);
uint64_t __wrap_bus_port_read(struct bus *b, uint16_t port, unsigned size);

uint64_t __wrap_bus_port_read(struct bus *b, uint16_t port, unsigned size)
{
	return __real_bus_port_read(b, port, size) ^ (port == 0x71 ? 0x40u : 0);
}
