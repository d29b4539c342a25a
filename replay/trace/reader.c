/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a trace. Nothing in the file is believed: a length counts only after the checksum of the
 * header that holds it was right, memory grows with what was really read, and what the checksums
 * cannot show (a file made to mislead) is checked when it is decoded. A file that ends within a
 * chunk is a recording that was cut off, and reads up to there; anything else that is not as a
 * writer leaves it is damage, and is reported with its place.
 */
#include "replay/trace/columns.h"
#include "replay/trace/format.h"
#include "replay/trace/trace.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>
#include <zstd.h>

#include "emulator/host/os.h"

/* Where an event chunk lies and what comes before its first event. */
struct place {
	uint64_t offset, number, insns, exits;
};

enum reader_state {
	READING,     /* the next chunk is an event chunk or the index */
	AFTER_INDEX, /* the trailer comes next */
	ENDED,
	FAILED, /* `error` says why, again and again */
};

struct trace_reader {
	char *path;
	os_file file; /* or OS_FILE_NONE: in memory */
	const uint8_t *memory;
	uint64_t size;

	struct trace_info info;
	struct image image[MACHINE_IMAGES];
	unsigned images;
	bool complete, index_good;
	bool by_exits; /* the unit of positions */
	struct place start;

	enum reader_state state;
	struct error error;
	struct place next;  /* the next chunk */
	uint32_t ordinal;   /* of it among event chunks */
	struct place event; /* the next event; offset is that of its chunk */
	uint32_t left;      /* events of the chunk that is being decoded */
	struct event held;  /* found by a seek, not read yet */
	bool holding;

	struct place *table; /* event chunks in order */
	uint32_t table_count, table_room;
	bool table_indexed; /* from the index; otherwise as far as was walked */
	uint64_t table_end; /* walked: where to go on; indexed: where the index lies */

	struct decoder *decoder;
	ZSTD_DCtx *zstd;
	uint8_t *stored, *raw;
	size_t stored_room, raw_room;
};

/* ---- errors ---- */

#define MAY_COPY_AGAIN "copy it again, or record again"

static int damage(struct trace_reader *r, struct error *e, uint64_t offset, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static int damage(struct trace_reader *r, struct error *e, uint64_t offset, const char *format, ...)
{
	char what[256];
	va_list ap;

	va_start(ap, format);
	vsnprintf(what, sizeof(what), format, ap);
	va_end(ap);
	if (!r->start.offset)
		return error_set(e, ERROR_TRACE, "%s: damaged at byte %" PRIu64 ": %s (%s)",
				 r->path, offset, what, MAY_COPY_AGAIN);
	return error_set(e, ERROR_TRACE,
			 "%s: damaged at byte %" PRIu64 ": %s; the events before number %" PRIu64
			 " can be read (%s)",
			 r->path, offset, what, r->event.number, MAY_COPY_AGAIN);
}

static int no_memory(struct trace_reader *r, struct error *e)
{
	return error_set(e, ERROR_HOST, "cannot read %s: out of memory", r->path);
}

/* ---- bytes of the file ---- */

/* Reads exactly `size` bytes that lie within r->size. */
static int read_bytes(struct trace_reader *r, uint64_t offset, void *buffer, size_t size,
		      struct error *e)
{
	uint8_t *p = buffer;

	if (r->file == OS_FILE_NONE) {
		memcpy(buffer, r->memory + offset, size);
		return 0;
	}
	while (size) {
		ptrdiff_t n = os_file_read_at(r->file, p, size, offset);

		if (n <= 0)
			return error_set(e, ERROR_HOST, "cannot read %s at byte %" PRIu64 ": %s",
					 r->path, offset,
					 n ? os_error() : "it became shorter meanwhile");
		p += n;
		offset += (uint64_t)n;
		size -= (size_t)n;
	}
	return 0;
}

static bool buffer_room(uint8_t **buffer, size_t *room, size_t size)
{
	uint8_t *p;

	if (*room >= size)
		return true;
	p = realloc(*buffer, size);
	if (!p)
		return false;
	*buffer = p;
	*room = size;
	return true;
}

/* A file system may leave zeros where data had not reached the disk when the power went. */
static int only_zeros(struct trace_reader *r, uint64_t offset, struct error *e)
{
	uint8_t piece[4096];

	while (offset < r->size) {
		size_t n =
		    r->size - offset < sizeof(piece) ? (size_t)(r->size - offset) : sizeof(piece);

		if (read_bytes(r, offset, piece, n, e))
			return -1;
		for (size_t i = 0; i < n; i++)
			if (piece[i])
				return 0;
		offset += n;
	}
	return 1;
}

/*
 * Reads the header of the chunk at `offset`: 1; 0 when the file ends before the chunk does; -1.
 */
static int read_chunk_header(struct trace_reader *r, uint64_t offset, struct chunk_header *c,
			     struct error *e)
{
	uint8_t bytes[CHUNK_HEADER_SIZE];
	int rc;

	if (offset > r->size || r->size - offset < CHUNK_HEADER_SIZE)
		return 0;
	if (read_bytes(r, offset, bytes, sizeof(bytes), e))
		return -1;
	if (!chunk_header_unpack(c, bytes)) {
		rc = only_zeros(r, offset, e);
		if (rc)
			return rc < 0 ? -1 : 0;
		return damage(r, e, offset, "no chunk begins here");
	}
	if (c->raw > CHUNK_RAW_MAX || c->stored > ZSTD_compressBound(CHUNK_RAW_MAX))
		return damage(r, e, offset, "the chunk claims %" PRIu32 " bytes (limit %u)", c->raw,
			      CHUNK_RAW_MAX);
	return r->size - offset - CHUNK_HEADER_SIZE >= c->stored;
}

/* The payload of the chunk at `offset`, whose header was read, into r->raw. */
static int read_payload(struct trace_reader *r, uint64_t offset, const struct chunk_header *c,
			struct error *e)
{
	size_t size;

	/* One more, so that there is a buffer even for nothing. */
	if (!buffer_room(&r->stored, &r->stored_room, c->stored + 1) ||
	    !buffer_room(&r->raw, &r->raw_room, c->raw + 1))
		return no_memory(r, e);
	if (read_bytes(r, offset + CHUNK_HEADER_SIZE, r->stored, c->stored, e))
		return -1;
	if (XXH3_64bits(r->stored, c->stored) != c->checksum)
		return damage(r, e, offset, "the checksum of the chunk does not match");
	size = ZSTD_decompressDCtx(r->zstd, r->raw, c->raw, r->stored, c->stored);
	if (ZSTD_isError(size) || size != c->raw)
		return damage(r, e, offset, "the chunk does not decompress to its size");
	return 0;
}

static uint64_t chunk_end(uint64_t offset, const struct chunk_header *c)
{
	return offset + CHUNK_HEADER_SIZE + c->stored;
}

/* ---- header and images ---- */

static bool get_text(struct cursor *c, char **text)
{
	uint64_t size;

	if (!varint_get(c, &size) || size > cursor_left(c) || memchr(c->at, '\0', size))
		return false;
	*text = malloc(size + 1);
	if (!*text)
		return false;
	memcpy(*text, c->at, size);
	(*text)[size] = 0;
	c->at += size;
	return true;
}

static int parse_info(struct trace_reader *r, const struct chunk_header *c, uint64_t offset,
		      struct error *e)
{
	struct cursor in = {r->raw, r->raw + c->raw};
	uint64_t count, role, size, total = 0;

	if (!get_text(&in, &r->info.producer) || !get_text(&in, &r->info.accel) ||
	    !get_text(&in, &r->info.unit) || !get_text(&in, &r->info.machine) ||
	    !varint_get(&in, &count) || count > MACHINE_IMAGES || count != c->count)
		return damage(r, e, offset, "the description of the session is invalid");
	for (uint64_t i = 0; i < count; i++) {
		struct image *image = &r->image[i];

		if (!varint_get(&in, &role) || !varint_get(&in, &size) ||
		    !get_text(&in, &image->name))
			return damage(r, e, offset, "the list of images is invalid");
		r->images++;
		if (role > INT32_MAX || size > IMAGES_TOTAL_MAX ||
		    (total += size) > IMAGES_TOTAL_MAX)
			return damage(r, e, offset, "the images claim more than 4 GiB");
		image->role = (enum image_role)role;
		image->size = size;
	}
	if (cursor_left(&in))
		return damage(r, e, offset, "the list of images is invalid");
	if (strcmp(r->info.unit, "instructions") && strcmp(r->info.unit, "exits"))
		return damage(r, e, offset, "the unit of its positions is unknown");
	r->by_exits = !strcmp(r->info.unit, "exits");
	return 0;
}

static int cut_in_head(struct trace_reader *r, const char *where, struct error *e)
{
	return error_set(e, ERROR_TRACE,
			 "%s: cut off at byte %" PRIu64
			 ", %s: no event was recorded (copy it again, "
			 "or record again)",
			 r->path, r->size, where);
}

/* One image's pieces, from *offset on. Memory grows with what was read, not with what is claimed.
 */
static int read_image(struct trace_reader *r, unsigned index, uint64_t *offset, struct error *e)
{
	struct image *image = &r->image[index];
	size_t room = 0, have = 0;
	struct chunk_header c;
	int rc;

	while (have < image->size) {
		rc = read_chunk_header(r, *offset, &c, e);
		if (rc <= 0)
			return rc ? -1 : cut_in_head(r, "within its images", e);
		if (c.type != CHUNK_IMAGE || c.count != index || c.number != have || !c.raw ||
		    c.insns || c.exits || c.raw > image->size - have)
			return damage(r, e, *offset, "a piece of image %u should begin here",
				      index);
		if (read_payload(r, *offset, &c, e))
			return -1;
		if (room - have < c.raw) {
			size_t want = 2 * room + c.raw;

			if (!buffer_room(&image->data, &room,
					 want < image->size ? want : image->size))
				return no_memory(r, e);
		}
		memcpy(image->data + have, r->raw, c.raw);
		have += c.raw;
		*offset = chunk_end(*offset, &c);
	}
	return 0;
}

static int read_head(struct trace_reader *r, struct error *e)
{
	uint8_t bytes[FILE_HEADER_SIZE];
	struct chunk_header c;
	uint64_t offset = FILE_HEADER_SIZE;
	int rc;

	if (!r->size)
		return error_set(e, ERROR_TRACE,
				 "%s: is empty: the recording never began (record again)", r->path);
	memset(bytes, 0, sizeof(bytes));
	if (read_bytes(r, 0, bytes, r->size < sizeof(bytes) ? (size_t)r->size : sizeof(bytes), e))
		return -1;
	if (r->size < sizeof(bytes) && !memcmp(bytes, FILE_MAGIC, r->size < 8 ? r->size : 8))
		return cut_in_head(r, "within its header", e);
	switch (file_header_unpack(&r->info.version, bytes)) {
	case FILE_HEADER_FOREIGN:
		return error_set(e, ERROR_TRACE,
				 "%s: is not a vcr trace (give a file made by vcr record)",
				 r->path);
	case FILE_HEADER_DAMAGED:
		return damage(r, e, 0, "the checksum of the file header does not match");
	case FILE_HEADER_OK:
		break;
	}
	if (r->info.version > TRACE_VERSION)
		return error_set(e, ERROR_TRACE,
				 "%s: has trace version %" PRIu32
				 ", this vcr reads up to version %d (use a newer vcr)",
				 r->path, r->info.version, TRACE_VERSION);
	if (!r->info.version)
		return damage(r, e, 0, "there is no trace version 0");
	rc = read_chunk_header(r, offset, &c, e);
	if (rc <= 0)
		return rc ? -1 : cut_in_head(r, "within its description", e);
	if (c.type != CHUNK_INFO || c.number || c.insns || c.exits || c.raw > INFO_SIZE_MAX)
		return damage(r, e, offset, "the description of the session should begin here");
	if (read_payload(r, offset, &c, e) || parse_info(r, &c, offset, e))
		return -1;
	offset = chunk_end(offset, &c);
	for (unsigned i = 0; i < r->images; i++)
		if (read_image(r, i, &offset, e))
			return -1;
	r->start.offset = offset;
	return 0;
}

/* ---- the table of event chunks ---- */

static int table_add(struct trace_reader *r, const struct place *p, struct error *e)
{
	if (r->table_count == r->table_room) {
		uint32_t room = r->table_room ? 2 * r->table_room : 64;
		struct place *table = realloc(r->table, room * sizeof(*table));

		if (!table)
			return no_memory(r, e);
		r->table = table;
		r->table_room = room;
	}
	r->table[r->table_count++] = *p;
	return 0;
}

/* Takes the index chunk at `offset`, whose payload is in r->raw, as the table. */
static int parse_index(struct trace_reader *r, uint64_t offset, const struct chunk_header *c,
		       struct error *e)
{
	struct cursor in = {r->raw, r->raw + c->raw};
	struct place p = {0};

	r->table_count = 0;
	for (uint32_t i = 0; i < c->count; i++) {
		uint64_t step[4];

		for (unsigned j = 0; j < 4; j++)
			if (!varint_get(&in, &step[j]))
				return damage(r, e, offset, "the index is invalid");
		if (step[0] > offset - p.offset || p.insns + step[2] < p.insns)
			return damage(r, e, offset, "the index points outside the events");
		p.offset += step[0];
		p.number += step[1];
		p.insns += step[2];
		p.exits += step[3];
		if (p.offset < r->start.offset || p.offset == offset)
			return damage(r, e, offset, "the index points outside the events");
		if (table_add(r, &p, e))
			return -1;
	}
	if (cursor_left(&in) || c->count > INDEX_ENTRIES_MAX)
		return damage(r, e, offset, "the index is invalid");
	return 0;
}

/* Whether the recording ended properly, and the index if it did. What is wrong shows on reading. */
static int find_index(struct trace_reader *r, struct error *e)
{
	uint8_t bytes[TRAILER_SIZE];
	struct chunk_header c;
	uint64_t offset, events;

	r->table_end = r->start.offset;
	if (r->size - r->start.offset < TRAILER_SIZE)
		return 0;
	if (read_bytes(r, r->size - TRAILER_SIZE, bytes, TRAILER_SIZE, e))
		return -1;
	if (!trailer_unpack(&offset, &events, bytes))
		return 0;
	r->complete = true;
	if (offset < r->start.offset || read_chunk_header(r, offset, &c, NULL) <= 0 ||
	    c.type != CHUNK_INDEX || c.number != events ||
	    chunk_end(offset, &c) != r->size - TRAILER_SIZE || read_payload(r, offset, &c, NULL) ||
	    parse_index(r, offset, &c, NULL)) {
		r->table_count = 0;
		return 0;
	}
	r->index_good = r->table_indexed = true;
	r->table_end = offset;
	return 0;
}

/* Extends the table by walking over chunk headers, as far as they are whole. */
static int walk(struct trace_reader *r, struct error *e)
{
	struct chunk_header c;

	if (r->table_indexed && r->table_count < INDEX_ENTRIES_MAX)
		return 0;
	if (r->table_indexed) {
		/* The index was full: go on behind the last chunk that it lists. */
		r->table_indexed = false;
		r->table_end = r->table[r->table_count - 1].offset;
		if (read_chunk_header(r, r->table_end, &c, NULL) <= 0)
			return 0;
		r->table_end = chunk_end(r->table_end, &c);
	}
	while (read_chunk_header(r, r->table_end, &c, NULL) > 0 && c.type == CHUNK_EVENTS) {
		const struct place p = {r->table_end, c.number, c.insns, c.exits};

		if (table_add(r, &p, e))
			return -1;
		r->table_end = chunk_end(r->table_end, &c);
	}
	return 0;
}

/* ---- events ---- */

static bool place_equal(const struct place *a, const struct place *b)
{
	return a->offset == b->offset && a->number == b->number && a->insns == b->insns &&
	       a->exits == b->exits;
}

static int read_event_chunk(struct trace_reader *r, const struct chunk_header *c, struct error *e)
{
	const struct place here = {r->next.offset, c->number, c->insns, c->exits};
	const char *wrong;

	if (!c->count || c->count > CHUNK_EVENTS_MAX)
		return damage(r, e, here.offset, "the chunk claims %" PRIu32 " events (limit %u)",
			      c->count, CHUNK_EVENTS_MAX);
	/* The first event says how many exits came before the trace. */
	if (c->number != r->next.number || c->insns < r->next.insns ||
	    (c->exits != r->next.exits && c->number))
		return damage(r, e, here.offset, "the chunk does not follow the one before it");
	if (r->table_indexed &&
	    (r->ordinal < r->table_count ? !place_equal(&here, &r->table[r->ordinal])
					 : r->table_count < INDEX_ENTRIES_MAX))
		return damage(r, e, here.offset, "the index does not list the chunk as it is");
	if (read_payload(r, here.offset, c, e))
		return -1;
	wrong = decoder_begin(r->decoder, r->raw, c->raw, c->count, c->insns);
	if (wrong)
		return damage(r, e, here.offset, "the chunk cannot be decoded: %s", wrong);
	r->event = here;
	r->left = c->count;
	r->next.offset = chunk_end(here.offset, c);
	r->ordinal++;
	return 0;
}

static int check_index(struct trace_reader *r, const struct chunk_header *c, struct error *e)
{
	uint64_t offset = r->next.offset;
	const struct place end = {offset, c->number, c->insns, c->exits};
	int rc;

	if (read_payload(r, offset, c, e))
		return -1;
	if (!place_equal(&end, &r->next))
		return damage(r, e, offset, "the index tells of %" PRIu64 " events", c->number);
	if (r->complete && !r->index_good) {
		/* It was no good when the trace was opened: say why. */
		rc = parse_index(r, offset, c, e);
		r->table_count = 0;
		r->table_end = r->start.offset;
		return rc ? -1 : damage(r, e, offset, "the trailer does not point to the index");
	}
	if (r->table_indexed && (offset != r->table_end || (r->ordinal != r->table_count &&
							    r->table_count < INDEX_ENTRIES_MAX)))
		return damage(r, e, offset, "the index lists %" PRIu32 " chunks of %" PRIu32,
			      r->table_count, r->ordinal);
	r->next.offset = chunk_end(offset, c);
	r->state = AFTER_INDEX;
	return 0;
}

static int check_trailer(struct trace_reader *r, struct error *e)
{
	uint64_t offset = r->next.offset, index_offset, events;
	uint8_t bytes[TRAILER_SIZE];

	r->state = ENDED;
	if (r->size - offset < TRAILER_SIZE)
		return 0;
	if (read_bytes(r, offset, bytes, TRAILER_SIZE, e))
		return -1;
	if (!trailer_unpack(&index_offset, &events, bytes)) {
		int rc = only_zeros(r, offset, e);

		if (rc)
			return rc < 0 ? -1 : 0;
		return damage(r, e, offset, "the checksum of the trailer does not match");
	}
	if (events != r->next.number || (r->table_indexed && index_offset != r->table_end))
		return damage(r, e, offset, "the trailer does not fit the index");
	if (r->size - offset > TRAILER_SIZE)
		return damage(r, e, offset + TRAILER_SIZE, "%" PRIu64 " bytes follow the end",
			      r->size - offset - TRAILER_SIZE);
	return 0;
}

/* On to the next event chunk, or the end. */
static int advance(struct trace_reader *r, struct error *e)
{
	struct chunk_header c;
	int rc;

	if (r->state == AFTER_INDEX)
		return check_trailer(r, e);
	rc = read_chunk_header(r, r->next.offset, &c, e);
	if (rc < 0)
		return -1;
	if (!rc) {
		r->state = ENDED;
		return 0;
	}
	if (c.type == CHUNK_EVENTS)
		return read_event_chunk(r, &c, e);
	if (c.type == CHUNK_INDEX)
		return check_index(r, &c, e);
	return damage(r, e, r->next.offset, "a chunk of type %d does not belong here", c.type);
}

static int decode_event(struct trace_reader *r, struct event *event, struct error *e)
{
	const char *wrong = decoder_next(r->decoder, event);

	if (wrong)
		return damage(r, e, r->event.offset, "the chunk cannot be decoded: %s", wrong);
	event->number = r->event.number++;
	event->position.exits = r->event.exits;
	r->event.exits += event_kind_crossing(event->kind) == CROSSING_EXIT;
	r->event.insns = event->position.insns;
	if (!--r->left) {
		r->next.number = r->event.number;
		r->next.insns = r->event.insns;
		r->next.exits = r->event.exits;
	}
	return 0;
}

int trace_read(struct trace_reader *r, struct event *event, struct error *e)
{
	if (r->holding) {
		r->holding = false;
		*event = r->held;
		return 1;
	}
	while (r->state != FAILED) {
		if (r->left && !decode_event(r, event, &r->error))
			return 1;
		if (r->state == ENDED)
			return 0;
		if (r->left || advance(r, &r->error))
			r->state = FAILED;
	}
	if (e)
		*e = r->error;
	return -1;
}

/* To the beginning of a chunk. */
static void go(struct trace_reader *r, const struct place *p, uint32_t ordinal)
{
	r->state = READING;
	r->next = r->event = *p;
	r->ordinal = ordinal;
	r->left = 0;
	r->holding = false;
}

void trace_rewind(struct trace_reader *r)
{
	go(r, &r->start, 0);
}

int trace_seek(struct trace_reader *r, uint64_t position, struct error *e)
{
	uint32_t low = 0, high;
	int rc;

	if (walk(r, e))
		return -1;
	/* The last chunk that begins before the position: others may begin at it. */
	high = r->table_count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct place *p = &r->table[middle];

		if ((r->by_exits ? p->exits : p->insns) < position)
			low = middle + 1;
		else
			high = middle;
	}
	if (low)
		go(r, &r->table[low - 1], low - 1);
	else
		trace_rewind(r);
	do {
		rc = trace_read(r, &r->held, e);
	} while (rc > 0 &&
		 (r->by_exits ? r->held.position.exits : r->held.position.insns) < position);
	r->holding = rc > 0;
	return rc < 0 ? -1 : 0;
}

/* ---- opening and closing ---- */

static struct trace_reader *reader_new(const char *path)
{
	struct trace_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->file = OS_FILE_NONE;
	r->path = strdup(path);
	r->decoder = decoder_new();
	r->zstd = ZSTD_createDCtx();
	if (r->path && r->decoder && r->zstd)
		return r;
	trace_reader_close(r);
	return NULL;
}

static struct trace_reader *reader_begin(struct trace_reader *r, struct error *e)
{
	if (read_head(r, e) || find_index(r, e)) {
		trace_reader_close(r);
		return NULL;
	}
	trace_rewind(r);
	return r;
}

static int open_file(struct trace_reader *r, struct error *e)
{
	enum os_file_kind kind;

	/* Without waiting: a FIFO that nobody writes to must not hang us. */
	r->file = os_file_open(r->path, false);
	if (r->file == OS_FILE_NONE) {
		bool named = os_failure() == OS_FAILURE_NAME;

		return error_set(e, named ? ERROR_USAGE : ERROR_HOST, "cannot open %s: %s%s",
				 r->path, os_error(),
				 named ? " (give a file made by vcr record)" : "");
	}
	if (os_file_info(r->file, &kind, &r->size))
		return error_set(e, ERROR_HOST, "cannot read %s: %s", r->path, os_error());
	if (kind != OS_FILE_REGULAR)
		return error_set(
		    e, ERROR_USAGE,
		    "cannot read %s: not a regular file (give a file made by vcr record)", r->path);
	return 0;
}

struct trace_reader *trace_reader_open(const char *path, struct error *e)
{
	struct trace_reader *r = reader_new(path);

	if (!r) {
		error_set(e, ERROR_HOST, "cannot read %s: out of memory", path);
		return NULL;
	}
	if (open_file(r, e)) {
		trace_reader_close(r);
		return NULL;
	}
	return reader_begin(r, e);
}

struct trace_reader *trace_reader_open_memory(const void *data, size_t size, struct error *e)
{
	struct trace_reader *r = reader_new("trace");

	if (!r) {
		error_set(e, ERROR_HOST, "cannot read the trace: out of memory");
		return NULL;
	}
	r->memory = data;
	r->size = size;
	return reader_begin(r, e);
}

void trace_reader_close(struct trace_reader *r)
{
	if (!r)
		return;
	if (r->file != OS_FILE_NONE)
		os_file_close(r->file);
	trace_info_free(&r->info);
	for (unsigned i = 0; i < MACHINE_IMAGES; i++) {
		free(r->image[i].name);
		free(r->image[i].data);
	}
	decoder_free(r->decoder);
	ZSTD_freeDCtx(r->zstd);
	free(r->table);
	free(r->stored);
	free(r->raw);
	free(r->path);
	free(r);
}

const struct trace_info *trace_reader_info(const struct trace_reader *r)
{
	return &r->info;
}

unsigned trace_reader_images(const struct trace_reader *r)
{
	return r->images;
}

const struct image *trace_reader_image(const struct trace_reader *r, unsigned index)
{
	return index < r->images ? &r->image[index] : NULL;
}

bool trace_reader_complete(const struct trace_reader *r)
{
	return r->complete;
}

void trace_reader_usage(const struct trace_reader *r, struct trace_usage *usage)
{
	usage->file = r->size;
	usage->head = r->start.offset;
	usage->chunks = r->ordinal;
}
