/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replay: a machine is built again from what its trace says, and driven by it, in one of three
 * ways (README.md draws them). Everything that is not driven is checked; the first event that
 * differs ends the replay.
 */
#ifndef VCR_REPLAY_H
#define VCR_REPLAY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "emulator/error.h"
#include "emulator/machine.h"
#include "replay/trace/trace.h"

enum replay_mode {
	REPLAY_MACHINE, /* CPU and devices live; the outside answers from the trace */
	REPLAY_DEVICES, /* no CPU: recorded exits drive the device models */
	REPLAY_CPU,     /* no devices: recorded answers, interrupts and DMA drive the CPU */
};

enum replay_result {
	REPLAY_FAILED =
	    -1,            /* the trace cannot be read or the machine not be built; see the error */
	REPLAY_IDENTICAL,  /* to the end of the session */
	REPLAY_INCOMPLETE, /* identical as far as the trace goes, which has no end */
	REPLAY_PAUSED,     /* the position asked for was reached; can go on */
	REPLAY_DIVERGED,
};

struct replay;

struct replay_options {
	enum replay_mode mode;
	const char *accel; /* NULL: tcg, which plays back every trace */
	/* Called with each event that was checked; may be NULL. */
	void (*event)(void *opaque, const struct replay *r, const struct event *e);
	/* Guest output as it comes again; may be NULL. */
	void (*output)(void *opaque, unsigned channel, const uint8_t *bytes, size_t size);
	/* Now and then, with the position in the trace's unit; may be NULL. */
	void (*progress)(void *opaque, uint64_t count);
	void *opaque;
};

struct replay *replay_open(const char *path, const struct replay_options *o, struct error *e);
/* To the session's end, or to a position in the trace's unit (UINT64_MAX: the end). */
enum replay_result replay_run(struct replay *r, uint64_t until, struct error *e);
/* Why and where it diverged, some lines for a person. */
void replay_print_divergence(const struct replay *r, FILE *f);
/* The instruction at CS:rip as the machine is now; returns `text`. */
const char *replay_disassemble(struct machine *m, uint64_t rip, char *text, size_t size);
struct machine *replay_machine(const struct replay *r);
const struct trace_info *replay_info(const struct replay *r);
/* Events checked so far; the END event when it was reached, else NULL. */
uint64_t replay_events(const struct replay *r);
const struct event *replay_end(const struct replay *r);
void replay_close(struct replay *r);

/* ---- going back (seek.c); machine replay only ---- */

struct replay_mark;
/* Remembers the position, between two runs. */
struct replay_mark *replay_mark_take(struct replay *r, struct error *e);
int replay_mark_return(struct replay *r, const struct replay_mark *mark, struct error *e);
void replay_mark_free(struct replay_mark *mark);

#endif
