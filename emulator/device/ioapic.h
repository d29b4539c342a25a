/* SPDX-License-Identifier: Apache-2.0 */
/*
 * I/O APIC: its place and its pins. Wiring: `peer` is the local APIC that gets the messages.
 * Pins 0..23 are interrupt inputs; pin IOAPIC_EOI + v is the local APIC's end-of-interrupt
 * message for vector v, given as irq_set(line, true).
 */
#ifndef VCR_IOAPIC_H
#define VCR_IOAPIC_H

#define IOAPIC_BASE 0xfec00000u
#define IOAPIC_SIZE 0x1000u
#define IOAPIC_PINS 24u
#define IOAPIC_EOI  256u

#endif
