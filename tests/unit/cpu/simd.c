/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emulator/cpu/simd.c: which encodings exist, and whether the units are available (Intel SDM vol.
 * 2A 2.1.2, vol. 3A 2.5 and tables 23-4 to 23-8 of vol. 3B 23.25).
 */
#include "tests/unit/cpu/simd_fixture.h"

/* addps, paddb xmm and paddb mm of register 2 to 1. */
#define ADDPS    0x0f, 0x58, 0xca
#define PADDB    0x66, 0x0f, 0xfc, 0xca
#define PADDB_MM 0x0f, 0xfc, 0xca

static void test_available(void **state)
{
	struct simd_state s = simd_zero();

	assert_int_equal(RUN(&s, ADDPS), NO_FAULT);
	assert_int_equal(RUN(&s, PADDB), NO_FAULT);
	assert_int_equal(RUN(&s, PADDB_MM), NO_FAULT);
}

/* CR0.TS: #NM for MMX and SSE. */
static void test_task_switched(void **state)
{
	struct simd_state s = simd_zero();

	simd_cpu.cr0 |= CR0_TS;
	assert_int_equal(RUN(&s, ADDPS), EXC_NM);
	assert_int_equal(RUN(&s, PADDB), EXC_NM);
	assert_int_equal(RUN(&s, PADDB_MM), EXC_NM);
}

/* CR0.EM: #UD, before #NM. */
static void test_emulation(void **state)
{
	struct simd_state s = simd_zero();

	simd_cpu.cr0 |= CR0_EM | CR0_TS;
	assert_int_equal(RUN(&s, ADDPS), EXC_UD);
	assert_int_equal(RUN(&s, PADDB), EXC_UD);
	assert_int_equal(RUN(&s, PADDB_MM), EXC_UD);
}

/* CR4.OSFXSR clear: #UD for XMM registers only. */
static void test_no_fxsr(void **state)
{
	struct simd_state s = simd_zero();

	simd_cpu.cr4 &= ~(uint64_t)CR4_OSFXSR;
	assert_int_equal(RUN(&s, ADDPS), EXC_UD);
	assert_int_equal(RUN(&s, PADDB), EXC_UD);
	assert_int_equal(RUN(&s, PADDB_MM), NO_FAULT);
}

/* A pending x87 exception: #MF for MMX, also in instructions that use MMX and XMM registers. */
static void test_pending_x87(void **state)
{
	struct simd_state s = simd_zero();

	simd_cpu.fpu.control &= ~FLOAT_INVALID;
	simd_cpu.fpu.status |= FLOAT_INVALID | 0x8080; /* IE, ES, B */
	assert_int_equal(RUN(&s, ADDPS), NO_FAULT);
	assert_int_equal(RUN(&s, PADDB_MM), EXC_MF);
	assert_int_equal(RUN(&s, 0xf3, 0x0f, 0xd6, 0xca), EXC_MF);   /* movq2dq xmm1, mm2 */
	assert_int_equal(RUN(&s, 0x0f, 0x2a, 0xca), EXC_MF);         /* cvtpi2ps xmm1, mm2 */
	assert_int_equal(RUN(&s, 0x66, 0x0f, 0x2a, 0x0e), NO_FAULT); /* cvtpi2pd xmm1, [rsi] */
	assert_int_equal(simd_cpu.fpu.tag, 0xffff);
}

/* These depend on neither unit: MOVNTI, the fences, CLFLUSH. */
static void test_independent(void **state)
{
	struct simd_state s = simd_zero();

	simd_cpu.cr0 |= CR0_TS | CR0_EM;
	simd_cpu.cr4 = 0;
	s.gpr[1] = 0x1234;
	assert_int_equal(RUN(&s, 0x0f, 0xc3, 0x0e), NO_FAULT); /* movnti [rsi], ecx */
	assert_memory_equal(s.memory, "\x34\x12", 2);
	assert_int_equal(RUN(&s, 0x0f, 0xae, 0xe8), NO_FAULT); /* lfence */
	assert_int_equal(RUN(&s, 0x0f, 0xae, 0xf0), NO_FAULT); /* mfence */
	assert_int_equal(RUN(&s, 0x0f, 0xae, 0xf8), NO_FAULT); /* sfence */
	assert_int_equal(RUN(&s, 0x0f, 0xae, 0x3e), NO_FAULT); /* clflush [rsi] */
	s.offset = 0xf000; /* beyond RAM: a device, which must not be read */
	assert_int_equal(RUN(&s, 0x0f, 0xae, 0x3e), NO_FAULT);
	assert_int_equal(simd_exits, 0);
	s.offset = 1ull << 63; /* not canonical: faults as a load does */
	assert_int_equal(RUN(&s, 0x0f, 0xae, 0x3e), EXC_GP);
}

/* LOCK is invalid with all of them. */
static void test_lock(void **state)
{
	struct simd_state s = simd_zero();

	assert_int_equal(RUN(&s, 0xf0, 0x0f, 0x58, 0x0e), EXC_UD); /* addps xmm1, [rsi] */
	assert_int_equal(RUN(&s, 0xf0, 0x0f, 0x6f, 0x0e), EXC_UD); /* movq mm1, [rsi] */
	assert_int_equal(RUN(&s, 0xf0, 0x66, 0x0f, 0x70, 0x0e, 0x1b), EXC_UD); /* pshufd */
}

/* Prefixes that select nothing, and operand kinds that an encoding does not have. */
static void test_reserved(void **state)
{
	struct simd_state s = simd_zero();

	assert_int_equal(RUN(&s, 0xf3, 0x0f, 0xfc, 0xca), EXC_UD);       /* paddb with F3 */
	assert_int_equal(RUN(&s, 0xf2, 0x0f, 0x28, 0xca), EXC_UD);       /* movaps with F2 */
	assert_int_equal(RUN(&s, 0x66, 0x0f, 0x12, 0xca), EXC_UD);       /* movlpd of registers */
	assert_int_equal(RUN(&s, 0x0f, 0xe7, 0xca), EXC_UD);             /* movntq of registers */
	assert_int_equal(RUN(&s, 0x0f, 0x50, 0x0e), EXC_UD);             /* movmskps of memory */
	assert_int_equal(RUN(&s, 0x66, 0x0f, 0x71, 0x16, 0x00), EXC_UD); /* psrlw of memory */
	assert_int_equal(RUN(&s, 0x0f, 0x6c, 0xca), EXC_UD);             /* punpcklqdq mm */
	assert_int_equal(RUN(&s, 0x66, 0x0f, 0xae, 0xe8), EXC_UD);       /* lfence with 66 */
}

/* F2 and F3 win over 66, in any order. */
static void test_prefix_order(void **state)
{
	struct simd_state s = simd_zero();

	s.xmm[1][0] = s.xmm[1][1] = 7;
	s.xmm[2][0] = s.xmm[2][1] = 9;
	assert_int_equal(RUN(&s, 0xf2, 0x66, 0x0f, 0x10, 0xca), NO_FAULT); /* movsd xmm1, xmm2 */
	assert_int_equal(s.xmm[1][0], 9);
	assert_int_equal(s.xmm[1][1], 7);
	s.xmm[1][0] = 0;
	assert_int_equal(RUN(&s, 0x66, 0xf2, 0x0f, 0x10, 0xca), NO_FAULT);
	assert_int_equal(s.xmm[1][0], 9);
	assert_int_equal(s.xmm[1][1], 7);
}

/* REX.R and REX.B reach XMM8..XMM15; MMX registers ignore them. */
static void test_high_registers(void **state)
{
	struct simd_state s = simd_zero();

	simd_cpu.fpu.xmm[9].u64[1] = 5;
	assert_int_equal(RUN(&s, 0x45, 0x0f, 0x28, 0xf9), NO_FAULT); /* movaps xmm15, xmm9 */
	assert_int_equal(simd_cpu.fpu.xmm[15].u64[1], 5);
	s.mm[1] = 3;
	assert_int_equal(RUN(&s, 0x45, 0x0f, 0x6f, 0xd1), NO_FAULT); /* movq mm2, mm1 */
	assert_int_equal(s.mm[2], 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_available, simd_setup),
	    cmocka_unit_test_setup(test_task_switched, simd_setup),
	    cmocka_unit_test_setup(test_emulation, simd_setup),
	    cmocka_unit_test_setup(test_no_fxsr, simd_setup),
	    cmocka_unit_test_setup(test_pending_x87, simd_setup),
	    cmocka_unit_test_setup(test_independent, simd_setup),
	    cmocka_unit_test_setup(test_lock, simd_setup),
	    cmocka_unit_test_setup(test_reserved, simd_setup),
	    cmocka_unit_test_setup(test_prefix_order, simd_setup),
	    cmocka_unit_test_setup(test_high_registers, simd_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
