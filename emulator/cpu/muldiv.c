/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Multiplication and division (Intel SDM vol. 2, vol. 1 ch. 7.3.2). MUL and IMUL set CF and OF
 * when the upper half of the product is more than the extension of the lower; the other flags,
 * and all of them for DIV and IDIV, are undefined: here they are what AMD's Zen leaves. #DE comes
 * before any register changes.
 */
#include "emulator/cpu/ops.h"

typedef unsigned __int128 u128;
typedef __int128 s128;

/* rDX:rAX, or AX for bytes, as one number; and back. */
ALWAYS_INLINE u128 wide_get(struct vcpu *v, unsigned bits)
{
	const uint64_t *r = v->c->reg;

	switch (bits) {
	case 8:
		return (uint16_t)r[GPR_RAX];
	case 16:
		return (uint32_t)(uint16_t)r[GPR_RDX] << 16 | (uint16_t)r[GPR_RAX];
	case 32:
		return r[GPR_RDX] << 32 | (uint32_t)r[GPR_RAX];
	default:
		return (u128)r[GPR_RDX] << 64 | r[GPR_RAX];
	}
}

ALWAYS_INLINE void wide_set(struct vcpu *v, const struct insn *i, unsigned bits, uint64_t low,
			    uint64_t high)
{
	if (bits == 8) {
		reg_set(v, i, GPR_RAX, 16, (low & 0xff) | high << 8);
		return;
	}
	reg_set(v, i, GPR_RAX, bits, low);
	reg_set(v, i, GPR_RDX, bits, high);
}

ALWAYS_INLINE void mul_execute(struct vcpu *v, const struct insn *i, unsigned bits, bool memory)
{
	uint64_t b = rm_get(v, i, memory, bits);
	u128 product = (u128)(v->c->reg[GPR_RAX] & size_mask(bits)) * b;
	uint64_t low = (uint64_t)product & size_mask(bits), high = (uint64_t)(product >> bits);

	wide_set(v, i, bits, low, high);
	flags_set_cf_of(v->c, high != 0, high != 0);
}

/* The product of two signed operands; cuts it to `bits` and says whether that lost anything. */
ALWAYS_INLINE uint64_t imul_low(uint64_t a, uint64_t b, unsigned bits, uint64_t *high, bool *lost)
{
	s128 product = (s128)sign_extend(a, bits) * sign_extend(b, bits);
	uint64_t low = (uint64_t)product & size_mask(bits);

	*high = (uint64_t)(product >> bits);
	*lost = product != sign_extend(low, bits);
	return low;
}

ALWAYS_INLINE void imul_execute(struct vcpu *v, const struct insn *i, unsigned bits, bool memory)
{
	uint64_t high, low;
	bool lost;

	low = imul_low(v->c->reg[GPR_RAX], rm_get(v, i, memory, bits), bits, &high, &lost);
	wide_set(v, i, bits, low, high);
	flags_set_cf_of(v->c, lost, lost);
}

ALWAYS_INLINE void imul2_execute(struct vcpu *v, const struct insn *i, unsigned bits, bool memory)
{
	uint64_t high, low;
	bool lost;

	low = imul_low(v->c->reg[i->reg], rm_get(v, i, memory, bits), bits, &high, &lost);
	reg_set(v, i, i->reg, bits, low);
	flags_set_cf_of(v->c, lost, lost);
}

ALWAYS_INLINE void imul3_execute(struct vcpu *v, const struct insn *i, unsigned bits, bool memory)
{
	uint64_t high, low;
	bool lost;

	low = imul_low(rm_get(v, i, memory, bits), i->immediate, bits, &high, &lost);
	reg_set(v, i, i->reg, bits, low);
	flags_set_cf_of(v->c, lost, lost);
}

/* CF and OF keep their values. */
static void divide_flags(struct cpu *c)
{
	flags_set_status(c, (flags_status(c) & (FLAG_CF | FLAG_OF)) | FLAG_AF);
}

ALWAYS_INLINE void div_execute(struct vcpu *v, const struct insn *i, unsigned bits, bool memory)
{
	uint64_t b = rm_get(v, i, memory, bits);
	u128 a = wide_get(v, bits);

	/* The quotient fits exactly when the upper half is less than the divisor. */
	if ((uint64_t)(a >> bits) >= b)
		cpu_raise(v, EXC_DE);
	if (bits < 64 || a >> 64 == 0)
		wide_set(v, i, bits, (uint64_t)a / b, (uint64_t)a % b);
	else
		wide_set(v, i, bits, (uint64_t)(a / b), (uint64_t)(a % b));
	divide_flags(v->c);
}

/* By magnitudes, so that no intermediate can overflow; the remainder has the dividend's sign. */
ALWAYS_INLINE void idiv_execute(struct vcpu *v, const struct insn *i, unsigned bits, bool memory)
{
	uint64_t b = rm_get(v, i, memory, bits);
	u128 a = wide_get(v, bits), quotient;
	uint64_t remainder, limit = 1ull << (bits - 1);
	bool negative_b = (b >> (bits - 1)) & 1, negative_a = (a >> (2 * bits - 1)) & 1;

	if (negative_b)
		b = -b & size_mask(bits);
	if (negative_a)
		a = -a & (~(u128)0 >> (128 - 2 * bits));
	if (b == 0 || (a >> bits) >= b)
		cpu_raise(v, EXC_DE);
	if (a >> 64 == 0) {
		quotient = (uint64_t)a / b;
		remainder = (uint64_t)a % b;
	} else {
		quotient = a / b;
		remainder = (uint64_t)(a % b);
	}
	if (quotient >= limit + (negative_a != negative_b))
		cpu_raise(v, EXC_DE);
	wide_set(v, i, bits, negative_a != negative_b ? -(uint64_t)quotient : (uint64_t)quotient,
		 negative_a ? -remainder : remainder);
	divide_flags(v->c);
}

RM_HANDLERS(mul, mul_execute)
RM_HANDLERS(imul, imul_execute)
RM_HANDLERS(div, div_execute)
RM_HANDLERS(idiv, idiv_execute)
RM_HANDLERS_WIDE(imul2, imul2_execute)
RM_HANDLERS_WIDE(imul3, imul3_execute)

insn_handler *const muldiv_rows[4][2][ROW] = {
    [MULDIV_MUL] = RM_ROWS(mul),
    [MULDIV_IMUL] = RM_ROWS(imul),
    [MULDIV_DIV] = RM_ROWS(div),
    [MULDIV_IDIV] = RM_ROWS(idiv),
};
insn_handler *const imul2_rows[2][ROW] = RM_ROWS_WIDE(imul2);
insn_handler *const imul3_rows[2][ROW] = RM_ROWS_WIDE(imul3);

/* ---- AAM and AAD: the immediate is the number base; not in 64-bit mode ---- */

static void aam(struct vcpu *v, const struct insn *i)
{
	uint64_t al = v->c->reg[GPR_RAX] & 0xff, base = i->immediate & 0xff;

	if (base == 0)
		cpu_raise(v, EXC_DE);
	reg_set(v, i, GPR_RAX, 16, (al / base) << 8 | al % base);
	flags_set_logic(v->c, 8, al % base);
}

static void aad(struct vcpu *v, const struct insn *i)
{
	uint64_t ax = v->c->reg[GPR_RAX] & 0xffff;
	uint64_t al = (ax + (ax >> 8) * (i->immediate & 0xff)) & 0xff;

	reg_set(v, i, GPR_RAX, 16, al);
	flags_set_logic(v->c, 8, al);
}

insn_handler *const aam_row[ROW] = {aam};
insn_handler *const aad_row[ROW] = {aad};
