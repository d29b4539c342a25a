/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Port 92h, system control port A of the PS/2 (IBM PS/2 Hardware Interface Technical Reference,
 * "System Control Port A"): bit 1 is the fast A20 gate, bit 0 the alternate reset, which acts
 * when it goes from 0 to 1. The other bits, once disk lights and locks, only read back.
 * The A20 gate is one line; port 92h and the keyboard controller both drive it, the last wins.
 */
#include "emulator/device/device.h"

extern const struct device_class port92_class;

enum {
	PORT92_RESET = 0x01,
	PORT92_A20 = 0x02,
};

struct port92_state {
	uint8_t latch;
};

static uint64_t port92_read(struct device *d, uint64_t offset, unsigned size)
{
	const struct port92_state *s = device_state(d);

	return s->latch;
}

static void port92_write(struct device *d, uint64_t offset, uint64_t value, unsigned size)
{
	struct port92_state *s = device_state(d);
	uint8_t old = s->latch;

	s->latch = (uint8_t)value;
	device_set_a20(d, value & PORT92_A20);
	if ((value & PORT92_RESET) && !(old & PORT92_RESET))
		device_request_reset(d);
}

static const struct region_ops port92_ops = {
    .read = port92_read,
    .write = port92_write,
    .max_size = 1,
};

static int port92_realize(struct device *d, struct error *e)
{
	return device_add_ports(d, 0x92, 1, &port92_ops, "system-control-a", e);
}

/* The machine comes out of reset with A20 enabled, so that the latch says so. */
static void port92_reset(struct device *d)
{
	struct port92_state *s = device_state(d);

	s->latch = PORT92_A20;
}

const struct device_class port92_class = {
    .name = "port92",
    .description = "fast A20 gate and reset",
    .state_size = sizeof(struct port92_state),
    .realize = port92_realize,
    .reset = port92_reset,
};
