/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From IR to host code: x87. Where a block has any of it, the guest's state is brought into the
 * host's unit at its beginning and behind each call of C, unless it is there already; on the way to
 * C it is stored (thunks.c, x87_state.c).
 */
#include "emulator/accel/tcg/emit.h"
#include "emulator/accel/tcg/x87.h"
#include "emulator/cpu/fpu.h"

void emit_x87_begin(struct emitter *e)
{
	uint8_t *ready;

	asm_rm(&e->a, 1, 0x80, ASM_CMP, host_at(HOST_RBP, FRAME(x87_loaded)));
	asm_byte(&e->a, X87_IN_HOST);
	ready = asm_jcc(&e->a, CC_E);
	asm_link(asm_call(&e->a), e->j->x87_begin);
	asm_link(ready, e->a.at);
}

static void emit_code(struct emitter *e, unsigned opcode, unsigned modrm)
{
	asm_byte(&e->a, opcode);
	asm_byte(&e->a, modrm);
}

static void emit_note_in(struct emitter *e, int32_t offset, unsigned insn)
{
	asm_rm(&e->a, 4, 0xc7, 0, host_at(HOST_RBP, offset)); /* mov dword [], */
	asm_u32(&e->a, X87_NOTE(e->t->index, insn));
}

/* Whether before anything can see which instruction was the last, another will be it. */
static bool is_overtaken(const struct emitter *e, const struct ir_op *o)
{
	const struct ir_op *end = e->ir->op + e->ir->ops;

	for (o++; o < end; o++) {
		if (o->op == IR_X87 && !(o->form & X87_CONTROL))
			return true;
		if (ir_flags(o).observes)
			return false;
	}
	return false;
}

/* This is now the last instruction, and this its operand's address. Uses rax and r15. */
static void emit_note(struct emitter *e, const struct ir_op *o)
{
	if (!is_overtaken(e, o))
		emit_note_in(e, FRAME(x87_last), o->insn);
	if (o->a != IR_MEM)
		return;
	emit_note_in(e, FRAME(x87_last_memory), o->insn);
	emit_sum(e, o, HOST_R15);
	asm_store(&e->a, 8, host_at(HOST_RBP, FRAME(x87_address)), HOST_R15);
}

/*
 * The interpreter takes a word that unmasks an exception. Bits that are not there differ by
 * processor, so they are set as fpu_set_control() does. Uses eax.
 */
static void emit_load_control(struct emitter *e, const struct ir_op *o)
{
	struct host_mem word = host_at(HOST_RBP, FRAME(x87_word));

	asm_rm(&e->a, 4, ASM_0F | 0xb7, HOST_RAX, host_at(HOST_R14, 0)); /* movzx */
	asm_alu_imm(&e->a, 4, ASM_AND, HOST_RAX, FPU_CONTROL_BITS);
	asm_alu_imm(&e->a, 4, ASM_OR, HOST_RAX, FPU_CONTROL_ONE);
	asm_store(&e->a, 4, word, HOST_RAX);
	asm_alu_imm(&e->a, 4, ASM_AND, HOST_RAX, FPU_EXCEPTIONS);
	asm_alu_imm(&e->a, 4, ASM_CMP, HOST_RAX, FPU_EXCEPTIONS);
	e->leaves[o->insn] = true;
	emit_handover(e, o->insn, CC_NE);
	asm_rm(&e->a, 0, 0xd9, 5, word);
}

/* C1 is 0 after it: Intel's clear it, AMD's do not, but do in FDECSTP and FINCSTP. */
static void emit_compare_to_flags(struct emitter *e, const struct ir_op *o)
{
	emit_code(e, 0xd9, 0xf6);
	emit_code(e, 0xd9, 0xf7);
	emit_code(e, o->kind, o->from);
	if (o->stores)
		emit_store_flags(e, 0, true);
}

/* By CF alone, which is made of the condition. Uses al. */
static void emit_conditional(struct emitter *e, const struct ir_op *o)
{
	unsigned condition = emit_condition(e, o);

	asm_rr(&e->a, 1, ASM_0F | 0x90 | condition, 0, HOST_RAX); /* setcc */
	asm_shift_imm(&e->a, 4, 5, HOST_RAX, 1);
	emit_code(e, 0xda, 0xc0 | (o->from & 7u)); /* fcmovb */
}

void emit_x87(struct emitter *e, const struct ir_op *o)
{
	if (o->form & X87_NOTHING)
		return;
	if (o->form & X87_LOAD_CW) {
		emit_load_control(e, o);
	} else if (o->form & X87_FLAGS) {
		emit_compare_to_flags(e, o);
	} else if (o->form & X87_CMOV) {
		emit_conditional(e, o);
	} else if (o->a == IR_MEM) {
		asm_rm(&e->a, 0, o->kind, o->from >> 3 & 7, host_at(HOST_R14, 0));
	} else {
		emit_code(e, o->kind, o->from);
		if (o->form & X87_TO_AX)
			emit_result(e, GPR_RAX, 2, HOST_RAX);
	}
	if (!(o->form & X87_CONTROL))
		emit_note(e, o);
}
