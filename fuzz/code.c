/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs for targets that run guest code; see code.h. An instruction is prefixes, an opcode that
 * is chosen by how much there is to get wrong about it, a ModRM byte that likes registers which
 * hold addresses, and an immediate operand that is often small. The decoder then says where it
 * ends.
 */
#include "fuzz/code.h"

#include <string.h>

#include "emulator/cpu/insn.h"

static bool one_in(uint64_t *random, unsigned n)
{
	return code_below(random, n) == 0;
}

/* ---- opcodes ---- */

/* Integer instructions as compilers give them: first and last opcode, 0x100 and up for map 0F. */
static const struct {
	uint16_t first, last;
} common[] = {
    {0x00, 0x05},   {0x08, 0x0d},   {0x10, 0x15},   {0x18, 0x1d},   {0x20, 0x25},   {0x28, 0x2d},
    {0x30, 0x35},   {0x38, 0x3d},   {0x50, 0x5f},   {0x63, 0x63},   {0x68, 0x6b},   {0x80, 0x81},
    {0x83, 0x8b},   {0x8d, 0x8d},   {0x8f, 0x8f},   {0x90, 0x99},   {0x9c, 0x9f},   {0xa4, 0xaf},
    {0xb0, 0xbf},   {0xc0, 0xc1},   {0xc6, 0xc7},   {0xc9, 0xc9},   {0xd0, 0xd3},   {0xf5, 0xf9},
    {0xfc, 0xff},   {0x11f, 0x11f}, {0x140, 0x14f}, {0x190, 0x19f}, {0x1a3, 0x1a5}, {0x1ab, 0x1ad},
    {0x1af, 0x1b1}, {0x1b3, 0x1b3}, {0x1b6, 0x1b8}, {0x1ba, 0x1c1}, {0x1c7, 0x1cf},
};

static const uint16_t branches[] = {0xe0, 0xe1, 0xe2, 0xe3, 0xe8, 0xe8, 0xe9,
				    0xeb, 0xeb, 0xc3, 0xc3, 0xc2, 0xff, 0xff};

static unsigned choose_common(uint64_t *random)
{
	unsigned all = 0, at;

	for (unsigned n = 0; n < sizeof(common) / sizeof(common[0]); n++)
		all += common[n].last - common[n].first + 1u;
	at = code_below(random, all);
	for (unsigned n = 0;; n++) {
		unsigned count = common[n].last - common[n].first + 1u;

		if (at < count)
			return common[n].first + at;
		at -= count;
	}
}

static unsigned choose_branch(uint64_t *random)
{
	if (!one_in(random, 3))
		return (one_in(random, 3) ? 0x180u : 0x70u) + code_below(random, 16);
	return branches[code_below(random, sizeof(branches) / sizeof(branches[0]))];
}

/* Map 0 to 3 in the upper byte, as MAP_* in insn.h. */
static unsigned choose_opcode(uint64_t *random, bool *simd)
{
	unsigned kind = code_below(random, 100);

	*simd = false;
	if (kind < 52)
		return choose_common(random);
	if (kind < 64)
		return choose_branch(random);
	if (kind < 70)
		return 0xd8 + code_below(random, 8);
	if (kind < 85) {
		*simd = true;
		return 0x100 + (one_in(random, 3) ? 0xd0 + code_below(random, 0x2f)
						  : 0x10 + code_below(random, 0x70));
	}
	*simd = kind >= 94;
	return code_below(random, 256) | (kind < 90   ? MAP_1BYTE << 8
					  : kind < 94 ? MAP_0F << 8
					  : kind < 98 ? MAP_0F38 << 8
						      : MAP_0F3A << 8);
}

static unsigned put_opcode(unsigned opcode, uint8_t *out)
{
	unsigned map = opcode >> 8, at = 0;

	if (map != MAP_1BYTE)
		out[at++] = 0x0f;
	if (map == MAP_0F38 || map == MAP_0F3A)
		out[at++] = map == MAP_0F38 ? 0x38 : 0x3a;
	out[at++] = (uint8_t)opcode;
	return at;
}

static unsigned put_prefixes(uint64_t *random, unsigned bits, bool simd, uint8_t *out)
{
	unsigned at = 0;

	if (one_in(random, 30))
		out[at++] = (uint8_t)(0x64 + code_below(random, 2));
	if (one_in(random, 60))
		out[at++] = (uint8_t)(0x26 | code_below(random, 4) << 3);
	if (one_in(random, 30))
		out[at++] = 0x67;
	if (one_in(random, 40))
		out[at++] = 0xf0;
	if (one_in(random, simd ? 3 : 12))
		out[at++] = (uint8_t)(0xf2 + code_below(random, 2));
	if (one_in(random, simd ? 3 : 8))
		out[at++] = 0x66;
	if (bits == 64 && !one_in(random, 3))
		out[at++] = (uint8_t)(0x40 | code_below(random, 16));
	return at;
}

/* ---- operands ---- */

static uint64_t immediate(uint64_t *random)
{
	uint64_t value = code_random(random);

	switch (code_below(random, 4)) {
	case 0:
		return (uint64_t)((int64_t)value >> 57);
	case 1:
		return 1ull << (value & 63);
	case 2:
		return (uint64_t)((int64_t)value >> (value & 63));
	default:
		return value;
	}
}

/* RBX, RBP, RSI, RDI, and with REX.B R11 and so on: where the target has addresses. */
static unsigned base_register(uint64_t *random)
{
	static const uint8_t pointers[] = {3, 5, 6, 7};

	return one_in(random, 6) ? code_below(random, 8) : pointers[code_below(random, 4)];
}

/* ModRM, SIB, displacement. In 16-bit code it means something else, and is as good. */
static unsigned put_modrm(uint64_t *random, uint8_t *out)
{
	unsigned mod = code_below(random, 8), reg = code_below(random, 8), rm, at = 0;
	int32_t displacement = (int32_t)(code_below(random, 0x2000) - 0x1000);

	mod = mod < 3 ? 3 : mod < 6 ? 1 : mod == 6 ? 2 : 0;
	rm = mod == 3 ? code_below(random, 8) : one_in(random, 6) ? 4 : base_register(random);
	out[at++] = (uint8_t)(mod << 6 | reg << 3 | rm);
	if (mod == 3)
		return at;
	if (rm == 4)
		out[at++] = (uint8_t)(code_below(random, 4) << 6 | code_below(random, 8) << 3 |
				      base_register(random));
	if (mod == 1) {
		out[at++] = (uint8_t)code_random(random);
	} else if (mod == 2 || rm == 5) {
		/* Relative to RIP: to code and back, or to the data behind it. */
		if (one_in(random, 2))
			displacement += 0x8000;
		memcpy(out + at, &displacement, 4);
		at += 4;
	}
	return at;
}

static bool is_near_branch(unsigned opcode)
{
	return (opcode & ~0xfu) == 0x70 || (opcode & ~0xfu) == 0x180 ||
	       (opcode >= 0xe0 && opcode <= 0xe3) || (opcode >= 0xe8 && opcode <= 0xeb);
}

unsigned code_insn(uint64_t *random, const struct cpu_model *model, unsigned bits,
		   uint8_t out[CODE_INSN_MAX])
{
	uint8_t bytes[64];
	unsigned length = 0;
	struct insn i;

	for (unsigned tries = 0; tries < 4; tries++) {
		unsigned at, opcode;
		uint64_t value;
		bool simd;

		memset(bytes, 0, sizeof(bytes));
		opcode = choose_opcode(random, &simd);
		at = put_prefixes(random, bits, simd, bytes);
		at += put_opcode(opcode, bytes + at);
		if (!is_near_branch(opcode)) {
			/* Where there is none, its bytes are the operand. */
			if (opcode < 0xb0 || opcode > 0xbf)
				at += put_modrm(random, bytes + at);
			value = immediate(random);
		} else {
			value = (uint64_t)(int64_t)(int32_t)(code_below(random, 192) - 80);
		}
		memcpy(bytes + at, &value, sizeof(value));
		length = insn_decode(model, bits, bytes, CODE_INSN_MAX, &i);
		if (i.handler != insn_undefined && bytes[0] != 0xf4)
			break;
	}
	memcpy(out, bytes, length);
	return length;
}

void code_fill(uint64_t *random, const struct cpu_model *model, unsigned bits, uint8_t *out,
	       size_t size)
{
	uint8_t insn[CODE_INSN_MAX];

	for (size_t at = 0; at < size;) {
		size_t n = code_insn(random, model, bits, insn);

		n = n < size - at ? n : size - at;
		memcpy(out + at, insn, n);
		at += n;
	}
}

/* ---- mutation ---- */

/* Where an instruction begins, of those that follow each other from the start. */
static size_t boundary(uint64_t *random, const struct cpu_model *model, unsigned bits,
		       const uint8_t *code, size_t size, unsigned *length)
{
	size_t wanted = code_below(random, (unsigned)size), at = 0;
	struct insn i;

	for (;;) {
		size_t left = size - at;

		*length = insn_decode(model, bits, code + at,
				      left < CODE_INSN_MAX ? (unsigned)left : CODE_INSN_MAX, &i);
		if (!*length || *length > left)
			*length = (unsigned)left;
		if (at + *length > wanted)
			return at;
		at += *length;
	}
}

static size_t replace(uint8_t *code, size_t size, size_t max, size_t at, size_t out,
		      const uint8_t *in, size_t count)
{
	if (size - out + count > max)
		return size;
	memmove(code + at + count, code + at + out, size - at - out);
	memcpy(code + at, in, count);
	return size - out + count;
}

size_t code_mutate(uint64_t *random, const struct cpu_model *model, unsigned bits, uint8_t *code,
		   size_t size, size_t max)
{
	unsigned changes = 1 + code_below(random, 4);

	while (changes--) {
		unsigned length = 0, kind = code_below(random, 8), count;
		size_t at = size ? boundary(random, model, bits, code, size, &length) : 0;
		uint8_t insn[CODE_INSN_MAX];

		if (kind == 0 && size > 16) {
			size = replace(code, size, max, at, length, insn, 0);
		} else if (kind == 1 && size) { /* once more, somewhere else */
			count = length < sizeof(insn) ? length : (unsigned)sizeof(insn);
			memcpy(insn, code + at, count);
			at = boundary(random, model, bits, code, size, &length);
			size = replace(code, size, max, at, 0, insn, count);
		} else if (kind == 2 && size) { /* one bit of it */
			code[at + code_below(random, length)] ^=
			    (uint8_t)(1u << code_below(random, 8));
		} else {
			count = code_insn(random, model, bits, insn);
			size = replace(code, size, max, at, kind < 5 ? 0 : length, insn, count);
		}
	}
	return size;
}
