/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registers that an input can reach: every region of ports and memory that a board's devices
 * claim, its PCI windows, and the MSRs and CR8 of its interrupt controller. A target has some of
 * them.
 *
 * An input names a region by a number that stays the same (regions.def), so that corpora outlive
 * changes of a board. A target answers to every number: one that it does not have stands for one
 * that it has, so that no mutation is lost.
 */
#ifndef VCR_FUZZ_REGION_H
#define VCR_FUZZ_REGION_H

#include <stdbool.h>
#include <stdint.h>

#include "emulator/machine.h"
#include "fuzz/op.h"

#define REGION_NAME 32

struct fuzz_region {
	char name[REGION_NAME]; /* of the bus; the second of a name is "uart.1" */
	uint8_t number;
	bool listed; /* the number is from regions.def, not made up */
	bool own;    /* of the device that the target is about, not only wired to it */
	enum exit_kind kind;
	struct device *device;
	const struct window *window; /* a PCI window: where it is now; else NULL */
	uint64_t base, size;         /* without a window */
};

struct region_table {
	struct fuzz_region region[OP_REGION];
	unsigned count;
	uint8_t by_number[OP_REGION]; /* index of the region that a number stands for */
};

/* All regions of a machine. */
void regions_of_machine(struct region_table *t, struct machine *m);
/* Leaves those whose `own` or `keep` (by index) is set, and lets all numbers stand for those. */
void regions_select(struct region_table *t, const bool keep[OP_REGION]);

/* The region that a number stands for; NULL when the table is empty. */
const struct fuzz_region *region_by_number(const struct region_table *t, unsigned number);
const struct fuzz_region *region_by_name(const struct region_table *t, const char *name,
					 size_t length);
/* The region that has an address; NULL when none of the table does. */
const struct fuzz_region *region_at(const struct region_table *t, enum exit_kind kind,
				    uint64_t address);
/* Whether one of the bus's regions, which is no window, is one of ports. */
bool region_is_port(const struct bus *b, const struct region *r);
/* Where the region begins and how long it is now; size 0: a window that is switched off. */
uint64_t region_base(const struct fuzz_region *r);
uint64_t region_size(const struct fuzz_region *r);
/* How long it is when it is there. */
uint64_t region_extent(const struct fuzz_region *r);

#endif
