/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vcr fuzz: builds a fuzz target from the source checkout, runs an engine on it, and keeps what it
 * found: one minimised input for each way to fail, in corpora/crashes/TARGET, where the tests of
 * every build run it from then on.
 */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/command.h"
#include "tools/engine.h"

static const char help[] =
    "usage: vcr fuzz TARGET [--time 10m] [--jobs N] [--engine libfuzzer|afl]\n\n"
    "Fuzzes a target: builds it with a fuzzing engine and sanitizers, runs that, and puts what "
    "fails\n"
    "in corpora/crashes/TARGET, minimised, one input for each kind of failure and stack. It works "
    "in\n"
    "a checkout of vcr's source (the current folder, or where this program was built), in\n"
    "build-fuzz-ENGINE there, which keeps the inputs that were found worth keeping.\n"
    "A TARGET is board, pci, a device class with _ for -, as i8254, or another of fuzz/target.\n\n"
    "  --time T       how long, in seconds or with s, m or h behind (default 10m)\n"
    "  --jobs N       processes at once (default 1)\n"
    "  --engine E     libfuzzer (default) or afl\n"
    "  --source DIR   the checkout\n\n"
    "Ctrl-C ends it early and keeps what it found. Exit status: 0 nothing fails, 1 findings, 2 "
    "usage,\n"
    "4 the host failed: something is missing, or does not build.\n";

enum { OPT_TIME = 256, OPT_JOBS, OPT_ENGINE, OPT_SOURCE };
static const struct option options[] = {
    {"time", required_argument, NULL, OPT_TIME},
    {"jobs", required_argument, NULL, OPT_JOBS},
    {"engine", required_argument, NULL, OPT_ENGINE},
    {"source", required_argument, NULL, OPT_SOURCE},
    {NULL, 0, NULL, 0},
};

/* ---- where the source is ---- */

static bool is_source(const char *folder)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s/fuzz/target/device.c", folder) <
		   (int)sizeof(path) &&
	       !access(path, R_OK);
}

/* The folder or the nearest one above it; false when none is. */
static bool find_above(char folder[PATH_MAX])
{
	while (!is_source(folder)) {
		char *slash = strrchr(folder, '/');

		if (!slash || slash == folder)
			return false;
		*slash = 0;
	}
	return true;
}

static int find_source(struct engine *g, const char *given, struct error *e)
{
	ssize_t n;

	if (given) {
		if (realpath(given, g->source) && is_source(g->source))
			return 0;
		return error_set(e, ERROR_USAGE, "--source %s: is no checkout of vcr's source",
				 given);
	}
	if (getcwd(g->source, sizeof(g->source)) && find_above(g->source))
		return 0;
	n = readlink("/proc/self/exe", g->source, sizeof(g->source) - 1);
	if (n > 0) {
		g->source[n] = 0;
		if (find_above(g->source))
			return 0;
	}
	return error_set(
	    e, ERROR_USAGE,
	    "vcr fuzz builds its targets: run it in a checkout of vcr's source (or say "
	    "--source DIR)");
}

static bool has_file(const struct engine *g, const char *folder, const char *name)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s/%s/%s.c", g->source, folder, name) <
		   (int)sizeof(path) &&
	       !access(path, R_OK);
}

/* The checkout may have devices that this program has not. */
static int check_target(const struct engine *g, struct error *e)
{
	if (fuzz_target_known(g->target) || has_file(g, "emulator/device", g->target) ||
	    (has_file(g, "fuzz/target", g->target) && strcmp(g->target, "device") != 0))
		return 0;
	return error_set(
	    e, ERROR_USAGE,
	    "%s: is no fuzz target of %s (there are board, pci, devices, as i8254, and "
	    "those of fuzz/target)",
	    g->target, g->source);
}

/* ---- the command ---- */

static bool parse_time(const char *text, unsigned *seconds)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text)
		return false;
	if (!strcmp(end, "m"))
		value *= 60;
	else if (!strcmp(end, "h"))
		value *= 3600;
	else if (*end && strcmp(end, "s") != 0)
		return false;
	if (!(value >= 1 && value < 1e8))
		return false;
	*seconds = (unsigned)value;
	return true;
}

static bool parse_jobs(const char *text, unsigned *jobs)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (end == text || *end || value < 1 || value > 256)
		return false;
	*jobs = (unsigned)value;
	return true;
}

static bool is_name(const char *text)
{
	return *text && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(text) &&
	       strlen(text) < TARGET_NAME;
}

static int parse_option(struct engine *g, int option, char **argv, const char **source)
{
	switch (option) {
	case OPT_TIME:
		if (parse_time(optarg, &g->seconds))
			return 0;
		return command_usage("fuzz", "--time %s: is no time, as 90, 10m or 2h", optarg);
	case OPT_JOBS:
		if (parse_jobs(optarg, &g->jobs))
			return 0;
		return command_usage("fuzz", "--jobs %s: is no number from 1 to 256", optarg);
	case OPT_ENGINE:
		g->afl = !strcmp(optarg, "afl");
		if (g->afl || !strcmp(optarg, "libfuzzer"))
			return 0;
		return command_usage("fuzz", "--engine %s: is neither libfuzzer nor afl", optarg);
	case OPT_SOURCE:
		*source = optarg;
		return 0;
	case ':':
		return command_usage("fuzz", "option %s needs a value", argv[optind - 1]);
	default:
		return command_usage("fuzz", "unknown option %s", argv[optind - 1]);
	}
}

static int fuzz(struct engine *g)
{
	struct error e = {0};
	int findings;

	if (engine_build(g, &e) || engine_sort(g, &e) || engine_run(g, &e))
		return command_fail(&e);
	findings = engine_collect(g, &e);
	if (findings < 0) {
		fprintf(stderr, "vcr: what the engine found stays in %s until the next run\n",
			g->found);
		return command_fail(&e);
	}
	if (!findings)
		printf("%s: nothing fails that is not known\n", g->target);
	return findings ? ERROR_DIVERGED : 0;
}

static int run(int argc, char **argv)
{
	static struct engine g;
	const char *source = NULL;
	struct error e = {0};
	int option, status;

	g = (struct engine){.seconds = 600, .jobs = 1};
	opterr = 0;
	optind = 0; /* from the start, whatever was parsed before */
	while ((option = getopt_long_only(argc, argv, ":", options, NULL)) != -1) {
		status = parse_option(&g, option, argv, &source);
		if (status)
			return status;
	}
	if (argc - optind != 1)
		return command_usage("fuzz",
				     argc == optind ? "which target?" : "one target at a time");
	g.target = argv[optind];
	if (!is_name(g.target))
		return command_usage("fuzz", "%s: is no name of a target", g.target);
	if (find_source(&g, source, &e) || check_target(&g, &e))
		return command_fail(&e);
	return fuzz(&g);
}

const struct command cmd_fuzz = {
    .name = "fuzz",
    .summary = "fuzz a target and keep what fails",
    .help = help,
    .run = run,
};
