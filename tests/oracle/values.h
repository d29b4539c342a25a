/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random numbers and operand values worth trying. Everything follows from the numbers given to
 * random_start(), so that any case can be made again on its own.
 */
#ifndef VCR_TEST_ORACLE_VALUES_H
#define VCR_TEST_ORACLE_VALUES_H

#include <stdbool.h>
#include <stdint.h>

struct random {
	uint64_t state;
};

struct random random_start(uint64_t seed, uint64_t number);
uint64_t random_next(struct random *r);
/* 0 .. n - 1 */
static inline unsigned random_below(struct random *r, unsigned n)
{
	return (unsigned)((random_next(r) >> 32) * n >> 32);
}
/* True once in n times. */
static inline bool random_one_in(struct random *r, unsigned n)
{
	return random_below(r, n) == 0;
}

uint64_t value_integer(struct random *r);
uint32_t value_f32(struct random *r);
uint64_t value_f64(struct random *r);
/* 10 bytes */
void value_f80(struct random *r, uint8_t *to);
/* 16 bytes: lanes of any type */
void value_xmm(struct random *r, uint8_t *to);

#endif
