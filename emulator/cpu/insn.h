/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A decoded instruction, and how the decoder finds its handler. decode.c parses prefixes,
 * opcode, ModRM, SIB, displacement and immediate once; the handler is chosen from tables for
 * the operand size, so that it does not look at prefixes again.
 */
#ifndef VCR_CPU_INSN_H
#define VCR_CPU_INSN_H

#include "emulator/cpu/cpu.h"

typedef void insn_handler(struct vcpu *v, const struct insn *i);

enum { MAP_1BYTE, MAP_0F, MAP_0F38, MAP_0F3A };
enum { REP_NONE, REP_E, REP_NE }; /* F3, F2 */

struct insn {
	insn_handler *handler;
	uint64_t immediate; /* sign-extended; branch displacement; moffs; far: offset | selector << 32 */
	int32_t displacement;
	uint8_t length;	   /* bytes, 1..15 */
	uint8_t opcode;	   /* last opcode byte */
	uint8_t map;	   /* MAP_* */
	uint8_t modrm;
	uint8_t reg;	   /* ModRM.reg with REX.R, or the register in the opcode with REX.B */
	uint8_t rm;	   /* ModRM.rm with REX.B; only when is_reg */
	uint8_t base, index, scale; /* REG_*; REG_ZERO for none, REG_RIP; scale is a shift 0..3 */
	uint8_t seg;	   /* SEG_* of the memory operand; in 64-bit mode SEG_FLAT, _STACK, _FS or _GS */
	uint8_t operand;   /* bytes: 2, 4 or 8 (1 where the opcode says byte) */
	uint8_t address;   /* bytes: 2, 4 or 8 */
	uint8_t rep;	   /* REP_*: the last F2/F3 prefix */
	bool prefix_66;	   /* present: mandatory prefix for SIMD */
	bool is_reg;	   /* ModRM.mod == 3, or no ModRM */
	bool rex;	   /* any REX: byte registers 4..7 are SPL BPL SIL DIL */
	bool rex_w;
	bool lock;
	bool ends_block;   /* control flow, or anything that may change mode, mapping or interrupts */
};

/* Offset of the memory operand in its segment. */
static inline uint64_t insn_address(const struct vcpu *v, const struct insn *i)
{
	const uint64_t *r = v->c->reg;
	uint64_t a = r[i->base] + (r[i->index] << i->scale) + (uint64_t)(int64_t)i->displacement;

	if (i->address == 4)
		a = (uint32_t)a;
	else if (i->address == 2)
		a = (uint16_t)a;
	return a;
}

/* RIP of the instruction being executed. */
static inline uint64_t insn_rip(const struct vcpu *v)
{
	return v->c->reg[REG_RIP] - v->insn->length;
}

/*
 * Decodes the instruction in bytes[0..available), which lies at CS:rip of a vCPU with that
 * code size. Returns its length; 0 when more bytes are needed (the fetch fault is then due);
 * an instruction that does not exist decodes to a handler that raises #UD, one that is over
 * 15 bytes to one that raises #GP(0).
 */
unsigned insn_decode(const struct cpu_model *model, unsigned code_bits, const uint8_t *bytes,
		     unsigned available, struct insn *i);

/*
 * The tables of the other files. Each is called with prefixes, map, opcode and (if the map has
 * one) ModRM filled in and returns a handler, or NULL for #UD. *imm8 is set when an immediate
 * byte follows.
 */
insn_handler *x87_lookup(const struct insn *i); /* D8..DF, 9B */
/*
 * MMX, SSE .. SSE4.2 in maps 0F, 0F38 and 0F3A; asked for every opcode of those maps that the
 * integer tables do not claim. Also CRC32, MOVNTI, LDMXCSR, FXSAVE, fences, EMMS, PREFETCH is not.
 */
insn_handler *simd_lookup(const struct insn *i, const struct cpu_model *model, bool *imm8);
/*
 * System instructions (sysinsn.c): mode, descriptor tables, control and debug registers, MSRs,
 * far transfers, interrupts, I/O port permission; asked first for 0F00 0F01 0F02 0F03 0F05 0F06
 * 0F07 0F08 0F09 0F0B 0F20..23 0F30..35 0FA2 0FAA 0FB2 0FB4 0FB5 0FB9 0FFF, and 1-byte 06 07 0E
 * 16 17 1E 1F 0FA0 0FA1 0FA8 0FA9 8C 8E 63(ARPL) 9A C4 C5 CA CB CC CD CE CF EA F1 F4 FA FB
 * and FF /3 /5, 9C 9D (PUSHF, POPF). Sets *imm to the size of the immediate in bytes.
 */
insn_handler *system_lookup(const struct insn *i, unsigned code_bits, unsigned *imm);

/* Raises #UD. */
void insn_undefined(struct vcpu *v, const struct insn *i);

#endif
