/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPUID as a hypervisor answered it; see cpuid.h. Entries are few, and CPUID is rare, so
 * they are searched one by one.
 */
#include "emulator/cpu/cpuid.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_NUMBERS 7

unsigned cpuid_context(const struct cpu *c)
{
	if (!(c->efer & EFER_LMA))
		return CPUID_LEGACY;
	if (c->cpl < 3)
		return CPUID_KERNEL;
	return c->code_bits == 64 ? CPUID_USER : CPUID_COMPAT;
}

bool cpuid_is_indexed(uint32_t leaf)
{
	static const uint32_t indexed[] = {
	    0x04, 0x07, 0x0b, 0x0d, 0x0f, 0x10, 0x12, 0x14,       0x17,       0x18,       0x1a,
	    0x1b, 0x1d, 0x1e, 0x1f, 0x20, 0x23, 0x24, 0x8000001d, 0x80000020, 0x80000026,
	};

	for (size_t i = 0; i < sizeof(indexed) / sizeof(indexed[0]); i++) {
		if (indexed[i] == leaf)
			return true;
	}
	return false;
}

const struct cpuid_entry *cpuid_table_find(const struct cpuid_table *t, unsigned context,
					   uint32_t leaf, uint32_t sub)
{
	bool indexed = cpuid_is_indexed(leaf);

	for (unsigned i = 0; t && i < t->entries; i++) {
		const struct cpuid_entry *e = &t->entry[i];

		if (e->leaf == leaf && (!indexed || e->sub == sub) && (e->contexts & context))
			return e;
	}
	return NULL;
}

static bool same_answer(const struct cpuid_entry *a, const struct cpuid_entry *b)
{
	return a->leaf == b->leaf && a->sub == b->sub && !memcmp(a->out, b->out, sizeof(a->out));
}

int cpuid_table_add(struct cpuid_table **table, const struct cpuid_entry *entry)
{
	struct cpuid_table *t = *table;

	for (unsigned i = 0; t && i < t->entries; i++) {
		if (same_answer(&t->entry[i], entry)) {
			t->entry[i].contexts |= entry->contexts;
			return 0;
		}
	}
	if (!t) {
		t = calloc(1, sizeof(*t));
		*table = t;
	}
	if (!t || t->entries == CPUID_ENTRIES)
		return -1;
	t->entry[t->entries++] = *entry;
	return 0;
}

void cpuid_entry_write(const struct cpuid_entry *e, char text[CPUID_ENTRY_TEXT])
{
	snprintf(text, CPUID_ENTRY_TEXT,
		 "%x %" PRIx32 " %" PRIx32 " %" PRIx32 " %" PRIx32 " %" PRIx32 " %" PRIx32,
		 e->contexts, e->leaf, e->sub, e->out[0], e->out[1], e->out[2], e->out[3]);
}

/* A hexadecimal number of at most eight lower case digits; NULL: that is none. */
static const char *number_read(const char *at, uint32_t *value)
{
	static const char digits[] = "0123456789abcdef";
	unsigned n = 0;

	for (*value = 0; n < 9 && *at && strchr(digits, *at); n++, at++)
		*value = *value << 4 | (uint32_t)(strchr(digits, *at) - digits);
	return n >= 1 && n <= 8 ? at : NULL;
}

bool cpuid_entry_read(const char *text, struct cpuid_entry *e)
{
	uint32_t number[LINE_NUMBERS];

	for (unsigned i = 0; i < LINE_NUMBERS; i++) {
		if (i && *text++ != ' ')
			return false;
		text = number_read(text, &number[i]);
		if (!text)
			return false;
	}
	if (*text || !number[0] || number[0] > CPUID_ALL)
		return false;
	*e = (struct cpuid_entry){
	    .contexts = (uint8_t)number[0], .leaf = number[1], .sub = number[2]};
	memcpy(e->out, &number[3], sizeof(e->out));
	return true;
}
