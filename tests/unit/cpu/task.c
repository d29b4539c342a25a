/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Task switches (Intel SDM vol. 3A chapter 7): by JMP, CALL, IRET, through task gates and for
 * exceptions; busy bits, NT and the link; faults in the old task and in the new.
 */
#include "emulator/cpu/debug.h"
#include "tests/unit/cpu/system_test.h"

#include "emulator/accel/tcg/tcg.h"
#define SEL_TSS2  SEL_FREE
#define SEL_GATE  (SEL_FREE + 8)
#define SEL_TSS16 (SEL_FREE + 16)

#define NEW_CODE  0x9000u
#define NEW_STACK 0xd000u

/* Offsets in a 32-bit TSS, SDM vol. 3A figure 7-2. */
enum {
	TSS_LINK = 0x00,
	TSS_CR3 = 0x1c,
	TSS_EIP = 0x20,
	TSS_EFLAGS = 0x24,
	TSS_EAX = 0x28,
	TSS_ESP = 0x38,
	TSS_ES = 0x48,
	TSS_CS = 0x4c,
	TSS_SS = 0x50,
	TSS_DS = 0x54,
	TSS_FS = 0x58,
	TSS_GS = 0x5c,
	TSS_LDT = 0x60,
	TSS_T = 0x64,
	TSS_MAP = 0x66,
};

static void poke_task(unsigned offset, uint32_t value)
{
	fixture_poke(f, SYSTEM_TSS2 + offset, offset == TSS_T || offset == TSS_MAP ? 2 : 4, value);
}

static int setup(void **state)
{
	system_open(f, 32);
	system_gdt(f, SEL_TSS2, system_descriptor(SYSTEM_TSS2, 0x67, 0x89));
	system_gdt(f, SEL_GATE, system_gate(SEL_TSS2, 0, 0xe500));
	poke_task(TSS_EIP, NEW_CODE);
	poke_task(TSS_EFLAGS, FLAG_ONE | FLAG_CF);
	for (unsigned n = 0; n < 8; n++)
		poke_task(TSS_EAX + 4 * n, 0xa0000000 + n);
	poke_task(TSS_ESP, NEW_STACK);
	poke_task(TSS_ES, SEL_DATA);
	poke_task(TSS_CS, SEL_CODE32);
	poke_task(TSS_SS, SEL_DATA);
	poke_task(TSS_DS, SEL_DATA);
	return 0;
}

static int far_to(uint8_t opcode, unsigned selector)
{
	const uint8_t code[] = {opcode, 0, 0, 0, 0, (uint8_t)selector, 0};

	return system_run(f, code, sizeof(code), 1);
}

static bool is_busy(unsigned selector)
{
	return system_gdt_get(f, selector) >> 41 & 1;
}

static uint32_t saved(unsigned offset)
{
	return (uint32_t)fixture_peek(f, SYSTEM_TSS + offset, 4);
}

static void test_jump(void **state)
{
	f->c->reg[GPR_RBX] = 0x13579bdf;
	fixture_set_flags(f, FLAG_ZF);
	assert_int_equal(far_to(0xea, SEL_TSS2), -1);
	/* The old task, as it was after the jump. */
	assert_int_equal(saved(TSS_EIP), FIXTURE_CODE + 7);
	assert_int_equal(saved(TSS_EFLAGS), FLAG_ONE | FLAG_ZF);
	assert_int_equal(saved(TSS_EAX + 12), 0x13579bdf);
	assert_int_equal(saved(TSS_ESP), FIXTURE_STACK);
	assert_int_equal(saved(TSS_CS), SEL_CODE32);
	assert_int_equal(saved(TSS_GS), SEL_DATA);
	assert_false(is_busy(SEL_TSS));
	/* The new one. */
	assert_true(is_busy(SEL_TSS2));
	assert_int_equal(f->c->tr.selector, SEL_TSS2);
	assert_int_equal(f->c->reg[GPR_RIP], NEW_CODE);
	assert_int_equal(f->c->reg[GPR_RDI], 0xa0000007);
	assert_int_equal(f->c->reg[GPR_RSP], NEW_STACK);
	assert_int_equal(cpu_rflags(f->c), FLAG_ONE | FLAG_CF);
	assert_int_equal(f->c->seg[SEG_FS].selector, 0);
	assert_true(f->c->cr0 & CR0_TS);
}

static void test_call_and_return(void **state)
{
	fixture_poke(f, NEW_CODE, 1, 0xcf); /* iret */
	assert_int_equal(far_to(0x9a, SEL_TSS2), -1);
	assert_true(is_busy(SEL_TSS));
	assert_true(is_busy(SEL_TSS2));
	assert_int_equal(fixture_peek(f, SYSTEM_TSS2 + TSS_LINK, 2), SEL_TSS);
	assert_int_equal(cpu_rflags(f->c), FLAG_ONE | FLAG_CF | FLAG_NT);
	assert_int_equal(fixture_run(f, 1), -1);
	assert_int_equal(f->c->reg[GPR_RIP], FIXTURE_CODE + 7);
	assert_int_equal(f->c->tr.selector, SEL_TSS);
	assert_true(is_busy(SEL_TSS));
	assert_false(is_busy(SEL_TSS2));
	assert_int_equal(cpu_rflags(f->c) & FLAG_NT, 0);
	assert_int_equal(fixture_peek(f, SYSTEM_TSS2 + TSS_EFLAGS, 4), FLAG_ONE | FLAG_CF);
	assert_int_equal(fixture_peek(f, SYSTEM_TSS2 + TSS_EIP, 4), NEW_CODE + 1);
}

static void test_gate(void **state)
{
	system_user(f);
	assert_int_equal(far_to(0x9a, SEL_GATE | 3), -1);
	assert_int_equal(f->c->tr.selector, SEL_TSS2);
	assert_int_equal(f->c->cpl, 0);
	assert_int_equal(saved(TSS_SS), SEL_USER_DATA | 3);
}

/* An exception through a task gate: RF in the saved flags, the error code on the new stack. */
static void test_exception(void **state)
{
	fixture_poke(f, SYSTEM_IDT + EXC_GP * 8, 8, system_gate(SEL_TSS2, 0, 0x8500));
	f->c->reg[GPR_RAX] = 0x1230;
	assert_int_equal(system_run(f, CODE(0x8e, 0xd8, 0x90), 1), -1);
	assert_int_equal(f->c->tr.selector, SEL_TSS2);
	assert_int_equal(saved(TSS_EIP), FIXTURE_CODE);
	assert_int_equal(saved(TSS_EFLAGS), FLAG_ONE | FLAG_RF);
	assert_int_equal(f->c->reg[GPR_RSP], NEW_STACK - 4);
	assert_int_equal(fixture_peek(f, NEW_STACK - 4, 4), 0x1230);
}

static void test_old_task_faults(void **state)
{
	system_gdt(f, SEL_TSS2, system_descriptor(SYSTEM_TSS2, 0x67, 0x8b));
	assert_int_equal(far_to(0xea, SEL_TSS2), EXC_GP); /* busy */
	assert_int_equal(fixture_fault_error(f), SEL_TSS2);
	system_gdt(f, SEL_TSS2, system_descriptor(SYSTEM_TSS2, 0x67, 0x09));
	assert_int_equal(far_to(0xea, SEL_TSS2), EXC_NP);
	assert_int_equal(fixture_fault_error(f), SEL_TSS2);
	system_gdt(f, SEL_TSS2, system_descriptor(SYSTEM_TSS2, 0x66, 0x89));
	assert_int_equal(far_to(0xea, SEL_TSS2), EXC_TS);
	assert_int_equal(fixture_fault_error(f), SEL_TSS2);
	assert_int_equal(fixture_fault_rip(f), FIXTURE_CODE);
	assert_int_equal(f->c->tr.selector, SEL_TSS);
	/* A return to a task that is not busy. */
	fixture_poke(f, SYSTEM_TSS, 2, SEL_TSS2);
	f->c->rflags |= FLAG_NT;
	assert_int_equal(system_run(f, CODE(0xcf), 1), EXC_TS);
	assert_int_equal(fixture_fault_error(f), SEL_TSS2);
}

/* What is wrong inside the new task is its own fault, at its first instruction. */
static void expect_new_fault(int vector, unsigned want, uint32_t error)
{
	assert_int_equal(vector, want);
	assert_int_equal(f->c->tr.selector, SEL_TSS2);
	assert_int_equal(fixture_fault_error(f), error);
	assert_int_equal(fixture_fault_rip(f), NEW_CODE);
	assert_int_equal(saved(TSS_EIP), FIXTURE_CODE + 7);
	system_gdt(f, SEL_TSS2, system_descriptor(SYSTEM_TSS2, 0x67, 0x89));
	f->c->tr.selector = SEL_TSS;
	f->c->tr.base = SYSTEM_TSS;
}

static void test_new_task_faults(void **state)
{
	poke_task(TSS_DS, SEL_LAST + 8);
	expect_new_fault(far_to(0xea, SEL_TSS2), EXC_TS, SEL_LAST + 8);
	poke_task(TSS_DS, SEL_DATA);
	system_gdt(f, SEL_LAST, system_descriptor(0, 0xfffff, 0xc012));
	poke_task(TSS_ES, SEL_LAST);
	expect_new_fault(far_to(0xea, SEL_TSS2), EXC_NP, SEL_LAST);
}

/* The LDT comes before the stack, so its fault is only handled by yet another task. */
static void test_new_ldt_fault(void **state)
{
	fixture_poke(f, SYSTEM_IDT + EXC_TS * 8, 8, system_gate(SEL_TSS, 0, 0x8500));
	poke_task(TSS_LDT, SEL_DATA);
	assert_int_equal(far_to(0xea, SEL_TSS2), -1);
	assert_int_equal(f->c->tr.selector, SEL_TSS);
	assert_int_equal(f->c->reg[GPR_RIP], FIXTURE_CODE + 7);
	assert_int_equal(system_stack(f, 0), SEL_DATA);
	assert_int_equal(fixture_peek(f, SYSTEM_TSS, 2), SEL_TSS2);
}

/* Without a usable stack even that fault cannot be handled. */
static void test_new_stack_fault(void **state)
{
	poke_task(TSS_SS, 0);
	fixture_load(f, CODE(0xea, 0, 0, 0, 0, SEL_TSS2, 0));
	f->v.limit = f->c->insns + 10;
	tcg_run(&f->v);
	assert_true(f->c->shutdown);
}

/* The handler of the new task's fault is the task itself, by a gate: that one is busy. */
static void test_fault_into_busy_task(void **state)
{
	fixture_poke(f, SYSTEM_IDT + EXC_TS * 8, 8, system_gate(SEL_TSS2, 0, 0x8500));
	poke_task(TSS_DS, SEL_LAST + 8);
	assert_int_equal(far_to(0xea, SEL_TSS2), EXC_DF);
	assert_int_equal(f->c->tr.selector, SEL_TSS2);
}

static void test_trap_bit(void **state)
{
	poke_task(TSS_T, 1);
	fixture_poke(f, NEW_CODE, 1, 0x90);
	fixture_load(f, CODE(0xea, 0, 0, 0, 0, SEL_TSS2, 0));
	assert_int_equal(fixture_run(f, 2), EXC_DB);
	assert_int_equal(system_stack(f, 0), NEW_CODE);
	assert_int_equal(f->c->dr[6] & DR6_BT, DR6_BT);
}

static void test_local_breakpoints_end(void **state)
{
	f->c->dr[7] = DR7_FIXED | 0x0f;
	assert_int_equal(far_to(0xea, SEL_TSS2), -1);
	assert_int_equal(f->c->dr[7], DR7_FIXED | 0x0a);
}

static void test_virtual8086_task(void **state)
{
	poke_task(TSS_EFLAGS, FLAG_ONE | FLAG_VM);
	poke_task(TSS_CS, 0x900);
	poke_task(TSS_EIP, 0);
	poke_task(TSS_SS, 0x800);
	poke_task(TSS_GS, 0x1234);
	assert_int_equal(far_to(0xea, SEL_TSS2), -1);
	assert_int_equal(f->c->cpl, 3);
	assert_int_equal(f->c->code_bits, 16);
	assert_int_equal(f->c->seg[SEG_CS].base, 0x9000);
	assert_int_equal(f->c->seg[SEG_GS].base, 0x12340);
	assert_int_equal(f->c->seg[SEG_GS].limit, 0xffff);
}

/* SDM vol. 3A figure 7-10. */
static void test_tss16(void **state)
{
	static const uint16_t sreg[] = {SEL_DATA, SEL_CODE32, SEL_DATA, SEL_DATA};

	system_gdt(f, SEL_TSS16, system_descriptor(SYSTEM_TSS2, 0x2b, 0x81));
	for (unsigned n = 0; n < 0x2c; n += 2)
		fixture_poke(f, SYSTEM_TSS2 + n, 2, 0);
	fixture_poke(f, SYSTEM_TSS2 + 0x0e, 2, NEW_CODE);
	fixture_poke(f, SYSTEM_TSS2 + 0x10, 2, FLAG_ONE);
	fixture_poke(f, SYSTEM_TSS2 + 0x12, 2, 0x4242);
	for (unsigned n = 0; n < 4; n++)
		fixture_poke(f, SYSTEM_TSS2 + 0x22 + 2 * n, 2, sreg[n]);
	assert_int_equal(far_to(0x9a, SEL_TSS16), -1);
	assert_int_equal(f->c->reg[GPR_RIP], NEW_CODE);
	assert_int_equal(f->c->reg[GPR_RAX] & 0xffff, 0x4242);
	assert_int_equal(f->c->seg[SEG_DS].selector, SEL_DATA);
	assert_int_equal(f->c->seg[SEG_GS].selector, 0);
	assert_int_equal(fixture_peek(f, SYSTEM_TSS2, 2), SEL_TSS);
	/* And back to the 32-bit task. */
	fixture_poke(f, NEW_CODE, 1, 0xcf);
	assert_int_equal(fixture_run(f, 1), -1);
	assert_int_equal(f->c->reg[GPR_RIP], FIXTURE_CODE + 7);
	assert_int_equal(f->c->reg[GPR_RSP], FIXTURE_STACK);
}

/* CR3 of the TSS is loaded when paging is on. */
static void test_cr3(void **state)
{
	struct cpu_regs r;

	fixture_poke(f, SYSTEM_FREE, 4, 0x83); /* 4 MiB, identity */
	fixture_poke(f, SYSTEM_FREE + 0x1000, 4, 0x83);
	cpu_get_regs(f->c, &r);
	r.cr3 = SYSTEM_FREE;
	r.cr4 |= CR4_PSE;
	r.cr0 |= CR0_PG;
	cpu_set_regs(&f->v, &r);
	poke_task(TSS_CR3, SYSTEM_FREE + 0x1000);
	assert_int_equal(far_to(0xea, SEL_TSS2), -1);
	assert_int_equal(f->c->cr3, SYSTEM_FREE + 0x1000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(test_jump),
	    TEST(test_call_and_return),
	    TEST(test_gate),
	    TEST(test_exception),
	    TEST(test_old_task_faults),
	    TEST(test_new_task_faults),
	    TEST(test_new_ldt_fault),
	    TEST(test_new_stack_fault),
	    TEST(test_fault_into_busy_task),
	    TEST(test_trap_bit),
	    TEST(test_local_breakpoints_end),
	    TEST(test_virtual8086_task),
	    TEST(test_tss16),
	    TEST(test_cr3),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
