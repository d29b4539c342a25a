/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Far jumps, calls and returns: real mode, direct, through call gates with and without a change of
 * stack, and back (Intel SDM vol. 3A 5.8, vol. 2A CALL and JMP, vol. 2B RET).
 */
#include "tests/unit/cpu/system_test.h"

#define TARGET 0x9000u

/* One far JMP (EAh) or CALL (9Ah) to selector:TARGET in 32-bit code. */
static int far_to(uint8_t opcode, unsigned selector)
{
	const uint8_t code[] = {
	    opcode, TARGET & 0xff, TARGET >> 8, 0, 0, (uint8_t)selector, (uint8_t)(selector >> 8)};

	return system_run(f, code, sizeof(code), 1);
}

static void expect_fault(int vector, int want, uint32_t error)
{
	assert_int_equal(vector, want);
	assert_int_equal(fixture_fault_error(f), error);
	assert_int_equal(fixture_fault_rip(f), FIXTURE_CODE);
	f->c->reg[GPR_RSP] = FIXTURE_STACK;
}

static void test_real(void **state)
{
	/* jmp 0123:4567 */
	fixture_do(f, CODE(0xea, 0x67, 0x45, 0x23, 0x01), 1);
	assert_int_equal(f->c->seg[SEG_CS].selector, 0x123);
	assert_int_equal(f->c->seg[SEG_CS].base, 0x1230);
	assert_int_equal(f->c->reg[GPR_RIP], 0x4567);
}

static void test_real_call(void **state)
{
	/* call 0000:9000, where a retf 2 is */
	fixture_poke(f, TARGET, 3, 0x0002ca);
	fixture_do(f, CODE(0x9a, 0x00, 0x90, 0x00, 0x00), 1);
	assert_int_equal(f->c->reg[GPR_RSP], FIXTURE_STACK - 4);
	assert_int_equal(fixture_peek(f, FIXTURE_STACK - 4, 4), FIXTURE_CODE + 5);
	assert_int_equal(fixture_run(f, 1), -1);
	assert_int_equal(f->c->reg[GPR_RIP], FIXTURE_CODE + 5);
	assert_int_equal(f->c->reg[GPR_RSP], FIXTURE_STACK + 2);
}

static void test_direct(void **state)
{
	assert_int_equal(far_to(0xea, SEL_CONFORMING), -1);
	assert_int_equal(f->c->reg[GPR_RIP], TARGET);
	assert_int_equal(f->c->seg[SEG_CS].selector, SEL_CONFORMING);
	assert_int_equal(far_to(0x9a, SEL_CODE32), -1);
	assert_int_equal(system_stack(f, 0), FIXTURE_CODE + 7);
	assert_int_equal(system_stack(f, 1), SEL_CONFORMING);
}

/* SDM vol. 3A table 5-2 and 5.8.1. */
static void test_direct_faults(void **state)
{
	expect_fault(far_to(0xea, 0), EXC_GP, 0);
	expect_fault(far_to(0xea, SEL_LAST + 8), EXC_GP, SEL_LAST + 8);
	expect_fault(far_to(0xea, SEL_DATA), EXC_GP, SEL_DATA);
	expect_fault(far_to(0xea, SEL_USER_CODE32), EXC_GP, SEL_USER_CODE32);
	expect_fault(far_to(0xea, SEL_CODE32 | 1), EXC_GP, SEL_CODE32);
	expect_fault(far_to(0xea, SEL_LDT), EXC_GP, SEL_LDT);
	system_gdt(f, SEL_FREE, system_descriptor(0, 0xfffff, 0xc01a));
	expect_fault(far_to(0x9a, SEL_FREE), EXC_NP, SEL_FREE);
	system_gdt(f, SEL_FREE, system_descriptor(0, TARGET - 1, 0x409a));
	expect_fault(far_to(0x9a, SEL_FREE), EXC_GP, 0);
	system_gdt(f, SEL_FREE, system_descriptor(0, 0xfffff, 0xc0fe));
	expect_fault(far_to(0xea, SEL_FREE), EXC_GP, SEL_FREE); /* conforming, DPL 3 */
}

static void test_conforming_keeps_cpl(void **state)
{
	system_user(f);
	assert_int_equal(far_to(0xea, SEL_CONFORMING), -1);
	assert_int_equal(f->c->cpl, 3);
	assert_int_equal(f->c->seg[SEG_CS].selector, SEL_CONFORMING | 3);
}

static void test_gate_same_level(void **state)
{
	system_gdt(f, SEL_FREE, system_gate(SEL_CODE32, 0xb000, 0x8c00));
	assert_int_equal(far_to(0x9a, SEL_FREE), -1);
	assert_int_equal(f->c->reg[GPR_RIP], 0xb000);
	assert_int_equal(system_stack(f, 0), FIXTURE_CODE + 7);
	assert_int_equal(system_stack(f, 1), SEL_CODE32);
	assert_int_equal(far_to(0xea, SEL_FREE), -1);
	assert_int_equal(f->c->reg[GPR_RIP], 0xb000);
}

static void test_gate_inner(void **state)
{
	system_gdt(f, SEL_FREE, system_gate(SEL_CODE32, TARGET, 0xec02));
	fixture_poke(f, TARGET, 3, 0x0008ca); /* retf 8 */
	system_user(f);
	fixture_poke(f, SYSTEM_STACK3, 4, 0x11111111);
	fixture_poke(f, SYSTEM_STACK3 + 4, 4, 0x22222222);
	assert_int_equal(far_to(0x9a, SEL_FREE | 3), -1);
	assert_int_equal(f->c->cpl, 0);
	assert_int_equal(f->c->seg[SEG_CS].selector, SEL_CODE32);
	assert_int_equal(f->c->reg[GPR_RSP], SYSTEM_STACK0 - 24);
	assert_int_equal(system_stack(f, 0), FIXTURE_CODE + 7);
	assert_int_equal(system_stack(f, 1), SEL_USER_CODE32 | 3);
	assert_int_equal(system_stack(f, 2), 0x11111111);
	assert_int_equal(system_stack(f, 3), 0x22222222);
	assert_int_equal(system_stack(f, 4), SYSTEM_STACK3);
	assert_int_equal(system_stack(f, 5), SEL_USER_DATA | 3);
	/* The return releases the parameters on both stacks and nulls what CPL 3 may not have. */
	segment_load(&f->v, SEG_ES, SEL_DATA);
	assert_int_equal(fixture_run(f, 1), -1);
	assert_int_equal(f->c->cpl, 3);
	assert_int_equal(f->c->reg[GPR_RIP], FIXTURE_CODE + 7);
	assert_int_equal(f->c->reg[GPR_RSP], SYSTEM_STACK3 + 8);
	assert_int_equal(f->c->seg[SEG_ES].selector, 0);
	assert_int_equal(f->c->seg[SEG_DS].selector, SEL_USER_DATA | 3);
}

static void test_gate_faults(void **state)
{
	system_gdt(f, SEL_FREE, system_gate(SEL_CODE32, TARGET, 0x8c00));
	system_user(f);
	assert_int_equal(far_to(0x9a, SEL_FREE), EXC_GP);
	assert_int_equal(fixture_fault_error(f), SEL_FREE);
	/* A jump cannot go inward. */
	system_gdt(f, SEL_FREE, system_gate(SEL_CODE32, TARGET, 0xec00));
	system_user(f);
	assert_int_equal(far_to(0xea, SEL_FREE), EXC_GP);
	assert_int_equal(fixture_fault_error(f), SEL_CODE32);
	system_gdt(f, SEL_FREE, system_gate(SEL_CODE32, TARGET, 0x6c00));
	system_user(f);
	assert_int_equal(far_to(0x9a, SEL_FREE), EXC_NP);
	assert_int_equal(fixture_fault_error(f), SEL_FREE);
	/* Gate16 pushes 16-bit items. */
	system_gdt(f, SEL_FREE, system_gate(SEL_CODE32, TARGET, 0xe400));
	system_user(f);
	assert_int_equal(far_to(0x9a, SEL_FREE), -1);
	assert_int_equal(f->c->reg[GPR_RSP], SYSTEM_STACK0 - 8);
	assert_int_equal(fixture_peek(f, SYSTEM_STACK0 - 8, 2), FIXTURE_CODE + 7);
}

static void test_return_faults(void **state)
{
	fixture_poke(f, FIXTURE_STACK, 4, TARGET);
	fixture_poke(f, FIXTURE_STACK + 4, 4, SEL_USER_CODE32);
	expect_fault(system_run(f, CODE(0xcb), 1), EXC_GP, SEL_USER_CODE32);
	system_user(f);
	fixture_poke(f, SYSTEM_STACK3, 4, TARGET);
	fixture_poke(f, SYSTEM_STACK3 + 4, 4, SEL_CODE32);
	assert_int_equal(system_run(f, CODE(0xcb), 1), EXC_GP);
	assert_int_equal(fixture_fault_error(f), SEL_CODE32);
}

/* ---- long mode ---- */

static int call_memory64(unsigned selector, bool wide)
{
	/* call far [0xa000] with m16:32 or m16:64 */
	static const uint8_t narrow[] = {0xff, 0x1c, 0x25, 0x00, 0xa0, 0x00, 0x00};
	static const uint8_t rex[] = {0x48, 0xff, 0x1c, 0x25, 0x00, 0xa0, 0x00, 0x00};

	fixture_poke(f, FIXTURE_DATA, 8, TARGET);
	fixture_poke(f, FIXTURE_DATA + (wide ? 8 : 4), 2, selector);
	return wide ? system_run(f, rex, sizeof(rex), 1) : system_run(f, narrow, sizeof(narrow), 1);
}

static void test_long_direct(void **state)
{
	assert_int_equal(call_memory64(SEL_CODE64, true), -1);
	assert_int_equal(f->c->reg[GPR_RSP], FIXTURE_STACK - 16);
	assert_int_equal(system_stack(f, 0), FIXTURE_CODE + 8);
	/* To compatibility mode: a 32-bit frame. */
	f->c->reg[GPR_RSP] = FIXTURE_STACK;
	assert_int_equal(call_memory64(SEL_CODE32, false), -1);
	assert_int_equal(f->c->code_bits, 32);
	assert_int_equal(f->c->reg[GPR_RSP], FIXTURE_STACK - 8);
	assert_int_equal(f->c->linear_mask, 0xffffffff);
}

static void test_long_gate(void **state)
{
	system_gdt(f, SEL_FREE, system_gate(SEL_CODE64, TARGET, 0xec00));
	system_gdt(f, SEL_FREE + 8, 0);
	system_user(f);
	assert_int_equal(call_memory64(SEL_FREE | 3, false), -1);
	assert_int_equal(f->c->cpl, 0);
	assert_int_equal(f->c->reg[GPR_RSP], SYSTEM_STACK0 - 32);
	assert_int_equal(f->c->seg[SEG_SS].selector, 0);
	assert_int_equal(system_stack(f, 0), FIXTURE_CODE + 7);
	assert_int_equal(system_stack(f, 1), SEL_USER_CODE64 | 3);
	assert_int_equal(system_stack(f, 2), SYSTEM_STACK3);
	assert_int_equal(system_stack(f, 3), SEL_USER_DATA | 3);
	/* retfq */
	fixture_poke(f, TARGET, 2, 0xcb48);
	assert_int_equal(fixture_run(f, 1), -1);
	assert_int_equal(f->c->cpl, 3);
	assert_int_equal(f->c->reg[GPR_RSP], SYSTEM_STACK3);
}

static void test_long_gate_faults(void **state)
{
	/* The target must be 64-bit code. */
	system_gdt(f, SEL_FREE, system_gate(SEL_CODE32, TARGET, 0x8c00));
	system_gdt(f, SEL_FREE + 8, 0);
	expect_fault(call_memory64(SEL_FREE, false), EXC_GP, SEL_CODE32);
	system_gdt(f, SEL_FREE, system_gate(SEL_CODE64, TARGET, 0x8c00));
	system_gdt(f, SEL_FREE + 8, 1ull << 40);
	expect_fault(call_memory64(SEL_FREE, false), EXC_GP, SEL_FREE);
	/* No task switches and no 16-bit gates. */
	system_gdt(f, SEL_FREE + 8, 0);
	system_gdt(f, SEL_FREE, system_gate(SEL_CODE64, TARGET, 0x8400));
	expect_fault(call_memory64(SEL_FREE, false), EXC_GP, SEL_FREE);
	system_gdt(f, SEL_FREE, system_descriptor(SYSTEM_TSS2, 0x67, 0x89));
	expect_fault(call_memory64(SEL_FREE, false), EXC_GP, SEL_FREE);
	/* L and D both set. */
	system_gdt(f, SEL_FREE, system_descriptor(0, 0xfffff, 0xe09a));
	expect_fault(call_memory64(SEL_FREE, false), EXC_GP, SEL_FREE);
}

int main(void)
{
#define TEST(bits, name) cmocka_unit_test_setup_teardown(name, setup##bits, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(16, test_real),
	    TEST(16, test_real_call),
	    TEST(32, test_direct),
	    TEST(32, test_direct_faults),
	    TEST(32, test_conforming_keeps_cpl),
	    TEST(32, test_gate_same_level),
	    TEST(32, test_gate_inner),
	    TEST(32, test_gate_faults),
	    TEST(32, test_return_faults),
	    TEST(64, test_long_direct),
	    TEST(64, test_long_gate),
	    TEST(64, test_long_gate_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
