/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the software platform's processor gives control away inside an instruction: the exits that
 * emulator/cpu makes, in the form that a user of WHvRunVirtualProcessor() gets them.
 */
#include <string.h>

#include "emulator/accel/whpx/soft/soft.h"
#include "emulator/cpu/cpuid.h"
#include "emulator/cpu/insn.h"
#include "emulator/cpu/mem.h"
#include "emulator/cpu/system.h"
#include "emulator/host/os.h"

#define MSR_TSC       0x10
#define MSR_APIC_BASE 0x1b

/* ---- abandoning an instruction ---- */

/*
 * RIP goes back to the instruction, and so does the count, by which the shadow of STI is known.
 * Returns its length; 0 when it was not decoded yet, or an event was being delivered.
 */
static unsigned abandon(struct soft_partition *p)
{
	struct vcpu *v = &p->vp.v;
	unsigned length = 0;

	if (v->insn) {
		length = v->insn->length;
		v->c->reg[GPR_RIP] = exit_rip(v) & v->c->linear_mask;
		v->c->insns--;
		v->insn = NULL;
	}
	/* Breakpoints that it hit are hit again by whoever executes it. */
	v->c->pending_db &= ~0xfull;
	return length;
}

static void set_length(struct soft_partition *p, unsigned length)
{
	p->vp.exit->vp.length_cr8 |= (uint8_t)(length & 15);
}

/* The instruction at CS:RIP; returns how many bytes could be had. */
static uint8_t insn_bytes(struct soft_partition *p, unsigned length, uint8_t *bytes)
{
	struct vcpu *v = &p->vp.v;
	unsigned n = 0;

	for (; n < length && n < WHV_INSN_BYTES; n++) {
		uint64_t rip = v->c->reg[GPR_RIP] + n, gpa, at;
		uint64_t linear =
		    v->c->code_bits == 64 ? rip : (uint32_t)(v->c->seg[SEG_CS].base + rip);
		bool writable;

		if (!mem_debug_translate(v, linear, &gpa))
			break;
		at = soft_ram_page(v->machine, gpa & PAGE_MASK, &writable);
		if (at == UINT64_MAX)
			break;
		bytes[n] = v->ram[at + (gpa & ~PAGE_MASK)];
	}
	return (uint8_t)n;
}

/* ---- memory ---- */

static _Noreturn void leave_memory(struct soft_partition *p, unsigned length, uint64_t gpa,
				   unsigned type)
{
	struct whv_memory_access *a = &p->vp.exit->memory;

	soft_exit_begin(p, WHV_EXIT_MEMORY);
	set_length(p, length);
	a->insn_length = insn_bytes(p, length, a->insn);
	a->info = type | (soft_find(p, gpa) ? 0 : WHV_ACCESS_UNMAPPED);
	a->gpa = gpa;
	soft_exit_leave(p);
}

static void fetch_page(struct machine *m, uint64_t linear, uint64_t gpa)
{
	struct soft_partition *p = soft_of(m);
	const struct soft_range *r = soft_find(p, gpa);

	if (r && (r->flags & WHV_MAP_EXECUTE))
		soft_page_verify(p, (uint64_t)(r->host + (gpa - r->gpa) - p->vp.v.ram) / SOFT_PAGE);
	else
		leave_memory(p, abandon(p), gpa | (linear & ~PAGE_MASK), WHV_ACCESS_EXECUTE);
}

/* ---- I/O ---- */

static struct whv_segment segment_of(const struct cpu_regs *r, unsigned seg)
{
	return (struct whv_segment){r->seg[seg].base, r->seg[seg].limit, r->seg[seg].selector,
				    r->seg[seg].attr};
}

static _Noreturn void leave_io(struct soft_partition *p, const struct exit *e)
{
	const struct insn *i = p->vp.v.insn;
	struct whv_io_access *a = &p->vp.exit->io;
	bool string = i->opcode < 0x70, repeat = string && i->rep != REP_NONE;
	unsigned length = abandon(p);
	struct cpu_regs r;

	cpu_get_regs(&p->vp.cpu, &r);
	soft_exit_begin(p, WHV_EXIT_IO);
	set_length(p, length);
	a->insn_length = insn_bytes(p, length, a->insn);
	a->info = (e->is_write ? WHV_IO_WRITE : 0) | (uint32_t)e->size << WHV_IO_SIZE_SHIFT |
		  (string ? WHV_IO_STRING : 0) | (repeat ? WHV_IO_REPEAT : 0);
	a->port = (uint16_t)e->address;
	a->rax = r.gpr[GPR_RAX];
	a->rcx = r.gpr[GPR_RCX];
	a->rsi = r.gpr[GPR_RSI];
	a->rdi = r.gpr[GPR_RDI];
	a->ds = segment_of(&r, SEG_DS);
	a->es = segment_of(&r, SEG_ES);
	soft_exit_leave(p);
}

/* ---- the exits of emulator/cpu ---- */

static void soft_exit(struct machine *m, struct exit *e)
{
	struct soft_partition *p = soft_of(m);
	unsigned length;

	switch (e->kind) {
	case EXIT_PIO:
		leave_io(p, e);
	case EXIT_MMIO:
		length = abandon(p);
		leave_memory(p, length, e->address,
			     e->is_write ? WHV_ACCESS_WRITE : WHV_ACCESS_READ);
	case EXIT_CR8:
		if (e->is_write)
			p->vp.cpu.cr8 = e->data & 15;
		else
			e->data = p->vp.cpu.cr8;
		if (p->vp.notify & WHV_NOTIFY_PRIORITY)
			vcpu_kick(&p->vp.v);
		break;
	case EXIT_MSR: /* not intercepted: there is no local APIC */
		if (e->address == MSR_APIC_BASE && !e->is_write)
			e->data = p->vp.apic_base;
		else if (e->address == MSR_APIC_BASE)
			p->vp.apic_base = e->data;
		else
			e->fault = true;
		break;
	case EXIT_HLT:
	case EXIT_SHUTDOWN: /* vp.c finds the processor so */
	default:
		break;
	}
}

/* ---- MSRs ---- */

/* Those that the platform keeps by itself: they have register names. */
static bool msr_is_kept(uint32_t index)
{
	switch (index) {
	case 0x010: /* TSC */
	case 0x0fe: /* MTRRs */
	case 0x174 ... 0x176:
	case 0x200 ... 0x20f:
	case 0x250:
	case 0x258 ... 0x259:
	case 0x268 ... 0x26f:
	case 0x277: /* PAT */
	case 0x2ff:
	case 0xc0000080 ... 0xc0000084:
	case 0xc0000100 ... 0xc0000103:
		return true;
	default:
		return false;
	}
}

static bool msr_exits(const struct soft_partition *p, uint32_t index, bool is_write)
{
	if (!(p->extended_exits & WHV_EXTENDED_MSR))
		return false;
	for (uint32_t n = 0; n < p->msr_actions; n++) {
		const struct whv_msr_action *a = &p->msr_action[n];

		if (a->index == index)
			return (is_write ? a->write : a->read) == WHV_MSR_ACTION_EXIT;
	}
	if (index == MSR_TSC)
		return p->msr_exits & (is_write ? WHV_MSR_TSC_WRITE : WHV_MSR_TSC_READ);
	if (index == MSR_APIC_BASE)
		return is_write && (p->msr_exits & WHV_MSR_APIC_BASE_WRITE);
	if (msr_is_kept(index))
		return false;
	return (p->msr_exits & WHV_MSR_UNHANDLED) || p->msr_unimplemented == WHV_MSR_ACTION_EXIT;
}

static void intercept_msr(struct soft_partition *p, bool is_write)
{
	const uint64_t *reg = p->vp.cpu.reg;
	struct whv_msr_access *a = &p->vp.exit->msr;
	uint32_t index = (uint32_t)reg[GPR_RCX];
	unsigned length;

	if (!msr_exits(p, index, is_write))
		return;
	length = abandon(p);
	soft_exit_begin(p, WHV_EXIT_MSR);
	set_length(p, length);
	a->is_write = is_write;
	a->index = index;
	a->rax = reg[GPR_RAX];
	a->rdx = reg[GPR_RDX];
	soft_exit_leave(p);
}

/* ---- CPUID, RDTSC ---- */

static void intercept_cpuid(struct soft_partition *p)
{
	const uint64_t *reg = p->vp.cpu.reg;
	uint32_t leaf = (uint32_t)reg[GPR_RAX], out[4];
	bool listed = false;
	unsigned length;

	if (!(p->extended_exits & WHV_EXTENDED_CPUID))
		return;
	for (uint32_t n = 0; n < p->cpuid_exits; n++)
		listed |= p->cpuid_exit[n] == leaf;
	if (!listed)
		return;
	cpuid_query(&p->vp.v.model, &p->vp.cpu, leaf, (uint32_t)reg[GPR_RCX], out);
	length = abandon(p);
	soft_exit_begin(p, WHV_EXIT_CPUID);
	set_length(p, length);
	p->vp.exit->cpuid = (struct whv_cpuid_access){
	    .rax = reg[GPR_RAX],
	    .rcx = reg[GPR_RCX],
	    .rdx = reg[GPR_RDX],
	    .rbx = reg[GPR_RBX],
	    .default_rax = out[0],
	    .default_rbx = out[1],
	    .default_rcx = out[2],
	    .default_rdx = out[3],
	};
	soft_exit_leave(p);
}

static void intercept(struct machine *m, enum vcpu_intercept what)
{
	struct soft_partition *p = soft_of(m);

	if (what == VCPU_CPUID)
		intercept_cpuid(p);
	else
		intercept_msr(p, what == VCPU_WRMSR);
}

/* The platform's own time stamp counter: nanoseconds of the host's clock. */
static uint64_t soft_now(struct machine *m)
{
	return os_monotonic_ns();
}

static bool soft_rdtsc(struct machine *m, uint64_t *tsc)
{
	struct soft_partition *p = soft_of(m);
	uint64_t now = soft_now(m), offset = p->vp.cpu.tsc_offset;
	unsigned length;

	if (!(p->extended_exits & WHV_EXTENDED_RDTSC))
		return false;
	length = abandon(p);
	soft_exit_begin(p, WHV_EXIT_RDTSC);
	set_length(p, length);
	p->vp.exit->rdtsc = (struct whv_rdtsc){
	    .tsc_aux = p->vp.cpu.tsc_aux,
	    .virtual_offset = offset,
	    .tsc = now + offset,
	    .reference_time = now / 100,
	};
	soft_exit_leave(p);
}

const struct vcpu_ops soft_ops = {
    .exit = soft_exit,
    .now = soft_now,
    .tsc_read = soft_rdtsc,
    .ram_page = soft_ram_page,
    .intercept = intercept,
    .fetch_page = fetch_page,
};
