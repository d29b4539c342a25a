/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Address decoding. Two spaces: 65,536 I/O ports, and guest-physical memory, which is RAM slots
 * (ram.h) and device regions over them. A port or address that nobody claims reads as all ones
 * and ignores writes. Regions are claimed while the board is built and never overlap.
 *
 * Two things move while the guest runs: windows, the regions that PCI base address registers put
 * somewhere (pci.h), and what the guest sees of a slot. Both follow from state in the arena and
 * are derived from it again after a restore. A window gives way to everything else that decodes
 * its address, as it does on a PC, where the host bridge keeps RAM and fixed addresses for itself.
 *
 * A ROM device (flash) is a slot with a device behind it. While its view is SLOT_READ, reads and
 * instruction fetches come straight from the slot and writes go to the device; while it is
 * SLOT_BEHIND, every access does. So an accelerator maps it like ROM or not at all, by the one
 * question that it asks about every page (vcpu_ops.ram_page), and need not know what it is.
 */
#ifndef VCR_BUS_H
#define VCR_BUS_H

#include <stdbool.h>
#include <stdint.h>

#include "emulator/device/device.h"
#include "emulator/error.h"

#define BUS_REGIONS   128
#define BUS_WINDOWS   32
#define BUS_SLOTS     32
#define BUS_FUNCTIONS 256 /* PCI: device << 3 | function */

struct region {
	struct device *device;
	const struct region_ops *ops;
	const char *name;
	uint64_t base, size;
};

/* A region that a guest moves, switches on and off. */
struct window {
	struct region region;
	bool port; /* in I/O space, else in memory */
	bool on;
};

/*
 * What a guest sees of a slot. Bit 0: reads come from it, else from what lies behind it; bit 1:
 * writes go to it, else they go to the bus, where nobody takes them. Stored in traces: never
 * change or reuse a number.
 */
enum slot_view {
	SLOT_BEHIND = 0,
	SLOT_READ = 1, /* as ROM */
	SLOT_WRITE = 2,
	SLOT_READ_WRITE = 3,
};

#define SLOT_NOTHING UINT64_MAX

/* A piece of the memory map, in whole pages, that is RAM, ROM or a ROM device. */
struct slot {
	uint64_t gpa, size;
	uint64_t ram_offset;
	uint64_t behind; /* RAM offset of the ROM there, or SLOT_NOTHING */
	enum slot_view view;
	const struct region
	    *device; /* of a ROM device: who takes what the slot does not; or NULL */
	bool exits;  /* a ROM device that is never mapped: reads go to the device in any view */
};

/* Guest-physical addresses that are RAM, or ROM, in one piece; size 0: none. */
struct ram_run {
	uint64_t gpa, size, ram_offset;
	bool writable;
};

struct bus {
	struct region region[BUS_REGIONS]; /* ports first come, then memory; see bus.c */
	unsigned regions;
	uint8_t port[65536];                /* index + 1 into region[], 0: nobody */
	struct region *memory[BUS_REGIONS]; /* memory regions by ascending base */
	unsigned memories;
	const struct region *recent; /* one of them: where the last access went */
	struct window window[BUS_WINDOWS];
	unsigned windows;
	struct slot slot[BUS_SLOTS]; /* by ascending gpa */
	unsigned slots;
	struct device *function[BUS_FUNCTIONS]; /* of PCI bus 0, or NULL */
	struct device *present[BUS_FUNCTIONS];  /* those that are there */
	unsigned functions;
	struct irq intx[4]; /* where its interrupt lines lead */
};

int bus_add_ports(struct bus *b, struct device *d, uint16_t base, unsigned count,
		  const struct region_ops *ops, const char *name, struct error *e);
int bus_add_memory(struct bus *b, struct device *d, uint64_t base, uint64_t size,
		   const struct region_ops *ops, const char *name, struct error *e);
int bus_add_slot(struct bus *b, uint64_t gpa, uint64_t size, uint64_t ram_offset, bool rom,
		 struct error *e);
/* A slot of view SLOT_READ with a device behind it; `exits` as in struct slot. */
int bus_add_rom_device(struct bus *b, struct device *d, uint64_t gpa, uint64_t size,
		       uint64_t ram_offset, bool exits, const struct region_ops *ops,
		       const char *name, struct error *e);
/* What reads find where the slot at `gpa` does not show its RAM: ROM at this RAM offset. */
void bus_set_behind(struct bus *b, uint64_t gpa, uint64_t ram_offset);
/* Returns a window that is off, or NULL with e filled in. */
struct window *bus_add_window(struct bus *b, struct device *d, bool port,
			      const struct region_ops *ops, const char *name, struct error *e);

/* RAM offset that a read of `gpa`, which is in the slot, comes from, or a write goes to. */
uint64_t slot_read_offset(const struct slot *s, uint64_t gpa);  /* or SLOT_NOTHING */
uint64_t slot_write_offset(const struct slot *s, uint64_t gpa); /* or SLOT_NOTHING */

/* Which region answers, or NULL. */
const struct region *bus_find_port(const struct bus *b, uint16_t port);
const struct region *bus_find_memory(const struct bus *b, uint64_t gpa);
const struct region *bus_find_fixed(const struct bus *b, uint64_t gpa); /* no window */
const struct slot *bus_find_slot(const struct bus *b, uint64_t gpa);

/*
 * The run around `gpa`, which is true of the first byte of each page in it until a slot's view
 * changes. False when there is no RAM, or a device lies over it.
 */
bool bus_find_run(const struct bus *b, uint64_t gpa, struct ram_run *run);

/* One access; wider than the region takes, or beyond its end, it is cut. size is 1..8. */
uint64_t bus_port_read(struct bus *b, uint16_t port, unsigned size);
void bus_port_write(struct bus *b, uint16_t port, unsigned size, uint64_t value);
uint64_t bus_memory_read(struct bus *b, uint64_t gpa, unsigned size);
void bus_memory_write(struct bus *b, uint64_t gpa, unsigned size, uint64_t value);

#endif
