/* SPDX-License-Identifier: Apache-2.0 */
/* vcr export: sessions as fuzz inputs, and fuzz inputs in the languages of others. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "fuzz/convert.h"
#include "fuzz/seeds.h"
#include "tools/command.h"
#include "tools/forked.h"
#include "tools/fuzz_export.h"
#include "tools/fuzz_input.h"

static const char help[] =
    "usage: vcr export --seeds TRACE [--target NAME] -o FOLDER\n"
    "       vcr export --input TRACE [--target NAME] -o FILE\n"
    "       vcr export --qtest INPUT [--target NAME] [-o FILE]\n"
    "       vcr export --c INPUT [--target NAME] [-o FILE]\n\n"
    "--seeds cuts what a session did to the registers of each fuzz target into inputs of some "
    "dozen\n"
    "operations, for a fuzzer to begin with: FOLDER/TARGET/HASH. No byte of an image gets there.\n"
    "--input makes one fuzz input of a trace: what the session did to the registers of the target\n"
    "(all of the board's, unless told otherwise), at the same virtual times, with the same "
    "answers\n"
    "from outside, up to the 4096 operations that an input can have.\n"
    "--qtest prints a fuzz input as commands of QEMU's qtest protocol.\n"
    "--c prints it as a regression test, with what its reads answer now: save it as\n"
    "tests/unit/fuzz/NAME.c, add 'fuzz/NAME' to the list in tests/unit/fuzz/meson.build, and\n"
    "meson test -C build fuzz_NAME runs it.\n\n"
    "  --target NAME  what the input is for, or the only target to make inputs for\n"
    "  -o             where to; standard output for --qtest and --c without it\n\n"
    "Exit status: 0, 2 usage or no input, 3 a bad trace, 4 the host failed.\n";

enum { OPT_TARGET = 256, OPT_INPUT, OPT_SEEDS, OPT_QTEST, OPT_C };
static const struct option options[] = {
    {"target", required_argument, NULL, OPT_TARGET},
    {"input", no_argument, NULL, OPT_INPUT},
    {"seeds", no_argument, NULL, OPT_SEEDS},
    {"qtest", no_argument, NULL, OPT_QTEST},
    {"c", no_argument, NULL, OPT_C},
    {NULL, 0, NULL, 0},
};

struct export
{
	int what; /* OPT_... */
	const char *path, *target, *output;
};

/* ---- --seeds ---- */

struct seeds {
	const char *folder;
	unsigned files;
	struct error e;
};

static void seed_write(void *opaque, const uint8_t *bytes, size_t size)
{
	struct seeds *s = opaque;
	char path[PATH_MAX];

	/* Named by content, so that the same seed of two sessions is one file. */
	snprintf(path, sizeof(path), "%s/%016" PRIx64, s->folder, XXH3_64bits(bytes, size));
	if (!s->e.kind && !fuzz_file_write(path, bytes, size, &s->e))
		s->files++;
}

static int make_folder(const char *path, struct error *e)
{
	if (!mkdir(path, 0777) || errno == EEXIST)
		return 0;
	return error_set(e, ERROR_HOST, "cannot make the folder %s: %s", path, strerror(errno));
}

static int seeds_of_target(const struct export *x, struct trace_reader *r, const char *target,
			   struct error *e)
{
	const struct harness_options plain = {.plain = true};
	struct harness *h = harness_open(target, &plain, e);
	char folder[PATH_MAX];
	struct seeds s = {.folder = folder};
	int count = -1;

	if (!h)
		return -1;
	snprintf(folder, sizeof(folder), "%s/%s", x->output, target);
	if (!make_folder(folder, e))
		count = seeds_of_trace(h, r, seed_write, &s, e);
	if (count >= 0 && s.e.kind) {
		*e = s.e;
		count = -1;
	}
	if (count > 0)
		printf("%s: %d inputs\n", folder, count);
	else if (!count)
		rmdir(folder); /* if there is nothing else in it */
	harness_close(h);
	return count;
}

/* A board has what its configuration picked: a class that it does not have is no target. */
static bool on_board(const char *target)
{
	struct error e;
	struct harness *h = harness_open(target, NULL, &e);

	harness_close(h);
	return h;
}

static int export_seeds(const struct export *x)
{
	struct error e = {0};
	struct trace_reader *r;
	const char *name;
	int result = 0;

	if (!x->output)
		return command_usage("export", "where to? give -o FOLDER");
	if (x->target && fuzz_target_check(x->target, &e))
		return command_fail(&e);
	r = trace_reader_open(x->path, &e);
	if (!r || make_folder(x->output, &e)) {
		trace_reader_close(r);
		return command_fail(&e);
	}
	for (unsigned n = 0; result >= 0 && (name = harness_target_name(n)); n++) {
		char target[TARGET_NAME];

		snprintf(target, sizeof(target), "%s", name);
		if (x->target ? !strcmp(x->target, target) : on_board(target))
			result = seeds_of_target(x, r, target, &e);
	}
	trace_reader_close(r);
	return result < 0 ? command_fail(&e) : 0;
}

/* ---- --qtest and --c ---- */

static int export_text(const struct export *x)
{
	struct fuzz_input in;
	struct error e = {0};
	FILE *f = stdout;
	int result;

	if (fuzz_input_load(&in, x->path, x->target, &e))
		return command_fail(&e);
	if (x->output)
		f = fopen(x->output, "w");
	if (!f)
		result =
		    error_set(&e, ERROR_HOST, "cannot write %s: %s", x->output, strerror(errno));
	else if (x->what == OPT_QTEST)
		result = export_qtest(&in, f, &e);
	else
		result = export_c(&in, x->path, f, &e);
	if (f && x->output && fclose(f) && !result)
		result =
		    error_set(&e, ERROR_HOST, "cannot write %s: %s", x->output, strerror(errno));
	fuzz_input_free(&in);
	return result ? command_fail(&e) : 0;
}

/* ---- --input ---- */

struct collected {
	const struct export *x;
	uint8_t *data;
	size_t size;
};

static void collect(void *opaque, const struct op *op)
{
	struct collected *c = opaque;

	c->size += op_encode(op, c->data + c->size);
}

/* In a child, as the trace may be of a session that ended its process. */
static int input_work(void *opaque)
{
	struct collected *c = opaque;
	const struct export *x = c->x;
	const char *target = x->target ? x->target : "board";
	struct error e = {0};
	struct trace_reader *r;
	uint64_t left_out = 0;
	int ops = -1;

	if (fuzz_target_check(target, &e))
		return command_fail(&e);
	r = trace_reader_open(x->path, &e);
	c->data = r ? malloc((size_t)OP_COUNT * OP_ENCODED) : NULL;
	if (c->data)
		ops = convert_from_trace(target, r, collect, c, &left_out, &e);
	else if (r)
		error_set(&e, ERROR_HOST, "out of memory");
	if (ops == 0)
		ops = error_set(&e, ERROR_USAGE,
				"%s: nothing in it is for the registers of target %s", x->path,
				target);
	if (ops > 0 && fuzz_file_write(x->output, c->data, c->size, &e))
		ops = -1;
	if (ops > 0)
		printf("%s: target %s, %d operations in %zu bytes; %s exits are of no use to it\n",
		       x->output, target, ops, c->size, number_text(left_out));
	trace_reader_close(r);
	free(c->data);
	return ops < 0 ? command_fail(&e) : 0;
}

static int export_input(const struct export *x)
{
	struct collected c = {.x = x};
	struct forked_end end;
	struct error e = {0};

	if (!x->output)
		return command_usage("export", "where to? give -o FILE");
	if (forked_run(input_work, &c, &end, &e))
		return command_fail(&e);
	if (end.alive)
		return end.status;
	error_set(&e, ERROR_HOST, "%s: what is in it cannot be carried out again: %s", x->path,
		  end.text);
	return command_fail(&e);
}

/* ---- the command ---- */

static int parse(struct export *x, int argc, char **argv)
{
	int option;

	opterr = 0;
	optind = 0; /* from the start, whatever was parsed before */
	while ((option = getopt_long_only(argc, argv, ":o:", options, NULL)) != -1) {
		switch (option) {
		case OPT_TARGET:
			x->target = optarg;
			break;
		case 'o':
			x->output = optarg;
			break;
		case ':':
			return command_usage("export", "option %s needs a value", argv[optind - 1]);
		case '?':
			return command_usage("export", "unknown option %s", argv[optind - 1]);
		default:
			if (x->what)
				return command_usage("export", "one thing at a time");
			x->what = option;
			break;
		}
	}
	if (!x->what)
		return command_usage("export", "as what? say --seeds, --input, --qtest or --c");
	if (argc - optind != 1)
		return command_usage("export",
				     argc == optind ? "of which file?" : "one file at a time");
	x->path = argv[optind];
	return 0;
}

static int run(int argc, char **argv)
{
	struct export x = {0};
	int status = parse(&x, argc, argv);

	if (status)
		return status;
	switch (x.what) {
	case OPT_SEEDS:
		return export_seeds(&x);
	case OPT_INPUT:
		return export_input(&x);
	default:
		return export_text(&x);
	}
}

const struct command cmd_export = {
    .name = "export",
    .summary = "make fuzz inputs of traces, and other things of those",
    .help = help,
    .run = run,
};
