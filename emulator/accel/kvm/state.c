/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vCPU's state between struct cpu and KVM. struct cpu_regs, the architectural view, is the
 * common ground; what a hypervisor has and struct cpu_regs does not (pending events) is dealt with
 * by the run loop, and what struct cpu has beside it (MTRRs, machine check banks) never is in KVM:
 * those MSRs are answered by us.
 *
 * General registers come with every exit in the shared page (KVM_CAP_SYNC_REGS), and events with
 * those exits after which the run loop has something to do; they cost no system call. All others
 * do, and are fetched only when somebody wants to see the whole.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "emulator/accel/kvm/kvm.h"
#include "emulator/cpu/debug.h"
#include "emulator/cpu/system.h"

#define MSR_SYSENTER_CS    0x174
#define MSR_SYSENTER_ESP   0x175
#define MSR_SYSENTER_EIP   0x176
#define MSR_STAR           0xc0000081
#define MSR_LSTAR          0xc0000082
#define MSR_CSTAR          0xc0000083
#define MSR_FMASK          0xc0000084
#define MSR_KERNEL_GS_BASE 0xc0000102

/* ---- segments ---- */

/* The two types for a segment register have the same members. */
#define SEGMENT_FROM(to, from)                                                                     \
	do {                                                                                       \
		(to).base = (from).base;                                                           \
		(to).limit = (from).limit;                                                         \
		(to).selector = (from).selector;                                                   \
		(to).attr = segment_attr(&(from));                                                 \
	} while (0)

static uint16_t segment_attr(const struct kvm_segment *s)
{
	if (s->unusable)
		return 0;
	return (uint16_t)(s->type | s->s << 4 | s->dpl << 5 | s->present << 7 | s->avl << 12 |
			  s->l << 13 | s->db << 14 | s->g << 15);
}

static struct kvm_segment segment_to(uint64_t base, uint32_t limit, uint16_t selector,
				     uint16_t attr)
{
	return (struct kvm_segment){
	    .base = base,
	    .limit = limit,
	    .selector = selector,
	    .type = attr & 15,
	    .s = attr >> 4 & 1,
	    .dpl = attr >> 5 & 3,
	    .present = attr >> 7 & 1,
	    .avl = attr >> 12 & 1,
	    .l = attr >> 13 & 1,
	    .db = attr >> 14 & 1,
	    .g = attr >> 15 & 1,
	    .unusable = !(attr & SEG_P),
	};
}

static void sregs_get(const struct kvm_sregs *s, struct cpu_regs *r)
{
	SEGMENT_FROM(r->seg[SEG_ES], s->es);
	SEGMENT_FROM(r->seg[SEG_CS], s->cs);
	SEGMENT_FROM(r->seg[SEG_SS], s->ss);
	SEGMENT_FROM(r->seg[SEG_DS], s->ds);
	SEGMENT_FROM(r->seg[SEG_FS], s->fs);
	SEGMENT_FROM(r->seg[SEG_GS], s->gs);
	SEGMENT_FROM(r->ldtr, s->ldt);
	SEGMENT_FROM(r->tr, s->tr);
	r->gdt_base = s->gdt.base;
	r->gdt_limit = s->gdt.limit;
	r->idt_base = s->idt.base;
	r->idt_limit = s->idt.limit;
	r->cr0 = s->cr0;
	r->cr2 = s->cr2;
	r->cr3 = s->cr3;
	r->cr4 = s->cr4;
	r->efer = s->efer;
}

#define SEGMENT_TO(from) segment_to((from).base, (from).limit, (from).selector, (from).attr)

static void sregs_put(struct kvm_sregs *s, const struct cpu_regs *r)
{
	s->es = SEGMENT_TO(r->seg[SEG_ES]);
	s->cs = SEGMENT_TO(r->seg[SEG_CS]);
	s->ss = SEGMENT_TO(r->seg[SEG_SS]);
	s->ds = SEGMENT_TO(r->seg[SEG_DS]);
	s->fs = SEGMENT_TO(r->seg[SEG_FS]);
	s->gs = SEGMENT_TO(r->seg[SEG_GS]);
	s->ldt = SEGMENT_TO(r->ldtr);
	s->tr = SEGMENT_TO(r->tr);
	s->gdt = (struct kvm_dtable){.base = r->gdt_base, .limit = (uint16_t)r->gdt_limit};
	s->idt = (struct kvm_dtable){.base = r->idt_base, .limit = (uint16_t)r->idt_limit};
	s->cr0 = r->cr0;
	s->cr2 = r->cr2;
	s->cr3 = r->cr3;
	s->cr4 = r->cr4;
	s->efer = r->efer;
	memset(s->interrupt_bitmap, 0, sizeof(s->interrupt_bitmap));
}

/* ---- general registers: KVM's order is by name, struct cpu_regs' the encoding's ---- */

static void regs_get(const struct kvm_regs *k, struct cpu_regs *r)
{
	const uint64_t gpr[16] = {k->rax, k->rcx, k->rdx, k->rbx, k->rsp, k->rbp, k->rsi, k->rdi,
				  k->r8,  k->r9,  k->r10, k->r11, k->r12, k->r13, k->r14, k->r15};

	memcpy(r->gpr, gpr, sizeof(gpr));
	r->rip = k->rip;
	r->rflags = k->rflags;
}

static void regs_put(struct kvm_regs *k, const struct cpu_regs *r)
{
	const uint64_t *g = r->gpr;

	*k = (struct kvm_regs){
	    .rax = g[0],
	    .rcx = g[1],
	    .rdx = g[2],
	    .rbx = g[3],
	    .rsp = g[4],
	    .rbp = g[5],
	    .rsi = g[6],
	    .rdi = g[7],
	    .r8 = g[8],
	    .r9 = g[9],
	    .r10 = g[10],
	    .r11 = g[11],
	    .r12 = g[12],
	    .r13 = g[13],
	    .r14 = g[14],
	    .r15 = g[15],
	    .rip = r->rip,
	    .rflags = r->rflags,
	};
}

/*
 * ---- x87 and SSE, in the format of XSAVE (Intel SDM vol. 1 13.4.1): registers by distance from
 * the top and one tag bit each. KVM_GET_FPU would be simpler, but leaves out MXCSR. ----
 */

#define XSAVE_FCW   0
#define XSAVE_FSW   2
#define XSAVE_FTW   4
#define XSAVE_FOP   6
#define XSAVE_FIP   8
#define XSAVE_FDP   16
#define XSAVE_MXCSR 24
#define XSAVE_ST    32
#define XSAVE_XMM   160
#define XSAVE_BV    512 /* components that are not in their initial state: bit 0 x87, 1 SSE */

static unsigned top(uint64_t status)
{
	return status >> 11 & 7;
}

/* Two bits a register as FSTENV stores them (SDM vol. 1 8.1.7). */
static unsigned tag_of(const uint64_t st[2])
{
	unsigned exponent = st[1] & 0x7fff;

	if (!exponent && !st[0])
		return 1;
	return !exponent || exponent == 0x7fff || !(st[0] >> 63) ? 2 : 0;
}

static uint64_t load(const struct kvm_xsave *x, unsigned offset, unsigned size)
{
	uint64_t value = 0;

	memcpy(&value, (const uint8_t *)x->region + offset, size);
	return value;
}

static void store(struct kvm_xsave *x, unsigned offset, unsigned size, uint64_t value)
{
	memcpy((uint8_t *)x->region + offset, &value, size);
}

static bool fpu_get(struct kvm *k, struct cpu_regs *r)
{
	struct kvm_xsave x;

	if (kvm_ioctl(k->vcpu, KVM_GET_XSAVE, &x)) {
		kvm_fail(k, "KVM_GET_XSAVE");
		return false;
	}
	r->fpu_control = load(&x, XSAVE_FCW, 2);
	r->fpu_status = load(&x, XSAVE_FSW, 2);
	r->fpu_opcode = load(&x, XSAVE_FOP, 2);
	r->fpu_ip = load(&x, XSAVE_FIP, 8);
	r->fpu_dp = load(&x, XSAVE_FDP, 8);
	r->mxcsr = load(&x, XSAVE_MXCSR, 4);
	for (unsigned n = 0; n < 8; n++) {
		unsigned at = (top(r->fpu_status) + n) & 7;

		r->st[at][0] = load(&x, XSAVE_ST + 16 * n, 8);
		r->st[at][1] = load(&x, XSAVE_ST + 16 * n + 8, 2);
	}
	r->fpu_tag = 0;
	for (unsigned n = 0; n < 8; n++) {
		bool valid = load(&x, XSAVE_FTW, 1) >> n & 1;

		r->fpu_tag |= (uint64_t)(valid ? tag_of(r->st[n]) : 3) << (2 * n);
	}
	memcpy(r->xmm, (const uint8_t *)x.region + XSAVE_XMM, sizeof(r->xmm));
	return true;
}

static bool fpu_put(struct kvm *k, const struct cpu_regs *r)
{
	struct kvm_xsave x;
	unsigned tags = 0;

	/* What there is beside x87 and SSE stays as it is. */
	if (kvm_ioctl(k->vcpu, KVM_GET_XSAVE, &x)) {
		kvm_fail(k, "KVM_GET_XSAVE");
		return false;
	}
	store(&x, XSAVE_FCW, 2, r->fpu_control);
	store(&x, XSAVE_FSW, 2, r->fpu_status);
	store(&x, XSAVE_FOP, 2, r->fpu_opcode);
	store(&x, XSAVE_FIP, 8, r->fpu_ip);
	store(&x, XSAVE_FDP, 8, r->fpu_dp);
	store(&x, XSAVE_MXCSR, 4, r->mxcsr);
	for (unsigned n = 0; n < 8; n++) {
		unsigned at = (top(r->fpu_status) + n) & 7;

		store(&x, XSAVE_ST + 16 * n, 8, r->st[at][0]);
		store(&x, XSAVE_ST + 16 * n + 8, 2, r->st[at][1]);
		tags |= (unsigned)((r->fpu_tag >> (2 * n) & 3) != 3) << n;
	}
	store(&x, XSAVE_FTW, 1, tags);
	memcpy((uint8_t *)x.region + XSAVE_XMM, r->xmm, sizeof(r->xmm));
	store(&x, XSAVE_BV, 8, load(&x, XSAVE_BV, 8) | 3);
	if (!kvm_ioctl(k->vcpu, KVM_SET_XSAVE, &x))
		return true;
	kvm_fail(k, "KVM_SET_XSAVE");
	return false;
}

/* ---- MSRs and debug registers ---- */

struct msr_field {
	uint32_t index;
	size_t offset;
};

#define FIELD(index, member)                                                                       \
	{                                                                                          \
		index, offsetof(struct cpu_regs, member)                                           \
	}
static const struct msr_field msr_fields[] = {
    FIELD(MSR_STAR, star),
    FIELD(MSR_LSTAR, lstar),
    FIELD(MSR_CSTAR, cstar),
    FIELD(MSR_FMASK, fmask),
    FIELD(MSR_KERNEL_GS_BASE, kernel_gs_base),
    FIELD(MSR_SYSENTER_CS, sysenter_cs),
    FIELD(MSR_SYSENTER_ESP, sysenter_esp),
    FIELD(MSR_SYSENTER_EIP, sysenter_eip),
};
#undef FIELD
#define MSR_FIELDS (sizeof(msr_fields) / sizeof(msr_fields[0]))

struct msr_list {
	struct kvm_msrs head;
	struct kvm_msr_entry entry[MSR_FIELDS];
};

static bool msrs_get(struct kvm *k, struct cpu_regs *r)
{
	struct msr_list l = {.head = {.nmsrs = MSR_FIELDS}};

	for (unsigned i = 0; i < MSR_FIELDS; i++)
		l.entry[i].index = msr_fields[i].index;
	if (kvm_ioctl(k->vcpu, KVM_GET_MSRS, &l) != MSR_FIELDS) {
		kvm_fail(k, "KVM_GET_MSRS");
		return false;
	}
	for (unsigned i = 0; i < MSR_FIELDS; i++) {
		uint64_t value = l.entry[i].data;

		memcpy((char *)r + msr_fields[i].offset, &value, sizeof(value));
	}
	return true;
}

static bool msrs_put(struct kvm *k, const struct cpu_regs *r)
{
	struct msr_list l = {.head = {.nmsrs = MSR_FIELDS}};

	for (unsigned i = 0; i < MSR_FIELDS; i++) {
		uint64_t value;

		memcpy(&value, (const char *)r + msr_fields[i].offset, sizeof(value));
		l.entry[i] = (struct kvm_msr_entry){.index = msr_fields[i].index, .data = value};
	}
	if (kvm_ioctl(k->vcpu, KVM_SET_MSRS, &l) != MSR_FIELDS) {
		kvm_fail(k, "KVM_SET_MSRS");
		return false;
	}
	return true;
}

static bool debug_get(struct kvm *k, struct cpu_regs *r)
{
	struct kvm_debugregs d;

	if (kvm_ioctl(k->vcpu, KVM_GET_DEBUGREGS, &d)) {
		kvm_fail(k, "KVM_GET_DEBUGREGS");
		return false;
	}
	memcpy(r->dr, d.db, sizeof(d.db));
	r->dr[6] = d.dr6;
	r->dr[7] = d.dr7;
	return true;
}

static bool debug_put(struct kvm *k, const struct cpu_regs *r)
{
	struct kvm_debugregs d = {.dr6 = r->dr[6], .dr7 = r->dr[7]};

	memcpy(d.db, r->dr, sizeof(d.db));
	if (kvm_ioctl(k->vcpu, KVM_SET_DEBUGREGS, &d)) {
		kvm_fail(k, "KVM_SET_DEBUGREGS");
		return false;
	}
	return true;
}

/* ---- events ---- */

const struct kvm_vcpu_events *kvm_events(struct kvm *k)
{
	struct kvm_vcpu_events *events = &k->run->s.regs.events;

	if (!k->events_known && kvm_ioctl(k->vcpu, KVM_GET_VCPU_EVENTS, events))
		kvm_fail(k, "KVM_GET_VCPU_EVENTS");
	k->events_known = true;
	return events;
}

/* ---- the whole ---- */

bool kvm_state_get(struct kvm *k)
{
	struct vcpu *v = &k->m->vcpu;
	const struct kvm_vcpu_events *events;
	struct kvm_sregs sregs;
	struct cpu_regs r;

	if (k->cpu_newer || k->cpu_current)
		return true;
	events = kvm_events(k);
	if (kvm_ioctl(k->vcpu, KVM_GET_SREGS, &sregs)) {
		kvm_fail(k, "KVM_GET_SREGS");
		return false;
	}
	cpu_get_regs(v->c, &r); /* for what KVM does not keep */
	regs_get(&k->run->s.regs.regs, &r);
	sregs_get(&sregs, &r);
	r.nmi_blocked = events->nmi.masked;
	r.shadowed = events->interrupt.shadow ? 1 : 0;
	/* A shadow is told by this count, which KVM does not move. */
	if (r.shadowed && !v->c->insns)
		v->c->insns = 1;
	if (!fpu_get(k, &r) || !msrs_get(k, &r) || !debug_get(k, &r))
		return false;
	cpu_set_regs(v, &r);
	k->cpu_current = true;
	return true;
}

bool kvm_state_put(struct kvm *k)
{
	struct kvm_sync_regs *s = &k->run->s.regs;
	struct kvm_sregs sregs;
	struct kvm_vcpu_events events;
	struct cpu_regs r;

	cpu_get_regs(k->m->vcpu.c, &r);
	/* For what cpu_regs does not have: the APIC base, which KVM checks. */
	if (kvm_ioctl(k->vcpu, KVM_GET_SREGS, &sregs)) {
		kvm_fail(k, "KVM_GET_SREGS");
		return false;
	}
	regs_put(&s->regs, &r);
	sregs_put(&sregs, &r);
	memset(&events, 0, sizeof(events));
	events.flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW;
	events.nmi.masked = (uint8_t)r.nmi_blocked;
	events.interrupt.shadow =
	    r.shadowed ? KVM_X86_SHADOW_INT_STI | KVM_X86_SHADOW_INT_MOV_SS : 0;
	if (kvm_ioctl(k->vcpu, KVM_SET_SREGS, &sregs)) {
		kvm_fail(k, "KVM_SET_SREGS");
		return false;
	}
	if (kvm_ioctl(k->vcpu, KVM_SET_REGS, &s->regs)) {
		kvm_fail(k, "KVM_SET_REGS");
		return false;
	}
	if (kvm_ioctl(k->vcpu, KVM_SET_VCPU_EVENTS, &events)) {
		kvm_fail(k, "KVM_SET_VCPU_EVENTS");
		return false;
	}
	s->events = events;
	k->events_known = true;
	if (!fpu_put(k, &r) || !msrs_put(k, &r) || !debug_put(k, &r))
		return false;
	k->cpu_newer = false;
	k->cpu_current = true;
	return true;
}

/* ---- which MSRs stay with KVM ---- */

/*
 * Those that the processor itself uses: SYSENTER_*, EFER, STAR to FMASK, FS, GS and kernel GS
 * base. A bit that is set allows; a range that is given denies the others in it.
 */
int kvm_filter_msrs(struct kvm *k, struct error *e)
{
	uint8_t sysenter[1] = {0x07}, syscall[1] = {0x1f}, bases[1] = {0x07};
	struct kvm_enable_cap cap = {
	    .cap = KVM_CAP_X86_USER_SPACE_MSR,
	    .args = {KVM_MSR_EXIT_REASON_FILTER | KVM_MSR_EXIT_REASON_UNKNOWN |
		     KVM_MSR_EXIT_REASON_INVAL},
	};
	const uint32_t both = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE;
	struct kvm_msr_filter filter = {
	    .flags = KVM_MSR_FILTER_DEFAULT_DENY,
	    .ranges = {{.flags = both, .nmsrs = 3, .base = MSR_SYSENTER_CS, .bitmap = sysenter},
		       {.flags = both, .nmsrs = 5, .base = 0xc0000080, .bitmap = syscall},
		       {.flags = both, .nmsrs = 3, .base = 0xc0000100, .bitmap = bases}},
	};

	if (kvm_ioctl(k->vm, KVM_ENABLE_CAP, &cap) ||
	    kvm_ioctl(k->vm, KVM_X86_SET_MSR_FILTER, &filter))
		return error_set(e, ERROR_HOST, "KVM does not leave MSRs to us: %s",
				 strerror(errno));
	return 0;
}
