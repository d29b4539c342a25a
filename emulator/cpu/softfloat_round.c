/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unpacking, NaNs, rounding and packing: the part of softfloat in which x86 differs from a plain
 * reading of IEEE 754. Tininess is detected after rounding; a masked underflow is reported only
 * with loss of accuracy, an unmasked one on tininess alone; an unmasked x87 overflow or underflow
 * delivers a result with its exponent wrapped by 24576 (Intel SDM vol. 1 ch. 4.9.1, 8.5, 11.5.2).
 */
#include "emulator/cpu/softfloat_impl.h"

#define F80_EXPONENTS .exponent_min = -16382, .exponent_max = 16383, .wrap = 24576, .x87 = true

const struct float_format float_format32 = {
    .precision = 24,
    .exponent_min = -126,
    .exponent_max = 127,
};
const struct float_format float_format64 = {
    .precision = 53,
    .exponent_min = -1022,
    .exponent_max = 1023,
};
const struct float_format float_format80 = {.precision = 64, F80_EXPONENTS};
static const struct float_format format80_single = {.precision = 24, F80_EXPONENTS};
static const struct float_format format80_double = {.precision = 53, F80_EXPONENTS};

const struct float_format *f80_format(const struct float_env *e)
{
	if (e->precision == 24)
		return &format80_single;
	if (e->precision == 53)
		return &format80_double;
	return &float_format80;
}

/* ---- unpack ---- */

static struct unpacked unpack_finite(bool sign, int32_t exponent, uint64_t significand)
{
	int shift = __builtin_clzll(significand);

	return (struct unpacked){
	    .kind = KIND_FINITE,
	    .sign = sign,
	    .denormal = shift != 0,
	    .exponent = exponent - shift,
	    .significand = significand << shift,
	};
}

static struct unpacked unpack_nan(bool sign, uint64_t significand)
{
	return (struct unpacked){
	    .kind = significand & FLOAT_QUIET ? KIND_QNAN : KIND_SNAN,
	    .sign = sign,
	    .significand = significand,
	};
}

struct unpacked f32_unpack(const struct float_env *e, uint32_t a)
{
	bool sign = a >> 31;
	int32_t exponent = (a >> 23) & 0xff;
	uint64_t fraction = (uint64_t)(a & 0x7fffff) << 40;

	if (exponent == 0xff)
		return fraction ? unpack_nan(sign, fraction | FLOAT_TOP_BIT) : unpacked_inf(sign);
	if (exponent)
		return unpack_finite(sign, exponent - 127, fraction | FLOAT_TOP_BIT);
	return fraction && !e->daz ? unpack_finite(sign, -126, fraction) : unpacked_zero(sign);
}

struct unpacked f64_unpack(const struct float_env *e, uint64_t a)
{
	bool sign = a >> 63;
	int32_t exponent = (a >> 52) & 0x7ff;
	uint64_t fraction = (a & 0xfffffffffffff) << 11;

	if (exponent == 0x7ff)
		return fraction ? unpack_nan(sign, fraction | FLOAT_TOP_BIT) : unpacked_inf(sign);
	if (exponent)
		return unpack_finite(sign, exponent - 1023, fraction | FLOAT_TOP_BIT);
	return fraction && !e->daz ? unpack_finite(sign, -1022, fraction) : unpacked_zero(sign);
}

struct unpacked f80_unpack(struct f80 a)
{
	bool sign = a.sign_exponent >> 15;
	int32_t exponent = a.sign_exponent & 0x7fff;

	if (exponent == 0) {
		struct unpacked u;

		if (!a.mantissa)
			return unpacked_zero(sign);
		u = unpack_finite(sign, -16382, a.mantissa);
		u.denormal = true; /* the integer bit set makes a pseudo-denormal: SDM 8.2.2 */
		return u;
	}
	if (!(a.mantissa & FLOAT_TOP_BIT))
		return (struct unpacked){.kind = KIND_UNSUPPORTED};
	if (exponent == 0x7fff)
		return a.mantissa == FLOAT_TOP_BIT ? unpacked_inf(sign)
						   : unpack_nan(sign, a.mantissa);
	return unpack_finite(sign, exponent - 16383, a.mantissa);
}

/* ---- pack ---- */

/* Exponent field: 0 for zeros and denormals, `top` for infinities and NaNs. */
static uint32_t exponent_field(struct unpacked a, uint32_t top)
{
	if (a.kind >= KIND_INF)
		return top;
	if (a.kind == KIND_ZERO || !(a.significand & FLOAT_TOP_BIT))
		return 0;
	return (uint32_t)(a.exponent + (int32_t)(top >> 1));
}

uint32_t f32_pack(struct unpacked a)
{
	return (uint32_t)a.sign << 31 | exponent_field(a, 0xff) << 23 |
	       ((uint32_t)(a.significand >> 40) & 0x7fffff);
}

uint64_t f64_pack(struct unpacked a)
{
	return (uint64_t)a.sign << 63 | (uint64_t)exponent_field(a, 0x7ff) << 52 |
	       ((a.significand >> 11) & 0xfffffffffffff);
}

struct f80 f80_pack(struct unpacked a)
{
	return (struct f80){
	    .mantissa = a.significand,
	    .sign_exponent = (uint16_t)((uint32_t)a.sign << 15 | exponent_field(a, 0x7fff)),
	};
}

/* ---- NaNs ---- */

struct unpacked float_invalid(struct float_env *e)
{
	e->flags |= FLOAT_INVALID;
	return (struct unpacked){
	    .kind = KIND_QNAN, .sign = true, .significand = FLOAT_TOP_BIT | FLOAT_QUIET};
}

struct unpacked float_propagate1(struct float_env *e, struct unpacked a)
{
	if (a.kind == KIND_UNSUPPORTED)
		return float_invalid(e);
	if (a.kind == KIND_SNAN)
		e->flags |= FLOAT_INVALID;
	a.kind = KIND_QNAN;
	a.significand |= FLOAT_QUIET;
	return a;
}

/* SDM vol. 1 table 4-7. */
struct unpacked float_propagate(struct float_env *e, const struct float_format *f,
				struct unpacked a, struct unpacked b)
{
	if (a.kind == KIND_UNSUPPORTED || b.kind == KIND_UNSUPPORTED)
		return float_invalid(e);
	if (a.kind == KIND_SNAN || b.kind == KIND_SNAN)
		e->flags |= FLOAT_INVALID;
	if (b.kind < KIND_QNAN)
		return float_propagate1(e, a);
	if (a.kind < KIND_QNAN)
		return float_propagate1(e, b);
	if (!f->x87)
		return float_propagate1(e, a);
	if (a.kind != b.kind) /* one signals: the quiet one is the result */
		return a.kind == KIND_QNAN ? a : b;
	/* Two of a kind: the larger significand, then the positive one. */
	if (a.significand != b.significand)
		return float_propagate1(e, a.significand > b.significand ? a : b);
	return float_propagate1(e, a.sign ? b : a);
}

/* ---- round ---- */

static bool round_away(unsigned rounding, bool sign, bool odd, u128 rest, u128 half)
{
	switch (rounding) {
	case ROUND_NEAREST:
		return rest > half || (rest == half && odd);
	case ROUND_DOWN:
		return sign && rest;
	case ROUND_UP:
		return !sign && rest;
	default:
		return false;
	}
}

struct rounding {
	uint64_t significand;
	bool inexact, up, carry; /* carry: the significand went over 1 and is 0 here */
};

/* Rounds a 128-bit significand to the `precision` (1..64) topmost bits, aligned to bit 63. */
static struct rounding round_bits(const struct float_env *e, bool sign, u128 significand,
				  int precision)
{
	unsigned cut = 128 - (unsigned)precision;
	u128 unit = (u128)1 << cut;
	u128 rest = significand & (unit - 1);
	u128 kept = significand - rest;
	struct rounding r = {.inexact = rest != 0};

	r.up = round_away(e->rounding, sign, (kept & unit) != 0, rest, unit >> 1);
	if (r.up) {
		kept += unit;
		r.carry = kept == 0;
	}
	r.significand = (uint64_t)(kept >> 64);
	return r;
}

static struct unpacked round_overflow(struct float_env *e, const struct float_format *f, bool sign)
{
	bool to_inf = e->rounding == ROUND_NEAREST || e->rounding == (sign ? ROUND_DOWN : ROUND_UP);

	e->flags |= FLOAT_OVERFLOW | FLOAT_INEXACT;
	e->rounded_up = to_inf;
	if (to_inf)
		return unpacked_inf(sign);
	return (struct unpacked){
	    .kind = KIND_FINITE,
	    .sign = sign,
	    .exponent = f->exponent_max,
	    .significand = ~0ull << (64 - f->precision),
	};
}

/* The result is tiny and underflow is masked: a denormal, zero, or the smallest normal number. */
static struct unpacked round_denormal(struct float_env *e, const struct float_format *f, bool sign,
				      int32_t exponent, u128 significand)
{
	struct rounding r;

	if (e->ftz) {
		e->flags |= FLOAT_UNDERFLOW | FLOAT_INEXACT;
		return unpacked_zero(sign);
	}
	significand = shift_right_sticky(significand, (uint32_t)(f->exponent_min - exponent));
	r = round_bits(e, sign, significand, f->precision);
	if (r.inexact)
		e->flags |= FLOAT_UNDERFLOW | FLOAT_INEXACT;
	e->rounded_up = r.up;
	return (struct unpacked){
	    .kind = r.significand ? KIND_FINITE : KIND_ZERO,
	    .sign = sign,
	    .exponent = f->exponent_min,
	    .significand = r.significand,
	};
}

struct unpacked float_round_result(struct float_env *e, const struct float_format *f, bool sign,
				   int32_t exponent, u128 significand)
{
	unsigned shift = leading_zeros128(significand);
	struct rounding r;
	int32_t rounded;

	significand <<= shift;
	exponent -= (int32_t)shift;
	r = round_bits(e, sign, significand, f->precision);
	rounded = exponent;
	if (r.carry) {
		r.significand = FLOAT_TOP_BIT;
		rounded++;
	}
	if (rounded < f->exponent_min) {
		if (e->masked & FLOAT_UNDERFLOW)
			return round_denormal(e, f, sign, exponent, significand);
		e->flags |= FLOAT_UNDERFLOW;
		rounded += f->wrap;
	} else if (rounded > f->exponent_max) {
		if (e->masked & FLOAT_OVERFLOW)
			return round_overflow(e, f, sign);
		e->flags |= FLOAT_OVERFLOW;
		rounded -= f->wrap;
	}
	if (r.inexact)
		e->flags |= FLOAT_INEXACT;
	e->rounded_up = r.up;
	/* Nobody looks at an unmasked SSE result; FSCALE can be out of reach even when wrapped. */
	if (rounded < f->exponent_min || rounded > f->exponent_max) {
		if (f->wrap)
			e->flags |= FLOAT_INEXACT;
		e->rounded_up = rounded > 0;
		return rounded < 0 ? unpacked_zero(sign) : unpacked_inf(sign);
	}
	return (struct unpacked){
	    .kind = KIND_FINITE,
	    .sign = sign,
	    .exponent = rounded,
	    .significand = r.significand,
	};
}

uint64_t float_round_integer(const struct float_env *e, struct unpacked a, bool *inexact, bool *up,
			     bool *carry)
{
	/* Bits 127..64 are the integer part, the rest is the fraction. */
	u128 value = shift_right_sticky((u128)a.significand << 64, (uint32_t)(63 - a.exponent));
	struct rounding r = round_bits(e, a.sign, value, 64);

	*inexact = r.inexact;
	*up = r.up;
	*carry = r.carry;
	return r.significand;
}
