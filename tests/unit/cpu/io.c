/* SPDX-License-Identifier: Apache-2.0 */
/*
 * I/O instructions (Intel SDM vol. 1 chapter 18, vol. 2 IN, OUT, INS, OUTS): sizes, permission,
 * strings with their counts, and stopping and going on in the middle of one.
 */
#include "emulator/accel/tcg/tcg.h"
#include "tests/unit/cpu/system_test.h"

static void expect_exit(unsigned n, bool is_write, unsigned port, unsigned size, uint64_t data)
{
	assert_true(n < f->exit_count);
	assert_int_equal(f->exits[n].kind, EXIT_PIO);
	assert_int_equal(f->exits[n].is_write, is_write);
	assert_int_equal(f->exits[n].address, port);
	assert_int_equal(f->exits[n].size, size);
	assert_int_equal(f->exits[n].data, data);
}

static void test_in_out(void **state)
{
	f->answer = 0x88776655;
	f->c->reg[GPR_RAX] = 0x1122334444444444;
	f->c->reg[GPR_RDX] = 0xffff03f8;
	/* in al, 0x60; in ax, dx; out dx, al */
	fixture_do(f, CODE(0xe4, 0x60, 0x66, 0xed, 0xee), 3);
	expect_exit(0, false, 0x60, 1, 0x55);
	expect_exit(1, false, 0x3f8, 2, 0x6655);
	expect_exit(2, true, 0x3f8, 1, 0x55);
	assert_int_equal(f->exits[1].rip, FIXTURE_CODE + 2);
	assert_int_equal(f->c->reg[GPR_RAX], 0x1122334444446655);
	/* A 32-bit IN clears the upper half, and REX.W adds nothing. */
	fixture_do(f, CODE(0x48, 0xed, 0xe7, 0x80), 2);
	expect_exit(0, false, 0x3f8, 4, 0x88776655);
	expect_exit(1, true, 0x80, 4, 0x88776655);
	assert_int_equal(f->c->reg[GPR_RAX], 0x88776655);
}

static void set_registers(struct cpu *c, unsigned count)
{
	for (unsigned r = 0; r < count; r++)
		if (r != GPR_RSP && r != GPR_RDX)
			c->reg[r] = 0x1000001 * r;
}

static void expect_registers(const struct cpu *c, unsigned count)
{
	for (unsigned r = 0; r < count; r++)
		if (r != GPR_RSP && r != GPR_RDX)
			assert_int_equal(c->reg[r], 0x1000001 * r);
}

/* An exit asks to leave: right behind the instruction, with all as it is there. */
static void test_leaving(void **state)
{
	/* cmp eax, eax; out dx, al; dec rbx; inc r15; in al, dx; cmp al, 1; dec rcx; inc r10 */
	fixture_load(f, CODE(0x39, 0xc0, 0xee, 0x48, 0xff, 0xcb, 0x49, 0xff, 0xc7, 0xec, 0x3c, 0x01,
			     0x48, 0xff, 0xc9, 0x49, 0xff, 0xc2));
	set_registers(f->c, 16);
	f->c->reg[GPR_RDX] = 0x80;
	f->kick_exit = 1;
	f->v.limit = f->c->insns + 8;
	tcg_run(&f->v);
	assert_int_equal(f->c->reg[GPR_RIP], FIXTURE_CODE + 3);
	assert_int_equal(f->c->insns, 2);
	assert_int_equal(fixture_flags(f), FLAG_ZF | FLAG_PF);
	expect_registers(f->c, 16);
	/* And on, to the end. */
	f->answer = 0xff;
	assert_int_equal(fixture_run(f, 6), -1);
	assert_int_equal(f->exit_count, 2);
	expect_exit(1, false, 0x80, 1, 0xff);
	f->c->reg[GPR_RAX] -= 0xff;
	f->c->reg[GPR_RBX]++;
	f->c->reg[GPR_RCX]++;
	f->c->reg[GPR_R10]--;
	f->c->reg[GPR_R15]--;
	expect_registers(f->c, 16);
}

/* Where the bitmap is looked at, all else is the same. */
static void test_bitmap_registers(void **state)
{
	const uint8_t code[] = {0xee, 0xec}; /* out dx, al; in al, dx */

	f->c->tr.limit = 0x68 + 0x20;
	for (unsigned n = 0; n < 0x21; n++)
		fixture_poke(f, SYSTEM_TSS + 0x68 + n, 1, 0);
	system_user(f);
	set_registers(f->c, 8);
	f->c->reg[GPR_RDX] = 0x60;
	assert_int_equal(system_run(f, code, sizeof(code), 2), -1);
	assert_int_equal(f->exit_count, 2);
	expect_registers(f->c, 8);
}

/* SDM vol. 1 18.5.2: the bitmap, with all bits of a wide access, up to the TSS limit. */
static void test_bitmap(void **state)
{
	const uint8_t in_dx[] = {0xed}; /* in eax, dx */

	f->c->tr.limit = 0x68 + 0x20;
	for (unsigned n = 0; n < 0x21; n++)
		fixture_poke(f, SYSTEM_TSS + 0x68 + n, 1, 0xff);
	system_user(f);
	fixture_poke(f, SYSTEM_TSS + 0x68 + 0x60 / 8, 2, 0x3fc0); /* 60h..65h, 6Eh, 6Fh */
	f->c->reg[GPR_RDX] = 0x60;
	assert_int_equal(system_run(f, in_dx, 1, 1), -1);
	f->c->reg[GPR_RDX] = 0x63;
	assert_int_equal(system_run(f, in_dx, 1, 1), EXC_GP);
	assert_int_equal(fixture_fault_error(f), 0);
	assert_int_equal(f->exit_count, 0);
	/* Bits are in the map, the second byte that is read lies beyond the limit. */
	system_user(f);
	fixture_poke(f, SYSTEM_TSS + 0x88, 1, 0);
	f->c->reg[GPR_RDX] = 0x100;
	assert_int_equal(system_run(f, in_dx, 1, 1), EXC_GP);
	/* IOPL 3 needs no map, */
	system_user(f);
	f->c->rflags |= FLAG_IOPL;
	f->c->reg[GPR_RDX] = 0x1234;
	assert_int_equal(system_run(f, in_dx, 1, 1), -1);
	/* but virtual-8086 mode always does. */
	system_virtual8086(f, 3);
	f->c->reg[GPR_RDX] = 0x78;
	assert_int_equal(system_run(f, in_dx, 1, 1), EXC_GP);
	system_virtual8086(f, 0);
	f->c->reg[GPR_RDX] = 0x60;
	assert_int_equal(system_run(f, in_dx, 1, 1), -1);
}

static void test_outs(void **state)
{
	fixture_poke(f, FIXTURE_DATA, 8, 0x8877665544332211);
	f->c->reg[GPR_RSI] = FIXTURE_DATA;
	f->c->reg[GPR_RCX] = 3;
	f->c->reg[GPR_RDX] = 0x1f0;
	/* rep outsw */
	fixture_do(f, CODE(0xf3, 0x66, 0x6f), 3);
	assert_int_equal(f->exit_count, 3);
	expect_exit(0, true, 0x1f0, 2, 0x2211);
	expect_exit(2, true, 0x1f0, 2, 0x6655);
	assert_int_equal(f->c->reg[GPR_RSI], FIXTURE_DATA + 6);
	assert_int_equal(f->c->reg[GPR_RCX], 0);
	assert_int_equal(f->c->reg[GPR_RIP], FIXTURE_CODE + 3);
}

static void test_ins(void **state)
{
	uint64_t before;

	f->answer = 0xaabbccdd;
	f->c->reg[GPR_RDI] = FIXTURE_DATA + 8;
	f->c->reg[GPR_RCX] = 2;
	f->c->rflags |= FLAG_DF;
	before = f->c->insns;
	fixture_do(f, CODE(0xf3, 0x6d), 2);
	assert_int_equal(f->c->insns - before, 2);
	assert_int_equal(f->exit_count, 2);
	assert_int_equal(f->c->reg[GPR_RDI], FIXTURE_DATA);
	assert_int_equal(fixture_peek(f, FIXTURE_DATA + 4, 8), 0xaabbccddaabbccdd);
	/* A count of 0 does nothing and counts as one. */
	before = f->c->insns;
	fixture_do(f, CODE(0xf3, 0x6d), 1);
	assert_int_equal(f->exit_count, 0);
	assert_int_equal(f->c->insns - before, 1);
}

/* A run that ends inside a string goes on with the next one as if it had not. */
static void test_restart(void **state)
{
	f->c->reg[GPR_RSI] = FIXTURE_DATA;
	f->c->reg[GPR_RCX] = 5;
	fixture_load(f, CODE(0xf3, 0x6e, 0x90));
	assert_int_equal(fixture_run(f, 2), -1);
	assert_int_equal(f->c->reg[GPR_RCX], 3);
	assert_int_equal(f->c->reg[GPR_RIP], FIXTURE_CODE);
	assert_int_equal(fixture_run(f, 3), -1);
	assert_int_equal(f->c->reg[GPR_RCX], 0);
	assert_int_equal(f->c->reg[GPR_RIP], FIXTURE_CODE + 2);
	assert_int_equal(f->exit_count, 5);
	assert_int_equal(f->exits[4].rip, FIXTURE_CODE);
}

/* The fault of the destination comes before the port is read; what was done stays done. */
static void test_ins_fault(void **state)
{
	f->c->reg[GPR_RDI] = 0xfffffc; /* the last mapped doubleword, of MMIO */
	f->c->reg[GPR_RCX] = 3;
	assert_int_equal(system_run(f, CODE(0xf3, 0x6d), 2), EXC_PF);
	assert_int_equal(fixture_fault_rip(f), FIXTURE_CODE);
	assert_int_equal(f->c->cr2, 0x1000000);
	assert_int_equal(f->c->reg[GPR_RCX], 2);
	assert_int_equal(f->c->reg[GPR_RDI], 0x1000000);
	assert_int_equal(f->exit_count, 2); /* one item: read the port, write the memory */
	assert_int_equal(f->exits[0].kind, EXIT_PIO);
	assert_int_equal(f->exits[1].kind, EXIT_MMIO);
}

/* Address size decides how much of the registers is used and changed. */
static void test_address_size(void **state)
{
	f->c->reg[GPR_RSI] = 0x5555555500000000 | FIXTURE_DATA;
	f->c->reg[GPR_RCX] = 0x7777777700000001;
	fixture_do(f, CODE(0x67, 0xf3, 0x6e), 1);
	assert_int_equal(f->exit_count, 1);
	assert_int_equal(f->c->reg[GPR_RSI], FIXTURE_DATA + 1);
	assert_int_equal(f->c->reg[GPR_RCX], 0);
}

static void test_address_size16(void **state)
{
	f->c->reg[GPR_RSI] = 0x1234ffff;
	f->c->reg[GPR_RCX] = 0x56780002;
	fixture_do(f, CODE(0xf3, 0x6e), 2);
	assert_int_equal(f->c->reg[GPR_RSI], 0x12340001);
	assert_int_equal(f->c->reg[GPR_RCX], 0x56780000);
}

/* OUTS takes a segment override, INS does not. */
static void test_segments(void **state)
{
	f->c->seg[SEG_FS].base = 0x1000;
	segment_update(f->c, SEG_FS);
	fixture_poke(f, FIXTURE_DATA + 0x1000, 1, 0x42);
	f->c->reg[GPR_RSI] = FIXTURE_DATA;
	f->c->reg[GPR_RDI] = FIXTURE_DATA;
	f->c->reg[GPR_RDX] = 0x10;
	f->answer = 0x99;
	fixture_do(f, CODE(0x64, 0x6e, 0x64, 0x6c), 2);
	expect_exit(0, true, 0x10, 1, 0x42);
	assert_int_equal(fixture_peek(f, FIXTURE_DATA, 1), 0x99);
}

int main(void)
{
#define TEST(bits, name) cmocka_unit_test_setup_teardown(name, setup##bits, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(64, test_in_out),
	    TEST(64, test_leaving),
	    TEST(32, test_bitmap_registers),
	    TEST(32, test_bitmap),
	    TEST(64, test_outs),
	    TEST(64, test_ins),
	    TEST(64, test_restart),
	    TEST(64, test_ins_fault),
	    TEST(64, test_address_size),
	    TEST(16, test_address_size16),
	    TEST(32, test_segments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
