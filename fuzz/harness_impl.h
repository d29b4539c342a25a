/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the harness share, private to fuzz/: see harness.h for who does what.
 */
#ifndef VCR_FUZZ_HARNESS_IMPL_H
#define VCR_FUZZ_HARNESS_IMPL_H

#include "emulator/snapshot.h"
#include "fuzz/harness.h"
#include "fuzz/judge.h"

#define QUEUE_BYTES 512u
#define RAM_PAGES   1024u /* of the harness's board at most */
#define SPARES      4u

/* What the outside will answer, oldest byte first. */
struct answer_queue {
	uint16_t first, end;
	uint8_t bytes[QUEUE_BYTES];
};

/*
 * The state of the world around the machine. It goes with the machine's: an OP_RESTORE puts both
 * back. Queues come last, as only their bounds need a reset.
 */
struct world {
	uint64_t events;    /* hash of what happened so far */
	int64_t clock;      /* the wall clock, ns since 1970, at virtual time 0 */
	uint64_t random;    /* state of the generator behind the entropy queue */
	unsigned generated; /* pages that an OP_DMA filled */
	enum op_pointer pointer;
	uint8_t pattern_offset;
	uint16_t pattern_length;
	uint64_t written[RAM_PAGES / 64]; /* pages with content of their own */
	uint32_t line_levels[32];         /* lines.c: of shared lines, by driver */
	uint64_t line_high[3];            /* of all lines */
	uint8_t pattern[OP_BYTES];
	struct answer_queue queue[QUEUES];
};

/* What one look at the machine from outside may cause, before the next. */
struct work {
	unsigned calls; /* of devices by each other, the board and the loop */
	unsigned dma;   /* bytes */
	unsigned output;
};

struct guard;
struct lines;
struct outside;
struct reset;

struct harness {
	struct host door;
	struct tap tap;
	struct machine *m;
	const char *target;
	struct harness_options options;
	struct harness_watch *watch;
	struct region_table regions;

	struct snapshot *start; /* the power-on state */
	uint8_t *start_arena;   /* for the judge: what they have to be */
	uint8_t *start_ram;
	const uint8_t *input; /* that is run */
	size_t input_size;
	uint64_t page_checked; /* of RAM and the TLB: a part of them each time */
	struct snapshot *mark; /* of OP_SNAPSHOT, or NULL */
	struct world mark_world;
	unsigned marks;
	struct snapshot *spare[SPARES]; /* not needed any more; the first for longest */

	struct world world;
	uint64_t halt_until; /* virtual time to which OP_CLOCK halts */
	uint64_t reset_port; /* UINT64_MAX: none */

	bool fill_stack; /* before each operation */
	bool wide;       /* the input has given a device a number of 64 bits */
	struct work work;
	const struct exit *exit; /* that is being carried out */
	struct guard *guard;
	struct lines *lines;
	struct outside *outside;
	struct reset *reset;
	volatile uint64_t ticks_op; /* counts operations, for the timer of judge.c */
};

/* ---- harness.c ---- */

/* Snapshots of the machine as it is, or NULL; and their end. */
struct snapshot *harness_snapshot(struct harness *h);
void harness_forget(struct harness *h, struct snapshot *s);

/* ---- inject.c ---- */

void inject_op(struct harness *h, const struct op *op);
/* To run a part of an input again. */
struct place {
	struct op_reader reader;
	unsigned ops;
};
/* Carries out operations up to the end or the n-th; where it stands then. */
struct place inject_ops(struct harness *h, struct place from, unsigned until);

/* ---- door.c ---- */

extern const struct host_ops door_ops;
void door_reset(struct harness *h);
void door_queue(struct harness *h, unsigned queue, const uint8_t *bytes, unsigned length);
/* What a device gets from memory: content for pages without any (OP_DMA). */
void door_dma(void *opaque, uint64_t gpa, void *buffer, size_t size);
void door_page_written(struct harness *h, uint64_t gpa, uint64_t size);

/* ---- judge.c and guard.c ---- */

/* An objection; comes back only when a test has asked for it. */
void judge_object(struct harness *h, const char *format, ...) __attribute__((format(printf, 2, 3)));
extern const struct tap judge_tap;
void judge_event(struct harness *h, unsigned kind, uint64_t a, uint64_t b);
void judge_bytes(struct harness *h, const void *bytes, size_t size);
/* A new look at the machine begins: its work is counted anew. */
static inline void judge_begin(struct harness *h)
{
	h->work = (struct work){0};
}
/*
 * What one exit, one round of timers or one poll may cause. A cascade of interrupt lines is a
 * dozen calls, a reset of the machine some hundred; the longest thing that DMA moves on this board
 * is its ACPI tables.
 */
#define CALLS_MAX  4096u
#define DMA_MAX    (1u << 20)
#define OUTPUT_MAX (1u << 16)
/* Objects to more than that. */
void judge_work(struct harness *h);
static inline void judge_call(struct harness *h)
{
	h->work.calls++;
	if (h->work.calls == CALLS_MAX || h->work.dma > DMA_MAX || h->work.output > OUTPUT_MAX)
		judge_work(h);
}
/* Starts the clock that ends operations which do not end. */
int judge_open(struct harness *h, struct error *e);
void judge_close(struct harness *h);
/* Whether this input is one of those that are run more than once. */
bool judge_chooses(const uint8_t *data, size_t size);
/* After a restore of the power-on state. */
void judge_restored(struct harness *h);

/* Wraps the classes and regions of all devices, so that calls to them are seen. */
int guard_open(struct harness *h, struct error *e);
void guard_close(struct harness *h);
/* Around what copies the whole arena: lets it, and guards again. */
void guard_lift(struct harness *h);
void guard_lower(struct harness *h);
/* Copies without a look at guards. */
void guard_copy(void *to, const void *from, size_t size);
/*
 * Whether a device ran, since the last call of guard_reset(), that keeps something derived from its
 * state, which a restore has to put right.
 */
bool guard_derived(const struct harness *h);
void guard_reset(struct harness *h);
/* Guards are whole; after each operation. */
void guard_check(struct harness *h);
/* The name of the device that runs, or NULL. */
const char *guard_inside(void);

/* ---- lines.c ---- */

int lines_open(struct harness *h, struct error *e);
void lines_close(struct harness *h);
/* A pin of a device is told its level by another; both are indices in machine.device. */
void lines_driven(struct harness *h, unsigned from, unsigned to, unsigned pin, bool level);
/* After each operation. */
void lines_check(struct harness *h);
/* After the machine was reset. */
void lines_reset(struct harness *h);

/* ---- reset.c ---- */

int reset_open(struct harness *h, struct error *e);
void reset_close(struct harness *h);
/* Around a reset of the machine, and before each input. */
void reset_begins(struct harness *h);
void reset_ends(struct harness *h);
void reset_forget(struct harness *h);

/* ---- outside.c ---- */

int outside_open(struct harness *h, struct error *e);
void outside_close(struct harness *h);
/* No state of a device has a pointer of this process in it. */
void outside_check(struct harness *h);
/* Fills the stack below, so that what is read there and was not written is not twice the same. */
void outside_fill_stack(void);

#endif
