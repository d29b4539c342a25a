/* SPDX-License-Identifier: Apache-2.0 */
/* What the three kinds of replay share; see session.h. */
#include "replay/session.h"

#include <stdlib.h>
#include <string.h>

#include "emulator/accel/accel.h"
#include "emulator/cpu/insn.h"
#include "replay/record.h"

static bool hold(struct held_event *h, const struct event *e)
{
	if (e->length > h->room) {
		uint8_t *larger = realloc(h->bytes, e->length);

		if (!larger)
			return false;
		h->bytes = larger;
		h->room = e->length;
	}
	h->event = *e;
	h->event.bytes = h->bytes;
	if (e->length)
		memcpy(h->bytes, e->bytes, e->length);
	return true;
}

/* ---- look-ahead ---- */

const struct event *session_peek(struct replay *r, unsigned ahead)
{
	while (r->queued <= ahead) {
		struct event e;
		int got;

		if (r->drained || r->queued == QUEUE)
			return NULL;
		got = trace_read(r->reader, &e, &r->error);
		if (got > 0 && !hold(&r->queue[(r->first + r->queued) % QUEUE], &e))
			got = error_set(&r->error, ERROR_HOST, "out of memory");
		if (got <= 0) {
			r->drained = true;
			return NULL;
		}
		r->queued++;
	}
	return &r->queue[(r->first + ahead) % QUEUE].event;
}

/* The trace is used up: nothing more can be compared. */
static void stop_at_end(struct replay *r)
{
	machine_stop(r->machine, STOP_END, 0);
}

/* How many events there are before the session's end, of those that belong to it; else -1. */
static int end_ahead(struct replay *r)
{
	const struct event *e = session_peek(r, 0);
	unsigned ahead = 0;

	if (e && e->kind == EVENT_HOST_TIME && r->machine->config.boundaries != BOUNDARY_EACH)
		e = session_peek(r, ++ahead);
	if (e && e->kind == EVENT_DIGEST)
		e = session_peek(r, ++ahead);
	return e && e->kind == EVENT_END ? (int)ahead : -1;
}

/* The next event is one of the run loop's steps, between two instructions. */
static bool is_step(struct replay *r, const struct event *e)
{
	switch (e->kind) {
	case EVENT_HOST_TIME:
		return end_ahead(r) >= 0;
	case EVENT_IRQ:
	case EVENT_NMI:
	case EVENT_RESET:
	case EVENT_HOST_CHAR:
	case EVENT_HOST_WAIT:
	case EVENT_HOST_DUE:
	case EVENT_DMA_BETWEEN:
	case EVENT_DIGEST:
	case EVENT_END:
		return true;
	default:
		return false;
	}
}

void session_look_ahead(struct replay *r)
{
	const struct event *next = session_peek(r, 0);

	if (next && (next->kind == EVENT_EMULATED || next->kind == EVENT_FALLBACK ||
		     next->kind == EVENT_VECTOR_REFUSED)) {
		/* That the interpreter helped out then is no concern of this session. */
		session_consume(r);
		return;
	}
	if (next && r->machine->config.host_time && (is_step(r, next) || next->kind == EVENT_PLACE))
		vcpu_kick(&r->machine->vcpu);
	/* A trace without an end stops the machine with its last event. */
	if (!next) {
		stop_at_end(r);
	} else if (session_end_reason(r) == STOP_MAX_INSNS) {
		r->machine->max_insns = next->position.insns;
		vcpu_kick(&r->machine->vcpu);
	}
}

/*
 * The next event is a place, and here is its state. What the state does not show is the shadow of
 * STI or MOV SS: an interrupt that was taken at the place was not in it.
 */
static bool place_serves(struct replay *r)
{
	const struct event *place = session_peek(r, 0), *e = place;

	for (unsigned ahead = 1; e && e->position.exits == place->position.exits; ahead++) {
		if (e->kind == EVENT_IRQ)
			return r->machine->accel->can_interrupt(&r->machine->vcpu);
		if (e->kind == EVENT_NMI)
			return r->machine->accel->can_nmi(&r->machine->vcpu);
		if (event_kind_crossing(e->kind) == CROSSING_EXIT ||
		    (e->kind == EVENT_PLACE && e != place))
			break;
		e = session_peek(r, ahead);
	}
	return true;
}

enum host_boundary session_boundary(struct replay *r, bool again, struct host_place *place)
{
	struct machine *m = r->machine;
	const struct event *e = session_peek(r, 0);
	uint64_t exits = machine_position(m).exits;
	enum host_boundary where = HOST_BOUNDARY_LATER;

	m->poll_wanted = true;
	if (!e || r->diverged) {
		stop_at_end(r);
		return HOST_BOUNDARY_HERE;
	}
	if (e->position.exits == exits && is_step(r, e)) {
		if (again && r->checked == r->stepped)
			session_diverge(r, e, NULL, "the recorded event did not come");
		r->stepped = r->checked;
		return HOST_BOUNDARY_HERE;
	}
	if (e->position.exits == exits && e->kind == EVENT_PLACE) {
		if (e->length == PLACE_BYTES && place_matches(&r->digester, e->address, e->bytes) &&
		    place_serves(r)) {
			session_consume(r);
			r->stepped = r->checked;
			m->time_stale = true;
			return HOST_BOUNDARY_HERE;
		}
		where = e->length == PLACE_BYTES ? HOST_BOUNDARY_AT : HOST_BOUNDARY_LATER;
		if (where == HOST_BOUNDARY_AT)
			*place = place_load(e->address, e->bytes);
	}
	if (e->position.exits < exits || m->vcpu.c->halted)
		session_diverge(r, e, NULL, "the recorded event did not come");
	else
		endless_look(r);
	return where;
}

static bool time_stale_guessed(struct replay *r)
{
	const struct event *next = session_peek(r, 0);
	bool told = false;

	for (uint64_t i = r->checked; i && r->checked - i < HISTORY; i--) {
		const struct event *e = &r->history[(i - 1) % HISTORY].event;

		if (e->kind == EVENT_HOST_DUE)
			return false;
		if (e->kind == EVENT_HOST_TIME) {
			told = true;
			continue;
		}
		if (e->kind != EVENT_HOST_CHAR)
			break;
		/* The same channel again: this is another boundary. */
		if (next && next->kind == EVENT_HOST_CHAR && next->address == e->address)
			return true;
	}
	return !told;
}

bool session_time_stale(struct replay *r)
{
	struct machine *m = r->machine;
	const struct event *next = session_peek(r, 0);
	bool first;

	if (m->config.boundaries == BOUNDARY_EACH)
		return time_stale_guessed(r);
	first = m->timed != machine_state(m)->exits || (next && next->kind == EVENT_PLACE);
	m->timed = machine_state(m)->exits;
	return first || m->time_stale;
}

void session_consume(struct replay *r)
{
	struct held_event *next = &r->queue[r->first], *old = &r->history[r->checked % HISTORY],
			  swap;

	if (r->options.event)
		r->options.event(r->options.opaque, r, &next->event);
	swap = *old;
	*old = *next;
	*next = swap;
	r->first = (r->first + 1) % QUEUE;
	r->queued--;
	r->checked++;
	session_look_ahead(r);
}

void session_skip(struct replay *r)
{
	r->first = (r->first + 1) % QUEUE;
	r->queued--;
}

void session_drop_queue(struct replay *r)
{
	r->first = r->queued = 0;
	r->drained = false;
}

/* ---- comparing ---- */

void session_diverge(struct replay *r, const struct event *expected, const struct event *came,
		     const char *why)
{
	machine_stop(r->machine, STOP_END, 0);
	if (r->diverged || r->error.kind)
		return;
	r->diverged = true;
	r->why = why;
	r->nothing_expected = !expected || !hold(&r->expected, expected);
	r->nothing_came = !came || !hold(&r->came, came);
	if (r->nothing_came)
		r->came.event = (struct event){.position = machine_position(r->machine)};
}

bool session_expect(struct replay *r, const struct event *came)
{
	const struct event *expected;
	struct event adapted;

	if (r->diverged)
		return false;
	expected = session_peek(r, 0);
	if (!expected) {
		stop_at_end(r);
		return false;
	}
	adapted = *came;
	if (r->machine->config.host_time && event_rip_agrees(expected, came))
		adapted.rip = expected->rip;
	if (!event_equal(expected, &adapted)) {
		session_diverge(r, expected, came, "what came is not what was recorded");
		return false;
	}
	session_consume(r);
	return true;
}

enum stop_reason session_end_reason(struct replay *r)
{
	int ahead = end_ahead(r);

	return ahead < 0 ? STOP_NONE : (enum stop_reason)session_peek(r, (unsigned)ahead)->address;
}

void session_take_end_time(struct replay *r)
{
	const struct event *next = session_peek(r, 0);

	if (next && next->kind == EVENT_HOST_TIME && end_ahead(r) >= 0)
		session_consume(r);
}

void session_check_digest(struct replay *r)
{
	const struct event *expected = session_peek(r, 0);
	struct digest now, then;
	uint8_t bytes[DIGEST_BYTES];
	struct event came;

	if (r->diverged)
		return;
	if (!expected) {
		stop_at_end(r);
		return;
	}
	now = digest_take(&r->digester);
	if (expected->kind == EVENT_DIGEST && expected->length == DIGEST_BYTES) {
		/* What this way of replay does not have it cannot compare. */
		then = digest_load(expected->bytes);
		if (r->options.mode == REPLAY_DEVICES) {
			now.registers = then.registers;
			now.ram = then.ram;
		} else if (r->options.mode == REPLAY_CPU) {
			now.arena = then.arena;
		}
	}
	digest_store(&now, bytes);
	came = event_of_host(r->machine, EVENT_DIGEST, 0, 0, bytes, sizeof(bytes));
	session_expect(r, &came);
}

enum replay_result session_result(const struct replay *r, struct error *e)
{
	if (r->error.kind) {
		*e = r->error;
		return REPLAY_FAILED;
	}
	return r->diverged ? REPLAY_DIVERGED : REPLAY_INCOMPLETE;
}

enum replay_result session_finish(struct replay *r, enum stop_reason reason, struct error *e)
{
	const struct event *expected;
	struct event came;

	if (!r->diverged && session_end_reason(r) == reason)
		session_take_end_time(r);
	expected = session_peek(r, 0);
	if (r->diverged || r->error.kind || !expected)
		return session_result(r, e);
	came = event_of_host(r->machine, EVENT_END, reason, (uint32_t)r->machine->stop_status, NULL,
			     0);
	if (expected->kind == EVENT_DIGEST && session_end_reason(r) == reason)
		session_check_digest(r);
	expected = session_peek(r, 0);
	if (!expected || r->diverged || !session_expect(r, &came))
		return session_result(r, e);
	r->end = came;
	return REPLAY_IDENTICAL;
}

/* ---- the door ---- */

static struct replay *of_host(struct host *h)
{
	return (struct replay *)h;
}

/* The next event if it is an answer of that kind, here; else a divergence. */
static const struct event *answer(struct replay *r, enum event_kind kind)
{
	const struct event *e = session_peek(r, 0);
	struct event came = event_of_host(r->machine, kind, 0, 0, NULL, 0);

	if (!e) {
		stop_at_end(r);
		return NULL;
	}
	if (e->kind == kind && e->position.insns == came.position.insns &&
	    e->position.exits == came.position.exits)
		return e;
	session_diverge(r, e, &came, "the machine asked the host for something else");
	return NULL;
}

static int64_t replay_wall_clock(struct host *h)
{
	struct replay *r = of_host(h);
	const struct event *e = answer(r, EVENT_HOST_CLOCK);
	int64_t ns = e ? (int64_t)e->data : 0;

	if (e)
		session_consume(r);
	return ns;
}

static void replay_entropy(struct host *h, void *buffer, size_t size)
{
	struct replay *r = of_host(h);
	const struct event *e = answer(r, EVENT_HOST_ENTROPY);

	memset(buffer, 0, size);
	if (e && e->length == size) {
		memcpy(buffer, e->bytes, size);
		session_consume(r);
	} else if (e) {
		session_diverge(r, e, NULL, "the machine asked for another amount of entropy");
	}
}

static size_t replay_char_read(struct host *h, unsigned channel, uint8_t *buffer, size_t max)
{
	struct replay *r = of_host(h);
	const struct event *e = session_peek(r, 0);
	struct position here = machine_position(r->machine);
	size_t n;

	if (!e || e->kind != EVENT_HOST_CHAR || e->address != channel ||
	    e->position.insns != here.insns || e->position.exits != here.exits || e->length > max)
		return 0;
	n = e->length;
	memcpy(buffer, e->bytes, n);
	session_consume(r);
	return n;
}

static void replay_char_write(struct host *h, unsigned channel, const uint8_t *buffer, size_t size)
{
	struct replay *r = of_host(h);

	if (r->options.output)
		r->options.output(r->options.opaque, channel, buffer, size);
}

static uint64_t replay_wait(struct host *h, uint64_t now, uint64_t deadline)
{
	struct replay *r = of_host(h);
	const struct event *e;
	uint64_t wake;

	if (session_end_reason(r) == STOP_DEAD)
		return UINT64_MAX;
	e = answer(r, EVENT_HOST_WAIT);
	if (!e)
		return now;
	wake = e->data;
	if (wake < now || wake > deadline) {
		session_diverge(r, e, NULL,
				"the recorded halt ends outside now and the next timer");
		return now;
	}
	session_consume(r);
	return wake;
}

static enum host_stop replay_stop(struct host *h)
{
	struct replay *r = of_host(h);
	struct machine *m = r->machine;
	struct position here;
	const struct event *e;

	if (r->options.progress)
		r->options.progress(r->options.opaque, machine_count(m));
	e = session_peek(r, 0);
	if (!e || r->diverged)
		return HOST_STOP_END;
	here = machine_position(m);
	if (e->position.insns < here.insns) {
		session_diverge(r, e, NULL, "the recorded event did not come");
		return HOST_STOP_END;
	}
	if (e->position.insns > here.insns ||
	    (m->config.host_time && e->position.exits > here.exits))
		return HOST_STOP_NONE;
	switch (session_end_reason(r)) {
	case STOP_QUIT:
		return HOST_STOP_QUIT;
	case STOP_TIMEOUT:
		return HOST_STOP_TIMEOUT;
	case STOP_FAILED:
		return HOST_STOP_FAILED;
	default:
		return HOST_STOP_NONE;
	}
}

static uint64_t answer_time(struct replay *r, enum event_kind kind)
{
	const struct event *e = answer(r, kind);
	uint64_t now = e ? e->data : 0;

	if (e)
		session_consume(r);
	return now;
}

static uint64_t replay_clock(struct host *h)
{
	return answer_time(of_host(h), EVENT_HOST_TIME);
}

static uint64_t replay_tsc(struct host *h)
{
	return answer_time(of_host(h), EVENT_HOST_TSC);
}

static uint64_t replay_due(struct host *h, uint64_t deadline)
{
	struct replay *r = of_host(h);
	const struct event *e = session_peek(r, 0);
	uint64_t now;

	if (!e || e->kind != EVENT_HOST_DUE ||
	    e->position.exits != machine_position(r->machine).exits)
		return 0;
	now = e->data;
	if (now < deadline) {
		session_diverge(r, e, NULL, "no timer is due at this time, as one was");
		return 0;
	}
	session_consume(r);
	return now;
}

static uint64_t replay_idle(struct host *h, uint64_t deadline)
{
	struct replay *r = of_host(h);
	const struct event *e;
	uint64_t wake;

	if (session_end_reason(r) == STOP_DEAD)
		return UINT64_MAX;
	e = answer(r, EVENT_HOST_WAIT);
	if (!e)
		return 0;
	wake = e->data;
	session_consume(r);
	return wake;
}

static uint64_t replay_alarm(struct host *h, uint64_t deadline)
{
	return endless_alarm(of_host(h));
}

static enum host_boundary replay_boundary(struct host *h, bool again, struct host_place *place)
{
	return session_boundary(of_host(h), again, place);
}

/* CPUID said that there is none, so what the guest read then is not in the trace. */
static void tsc_read(void *opaque)
{
	struct replay *r = opaque;

	session_diverge(r, NULL, NULL,
			"the guest reads the time stamp counter: what it read was not recorded");
	r->came.event.rip = exit_rip(&r->machine->vcpu);
}

const struct host_ops replay_host_ops = {
    .wall_clock = replay_wall_clock,
    .entropy = replay_entropy,
    .char_read = replay_char_read,
    .char_write = replay_char_write,
    .wait = replay_wait,
    .stop = replay_stop,
    .clock = replay_clock,
    .tsc = replay_tsc,
    .due = replay_due,
    .idle = replay_idle,
    .alarm = replay_alarm,
    .boundary = replay_boundary,
};

/* ---- the tap ---- */

static struct replay *of_tap(struct tap *t)
{
	return (struct replay *)(void *)((char *)t - offsetof(struct replay, tap));
}

static void replay_exit(struct tap *t, const struct exit *x)
{
	struct replay *r = of_tap(t);
	struct event came = event_of_exit(r->machine, x);

	session_expect(r, &came);
}

static void replay_irq(struct tap *t, enum irq_kind kind, uint32_t value)
{
	struct replay *r = of_tap(t);
	struct event came = event_of_irq(r->machine, kind, value);

	session_expect(r, &came);
}

static bool expect_between(struct replay *r)
{
	struct event came = event_of_host(r->machine, EVENT_DMA_BETWEEN, 0, 0, NULL, 0);

	return !event_is_between(r->machine) || session_expect(r, &came);
}

static void replay_dma(struct tap *t, bool is_write, uint64_t gpa, const void *data, size_t size)
{
	struct replay *r = of_tap(t);
	const uint8_t *bytes = data;

	do {
		size_t n = size < EVENT_BYTES_MAX ? size : EVENT_BYTES_MAX;
		struct event came = event_of_dma(r->machine, is_write, gpa, bytes, n);

		if (!expect_between(r) || !session_expect(r, &came))
			return;
		gpa += n;
		bytes += n;
		size -= n;
	} while (size);
}

static void replay_rom_write(struct tap *t, uint64_t gpa, const void *data, size_t size)
{
	struct replay *r = of_tap(t);
	struct event came = event_of_rom(r->machine, gpa, data, size);

	if (expect_between(r))
		session_expect(r, &came);
}

static void replay_mark(struct tap *t)
{
	struct replay *r = of_tap(t);

	r->machine->mark = digest_next_mark(r->machine);
	session_check_digest(r);
}

const struct tap replay_tap = {
    .exit = replay_exit,
    .irq = replay_irq,
    .dma = replay_dma,
    .rom_write = replay_rom_write,
    .mark = replay_mark,
};

/* ---- life cycle ---- */

/* The machine that the trace describes, with copies of its images. */
static int config_from_trace(const struct trace_reader *reader, struct machine_config *c,
			     struct error *e)
{
	unsigned count = trace_reader_images(reader);

	if (machine_config_parse(c, trace_reader_info(reader)->machine, e))
		return -1;
	if (count > MACHINE_IMAGES) {
		machine_config_free(c);
		return error_set(e, ERROR_TRACE, "the trace has %u images, at most %d make sense",
				 count, MACHINE_IMAGES);
	}
	for (unsigned i = 0; i < count; i++) {
		const struct image *from = trace_reader_image(reader, i);
		struct image *to = &c->image[c->images];

		to->role = from->role;
		to->size = from->size;
		to->name = strdup(from->name ? from->name : "");
		to->data = malloc(from->size ? from->size : 1);
		c->images++;
		if (!to->name || !to->data) {
			machine_config_free(c);
			return error_set(e, ERROR_HOST, "out of memory for the trace's images");
		}
		memcpy(to->data, from->data, from->size);
	}
	return 0;
}

/* A machine that cannot be built from its trace is the trace's fault, whatever the part says. */
static void blame_trace(struct error *e)
{
	char text[sizeof(e->text)];

	if (e->kind == ERROR_USAGE) {
		memcpy(text, e->text, sizeof(text));
		error_set(e, ERROR_TRACE, "the trace's machine cannot be built: %.900s", text);
	}
}

struct replay *replay_open(const char *path, const struct replay_options *o, struct error *e)
{
	struct replay *r = calloc(1, sizeof(*r));
	struct machine_config config;
	const struct trace_info *info;
	struct accel_choice choice;
	bool by_exits;

	if (!r) {
		error_set(e, ERROR_HOST, "out of memory");
		return NULL;
	}
	r->options = *o;
	r->host.ops = &replay_host_ops;
	r->endless.from = UINT64_MAX;
	r->tap = replay_tap;
	/* What is wrong with it is not the trace's fault. */
	if (o->accel && accel_choose(o->accel, &choice, e))
		goto fail;
	r->reader = trace_reader_open(path, e);
	if (!r->reader)
		goto fail;
	r->path = strdup(path);
	if (!r->path) {
		error_set(e, ERROR_HOST, "out of memory");
		goto fail;
	}
	if (config_from_trace(r->reader, &config, e))
		goto fail;
	info = trace_reader_info(r->reader);
	if (config.host_time != !strcmp(info->unit, "exits")) {
		error_set(e, ERROR_TRACE, "%s: its positions are in %s, which its machine has not",
			  path, info->unit);
		machine_config_free(&config);
		goto fail;
	}
	by_exits = config.host_time;
	r->machine = machine_open(&config, o->accel ? o->accel : "tcg", &r->host, &r->tap, e);
	if (r->machine && !by_exits && r->machine->config.host_time) {
		error_set(
		    e, ERROR_USAGE,
		    "%s: made by %s, with positions between instructions that -accel %s cannot "
		    "count (use -accel tcg)",
		    path, info->accel, r->machine->accel->name);
		goto fail;
	}
	if (!r->machine) {
		blame_trace(e);
		goto fail;
	}
	if (digester_open(&r->digester, r->machine, e))
		goto fail;
	r->machine->mark = digest_next_mark(r->machine);
	r->machine->exit_opaque = r;
	if (by_exits && !r->machine->config.tsc_exits)
		r->machine->tsc_override = tsc_read;
	session_look_ahead(r);
	if (r->options.mode == REPLAY_CPU)
		replay_cpu_open(r);
	else if (r->options.mode == REPLAY_DEVICES)
		replay_devices_open(r);
	return r;
fail:
	replay_close(r);
	return NULL;
}

static bool is_import(const struct trace_info *info)
{
	size_t length = strlen(info->producer), end = strlen(RECORDER_IMPORT);

	return length >= end && !strcmp(info->producer + length - end, RECORDER_IMPORT);
}

enum replay_result replay_run(struct replay *r, uint64_t until, struct error *e)
{
	static enum replay_result (*const run[])(struct replay *, uint64_t, struct error *) = {
	    [REPLAY_MACHINE] = replay_machine_run,
	    [REPLAY_DEVICES] = replay_devices_run,
	    [REPLAY_CPU] = replay_cpu_run,
	};

	if (r->options.mode != REPLAY_DEVICES && is_import(replay_info(r))) {
		error_set(e, ERROR_USAGE,
			  "the trace is of a fuzz input and has no guest that could "
			  "run: only its devices can be replayed (add --devices)");
		return REPLAY_FAILED;
	}
	if (r->end.kind)
		return REPLAY_IDENTICAL;
	/* A trace whose first chunk did not make it is at its end before it began. */
	if (!session_peek(r, 0) || r->diverged)
		return session_result(r, e);
	return run[r->options.mode](r, until, e);
}

enum replay_result replay_machine_run(struct replay *r, uint64_t until, struct error *e)
{
	enum stop_reason reason;

	r->machine->until = until;
	reason = machine_run(r->machine);
	return reason == STOP_PAUSED ? REPLAY_PAUSED : session_finish(r, reason, e);
}

struct machine *replay_machine(const struct replay *r)
{
	return r->machine;
}

const struct trace_info *replay_info(const struct replay *r)
{
	return trace_reader_info(r->reader);
}

uint64_t replay_events(const struct replay *r)
{
	return r->checked;
}

const struct event *replay_end(const struct replay *r)
{
	return r->end.kind ? &r->end : NULL;
}

void replay_close(struct replay *r)
{
	if (!r)
		return;
	digester_close(&r->digester);
	machine_close(r->machine);
	trace_reader_close(r->reader);
	for (unsigned i = 0; i < QUEUE; i++)
		free(r->queue[i].bytes);
	for (unsigned i = 0; i < HISTORY; i++)
		free(r->history[i].bytes);
	free(r->expected.bytes);
	free(r->came.bytes);
	endless_forget(&r->endless);
	free(r->path);
	free(r);
}
