/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Positive numbers with a 128-bit significand, and fixed point of 128 bits: what the
 * transcendental functions are computed in. About 120 bits of each result are right, which leaves
 * the rounding to 64 bits as good as correct; results are irrational but for a few cases that
 * are seen to apart, so bit 0 can always serve as the sticky bit.
 *
 * Fixed point is named for its fraction bits: q127 holds [0, 2).
 */
#ifndef VCR_CPU_SOFTFLOAT_WIDE_H
#define VCR_CPU_SOFTFLOAT_WIDE_H

#include "emulator/cpu/softfloat_impl.h"

/* significand / 2^127 * 2^exponent, with the top bit set; a zero has significand 0. */
struct wide {
	u128 significand;
	int32_t exponent;
};

#define U128(high, low) ((u128)(high) << 64 | (low))
#define Q127_ONE        U128(1ull << 63, 0)

/* The upper 128 bits of the product. */
static inline u128 multiply_high(u128 a, u128 b)
{
	uint64_t a1 = (uint64_t)(a >> 64), a0 = (uint64_t)a;
	uint64_t b1 = (uint64_t)(b >> 64), b0 = (uint64_t)b;
	u128 low = (u128)a0 * b0, middle1 = (u128)a1 * b0, middle2 = (u128)a0 * b1;
	u128 carry = (low >> 64) + (uint64_t)middle1 + (uint64_t)middle2;

	return (u128)a1 * b1 + (middle1 >> 64) + (middle2 >> 64) + (carry >> 64);
}

/* Of two q127 numbers whose product is below 2. */
static inline u128 q127_multiply(u128 a, u128 b)
{
	return multiply_high(a, b) << 1;
}

/* From a fixed-point number with `fraction` fraction bits. */
static inline struct wide wide_from_fixed(u128 a, int fraction)
{
	unsigned shift;

	if (!a)
		return (struct wide){0};
	shift = leading_zeros128(a);
	return (struct wide){a << shift, 127 - (int)shift - fraction};
}

/* To fixed point, cut off; the number must fit. */
static inline u128 wide_to_fixed(struct wide a, int fraction)
{
	int shift = 127 - fraction - a.exponent;

	return shift > 127 ? 0 : a.significand >> shift;
}

static inline struct wide wide_from_unpacked(struct unpacked a)
{
	return (struct wide){U128(a.significand, 0), a.exponent};
}

static inline struct wide wide_multiply(struct wide a, struct wide b)
{
	struct wide r = {multiply_high(a.significand, b.significand), a.exponent + b.exponent + 1};

	if (r.significand && !(r.significand >> 127)) {
		r.significand <<= 1;
		r.exponent--;
	}
	return r;
}

/* a / b, cut off; b is not 0. */
struct wide wide_divide(struct wide a, struct wide b);

/*
 * The result of a transcendental function. Inexact is always reported, as the hardware does it,
 * even for the few rational values (2^1 - 1, log2 of a power of two), which come with `exact`.
 */
struct f80 wide_result(struct float_env *e, bool sign, struct wide a, bool exact);

#endif
