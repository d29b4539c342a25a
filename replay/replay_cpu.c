/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPU replay: the CPU and RAM are live, the devices are not asked. Exits get their recorded
 * answers; interrupts, resets, DMA and the ends of halts are put in at their recorded positions.
 * Registers and RAM are compared, the arena is not.
 *
 * An event that happened inside an instruction's exit (DMA, A20, a view, an answer from outside)
 * stands before that exit. So the CPU is run first, which lets the exit take it; what is left over
 * then happened between instructions.
 */
#include "emulator/accel/accel.h"
#include "replay/session.h"

/* Applies an event that changes what the CPU sees; false when it is none of those. */
static bool apply(struct replay *r, const struct event *e)
{
	switch (e->kind) {
	case EVENT_DMA_WRITE:
		machine_dma_write(r->machine, e->address, e->bytes, e->length);
		break;
	case EVENT_ROM_WRITE:
		machine_rom_write(r->machine, e->address, e->bytes, e->length);
		break;
	case EVENT_A20:
		vcpu_set_a20(&r->machine->vcpu, e->data);
		break;
	case EVENT_VIEW:
		machine_set_view(r->machine, e->data & ~(uint64_t)SLOT_READ_WRITE,
				 e->data & SLOT_READ_WRITE);
		break;
	case EVENT_HOST_TIME:
	case EVENT_HOST_DUE:
		machine_set_now(r->machine, e->data);
		break;
	case EVENT_PRIORITY_SET:
		r->machine->vcpu.c->cr8 = e->data & 15;
		break;
	case EVENT_PRIORITY:
	case EVENT_DMA_READ:
	case EVENT_HOST_CLOCK:
	case EVENT_HOST_ENTROPY:
	case EVENT_HOST_CHAR:
		break; /* between devices and others */
	default:
		return false;
	}
	session_consume(r);
	return true;
}

static void answer_exit(void *opaque, struct exit *x)
{
	struct replay *r = opaque;
	const struct event *e;
	struct event came;
	struct exit recorded;

	while ((e = session_peek(r, 0)) && apply(r, e))
		;
	if (!e) {
		machine_stop(r->machine, STOP_END, 0);
		return;
	}
	recorded = event_to_exit(e);
	if (x->kind == recorded.kind && !x->is_write)
		x->data = recorded.data;
	if (x->kind == EXIT_MSR && recorded.kind == EXIT_MSR)
		x->fault = recorded.fault;
	came = event_of_exit(r->machine, x);
	if (session_expect(r, &came) && x->kind == EXIT_SHUTDOWN)
		machine_stop(r->machine, STOP_SHUTDOWN, 0);
	/* It came of this exit and stands behind it. */
	e = session_peek(r, 0);
	if (e && e->kind == EVENT_PRIORITY_SET)
		apply(r, e);
}

static void answer_nothing(void *opaque, uint64_t gpa, void *buffer, size_t size)
{
}

void replay_cpu_open(struct replay *r)
{
	r->machine->tap = NULL;
	r->machine->exit_override = answer_exit;
	r->machine->dma_override = answer_nothing;
	r->machine->exit_opaque = r;
}

static void diverge_here(struct replay *r, const struct event *e, const char *why)
{
	session_diverge(r, e, NULL, why);
}

/* Brings the CPU to the position of an event; false when it cannot get there. */
static bool run_to(struct replay *r, uint64_t insns, uint64_t number)
{
	struct vcpu *v = &r->machine->vcpu;

	while (v->c->insns < insns && r->machine->stop == STOP_NONE && !v->c->halted) {
		v->limit = insns;
		r->machine->accel->run(v);
		/* The exit that it was to run into has come. */
		if (r->checked != number)
			return true;
	}
	return v->c->insns >= insns;
}

static void interrupt(struct replay *r, const struct event *e)
{
	struct vcpu *v = &r->machine->vcpu;
	uint8_t vector = (uint8_t)e->data;
	bool nmi = e->kind == EVENT_NMI;

	if (nmi ? !r->machine->accel->can_nmi(v) : !r->machine->accel->can_interrupt(v)) {
		diverge_here(r, e, "the CPU cannot take the recorded interrupt here");
		return;
	}
	session_consume(r);
	v->c->halted = false;
	if (nmi)
		r->machine->accel->nmi(v);
	else
		r->machine->accel->inject(v, vector);
}

static void end_halt(struct replay *r, const struct event *e)
{
	struct machine *m = r->machine;
	uint64_t wake = e->data;

	if (!m->vcpu.c->halted || wake < machine_now(m)) {
		diverge_here(r, e, "the CPU is not halted here, as it was");
		return;
	}
	if (m->config.host_time)
		machine_set_now(m, wake);
	else
		machine_state(m)->time_base += wake - machine_now(m);
	session_consume(r);
}

static void reset(struct replay *r)
{
	struct machine *m = r->machine;

	/* By exits, devices asked for the time unless it was told just before. */
	if (r->checked && m->config.host_time && m->config.boundaries == BOUNDARY_EACH) {
		enum event_kind last = r->history[(r->checked - 1) % HISTORY].event.kind;

		m->time_stale = last != EVENT_HOST_DUE && last != EVENT_HOST_TIME;
	}
	session_consume(r);
	/* Views of memory that the devices' reset brings are events, here and nowhere else. */
	m->tap = m->config.host_time ? &r->tap : NULL;
	machine_reset(m);
	m->tap = NULL;
	if (m->load && m->load(m, NULL))
		machine_stop(m, STOP_FAILED, 0);
	machine_cpu_written(m);
}

static void dma_between(struct replay *r)
{
	const struct event *e;

	session_consume(r);
	e = session_peek(r, 0);
	if (e && event_kind_crossing(e->kind) == CROSSING_DMA)
		apply(r, e);
}

/* One event; the CPU stands at its position. */
static void step(struct replay *r, const struct event *e)
{
	switch (e->kind) {
	case EVENT_IRQ:
	case EVENT_NMI:
		interrupt(r, e);
		break;
	case EVENT_HOST_WAIT:
		end_halt(r, e);
		break;
	case EVENT_RESET:
		reset(r);
		break;
	case EVENT_DMA_BETWEEN:
		dma_between(r);
		break;
	case EVENT_DIGEST:
		session_check_digest(r);
		break;
	default:
		if (!apply(r, e))
			diverge_here(r, e, "the recorded event did not come");
		break;
	}
}

/* Who ended the session was not the CPU: take the trace's word for it. */
static void end_session(struct replay *r)
{
	const struct event *next;

	r->machine->stop_status = 0;
	session_take_end_time(r);
	next = session_peek(r, 0);
	if (next && next->kind == EVENT_DIGEST)
		session_check_digest(r);
	next = session_peek(r, 0);
	if (next && next->kind == EVENT_END)
		machine_stop(r->machine, (enum stop_reason)next->address, (int)next->data);
}

/*
 * The time that a device asked for when it was given input, or its timer was run. (One that stands
 * elsewhere the CPU asked for.)
 */
static void skip_answers(struct replay *r)
{
	const struct event *e = session_peek(r, 0), *last;

	while (e && r->checked && e->kind == EVENT_HOST_TIME) {
		last = &r->history[(r->checked - 1) % HISTORY].event;
		if (last->kind != EVENT_HOST_CHAR && last->kind != EVENT_HOST_DUE)
			return;
		apply(r, e);
		e = session_peek(r, 0);
	}
}

/* Machines by exits: the trace says where events happened as it does in machine replay. */
static enum replay_result run_by_exits(struct replay *r, uint64_t until, struct error *e)
{
	struct machine *m = r->machine;
	struct vcpu *v = &m->vcpu;
	uint64_t shown = 0;

	m->until = until;
	while (m->stop == STOP_NONE) {
		struct host_place place = {0};
		enum host_boundary where;

		if (machine_count(m) >= until)
			return REPLAY_PAUSED;
		/* On the way to one place the guest may come by here very often. */
		if (r->options.progress && machine_count(m) != shown) {
			shown = machine_count(m);
			r->options.progress(r->options.opaque, shown);
		}
		skip_answers(r);
		where = session_boundary(r, false, &place);
		if (m->stop != STOP_NONE)
			break;
		v->limit = m->look;
		if (where == HOST_BOUNDARY_AT) {
			m->accel->run_to(v, &place);
		} else if (where == HOST_BOUNDARY_LATER) {
			m->accel->run(v);
		} else if (session_end_reason(r) != STOP_NONE) {
			end_session(r);
		} else {
			const struct event *next = session_peek(r, 0);

			if (m->config.boundaries != BOUNDARY_EACH)
				m->time_stale = session_time_stale(r);
			if (next)
				step(r, next);
		}
	}
	return session_finish(r, m->stop, e);
}

enum replay_result replay_cpu_run(struct replay *r, uint64_t until, struct error *e)
{
	struct machine *m = r->machine;

	if (m->config.host_time)
		return run_by_exits(r, until, e);
	while (m->stop == STOP_NONE) {
		const struct event *next = session_peek(r, 0);
		enum stop_reason end = session_end_reason(r);
		uint64_t number = r->checked;

		if (!next)
			break;
		if (r->options.progress)
			r->options.progress(r->options.opaque, m->vcpu.c->insns);
		if (until < next->position.insns) {
			if (!run_to(r, until, number))
				diverge_here(r, next, "the CPU halted before the recorded event");
			else if (r->checked == number)
				return REPLAY_PAUSED;
			continue;
		}
		if (!run_to(r, next->position.insns, number)) {
			if (m->stop == STOP_NONE)
				diverge_here(r, next, "the CPU halted before the recorded event");
		} else if (r->checked == number && end != STOP_NONE) {
			end_session(r);
		} else if (r->checked == number) {
			step(r, next);
		}
	}
	return session_finish(r, m->stop, e);
}
