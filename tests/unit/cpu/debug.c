/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Debug registers (Intel SDM vol. 3B chapter 17): instruction, data and I/O breakpoints,
 * single-step and what suppresses it, DR6 and DR7, and MOV to and from them.
 */
#include "emulator/cpu/debug.h"
#include "tests/unit/cpu/system_test.h"

#define NOP 0x90

/* Breakpoint n, local; kind and length as in DR7. */
static void set_breakpoint(unsigned n, uint64_t address, unsigned kind, unsigned length)
{
	f->c->dr[n] = address;
	f->c->dr[7] |= DR7_FIXED | 1u << (2 * n) | (uint64_t)(length << 2 | kind) << (16 + 4 * n);
	cpu_update_mode(&f->v);
}

static void expect_debug(int vector, uint64_t rip, uint64_t dr6)
{
	assert_int_equal(vector, EXC_DB);
	assert_int_equal(system_stack(f, 0), rip);
	assert_int_equal(f->c->dr[6], DR6_FIXED | dr6);
	f->c->dr[6] = DR6_FIXED;
	f->c->halted = false;
}

static void set_tf(void)
{
	f->c->rflags |= FLAG_TF;
}

static void test_single_step(void **state)
{
	set_tf();
	expect_debug(system_run(f, CODE(NOP, NOP), 3), FIXTURE_CODE + 1, DR6_BS);
	assert_int_equal(system_stack(f, 2) & FLAG_TF, FLAG_TF);
	assert_int_equal(cpu_rflags(f->c) & FLAG_TF, 0);
}

/* POPF that sets TF is not stepped itself, the instruction after it is. */
static void test_popf_delays(void **state)
{
	fixture_poke(f, FIXTURE_STACK, 8, FLAG_ONE | FLAG_TF);
	expect_debug(system_run(f, CODE(0x9d, NOP, NOP), 4), FIXTURE_CODE + 2, DR6_BS);
}

/* SDM vol. 3A 6.8.3. */
static void test_mov_ss_delays(void **state)
{
	set_tf();
	f->c->reg[GPR_RAX] = SEL_DATA;
	expect_debug(system_run(f, CODE(0x8e, 0xd0, NOP, NOP), 4), FIXTURE_CODE + 3, DR6_BS);
	/* It is not stepped at all: INT1 after it leaves nothing over for its handler. */
	set_tf();
	expect_debug(system_run(f, CODE(0x8e, 0xd0, 0xf1), 3), FIXTURE_CODE + 3, 0);
}

/* A watchpoint that MOV SS hit comes with the #DB of an INT1 after it; there is one only. */
static void test_mov_ss_icebp(void **state)
{
	fixture_poke(f, FIXTURE_DATA, 8, SEL_DATA);
	f->c->reg[GPR_RDI] = FIXTURE_DATA;
	set_breakpoint(1, FIXTURE_DATA, 3, 1);
	expect_debug(system_run(f, CODE(0x8e, 0x17, 0xf1), 3), FIXTURE_CODE + 3, 2);
	assert_int_equal(f->c->pending_db, 0);
}

/*
 * SYSRET that sets TF traps before the first instruction that it returns to, unlike POPF and
 * IRET; one that clears TF is not stepped (SDM vol. 2B SYSRET: TF as it is loaded from R11).
 */
static void test_sysret(void **state)
{
	f->c->efer |= EFER_SCE;
	f->c->star = (uint64_t)(SEL_USER_CODE32 | 3) << 48;
	f->c->reg[GPR_RCX] = FIXTURE_CODE + 0x100;
	f->c->reg[GPR_R11] = FLAG_ONE;
	set_tf();
	assert_int_equal(system_run(f, CODE(0x48, 0x0f, 0x07), 1), -1);
	assert_int_equal(f->c->reg[GPR_RIP], FIXTURE_CODE + 0x100);
	assert_int_equal(f->c->pending_db, 0);
	fixture_close(f);
	system_open(f, 64);
	f->c->efer |= EFER_SCE;
	f->c->star = (uint64_t)(SEL_USER_CODE32 | 3) << 48;
	f->c->reg[GPR_RCX] = FIXTURE_CODE + 0x100;
	f->c->reg[GPR_R11] = FLAG_ONE | FLAG_TF;
	expect_debug(system_run(f, CODE(0x48, 0x0f, 0x07), 2), FIXTURE_CODE + 0x100, DR6_BS);
}

/* INT n clears TF on its way: its handler is not stepped, and the trap does not come late. */
static void test_int_is_not_stepped(void **state)
{
	set_tf();
	assert_int_equal(system_run(f, CODE(0xcd, 0x30), 2), 0x30);
	assert_int_equal(system_stack(f, 2) & FLAG_TF, FLAG_TF);
}

static void test_fault_is_not_stepped(void **state)
{
	set_tf();
	assert_int_equal(system_run(f, CODE(0x0f, 0x0b), 2), EXC_UD);
	assert_int_equal(f->c->dr[6], DR6_FIXED);
}

/* A repeated string instruction is stepped by iterations. */
static void test_string_step(void **state)
{
	set_tf();
	f->c->reg[GPR_RCX] = 3;
	f->c->reg[GPR_RDI] = FIXTURE_DATA;
	expect_debug(system_run(f, CODE(0xf3, 0xaa), 2), FIXTURE_CODE, DR6_BS);
	assert_int_equal(f->c->reg[GPR_RCX], 2);
}

static void test_execute(void **state)
{
	set_breakpoint(1, FIXTURE_CODE + 1, 0, 0);
	expect_debug(system_run(f, CODE(NOP, NOP, NOP), 3), FIXTURE_CODE + 1, 2);
	/* A fault that leaves RF to the handler. */
	assert_int_equal(system_stack(f, 2) & FLAG_RF, 0);
	/* With RF the instruction runs, and RF is gone after it. */
	f->c->rflags |= FLAG_RF;
	f->c->reg[GPR_RSP] = FIXTURE_STACK;
	f->c->reg[GPR_RIP] = FIXTURE_CODE + 1;
	assert_int_equal(fixture_run(f, 1), -1);
	assert_int_equal(f->c->reg[GPR_RIP], FIXTURE_CODE + 2);
	assert_int_equal(cpu_rflags(f->c) & FLAG_RF, 0);
}

/* RF holds for all iterations of a string instruction. */
static void test_execute_string(void **state)
{
	set_breakpoint(0, FIXTURE_CODE, 0, 0);
	f->c->rflags |= FLAG_RF;
	f->c->reg[GPR_RCX] = 5;
	f->c->reg[GPR_RDI] = FIXTURE_DATA;
	assert_int_equal(system_run(f, CODE(0xf3, 0xaa, NOP), 5), -1);
	assert_int_equal(f->c->reg[GPR_RCX], 0);
	assert_int_equal(f->c->reg[GPR_RIP], FIXTURE_CODE + 2);
}

/* So too where there is no breakpoint, and it is cut by a limit. */
static void test_string_with_rf(void **state)
{
	f->c->rflags |= FLAG_RF;
	f->c->reg[GPR_RCX] = 30;
	f->c->reg[GPR_RDI] = FIXTURE_DATA;
	assert_int_equal(system_run(f, CODE(0xf3, 0xaa, NOP), 17), -1);
	assert_int_equal(f->c->reg[GPR_RCX], 13);
	assert_int_equal(f->c->reg[GPR_RIP], FIXTURE_CODE);
	assert_int_equal(cpu_rflags(f->c) & FLAG_RF, FLAG_RF);
	assert_int_equal(fixture_run(f, 13), -1);
	assert_int_equal(f->c->reg[GPR_RCX], 0);
	assert_int_equal(f->c->reg[GPR_RIP], FIXTURE_CODE + 2);
	assert_int_equal(cpu_rflags(f->c) & FLAG_RF, 0);
}

static void test_data(void **state)
{
	/* mov [0xa004], eax; nop */
	static const uint8_t store[] = {0x89, 0x04, 0x25, 0x04, 0xa0, 0, 0, NOP};
	static const uint8_t load[] = {0x8b, 0x04, 0x25, 0x04, 0xa0, 0, 0, NOP};

	set_breakpoint(2, FIXTURE_DATA + 6, 1, 1);
	assert_int_equal(f->c->mmu, MMU_SLOW);
	expect_debug(system_run(f, store, 8, 2), FIXTURE_CODE + 7, 4);
	f->c->reg[GPR_RSP] = FIXTURE_STACK;
	assert_int_equal(system_run(f, load, 8, 2), -1);
	/* Reads and writes; the range is aligned by its length. */
	f->c->dr[7] = DR7_FIXED;
	set_breakpoint(3, FIXTURE_DATA + 1, 3, 2);
	expect_debug(system_run(f, load, 8, 2), FIXTURE_CODE + 7, 8);
	f->c->dr[7] = DR7_FIXED;
	set_breakpoint(3, FIXTURE_DATA + 8, 3, 3);
	f->c->reg[GPR_RSP] = FIXTURE_STACK;
	assert_int_equal(system_run(f, load, 8, 2), -1);
}

/* An instruction that faults in the end reports none of the breakpoints that it passed. */
static void test_data_then_fault(void **state)
{
	set_breakpoint(0, FIXTURE_DATA, 3, 3);
	f->c->reg[GPR_RSI] = FIXTURE_DATA;
	f->c->reg[GPR_RDI] = 0x10000000; /* not mapped */
	assert_int_equal(system_run(f, CODE(0xa4, NOP), 2), EXC_PF);
	assert_int_equal(f->c->dr[6], DR6_FIXED);
	assert_int_equal(f->c->pending_db, 0);
}

static void test_io(void **state)
{
	f->c->reg[GPR_RDX] = 0x3f8;
	set_breakpoint(0, 0x3fa, 2, 0);
	assert_int_equal(system_run(f, CODE(0xef, NOP), 2), -1); /* CR4.DE is clear */
	f->c->cr4 |= CR4_DE;
	expect_debug(system_run(f, CODE(0xef, NOP), 2), FIXTURE_CODE + 1, 1);
	f->c->reg[GPR_RSP] = FIXTURE_STACK;
	assert_int_equal(system_run(f, CODE(0xee, NOP), 2), -1); /* one byte does not reach it */
}

static void test_trap_with_step(void **state)
{
	set_breakpoint(0, FIXTURE_DATA, 1, 0);
	set_tf();
	f->c->reg[GPR_RDI] = FIXTURE_DATA;
	expect_debug(system_run(f, CODE(0xaa, NOP), 2), FIXTURE_CODE + 1, DR6_BS | 1);
}

static void test_general_detect(void **state)
{
	f->c->dr[7] = DR7_FIXED | DR7_GD;
	expect_debug(system_run(f, CODE(0x0f, 0x21, 0xc0), 2), FIXTURE_CODE, DR6_BD);
	assert_int_equal(f->c->dr[7], DR7_FIXED);
}

static void test_mov(void **state)
{
	/* mov dr0, rax; mov rbx, dr0 */
	f->c->reg[GPR_RAX] = 0xffff888812345678;
	assert_int_equal(system_run(f, CODE(0x0f, 0x23, 0xc0, 0x0f, 0x21, 0xc3), 2), -1);
	assert_int_equal(f->c->reg[GPR_RBX], 0xffff888812345678);
	/* DR7 and DR6 keep their fixed bits. */
	f->c->reg[GPR_RAX] = 0xffffdc00;
	assert_int_equal(system_run(f, CODE(0x0f, 0x23, 0xf8, 0x0f, 0x23, 0xf0), 2), -1);
	assert_int_equal(f->c->dr[7], 0xffff0c00);
	assert_int_equal(f->c->dr[6], DR6_FIXED | 0xc000);
	f->c->dr[7] = DR7_FIXED;
	cpu_update_mode(&f->v);
	f->c->reg[GPR_RAX] = 1ull << 32;
	assert_int_equal(system_run(f, CODE(0x0f, 0x23, 0xf8), 2), EXC_GP);
	system_user(f);
	assert_int_equal(system_run(f, CODE(0x0f, 0x21, 0xc0), 2), EXC_GP);
}

/* DR4 and DR5 are aliases until CR4.DE takes them away. */
static void test_aliases(void **state)
{
	assert_int_equal(system_run(f, CODE(0x0f, 0x21, 0xe0), 1), -1);
	assert_int_equal(f->c->reg[GPR_RAX], DR6_FIXED);
	f->c->cr4 |= CR4_DE;
	assert_int_equal(system_run(f, CODE(0x0f, 0x21, 0xe0), 2), EXC_UD);
}

static void test_real_mode(void **state)
{
	set_tf();
	assert_int_equal(system_run(f, CODE(NOP, NOP), 2), EXC_DB);
	assert_int_equal(system_stack(f, 0), FIXTURE_CODE + 1);
}

/* FMASK decides whether SYSCALL is stepped: TF is looked at after it. */
static void test_syscall(void **state)
{
	f->c->efer |= EFER_SCE;
	f->c->star = (uint64_t)SEL_CODE64 << 32;
	f->c->lstar = FIXTURE_CODE + 0x100;
	f->c->fmask = FLAG_TF;
	system_user(f);
	set_tf();
	assert_int_equal(system_run(f, CODE(0x0f, 0x05), 1), -1);
	assert_int_equal(f->c->reg[GPR_RIP], FIXTURE_CODE + 0x100);
	assert_int_equal(f->c->reg[GPR_R11] & FLAG_TF, FLAG_TF);
	assert_int_equal(f->c->pending_db, 0);
}

int main(void)
{
#define TEST(bits, name) cmocka_unit_test_setup_teardown(name, setup##bits, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(64, test_single_step),
	    TEST(64, test_popf_delays),
	    TEST(64, test_mov_ss_delays),
	    TEST(64, test_mov_ss_icebp),
	    TEST(64, test_sysret),
	    TEST(64, test_int_is_not_stepped),
	    TEST(64, test_fault_is_not_stepped),
	    TEST(64, test_string_step),
	    TEST(64, test_execute),
	    TEST(64, test_execute_string),
	    TEST(64, test_string_with_rf),
	    TEST(64, test_data),
	    TEST(64, test_data_then_fault),
	    TEST(32, test_io),
	    TEST(64, test_trap_with_step),
	    TEST(64, test_general_detect),
	    TEST(64, test_mov),
	    TEST(32, test_aliases),
	    TEST(16, test_real_mode),
	    TEST(64, test_syscall),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
