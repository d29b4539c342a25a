/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Integer instructions against the host's processor: each template below with random operands,
 * operand sizes and registers, in its register form and with memory at [RBX]. Compared are the
 * registers, the memory and the flags that the manual defines (Intel SDM vol. 1 appendix A).
 */
#include "tests/unit/cpu/cpu_fixture.h"

#include <stdio.h>
#include <string.h>

#include "emulator/cpu/insn.h"
#include "tests/unit/cpu/int_native.h"

#define CASES 2000 /* for each template */
#define AREA  64   /* bytes of memory that are compared; RBX points into the middle */

enum what {
	PLAIN = 0,
	LOGIC = 1 << 0,    /* AF undefined */
	SHIFT = 1 << 1,    /* by an immediate or CL: OF undefined but for 1, AF undefined */
	MULTIPLY = 1 << 2, /* only CF and OF defined */
	DIVIDE = 1 << 3,   /* no flag defined */
	BIT = 1 << 4,      /* only CF and ZF defined */
	SCAN = 1 << 5,     /* only ZF defined, and the result when that is clear */
	NO_MODRM = 1 << 6,
	BYTE = 1 << 7, /* the operand size is a byte */
	IMM8 = 1 << 8,
	IMMZ = 1 << 9,    /* 2 or 4 bytes */
	OFFSET = 1 << 10, /* ModRM.reg is a bit offset that may leave the operand */
	ROTATE = 1 << 11, /* as SHIFT, but AF is left alone */
};

struct template
{
	const char *name;
	uint8_t code[3];
	uint8_t size;
	int8_t group; /* ModRM.reg, or -1 */
	unsigned what;
};

#define RM2(name, opcode, what)                                                                    \
	{name " byte", {opcode}, 1, -1, (what) | BYTE},                                            \
	{                                                                                          \
		name, {(opcode) + 1}, 1, -1, what                                                  \
	}
#define SHIFTS(name, n, what)                                                                      \
	{name " byte, imm8", {0xc0}, 1, n, (what) | BYTE | IMM8},                                  \
	    {name " imm8", {0xc1}, 1, n, (what) | IMM8},                                           \
	    {name " byte, 1", {0xd0}, 1, n, (what) | BYTE}, {name " 1", {0xd1}, 1, n, what},       \
	    {name " byte, cl", {0xd2}, 1, n, (what) | BYTE},                                       \
	{                                                                                          \
		name " cl", {0xd3}, 1, n, what                                                     \
	}

static const struct template templates[] = {
    RM2("add", 0x00, PLAIN),
    RM2("add r, rm", 0x02, PLAIN),
    RM2("or", 0x08, LOGIC),
    RM2("adc", 0x10, PLAIN),
    RM2("adc r, rm", 0x12, PLAIN),
    RM2("sbb", 0x18, PLAIN),
    RM2("and", 0x20, LOGIC),
    RM2("sub", 0x28, PLAIN),
    RM2("xor", 0x30, LOGIC),
    RM2("cmp", 0x38, PLAIN),
    RM2("test", 0x84, LOGIC),
    RM2("xchg", 0x86, PLAIN),
    RM2("mov rm, r", 0x88, PLAIN),
    RM2("mov r, rm", 0x8a, PLAIN),
    {"adc imm8", {0x83}, 1, 2, IMM8},
    {"sbb imm", {0x81}, 1, 3, IMMZ},
    {"cmp byte, imm8", {0x80}, 1, 7, BYTE | IMM8},
    {"inc", {0xff}, 1, 0, PLAIN},
    {"dec byte", {0xfe}, 1, 1, BYTE},
    {"not", {0xf7}, 1, 2, PLAIN},
    {"neg byte", {0xf6}, 1, 3, BYTE},
    {"neg", {0xf7}, 1, 3, PLAIN},
    SHIFTS("rol", 0, ROTATE),
    SHIFTS("ror", 1, ROTATE),
    SHIFTS("rcl", 2, ROTATE),
    SHIFTS("rcr", 3, ROTATE),
    SHIFTS("shl", 4, SHIFT),
    SHIFTS("shr", 5, SHIFT),
    SHIFTS("sar", 7, SHIFT),
    {"shld imm8", {0x0f, 0xa4}, 2, -1, SHIFT | IMM8},
    {"shld cl", {0x0f, 0xa5}, 2, -1, SHIFT},
    {"shrd imm8", {0x0f, 0xac}, 2, -1, SHIFT | IMM8},
    {"shrd cl", {0x0f, 0xad}, 2, -1, SHIFT},
    {"mul byte", {0xf6}, 1, 4, MULTIPLY | BYTE},
    {"mul", {0xf7}, 1, 4, MULTIPLY},
    {"imul byte", {0xf6}, 1, 5, MULTIPLY | BYTE},
    {"imul", {0xf7}, 1, 5, MULTIPLY},
    {"imul r, rm", {0x0f, 0xaf}, 2, -1, MULTIPLY},
    {"imul r, rm, imm8", {0x6b}, 1, -1, MULTIPLY | IMM8},
    {"imul r, rm, imm", {0x69}, 1, -1, MULTIPLY | IMMZ},
    {"div byte", {0xf6}, 1, 6, DIVIDE | BYTE},
    {"div", {0xf7}, 1, 6, DIVIDE},
    {"idiv byte", {0xf6}, 1, 7, DIVIDE | BYTE},
    {"idiv", {0xf7}, 1, 7, DIVIDE},
    {"cbw", {0x98}, 1, -1, NO_MODRM},
    {"cwd", {0x99}, 1, -1, NO_MODRM},
    {"sahf", {0x9e}, 1, -1, NO_MODRM},
    {"lahf", {0x9f}, 1, -1, NO_MODRM},
    {"cmc", {0xf5}, 1, -1, NO_MODRM},
    {"cmovl", {0x0f, 0x4c}, 2, -1, PLAIN},
    {"cmova", {0x0f, 0x47}, 2, -1, PLAIN},
    {"setle", {0x0f, 0x9e}, 2, -1, BYTE},
    {"setp", {0x0f, 0x9a}, 2, -1, BYTE},
    {"bt", {0x0f, 0xa3}, 2, -1, BIT | OFFSET},
    {"bts", {0x0f, 0xab}, 2, -1, BIT | OFFSET},
    {"btr", {0x0f, 0xb3}, 2, -1, BIT | OFFSET},
    {"btc", {0x0f, 0xbb}, 2, -1, BIT | OFFSET},
    {"bt imm8", {0x0f, 0xba}, 2, 4, BIT | IMM8},
    {"btc imm8", {0x0f, 0xba}, 2, 7, BIT | IMM8},
    {"bsf", {0x0f, 0xbc}, 2, -1, SCAN},
    {"bsr", {0x0f, 0xbd}, 2, -1, SCAN},
    {"movzx byte", {0x0f, 0xb6}, 2, -1, PLAIN},
    {"movzx word", {0x0f, 0xb7}, 2, -1, PLAIN},
    {"movsx byte", {0x0f, 0xbe}, 2, -1, PLAIN},
    {"movsx word", {0x0f, 0xbf}, 2, -1, PLAIN},
    {"movsxd", {0x63}, 1, -1, PLAIN},
    {"xadd byte", {0x0f, 0xc0}, 2, -1, BYTE},
    {"xadd", {0x0f, 0xc1}, 2, -1, PLAIN},
    {"cmpxchg byte", {0x0f, 0xb0}, 2, -1, BYTE},
    {"cmpxchg", {0x0f, 0xb1}, 2, -1, PLAIN},
    {"bswap", {0x0f, 0xc9}, 2, -1, NO_MODRM},
};

static uint64_t random_state = 0x2545f4914f6cdd1d;

static uint64_t random_next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state >> 3;
}

/* Numbers near the edges more often than others. */
static uint64_t random_value(void)
{
	uint64_t value = random_next() << 3 | random_next() % 8;

	switch (random_next() % 8) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX;
	case 2:
		return 1ull << (value % 64);
	case 3:
		return value & 0xff;
	case 4:
		return (uint64_t)(int64_t)(int8_t)value;
	case 5:
		return 0x8000000080008080;
	default:
		return value;
	}
}

struct instance {
	uint8_t code[16];
	size_t size;
	struct insn insn;
	unsigned count; /* of a shift, masked */
	bool memory;
};

static unsigned operand_bits(const struct instance *t)
{
	return t->insn.operand * 8u;
}

/* RBX is the memory's address and RSP the host's stack: neither can be another operand. */
static bool registers_free(const struct template *t, const struct instance *n)
{
	bool high = n->insn.operand == 1 && !n->insn.rex;
	unsigned reg = high ? n->insn.reg & 3 : n->insn.reg,
		 rm = high ? n->insn.rm & 3 : n->insn.rm;

	/* MOVZX and MOVSX from a byte register: rm is a byte register, whatever the operand. */
	if (t->code[0] == 0x0f && (t->code[1] == 0xb6 || t->code[1] == 0xbe) && !n->insn.rex)
		rm &= 3;
	if (t->group < 0 && (reg == GPR_RSP || (n->memory && reg == GPR_RBX)))
		return false;
	return n->memory || rm != GPR_RSP;
}

/* Makes up an instruction; false when it is of no use. */
static bool instantiate(const struct template *t, struct instance *n)
{
	static const struct cpu_model model = {.name = "x86-64"};
	unsigned size = (unsigned)random_next() % 4, k, reg;
	bool modrm = !(t->what & NO_MODRM);

	memset(n, 0x90, sizeof(*n));
	n->size = 0;
	n->memory = modrm && random_next() % 2;
	if (size == 1)
		n->code[n->size++] = 0x66;
	if (size >= 2) {
		unsigned low = (unsigned)random_next() & (n->memory ? 4 : 5);

		n->code[n->size++] = (uint8_t)(0x40 | low | (size == 2 ? 8 : 0));
	}
	memcpy(n->code + n->size, t->code, t->size);
	n->size += t->size;
	if (modrm) {
		reg = t->group >= 0 ? (unsigned)t->group : (unsigned)random_next() % 8;
		n->code[n->size++] = (uint8_t)((n->memory ? 0 : 0xc0) | reg << 3 |
					       (n->memory ? GPR_RBX : random_next() % 8));
	}
	k = t->what & IMM8 ? 1 : t->what & IMMZ ? (size == 1 ? 2 : 4) : 0;
	while (k-- > 0)
		n->code[n->size++] =
		    (uint8_t)(random_next() % 4 ? random_next() : random_next() % 8);
	/* What follows is a RET on the host; here it only has to decode. */
	assert_int_equal(insn_decode(&model, 64, n->code, 15, &n->insn), n->size);
	return n->insn.handler != insn_undefined && (!modrm || registers_free(t, n));
}

static void count_shift(const struct template *t, struct instance *n, const struct int_state *s)
{
	uint8_t last = t->code[t->size - 1];
	bool by_cl = last == 0xd2 || last == 0xd3 || (t->size == 2 && (last & 1));

	n->count = t->what & IMM8 ? n->code[n->size - 1] : by_cl ? (unsigned)s->reg[GPR_RCX] : 1;
	n->count &= n->insn.operand == 8 ? 63 : 31;
}

static uint32_t flags_defined(const struct template *t, const struct instance *n)
{
	uint32_t all = FLAGS_STATUS;

	if (t->what & LOGIC)
		return all & ~FLAG_AF;
	if (t->what & MULTIPLY)
		return FLAG_CF | FLAG_OF;
	if (t->what & DIVIDE)
		return 0;
	if (t->what & BIT)
		return FLAG_CF | FLAG_ZF;
	if (t->what & SCAN)
		return FLAG_ZF;
	if (!(t->what & (SHIFT | ROTATE)) || n->count == 0)
		return all;
	if (t->what & SHIFT)
		all &= ~FLAG_AF;
	if (n->count != 1)
		all &= ~FLAG_OF;
	if ((t->what & SHIFT) && n->count > operand_bits(n))
		all &= ~FLAG_CF;
	return all;
}

/* SHLD and SHRD by more than the operand, and the index of a bit in 0, are anything. */
static bool result_defined(const struct template *t, const struct instance *n,
			   const struct int_state *after)
{
	if ((t->what & SHIFT) && t->size == 2 && n->count > operand_bits(n))
		return false;
	if (t->what & SCAN)
		return !(after->flags & FLAG_ZF);
	/* BSWAP of 16 bits. */
	return !(t->size == 2 && t->code[1] == 0xc9 && n->insn.operand == 2);
}

static void describe_failure(const struct template *t, const struct instance *n,
			     const struct int_state *before, const struct int_state *native,
			     const struct cpu_fixture *f)
{
	char bytes[64] = "";
	size_t k;

	for (k = 0; k < n->size; k++)
		snprintf(bytes + 3 * k, sizeof(bytes) - 3 * k, "%02x ", n->code[k]);
	for (k = 0; k < 16; k++)
		if (k != GPR_RSP)
			print_message("r%zu: %016llx -> host %016llx, here %016llx\n", k,
				      (unsigned long long)before->reg[k],
				      (unsigned long long)native->reg[k],
				      (unsigned long long)f->c->reg[k]);
	fail_msg("%s: %s flags %x -> host %x, here %x", t->name, bytes, (unsigned)before->flags,
		 (unsigned)native->flags & FLAGS_STATUS, fixture_flags(f));
}

static bool registers_equal(const struct int_state *native, const struct cpu_fixture *f,
			    bool memory)
{
	unsigned r;

	for (r = 0; r < 16; r++)
		if (r != GPR_RSP && !(memory && r == GPR_RBX) && native->reg[r] != f->c->reg[r])
			return false;
	return true;
}

static void run_case(struct cpu_fixture *f, const struct template *t, struct instance *n)
{
	uint8_t area[AREA], *guest = f->ram + FIXTURE_DATA;
	struct int_state before, native;
	bool host_ok, defined;
	uint32_t flags;
	unsigned r;
	int vector;

	for (r = 0; r < 16; r++)
		before.reg[r] = random_value();
	if (t->what & DIVIDE) { /* or nearly every quotient would overflow */
		before.reg[GPR_RAX] >>= random_next() % 64;
		before.reg[GPR_RDX] = random_next() % 2 ? 0 : UINT64_MAX;
	}
	if (t->what & OFFSET) /* stay within the area */
		before.reg[n->insn.reg] = (before.reg[n->insn.reg] % 256) - 128;
	before.flags = FLAG_ONE | FLAG_IF | (random_next() & FLAGS_STATUS);
	for (r = 0; r < AREA; r += 8) {
		uint64_t value = random_value();

		memcpy(area + r, &value, 8);
	}
	memcpy(guest, area, AREA);

	fixture_load(f, n->code, n->size);
	memcpy(f->c->reg, before.reg, sizeof(before.reg));
	f->c->reg[GPR_RSP] = FIXTURE_STACK;
	fixture_set_flags(f, (uint32_t)before.flags);
	native = before;
	if (n->memory) {
		native.reg[GPR_RBX] = (uint64_t)(uintptr_t)(area + AREA / 2);
		f->c->reg[GPR_RBX] = FIXTURE_DATA + AREA / 2;
	}
	count_shift(t, n, &before);
	host_ok = native_run(&native, n->code, n->size);
	vector = fixture_run(f, 1);
	if (!host_ok || vector >= 0) {
		if (host_ok || vector != EXC_DE)
			describe_failure(t, n, &before, &native, f);
		return;
	}
	flags = flags_defined(t, n);
	defined = result_defined(t, n, &native);
	if (!defined)
		flags &= t->what & SCAN ? FLAG_ZF : 0;
	if ((native.flags & flags) != (fixture_flags(f) & flags) ||
	    (defined &&
	     (!registers_equal(&native, f, n->memory) || memcmp(guest, area, AREA) != 0)))
		describe_failure(t, n, &before, &native, f);
}

static void test_against_host(void **state)
{
	struct cpu_fixture f;
	struct instance instance;
	size_t t, n;

	if (!native_open())
		skip();
	fixture_open(&f, 64, "x86-64-v2");
	for (t = 0; t < sizeof(templates) / sizeof(templates[0]); t++) {
		for (n = 0; n < CASES; n++) {
			if (instantiate(&templates[t], &instance))
				run_case(&f, &templates[t], &instance);
		}
	}
	fixture_close(&f);
	native_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_host)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
