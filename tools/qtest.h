/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QEMU's qtest protocol (docs/devel/testing/qtest.rst of QEMU): commands of one line that access
 * ports and memory and move the clock of a QEMU that has no CPU, each answered with one line.
 */
#ifndef VCR_QTEST_H
#define VCR_QTEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/error.h"
#include "emulator/exit.h"
#include "fuzz/harness.h"

/* The longest command: a write of OP_COUNT's largest fill. */
#define QTEST_COMMAND ((1u << 15) + 100)

/* "outb 0x43 0x36"; false: an exit that the protocol has no command for. */
bool qtest_of_exit(const struct exit *e, char *text, size_t size);
/* "write 0x1000 0x4 0x01020304" */
bool qtest_of_fill(const struct harness *h, const struct op *op, char text[QTEST_COMMAND]);

/*
 * Takes out what has no command: what interrupts the CPU, its MSRs, resets, snapshots, answers from
 * outside, accesses of 3 and 5 to 7 bytes, devices that QEMU has not where ours are; ports are
 * accessed no wider than their device; halts too unless there is a clock, and shortens them to
 * a second. In place; returns how many are left.
 */
unsigned qtest_filter(const struct harness *h, struct op *ops, unsigned count, bool clock);

/* ---- a QEMU that is driven (qtest.c) ---- */

struct qtest;

/*
 * Starts argv[0], found in PATH, with these arguments and those that connect it. With `clock` its
 * accelerator is qtest, and clock_step moves its clock; not every build has that accelerator.
 * Otherwise it is a machine that was never started, at virtual time 0. NULL with e filled in;
 * e->kind is ERROR_USAGE when there is no such program.
 */
struct qtest *qtest_open(char *const argv[], bool clock, struct error *e);
/*
 * Sends a command and waits for its answer, of which `answer` gets what follows "OK". 0, or -1 with
 * e filled in: QEMU ended, does not answer, or refuses.
 */
int qtest_ask(struct qtest *q, const char *command, char *answer, size_t size, struct error *e);
void qtest_close(struct qtest *q);

/* ---- accepted differences (qtest_accepted.c) ---- */

/* When an entry holds, by writes to a register of which the masked bits are a value. */
enum qtest_when {
	QTEST_ALWAYS,
	QTEST_AFTER, /* there was one in this input */
	QTEST_WHILE, /* the last write there was one */
	QTEST_UNTIL, /* there was none */
	QTEST_STILL, /* QEMU's clock cannot be moved, so time stands still */
	/* Not a difference in a read: accesses that are left out on both sides. */
	QTEST_NO_READ,
	QTEST_NO_WRITE, /* of such a value */
};

/* Where QEMU's device does otherwise than ours, and why that stays so. */
struct qtest_difference {
	const char *device; /* whose file it is from */
	const char *region; /* of the read, and which offsets */
	uint32_t first, last;
	uint64_t mask;     /* the bits that may differ */
	unsigned min_size; /* of the access, in bytes */
	bool zeros;        /* only bits that are 0 here and 1 in QEMU */
	enum qtest_when when;
	const char *written;     /* region of the writes that `when` is about */
	uint32_t written_offset; /* QTEST_ANYWHERE: any */
	uint64_t written_mask, written_value;
	const char *reason;
};

#define QTEST_DIFFERENCES 256
#define QTEST_ANYWHERE    UINT32_MAX

extern const struct qtest_difference qtest_differences[];
extern const unsigned qtest_difference_count;

/* What was written so far; zeroed when a session begins, but for `still`. */
struct qtest_written {
	bool still;
	bool ever[QTEST_DIFFERENCES], last[QTEST_DIFFERENCES]; /* by index */
};
void qtest_write_seen(struct qtest_written *w, const char *region, uint32_t offset, uint64_t value);
/* One that explains differing bits of a read, of which none is left unexplained; NULL: no. */
const struct qtest_difference *qtest_explain(const struct qtest_written *w, const char *region,
					     uint32_t offset, unsigned size, uint64_t ours,
					     uint64_t theirs);
/* Does an entry have this access left out? */
bool qtest_left_out(const char *region, uint32_t offset, bool is_write, uint64_t value);

#endif
