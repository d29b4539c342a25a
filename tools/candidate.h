/* SPDX-License-Identifier: Apache-2.0 */
/* Trying inputs in processes of their own, to see whether and how they fail. */
#ifndef VCR_CANDIDATE_H
#define VCR_CANDIDATE_H

#include <limits.h>
#include <stddef.h>

#include "tools/failure.h"
#include "tools/fuzz_input.h"

struct candidate_runner {
	/* A program that is given a file: a fuzz target. NULL: this vcr's repro, with `target`. */
	const char *program, *target;
	double seconds; /* for one run */
	char self[PATH_MAX], file[PATH_MAX];
};

int candidate_open(struct candidate_runner *r, struct error *e);
void candidate_close(struct candidate_runner *r);
/* 1: fails, and how; 0: does not; -1 with e filled in: could not be run. */
int candidate_run(struct candidate_runner *r, const void *data, size_t size, struct failure *f,
		  struct error *e);

#endif
