/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a hypervisor has to map. The map is derived from the question that the interpreter's MMU
 * asks too (vcpu_ops.ram_page), so all see the same: RAM, ROM, which is mapped so that a write
 * exits, and everything else, where every access does. A ROM device is now the one and now the
 * other (bus/bus.h).
 */
#ifndef VCR_ACCEL_MEMORY_MAP_H
#define VCR_ACCEL_MEMORY_MAP_H

#include <stdbool.h>
#include <stdint.h>

#define MEMORY_MAPPINGS 128

struct machine;

struct memory_mapping {
	uint64_t gpa, size; /* whole pages; size 0: unused */
	uint64_t ram_offset;
	bool rom;
};

/* What should be mapped, neighbours that continue one another joined. Returns how many. */
unsigned memory_map_derive(struct machine *m, struct memory_mapping out[MEMORY_MAPPINGS]);
bool memory_mapping_in(const struct memory_mapping *g, const struct memory_mapping *list,
		       unsigned n);

#endif
