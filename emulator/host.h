/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only door to the outside. Whatever a machine learns that is not a function of its own
 * state comes through these calls; live, record, replay and fuzz are implementations of them.
 * The machine calls at positions that are themselves a function of its state, so that an
 * answer can be given again at the same position.
 */
#ifndef VCR_HOST_H
#define VCR_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Why a session ends from outside. Stored in traces: never change or reuse a number. */
enum host_stop {
	HOST_STOP_NONE = 0,
	HOST_STOP_QUIT = 1,    /* Ctrl-A x, SIGINT, SIGTERM */
	HOST_STOP_TIMEOUT = 2, /* --timeout */
	HOST_STOP_FAILED = 3,  /* the host cannot go on: output or trace not writable */
	HOST_STOP_END = 4,     /* nothing more to answer with: a replay's trace ended or diverged */
};

/* Character channels: serial ports, debug console, key strokes, power button. */
#define HOST_CHANNELS       5
#define HOST_CHANNEL_BUTTON 4 /* each byte is a press, whatever it is */
#define HOST_STORES   2 /* flash chips */

struct host;

/* What there is to do at a boundary between two instructions (machines by exits). */
enum host_boundary {
	HOST_BOUNDARY_HERE,  /* the run loop goes through its steps here */
	HOST_BOUNDARY_LATER, /* not here: go on to a later exit */
	HOST_BOUNDARY_AT,    /* not here: go on to that place */
};

/* Where the next instruction is. */
struct host_place {
	uint64_t rip;    /* CS-relative */
	uint64_t linear; /* the same as a linear address */
	uint8_t cpl;
};

struct host_ops {
	/* Wall clock in nanoseconds since 1970-01-01 UTC; a board asks for its real-time clock. */
	int64_t (*wall_clock)(struct host *h);
	void (*entropy)(struct host *h, void *buffer, size_t size);
	/* Takes up to `max` bytes that arrived on a channel; 0 when there are none. Never blocks.
	 */
	size_t (*char_read)(struct host *h, unsigned channel, uint8_t *buffer, size_t max);
	/* Sends bytes out. Failure is the host's affair: it shows as a stop, never to the guest. */
	void (*char_write)(struct host *h, unsigned channel, const uint8_t *buffer, size_t size);
	/*
	 * The vCPU is halted at virtual time `now` until `deadline` (UINT64_MAX: no timer runs).
	 * Returns the virtual time at which it goes on, from `now` to `deadline`; or UINT64_MAX
	 * when nothing can ever wake it.
	 */
	uint64_t (*wait)(struct host *h, uint64_t now, uint64_t deadline);
	/*
	 * Bytes [offset, offset + size) of store number `unit`, which outlives the machine (the
	 * file of a flash chip), are these now. May be NULL: nothing outlives this machine.
	 * Failure is the host's affair.
	 */
	void (*store)(struct host *h, unsigned unit, uint64_t offset, const void *bytes,
		      size_t size);
	/* Asked at every poll position: should the session end here? */
	enum host_stop (*stop)(struct host *h);

	/* ---- only for machines whose time is the host's (machine_config.host_time) ---- */

	/* Nanoseconds since the session began. */
	uint64_t (*clock)(struct host *h);
	/* The same for the vCPU: it reads its time stamp counter, or programs its deadline. */
	uint64_t (*tsc)(struct host *h);
	/* At a boundary: the time when the timer at `deadline` is due, else 0. */
	uint64_t (*due)(struct host *h, uint64_t deadline);
	/*
	 * The vCPU is halted: sleeps to `deadline` (UINT64_MAX: no timer runs) or until something
	 * arrives. Returns the time then; UINT64_MAX when nothing can ever wake it.
	 */
	uint64_t (*idle)(struct host *h, uint64_t deadline);
	/* In how many ns the accelerator should leave the guest by itself; UINT64_MAX: never. */
	uint64_t (*alarm)(struct host *h, uint64_t deadline);
	/*
	 * Before the run loop's steps at a boundary: are they taken here? Live, anywhere; in a
	 * replay, where the recording did. `again`: they just were; once more, with no instruction
	 * in between? *place is for HOST_BOUNDARY_AT.
	 */
	enum host_boundary (*boundary)(struct host *h, bool again, struct host_place *place);
	/*
	 * Calls wake(opaque) from now on when input came that the machine should look at
	 * (machine_poll), from any thread; NULL ends that. May be NULL: nothing comes by itself.
	 */
	void (*listen)(struct host *h, void (*wake)(void *opaque), void *opaque);
};

struct host {
	const struct host_ops *ops;
};

#endif
