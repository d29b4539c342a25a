/* SPDX-License-Identifier: Apache-2.0 */
/*
 * other_input TRACE COPY OLD NEW: a copy of a trace in which another character came on COM1, and
 * was read by the guest: what it does then was never recorded.
 */
#include <stdio.h>
#include <string.h>

#include "replay/trace/trace.h"

#define COM1 0x3f8

static int fail(const char *text)
{
	fprintf(stderr, "other_input: %s\n", text);
	return 1;
}

static void write_other(struct trace_writer *w, struct event *e, char from, char to)
{
	uint8_t bytes[64];

	if (e->kind == EVENT_HOST_CHAR && e->length <= sizeof(bytes)) {
		memcpy(bytes, e->bytes, e->length);
		for (size_t i = 0; i < e->length; i++)
			bytes[i] = bytes[i] == (uint8_t)from ? (uint8_t)to : bytes[i];
		e->bytes = bytes;
	} else if (e->kind == EVENT_PIO_READ && e->address == COM1 && e->data == (uint8_t)from) {
		e->data = (uint8_t)to;
	}
	trace_write(w, e);
}

static int copy(struct trace_reader *r, const char *path, char from, char to, struct error *e)
{
	const struct trace_info *info = trace_reader_info(r);
	struct image image[MACHINE_IMAGES];
	unsigned images = trace_reader_images(r);
	struct trace_writer *w;
	struct event event;

	if (images > MACHINE_IMAGES)
		return -1;
	for (unsigned i = 0; i < images; i++)
		image[i] = *trace_reader_image(r, i);
	w = trace_writer_open(path, info, image, images, e);
	if (!w)
		return -1;
	while (trace_read(r, &event, e) > 0)
		write_other(w, &event, from, to);
	return trace_writer_close(w, e);
}

int main(int argc, char **argv)
{
	struct error e = {.text = "too many images"};
	struct trace_reader *r;
	int rc;

	if (argc != 5 || strlen(argv[3]) != 1 || strlen(argv[4]) != 1)
		return fail("TRACE COPY OLD NEW");
	r = trace_reader_open(argv[1], &e);
	if (!r)
		return fail(e.text);
	rc = copy(r, argv[2], *argv[3], *argv[4], &e);
	trace_reader_close(r);
	return rc ? fail(e.text) : 0;
}
