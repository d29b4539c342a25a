/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vcr qtest: our devices and QEMU's, side by side. An input is carried out here, and each access
 * that comes of it is put to a QEMU too; what that answers is compared.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/command.h"
#include "tools/fuzz_input.h"
#include "tools/qtest.h"

static const char help[] =
    "usage: vcr qtest INPUT... [--target NAME] [-- qemu-system-x86_64 [OPTIONS]]\n\n"
    "Carries fuzz inputs out on our devices and on QEMU's, by its qtest protocol, and prints "
    "where\n"
    "what QEMU answers differs. Without OPTIONS its machine is made like ours: a pc with edu, two\n"
    "serial ports and two erased flash chips. What QEMU has no command for is left out: vectors,\n"
    "MSRs, resets, characters that arrive. Where its build has no accelerator qtest (Debian's has\n"
    "not), time stands still on both sides, and halts are left out too.\n"
    "Of an input the first difference is shown: what comes after it may come of it. Those that "
    "are\n"
    "accepted are listed, with the reason, in emulator/device/*_qemu.def; one that a write "
    "explains\n"
    "is accepted if it is gone when the input is run without such writes, and then the rest is\n"
    "compared without them.\n\n"
    "  --target NAME  what the inputs are for, if not the name of their folder\n"
    "  --all          print accepted differences too\n"
    "  --accepted     print the list of accepted differences and their reasons\n\n"
    "Exit status: 0 no difference but accepted ones, 1 differences, 2 usage or no input, 4 QEMU "
    "or\n"
    "the host failed.\n";

enum { OPT_TARGET = 256, OPT_ALL, OPT_ACCEPTED };
static const struct option options[] = {
    {"target", required_argument, NULL, OPT_TARGET},
    {"all", no_argument, NULL, OPT_ALL},
    {"accepted", no_argument, NULL, OPT_ACCEPTED},
    {NULL, 0, NULL, 0},
};

/* What the harness's machine has in flash, erased: the same files for QEMU. */
static const size_t flash_size[] = {0x10000, 0x4000};
#define FLASHES (sizeof(flash_size) / sizeof(*flash_size))

struct session {
	char **qemu;
	char *own[32];
	char option[FLASHES][80];
	char flash[FLASHES][40];
	const char *target;
	bool show_accepted;
	int clock; /* -1: not known yet */
	unsigned inputs, reads, differences, accepted, left_out;
};

/* ---- one input ---- */

/* Finds out whether QEMU's clock can be moved. */
static int try_clock(struct session *s, struct error *e)
{
	struct qtest *q = qtest_open(s->qemu, true, e);
	char answer[64];

	if (!q)
		return -1;
	s->clock = !qtest_ask(q, "clock_step 1", answer, sizeof(answer), e);
	qtest_close(q);
	return 0;
}

static int run_input(struct session *s, const char *path, struct error *e)
{
	const struct harness_options plain = {.plain = true};
	struct qtest_job job = {.path = path, .qemu = s->qemu, .show_accepted = s->show_accepted};
	struct fuzz_input in;
	int result = -1;

	if (fuzz_input_load(&in, path, s->target, e))
		return -1;
	job.h = harness_open(in.target, &plain, e);
	if (job.h && (s->clock >= 0 || !try_clock(s, e))) {
		job.clock = s->clock > 0;
		job.ops = fuzz_input_ops(in.data, in.size, &job.count);
		result =
		    job.ops ? qtest_beside(&job, e) : error_set(e, ERROR_HOST, "out of memory");
	}
	s->inputs++;
	s->reads += job.reads;
	s->differences += job.differs;
	s->accepted += job.accepted;
	s->left_out += job.left_out;
	free(job.ops);
	harness_close(job.h);
	fuzz_input_free(&in);
	return result;
}

/* ---- the machine to compare with ---- */

static int make_flash(struct session *s, unsigned n, struct error *e)
{
	const char *folder = getenv("TMPDIR");
	uint8_t *data = malloc(flash_size[n]);
	bool good = false;
	int fd;

	snprintf(s->flash[n], sizeof(s->flash[n]), "%.20s/vcr-qtest-XXXXXX",
		 folder && strlen(folder) < 20 ? folder : "/tmp");
	fd = data ? mkstemp(s->flash[n]) : -1;
	if (fd >= 0) {
		memset(data, 0xff, flash_size[n]);
		good = write(fd, data, flash_size[n]) == (ssize_t)flash_size[n];
		close(fd);
	} else {
		s->flash[n][0] = 0;
	}
	free(data);
	snprintf(s->option[n], sizeof(s->option[n]), "if=pflash,unit=%u,format=raw%s,file=%s", n,
		 n ? ",readonly=on" : ",snapshot=on", s->flash[n]);
	return good ? 0
		    : error_set(e, ERROR_HOST, "cannot write a file in %.60s: %s",
				folder ? folder : "/tmp", strerror(errno));
}

static int own_machine(struct session *s, const char *program, struct error *e)
{
	static const char *const like_ours[] = {"-machine",
						"pc,hpet=off,vmport=off",
						"-m",
						"1",
						"-nodefaults",
						"-device",
						"edu,addr=3",
						"-rtc",
						"base=2026-01-01T00:00:00,clock=vm",
						"-serial",
						"null",
						"-serial",
						"null"};
	unsigned n = 0;

	s->own[n++] = (char *)(uintptr_t)program;
	for (unsigned i = 0; i < sizeof(like_ours) / sizeof(*like_ours); i++)
		s->own[n++] = (char *)(uintptr_t)like_ours[i];
	for (unsigned i = 0; i < FLASHES; i++) {
		if (make_flash(s, i, e))
			return -1;
		s->own[n++] = (char *)(uintptr_t) "-drive";
		s->own[n++] = s->option[i];
	}
	s->qemu = s->own;
	return 0;
}

static void remove_flash(const struct session *s)
{
	for (unsigned i = 0; i < FLASHES; i++)
		if (s->flash[i][0])
			unlink(s->flash[i]);
}

/* ---- the command ---- */

static void print_write(const struct qtest_write *w)
{
	printf("%s", w->region);
	if (w->offset != QTEST_ANYWHERE)
		printf("+%" PRIu32, w->offset);
	printf(" with bits 0x%" PRIx64 " = 0x%" PRIx64, w->mask, w->value);
}

static void print_entry(const struct qtest_difference *d)
{
	printf("%s: %s+%" PRIu32, d->device, d->region, d->first);
	if (d->last != d->first)
		printf("-%" PRIu32, d->last);
	switch (d->when) {
	case QTEST_NO_READ:
		printf(": reads are left out");
		break;
	case QTEST_NO_WRITE:
		printf(": writes");
		if (d->written->mask)
			printf(" with bits 0x%" PRIx64 " = 0x%" PRIx64, d->written->mask,
			       d->written->value);
		if (d->min_size > 1)
			printf(" of %u bytes and more", d->min_size);
		printf(" are left out");
		break;
	case QTEST_FIRST_READ:
		printf(": is read by QEMU first");
		break;
	case QTEST_FIRST_WRITE:
		printf(": QEMU gets 0x%" PRIx64 " first", d->written->value);
		break;
	default:
		printf("%s bits 0x%" PRIx64, d->zeros ? " zeros of" : "", d->mask);
	}
	if (d->when == QTEST_STILL)
		printf(", when time stands still%s",
		       d->written ? ", but for the first read behind a write to " : "");
	if (d->when == QTEST_STILL && d->written)
		print_write(d->written);
	if (d->min_size > 1 && d->when != QTEST_NO_WRITE)
		printf(" of reads of %u bytes and more", d->min_size);
	if (d->when == QTEST_WHILE || d->when == QTEST_CAUSED) {
		printf(d->when == QTEST_WHILE ? ", as long as the last write was to "
					      : ", because of a write to ");
		print_write(d->written);
	}
	if (d->before) {
		printf(" behind the last one to ");
		print_write(d->before);
	}
	if (d->end) {
		printf(" without one in between to ");
		print_write(d->end);
	}
	if (d->state) {
		printf(" while here ");
		print_write(d->state);
	}
	printf("\n    %s\n", d->reason);
}

static int run_inputs(struct session *s, char **inputs, unsigned count)
{
	struct error e = {0};
	int status = 0;

	for (unsigned i = 0; i < count && !status; i++) {
		if (run_input(s, inputs[i], &e))
			status = command_fail(&e);
		fflush(stdout);
		progress_show("%u of %u inputs, %u differ", i + 1, count, s->differences);
	}
	progress_clear();
	if (!status)
		printf("%u inputs, %s reads compared%s: %u inputs differ; differences that are "
		       "accepted: %u, and %u operations were left out for them\n",
		       s->inputs, number_text(s->reads), s->clock > 0 ? "" : " at time 0",
		       s->differences, s->accepted, s->left_out);
	return status ? status : s->differences ? ERROR_DIVERGED : 0;
}

static int run(int argc, char **argv)
{
	static char *default_qemu[] = {(char *)(uintptr_t) "qemu-system-x86_64", NULL};
	struct session s = {.qemu = default_qemu, .clock = -1};
	struct error e = {0};
	int option, status, words = 1;

	while (words < argc && strcmp(argv[words], "--") != 0)
		words++;
	if (words + 1 < argc)
		s.qemu = argv + words + 1;
	opterr = 0;
	optind = 1;
	while ((option = getopt_long_only(words, argv, ":", options, NULL)) != -1) {
		switch (option) {
		case OPT_TARGET:
			s.target = optarg;
			break;
		case OPT_ALL:
			s.show_accepted = true;
			break;
		case OPT_ACCEPTED:
			for (unsigned i = 0; i < qtest_difference_count; i++)
				print_entry(&qtest_differences[i]);
			return 0;
		case ':':
			return command_usage("qtest", "option %s needs a value", argv[optind - 1]);
		default:
			return command_usage("qtest", "unknown option %s", argv[optind - 1]);
		}
	}
	if (optind == words)
		return command_usage("qtest", "which inputs?");
	if (!s.qemu[1] && own_machine(&s, s.qemu[0], &e))
		status = command_fail(&e);
	else
		status = run_inputs(&s, argv + optind, (unsigned)(words - optind));
	remove_flash(&s);
	return status;
}

const struct command cmd_qtest = {
    .name = "qtest",
    .summary = "compare our devices with QEMU's",
    .help = help,
    .run = run,
};
