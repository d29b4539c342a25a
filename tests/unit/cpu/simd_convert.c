/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emulator/cpu/simd_convert.c: CVT instructions (Intel SDM vol. 2A; vol. 1 appendix E.4.2.2).
 */
#include "tests/unit/cpu/simd_fixture.h"

#define COUNT(x) (sizeof(x) / sizeof((x)[0]))

static const struct simd_op ops[] = {
    {0x0f2a, P_NONE | P_66, F_RM | F_MXCSR, 0},        /* CVTPI2PS CVTPI2PD */
    {0x0f2a, P_F3 | P_F2, F_RM | F_REXW | F_MXCSR, 0}, /* CVTSI2SS CVTSI2SD */
    {0x0f2c, P_ALL, F_RM | F_REXW | F_MXCSR, 0},       /* CVTTPS2PI ... CVTTSD2SI */
    {0x0f2d, P_ALL, F_RM | F_REXW | F_MXCSR, 0},       /* CVTPS2PI ... CVTSD2SI */
    {0x0f5a, P_ALL, F_RM | F_MXCSR, 0},                /* CVTPS2PD ... CVTSD2SS */
    {0x0f5b, P_NONE | P_66 | P_F3, F_RM | F_MXCSR, 0}, /* CVTDQ2PS CVTPS2DQ CVTTPS2DQ */
    {0x0fe6, P_66 | P_F3 | P_F2, F_RM | F_MXCSR, 0},   /* CVTTPD2DQ CVTDQ2PD CVTPD2DQ */
};

static void test_host(void **state)
{
	simd_compare_host(ops, COUNT(ops), "sse2");
}

#define D_HALF 0x3fe0000000000000u
#define D_2_31 0x41e0000000000000u
#define D_2_63 0x43e0000000000000u

/* CVTSI2SD takes 64 bits with REX.W, else 32, and keeps the destination's upper half. */
static void test_from_general(void **state)
{
	struct simd_state s = simd_zero();

	s.gpr[0] = 0xffffffff80000000;
	s.xmm[1][1] = 77;
	assert_int_equal(RUN(&s, 0xf2, 0x48, 0x0f, 0x2a, 0xc8), NO_FAULT); /* cvtsi2sd xmm1, rax */
	assert_int_equal(s.xmm[1][0], 0xc1e0000000000000);                 /* -2^31 */
	assert_int_equal(s.xmm[1][1], 77);
	s.gpr[0] = 0x4000000000000000;
	assert_int_equal(RUN(&s, 0xf2, 0x48, 0x0f, 0x2a, 0xc8), NO_FAULT);
	assert_int_equal(s.xmm[1][0], 0x43d0000000000000);           /* 2^62 */
	assert_int_equal(RUN(&s, 0xf2, 0x0f, 0x2a, 0xc8), NO_FAULT); /* cvtsi2sd xmm1, eax */
	assert_int_equal(s.xmm[1][0], 0);
	assert_int_equal(s.mxcsr, 0x1f80);
}

/* Out of range is invalid and gives the integer indefinite, 80000000h or 8000000000000000h. */
static void test_to_general(void **state)
{
	struct simd_state s = simd_zero();

	s.xmm[1][0] = D_2_31;
	assert_int_equal(RUN(&s, 0xf2, 0x0f, 0x2d, 0xc1), NO_FAULT); /* cvtsd2si eax, xmm1 */
	assert_int_equal(s.gpr[0], 0x80000000);
	assert_int_equal(s.mxcsr, 0x1f81);
	s.mxcsr = 0x1f80;
	assert_int_equal(RUN(&s, 0xf2, 0x48, 0x0f, 0x2d, 0xc1), NO_FAULT); /* cvtsd2si rax, xmm1 */
	assert_int_equal(s.gpr[0], 0x80000000);
	assert_int_equal(s.mxcsr, 0x1f80);
	s.xmm[1][0] = D_2_63;
	assert_int_equal(RUN(&s, 0xf2, 0x48, 0x0f, 0x2c, 0xc1), NO_FAULT); /* cvttsd2si rax, xmm1 */
	assert_int_equal(s.gpr[0], 0x8000000000000000);
	assert_int_equal(s.mxcsr, 0x1f81);
	/* Unmasked, the register keeps its value. */
	s.mxcsr = 0x1f00;
	s.gpr[0] = 3;
	assert_int_equal(RUN(&s, 0xf2, 0x48, 0x0f, 0x2c, 0xc1), EXC_XM);
	assert_int_equal(s.gpr[0], 3);
}

/* MXCSR.RC decides for CVT, and CVTT truncates. */
static void test_rounding(void **state)
{
	static const uint32_t rounded[] = {2, 1, 2, 1}; /* of 1.5: nearest, down, up, zero */
	static const uint32_t negative[] = {-2u, -2u, -1u, -1u}; /* of -1.5 */

	for (unsigned rc = 0; rc < 4; rc++) {
		struct simd_state s = simd_zero();

		s.mxcsr |= rc << 13;
		s.xmm[2][0] = 0xbfc000003fc00000;                            /* 1.5, -1.5 */
		assert_int_equal(RUN(&s, 0x66, 0x0f, 0x5b, 0xca), NO_FAULT); /* cvtps2dq */
		assert_int_equal(s.xmm[1][0], rounded[rc] | (uint64_t)negative[rc] << 32);
		assert_int_equal(s.mxcsr & 0x3f, 0x20);
		assert_int_equal(RUN(&s, 0xf3, 0x0f, 0x5b, 0xca), NO_FAULT); /* cvttps2dq */
		assert_int_equal(s.xmm[1][0], 1 | (uint64_t)-1u << 32);
		assert_int_equal(s.mxcsr >> 13, rc);
	}
}

/* CVTPD2PS, CVTPD2DQ clear the upper half; CVTSD2SS keeps lanes 1..3. */
static void test_upper_lanes(void **state)
{
	struct simd_state s = simd_zero();

	s.xmm[2][0] = s.xmm[2][1] = D_HALF;
	s.xmm[1][0] = s.xmm[1][1] = UINT64_MAX;
	assert_int_equal(RUN(&s, 0xf2, 0x0f, 0x5a, 0xca), NO_FAULT); /* cvtsd2ss xmm1, xmm2 */
	assert_int_equal(s.xmm[1][0], 0xffffffff3f000000);
	assert_int_equal(s.xmm[1][1], UINT64_MAX);
	assert_int_equal(RUN(&s, 0x66, 0x0f, 0x5a, 0xca), NO_FAULT); /* cvtpd2ps xmm1, xmm2 */
	assert_int_equal(s.xmm[1][0], 0x3f0000003f000000);
	assert_int_equal(s.xmm[1][1], 0);
}

/* CVTPI2PD and CVTPI2PS take no part in MMX state when the source is memory; other forms do. */
static void test_mmx_state(void **state)
{
	struct simd_state s = simd_zero();

	memcpy(s.memory, "\x01\x00\x00\x00\xff\xff\xff\xff", 8);
	assert_int_equal(RUN(&s, 0x66, 0x0f, 0x2a, 0x0e), NO_FAULT); /* cvtpi2pd xmm1, [rsi] */
	assert_int_equal(s.xmm[1][0], 0x3ff0000000000000);
	assert_int_equal(s.xmm[1][1], 0xbff0000000000000);
	assert_int_equal(RUN(&s, 0x0f, 0x2a, 0x16), NO_FAULT); /* cvtpi2ps xmm2, [rsi] */
	assert_int_equal(simd_cpu.fpu.tag, 0xffff);
	assert_int_equal(RUN(&s, 0x66, 0x0f, 0x2a, 0xca), NO_FAULT); /* cvtpi2pd xmm1, mm2 */
	assert_int_equal(simd_cpu.fpu.tag, 0);
	fpu_fninit(&simd_cpu.fpu);
	assert_int_equal(RUN(&s, 0x0f, 0x2d, 0xd1), NO_FAULT); /* cvtps2pi mm2, xmm1 */
	assert_int_equal(simd_cpu.fpu.tag, 0);
	assert_int_equal(simd_cpu.fpu.st[2].sign_exponent, 0xffff);
	/* Also when the conversion ends in an exception. */
	fpu_fninit(&simd_cpu.fpu);
	s.mxcsr = 0;
	s.xmm[1][0] = 0x7fc00000;
	assert_int_equal(RUN(&s, 0x0f, 0x2d, 0xd1), EXC_XM);
	assert_int_equal(simd_cpu.fpu.tag, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_host, simd_setup),
	    cmocka_unit_test_setup(test_from_general, simd_setup),
	    cmocka_unit_test_setup(test_to_general, simd_setup),
	    cmocka_unit_test_setup(test_rounding, simd_setup),
	    cmocka_unit_test_setup(test_upper_lanes, simd_setup),
	    cmocka_unit_test_setup(test_mmx_state, simd_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
