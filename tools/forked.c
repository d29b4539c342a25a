/* SPDX-License-Identifier: Apache-2.0 */
/* Processes for work that may end them; see forked.h. */
#include "tools/forked.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz/judge.h"

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif

#ifdef __GLIBC__
#include <execinfo.h>
#define FRAMES 24

/* What sanitizers do where there are some: the stack, as addresses in files, for addr2line. */
static void on_crash(int number)
{
	void *frame[FRAMES];
	char text[300];

	/* Without this function and the one that the kernel came to it by. */
	for (int i = 2, frames = backtrace(frame, FRAMES); i < frames; i++) {
		Dl_info info;
		int n;

		if (!dladdr(frame[i], &info) || !info.dli_fname)
			continue;
		n = snprintf(text, sizeof(text), "    #%d (%.200s+0x%tx)\n", i - 2, info.dli_fname,
			     (char *)frame[i] - (char *)info.dli_fbase);
		if (write(STDERR_FILENO, text, (size_t)n) < 0)
			break;
	}
	signal(number, SIG_DFL);
	raise(number);
}

static void show_crashes(void)
{
#ifdef WITH_ASAN
	static const int crashes[] = {SIGABRT}; /* the others are its own */
#else
	static const int crashes[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
#endif
	void *frame[1];

	/* The first call loads a library, which is nothing for a crash to do. */
	backtrace(frame, 1);
	for (unsigned i = 0; i < sizeof(crashes) / sizeof(*crashes); i++)
		signal(crashes[i], on_crash);
}
#else
static void show_crashes(void)
{
}
#endif

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
		show_crashes();
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
