/* SPDX-License-Identifier: Apache-2.0 */
/* Recorded sessions cut into inputs; see seeds.h. */
#include "fuzz/seeds.h"

#include <stdlib.h>
#include <string.h>

#include "replay/event.h"

/* Operations in an input, at most. */
#define PIECE 48u
/* Time that passes between two operations counts from here on, in ns: below, it makes no timer. */
#define TIME_MIN 2000u
/* Equal accesses one after the other that make a string operation. */
#define STRING_MIN 4u

#define NOVELTY_BITS 16

struct cutter {
	const struct region_table *regions;
	void (*input)(void *opaque, const uint8_t *bytes, size_t size);
	void *opaque;
	int inputs;

	struct op op[PIECE + 4];
	unsigned ops;
	unsigned repeats;         /* equal accesses at the end of op[] */
	bool novel;               /* something in op[] was not in an input before */
	bool kept_last;           /* the last exit became an operation */
	uint64_t time, last_time; /* virtual ns: now, and of the last operation */
	uint64_t time_base;
	bool by_exits;
	uint8_t seen[1u << (NOVELTY_BITS - 3)];
};

/* ---- events ---- */

static bool op_of_exit(const struct region_table *t, const struct event *event, struct op *op)
{
	struct exit x = event_to_exit(event);
	const struct fuzz_region *r = region_at(t, x.kind, x.address);

	if (!r)
		return false;
	op->kind = x.is_write ? OP_WRITE : OP_READ;
	op->region = r->number;
	op->offset = (uint32_t)(x.address - region_base(r)) & 0xfffffff;
	op->size = x.size;
	op->value = x.is_write ? x.data : 0;
	return true;
}

static void set_bytes(struct op *op, const void *bytes, size_t length)
{
	op->length = (uint16_t)(length < OP_BYTES ? length : OP_BYTES);
	if (op->length)
		memcpy(op->bytes, bytes, op->length);
}

bool seeds_op_of_event(const struct region_table *t, const struct event *event, struct op *op)
{
	memset(op, 0, sizeof(*op));
	switch (event->kind) {
	case EVENT_PIO_READ:
	case EVENT_PIO_WRITE:
	case EVENT_MMIO_READ:
	case EVENT_MMIO_WRITE:
	case EVENT_MSR_READ:
	case EVENT_MSR_WRITE:
	case EVENT_CR8_READ:
	case EVENT_CR8_WRITE:
		return op_of_exit(t, event, op);
	case EVENT_IRQ:
	case EVENT_NMI:
		op->kind = OP_ACKNOWLEDGE;
		return true;
	case EVENT_DMA_READ:
		op->kind = OP_FILL;
		op->offset = (uint32_t)event->address;
		op->count = (uint16_t)(event->length < OP_BYTES ? event->length : OP_BYTES);
		set_bytes(op, event->bytes, event->length);
		return event->address < 0xa0000;
	case EVENT_HOST_CLOCK:
		op->kind = OP_HOST;
		op->queue = QUEUE_CLOCK;
		set_bytes(op, &event->data, sizeof(event->data));
		return true;
	case EVENT_HOST_ENTROPY:
		op->kind = OP_HOST;
		op->queue = QUEUE_ENTROPY;
		set_bytes(op, event->bytes, event->length);
		return true;
	case EVENT_HOST_CHAR:
		op->kind = OP_HOST;
		op->queue = (uint8_t)(QUEUE_CHAR + event->address % HOST_CHANNELS);
		set_bytes(op, event->bytes, event->length);
		return true;
	default:
		return false;
	}
}

/* ---- pieces ---- */

/* Kind, register and value, hashed: has it been in an input? */
static bool is_novel(struct cutter *c, const struct op *op)
{
	uint64_t hash = op->kind | (uint64_t)op->region << 8 | (uint64_t)op->size << 16 |
			(uint64_t)op->offset << 24;
	unsigned bit;

	hash = (hash ^ op->value * 0x9e3779b97f4a7c15u) * 0xbf58476d1ce4e5b9u;
	bit = (unsigned)(hash >> (64 - NOVELTY_BITS));
	if (c->seen[bit / 8] >> bit % 8 & 1)
		return false;
	c->seen[bit / 8] |= (uint8_t)(1u << bit % 8);
	return true;
}

static void piece_end(struct cutter *c)
{
	uint8_t bytes[(PIECE + 4) * OP_ENCODED];
	size_t size = 0;

	for (unsigned i = 0; i < c->ops; i++)
		size += op_encode(&c->op[i], bytes + size);
	if (c->novel && c->ops > 1) {
		c->input(c->opaque, bytes, size);
		c->inputs++;
	}
	c->ops = 0;
	c->repeats = 0;
	c->novel = false;
}

static bool is_access(const struct op *op)
{
	return op->kind == OP_READ || op->kind == OP_WRITE;
}

/* Makes a string operation of equal accesses when there are enough; true when it took this one. */
static bool joins_string(struct cutter *c, const struct op *op)
{
	struct op *last = c->ops ? &c->op[c->ops - 1] : NULL;

	if (!last || op->region != last->region || op->offset != last->offset ||
	    op->size != last->size || (op->size & (op->size - 1)) || op->offset >= 0x80)
		return false;
	if ((last->kind == OP_READ_STRING && op->kind == OP_READ) ||
	    (last->kind == OP_WRITE_STRING && op->kind == OP_WRITE &&
	     last->length + op->size <= OP_BYTES)) {
		if (last->count == 0x7f)
			return false;
		last->count++;
		if (op->kind == OP_WRITE) {
			memcpy(last->bytes + last->length, &op->value, op->size);
			last->length = (uint16_t)(last->length + op->size);
		}
		return true;
	}
	return false;
}

/* The accesses at the end of op[] that are equal but for the value become one. */
static void make_string(struct cutter *c)
{
	unsigned first = c->ops - c->repeats;
	struct op string = c->op[first];

	string.kind = string.kind == OP_READ ? OP_READ_STRING : OP_WRITE_STRING;
	string.count = (uint16_t)c->repeats;
	string.value = 0;
	for (unsigned i = first; string.kind == OP_WRITE_STRING && i < c->ops; i++) {
		memcpy(string.bytes + string.length, &c->op[i].value, string.size);
		string.length = (uint16_t)(string.length + string.size);
	}
	c->op[first] = string;
	c->ops = first + 1;
	c->repeats = 0;
}

static void count_repeats(struct cutter *c)
{
	const struct op *last = &c->op[c->ops - 1], *before = last - 1;

	if (c->ops > 1 && c->repeats && is_access(last) && last->kind == before->kind &&
	    last->region == before->region && last->offset == before->offset &&
	    last->size == before->size)
		c->repeats++;
	else
		c->repeats = is_access(last);
	if (c->repeats >= STRING_MIN && !(last->size & (last->size - 1)) && last->offset < 0x80)
		make_string(c);
}

static void add(struct cutter *c, const struct op *op)
{
	if (c->time - c->last_time >= TIME_MIN && c->ops) {
		c->op[c->ops++] = (struct op){.kind = OP_CLOCK, .value = c->time - c->last_time};
		c->repeats = 0;
	}
	c->last_time = c->time;
	c->novel |= is_novel(c, op);
	if (!joins_string(c, op)) {
		c->op[c->ops++] = *op;
		count_repeats(c);
	}
	if (c->ops >= PIECE)
		piece_end(c);
}

/* Virtual time, as far as the trace tells. */
static void take_time(struct cutter *c, const struct event *e)
{
	if (e->kind == EVENT_HOST_WAIT)
		c->time_base = e->data - (c->by_exits ? 0 : e->position.insns);
	else if (e->kind == EVENT_HOST_TIME || e->kind == EVENT_HOST_DUE)
		c->time_base = e->data;
	c->time = c->time_base + (c->by_exits ? 0 : e->position.insns);
}

static void take_event(struct cutter *c, const struct event *e)
{
	struct op op;

	take_time(c, e);
	if (e->kind == EVENT_RESET && !c->kept_last) {
		/* What asked for it is not among the target's registers. */
		op = (struct op){.kind = OP_RESET};
		add(c, &op);
	} else if (seeds_op_of_event(c->regions, e, &op)) {
		add(c, &op);
		c->kept_last = is_access(&op);
	} else if (event_kind_crossing(e->kind) == CROSSING_EXIT) {
		c->kept_last = false;
	}
}

int seeds_of_trace(const struct harness *h, struct trace_reader *r,
		   void (*input)(void *opaque, const uint8_t *bytes, size_t size), void *opaque,
		   struct error *e)
{
	struct cutter *c = calloc(1, sizeof(*c));
	struct event event;
	int inputs, rc;

	if (!c)
		return error_set(e, ERROR_HOST, "out of memory");
	c->regions = harness_regions(h);
	c->input = input;
	c->opaque = opaque;
	c->by_exits = strcmp(trace_reader_info(r)->unit, "instructions") != 0;
	trace_rewind(r);
	while ((rc = trace_read(r, &event, e)) > 0)
		take_event(c, &event);
	piece_end(c);
	inputs = rc < 0 ? -1 : c->inputs;
	free(c);
	return inputs;
}
