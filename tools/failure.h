/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a program failed, as far as what it said tells: to know two crashes for the same. Sanitizers'
 * reports have a stack; so do those of forked.c, as addresses; an objection of the judge (judge.h)
 * and an assertion are lines of text.
 */
#ifndef VCR_FAILURE_H
#define VCR_FAILURE_H

#include <stdbool.h>
#include <stdint.h>

#define FAILURE_FRAMES 4
#define FAILURE_TEXT   160

struct failure {
	char kind[FAILURE_TEXT]; /* "heap-buffer-overflow", "work: ..."; numbers are N */
	/* Functions of the stack, innermost first, without those that only report. */
	char frame[FAILURE_FRAMES][FAILURE_TEXT];
	unsigned frames;
};

/* What standard error and `end`, how the process ended (may be ""), say. */
void failure_parse(struct failure *f, const char *text, const char *end);
bool failure_same(const struct failure *a, const struct failure *b);
/* Of everything that failure_same() compares: a name for a file. */
uint64_t failure_hash(const struct failure *f);

#endif
