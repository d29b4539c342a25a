/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Delivery of exceptions and interrupts, and IRET, in every mode (Intel SDM vol. 3A chapter 6,
 * vol. 3B 20.1 to 20.3): frames, flags, stacks, gate checks with error codes, double and triple
 * faults, NMI.
 */
#include "tests/unit/cpu/system_test.h"

#include "emulator/accel/tcg/tcg.h"
#include <string.h>

#define UD2 0x0f, 0x0b

static uint64_t rflags(void)
{
	return cpu_rflags(f->c);
}

static void set_rflags(uint64_t value)
{
	cpu_set_rflags(f->c, value);
	cpu_update_mode(&f->v);
}

/* Runs until halt or shutdown, whichever a chain of faults ends in. */
static void run_to_end(const void *code, size_t size)
{
	uint64_t rsp = f->c->reg[GPR_RSP];

	fixture_load(f, code, size);
	f->c->reg[GPR_RSP] = rsp;
	f->v.limit = f->c->insns + 100;
	tcg_run(&f->v);
}

static unsigned halted_in(void)
{
	assert_true(f->c->halted);
	return (unsigned)(f->c->reg[GPR_RIP] - FIXTURE_STUBS) / 16;
}

/* ---- real-address mode ---- */

static void test_real_interrupt(void **state)
{
	set_rflags(FLAG_ONE | FLAG_IF | FLAG_CF | FLAG_AC);
	assert_int_equal(system_run(f, CODE(0xcd, 0x21), 2), 0x21);
	assert_int_equal(f->c->reg[GPR_RSP], FIXTURE_STACK - 6);
	assert_int_equal(system_stack(f, 0), FIXTURE_CODE + 2);
	assert_int_equal(system_stack(f, 1), 0);
	assert_int_equal(system_stack(f, 2), FLAG_ONE | FLAG_IF | FLAG_CF);
	assert_int_equal(rflags() & (FLAG_IF | FLAG_AC), 0);
}

/* No error code is pushed in real mode; a fault's address is the instruction's own. */
static void test_real_fault(void **state)
{
	/* mov ax, [0xffff]: a word beyond the limit */
	assert_int_equal(system_run(f, CODE(0xa1, 0xff, 0xff), 2), EXC_GP);
	assert_int_equal(f->c->reg[GPR_RSP], FIXTURE_STACK - 6);
	assert_int_equal(system_stack(f, 0), FIXTURE_CODE);
}

static void test_real_ivt_limit(void **state)
{
	f->c->idtr.limit = 0x21 * 4 + 2;
	assert_int_equal(system_run(f, CODE(0xcd, 0x21), 2), EXC_GP);
	/* #GP's own entry gone: #DF; that gone too: shutdown. */
	f->c->idtr.limit = 8 * 4 + 3;
	f->c->halted = false;
	run_to_end(CODE(0xcd, 0x21));
	assert_int_equal(halted_in(), EXC_DF);
	f->c->idtr.limit = 8 * 4 + 2;
	f->c->halted = false;
	run_to_end(CODE(0xcd, 0x21));
	assert_true(f->c->shutdown);
	assert_int_equal(f->exits[f->exit_count - 1].kind, EXIT_SHUTDOWN);
}

static void test_real_iret(void **state)
{
	fixture_poke(f, FIXTURE_STACK, 2, FIXTURE_CODE + 0x10);
	fixture_poke(f, FIXTURE_STACK + 2, 2, 0x0001);
	fixture_poke(f, FIXTURE_STACK + 4, 2, FLAG_IF | FLAG_CF | FLAG_NT | FLAG_IOPL);
	fixture_do(f, CODE(0xcf), 1);
	assert_int_equal(f->c->reg[GPR_RIP], FIXTURE_CODE + 0x10);
	assert_int_equal(f->c->seg[SEG_CS].base, 0x10);
	assert_int_equal(f->c->reg[GPR_RSP], FIXTURE_STACK + 6);
	assert_int_equal(rflags(), FLAG_ONE | FLAG_IF | FLAG_CF | FLAG_NT | FLAG_IOPL);
}

/* ---- 32-bit protected mode ---- */

static void test_same_level(void **state)
{
	set_rflags(FLAG_ONE | FLAG_IF | FLAG_ZF | FLAG_NT);
	assert_int_equal(system_run(f, CODE(UD2), 2), EXC_UD);
	assert_int_equal(f->c->reg[GPR_RSP], FIXTURE_STACK - 12);
	assert_int_equal(system_stack(f, 0), FIXTURE_CODE);
	assert_int_equal(system_stack(f, 1), SEL_CODE32);
	/* A fault pushes RF set; the handler runs with it, NT and IF (interrupt gate) clear. */
	assert_int_equal(system_stack(f, 2), FLAG_ONE | FLAG_IF | FLAG_ZF | FLAG_NT | FLAG_RF);
	assert_int_equal(rflags(), FLAG_ONE | FLAG_ZF);
}

static void test_trap_gate_keeps_if(void **state)
{
	system_idt(f, 0x30, SEL_CODE32, 0x8f00);
	set_rflags(FLAG_ONE | FLAG_IF);
	assert_int_equal(system_run(f, CODE(0xcd, 0x30), 2), 0x30);
	assert_int_equal(rflags(), FLAG_ONE | FLAG_IF);
	assert_int_equal(system_stack(f, 0), FIXTURE_CODE + 2);
	assert_int_equal(system_stack(f, 2), FLAG_ONE | FLAG_IF);
}

static void test_gate16(void **state)
{
	system_idt(f, 0x30, SEL_CODE32, 0x8600);
	assert_int_equal(system_run(f, CODE(0xcd, 0x30), 2), 0x30);
	assert_int_equal(f->c->reg[GPR_RSP], FIXTURE_STACK - 6);
	assert_int_equal(fixture_peek(f, FIXTURE_STACK - 6, 2), FIXTURE_CODE + 2);
}

static void test_inner_level(void **state)
{
	system_user(f);
	set_rflags(FLAG_ONE | FLAG_IF);
	assert_int_equal(system_run(f, CODE(UD2), 2), EXC_UD);
	assert_int_equal(f->c->cpl, 0);
	assert_int_equal(f->c->seg[SEG_SS].selector, SEL_DATA);
	assert_int_equal(f->c->reg[GPR_RSP], SYSTEM_STACK0 - 20);
	assert_int_equal(system_stack(f, 0), FIXTURE_CODE);
	assert_int_equal(system_stack(f, 1), SEL_USER_CODE32 | 3);
	assert_int_equal(system_stack(f, 3), SYSTEM_STACK3);
	assert_int_equal(system_stack(f, 4), SEL_USER_DATA | 3);
	/* Data segments stay. */
	assert_int_equal(f->c->seg[SEG_DS].selector, SEL_USER_DATA | 3);
}

static void test_error_code(void **state)
{
	/* mov ds, ax with a selector beyond the GDT */
	f->c->reg[GPR_RAX] = 0x1234;
	assert_int_equal(system_run(f, CODE(0x8e, 0xd8), 2), EXC_GP);
	assert_int_equal(f->c->reg[GPR_RSP], FIXTURE_STACK - 16);
	assert_int_equal(fixture_fault_error(f), 0x1234);
	assert_int_equal(fixture_fault_rip(f), FIXTURE_CODE);
}

/* SDM vol. 3A 6.13: IDT bit 1, EXT bit 0. */
static void test_gate_checks(void **state)
{
	system_idt(f, 0x30, SEL_CODE32, 0x0e00);
	assert_int_equal(system_run(f, CODE(0xcd, 0x30), 2), EXC_NP);
	assert_int_equal(fixture_fault_error(f), 0x30 * 8 + 2);
	system_idt(f, 0x30, SEL_CODE32, 0x8200);
	assert_int_equal(system_run(f, CODE(0xcd, 0x30), 2), EXC_GP);
	assert_int_equal(fixture_fault_error(f), 0x30 * 8 + 2);
	system_idt(f, EXC_UD, SEL_CODE32, 0x0e00);
	assert_int_equal(system_run(f, CODE(UD2), 2), EXC_NP);
	assert_int_equal(fixture_fault_error(f), EXC_UD * 8 + 3);
	system_idt(f, 0x30, 0, 0x8e00);
	assert_int_equal(system_run(f, CODE(0xcd, 0x30), 2), EXC_GP);
	assert_int_equal(fixture_fault_error(f), 0);
	system_idt(f, 0x30, SEL_DATA, 0x8e00);
	assert_int_equal(system_run(f, CODE(0xcd, 0x30), 2), EXC_GP);
	assert_int_equal(fixture_fault_error(f), SEL_DATA);
	system_gdt(f, SEL_FREE, 0x00cf1b000000ffff);
	system_idt(f, EXC_UD, SEL_FREE, 0x8e00);
	assert_int_equal(system_run(f, CODE(UD2), 2), EXC_NP);
	assert_int_equal(fixture_fault_error(f), SEL_FREE | 1);
	f->c->idtr.limit = 0x30 * 8 + 6;
	assert_int_equal(system_run(f, CODE(0xcd, 0x30), 2), EXC_GP);
	assert_int_equal(fixture_fault_error(f), 0x30 * 8 + 2);
}

/* INT n and INT3 look at the gate's DPL; INT1 and faults do not. */
static void test_gate_dpl(void **state)
{
	system_user(f);
	assert_int_equal(system_run(f, CODE(0xcd, 0x30), 2), EXC_GP);
	assert_int_equal(fixture_fault_error(f), 0x30 * 8 + 2);
	assert_int_equal(fixture_fault_rip(f), FIXTURE_CODE);
	system_user(f);
	assert_int_equal(system_run(f, CODE(0xcc), 2), EXC_GP);
	assert_int_equal(fixture_fault_error(f), 3 * 8 + 2);
	system_user(f);
	assert_int_equal(system_run(f, CODE(0xf1), 2), EXC_DB);
	assert_int_equal(fixture_fault_rip(f), FIXTURE_CODE + 1);
	system_idt(f, EXC_BP, SEL_CODE32, 0xee00);
	system_user(f);
	assert_int_equal(system_run(f, CODE(0xcc), 2), EXC_BP);
	assert_int_equal(fixture_fault_rip(f), FIXTURE_CODE + 1);
}

static void test_into(void **state)
{
	fixture_do(f, CODE(0xce, 0x90), 2);
	fixture_set_flags(f, FLAG_OF);
	assert_int_equal(system_run(f, CODE(0xce), 2), EXC_OF);
	assert_int_equal(fixture_fault_rip(f), FIXTURE_CODE + 1);
}

static void test_inner_stack_checks(void **state)
{
	system_user(f);
	fixture_poke(f, SYSTEM_TSS + 8, 2, SEL_USER_DATA);
	run_to_end(CODE(UD2));
	/* #TS cannot be delivered for the same reason, nor can #DF. */
	assert_true(f->c->shutdown);
}

static void test_conforming_handler(void **state)
{
	system_idt(f, 0x30, SEL_CONFORMING, 0xee00);
	system_user(f);
	assert_int_equal(system_run(f, CODE(0xcd, 0x30, 0x90), 1), 0x30);
	assert_int_equal(f->c->cpl, 3);
	assert_int_equal(f->c->seg[SEG_CS].selector, SEL_CONFORMING | 3);
	assert_int_equal(f->c->reg[GPR_RSP], SYSTEM_STACK3 - 12);
}

/* ---- double and triple faults: SDM vol. 3A table 6-5 ---- */

static void test_double_fault(void **state)
{
	/* #NP while delivering #GP: both contributory. */
	system_idt(f, EXC_GP, SEL_CODE32, 0x0e00);
	f->c->reg[GPR_RAX] = 0x1234;
	run_to_end(CODE(0x8e, 0xd8));
	assert_int_equal(halted_in(), EXC_DF);
	assert_int_equal(system_stack(f, 0), 0);
	assert_int_equal(system_stack(f, 1), FIXTURE_CODE);
}

static void test_benign_first(void **state)
{
	/* #NP while delivering #UD, which is benign: #NP is handled. */
	system_idt(f, EXC_UD, SEL_CODE32, 0x0e00);
	run_to_end(CODE(UD2));
	assert_int_equal(halted_in(), EXC_NP);
}

static void test_triple_fault(void **state)
{
	system_idt(f, EXC_GP, SEL_CODE32, 0x0e00);
	system_idt(f, EXC_DF, SEL_CODE32, 0x0e00);
	f->c->reg[GPR_RAX] = 0x1234;
	run_to_end(CODE(0x8e, 0xd8));
	assert_true(f->c->shutdown);
	assert_false(f->c->halted);
	assert_int_equal(f->exit_count, 1);
	assert_int_equal(f->exits[0].kind, EXIT_SHUTDOWN);
	assert_int_equal(f->v.limit, 0);
	assert_false(vcpu_can_interrupt(&f->v));
}

/* #PF while delivering #PF is a double fault, #PF while delivering #GP is a page fault. */
static void test_page_fault_class(void **state)
{
	/* The stack is in a page that is not there. */
	fixture_poke(f, 0x102000 + 8, 8, 0);
	tlb_flush(&f->v, true);
	/* The handler of #DF and #PF gets a stack of its own. */
	fixture_poke(f, SYSTEM_IDT + EXC_DF * 16 + 4, 1, 1);
	f->c->reg[GPR_RSP] = 0x300000;
	run_to_end(CODE(0x8b, 0x04, 0x25, 0, 0, 0x30, 0)); /* mov eax, [0x300000] */
	assert_int_equal(halted_in(), EXC_DF);
	assert_int_equal(f->c->cr2, 0x2ffff8);

	fixture_poke(f, SYSTEM_IDT + EXC_PF * 16 + 4, 1, 1);
	f->c->reg[GPR_RSP] = 0x300000;
	f->c->reg[GPR_RAX] = 0x1234;
	f->c->halted = false;
	run_to_end(CODE(0x8e, 0xd8));
	assert_int_equal(halted_in(), EXC_PF);
	assert_int_equal(system_stack(f, 0), 2);
}

/* ---- 64-bit mode ---- */

static void test_long_frame(void **state)
{
	f->c->reg[GPR_RSP] = FIXTURE_STACK - 5;
	assert_int_equal(system_run(f, CODE(UD2), 2), EXC_UD);
	/* Aligned to 16 first; SS:RSP always there. */
	assert_int_equal(f->c->reg[GPR_RSP], FIXTURE_STACK - 16 - 40);
	assert_int_equal(system_stack(f, 0), FIXTURE_CODE);
	assert_int_equal(system_stack(f, 1), SEL_CODE64);
	assert_int_equal(system_stack(f, 2), FLAG_ONE | FLAG_RF);
	assert_int_equal(system_stack(f, 3), FIXTURE_STACK - 5);
	assert_int_equal(system_stack(f, 4), SEL_DATA);
	assert_int_equal(f->c->seg[SEG_SS].selector, SEL_DATA);
}

static void test_long_inner(void **state)
{
	system_user(f);
	f->c->seg[SEG_FS].base = 0x123456789000;
	assert_int_equal(system_run(f, CODE(UD2), 2), EXC_UD);
	assert_int_equal(f->c->reg[GPR_RSP], SYSTEM_STACK0 - 40);
	assert_int_equal(f->c->seg[SEG_SS].selector, 0);
	assert_int_equal(f->c->cpl, 0);
	assert_int_equal(f->c->code_bits, 64);
	assert_int_equal(system_stack(f, 3), SYSTEM_STACK3);
	assert_int_equal(system_stack(f, 4), SEL_USER_DATA | 3);
	/* And back: FS keeps its base, since its segment is as privileged as the user. */
	fixture_poke(f, FIXTURE_STUBS + 16 * EXC_UD, 2, 0xcf48); /* iretq */
	f->c->reg[GPR_RIP] = FIXTURE_STUBS + 16 * EXC_UD;
	f->c->halted = false;
	f->v.limit = f->c->insns + 1;
	tcg_run(&f->v);
	assert_int_equal(f->c->cpl, 3);
	assert_int_equal(f->c->reg[GPR_RIP], FIXTURE_CODE);
	assert_int_equal(f->c->reg[GPR_RSP], SYSTEM_STACK3);
	assert_int_equal(f->c->seg[SEG_FS].base, 0x123456789000);
}

static void test_long_ist(void **state)
{
	fixture_poke(f, SYSTEM_IDT + EXC_UD * 16 + 4, 1, 1);
	assert_int_equal(system_run(f, CODE(UD2), 2), EXC_UD);
	assert_int_equal(f->c->reg[GPR_RSP], SYSTEM_STACK_IST1 - 40);
	assert_int_equal(f->c->seg[SEG_SS].selector, SEL_DATA);
	/* A TSS too short for the pointer: #TS with its selector. */
	fixture_poke(f, SYSTEM_IDT + EXC_UD * 16 + 4, 1, 7);
	f->c->tr.limit = 0x5a;
	assert_int_equal(system_run(f, CODE(UD2), 2), EXC_TS);
	assert_int_equal(fixture_fault_error(f), SEL_TSS | 1);
}

static void test_long_gate_checks(void **state)
{
	system_idt(f, 0x30, SEL_CODE32, 0x8e00);
	assert_int_equal(system_run(f, CODE(0xcd, 0x30), 2), EXC_GP);
	assert_int_equal(fixture_fault_error(f), SEL_CODE32);
	system_idt(f, 0x30, SEL_CODE64, 0x8600);
	assert_int_equal(system_run(f, CODE(0xcd, 0x30), 2), EXC_GP);
	assert_int_equal(fixture_fault_error(f), 0x30 * 8 + 2);
	/* A handler that is not canonical. */
	system_idt(f, 0x30, SEL_CODE64, 0x8e00);
	fixture_poke(f, SYSTEM_IDT + 0x30 * 16 + 8, 4, 0x8000);
	assert_int_equal(system_run(f, CODE(0xcd, 0x30), 2), EXC_GP);
	assert_int_equal(fixture_fault_error(f), 0);
}

static void push_frame64(uint64_t rip, unsigned cs, uint64_t flags, uint64_t rsp, unsigned ss)
{
	const uint64_t frame[] = {rip, cs, flags, rsp, ss};

	f->c->reg[GPR_RSP] = FIXTURE_STACK - 40;
	for (unsigned n = 0; n < 5; n++)
		fixture_poke(f, FIXTURE_STACK - 40 + 8 * n, 8, frame[n]);
}

static void test_iretq_to_compatibility(void **state)
{
	push_frame64(FIXTURE_CODE + 0x40, SEL_USER_CODE32 | 3, FLAG_IF | FLAG_ID, 0x12345678,
		     SEL_USER_DATA | 3);
	assert_int_equal(system_run(f, CODE(0x48, 0xcf), 1), -1);
	assert_int_equal(f->c->code_bits, 32);
	assert_int_equal(f->c->cpl, 3);
	assert_int_equal(f->c->reg[GPR_RSP], 0x12345678);
	assert_int_equal(rflags(), FLAG_ONE | FLAG_IF | FLAG_ID);
}

static void test_iretq_checks(void **state)
{
	/* Null SS: fine for 64-bit code at CPL 0, #GP(0) for a return to CPL 3. */
	push_frame64(FIXTURE_CODE, SEL_CODE64, 0, FIXTURE_STACK, 0);
	assert_int_equal(system_run(f, CODE(0x48, 0xcf), 1), -1);
	assert_int_equal(f->c->seg[SEG_SS].selector, 0);
	push_frame64(FIXTURE_CODE, SEL_USER_CODE64 | 3, 0, FIXTURE_STACK, 0);
	assert_int_equal(system_run(f, CODE(0x48, 0xcf), 2), EXC_GP);
	assert_int_equal(fixture_fault_error(f), 0);
	push_frame64(0x800000000000, SEL_CODE64, 0, FIXTURE_STACK, SEL_DATA);
	assert_int_equal(system_run(f, CODE(0x48, 0xcf), 2), EXC_GP);
	push_frame64(FIXTURE_CODE, SEL_USER_CODE64, 0, FIXTURE_STACK, SEL_DATA);
	assert_int_equal(system_run(f, CODE(0x48, 0xcf), 2), EXC_GP);
	assert_int_equal(fixture_fault_error(f), SEL_USER_CODE64);
	/* NT means a task return, which long mode has not. */
	push_frame64(FIXTURE_CODE, SEL_CODE64, 0, FIXTURE_STACK, SEL_DATA);
	set_rflags(FLAG_ONE | FLAG_NT);
	assert_int_equal(system_run(f, CODE(0x48, 0xcf), 2), EXC_GP);
	assert_int_equal(fixture_fault_error(f), 0);
}

/* A user's IRET changes neither IOPL nor, without IOPL, IF. */
static void test_iret_flags(void **state)
{
	system_user(f);
	push_frame64(FIXTURE_CODE + 0x40, SEL_USER_CODE64 | 3,
		     FLAG_IOPL | FLAG_IF | FLAG_CF | FLAG_AC, SYSTEM_STACK3, SEL_USER_DATA | 3);
	assert_int_equal(system_run(f, CODE(0x48, 0xcf), 1), -1);
	assert_int_equal(rflags(), FLAG_ONE | FLAG_CF | FLAG_AC);
}

/* IRET to an outer level takes away segments that the outer level may not use. */
static void test_iret_nulls_segments(void **state)
{
	const uint32_t frame[] = {FIXTURE_CODE, SEL_USER_CODE32 | 3, FLAG_IF, SYSTEM_STACK3,
				  SEL_USER_DATA | 3};

	for (unsigned n = 0; n < 5; n++)
		fixture_poke(f, FIXTURE_STACK + 4 * n, 4, frame[n]);
	segment_load(&f->v, SEG_ES, SEL_USER_DATA | 3);
	assert_int_equal(system_run(f, CODE(0xcf), 1), -1);
	assert_int_equal(f->c->cpl, 3);
	assert_int_equal(f->c->reg[GPR_RSP], SYSTEM_STACK3);
	assert_int_equal(f->c->seg[SEG_DS].selector, 0);
	assert_int_equal(f->c->seg[SEG_DS].attr & SEG_P, 0);
	assert_int_equal(f->c->seg[SEG_ES].selector, SEL_USER_DATA | 3);
}

/* It takes the selector only: the base that was set through the MSR stays in use. */
static void test_iretq_keeps_base(void **state)
{
	segment_load(&f->v, SEG_GS, SEL_DATA);
	f->c->seg[SEG_GS].base = 0x123456789000;
	push_frame64(FIXTURE_CODE + 0x40, SEL_USER_CODE64 | 3, FLAG_ONE, SYSTEM_STACK3,
		     SEL_USER_DATA | 3);
	assert_int_equal(system_run(f, CODE(0x48, 0xcf), 1), -1);
	assert_int_equal(f->c->seg[SEG_GS].selector, 0);
	assert_int_equal(f->c->seg[SEG_GS].base, 0x123456789000);
}

/* ---- virtual-8086 mode ---- */

static void test_v86_interrupt(void **state)
{
	system_virtual8086(f, 3);
	f->c->seg[SEG_GS].selector = 0x1111;
	f->c->seg[SEG_FS].selector = 0x2222;
	f->c->seg[SEG_DS].selector = 0x3333;
	f->c->seg[SEG_ES].selector = 0x4444;
	f->c->reg[GPR_RSP] = 0xe000;
	assert_int_equal(system_run(f, CODE(UD2), 2), EXC_UD);
	assert_int_equal(f->c->reg[GPR_RSP], SYSTEM_STACK0 - 36);
	assert_int_equal(system_stack(f, 0), FIXTURE_CODE);
	assert_int_equal(system_stack(f, 1), 0);
	assert_int_equal(system_stack(f, 2), FLAG_ONE | FLAG_VM | FLAG_IOPL | FLAG_RF);
	assert_int_equal(system_stack(f, 3), 0xe000);
	assert_int_equal(system_stack(f, 5), 0x4444);
	assert_int_equal(system_stack(f, 6), 0x3333);
	assert_int_equal(system_stack(f, 7), 0x2222);
	assert_int_equal(system_stack(f, 8), 0x1111);
	assert_int_equal(f->c->seg[SEG_DS].selector, 0);
	assert_int_equal(rflags() & FLAG_VM, 0);
	/* And back. */
	fixture_poke(f, FIXTURE_STUBS + 16 * EXC_UD, 1, 0xcf);
	f->c->reg[GPR_RIP] = FIXTURE_STUBS + 16 * EXC_UD;
	f->c->halted = false;
	f->v.limit = f->c->insns + 1;
	tcg_run(&f->v);
	assert_int_equal(rflags() & FLAG_VM, FLAG_VM);
	assert_int_equal(f->c->seg[SEG_GS].base, 0x11110);
	assert_int_equal(f->c->seg[SEG_DS].base, 0x33330);
	assert_int_equal(f->c->reg[GPR_RSP], 0xe000);
	assert_int_equal(f->c->cpl, 3);
}

static void test_v86_iopl(void **state)
{
	static const uint8_t sensitive[][2] = {{0xcd, 0x30}, {0xcf}, {0x9c},
					       {0x9d},       {0xfa}, {0xfb}};

	for (unsigned n = 0; n < 6; n++) {
		system_virtual8086(f, 0);
		f->c->reg[GPR_RSP] = 0xe000;
		assert_int_equal(system_run(f, sensitive[n], 2, 2), EXC_GP);
		assert_int_equal(fixture_fault_error(f), 0);
	}
	/* IOPL 3: INT n goes through the IDT, whose gate must be open to CPL 3. */
	system_virtual8086(f, 3);
	assert_int_equal(system_run(f, CODE(0xcd, 0x30), 2), EXC_GP);
	assert_int_equal(fixture_fault_error(f), 0x30 * 8 + 2);
	system_idt(f, 0x30, SEL_CODE32, 0xee00);
	system_virtual8086(f, 3);
	assert_int_equal(system_run(f, CODE(0xcd, 0x30), 2), 0x30);
	/* Not to a conforming segment, which would stay at CPL 3. */
	system_idt(f, 0x30, SEL_CONFORMING, 0xee00);
	system_virtual8086(f, 3);
	assert_int_equal(system_run(f, CODE(0xcd, 0x30), 2), EXC_GP);
	assert_int_equal(fixture_fault_error(f), SEL_CONFORMING);
}

/* CR4.VME, SDM vol. 3B table 20-2: a clear bit in the redirection map keeps INT n in the task. */
static void test_vme_redirection(void **state)
{
	f->c->cr4 |= CR4_VME;
	fixture_poke(f, SYSTEM_TSS + 0x66, 2, 0x88);
	f->c->tr.limit = 0x100;
	fixture_poke(f, 0x30 * 4, 4, 0x0100abcd);
	system_virtual8086(f, 0);
	f->c->rflags |= FLAG_VIF;
	f->c->reg[GPR_RSP] = 0xe000;
	assert_int_equal(system_run(f, CODE(0xcd, 0x30), 1), -1);
	assert_int_equal(f->c->reg[GPR_RIP], 0xabcd);
	assert_int_equal(f->c->seg[SEG_CS].base, 0x1000);
	/* The image shows VIF as IF and IOPL 3; VIF is then clear. */
	assert_int_equal(fixture_peek(f, 0xe000 - 2, 2), FLAG_ONE | FLAG_IOPL | FLAG_IF);
	assert_int_equal(fixture_peek(f, 0xe000 - 6, 2), FIXTURE_CODE + 2);
	assert_int_equal(rflags(), FLAG_ONE | FLAG_VM);
	/* A set bit: #GP(0) below IOPL 3. */
	fixture_poke(f, SYSTEM_TSS + 0x68 + 6, 1, 1);
	system_virtual8086(f, 0);
	assert_int_equal(system_run(f, CODE(0xcd, 0x30), 2), EXC_GP);
	assert_int_equal(fixture_fault_error(f), 0);
}

static void test_vme_flags(void **state)
{
	f->c->cr4 |= CR4_VME;
	system_virtual8086(f, 0);
	f->c->reg[GPR_RSP] = 0xe000;
	/* sti; pushf; cli; pushf */
	assert_int_equal(system_run(f, CODE(0xfb, 0x9c, 0xfa, 0x9c), 4), -1);
	assert_int_equal(fixture_peek(f, 0xdffe, 2), FLAG_ONE | FLAG_IOPL | FLAG_IF);
	assert_int_equal(fixture_peek(f, 0xdffc, 2), FLAG_ONE | FLAG_IOPL);
	assert_int_equal(rflags() & FLAG_IF, 0);
	/* A pending virtual interrupt: STI and POPF of IF go to the monitor. */
	f->c->rflags |= FLAG_VIP;
	assert_int_equal(system_run(f, CODE(0xfb), 2), EXC_GP);
	system_virtual8086(f, 0);
	f->c->reg[GPR_RSP] = 0xe000;
	fixture_poke(f, 0xe000, 2, FLAG_IF | FLAG_CF);
	assert_int_equal(system_run(f, CODE(0x9d), 1), -1);
	assert_int_equal(rflags(), FLAG_ONE | FLAG_VM | FLAG_VIF | FLAG_CF);
}

/* ---- interrupts between instructions ---- */

static void test_external(void **state)
{
	assert_false(vcpu_can_interrupt(&f->v));
	/* sti; nop: not before the nop is done. */
	fixture_load(f, CODE(0xfb, 0x90, 0x90));
	assert_int_equal(fixture_run(f, 1), -1);
	assert_false(vcpu_can_interrupt(&f->v));
	assert_false(vcpu_can_nmi(&f->v));
	assert_int_equal(fixture_run(f, 1), -1);
	assert_true(vcpu_can_interrupt(&f->v));
	f->c->halted = true;
	vcpu_interrupt(&f->v, 0x41);
	assert_false(f->c->halted);
	assert_int_equal(f->c->reg[GPR_RIP], FIXTURE_STUBS + 0x41 * 16);
	assert_int_equal(system_stack(f, 0), FIXTURE_CODE + 2);
	assert_int_equal(system_stack(f, 2), FLAG_ONE | FLAG_IF);
	assert_false(vcpu_can_interrupt(&f->v));
}

/* A waiting interrupt ends a run as soon as IF allows it. */
static void test_sti_kicks(void **state)
{
	f->c->intr = true;
	fixture_load(f, CODE(0x90, 0xfb, 0x90, 0x90));
	f->v.limit = f->c->insns + 100;
	tcg_run(&f->v);
	assert_int_equal(f->c->reg[GPR_RIP], FIXTURE_CODE + 2);
}

static void test_external_fault(void **state)
{
	system_idt(f, 0x41, SEL_CODE32, 0x0e00);
	vcpu_interrupt(&f->v, 0x41);
	assert_int_equal(f->c->reg[GPR_RIP], FIXTURE_STUBS + EXC_NP * 16);
	assert_int_equal(fixture_fault_error(f), 0x41 * 8 + 3);
}

static void test_nmi(void **state)
{
	f->c->nmi_pending = true;
	assert_true(vcpu_can_nmi(&f->v));
	vcpu_nmi(&f->v);
	assert_false(f->c->nmi_pending);
	assert_int_equal(f->c->reg[GPR_RIP], FIXTURE_STUBS + EXC_NMI * 16);
	assert_false(vcpu_can_nmi(&f->v));
	/* IRET lets them through again. */
	fixture_poke(f, FIXTURE_STUBS + EXC_NMI * 16, 1, 0xcf);
	f->v.limit = f->c->insns + 1;
	tcg_run(&f->v);
	assert_true(vcpu_can_nmi(&f->v));
}

int main(void)
{
#define TEST(bits, name) cmocka_unit_test_setup_teardown(name, setup##bits, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(16, test_real_interrupt),
	    TEST(16, test_real_fault),
	    TEST(16, test_real_ivt_limit),
	    TEST(16, test_real_iret),
	    TEST(32, test_same_level),
	    TEST(32, test_trap_gate_keeps_if),
	    TEST(32, test_gate16),
	    TEST(32, test_inner_level),
	    TEST(32, test_error_code),
	    TEST(32, test_gate_checks),
	    TEST(32, test_gate_dpl),
	    TEST(32, test_into),
	    TEST(32, test_inner_stack_checks),
	    TEST(32, test_conforming_handler),
	    TEST(32, test_double_fault),
	    TEST(32, test_benign_first),
	    TEST(32, test_triple_fault),
	    TEST(64, test_page_fault_class),
	    TEST(64, test_long_frame),
	    TEST(64, test_long_inner),
	    TEST(64, test_long_ist),
	    TEST(64, test_long_gate_checks),
	    TEST(64, test_iretq_to_compatibility),
	    TEST(64, test_iretq_checks),
	    TEST(64, test_iret_flags),
	    TEST(32, test_iret_nulls_segments),
	    TEST(64, test_iretq_keeps_base),
	    TEST(32, test_v86_interrupt),
	    TEST(32, test_v86_iopl),
	    TEST(32, test_vme_redirection),
	    TEST(32, test_vme_flags),
	    TEST(32, test_external),
	    TEST(32, test_sti_kicks),
	    TEST(32, test_external_fault),
	    TEST(32, test_nmi),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
