/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which SSE and SSE2 instructions the host carries out for the guest, and how their operands lie.
 * Both processors are of the same kind, so an instruction is itself, with other registers; results
 * and exception flags are exact on each of them (unlike those of RCPPS or RSQRTPS, which are not
 * here).
 */
#ifndef VCR_TCG_SSE_H
#define VCR_TCG_SSE_H

#include "emulator/cpu/insn.h"

#define SSE_SIZE      0x001f /* bytes of a memory operand: 4, 8, 16; 0: not translated */
#define SSE_UNALIGNED 0x0020 /* 16 bytes that need not be aligned */
#define SSE_STORE     0x0040 /* ModRM.rm is the destination */
#define SSE_IMM       0x0080 /* an immediate byte follows */
#define SSE_FLOAT     0x0100 /* depends on MXCSR, or sets its flags */
#define SSE_TO_GPR    0x0200 /* ModRM.reg is a general register, and the destination */
#define SSE_FROM_GPR  0x0400 /* ModRM.rm is a general register, or memory of its size */
#define SSE_FLAGS     0x0800 /* sets status flags, and no register */
#define SSE_SHIFT     0x1000 /* ModRM.rm by an immediate; ModRM.reg is part of the opcode */
#define SSE_REG_ONLY  0x2000 /* with memory: not translated */

/* Of an instruction; 0 when it is none of them. */
unsigned sse_form(const struct insn *i);
/* The mandatory prefix: 0 none, 1 66, 2 F3, 3 F2. */
unsigned sse_prefix(const struct insn *i);

#endif
