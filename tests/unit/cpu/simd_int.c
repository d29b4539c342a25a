/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emulator/cpu/simd_int.c: MMX and SSE2 integer instructions and bitwise logic. Expected values are
 * worked out by hand from the operation sections of the Intel SDM vol. 2.
 */
#include "tests/unit/cpu/simd_fixture.h"

#define COUNT(x) (sizeof(x) / sizeof((x)[0]))

#define BOTH (P_NONE | P_66)

static const struct simd_op ops[] = {
    {0x0f14, BOTH, F_RM, 0}, /* UNPCKLPS ... */
    {0x0f15, BOTH, F_RM, 0},
    {0x0f54, BOTH, F_RM, 0}, /* ANDPS ... */
    {0x0f55, BOTH, F_RM, 0},
    {0x0f56, BOTH, F_RM, 0},
    {0x0f57, BOTH, F_RM, 0},
    {0x0f60, BOTH, F_RM, 0},
    {0x0f61, BOTH, F_RM, 0},
    {0x0f62, BOTH, F_RM, 0},
    {0x0f63, BOTH, F_RM, 0},
    {0x0f64, BOTH, F_RM, 0},
    {0x0f65, BOTH, F_RM, 0},
    {0x0f66, BOTH, F_RM, 0},
    {0x0f67, BOTH, F_RM, 0},
    {0x0f68, BOTH, F_RM, 0},
    {0x0f69, BOTH, F_RM, 0},
    {0x0f6a, BOTH, F_RM, 0},
    {0x0f6b, BOTH, F_RM, 0},
    {0x0f6c, P_66, F_RM, 0},
    {0x0f6d, P_66, F_RM, 0},
    {0x0f70, P_ALL, F_RM | F_IMM, 0},
    {0x0f71, BOTH, F_REG | F_IMM, 1 + 2},
    {0x0f71, BOTH, F_REG | F_IMM, 1 + 4},
    {0x0f71, BOTH, F_REG | F_IMM, 1 + 6},
    {0x0f72, BOTH, F_REG | F_IMM, 1 + 2},
    {0x0f72, BOTH, F_REG | F_IMM, 1 + 4},
    {0x0f72, BOTH, F_REG | F_IMM, 1 + 6},
    {0x0f73, BOTH, F_REG | F_IMM, 1 + 2},
    {0x0f73, P_66, F_REG | F_IMM, 1 + 3},
    {0x0f73, BOTH, F_REG | F_IMM, 1 + 6},
    {0x0f73, P_66, F_REG | F_IMM, 1 + 7},
    {0x0f74, BOTH, F_RM, 0},
    {0x0f75, BOTH, F_RM, 0},
    {0x0f76, BOTH, F_RM, 0},
    {0x0fc4, BOTH, F_RM | F_IMM | F_REXW, 0},
    {0x0fc5, BOTH, F_REG | F_IMM | F_REXW, 0},
    {0x0fc6, BOTH, F_RM | F_IMM, 0},
    {0x0fd1, BOTH, F_RM, 0},
    {0x0fd2, BOTH, F_RM, 0},
    {0x0fd3, BOTH, F_RM, 0},
    {0x0fd4, BOTH, F_RM, 0},
    {0x0fd5, BOTH, F_RM, 0},
    {0x0fd8, BOTH, F_RM, 0},
    {0x0fd9, BOTH, F_RM, 0},
    {0x0fda, BOTH, F_RM, 0},
    {0x0fdb, BOTH, F_RM, 0},
    {0x0fdc, BOTH, F_RM, 0},
    {0x0fdd, BOTH, F_RM, 0},
    {0x0fde, BOTH, F_RM, 0},
    {0x0fdf, BOTH, F_RM, 0},
    {0x0fe0, BOTH, F_RM, 0},
    {0x0fe1, BOTH, F_RM, 0},
    {0x0fe2, BOTH, F_RM, 0},
    {0x0fe3, BOTH, F_RM, 0},
    {0x0fe4, BOTH, F_RM, 0},
    {0x0fe5, BOTH, F_RM, 0},
    {0x0fe8, BOTH, F_RM, 0},
    {0x0fe9, BOTH, F_RM, 0},
    {0x0fea, BOTH, F_RM, 0},
    {0x0feb, BOTH, F_RM, 0},
    {0x0fec, BOTH, F_RM, 0},
    {0x0fed, BOTH, F_RM, 0},
    {0x0fee, BOTH, F_RM, 0},
    {0x0fef, BOTH, F_RM, 0},
    {0x0ff1, BOTH, F_RM, 0},
    {0x0ff2, BOTH, F_RM, 0},
    {0x0ff3, BOTH, F_RM, 0},
    {0x0ff4, BOTH, F_RM, 0},
    {0x0ff5, BOTH, F_RM, 0},
    {0x0ff6, BOTH, F_RM, 0},
    {0x0ff8, BOTH, F_RM, 0},
    {0x0ff9, BOTH, F_RM, 0},
    {0x0ffa, BOTH, F_RM, 0},
    {0x0ffb, BOTH, F_RM, 0},
    {0x0ffc, BOTH, F_RM, 0},
    {0x0ffd, BOTH, F_RM, 0},
    {0x0ffe, BOTH, F_RM, 0},
};

static void test_host(void **state)
{
	simd_compare_host(ops, COUNT(ops), "sse2");
}

#define XMM(opcode)        {0x66, 0x0f, opcode, 0xca}, 4 /* op xmm1, xmm2 */
#define XMM_IMM(opcode, i) {0x66, 0x0f, opcode, 0xca, i}, 5
#define MMX(opcode)        {0x0f, opcode, 0xca}, 3 /* op mm1, mm2 */

static const struct simd_vector xmm_vectors[] = {
    {"paddsb saturates at 7f and 80",
     XMM(0xec),
     {0x7f80ff0140c00001, 0},
     {0x01ff010140c000ff, 1},
     {0x7f8000027f800000, 1}},
    {"paddusw saturates at ffff", XMM(0xdd), {0xffff8000, 1}, {0x00018000, 1}, {0xffffffff, 2}},
    {"psubusb stops at 0", XMM(0xd8), {0x0510, 0}, {0x1005, 0}, {0x000b, 0}},
    {"paddq carries through 64 bits, not into the next lane",
     XMM(0xd4),
     {UINT64_MAX, 5},
     {1, 6},
     {0, 11}},
    {"pavgb rounds up", XMM(0xe0), {0x01ff, 0}, {0x02fe, 0}, {0x02ff, 0}},
    {"pcmpgtw is signed", XMM(0x65), {0x7fff8000, 0}, {0x80007fff, 0}, {0xffff0000, 0}},
    {"pmulhuw", XMM(0xe4), {0xffff, 0}, {0xffff, 0}, {0xfffe, 0}},
    {"pmulhw", XMM(0xe5), {0xffff8000, 0}, {0xffff8000, 0}, {0x00004000, 0}},
    {"pmaddwd of all 8000h", XMM(0xf5), {0x80008000, 0}, {0x80008000, 0}, {0x80000000, 0}},
    {"pmuludq takes even doublewords",
     XMM(0xf4),
     {0x5ffffffff, 0x900000002},
     {0x6ffffffff, 0x800000003},
     {0xfffffffe00000001, 6}},
    {"psadbw sums each half",
     XMM(0xf6),
     {0x00ff000000000001, 0x10},
     {0xff00000000000002, 0x20},
     {0x1ff, 0x10}},
    {"packuswb clamps negative to 0",
     XMM(0x67),
     {0x00ff0100ffff0001, 0},
     {0, 0x8000},
     {0x00000000ffff0001, 0x0000000000000000}},
    {"packssdw",
     XMM(0x6b),
     {0x0000800000007fff, 0xffff8000ffff7fff},
     {1, 2},
     {0x800080007fff7fff, 0x0000000200000001}},
    {"punpcklbw",
     XMM(0x60),
     {0x0706050403020100, 0},
     {0x1716151413121110, 0},
     {0x1303120211011000, 0x1707160615051404}},
    {"punpckhqdq", XMM(0x6d), {1, 2}, {3, 4}, {2, 4}},
    {"pshufd 1b reverses",
     XMM_IMM(0x70, 0x1b),
     {9, 9},
     {0x0000000100000000, 0x0000000300000002},
     {0x0000000200000003, 0x0000000000000001}},
    {"shufpd 1", XMM_IMM(0xc6, 0x01), {1, 2}, {3, 4}, {2, 3}},
    {"psrlw by more than 15", XMM(0xd1), {0xffffffff, 1}, {16, 0}, {0, 0}},
    {"psraw by more than 15, count of 64 bits",
     XMM(0xe1),
     {0x80007fff, 0},
     {1ull << 32, 0},
     {0xffff0000, 0}},
    {"psllq by 63", XMM(0xf3), {3, 1}, {63, 99}, {1ull << 63, 1ull << 63}},
    {"pandn complements the destination",
     XMM(0xdf),
     {0xff00, UINT64_MAX},
     {0xffff, 1},
     {0x00ff, 0}},
};

static const struct simd_vector mmx_vectors[] = {
    {"packsswb",
     MMX(0x63),
     {0xff7f0080ff80007f, 0},
     {0x800000017fff0000, 0},
     {0x80017f00807f807f, 0}},
    {"punpckldq",
     MMX(0x62),
     {0x1111111122222222, 0},
     {0x3333333344444444, 0},
     {0x4444444422222222, 0}},
    {"punpckhwd",
     MMX(0x69),
     {0x0003000200010000, 0},
     {0x0013001200110010, 0},
     {0x0013000300120002, 0}},
    {"psubsw",
     MMX(0xe9),
     {0x80007fff00000001, 0},
     {0x0001ffff80000001, 0},
     {0x80007fff7fff0000, 0}},
    {"pmaddwd",
     MMX(0xf5),
     {0x0001000200030004, 0},
     {0xffff000100010001, 0},
     {0x0000000100000007, 0}},
};

static void test_vectors(void **state)
{
	simd_check_vectors(xmm_vectors, COUNT(xmm_vectors), false);
	simd_check_vectors(mmx_vectors, COUNT(mmx_vectors), true);
}

/* PSLLDQ and PSRLDQ count bytes; 16 and more clear the register. */
static void test_byte_shifts(void **state)
{
	struct simd_state s = simd_zero();

	s.xmm[1][0] = 0x0706050403020100;
	s.xmm[1][1] = 0x0f0e0d0c0b0a0908;
	assert_int_equal(RUN(&s, 0x66, 0x0f, 0x73, 0xd9, 0x03), NO_FAULT); /* psrldq xmm1, 3 */
	assert_int_equal(s.xmm[1][0], 0x0a09080706050403);
	assert_int_equal(s.xmm[1][1], 0x0000000f0e0d0c0b);
	assert_int_equal(RUN(&s, 0x66, 0x0f, 0x73, 0xf9, 0x09), NO_FAULT); /* pslldq xmm1, 9 */
	assert_int_equal(s.xmm[1][0], 0);
	assert_int_equal(s.xmm[1][1], 0x0908070605040300);
	assert_int_equal(RUN(&s, 0x66, 0x0f, 0x73, 0xf9, 0xff), NO_FAULT);
	assert_int_equal(s.xmm[1][1], 0);
}

/* PUNPCKLBW mm reads four bytes only: the next page need not exist. */
static void test_unpack_reads_32_bits(void **state)
{
	struct simd_state s = simd_zero();

	s.offset = 0xfffc - 0x1000; /* the last four bytes of RAM, which are 0 */
	s.mm[1] = 0x0000000003020100;
	assert_int_equal(RUN(&s, 0x0f, 0x60, 0x0e), NO_FAULT); /* punpcklbw mm1, [rsi] */
	assert_int_equal(s.mm[1], 0x0003000200010000);
	assert_int_equal(simd_exits, 0);
	assert_int_equal(RUN(&s, 0x0f, 0x68, 0x0e), NO_FAULT); /* punpckhbw mm1, [rsi] reads 8 */
	assert_int_not_equal(simd_exits, 0);
}

static void test_words(void **state)
{
	struct simd_state s = simd_zero();

	s.gpr[2] = 0x12345678;
	assert_int_equal(RUN(&s, 0x66, 0x0f, 0xc4, 0xca, 0xff), NO_FAULT); /* pinsrw xmm1, edx, 7 */
	assert_int_equal(s.xmm[1][1], 0x5678000000000000);
	s.gpr[0] = UINT64_MAX;
	assert_int_equal(RUN(&s, 0x66, 0x0f, 0xc5, 0xc1, 0x07), NO_FAULT); /* pextrw eax, xmm1, 7 */
	assert_int_equal(s.gpr[0], 0x5678);
}

/* An unaligned memory operand is #GP(0) for XMM and allowed for MMX. */
static void test_alignment(void **state)
{
	struct simd_state s = simd_zero();

	s.offset = 4;
	assert_int_equal(RUN(&s, 0x66, 0x0f, 0xfc, 0x0e), EXC_GP);
	assert_int_equal(RUN(&s, 0x0f, 0xfc, 0x0e), NO_FAULT);
	s.offset = 16;
	assert_int_equal(RUN(&s, 0x66, 0x0f, 0xfc, 0x0e), NO_FAULT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_host, simd_setup),
	    cmocka_unit_test_setup(test_vectors, simd_setup),
	    cmocka_unit_test_setup(test_byte_shifts, simd_setup),
	    cmocka_unit_test_setup(test_unpack_reads_32_bits, simd_setup),
	    cmocka_unit_test_setup(test_words, simd_setup),
	    cmocka_unit_test_setup(test_alignment, simd_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
