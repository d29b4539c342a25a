/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mutations that know operations, for libFuzzer: LLVMFuzzerCustomMutator() and
 * LLVMFuzzerCustomCrossOver() are in mutate.c. libFuzzer's own byte mutations go on beside them.
 *
 * What they learn from are seeds: runs of operations to splice in, and pairs of register and value
 * that guests have written.
 */
#ifndef VCR_FUZZ_MUTATE_H
#define VCR_FUZZ_MUTATE_H

#include <stddef.h>
#include <stdint.h>

#include "fuzz/region.h"

/* The regions of the target; they must stay. Before the first mutation. */
void mutate_open(const struct region_table *t);
/* Takes runs and pairs out of an input; the table is bounded, the oldest go. */
void mutate_learn(const uint8_t *data, size_t size);
/* From all files in those of an engine's arguments that are folders. */
void mutate_learn_arguments(int argc, char **argv);

/* One mutation, in place; returns the new size, at most `max`. The seed decides it all. */
size_t mutate(uint8_t *data, size_t size, size_t max, uint32_t seed);
/* Runs of the one and of the other, in turn; returns the size of `out`. */
size_t mutate_cross(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size, uint8_t *out,
		    size_t max, uint32_t seed);

#endif
