/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vcr compare: do two builds of vcr play back the same traces in the same way? Each replay is a
 * process of its own build, so that one that crashes or hangs costs no more than its own line. What
 * came of it is told by the exit status and the few lines that every vcr prints at a divergence.
 */
#include <dirent.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/child.h"
#include "tools/command.h"
#include "tools/event_line.h"

static const char help[] =
    "usage: vcr compare --old BUILD --new BUILD [OPTIONS] TRACE...\n\n"
    "Replays traces with two builds of vcr, one after the other, and says of each trace whether\n"
    "the builds do the same with it:\n"
    "  same     both replay it identically, or both diverge from it in the same event\n"
    "  differs  one replays it identically and the other does not, or they diverge in different\n"
    "           events: shows where, what the trace has there and what came\n"
    "  fails    a build could not replay it: no trace, damaged, too new, a crash, a hang\n"
    "A BUILD is a vcr or a folder that has one (as vcr, bin/vcr or tools/vcr); a TRACE is a file,\n"
    "or a folder that is searched for *.vcr. Run it before a release, with the version before it "
    "as\n"
    "the old build and the traces that your users sent.\n\n"
    "  --devices      replay the device models alone\n"
    "  --cpu          replay the CPU alone\n"
    "  -accel A       replay on that accelerator\n"
    "  --timeout S    seconds for one replay (default 600); what takes longer fails\n"
    "  --json         one JSON object a trace, and one with the sums\n\n"
    "Exit status: 0 all same, 1 some differ, 3 some fail, 2 a wrong command line, 4 the host "
    "failed.\n";

#define DEPTH 16 /* of folders in folders */

/* ---- what to compare ---- */

struct list {
	char **path;
	size_t count, room;
};

struct compare {
	char build[2][PATH_MAX]; /* the old one and the new one: paths of their vcr */
	const char *mode, *accel;
	double timeout;
	bool json;
	struct list traces;
	unsigned sum[3]; /* by enum verdict */
};

static int list_add(struct list *l, const char *path, struct error *e)
{
	if (l->count == l->room) {
		size_t room = l->room ? 2 * l->room : 64;
		char **larger = realloc(l->path, room * sizeof(*larger));

		if (!larger)
			return error_set(e, ERROR_HOST, "out of memory");
		l->path = larger;
		l->room = room;
	}
	l->path[l->count] = strdup(path);
	if (!l->path[l->count])
		return error_set(e, ERROR_HOST, "out of memory");
	l->count++;
	return 0;
}

static void list_free(struct list *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->path[i]);
	free(l->path);
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_folder(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

static bool is_trace_name(const char *name)
{
	size_t length = strlen(name);

	return length > 4 && !strcmp(name + length - 4, ".vcr");
}

/* All traces below a folder, in no order. */
static int folder_add(struct list *l, const char *folder, unsigned depth, struct error *e)
{
	DIR *d = opendir(folder);
	const struct dirent *entry;
	char path[PATH_MAX];
	int result = 0;

	if (!d)
		return error_set(e, ERROR_USAGE, "%s: cannot be searched for traces", folder);
	while (!result && (entry = readdir(d))) {
		if (entry->d_name[0] == '.' || snprintf(path, sizeof(path), "%s/%s", folder,
							entry->d_name) >= (int)sizeof(path))
			continue;
		if (is_folder(path))
			result = depth < DEPTH ? folder_add(l, path, depth + 1, e) : 0;
		else if (is_trace_name(path))
			result = list_add(l, path, e);
	}
	closedir(d);
	return result;
}

static int trace_add(struct list *l, const char *path, struct error *e)
{
	size_t before = l->count;

	if (!is_folder(path))
		return list_add(l, path, e);
	if (folder_add(l, path, 0, e))
		return -1;
	if (!l->path || l->count == before)
		return error_set(e, ERROR_USAGE, "%s: there is no *.vcr in it", path);
	qsort(l->path + before, l->count - before, sizeof(*l->path), compare_paths);
	return 0;
}

/* Finds the vcr of a build and asks it who it is. */
static int build_find(struct compare *c, unsigned which, const char *build, struct error *e)
{
#ifdef _WIN32
	static const char *const names[] = {"vcr.exe", "bin/vcr.exe", "tools/vcr.exe"};
#else
	static const char *const names[] = {"vcr", "bin/vcr", "tools/vcr"};
#endif
	const char *option = which ? "--new" : "--old";
	char *path = c->build[which];
	const char *const argv[] = {path, "--version", NULL};
	struct child_result r;
	bool is_vcr, folder = is_folder(build);

	snprintf(path, PATH_MAX, "%s", build);
	for (unsigned i = 0; folder && i < 3; i++) {
		snprintf(path, PATH_MAX, "%s/%s", build, names[i]);
		if (!access(path, F_OK) && !is_folder(path))
			break;
	}
	if (access(path, F_OK) || is_folder(path))
		return error_set(e, ERROR_USAGE, "%s %s: there is no vcr%s", option, build,
				 folder ? " in it (nor in its folders bin and tools)" : "");
	if (child_run(argv, 60, &r, e)) {
		e->kind = ERROR_USAGE;
		return -1;
	}
	is_vcr = r.end == CHILD_EXITED && r.status == 0 && !strncmp(r.out, "vcr ", 4);
	if (is_vcr && !c->json)
		printf("%s  %s: %.*s\n", which ? "new" : "old", path, (int)strcspn(r.out, "\n"),
		       r.out);
	child_result_free(&r);
	return is_vcr ? 0
		      : error_set(e, ERROR_USAGE,
				  "%s %s: is no vcr (it does not say which "
				  "version it is)",
				  option, path);
}

/* ---- one replay ---- */

enum outcome { IDENTICAL, CUT_OFF, DIVERGED, FAILED };
static const char *const outcome_names[] = {"identical", "cut-off", "diverged", "failed"};

struct run {
	enum outcome outcome;
	char where[300], expected[300], came[300]; /* DIVERGED */
	char why[300];                             /* FAILED */
};

/* The rest of the line after `words`, which must be in `text`; or "". */
static bool line_after(const char *text, const char *words, char *out, size_t size)
{
	const char *at = strstr(text, words);

	out[0] = 0;
	if (!at)
		return false;
	at += strlen(words);
	at += strspn(at, " ");
	snprintf(out, size, "%.*s", (int)strcspn(at, "\r\n"), at);
	return true;
}

static void run_failed(struct run *run, const struct compare *c, const struct child_result *r)
{
	run->outcome = FAILED;
	if (r->end == CHILD_TIMEOUT)
		snprintf(run->why, sizeof(run->why), "no end after %g seconds", c->timeout);
	else if (r->end == CHILD_CRASHED)
		snprintf(run->why, sizeof(run->why), "crashed: %s", child_crash_text(r->status));
	else if (!line_after(r->err, "vcr: ", run->why, sizeof(run->why)) &&
		 !line_after(r->err, "", run->why, sizeof(run->why)))
		run->why[0] = 0;
	if (!run->why[0])
		snprintf(run->why, sizeof(run->why), "exit status %u and no word", r->status);
}

static int replay(const struct compare *c, unsigned which, const char *trace, struct run *run,
		  struct error *e)
{
	const char *argv[8];
	unsigned n = 0;
	struct child_result r;

	argv[n++] = c->build[which];
	argv[n++] = "replay";
	if (c->mode)
		argv[n++] = c->mode;
	if (c->accel) {
		argv[n++] = "-accel";
		argv[n++] = c->accel;
	}
	argv[n++] = trace;
	argv[n] = NULL;
	*run = (struct run){.outcome = IDENTICAL};
	if (child_run(argv, c->timeout, &r, e))
		return -1;
	if (r.end != CHILD_EXITED) {
		run_failed(run, c, &r);
	} else if (r.status == ERROR_DIVERGED &&
		   line_after(r.out, ": diverged at ", run->where, sizeof(run->where))) {
		run->outcome = DIVERGED;
		line_after(r.out, "\n  expected: ", run->expected, sizeof(run->expected));
		line_after(r.out, "\n  came: ", run->came, sizeof(run->came));
	} else if (r.status == ERROR_TRACE && strstr(r.out, ": identical as far as it goes")) {
		run->outcome = CUT_OFF;
	} else if (r.status) {
		run_failed(run, c, &r);
	}
	child_result_free(&r);
	return 0;
}

/* ---- the verdict ---- */

enum verdict { SAME, DIFFERS, FAILS };
static const char *const verdict_names[] = {"same", "differs", "fails"};

static enum verdict judge(const struct run run[2])
{
	if (run[0].outcome == FAILED || run[1].outcome == FAILED)
		return FAILS;
	if (run[0].outcome != run[1].outcome || strcmp(run[0].where, run[1].where) ||
	    strcmp(run[0].expected, run[1].expected) || strcmp(run[0].came, run[1].came))
		return DIFFERS;
	return SAME;
}

static void print_run(const char *name, const struct run *run)
{
	if (run->outcome == FAILED) {
		printf("  %s: fails: %s\n", name, run->why);
	} else if (run->outcome == DIVERGED) {
		printf("  %s: diverges at %s\n", name, run->where);
		if (run->expected[0])
			printf("    expected: %s\n", run->expected);
		printf("    came:     %s\n", run->came);
	} else {
		printf("  %s: identical%s\n", name,
		       run->outcome == CUT_OFF ? " as far as the trace goes" : "");
	}
}

static void print_text(const char *trace, enum verdict v, const struct run run[2])
{
	printf("%-8s %s", verdict_names[v], trace);
	if (v == SAME && run[0].outcome == DIVERGED)
		printf(" (both diverge at %s)", run[0].where);
	else if (v == SAME && run[0].outcome == CUT_OFF)
		fputs(" (as far as it goes: it is cut off)", stdout);
	putchar('\n');
	if (v == SAME)
		return;
	print_run("old", &run[0]);
	print_run("new", &run[1]);
}

static void print_json_run(const char *name, const struct run *run)
{
	const struct {
		const char *key, *text;
	} part[] = {{"where", run->where},
		    {"expected", run->expected},
		    {"came", run->came},
		    {"why", run->why}};

	printf(",\"%s\":{\"result\":\"%s\"", name, outcome_names[run->outcome]);
	for (unsigned i = 0; i < 4; i++) {
		if (!part[i].text[0])
			continue;
		printf(",\"%s\":", part[i].key);
		text_print_json(stdout, part[i].text);
	}
	putchar('}');
}

static void print_json(const char *trace, enum verdict v, const struct run run[2])
{
	fputs("{\"trace\":", stdout);
	text_print_json(stdout, trace);
	printf(",\"result\":\"%s\"", verdict_names[v]);
	print_json_run("old", &run[0]);
	print_json_run("new", &run[1]);
	puts("}");
}

static int compare_traces(struct compare *c, struct error *e)
{
	for (size_t i = 0; i < c->traces.count; i++) {
		const char *trace = c->traces.path[i];
		struct run run[2];
		enum verdict v;

		for (unsigned which = 0; which < 2; which++) {
			progress_show("%zu of %zu, %s build: %s", i + 1, c->traces.count,
				      which ? "new" : "old", trace);
			if (replay(c, which, trace, &run[which], e))
				return -1;
		}
		v = judge(run);
		c->sum[v]++;
		progress_clear();
		(c->json ? print_json : print_text)(trace, v, run);
		/* Somebody may be watching a long list. */
		fflush(stdout);
	}
	return 0;
}

static int conclude(const struct compare *c)
{
	if (c->json)
		printf("{\"traces\":%zu,\"same\":%u,\"differs\":%u,\"fails\":%u}\n",
		       c->traces.count, c->sum[SAME], c->sum[DIFFERS], c->sum[FAILS]);
	else
		printf("%zu trace%s: %u same, %u differ%s, %u fail%s\n", c->traces.count,
		       c->traces.count == 1 ? "" : "s", c->sum[SAME], c->sum[DIFFERS],
		       c->sum[DIFFERS] == 1 ? "s" : "", c->sum[FAILS],
		       c->sum[FAILS] == 1 ? "s" : "");
	return c->sum[FAILS] ? ERROR_TRACE : c->sum[DIFFERS] ? ERROR_DIVERGED : 0;
}

/* ---- the command line ---- */

enum option_code {
	OPT_OLD = 1000,
	OPT_NEW,
	OPT_DEVICES,
	OPT_CPU,
	OPT_ACCEL,
	OPT_TIMEOUT,
	OPT_JSON
};

static const struct option options[] = {
    {"old", required_argument, NULL, OPT_OLD},
    {"new", required_argument, NULL, OPT_NEW},
    {"devices", no_argument, NULL, OPT_DEVICES},
    {"cpu", no_argument, NULL, OPT_CPU},
    {"accel", required_argument, NULL, OPT_ACCEL},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"json", no_argument, NULL, OPT_JSON},
    {NULL, 0, NULL, 0},
};

static bool parse_seconds(const char *text, double *seconds)
{
	char *end;

	*seconds = strtod(text, &end);
	return end != text && !*end && *seconds > 0 && *seconds < 1e6;
}

static int parse(struct compare *c, int argc, char **argv, const char *build[2])
{
	opterr = 0;
	optind = 0; /* from the start, whatever was parsed before */
	for (;;) {
		int option = getopt_long_only(argc, argv, ":", options, NULL);

		switch (option) {
		case -1:
			if (!build[0] || !build[1])
				return command_usage("compare", "which builds? give --old and "
								"--new");
			return optind < argc ? 0 : command_usage("compare", "which traces?");
		case OPT_OLD:
		case OPT_NEW:
			build[option - OPT_OLD] = optarg;
			break;
		case OPT_DEVICES:
			c->mode = "--devices";
			break;
		case OPT_CPU:
			c->mode = "--cpu";
			break;
		case OPT_ACCEL:
			c->accel = optarg;
			break;
		case OPT_TIMEOUT:
			if (!parse_seconds(optarg, &c->timeout))
				return command_usage("compare",
						     "--timeout %s: is no number of seconds above "
						     "0",
						     optarg);
			break;
		case OPT_JSON:
			c->json = true;
			break;
		case ':':
			return command_usage("compare", "option %s needs a value",
					     argv[optind - 1]);
		default:
			return command_usage("compare", "unknown option %s", argv[optind - 1]);
		}
	}
}

static int run(int argc, char **argv)
{
	struct compare c = {.timeout = 600};
	const char *build[2] = {NULL, NULL};
	struct error e = {0};
	int status = parse(&c, argc, argv, build);

	if (status)
		return status;
	for (int i = optind; i < argc && !e.kind; i++)
		trace_add(&c.traces, argv[i], &e);
	for (unsigned which = 0; which < 2 && build[which] && !e.kind; which++)
		build_find(&c, which, build[which], &e);
	if (!e.kind)
		compare_traces(&c, &e);
	status = e.kind ? command_fail(&e) : conclude(&c);
	list_free(&c.traces);
	return status;
}

const struct command cmd_compare = {
    .name = "compare",
    .summary = "replay traces with two builds of vcr and compare",
    .help = help,
    .run = run,
};
