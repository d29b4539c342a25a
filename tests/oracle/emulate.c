/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a case on the interpreter: a vCPU in long mode with page tables that map what the helper
 * process has, and a kernel of 256 HLT instructions, one for each vector. Where it halts says
 * which exception came, its stack says the rest.
 */
#include "tests/oracle/emulate.h"

#include <stdio.h>
#include <stdlib.h>

#include "emulator/accel/tcg/tcg.h"
#include "emulator/cpu/flags.h"

/* RAM, in pages. */
enum {
	PAGE_PML4,
	PAGE_PDPT,
	PAGE_PD,
	PAGE_PT_CODE,
	PAGE_PT_DATA,
	PAGE_PDPT_KERNEL,
	PAGE_PD_KERNEL,
	PAGE_PT_KERNEL,
	PAGE_GDT, /* and the TSS behind it */
	PAGE_IDT,
	PAGE_STUBS, /* 16 bytes for each vector */
	PAGE_STACK,
	PAGE_CODE,
	PAGE_DATA = PAGE_CODE + ORACLE_CODE_SIZE / ORACLE_PAGE,
	PAGE_END = PAGE_DATA + ORACLE_DATA_SIZE / ORACLE_PAGE,
};
_Static_assert(PAGE_END == EMULATE_PAGES, "pages of RAM");

/* The last 2 MiB of the address space are the kernel's: RAM page n is its page n. */
#define KERNEL        0xffffffffffe00000ull
#define KERNEL_AT(p)  (KERNEL + (p) * (uint64_t)ORACLE_PAGE)
#define TSS_OFFSET    0x100u
#define TSS_LIMIT     0x67u
#define SEL_KERNEL_CS 0x10
#define SEL_TSS       0x40

#define INSNS_MAX 20000 /* of one case */

enum { PTE_P = 1, PTE_W = 2, PTE_U = 4, PTE_A = 0x20, PTE_D = 0x40 };
#define PTE_NX (1ull << 63)

static uint8_t *page(struct emulate *e, unsigned number)
{
	return e->ram + number * ORACLE_PAGE;
}

static void poke64(struct emulate *e, unsigned number, unsigned offset, uint64_t value)
{
	memcpy(page(e, number) + offset, &value, sizeof(value));
}

/* ---- the machine: there is none but RAM ---- */

static void emulate_exit(struct machine *m, struct exit *exit)
{
	if (!exit->is_write)
		exit->data = 0;
}

static uint64_t emulate_now(struct machine *m)
{
	return 0;
}

static uint64_t emulate_ram_page(struct machine *m, uint64_t gpa, bool *writable)
{
	*writable = true;
	return gpa < PAGE_END * ORACLE_PAGE ? gpa : UINT64_MAX;
}

static void emulate_page_dirty(struct machine *m, uint64_t number)
{
}

static const struct vcpu_ops emulate_ops = {
    .exit = emulate_exit,
    .now = emulate_now,
    .ram_page = emulate_ram_page,
};

/* ---- tables ---- */

static void map_pages(struct emulate *e, unsigned table, unsigned first, unsigned target,
		      unsigned count, uint64_t flags)
{
	unsigned n;

	for (n = 0; n < count; n++)
		poke64(e, table, 8 * (first + n),
		       (target + n) * (uint64_t)ORACLE_PAGE | PTE_P | PTE_A | PTE_D | flags);
}

static void make_page_tables(struct emulate *e)
{
	map_pages(e, PAGE_PML4, 0, PAGE_PDPT, 1, PTE_W | PTE_U);
	map_pages(e, PAGE_PDPT, 0, PAGE_PD, 1, PTE_W | PTE_U);
	map_pages(e, PAGE_PD, ORACLE_CODE >> 21, PAGE_PT_CODE, 1, PTE_W | PTE_U);
	map_pages(e, PAGE_PD, ORACLE_DATA >> 21, PAGE_PT_DATA, 1, PTE_W | PTE_U);
	map_pages(e, PAGE_PT_CODE, 0, PAGE_CODE, ORACLE_CODE_SIZE / ORACLE_PAGE, PTE_U);
	map_pages(e, PAGE_PT_DATA, 0, PAGE_DATA, ORACLE_DATA_WRITE / ORACLE_PAGE,
		  PTE_U | PTE_W | PTE_NX);
	map_pages(e, PAGE_PT_DATA, ORACLE_DATA_WRITE / ORACLE_PAGE,
		  PAGE_DATA + ORACLE_DATA_WRITE / ORACLE_PAGE,
		  (ORACLE_DATA_SIZE - ORACLE_DATA_WRITE) / ORACLE_PAGE, PTE_U | PTE_NX);
	map_pages(e, PAGE_PML4, 511, PAGE_PDPT_KERNEL, 1, PTE_W);
	map_pages(e, PAGE_PDPT_KERNEL, 511, PAGE_PD_KERNEL, 1, PTE_W);
	map_pages(e, PAGE_PD_KERNEL, 511, PAGE_PT_KERNEL, 1, PTE_W);
	map_pages(e, PAGE_PT_KERNEL, 0, 0, PAGE_CODE, PTE_W);
}

static void make_descriptors(struct emulate *e)
{
	uint64_t tss = KERNEL_AT(PAGE_GDT) + TSS_OFFSET;
	unsigned n;

	poke64(e, PAGE_GDT, SEL_KERNEL_CS, 0x00af9b000000ffff);
	poke64(e, PAGE_GDT, ORACLE_CS32 & ~7u, 0x00cffb000000ffff);
	poke64(e, PAGE_GDT, ORACLE_DS & ~7u, 0x00cff3000000ffff);
	poke64(e, PAGE_GDT, ORACLE_CS64 & ~7u, 0x00affb000000ffff);
	poke64(e, PAGE_GDT, SEL_TSS,
	       TSS_LIMIT | (tss & 0xffffff) << 16 | 0x8bull << 40 | (tss >> 24 & 0xff) << 56);
	poke64(e, PAGE_GDT, SEL_TSS + 8, tss >> 32);
	/* Privilege level 0's stack, at its end; no I/O permission map. */
	poke64(e, PAGE_GDT, TSS_OFFSET + 4, KERNEL_AT(PAGE_STACK + 1));
	poke64(e, PAGE_GDT, TSS_OFFSET + 0x60, (TSS_LIMIT + 1ull) << 48);
	for (n = 0; n < 256; n++) {
		uint64_t stub = KERNEL_AT(PAGE_STUBS) + 16 * n;
		uint64_t access = n == EXC_BP || n == EXC_OF ? 0xee : 0x8e;

		page(e, PAGE_STUBS)[16 * n] = 0xf4;
		poke64(e, PAGE_IDT, 16 * n,
		       (stub & 0xffff) | SEL_KERNEL_CS << 16 | access << 40 |
			   (stub >> 16 & 0xffff) << 48);
		poke64(e, PAGE_IDT, 16 * n + 8, stub >> 32);
	}
}

/* ---- states to start from ---- */

static void make_start(struct emulate *e, unsigned bits, struct cpu *start)
{
	struct cpu_regs r;
	unsigned s;

	cpu_get_regs(e->c, &r);
	memset(r.seg, 0, sizeof(r.seg));
	for (s = 0; s < 4; s++) {
		r.seg[s].limit = 0xffffffff;
		r.seg[s].selector = ORACLE_DS;
		r.seg[s].attr = 0xc0f3;
	}
	r.seg[SEG_CS].selector = bits == 64 ? ORACLE_CS64 : ORACLE_CS32;
	r.seg[SEG_CS].attr = bits == 64 ? 0xa0fb : 0xc0fb;
	r.seg[SEG_FS].base = ORACLE_FS_BASE;
	r.seg[SEG_GS].base = ORACLE_GS_BASE;
	r.tr.base = KERNEL_AT(PAGE_GDT) + TSS_OFFSET;
	r.tr.limit = TSS_LIMIT;
	r.tr.selector = SEL_TSS;
	r.tr.attr = 0x8b;
	r.gdt_base = KERNEL_AT(PAGE_GDT);
	r.gdt_limit = SEL_TSS + 15;
	r.idt_base = KERNEL_AT(PAGE_IDT);
	r.idt_limit = 0xfff;
	r.cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_PG;
	r.cr3 = PAGE_PML4 * ORACLE_PAGE;
	r.cr4 = CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT;
	r.efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;
	r.rflags = FLAG_ONE | FLAG_IF;
	cpu_set_regs(&e->v, &r);
	*start = *e->c;
}

bool emulate_open(struct emulate *e, const char *model, bool translate)
{
	struct vcpu *v = &e->v;

	memset(e, 0, sizeof(*e));
	e->ram = calloc(PAGE_END, ORACLE_PAGE);
	e->c = calloc(1, sizeof(*e->c));
	e->start[0] = calloc(2, sizeof(*e->c));
	v->tlb = calloc(1, sizeof(*v->tlb));
	v->c = e->c;
	v->ram = e->ram;
	v->ram_size = PAGE_END * ORACLE_PAGE;
	v->guard = e->guard;
	v->ops = &emulate_ops;
	v->page_dirty = emulate_page_dirty;
	if (!e->ram || !e->c || !e->start[0] || !v->tlb || cpu_model_parse(model, &v->model) ||
	    vcpu_open(v)) {
		fprintf(stderr, "oracle: cannot make a vCPU of model %s\n", model);
		exit(1);
	}
	e->start[1] = e->start[0] + 1;
	vcpu_reset(v);
	make_page_tables(e);
	make_descriptors(e);
	make_start(e, 32, e->start[0]);
	make_start(e, 64, e->start[1]);
	memset(page(e, PAGE_CODE), 0xcc, ORACLE_CODE_SIZE);
	return !translate || !tcg_translate(v, 0);
}

void emulate_close(struct emulate *e)
{
	tcg_translate_no_more(&e->v);
	vcpu_close(&e->v);
	free(e->ram);
	free(e->v.tlb);
	free(e->start[0]);
	free(e->c);
}

void emulate_set_image(struct emulate *e, const uint8_t *image)
{
	memcpy(page(e, PAGE_DATA), image, ORACLE_DATA_SIZE);
}

/* ---- a case ---- */

static uint64_t get(const uint8_t *p, unsigned size)
{
	uint64_t value = 0;

	memcpy(&value, p, size);
	return value;
}

static void fx_load(struct fpu *f, const uint8_t *fx)
{
	unsigned n, top;

	f->control = (uint16_t)get(fx, 2);
	f->status = (uint16_t)get(fx + 2, 2);
	f->mxcsr = (uint32_t)get(fx + 24, 4);
	f->tag = 0;
	top = f->status >> 11 & 7;
	for (n = 0; n < 8; n++) {
		const uint8_t *p = fx + ORACLE_FX_ST + 16 * n;

		if (!(fx[4] >> n & 1))
			f->tag |= (uint16_t)(3u << 2 * n);
		f->st[(top + n) & 7].mantissa = get(p, 8);
		f->st[(top + n) & 7].sign_exponent = (uint16_t)get(p + 8, 2);
	}
	memcpy(f->xmm, fx + ORACLE_FX_XMM, sizeof(f->xmm));
}

static void fx_store(const struct fpu *f, uint8_t *fx)
{
	unsigned n, top = f->status >> 11 & 7;

	memset(fx, 0, ORACLE_FX);
	memcpy(fx, &f->control, 2);
	memcpy(fx + 2, &f->status, 2);
	memcpy(fx + 24, &f->mxcsr, 4);
	for (n = 0; n < 8; n++) {
		uint8_t *p = fx + ORACLE_FX_ST + 16 * n;

		if ((f->tag >> 2 * n & 3) != 3)
			fx[4] |= (uint8_t)(1u << n);
		memcpy(p, &f->st[(top + n) & 7].mantissa, 8);
		memcpy(p + 8, &f->st[(top + n) & 7].sign_exponent, 2);
	}
	memcpy(fx + ORACLE_FX_XMM, f->xmm, sizeof(f->xmm));
}

static void code_load(struct emulate *e, const struct oracle_case *test)
{
	uint8_t *to = page(e, PAGE_CODE) + (test->in.rip - ORACLE_CODE);
	uint8_t *end = page(e, PAGE_CODE) + ORACLE_CODE_SIZE;

	if (e->previous)
		memset(e->previous, 0xcc,
		       end - e->previous < 16 ? (size_t)(end - e->previous) : 16);
	memcpy(to, test->code, test->length < end - to ? test->length : (size_t)(end - to));
	e->previous = to;
	vcpu_ram_changed(&e->v, PAGE_CODE, ORACLE_CODE_SIZE / ORACLE_PAGE);
}

/* Vectors that push an error code, Intel SDM vol. 3A table 6-1. */
#define VECTORS_WITH_ERROR                                                                         \
	(1u << EXC_DF | 1u << EXC_TS | 1u << EXC_NP | 1u << EXC_SS | 1u << EXC_GP | 1u << EXC_PF | \
	 1u << EXC_AC)

/* Takes from the kernel's stack what the exception put there. */
static void exception_take(struct emulate *e, struct oracle_outcome *o)
{
	const uint8_t *frame =
	    page(e, PAGE_STACK) + (e->c->reg[GPR_RSP] - KERNEL_AT(PAGE_STACK)) % ORACLE_PAGE;

	o->vector = (uint32_t)(e->c->reg[GPR_RIP] - KERNEL_AT(PAGE_STUBS)) / 16;
	if (o->vector < 32 && (VECTORS_WITH_ERROR >> o->vector & 1)) {
		o->error = (uint32_t)get(frame, 8);
		frame += 8;
	}
	o->out.rip = get(frame, 8);
	o->out.rflags = get(frame + 16, 8);
	o->out.gpr[GPR_RSP] = get(frame + 24, 8);
	if (o->vector == EXC_PF)
		o->cr2 = e->c->cr2;
}

void emulate_run(struct emulate *e, const struct oracle_case *test, const uint8_t *image,
		 struct oracle_outcome *o)
{
	struct cpu *c = e->c;
	uint64_t until = c->insns + INSNS_MAX;

	*c = *e->start[test->bits == 64];
	c->insns = until - INSNS_MAX;
	memcpy(c->reg, test->in.gpr, sizeof(test->in.gpr));
	c->reg[GPR_RIP] = test->in.rip;
	cpu_set_rflags(c, test->in.rflags);
	cpu_update_mode(&e->v);
	fx_load(&c->fpu, test->in.fx);
	code_load(e, test);
	do {
		e->v.limit = until;
		tcg_run(&e->v);
	} while (c->insns < until && !c->halted && !c->shutdown);

	memcpy(o->out.gpr, c->reg, sizeof(o->out.gpr));
	o->out.rip = c->reg[GPR_RIP];
	o->out.rflags = cpu_rflags(c);
	o->error = 0;
	o->cr2 = 0;
	if (c->halted)
		exception_take(e, o);
	else
		o->vector = c->shutdown ? ORACLE_SHUTDOWN : ORACLE_TIMEOUT;
	fx_store(&c->fpu, o->out.fx);
	oracle_take_changes(o, page(e, PAGE_DATA), image);
}
