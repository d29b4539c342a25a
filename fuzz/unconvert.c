/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A trace as one input; see convert.h. The operations are carried out as they are made, so that
 * the machine tells where its PCI windows and its virtual time are: what has to be added is a halt
 * wherever the trace is later than that.
 *
 * What the outside and memory answer has its place in a trace inside the exit that asked, before
 * that exit. An input tells it before the operation; so answers are kept until their exit comes.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/convert.h"
#include "fuzz/harness_impl.h"
#include "replay/event.h"

#define ANSWERS 512u

struct unconvert {
	struct harness *h;
	const struct region_table *regions;
	void (*take)(void *opaque, const struct op *op);
	void *opaque;
	bool by_exits;
	uint64_t base, time; /* virtual ns: at no instruction; of the event */
	uint64_t left_out;
	unsigned count;

	struct op answer[ANSWERS];
	unsigned answers;
	uint64_t answers_insns;
	/* Carried out when the next is made: the last of a trace may be what ended its process. */
	struct op last;
	uint64_t reset_insns; /* of a write that may be the first half of a reset */
	bool held;
	bool moved;  /* the last exit became an operation */
	bool halted; /* since the last operation */
	/* RAM as far as it was told. */
	uint8_t *ram;
	uint64_t ram_size;
};

/* ---- operations ---- */

static void emit_one(struct unconvert *u, const struct op *op)
{
	if (u->count == OP_COUNT)
		return;
	if (u->held)
		inject_op(u->h, &u->last);
	u->last = *op;
	u->held = true;
	u->count++;
	u->take(u->opaque, op);
}

static void settle(struct unconvert *u)
{
	if (u->held)
		inject_op(u->h, &u->last);
	u->held = false;
}

/* Halts to virtual time `until`, if it is not later yet, or there was a halt of no time. */
static void pass_time(struct unconvert *u, uint64_t until)
{
	struct op op = {.kind = OP_CLOCK};
	uint64_t now;

	settle(u);
	now = machine_now(u->h->m);
	if (now < until)
		op.value = until - now;
	if (op.value || u->halted)
		emit_one(u, &op);
	u->halted = false;
}

static void emit_answers(struct unconvert *u)
{
	for (unsigned i = 0; i < u->answers; i++)
		emit_one(u, &u->answer[i]);
	u->answers = 0;
}

static void add_answer(struct unconvert *u, const struct event *e, const struct op *op)
{
	if (u->answers && u->answers_insns != e->position.insns)
		emit_answers(u);
	u->answers_insns = e->position.insns;
	if (u->answers < ANSWERS)
		u->answer[u->answers++] = *op;
}

static void set_bytes(struct op *op, const void *bytes, size_t length)
{
	op->length = (uint16_t)length;
	memcpy(op->bytes, bytes, length);
}

/* ---- events ---- */

static void take_host(struct unconvert *u, const struct event *e, unsigned queue,
		      const uint8_t *bytes, size_t length)
{
	for (size_t done = 0, n; done < length; done += n) {
		struct op op = {.kind = OP_HOST, .queue = (uint8_t)queue};

		n = length - done < OP_BYTES ? length - done : OP_BYTES;
		set_bytes(&op, bytes + done, n);
		if (e->kind == EVENT_HOST_CHAR)
			emit_one(u, &op);
		else
			add_answer(u, e, &op);
	}
}

static void take_clock(struct unconvert *u, const struct event *e)
{
	uint8_t bytes[8];

	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(e->data >> i * 8);
	take_host(u, e, QUEUE_CLOCK, bytes, sizeof(bytes));
}

/* Memory that a device read has to be there; what it wrote is. */
static void take_dma(struct unconvert *u, const struct event *e)
{
	if (e->address >= u->ram_size || e->length > u->ram_size - e->address)
		return;
	if (e->kind == EVENT_DMA_WRITE) {
		memcpy(u->ram + e->address, e->bytes, e->length);
		return;
	}
	for (size_t done = 0, n; done < e->length; done += n) {
		struct op op = {.kind = OP_FILL, .offset = (uint32_t)(e->address + done)};

		n = e->length - done < OP_BYTES ? e->length - done : OP_BYTES;
		if (!memcmp(u->ram + e->address + done, e->bytes + done, n))
			continue;
		op.count = (uint16_t)n;
		set_bytes(&op, e->bytes + done, n);
		memcpy(u->ram + e->address + done, e->bytes + done, n);
		add_answer(u, e, &op);
	}
}

static bool op_of_exit(const struct unconvert *u, const struct event *e, struct op *op)
{
	struct exit x = event_to_exit(e);
	const struct fuzz_region *r = region_at(u->regions, x.kind, x.address);

	if (!r || !x.size || x.size > 8)
		return false;
	*op = (struct op){.kind = x.is_write ? OP_WRITE : OP_READ,
			  .region = r->number,
			  .offset = (uint32_t)(x.address - region_base(r)),
			  .size = x.size,
			  .value = x.is_write ? x.data : 0};
	return op->offset < 1u << 28;
}

/*
 * OP_RESET is two writes to a register that the target need not have: the first only sets what the
 * second, right behind it, does.
 */
static bool is_reset(struct unconvert *u, const struct event *e)
{
	bool to_port = e->kind == EVENT_PIO_WRITE && e->size == 1 &&
		       e->address == u->h->reset_port &&
		       !region_at(u->regions, EXIT_PIO, e->address);
	bool second = to_port && e->data == 6 && u->reset_insns + 1 == e->position.insns;

	if (to_port && e->data == 2)
		u->reset_insns = e->position.insns;
	return second;
}

static void take_exit(struct unconvert *u, const struct event *e)
{
	struct op op = {.kind = OP_RESET};

	/* A triple fault is the CPU's affair. */
	if (e->kind == EVENT_SHUTDOWN)
		return;
	if (is_reset(u, e)) {
		emit_one(u, &op);
		u->left_out--;
		u->moved = true;
		return;
	}
	if (u->answers && u->answers_insns != e->position.insns)
		emit_answers(u);
	/* Windows and time are where the operations so far put them. */
	pass_time(u, u->time ? u->time - 1 : 0);
	/* A halt is the time that passes until something else comes. */
	u->halted = e->kind == EVENT_HLT;
	if (u->halted)
		return;
	u->moved = op_of_exit(u, e, &op);
	if (!u->moved) {
		u->left_out++;
		u->answers = 0;
		return;
	}
	emit_answers(u);
	emit_one(u, &op);
}

static void take_between(struct unconvert *u, const struct event *e)
{
	struct op op = {.kind = OP_ACKNOWLEDGE};

	emit_answers(u);
	if (e->kind == EVENT_RESET) {
		/* What asked for it may be among the registers, and then did. */
		if (u->moved)
			return;
		op.kind = OP_RESET;
	}
	pass_time(u, u->time);
	if (e->kind == EVENT_HOST_CHAR)
		take_host(u, e, QUEUE_CHAR + (unsigned)(e->address % HOST_CHANNELS), e->bytes,
			  e->length);
	else if (e->kind != EVENT_END)
		emit_one(u, &op);
}

static void take_time(struct unconvert *u, const struct event *e)
{
	if (u->by_exits) {
		if (e->kind == EVENT_HOST_TIME || e->kind == EVENT_HOST_DUE ||
		    e->kind == EVENT_HOST_WAIT)
			u->base = e->data;
		u->time = u->base;
		return;
	}
	if (e->kind == EVENT_HOST_WAIT)
		u->base = e->data - e->position.insns;
	u->time = u->base + e->position.insns;
}

static void take_event(struct unconvert *u, const struct event *e)
{
	take_time(u, e);
	switch (e->kind) {
	case EVENT_HOST_CLOCK:
		take_clock(u, e);
		break;
	case EVENT_HOST_ENTROPY:
		take_host(u, e, QUEUE_ENTROPY, e->bytes, e->length);
		break;
	case EVENT_DMA_READ:
	case EVENT_DMA_WRITE:
		take_dma(u, e);
		break;
	case EVENT_IRQ:
	case EVENT_NMI:
	case EVENT_RESET:
	case EVENT_HOST_CHAR:
	case EVENT_END:
		take_between(u, e);
		break;
	default:
		if (event_kind_crossing(e->kind) == CROSSING_EXIT)
			take_exit(u, e);
		break;
	}
}

/* ---- all of them ---- */

static int read_events(struct unconvert *u, struct trace_reader *r, struct error *e)
{
	struct event event;
	int rc = 0;

	harness_reset(u->h);
	trace_rewind(r);
	while (u->count < OP_COUNT && u->h->m->stop == STOP_NONE &&
	       (rc = trace_read(r, &event, e)) > 0)
		take_event(u, &event);
	emit_answers(u);
	return rc < 0 ? -1 : (int)u->count;
}

int convert_from_trace(const char *target, struct trace_reader *r,
		       void (*take)(void *opaque, const struct op *op), void *opaque,
		       uint64_t *left_out, struct error *e)
{
	const struct harness_options plain = {.plain = true};
	struct harness *h = harness_open(target, &plain, e);
	struct unconvert *u;
	int result;

	if (!h)
		return -1;
	u = calloc(1, sizeof(*u));
	if (u) {
		u->ram_size = h->m->bus.slots ? h->m->bus.slot[0].size : 0;
		u->ram = calloc(1, u->ram_size + 1);
	}
	if (!u || !u->ram) {
		result = error_set(e, ERROR_HOST, "out of memory");
	} else {
		u->h = h;
		u->regions = harness_regions(h);
		u->take = take;
		u->opaque = opaque;
		u->by_exits = strcmp(trace_reader_info(r)->unit, "instructions") != 0;
		result = read_events(u, r, e);
		*left_out = u->left_out;
	}
	if (u)
		free(u->ram);
	free(u);
	harness_close(h);
	return result;
}
