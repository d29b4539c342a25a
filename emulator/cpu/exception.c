/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exceptions and interrupts: how a fault gets from the instruction that raises it to delivery,
 * what becomes of a fault during delivery, and delivery through the interrupt vector table of
 * real mode and the IDT of protected and long mode (Intel SDM vol. 3A chapter 6).
 *
 * A delivery makes every check and every memory access first and changes registers last, so one
 * that faults leaves the processor as it was, and the next can be tried from there.
 */
#include "emulator/cpu/debug.h"
#include "emulator/cpu/flags.h"
#include "emulator/cpu/mem.h"
#include "emulator/cpu/system.h"

_Noreturn void cpu_raise(struct vcpu *v, unsigned vector)
{
	v->fault_vector = (uint8_t)vector;
	v->fault_has_error = false;
	v->fault_error = 0;
	longjmp(v->fault, 1);
}

_Noreturn void cpu_raise_error(struct vcpu *v, unsigned vector, uint32_t error)
{
	v->fault_vector = (uint8_t)vector;
	v->fault_has_error = true;
	v->fault_error = error;
	longjmp(v->fault, 1);
}

/* ---- gates and frames ---- */

/* Everything that a delivery puts in place at its end. */
struct entry {
	struct segment cs;
	struct frame frame;
	uint64_t rip;
	bool load_ss;
	bool from_v86;
	bool clear_if;
};

unsigned event_ext(const struct event *e)
{
	return e->kind == EVENT_SOFTWARE ? 0 : 1;
}

uint64_t event_flags(const struct cpu *c, const struct event *e)
{
	uint64_t flags = cpu_rflags(c);

	return e->kind == EVENT_FAULT ? flags | FLAG_RF : flags;
}

/* An event that is on its way wakes a halted processor and takes DR7.GD away from a debugger. */
static void event_accepted(struct vcpu *v, const struct event *e)
{
	v->c->halted = false;
	if (e->vector == EXC_DB && e->kind != EVENT_SOFTWARE)
		v->c->dr[7] &= ~(uint64_t)DR7_GD;
}

static void entry_commit(struct vcpu *v, const struct entry *n, const struct event *e)
{
	struct cpu *c = v->c;
	uint64_t clear = FLAG_TF | FLAG_NT | FLAG_RF | FLAG_VM | (n->clear_if ? FLAG_IF : 0);

	c->rflags &= ~clear;
	if (n->from_v86) {
		segment_set(c, SEG_ES, segment_null(0, 0));
		segment_set(c, SEG_DS, segment_null(0, 0));
		segment_set(c, SEG_FS, segment_null(0, 0));
		segment_set(c, SEG_GS, segment_null(0, 0));
	}
	if (n->load_ss)
		segment_set(c, SEG_SS, n->frame.ss);
	segment_set(c, SEG_CS, n->cs);
	frame_commit_pointer(c, &n->frame);
	c->reg[GPR_RIP] = n->rip;
	event_accepted(v, e);
	cpu_update_mode(v);
}

/* ---- real-address mode (SDM vol. 3B 20.1.4), also VME's redirected INT n ---- */

static void deliver_ivt(struct vcpu *v, unsigned vector, uint64_t table, uint64_t flags)
{
	struct cpu *c = v->c;
	struct frame f = frame_current(v, 0);
	unsigned mmu = cpu_mmu_set(c, c->cpl);
	uint32_t target = (uint32_t)mem_read_linear(v, table + vector * 4, 4, mmu);

	frame_push(v, &f, 2, flags);
	frame_push(v, &f, 2, c->seg[SEG_CS].selector);
	frame_push(v, &f, 2, c->reg[GPR_RIP]);
	frame_commit_pointer(c, &f);
	segment_load_real(v, SEG_CS, target >> 16);
	c->reg[GPR_RIP] = target & 0xffff;
}

static void deliver_real(struct vcpu *v, const struct event *e)
{
	struct cpu *c = v->c;

	if (e->vector * 4u + 3 > c->idtr.limit)
		cpu_raise_error(v, EXC_GP, e->vector * 8u + 2 + event_ext(e));
	deliver_ivt(v, e->vector, c->idtr.base, cpu_rflags(c));
	c->rflags &= ~(uint64_t)(FLAG_IF | FLAG_TF | FLAG_AC | FLAG_RF);
	event_accepted(v, e);
	cpu_update_mode(v);
}

/* ---- through the IDT ---- */

static void read_gate(struct vcpu *v, const struct event *e, struct descriptor *gate)
{
	const struct cpu *c = v->c;
	bool lm = cpu_long_mode(c);
	unsigned size = lm ? 16 : 8, error = e->vector * 8u + 2 + event_ext(e), attr;
	/* Which gates there are: in long mode only what in legacy mode are 32-bit ones. */
	uint32_t types = 1u << SYS_INT_GATE32 | 1u << SYS_TRAP_GATE32;
	uint64_t at = c->idtr.base + e->vector * size;

	if (!lm)
		types |= 1u << SYS_INT_GATE16 | 1u << SYS_TRAP_GATE16 | 1u << SYS_TASK_GATE;
	if (e->vector * size + size - 1 > c->idtr.limit)
		cpu_raise_error(v, EXC_GP, error);
	gate->low = mem_read_system(v, at, 8);
	gate->high = lm ? mem_read_system(v, at + 8, 8) : 0;
	attr = descriptor_attr(gate);
	if ((attr & SEG_S) || !(types >> (attr & SEG_TYPE) & 1))
		cpu_raise_error(v, EXC_GP, error);
	if (e->kind == EVENT_SOFTWARE && SEG_DPL(attr) < c->cpl)
		cpu_raise_error(v, EXC_GP, error);
	if (!(attr & SEG_P))
		cpu_raise_error(v, EXC_NP, error);
}

/* Checks the gate's code segment; its DPL or, when conforming, CPL is the new CPL. */
static unsigned read_gate_code(struct vcpu *v, const struct descriptor *gate, unsigned ext,
			       struct segment *cs)
{
	const struct cpu *c = v->c;
	unsigned selector = gate_selector(gate), attr, cpl;
	struct descriptor d;

	if (selector_is_null(selector))
		cpu_raise_error(v, EXC_GP, ext);
	if (!descriptor_read(v, selector, &d))
		selector_fault(v, EXC_GP, selector, ext);
	attr = descriptor_attr(&d);
	if ((attr & (SEG_S | SEG_CODE)) != (SEG_S | SEG_CODE) || SEG_DPL(attr) > c->cpl)
		selector_fault(v, EXC_GP, selector, ext);
	if (cpu_long_mode(c) && (attr & (SEG_L | SEG_DB)) != SEG_L)
		selector_fault(v, EXC_GP, selector, ext);
	if (!(attr & SEG_P))
		selector_fault(v, EXC_NP, selector, ext);
	cpl = attr & SEG_EC ? c->cpl : SEG_DPL(attr);
	/* A virtual-8086 task is interrupted to privilege level 0 or not at all. */
	if (cpu_virtual8086(c) && cpl != 0)
		selector_fault(v, EXC_GP, selector, ext);
	descriptor_set_accessed(v, selector, &d);
	*cs = segment_from_descriptor((selector & ~3u) | cpl, &d);
	return cpl;
}

static void deliver_legacy(struct vcpu *v, const struct event *e, const struct descriptor *gate)
{
	struct cpu *c = v->c;
	unsigned ext = event_ext(e), type = descriptor_attr(gate) & SEG_TYPE;
	unsigned size = type & 8 ? 4 : 2, cpl;
	struct entry n = {.clear_if = !(type & 1), .from_v86 = cpu_virtual8086(c)};

	cpl = read_gate_code(v, gate, ext, &n.cs);
	n.rip = size == 4 ? gate_offset(gate) & 0xffffffff : gate_offset(gate) & 0xffff;
	if (cpl < c->cpl) {
		unsigned ss;
		uint64_t sp;

		task_stack(v, cpl, ext, &ss, &sp);
		n.load_ss = true;
		n.frame = frame_make(v, segment_check_stack(v, ss, cpl, EXC_TS, ext), sp, cpl,
				     false, (ss & 0xfffc) | ext);
		if (n.from_v86) {
			frame_push(v, &n.frame, size, c->seg[SEG_GS].selector);
			frame_push(v, &n.frame, size, c->seg[SEG_FS].selector);
			frame_push(v, &n.frame, size, c->seg[SEG_DS].selector);
			frame_push(v, &n.frame, size, c->seg[SEG_ES].selector);
		}
		frame_push(v, &n.frame, size, c->seg[SEG_SS].selector);
		frame_push(v, &n.frame, size, c->reg[GPR_RSP]);
	} else {
		n.frame = frame_current(v, ext);
	}
	frame_push(v, &n.frame, size, event_flags(c, e));
	frame_push(v, &n.frame, size, c->seg[SEG_CS].selector);
	frame_push(v, &n.frame, size, c->reg[GPR_RIP]);
	if (e->has_error)
		frame_push(v, &n.frame, size, e->error);
	far_check_target(v, &n.cs, n.rip, ext);
	entry_commit(v, &n, e);
}

static void deliver_long(struct vcpu *v, const struct event *e, const struct descriptor *gate)
{
	struct cpu *c = v->c;
	unsigned ext = event_ext(e), ist = (gate->low >> 32) & 7, cpl;
	struct entry n = {.clear_if = !(descriptor_attr(gate) & 1)};
	uint64_t rsp = c->reg[GPR_RSP];

	cpl = read_gate_code(v, gate, ext, &n.cs);
	n.rip = gate_offset(gate);
	n.load_ss = cpl < c->cpl;
	if (ist)
		rsp = task_stack64(v, ist + 2, ext);
	else if (n.load_ss)
		rsp = task_stack64(v, cpl, ext);
	n.frame = frame_make(v, n.load_ss ? segment_null(cpl, cpl) : c->seg[SEG_SS], rsp & ~15ull,
			     cpl, true, ext);
	frame_push(v, &n.frame, 8, c->seg[SEG_SS].selector);
	frame_push(v, &n.frame, 8, c->reg[GPR_RSP]);
	frame_push(v, &n.frame, 8, event_flags(c, e));
	frame_push(v, &n.frame, 8, c->seg[SEG_CS].selector);
	frame_push(v, &n.frame, 8, c->reg[GPR_RIP]);
	if (e->has_error)
		frame_push(v, &n.frame, 8, e->error);
	far_check_target(v, &n.cs, n.rip, ext);
	entry_commit(v, &n, e);
}

void event_deliver(struct vcpu *v, const struct event *e)
{
	struct descriptor gate;

	if (!(v->c->cr0 & CR0_PE)) {
		deliver_real(v, e);
		return;
	}
	read_gate(v, e, &gate);
	if ((descriptor_attr(&gate) & SEG_TYPE) == SYS_TASK_GATE) {
		task_gate(v, &gate, TASK_EVENT, e);
		event_accepted(v, e);
		cpu_update_mode(v);
	} else if (cpu_long_mode(v->c)) {
		deliver_long(v, e, &gate);
	} else {
		deliver_legacy(v, e, &gate);
	}
}

/* ---- faults during delivery ---- */

static bool is_contributory(unsigned vector)
{
	return vector == EXC_DE || (vector >= EXC_TS && vector <= EXC_GP);
}

/* SDM vol. 3A table 6-5; after a double fault anything that is not benign is fatal. */
static bool is_double_fault(const struct event *first, unsigned second)
{
	if (first->kind != EVENT_FAULT)
		return false;
	if (first->vector == EXC_PF || first->vector == EXC_DF)
		return second == EXC_PF || is_contributory(second);
	return is_contributory(first->vector) && is_contributory(second);
}

/* One attempt; false when a fault was raised, which v->fault_* then describes. */
static bool event_try(struct vcpu *v, const struct event *e)
{
	jmp_buf outer;

	memcpy(&outer, &v->fault, sizeof(outer));
	if (setjmp(v->fault)) {
		memcpy(&v->fault, &outer, sizeof(outer));
		return false;
	}
	event_deliver(v, e);
	memcpy(&v->fault, &outer, sizeof(outer));
	return true;
}

static void shut_down(struct vcpu *v)
{
	struct exit e = {.kind = EXIT_SHUTDOWN, .is_write = true, .rip = v->c->reg[GPR_RIP]};

	v->c->shutdown = true;
	v->ops->exit(v->machine, &e);
	vcpu_kick(v);
}

static struct event fault_event(const struct vcpu *v)
{
	return (struct event){
	    .kind = EVENT_FAULT,
	    .vector = v->fault_vector,
	    .has_error = v->fault_has_error,
	    .error = v->fault_error,
	};
}

/*
 * How many task switches in a row may each fail in the new task. A processor would go on for
 * ever with tasks that are arranged so; here that ends as a shutdown.
 */
#define NEW_TASK_FAULTS 64

void event_deliver_outside(struct vcpu *v, const struct event *first)
{
	struct event e = *first;
	unsigned new_tasks = 0;

	v->insn = NULL;
	while (!event_try(v, &e)) {
		if (v->fault_in_new_task) {
			/* The event did its work: the switch was complete. This is a new fault. */
			v->fault_in_new_task = false;
			e = fault_event(v);
			if (++new_tasks < NEW_TASK_FAULTS)
				continue;
		} else if (!is_double_fault(&e, v->fault_vector)) {
			e = fault_event(v);
			continue;
		} else if (e.vector != EXC_DF) {
			e = (struct event){
			    .kind = EVENT_FAULT,
			    .vector = EXC_DF,
			    .has_error = true,
			};
			continue;
		}
		shut_down(v);
		return;
	}
}

void cpu_deliver_fault(struct vcpu *v)
{
	struct event e = fault_event(v);

	/* Breakpoints that parts of an unfinished instruction hit are not reported. */
	v->c->pending_db &= ~(uint64_t)0xf;
	event_deliver_outside(v, &e);
}

/* ---- interrupts ---- */

static bool in_shadow(const struct cpu *c)
{
	return c->shadow == c->insns && c->insns;
}

bool vcpu_can_interrupt(const struct vcpu *v)
{
	const struct cpu *c = v->c;

	return (c->rflags & FLAG_IF) && !in_shadow(c) && !c->pending_db && !c->shutdown;
}

bool vcpu_can_nmi(const struct vcpu *v)
{
	const struct cpu *c = v->c;

	return !c->nmi_blocked && !in_shadow(c) && !c->pending_db && !c->shutdown;
}

void vcpu_interrupt(struct vcpu *v, uint8_t vector)
{
	struct event e = {.kind = EVENT_EXTERNAL, .vector = vector};

	v->c->halted = false;
	event_deliver_outside(v, &e);
}

void vcpu_nmi(struct vcpu *v)
{
	struct event e = {.kind = EVENT_EXTERNAL, .vector = EXC_NMI};

	v->c->halted = false;
	v->c->nmi_pending = false;
	v->c->nmi_blocked = true;
	event_deliver_outside(v, &e);
}

/* ---- instructions that raise events ---- */

/*
 * CR4.VME: whether INT n in virtual-8086 mode goes to the task's own IVT. The bitmap is the 32
 * bytes before the I/O permission map (SDM vol. 3B 20.3, table 20-2); out of the TSS counts as
 * set.
 */
static bool int_is_redirected(struct vcpu *v, unsigned vector)
{
	const struct cpu *c = v->c;
	unsigned map, at;

	if (!(c->cr4 & CR4_VME) || !(c->tr.attr & 8) || c->tr.limit < 0x67)
		return false;
	map = (unsigned)mem_read_system(v, c->tr.base + 0x66, 2);
	if (map < 32)
		return false;
	at = map - 32 + vector / 8;
	if (at > c->tr.limit)
		return false;
	return !(mem_read_system(v, c->tr.base + at, 1) >> (vector & 7) & 1);
}

static void int_redirect(struct vcpu *v, unsigned vector)
{
	struct cpu *c = v->c;
	uint64_t flags = cpu_rflags(c), clear = FLAG_TF | FLAG_RF;

	if (cpu_iopl(c) == 3) {
		clear |= FLAG_IF;
	} else {
		flags = (flags & ~(uint64_t)FLAG_IF) | FLAG_IOPL | (flags & FLAG_VIF ? FLAG_IF : 0);
		clear |= FLAG_VIF;
	}
	deliver_ivt(v, vector, 0, flags);
	c->rflags &= ~clear;
	cpu_update_mode(v);
}

void op_int(struct vcpu *v, const struct insn *i)
{
	struct event e = {.kind = EVENT_SOFTWARE, .vector = (uint8_t)i->immediate};

	if (cpu_virtual8086(v->c)) {
		if (int_is_redirected(v, e.vector)) {
			int_redirect(v, e.vector);
			return;
		}
		if (cpu_iopl(v->c) < 3)
			cpu_raise_error(v, EXC_GP, 0);
	}
	event_deliver(v, &e);
}

void op_int3(struct vcpu *v, const struct insn *i)
{
	event_deliver(v, &(struct event){.kind = EVENT_SOFTWARE, .vector = EXC_BP});
}

void op_into(struct vcpu *v, const struct insn *i)
{
	if (flag_of(v->c))
		event_deliver(v, &(struct event){.kind = EVENT_SOFTWARE, .vector = EXC_OF});
}

void op_icebp(struct vcpu *v, const struct insn *i)
{
	struct cpu *c = v->c;

	event_deliver(v, &(struct event){.kind = EVENT_ICEBP, .vector = EXC_DB});
	/* It is a #DB itself: what a load of SS held back comes with it, not after it. */
	if (c->pending_db)
		c->dr[6] = (c->dr[6] & ~0xfull) | c->pending_db;
	c->pending_db = 0;
}
