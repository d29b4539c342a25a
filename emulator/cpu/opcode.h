/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the decoder knows about an opcode: what follows it in the instruction, what is special
 * about its operand size, and which handlers carry it out (Intel SDM vol. 2 appendix A).
 */
#ifndef VCR_CPU_OPCODE_H
#define VCR_CPU_OPCODE_H

#include "emulator/cpu/insn.h"

/* What follows. */
#define OP_MODRM (1u << 0)
#define OP_IMM8  (1u << 1) /* sign-extended */
#define OP_IMM16 (1u << 2) /* zero-extended */
#define OP_IMMZ  (1u << 3) /* 2 or 4 bytes by operand size, sign-extended */
#define OP_IMMV  (1u << 4) /* 2, 4 or 8 bytes by operand size */
#define OP_MOFFS (1u << 5) /* an address, by address size */
#define OP_FAR   (1u << 6) /* offset by operand size, and a selector */
#define OP_FRAME (1u << 7) /* ENTER's: 2 bytes and 1 byte */
/* Operands. */
#define OP_BYTE  (1u << 8)  /* operand size is a byte */
#define OP_REG   (1u << 9)  /* a register in the opcode's low three bits, as rm and as reg */
#define OP_ACC   (1u << 10) /* the accumulator as rm; with OP_REG, as reg */
#define OP_SWAP  (1u << 11) /* of two registers, ModRM.reg is the destination */
#define OP_DEF64 (1u << 12) /* in 64-bit mode 8 bytes, or 2 with 66 */
#define OP_NEAR  (1u << 13) /* in 64-bit mode always 8 bytes */
/* The rest. */
#define OP_NO64   (1u << 14) /* #UD in 64-bit mode */
#define OP_LOCK   (1u << 15) /* may have a LOCK prefix when the destination is memory */
#define OP_ENDS   (1u << 16) /* ends a block */
#define OP_SYSTEM (1u << 17) /* system_lookup() knows the handler */
#define OP_X87    (1u << 18) /* x87_lookup() does */
#define OP_SIMD   (1u << 19) /* simd_lookup() does */
#define OP_VEX    (1u << 20) /* #UD in 64-bit mode or with mod == 3: a prefix of AVX */
#define OP_POPCNT (1u << 21) /* only with F3, and when the model has it */
#define OP_16B    (1u << 22) /* REX.W only when the model has CMPXCHG16B */
#define OP_MODREG (1u << 23) /* ModRM.mod is ignored: rm is a register */
#define OP_LAHF   (1u << 24) /* in 64-bit mode only when the model has it */

struct opcode {
	insn_handler *const *reg; /* row for a register as rm, or without ModRM */
	insn_handler *const *mem; /* row for memory as rm */
	uint32_t flags;
	const struct opcode *group; /* eight entries by ModRM.reg, whose flags are added */
};

/* Of a map; an opcode that does not exist has no flags, rows or group. */
const struct opcode *opcode_find(unsigned map, uint8_t opcode);

#endif
