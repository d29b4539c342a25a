/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counting emulated instructions; see emulated.h.
 *
 * The event has the bytes of one instruction, but not the size of the code that it was in. Of the
 * sizes in which the bytes are exactly one instruction, the likeliest one for the address is shown.
 */
#include "tools/emulated.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <capstone/capstone.h>

/* In one code size: the length, 0 for none. */
static size_t disassemble(cs_mode mode, const struct event *e, char *text, size_t size)
{
	cs_insn *insn = NULL;
	size_t length = 0;
	csh capstone;

	if (cs_open(CS_ARCH_X86, mode, &capstone) != CS_ERR_OK)
		return 0;
	if (cs_disasm(capstone, e->bytes, e->length, e->address, 1, &insn) == 1) {
		length = insn->size;
		snprintf(text, size, "%s %s", insn->mnemonic, insn->op_str);
		cs_free(insn, 1);
	}
	cs_close(&capstone);
	return length;
}

static size_t likeliest(const struct event *e, char *text, size_t size)
{
	static const cs_mode order[3][3] = {
	    {CS_MODE_16, CS_MODE_32, CS_MODE_64}, /* up to 64 KiB */
	    {CS_MODE_32, CS_MODE_64, CS_MODE_16}, /* up to 4 GiB */
	    {CS_MODE_64, CS_MODE_64, CS_MODE_64},
	};
	const cs_mode *mode = order[(e->address > 0xffff) + (e->address > UINT32_MAX)];
	size_t length;

	for (unsigned i = 0; i < 3; i++) {
		length = disassemble(mode[i], e, text, size);
		if (length == e->length)
			return length;
	}
	length = disassemble(mode[0], e, text, size);
	if (!length)
		snprintf(text, size, "(not an instruction)");
	return length ? length : e->length;
}

void emulated_count(struct emulated_list *l, const struct event *e)
{
	struct emulated new = {.count = 1};
	size_t length = likeliest(e, new.text, sizeof(new.text));

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
