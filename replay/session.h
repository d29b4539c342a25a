/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the three kinds of replay share, private to replay/: the trace with some look-ahead, the
 * machine built from it, the comparison of what comes with what is expected, and the door that
 * answers from the trace.
 */
#ifndef VCR_REPLAY_SESSION_H
#define VCR_REPLAY_SESSION_H

#include "replay/digest.h"
#include "replay/event.h"
#include "replay/replay.h"

#define HISTORY 10
#define QUEUE   4096 /* DMA and host answers inside one exit must fit */

/* An event with room for its bytes. */
struct held_event {
	struct event event;
	uint8_t *bytes;
	size_t room;
};

/* By exits: what is known of a guest that does not come to the next event (endless.c). */
struct endless {
	uint64_t from;   /* events checked when it was on its way to that one first */
	uint64_t looked; /* insns at the last look */
	uint64_t ran;    /* instructions since, as far as they are counted */
	uint64_t ran_ns; /* or the time that it had */
	unsigned looks, alarms, alarms_seen, repeats;
	bool time_known;
	uint64_t ns;           /* that the recording took; UINT64_MAX: not known */
	struct sample *sample; /* states that it was in, or NULL */
	uint64_t seed;
	char text[128];
};

struct replay {
	struct host host;
	struct tap tap;
	struct replay_options options;
	char *path;
	struct trace_reader *reader;
	struct machine *machine;
	struct digester digester;

	/* Look-ahead: a ring; queue[first] is the next event expected. */
	struct held_event queue[QUEUE];
	unsigned first, queued;
	bool drained; /* the reader has no more */

	struct held_event history[HISTORY];
	uint64_t checked;
	uint64_t stepped; /* by exits: `checked` when the steps at a boundary were last taken */
	struct endless endless;

	struct event end;   /* kind 0 until it was reached */
	struct error error; /* of the reader; kind ERROR_NONE while it is well */

	bool diverged;
	struct held_event expected, came;
	bool nothing_expected, nothing_came;
	bool astray; /* the guest runs for ever, at the RIP that is in `came` */
	const char *why;
};

/* The event `ahead` places from the next one, or NULL at the end of what is readable. */
const struct event *session_peek(struct replay *r, unsigned ahead);
/*
 * Device replay by exits: whether a device that asks for the time now is told it anew. In old
 * traces (BOUNDARY_EACH) it is guessed from the events: those that bring input, or a reset, have
 * their devices ask, unless a timer was due at this boundary or one of them asked before.
 */
bool session_time_stale(struct replay *r);
/*
 * By exits: whether the loop's steps were taken here; see struct host_ops. Steps that brought no
 * event are a divergence when asked `again`.
 */
enum host_boundary session_boundary(struct replay *r, bool again, struct host_place *place);
/* Done with the next event: it was as expected. */
void session_consume(struct replay *r);
/* Passes over the next event, unchecked and unseen. */
void session_skip(struct replay *r);
/* After the next event changed: has the machine stop where the trace does. */
void session_look_ahead(struct replay *r);
/* Forgets the look-ahead after the reader was moved. */
void session_drop_queue(struct replay *r);

/* Compares with the next event and consumes it; false after noting the divergence. */
bool session_expect(struct replay *r, const struct event *came);
/* Notes a divergence and has the machine stop. Either event may be NULL. */
void session_diverge(struct replay *r, const struct event *expected, const struct event *came,
		     const char *why);

/* By exits, on the way to the next event: a guest that will never come there diverges. */
void endless_look(struct replay *r);
/* In how many ns an accelerator that does not count comes back for that. */
uint64_t endless_alarm(struct replay *r);
void endless_forget(struct endless *w);

/* The next events are the session's end: the reason, else STOP_NONE. */
enum stop_reason session_end_reason(struct replay *r);
/* Passes over the time at which the session ended, if that comes next. */
void session_take_end_time(struct replay *r);
/* Compares the digest parts that the mode keeps with the next event, a DIGEST. */
void session_check_digest(struct replay *r);
/* Compares how the run ended with the trace's end. */
enum replay_result session_finish(struct replay *r, enum stop_reason reason, struct error *e);
/* What replay_run() returns when the trace or the comparison ended it. */
enum replay_result session_result(const struct replay *r, struct error *e);

/* The three ways. */
enum replay_result replay_machine_run(struct replay *r, uint64_t until, struct error *e);
enum replay_result replay_devices_run(struct replay *r, uint64_t until, struct error *e);
enum replay_result replay_cpu_run(struct replay *r, uint64_t until, struct error *e);

void replay_cpu_open(struct replay *r);
void replay_devices_open(struct replay *r);

/* The door and tap of machine and device replay; CPU replay has no tap. */
extern const struct host_ops replay_host_ops;
extern const struct tap replay_tap;

#endif
