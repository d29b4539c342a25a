/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input language: what fuzz/README.md says of it, over generated operations and bytes. The
 * seed is fixed, so a failure repeats.
 */
#include "fuzz/op.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fuzz/generate.h"

#define CASES 20000

static bool same(const struct op *a, const struct op *b)
{
	return !memcmp(a, b, offsetof(struct op, bytes)) && !memcmp(a->bytes, b->bytes, a->length);
}

static struct op read_one(const uint8_t *bytes, size_t size)
{
	struct op_reader r = op_reader_start(bytes, size);
	struct op op;

	assert_true(op_next(&r, &op));
	assert_ptr_equal(r.at, bytes + size);
	return op;
}

/* Any operation that can be read is written in a way that reads back as the same. */
static void test_roundtrip(void **state)
{
	struct random random = random_start(1);
	unsigned kinds[OP_KINDS] = {0};

	for (unsigned n = 0; n < CASES; n++) {
		uint8_t bytes[80], out[OP_ENCODED];
		size_t size = 1 + random_below(&random, sizeof(bytes) - 1);
		struct op op, again;

		bytes[0] = (uint8_t)(0x80 | random_below(&random, 0x80));
		for (size_t i = 1; i < size; i++)
			bytes[i] = (uint8_t)random_below(&random, 0x80);
		op = read_one(bytes, size);
		kinds[op.kind]++;
		size = op_encode(&op, out);
		assert_in_range(size, 1, OP_ENCODED);
		again = read_one(out, size);
		assert_true(same(&op, &again));
	}
	for (unsigned kind = 0; kind < OP_KINDS; kind++)
		assert_true(kinds[kind] > 0);
}

static void test_encoding(void **state)
{
	static const struct {
		struct op op;
		uint8_t bytes[12];
		size_t size;
	} cases[] = {
	    /* The examples of fuzz/README.md. */
	    {{.kind = OP_WRITE, .size = 1, .region = 0, .offset = 3, .value = 0x36},
	     {0xe0, 0x03, 0x36},
	     3},
	    {{.kind = OP_READ, .size = 4, .region = 10, .offset = 0x390},
	     {0x93, 0x0a, 0x10, 0x07},
	     4},
	    {{.kind = OP_WRITE, .size = 1, .region = 3, .offset = 1, .value = 0x80},
	     {0xe3, 0x01, 0x00, 0x01},
	     4},
	    {{.kind = OP_CLOCK, .value = 1000}, {0xa8, 0x68, 0x07}, 3},
	    {{.kind = OP_HOST, .queue = QUEUE_CHAR, .length = 1, .bytes = {0x0d}},
	     {0xae, 0x02, 0x0d, 0x00},
	     4},
	    {{.kind = OP_ACKNOWLEDGE}, {0xaa}, 1},
	};
	uint8_t out[OP_ENCODED];

	for (unsigned n = 0; n < sizeof(cases) / sizeof(*cases); n++) {
		struct op op;

		assert_int_equal(op_encode(&cases[n].op, out), cases[n].size);
		assert_memory_equal(out, cases[n].bytes, cases[n].size);
		op = read_one(cases[n].bytes, cases[n].size);
		assert_true(same(&op, &cases[n].op));
	}
}

/* As many operations of the list as both have at the start and at the end. */
static unsigned differing(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size)
{
	static struct op first[64], second[64];
	struct op_reader r = op_reader_start(a, a_size);
	unsigned firsts = 0, seconds = 0, head = 0, tail = 0;

	while (firsts < 64 && op_next(&r, &first[firsts]))
		firsts++;
	r = op_reader_start(b, b_size);
	while (seconds < 64 && op_next(&r, &second[seconds]))
		seconds++;
	while (head < firsts && head < seconds && same(&first[head], &second[head]))
		head++;
	while (tail < firsts - head && tail < seconds - head &&
	       same(&first[firsts - 1 - tail], &second[seconds - 1 - tail]))
		tail++;
	return firsts - head - tail;
}

/* One byte changed, gone or come damages two neighbouring operations at most. */
static void test_synchronises(void **state)
{
	struct random random = random_start(2);

	for (unsigned n = 0; n < CASES; n++) {
		uint8_t bytes[3000], damaged[3000];
		size_t size = 0, at;
		struct op op;

		for (unsigned i = 0; i < 8; i++) {
			generate_op(&random, &op);
			size += op_encode(&op, bytes + size);
		}
		at = random_below(&random, (unsigned)size);
		memcpy(damaged, bytes, size);
		damaged[at] = (uint8_t)random_value(&random);
		assert_true(differing(bytes, size, damaged, size) <= 2);
		memmove(damaged + at, bytes + at + 1, size - at - 1);
		assert_true(differing(bytes, size, damaged, size - 1) <= 2);
		memcpy(damaged, bytes, at);
		memcpy(damaged + at + 1, bytes + at, size - at);
		damaged[at] = (uint8_t)random_value(&random);
		assert_true(differing(bytes, size, damaged, size + 1) <= 2);
	}
}

/* Bytes before the first operation mean nothing; neither does an empty input. */
static void test_any_bytes(void **state)
{
	static const uint8_t bytes[] = {0x00, 0x7f, 0xaa, 0x01, 0x02};
	struct op_reader r = op_reader_start(bytes, sizeof(bytes));
	struct op op;

	assert_true(op_next(&r, &op));
	assert_int_equal(op.kind, OP_ACKNOWLEDGE);
	assert_false(op_next(&r, &op));
	r = op_reader_start(bytes, 2);
	assert_false(op_next(&r, &op));
	assert_null(op_skip(&r));
	r = op_reader_start(bytes, 0);
	assert_false(op_next(&r, &op));
}

/* ---- as text ---- */

static struct region_table *regions(void)
{
	static struct region_table t;

	if (t.count)
		return &t;
	for (unsigned i = 0; i < 3; i++) {
		static const char *const names[] = {"pit", "lapic", "uart.1"};

		strcpy(t.region[i].name, names[i]);
		t.region[i].number = (uint8_t)(i * 5);
		t.region[i].size = 4096;
		t.by_number[i * 5] = (uint8_t)i;
	}
	t.count = 3;
	return &t;
}

static void test_text(void **state)
{
	static const struct {
		const char *text;
		struct op op;
	} cases[] = {
	    {"write pit+3 size 1 data 0x36",
	     {.kind = OP_WRITE, .size = 1, .offset = 3, .value = 0x36}},
	    {"read lapic+912 size 4", {.kind = OP_READ, .region = 5, .offset = 0x390, .size = 4}},
	    {"write-string uart.1+0 size 1 count 4 bytes 61626364",
	     {.kind = OP_WRITE_STRING,
	      .region = 10,
	      .size = 1,
	      .count = 4,
	      .length = 4,
	      .bytes = "abcd"}},
	    {"clock 18446744073709551615", {.kind = OP_CLOCK, .value = UINT64_MAX}},
	    {"snapshot", {.kind = OP_SNAPSHOT}},
	    {"host char1 bytes 0d",
	     {.kind = OP_HOST, .queue = QUEUE_CHAR + 1, .length = 1, .bytes = {13}}},
	    {"host clock bytes 00", {.kind = OP_HOST, .queue = QUEUE_CLOCK, .length = 1}},
	    {"fill 0x1000 count 16 bytes 00ff",
	     {.kind = OP_FILL, .offset = 4096, .count = 16, .length = 2, .bytes = {0, 255}}},
	    {"dma be64+8 bytes 07",
	     {.kind = OP_DMA, .queue = POINTER_BE64, .offset = 8, .length = 1, .bytes = {7}}},
	};
	static const struct op numbered = {.kind = OP_READ, .region = 99, .size = 8};
	char text[OP_TEXT];
	struct error e;

	assert_string_equal(op_text(&numbered, NULL, text, sizeof(text)), "read #99+0 size 8");
	for (unsigned n = 0; n < sizeof(cases) / sizeof(*cases); n++) {
		struct op op;

		assert_string_equal(op_text(&cases[n].op, regions(), text, sizeof(text)),
				    cases[n].text);
		assert_int_equal(op_parse(cases[n].text, regions(), &op, &e), 1);
		assert_true(same(&op, &cases[n].op));
	}
}

static void test_text_roundtrip(void **state)
{
	struct random random = random_start(3);
	char text[OP_TEXT];
	struct error e;

	for (unsigned n = 0; n < CASES; n++) {
		struct op op, again;

		generate_op(&random, &op);
		/* What fits the encoding fits the text. */
		uint8_t bytes[OP_ENCODED];
		op = read_one(bytes, op_encode(&op, bytes));
		op_text(&op, NULL, text, sizeof(text));
		if (op_parse(text, NULL, &again, &e) != 1)
			fail_msg("%s: %s", text, e.text);
		assert_true(same(&op, &again));
	}
}

static void test_bad_text(void **state)
{
	static const char *const lines[] = {
	    "wirte pit+3 size 1",
	    "write",
	    "write pit size 1",
	    "write pot+3 size 1",
	    "write pit+x size 1",
	    "write #128+0 size 1",
	    "write pit+3",
	    "write pit+3 size 9",
	    "write pit+3 size 1 data",
	    "write pit+3 size 1 data 7g",
	    "write pit+3 size 1 date 7",
	    "write pit+268435456 size 1",
	    "write-string pit+0 size 1 bytes 0",
	    "write-string pit+0 size 1 bytes 0X",
	    "read-string pit+0 size 1 count 99999",
	    "clock",
	    "clock -1",
	    "host",
	    "host char5 bytes 00",
	    "host 16 bytes 00",
	    "fill bytes 00",
	    "dma le16+0 bytes 00",
	    "dma le64 bytes 00",
	    "dma le64+128 bytes 00",
	    "reset now",
	};
	static const char *const nothing[] = {"", "  \n", "# a comment", "\t# read pit+0 size 1"};
	struct error e;
	struct op op;

	for (unsigned n = 0; n < sizeof(lines) / sizeof(*lines); n++) {
		memset(&e, 0, sizeof(e));
		if (op_parse(lines[n], regions(), &op, &e) != -1)
			fail_msg("accepted: %s", lines[n]);
		assert_int_equal(e.kind, ERROR_USAGE);
		assert_non_null(strstr(e.text, lines[n]));
	}
	for (unsigned n = 0; n < sizeof(nothing) / sizeof(*nothing); n++)
		assert_int_equal(op_parse(nothing[n], regions(), &op, &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_roundtrip),    cmocka_unit_test(test_encoding),
	    cmocka_unit_test(test_synchronises), cmocka_unit_test(test_any_bytes),
	    cmocka_unit_test(test_text),         cmocka_unit_test(test_text_roundtrip),
	    cmocka_unit_test(test_bad_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
