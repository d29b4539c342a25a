/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPUID, from vcr's own table; and as a hypervisor answered it, where that is not what it was told
 * to answer. Some KVMs (those that run guests without VMX or SVM) show some bits of the host's
 * processor whatever they were told, and all of it to 64-bit code at CPL 3, which they run as it
 * is. A session on such a host is recorded with a table of what differs, and replayed with those
 * answers.
 */
#ifndef VCR_CPUID_H
#define VCR_CPUID_H

#include <stdbool.h>
#include <stdint.h>

#include "emulator/cpu/cpu.h"

/* From where CPUID is executed. Bits, and stored in traces: never change one. */
#define CPUID_LEGACY 1u /* not in long mode */
#define CPUID_KERNEL 2u /* long mode, CPL 0 to 2 */
#define CPUID_USER   4u /* 64-bit code at CPL 3 */
#define CPUID_COMPAT 8u /* compatibility mode at CPL 3 */
#define CPUID_ALL    15u

/* Stands for every leaf that lies outside the ranges which the processor has. */
#define CPUID_OUTSIDE 0x20000000u

#define CPUID_ENTRIES 1024

struct cpuid_entry {
	uint8_t contexts; /* CPUID_LEGACY | ... */
	uint32_t leaf, sub;
	uint32_t out[4]; /* EAX, EBX, ECX, EDX */
};

struct cpuid_table {
	unsigned entries;
	struct cpuid_entry entry[CPUID_ENTRIES];
};

/* CPUID's answer in EAX, EBX, ECX and EDX on this model, `c` being in the state that it is. */
void cpuid_query(const struct cpu_model *model, const struct cpu *c, uint32_t leaf, uint32_t sub,
		 uint32_t out[4]);

/* The context that the vCPU is in. */
unsigned cpuid_context(const struct cpu *c);
/* Does ECX choose between answers of this leaf (Intel SDM vol. 2A, AMD APM vol. 3 E)? */
bool cpuid_is_indexed(uint32_t leaf);
/* The table's answer, or NULL: none, as is always so for a NULL table. */
const struct cpuid_entry *cpuid_table_find(const struct cpuid_table *t, unsigned context,
					   uint32_t leaf, uint32_t sub);
/* Makes the table when *table is NULL. -1: it is full, or no memory. */
int cpuid_table_add(struct cpuid_table **table, const struct cpuid_entry *entry);

/* "CONTEXTS LEAF SUB EAX EBX ECX EDX", all hexadecimal; and back, whoever wrote it: false when it
 * is not that. */
#define CPUID_ENTRY_TEXT 72
void cpuid_entry_write(const struct cpuid_entry *e, char text[CPUID_ENTRY_TEXT]);
bool cpuid_entry_read(const char *text, struct cpuid_entry *e);

#endif
