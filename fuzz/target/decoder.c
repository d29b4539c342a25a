/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: the instruction decoder against capstone, an independent one. They must agree on
 * what is an instruction and how long it is; where they need not, a table says so and why.
 *
 * An input is a byte, modulo 3: 0 for 16-bit code, 1 for 32-bit, 2 for 64-bit; and the code, of
 * which only the first 15 bytes are looked at. What is missing is zero.
 */
#include "fuzz/fuzz.h"

#include <capstone/capstone.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/cpu/insn.h"

#define BYTES 15u

static const struct {
	unsigned bits;
	cs_mode mode;
} sizes[] = {{16, CS_MODE_16}, {32, CS_MODE_32}, {64, CS_MODE_64}};

/* ---- where the two need not agree on a length ---- */

/* capstone 4 takes an address-size prefix with REX.W for an operand-size prefix. */
static bool taken_for_66(unsigned bits, const struct insn *i)
{
	return bits == 64 && i->rex_w && i->address == 4;
}

static bool length_disputed(unsigned bits, const struct insn *i)
{
	/* UD0 and UD1 have a ModRM byte by today's manual. */
	if (i->map == MAP_0F && (i->opcode == 0xb9 || i->opcode == 0xff))
		return true;
	/* capstone 4 takes RET's immediate for 32 bits with REX.W. */
	if (i->map == MAP_1BYTE && i->opcode == 0xc2 && i->rex_w)
		return true;
	if (i->map == MAP_1BYTE && i->opcode == 0xe8 && taken_for_66(bits, i))
		return true;
	/* It forgets an operand-size prefix when there is a REP as well. */
	if (i->prefix_66 && i->rep && i->map != MAP_0F38 && i->map != MAP_0F3A)
		return true;
	/* Near branches with an operand-size prefix in 64-bit mode: AMD cuts the displacement. */
	return i->prefix_66 && bits == 64 &&
	       ((i->map == MAP_1BYTE && (i->opcode == 0xe8 || i->opcode == 0xe9)) ||
		(i->map == MAP_0F && (i->opcode & 0xf0) == 0x80));
}

/* ---- what capstone 4 does not know ---- */

/* 1: segment, 2: REP and LOCK, 3: operand size, 4: address size, 5: REX; 0: none. */
static unsigned prefix_group(unsigned bits, uint8_t byte)
{
	switch (byte) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
	case 0x64:
	case 0x65:
		return 1;
	case 0xf0:
	case 0xf2:
	case 0xf3:
		return 2;
	case 0x66:
		return 3;
	case 0x67:
		return 4;
	default:
		return bits == 64 && (byte & 0xf0) == 0x40 ? 5 : 0;
	}
}

/*
 * Two prefixes of a group, or one behind a REX prefix: what comes of that the manual leaves open
 * (SDM vol. 2A 2.1.1, 2.2.1). And one behind what may be a mandatory prefix, which capstone 4 then
 * forgets.
 */
static bool prefixes_unusual(unsigned bits, const uint8_t *code)
{
	unsigned seen = 0, group;

	for (; (group = prefix_group(bits, *code)); code++) {
		if ((seen >> group & 1) || (seen >> 5 & 1) || (group != 5 && (seen & 0xc)))
			return true;
		seen |= 1u << group;
	}
	return false;
}

static bool unknown_to_capstone(unsigned bits, const struct insn *i)
{
	bool mandatory = i->prefix_66 || i->rep;

	/* In 16-bit code, SIMD with a mandatory prefix. */
	if (bits == 16 && i->map != MAP_1BYTE && mandatory)
		return true;
	/* Hints, of which most are NOPs that are reserved for later. */
	if (i->map == MAP_0F && (i->opcode == 0x0d || (i->opcode >= 0x18 && i->opcode <= 0x1f)))
		return true;
	/* LFENCE, MFENCE and SFENCE with another register than the one assemblers write. */
	if (i->map == MAP_0F && i->opcode == 0xae && i->is_reg)
		return true;
	/* REX.R is not looked at where ModRM.reg is a segment register. */
	if (i->map == MAP_1BYTE && (i->opcode == 0x8c || i->opcode == 0x8e) && i->rex)
		return true;
	/* MOV from and to an address in the instruction, with both kinds of prefix. */
	return i->map == MAP_1BYTE && i->opcode >= 0xa0 && i->opcode <= 0xa3 && mandatory;
}

/* ---- what this processor does not have, or capstone takes for an instruction ---- */

static const uint8_t other_groups[] = {
    X86_GRP_VM,     X86_GRP_3DNOW,    X86_GRP_AES,  X86_GRP_ADX,   X86_GRP_AVX, X86_GRP_AVX2,
    X86_GRP_AVX512, X86_GRP_BMI,      X86_GRP_BMI2, X86_GRP_F16C,  X86_GRP_FMA, X86_GRP_FMA4,
    X86_GRP_HLE,    X86_GRP_RTM,      X86_GRP_SHA,  X86_GRP_SSE4A, X86_GRP_TBM, X86_GRP_XOP,
    X86_GRP_PCLMUL, X86_GRP_FSGSBASE, X86_GRP_CDI,  X86_GRP_ERI,   X86_GRP_PFI, X86_GRP_VLX,
    X86_GRP_DQI,    X86_GRP_BWI,
};

/* Those that capstone puts into no group. What a name begins with. */
static const char *const other_names[] = {
    "v",      "k",          "xsave",   "xrstor",  "xgetbv",  "xsetbv",  "rdrand",
    "rdseed", "getsec",     "rsm",     "encl",    "pcommit", "clwb",    "clflushopt",
    "xtest",  "xcrypt",     "xsha",    "montmul", "xstore",  "invpcid", "movbe",
    "rdpid",  "rdtscp",     "monitor", "mwait",   "clzero",  "rdpkru",  "wrpkru",
    "lwpval", "lwpins",     "llwpcb",  "slwpcb",  "ud",      "skinit",  "stgi",
    "clgi",   "cmpxchg16b", "pause",   "popcnt",  "lzcnt",   "tzcnt",   "salc",
};

static bool is_simd(const cs_insn *c)
{
	for (unsigned n = 0; n < c->detail->groups_count; n++) {
		switch (c->detail->groups[n]) {
		case X86_GRP_MMX:
		case X86_GRP_SSE1:
		case X86_GRP_SSE2:
		case X86_GRP_SSE3:
		case X86_GRP_SSE41:
		case X86_GRP_SSE42:
		case X86_GRP_SSSE3:
			return true;
		}
	}
	return false;
}

static bool unknown_to_us(unsigned bits, const struct insn *i, const cs_insn *c)
{
	for (unsigned n = 0; n < c->detail->groups_count; n++) {
		if (memchr(other_groups, c->detail->groups[n], sizeof(other_groups)))
			return true;
	}
	for (unsigned n = 0; n < sizeof(other_names) / sizeof(*other_names); n++) {
		if (!strncmp(c->mnemonic, other_names[n], strlen(other_names[n])))
			return true;
	}
	/* It takes LOCK before anything, and looks past mandatory prefixes that mean nothing. */
	if (i->lock)
		return true;
	if ((i->prefix_66 || i->rep || taken_for_66(bits, i)) &&
	    (is_simd(c) || i->map != MAP_1BYTE))
		return true;
	/* Control and debug registers that do not exist; CS as a destination. */
	if (!strcmp(c->mnemonic, "mov") && (i->map == MAP_0F || i->opcode == 0x8e))
		return true;
	/* Only 64-bit code has SWAPGS. */
	return bits != 64 && !strcmp(c->mnemonic, "swapgs");
}

/* ---- the two decoders ---- */

static csh handle[3];
static cs_insn *theirs[3];

static void open_capstone(void)
{
	for (unsigned n = 0; n < 3; n++) {
		if (!handle[n] && cs_open(CS_ARCH_X86, sizes[n].mode, &handle[n]))
			exit(1);
		if (theirs[n])
			continue;
		/* For the groups that an instruction is in. */
		cs_option(handle[n], CS_OPT_DETAIL, CS_OPT_ON);
		theirs[n] = cs_malloc(handle[n]);
	}
}

/* `length` 0: no instruction here; `c` NULL: none there. */
static void differ(unsigned bits, const uint8_t *code, unsigned length, const cs_insn *c)
{
	fprintf(stderr, "decoder, %u-bit:", bits);
	for (unsigned n = 0; n < BYTES; n++)
		fprintf(stderr, " %02x", code[n]);
	fprintf(stderr, length ? ": %u bytes here, " : ": no instruction here, ", length);
	if (c)
		fprintf(stderr, "capstone: %u bytes, %s %s\n", c->size, c->mnemonic, c->op_str);
	else
		fprintf(stderr, "none for capstone\n");
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct cpu_model model = {.name = "x86-64-v2", .v2 = true};
	uint8_t bytes[BYTES + 1] = {0};
	const uint8_t *code = bytes;
	unsigned which = size ? data[0] % 3 : 0, length;
	size_t left = BYTES;
	uint64_t address = 0;
	bool ours, known;
	struct insn i;

	open_capstone();
	if (size > 1)
		memcpy(bytes, data + 1, size - 1 < BYTES ? size - 1 : BYTES);
	length = insn_decode(&model, sizes[which].bits, bytes, BYTES, &i);
	if (length > BYTES)
		abort();
	if (length == BYTES || !length || prefixes_unusual(sizes[which].bits, bytes))
		return 0;
	ours = i.handler != insn_undefined && i.handler != insn_too_long;
	known = cs_disasm_iter(handle[which], &code, &left, &address, theirs[which]);
	if (!known && ours && !unknown_to_capstone(sizes[which].bits, &i))
		differ(sizes[which].bits, bytes, length, NULL);
	if (known && !ours && !unknown_to_us(sizes[which].bits, &i, theirs[which]))
		differ(sizes[which].bits, bytes, 0, theirs[which]);
	if (known && ours && theirs[which]->size != length &&
	    !length_disputed(sizes[which].bits, &i))
		differ(sizes[which].bits, bytes, length, theirs[which]);
	return 0;
}
