/* SPDX-License-Identifier: Apache-2.0 */
/* From decoded guest instructions to IR: shifts, rotates, bit tests and scans. */
#include "emulator/accel/tcg/translate.h"
#include "emulator/cpu/ops.h"

enum { DIGIT_ROL, DIGIT_ROR, DIGIT_RCL, DIGIT_RCR };

/* ModRM.rm as an operand that is read and written; IR_NONE when only the interpreter can. */
static unsigned operand_begin(struct translation *t)
{
	const struct insn *i = t->i;

	if (i->is_reg)
		return ir_byte_begin(t, i->rm, i->operand, true);
	if (!ir_memory_possible(t))
		return IR_NONE;
	ir_memory(t, i->operand, true);
	return IR_MEM;
}

static void operand_done(struct translation *t, unsigned d)
{
	if (t->i->is_reg)
		ir_byte_done(t, t->i->rm, d);
}

/* C0, C1, D0..D3. */
static bool translate_shift(struct translation *t)
{
	const struct insn *i = t->i;
	unsigned digit = i->modrm >> 3 & 7, bits = i->operand * 8u, d;
	unsigned count = i->opcode < 0xd0 ? (unsigned)i->immediate : 1;
	bool by_cl = i->opcode >= 0xd2;
	struct ir_op *o;

	count &= bits == 64 ? 63 : 31;
	if (digit == DIGIT_RCL || digit == DIGIT_RCR)
		return false;
	/* Counts beyond the operand, where processors differ, and 0. */
	if (by_cl ? bits < 32 : count == 0 || count >= bits)
		return false;
	d = operand_begin(t);
	if (d == IR_NONE)
		return false;
	o = ir_add(t, by_cl ? IR_SHCL : IR_SHIFT, i->operand, d, IR_IMM);
	o->kind = (uint8_t)(digit == 6 ? 4 : digit); /* SAL is SHL */
	o->imm = count;
	operand_done(t, d);
	return true;
}

/* 0F A4, AC: SHLD and SHRD by an immediate. */
static bool translate_double(struct translation *t)
{
	const struct insn *i = t->i;
	unsigned bits = i->operand * 8u, count = (unsigned)i->immediate & (bits == 64 ? 63 : 31), d;
	struct ir_op *o;

	if (bits < 32 || count == 0)
		return false;
	d = operand_begin(t);
	if (d == IR_NONE)
		return false;
	o = ir_add(t, IR_SHD, i->operand, d, i->reg);
	o->kind = i->opcode >= 0xac;
	o->imm = count;
	return true;
}

/* A bit of a register; or, by an immediate, of memory. Bit strings in memory are the interpreter's.
 */
static bool translate_bit(struct translation *t, unsigned kind, bool immediate)
{
	const struct insn *i = t->i;
	struct ir_op *o;

	if (!i->is_reg && (!immediate || !ir_memory_possible(t)))
		return false;
	if (!i->is_reg)
		ir_memory(t, i->operand, kind != BIT_BT);
	o = ir_add(t, IR_BIT, i->operand, i->is_reg ? i->rm : IR_MEM, immediate ? IR_IMM : i->reg);
	o->kind = (uint8_t)kind;
	o->imm = i->immediate & (i->operand * 8u - 1);
	return true;
}

/* BSF, BSR, POPCNT. */
static bool translate_scan(struct translation *t, unsigned op)
{
	const struct insn *i = t->i;
	unsigned a = IR_MEM;

	if (i->operand == 2)
		return false;
	if (i->is_reg) {
		a = i->rm;
	} else {
		if (!ir_memory_possible(t))
			return false;
		ir_memory(t, i->operand, false);
	}
	ir_add(t, op, i->operand, i->reg, a)->kind = i->opcode & 1;
	return true;
}

bool translate_bits(struct translation *t)
{
	const struct insn *i = t->i;

	if (i->map == MAP_1BYTE)
		return (i->opcode == 0xc0 || i->opcode == 0xc1 ||
			(i->opcode >= 0xd0 && i->opcode <= 0xd3)) &&
		       translate_shift(t);
	if (i->map != MAP_0F)
		return false;
	switch (i->opcode) {
	case 0xa3:
		return translate_bit(t, BIT_BT, false);
	case 0xab:
		return translate_bit(t, BIT_BTS, false);
	case 0xb3:
		return translate_bit(t, BIT_BTR, false);
	case 0xbb:
		return translate_bit(t, BIT_BTC, false);
	case 0xba:
		return translate_bit(t, (i->modrm >> 3 & 7) - 4u, true);
	case 0xa4:
	case 0xac:
		return translate_double(t);
	case 0xb8:
		return __builtin_cpu_supports("popcnt") && translate_scan(t, IR_POPCNT);
	case 0xbc:
	case 0xbd:
		return translate_scan(t, IR_SCAN);
	default:
		return false;
	}
}
