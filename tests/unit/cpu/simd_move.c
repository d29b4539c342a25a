/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emulator/cpu/simd_move.c: moves, their merging and clearing of lanes, and masked stores
 * (Intel SDM vol. 2, pages of the instructions).
 */
#include "tests/unit/cpu/simd_fixture.h"

#define COUNT(x) (sizeof(x) / sizeof((x)[0]))

static const struct simd_op ops[] = {
    /* MOVUPS MOVUPD MOVSS MOVSD, loads and stores */
    {0x0f10, P_ALL, F_RM, 0},
    {0x0f11, P_ALL, F_RM, 0},
    {0x0f12, P_NONE, F_RM, 0}, /* MOVLPS, MOVHLPS */
    {0x0f12, P_66, F_MEM, 0},
    {0x0f13, P_NONE | P_66, F_MEM, 0},
    {0x0f16, P_NONE, F_RM, 0}, /* MOVHPS, MOVLHPS */
    {0x0f16, P_66, F_MEM, 0},
    {0x0f17, P_NONE | P_66, F_MEM, 0},
    {0x0f28, P_NONE | P_66, F_RM, 0}, /* MOVAPS MOVAPD */
    {0x0f29, P_NONE | P_66, F_RM, 0},
    {0x0f2b, P_NONE | P_66, F_MEM, 0},          /* MOVNTPS MOVNTPD */
    {0x0f50, P_NONE | P_66, F_REG | F_REXW, 0}, /* MOVMSKPS MOVMSKPD */
    {0x0f6e, P_NONE | P_66, F_RM | F_REXW, 0},  /* MOVD, MOVQ r/m64 */
    {0x0f7e, P_NONE | P_66, F_RM | F_REXW, 0},
    {0x0f7e, P_F3, F_RM, 0},                 /* MOVQ */
    {0x0f6f, P_NONE | P_66 | P_F3, F_RM, 0}, /* MOVQ MOVDQA MOVDQU */
    {0x0f7f, P_NONE | P_66 | P_F3, F_RM, 0},
    {0x0fc3, P_NONE, F_MEM | F_REXW, 0},        /* MOVNTI */
    {0x0fd6, P_66, F_RM, 0},                    /* MOVQ */
    {0x0fd6, P_F3 | P_F2, F_REG, 0},            /* MOVQ2DQ MOVDQ2Q */
    {0x0fd7, P_NONE | P_66, F_REG | F_REXW, 0}, /* PMOVMSKB */
    {0x0fe7, P_NONE | P_66, F_MEM, 0},          /* MOVNTQ MOVNTDQ */
    {0x0ff7, P_NONE | P_66, F_REG, 0},          /* MASKMOVQ MASKMOVDQU */
};

static void test_host(void **state)
{
	simd_compare_host(ops, COUNT(ops), "sse2");
}

static struct simd_state sample(void)
{
	struct simd_state s = simd_zero();

	for (unsigned n = 0; n < 4; n++) {
		s.xmm[n][0] = 0x1111111111111111 * (n + 1);
		s.xmm[n][1] = 0x0101010101010101 * (n + 1);
		s.mm[n] = 0x1010101010101010 * (n + 1);
		s.gpr[n] = 0x8000000180000000 + n;
	}
	for (unsigned n = 0; n < sizeof(s.memory); n++)
		s.memory[n] = (uint8_t)(0xa0 + n);
	return s;
}

#define M8  0xa7a6a5a4a3a2a1a0 /* memory[0..7] of the sample */
#define M16 0xafaeadacabaaa9a8

/* "If the source is memory, the high bits of the destination are cleared": MOVSS, MOVSD. */
static void test_scalar_load(void **state)
{
	struct simd_state s = sample();

	assert_int_equal(RUN(&s, 0xf3, 0x0f, 0x10, 0x0e), NO_FAULT); /* movss xmm1, [rsi] */
	assert_int_equal(s.xmm[1][0], (uint32_t)M8);
	assert_int_equal(s.xmm[1][1], 0);
	assert_int_equal(RUN(&s, 0xf2, 0x0f, 0x10, 0x16), NO_FAULT); /* movsd xmm2, [rsi] */
	assert_int_equal(s.xmm[2][0], M8);
	assert_int_equal(s.xmm[2][1], 0);
}

static void test_scalar_merge(void **state)
{
	struct simd_state s = sample();

	assert_int_equal(RUN(&s, 0xf3, 0x0f, 0x10, 0xca), NO_FAULT); /* movss xmm1, xmm2 */
	assert_int_equal(s.xmm[1][0], 0x2222222233333333);
	assert_int_equal(s.xmm[1][1], 0x0202020202020202);
	assert_int_equal(RUN(&s, 0xf2, 0x0f, 0x11, 0xca), NO_FAULT); /* movsd xmm2, xmm1 */
	assert_int_equal(s.xmm[2][0], 0x2222222233333333);
	assert_int_equal(s.xmm[2][1], 0x0303030303030303);
	assert_int_equal(RUN(&s, 0xf3, 0x0f, 0x7e, 0xcb), NO_FAULT); /* movq xmm1, xmm3: clears */
	assert_int_equal(s.xmm[1][0], 0x4444444444444444);
	assert_int_equal(s.xmm[1][1], 0);
}

static void test_halves(void **state)
{
	struct simd_state s = sample();

	assert_int_equal(RUN(&s, 0x0f, 0x12, 0xca), NO_FAULT); /* movhlps xmm1, xmm2 */
	assert_int_equal(s.xmm[1][0], 0x0303030303030303);
	assert_int_equal(s.xmm[1][1], 0x0202020202020202);
	assert_int_equal(RUN(&s, 0x0f, 0x16, 0xca), NO_FAULT); /* movlhps xmm1, xmm2 */
	assert_int_equal(s.xmm[1][1], 0x3333333333333333);
	assert_int_equal(RUN(&s, 0x66, 0x0f, 0x16, 0x0e), NO_FAULT); /* movhpd xmm1, [rsi] */
	assert_int_equal(s.xmm[1][0], 0x0303030303030303);
	assert_int_equal(s.xmm[1][1], M8);
}

/* REX.W makes MOVQ of MOVD; without it a general register is written zero-extended. */
static void test_general_registers(void **state)
{
	struct simd_state s = sample();

	assert_int_equal(RUN(&s, 0x66, 0x48, 0x0f, 0x6e, 0xc9), NO_FAULT); /* movq xmm1, rcx */
	assert_int_equal(s.xmm[1][0], 0x8000000180000001);
	assert_int_equal(s.xmm[1][1], 0);
	assert_int_equal(RUN(&s, 0x66, 0x0f, 0x7e, 0xc8), NO_FAULT); /* movd eax, xmm1 */
	assert_int_equal(s.gpr[0], 0x80000001);
	assert_int_equal(RUN(&s, 0x48, 0x0f, 0xc3, 0x16), NO_FAULT); /* movnti [rsi], rdx */
	assert_memory_equal(s.memory, "\x02\x00\x00\x80\x01\x00\x00\x80\xa8", 9);
	assert_int_equal(RUN(&s, 0x66, 0x0f, 0xd7, 0xc1), NO_FAULT); /* pmovmskb eax, xmm1 */
	assert_int_equal(s.gpr[0], 0x88);
}

/* Only bytes selected by the mask's top bits are written. */
static void test_masked_store(void **state)
{
	struct simd_state s = sample();

	s.xmm[2][0] = 0x80000000000000ff;
	s.xmm[2][1] = 0x7f00000000008000;
	assert_int_equal(RUN(&s, 0x66, 0x0f, 0xf7, 0xca), NO_FAULT); /* maskmovdqu xmm1, xmm2 */
	assert_memory_equal(s.memory,
			    "\x22\xa1\xa2\xa3\xa4\xa5\xa6\x22\xa8\x02\xaa\xab\xac\xad\xae\xaf", 16);
}

/* The implicit operand is DS:rDI and takes a segment override and the address size. */
static void test_masked_store_segment(void **state)
{
	struct simd_state s = sample();

	s.mm[2] = 0x80;
	simd_cpu.seg[SEG_FS].base = 0x20;
	assert_int_equal(RUN(&s, 0x64, 0x0f, 0xf7, 0xca), NO_FAULT); /* maskmovq mm1, mm2, fs: */
	assert_int_equal(s.memory[0x00], 0xa0);
	assert_int_equal(s.memory[0x20], 0x20);
	assert_int_equal(s.memory[0x21], 0xc1);
	s.offset = 0x100000000; /* EDI is at memory[0] */
	assert_int_equal(RUN(&s, 0x67, 0x0f, 0xf7, 0xca), NO_FAULT);
	assert_int_equal(s.memory[0x00], 0x20);
}

/* An MMX register's sign and exponent become ones, TOP 0, all tags valid (SDM vol. 3A 12.2). */
static void test_mmx_state(void **state)
{
	struct simd_state s = sample();

	simd_cpu.fpu.status |= 5 << 11;
	assert_int_equal(RUN(&s, 0x0f, 0x6f, 0x0e), NO_FAULT); /* movq mm1, [rsi] */
	assert_int_equal(s.mm[1], M8);
	assert_int_equal(simd_cpu.fpu.st[1].sign_exponent, 0xffff);
	assert_int_equal(simd_cpu.fpu.status >> 11 & 7, 0);
	assert_int_equal(simd_cpu.fpu.tag, 0);
	assert_int_equal(RUN(&s, 0x0f, 0x77), NO_FAULT); /* emms */
	assert_int_equal(simd_cpu.fpu.tag, 0xffff);
}

/* MOVAPS wants 16-byte alignment, #GP(0) and nothing moved otherwise; MOVUPS does not. */
static void test_alignment(void **state)
{
	struct simd_state s = sample(), before;

	s.offset = 8;
	before = s;
	assert_int_equal(RUN(&s, 0x0f, 0x28, 0x0e), EXC_GP); /* movaps xmm1, [rsi] */
	assert_int_equal(RUN(&s, 0x66, 0x0f, 0x7f, 0x0e), EXC_GP);
	assert_int_equal(RUN(&s, 0x66, 0x0f, 0xe7, 0x0e), EXC_GP);
	assert_memory_equal(&s, &before, sizeof(s));
	assert_int_equal(RUN(&s, 0x0f, 0x10, 0x0e), NO_FAULT); /* movups xmm1, [rsi] */
	assert_int_equal(s.xmm[1][0], M16);
	assert_int_equal(RUN(&s, 0xf3, 0x0f, 0x7f, 0x16), NO_FAULT); /* movdqu [rsi], xmm2 */
	assert_memory_equal(s.memory + 8, &before.xmm[2], 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_host, simd_setup),
	    cmocka_unit_test_setup(test_scalar_load, simd_setup),
	    cmocka_unit_test_setup(test_scalar_merge, simd_setup),
	    cmocka_unit_test_setup(test_halves, simd_setup),
	    cmocka_unit_test_setup(test_general_registers, simd_setup),
	    cmocka_unit_test_setup(test_masked_store, simd_setup),
	    cmocka_unit_test_setup(test_mmx_state, simd_setup),
	    cmocka_unit_test_setup(test_masked_store_segment, simd_setup),
	    cmocka_unit_test_setup(test_alignment, simd_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
