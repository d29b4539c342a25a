/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SSE4.2's string comparisons and CRC32. Offered by model x86-64-v2 only.
 * Intel SDM vol. 1 12.10.2 and vol. 2B 4.1 ("Imm8 control byte operation for PCMPxSTRx").
 */
#include "emulator/cpu/flags.h"
#include "emulator/cpu/simd.h"

/* ---- PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM ---- */

/* The control byte. */
#define STRING_WORDS    0x01
#define STRING_SIGNED   0x02
#define STRING_HOW(c)   ((c) >> 2 & 3)
#define STRING_NEGATIVE 0x10
#define STRING_MASKED   0x20 /* negation only where the second string has elements */
#define STRING_HIGH     0x40 /* index: the last match; mask: whole lanes instead of bits */

enum { EQUAL_ANY, RANGES, EQUAL_EACH, EQUAL_ORDERED };

/* One operand: its elements, and how many are valid. */
struct string {
	int32_t at[16];
	unsigned length;
};

static unsigned string_elements(unsigned control)
{
	return control & STRING_WORDS ? 8 : 16;
}

static void string_elements_get(struct string *s, const union xmm *x, unsigned control)
{
	for (unsigned n = 0; n < string_elements(control); n++) {
		if (control & STRING_WORDS)
			s->at[n] = control & STRING_SIGNED ? (int16_t)x->u16[n] : x->u16[n];
		else
			s->at[n] = control & STRING_SIGNED ? (int8_t)x->u8[n] : x->u8[n];
	}
}

/* Implicit length: up to the first zero element. */
static unsigned string_length_implicit(const struct string *s, unsigned control)
{
	unsigned n = 0;

	while (n < string_elements(control) && s->at[n])
		n++;
	return n;
}

/* Explicit length: the magnitude of EAX or EDX (with REX.W, RAX or RDX), saturated. */
static unsigned string_length_explicit(uint64_t value, bool wide, unsigned control)
{
	int64_t length = wide ? (int64_t)value : (int32_t)value;
	uint64_t magnitude = length < 0 ? -(uint64_t)length : (uint64_t)length;

	return magnitude < string_elements(control) ? (unsigned)magnitude
						    : string_elements(control);
}

/* Is element c in the set a (EQUAL_ANY), or in one of its pairs low..high (RANGES)? */
static bool string_contains(const struct string *a, int32_t c, unsigned how)
{
	if (how == RANGES) {
		for (unsigned n = 0; n + 1 < a->length; n += 2)
			if (a->at[n] <= c && c <= a->at[n + 1])
				return true;
		return false;
	}
	for (unsigned n = 0; n < a->length; n++)
		if (a->at[n] == c)
			return true;
	return false;
}

/* Does a stand in b at `from`, as far as the register goes? */
static bool string_stands_at(const struct string *a, const struct string *b, unsigned from,
			     unsigned elements)
{
	for (unsigned n = 0; n < a->length && from + n < elements; n++)
		if (from + n >= b->length || a->at[n] != b->at[from + n])
			return false;
	return true;
}

/* IntRes1 of the manual: one bit for each element of b. */
static uint32_t string_matches(const struct string *a, const struct string *b, unsigned control)
{
	const unsigned elements = string_elements(control), how = STRING_HOW(control);
	uint32_t matches = 0;

	for (unsigned n = 0; n < elements; n++) {
		bool match;

		if (how == EQUAL_ORDERED)
			match = string_stands_at(a, b, n, elements);
		else if (how != EQUAL_EACH)
			match = n < b->length && string_contains(a, b->at[n], how);
		else if (n < a->length && n < b->length)
			match = a->at[n] == b->at[n];
		else
			match = n >= a->length && n >= b->length;
		matches |= (uint32_t)match << n;
	}
	return matches;
}

/* IntRes2: after the polarity. Sets the flags. */
static uint32_t string_compare(struct vcpu *v, const struct insn *i, bool explicit)
{
	const unsigned control = (uint8_t)i->immediate, elements = string_elements(control);
	const union xmm s = xmm_read_unaligned(v, i);
	struct string a, b;
	uint32_t matches;

	string_elements_get(&a, xmm_reg(v, i->reg), control);
	string_elements_get(&b, &s, control);
	if (explicit) {
		a.length = string_length_explicit(v->c->reg[GPR_RAX], i->rex_w, control);
		b.length = string_length_explicit(v->c->reg[GPR_RDX], i->rex_w, control);
	} else {
		a.length = string_length_implicit(&a, control);
		b.length = string_length_implicit(&b, control);
	}
	matches = string_matches(&a, &b, control);
	if (control & STRING_NEGATIVE)
		matches ^= (1u << (control & STRING_MASKED ? b.length : elements)) - 1;
	flags_set_status(v->c, (matches ? FLAG_CF : 0) | (b.length < elements ? FLAG_ZF : 0) |
				   (a.length < elements ? FLAG_SF : 0) |
				   (matches & 1 ? FLAG_OF : 0));
	return matches;
}

static void string_index(struct vcpu *v, const struct insn *i, bool explicit)
{
	uint32_t matches, index;

	fpu_check_sse(v);
	matches = string_compare(v, i, explicit);
	if (!matches)
		index = string_elements((uint8_t)i->immediate);
	else if (i->immediate & STRING_HIGH)
		index = 31 - (uint32_t)__builtin_clz(matches);
	else
		index = (uint32_t)__builtin_ctz(matches);
	v->c->reg[GPR_RCX] = index;
}

static void string_mask(struct vcpu *v, const struct insn *i, bool explicit)
{
	union xmm d = {.u64 = {0}};
	uint32_t matches;

	fpu_check_sse(v);
	matches = string_compare(v, i, explicit);
	if (!(i->immediate & STRING_HIGH))
		d.u32[0] = matches;
	else if (i->immediate & STRING_WORDS)
		for (unsigned n = 0; n < 8; n++)
			d.u16[n] = matches >> n & 1 ? UINT16_MAX : 0;
	else
		for (unsigned n = 0; n < 16; n++)
			d.u8[n] = matches >> n & 1 ? UINT8_MAX : 0;
	*xmm_reg(v, 0) = d;
}

static void pcmpestri(struct vcpu *v, const struct insn *i)
{
	string_index(v, i, true);
}

static void pcmpestrm(struct vcpu *v, const struct insn *i)
{
	string_mask(v, i, true);
}

static void pcmpistri(struct vcpu *v, const struct insn *i)
{
	string_index(v, i, false);
}

static void pcmpistrm(struct vcpu *v, const struct insn *i)
{
	string_mask(v, i, false);
}

/* ---- CRC32 ---- */

/* The Castagnoli polynomial 11EDC6F41h, bits reflected; no inversion before or after. */
static uint32_t crc32_update(uint32_t crc, uint64_t data, unsigned bytes)
{
	for (unsigned n = 0; n < bytes; n++, data >>= 8) {
		crc ^= (uint8_t)data;
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return crc;
}

/* No vector register takes part: available whatever CR0.TS and CR4.OSFXSR say. */
SIMD_INLINE void crc32_size(struct vcpu *v, const struct insn *i, unsigned bytes, uint64_t data)
{
	v->c->reg[i->reg] = crc32_update((uint32_t)v->c->reg[i->reg], data, bytes);
}

static void crc32_byte(struct vcpu *v, const struct insn *i)
{
	uint64_t data;

	if (!i->is_reg)
		data = mem_read8(v, i->seg, insn_address(v, i));
	else if (!i->rex && i->rm >= 4) /* AH, CH, DH, BH */
		data = v->c->reg[i->rm - 4] >> 8;
	else
		data = v->c->reg[i->rm];
	crc32_size(v, i, 1, data);
}

static void crc32(struct vcpu *v, const struct insn *i)
{
	if (i->is_reg)
		crc32_size(v, i, i->operand, v->c->reg[i->rm]);
	else if (i->operand == 2)
		crc32_size(v, i, 2, mem_read16(v, i->seg, insn_address(v, i)));
	else
		crc32_size(v, i, i->operand, gpr_read(v, i));
}

static const struct simd_row rows[] = {
    /* opcode, flags, { none, 66, F3, F2 } */
    {0x38f0, 0, {NULL, NULL, NULL, crc32_byte}},
    {0x38f1, 0, {NULL, NULL, NULL, crc32}},
    {0x3a60, 0, {NULL, pcmpestrm}},
    {0x3a61, 0, {NULL, pcmpestri}},
    {0x3a62, 0, {NULL, pcmpistrm}},
    {0x3a63, 0, {NULL, pcmpistri}},
};

const struct simd_table simd_string_table = {rows, sizeof(rows) / sizeof(rows[0]), true};
