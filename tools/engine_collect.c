/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an engine found: each input is run again; of those that fail in the same way one is kept,
 * minimised, under a name that is made of how it fails. And what was found before.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/candidate.h"
#include "tools/command.h"
#include "tools/engine.h"
#include "tools/minimise.h"

#define INPUT_MAX (4u << 20)
#define SECONDS   25

struct collector {
	struct minimise_judge judge;
	const struct engine *engine;
	struct candidate_runner runner;
	struct failure failure; /* of the input that is being minimised */
	char folder[PATH_MAX];  /* of findings */
	unsigned added;
	struct error *e;
};

static int fails(struct minimise_judge *j, const struct op *ops, unsigned count)
{
	struct collector *c = (struct collector *)(void *)j;
	struct failure failure = {0};
	size_t size;
	uint8_t *data = fuzz_ops_encode(ops, count, &size);
	int result = data ? 0 : error_set(c->e, ERROR_HOST, "out of memory");

	if (data && size)
		result = candidate_run(&c->runner, data, size, &failure, c->e);
	free(data);
	return result > 0 ? failure_same(&failure, &c->failure) : result;
}

/* Smaller, where the target's inputs are operations. */
static int minimise(struct collector *c, uint8_t **data, size_t *size)
{
	struct op *ops;
	unsigned count;
	int left;

	if (!fuzz_target_known(c->engine->target))
		return 0;
	ops = fuzz_input_ops(*data, *size, &count);
	if (!ops)
		return error_set(c->e, ERROR_HOST, "out of memory");
	left = count ? minimise_ops(ops, count, &c->judge) : 0;
	if (left > 0) {
		free(*data);
		*data = fuzz_ops_encode(ops, (unsigned)left, size);
	}
	free(ops);
	return left < 0 ? -1 : 0;
}

static int keep(struct collector *c, const char *path, uint8_t **data, size_t *size)
{
	char name[PATH_MAX];
	int failed = candidate_run(&c->runner, *data, *size, &c->failure, c->e);

	if (failed <= 0) {
		if (!failed)
			printf("%s: does not fail when it is run alone\n", path);
		return failed;
	}
	if (snprintf(name, sizeof(name), "%s/%016" PRIx64, c->folder, failure_hash(&c->failure)) >=
	    (int)sizeof(name))
		return error_set(c->e, ERROR_HOST, "%s: is too long a path", c->folder);
	if (!access(name, F_OK))
		return 0;
	progress_show("%s: minimising %s", c->engine->target, c->failure.kind);
	if (minimise(c, data, size) || (mkdir(c->folder, 0777) && errno != EEXIST) ||
	    fuzz_file_write(name, *data, *size, c->e))
		return c->e->kind ? -1
				  : error_set(c->e, ERROR_HOST, "cannot make the folder %s: %s",
					      c->folder, strerror(errno));
	progress_clear();
	c->added++;
	printf("%s: %s%s%s (%zu bytes)\n", name, c->failure.kind, c->failure.frames ? " in " : "",
	       c->failure.frames ? c->failure.frame[0] : "", *size);
	return 0;
}

/* libFuzzer's crash-*, timeout-* and oom-*; afl's JOB/crashes/id:* and JOB/hangs/id:*. */
static bool is_finding(const char *path)
{
	static const char *const begin[] = {"crash-", "timeout-", "oom-", "leak-", "id:"};
	const char *name = strrchr(path, '/') + 1;

	for (unsigned i = 0; i < sizeof(begin) / sizeof(*begin); i++)
		if (!strncmp(name, begin[i], strlen(begin[i])))
			return true;
	return false;
}

/* NULL: it cannot be read, or is empty, as what an engine leaves that is ended in its midst. */
static uint8_t *read_input(const char *path, size_t *size)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = f ? malloc(INPUT_MAX) : NULL;

	*size = data ? fread(data, 1, INPUT_MAX, f) : 0;
	if (f)
		fclose(f);
	if (*size)
		return data;
	free(data);
	return NULL;
}

static int collect_file(struct collector *c, const char *path)
{
	size_t size;
	uint8_t *data = is_finding(path) ? read_input(path, &size) : NULL;
	int result = data ? keep(c, path, &data, &size) : 0;

	free(data);
	return result;
}

static int sort_file(struct collector *c, const char *path)
{
	char name[PATH_MAX];
	size_t size;
	uint8_t *data = read_input(path, &size);
	int result = data ? candidate_run(&c->runner, data, size, &c->failure, c->e) : 0;

	if (result > 0) {
		printf("%s: still fails: %s%s%s\n", path, c->failure.kind,
		       c->failure.frames ? " in " : "",
		       c->failure.frames ? c->failure.frame[0] : "");
		result = 0;
	} else if (data && !result &&
		   snprintf(name, sizeof(name), "%s/%s", c->engine->passed,
			    strrchr(path, '/') + 1) < (int)sizeof(name)) {
		result = fuzz_file_write(name, data, size, c->e);
	}
	free(data);
	return result;
}

/* Does something with each file of a folder that holds findings, and of those in it. */
static int each_file(struct collector *c, const char *folder, unsigned depth,
		     int (*act)(struct collector *c, const char *path))
{
	DIR *d = opendir(folder);
	const struct dirent *entry;
	int result = 0;

	while (d && !result && (entry = readdir(d))) {
		const char *name = entry->d_name;
		char path[PATH_MAX];
		struct stat st;

		if (*name == '.' ||
		    snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path) ||
		    stat(path, &st))
			continue;
		if (!S_ISDIR(st.st_mode))
			result = act(c, path);
		else if (depth < 3 && strcmp(name, "queue") != 0)
			result = each_file(c, path, depth + 1, act);
	}
	if (d)
		closedir(d);
	return result;
}

static int collector_open(struct collector *c, const struct engine *g, struct error *e)
{
	*c = (struct collector){.engine = g, .e = e, .judge = {.fails = fails}};
	c->runner = (struct candidate_runner){.program = g->program, .seconds = SECONDS};
	if (snprintf(c->folder, sizeof(c->folder), "%s/corpora/crashes/%s", g->source, g->target) >=
	    (int)sizeof(c->folder))
		return error_set(e, ERROR_USAGE, "%s: is too long a path", g->source);
	return candidate_open(&c->runner, e);
}

int engine_collect(struct engine *g, struct error *e)
{
	static struct collector c;
	int result = collector_open(&c, g, e);

	if (!result)
		result = each_file(&c, g->found, 0, collect_file);
	candidate_close(&c.runner);
	progress_clear();
	return result ? -1 : (int)c.added;
}

int engine_sort(struct engine *g, struct error *e)
{
	static struct collector c;
	int result = collector_open(&c, g, e);

	progress_show("%s: running what is known", g->target);
	if (!result)
		result = each_file(&c, c.folder, 3, sort_file);
	candidate_close(&c.runner);
	progress_clear();
	/* Processes are forked from here on, which would say it again. */
	fflush(stdout);
	return result;
}
