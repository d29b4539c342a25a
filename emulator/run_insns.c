/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The run loop of machines whose accelerator counts instructions, and the steps that it shares with
 * the one by exits (run_exits.c) and with replays.
 *
 * The loop's order at one position is part of what a trace means, and the same in every mode:
 * stop, mark, timers, host poll, reset, NMI, interrupt, halt, run. Each step is a function of the
 * machine's state and of what the host answers.
 */
#include "emulator/accel/accel.h"
#include "emulator/machine.h"

/*
 * Halted with interrupts off, only an NMI can wake the vCPU; when none came for so much virtual
 * time, none will.
 */
#define DEAD_HALT_NS 10000000000ull

/* ---- steps ---- */

uint64_t machine_next_timer(const struct machine *m)
{
	const struct machine_state *s = machine_state(m);
	uint64_t next = UINT64_MAX;

	for (unsigned i = 0; i < m->timers; i++) {
		if (s->timer[i] < next)
			next = s->timer[i];
	}
	return next;
}

static struct device *timer_owner(struct machine *m, unsigned timer)
{
	for (unsigned i = 0; i < m->devices; i++) {
		struct device *d = m->device[i];

		if (timer - d->timer_base < d->class->timers)
			return d;
	}
	return NULL;
}

void machine_run_timers(struct machine *m)
{
	struct machine_state *s = machine_state(m);
	uint64_t now = machine_now(m);

	/*
	 * Earliest deadline first, lowest timer first among equals. A device that arms a timer in
	 * the past from its own callback gets it at the next instruction, so this ends.
	 */
	for (unsigned round = 0; round < MACHINE_TIMERS; round++) {
		unsigned due = m->timers;
		struct device *d;

		for (unsigned i = 0; i < m->timers; i++) {
			if (s->timer[i] <= now && (due == m->timers || s->timer[i] < s->timer[due]))
				due = i;
		}
		if (due == m->timers)
			return;
		s->timer[due] = UINT64_MAX;
		d = timer_owner(m, due);
		d->class->timer(d, due - d->timer_base);
	}
}

static uint64_t next_grid_point(const struct machine *m)
{
	return (m->vcpu.c->insns / MACHINE_POLL_INSNS + 1) * MACHINE_POLL_INSNS;
}

void machine_state_replaced(struct machine *m)
{
	m->stop = STOP_NONE;
	m->next_poll = next_grid_point(m);
	for (unsigned i = 0; i < m->bus.slots; i++)
		m->bus.slot[i].view = (enum slot_view)machine_state(m)->view[i];
	m->run.size = 0;
	m->timed = UINT64_MAX;
	for (unsigned i = 0; i < m->devices; i++) {
		if (m->device[i]->class->restored)
			m->device[i]->class->restored(m->device[i]);
	}
	vcpu_state_replaced(&m->vcpu);
	if (m->accel->map_changed)
		m->accel->map_changed(m);
	machine_cpu_written(m);
}

void machine_poll(struct machine *m)
{
	enum host_stop stop;

	m->next_poll = next_grid_point(m);
	for (unsigned i = 0; i < m->devices; i++) {
		struct device *d = m->device[i];
		uint8_t bytes[64];
		size_t room;

		if (d->channel < 0 || !d->class->char_room)
			continue;
		room = d->class->char_room(d);
		room = room < sizeof(bytes) ? room : sizeof(bytes);
		if (room)
			room = m->host->ops->char_read(m->host, (unsigned)d->channel, bytes, room);
		if (room)
			d->class->char_in(d, bytes, room);
	}
	stop = m->host->ops->stop(m->host);
	if (stop == HOST_STOP_QUIT)
		machine_stop(m, STOP_QUIT, 0);
	else if (stop == HOST_STOP_TIMEOUT)
		machine_stop(m, STOP_TIMEOUT, 0);
	else if (stop == HOST_STOP_FAILED)
		machine_stop(m, STOP_FAILED, 0);
	else if (stop == HOST_STOP_END)
		machine_stop(m, STOP_END, 0);
}

uint8_t machine_acknowledge(struct machine *m)
{
	return m->intc && m->intc->class->acknowledge ? m->intc->class->acknowledge(m->intc) : 0;
}

/* The vCPU is halted: input may wake it; else virtual time goes on to where the host says. */
static void halt(struct machine *m)
{
	struct machine_state *s = machine_state(m);
	uint64_t now = machine_now(m), deadline, wake;
	bool takes;

	machine_poll(m);
	if (m->stop != STOP_NONE || m->vcpu.c->nmi_pending ||
	    (m->vcpu.c->intr && vcpu_can_interrupt(&m->vcpu)))
		return;
	deadline = machine_next_timer(m);
	takes = m->vcpu.c->rflags & FLAG_IF;
	if (machine_halt_is_final(m, takes) ||
	    (!takes && (deadline == UINT64_MAX || now - s->halted_since > DEAD_HALT_NS))) {
		machine_stop(m, STOP_DEAD, 0);
		return;
	}
	wake = m->host->ops->wait(m->host, now, deadline);
	if (wake == UINT64_MAX)
		machine_stop(m, STOP_DEAD, 0);
	else if (wake > now)
		s->time_base += (wake < deadline ? wake : deadline) - now;
}

/* Up to where the vCPU may run before the loop has something to do. */
static uint64_t run_limit(struct machine *m)
{
	const struct cpu *c = m->vcpu.c;
	const struct machine_state *s = machine_state(m);
	uint64_t timer = machine_next_timer(m);
	uint64_t limit = m->next_poll;

	if (timer != UINT64_MAX && timer - s->time_base < limit)
		limit = timer - s->time_base;
	if (m->mark < limit)
		limit = m->mark;
	if (m->until < limit)
		limit = m->until;
	if (m->max_insns < limit)
		limit = m->max_insns;
	/* In the shadow of STI or MOV SS: one instruction, then look again. */
	if ((c->intr || c->nmi_pending) && c->shadow == c->insns && c->insns + 1 < limit)
		limit = c->insns + 1;
	/* A timer that was armed in the past by its own callback: one instruction further on. */
	return limit > c->insns ? limit : c->insns + 1;
}

enum stop_reason machine_run(struct machine *m)
{
	struct vcpu *v = &m->vcpu;

	if (m->config.host_time)
		return machine_run_by_exits(m);
	for (;;) {
		struct cpu *c = v->c;

		if (m->stop != STOP_NONE)
			return m->stop;
		if (c->insns >= m->mark && m->tap)
			m->tap->mark(m->tap);
		machine_run_timers(m);
		if (c->insns >= m->next_poll)
			machine_poll(m);
		machine_service_reset(m);
		if (c->insns >= m->max_insns)
			machine_stop(m, STOP_MAX_INSNS, 0);
		if (m->stop != STOP_NONE)
			continue;
		if (c->insns >= m->until)
			return STOP_PAUSED;
		if (c->nmi_pending && vcpu_can_nmi(v)) {
			c->nmi_pending = false;
			if (m->tap)
				m->tap->irq(m->tap, IRQ_NMI, 0);
			m->accel->nmi(v);
		} else if (c->intr && vcpu_can_interrupt(v)) {
			uint8_t vector = machine_acknowledge(m);

			if (m->tap)
				m->tap->irq(m->tap, IRQ_VECTOR, vector);
			m->accel->inject(v, vector);
		}
		if (m->stop != STOP_NONE)
			continue; /* the delivery itself ended in a triple fault */
		if (c->halted) {
			halt(m);
			continue;
		}
		v->limit = run_limit(m);
		m->accel->run(v);
	}
}
