/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the rows of a benchmark guest share. A row does a fixed amount of work and returns a
 * checksum of it, which must be the same under every emulator.
 */
#ifndef GUEST_H
#define GUEST_H

#include <stddef.h>
#include <stdint.h>

struct row {
	const char *name;
	uint64_t (*work)(void);
};

/* Each file's rows, ended by one without a name. */
extern const struct row rows_integer[], rows_memory[], rows_call[], rows_float[], rows_x87[],
    rows_system[];

#define HEAP_SIZE (32u << 20)
extern uint8_t *heap; /* HEAP_SIZE bytes, page-aligned, that a row may use as it likes */

/* The next number of a sequence that looks random: xorshift32 (Marsaglia, 2003). */
static inline uint32_t random_next(uint32_t *state)
{
	uint32_t x = *state;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return *state = x;
}

static inline void port_write8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t port_read8(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

#endif
