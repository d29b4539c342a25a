/* SPDX-License-Identifier: Apache-2.0 */
/* Processes for work that may end them; see forked.h. */
#include "tools/forked.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz/judge.h"

static void objection(void *opaque, const char *text)
{
	fflush(stdout);
	fprintf(stderr, "vcr: objection: %s\n", text);
	_exit(FORKED_OBJECTION);
}

/* What work returns: 0 or an enum error_kind. 1 is what sanitizers exit with. */
#define RETURNED_MAX 4

int forked_run(int (*work)(void *opaque), void *opaque, struct forked_end *end, struct error *e)
{
	int status = 0;
	pid_t pid;

	*end = (struct forked_end){.alive = true};
	fflush(stdout);
	fflush(stderr);
	pid = fork();
	if (!pid) {
		judge_set_objection(objection, NULL);
		status = work(opaque);
		fflush(stdout);
		_exit(status);
	}
	if (pid > 0)
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	if (pid < 0)
		return error_set(e, ERROR_HOST, "cannot start a process: %s", strerror(errno));
	end->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	end->alive = end->status == 0 || (end->status > 1 && end->status <= RETURNED_MAX);
	if (end->status == FORKED_OBJECTION)
		snprintf(end->text, sizeof(end->text), "the judge objects");
	else if (WIFSIGNALED(status))
		snprintf(end->text, sizeof(end->text), "it ends the process: %s",
			 strsignal(WTERMSIG(status)));
	else if (!end->alive)
		snprintf(end->text, sizeof(end->text), "it ends the process with status %d",
			 end->status);
	return 0;
}

void *forked_memory(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}
