/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IRET in all its modes (Intel SDM vol. 2A IRET), with what it may change of RFLAGS. Like the
 * delivery that it undoes, it pops and checks first and changes registers last.
 */
#include "emulator/cpu/flags.h"
#include "emulator/cpu/mem.h"
#include "emulator/cpu/system.h"

/* Takes the bits of `mask` from the popped value; a 16-bit one has only the low half. */
static void flags_take(struct cpu *c, uint64_t value, uint64_t mask, unsigned size)
{
	if (size == 2)
		mask &= 0xffff;
	cpu_set_rflags(c, (cpu_rflags(c) & ~mask) | (value & mask));
}

#define FLAGS_ANY (FLAGS_STATUS | FLAG_TF | FLAG_DF | FLAG_NT | FLAG_RF | FLAG_AC | FLAG_ID)

struct image {
	uint64_t rip, cs, flags;
};

static struct image pop_image(struct vcpu *v, struct frame *f, unsigned size)
{
	struct image m;

	m.rip = frame_pop(v, f, size);
	m.cs = frame_pop(v, f, size) & 0xffff;
	m.flags = frame_pop(v, f, size);
	return m;
}

/* Real-address mode, and virtual-8086 mode with the privilege to do it: `mask` differs. */
static void iret_real(struct vcpu *v, unsigned size, uint64_t mask)
{
	struct cpu *c = v->c;
	struct frame f = frame_current(v, 0);
	struct image m = pop_image(v, &f, size);

	if (m.rip > c->seg[SEG_CS].limit)
		cpu_raise_error(v, EXC_GP, 0);
	frame_commit_pointer(c, &f);
	segment_load_real(v, SEG_CS, (unsigned)m.cs);
	c->reg[GPR_RIP] = m.rip;
	flags_take(c, m.flags, mask, size);
	cpu_update_mode(v);
}

/* CR4.VME at IOPL below 3: the popped IF becomes VIF (SDM vol. 3B 20.3). */
static void iret_vme(struct vcpu *v)
{
	struct cpu *c = v->c;
	struct frame f = frame_current(v, 0);
	struct image m = pop_image(v, &f, 2);

	if ((m.flags & FLAG_TF) || ((m.flags & FLAG_IF) && (c->rflags & FLAG_VIP)))
		cpu_raise_error(v, EXC_GP, 0);
	frame_commit_pointer(c, &f);
	segment_load_real(v, SEG_CS, (unsigned)m.cs);
	c->reg[GPR_RIP] = m.rip;
	flags_take(c, m.flags, FLAGS_ANY, 2);
	c->rflags &= ~(uint64_t)FLAG_VIF;
	if (m.flags & FLAG_IF)
		c->rflags |= FLAG_VIF;
	cpu_update_mode(v);
}

static void iret_virtual8086(struct vcpu *v, unsigned size)
{
	if (cpu_iopl(v->c) == 3)
		iret_real(v, size, FLAGS_ANY | FLAG_IF);
	else if ((v->c->cr4 & CR4_VME) && size == 2)
		iret_vme(v);
	else
		cpu_raise_error(v, EXC_GP, 0);
}

/* From privilege level 0 into virtual-8086 mode; f is where ESP was pushed. */
static void iret_to_virtual8086(struct vcpu *v, struct frame *f, const struct image *m)
{
	static const uint8_t order[] = {SEG_SS, SEG_ES, SEG_DS, SEG_FS, SEG_GS};
	struct cpu *c = v->c;
	unsigned selector[5];
	uint64_t esp;

	if (m->rip > 0xffff)
		cpu_raise_error(v, EXC_GP, 0);
	esp = frame_pop(v, f, 4);
	for (unsigned n = 0; n < 5; n++)
		selector[n] = frame_pop(v, f, 4) & 0xffff;

	cpu_set_rflags(c, m->flags);
	for (unsigned n = 0; n < 5; n++)
		segment_load_real(v, order[n], selector[n]);
	segment_load_real(v, SEG_CS, (unsigned)m->cs);
	c->reg[GPR_RSP] = esp;
	c->reg[GPR_RIP] = m->rip;
	cpu_update_mode(v);
}

static void iret_protected(struct vcpu *v, unsigned size)
{
	struct cpu *c = v->c;
	struct frame f = frame_current(v, 0);
	struct image m = pop_image(v, &f, size);
	uint64_t mask = FLAGS_ANY;
	unsigned cpl = (unsigned)m.cs & 3, old_cpl = c->cpl;
	bool load_ss = c->code_bits == 64 || cpl > old_cpl;
	struct segment cs;

	if (size == 4 && (m.flags & FLAG_VM) && old_cpl == 0 && !cpu_long_mode(c)) {
		iret_to_virtual8086(v, &f, &m);
		return;
	}
	cs = far_check_return(v, (unsigned)m.cs);
	if (load_ss) {
		uint64_t sp = frame_pop(v, &f, size);
		unsigned ss = frame_pop(v, &f, size) & 0xffff;
		bool flat = cpu_long_mode(c) && (cs.attr & SEG_L);

		f = frame_make(v, far_check_return_stack(v, ss, &cs), sp, cpl, flat, 0);
	}
	far_check_target(v, &cs, m.rip, 0);

	if (old_cpl <= cpu_iopl(c))
		mask |= FLAG_IF;
	if (old_cpl == 0)
		mask |= FLAG_IOPL | FLAG_VIF | FLAG_VIP;
	flags_take(c, m.flags, mask, size);
	if (load_ss)
		segment_set(c, SEG_SS, f.ss);
	segment_set(c, SEG_CS, cs);
	frame_commit_pointer(c, &f);
	c->reg[GPR_RIP] = m.rip;
	cpu_update_mode(v);
	if (cpl > old_cpl)
		segment_null_outer(v, cpl);
}

void op_iret(struct vcpu *v, const struct insn *i)
{
	struct cpu *c = v->c;

	/* Executing IRET, not completing it, lets NMIs through again (SDM vol. 3A 6.7.1). */
	c->nmi_blocked = false;
	if (!(c->cr0 & CR0_PE)) {
		iret_real(v, i->operand, FLAGS_ANY | FLAG_IF | FLAG_IOPL);
	} else if (cpu_virtual8086(c)) {
		iret_virtual8086(v, i->operand);
	} else if (!(c->rflags & FLAG_NT)) {
		iret_protected(v, i->operand);
	} else if (cpu_long_mode(c)) {
		cpu_raise_error(v, EXC_GP, 0);
	} else {
		task_return(v);
	}
}
