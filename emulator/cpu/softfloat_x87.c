/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exact operations that only the x87 has: partial remainder, scale, extract. Results are of
 * full precision whatever the control word says (Intel SDM vol. 1 8.1.5.2).
 */
#include "emulator/cpu/softfloat_impl.h"

/* A rem b of two finite numbers, at most 2^63 quotient steps of which `steps` are done now. */
struct reduction {
	uint64_t rest;     /* of a's significand, in units of b's lowest bit << (D - steps) */
	uint64_t quotient; /* its low 64 bits */
};

static struct reduction reduce(uint64_t a, uint64_t b, unsigned steps)
{
	struct reduction r = {0};
	u128 rest = a;

	for (unsigned n = 0;; n++) {
		r.quotient <<= 1;
		if (rest >= b) {
			rest -= b;
			r.quotient |= 1;
		}
		if (n == steps)
			break;
		rest <<= 1;
	}
	r.rest = (uint64_t)rest;
	return r;
}

struct f80 f80_rem(struct float_env *e, struct f80 a, struct f80 b, bool nearest,
		   struct f80_quotient *q)
{
	struct unpacked x = f80_unpack(a), y = f80_unpack(b);
	struct reduction r;
	int32_t difference, exponent;
	unsigned steps;
	bool sign = x.sign;
	u128 rest;

	*q = (struct f80_quotient){.complete = true};
	if (x.kind >= KIND_QNAN || y.kind >= KIND_QNAN)
		return f80_pack(float_propagate(e, &float_format80, x, y));
	if (x.kind == KIND_INF || y.kind == KIND_ZERO)
		return f80_pack(float_invalid(e));
	q->exists = true;
	if (x.denormal || y.denormal)
		e->flags |= FLOAT_DENORMAL;
	if (x.kind == KIND_ZERO)
		return a;
	difference = x.exponent - y.exponent;
	if (y.kind == KIND_INF || difference < (nearest ? -1 : 0))
		return f80_pack(float_round_result(e, &float_format80, sign, x.exponent,
						   (u128)x.significand << 64));
	if (difference >= 64) {
		/*
		 * Too far apart for one go. The SDM leaves open by how much, from 32 to 63, an
		 * execution reduces the exponents' difference; here as much as makes the rest
		 * a multiple of 32.
		 */
		steps = ((unsigned)difference & 31) | 32;
		r = reduce(x.significand, y.significand, steps);
		q->complete = false;
		exponent = x.exponent - (int32_t)steps;
		if (!r.rest)
			return f80_pack(unpacked_zero(sign));
		return f80_pack(
		    float_round_result(e, &float_format80, sign, exponent, (u128)r.rest << 64));
	}
	if (difference < 0) { /* nearest, and a is in [b/4, b): the quotient is 0 or 1 */
		r = (struct reduction){.rest = x.significand};
		exponent = x.exponent;
		/* a > b/2? (equal goes to the even quotient, 0) */
		if (x.significand > y.significand) {
			rest = ((u128)y.significand << 1) - x.significand;
			q->low = 1;
			return f80_pack(float_round_result(e, &float_format80, !sign, exponent + 1,
							   rest << 63));
		}
	} else {
		r = reduce(x.significand, y.significand, (unsigned)difference);
		exponent = y.exponent;
		if (nearest) {
			u128 twice = (u128)r.rest << 1;

			if (twice > y.significand || (twice == y.significand && (r.quotient & 1))) {
				r.rest = y.significand - r.rest;
				r.quotient++;
				sign = !sign;
			}
		}
	}
	q->low = r.quotient & 7;
	if (!r.rest)
		return f80_pack(unpacked_zero(x.sign));
	return f80_pack(float_round_result(e, &float_format80, sign, exponent, (u128)r.rest << 64));
}

struct f80 f80_scale(struct float_env *e, struct f80 a, struct f80 b)
{
	/* Beyond any exponent that FSCALE or the wrapping of its unmasked result can reach. */
	const int32_t limit = 0x10000;
	struct unpacked x = f80_unpack(a), y = f80_unpack(b);
	int32_t scale = 0;

	if (x.kind >= KIND_QNAN || y.kind >= KIND_QNAN)
		return f80_pack(float_propagate(e, &float_format80, x, y));
	if (y.kind == KIND_INF) {
		if (x.kind == (y.sign ? KIND_INF : KIND_ZERO))
			return f80_pack(float_invalid(e));
		if (x.denormal)
			e->flags |= FLOAT_DENORMAL;
		return f80_pack(y.sign ? unpacked_zero(x.sign) : unpacked_inf(x.sign));
	}
	if (x.denormal || y.denormal)
		e->flags |= FLOAT_DENORMAL;
	if (x.kind != KIND_FINITE)
		return a;
	if (y.kind == KIND_FINITE && y.exponent >= 0) {
		scale = y.exponent >= 16 ? limit : (int32_t)(y.significand >> (63 - y.exponent));
		if (y.sign)
			scale = -scale;
	}
	return f80_pack(float_round_result(e, &float_format80, x.sign, x.exponent + scale,
					   (u128)x.significand << 64));
}

struct f80 f80_extract(struct float_env *e, struct f80 a, struct f80 *exponent)
{
	struct unpacked x = f80_unpack(a);

	if (x.kind >= KIND_QNAN) {
		*exponent = f80_pack(float_propagate1(e, x));
		return *exponent;
	}
	if (x.kind == KIND_ZERO) {
		e->flags |= FLOAT_DIVZERO;
		*exponent = f80_pack(unpacked_inf(true));
		return a;
	}
	if (x.kind == KIND_INF) {
		*exponent = f80_pack(unpacked_inf(false));
		return a;
	}
	if (x.denormal)
		e->flags |= FLOAT_DENORMAL;
	*exponent = f80_from_i32(e, x.exponent);
	x.exponent = 0;
	return f80_pack(x);
}
