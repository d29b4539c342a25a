/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables of exceptions to "every instruction is compared". In the rules the first that fits counts.
 */
#include "tests/oracle/encoding.h"

void encoding_parse(struct encoding *e, const uint8_t *code, unsigned bits)
{
	unsigned at = 0;

	*e = (struct encoding){.mandatory = PREFIX_NONE};
	for (; at < 13; at++) {
		uint8_t b = code[at];

		if (bits == 64 && (b & 0xf0) == 0x40) {
			e->rex_w = b & 8;
			continue;
		}
		if (b == 0xf2 || b == 0xf3) {
			e->has_rep = true;
			e->mandatory = b == 0xf3 ? PREFIX_F3 : PREFIX_F2;
		} else if (b == 0x66) {
			e->has_66 = true;
		} else if (b == 0xf0) {
			e->lock = true;
		} else if (b != 0x26 && b != 0x2e && b != 0x36 && b != 0x3e && b != 0x64 &&
			   b != 0x65 && b != 0x67) {
			break;
		}
		e->rex_w = false;
	}
	if (e->has_66 && e->mandatory == PREFIX_NONE)
		e->mandatory = PREFIX_66;
	e->map = MAP_1BYTE;
	if (code[at] == 0x0f) {
		e->map = MAP_0F;
		at++;
		if (code[at] == 0x38 || code[at] == 0x3a)
			e->map = code[at++] == 0x38 ? MAP_0F38 : MAP_0F3A;
	}
	e->opcode = code[at];
	e->at = (uint8_t)(at + 1);
	e->modrm = code[at + 1];
}

enum { MODE_32 = 32, MODE_64 = 64 };
enum { FORM_ANY, FORM_REG, FORM_MEM };

struct rule {
	uint8_t map, first, last; /* opcodes */
	const char *reason;
	/* What else has to hold; 0 or nothing: any. */
	uint8_t mode, form;
	uint8_t prefixes; /* PREFIX_* */
	uint8_t digits;   /* a bit for each ModRM.reg */
};

/* What depends on the system around, or would change it. */
static const struct rule excluded[] = {
    {MAP_1BYTE, 0x07, 0x07, .reason = "segment load", .mode = MODE_32},
    {MAP_1BYTE, 0x17, 0x17, .reason = "segment load", .mode = MODE_32},
    {MAP_1BYTE, 0x1f, 0x1f, .reason = "segment load", .mode = MODE_32},
    {MAP_1BYTE, 0x8e, 0x8e, .reason = "segment load"},
    {MAP_1BYTE, 0x9a, 0x9a, .reason = "far transfer", .mode = MODE_32},
    {MAP_1BYTE, 0xea, 0xea, .reason = "far transfer", .mode = MODE_32},
    {MAP_1BYTE, 0xca, 0xcb, .reason = "far transfer"},
    {MAP_1BYTE, 0xcd, 0xcd, .reason = "software interrupt"},
    {MAP_1BYTE, 0xcf, 0xcf, .reason = "far transfer"},
    {MAP_1BYTE, 0xc4, 0xc5, .reason = "segment load", .mode = MODE_32, .form = FORM_MEM},
    {MAP_1BYTE, 0xff, 0xff, .reason = "far transfer", .form = FORM_MEM, .digits = 0x28},
    {MAP_1BYTE, 0xf1, 0xf1, .reason = "INT1: its #DB is a hypervisor's affair"},
    {MAP_0F, 0x00, 0x03, .reason = "descriptor tables"},
    {MAP_0F, 0x05, 0x05, .reason = "system call"},
    {MAP_0F, 0x07, 0x07, .reason = "system call"},
    {MAP_0F, 0x31, 0x31, .reason = "time"},
    {MAP_0F, 0x33, 0x35, .reason = "performance counters, system call"},
    {MAP_0F, 0xa1, 0xa2, .reason = "segment load, CPUID"},
    {MAP_0F, 0xa9, 0xa9, .reason = "segment load"},
    {MAP_0F, 0xb2, 0xb2, .reason = "segment load", .form = FORM_MEM},
    {MAP_0F, 0xb4, 0xb5, .reason = "segment load", .form = FORM_MEM},
    {MAP_0F, 0xbc, 0xbd, .reason = "TZCNT, LZCNT: without them BSF, BSR", .prefixes = PREFIX_F3},
};

/* What the host may have and this processor does not. */
static const struct rule undefined[] = {
    {MAP_1BYTE, 0x62, 0x62, .reason = "EVEX", .mode = MODE_64},
    {MAP_1BYTE, 0x62, 0x62, .reason = "EVEX", .mode = MODE_32, .form = FORM_REG},
    {MAP_1BYTE, 0x8f, 0x8f, .reason = "XOP", .digits = 0xfe},
    {MAP_1BYTE, 0xc4, 0xc5, .reason = "VEX", .mode = MODE_64},
    {MAP_1BYTE, 0xc4, 0xc5, .reason = "VEX", .mode = MODE_32, .form = FORM_REG},
    {MAP_0F, 0x0e, 0x0f, .reason = "3DNow!"},
    {MAP_0F, 0x2b, 0x2b, .reason = "SSE4a", .prefixes = PREFIX_F3 | PREFIX_F2},
    {MAP_0F, 0x78, 0x79, .reason = "SSE4a, VMX"},
    {MAP_0F, 0xa6, 0xa7, .reason = "PadLock"},
    {MAP_0F, 0xae, 0xae, .reason = "FSGSBASE, WAITPKG, CET", .prefixes = PREFIX_F3 | PREFIX_F2},
    {MAP_0F, 0xae, 0xae, .reason = "CLFLUSHOPT, CLWB, TPAUSE", .prefixes = PREFIX_66,
     .digits = 0xe0},
    {MAP_0F, 0xae, 0xae, .reason = "XSAVE", .form = FORM_MEM, .prefixes = PREFIX_NONE,
     .digits = 0x70},
    {MAP_0F, 0xc7, 0xc7, .reason = "XSAVE, RDRAND, RDSEED, RDPID, VMX", .digits = 0xfd},
    {MAP_0F38, 0x80, 0x82, .reason = "INVEPT, INVVPID, INVPCID"},
    {MAP_0F38, 0xc8, 0xcf, .reason = "SHA, GFNI"},
    {MAP_0F38, 0xd8, 0xdf, .reason = "AES, Key Locker"},
    {MAP_0F38, 0xf0, 0xf1, .reason = "MOVBE", .prefixes = PREFIX_NONE | PREFIX_66},
    {MAP_0F38, 0xf5, 0xff, .reason = "ADX, CET, MOVDIR, RAO"},
    {MAP_0F3A, 0x44, 0x44, .reason = "PCLMUL"},
    {MAP_0F3A, 0xcc, 0xcf, .reason = "SHA, GFNI"},
    {MAP_0F3A, 0xdf, 0xdf, .reason = "AES"},
    {MAP_0F3A, 0xf0, 0xf0, .reason = "HRESET"},
};

/* Where AMD's processors do something else than Intel's, whose manual this processor follows. */
#define NARROW_BRANCH(map_, first_, last_)                                                         \
	.map = map_, .first = first_, .last = last_, .mode = MODE_64, .prefixes = PREFIX_WITH_66,  \
	.reason = "a near branch with prefix 66 has 16-bit operands"
static const struct rule amd[] = {
    {NARROW_BRANCH(MAP_1BYTE, 0x70, 0x7f)},
    {NARROW_BRANCH(MAP_1BYTE, 0xc2, 0xc3)},
    {NARROW_BRANCH(MAP_1BYTE, 0xe0, 0xe3)},
    {NARROW_BRANCH(MAP_1BYTE, 0xe8, 0xe9)},
    {NARROW_BRANCH(MAP_1BYTE, 0xeb, 0xeb)},
    {NARROW_BRANCH(MAP_1BYTE, 0xff, 0xff), .digits = 0x14},
    {NARROW_BRANCH(MAP_0F, 0x80, 0x8f)},
    {MAP_1BYTE, 0x6c, 0x6f, .prefixes = PREFIX_F3 | PREFIX_F2,
     .reason = "INS and OUTS check the port even when RCX is 0"},
    {MAP_1BYTE, 0xe0, 0xe1, .prefixes = PREFIX_F3 | PREFIX_F2,
     .reason = "F2 and F3 make LOOPNE and LOOPE of either"},
    {MAP_1BYTE, 0x63, 0x63, .mode = MODE_64, .form = FORM_MEM, .prefixes = PREFIX_WITH_66,
     .reason = "MOVSXD to 16 bits reads 32"},
    {MAP_0F, 0x0d, 0x0d, .form = FORM_REG, .reason = "PREFETCH of a register is #UD"},
    {MAP_0F, 0x20, 0x22, .prefixes = PREFIX_LOCK, .reason = "LOCK makes CR8 of CR0"},
    {MAP_0F, 0xb9, 0xb9, .reason = "UD1 has no ModRM byte"},
    {MAP_0F, 0xff, 0xff, .reason = "UD0 has no ModRM byte"},
};

static bool rule_fits(const struct rule *r, const struct encoding *e, unsigned bits)
{
	bool is_reg = e->modrm >> 6 == 3;
	unsigned prefixes =
	    e->mandatory | (e->has_66 ? PREFIX_WITH_66 : 0u) | (e->lock ? PREFIX_LOCK : 0u);

	if (r->map != e->map || e->opcode < r->first || e->opcode > r->last)
		return false;
	if (r->mode && r->mode != bits)
		return false;
	if (r->form != FORM_ANY && is_reg != (r->form == FORM_REG))
		return false;
	if (r->prefixes && !(r->prefixes & prefixes))
		return false;
	return !r->digits || (r->digits >> (e->modrm >> 3 & 7) & 1);
}

static bool rules_fit(const struct rule *rule, size_t count, const struct encoding *e,
		      unsigned bits, const char **reason)
{
	for (size_t n = 0; n < count; n++) {
		if (rule_fits(&rule[n], e, bits)) {
			*reason = rule[n].reason;
			return true;
		}
	}
	return false;
}
#define RULES_FIT(rules) rules_fit(rules, sizeof(rules) / sizeof((rules)[0]), e, bits, reason)

enum fate encoding_fate(const struct encoding *e, unsigned bits, bool host_is_amd,
			const char **reason)
{
	*reason = NULL;
	if (RULES_FIT(excluded))
		return FATE_EXCLUDED;
	if (RULES_FIT(undefined))
		return FATE_UNDEFINED;
	if (host_is_amd && RULES_FIT(amd))
		return FATE_DIFFERS;
	return FATE_COMPARE;
}

uint64_t encoding_address(const struct oracle_case *c, const struct insn *i)
{
	uint64_t a = (uint64_t)(int64_t)i->displacement;

	if (i->base == GPR_RIP)
		a += c->in.rip + c->length;
	else if (i->base != GPR_ZERO)
		a += c->in.gpr[i->base];
	if (i->index != GPR_ZERO)
		a += c->in.gpr[i->index] << i->scale;
	a &= i->address == 2 ? 0xffff : i->address == 4 ? 0xffffffff : ~0ull;
	if (c->bits == 64)
		a += i->seg == SEG_FS ? ORACLE_FS_BASE : i->seg == SEG_GS ? ORACLE_GS_BASE : 0;
	return a;
}
