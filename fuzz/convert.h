/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inputs and traces: a trace of what an input does, and the input that does what a trace has.
 */
#ifndef VCR_FUZZ_CONVERT_H
#define VCR_FUZZ_CONVERT_H

#include "fuzz/harness.h"
#include "replay/trace/trace.h"

/* How far a conversion is. For memory shared with a process that may die of it. */
struct convert_progress {
	volatile uint32_t ops;   /* begun */
	volatile uint64_t exits; /* answered */
};

struct convert_options {
	/* Each event can be read at once: for inputs that end the process. */
	bool flush;
	/* This exit, from 0, is written down without being carried out, and is the last one. */
	uint64_t last_exit;
	struct convert_progress *progress; /* may be NULL */
};

/*
 * Operations that snapshots and restores undo are taken out, and those two: a trace only goes
 * forward. In place; returns how many are left.
 */
unsigned convert_flatten(struct op *ops, unsigned count);

/*
 * Carries an input out on a plain machine and records that in `path`; the input has no snapshots.
 * *stop: why the machine stopped before the input's end, or STOP_NONE. `o` may be NULL.
 */
int convert_to_trace(const char *target, const uint8_t *data, size_t size, const char *path,
		     const struct convert_options *o, enum stop_reason *stop, struct error *e);

/*
 * The one input that does to the target's registers what the trace has, at the same virtual times,
 * with the same answers from outside. It takes the operations one by one, at most OP_COUNT;
 * `left_out` counts exits that went elsewhere. Returns how many operations, or -1 with e filled in
 * where the trace is damaged.
 */
int convert_from_trace(const char *target, struct trace_reader *r,
		       void (*take)(void *opaque, const struct op *op), void *opaque,
		       uint64_t *left_out, struct error *e);

#endif
