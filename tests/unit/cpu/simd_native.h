/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's own answer: executes instruction bytes natively. Apart from simd_fixture.c because
 * the names of registers in the system's headers are those of emulator/cpu/cpu.h too.
 */
#ifndef VCR_TESTS_SIMD_NATIVE_H
#define VCR_TESTS_SIMD_NATIVE_H

#include <stdbool.h>
#include <stdint.h>

struct simd_state {
	uint64_t xmm[4][2];
	uint64_t mm[4];
	uint64_t gpr[4]; /* RAX, RCX, RDX, RBX */
	uint64_t flags;  /* the six status flags */
	uint64_t mxcsr;
	uint64_t offset; /* RSI and RDI point to memory[offset] */
	uint8_t memory[64];
};

/* False when the host cannot run such code, or lacks the feature. */
bool native_available(const char *feature);
/* As simd_run(): the vector of the exception that the host raised, or UINT32_MAX. */
unsigned native_run(struct simd_state *s, const uint8_t *bytes, unsigned length);

#endif
