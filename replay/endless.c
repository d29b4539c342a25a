/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replays by exits: does the guest still come to the next event? One that went another way may run
 * in a loop without exits, and no count of instructions says that the event is overdue. Two things
 * do, and neither can be said of a guest that is on its way:
 *
 *  - Registers and memory are as they were before, and nothing came from outside in between. The
 *    same goes on for ever then. They are looked at now and then, at odd distances, and where the
 *    registers were seen before, memory is looked at too.
 *  - It ran longer than it can have run in the recording. The trace tells the time wherever it was
 *    asked for, so there is a time before and one behind the event. No processor begins more than
 *    some dozens of instructions in a nanosecond; repeated string instructions go faster, as an
 *    iteration is one here, and count less. Where the processor is not ours, instructions are not
 *    counted, and the time that the guest runs is compared: the other host may have been faster,
 *    but not by a hundred thousand times.
 *
 * A trace without a time behind the event (cut off, or of an old vcr) leaves the first of them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "emulator/accel/accel.h"
#include "emulator/cpu/insn.h"
#include "replay/session.h"

#define SAMPLES 65536 /* states remembered */

/* Nobody looks before: instructions, or times that the guest came by. */
#define FIRST_INSNS (1u << 24)
#define FIRST_LOOKS (1u << 16)
/* How many instructions there are between two looks, at least; at most twice that. */
#define STEP_INSNS (1u << 17)
#define STEP_LOOKS (1u << 12)
/*
 * How often a state must have been there before. Once would do on our processor; KVM's may read a
 * time stamp counter that nobody knows of, and wait for it.
 */
#define REPEATS_COUNTED   3
#define REPEATS_UNCOUNTED 64

#define INSNS_PER_NS   128
#define REPEATS_PER    16 /* iterations of a repeated instruction for one of another */
#define INSNS_SLACK    (1ull << 30)
#define SLOWER         100000
#define SLOWER_SLACK   60000000000ull
#define ALARM_NS       1000000000ull
#define ALARM_AGAIN_NS 20000000ull

struct sample {
	uint64_t registers, ram;
	bool has_ram;
};

static bool counts(const struct replay *r)
{
	return r->machine->accel->flags & ACCEL_COUNTS_INSNS;
}

/* From STEP to twice as much, so that loops of whatever length are met in all their parts. */
static uint64_t step(struct endless *w)
{
	w->seed = w->seed * 6364136223846793005u + 1442695040888963407u;
	return STEP_INSNS + (w->seed >> 40) % STEP_INSNS;
}

/* ---- the same again ---- */

static bool same_again(struct replay *r)
{
	struct endless *w = &r->endless;
	uint64_t registers, ram;
	struct sample *s;

	if (!w->sample)
		w->sample = calloc(SAMPLES, sizeof(*w->sample));
	if (!w->sample)
		return false;
	machine_sync(r->machine);
	registers = digest_registers(r->machine);
	s = &w->sample[registers % SAMPLES];
	if (s->registers != registers) {
		*s = (struct sample){.registers = registers};
		return false;
	}
	/* Only now is it worth while. */
	ram = digest_ram(&r->digester);
	if (s->has_ram && s->ram == ram)
		w->repeats++;
	s->ram = ram;
	s->has_ram = true;
	return w->repeats >= (counts(r) ? REPEATS_COUNTED : REPEATS_UNCOUNTED);
}

/* ---- too long ---- */

/* The first time that the trace tells from the next event on; UINT64_MAX: none. */
static uint64_t time_told(const struct replay *r)
{
	const struct event *next = &r->queue[r->first].event;
	struct error error = {0};
	struct trace_reader *reader = trace_reader_open(r->path, &error);
	uint64_t told = UINT64_MAX;
	struct event e;

	if (!reader)
		return UINT64_MAX;
	if (!trace_seek(reader, next->position.exits, &error)) {
		while (told == UINT64_MAX && trace_read(reader, &e, &error) > 0) {
			if (e.number >= next->number &&
			    (e.kind == EVENT_HOST_TIME || e.kind == EVENT_HOST_DUE ||
			     e.kind == EVENT_HOST_WAIT || e.kind == EVENT_HOST_TSC))
				told = e.data;
		}
	}
	trace_reader_close(reader);
	return told;
}

/* The recorded nanoseconds in which the event came; UINT64_MAX: who knows. */
static uint64_t recorded_ns(struct replay *r)
{
	struct endless *w = &r->endless;

	if (!w->time_known) {
		uint64_t before = machine_now(r->machine), behind = time_told(r);

		w->time_known = true;
		w->ns = behind == UINT64_MAX ? behind : behind > before ? behind - before : 0;
	}
	return w->ns;
}

static bool too_long(struct replay *r)
{
	const struct endless *w = &r->endless;
	uint64_t ns;

	if (w->ran < INSNS_SLACK && w->ran_ns < SLOWER_SLACK)
		return false;
	ns = recorded_ns(r);
	return w->ran / INSNS_PER_NS > ns + INSNS_SLACK / INSNS_PER_NS ||
	       w->ran_ns / SLOWER > ns + SLOWER_SLACK / SLOWER;
}

static const char *too_long_text(struct endless *w)
{
	if (w->ran_ns / SLOWER > w->ran / INSNS_PER_NS)
		snprintf(w->text, sizeof(w->text),
			 "the guest has run %" PRIu64 " s without the recorded event, which came "
			 "in %" PRIu64 " us",
			 w->ran_ns / 1000000000, w->ns / 1000);
	else
		snprintf(w->text, sizeof(w->text),
			 "the guest has run %" PRIu64 " million instructions without the recorded "
			 "event, which came in %" PRIu64 " us",
			 w->ran / 1000000, w->ns / 1000);
	return w->text;
}

/* ---- looking ---- */

static bool at_repeat(const struct replay *r)
{
	const struct vcpu *v = &r->machine->vcpu;
	uint8_t bytes[15];
	struct insn insn;
	size_t n = machine_code_at(r->machine, v->c->reg[GPR_RIP], bytes, sizeof(bytes));

	if (!insn_decode(&v->model, v->c->code_bits, bytes, (unsigned)n, &insn) || !insn.rep ||
	    insn.map != MAP_1BYTE)
		return false;
	/* INS, OUTS; MOVS, CMPS; STOS, LODS, SCAS */
	return (insn.opcode & 0xfc) == 0x6c || (insn.opcode & 0xfc) == 0xa4 ||
	       (insn.opcode >= 0xaa && insn.opcode <= 0xaf);
}

void endless_forget(struct endless *w)
{
	free(w->sample);
	w->sample = NULL;
}

static void begin(struct replay *r)
{
	struct endless *w = &r->endless;

	w->from = r->checked;
	w->looked = r->machine->vcpu.c->insns;
	w->ran = w->ran_ns = w->looks = 0;
	w->alarms = w->alarms_seen = w->repeats = 0;
	w->time_known = false;
	r->machine->look = w->looked + FIRST_INSNS;
	endless_forget(w);
}

static void diverge(struct replay *r, const char *why)
{
	session_diverge(r, session_peek(r, 0), NULL, why);
	r->came.event.rip = r->machine->vcpu.c->reg[GPR_RIP];
	r->astray = true;
}

/* What it ran since the last look; that one came at a distance which has nothing to do with it. */
static void add_up(struct replay *r, uint64_t insns)
{
	struct endless *w = &r->endless;
	uint64_t ran = insns - w->looked;

	w->ran += at_repeat(r) ? ran / REPEATS_PER : ran;
	w->looked = insns;
	r->machine->look = insns + step(w);
}

void endless_look(struct replay *r)
{
	struct endless *w = &r->endless;
	uint64_t insns = r->machine->vcpu.c->insns;
	bool due = false;

	if (w->from != r->checked) {
		begin(r);
		return;
	}
	if (insns >= r->machine->look) {
		add_up(r, insns);
		due = true;
	}
	if (++w->looks >= FIRST_LOOKS && w->looks % STEP_LOOKS == 0)
		due = true;
	if (w->alarms != w->alarms_seen) {
		w->alarms_seen = w->alarms;
		due = true;
	}
	if (!due)
		return;
	if (r->options.progress)
		r->options.progress(r->options.opaque, machine_count(r->machine));
	if (same_again(r))
		diverge(r, "the guest goes round in circles: registers and memory are as they "
			   "were before, so the recorded event cannot come");
	else if (too_long(r))
		diverge(r, too_long_text(w));
}

uint64_t endless_alarm(struct replay *r)
{
	struct endless *w = &r->endless;
	uint64_t ns = w->alarms ? ALARM_AGAIN_NS : ALARM_NS;

	/* It is asked for when the last one came. */
	w->ran_ns += w->alarms ? ALARM_AGAIN_NS : ALARM_NS;
	w->alarms++;
	return ns;
}
