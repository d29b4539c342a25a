/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptor tables and privilege levels for tests of the system half of the processor.
 */
#include "tests/unit/cpu/system_fixture.h"

#include <string.h>

void system_gdt(struct cpu_fixture *f, unsigned selector, uint64_t value)
{
	fixture_poke(f, SYSTEM_GDT + (selector & ~7u), 8, value);
}

uint64_t system_gdt_get(const struct cpu_fixture *f, unsigned selector)
{
	return fixture_peek(f, SYSTEM_GDT + (selector & ~7u), 8);
}

uint64_t system_gate(unsigned selector, uint32_t offset, unsigned attributes)
{
	return (offset & 0xffff) | (uint64_t)selector << 16 | (uint64_t)attributes << 32 |
	       (uint64_t)(offset >> 16) << 48;
}

uint64_t system_descriptor(uint32_t base, uint32_t limit, unsigned attributes)
{
	return (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)attributes << 40 |
	       (uint64_t)(limit >> 16 & 15) << 48 | (uint64_t)(base >> 24) << 56;
}

void system_idt(struct cpu_fixture *f, unsigned vector, unsigned selector, unsigned attributes)
{
	bool wide = f->c->efer & EFER_LMA;

	fixture_poke(f, SYSTEM_IDT + vector * (wide ? 16 : 8), 8,
		     system_gate(selector, FIXTURE_STUBS + 16 * vector, attributes));
}

static void make_tss(struct cpu_fixture *f, unsigned bits)
{
	/* The I/O permission map is at the limit: every port is refused above IOPL. */
	fixture_poke(f, SYSTEM_TSS + 0x66, 2, 0x68);
	if (bits == 64) {
		fixture_poke(f, SYSTEM_TSS + 4, 8, SYSTEM_STACK0);
		fixture_poke(f, SYSTEM_TSS + 0x24, 8, SYSTEM_STACK_IST1);
	} else {
		fixture_poke(f, SYSTEM_TSS + 4, 4, SYSTEM_STACK0);
		fixture_poke(f, SYSTEM_TSS + 8, 2, SEL_DATA);
	}
}

void system_open(struct cpu_fixture *f, unsigned bits)
{
	struct cpu_regs r;

	fixture_open(f, bits, "max");
	system_gdt(f, SEL_CODE64, 0x00af9b000000ffff);
	system_gdt(f, SEL_DATA, 0x00cf93000000ffff);
	system_gdt(f, SEL_CODE32, 0x00cf9b000000ffff);
	system_gdt(f, SEL_USER_CODE32, 0x00cffb000000ffff);
	system_gdt(f, SEL_USER_DATA, 0x00cff3000000ffff);
	system_gdt(f, SEL_USER_CODE64, 0x00affb000000ffff);
	system_gdt(f, SEL_CONFORMING, 0x00cf9f000000ffff);
	system_gdt(f, SEL_TSS, system_descriptor(SYSTEM_TSS, 0x67, 0x8b));
	system_gdt(f, SEL_LDT, system_descriptor(SYSTEM_LDT, 0xff, 0x82));
	make_tss(f, bits);
	if (bits == 16)
		return;

	cpu_get_regs(f->c, &r);
	r.gdt_base = SYSTEM_GDT;
	r.gdt_limit = SEL_LAST + 7;
	r.tr.base = SYSTEM_TSS;
	r.tr.limit = 0x67;
	r.tr.selector = SEL_TSS;
	r.tr.attr = 0x8b;
	if (bits == 64)
		/* Pages of the identity map are for everybody. */
		for (unsigned n = 0; n < 2; n++)
			fixture_poke(f, 0x100000 + n * 0x1000, 1, 7);
	for (unsigned n = 0; bits == 64 && n < 8; n++)
		fixture_poke(f, 0x102000 + 8 * n, 8, n * 0x200000 | 0x87);
	cpu_set_regs(&f->v, &r);
}

void system_user(struct cpu_fixture *f)
{
	struct cpu_regs r;
	bool wide = f->c->code_bits == 64;

	cpu_get_regs(f->c, &r);
	for (unsigned n = SEG_ES; n <= SEG_GS; n++) {
		r.seg[n].base = 0;
		r.seg[n].limit = 0xffffffff;
		r.seg[n].selector = SEL_USER_DATA | 3;
		r.seg[n].attr = 0xc0f3;
	}
	r.seg[SEG_CS].selector = (wide ? SEL_USER_CODE64 : SEL_USER_CODE32) | 3;
	r.seg[SEG_CS].attr = wide ? 0xa0fb : 0xc0fb;
	r.gpr[GPR_RSP] = SYSTEM_STACK3;
	cpu_set_regs(&f->v, &r);
}

void system_virtual8086(struct cpu_fixture *f, unsigned iopl)
{
	struct cpu_regs r;

	cpu_get_regs(f->c, &r);
	for (unsigned n = SEG_ES; n <= SEG_GS; n++) {
		r.seg[n].base = 0;
		r.seg[n].limit = 0xffff;
		r.seg[n].selector = 0;
		r.seg[n].attr = 0xf3;
	}
	r.rflags = FLAG_ONE | FLAG_VM | iopl << 12;
	cpu_set_regs(&f->v, &r);
}

int system_run(struct cpu_fixture *f, const void *code, size_t size, uint64_t n)
{
	uint64_t rsp = f->c->reg[GPR_RSP];

	fixture_load(f, code, size);
	f->c->reg[GPR_RSP] = rsp;
	return fixture_run(f, n);
}

uint64_t system_stack(const struct cpu_fixture *f, unsigned n)
{
	unsigned size = f->c->code_bits / 8;

	return fixture_peek(f, f->c->reg[GPR_RSP] + n * size, size);
}
