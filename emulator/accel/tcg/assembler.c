/* SPDX-License-Identifier: Apache-2.0 */
/* Writes x86-64 host instructions; see assembler.h. */
#include "emulator/accel/tcg/assembler.h"

#include <string.h>

void asm_byte(struct assembler *a, unsigned value)
{
	if (a->at < a->end)
		*a->at++ = (uint8_t)value;
	else
		a->full = true;
}

void asm_u32(struct assembler *a, uint32_t value)
{
	for (unsigned n = 0; n < 4; n++)
		asm_byte(a, value >> 8 * n & 0xff);
}

void asm_u64(struct assembler *a, uint64_t value)
{
	asm_u32(a, (uint32_t)value);
	asm_u32(a, (uint32_t)(value >> 32));
}

void asm_immediate(struct assembler *a, unsigned size, uint64_t value)
{
	unsigned bytes = size > 4 ? 4 : size;

	for (unsigned n = 0; n < bytes; n++)
		asm_byte(a, value >> 8 * n & 0xff);
}

/* Prefixes and opcode; the arguments are the register numbers that REX extends. */
static void opcode_put(struct assembler *a, unsigned size, unsigned opcode, unsigned reg,
		       unsigned index, unsigned base, bool byte_regs)
{
	unsigned rex =
	    (size == 8 ? 8u : 0) | (reg >> 3 & 1) << 2 | (index >> 3 & 1) << 1 | (base >> 3 & 1);

	if (size == 2 || (opcode & ASM_66))
		asm_byte(a, 0x66);
	if (opcode & ASM_F3)
		asm_byte(a, 0xf3);
	if (opcode & ASM_F2)
		asm_byte(a, 0xf2);
	if (rex || byte_regs)
		asm_byte(a, 0x40 | rex);
	if (opcode & (ASM_0F | ASM_0F38))
		asm_byte(a, 0x0f);
	if (opcode & ASM_0F38)
		asm_byte(a, 0x38);
	asm_byte(a, opcode & 0xff);
}

/* SPL, BPL, SIL and DIL need a REX prefix, or they are AH to BH. */
static bool needs_rex(unsigned reg)
{
	return reg >= 4 && reg < 8;
}

void asm_rr(struct assembler *a, unsigned size, unsigned opcode, unsigned reg, unsigned rm)
{
	bool byte_reg = size == 1 && !(opcode & ASM_BYTE_RM) && needs_rex(reg);
	bool byte_rm = (size == 1 || (opcode & ASM_BYTE_RM)) && needs_rex(rm);

	opcode_put(a, size, opcode, reg, 0, rm, byte_reg || byte_rm);
	asm_byte(a, 0xc0 | (reg & 7) << 3 | (rm & 7));
}

void asm_rm(struct assembler *a, unsigned size, unsigned opcode, unsigned reg, struct host_mem m)
{
	bool has_index = m.index != HOST_NONE, has_base = m.base != HOST_NONE;
	unsigned base = has_base ? m.base : HOST_RBP, index = has_index ? m.index : HOST_RSP;
	bool sib = has_index || !has_base || (base & 7) == HOST_RSP;
	unsigned mod = 2;

	if (!has_base || (m.disp == 0 && (base & 7) != HOST_RBP))
		mod = 0;
	else if (m.disp >= -128 && m.disp <= 127)
		mod = 1;
	opcode_put(a, size, opcode, reg, has_index ? index : 0, has_base ? base : 0,
		   size == 1 && !(opcode & ASM_BYTE_RM) && needs_rex(reg));
	asm_byte(a, mod << 6 | (reg & 7) << 3 | (sib ? 4 : base & 7));
	if (sib)
		asm_byte(a, (unsigned)m.scale << 6 | (index & 7) << 3 | (base & 7));
	if (mod == 1)
		asm_byte(a, (uint8_t)m.disp);
	else if (mod == 2 || !has_base)
		asm_u32(a, (uint32_t)m.disp);
}

void asm_mov_rr(struct assembler *a, unsigned size, unsigned to, unsigned from)
{
	asm_rr(a, size, 0x89, from, to);
}

void asm_mov_imm(struct assembler *a, unsigned to, uint64_t value)
{
	if (value <= UINT32_MAX) {
		opcode_put(a, 4, 0xb8 | (to & 7), 0, 0, to, false);
		asm_u32(a, (uint32_t)value);
	} else if (value >= 0xffffffff80000000) {
		asm_rr(a, 8, 0xc7, 0, to);
		asm_u32(a, (uint32_t)value);
	} else {
		opcode_put(a, 8, 0xb8 | (to & 7), 0, 0, to, false);
		asm_u64(a, value);
	}
}

void asm_load(struct assembler *a, unsigned size, unsigned to, struct host_mem m)
{
	asm_rm(a, size, size == 1 ? 0x8a : 0x8b, to, m);
}

void asm_store(struct assembler *a, unsigned size, struct host_mem m, unsigned from)
{
	asm_rm(a, size, size == 1 ? 0x88 : 0x89, from, m);
}

void asm_alu_imm(struct assembler *a, unsigned size, unsigned op, unsigned rm, int32_t value)
{
	bool is_short = value >= -128 && value <= 127;

	if (size == 1) {
		asm_rr(a, 1, 0x80, op, rm);
		asm_byte(a, (uint8_t)value);
	} else {
		asm_rr(a, size, is_short ? 0x83 : 0x81, op, rm);
		asm_immediate(a, is_short ? 1 : size, (uint64_t)(int64_t)value);
	}
}

void asm_shift_imm(struct assembler *a, unsigned size, unsigned digit, unsigned rm, unsigned n)
{
	asm_rr(a, size, size == 1 ? 0xc0 : 0xc1, digit, rm);
	asm_byte(a, n);
}

/* ---- jumps ---- */

static uint8_t *displacement_put(struct assembler *a)
{
	uint8_t *at = a->at;

	asm_u32(a, 0);
	return a->full ? NULL : at;
}

uint8_t *asm_jmp(struct assembler *a)
{
	asm_byte(a, 0xe9);
	return displacement_put(a);
}

uint8_t *asm_jcc(struct assembler *a, unsigned condition)
{
	asm_byte(a, 0x0f);
	asm_byte(a, 0x80 | condition);
	return displacement_put(a);
}

uint8_t *asm_call(struct assembler *a)
{
	asm_byte(a, 0xe8);
	return displacement_put(a);
}

void asm_link(uint8_t *displacement, const uint8_t *target)
{
	int32_t distance;

	if (!displacement)
		return;
	distance = (int32_t)(target - (displacement + 4));
	memcpy(displacement, &distance, sizeof(distance));
}
