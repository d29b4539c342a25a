/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the softfloat_*.c files share. An operand is unpacked into one shape for all three
 * formats, the operation is done exactly (or with a sticky bit) on 128-bit integers, and one
 * function rounds to the destination format and decides on overflow, underflow and inexact.
 */
#ifndef VCR_CPU_SOFTFLOAT_IMPL_H
#define VCR_CPU_SOFTFLOAT_IMPL_H

#include "emulator/cpu/softfloat.h"

typedef unsigned __int128 u128;

/* In this order: `kind >= KIND_QNAN` is "no number". */
enum float_kind {
	KIND_ZERO,
	KIND_FINITE,
	KIND_INF,
	KIND_QNAN,
	KIND_SNAN,
	KIND_UNSUPPORTED, /* x87 pseudo-NaN, pseudo-infinity, unnormal */
};

/*
 * Finite: (-1)^sign * significand / 2^63 * 2^exponent. Unpacked operands are normalized (bit 63
 * is set); a rounded result may have it clear, at the smallest exponent: a denormal. A NaN's
 * significand is that of an x87 NaN: bit 63 set, bit 62 quiet.
 */
struct unpacked {
	enum float_kind kind;
	bool sign;
	bool denormal; /* the operand was a denormal (or pseudo-denormal) */
	int32_t exponent;
	uint64_t significand;
};

struct float_format {
	int precision; /* bits of significand, integer bit included */
	int32_t exponent_min, exponent_max;
	/* Added to or taken from the exponent of unmasked x87 under- and overflow; 0 for SSE. */
	int32_t wrap;
	bool x87; /* two NaN operands: x87's rule, else SSE's */
};

extern const struct float_format float_format32, float_format64;
extern const struct float_format
    float_format80; /* full precision, whatever the control word says */

#define FLOAT_TOP_BIT (1ull << 63)
#define FLOAT_QUIET   (1ull << 62)

static inline struct unpacked unpacked_zero(bool sign)
{
	return (struct unpacked){.kind = KIND_ZERO, .sign = sign};
}

static inline struct unpacked unpacked_inf(bool sign)
{
	return (struct unpacked){.kind = KIND_INF, .sign = sign, .significand = FLOAT_TOP_BIT};
}

/* Shifts right, keeping in bit 0 whether any bit that fell out was set. */
static inline u128 shift_right_sticky(u128 value, uint32_t count)
{
	if (count == 0)
		return value;
	if (count > 127)
		return value != 0;
	return (value >> count) | ((value << (128 - count)) != 0);
}

static inline unsigned leading_zeros128(u128 value)
{
	uint64_t high = (uint64_t)(value >> 64);

	return high ? (unsigned)__builtin_clzll(high)
		    : 64 + (unsigned)__builtin_clzll((uint64_t)value);
}

/* A masked invalid operation: sets the flag and gives the default NaN. */
struct unpacked float_invalid(struct float_env *e);
/* The NaN result of an operation one of whose operands is `kind >= KIND_QNAN`. */
struct unpacked float_propagate(struct float_env *e, const struct float_format *f,
				struct unpacked a, struct unpacked b);
/* The same with one operand. */
struct unpacked float_propagate1(struct float_env *e, struct unpacked a);

/*
 * Rounds (-1)^sign * significand / 2^127 * 2^exponent to the format. The significand is not 0,
 * need not be normalized, and has a sticky bit 0.
 */
struct unpacked float_round_result(struct float_env *e, const struct float_format *f, bool sign,
				   int32_t exponent, u128 significand);
/*
 * Rounds to an integer the magnitude of a finite number below 2^64. *inexact tells whether it
 * changed, *up whether it grew; no flag is set. A carry to 2^64 shows as *carry.
 */
uint64_t float_round_integer(const struct float_env *e, struct unpacked a, bool *inexact, bool *up,
			     bool *carry);

/* Denormals are zeros when e->daz; no flag is set. */
struct unpacked f32_unpack(const struct float_env *e, uint32_t a);
struct unpacked f64_unpack(const struct float_env *e, uint64_t a);
struct unpacked f80_unpack(struct f80 a);
uint32_t f32_pack(struct unpacked a);
uint64_t f64_pack(struct unpacked a);
struct f80 f80_pack(struct unpacked a);
/* The format of arithmetic results under the control word's precision control. */
const struct float_format *f80_format(const struct float_env *e);

#endif
