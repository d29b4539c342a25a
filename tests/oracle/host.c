/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts the helper, and again when a case has killed it. Two pipes carry one byte each for "go"
 * and "done"; everything else is in shared memory.
 */
#include "tests/oracle/host.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static void close_pipes(struct host *h)
{
	if (h->go_fd >= 0)
		close(h->go_fd);
	if (h->done_fd >= 0)
		close(h->done_fd);
	h->go_fd = h->done_fd = -1;
}

/* Returns the helper's wait status. */
static int helper_stop(struct host *h)
{
	int status = 0;

	close_pipes(h);
	if (h->pid > 0)
		while (waitpid(h->pid, &status, 0) < 0 && errno == EINTR)
			;
	h->pid = 0;
	return status;
}

static bool helper_start(struct host *h)
{
	int go[2], done[2];
	char text[3][16];

	if (pipe2(go, O_CLOEXEC))
		return false;
	if (pipe2(done, O_CLOEXEC)) {
		close(go[0]);
		close(go[1]);
		return false;
	}
	snprintf(text[0], sizeof(text[0]), "%d", h->memory_fd);
	snprintf(text[1], sizeof(text[1]), "%d", go[0]);
	snprintf(text[2], sizeof(text[2]), "%d", done[1]);
	h->pid = fork();
	if (h->pid == 0) {
		fcntl(h->memory_fd, F_SETFD, 0);
		fcntl(go[0], F_SETFD, 0);
		fcntl(done[1], F_SETFD, 0);
		execl(h->helper, h->helper, text[0], text[1], text[2], (char *)NULL);
		_exit(127);
	}
	close(go[0]);
	close(done[1]);
	h->go_fd = go[1];
	h->done_fd = done[0];
	return h->pid > 0;
}

/* One byte to it, one byte back; false when it has died meanwhile. */
static bool helper_round(struct host *h)
{
	uint8_t byte = 0;
	ssize_t n;

	do {
		n = write(h->go_fd, &byte, 1);
	} while (n < 0 && errno == EINTR);
	if (n != 1)
		return false;
	do {
		n = read(h->done_fd, &byte, 1);
	} while (n < 0 && errno == EINTR);
	return n == 1;
}

bool host_run(struct host *h, unsigned count)
{
	struct oracle_shared *s = h->shared;

	s->at = 0;
	s->end = count;
	while (s->at < s->end) {
		if (!h->pid && !helper_start(h))
			return false;
		if (helper_round(h))
			continue;
		/* An exit is its own, before the first case: something is not possible here. */
		if (WIFEXITED(helper_stop(h)))
			return false;
		memset(s->code, 0xcc, sizeof(s->code));
		memset(&s->outcomes[s->at], 0, sizeof(s->outcomes[0]));
		s->outcomes[s->at].vector = ORACLE_DIED;
		s->at++;
	}
	return true;
}

const char *host_open(struct host *h, const char *helper)
{
#if defined(__x86_64__) && defined(__linux__)
	static const uint8_t nop = 0x90;
	struct oracle_shared *s;

	*h = (struct host){.helper = helper, .go_fd = -1, .done_fd = -1};
	signal(SIGPIPE, SIG_IGN);
	h->memory_fd = memfd_create("oracle", MFD_CLOEXEC);
	if (h->memory_fd < 0 || ftruncate(h->memory_fd, sizeof(*s)))
		return "no memory to share with a helper process";
	s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED, h->memory_fd, 0);
	if (s == MAP_FAILED)
		return "no memory to share with a helper process";
	h->shared = s;
	memset(s->code, 0xcc, sizeof(s->code));

	memset(&s->cases[0], 0, sizeof(s->cases[0]));
	memcpy(s->cases[0].code, &nop, 1);
	s->cases[0].length = 1;
	s->cases[0].bits = 64;
	s->cases[0].in.rip = ORACLE_CODE;
	s->cases[0].in.rflags = 0x202;
	if (!host_run(h, 1) || s->outcomes[0].vector != 3 ||
	    s->outcomes[0].out.rip != ORACLE_CODE + 2)
		return "the helper process cannot map its pages or enter its sandbox";
	return NULL;
#else
	(void)helper;
	*h = (struct host){.memory_fd = -1, .go_fd = -1, .done_fd = -1};
	return "the host is not x86-64 Linux";
#endif
}

void host_close(struct host *h)
{
	helper_stop(h);
	if (h->shared)
		munmap(h->shared, sizeof(*h->shared));
	if (h->memory_fd >= 0)
		close(h->memory_fd);
}
