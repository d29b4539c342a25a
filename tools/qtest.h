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
 * Has an operation something to compare? There is no command for what interrupts the CPU, its MSRs,
 * resets, snapshots, answers from outside, accesses of 3 and 5 to 7 bytes, devices that QEMU has
 * not where ours are; nor for halts unless there is a clock. Changes the operation: ports are
 * accessed no wider than their device, halts are a second at most.
 */
bool qtest_takes(const struct harness *h, struct op *op, bool clock);
/* Leaves those of which that holds, in place; returns how many. */
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

/* What an entry is about. "Written" is its register, of which the masked bits are a value. */
enum qtest_when {
	QTEST_ALWAYS,
	QTEST_WHILE, /* the last write there was such a one */
	/* QEMU's clock cannot be moved: time stands still. Not the first read behind such a write.
	 */
	QTEST_STILL,
	/*
	 * Such a write, or two of them in a row, leaves the two devices in states that differ. A
	 * read may differ after it, if it does not when they are left out on both sides.
	 */
	QTEST_CAUSED,
	/* Not differences in reads: accesses that are left out on both sides, */
	QTEST_NO_READ,
	QTEST_NO_WRITE, /* of such a value; */
	/* and those that QEMU alone gets before an input, to begin as ours does. */
	QTEST_FIRST_READ,
	QTEST_FIRST_WRITE,
};

/* A write to a register: of which region, at which offset, which bits of it are what. */
struct qtest_write {
	const char *region;
	uint32_t offset; /* QTEST_ANYWHERE: any */
	uint64_t mask, value;
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
	const struct qtest_write *before;  /* the last write there has to be such a one, or NULL, */
	const struct qtest_write *end;     /* and none like this to have come since, or NULL */
	const struct qtest_write *state;   /* what a register here reads as before it, or NULL */
	const struct qtest_write *written; /* what `when` is about, or NULL */
	const char *reason;
};

#define QTEST_DIFFERENCES 256
#define QTEST_ANYWHERE    UINT32_MAX

extern const struct qtest_difference qtest_differences[];
extern const unsigned qtest_difference_count;

/* What was written so far; zeroed when a session begins, but for `still`. */
struct qtest_written {
	bool still;
	unsigned op; /* that writes now */
	struct {
		bool last;   /* the last write to entry->written's register was such a one */
		bool before; /* and to entry->before's, */
		bool state;  /* and its state->register has such a value now */
		unsigned before_op;
	} entry[QTEST_DIFFERENCES];
};

/*
 * To be told of each write. `cause` is called for entries and operations that are a cause by them:
 * this one, and that of the write before it which makes it one.
 */
void qtest_write_seen(struct qtest_written *w, const char *region, uint32_t offset, uint64_t value,
		      void (*cause)(void *opaque, unsigned entry, unsigned op), void *opaque);

void qtest_read_seen(struct qtest_written *w, const char *region, uint32_t offset);

/* The bits of a read that differ and that entries other than QTEST_CAUSED do not explain. */
uint64_t qtest_unexplained(const struct qtest_written *w, const char *region, uint32_t offset,
			   unsigned size, uint64_t ours, uint64_t theirs);
/* The bits of a read that may differ by an entry's cause; 0 unless it is QTEST_CAUSED. */
uint64_t qtest_may_cause(unsigned entry, const char *region, uint32_t offset, unsigned size,
			 uint64_t ours);
/* Does an entry have an access of this size left out, by what it does to the register at offset? */
bool qtest_left_out(const char *region, uint32_t offset, unsigned size, bool is_write,
		    uint64_t value);

/* ---- one input on both sides (qtest_beside.c) ---- */

struct qtest_job {
	const char *path; /* of the input, for what is printed */
	struct harness *h;
	struct op *ops;
	unsigned count;
	char *const *qemu;
	bool clock; /* QEMU's can be moved */
	bool show_accepted;
	/* Of the input, when it is done. */
	unsigned reads, accepted;
	unsigned left_out; /* operations, to see that what they cause is gone */
	bool differs;
};

/*
 * Carries the operations out here and in QEMUs and prints the first read that differs in a way that
 * is not accepted; what comes after it may come of it, and is not looked at. When one differs that
 * an entry QTEST_CAUSED may be behind, the input is begun anew without the writes that the entry is
 * about: the difference is accepted if it is gone then. 0, or -1 with e filled in.
 */
int qtest_beside(struct qtest_job *job, struct error *e);

#endif
