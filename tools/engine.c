/* SPDX-License-Identifier: Apache-2.0 */
/* Building and running a target with a fuzzing engine; see engine.h. engine_collect.c has the rest.
 */
#include "tools/engine.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tools/child.h"
#include "tools/command.h"

#define BUILD_SECONDS 3600
#define ARGS_MAX      64
#define INTERRUPTED   72 /* libFuzzer's exit status after SIGINT */

/* ---- programs ---- */

static bool in_path(const char *name)
{
	const char *at = getenv("PATH");

	while (at && *at) {
		size_t length = strcspn(at, ":");
		char path[PATH_MAX];

		if (snprintf(path, sizeof(path), "%.*s/%s", (int)length, at, name) <
			(int)sizeof(path) &&
		    !access(path, X_OK))
			return true;
		at += length + (at[length] == ':');
	}
	return false;
}

static int need(const char *name, const char *package, struct error *e)
{
	if (in_path(name))
		return 0;
	return error_set(e, ERROR_HOST, "there is no %s, which vcr fuzz needs (apt-get install %s)",
			 name, package);
}

/* Runs a step of the build; its last words go into the error when it fails. */
static int step(const struct engine *g, const char *const argv[], const char *what, struct error *e)
{
	struct child_result r;
	const char *text;
	bool good;

	progress_show("%s: %s", g->target, what);
	if (child_run(argv, BUILD_SECONDS, &r, e))
		return -1;
	good = r.end == CHILD_EXITED && r.status == 0;
	text = *r.err ? r.err : r.out;
	if (!good) {
		size_t length = strlen(text);

		fprintf(stderr, "%s", length > 3000 ? text + length - 3000 : text);
		error_set(e, ERROR_HOST, "%s failed (in %s)", what, g->build);
	}
	child_result_free(&r);
	progress_clear();
	return good ? 0 : -1;
}

static int make_folder(const char *path, struct error *e)
{
	if (!mkdir(path, 0777) || errno == EEXIST)
		return 0;
	return error_set(e, ERROR_HOST, "cannot make the folder %s: %s", path, strerror(errno));
}

static int join(char to[PATH_MAX], const char *folder, const char *name, const char *target,
		struct error *e)
{
	if (snprintf(to, PATH_MAX, "%s/%s%s", folder, name, target) < PATH_MAX)
		return 0;
	return error_set(e, ERROR_USAGE, "%s: is too long a path", folder);
}

static int set_paths(struct engine *g, struct error *e)
{
	const char *suffix = g->afl ? "afl" : "libfuzzer";
	char folder[PATH_MAX];

	if (join(g->build, g->source, "build-fuzz-", suffix, e) ||
	    join(g->program, g->build, g->afl ? "fuzz/afl_" : "fuzz/fuzz_", g->target, e) ||
	    join(folder, g->build, "kept", "", e) || join(g->corpus, folder, "", g->target, e))
		return -1;
	return join(g->found, g->build, "found-", g->target, e) ||
	       join(g->passed, g->build, "passed-", g->target, e);
}

/* Findings have to have a place: better said now than when there are some. */
static int check_crashes(const struct engine *g, struct error *e)
{
	char crashes[PATH_MAX], folder[PATH_MAX];
	const char *at = folder;
	struct stat st;

	if (join(crashes, g->source, "corpora/crashes", "", e) ||
	    join(folder, crashes, "", g->target, e))
		return -1;
	if (access(folder, F_OK)) {
		at = crashes;
		if (make_folder(crashes, e))
			return -1;
	}
	if (!access(at, W_OK | X_OK) && !stat(at, &st)) {
		if (S_ISDIR(st.st_mode))
			return 0;
		errno = ENOTDIR;
	}
	return error_set(e, ERROR_HOST, "findings could not be kept in %s: %s", at,
			 strerror(errno));
}

int engine_build(struct engine *g, struct error *e)
{
	char target[TARGET_NAME + 16], ninja[PATH_MAX], kept[PATH_MAX];
	const char *const setup[] = {"/usr/bin/env",   "CC=clang", "meson",   "setup",
				     "-Dfuzz=enabled", g->build,   g->source, NULL};
	const char *const build[] = {"/usr/bin/env", "ninja", "-C", g->build, target, NULL};

	if (set_paths(g, e) || join(ninja, g->build, "build.ninja", "", e) ||
	    join(kept, g->build, "kept", "", e) || check_crashes(g, e))
		return -1;
	if (need("meson", "meson", e) || need("ninja", "ninja-build", e) ||
	    need("clang", "clang", e))
		return -1;
	if (g->afl && need("afl-fuzz", "afl++", e))
		return -1;
	snprintf(target, sizeof(target), "fuzz/%s_%s", g->afl ? "afl" : "fuzz", g->target);
	if (access(ninja, F_OK) && step(g, setup, "configuring", e))
		return -1;
	if (step(g, build, "building", e) || make_folder(kept, e) || make_folder(g->corpus, e))
		return -1;
	return make_folder(g->found, e) || make_folder(g->passed, e);
}

/* ---- running ---- */

/* afl-fuzz has its own, and ends when it finds those that minimising needs (candidate.c). */
static void drop_sanitizer_options(void)
{
	unsetenv("ASAN_OPTIONS");
	unsetenv("UBSAN_OPTIONS");
}

/* A process whose output is read line by line. */
static pid_t start(const struct engine *g, const char *const argv[], FILE **out, struct error *e)
{
	int fd[2];
	pid_t pid;

	if (pipe(fd)) {
		error_set(e, ERROR_HOST, "cannot make a pipe: %s", strerror(errno));
		return -1;
	}
	fflush(NULL);
	pid = fork();
	if (!pid) {
		signal(SIGINT, SIG_DFL);
		if (g->afl)
			drop_sanitizer_options();
		dup2(fd[1], 1);
		dup2(fd[1], 2);
		close(fd[0]);
		close(fd[1]);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(fd[1]);
	*out = pid > 0 ? fdopen(fd[0], "r") : NULL;
	if (*out)
		return pid;
	close(fd[0]);
	error_set(e, ERROR_HOST, "cannot run %s: %s", argv[0], strerror(errno));
	return -1;
}

/* libFuzzer's "#1234: cov: 56 ft: 78 corp: 9 exec/s 1000 ... crash: 0/0/1" */
static void show_line(const struct engine *g, const char *line)
{
	if (strstr(line, "exec/s") || strstr(line, "Fuzzing test case"))
		progress_show("%s: %.*s", g->target, (int)strcspn(line, "\n"), line);
}

/* afl-fuzz's last words say nothing of what it did. */
static void afl_summary(const struct engine *g, char *to, size_t size)
{
	static const char *const keys[] = {"execs_done",   "execs_per_sec", "edges_found",
					   "corpus_count", "saved_crashes", "saved_hangs"};
	char path[PATH_MAX + 40], line[2000];
	size_t used = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/job0/fuzzer_stats", g->found);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		size_t length = strcspn(line, " :");
		const char *value = strchr(line, ':');

		for (unsigned i = 0; value && i < sizeof(keys) / sizeof(*keys); i++) {
			if (length == strlen(keys[i]) && !strncmp(line, keys[i], length) &&
			    used < size)
				used += (size_t)snprintf(to + used, size - used, "%s%s %.*s",
							 used ? " " : "", keys[i],
							 (int)strcspn(value + 2, "\n"), value + 2);
		}
	}
	if (f)
		fclose(f);
}

/* Returns its exit status (and whether libFuzzer wrote a finding), 0 when it was told to end, or -1
 * with e filled in. */
static int run(const struct engine *g, const char *const argv[], bool *found, struct error *e)
{
	char line[2000], last[2000] = "", *why;
	void (*before)(int) = signal(SIGINT, SIG_IGN);
	FILE *out;
	pid_t pid = start(g, argv, &out, e);
	int status = 0;

	if (pid < 0) {
		signal(SIGINT, before);
		return -1;
	}
	while (fgets(line, sizeof(line), out)) {
		show_line(g, line);
		*found |= strstr(line, "Test unit written to") != NULL;
		if (*line > ' ')
			memcpy(last, line, sizeof(last));
		if (g->afl && (why = strstr(line, "PROGRAM ABORT : ")) && !e->kind)
			error_set(e, ERROR_HOST, "afl-fuzz: %.*s", (int)strcspn(why + 16, "\n"),
				  why + 16);
	}
	fclose(out);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	signal(SIGINT, before);
	progress_clear();
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return error_set(e, ERROR_HOST, "cannot run %s", argv[0]);
	last[strcspn(last, "\n")] = 0;
	if (g->afl)
		afl_summary(g, last, sizeof(last));
	/* After Ctrl-C too: libFuzzer ends itself then. */
	if (WIFEXITED(status) && (!WEXITSTATUS(status) || WEXITSTATUS(status) == INTERRUPTED))
		printf("%s: ran %s: %s\n", g->target, g->afl ? "afl-fuzz" : "libFuzzer", last);
	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGINT)
		return 128 + WTERMSIG(status);
	return WIFEXITED(status) && WEXITSTATUS(status) != INTERRUPTED ? WEXITSTATUS(status) : 0;
}

/* The folders that hold inputs for the target, other than those which fail. */
static unsigned add_seeds(const struct engine *g, const char **argv, unsigned n,
			  char seeds[PATH_MAX])
{
	if (snprintf(seeds, PATH_MAX, "%s/corpora/seeds/%s", g->source, g->target) < PATH_MAX &&
	    !access(seeds, R_OK))
		argv[n++] = seeds;
	argv[n++] = g->passed;
	return n;
}

/* libFuzzer ends at the first finding: it is started again for the time that is left. */
static int libfuzzer_job(const struct engine *g, struct error *e)
{
	static char seeds[PATH_MAX], prefix[PATH_MAX + 40];
	char left[40];
	const char *argv[ARGS_MAX] = {g->program, left, prefix, "-timeout=20", g->corpus};
	time_t end = time(NULL) + g->seconds;
	int status = 1;

	snprintf(prefix, sizeof(prefix), "-artifact_prefix=%s/", g->found);
	argv[add_seeds(g, argv, 5, seeds)] = NULL;
	for (time_t now = time(NULL); status > 0 && now < end; now = time(NULL)) {
		bool found = false;

		snprintf(left, sizeof(left), "-max_total_time=%ld", (long)(end - now));
		status = run(g, argv, &found, e);
		if (status > 0 && !found && time(NULL) - now < 2)
			return error_set(e, ERROR_HOST,
					 "%s ends at once and finds nothing (run it "
					 "to see why)",
					 g->program);
	}
	return status < 0 ? -1 : 0;
}

static int run_libfuzzer(const struct engine *g, struct error *e)
{
	unsigned started = 0;
	int result;

	for (; started + 1 < g->jobs; started++) {
		pid_t pid = fork();

		if (!pid) {
			if (!freopen("/dev/null", "w", stdout) ||
			    !freopen("/dev/null", "w", stderr))
				_exit(1);
			_exit(libfuzzer_job(g, e) ? 1 : 0);
		}
		if (pid < 0)
			break;
	}
	result = libfuzzer_job(g, e);
	while (started && waitpid(-1, NULL, 0) > 0)
		started--;
	return result;
}

/* afl-fuzz starts from one folder, which must not be empty. */
static int make_afl_seeds(const struct engine *g, char folder[PATH_MAX], struct error *e)
{
	static char seeds[PATH_MAX];
	const char *from[2];
	char path[PATH_MAX];
	unsigned count = add_seeds(g, from, 0, seeds);

	if (join(folder, g->build, "seeds-", g->target, e) || make_folder(folder, e) ||
	    join(path, folder, "empty", "", e) || fuzz_file_write(path, "\xaa", 1, e))
		return -1;
	for (unsigned i = 0; i < count; i++) {
		const char *const copy[] = {"/bin/cp", "-r", from[i], folder, NULL};

		if (step(g, copy, "copying seeds", e))
			return -1;
	}
	return 0;
}

static int run_afl(const struct engine *g, struct error *e)
{
	char seeds[PATH_MAX], time[40], name[40];
	const char *argv[ARGS_MAX] = {"afl-fuzz", "-i", seeds,  "-o", g->found,   "-V", time, "-t",
				      "2000+",    "-M", "job0", "--", g->program, NULL};
	pid_t others[256];
	unsigned started = 0;
	bool found = false;

	if (make_afl_seeds(g, seeds, e))
		return -1;
	snprintf(time, sizeof(time), "%u", g->seconds);
	setenv("AFL_NO_UI", "1", 0);
	setenv("AFL_NO_COLOR", "1", 0);
	setenv("AFL_SKIP_CPUFREQ", "1", 0);
	setenv("AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES", "1", 0);
	setenv("AFL_NO_AFFINITY", "1", 0);
	setenv("AFL_AUTORESUME", "1", 0);
	for (; started + 1 < g->jobs; started++) {
		pid_t pid = fork();

		if (!pid) {
			drop_sanitizer_options();
			snprintf(name, sizeof(name), "job%u", started + 1);
			argv[9] = "-S";
			argv[10] = name;
			if (!freopen("/dev/null", "w", stdout) ||
			    !freopen("/dev/null", "w", stderr))
				_exit(1);
			execvp(argv[0], (char *const *)(uintptr_t)argv);
			_exit(127);
		}
		if (pid < 0)
			break;
		others[started] = pid;
	}
	if (run(g, argv, &found, e) > 0 && !e->kind)
		error_set(e, ERROR_HOST, "afl-fuzz failed");
	for (unsigned i = 0; i < started; i++) {
		if (e->kind)
			kill(others[i], SIGTERM);
		while (waitpid(others[i], NULL, 0) < 0 && errno == EINTR)
			;
	}
	return e->kind ? -1 : 0;
}

int engine_run(struct engine *g, struct error *e)
{
	return g->afl ? run_afl(g, e) : run_libfuzzer(g, e);
}
