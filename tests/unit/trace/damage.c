/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bad traces: cut off anywhere, any byte changed, newer, empty, something else, put together
 * wrongly. Each must be told in one line or, where the file is only cut off, read up to there; and
 * events that come out are always those that went in.
 */
#include "tests/unit/trace/sample.h"

#include <xxhash.h>
#include <zstd.h>

#define EVENTS 60

static struct event events[EVENTS];
static uint8_t *whole;
static size_t whole_size;

static int setup(void **state)
{
	static uint8_t kernel[] = "not much of a kernel";
	struct image image = {IMAGE_KERNEL, (char *)(uintptr_t) "kernel", kernel, sizeof(kernel)};

	random_events(events, EVENTS, 23);
	for (size_t i = 0; i < EVENTS; i++)
		if (events[i].length > 30)
			events[i].length = 30;
	whole = make_trace(&image, 1, events, EVENTS, 20, &whole_size);
	return 0;
}

static int teardown(void **state)
{
	free(whole);
	return 0;
}

static void check_message(const struct error *e)
{
	assert_int_equal(e->kind, ERROR_TRACE);
	assert_true(strlen(e->text) > 20);
	assert_null(strchr(e->text, '\n'));
	assert_non_null(strchr(e->text, '(')); /* what to do */
}

/* Reads all it can; whatever comes must be right. Returns how the reading ended: 0, -1; -2: not
 * open. */
static int read_all(const uint8_t *data, size_t size, size_t *count, bool *complete,
		    struct error *e)
{
	/* In memory of exactly that size, so that ASan sees a byte too far. */
	uint8_t *copy = malloc(size ? size : 1);
	struct trace_reader *r;
	struct event got;
	int rc;

	assert_non_null(copy);
	memcpy(copy, data, size);
	*count = 0;
	*complete = false;
	r = trace_reader_open_memory(copy, size, e);
	if (!r) {
		free(copy);
		check_message(e);
		return -2;
	}
	*complete = trace_reader_complete(r);
	while ((rc = trace_read(r, &got, e)) > 0) {
		assert_true(*count < EVENTS);
		assert_event_equal(&got, &events[*count]);
		++*count;
	}
	if (rc < 0) {
		check_message(e);
		/* It stays so, until a rewind. */
		assert_int_equal(trace_read(r, &got, e), -1);
		trace_rewind(r);
		if (*count)
			assert_int_equal(trace_read(r, &got, e), 1);
	}
	trace_reader_close(r);
	free(copy);
	return rc;
}

static void test_whole(void **state)
{
	struct error e;
	bool complete;
	size_t count;

	assert_int_equal(read_all(whole, whole_size, &count, &complete, &e), 0);
	assert_int_equal(count, EVENTS);
	assert_true(complete);
}

/* Cut anywhere: up to the last whole chunk, without an error once the head is whole. */
static void test_cut(void **state)
{
	size_t count, last = 0, opened = 0;
	struct error e;
	bool complete;

	for (size_t size = 0; size < whole_size; size++) {
		int rc = read_all(whole, size, &count, &complete, &e);

		assert_false(complete);
		if (rc == -2) {
			assert_int_equal(opened, 0);
			continue;
		}
		opened++;
		assert_int_equal(rc, 0);
		assert_int_equal(count % 20, 0);
		assert_true(count >= last);
		last = count;
	}
	assert_int_equal(last, EVENTS);
	assert_true(opened > 100);
}

/* As after a power failure: the end of the file is there, but never reached the disk. */
static void test_zeros(void **state)
{
	uint8_t *copy = malloc(whole_size);
	struct error e;
	bool complete;
	size_t count;

	assert_non_null(copy);
	for (size_t size = 0; size < whole_size; size++) {
		int rc;

		memset(copy, 0, whole_size);
		memcpy(copy, whole, size);
		rc = read_all(copy, whole_size, &count, &complete, &e);
		if (rc == 0)
			assert_false(complete && memcmp(copy, whole, whole_size));
	}
	free(copy);
}

/* Every bit of every byte is under a checksum: a change is always noticed. */
static void test_flip(void **state)
{
	uint8_t *copy = malloc(whole_size);
	struct error e;
	bool complete;
	size_t count;

	assert_non_null(copy);
	memcpy(copy, whole, whole_size);
	for (size_t i = 0; i < whole_size; i++) {
		for (unsigned change = 0; change < 3; change++) {
			copy[i] = (uint8_t)(whole[i] ^ (change == 2 ? 0xff : 1u << (change * 7)));
			assert_true(read_all(copy, whole_size, &count, &complete, &e) < 0);
			copy[i] = whole[i];
		}
	}
	free(copy);
}

/* Damage is told with its place and with what can be read. */
static void test_damage_text(void **state)
{
	uint8_t *copy = malloc(whole_size);
	struct chunk_header c;
	size_t offset = FILE_HEADER_SIZE, count;
	char expected[64];
	struct error e;
	bool complete;

	assert_non_null(copy);
	memcpy(copy, whole, whole_size);
	for (;;) {
		assert_true(chunk_header_unpack(&c, whole + offset));
		if (c.type == CHUNK_EVENTS && c.number == 20)
			break;
		offset += CHUNK_HEADER_SIZE + c.stored;
	}
	copy[offset + CHUNK_HEADER_SIZE] ^= 1;
	assert_int_equal(read_all(copy, whole_size, &count, &complete, &e), -1);
	assert_int_equal(count, 20);
	snprintf(expected, sizeof(expected), "damaged at byte %zu", offset);
	assert_non_null(strstr(e.text, expected));
	assert_non_null(strstr(e.text, "before number 20 can be read"));
	free(copy);
}

static void expect_text(const void *data, size_t size, const char *text)
{
	struct error e;

	assert_null(trace_reader_open_memory(data, size, &e));
	check_message(&e);
	if (!strstr(e.text, text))
		fail_msg("\"%s\" does not say \"%s\"", e.text, text);
}

static void test_foreign(void **state)
{
	uint8_t header[FILE_HEADER_SIZE];

	expect_text("", 0, "is empty");
	expect_text("\x7f"
		    "ELF with something after it, and more",
		    40, "not a vcr trace");
	expect_text("x", 1, "not a vcr trace");
	expect_text(FILE_MAGIC, 5, "cut off at byte 5");
	file_header_pack(7, header);
	expect_text(header, sizeof(header), "version 7");
	expect_text(header, sizeof(header), "up to version 4");
	file_header_pack(0, header);
	expect_text(header, sizeof(header), "version 0");
}

/* ---- traces whose checksums are right, but which no writer wrote ---- */

struct builder {
	uint8_t data[65536];
	size_t size;
};

static void build_chunk(struct builder *b, struct chunk_header c, const void *raw, size_t size)
{
	uint8_t *payload = b->data + b->size + CHUNK_HEADER_SIZE;
	size_t stored =
	    ZSTD_compress(payload, sizeof(b->data) - b->size - CHUNK_HEADER_SIZE, raw, size, 1);

	assert_false(ZSTD_isError(stored));
	c.stored = (uint32_t)stored;
	if (!c.raw)
		c.raw = (uint32_t)size;
	c.checksum = XXH3_64bits(payload, stored);
	chunk_header_pack(&c, b->data + b->size);
	b->size += CHUNK_HEADER_SIZE + stored;
}

/* Header and description, with one image of the size given. */
static void build_head(struct builder *b, const char *unit, uint64_t image_size)
{
	uint8_t raw[256], *p = raw;
	const char *const text[] = {"t", "tcg", unit, "machine"};

	file_header_pack(TRACE_VERSION, b->data);
	b->size = FILE_HEADER_SIZE;
	for (unsigned i = 0; i < 4; i++) {
		*p++ = (uint8_t)strlen(text[i]);
		memcpy(p, text[i], strlen(text[i]));
		p += strlen(text[i]);
	}
	*p++ = image_size != 0;
	if (image_size) {
		*p++ = IMAGE_KERNEL;
		p += varint_put(p, image_size);
		*p++ = 0;
	}
	build_chunk(b, (struct chunk_header){.type = CHUNK_INFO, .count = image_size != 0}, raw,
		    (size_t)(p - raw));
}

static int read_built(const struct builder *b, struct error *e)
{
	struct trace_reader *r = trace_reader_open_memory(b->data, b->size, e);
	struct event got;
	int rc;

	if (!r)
		return -2;
	while ((rc = trace_read(r, &got, e)) > 0)
		;
	trace_reader_close(r);
	return rc;
}

/* One HLT: one site, no column but the list of sites. Kind 9, RIP 1 as zigzag, mode byte 0. */
static const uint8_t one_hlt[] = {1, 3, 0, 0, 0, 0, 0, 0, 0, 0, 9, 2, 0};

static void test_built(void **state)
{
	struct builder *b = malloc(sizeof(*b));
	const struct chunk_header chunk = {.type = CHUNK_EVENTS, .count = 1};
	struct chunk_header c;
	uint8_t raw[sizeof(one_hlt)];
	struct error e;

	assert_non_null(b);
	build_head(b, "instructions", 0);
	build_chunk(b, chunk, one_hlt, sizeof(one_hlt));
	assert_int_equal(read_built(b, &e), 0);

	/* A chunk is missing, or is there twice. */
	build_chunk(b, chunk, one_hlt, sizeof(one_hlt));
	assert_int_equal(read_built(b, &e), -1);
	assert_non_null(strstr(e.text, "does not follow"));

	/* Claims. */
	build_head(b, "instructions", 0);
	c = chunk;
	c.count = CHUNK_EVENTS_MAX + 1;
	build_chunk(b, c, one_hlt, sizeof(one_hlt));
	assert_int_equal(read_built(b, &e), -1);
	build_head(b, "instructions", 0);
	c = chunk;
	c.raw = CHUNK_RAW_MAX + 1;
	build_chunk(b, c, one_hlt, sizeof(one_hlt));
	assert_int_equal(read_built(b, &e), -1);
	build_head(b, "instructions", 0);
	c.raw = CHUNK_RAW_MAX;
	build_chunk(b, c, one_hlt, sizeof(one_hlt));
	assert_int_equal(read_built(b, &e), -1);
	build_head(b, "instructions", IMAGES_TOTAL_MAX + 1);
	assert_int_equal(read_built(b, &e), -2);
	build_head(b, "instructions", 5);
	build_chunk(b, (struct chunk_header){.type = CHUNK_IMAGE}, "123456", 6);
	assert_int_equal(read_built(b, &e), -2);
	build_head(b, "fortnights", 0);
	assert_int_equal(read_built(b, &e), -2);
	assert_non_null(strstr(e.text, "unit"));

	/* Every number of the payload changed: never a crash, and never without end. */
	for (size_t i = 0; i < sizeof(one_hlt); i++) {
		for (unsigned value = 0; value < 256; value++) {
			memcpy(raw, one_hlt, sizeof(raw));
			raw[i] = (uint8_t)value;
			build_head(b, "instructions", 0);
			build_chunk(b, chunk, raw, sizeof(raw));
			read_built(b, &e);
		}
	}

	/* Not one chunk after another. */
	build_head(b, "instructions", 0);
	build_chunk(b, (struct chunk_header){.type = CHUNK_INFO}, "x", 1);
	assert_int_equal(read_built(b, &e), -1);
	free(b);
}

/* The index is only believed where it agrees with the chunks. */
static void test_index(void **state)
{
	struct builder *b = malloc(sizeof(*b));
	const struct chunk_header chunk = {.type = CHUNK_EVENTS, .count = 1};
	struct chunk_header index = {.type = CHUNK_INDEX, .count = 1, .number = 1, .exits = 1};
	size_t chunk_offset, index_offset;
	uint8_t raw[32];
	struct error e;

	assert_non_null(b);
	for (unsigned wrong = 0; wrong < 9; wrong++) {
		struct trace_reader *r;
		unsigned n;

		build_head(b, "instructions", 0);
		chunk_offset = b->size;
		build_chunk(b, chunk, one_hlt, sizeof(one_hlt));
		index_offset = b->size;
		n = varint_put(raw, wrong == 1   ? chunk_offset + 1
				    : wrong == 2 ? UINT64_MAX
				    : wrong == 3 ? 0
						 : chunk_offset);
		raw[n++] = wrong == 4;
		raw[n++] = wrong == 5;
		raw[n++] = 0;
		if (wrong == 6)
			raw[n++] = 0;
		index.count = wrong == 7 ? 0 : 1;
		build_chunk(b, index, raw, index.count ? n : 0);
		trailer_pack(wrong == 8 ? chunk_offset : index_offset, 1, b->data + b->size);
		b->size += TRAILER_SIZE;
		assert_int_equal(read_built(b, &e), wrong ? -1 : 0);
		if (wrong)
			check_message(&e);

		/* A seek must neither crash nor find something wrong. */
		r = trace_reader_open_memory(b->data, b->size, &e);
		assert_non_null(r);
		if (!trace_seek(r, 0, &e)) {
			struct event got;

			assert_int_equal(trace_read(r, &got, &e), 1);
			assert_int_equal(got.kind, EVENT_HLT);
		}
		trace_reader_close(r);
	}
	/* Something after the end. */
	b->data[b->size++] = 1;
	assert_int_equal(read_built(b, &e), -1);
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_whole),   cmocka_unit_test(test_cut),
	    cmocka_unit_test(test_zeros),   cmocka_unit_test(test_flip),
	    cmocka_unit_test(test_foreign), cmocka_unit_test(test_damage_text),
	    cmocka_unit_test(test_built),   cmocka_unit_test(test_index),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
