/* SPDX-License-Identifier: Apache-2.0 */
/* vcr repro: runs one fuzz input and shows what it does to the devices. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fuzz/harness.h"
#include "replay/event.h"
#include "tools/command.h"
#include "tools/forked.h"
#include "tools/fuzz_input.h"

static const char help[] =
    "usage: vcr repro INPUT [--target NAME]\n\n"
    "Runs one fuzz input on the devices of its target and prints each operation, and below it "
    "what\n"
    "crossed the machine's edges: exits with their answers, interrupts, DMA, output. At the end "
    "it\n"
    "says whether the judge objects (fuzz/judge.h) or the process died, and in which operation.\n"
    "INPUT is bytes as engines keep them, or text as this command prints it, an operation a line.\n"
    "To see what sanitizers see, run build-fuzz-libfuzzer/fuzz/fuzz_TARGET INPUT, which vcr fuzz\n"
    "built, or a vcr that was built with -Db_sanitize=address,undefined.\n\n"
    "  --target NAME  what the input is for, if not the name of its folder (corpora/*/NAME/INPUT)\n"
    "  --quiet        only the last line, and what is said on standard error\n"
    "  --no-fork      in this process, for debuggers\n\n"
    "Exit status: 0 nothing is wrong, 1 an objection or a crash, 2 usage or no input, 4 the host\n"
    "failed.\n";

enum { OPT_TARGET = 256, OPT_QUIET, OPT_NO_FORK };
static const struct option options[] = {
    {"target", required_argument, NULL, OPT_TARGET},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {"no-fork", no_argument, NULL, OPT_NO_FORK},
    {NULL, 0, NULL, 0},
};

struct repro {
	struct harness_watch watch;
	struct fuzz_input in;
	struct harness *h;
	volatile uint32_t *ops; /* begun; shared */
	bool quiet;
};

static struct repro *of_watch(struct harness_watch *w)
{
	return (struct repro *)(void *)w;
}

/* ---- what is shown ---- */

static void show_op(struct harness_watch *w, const struct op *op)
{
	struct repro *r = of_watch(w);
	char text[OP_TEXT];

	(*r->ops)++;
	if (r->quiet)
		return;
	printf("%4" PRIu32 "  %s\n", *r->ops,
	       op_text(op, harness_regions(r->h), text, sizeof(text)));
	/* What comes next may end the process. */
	fflush(stdout);
}

static void show_event(const struct repro *r, const struct event *event)
{
	char text[400];

	if (r->quiet)
		return;
	printf("        %s\n", event_text(event, harness_machine(r->h), text, sizeof(text)));
	fflush(stdout);
}

static void show_exit(struct harness_watch *w, const struct exit *e)
{
	const struct repro *r = of_watch(w);
	struct event event = event_of_exit(harness_machine(r->h), e);

	show_event(r, &event);
}

static void show_irq(struct harness_watch *w, enum irq_kind kind, uint32_t value)
{
	const struct repro *r = of_watch(w);
	struct event event = event_of_irq(harness_machine(r->h), kind, value);

	show_event(r, &event);
}

static void show_dma(struct harness_watch *w, bool is_write, uint64_t gpa, const void *data,
		     size_t size)
{
	const struct repro *r = of_watch(w);
	struct event event = event_of_dma(harness_machine(r->h), is_write, gpa, data, size);

	show_event(r, &event);
}

static void show_output(struct harness_watch *w, unsigned channel, const uint8_t *bytes,
			size_t size)
{
	if (of_watch(w)->quiet)
		return;
	printf("        output char%u", channel);
	for (size_t i = 0; i < size && i < 32; i++)
		printf("%s%02x", i % 8 ? "" : " ", bytes[i]);
	puts(size > 32 ? "..." : "");
}

/* ---- the run ---- */

static int work(void *opaque)
{
	struct repro *r = opaque;
	struct error e = {0};
	enum stop_reason stop;

	r->h = harness_open(r->in.target, NULL, &e);
	if (!r->h)
		return command_fail(&e);
	r->watch = (struct harness_watch){.op = show_op,
					  .exit = show_exit,
					  .irq = show_irq,
					  .dma = show_dma,
					  .output = show_output};
	harness_set_watch(r->h, &r->watch);
	stop = harness_run(r->h, r->in.data, r->in.size);
	if (stop != STOP_NONE && !r->quiet)
		printf("the session ends: %s\n", stop_reason_text(stop));
	harness_close(r->h);
	return 0;
}

static int repro(struct repro *r, const char *path, const char *target, bool fork)
{
	struct error e = {0};
	struct forked_end end = {.alive = true};

	r->ops = forked_memory(sizeof(*r->ops));
	if (!r->ops) {
		error_set(&e, ERROR_HOST, "out of memory");
		return command_fail(&e);
	}
	if (fuzz_input_load(&r->in, path, target, &e))
		return command_fail(&e);
	if (!r->quiet)
		printf("%s: target %s, %u operations in %zu bytes\n", path, r->in.target, r->in.ops,
		       r->in.size);
	if (!fork)
		end.status = work(r);
	else if (forked_run(work, r, &end, &e))
		end.status = command_fail(&e);
	fuzz_input_free(&r->in);
	if (end.alive && !end.status) {
		printf("%s: nothing is wrong%s\n", path,
		       HAS_SANITIZERS ? "" : " that shows without sanitizers (--help)");
	} else if (!end.alive) {
		printf("%s: fails in operation %" PRIu32 ": %s\n", path, *r->ops, end.text);
	}
	return end.alive ? end.status : ERROR_DIVERGED;
}

static int run(int argc, char **argv)
{
	struct repro r = {.quiet = false};
	const char *target = NULL;
	bool fork = true;
	int option;

	opterr = 0;
	optind = 0; /* from the start, whatever was parsed before */
	while ((option = getopt_long_only(argc, argv, ":", options, NULL)) != -1) {
		switch (option) {
		case OPT_TARGET:
			target = optarg;
			break;
		case OPT_QUIET:
			r.quiet = true;
			break;
		case OPT_NO_FORK:
			fork = false;
			break;
		case ':':
			return command_usage("repro", "option %s needs a value", argv[optind - 1]);
		default:
			return command_usage("repro", "unknown option %s", argv[optind - 1]);
		}
	}
	if (argc - optind != 1)
		return command_usage("repro",
				     argc == optind ? "which input?" : "one input at a time");
	return repro(&r, argv[optind], target, fork);
}

const struct command cmd_repro = {
    .name = "repro",
    .summary = "run one fuzz input and show what it does",
    .help = help,
    .run = run,
};
