/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The architectural view of the processor, in one flat order that digests, dumps and other
 * accelerators share. The lazy flags and all that is derived are resolved on the way out and
 * made again on the way in. x87 registers are in physical order, R0 to R7.
 */
#include "emulator/cpu/flags.h"
#include "emulator/cpu/mem.h"
#include "emulator/cpu/system.h"

#define SHADOW_INTERRUPTS 1
#define SHADOW_DEBUG      2

static void get_fpu(const struct fpu *f, struct cpu_regs *r)
{
	r->fpu_control = f->control;
	r->fpu_status = f->status;
	r->fpu_tag = f->tag;
	r->fpu_opcode = f->opcode;
	r->fpu_ip = f->ip;
	r->fpu_dp = f->dp;
	r->mxcsr = f->mxcsr;
	for (unsigned n = 0; n < 8; n++) {
		r->st[n][0] = f->st[n].mantissa;
		r->st[n][1] = f->st[n].sign_exponent;
	}
	for (unsigned n = 0; n < 16; n++)
		memcpy(r->xmm[n], &f->xmm[n], sizeof(r->xmm[n]));
}

static void set_fpu(struct fpu *f, const struct cpu_regs *r)
{
	f->control = (uint16_t)r->fpu_control;
	f->status = (uint16_t)r->fpu_status;
	f->tag = (uint16_t)r->fpu_tag;
	f->opcode = (uint16_t)r->fpu_opcode;
	f->ip = r->fpu_ip;
	f->dp = r->fpu_dp;
	f->mxcsr = (uint32_t)r->mxcsr;
	for (unsigned n = 0; n < 8; n++) {
		f->st[n].mantissa = r->st[n][0];
		f->st[n].sign_exponent = (uint16_t)r->st[n][1];
	}
	for (unsigned n = 0; n < 16; n++)
		memcpy(&f->xmm[n], r->xmm[n], sizeof(r->xmm[n]));
}

/* The segment members of struct cpu_regs have no type name of their own. */
#define SEGMENT_GET(to, from)                                                                      \
	do {                                                                                       \
		(to).base = (from).base;                                                           \
		(to).limit = (from).limit;                                                         \
		(to).selector = (from).selector;                                                   \
		(to).attr = (from).attr;                                                           \
	} while (0)

void cpu_get_regs(const struct cpu *c, struct cpu_regs *r)
{
	memset(r, 0, sizeof(*r));
	memcpy(r->gpr, c->reg, sizeof(r->gpr));
	r->rip = c->reg[GPR_RIP];
	r->rflags = cpu_rflags(c);
	for (unsigned n = 0; n < 6; n++)
		SEGMENT_GET(r->seg[n], c->seg[n]);
	SEGMENT_GET(r->ldtr, c->ldtr);
	SEGMENT_GET(r->tr, c->tr);
	r->gdt_base = c->gdtr.base;
	r->gdt_limit = c->gdtr.limit;
	r->idt_base = c->idtr.base;
	r->idt_limit = c->idtr.limit;
	r->cr0 = c->cr0;
	r->cr2 = c->cr2;
	r->cr3 = c->cr3;
	r->cr4 = c->cr4;
	r->efer = c->efer;
	memcpy(r->dr, c->dr, sizeof(r->dr));
	r->star = c->star;
	r->lstar = c->lstar;
	r->cstar = c->cstar;
	r->fmask = c->fmask;
	r->kernel_gs_base = c->kernel_gs_base;
	r->sysenter_cs = c->sysenter_cs;
	r->sysenter_esp = c->sysenter_esp;
	r->sysenter_eip = c->sysenter_eip;
	r->pat = c->pat;
	r->tsc_aux = c->tsc_aux;
	get_fpu(&c->fpu, r);
	r->halted = c->halted;
	r->nmi_blocked = c->nmi_blocked;
	if (c->shadow == c->insns && c->insns)
		r->shadowed = SHADOW_INTERRUPTS | (c->shadow_debug ? SHADOW_DEBUG : 0);
}

void cpu_set_regs(struct vcpu *v, const struct cpu_regs *r)
{
	struct cpu *c = v->c;

	memcpy(c->reg, r->gpr, sizeof(r->gpr));
	c->reg[GPR_RIP] = r->rip;
	cpu_set_rflags(c, r->rflags);
	for (unsigned n = 0; n < 6; n++)
		SEGMENT_GET(c->seg[n], r->seg[n]);
	SEGMENT_GET(c->ldtr, r->ldtr);
	SEGMENT_GET(c->tr, r->tr);
	c->gdtr.base = r->gdt_base;
	c->gdtr.limit = (uint16_t)r->gdt_limit;
	c->idtr.base = r->idt_base;
	c->idtr.limit = (uint16_t)r->idt_limit;
	c->cr0 = r->cr0;
	c->cr2 = r->cr2;
	c->cr3 = r->cr3;
	c->cr4 = r->cr4;
	c->efer = r->efer;
	memcpy(c->dr, r->dr, sizeof(r->dr));
	c->star = r->star;
	c->lstar = r->lstar;
	c->cstar = r->cstar;
	c->fmask = r->fmask;
	c->kernel_gs_base = r->kernel_gs_base;
	c->sysenter_cs = r->sysenter_cs;
	c->sysenter_esp = r->sysenter_esp;
	c->sysenter_eip = r->sysenter_eip;
	c->pat = r->pat;
	c->tsc_aux = r->tsc_aux;
	set_fpu(&c->fpu, r);
	c->halted = r->halted;
	c->nmi_blocked = r->nmi_blocked;
	c->shadow = r->shadowed ? c->insns : 0;
	c->shadow_debug = r->shadowed & SHADOW_DEBUG;

	tlb_flush(v, true);
	c->code_bits = 0; /* spans are derived anew whatever the mode was */
	cpu_update_mode(v);
	/* PAE's page-directory pointers are not in the view; a reserved bit there leaves the old.
	 */
	if ((c->cr0 & CR0_PG) && (c->cr4 & CR4_PAE) && !cpu_long_mode(c))
		mmu_load_pdptes(v, c->cr3);
}
