/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device replay: the devices are live, there is no CPU. Recorded exits are put to the machine as
 * the CPU would have; answers, interrupts and DMA are compared. What the devices read from RAM is
 * answered from the trace, as nobody computes RAM's content. The arena is compared.
 *
 * Virtual time is made from the recorded positions: timers fire at exactly the instruction
 * boundary at which the run loop of run_insns.c would have fired them.
 */
#include <string.h>

#include "replay/session.h"

static void answer_dma_read(void *opaque, uint64_t gpa, void *buffer, size_t size)
{
	struct replay *r = opaque;
	uint8_t *to = buffer;

	for (unsigned ahead = 0; size; ahead++) {
		const struct event *e = session_peek(r, ahead);

		if (e && e->kind == EVENT_DMA_BETWEEN)
			continue;
		/* When it does not match, the tap that is told next says so. */
		if (!e || e->kind != EVENT_DMA_READ || e->address != gpa || !e->length ||
		    e->length > size)
			return;
		memcpy(to, e->bytes, e->length);
		to += e->length;
		gpa += e->length;
		size -= e->length;
	}
}

void replay_devices_open(struct replay *r)
{
	r->machine->dma_override = answer_dma_read;
	r->machine->exit_opaque = r;
}

/* Fires the timers that are due at boundaries up to and including `insns`. */
static void timers_to(struct machine *m, uint64_t insns)
{
	struct cpu *c = m->vcpu.c;

	/* By exits, timers fire where the trace says. */
	while (m->stop == STOP_NONE && !m->config.host_time) {
		uint64_t deadline = machine_next_timer(m), base = machine_state(m)->time_base;
		uint64_t at = deadline > base ? deadline - base : 0;

		if (deadline == UINT64_MAX || at > insns)
			return;
		if (at > c->insns)
			c->insns = at;
		machine_run_timers(m);
		/* One that was armed in the past by its own callback fires an instruction later. */
		if (machine_next_timer(m) <= machine_now(m)) {
			if (c->insns >= insns)
				return;
			c->insns++;
		}
	}
}

/* To the boundary at `insns`, with the timers that are due there. */
static void advance(struct machine *m, uint64_t insns)
{
	timers_to(m, insns);
	m->vcpu.c->insns = insns;
	if (m->config.host_time && m->config.boundaries == BOUNDARY_EACH)
		m->time_stale = true;
}

/* Into the instruction that begins the count `insns`: the timers before it have fired. */
static void advance_into(struct machine *m, uint64_t insns)
{
	if (m->vcpu.c->insns >= insns)
		return; /* a second exit of the same instruction, or the boundary's first event */
	timers_to(m, insns - 1);
	m->vcpu.c->insns = insns;
}

/* DMA and answers that stand before the exit in which they happened: that exit, else NULL. */
static const struct event *exit_around(struct replay *r)
{
	const struct event *first = session_peek(r, 0), *e = first;

	for (unsigned ahead = 1; e && e->position.insns == first->position.insns; ahead++) {
		switch (event_kind_crossing(e->kind)) {
		case CROSSING_EXIT:
			return e;
		case CROSSING_DMA:
			break;
		case CROSSING_IRQ:
			if (e->kind != EVENT_A20 && e->kind != EVENT_VIEW)
				return NULL;
			break;
		case CROSSING_HOST:
			if (e->kind != EVENT_HOST_CLOCK && e->kind != EVENT_HOST_ENTROPY &&
			    e->kind != EVENT_HOST_TIME)
				return NULL;
			break;
		default:
			return NULL;
		}
		e = session_peek(r, ahead);
	}
	return NULL;
}

static void char_in(struct replay *r, const struct event *e)
{
	struct machine *m = r->machine;
	const uint8_t *bytes;
	size_t length;

	for (unsigned i = 0; i < m->devices; i++) {
		struct device *d = m->device[i];

		if (d->channel < 0 || (uint64_t)d->channel != e->address || !d->class->char_room)
			continue;
		if (d->class->char_room(d) < e->length)
			break;
		/* Its bytes stay valid in the history; the event itself moves. */
		bytes = e->bytes;
		length = e->length;
		session_consume(r);
		d->class->char_in(d, bytes, length);
		return;
	}
	session_diverge(r, e, NULL, "no device takes these bytes here, as one did");
}

static void end_halt(struct replay *r, const struct event *e)
{
	struct machine *m = r->machine;
	uint64_t now = machine_now(m), wake = e->data;

	if (m->config.host_time) {
		machine_set_now(m, wake);
		session_consume(r);
		return;
	}
	if (wake < now || wake > machine_next_timer(m)) {
		session_diverge(r, e, NULL,
				"the recorded halt ends outside now and the next timer");
		return;
	}
	machine_state(m)->time_base += wake - now;
	session_consume(r);
	/* The timers that are due then fire on the way to the next event. */
}

static void interrupt(struct replay *r, const struct event *e)
{
	struct machine *m = r->machine;
	struct cpu *c = m->vcpu.c;

	if (e->kind == EVENT_NMI) {
		if (!c->nmi_pending) {
			session_diverge(r, e, NULL, "no NMI is pending, as one was");
			return;
		}
		c->nmi_pending = false;
		m->tap->irq(m->tap, IRQ_NMI, 0);
	} else if (!c->intr) {
		session_diverge(r, e, NULL,
				"the interrupt controller asks for no interrupt, as it did");
	} else {
		m->tap->irq(m->tap, IRQ_VECTOR, machine_acknowledge(m));
	}
}

/* The session's end, when it was not a device that ended it. */
static void end(struct replay *r, enum stop_reason reason)
{
	struct machine *m = r->machine;

	machine_service_reset(m);
	switch (reason) {
	case STOP_DEAD:
	case STOP_QUIT:
	case STOP_TIMEOUT:
	case STOP_MAX_INSNS:
	case STOP_FAILED:
		machine_stop(m, reason, 0);
		break;
	default:
		if (m->stop == STOP_NONE)
			session_diverge(r, session_peek(r, 0), NULL,
					"no device ended the session, as one did");
		break;
	}
}

/* An event between instructions; the machine stands at its position. */
static void step(struct replay *r, const struct event *e, uint64_t number)
{
	struct machine *m = r->machine;

	if (r->checked != number || m->stop != STOP_NONE)
		return; /* a timer's DMA or question: it came by itself */
	if (m->config.host_time)
		m->time_stale = session_time_stale(r);
	switch (e->kind) {
	case EVENT_IRQ:
	case EVENT_NMI:
		interrupt(r, e);
		break;
	case EVENT_HOST_CHAR:
		char_in(r, e);
		break;
	case EVENT_HOST_WAIT:
		end_halt(r, e);
		break;
	case EVENT_HOST_DUE:
		machine_set_now(m, e->data);
		session_consume(r);
		machine_run_timers(m);
		break;
	case EVENT_HOST_TSC: /* the vCPU's own question */
		machine_set_now(m, e->data);
		session_consume(r);
		break;
	case EVENT_PLACE: /* where in the guest's code means nothing to devices */
		session_consume(r);
		break;
	case EVENT_RESET:
		machine_service_reset(m);
		break;
	default:
		break;
	}
	if (r->checked == number && !r->diverged)
		session_diverge(r, e, NULL, "the recorded event did not come");
}

enum replay_result replay_devices_run(struct replay *r, uint64_t until, struct error *e)
{
	struct machine *m = r->machine;

	while (m->stop == STOP_NONE) {
		const struct event *next = session_peek(r, 0), *around;
		uint64_t number = r->checked;
		struct exit x;

		if (!next)
			break;
		if (r->options.progress)
			r->options.progress(r->options.opaque, machine_count(m));
		if (m->config.host_time && next->position.exits > until)
			return REPLAY_PAUSED;
		if (next->position.insns > until) {
			advance(m, until);
			if (r->checked == number && m->stop == STOP_NONE)
				return REPLAY_PAUSED;
			continue;
		}
		if (next->kind == EVENT_PRIORITY) {
			m->vcpu.c->cr8 = next->data & 15;
			machine_take_priority(m);
			if (r->checked == number)
				session_diverge(r, next, NULL, "the task priority was that before");
			continue;
		}
		around = exit_around(r);
		if (around) {
			advance_into(m, next->position.insns);
			if (r->checked != number || m->stop != STOP_NONE)
				continue; /* a timer asked for something on the way */
			x = event_to_exit(around);
			x.data = x.is_write ? x.data : 0;
			x.fault = false;
			machine_exit(m, &x);
		} else if (next->kind == EVENT_DIGEST && session_end_reason(r) == STOP_NONE) {
			advance_into(m, next->position.insns);
			if (r->checked == number)
				session_check_digest(r);
		} else {
			advance(m, next->position.insns);
			if (r->checked == number && session_end_reason(r) != STOP_NONE)
				end(r, session_end_reason(r));
			else
				step(r, next, number);
		}
	}
	return session_finish(r, m->stop, e);
}
