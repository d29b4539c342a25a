/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A case begins with an instruction: prefixes, an opcode of some map, random bytes behind it, cut
 * to the length that the decoder finds. Then come registers: random ones at first, of which those
 * that make an address are bent so that it lies in the data pages, mostly, and sometimes across
 * their borders. That the decoder under test is asked for lengths and operands only serves aiming:
 * if it is wrong, the case is as good as any other, and shows it.
 */
#include "tests/oracle/generate.h"

#include "emulator/cpu/flags.h"
#include "emulator/cpu/insn.h"
#include "tests/oracle/values.h"

/* ---- data ---- */

/* The pages around an instruction are full of INT3: good places to branch to. */
static uint64_t code_pointer(struct random *r)
{
	return ORACLE_CODE + 0x100 + random_below(r, 0x600);
}

static uint64_t data_pointer(struct random *r)
{
	unsigned offset = random_below(r, ORACLE_DATA_WRITE);

	switch (random_below(r, 16)) {
	case 0 ... 8:
		return ORACLE_DATA + (offset & ~15u);
	case 9 ... 12:
		return ORACLE_DATA + offset;
	case 13: /* across the two writable pages */
		return ORACLE_DATA + ORACLE_PAGE - 16 + offset % 32;
	case 14: /* across the border to what is not mapped, or to the read-only page */
		return ORACLE_DATA + offset % 32 - 16 + (offset & 32 ? 0 : ORACLE_DATA_WRITE);
	default: /* the read-only page and its end */
		return ORACLE_DATA + ORACLE_DATA_WRITE +
		       (offset & 1 ? offset % ORACLE_PAGE : ORACLE_PAGE - 16 + offset % 32);
	}
}

void generate_image(uint64_t seed, uint64_t batch, uint8_t *image)
{
	struct random r = random_start(~seed, batch);
	unsigned at;

	for (at = 0; at < ORACLE_DATA_SIZE; at += 16) {
		uint64_t low = random_next(&r), high = random_next(&r);
		uint8_t *to = image + at;

		memcpy(to, &low, 8);
		memcpy(to + 8, &high, 8);
		switch (random_below(&r, 8)) {
		case 0:
			low = value_integer(&r);
			high = value_integer(&r);
			memcpy(to, &low, 8);
			memcpy(to + 8, &high, 8);
			break;
		case 1:
			value_f80(&r, to);
			break;
		case 2: /* packed decimal */
			for (unsigned n = 0; n < 10; n++)
				to[n] = (uint8_t)(random_below(&r, 10) << 4 | random_below(&r, 10));
			break;
		case 3:
			low = code_pointer(&r);
			high = data_pointer(&r);
			memcpy(to, &low, 8);
			memcpy(to + 8, &high, 8);
			break;
		case 4: /* an MXCSR or an x87 environment that can be loaded */
			low &= 0x0000ffff0000ffff;
			memcpy(to, &low, 8);
			break;
		default:
			value_xmm(&r, to);
			break;
		}
	}
}

/* ---- instructions ---- */

static bool is_prefix(uint8_t b, unsigned bits)
{
	return b == 0x26 || b == 0x2e || b == 0x36 || b == 0x3e || (b >= 0x64 && b <= 0x67) ||
	       b == 0xf0 || b == 0xf2 || b == 0xf3 || (bits == 64 && (b & 0xf0) == 0x40);
}

static unsigned put_prefixes(struct random *r, unsigned bits, uint8_t *code, bool simd)
{
	static const uint8_t segments[] = {0x26, 0x2e, 0x36, 0x3e};
	unsigned at = 0;

	if (random_one_in(r, 20))
		code[at++] = (uint8_t)(0x64 + random_below(r, 2));
	if (random_one_in(r, 40))
		code[at++] = segments[random_below(r, 4)];
	if (random_one_in(r, 16))
		code[at++] = 0x67;
	if (random_one_in(r, 40))
		code[at++] = 0xf0;
	if (random_below(r, simd ? 6 : 12) < 2)
		code[at++] = (uint8_t)(0xf2 + random_below(r, 2));
	if (random_below(r, simd ? 3 : 4) == 0)
		code[at++] = 0x66;
	if (random_one_in(r, 50))
		code[at++] = (uint8_t)(0xf2 + random_below(r, 2));
	if (bits == 64 && random_below(r, 2))
		code[at++] = (uint8_t)(0x40 + random_below(r, 16));
	return at;
}

static unsigned put_opcode(struct random *r, unsigned bits, unsigned map, uint8_t *code)
{
	static const uint8_t escape[] = {[MAP_0F38] = 0x38, [MAP_0F3A] = 0x3a};
	unsigned at = 0;
	uint8_t opcode;

	do {
		opcode = (uint8_t)random_below(r, 256);
	} while ((map == MAP_1BYTE && (opcode == 0x0f || is_prefix(opcode, bits))) ||
		 (map == MAP_0F && (opcode == 0x38 || opcode == 0x3a)));
	if (map != MAP_1BYTE)
		code[at++] = 0x0f;
	if (map == MAP_0F38 || map == MAP_0F3A)
		code[at++] = escape[map];
	code[at++] = opcode;
	return at;
}

static void try_code(struct random *r, const struct generator *g, struct oracle_case *c,
		     struct insn *i)
{
	unsigned kind = random_below(r, 100), at, n;
	unsigned map = kind < 30 ? MAP_1BYTE : kind < 66 ? MAP_0F : kind < 76 ? MAP_0F38 : MAP_0F3A;
	bool x87 = kind >= 84;
	uint8_t code[32] = {0};

	at = put_prefixes(r, c->bits, code, map != MAP_1BYTE && !x87);
	if (x87)
		code[at++] = (uint8_t)(0xd8 + random_below(r, 8));
	else
		at += put_opcode(r, c->bits, map, code + at);
	for (n = at; n < at + 15; n++)
		code[n] = (uint8_t)random_next(r);
	if (random_one_in(r, 5))
		code[at] |= 0xc0;
	c->length = (uint8_t)insn_decode(&g->model, c->bits, code, 15, i);
	memcpy(c->code, code, c->length);
}

/* An instruction; what does not exist is most of the encodings, but not of the cases. */
static void make_code(struct random *r, const struct generator *g, struct oracle_case *c,
		      struct insn *i)
{
	do {
		try_code(r, g, c, i);
	} while (i->handler == insn_undefined && random_below(r, 6));
}

/* ---- operands ---- */

static uint64_t segment_base(const struct oracle_case *c, unsigned seg)
{
	if (c->bits != 64)
		return 0;
	return seg == SEG_FS ? ORACLE_FS_BASE : seg == SEG_GS ? ORACLE_GS_BASE : 0;
}

static void patch(struct oracle_case *c, unsigned at, unsigned size, uint64_t value)
{
	if (at + size <= c->length)
		memcpy(c->code + at, &value, size);
}

/* Where the displacement of a ModRM operand lies in the code. */
static unsigned displacement_at(const struct encoding *e, const struct insn *i)
{
	return e->at + 1u + (i->address != 2 && (e->modrm & 7) == 4);
}

/* Makes base + index * scale + displacement an address in the data pages. */
static void aim_modrm(struct random *r, struct oracle_case *c, const struct encoding *e,
		      const struct insn *i)
{
	uint64_t target = data_pointer(r) - segment_base(c, i->seg);
	uint64_t *gpr = c->in.gpr;
	uint64_t rest = target - (uint64_t)(int64_t)i->displacement;

	if (i->address == 2 || random_one_in(r, 24))
		return;
	if (i->base == GPR_RIP || i->base == GPR_ZERO) {
		if (i->index != GPR_ZERO) {
			gpr[i->index] = random_below(r, 0x1000);
			target -= gpr[i->index] << i->scale;
		}
		if (i->base == GPR_RIP)
			target -= c->in.rip + c->length;
		patch(c, displacement_at(e, i), 4, target);
	} else if (i->base != i->index) {
		if (i->index != GPR_ZERO)
			rest -= gpr[i->index] << i->scale;
		/* With 32-bit addresses the upper half does not matter. */
		gpr[i->base] = i->address == 8 ? rest : (uint32_t)rest | random_next(r) << 32;
	}
}

static void aim_register(struct random *r, struct oracle_case *c, unsigned reg, unsigned seg)
{
	if (!random_one_in(r, 24))
		c->in.gpr[reg] = data_pointer(r) - segment_base(c, seg);
}

/* A stack pointer with an address of code on top. */
static void aim_return(struct random *r, const struct generator *g, struct oracle_case *c)
{
	unsigned tries, offset;
	uint64_t value;

	for (tries = 0; tries < 200; tries++) {
		offset = random_below(r, ORACLE_DATA_WRITE / 16) * 16;
		memcpy(&value, g->image + offset, 8);
		if (value - ORACLE_CODE < ORACLE_CODE_SIZE) {
			c->in.gpr[GPR_RSP] = ORACLE_DATA + offset;
			return;
		}
	}
}

/* A branch must not hit its own bytes: what they mean from the middle on, nobody knows. */
static void aim_branch(struct random *r, struct oracle_case *c, const struct encoding *e,
		       unsigned size)
{
	int32_t value = (int8_t)c->code[e->at];

	if (e->at + size > c->length)
		return;
	if (size == 4) {
		memcpy(&value, c->code + e->at, 4);
		if (random_below(r, 2))
			value = (int32_t)random_below(r, 0x400) - 0x200;
	}
	if (value < 0 && value >= -(int32_t)c->length)
		value = 5;
	patch(c, e->at, size, (uint32_t)value);
}

static void aim_string(struct random *r, struct oracle_case *c, const struct insn *i)
{
	aim_register(r, c, GPR_RSI, i->seg);
	aim_register(r, c, GPR_RDI, SEG_ES);
	if (i->rep && !random_one_in(r, 32))
		c->in.gpr[GPR_RCX] = random_below(r, 20);
	if (random_one_in(r, 4))
		c->in.rflags |= FLAG_DF;
}

/* A comparison with the accumulator that comes out equal, now and then. */
static void aim_exchange(struct random *r, const struct generator *g, struct oracle_case *c,
			 const struct insn *i)
{
	uint64_t offset, value[2];

	if (i->is_reg) {
		if (random_one_in(r, 3))
			c->in.gpr[GPR_RAX] = c->in.gpr[i->rm];
		return;
	}
	offset = encoding_address(c, i) - ORACLE_DATA;
	if (offset >= ORACLE_DATA_WRITE - 16 || random_below(r, 2) || i->base == GPR_RAX ||
	    i->index == GPR_RAX || i->base == GPR_RDX || i->index == GPR_RDX)
		return;
	memcpy(value, g->image + offset, 16);
	c->in.gpr[GPR_RAX] = value[0];
	if (i->opcode == 0xc7)
		c->in.gpr[GPR_RDX] = i->rex_w ? value[1] : value[0] >> 32;
}

static void aim_1byte(struct random *r, const struct generator *g, struct oracle_case *c,
		      const struct encoding *e, const struct insn *i)
{
	switch (i->opcode) {
	case 0x6c ... 0x6f:
	case 0xa4 ... 0xa7:
	case 0xaa ... 0xaf:
		aim_string(r, c, i);
		break;
	case 0xa0 ... 0xa3:
		patch(c, e->at, i->address, data_pointer(r) - segment_base(c, i->seg));
		break;
	case 0x70 ... 0x7f:
	case 0xe0 ... 0xe3:
	case 0xeb:
		if (i->opcode <= 0xe3 && random_below(r, 2))
			c->in.gpr[GPR_RCX] = random_below(r, 3);
		aim_branch(r, c, e, 1);
		break;
	case 0xe8:
	case 0xe9:
		aim_branch(r, c, e, c->bits == 32 && i->operand == 2 ? 2 : 4);
		break;
	case 0xc2:
	case 0xc3:
		if (random_below(r, 2))
			aim_return(r, g, c);
		break;
	case 0xc8:
	case 0xc9:
		if (random_below(r, 4))
			aim_register(r, c, GPR_RBP, SEG_STACK);
		break;
	case 0xd7:
		aim_register(r, c, GPR_RBX, i->seg);
		break;
	case 0xf6:
	case 0xf7: /* a quotient that fits */
		if (random_below(r, 4) && (i->modrm & 0x30) == 0x30)
			c->in.gpr[GPR_RDX] = (uint64_t)((int64_t)c->in.gpr[GPR_RAX] >> 63);
		break;
	case 0xff:
		if (i->is_reg && random_below(r, 2))
			c->in.gpr[i->rm] = code_pointer(r);
		break;
	}
}

static void aim_0f(struct random *r, const struct generator *g, struct oracle_case *c,
		   const struct encoding *e, const struct insn *i)
{
	switch (i->opcode) {
	case 0x80 ... 0x8f:
		aim_branch(r, c, e, c->bits == 32 && i->operand == 2 ? 2 : 4);
		break;
	case 0xa3:
	case 0xab:
	case 0xb3:
	case 0xbb: /* a bit of memory near by */
		if (!i->is_reg && i->reg != i->base && i->reg != i->index &&
		    (random_below(r, 4) || i->seg == SEG_GS))
			c->in.gpr[i->reg] = (uint64_t)((int64_t)random_next(r) >> 49);
		break;
	case 0xb0:
	case 0xb1:
	case 0xc7:
		aim_exchange(r, g, c, i);
		break;
	case 0xf7:
		aim_register(r, c, GPR_RDI, i->seg);
		break;
	}
}

/* ---- registers ---- */

static uint64_t make_register(struct random *r)
{
	switch (random_below(r, 10)) {
	case 0 ... 2:
		return data_pointer(r);
	case 3:
		return code_pointer(r);
	default:
		return value_integer(r);
	}
}

static void put16(uint8_t *p, unsigned value)
{
	p[0] = (uint8_t)value;
	p[1] = (uint8_t)(value >> 8);
}

static void make_fx(struct random *r, uint8_t *fx)
{
	unsigned flags = random_below(r, 128), n;
	unsigned masks = random_below(r, 3) ? 0x3f : random_below(r, 64);
	unsigned control = 0x40 | masks | random_below(r, 4) << 10;
	unsigned status = (random_below(r, 0x80) << 8 & 0x7f00) | flags;
	unsigned mxcsr = random_below(r, 64) | random_below(r, 4) << 13;

	/* Precision control 1 is reserved. */
	control |= (random_below(r, 3) ? 3u : random_below(r, 2) * 2) << 8;
	if (random_below(r, 4)) /* nothing pending */
		status &= ~0x3fu | masks;
	if (status & ~control & 0x3f)
		status |= 0x8080;
	mxcsr |= (random_below(r, 3) ? 0x3f : random_below(r, 64)) << 7;
	mxcsr |= (random_one_in(r, 5) ? 0x40 : 0) | (random_one_in(r, 5) ? 0x8000 : 0);
	memset(fx, 0, ORACLE_FX_ST);
	put16(fx, control);
	put16(fx + 2, status);
	fx[4] = (uint8_t)(random_below(r, 2) ? 0xff : random_next(r) | random_next(r));
	put16(fx + 24, mxcsr);
	for (n = 0; n < 8; n++) {
		memset(fx + ORACLE_FX_ST + 16 * n, 0, 16);
		value_f80(r, fx + ORACLE_FX_ST + 16 * n);
	}
	for (n = 0; n < 16; n++)
		value_xmm(r, fx + ORACLE_FX_XMM + 16 * n);
}

static uint64_t make_rip(struct random *r, unsigned length)
{
	if (random_one_in(r, 16)) /* across the code pages */
		return ORACLE_CODE + ORACLE_PAGE - 1 - random_below(r, 15);
	if (random_one_in(r, 64)) /* at their end, perhaps cut off */
		return ORACLE_CODE + ORACLE_CODE_SIZE - 1 - random_below(r, length + 1u);
	return ORACLE_CODE + 0x800;
}

void generate_case(const struct generator *g, uint64_t number, struct oracle_case *c)
{
	struct random r = random_start(g->seed, number);
	struct encoding e;
	struct insn i;
	unsigned n;

	memset(c, 0, sizeof(*c));
	c->bits = (uint8_t)(g->bits ? g->bits : random_below(&r, 4) ? 64 : 32);
	make_code(&r, g, c, &i);
	if (g->only) {
		memcpy(c->code, g->only, 16);
		c->length = (uint8_t)insn_decode(&g->model, c->bits, c->code, 15, &i);
		if (c->length > g->only_length)
			c->length = (uint8_t)g->only_length;
	}
	encoding_parse(&e, c->code, c->bits);
	for (n = 0; n < 16; n++)
		c->in.gpr[n] = make_register(&r);
	if (!random_one_in(&r, 16))
		c->in.gpr[GPR_RSP] = data_pointer(&r) & ~7ull;
	c->in.rip = make_rip(&r, c->length);
	c->in.rflags = FLAG_ONE | FLAG_IF | (random_next(&r) & FLAGS_STATUS);
	if (random_one_in(&r, 10))
		c->in.rflags |= FLAG_DF;
	if (random_one_in(&r, 40))
		c->in.rflags |= FLAG_AC;
	if (!i.is_reg)
		aim_modrm(&r, c, &e, &i);
	if (i.map == MAP_1BYTE)
		aim_1byte(&r, g, c, &e, &i);
	else if (i.map == MAP_0F)
		aim_0f(&r, g, c, &e, &i);
	if (c->bits == 32)
		for (n = 0; n < 16; n++)
			c->in.gpr[n] = n < 8 ? (uint32_t)c->in.gpr[n] : 0;
	make_fx(&r, c->in.fx);
}
