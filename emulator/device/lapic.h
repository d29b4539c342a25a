/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Local APIC: its place, its pins, and the messages that an I/O APIC sends to it.
 *
 * Wiring: `peer` is the i8259 whose vector an external interrupt fetches; out[LAPIC_OUT_EOI]
 * leads to the I/O APIC, which is told of end-of-interrupt by irq_set() on that line with the
 * vector added to its pin number.
 */
#ifndef VCR_LAPIC_H
#define VCR_LAPIC_H

#include "emulator/device/device.h"

#define LAPIC_BASE 0xfee00000u
#define LAPIC_SIZE 0x1000u

/* Input pins. */
enum { LAPIC_LINT0, LAPIC_LINT1 };
/* Output lines. */
enum { LAPIC_OUT_EOI };

/* Delivery modes, as in LVT and redirection entries and in the ICR (SDM vol. 3A 10.6.1). */
enum lapic_mode {
	LAPIC_FIXED = 0,
	LAPIC_LOWEST = 1,
	LAPIC_SMI = 2,
	LAPIC_NMI = 4,
	LAPIC_INIT = 5,
	LAPIC_STARTUP = 6,
	LAPIC_EXTINT = 7,
};

/*
 * Does a message to this destination reach the APIC? `destination` is an APIC ID or, when
 * `logical`, a set of processors (SDM vol. 3A 10.6.2). FFh reaches everybody.
 */
bool lapic_is_destination(const struct device *d, uint8_t destination, bool logical);

/*
 * A message from the I/O APIC. `level_triggered` decides whether the EOI is broadcast; `level`
 * is false only for the de-assertion of a level, which changes nothing but an ExtINT. Returns
 * false when the APIC did not accept it (it is disabled).
 */
bool lapic_deliver(struct device *d, uint8_t vector, enum lapic_mode mode, bool level_triggered,
		   bool level);

#endif
