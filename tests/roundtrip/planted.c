/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes a vcr that has one defect: the linker's --wrap puts this between the machine and its
 * devices. It is in what a port or an address of memory answers, or in what a device gets there:
 *
 *	VCR_PLANTED="out 0x20 0xff 0x0b 0x01"
 *
 * an access (in, out, read, write), where, which bits of the value have to be what, and those that
 * are inverted then. Without it, one bit of what the real-time clock answers is wrong.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/bus/bus.h"

uint64_t __real_bus_port_read(struct bus *b, uint16_t port, unsigned size);
uint64_t __wrap_bus_port_read(struct bus *b, uint16_t port, unsigned size);
void __real_bus_port_write(struct bus *b, uint16_t port, unsigned size, uint64_t value);
void __wrap_bus_port_write(struct bus *b, uint16_t port, unsigned size, uint64_t value);
uint64_t __real_bus_memory_read(struct bus *b, uint64_t gpa, unsigned size);
uint64_t __wrap_bus_memory_read(struct bus *b, uint64_t gpa, unsigned size);
void __real_bus_memory_write(struct bus *b, uint64_t gpa, unsigned size, uint64_t value);
void __wrap_bus_memory_write(struct bus *b, uint64_t gpa, unsigned size, uint64_t value);

static struct {
	char access[8];
	uint64_t address, mask, value, inverted;
} defect;

static uint64_t planted(const char *access, uint64_t address, uint64_t value)
{
	if (!defect.access[0]) {
		const char *text = getenv("VCR_PLANTED");

		if (sscanf(text ? text : "in 0x71 0 0 0x40",
			   "%7s %" SCNi64 " %" SCNi64 " %" SCNi64 " %" SCNi64, defect.access,
			   (int64_t *)&defect.address, (int64_t *)&defect.mask,
			   (int64_t *)&defect.value, (int64_t *)&defect.inverted) != 5) {
			fprintf(stderr, "VCR_PLANTED: '%s' is no defect\n", text);
			abort();
		}
	}
	if (strcmp(access, defect.access) != 0 || address != defect.address ||
	    (value & defect.mask) != defect.value)
		return value;
	return value ^ defect.inverted;
}

uint64_t __wrap_bus_port_read(struct bus *b, uint16_t port, unsigned size)
{
	return planted("in", port, __real_bus_port_read(b, port, size));
}

void __wrap_bus_port_write(struct bus *b, uint16_t port, unsigned size, uint64_t value)
{
	__real_bus_port_write(b, port, size, planted("out", port, value));
}

uint64_t __wrap_bus_memory_read(struct bus *b, uint64_t gpa, unsigned size)
{
	return planted("read", gpa, __real_bus_memory_read(b, gpa, size));
}

void __wrap_bus_memory_write(struct bus *b, uint64_t gpa, unsigned size, uint64_t value)
{
	__real_bus_memory_write(b, gpa, size, planted("write", gpa, value));
}
