/* SPDX-License-Identifier: Apache-2.0 */
/* From decoded guest instructions to IR: addition, logic, comparison, multiplication, division. */
#include "emulator/accel/tcg/translate.h"
#include "emulator/cpu/ops.h"

static bool alu_writes(unsigned kind)
{
	return kind != ALU_CMP && kind != ALU_TEST;
}

/* d = d op a, where a is a register, or an immediate. */
static void alu_reg(struct translation *t, unsigned kind, unsigned d, unsigned a)
{
	const struct insn *i = t->i;
	unsigned size = i->operand, to = ir_byte_begin(t, d, size, true);

	ir_alu(t, kind, size, to, a)->imm = i->immediate;
	if (alu_writes(kind))
		ir_byte_done(t, d, to);
}

/* ModRM.rm op= a */
static bool alu_rm(struct translation *t, unsigned kind, unsigned a)
{
	const struct insn *i = t->i;

	if (i->is_reg) {
		alu_reg(t, kind, i->rm, a);
		return true;
	}
	if (!ir_memory_possible(t))
		return false;
	ir_memory(t, i->operand, alu_writes(kind));
	ir_alu(t, kind, i->operand, IR_MEM, a)->imm = i->immediate;
	return true;
}

/* 00..3F: six encodings of each operation. */
static bool translate_alu(struct translation *t)
{
	const struct insn *i = t->i;
	unsigned kind = i->opcode >> 3, form = i->opcode & 7;

	if (form >= 4)
		return alu_rm(t, kind, IR_IMM);
	if (i->is_reg || form < 2)
		return alu_rm(t, kind, ir_source(t, i->reg, i->operand));
	if (!ir_memory_possible(t))
		return false;
	ir_memory(t, i->operand, false);
	alu_reg(t, kind, i->reg, IR_MEM);
	return true;
}

/* An operation on ModRM.rm alone. */
static bool translate_unary(struct translation *t, unsigned op)
{
	const struct insn *i = t->i;
	unsigned d = IR_MEM;

	if (i->is_reg) {
		d = ir_byte_begin(t, i->rm, i->operand, true);
		ir_add(t, op, i->operand, d, IR_NONE);
		ir_byte_done(t, i->rm, d);
		return true;
	}
	if (!ir_memory_possible(t))
		return false;
	ir_memory(t, i->operand, true);
	ir_add(t, op, i->operand, d, IR_NONE);
	return true;
}

/* F6, F7 /4../7: the accumulator and ModRM.rm. */
static bool translate_muldiv(struct translation *t, unsigned digit)
{
	const struct insn *i = t->i;
	unsigned a = IR_MEM;

	if (i->operand < 4)
		return false;
	if (i->is_reg) {
		a = i->rm;
	} else {
		if (!ir_memory_possible(t))
			return false;
		ir_memory(t, i->operand, false);
	}
	ir_add(t, digit < 6 ? IR_MUL : IR_DIV, i->operand, IR_NONE, a)->kind = digit & 1;
	return true;
}

static bool translate_group3(struct translation *t)
{
	unsigned digit = t->i->modrm >> 3 & 7;

	switch (digit) {
	case 0:
	case 1:
		return alu_rm(t, ALU_TEST, IR_IMM);
	case 2:
		return translate_unary(t, IR_NOT);
	case 3:
		return translate_unary(t, IR_NEG);
	default:
		return translate_muldiv(t, digit);
	}
}

/* IMUL with two operands, or with three. */
static bool translate_imul(struct translation *t, bool three)
{
	const struct insn *i = t->i;
	unsigned a = IR_MEM;

	if (i->is_reg) {
		a = i->rm;
	} else {
		if (!ir_memory_possible(t))
			return false;
		ir_memory(t, i->operand, false);
	}
	ir_add(t, three ? IR_IMUL3 : IR_IMUL, i->operand, i->reg, a)->imm = i->immediate;
	return true;
}

/* XADD and CMPXCHG with a memory operand; between registers they are rare. */
static bool translate_exchange(struct translation *t, unsigned op)
{
	const struct insn *i = t->i;

	if (i->is_reg || !ir_memory_possible(t) || (i->operand == 1 && !i->rex))
		return false;
	ir_memory(t, i->operand, true);
	ir_add(t, op, i->operand, IR_MEM, i->reg);
	return true;
}

static bool translate_cmov(struct translation *t)
{
	const struct insn *i = t->i;
	unsigned a = IR_MEM;

	if (i->is_reg) {
		a = i->rm;
	} else {
		if (!ir_memory_possible(t))
			return false;
		ir_memory(t, i->operand, false);
	}
	ir_add(t, IR_CMOV, i->operand, i->reg, a)->condition = i->opcode & 15;
	return true;
}

static bool translate_setcc(struct translation *t)
{
	const struct insn *i = t->i;
	unsigned d = IR_MEM;

	if (i->is_reg) {
		d = ir_byte_begin(t, i->rm, 1, false);
	} else {
		if (!ir_memory_possible(t))
			return false;
		ir_memory(t, 1, true);
	}
	ir_add(t, IR_SETCC, 1, d, IR_NONE)->condition = i->opcode & 15;
	if (i->is_reg)
		ir_byte_done(t, i->rm, d);
	return true;
}

static bool translate_group45(struct translation *t)
{
	switch (t->i->modrm >> 3 & 7) {
	case 0:
		return translate_unary(t, IR_INC);
	case 1:
		return translate_unary(t, IR_DEC);
	default:
		return false;
	}
}

static void carry(struct translation *t, unsigned kind)
{
	ir_add(t, IR_CARRY, 0, IR_NONE, IR_NONE)->kind = (uint8_t)kind;
}

static bool translate_one_byte(struct translation *t)
{
	const struct insn *i = t->i;

	if (i->opcode < 0x40 && (i->opcode & 7) < 6)
		return translate_alu(t);
	switch (i->opcode) {
	case 0x40 ... 0x4f:
		return translate_unary(t, i->opcode & 8 ? IR_DEC : IR_INC);
	case 0x69:
	case 0x6b:
		return translate_imul(t, true);
	case 0x80 ... 0x83:
		return alu_rm(t, i->modrm >> 3 & 7, IR_IMM);
	case 0x84:
	case 0x85:
		return alu_rm(t, ALU_TEST, ir_source(t, i->reg, i->operand));
	case 0xa8:
	case 0xa9:
		return alu_rm(t, ALU_TEST, IR_IMM);
	case 0xf5:
		carry(t, 2);
		return true;
	case 0xf6:
	case 0xf7:
		return translate_group3(t);
	case 0xf8:
	case 0xf9:
		carry(t, i->opcode & 1);
		return true;
	case 0xfe:
	case 0xff:
		return translate_group45(t);
	default:
		return false;
	}
}

bool translate_integer(struct translation *t)
{
	const struct insn *i = t->i;

	if (i->map == MAP_1BYTE)
		return translate_one_byte(t);
	if (i->map != MAP_0F)
		return false;
	switch (i->opcode) {
	case 0x40 ... 0x4f:
		return translate_cmov(t);
	case 0x90 ... 0x9f:
		return translate_setcc(t);
	case 0xaf:
		return translate_imul(t, false);
	case 0xb0:
	case 0xb1:
		return translate_exchange(t, IR_CMPXCHG);
	case 0xc0:
	case 0xc1:
		return translate_exchange(t, IR_XADD);
	default:
		return false;
	}
}
