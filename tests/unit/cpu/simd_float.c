/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emulator/cpu/simd_float.c: SSE and SSE2 arithmetic, its flags and its exceptions (Intel SDM vol.
 * 1 ch. 11.5 and appendix E; vol. 2, pages of the instructions).
 */
#include "tests/unit/cpu/simd_fixture.h"

#define COUNT(x) (sizeof(x) / sizeof((x)[0]))

static const struct simd_op ops[] = {
    {0x0f2e, P_NONE | P_66, F_RM | F_MXCSR, 0}, /* UCOMISS UCOMISD */
    {0x0f2f, P_NONE | P_66, F_RM | F_MXCSR, 0}, /* COMISS COMISD */
    {0x0f51, P_ALL, F_RM | F_MXCSR, 0},         /* SQRT */
    {0x0f58, P_ALL, F_RM | F_MXCSR, 0},         /* ADD */
    {0x0f59, P_ALL, F_RM | F_MXCSR, 0},         /* MUL */
    {0x0f5c, P_ALL, F_RM | F_MXCSR, 0},         /* SUB */
    {0x0f5d, P_ALL, F_RM | F_MXCSR, 0},         /* MIN */
    {0x0f5e, P_ALL, F_RM | F_MXCSR, 0},         /* DIV */
    {0x0f5f, P_ALL, F_RM | F_MXCSR, 0},         /* MAX */
    {0x0fc2, P_ALL, F_RM | F_IMM | F_MXCSR, 0}, /* CMP */
};

static void test_host(void **state)
{
	simd_compare_host(ops, COUNT(ops), "sse2");
}

#define F_ONE   0x3f800000u
#define F_TWO   0x40000000u
#define F_INF   0x7f800000u
#define F_QNAN  0x7fc00000u
#define F_SNAN  0x7f800001u
#define F_MINUS 0x80000000u
#define D_ONE   0x3ff0000000000000u
#define D_TWO   0x4000000000000000u

#define MXCSR_IE 0x01
#define MXCSR_DE 0x02
#define MXCSR_ZE 0x04
#define MXCSR_UE 0x10
#define MXCSR_PE 0x20
#define MXCSR_IM 0x80
#define MXCSR_DM 0x100
#define MXCSR_ZM 0x200
#define MXCSR_PM 0x1000

static uint64_t pair(uint32_t low, uint32_t high)
{
	return low | (uint64_t)high << 32;
}

/* A scalar operation leaves the destination's other lanes alone. */
static void test_scalar(void **state)
{
	struct simd_state s = simd_zero();

	s.xmm[1][0] = pair(F_ONE, 5);
	s.xmm[1][1] = 6;
	s.xmm[2][0] = pair(F_ONE, F_SNAN);
	assert_int_equal(RUN(&s, 0xf3, 0x0f, 0x58, 0xca), NO_FAULT); /* addss xmm1, xmm2 */
	assert_int_equal(s.xmm[1][0], pair(F_TWO, 5));
	assert_int_equal(s.xmm[1][1], 6);
	assert_int_equal(s.mxcsr, 0x1f80);
	s.xmm[1][0] = s.xmm[2][0] = D_ONE;
	assert_int_equal(RUN(&s, 0xf2, 0x0f, 0x58, 0xca), NO_FAULT); /* addsd xmm1, xmm2 */
	assert_int_equal(s.xmm[1][0], D_TWO);
	assert_int_equal(s.xmm[1][1], 6);
}

/* MINPS: "if either value is a NaN, or both are zeros, the second operand is returned". */
static void test_min_max(void **state)
{
	struct simd_state s = simd_zero();

	s.xmm[1][0] = pair(F_QNAN, 0);
	s.xmm[1][1] = pair(F_ONE, F_MINUS | F_INF);
	s.xmm[2][0] = pair(F_ONE, F_MINUS);
	s.xmm[2][1] = pair(F_SNAN, F_INF);
	assert_int_equal(RUN(&s, 0x0f, 0x5d, 0xca), NO_FAULT); /* minps xmm1, xmm2 */
	assert_int_equal(s.xmm[1][0], pair(F_ONE, F_MINUS));
	assert_int_equal(s.xmm[1][1], pair(F_SNAN, F_MINUS | F_INF));
	assert_int_equal(s.mxcsr, 0x1f80 | MXCSR_IE);
	s.xmm[1][0] = s.xmm[1][1] = pair(F_MINUS, F_TWO);
	s.xmm[2][0] = s.xmm[2][1] = pair(0, F_ONE);
	assert_int_equal(RUN(&s, 0x0f, 0x5f, 0xca), NO_FAULT); /* maxps xmm1, xmm2 */
	assert_int_equal(s.xmm[1][0], pair(0, F_TWO));
}

/* CMPPS predicates 0..7 on less, equal, greater, unordered (SDM vol. 2A, table 3-1). */
static void test_predicates(void **state)
{
	static const uint8_t expected[8] = {/* bit 0: less, 1: equal, 2: greater, 3: unordered */
					    0x2, 0x1, 0x3, 0x8, 0xd, 0xe, 0xc, 0x7};
	static const bool invalid[8] = {false, true, true, false, false, true, true, false};

	for (uint8_t predicate = 0; predicate < 8; predicate++) {
		struct simd_state s = simd_zero();
		unsigned mask = 0;

		s.xmm[1][0] = pair(F_ONE, F_ONE);
		s.xmm[1][1] = pair(F_TWO, F_QNAN);
		s.xmm[2][0] = pair(F_TWO, F_ONE);
		s.xmm[2][1] = pair(F_ONE, F_ONE);
		assert_int_equal(RUN(&s, 0x0f, 0xc2, 0xca, predicate), NO_FAULT);
		for (unsigned n = 0; n < 4; n++) {
			uint32_t lane = (uint32_t)(s.xmm[1][n / 2] >> n % 2 * 32);

			assert_true(lane == 0 || lane == UINT32_MAX);
			mask |= (lane & 1) << n;
		}
		assert_int_equal(mask, expected[predicate]);
		assert_int_equal(s.mxcsr, 0x1f80 | (invalid[predicate] ? MXCSR_IE : 0));
	}
}

/* COMISD: ZF PF CF are 111 unordered, 000 greater, 001 less, 100 equal; OF SF AF are 0. */
static void test_compare_flags(void **state)
{
	static const struct {
		uint64_t a, b;
		uint32_t flags;
	} cases[] = {
	    {D_TWO, D_ONE, 0},
	    {D_ONE, D_TWO, 0x001},
	    {D_ONE, D_ONE, 0x040},
	    {0, 0x8000000000000000, 0x040},
	    {D_ONE, 0x7ff8000000000000, 0x045},
	};

	for (unsigned n = 0; n < COUNT(cases); n++) {
		struct simd_state s = simd_zero();

		s.xmm[1][0] = cases[n].a;
		s.xmm[2][0] = cases[n].b;
		s.flags = 0x8d5;
		assert_int_equal(RUN(&s, 0x66, 0x0f, 0x2e, 0xca), NO_FAULT); /* ucomisd */
		assert_int_equal(s.flags, cases[n].flags);
		assert_int_equal(s.mxcsr, 0x1f80);
		assert_int_equal(RUN(&s, 0x66, 0x0f, 0x2f, 0xca), NO_FAULT); /* comisd */
		assert_int_equal(s.flags, cases[n].flags);
		assert_int_equal(s.mxcsr, 0x1f80 | (cases[n].flags == 0x045 ? MXCSR_IE : 0));
	}
}

/* An unmasked exception: #XM, flags set, destination as before. */
static void test_unmasked(void **state)
{
	struct simd_state s = simd_zero();

	s.mxcsr &= ~MXCSR_ZM;
	s.xmm[1][0] = pair(F_ONE, F_ONE);
	s.xmm[2][0] = pair(F_ONE, 0);
	s.xmm[2][1] = pair(F_ONE, F_ONE);
	assert_int_equal(RUN(&s, 0x0f, 0x5e, 0xca), EXC_XM); /* divps xmm1, xmm2 */
	assert_int_equal(s.mxcsr, (0x1f80 & ~MXCSR_ZM) | MXCSR_ZE);
	assert_int_equal(s.xmm[1][0], pair(F_ONE, F_ONE));
	/* Without CR4.OSXMMEXCPT the system does not know #XM: #UD. */
	simd_cpu.cr4 &= ~(uint64_t)CR4_OSXMMEXCPT;
	assert_int_equal(RUN(&s, 0x0f, 0x5e, 0xca), EXC_UD);
}

/*
 * Unmasked invalid, denormal and divide-by-zero in one lane come before the results of all lanes,
 * so that these report no inexact (vol. 1 11.5.3); an unmasked inexact hides nothing.
 */
static void test_precedence(void **state)
{
	struct simd_state s = simd_zero();

	s.xmm[1][0] = pair(F_ONE, 0);
	s.xmm[2][0] = pair(0x40400000, 0);          /* 1 / 3, 0 / 0 */
	s.xmm[1][1] = s.xmm[2][1] = pair(F_ONE, 1); /* 1 / 1, denormal / denormal */
	s.mxcsr = 0x1f80 & ~MXCSR_IM;
	assert_int_equal(RUN(&s, 0x0f, 0x5e, 0xca), EXC_XM);
	assert_int_equal(s.mxcsr, (0x1f80 & ~MXCSR_IM) | MXCSR_IE | MXCSR_DE);
	s.mxcsr = 0x1f80 & ~MXCSR_PM;
	assert_int_equal(RUN(&s, 0x0f, 0x5e, 0xca), EXC_XM);
	assert_int_equal(s.mxcsr, (0x1f80 & ~MXCSR_PM) | MXCSR_IE | MXCSR_DE | MXCSR_PE);
}

/* RCPSS and RSQRTSS at exact powers, where truncation and rounding agree, and special values. */
static void test_approximation_special(void **state)
{
	static const struct {
		uint32_t a, reciprocal, root;
	} cases[] = {
	    {F_ONE, F_ONE, F_ONE},
	    {0x40800000, 0x3e800000, 0x3f000000}, /* 4: 1/4, 1/2 */
	    {0x00800000, 0x7e800000, 0x5f000000}, /* 2^-126 */
	    {0x7e800000, 0x00800000, 0x20000000}, /* 2^126 */
	    {0, F_INF, F_INF},
	    {F_MINUS, F_MINUS | F_INF, F_MINUS | F_INF},
	    {0x007fffff, F_INF, F_INF}, /* denormal: as 0 */
	    {0x807fffff, F_MINUS | F_INF, F_MINUS | F_INF},
	    {F_INF, 0, 0},
	    {0x7f000000, 0, 0x1fb50800}, /* 2^127: its reciprocal is denormal */
	    {F_SNAN, F_SNAN | 0x400000, F_SNAN | 0x400000},
	    {F_MINUS | F_ONE, F_MINUS | F_ONE, 0xffc00000},
	    {F_MINUS | F_INF, F_MINUS, 0xffc00000},
	};

	for (unsigned n = 0; n < COUNT(cases); n++) {
		struct simd_state s = simd_zero();

		s.mxcsr = 0; /* nothing is masked, and nothing is raised */
		s.xmm[2][0] = pair(cases[n].a, 7);
		s.xmm[1][0] = pair(9, 8);
		assert_int_equal(RUN(&s, 0xf3, 0x0f, 0x53, 0xca), NO_FAULT); /* rcpss */
		assert_int_equal(s.xmm[1][0], pair(cases[n].reciprocal, 8));
		assert_int_equal(RUN(&s, 0xf3, 0x0f, 0x52, 0xca), NO_FAULT); /* rsqrtss */
		assert_int_equal(s.xmm[1][0], pair(cases[n].root, 8));
		assert_int_equal(s.mxcsr, 0);
	}
}

/*
 * Relative error at most 1.5 * 2^-12 over all significands and both parities of the exponent.
 * With x = m * 2^e and result r: |m * r - 2^k| and |m * r^2 - 2^k| in exact integers.
 */
static void test_approximation_error(void **state)
{
	for (uint32_t fraction = 0; fraction < 0x800000; fraction += 61) {
		uint64_t m = fraction | 0x800000, odd = fraction & 1;
		struct simd_state s = simd_zero();
		uint64_t r;
		double error;

		s.xmm[2][0] = pair(F_ONE + fraction, (uint32_t)(F_ONE + (odd << 23) + fraction));
		assert_int_equal(RUN(&s, 0x0f, 0x53, 0xca), NO_FAULT); /* rcpps xmm1, xmm2 */
		/* 1/x in (1/2, 1]: significand over 2^24, or exactly 1. */
		r = (uint32_t)s.xmm[1][0];
		r = ((r & 0x7fffff) | 0x800000) << (r >= F_ONE);
		error = ((double)(m * r) - 0x1p47) / 0x1p47;
		assert_true(error <= 0x1.8p-12 && error >= -0x1.8p-12);

		assert_int_equal(RUN(&s, 0x0f, 0x52, 0xca), NO_FAULT); /* rsqrtps xmm1, xmm2 */
		/* Lane 1: x in [1, 4), its root's reciprocal in (1/2, 1]. */
		r = s.xmm[1][0] >> 32;
		r = ((r & 0x7fffff) | 0x800000) << (r >= F_ONE);
		/* (1 + d)^2 is 1 + 2d nearly: twice the bound, and d^2. */
		error =
		    (double)(m << odd) / 0x1p23 * ((double)r / 0x1p24) * ((double)r / 0x1p24) - 1;
		assert_true(error <= 0x1.801p-11 && error >= -0x1.801p-11);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_host, simd_setup),
	    cmocka_unit_test_setup(test_scalar, simd_setup),
	    cmocka_unit_test_setup(test_min_max, simd_setup),
	    cmocka_unit_test_setup(test_predicates, simd_setup),
	    cmocka_unit_test_setup(test_compare_flags, simd_setup),
	    cmocka_unit_test_setup(test_unmasked, simd_setup),
	    cmocka_unit_test_setup(test_precedence, simd_setup),
	    cmocka_unit_test_setup(test_approximation_special, simd_setup),
	    cmocka_unit_test_setup(test_approximation_error, simd_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
