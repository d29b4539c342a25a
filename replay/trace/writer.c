/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes a trace: header and images at once, events in chunks, the index at the end. The caller
 * only copies events into the batch that is filled; a thread codes, compresses and appends full
 * batches, and a caller that is faster than the disk waits, so memory is bounded. Where chunks
 * end depends on the events (and trace_writer_flush) alone, so that the same events give the same
 * bytes. The file only ever grows: whatever happens to this process, what was written stays.
 */
#include "replay/trace/columns.h"
#include "replay/trace/format.h"
#include "replay/trace/trace.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>
#include <zstd.h>

#include "emulator/host/os.h"

#define BATCHES     4
#define BATCH_BYTES EVENT_BYTES_MAX
#define EVENTS_SIZE (BATCHES * CHUNK_EVENTS_MAX * sizeof(struct packed_event))
#define IMAGE_PIECE (1u << 20)
#define EVENT_LEVEL 9 /* what more brings is under a percent, and the thread must keep up */
#define IMAGE_LEVEL 3 /* most images are compressed already */

struct batch {
	struct packed_event *event; /* CHUNK_EVENTS_MAX, of trace_writer.events */
	uint8_t *bytes;             /* BATCH_BYTES */
	uint32_t count;
	size_t used;            /* of bytes */
	uint64_t number, exits; /* of the first event */
};

struct trace_writer {
	char *path;
	os_file file;
	uint64_t offset; /* end of what was written */

	/* The caller's side. */
	struct packed_event *events; /* of all batches; faults of small pages would be felt */
	struct batch batch[BATCHES];
	struct batch *filling;
	uint64_t number, insns, exits; /* of the next event; position of the last */

	/* Between the two: batches [done, submitted) wait or are being written. */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned submitted, done;
	bool closing;
	atomic_bool failed;
	struct error error; /* under lock until the thread has ended */

	/* The thread's side. */
	struct encoder *encoder;
	ZSTD_CCtx *zstd;
	struct column_buffer out;
	struct column_buffer index;
	uint32_t index_count;
	uint64_t index_offset, index_number, index_insns, index_exits; /* of its last entry */
};

/* Keeps the first failure. */
static void writer_fail(struct trace_writer *w, const struct error *e)
{
	pthread_mutex_lock(&w->lock);
	if (!atomic_load(&w->failed)) {
		w->error = *e;
		atomic_store(&w->failed, true);
	}
	pthread_mutex_unlock(&w->lock);
}

static int no_memory(const struct trace_writer *w, struct error *e)
{
	return error_set(e, ERROR_HOST, "cannot go on recording to %s: out of memory", w->path);
}

/* ---- appending ---- */

static int append(struct trace_writer *w, const void *data, size_t size, struct error *e)
{
	const uint8_t *p = data;

	while (size) {
		ptrdiff_t n = os_file_write(w->file, p, size);

		if (n < 0)
			return error_set(
			    e, ERROR_HOST, "cannot write %s: %s (%s)", w->path, os_error(),
			    os_failure() == OS_FAILURE_FULL ? "free some space, or record elsewhere"
							    : "record elsewhere");
		p += n;
		size -= (size_t)n;
		w->offset += (uint64_t)n;
	}
	return 0;
}

static bool buffer_room(struct column_buffer *b, size_t room)
{
	uint8_t *data;

	if (b->room >= room)
		return true;
	data = realloc(b->data, room);
	if (!data)
		return false;
	b->data = data;
	b->room = room;
	return true;
}

/* Compresses a payload and appends it as a chunk; fills in what `c` says about it. */
static int append_chunk(struct trace_writer *w, struct chunk_header *c, const void *raw,
			size_t size, int level, struct error *e)
{
	size_t bound = ZSTD_compressBound(size), stored;

	if (!buffer_room(&w->out, CHUNK_HEADER_SIZE + bound))
		return no_memory(w, e);
	stored =
	    ZSTD_compressCCtx(w->zstd, w->out.data + CHUNK_HEADER_SIZE, bound, raw, size, level);
	if (ZSTD_isError(stored))
		return error_set(e, ERROR_HOST, "cannot compress for %s: %s", w->path,
				 ZSTD_getErrorName(stored));
	c->stored = (uint32_t)stored;
	c->raw = (uint32_t)size;
	c->checksum = XXH3_64bits(w->out.data + CHUNK_HEADER_SIZE, stored);
	chunk_header_pack(c, w->out.data);
	return append(w, w->out.data, CHUNK_HEADER_SIZE + stored, e);
}

/* ---- header and images ---- */

static uint8_t *put_text(uint8_t *p, const char *text)
{
	size_t size = strlen(text);

	p += varint_put(p, size);
	memcpy(p, text, size);
	return p + size;
}

static int append_info(struct trace_writer *w, const struct trace_info *info,
		       const struct image *images, unsigned count, struct error *e)
{
	const char *text[] = {info->producer, info->accel, info->unit, info->machine};
	struct chunk_header c = {.type = CHUNK_INFO, .count = count};
	size_t room = VARINT_MAX;
	uint8_t *raw, *p;
	int rc;

	for (unsigned i = 0; i < 4; i++)
		room += VARINT_MAX + (text[i] ? strlen(text[i]) : 0);
	for (unsigned i = 0; i < count; i++)
		room += 3 * VARINT_MAX + (images[i].name ? strlen(images[i].name) : 0);
	if (room > INFO_SIZE_MAX)
		return error_set(e, ERROR_USAGE,
				 "cannot record to %s: the machine's description has %zu bytes "
				 "(a trace takes %u)",
				 w->path, room, INFO_SIZE_MAX);
	raw = p = malloc(room);
	if (!raw)
		return no_memory(w, e);
	for (unsigned i = 0; i < 4; i++)
		p = put_text(p, text[i] ? text[i] : "");
	p += varint_put(p, count);
	for (unsigned i = 0; i < count; i++) {
		p += varint_put(p, images[i].role);
		p += varint_put(p, images[i].size);
		p = put_text(p, images[i].name ? images[i].name : "");
	}
	rc = append_chunk(w, &c, raw, (size_t)(p - raw), IMAGE_LEVEL, e);
	free(raw);
	return rc;
}

static int append_header(struct trace_writer *w, const struct trace_info *info,
			 const struct image *images, unsigned count, struct error *e)
{
	uint8_t header[FILE_HEADER_SIZE];
	uint64_t total = 0;

	for (unsigned i = 0; i < count; i++)
		total += images[i].size;
	if (count > MACHINE_IMAGES || total > IMAGES_TOTAL_MAX)
		return error_set(e, ERROR_USAGE,
				 "cannot record to %s: a trace takes %u images of 4 GiB together",
				 w->path, MACHINE_IMAGES);
	file_header_pack(info->version, header);
	if (append(w, header, sizeof(header), e) || append_info(w, info, images, count, e))
		return -1;
	for (unsigned i = 0; i < count; i++) {
		for (uint64_t at = 0; at < images[i].size; at += IMAGE_PIECE) {
			struct chunk_header c = {.type = CHUNK_IMAGE, .count = i, .number = at};
			uint64_t left = images[i].size - at;

			if (append_chunk(w, &c, images[i].data + at,
					 left < IMAGE_PIECE ? left : IMAGE_PIECE, IMAGE_LEVEL, e))
				return -1;
		}
	}
	return 0;
}

/* ---- event chunks and index, in the thread ---- */

/* What is stored about each event chunk: how far it lies from the one before, in each measure. */
static int index_add(struct trace_writer *w, const struct chunk_header *c, struct error *e)
{
	const uint64_t now[] = {w->offset, c->number, c->insns, c->exits};
	uint64_t *const last[] = {&w->index_offset, &w->index_number, &w->index_insns,
				  &w->index_exits};

	if (w->index_count == INDEX_ENTRIES_MAX)
		return 0; /* chunks after these are found by walking */
	if (w->index.room - w->index.size < 4 * VARINT_MAX &&
	    !buffer_room(&w->index, 2 * w->index.room + 4096))
		return no_memory(w, e);
	for (unsigned i = 0; i < 4; i++) {
		w->index.size += varint_put(w->index.data + w->index.size, now[i] - *last[i]);
		*last[i] = now[i];
	}
	w->index_count++;
	return 0;
}

static int append_batch(struct trace_writer *w, const struct batch *b, struct error *e)
{
	struct chunk_header c = {.type = CHUNK_EVENTS,
				 .count = b->count,
				 .number = b->number,
				 .insns = b->event[0].insns,
				 .exits = b->exits};
	const uint8_t *raw;
	size_t size;

	raw = encoder_run(w->encoder, b->event, b->count, b->bytes, &size);
	if (!raw || index_add(w, &c, e))
		return no_memory(w, e);
	return append_chunk(w, &c, raw, size, EVENT_LEVEL, e);
}

static void *writer_main(void *opaque)
{
	struct trace_writer *w = opaque;
	bool broken = false;
	struct error e;

	pthread_mutex_lock(&w->lock);
	for (;;) {
		const struct batch *b = &w->batch[w->done % BATCHES];

		if (w->done == w->submitted) {
			if (w->closing)
				break;
			pthread_cond_wait(&w->changed, &w->lock);
			continue;
		}
		pthread_mutex_unlock(&w->lock);
		/* After a failure nothing more may follow: the file would have a hole. */
		if (!broken && append_batch(w, b, &e)) {
			broken = true;
			writer_fail(w, &e);
		}
		pthread_mutex_lock(&w->lock);
		w->done++;
		pthread_cond_broadcast(&w->changed);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static int append_index(struct trace_writer *w, struct error *e)
{
	struct chunk_header c = {.type = CHUNK_INDEX,
				 .count = w->index_count,
				 .number = w->number,
				 .insns = w->insns,
				 .exits = w->exits};
	uint64_t index_offset = w->offset;
	uint8_t trailer[TRAILER_SIZE];

	if (append_chunk(w, &c, w->index.data, w->index.size, EVENT_LEVEL, e))
		return -1;
	trailer_pack(index_offset, w->number, trailer);
	return append(w, trailer, sizeof(trailer), e);
}

/* ---- the caller's side ---- */

static void writer_free(struct trace_writer *w)
{
	for (unsigned i = 0; i < BATCHES; i++)
		free(w->batch[i].bytes);
	if (w->events)
		os_memory_unmap(w->events, EVENTS_SIZE);
	if (w->file != OS_FILE_NONE)
		os_file_close(w->file);
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	encoder_free(w->encoder);
	ZSTD_freeCCtx(w->zstd);
	free(w->out.data);
	free(w->index.data);
	free(w->path);
	free(w);
}

static bool writer_alloc(struct trace_writer *w)
{
	w->events = os_memory_map_large(EVENTS_SIZE);
	if (!w->events)
		return false;
	for (unsigned i = 0; i < BATCHES; i++) {
		w->batch[i].event = w->events + i * (size_t)CHUNK_EVENTS_MAX;
		w->batch[i].bytes = malloc(BATCH_BYTES);
		if (!w->batch[i].bytes)
			return false;
	}
	w->encoder = encoder_new();
	w->zstd = ZSTD_createCCtx();
	return w->encoder && w->zstd;
}

static int writer_start(struct trace_writer *w, struct error *e)
{
	if (os_thread_start(&w->thread, writer_main, w))
		return error_set(e, ERROR_HOST, "cannot record to %s: no thread: %s", w->path,
				 os_error());
	return 0;
}

struct trace_writer *trace_writer_open(const char *path, const struct trace_info *info,
				       const struct image *images, unsigned count, struct error *e)
{
	struct trace_writer *w = calloc(1, sizeof(*w));

	if (!w || !(w->path = strdup(path))) {
		free(w);
		error_set(e, ERROR_HOST, "cannot record to %s: out of memory", path);
		return NULL;
	}
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, NULL);
	w->file = os_file_create(path);
	if (w->file == OS_FILE_NONE)
		error_set(e, ERROR_HOST, "cannot create %s: %s (choose another place with -o)",
			  path, os_error());
	else if (!writer_alloc(w))
		no_memory(w, e);
	else if (!append_header(w, info, images, count, e) && !writer_start(w, e)) {
		w->filling = &w->batch[0];
		return w;
	}
	writer_free(w);
	return NULL;
}

/* Hands the batch over and waits until there is a free one. */
static void submit(struct trace_writer *w)
{
	pthread_mutex_lock(&w->lock);
	w->submitted++;
	pthread_cond_broadcast(&w->changed);
	while (w->submitted - w->done == BATCHES)
		pthread_cond_wait(&w->changed, &w->lock);
	w->filling = &w->batch[w->submitted % BATCHES];
	pthread_mutex_unlock(&w->lock);
	w->filling->count = 0;
	w->filling->used = 0;
}

/* An event that no trace can hold is a mistake of the caller: nothing after it may be trusted. */
static void refuse(struct trace_writer *w, const char *why)
{
	struct error error;

	error_set(&error, ERROR_HOST, "cannot record event %llu to %s: %s (a defect of vcr)",
		  (unsigned long long)w->number, w->path, why);
	writer_fail(w, &error);
}

/* Where the next event goes, which is the caller's to fill in, but for its position. */
static inline __attribute__((always_inline)) struct packed_event *
event_begin(struct trace_writer *w, const struct position *at, size_t length)
{
	struct packed_event *to;
	struct batch *b;

	if (w->filling->count == CHUNK_EVENTS_MAX || length > BATCH_BYTES - w->filling->used)
		submit(w);
	b = w->filling;
	if (!b->count) {
		if (!w->number)
			w->exits = at->exits;
		b->number = w->number;
		b->exits = w->exits;
	}
	to = &b->event[b->count++];
	to->insns = w->insns = at->insns;
	w->number++;
	return to;
}

void trace_write(struct trace_writer *w, const struct event *e)
{
	unsigned fields = event_kind_fields(e->kind);
	bool is_exit = event_kind_crossing(e->kind) == CROSSING_EXIT;
	size_t length = fields & EVENT_FIELD_B ? e->length : 0;
	struct packed_event *to;

	if (atomic_load_explicit(&w->failed, memory_order_relaxed))
		return;
	if (!event_kind_exists(e->kind) || length > EVENT_BYTES_MAX ||
	    e->position.insns < w->insns) {
		refuse(w, !event_kind_exists(e->kind) ? "its kind does not exist"
			  : length > EVENT_BYTES_MAX  ? "it has too many bytes"
						      : "its position lies before the last");
		return;
	}
	to = event_begin(w, &e->position, length);
	to->rip = is_exit ? e->rip : 0;
	to->address = fields & EVENT_FIELD_A ? e->address : 0;
	to->data = fields & EVENT_FIELD_D ? e->data : 0;
	to->length = (uint32_t)length;
	to->kind = (uint8_t)e->kind;
	to->size = fields & EVENT_FIELD_S ? e->size : 0;
	if (length) {
		memcpy(w->filling->bytes + w->filling->used, e->bytes, length);
		w->filling->used += length;
	}
	w->exits += is_exit;
}

void trace_write_access(struct trace_writer *w, enum event_kind kind, struct position at,
			const struct exit *x)
{
	struct packed_event *to;

	if (atomic_load_explicit(&w->failed, memory_order_relaxed))
		return;
	if (at.insns < w->insns) {
		refuse(w, "its position lies before the last");
		return;
	}
	to = event_begin(w, &at, 0);
	to->rip = x->rip;
	to->address = x->address;
	to->data = x->data;
	to->length = 0;
	to->kind = (uint8_t)kind;
	to->size = x->size;
	w->exits++;
}

bool trace_writer_failed(const struct trace_writer *w)
{
	return atomic_load(&w->failed);
}

void trace_writer_flush(struct trace_writer *w)
{
	if (w->filling->count)
		submit(w);
}

int trace_writer_close(struct trace_writer *w, struct error *e)
{
	int rc = 0;

	trace_writer_flush(w);
	pthread_mutex_lock(&w->lock);
	w->closing = true;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);

	if (!atomic_load(&w->failed)) {
		rc = append_index(w, e);
	} else {
		if (e)
			*e = w->error;
		rc = -1;
	}
	if (os_file_close(w->file) && !rc)
		rc = error_set(e, ERROR_HOST, "cannot write %s: %s (record elsewhere)", w->path,
			       os_error());
	w->file = OS_FILE_NONE;
	writer_free(w);
	return rc;
}
