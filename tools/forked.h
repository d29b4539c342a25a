/* SPDX-License-Identifier: Apache-2.0 */
/* A piece of work in a process of its own, which it may end in any way. */
#ifndef VCR_FORKED_H
#define VCR_FORKED_H

#include <stdbool.h>
#include <stddef.h>

#include "emulator/error.h"

/* What the process exits with when the judge objects (fuzz/judge.h), so that it is told apart. */
#define FORKED_OBJECTION 70

struct forked_end {
	bool alive;     /* the work came to its end */
	int status;     /* then: what it returned */
	char text[160]; /* else: how the process ended */
};

/*
 * Runs work(opaque), which returns 0 or 2 to 4, in a child and waits. What it prints is printed; an
 * objection of the judge is, and ends it. 0, or -1 with e filled in when there can be no child.
 */
int forked_run(int (*work)(void *opaque), void *opaque, struct forked_end *end, struct error *e);

/* Memory that is shared with children, zeroed; NULL: there is none. */
void *forked_memory(size_t size);

#endif
