/* SPDX-License-Identifier: Apache-2.0 */
/*
 * KVMs differ in ways that no capability tells, those above all that run guests without VMX or
 * SVM: CPUID shows what the host has, interrupt windows and breakpoints are missed, and so is CR8.
 * What a recording has to know is found out before it begins, in a virtual machine of a few pages
 * with a few instructions, in each mode of the processor that such a KVM may treat in its own way.
 */
#include "emulator/accel/kvm/measure.h"

#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "emulator/cpu/cpu.h"
#include "emulator/cpu/cpuid.h"

/* Its memory. */
enum {
	CPUID_CODE = 0x1000,
	WINDOW_CODE = 0x1100,
	PRIORITY_CODE = 0x1200,
	PML4 = 0x2000,
	PDPT = 0x3000,
	DIRECTORY = 0x4000,
	GDT = 0x5000,
	STACK = 0x8000,
	MEMORY = 0x10000
};

enum {
	KERNEL_CODE = 0x08,
	KERNEL_DATA = 0x10,
	USER_CODE = 0x1b,
	USER_DATA = 0x23,
	COMPAT_CODE = 0x2b
};

static const uint64_t gdt[] = {
    0,
    0x00af9b000000ffff, /* 64-bit code */
    0x00cf93000000ffff, /* data */
    0x00affb000000ffff, /* 64-bit code, CPL 3 */
    0x00cff3000000ffff, /* data, CPL 3 */
    0x00cffb000000ffff, /* 32-bit code, CPL 3 */
};

/* The same bytes in every mode. */
static const uint8_t cpuid_code[] = {
    0x0f, 0xa2, /* cpuid */
    0x90,       /* nop */
    0xe6, 0x80, /* out 80h, al */
};
enum { CPUID_CODE_NOP = 2 };
static const uint8_t window_code[] = {
    0xfb, /* sti */
    0x90, /* nop */
    0x90, /* nop */
    0xfa, /* cli */
    0xf4, /* hlt */
};
static const uint8_t priority_code[] = {
    0x44, 0x0f, 0x22, 0xc0, /* mov cr8, rax */
    0x31, 0xc0,             /* xor eax, eax */
    0x44, 0x0f, 0x22, 0xc0, /* mov cr8, rax */
    0xf4,                   /* hlt */
};

struct kvm_probe {
	int vm, vcpu;
	struct kvm_run *run;
	size_t run_size;
	uint8_t *memory;
	struct kvm_sregs reset;
};

/* ---- life cycle ---- */

static int fail(struct error *e, const char *what)
{
	return error_set(e, ERROR_HOST, "KVM fails on trial: %s: %s", what, strerror(errno));
}

static int memory_open(struct kvm_probe *p, struct error *e)
{
	struct kvm_userspace_memory_region r = {.memory_size = MEMORY};
	const uint64_t pml4 = PDPT | 7, pdpt = DIRECTORY | 7, directory = 0x87; /* 2 MiB for all */
	/* Intel's KVM needs pages for real mode (kvm.c). */
	uint64_t identity = 0xfeffc000;

	p->memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p->memory == MAP_FAILED) {
		p->memory = NULL;
		return fail(e, "memory");
	}
	memcpy(p->memory + CPUID_CODE, cpuid_code, sizeof(cpuid_code));
	memcpy(p->memory + WINDOW_CODE, window_code, sizeof(window_code));
	memcpy(p->memory + PRIORITY_CODE, priority_code, sizeof(priority_code));
	memcpy(p->memory + GDT, gdt, sizeof(gdt));
	memcpy(p->memory + PML4, &pml4, sizeof(pml4));
	memcpy(p->memory + PDPT, &pdpt, sizeof(pdpt));
	memcpy(p->memory + DIRECTORY, &directory, sizeof(directory));
	r.userspace_addr = (uintptr_t)p->memory;
	if (ioctl(p->vm, KVM_SET_IDENTITY_MAP_ADDR, &identity) ||
	    ioctl(p->vm, KVM_SET_TSS_ADDR, identity + 0x1000) ||
	    ioctl(p->vm, KVM_SET_USER_MEMORY_REGION, &r))
		return fail(e, "KVM_SET_USER_MEMORY_REGION");
	return 0;
}

static int probe_open(struct kvm_probe *p, int device, struct error *e)
{
	int size = ioctl(device, KVM_GET_VCPU_MMAP_SIZE, 0);

	p->vm = ioctl(device, KVM_CREATE_VM, 0);
	if (p->vm < 0)
		return error_set(e, ERROR_HOST, "cannot create a virtual machine: %s",
				 strerror(errno));
	if (memory_open(p, e))
		return -1;
	p->vcpu = ioctl(p->vm, KVM_CREATE_VCPU, 0);
	if (p->vcpu < 0 || size <= 0)
		return error_set(e, ERROR_HOST, "cannot create a vCPU: %s", strerror(errno));
	p->run_size = (size_t)size;
	p->run = mmap(NULL, p->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, p->vcpu, 0);
	if (p->run == MAP_FAILED) {
		p->run = NULL;
		return error_set(e, ERROR_HOST, "cannot map a vCPU: %s", strerror(errno));
	}
	return ioctl(p->vcpu, KVM_GET_SREGS, &p->reset) ? fail(e, "KVM_GET_SREGS") : 0;
}

static void probe_close(struct kvm_probe *p)
{
	if (p->run)
		munmap(p->run, p->run_size);
	if (p->vcpu >= 0)
		close(p->vcpu);
	if (p->vm >= 0)
		close(p->vm);
	if (p->memory)
		munmap(p->memory, MEMORY);
}

/* ---- modes ---- */

static struct kvm_segment segment(uint16_t selector)
{
	uint64_t d = gdt[selector / 8];

	return (struct kvm_segment){
	    .selector = selector,
	    .limit = 0xffffffff,
	    .type = d >> 40 & 15,
	    .s = 1,
	    .dpl = d >> 45 & 3,
	    .present = 1,
	    .l = d >> 53 & 1,
	    .db = d >> 54 & 1,
	    .g = 1,
	};
}

static void mode_set(struct kvm_sregs *s, unsigned context)
{
	const uint16_t code = context == CPUID_KERNEL ? KERNEL_CODE
			      : context == CPUID_USER ? USER_CODE
						      : COMPAT_CODE;
	const uint16_t data = context == CPUID_KERNEL ? KERNEL_DATA : USER_DATA;

	if (context == CPUID_LEGACY) {
		s->cs.base = s->cs.selector = 0;
		return;
	}
	s->cs = segment(code);
	s->ds = s->es = s->fs = s->gs = s->ss = segment(data);
	s->gdt = (struct kvm_dtable){.base = GDT, .limit = sizeof(gdt) - 1};
	s->cr3 = PML4;
	s->cr4 = CR4_PAE;
	s->cr0 = CR0_PE | CR0_ET | CR0_NE | CR0_PG;
	s->efer = EFER_LME | EFER_LMA;
	s->tr = (struct kvm_segment){.limit = 0xffff, .type = 11, .present = 1};
}

/* ---- running ---- */

/*
 * From regs->rip to the first exit, with these registers; the exit reason, or -1. The registers go
 * to KVM and come back in the shared page: some thousand questions of four calls each would delay
 * every session.
 */
static int run(struct kvm_probe *p, unsigned context, struct kvm_regs *regs, struct error *e)
{
	struct kvm_sync_regs *shared = &p->run->s.regs;
	int result;

	shared->regs = *regs;
	shared->sregs = p->reset;
	mode_set(&shared->sregs, context);
	p->run->kvm_valid_regs = KVM_SYNC_X86_REGS;
	p->run->kvm_dirty_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
	do
		result = ioctl(p->vcpu, KVM_RUN, 0);
	while (result && errno == EINTR);
	if (result)
		return fail(e, "KVM_RUN");
	*regs = shared->regs;
	return (int)p->run->exit_reason;
}

/* An OUT is finished when KVM is entered again. */
static void finish(struct kvm_probe *p)
{
	p->run->immediate_exit = 1;
	(void)ioctl(p->vcpu, KVM_RUN, 0);
	p->run->immediate_exit = 0;
}

int kvm_probe_cpuid(struct kvm_probe *p, unsigned context, uint32_t leaf, uint32_t sub,
		    uint32_t out[4], struct error *e)
{
	/* IOPL 3, so that OUT is allowed to all. */
	struct kvm_regs r = {.rip = CPUID_CODE,
			     .rsp = STACK,
			     .rflags = FLAG_ONE | FLAG_IOPL,
			     .rax = leaf,
			     .rcx = sub};
	int reason = run(p, context, &r, e);

	if (reason < 0)
		return -1;
	if (reason != KVM_EXIT_IO)
		return error_set(e, ERROR_HOST, "KVM fails on trial: CPUID: exit reason %d",
				 reason);
	finish(p);
	out[0] = (uint32_t)r.rax;
	out[1] = (uint32_t)r.rbx;
	out[2] = (uint32_t)r.rcx;
	out[3] = (uint32_t)r.rdx;
	return 0;
}

/* Interrupts are on for two instructions, with a window asked for. */
static int measure_windows(struct kvm_probe *p, bool *missed, struct error *e)
{
	static const unsigned contexts[] = {CPUID_LEGACY, CPUID_KERNEL};

	for (unsigned i = 0; i < sizeof(contexts) / sizeof(contexts[0]); i++) {
		struct kvm_regs r = {.rip = WINDOW_CODE, .rsp = STACK, .rflags = FLAG_ONE};
		int reason;

		p->run->request_interrupt_window = 1;
		reason = run(p, contexts[i], &r, e);
		p->run->request_interrupt_window = 0;
		if (reason < 0)
			return -1;
		*missed |= reason != KVM_EXIT_IRQ_WINDOW_OPEN;
	}
	return 0;
}

/* CR8 goes up and down again, of which KVM tells who has the interrupt controller. */
static int measure_priorities(struct kvm_probe *p, bool *missed, struct error *e)
{
	struct kvm_regs r = {.rip = PRIORITY_CODE, .rsp = STACK, .rflags = FLAG_ONE, .rax = 15};
	int reason = run(p, CPUID_KERNEL, &r, e);

	*missed = reason != KVM_EXIT_SET_TPR;
	return reason < 0 ? -1 : 0;
}

/* On an instruction that no KVM has to emulate. */
static int measure_breakpoints(struct kvm_probe *p, bool *missed, struct error *e)
{
	struct kvm_guest_debug d = {.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP};
	struct kvm_regs r = {.rip = CPUID_CODE, .rsp = STACK, .rflags = FLAG_ONE | FLAG_IOPL};
	int reason;

	d.arch.debugreg[0] = CPUID_CODE + CPUID_CODE_NOP;
	d.arch.debugreg[7] = 0x400 | 2; /* DR0 on, execution */
	if (ioctl(p->vcpu, KVM_SET_GUEST_DEBUG, &d))
		return fail(e, "KVM_SET_GUEST_DEBUG");
	reason = run(p, CPUID_USER, &r, e);
	if (reason == KVM_EXIT_IO)
		finish(p);
	d.control = 0;
	if (ioctl(p->vcpu, KVM_SET_GUEST_DEBUG, &d))
		return fail(e, "KVM_SET_GUEST_DEBUG");
	*missed = reason != KVM_EXIT_DEBUG;
	return reason < 0 ? -1 : 0;
}

int kvm_measure(int device, const struct machine *m, struct kvm_manners *out, struct error *e)
{
	struct kvm_probe p = {.vm = -1, .vcpu = -1};
	int result = -1;

	*out = (struct kvm_manners){.cpuid = NULL};
	if (!probe_open(&p, device, e) && !kvm_set_cpuid(p.vcpu, m, e) &&
	    !measure_windows(&p, &out->misses_windows, e) &&
	    !measure_priorities(&p, &out->misses_priorities, e) &&
	    !measure_breakpoints(&p, &out->misses_breakpoints, e))
		result = kvm_measure_cpuid(&p, m, &out->cpuid, e);
	probe_close(&p);
	return result;
}
