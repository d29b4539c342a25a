/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IEEE 754 binary32, binary64 and x87 extended arithmetic in integers, so that no result depends
 * on the host. NaN propagation, denormal handling and exception flags are x86's (Intel SDM vol. 1
 * ch. 4.8, 4.9, 8.5, 11.5). Values are bit patterns.
 */
#ifndef VCR_CPU_SOFTFLOAT_H
#define VCR_CPU_SOFTFLOAT_H

#include <stdbool.h>
#include <stdint.h>

#include "emulator/cpu/cpu.h"

/* Rounding, encoded as x87 RC and MXCSR.RC. */
enum { ROUND_NEAREST, ROUND_DOWN, ROUND_UP, ROUND_ZERO };

/* Exception flags, in the bit positions of the x87 status word and MXCSR. */
#define FLOAT_INVALID   0x01
#define FLOAT_DENORMAL  0x02
#define FLOAT_DIVZERO   0x04
#define FLOAT_OVERFLOW  0x08
#define FLOAT_UNDERFLOW 0x10
#define FLOAT_INEXACT   0x20

struct float_env {
	uint8_t rounding;  /* ROUND_* */
	uint8_t flags;     /* FLOAT_*, accumulated */
	uint8_t masked;    /* FLOAT_* whose exception is masked (matters for underflow, FTZ) */
	uint8_t precision; /* f80 results: bits of significand, 24, 53 or 64 */
	bool daz, ftz;     /* MXCSR's, for f32 and f64 */
	bool rounded_up;   /* x87 C1: the last rounding went away from zero */
};

enum float_order { FLOAT_LESS = -1, FLOAT_EQUAL = 0, FLOAT_GREATER = 1, FLOAT_UNORDERED = 2 };

#define FLOAT_OPS(type, name)                                                                      \
	type name##_add(struct float_env *e, type a, type b);                                      \
	type name##_sub(struct float_env *e, type a, type b);                                      \
	type name##_mul(struct float_env *e, type a, type b);                                      \
	type name##_div(struct float_env *e, type a, type b);                                      \
	type name##_sqrt(struct float_env *e, type a);                                             \
	/* Rounds to an integral value by e->rounding. */                                          \
	type name##_round(struct float_env *e, type a);                                            \
	/* quiet: only a signalling NaN is invalid (UCOMIS, FUCOM); else any NaN is. */            \
	enum float_order name##_compare(struct float_env *e, type a, type b, bool quiet);          \
	/* Integer results: out of range is invalid and gives the "integer indefinite". */         \
	int32_t name##_to_i32(struct float_env *e, type a);                                        \
	int64_t name##_to_i64(struct float_env *e, type a);                                        \
	type name##_from_i32(struct float_env *e, int32_t a);                                      \
	type name##_from_i64(struct float_env *e, int64_t a);

FLOAT_OPS(uint32_t, f32)
FLOAT_OPS(uint64_t, f64)
FLOAT_OPS(struct f80, f80)
#undef FLOAT_OPS

/* A signalling NaN is invalid; a denormal operand is reported, but not by f80_to_*. */
uint64_t f32_to_f64(struct float_env *e, uint32_t a);
uint32_t f64_to_f32(struct float_env *e, uint64_t a);
struct f80 f32_to_f80(struct float_env *e, uint32_t a);
struct f80 f64_to_f80(struct float_env *e, uint64_t a);
uint32_t f80_to_f32(struct float_env *e, struct f80 a);
uint64_t f80_to_f64(struct float_env *e, struct f80 a);
/*
 * A memory operand of x87 arithmetic: widened without any exception, so that the operation sees
 * a signalling NaN; *denormal says that the operation has a denormal operand.
 */
struct f80 f32_widen(uint32_t a, bool *denormal);
struct f80 f64_widen(uint64_t a, bool *denormal);

int16_t f80_to_i16(struct float_env *e, struct f80 a);
/* Digits over 9 count as they are. Rounds by e->rounding; invalid gives the BCD indefinite. */
struct f80 f80_from_bcd(const uint8_t bcd[10]);
void f80_to_bcd(struct float_env *e, struct f80 a, uint8_t bcd[10]);

/*
 * FPREM (quotient truncated) and FPREM1 (nearest, ties to even). `low` has the three lowest
 * bits of the quotient; when the reduction is not complete (C2), the result is to be fed in
 * again. Without numbers to divide there is no quotient.
 */
struct f80_quotient {
	uint8_t low;
	bool complete, exists;
};
struct f80 f80_rem(struct float_env *e, struct f80 a, struct f80 b, bool nearest,
		   struct f80_quotient *q);
/* FSCALE: a * 2^trunc(b). */
struct f80 f80_scale(struct float_env *e, struct f80 a, struct f80 b);
/* FXTRACT: returns the significand, sets the unbiased exponent. */
struct f80 f80_extract(struct float_env *e, struct f80 a, struct f80 *exponent);

/*
 * Transcendental functions; softfloat_trig.c and softfloat_exp.c define their values. Those of an
 * angle return false, and do nothing, when its magnitude is 2^63 or more.
 */
bool f80_sin(struct float_env *e, struct f80 a, struct f80 *r);
bool f80_cos(struct float_env *e, struct f80 a, struct f80 *r);
bool f80_tan(struct float_env *e, struct f80 a, struct f80 *r);
struct f80 f80_atan2(struct float_env *e, struct f80 y, struct f80 x);
struct f80 f80_exp2m1(struct float_env *e, struct f80 a);                 /* 2^a - 1 */
struct f80 f80_ylog2x(struct float_env *e, struct f80 x, struct f80 y);   /* y * log2(x) */
struct f80 f80_ylog2xp1(struct float_env *e, struct f80 x, struct f80 y); /* y * log2(x + 1) */

#endif
