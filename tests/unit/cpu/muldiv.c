/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Multiplication and division: products, CF and OF, and exactly when #DE is raised (Intel SDM
 * vol. 2, MUL, IMUL, DIV, IDIV).
 */
#include "tests/unit/cpu/cpu_fixture.h"

struct product {
	uint8_t code[4];
	uint64_t rax, rcx, low, high;
	bool carry;
};

static void test_products(void **state)
{
	static const struct product cases[] = {
	    {{0xf6, 0xe1}, 0xff, 0xff, 0xfe01, 0, true}, /* mul cl */
	    {{0xf6, 0xe1}, 0x10, 0x0f, 0x00f0, 0, false},
	    {{0x66, 0xf7, 0xe1}, 0xffff, 2, 0xfffe, 1, true},            /* mul cx */
	    {{0xf7, 0xe1}, 0xffffffff, 0xffffffff, 1, 0xfffffffe, true}, /* mul ecx */
	    {{0x48, 0xf7, 0xe1}, UINT64_MAX, UINT64_MAX, 1, UINT64_MAX - 1, true},
	    {{0xf6, 0xe9}, 0x80, 0xff, 0x0080, 0, true},  /* imul cl: -128 * -1 */
	    {{0xf6, 0xe9}, 0xff, 0x02, 0xfffe, 0, false}, /* -1 * 2 fits */
	    {{0x48, 0xf7, 0xe9}, 1ull << 63, UINT64_MAX, 1ull << 63, 0, true},
	    {{0x48, 0xf7, 0xe9}, UINT64_MAX, 5, (uint64_t)-5, UINT64_MAX, false},
	    {{0x0f, 0xaf, 0xc1}, 0x10000, 0x10000, 0, 0, true}, /* imul eax, ecx */
	    {{0x6b, 0xc1, 0xfe}, 0, 3, 0xfffffffa, 0, false},   /* imul eax, ecx, -2 */
	    {{0x48, 0x6b, 0xc1, 0x7f}, 0, 1ull << 60, 0xf000000000000000, 0, true},
	};
	struct cpu_fixture f;
	size_t n;

	fixture_open(&f, 64, "x86-64");
	for (n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		const struct product *t = &cases[n];

		f.c->reg[GPR_RAX] = t->rax;
		f.c->reg[GPR_RCX] = t->rcx;
		f.c->reg[GPR_RDX] = 0;
		fixture_do(&f, t->code, sizeof(t->code), 1);
		assert_int_equal(f.c->reg[GPR_RAX], t->low);
		assert_int_equal(f.c->reg[GPR_RDX], t->high);
		assert_int_equal(fixture_flags(&f) & (FLAG_CF | FLAG_OF),
				 t->carry ? FLAG_CF | FLAG_OF : 0);
	}
	fixture_close(&f);
}

struct quotient {
	uint8_t code[4];
	uint64_t rdx, rax, rcx;
	bool error;
	uint64_t quotient, remainder; /* RAX and RDX; for bytes both in AX */
};

static void test_quotients(void **state)
{
	static const struct quotient cases[] = {
	    {{0xf6, 0xf1}, 0, 0x01ff, 2, false, 0x01ff, 0}, /* div cl: 511 / 2 */
	    {{0xf6, 0xf1}, 0, 0x0200, 2, true, 0, 0},       /* 256 does not fit */
	    {{0xf6, 0xf1}, 0, 5, 0, true, 0, 0},
	    {{0x66, 0xf7, 0xf1}, 1, 0, 2, false, 0x8000, 0},
	    {{0x66, 0xf7, 0xf1}, 2, 0, 2, true, 0, 0},
	    {{0xf7, 0xf1}, 1, 5, 3, false, 0x55555557, 0},
	    {{0x48, 0xf7, 0xf1}, 1, 0, 2, false, 1ull << 63, 0},
	    {{0x48, 0xf7, 0xf1}, 7, 0, 7, true, 0, 0},
	    {{0x48, 0xf7, 0xf1}, 6, UINT64_MAX, 7, false, UINT64_MAX, 6},
	    {{0xf6, 0xf9}, 0, 0xff80, 0xff, true, 0, 0},       /* idiv cl: -128 / -1 */
	    {{0xf6, 0xf9}, 0, 0xff80, 0x01, false, 0x0080, 0}, /* -128 fits */
	    {{0xf6, 0xf9}, 0, 0xfff9, 0x02, false, 0xfffd, 0}, /* -7 / 2 = -3, rest -1 */
	    {{0xf6, 0xf9}, 0, 0x0007, 0xfe, false, 0x01fd, 0}, /* 7 / -2 = -3, rest 1 */
	    {{0xf7, 0xf9}, 0xffffffff, 0x80000000, 0xffffffff, true, 0, 0},
	    {{0xf7, 0xf9}, 0xffffffff, 0x80000000, 1, false, 0x80000000, 0},
	    {{0x48, 0xf7, 0xf9}, UINT64_MAX, 1ull << 63, UINT64_MAX, true, 0, 0},
	    {{0x48, 0xf7, 0xf9}, UINT64_MAX, 1ull << 63, 1, false, 1ull << 63, 0},
	    {{0x48, 0xf7, 0xf9}, 1ull << 63, 0, UINT64_MAX, true, 0, 0},
	    {{0x48, 0xf7, 0xf9}, UINT64_MAX, (uint64_t)-7, 2, false, (uint64_t)-3, UINT64_MAX},
	    {{0x48, 0xf7, 0xf9}, 0, 0, 0, true, 0, 0},
	};
	struct cpu_fixture f;
	size_t n;

	fixture_open(&f, 64, "x86-64");
	for (n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		const struct quotient *t = &cases[n];

		fixture_load(&f, t->code, sizeof(t->code));
		f.c->reg[GPR_RDX] = t->rdx;
		f.c->reg[GPR_RAX] = t->rax;
		f.c->reg[GPR_RCX] = t->rcx;
		if (t->error) {
			assert_int_equal(fixture_run(&f, 1), EXC_DE);
			assert_int_equal(fixture_fault_rip(&f), FIXTURE_CODE);
			assert_int_equal(f.c->reg[GPR_RDX], t->rdx);
			assert_int_equal(f.c->reg[GPR_RAX], t->rax);
		} else {
			assert_int_equal(fixture_run(&f, 1), -1);
			assert_int_equal(f.c->reg[GPR_RAX], t->quotient);
			assert_int_equal(f.c->reg[GPR_RDX], t->remainder);
		}
	}
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_products),
	    cmocka_unit_test(test_quotients),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
