/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vCPU of cpu_fixture.h: descriptor tables, page tables and handlers in its RAM.
 */
#include "tests/unit/cpu/cpu_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "emulator/accel/tcg/tcg.h"

#define PAGE_TABLES 0x100000u /* PML4, PDPT, page directory */
#define GDT         0x104000u
#define IDT         0x105000u

enum { GDT_CODE64 = 8, GDT_DATA = 16, GDT_CODE32 = 24, GDT_LIMIT = 31 };

static void fixture_exit(struct machine *m, struct exit *e)
{
	struct cpu_fixture *f = (struct cpu_fixture *)(void *)m;

	if (!e->is_write)
		e->data = f->answer & (~0ull >> (64 - 8 * e->size));
	if (f->exit_count < FIXTURE_EXITS)
		f->exits[f->exit_count++] = *e;
	if (f->exit_count == f->kick_exit)
		vcpu_kick(&f->v);
}

static uint64_t fixture_now(struct machine *m)
{
	return ((struct cpu_fixture *)(void *)m)->c->insns;
}

static uint64_t fixture_ram_page(struct machine *m, uint64_t gpa, bool *writable)
{
	*writable = true;
	return gpa < FIXTURE_RAM ? gpa : UINT64_MAX;
}

static void fixture_page_dirty(struct machine *m, uint64_t page)
{
	struct cpu_fixture *f = (struct cpu_fixture *)(void *)m;

	f->v.guard[page] &= (uint8_t)~GUARD_CLEAN;
	f->dirty_pages++;
}

static const struct vcpu_ops fixture_ops = {
    .exit = fixture_exit,
    .now = fixture_now,
    .ram_page = fixture_ram_page,
};

uint64_t fixture_peek(const struct cpu_fixture *f, uint64_t address, unsigned size)
{
	uint64_t value = 0;

	assert_true(address + size <= FIXTURE_RAM);
	memcpy(&value, f->ram + address, size);
	return value;
}

void fixture_poke(struct cpu_fixture *f, uint64_t address, unsigned size, uint64_t value)
{
	assert_true(address + size <= FIXTURE_RAM);
	memcpy(f->ram + address, &value, size);
	vcpu_ram_changed(&f->v, address / 4096, (address + size - 1) / 4096 - address / 4096 + 1);
}

static void make_tables(struct cpu_fixture *f, unsigned bits)
{
	unsigned k;

	fixture_poke(f, GDT + GDT_CODE64, 8, 0x00af9b000000ffff);
	fixture_poke(f, GDT + GDT_DATA, 8, 0x00cf93000000ffff);
	fixture_poke(f, GDT + GDT_CODE32, 8, 0x00cf9b000000ffff);
	for (k = 0; k < 256; k++) {
		uint64_t stub = FIXTURE_STUBS + 16 * k;

		fixture_poke(f, stub, 1, 0xf4); /* hlt */
		if (bits == 16) {
			fixture_poke(f, 4 * k, 4, stub);
		} else if (bits == 32) {
			fixture_poke(f, IDT + 8 * k, 8, 0x8e0000000000 | GDT_CODE32 << 16 | stub);
		} else {
			fixture_poke(f, IDT + 16 * k, 8, 0x8e0000000000 | GDT_CODE64 << 16 | stub);
			fixture_poke(f, IDT + 16 * k + 8, 8, 0);
		}
	}
	fixture_poke(f, PAGE_TABLES, 8, (PAGE_TABLES + 0x1000) | 3);
	fixture_poke(f, PAGE_TABLES + 0x1000, 8, (PAGE_TABLES + 0x2000) | 3);
	for (k = 0; k < 8; k++)
		fixture_poke(f, PAGE_TABLES + 0x2000 + 8 * k, 8, k * 0x200000 | 0x83);
}

static void make_registers(struct cpu_fixture *f, unsigned bits)
{
	struct cpu_regs r;
	unsigned s;

	cpu_get_regs(f->c, &r);
	for (s = 0; s < 6; s++) {
		r.seg[s].base = 0;
		r.seg[s].limit = bits == 16 ? 0xffff : 0xffffffff;
		r.seg[s].selector = bits == 16 ? 0 : GDT_DATA;
		r.seg[s].attr = bits == 16 ? 0x93 : 0xc093;
	}
	if (bits == 32) {
		r.seg[SEG_CS].selector = GDT_CODE32;
		r.seg[SEG_CS].attr = 0xc09b;
	} else if (bits == 64) {
		r.seg[SEG_CS].selector = GDT_CODE64;
		r.seg[SEG_CS].attr = 0xa09b;
	}
	r.gdt_base = GDT;
	r.gdt_limit = GDT_LIMIT;
	r.idt_base = bits == 16 ? 0 : IDT;
	r.idt_limit = bits == 16 ? 0x3ff : 0xfff;
	r.cr0 = CR0_ET | CR0_NE | (bits == 16 ? 0 : CR0_PE) | (bits == 64 ? CR0_PG : 0);
	r.cr3 = PAGE_TABLES;
	r.cr4 = CR4_OSFXSR | CR4_OSXMMEXCPT | (bits == 64 ? CR4_PAE : 0);
	r.efer = bits == 64 ? EFER_LME | EFER_LMA : 0;
	r.rflags = FLAG_ONE;
	r.rip = FIXTURE_CODE;
	r.gpr[GPR_RSP] = FIXTURE_STACK;
	cpu_set_regs(&f->v, &r);
}

void fixture_open(struct cpu_fixture *f, unsigned bits, const char *model)
{
	struct vcpu *v = &f->v;

	memset(f, 0, sizeof(*f));
	f->ram = calloc(1, FIXTURE_RAM);
	f->c = calloc(1, sizeof(*f->c));
	v->c = f->c;
	v->tlb = calloc(1, sizeof(*v->tlb));
	v->ram = f->ram;
	v->ram_size = FIXTURE_RAM;
	v->guard = calloc(1, FIXTURE_RAM / 4096);
	assert_true(f->ram && f->c && v->tlb && v->guard);
	v->ops = &fixture_ops;
	v->machine = (struct machine *)(void *)f;
	v->page_dirty = fixture_page_dirty;
	assert_int_equal(cpu_model_parse(model, &v->model), 0);
	assert_int_equal(vcpu_open(v), 0);
	/* The whole suite runs once more with every block translated. */
	if (getenv("VCR_TEST_JIT") && tcg_translate(v, 0))
		skip();
	vcpu_reset(v);
	make_tables(f, bits);
	make_registers(f, bits);
}

void fixture_close(struct cpu_fixture *f)
{
	tcg_translate_no_more(&f->v);
	vcpu_close(&f->v);
	free(f->ram);
	free(f->v.tlb);
	free(f->v.guard);
	free(f->c);
}

void fixture_load(struct cpu_fixture *f, const void *code, size_t size)
{
	assert_true(size <= FIXTURE_DATA - FIXTURE_CODE);
	memcpy(f->ram + FIXTURE_CODE, code, size);
	vcpu_ram_changed(&f->v, FIXTURE_CODE / 4096, 2);
	f->c->reg[GPR_RIP] = FIXTURE_CODE;
	f->c->reg[GPR_RSP] = FIXTURE_STACK;
	f->c->halted = false;
	f->exit_count = 0;
}

int fixture_run(struct cpu_fixture *f, uint64_t n)
{
	struct cpu *c = f->c;
	uint64_t until = c->insns + n, rip;

	do {
		f->v.limit = until;
		tcg_run(&f->v);
	} while (c->insns < until && !c->halted && !c->shutdown);
	assert_false(c->shutdown);
	rip = c->reg[GPR_RIP];
	return rip >= FIXTURE_STUBS && rip < FIXTURE_STUBS + 4096
		   ? (int)((rip - FIXTURE_STUBS) / 16)
		   : -1;
}

/* Vectors that push an error code (Intel SDM vol. 3A table 6-1), outside real mode. */
static bool fault_has_error(const struct cpu_fixture *f)
{
	uint64_t vector = (f->c->reg[GPR_RIP] - FIXTURE_STUBS) / 16;

	return f->c->code_bits != 16 && vector < 32 && (0x27d00 >> vector & 1);
}

uint64_t fixture_fault_rip(const struct cpu_fixture *f)
{
	unsigned slot = f->c->code_bits / 8;

	return fixture_peek(f, f->c->reg[GPR_RSP] + (fault_has_error(f) ? slot : 0), slot);
}

uint64_t fixture_fault_error(const struct cpu_fixture *f)
{
	assert_true(fault_has_error(f));
	return fixture_peek(f, f->c->reg[GPR_RSP], 4);
}

void fixture_do(struct cpu_fixture *f, const void *code, size_t size, uint64_t n)
{
	fixture_load(f, code, size);
	assert_int_equal(fixture_run(f, n), -1);
}
