/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Near control transfers and the stack: targets and their limits, operand and stack sizes, what a
 * fault leaves (Intel SDM vol. 1 ch. 6, vol. 2 of each instruction).
 */
#include "tests/unit/cpu/cpu_fixture.h"

static void test_conditions(void **state)
{
	/* For each of the 16: flags with which it holds, and with which it does not. */
	static const uint32_t holds[16] = {
	    FLAG_OF, 0,       FLAG_CF, 0,       FLAG_ZF,           0,       FLAG_ZF, 0, FLAG_SF,
	    0,       FLAG_PF, 0,       FLAG_SF, FLAG_SF | FLAG_OF, FLAG_OF, 0,
	};
	static const uint32_t fails[16] = {
	    0,
	    FLAG_OF,
	    0,
	    FLAG_CF,
	    0,
	    FLAG_ZF,
	    FLAG_SF,
	    FLAG_CF,
	    0,
	    FLAG_SF,
	    0,
	    FLAG_PF,
	    FLAG_SF | FLAG_OF,
	    FLAG_OF,
	    0,
	    FLAG_ZF | FLAG_SF | FLAG_OF,
	};
	struct cpu_fixture f;
	unsigned n;

	fixture_open(&f, 64, "x86-64");
	for (n = 0; n < 16; n++) {
		fixture_set_flags(&f, holds[n]);
		fixture_do(&f, CODE((uint8_t)(0x70 | n), 0x10), 1);
		assert_int_equal(f.c->reg[GPR_RIP], FIXTURE_CODE + 0x12);
		fixture_set_flags(&f, fails[n]);
		fixture_do(&f, CODE(0x0f, (uint8_t)(0x80 | n), 0xf0, 0xff, 0xff, 0xff), 1);
		assert_int_equal(f.c->reg[GPR_RIP], FIXTURE_CODE + 6);
		fixture_set_flags(&f, holds[n]);
		fixture_do(&f, CODE(0x0f, (uint8_t)(0x80 | n), 0xf0, 0xff, 0xff, 0xff), 1);
		assert_int_equal(f.c->reg[GPR_RIP], FIXTURE_CODE - 10);
	}
	fixture_close(&f);
}

static void test_calls(void **state)
{
	struct cpu_fixture f;
	uint64_t *r;

	fixture_open(&f, 64, "x86-64");
	r = f.c->reg;
	fixture_do(&f, CODE(0xe8, 0x00, 0x01, 0x00, 0x00), 1);
	assert_int_equal(r[GPR_RIP], FIXTURE_CODE + 0x105);
	assert_int_equal(r[GPR_RSP], FIXTURE_STACK - 8);
	assert_int_equal(fixture_peek(&f, FIXTURE_STACK - 8, 8), FIXTURE_CODE + 5);
	fixture_poke(&f, FIXTURE_STACK, 8, 0x9000);
	fixture_do(&f, CODE(0xc2, 0x10, 0x00), 1); /* ret 16 */
	assert_int_equal(r[GPR_RIP], 0x9000);
	assert_int_equal(r[GPR_RSP], FIXTURE_STACK + 24);
	/* call [rsp]: the target is read before the push */
	fixture_do(&f, CODE(0xff, 0x14, 0x24), 1);
	assert_int_equal(r[GPR_RIP], 0x9000);
	assert_int_equal(fixture_peek(&f, FIXTURE_STACK - 8, 8), FIXTURE_CODE + 3);
	fixture_close(&f);

	fixture_open(&f, 32, "x86-64");
	r = f.c->reg;
	fixture_do(&f, CODE(0x66, 0xe8, 0x00, 0x01), 1); /* a 16-bit call cuts EIP and pushes IP */
	assert_int_equal(r[GPR_RIP], FIXTURE_CODE + 0x104);
	assert_int_equal(r[GPR_RSP], FIXTURE_STACK - 2);
	assert_int_equal(fixture_peek(&f, FIXTURE_STACK - 2, 2), FIXTURE_CODE + 4);
	fixture_close(&f);
}

/* A target that is not canonical or beyond CS's limit: #GP(0), and nothing has changed. */
static void test_bad_targets(void **state)
{
	struct cpu_fixture f;

	fixture_open(&f, 64, "x86-64");
	fixture_load(&f, CODE(0xff, 0xd0)); /* call rax */
	f.c->reg[GPR_RAX] = 0x800000000000;
	assert_int_equal(fixture_run(&f, 1), EXC_GP);
	assert_int_equal(fixture_fault_error(&f), 0);
	assert_int_equal(fixture_fault_rip(&f), FIXTURE_CODE);
	/* Frame of 5 and error code, from the aligned RSP: no return address was pushed. */
	assert_int_equal(f.c->reg[GPR_RSP], FIXTURE_STACK - 48);
	fixture_poke(&f, FIXTURE_STACK, 8, 0x800000000000);
	fixture_load(&f, CODE(0xc3));
	assert_int_equal(fixture_run(&f, 1), EXC_GP);
	assert_int_equal(fixture_peek(&f, f.c->reg[GPR_RSP] + 32, 8), FIXTURE_STACK);
	fixture_close(&f);

	fixture_open(&f, 16, "x86-64");
	fixture_load(&f, CODE(0x66, 0xe9, 0x00, 0x00, 0x01, 0x00)); /* jmp dword 0x10000 further */
	assert_int_equal(fixture_run(&f, 1), EXC_GP);
	assert_int_equal(fixture_fault_rip(&f), FIXTURE_CODE);
	fixture_do(&f, CODE(0xe9, 0x00, 0x90), 1); /* with 16 bits it wraps */
	assert_int_equal(f.c->reg[GPR_RIP], (FIXTURE_CODE + 3 + 0x9000) & 0xffff);
	fixture_close(&f);
}

static void test_loops(void **state)
{
	struct cpu_fixture f;
	uint64_t *r;

	fixture_open(&f, 64, "x86-64");
	r = f.c->reg;
	r[GPR_RCX] = 2;
	fixture_do(&f, CODE(0xe2, 0xfe), 1);
	assert_int_equal(r[GPR_RIP], FIXTURE_CODE);
	assert_int_equal(r[GPR_RCX], 1);
	fixture_do(&f, CODE(0xe2, 0xfe), 1);
	assert_int_equal(r[GPR_RIP], FIXTURE_CODE + 2);
	r[GPR_RCX] = 0x500000000;
	fixture_do(&f, CODE(0x67, 0xe3, 0x10), 1); /* jecxz sees the lower half only */
	assert_int_equal(r[GPR_RIP], FIXTURE_CODE + 0x13);
	fixture_do(&f, CODE(0x67, 0xe2, 0x10), 1); /* loop with ECX */
	assert_int_equal(r[GPR_RCX], 0xffffffff);
	fixture_set_flags(&f, FLAG_ZF);
	fixture_do(&f, CODE(0xe0, 0x10), 1); /* loopne */
	assert_int_equal(r[GPR_RIP], FIXTURE_CODE + 2);
	fixture_do(&f, CODE(0xe1, 0x10), 1); /* loope */
	assert_int_equal(r[GPR_RIP], FIXTURE_CODE + 0x12);
	fixture_close(&f);
}

static void test_stack(void **state)
{
	struct cpu_fixture f;
	uint64_t *r;

	fixture_open(&f, 64, "x86-64");
	r = f.c->reg;
	fixture_do(&f, CODE(0x54, 0x5c), 1); /* push rsp stores the old value */
	assert_int_equal(fixture_peek(&f, FIXTURE_STACK - 8, 8), FIXTURE_STACK);
	fixture_do(&f, CODE(0x66, 0x6a, 0xff), 1); /* push word -1 */
	assert_int_equal(r[GPR_RSP], FIXTURE_STACK - 2);
	fixture_poke(&f, FIXTURE_STACK, 8, 0x1234);
	fixture_do(&f, CODE(0x8f, 0x04, 0x24), 1); /* pop [rsp]: addressed with the new RSP */
	assert_int_equal(fixture_peek(&f, FIXTURE_STACK + 8, 8), 0x1234);
	fixture_do(&f, CODE(0x5c), 1); /* pop rsp */
	assert_int_equal(r[GPR_RSP], 0x1234);
	r[GPR_RBP] = 0x55;
	fixture_do(&f, CODE(0xc8, 0x20, 0x00, 0x00), 1); /* enter 32, 0 */
	assert_int_equal(r[GPR_RBP], FIXTURE_STACK - 8);
	assert_int_equal(r[GPR_RSP], FIXTURE_STACK - 8 - 32);
	f.c->reg[GPR_RIP] = FIXTURE_CODE;
	fixture_load(&f, CODE(0xc9));
	assert_int_equal(fixture_run(&f, 1), -1);
	assert_int_equal(r[GPR_RBP], 0x55);
	assert_int_equal(r[GPR_RSP], FIXTURE_STACK);
	fixture_poke(&f, 0xb000 - 8, 8, 0xaaaa);
	r[GPR_RBP] = 0xb000;
	fixture_do(&f, CODE(0xc8, 0x08, 0x00, 0x02), 1); /* enter 8, 2 copies one frame pointer */
	assert_int_equal(fixture_peek(&f, FIXTURE_STACK - 8, 8), 0xb000);
	assert_int_equal(fixture_peek(&f, FIXTURE_STACK - 16, 8), 0xaaaa);
	assert_int_equal(fixture_peek(&f, FIXTURE_STACK - 24, 8), FIXTURE_STACK - 8);
	assert_int_equal(r[GPR_RSP], FIXTURE_STACK - 32);
	fixture_close(&f);

	fixture_open(&f, 16, "x86-64");
	r = f.c->reg;
	r[GPR_RAX] = 0x11;
	r[GPR_RDI] = 0x77;
	r[GPR_RSP] = 0x1f000; /* only SP counts, and only SP changes */
	fixture_load(&f, CODE(0x60, 0x31, 0xc0, 0x31, 0xff, 0x61));
	r[GPR_RSP] = 0x1f000;
	assert_int_equal(fixture_run(&f, 1), -1);
	assert_int_equal(r[GPR_RSP], 0x1f000 - 16);
	assert_int_equal(fixture_peek(&f, 0xf000 - 2, 2), 0x11);
	assert_int_equal(fixture_peek(&f, 0xf000 - 10, 2), 0xf000);
	assert_int_equal(fixture_run(&f, 3), -1);
	assert_int_equal(r[GPR_RAX], 0x11);
	assert_int_equal(r[GPR_RDI], 0x77);
	assert_int_equal(r[GPR_RSP], 0x1f000);
	/* enter 8, 0 at operand size 32: the frame pointer is all of ESP. */
	fixture_load(&f, CODE(0x66, 0xc8, 0x08, 0x00, 0x00));
	r[GPR_RSP] = 0x1f000;
	assert_int_equal(fixture_run(&f, 1), -1);
	assert_int_equal(r[GPR_RBP], 0x1f000 - 4);
	assert_int_equal(r[GPR_RSP], 0x1f000 - 12);
	fixture_close(&f);
}

/* A faulting push leaves RSP; in 64-bit mode a stack that is not canonical is #SS. */
static void test_stack_faults(void **state)
{
	struct cpu_fixture f;

	fixture_open(&f, 64, "x86-64");
	fixture_load(&f, CODE(0x48, 0x8b, 0x45, 0x00)); /* mov rax, [rbp] */
	f.c->reg[GPR_RBP] = 0x800000000000;
	assert_int_equal(fixture_run(&f, 1), EXC_SS);
	fixture_load(&f, CODE(0x48, 0x8b, 0x03)); /* mov rax, [rbx] */
	f.c->reg[GPR_RBX] = 0x800000000000;
	assert_int_equal(fixture_run(&f, 1), EXC_GP);
	/* POP to a page that is not there: #PF, and RSP as before. */
	fixture_load(&f, CODE(0x8f, 0x03));
	f.c->reg[GPR_RBX] = 0x40000000;
	assert_int_equal(fixture_run(&f, 1), EXC_PF);
	assert_int_equal(f.c->cr2, 0x40000000);
	assert_int_equal(fixture_peek(&f, f.c->reg[GPR_RSP] + 32, 8), FIXTURE_STACK);
	fixture_close(&f);
}

static void test_bound(void **state)
{
	struct cpu_fixture f;

	fixture_open(&f, 32, "x86-64");
	fixture_poke(&f, FIXTURE_DATA, 4, (uint32_t)-5);
	fixture_poke(&f, FIXTURE_DATA + 4, 4, 5);
	f.c->reg[GPR_RBX] = FIXTURE_DATA;
	f.c->reg[GPR_RAX] = (uint32_t)-5;
	fixture_do(&f, CODE(0x62, 0x03), 1); /* bound eax, [ebx] */
	f.c->reg[GPR_RAX] = 6;
	fixture_load(&f, CODE(0x62, 0x03));
	assert_int_equal(fixture_run(&f, 1), EXC_BR);
	assert_int_equal(fixture_fault_rip(&f), FIXTURE_CODE);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_conditions),  cmocka_unit_test(test_calls),
	    cmocka_unit_test(test_bad_targets), cmocka_unit_test(test_loops),
	    cmocka_unit_test(test_stack),       cmocka_unit_test(test_stack_faults),
	    cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
