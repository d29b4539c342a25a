/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From decoded guest instructions to IR: near jumps, calls, returns and loops. Their targets are
 * checked by the interpreter when they are first seen; after that they are known to be right.
 */
#include "emulator/accel/tcg/translate.h"

/* A relative target, when it can be known to be allowed. */
static bool target_of(const struct translation *t, uint64_t *target)
{
	const struct insn *i = t->i;

	*target = t->next + i->immediate;
	if (t->ir->code64)
		return (uint64_t)((int64_t)(*target << 16) >> 16) == *target;
	*target = (uint32_t)*target;
	return i->operand == 4;
}

static bool translate_jcc(struct translation *t)
{
	uint64_t target;
	struct ir_op *o;

	if (!target_of(t, &target))
		return false;
	o = ir_add(t, t->last ? IR_JCC : IR_EXIT, 0, IR_NONE, IR_NONE);
	o->condition = t->i->opcode & 15;
	o->imm = target;
	t->ended = t->last;
	return true;
}

/* E2 LOOP, E3 JCXZ. */
static bool translate_loop(struct translation *t)
{
	const struct insn *i = t->i;
	uint64_t target;
	struct ir_op *o;

	if (i->opcode < 0xe2 || i->address < 4 || !target_of(t, &target))
		return false;
	if (i->opcode == 0xe2) {
		o = ir_add(t, IR_LEA, i->address, GPR_RCX, IR_NONE);
		o->base = GPR_RCX;
		o->disp = -1;
		o->address = i->address;
	}
	o = ir_add(t, IR_JCXZ, i->address, IR_NONE, IR_NONE);
	o->kind = i->opcode == 0xe2;
	o->imm = target;
	t->ended = true;
	return true;
}

static void end_goto(struct translation *t, uint64_t target)
{
	ir_add(t, IR_GOTO, 0, IR_NONE, IR_NONE)->imm = target;
	t->ended = true;
}

static void push_next(struct translation *t, unsigned size)
{
	ir_memory_at(t, GPR_RSP, -(int32_t)size, size, true);
	ir_add_imm(t, IR_MOV, size, IR_MEM, t->next);
	ir_advance(t, GPR_RSP, -(int32_t)size);
}

static bool translate_call(struct translation *t)
{
	uint64_t target;

	if (!target_of(t, &target))
		return false;
	push_next(t, t->i->operand);
	end_goto(t, target);
	return true;
}

static void end_jump(struct translation *t)
{
	ir_add(t, IR_JUMP, 0, IR_NONE, IR_NONE);
	t->ended = true;
}

static bool translate_ret(struct translation *t)
{
	const struct insn *i = t->i;

	if (i->operand != (t->ir->code64 ? 8 : 4))
		return false;
	ir_memory_at(t, GPR_RSP, 0, i->operand, false);
	ir_add(t, IR_MOV, i->operand, IR_TEMP, IR_MEM);
	ir_add(t, IR_LOOKUP, 0, IR_NONE, IR_TEMP);
	ir_advance(t, GPR_RSP, (int32_t)(i->operand + i->immediate));
	end_jump(t);
	return true;
}

/* FF /2 CALL, /4 JMP. */
static bool translate_indirect(struct translation *t, bool call)
{
	const struct insn *i = t->i;

	if (i->operand != (t->ir->code64 ? 8 : 4))
		return false;
	if (i->is_reg) {
		ir_add(t, IR_MOV, i->operand, IR_TEMP, i->rm);
	} else {
		if (!ir_memory_possible(t))
			return false;
		ir_memory(t, i->operand, false);
		ir_add(t, IR_MOV, i->operand, IR_TEMP, IR_MEM);
	}
	ir_add(t, IR_LOOKUP, 0, IR_NONE, IR_TEMP);
	if (call)
		push_next(t, i->operand);
	end_jump(t);
	return true;
}

bool translate_flow(struct translation *t)
{
	const struct insn *i = t->i;
	uint64_t target;

	if (i->map == MAP_0F)
		return i->opcode >= 0x80 && i->opcode <= 0x8f && translate_jcc(t);
	if (i->map != MAP_1BYTE)
		return false;
	switch (i->opcode) {
	case 0x70 ... 0x7f:
		return translate_jcc(t);
	case 0xc2:
	case 0xc3:
		return translate_ret(t);
	case 0xe0 ... 0xe3:
		return translate_loop(t);
	case 0xe8:
		return translate_call(t);
	case 0xe9:
	case 0xeb:
		if (!target_of(t, &target))
			return false;
		end_goto(t, target);
		return true;
	case 0xff:
		switch (i->modrm >> 3 & 7) {
		case 2:
			return translate_indirect(t, true);
		case 4:
			return translate_indirect(t, false);
		default:
			return false;
		}
	default:
		return false;
	}
}
