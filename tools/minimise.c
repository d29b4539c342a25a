/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Delta debugging (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input",
 * IEEE TSE 2002), by complements: take out pieces, each half as large as those before, until no
 * single operation can go. Then the same with what operations carry.
 */
#include "tools/minimise.h"

#include <stdlib.h>
#include <string.h>

struct work {
	struct op *ops, *trial;
	unsigned count;
	struct minimise_judge *judge;
};

/* ---- operations ---- */

/* Tries without ops[first, first + length); 1 when they are gone for good. */
static int drop(struct work *w, unsigned first, unsigned length)
{
	unsigned rest = w->count - first - length;
	int fails;

	memcpy(w->trial, w->ops, first * sizeof(*w->ops));
	memcpy(w->trial + first, w->ops + first + length, rest * sizeof(*w->ops));
	fails = w->judge->fails(w->judge, w->trial, w->count - length);
	if (fails > 0) {
		memmove(w->ops + first, w->ops + first + length, rest * sizeof(*w->ops));
		w->count -= length;
	}
	return fails;
}

static int drop_all(struct work *w)
{
	unsigned length = w->count / 2 ? w->count / 2 : 1;

	while (w->count > 1) {
		bool dropped = false;

		/* From the end: what comes last depends on what is before. */
		for (unsigned at = w->count; at > 0;) {
			unsigned first = at > length ? at - length : 0;
			int fails = at - first < w->count ? drop(w, first, at - first) : 0;

			if (fails < 0)
				return -1;
			dropped |= fails;
			at = first;
		}
		if (length == 1 && !dropped)
			return 0;
		length = length > 1 ? length / 2 : 1;
	}
	return 0;
}

/* ---- operands ---- */

static bool op_equal(const struct op *a, const struct op *b)
{
	return a->kind == b->kind && a->size == b->size && a->region == b->region &&
	       a->queue == b->queue && a->count == b->count && a->length == b->length &&
	       a->offset == b->offset && a->value == b->value &&
	       !memcmp(a->bytes, b->bytes, a->length);
}

static int try_op(struct work *w, unsigned n, const struct op *simpler)
{
	int fails;

	if (op_equal(simpler, &w->ops[n]))
		return 0;
	memcpy(w->trial, w->ops, w->count * sizeof(*w->ops));
	w->trial[n] = *simpler;
	fails = w->judge->fails(w->judge, w->trial, w->count);
	if (fails > 0)
		w->ops[n] = *simpler;
	return fails;
}

/* Zero, then without one set bit after the other, from the highest. */
static int simplify_value(struct work *w, unsigned n)
{
	struct op op = w->ops[n];
	int fails;

	op.value = 0;
	fails = try_op(w, n, &op);
	for (unsigned bit = 64; bit-- > 0 && !fails;) {
		op = w->ops[n];
		op.value &= ~(1ull << bit);
		if (try_op(w, n, &op) < 0)
			return -1;
	}
	return fails < 0 ? -1 : 0;
}

static int simplify_numbers(struct work *w, unsigned n)
{
	struct op op = w->ops[n];
	int fails = 0;

	op.offset = 0;
	if (op.kind != OP_READ && op.kind != OP_WRITE)
		fails = try_op(w, n, &op);
	op = w->ops[n];
	op.size = op.size ? 1 : 0;
	if (fails >= 0)
		fails = try_op(w, n, &op);
	/* Fewer items, by halves. */
	while (fails >= 0) {
		op = w->ops[n];
		op.count /= 2;
		fails = try_op(w, n, &op);
		if (!fails)
			break;
	}
	return fails < 0 ? -1 : 0;
}

static int simplify_bytes(struct work *w, unsigned n)
{
	struct op op;
	int fails = 0;

	do {
		op = w->ops[n];
		memset(op.bytes + op.length / 2, 0, sizeof(op.bytes) - op.length / 2);
		op.length /= 2;
		fails = try_op(w, n, &op);
	} while (fails > 0);
	for (unsigned i = 0; i < w->ops[n].length && fails >= 0; i++) {
		op = w->ops[n];
		op.bytes[i] = 0;
		fails = try_op(w, n, &op);
	}
	return fails < 0 ? -1 : 0;
}

/* A string that could be one access is one. */
static int simplify_kind(struct work *w, unsigned n)
{
	struct op op = w->ops[n];

	if (op.kind == OP_READ_STRING)
		op.kind = OP_READ;
	else if (op.kind == OP_WRITE_STRING)
		op.kind = OP_WRITE;
	else
		return 0;
	op.value = 0;
	for (unsigned i = 0; i < op.size && i < op.length; i++)
		op.value |= (uint64_t)op.bytes[i] << i * 8;
	op.count = op.length = 0;
	memset(op.bytes, 0, sizeof(op.bytes));
	return try_op(w, n, &op) < 0 ? -1 : 0;
}

int minimise_ops(struct op *ops, unsigned count, struct minimise_judge *j)
{
	struct work w = {.ops = ops, .count = count, .judge = j};
	int result;

	w.trial = malloc((count + 1) * sizeof(*ops));
	if (!w.trial)
		return -1;
	result = drop_all(&w);
	for (unsigned n = 0; n < w.count && !result; n++)
		result = simplify_kind(&w, n) || simplify_numbers(&w, n) || simplify_value(&w, n) ||
				 simplify_bytes(&w, n)
			     ? -1
			     : 0;
	/* Simpler operands may make others superfluous. */
	if (!result)
		result = drop_all(&w);
	free(w.trial);
	return result ? -1 : (int)w.count;
}
