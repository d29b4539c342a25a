/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PCI bus 0: what a function is, and how its configuration space behaves (PCI Local Bus
 * Specification 2.3, chapter 6). How a guest gets at configuration space is the host bridge's
 * affair (device/i440fx.c).
 *
 * A function is a device whose class has a `struct pci_class` and whose state in the arena begins
 * with a `struct pci_function`. Its device file calls pci_attach() in realize, pci_reset() in
 * reset, and has pci_restored() as its `restored`, or calls it there. The board chooses
 * device.pci_address.
 *
 * Where base address registers put a function's regions is configuration space and the command
 * register, so it is state; the bus's windows are derived from that.
 */
#ifndef VCR_PCI_H
#define VCR_PCI_H

#include <stdbool.h>
#include <stdint.h>

#include "emulator/device/device.h"
#include "emulator/error.h"

#define PCI_CONFIG_SIZE               256u
#define PCI_BARS                      6u
#define PCI_ADDRESS(device, function) ((device) << 3 | (function))

/* Offsets in the header (6.1). */
enum {
	PCI_VENDOR = 0x00,
	PCI_DEVICE = 0x02,
	PCI_COMMAND = 0x04,
	PCI_STATUS = 0x06,
	PCI_REVISION = 0x08, /* and the class code in the three bytes behind it */
	PCI_HEADER_TYPE = 0x0e,
	PCI_BAR = 0x10,
	PCI_INTERRUPT_LINE = 0x3c,
	PCI_INTERRUPT_PIN = 0x3d,
};

#define PCI_COMMAND_IO           0x0001u
#define PCI_COMMAND_MEMORY       0x0002u
#define PCI_COMMAND_MASTER       0x0004u
#define PCI_COMMAND_INTX_OFF     0x0400u
#define PCI_STATUS_INTX          0x0008u
#define PCI_HEADER_MULTIFUNCTION 0x80u
#define PCI_CLASS_NONE            0x00ff00u /* fits no other class */
#define PCI_CLASS_HOST_BRIDGE    0x060000u
#define PCI_CLASS_ISA_BRIDGE     0x060100u
#define PCI_CLASS_OTHER_BRIDGE   0x068000u

/* The guest-visible state: first in the state of every device on PCI. */
struct pci_function {
	uint8_t config[PCI_CONFIG_SIZE];
	uint8_t intx; /* level that the function gives its interrupt pin */
	uint8_t reserved[7];
};

enum pci_bar_kind { PCI_BAR_NONE, PCI_BAR_IO, PCI_BAR_MEMORY };

/* A region that a base address register places (6.2.5). */
struct pci_bar {
	enum pci_bar_kind kind;
	uint32_t size; /* a power of two: I/O 4 to 256, memory 16 and more */
	const struct region_ops *ops;
	const char *name;
};

/* A byte of configuration space, or `count` equal ones, with a reset value or writable bits. */
struct pci_register {
	uint8_t offset, count;
	uint8_t reset, writable;
};

struct pci_class {
	uint16_t vendor, device;
	uint8_t revision;
	uint32_t class_code;
	uint8_t header_type;
	uint8_t interrupt_pin; /* 1..4: INTA# to INTD#; 0: none */
	uint16_t command, command_writable, status;
	const struct pci_register *registers; /* ends with a count of 0 */
	struct pci_bar bar[PCI_BARS];
	/* Bytes [offset, offset + size) were written, as far as they are writable. May be NULL. */
	void (*written)(struct device *d, unsigned offset, unsigned size);
};

int pci_attach(struct device *d, struct error *e);
void pci_reset(struct device *d);
void pci_restored(struct device *d);

/* Configuration cycles on bus 0: 1 to 4 bytes within one doubleword. Nobody there: ones. */
uint32_t pci_config_read(struct device *host, unsigned address, unsigned offset, unsigned size);
void pci_config_write(struct device *host, unsigned address, unsigned offset, unsigned size,
		      uint32_t value);

/* Drives a function's interrupt pin; several functions may share the line that it leads to. */
void pci_set_intx(struct device *d, bool level);

#endif
