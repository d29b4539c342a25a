/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mutations of inputs; see mutate.h. Operations begin at bytes of 80h and above, so runs of them
 * are moved as bytes; only where operands change is an operation read and written again.
 */
#include "fuzz/mutate.h"

#include <string.h>

#include "fuzz/generate.h"

#define SPANS  2048u      /* operations of an input that are looked at */
#define POOL   (1u << 18) /* bytes of seeds to splice from */
#define RUN    16u        /* operations that are moved at once, at most */
#define VARIED 4u         /* and that are written again with other values */

static struct {
	uint8_t bytes[POOL];
	size_t used;
	bool full;
} pool;

/* An input while it is mutated. */
struct work {
	uint8_t *data;
	size_t size, max;
	struct random *random;
	uint32_t start[SPANS + 1]; /* of operations; the last is the end */
	unsigned ops;
};

void mutate_open(const struct region_table *t)
{
	generate_open(t);
	pool.used = 0;
	pool.full = false;
}

void mutate_learn(const uint8_t *data, size_t size)
{
	struct op_reader r = op_reader_start(data, size);
	struct op op;

	if (size && size <= POOL / 4) {
		if (size > POOL - pool.used) {
			pool.used = 0;
			pool.full = true;
		}
		memcpy(pool.bytes + pool.used, data, size);
		pool.used += size;
	}
	for (unsigned n = 0; n < OP_COUNT && op_next(&r, &op); n++)
		generate_learn(&op);
}

/* ---- bytes of operations ---- */

static void find_spans(struct work *w)
{
	struct op_reader r = op_reader_start(w->data, w->size);

	for (w->ops = 0; w->ops < SPANS; w->ops++) {
		const uint8_t *first = op_skip(&r);

		if (!first)
			break;
		w->start[w->ops] = (uint32_t)(first - w->data);
	}
	w->start[w->ops] = (uint32_t)(r.at - w->data);
}

/* Where to insert: before some operation or at the end. */
static uint32_t some_border(struct work *w)
{
	return w->start[random_below(w->random, w->ops + 1)];
}

/* A run of operations: its bounds in bytes. False when there are none. */
static bool some_run(struct work *w, unsigned most, uint32_t *begin, uint32_t *end)
{
	unsigned first, n;

	if (!w->ops)
		return false;
	first = random_below(w->random, w->ops);
	n = 1 + random_small(w->random, most - 1);
	*begin = w->start[first];
	*end = w->start[first + n < w->ops ? first + n : w->ops];
	return true;
}

/* Puts `size` bytes in the place of [begin, end); false when they do not fit. */
static bool replace(struct work *w, uint32_t begin, uint32_t end, const uint8_t *bytes, size_t size)
{
	if (w->size - (end - begin) + size > w->max)
		return false;
	memmove(w->data + begin + size, w->data + end, w->size - end);
	if (size)
		memcpy(w->data + begin, bytes, size);
	w->size = w->size - (end - begin) + size;
	return true;
}

/* ---- mutations: each returns whether it did something ---- */

static bool insert_new(struct work *w)
{
	uint8_t bytes[4 * OP_ENCODED];
	unsigned count = 1 + random_small(w->random, 3);
	uint32_t at = some_border(w);
	size_t size = 0;
	struct op op;

	for (unsigned i = 0; i < count; i++) {
		generate_op(w->random, &op);
		size += op_encode(&op, bytes + size);
	}
	return replace(w, at, at, bytes, size);
}

static bool insert_window(struct work *w)
{
	uint8_t bytes[GENERATE_WINDOW * OP_ENCODED];
	struct op op[GENERATE_WINDOW];
	unsigned count = generate_window(w->random, op);
	/* Mostly before everything, so that what is there finds it. */
	uint32_t at = random_one_in(w->random, 2) ? 0 : some_border(w);
	size_t size = 0;

	for (unsigned i = 0; i < count; i++)
		size += op_encode(&op[i], bytes + size);
	return count && replace(w, at, at, bytes, size);
}

static bool insert_burst(struct work *w)
{
	static struct op op[GENERATE_BURST];
	uint8_t bytes[GENERATE_BURST * OP_ENCODED];
	unsigned count = generate_burst(w->random, op);
	uint32_t at = some_border(w);
	size_t size = 0;

	for (unsigned i = 0; i < count; i++)
		size += op_encode(&op[i], bytes + size);
	return replace(w, at, at, bytes, size);
}

static bool delete_run(struct work *w)
{
	uint32_t begin, end;

	return w->ops > 1 && some_run(w, RUN, &begin, &end) && replace(w, begin, end, NULL, 0);
}

static bool copy_run(struct work *w, bool here)
{
	uint8_t bytes[RUN * 64];
	uint32_t begin, end, at;

	if (!some_run(w, RUN, &begin, &end) || end - begin > sizeof(bytes))
		return false;
	memcpy(bytes, w->data + begin, end - begin);
	at = here ? end : some_border(w);
	return replace(w, at, at, bytes, end - begin);
}

static bool repeat(struct work *w)
{
	return copy_run(w, true);
}

static bool duplicate(struct work *w)
{
	return copy_run(w, false);
}

/*
 * A few operations again, with other values: so a register is chosen by another one and written,
 * and a command is followed by its parameters.
 */
static bool vary(struct work *w)
{
	uint8_t bytes[VARIED * OP_ENCODED];
	struct op_reader r;
	uint32_t begin, end, at;
	size_t size = 0;
	struct op op;

	if (!some_run(w, VARIED, &begin, &end))
		return false;
	r = op_reader_start(w->data + begin, end - begin);
	for (unsigned n = 0; n < VARIED && op_next(&r, &op); n++) {
		if (random_one_in(w->random, 2))
			generate_value(w->random, &op);
		size += op_encode(&op, bytes + size);
	}
	at = random_one_in(w->random, 2) ? end : some_border(w);
	return replace(w, at, at, bytes, size);
}

static bool swap(struct work *w)
{
	uint8_t bytes[2 * OP_ENCODED];
	unsigned first;
	uint32_t a, b, c;

	if (w->ops < 2)
		return false;
	first = random_below(w->random, w->ops - 1);
	a = w->start[first];
	b = w->start[first + 1];
	c = w->start[first + 2];
	if (c - a > sizeof(bytes))
		return false;
	memcpy(bytes, w->data + b, c - b);
	memcpy(bytes + (c - b), w->data + a, b - a);
	memcpy(w->data + a, bytes, c - a);
	return true;
}

static bool splice_seed(struct work *w)
{
	size_t known = pool.full ? POOL : pool.used, at;
	struct op_reader r;
	const uint8_t *first;
	uint32_t begin, end;

	if (!known)
		return false;
	at = random_below(w->random, (unsigned)known);
	r = op_reader_start(pool.bytes + at, known - at);
	first = r.at;
	for (unsigned n = 1 + random_small(w->random, 2 * RUN); n; n--)
		op_skip(&r);
	begin = end = some_border(w);
	if (random_one_in(w->random, 2))
		some_run(w, RUN, &begin, &end);
	return r.at > first && replace(w, begin, end, first, (size_t)(r.at - first));
}

/* Changes the operands of one operation. */
static bool op_at(const struct work *w, uint32_t begin, uint32_t end, struct op *op)
{
	struct op_reader r = op_reader_start(w->data + begin, end - begin);

	return op_next(&r, op);
}

static bool change(struct work *w, void (*how)(struct random *, struct op *))
{
	uint8_t bytes[OP_ENCODED];
	uint32_t begin, end;
	struct op op;

	if (!some_run(w, 1, &begin, &end) || !op_at(w, begin, end, &op))
		return false;
	how(w->random, &op);
	return replace(w, begin, end, bytes, op_encode(&op, bytes));
}

static bool change_value(struct work *w)
{
	return change(w, generate_value);
}

static bool change_place(struct work *w)
{
	return change(w, generate_nudge);
}

static bool change_towards(struct work *w)
{
	return change(w, generate_towards);
}

/*
 * Some operation gave one side of a comparison, as it is, and is to give the other. The search
 * begins anywhere.
 */
static bool change_compared(struct work *w)
{
	uint8_t bytes[OP_ENCODED];
	struct compare c;
	unsigned first;

	if (!w->ops || !compares_pick(w->random, &c))
		return false;
	first = random_below(w->random, w->ops);
	for (unsigned i = 0; i < w->ops; i++) {
		unsigned n = (first + i) % w->ops;
		struct op op;

		if (op_at(w, w->start[n], w->start[n + 1], &op) && generate_replaced(&op, &c))
			return replace(w, w->start[n], w->start[n + 1], bytes,
				       op_encode(&op, bytes));
	}
	return false;
}

/*
 * The same where a register is written in pieces: those bytes of the one side that operations gave
 * one by one become the other side's, all of them.
 */
static bool change_pieces(struct work *w)
{
	uint8_t bytes[OP_ENCODED];
	struct compare c;
	unsigned first, done = 0;

	if (!w->ops || !compares_pick(w->random, &c) || c.size < 2)
		return false;
	first = random_below(w->random, w->ops);
	for (unsigned i = 0; i < w->ops; i++) {
		unsigned n = (first + i) % w->ops;
		struct op op;

		if (!op_at(w, w->start[n], w->start[n + 1], &op) || !generate_piece(&op, &c, &done))
			continue;
		if (!replace(w, w->start[n], w->start[n + 1], bytes, op_encode(&op, bytes)))
			break;
		find_spans(w);
		if (n >= w->ops)
			break;
	}
	return done;
}

/* Some accesses in a row go to other registers, or places in memory, all as far from where they
 * were. */
static bool shift(struct work *w)
{
	uint8_t bytes[RUN * OP_ENCODED];
	struct op_reader r;
	uint32_t begin, end, by = generate_distance(w->random);
	size_t size = 0;
	struct op op;

	if (!some_run(w, RUN, &begin, &end))
		return false;
	r = op_reader_start(w->data + begin, end - begin);
	for (unsigned n = 0; n < RUN && op_next(&r, &op); n++) {
		if (op.kind >= OP_READ && op.kind <= OP_WRITE_STRING)
			op.offset = (op.offset + by) & 0xfffffff;
		size += op_encode(&op, bytes + size);
	}
	return replace(w, begin, end, bytes, size);
}

static bool change_pair(struct work *w)
{
	return change(w, generate_pair);
}

static bool (*const mutations[])(struct work *) = {
    insert_new,    insert_new,   insert_new,     delete_run,      delete_run,      repeat,
    duplicate,     swap,         splice_seed,    splice_seed,     change_value,    change_value,
    change_value,  change_place, change_pair,    change_value,    insert_window,   vary,
    vary,          insert_burst, change_towards, change_compared, change_compared, change_compared,
    change_pieces, shift,
};
#define MUTATIONS (sizeof(mutations) / sizeof(*mutations))

size_t mutate(uint8_t *data, size_t size, size_t max, uint32_t seed)
{
	struct random random = random_start(seed);
	struct work w = {.data = data, .size = size < max ? size : max, .max = max};
	unsigned changes = 1 + random_small(&random, 4);

	compares_next_run();
	w.random = &random;
	for (unsigned tries = 0; changes && tries < 32; tries++) {
		find_spans(&w);
		changes -= mutations[random_below(&random, MUTATIONS)](&w);
	}
	return w.size;
}

size_t mutate_cross(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size, uint8_t *out,
		    size_t max, uint32_t seed)
{
	struct random random = random_start(seed);
	struct op_reader from[2] = {op_reader_start(a, a_size), op_reader_start(b, b_size)};
	size_t size = 0;

	for (unsigned turn = 0; from[0].at < from[0].end || from[1].at < from[1].end; turn ^= 1) {
		struct op_reader *r = &from[turn];
		const uint8_t *first = r->at;
		unsigned n = 1 + random_small(&random, RUN);
		bool skip = random_one_in(&random, 4);

		while (n--)
			op_skip(r);
		if (skip)
			continue;
		if ((size_t)(r->at - first) > max - size)
			break;
		memcpy(out + size, first, (size_t)(r->at - first));
		size += (size_t)(r->at - first);
	}
	return size;
}
