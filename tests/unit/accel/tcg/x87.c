/* SPDX-License-Identifier: Apache-2.0 */
/*
 * x87 in translated code: the host's unit holds the guest's state across blocks, and it comes back
 * whenever somebody may look: at a device, at a fault, at a limit, in an instruction that only the
 * interpreter knows. Each program is run by both engines, to each limit that it can be stopped at,
 * and all of the processor must come out the same.
 */
#include <string.h>

#include "emulator/accel/tcg/jit.h"
#include "emulator/accel/tcg/tcg.h"
#include "emulator/cpu/fpu.h"
#include "tests/unit/cpu/cpu_fixture.h"

#define DATA FIXTURE_DATA

struct program {
	const char *name;
	uint8_t code[64];
	unsigned size;
	unsigned insns; /* to the end */
	unsigned bits;
	int vector; /* of the fault at the end, or -1 */
};

/* clang-format off */
#define BYTES(...) {__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__})
static const struct program programs[] = {
	{"the last instruction is known after blocks without x87", BYTES(
	  0xdb, 0xe3,                   /* fninit */
	  0xdd, 0x43, 0x08,             /* fld qword [rbx + 8] */
	  0xd8, 0x04, 0x8b,             /* fadd dword [rbx + rcx*4] */
	  0xd9, 0xc0,                   /* fld st(0) */
	  0xeb, 0x00,                   /* jmp */
	  0xff, 0xc0, 0xeb, 0x00,       /* inc eax; jmp */
	  0xe5, 0x40,                   /* in eax, 40h */
	  0xeb, 0x00), 9, 64, -1},
	{"a loop", BYTES(
	  0xdb, 0xe3,                   /* fninit */
	  0xd9, 0xe8,                   /* fld1 */
	  0xd9, 0xeb,                   /* fldpi */
	  0xb9, 0x14, 0x00, 0x00, 0x00, /* mov ecx, 20 */
	  0xd8, 0xc9,                   /* fmul st, st(1): here */
	  0xdc, 0xc1,                   /* fadd st(1), st */
	  0xd9, 0xfa,                   /* fsqrt */
	  0xff, 0xc9, 0x75, 0xf6,       /* dec ecx; jnz here */
	  0xdb, 0x7b, 0x20,             /* fstp tbyte [rbx + 32] */
	  0xdd, 0x5b, 0x30,             /* fstp qword [rbx + 48] */
	  0xeb, 0x00), 107, 64, -1},
	{"functions of the interpreter's in between", BYTES(
	  0xdb, 0xe3,                   /* fninit */
	  0xd9, 0xe8,                   /* fld1 */
	  0xd9, 0xfe,                   /* fsin */
	  0xdc, 0xc0,                   /* fadd st(0), st */
	  0xd9, 0xf2,                   /* fptan */
	  0xde, 0xf1,                   /* fdivrp */
	  0xd9, 0x73, 0x40,             /* fnstenv [rbx + 64] */
	  0xd9, 0xe5,                   /* fxam */
	  0xdf, 0xe0,                   /* fnstsw ax */
	  0xeb, 0x00), 10, 64, -1},
	{"an exception is unmasked in mid-block", BYTES(
	  0xdb, 0xe3,                   /* fninit */
	  0xd9, 0xe8,                   /* fld1 */
	  0xd9, 0xee,                   /* fldz */
	  0xd9, 0x6b, 0x18,             /* fldcw [rbx + 24]: 37bh */
	  0xde, 0xf9,                   /* fdivp */
	  0xd9, 0xe0,                   /* fchs: #MF */
	  0xeb, 0x00), 6, 64, EXC_MF},
	{"rounding and precision change in mid-block", BYTES(
	  0xdb, 0xe3,                   /* fninit */
	  0xd9, 0xe8,                   /* fld1 */
	  0xd9, 0xeb,                   /* fldpi */
	  0xd9, 0x6b, 0x1a,             /* fldcw [rbx + 26]: 0ec7fh and bits that are not there */
	  0xdc, 0xf9,                   /* fdiv st(1), st */
	  0xd9, 0x7b, 0x1c,             /* fnstcw [rbx + 28] */
	  0xdf, 0x5b, 0x1e,             /* fistp word [rbx + 30] */
	  0xeb, 0x00), 8, 64, -1},
	{"FCOMI clears C1, and FCMOV moves", BYTES(
	  0xdb, 0xe3,                   /* fninit */
	  0xd9, 0xeb,                   /* fldpi */
	  0xd9, 0xe8,                   /* fld1 */
	  0xd8, 0xf1,                   /* fdiv st, st(1) */
	  0xdf, 0xe0, 0x89, 0xc2,       /* fnstsw ax; mov edx, eax */
	  0xdb, 0xf1,                   /* fcomi st, st(1) */
	  0xda, 0xc1,                   /* fcmovb st, st(1) */
	  0xdb, 0xc9,                   /* fcmovne st, st(1) */
	  0x0f, 0x92, 0xc1,             /* setb cl */
	  0xdf, 0xe0,                   /* fnstsw ax */
	  0xeb, 0x00), 12, 64, -1},
	{"the stack runs over, and empty", BYTES(
	  0xdb, 0xe3,                   /* fninit */
	  0xdd, 0xd8,                   /* fstp st(0) */
	  0xb9, 0x09, 0x00, 0x00, 0x00, /* mov ecx, 9 */
	  0xd9, 0xe8,                   /* fld1: here */
	  0xff, 0xc9, 0x75, 0xfa,       /* dec ecx; jnz here */
	  0xdf, 0xf1,                   /* fcomip st, st(1) */
	  0xeb, 0x00), 32, 64, -1},
	{"a page fault behind an x87 instruction", BYTES(
	  0xdb, 0xe3,                   /* fninit */
	  0xd9, 0xeb,                   /* fldpi */
	  0xd9, 0x93, 0x00, 0x00, 0x00, 0x40, /* fst dword [rbx + 40000000h] */
	  0xeb, 0x00), 3, 64, EXC_PF},
	{"32-bit code", BYTES(
	  0xdb, 0xe3,                   /* fninit */
	  0xda, 0x03,                   /* fiadd dword [ebx] */
	  0xdf, 0x6b, 0x08,             /* fild qword [ebx + 8] */
	  0xda, 0xe9,                   /* fucompp */
	  0x9b, 0xdd, 0x7b, 0x38,       /* fwait; fnstsw [ebx + 56] */
	  0x0f, 0xae, 0x83, 0x00, 0x01, 0x00, 0x00, /* fxsave [ebx + 100h] */
	  0xeb, 0x00), 8, 32, -1},
};
/* clang-format on */
#define PROGRAMS (sizeof(programs) / sizeof(programs[0]))

/* Runs `insns` instructions of a program, after it was run whole for so often. */
static void run(struct cpu_fixture *f, const struct program *p, bool translated, unsigned insns,
		unsigned times)
{
	fixture_open(f, p->bits, "x86-64-v2");
	tcg_translate_no_more(&f->v);
	if (translated && tcg_translate(&f->v, 0))
		skip();
	for (unsigned n = 0; n <= times; n++) {
		fixture_load(f, p->code, p->size);
		fixture_poke(f, DATA, 8, 0x3fc000003f800000);
		fixture_poke(f, DATA + 8, 8, 0x400921fb54442d18);
		fixture_poke(f, DATA + 24, 4, 0xec7f037b);
		f->c->reg[GPR_RBX] = DATA;
		f->c->reg[GPR_RCX] = 1;
		f->answer = 0x12345678;
		fixture_run(f, n < times ? p->insns : insns);
	}
}

static void compare(const struct program *p, unsigned insns, unsigned times)
{
	static struct cpu_fixture f[2];
	struct cpu_regs r[2];

	for (unsigned n = 0; n < 2; n++) {
		run(&f[n], p, n == 1, insns, times);
		cpu_get_regs(f[n].c, &r[n]);
	}
	if (memcmp(&r[0], &r[1], sizeof(r[0])) || f[0].c->insns != f[1].c->insns ||
	    f[0].c->fpu.cs != f[1].c->fpu.cs || f[0].c->fpu.ds != f[1].c->fpu.ds ||
	    memcmp(f[0].ram + DATA, f[1].ram + DATA, 4096) != 0)
		fail_msg("%s: the engines differ after %u instructions", p->name, insns);
	for (unsigned n = 0; n < 2; n++)
		fixture_close(&f[n]);
}

static void test_engines_agree(void **state)
{
	for (unsigned n = 0; n < PROGRAMS; n++)
		for (unsigned insns = 1; insns <= programs[n].insns; insns++)
			for (unsigned times = 0; times < 3; times += 2)
				compare(&programs[n], insns, times);
}

/* The programs do what their comments say. */
static void test_programs_end_as_told(void **state)
{
	struct cpu_fixture f;

	for (unsigned n = 0; n < PROGRAMS; n++) {
		const struct program *p = &programs[n];

		run(&f, p, true, p->insns, 0);
		if (f.c->reg[GPR_RIP] != (p->vector < 0
					      ? FIXTURE_CODE + p->size
					      : FIXTURE_STUBS + 16u * (unsigned)p->vector))
			fail_msg("%s: ends at %llx", p->name,
				 (unsigned long long)f.c->reg[GPR_RIP]);
		fixture_close(&f);
	}
}

static char ir[1 << 14];

static void log_write(void *opaque, enum log_item item, const char *line)
{
	strncat(ir, line, sizeof(ir) - strlen(ir) - 1);
	strncat(ir, "\n", sizeof(ir) - strlen(ir) - 1);
}

/* The loop is host code, of which the interpreter carries nothing out. */
static void test_the_host_computes(void **state)
{
	const struct program *p = &programs[1];
	struct cpu_fixture f;
	struct jit *j;
	const char *loop, *end;

	fixture_open(&f, 64, "x86-64-v2");
	tcg_translate_no_more(&f.v);
	if (tcg_translate(&f.v, 0))
		skip();
	j = f.v.translator;
	j->log = (struct log){.items = LOG_IR, .write = log_write};
	fixture_load(&f, p->code, p->size);
	fixture_run(&f, p->insns);
	loop = strstr(ir, "    x87 d8 c9\n insn 1\n    x87 dc c1\n insn 2\n    x87 d9 fa\n");
	assert_non_null(loop);
	end = strstr(loop, "    jne");
	assert_non_null(end);
	for (const char *at = strstr(loop, "call"); at; at = NULL)
		assert_true(at > end);
	fixture_close(&f);
}

/* Whatever the guest loads, C has the control word that it had. */
static void test_c_has_its_own_unit(void **state)
{
	struct cpu_fixture f;
	uint16_t before, after, status;

	__asm__("fnstcw %0" : "=m"(before));
	run(&f, &programs[4], true, programs[4].insns, 2);
	__asm__("fnstcw %0" : "=m"(after));
	__asm__("fnstsw %0" : "=m"(status));
	assert_int_equal(after, before);
	assert_int_equal(status & FPU_STATUS_TOP, 0);
	/* It was loaded: the quotient went toward zero, in single precision. */
	assert_int_equal(f.c->fpu.control, 0x0c7f);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_engines_agree),
	    cmocka_unit_test(test_programs_end_as_told),
	    cmocka_unit_test(test_the_host_computes),
	    cmocka_unit_test(test_c_has_its_own_unit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
