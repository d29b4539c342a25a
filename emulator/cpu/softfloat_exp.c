/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 2^x - 1 and y * log2(x) of x87 numbers.
 *
 * Definition: the exact value, rounded by the control word's RC to 64 bits. Where the manual
 * leaves the result undefined it is what processors give: F2XM1 beyond [-1, 1]: the operand;
 * FYL2XP1 outside its range: still y * log2(1 + x), but at or below -1: x.
 */
#include "emulator/cpu/softfloat_wide.h"

#define LN2       ((struct wide){U128(0xb17217f7d1cf79ab, 0xc9e3b39803f2f6af), -1})
#define LOG2_E    ((struct wide){U128(0xb8aa3b295c17f0bb, 0xbe87fed0691d3e88), 0})
#define SQRT2_Q63 0xb504f333f9de6484ull

static void note_denormals(struct float_env *e, struct unpacked a, struct unpacked b)
{
	if (a.denormal || b.denormal)
		e->flags |= FLOAT_DENORMAL;
}

/* ---- 2^x - 1 ---- */

/*
 * (e^w - 1) / w, or (1 - e^-w) / w, in q127, for w <= ln 2:
 * 1 + w/2 (1 + w/3 (1 + ...)), in which the 32nd term is below 2^-128.
 */
static u128 exp_series(u128 w, bool negative)
{
	u128 sum = Q127_ONE;

	for (unsigned k = 33; k > 1; k--) {
		u128 term = q127_multiply(w, sum) / k;

		sum = negative ? Q127_ONE - term : Q127_ONE + term;
	}
	return sum;
}

struct f80 f80_exp2m1(struct float_env *e, struct f80 a)
{
	struct unpacked x = f80_unpack(a);
	struct wide w;

	if (x.kind >= KIND_QNAN)
		return f80_pack(float_propagate1(e, x));
	if (x.kind == KIND_ZERO)
		return a;
	if (x.kind == KIND_INF)
		return x.sign ? (struct f80){1ull << 63, 0xbfff} : a; /* 0 - 1 */
	note_denormals(e, x, x);
	if (x.exponent >= 0) {
		e->flags |= FLOAT_INEXACT;
		if (x.exponent == 0 && x.significand == FLOAT_TOP_BIT && x.sign)
			a.sign_exponent--; /* 2^-1 - 1 = -1/2; 2^1 - 1 = 1 */
		return a;
	}
	w = wide_multiply(wide_from_unpacked(x), LN2);
	return wide_result(
	    e, x.sign,
	    wide_multiply(w, wide_from_fixed(exp_series(wide_to_fixed(w, 127), x.sign), 127)),
	    false);
}

/* ---- logarithms ---- */

/*
 * log2((1 + s) / (1 - s)) = 2 log2(e) s (1 + z/3 + z^2/5 + ...) with z = s^2, for s up to
 * 3 - 2 sqrt(2): z < 0.0295, so that the 26th term is below 2^-128.
 */
static struct wide log2_series(struct wide s)
{
	u128 x = wide_to_fixed(s, 127), z = q127_multiply(x, x), sum = 0;

	for (unsigned k = 51; k > 1; k -= 2)
		sum = Q127_ONE / k + q127_multiply(z, sum);
	sum = Q127_ONE + q127_multiply(z, sum);
	s.exponent++;
	return wide_multiply(wide_multiply(s, LOG2_E), wide_from_fixed(sum, 127));
}

struct logarithm {
	struct wide magnitude;
	bool negative, exact;
};

/* log2 of a positive number. */
static struct logarithm log2_wide(struct wide x)
{
	/* x = 2^k m, m in (sqrt(1/2), sqrt(2)]. */
	bool below = x.significand > U128(SQRT2_Q63, 0);
	int32_t k = x.exponent + below;
	struct logarithm r = {.negative = k ? k < 0 : below};
	u128 whole = (u128)(uint32_t)(k < 0 ? -k : k) << 110, part;
	struct wide numerator, denominator, fraction;

	if (below) { /* m = x.significand / 2^128 */
		numerator = wide_from_fixed(0 - x.significand, 128);
		denominator = wide_from_fixed(Q127_ONE + (x.significand >> 1), 127);
	} else {
		numerator = wide_from_fixed(x.significand - Q127_ONE, 127);
		denominator = wide_from_fixed(Q127_ONE / 2 + (x.significand >> 1), 126);
	}
	if (!numerator.significand) {
		r.magnitude = wide_from_fixed(whole, 110);
		r.exact = true;
		return r;
	}
	fraction = log2_series(wide_divide(numerator, denominator));
	if (k) {
		part = wide_to_fixed(fraction, 110);
		/* The fraction's sign is `below`; towards zero it shortens the whole. */
		fraction = wide_from_fixed(below == (k < 0) ? whole + part : whole - part, 110);
	}
	r.magnitude = fraction;
	return r;
}

static struct f80 log2_result(struct float_env *e, struct unpacked y, struct logarithm l)
{
	bool sign = y.sign ^ l.negative;

	if (!l.magnitude.significand)
		return f80_pack(unpacked_zero(sign));
	return wide_result(e, sign, wide_multiply(wide_from_unpacked(y), l.magnitude), l.exact);
}

struct f80 f80_ylog2x(struct float_env *e, struct f80 a, struct f80 b)
{
	struct unpacked x = f80_unpack(a), y = f80_unpack(b);
	struct logarithm l;

	if (x.kind >= KIND_QNAN || y.kind >= KIND_QNAN)
		return f80_pack(float_propagate(e, &float_format80, x, y));
	if (x.sign && x.kind != KIND_ZERO)
		return f80_pack(float_invalid(e));
	if (x.kind == KIND_ZERO) { /* log2 is -inf */
		if (y.kind == KIND_ZERO)
			return f80_pack(float_invalid(e));
		if (y.kind == KIND_FINITE)
			e->flags |= FLOAT_DIVZERO;
		return f80_pack(unpacked_inf(!y.sign));
	}
	if (x.kind == KIND_INF) {
		if (y.kind == KIND_ZERO)
			return f80_pack(float_invalid(e));
		note_denormals(e, x, y);
		return f80_pack(unpacked_inf(y.sign));
	}
	l = log2_wide(wide_from_unpacked(x));
	if (y.kind == KIND_INF) {
		if (!l.magnitude.significand) /* log2(1) * inf */
			return f80_pack(float_invalid(e));
		note_denormals(e, x, y);
		return f80_pack(unpacked_inf(y.sign ^ l.negative));
	}
	note_denormals(e, x, y);
	if (y.kind == KIND_ZERO)
		return f80_pack(unpacked_zero(y.sign ^ l.negative));
	return log2_result(e, y, l);
}

/* log2(1 + x), x > -1 and not 0. */
static struct logarithm log2_plus1(struct unpacked x)
{
	struct wide w = wide_from_unpacked(x);
	struct logarithm l = {.negative = x.sign};
	u128 fixed;

	if (x.exponent >= 1) { /* 2 and above, which is beyond the documented range */
		fixed =
		    (w.significand >> 1) + shift_right_sticky(Q127_ONE / 2, (uint32_t)x.exponent);
		w = wide_from_fixed(fixed, 126);
		w.exponent += x.exponent;
		return log2_wide(w);
	}
	fixed = wide_to_fixed(w, 126);
	/* Beyond (-1/4, 1/4) the sum loses nothing; nearer to 0 it would. */
	if (x.exponent >= -2)
		return log2_wide(
		    wide_from_fixed(x.sign ? Q127_ONE / 2 - fixed : Q127_ONE / 2 + fixed, 126));
	/* s = x / (2 + x) */
	fixed >>= 1;
	l.magnitude = log2_series(wide_divide(
	    w, wide_from_fixed(x.sign ? Q127_ONE / 2 - fixed : Q127_ONE / 2 + fixed, 125)));
	return l;
}

struct f80 f80_ylog2xp1(struct float_env *e, struct f80 a, struct f80 b)
{
	struct unpacked x = f80_unpack(a), y = f80_unpack(b);

	if (x.kind >= KIND_QNAN || y.kind >= KIND_QNAN)
		return f80_pack(float_propagate(e, &float_format80, x, y));
	if ((x.kind == KIND_INF && x.sign) || (x.kind == KIND_ZERO && y.kind == KIND_INF) ||
	    (x.kind == KIND_INF && y.kind == KIND_ZERO))
		return f80_pack(float_invalid(e));
	note_denormals(e, x, y);
	/* The logarithm has the sign of x. */
	if (x.kind == KIND_INF || y.kind == KIND_INF)
		return f80_pack(unpacked_inf(x.sign ^ y.sign));
	if (x.kind == KIND_ZERO || y.kind == KIND_ZERO)
		return f80_pack(unpacked_zero(x.sign ^ y.sign));
	if (x.sign && x.exponent >= 0) {
		e->flags |= FLOAT_INEXACT;
		return a;
	}
	return log2_result(e, y, log2_plus1(x));
}
