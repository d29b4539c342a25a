/* SPDX-License-Identifier: Apache-2.0 */
/* One input, one process; see candidate.h. */
#include "tools/candidate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/child.h"
#include "tools/forked.h"

int candidate_open(struct candidate_runner *r, struct error *e)
{
	const char *folder = getenv("TMPDIR");
	ssize_t n = readlink("/proc/self/exe", r->self, sizeof(r->self) - 1);
	int fd;

	if (n < 0 && !r->program)
		return error_set(e, ERROR_HOST, "cannot find this program: /proc/self/exe: %s",
				 strerror(errno));
	r->self[n < 0 ? 0 : n] = 0;
	if (r->program && access(r->program, X_OK))
		return error_set(e, ERROR_USAGE, "%s: cannot be run: %s", r->program,
				 strerror(errno));
	snprintf(r->file, sizeof(r->file), "%.200s/vcr-candidate-XXXXXX",
		 folder && *folder ? folder : "/tmp");
	fd = mkstemp(r->file);
	if (fd < 0)
		return error_set(e, ERROR_HOST, "cannot write %s: %s", r->file, strerror(errno));
	close(fd);
	/* Sanitizers are to say where; what the user has set stays. */
	setenv("ASAN_OPTIONS", "handle_abort=1:allocator_may_return_null=1", 0);
	setenv("UBSAN_OPTIONS", "print_stacktrace=1", 0);
	return 0;
}

void candidate_close(struct candidate_runner *r)
{
	if (*r->file)
		unlink(r->file);
}

int candidate_run(struct candidate_runner *r, const void *data, size_t size, struct failure *f,
		  struct error *e)
{
	const char *const own[] = {r->self,   "repro", "--quiet", "--target",
				   r->target, r->file, NULL};
	const char *const other[] = {r->program, r->file, NULL};
	struct child_result result;
	char end[200];
	const char *why;
	int fails;

	if (fuzz_file_write(r->file, data, size, e) ||
	    child_run(r->program ? other : own, r->seconds, &result, e))
		return -1;
	fails = result.end != CHILD_EXITED || result.status != 0;
	end[0] = 0;
	if (result.end == CHILD_TIMEOUT)
		snprintf(end, sizeof(end), "no end");
	else if (result.end == CHILD_CRASHED)
		snprintf(end, sizeof(end), "%s", child_crash_text(result.status));
	else if ((why = strstr(result.out, ": fails in operation ")) &&
		 (why = strstr(why + 2, ": ")))
		snprintf(end, sizeof(end), "%s", why + 2);
	else if (fails)
		snprintf(end, sizeof(end), "status %u", result.status);
	/* A usage error is no failure of a device. */
	if (!r->program && result.end == CHILD_EXITED && result.status > ERROR_DIVERGED)
		fails = error_set(e, ERROR_HOST, "%s repro: %.200s", r->self, result.err);
	if (fails > 0)
		failure_parse(f, result.err, end);
	child_result_free(&result);
	return fails;
}
