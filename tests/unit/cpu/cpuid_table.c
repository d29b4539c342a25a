/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPUID as a hypervisor answered it: which answer holds where, how it travels in a machine's
 * description, and descriptions that are not what vcr writes.
 */
#include "emulator/cpu/cpuid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "emulator/cpu/system.h"
#include "emulator/machine.h"

static const struct cpu legacy = {.code_bits = 16};
static const struct cpu kernel = {.efer = EFER_LMA, .code_bits = 64};
static const struct cpu user = {.efer = EFER_LMA, .code_bits = 64, .cpl = 3};
static const struct cpu compat = {.efer = EFER_LMA, .code_bits = 32, .cpl = 3};

static void add(struct cpuid_table **t, unsigned contexts, uint32_t leaf, uint32_t sub,
		uint32_t eax)
{
	struct cpuid_entry e = {
	    .contexts = (uint8_t)contexts, .leaf = leaf, .sub = sub, .out = {eax, 2, 3, 4}};

	assert_int_equal(cpuid_table_add(t, &e), 0);
}

static uint32_t eax(const struct cpuid_table *t, const struct cpu *c, uint32_t leaf, uint32_t sub)
{
	struct cpu_model model;
	uint32_t out[4];

	assert_int_equal(cpu_model_parse("x86-64", &model), 0);
	model.measured = t;
	cpuid_query(&model, c, leaf, sub, out);
	return out[0];
}

static void test_contexts(void **state)
{
	assert_int_equal(cpuid_context(&legacy), CPUID_LEGACY);
	assert_int_equal(cpuid_context(&kernel), CPUID_KERNEL);
	assert_int_equal(cpuid_context(&user), CPUID_USER);
	assert_int_equal(cpuid_context(&compat), CPUID_COMPAT);
}

static void test_answers(void **state)
{
	struct cpuid_table *t = NULL;

	add(&t, CPUID_LEGACY, 1, 0, 111);
	add(&t, CPUID_KERNEL, 1, 0, 111);
	assert_int_equal(t->entries, 1);
	add(&t, CPUID_USER, 1, 0, 222);
	add(&t, CPUID_USER, 7, 1, 333);
	add(&t, CPUID_USER, CPUID_OUTSIDE, 0, 444);
	assert_int_equal(eax(t, &legacy, 1, 0), 111);
	assert_int_equal(eax(t, &kernel, 1, 9), 111); /* leaf 1 has no subleaves */
	assert_int_equal(eax(t, &user, 1, 0), 222);
	assert_int_equal(eax(t, &compat, 1, 0), eax(NULL, &compat, 1, 0));
	assert_int_equal(eax(t, &user, 7, 1), 333); /* leaf 7 has */
	assert_int_equal(eax(t, &user, 7, 0), eax(NULL, &user, 7, 0));
	assert_int_equal(eax(t, &user, 0x80000008, 0), eax(NULL, &user, 0x80000008, 0));
	/* Beyond the last leaf of any range. */
	assert_int_equal(eax(t, &user, 0x17, 0), 444);
	assert_int_equal(eax(t, &user, 0x12345678, 0), 444);
	assert_int_equal(eax(t, &user, 0x80000009, 0), 444);
	assert_int_equal(eax(t, &user, 0xffffffff, 0), 444);
	assert_int_equal(eax(t, &kernel, 0xffffffff, 0), eax(NULL, &kernel, 0xffffffff, 0));
	free(t);
}

/* SDM vol. 3A 10.4.3, whoever answers. */
static void test_apic(void **state)
{
	struct cpuid_table *t = NULL;
	struct cpuid_entry e = {.contexts = CPUID_ALL, .leaf = 1, .out = {0, 0, 0, 0xffffffff}};
	struct cpu_model model;
	struct cpu c = kernel;
	uint32_t out[4];

	assert_int_equal(cpuid_table_add(&t, &e), 0);
	assert_int_equal(cpu_model_parse("x86-64", &model), 0);
	model.measured = t;
	c.apic_off = true;
	cpuid_query(&model, &c, 1, 0, out);
	assert_int_equal(out[3], 0xffffffff & ~(1u << 9));
	free(t);
}

static void test_description(void **state)
{
	struct machine_config c, again;
	struct error e = {0};
	char *text, *same;

	machine_config_init(&c);
	assert_false(c.described);
	add(&c.cpuid, CPUID_USER | CPUID_COMPAT, 0x8000001d, 3, 0xdeadbeef);
	add(&c.cpuid, CPUID_LEGACY, 0, 0, 0);
	text = machine_config_format(&c);
	assert_non_null(strstr(text, "\ncpuid=c 8000001d 3 deadbeef 2 3 4\ncpuid=1 0 0 0 2 3 4\n"));
	assert_int_equal(machine_config_parse(&again, text, &e), 0);
	assert_true(again.described);
	assert_int_equal(again.cpuid->entries, 2);
	same = machine_config_format(&again);
	assert_string_equal(same, text);
	free(text);
	free(same);
	machine_config_free(&c);
	machine_config_free(&again);
}

static void refused(const char *text)
{
	struct machine_config c;
	struct error e = {0};

	if (!machine_config_parse(&c, text, &e))
		fail_msg("taken: %s", text);
	assert_int_equal(e.kind, ERROR_TRACE);
}

static void test_bad_descriptions(void **state)
{
	enum { LINE = 32, LINES = CPUID_ENTRIES + 1 };
	char *many = malloc(LINE * LINES + 1), *at = many;

	refused("cpuid=");
	refused("cpuid=1 2 3 4 5 6\n");
	refused("cpuid=1 2 3 4 5 6 7 8\n");
	refused("cpuid=1 2 3 4 5 6 7 \n");
	refused("cpuid= 1 2 3 4 5 6 7\n");
	refused("cpuid=1  2 3 4 5 6 7\n");
	refused("cpuid=1 2 3 4 5 6 -7\n");
	refused("cpuid=1 2 3 4 5 6 0x7\n");
	refused("cpuid=1 2 3 4 5 6 123456789\n");
	refused("cpuid=1 2 3 4 5 6 F\n");
	refused("cpuid=0 2 3 4 5 6 7\n");
	refused("cpuid=10 2 3 4 5 6 7\n");
	refused("cpuid=1 2 3 4 5 6 7\\n\n");
	assert_non_null(many);
	for (unsigned i = 0; i < LINES; i++)
		at += snprintf(at, LINE, "cpuid=f %x 0 0 0 0 0\n", i);
	refused(many);
	free(many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_contexts),
	    cmocka_unit_test(test_answers),
	    cmocka_unit_test(test_apic),
	    cmocka_unit_test(test_description),
	    cmocka_unit_test(test_bad_descriptions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
