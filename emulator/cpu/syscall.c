/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SYSCALL, SYSRET, SYSENTER, SYSEXIT: entry to and exit from privilege level 0 without descriptor
 * tables (Intel SDM vol. 3A 5.8.7 and 5.8.8, AMD APM vol. 2 6.1).
 *
 * SYSCALL works in 64-bit mode and, through CSTAR as AMD defines it, in compatibility mode. All
 * four load CS and SS with fixed flat descriptors; the selectors are only numbers.
 */
#include "emulator/cpu/debug.h"
#include "emulator/cpu/flags.h"
#include "emulator/cpu/mem.h"
#include "emulator/cpu/system.h"

static void load_flat(struct vcpu *v, unsigned code, unsigned stack, unsigned cpl, bool long_code)
{
	uint16_t privilege = (uint16_t)(cpl << 5 | SEG_P | SEG_S | SEG_ACCESSED | SEG_RW | SEG_G);

	segment_set(v->c, SEG_CS,
		    (struct segment){
			.limit = 0xffffffff,
			.selector = (uint16_t)code,
			.attr = privilege | SEG_CODE | (long_code ? SEG_L : SEG_DB),
		    });
	segment_set(v->c, SEG_SS,
		    (struct segment){
			.limit = 0xffffffff,
			.selector = (uint16_t)stack,
			.attr = privilege | SEG_DB,
		    });
	cpu_update_mode(v);
}

void op_syscall(struct vcpu *v, const struct insn *i)
{
	struct cpu *c = v->c;
	unsigned selector = (c->star >> 32) & 0xfffc;
	uint64_t flags = cpu_rflags(c) & ~(uint64_t)FLAG_RF;

	if (!(c->efer & EFER_SCE) || !cpu_long_mode(c))
		cpu_raise(v, EXC_UD);
	c->reg[GPR_RCX] = c->reg[GPR_RIP];
	c->reg[GPR_R11] = flags;
	c->reg[GPR_RIP] = c->code_bits == 64 ? c->lstar : c->cstar;
	cpu_set_rflags(c, flags & ~c->fmask);
	load_flat(v, selector, selector + 8, 0, true);
}

void op_sysret(struct vcpu *v, const struct insn *i)
{
	struct cpu *c = v->c;
	unsigned selector = (c->star >> 48) | 3;
	uint64_t rip = c->reg[GPR_RCX];

	if (!(c->efer & EFER_SCE) || c->code_bits != 64)
		cpu_raise(v, EXC_UD);
	require_cpl0(v);
	if (i->rex_w && !address_is_canonical(rip))
		cpu_raise_error(v, EXC_GP, 0);
	c->reg[GPR_RIP] = i->rex_w ? rip : (uint32_t)rip;
	cpu_set_rflags(c, c->reg[GPR_R11] & ~(uint64_t)(FLAG_RF | FLAG_VM));
	load_flat(v, i->rex_w ? ((selector + 16) | 3) : selector, (selector + 8) | 3, 3, i->rex_w);
	/* The TF that it loads traps at once, as if the program's SYSCALL had been stepped. */
	if (c->rflags & FLAG_TF)
		c->pending_db |= DR6_BS;
}

void op_sysenter(struct vcpu *v, const struct insn *i)
{
	struct cpu *c = v->c;
	unsigned selector = c->sysenter_cs & 0xfffc;
	bool lm = cpu_long_mode(c);

	if (!(c->cr0 & CR0_PE) || !selector)
		cpu_raise_error(v, EXC_GP, 0);
	c->rflags &= ~(uint64_t)(FLAG_VM | FLAG_IF | FLAG_RF);
	c->reg[GPR_RSP] = lm ? c->sysenter_esp : (uint32_t)c->sysenter_esp;
	c->reg[GPR_RIP] = lm ? c->sysenter_eip : (uint32_t)c->sysenter_eip;
	load_flat(v, selector, selector + 8, 0, lm);
}

void op_sysexit(struct vcpu *v, const struct insn *i)
{
	struct cpu *c = v->c;
	unsigned selector = c->sysenter_cs & 0xfffc;
	uint64_t rip = c->reg[GPR_RDX], rsp = c->reg[GPR_RCX];

	if (!(c->cr0 & CR0_PE) || !selector)
		cpu_raise_error(v, EXC_GP, 0);
	require_cpl0(v);
	if (i->rex_w) {
		if (!address_is_canonical(rip) || !address_is_canonical(rsp))
			cpu_raise_error(v, EXC_GP, 0);
		selector += 32;
	} else {
		rip = (uint32_t)rip;
		rsp = (uint32_t)rsp;
		selector += 16;
	}
	c->reg[GPR_RIP] = rip;
	c->reg[GPR_RSP] = rsp;
	load_flat(v, selector | 3, (selector + 8) | 3, 3, i->rex_w);
}
