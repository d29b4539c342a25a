/* SPDX-License-Identifier: Apache-2.0 */
/* Operations and exits as qtest commands, and a QEMU that carries them out; see qtest.h. */
#include "tools/qtest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define HALT_MAX   1000000000u /* ns */
#define ANSWER_MS  20000
#define ARGS_MAX   256
#define ANSWER_MAX (QTEST_COMMAND + 100)

/* ---- commands ---- */

static char size_letter(unsigned size)
{
	return size == 1 ? 'b' : size == 2 ? 'w' : size == 4 ? 'l' : size == 8 ? 'q' : 0;
}

bool qtest_of_exit(const struct exit *e, char *text, size_t size)
{
	char letter = size_letter(e->size);
	bool port = e->kind == EXIT_PIO;

	if (!letter || (port && e->size > 4) || (!port && e->kind != EXIT_MMIO))
		return false;
	if (port && e->is_write)
		snprintf(text, size, "out%c 0x%" PRIx64 " 0x%" PRIx64, letter, e->address, e->data);
	else if (port)
		snprintf(text, size, "in%c 0x%" PRIx64, letter, e->address);
	else if (e->is_write)
		snprintf(text, size, "write%c 0x%" PRIx64 " 0x%" PRIx64, letter, e->address,
			 e->data);
	else
		snprintf(text, size, "read%c 0x%" PRIx64, letter, e->address);
	return true;
}

bool qtest_of_fill(const struct harness *h, const struct op *op, char text[QTEST_COMMAND])
{
	const struct bus *b = &harness_machine((struct harness *)(uintptr_t)h)->bus;
	uint64_t ram = b->slots ? b->slot[0].size : 0, gpa = ram ? op->offset % ram : 0;
	uint64_t count = op->count < ram - gpa ? op->count : ram - gpa;
	int used =
	    snprintf(text, QTEST_COMMAND, "write 0x%" PRIx64 " 0x%" PRIx64 " 0x", gpa, count);

	if (op->kind != OP_FILL || !count)
		return false;
	for (uint64_t i = 0; i < count; i++)
		used += snprintf(text + used, QTEST_COMMAND - (size_t)used, "%02x",
				 op->length ? op->bytes[i % op->length] : 0);
	return true;
}

/* Is an access, or one item of a string, left out by a list of differences? */
static bool left_out(const struct fuzz_region *r, const struct op *op)
{
	uint64_t size = region_size(r);
	bool is_write = op->kind == OP_WRITE || op->kind == OP_WRITE_STRING;
	uint32_t offset = size ? op->offset % (uint32_t)size : 0;
	unsigned size_in_bytes = r->kind == EXIT_PIO && op->size > 4 ? 4 : op->size;

	/* Wider ones come to the registers that follow. */
	for (unsigned i = 0; i < size_in_bytes; i++) {
		if (op->kind == OP_WRITE_STRING && op->length) {
			for (unsigned n = 0; n < op->length; n++)
				if (qtest_left_out(r->name, offset + i, size_in_bytes, true,
						   op->bytes[n]))
					return true;
		} else if (qtest_left_out(r->name, offset + i, size_in_bytes, is_write,
					  op->value >> i * 8)) {
			return true;
		}
	}
	return false;
}

/*
 * The bus splits what is wider than a device, or goes beyond its ports, into cycles at one port
 * after the other (8-bit slaves of ISA). QEMU gives it all to the device of the first port: only
 * as much as that has is comparable. False: nothing is.
 */
static bool narrow(const struct harness *h, struct op *op)
{
	const struct fuzz_region *r = region_by_number(harness_regions(h), op->region);
	uint64_t size = r ? region_size(r) : 0;
	const struct region *at;

	if (op->kind > OP_WRITE_STRING || !size || r->kind != EXIT_PIO)
		return true;
	at = bus_find_port(&r->device->machine->bus, region_base(r));
	/* 82441FX, 3.1.1: CF8h is a doubleword, and bytes there are others'; QEMU answers those. */
	if (!at || at->ops->whole)
		return op->size >= 4;
	if (op->size > 2)
		op->size = 4;
	while (op->size > 1 &&
	       (op->size > at->ops->max_size || op->offset % size + op->size > size))
		op->size /= 2;
	return true;
}

/* Where there is none of QEMU's to compare with. */
static bool is_absent(const struct fuzz_region *r)
{
	static const char *const classes[] = {
	    "acpi-pm", /* firmware places QEMU's */
	    "lapic",   /* QEMU's belongs to a CPU, which qtest is not */
	};

	for (unsigned i = 0; i < sizeof(classes) / sizeof(*classes); i++) {
		if (!strcmp(r->device->class->name, classes[i]))
			return true;
	}
	return !strcmp(r->name, "reset-control");
}

static bool has_command(const struct harness *h, const struct op *op, bool clock)
{
	const struct fuzz_region *r = region_by_number(harness_regions(h), op->region);

	switch (op->kind) {
	case OP_READ:
	case OP_WRITE:
	case OP_READ_STRING:
	case OP_WRITE_STRING:
		/* Ports take 1, 2 and 4 bytes, whatever is asked for. */
		return r &&
		       (r->kind == EXIT_PIO || (r->kind == EXIT_MMIO && size_letter(op->size))) &&
		       !is_absent(r) && !left_out(r, op);
	case OP_CLOCK:
	case OP_TIMER:
		return clock;
	case OP_FILL:
		return true;
	default:
		return false;
	}
}

bool qtest_takes(const struct harness *h, struct op *op, bool clock)
{
	if (!narrow(h, op) || !has_command(h, op, clock))
		return false;
	if ((op->kind == OP_CLOCK || op->kind == OP_TIMER) && op->value > HALT_MAX)
		op->value = HALT_MAX;
	return true;
}

unsigned qtest_filter(const struct harness *h, struct op *ops, unsigned count, bool clock)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < count; i++) {
		if (qtest_takes(h, &ops[i], clock))
			ops[kept++] = ops[i];
	}
	return kept;
}

/* ---- a QEMU ---- */

struct qtest {
	pid_t pid;
	int to, from;
	char name[80];
	char text[ANSWER_MAX]; /* what came and was not taken yet */
	size_t used;
	bool ended;
};

static int start(struct qtest *q, char *const argv[], bool clock, struct error *e)
{
	/* -S: do not start the CPU; the accelerator qtest has none. */
	const char *const connected[] = {"-qtest",
					 "stdio",
					 "-qtest-log",
					 "none",
					 "-display",
					 "none",
					 "-monitor",
					 "none",
					 "-S",
					 "-accel",
					 clock ? "qtest" : "tcg"};
	const unsigned count = sizeof(connected) / sizeof(*connected);
	const char *all[ARGS_MAX + 1];
	posix_spawn_file_actions_t actions;
	unsigned n = 0;
	int in[2], out[2], why;

	for (; n < ARGS_MAX - count && argv[n]; n++)
		all[n] = argv[n];
	for (unsigned i = 0; i < count; i++)
		all[n++] = connected[i];
	all[n] = NULL;
	if (pipe2(in, O_CLOEXEC))
		return error_set(e, ERROR_HOST, "cannot make a pipe: %s", strerror(errno));
	if (pipe2(out, O_CLOEXEC)) {
		close(in[0]);
		close(in[1]);
		return error_set(e, ERROR_HOST, "cannot make a pipe: %s", strerror(errno));
	}
	why = posix_spawn_file_actions_init(&actions);
	if (!why)
		why = posix_spawn_file_actions_adddup2(&actions, in[0], 0);
	if (!why)
		why = posix_spawn_file_actions_adddup2(&actions, out[1], 1);
	/* Whether there is such an accelerator is only tried. */
	if (!why && clock)
		why = posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	if (!why)
		why = posix_spawnp(&q->pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)all,
				   environ);
	posix_spawn_file_actions_destroy(&actions);
	close(in[0]);
	close(out[1]);
	q->to = in[1];
	q->from = out[0];
	if (!why)
		return 0;
	q->pid = 0;
	return error_set(e, why == ENOENT ? ERROR_USAGE : ERROR_HOST,
			 "cannot run %.200s: %s (Debian: apt-get install qemu-system-x86)", argv[0],
			 strerror(why));
}

struct qtest *qtest_open(char *const argv[], bool clock, struct error *e)
{
	struct qtest *q = calloc(1, sizeof(*q));

	if (!q) {
		error_set(e, ERROR_HOST, "out of memory");
		return NULL;
	}
	/* One that ended is told by what it did not answer. */
	signal(SIGPIPE, SIG_IGN);
	snprintf(q->name, sizeof(q->name), "%s", argv[0]);
	q->to = q->from = -1;
	if (!start(q, argv, clock, e))
		return q;
	qtest_close(q);
	return NULL;
}

/* A line, without its end; 0, or -1 when there comes none: q->ended says why. */
static int read_line(struct qtest *q, char *line, size_t size)
{
	for (;;) {
		char *end = memchr(q->text, '\n', q->used);
		struct pollfd p = {.fd = q->from, .events = POLLIN};
		ssize_t n;

		if (end) {
			snprintf(line, size, "%.*s", (int)(end - q->text), q->text);
			q->used -= (size_t)(end + 1 - q->text);
			memmove(q->text, end + 1, q->used);
			return 0;
		}
		if (q->used == sizeof(q->text) || poll(&p, 1, ANSWER_MS) <= 0)
			return -1;
		n = read(q->from, q->text + q->used, sizeof(q->text) - q->used);
		if (n <= 0) {
			q->ended = true;
			return -1;
		}
		q->used += (size_t)n;
	}
}

static int send_line(struct qtest *q, const char *text)
{
	size_t left = strlen(text);

	while (left) {
		ssize_t n = write(q->to, text, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		text += n;
		left -= (size_t)n;
	}
	return write(q->to, "\n", 1) == 1 ? 0 : -1;
}

int qtest_ask(struct qtest *q, const char *command, char *answer, size_t size, struct error *e)
{
	static char line[ANSWER_MAX];

	if (send_line(q, command))
		return error_set(e, ERROR_HOST, "%s ended before '%.60s'", q->name, command);
	do {
		if (read_line(q, line, sizeof(line)))
			return error_set(e, ERROR_HOST,
					 q->ended ? "%s ended before it answered '%.60s' (is it a "
						    "QEMU, and are its options right?)"
						  : "%s does not answer '%.60s'",
					 q->name, command);
	} while (!strncmp(line, "IRQ ", 4));
	if (strncmp(line, "OK", 2) != 0)
		return error_set(e, ERROR_HOST, "%s: '%.60s': %.80s", q->name, command, line);
	snprintf(answer, size, "%s", line + 2 + (line[2] == ' '));
	return 0;
}

void qtest_close(struct qtest *q)
{
	int status;

	if (!q)
		return;
	if (q->to >= 0)
		close(q->to);
	if (q->from >= 0)
		close(q->from);
	if (q->pid > 0) {
		kill(q->pid, SIGKILL);
		while (waitpid(q->pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	free(q);
}
