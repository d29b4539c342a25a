/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From IR to host code: SSE. The guest's registers stay in struct cpu; an instruction loads what it
 * needs into xmm0 and xmm1. MXCSR is the guest's while a block with floating point runs, and what
 * it is for C again before C is entered (thunks.c).
 */
#include "emulator/accel/tcg/emit.h"
#include "emulator/accel/tcg/sse.h"

enum { XMM_REG, XMM_RM }; /* host registers for the operands ModRM.reg and ModRM.rm */

static const unsigned prefix_flag[4] = {0, ASM_66, ASM_F3, ASM_F2};

#define MOVUPS_LOAD  (ASM_0F | 0x10u)
#define MOVUPS_STORE (ASM_0F | 0x11u)

/* The guest's XMM register, when rax is jit_frame.xmm. */
static struct host_mem guest_xmm(unsigned n)
{
	return host_at(HOST_RAX, (int32_t)(n * sizeof(union xmm)));
}

static void emit_code(struct emitter *e, const struct ir_op *o, unsigned size, unsigned reg,
		      unsigned rm)
{
	asm_rr(&e->a, size, ASM_0F | prefix_flag[o->from] | o->kind, reg, rm);
	if (o->form & SSE_IMM)
		asm_byte(&e->a, (uint8_t)o->imm);
}

static void emit_code_memory(struct emitter *e, const struct ir_op *o, unsigned size, unsigned reg)
{
	asm_rm(&e->a, size, ASM_0F | prefix_flag[o->from] | o->kind, reg, host_at(HOST_R14, 0));
	if (o->form & SSE_IMM)
		asm_byte(&e->a, (uint8_t)o->imm);
}

/* 66 0F 7E */
static void emit_movd_store(struct emitter *e, const struct ir_op *o)
{
	asm_rm(&e->a, 0, MOVUPS_LOAD, XMM_REG, guest_xmm(o->a));
	if (o->d == IR_MEM) {
		emit_code_memory(e, o, o->size, XMM_REG);
	} else {
		emit_code(e, o, o->size, XMM_REG, HOST_RAX);
		emit_result(e, o->d, o->size, HOST_RAX);
	}
}

/* A general register, or memory of its size, into an XMM register. */
static void emit_from_gpr(struct emitter *e, const struct ir_op *o)
{
	struct place p = place_of(o->a);
	unsigned size = o->kind == 0xc4 ? 4 : o->size;

	asm_rm(&e->a, 0, MOVUPS_LOAD, XMM_REG, guest_xmm(o->d));
	if (p.is_reg) {
		emit_code(e, o, size, XMM_REG, p.reg);
	} else {
		asm_load(&e->a, size, HOST_R15, p.mem);
		emit_code(e, o, size, XMM_REG, HOST_R15);
	}
	asm_rm(&e->a, 0, MOVUPS_STORE, XMM_REG, guest_xmm(o->d));
}

static void emit_source_xmm(struct emitter *e, const struct ir_op *o)
{
	if (o->a != IR_MEM)
		asm_rm(&e->a, 0, MOVUPS_LOAD, XMM_RM, guest_xmm(o->a));
	else if ((o->form & SSE_SIZE) == 16)
		asm_rm(&e->a, 0, MOVUPS_LOAD, XMM_RM, host_at(HOST_R14, 0));
}

static void emit_operate(struct emitter *e, const struct ir_op *o, unsigned size, unsigned reg)
{
	/* What is not 16 bytes has no alignment that the host could ask for. */
	if (o->a == IR_MEM && (o->form & SSE_SIZE) != 16)
		emit_code_memory(e, o, size, reg);
	else
		emit_code(e, o, size, reg, XMM_RM);
}

static void emit_store(struct emitter *e, const struct ir_op *o)
{
	asm_rm(&e->a, 0, MOVUPS_LOAD, XMM_REG, guest_xmm(o->d));
	if (o->a == IR_MEM && (o->form & SSE_SIZE) == 16) {
		asm_rm(&e->a, 0, MOVUPS_STORE, XMM_REG, host_at(HOST_R14, 0));
	} else if (o->a == IR_MEM) {
		emit_code_memory(e, o, 0, XMM_REG);
	} else {
		asm_rm(&e->a, 0, MOVUPS_LOAD, XMM_RM, guest_xmm(o->a));
		emit_code(e, o, 0, XMM_REG, XMM_RM);
		asm_rm(&e->a, 0, MOVUPS_STORE, XMM_RM, guest_xmm(o->a));
	}
}

void emit_sse(struct emitter *e, const struct ir_op *o)
{
	asm_load(&e->a, 8, HOST_RAX, host_at(HOST_RBP, FRAME(xmm)));
	if ((o->form & SSE_STORE) && (o->form & SSE_FROM_GPR)) {
		emit_movd_store(e, o);
	} else if (o->form & SSE_FROM_GPR) {
		emit_from_gpr(e, o);
	} else if (o->form & SSE_STORE) {
		emit_store(e, o);
	} else if (o->form & SSE_SHIFT) {
		asm_rm(&e->a, 0, MOVUPS_LOAD, XMM_RM, guest_xmm(o->a));
		emit_code(e, o, 0, o->d, XMM_RM);
		asm_rm(&e->a, 0, MOVUPS_STORE, XMM_RM, guest_xmm(o->a));
	} else if (o->form & SSE_TO_GPR) {
		emit_source_xmm(e, o);
		emit_operate(e, o, o->size, HOST_RAX);
		emit_result(e, o->d, o->size, HOST_RAX);
	} else {
		asm_rm(&e->a, 0, MOVUPS_LOAD, XMM_REG, guest_xmm(o->d));
		emit_source_xmm(e, o);
		emit_operate(e, o, 0, XMM_REG);
		if (!(o->form & SSE_FLAGS))
			asm_rm(&e->a, 0, MOVUPS_STORE, XMM_REG, guest_xmm(o->d));
		else if (o->stores)
			emit_store_flags(e, 0, true);
	}
}

void emit_float_begin(struct emitter *e)
{
	uint8_t *ready;

	asm_rm(&e->a, 1, 0x80, ASM_CMP, host_at(HOST_RBP, FRAME(float_loaded)));
	asm_byte(&e->a, 0);
	ready = asm_jcc(&e->a, CC_NE);
	asm_link(asm_call(&e->a), e->j->float_begin);
	asm_link(ready, e->a.at);
}
