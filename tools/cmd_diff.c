/* SPDX-License-Identifier: Apache-2.0 */
/* vcr diff: where two traces first differ. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay/event.h"
#include "replay/replay.h"
#include "tools/command.h"
#include "tools/event_line.h"

static const char help[] =
    "usage: vcr diff A B\n\n"
    "Compares two traces: the machines that they describe, their input images, and their events.\n"
    "Shows the first event that differs in both, and the last ten before it that are the same.\n"
    "Exits 0 when they are the same, 1 when they differ, 3 when one cannot be read.\n";

#define COMMON 10
#define KEPT   64 /* of an event's bytes; more are not shown */

struct kept_event {
	struct event event;
	uint8_t bytes[KEPT];
};

struct side {
	const char *path;
	struct trace_reader *reader;
	struct event event;
	int got; /* as trace_read() returned it */
};

struct comparison {
	struct side a, b;
	struct replay *names;
	struct kept_event common[COMMON];
	uint64_t events; /* the same so far */
	bool differ;
};

/* ---- what the traces say about themselves ---- */

static bool has_line(const char *text, const char *line, size_t length)
{
	while (*text) {
		size_t n = strcspn(text, "\n");

		if (n == length && !memcmp(text, line, n))
			return true;
		text += n + (text[n] == '\n');
	}
	return false;
}

/* The lines of one text that the other has not. */
static void print_missing(char sign, const char *text, const char *other)
{
	while (*text) {
		size_t n = strcspn(text, "\n");

		if (!has_line(other, text, n)) {
			printf("  %c ", sign);
			text_print_part(stdout, text, n);
			putchar('\n');
		}
		text += n + (text[n] == '\n');
	}
}

static void compare_text(struct comparison *c, const char *what, const char *a, const char *b)
{
	if (!strcmp(a, b))
		return;
	c->differ = true;
	printf("%s differs:\n", what);
	print_missing('-', a, b);
	print_missing('+', b, a);
}

static void compare_images(struct comparison *c)
{
	unsigned a = trace_reader_images(c->a.reader), b = trace_reader_images(c->b.reader);

	if (a != b) {
		c->differ = true;
		printf("images differ: %u in %s, %u in %s\n", a, c->a.path, b, c->b.path);
		return;
	}
	for (unsigned i = 0; i < a; i++) {
		const struct image *x = trace_reader_image(c->a.reader, i);
		const struct image *y = trace_reader_image(c->b.reader, i);

		if (x->role == y->role && x->size == y->size &&
		    (!x->size || !memcmp(x->data, y->data, x->size)))
			continue;
		c->differ = true;
		printf("image %u differs: ", i);
		text_print(stdout, x->name);
		printf(" (%s bytes) and ", number_text(x->size));
		text_print(stdout, y->name);
		printf(" (%s bytes)\n", number_text(y->size));
	}
}

static void compare_heads(struct comparison *c)
{
	const struct trace_info *a = trace_reader_info(c->a.reader);
	const struct trace_info *b = trace_reader_info(c->b.reader);

	compare_text(c, "the machine", a->machine, b->machine);
	compare_text(c, "the accelerator", a->accel, b->accel);
	compare_text(c, "the unit of positions", a->unit, b->unit);
	compare_images(c);
}

/* ---- events ---- */

static void keep(struct comparison *c, const struct event *e)
{
	struct kept_event *k = &c->common[c->events++ % COMMON];

	k->event = *e;
	k->event.bytes = k->bytes;
	if (e->length)
		memcpy(k->bytes, e->bytes, e->length < KEPT ? e->length : KEPT);
}

static void print_event(const struct comparison *c, char sign, const struct event *e)
{
	printf("%c ", sign);
	event_print(stdout, e, c->names ? replay_machine(c->names) : NULL);
	putchar('\n');
}

static void print_divergence(const struct comparison *c)
{
	uint64_t first = c->events > COMMON ? c->events - COMMON : 0;

	printf("the first %s events are the same, ", number_text(c->events));
	if (c->a.got && c->b.got)
		printf("then the traces differ\n");
	else
		printf("then %s ends\n", c->a.got ? c->b.path : c->a.path);
	for (uint64_t i = first; i < c->events; i++)
		print_event(c, ' ', &c->common[i % COMMON].event);
	if (c->a.got)
		print_event(c, '-', &c->a.event);
	if (c->b.got)
		print_event(c, '+', &c->b.event);
}

static int compare_events(struct comparison *c, struct error *e)
{
	for (;;) {
		c->a.got = trace_read(c->a.reader, &c->a.event, e);
		if (c->a.got >= 0)
			c->b.got = trace_read(c->b.reader, &c->b.event, e);
		if (c->a.got < 0 || c->b.got < 0)
			return -1;
		if (!c->a.got && !c->b.got)
			return 0;
		if (!c->a.got || !c->b.got || !event_equal(&c->a.event, &c->b.event)) {
			c->differ = true;
			print_divergence(c);
			return 0;
		}
		keep(c, &c->a.event);
		progress_show("%s events", number_text(c->events));
	}
}

static int compare(struct comparison *c, struct error *e)
{
	const struct replay_options names_only = {.mode = REPLAY_DEVICES};
	struct error no_names;
	bool a_whole, b_whole;

	c->a.reader = trace_reader_open(c->a.path, e);
	if (!c->a.reader)
		return -1;
	c->b.reader = trace_reader_open(c->b.path, e);
	if (!c->b.reader)
		return -1;
	c->names = replay_open(c->a.path, &names_only, &no_names);
	compare_heads(c);
	if (compare_events(c, e))
		return -1;
	progress_clear();
	a_whole = trace_reader_complete(c->a.reader);
	b_whole = trace_reader_complete(c->b.reader);
	if (!c->differ && (!a_whole || !b_whole))
		return error_set(
		    e, ERROR_TRACE,
		    "%s: the recording was cut off, its end is missing; the same up to "
		    "there (record again if you need the end)",
		    a_whole ? c->b.path : c->a.path);
	if (!c->differ)
		printf("the same: %s events\n", number_text(c->events));
	return 0;
}

static int run(int argc, char **argv)
{
	static const struct option none[] = {{NULL, 0, NULL, 0}};
	struct comparison *c;
	struct error e = {0};
	int status;

	opterr = 0;
	optind = 0; /* from the start, whatever was parsed before */
	if (getopt_long_only(argc, argv, "", none, NULL) != -1)
		return command_usage("diff", "unknown option %s", argv[optind - 1]);
	if (argc - optind != 2)
		return command_usage("diff", "two traces are compared, not %d", argc - optind);
	c = calloc(1, sizeof(*c));
	if (!c) {
		error_set(&e, ERROR_HOST, "out of memory");
		return command_fail(&e);
	}
	c->a.path = argv[optind];
	c->b.path = argv[optind + 1];
	status = compare(c, &e) ? command_fail(&e) : c->differ ? ERROR_DIVERGED : 0;
	trace_reader_close(c->a.reader);
	trace_reader_close(c->b.reader);
	if (c->names)
		replay_close(c->names);
	free(c);
	return status;
}

const struct command cmd_diff = {
    .name = "diff",
    .summary = "show where two traces first differ",
    .help = help,
    .run = run,
};
