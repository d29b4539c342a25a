/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The virtual processor of the software platform: making it, running it, and between which
 * instructions it stops. It runs in slices, so that a cancellation by another thread is seen soon
 * without the interpreter having to look at anything that two threads share.
 */
#include <string.h>

#include "emulator/accel/whpx/soft/soft.h"
#include "emulator/cpu/mem.h"
#include "emulator/cpu/system.h"

/* Page-fault error code, SDM vol. 3A 4.7. */
#define PF_PRESENT  (1u << 0)
#define PF_RESERVED (1u << 3)

#define SLICE 8192 /* instructions: some tens of microseconds */

static struct cpu_model model_of(uint64_t features)
{
	return (struct cpu_model){
	    .name = "software platform",
	    .v2 = features & WHV_PROCESSOR_SSE4_2,
	    .smep = features & WHV_PROCESSOR_SMEP,
	    .smap = features & WHV_PROCESSOR_SMAP,
	    .umip = features & WHV_PROCESSOR_UMIP,
	    .pdpe1gb = features & WHV_PROCESSOR_PAGE_1GB,
	};
}

SOFT_EXPORT whv_result WHvCreateVirtualProcessor(whv_partition partition, uint32_t index,
						 uint32_t flags)
{
	struct soft_partition *p = partition;
	struct soft_vp *vp;

	if (!p || flags)
		return WHV_INVALID_ARGUMENT;
	if (!p->set_up)
		return WHV_INVALID_PARTITION_CONFIG;
	if (index >= p->processors)
		return WHV_INVALID_ARGUMENT;
	vp = &p->vp;
	if (vp->exists)
		return WHV_VP_ALREADY_EXISTS;
	vp->v.c = &vp->cpu;
	vp->v.tlb = &vp->tlb;
	vp->v.ops = &soft_ops;
	vp->v.machine = (struct machine *)(void *)p;
	vp->v.page_dirty = soft_page_dirty;
	vp->v.model = model_of(p->features);
	vcpu_reset(&vp->v);
	vp->cpu.insns = 1; /* 0 would mean that nothing can be in a shadow (cpu.h) */
	vp->pending = vp->notify = 0;
	vp->apic_base = 0xfee00900;
	atomic_store(&vp->cancel, false);
	vp->exists = true;
	return WHV_OK;
}

SOFT_EXPORT whv_result WHvDeleteVirtualProcessor(whv_partition partition, uint32_t index)
{
	struct soft_partition *p = partition;

	if (!p)
		return WHV_INVALID_ARGUMENT;
	if (index || !p->vp.exists)
		return WHV_VP_DOES_NOT_EXIST;
	p->vp.exists = false;
	return WHV_OK;
}

/* One that comes while the processor is not run ends the next run at once. */
SOFT_EXPORT whv_result WHvCancelRunVirtualProcessor(whv_partition partition, uint32_t index,
						    uint32_t flags)
{
	struct soft_partition *p = partition;

	if (!p || flags)
		return WHV_INVALID_ARGUMENT;
	if (index || !p->vp.exists)
		return WHV_VP_DOES_NOT_EXIST;
	atomic_store(&p->vp.cancel, true);
	return WHV_OK;
}

/* ---- exits ---- */

static uint16_t state_of(const struct soft_vp *vp)
{
	const struct cpu *c = &vp->cpu;
	bool shadow = c->insns && c->shadow == c->insns;

	return (uint16_t)(c->cpl | (c->cr0 & CR0_PE ? WHV_VP_CR0_PE : 0) |
			  (c->cr0 & CR0_AM ? WHV_VP_CR0_AM : 0) |
			  (c->efer & EFER_LMA ? WHV_VP_EFER_LMA : 0) |
			  (c->dr[7] & 0xff ? WHV_VP_DEBUG_ACTIVE : 0) |
			  (vp->pending & WHV_PENDING ? WHV_VP_INTERRUPTION_PENDING : 0) |
			  (shadow ? WHV_VP_INTERRUPT_SHADOW : 0));
}

void soft_exit_begin(struct soft_partition *p, enum whv_exit_reason reason)
{
	struct soft_vp *vp = &p->vp;
	struct whv_exit_context *x = vp->exit;
	struct cpu_regs r;

	cpu_get_regs(&vp->cpu, &r);
	memset(x, 0, sizeof(*x));
	x->reason = reason;
	x->vp.state = state_of(vp);
	x->vp.length_cr8 = (uint8_t)(vp->cpu.cr8 << 4);
	x->vp.cs = (struct whv_segment){r.seg[SEG_CS].base, r.seg[SEG_CS].limit,
					r.seg[SEG_CS].selector, r.seg[SEG_CS].attr};
	x->vp.rip = r.rip;
	x->vp.rflags = r.rflags;
}

_Noreturn void soft_exit_leave(struct soft_partition *p)
{
	longjmp(p->vp.leave, 1);
}

/* ---- events ---- */

/*
 * Delivers what WHV_PENDING_INTERRUPTION asks for. It stays pending until that is done, as an
 * exit may come from the accesses of the delivery. False: no processor would take it now.
 */
static bool deliver(struct soft_vp *vp)
{
	uint64_t pending = vp->pending;
	uint8_t vector = (uint8_t)(pending >> WHV_PENDING_VECTOR_SHIFT);

	switch (pending >> WHV_PENDING_TYPE_SHIFT & 7) {
	case WHV_EVENT_INTERRUPT:
		if (!vcpu_can_interrupt(&vp->v))
			return false;
		vcpu_interrupt(&vp->v, vector);
		break;
	case WHV_EVENT_NMI:
		if (!vcpu_can_nmi(&vp->v))
			return false;
		vcpu_nmi(&vp->v);
		break;
	case WHV_EVENT_EXCEPTION:
		vp->v.fault_vector = vector;
		vp->v.fault_has_error = pending & WHV_PENDING_HAS_ERROR;
		vp->v.fault_error = (uint32_t)(pending >> WHV_PENDING_ERROR_SHIFT);
		cpu_deliver_fault(&vp->v);
		break;
	default:
		return false;
	}
	vp->pending = 0;
	return true;
}

static bool can_interrupt(const struct soft_vp *vp)
{
	unsigned class = (vp->notify & WHV_NOTIFY_PRIORITY) >> WHV_NOTIFY_PRIORITY_SHIFT;

	return vcpu_can_interrupt(&vp->v) && (!class || class > vp->cpu.cr8);
}

/* The guest can be interrupted, and the user asked to be told. */
static bool window(struct soft_partition *p)
{
	struct soft_vp *vp = &p->vp;
	bool nmi = (vp->notify & WHV_NOTIFY_NMI) && vcpu_can_nmi(&vp->v);

	if (!nmi && !((vp->notify & WHV_NOTIFY_INTERRUPT) && can_interrupt(vp)))
		return false;
	soft_exit_begin(p, WHV_EXIT_INTERRUPT_WINDOW);
	vp->exit->window_type = nmi ? WHV_EVENT_NMI : WHV_EVENT_INTERRUPT;
	vp->notify = 0; /* told once */
	return true;
}

/* ---- running ---- */

/* Registers were set to what no processor can have together. */
static bool is_impossible(const struct cpu *c)
{
	bool paging = c->cr0 & CR0_PG, protection = c->cr0 & CR0_PE;

	return (paging && !protection) || c->cr0 >> 32 ||
	       ((c->efer & EFER_LMA) && (!paging || !(c->cr4 & CR4_PAE)));
}

/* How far until there is something to look at. */
static uint64_t limit_of(const struct soft_vp *vp)
{
	const struct cpu *c = &vp->cpu;
	bool shadow = c->shadow == c->insns;

	return c->insns + (shadow && vp->notify ? 1 : SLICE);
}

static void run(struct soft_partition *p)
{
	struct soft_vp *vp = &p->vp;
	struct cpu *c = &vp->cpu;

	if (setjmp(vp->leave))
		return; /* inside an instruction; the exit is filled in */
	for (;;) {
		if (atomic_exchange(&vp->cancel, false)) {
			soft_exit_begin(p, WHV_EXIT_CANCELED);
			return;
		}
		if (is_impossible(c) || ((vp->pending & WHV_PENDING) && !deliver(vp))) {
			soft_exit_begin(p, WHV_EXIT_INVALID_REGISTER);
			return;
		}
		if (c->shutdown) {
			c->shutdown = false;
			soft_exit_begin(p, WHV_EXIT_UNRECOVERABLE_EXCEPTION);
			return;
		}
		if (vp->notify && window(p))
			return;
		/* Instructions that open the window leave the interpreter. */
		c->intr = vp->notify & WHV_NOTIFY_INTERRUPT;
		c->nmi_pending = vp->notify & WHV_NOTIFY_NMI;
		vp->v.limit = limit_of(vp);
		interp_run(&vp->v);
		if (c->halted) {
			c->halted = false;
			soft_exit_begin(p, WHV_EXIT_HALT);
			return;
		}
	}
}

/* Instructions come from memory as it is now: see memory.c. */
static void forget_fetches(struct soft_vp *vp)
{
	for (unsigned user = 0; user < 2; user++)
		for (unsigned n = 0; n < TLB_SIZE; n++)
			vp->tlb.code[user][n].page = TLB_EMPTY;
}

SOFT_EXPORT whv_result WHvRunVirtualProcessor(whv_partition partition, uint32_t index,
					      void *exit_context, uint32_t size)
{
	struct soft_partition *p = partition;
	whv_result result;

	if (!p || !exit_context)
		return WHV_INVALID_ARGUMENT;
	if (index || !p->vp.exists)
		return WHV_VP_DOES_NOT_EXIST;
	if (size < sizeof(struct whv_exit_context))
		return WHV_INSUFFICIENT_BUFFER;
	result = soft_memory_prepare(p);
	if (WHV_FAILED(result))
		return result;
	p->vp.exit = exit_context;
	forget_fetches(&p->vp);
	run(p);
	p->vp.v.insn = NULL;
	return WHV_OK;
}

/* ---- translation ---- */

SOFT_EXPORT whv_result WHvTranslateGva(whv_partition partition, uint32_t index, uint64_t gva,
				       uint32_t flags, struct whv_translate_result *result,
				       uint64_t *gpa)
{
	struct soft_partition *p = partition;
	const struct mem_purpose how = {
	    .write = flags & WHV_TRANSLATE_WRITE,
	    .fetch = flags & WHV_TRANSLATE_EXECUTE,
	    .exempt = flags & WHV_TRANSLATE_EXEMPT,
	    .mark = flags & WHV_TRANSLATE_SET_TABLE,
	};
	struct mem_translation t;
	whv_result prepared;

	if (!p || !result || !gpa)
		return WHV_INVALID_ARGUMENT;
	if (index || !p->vp.exists)
		return WHV_VP_DOES_NOT_EXIST;
	prepared = soft_memory_prepare(p);
	if (WHV_FAILED(prepared))
		return prepared;
	t = mem_translate(&p->vp.v, gva, &how);
	*gpa = t.gpa;
	*result = (struct whv_translate_result){
	    .code = t.ok                      ? WHV_TRANSLATED
		    : !(t.error & PF_PRESENT) ? WHV_PAGE_NOT_PRESENT
		    : t.error & PF_RESERVED   ? WHV_INVALID_PAGE_TABLE
					      : WHV_PRIVILEGE_VIOLATION};
	return WHV_OK;
}
