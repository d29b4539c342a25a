/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What x87, MMX and SSE share: the FXSAVE image (Intel SDM vol. 1 10.5.1, table 10-2), MXCSR and
 * #XM (11.5), MMX and the tag word (vol. 3A 12.2).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/cpu/x87_fixture.h"

#define IMAGE 0x200

static int setup(void **state)
{
	fixture_reset();
	return 0;
}

static int run(insn_handler *handler, uint32_t offset, bool rex_w)
{
	struct insn i = fixture_insn(0xae, 0x05, offset);

	i.map = MAP_0F;
	i.rex_w = rex_w;
	return fixture_run(handler, &i);
}

/* TOP = 5, R5 and R7 in use; distinct values everywhere. */
static void fill_state(void)
{
	struct fpu *f = fixture_fpu;

	f->control = 0x0f7f;
	f->status = 5 << 11 | FLOAT_INEXACT;
	f->tag = 0x33ff;
	f->opcode = 0x52d;
	f->ip = 0x1122334455667788;
	f->dp = 0x99aabbccddeeff00;
	f->cs = 0x1b;
	f->ds = 0x23;
	f->mxcsr = 0x1fa0;
	for (unsigned n = 0; n < 8; n++)
		f->st[n] = (struct f80){0x8000000000000000 + n, (uint16_t)(0x3ff0 + n)};
	for (unsigned n = 0; n < 16; n++)
		f->xmm[n].u64[0] = f->xmm[n].u64[1] = 0x1010101010101010 * (n / 2) + n;
}

static void test_fxsave_image(void **state)
{
	static const uint8_t head[32] = {0x7f, 0x0f, 0x20, 0x28, 0xa0, 0x00, 0x2d, 0x05,
					 0x88, 0x77, 0x66, 0x55, 0x1b, 0x00, 0x00, 0x00,
					 0x00, 0xff, 0xee, 0xdd, 0x23, 0x00, 0x00, 0x00,
					 0xa0, 0x1f, 0x00, 0x00, 0xff, 0xff, 0x00, 0x00};
	uint8_t *image = fixture_memory + IMAGE;

	fill_state();
	memset(image, 0xcc, 512);
	assert_int_equal(run(op_fxsave, IMAGE, false), NO_EXCEPTION);
	assert_memory_equal(image, head, sizeof(head));
	for (unsigned n = 0; n < 8; n++) { /* ST(n) is R(5 + n) */
		assert_int_equal(image[32 + n * 16], (5 + n) & 7);
		assert_int_equal(image[32 + n * 16 + 8], 0xf0 + ((5 + n) & 7));
		assert_memory_equal(image + 160 + n * 16, &fixture_fpu->xmm[n], 16);
	}
	/* Eight XMM registers outside 64-bit mode; what follows is left alone. */
	for (unsigned n = 160 + 8 * 16; n < 512; n++)
		assert_int_equal(image[n], 0xcc);
}

static void test_fxsave_image_64(void **state)
{
	static const uint8_t pointers[16] = {0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11,
					     0x00, 0xff, 0xee, 0xdd, 0xcc, 0xbb, 0xaa, 0x99};
	uint8_t *image = fixture_memory + IMAGE;

	fill_state();
	fixture_cpu.code_bits = 64;
	memset(image, 0xcc, 512);
	assert_int_equal(run(op_fxsave, IMAGE, true), NO_EXCEPTION);
	assert_memory_equal(image + 8, pointers, sizeof(pointers));
	assert_memory_equal(image + 160 + 15 * 16, &fixture_fpu->xmm[15], 16);
	for (unsigned n = 160 + 16 * 16; n < 512; n++)
		assert_int_equal(image[n], 0xcc);
}

static void test_fxrstor(void **state)
{
	struct fpu before;

	fill_state();
	before = *fixture_fpu;
	fixture_cpu.code_bits = 64;
	assert_int_equal(run(op_fxsave, IMAGE, true), NO_EXCEPTION);
	memset(fixture_fpu, 0, sizeof(*fixture_fpu));
	assert_int_equal(run(op_fxrstor, IMAGE, true), NO_EXCEPTION);
	before.cs = before.ds = 0; /* not in this form of the image */
	assert_memory_equal(fixture_fpu, &before, sizeof(before));
	/* A flag that the restored control word does not mask becomes pending. */
	fixture_memory[IMAGE] = 0x5f;
	assert_int_equal(run(op_fxrstor, IMAGE, true), NO_EXCEPTION);
	assert_int_equal(fixture_fpu->status & 0x80a0, 0x80a0);
	/* Reserved bits of MXCSR: #GP, and nothing is loaded. */
	before = *fixture_fpu;
	fixture_memory[IMAGE + 26] = 1;
	fixture_memory[IMAGE] = 0x7f;
	assert_int_equal(run(op_fxrstor, IMAGE, true), EXC_GP);
	assert_memory_equal(fixture_fpu, &before, sizeof(before));
}

static void test_fxsave_faults(void **state)
{
	assert_int_equal(run(op_fxsave, IMAGE + 8, false), EXC_GP);
	assert_int_equal(run(op_fxrstor, IMAGE + 1, false), EXC_GP);
	/* All 512 bytes are checked, also those that are not written. */
	assert_int_equal(run(op_fxsave, FIXTURE_MEMORY - 496, false), EXC_PF);
	assert_int_equal(fixture_memory[FIXTURE_MEMORY - 496], 0);
	assert_int_equal(run(op_fxrstor, FIXTURE_MEMORY - 496, false), EXC_PF);
	fixture_cpu.cr0 |= CR0_TS;
	assert_int_equal(run(op_fxsave, IMAGE, false), EXC_NM);
}

static void test_mxcsr(void **state)
{
	uint32_t value = 0xffff;

	memcpy(fixture_memory, &value, 4);
	assert_int_equal(run(op_ldmxcsr, 0, false), NO_EXCEPTION);
	assert_int_equal(run(op_stmxcsr, 16, false), NO_EXCEPTION);
	assert_memory_equal(fixture_memory + 16, &value, 4);
	fixture_memory[2] = 1;
	assert_int_equal(run(op_ldmxcsr, 0, false), EXC_GP);
	assert_int_equal(fixture_fpu->mxcsr, 0xffff);
	fixture_cpu.cr0 |= CR0_TS;
	assert_int_equal(run(op_stmxcsr, 0, false), EXC_NM);
	fixture_cpu.cr4 &= ~(uint64_t)CR4_OSFXSR;
	assert_int_equal(run(op_stmxcsr, 0, false), EXC_UD);
}

static uint8_t finish_flags;

static void finish(struct vcpu *v, const struct insn *i)
{
	struct float_env e = sse_env(v);

	e.flags = finish_flags;
	sse_finish(v, &e);
}

/* 11.5.2, 11.5.4: flags are set before #XM; an unmasked early exception hides later ones. */
static void test_sse_exceptions(void **state)
{
	finish_flags = FLOAT_OVERFLOW | FLOAT_INEXACT;
	assert_int_equal(run(finish, 0, false), NO_EXCEPTION);
	assert_int_equal(fixture_fpu->mxcsr, 0x1f80 | finish_flags);
	fixture_fpu->mxcsr = 0x1f80 & ~(FLOAT_OVERFLOW << 7);
	assert_int_equal(run(finish, 0, false), EXC_XM);
	assert_int_equal(fixture_fpu->mxcsr & 0x3f, finish_flags);
	fixture_fpu->mxcsr = 0x1f80 & ~(FLOAT_DENORMAL << 7);
	finish_flags = FLOAT_DENORMAL | FLOAT_INEXACT;
	assert_int_equal(run(finish, 0, false), EXC_XM);
	assert_int_equal(fixture_fpu->mxcsr & 0x3f, FLOAT_DENORMAL);
	fixture_cpu.cr4 &= ~(uint64_t)CR4_OSXMMEXCPT;
	assert_int_equal(run(finish, 0, false), EXC_UD);
}

static void check_mmx(struct vcpu *v, const struct insn *i)
{
	fpu_check_mmx(v);
	fpu_enter_mmx(v);
}

static void test_mmx(void **state)
{
	fill_state();
	assert_int_equal(run(check_mmx, 0, false), NO_EXCEPTION);
	assert_int_equal(fixture_fpu->tag, 0);
	assert_int_equal(fpu_top(fixture_fpu), 0);
	assert_int_equal(run(op_emms, 0, false), NO_EXCEPTION);
	assert_int_equal(fixture_fpu->tag, 0xffff);
	fixture_fpu->status |= FPU_STATUS_ES;
	assert_int_equal(run(check_mmx, 0, false), EXC_MF);
	fixture_cpu.cr0 |= CR0_TS;
	assert_int_equal(run(check_mmx, 0, false), EXC_NM);
	fixture_cpu.cr0 |= CR0_EM;
	assert_int_equal(run(check_mmx, 0, false), EXC_UD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_fxsave_image, setup),
	    cmocka_unit_test_setup(test_fxsave_image_64, setup),
	    cmocka_unit_test_setup(test_fxrstor, setup),
	    cmocka_unit_test_setup(test_fxsave_faults, setup),
	    cmocka_unit_test_setup(test_mxcsr, setup),
	    cmocka_unit_test_setup(test_sse_exceptions, setup),
	    cmocka_unit_test_setup(test_mmx, setup),
	};

	return cmocka_run_group_tests_name("FPU state", tests, NULL, NULL);
}
