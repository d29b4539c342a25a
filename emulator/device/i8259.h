/* SPDX-License-Identifier: Apache-2.0 */
/* What a board needs to wire a pair of 8259A interrupt controllers; see i8259.c. */
#ifndef VCR_I8259_H
#define VCR_I8259_H

#include "emulator/device/device.h"

/*
 * device.data of each of the two. Wiring: out[0] is INT, the slave's goes to pin 2 of the
 * master; the master's peer is the slave.
 */
struct i8259_config {
	uint16_t base;     /* two ports: 20h, A0h */
	uint16_t elcr;     /* edge/level control register: 4D0h, 4D1h */
	uint8_t elcr_mask; /* inputs that may be made level sensitive: F8h, DEh */
	bool slave;
};

/*
 * The interrupt acknowledge cycle: a vector, from the slave when that asked. Without a request
 * it is that of input 7, the spurious interrupt (8259A data sheet, "Interrupt Sequence").
 */
uint8_t i8259_acknowledge(struct device *master);

extern const struct device_class i8259_class;

#endif
