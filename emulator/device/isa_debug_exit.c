/* SPDX-License-Identifier: Apache-2.0 */
/*
 * isa-debug-exit, by which a test guest ends its session and says how it went: writing v makes
 * the exit status (v << 1) | 1, as QEMU's device of that name has it. The status is never 0,
 * and the host's shell sees its low eight bits.
 */
#include "emulator/device/device.h"

extern const struct device_class isa_debug_exit_class;

enum { PROPERTY_IOBASE, PROPERTY_IOSIZE };

static uint64_t debug_exit_read(struct device *d, uint64_t offset, unsigned size)
{
	return 0;
}

static void debug_exit_write(struct device *d, uint64_t offset, uint64_t value, unsigned size)
{
	device_request_exit(d, (int)((value << 1 | 1) & 0xff));
}

static const struct region_ops debug_exit_ops = {
    .read = debug_exit_read,
    .write = debug_exit_write,
    .max_size = 4,
};

static int debug_exit_realize(struct device *d, struct error *e)
{
	uint64_t base = d->property[PROPERTY_IOBASE];
	uint64_t size = d->property[PROPERTY_IOSIZE];

	return device_add_ports(d, (uint16_t)base, (unsigned)size, &debug_exit_ops, "debug-exit",
				e);
}

static const struct device_property debug_exit_properties[] = {
    [PROPERTY_IOBASE] = {"iobase", 0x501, 0, 0xffff, "its first port"},
    [PROPERTY_IOSIZE] = {"iosize", 2, 1, 16, "how many ports"},
    {NULL, 0, 0, 0, NULL},
};

const struct device_class isa_debug_exit_class = {
    .name = "isa-debug-exit",
    .description = "ends the session with an exit status of the guest's choice",
    .user = true,
    .properties = debug_exit_properties,
    .realize = debug_exit_realize,
};
