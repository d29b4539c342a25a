/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Machine code for targets whose input is a guest program: instructions that exist, mostly, and
 * whose operands lead to where there is something. Whatever a byte string is, it is a program too;
 * so this only says where to begin, and how to change one instruction and not two.
 */
#ifndef VCR_FUZZ_CODE_H
#define VCR_FUZZ_CODE_H

#include <stddef.h>
#include <stdint.h>

#include "emulator/cpu/cpu.h"

/* splitmix64: any state will do. */
static inline uint64_t code_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* 0 .. n - 1 */
static inline unsigned code_below(uint64_t *state, unsigned n)
{
	return (unsigned)((code_random(state) >> 32) * n >> 32);
}

#define CODE_INSN_MAX 15

/* One instruction of at most 15 bytes for code of 16, 32 or 64 bits; returns its length. */
unsigned code_insn(uint64_t *random, const struct cpu_model *model, unsigned bits,
		   uint8_t out[CODE_INSN_MAX]);
/* Instructions up to the end; the last may be cut. */
void code_fill(uint64_t *random, const struct cpu_model *model, unsigned bits, uint8_t *out,
	       size_t size);
/* Changes, inserts, doubles or takes out instructions; returns the new size, at most `max`. */
size_t code_mutate(uint64_t *random, const struct cpu_model *model, unsigned bits, uint8_t *code,
		   size_t size, size_t max);

#endif
