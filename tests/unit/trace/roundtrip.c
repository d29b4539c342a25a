/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is written is read again: every kind of event, extreme values, big bytes, images, chunk
 * borders, seeks; the same events give the same bytes; and events that repeat cost little, as
 * FORMAT.md promises.
 */
#include "tests/unit/trace/sample.h"

#include "replay/trace/columns.h"

static void check_events(struct trace_reader *r, const struct event *event, size_t count)
{
	struct event got;
	struct error e;

	for (size_t i = 0; i < count; i++) {
		int rc = trace_read(r, &got, &e);

		if (rc < 0)
			fail_msg("event %zu: %s", i, e.text);
		assert_int_equal(rc, 1);
		assert_event_equal(&got, &event[i]);
	}
	assert_int_equal(trace_read(r, &got, &e), 0);
	assert_int_equal(trace_read(r, &got, &e), 0);
}

static void check_roundtrip(const struct event *event, size_t count, size_t flush_every)
{
	struct trace_reader *r;
	struct error e;
	size_t size;
	uint8_t *data = make_trace(NULL, 0, event, count, flush_every, &size);

	r = trace_reader_open_memory(data, size, &e);
	assert_non_null(r);
	assert_true(trace_reader_complete(r));
	check_events(r, event, count);
	trace_rewind(r);
	check_events(r, event, count);
	trace_reader_close(r);
	free(data);
}

static void test_random(void **state)
{
	static struct event event[3000];

	for (unsigned seed = 0; seed < 40; seed++) {
		size_t count = seed < 8 ? seed : seed * 70;

		random_events(event, count, seed);
		check_roundtrip(event, count, seed % 3 ? seed * 5 : 0);
	}
}

/* Chunks end by themselves: after 65,536 events, and before their bytes pass 1 MiB. */
static void test_chunk_borders(void **state)
{
	const size_t count = 2 * CHUNK_EVENTS_MAX + 1;
	struct event *event = calloc(count, sizeof(*event));
	struct trace_usage usage;
	struct trace_reader *r;
	struct error e;
	size_t size;
	uint8_t *data;

	assert_non_null(event);
	for (size_t i = 0; i < count; i++)
		event[i] = (struct event){.kind = EVENT_PIO_READ,
					  .number = i,
					  .position = {10 * i, 7 + i},
					  .rip = 0xfff0,
					  .address = i % 3000,
					  .size = 4,
					  .data = i * i};
	data = make_trace(NULL, 0, event, count, 0, &size);
	r = trace_reader_open_memory(data, size, &e);
	assert_non_null(r);
	check_events(r, event, count);
	trace_reader_usage(r, &usage);
	assert_int_equal(usage.chunks, 3);
	trace_reader_close(r);
	free(data);

	random_events(event, 1, 3);
	for (size_t i = 0; i < 5; i++)
		event[i] = (struct event){.kind = EVENT_DMA_WRITE,
					  .number = i,
					  .address = i << 20,
					  .bytes = sample_bytes,
					  .length = i == 3 ? 1 : EVENT_BYTES_MAX};
	data = make_trace(NULL, 0, event, 5, 0, &size);
	r = trace_reader_open_memory(data, size, &e);
	assert_non_null(r);
	check_events(r, event, 5);
	trace_reader_usage(r, &usage);
	assert_int_equal(usage.chunks, 5);
	trace_reader_close(r);
	free(data);
	free(event);
}

static void test_images(void **state)
{
	static uint8_t small[] = "kernel";
	size_t big_size = (5u << 20) / 2;
	uint8_t *big = malloc(big_size);
	struct image image[] = {{IMAGE_KERNEL, (char *)(uintptr_t) "vmlinuz", small, sizeof(small)},
				{IMAGE_INITRD, (char *)(uintptr_t) "", NULL, 0},
				{IMAGE_INITRD, (char *)(uintptr_t) "a module", NULL, big_size}};
	struct event event[10];
	struct trace_reader *r;
	struct error e;
	size_t size;
	uint8_t *data;

	assert_non_null(big);
	random_events(event, 10, 5);
	for (size_t i = 0; i < big_size; i++)
		big[i] = (uint8_t)(i >> 4 ^ i >> 13);
	image[2].data = big;
	data = make_trace(image, 3, event, 10, 0, &size);
	r = trace_reader_open_memory(data, size, &e);
	assert_non_null(r);
	assert_int_equal(trace_reader_info(r)->version, TRACE_VERSION_INSNS);
	assert_string_equal(trace_reader_info(r)->machine, sample_info().machine);
	assert_string_equal(trace_reader_info(r)->unit, "instructions");
	assert_int_equal(trace_reader_images(r), 3);
	for (unsigned i = 0; i < 3; i++) {
		const struct image *got = trace_reader_image(r, i);

		assert_int_equal(got->role, image[i].role);
		assert_string_equal(got->name, image[i].name);
		assert_int_equal(got->size, image[i].size);
		if (got->size)
			assert_memory_equal(got->data, image[i].data, got->size);
	}
	assert_null(trace_reader_image(r, 3));
	check_events(r, event, 10);
	trace_reader_close(r);
	free(data);
	free(big);
}

/* Fields that a kind does not have are not stored, whatever the caller left in them. */
static void test_unused_fields(void **state)
{
	struct event in[] = {{.kind = EVENT_IRQ,
			      .size = 4,
			      .number = 99,
			      .position = {5, 3},
			      .rip = 1,
			      .address = 2,
			      .data = 0xec,
			      .bytes = sample_bytes,
			      .length = 3},
			     {.kind = EVENT_HLT, .position = {6, 77}, .rip = 9, .data = 8}};
	struct event out[] = {{.kind = EVENT_IRQ, .number = 0, .position = {5, 3}, .data = 0xec},
			      {.kind = EVENT_HLT, .number = 1, .position = {6, 3}, .rip = 9}};
	struct trace_reader *r;
	struct error e;
	size_t size;
	uint8_t *data = make_trace(NULL, 0, in, 2, 0, &size);

	r = trace_reader_open_memory(data, size, &e);
	assert_non_null(r);
	check_events(r, out, 2);
	trace_reader_close(r);
	free(data);
}

/* Both with the index and, when the file lost its end, by walking. */
static void test_seek(void **state)
{
	static struct event event[2000];
	struct trace_reader *r;
	struct event got;
	struct error e;
	size_t size;
	uint8_t *data;

	random_events(event, 2000, 11);
	data = make_trace(NULL, 0, event, 2000, 90, &size);
	for (unsigned cut = 0; cut < 2; cut++) {
		r = trace_reader_open_memory(data, size - cut, &e);
		assert_non_null(r);
		assert_int_equal(trace_reader_complete(r), !cut);
		for (unsigned i = 0; i < 300; i++) {
			uint64_t target = event[random_below(2000)].position.insns;
			size_t first = 0;

			target += random_below(3) - 1;
			while (first < 2000 && event[first].position.insns < target)
				first++;
			assert_int_equal(trace_seek(r, target, &e), 0);
			for (size_t k = first; k < first + 3; k++) {
				assert_int_equal(trace_read(r, &got, &e), k < 2000);
				if (k < 2000)
					assert_event_equal(&got, &event[k]);
			}
		}
		trace_rewind(r);
		check_events(r, event, 2000);
		trace_reader_close(r);
	}
	free(data);
}

static void test_same_bytes(void **state)
{
	static struct event event[5000];
	size_t size[2];
	uint8_t *data[2];

	random_events(event, 5000, 17);
	for (unsigned i = 0; i < 2; i++)
		data[i] = make_trace(NULL, 0, event, 5000, 1234, &size[i]);
	assert_int_equal(size[0], size[1]);
	assert_memory_equal(data[0], data[1], size[0]);
	free(data[0]);
	free(data[1]);
}

/*
 * A console as Linux drives one: status, character, status, character; a timer interrupt now and
 * then. At most half a byte an event, everything counted but the head of the file.
 */
static void test_size(void **state)
{
	static const char *const words[] = {"pci",   "memory", "ACPI:",  "enabled", "IRQ",
					    "ttyS0", "node",   "driver", "bus",     "0x1f"};
	const size_t count = 100000;
	struct event *event = calloc(count, sizeof(*event));
	uint64_t insns = 1000000, tick = 0;
	const char *text = "";
	struct trace_usage usage;
	struct trace_reader *r;
	struct error e;
	uint8_t *data;
	size_t size;

	assert_non_null(event);
	random_state = 1;
	for (size_t i = 0; i + 4 < count; i += 2) {
		if (!*text)
			text = words[random_below(10)];
		insns += *text == ':' ? 60 : 33;
		event[i] = (struct event){
		    EVENT_PIO_READ, 1, i, {insns, 0}, 0xffffffff81423456, 0x3fd, 0x60, NULL, 0};
		event[i + 1] = (struct event){
		    EVENT_PIO_WRITE,  1,    i + 1, {insns + 25, 0}, 0xffffffff81423490, 0x3f8,
		    (uint8_t)*text++, NULL, 0};
		insns += 25;
		if (insns - tick > 400000) {
			i += 2;
			tick = insns;
			event[i] =
			    (struct event){.kind = EVENT_IRQ, .position = {insns, 0}, .data = 0xec};
			insns += 300 + random_below(900);
			event[i + 1] = (struct event){.kind = EVENT_MSR_WRITE,
						      .size = 8,
						      .position = {insns, 0},
						      .rip = 0xffffffff81061234,
						      .address = 0x6e0,
						      .data = insns + 4000000};
		}
	}
	for (size_t i = count - 4; i < count; i++)
		event[i] = (struct event){.kind = EVENT_HLT, .position = {insns, 0}};
	for (size_t i = 0; i < count; i++) {
		event[i].number = i;
		if (i)
			event[i].position.exits =
			    event[i - 1].position.exits +
			    (event_kind_crossing(event[i - 1].kind) == CROSSING_EXIT);
	}
	data = make_trace(NULL, 0, event, count, 0, &size);
	r = trace_reader_open_memory(data, size, &e);
	assert_non_null(r);
	check_events(r, event, count);
	trace_reader_usage(r, &usage);
	print_message("%.3f bytes an event\n", (double)(usage.file - usage.head) / (double)count);
	assert_true(2 * (usage.file - usage.head) <= count);
	trace_reader_close(r);
	free(data);
	free(event);
}

/* FORMAT.md, "Numbers". */
static void test_numbers(void **state)
{
	const uint64_t values[] = {0, 1, 127, 128, 300, UINT32_MAX, UINT64_MAX >> 1, UINT64_MAX};
	const uint8_t too_long[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2};
	struct cursor c = {too_long, too_long + sizeof(too_long)};
	uint8_t bytes[VARINT_MAX];
	uint64_t got;

	assert_false(varint_get(&c, &got));
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		unsigned size = varint_put(bytes, values[i]);

		c = (struct cursor){bytes, bytes + size};
		assert_true(varint_get(&c, &got));
		assert_int_equal(got, values[i]);
		assert_ptr_equal(c.at, c.end);
		c = (struct cursor){bytes, bytes + size - 1};
		assert_false(varint_get(&c, &got));
		assert_int_equal(unzigzag(zigzag(values[i])), values[i]);
	}
	assert_int_equal(varint_put(bytes, 300), 2);
	assert_int_equal(bytes[0], 0xac);
	assert_int_equal(bytes[1], 0x02);
	assert_int_equal(zigzag((uint64_t)-1), 1);
	assert_int_equal(zigzag(1), 2);
	assert_int_equal(zigzag((uint64_t)-2), 3);
	assert_int_equal(sign_extend(0xff, 1), UINT64_MAX);
	assert_int_equal(sign_extend(0x17f, 1), 0x7f);
	assert_int_equal(sign_extend(0x800000, 3), UINT64_MAX - 0x7fffff);
	assert_int_equal(sign_extend(UINT64_MAX, 8), UINT64_MAX);
	assert_int_equal(sign_extend(5, 0), 0);
}

/* The worked example of FORMAT.md: these bytes must be read so for ever. */
static const uint8_t example[] = {
    0x89, 0x56, 0x43, 0x52, 0x0d, 0x0a, 0x1a, 0x0a, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x6a, 0x5a, 0xc6, 0x34, 0xe4, 0x62, 0x41, 0x1d, 0x56, 0x43, 0x48, 0x4b, 0x01, 0x00, 0x00, 0x00,
    0x35, 0x00, 0x00, 0x00, 0x2c, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xb0, 0x66, 0xc0, 0x5f, 0x5a, 0x35, 0x56, 0x0e,
    0x5f, 0xe5, 0x36, 0xc1, 0x87, 0x34, 0x95, 0x67, 0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x2c, 0x61, 0x01,
    0x00, 0x09, 0x76, 0x63, 0x72, 0x20, 0x30, 0x2e, 0x31, 0x2e, 0x30, 0x03, 0x74, 0x63, 0x67, 0x0c,
    0x69, 0x6e, 0x73, 0x74, 0x72, 0x75, 0x63, 0x74, 0x69, 0x6f, 0x6e, 0x73, 0x09, 0x62, 0x6f, 0x61,
    0x72, 0x64, 0x3d, 0x70, 0x63, 0x0a, 0x01, 0x03, 0x02, 0x03, 0x72, 0x6f, 0x6d, 0x56, 0x43, 0x48,
    0x4b, 0x02, 0x00, 0x00, 0x00, 0x0b, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x3c, 0x40, 0x56,
    0x82, 0xe1, 0x9a, 0x8b, 0x44, 0xd7, 0xb7, 0xcb, 0xc2, 0xfe, 0x51, 0xfd, 0xde, 0x28, 0xb5, 0x2f,
    0xfd, 0x20, 0x02, 0x11, 0x00, 0x00, 0xeb, 0xfe, 0x56, 0x43, 0x48, 0x4b, 0x03, 0x00, 0x00, 0x00,
    0x54, 0x00, 0x00, 0x00, 0x4b, 0x00, 0x00, 0x00, 0x0a, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x64, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x51, 0x3e, 0x40, 0x8b, 0x00, 0x1a, 0x80, 0xb7,
    0xc7, 0x0f, 0xf7, 0xeb, 0x20, 0xc4, 0x26, 0xfe, 0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x4b, 0x59, 0x02,
    0x00, 0x04, 0x16, 0x04, 0x04, 0x02, 0x03, 0x00, 0x05, 0x01, 0x18, 0x01, 0xe0, 0xff, 0x07, 0x01,
    0xfa, 0x0f, 0x08, 0x01, 0x02, 0x06, 0x01, 0xf0, 0x0f, 0x09, 0x04, 0x40, 0x00, 0x41, 0x02, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x05, 0x08, 0x06, 0x07, 0x27, 0x00, 0x02, 0x03, 0x04, 0x06, 0x60, 0x48,
    0x69, 0x21, 0x0a, 0x18, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x61, 0x62, 0x63, 0x64,
    0x65, 0x66, 0x67, 0x68, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x56, 0x43, 0x48, 0x4b,
    0x04, 0x00, 0x00, 0x00, 0x0e, 0x00, 0x00, 0x00, 0x05, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x0a, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x82, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xdc, 0xec, 0x09, 0xb5,
    0xe0, 0xd5, 0xc6, 0x53, 0x99, 0xba, 0xd4, 0xe6, 0x60, 0x91, 0x09, 0xf4, 0x28, 0xb5, 0x2f, 0xfd,
    0x20, 0x05, 0x29, 0x00, 0x00, 0xd8, 0x01, 0x00, 0x64, 0x00, 0x56, 0x43, 0x52, 0x54, 0x41, 0x49,
    0x4c, 0x0a, 0x6c, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x0a, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x73, 0x0c, 0x39, 0x09, 0xea, 0x7c, 0x8a, 0xed,
};

static void test_example(void **state)
{
	static const uint8_t digest[] = "ABCDEFGHabcdefgh12345678";
	static const char text[] = "Hi!\n";
	struct event event[10];
	struct trace_reader *r;
	struct error e;

	for (size_t i = 0; i < 4; i++) {
		event[2 * i] = (struct event){.kind = EVENT_PIO_READ,
					      .size = 1,
					      .position.insns = 100 + 7 * i,
					      .rip = 0xfff0,
					      .address = 0x3fd,
					      .data = 0x60};
		event[2 * i + 1] = (struct event){.kind = EVENT_PIO_WRITE,
						  .size = 1,
						  .position.insns = 103 + 7 * i,
						  .rip = 0xfff3,
						  .address = 0x3f8,
						  .data = (uint8_t)text[i]};
	}
	event[8] = (struct event){
	    .kind = EVENT_DIGEST, .position.insns = 130, .bytes = digest, .length = 24};
	event[9] =
	    (struct event){.kind = EVENT_END, .position.insns = 130, .address = STOP_POWEROFF};
	for (size_t i = 0; i < 10; i++) {
		event[i].number = i;
		event[i].position.exits = i < 8 ? i : 8;
	}
	r = trace_reader_open_memory(example, sizeof(example), &e);
	assert_non_null(r);
	assert_true(trace_reader_complete(r));
	assert_string_equal(trace_reader_info(r)->producer, "vcr 0.1.0");
	assert_int_equal(trace_reader_images(r), 1);
	assert_memory_equal(trace_reader_image(r, 0)->data, "\xeb\xfe", 2);
	check_events(r, event, 10);
	trace_reader_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_numbers),       cmocka_unit_test(test_random),
	    cmocka_unit_test(test_chunk_borders), cmocka_unit_test(test_images),
	    cmocka_unit_test(test_unused_fields), cmocka_unit_test(test_seek),
	    cmocka_unit_test(test_same_bytes),    cmocka_unit_test(test_example),
	    cmocka_unit_test(test_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
