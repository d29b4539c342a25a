/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest RAM and ROM: one host mapping, addressed by RAM offset, and what is known about its
 * pages. Which guest-physical address shows which part is the bus's affair (bus/bus.h).
 *
 * Dirty log: each consumer sees every page that was written since it last took the log.
 */
#ifndef VCR_RAM_H
#define VCR_RAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/error.h"

#define RAM_PAGE 4096u

enum ram_log { RAM_LOG_DIGEST, RAM_LOG_SNAPSHOT, RAM_LOG_COUNT };

struct ram {
	uint8_t *base;
	uint64_t size; /* multiple of RAM_PAGE */
	uint64_t pages;
	uint8_t *guard; /* GUARD_* of cpu.h, one byte per page */
	uint8_t *dirty; /* one bit per consumer */
	/* Pages with any dirty bit, in the order of their first write. */
	uint32_t *list[RAM_LOG_COUNT];
	uint64_t listed[RAM_LOG_COUNT];
};

int ram_open(struct ram *r, uint64_t size, struct error *e);
void ram_close(struct ram *r);

/* Enters a page in one log. */
void ram_log_enter(struct ram *r, enum ram_log log, uint64_t page);
/* Enters a page that is being written in the logs of all. */
void ram_page_dirty(struct ram *r, uint64_t page);
/* Hands the consumer's dirty pages over and starts its log anew. */
void ram_log_take(struct ram *r, enum ram_log log, void (*page)(void *opaque, uint64_t index),
		  void *opaque);

#endif
