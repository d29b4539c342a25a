/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segments, selectors, descriptors and the stack, as the system instructions and the delivery of
 * exceptions use them (Intel SDM vol. 3A chapters 3 and 5).
 */
#ifndef VCR_CPU_SEGMENT_H
#define VCR_CPU_SEGMENT_H

#include "emulator/cpu/cpu.h"

/* System descriptor types, SDM vol. 3A table 3-2. In long mode the 32-bit ones are the 64-bit. */
enum {
	SYS_TSS16 = 1,
	SYS_LDT = 2,
	SYS_TSS16_BUSY = 3,
	SYS_CALL_GATE16 = 4,
	SYS_TASK_GATE = 5,
	SYS_INT_GATE16 = 6,
	SYS_TRAP_GATE16 = 7,
	SYS_TSS32 = 9,
	SYS_TSS32_BUSY = 11,
	SYS_CALL_GATE32 = 12,
	SYS_INT_GATE32 = 14,
	SYS_TRAP_GATE32 = 15,
};
#define SYS_TSS_BUSY 2u

/* A descriptor as read from a table; high is the second half of a 16-byte one, else 0. */
struct descriptor {
	uint64_t low, high;
};

static inline uint16_t descriptor_attr(const struct descriptor *d)
{
	return (uint16_t)(d->low >> 40) & 0xf0ff;
}

static inline unsigned gate_selector(const struct descriptor *d)
{
	return (uint16_t)(d->low >> 16);
}

/* Entry point of a 16-bit, 32-bit or 64-bit gate. */
static inline uint64_t gate_offset(const struct descriptor *d)
{
	return (d->low & 0xffff) | ((d->low >> 32) & 0xffff0000) | (d->high << 32);
}

static inline bool selector_is_null(unsigned selector)
{
	return !(selector & 0xfffc);
}

static inline bool cpu_long_mode(const struct cpu *c)
{
	return c->efer & EFER_LMA;
}

/* Protected mode proper: descriptors are looked at. */
static inline bool cpu_protected(const struct cpu *c)
{
	return (c->cr0 & CR0_PE) && !(c->rflags & FLAG_VM);
}

static inline bool cpu_virtual8086(const struct cpu *c)
{
	return c->rflags & FLAG_VM;
}

static inline unsigned cpu_iopl(const struct cpu *c)
{
	return (c->rflags >> 12) & 3;
}

/* 48-bit linear addresses: bits 63..47 all equal. */
static inline bool address_is_canonical(uint64_t linear)
{
	return (uint64_t)((int64_t)(linear << 16) >> 16) == linear;
}

/* Raises `vector` with the selector as error code; `ext` is its EXT bit (SDM vol. 3A 6.13). */
_Noreturn void selector_fault(struct vcpu *v, unsigned vector, unsigned selector, unsigned ext);

/* Reads a descriptor from the GDT or LDT; false when the selector is beyond the table's limit. */
bool descriptor_read(struct vcpu *v, unsigned selector, struct descriptor *d);
/* The same with the second 8 bytes in long mode: LDT, TSS and call gate descriptors. */
bool descriptor_read_system(struct vcpu *v, unsigned selector, struct descriptor *d);
/* Sets the accessed bit of a code or data descriptor in memory, and in d, when it is clear. */
void descriptor_set_accessed(struct vcpu *v, unsigned selector, struct descriptor *d);
/* Sets or clears the busy bit of a TSS descriptor in memory. */
void descriptor_set_busy(struct vcpu *v, unsigned selector, bool busy);
/* The hidden part of a segment register, unpacked; spans are 0. */
struct segment segment_from_descriptor(unsigned selector, const struct descriptor *d);

/* What a load of a null selector leaves: an unusable segment with that DPL. */
struct segment segment_null(unsigned selector, unsigned dpl);
/* Real-address and virtual-8086 mode loads (SDM vol. 3B 20.1.1). */
void segment_load_real(struct vcpu *v, unsigned seg, unsigned selector);
/* Puts a segment in place and derives its spans. */
void segment_set(struct cpu *c, unsigned seg, struct segment s);
/*
 * Loads ES, SS, DS, FS or GS as MOV does in the current mode, with every check. The caller then
 * calls cpu_update_mode().
 */
void segment_load(struct vcpu *v, unsigned seg, unsigned selector);
/*
 * Checks a stack segment selector for privilege level `cpl` and returns what SS becomes. Faults
 * are `vector` (#GP or #TS) with the selector, or #SS when it is not present.
 */
struct segment segment_check_stack(struct vcpu *v, unsigned selector, unsigned cpl, unsigned vector,
				   unsigned ext);
/* Makes ES DS FS GS null where a return to `cpl` may not keep them. */
void segment_null_outer(struct vcpu *v, unsigned cpl);

/* Derives read_span and write_span of one segment. */
void segment_update(struct cpu *c, unsigned seg);
/* Whether [offset, offset + size) may be accessed: presence, type, limit. Not for 64-bit mode. */
bool segment_allows(const struct cpu *c, const struct segment *s, uint64_t offset, uint64_t size,
		    bool write);

/* TLB set of the explicit accesses of a privilege level. */
unsigned cpu_mmu_set(const struct cpu *c, unsigned cpl);

/*
 * A stack being pushed to or popped from without being the current one yet: nothing in struct
 * cpu changes until the caller takes over ss and sp.
 */
struct frame {
	struct segment ss;
	uint64_t sp;
	uint64_t mask;  /* bits of SP in use */
	unsigned mmu;   /* TLB set */
	uint32_t error; /* of the #SS that leaving the segment raises */
	bool flat;      /* 64-bit: no base, no limit, canonical addresses */
};
struct frame frame_current(const struct vcpu *v, uint32_t error);
struct frame frame_make(const struct vcpu *v, struct segment ss, uint64_t sp, unsigned cpl,
			bool flat, uint32_t error);
void frame_push(struct vcpu *v, struct frame *f, unsigned size, uint64_t value);
uint64_t frame_pop(struct vcpu *v, struct frame *f, unsigned size);
/* RSP becomes the frame's pointer, but for bits that the stack does not use. */
void frame_commit_pointer(struct cpu *c, const struct frame *f);

/* LLDT and LTR; checks and faults as the instructions. */
void segment_load_ldtr(struct vcpu *v, unsigned selector);
void segment_load_tr(struct vcpu *v, unsigned selector);
/* LAR, LSL, VERR, VERW: whether the selector passes; the first two give their result. */
bool selector_lar(struct vcpu *v, unsigned selector, uint32_t *attributes);
bool selector_lsl(struct vcpu *v, unsigned selector, uint32_t *limit);
bool selector_verify(struct vcpu *v, unsigned selector, bool write);

#endif
