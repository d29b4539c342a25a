/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Registers of the software platform's processor by name. Plain ones are copied; those that decide
 * how the processor works (segments, control registers) have it worked out anew afterwards.
 */
#include <string.h>

#include "emulator/accel/whpx/soft/soft.h"
#include "emulator/cpu/debug.h"
#include "emulator/cpu/flags.h"
#include "emulator/cpu/fpu.h"
#include "emulator/cpu/mem.h"
#include "emulator/cpu/system.h"

/* ---- those of 64 bits that are nothing but storage ---- */

static uint64_t *plain(struct soft_vp *vp, uint32_t name)
{
	struct cpu *c = &vp->cpu;

	if (name <= WHV_RIP)
		return &c->reg[name]; /* the same order, RIP last */
	if (name >= WHV_DR0 && name <= WHV_DR3)
		return &c->dr[name - WHV_DR0];
	switch (name) {
	case WHV_CR2:
		return &c->cr2;
	case WHV_CR8:
		return &c->cr8;
	case WHV_DR6:
		return &c->dr[6];
	case WHV_KERNEL_GS_BASE:
		return &c->kernel_gs_base;
	case WHV_APIC_BASE:
		return &vp->apic_base;
	case WHV_PAT:
		return &c->pat;
	case WHV_SYSENTER_CS:
		return &c->sysenter_cs;
	case WHV_SYSENTER_EIP:
		return &c->sysenter_eip;
	case WHV_SYSENTER_ESP:
		return &c->sysenter_esp;
	case WHV_STAR:
		return &c->star;
	case WHV_LSTAR:
		return &c->lstar;
	case WHV_CSTAR:
		return &c->cstar;
	case WHV_SFMASK:
		return &c->fmask;
	case WHV_TSC_AUX:
		return &c->tsc_aux;
	case WHV_PENDING_INTERRUPTION:
		return &vp->pending;
	case WHV_DELIVERABILITY:
		return &vp->notify;
	default:
		return NULL;
	}
}

/* ---- those that decide how the processor works ---- */

static uint64_t *mode_register(struct cpu *c, uint32_t name)
{
	switch (name) {
	case WHV_CR0:
		return &c->cr0;
	case WHV_CR3:
		return &c->cr3;
	case WHV_CR4:
		return &c->cr4;
	case WHV_DR7:
		return &c->dr[7];
	case WHV_EFER:
		return &c->efer;
	default:
		return NULL;
	}
}

static struct segment *segment_register(struct cpu *c, uint32_t name)
{
	if (name >= WHV_ES && name <= WHV_GS)
		return &c->seg[name - WHV_ES]; /* the same order */
	return name == WHV_LDTR ? &c->ldtr : name == WHV_TR ? &c->tr : NULL;
}

static struct table *table_register(struct cpu *c, uint32_t name)
{
	return name == WHV_GDTR ? &c->gdtr : name == WHV_IDTR ? &c->idtr : NULL;
}

/* ---- x87 and SSE; in the order of FXSAVE, by distance from the top ---- */

static struct f80 *fp_register(struct cpu *c, uint32_t name)
{
	return &c->fpu.st[(fpu_top(&c->fpu) + name - WHV_FP0) & 7];
}

static bool is_fp(uint32_t name)
{
	return name >= WHV_FP0 && name <= WHV_FP7;
}

static bool is_xmm(uint32_t name)
{
	return name >= WHV_XMM0 && name <= WHV_XMM15;
}

static struct whv_fp_status fp_status(const struct fpu *f)
{
	struct whv_fp_status s = {
	    .control = f->control,
	    .status = f->status,
	    .last_opcode = f->opcode,
	    .last_rip = f->ip,
	};

	for (unsigned n = 0; n < 8; n++)
		s.tag |= (uint8_t)((f->tag >> (2 * n) & 3) != 3) << n;
	return s;
}

static void fp_status_set(struct fpu *f, const struct whv_fp_status *s)
{
	f->control = s->control;
	f->status = s->status;
	f->opcode = s->last_opcode;
	f->ip = s->last_rip;
	f->tag = 0;
	for (unsigned n = 0; n < 8; n++)
		f->tag |= (uint16_t)((s->tag >> n & 1 ? 0 : 3u) << (2 * n));
}

/* ---- what there is of events ---- */

static uint64_t interrupt_state(const struct cpu *c)
{
	return (c->shadow == c->insns ? WHV_STATE_SHADOW : 0) |
	       (c->nmi_blocked ? WHV_STATE_NMI_MASKED : 0);
}

static void interrupt_state_set(struct cpu *c, uint64_t value)
{
	c->shadow = value & WHV_STATE_SHADOW ? c->insns : 0;
	c->shadow_debug = false;
	c->nmi_blocked = value & WHV_STATE_NMI_MASKED;
}

/* ---- getting ---- */

static bool get(struct soft_vp *vp, uint32_t name, union whv_value *value)
{
	struct cpu *c = &vp->cpu;
	const uint64_t *word = plain(vp, name);
	const struct segment *s = segment_register(c, name);
	const struct table *t = table_register(c, name);

	memset(value, 0, sizeof(*value));
	word = word ? word : mode_register(c, name);
	if (word) {
		value->reg = *word;
	} else if (s) {
		value->segment = (struct whv_segment){s->base, s->limit, s->selector, s->attr};
	} else if (t) {
		value->table.limit = t->limit;
		value->table.base = t->base;
	} else if (is_xmm(name)) {
		memcpy(value, &c->fpu.xmm[name - WHV_XMM0], 16);
	} else if (is_fp(name)) {
		value->u64[0] = fp_register(c, name)->mantissa;
		value->u64[1] = fp_register(c, name)->sign_exponent;
	} else if (name == WHV_FP_STATUS) {
		value->fp_status = fp_status(&c->fpu);
	} else if (name == WHV_XMM_STATUS) {
		value->xmm_status = (struct whv_xmm_status){c->fpu.dp, c->fpu.mxcsr, MXCSR_MASK};
	} else if (name == WHV_RFLAGS) {
		value->reg = cpu_rflags(c);
	} else if (name == WHV_INTERRUPT_STATE) {
		value->reg = interrupt_state(c);
	} else if (name == WHV_TSC) {
		value->reg = soft_ops.now(vp->v.machine) + c->tsc_offset;
	} else {
		return false;
	}
	return true;
}

SOFT_EXPORT whv_result WHvGetVirtualProcessorRegisters(whv_partition partition, uint32_t index,
						       const uint32_t *names, uint32_t count,
						       union whv_value *values)
{
	struct soft_partition *p = partition;

	if (!p || !names || !values || !count)
		return WHV_INVALID_ARGUMENT;
	if (index || !p->vp.exists)
		return WHV_VP_DOES_NOT_EXIST;
	for (uint32_t n = 0; n < count; n++) {
		if (!get(&p->vp, names[n], &values[n]))
			return WHV_INVALID_VP_REGISTER_NAME;
	}
	return WHV_OK;
}

/* ---- setting ---- */

/* What has to be worked out anew. */
struct changes {
	bool mode, translation, top;
};

static bool set(struct soft_vp *vp, uint32_t name, const union whv_value *value,
		struct changes *changes)
{
	struct cpu *c = &vp->cpu;
	uint64_t *word = plain(vp, name), *mode = mode_register(c, name);
	struct segment *s = segment_register(c, name);
	struct table *t = table_register(c, name);

	if (word) {
		*word = value->reg;
	} else if (mode) {
		changes->translation |= name != WHV_DR7 && *mode != value->reg;
		changes->mode = true;
		*mode = value->reg;
	} else if (s) {
		*s = (struct segment){.base = value->segment.base,
				      .limit = value->segment.limit,
				      .selector = value->segment.selector,
				      .attr = value->segment.attributes};
		changes->mode = true;
	} else if (t) {
		*t = (struct table){.base = value->table.base, .limit = value->table.limit};
	} else if (is_xmm(name)) {
		memcpy(&c->fpu.xmm[name - WHV_XMM0], value, 16);
	} else if (is_fp(name)) {
		*fp_register(c, name) = (struct f80){value->u64[0], (uint16_t)value->u64[1]};
	} else if (name == WHV_FP_STATUS) {
		fp_status_set(&c->fpu, &value->fp_status);
	} else if (name == WHV_XMM_STATUS) {
		c->fpu.dp = value->xmm_status.last_rdp;
		c->fpu.mxcsr = value->xmm_status.mxcsr & MXCSR_MASK;
	} else if (name == WHV_RFLAGS) {
		cpu_set_rflags(c, value->reg);
		changes->mode = true;
	} else if (name == WHV_INTERRUPT_STATE) {
		interrupt_state_set(c, value->reg);
	} else if (name == WHV_TSC) {
		c->tsc_offset = value->reg - soft_ops.now(vp->v.machine);
	} else {
		return false;
	}
	return true;
}

SOFT_EXPORT whv_result WHvSetVirtualProcessorRegisters(whv_partition partition, uint32_t index,
						       const uint32_t *names, uint32_t count,
						       const union whv_value *values)
{
	struct soft_partition *p = partition;
	struct changes changes = {.mode = false};
	struct cpu *c;

	if (!p || !names || !values || !count)
		return WHV_INVALID_ARGUMENT;
	if (index || !p->vp.exists)
		return WHV_VP_DOES_NOT_EXIST;
	c = &p->vp.cpu;
	/* The top of the x87 stack decides which register is which, so it comes first. */
	for (uint32_t n = 0; n < count; n++) {
		if (names[n] == WHV_FP_STATUS)
			set(&p->vp, names[n], &values[n], &changes);
	}
	for (uint32_t n = 0; n < count; n++) {
		if (!set(&p->vp, names[n], &values[n], &changes))
			return WHV_INVALID_VP_REGISTER_NAME;
	}
	if (changes.translation)
		tlb_flush(&p->vp.v, true);
	if (changes.mode) {
		c->code_bits = 0; /* spans are derived anew whatever the mode was */
		cpu_update_mode(&p->vp.v);
	}
	if (changes.translation && (c->cr0 & CR0_PG) && (c->cr4 & CR4_PAE) && !cpu_long_mode(c) &&
	    !WHV_FAILED(soft_memory_prepare(p)))
		mmu_load_pdptes(&p->vp.v, c->cr3);
	return WHV_OK;
}
