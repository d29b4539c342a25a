/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The platform's exits in the vocabulary of exit.h. What is the processor's own (CPUID, its MSRs,
 * the time stamp counter) is answered from struct cpu and crosses no edge.
 */
#include <stdio.h>
#include <string.h>

#include "emulator/accel/whpx/whpx.h"
#include "emulator/cpu/cpuid.h"
#include "emulator/cpu/flags.h"
#include "emulator/cpu/system.h"

static unsigned length_of(const struct whpx *w)
{
	return w->exit.vp.length_cr8 & 15;
}

static uint64_t rip_after(const struct whpx *w)
{
	const struct whv_vp_context *vp = &w->exit.vp;
	bool wide = (vp->state & WHV_VP_EFER_LMA) && (vp->cs.attributes & SEG_L);
	uint64_t rip = vp->rip + length_of(w);

	return wide ? rip : (uint32_t)rip;
}

/* Registers that an instruction leaves, and on to the next one. */
static void finish(struct whpx *w, const uint32_t *names, const uint64_t *values, uint32_t count)
{
	uint32_t name[8];
	uint64_t value[8];

	memcpy(name, names, count * sizeof(*names));
	memcpy(value, values, count * sizeof(*values));
	name[count] = WHV_RIP;
	value[count++] = rip_after(w);
	if (w->shadow) {
		/* It was for this instruction. NMIs are not masked anew: that bit stays. */
		uint64_t state;

		if (!whpx_get(w, WHV_INTERRUPT_STATE, &state))
			return;
		name[count] = WHV_INTERRUPT_STATE;
		value[count++] = state & ~WHV_STATE_SHADOW;
	}
	if (whpx_set(w, name, value, count))
		w->shadow = false;
	w->exit.vp.rip = rip_after(w);
}

/* ---- the processor's own ---- */

static void exit_cpuid(struct whpx *w)
{
	const struct whv_cpuid_access *a = &w->exit.cpuid;
	const struct vcpu *v = &w->m->vcpu;
	uint32_t out[4];

	/* What is answered may depend on the mode and the CPL. */
	if (v->model.measured && !whpx_state_get(w))
		return;
	cpuid_query(&v->model, v->c, (uint32_t)a->rax, (uint32_t)a->rcx, out);
	finish(w, (const uint32_t[]){WHV_RAX, WHV_RBX, WHV_RCX, WHV_RDX},
	       (const uint64_t[]){out[0], out[1], out[2], out[3]}, 4);
}

/*
 * The host's clock, asked through the door each time: a guest that waits by reading the time stamp
 * counter must see it go on.
 */
static void exit_rdtsc(struct whpx *w)
{
	struct vcpu *v = &w->m->vcpu;
	uint64_t tsc;

	if (!v->ops->tsc_read(w->m, &tsc))
		tsc = v->ops->now(w->m) + v->c->tsc_offset;
	finish(w, (const uint32_t[]){WHV_RAX, WHV_RDX, WHV_RCX},
	       (const uint64_t[]){(uint32_t)tsc, tsc >> 32, (uint32_t)v->c->tsc_aux},
	       w->exit.rdtsc.is_rdtscp & 1 ? 3 : 2);
}

static void raise_gp(struct whpx *w)
{
	uint32_t name = WHV_PENDING_INTERRUPTION;
	uint64_t value = WHV_PENDING | WHV_EVENT_EXCEPTION << WHV_PENDING_TYPE_SHIFT |
			 WHV_PENDING_HAS_ERROR | (uint64_t)EXC_GP << WHV_PENDING_VECTOR_SHIFT;

	if (whpx_set(w, &name, &value, 1))
		w->exit.vp.state |= WHV_VP_INTERRUPTION_PENDING;
}

static void exit_msr(struct whpx *w)
{
	const struct whv_msr_access *a = &w->exit.msr;
	bool is_write = a->is_write & 1;
	uint64_t value = a->rdx << 32 | (uint32_t)a->rax;
	struct vcpu *v = &w->m->vcpu;

	/* msr.c takes the RIP of its exits from there. */
	if (!w->cpu_current)
		v->c->reg[GPR_RIP] = w->exit.vp.rip;
	if (!vcpu_msr(v, a->index, is_write, &value))
		raise_gp(w);
	else
		finish(w, (const uint32_t[]){WHV_RAX, WHV_RDX},
		       (const uint64_t[]){(uint32_t)value, value >> 32}, is_write ? 0 : 2);
}

/* ---- the machine's ---- */

static void exit_hlt(struct whpx *w)
{
	struct exit e = {.kind = EXIT_HLT, .is_write = true, .rip = w->exit.vp.rip};

	w->m->vcpu.c->halted = true;
	machine_exit(w->m, &e);
	vcpu_kick(&w->m->vcpu);
}

static void exit_shutdown(struct whpx *w)
{
	struct exit e = {.kind = EXIT_SHUTDOWN, .is_write = true, .rip = w->exit.vp.rip};

	machine_exit(w->m, &e);
	vcpu_kick(&w->m->vcpu);
}

/* ---- what must not happen ---- */

static const struct {
	uint32_t reason;
	const char *name, *meaning;
} unexpected[] = {
    {WHV_EXIT_NONE, "None", "the platform did not say why"},
    {WHV_EXIT_INVALID_REGISTER, "InvalidVpRegisterValue",
     "the processor refuses the registers that it was given"},
    {WHV_EXIT_UNSUPPORTED_FEATURE, "UnsupportedFeature",
     "the guest uses what the platform does not have"},
    {WHV_EXIT_APIC_EOI, "ApicEoi", "Hyper-V's APIC is on, though it was not asked for"},
    {WHV_EXIT_SYNIC_SINT, "SynicSintDeliverable", "it was not asked for"},
    {WHV_EXIT_EXCEPTION, "Exception", "it was not asked for"},
    {WHV_EXIT_APIC_SMI, "ApicSmiTrap", "it was not asked for"},
    {WHV_EXIT_HYPERCALL, "Hypercall", "it was not asked for"},
    {WHV_EXIT_APIC_INIT_SIPI, "ApicInitSipiTrap", "it was not asked for"},
    {WHV_EXIT_APIC_WRITE, "ApicWriteTrap", "it was not asked for"},
};

static void stop_unexpected(struct whpx *w)
{
	const struct whv_exit_context *x = &w->exit;
	const char *name = "a reason that vcr has no word for", *meaning = "a newer Windows?";
	char text[512], more[96] = "";

	for (size_t i = 0; i < sizeof(unexpected) / sizeof(unexpected[0]); i++) {
		if (unexpected[i].reason == x->reason) {
			name = unexpected[i].name;
			meaning = unexpected[i].meaning;
		}
	}
	if (x->reason == WHV_EXIT_UNSUPPORTED_FEATURE)
		snprintf(more, sizeof(more), ", feature %u parameter 0x%llx", x->unsupported.code,
			 (unsigned long long)x->unsupported.parameter);
	else if (x->reason == WHV_EXIT_EXCEPTION)
		snprintf(more, sizeof(more), ", vector %u", x->exception.type);
	snprintf(text, sizeof(text),
		 "WHPX: unexpected exit 0x%x, %s, at cs 0x%x rip 0x%llx%s: %s (try -accel tcg)",
		 x->reason, name, x->vp.cs.selector, (unsigned long long)x->vp.rip, more, meaning);
	whpx_stop(w, text);
}

/* ---- dispatch ---- */

/* Exits of instructions that a debugger in the guest may be stepping over. */
static bool is_of_instruction(uint32_t reason)
{
	return reason == WHV_EXIT_MEMORY || reason == WHV_EXIT_IO || reason == WHV_EXIT_MSR ||
	       reason == WHV_EXIT_CPUID || reason == WHV_EXIT_RDTSC;
}

bool whpx_exit(struct whpx *w)
{
	uint32_t reason = w->exit.reason;

	if (is_of_instruction(reason) && (w->exit.vp.state & WHV_VP_INTERRUPTION_PENDING)) {
		whpx_interpret_delivery(w);
		return false;
	}
	if (is_of_instruction(reason) && whpx_is_debugged(w)) {
		whpx_interpret(w);
		return false;
	}
	switch (reason) {
	case WHV_EXIT_MEMORY:
		whpx_emulate_memory(w);
		return false;
	case WHV_EXIT_IO:
		whpx_emulate_io(w);
		return false;
	case WHV_EXIT_MSR:
		exit_msr(w);
		return false;
	case WHV_EXIT_CPUID:
		exit_cpuid(w);
		return false;
	case WHV_EXIT_RDTSC:
		exit_rdtsc(w);
		return false;
	case WHV_EXIT_HALT:
		exit_hlt(w);
		return false;
	case WHV_EXIT_UNRECOVERABLE_EXCEPTION:
		exit_shutdown(w);
		return false;
	case WHV_EXIT_INTERRUPT_WINDOW:
		w->unheeded = w->notify & WHV_NOTIFY_PRIORITY;
		w->notify = 0; /* told once */
		return true;
	default:
		stop_unexpected(w);
		return true;
	}
}
