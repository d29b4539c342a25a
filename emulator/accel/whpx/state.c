/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vCPU's state between struct cpu and the platform: one call with all register names. struct
 * cpu_regs, the architectural view, is the common ground. What struct cpu has beside it (MTRRs,
 * machine check banks) is not in the platform: those MSRs are answered by us.
 */
#include <string.h>

#include "emulator/accel/whpx/whpx.h"
#include "emulator/cpu/system.h"

/* ---- registers of 64 bits ---- */

struct word {
	uint32_t name;
	size_t offset;
};

#define WORD(name, member)                                                                         \
	{                                                                                          \
		name, offsetof(struct cpu_regs, member)                                            \
	}
#define GPR(n) WORD(WHV_RAX + n, gpr[n])

static const struct word words[] = {
    GPR(0),
    GPR(1),
    GPR(2),
    GPR(3),
    GPR(4),
    GPR(5),
    GPR(6),
    GPR(7),
    GPR(8),
    GPR(9),
    GPR(10),
    GPR(11),
    GPR(12),
    GPR(13),
    GPR(14),
    GPR(15),
    WORD(WHV_RIP, rip),
    WORD(WHV_RFLAGS, rflags),
    WORD(WHV_CR0, cr0),
    WORD(WHV_CR2, cr2),
    WORD(WHV_CR3, cr3),
    WORD(WHV_CR4, cr4),
    WORD(WHV_EFER, efer),
    WORD(WHV_DR0, dr[0]),
    WORD(WHV_DR0 + 1, dr[1]),
    WORD(WHV_DR0 + 2, dr[2]),
    WORD(WHV_DR3, dr[3]),
    WORD(WHV_DR6, dr[6]),
    WORD(WHV_DR7, dr[7]),
    WORD(WHV_STAR, star),
    WORD(WHV_LSTAR, lstar),
    WORD(WHV_CSTAR, cstar),
    WORD(WHV_SFMASK, fmask),
    WORD(WHV_KERNEL_GS_BASE, kernel_gs_base),
    WORD(WHV_SYSENTER_CS, sysenter_cs),
    WORD(WHV_SYSENTER_ESP, sysenter_esp),
    WORD(WHV_SYSENTER_EIP, sysenter_eip),
    WORD(WHV_PAT, pat),
    WORD(WHV_TSC_AUX, tsc_aux),
};
#undef GPR
#undef WORD
#define WORDS (sizeof(words) / sizeof(words[0]))

/* ---- the list of all: words, then these ---- */

enum {
	AT_SEGMENTS = WORDS,        /* ES, CS, SS, DS, FS, GS, LDTR, TR */
	AT_IDTR = AT_SEGMENTS + 8,  /* IDTR, GDTR */
	AT_XMM = AT_IDTR + 2,       /* 16 */
	AT_FP_STATUS = AT_XMM + 16, /* before the registers: it tells which is which */
	AT_FP = AT_FP_STATUS + 1,   /* 8 */
	AT_XMM_STATUS = AT_FP + 8,
	AT_INTERRUPT_STATE = AT_XMM_STATUS + 1,
	NAMES,
};

static void names_fill(uint32_t names[NAMES])
{
	for (uint32_t n = 0; n < WORDS; n++)
		names[n] = words[n].name;
	for (uint32_t n = 0; n < 8; n++) {
		names[AT_SEGMENTS + n] = WHV_ES + n;
		names[AT_FP + n] = WHV_FP0 + n;
	}
	names[AT_IDTR] = WHV_IDTR;
	names[AT_IDTR + 1] = WHV_GDTR;
	for (uint32_t n = 0; n < 16; n++)
		names[AT_XMM + n] = WHV_XMM0 + n;
	names[AT_FP_STATUS] = WHV_FP_STATUS;
	names[AT_XMM_STATUS] = WHV_XMM_STATUS;
	names[AT_INTERRUPT_STATE] = WHV_INTERRUPT_STATE;
}

/* The segment members of struct cpu_regs have no type name of their own. */
#define SEGMENT_GET(to, from)                                                                      \
	do {                                                                                       \
		(to).base = (from).base;                                                           \
		(to).limit = (from).limit;                                                         \
		(to).selector = (from).selector;                                                   \
		(to).attr = (from).attributes;                                                     \
	} while (0)
#define SEGMENT_PUT(from)                                                                          \
	((struct whv_segment){(from).base, (from).limit, (from).selector, (from).attr})

/* A segment that is not present has no attributes here, whatever a hypervisor keeps of it. */
static void segments_get(const union whv_value *v, struct cpu_regs *r)
{
	for (unsigned n = 0; n < 6; n++) {
		SEGMENT_GET(r->seg[n], v[n].segment);
		if (!(r->seg[n].attr & SEG_P))
			r->seg[n].attr = (uint16_t)(r->seg[n].attr & (3 << 5));
	}
	SEGMENT_GET(r->ldtr, v[6].segment);
	SEGMENT_GET(r->tr, v[7].segment);
}

static void segments_put(union whv_value *v, const struct cpu_regs *r)
{
	for (unsigned n = 0; n < 6; n++)
		v[n].segment = SEGMENT_PUT(r->seg[n]);
	v[6].segment = SEGMENT_PUT(r->ldtr);
	v[7].segment = SEGMENT_PUT(r->tr);
}

/*
 * x87 registers are taken to be in the order of FXSAVE, by distance from the top, with one tag bit
 * each. (The documentation names them FpMmx0 to 7 and says no more.)
 */
static unsigned physical(const struct cpu_regs *r, unsigned n)
{
	return ((unsigned)(r->fpu_status >> 11) + n) & 7;
}

static void fpu_get(const union whv_value *v, struct cpu_regs *r)
{
	const struct whv_fp_status *s = &v[AT_FP_STATUS].fp_status;

	r->fpu_control = s->control;
	r->fpu_status = s->status;
	r->fpu_opcode = s->last_opcode;
	r->fpu_ip = s->last_rip;
	r->fpu_dp = v[AT_XMM_STATUS].xmm_status.last_rdp;
	r->mxcsr = v[AT_XMM_STATUS].xmm_status.mxcsr;
	r->fpu_tag = 0;
	for (unsigned n = 0; n < 8; n++) {
		r->fpu_tag |= (s->tag >> n & 1 ? 0 : 3ull) << (2 * n);
		r->st[physical(r, n)][0] = v[AT_FP + n].u64[0];
		r->st[physical(r, n)][1] = (uint16_t)v[AT_FP + n].u64[1];
	}
	for (unsigned n = 0; n < 16; n++)
		memcpy(r->xmm[n], v[AT_XMM + n].u64, sizeof(r->xmm[n]));
}

static void fpu_put(union whv_value *v, const struct cpu_regs *r)
{
	struct whv_fp_status *s = &v[AT_FP_STATUS].fp_status;

	*s = (struct whv_fp_status){
	    .control = (uint16_t)r->fpu_control,
	    .status = (uint16_t)r->fpu_status,
	    .last_opcode = (uint16_t)r->fpu_opcode,
	    .last_rip = r->fpu_ip,
	};
	v[AT_XMM_STATUS].xmm_status = (struct whv_xmm_status){
	    .last_rdp = r->fpu_dp, .mxcsr = (uint32_t)r->mxcsr, .mxcsr_mask = 0xffff};
	for (unsigned n = 0; n < 8; n++) {
		s->tag |= (uint8_t)((r->fpu_tag >> (2 * n) & 3) != 3) << n;
		v[AT_FP + n].u64[0] = r->st[physical(r, n)][0];
		v[AT_FP + n].u64[1] = r->st[physical(r, n)][1];
	}
	for (unsigned n = 0; n < 16; n++)
		memcpy(v[AT_XMM + n].u64, r->xmm[n], sizeof(r->xmm[n]));
}

/* ---- the whole ---- */

bool whpx_state_get(struct whpx *w)
{
	struct vcpu *v = &w->m->vcpu;
	union whv_value values[NAMES];
	uint32_t names[NAMES];
	struct cpu_regs r;
	uint64_t state;

	if (w->cpu_newer || w->cpu_current)
		return true;
	names_fill(names);
	if (WHV_FAILED(WHPX_CALL(&w->platform, WHvGetVirtualProcessorRegisters, w->partition, 0,
				 names, NAMES, values))) {
		whpx_fail(w);
		return false;
	}
	cpu_get_regs(v->c, &r); /* for what the platform does not keep */
	for (size_t n = 0; n < WORDS; n++)
		memcpy((char *)&r + words[n].offset, &values[n].reg, sizeof(uint64_t));
	segments_get(values + AT_SEGMENTS, &r);
	r.idt_base = values[AT_IDTR].table.base;
	r.idt_limit = values[AT_IDTR].table.limit;
	r.gdt_base = values[AT_IDTR + 1].table.base;
	r.gdt_limit = values[AT_IDTR + 1].table.limit;
	fpu_get(values, &r);
	state = values[AT_INTERRUPT_STATE].reg;
	r.nmi_blocked = state & WHV_STATE_NMI_MASKED ? 1 : 0;
	r.shadowed = state & WHV_STATE_SHADOW ? 1 : 0;
	cpu_set_regs(v, &r);
	w->cpu_current = true;
	return true;
}

bool whpx_state_put(struct whpx *w)
{
	union whv_value values[NAMES];
	uint32_t names[NAMES];
	struct cpu_regs r;

	cpu_get_regs(w->m->vcpu.c, &r);
	names_fill(names);
	memset(values, 0, sizeof(values));
	for (size_t n = 0; n < WORDS; n++)
		memcpy(&values[n].reg, (const char *)&r + words[n].offset, sizeof(uint64_t));
	segments_put(values + AT_SEGMENTS, &r);
	values[AT_IDTR].table.base = r.idt_base;
	values[AT_IDTR].table.limit = (uint16_t)r.idt_limit;
	values[AT_IDTR + 1].table.base = r.gdt_base;
	values[AT_IDTR + 1].table.limit = (uint16_t)r.gdt_limit;
	fpu_put(values, &r);
	values[AT_INTERRUPT_STATE].reg =
	    (r.shadowed ? WHV_STATE_SHADOW : 0) | (r.nmi_blocked ? WHV_STATE_NMI_MASKED : 0);
	if (WHV_FAILED(WHPX_CALL(&w->platform, WHvSetVirtualProcessorRegisters, w->partition, 0,
				 names, NAMES, values))) {
		whpx_fail(w);
		return false;
	}
	/* What was known from the last exit is no more. */
	w->exit.vp.rflags = r.rflags;
	w->exit.vp.rip = r.rip;
	w->exit.vp.state &= (uint16_t)~WHV_VP_INTERRUPTION_PENDING;
	w->shadow = r.shadowed;
	w->cpu_newer = false;
	w->cpu_current = true;
	return true;
}

/* ---- a few ---- */

bool whpx_get(struct whpx *w, uint32_t name, uint64_t *value)
{
	union whv_value v = {.reg = 0};

	if (WHV_FAILED(WHPX_CALL(&w->platform, WHvGetVirtualProcessorRegisters, w->partition, 0,
				 &name, 1, &v))) {
		whpx_fail(w);
		return false;
	}
	*value = v.reg;
	return true;
}

bool whpx_set(struct whpx *w, const uint32_t *names, const uint64_t *values, uint32_t count)
{
	union whv_value v[8];

	memset(v, 0, sizeof(v));
	for (uint32_t n = 0; n < count; n++)
		v[n].reg = values[n];
	if (WHV_FAILED(WHPX_CALL(&w->platform, WHvSetVirtualProcessorRegisters, w->partition, 0,
				 names, count, v))) {
		whpx_fail(w);
		return false;
	}
	return true;
}
