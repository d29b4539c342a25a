/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two engines of -accel tcg beside each other: each runs the same guest on memory of its own,
 * and wherever they stop, at a fault, at a device, at a limit of so many instructions, both must be
 * in the same state at the same position. Where there is no translator, the interpreter is compared
 * with itself stopping more often: positions must not depend on where it was stopped.
 *
 * An input is
 *
 *     1 byte    the mode: real, 32-bit, long ... and the privilege level
 *     1 byte    the layout: what may be written, how the pages are mapped
 *     2 bytes   where in the code pages the program begins
 *     4 bytes   what registers, memory and answers are made from
 *     16 bytes  the schedule: how far each run goes, and what happens after it
 *     the rest  the program
 */
#include "fuzz/code.h"
#include "fuzz/fuzz.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/accel/tcg/tcg.h"
#include "emulator/cpu/flags.h"
#include "emulator/cpu/mem.h"
#include "emulator/disasm.h"

enum { HEADER = 8, SCHEDULE = 16, PROGRAM = HEADER + SCHEDULE };

#define INSNS_MAX  6000 /* of one input */
#define STEPS_MAX  200
#define EXITS_KEPT 64

/* RAM, in pages. Linear page n is page n, and what stands at WINDOW_*. */
enum {
	PAGE_IVT,
	PAGE_STUBS, /* 16 bytes for each vector: HLT */
	PAGE_GDT,   /* and the TSS behind it */
	PAGE_IDT,
	PAGE_STACK, /* of privilege level 0 */
	PAGE_PML4,
	PAGE_PDPT, /* of long mode; the same of PAE paging in its upper half */
	PAGE_PD,
	PAGE_PT,
	PAGE_PD32,
	PAGE_PT32,
	PAGE_TABLES_END,
	PAGE_CODE = 16,
	PAGE_CODE_END = 20,
	PAGE_DATA = 24,
	PAGE_DATA_END = 32,
	PAGES = 32,
	/* Linear only: the data again, the code writable, a device, nothing, what may not be
	 * written to, and what is the kernel's. */
	WINDOW_DATA = 64,
	WINDOW_CODE = 72,
	WINDOW_DEVICE = 80,
	WINDOW_NOTHING = 84,
	WINDOW_READ_ONLY = 88,
	WINDOW_KERNEL = 92,
	WINDOWS_END = 96,
};

#define AT(page)          ((uint64_t)(page)*PAGE_SIZE_4K)
#define DEVICE            0x100000ull /* guest-physical */
#define TSS_OFFSET        0x200u
#define STACK_BUSY        AT(PAGE_STACK + 1)
#define PTE(target, bits) (AT(target) | (bits))

enum { PTE_P = 1, PTE_W = 2, PTE_U = 4, PTE_PS = 0x80, PTE_G = 0x100 };

enum { /* selectors */
       SEL_CODE32 = 0x08,
       SEL_DATA = 0x10,
       SEL_CODE64 = 0x18,
       SEL_CODE16 = 0x20,
       SEL_SHORT = 0x28, /* data with a base and a limit */
       SEL_USER_CODE32 = 0x30 | 3,
       SEL_USER_DATA = 0x38 | 3,
       SEL_USER_CODE64 = 0x40 | 3,
       SEL_TSS = 0x50,
};

static const struct mode {
	uint8_t bits, cpl;
	bool long_mode, paging, real;
} modes[] = {
    {.bits = 64, .cpl = 0, .long_mode = true, .paging = true},
    {.bits = 64, .cpl = 3, .long_mode = true, .paging = true},
    {.bits = 32, .cpl = 3, .long_mode = true, .paging = true},
    {.bits = 32, .cpl = 0, .paging = true},
    {.bits = 32, .cpl = 3, .paging = true},
    {.bits = 32, .cpl = 0},
    {.bits = 16, .cpl = 0},
    {.bits = 16, .cpl = 0, .real = true},
};

/* Bits of the layout byte. */
enum {
	LAYOUT_CODE_WRITABLE = 1,
	LAYOUT_WP = 2,
	LAYOUT_PAE = 4, /* of 32-bit paging */
	LAYOUT_GLOBAL = 8,
	LAYOUT_SHORT = 16, /* DS has a base and a limit */
	LAYOUT_IF = 32,
	LAYOUT_SMAP = 64, /* and SMEP */
	LAYOUT_ALIGN = 128,
};

struct input {
	const struct mode *mode;
	unsigned layout;
	uint64_t entry; /* linear */
	uint64_t random;
	uint8_t schedule[SCHEDULE];
	const uint8_t *program;
	size_t size;
};

/* One engine, with a processor and memory. */
struct side {
	struct vcpu v;
	struct cpu c;
	struct tlb tlb;
	uint8_t ram[PAGES * PAGE_SIZE_4K], guard[PAGES];
	struct exit exit[EXITS_KEPT]; /* the last ones */
	uint64_t exit_at[EXITS_KEPT]; /* and their positions */
	unsigned exits;
	uint64_t answer; /* what reads are answered from */
};

static struct side *sides; /* the interpreter's, and the other one */
static uint8_t tables[PAGE_TABLES_END * PAGE_SIZE_4K];
static struct cpu_model model;

/* ---- what a vCPU asks of its machine ---- */

static struct side *side_of(struct machine *m)
{
	return (struct side *)(void *)m;
}

/* Some exits kick the vCPU, as an interrupt line that rises does. */
static void side_exit(struct machine *m, struct exit *e)
{
	struct side *s = side_of(m);
	unsigned n = s->exits++ % EXITS_KEPT;

	if (!e->is_write)
		e->data = code_random(&s->answer) >> (64 - 8 * e->size);
	s->exit[n] = *e;
	s->exit_at[n] = s->c.insns;
	if ((e->address & 7) == 5)
		vcpu_kick(&s->v);
}

static uint64_t side_now(struct machine *m)
{
	return side_of(m)->c.insns;
}

static uint64_t side_ram_page(struct machine *m, uint64_t gpa, bool *writable)
{
	*writable = true;
	return gpa < AT(PAGES) ? gpa : UINT64_MAX;
}

static void side_page_dirty(struct machine *m, uint64_t page)
{
	side_of(m)->guard[page] &= (uint8_t)~GUARD_CLEAN;
}

static const struct vcpu_ops ops = {
    .exit = side_exit,
    .now = side_now,
    .ram_page = side_ram_page,
};

/* ---- tables, the same for every input but for what the layout says ---- */

static void put(unsigned page, unsigned offset, unsigned size, uint64_t value)
{
	memcpy(tables + AT(page) + offset, &value, size);
}

static void put_descriptor(unsigned selector, uint64_t value)
{
	put(PAGE_GDT, selector & ~7u, 8, value);
}

static void map_page(unsigned linear, unsigned target, unsigned bits)
{
	put(PAGE_PT, 8 * linear, 8, PTE(target, bits));
	put(PAGE_PT32, 4 * linear, 4, PTE(target, bits));
}

static void make_page_tables(const struct input *in)
{
	unsigned all = PTE_P | PTE_W | PTE_U, code = PTE_P | PTE_U;

	if (in->layout & LAYOUT_GLOBAL)
		all |= PTE_G;
	if (in->layout & LAYOUT_CODE_WRITABLE)
		code |= PTE_W;
	put(PAGE_PML4, 0, 8, PTE(PAGE_PDPT, all));
	put(PAGE_PDPT, 0, 8, PTE(PAGE_PD, all));
	put(PAGE_PDPT, 0x800, 8, PTE(PAGE_PD, PTE_P)); /* PAE: other bits are reserved */
	put(PAGE_PD, 0, 8, PTE(PAGE_PT, all & ~PTE_G));
	put(PAGE_PD, 8, 8, PTE(0, all | PTE_PS)); /* 2 MiB at 2 MiB: all of it again */
	put(PAGE_PD32, 0, 4, PTE(PAGE_PT32, all & ~PTE_G));
	put(PAGE_PD32, 4, 4, PTE(0, all | PTE_PS));
	for (unsigned n = 0; n < PAGES; n++)
		map_page(n, n,
			 n >= PAGE_CODE && n < PAGE_CODE_END ? code
			 : n < PAGE_TABLES_END               ? PTE_P | PTE_W
							     : all);
	for (unsigned n = 0; n < PAGE_DATA_END - PAGE_DATA; n++)
		map_page(WINDOW_DATA + n, PAGE_DATA + n, all);
	for (unsigned n = 0; n < 4; n++) {
		map_page(WINDOW_CODE + n, PAGE_CODE + n, all);
		map_page(WINDOW_DEVICE + n, (unsigned)(DEVICE / PAGE_SIZE_4K) + n, all);
		map_page(WINDOW_NOTHING + n, PAGE_DATA + n, all & ~(unsigned)PTE_P);
		map_page(WINDOW_READ_ONLY + n, PAGE_DATA + n, all & ~(unsigned)PTE_W);
		map_page(WINDOW_KERNEL + n, PAGE_DATA + n, all & ~(unsigned)PTE_U);
	}
}

static void make_gates(const struct input *in)
{
	for (unsigned n = 0; n < 256; n++) {
		uint64_t stub = AT(PAGE_STUBS) + 16 * n, access = n == 3 || n > 31 ? 0xee : 0x8e;

		put(PAGE_STUBS, 16 * n, 1, 0xf4);
		put(PAGE_IVT, 4 * n, 4, stub >> 4 << 16);
		if (in->mode->long_mode) {
			put(PAGE_IDT, 16 * n, 8,
			    stub | SEL_CODE64 << 16 | (access << 8 | 1) << 32); /* IST 1 */
			put(PAGE_IDT, 16 * n + 8, 8, 0);
		} else {
			put(PAGE_IDT, 8 * n, 8, stub | SEL_CODE32 << 16 | access << 40);
		}
	}
}

static void make_descriptors(const struct input *in)
{
	uint64_t tss = AT(PAGE_GDT) + TSS_OFFSET;

	put_descriptor(SEL_CODE32, 0x00cf9b000000ffff);
	put_descriptor(SEL_DATA, 0x00cf93000000ffff);
	put_descriptor(SEL_CODE64, 0x00af9b000000ffff);
	put_descriptor(SEL_CODE16, 0x000f9b000000ffff);
	put_descriptor(SEL_SHORT, 0x0040f3000100ffff | (AT(PAGE_DATA) - 0x10000) << 16);
	put_descriptor(SEL_USER_CODE32, 0x00cffb000000ffff);
	put_descriptor(SEL_USER_DATA, 0x00cff3000000ffff);
	put_descriptor(SEL_USER_CODE64, 0x00affb000000ffff);
	put_descriptor(SEL_TSS, 0x67 | tss << 16 | 0x8bull << 40);
	put_descriptor(SEL_TSS + 8, 0);
	/* ESP0 and SS0, RSP0 and IST1 in long mode; ports by map: none is there. */
	put(PAGE_GDT, TSS_OFFSET + 4, 8, STACK_BUSY);
	if (in->mode->long_mode)
		put(PAGE_GDT, TSS_OFFSET + 36, 8, STACK_BUSY);
	else
		put(PAGE_GDT, TSS_OFFSET + 8, 4, SEL_DATA);
	put(PAGE_GDT, TSS_OFFSET + 0x66, 2, 0x68);
}

/* ---- the state that each run begins in ---- */

static void set_segments(const struct input *in, struct cpu_regs *r)
{
	const struct mode *mode = in->mode;
	bool user = mode->cpl == 3;

	for (unsigned n = 0; n < 6; n++) {
		r->seg[n].base = 0;
		r->seg[n].limit = 0xffffffff;
		r->seg[n].selector = user ? SEL_USER_DATA : SEL_DATA;
		r->seg[n].attr = user ? 0xc0f3 : 0xc093;
	}
	r->seg[SEG_CS].attr = (uint16_t)((user ? 0xfb : 0x9b) | (mode->bits == 64   ? 0xa000
								 : mode->bits == 32 ? 0xc000
										    : 0));
	r->seg[SEG_CS].selector = mode->bits == 64   ? user ? SEL_USER_CODE64 : SEL_CODE64
				  : mode->bits == 32 ? user ? SEL_USER_CODE32 : SEL_CODE32
						     : SEL_CODE16;
	r->seg[SEG_FS].base = AT(PAGE_DATA);
	r->seg[SEG_GS].base = AT(PAGE_DATA + 4);
	if ((in->layout & LAYOUT_SHORT) && mode->bits != 64) {
		r->seg[SEG_DS].selector = SEL_SHORT | 3;
		r->seg[SEG_DS].base = AT(PAGE_DATA) - 0x10000;
		r->seg[SEG_DS].limit = 0x1ffff;
		r->seg[SEG_DS].attr = 0x40f3;
	}
	if (mode->bits == 16) {
		/* Code at 64 KiB, data and stack behind it, as segments that have a base. */
		r->seg[SEG_CS].base = AT(PAGE_CODE);
		r->seg[SEG_CS].selector = mode->real ? (uint16_t)(AT(PAGE_CODE) >> 4) : SEL_CODE16;
		for (unsigned n = 0; n < 6; n++) {
			r->seg[n].limit = 0xffff;
			r->seg[n].attr = n == SEG_CS ? 0x9b : 0x93;
			if (n != SEG_CS) {
				r->seg[n].base = AT(PAGE_DATA);
				r->seg[n].selector =
				    mode->real ? (uint16_t)(AT(PAGE_DATA) >> 4) : SEL_DATA;
			}
		}
	}
}

static void set_control(const struct input *in, struct cpu_regs *r)
{
	const struct mode *mode = in->mode;

	r->cr0 = CR0_ET | CR0_NE | CR0_MP;
	r->cr4 = CR4_PSE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_PGE | CR4_DE;
	r->efer = EFER_SCE | EFER_NXE;
	if (!mode->real)
		r->cr0 |= CR0_PE;
	if (in->layout & LAYOUT_WP)
		r->cr0 |= CR0_WP;
	if (in->layout & LAYOUT_ALIGN)
		r->cr0 |= CR0_AM;
	if ((in->layout & LAYOUT_SMAP) && mode->long_mode)
		r->cr4 |= CR4_SMEP | CR4_SMAP;
	r->cr3 = AT(PAGE_PD32);
	if (mode->paging)
		r->cr0 |= CR0_PG;
	if (mode->long_mode) {
		r->cr4 |= CR4_PAE;
		r->efer |= EFER_LME | EFER_LMA;
		r->cr3 = AT(PAGE_PML4);
	} else if (in->layout & LAYOUT_PAE) {
		r->cr4 |= CR4_PAE;
		r->cr3 = AT(PAGE_PDPT) + 0x800;
	}
	r->gdt_base = AT(PAGE_GDT);
	r->gdt_limit = SEL_TSS + 15;
	r->idt_base = mode->real ? 0 : AT(PAGE_IDT);
	r->idt_limit = mode->real ? 0x3ff : 0xfff;
	r->tr.base = AT(PAGE_GDT) + TSS_OFFSET;
	r->tr.limit = 0x67;
	r->tr.selector = SEL_TSS;
	r->tr.attr = 0x8b;
	r->lstar = r->cstar = AT(PAGE_STUBS) + 0x400;
	r->star = (uint64_t)SEL_CODE32 << 32 | (uint64_t)(SEL_USER_CODE32) << 48;
}

/* An address of whatever kind; most often one where nothing special happens. */
static uint64_t make_pointer(uint64_t *random, unsigned bits)
{
	static const uint8_t windows[] = {WINDOW_DATA,    WINDOW_CODE,      WINDOW_DEVICE,
					  WINDOW_NOTHING, WINDOW_READ_ONLY, WINDOW_KERNEL,
					  PAGE_CODE,      PAGE_DATA};
	unsigned kind = code_below(random, 16), offset = code_below(random, PAGE_SIZE_4K);

	if (bits == 16)
		return kind < 14 ? code_below(random, 0x7f00) : 0xfff0 + kind;
	if (kind < 9)
		return AT(PAGE_DATA + 1 + code_below(random, 5)) + (offset & ~7u);
	if (kind < 11)
		return AT(PAGE_DATA + 1 + code_below(random, 6)) + offset % 16 - 8;
	if (kind < 14)
		return AT(windows[code_below(random, sizeof(windows))]) + offset;
	if (kind == 14)
		return AT(512) + AT(PAGE_DATA) + offset; /* by the large page */
	return code_random(random);
}

static uint64_t make_integer(uint64_t *random)
{
	uint64_t value = code_random(random);

	switch (code_below(random, 4)) {
	case 0:
		return value & 15;
	case 1:
		return (uint64_t)((int64_t)value >> (value & 63));
	case 2:
		return 1ull << (value & 63);
	default:
		return value;
	}
}

static void set_registers(const struct input *in, uint64_t *random, struct cpu_regs *r)
{
	/* RBX, RSI, RDI, RBP, R8 to R11, R13 */
	const unsigned pointers = 0x2fe8;

	for (unsigned n = 0; n < 16; n++) {
		if (pointers >> n & 1)
			r->gpr[n] = make_pointer(random, in->mode->bits);
		else
			r->gpr[n] = make_integer(random);
	}
	r->gpr[GPR_RSP] = in->mode->bits == 16 ? 0x7000 : AT(PAGE_DATA_END - 1) + 0x800;
	r->rflags = FLAG_ONE | (code_random(random) & FLAGS_STATUS);
	if (in->layout & LAYOUT_IF)
		r->rflags |= FLAG_IF;
	if (in->layout & LAYOUT_ALIGN)
		r->rflags |= FLAG_AC;
	if (code_below(random, 8) == 0)
		r->rflags |= FLAG_DF;
	if (code_below(random, 16) == 0)
		r->rflags |= FLAG_TF;
	if (code_below(random, 4) == 0)
		r->rflags |= FLAG_IOPL;
	r->mxcsr = code_below(random, 4) ? 0x1f80 : 0x1f80 ^ (code_random(random) & 0xffc0);
	for (unsigned n = 0; n < 16; n++) {
		r->xmm[n][0] = make_integer(random);
		r->xmm[n][1] = make_integer(random);
	}
}

/* Mostly numbers: of any size, near each other, or at the ends of the formats. */
static uint16_t make_exponent(uint64_t *random)
{
	static const uint16_t special[] = {0,      0x7fff, 0x7fff, 0x0001, 0x7ffe,
					   0x3f81, 0x3c01, 0x407e, 0x43fe, 0x403e};
	uint16_t sign = (uint16_t)(code_below(random, 2) << 15);

	switch (code_below(random, 4)) {
	case 0:
		return sign | special[code_below(random, sizeof(special) / sizeof(special[0]))];
	case 1:
		return sign | (uint16_t)(code_random(random) & 0x7fff);
	default:
		return sign | (uint16_t)(0x3ff0 + code_below(random, 32));
	}
}

/* x87: with registers in use, and one time in four with exceptions unmasked. */
static void set_x87(uint64_t random, struct cpu_regs *r)
{
	uint64_t rounding = code_random(&random) & 0x1f00;

	r->fpu_control = 0x7f | rounding;
	if (code_below(&random, 4) == 0)
		r->fpu_control &= 0x40 | code_random(&random);
	r->fpu_control &= 0x1f7f;
	/* No exception that is unmasked is pending. */
	r->fpu_status = code_random(&random) & (0x7f40 | (r->fpu_control & 0x3f));
	r->fpu_tag = 0;
	for (unsigned n = 0; n < 8; n++) {
		if (code_below(&random, 4) == 0)
			r->fpu_tag |= 3u << 2 * n;
		r->st[n][0] = make_integer(&random);
		if (code_below(&random, 8))
			r->st[n][0] |= 1ull << 63;
		r->st[n][1] = make_exponent(&random);
	}
}

/* ---- both sides ---- */

static void both_ram(uint64_t at, const void *data, size_t size)
{
	for (unsigned n = 0; n < 2; n++) {
		memcpy(sides[n].ram + at, data, size);
		vcpu_ram_changed(&sides[n].v, at / PAGE_SIZE_4K,
				 (at + size - 1) / PAGE_SIZE_4K - at / PAGE_SIZE_4K + 1);
	}
}

/* What the guest may have changed of its tables is put right, and the program goes on at rip. */
static void both_begin(const struct input *in, uint64_t *random, uint64_t linear, bool fpu_too)
{
	struct cpu_regs r;

	both_ram(0, tables, sizeof(tables));
	cpu_get_regs(&sides[0].c, &r);
	set_segments(in, &r);
	set_control(in, &r);
	set_registers(in, random, &r);
	r.rip = linear - r.seg[SEG_CS].base;
	r.nmi_blocked = r.halted = r.shadowed = 0;
	memset(r.dr, 0, sizeof(r.dr));
	r.dr[6] = 0xffff0ff0;
	r.dr[7] = 0x400;
	if (fpu_too)
		set_x87(*random, &r);
	for (unsigned n = 0; n < 2; n++) {
		struct cpu *c = &sides[n].c;

		c->shutdown = c->intr = c->nmi_pending = false;
		c->pending_db = 0;
		cpu_set_regs(&sides[n].v, &r);
		vcpu_set_a20(&sides[n].v, true);
	}
}

static void both_reset(const struct input *in, uint64_t *random)
{
	static uint8_t fresh[(PAGES - PAGE_TABLES_END) * PAGE_SIZE_4K];
	size_t begin = in->entry - AT(PAGE_TABLES_END), room = AT(PAGE_CODE_END) - in->entry;

	memset(tables, 0, sizeof(tables));
	make_page_tables(in);
	make_gates(in);
	make_descriptors(in);
	memset(fresh, 0, sizeof(fresh));
	for (size_t n = AT(PAGE_DATA - PAGE_TABLES_END); n < sizeof(fresh); n += 8) {
		uint64_t value = n / 8 % 8 ? code_random(random) : make_pointer(random, 64);

		memcpy(fresh + n, &value, 8);
	}
	memcpy(fresh + begin, in->program, in->size < room ? in->size : room);
	both_ram(AT(PAGE_TABLES_END), fresh, sizeof(fresh));
	for (unsigned n = 0; n < 2; n++) {
		struct side *s = &sides[n];

		s->c.insns = 0;
		vcpu_reset(&s->v);
		s->exits = 0;
		s->answer = in->random;
		memset(s->guard, 0, sizeof(s->guard));
		vcpu_map_changed(&s->v);
	}
	both_begin(in, random, in->entry, true);
}

/* ---- comparing ---- */

static bool exits_equal(const struct side *a, const struct side *b)
{
	unsigned kept = a->exits < EXITS_KEPT ? a->exits : EXITS_KEPT;

	if (a->exits != b->exits)
		return false;
	for (unsigned n = 0; n < kept; n++) {
		const struct exit *x = &a->exit[n], *y = &b->exit[n];

		if (a->exit_at[n] != b->exit_at[n] || x->kind != y->kind || x->rip != y->rip ||
		    x->address != y->address || x->size != y->size || x->data != y->data ||
		    x->is_write != y->is_write)
			return false;
	}
	return true;
}

/* What differs, or NULL. */
static const char *compare(bool ram_too)
{
	const struct cpu *a = &sides[0].c, *b = &sides[1].c;
	struct cpu_regs x, y;

	cpu_get_regs(a, &x);
	cpu_get_regs(b, &y);
	if (a->insns != b->insns)
		return "position";
	if (memcmp(&x, &y, sizeof(x)) || a->shutdown != b->shutdown ||
	    a->nmi_pending != b->nmi_pending || a->pending_db != b->pending_db)
		return "registers";
	if (!exits_equal(&sides[0], &sides[1]))
		return "exits";
	if (ram_too && memcmp(sides[0].ram, sides[1].ram, sizeof(sides[0].ram)))
		return "memory";
	return NULL;
}

/* ---- running ---- */

static void run_to(struct side *s, uint64_t limit)
{
	s->v.limit = limit;
	if (s->v.translator) {
		tcg_run(&s->v);
		return;
	}
	/* The other one without a translator: no more than three at a time. */
	while (s == &sides[1] && s->v.limit == limit && s->c.insns + 3 < limit && !s->c.halted &&
	       !s->c.shutdown) {
		s->v.limit = s->c.insns + 3;
		interp_run(&s->v);
		if (!s->v.limit)
			return;
		s->v.limit = limit;
	}
	interp_run(&s->v);
}

/* What comes from outside between two runs. */
static void happen(const struct input *in, unsigned what, uint64_t *random)
{
	uint64_t value = code_random(random);
	unsigned page = (unsigned)(value % (WINDOWS_END));

	switch (what) {
	case 1:
	case 2:
		for (unsigned n = 0; n < 2; n++) {
			if (vcpu_can_interrupt(&sides[n].v))
				vcpu_interrupt(&sides[n].v, (uint8_t)(32 + value % 200));
		}
		break;
	case 3: /* DMA into the code */
		both_ram(in->entry + value % 64, (uint8_t *)&value + 4, 1 + value % 4);
		break;
	case 4: /* a dirty log begins anew */
		for (unsigned n = 0; n < 2; n++) {
			for (unsigned p = 0; p < PAGES; p++)
				sides[n].guard[p] |= GUARD_CLEAN;
			vcpu_guard_changed(&sides[n].v);
		}
		break;
	case 5: /* a page of tables changes under the TLB, as another processor could do it */
		value = AT(PAGE_CODE + value % (PAGES - PAGE_CODE)) | (value >> 32 & 7);
		both_ram(AT(PAGE_PT) + 8 * page, &value, 8);
		both_ram(AT(PAGE_PT32) + 4 * page, &value, 4);
		break;
	case 6:
		for (unsigned n = 0; n < 2; n++)
			vcpu_map_changed(&sides[n].v);
		break;
	case 7:
		for (unsigned n = 0; n < 2; n++) {
			if (vcpu_can_nmi(&sides[n].v))
				vcpu_nmi(&sides[n].v);
		}
		break;
	default:
		break;
	}
}

static uint64_t linear_rip(const struct cpu *c)
{
	return (c->seg[SEG_CS].base + c->reg[GPR_RIP]) & c->linear_mask;
}

/*
 * The whole input; or, for telling what went wrong, up to `length` instructions into step `last`.
 * Returns what differed, or NULL, and in *last the step.
 */
static const char *run(const struct input *in, unsigned *last, unsigned length)
{
	static const uint16_t lengths[] = {1, 2, 5, 13, 40, 100, 300, 1000};
	const struct cpu *c = &sides[0].c;
	size_t used = in->size < 4096 ? in->size : 4096;
	uint64_t random = in->random;

	both_reset(in, &random);
	for (unsigned step = 0; c->insns < INSNS_MAX && step < STEPS_MAX; step++) {
		uint8_t what = in->schedule[step % SCHEDULE];
		bool is_last = step == *last, stopped;
		uint64_t limit = c->insns + (is_last ? length : lengths[what & 7]);
		const char *differs;

		if (is_last && !length)
			return NULL;
		run_to(&sides[0], limit);
		run_to(&sides[1], limit);
		stopped = c->halted || c->shutdown;
		differs = compare(stopped || is_last || step % 16 == 15 || step == STEPS_MAX - 1);
		if (differs || is_last) {
			*last = step;
			return differs;
		}
		if (stopped)
			both_begin(in, &random,
				   in->entry + (used ? code_below(&random, (unsigned)used) : 0),
				   false);
		else
			happen(in, what >> 4, &random);
	}
	return NULL;
}

/* ---- telling what went wrong ---- */

static void print_state(void)
{
	static const char *const names[] = {"rax", "rcx", "rdx", "rbx", "rsp",    "rbp",
					    "rsi", "rdi", "r8",  "r9",  "r10",    "r11",
					    "r12", "r13", "r14", "r15", "rflags", "cr2"};
	const struct cpu *a = &sides[0].c, *b = &sides[1].c;

	for (unsigned n = 0; n < 18; n++) {
		uint64_t x = n < 16 ? a->reg[n] : n == 16 ? cpu_rflags(a) : a->cr2;
		uint64_t y = n < 16 ? b->reg[n] : n == 16 ? cpu_rflags(b) : b->cr2;

		fprintf(stderr, "%-7s %16llx %16llx%s\n", names[n], (unsigned long long)x,
			(unsigned long long)y, x == y ? "" : " *");
	}
	fprintf(stderr, "rip     %16llx %16llx\ninsns   %16llu %16llu\nexits   %16u %16u\n",
		(unsigned long long)a->reg[GPR_RIP], (unsigned long long)b->reg[GPR_RIP],
		(unsigned long long)a->insns, (unsigned long long)b->insns, sides[0].exits,
		sides[1].exits);
	for (size_t n = 0; n < sizeof(sides[0].ram); n++) {
		if (sides[0].ram[n] != sides[1].ram[n]) {
			fprintf(stderr, "memory at %zx: %02x %02x\n", n, sides[0].ram[n],
				sides[1].ram[n]);
			break;
		}
	}
}

/* The instruction that comes next, as far as it is where it is linear. */
static void insn_text(const struct input *in, char *text, size_t size)
{
	const struct side *s = &sides[0];
	uint64_t rip = linear_rip(&s->c), at = rip;
	char insn[80];

	if (at >= AT(WINDOW_CODE) && at < AT(WINDOW_CODE + 4))
		at -= AT(WINDOW_CODE - PAGE_CODE);
	if (at >= AT(512))
		at -= AT(512);
	if (at < sizeof(s->ram) - CODE_INSN_MAX)
		disasm(s->ram + at, CODE_INSN_MAX, s->c.code_bits, rip, insn, sizeof(insn));
	else
		snprintf(insn, sizeof(insn), "?");
	snprintf(text, size, "%8llx  %s", (unsigned long long)rip, insn);
}

/* The interpreter again, an instruction at a time, for what it came by at last. */
static void print_path(const struct input *in, unsigned step, unsigned length)
{
	enum { SHOWN = 40 };
	static char line[SHOWN][100];
	unsigned at = 0;

	run(in, &step, 0);
	for (; at < length && !sides[0].c.halted && !sides[0].c.shutdown; at++) {
		insn_text(in, line[at % SHOWN], sizeof(line[0]));
		run_to(&sides[0], sides[0].c.insns + 1);
	}
	for (unsigned n = at > SHOWN ? at - SHOWN : 0; n < at; n++)
		fprintf(stderr, "%s\n", line[n % SHOWN]);
}

/* Finds the shortest run of that step after which they differ, and shows it. */
static _Noreturn void tell(const struct input *in, unsigned step, const char *what)
{
	unsigned length = 0, last;

	fprintf(stderr, "mode %u, layout %02x: the engines differ in %s after step %u\n",
		(unsigned)(in->mode - modes), in->layout, what, step);
	do {
		last = step;
		what = run(in, &last, ++length);
	} while (!what && length < 1000);
	fprintf(stderr, "%u instructions into that step they differ in %s\n", length,
		what ? what : "nothing");
	print_state();
	print_path(in, step, length);
	abort();
}

/* ---- the target ---- */

static void side_open(struct side *s)
{
	struct vcpu *v = &s->v;

	v->c = &s->c;
	v->tlb = &s->tlb;
	v->ram = s->ram;
	v->ram_size = sizeof(s->ram);
	v->guard = s->guard;
	v->ops = &ops;
	v->machine = (struct machine *)(void *)s;
	v->page_dirty = side_page_dirty;
	v->model = model;
	if (vcpu_open(v))
		abort();
	vcpu_reset(v);
}

static void open_once(void)
{
	const char *why;

	if (sides)
		return;
	sides = calloc(2, sizeof(*sides));
	if (!sides || cpu_model_parse("max", &model))
		abort();
	side_open(&sides[0]);
	side_open(&sides[1]);
	why = tcg_translate(&sides[1].v, 0);
	if (why)
		fprintf(stderr, "no translator: %s\n", why);
}

static bool input_parse(struct input *in, const uint8_t *data, size_t size)
{
	uint16_t entry;
	uint32_t seed;

	if (size < PROGRAM)
		return false;
	in->mode = &modes[data[0] % (sizeof(modes) / sizeof(modes[0]))];
	in->layout = data[1];
	memcpy(&entry, data + 2, 2);
	memcpy(&seed, data + 4, 4);
	/* The program may begin in the first two pages, and run over their borders. */
	in->entry = AT(PAGE_CODE) + entry % (2 * PAGE_SIZE_4K);
	in->random = seed;
	memcpy(in->schedule, data + HEADER, SCHEDULE);
	in->program = data + PROGRAM;
	in->size = size - PROGRAM;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned step = STEPS_MAX;
	struct input in;
	const char *what;

	open_once();
	if (!input_parse(&in, data, size))
		return 0;
	what = run(&in, &step, 0);
	if (what)
		tell(&in, step, what);
	return 0;
}

static size_t program_make(uint64_t *random, unsigned bits, uint8_t *data, size_t max)
{
	size_t size = PROGRAM + 1 + code_below(random, 600);

	size = size < max ? size : max;
	code_fill(random, &model, bits, data + PROGRAM, size - PROGRAM);
	return size;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	uint64_t random = seed;
	unsigned kind = code_below(&random, 8), bits;

	open_once();
	if (max < PROGRAM + CODE_INSN_MAX)
		return LLVMFuzzerMutate ? LLVMFuzzerMutate(data, size, max) : size;
	if (size < PROGRAM) {
		for (size = 0; size < PROGRAM; size++)
			data[size] = (uint8_t)code_random(&random);
		kind = 2;
	}
	bits = modes[data[0] % (sizeof(modes) / sizeof(modes[0]))].bits;
	if (kind == 0)
		return LLVMFuzzerMutate ? LLVMFuzzerMutate(data, size, max) : size;
	if (kind == 1)
		data[code_below(&random, PROGRAM)] = (uint8_t)code_random(&random);
	else if (kind == 2)
		size = program_make(&random, bits, data, max);
	else
		size = PROGRAM + code_mutate(&random, &model, bits, data + PROGRAM, size - PROGRAM,
					     max - PROGRAM);
	return size;
}
