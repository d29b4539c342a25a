/* SPDX-License-Identifier: Apache-2.0 */
/* vcr import: a fuzz input as a trace, which everything then works on that works on sessions. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/convert.h"
#include "tools/command.h"
#include "tools/forked.h"
#include "tools/fuzz_input.h"

static const char help[] =
    "usage: vcr import INPUT [--target NAME] -o TRACE\n\n"
    "Runs a fuzz input on the machine that its target is about and records that. The trace is one\n"
    "of a session without a CPU: dump, stat, diff, verify, compare --devices and replay --devices\n"
    "work on it.\n\n"
    "An input that ends the process (a crash) gives a trace that ends at the exit in which it "
    "does:\n"
    "replay --devices of it crashes too, until the device is mended. What a restore undoes is "
    "left\n"
    "out.\n\n"
    "  --target NAME  what the input is for, if not the name of its folder (corpora/*/NAME/INPUT)\n"
    "  -o TRACE       where to\n\n"
    "Exit status: 0 the trace is there, 2 usage or no input, 4 the host failed.\n";

enum { OPT_TARGET = 256 };
static const struct option options[] = {
    {"target", required_argument, NULL, OPT_TARGET},
    {NULL, 0, NULL, 0},
};

struct job {
	struct fuzz_input in;
	const char *path;
	struct convert_options options;
	struct harness_watch watch;
};

/* ---- in a child ---- */

static void count_op(struct harness_watch *w, const struct op *op)
{
	struct job *job = (struct job *)(void *)((char *)w - offsetof(struct job, watch));

	job->options.progress->ops++;
}

/* Only how many operations there are until something ends it. */
static int count_work(void *opaque)
{
	struct job *job = opaque;
	const struct harness_options plain = {.plain = true};
	struct error e = {0};
	struct harness *h = harness_open(job->in.target, &plain, &e);

	if (!h)
		return command_fail(&e);
	job->watch.op = count_op;
	harness_set_watch(h, &job->watch);
	harness_run(h, job->in.data, job->in.size);
	harness_close(h);
	return 0;
}

static int convert_work(void *opaque)
{
	struct job *job = opaque;
	enum stop_reason stop;
	struct error e = {0};

	if (convert_to_trace(job->in.target, job->in.data, job->in.size, job->path, &job->options,
			     &stop, &e))
		return command_fail(&e);
	return 0;
}

/* ---- the command ---- */

/* Leaves the operations that are carried out and not undone. */
static int flatten(struct job *job, struct error *e)
{
	unsigned count, kept;
	struct op *ops = fuzz_input_ops(job->in.data, job->in.size, &count);
	struct forked_end end = {0};
	bool marks = false;

	if (!ops)
		return error_set(e, ERROR_HOST, "out of memory");
	for (unsigned i = 0; i < count; i++)
		marks |= ops[i].kind == OP_SNAPSHOT || ops[i].kind == OP_RESTORE;
	if (marks && forked_run(count_work, job, &end, e)) {
		free(ops);
		return -1;
	}
	if (marks && count > job->options.progress->ops)
		count = job->options.progress->ops;
	kept = marks ? convert_flatten(ops, count) : count;
	free(job->in.data);
	job->in.data = fuzz_ops_encode(ops, kept, &job->in.size);
	free(ops);
	if (!job->in.data)
		return error_set(e, ERROR_HOST, "out of memory");
	if (kept < count)
		fprintf(stderr, "vcr: %u operations that a restore undoes are not in the trace\n",
			count - kept);
	return 0;
}

static int convert(struct job *job, struct error *e)
{
	struct convert_progress *progress = job->options.progress;
	struct forked_end end;
	uint32_t died_in;

	job->options.last_exit = UINT64_MAX;
	progress->ops = 0;
	progress->exits = 0;
	if (forked_run(convert_work, job, &end, e))
		return -1;
	if (end.alive)
		return end.status;
	/* Again, with what is written there when it dies, and up to the exit that it dies in. */
	died_in = progress->ops;
	job->options.flush = true;
	job->options.last_exit = progress->exits;
	if (!freopen("/dev/null", "w", stderr) || forked_run(convert_work, job, &end, e))
		return -1;
	printf("%s: ends where the input does: in operation %" PRIu32 ", %s\n", job->path, died_in,
	       end.alive ? "in the midst of an exit" : "between two exits");
	return 0;
}

static int import(const char *input, const char *target, const char *path)
{
	struct job job = {.path = path};
	struct error e = {0};
	int status;

	job.options.progress = forked_memory(sizeof(*job.options.progress));
	if (!job.options.progress) {
		error_set(&e, ERROR_HOST, "out of memory");
		return command_fail(&e);
	}
	if (fuzz_input_load(&job.in, input, target, &e) || flatten(&job, &e))
		status = -1;
	else
		status = convert(&job, &e);
	fuzz_input_free(&job.in);
	return status < 0 ? command_fail(&e) : status;
}

static int run(int argc, char **argv)
{
	const char *target = NULL, *output = NULL;
	int option;

	opterr = 0;
	optind = 0; /* from the start, whatever was parsed before */
	while ((option = getopt_long_only(argc, argv, ":o:", options, NULL)) != -1) {
		switch (option) {
		case OPT_TARGET:
			target = optarg;
			break;
		case 'o':
			output = optarg;
			break;
		case ':':
			return command_usage("import", "option %s needs a value", argv[optind - 1]);
		default:
			return command_usage("import", "unknown option %s", argv[optind - 1]);
		}
	}
	if (argc - optind != 1)
		return command_usage("import",
				     argc == optind ? "which input?" : "one input at a time");
	if (!output)
		return command_usage("import", "where to? give -o TRACE");
	return import(argv[optind], target, output);
}

const struct command cmd_import = {
    .name = "import",
    .summary = "make a trace of a fuzz input",
    .help = help,
    .run = run,
};
