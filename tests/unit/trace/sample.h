/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events and traces for the tests of the format: random streams with extreme values, small whole
 * traces in memory, and comparison. Included by one test program each.
 */
#ifndef VCR_TEST_SAMPLE_H
#define VCR_TEST_SAMPLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "replay/trace/format.h"
#include "replay/trace/trace.h"
#include "tests/unit/temporary.h"

/* ---- pseudo-random numbers, the same on every host (xorshift64*) ---- */

static uint64_t random_state = 1;

static inline uint64_t random_next(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * UINT64_C(2685821657736338717);
}

static inline uint64_t random_below(uint64_t limit)
{
	return random_next() % limit;
}

/* Often 0, all ones or a power of two, else of any magnitude. */
static inline uint64_t random_value(void)
{
	switch (random_below(6)) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX;
	case 2:
		return UINT64_C(1) << random_below(64);
	default:
		return random_next() >> random_below(64);
	}
}

/* ---- events ---- */

#define SAMPLE_BYTES (1u << 16)

static uint8_t sample_bytes[EVENT_BYTES_MAX];

static inline unsigned random_kind(void)
{
	unsigned kind;

	do {
		kind = (unsigned)random_below(EVENT_KIND_COUNT);
	} while (!event_kind_name(kind));
	return kind;
}

/* A valid event that follows `before`: only the fields that its kind has, as a reader gives it. */
static inline struct event random_event(const struct event *before)
{
	unsigned kind = random_kind(), fields = event_kind_fields(kind);
	bool is_exit = event_kind_crossing(kind) == CROSSING_EXIT;
	struct event e = {.kind = (enum event_kind)kind};
	uint64_t room = UINT64_MAX - before->position.insns;

	e.position.insns = before->position.insns;
	if (random_below(3))
		e.position.insns += random_below(200) ? random_below(room < 1000 ? room + 1 : 1000)
						      : random_next() % (room / 2 + 1);
	if (is_exit)
		e.rip = random_below(4) ? UINT64_C(0xffffffff81000000) + random_below(8)
					: random_value();
	if (fields & EVENT_FIELD_A)
		e.address = random_below(4) ? random_below(40) : random_value();
	if (fields & EVENT_FIELD_S)
		e.size = random_below(4) ? 1 : (uint8_t)random_next();
	if (fields & EVENT_FIELD_D)
		e.data = random_below(2) ? 0x60 : random_value();
	if (fields & EVENT_FIELD_B) {
		e.length = random_below(3) ? 24 : random_below(SAMPLE_BYTES) >> random_below(16);
		e.bytes = sample_bytes + random_below(EVENT_BYTES_MAX - SAMPLE_BYTES);
	}
	return e;
}

/* `exits` of each event filled in from the first on; also fills the bytes that events point to. */
static inline void random_events(struct event *event, size_t count, uint64_t seed)
{
	struct event before = {0};

	random_state = seed * 2 + 1;
	for (size_t i = 0; i < sizeof(sample_bytes); i++)
		sample_bytes[i] = (uint8_t)(random_next() >> 56);
	for (size_t i = 0; i < count; i++) {
		event[i] = random_event(&before);
		event[i].number = i;
		event[i].position.exits = before.position.exits +
					  (i && event_kind_crossing(before.kind) == CROSSING_EXIT);
		before = event[i];
	}
}

static inline void assert_event_equal(const struct event *a, const struct event *b)
{
	assert_int_equal(a->number, b->number);
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->position.insns, b->position.insns);
	assert_int_equal(a->position.exits, b->position.exits);
	assert_int_equal(a->rip, b->rip);
	assert_int_equal(a->address, b->address);
	assert_int_equal(a->size, b->size);
	assert_int_equal(a->data, b->data);
	assert_int_equal(a->length, b->length);
	if (a->length)
		assert_memory_equal(a->bytes, b->bytes, a->length);
}

/* ---- files ---- */

static inline struct trace_info sample_info(void)
{
	static char producer[] = "vcr test", accel[] = "tcg", unit[] = "instructions",
		    machine[] = "board=pc\ncpu=x86-64\n";

	return (struct trace_info){.version = TRACE_VERSION_INSNS,
				   .producer = producer,
				   .accel = accel,
				   .unit = unit,
				   .machine = machine};
}

/* A name in the temporary directory; the caller unlinks it. */
static inline char *sample_path(void)
{
	static char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/vcr-trace-XXXXXX", temporary_folder());
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	return path;
}

static inline void write_trace(const char *path, const struct image *images, unsigned count,
			       const struct event *event, size_t events, size_t flush_every)
{
	struct trace_info info = sample_info();
	struct error e;
	struct trace_writer *w = trace_writer_open(path, &info, images, count, &e);

	assert_non_null(w);
	for (size_t i = 0; i < events; i++) {
		trace_write(w, &event[i]);
		if (flush_every && i % flush_every == flush_every - 1)
			trace_writer_flush(w);
	}
	assert_int_equal(trace_writer_close(w, &e), 0);
}

static inline uint8_t *read_file(const char *path, size_t *size)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data;
	long end;

	assert_non_null(f);
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	end = ftell(f);
	assert_true(end >= 0);
	rewind(f);
	data = malloc((size_t)end + 1);
	assert_non_null(data);
	assert_int_equal(fread(data, 1, (size_t)end, f), (size_t)end);
	fclose(f);
	*size = (size_t)end;
	return data;
}

/* A whole trace in memory, made by the writer. */
static inline uint8_t *make_trace(const struct image *images, unsigned count,
				  const struct event *event, size_t events, size_t flush_every,
				  size_t *size)
{
	char *path = sample_path();
	uint8_t *data;

	write_trace(path, images, count, event, events, flush_every);
	data = read_file(path, size);
	unlink(path);
	return data;
}

#endif
