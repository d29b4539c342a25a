/* SPDX-License-Identifier: Apache-2.0 */
/*
 * New operations and new operands for mutate.c: what is worth writing to a register.
 */
#ifndef VCR_FUZZ_GENERATE_H
#define VCR_FUZZ_GENERATE_H

#include <stdbool.h>
#include <stdint.h>

#include "fuzz/compares.h"
#include "fuzz/op.h"
#include "fuzz/region.h"

struct random {
	uint64_t state;
};

struct random random_start(uint32_t seed);
/* 0 .. n - 1; n is above 0 */
unsigned random_below(struct random *r, unsigned n);
uint64_t random_value(struct random *r);
static inline bool random_one_in(struct random *r, unsigned n)
{
	return random_below(r, n) == 0;
}
/* 0 .. most, small ones more often. */
unsigned random_small(struct random *r, unsigned most);

void generate_open(const struct region_table *t);
/* Remembers what an operation writes where. */
void generate_learn(const struct op *op);

void generate_op(struct random *r, struct op *op);
/* Other values, bytes, counts or time for an operation. */
void generate_value(struct random *r, struct op *op);
/* Another register nearby, another size or direction. */
void generate_nudge(struct random *r, struct op *op);
/* A number of it by as much larger or smaller as the sides of some comparison differ (compares.h).
 */
void generate_towards(struct random *r, struct op *op);
/* The like for offsets of accesses, or some other way. */
uint32_t generate_distance(struct random *r);
/* Where it has what the one side was, it gets the other; false: nowhere. */
bool generate_replaced(struct op *op, const struct compare *c);
/*
 * It writes one byte of what the one side was, which is not in `done` yet, a bit for each: it gets
 * the other side's byte.
 */
bool generate_piece(struct op *op, const struct compare *c, unsigned *done);
/* One register again and again, as what fills up wants it. */
#define GENERATE_BURST 24u
unsigned generate_burst(struct random *r, struct op op[GENERATE_BURST]);
/* A register and a value that were seen together. */
void generate_pair(struct random *r, struct op *op);
/*
 * What places and switches on a region of some PCI function, which no chance finds. Returns the
 * number of operations: 0 when the target has none.
 */
#define GENERATE_WINDOW 4u
unsigned generate_window(struct random *r, struct op op[GENERATE_WINDOW]);

#endif
