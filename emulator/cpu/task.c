/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hardware tasks: stack pointers from the TSS, and task switches by JMP, CALL, IRET, interrupts
 * and exceptions (Intel SDM vol. 3A chapter 7).
 *
 * A switch has two halves. Until the old task is saved, a fault belongs to it and nothing has
 * changed. After that the new task is the current one, and what is wrong with its LDT or
 * segments is a fault at its first instruction.
 */
#include "emulator/cpu/debug.h"
#include "emulator/cpu/flags.h"
#include "emulator/cpu/mem.h"
#include "emulator/cpu/system.h"

/* Offsets in a TSS, SDM vol. 3A figures 7-2 and 7-10; both kinds have the same order. */
struct layout {
	uint8_t size; /* of a general register */
	uint8_t step; /* from one selector to the next */
	uint8_t limit;
	uint8_t ip, flags, gpr, sreg, sregs, ldt;
};

static const struct layout layout16 = {2, 2, 0x2b, 0x0e, 0x10, 0x12, 0x22, 4, 0x2a};
static const struct layout layout32 = {4, 4, 0x67, 0x20, 0x24, 0x28, 0x48, 6, 0x60};
#define TSS32_CR3  0x1c
#define TSS32_TRAP 0x64

static const struct layout *tss_layout(const struct segment *tss)
{
	return tss->attr & 8 ? &layout32 : &layout16;
}

void task_stack(struct vcpu *v, unsigned cpl, unsigned ext, unsigned *ss, uint64_t *sp)
{
	const struct segment *tr = &v->c->tr;
	unsigned size = tss_layout(tr)->size, at = size + cpl * 2 * size;

	if (at + size + 1 > tr->limit)
		selector_fault(v, EXC_TS, tr->selector, ext);
	*sp = mem_read_system(v, tr->base + at, size);
	*ss = (unsigned)mem_read_system(v, tr->base + at + size, 2);
}

uint64_t task_stack64(struct vcpu *v, unsigned index, unsigned ext)
{
	const struct segment *tr = &v->c->tr;
	unsigned at = index < 3 ? 4 + index * 8 : 0x24 + (index - 3) * 8;

	if (at + 7 > tr->limit)
		selector_fault(v, EXC_TS, tr->selector, ext);
	return mem_read_system(v, tr->base + at, 8);
}

/* ---- first half: in the old task ---- */

/* What a TSS says of its task. */
struct task {
	uint64_t cr3, rip, flags, gpr[8];
	unsigned sreg[6], ldt; /* in the order of SEG_ES .. SEG_GS */
	bool trap;
};

static void task_save(struct vcpu *v, uint64_t flags)
{
	const struct cpu *c = v->c;
	const struct layout *l = tss_layout(&c->tr);

	mem_write_system(v, c->tr.base + l->ip, l->size, c->reg[GPR_RIP]);
	mem_write_system(v, c->tr.base + l->flags, l->size, flags);
	for (unsigned n = 0; n < 8; n++)
		mem_write_system(v, c->tr.base + l->gpr + n * l->size, l->size, c->reg[n]);
	for (unsigned n = 0; n < l->sregs; n++)
		mem_write_system(v, c->tr.base + l->sreg + n * l->step, 2, c->seg[n].selector);
}

static struct task task_read(struct vcpu *v, const struct segment *tss)
{
	const struct layout *l = tss_layout(tss);
	struct task t = {.cr3 = v->c->cr3};

	t.rip = mem_read_system(v, tss->base + l->ip, l->size);
	t.flags = mem_read_system(v, tss->base + l->flags, l->size);
	for (unsigned n = 0; n < 8; n++)
		t.gpr[n] = mem_read_system(v, tss->base + l->gpr + n * l->size, l->size);
	for (unsigned n = 0; n < l->sregs; n++)
		t.sreg[n] = (unsigned)mem_read_system(v, tss->base + l->sreg + n * l->step, 2);
	t.ldt = (unsigned)mem_read_system(v, tss->base + l->ldt, 2);
	if (l == &layout32) {
		t.cr3 = mem_read_system(v, tss->base + TSS32_CR3, 4);
		t.trap = mem_read_system(v, tss->base + TSS32_TRAP, 2) & 1;
	}
	return t;
}

/* ---- second half: in the new task ---- */

/* Registers as in the TSS; the segments are unusable until their descriptors have been read. */
static void task_take_registers(struct vcpu *v, const struct task *t, const struct segment *tss,
				bool nested)
{
	struct cpu *c = v->c;
	unsigned cpl = t->sreg[SEG_CS] & 3;
	bool wide = tss_layout(tss)->size == 4;

	c->tr = *tss;
	c->tr.attr |= SYS_TSS_BUSY;
	c->cr0 |= CR0_TS;
	/* Local breakpoints are the old task's (SDM vol. 3B 17.2.4). */
	c->dr[7] &= ~0x155ull;
	c->reg[GPR_RIP] = t->rip;
	cpu_set_rflags(c, nested ? t->flags | FLAG_NT : t->flags);
	/* The upper halves after a 16-bit switch are undefined; all ones is what processors leave.
	 */
	for (unsigned n = 0; n < 8; n++)
		c->reg[n] = wide ? t->gpr[n] : t->gpr[n] | 0xffff0000;
	for (unsigned n = SEG_ES; n <= SEG_GS; n++)
		if (n != SEG_CS)
			segment_set(c, n, segment_null(t->sreg[n], cpl));
	c->seg[SEG_CS].selector = (uint16_t)t->sreg[SEG_CS];
	c->ldtr = segment_null(t->ldt, 0);
	cpu_update_mode(v);
}

static void task_load_cr3(struct vcpu *v, uint64_t cr3)
{
	if (!(v->c->cr0 & CR0_PG))
		return;
	v->c->cr3 = cr3;
	tlb_flush(v, false);
	if ((v->c->cr4 & CR4_PAE) && !mmu_load_pdptes(v, cr3))
		cpu_raise_error(v, EXC_GP, 0);
}

static void task_load_ldt(struct vcpu *v, unsigned selector, unsigned ext)
{
	struct descriptor d;
	struct segment s;

	if (selector_is_null(selector))
		return;
	if ((selector & 4) || !descriptor_read(v, selector, &d))
		selector_fault(v, EXC_TS, selector, ext);
	s = segment_from_descriptor(selector, &d);
	if ((s.attr & (SEG_P | SEG_S | SEG_TYPE)) != (SEG_P | SYS_LDT))
		selector_fault(v, EXC_TS, selector, ext);
	v->c->ldtr = s;
}

static void task_load_code(struct vcpu *v, unsigned selector, unsigned ext)
{
	struct descriptor d;
	unsigned attr, rpl = selector & 3;

	if (selector_is_null(selector) || !descriptor_read(v, selector, &d))
		selector_fault(v, EXC_TS, selector, ext);
	attr = descriptor_attr(&d);
	if ((attr & (SEG_S | SEG_CODE)) != (SEG_S | SEG_CODE) ||
	    (attr & SEG_EC ? SEG_DPL(attr) > rpl : SEG_DPL(attr) != rpl))
		selector_fault(v, EXC_TS, selector, ext);
	if (!(attr & SEG_P))
		selector_fault(v, EXC_NP, selector, ext);
	descriptor_set_accessed(v, selector, &d);
	segment_set(v->c, SEG_CS, segment_from_descriptor(selector, &d));
}

static void task_load_data(struct vcpu *v, unsigned seg, unsigned selector, unsigned ext)
{
	struct descriptor d;
	unsigned attr;

	if (selector_is_null(selector))
		return;
	if (!descriptor_read(v, selector, &d))
		selector_fault(v, EXC_TS, selector, ext);
	attr = descriptor_attr(&d);
	if (!(attr & SEG_S) || (attr & (SEG_CODE | SEG_RW)) == SEG_CODE)
		selector_fault(v, EXC_TS, selector, ext);
	if ((attr & (SEG_CODE | SEG_EC)) != (SEG_CODE | SEG_EC) &&
	    (SEG_DPL(attr) < v->c->cpl || SEG_DPL(attr) < (selector & 3)))
		selector_fault(v, EXC_TS, selector, ext);
	if (!(attr & SEG_P))
		selector_fault(v, EXC_NP, selector, ext);
	descriptor_set_accessed(v, selector, &d);
	segment_set(v->c, seg, segment_from_descriptor(selector, &d));
}

static void task_load_segments(struct vcpu *v, const struct task *t, unsigned ext)
{
	struct cpu *c = v->c;
	unsigned ss = t->sreg[SEG_SS];

	if (cpu_virtual8086(c)) {
		for (unsigned n = SEG_ES; n <= SEG_GS; n++)
			segment_load_real(v, n, t->sreg[n]);
		cpu_update_mode(v);
		return;
	}
	task_load_code(v, t->sreg[SEG_CS], ext);
	if (selector_is_null(ss))
		selector_fault(v, EXC_TS, ss, ext);
	segment_set(c, SEG_SS, segment_check_stack(v, ss, c->cpl, EXC_TS, ext));
	cpu_update_mode(v);
	for (unsigned n = SEG_ES; n <= SEG_GS; n++)
		if (n != SEG_CS && n != SEG_SS)
			task_load_data(v, n, t->sreg[n], ext);
}

static void task_enter(struct vcpu *v, const struct task *t, const struct event *e, unsigned ext)
{
	struct cpu *c = v->c;
	bool wide = c->tr.attr & 8;

	if (wide)
		task_load_cr3(v, t->cr3);
	task_load_ldt(v, t->ldt, ext);
	task_load_segments(v, t, ext);
	if (e && e->has_error) {
		struct frame f = frame_current(v, ext);

		frame_push(v, &f, wide ? 4 : 2, e->error);
		frame_commit_pointer(c, &f);
	}
	far_check_target(v, &c->seg[SEG_CS], c->reg[GPR_RIP], ext);
	if (t->trap)
		c->pending_db |= DR6_BT;
}

/*
 * A fault here is not the switching instruction's, to which the interpreter would return: it is
 * delivered at once, or handed to the delivery that this is part of.
 */
static void task_enter_guarded(struct vcpu *v, const struct task *t, const struct event *e,
			       unsigned ext)
{
	const struct insn *insn = v->insn;
	jmp_buf outer;

	memcpy(&outer, &v->fault, sizeof(outer));
	if (!setjmp(v->fault)) {
		task_enter(v, t, e, ext);
		memcpy(&v->fault, &outer, sizeof(outer));
		return;
	}
	memcpy(&v->fault, &outer, sizeof(outer));
	if (!insn) {
		v->fault_in_new_task = true;
		longjmp(v->fault, 1);
	}
	cpu_deliver_fault(v);
	v->insn = insn;
}

/* ---- the switch ---- */

void task_switch(struct vcpu *v, unsigned selector, const struct descriptor *d,
		 enum task_reason reason, const struct event *e)
{
	struct cpu *c = v->c;
	unsigned ext = e ? event_ext(e) : 0;
	bool nested = reason == TASK_CALL || reason == TASK_EVENT;
	struct segment tss = segment_from_descriptor(selector, d);
	unsigned old = c->tr.selector;
	uint64_t flags = e ? event_flags(c, e) : cpu_rflags(c);
	struct task t;

	if (!(tss.attr & SEG_P))
		selector_fault(v, EXC_NP, selector, ext);
	if (tss.limit < tss_layout(&tss)->limit)
		selector_fault(v, EXC_TS, selector, ext);
	if (c->tr.limit < tss_layout(&c->tr)->limit)
		selector_fault(v, EXC_TS, old, ext);
	mem_probe_system(v, c->tr.base, tss_layout(&c->tr)->limit + 1u, true);
	mem_probe_system(v, tss.base, tss_layout(&tss)->limit + 1u, nested);

	if (reason == TASK_RETURN)
		flags &= ~(uint64_t)FLAG_NT;
	if (!nested)
		descriptor_set_busy(v, old, false);
	task_save(v, flags);
	t = task_read(v, &tss);
	if (nested)
		mem_write_system(v, tss.base, 2, old);
	if (reason != TASK_RETURN)
		descriptor_set_busy(v, selector, true);

	task_take_registers(v, &t, &tss, nested);
	task_enter_guarded(v, &t, e, ext);
}

void task_gate(struct vcpu *v, const struct descriptor *gate, enum task_reason reason,
	       const struct event *e)
{
	unsigned selector = gate_selector(gate), ext = e ? event_ext(e) : 0, attr;
	struct descriptor d;

	if ((selector & 4) || !descriptor_read(v, selector, &d))
		selector_fault(v, EXC_GP, selector, ext);
	attr = descriptor_attr(&d);
	if ((attr & (SEG_S | 7)) != SYS_TSS16)
		selector_fault(v, EXC_GP, selector, ext);
	task_switch(v, selector, &d, reason, e);
}

void task_return(struct vcpu *v)
{
	const struct cpu *c = v->c;
	unsigned selector = (unsigned)mem_read_system(v, c->tr.base, 2);
	struct descriptor d;

	if ((selector & 4) || !descriptor_read(v, selector, &d))
		selector_fault(v, EXC_TS, selector, 0);
	if ((descriptor_attr(&d) & (SEG_S | 7)) != SYS_TSS16_BUSY)
		selector_fault(v, EXC_TS, selector, 0);
	task_switch(v, selector, &d, TASK_RETURN, NULL);
}
