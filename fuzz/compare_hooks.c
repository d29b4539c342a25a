/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the fuzzed code and the engine: the calls by which clang's -fsanitize-coverage=trace-cmp
 * reports comparisons (SanitizerCoverage, "Tracing data flow"). The linker leads them here
 * (--wrap), and here they go on to the engine, as last calls: it asks where it was called from.
 */
#include "fuzz/compares.h"

#define PLACE ((uintptr_t)__builtin_return_address(0))

/*
 * Places that nobody wants to know of any more, by the lower half of their address: soon most are,
 * and this is on the way of each comparison.
 */
static uint32_t done[4096];

static inline bool note(uintptr_t place, uint64_t is, uint64_t wanted, unsigned size)
{
	uint32_t *d = &done[((uint32_t)place * 0x9e3779b1u) >> 20];

	if (*d == (uint32_t)place)
		return true;
	if (!compares_note(place, is, wanted, size))
		return false;
	*d = (uint32_t)place;
	return true;
}

/* Of two variables either may be the one that an input has. A constant comes first. */
#define HOOK(name, type)                                                                           \
	void __real_##name(type a, type b);                                                        \
	void __wrap_##name(type a, type b);                                                        \
	void __wrap_##name(type a, type b)                                                         \
	{                                                                                          \
		note(PLACE, b, a, sizeof(type));                                                   \
		__real_##name(a, b);                                                               \
	}

HOOK(__sanitizer_cov_trace_cmp1, uint8_t)
HOOK(__sanitizer_cov_trace_cmp2, uint16_t)
HOOK(__sanitizer_cov_trace_cmp4, uint32_t)
HOOK(__sanitizer_cov_trace_cmp8, uint64_t)
HOOK(__sanitizer_cov_trace_const_cmp1, uint8_t)
HOOK(__sanitizer_cov_trace_const_cmp2, uint16_t)
HOOK(__sanitizer_cov_trace_const_cmp4, uint32_t)
HOOK(__sanitizer_cov_trace_const_cmp8, uint64_t)

/* cases: how many, their size in bits, and they. */
void __real___sanitizer_cov_trace_switch(uint64_t value, uint64_t *cases);
void __wrap___sanitizer_cov_trace_switch(uint64_t value, uint64_t *cases);
void __wrap___sanitizer_cov_trace_switch(uint64_t value, uint64_t *cases)
{
	for (uint64_t i = 0; i < cases[0]; i++)
		note(PLACE + i + 1, value, cases[2 + i], (unsigned)cases[1] / 8);
	__real___sanitizer_cov_trace_switch(value, cases);
}
