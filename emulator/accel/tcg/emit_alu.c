/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From IR to host code: moves, arithmetic and flags. Most operations are the host's own; what they
 * leave undefined is made to be what emulator/cpu says.
 */
#include "emulator/accel/tcg/emit.h"

#include "emulator/cpu/ops.h"

/* ---- operands ---- */

struct place place_of(unsigned operand)
{
	switch (operand) {
	case IR_TEMP:
		return (struct place){.is_reg = true, .reg = HOST_R15};
	case IR_SAVED:
		return (struct place){.mem = host_at(HOST_RBP, FRAME(saved))};
	case IR_MEM:
		return (struct place){.mem = host_at(HOST_R14, 0)};
	default:
		if (jit_host_reg[operand] != HOST_NONE)
			return (struct place){.is_reg = true, .reg = jit_host_reg[operand]};
		return (struct place){.mem = host_at(HOST_RBP, FRAME(reg) + 8 * (int32_t)operand)};
	}
}

void emit_place(struct emitter *e, unsigned size, unsigned opcode, unsigned reg, struct place p)
{
	if (p.is_reg)
		asm_rr(&e->a, size, opcode, reg, p.reg);
	else
		asm_rm(&e->a, size, opcode, reg, p.mem);
}

static bool in_frame(unsigned operand)
{
	return operand < 16 && jit_host_reg[operand] == HOST_NONE;
}

unsigned emit_source(struct emitter *e, const struct ir_op *o, unsigned scratch)
{
	struct place p;

	if (o->a == IR_IMM) {
		asm_mov_imm(&e->a, scratch, o->size == 8 ? o->imm : (uint32_t)o->imm);
		return scratch;
	}
	if (o->a >= IR_HIGH) {
		p = place_of(o->a - IR_HIGH);
		asm_mov_rr(&e->a, 4, HOST_RAX, p.reg);
		asm_rr(&e->a, 0, ASM_0F | 0xb6, HOST_RAX, 4); /* movzx eax, ah */
		return HOST_RAX;
	}
	p = place_of(o->a);
	if (p.is_reg)
		return p.reg;
	asm_load(&e->a, o->size, scratch, p.mem);
	return scratch;
}

unsigned emit_target(struct emitter *e, unsigned d, unsigned size, bool loads)
{
	struct place p = place_of(d);

	if (p.is_reg)
		return p.reg;
	if (loads)
		asm_load(&e->a, size, HOST_RAX, p.mem);
	return HOST_RAX;
}

void emit_result(struct emitter *e, unsigned d, unsigned size, unsigned reg)
{
	struct place p = place_of(d);

	if (!p.is_reg) {
		/* 32 bits clear the upper half of a register. */
		asm_store(&e->a, size == 4 && in_frame(d) ? 8 : size, p.mem, reg);
	} else if (p.reg != reg) {
		asm_rr(&e->a, size, size == 1 ? 0x88 : 0x89, reg, p.reg);
	}
}

static bool fits32(uint64_t value)
{
	return (uint64_t)(int64_t)(int32_t)value == value;
}

static void emit_move_imm(struct emitter *e, unsigned size, unsigned d, uint64_t imm)
{
	struct place p = place_of(d);

	if (p.is_reg && size >= 4) {
		asm_mov_imm(&e->a, p.reg, size == 4 ? (uint32_t)imm : imm);
	} else if (size == 8 && !fits32(imm)) {
		asm_mov_imm(&e->a, HOST_RAX, imm);
		asm_store(&e->a, 8, p.mem, HOST_RAX);
	} else if (size == 4 && in_frame(d)) {
		asm_mov_imm(&e->a, HOST_RAX, (uint32_t)imm);
		asm_store(&e->a, 8, p.mem, HOST_RAX);
	} else {
		emit_place(e, size, size == 1 ? 0xc6 : 0xc7, 0, p);
		asm_immediate(&e->a, size, imm);
	}
}

void emit_move(struct emitter *e, unsigned size, unsigned d, unsigned a, uint64_t imm)
{
	struct ir_op o = {.size = (uint8_t)size, .a = (uint8_t)a};
	struct place to;

	if (a == IR_IMM) {
		emit_move_imm(e, size, d, imm);
		return;
	}
	to = place_of(d);
	if (to.is_reg && a < IR_HIGH && !place_of(a).is_reg) {
		asm_load(&e->a, size, to.reg, place_of(a).mem);
		return;
	}
	if (to.is_reg && a < IR_HIGH) {
		/* Also onto itself: 32 bits clear the upper half. */
		asm_rr(&e->a, size, size == 1 ? 0x88 : 0x89, place_of(a).reg, to.reg);
		return;
	}
	a = emit_source(e, &o, HOST_RAX);
	if (size == 4 && in_frame(d) && a != HOST_RAX) {
		asm_mov_rr(&e->a, 4, HOST_RAX, a);
		a = HOST_RAX;
	}
	emit_result(e, d, size, a);
}

/* ---- flags ---- */

static void emit_set(struct emitter *e, unsigned condition, struct place p)
{
	emit_place(e, 1, ASM_0F | 0x90 | condition, 0, p);
}

enum { DIGIT_ROL, DIGIT_ROR, DIGIT_SHL = 4, DIGIT_SHR, DIGIT_SAR = 7 }; /* of a shift */

#define AL       ((struct place){.is_reg = true, .reg = HOST_RAX})
#define R14      ((struct place){.is_reg = true, .reg = HOST_R14})
#define CF_PLACE ((struct place){.mem = host_at(HOST_RBP, FRAME(cf))})

void emit_store_flags(struct emitter *e, unsigned stored, bool carry)
{
	if (stored) {
		asm_byte(&e->a, 0xb0); /* mov al, */
		asm_byte(&e->a, stored);
	} else {
		emit_set(e, CC_O, AL);
	}
	asm_byte(&e->a, 0x9f); /* lahf */
	asm_store(&e->a, 2, host_at(HOST_RBP, FRAME(of)), HOST_RAX);
	if (carry)
		asm_rm(&e->a, 1, ASM_0F | 0x92, 0, host_at(HOST_RBP, FRAME(cf))); /* setc */
}

static bool alu_is_logic(unsigned kind)
{
	return kind == ALU_AND || kind == ALU_OR || kind == ALU_XOR || kind == ALU_TEST;
}

void emit_flags(struct emitter *e, const struct ir_op *o)
{
	switch (o->op) {
	case IR_INC:
	case IR_DEC:
		emit_store_flags(e, 0, false);
		break;
	case IR_SHIFT:
		emit_store_flags(
		    e, o->kind == DIGIT_SHL ? STORED_AF_SET | STORED_OF_CALC : STORED_AF_SET, true);
		break;
	case IR_BIT:
		emit_set(e, CC_B, CF_PLACE);
		break;
	case IR_ALU:
		if (!alu_is_logic(o->kind)) {
			emit_store_flags(e, 0, true);
			break;
		}
		emit_store_flags(e, STORED_AF_0, false);
		asm_rm(&e->a, 1, 0xc6, 0, host_at(HOST_RBP, FRAME(cf)));
		asm_byte(&e->a, 0);
		break;
	default:
		emit_store_flags(e, 0, true);
		break;
	}
}

unsigned emit_condition(struct emitter *e, const struct ir_op *o)
{
	static const uint8_t status_bit[8] = {[2] = FLAG_ZF, [4] = FLAG_SF, [5] = FLAG_PF};
	unsigned condition = o->condition, which = condition >> 1 & 7;

	if (o->fused)
		return condition;
	if (which == 1) { /* CF */
		asm_rm(&e->a, 1, 0xf6, 0, host_at(HOST_RBP, FRAME(cf)));
		asm_byte(&e->a, 1);
		return CC_NE ^ (condition & 1);
	}
	if (status_bit[which]) {
		asm_rm(&e->a, 1, 0xf6, 0, host_at(HOST_RBP, FRAME(status)));
		asm_byte(&e->a, status_bit[which]);
		return CC_NE ^ (condition & 1);
	}
	asm_link(asm_call(&e->a), e->j->flags);
	return condition;
}

/* CF in the host, for ADC and SBB. */
static void emit_carry_in(struct emitter *e, const struct ir_op *o)
{
	if (o->fused)
		return;
	asm_rm(&e->a, 4, ASM_0F | 0xba, 4, host_at(HOST_RBP, FRAME(of))); /* bt */
	asm_byte(&e->a, 16);
}

/* OF, while the others stay what they are: 0 or 1 in r14. Clobbers flags. */
static void emit_store_of(struct emitter *e)
{
	asm_rm(&e->a, 1, 0x80, ASM_AND, host_at(HOST_RBP, FRAME(of)));
	asm_byte(&e->a, STORED_AF_SET | STORED_AF_0);
	asm_rm(&e->a, 1, 0x08, HOST_R14, host_at(HOST_RBP, FRAME(of)));
}

/* CF and OF as the host has them after a multiplication. */
static void emit_store_multiply(struct emitter *e)
{
	emit_set(e, CC_B, CF_PLACE);
	emit_set(e, CC_O, R14);
	emit_store_of(e);
}

/* ---- two operands ---- */

/* d kind= immediate */
static void emit_binary_imm(struct emitter *e, unsigned size, unsigned kind, struct place d,
			    uint64_t imm)
{
	int64_t value = (int64_t)(imm << (64 - size * 8)) >> (64 - size * 8);
	bool is_short = size > 1 && value >= -128 && value <= 127;

	if (kind == ALU_TEST) {
		emit_place(e, size, size == 1 ? 0xf6 : 0xf7, 0, d);
		asm_immediate(&e->a, size, imm);
		return;
	}
	emit_place(e, size, size == 1 ? 0x80 : is_short ? 0x83 : 0x81, kind, d);
	asm_immediate(&e->a, is_short ? 1 : size, imm);
}

static void emit_binary_op(struct emitter *e, const struct ir_op *o)
{
	bool writes = o->kind != ALU_CMP && o->kind != ALU_TEST;
	unsigned size = o->size, byte = size > 1;
	struct place d = place_of(o->d);
	bool through_rax = in_frame(o->d) && size == 4 && writes;

	if (o->kind == ALU_ADC || o->kind == ALU_SBB)
		emit_carry_in(e, o);
	if (through_rax)
		d = (struct place){.is_reg = true,
				   .reg = (uint8_t)emit_target(e, o->d, size, true)};
	if (o->a == IR_IMM && (size < 8 || fits32(o->imm))) {
		emit_binary_imm(e, size, o->kind, d, o->imm);
	} else if (d.is_reg && o->a < IR_IMM && !place_of(o->a).is_reg && o->kind != ALU_TEST) {
		asm_rm(&e->a, size, o->kind * 8u + 2 + byte, d.reg, place_of(o->a).mem);
	} else if (d.is_reg && o->a < IR_IMM && !place_of(o->a).is_reg) {
		asm_rm(&e->a, size, 0x84 + byte, d.reg, place_of(o->a).mem);
	} else {
		unsigned a = emit_source(e, o, HOST_RAX);

		emit_place(e, size, o->kind == ALU_TEST ? 0x84 + byte : o->kind * 8u + byte, a, d);
	}
	if (through_rax)
		emit_result(e, o->d, size, HOST_RAX);
}

static void emit_binary(struct emitter *e, const struct ir_op *o)
{
	emit_binary_op(e, o);
	if (o->stores)
		emit_flags(e, o);
}

/* ---- one operand ---- */

static void emit_unary(struct emitter *e, const struct ir_op *o)
{
	bool group4 = o->op == IR_INC || o->op == IR_DEC;
	unsigned digit = o->op == IR_INC ? 0 : o->op == IR_DEC ? 1 : o->op == IR_NOT ? 2 : 3;
	unsigned opcode = (group4 ? 0xfe : 0xf6) + (o->size > 1);
	struct place d = place_of(o->d);

	if (in_frame(o->d) && o->size == 4) {
		unsigned reg = emit_target(e, o->d, 4, true);

		asm_rr(&e->a, 4, opcode, digit, reg);
		emit_result(e, o->d, 4, reg);
	} else {
		emit_place(e, o->size, opcode, digit, d);
	}
	if (o->stores)
		emit_flags(e, o);
}

/* ---- shifts ---- */

/* CF and OF after a rotate: OF by the result, whatever the count (bits.c). Clobbers flags. */
static void emit_store_rotate(struct emitter *e, const struct ir_op *o, struct place d)
{
	unsigned bits = o->size * 8u;

	emit_set(e, CC_B, CF_PLACE);
	/* ROL: the top bit and CF, which is the lowest bit; ROR: the two top bits. */
	if (o->size < 4)
		emit_place(e, 4, ASM_0F | (o->size == 1 ? 0xb6 | ASM_BYTE_RM : 0xb7), HOST_RAX, d);
	else
		emit_place(e, o->size, 0x8b, HOST_RAX, d);
	asm_mov_rr(&e->a, 8, HOST_R14, HOST_RAX);
	asm_shift_imm(&e->a, 8, 5, HOST_R14, bits - 1);
	if (o->kind == DIGIT_ROR)
		asm_shift_imm(&e->a, 8, 5, HOST_RAX, bits - 2);
	asm_rr(&e->a, 4, 0x31, HOST_RAX, HOST_R14);
	asm_alu_imm(&e->a, 4, ASM_AND, HOST_R14, 1);
	emit_store_of(e);
}

static void emit_store_shift(struct emitter *e, const struct ir_op *o, struct place d, bool one)
{
	if (o->kind < DIGIT_SHL) {
		emit_store_rotate(e, o, d);
		return;
	}
	if (o->kind == DIGIT_SHL)
		emit_store_flags(e, STORED_AF_SET | STORED_OF_CALC, true);
	else
		emit_store_flags(e, STORED_AF_SET, true);
	/* OF of SHR by 1 is the top bit that was, now the second one; by more it is 0. */
	if (o->kind == DIGIT_SHR && one) {
		emit_place(e, o->size, ASM_0F | 0xba, 4, d); /* bt */
		asm_byte(&e->a, o->size * 8u - 2);
		emit_set(e, CC_B, AL);
		asm_rm(&e->a, 1, 0x08, HOST_RAX, host_at(HOST_RBP, FRAME(of)));
	}
}

static void emit_shift(struct emitter *e, const struct ir_op *o)
{
	struct place d = place_of(o->d);

	if (in_frame(o->d) && o->size == 4) {
		unsigned reg = emit_target(e, o->d, 4, true);

		asm_shift_imm(&e->a, 4, o->kind, reg, (unsigned)o->imm);
		emit_result(e, o->d, 4, reg);
	} else {
		emit_place(e, o->size, o->size == 1 ? 0xc0 : 0xc1, o->kind, d);
		asm_byte(&e->a, (unsigned)o->imm);
	}
	if (!o->stores)
		return;
	/* A memory operand of the size of a byte has no BT; take it as part of a wider one. */
	if (o->size == 1 && o->kind == DIGIT_SHR && o->imm == 1) {
		emit_store_flags(e, STORED_AF_SET, true);
		emit_place(e, 1, 0xf6, 0, d);
		asm_byte(&e->a, 0x40);
		emit_set(e, CC_NE, AL);
		asm_rm(&e->a, 1, 0x08, HOST_RAX, host_at(HOST_RBP, FRAME(of)));
		return;
	}
	emit_store_shift(e, o, d, o->imm == 1);
}

/* By CL, which may be 0: then no flag changes, but 32 bits still clear the upper half. */
static void emit_shift_cl(struct emitter *e, const struct ir_op *o)
{
	struct place d = place_of(o->d);
	bool frame32 = in_frame(o->d) && o->size == 4;
	uint8_t *none = NULL;

	if (o->stores) {
		if (o->size == 4 && d.is_reg)
			asm_mov_rr(&e->a, 4, d.reg, d.reg);
		asm_rr(&e->a, 1, 0xf6, 0, HOST_RCX); /* test cl, */
		asm_byte(&e->a, o->size == 8 ? 63 : 31);
		none = asm_jcc(&e->a, CC_E);
	}
	if (frame32) {
		unsigned reg = emit_target(e, o->d, 4, true);

		asm_rr(&e->a, 4, 0xd3, o->kind, reg);
		emit_result(e, o->d, 4, reg);
	} else {
		emit_place(e, o->size, 0xd3, o->kind, d);
	}
	if (!o->stores)
		return;
	emit_store_shift(e, o, d, true);
	if (frame32) {
		uint8_t *done = asm_jmp(&e->a);

		asm_link(none, e->a.at);
		asm_load(&e->a, 4, HOST_RAX, d.mem);
		asm_store(&e->a, 8, d.mem, HOST_RAX);
		asm_link(done, e->a.at);
	} else {
		asm_link(none, e->a.at);
	}
}

/* SHLD, SHRD: OF is what the last of that many shifts by one would give (bits.c). */
static void emit_shift_double(struct emitter *e, const struct ir_op *o)
{
	struct place d = place_of(o->d);
	unsigned a = emit_source(e, o, HOST_R15);
	bool frame32 = in_frame(o->d) && o->size == 4;

	if (frame32)
		d = (struct place){.is_reg = true, .reg = (uint8_t)emit_target(e, o->d, 4, true)};
	emit_place(e, o->size, o->kind ? ASM_0F | 0xac : ASM_0F | 0xa4, a, d);
	asm_byte(&e->a, (unsigned)o->imm);
	if (frame32)
		emit_result(e, o->d, 4, HOST_RAX);
	if (!o->stores)
		return;
	if (!o->kind) {
		emit_store_flags(e, STORED_AF_SET | STORED_OF_CALC, true);
		return;
	}
	/* The two top bits of the result differ. */
	emit_store_flags(e, STORED_AF_SET, true);
	emit_place(e, o->size, 0x8b, HOST_RAX, place_of(o->d));
	asm_rr(&e->a, o->size, 0x8b, HOST_R15, HOST_RAX);
	asm_rr(&e->a, o->size, 0x01, HOST_R15, HOST_R15);
	asm_rr(&e->a, o->size, 0x31, HOST_R15, HOST_RAX);
	emit_set(e, CC_S, AL);
	asm_rm(&e->a, 1, 0x08, HOST_RAX, host_at(HOST_RBP, FRAME(of)));
}

/* ---- multiplication and division ---- */

static void emit_imul(struct emitter *e, const struct ir_op *o)
{
	bool three = o->op == IR_IMUL3;
	unsigned reg = emit_target(e, o->d, o->size, !three);

	if (three) {
		emit_place(e, o->size, 0x69, reg, place_of(o->a));
		asm_immediate(&e->a, o->size, o->imm);
	} else {
		emit_place(e, o->size, ASM_0F | 0xaf, reg, place_of(o->a));
	}
	emit_result(e, o->d, o->size, reg);
	if (o->stores)
		emit_store_multiply(e);
}

static void emit_mul(struct emitter *e, const struct ir_op *o)
{
	asm_mov_rr(&e->a, 8, HOST_RAX, jit_host_reg[GPR_RAX]);
	emit_place(e, o->size, 0xf7, o->kind ? 5 : 4, place_of(o->a));
	emit_result(e, GPR_RAX, o->size, HOST_RAX);
	if (o->stores)
		emit_store_multiply(e);
}

/* Only when no exception is possible: the host's would be ours. */
static void emit_div(struct emitter *e, const struct ir_op *o)
{
	struct assembler *a = &e->a;
	unsigned size = o->size, b = HOST_R15;

	emit_place(e, size, 0x8b, b, place_of(o->a));
	asm_mov_rr(a, size, HOST_RAX, jit_host_reg[GPR_RAX]);
	if (o->kind) {
		/* A divisor of 0 or -1, or a dividend of more than one word. */
		asm_rm(a, size, 0x8d, HOST_R14, host_at(b, 1)); /* lea */
		asm_alu_imm(a, size, ASM_CMP, HOST_R14, 1);
		emit_handover(e, o->insn, CC_BE);
		asm_mov_rr(a, size, HOST_R14, HOST_RAX);
		asm_shift_imm(a, size, 7, HOST_R14, size * 8 - 1);
		asm_rr(a, size, 0x39, HOST_R14, HOST_RDX);
		emit_handover(e, o->insn, CC_NE);
	} else {
		/* The quotient fits when the upper half is less than the divisor. */
		asm_rr(a, size, 0x39, b, HOST_RDX);
		emit_handover(e, o->insn, CC_AE);
	}
	asm_rr(a, size, 0xf7, o->kind ? 7 : 6, b);
	emit_result(e, GPR_RAX, size, HOST_RAX);
	if (!o->stores)
		return;
	/* CF and OF stay, AF is set, the others are clear (muldiv.c). */
	asm_link(asm_call(a), e->j->flags);
	emit_set(e, CC_O, (struct place){.mem = host_at(HOST_RBP, FRAME(of))});
	asm_rm(a, 1, 0xc6, 0, host_at(HOST_RBP, FRAME(status)));
	asm_byte(a, FLAG_AF | FLAG_ONE);
}

/* ---- bits ---- */

static void emit_bit(struct emitter *e, const struct ir_op *o)
{
	struct place d = place_of(o->d);
	bool through_rax = in_frame(o->d);

	if (through_rax)
		d = (struct place){.is_reg = true,
				   .reg = (uint8_t)emit_target(e, o->d, o->size, true)};
	if (o->a == IR_IMM) {
		emit_place(e, o->size, ASM_0F | 0xba, 4u + o->kind, d);
		asm_byte(&e->a, (unsigned)o->imm);
	} else {
		unsigned a = emit_source(e, o, HOST_R15);

		emit_place(e, o->size, ASM_0F | 0xa3 | o->kind << 3, a, d);
	}
	if (through_rax && o->kind != BIT_BT)
		emit_result(e, o->d, o->size, HOST_RAX);
	if (o->stores)
		emit_set(e, CC_B, CF_PLACE);
}

/* Of 0: ZF and PF, and d stays. Else the flags of the index, with ZF clear (bits.c). */
static void emit_scan(struct emitter *e, const struct ir_op *o)
{
	struct assembler *a = &e->a;
	uint8_t *zero, *done;

	emit_place(e, o->size, ASM_0F | (o->kind ? 0xbd : 0xbc), HOST_RAX, place_of(o->a));
	zero = asm_jcc(a, CC_E);
	emit_result(e, o->d, o->size, HOST_RAX);
	if (!o->stores) {
		asm_link(zero, a->at);
		return;
	}
	asm_rr(a, 1, 0x84, HOST_RAX, HOST_RAX);
	asm_byte(a, 0x9f); /* lahf */
	asm_alu_imm(a, 4, ASM_AND, HOST_RAX, (int32_t) ~(FLAG_ZF << 8));
	done = asm_jmp(a);
	asm_link(zero, a->at);
	asm_mov_imm(a, HOST_RAX, (FLAG_ZF | FLAG_PF | FLAG_ONE) << 8);
	asm_link(done, a->at);
	asm_rr(a, 1, 0xc6, 0, HOST_RAX); /* mov al, */
	asm_byte(a, STORED_AF_0);
	asm_store(a, 2, host_at(HOST_RBP, FRAME(of)), HOST_RAX);
	asm_rm(a, 1, 0xc6, 0, host_at(HOST_RBP, FRAME(cf)));
	asm_byte(a, 0);
}

static void emit_popcnt(struct emitter *e, const struct ir_op *o)
{
	unsigned reg = emit_target(e, o->d, o->size, false);

	emit_place(e, o->size, ASM_0F | ASM_F3 | 0xb8, reg, place_of(o->a));
	emit_result(e, o->d, o->size, reg);
	if (o->stores)
		emit_store_flags(e, 0, true);
}

static void emit_bswap(struct emitter *e, const struct ir_op *o)
{
	unsigned reg = emit_target(e, o->d, o->size, true);

	asm_byte(&e->a, (o->size == 8 ? 0x48 : 0x40) | reg >> 3);
	asm_byte(&e->a, 0x0f);
	asm_byte(&e->a, 0xc8 | (reg & 7));
	emit_result(e, o->d, o->size, reg);
}

/* ---- extensions, exchanges, conditions ---- */

static void emit_extend(struct emitter *e, const struct ir_op *o)
{
	unsigned reg = emit_target(e, o->d, o->size, false), opcode, size = o->size;
	struct ir_op source = *o;
	struct place p;

	source.size = o->from;
	if (o->a >= IR_HIGH)
		p = (struct place){.is_reg = true,
				   .reg = (uint8_t)emit_source(e, &source, HOST_RAX)};
	else
		p = place_of(o->a);
	if (o->from >= size) {
		emit_place(e, size, 0x8b, reg, p);
	} else {
		if (o->from == 4)
			opcode = 0x63; /* movsxd */
		else
			opcode = ASM_0F | (o->op == IR_ZX ? 0xb6 : 0xbe) | (o->from == 2) |
				 (o->from == 1 ? ASM_BYTE_RM : 0);
		emit_place(e, size, opcode, reg, p);
	}
	emit_result(e, o->d, size, reg);
}

static void emit_xchg(struct emitter *e, const struct ir_op *o)
{
	emit_move(e, o->size, IR_TEMP, o->d, 0);
	emit_move(e, o->size, o->d, o->a, 0);
	emit_move(e, o->size, o->a, IR_TEMP, 0);
}

static void emit_xadd(struct emitter *e, const struct ir_op *o)
{
	emit_move(e, o->size, IR_TEMP, o->a, 0);
	emit_place(e, o->size, ASM_0F | (o->size == 1 ? 0xc0 : 0xc1), HOST_R15, place_of(IR_MEM));
	emit_move(e, o->size, o->a, IR_TEMP, 0);
	if (o->stores)
		emit_store_flags(e, 0, true);
}

static void emit_cmpxchg(struct emitter *e, const struct ir_op *o)
{
	unsigned a = emit_source(e, o, HOST_R15);
	uint8_t *equal;

	asm_mov_rr(&e->a, 8, HOST_RAX, jit_host_reg[GPR_RAX]);
	emit_place(e, o->size, ASM_0F | (o->size == 1 ? 0xb0 : 0xb1), a, place_of(IR_MEM));
	equal = asm_jcc(&e->a, CC_E);
	emit_result(e, GPR_RAX, o->size, HOST_RAX);
	asm_link(equal, e->a.at);
	if (o->stores)
		emit_store_flags(e, 0, true);
}

static void emit_cmov(struct emitter *e, const struct ir_op *o)
{
	unsigned condition = emit_condition(e, o);
	unsigned reg = emit_target(e, o->d, o->size, true);

	emit_place(e, o->size, ASM_0F | 0x40 | condition, reg, place_of(o->a));
	emit_result(e, o->d, o->size, reg);
}

static void emit_get_high(struct emitter *e, const struct ir_op *o)
{
	struct ir_op source = {.size = 1, .a = (uint8_t)(IR_HIGH + o->a)};

	asm_mov_rr(&e->a, 4, HOST_R15, emit_source(e, &source, HOST_RAX));
}

static void emit_put_high(struct emitter *e, const struct ir_op *o)
{
	unsigned reg = jit_host_reg[o->d];

	asm_shift_imm(&e->a, 8, 1, reg, 8); /* ror */
	asm_rr(&e->a, 1, 0x88, HOST_R15, reg);
	asm_shift_imm(&e->a, 8, 0, reg, 8); /* rol */
}

static void emit_carry(struct emitter *e, const struct ir_op *o)
{
	if (!o->stores)
		return;
	asm_rm(&e->a, 1, o->kind == 2 ? 0x80 : 0xc6, o->kind == 2 ? ASM_XOR : 0,
	       host_at(HOST_RBP, FRAME(cf)));
	asm_byte(&e->a, o->kind == 0 ? 0 : 1);
}

static void emit_sign(struct emitter *e, const struct ir_op *o)
{
	asm_mov_rr(&e->a, 8, HOST_RAX, jit_host_reg[GPR_RAX]);
	if (o->size == 8)
		asm_byte(&e->a, 0x48);
	asm_byte(&e->a, 0x99); /* cdq, cqo */
}

void emit_alu(struct emitter *e, const struct ir_op *o)
{
	static void (*const emit[IR_OPCODES])(struct emitter * e, const struct ir_op *o) = {
	    [IR_ZX] = emit_extend,        [IR_SX] = emit_extend,
	    [IR_SIGN] = emit_sign,        [IR_LEA] = emit_lea,
	    [IR_ALU] = emit_binary,       [IR_INC] = emit_unary,
	    [IR_DEC] = emit_unary,        [IR_NEG] = emit_unary,
	    [IR_NOT] = emit_unary,        [IR_SHIFT] = emit_shift,
	    [IR_SHCL] = emit_shift_cl,    [IR_SHD] = emit_shift_double,
	    [IR_IMUL] = emit_imul,        [IR_IMUL3] = emit_imul,
	    [IR_MUL] = emit_mul,          [IR_DIV] = emit_div,
	    [IR_BIT] = emit_bit,          [IR_SCAN] = emit_scan,
	    [IR_POPCNT] = emit_popcnt,    [IR_BSWAP] = emit_bswap,
	    [IR_CMOV] = emit_cmov,        [IR_XCHG] = emit_xchg,
	    [IR_XADD] = emit_xadd,        [IR_CMPXCHG] = emit_cmpxchg,
	    [IR_GETHIGH] = emit_get_high, [IR_PUTHIGH] = emit_put_high,
	    [IR_CARRY] = emit_carry,      [IR_ADDR] = emit_address,
	    [IR_PROBE] = emit_probe,      [IR_LOOKUP] = emit_lookup,
	    [IR_ALIGNED] = emit_aligned,  [IR_FORWARD] = emit_forward,
	    [IR_SSE] = emit_sse,          [IR_X87] = emit_x87,
	};

	if (o->op == IR_MOV)
		emit_move(e, o->size, o->d, o->a, o->imm);
	else if (o->op == IR_SETCC)
		emit_set(e, emit_condition(e, o), place_of(o->d));
	else if (emit[o->op])
		emit[o->op](e, o);
}
