/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recording; see record.h.
 *
 * Policy of chunk ends: a trace has to be readable to within about a second before a crash, yet
 * the same session has to give the same bytes. So chunks end by counts only: when the writer's
 * are full, or at a mark (every 2^24 instructions) after 2^26 of them, or when 4,096 events have
 * come since the last end and virtual time went on by a second.
 */
#include "replay/record.h"

#include <stdlib.h>
#include <string.h>

#include "emulator/accel/accel.h"
#include "replay/digest.h"
#include "replay/event.h"
#include "replay/trace/trace.h"

#define FLUSH_INSNS  (1ull << 26)
#define FLUSH_EVENTS 4096
#define FLUSH_NS     1000000000ull

struct recorder {
	struct host host; /* what the machine sees */
	struct host *outside;
	struct tap tap;
	struct machine *machine;
	struct trace_writer *writer;
	struct digester digester;
	bool import;
	uint64_t flushed_insns, flushed_now, events;
	uint64_t placed; /* the boundary (machine->boundaries) whose place was written */
};

static struct recorder *of_host(struct host *h)
{
	return (struct recorder *)h;
}

static struct recorder *of_tap(struct tap *t)
{
	return (struct recorder *)(void *)((char *)t - offsetof(struct recorder, tap));
}

/* The next event is at a boundary between exits: by what it can be found again. */
static void record_place(struct recorder *r)
{
	struct machine *m = r->machine;
	uint8_t bytes[PLACE_BYTES];
	struct event e;

	r->placed = m->boundaries;
	place_take(&r->digester, bytes);
	e = event_of_host(m, EVENT_PLACE, m->vcpu.c->reg[GPR_RIP], 0, bytes, sizeof(bytes));
	trace_write(r->writer, &e);
	r->events++;
}

static void record_event(struct recorder *r, const struct event *e)
{
	if (r->machine->between && r->placed != r->machine->boundaries)
		record_place(r);
	trace_write(r->writer, e);
	r->events++;
}

static void record(struct recorder *r, struct event e)
{
	record_event(r, &e);
}

static void flush(struct recorder *r)
{
	trace_writer_flush(r->writer);
	r->events = 0;
	r->flushed_insns = r->machine->vcpu.c->insns;
	r->flushed_now = machine_now(r->machine);
}

/* ---- the door ---- */

static int64_t record_wall_clock(struct host *h)
{
	struct recorder *r = of_host(h);
	int64_t ns = r->outside->ops->wall_clock(r->outside);

	record(r, event_of_host(r->machine, EVENT_HOST_CLOCK, 0, (uint64_t)ns, NULL, 0));
	return ns;
}

static void record_entropy(struct host *h, void *buffer, size_t size)
{
	struct recorder *r = of_host(h);

	r->outside->ops->entropy(r->outside, buffer, size);
	record(r, event_of_host(r->machine, EVENT_HOST_ENTROPY, 0, 0, buffer, size));
}

static size_t record_char_read(struct host *h, unsigned channel, uint8_t *buffer, size_t max)
{
	struct recorder *r = of_host(h);
	size_t n = r->outside->ops->char_read(r->outside, channel, buffer, max);

	if (n)
		record(r, event_of_host(r->machine, EVENT_HOST_CHAR, channel, 0, buffer, n));
	return n;
}

static void record_char_write(struct host *h, unsigned channel, const uint8_t *buffer, size_t size)
{
	struct recorder *r = of_host(h);

	r->outside->ops->char_write(r->outside, channel, buffer, size);
}

static uint64_t record_wait(struct host *h, uint64_t now, uint64_t deadline)
{
	struct recorder *r = of_host(h);
	uint64_t wake = r->outside->ops->wait(r->outside, now, deadline);

	if (wake == UINT64_MAX)
		return wake;
	record(r, event_of_host(r->machine, EVENT_HOST_WAIT, 0, wake, NULL, 0));
	if (r->events >= FLUSH_EVENTS && now - r->flushed_now >= FLUSH_NS)
		flush(r);
	return wake;
}

static void record_store(struct host *h, unsigned unit, uint64_t offset, const void *bytes,
			 size_t size)
{
	struct recorder *r = of_host(h);

	if (r->outside->ops->store)
		r->outside->ops->store(r->outside, unit, offset, bytes, size);
}

static enum host_stop record_stop(struct host *h)
{
	struct recorder *r = of_host(h);

	if (trace_writer_failed(r->writer))
		return HOST_STOP_FAILED;
	return r->outside->ops->stop(r->outside);
}

static uint64_t record_clock(struct host *h)
{
	struct recorder *r = of_host(h);
	uint64_t now = r->outside->ops->clock(r->outside);

	record(r, event_of_host(r->machine, EVENT_HOST_TIME, 0, now, NULL, 0));
	return now;
}

static uint64_t record_tsc(struct host *h)
{
	struct recorder *r = of_host(h);
	uint64_t now = r->outside->ops->tsc(r->outside);

	struct event e = event_of_host(r->machine, EVENT_HOST_TSC, 0, now, NULL, 0);

	/* An instruction asked, which comes by itself in its place. */
	trace_write(r->writer, &e);
	r->events++;
	return now;
}

static uint64_t record_due(struct host *h, uint64_t deadline)
{
	struct recorder *r = of_host(h);
	uint64_t now = r->outside->ops->due(r->outside, deadline);

	if (now)
		record(r, event_of_host(r->machine, EVENT_HOST_DUE, 0, now, NULL, 0));
	return now;
}

static uint64_t record_idle(struct host *h, uint64_t deadline)
{
	struct recorder *r = of_host(h);
	uint64_t wake = r->outside->ops->idle(r->outside, deadline);

	if (wake != UINT64_MAX)
		record(r, event_of_host(r->machine, EVENT_HOST_WAIT, 0, wake, NULL, 0));
	return wake;
}

static uint64_t record_alarm(struct host *h, uint64_t deadline)
{
	struct recorder *r = of_host(h);

	return r->outside->ops->alarm(r->outside, deadline);
}

static enum host_boundary record_boundary(struct host *h, bool again, struct host_place *place)
{
	struct recorder *r = of_host(h);

	if (r->events && machine_now(r->machine) - r->flushed_now >= FLUSH_NS)
		flush(r);
	return r->outside->ops->boundary(r->outside, again, place);
}

static void record_listen(struct host *h, void (*wake)(void *opaque), void *opaque)
{
	struct recorder *r = of_host(h);

	if (r->outside->ops->listen)
		r->outside->ops->listen(r->outside, wake, opaque);
}

static const struct host_ops record_ops = {
    .wall_clock = record_wall_clock,
    .entropy = record_entropy,
    .char_read = record_char_read,
    .char_write = record_char_write,
    .wait = record_wait,
    .store = record_store,
    .stop = record_stop,
    .clock = record_clock,
    .tsc = record_tsc,
    .due = record_due,
    .idle = record_idle,
    .alarm = record_alarm,
    .boundary = record_boundary,
    .listen = record_listen,
};

/* ---- the tap ---- */

static void record_exit(struct tap *t, const struct exit *x)
{
	struct recorder *r = of_tap(t);

	if (x->kind != EXIT_PIO && x->kind != EXIT_MMIO) {
		record(r, event_of_exit(r->machine, x));
		return;
	}
	/* An exit is never between two: it needs no place. */
	trace_write_access(r->writer, event_kind_of_access(x), machine_position(r->machine), x);
	r->events++;
}

static void record_irq(struct tap *t, enum irq_kind kind, uint32_t value)
{
	struct recorder *r = of_tap(t);

	record(r, event_of_irq(r->machine, kind, value));
}

static void record_between(struct recorder *r)
{
	if (event_is_between(r->machine))
		record(r, event_of_host(r->machine, EVENT_DMA_BETWEEN, 0, 0, NULL, 0));
}

static void record_dma(struct tap *t, bool is_write, uint64_t gpa, const void *data, size_t size)
{
	struct recorder *r = of_tap(t);
	const uint8_t *bytes = data;

	/* Longer ones are several events; EVENT_BYTES_MAX is far above what devices move. */
	do {
		size_t n = size < EVENT_BYTES_MAX ? size : EVENT_BYTES_MAX;

		record_between(r);
		record(r, event_of_dma(r->machine, is_write, gpa, bytes, n));
		gpa += n;
		bytes += n;
		size -= n;
	} while (size);
}

static void record_rom_write(struct tap *t, uint64_t gpa, const void *data, size_t size)
{
	struct recorder *r = of_tap(t);

	record_between(r);
	record(r, event_of_rom(r->machine, gpa, data, size));
}

static void record_emulated(struct tap *t, uint64_t rip, const uint8_t *bytes, size_t length)
{
	struct recorder *r = of_tap(t);
	struct event e = event_of_host(r->machine, EVENT_EMULATED, rip, 0, bytes, length);

	/* It tells about the host, and happens again nowhere: so it needs no place. */
	trace_write(r->writer, &e);
	r->events++;
}

static void record_fallback(struct tap *t, uint64_t rip, unsigned code_bits, uint64_t status,
			    const uint8_t *bytes, size_t length)
{
	struct recorder *r = of_tap(t);
	struct event e = event_of_host(r->machine, EVENT_FALLBACK, rip, status, bytes, length);

	e.size = (uint8_t)code_bits;
	trace_write(r->writer, &e);
	r->events++;
}

static void record_vector_refused(struct tap *t, uint8_t vector)
{
	struct recorder *r = of_tap(t);
	struct event e = event_of_host(r->machine, EVENT_VECTOR_REFUSED, 0, vector, NULL, 0);

	trace_write(r->writer, &e);
	r->events++;
}

static void record_digest(struct recorder *r)
{
	struct digest d = digest_take(&r->digester);
	uint8_t bytes[DIGEST_BYTES];

	digest_store(&d, bytes);
	record(r, event_of_host(r->machine, EVENT_DIGEST, 0, 0, bytes, sizeof(bytes)));
}

static void record_mark(struct tap *t)
{
	struct recorder *r = of_tap(t);
	uint64_t insns = r->machine->vcpu.c->insns;

	record_digest(r);
	r->machine->mark = digest_next_mark(r->machine);
	if (insns - r->flushed_insns >= FLUSH_INSNS)
		flush(r);
}

/* ---- life cycle ---- */

struct recorder *recorder_new(struct host *host)
{
	struct recorder *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->host.ops = &record_ops;
	r->outside = host;
	r->tap = (struct tap){
	    .exit = record_exit,
	    .irq = record_irq,
	    .dma = record_dma,
	    .rom_write = record_rom_write,
	    .emulated = record_emulated,
	    .fallback = record_fallback,
	    .vector_refused = record_vector_refused,
	    .mark = record_mark,
	};
	r->placed = UINT64_MAX;
	return r;
}

struct host *recorder_host(struct recorder *r)
{
	return &r->host;
}

struct tap *recorder_tap(struct recorder *r)
{
	return &r->tap;
}

static uint32_t version_for(const struct machine *m)
{
	if (m->config.host_time)
		return TRACE_VERSION;
	return m->config.pflashes ? TRACE_VERSION_FLASH : TRACE_VERSION_INSNS;
}

int recorder_start(struct recorder *r, struct machine *m, const char *path, struct error *e)
{
	bool by_exits = m->config.host_time;
	struct trace_info info = {
	    .version = version_for(m),
	    .producer =
		(char *)(r->import ? "vcr " VCR_VERSION RECORDER_IMPORT : "vcr " VCR_VERSION),
	    .accel = (char *)m->accel->name,
	    .unit = (char *)(by_exits ? "exits" : "instructions")};

	r->machine = m;
	m->mark = digest_next_mark(m);
	if (digester_open(&r->digester, m, e))
		return -1;
	info.machine = machine_config_format(&m->config);
	if (!info.machine)
		return error_set(e, ERROR_HOST, "out of memory");
	r->writer = trace_writer_open(path, &info, m->config.image, m->config.images, e);
	free(info.machine);
	return r->writer ? 0 : -1;
}

void recorder_mark_import(struct recorder *r)
{
	r->import = true;
}

void recorder_flush(struct recorder *r)
{
	flush(r);
}

int recorder_finish(struct recorder *r, enum stop_reason reason, int status, struct error *e)
{
	int result;

	struct event end = event_of_host(r->machine, EVENT_END, reason, (uint32_t)status, NULL, 0);
	bool timed = r->machine->config.host_time && r->machine->config.boundaries != BOUNDARY_EACH;

	if (r->machine->failure.kind) {
		/*
		 * The accelerator failed on its way from the last event: that is not finished, so
		 * there is no state to compare, nor to find a place by.
		 */
		trace_write(r->writer, &end);
	} else {
		/* So there is a time behind each event; see endless.c. */
		if (timed)
			record_clock(&r->host);
		record_digest(r);
		record(r, end);
	}
	result = trace_writer_close(r->writer, e);
	r->writer = NULL;
	return result;
}

void recorder_free(struct recorder *r)
{
	if (!r)
		return;
	if (r->writer)
		trace_writer_close(r->writer, NULL);
	digester_close(&r->digester);
	free(r);
}
