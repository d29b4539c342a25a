/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System instructions (Intel SDM vol. 2 and vol. 3A 2.5 to 2.8): control registers with what they
 * refuse, descriptor table registers, privileges, UMIP, RFLAGS under IOPL, SYSCALL and SYSENTER,
 * HLT, and which encodings do not exist.
 */
#include "emulator/accel/tcg/tcg.h"
#include "tests/unit/cpu/system_test.h"

/* #GP(0) or another fault with error 0 at the first instruction. */
static void expect_fault(int vector, int want)
{
	assert_int_equal(vector, want);
	assert_int_equal(fixture_fault_rip(f), FIXTURE_CODE);
	if (want != EXC_UD)
		assert_int_equal(fixture_fault_error(f), 0);
	f->c->reg[GPR_RSP] = FIXTURE_STACK;
	f->c->halted = false;
}

/* mov crN, rax */
static int write_cr(unsigned n, uint64_t value)
{
	const uint8_t code[] = {0x0f, 0x22, (uint8_t)(0xc0 | n << 3)};

	f->c->reg[GPR_RAX] = value;
	return system_run(f, code, sizeof(code), 1);
}

/* ---- control registers ---- */

static void test_cr0(void **state)
{
	expect_fault(write_cr(0, f->c->cr0 | 1ull << 32), EXC_GP);
	expect_fault(write_cr(0, f->c->cr0 & ~(uint64_t)CR0_PE), EXC_GP); /* PG without PE */
	expect_fault(write_cr(0, f->c->cr0 | CR0_NW), EXC_GP);            /* NW without CD */
	expect_fault(write_cr(0, f->c->cr0 & ~(uint64_t)CR0_PG), EXC_GP); /* in 64-bit mode */
	assert_int_equal(write_cr(0, (f->c->cr0 | CR0_WP | CR0_AM | 1u << 6) & ~(uint64_t)CR0_ET),
			 -1);
	assert_int_equal(f->c->cr0, CR0_PG | CR0_AM | CR0_WP | CR0_NE | CR0_ET | CR0_PE);
	/* mov rbx, cr0 */
	assert_int_equal(system_run(f, CODE(0x0f, 0x20, 0xc3), 1), -1);
	assert_int_equal(f->c->reg[GPR_RBX], f->c->cr0);
}

static void test_cr4(void **state)
{
	expect_fault(write_cr(4, f->c->cr4 | 1u << 13), EXC_GP);
	expect_fault(write_cr(4, f->c->cr4 | 1u << 17), EXC_GP);
	expect_fault(write_cr(4, f->c->cr4 & ~(uint64_t)CR4_PAE), EXC_GP);
	assert_int_equal(write_cr(4, f->c->cr4 | CR4_SMEP | CR4_UMIP | CR4_PGE), -1);
	assert_int_equal(f->c->cr4 & CR4_SMEP, CR4_SMEP);
}

static void test_cr3(void **state)
{
	expect_fault(write_cr(3, 1ull << 40), EXC_GP);
	assert_int_equal(write_cr(3, f->c->cr3), -1);
	/* There is no CR1, CR5, CR6, CR7, CR9. */
	expect_fault(system_run(f, CODE(0x0f, 0x20, 0xc8), 1), EXC_UD);
	expect_fault(system_run(f, CODE(0x0f, 0x22, 0xe8), 1), EXC_UD);
	expect_fault(system_run(f, CODE(0x44, 0x0f, 0x22, 0xc8), 1), EXC_UD);
}

static void test_cr8(void **state)
{
	f->answer = 9;
	/* mov rbx, cr8; mov cr8, rax */
	f->c->reg[GPR_RAX] = 5;
	assert_int_equal(system_run(f, CODE(0x44, 0x0f, 0x20, 0xc3, 0x44, 0x0f, 0x22, 0xc0), 2),
			 -1);
	assert_int_equal(f->c->reg[GPR_RBX], 9);
	assert_int_equal(f->exit_count, 2);
	assert_int_equal(f->exits[0].kind, EXIT_CR8);
	assert_false(f->exits[0].is_write);
	assert_int_equal(f->exits[1].data, 5);
	assert_int_equal(f->exits[1].rip, FIXTURE_CODE + 4);
	f->c->reg[GPR_RAX] = 16;
	expect_fault(system_run(f, CODE(0x44, 0x0f, 0x22, 0xc0), 1), EXC_GP);
}

/* From 32-bit code with EFER.LME, PAE and a PML4: paging on means long mode, compatibility code. */
static void test_enter_long_mode(void **state)
{
	fixture_poke(f, 0x100000, 8, 0x101007);
	fixture_poke(f, 0x101000, 8, 0x87);
	f->c->efer = EFER_LME;
	f->c->cr3 = 0x100000;
	expect_fault(write_cr(0, f->c->cr0 | CR0_PG), EXC_GP); /* no PAE */
	f->c->cr4 |= CR4_PAE;
	f->c->tr.attr = 0x83;
	expect_fault(write_cr(0, f->c->cr0 | CR0_PG), EXC_GP); /* a 16-bit TSS */
	f->c->tr.attr = 0x8b;
	assert_int_equal(write_cr(0, f->c->cr0 | CR0_PG), -1);
	assert_int_equal(f->c->efer, EFER_LME | EFER_LMA);
	assert_int_equal(f->c->code_bits, 32);
	assert_int_equal(write_cr(0, f->c->cr0 & ~(uint64_t)CR0_PG), -1);
	assert_int_equal(f->c->efer, EFER_LME);
}

/* SDM vol. 3A 4.4.1: a reserved bit in a page-directory-pointer entry. */
static void test_pae_pointers(void **state)
{
	fixture_poke(f, SYSTEM_FREE, 8, 1 | 2);
	f->c->cr4 |= CR4_PAE;
	f->c->cr3 = SYSTEM_FREE;
	expect_fault(write_cr(0, f->c->cr0 | CR0_PG), EXC_GP);
	assert_int_equal(f->c->cr0 & CR0_PG, 0);
	fixture_poke(f, SYSTEM_FREE, 8, (SYSTEM_FREE + 0x1000) | 1);
	fixture_poke(f, SYSTEM_FREE + 0x1000, 8, 0x83);
	assert_int_equal(write_cr(0, f->c->cr0 | CR0_PG), -1);
	assert_int_equal(f->c->pdpte[0], (SYSTEM_FREE + 0x1000) | 1);
}

static void test_lmsw_smsw_clts(void **state)
{
	f->c->cr0 |= CR0_TS;
	assert_int_equal(system_run(f, CODE(0x0f, 0x06), 1), -1); /* clts */
	assert_int_equal(f->c->cr0 & CR0_TS, 0);
	/* lmsw ax: sets TS, cannot clear PE */
	f->c->reg[GPR_RAX] = CR0_TS;
	assert_int_equal(system_run(f, CODE(0x0f, 0x01, 0xf0), 1), -1);
	assert_int_equal(f->c->cr0 & (CR0_TS | CR0_PE), CR0_TS | CR0_PE);
	/* smsw eax; smsw [a000] stores 16 bits */
	assert_int_equal(system_run(f, CODE(0x0f, 0x01, 0xe0), 1), -1);
	assert_int_equal(f->c->reg[GPR_RAX], (uint32_t)f->c->cr0);
	fixture_poke(f, FIXTURE_DATA, 4, 0xffffffff);
	assert_int_equal(system_run(f, CODE(0x0f, 0x01, 0x24, 0x25, 0x00, 0xa0, 0, 0), 1), -1);
	assert_int_equal(fixture_peek(f, FIXTURE_DATA, 4), 0xffff0000 | (f->c->cr0 & 0xffff));
}

/* ---- descriptor tables ---- */

static void test_tables(void **state)
{
	/* sgdt [a000]; lidt [a000]; sidt [a010] */
	assert_int_equal(
	    system_run(f,
		       CODE(0x0f, 0x01, 0x04, 0x25, 0x00, 0xa0, 0, 0, 0x0f, 0x01, 0x1c, 0x25, 0x00,
			    0xa0, 0, 0, 0x0f, 0x01, 0x0c, 0x25, 0x10, 0xa0, 0, 0),
		       3),
	    -1);
	assert_int_equal(fixture_peek(f, FIXTURE_DATA, 2), SEL_LAST + 7);
	assert_int_equal(fixture_peek(f, FIXTURE_DATA + 2, 8), SYSTEM_GDT);
	assert_int_equal(fixture_peek(f, FIXTURE_DATA + 0x12, 8), SYSTEM_GDT);
	f->c->idtr.base = SYSTEM_IDT;
	f->c->idtr.limit = 0xfff;
	/* A base that is not canonical. */
	fixture_poke(f, FIXTURE_DATA + 2, 8, 0x800000000000);
	expect_fault(system_run(f, CODE(0x0f, 0x01, 0x14, 0x25, 0x00, 0xa0, 0, 0), 1), EXC_GP);
}

/* With a 16-bit operand the base has 24 bits. */
static void test_lgdt16(void **state)
{
	fixture_poke(f, FIXTURE_DATA, 2, 0x37);
	fixture_poke(f, FIXTURE_DATA + 2, 4, 0x89abcdef);
	assert_int_equal(system_run(f, CODE(0x0f, 0x01, 0x16, 0x00, 0xa0), 1), -1);
	assert_int_equal(f->c->gdtr.base, 0xabcdef);
	assert_int_equal(f->c->gdtr.limit, 0x37);
	assert_int_equal(system_run(f, CODE(0x66, 0x0f, 0x01, 0x16, 0x00, 0xa0), 1), -1);
	assert_int_equal(f->c->gdtr.base, 0x89abcdef);
	/* No LLDT in real mode. */
	assert_int_equal(system_run(f, CODE(0x0f, 0x00, 0xd0), 2), EXC_UD);
}

/* ---- privileges ---- */

static void test_privileged(void **state)
{
	static const uint8_t insns[][8] = {
	    {0x0f, 0x01, 0x14, 0x25, 0x00, 0xa0}, /* lgdt */
	    {0x0f, 0x00, 0xd0},                   /* lldt */
	    {0x0f, 0x00, 0xd8},                   /* ltr */
	    {0x0f, 0x01, 0xf0},                   /* lmsw */
	    {0x0f, 0x06},                         /* clts */
	    {0x0f, 0x08},                         /* invd */
	    {0x0f, 0x09},                         /* wbinvd */
	    {0x0f, 0x20, 0xc0},                   /* mov eax, cr0 */
	    {0x0f, 0x22, 0xc0},                   /* mov cr0, eax */
	    {0x0f, 0x30},                         /* wrmsr */
	    {0x0f, 0x32},                         /* rdmsr */
	    {0x0f, 0x33},                         /* rdpmc */
	    {0x0f, 0x01, 0x3c, 0x25, 0x00, 0xa0}, /* invlpg */
	    {0xf4},                               /* hlt */
	    {0xfa},                               /* cli */
	    {0xfb},                               /* sti */
	    {0x0f, 0x01, 0xf8},                   /* swapgs */
	};

	for (unsigned n = 0; n < sizeof(insns) / sizeof(insns[0]); n++) {
		system_user(f);
		expect_fault(system_run(f, insns[n], sizeof(insns[n]), 1), EXC_GP);
	}
	/* CLAC and STAC are #UD instead. */
	system_user(f);
	expect_fault(system_run(f, CODE(0x0f, 0x01, 0xca), 1), EXC_UD);
}

static void test_umip(void **state)
{
	static const uint8_t insns[][3] = {
	    {0x0f, 0x00, 0xc0}, /* sldt eax */
	    {0x0f, 0x00, 0xc8}, /* str eax */
	    {0x0f, 0x01, 0xe0}, /* smsw eax */
	};

	for (unsigned n = 0; n < 3; n++) {
		f->c->cr4 &= ~(uint64_t)CR4_UMIP;
		system_user(f);
		assert_int_equal(system_run(f, insns[n], 3, 1), -1);
		f->c->cr4 |= CR4_UMIP;
		system_user(f);
		expect_fault(system_run(f, insns[n], 3, 1), EXC_GP);
	}
	system_user(f);
	expect_fault(system_run(f, CODE(0x0f, 0x01, 0x04, 0x25, 0, 0xa0, 0, 0), 1), EXC_GP);
}

static void test_no_such_insns(void **state)
{
	static const uint8_t insns[][4] = {
	    {0x0f, 0x0b},             /* ud2 */
	    {0x0f, 0xff, 0xc0},       /* ud0 */
	    {0x0f, 0xb9, 0xc0},       /* ud1 */
	    {0x0f, 0xaa},             /* rsm */
	    {0x0f, 0x01, 0xc8},       /* monitor */
	    {0x0f, 0x01, 0xd0},       /* xgetbv */
	    {0x0f, 0x01, 0xf9},       /* rdtscp */
	    {0x0f, 0x01, 0xc1},       /* vmcall */
	    {0x0f, 0x20, 0xc8},       /* mov eax, cr1 */
	    {0x0f, 0x22, 0xe8},       /* mov cr5, eax */
	    {0x44, 0x0f, 0x22, 0xd0}, /* mov cr10, rax */
	    {0x44, 0x0f, 0x21, 0xd8}, /* mov rax, dr11 */
	    {0x8e, 0xc8},             /* mov cs, eax */
	    {0x8c, 0xf0},             /* mov eax, (no segment) */
	    {0x06},                   /* push es */
	    {0xea},                   /* jmp far */
	    {0xce},                   /* into */
	    {0xff, 0xd8},             /* call far eax */
	};

	for (unsigned n = 0; n < sizeof(insns) / sizeof(insns[0]); n++)
		expect_fault(system_run(f, insns[n], sizeof(insns[n]), 1), EXC_UD);
	/* That there is no such register counts before the privilege level. */
	system_user(f);
	expect_fault(system_run(f, CODE(0x0f, 0x20, 0xc8), 1), EXC_UD);
}

/* ---- RFLAGS ---- */

static void test_popf_privilege(void **state)
{
	const uint64_t all = 0x3f7fd5;

	/* CPL 0: everything but VM, RF; VIF and VIP are cleared. */
	fixture_poke(f, FIXTURE_STACK, 8, all & ~(uint64_t)FLAG_TF);
	assert_int_equal(system_run(f, CODE(0x9d), 1), -1);
	assert_int_equal(cpu_rflags(f->c),
			 (all & ~(uint64_t)(FLAG_TF | FLAG_VM | FLAG_RF | FLAG_VIF | FLAG_VIP)) |
			     FLAG_ONE);
	/* CPL 3, IOPL 0: not IF, not IOPL. */
	cpu_set_rflags(f->c, FLAG_ONE);
	system_user(f);
	fixture_poke(f, SYSTEM_STACK3, 8, FLAG_IF | FLAG_IOPL | FLAG_CF);
	assert_int_equal(system_run(f, CODE(0x9d), 1), -1);
	assert_int_equal(cpu_rflags(f->c), FLAG_ONE | FLAG_CF);
	/* IOPL 3: IF too, but still not IOPL. */
	cpu_set_rflags(f->c, FLAG_ONE | FLAG_IOPL);
	fixture_poke(f, SYSTEM_STACK3, 8, FLAG_IF);
	f->c->reg[GPR_RSP] = SYSTEM_STACK3;
	assert_int_equal(system_run(f, CODE(0x9d), 1), -1);
	assert_int_equal(cpu_rflags(f->c), FLAG_ONE | FLAG_IF | FLAG_IOPL);
}

static void test_pushf(void **state)
{
	cpu_set_rflags(f->c, FLAG_ONE | FLAG_CF | FLAG_ID);
	assert_int_equal(system_run(f, CODE(0x9c, 0x66, 0x9c), 2), -1);
	assert_int_equal(f->c->reg[GPR_RSP], FIXTURE_STACK - 10);
	assert_int_equal(fixture_peek(f, FIXTURE_STACK - 8, 8), FLAG_ONE | FLAG_CF | FLAG_ID);
	assert_int_equal(fixture_peek(f, FIXTURE_STACK - 10, 2), FLAG_ONE | FLAG_CF);
}

/* CR4.PVI: CLI and STI of a CPL 3 program work on VIF. */
static void test_pvi(void **state)
{
	f->c->cr4 |= CR4_PVI;
	system_user(f);
	assert_int_equal(system_run(f, CODE(0xfb), 1), -1);
	assert_int_equal(cpu_rflags(f->c), FLAG_ONE | FLAG_VIF);
	assert_int_equal(system_run(f, CODE(0xfa), 1), -1);
	assert_int_equal(cpu_rflags(f->c), FLAG_ONE);
	f->c->rflags |= FLAG_VIP;
	expect_fault(system_run(f, CODE(0xfb), 1), EXC_GP);
}

/* The page of FIXTURE_DATA is a user page: with SMAP it is out of reach but under STAC. */
static void test_stac(void **state)
{
	static const uint8_t load[] = {0x8b, 0x04, 0x25, 0, 0xa0, 0, 0};
	int vector;

	f->c->cr4 |= CR4_SMAP;
	cpu_update_mode(&f->v);
	TRY(f, vector, mem_read32(&f->v, SEG_FLAT, FIXTURE_DATA));
	assert_int_equal(vector, EXC_PF);
	assert_int_equal(system_run(f, CODE(0x0f, 0x01, 0xcb), 1), -1);
	assert_int_equal(cpu_rflags(f->c), FLAG_ONE | FLAG_AC);
	assert_int_equal(system_run(f, load, sizeof(load), 1), -1);
	assert_int_equal(system_run(f, CODE(0x0f, 0x01, 0xca), 1), -1);
	assert_int_equal(cpu_rflags(f->c), FLAG_ONE);
	TRY(f, vector, mem_read32(&f->v, SEG_FLAT, FIXTURE_DATA));
	assert_int_equal(vector, EXC_PF);
}

/* ---- segment registers ---- */

static void test_mov_ss_shadow(void **state)
{
	f->c->rflags |= FLAG_IF;
	f->c->reg[GPR_RAX] = SEL_DATA;
	assert_int_equal(system_run(f, CODE(0x8e, 0xd0, 0x90), 1), -1);
	assert_false(vcpu_can_interrupt(&f->v));
	assert_int_equal(fixture_run(f, 1), -1);
	assert_true(vcpu_can_interrupt(&f->v));
}

static void test_push_pop_sreg(void **state)
{
	/* push fs; pop gs; push ds */
	segment_load(&f->v, SEG_FS, SEL_CODE32);
	assert_int_equal(system_run(f, CODE(0x0f, 0xa0, 0x0f, 0xa9, 0x1e), 3), -1);
	assert_int_equal(f->c->seg[SEG_GS].selector, SEL_CODE32);
	assert_int_equal(f->c->reg[GPR_RSP], FIXTURE_STACK - 4);
	assert_int_equal(system_stack(f, 0), SEL_DATA);
	/* A pop that faults moves nothing. */
	fixture_poke(f, FIXTURE_STACK - 4, 4, SEL_LAST + 8);
	assert_int_equal(system_run(f, CODE(0x1f), 1), EXC_GP);
	assert_int_equal(fixture_fault_error(f), SEL_LAST + 8);
	assert_int_equal(f->c->reg[GPR_RSP], FIXTURE_STACK - 4 - 16);
}

/* Stack accesses of system instructions are aligned or #AC as any other. */
static void test_stack_alignment(void **state)
{
	static const uint8_t insns[][2] = {
	    {0x0f, 0xa0}, /* push fs */
	    {0x0f, 0xa1}, /* pop fs */
	    {0x9c},       /* pushf */
	    {0x9d},       /* popf */
	};

	f->c->cr0 |= CR0_AM;
	for (unsigned n = 0; n < sizeof(insns) / sizeof(insns[0]); n++) {
		system_user(f);
		f->c->rflags |= FLAG_AC;
		cpu_update_mode(&f->v);
		f->c->reg[GPR_RSP] = FIXTURE_STACK - 6;
		expect_fault(system_run(f, insns[n], sizeof(insns[n]), 1), EXC_AC);
	}
}

static void test_load_pointer(void **state)
{
	/* les ebx, [a000] */
	fixture_poke(f, FIXTURE_DATA, 8, (uint64_t)SEL_CODE32 << 32 | 0x12345678);
	assert_int_equal(system_run(f, CODE(0xc4, 0x1d, 0, 0xa0, 0, 0), 1), -1);
	assert_int_equal(f->c->reg[GPR_RBX], 0x12345678);
	assert_int_equal(f->c->seg[SEG_ES].selector, SEL_CODE32);
	/* lgs ecx, [a000] with a bad selector leaves both alone */
	fixture_poke(f, FIXTURE_DATA + 4, 2, SEL_TSS);
	f->c->reg[GPR_RCX] = 7;
	assert_int_equal(system_run(f, CODE(0x0f, 0xb5, 0x0d, 0, 0xa0, 0, 0), 1), EXC_GP);
	assert_int_equal(f->c->reg[GPR_RCX], 7);
}

static void test_selector_insns(void **state)
{
	/* lar eax, ecx; lsl ebx, ecx */
	f->c->reg[GPR_RCX] = SEL_TSS;
	assert_int_equal(system_run(f, CODE(0x0f, 0x02, 0xc1, 0x0f, 0x03, 0xd9), 2), -1);
	assert_int_equal(f->c->reg[GPR_RAX], 0x8b00);
	assert_int_equal(f->c->reg[GPR_RBX], 0x67);
	assert_int_equal(fixture_flags(f) & FLAG_ZF, FLAG_ZF);
	/* verw cx: a system segment is not writable */
	assert_int_equal(system_run(f, CODE(0x0f, 0x00, 0xe9), 1), -1);
	assert_int_equal(fixture_flags(f) & FLAG_ZF, 0);
	/* arpl ax, cx */
	f->c->reg[GPR_RAX] = 0x11110010;
	f->c->reg[GPR_RCX] = 3;
	assert_int_equal(system_run(f, CODE(0x63, 0xc8), 1), -1);
	assert_int_equal(f->c->reg[GPR_RAX], 0x11110013);
	assert_int_equal(fixture_flags(f) & FLAG_ZF, FLAG_ZF);
	assert_int_equal(system_run(f, CODE(0x63, 0xc8), 1), -1);
	assert_int_equal(fixture_flags(f) & FLAG_ZF, 0);
	/* arpl cs:[a000], cx may read code, and must write only when it has to raise the RPL. */
	fixture_poke(f, FIXTURE_DATA, 2, 3);
	assert_int_equal(system_run(f, CODE(0x2e, 0x63, 0x0d, 0, 0xa0, 0, 0), 1), -1);
	fixture_poke(f, FIXTURE_DATA, 2, 0);
	expect_fault(system_run(f, CODE(0x2e, 0x63, 0x0d, 0, 0xa0, 0, 0), 1), EXC_GP);
}

static void test_swapgs(void **state)
{
	f->c->seg[SEG_GS].base = 0x1111;
	f->c->kernel_gs_base = 0x2222;
	assert_int_equal(system_run(f, CODE(0x0f, 0x01, 0xf8), 1), -1);
	assert_int_equal(f->c->seg[SEG_GS].base, 0x2222);
	assert_int_equal(f->c->kernel_gs_base, 0x1111);
}

/*
 * What comes right behind an instruction sees what it changed. Code is run again and again, as a
 * translator may join its parts when it has seen one follow the other.
 */
static int run_again(uint64_t n)
{
	f->c->reg[GPR_RIP] = FIXTURE_CODE;
	f->c->reg[GPR_RSP] = FIXTURE_STACK;
	return fixture_run(f, n);
}

static void test_line_swapgs(void **state)
{
	fixture_poke(f, FIXTURE_DATA, 8, 0x1111);
	fixture_poke(f, FIXTURE_DATA + 8, 8, 0x2222);
	f->c->seg[SEG_GS].base = FIXTURE_DATA;
	f->c->kernel_gs_base = FIXTURE_DATA + 8;
	/* mov rax, gs:[0]; swapgs; mov rbx, gs:[0]; cli; swapgs; mov rcx, gs:[0] */
	fixture_load(f, CODE(0x65, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0, 0x0f, 0x01, 0xf8, 0x65, 0x48,
			     0x8b, 0x1c, 0x25, 0, 0, 0, 0, 0xfa, 0x0f, 0x01, 0xf8, 0x65, 0x48, 0x8b,
			     0x0c, 0x25, 0, 0, 0, 0));
	for (unsigned pass = 0; pass < 3; pass++) {
		memset(f->c->reg, 0, 4 * sizeof(f->c->reg[0]));
		assert_int_equal(run_again(6), -1);
		assert_int_equal(f->c->reg[GPR_RAX], 0x1111);
		assert_int_equal(f->c->reg[GPR_RBX], 0x2222);
		assert_int_equal(f->c->reg[GPR_RCX], 0x1111);
	}
}

static void test_line_sti(void **state)
{
	fixture_load(f,
		     CODE(0xfb, 0xff, 0xc0, 0xff, 0xc0, 0xeb, 0xfe)); /* sti; 2 * inc eax; jmp . */
	for (unsigned pass = 0; pass < 3; pass++) {
		f->c->rflags &= ~(uint64_t)FLAG_IF;
		assert_int_equal(run_again(4), -1);
	}
	f->c->rflags &= ~(uint64_t)FLAG_IF;
	f->c->intr = true;
	f->c->insns = 0;
	f->c->reg[GPR_RIP] = FIXTURE_CODE;
	f->v.limit = 4;
	tcg_run(&f->v);
	assert_int_equal(f->c->insns, 1);
	assert_int_equal(f->c->reg[GPR_RIP], FIXTURE_CODE + 1);
	f->c->intr = false;
}

static void test_line_popf(void **state)
{
	/* pushf; or [rsp], edx; popf; inc eax; inc eax; jmp . */
	fixture_load(f, CODE(0x9c, 0x09, 0x14, 0x24, 0x9d, 0xff, 0xc0, 0xff, 0xc0, 0xeb, 0xfe));
	f->c->reg[GPR_RDX] = 0;
	for (unsigned pass = 0; pass < 3; pass++)
		assert_int_equal(run_again(6), -1);
	f->c->reg[GPR_RAX] = 0;
	f->c->reg[GPR_RDX] = FLAG_TF;
	assert_int_equal(run_again(6), EXC_DB);
	assert_int_equal(f->c->reg[GPR_RAX], 1);
}

static void test_line_alignment(void **state)
{
	f->c->cr0 |= CR0_AM;
	system_user(f);
	/* pushf; or [esp], edx; popf; mov eax, [ebx]; jmp . */
	fixture_load(f, CODE(0x9c, 0x09, 0x14, 0x24, 0x9d, 0x8b, 0x03, 0xeb, 0xfe));
	f->c->reg[GPR_RBX] = FIXTURE_DATA + 1;
	f->c->reg[GPR_RDX] = 0;
	for (unsigned pass = 0; pass < 3; pass++)
		assert_int_equal(run_again(5), -1);
	f->c->reg[GPR_RDX] = FLAG_AC;
	assert_int_equal(run_again(5), EXC_AC);
	assert_int_equal(fixture_fault_rip(f), FIXTURE_CODE + 5);
}

/* ---- system calls ---- */

static void test_syscall(void **state)
{
	expect_fault(system_run(f, CODE(0x0f, 0x05), 1), EXC_UD); /* EFER.SCE clear */
	f->c->efer |= EFER_SCE;
	f->c->star = (uint64_t)(SEL_USER_CODE32 | 3) << 48 | (uint64_t)SEL_CODE64 << 32;
	f->c->lstar = FIXTURE_CODE + 2;
	f->c->fmask = FLAG_IF | FLAG_DF;
	system_user(f);
	f->c->rflags |= FLAG_IF | FLAG_DF | FLAG_ID;
	assert_int_equal(system_run(f, CODE(0x0f, 0x05, 0x48, 0x0f, 0x07), 1), -1);
	assert_int_equal(f->c->cpl, 0);
	assert_int_equal(f->c->reg[GPR_RCX], FIXTURE_CODE + 2);
	assert_int_equal(f->c->reg[GPR_R11], FLAG_ONE | FLAG_IF | FLAG_DF | FLAG_ID);
	assert_int_equal(cpu_rflags(f->c), FLAG_ONE | FLAG_ID);
	assert_int_equal(f->c->seg[SEG_CS].selector, SEL_CODE64);
	assert_int_equal(f->c->seg[SEG_SS].selector, SEL_CODE64 + 8);
	/* sysretq */
	assert_int_equal(fixture_run(f, 1), -1);
	assert_int_equal(f->c->cpl, 3);
	assert_int_equal(f->c->seg[SEG_CS].selector, SEL_USER_CODE64 | 3);
	assert_int_equal(f->c->seg[SEG_SS].selector, SEL_USER_DATA | 3);
	assert_int_equal(f->c->code_bits, 64);
	assert_int_equal(cpu_rflags(f->c), FLAG_ONE | FLAG_IF | FLAG_DF | FLAG_ID);
}

static void test_sysret(void **state)
{
	f->c->efer |= EFER_SCE;
	f->c->star = (uint64_t)(SEL_USER_CODE32 | 3) << 48;
	/* Intel: the address is checked before the privilege level changes. */
	f->c->reg[GPR_RCX] = 0x800000000000;
	expect_fault(system_run(f, CODE(0x48, 0x0f, 0x07), 1), EXC_GP);
	/* To compatibility mode, without REX.W. */
	f->c->reg[GPR_RCX] = 0x5555000012345678;
	f->c->reg[GPR_R11] = FLAG_CF;
	assert_int_equal(system_run(f, CODE(0x0f, 0x07), 1), -1);
	assert_int_equal(f->c->code_bits, 32);
	assert_int_equal(f->c->reg[GPR_RIP], 0x12345678);
	assert_int_equal(f->c->seg[SEG_CS].selector, SEL_USER_CODE32 | 3);
}

static void test_sysenter(void **state)
{
	system_user(f);
	expect_fault(system_run(f, CODE(0x0f, 0x34), 1), EXC_GP); /* SYSENTER_CS is 0 */
	f->c->sysenter_cs = SEL_CODE64;
	f->c->sysenter_eip = FIXTURE_CODE + 0x100;
	f->c->sysenter_esp = SYSTEM_STACK0;
	system_user(f);
	f->c->rflags |= FLAG_IF;
	assert_int_equal(system_run(f, CODE(0x0f, 0x34), 1), -1);
	assert_int_equal(f->c->cpl, 0);
	assert_int_equal(f->c->code_bits, 64);
	assert_int_equal(f->c->reg[GPR_RSP], SYSTEM_STACK0);
	assert_int_equal(f->c->reg[GPR_RIP], FIXTURE_CODE + 0x100);
	assert_int_equal(cpu_rflags(f->c), FLAG_ONE);
	/* sysexitq: +32 and +40 */
	f->c->reg[GPR_RDX] = FIXTURE_CODE + 0x200;
	f->c->reg[GPR_RCX] = SYSTEM_STACK3;
	assert_int_equal(system_run(f, CODE(0x48, 0x0f, 0x35), 1), -1);
	assert_int_equal(f->c->seg[SEG_CS].selector, (SEL_CODE64 + 32) | 3);
	assert_int_equal(f->c->seg[SEG_SS].selector, (SEL_CODE64 + 40) | 3);
	assert_int_equal(f->c->reg[GPR_RIP], FIXTURE_CODE + 0x200);
	assert_int_equal(f->c->reg[GPR_RSP], SYSTEM_STACK3);
}

static void test_sysenter32(void **state)
{
	f->c->sysenter_cs = SEL_CODE32;
	f->c->sysenter_eip = FIXTURE_CODE + 0x100;
	f->c->sysenter_esp = SYSTEM_STACK0;
	system_user(f);
	assert_int_equal(system_run(f, CODE(0x0f, 0x34), 1), -1);
	assert_int_equal(f->c->code_bits, 32);
	assert_int_equal(f->c->seg[SEG_SS].selector, SEL_CODE32 + 8);
	f->c->reg[GPR_RDX] = FIXTURE_CODE + 0x200;
	f->c->reg[GPR_RCX] = SYSTEM_STACK3;
	assert_int_equal(system_run(f, CODE(0x0f, 0x35), 1), -1);
	assert_int_equal(f->c->seg[SEG_CS].selector, (SEL_CODE32 + 16) | 3);
	assert_int_equal(f->c->cpl, 3);
	/* SYSCALL is long mode's. */
	f->c->efer |= EFER_SCE;
	expect_fault(system_run(f, CODE(0x0f, 0x05), 1), EXC_UD);
}

/* ---- the rest ---- */

static void test_hlt(void **state)
{
	assert_int_equal(system_run(f, CODE(0xf4), 5), -1);
	assert_true(f->c->halted);
	assert_int_equal(f->c->reg[GPR_RIP], FIXTURE_CODE + 1);
	assert_int_equal(f->exit_count, 1);
	assert_int_equal(f->exits[0].kind, EXIT_HLT);
	assert_int_equal(f->exits[0].rip, FIXTURE_CODE);
}

static void test_rdtsc(void **state)
{
	f->c->tsc_offset = 0x500000000;
	assert_int_equal(system_run(f, CODE(0x0f, 0x31), 1), -1);
	assert_int_equal(f->c->reg[GPR_RDX], 5);
	assert_int_equal(f->c->reg[GPR_RAX], (uint32_t)f->c->insns);
	f->c->cr4 |= CR4_TSD;
	assert_int_equal(system_run(f, CODE(0x0f, 0x31), 1), -1);
	system_user(f);
	expect_fault(system_run(f, CODE(0x0f, 0x31), 1), EXC_GP);
}

int main(void)
{
#define TEST(bits, name) cmocka_unit_test_setup_teardown(name, setup##bits, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(64, test_cr0),
	    TEST(64, test_cr4),
	    TEST(64, test_cr3),
	    TEST(64, test_cr8),
	    TEST(32, test_enter_long_mode),
	    TEST(32, test_pae_pointers),
	    TEST(64, test_lmsw_smsw_clts),
	    TEST(64, test_tables),
	    TEST(16, test_lgdt16),
	    TEST(64, test_privileged),
	    TEST(64, test_umip),
	    TEST(64, test_no_such_insns),
	    TEST(64, test_popf_privilege),
	    TEST(64, test_pushf),
	    TEST(32, test_pvi),
	    TEST(64, test_stac),
	    TEST(32, test_mov_ss_shadow),
	    TEST(32, test_push_pop_sreg),
	    TEST(32, test_stack_alignment),
	    TEST(32, test_load_pointer),
	    TEST(32, test_selector_insns),
	    TEST(64, test_swapgs),
	    TEST(64, test_line_swapgs),
	    TEST(64, test_line_sti),
	    TEST(64, test_line_popf),
	    TEST(32, test_line_alignment),
	    TEST(64, test_syscall),
	    TEST(64, test_sysret),
	    TEST(64, test_sysenter),
	    TEST(32, test_sysenter32),
	    TEST(64, test_hlt),
	    TEST(64, test_rdtsc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
