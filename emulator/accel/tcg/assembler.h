/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes x86-64 host instructions (Intel SDM vol. 2 chapter 2: prefixes, ModRM, SIB). An opcode
 * is given as in the manual, with flags for its map and mandatory prefix; operand size says the
 * rest. A buffer that is full takes no more and says so: the caller looks once, at the end.
 */
#ifndef VCR_TCG_ASSEMBLER_H
#define VCR_TCG_ASSEMBLER_H

#include <stdbool.h>
#include <stdint.h>

enum {
	HOST_RAX,
	HOST_RCX,
	HOST_RDX,
	HOST_RBX,
	HOST_RSP,
	HOST_RBP,
	HOST_RSI,
	HOST_RDI,
	HOST_R8,
	HOST_R9,
	HOST_R10,
	HOST_R11,
	HOST_R12,
	HOST_R13,
	HOST_R14,
	HOST_R15,
	HOST_NONE = 0xff
};

/* Or'ed to the last opcode byte. */
#define ASM_0F      0x0100u /* map 0F */
#define ASM_0F38    0x0200u
#define ASM_66      0x1000u /* mandatory prefix */
#define ASM_F3      0x2000u
#define ASM_F2      0x4000u
#define ASM_BYTE_RM 0x8000u /* the r/m operand is a byte whatever the operand size: MOVZX */

/* The digit of the ALU operations, as encoded. */
enum { ASM_ADD, ASM_OR, ASM_ADC, ASM_SBB, ASM_AND, ASM_SUB, ASM_XOR, ASM_CMP };
/* Conditions, as encoded. */
enum { CC_O, CC_NO, CC_B, CC_AE, CC_E, CC_NE, CC_BE, CC_A, CC_S, CC_NS, CC_P, CC_NP };

struct assembler {
	uint8_t *at, *end;
	bool full;
};

struct host_mem { /* [base + index << scale + disp] */
	uint8_t base, index, scale;
	int32_t disp;
};

static inline struct host_mem host_at(unsigned base, int32_t disp)
{
	return (struct host_mem){(uint8_t)base, HOST_NONE, 0, disp};
}

void asm_byte(struct assembler *a, unsigned value);
void asm_u32(struct assembler *a, uint32_t value);
void asm_u64(struct assembler *a, uint64_t value);

/*
 * Opcode with ModRM for operands of `size` bytes (1, 2, 4 or 8; 0: neither 66 nor REX.W): reg and
 * a register, or reg and memory. An immediate is the caller's to append.
 */
void asm_rr(struct assembler *a, unsigned size, unsigned opcode, unsigned reg, unsigned rm);
void asm_rm(struct assembler *a, unsigned size, unsigned opcode, unsigned reg, struct host_mem m);
/* An immediate of an operand of `size` bytes: 1, 2 or 4 bytes. */
void asm_immediate(struct assembler *a, unsigned size, uint64_t value);

void asm_mov_rr(struct assembler *a, unsigned size, unsigned to, unsigned from); /* 4 or 8 */
void asm_mov_imm(struct assembler *a, unsigned to, uint64_t value); /* shortest; flags stay */
void asm_load(struct assembler *a, unsigned size, unsigned to, struct host_mem m);
void asm_store(struct assembler *a, unsigned size, struct host_mem m, unsigned from);
void asm_alu_imm(struct assembler *a, unsigned size, unsigned op, unsigned rm, int32_t value);
void asm_shift_imm(struct assembler *a, unsigned size, unsigned digit, unsigned rm, unsigned n);

/* Jumps with a 32-bit displacement, which is returned to be set by asm_link(). */
uint8_t *asm_jmp(struct assembler *a);
uint8_t *asm_jcc(struct assembler *a, unsigned condition);
uint8_t *asm_call(struct assembler *a);
void asm_link(uint8_t *displacement, const uint8_t *target);

#endif
