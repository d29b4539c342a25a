/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The run loop: where it stops, and that where it stops does not matter. The same program is run
 * at one go and in slices of other lengths, down to one instruction; registers, flags, memory,
 * exits and even the TLB must come out equal. Programs are hand-made, and random bytes: those
 * also show that nothing a guest executes brings the host down.
 */
#include "tests/unit/cpu/cpu_fixture.h"

#include "emulator/accel/tcg/tcg.h"
#include <string.h>

static uint64_t random_state;

static uint64_t random_next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* At most `slice` instructions at a time, until `n` or a halt; shutdown ends it, too. */
static void run_sliced(struct cpu_fixture *f, uint64_t n, uint64_t slice)
{
	struct cpu *c = f->c;
	uint64_t until = c->insns + n;

	while (c->insns < until && !c->halted && !c->shutdown) {
		uint64_t left = until - c->insns;
		uint64_t now = slice ? 1 + random_next() % slice : left;

		f->v.limit = c->insns + (now < left ? now : left);
		tcg_run(&f->v);
	}
	/* Which of their lazy forms the flags are in is nobody's concern. */
	fixture_set_flags(f, fixture_flags(f));
}

static void assert_same(const struct cpu_fixture *a, const struct cpu_fixture *b)
{
	unsigned n;

	assert_int_equal(a->c->insns, b->c->insns);
	assert_memory_equal(a->c, b->c, sizeof(*a->c));
	assert_memory_equal(a->v.tlb, b->v.tlb, sizeof(*a->v.tlb));
	assert_int_equal(a->exit_count, b->exit_count);
	for (n = 0; n < a->exit_count; n++) {
		assert_int_equal(a->exits[n].kind, b->exits[n].kind);
		assert_int_equal(a->exits[n].is_write, b->exits[n].is_write);
		assert_int_equal(a->exits[n].size, b->exits[n].size);
		assert_int_equal(a->exits[n].address, b->exits[n].address);
		assert_int_equal(a->exits[n].data, b->exits[n].data);
		assert_int_equal(a->exits[n].rip, b->exits[n].rip);
	}
	assert_memory_equal(a->ram, b->ram, FIXTURE_RAM);
}

/* Copies, fills, calls, stores into its own code, MMIO; over and over. */
static const uint8_t busy_program[] = {
    0xbb, 0x00, 0xa0, 0x00, 0x00, /* mov ebx, FIXTURE_DATA */
    0x31, 0xd2,                   /* xor edx, edx */
    /* top: */
    0x8d, 0x73, 0x05,                   /* lea esi, [rbx + 5] */
    0x8d, 0x7b, 0x08,                   /* lea edi, [rbx + 8] */
    0xb9, 0x2c, 0x01, 0x00, 0x00,       /* mov ecx, 300 */
    0xf3, 0xa4,                         /* rep movsb: overlapping */
    0x8d, 0xbb, 0xf0, 0x0f, 0x00, 0x00, /* lea edi, [rbx + 0xff0] */
    0xb1, 0x20,                         /* mov cl, 32 */
    0x89, 0xd0,                         /* mov eax, edx */
    0xf3, 0xab,                         /* rep stosd: across a page */
    0x88, 0x15, 0x02, 0x00, 0x00, 0x00, /* mov [rip + 2], dl */
    0x69, 0xc2, 0x00, 0x35, 0x12, 0x00, /* imul eax, edx, ...: its low byte just changed */
    0xe8, 0x0c, 0x00, 0x00, 0x00,       /* call f */
    0xff, 0xc2,                         /* inc edx */
    0x81, 0xfa, 0x00, 0x04, 0x00, 0x00, /* cmp edx, 0x400 */
    0x75, 0xcc,                         /* jne top */
    0xf4,                               /* hlt */
    0x90,
    /* f: */
    0x01, 0x44, 0x93, 0x10, /* add [rbx + rdx * 4 + 0x10], eax */
    0xb1, 0x64,             /* mov cl, 100 */
    0x89, 0xdf,             /* mov edi, ebx */
    0xf2, 0xae,             /* repne scasb */
    0x0f, 0x94, 0xc0,       /* sete al */
    0x00, 0x43, 0x0c,       /* add [rbx + 0xc], al */
    0xc3,                   /* ret */
};

static void test_slices(void **state)
{
	static const uint64_t slices[] = {1, 2, 7, 50, 1000};
	struct cpu_fixture whole, cut;
	unsigned n;

	random_state = 0x123456789abcdef;
	fixture_open(&whole, 64, "x86-64");
	fixture_load(&whole, busy_program, sizeof(busy_program));
	fixture_poke(&whole, FIXTURE_DATA, 8, 0x1122334455667788);
	run_sliced(&whole, 100000, 0);
	assert_int_equal(whole.c->insns, 100000);
	for (n = 0; n < sizeof(slices) / sizeof(slices[0]); n++) {
		fixture_open(&cut, 64, "x86-64");
		fixture_load(&cut, busy_program, sizeof(busy_program));
		fixture_poke(&cut, FIXTURE_DATA, 8, 0x1122334455667788);
		run_sliced(&cut, 100000, slices[n]);
		assert_same(&whole, &cut);
		fixture_close(&cut);
	}
	fixture_close(&whole);
}

/* Forgetting all decoded code at any time changes nothing either. */
static void test_forgetting(void **state)
{
	struct cpu_fixture whole, cut;
	unsigned n;

	fixture_open(&whole, 64, "x86-64");
	fixture_load(&whole, busy_program, sizeof(busy_program));
	run_sliced(&whole, 5000, 0);
	fixture_open(&cut, 64, "x86-64");
	fixture_load(&cut, busy_program, sizeof(busy_program));
	for (n = 0; n < 500; n++) {
		run_sliced(&cut, 10, 0);
		vcpu_state_replaced(&cut.v);
	}
	assert_same(&whole, &cut);
	fixture_close(&cut);
	fixture_close(&whole);
}

/* Bytes with enough structure that more than the first instruction is executed now and then. */
static void random_code(uint8_t *code, size_t size)
{
	static const uint8_t common[] = {0x01, 0x03, 0x89, 0x8b, 0x83, 0x81, 0x8d, 0x50,
					 0x58, 0x0f, 0xc1, 0xd3, 0xf7, 0xff, 0x74, 0xeb,
					 0xf3, 0xa4, 0xaa, 0x66, 0x48, 0x88, 0xfe, 0x31,
					 0xe8, 0xc3, 0xd9, 0xdd, 0x6a, 0x87};
	size_t n;

	for (n = 0; n < size; n++) {
		uint64_t r = random_next() >> 11;

		code[n] = r & 1 ? common[(r >> 8) % sizeof(common)] : (uint8_t)(r >> 8);
	}
}

/* Registers that point somewhere: RAM, code, MMIO, small counts, or nowhere. */
static void random_registers(struct cpu_fixture *f)
{
	unsigned r;

	for (r = 0; r < 16; r++) {
		static const uint64_t at[] = {FIXTURE_DATA, FIXTURE_CODE, FIXTURE_MMIO, 0, 0xfff0};
		uint64_t value = random_next();

		if (r == GPR_RSP)
			continue;
		f->c->reg[r] = value & 0x700 ? at[(value >> 16) % 5] + (value & 0xff) : value;
	}
}

static void fixture_random(struct cpu_fixture *f, unsigned bits, uint64_t seed)
{
	uint8_t code[256];

	random_state = seed;
	fixture_open(f, bits, "x86-64-v2");
	random_code(code, sizeof(code));
	fixture_load(f, code, sizeof(code));
	random_registers(f);
}

static void test_random(void **state)
{
	static const unsigned bits[] = {16, 32, 64};
	struct cpu_fixture whole, cut;
	unsigned n;

	for (n = 0; n < 300; n++) {
		uint64_t seed = (n + 1) * 0x9e3779b97f4a7c15ull;

		fixture_random(&whole, bits[n % 3], seed);
		run_sliced(&whole, 2000, 0);
		fixture_random(&cut, bits[n % 3], seed);
		run_sliced(&cut, 2000, 1 + n % 5);
		assert_same(&whole, &cut);
		fixture_close(&cut);
		fixture_close(&whole);
	}
}

/* One instruction, or one iteration, at a time, until RIP is what it should be. */
static void step_to(struct cpu_fixture *f, uint64_t rip, uint64_t until)
{
	const struct cpu *c = f->c;

	do {
		f->v.limit = c->insns + 1;
		interp_run(&f->v);
	} while (c->reg[GPR_RIP] != rip && c->insns < until && !c->halted && !c->shutdown);
}

/* From place to place: at each the state is that of whoever looks after every instruction. */
static void go_places(struct cpu_fixture *stepped, struct cpu_fixture *run, unsigned size,
		      unsigned places)
{
	const struct cpu *c = run->c;

	for (unsigned n = 0; n < places && !c->halted && !c->shutdown; n++) {
		/* Now and then the same one again, or where faults lead to. */
		uint64_t r = random_next() >> 8, until = c->insns + 3000;
		uint64_t rip = r % 8 == 0   ? c->reg[GPR_RIP]
			       : r % 8 == 1 ? FIXTURE_STUBS + (r >> 8) % 20 * 16
					    : FIXTURE_CODE + (r >> 8) % size;

		step_to(stepped, rip, until);
		run->v.limit = until;
		tcg_run_to(&run->v, rip);
		/* The engines keep the same status flags in different ways. */
		fixture_set_flags(stepped, fixture_flags(stepped));
		fixture_set_flags(run, fixture_flags(run));
		assert_same(stepped, run);
	}
}

static void test_places(void **state)
{
	static const unsigned bits[] = {16, 32, 64};
	struct cpu_fixture stepped, run;

	random_state = 0x123456789abcdef;
	fixture_open(&stepped, 64, "x86-64");
	fixture_load(&stepped, busy_program, sizeof(busy_program));
	fixture_open(&run, 64, "x86-64");
	fixture_load(&run, busy_program, sizeof(busy_program));
	go_places(&stepped, &run, sizeof(busy_program), 100);
	assert_true(run.c->insns > 30000);
	fixture_close(&stepped);
	fixture_close(&run);
	for (unsigned n = 0; n < 60; n++) {
		uint64_t seed = (n + 1) * 0x9e3779b97f4a7c15ull;

		fixture_random(&stepped, bits[n % 3], seed);
		fixture_random(&run, bits[n % 3], seed);
		go_places(&stepped, &run, 256, 10);
		fixture_close(&stepped);
		fixture_close(&run);
	}
}

/* A kick from within an exit ends the run after that instruction. */
static void kicking_exit(struct machine *m, struct exit *e)
{
	struct cpu_fixture *f = (struct cpu_fixture *)(void *)m;

	f->exit_count++;
	vcpu_kick(&f->v);
}

static void test_kick(void **state)
{
	struct cpu_fixture f;
	struct vcpu_ops ops;
	uint64_t before;

	fixture_open(&f, 64, "x86-64");
	ops = *f.v.ops;
	ops.exit = kicking_exit;
	f.v.ops = &ops;
	f.c->reg[GPR_RBX] = FIXTURE_MMIO;
	f.c->reg[GPR_RDI] = FIXTURE_MMIO;
	f.c->reg[GPR_RCX] = 5;
	fixture_load(&f,
		     CODE(0x90, 0x89, 0x03, 0x90, 0xf3, 0xaa)); /* nop; mov [rbx], eax; nop; ... */
	before = f.c->insns;
	f.v.limit = before + 100;
	tcg_run(&f.v);
	assert_int_equal(f.c->insns, before + 2);
	assert_int_equal(f.c->reg[GPR_RIP], FIXTURE_CODE + 3);
	f.v.limit = before + 100;
	tcg_run(&f.v); /* nop and the first iteration of REP STOSB */
	assert_int_equal(f.c->insns, before + 4);
	assert_int_equal(f.c->reg[GPR_RCX], 4);
	assert_int_equal(f.c->reg[GPR_RIP], FIXTURE_CODE + 4);
	fixture_load(&f, CODE(0x90, 0x89, 0x03, 0x90)); /* so it does the way to a place */
	f.v.limit = UINT64_MAX;
	tcg_run_to(&f.v, FIXTURE_CODE + 4);
	assert_int_equal(f.c->reg[GPR_RIP], FIXTURE_CODE + 3);
	assert_int_equal(f.v.limit, 0);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_slices), cmocka_unit_test(test_forgetting),
	    cmocka_unit_test(test_random), cmocka_unit_test(test_places),
	    cmocka_unit_test(test_kick),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
