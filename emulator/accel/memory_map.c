/* SPDX-License-Identifier: Apache-2.0 */
/* What a hypervisor has to map; see memory_map.h. */
#include "emulator/accel/memory_map.h"

#include <stdlib.h>
#include <string.h>

#include "emulator/machine.h"

#define POINTS (2 * (BUS_SLOTS + BUS_REGIONS))

/* Page-aligned addresses between which nothing changes. */
static int compare(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x < y ? -1 : x > y;
}

static unsigned points_collect(const struct bus *b, uint64_t point[POINTS])
{
	unsigned n = 0;

	for (unsigned i = 0; i < b->slots; i++) {
		point[n++] = b->slot[i].gpa;
		point[n++] = b->slot[i].gpa + b->slot[i].size;
	}
	for (unsigned i = 0; i < b->memories; i++) {
		uint64_t end = b->memory[i]->base + b->memory[i]->size;

		point[n++] = b->memory[i]->base & ~(uint64_t)(RAM_PAGE - 1);
		point[n++] = (end + RAM_PAGE - 1) & ~(uint64_t)(RAM_PAGE - 1);
	}
	qsort(point, n, sizeof(*point), compare);
	return n;
}

static bool begins_device(const struct bus *b, uint64_t gpa)
{
	const struct slot *s = bus_find_slot(b, gpa);

	return s && s->device && s->gpa == gpa;
}

unsigned memory_map_derive(struct machine *m, struct memory_mapping out[MEMORY_MAPPINGS])
{
	uint64_t point[POINTS];
	unsigned points = points_collect(&m->bus, point), n = 0;

	for (unsigned i = 0; i + 1 < points; i++) {
		uint64_t gpa = point[i], size = point[i + 1] - gpa, at;
		struct memory_mapping *last = n ? &out[n - 1] : NULL;
		bool writable = false;

		if (!size)
			continue;
		at = m->vcpu.ops->ram_page(m, gpa, &writable);
		if (at == UINT64_MAX)
			continue;
		/* A ROM device comes and goes by itself. */
		if (last && last->gpa + last->size == gpa && last->rom == !writable &&
		    last->ram_offset + last->size == at && !begins_device(&m->bus, gpa))
			last->size += size;
		else if (n < MEMORY_MAPPINGS)
			out[n++] = (struct memory_mapping){
			    .gpa = gpa, .size = size, .ram_offset = at, .rom = !writable};
	}
	return n;
}

bool memory_mapping_in(const struct memory_mapping *g, const struct memory_mapping *list,
		       unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (list[i].gpa == g->gpa && list[i].size == g->size &&
		    list[i].ram_offset == g->ram_offset && list[i].rom == g->rom)
			return true;
	}
	return false;
}
