/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transcendental functions of x87 numbers: known values (computed to 80 digits and rounded), the
 * special values of the Intel SDM's tables (vol. 2, FPATAN, FYL2X, F2XM1, FSIN, ...), and, on an
 * x86-64 host, at most 1 ulp from its own x87 with equal exception flags, in all rounding modes.
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

#define F80(exponent, mantissa) ((struct f80){mantissa, exponent})
#define ZERO                    F80(0, 0)
#define ONE                     F80(0x3fff, 1ull << 63)
#define TWO                     F80(0x4000, 1ull << 63)
#define HALF                    F80(0x3ffe, 1ull << 63)
#define INFINITE                F80(0x7fff, 1ull << 63)
#define DEFAULT_NAN             F80(0xffff, 3ull << 62)
#define PI                      F80(0x4000, 0xc90fdaa22168c235)
#define MINUS(a)                F80((a).sign_exponent ^ 0x8000, (a).mantissa)

enum function { SIN, COS, TAN, EXP, ATAN, LOG, LOG1 };
static const char *const names[] = {"FSIN", "FCOS", "FPTAN", "F2XM1", "FPATAN", "FYL2X", "FYL2XP1"};

/* `a` is ST(0) and `b` ST(1); false: out of range. */
static bool call(enum function function, struct float_env *e, struct f80 a, struct f80 b,
		 struct f80 *r)
{
	switch (function) {
	case SIN:
		return f80_sin(e, a, r);
	case COS:
		return f80_cos(e, a, r);
	case TAN:
		return f80_tan(e, a, r);
	case EXP:
		*r = f80_exp2m1(e, a);
		return true;
	case ATAN:
		*r = f80_atan2(e, b, a);
		return true;
	case LOG:
		*r = f80_ylog2x(e, a, b);
		return true;
	default:
		*r = f80_ylog2xp1(e, a, b);
		return true;
	}
}

struct row {
	enum function function;
	struct f80 a, b, result;
	uint8_t flags;
};

static void check_rows(const struct row *row, size_t count)
{
	for (size_t n = 0; n < count; n++) {
		struct float_env e = {.masked = 0x3f, .precision = 64};
		struct f80 r;

		assert_true(call(row[n].function, &e, row[n].a, row[n].b, &r));
		if (r.mantissa != row[n].result.mantissa ||
		    r.sign_exponent != row[n].result.sign_exponent || e.flags != row[n].flags)
			fail_msg("row %zu, %s: %04x:%016llx flags %02x", n, names[row[n].function],
				 r.sign_exponent, (unsigned long long)r.mantissa, e.flags);
	}
}

#define P FLOAT_INEXACT
#define I FLOAT_INVALID

static void test_known_values(void **state)
{
	const struct row row[] = {
	    {SIN, F80(0x3ffe, 0x8000000000000000), ZERO, F80(0x3ffd, 0xf57743a2582f7f44),
	     P},                                                  /* sin 1/2 */
	    {SIN, ONE, ZERO, F80(0x3ffe, 0xd76aa47848677021), P}, /* sin 1, cos 1, tan 1: reduced */
	    {COS, ONE, ZERO, F80(0x3ffe, 0x8a51407da8345c92), P},
	    {TAN, ONE, ZERO, F80(0x3fff, 0xc75922e5f71d2dc5), P},
	    {SIN, F80(0xc012, 0xf424000000000000), ZERO, F80(0x3ffd, 0xb332592b46c28c7f), P},
	    {COS, F80(0x403d, 0x8000000000000000), ZERO, F80(0xbffe, 0xb5033c867715345a), P},
	    {TAN, F80(0x3ffc, 0x8000000000000000), ZERO, F80(0x3ffc, 0x80abbd78a88d2702), P},
	    {EXP, F80(0x3ffe, 0x8000000000000000), ZERO, F80(0x3ffd, 0xd413cccfe7799211),
	     P}, /* sqrt 2 - 1 */
	    {EXP, F80(0xbffe, 0x8000000000000000), ZERO, F80(0xbffd, 0x95f619980c4336f7), P},
	    {EXP, F80(0x3fd7, 0x8000000000000000), ZERO, F80(0x3fd6, 0xb17217f7d20cf928), P},
	    {ATAN, ONE, ONE, F80(0x3ffe, 0xc90fdaa22168c235), P},
	    {ATAN, F80(0x4000, 0x8000000000000000), ONE, F80(0x3ffd, 0xed63382b0dda7b45),
	     P}, /* atan 1/2 */
	    {ATAN, F80(0xbfff, 0x8000000000000000), F80(0x4000, 0xc000000000000000),
	     F80(0x3fff, 0xf23ef9e86ea6847e), P}, /* second quadrant */
	    {ATAN, F80(0x4000, 0xc000000000000000), F80(0xc001, 0xa000000000000000),
	     F80(0xbfff, 0x83e3634a3d353e7d), P},
	    {LOG, F80(0x4002, 0xa000000000000000), ONE, F80(0x4000, 0xd49a784bcd1b8afe),
	     P}, /* log2 10 */
	    {LOG, F80(0x3ffe, 0xc000000000000000), F80(0xc000, 0xc000000000000000),
	     F80(0x3fff, 0x9f5fd8a9063e3491), P},
	    {LOG, F80(0x3fff, 0x8000000000000001), ONE, F80(0x3fc0, 0xb8aa3b295c17f0bb), P},
	    {LOG1, F80(0x3ffd, 0x8000000000000000), ONE, F80(0x3ffd, 0xa4d3c25e68dc57f2), P},
	    {LOG1, F80(0x3f9b, 0x8000000000000000), ONE, F80(0x3f9b, 0xb8aa3b295c17f0bc), P},
	    /* The remainder of pi by the 66-bit pi is -2^-64. */
	    {SIN, PI, ZERO, F80(0xbfbf, 1ull << 63), P},
	    /* Exact results still count as inexact. */
	    {EXP, ONE, ZERO, ONE, P},
	    {EXP, MINUS(ONE), ZERO, MINUS(HALF), P},
	    {LOG, F80(0x4001, 1ull << 63), F80(0x4000, 0xc000000000000000),
	     F80(0x4001, 0xc000000000000000), P}, /* 3 log2(4) */
	};

	check_rows(row, sizeof(row) / sizeof(row[0]));
}

static void test_special_values(void **state)
{
	const struct row row[] = {
	    {SIN, ZERO, ZERO, ZERO, 0},
	    {SIN, MINUS(ZERO), ZERO, MINUS(ZERO), 0},
	    {SIN, INFINITE, ZERO, DEFAULT_NAN, I},
	    {COS, MINUS(ZERO), ZERO, ONE, 0},
	    {COS, MINUS(INFINITE), ZERO, DEFAULT_NAN, I},
	    {TAN, MINUS(ZERO), ZERO, MINUS(ZERO), 0},
	    {EXP, MINUS(INFINITE), ZERO, MINUS(ONE), 0},
	    {EXP, INFINITE, ZERO, INFINITE, 0},
	    {ATAN, INFINITE, INFINITE, F80(0x3ffe, 0xc90fdaa22168c235), P},
	    {ATAN, MINUS(INFINITE), INFINITE, F80(0x4000, 0x96cbe3f9990e91a8), P},
	    {ATAN, MINUS(INFINITE), MINUS(ONE), MINUS(PI), P},
	    {ATAN, INFINITE, MINUS(ONE), MINUS(ZERO), 0},
	    {ATAN, MINUS(ZERO), ZERO, PI, P},
	    {ATAN, ZERO, MINUS(ZERO), MINUS(ZERO), 0},
	    {ATAN, ZERO, ONE, F80(0x3fff, 0xc90fdaa22168c235), P},
	    {LOG, ZERO, ONE, MINUS(INFINITE), FLOAT_DIVZERO},
	    {LOG, ZERO, MINUS(ONE), INFINITE, FLOAT_DIVZERO},
	    {LOG, ZERO, INFINITE, MINUS(INFINITE), 0},
	    {LOG, ZERO, ZERO, DEFAULT_NAN, I},
	    {LOG, MINUS(ONE), ONE, DEFAULT_NAN, I},
	    {LOG, ONE, INFINITE, DEFAULT_NAN, I},
	    {LOG, ONE, MINUS(ONE), MINUS(ZERO), 0},
	    {LOG, HALF, INFINITE, MINUS(INFINITE), 0},
	    {LOG, INFINITE, ZERO, DEFAULT_NAN, I},
	    {LOG, INFINITE, MINUS(TWO), MINUS(INFINITE), 0},
	    {LOG1, MINUS(ZERO), TWO, MINUS(ZERO), 0},
	    {LOG1, ZERO, INFINITE, DEFAULT_NAN, I},
	    {LOG1, F80(1, 1), ONE, DEFAULT_NAN, I}, /* an unnormal */
	};

	check_rows(row, sizeof(row) / sizeof(row[0]));
}

/* C2: SDM vol. 2, FSIN: magnitudes of 2^63 and more are left alone. */
static void test_out_of_range(void **state)
{
	struct float_env e = {.masked = 0x3f};
	struct f80 r;

	assert_false(f80_sin(&e, F80(0x403e, 1ull << 63), &r));
	assert_false(f80_cos(&e, F80(0xc03e, 1ull << 63), &r));
	assert_false(f80_tan(&e, F80(0x7ffe, ~0ull), &r));
	assert_true(f80_tan(&e, F80(0x403d, ~0ull), &r));
	assert_int_equal(e.flags, FLOAT_INEXACT);
}

#if defined(__x86_64__)

/* The host's result and exception flags. long double is the x87's own format. */
static uint8_t host_call(enum function function, unsigned rounding, struct f80 a, struct f80 b,
			 struct f80 *r)
{
	uint16_t control = (uint16_t)(0x037f | rounding << 10), saved, status;
	long double x = 0, y = 0;

	memcpy(&x, &a.mantissa, 8);
	memcpy((char *)&x + 8, &a.sign_exponent, 2);
	memcpy(&y, &b.mantissa, 8);
	memcpy((char *)&y + 8, &b.sign_exponent, 2);
	__asm__ volatile("fnstcw %0\n\tfldcw %1\n\tfnclex" : "=m"(saved) : "m"(control));
#define UNARY(instruction) __asm__ volatile(instruction "\n\tfnstsw %1" : "+t"(x), "=a"(status))
#define BINARY(instruction)                                                                        \
	__asm__ volatile(instruction "\n\tfnstsw %1" : "+t"(x), "=a"(status) : "u"(y) : "st(1)")
	switch (function) {
	case SIN:
		UNARY("fsin");
		break;
	case COS:
		UNARY("fcos");
		break;
	case TAN:
		UNARY("fptan\n\tfstp %%st(0)");
		break;
	case EXP:
		UNARY("f2xm1");
		break;
	case ATAN:
		BINARY("fpatan");
		break;
	case LOG:
		BINARY("fyl2x");
		break;
	default:
		BINARY("fyl2xp1");
		break;
	}
	__asm__ volatile("fnclex\n\tfldcw %0" : : "m"(saved));
	memcpy(&r->mantissa, &x, 8);
	memcpy(&r->sign_exponent, (char *)&x + 8, 2);
	return status & 0x3f;
}

/* A normal number with an unbiased exponent in [low, high]. */
static struct f80 number(int low, int high, bool positive)
{
	unsigned exponent = (unsigned)(16383 + low) + case_below((unsigned)(high - low) + 1);

	return F80((uint16_t)(exponent | (positive ? 0 : case_below(2) << 15)),
		   case_fraction(63) | 1ull << 63);
}

/* Ranges of exponents of ST(0) and ST(1). */
static const struct range {
	enum function function;
	int low, high, low1, high1;
} ranges[] = {
    {SIN, -70, -1, 0, 0},         {SIN, -3, 3, 0, 0},
    {SIN, 0, 62, 0, 0},           {SIN, -16382, -60, 0, 0},
    {COS, -70, -1, 0, 0},         {COS, -3, 62, 0, 0},
    {TAN, -70, -1, 0, 0},         {TAN, -3, 62, 0, 0},
    {EXP, -5, -1, 0, 0},          {EXP, -80, -1, 0, 0},
    {EXP, -16382, -1, 0, 0},      {ATAN, -10, 10, -10, 10},
    {ATAN, -60, 60, -60, 60},     {ATAN, -16382, 16383, -16382, 16383},
    {LOG, -1, 0, -10, 10},        {LOG, -16382, 16383, -10, 10},
    {LOG1, -5, -3, -10, 10},      {LOG1, -70, -3, -10, 10},
    {LOG1, -16382, -60, -60, 60},
};

static void test_host(void **state)
{
	const uint8_t comparable = host_is_amd() ? 0x3f : 0; /* exception flags */

	for (unsigned n = 0; n < sizeof(ranges) / sizeof(ranges[0]) * 10000; n++) {
		const struct range *range = &ranges[n / 10000];
		struct f80 a = number(range->low, range->high, range->function == LOG);
		struct f80 b = number(range->low1, range->high1, false), ours, host;
		struct float_env e = {.rounding = n & 3, .masked = 0x3f, .precision = 64};
		uint8_t flags = host_call(range->function, n & 3, a, b, &host);

		assert_true(call(range->function, &e, a, b, &ours));
		if (case_f80_distance(ours, host) > 1 || ((flags ^ e.flags) & comparable))
			fail_msg("%s %04x:%016llx %04x:%016llx: %04x:%016llx flags %02x, "
				 "host %04x:%016llx %02x",
				 names[range->function], a.sign_exponent,
				 (unsigned long long)a.mantissa, b.sign_exponent,
				 (unsigned long long)b.mantissa, ours.sign_exponent,
				 (unsigned long long)ours.mantissa, e.flags, host.sign_exponent,
				 (unsigned long long)host.mantissa, flags);
	}
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_values),
		cmocka_unit_test(test_special_values),
		cmocka_unit_test(test_out_of_range),
#if defined(__x86_64__)
		cmocka_unit_test(test_host),
#endif
	};

	return cmocka_run_group_tests_name("softfloat: transcendental", tests, NULL, NULL);
}
