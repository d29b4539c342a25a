/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decoder: prefixes, addressing forms, immediates and what does not exist (Intel SDM vol. 2
 * ch. 2 and appendix A).
 */
#include "tests/unit/cpu/cpu_fixture.h"

#include <string.h>

#include "emulator/cpu/insn.h"

static const struct cpu_model base_model = {.name = "x86-64"};
static const struct cpu_model v2_model = {.name = "x86-64-v2", .v2 = true};

static struct insn decode(unsigned bits, const uint8_t *bytes, size_t size)
{
	uint8_t padded[15];
	struct insn i;

	memset(padded, 0x90, sizeof(padded));
	memcpy(padded, bytes, size);
	insn_decode(&base_model, bits, padded, sizeof(padded), &i);
	return i;
}

static void assert_undefined(unsigned bits, const uint8_t *bytes, size_t size)
{
	struct insn i = decode(bits, bytes, size);

	assert_ptr_equal(i.handler, insn_undefined);
	assert_true(i.ends_block);
}

static void assert_exists(unsigned bits, const uint8_t *bytes, size_t size)
{
	struct insn i = decode(bits, bytes, size);

	assert_ptr_not_equal(i.handler, insn_undefined);
	assert_int_equal(i.length, size);
}

/* SDM vol. 2 2.1.1, 2.2.1. */
static void test_prefixes(void **state)
{
	struct insn i;

	i = decode(64, CODE(0x66, 0x89, 0xc8)); /* mov ax, cx */
	assert_int_equal(i.operand, 2);
	i = decode(64, CODE(0x66, 0x48, 0x89, 0xc8)); /* REX.W wins over 66 */
	assert_int_equal(i.operand, 8);
	i = decode(64, CODE(0x48, 0x66, 0x89, 0xc8)); /* REX not before the opcode is ignored */
	assert_int_equal(i.operand, 2);
	assert_false(i.rex);
	i = decode(16, CODE(0x66, 0x89, 0xc8));
	assert_int_equal(i.operand, 4);
	i = decode(32, CODE(0x67, 0x8b, 0x46, 0x10)); /* mov eax, [bp + 0x10] */
	assert_int_equal(i.address, 2);
	assert_int_equal(i.base, GPR_RBP);
	assert_int_equal(i.seg, SEG_SS);
	i = decode(32, CODE(0x26, 0x64, 0x8b, 0x00)); /* the last segment override counts */
	assert_int_equal(i.seg, SEG_FS);
	i = decode(64, CODE(0x64, 0x2e, 0x8b, 0x00)); /* CS is no override in 64-bit mode */
	assert_int_equal(i.seg, SEG_FS);
	i = decode(64, CODE(0x36, 0x8b, 0x00));
	assert_int_equal(i.seg, SEG_FLAT);
	i = decode(32, CODE(0xf3, 0xf2, 0xa6)); /* the last REP counts */
	assert_int_equal(i.rep, REP_NE);
	i = decode(32, CODE(0x40)); /* inc eax: no REX outside 64-bit mode */
	assert_int_equal(i.length, 1);
}

/* Tables 2-1, 2-2 and 2-3. */
static void test_addressing(void **state)
{
	struct insn i;

	i = decode(64, CODE(0x8b, 0x05, 0x10, 0x00, 0x00, 0x00)); /* [rip + 0x10] */
	assert_int_equal(i.base, GPR_RIP);
	assert_int_equal(i.displacement, 0x10);
	assert_int_equal(i.length, 6);
	i = decode(32, CODE(0x8b, 0x05, 0x10, 0x00, 0x00, 0x00)); /* [0x10] */
	assert_int_equal(i.base, GPR_ZERO);
	i = decode(64, CODE(0x8b, 0x04, 0x25, 0x10, 0x00, 0x00, 0x00)); /* [0x10] by SIB */
	assert_int_equal(i.base, GPR_ZERO);
	assert_int_equal(i.index, GPR_ZERO);
	i = decode(64, CODE(0x43, 0x8b, 0x44, 0xac, 0xf0)); /* [r12 + r13 * 4 - 0x10] */
	assert_int_equal(i.base, GPR_R12);
	assert_int_equal(i.index, GPR_R13);
	assert_int_equal(i.scale, 2);
	assert_int_equal(i.displacement, -0x10);
	assert_int_equal(i.seg, SEG_FLAT);
	i = decode(64, CODE(0x8b, 0x44, 0x24, 0x08)); /* [rsp + 8]: SS */
	assert_int_equal(i.base, GPR_RSP);
	assert_int_equal(i.index, GPR_ZERO);
	assert_int_equal(i.seg, SEG_STACK);
	i = decode(64, CODE(0x42, 0x8b, 0x04, 0x20)); /* REX.X makes index 4 R12 */
	assert_int_equal(i.index, GPR_R12);
	i = decode(64, CODE(0x41, 0x8b, 0x45, 0x00)); /* [r13]: not a stack register */
	assert_int_equal(i.seg, SEG_FLAT);
	i = decode(16, CODE(0x8b, 0x06, 0x34, 0x12)); /* [0x1234] */
	assert_int_equal(i.base, GPR_ZERO);
	assert_int_equal(i.displacement, 0x1234);
	i = decode(16, CODE(0x8b, 0x82, 0x00, 0x80)); /* [bp + si - 0x8000] */
	assert_int_equal(i.base, GPR_RBP);
	assert_int_equal(i.index, GPR_RSI);
	assert_int_equal(i.displacement, -0x8000);
	assert_int_equal(i.seg, SEG_SS);
}

static void test_immediates(void **state)
{
	struct insn i;

	i = decode(64, CODE(0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8)); /* mov rax, imm64 */
	assert_int_equal(i.immediate, 0x0807060504030201);
	i = decode(64, CODE(0x48, 0x81, 0xc0, 0xff, 0xff, 0xff, 0xff)); /* add rax, -1 */
	assert_int_equal(i.immediate, UINT64_MAX);
	i = decode(64, CODE(0x48, 0xa1, 1, 2, 3, 4, 5, 6, 7, 8)); /* mov rax, [moffs64] */
	assert_int_equal(i.immediate, 0x0807060504030201);
	assert_int_equal(i.length, 10);
	i = decode(64, CODE(0x67, 0xa1, 1, 2, 3, 0x84));
	assert_int_equal(i.immediate, 0x84030201);
	i = decode(32, CODE(0xea, 1, 2, 3, 4, 0x10, 0x20)); /* jmp 0x2010:0x04030201 */
	assert_int_equal(i.immediate, 0x201004030201);
	i = decode(16, CODE(0x9a, 1, 2, 0x10, 0x20));
	assert_int_equal(i.immediate, 0x201000000201);
	i = decode(32, CODE(0xc8, 0x10, 0x20, 0x03)); /* enter 0x2010, 3 */
	assert_int_equal(i.immediate, 0x032010);
	i = decode(32, CODE(0xf6, 0xc0, 0x80)); /* test al, 0x80: group 3 with an immediate */
	assert_int_equal(i.length, 3);
	i = decode(32, CODE(0xf7, 0xd0)); /* not eax: and without */
	assert_int_equal(i.length, 2);
	i = decode(64, CODE(0x66, 0xe9, 1, 2, 3, 4)); /* 66 has no say in near branches */
	assert_int_equal(i.length, 6);
	assert_int_equal(i.operand, 8);
	i = decode(32, CODE(0x66, 0xe9, 1, 2));
	assert_int_equal(i.length, 4);
}

static void test_undefined(void **state)
{
	static const uint8_t no64[] = {0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e, 0x1f, 0x27, 0x2f, 0x37,
				       0x3f, 0x60, 0x61, 0x82, 0x9a, 0xce, 0xd4, 0xd5, 0xd6, 0xea};
	unsigned n;

	for (n = 0; n < sizeof(no64); n++) {
		assert_undefined(64, &no64[n], 1);
		assert_ptr_not_equal(decode(32, &no64[n], 1).handler, insn_undefined);
	}
	assert_undefined(64, CODE(0x8d, 0xc0));          /* lea eax, eax */
	assert_undefined(64, CODE(0x0f, 0xba, 0xc0, 1)); /* group 8 /0 */
	assert_undefined(64, CODE(0xfe, 0xd0));          /* group 4 /2 */
	assert_undefined(64, CODE(0xff, 0xf8));          /* group 5 /7 */
	assert_undefined(64, CODE(0x8f, 0xc8));          /* XOP's */
	assert_undefined(64, CODE(0x0f, 0x04));
	assert_undefined(64, CODE(0x0f, 0x0f, 0xc0, 0x9e)); /* 3DNow! */
	assert_undefined(64, CODE(0x0f, 0x38, 0xf0, 0x00)); /* MOVBE */
	/* AVX: VEX and EVEX; with mod != 3 outside 64-bit mode they are LES, LDS and BOUND. */
	assert_undefined(64, CODE(0xc5, 0xf8, 0x77));
	assert_undefined(64, CODE(0xc4, 0xe1, 0x78, 0x77));
	assert_undefined(64, CODE(0x62, 0xf1, 0x7c, 0x48));
	assert_undefined(32, CODE(0xc5, 0xf8, 0x77));
	assert_exists(32, CODE(0xc5, 0x00));
	assert_exists(32, CODE(0x62, 0x00));
}

/* What LOCK may stand before: SDM vol. 2 "LOCK". */
static void test_lock(void **state)
{
	assert_exists(64, CODE(0xf0, 0x01, 0x00));
	assert_exists(64, CODE(0xf0, 0x83, 0x00, 0x01));
	assert_exists(64, CODE(0xf0, 0xff, 0x00));
	assert_exists(64, CODE(0xf0, 0xf7, 0x18));
	assert_exists(64, CODE(0xf0, 0x87, 0x00));
	assert_exists(64, CODE(0xf0, 0x0f, 0xb1, 0x08));
	assert_exists(64, CODE(0xf0, 0x0f, 0xc1, 0x08));
	assert_exists(64, CODE(0xf0, 0x0f, 0xc7, 0x08));
	assert_exists(64, CODE(0xf0, 0x0f, 0xab, 0x08));
	assert_exists(64, CODE(0xf0, 0x0f, 0xba, 0x28, 0x01));
	assert_undefined(64, CODE(0xf0, 0x01, 0xc0));             /* add eax, eax */
	assert_undefined(64, CODE(0xf0, 0x03, 0x00));             /* add eax, [rax] */
	assert_undefined(64, CODE(0xf0, 0x39, 0x00));             /* cmp [rax], eax */
	assert_undefined(64, CODE(0xf0, 0x83, 0x38, 0x01));       /* cmp dword [rax], 1 */
	assert_undefined(64, CODE(0xf0, 0x89, 0x00));             /* mov */
	assert_undefined(64, CODE(0xf0, 0x0f, 0xba, 0x20, 0x01)); /* bt */
	assert_undefined(64, CODE(0xf0, 0x90));
	assert_undefined(64, CODE(0xf0, 0xd9, 0x00));
	assert_undefined(64, CODE(0xf0, 0x0f, 0x58, 0xc0));
}

/* POPCNT, CMPXCHG16B, FISTTP, and LAHF and SAHF in 64-bit mode come with x86-64-v2. */
static void test_model(void **state)
{
	static const uint8_t popcnt[15] = {0xf3, 0x0f, 0xb8, 0xc0};
	static const uint8_t popcnt_bare[15] = {0x0f, 0xb8, 0xc0};
	static const uint8_t cmpxchg16b[15] = {0x48, 0x0f, 0xc7, 0x08};
	static const uint8_t others[][15] = {
	    {0xdb, 0x08}, {0xdd, 0x08}, {0xdf, 0x08}, {0x9e}, {0x9f}};
	struct insn i;
	unsigned n;

	for (n = 0; n < sizeof(others) / sizeof(others[0]); n++) {
		insn_decode(&base_model, 64, others[n], 15, &i);
		assert_ptr_equal(i.handler, insn_undefined);
		insn_decode(&v2_model, 64, others[n], 15, &i);
		assert_ptr_not_equal(i.handler, insn_undefined);
	}
	insn_decode(&base_model, 32, others[n - 1], 15, &i);
	assert_ptr_not_equal(i.handler, insn_undefined);

	insn_decode(&base_model, 64, popcnt, 15, &i);
	assert_ptr_equal(i.handler, insn_undefined);
	insn_decode(&v2_model, 64, popcnt, 15, &i);
	assert_ptr_not_equal(i.handler, insn_undefined);
	insn_decode(&v2_model, 64, popcnt_bare, 15, &i);
	assert_ptr_equal(i.handler, insn_undefined);
	insn_decode(&base_model, 64, cmpxchg16b, 15, &i);
	assert_ptr_equal(i.handler, insn_undefined);
	insn_decode(&v2_model, 64, cmpxchg16b, 15, &i);
	assert_ptr_not_equal(i.handler, insn_undefined);
}

/* SDM vol. 2 2.3.11: over 15 bytes is #GP; and a decoder at a page's end must say so. */
static void test_length(void **state)
{
	uint8_t bytes[15];
	struct insn i;
	unsigned n;

	memset(bytes, 0x66, sizeof(bytes));
	assert_int_equal(insn_decode(&base_model, 64, bytes, 15, &i), 15);
	assert_ptr_not_equal(i.handler, insn_undefined);
	bytes[14] = 0x90;
	assert_int_equal(insn_decode(&base_model, 64, bytes, 15, &i), 15);
	memcpy(bytes, "\x48\xb8\x01\x02\x03\x04\x05\x06\x07\x08", 10);
	for (n = 0; n < 10; n++)
		assert_int_equal(insn_decode(&base_model, 64, bytes, n, &i), 0);
	assert_int_equal(insn_decode(&base_model, 64, bytes, 10, &i), 10);
	memcpy(bytes, "\x64\x81\x84\x88\x01\x02\x03\x04\x05\x06\x07\x08", 12);
	for (n = 0; n < 12; n++)
		assert_int_equal(insn_decode(&base_model, 32, bytes, n, &i), 0);
	assert_int_equal(insn_decode(&base_model, 32, bytes, 12, &i), 12);
}

/* An opcode that does not exist is fetched to its end, immediate included, before it is #UD. */
static void test_undefined_length(void **state)
{
	static const uint8_t map_3a[] = {0x0f, 0x3a, 0x07, 0xc1, 0x00};
	static const uint8_t psrlw[] = {0x0f, 0x71, 0x00, 0x00}; /* of memory */
	struct insn i;

	assert_int_equal(insn_decode(&base_model, 64, map_3a, 4, &i), 0);
	assert_int_equal(insn_decode(&base_model, 64, map_3a, 5, &i), 5);
	assert_ptr_equal(i.handler, insn_undefined);
	assert_int_equal(insn_decode(&base_model, 64, psrlw, 3, &i), 0);
	assert_int_equal(insn_decode(&base_model, 64, psrlw, 4, &i), 4);
	assert_ptr_equal(i.handler, insn_undefined);
}

/* Executed: fifteen prefixes and an opcode are #GP(0), with RIP at the first. */
static void test_faults(void **state)
{
	static const uint8_t code[] = {0x90, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
				       0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90};
	struct cpu_fixture f;

	fixture_open(&f, 64, "x86-64");
	fixture_load(&f, code, sizeof(code));
	assert_int_equal(fixture_run(&f, 3), EXC_GP);
	assert_int_equal(fixture_fault_error(&f), 0);
	assert_int_equal(fixture_fault_rip(&f), FIXTURE_CODE + 1);
	fixture_load(&f, CODE(0x90, 0xf0, 0x90));
	assert_int_equal(fixture_run(&f, 3), EXC_UD);
	assert_int_equal(fixture_fault_rip(&f), FIXTURE_CODE + 1);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_prefixes),
	    cmocka_unit_test(test_addressing),
	    cmocka_unit_test(test_immediates),
	    cmocka_unit_test(test_undefined),
	    cmocka_unit_test(test_lock),
	    cmocka_unit_test(test_model),
	    cmocka_unit_test(test_length),
	    cmocka_unit_test(test_faults),
	    cmocka_unit_test(test_undefined_length),
	    cmocka_unit_test(test_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
