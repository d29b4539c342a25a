/* SPDX-License-Identifier: Apache-2.0 */
/* vcr minimise: the smallest input that fails as a given one does. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/candidate.h"
#include "tools/command.h"
#include "tools/minimise.h"

static const char help[] =
    "usage: vcr minimise INPUT [--target NAME] -o OUT\n\n"
    "Makes a fuzz input that fails as small as it goes: takes out operations, then makes their\n"
    "operands simple, as long as it fails in the same way, which is the same objection or kind of\n"
    "crash with the same innermost functions. Each try is a process of its own.\n\n"
    "  --target NAME   what the input is for, if not the name of its folder\n"
    "  --with PROGRAM  try with PROGRAM FILE, as a fuzz_TARGET built with sanitizers (default: "
    "vcr\n"
    "                  repro of this vcr)\n"
    "  --timeout S     seconds for one try (default 10)\n"
    "  -o OUT          where to\n\n"
    "Exit status: 0 OUT is there, 1 the input does not fail, 2 usage or no input, 4 the host "
    "failed.\n";

enum { OPT_TARGET = 256, OPT_WITH, OPT_TIMEOUT };
static const struct option options[] = {
    {"target", required_argument, NULL, OPT_TARGET},
    {"with", required_argument, NULL, OPT_WITH},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {NULL, 0, NULL, 0},
};

struct minimise {
	struct minimise_judge judge;
	struct candidate_runner runner;
	struct failure failure; /* of the input */
	unsigned tries;
	struct error e;
};

static int fails(struct minimise_judge *j, const struct op *ops, unsigned count)
{
	struct minimise *m = (struct minimise *)(void *)j;
	struct failure failure = {0};
	size_t size;
	uint8_t *data = fuzz_ops_encode(ops, count, &size);
	int result = -1;

	m->tries++;
	progress_show("%u tries, %u operations", m->tries, count);
	if (!data)
		error_set(&m->e, ERROR_HOST, "out of memory");
	else if (!size)
		result = 0;
	else
		result = candidate_run(&m->runner, data, size, &failure, &m->e);
	free(data);
	return result > 0 ? failure_same(&failure, &m->failure) : result;
}

static int write_result(struct minimise *m, const struct fuzz_input *in, const struct op *ops,
			unsigned count, const char *output)
{
	size_t size;
	uint8_t *data = fuzz_ops_encode(ops, count, &size);
	int result = data ? fuzz_file_write(output, data, size, &m->e)
			  : error_set(&m->e, ERROR_HOST, "out of memory");

	free(data);
	if (!result)
		printf("%s: %u operations in %zu bytes, of %u in %zu, after %u tries: %s\n", output,
		       count, size, in->ops, in->size, m->tries, m->failure.kind);
	return result;
}

static int minimise(struct minimise *m, const struct fuzz_input *in, const char *path,
		    const char *output)
{
	int left, failed = candidate_run(&m->runner, in->data, in->size, &m->failure, &m->e);
	struct op *ops;
	unsigned count;

	if (failed < 0)
		return -1;
	if (!failed)
		return error_set(&m->e, ERROR_DIVERGED,
				 "%s: does not fail%s, so there is nothing to minimise%s", path,
				 m->runner.program ? "" : " in this build",
				 m->runner.program || HAS_SANITIZERS
				     ? ""
				     : " (what sanitizers see needs --with, see --help)");
	ops = fuzz_input_ops(in->data, in->size, &count);
	if (!ops)
		return error_set(&m->e, ERROR_HOST, "out of memory");
	left = minimise_ops(ops, count, &m->judge);
	progress_clear();
	if (left < 0 && !m->e.kind)
		error_set(&m->e, ERROR_HOST, "out of memory");
	if (left >= 0)
		left = write_result(m, in, ops, (unsigned)left, output);
	free(ops);
	return left;
}

static int minimise_file(struct minimise *m, const char *path, const char *target,
			 const char *output)
{
	struct fuzz_input in;
	int result;

	if (fuzz_input_load(&in, path, target, &m->e))
		return command_fail(&m->e);
	m->judge.fails = fails;
	m->runner.target = in.target;
	result = candidate_open(&m->runner, &m->e);
	if (!result)
		result = minimise(m, &in, path, output);
	candidate_close(&m->runner);
	fuzz_input_free(&in);
	return result ? command_fail(&m->e) : 0;
}

static int run(int argc, char **argv)
{
	static struct minimise m;
	const char *target = NULL, *output = NULL;
	int option;

	m.runner.seconds = 10;
	opterr = 0;
	optind = 0;
	while ((option = getopt_long_only(argc, argv, ":o:", options, NULL)) != -1) {
		switch (option) {
		case OPT_TARGET:
			target = optarg;
			break;
		case OPT_WITH:
			m.runner.program = optarg;
			break;
		case OPT_TIMEOUT:
			m.runner.seconds = atof(optarg);
			if (!(m.runner.seconds > 0))
				return command_usage("minimise", "--timeout %s: is no time",
						     optarg);
			break;
		case 'o':
			output = optarg;
			break;
		case ':':
			return command_usage("minimise", "option %s needs a value",
					     argv[optind - 1]);
		default:
			return command_usage("minimise", "unknown option %s", argv[optind - 1]);
		}
	}
	if (argc - optind != 1)
		return command_usage("minimise",
				     argc == optind ? "which input?" : "one input at a time");
	if (!output)
		return command_usage("minimise", "where to? give -o OUT");
	return minimise_file(&m, argv[optind], target, output);
}

const struct command cmd_minimise = {
    .name = "minimise",
    .summary = "make a fuzz input that fails small",
    .help = help,
    .run = run,
};
