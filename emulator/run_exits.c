/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The run loop of machines whose accelerator does not count instructions ("by exits").
 *
 * Their time is the host's clock, and what the loop does between instructions (timers, input,
 * interrupts) happens when the host says so. Where that was is therefore part of what comes
 * through the door: at each boundary that the accelerator offers, host_ops.boundary() tells
 * whether the steps are taken here. Live that is always so; a replay says yes where the recording
 * did, and so each step finds the state that it found then.
 *
 * The policy is to act right after an exit, where a position needs no more than a count. The
 * accelerator comes back between exits only from a guest that has made none for a while.
 *
 * The order of the steps is that of run_insns.c.
 */
#include "emulator/accel/accel.h"
#include "emulator/machine.h"

/* See run_insns.c. */
#define DEAD_HALT_NS 10000000000ull

static void run_due_timers(struct machine *m)
{
	uint64_t deadline = machine_next_timer(m), now;

	if (deadline == UINT64_MAX)
		return;
	now = m->host->ops->due(m->host, deadline);
	if (!now)
		return;
	machine_set_now(m, now);
	machine_run_timers(m);
}

static void poll_host(struct machine *m)
{
	m->poll_wanted = false;
	machine_poll(m);
}

static void interrupt(struct machine *m)
{
	struct vcpu *v = &m->vcpu;
	struct cpu *c = v->c;

	if (c->nmi_pending && m->accel->can_nmi(v)) {
		c->nmi_pending = false;
		if (m->tap)
			m->tap->irq(m->tap, IRQ_NMI, 0);
		c->halted = false;
		m->accel->nmi(v);
	} else if (c->intr && m->accel->can_interrupt(v)) {
		uint8_t vector = machine_acknowledge(m);

		if (m->tap)
			m->tap->irq(m->tap, IRQ_VECTOR, vector);
		c->halted = false;
		m->accel->inject(v, vector);
	}
	/* What could not be taken, or came behind what was. */
	m->window = c->intr && !c->halted;
}

static void idle(struct machine *m)
{
	uint64_t deadline, wake;
	struct vcpu *v = &m->vcpu;
	bool takes;

	if (m->config.boundaries == BOUNDARY_EACH)
		machine_poll(m);
	if (m->stop != STOP_NONE || v->c->nmi_pending || (v->c->intr && m->accel->can_interrupt(v)))
		return;
	deadline = machine_next_timer(m);
	takes = m->accel->can_interrupt(v);
	if (machine_halt_is_final(m, takes) ||
	    (!takes && (deadline == UINT64_MAX ||
			machine_now(m) - machine_state(m)->halted_since > DEAD_HALT_NS))) {
		machine_stop(m, STOP_DEAD, 0);
		return;
	}
	wake = m->host->ops->idle(m->host, deadline);
	if (wake == UINT64_MAX)
		machine_stop(m, STOP_DEAD, 0);
	else
		machine_set_now(m, wake);
}

/* The steps at a boundary; true when the vCPU is to run on. */
static bool steps(struct machine *m)
{
	if (machine_count(m) >= m->mark && m->tap)
		m->tap->mark(m->tap);
	machine_take_priority(m);
	run_due_timers(m);
	if (m->poll_wanted || (m->vcpu.c->halted && m->config.boundaries != BOUNDARY_EACH))
		poll_host(m);
	machine_service_reset(m);
	if (m->stop != STOP_NONE)
		return false;
	interrupt(m);
	if (m->stop != STOP_NONE)
		return false;
	if (!m->vcpu.c->halted)
		return true;
	idle(m);
	return false;
}

/*
 * Several boundaries may be at one exit, with no instruction in between. A trace does not tell them
 * apart, so their steps have to come to the same as if they were one: only the first finds that
 * time went on. (What a timer is due by the door tells in any case.)
 */
static void time_goes_on(struct machine *m)
{
	m->time_stale |= m->between || m->timed != machine_state(m)->exits;
	m->timed = machine_state(m)->exits;
}

enum stop_reason machine_run_by_exits(struct machine *m)
{
	struct vcpu *v = &m->vcpu;

	for (;;) {
		struct host_place place = {0};
		enum host_boundary where;
		bool run = true;

		if (m->stop != STOP_NONE)
			return m->stop;
		if (machine_count(m) >= m->until)
			return STOP_PAUSED;
		m->window = false;
		time_goes_on(m);
		where = m->host->ops->boundary(m->host, false, &place);
		while (where == HOST_BOUNDARY_HERE && run) {
			m->time_stale |= m->config.boundaries == BOUNDARY_EACH;
			run = m->stop == STOP_NONE && steps(m);
			if (run)
				where = m->host->ops->boundary(m->host, true, &place);
		}
		if (!run || m->stop != STOP_NONE)
			continue;
		v->limit = m->look;
		if (where == HOST_BOUNDARY_AT)
			m->accel->run_to(v, &place);
		else
			m->accel->run(v);
		m->boundaries++;
	}
}
