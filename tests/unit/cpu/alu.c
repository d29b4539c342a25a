/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arithmetic, logic and exchange: results and flags (Intel SDM vol. 2, each instruction's "Flags
 * Affected"; vol. 1 table 7-1 and appendix A), operand sizes, memory forms, decimal adjustment.
 */
#include "tests/unit/cpu/cpu_fixture.h"

#define C FLAG_CF
#define P FLAG_PF
#define A FLAG_AF
#define Z FLAG_ZF
#define S FLAG_SF
#define O FLAG_OF

struct alu_case {
	const char *text;
	uint8_t code[8];
	uint64_t rax, rcx;
	uint32_t flags;
	uint64_t result; /* RAX */
	uint32_t flags_after;
};

static void run_cases(unsigned bits, const struct alu_case *cases, size_t count)
{
	struct cpu_fixture f;
	size_t n;

	fixture_open(&f, bits, "x86-64");
	for (n = 0; n < count; n++) {
		const struct alu_case *t = &cases[n];

		fixture_load(&f, t->code, sizeof(t->code));
		f.c->reg[GPR_RAX] = t->rax;
		f.c->reg[GPR_RCX] = t->rcx;
		fixture_set_flags(&f, t->flags);
		assert_int_equal(fixture_run(&f, 1), -1);
		if (f.c->reg[GPR_RAX] != t->result || fixture_flags(&f) != t->flags_after)
			fail_msg("%s: rax %llx, flags %x", t->text,
				 (unsigned long long)f.c->reg[GPR_RAX], fixture_flags(&f));
	}
	fixture_close(&f);
}

static void test_arithmetic(void **state)
{
	static const struct alu_case cases[] = {
	    {"add al, cl", {0x00, 0xc8}, 0x17f, 0x01, 0, 0x180, S | A | O},
	    {"add al, cl: carry", {0x00, 0xc8}, 0xff, 0x01, 0, 0x00, C | P | A | Z},
	    {"add ax, cx", {0x66, 0x01, 0xc8}, 0xa5ffff, 1, 0, 0xa50000, C | P | A | Z},
	    {"add eax, ecx clears the upper half", {0x01, 0xc8}, 0x1ffffffff, 2, 0, 1, C | A},
	    {"add rax, rcx", {0x48, 0x01, 0xc8}, INT64_MAX, 1, 0, 1ull << 63, P | A | S | O},
	    {"add rax, -1", {0x48, 0x83, 0xc0, 0xff}, 1, 0, 0, 0, C | P | A | Z},
	    {"adc al, cl", {0x10, 0xc8}, 0xff, 0x00, C, 0x00, C | P | A | Z},
	    {"adc al, cl: all ones", {0x10, 0xc8}, 0xff, 0xff, C, 0xff, C | P | A | S},
	    {"adc rax, rcx", {0x48, 0x11, 0xc8}, 0, UINT64_MAX, C, 0, C | P | A | Z},
	    {"sub al, cl", {0x28, 0xc8}, 0x80, 0x01, 0, 0x7f, A | O},
	    {"sub eax, ecx", {0x29, 0xc8}, 0, 1, 0, 0xffffffff, C | P | A | S},
	    {"sbb al, cl", {0x18, 0xc8}, 0x00, 0xff, C, 0x00, C | P | A | Z},
	    {"sbb eax, eax", {0x19, 0xc0}, 5, 0, C, 0xffffffff, C | P | A | S},
	    {"cmp al, cl leaves AL", {0x38, 0xc8}, 0x80, 0x7f, 0, 0x80, A | O},
	    {"cmp rax, rcx", {0x48, 0x39, 0xc8}, 5, 5, C | S, 5, P | Z},
	    {"neg al", {0xf6, 0xd8}, 0x80, 0, 0, 0x80, C | S | O},
	    {"neg rax of 0", {0x48, 0xf7, 0xd8}, 0, 0, C, 0, P | Z},
	    {"inc al keeps CF", {0xfe, 0xc0}, 0x7f, 0, C, 0x80, C | A | S | O},
	    {"dec eax keeps CF", {0xff, 0xc8}, 0, 0, C, 0xffffffff, C | P | A | S},
	    {"dec al", {0xfe, 0xc8}, 0x80, 0, 0, 0x7f, A | O},
	};

	run_cases(64, cases, sizeof(cases) / sizeof(cases[0]));
}

static void test_logic(void **state)
{
	static const struct alu_case cases[] = {
	    {"and al, cl", {0x20, 0xc8}, 0xf0, 0x80, C | O, 0x80, S},
	    {"or eax, ecx", {0x09, 0xc8}, 0xf00000001, 2, C | O, 3, P},
	    {"xor eax, eax", {0x31, 0xc0}, UINT64_MAX, 0, C | O | S, 0, P | Z},
	    {"test al, cl", {0x84, 0xc8}, 0x0f, 0xf0, C, 0x0f, P | Z},
	    {"test rax, rcx", {0x48, 0x85, 0xc8}, 1ull << 63, 1ull << 63, C, 1ull << 63, P | S},
	    {"test eax, imm", {0xa9, 0, 0, 0, 0x80}, 1ull << 31, 0, 0, 1ull << 31, P | S},
	    {"not rax: no flags", {0x48, 0xf7, 0xd0}, 0, 0, C | Z, UINT64_MAX, C | Z},
	    {"not al", {0xf6, 0xd0}, 0x1ff, 0, O, 0x100, O},
	    {"add ah, al", {0x00, 0xc4}, 0x0102, 0, 0, 0x0302, P},
	    {"REX: add spl, al is not AH", {0x40, 0x00, 0xc4}, 0x0102, 0, 0, 0x0102, 0},
	};

	run_cases(64, cases, sizeof(cases) / sizeof(cases[0]));
}

/* SDM vol. 2: the examples and tables of DAA, DAS, AAA, AAS, AAM and AAD. */
static void test_decimal(void **state)
{
	static const struct alu_case cases[] = {
	    {"daa: 79 + 35", {0x27}, 0xae, 0, P | S | O, 0x14, C | P | A},
	    {"daa: 2e", {0x27}, 0x2e, 0, 0, 0x34, A},
	    {"das: 35 - 47", {0x2f}, 0xee, 0, C | P | A | S, 0x88, C | P | A | S},
	    {"das: 05 with AF", {0x2f}, 0x05, 0, A, 0xff, C | P | A | S},
	    {"aaa", {0x37}, 0x000f, 0, 0, 0x0105, C | P | A},
	    {"aaa: nothing to do", {0x37}, 0x1205, 0, 0, 0x1205, P},
	    {"aas", {0x3f}, 0x020f, 0, 0, 0x0109, C | P | A},
	    {"aam", {0xd4, 0x0a}, 0x004d, 0, 0, 0x0707, 0},
	    {"aam 16", {0xd4, 0x10}, 0x004d, 0, 0, 0x040d, 0},
	    {"aad", {0xd5, 0x0a}, 0x0707, 0, 0, 0x004d, P},
	    {"salc", {0xd6}, 0x1200, 0, C, 0x12ff, C},
	};

	run_cases(32, cases, sizeof(cases) / sizeof(cases[0]));
}

static void test_aam_zero(void **state)
{
	struct cpu_fixture f;

	fixture_open(&f, 32, "x86-64");
	fixture_load(&f, CODE(0xd4, 0x00));
	assert_int_equal(fixture_run(&f, 1), EXC_DE);
	assert_int_equal(fixture_fault_rip(&f), FIXTURE_CODE);
	fixture_close(&f);
}

static void test_memory(void **state)
{
	struct cpu_fixture f;

	fixture_open(&f, 64, "x86-64");
	f.c->reg[GPR_RBX] = FIXTURE_DATA;
	fixture_poke(&f, FIXTURE_DATA, 8, 0x11223344556677ff);
	f.c->reg[GPR_RAX] = 1;
	fixture_do(&f, CODE(0xf0, 0x00, 0x03), 1); /* lock add [rbx], al */
	assert_int_equal(fixture_peek(&f, FIXTURE_DATA, 8), 0x1122334455667700);
	assert_int_equal(fixture_flags(&f), C | P | A | Z);
	fixture_do(&f, CODE(0x48, 0x2b, 0x03), 1); /* sub rax, [rbx] */
	assert_int_equal(f.c->reg[GPR_RAX], 1 - 0x1122334455667700ull);
	fixture_do(&f, CODE(0x66, 0x81, 0x03, 0x00, 0x89), 1); /* add word [rbx], 0x8900 */
	assert_int_equal(fixture_peek(&f, FIXTURE_DATA, 8), 0x1122334455660000);

	/* A read-modify-write of MMIO is one read and one write. */
	f.c->reg[GPR_RBX] = FIXTURE_MMIO;
	f.answer = 0x0f;
	fixture_do(&f, CODE(0x83, 0x0b, 0x70), 1); /* or dword [rbx], 0x70 */
	assert_int_equal(f.exit_count, 2);
	assert_false(f.exits[0].is_write);
	assert_int_equal(f.exits[0].size, 4);
	assert_true(f.exits[1].is_write);
	assert_int_equal(f.exits[1].data, 0x7f);
	assert_int_equal(f.exits[1].rip, FIXTURE_CODE);
	fixture_close(&f);
}

static void test_exchange(void **state)
{
	struct cpu_fixture f;
	uint64_t *r;

	fixture_open(&f, 64, "x86-64-v2");
	r = f.c->reg;
	r[GPR_RAX] = 5;
	r[GPR_RCX] = 7;
	fixture_do(&f, CODE(0x0f, 0xc1, 0xc8), 1); /* xadd eax, ecx */
	assert_int_equal(r[GPR_RAX], 12);
	assert_int_equal(r[GPR_RCX], 5);
	fixture_do(&f, CODE(0x0f, 0xc1, 0xc0), 1); /* xadd eax, eax: the sum stays */
	assert_int_equal(r[GPR_RAX], 24);

	/* CMPXCHG: equal stores the source; otherwise the accumulator is loaded. */
	r[GPR_RBX] = FIXTURE_DATA;
	fixture_poke(&f, FIXTURE_DATA, 8, 24);
	fixture_do(&f, CODE(0xf0, 0x48, 0x0f, 0xb1, 0x0b), 1); /* lock cmpxchg [rbx], rcx */
	assert_int_equal(fixture_peek(&f, FIXTURE_DATA, 8), 5);
	assert_true(fixture_flags(&f) & Z);
	fixture_do(&f, CODE(0x48, 0x0f, 0xb1, 0x0b), 1);
	assert_int_equal(fixture_peek(&f, FIXTURE_DATA, 8), 5);
	assert_int_equal(r[GPR_RAX], 5);
	assert_false(fixture_flags(&f) & Z);

	/* CMPXCHG8B: only ZF changes. */
	fixture_poke(&f, FIXTURE_DATA, 8, 0x0000000200000001);
	r[GPR_RAX] = 1;
	r[GPR_RDX] = 2;
	r[GPR_RCX] = 0x44;
	r[GPR_RBX] = 0x33;
	r[GPR_RSI] = FIXTURE_DATA;
	fixture_set_flags(&f, C | O | S);
	fixture_do(&f, CODE(0x0f, 0xc7, 0x0e), 1);
	assert_int_equal(fixture_peek(&f, FIXTURE_DATA, 8), 0x0000004400000033);
	assert_int_equal(fixture_flags(&f), C | O | S | Z);
	fixture_do(&f, CODE(0x0f, 0xc7, 0x0e), 1);
	assert_int_equal(r[GPR_RAX], 0x33);
	assert_int_equal(r[GPR_RDX], 0x44);
	assert_int_equal(fixture_flags(&f), C | O | S);

	/* CMPXCHG16B, whose operand must be aligned: #GP(0). */
	fixture_poke(&f, FIXTURE_DATA + 8, 8, 0x55);
	r[GPR_RAX] = 0x0000004400000033;
	r[GPR_RDX] = 0x55;
	fixture_do(&f, CODE(0x48, 0x0f, 0xc7, 0x0e), 1);
	assert_int_equal(fixture_peek(&f, FIXTURE_DATA, 8), 0x33);
	assert_int_equal(fixture_peek(&f, FIXTURE_DATA + 8, 8), 0x44);
	r[GPR_RSI]++;
	fixture_load(&f, CODE(0x48, 0x0f, 0xc7, 0x0e));
	assert_int_equal(fixture_run(&f, 1), EXC_GP);
	fixture_close(&f);
}

static void test_moves(void **state)
{
	struct cpu_fixture f;
	uint64_t *r;

	fixture_open(&f, 64, "x86-64-v2");
	r = f.c->reg;
	r[GPR_RAX] = 0xffffffff87654321;
	fixture_do(&f, CODE(0x90), 1); /* nop leaves all of RAX */
	assert_int_equal(r[GPR_RAX], 0xffffffff87654321);
	fixture_do(&f, CODE(0x87, 0xc0), 1); /* xchg eax, eax does not */
	assert_int_equal(r[GPR_RAX], 0x87654321);
	fixture_do(&f, CODE(0x0f, 0xb6, 0xcc), 1); /* movzx ecx, ah */
	assert_int_equal(r[GPR_RCX], 0x43);
	fixture_do(&f, CODE(0x48, 0x0f, 0xbf, 0xc8), 1); /* movsx rcx, ax */
	assert_int_equal(r[GPR_RCX], 0x4321);
	fixture_do(&f, CODE(0x48, 0x63, 0xc8), 1); /* movsxd rcx, eax */
	assert_int_equal(r[GPR_RCX], 0xffffffff87654321);
	fixture_do(&f, CODE(0x48, 0x98), 1); /* cdqe */
	assert_int_equal(r[GPR_RAX], 0xffffffff87654321);
	fixture_do(&f, CODE(0x48, 0x99), 1); /* cqo */
	assert_int_equal(r[GPR_RDX], UINT64_MAX);
	fixture_do(&f, CODE(0x66, 0x99), 1); /* cwd: AX is positive */
	assert_int_equal(r[GPR_RDX], 0xffffffffffff0000);
	fixture_do(&f, CODE(0x0f, 0xc8), 1); /* bswap eax */
	assert_int_equal(r[GPR_RAX], 0x21436587);
	r[GPR_RBX] = 0x1000;
	fixture_do(&f, CODE(0x67, 0x48, 0x8d, 0x44, 0x43, 0xff),
		   1); /* lea rax, [ebx + eax*2 - 1] */
	assert_int_equal(r[GPR_RAX], 0x4286db0d);
	r[GPR_RCX] = UINT64_MAX;
	fixture_set_flags(&f, Z);
	fixture_do(&f, CODE(0x0f, 0x45, 0xc8), 1); /* cmovne ecx, eax: upper half cleared anyway */
	assert_int_equal(r[GPR_RCX], 0xffffffff);
	fixture_do(&f, CODE(0x0f, 0x94, 0xc5), 1); /* sete ch */
	assert_int_equal(r[GPR_RCX], 0xffff01ff);
	r[GPR_RBX] = FIXTURE_DATA;
	fixture_poke(&f, FIXTURE_DATA + 0x0d, 1, 0x77);
	fixture_do(&f, CODE(0xd7), 1); /* xlat */
	assert_int_equal(r[GPR_RAX] & 0xff, 0x77);
	r[GPR_RAX] = 0x8500;
	fixture_set_flags(&f, O);
	fixture_do(&f, CODE(0x9e), 1); /* sahf leaves OF */
	assert_int_equal(fixture_flags(&f), S | P | C | O);
	fixture_do(&f, CODE(0xf5), 1); /* cmc */
	assert_int_equal(fixture_flags(&f), S | P | O);
	fixture_do(&f, CODE(0x9f), 1); /* lahf: bit 1 reads as 1 */
	assert_int_equal(r[GPR_RAX], 0x8600);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_arithmetic), cmocka_unit_test(test_logic),
	    cmocka_unit_test(test_decimal),    cmocka_unit_test(test_aam_zero),
	    cmocka_unit_test(test_memory),     cmocka_unit_test(test_exchange),
	    cmocka_unit_test(test_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
