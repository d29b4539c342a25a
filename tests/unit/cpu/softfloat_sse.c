/* SPDX-License-Identifier: Apache-2.0 */
/*
 * binary32 and binary64 arithmetic. Expected values worked out from IEEE 754 and Intel SDM vol. 1
 * ch. 4.8, 4.9 and 11.5 run everywhere; on an x86-64 host every operation is also compared with
 * the host's own SSE2, result and MXCSR flags, over all rounding modes, DAZ and FTZ.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/cpu/float_cases.h"

static struct float_env env(unsigned rounding)
{
	return (struct float_env){.rounding = (uint8_t)rounding, .masked = 0x3f};
}

#define ONE       0x3f800000u
#define MIN32     0x00800000u
#define MAX32     0x7f7fffffu
#define INF32     0x7f800000u
#define SNAN32    0x7f800001u
#define DEFAULT32 0xffc00000u

/* SDM vol. 1 table 4-10 and 4.9.1: masked responses. */
static void test_masked_responses(void **state)
{
	static const struct {
		char op;
		uint32_t a, b, result;
		uint8_t rounding, flags;
	} row[] = {
	    {'+', ONE, ONE, 0x40000000, ROUND_NEAREST, 0},
	    {'+', ONE, 0x33800000, ONE, ROUND_NEAREST, FLOAT_INEXACT}, /* 1 + 2^-24: tie */
	    {'+', ONE, 0x33800000, ONE + 1, ROUND_UP, FLOAT_INEXACT},
	    {'+', ONE, ONE ^ 1u << 31, 0, ROUND_NEAREST, 0},
	    {'+', ONE, ONE ^ 1u << 31, 1u << 31, ROUND_DOWN, 0},
	    {'+', INF32, INF32 ^ 1u << 31, DEFAULT32, ROUND_NEAREST, FLOAT_INVALID},
	    {'-', INF32, INF32, DEFAULT32, ROUND_NEAREST, FLOAT_INVALID},
	    {'+', MAX32, MAX32, INF32, ROUND_NEAREST, FLOAT_OVERFLOW | FLOAT_INEXACT},
	    {'+', MAX32, MAX32, MAX32, ROUND_ZERO, FLOAT_OVERFLOW | FLOAT_INEXACT},
	    {'*', 0, INF32, DEFAULT32, ROUND_NEAREST, FLOAT_INVALID},
	    {'*', MIN32, 0x3f000000, MIN32 / 2, ROUND_NEAREST, 0}, /* denormal but exact */
	    {'*', MIN32 + 1, 0x3f000000, MIN32 / 2, ROUND_NEAREST, FLOAT_UNDERFLOW | FLOAT_INEXACT},
	    {'*', 1, ONE, 1, ROUND_NEAREST, FLOAT_DENORMAL},
	    {'/', ONE, 0, INF32, ROUND_NEAREST, FLOAT_DIVZERO},
	    {'/', ONE | 1u << 31, 0, INF32 | 1u << 31, ROUND_NEAREST, FLOAT_DIVZERO},
	    {'/', 0, 0, DEFAULT32, ROUND_NEAREST, FLOAT_INVALID},
	    {'/', ONE, 0x40400000, 0x3eaaaaab, ROUND_NEAREST, FLOAT_INEXACT}, /* 1/3 */
	    {'/', ONE, 0x40400000, 0x3eaaaaaa, ROUND_ZERO, FLOAT_INEXACT},
	    /* SSE: the first operand when both are NaNs; a denormal beside a NaN is silent. */
	    {'+', SNAN32, 0x7fc00002, 0x7fc00001, ROUND_NEAREST, FLOAT_INVALID},
	    {'+', 0x7fc00002, SNAN32, 0x7fc00002, ROUND_NEAREST, FLOAT_INVALID},
	    {'+', 0xffc00002, 1, 0xffc00002, ROUND_NEAREST, 0},
	    {'-', ONE, 0x7fc00003, 0x7fc00003, ROUND_NEAREST, 0},
	    {'s', 0x40000000, 0, 0x3fb504f3, ROUND_NEAREST, FLOAT_INEXACT}, /* sqrt 2 */
	    {'s', 0x41100000, 0, 0x40400000, ROUND_NEAREST, 0},
	    {'s', 1u << 31, 0, 1u << 31, ROUND_NEAREST, 0},
	    {'s', ONE | 1u << 31, 0, DEFAULT32, ROUND_NEAREST, FLOAT_INVALID},
	};

	for (unsigned n = 0; n < sizeof(row) / sizeof(row[0]); n++) {
		struct float_env e = env(row[n].rounding);
		uint32_t r = row[n].op == '+'   ? f32_add(&e, row[n].a, row[n].b)
			     : row[n].op == '-' ? f32_sub(&e, row[n].a, row[n].b)
			     : row[n].op == '*' ? f32_mul(&e, row[n].a, row[n].b)
			     : row[n].op == '/' ? f32_div(&e, row[n].a, row[n].b)
						: f32_sqrt(&e, row[n].a);

		if (r != row[n].result || e.flags != row[n].flags)
			fail_msg("row %u: %08x flags %02x", n, r, e.flags);
	}
}

/* SDM vol. 1 10.2.3.3 and 10.2.3.4; 4.9.1.5: unmasked underflow needs no inexact result. */
static void test_daz_ftz_and_unmasked_underflow(void **state)
{
	struct float_env e = env(ROUND_NEAREST);

	e.daz = true;
	assert_int_equal(f32_mul(&e, 0x80000001, ONE), 0x80000000);
	assert_int_equal(e.flags, 0);
	e = env(ROUND_NEAREST);
	e.ftz = true;
	assert_int_equal(f32_mul(&e, MIN32, 0xbf000000), 0x80000000);
	assert_int_equal(e.flags, FLOAT_UNDERFLOW | FLOAT_INEXACT);
	e = env(ROUND_NEAREST);
	e.ftz = true;
	e.masked &= ~FLOAT_UNDERFLOW;
	f32_mul(&e, MIN32, 0x3f000000);
	assert_int_equal(e.flags, FLOAT_UNDERFLOW);
}

/* Out of range gives the integer indefinite (SDM vol. 1 4.2.1.1), and no denormal exception. */
static void test_integers(void **state)
{
	struct float_env e = env(ROUND_NEAREST);

	assert_int_equal(f32_to_i32(&e, 0x3fc00000), 2); /* 1.5 */
	assert_int_equal(f32_to_i32(&e, 0x40200000), 2); /* 2.5: to even */
	assert_int_equal(e.flags, FLOAT_INEXACT);
	e = env(ROUND_UP);
	assert_int_equal(f32_to_i32(&e, 1), 1);
	assert_int_equal(e.flags, FLOAT_INEXACT);
	e = env(ROUND_NEAREST);
	assert_int_equal(f32_to_i32(&e, 0xcf000000), INT32_MIN);
	assert_int_equal(e.flags, 0);
	assert_int_equal(f32_to_i32(&e, 0x4f000000), INT32_MIN);
	assert_int_equal(e.flags, FLOAT_INVALID);
	e = env(ROUND_ZERO);
	assert_int_equal(f64_to_i64(&e, 0xc3e0000000000000), INT64_MIN);
	assert_int_equal(e.flags, 0);
	assert_int_equal(f64_to_i32(&e, 0xc1e00000001fffff), INT32_MIN); /* -2^31 - 0.99.. */
	assert_int_equal(e.flags, FLOAT_INEXACT);
	e = env(ROUND_NEAREST);
	assert_int_equal(f32_from_i32(&e, 0x7fffffff), 0x4f000000);
	assert_int_equal(e.flags, FLOAT_INEXACT);
}

#if defined(__x86_64__)

#define MXCSR_DEFAULT 0x1f80u

/* The host's answer: `result` and the exception flags of MXCSR. */
#define HOST_BEGIN(mode)                                                                           \
	uint32_t before = (mode), after, saved;                                                    \
	__asm__ volatile("stmxcsr %0\n\tldmxcsr %1" : "=m"(saved) : "m"(before))
#define HOST_END()                                                                                 \
	__asm__ volatile("stmxcsr %0\n\tldmxcsr %1" : "=m"(after) : "m"(saved));                   \
	return after & 0x3f

/* Same register class twice: destination is the first operand. */
#define HOST_BINARY(name, type, instruction)                                                       \
	static uint32_t host_##name(uint32_t mode, type *result, type a, type b)                   \
	{                                                                                          \
		uint64_t wide = 0;                                                                 \
		memcpy(&wide, &a, sizeof(a));                                                      \
		uint64_t other = 0;                                                                \
		memcpy(&other, &b, sizeof(b));                                                     \
		HOST_BEGIN(mode);                                                                  \
		__asm__ volatile("movq %0, %%xmm0\n\tmovq %1, %%xmm1\n\t" instruction              \
				 " %%xmm1, %%xmm0\n\tmovq %%xmm0, %0"                              \
				 : "+r"(wide)                                                      \
				 : "r"(other)                                                      \
				 : "xmm0", "xmm1");                                                \
		memcpy(result, &wide, sizeof(*result));                                            \
		HOST_END();                                                                        \
	}

HOST_BINARY(add32, uint32_t, "addss")
HOST_BINARY(sub32, uint32_t, "subss")
HOST_BINARY(mul32, uint32_t, "mulss")
HOST_BINARY(div32, uint32_t, "divss")
HOST_BINARY(sqrt32, uint32_t, "sqrtss")
HOST_BINARY(add64, uint64_t, "addsd")
HOST_BINARY(sub64, uint64_t, "subsd")
HOST_BINARY(mul64, uint64_t, "mulsd")
HOST_BINARY(div64, uint64_t, "divsd")
HOST_BINARY(sqrt64, uint64_t, "sqrtsd")
HOST_BINARY(narrow, uint64_t, "cvtsd2ss")
HOST_BINARY(widen, uint64_t, "cvtss2sd")

#define HOST_TO_INTEGER(name, result_type, type, instruction)                                      \
	static uint32_t host_##name(uint32_t mode, result_type *result, type a)                    \
	{                                                                                          \
		uint64_t wide = a;                                                                 \
		HOST_BEGIN(mode);                                                                  \
		__asm__ volatile("movq %1, %%xmm0\n\t" instruction " %%xmm0, %0"                   \
				 : "=r"(*result)                                                   \
				 : "r"(wide)                                                       \
				 : "xmm0");                                                        \
		HOST_END();                                                                        \
	}

HOST_TO_INTEGER(f32_i32, int32_t, uint32_t, "cvtss2si")
HOST_TO_INTEGER(f32_i64, int64_t, uint32_t, "cvtss2si")
HOST_TO_INTEGER(f64_i32, int32_t, uint64_t, "cvtsd2si")
HOST_TO_INTEGER(f64_i64, int64_t, uint64_t, "cvtsd2si")

#define HOST_FROM_INTEGER(name, type, instruction)                                                 \
	static uint32_t host_##name(uint32_t mode, uint64_t *result, type a)                       \
	{                                                                                          \
		HOST_BEGIN(mode);                                                                  \
		__asm__ volatile("pxor %%xmm0, %%xmm0\n\t" instruction                             \
				 " %1, %%xmm0\n\tmovq %%xmm0, %0"                                  \
				 : "=r"(*result)                                                   \
				 : "r"(a)                                                          \
				 : "xmm0");                                                        \
		HOST_END();                                                                        \
	}

HOST_FROM_INTEGER(i32_f32, int32_t, "cvtsi2ss")
HOST_FROM_INTEGER(i64_f32, int64_t, "cvtsi2ss")
HOST_FROM_INTEGER(i32_f64, int32_t, "cvtsi2sd")
HOST_FROM_INTEGER(i64_f64, int64_t, "cvtsi2sd")

#define HOST_COMPARE(name, type, instruction)                                                      \
	static uint32_t host_##name(uint32_t mode, enum float_order *order, type a, type b)        \
	{                                                                                          \
		uint64_t x = a, y = b;                                                             \
		uint8_t above, equal, parity;                                                      \
		HOST_BEGIN(mode);                                                                  \
		__asm__ volatile("movq %3, %%xmm0\n\tmovq %4, %%xmm1\n\t" instruction              \
				 " %%xmm1, %%xmm0\n\tseta %0\n\tsete %1\n\tsetp %2"                \
				 : "=r"(above), "=r"(equal), "=r"(parity)                          \
				 : "r"(x), "r"(y)                                                  \
				 : "xmm0", "xmm1", "cc");                                          \
		*order = parity  ? FLOAT_UNORDERED                                                 \
			 : above ? FLOAT_GREATER                                                   \
			 : equal ? FLOAT_EQUAL                                                     \
				 : FLOAT_LESS;                                                     \
		HOST_END();                                                                        \
	}

HOST_COMPARE(comi32, uint32_t, "comiss")
HOST_COMPARE(ucomi32, uint32_t, "ucomiss")
HOST_COMPARE(comi64, uint64_t, "comisd")
HOST_COMPARE(ucomi64, uint64_t, "ucomisd")

/* A random MXCSR with every exception masked, and the environment that says the same. */
static uint32_t random_mode(struct float_env *e)
{
	*e = env(case_below(4));
	e->daz = case_below(4) == 0;
	e->ftz = case_below(4) == 0;
	return MXCSR_DEFAULT | (uint32_t)e->rounding << 13 | (e->daz ? 1u << 6 : 0) |
	       (e->ftz ? 1u << 15 : 0);
}

#define CASES 20000

static void check(const char *name, uint32_t mode, uint64_t a, uint64_t b, uint64_t ours,
		  uint32_t our_flags, uint64_t host, uint32_t host_flags)
{
	if (ours != host || our_flags != host_flags)
		fail_msg("%s %016llx %016llx mxcsr %04x: %016llx flags %02x, host %016llx %02x",
			 name, (unsigned long long)a, (unsigned long long)b, mode,
			 (unsigned long long)ours, our_flags, (unsigned long long)host, host_flags);
}

#define CHECK_BINARY(bits, op)                                                                     \
	do {                                                                                       \
		uint##bits##_t a = case_f##bits(), b = case_f##bits##_near(a), r = 0;              \
		uint32_t mode = random_mode(&e), flags = host_##op##bits(mode, &r, a, b);          \
		uint64_t ours = f##bits##_##op(&e, a, b);                                          \
                                                                                                   \
		check(#op #bits, mode, a, b, ours, e.flags, r, flags);                             \
	} while (0)

static void test_host_arithmetic(void **state)
{
	struct float_env e;

	for (unsigned n = 0; n < CASES; n++) {
		CHECK_BINARY(32, add);
		CHECK_BINARY(32, sub);
		CHECK_BINARY(32, mul);
		CHECK_BINARY(32, div);
		CHECK_BINARY(64, add);
		CHECK_BINARY(64, sub);
		CHECK_BINARY(64, mul);
		CHECK_BINARY(64, div);
	}
}

#define CHECK_UNARY(bits)                                                                          \
	do {                                                                                       \
		uint##bits##_t a = case_f##bits(), r = 0;                                          \
		uint32_t mode = random_mode(&e), flags = host_sqrt##bits(mode, &r, a, a);          \
		uint64_t ours = f##bits##_sqrt(&e, a);                                             \
                                                                                                   \
		check("sqrt" #bits, mode, a, 0, ours, e.flags, r, flags);                          \
	} while (0)

#define CHECK_ORDER(bits, name, quiet)                                                             \
	do {                                                                                       \
		uint##bits##_t a = case_f##bits(), b = case_f##bits##_near(a);                     \
		enum float_order order, ours;                                                      \
		uint32_t mode = random_mode(&e), flags = host_##name##bits(mode, &order, a, b);    \
                                                                                                   \
		ours = f##bits##_compare(&e, a, b, quiet);                                         \
		check(#name #bits, mode, a, b, (uint64_t)ours, e.flags, (uint64_t)order, flags);   \
	} while (0)

static void test_host_sqrt_and_compare(void **state)
{
	struct float_env e;

	for (unsigned n = 0; n < CASES; n++) {
		CHECK_UNARY(32);
		CHECK_UNARY(64);
		CHECK_ORDER(32, comi, false);
		CHECK_ORDER(32, ucomi, true);
		CHECK_ORDER(64, comi, false);
		CHECK_ORDER(64, ucomi, true);
	}
}

#define CHECK_TO_INTEGER(bits, to)                                                                 \
	do {                                                                                       \
		uint##bits##_t a = case_f##bits();                                                 \
		int##to##_t r, ours;                                                               \
		uint32_t mode = random_mode(&e), flags = host_f##bits##_i##to(mode, &r, a);        \
                                                                                                   \
		ours = f##bits##_to_i##to(&e, a);                                                  \
		check("f" #bits " to i" #to, mode, a, 0, (uint64_t)ours, e.flags, (uint64_t)r,     \
		      flags);                                                                      \
	} while (0)

#define CHECK_FROM_INTEGER(bits, from)                                                             \
	do {                                                                                       \
		int##from##_t a = (int##from##_t)((int64_t)case_random() >> case_below(64));       \
		uint64_t r;                                                                        \
		uint32_t mode = random_mode(&e), flags = host_i##from##_f##bits(mode, &r, a);      \
		uint64_t ours = f##bits##_from_i##from(&e, a);                                     \
                                                                                                   \
		check("f" #bits " from i" #from, mode, (uint64_t)a, 0, ours, e.flags, r, flags);   \
	} while (0)

static void test_host_conversions(void **state)
{
	struct float_env e;

	for (unsigned n = 0; n < CASES; n++) {
		uint64_t wide = case_f64(), r = 0, ours;
		uint32_t narrow = case_f32(), mode = random_mode(&e), flags;

		flags = host_widen(mode, &r, 0, narrow);
		ours = f32_to_f64(&e, narrow);
		check("widen", mode, narrow, 0, ours, e.flags, r, flags);
		mode = random_mode(&e);
		flags = host_narrow(mode, &r, 0, wide);
		ours = f64_to_f32(&e, wide);
		check("narrow", mode, wide, 0, ours, e.flags, (uint32_t)r, flags);
		CHECK_TO_INTEGER(32, 32);
		CHECK_TO_INTEGER(32, 64);
		CHECK_TO_INTEGER(64, 32);
		CHECK_TO_INTEGER(64, 64);
		CHECK_FROM_INTEGER(32, 32);
		CHECK_FROM_INTEGER(32, 64);
		CHECK_FROM_INTEGER(64, 32);
		CHECK_FROM_INTEGER(64, 64);
	}
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_masked_responses),
		cmocka_unit_test(test_daz_ftz_and_unmasked_underflow),
		cmocka_unit_test(test_integers),
#if defined(__x86_64__)
		cmocka_unit_test(test_host_arithmetic),
		cmocka_unit_test(test_host_sqrt_and_compare),
		cmocka_unit_test(test_host_conversions),
#endif
	};

	return cmocka_run_group_tests_name("softfloat: SSE formats", tests, NULL, NULL);
}
