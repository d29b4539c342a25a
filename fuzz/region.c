/* SPDX-License-Identifier: Apache-2.0 */
/* Regions of a machine by number and by name; see region.h. */
#include "fuzz/region.h"

#include <stdio.h>
#include <string.h>

/* Registers that are neither ports nor memory: those of the interrupt controller (exit.h). */
static const struct {
	const char *name;
	enum exit_kind kind;
	uint64_t base, size;
} controller_regions[] = {
    {"cr8", EXIT_CR8, 0, 1},
    {"apic-base", EXIT_MSR, 0x1b, 1},
    {"tsc-deadline", EXIT_MSR, 0x6e0, 1},
    {"x2apic", EXIT_MSR, 0x800, 0x100},
};

static const struct {
	const char *name;
	uint8_t number;
} numbers[] = {
#define REGION(number, name) {name, number},
#include "fuzz/regions.def"
#undef REGION
};

#define NUMBERS (sizeof(numbers) / sizeof(*numbers))

/* ---- making a table ---- */

static struct fuzz_region *add(struct region_table *t, const char *name, struct device *d)
{
	struct fuzz_region *r = &t->region[t->count];
	unsigned before = 0;

	if (t->count == OP_REGION)
		return NULL;
	memset(r, 0, sizeof(*r));
	for (unsigned i = 0; i < t->count; i++) {
		size_t length = strlen(name);

		before += !strncmp(t->region[i].name, name, length) &&
			  (!t->region[i].name[length] || t->region[i].name[length] == '.');
	}
	if (before)
		snprintf(r->name, sizeof(r->name), "%.20s.%u", name, before);
	else
		snprintf(r->name, sizeof(r->name), "%.20s", name);
	r->device = d;
	t->count++;
	return r;
}

static void number_all(struct region_table *t)
{
	bool taken[OP_REGION] = {false};
	unsigned next = 0;

	for (unsigned i = 0; i < NUMBERS; i++)
		taken[numbers[i].number] = true;
	for (unsigned i = 0; i < t->count; i++) {
		struct fuzz_region *r = &t->region[i];

		for (unsigned n = 0; n < NUMBERS; n++) {
			if (strcmp(numbers[n].name, r->name))
				continue;
			r->number = numbers[n].number;
			r->listed = true;
		}
		if (r->listed)
			continue;
		while (next < OP_REGION - 1 && taken[next])
			next++;
		taken[next] = true;
		r->number = (uint8_t)next;
	}
}

/* Every number stands for a region. */
static void spread_numbers(struct region_table *t)
{
	for (unsigned n = 0; n < OP_REGION; n++)
		t->by_number[n] = t->count ? (uint8_t)(n % t->count) : 0;
	for (unsigned i = 0; i < t->count; i++)
		t->by_number[t->region[i].number] = (uint8_t)i;
}

bool region_is_port(const struct bus *b, const struct region *r)
{
	return r->base < 65536 && b->port[r->base] && &b->region[b->port[r->base] - 1] == r;
}

void regions_of_machine(struct region_table *t, struct machine *m)
{
	const struct bus *b = &m->bus;
	struct fuzz_region *r;

	memset(t, 0, sizeof(*t));
	for (unsigned i = 0; i < b->regions; i++) {
		const struct region *from = &b->region[i];

		r = add(t, from->name, from->device);
		if (!r)
			break;
		r->base = from->base;
		r->size = from->size;
		r->kind = region_is_port(b, from) ? EXIT_PIO : EXIT_MMIO;
	}
	for (unsigned i = 0; i < b->windows; i++) {
		r = add(t, b->window[i].region.name, b->window[i].region.device);
		if (!r)
			break;
		r->window = &b->window[i];
		r->kind = r->window->port ? EXIT_PIO : EXIT_MMIO;
	}
	for (unsigned i = 0;
	     m->intc && i < sizeof(controller_regions) / sizeof(*controller_regions); i++) {
		r = add(t, controller_regions[i].name, m->intc);
		if (!r)
			break;
		r->kind = controller_regions[i].kind;
		r->base = controller_regions[i].base;
		r->size = controller_regions[i].size;
	}
	number_all(t);
	spread_numbers(t);
}

void regions_select(struct region_table *t, const bool keep[OP_REGION])
{
	unsigned kept = 0;

	for (unsigned i = 0; i < t->count; i++) {
		if (keep[i] || t->region[i].own)
			t->region[kept++] = t->region[i];
	}
	t->count = kept;
	spread_numbers(t);
}

/* ---- looking one up ---- */

const struct fuzz_region *region_by_number(const struct region_table *t, unsigned number)
{
	return t->count ? &t->region[t->by_number[number % OP_REGION]] : NULL;
}

const struct fuzz_region *region_by_name(const struct region_table *t, const char *name,
					 size_t length)
{
	for (unsigned i = 0; i < t->count; i++) {
		if (strlen(t->region[i].name) == length && !memcmp(t->region[i].name, name, length))
			return &t->region[i];
	}
	return NULL;
}

const struct fuzz_region *region_at(const struct region_table *t, enum exit_kind kind,
				    uint64_t address)
{
	for (unsigned i = 0; i < t->count; i++) {
		const struct fuzz_region *r = &t->region[i];

		if (r->kind == kind && address - region_base(r) < region_size(r))
			return r;
	}
	return NULL;
}

uint64_t region_base(const struct fuzz_region *r)
{
	return r->window ? r->window->region.base : r->base;
}

uint64_t region_size(const struct fuzz_region *r)
{
	return r->window && !r->window->on ? 0 : region_extent(r);
}

uint64_t region_extent(const struct fuzz_region *r)
{
	return r->window ? r->window->region.size : r->size;
}
