/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The power-on state (Intel SDM vol. 3A table 9-1), and that the architectural view goes out and
 * in without loss and makes all that is derived again.
 */
#include "tests/unit/cpu/system_fixture.h"

#include <string.h>

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

static void test_reset(void **state)
{
	const struct cpu *c = f->c;

	f->c->insns = 1234;
	f->c->reg[GPR_RBX] = 5;
	vcpu_reset(&f->v);
	assert_int_equal(c->reg[GPR_RIP], 0xfff0);
	assert_int_equal(c->seg[SEG_CS].selector, 0xf000);
	assert_int_equal(c->seg[SEG_CS].base, 0xffff0000);
	assert_int_equal(c->seg[SEG_SS].limit, 0xffff);
	assert_int_equal(c->reg[GPR_RBX], 0);
	assert_int_equal(c->reg[GPR_RDX], 0x106ca);
	assert_int_equal(cpu_rflags(c), FLAG_ONE);
	assert_int_equal(c->cr0, 0x60000010);
	assert_int_equal(c->cr4 | c->efer | c->cr3 | c->cr2, 0);
	assert_int_equal(c->dr[6], 0xffff0ff0);
	assert_int_equal(c->dr[7], 0x400);
	assert_int_equal(c->idtr.limit, 0xffff);
	assert_int_equal(c->fpu.control, 0x40);
	assert_int_equal(c->fpu.mxcsr, 0x1f80);
	assert_int_equal(c->code_bits, 16);
	assert_true(c->a20);
	/* Positions go on through a reset. */
	assert_int_equal(c->insns, 1234);
}

static void test_view(void **state)
{
	struct cpu_regs first, second;

	cpu_get_regs(f->c, &first);
	for (unsigned n = 0; n < 16; n++) {
		first.gpr[n] = 0x0101010101010101 * (n + 1);
		first.xmm[n][1] = n;
	}
	for (unsigned n = 0; n < 8; n++)
		first.st[n][1] = 0x4000 + n;
	first.rflags = FLAG_ONE | FLAG_CF | FLAG_PF | FLAG_SF | FLAG_OF | FLAG_IF | FLAG_ID;
	first.kernel_gs_base = 7;
	first.nmi_blocked = 1;
	first.shadowed = 3;
	f->c->insns = 99;
	cpu_set_regs(&f->v, &first);
	cpu_get_regs(f->c, &second);
	assert_memory_equal(&first, &second, sizeof(first));
	assert_int_equal(f->c->code_bits, 64);
	assert_int_equal(f->c->seg[SEG_ES].read_span, UINT64_MAX);
}

/* Every combination of the status flags survives the lazy form, ZF with SF and odd parity too. */
static void test_flags(void **state)
{
	for (unsigned n = 0; n < 64; n++) {
		uint64_t flags = FLAG_ONE | (n & 1 ? FLAG_CF : 0) | (n & 2 ? FLAG_PF : 0) |
				 (n & 4 ? FLAG_AF : 0) | (n & 8 ? FLAG_ZF : 0) |
				 (n & 16 ? FLAG_SF : 0) | (n & 32 ? FLAG_OF : 0);

		cpu_set_rflags(f->c, flags);
		assert_int_equal(cpu_rflags(f->c), flags);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_reset, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_view, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_flags, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
