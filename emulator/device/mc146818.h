/* SPDX-License-Identifier: Apache-2.0 */
/* What a board needs to wire the real-time clock; see mc146818.c. */
#ifndef VCR_MC146818_H
#define VCR_MC146818_H

#include "emulator/device/device.h"

/* device.data: what the power-on self test would have stored. out[0] is IRQ8. */
struct mc146818_config {
	uint64_t ram_size;     /* bytes, all of it */
	uint64_t ram_above_4g; /* how much of that lies above 4 GiB */
};

extern const struct device_class mc146818_class;

#endif
