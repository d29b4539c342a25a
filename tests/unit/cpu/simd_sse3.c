/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emulator/cpu/simd_sse3.c: SSE3 and SSSE3 (Intel SDM vol. 2, pages of the instructions).
 */
#include "tests/unit/cpu/simd_fixture.h"

#define COUNT(x) (sizeof(x) / sizeof((x)[0]))

#define BOTH (P_NONE | P_66)

static const struct simd_op ops[] = {
    {0x0f12, P_F3 | P_F2, F_RM, 0},           /* MOVSLDUP MOVDDUP */
    {0x0f16, P_F3, F_RM, 0},                  /* MOVSHDUP */
    {0x0f7c, P_66 | P_F2, F_RM | F_MXCSR, 0}, /* HADDPD HADDPS */
    {0x0f7d, P_66 | P_F2, F_RM | F_MXCSR, 0}, /* HSUBPD HSUBPS */
    {0x0fd0, P_66 | P_F2, F_RM | F_MXCSR, 0}, /* ADDSUBPD ADDSUBPS */
    {0x0ff0, P_F2, F_MEM, 0},                 /* LDDQU */
    {0x3800, BOTH, F_RM, 0},                  /* PSHUFB */
    {0x3801, BOTH, F_RM, 0},                  /* PHADDW PHADDD PHADDSW */
    {0x3802, BOTH, F_RM, 0},
    {0x3803, BOTH, F_RM, 0},
    {0x3804, BOTH, F_RM, 0}, /* PMADDUBSW */
    {0x3805, BOTH, F_RM, 0}, /* PHSUBW PHSUBD PHSUBSW */
    {0x3806, BOTH, F_RM, 0},
    {0x3807, BOTH, F_RM, 0},
    {0x3808, BOTH, F_RM, 0}, /* PSIGN */
    {0x3809, BOTH, F_RM, 0},
    {0x380a, BOTH, F_RM, 0},
    {0x380b, BOTH, F_RM, 0}, /* PMULHRSW */
    {0x381c, BOTH, F_RM, 0}, /* PABS */
    {0x381d, BOTH, F_RM, 0},
    {0x381e, BOTH, F_RM, 0},
    {0x3a0f, BOTH, F_RM | F_IMM, 0}, /* PALIGNR */
};

static void test_host(void **state)
{
	simd_compare_host(ops, COUNT(ops), "ssse3");
}

#define XMM(opcode) {0x66, 0x0f, 0x38, opcode, 0xca}, 5 /* op xmm1, xmm2 */
#define MMX(opcode) {0x0f, 0x38, opcode, 0xca}, 4       /* op mm1, mm2 */

static const struct simd_vector xmm_vectors[] = {
    {"pshufb uses 4 bits, bit 7 clears",
     XMM(0x00),
     {0x0706050403020100, 0x0f0e0d0c0b0a0908},
     {0x80ff1f100f080001, 0x7f},
     {0x00000f000f080001, 0x000000000000000f}},
    {"phaddsw saturates; source in the upper half",
     XMM(0x03),
     {0x7fff00010001fffe, 0},
     {0x8000ffff00010002, 0},
     {0x000000007fffffff, 0x0000000080000003}},
    {"phsubd takes the odd from the even lane",
     XMM(0x06),
     {0x0000000100000003, 0},
     {0x0000000300000001, 0},
     {2, 0xfffffffe}},
    {"pmaddubsw: unsigned times signed",
     XMM(0x04),
     {0xffff01ff, 0},
     {0x7f7fff80, 0},
     {0x7fff807f, 0}},
    {"psignw negates, keeps, clears",
     XMM(0x09),
     {0x8000000500050005, 0},
     {0xffff00000001ffff, 0},
     {0x800000000005fffb, 0}},
    {"pabsb of 80h is 80h", XMM(0x1c), {0, 0}, {0x80ff7f01, 0}, {0x80017f01, 0}},
    {"pmulhrsw rounds",
     XMM(0x0b),
     {0x80007fff00014000, 0},
     {0x80007fff40004000, 0},
     {0x80007ffe00012000, 0}},
    {"movddup", {0xf2, 0x0f, 0x12, 0xca}, 4, {1, 2}, {3, 4}, {3, 3}},
    {"movshdup",
     {0xf3, 0x0f, 0x16, 0xca},
     4,
     {0, 0},
     {0x100000002, 0x300000004},
     {0x100000001, 0x300000003}},
    {"palignr 20",
     {0x66, 0x0f, 0x3a, 0x0f, 0xca, 20},
     6,
     {0x0706050403020100, 0x0f0e0d0c0b0a0908},
     {1, 1},
     {0x0b0a090807060504, 0x0f0e0d0c}},
    {"addsubpd: 1 - 2, 1 + 2",
     {0x66, 0x0f, 0xd0, 0xca},
     4,
     {0x3ff0000000000000, 0x3ff0000000000000},
     {0x4000000000000000, 0x4000000000000000},
     {0xbff0000000000000, 0x4008000000000000}},
    {"haddps",
     {0xf2, 0x0f, 0x7c, 0xca},
     4,
     {0x3f8000003f800000, 0x400000003f800000},
     {0, 0x4000000040000000},
     {0x4040000040000000, 0x4080000000000000}},
};

static const struct simd_vector mmx_vectors[] = {
    {"pshufb uses 3 bits",
     MMX(0x00),
     {0x0706050403020100, 0},
     {0x80ff1f100f080001, 0},
     {0x0000070007000001, 0}},
    {"phaddw",
     MMX(0x01),
     {0x0001ffff80008000, 0},
     {0x0001000200030004, 0},
     {0x0003000700000000, 0}},
    {"palignr 3",
     {0x0f, 0x3a, 0x0f, 0xca, 3},
     5,
     {0x1716151413121110, 0},
     {0x0706050403020100, 0},
     {0x1211100706050403, 0}},
    {"palignr 16", {0x0f, 0x3a, 0x0f, 0xca, 16}, 5, {1, 0}, {2, 0}, {0, 0}},
};

static void test_vectors(void **state)
{
	simd_check_vectors(xmm_vectors, COUNT(xmm_vectors), false);
	simd_check_vectors(mmx_vectors, COUNT(mmx_vectors), true);
}

/* LDDQU and MOVDDUP take any address, MOVSLDUP and PABSD xmm an aligned one. */
static void test_alignment(void **state)
{
	struct simd_state s = simd_zero();

	s.offset = 8;
	assert_int_equal(RUN(&s, 0xf2, 0x0f, 0xf0, 0x0e), NO_FAULT);
	assert_int_equal(RUN(&s, 0xf2, 0x0f, 0x12, 0x0e), NO_FAULT);
	assert_int_equal(RUN(&s, 0xf3, 0x0f, 0x12, 0x0e), EXC_GP);
	assert_int_equal(RUN(&s, 0x66, 0x0f, 0x38, 0x1e, 0x0e), EXC_GP);
	assert_int_equal(RUN(&s, 0x0f, 0x38, 0x1e, 0x0e), NO_FAULT);
}

/* Model x86-64 has none of these. */
static void test_absent(void **state)
{
	struct simd_state s = simd_zero();

	simd_model.v2 = false;
	assert_int_equal(RUN(&s, 0xf2, 0x0f, 0x12, 0xca), EXC_UD);
	assert_int_equal(RUN(&s, 0x66, 0x0f, 0x7c, 0xca), EXC_UD);
	assert_int_equal(RUN(&s, 0x0f, 0x12, 0xca), NO_FAULT); /* movhlps is SSE */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_host, simd_setup),
	    cmocka_unit_test_setup(test_vectors, simd_setup),
	    cmocka_unit_test_setup(test_alignment, simd_setup),
	    cmocka_unit_test_setup(test_absent, simd_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
