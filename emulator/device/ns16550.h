/* SPDX-License-Identifier: Apache-2.0 */
/* What a board needs to wire a serial port; see ns16550.c. */
#ifndef VCR_NS16550_H
#define VCR_NS16550_H

#include "emulator/device/device.h"

/* device.data. out[0] is the interrupt, the channel is the line. */
struct ns16550_config {
	uint16_t base; /* eight ports */
};

extern const struct device_class ns16550_class;

#endif
