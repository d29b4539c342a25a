/* SPDX-License-Identifier: Apache-2.0 */
/* vcr export: sessions as fuzz inputs, and fuzz inputs in the languages of others. */
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
    "usage: vcr export --input TRACE [--target NAME] -o FILE\n\n"
    "--input makes one fuzz input of a trace: what the session did to the registers of the target\n"
    "(all of the board's, unless told otherwise), at the same virtual times, with the same "
    "answers\n"
    "from outside, up to the 4096 operations that an input can have.\n\n"
    "  --target NAME  what the input is for\n"
    "  -o FILE        where to\n\n"
    "Exit status: 0, 2 usage or no input, 3 a bad trace, 4 the host failed.\n";

enum { OPT_TARGET = 256, OPT_INPUT };
static const struct option options[] = {
    {"target", required_argument, NULL, OPT_TARGET},
    {"input", no_argument, NULL, OPT_INPUT},
    {NULL, 0, NULL, 0},
};

struct export
{
	int what; /* OPT_... */
	const char *path, *target, *output;
};

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
		return command_usage("export", "as what? say --input");
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

	return status ? status : export_input(&x);
}

const struct command cmd_export = {
    .name = "export",
    .summary = "make fuzz inputs of traces",
    .help = help,
    .run = run,
};
