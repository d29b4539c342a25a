/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emulator/cpu/simd_string.c: SSE4.2's string comparisons and CRC32 (Intel SDM vol. 1 12.10.2, vol.
 * 2B 4.1).
 */
#include "tests/unit/cpu/simd_fixture.h"

#define COUNT(x) (sizeof(x) / sizeof((x)[0]))

static const struct simd_op ops[] = {
    {0x38f0, P_F2, F_RM | F_REXW, 0}, /* CRC32 r32, r/m8: register 0..3 */
    {0x38f1, P_F2, F_RM | F_REXW, 0},
    {0x3a60, P_66, F_RM | F_IMM | F_REXW, 0}, /* PCMPESTRM PCMPESTRI */
    {0x3a61, P_66, F_RM | F_IMM | F_REXW, 0},
    {0x3a62, P_66, F_RM | F_IMM, 0}, /* PCMPISTRM PCMPISTRI */
    {0x3a63, P_66, F_RM | F_IMM, 0},
};

static void test_host(void **state)
{
	simd_compare_host(ops, COUNT(ops), "sse4.2");
}

#define CF 0x001
#define ZF 0x040
#define SF 0x080
#define OF 0x800

static struct simd_state strings(const char *a, const char *b)
{
	struct simd_state s = simd_zero();

	memcpy(s.xmm[1], a, strnlen(a, 16));
	memcpy(s.xmm[2], b, strnlen(b, 16));
	s.gpr[1] = UINT64_MAX;
	return s;
}

static void expect_index(const char *a, const char *b, uint8_t control, uint64_t index,
			 uint64_t flags)
{
	struct simd_state s = strings(a, b);

	/* pcmpistri xmm1, xmm2, control */
	assert_int_equal(RUN(&s, 0x66, 0x0f, 0x3a, 0x63, 0xca, control), NO_FAULT);
	assert_int_equal(s.gpr[1], index);
	assert_int_equal(s.flags, flags);
}

static void test_index(void **state)
{
	/* Equal any: the first, the last, none. */
	expect_index("xyz", "abcxdz", 0x00, 3, CF | ZF | SF);
	expect_index("xyz", "abcxdz", 0x40, 5, CF | ZF | SF);
	expect_index("xyz", "abc", 0x00, 16, ZF | SF);
	/* Ranges: A..Z and 0..9; negated within the string: the first that is none of them. */
	expect_index("AZ09", "A0Zb", 0x04, 0, CF | ZF | SF | OF);
	expect_index("AZ09", "A0Zb", 0x34, 3, CF | ZF | SF);
	expect_index("AZ09", "A0Zb", 0x14, 3, CF | ZF | SF);
	/* Equal each, negated: the first difference; equal strings have none. */
	expect_index("abcd", "abXd", 0x18, 2, CF | ZF | SF);
	expect_index("abcd", "abcd", 0x18, 16, ZF | SF);
	/* Equal ordered: a substring, and one that may go on in the next 16 bytes. */
	expect_index("bcd", "abcabcd", 0x0c, 4, CF | ZF | SF);
	expect_index("xyz", "0123456789abcdxy", 0x0c, 14, CF | SF);
	/* Full registers have neither ZF nor SF. */
	expect_index("0123456789abcdef", "0123456789abcdef", 0x08, 0, CF | OF);
}

/* Signed bytes: 80h..7Fh as a range holds everything; unsigned it is empty. */
static void test_signed(void **state)
{
	expect_index("\x80\x7f", "A", 0x06, 0, CF | ZF | SF | OF);
	expect_index("\x80\x7f", "A", 0x04, 16, ZF | SF);
}

/* Explicit lengths are magnitudes, saturated; REX.W takes all 64 bits. */
static void test_explicit_length(void **state)
{
	struct simd_state s = strings("", "");

	memcpy(s.xmm[1], "a\0b", 3);
	memcpy(s.xmm[2], "b\0a", 3);
	s.gpr[0] = (uint64_t)-3;
	s.gpr[2] = 3;
	/* pcmpestri xmm1, xmm2, 40h: the last of b, 0, a that is any of a, 0, b */
	assert_int_equal(RUN(&s, 0x66, 0x0f, 0x3a, 0x61, 0xca, 0x40), NO_FAULT);
	assert_int_equal(s.gpr[1], 2);
	assert_int_equal(s.flags, CF | ZF | SF | OF);
	s.gpr[2] = 0x100000001; /* 1 in EDX, over 16 in RDX */
	assert_int_equal(RUN(&s, 0x66, 0x0f, 0x3a, 0x61, 0xca, 0x40), NO_FAULT);
	assert_int_equal(s.gpr[1], 0);
	assert_int_equal(RUN(&s, 0x66, 0x48, 0x0f, 0x3a, 0x61, 0xca, 0x40), NO_FAULT);
	assert_int_equal(s.gpr[1], 15);
	assert_int_equal(s.flags, CF | SF | OF);
}

/* Bit and byte masks go to XMM0; unaligned memory is allowed. */
static void test_mask(void **state)
{
	struct simd_state s = strings("xyz", "");

	s.offset = 3;
	memcpy(s.memory + 3, "axbycz", 6);
	s.xmm[0][0] = s.xmm[0][1] = UINT64_MAX;
	assert_int_equal(RUN(&s, 0x66, 0x0f, 0x3a, 0x62, 0x0e, 0x00), NO_FAULT);
	assert_int_equal(s.xmm[0][0], 0x2a);
	assert_int_equal(s.xmm[0][1], 0);
	assert_int_equal(RUN(&s, 0x66, 0x0f, 0x3a, 0x62, 0x0e, 0x40), NO_FAULT);
	assert_int_equal(s.xmm[0][0], 0x0000ff00ff00ff00);
	assert_int_equal(s.xmm[0][1], 0);
}

/* The check value of CRC-32C: of "123456789" it is E3069283h. */
static void test_crc32(void **state)
{
	struct simd_state s = simd_zero();

	s.gpr[1] = 0xffffffffffffffff;
	memcpy(s.memory, "12345678", 8);
	assert_int_equal(RUN(&s, 0xf2, 0x48, 0x0f, 0x38, 0xf1, 0x0e), NO_FAULT); /* rcx, [rsi] */
	s.gpr[0] = '9';
	assert_int_equal(RUN(&s, 0xf2, 0x0f, 0x38, 0xf0, 0xc8), NO_FAULT); /* ecx, al */
	assert_int_equal(s.gpr[1], 0xe3069283 ^ 0xffffffff);

	/* The same in pieces of 2, 4, 1, 1 and 1 bytes, one of them from AH. */
	s.gpr[1] = 0xffffffff;
	assert_int_equal(RUN(&s, 0x66, 0xf2, 0x0f, 0x38, 0xf1, 0x0e), NO_FAULT); /* ecx, word */
	s.gpr[2] = 0xffffffff36353433;
	assert_int_equal(RUN(&s, 0xf2, 0x0f, 0x38, 0xf1, 0xca), NO_FAULT); /* ecx, edx */
	s.gpr[0] = '7' << 8;
	assert_int_equal(RUN(&s, 0xf2, 0x0f, 0x38, 0xf0, 0xcc), NO_FAULT); /* ecx, ah */
	s.gpr[3] = '8';
	assert_int_equal(RUN(&s, 0xf2, 0x0f, 0x38, 0xf0, 0xcb), NO_FAULT); /* ecx, bl */
	s.gpr[3] = '9';
	assert_int_equal(RUN(&s, 0xf2, 0x0f, 0x38, 0xf0, 0xcb), NO_FAULT);
	assert_int_equal(s.gpr[1], 0xe3069283 ^ 0xffffffff);
}

/* F2 is needed, and the model; CR0.TS and CR4.OSFXSR are of no account to CRC32. */
static void test_availability(void **state)
{
	struct simd_state s = simd_zero();

	simd_cpu.cr0 |= CR0_TS;
	simd_cpu.cr4 &= ~(uint64_t)CR4_OSFXSR;
	assert_int_equal(RUN(&s, 0xf2, 0x0f, 0x38, 0xf0, 0xc8), NO_FAULT);
	assert_int_equal(RUN(&s, 0x66, 0x0f, 0x3a, 0x63, 0xca, 0x00), EXC_UD);
	assert_int_equal(RUN(&s, 0x0f, 0x38, 0xf0, 0xc8), EXC_UD);
	simd_model.v2 = false;
	assert_int_equal(RUN(&s, 0xf2, 0x0f, 0x38, 0xf0, 0xc8), EXC_UD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_host, simd_setup),
	    cmocka_unit_test_setup(test_index, simd_setup),
	    cmocka_unit_test_setup(test_signed, simd_setup),
	    cmocka_unit_test_setup(test_explicit_length, simd_setup),
	    cmocka_unit_test_setup(test_mask, simd_setup),
	    cmocka_unit_test_setup(test_crc32, simd_setup),
	    cmocka_unit_test_setup(test_availability, simd_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
