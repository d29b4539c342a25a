/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest RAM and its dirty log; see ram.h. Memory comes from an anonymous mapping, so pages that
 * the guest never touches cost nothing, in RAM and in digests (an untouched page is zero).
 */
#include "emulator/ram.h"

#include <stdlib.h>
#include <string.h>

#include "emulator/cpu/cpu.h"
#include "emulator/host/os.h"

int ram_open(struct ram *r, uint64_t size, struct error *e)
{
	memset(r, 0, sizeof(*r));
	size = (size + RAM_PAGE - 1) & ~(uint64_t)(RAM_PAGE - 1);
	r->base = os_memory_map(size);
	if (!r->base)
		return error_set(e, ERROR_HOST,
				 "cannot map %llu MiB of guest memory: %s (use a smaller -m)",
				 (unsigned long long)(size >> 20), os_error());
	r->size = size;
	r->pages = size / RAM_PAGE;
	r->guard = malloc(r->pages);
	r->dirty = calloc(r->pages, 1);
	for (int log = 0; log < RAM_LOG_COUNT; log++)
		r->list[log] = malloc(r->pages * sizeof(*r->list[log]));
	if (!r->guard || !r->dirty || !r->list[RAM_LOG_DIGEST] || !r->list[RAM_LOG_SNAPSHOT]) {
		ram_close(r);
		return error_set(e, ERROR_HOST,
				 "out of memory for a guest of %llu MiB (use a smaller -m)",
				 (unsigned long long)(size >> 20));
	}
	memset(r->guard, GUARD_CLEAN, r->pages);
	return 0;
}

void ram_close(struct ram *r)
{
	if (r->base)
		os_memory_unmap(r->base, r->size);
	free(r->guard);
	free(r->dirty);
	for (int log = 0; log < RAM_LOG_COUNT; log++)
		free(r->list[log]);
	memset(r, 0, sizeof(*r));
}

void ram_log_enter(struct ram *r, enum ram_log log, uint64_t page)
{
	if (r->dirty[page] & (1u << log))
		return;
	r->dirty[page] |= (uint8_t)(1u << log);
	r->list[log][r->listed[log]++] = (uint32_t)page;
}

void ram_page_dirty(struct ram *r, uint64_t page)
{
	r->guard[page] &= (uint8_t)~GUARD_CLEAN;
	for (int log = 0; log < RAM_LOG_COUNT; log++)
		ram_log_enter(r, (enum ram_log)log, page);
}

void ram_log_take(struct ram *r, enum ram_log log, void (*page)(void *opaque, uint64_t index),
		  void *opaque)
{
	uint64_t count = r->listed[log];

	r->listed[log] = 0;
	for (uint64_t i = 0; i < count; i++) {
		uint64_t index = r->list[log][i];

		r->dirty[index] &= (uint8_t) ~(1u << log);
		r->guard[index] |= GUARD_CLEAN;
		if (page)
			page(opaque, index);
	}
}
