/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decoder: prefixes, opcode, ModRM, SIB, displacement, immediates (Intel SDM vol. 2 ch. 2),
 * driven by the tables of opcode.c. What is wrong with an instruction shows when it is executed:
 * it decodes to a handler that raises #UD, or #GP(0) when it is too long.
 */
#include "emulator/cpu/insn.h"

#include <string.h>

#include "emulator/cpu/opcode.h"

#define INSN_MAX 15

/* Bytes being taken; past the end come zeros, and `at` tells afterwards. */
struct cursor {
	const uint8_t *bytes;
	unsigned available, at;
};

static uint8_t take_byte(struct cursor *s)
{
	unsigned at = s->at++;

	return at < s->available ? s->bytes[at] : 0;
}

static uint64_t take(struct cursor *s, unsigned size)
{
	uint64_t value = 0;
	unsigned n;

	for (n = 0; n < size; n++)
		value |= (uint64_t)take_byte(s) << 8 * n;
	return value;
}

static uint64_t take_signed(struct cursor *s, unsigned size)
{
	unsigned shift = 64 - 8 * size;

	return (uint64_t)((int64_t)(take(s, size) << shift) >> shift);
}

void insn_too_long(struct vcpu *v, const struct insn *i)
{
	cpu_raise_error(v, EXC_GP, 0);
}

/* ---- prefixes ---- */

struct prefixes {
	uint8_t rex;     /* 0: none */
	uint8_t segment; /* SEG_COUNT: none */
	bool operand, address;
};

/* Takes prefixes and the opcode byte behind them, which it returns. */
static uint8_t decode_prefixes(struct cursor *s, unsigned code_bits, struct insn *i,
			       struct prefixes *p)
{
	for (;;) {
		uint8_t b = take_byte(s);

		if (code_bits == 64 && (b & 0xf0) == 0x40) {
			p->rex = b; /* counts only right before the opcode */
			continue;
		}
		switch (b) {
		case 0x26:
		case 0x2e:
		case 0x36:
		case 0x3e:
			if (code_bits != 64)
				p->segment = SEG_ES + ((b >> 3) & 3);
			break;
		case 0x64:
		case 0x65:
			p->segment = SEG_FS + (b & 1);
			break;
		case 0x66:
			p->operand = true;
			break;
		case 0x67:
			p->address = true;
			break;
		case 0xf0:
			i->lock = true;
			break;
		case 0xf2:
			i->rep = REP_NE;
			break;
		case 0xf3:
			i->rep = REP_E;
			break;
		default:
			return b;
		}
		p->rex = 0;
		/* The opcode must still fit: give up on an endless row of prefixes. */
		if (s->at >= INSN_MAX)
			return take_byte(s);
	}
}

static void apply_prefixes(struct insn *i, unsigned code_bits, const struct prefixes *p)
{
	i->prefix_66 = p->operand;
	i->rex = p->rex != 0;
	i->rex_w = p->rex & 8;
	if (code_bits == 64) {
		i->operand = i->rex_w ? 8 : p->operand ? 2 : 4;
		i->address = p->address ? 4 : 8;
	} else {
		i->operand = p->operand == (code_bits == 32) ? 2 : 4;
		i->address = p->address == (code_bits == 32) ? 2 : 4;
	}
}

/* ---- memory operands ---- */

/* The segment of an operand that defaults to DS or, addressed by a stack register, to SS. */
static uint8_t operand_segment(unsigned code_bits, const struct prefixes *p, bool stack)
{
	if (p->segment != SEG_COUNT)
		return p->segment;
	if (code_bits == 64)
		return stack ? SEG_STACK : SEG_FLAT;
	return stack ? SEG_SS : SEG_DS;
}

/* 16-bit addressing (SDM vol. 2 table 2-1); true when it goes through BP. */
static bool decode_modrm16(struct cursor *s, struct insn *i)
{
	static const uint8_t base[8] = {GPR_RBX, GPR_RBX, GPR_RBP, GPR_RBP,
					GPR_RSI, GPR_RDI, GPR_RBP, GPR_RBX};
	static const uint8_t index[8] = {GPR_RSI,  GPR_RDI,  GPR_RSI,  GPR_RDI,
					 GPR_ZERO, GPR_ZERO, GPR_ZERO, GPR_ZERO};
	unsigned mod = i->modrm >> 6, rm = i->modrm & 7;

	i->base = base[rm];
	i->index = index[rm];
	if (mod == 0 && rm == 6) {
		i->base = GPR_ZERO;
		i->displacement = (int32_t)take_signed(s, 2);
	} else if (mod != 0) {
		i->displacement = (int32_t)take_signed(s, mod);
	}
	return i->base == GPR_RBP;
}

/* 32- and 64-bit addressing (tables 2-2 and 2-3); true when the base is RSP or RBP. */
static bool decode_modrm32(struct cursor *s, struct insn *i, unsigned code_bits, uint8_t rex)
{
	unsigned mod = i->modrm >> 6, rm = i->modrm & 7, low = rm;

	if (rm == 4) {
		uint8_t sib = take_byte(s);

		low = sib & 7;
		i->index = ((sib >> 3) & 7) | (rex & 2) << 2;
		i->scale = sib >> 6;
		if (i->index == GPR_RSP)
			i->index = GPR_ZERO;
	}
	i->base = (uint8_t)(low | (rex & 1) << 3);
	if (mod == 0 && low == 5) {
		/* No base; and without SIB in 64-bit mode the next instruction's address. */
		i->base = code_bits == 64 && rm == 5 ? GPR_RIP : GPR_ZERO;
		i->displacement = (int32_t)take_signed(s, 4);
	} else if (mod != 0) {
		i->displacement = (int32_t)take_signed(s, mod == 1 ? 1 : 4);
	}
	return i->base == GPR_RSP || i->base == GPR_RBP;
}

static void decode_modrm(struct cursor *s, struct insn *i, unsigned code_bits,
			 const struct prefixes *p, uint32_t flags)
{
	bool stack;

	i->modrm = take_byte(s);
	i->reg = (uint8_t)(((i->modrm >> 3) & 7) | (p->rex & 4) << 1);
	i->is_reg = i->modrm >> 6 == 3 || (flags & OP_MODREG);
	if (i->is_reg) {
		i->rm = (uint8_t)((i->modrm & 7) | (p->rex & 1) << 3);
		i->seg = operand_segment(code_bits, p, false); /* MASKMOVQ's implicit operand */
		return;
	}
	stack = i->address == 2 ? decode_modrm16(s, i) : decode_modrm32(s, i, code_bits, p->rex);
	i->seg = operand_segment(code_bits, p, stack);
}

/* ---- immediates ---- */

static void decode_immediate(struct cursor *s, struct insn *i, uint32_t flags)
{
	unsigned z = i->operand < 4 ? 2 : 4;

	if (flags & OP_IMM8) {
		i->immediate = take_signed(s, 1);
	} else if (flags & OP_IMM16) {
		i->immediate = take(s, 2);
	} else if (flags & OP_IMMZ) {
		i->immediate = take_signed(s, z);
	} else if (flags & OP_IMMV) {
		i->immediate = take(s, i->operand);
	} else if (flags & OP_MOFFS) {
		i->immediate = take(s, i->address);
	} else if (flags & OP_FRAME) {
		i->immediate = take(s, 3);
	} else if (flags & OP_FAR) {
		i->immediate = take(s, z);
		i->immediate |= take(s, 2) << 32;
	}
}

/* ---- handlers ---- */

static unsigned row_index(uint8_t size)
{
	return (unsigned)__builtin_ctz(size);
}

/* Registers and operand size that the opcode itself decides. */
static void apply_opcode(struct insn *i, unsigned code_bits, const struct prefixes *p,
			 uint32_t flags)
{
	if (flags & OP_BYTE)
		i->operand = 1;
	else if (code_bits == 64 && (flags & OP_NEAR))
		i->operand = 8;
	else if (code_bits == 64 && (flags & OP_DEF64) && i->operand == 4)
		i->operand = 8;
	if (flags & OP_REG) {
		i->rm = (uint8_t)((i->opcode & 7) | (p->rex & 1) << 3);
		i->reg = i->rm;
	}
	if (flags & OP_ACC)
		*(flags & OP_REG ? &i->reg : &i->rm) = GPR_RAX;
	if (flags & OP_MODRM) {
		if ((flags & OP_SWAP) && i->is_reg) {
			uint8_t rm = i->rm;

			i->rm = i->reg;
			i->reg = rm;
		}
	} else {
		i->is_reg = true;
		i->seg = operand_segment(code_bits, p, false);
	}
}

/* The one x87 instruction that came with SSE3. */
static bool is_fisttp(const struct insn *i)
{
	return !i->is_reg && (i->modrm & 0x38) == 0x08 && (i->opcode & 1);
}

static bool opcode_exists(const struct insn *i, const struct cpu_model *model, unsigned code_bits,
			  uint32_t flags)
{
	if (code_bits == 64 && (flags & (OP_NO64 | OP_VEX)))
		return false;
	if ((flags & OP_VEX) && i->is_reg)
		return false;
	if (i->lock && (!(flags & OP_LOCK) || i->is_reg))
		return false;
	if ((flags & OP_POPCNT) && (i->rep != REP_E || !model->v2))
		return false;
	if ((flags & OP_16B) && i->rex_w && !model->v2)
		return false;
	if ((flags & OP_LAHF) && code_bits == 64 && !model->v2)
		return false;
	if ((flags & OP_X87) && is_fisttp(i) && !model->v2)
		return false;
	return true;
}

/* The handler, with the immediate that the other tables ask for taken; NULL for #UD. */
static insn_handler *find_handler(struct cursor *s, struct insn *i, const struct cpu_model *model,
				  unsigned code_bits, const struct opcode *op, uint32_t flags)
{
	insn_handler *handler = NULL;
	insn_handler *const *row = i->is_reg ? op->reg : op->mem;

	if (flags & OP_SYSTEM) {
		unsigned size = 0;

		handler = system_lookup(i, code_bits, &size);
		if (size)
			i->immediate = take(s, size);
	} else if (flags & OP_X87) {
		handler = x87_lookup(i);
	} else if (flags & OP_SIMD) {
		handler = simd_lookup(i, model);
	} else if (row) {
		handler = row[row_index(i->operand)];
	}
	return handler;
}

static const struct opcode *decode_opcode(struct cursor *s, struct insn *i, unsigned code_bits,
					  uint8_t first)
{
	/* ARPL's opcode is MOVSXD in 64-bit mode. */
	static const struct opcode arpl = {.flags = OP_MODRM | OP_SYSTEM};

	i->opcode = first;
	if (first == 0x0f) {
		i->opcode = take_byte(s);
		i->map = MAP_0F;
		if (i->opcode == 0x38 || i->opcode == 0x3a) {
			i->map = i->opcode == 0x38 ? MAP_0F38 : MAP_0F3A;
			i->opcode = take_byte(s);
		}
	} else if (first == 0x63 && code_bits != 64) {
		return &arpl;
	}
	return opcode_find(i->map, i->opcode);
}

unsigned insn_decode(const struct cpu_model *model, unsigned code_bits, const uint8_t *bytes,
		     unsigned available, struct insn *i)
{
	struct cursor s = {bytes, available < INSN_MAX ? available : INSN_MAX, 0};
	struct prefixes p = {.segment = SEG_COUNT};
	const struct opcode *op;
	uint32_t flags;

	memset(i, 0, sizeof(*i));
	i->base = GPR_ZERO;
	i->index = GPR_ZERO;
	op = decode_opcode(&s, i, code_bits, decode_prefixes(&s, code_bits, i, &p));
	apply_prefixes(i, code_bits, &p);
	flags = op->flags;
	if (flags & OP_MODRM)
		decode_modrm(&s, i, code_bits, &p, flags);
	if (op->group) {
		op = &op->group[(i->modrm >> 3) & 7];
		flags |= op->flags;
	}
	apply_opcode(i, code_bits, &p, flags);
	decode_immediate(&s, i, flags);
	i->handler = find_handler(&s, i, model, code_bits, op, flags);
	i->ends_block = flags & OP_ENDS;
	if (!i->handler || !opcode_exists(i, model, code_bits, flags)) {
		i->handler = insn_undefined;
		i->ends_block = true;
	}
	if (s.at > s.available) {
		if (s.available < INSN_MAX)
			return 0;
		i->handler = insn_too_long;
		i->ends_block = true;
		s.at = INSN_MAX;
	}
	i->length = (uint8_t)s.at;
	return i->length;
}
