/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sine, cosine, tangent and arc tangent of x87 numbers.
 *
 * Definition: an argument is first reduced, exactly, to a remainder by pi/2 of at most pi/4, where
 * pi is the processors' 66-bit value 3.243F6A8885A308D3h (Intel SDM vol. 1 8.3.8); the result is
 * the function of the remainder, rounded by the control word's RC to 64 bits. The arc tangent
 * uses the true pi. Hardware is documented to be within 1 ulp of that.
 */
#include "emulator/cpu/softfloat_wide.h"

/* Below this exponent a Taylor series is its first term, give or take the sticky bit. */
#define TINY_EXPONENT -60

/* pi / 2 = HALF_PI66 * 2^-65 for reductions; the true pi with 126 fraction bits. */
#define HALF_PI66 U128(3, 0x243f6a8885a308d3)
#define PI_Q126   U128(0xc90fdaa22168c234, 0xc4c6628b80dc1cd1)

struct wide wide_divide(struct wide a, struct wide b)
{
	u128 quotient = 0, rest = a.significand;
	struct wide r = {.exponent = a.exponent - b.exponent};

	if (rest < b.significand) {
		/* The first bit would be 0: start one place further down. */
		r.exponent--;
	} else {
		rest -= b.significand;
		quotient = 1;
	}
	for (unsigned bits = quotient ? 1 : 0; bits < 128; bits++) {
		bool carry = rest >> 127;

		rest <<= 1;
		quotient <<= 1;
		if (carry || rest >= b.significand) {
			rest -= b.significand;
			quotient |= 1;
		}
	}
	r.significand = quotient;
	return r;
}

struct f80 wide_result(struct float_env *e, bool sign, struct wide a, bool exact)
{
	struct unpacked r =
	    float_round_result(e, &float_format80, sign, a.exponent, a.significand | !exact);

	e->flags |= FLOAT_INEXACT;
	if (!(r.significand & FLOAT_TOP_BIT)) /* tiny, and what counts is that it is "inexact" */
		e->flags |= FLOAT_UNDERFLOW;
	return f80_pack(r);
}

/* ---- sine and cosine of a remainder ---- */

struct angle {
	struct wide rest;  /* magnitude, at most pi/4 */
	bool negative;     /* the remainder's sign */
	unsigned quadrant; /* how many pi/2, modulo 4 */
};

static struct angle reduce(struct unpacked a)
{
	struct angle r = {.rest = wide_from_unpacked(a)};
	u128 value, quotient;

	if (a.exponent < -2) /* below 1/2, hence below pi/4 */
		return r;
	value = (u128)a.significand << (a.exponent + 2); /* in units of 2^-65 */
	quotient = value / HALF_PI66;
	value -= quotient * HALF_PI66;
	if (value > HALF_PI66 / 2) {
		value = HALF_PI66 - value;
		r.negative = true;
		quotient++;
	}
	r.quadrant = (unsigned)quotient & 3;
	r.rest = wide_from_fixed(value, 65);
	return r;
}

/*
 * 1 - z/((n+1)(n+2)) * (1 - z/((n+3)(n+4)) * (...)), in q127: sin(x)/x with n = 1 and cos(x)
 * with n = 0, where z = x^2 < 0.62. The term that is left out is below 2^-130.
 */
static u128 alternating_series(u128 z, unsigned n)
{
	u128 sum = Q127_ONE;

	for (unsigned k = n + 34; k > n; k -= 2)
		sum = Q127_ONE - q127_multiply(z, sum) / (k * (k - 1));
	return sum;
}

static u128 square_q127(struct wide a)
{
	u128 x = wide_to_fixed(a, 127);

	return q127_multiply(x, x);
}

static struct wide sine(struct wide x)
{
	struct wide series;

	if (x.exponent < TINY_EXPONENT) {
		x.significand--; /* the least bit below x */
		return x;
	}
	series = wide_from_fixed(alternating_series(square_q127(x), 1), 127);
	return wide_multiply(x, series);
}

static struct wide cosine(struct wide x)
{
	if (x.exponent < TINY_EXPONENT)
		return wide_from_fixed(Q127_ONE - 1, 127);
	return wide_from_fixed(alternating_series(square_q127(x), 0), 127);
}

/* Sine of the angle advanced by `turn` quarter turns. */
static struct f80 sine_result(struct float_env *e, const struct angle *angle, unsigned turn,
			      bool negate)
{
	unsigned quadrant = (angle->quadrant + turn) & 3;
	bool sign = negate ^ (quadrant >= 2);

	if (quadrant & 1)
		return wide_result(e, sign, cosine(angle->rest), false);
	return wide_result(e, sign ^ angle->negative, sine(angle->rest), false);
}

/* NaN, infinity and zero; true when *r is the result. */
static bool trig_special(struct float_env *e, struct unpacked a, struct f80 at_zero, struct f80 *r)
{
	if (a.kind >= KIND_QNAN)
		*r = f80_pack(float_propagate1(e, a));
	else if (a.kind == KIND_INF)
		*r = f80_pack(float_invalid(e));
	else if (a.kind == KIND_ZERO)
		*r = at_zero;
	else
		return false;
	return true;
}

static bool in_range(struct unpacked a)
{
	return a.kind != KIND_FINITE || a.exponent < 63;
}

static void note_denormal(struct float_env *e, struct unpacked a)
{
	if (a.denormal)
		e->flags |= FLOAT_DENORMAL;
}

bool f80_sin(struct float_env *e, struct f80 a, struct f80 *r)
{
	struct unpacked x = f80_unpack(a);
	struct angle angle;

	if (!in_range(x))
		return false;
	if (trig_special(e, x, a, r))
		return true;
	note_denormal(e, x);
	angle = reduce(x);
	*r = sine_result(e, &angle, 0, x.sign);
	return true;
}

bool f80_cos(struct float_env *e, struct f80 a, struct f80 *r)
{
	struct unpacked x = f80_unpack(a);
	struct angle angle;

	if (!in_range(x))
		return false;
	if (trig_special(e, x, (struct f80){1ull << 63, 0x3fff}, r))
		return true;
	note_denormal(e, x);
	angle = reduce(x);
	*r = sine_result(e, &angle, 1, false);
	return true;
}

bool f80_tan(struct float_env *e, struct f80 a, struct f80 *r)
{
	struct unpacked x = f80_unpack(a);
	struct angle angle;
	struct wide s, c;

	if (!in_range(x))
		return false;
	if (trig_special(e, x, a, r))
		return true;
	note_denormal(e, x);
	angle = reduce(x);
	if (angle.rest.exponent < TINY_EXPONENT) { /* tan x is just above x, 1/tan x below 1/x */
		s = angle.rest;
		c = (struct wide){Q127_ONE, 0};
	} else {
		s = sine(angle.rest);
		c = cosine(angle.rest);
	}
	if (angle.quadrant & 1)
		*r = wide_result(e, !(x.sign ^ angle.negative), wide_divide(c, s), false);
	else
		*r = wide_result(e, x.sign ^ angle.negative, wide_divide(s, c), false);
	return true;
}

/* ---- arc tangent ---- */

/* atan(n/16), q127. */
static const u128 atan_table[17] = {
    0,
    U128(0x07fd56edcb3f7a71, 0xb6593c96e071706a),
    U128(0x0feadd4d5617b6e3, 0x2c897989f3e888ef),
    U128(0x17b97b4bce5b0226, 0x8f6169f103938e90),
    U128(0x1f5b75f92c80dd62, 0xadb8f3debef442fc),
    U128(0x26c4ee6e0fd7979a, 0x716aed26349ebcca),
    U128(0x2dec3283c9bde11c, 0xe2a8c848b73f9120),
    U128(0x34c9dd879847f96d, 0x909f257a40079c4d),
    U128(0x3b58ce0ac3769ed1, 0x5bf9117b2f0ea340),
    U128(0x4195fa536cc33f15, 0x25b504e5b0d28ae0),
    U128(0x47802eaf7bfacfcd, 0xae41af0b32e21ba3),
    U128(0x4d17c07338deed10, 0x21137c711027f9de),
    U128(0x525e3e8c9a7b8492, 0x0cd43f9522bed64f),
    U128(0x5756261c5a6c6040, 0x0a392f179f290385),
    U128(0x5c029f15e118cf39, 0xe596d2a90852221e),
    U128(0x606742dc56293320, 0x44eeb16237497d12),
    U128(0x6487ed5110b4611a, 0x62633145c06e0e68),
};

/* x (1 - z/3 + z^2/5 - ...) with z = x^2 < 2^-9: 14 terms reach 2^-126. */
static struct wide atan_series(struct wide x)
{
	u128 z, sum;

	if (!x.significand || x.exponent < TINY_EXPONENT) {
		x.significand -= x.significand != 0;
		return x;
	}
	z = square_q127(x);
	sum = 0;
	for (unsigned k = 29; k > 1; k -= 2)
		sum = Q127_ONE / k - q127_multiply(z, sum);
	sum = Q127_ONE - q127_multiply(z, sum);
	return wide_multiply(x, wide_from_fixed(sum, 127));
}

/* atan(x) for x <= 1: atan(c) + atan((x - c) / (1 + c x)) with c the nearest n/16. */
static struct wide atan_unit(struct wide x)
{
	u128 fixed = wide_to_fixed(x, 127), step = Q127_ONE / 16, center, numerator, denominator;
	unsigned n = (unsigned)((fixed + step / 2) / step);
	bool below;
	u128 rest;

	if (n == 0)
		return atan_series(x);
	center = step * n;
	below = fixed < center;
	numerator = below ? center - fixed : fixed - center;
	denominator = Q127_ONE / 2 + (fixed >> 5) * n; /* q126 */
	rest = 0;
	if (numerator)
		rest = wide_to_fixed(atan_series(wide_divide(wide_from_fixed(numerator, 127),
							     wide_from_fixed(denominator, 126))),
				     127);
	return wide_from_fixed(below ? atan_table[n] - rest : atan_table[n] + rest, 127);
}

/* pi * eighths / 4, eighths 1..4 */
static struct f80 quarter_pi(struct float_env *e, bool sign, unsigned count)
{
	return wide_result(e, sign, wide_from_fixed(PI_Q126 / 4 * count, 126), false);
}

/* y or x is 0 or infinite. */
static struct f80 atan_special(struct float_env *e, struct unpacked y, struct unpacked x)
{
	if (y.kind == KIND_INF && x.kind == KIND_INF)
		return quarter_pi(e, y.sign, x.sign ? 3 : 1);
	if (y.kind == KIND_ZERO || x.kind == KIND_INF)
		return x.sign ? quarter_pi(e, y.sign, 4) : f80_pack(unpacked_zero(y.sign));
	return quarter_pi(e, y.sign, 2);
}

struct f80 f80_atan2(struct float_env *e, struct f80 a, struct f80 b)
{
	struct unpacked y = f80_unpack(a), x = f80_unpack(b);
	struct wide wy, wx, angle;
	bool steep;

	if (y.kind >= KIND_QNAN || x.kind >= KIND_QNAN)
		return f80_pack(float_propagate(e, &float_format80, y, x));
	note_denormal(e, y);
	note_denormal(e, x);
	if (y.kind != KIND_FINITE || x.kind != KIND_FINITE)
		return atan_special(e, y, x);
	wy = wide_from_unpacked(y);
	wx = wide_from_unpacked(x);
	steep = wy.exponent != wx.exponent ? wy.exponent > wx.exponent
					   : wy.significand > wx.significand;
	angle = atan_unit(steep ? wide_divide(wx, wy) : wide_divide(wy, wx));
	if (steep || x.sign) {
		u128 fixed = wide_to_fixed(angle, 126);

		/* In the second quadrant, |y| > |x|: pi - (pi/2 - angle). */
		if (!steep)
			fixed = PI_Q126 - fixed;
		else
			fixed = x.sign ? PI_Q126 / 2 + fixed : PI_Q126 / 2 - fixed;
		angle = wide_from_fixed(fixed, 126);
	}
	return wide_result(e, y.sign, angle, false);
}
