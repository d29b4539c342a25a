/* SPDX-License-Identifier: Apache-2.0 */
/*
 * String instructions and REP: directions, sizes, counts, where a fault or the end of the time
 * slice leaves the registers (Intel SDM vol. 1 7.3.9, vol. 2 "REP"); and that runs of iterations
 * done at once give what single ones do.
 */
#include "tests/unit/cpu/cpu_fixture.h"

#include <string.h>

static void set_indexes(struct cpu_fixture *f, uint64_t rsi, uint64_t rdi, uint64_t rcx)
{
	f->c->reg[GPR_RSI] = rsi;
	f->c->reg[GPR_RDI] = rdi;
	f->c->reg[GPR_RCX] = rcx;
}

static void assert_indexes(const struct cpu_fixture *f, uint64_t rsi, uint64_t rdi, uint64_t rcx)
{
	assert_int_equal(f->c->reg[GPR_RSI], rsi);
	assert_int_equal(f->c->reg[GPR_RDI], rdi);
	assert_int_equal(f->c->reg[GPR_RCX], rcx);
}

static void fill(struct cpu_fixture *f, uint64_t address, unsigned size)
{
	unsigned n;

	for (n = 0; n < size; n++)
		fixture_poke(f, address + n, 1, (n * 7 + 1) & 0xff);
}

static void test_single(void **state)
{
	struct cpu_fixture f;

	fixture_open(&f, 64, "x86-64");
	fixture_poke(&f, FIXTURE_DATA, 8, 0x8877665544332211);
	set_indexes(&f, FIXTURE_DATA, FIXTURE_DATA + 0x100, 9);
	fixture_do(&f, CODE(0x48, 0xa5), 1); /* movsq */
	assert_indexes(&f, FIXTURE_DATA + 8, FIXTURE_DATA + 0x108, 9);
	assert_int_equal(fixture_peek(&f, FIXTURE_DATA + 0x100, 8), 0x8877665544332211);
	f.c->rflags |= FLAG_DF;
	fixture_do(&f, CODE(0x66, 0xad), 1); /* lodsw, downwards */
	assert_int_equal(f.c->reg[GPR_RSI], FIXTURE_DATA + 6);
	f.c->rflags &= ~(uint64_t)FLAG_DF;
	f.c->reg[GPR_RDI] = FIXTURE_DATA;
	f.c->reg[GPR_RAX] = 0x11;
	fixture_do(&f, CODE(0xae), 1); /* scasb */
	assert_int_equal(fixture_flags(&f), FLAG_ZF | FLAG_PF);
	set_indexes(&f, FIXTURE_DATA, FIXTURE_DATA + 1, 0);
	fixture_do(&f, CODE(0xa6), 1); /* cmpsb: 11 - 22 */
	assert_true(fixture_flags(&f) & FLAG_CF);
	fixture_close(&f);
}

/* The address size picks the registers: 32-bit ones lose their upper half, 16-bit ones wrap. */
static void test_address_size(void **state)
{
	struct cpu_fixture f;

	fixture_open(&f, 64, "x86-64");
	set_indexes(&f, 0, 0x100000000 | FIXTURE_DATA, 0x500000002);
	f.c->reg[GPR_RAX] = 0x5a;
	fixture_do(&f, CODE(0x67, 0xf3, 0xaa), 2); /* rep stosb with EDI and ECX */
	assert_indexes(&f, 0, FIXTURE_DATA + 2, 0);
	assert_int_equal(fixture_peek(&f, FIXTURE_DATA, 4), 0x5a5a);
	fixture_close(&f);

	fixture_open(&f, 16, "x86-64");
	set_indexes(&f, 0, 0xfff0, 0x20);
	f.c->reg[GPR_RAX] = 0x77;
	fixture_do(&f, CODE(0xf3, 0xaa), 0x20);
	assert_indexes(&f, 0, 0x10, 0);
	assert_int_equal(fixture_peek(&f, 0xffff, 1), 0x77);
	assert_int_equal(fixture_peek(&f, 0x10000, 1), 0);
	assert_int_equal(fixture_peek(&f, 0x0f, 1), 0x77);
	fixture_close(&f);
}

/* Each iteration counts as one instruction; with a count of 0 the instruction itself does. */
static void test_counting(void **state)
{
	struct cpu_fixture f;
	uint64_t before, n;

	fixture_open(&f, 64, "x86-64");
	set_indexes(&f, FIXTURE_DATA, FIXTURE_DATA + 0x1000, 0);
	fixture_do(&f, CODE(0xf3, 0xa4, 0x90), 1);
	assert_int_equal(f.c->reg[GPR_RIP], FIXTURE_CODE + 2);

	/* Stopped anywhere, it goes on from there: after n of 100 the registers say so. */
	for (n = 1; n <= 100; n++) {
		fill(&f, FIXTURE_DATA, 100);
		set_indexes(&f, FIXTURE_DATA, FIXTURE_DATA + 0x1fd0, 100);
		before = f.c->insns;
		fixture_do(&f, CODE(0xf3, 0xa4, 0x90), n);
		assert_int_equal(f.c->insns, before + n);
		assert_indexes(&f, FIXTURE_DATA + n, FIXTURE_DATA + 0x1fd0 + n, 100 - n);
		assert_int_equal(f.c->reg[GPR_RIP], FIXTURE_CODE + (n < 100 ? 0 : 2));
		assert_int_equal(fixture_run(&f, 101 - n), -1);
		assert_int_equal(f.c->insns, before + 101);
		assert_int_equal(f.c->reg[GPR_RIP], FIXTURE_CODE + 3);
		assert_memory_equal(f.ram + FIXTURE_DATA, f.ram + FIXTURE_DATA + 0x1fd0, 100);
	}
	fixture_close(&f);
}

/* Every overlap of source and destination, both ways, against a copy element by element. */
static void test_overlap(void **state)
{
	static const uint8_t movs[4][4] = {
	    {0xf3, 0xa4}, {0x66, 0xf3, 0xa5}, {0xf3, 0xa5}, {0xf3, 0x48, 0xa5}};
	const unsigned base = FIXTURE_DATA + 0x400;
	struct cpu_fixture f;
	unsigned s, k;
	int shift;

	fixture_open(&f, 64, "x86-64");
	for (s = 0; s < 4; s++) {
		for (shift = -17; shift <= 17; shift++) {
			unsigned size = 1u << s;
			uint8_t expected[0x800];

			fill(&f, FIXTURE_DATA, 0x800);
			memcpy(expected, f.ram + FIXTURE_DATA, sizeof(expected));
			for (k = 0; k < 40; k++) {
				uint8_t element[8];

				memcpy(element, expected + 0x400 + k * size, size);
				memcpy(expected + 0x400 + (int)(k * size) + shift, element, size);
			}
			set_indexes(&f, base, (uint64_t)((int)base + shift), 40);
			fixture_do(&f, movs[s], 4, 40);
			assert_memory_equal(f.ram + FIXTURE_DATA, expected, sizeof(expected));
			assert_indexes(&f, base + 40 * size,
				       (uint64_t)((int)(base + 40 * size) + shift), 0);
		}
	}
	fixture_close(&f);
}

static void test_compare_and_scan(void **state)
{
	struct cpu_fixture f;
	uint64_t before;

	fixture_open(&f, 64, "x86-64");
	fill(&f, FIXTURE_DATA, 0x100);
	fill(&f, FIXTURE_DATA + 0x1000, 0x100);
	fixture_poke(&f, FIXTURE_DATA + 0x1000 + 50, 1, 0);
	set_indexes(&f, FIXTURE_DATA, FIXTURE_DATA + 0x1000, 100);
	before = f.c->insns;
	fixture_do(&f, CODE(0xf3, 0xa6), 51); /* repe cmpsb ends behind the difference */
	assert_indexes(&f, FIXTURE_DATA + 51, FIXTURE_DATA + 0x1033, 49);
	assert_false(fixture_flags(&f) & FLAG_ZF);
	assert_int_equal(f.c->reg[GPR_RIP], FIXTURE_CODE + 2);
	assert_int_equal(f.c->insns, before + 51);

	f.c->reg[GPR_RAX] = fixture_peek(&f, FIXTURE_DATA + 40, 4);
	set_indexes(&f, 0, FIXTURE_DATA, 30);
	fixture_do(&f, CODE(0xf2, 0xaf), 11); /* repne scasd */
	assert_indexes(&f, 0, FIXTURE_DATA + 44, 19);
	assert_true(fixture_flags(&f) & FLAG_ZF);
	assert_int_equal(f.c->reg[GPR_RIP], FIXTURE_CODE + 2);

	/* Not found: the flags are the last comparison's. */
	f.c->reg[GPR_RAX] = 0;
	set_indexes(&f, 0, FIXTURE_DATA, 20);
	fixture_do(&f, CODE(0xf2, 0xae), 20);
	assert_indexes(&f, 0, FIXTURE_DATA + 20, 0);
	assert_false(fixture_flags(&f) & FLAG_ZF);

	f.c->reg[GPR_RAX] = 0;
	set_indexes(&f, FIXTURE_DATA, 0, 20);
	fixture_do(&f, CODE(0xf3, 0x66, 0xad), 20); /* rep lodsw keeps the last */
	assert_int_equal(f.c->reg[GPR_RAX], fixture_peek(&f, FIXTURE_DATA + 38, 2));
	fixture_close(&f);
}

/* A page that is missing: the iteration that reached it faults, those before are done. */
static void test_fault(void **state)
{
	struct cpu_fixture f;
	uint64_t before;

	fixture_open(&f, 64, "x86-64");
	f.c->reg[GPR_RAX] = 0x1122334455667788;
	fixture_load(&f, CODE(0xf3, 0x48, 0xab));
	/* The identity map ends at 16 MiB; its last 12 MiB are MMIO. */
	set_indexes(&f, 0, 0x1000000 - 10 * 8, 100);
	before = f.c->insns;
	assert_int_equal(fixture_run(&f, 11), EXC_PF);
	assert_indexes(&f, 0, 0x1000000, 90);
	assert_int_equal(f.c->cr2, 0x1000000);
	assert_int_equal(f.c->insns, before + 11);
	assert_int_equal(fixture_fault_rip(&f), FIXTURE_CODE);
	assert_int_equal(f.exit_count, 10);
	assert_int_equal(f.exits[9].address, 0x1000000 - 8);
	assert_int_equal(f.exits[9].data, 0x1122334455667788);
	fixture_close(&f);
}

/* Segment overrides are for the source; the destination is ES. Limits end a run. */
static void test_segments(void **state)
{
	struct cpu_fixture f;

	fixture_open(&f, 16, "x86-64");
	fixture_load(&f, CODE(0xf3, 0x64, 0xa4)); /* rep movsb es:[di], fs:[si] */
	f.c->seg[SEG_FS].base = 0x20000;
	f.c->seg[SEG_ES].base = 0x30000;
	fixture_poke(&f, 0x2fff0, 8, 0x1122334455667788);
	fixture_poke(&f, 0x2fff8, 8, 0x99aabbccddeeff00);
	set_indexes(&f, 0xfff0, 0, 16);
	assert_int_equal(fixture_run(&f, 16), -1);
	assert_int_equal(fixture_peek(&f, 0x30000, 8), 0x1122334455667788);
	assert_int_equal(fixture_peek(&f, 0x30008, 8), 0x99aabbccddeeff00);
	assert_indexes(&f, 0, 16, 0);
	/* A word across the limit of 64 KiB is #GP; the ones before it are stored. */
	fixture_load(&f, CODE(0xf3, 0xab));
	f.c->reg[GPR_RAX] = 0xabcd;
	set_indexes(&f, 0, 0xffe1, 100);
	assert_int_equal(fixture_run(&f, 16), EXC_GP);
	assert_indexes(&f, 0, 0xffff, 85);
	assert_int_equal(fixture_peek(&f, 0x3fffd, 2), 0xabcd);
	assert_int_equal(fixture_peek(&f, 0x3ffff, 1), 0);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_single),           cmocka_unit_test(test_address_size),
	    cmocka_unit_test(test_counting),         cmocka_unit_test(test_overlap),
	    cmocka_unit_test(test_compare_and_scan), cmocka_unit_test(test_fault),
	    cmocka_unit_test(test_segments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
