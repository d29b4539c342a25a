/* SPDX-License-Identifier: Apache-2.0 */
/* A fuzzing engine on one target, for vcr fuzz: building, running, collecting what it found. */
#ifndef VCR_ENGINE_H
#define VCR_ENGINE_H

#include <limits.h>
#include <stdbool.h>

#include "emulator/error.h"
#include "tools/fuzz_input.h"

struct engine {
	const char *target;
	char source[PATH_MAX]; /* the checkout */
	bool afl;              /* else libFuzzer */
	unsigned seconds, jobs;
	/* engine_build(): the build folder, the target in it, what the engine keeps and finds */
	char build[PATH_MAX], program[PATH_MAX], corpus[PATH_MAX], found[PATH_MAX];
	char passed[PATH_MAX]; /* engine_sort() */
};

/* Configures and builds what it needs. */
int engine_build(struct engine *g, struct error *e);
/*
 * Runs what corpora/crashes has for the target: those that do not fail any more are seeds, those
 * that still do would end an engine before it begins, and are named.
 */
int engine_sort(struct engine *g, struct error *e);
/* Runs for its time, or until Ctrl-C; shows how it goes. */
int engine_run(struct engine *g, struct error *e);
/* Puts findings in corpora/crashes; returns how many there are that were not there before, or -1.
 */
int engine_collect(struct engine *g, struct error *e);

#endif
