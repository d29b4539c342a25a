/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing and reading traces. What a trace is, byte by byte, stands in FORMAT.md; what can be in
 * one, in events.def.
 */
#ifndef VCR_TRACE_H
#define VCR_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/error.h"
#include "emulator/machine.h"

#define TRACE_VERSION 4
/*
 * A trace is written as the lowest version that has all it needs: 4 is for positions in exits, 3
 * for machines with flash, 1 for all others. (Those of version 2 had positions in exits, too.)
 */
#define TRACE_VERSION_FLASH 3
#define TRACE_VERSION_EXITS 2
#define TRACE_VERSION_INSNS 1

enum event_kind {
#define EVENT(number, NAME, name, crossing, fields) EVENT_##NAME = number,
#include "replay/trace/events.def"
#undef EVENT
	EVENT_KIND_COUNT
};

enum event_crossing { CROSSING_EXIT, CROSSING_IRQ, CROSSING_DMA, CROSSING_HOST, CROSSING_MARK };

#define EVENT_FIELD_A 1u
#define EVENT_FIELD_S 2u
#define EVENT_FIELD_D 4u
#define EVENT_FIELD_B 8u

struct event_kind_traits {
	const char *name; /* NULL for a number that is no event */
	enum event_crossing crossing;
	unsigned fields;
};
extern const struct event_kind_traits event_kinds[EVENT_KIND_COUNT];

static inline bool event_kind_exists(unsigned kind)
{
	return kind < EVENT_KIND_COUNT && event_kinds[kind].name;
}

/* NULL for a number that is no event. */
const char *event_kind_name(unsigned kind);

static inline enum event_crossing event_kind_crossing(unsigned kind)
{
	return kind < EVENT_KIND_COUNT ? event_kinds[kind].crossing : CROSSING_MARK;
}

static inline unsigned event_kind_fields(unsigned kind)
{
	return kind < EVENT_KIND_COUNT ? event_kinds[kind].fields : 0;
}

/* 0 when there is no such name. */
unsigned event_kind_find(const char *name);

#define EVENT_BYTES_MAX (1u << 20)

/* Fields that a kind does not use are 0 when written and 0 when read. */
struct event {
	enum event_kind kind;
	uint8_t size;
	uint64_t number;          /* ordinal in the trace, from 0; set by the reader */
	struct position position; /* instructions begun, exits before this event */
	uint64_t rip;             /* crossing EXIT: of the instruction; else 0 */
	uint64_t address;
	uint64_t data;
	const uint8_t *bytes; /* reader: valid until the next call */
	size_t length;        /* at most EVENT_BYTES_MAX */
};

/* What a trace says about itself. Strings are owned by whoever filled it in. */
struct trace_info {
	uint32_t version;
	char *producer; /* "vcr 0.1.0" */
	char *accel;    /* backend that made it: "tcg" */
	char *unit;     /* of positions: "instructions" or "exits" */
	char *machine;  /* machine_config_format() */
};
void trace_info_free(struct trace_info *i);

/* ---- writer.c ---- */

struct trace_writer;

/*
 * Creates (or overwrites) the file of version info->version, with header and images. Events are
 * packed into chunks; compressing and writing is done by a thread of the writer, with at most a few
 * chunks waiting (then trace_write blocks).
 */
struct trace_writer *trace_writer_open(const char *path, const struct trace_info *info,
				       const struct image *images, unsigned count, struct error *e);
/*
 * Cheap. Positions never go back; `number` is not looked at, and `position.exits` only in the first
 * event: from there on exits are counted. A failed write (disk full) is kept, reported by
 * trace_writer_failed() and close; events after it are dropped.
 */
void trace_write(struct trace_writer *w, const struct event *event);
/* The same for an access of a port or of device memory, which are most of all events. */
void trace_write_access(struct trace_writer *w, enum event_kind kind, struct position at,
			const struct exit *x);
bool trace_writer_failed(const struct trace_writer *w);
/*
 * Ends the chunk begun, so that what was written so far survives a crash. Flush at positions that
 * the session determines, not by the clock, where two recordings should have the same bytes.
 */
void trace_writer_flush(struct trace_writer *w);
/* Flushes, writes the index, closes, frees. Everything whole stays readable when it fails. */
int trace_writer_close(struct trace_writer *w, struct error *e);

/* ---- reader.c ---- */

struct trace_reader;

/*
 * Reads header and images. ERROR_USAGE: there is no such file, or it may not be read; ERROR_TRACE:
 * it is no trace, too new, damaged or cut off in that part; ERROR_HOST: reading failed.
 */
struct trace_reader *trace_reader_open(const char *path, struct error *e);
/* For fuzzers and tests: from memory, which must stay. */
struct trace_reader *trace_reader_open_memory(const void *data, size_t size, struct error *e);
void trace_reader_close(struct trace_reader *r);
const struct trace_info *trace_reader_info(const struct trace_reader *r);
/* Images travel in the order in which they were given. Owned by the reader. */
unsigned trace_reader_images(const struct trace_reader *r);
const struct image *trace_reader_image(const struct trace_reader *r, unsigned index);
/* False: the recording did not end properly; it can be read up to its last whole chunk. */
bool trace_reader_complete(const struct trace_reader *r);
/*
 * The next event: 1; 0 at the end of what is readable; -1 with e filled in where the file is
 * damaged (a truncated tail is an end and not damage: then the trace is not complete). Reading
 * from the first event to 0 has checked every byte of the file, index and trailer too.
 */
int trace_read(struct trace_reader *r, struct event *event, struct error *e);
/* Back to the first event. */
void trace_rewind(struct trace_reader *r);
/*
 * To the first event at or after a position in the trace's unit (instructions or exits), using the
 * index, or walking over chunk headers where there is none. 0, or -1 where the file is damaged.
 * Past the last event it is the end.
 */
int trace_seek(struct trace_reader *r, uint64_t position, struct error *e);

/* What a trace's bytes are spent on. */
struct trace_usage {
	uint64_t file;   /* bytes of the file */
	uint64_t head;   /* of them header, description and images */
	uint64_t chunks; /* event chunks read since the start or the last rewind */
};
void trace_reader_usage(const struct trace_reader *r, struct trace_usage *usage);

#endif
