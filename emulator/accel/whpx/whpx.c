/* SPDX-License-Identifier: Apache-2.0 */
/*
 * -accel whpx: the guest runs on the Windows Hypervisor Platform, or on the software platform in
 * soft/ that stands in for it, with all of the board in this process: interrupt controllers too,
 * so that everything that reaches the vCPU passes through the run loop, and so into a trace. (It
 * also keeps clear of what goes wrong with Hyper-V's own APIC; README.md of emulator/accel.)
 *
 * An instruction that exits is finished before the run loop is entered: by the platform's
 * emulator, by the interpreter, or here. So each exit ends at exactly the boundary after it.
 *
 * An alarm takes the vCPU out of a guest that does not exit. It cancels the run from a thread of
 * its own; a cancellation that comes while the vCPU is not run ends the next run at once, so none
 * is lost, and a late one is passed over. As under KVM an alarm that finds the guest between
 * exits gives it a little time, since the position right after an exit is the better one.
 */
#include "emulator/accel/whpx/whpx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/accel/accel.h"
#include "emulator/cpu/flags.h"

extern const struct accel_class whpx_accel_class;

#define PATIENCE_NS 200000
/* So many cancellations at one place that nobody asked for mean that it cannot be executed. */
#define SPURIOUS_MAX 3

void whpx_stop(struct whpx *w, const char *text)
{
	if (!w->m->failure.kind)
		error_set(&w->m->failure, ERROR_HOST, "%s", text);
	machine_stop(w->m, STOP_FAILED, 0);
}

void whpx_fail(struct whpx *w)
{
	struct error e;

	whpx_error(&w->platform, "WHPX failed in the session", &e);
	whpx_stop(w, e.text);
}

/* ---- is it usable? ---- */

static const char *whpx_probe(void)
{
	struct whpx_platform p = {.library = NULL};
	const char *why = whpx_platform_load(&p, WHPX_ANY);

	whpx_platform_unload(&p);
	return why;
}

#ifdef _WIN32
/* On Windows the software platform is second best. */
static const char *whpx_remark(void)
{
	struct whpx_platform p = {.library = NULL};
	static char text[384];
	const char *why = whpx_platform_load(&p, WHPX_SYSTEM);

	if (why)
		snprintf(text, sizeof(text), "here it is the software platform: %s", why);
	whpx_platform_unload(&p);
	return why ? text : NULL;
}
#endif

/* ---- life cycle ---- */

static void ring(void *opaque)
{
	struct whpx *w = opaque;

	atomic_store(&w->rang, true);
	/* Its failure would be for the thread that runs the vCPU to see. */
	w->platform.WHvCancelRunVirtualProcessor(w->partition, 0, 0);
}

static void whpx_close(struct machine *m)
{
	struct whpx *w = whpx_of(m);

	if (!w)
		return;
	host_alarm_free(w->alarm);
	whpx_emulator_close(w);
	whpx_partition_close(w);
	whpx_platform_unload(&w->platform);
	free(w);
	m->accel_data = NULL;
}

static void options_take(struct whpx *w, enum whpx_which *which)
{
	const struct machine *m = w->m;
	char value[ACCEL_VALUE];

	accel_property_get(m->accel, m->accel_properties, "platform", value);
	*which = !strcmp(value, "system")     ? WHPX_SYSTEM
		 : !strcmp(value, "software") ? WHPX_SOFTWARE
					      : WHPX_ANY;
	accel_property_get(m->accel, m->accel_properties, "emulator", value);
	w->who = !strcmp(value, "platform")  ? WHPX_EMULATOR_PLATFORM
		 : !strcmp(value, "builtin") ? WHPX_EMULATOR_BUILTIN
					     : WHPX_EMULATOR_AUTO;
	accel_property_get(m->accel, m->accel_properties, "fail", value);
	whpx_fault_parse(value, &w->platform.fault);
}

static int whpx_open(struct machine *m, struct error *e)
{
	struct whpx *w = calloc(1, sizeof(*w));
	enum whpx_which which;
	const char *why;

	if (!w)
		return error_set(e, ERROR_HOST, "out of memory");
	w->m = m;
	m->accel_data = w;
	w->cpu_newer = true;
	w->cr8 = UINT64_MAX;
	options_take(w, &which);
	why = whpx_platform_load(&w->platform, which);
	if (why)
		return error_set(e, ERROR_HOST, "cannot use -accel whpx: %s", why);
	if (whpx_partition_open(w, e) || whpx_map(w, e) || whpx_emulator_open(w, e))
		return -1;
	w->alarm = host_alarm_new(ring, w);
	return w->alarm ? 0 : error_set(e, ERROR_HOST, "cannot start a thread for the alarm");
}

/* ---- running ---- */

/* Sets the alarm for the next timer, unless it is set for that already. */
static void alarm_arm(struct whpx *w)
{
	struct machine *m = w->m;
	uint64_t deadline = machine_next_timer(m);

	if (w->alarm_set && w->alarm_for == deadline)
		return;
	w->alarm_set = true;
	w->alarm_for = deadline;
	host_alarm_in(w->alarm, m->host->ops->alarm(m->host, deadline));
}

static bool alarm_taken(struct whpx *w)
{
	if (!atomic_exchange(&w->rang, false))
		return false;
	w->alarm_set = false;
	w->m->poll_wanted = true;
	return true;
}

/*
 * The windows to be told of. For an interrupt that only CR8 holds back, that is when CR8 is low
 * enough. Where it is not taken then, it is told of once between two exits, or that would go on for
 * ever: in a replay of a session that took it later, and on a platform that looks at no priority.
 */
static uint64_t windows(const struct whpx *w)
{
	const struct machine *m = w->m;
	uint64_t nmi = m->vcpu.c->nmi_pending ? WHV_NOTIFY_NMI : 0, class;

	if (m->window)
		return nmi | WHV_NOTIFY_INTERRUPT;
	class = w->unheeded ? 0 : machine_held_back(m);
	return class ? nmi | WHV_NOTIFY_INTERRUPT | class << WHV_NOTIFY_PRIORITY_SHIFT : nmi;
}

/* What the platform is told anew before the guest runs: all state, or CR8 and the window. */
static bool prepare(struct whpx *w)
{
	uint64_t notify = windows(w), cr8 = w->m->vcpu.c->cr8;
	uint32_t names[2], count = 0;
	uint64_t values[2];

	if (w->cpu_newer && !whpx_state_put(w))
		return false;
	if (cr8 != w->cr8) {
		names[count] = WHV_CR8;
		values[count++] = cr8;
	}
	if (notify != w->notify) {
		names[count] = WHV_DELIVERABILITY;
		values[count++] = notify;
	}
	if (count && !whpx_set(w, names, values, count))
		return false;
	w->cr8 = cr8;
	w->notify = notify;
	return true;
}

static bool enter(struct whpx *w)
{
	const struct whv_vp_context *vp = &w->exit.vp;

	if (!prepare(w))
		return false;
	w->cpu_current = false;
	w->ran = true;
	if (WHV_FAILED(WHPX_CALL(&w->platform, WHvRunVirtualProcessor, w->partition, 0, &w->exit,
				 sizeof(w->exit)))) {
		whpx_fail(w);
		return false;
	}
	w->shadow = vp->state & WHV_VP_INTERRUPT_SHADOW;
	w->cr8 = w->m->vcpu.c->cr8 = vp->length_cr8 >> 4;
	return true;
}

/* An event is on its way to the guest: this is not a boundary yet. */
static bool undelivered(const struct whpx *w)
{
	return w->exit.vp.state & WHV_VP_INTERRUPTION_PENDING;
}

/*
 * Nobody asked for this cancellation. After an exit that took long that is one which came late.
 * But some are all that WHPX says of an instruction that it cannot execute, again and again.
 */
static void spurious(struct whpx *w)
{
	if (w->spurious && w->spurious_at != w->exit.vp.rip)
		w->spurious = 0;
	w->spurious_at = w->exit.vp.rip;
	if (++w->spurious < SPURIOUS_MAX || undelivered(w))
		return;
	w->spurious = 0;
	whpx_interpret(w);
}

/* True when this is where the run loop wants to be, in a guest that does not make exits. */
static bool canceled(struct whpx *w)
{
	bool alarmed = alarm_taken(w);

	if (!alarmed) {
		spurious(w);
		return false;
	}
	if (w->patient && !undelivered(w)) {
		w->patient = false;
		return true;
	}
	w->patient = true;
	host_alarm_in(w->alarm, PATIENCE_NS);
	return false;
}

static void whpx_run(struct vcpu *v)
{
	struct machine *m = v->machine;
	struct whpx *w = whpx_of(m);

	alarm_arm(w);
	for (;;) {
		uint64_t exits = machine_state(m)->exits;
		bool back;

		if (!enter(w))
			return;
		back = w->exit.reason == WHV_EXIT_CANCELED ? canceled(w) : whpx_exit(w);
		if (m->stop == STOP_FAILED)
			return;
		if (machine_state(m)->exits != exits) {
			w->patient = w->unheeded = false;
			w->spurious = 0;
			back |= alarm_taken(w);
		}
		if (back || !v->limit) {
			m->between |= machine_state(m)->exits == exits;
			return;
		}
	}
}

/*
 * By the interpreter: the guest would see a trap flag (PUSHF), and an exit each instruction costs
 * more than a processor in software.
 */
static void whpx_run_to(struct vcpu *v, const struct host_place *place)
{
	struct whpx *w = whpx_of(v->machine);

	if (undelivered(w))
		whpx_interpret_delivery(w);
	if (whpx_interpreter_enter(w))
		interp_run_to(v, place->rip);
}

/* ---- interrupts ---- */

static bool whpx_can_interrupt(const struct vcpu *v)
{
	const struct whpx *w = whpx_of(v->machine);

	if (w->cpu_newer)
		return vcpu_can_interrupt(v);
	return (w->exit.vp.rflags & FLAG_IF) && !w->shadow && !undelivered(w);
}

static bool whpx_can_nmi(const struct vcpu *v)
{
	struct whpx *w = whpx_of(v->machine);
	uint64_t state;

	if (w->cpu_newer)
		return vcpu_can_nmi(v);
	return !w->shadow && !undelivered(w) && whpx_get(w, WHV_INTERRUPT_STATE, &state) &&
	       !(state & WHV_STATE_NMI_MASKED);
}

/*
 * A hypervisor interrupts a repeated string instruction with RF set in the saved flags, the
 * interpreter without. One of them has to give way for traces to be the same.
 */
static void inject(struct whpx *w, enum whv_event_type type, uint8_t vector)
{
	uint32_t names[2] = {WHV_PENDING_INTERRUPTION, WHV_RFLAGS};
	uint64_t values[2] = {WHV_PENDING | (uint64_t)type << WHV_PENDING_TYPE_SHIFT |
			      (uint64_t)vector << WHV_PENDING_VECTOR_SHIFT};
	uint32_t count = 1;

	w->unheeded = false;
	if (w->cpu_newer && !whpx_state_put(w))
		return;
	if (w->exit.vp.rflags & FLAG_RF) {
		values[1] = w->exit.vp.rflags & ~(uint64_t)FLAG_RF;
		w->exit.vp.rflags = values[1];
		count = 2;
	}
	if (!whpx_set(w, names, values, count))
		return;
	w->cpu_current = false;
	w->exit.vp.state |= WHV_VP_INTERRUPTION_PENDING;
}

/*
 * Vector 0 is never sent: the platform's own requests refuse it (ERROR_HV_INVALID_PARAMETER), and
 * a guest that programs it gets it as on every other accelerator, from the interpreter.
 */
static void whpx_inject(struct vcpu *v, uint8_t vector)
{
	struct whpx *w = whpx_of(v->machine);

	if (vector) {
		inject(w, WHV_EVENT_INTERRUPT, vector);
		return;
	}
	if (!whpx_interpreter_enter(w))
		return;
	if (w->m->tap && w->m->tap->vector_refused)
		w->m->tap->vector_refused(w->m->tap, vector);
	vcpu_interrupt(v, vector);
}

static void whpx_nmi(struct vcpu *v)
{
	inject(whpx_of(v->machine), WHV_EVENT_NMI, EXC_NMI);
}

/* ---- state ---- */

static void whpx_sync(struct machine *m)
{
	struct whpx *w = whpx_of(m);

	whpx_state_get(w);
	whpx_collect_dirty(w);
}

static void whpx_cpu_written(struct machine *m)
{
	if (whpx_of(m))
		whpx_of(m)->cpu_newer = true;
}

static bool fault_check(const char *value)
{
	struct whpx_fault fault;

	return !strcmp(value, "none") || whpx_fault_parse(value, &fault);
}

static const struct accel_property whpx_properties[] = {
    {.name = "kernel-irqchip",
     .value = "off",
     .refused = {{"on", "interrupts that Hyper-V's APIC delivers by itself cannot be recorded"},
		 {"split", "interrupts of Hyper-V's APIC cannot be recorded"}}},
    {.name = "emulator", .value = "auto", .also = {"platform", "builtin"}},
    {.name = "platform", .value = "any", .also = {"system", "software"}},
    {.name = "fail", .value = "none", .form = "CALL/N/HRESULT", .check = fault_check},
    {.name = NULL},
};

const struct accel_class whpx_accel_class = {
    .name = "whpx",
#ifdef _WIN32
    .description = "the host's processor, through the Windows Hypervisor Platform",
    .platform = "Windows, x86-64",
    .tested = "the same tests under wine, with the software platform; never on real Windows",
    .remark = whpx_remark,
#else
    .description = "the software platform: the backend for Windows, on our own processor",
    .platform = "software platform",
    .tested = "tests/accel and tests/roundtrip, with the software platform; never on real Windows",
#endif
    .properties = whpx_properties,
    .flags =
	ACCEL_READONLY | ACCEL_DIRTY_LOG | ACCEL_SINGLE_STEP | ACCEL_MSR_EXITS | ACCEL_TSC_EXITS,
    .probe = whpx_probe,
    .open = whpx_open,
    .close = whpx_close,
    .run = whpx_run,
    .run_to = whpx_run_to,
    .inject = whpx_inject,
    .nmi = whpx_nmi,
    .can_interrupt = whpx_can_interrupt,
    .can_nmi = whpx_can_nmi,
    .sync = whpx_sync,
    .cpu_written = whpx_cpu_written,
    .log_dirty = whpx_log_dirty,
    .map_changed = whpx_map_changed,
};
