/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An input as a trace: a recorder is put between the harness's machine and its door, and sees what
 * it would see of a guest that does the same. See convert.h; the way back is in unconvert.c.
 */
#include "fuzz/convert.h"

#include <string.h>

#include "replay/record.h"

/* As in inject.c: later ones are not taken. */
#define MARKS_MAX 16u

unsigned convert_flatten(struct op *ops, unsigned count)
{
	unsigned kept = 0, mark = 0, marks = 0;

	for (unsigned i = 0; i < count; i++) {
		if (ops[i].kind == OP_SNAPSHOT) {
			if (marks++ < MARKS_MAX)
				mark = kept;
		} else if (ops[i].kind == OP_RESTORE) {
			kept = mark;
		} else {
			ops[kept++] = ops[i];
		}
	}
	return kept;
}

/* What crosses the machine's edges goes to the recorder and to the harness. */
struct tee {
	struct tap tap;
	struct tap *harness, *recording;
	struct recorder *recorder;
	struct machine *m;
	const struct convert_options *options;
	struct harness_watch watch;
	uint64_t exits;
};

static void event_done(struct tee *t)
{
	if (t->options && t->options->flush)
		recorder_flush(t->recorder);
}

/* Instead of carrying an exit out. */
static void exit_nothing(void *opaque, struct exit *e)
{
}

static void arm_last_exit(struct tee *t)
{
	if (t->options && t->exits == t->options->last_exit)
		t->m->exit_override = exit_nothing;
}

static void tee_exit(struct tap *tap, const struct exit *e)
{
	struct tee *t = (struct tee *)(void *)tap;
	bool last = t->m->exit_override != NULL;

	t->harness->exit(t->harness, e);
	t->recording->exit(t->recording, e);
	t->exits++;
	if (t->options && t->options->progress)
		t->options->progress->exits = t->exits;
	event_done(t);
	arm_last_exit(t);
	if (last)
		machine_stop(t->m, STOP_FAILED, 0);
}

static void tee_irq(struct tap *tap, enum irq_kind kind, uint32_t value)
{
	struct tee *t = (struct tee *)(void *)tap;

	t->harness->irq(t->harness, kind, value);
	t->recording->irq(t->recording, kind, value);
	event_done(t);
}

static void tee_dma(struct tap *tap, bool is_write, uint64_t gpa, const void *data, size_t size)
{
	struct tee *t = (struct tee *)(void *)tap;

	t->harness->dma(t->harness, is_write, gpa, data, size);
	t->recording->dma(t->recording, is_write, gpa, data, size);
	event_done(t);
}

static void tee_rom_write(struct tap *tap, uint64_t gpa, const void *data, size_t size)
{
	struct tee *t = (struct tee *)(void *)tap;

	t->harness->rom_write(t->harness, gpa, data, size);
	t->recording->rom_write(t->recording, gpa, data, size);
	event_done(t);
}

static void tee_mark(struct tap *tap)
{
	struct tee *t = (struct tee *)(void *)tap;

	t->recording->mark(t->recording);
}

static const struct tap tee_tap = {
    .exit = tee_exit,
    .irq = tee_irq,
    .dma = tee_dma,
    .rom_write = tee_rom_write,
    .mark = tee_mark,
};

static void op_begins(struct harness_watch *w, const struct op *op)
{
	struct tee *t = (struct tee *)(void *)((char *)w - offsetof(struct tee, watch));

	if (t->options && t->options->progress)
		t->options->progress->ops++;
	/* What the door was told since the last event is of no use to a reader. */
}

static int record_input(struct tee *t, struct harness *h, const uint8_t *data, size_t size,
			const char *path, enum stop_reason *stop, struct error *e)
{
	struct machine *m = t->m;

	/* The recorder writes the machine's state at its start: this one. */
	harness_reset(h);
	t->recorder = recorder_new(harness_door(h));
	if (!t->recorder)
		return error_set(e, ERROR_HOST, "out of memory");
	recorder_mark_import(t->recorder);
	if (recorder_start(t->recorder, m, path, e))
		return -1;
	t->recording = recorder_tap(t->recorder);
	t->harness = m->tap;
	t->tap = tee_tap;
	m->tap = &t->tap;
	m->host = recorder_host(t->recorder);
	event_done(t);
	arm_last_exit(t);
	*stop = harness_run(h, data, size);
	m->tap = t->harness;
	m->host = harness_door(h);
	if (m->exit_override) {
		/* The session died, and has no end. */
		m->exit_override = NULL;
		return 0;
	}
	return recorder_finish(t->recorder, *stop == STOP_NONE ? STOP_QUIT : *stop, m->stop_status,
			       e);
}

int convert_to_trace(const char *target, const uint8_t *data, size_t size, const char *path,
		     const struct convert_options *o, enum stop_reason *stop, struct error *e)
{
	const struct harness_options plain = {.plain = true};
	struct harness *h = harness_open(target, &plain, e);
	struct tee t = {.options = o, .watch = {.op = op_begins}};
	int result;

	if (!h)
		return -1;
	t.m = harness_machine(h);
	harness_set_watch(h, &t.watch);
	result = record_input(&t, h, data, size, path, stop, e);
	recorder_free(t.recorder);
	harness_close(h);
	return result;
}
