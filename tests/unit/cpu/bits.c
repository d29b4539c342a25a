/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shifts, rotates, bit strings and scans (Intel SDM vol. 2, "Operation" and "Flags Affected" of
 * each). Only defined flags are compared, unless a case says more.
 */
#include "tests/unit/cpu/cpu_fixture.h"

#define CZS (FLAG_CF | FLAG_ZF | FLAG_SF)
#define CO  (FLAG_CF | FLAG_OF)

struct shift_case {
	uint8_t code[5];
	uint64_t rax, rcx, rdx;
	uint32_t flags;
	uint64_t result; /* RAX */
	uint32_t mask, flags_after;
};

static void test_shifts(void **state)
{
	static const struct shift_case cases[] = {
	    /* shl al, 1: OF is the carry against the new sign */
	    {{0xd0, 0xe0}, 0x40, 0, 0, 0, 0x80, CZS | FLAG_OF, FLAG_SF | FLAG_OF},
	    {{0xd0, 0xe0}, 0xc0, 0, 0, 0, 0x80, CZS | FLAG_OF, FLAG_SF | FLAG_CF},
	    /* shl al, 8 takes CF from bit 0; 9 leaves nothing */
	    {{0xc0, 0xe0, 8}, 0x01, 0, 0, 0, 0, CZS, FLAG_CF | FLAG_ZF},
	    {{0xc0, 0xe0, 9}, 0xff, 0, 0, 0, 0, CZS, FLAG_ZF},
	    /* shr al, 1: OF is the old sign */
	    {{0xd0, 0xe8}, 0x81, 0, 0, 0, 0x40, CZS | FLAG_OF, FLAG_CF | FLAG_OF},
	    /* sar al, cl by more than its size */
	    {{0xd2, 0xf8}, 0x80, 20, 0, 0, 0xff, CZS, FLAG_CF | FLAG_SF},
	    /* shl eax, 32 is by 0: flags stay, the upper half goes */
	    {{0xc1, 0xe0, 32}, 0x1ffffffff, 0, 0, CO, 0xffffffff, CZS | FLAG_OF, CO},
	    {{0x48, 0xc1, 0xe0, 63}, 3, 0, 0, 0, 1ull << 63, CZS, FLAG_CF | FLAG_SF},
	    {{0x48, 0xd3, 0xf8}, 1ull << 63, 63, 0, 0, UINT64_MAX, CZS, FLAG_SF},
	    /* rotates: rol al, 1; by 8 only CF changes */
	    {{0xd0, 0xc0}, 0x80, 0, 0, FLAG_ZF, 0x01, CO | FLAG_ZF, CO | FLAG_ZF},
	    {{0xc0, 0xc0, 8}, 0x81, 0, 0, 0, 0x81, FLAG_CF, FLAG_CF},
	    {{0xd0, 0xc8}, 0x01, 0, 0, 0, 0x80, CO, CO},
	    {{0xc1, 0xc8, 4}, 0x12345678, 0, 0, 0, 0x81234567, FLAG_CF, FLAG_CF},
	    /* rcl al, 1 and by 9, all the way round; rcr rax, 1 */
	    {{0xd0, 0xd0}, 0x80, 0, 0, 0, 0x00, CO, CO},
	    {{0xc0, 0xd0, 9}, 0x5a, 0, 0, FLAG_CF, 0x5a, FLAG_CF, FLAG_CF},
	    {{0xc0, 0xd0, 4}, 0x91, 0, 0, FLAG_CF, 0x1c, FLAG_CF, FLAG_CF},
	    {{0x48, 0xd1, 0xd8}, 3, 0, 0, FLAG_CF, (1ull << 63) | 1, CO, CO},
	    {{0x48, 0xc1, 0xd8, 63}, 1ull << 63, 0, 0, 0, 1, FLAG_CF, 0},
	    /* shld and shrd eax, edx */
	    {{0x0f, 0xa4, 0xd0, 8}, 0x11223344, 0, 0xaabbccdd, 0, 0x223344aa, CZS, FLAG_CF},
	    {{0x0f, 0xac, 0xd0, 8},
	     0x112233c4,
	     0,
	     0xaabbccdd,
	     0,
	     0xdd112233,
	     CZS,
	     FLAG_CF | FLAG_SF},
	    {{0x48, 0x0f, 0xad, 0xd0},
	     1,
	     1,
	     1,
	     0,
	     1ull << 63,
	     CZS | FLAG_OF,
	     FLAG_CF | FLAG_SF | FLAG_OF},
	    {{0x66, 0x0f, 0xa4, 0xd0, 16}, 0x1234, 0, 0xabcd, 0, 0xabcd, FLAG_SF, FLAG_SF},
	};
	struct cpu_fixture f;
	size_t n;

	fixture_open(&f, 64, "x86-64");
	for (n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		const struct shift_case *t = &cases[n];

		f.c->reg[GPR_RAX] = t->rax;
		f.c->reg[GPR_RCX] = t->rcx;
		f.c->reg[GPR_RDX] = t->rdx;
		fixture_set_flags(&f, t->flags);
		fixture_do(&f, t->code, sizeof(t->code), 1);
		if (f.c->reg[GPR_RAX] != t->result ||
		    (fixture_flags(&f) & t->mask) != t->flags_after)
			fail_msg("case %zu: rax %llx, flags %x", n,
				 (unsigned long long)f.c->reg[GPR_RAX], fixture_flags(&f));
	}
	fixture_close(&f);
}

/* A bit offset in a register reaches before and behind a memory operand. */
static void test_bit_strings(void **state)
{
	struct cpu_fixture f;
	uint64_t *r;

	fixture_open(&f, 64, "x86-64");
	r = f.c->reg;
	r[GPR_RBX] = FIXTURE_DATA + 64;
	r[GPR_RAX] = (uint64_t)-65;
	fixture_set_flags(&f, FLAG_ZF);
	fixture_do(&f, CODE(0x48, 0x0f, 0xab, 0x03), 1); /* bts [rbx], rax */
	assert_int_equal(fixture_peek(&f, FIXTURE_DATA + 48, 8), 1ull << 63);
	assert_int_equal(fixture_flags(&f) & (FLAG_CF | FLAG_ZF), FLAG_ZF);
	fixture_do(&f, CODE(0x48, 0x0f, 0xa3, 0x03), 1); /* bt */
	assert_true(fixture_flags(&f) & FLAG_CF);
	fixture_do(&f, CODE(0x48, 0x0f, 0xb3, 0x03), 1); /* btr */
	assert_int_equal(fixture_peek(&f, FIXTURE_DATA + 48, 8), 0);
	assert_true(fixture_flags(&f) & FLAG_CF);

	r[GPR_RAX] = 35;
	fixture_do(&f, CODE(0x0f, 0xbb, 0x03), 1); /* btc [rbx], eax: in the second doubleword */
	assert_int_equal(fixture_peek(&f, FIXTURE_DATA + 68, 4), 8);
	fixture_do(&f, CODE(0x66, 0x0f, 0xba, 0x2b, 0x21), 1); /* bts word [rbx], 0x21: bit 1 */
	assert_int_equal(fixture_peek(&f, FIXTURE_DATA + 64, 8), 0x800000002);

	r[GPR_RAX] = 0;
	r[GPR_RCX] = 33;
	fixture_do(&f, CODE(0x0f, 0xab, 0xc8), 1); /* bts eax, ecx: offset modulo 32 */
	assert_int_equal(r[GPR_RAX], 2);

	/* BT reads only: a 4-byte access, where BTS is a read and a write. */
	r[GPR_RBX] = FIXTURE_MMIO;
	fixture_do(&f, CODE(0x0f, 0xba, 0x23, 0x05), 1);
	assert_int_equal(f.exit_count, 1);
	assert_int_equal(f.exits[0].size, 4);
	fixture_close(&f);
}

static void test_scans(void **state)
{
	struct cpu_fixture f;
	uint64_t *r;

	fixture_open(&f, 64, "x86-64-v2");
	r = f.c->reg;
	r[GPR_RCX] = 0x0010000000000100;
	fixture_do(&f, CODE(0x48, 0x0f, 0xbc, 0xc1), 1); /* bsf rax, rcx */
	assert_int_equal(r[GPR_RAX], 8);
	assert_false(fixture_flags(&f) & FLAG_ZF);
	fixture_do(&f, CODE(0x48, 0x0f, 0xbd, 0xc1), 1); /* bsr rax, rcx */
	assert_int_equal(r[GPR_RAX], 52);
	fixture_do(&f, CODE(0xf3, 0x0f, 0xbd, 0xc1), 1); /* F3 is no LZCNT here */
	assert_int_equal(r[GPR_RAX], 8);
	fixture_do(&f, CODE(0xf3, 0x48, 0x0f, 0xb8, 0xc1), 1); /* popcnt rax, rcx */
	assert_int_equal(r[GPR_RAX], 2);
	assert_int_equal(fixture_flags(&f), 0);

	r[GPR_RAX] = 0x123456789abcdef0;
	r[GPR_RCX] = 0xffffffff00000000;
	fixture_do(&f, CODE(0x0f, 0xbc, 0xc1), 1); /* bsf eax, ecx of 0: RAX stays */
	assert_int_equal(r[GPR_RAX], 0x123456789abcdef0);
	assert_true(fixture_flags(&f) & FLAG_ZF);
	fixture_do(&f, CODE(0xf3, 0x0f, 0xb8, 0xc1), 1);
	assert_int_equal(r[GPR_RAX], 0);
	assert_int_equal(fixture_flags(&f), FLAG_ZF);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_shifts),
	    cmocka_unit_test(test_bit_strings),
	    cmocka_unit_test(test_scans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
