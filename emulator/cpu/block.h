/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decoded-block cache. A block is a run of instructions within one page of RAM, decoded once
 * for one code size and found again by its guest-physical address. Whether an instruction came
 * from the cache is never visible to the guest: each entry to a block looks its page up in the
 * code TLB, and a store to decoded bytes removes them before the next instruction begins.
 */
#ifndef VCR_CPU_BLOCK_H
#define VCR_CPU_BLOCK_H

#include "emulator/cpu/insn.h"

struct block {
	struct block *next;  /* in the same bucket of its page */
	uint64_t ram_offset; /* of the first byte */
	uint64_t key;        /* under which it is in the front table, or FRONT_NONE */
	uint16_t bytes;
	uint8_t count;
	uint8_t code_bits;
	uint16_t heat;       /* a translator's: how often it was interpreted */
	void *translations;  /* a translator's */
	bool is_extended;    /* by block_extend() */
	struct block *other; /* of a block its extension, or of that what it is of; or NULL */
	struct insn insn[];
};

#define BLOCK_FRONT_BITS 13
#define BLOCK_FRONT      (1u << BLOCK_FRONT_BITS)

/* What was entered lately, by guest-physical address and code size. */
struct block_front {
	uint64_t key;
	struct block *block;
};

struct code_page;

struct block_cache {
	/*
	 * End of the instructions that may still run from the current block; NULL when nothing may
	 * run but the current instruction, because it overwrote its block or never came from one.
	 * A repeated string instruction then stops after one iteration and is fetched anew.
	 */
	const struct insn *end;
	struct block *running;
	struct block *zombie;    /* removed while it was running */
	struct code_page **page; /* by RAM page */
	uint64_t pages;
	size_t bytes;       /* of all blocks and code pages */
	struct insn single; /* an instruction that no block can hold */
	struct block_front front[BLOCK_FRONT];
};

/*
 * First instruction of what is to run at CS:RIP, and block_cache.end set to match. Raises the
 * fault of fetching it; v->insn must be NULL then.
 */
const struct insn *block_enter(struct vcpu *v);

/*
 * The same block, but going on behind conditional jumps, for a translator: the interpreter does not
 * come to it. NULL when it would be no longer. It goes when the block does, if not before.
 */
struct block *block_extend(struct vcpu *v, struct block *b);

/*
 * RAM [ram_offset, ram_offset + size) is about to be stored to: decoded instructions that overlap
 * it are forgotten. Called by mem_guard() for pages with GUARD_CODE, which is cleared when the
 * page holds no more blocks.
 */
void block_store(struct vcpu *v, uint64_t ram_offset, uint64_t size);

/* Must the interpreter fetch anew after the current instruction (or its current iteration)? */
static inline bool block_stale(const struct vcpu *v)
{
	return !v->blocks->end;
}

#endif
