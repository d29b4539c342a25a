/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the fuzzed code compared, for mutations. An engine keeps some of that for itself: numbers of
 * 4 and 8 bytes, to be found among an input's bytes. Registers have 1 and 2, and an input has them
 * in operations. So comparisons are noted here too, on their way to the engine (compare_hooks.c),
 * by the place in the code; and those whose two sides have never been the same are offered: values
 * that nothing had yet, and limits that nothing came to.
 *
 * Where no engine reports comparisons there are none, and mutations go without.
 */
#ifndef VCR_FUZZ_COMPARES_H
#define VCR_FUZZ_COMPARES_H

#include <stdbool.h>
#include <stdint.h>

struct random;

/* One comparison: of `size` bytes; `is` differed from `wanted` when it came by last. */
struct compare {
	uint64_t is, wanted;
	uint8_t size;
};

/* The code at `place` compared these. Whether nobody wants to know that of this place any more. */
bool compares_note(uintptr_t place, uint64_t is, uint64_t wanted, unsigned size);
/* An input was run: what is noted from now on belongs to the next. */
void compares_next_run(void);
/*
 * One that was never equal, by chance, most often of the last run; false when there is none. `is`
 * is what an input made of it that is, mostly, the one to be mutated now.
 */
bool compares_pick(struct random *r, struct compare *c);

#endif
