/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counting emulated instructions; see emulated.h.
 *
 * `emulated` has the bytes of one instruction, but not the size of the code that it was in. Of the
 * sizes in which the bytes are exactly one instruction, the likeliest one for the address is shown.
 */
#include "tools/emulated.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/cpu/insn.h"
#include "emulator/disasm.h"

static size_t length_in(unsigned code_bits, const struct event *e)
{
	struct cpu_model model;
	struct insn insn;

	cpu_model_parse("max", &model);
	return insn_decode(&model, code_bits, e->bytes, e->length < 15 ? (unsigned)e->length : 15,
			   &insn);
}

/* Names the instruction; returns its length. */
static size_t likeliest(const struct event *e, char *text, size_t size)
{
	static const unsigned order[3][3] = {
	    {16, 32, 64}, /* up to 64 KiB */
	    {32, 64, 16}, /* up to 4 GiB */
	    {64, 64, 64},
	};
	const unsigned *bits = order[(e->address > 0xffff) + (e->address > UINT32_MAX)];
	unsigned chosen = 0;
	size_t length;

	while (chosen < 2 && length_in(bits[chosen], e) != e->length)
		chosen++;
	if (length_in(bits[chosen], e) != e->length)
		chosen = 0;
	length = length_in(bits[chosen], e);
	disasm(e->bytes, e->length, bits[chosen], e->address, text, size);
	return length ? length : e->length;
}

/* The same of an event that says what the size of code was; it may have no bytes. */
static size_t told(const struct event *e, char *text, size_t size)
{
	if (e->length)
		disasm(e->bytes, e->length, e->size, e->address, text, size);
	else
		snprintf(text, size, "(fetched from where no memory is)");
	return e->length;
}

void emulated_count(struct emulated_list *l, const struct event *e)
{
	struct emulated new = {.count = 1};
	size_t length = e->kind == EVENT_FALLBACK ? told(e, new.text, sizeof(new.text))
						  : likeliest(e, new.text, sizeof(new.text));

	new.length = (uint8_t)(length < sizeof(new.bytes) ? length : sizeof(new.bytes));
	memcpy(new.bytes, e->bytes, new.length);
	for (unsigned i = 0; i < l->used; i++) {
		if (l->of[i].length == new.length &&
		    !memcmp(l->of[i].bytes, new.bytes, new.length) &&
		    !strcmp(l->of[i].text, new.text)) {
			l->of[i].count++;
			return;
		}
	}
	if (l->used < EMULATED_MAX)
		l->of[l->used++] = new;
	else
		l->others++;
}

static int compare(const void *a, const void *b)
{
	const struct emulated *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return memcmp(x->bytes, y->bytes, sizeof(x->bytes));
}

void emulated_sort(struct emulated_list *l)
{
	qsort(l->of, l->used, sizeof(l->of[0]), compare);
}

const char *emulated_bytes(const struct emulated *i, const char *between, char text[64])
{
	size_t used = 0;

	text[0] = 0;
	for (unsigned n = 0; n < i->length; n++)
		used += (size_t)snprintf(text + used, 64 - used, "%s%02x", n ? between : "",
					 i->bytes[n]);
	return text;
}
