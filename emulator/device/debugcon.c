/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The debug console that emulators since Bochs offer to firmware: a byte written to its port
 * appears on a character channel, and E9h read from it tells that it is there. SeaBIOS and
 * OVMF look for it at port 402h. It has no state and no way to be busy.
 */
#include "emulator/device/device.h"

extern const struct device_class debugcon_class;

#define DEBUGCON_PRESENT 0xe9

enum { PROPERTY_IOBASE };

static uint64_t debugcon_read(struct device *d, uint64_t offset, unsigned size)
{
	return DEBUGCON_PRESENT;
}

static void debugcon_write(struct device *d, uint64_t offset, uint64_t value, unsigned size)
{
	uint8_t byte = (uint8_t)value;

	device_char_write(d, &byte, 1);
}

static const struct region_ops debugcon_ops = {
    .read = debugcon_read,
    .write = debugcon_write,
    .max_size = 1,
};

static int debugcon_realize(struct device *d, struct error *e)
{
	uint16_t base = (uint16_t)d->property[PROPERTY_IOBASE];

	return device_add_ports(d, base, 1, &debugcon_ops, "debugcon", e);
}

static const struct device_property debugcon_properties[] = {
    [PROPERTY_IOBASE] = {"iobase", 0x402, 0, 0xffff, "its port"},
    {NULL, 0, 0, 0, NULL},
};

const struct device_class debugcon_class = {
    .name = "debugcon",
    .description = "debug console",
    .properties = debugcon_properties,
    .realize = debugcon_realize,
};
