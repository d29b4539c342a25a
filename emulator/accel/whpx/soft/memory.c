/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest memory of the software platform: ranges of guest-physical addresses over the memory of
 * the process that uses it. The processor wants one piece of RAM with page numbers, so from the
 * lowest to the highest address that was mapped is taken as that; only mapped pages are touched.
 *
 * That process writes to guest memory whenever it likes, and the decoded instructions must not
 * be older than that. So each time the vCPU is run, the code part of the TLB is empty; the first
 * fetch from a page compares it with a copy made when instructions were decoded from it.
 */
#include <stdlib.h>
#include <string.h>

#include "emulator/accel/whpx/soft/soft.h"

#define RANGES_MAX 4096

/* ---- looking up ---- */

const struct soft_range *soft_find(const struct soft_partition *p, uint64_t gpa)
{
	unsigned low = 0, high = p->ranges;

	while (low < high) {
		unsigned middle = (low + high) / 2;
		const struct soft_range *r = &p->range[middle];

		if (gpa < r->gpa)
			high = middle;
		else if (gpa - r->gpa >= r->size)
			low = middle + 1;
		else
			return r;
	}
	return NULL;
}

uint64_t soft_ram_page(struct machine *m, uint64_t gpa, bool *writable)
{
	const struct soft_partition *p = soft_of(m);
	const struct soft_range *r = soft_find(p, gpa);

	if (!r || !(r->flags & WHV_MAP_READ))
		return UINT64_MAX;
	*writable = r->flags & WHV_MAP_WRITE;
	return (uint64_t)(r->host - p->vp.v.ram) + (gpa - r->gpa);
}

/* ---- written pages ---- */

void soft_page_dirty(struct machine *m, uint64_t page)
{
	struct soft_partition *p = soft_of(m);

	p->vp.v.guard[page] &= (uint8_t)~GUARD_CLEAN;
	p->page[page].dirty = true;
	p->page[page].stale = true;
}

void soft_page_verify(struct soft_partition *p, uint64_t page)
{
	struct soft_page *s = &p->page[page];
	const uint8_t *now = p->vp.v.ram + page * SOFT_PAGE;

	if (s->copy && !s->stale && !memcmp(s->copy, now, SOFT_PAGE))
		return;
	vcpu_ram_changed(&p->vp.v, page, 1);
	if (!s->copy)
		s->copy = malloc(SOFT_PAGE);
	if (!s->copy)
		return; /* then it is decoded each time */
	memcpy(s->copy, now, SOFT_PAGE);
	s->stale = false;
	p->vp.v.guard[page] |= GUARD_CLEAN;
}

/* Of `count` pages of RAM from `page` on, into the bitmap from bit `n` on. */
static void take_dirty(struct soft_partition *p, uint64_t page, uint64_t count, uint64_t *bitmap,
		       uint64_t n)
{
	for (; count; count--, page++, n++) {
		if (!p->page[page].dirty)
			continue;
		if (bitmap)
			bitmap[n / 64] |= 1ull << (n % 64);
		p->page[page].dirty = false;
		p->vp.v.guard[page] |= GUARD_CLEAN;
	}
}

SOFT_EXPORT whv_result WHvQueryGpaRangeDirtyBitmap(whv_partition partition, uint64_t gpa,
						   uint64_t size, uint64_t *bitmap,
						   uint32_t bitmap_size)
{
	struct soft_partition *p = partition;
	uint64_t pages = size / SOFT_PAGE;

	if (!p || !size || (gpa | size) % SOFT_PAGE ||
	    (bitmap && bitmap_size < (pages + 63) / 64 * 8))
		return WHV_INVALID_ARGUMENT;
	if (bitmap)
		memset(bitmap, 0, (pages + 63) / 64 * 8);
	for (uint64_t n = 0; n < pages;) {
		uint64_t at = gpa + n * SOFT_PAGE, count;
		const struct soft_range *r = soft_find(p, at);

		if (!r || !(r->flags & WHV_MAP_TRACK_DIRTY))
			return WHV_GPA_RANGE_NOT_FOUND;
		count = (r->gpa + r->size - at) / SOFT_PAGE;
		if (count > pages - n)
			count = pages - n;
		/* Else nothing was run since it was mapped. */
		if (!p->span_changed)
			take_dirty(p, (uint64_t)(r->host + (at - r->gpa) - p->vp.v.ram) / SOFT_PAGE,
				   count, bitmap, n);
		n += count;
	}
	return WHV_OK;
}

/* ---- mapping ---- */

static bool range_insert(struct soft_partition *p, struct soft_range r)
{
	unsigned at = 0;

	if (p->ranges == p->range_room) {
		unsigned room = p->range_room ? 2 * p->range_room : 16;
		struct soft_range *larger = realloc(p->range, room * sizeof(*larger));

		if (!larger || room > RANGES_MAX)
			return false;
		p->range = larger;
		p->range_room = room;
	}
	while (at < p->ranges && p->range[at].gpa < r.gpa)
		at++;
	memmove(p->range + at + 1, p->range + at, (p->ranges - at) * sizeof(r));
	p->range[at] = r;
	p->ranges++;
	return true;
}

/* Takes [gpa, end) out of every range; what is left of one may be two pieces. */
static bool ranges_cut(struct soft_partition *p, uint64_t gpa, uint64_t end)
{
	for (unsigned i = 0; i < p->ranges;) {
		struct soft_range r = p->range[i];

		if (r.gpa + r.size <= gpa || r.gpa >= end) {
			i++;
			continue;
		}
		memmove(p->range + i, p->range + i + 1, (p->ranges - i - 1) * sizeof(r));
		p->ranges--;
		if (r.gpa < gpa &&
		    !range_insert(p, (struct soft_range){r.gpa, gpa - r.gpa, r.host, r.flags}))
			return false;
		if (r.gpa + r.size > end &&
		    !range_insert(p, (struct soft_range){end, r.gpa + r.size - end,
							 r.host + (end - r.gpa), r.flags}))
			return false;
		i = 0;
	}
	return true;
}

static void map_changed(struct soft_partition *p)
{
	if (p->vp.exists)
		vcpu_map_changed(&p->vp.v);
}

SOFT_EXPORT whv_result WHvMapGpaRange(whv_partition partition, void *source, uint64_t gpa,
				      uint64_t size, uint32_t flags)
{
	struct soft_partition *p = partition;
	const uint8_t *ram;

	if (!p || !source || !size || gpa + size < gpa || (gpa | size) % SOFT_PAGE ||
	    (uintptr_t)source % SOFT_PAGE ||
	    (flags & ~(WHV_MAP_READ | WHV_MAP_WRITE | WHV_MAP_EXECUTE | WHV_MAP_TRACK_DIRTY)))
		return WHV_INVALID_ARGUMENT;
	if (!p->set_up)
		return WHV_INVALID_PARTITION_CONFIG;
	if (!ranges_cut(p, gpa, gpa + size) ||
	    !range_insert(p, (struct soft_range){gpa, size, source, flags}))
		return WHV_OUT_OF_MEMORY;
	ram = p->vp.v.ram;
	if (!ram || (uint8_t *)source < ram ||
	    (uint8_t *)source + size > ram + p->pages * SOFT_PAGE)
		p->span_changed = true;
	map_changed(p);
	return WHV_OK;
}

SOFT_EXPORT whv_result WHvUnmapGpaRange(whv_partition partition, uint64_t gpa, uint64_t size)
{
	struct soft_partition *p = partition;

	if (!p || !size || gpa + size < gpa || (gpa | size) % SOFT_PAGE)
		return WHV_INVALID_ARGUMENT;
	for (uint64_t at = gpa; at < gpa + size;) {
		const struct soft_range *r = soft_find(p, at);

		if (!r)
			return WHV_GPA_RANGE_NOT_FOUND;
		at = r->gpa + r->size;
	}
	if (!ranges_cut(p, gpa, gpa + size))
		return WHV_OUT_OF_MEMORY;
	map_changed(p);
	return WHV_OK;
}

/* ---- the span of all host memory ---- */

static void pages_free(struct soft_partition *p)
{
	for (uint64_t n = 0; n < p->pages; n++)
		free(p->page[n].copy);
	free(p->page);
	free(p->vp.v.guard);
	p->page = NULL;
	p->vp.v.guard = NULL;
	p->pages = 0;
}

void soft_memory_close(struct soft_partition *p)
{
	vcpu_close(&p->vp.v);
	pages_free(p);
	free(p->range);
}

whv_result soft_memory_prepare(struct soft_partition *p)
{
	struct vcpu *v = &p->vp.v;
	uint8_t *low = NULL, *high = NULL;

	if (!p->span_changed && v->blocks)
		return WHV_OK;
	for (unsigned i = 0; i < p->ranges; i++) {
		const struct soft_range *r = &p->range[i];

		low = !low || r->host < low ? r->host : low;
		high = r->host + r->size > high ? r->host + r->size : high;
	}
	vcpu_close(v);
	pages_free(p);
	v->ram = low;
	v->ram_size = low ? (uint64_t)(high - low) : 0;
	p->page = calloc(v->ram_size / SOFT_PAGE + 1, sizeof(*p->page));
	v->guard = calloc(v->ram_size / SOFT_PAGE + 1, 1);
	if (!p->page || !v->guard || vcpu_open(v))
		return WHV_OUT_OF_MEMORY;
	p->pages = v->ram_size / SOFT_PAGE;
	memset(v->guard, GUARD_CLEAN, p->pages);
	vcpu_map_changed(v);
	p->span_changed = false;
	return WHV_OK;
}
