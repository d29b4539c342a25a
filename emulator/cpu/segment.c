/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segment registers: loading them with the checks of each mode, what an access may reach, and
 * the execution mode that follows from CS, SS and the control registers (Intel SDM vol. 3A
 * chapters 3 and 5).
 *
 * The current privilege level is SS.DPL, as in a processor's own segment cache: CS.RPL is not it
 * between the setting of CR0.PE and the first far jump, nor is it in real mode. So everything that
 * changes CPL sets SS's attributes too, also for a null SS in 64-bit mode.
 */
#include "emulator/cpu/segment.h"

#include "emulator/cpu/debug.h"
#include "emulator/cpu/flags.h"
#include "emulator/cpu/mem.h"
#include "emulator/cpu/system.h"

_Noreturn void selector_fault(struct vcpu *v, unsigned vector, unsigned selector, unsigned ext)
{
	cpu_raise_error(v, vector, (selector & 0xfffc) | ext);
}

/* ---- mode ---- */

unsigned cpu_mmu_set(const struct cpu *c, unsigned cpl)
{
	if (cpl == 3)
		return MMU_USER;
	return (c->cr4 & CR4_SMAP) && (c->rflags & FLAG_AC) ? MMU_KERNEL_AC : MMU_KERNEL;
}

void cpu_update_mode(struct vcpu *v)
{
	struct cpu *c = v->c;
	bool was64 = c->code_bits == 64;
	bool aligned;

	if (!(c->cr0 & CR0_PE))
		c->cpl = 0;
	else if (cpu_virtual8086(c))
		c->cpl = 3;
	else
		c->cpl = SEG_DPL(c->seg[SEG_SS].attr);

	if (cpu_long_mode(c) && (c->seg[SEG_CS].attr & SEG_L))
		c->code_bits = 64;
	else
		c->code_bits = c->seg[SEG_CS].attr & SEG_DB ? 32 : 16;
	c->stack32 = c->seg[SEG_SS].attr & SEG_DB;
	c->linear_mask = c->code_bits == 64 ? UINT64_MAX : UINT32_MAX;

	aligned = c->cpl == 3 && (c->cr0 & CR0_AM) && (c->rflags & FLAG_AC);
	c->mmu_real = (uint8_t)cpu_mmu_set(c, c->cpl);
	c->mmu = aligned || debug_watches_data(c) ? MMU_SLOW : c->mmu_real;

	/* In 64-bit mode no span depends on what is loaded, and that is where speed matters. */
	if (!was64 || c->code_bits != 64)
		for (unsigned seg = 0; seg < SEG_COUNT; seg++)
			segment_update(c, seg);
	cpu_poll_interrupts(v);
}

/* ---- what a segment allows ---- */

/* Types are not looked at in real mode, where CS is as writable as DS. */
static bool type_allows(const struct cpu *c, const struct segment *s, bool write)
{
	if (!(c->cr0 & CR0_PE))
		return true;
	if (write)
		return (s->attr & (SEG_CODE | SEG_RW)) == SEG_RW;
	return (s->attr & (SEG_CODE | SEG_RW)) != SEG_CODE;
}

static bool is_expand_down(const struct segment *s)
{
	return (s->attr & (SEG_CODE | SEG_EC)) == SEG_EC;
}

bool segment_allows(const struct cpu *c, const struct segment *s, uint64_t offset, uint64_t size,
		    bool write)
{
	uint64_t last = offset + size - 1;

	if (!(s->attr & SEG_P) || !type_allows(c, s, write))
		return false;
	if (is_expand_down(s))
		return offset > s->limit && last <= (s->attr & SEG_DB ? 0xffffffff : 0xffff);
	return last <= s->limit;
}

void segment_update(struct cpu *c, unsigned seg)
{
	struct segment *s = &c->seg[seg];
	uint64_t span = (uint64_t)s->limit + 1;

	if (seg >= SEG_FLAT)
		*s = (struct segment){.limit = 0xffffffff, .attr = 0xc093};
	if (seg >= SEG_FLAT || c->code_bits == 64) {
		s->read_span = s->write_span = UINT64_MAX;
		return;
	}
	if (!(s->attr & SEG_P) || is_expand_down(s))
		span = 0;
	s->read_span = type_allows(c, s, false) ? span : 0;
	s->write_span = type_allows(c, s, true) ? span : 0;
}

void segment_set(struct cpu *c, unsigned seg, struct segment s)
{
	c->seg[seg] = s;
	segment_update(c, seg);
}

/* ---- descriptors ---- */

static bool descriptor_address(const struct cpu *c, unsigned selector, unsigned size,
			       uint64_t *linear)
{
	unsigned offset = selector & 0xfff8;

	if (selector & 4) {
		*linear = c->ldtr.base + offset;
		return (c->ldtr.attr & SEG_P) && offset + size - 1 <= c->ldtr.limit;
	}
	*linear = c->gdtr.base + offset;
	return offset + size - 1 <= c->gdtr.limit;
}

bool descriptor_read(struct vcpu *v, unsigned selector, struct descriptor *d)
{
	uint64_t linear;

	if (!descriptor_address(v->c, selector, 8, &linear))
		return false;
	d->low = mem_read_system(v, linear, 8);
	d->high = 0;
	return true;
}

bool descriptor_read_system(struct vcpu *v, unsigned selector, struct descriptor *d)
{
	uint64_t linear;

	if (!cpu_long_mode(v->c))
		return descriptor_read(v, selector, d);
	if (!descriptor_address(v->c, selector, 16, &linear))
		return false;
	d->low = mem_read_system(v, linear, 8);
	d->high = mem_read_system(v, linear + 8, 8);
	return true;
}

void descriptor_set_accessed(struct vcpu *v, unsigned selector, struct descriptor *d)
{
	uint64_t linear;

	if ((d->low >> 40) & SEG_ACCESSED)
		return;
	d->low |= 1ull << 40;
	if (descriptor_address(v->c, selector, 8, &linear))
		mem_write_system(v, linear + 5, 1, (uint8_t)(d->low >> 40));
}

void descriptor_set_busy(struct vcpu *v, unsigned selector, bool busy)
{
	uint64_t linear, type;

	if (!descriptor_address(v->c, selector, 8, &linear))
		return;
	type = mem_read_system(v, linear + 5, 1);
	type = busy ? type | SYS_TSS_BUSY : type & ~(uint64_t)SYS_TSS_BUSY;
	mem_write_system(v, linear + 5, 1, type);
}

struct segment segment_from_descriptor(unsigned selector, const struct descriptor *d)
{
	struct segment s = {.selector = (uint16_t)selector, .attr = descriptor_attr(d)};

	s.base = ((d->low >> 16) & 0xffffff) | ((d->low >> 32) & 0xff000000) | d->high << 32;
	s.limit = (uint32_t)((d->low & 0xffff) | ((d->low >> 32) & 0xf0000));
	if (s.attr & SEG_G)
		s.limit = s.limit << 12 | 0xfff;
	return s;
}

/* ---- loading data and stack segments ---- */

struct segment segment_null(unsigned selector, unsigned dpl)
{
	return (struct segment){.selector = (uint16_t)selector, .attr = (uint16_t)(dpl << 5)};
}

void segment_load_real(struct vcpu *v, unsigned seg, unsigned selector)
{
	struct segment *s = &v->c->seg[seg];

	s->selector = (uint16_t)selector;
	s->base = (selector & 0xffff) << 4;
	if (cpu_virtual8086(v->c)) {
		s->limit = 0xffff;
		s->attr = 0xf3;
	} else {
		/* The limit stays, be it that of protected mode ("unreal mode"). */
		s->attr = (s->attr & (SEG_DB | SEG_G)) | 0x93;
	}
	segment_update(v->c, seg);
}

struct segment segment_check_stack(struct vcpu *v, unsigned selector, unsigned cpl, unsigned vector,
				   unsigned ext)
{
	struct descriptor d;
	unsigned attr;

	if (selector_is_null(selector))
		cpu_raise_error(v, vector, ext);
	if (!descriptor_read(v, selector, &d))
		selector_fault(v, vector, selector, ext);
	attr = descriptor_attr(&d);
	if ((selector & 3) != cpl || SEG_DPL(attr) != cpl ||
	    (attr & (SEG_S | SEG_CODE | SEG_RW)) != (SEG_S | SEG_RW))
		selector_fault(v, vector, selector, ext);
	if (!(attr & SEG_P))
		selector_fault(v, EXC_SS, selector, ext);
	descriptor_set_accessed(v, selector, &d);
	return segment_from_descriptor(selector, &d);
}

static void load_stack(struct vcpu *v, unsigned selector)
{
	struct cpu *c = v->c;

	/* SDM vol. 2B MOV: 64-bit mode takes a null SS below CPL 3. */
	if (selector_is_null(selector) && c->code_bits == 64 && c->cpl < 3 &&
	    (selector & 3) == c->cpl)
		segment_set(c, SEG_SS, segment_null(selector, c->cpl));
	else
		segment_set(c, SEG_SS, segment_check_stack(v, selector, c->cpl, EXC_GP, 0));
}

static void load_data(struct vcpu *v, unsigned seg, unsigned selector)
{
	struct descriptor d;
	unsigned attr, dpl;

	if (selector_is_null(selector)) {
		segment_set(v->c, seg, segment_null(selector, 0));
		return;
	}
	if (!descriptor_read(v, selector, &d))
		selector_fault(v, EXC_GP, selector, 0);
	attr = descriptor_attr(&d);
	dpl = SEG_DPL(attr);
	if (!(attr & SEG_S) || (attr & (SEG_CODE | SEG_RW)) == SEG_CODE)
		selector_fault(v, EXC_GP, selector, 0);
	if ((attr & (SEG_CODE | SEG_EC)) != (SEG_CODE | SEG_EC) &&
	    ((selector & 3) > dpl || v->c->cpl > dpl))
		selector_fault(v, EXC_GP, selector, 0);
	if (!(attr & SEG_P))
		selector_fault(v, EXC_NP, selector, 0);
	descriptor_set_accessed(v, selector, &d);
	segment_set(v->c, seg, segment_from_descriptor(selector, &d));
}

void segment_load(struct vcpu *v, unsigned seg, unsigned selector)
{
	selector &= 0xffff;
	if (!cpu_protected(v->c))
		segment_load_real(v, seg, selector);
	else if (seg == SEG_SS)
		load_stack(v, selector);
	else
		load_data(v, seg, selector);
}

void segment_null_outer(struct vcpu *v, unsigned cpl)
{
	static const uint8_t segs[] = {SEG_ES, SEG_DS, SEG_FS, SEG_GS};

	/* Unlike a load of 0 this leaves the base alone: 64-bit mode goes on using that of FS, GS.
	 */
	for (unsigned n = 0; n < 4; n++) {
		struct segment s = v->c->seg[segs[n]];

		if ((s.attr & SEG_P) && SEG_DPL(s.attr) < cpl &&
		    (s.attr & (SEG_CODE | SEG_EC)) != (SEG_CODE | SEG_EC)) {
			s.selector = 0;
			s.attr &= (uint16_t)~SEG_P;
			segment_set(v->c, segs[n], s);
		}
	}
}

/* ---- stack frames ---- */

struct frame frame_make(const struct vcpu *v, struct segment ss, uint64_t sp, unsigned cpl,
			bool flat, uint32_t error)
{
	struct frame f = {.ss = ss, .error = error, .flat = flat};

	f.mask = flat ? UINT64_MAX : ss.attr & SEG_DB ? UINT32_MAX : UINT16_MAX;
	f.mmu = cpu_mmu_set(v->c, cpl);
	f.sp = sp & f.mask;
	return f;
}

struct frame frame_current(const struct vcpu *v, uint32_t error)
{
	const struct cpu *c = v->c;

	return frame_make(v, c->seg[SEG_SS], c->reg[GPR_RSP], c->cpl, c->code_bits == 64, error);
}

static uint64_t frame_linear(struct vcpu *v, const struct frame *f, uint64_t sp, unsigned size,
			     bool write)
{
	uint64_t linear = f->flat ? sp : (uint32_t)(f->ss.base + sp);
	bool allowed;

	if (f->flat)
		allowed = address_is_canonical(sp) && address_is_canonical(sp + size - 1);
	else
		allowed = segment_allows(v->c, &f->ss, sp, size, write);
	if (!allowed)
		cpu_raise_error(v, EXC_SS, f->error);
	if (f->mmu == MMU_USER)
		mem_check_alignment(v, linear, size);
	return linear;
}

void frame_push(struct vcpu *v, struct frame *f, unsigned size, uint64_t value)
{
	uint64_t sp = (f->sp - size) & f->mask;

	mem_write_linear(v, frame_linear(v, f, sp, size, true), size, value, f->mmu);
	f->sp = sp;
}

uint64_t frame_pop(struct vcpu *v, struct frame *f, unsigned size)
{
	uint64_t value = mem_read_linear(v, frame_linear(v, f, f->sp, size, false), size, f->mmu);

	f->sp = (f->sp + size) & f->mask;
	return value;
}

void frame_commit_pointer(struct cpu *c, const struct frame *f)
{
	uint64_t *rsp = &c->reg[GPR_RSP];

	*rsp = f->mask == UINT16_MAX ? (*rsp & ~f->mask) | f->sp : f->sp;
}

/* ---- LDTR and TR ---- */

/* Reads what LLDT or LTR is to load; `types` has a bit for each type that will do. */
static struct segment load_system(struct vcpu *v, unsigned selector, uint32_t types)
{
	struct descriptor d;
	struct segment s;

	if ((selector & 4) || !descriptor_read_system(v, selector, &d))
		selector_fault(v, EXC_GP, selector, 0);
	s = segment_from_descriptor(selector, &d);
	if ((s.attr & SEG_S) || !(types >> (s.attr & SEG_TYPE) & 1))
		selector_fault(v, EXC_GP, selector, 0);
	if (!(s.attr & SEG_P))
		selector_fault(v, EXC_NP, selector, 0);
	/* Of a 16-byte descriptor the upper type field is 0 (SDM vol. 3A figure 8-4). */
	if (((d.high >> 40) & 0x1f) || (cpu_long_mode(v->c) && !address_is_canonical(s.base)))
		selector_fault(v, EXC_GP, selector, 0);
	return s;
}

void segment_load_ldtr(struct vcpu *v, unsigned selector)
{
	v->c->ldtr = selector_is_null(selector) ? segment_null(selector, 0)
						: load_system(v, selector, 1u << SYS_LDT);
}

void segment_load_tr(struct vcpu *v, unsigned selector)
{
	uint32_t types = 1u << SYS_TSS32 | (cpu_long_mode(v->c) ? 0 : 1u << SYS_TSS16);
	struct segment s;

	if (selector_is_null(selector))
		cpu_raise_error(v, EXC_GP, 0);
	s = load_system(v, selector, types);
	descriptor_set_busy(v, selector, true);
	s.attr |= SYS_TSS_BUSY;
	v->c->tr = s;
}

/* ---- LAR, LSL, VERR, VERW (SDM vol. 3A 5.10) ---- */

/* Whether a selector names a descriptor of one of the types that CPL and RPL may see. */
static bool selector_visible(struct vcpu *v, unsigned selector, uint32_t system_types,
			     struct descriptor *d)
{
	unsigned attr;

	if (selector_is_null(selector) || !descriptor_read(v, selector, d))
		return false;
	attr = descriptor_attr(d);
	if (!(attr & SEG_S) && !(system_types >> (attr & SEG_TYPE) & 1))
		return false;
	if ((attr & (SEG_S | SEG_CODE | SEG_EC)) == (SEG_S | SEG_CODE | SEG_EC))
		return true;
	return v->c->cpl <= SEG_DPL(attr) && (selector & 3) <= SEG_DPL(attr);
}

/* Types that LSL knows; LAR adds gates. SDM vol. 2A tables for LAR and LSL. */
static uint32_t limit_types(const struct cpu *c)
{
	uint32_t types = 1u << SYS_LDT | 1u << SYS_TSS32 | 1u << SYS_TSS32_BUSY;

	return cpu_long_mode(c) ? types : types | 1u << SYS_TSS16 | 1u << SYS_TSS16_BUSY;
}

bool selector_lar(struct vcpu *v, unsigned selector, uint32_t *attributes)
{
	uint32_t types = limit_types(v->c) | 1u << SYS_CALL_GATE32;
	struct descriptor d;

	if (!cpu_long_mode(v->c))
		types |= 1u << SYS_CALL_GATE16 | 1u << SYS_TASK_GATE;
	if (!selector_visible(v, selector, types, &d))
		return false;
	*attributes = (uint32_t)(d.low >> 32) & 0x00f0ff00;
	return true;
}

bool selector_lsl(struct vcpu *v, unsigned selector, uint32_t *limit)
{
	struct descriptor d;

	if (!selector_visible(v, selector, limit_types(v->c), &d))
		return false;
	*limit = segment_from_descriptor(selector, &d).limit;
	return true;
}

bool selector_verify(struct vcpu *v, unsigned selector, bool write)
{
	struct descriptor d;
	struct segment s;

	if (!selector_visible(v, selector, 0, &d))
		return false;
	s = segment_from_descriptor(selector, &d);
	return type_allows(v->c, &s, write);
}
