/* SPDX-License-Identifier: Apache-2.0 */
/*
 * -accel kvm: the guest runs on the host's processor through Linux's KVM, with all of the board in
 * this process: interrupt controllers and timers too, so that everything that reaches the vCPU
 * passes through the run loop, and so into a trace.
 *
 * An exit is finished (its answer put into registers, RIP moved on) only when KVM is entered again.
 * When the run loop has something to do after an exit, KVM is entered with `immediate_exit`: it
 * finishes the instruction and comes back without running the guest, at exactly the boundary
 * after the exit. Should the same instruction have another exit, that comes first.
 *
 * A timer of the host's (alarm) takes the vCPU out of a guest that does not exit. It sets
 * `immediate_exit` too, so that an alarm just before KVM is entered is not lost. One that finds the
 * guest between exits is given a little time: most guests exit soon by themselves, and the
 * position right after an exit is the better one.
 */
#include "emulator/accel/kvm/kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "emulator/accel/accel.h"
#include "emulator/cpu/cpuid.h"
#include "emulator/cpu/flags.h"

extern const struct accel_class kvm_accel_class;

#define DEVICE      "/dev/kvm"
#define PATIENCE_NS 200000
#define MSR_TSC     0x10

int kvm_ioctl(int fd, unsigned long request, void *argument)
{
	int result;

	do
		result = ioctl(fd, request, argument);
	while (result < 0 && errno == EINTR);
	return result;
}

void kvm_fail(struct kvm *k, const char *what)
{
	if (!k->m->failure.kind)
		error_set(&k->m->failure, ERROR_HOST, "KVM failed in the session: %s: %s", what,
			  strerror(errno));
	machine_stop(k->m, STOP_FAILED, 0);
}

/* ---- is it usable? ---- */

static const struct {
	int cap;
	const char *name;
} needed[] = {
    {KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY"},
    {KVM_CAP_SYNC_REGS, "KVM_CAP_SYNC_REGS"},
    {KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT"},
    {KVM_CAP_READONLY_MEM, "KVM_CAP_READONLY_MEM"},
    {KVM_CAP_X86_USER_SPACE_MSR, "KVM_CAP_X86_USER_SPACE_MSR"},
    {KVM_CAP_X86_MSR_FILTER, "KVM_CAP_X86_MSR_FILTER"},
    {KVM_CAP_SET_GUEST_DEBUG, "KVM_CAP_SET_GUEST_DEBUG"},
    {KVM_CAP_VCPU_EVENTS, "KVM_CAP_VCPU_EVENTS"},
    {KVM_CAP_XSAVE, "KVM_CAP_XSAVE"},
    {KVM_CAP_DEBUGREGS, "KVM_CAP_DEBUGREGS"},
    {KVM_CAP_USER_NMI, "KVM_CAP_USER_NMI"},
};

/* Opens the device; -1 with the reason why not. */
static int device_open(const char **why)
{
	static char reason[160];
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	int version;

	*why = reason;
	if (fd < 0) {
		const char *cure = errno == ENOENT   ? "load the module kvm_intel or kvm_amd"
				   : errno == EACCES ? "add yourself to group kvm"
						     : "is KVM enabled on this host?";

		snprintf(reason, sizeof(reason), DEVICE ": %s (%s)", strerror(errno), cure);
		return -1;
	}
	version = ioctl(fd, KVM_GET_API_VERSION, 0);
	if (version != KVM_API_VERSION) {
		snprintf(reason, sizeof(reason), DEVICE " has API version %d, not %d", version,
			 KVM_API_VERSION);
		close(fd);
		return -1;
	}
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (ioctl(fd, KVM_CHECK_EXTENSION, needed[i].cap) <= 0) {
			snprintf(reason, sizeof(reason),
				 DEVICE " has no %s (Linux 5.10 or later is needed)",
				 needed[i].name);
			close(fd);
			return -1;
		}
	}
	return fd;
}

static const char *kvm_probe(void)
{
	const char *why;
	int fd = device_open(&why);

	if (fd < 0)
		return why;
	close(fd);
	return NULL;
}

/* ---- the alarm ---- */

/* Sets the alarm for the next timer, unless it is set for that already. */
static void alarm_arm(struct kvm *k)
{
	struct machine *m = k->m;
	uint64_t deadline = machine_next_timer(m);

	if (k->alarm_set && k->alarm_for == deadline)
		return;
	k->alarm_set = true;
	k->alarm_for = deadline;
	alarm_in(k->alarm, m->host->ops->alarm(m->host, deadline));
}

/* Whether the alarm rang; from now on it can be seen to ring again. */
static bool alarm_take(struct kvm *k)
{
	bool alarmed = alarm_rang(k->alarm);

	/* In this order: an alarm in between is seen the next time. */
	alarm_clear(k->alarm);
	k->run->immediate_exit = 0;
	if (alarmed) {
		k->alarm_set = false;
		k->m->poll_wanted = true;
	}
	return alarmed;
}

static void wake(void *opaque)
{
	alarm_ring(opaque);
}

/* ---- life cycle ---- */

static void kvm_close(struct machine *m)
{
	struct kvm *k = kvm_of(m);

	if (!k)
		return;
	if (k->alarm && m->host->ops->listen)
		m->host->ops->listen(m->host, NULL, NULL);
	alarm_free(k->alarm);
	if (k->run)
		munmap(k->run, k->run_size);
	if (k->vcpu >= 0)
		close(k->vcpu);
	if (k->vm >= 0)
		close(k->vm);
	if (k->device >= 0)
		close(k->device);
	free(k->manners.cpuid);
	free(k->bitmap);
	free(k);
	m->accel_data = NULL;
}

static int create_vm(struct kvm *k, struct error *e)
{
	const char *why;
	/* Three pages that Intel's KVM needs for real mode; no board has anything there. */
	uint64_t identity = 0xfeffc000;

	k->device = device_open(&why);
	if (k->device < 0)
		return error_set(e, ERROR_HOST, "%s", why);
	if (kvm_measure(k->device, k->m, &k->manners, e))
		return -1;
	k->vm = kvm_ioctl(k->device, KVM_CREATE_VM, NULL);
	if (k->vm < 0)
		return error_set(e, ERROR_HOST, "cannot create a virtual machine: %s",
				 strerror(errno));
	if (kvm_ioctl(k->vm, KVM_SET_IDENTITY_MAP_ADDR, &identity) ||
	    ioctl(k->vm, KVM_SET_TSS_ADDR, identity + 0x1000))
		return error_set(e, ERROR_HOST, "KVM does not take an address for its TSS: %s",
				 strerror(errno));
	return 0;
}

static int create_vcpu(struct kvm *k, struct error *e)
{
	int size = ioctl(k->device, KVM_GET_VCPU_MMAP_SIZE, 0);

	k->vcpu = ioctl(k->vm, KVM_CREATE_VCPU, 0);
	if (k->vcpu < 0 || size <= 0)
		return error_set(e, ERROR_HOST, "cannot create a vCPU: %s", strerror(errno));
	k->run_size = (size_t)size;
	k->run = mmap(NULL, k->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, k->vcpu, 0);
	if (k->run == MAP_FAILED) {
		k->run = NULL;
		return error_set(e, ERROR_HOST, "cannot map a vCPU: %s", strerror(errno));
	}
	return 0;
}

/*
 * A machine of its own is as this KVM makes it. One that a trace describes is as it was there;
 * what this host does in another way is for whoever wonders why its replay diverges.
 */
static void take_cpuid(struct machine *m, struct kvm_manners *manners)
{
	struct cpuid_table *measured = manners->cpuid;

	manners->cpuid = NULL;
	if (!m->config.described) {
		m->config.cpuid = measured;
		m->vcpu.model.measured = measured;
		return;
	}
	if (measured)
		snprintf(m->accel_note, sizeof(m->accel_note),
			 "CPUID answers otherwise on this host's KVM than where the trace was made "
			 "(first leaf: %xh)",
			 measured->entry[0].leaf);
	free(measured);
}

static int kvm_open(struct machine *m, struct error *e)
{
	struct kvm *k = calloc(1, sizeof(*k));

	if (!k)
		return error_set(e, ERROR_HOST, "out of memory");
	k->m = m;
	k->device = k->vm = k->vcpu = -1;
	m->accel_data = k;
	k->cpu_newer = true;
	k->injected = INJECTED_NONE;
	if (create_vm(k, e) || kvm_map(k, e) || create_vcpu(k, e) || kvm_set_cpuid(k->vcpu, m, e) ||
	    kvm_filter_msrs(k, e))
		return -1;
	k->alarm = alarm_new(&k->run->immediate_exit);
	if (!k->alarm)
		return error_set(e, ERROR_HOST, "cannot make a timer: %s", strerror(errno));
	if (m->host->ops->listen)
		m->host->ops->listen(m->host, wake, k->alarm);
	take_cpuid(m, &k->manners);
	return 0;
}

/* ---- running ---- */

/* An event is on its way to the guest: this is not a boundary yet. */
static bool undelivered(struct kvm *k)
{
	const struct kvm_vcpu_events *e = kvm_events(k);

	return e->interrupt.injected || e->nmi.injected || e->nmi.pending ||
	       e->exception.injected || e->exception.pending;
}

static void enter(struct kvm *k, int *result)
{
	struct kvm_run *run = k->run;
	struct cpu *c = k->m->vcpu.c;

	run->cr8 = c->cr8;
	/* What KVM has to show costs time at every exit; events matter at boundaries only. */
	k->events_known = run->immediate_exit;
	run->kvm_valid_regs = KVM_SYNC_X86_REGS | (k->events_known ? KVM_SYNC_X86_EVENTS : 0);
	k->cpu_current = false;
	k->injected = INJECTED_NONE;
	*result = ioctl(k->vcpu, KVM_RUN, 0) < 0 ? errno : 0;
	c->cr8 = run->cr8 & 15;
}

/*
 * KVM was interrupted. True when this is where the run loop wants to be: right after an exit
 * (`finished`), or between exits in a guest that does not make any.
 */
static bool interrupted(struct kvm *k, bool finished, bool *forced)
{
	bool alarmed = alarm_take(k);

	*forced = false;
	if (undelivered(k)) {
		*forced = true;
	} else if (finished) {
		k->patient = false;
		return true;
	} else if (k->patient || !alarmed) {
		k->m->poll_wanted = true;
		k->m->between = true;
		kvm_settle(k);
		k->patient = false;
		return true;
	}
	k->patient = true;
	alarm_in(k->alarm, PATIENCE_NS);
	return false;
}

/* An interrupt waits for CR8, which KVM would not tell of: the interpreter goes there. */
static bool lowering_missed(struct kvm *k)
{
	return k->m->vcpu.c->cr8 && k->manners.misses_priorities && machine_held_back(k->m);
}

void kvm_enter(struct kvm *k)
{
	struct machine *m = k->m;
	struct vcpu *v = &m->vcpu;
	uint64_t exits = machine_state(m)->exits;
	/* Ran: instructions may have been executed since the last exit, or the last boundary. */
	bool forced = false, ran = false;

	for (;;) {
		bool finish = (!v->limit || alarm_rang(k->alarm)) && !forced;
		int result;

		if ((k->map_stale && !kvm_map_apply(k)) || (k->cpu_newer && !kvm_state_put(k)))
			return;
		if (finish)
			k->run->immediate_exit = 1;
		k->run->request_interrupt_window = m->window && !finish;
		enter(k, &result);
		if (result == EINTR || result == EAGAIN) {
			if (interrupted(k, finish && !ran, &forced))
				return;
			ran |= !finish;
			continue;
		}
		forced = false;
		if (result) {
			errno = result;
			kvm_fail(k, "KVM_RUN");
			return;
		}
		if (k->patient) /* here is the exit that an alarm waits for */
			vcpu_kick(v);
		k->patient = false;
		if (kvm_exit(k) || m->stop == STOP_FAILED)
			return;
		ran = machine_state(m)->exits == exits;
		exits = machine_state(m)->exits;
		if (lowering_missed(k))
			vcpu_kick(v);
	}
}

void kvm_alarm_renew(struct kvm *k)
{
	if (alarm_rang(k->alarm))
		alarm_take(k);
	alarm_arm(k);
}

static void kvm_run(struct vcpu *v)
{
	struct kvm *k = kvm_of(v->machine);

	alarm_arm(k);
	if (k->injected != INJECTED_NONE)
		kvm_enter(k);
	else if (k->m->window && k->manners.misses_windows)
		kvm_interpret_to_window(k);
	else if (lowering_missed(k))
		kvm_interpret_to_priority(k);
	else
		kvm_enter(k);
}

/* ---- interrupts ---- */

static bool kvm_can_interrupt(const struct vcpu *v)
{
	struct kvm *k = kvm_of(v->machine);

	if (k->cpu_newer)
		return vcpu_can_interrupt(v);
	return k->run->ready_for_interrupt_injection && k->run->if_flag && !undelivered(k);
}

static bool kvm_can_nmi(const struct vcpu *v)
{
	struct kvm *k = kvm_of(v->machine);

	if (k->cpu_newer)
		return vcpu_can_nmi(v);
	return !kvm_events(k)->nmi.masked && !kvm_events(k)->interrupt.shadow && !undelivered(k);
}

/*
 * A hypervisor interrupts a repeated string instruction with RF set in the saved flags, the
 * interpreter without. One of them has to give way for traces to be the same.
 */
static bool prepare_injection(struct kvm *k)
{
	struct kvm_regs *regs = &k->run->s.regs.regs;

	if (k->cpu_newer && !kvm_state_put(k))
		return false;
	if (!(regs->rflags & FLAG_RF))
		return true;
	regs->rflags &= ~(uint64_t)FLAG_RF;
	if (!kvm_ioctl(k->vcpu, KVM_SET_REGS, regs))
		return true;
	kvm_fail(k, "KVM_SET_REGS");
	return false;
}

static void kvm_inject(struct vcpu *v, uint8_t vector)
{
	struct kvm *k = kvm_of(v->machine);
	struct kvm_interrupt irq = {.irq = vector};

	if (!prepare_injection(k))
		return;
	if (kvm_ioctl(k->vcpu, KVM_INTERRUPT, &irq))
		kvm_fail(k, "KVM_INTERRUPT");
	k->injected = vector;
}

static void kvm_nmi(struct vcpu *v)
{
	struct kvm *k = kvm_of(v->machine);

	if (!prepare_injection(k))
		return;
	if (kvm_ioctl(k->vcpu, KVM_NMI, NULL))
		kvm_fail(k, "KVM_NMI");
	k->injected = INJECTED_NMI;
}

/* ---- state ---- */

/* What RDTSC would give the guest now, for one that the interpreter executes. */
static uint64_t kvm_tsc(struct machine *m)
{
	struct kvm *k = kvm_of(m);
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} l = {.head = {.nmsrs = 1}, .entry = {.index = MSR_TSC}};

	if (kvm_ioctl(k->vcpu, KVM_GET_MSRS, &l) != 1)
		kvm_fail(k, "KVM_GET_MSRS");
	return l.entry.data;
}

static void kvm_sync(struct machine *m)
{
	struct kvm *k = kvm_of(m);

	kvm_state_get(k);
	kvm_collect_dirty(k);
}

static void kvm_cpu_written(struct machine *m)
{
	if (kvm_of(m))
		kvm_of(m)->cpu_newer = true;
}

/* Interrupts have to pass through the run loop, or they would not be in the trace. */
static const struct accel_property kvm_properties[] = {
    {.name = "kernel-irqchip",
     .value = "off",
     .refused = {{"on", "interrupts that the kernel delivers by itself cannot be recorded"},
		 {"split", "interrupts of the kernel's local APIC cannot be recorded"}}},
    {.name = NULL},
};

const struct accel_class kvm_accel_class = {
    .name = "kvm",
    .description = "the host's processor, through Linux's KVM",
    .platform = "Linux, x86-64",
    .tested = "tests/accel and tests/roundtrip, on hosts with /dev/kvm",
    .properties = kvm_properties,
    .flags = ACCEL_READONLY | ACCEL_DIRTY_LOG | ACCEL_SINGLE_STEP | ACCEL_MSR_EXITS,
    .probe = kvm_probe,
    .open = kvm_open,
    .close = kvm_close,
    .run = kvm_run,
    .run_to = kvm_run_to,
    .inject = kvm_inject,
    .nmi = kvm_nmi,
    .can_interrupt = kvm_can_interrupt,
    .can_nmi = kvm_can_nmi,
    .tsc = kvm_tsc,
    .sync = kvm_sync,
    .cpu_written = kvm_cpu_written,
    .log_dirty = kvm_log_dirty,
    .map_changed = kvm_map_changed,
};
