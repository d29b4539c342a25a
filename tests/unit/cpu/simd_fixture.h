/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs single MMX and SSE instructions from their bytes, in 64-bit mode at CPL 0, and compares
 * whole groups of them with the host's processor where that is x86-64. Instructions use
 * registers 0..3 of each file and memory at [rsi] (or [rdi], which is the same).
 */
#ifndef VCR_TESTS_SIMD_FIXTURE_H
#define VCR_TESTS_SIMD_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "emulator/cpu/fpu.h"
#include "tests/unit/cpu/simd_native.h"

#define NO_FAULT UINT32_MAX

/* What simd_run() starts from besides struct simd_state; set by simd_setup() to the usual. */
extern struct cpu simd_cpu;
extern struct cpu_model simd_model;

/* Reads and writes outside RAM (64 KiB from 0; memory[0] is at 1000h) so far; they read as ones. */
extern unsigned simd_exits;

/* Everything available (x86-64-v2), CR4.OSFXSR and OSXMMEXCPT set, FPU as after FNINIT. */
int simd_setup(void **state);

/* Executes one instruction of `length` bytes on *s. Returns the vector raised, or NO_FAULT. */
unsigned simd_run(struct simd_state *s, const uint8_t *bytes, unsigned length);
#define RUN(s, ...)                                                                                \
	simd_run(s, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

/* A state of zeros with the MXCSR of power-on, 1F80h. */
struct simd_state simd_zero(void);

/* Expected values that hold on any host: `a op b` between registers 1 and 2, result in 1. */
struct simd_vector {
	const char *text;
	uint8_t code[8];
	uint8_t length;
	uint64_t a[2], b[2], result[2];
};
/* mmx: a[0], b[0] and result[0] are those of MM1, MM2. */
void simd_check_vectors(const struct simd_vector *vectors, size_t count, bool mmx);

/* ---- comparison with the host ---- */

#define P_NONE 0x01 /* mandatory prefixes that make an instruction of the opcode */
#define P_66   0x02
#define P_F3   0x04
#define P_F2   0x08
#define P_ALL  0x0f

#define F_REG  0x01 /* a register as r/m operand */
#define F_MEM  0x02 /* memory */
#define F_RM   (F_REG | F_MEM)
#define F_IMM  0x04 /* a random immediate byte */
#define F_REXW 0x08 /* also with REX.W */
/* Floating point: vary rounding, DAZ, FTZ and the exception masks of MXCSR. */
#define F_MXCSR 0x10

struct simd_op {
	uint16_t opcode; /* 0F58h, 3800h, 3A0Fh */
	uint8_t prefixes;
	uint8_t flags;
	uint8_t digit; /* ModRM.reg + 1, where it belongs to the opcode; else 0 */
};

/* Skips the test when the host is no x86-64 or lacks `feature`: sse2, ssse3 or sse4.2. */
void simd_compare_host(const struct simd_op *ops, size_t count, const char *feature);

#endif
