/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPUID and the processor models: the psABI's levels x86-64 and x86-64-v2 ("System V ABI, AMD64
 * supplement", 3.1.1), Intel SDM vol. 2A CPUID for the shape of the leaves.
 */
#include "emulator/cpu/system.h"
#include "tests/unit/cpu/cpu_fixture.h"

#include <string.h>

#define BIT(n) (1u << (n))

static void query(const char *name, uint32_t leaf, uint32_t sub, uint32_t out[4])
{
	static const struct cpu none;
	struct cpu_model model;

	assert_int_equal(cpu_model_parse(name, &model), 0);
	cpuid_query(&model, &none, leaf, sub, out);
}

static uint32_t reg(const char *name, uint32_t leaf, unsigned n)
{
	uint32_t out[4];

	query(name, leaf, 0, out);
	return out[n];
}

static void test_vendor(void **state)
{
	uint32_t out[4];
	char text[49] = "";

	query("x86-64", 0, 0, out);
	assert_int_equal(out[0], 0x16);
	memcpy(text, &out[1], 4);
	memcpy(text + 4, &out[3], 4);
	memcpy(text + 8, &out[2], 4);
	assert_string_equal(text, "GenuineIntel");
	for (unsigned n = 0; n < 3; n++) {
		query("x86-64", 0x80000002 + n, 0, out);
		memcpy(text + 16 * n, out, 16);
	}
	assert_string_equal(text, "vcr virtual CPU");
}

/* Exactly these: an operating system must not find what is not there. */
static void test_baseline(void **state)
{
	assert_int_equal(reg("x86-64", 1, 3), 0x078bfbff & ~BIT(21) & ~BIT(22));
	assert_int_equal(reg("x86-64", 1, 2), BIT(24) | BIT(31));
	assert_int_equal(reg("x86-64", 7, 1), 0);
	assert_int_equal(reg("x86-64", 7, 2), 0);
	assert_int_equal(reg("x86-64", 0x80000001, 3), BIT(11) | BIT(20) | BIT(29));
	assert_int_equal(reg("x86-64", 0x80000001, 2), 0);
	assert_int_equal(reg("x86-64", 0xd, 0), 0);
}

static void test_v2(void **state)
{
	const uint32_t v2 = BIT(0) | BIT(9) | BIT(13) | BIT(19) | BIT(20) | BIT(23);

	assert_int_equal(reg("x86-64-v2", 1, 2), v2 | BIT(24) | BIT(31));
	assert_int_equal(reg("x86-64-v2", 0x80000001, 2), BIT(0));
	assert_int_equal(reg("x86-64-v2", 7, 1), 0);
}

static void test_max(void **state)
{
	assert_int_equal(reg("max", 7, 1), BIT(7) | BIT(20));
	assert_int_equal(reg("max", 7, 2), BIT(2));
	assert_int_equal(reg("max", 0x80000001, 3) & BIT(26), BIT(26));
}

static void test_features(void **state)
{
	struct cpu_model model;

	assert_int_equal(reg("x86-64,+smep", 7, 1), BIT(7));
	assert_int_equal(reg("max,-smap,-umip", 7, 1), BIT(7));
	assert_int_equal(reg("max,-smap,-umip", 7, 2), 0);
	assert_int_equal(cpu_model_parse("", &model), -1);
	assert_int_equal(cpu_model_parse("x86-6", &model), -1);
	assert_int_equal(cpu_model_parse("x86-64,", &model), -1);
	assert_int_equal(cpu_model_parse("x86-64,smep", &model), -1);
	assert_int_equal(cpu_model_parse("x86-64,+avx", &model), -1);
	assert_int_equal(cpu_model_parse("max,+smep,", &model), -1);
	for (const char *const *name = cpu_model_names(); *name; name++)
		assert_int_equal(cpu_model_parse(*name, &model), 0);
}

/* TSC, crystal and bus clock: 1 GHz, said in each way that a guest may ask. */
static void test_frequencies(void **state)
{
	uint32_t out[4];

	query("x86-64", 0x15, 0, out);
	assert_int_equal((uint64_t)out[2] * out[1] / out[0], 1000000000);
	assert_int_equal(reg("x86-64", 0x16, 0), 1000);
	query("x86-64", 0x40000000, 0, out);
	assert_int_equal(out[0], 0x40000010);
	query("x86-64", 0x40000010, 0, out);
	assert_int_equal(out[0], 1000000);
	assert_int_equal(out[1], 1000000);
	assert_int_equal(reg("x86-64", 0x80000007, 3), BIT(8));
}

static void test_sizes(void **state)
{
	uint32_t out[4];

	assert_int_equal(reg("x86-64", 0x80000008, 0), 48 << 8 | 40);
	for (uint32_t sub = 0; sub < 3; sub++) {
		query("x86-64", 4, sub, out);
		assert_int_not_equal(out[0] & 31, 0);
		assert_int_equal((out[1] & 0xfff) + 1, 64);
	}
	query("x86-64", 4, 3, out);
	assert_int_equal(out[0], 0);
}

/* SDM vol. 2A: beyond the last basic leaf, the answer is the last basic leaf's. */
static void test_beyond(void **state)
{
	assert_int_equal(reg("x86-64", 0x17, 0), 1000);
	assert_int_equal(reg("x86-64", 0x80000009, 0), 1000);
	assert_int_equal(reg("x86-64", 0xffffffff, 0), 1000);
	assert_int_equal(reg("x86-64", 0x80000000, 0), 0x80000008);
}

static void test_instruction(void **state)
{
	struct cpu_fixture f;

	fixture_open(&f, 64, "x86-64");
	f.c->reg[GPR_RAX] = 0xffffffff00000000;
	fixture_do(&f, CODE(0x0f, 0xa2), 1);
	assert_int_equal(f.c->reg[GPR_RAX], 0x16);
	assert_int_equal(f.c->reg[GPR_RBX], 0x756e6547);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_vendor),      cmocka_unit_test(test_baseline),
	    cmocka_unit_test(test_v2),          cmocka_unit_test(test_max),
	    cmocka_unit_test(test_features),    cmocka_unit_test(test_frequencies),
	    cmocka_unit_test(test_sizes),       cmocka_unit_test(test_beyond),
	    cmocka_unit_test(test_instruction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
