/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vCPU of cpu_fixture.h with what a system has: privilege level 3 segments, a TSS for 32- or
 * 64-bit mode, an LDT, room for gates, page tables of a test's own. Model is max.
 */
#ifndef VCR_TEST_SYSTEM_FIXTURE_H
#define VCR_TEST_SYSTEM_FIXTURE_H

#include "emulator/cpu/mem.h"
#include "emulator/cpu/segment.h"
#include "tests/unit/cpu/cpu_fixture.h"

/* Selectors; the first three are cpu_fixture.c's. */
enum {
	SEL_CODE64 = 0x08,
	SEL_DATA = 0x10,
	SEL_CODE32 = 0x18,
	SEL_USER_CODE32 = 0x20, /* for SYSRET: code 32, data, code 64 in this order */
	SEL_USER_DATA = 0x28,
	SEL_USER_CODE64 = 0x30,
	SEL_CONFORMING = 0x38, /* 32-bit, DPL 0 */
	SEL_TSS = 0x40,        /* and 48h in 64-bit mode */
	SEL_LDT = 0x50,        /* and 58h */
	SEL_FREE = 0x60,       /* and so on up to F8h: not present until a test fills them */
	SEL_LAST = 0xf8,
};

#define SYSTEM_GDT        0x110000u
#define SYSTEM_LDT        0x111000u
#define SYSTEM_TSS        0x112000u
#define SYSTEM_TSS2       0x113000u
#define SYSTEM_IDT        0x105000u /* cpu_fixture.c's */
#define SYSTEM_STACK0     0x20000u  /* SS:ESP0, RSP0 */
#define SYSTEM_STACK_IST1 0x28000u
#define SYSTEM_STACK3     0x30000u
#define SYSTEM_FREE       0x200000u /* RAM for tests, up to the end */

void system_open(struct cpu_fixture *f, unsigned bits);

/* Fills in a GDT entry, or the second half of a 16-byte one at selector + 8. */
void system_gdt(struct cpu_fixture *f, unsigned selector, uint64_t value);
uint64_t system_gdt_get(const struct cpu_fixture *f, unsigned selector);
/* A gate: of the GDT or IDT; attributes as 0x8e00, offset up to 32 bits. */
uint64_t system_gate(unsigned selector, uint32_t offset, unsigned attributes);
/* Descriptor of a segment: attributes as struct segment's attr. */
uint64_t system_descriptor(uint32_t base, uint32_t limit, unsigned attributes);
/* Makes the IDT's gate for a vector, in the fixture's mode, to its stub. */
void system_idt(struct cpu_fixture *f, unsigned vector, unsigned selector, unsigned attributes);

/* To privilege level 3 with flat segments (and RSP SYSTEM_STACK3), or to virtual-8086 mode. */
void system_user(struct cpu_fixture *f);
void system_virtual8086(struct cpu_fixture *f, unsigned iopl);

/* Code that is run once: loads at the current CS, runs n instructions, returns the vector or -1. */
int system_run(struct cpu_fixture *f, const void *code, size_t size, uint64_t n);

/* Item n from the top of the current stack, in the size of the mode. */
uint64_t system_stack(const struct cpu_fixture *f, unsigned n);

/* A guest fault in a direct call: TRY(f, vcpu_call(...)) is the vector or -1. */
#define TRY(f, result, statement)                                                                  \
	do {                                                                                       \
		if (setjmp((f)->v.fault)) {                                                        \
			(result) = (f)->v.fault_vector;                                            \
		} else {                                                                           \
			statement;                                                                 \
			(result) = -1;                                                             \
		}                                                                                  \
	} while (0)

#endif
