/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Address decoding. Two spaces: 65,536 I/O ports, and guest-physical memory, which is RAM slots
 * (ram.h) and device regions over them. A port or address that nobody claims reads as all ones
 * and ignores writes. Regions are claimed while the board is built and never overlap.
 */
#ifndef VCR_BUS_H
#define VCR_BUS_H

#include <stdbool.h>
#include <stdint.h>

#include "emulator/device/device.h"
#include "emulator/error.h"

#define BUS_REGIONS 128
#define BUS_SLOTS   16

struct region {
	struct device *device;
	const struct region_ops *ops;
	const char *name;
	uint64_t base, size;
};

/* A piece of the memory map that is RAM or ROM. */
struct slot {
	uint64_t gpa, size;
	uint64_t ram_offset;
	bool rom; /* writes are ignored */
};

struct bus {
	struct region region[BUS_REGIONS]; /* ports first come, then memory; see bus.c */
	unsigned regions;
	uint8_t port[65536];		   /* index + 1 into region[], 0: nobody */
	struct region *memory[BUS_REGIONS]; /* memory regions by ascending base */
	unsigned memories;
	struct slot slot[BUS_SLOTS];	   /* by ascending gpa */
	unsigned slots;
};

int bus_add_ports(struct bus *b, struct device *d, uint16_t base, unsigned count,
		  const struct region_ops *ops, const char *name, struct error *e);
int bus_add_memory(struct bus *b, struct device *d, uint64_t base, uint64_t size,
		   const struct region_ops *ops, const char *name, struct error *e);
int bus_add_slot(struct bus *b, uint64_t gpa, uint64_t size, uint64_t ram_offset, bool rom,
		 struct error *e);

/* Which region answers, or NULL. */
const struct region *bus_find_port(const struct bus *b, uint16_t port);
const struct region *bus_find_memory(const struct bus *b, uint64_t gpa);
const struct slot *bus_find_slot(const struct bus *b, uint64_t gpa);

/* One access; wider than the region takes, or beyond its end, it is cut. size is 1..8. */
uint64_t bus_port_read(struct bus *b, uint16_t port, unsigned size);
void bus_port_write(struct bus *b, uint16_t port, unsigned size, uint64_t value);
uint64_t bus_memory_read(struct bus *b, uint64_t gpa, unsigned size);
void bus_memory_write(struct bus *b, uint64_t gpa, unsigned size, uint64_t value);

#endif
