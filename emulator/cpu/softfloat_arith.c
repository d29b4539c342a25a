/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Add, subtract, multiply, divide, square root and compare, each written once for the three
 * formats. The order of exceptions is Intel SDM vol. 1 4.9.2: NaNs, other invalid operations
 * and division by zero, denormal operands, then what rounding finds.
 */
#include "emulator/cpu/softfloat_impl.h"

static void note_denormal(struct float_env *e, struct unpacked a, struct unpacked b)
{
	if (a.denormal || b.denormal)
		e->flags |= FLOAT_DENORMAL;
}

/* a + b, or a - b; a NaN keeps its sign, so b is not negated before that is seen to. */
static struct unpacked add(struct float_env *e, const struct float_format *f, struct unpacked a,
			   struct unpacked b, bool subtract)
{
	u128 x, y;
	bool sign;

	if (a.kind >= KIND_QNAN || b.kind >= KIND_QNAN)
		return float_propagate(e, f, a, b);
	b.sign ^= subtract;
	if (a.kind == KIND_INF || b.kind == KIND_INF) {
		if (a.kind == b.kind && a.sign != b.sign)
			return float_invalid(e);
		note_denormal(e, a, b);
		return a.kind == KIND_INF ? a : b;
	}
	note_denormal(e, a, b);
	if (a.kind == KIND_ZERO && b.kind == KIND_ZERO)
		return unpacked_zero(a.sign == b.sign ? a.sign : e->rounding == ROUND_DOWN);
	if (a.kind == KIND_ZERO || (b.kind == KIND_FINITE && b.exponent > a.exponent)) {
		struct unpacked swap = a;

		a = b;
		b = swap;
	}
	/* One bit above for the carry, 63 below for guard and sticky bits. */
	x = (u128)a.significand << 63;
	y = 0;
	if (b.kind == KIND_FINITE)
		y = shift_right_sticky((u128)b.significand << 63,
				       (uint32_t)(a.exponent - b.exponent));
	sign = a.sign;
	if (a.sign == b.sign) {
		x += y;
	} else if (x >= y) {
		x -= y;
	} else {
		x = y - x;
		sign = b.sign;
	}
	if (!x)
		return unpacked_zero(e->rounding == ROUND_DOWN);
	return float_round_result(e, f, sign, a.exponent + 1, x);
}

static struct unpacked multiply(struct float_env *e, const struct float_format *f,
				struct unpacked a, struct unpacked b)
{
	bool sign = a.sign ^ b.sign;

	if (a.kind >= KIND_QNAN || b.kind >= KIND_QNAN)
		return float_propagate(e, f, a, b);
	if (a.kind == KIND_INF || b.kind == KIND_INF) {
		if (a.kind == KIND_ZERO || b.kind == KIND_ZERO)
			return float_invalid(e);
		note_denormal(e, a, b);
		return unpacked_inf(sign);
	}
	note_denormal(e, a, b);
	if (a.kind == KIND_ZERO || b.kind == KIND_ZERO)
		return unpacked_zero(sign);
	return float_round_result(e, f, sign, a.exponent + b.exponent + 1,
				  (u128)a.significand * b.significand);
}

static struct unpacked divide(struct float_env *e, const struct float_format *f, struct unpacked a,
			      struct unpacked b)
{
	bool sign = a.sign ^ b.sign;
	u128 dividend;
	uint64_t high, low, rest;

	if (a.kind >= KIND_QNAN || b.kind >= KIND_QNAN)
		return float_propagate(e, f, a, b);
	if (a.kind == b.kind && a.kind != KIND_FINITE) /* 0 / 0, inf / inf */
		return float_invalid(e);
	if (b.kind == KIND_ZERO && a.kind == KIND_FINITE) {
		e->flags |= FLOAT_DIVZERO;
		return unpacked_inf(sign);
	}
	note_denormal(e, a, b);
	if (a.kind == KIND_INF)
		return unpacked_inf(sign);
	if (a.kind == KIND_ZERO || b.kind == KIND_INF)
		return unpacked_zero(sign);
	/* Two digits of 64 bits; the first quotient is in (2^62, 2^64). */
	dividend = (u128)a.significand << 63;
	high = (uint64_t)(dividend / b.significand);
	rest = (uint64_t)(dividend % b.significand);
	dividend = (u128)rest << 64;
	low = (uint64_t)(dividend / b.significand);
	rest = (uint64_t)(dividend % b.significand);
	return float_round_result(e, f, sign, a.exponent - b.exponent,
				  (u128)high << 64 | low | (rest != 0));
}

/* Whole part of the square root, and what is left: n = root^2 + rest. */
static uint64_t root64(uint64_t n, uint64_t *rest)
{
	uint64_t root = 0, left = 0;

	for (unsigned bits = 0; bits < 32; bits++) {
		uint64_t trial = root << 2 | 1;

		left = left << 2 | n >> 62;
		n <<= 2;
		root <<= 1;
		if (left >= trial) {
			left -= trial;
			root |= 1;
		}
	}
	*rest = left;
	return root;
}

/*
 * The same for n >= 2^126: the upper half's root gives the upper half of the result, a division
 * by twice that the lower one, at most 1 too large.
 */
static uint64_t root128(u128 n, u128 *rest)
{
	uint64_t left, high = root64((uint64_t)(n >> 64), &left);
	u128 dividend = (u128)left << 32 | (uint32_t)(n >> 32);
	u128 low = dividend / (2 * high);
	u128 root = ((u128)high << 32) + low;
	u128 part = (dividend % (2 * high)) << 32 | (uint32_t)n;

	if (part < low * low) {
		part += 2 * root - 1;
		root--;
	}
	*rest = part - low * low;
	return (uint64_t)root;
}

static struct unpacked square_root(struct float_env *e, const struct float_format *f,
				   struct unpacked a)
{
	u128 rest;
	uint64_t root;

	if (a.kind >= KIND_QNAN)
		return float_propagate1(e, a);
	if (a.kind == KIND_ZERO)
		return a;
	if (a.sign)
		return float_invalid(e);
	note_denormal(e, a, a);
	if (a.kind == KIND_INF)
		return a;
	/* In [1, 4) with 126 fraction bits, over an even exponent: the root is in [1, 2). */
	root = root128((u128)a.significand << (a.exponent & 1 ? 64 : 63), &rest);
	/* (root + 1/2)^2 = root^2 + root + 1/4: the rest tells which half; a tie cannot be. */
	return float_round_result(e, f, false, (a.exponent - (a.exponent & 1)) / 2,
				  (u128)root << 64 | (rest > root ? 3ull << 62 : rest != 0));
}

static enum float_order compare(struct float_env *e, struct unpacked a, struct unpacked b,
				bool quiet)
{
	int larger; /* of the magnitudes: 1 when a's is, -1 when b's is */

	if (a.kind >= KIND_QNAN || b.kind >= KIND_QNAN) {
		if (!quiet || a.kind > KIND_QNAN || b.kind > KIND_QNAN)
			e->flags |= FLOAT_INVALID;
		return FLOAT_UNORDERED;
	}
	note_denormal(e, a, b);
	if (a.kind == KIND_ZERO && b.kind == KIND_ZERO)
		return FLOAT_EQUAL;
	if (a.kind == KIND_ZERO || b.kind == KIND_ZERO)
		larger = a.kind == KIND_ZERO ? -1 : 1;
	else if (a.sign != b.sign)
		larger = 1; /* the sign decides: a's */
	else if (a.kind != b.kind)
		larger = a.kind == KIND_INF ? 1 : -1;
	else if (a.exponent != b.exponent)
		larger = a.exponent > b.exponent ? 1 : -1;
	else if (a.significand != b.significand)
		larger = a.significand > b.significand ? 1 : -1;
	else
		return FLOAT_EQUAL;
	if (larger > 0)
		return a.sign ? FLOAT_LESS : FLOAT_GREATER;
	return b.sign ? FLOAT_GREATER : FLOAT_LESS;
}

/* ---- binary32 and binary64: SSE ---- */

#define SSE_ARITHMETIC(bits)                                                                       \
	uint##bits##_t f##bits##_add(struct float_env *e, uint##bits##_t a, uint##bits##_t b)      \
	{                                                                                          \
		return f##bits##_pack(add(e, &float_format##bits, f##bits##_unpack(e, a),          \
					  f##bits##_unpack(e, b), false));                         \
	}                                                                                          \
	uint##bits##_t f##bits##_sub(struct float_env *e, uint##bits##_t a, uint##bits##_t b)      \
	{                                                                                          \
		return f##bits##_pack(add(e, &float_format##bits, f##bits##_unpack(e, a),          \
					  f##bits##_unpack(e, b), true));                          \
	}                                                                                          \
	uint##bits##_t f##bits##_mul(struct float_env *e, uint##bits##_t a, uint##bits##_t b)      \
	{                                                                                          \
		return f##bits##_pack(multiply(e, &float_format##bits, f##bits##_unpack(e, a),     \
					       f##bits##_unpack(e, b)));                           \
	}                                                                                          \
	uint##bits##_t f##bits##_div(struct float_env *e, uint##bits##_t a, uint##bits##_t b)      \
	{                                                                                          \
		return f##bits##_pack(divide(e, &float_format##bits, f##bits##_unpack(e, a),       \
					     f##bits##_unpack(e, b)));                             \
	}                                                                                          \
	uint##bits##_t f##bits##_sqrt(struct float_env *e, uint##bits##_t a)                       \
	{                                                                                          \
		return f##bits##_pack(                                                             \
		    square_root(e, &float_format##bits, f##bits##_unpack(e, a)));                  \
	}                                                                                          \
	enum float_order f##bits##_compare(struct float_env *e, uint##bits##_t a,                  \
					   uint##bits##_t b, bool quiet)                           \
	{                                                                                          \
		return compare(e, f##bits##_unpack(e, a), f##bits##_unpack(e, b), quiet);          \
	}

SSE_ARITHMETIC(32)
SSE_ARITHMETIC(64)

/* ---- extended: x87, results rounded to the precision control's width ---- */

struct f80 f80_add(struct float_env *e, struct f80 a, struct f80 b)
{
	return f80_pack(add(e, f80_format(e), f80_unpack(a), f80_unpack(b), false));
}

struct f80 f80_sub(struct float_env *e, struct f80 a, struct f80 b)
{
	return f80_pack(add(e, f80_format(e), f80_unpack(a), f80_unpack(b), true));
}

struct f80 f80_mul(struct float_env *e, struct f80 a, struct f80 b)
{
	return f80_pack(multiply(e, f80_format(e), f80_unpack(a), f80_unpack(b)));
}

struct f80 f80_div(struct float_env *e, struct f80 a, struct f80 b)
{
	return f80_pack(divide(e, f80_format(e), f80_unpack(a), f80_unpack(b)));
}

struct f80 f80_sqrt(struct float_env *e, struct f80 a)
{
	return f80_pack(square_root(e, f80_format(e), f80_unpack(a)));
}

enum float_order f80_compare(struct float_env *e, struct f80 a, struct f80 b, bool quiet)
{
	return compare(e, f80_unpack(a), f80_unpack(b), quiet);
}
