/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emulator/cpu/simd_sse4.c: SSE4.1 and PCMPGTQ (Intel SDM vol. 2, pages of the instructions).
 */
#include "tests/unit/cpu/simd_fixture.h"

#define COUNT(x) (sizeof(x) / sizeof((x)[0]))

static const struct simd_op ops[] = {
    {0x3810, P_66, F_RM, 0}, /* PBLENDVB BLENDVPS BLENDVPD */
    {0x3814, P_66, F_RM, 0},
    {0x3815, P_66, F_RM, 0},
    {0x3817, P_66, F_RM, 0}, /* PTEST */
    {0x3820, P_66, F_RM, 0}, /* PMOVSX */
    {0x3821, P_66, F_RM, 0},
    {0x3822, P_66, F_RM, 0},
    {0x3823, P_66, F_RM, 0},
    {0x3824, P_66, F_RM, 0},
    {0x3825, P_66, F_RM, 0},
    {0x3828, P_66, F_RM, 0},  /* PMULDQ */
    {0x3829, P_66, F_RM, 0},  /* PCMPEQQ */
    {0x382a, P_66, F_MEM, 0}, /* MOVNTDQA */
    {0x382b, P_66, F_RM, 0},  /* PACKUSDW */
    {0x3830, P_66, F_RM, 0},  /* PMOVZX */
    {0x3831, P_66, F_RM, 0},
    {0x3832, P_66, F_RM, 0},
    {0x3833, P_66, F_RM, 0},
    {0x3834, P_66, F_RM, 0},
    {0x3835, P_66, F_RM, 0},
    {0x3837, P_66, F_RM, 0}, /* PCMPGTQ */
    {0x3838, P_66, F_RM, 0}, /* PMIN PMAX */
    {0x3839, P_66, F_RM, 0},
    {0x383a, P_66, F_RM, 0},
    {0x383b, P_66, F_RM, 0},
    {0x383c, P_66, F_RM, 0},
    {0x383d, P_66, F_RM, 0},
    {0x383e, P_66, F_RM, 0},
    {0x383f, P_66, F_RM, 0},
    {0x3840, P_66, F_RM, 0},                   /* PMULLD */
    {0x3841, P_66, F_RM, 0},                   /* PHMINPOSUW */
    {0x3a08, P_66, F_RM | F_IMM | F_MXCSR, 0}, /* ROUNDPS PD SS SD */
    {0x3a09, P_66, F_RM | F_IMM | F_MXCSR, 0},
    {0x3a0a, P_66, F_RM | F_IMM | F_MXCSR, 0},
    {0x3a0b, P_66, F_RM | F_IMM | F_MXCSR, 0},
    {0x3a0c, P_66, F_RM | F_IMM, 0}, /* BLENDPS BLENDPD PBLENDW */
    {0x3a0d, P_66, F_RM | F_IMM, 0},
    {0x3a0e, P_66, F_RM | F_IMM, 0},
    {0x3a14, P_66, F_RM | F_IMM | F_REXW, 0}, /* PEXTRB PEXTRW PEXTRD/Q EXTRACTPS */
    {0x3a15, P_66, F_RM | F_IMM | F_REXW, 0},
    {0x3a16, P_66, F_RM | F_IMM | F_REXW, 0},
    {0x3a17, P_66, F_RM | F_IMM | F_REXW, 0},
    {0x3a20, P_66, F_RM | F_IMM | F_REXW, 0}, /* PINSRB INSERTPS PINSRD/Q */
    {0x3a21, P_66, F_RM | F_IMM, 0},
    {0x3a22, P_66, F_RM | F_IMM | F_REXW, 0},
    {0x3a40, P_66, F_RM | F_IMM | F_MXCSR, 0}, /* DPPS DPPD */
    {0x3a41, P_66, F_RM | F_IMM | F_MXCSR, 0},
    {0x3a42, P_66, F_RM | F_IMM, 0}, /* MPSADBW */
};

static void test_host(void **state)
{
	simd_compare_host(ops, COUNT(ops), "sse4.2");
}

#define XMM(opcode)        {0x66, 0x0f, 0x38, opcode, 0xca}, 5 /* op xmm1, xmm2 */
#define XMM_IMM(opcode, i) {0x66, 0x0f, 0x3a, opcode, 0xca, i}, 6

static const struct simd_vector vectors[] = {
    {"pmovsxbq", XMM(0x22), {9, 9}, {0xff7f80, 0}, {0xffffffffffffff80, 0x7f}},
    {"pmovzxwd",
     XMM(0x33),
     {9, 9},
     {0x8000000100027fff, 9},
     {0x0000000200007fff, 0x0000800000000001}},
    {"pmuldq: signed even lanes",
     XMM(0x28),
     {0x5ffffffff, 2},
     {0x700000003, 0x80000000},
     {0xfffffffffffffffd, 0xffffffff00000000}},
    {"pmulld keeps the low half",
     XMM(0x40),
     {0xffffffff00010000, 0},
     {0xffffffff00010000, 0},
     {0x0000000100000000, 0}},
    {"packusdw",
     XMM(0x2b),
     {0x00010000ffffffff, 0x0000ffff00000001},
     {0x7fffffff80000000, 0},
     {0xffff0001ffff0000, 0x00000000ffff0000}},
    {"pcmpgtq is signed", XMM(0x37), {1, UINT64_MAX}, {UINT64_MAX, 1}, {UINT64_MAX, 0}},
    {"pmaxud", XMM(0x3f), {0x80000000, 0}, {0x7fffffff, 1}, {0x80000000, 1}},
    {"pmaxsd", XMM(0x3d), {0x80000000, 0}, {0x7fffffff, 1}, {0x7fffffff, 1}},
    {"phminposuw: lowest index of the minimum",
     XMM(0x41),
     {7, 7},
     {0x0005000300090004, 0x0003ffffffffffff},
     {0x00020003, 0}},
    {"insertps: lane 2 to lane 1, clear lane 3",
     XMM_IMM(0x21, 0x98),
     {0x1111111100000000, 0x3333333322222222},
     {0, 0xddddddddcccccccc},
     {0xcccccccc00000000, 0x0000000022222222}},
    {"pblendw 81",
     XMM_IMM(0x0e, 0x81),
     {0, 0},
     {UINT64_MAX, UINT64_MAX},
     {0xffff, 0xffff000000000000}},
    {"mpsadbw 5: window 4, block 1",
     XMM_IMM(0x42, 0x05),
     {0x0000000100000000, 0},
     {0x0000000200000000, 0},
     {0x0002000200020001, 0x0002000200020002}},
    {"dpps f1: 1*1 + 2*2 + 1*0 + 2*2",
     XMM_IMM(0x40, 0xf1),
     {0x400000003f800000, 0x400000003f800000},
     {0x400000003f800000, 0x4000000000000000},
     {0x41100000, 0}},
    {"dppd 33",
     XMM_IMM(0x41, 0x33),
     {0x3ff0000000000000, 0x4000000000000000},
     {0x3ff0000000000000, 0x4000000000000000},
     {0x4014000000000000, 0x4014000000000000}},
    {"roundps down",
     XMM_IMM(0x08, 0x09),
     {0, 0},
     {0xbfc000003fc00000, 0x3f80000080000000},
     {0xc00000003f800000, 0x3f80000080000000}},
    {"roundsd nearest even, upper half kept",
     XMM_IMM(0x0b, 0x00),
     {5, 6},
     {0x4004000000000000, 9},
     {0x4000000000000000, 6}},
};

static void test_vectors(void **state)
{
	simd_check_vectors(vectors, COUNT(vectors), false);
}

/* Bit 3 of the immediate keeps PE clear; bit 2 takes the rounding from MXCSR. */
static void test_round_control(void **state)
{
	struct simd_state s = simd_zero();

	s.xmm[2][0] = 0x3fc00000;                                                /* 1.5 */
	assert_int_equal(RUN(&s, 0x66, 0x0f, 0x3a, 0x0a, 0xca, 0x08), NO_FAULT); /* roundss */
	assert_int_equal(s.xmm[1][0], 0x40000000);
	assert_int_equal(s.mxcsr, 0x1f80);
	s.mxcsr = 0x1f80 | 3 << 13;
	assert_int_equal(RUN(&s, 0x66, 0x0f, 0x3a, 0x0a, 0xca, 0x04), NO_FAULT);
	assert_int_equal(s.xmm[1][0], 0x3f800000);
	assert_int_equal(s.mxcsr, 0x1f80 | 3 << 13 | 0x20);
}

/* PTEST: ZF is AND = 0, CF is ANDN = 0, the others are cleared. */
static void test_ptest(void **state)
{
	struct simd_state s = simd_zero();

	s.flags = 0x8d5;
	s.xmm[1][1] = 0xf0;
	s.xmm[2][1] = 0x30;
	assert_int_equal(RUN(&s, 0x66, 0x0f, 0x38, 0x17, 0xca), NO_FAULT);
	assert_int_equal(s.flags, 0x001);
	s.xmm[2][1] = 0x0f;
	assert_int_equal(RUN(&s, 0x66, 0x0f, 0x38, 0x17, 0xca), NO_FAULT);
	assert_int_equal(s.flags, 0x040);
	s.xmm[2][1] = 0xff;
	assert_int_equal(RUN(&s, 0x66, 0x0f, 0x38, 0x17, 0xca), NO_FAULT);
	assert_int_equal(s.flags, 0);
}

/* XMM0 is the mask of PBLENDVB, also when it is the destination. */
static void test_blend_mask(void **state)
{
	struct simd_state s = simd_zero();

	s.xmm[0][0] = 0x80ff007f00000080;
	s.xmm[2][0] = 0x1122334455667788;
	assert_int_equal(RUN(&s, 0x66, 0x0f, 0x38, 0x10, 0xc2), NO_FAULT); /* pblendvb xmm0, xmm2 */
	assert_int_equal(s.xmm[0][0], 0x1122007f00000088);
}

/* 64-bit forms by REX.W; 32-bit ones clear the register's upper half. */
static void test_extract(void **state)
{
	struct simd_state s = simd_zero();

	s.xmm[1][1] = 0x8877665544332211;
	s.gpr[0] = UINT64_MAX;
	assert_int_equal(RUN(&s, 0x66, 0x48, 0x0f, 0x3a, 0x16, 0xc8, 0x01), NO_FAULT);
	assert_int_equal(s.gpr[0], 0x8877665544332211); /* pextrq rax, xmm1, 1 */
	assert_int_equal(RUN(&s, 0x66, 0x0f, 0x3a, 0x16, 0xc8, 0x03), NO_FAULT);
	assert_int_equal(s.gpr[0], 0x88776655); /* pextrd eax, xmm1, 3 */
	assert_int_equal(RUN(&s, 0x66, 0x0f, 0x3a, 0x14, 0x0e, 0x0f), NO_FAULT);
	assert_memory_equal(s.memory, "\x88\x00", 2); /* pextrb [rsi], xmm1, 15 */
	assert_int_equal(RUN(&s, 0x66, 0x48, 0x0f, 0x3a, 0x22, 0xd0, 0x01), NO_FAULT);
	assert_int_equal(s.xmm[2][1], 0x88776655); /* pinsrq xmm2, rax, 1 */
}

static void test_alignment(void **state)
{
	struct simd_state s = simd_zero();

	s.offset = 4;
	assert_int_equal(RUN(&s, 0x66, 0x0f, 0x38, 0x20, 0x0e), NO_FAULT);       /* pmovsxbw m64 */
	assert_int_equal(RUN(&s, 0x66, 0x0f, 0x3a, 0x0a, 0x0e, 0x00), NO_FAULT); /* roundss m32 */
	assert_int_equal(RUN(&s, 0x66, 0x0f, 0x38, 0x17, 0x0e), EXC_GP);         /* ptest */
	assert_int_equal(RUN(&s, 0x66, 0x0f, 0x38, 0x2a, 0x0e), EXC_GP);         /* movntdqa */
	assert_int_equal(RUN(&s, 0x66, 0x0f, 0x38, 0x2a, 0xca), EXC_UD); /* ... of a register */
	simd_model.v2 = false;
	assert_int_equal(RUN(&s, 0x66, 0x0f, 0x38, 0x20, 0x0e), EXC_UD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_host, simd_setup),
	    cmocka_unit_test_setup(test_vectors, simd_setup),
	    cmocka_unit_test_setup(test_round_control, simd_setup),
	    cmocka_unit_test_setup(test_ptest, simd_setup),
	    cmocka_unit_test_setup(test_blend_mask, simd_setup),
	    cmocka_unit_test_setup(test_extract, simd_setup),
	    cmocka_unit_test_setup(test_alignment, simd_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
