/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Instructions that read or change system flags under the rules of IOPL, virtual-8086 mode and its
 * extensions: CLI, STI, PUSHF, POPF, CLAC, STAC (Intel SDM vol. 2, vol. 3B 20.3 and 20.4).
 */
#include "emulator/cpu/flags.h"
#include "emulator/cpu/mem.h"
#include "emulator/cpu/system.h"

/*
 * Which flag CLI and STI work on: IF, or its virtual image VIF, or neither (#GP). VME gives a
 * virtual-8086 task with IOPL below 3 the image, PVI a CPL 3 program with IOPL below 3.
 */
static uint64_t interrupt_flag(struct vcpu *v)
{
	const struct cpu *c = v->c;
	unsigned iopl = cpu_iopl(c);

	if (!(c->cr0 & CR0_PE) || c->cpl <= iopl)
		return FLAG_IF;
	if (c->cpl == 3 && (c->cr4 & (cpu_virtual8086(c) ? CR4_VME : CR4_PVI)))
		return FLAG_VIF;
	cpu_raise_error(v, EXC_GP, 0);
}

void op_cli(struct vcpu *v, const struct insn *i)
{
	v->c->rflags &= ~interrupt_flag(v);
}

void op_sti(struct vcpu *v, const struct insn *i)
{
	struct cpu *c = v->c;
	uint64_t flag = interrupt_flag(v);

	if (flag == FLAG_VIF && (c->rflags & FLAG_VIP))
		cpu_raise_error(v, EXC_GP, 0);
	/* The instruction after STI runs before an interrupt, but not when IF was set before. */
	if (flag == FLAG_IF && !(c->rflags & FLAG_IF)) {
		c->shadow = c->insns;
		c->shadow_debug = false;
	}
	c->rflags |= flag;
	cpu_poll_interrupts(v);
}

/* CR4.VME lets a 16-bit PUSHF and POPF of a virtual-8086 task through to VIF. */
static bool uses_vif(struct vcpu *v, unsigned size)
{
	if (!cpu_virtual8086(v->c) || cpu_iopl(v->c) == 3)
		return false;
	if (!(v->c->cr4 & CR4_VME) || size != 2)
		cpu_raise_error(v, EXC_GP, 0);
	return true;
}

void op_pushf(struct vcpu *v, const struct insn *i)
{
	struct cpu *c = v->c;
	unsigned size = stack_operand(c, i);
	uint64_t flags = cpu_rflags(c);
	struct frame f = frame_current(v, 0);

	if (uses_vif(v, size))
		flags = (flags & ~(uint64_t)FLAG_IF) | FLAG_IOPL | (flags & FLAG_VIF ? FLAG_IF : 0);
	frame_push(v, &f, size, flags & ~(uint64_t)(FLAG_RF | FLAG_VM));
	frame_commit_pointer(c, &f);
}

void op_popf(struct vcpu *v, const struct insn *i)
{
	struct cpu *c = v->c;
	unsigned size = stack_operand(c, i);
	bool vif = uses_vif(v, size), v86 = cpu_virtual8086(c);
	struct frame f = frame_current(v, 0);
	uint64_t value = frame_pop(v, &f, size), flags = cpu_rflags(c);
	uint64_t mask = FLAGS_STATUS | FLAG_TF | FLAG_DF | FLAG_NT | FLAG_RF | FLAG_AC | FLAG_ID;

	if (vif) {
		if ((value & FLAG_TF) || ((value & FLAG_IF) && (flags & FLAG_VIP)))
			cpu_raise_error(v, EXC_GP, 0);
		flags = (flags & ~(uint64_t)FLAG_VIF) | (value & FLAG_IF ? FLAG_VIF : 0);
	} else if (c->cpl <= cpu_iopl(c)) {
		mask |= FLAG_IF;
	}
	if (c->cpl == 0)
		mask |= FLAG_IOPL;
	/* RF always goes; outside virtual-8086 mode the virtual interrupt flags do too. */
	value &= ~(uint64_t)FLAG_RF;
	if (!v86) {
		value &= ~(uint64_t)(FLAG_VIF | FLAG_VIP);
		mask |= FLAG_VIF | FLAG_VIP;
	}
	if (size == 2)
		mask &= 0xffff;
	cpu_set_rflags(c, (flags & ~mask) | (value & mask));
	frame_commit_pointer(c, &f);
	cpu_update_mode(v);
}

static void set_ac(struct vcpu *v, bool on)
{
	struct cpu *c = v->c;

	if (c->cpl)
		cpu_raise(v, EXC_UD);
	c->rflags = on ? c->rflags | FLAG_AC : c->rflags & ~(uint64_t)FLAG_AC;
	cpu_update_mode(v);
}

void op_clac(struct vcpu *v, const struct insn *i)
{
	set_ac(v, false);
}

void op_stac(struct vcpu *v, const struct insn *i)
{
	set_ac(v, true);
}
