/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's side of the instruction oracle: hands batches of cases to the helper process.
 */
#ifndef VCR_TEST_ORACLE_HOST_H
#define VCR_TEST_ORACLE_HOST_H

#include <stdbool.h>
#include <sys/types.h>

#include "tests/oracle/oracle.h"

struct host {
	struct oracle_shared *shared;
	const char *helper; /* path */
	int memory_fd, go_fd, done_fd;
	pid_t pid; /* 0: not running */
};

/* Returns NULL, or why instructions cannot be executed here. */
const char *host_open(struct host *h, const char *helper);
void host_close(struct host *h);
/*
 * Runs shared->cases[0..count) and fills in shared->outcomes. A case that kills the helper has
 * ORACLE_DIED for its outcome, and a new helper does the rest. False when no helper can be had.
 */
bool host_run(struct host *h, unsigned count);

#endif
