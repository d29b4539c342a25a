/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addition, subtraction, logic, comparison and exchange, decimal adjustment, and the instructions
 * that change single flags (Intel SDM vol. 2, vol. 1 ch. 7.3). Each form has a handler per operand
 * size, made from one inlined body. LOCK needs nothing: a single vCPU is atomic as it is.
 */
#include "emulator/cpu/ops.h"

/* Result of an operation, and its carry-out vector as flags.h wants it. */
ALWAYS_INLINE uint64_t alu_compute(const struct cpu *c, enum alu_op op, uint64_t a, uint64_t b,
				   uint64_t *carry)
{
	uint64_t r;

	switch (op) {
	case ALU_ADD:
	case ALU_ADC:
		r = a + b + (op == ALU_ADC ? flag_cf(c) : 0);
		*carry = (a & b) | ((a | b) & ~r);
		return r;
	case ALU_SUB:
	case ALU_SBB:
	case ALU_CMP:
		r = a - b - (op == ALU_SBB ? flag_cf(c) : 0);
		*carry = (~a & b) | ((~a | b) & r);
		return r;
	case ALU_OR:
		*carry = 0;
		return a | b;
	case ALU_XOR:
		*carry = 0;
		return a ^ b;
	default: /* AND, TEST */
		*carry = 0;
		return a & b;
	}
}

ALWAYS_INLINE void alu_execute(struct vcpu *v, const struct insn *i, enum alu_op op, unsigned bits,
			       unsigned form)
{
	bool stores = op != ALU_CMP && op != ALU_TEST;
	bool memory = form == FORM_MR || form == FORM_MI;
	uint64_t a, b, r, carry;

	if (form == FORM_RM)
		a = reg_get(v, i, i->reg, bits);
	else if (stores)
		a = rm_get_rmw(v, i, memory, bits);
	else
		a = rm_get(v, i, memory, bits);

	if (form == FORM_RM)
		b = mem_get(v, i, bits);
	else if (form == FORM_RI || form == FORM_MI)
		b = i->immediate & size_mask(bits);
	else
		b = reg_get(v, i, i->reg, bits);

	r = alu_compute(v->c, op, a, b, &carry);
	if (stores) {
		if (form == FORM_RM)
			reg_set(v, i, i->reg, bits, r);
		else
			rm_set(v, i, memory, bits, r);
	}
	flags_set_arith(v->c, bits, r, carry);
}

#define ALU_HANDLER(op, form, bits)                                                                \
	static void alu_##op##_##form##_##bits(struct vcpu *v, const struct insn *i)               \
	{                                                                                          \
		alu_execute(v, i, ALU_##op, bits, FORM_##form);                                    \
	}
#define ALU_FORM(op, form)                                                                         \
	ALU_HANDLER(op, form, 8)                                                                   \
	ALU_HANDLER(op, form, 16)                                                                  \
	ALU_HANDLER(op, form, 32)                                                                  \
	ALU_HANDLER(op, form, 64)
#define ALU_OP(op)                                                                                 \
	ALU_FORM(op, RR)                                                                           \
	ALU_FORM(op, MR)                                                                           \
	ALU_FORM(op, RM)                                                                           \
	ALU_FORM(op, RI)                                                                           \
	ALU_FORM(op, MI)
ALU_OP(ADD)
ALU_OP(OR)
ALU_OP(ADC)
ALU_OP(SBB)
ALU_OP(AND)
ALU_OP(SUB)
ALU_OP(XOR)
ALU_OP(CMP)
ALU_OP(TEST)

#define ALU_ROW(op, form)                                                                          \
	[FORM_##form] = {alu_##op##_##form##_8, alu_##op##_##form##_16, alu_##op##_##form##_32,    \
			 alu_##op##_##form##_64}
#define ALU_ROWS(op)                                                                               \
	[ALU_##op] = {ALU_ROW(op, RR), ALU_ROW(op, MR), ALU_ROW(op, RM), ALU_ROW(op, RI),          \
		      ALU_ROW(op, MI)}
insn_handler *const alu_rows[ALU_COUNT][FORM_COUNT][ROW] = {
    ALU_ROWS(ADD), ALU_ROWS(OR),  ALU_ROWS(ADC), ALU_ROWS(SBB),  ALU_ROWS(AND),
    ALU_ROWS(SUB), ALU_ROWS(XOR), ALU_ROWS(CMP), ALU_ROWS(TEST),
};

/* ---- one operand ---- */

ALWAYS_INLINE void unary_execute(struct vcpu *v, const struct insn *i, unsigned op, unsigned bits,
				 bool memory)
{
	uint64_t a = rm_get_rmw(v, i, memory, bits);
	struct cpu *c = v->c;
	uint64_t r, carry;
	bool cf;

	switch (op) {
	case UNARY_NOT:
		rm_set(v, i, memory, bits, ~a);
		break;
	case UNARY_NEG:
		r = alu_compute(c, ALU_SUB, 0, a, &carry);
		rm_set(v, i, memory, bits, r);
		flags_set_arith(c, bits, r, carry);
		break;
	default: /* INC and DEC leave CF alone */
		r = alu_compute(c, op == UNARY_INC ? ALU_ADD : ALU_SUB, a, 1, &carry);
		rm_set(v, i, memory, bits, r);
		cf = flag_cf(c);
		flags_set_arith(c, bits, r, carry);
		flags_set_cf_of(c, cf, flag_of(c));
		break;
	}
}

#define unary_inc(v, i, bits, memory) unary_execute(v, i, UNARY_INC, bits, memory)
#define unary_dec(v, i, bits, memory) unary_execute(v, i, UNARY_DEC, bits, memory)
#define unary_not(v, i, bits, memory) unary_execute(v, i, UNARY_NOT, bits, memory)
#define unary_neg(v, i, bits, memory) unary_execute(v, i, UNARY_NEG, bits, memory)
RM_HANDLERS(inc, unary_inc)
RM_HANDLERS(dec, unary_dec)
RM_HANDLERS(not, unary_not)
RM_HANDLERS(neg, unary_neg)

insn_handler *const unary_rows[UNARY_COUNT][2][ROW] = {
    [UNARY_INC] = RM_ROWS(inc),
    [UNARY_DEC] = RM_ROWS(dec),
    [UNARY_NOT] = RM_ROWS(not ),
    [UNARY_NEG] = RM_ROWS(neg),
};

/* ---- exchange ---- */

ALWAYS_INLINE void xadd_execute(struct vcpu *v, const struct insn *i, unsigned bits, bool memory)
{
	uint64_t a = rm_get_rmw(v, i, memory, bits);
	uint64_t carry, r = alu_compute(v->c, ALU_ADD, a, reg_get(v, i, i->reg, bits), &carry);

	if (memory) {
		rm_set(v, i, memory, bits, r);
		reg_set(v, i, i->reg, bits, a);
	} else { /* of two equal registers the sum stays */
		reg_set(v, i, i->reg, bits, a);
		rm_set(v, i, memory, bits, r);
	}
	flags_set_arith(v->c, bits, r, carry);
}
RM_HANDLERS(xadd, xadd_execute)
insn_handler *const xadd_rows[2][ROW] = RM_ROWS(xadd);

/* When the comparison fails, memory is written with what it held, and a register is not. */
ALWAYS_INLINE void cmpxchg_execute(struct vcpu *v, const struct insn *i, unsigned bits, bool memory)
{
	uint64_t a = v->c->reg[GPR_RAX] & size_mask(bits);
	uint64_t b = rm_get_rmw(v, i, memory, bits);
	uint64_t carry, r = alu_compute(v->c, ALU_SUB, a, b, &carry);

	if (a == b) {
		rm_set(v, i, memory, bits, reg_get(v, i, i->reg, bits));
	} else {
		if (memory)
			rm_set(v, i, memory, bits, b);
		reg_set(v, i, GPR_RAX, bits, b);
	}
	flags_set_arith(v->c, bits, r, carry);
}
RM_HANDLERS(cmpxchg, cmpxchg_execute)
insn_handler *const cmpxchg_rows[2][ROW] = RM_ROWS(cmpxchg);

static void cmpxchg8b(struct vcpu *v, const struct insn *i)
{
	uint64_t *reg = v->c->reg;
	uint64_t expected = reg[GPR_RDX] << 32 | (uint32_t)reg[GPR_RAX];
	uint64_t at = insn_address(v, i);
	uint64_t found = mem_read_rmw64(v, i->seg, at);
	bool equal = found == expected;

	mem_write64(v, i->seg, at, equal ? reg[GPR_RCX] << 32 | (uint32_t)reg[GPR_RBX] : found);
	if (!equal) {
		reg[GPR_RAX] = (uint32_t)found;
		reg[GPR_RDX] = found >> 32;
	}
	flags_set_zf(v->c, equal);
}

static void cmpxchg16b(struct vcpu *v, const struct insn *i)
{
	uint64_t *reg = v->c->reg;
	uint64_t at = insn_address(v, i);
	uint64_t low, high;
	bool equal;

	if ((v->c->seg[i->seg].base + at) & 15)
		cpu_raise_error(v, EXC_GP, 0);
	low = mem_read_rmw64(v, i->seg, at);
	high = mem_read_rmw64(v, i->seg, at + 8);
	equal = low == reg[GPR_RAX] && high == reg[GPR_RDX];
	mem_write64(v, i->seg, at, equal ? reg[GPR_RBX] : low);
	mem_write64(v, i->seg, at + 8, equal ? reg[GPR_RCX] : high);
	if (!equal) {
		reg[GPR_RAX] = low;
		reg[GPR_RDX] = high;
	}
	flags_set_zf(v->c, equal);
}
insn_handler *const cmpxchg8b_row[ROW] = {NULL, cmpxchg8b, cmpxchg8b, cmpxchg16b};

/* ---- decimal adjustment; not in 64-bit mode ---- */

static void decimal_flags(struct cpu *c, bool cf, bool af)
{
	flags_set_logic(c, 8, c->reg[GPR_RAX] & 0xff);
	flags_set_cf_of(c, cf, false);
	c->flag_aux |= af ? AUX_AF : 0;
}

/* DAA and DAS; `sign` is 1 or -1. */
static void decimal_adjust(struct vcpu *v, int sign)
{
	struct cpu *c = v->c;
	unsigned old = c->reg[GPR_RAX] & 0xff;
	bool low = (old & 15) > 9 || flag_af(c);
	bool high = old > 0x99 || flag_cf(c);
	/* DAS borrows out of AL when it takes 6 from less than 6. */
	bool cf = high || (sign < 0 && low && old < 6);
	unsigned al = old + (unsigned)sign * ((low ? 0x06 : 0) + (high ? 0x60 : 0));

	c->reg[GPR_RAX] = (c->reg[GPR_RAX] & ~0xffull) | (al & 0xff);
	decimal_flags(c, cf, low);
}

static void daa(struct vcpu *v, const struct insn *i)
{
	decimal_adjust(v, 1);
}

static void das(struct vcpu *v, const struct insn *i)
{
	decimal_adjust(v, -1);
}

/* AAA and AAS: 6 in AL and 1 in AH, taken as one word as on the 80286 and later. */
static void ascii_adjust(struct vcpu *v, int sign)
{
	struct cpu *c = v->c;
	unsigned ax = c->reg[GPR_RAX] & 0xffff;
	bool adjust = (ax & 15) > 9 || flag_af(c);

	if (adjust)
		ax += (unsigned)sign * 0x106;
	c->reg[GPR_RAX] = (c->reg[GPR_RAX] & ~0xffffull) | (ax & 0xff0f);
	decimal_flags(c, adjust, adjust);
}

static void aaa(struct vcpu *v, const struct insn *i)
{
	ascii_adjust(v, 1);
}

static void aas(struct vcpu *v, const struct insn *i)
{
	ascii_adjust(v, -1);
}

insn_handler *const daa_row[ROW] = {daa};
insn_handler *const das_row[ROW] = {das};
insn_handler *const aaa_row[ROW] = {aaa};
insn_handler *const aas_row[ROW] = {aas};

/* ---- single flags ---- */

static void clc(struct vcpu *v, const struct insn *i)
{
	flags_set_cf_of(v->c, false, flag_of(v->c));
}

static void stc(struct vcpu *v, const struct insn *i)
{
	flags_set_cf_of(v->c, true, flag_of(v->c));
}

static void cmc(struct vcpu *v, const struct insn *i)
{
	flags_set_cf_of(v->c, !flag_cf(v->c), flag_of(v->c));
}

static void cld(struct vcpu *v, const struct insn *i)
{
	v->c->rflags &= ~(uint64_t)FLAG_DF;
}

static void std(struct vcpu *v, const struct insn *i)
{
	v->c->rflags |= FLAG_DF;
}

static void lahf(struct vcpu *v, const struct insn *i)
{
	uint64_t ah = (flags_status(v->c) & 0xff) | FLAG_ONE;

	v->c->reg[GPR_RAX] = (v->c->reg[GPR_RAX] & ~0xff00ull) | ah << 8;
}

static void sahf(struct vcpu *v, const struct insn *i)
{
	uint32_t ah = (v->c->reg[GPR_RAX] >> 8) & 0xff;

	flags_set_status(v->c, ah | (flag_of(v->c) ? FLAG_OF : 0));
}

insn_handler *const flagop_rows[FLAGOP_COUNT][ROW] = {
    [FLAGOP_CLC] = {clc}, [FLAGOP_STC] = {stc},   [FLAGOP_CMC] = {cmc},   [FLAGOP_CLD] = {cld},
    [FLAGOP_STD] = {std}, [FLAGOP_LAHF] = {lahf}, [FLAGOP_SAHF] = {sahf},
};
