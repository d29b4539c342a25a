/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SSE and SSE2 floating point arithmetic and comparison; all of it through softfloat.h, so that
 * results and flags are the same on every host. Exceptions of all lanes are collected before the
 * destination is written (Intel SDM vol. 1 11.5). Conversions are in simd_convert.c.
 */
#include "emulator/cpu/flags.h"
#include "emulator/cpu/simd.h"

/* ---- the frame of packed and scalar instructions ---- */

/* A handler that computes `expr` in each lane: a is the destination's, b the source's value. */
#define PACKED(name, lane, type, expr)                                                             \
	static void name(struct vcpu *v, const struct insn *i)                                     \
	{                                                                                          \
		union xmm d = *xmm_reg(v, i->reg), s;                                              \
		struct float_env e;                                                                \
                                                                                                   \
		fpu_check_sse(v);                                                                  \
		s = xmm_read(v, i);                                                                \
		e = sse_env(v);                                                                    \
		for (unsigned n = 0; n < 16 / sizeof(type); n++) {                                 \
			type a = d.lane[n], b = s.lane[n];                                         \
                                                                                                   \
			(void)a;                                                                   \
			d.lane[n] = (expr);                                                        \
		}                                                                                  \
		sse_finish(v, &e);                                                                 \
		*xmm_reg(v, i->reg) = d;                                                           \
	}

/* The same for the low lane only; the others keep their values. */
#define SCALAR(name, lane, type, read, expr)                                                       \
	static void name(struct vcpu *v, const struct insn *i)                                     \
	{                                                                                          \
		struct float_env e;                                                                \
		type a, b;                                                                         \
                                                                                                   \
		fpu_check_sse(v);                                                                  \
		b = read(v, i);                                                                    \
		a = xmm_reg(v, i->reg)->lane[0];                                                   \
		(void)a;                                                                           \
		e = sse_env(v);                                                                    \
		a = (expr);                                                                        \
		sse_finish(v, &e);                                                                 \
		xmm_reg(v, i->reg)->lane[0] = a;                                                   \
	}

#define FLOAT_OP(name, expr32, expr64)                                                             \
	PACKED(name##ps, u32, uint32_t, expr32)                                                    \
	PACKED(name##pd, u64, uint64_t, expr64)                                                    \
	SCALAR(name##ss, u32, uint32_t, xmm_read32, expr32)                                        \
	SCALAR(name##sd, u64, uint64_t, xmm_read64, expr64)

FLOAT_OP(add, f32_add(&e, a, b), f64_add(&e, a, b))
FLOAT_OP(sub, f32_sub(&e, a, b), f64_sub(&e, a, b))
FLOAT_OP(mul, f32_mul(&e, a, b), f64_mul(&e, a, b))
FLOAT_OP(div, f32_div(&e, a, b), f64_div(&e, a, b))
FLOAT_OP(sqrt, f32_sqrt(&e, b), f64_sqrt(&e, b))

/* ---- minimum and maximum ---- */

/* With MXCSR.DAZ a denormal operand is a zero of its sign, also when it is the result. */
static uint32_t f32_operand(const struct float_env *e, uint32_t a)
{
	return e->daz && !(a & 0x7f800000) ? a & 0x80000000 : a;
}

static uint64_t f64_operand(const struct float_env *e, uint64_t a)
{
	return e->daz && !(a & 0x7ff0000000000000) ? a & 0x8000000000000000 : a;
}

/*
 * The first operand only when it truly compares less (greater): two zeros or any NaN give the
 * second operand unchanged, and even a quiet NaN is invalid (SDM vol. 2, MINPS).
 */
#define SELECT(bits, order)                                                                        \
	f##bits##_operand(&e, f##bits##_compare(&e, a, b, false) == (order) ? a : b)
FLOAT_OP(min, SELECT(32, FLOAT_LESS), SELECT(64, FLOAT_LESS))
FLOAT_OP(max, SELECT(32, FLOAT_GREATER), SELECT(64, FLOAT_GREATER))

/* ---- comparison ---- */

/* CMPPS's predicate: bits 1..0 EQ, LT, LE, UNORD; bit 2 negates (SDM vol. 2A, table 3-1). */
static bool predicate_is_quiet(unsigned predicate)
{
	return (predicate & 3) == 0 || (predicate & 3) == 3;
}

static bool predicate_holds(unsigned predicate, enum float_order order)
{
	const bool holds[] = {
	    order == FLOAT_EQUAL,
	    order == FLOAT_LESS,
	    order == FLOAT_LESS || order == FLOAT_EQUAL,
	    order == FLOAT_UNORDERED,
	};

	return holds[predicate & 3] != (predicate >> 2 & 1);
}

static uint32_t f32_predicate(struct float_env *e, uint32_t a, uint32_t b, unsigned predicate)
{
	enum float_order order = f32_compare(e, a, b, predicate_is_quiet(predicate));

	return predicate_holds(predicate, order) ? UINT32_MAX : 0;
}

static uint64_t f64_predicate(struct float_env *e, uint64_t a, uint64_t b, unsigned predicate)
{
	enum float_order order = f64_compare(e, a, b, predicate_is_quiet(predicate));

	return predicate_holds(predicate, order) ? UINT64_MAX : 0;
}

FLOAT_OP(cmp, f32_predicate(&e, a, b, (unsigned)i->immediate),
	 f64_predicate(&e, a, b, (unsigned)i->immediate))

/* COMISS and the like set ZF, PF and CF by the order and clear OF, SF and AF. */
#define COMPARE(name, bits, quiet)                                                                 \
	static void name(struct vcpu *v, const struct insn *i)                                     \
	{                                                                                          \
		struct float_env e;                                                                \
		enum float_order order;                                                            \
		uint##bits##_t b;                                                                  \
                                                                                                   \
		fpu_check_sse(v);                                                                  \
		b = xmm_read##bits(v, i);                                                          \
		e = sse_env(v);                                                                    \
		order = f##bits##_compare(&e, xmm_reg(v, i->reg)->u##bits[0], b, quiet);           \
		sse_finish(v, &e);                                                                 \
		flags_set_status(v->c, order_flags(order));                                        \
	}

static uint32_t order_flags(enum float_order order)
{
	switch (order) {
	case FLOAT_LESS:
		return FLAG_CF;
	case FLOAT_EQUAL:
		return FLAG_ZF;
	case FLOAT_UNORDERED:
		return FLAG_ZF | FLAG_PF | FLAG_CF;
	case FLOAT_GREATER:
		break;
	}
	return 0;
}

COMPARE(comiss, 32, false)
COMPARE(comisd, 64, false)
COMPARE(ucomiss, 32, true)
COMPARE(ucomisd, 64, true)

/* ---- approximations ---- */

/*
 * RCPPS and RSQRTPS may be wrong by a relative 1.5 * 2^-12 and processors differ (SDM vol. 2B).
 * Ours are the one value: the exact quotient or root cut after at least 13 bits, then rounded
 * half up to 13 significant bits, which is within 2^-12. They ignore MXCSR and set no flags:
 * denormal operands count as zeros, and results too small for a normal number become zeros.
 */
#define F32_SIGN     0x80000000u
#define F32_INFINITY 0x7f800000u
#define F32_QUIET    0x00400000u
#define F32_DEFAULT  0xffc00000u /* the default NaN */

/* 13 bits of significand, 1000h..2000h, times 2^exponent; the result is a normal number. */
static uint32_t f32_from_13_bits(uint32_t significand, int exponent)
{
	/* The hidden bit adds one to the exponent field; so does a carry to 2000h. */
	return ((uint32_t)(exponent + 12 + 127 - 1) << 23) + (significand << 11);
}

static uint32_t f32_reciprocal(uint32_t a)
{
	uint32_t sign = a & F32_SIGN, magnitude = a & ~F32_SIGN, significand;
	int exponent = (int)(magnitude >> 23) - 127 - 23;

	if (magnitude > F32_INFINITY)
		return a | F32_QUIET;
	if (magnitude < 0x00800000)
		return sign | F32_INFINITY;
	significand = (magnitude & 0x007fffff) | 0x00800000;
	/* 2^37 / significand lies in 2^13..2^14. */
	significand = (uint32_t)((1ull << 37) / significand + 1) >> 1;
	exponent = -36 - exponent;
	if (magnitude == F32_INFINITY || exponent + 12 + (int)(significand >> 13) < -126)
		return sign;
	return sign | f32_from_13_bits(significand, exponent);
}

static uint32_t f32_reciprocal_root(uint32_t a)
{
	uint32_t magnitude = a & ~F32_SIGN;
	int exponent = (int)(magnitude >> 23) - 127 - 23;
	uint64_t significand, square;
	uint32_t root = 0;

	if (magnitude > F32_INFINITY)
		return a | F32_QUIET;
	if (magnitude < 0x00800000)
		return (a & F32_SIGN) | F32_INFINITY;
	if (a & F32_SIGN)
		return F32_DEFAULT;
	if (magnitude == F32_INFINITY)
		return 0;
	significand = (magnitude & 0x007fffff) | 0x00800000;
	/* An even power of two can be halved: the significand becomes 2^24..2^26. */
	significand <<= exponent & 1 ? 1 : 2;
	exponent -= exponent & 1 ? 1 : 2;
	/* 2^52 / significand lies in 2^26..2^28 and its root in 2^13..2^14. */
	square = (1ull << 52) / significand;
	for (uint32_t bit = 1 << 14; bit; bit >>= 1)
		if ((uint64_t)(root | bit) * (root | bit) <= square)
			root |= bit;
	return f32_from_13_bits((root + 1) >> 1, -25 - exponent / 2);
}

/* No environment, no exceptions: not FLOAT_OP. */
#define APPROXIMATE(name, function)                                                                \
	static void name##ps(struct vcpu *v, const struct insn *i)                                 \
	{                                                                                          \
		union xmm s;                                                                       \
                                                                                                   \
		fpu_check_sse(v);                                                                  \
		s = xmm_read(v, i);                                                                \
		for (unsigned n = 0; n < 4; n++)                                                   \
			xmm_reg(v, i->reg)->u32[n] = function(s.u32[n]);                           \
	}                                                                                          \
	static void name##ss(struct vcpu *v, const struct insn *i)                                 \
	{                                                                                          \
		uint32_t s;                                                                        \
                                                                                                   \
		fpu_check_sse(v);                                                                  \
		s = xmm_read32(v, i);                                                              \
		xmm_reg(v, i->reg)->u32[0] = function(s);                                          \
	}
APPROXIMATE(rcp, f32_reciprocal)
APPROXIMATE(rsqrt, f32_reciprocal_root)

#define FORMS(name)                                                                                \
	{                                                                                          \
		name##ps, name##pd, name##ss, name##sd                                             \
	}

static const struct simd_row rows[] = {
    /* opcode, flags, { none, 66, F3, F2 } */
    {0x0f2e, 0, {ucomiss, ucomisd}},   {0x0f2f, 0, {comiss, comisd}},
    {0x0f51, 0, FORMS(sqrt)},          {0x0f52, 0, {rsqrtps, NULL, rsqrtss}},
    {0x0f53, 0, {rcpps, NULL, rcpss}}, {0x0f58, 0, FORMS(add)},
    {0x0f59, 0, FORMS(mul)},           {0x0f5c, 0, FORMS(sub)},
    {0x0f5d, 0, FORMS(min)},           {0x0f5e, 0, FORMS(div)},
    {0x0f5f, 0, FORMS(max)},           {0x0fc2, 0, FORMS(cmp)},
};

const struct simd_table simd_float_table = {rows, sizeof(rows) / sizeof(rows[0]), false};
