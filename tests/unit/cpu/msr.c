/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MSRs (Intel SDM vol. 4 chapter 2, vol. 3A 11.11 MTRRs, 11.12 PAT, 15.3 machine check): what they
 * take and what is #GP(0); which leave as exits.
 */
#include "emulator/cpu/system.h"
#include "tests/unit/cpu/system_fixture.h"

static struct cpu_fixture fixture, *const f = &fixture;

static int setup(void **state)
{
	system_open(f, 64);
	return 0;
}

static int teardown(void **state)
{
	fixture_close(f);
	return 0;
}

static int write_msr(uint32_t index, uint64_t value)
{
	f->c->reg[GPR_RCX] = index;
	f->c->reg[GPR_RAX] = (uint32_t)value;
	f->c->reg[GPR_RDX] = value >> 32;
	f->c->reg[GPR_RSP] = FIXTURE_STACK;
	f->c->halted = false;
	return system_run(f, CODE(0x0f, 0x30), 1);
}

static int read_msr(uint32_t index, uint64_t *value)
{
	int vector;

	f->c->reg[GPR_RCX] = index;
	f->c->reg[GPR_RSP] = FIXTURE_STACK;
	f->c->halted = false;
	vector = system_run(f, CODE(0x0f, 0x32), 1);
	*value = f->c->reg[GPR_RDX] << 32 | (uint32_t)f->c->reg[GPR_RAX];
	return vector;
}

static uint64_t get(uint32_t index)
{
	uint64_t value;

	assert_int_equal(read_msr(index, &value), -1);
	return value;
}

static void set(uint32_t index, uint64_t value)
{
	assert_int_equal(write_msr(index, value), -1);
}

static void refused(uint32_t index, uint64_t value)
{
	assert_int_equal(write_msr(index, value), EXC_GP);
	assert_int_equal(fixture_fault_error(f), 0);
	assert_int_equal(fixture_fault_rip(f), FIXTURE_CODE);
}

static void test_storage(void **state)
{
	static const uint32_t stored[] = {0x175,      0x176,      0xc0000081, 0xc0000082,
					  0xc0000083, 0xc0000100, 0xc0000101, 0xc0000102};

	for (unsigned n = 0; n < sizeof(stored) / sizeof(stored[0]); n++) {
		set(stored[n], 0xffff8000deadbe00 + n);
		assert_int_equal(get(stored[n]), 0xffff8000deadbe00 + n);
	}
	set(0x174, 0x10);
	assert_int_equal(get(0x174), 0x10);
	assert_int_equal(f->c->seg[SEG_FS].base, 0xffff8000deadbe05);
	set(0xc0000084, 0x47700);
	assert_int_equal(f->c->fmask, 0x47700);
}

static void test_canonical(void **state)
{
	static const uint32_t addresses[] = {0x175,      0x176,      0xc0000082, 0xc0000083,
					     0xc0000100, 0xc0000101, 0xc0000102};

	for (unsigned n = 0; n < sizeof(addresses) / sizeof(addresses[0]); n++)
		refused(addresses[n], 0x800000000000);
}

static void test_efer(void **state)
{
	set(0xc0000080, EFER_LME | EFER_NXE | EFER_SCE);
	assert_int_equal(get(0xc0000080), EFER_LME | EFER_LMA | EFER_NXE | EFER_SCE);
	refused(0xc0000080, EFER_NXE); /* LME may not change with paging on */
	refused(0xc0000080, EFER_LME | 1 << 1);
	refused(0xc0000080, EFER_LME | 1ull << 12);
}

static void test_pat(void **state)
{
	assert_int_equal(get(0x277), 0x0007040600070406);
	set(0x277, 0x0706050401000706);
	refused(0x277, 2);
	refused(0x277, 3ull << 56);
	refused(0x277, 8);
	assert_int_equal(get(0x277), 0x0706050401000706);
}

static void test_mtrr(void **state)
{
	uint64_t value;

	assert_int_equal(get(0xfe), 0x508); /* 8 variable, fixed, write-combining */
	refused(0xfe, 0);
	set(0x2ff, 0xc06);
	assert_int_equal(get(0x2ff), 0xc06);
	refused(0x2ff, 2);
	refused(0x2ff, 0x1006);
	set(0x250, 0x0606060606060606);
	set(0x26f, 0x0506010400060606);
	assert_int_equal(get(0x26f), 0x0506010400060606);
	refused(0x259, 7);
	set(0x200, 0x80000006);
	set(0x201, 0xff80000800);
	refused(0x200, 0x80000002);
	refused(0x200, 0x80000106);
	refused(0x201, 1);
	refused(0x20f, 1ull << 40);
	assert_int_equal(read_msr(0x210, &value), EXC_GP);
}

static void test_machine_check(void **state)
{
	assert_int_equal(get(0x179), 0x104);
	set(0x17b, UINT64_MAX);
	refused(0x17b, 1);
	set(0x400, UINT64_MAX);
	set(0x401, 0);
	refused(0x401, 1);
	refused(0x410, 0);
}

static void test_tsc(void **state)
{
	uint64_t before, tsc;

	set(0x10, 0x1000000000);
	before = f->c->insns;
	tsc = get(0x10);
	assert_int_equal(tsc, 0x1000000000 + (f->c->insns - before));
}

static void test_fixed(void **state)
{
	assert_int_equal(get(0x17), 0);
	assert_int_equal(get(0x8b), 0);
	set(0x8b, 5);
	assert_int_equal(get(0x8b), 0);
	assert_int_equal(get(0x1a0), 0x1801);
	assert_int_equal(get(0x3a), 1);
	refused(0x3a, 5);
	set(0x1d9, 3);
	assert_int_equal(get(0x1d9), 0);
}

static void test_unknown(void **state)
{
	static const uint32_t unknown[] = {0x3b, 0xc1, 0x122, 0x1b1, 0xc0000104, 0xc0010015};
	uint64_t value;

	for (unsigned n = 0; n < sizeof(unknown) / sizeof(unknown[0]); n++) {
		assert_int_equal(read_msr(unknown[n], &value), EXC_GP);
		refused(unknown[n], 0);
	}
	assert_int_equal(f->exit_count, 0);
}

/* The local APIC's registers are the board's. */
static void test_exits(void **state)
{
	static const uint32_t apic[] = {0x1b, 0x6e0, 0x800, 0x8ff};

	f->answer = 0xfee00900;
	for (unsigned n = 0; n < 4; n++) {
		assert_int_equal(get(apic[n]), 0xfee00900);
		assert_int_equal(f->exit_count, 1);
		assert_int_equal(f->exits[0].kind, EXIT_MSR);
		assert_int_equal(f->exits[0].address, apic[n]);
		assert_int_equal(f->exits[0].size, 8);
		set(apic[n], 0x123456789a);
		assert_true(f->exits[0].is_write);
		assert_int_equal(f->exits[0].data, 0x123456789a);
	}
}

/* SDM vol. 3A 10.4.3: with the APIC off in IA32_APIC_BASE, CPUID.01H:EDX bit 9 is clear. */
static void test_apic_off(void **state)
{
	uint32_t out[4];

	set(0x1b, 0xfee00100);
	cpuid_query(&f->v.model, f->c, 1, 0, out);
	assert_int_equal(out[3] >> 9 & 1, 0);
	set(0x1b, 0xfee00900);
	cpuid_query(&f->v.model, f->c, 1, 0, out);
	assert_int_equal(out[3] >> 9 & 1, 1);
}

static void refuse_exit(struct machine *m, struct exit *e)
{
	e->fault = true;
}

static void test_exit_fault(void **state)
{
	struct vcpu_ops ops = *f->v.ops;
	uint64_t value;

	ops.exit = refuse_exit;
	f->v.ops = &ops;
	refused(0x802, 1);
	f->c->halted = false;
	assert_int_equal(read_msr(0x802, &value), EXC_GP);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(test_storage), TEST(test_canonical),  TEST(test_efer),
	    TEST(test_pat),     TEST(test_mtrr),       TEST(test_machine_check),
	    TEST(test_tsc),     TEST(test_fixed),      TEST(test_unknown),
	    TEST(test_exits),   TEST(test_exit_fault), TEST(test_apic_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
