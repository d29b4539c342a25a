/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Far JMP, CALL and RET: to other code segments, through call gates with a change of stack, and
 * into other tasks (Intel SDM vol. 3A 5.8, vol. 2 JMP, CALL, RET).
 */
#include "emulator/cpu/mem.h"
#include "emulator/cpu/system.h"

void far_check_target(struct vcpu *v, const struct segment *cs, uint64_t rip, uint32_t error)
{
	bool inside = cpu_long_mode(v->c) && (cs->attr & SEG_L) ? address_is_canonical(rip)
								: rip <= cs->limit;

	if (!inside)
		cpu_raise_error(v, EXC_GP, error);
}

/* A 64-bit code segment has D clear; both bits set is reserved (SDM vol. 3A 5.2.1). */
static bool is_bad_long_code(const struct cpu *c, unsigned attr)
{
	return cpu_long_mode(c) && (attr & (SEG_L | SEG_DB)) == (SEG_L | SEG_DB);
}

static bool is_code(unsigned attr)
{
	return (attr & (SEG_S | SEG_CODE)) == (SEG_S | SEG_CODE);
}

/* ---- real-address and virtual-8086 mode ---- */

static void check_target_real(struct vcpu *v, uint64_t rip)
{
	if (rip > v->c->seg[SEG_CS].limit)
		cpu_raise_error(v, EXC_GP, 0);
}

static void enter_real(struct vcpu *v, unsigned selector, uint64_t rip)
{
	segment_load_real(v, SEG_CS, selector);
	v->c->reg[GPR_RIP] = rip;
	cpu_update_mode(v);
}

/* ---- protected mode: what a far pointer leads to ---- */

static void enter_code(struct vcpu *v, const struct segment *cs, uint64_t rip)
{
	segment_set(v->c, SEG_CS, *cs);
	v->c->reg[GPR_RIP] = rip;
	cpu_update_mode(v);
}

/* A code segment reached without a gate; CPL stays. */
static struct segment check_direct(struct vcpu *v, unsigned selector, struct descriptor *d,
				   uint64_t rip)
{
	const struct cpu *c = v->c;
	unsigned attr = descriptor_attr(d), dpl = SEG_DPL(attr);
	struct segment cs;

	if (attr & SEG_EC ? dpl > c->cpl : dpl != c->cpl || (selector & 3) > c->cpl)
		selector_fault(v, EXC_GP, selector, 0);
	if (is_bad_long_code(c, attr))
		selector_fault(v, EXC_GP, selector, 0);
	if (!(attr & SEG_P))
		selector_fault(v, EXC_NP, selector, 0);
	cs = segment_from_descriptor((selector & ~3u) | c->cpl, d);
	far_check_target(v, &cs, rip, 0);
	descriptor_set_accessed(v, selector, d);
	cs.attr |= SEG_ACCESSED;
	return cs;
}

/* A system descriptor: may this CPL and RPL use it, and is it of a kind that can be entered? */
static unsigned check_system(struct vcpu *v, unsigned selector, const struct descriptor *d)
{
	const struct cpu *c = v->c;
	unsigned attr = descriptor_attr(d), type = attr & SEG_TYPE;
	uint32_t types = 1u << SYS_CALL_GATE32;

	if (!cpu_long_mode(c))
		types |=
		    1u << SYS_CALL_GATE16 | 1u << SYS_TASK_GATE | 1u << SYS_TSS16 | 1u << SYS_TSS32;
	if (!(types >> type & 1) || SEG_DPL(attr) < c->cpl || SEG_DPL(attr) < (selector & 3))
		selector_fault(v, EXC_GP, selector, 0);
	if (!(attr & SEG_P))
		selector_fault(v, EXC_NP, selector, 0);
	return type;
}

/* The code segment of a call gate. For CALL a more privileged one will do. */
static struct segment check_gate_code(struct vcpu *v, const struct descriptor *gate, bool call,
				      unsigned *cpl)
{
	const struct cpu *c = v->c;
	unsigned selector = gate_selector(gate), attr, dpl;
	struct descriptor d;

	if (selector_is_null(selector))
		cpu_raise_error(v, EXC_GP, 0);
	if (!descriptor_read(v, selector, &d))
		selector_fault(v, EXC_GP, selector, 0);
	attr = descriptor_attr(&d);
	dpl = SEG_DPL(attr);
	if (!is_code(attr) || dpl > c->cpl || (!call && !(attr & SEG_EC) && dpl != c->cpl))
		selector_fault(v, EXC_GP, selector, 0);
	if (cpu_long_mode(c) && (attr & (SEG_L | SEG_DB)) != SEG_L)
		selector_fault(v, EXC_GP, selector, 0);
	if (!(attr & SEG_P))
		selector_fault(v, EXC_NP, selector, 0);
	*cpl = attr & SEG_EC ? c->cpl : dpl;
	descriptor_set_accessed(v, selector, &d);
	return segment_from_descriptor((selector & ~3u) | *cpl, &d);
}

/* The descriptor that a far pointer names; 16 bytes when it is a system one in long mode. */
static void read_target(struct vcpu *v, unsigned selector, struct descriptor *d)
{
	if (selector_is_null(selector))
		cpu_raise_error(v, EXC_GP, 0);
	if (!descriptor_read(v, selector, d))
		selector_fault(v, EXC_GP, selector, 0);
	if (!(descriptor_attr(d) & SEG_S)) {
		if (!descriptor_read_system(v, selector, d))
			selector_fault(v, EXC_GP, selector, 0);
		/* The type field of the second half must be 0. */
		if ((d->high >> 40) & 0x1f)
			selector_fault(v, EXC_GP, selector, 0);
	} else if (!is_code(descriptor_attr(d))) {
		selector_fault(v, EXC_GP, selector, 0);
	}
}

static uint64_t gate_entry(const struct descriptor *gate)
{
	bool gate16 = (descriptor_attr(gate) & SEG_TYPE) == SYS_CALL_GATE16;

	return gate16 ? gate_offset(gate) & 0xffff : gate_offset(gate);
}

/* ---- JMP ---- */

static void far_jump(struct vcpu *v, unsigned selector, uint64_t rip)
{
	struct descriptor d;
	struct segment cs;
	unsigned cpl;

	if (!cpu_protected(v->c)) {
		check_target_real(v, rip);
		enter_real(v, selector, rip);
		return;
	}
	read_target(v, selector, &d);
	if (descriptor_attr(&d) & SEG_S) {
		cs = check_direct(v, selector, &d, rip);
		enter_code(v, &cs, rip);
		return;
	}
	switch (check_system(v, selector, &d)) {
	case SYS_TASK_GATE:
		task_gate(v, &d, TASK_JUMP, NULL);
		break;
	case SYS_TSS16:
	case SYS_TSS32:
		task_switch(v, selector, &d, TASK_JUMP, NULL);
		break;
	default:
		cs = check_gate_code(v, &d, false, &cpl);
		rip = gate_entry(&d);
		far_check_target(v, &cs, rip, 0);
		enter_code(v, &cs, rip);
		break;
	}
}

/* ---- CALL ---- */

static void push_return(struct vcpu *v, struct frame *f, unsigned size)
{
	frame_push(v, f, size, v->c->seg[SEG_CS].selector);
	frame_push(v, f, size, v->c->reg[GPR_RIP]);
}

/* To a more privileged level: new stack, old stack pointer, parameters, return address. */
static void call_inner(struct vcpu *v, const struct descriptor *gate, struct segment cs,
		       unsigned cpl, unsigned size)
{
	struct cpu *c = v->c;
	uint64_t rip = gate_entry(gate), parameter[31];
	unsigned count = size == 8 ? 0 : (gate->low >> 32) & 31;
	struct frame old = frame_current(v, 0), f;

	if (size == 8) {
		f = frame_make(v, segment_null(cpl, cpl), task_stack64(v, cpl, 0), cpl, true, 0);
	} else {
		unsigned ss;
		uint64_t sp;

		task_stack(v, cpl, 0, &ss, &sp);
		f = frame_make(v, segment_check_stack(v, ss, cpl, EXC_TS, 0), sp, cpl, false,
			       ss & 0xfffc);
	}
	for (unsigned n = 0; n < count; n++)
		parameter[n] = frame_pop(v, &old, size);
	frame_push(v, &f, size, c->seg[SEG_SS].selector);
	frame_push(v, &f, size, c->reg[GPR_RSP]);
	for (unsigned n = count; n-- > 0;)
		frame_push(v, &f, size, parameter[n]);
	push_return(v, &f, size);
	far_check_target(v, &cs, rip, 0);

	segment_set(c, SEG_SS, f.ss);
	segment_set(c, SEG_CS, cs);
	frame_commit_pointer(c, &f);
	c->reg[GPR_RIP] = rip;
	cpu_update_mode(v);
}

static void call_gate(struct vcpu *v, const struct descriptor *gate)
{
	unsigned type = descriptor_attr(gate) & SEG_TYPE, cpl;
	unsigned size = cpu_long_mode(v->c) ? 8 : type == SYS_CALL_GATE16 ? 2 : 4;
	struct segment cs = check_gate_code(v, gate, true, &cpl);
	struct frame f;

	if (cpl < v->c->cpl) {
		call_inner(v, gate, cs, cpl, size);
		return;
	}
	f = frame_current(v, 0);
	push_return(v, &f, size);
	far_check_target(v, &cs, gate_entry(gate), 0);
	frame_commit_pointer(v->c, &f);
	enter_code(v, &cs, gate_entry(gate));
}

static void far_call(struct vcpu *v, unsigned selector, uint64_t rip, unsigned size)
{
	struct frame f = frame_current(v, 0);
	struct descriptor d;
	struct segment cs;

	if (!cpu_protected(v->c)) {
		check_target_real(v, rip);
		push_return(v, &f, size);
		frame_commit_pointer(v->c, &f);
		enter_real(v, selector, rip);
		return;
	}
	read_target(v, selector, &d);
	if (descriptor_attr(&d) & SEG_S) {
		cs = check_direct(v, selector, &d, rip);
		push_return(v, &f, size);
		frame_commit_pointer(v->c, &f);
		enter_code(v, &cs, rip);
		return;
	}
	switch (check_system(v, selector, &d)) {
	case SYS_TASK_GATE:
		task_gate(v, &d, TASK_CALL, NULL);
		break;
	case SYS_TSS16:
	case SYS_TSS32:
		task_switch(v, selector, &d, TASK_CALL, NULL);
		break;
	default:
		call_gate(v, &d);
		break;
	}
}

/* ---- RET ---- */

struct segment far_check_return(struct vcpu *v, unsigned selector)
{
	unsigned rpl = selector & 3, attr;
	struct descriptor d;

	if (selector_is_null(selector))
		cpu_raise_error(v, EXC_GP, 0);
	if (!descriptor_read(v, selector, &d))
		selector_fault(v, EXC_GP, selector, 0);
	attr = descriptor_attr(&d);
	if (!is_code(attr) || rpl < v->c->cpl || is_bad_long_code(v->c, attr))
		selector_fault(v, EXC_GP, selector, 0);
	if (attr & SEG_EC ? SEG_DPL(attr) > rpl : SEG_DPL(attr) != rpl)
		selector_fault(v, EXC_GP, selector, 0);
	if (!(attr & SEG_P))
		selector_fault(v, EXC_NP, selector, 0);
	descriptor_set_accessed(v, selector, &d);
	return segment_from_descriptor(selector, &d);
}

struct segment far_check_return_stack(struct vcpu *v, unsigned selector, const struct segment *cs)
{
	unsigned cpl = cs->selector & 3;

	if (selector_is_null(selector) && cpu_long_mode(v->c) && (cs->attr & SEG_L) && cpl < 3)
		return segment_null(selector, cpl);
	return segment_check_stack(v, selector, cpl, EXC_GP, 0);
}

void op_far_return(struct vcpu *v, const struct insn *i)
{
	struct cpu *c = v->c;
	struct frame f = frame_current(v, 0);
	unsigned size = i->operand, old_cpl = c->cpl, cpl;
	unsigned release = i->opcode == 0xca ? i->immediate & 0xffff : 0;
	uint64_t rip = frame_pop(v, &f, size);
	unsigned selector = frame_pop(v, &f, size) & 0xffff;
	struct segment cs;

	f.sp = (f.sp + release) & f.mask;
	if (!cpu_protected(c)) {
		check_target_real(v, rip);
		frame_commit_pointer(c, &f);
		enter_real(v, selector, rip);
		return;
	}
	cs = far_check_return(v, selector);
	cpl = selector & 3;
	if (cpl > old_cpl) {
		uint64_t sp = frame_pop(v, &f, size);
		unsigned ss = frame_pop(v, &f, size) & 0xffff;
		bool flat = cpu_long_mode(c) && (cs.attr & SEG_L);

		f = frame_make(v, far_check_return_stack(v, ss, &cs), sp + release, cpl, flat, 0);
	}
	far_check_target(v, &cs, rip, 0);

	if (cpl > old_cpl)
		segment_set(c, SEG_SS, f.ss);
	frame_commit_pointer(c, &f);
	enter_code(v, &cs, rip);
	if (cpl > old_cpl)
		segment_null_outer(v, cpl);
}

/* ---- operands ---- */

static uint64_t immediate_offset(const struct insn *i)
{
	return i->operand == 2 ? i->immediate & 0xffff : i->immediate & 0xffffffff;
}

static unsigned immediate_selector(const struct insn *i)
{
	return (i->immediate >> 32) & 0xffff;
}

/* m16:16, m16:32, m16:64 */
static unsigned memory_pointer(struct vcpu *v, const struct insn *i, uint64_t *rip)
{
	uint64_t at = insn_address(v, i);
	uint8_t bytes[10];
	uint16_t selector;

	mem_read_bytes(v, i->seg, at, bytes, i->operand + 2u);
	*rip = 0;
	memcpy(rip, bytes, i->operand);
	memcpy(&selector, bytes + i->operand, 2);
	return selector;
}

void op_far_jump_immediate(struct vcpu *v, const struct insn *i)
{
	far_jump(v, immediate_selector(i), immediate_offset(i));
}

void op_far_jump_memory(struct vcpu *v, const struct insn *i)
{
	uint64_t rip;
	unsigned selector = memory_pointer(v, i, &rip);

	far_jump(v, selector, rip);
}

void op_far_call_immediate(struct vcpu *v, const struct insn *i)
{
	far_call(v, immediate_selector(i), immediate_offset(i), i->operand);
}

void op_far_call_memory(struct vcpu *v, const struct insn *i)
{
	uint64_t rip;
	unsigned selector = memory_pointer(v, i, &rip);

	far_call(v, selector, rip, i->operand);
}
