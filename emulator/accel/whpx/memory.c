/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest memory as ranges of the partition: RAM is read, written and executed; ROM is read and
 * executed, and so is a ROM device while it shows its array. Everything else is not mapped, so
 * that every access to it exits; a ROM device in another mode too (memory_map.h).
 */
#include <string.h>

#include "emulator/accel/whpx/whpx.h"

static int range_map(struct whpx *w, unsigned index, const struct memory_mapping *g,
		     struct error *e)
{
	bool track = !g->rom && w->log_dirty && (w->features & WHV_FEATURE_DIRTY_PAGE_TRACKING) &&
		     w->platform.WHvQueryGpaRangeDirtyBitmap;
	uint32_t flags = WHV_MAP_READ | WHV_MAP_EXECUTE | (g->rom ? 0 : WHV_MAP_WRITE) |
			 (track ? WHV_MAP_TRACK_DIRTY : 0);

	if (WHV_FAILED(WHPX_CALL(&w->platform, WHvMapGpaRange, w->partition,
				 w->m->ram.base + g->ram_offset, g->gpa, g->size, flags)))
		return whpx_error(&w->platform, "guest memory cannot be mapped", e);
	w->mapping[index] = *g;
	w->mapping_tracked[index] = track;
	return 0;
}

static int range_unmap(struct whpx *w, unsigned index, struct error *e)
{
	struct memory_mapping *g = &w->mapping[index];

	if (WHV_FAILED(WHPX_CALL(&w->platform, WHvUnmapGpaRange, w->partition, g->gpa, g->size)))
		return whpx_error(&w->platform, "guest memory cannot be unmapped", e);
	*g = (struct memory_mapping){.size = 0};
	return 0;
}

/* Puts a mapping into a place that is free: the first of size 0, or one more. */
static int mapping_add(struct whpx *w, const struct memory_mapping *g, struct error *e)
{
	unsigned i = 0;

	while (i < w->mappings && w->mapping[i].size)
		i++;
	if (i == MEMORY_MAPPINGS)
		return error_set(e, ERROR_HOST, "the guest's memory map has over %d pieces",
				 MEMORY_MAPPINGS);
	if (i == w->mappings)
		w->mappings++;
	return range_map(w, i, g, e);
}

int whpx_map(struct whpx *w, struct error *e)
{
	struct memory_mapping want[MEMORY_MAPPINGS];
	unsigned n = memory_map_derive(w->m, want);

	for (unsigned i = 0; i < w->mappings; i++) {
		const struct memory_mapping *g = &w->mapping[i];

		if (g->size && !memory_mapping_in(g, want, n) && range_unmap(w, i, e))
			return -1;
	}
	for (unsigned i = 0; i < n; i++) {
		if (!memory_mapping_in(&want[i], w->mapping, w->mappings) &&
		    mapping_add(w, &want[i], e))
			return -1;
	}
	return 0;
}

void whpx_map_changed(struct machine *m)
{
	struct whpx *w = whpx_of(m);
	struct error e = {0};

	if (!w)
		return;
	whpx_collect_dirty(w);
	if (whpx_map(w, &e))
		whpx_stop(w, e.text);
}

/* ---- dirty pages ---- */

/* Without tracking by the platform any page may have been written. */
static void collect_all(struct whpx *w, const struct memory_mapping *g)
{
	for (uint64_t page = 0; page < g->size / RAM_PAGE; page++)
		ram_page_dirty(&w->m->ram, g->ram_offset / RAM_PAGE + page);
}

/* In pieces that a small bitmap does for. */
static void collect_tracked(struct whpx *w, const struct memory_mapping *g)
{
	uint64_t bitmap[WHPX_BITMAP_BYTES / 8], pages = WHPX_BITMAP_BYTES * 8;

	for (uint64_t first = 0; first < g->size / RAM_PAGE; first += pages) {
		uint64_t left = g->size / RAM_PAGE - first, n = left < pages ? left : pages;

		memset(bitmap, 0, sizeof(bitmap));
		if (WHV_FAILED(WHPX_CALL(&w->platform, WHvQueryGpaRangeDirtyBitmap, w->partition,
					 g->gpa + first * RAM_PAGE, n * RAM_PAGE, bitmap,
					 sizeof(bitmap)))) {
			whpx_fail(w);
			return;
		}
		for (uint64_t word = 0; word < (n + 63) / 64; word++) {
			for (uint64_t bits = bitmap[word]; bits; bits &= bits - 1)
				ram_page_dirty(&w->m->ram, g->ram_offset / RAM_PAGE + first +
							       word * 64 +
							       (unsigned)__builtin_ctzll(bits));
		}
	}
}

void whpx_collect_dirty(struct whpx *w)
{
	if (!w->log_dirty || !w->ran)
		return;
	w->ran = false;
	for (unsigned i = 0; i < w->mappings; i++) {
		const struct memory_mapping *g = &w->mapping[i];

		if (!g->size || g->rom)
			continue;
		if (w->mapping_tracked[i])
			collect_tracked(w, g);
		else
			collect_all(w, g);
	}
}

/* Nothing was reported so far, so every page may have been written. */
int whpx_log_dirty(struct machine *m, struct error *e)
{
	struct whpx *w = whpx_of(m);

	if (w->log_dirty)
		return 0;
	w->log_dirty = w->ran = true;
	for (unsigned i = 0; i < w->mappings; i++) {
		struct memory_mapping g = w->mapping[i];

		if (g.size && !g.rom && (range_unmap(w, i, e) || range_map(w, i, &g, e)))
			return -1;
	}
	return 0;
}
