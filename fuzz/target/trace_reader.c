/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: the trace reader. Traces are passed around in bug reports, so a reader meets files
 * that were damaged and files that were made to hurt it.
 *
 * Checksums would keep a fuzzer out of everything behind them, so the first byte of an input says
 * what the rest is:
 *   0  a file, as it is
 *   1  a file whose checksums are put right first
 *   2  two bytes of event count, then the columns of one event chunk, which is put in a trace
 *   3  the description (CHUNK_INFO) of a trace that has one event chunk
 *   4  two bytes of entry count, then an index for such a trace
 *
 * Beyond not crashing, what is read must be what trace.h promises: positions that never go back,
 * consecutive numbers, no field that a kind does not have, the same events after a rewind and a
 * seek; and events that were read must survive being coded again.
 */
#include "fuzz/fuzz.h"

#include "replay/trace/columns.h"
#include "replay/trace/format.h"
#include "replay/trace/trace.h"

#include <stdlib.h>
#include <xxhash.h>
#include <zstd.h>

#define ROUNDTRIP_MAX 2000

static void check(bool promise)
{
	if (!promise)
		abort();
}

/* ---- making a trace of the input ---- */

struct file {
	uint8_t *data;
	size_t size, room;
};

static uint8_t *file_grow(struct file *f, size_t size)
{
	while (f->room - f->size < size) {
		f->room = f->room ? 2 * f->room : 4096;
		f->data = realloc(f->data, f->room);
		if (!f->data)
			exit(1);
	}
	f->size += size;
	return f->data + f->size - size;
}

static void put_chunk(struct file *f, struct chunk_header c, const void *raw, size_t size)
{
	size_t bound = ZSTD_compressBound(size), start = f->size;
	uint8_t *to = file_grow(f, CHUNK_HEADER_SIZE + bound);

	c.raw = (uint32_t)size;
	c.stored = (uint32_t)ZSTD_compress(to + CHUNK_HEADER_SIZE, bound, raw, size, 1);
	c.checksum = XXH3_64bits(to + CHUNK_HEADER_SIZE, c.stored);
	chunk_header_pack(&c, to);
	f->size = start + CHUNK_HEADER_SIZE + c.stored;
}

static void put_head(struct file *f)
{
	static const uint8_t info[] = "\1p\3tcg\14instructions\1m";

	file_header_pack(TRACE_VERSION, file_grow(f, FILE_HEADER_SIZE));
	put_chunk(f, (struct chunk_header){.type = CHUNK_INFO}, info, sizeof(info));
}

static void put_one_event(struct file *f)
{
	static const uint8_t one_hlt[] = {1, 3, 0, 0, 0, 0, 0, 0, 0, 0, EVENT_HLT, 2, 0};

	put_chunk(f, (struct chunk_header){.type = CHUNK_EVENTS, .count = 1}, one_hlt,
		  sizeof(one_hlt));
}

/* Makes every checksum right that is where the format has one. */
static void repair(struct file *f)
{
	size_t offset = FILE_HEADER_SIZE;

	if (f->size < FILE_HEADER_SIZE)
		return;
	memcpy(f->data, FILE_MAGIC, 8);
	le_store(f->data + 16, XXH3_64bits(f->data, 16), 8);
	while (f->size - offset >= CHUNK_HEADER_SIZE) {
		uint8_t *header = f->data + offset;
		uint64_t stored = le_load(header + 8, 4);

		if (!memcmp(header, TRAILER_MAGIC, 8))
			break;
		if (f->size - offset - CHUNK_HEADER_SIZE >= stored)
			le_store(header + 48, XXH3_64bits(header + CHUNK_HEADER_SIZE, stored), 8);
		le_store(header + 56, XXH3_64bits(header, 56), 8);
		if (f->size - offset - CHUNK_HEADER_SIZE < stored)
			return;
		offset += CHUNK_HEADER_SIZE + stored;
	}
	if (f->size - offset >= TRAILER_SIZE)
		le_store(f->data + offset + 24, XXH3_64bits(f->data + offset, 24), 8);
}

static void make_file(struct file *f, const uint8_t *data, size_t size)
{
	unsigned what = size ? data[0] : 0;
	const uint8_t *rest = size ? data + 1 : data;
	size_t left = size ? size - 1 : 0, index_offset;
	uint32_t count = left >= 2 ? (uint32_t)le_load(rest, 2) : 0;

	switch (what) {
	case 2:
	case 4:
		if (left < 2)
			return;
		put_head(f);
		if (what == 2) {
			put_chunk(f,
				  (struct chunk_header){.type = CHUNK_EVENTS, .count = count + 1},
				  rest + 2, left - 2);
			return;
		}
		put_one_event(f);
		index_offset = f->size;
		put_chunk(f,
			  (struct chunk_header){
			      .type = CHUNK_INDEX, .count = count, .number = 1, .exits = 1},
			  rest + 2, left - 2);
		trailer_pack(index_offset, 1, file_grow(f, TRAILER_SIZE));
		return;
	case 3:
		file_header_pack(TRACE_VERSION, file_grow(f, FILE_HEADER_SIZE));
		put_chunk(f, (struct chunk_header){.type = CHUNK_INFO, .count = left ? rest[0] : 0},
			  left ? rest + 1 : rest, left ? left - 1 : 0);
		put_one_event(f);
		return;
	default:
		if (left)
			memcpy(file_grow(f, left), rest, left);
		if (what == 1)
			repair(f);
	}
}

/* ---- what must hold of what is read ---- */

static void check_event(const struct event *e, const struct event *before, uint64_t number)
{
	unsigned fields = event_kind_fields(e->kind);
	bool is_exit = event_kind_crossing(e->kind) == CROSSING_EXIT;

	check(event_kind_name(e->kind));
	check(e->number == number);
	check(e->length <= EVENT_BYTES_MAX);
	check((fields & EVENT_FIELD_A) || !e->address);
	check((fields & EVENT_FIELD_S) || !e->size);
	check((fields & EVENT_FIELD_D) || !e->data);
	check((fields & EVENT_FIELD_B) || !e->length);
	check(is_exit || !e->rip);
	if (!number)
		return;
	check(e->position.insns >= before->position.insns);
	check(e->position.exits ==
	      before->position.exits + (event_kind_crossing(before->kind) == CROSSING_EXIT));
}

/* Touches every byte, so that ASan sees a pointer that is wrong. */
static uint64_t digest(uint64_t seed, const struct event *e)
{
	const uint64_t values[] = {seed,   e->kind,    e->size, e->position.insns,
				   e->rip, e->address, e->data, e->length};

	return XXH3_64bits_withSeed(e->bytes, e->length, XXH3_64bits(values, sizeof(values)));
}

struct kept {
	struct packed_event event[ROUNDTRIP_MAX];
	struct file bytes;
	uint32_t count;
};

static void keep(struct kept *k, const struct event *e)
{
	if (k->count == ROUNDTRIP_MAX)
		return;
	k->event[k->count++] = (struct packed_event){.insns = e->position.insns,
						     .rip = e->rip,
						     .address = e->address,
						     .data = e->data,
						     .length = (uint32_t)e->length,
						     .kind = (uint8_t)e->kind,
						     .size = e->size};
	if (e->length)
		memcpy(file_grow(&k->bytes, e->length), e->bytes, e->length);
}

static void check_roundtrip(const struct kept *k)
{
	struct encoder *encoder = encoder_new();
	struct decoder *decoder = decoder_new();
	const uint8_t *bytes = k->bytes.data ? k->bytes.data : (const uint8_t *)"", *raw;
	size_t size;

	if (!encoder || !decoder)
		exit(1);
	raw = encoder_run(encoder, k->event, k->count, bytes, &size);
	check(raw && !decoder_begin(decoder, raw, size, k->count, k->event[0].insns));
	for (uint32_t i = 0; i < k->count; i++) {
		const struct packed_event *p = &k->event[i];
		struct event e;

		check(!decoder_next(decoder, &e));
		check(e.kind == p->kind && e.size == p->size && e.position.insns == p->insns &&
		      e.rip == p->rip && e.address == p->address && e.data == p->data &&
		      e.length == p->length);
		check(!p->length || !memcmp(e.bytes, bytes, p->length));
		bytes += p->length;
	}
	decoder_free(decoder);
	encoder_free(encoder);
}

static void read_trace(struct trace_reader *r)
{
	static struct kept kept;
	struct event e, before = {0};
	uint64_t count = 0, sum = 0, again = 0;
	struct error error;
	int end, rc;

	kept.count = 0;
	kept.bytes.size = 0;
	while ((end = trace_read(r, &e, &error)) > 0) {
		check_event(&e, &before, count++);
		sum = digest(sum, &e);
		keep(&kept, &e);
		before = e;
	}
	trace_rewind(r);
	while ((rc = trace_read(r, &e, &error)) > 0)
		again = digest(again, &e);
	check(rc == end && again == sum);
	if (!trace_seek(r, before.position.insns, &error) && trace_read(r, &e, &error) > 0)
		check(count && !strcmp(trace_reader_info(r)->unit, "instructions")
			  ? e.position.insns >= before.position.insns
			  : true);
	if (kept.count)
		check_roundtrip(&kept);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct file f = {0};
	struct trace_reader *r;
	struct error error;

	make_file(&f, data, size);
	r = trace_reader_open_memory(f.data, f.size, &error);
	if (r)
		read_trace(r);
	trace_reader_close(r);
	free(f.data);
	return 0;
}
