/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segment registers and limits, by Intel SDM vol. 3A chapters 3 and 5: loads with their faults and
 * error codes, accesses at the edges of segments of each kind, LDTR, TR, and the instructions that
 * ask about selectors.
 */
#include "tests/unit/cpu/system_test.h"

static int load(unsigned seg, unsigned selector)
{
	int vector;

	TRY(f, vector, segment_load(&f->v, seg, selector));
	cpu_update_mode(&f->v);
	return vector;
}

static void expect(int vector, int want, uint32_t error)
{
	assert_int_equal(vector, want);
	assert_int_equal(f->v.fault_error, error);
}

static int read_at(unsigned seg, uint64_t offset, unsigned size)
{
	uint8_t bytes[8];
	int vector;

	TRY(f, vector, mem_read_bytes(&f->v, seg, offset, bytes, size));
	return vector;
}

static int write_at(unsigned seg, uint64_t offset, unsigned size)
{
	static const uint8_t bytes[8];
	int vector;

	TRY(f, vector, mem_write_bytes(&f->v, seg, offset, bytes, size));
	return vector;
}

/* ---- loads ---- */

static void test_load_data(void **state)
{
	system_gdt(f, SEL_FREE, system_descriptor(0x12345678, 0xabcde, 0x4092));
	assert_int_equal(load(SEG_ES, SEL_FREE), -1);
	assert_int_equal(f->c->seg[SEG_ES].base, 0x12345678);
	assert_int_equal(f->c->seg[SEG_ES].limit, 0xabcde);
	assert_int_equal(f->c->seg[SEG_ES].attr, 0x4093);
	/* The accessed bit is set in memory too (SDM vol. 3A 3.4.5.1). */
	assert_int_equal(system_gdt_get(f, SEL_FREE) >> 40 & 0xff, 0x93);
	system_gdt(f, SEL_FREE, system_descriptor(0, 0xfffff, 0xc092));
	assert_int_equal(load(SEG_ES, SEL_FREE), -1);
	assert_int_equal(f->c->seg[SEG_ES].limit, 0xffffffff);
}

static void test_load_data_faults(void **state)
{
	expect(load(SEG_DS, SEL_LAST + 8), EXC_GP, SEL_LAST + 8);
	expect(load(SEG_DS, SEL_TSS), EXC_GP, SEL_TSS);
	system_gdt(f, SEL_FREE, system_descriptor(0, 0xffff, 0x98));
	expect(load(SEG_DS, SEL_FREE), EXC_GP, SEL_FREE); /* execute-only */
	system_gdt(f, SEL_FREE, system_descriptor(0, 0xffff, 0x12));
	expect(load(SEG_DS, SEL_FREE), EXC_NP, SEL_FREE);
	expect(load(SEG_DS, SEL_DATA | 3), EXC_GP, SEL_DATA); /* RPL 3, DPL 0 */
	assert_int_equal(load(SEG_DS, SEL_CONFORMING | 3), -1);
	assert_int_equal(load(SEG_DS, SEL_CODE32), -1);
	system_user(f);
	expect(load(SEG_DS, SEL_DATA), EXC_GP, SEL_DATA);
	/* A local selector without an LDT. */
	f->c->ldtr = segment_null(0, 0);
	expect(load(SEG_DS, 4), EXC_GP, 4);
}

static void test_load_null(void **state)
{
	assert_int_equal(load(SEG_DS, 2), -1);
	assert_int_equal(f->c->seg[SEG_DS].selector, 2);
	assert_int_equal(read_at(SEG_DS, 0, 1), EXC_GP);
	assert_int_equal(f->v.fault_error, 0);
	expect(load(SEG_SS, 0), EXC_GP, 0);
}

static void test_load_stack_faults(void **state)
{
	expect(load(SEG_SS, SEL_DATA | 1), EXC_GP, SEL_DATA);
	expect(load(SEG_SS, SEL_USER_DATA), EXC_GP, SEL_USER_DATA);
	expect(load(SEG_SS, SEL_CODE32), EXC_GP, SEL_CODE32);
	system_gdt(f, SEL_FREE, system_descriptor(0, 0xffff, 0x90));
	expect(load(SEG_SS, SEL_FREE), EXC_GP, SEL_FREE); /* read-only */
	system_gdt(f, SEL_FREE, system_descriptor(0, 0xffff, 0x12));
	expect(load(SEG_SS, SEL_FREE), EXC_SS, SEL_FREE);
	/* B decides how wide the stack pointer is. */
	system_gdt(f, SEL_FREE, system_descriptor(0, 0xffff, 0x92));
	assert_int_equal(load(SEG_SS, SEL_FREE), -1);
	assert_false(f->c->stack32);
}

/* SDM vol. 2B MOV: 64-bit mode lets SS be null below CPL 3 when RPL is CPL. */
static void test_null_stack64(void **state)
{
	assert_int_equal(load(SEG_SS, 0), -1);
	assert_int_equal(f->c->cpl, 0);
	expect(load(SEG_SS, 3), EXC_GP, 0);
	system_user(f);
	expect(load(SEG_SS, 3), EXC_GP, 0);
}

static void test_load_real(void **state)
{
	assert_int_equal(load(SEG_DS, 0xf123), -1);
	assert_int_equal(f->c->seg[SEG_DS].base, 0xf1230);
	assert_int_equal(f->c->seg[SEG_DS].limit, 0xffff);
	/* A limit from protected mode outlives a load in real mode. */
	f->c->seg[SEG_DS].limit = 0xffffffff;
	assert_int_equal(load(SEG_DS, 0), -1);
	assert_int_equal(f->c->seg[SEG_DS].limit, 0xffffffff);
	assert_int_equal(read_at(SEG_DS, 0x200000, 4), -1);
}

/* ---- limits ---- */

static void test_expand_up(void **state)
{
	system_gdt(f, SEL_FREE, system_descriptor(0xa000, 0xff, 0x92));
	assert_int_equal(load(SEG_DS, SEL_FREE), -1);
	assert_int_equal(read_at(SEG_DS, 0xfc, 4), -1);
	expect(read_at(SEG_DS, 0xfd, 4), EXC_GP, 0);
	assert_int_equal(write_at(SEG_DS, 0xff, 1), -1);
	expect(write_at(SEG_DS, 0x100, 1), EXC_GP, 0);
	expect(read_at(SEG_DS, 0xffffffff, 2), EXC_GP, 0);
	assert_int_equal(f->c->seg[SEG_DS].read_span, 0x100);
}

static void test_expand_down(void **state)
{
	system_gdt(f, SEL_FREE, system_descriptor(0, 0xfff, 0x4096));
	assert_int_equal(load(SEG_DS, SEL_FREE), -1);
	expect(read_at(SEG_DS, 0xfff, 1), EXC_GP, 0);
	assert_int_equal(read_at(SEG_DS, 0x1000, 4), -1);
	assert_int_equal(read_at(SEG_DS, 0x20000, 4), -1);
	/* Without B the upper bound is FFFFh. */
	system_gdt(f, SEL_FREE, system_descriptor(0, 0xfff, 0x96));
	assert_int_equal(load(SEG_DS, SEL_FREE), -1);
	assert_int_equal(read_at(SEG_DS, 0xfffc, 4), -1);
	expect(read_at(SEG_DS, 0xfffd, 4), EXC_GP, 0);
	expect(read_at(SEG_DS, 0x20000, 4), EXC_GP, 0);
}

static void test_types(void **state)
{
	system_gdt(f, SEL_FREE, system_descriptor(0, 0xffff, 0x90));
	assert_int_equal(load(SEG_DS, SEL_FREE), -1);
	assert_int_equal(read_at(SEG_DS, 0, 4), -1);
	expect(write_at(SEG_DS, 0, 4), EXC_GP, 0);
	expect(write_at(SEG_CS, 0xa000, 4), EXC_GP, 0);
	assert_int_equal(read_at(SEG_CS, 0xa000, 4), -1);
	f->c->seg[SEG_CS].attr = 0xc099; /* execute-only */
	cpu_update_mode(&f->v);
	expect(read_at(SEG_CS, 0xa000, 4), EXC_GP, 0);
}

static void test_stack_segment(void **state)
{
	system_gdt(f, SEL_FREE, system_descriptor(0, 0xffff, 0x4092));
	assert_int_equal(load(SEG_SS, SEL_FREE), -1);
	expect(read_at(SEG_SS, 0xfffd, 4), EXC_SS, 0);
	expect(write_at(SEG_SS, 0x10000, 1), EXC_SS, 0);
}

static void test_real_limit(void **state)
{
	assert_int_equal(read_at(SEG_DS, 0xfffe, 2), -1);
	expect(read_at(SEG_DS, 0xffff, 2), EXC_GP, 0);
	expect(write_at(SEG_SS, 0xffff, 2), EXC_SS, 0);
	assert_int_equal(write_at(SEG_CS, 0xa000, 2), -1);
}

static void test_fetch_limit(void **state)
{
	uint8_t bytes[15];
	int vector;

	f->c->seg[SEG_CS].limit = FIXTURE_CODE + 1;
	fixture_load(f, CODE(0x90, 0x90, 0x90));
	TRY(f, vector, mem_fetch_raise(&f->v, FIXTURE_CODE + 1));
	assert_int_equal(vector, -1);
	TRY(f, vector, mem_fetch_raise(&f->v, FIXTURE_CODE + 2));
	expect(vector, EXC_GP, 0);
	assert_int_equal(mem_fetch(&f->v, FIXTURE_CODE, bytes, 15), 2);
}

/* ---- LDTR, TR ---- */

static void test_lldt(void **state)
{
	int vector;

	TRY(f, vector, segment_load_ldtr(&f->v, SEL_LDT));
	assert_int_equal(vector, -1);
	assert_int_equal(f->c->ldtr.base, SYSTEM_LDT);
	fixture_poke(f, SYSTEM_LDT + 8, 8, system_descriptor(0x7000, 0xfff, 0x92));
	assert_int_equal(load(SEG_ES, 8 | 4), -1);
	assert_int_equal(f->c->seg[SEG_ES].base, 0x7000);
	TRY(f, vector, segment_load_ldtr(&f->v, SEL_LDT | 4));
	expect(vector, EXC_GP, SEL_LDT | 4);
	TRY(f, vector, segment_load_ldtr(&f->v, SEL_DATA));
	expect(vector, EXC_GP, SEL_DATA);
	system_gdt(f, SEL_LDT, system_descriptor(SYSTEM_LDT, 0xff, 0x02));
	TRY(f, vector, segment_load_ldtr(&f->v, SEL_LDT));
	expect(vector, EXC_NP, SEL_LDT);
	TRY(f, vector, segment_load_ldtr(&f->v, 0));
	assert_int_equal(vector, -1);
	assert_int_equal(f->c->ldtr.attr & SEG_P, 0);
}

static void test_ltr(void **state)
{
	int vector;

	TRY(f, vector, segment_load_tr(&f->v, SEL_TSS));
	expect(vector, EXC_GP, SEL_TSS); /* busy */
	system_gdt(f, SEL_TSS, system_descriptor(SYSTEM_TSS, 0x67, 0x89));
	TRY(f, vector, segment_load_tr(&f->v, SEL_TSS));
	assert_int_equal(vector, -1);
	assert_int_equal(f->c->tr.attr, 0x8b);
	assert_int_equal(system_gdt_get(f, SEL_TSS) >> 40 & 0xff, 0x8b);
	TRY(f, vector, segment_load_tr(&f->v, 0));
	expect(vector, EXC_GP, 0);
}

/* Long mode: 16 bytes, only the 64-bit kind, a canonical base. */
static void test_ltr64(void **state)
{
	int vector;

	system_gdt(f, SEL_TSS, system_descriptor(SYSTEM_TSS, 0x67, 0x89));
	system_gdt(f, SEL_TSS + 8, 0xffff8000);
	TRY(f, vector, segment_load_tr(&f->v, SEL_TSS));
	assert_int_equal(vector, -1);
	assert_int_equal(f->c->tr.base, 0xffff800000000000 | SYSTEM_TSS);
	system_gdt(f, SEL_TSS, system_descriptor(SYSTEM_TSS, 0x67, 0x89));
	system_gdt(f, SEL_TSS + 8, 0x8000);
	TRY(f, vector, segment_load_tr(&f->v, SEL_TSS));
	expect(vector, EXC_GP, SEL_TSS);
	system_gdt(f, SEL_TSS + 8, 1ull << 40);
	TRY(f, vector, segment_load_tr(&f->v, SEL_TSS));
	expect(vector, EXC_GP, SEL_TSS);
	system_gdt(f, SEL_TSS, system_descriptor(SYSTEM_TSS, 0x67, 0x81));
	system_gdt(f, SEL_TSS + 8, 0);
	TRY(f, vector, segment_load_tr(&f->v, SEL_TSS));
	expect(vector, EXC_GP, SEL_TSS);
}

/* ---- questions about selectors ---- */

static void test_lar_lsl(void **state)
{
	uint32_t value = 0;

	assert_true(selector_lar(&f->v, SEL_DATA, &value));
	assert_int_equal(value, 0x00c09300);
	assert_true(selector_lsl(&f->v, SEL_DATA, &value));
	assert_int_equal(value, 0xffffffff);
	assert_true(selector_lsl(&f->v, SEL_TSS, &value));
	assert_int_equal(value, 0x67);
	assert_false(selector_lar(&f->v, 0, &value));
	assert_false(selector_lar(&f->v, SEL_LAST + 8, &value));
	assert_false(selector_lar(&f->v, SEL_DATA | 3, &value));
	assert_true(selector_lar(&f->v, SEL_CONFORMING | 3, &value));
	system_gdt(f, SEL_FREE, system_gate(SEL_CODE32, 0, 0xec00));
	assert_true(selector_lar(&f->v, SEL_FREE, &value));
	assert_int_equal(value & 0xff00, 0xec00);
	assert_false(selector_lsl(&f->v, SEL_FREE, &value));
	/* Interrupt gates have no place in a GDT. */
	system_gdt(f, SEL_FREE, system_gate(SEL_CODE32, 0, 0xee00));
	assert_false(selector_lar(&f->v, SEL_FREE, &value));
}

static void test_verify(void **state)
{
	assert_true(selector_verify(&f->v, SEL_DATA, true));
	assert_true(selector_verify(&f->v, SEL_CODE32, false));
	assert_false(selector_verify(&f->v, SEL_CODE32, true));
	assert_false(selector_verify(&f->v, SEL_TSS, false));
	system_gdt(f, SEL_FREE, system_descriptor(0, 0xffff, 0x98));
	assert_false(selector_verify(&f->v, SEL_FREE, false));
	system_user(f);
	assert_false(selector_verify(&f->v, SEL_DATA, false));
	assert_true(selector_verify(&f->v, SEL_CONFORMING, false));
}

/* In 64-bit mode limits and types do not matter, and only FS and GS have a base. */
static void test_flat64(void **state)
{
	f->c->seg[SEG_FS].base = 0x1000;
	f->c->seg[SEG_FS].limit = 0;
	fixture_poke(f, 0xb000, 4, 0x1234);
	assert_int_equal(mem_read32(&f->v, SEG_FS, 0xa000), 0x1234);
	assert_int_equal(mem_read32(&f->v, SEG_FLAT, 0xb000), 0x1234);
	assert_int_equal(f->c->seg[SEG_FLAT].base, 0);
	assert_int_equal(f->c->linear_mask, UINT64_MAX);
}

/* SS.DPL is the CPL, not CS.RPL: PE is set while CS still has a real mode selector. */
static void test_cpl(void **state)
{
	f->c->seg[SEG_CS].selector = 0xf003;
	f->c->cr0 |= CR0_PE;
	cpu_update_mode(&f->v);
	assert_int_equal(f->c->cpl, 0);
	assert_int_equal(f->c->code_bits, 16);
}

int main(void)
{
#define TEST(bits, name) cmocka_unit_test_setup_teardown(name, setup##bits, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(32, test_load_data),    TEST(32, test_load_data_faults),
	    TEST(32, test_load_null),    TEST(32, test_load_stack_faults),
	    TEST(64, test_null_stack64), TEST(16, test_load_real),
	    TEST(32, test_expand_up),    TEST(32, test_expand_down),
	    TEST(32, test_types),        TEST(32, test_stack_segment),
	    TEST(16, test_real_limit),   TEST(32, test_fetch_limit),
	    TEST(32, test_lldt),         TEST(32, test_ltr),
	    TEST(64, test_ltr64),        TEST(32, test_lar_lsl),
	    TEST(32, test_verify),       TEST(64, test_flat64),
	    TEST(16, test_cpl),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
