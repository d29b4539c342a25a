/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Port 80h, the POST code latch. Firmware writes its progress there, and older software makes
 * short delays of dummy writes to it. On the AT it is the spare page register of the DMA
 * controllers (IBM PC AT Technical Reference, "DMA page registers"), so it reads back.
 */
#include "emulator/device/device.h"

extern const struct device_class port80_class;

struct port80_state {
	uint8_t code;
};

static uint64_t port80_read(struct device *d, uint64_t offset, unsigned size)
{
	const struct port80_state *s = device_state(d);

	return s->code;
}

static void port80_write(struct device *d, uint64_t offset, uint64_t value, unsigned size)
{
	struct port80_state *s = device_state(d);

	s->code = (uint8_t)value;
}

static const struct region_ops port80_ops = {
    .read = port80_read,
    .write = port80_write,
    .max_size = 1,
};

static int port80_realize(struct device *d, struct error *e)
{
	return device_add_ports(d, 0x80, 1, &port80_ops, "post-code", e);
}

static void port80_reset(struct device *d)
{
	struct port80_state *s = device_state(d);

	s->code = 0;
}

const struct device_class port80_class = {
    .name = "port80",
    .description = "POST code latch",
    .state_size = sizeof(struct port80_state),
    .realize = port80_realize,
    .reset = port80_reset,
};
