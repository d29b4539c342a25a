/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decoded-block cache must not show: self-modifying code, code changed from outside, code
 * that crosses pages or lies in the same bytes for two code sizes, and stores next to code (Intel
 * SDM vol. 3A 8.1.3, 11.6: processors of today need no jump between a store and the new code).
 */
#include "tests/unit/cpu/cpu_fixture.h"

#include "emulator/cpu/block.h"

/* A store to the instruction that comes next, in the same block. */
static void test_next_instruction(void **state)
{
	struct cpu_fixture f;

	fixture_open(&f, 64, "x86-64");
	f.c->reg[GPR_RBX] = FIXTURE_CODE + 3;
	fixture_load(&f, CODE(0xc6, 0x03, 0x41, /* mov byte [rbx], 0x41: REX.B, harmless */
			      0x90,             /* nop: becomes the REX.B of the next */
			      0xff, 0xc0,       /* inc eax: becomes inc r8d */
			      0xff, 0xc1));     /* inc ecx */
	f.c->reg[GPR_RAX] = f.c->reg[GPR_R8] = f.c->reg[GPR_RCX] = 0;
	assert_int_equal(fixture_run(&f, 3), -1);
	assert_int_equal(f.c->reg[GPR_RAX], 0);
	assert_int_equal(f.c->reg[GPR_R8], 1);
	assert_int_equal(f.c->reg[GPR_RCX], 1);
	assert_int_equal(f.c->reg[GPR_RIP], FIXTURE_CODE + 8);
	fixture_close(&f);
}

/* A loop whose body counts itself up: the immediate of ADD is its own operand. */
static void test_loop(void **state)
{
	struct cpu_fixture f;

	fixture_open(&f, 64, "x86-64");
	f.c->reg[GPR_RCX] = 50;
	f.c->reg[GPR_RAX] = 0;
	f.c->reg[GPR_RBX] = FIXTURE_CODE + 2;
	fixture_do(&f,
		   CODE(0x83, 0xc0, 0x00, /* add eax, 0 */
			0xfe, 0x03,       /* inc byte [rbx] */
			0xe2, 0xf9),      /* loop */
		   150);
	assert_int_equal(f.c->reg[GPR_RAX], 49 * 50 / 2);
	assert_int_equal(f.c->reg[GPR_RIP], FIXTURE_CODE + 7);
	fixture_close(&f);
}

/* REP STOSB over the instructions behind it, and over itself. */
static void test_rep_over_code(void **state)
{
	struct cpu_fixture f;
	uint64_t before;

	fixture_open(&f, 64, "x86-64");
	f.c->reg[GPR_RAX] = 0x90;
	f.c->reg[GPR_RDI] = FIXTURE_CODE + 2;
	f.c->reg[GPR_RCX] = 32;
	fixture_do(&f, CODE(0xf3, 0xaa, 0x0f, 0x0b), 33); /* ud2 becomes nops */
	assert_int_equal(f.c->reg[GPR_RIP], FIXTURE_CODE + 3);
	assert_int_equal(f.c->reg[GPR_RCX], 0);

	/* Itself becomes NOPs in its first iterations, which then are what runs. */
	f.c->reg[GPR_RDI] = FIXTURE_CODE;
	f.c->reg[GPR_RCX] = 32;
	before = f.c->insns;
	fixture_do(&f, CODE(0xf3, 0xaa, 0x90, 0x90), 3);
	assert_int_equal(f.c->insns, before + 3);
	assert_int_equal(f.c->reg[GPR_RCX], 31);
	assert_int_equal(f.c->reg[GPR_RDI], FIXTURE_CODE + 2); /* the AA alone is a STOSB */
	fixture_close(&f);
}

/* Data right next to code: stores do not cost the blocks, unless they hit their bytes. */
static void test_data_beside_code(void **state)
{
	struct cpu_fixture f;
	const struct block *block;

	fixture_open(&f, 64, "x86-64");
	f.c->reg[GPR_RBX] = FIXTURE_CODE + 0x10;
	fixture_do(&f, CODE(0x89, 0x03, 0xeb, 0xfc), 4); /* mov [rbx], eax; jmp back */
	block = f.v.blocks->running;
	assert_true(f.v.guard[FIXTURE_CODE / 4096] & GUARD_CODE);
	assert_int_equal(fixture_run(&f, 2), -1);
	assert_ptr_equal(f.v.blocks->running, block);
	f.c->reg[GPR_RBX] = FIXTURE_CODE + 3; /* the jump's displacement: it now goes on */
	f.c->reg[GPR_RAX] = 0;
	assert_int_equal(fixture_run(&f, 2), -1);
	assert_int_equal(f.c->reg[GPR_RIP], FIXTURE_CODE + 4);
	fixture_close(&f);
}

static void test_changed_outside(void **state)
{
	struct cpu_fixture f;

	fixture_open(&f, 64, "x86-64");
	f.c->reg[GPR_RAX] = 0;
	fixture_do(&f, CODE(0xff, 0xc0, 0xeb, 0xfc), 10);
	fixture_poke(&f, FIXTURE_CODE + 1, 1, 0xc8); /* inc becomes dec */
	assert_int_equal(fixture_run(&f, 8), -1);
	assert_int_equal(f.c->reg[GPR_RAX], 1);
	vcpu_state_replaced(&f.v);
	assert_int_equal(f.v.blocks->bytes, 0);
	assert_false(f.v.guard[FIXTURE_CODE / 4096] & GUARD_CODE);
	assert_int_equal(fixture_run(&f, 1), -1);
	fixture_close(&f);
}

/* An instruction that crosses a page, with either half changed in turn. */
static void test_page_crossing(void **state)
{
	struct cpu_fixture f;
	const uint64_t at = FIXTURE_DATA + 0x1000 - 2;

	fixture_open(&f, 64, "x86-64");
	fixture_poke(&f, at, 8, 0x9000000001b8); /* mov eax, 1 */
	f.c->reg[GPR_RIP] = at;
	assert_int_equal(fixture_run(&f, 1), -1);
	assert_int_equal(f.c->reg[GPR_RAX], 1);
	assert_int_equal(f.c->reg[GPR_RIP], at + 5);
	fixture_poke(&f, at + 4, 1, 0x12);
	f.c->reg[GPR_RIP] = at;
	assert_int_equal(fixture_run(&f, 1), -1);
	assert_int_equal(f.c->reg[GPR_RAX], 0x12000001);
	fixture_poke(&f, at, 1, 0xb9);
	f.c->reg[GPR_RIP] = at;
	assert_int_equal(fixture_run(&f, 1), -1);
	assert_int_equal(f.c->reg[GPR_RCX], 0x12000001);
	fixture_close(&f);
}

/* Only the half that is missing faults, with its address; an instruction that fits does not. */
static void test_fetch_fault(void **state)
{
	const uint64_t pd = 0x102000, end = 0x200000;
	struct cpu_fixture f;
	uint64_t before;

	fixture_open(&f, 64, "x86-64");
	fixture_poke(&f, pd + 8, 8, 0);         /* nothing at 2 MiB */
	fixture_poke(&f, end - 3, 3, 0x01b890); /* nop; mov eax, imm32 without its end */
	f.c->reg[GPR_RIP] = end - 3;
	before = f.c->insns;
	assert_int_equal(fixture_run(&f, 2), EXC_PF);
	assert_int_equal(f.c->cr2, end);
	assert_int_equal(fixture_fault_rip(&f), end - 2);
	assert_int_equal(f.c->insns, before + 2);
	f.c->reg[GPR_RIP] = 0x800000000000; /* and a RIP that is not canonical */
	f.c->halted = false;
	assert_int_equal(fixture_run(&f, 1), EXC_GP);
	fixture_close(&f);
}

/* Cached code must still be checked against a limit of CS that has moved. */
static void test_limit(void **state)
{
	struct cpu_fixture f;

	fixture_open(&f, 32, "x86-64");
	fixture_do(&f, CODE(0x90, 0x90, 0xb8, 1, 2, 3, 4, 0x90), 4);
	fixture_load(&f, CODE(0x90, 0x90, 0xb8, 1, 2, 3, 4, 0x90));
	f.c->seg[SEG_CS].limit = FIXTURE_CODE + 5;
	assert_int_equal(fixture_run(&f, 3), EXC_GP);
	f.c->seg[SEG_CS].limit = 0xffffffff;
	assert_int_equal(fixture_fault_rip(&f), FIXTURE_CODE + 2);
	fixture_close(&f);
}

/* The same bytes as 16- and 32-bit code: 40 is an immediate's upper half in one of them. */
static void test_code_sizes(void **state)
{
	struct cpu_fixture f;

	fixture_open(&f, 32, "x86-64");
	fixture_do(&f, CODE(0xb8, 0x01, 0x00, 0x40, 0x40, 0x90), 1);
	assert_int_equal(f.c->reg[GPR_RAX], 0x40400001);
	f.c->seg[SEG_CS].attr &= (uint16_t)~SEG_DB;
	cpu_update_mode(&f.v);
	assert_int_equal(f.c->code_bits, 16);
	f.c->reg[GPR_RAX] = 0;
	f.c->reg[GPR_RIP] = FIXTURE_CODE;
	assert_int_equal(fixture_run(&f, 3), -1);
	assert_int_equal(f.c->reg[GPR_RAX], 3);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_next_instruction), cmocka_unit_test(test_loop),
	    cmocka_unit_test(test_rep_over_code),    cmocka_unit_test(test_data_beside_code),
	    cmocka_unit_test(test_changed_outside),  cmocka_unit_test(test_page_crossing),
	    cmocka_unit_test(test_fetch_fault),      cmocka_unit_test(test_limit),
	    cmocka_unit_test(test_code_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
