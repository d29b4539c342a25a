/* SPDX-License-Identifier: Apache-2.0 */
/* Running another program to its end and reading what it says. */
#ifndef VCR_CHILD_H
#define VCR_CHILD_H

#include <stddef.h>

#include "emulator/error.h"

/* Of more than this the rest is not kept. */
#define CHILD_TEXT (64u << 10)

enum child_end {
	CHILD_EXITED,  /* status is its exit status */
	CHILD_CRASHED, /* status is the signal, or Windows' exception code */
	CHILD_TIMEOUT, /* it was killed at its time limit */
};

struct child_result {
	enum child_end end;
	unsigned status;
	char *out, *err; /* standard output and error; strings */
};

/*
 * Runs argv[0], a path, with these arguments (up to a NULL) and no input, for at most `seconds`. 0,
 * or -1 with e filled in when it could not be run.
 */
int child_run(const char *const argv[], double seconds, struct child_result *r, struct error *e);
void child_result_free(struct child_result *r);
/* What the status of CHILD_CRASHED means: "Segmentation fault". */
const char *child_crash_text(unsigned status);

#endif
