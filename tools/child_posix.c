/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes on POSIX systems; see child.h. The program is done when both its outputs are closed
 * and it has ended: reading first means that a full pipe never stops it.
 */
#include "tools/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "emulator/host/os.h"

/* One output of the program. */
struct stream {
	int read, write; /* of the pipe; -1: closed */
	char *text;
	size_t used;
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static bool stream_open(struct stream *s)
{
	int fd[2];

	if (pipe2(fd, O_CLOEXEC))
		return false;
	s->read = fd[0];
	s->write = fd[1];
	s->text = malloc(CHILD_TEXT + 1);
	return s->text;
}

static void stream_read(struct stream *s)
{
	char rest[4096];
	size_t room = CHILD_TEXT - s->used;
	ssize_t n =
	    room ? read(s->read, s->text + s->used, room) : read(s->read, rest, sizeof(rest));

	if (n > 0 && room)
		s->used += (size_t)n;
	else if (n == 0 || (n < 0 && errno != EINTR))
		close_fd(&s->read);
}

static int start(const char *const argv[], const struct stream s[2], pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	int result = posix_spawn_file_actions_init(&actions);

	if (result)
		return result;
	result = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	for (int i = 0; i < 2 && !result; i++)
		result = posix_spawn_file_actions_adddup2(&actions, s[i].write, i + 1);
	/* posix_spawn() takes the arguments as they are; its type is older than const. */
	if (!result)
		result = posix_spawn(pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv,
				     environ);
	posix_spawn_file_actions_destroy(&actions);
	return result;
}

/* Reads until both outputs are closed; false when that took too long. */
static bool read_all(struct stream s[2], uint64_t end)
{
	while (s[0].read >= 0 || s[1].read >= 0) {
		struct pollfd p[2] = {{.fd = s[0].read, .events = POLLIN},
				      {.fd = s[1].read, .events = POLLIN}};
		uint64_t now = now_ms();

		if (now >= end)
			return false;
		if (poll(p, 2, end - now < 60000 ? (int)(end - now) : 60000) <= 0)
			continue;
		for (int i = 0; i < 2; i++) {
			if (p[i].revents)
				stream_read(&s[i]);
		}
	}
	return true;
}

/* The outputs are closed, so it ends any moment; one that does not is out of time too. */
static bool wait_for(pid_t pid, uint64_t end, int *status)
{
	for (;;) {
		struct timespec pause = {.tv_nsec = 1000000};
		pid_t got = waitpid(pid, status, WNOHANG);

		if (got == pid)
			return true;
		if ((got < 0 && errno != EINTR) || now_ms() >= end)
			return false;
		nanosleep(&pause, NULL);
	}
}

int child_run(const char *const argv[], double seconds, struct child_result *r, struct error *e)
{
	struct stream s[2] = {{.read = -1, .write = -1}, {.read = -1, .write = -1}};
	uint64_t end = now_ms() + (uint64_t)(seconds * 1000);
	int status = 0, why = 0;
	pid_t pid = -1;

	if (!stream_open(&s[0]) || !stream_open(&s[1]))
		why = errno ? errno : ENOMEM;
	else
		why = start(argv, s, &pid);
	close_fd(&s[0].write);
	close_fd(&s[1].write);
	if (!why) {
		*r = (struct child_result){.end = CHILD_TIMEOUT};
		if (!read_all(s, end) || !wait_for(pid, end, &status)) {
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
		} else if (WIFSIGNALED(status)) {
			r->end = CHILD_CRASHED;
			r->status = (unsigned)WTERMSIG(status);
		} else {
			r->end = CHILD_EXITED;
			r->status = (unsigned)WEXITSTATUS(status);
		}
		s[0].text[s[0].used] = s[1].text[s[1].used] = 0;
		r->out = s[0].text;
		r->err = s[1].text;
	}
	close_fd(&s[0].read);
	close_fd(&s[1].read);
	if (!why)
		return 0;
	free(s[0].text);
	free(s[1].text);
	return error_set(e, ERROR_HOST, "cannot run %s: %s", argv[0], os_error_text((unsigned long)why));
}

const char *child_crash_text(unsigned status)
{
	return strsignal((int)status);
}

void child_result_free(struct child_result *r)
{
	free(r->out);
	free(r->err);
	*r = (struct child_result){.end = CHILD_EXITED};
}
