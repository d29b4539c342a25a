/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest memory as instructions see it: segment, offset, size. The inline part is the fast path:
 * one segment check, one TLB compare, one host access. Everything else (limits of odd segments,
 * non-canonical addresses, page walks, page-crossing and misaligned accesses, MMIO, watchpoints,
 * protection) is in mmu.c. All of these can raise a guest fault and then do not return.
 */
#ifndef VCR_CPU_MEM_H
#define VCR_CPU_MEM_H

#include <string.h>

#include "emulator/cpu/cpu.h"

#define PAGE_BITS    12
#define PAGE_SIZE_4K 4096ull
#define PAGE_MASK    (~(PAGE_SIZE_4K - 1))

/* ---- slow paths (mmu.c) ---- */

uint64_t mem_read_slow(struct vcpu *v, unsigned seg, uint64_t offset, unsigned size);
void mem_write_slow(struct vcpu *v, unsigned seg, uint64_t offset, unsigned size, uint64_t value);
/* A read by a read-modify-write instruction: faults as a write does, then reads. */
uint64_t mem_read_rmw_slow(struct vcpu *v, unsigned seg, uint64_t offset, unsigned size);
/* The guard byte of the page at a RAM offset is not 0: see to it before storing `size` bytes. */
void mem_guard(struct vcpu *v, uint64_t ram_offset, unsigned size);

/* Any size up to 4096 (FXSAVE, XMM, 80-bit): all pages are checked before the first byte moves.
 * MMIO goes in pieces of at most 8 bytes, ascending. */
void mem_read_bytes(struct vcpu *v, unsigned seg, uint64_t offset, void *data, unsigned size);
void mem_write_bytes(struct vcpu *v, unsigned seg, uint64_t offset, const void *data,
		     unsigned size);
/* Fault exactly as a read or write of that range would, and do nothing else. */
void mem_probe_read(struct vcpu *v, unsigned seg, uint64_t offset, unsigned size);
void mem_probe_write(struct vcpu *v, unsigned seg, uint64_t offset, unsigned size);

/* Implicit supervisor accesses at a linear address: descriptor tables, TSS (SDM vol. 3A 4.6.1). */
uint64_t mem_read_system(struct vcpu *v, uint64_t linear, unsigned size);
void mem_write_system(struct vcpu *v, uint64_t linear, unsigned size, uint64_t value);

/*
 * Host address of up to *length bytes of plain RAM at seg:offset for a fast string operation, or
 * NULL when the slow path must be taken (MMIO, ROM write, watchpoint, or a fault would be due).
 * Never faults. *length is cut at the page end. For a write the guard has been seen to.
 */
uint8_t *mem_host_range(struct vcpu *v, unsigned seg, uint64_t offset, bool write,
			uint64_t *length);

/* Whether translating `linear` reads paging structures in this page of RAM, or would fault. */
bool mem_walk_reads(struct vcpu *v, uint64_t linear, uint64_t ram_offset);

/* Guest-physical page of an instruction fetch at a linear address; may raise #PF. Sets A. */
uint64_t mem_fetch_page(struct vcpu *v, uint64_t linear);
/* Up to 15 bytes at CS:rip for the decoder; returns how many before a fault would be due
 * (and leaves that fault, if any, described for mem_fetch_raise()). */
unsigned mem_fetch(struct vcpu *v, uint64_t rip, uint8_t *bytes, unsigned max);
/* Raises the fault of fetching the byte at CS:rip (#PF, #GP); returns if there is none. */
void mem_fetch_raise(struct vcpu *v, uint64_t rip);

/* ---- TLB (mmu.c) ---- */

void tlb_flush(struct vcpu *v, bool global_too);
void tlb_flush_page(struct vcpu *v, uint64_t linear); /* INVLPG */

/* Forgets what the shadow has: of one slot, of stores, all. */
static inline void tlb_shadow_drop(struct vcpu *v, unsigned set, unsigned slot)
{
	if (v->shadow && set < MMU_TRANSLATED)
		v->shadow->entry[set][slot] =
		    (struct tlb_shadow_entry){.read = TLB_EMPTY, .write = TLB_EMPTY};
}
void tlb_shadow_drop_stores(struct vcpu *v);
void tlb_shadow_clear(struct vcpu *v);

/* Translates without any side effect, for debuggers: false when not mapped. */
bool mem_debug_translate(struct vcpu *v, uint64_t linear, uint64_t *gpa);

/* What a translation is for: checked as such an access at the CPL, or exempt from checks. */
struct mem_purpose {
	bool write, fetch, exempt;
	bool mark; /* set accessed and dirty bits, as the access would */
};
struct mem_translation {
	bool ok;
	uint32_t error; /* of the #PF that is due (SDM vol. 3A 4.7) */
	uint64_t gpa;
};
struct mem_translation mem_translate(struct vcpu *v, uint64_t linear,
				     const struct mem_purpose *how);

/* ---- fast paths ---- */

static inline uint64_t mem_linear(const struct vcpu *v, const struct segment *s, uint64_t offset)
{
	return (s->base + offset) & v->c->linear_mask;
}

static inline struct tlb_entry *tlb_slot(struct vcpu *v, uint64_t linear)
{
	return &v->tlb->data[v->c->mmu][(linear >> PAGE_BITS) & (TLB_SIZE - 1)];
}

#define MEM_ACCESS(bits)                                                                           \
	static inline uint##bits##_t mem_read##bits(struct vcpu *v, unsigned seg, uint64_t offset) \
	{                                                                                          \
		const struct segment *s = &v->c->seg[seg];                                         \
		uint64_t linear = mem_linear(v, s, offset);                                        \
		const struct tlb_entry *t = tlb_slot(v, linear);                                   \
		uint##bits##_t value;                                                              \
                                                                                                   \
		if (likely(offset + bits / 8 <= s->read_span &&                                    \
			   ((linear + bits / 8 - 1) & PAGE_MASK) == t->read)) {                    \
			memcpy(&value, v->ram + (linear + t->delta), sizeof(value));               \
			return value;                                                              \
		}                                                                                  \
		return (uint##bits##_t)mem_read_slow(v, seg, offset, bits / 8);                    \
	}                                                                                          \
	static inline uint##bits##_t mem_read_rmw##bits(struct vcpu *v, unsigned seg,              \
							uint64_t offset)                           \
	{                                                                                          \
		const struct segment *s = &v->c->seg[seg];                                         \
		uint64_t linear = mem_linear(v, s, offset);                                        \
		const struct tlb_entry *t = tlb_slot(v, linear);                                   \
		uint##bits##_t value;                                                              \
                                                                                                   \
		if (likely(offset + bits / 8 <= s->write_span &&                                   \
			   ((linear + bits / 8 - 1) & PAGE_MASK) == t->write)) {                   \
			memcpy(&value, v->ram + (linear + t->delta), sizeof(value));               \
			return value;                                                              \
		}                                                                                  \
		return (uint##bits##_t)mem_read_rmw_slow(v, seg, offset, bits / 8);                \
	}                                                                                          \
	static inline void mem_write##bits(struct vcpu *v, unsigned seg, uint64_t offset,          \
					   uint##bits##_t value)                                   \
	{                                                                                          \
		const struct segment *s = &v->c->seg[seg];                                         \
		uint64_t linear = mem_linear(v, s, offset);                                        \
		const struct tlb_entry *t = tlb_slot(v, linear);                                   \
                                                                                                   \
		if (likely(offset + bits / 8 <= s->write_span &&                                   \
			   ((linear + bits / 8 - 1) & PAGE_MASK) == t->write)) {                   \
			uint64_t at = linear + t->delta;                                           \
                                                                                                   \
			if (unlikely(v->guard[at >> PAGE_BITS]))                                   \
				mem_guard(v, at, bits / 8);                                        \
			memcpy(v->ram + at, &value, sizeof(value));                                \
			return;                                                                    \
		}                                                                                  \
		mem_write_slow(v, seg, offset, bits / 8, value);                                   \
	}

MEM_ACCESS(8)
MEM_ACCESS(16)
MEM_ACCESS(32)
MEM_ACCESS(64)
#undef MEM_ACCESS

#endif
