/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Virtual nanoseconds and the clock pulses of a part, converted without drift: pulse k of a clock
 * of `hz` happens at exactly k / hz seconds after power-on, and every deadline is computed from
 * its pulse number, never by adding rounded periods. The products need 128 bits.
 */
#ifndef VCR_TICKS_H
#define VCR_TICKS_H

#include <stdint.h>

#define NS_PER_SECOND 1000000000u

/* How many pulses have come by virtual time `ns` (the pulse at `ns` itself included). */
static inline uint64_t ticks_at(uint64_t ns, uint32_t hz)
{
	return (uint64_t)((unsigned __int128)ns * hz / NS_PER_SECOND);
}

/* The first nanosecond at which ticks_at() answers `tick`; UINT64_MAX when that never comes. */
static inline uint64_t ticks_time(uint64_t tick, uint32_t hz)
{
	unsigned __int128 ns = ((unsigned __int128)tick * NS_PER_SECOND + hz - 1) / hz;

	return ns > UINT64_MAX ? UINT64_MAX : (uint64_t)ns;
}

#endif
