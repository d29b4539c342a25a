/* SPDX-License-Identifier: Apache-2.0 */
/*
 * x87 instructions as Intel SDM vol. 1 ch. 8 and vol. 2 describe them: stack and tags, exceptions
 * masked and not, when #MF and #NM come, the last instruction's pointers, the four shapes of the
 * environment, and that a memory fault leaves no trace.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "emulator/cpu/flags.h"
#include "emulator/cpu/x87_impl.h"
#include "tests/unit/cpu/x87_fixture.h"

#define FAULTING (FIXTURE_MEMORY - 1) /* an operand here does not fit */

/* Encodings by name: opcode, ModRM; memory forms take disp32. */
#define FLD_M32    0xd9, 0x05
#define FLD_M80    0xdb, 0x2d
#define FST_M32    0xd9, 0x15
#define FSTP_M80   0xdb, 0x3d
#define FLD1       0xd9, 0xe8
#define FLDZ       0xd9, 0xee
#define FLDCW      0xd9, 0x2d
#define FNSTCW     0xd9, 0x3d
#define FNSTENV    0xd9, 0x35
#define FLDENV     0xd9, 0x25
#define FNSAVE     0xdd, 0x35
#define FRSTOR     0xdd, 0x25
#define FNSTSW_AX  0xdf, 0xe0
#define FNCLEX     0xdb, 0xe2
#define FNINIT     0xdb, 0xe3
#define FWAIT      0x9b, 0
#define FADD_ST1   0xd8, 0xc1
#define FDIVP_ST1  0xde, 0xf9
#define FXCH_ST1   0xd9, 0xc9
#define FISTTP_M32 0xdb, 0x0d
#define FISTP_M16  0xdf, 0x1d

static void run(unsigned opcode, unsigned modrm)
{
	assert_int_equal(fixture_x87(opcode, modrm, 0), NO_EXCEPTION);
}

static void set_control(uint16_t value)
{
	memcpy(fixture_memory, &value, 2);
	run(FLDCW);
}

static void assert_f80(struct f80 a, uint16_t sign_exponent, uint64_t mantissa)
{
	assert_int_equal(a.sign_exponent, sign_exponent);
	assert_true(a.mantissa == mantissa);
}

static struct f80 st(unsigned n)
{
	return *x87_st(fixture_fpu, n);
}

static int setup(void **state)
{
	fixture_reset();
	return 0;
}

/* SDM vol. 3A table 9-1, FINIT. */
static void test_init(void **state)
{
	struct fpu f;

	fpu_reset(&f);
	assert_int_equal(f.control, 0x0040);
	assert_int_equal(f.status, 0);
	assert_int_equal(f.mxcsr, 0x1f80);
	run(FLD1);
	run(FNINIT);
	assert_int_equal(fixture_fpu->control, 0x037f);
	assert_int_equal(fixture_fpu->status, 0);
	assert_int_equal(fixture_fpu->tag, 0xffff);
	set_control(0xffff);
	run(FNSTCW);
	assert_int_equal(fixture_memory[0] | fixture_memory[1] << 8, 0x1f7f);
	fixture_cpu.reg[GPR_RAX] = 0x123456789abcdef0;
	fixture_fpu->status = 0x3800;
	run(FNSTSW_AX);
	assert_true(fixture_cpu.reg[GPR_RAX] == 0x123456789abc3800);
}

/* 8.5.1.1: C1 tells overflow (1) from underflow (0). */
static void test_stack_faults(void **state)
{
	for (unsigned n = 0; n < 8; n++)
		run(FLD1);
	assert_int_equal(fpu_top(fixture_fpu), 0);
	run(FLD1);
	assert_int_equal(fixture_fpu->status, 7 << 11 | FPU_STATUS_C1 | FPU_STATUS_SF | 1);
	assert_f80(st(0), 0xffff, 0xc000000000000000);
	run(FNINIT);
	run(FADD_ST1);
	assert_int_equal(fixture_fpu->status, FPU_STATUS_SF | 1);
	assert_f80(st(0), 0xffff, 0xc000000000000000);
	assert_false(x87_is_empty(fixture_fpu, 0));
	/* Unmasked, nothing but the status changes. */
	run(FNINIT);
	set_control(0x037e);
	run(0xd9, 0xe0); /* FCHS */
	assert_int_equal(fixture_fpu->status, FPU_STATUS_B | FPU_STATUS_ES | FPU_STATUS_SF | 1);
	assert_true(x87_is_empty(fixture_fpu, 0));
}

/* 8.6, 8.7: an unmasked exception is raised by the next waiting instruction, with CR0.NE. */
static void test_pending_exception(void **state)
{
	run(FLD1);
	run(FLDZ);
	set_control(0x037b); /* zero divide unmasked */
	run(FDIVP_ST1);
	assert_int_equal(fixture_fpu->status & 0xff, FPU_STATUS_ES | FLOAT_DIVZERO);
	assert_int_equal(fpu_top(fixture_fpu), 6); /* neither written nor popped */
	assert_f80(st(0), 0, 0);
	assert_f80(st(1), 0x3fff, 1ull << 63);
	run(FNSTSW_AX);
	run(FNSTCW);
	assert_int_equal(fixture_x87(FLD1, 0), EXC_MF);
	assert_int_equal(fixture_x87(FWAIT, 0), EXC_MF);
	assert_int_equal(fixture_x87(FLDCW, 0), EXC_MF);
	assert_int_equal(fixture_x87(FRSTOR, 0), EXC_MF);
	fixture_cpu.cr0 &= ~(uint64_t)CR0_NE;
	assert_int_equal(fixture_x87(FWAIT, 0), NO_EXCEPTION);
	fixture_cpu.cr0 |= CR0_NE;
	run(FNCLEX);
	run(FWAIT);
	/* Unmasking what is already flagged makes it pending. */
	set_control(0x037f);
	run(FDIVP_ST1);
	assert_int_equal(fixture_fpu->status & 0xff, FLOAT_DIVZERO);
	set_control(0x037b);
	assert_int_equal(fixture_fpu->status & 0x80ff, 0x8080 | FLOAT_DIVZERO);
	assert_int_equal(fixture_x87(FLD1, 0), EXC_MF);
}

/* SDM vol. 3A 2.5, table 2-2 */
static void test_not_available(void **state)
{
	fixture_cpu.cr0 = CR0_PE | CR0_TS;
	assert_int_equal(fixture_x87(FNSTSW_AX, 0), EXC_NM);
	assert_int_equal(fixture_x87(FLD_M32, FAULTING), EXC_NM);
	assert_int_equal(fixture_x87(FWAIT, 0), NO_EXCEPTION);
	fixture_cpu.cr0 = CR0_PE | CR0_TS | CR0_MP;
	assert_int_equal(fixture_x87(FWAIT, 0), EXC_NM);
	fixture_cpu.cr0 = CR0_PE | CR0_EM;
	assert_int_equal(fixture_x87(FLD1, 0), EXC_NM);
	assert_int_equal(fixture_x87(FWAIT, 0), NO_EXCEPTION);
}

/* 8.1.8, 8.1.9: control instructions do not count. */
static void test_last_instruction(void **state)
{
	assert_int_equal(fixture_x87(FLD_M32, 0x20), NO_EXCEPTION);
	assert_int_equal(fixture_fpu->opcode, 0x105);
	assert_true(fixture_fpu->ip == FIXTURE_RIP);
	assert_int_equal(fixture_fpu->cs, 0x1b);
	assert_true(fixture_fpu->dp == 0x20);
	assert_int_equal(fixture_fpu->ds, 0x23);
	run(FNSTCW);
	run(FNCLEX);
	assert_int_equal(fixture_fpu->opcode, 0x105);
	run(FXCH_ST1);
	assert_int_equal(fixture_fpu->opcode, 0x1c9);
	assert_true(fixture_fpu->dp == 0x20);
}

/* Nothing of x87 state may change when the memory access faults. */
static void test_memory_faults(void **state)
{
	static const uint8_t instructions[][2] = {
	    {0xd8, 0x05}, {0xd9, 0x05}, {0xd9, 0x15}, {0xd9, 0x1d}, {0xd9, 0x25}, {0xd9, 0x2d},
	    {0xd9, 0x35}, {0xd9, 0x3d}, {0xda, 0x05}, {0xdb, 0x05}, {0xdb, 0x0d}, {0xdb, 0x15},
	    {0xdb, 0x1d}, {0xdb, 0x2d}, {0xdb, 0x3d}, {0xdc, 0x05}, {0xdd, 0x05}, {0xdd, 0x0d},
	    {0xdd, 0x15}, {0xdd, 0x1d}, {0xdd, 0x25}, {0xdd, 0x35}, {0xdd, 0x3d}, {0xde, 0x05},
	    {0xdf, 0x05}, {0xdf, 0x0d}, {0xdf, 0x15}, {0xdf, 0x1d}, {0xdf, 0x25}, {0xdf, 0x2d},
	    {0xdf, 0x35}, {0xdf, 0x3d},
	};
	struct fpu before;

	run(FLD1);
	run(0xd9, 0xeb); /* FLDPI: inexact in any narrower format */
	before = *fixture_fpu;
	for (unsigned n = 0; n < sizeof(instructions) / 2; n++) {
		assert_int_equal(fixture_x87(instructions[n][0], instructions[n][1], FAULTING),
				 EXC_PF);
		assert_memory_equal(&before, fixture_fpu, sizeof(before));
	}
	/* Nor does an unmasked exception that forbids the store hide the fault. */
	run(FNINIT);
	set_control(0x037e);
	before = *fixture_fpu;
	assert_int_equal(fixture_x87(0xd9, 0x1d, FAULTING), EXC_PF);
	assert_memory_equal(&before, fixture_fpu, sizeof(before));
}

static void put_environment(unsigned operand, uint32_t offset)
{
	struct insn i = fixture_insn(FNSTENV, offset);

	memset(fixture_memory + offset, 0xcc, 32);
	i.operand = (uint8_t)operand;
	assert_int_equal(fixture_run(x87_lookup(&i), &i), NO_EXCEPTION);
}

static void get_environment(unsigned operand, uint32_t offset)
{
	struct insn i = fixture_insn(FLDENV, offset);

	i.operand = (uint8_t)operand;
	assert_int_equal(fixture_run(x87_lookup(&i), &i), NO_EXCEPTION);
}

/* A state in which every field differs: R7 = 1, R6 = 0, R5 a denormal, the rest empty. */
static void make_environment(void)
{
	fixture_reset();
	run(FLD1);
	run(FLDZ);
	fixture_memory[0] = 1;
	run(FLD_M80);
	fixture_fpu->opcode = 0x52d;
	fixture_fpu->ip = 0x12345678;
	fixture_fpu->cs = 0x1b;
	fixture_fpu->dp = 0x9abcdef0;
	fixture_fpu->ds = 0x23;
	fixture_fpu->status |= FLOAT_INEXACT;
}

/* SDM vol. 1 figures 8-9 to 8-12; in real mode pointers are linear addresses. */
static void test_environment_formats(void **state)
{
	static const uint8_t protected32[29] = {0x7f, 0x03, 0xff, 0xff, 0x20, 0x28, 0xff, 0xff,
						0xff, 0x1b, 0xff, 0xff, 0x78, 0x56, 0x34, 0x12,
						0x1b, 0x00, 0x2d, 0x05, 0xf0, 0xde, 0xbc, 0x9a,
						0x23, 0x00, 0xff, 0xff, 0xcc};
	static const uint8_t protected16[15] = {0x7f, 0x03, 0x20, 0x28, 0xff, 0x1b, 0x78, 0x56,
						0x1b, 0x00, 0xf0, 0xde, 0x23, 0x00, 0xcc};
	static const uint8_t real32[29] = {0x7f, 0x03, 0xff, 0xff, 0x20, 0x28, 0xff, 0xff,
					   0xff, 0x1b, 0xff, 0xff, 0x28, 0x58, 0xff, 0xff,
					   0x2d, 0x45, 0x23, 0x01, 0x20, 0xe1, 0xff, 0xff,
					   0x00, 0xc0, 0xab, 0x09, 0xcc};
	static const uint8_t real16[15] = {0x7f, 0x03, 0x20, 0x28, 0xff, 0x1b, 0x28, 0x58,
					   0x2d, 0x45, 0x20, 0xe1, 0x00, 0xc0, 0xcc};

	make_environment();
	put_environment(4, 0x100);
	assert_memory_equal(fixture_memory + 0x100, protected32, sizeof(protected32));
	put_environment(2, 0x100);
	assert_memory_equal(fixture_memory + 0x100, protected16, sizeof(protected16));
	fixture_cpu.rflags |= FLAG_VM;
	put_environment(2, 0x100);
	assert_memory_equal(fixture_memory + 0x100, real16, sizeof(real16));
	fixture_cpu.rflags = 0;
	fixture_cpu.cr0 &= ~(uint64_t)CR0_PE;
	fixture_fpu->ip = 0x12345678;
	put_environment(4, 0x100);
	assert_memory_equal(fixture_memory + 0x100, real32, sizeof(real32));
}

/* FSTENV masks all exceptions; FLDENV restores what was stored, ES worked out anew. */
static void test_environment_round_trip(void **state)
{
	struct fpu before;

	make_environment();
	set_control(0x035f); /* inexact unmasked: pending */
	before = *fixture_fpu;
	assert_true(before.status & FPU_STATUS_ES);
	put_environment(4, 0x100);
	assert_int_equal(fixture_fpu->control, 0x037f);
	assert_false(fixture_fpu->status & FPU_STATUS_ES);
	run(FNINIT);
	get_environment(4, 0x100);
	assert_memory_equal(&before, fixture_fpu, sizeof(before));
}

/* FSAVE: 108 bytes, registers in stack order, then FNINIT. */
static void test_save_restore(void **state)
{
	struct fpu before;

	make_environment();
	before = *fixture_fpu;
	memset(fixture_memory, 0xcc, 128);
	run(FNSAVE);
	assert_int_equal(fixture_memory[28], 1); /* ST(0): the denormal */
	assert_int_equal(fixture_memory[28 + 27], 0x80);
	assert_int_equal(fixture_memory[28 + 29], 0x3f); /* ST(2): 1 */
	assert_int_equal(fixture_memory[108], 0xcc);
	assert_int_equal(fixture_fpu->tag, 0xffff);
	memset(fixture_fpu->st, 0, sizeof(fixture_fpu->st));
	run(FRSTOR);
	assert_memory_equal(&before, fixture_fpu, sizeof(before));
}

/* 8.5.4: an unmasked overflow wraps the exponent of a register and keeps memory untouched. */
static void test_unmasked_overflow(void **state)
{
	run(FLD1);
	run(FLD1);
	x87_st(fixture_fpu, 0)->sign_exponent = 0x7ffe;
	x87_st(fixture_fpu, 1)->sign_exponent = 0x7ffe;
	set_control(0x0377);
	fixture_memory[0] = 0xcc;
	run(FST_M32);
	assert_int_equal(fixture_memory[0], 0xcc);
	assert_int_equal(fixture_fpu->status & 0xff, FPU_STATUS_ES | FLOAT_OVERFLOW);
	run(FNCLEX);
	run(0xd8, 0xc9); /* FMUL ST(1): 2^32766 / 2^24576 */
	assert_f80(st(0), 0x3fff + 32766 - 24576, 1ull << 63);
	assert_int_equal(fixture_fpu->status & 0xff, FPU_STATUS_ES | FLOAT_OVERFLOW);
}

static void test_comparisons(void **state)
{
	/* FXAM classes: C3 C2 C0, C1 the sign. */
	static const struct {
		struct f80 value;
		uint16_t conditions;
	} class[] = {
	    {{0, 0x8000}, FPU_STATUS_C3 | FPU_STATUS_C1},
	    {{1, 0}, FPU_STATUS_C3 | FPU_STATUS_C2},
	    {{1ull << 63, 0x3fff}, FPU_STATUS_C2},
	    {{1ull << 63, 0xffff}, FPU_STATUS_C2 | FPU_STATUS_C0 | FPU_STATUS_C1},
	    {{3ull << 62, 0x7fff}, FPU_STATUS_C0},
	    {{1, 0x3fff}, 0},
	};

	run(FLD1);
	run(FLDZ);
	run(0xd8, 0xd1); /* FCOM ST(1): 0 < 1 */
	assert_int_equal(fixture_fpu->status & 0x4700, FPU_STATUS_C0);
	fixture_cpu.rflags = 0;
	flags_set_status(&fixture_cpu, FLAGS_STATUS);
	run(0xdb, 0xf1); /* FCOMI */
	assert_int_equal(flags_status(&fixture_cpu), FLAG_CF);
	run(0xda, 0xc1); /* FCMOVB ST(1) */
	assert_f80(st(0), 0x3fff, 1ull << 63);
	run(0xd9, 0xe4); /* FTST: 1 > 0 */
	assert_int_equal(fixture_fpu->status & 0x4700, 0);
	/* A quiet NaN: unordered; invalid for FCOM only. */
	x87_set(fixture_fpu, 0, F80_DEFAULT_NAN);
	run(0xdd, 0xe1); /* FUCOM ST(1) */
	assert_int_equal(fixture_fpu->status & 0x47ff, 0x4500);
	run(0xde, 0xd9); /* FCOMPP */
	assert_int_equal(fixture_fpu->status & 0x47ff, 0x4501);
	assert_int_equal(fpu_top(fixture_fpu), 0);
	run(0xd9, 0xe5); /* FXAM: empty */
	assert_int_equal(fixture_fpu->status & 0x4500, FPU_STATUS_C3 | FPU_STATUS_C0);
	for (unsigned n = 0; n < sizeof(class) / sizeof(class[0]); n++) {
		x87_set(fixture_fpu, 0, class[n].value);
		run(0xd9, 0xe5);
		assert_int_equal(fixture_fpu->status & 0x4700, class[n].conditions);
	}
}

/* An unmasked exception of a comparison keeps it from popping, not from having a result. */
static void test_unmasked_comparison(void **state)
{
	run(FLD1);
	set_control(0x037e);
	run(0xd8, 0xd9); /* FCOMP ST(1), which is empty */
	assert_int_equal(fixture_fpu->status & 0x47ff,
			 0x4500 | FPU_STATUS_ES | FPU_STATUS_SF | FLOAT_INVALID);
	assert_int_equal(fpu_top(fixture_fpu), 7);
	run(FNCLEX);
	flags_set_status(&fixture_cpu, 0);
	run(0xdf, 0xf1); /* FCOMIP */
	assert_int_equal(flags_status(&fixture_cpu), FLAG_ZF | FLAG_PF | FLAG_CF);
	assert_int_equal(fpu_top(fixture_fpu), 7);
}

/* 8.3.8: constants are rounded by RC. */
static void test_constants(void **state)
{
	run(0xd9, 0xeb); /* FLDPI */
	assert_f80(st(0), 0x4000, 0xc90fdaa22168c235);
	set_control(0x0f7f); /* toward zero */
	run(0xd9, 0xeb);
	assert_f80(st(0), 0x4000, 0xc90fdaa22168c234);
	run(0xd9, 0xe9); /* FLDL2T */
	assert_f80(st(0), 0x4000, 0xd49a784bcd1b8afe);
	set_control(0x0b7f); /* up */
	run(0xd9, 0xe9);
	assert_f80(st(0), 0x4000, 0xd49a784bcd1b8aff);
	run(FLD1);
	assert_f80(st(0), 0x3fff, 1ull << 63);
}

static void test_integers_and_bcd(void **state)
{
	static const uint8_t bcd[10] = {0x78, 0x56, 0x34, 0x12, 0, 0, 0, 0, 0, 0x80};
	static const uint8_t indefinite[10] = {0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0xff};

	memcpy(fixture_memory, bcd, sizeof(bcd));
	run(0xdf, 0x25); /* FBLD: -12345678 */
	assert_f80(st(0), 0xc016, 0xbc614e0000000000);
	run(0xd9, 0xc0); /* FLD ST(0) */
	memset(fixture_memory, 0xcc, 16);
	run(0xdf, 0x35); /* FBSTP */
	assert_memory_equal(fixture_memory, bcd, sizeof(bcd));
	run(FISTP_M16); /* does not fit: the integer indefinite */
	assert_int_equal(fixture_memory[0] | fixture_memory[1] << 8, 0x8000);
	assert_int_equal(fixture_fpu->status & 0x3f, FLOAT_INVALID);
	run(FNCLEX);
	run(0xdf, 0x35); /* empty: the BCD indefinite */
	assert_memory_equal(fixture_memory, indefinite, sizeof(indefinite));
	assert_int_equal(fixture_fpu->status & 0x7f, FPU_STATUS_SF | FLOAT_INVALID);
	/* FISTTP truncates whatever RC says. */
	run(FNINIT);
	set_control(0x0b7f);
	run(0xd9, 0xeb);
	run(FISTTP_M32);
	assert_int_equal(fixture_memory[0], 3);
	assert_int_equal(fixture_fpu->status & 0x3f, FLOAT_INEXACT);
}

/* FPREM: 2^70 rem 3 takes two goes; the quotient's low bits are in C0, C3, C1. */
static void test_partial_remainder(void **state)
{
	unsigned goes = 0;

	x87_push(fixture_fpu, (struct f80){0xc000000000000000, 0x4000}); /* 3 */
	x87_push(fixture_fpu, (struct f80){1ull << 63, 0x3fff + 70});
	do {
		run(0xd9, 0xf8);
		goes++;
	} while (fixture_fpu->status & FPU_STATUS_C2);
	assert_int_equal(goes, 2);
	assert_f80(st(0), 0x3fff, 1ull << 63); /* 2^70 = 1 (mod 3), quotient 0x...5 */
	assert_int_equal(fixture_fpu->status & 0x4700, FPU_STATUS_C0 | FPU_STATUS_C1);
	x87_set(fixture_fpu, 0, (struct f80){0xa000000000000000, 0x4001}); /* 5 */
	run(0xd9, 0xf5); /* FPREM1: 5 = 2 * 3 - 1 */
	assert_f80(st(0), 0xbfff, 1ull << 63);
	assert_int_equal(fixture_fpu->status & 0x4700, FPU_STATUS_C3);
}

/* Encodings that raise #UD on processors; the rest of D8..DF C0..FF exists. */
static void test_undefined_encodings(void **state)
{
	static const struct {
		uint8_t opcode, first, last;
	} undefined[] = {
	    {0xd9, 0xd1, 0xd7}, {0xd9, 0xe2, 0xe3}, {0xd9, 0xe6, 0xe7}, {0xd9, 0xef, 0xef},
	    {0xda, 0xe0, 0xe8}, {0xda, 0xea, 0xff}, {0xdb, 0xe5, 0xe7}, {0xdb, 0xf8, 0xff},
	    {0xdd, 0xf0, 0xff}, {0xde, 0xd8, 0xd8}, {0xde, 0xda, 0xdf}, {0xdf, 0xe1, 0xe7},
	    {0xdf, 0xf8, 0xff}, {0xd9, 0x0d, 0x0d}, {0xdb, 0x25, 0x25}, {0xdb, 0x35, 0x35},
	    {0xdd, 0x2d, 0x2d},
	};

	for (unsigned opcode = 0xd8; opcode <= 0xdf; opcode++) {
		for (unsigned modrm = 0; modrm < 0x100; modrm++) {
			struct insn i = fixture_insn(opcode, modrm, 0);
			bool expected = true;

			if (modrm < 0xc0 && (modrm & 0xc7) != 5)
				continue;
			for (unsigned n = 0; n < sizeof(undefined) / 3; n++)
				if (opcode == undefined[n].opcode && modrm >= undefined[n].first &&
				    modrm <= undefined[n].last)
					expected = false;
			assert_int_equal(x87_lookup(&i) != NULL, expected);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_init, setup),
	    cmocka_unit_test_setup(test_stack_faults, setup),
	    cmocka_unit_test_setup(test_pending_exception, setup),
	    cmocka_unit_test_setup(test_not_available, setup),
	    cmocka_unit_test_setup(test_last_instruction, setup),
	    cmocka_unit_test_setup(test_memory_faults, setup),
	    cmocka_unit_test_setup(test_environment_formats, setup),
	    cmocka_unit_test_setup(test_environment_round_trip, setup),
	    cmocka_unit_test_setup(test_save_restore, setup),
	    cmocka_unit_test_setup(test_unmasked_overflow, setup),
	    cmocka_unit_test_setup(test_comparisons, setup),
	    cmocka_unit_test_setup(test_unmasked_comparison, setup),
	    cmocka_unit_test_setup(test_constants, setup),
	    cmocka_unit_test_setup(test_integers_and_bcd, setup),
	    cmocka_unit_test_setup(test_partial_remainder, setup),
	    cmocka_unit_test_setup(test_undefined_encodings, setup),
	};

	return cmocka_run_group_tests_name("x87", tests, NULL, NULL);
}
