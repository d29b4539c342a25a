/* SPDX-License-Identifier: Apache-2.0 */
/*
 * insert_event TRACE COPY NUMBER KIND: a copy of a trace with an event more, of zeros, before event
 * NUMBER and at its position: what a replay must find, whatever it waits for then.
 */
#include <stdio.h>
#include <stdlib.h>

#include "replay/trace/trace.h"

static int fail(const char *text)
{
	fprintf(stderr, "insert_event: %s\n", text);
	return 1;
}

static void insert(struct trace_writer *w, unsigned kind, const struct event *before)
{
	static const uint8_t bytes[24];
	struct event e = {.kind = kind, .position = before->position};

	if (event_kind_fields(kind) & EVENT_FIELD_B) {
		e.bytes = bytes;
		e.length = sizeof(bytes);
	}
	trace_write(w, &e);
}

static int copy(struct trace_reader *r, const char *path, uint64_t number, unsigned kind,
		struct error *e)
{
	struct trace_info info = *trace_reader_info(r);
	struct image image[MACHINE_IMAGES];
	unsigned images = trace_reader_images(r);
	struct trace_writer *w;
	struct event event;

	if (images > MACHINE_IMAGES)
		return -1;
	for (unsigned i = 0; i < images; i++)
		image[i] = *trace_reader_image(r, i);
	info.version = TRACE_VERSION;
	w = trace_writer_open(path, &info, image, images, e);
	if (!w)
		return -1;
	while (trace_read(r, &event, e) > 0) {
		if (event.number == number)
			insert(w, kind, &event);
		trace_write(w, &event);
	}
	return trace_writer_close(w, e);
}

int main(int argc, char **argv)
{
	struct error e = {.text = "too many images"};
	struct trace_reader *r;
	unsigned kind;
	int rc;

	if (argc != 5)
		return fail("TRACE COPY NUMBER KIND");
	kind = event_kind_find(argv[4]);
	if (!kind)
		return fail("there is no such kind of event");
	r = trace_reader_open(argv[1], &e);
	if (!r)
		return fail(e.text);
	rc = copy(r, argv[2], strtoull(argv[3], NULL, 10), kind, &e);
	trace_reader_close(r);
	return rc ? fail(e.text) : 0;
}
