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
    "Differences that are accepted, with the reason, are in emulator/device/*_qemu.def.\n\n"
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

#define SHOWN_MAX 10u /* differences of an input */
#define DMA_MAX   4096u

/* What the harness's machine has in flash, erased: the same files for QEMU. */
static const size_t flash_size[] = {0x10000, 0x4000};
#define FLASHES (sizeof(flash_size) / sizeof(*flash_size))

struct beside {
	struct harness_watch watch;
	struct harness *h;
	struct qtest *q;
	bool clock;    /* QEMU's can be moved */
	uint64_t told; /* virtual ns, by QEMU's clock */
	bool failed;   /* e says why */
	struct error e;
	const char *path;
	uint32_t op; /* ordinal */
	struct qtest_written written;
	struct {
		uint64_t gpa;
		size_t size;
		uint8_t bytes[DMA_MAX];
	} dma; /* of the exit */
	unsigned reads, differences, accepted;
	bool show_accepted;
};

struct session {
	char **qemu;
	char *own[32];
	char option[FLASHES][80];
	char flash[FLASHES][40];
	const char *target;
	bool show_accepted;
	int clock; /* -1: not known yet */
	unsigned inputs, reads, differences, accepted;
};

static struct beside *of_watch(struct harness_watch *w)
{
	return (struct beside *)(void *)w;
}

/* ---- one access ---- */

static bool ask(struct beside *b, const char *command, char *answer, size_t size)
{
	if (!b->failed)
		b->failed = qtest_ask(b->q, command, answer, size, &b->e) != 0;
	return !b->failed;
}

static void move_clock(struct beside *b)
{
	uint64_t now = machine_now(harness_machine(b->h));
	char command[64], answer[64];

	if (!b->clock) {
		/* The instruction that was counted takes no time. */
		machine_state(harness_machine(b->h))->time_base--;
		return;
	}
	if (now <= b->told)
		return;
	snprintf(command, sizeof(command), "clock_step %" PRIu64, now - b->told);
	if (ask(b, command, answer, sizeof(answer)))
		b->told = now;
}

static void compare_read(struct beside *b, const struct exit *e, const char *answer)
{
	const struct fuzz_region *r = region_at(harness_regions(b->h), e->kind, e->address);
	uint64_t mask = e->size < 8 ? (1ull << e->size * 8) - 1 : UINT64_MAX;
	uint64_t theirs = strtoull(answer, NULL, 16) & mask, ours = e->data & mask;
	const char *name = r ? r->name : "";
	uint32_t offset = r ? (uint32_t)(e->address - region_base(r)) : 0;
	const struct qtest_difference *known;

	b->reads++;
	if (ours == theirs)
		return;
	known = qtest_explain(&b->written, name, offset, e->size, ours, theirs);
	if (known)
		b->accepted++;
	else
		b->differences++;
	if (known ? !b->show_accepted : b->differences > SHOWN_MAX)
		return;
	printf("%s: operation %" PRIu32 ": read %s+%" PRIu32 " size %u: 0x%0*" PRIx64
	       " here, QEMU's 0x%0*" PRIx64 "%s%s\n",
	       b->path, b->op, name, offset, e->size, 2 * e->size, ours, 2 * e->size, theirs,
	       known ? "; accepted: " : "", known ? known->reason : "");
}

/* What a device wrote to memory has to be in QEMU's. */
static void compare_dma(struct beside *b)
{
	static char answer[2 * DMA_MAX + 10];
	char command[80], ours[2 * DMA_MAX + 3];

	if (!b->dma.size)
		return;
	snprintf(command, sizeof(command), "read 0x%" PRIx64 " 0x%zx", b->dma.gpa, b->dma.size);
	strcpy(ours, "0x");
	for (size_t i = 0; i < b->dma.size; i++)
		snprintf(ours + 2 + 2 * i, 3, "%02x", b->dma.bytes[i]);
	if (ask(b, command, answer, sizeof(answer)) && strcmp(answer, ours) != 0) {
		b->differences++;
		printf("%s: operation %" PRIu32 ": DMA to 0x%" PRIx64 ": %.40s... here, QEMU's "
		       "%.40s...\n",
		       b->path, b->op, b->dma.gpa, ours, answer);
	}
	b->dma.size = 0;
}

static void exit_done(struct harness_watch *w, const struct exit *e)
{
	struct beside *b = of_watch(w);
	const struct fuzz_region *r = region_at(harness_regions(b->h), e->kind, e->address);
	char command[128], answer[128];

	move_clock(b);
	if (!qtest_of_exit(e, command, sizeof(command)) || !ask(b, command, answer, sizeof(answer)))
		return;
	if (!e->is_write)
		compare_read(b, e, answer);
	else if (r)
		qtest_write_seen(&b->written, r->name, (uint32_t)(e->address - region_base(r)),
				 e->data);
	compare_dma(b);
}

static void dma_done(struct harness_watch *w, bool is_write, uint64_t gpa, const void *data,
		     size_t size)
{
	struct beside *b = of_watch(w);

	if (!is_write || size > DMA_MAX)
		return;
	b->dma.gpa = gpa;
	b->dma.size = size;
	memcpy(b->dma.bytes, data, size);
}

static void op_begins(struct harness_watch *w, const struct op *op)
{
	static char command[QTEST_COMMAND];
	struct beside *b = of_watch(w);
	char answer[16];

	b->op++;
	if (qtest_of_fill(b->h, op, command))
		ask(b, command, answer, sizeof(answer));
}

/* ---- one input ---- */

/* A QEMU for the session, and whether its clock can be moved. */
static struct qtest *open_qemu(struct session *s, struct error *e)
{
	struct qtest *q;
	char answer[64];

	if (s->clock) {
		q = qtest_open(s->qemu, true, e);
		if (!q || s->clock > 0)
			return q;
		s->clock = !qtest_ask(q, "clock_step 1", answer, sizeof(answer), e);
		qtest_close(q);
		return open_qemu(s, e);
	}
	return qtest_open(s->qemu, false, e);
}

static int run_ops(struct session *s, struct beside *b, const struct fuzz_input *in,
		   struct error *e)
{
	unsigned count;
	struct op *ops = fuzz_input_ops(in->data, in->size, &count);
	uint8_t *data = NULL;
	size_t size = 0;

	if (ops) {
		count = qtest_filter(b->h, ops, count, b->clock);
		data = fuzz_ops_encode(ops, count, &size);
	}
	free(ops);
	if (!data)
		return error_set(e, ERROR_HOST, "out of memory");
	harness_run(b->h, data, size);
	free(data);
	s->inputs++;
	s->reads += b->reads;
	s->differences += b->differences;
	s->accepted += b->accepted;
	if (!b->failed)
		return 0;
	*e = b->e;
	return -1;
}

static int run_input(struct session *s, const char *path, struct error *e)
{
	const struct harness_options plain = {.plain = true};
	struct beside b = {.path = path, .show_accepted = s->show_accepted};
	struct fuzz_input in;
	int result = -1;

	b.watch = (struct harness_watch){.op = op_begins, .exit = exit_done, .dma = dma_done};
	if (fuzz_input_load(&in, path, s->target, e))
		return -1;
	b.h = harness_open(in.target, &plain, e);
	b.q = b.h ? open_qemu(s, e) : NULL;
	b.clock = s->clock > 0;
	b.written.still = !b.clock;
	if (b.q) {
		harness_set_watch(b.h, &b.watch);
		result = run_ops(s, &b, &in, e);
	}
	qtest_close(b.q);
	harness_close(b.h);
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

static void print_accepted(void)
{
	static const char *const when[] = {
	    [QTEST_AFTER] = "once", [QTEST_WHILE] = "as long as", [QTEST_UNTIL] = "before"};

	for (unsigned i = 0; i < qtest_difference_count; i++) {
		const struct qtest_difference *d = &qtest_differences[i];

		printf("%s: %s+%" PRIu32, d->device, d->region, d->first);
		if (d->last != d->first)
			printf("-%" PRIu32, d->last);
		if (d->when == QTEST_NO_READ)
			printf(": reads are left out");
		else if (d->when == QTEST_NO_WRITE)
			printf(": writes with bits 0x%" PRIx64 " = 0x%" PRIx64 " are left out",
			       d->written_mask, d->written_value);
		else
			printf("%s bits 0x%" PRIx64, d->zeros ? " zeros of" : "", d->mask);
		if (d->when == QTEST_STILL)
			printf(", when time stands still");
		if (d->min_size > 1)
			printf(" of reads of %u bytes and more", d->min_size);
		if (d->when == QTEST_AFTER || d->when == QTEST_WHILE || d->when == QTEST_UNTIL)
			printf(", %s %s+%" PRIu32 " was written with bits 0x%" PRIx64
			       " = 0x%" PRIx64,
			       when[d->when], d->written, d->written_offset, d->written_mask,
			       d->written_value);
		printf("\n    %s\n", d->reason);
	}
}

static int run_inputs(struct session *s, char **inputs, unsigned count)
{
	struct error e = {0};
	int status = 0;

	for (unsigned i = 0; i < count && !status; i++) {
		if (run_input(s, inputs[i], &e))
			status = command_fail(&e);
		fflush(stdout);
		progress_show("%u of %u inputs, %u differences", i + 1, count, s->differences);
	}
	progress_clear();
	if (!status)
		printf("%u inputs, %s reads compared%s: %u differ, %u more in ways that are "
		       "accepted\n",
		       s->inputs, number_text(s->reads), s->clock > 0 ? "" : " at time 0",
		       s->differences, s->accepted);
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
			print_accepted();
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
