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
	uint64_t
	    immediate; /* sign-extended; branch displacement; moffs; far: offset | selector << 32 */
	int32_t displacement;
	uint8_t length; /* bytes, 1..15 */
	uint8_t opcode; /* last opcode byte */
	uint8_t map;    /* MAP_* */
	uint8_t modrm;
	uint8_t reg; /* ModRM.reg with REX.R, or the register in the opcode with REX.B */
	uint8_t rm;  /* ModRM.rm with REX.B; only when is_reg */
	uint8_t base, index, scale; /* GPR_*; GPR_ZERO for none, GPR_RIP; scale is a shift 0..3 */
	uint8_t seg; /* SEG_* of the memory operand; in 64-bit mode SEG_FLAT, _STACK, _FS or _GS */
	uint8_t operand; /* bytes: 2, 4 or 8 (1 where the opcode says byte) */
	uint8_t address; /* bytes: 2, 4 or 8 */
	uint8_t rep;     /* REP_*: the last F2/F3 prefix */
	bool prefix_66;  /* present: mandatory prefix for SIMD */
	bool is_reg;     /* ModRM.mod == 3, or no ModRM */
	bool rex;        /* any REX: byte registers 4..7 are SPL BPL SIL DIL */
	bool rex_w;
	bool lock;
	bool ends_block; /* control flow, or anything that may change mode, mapping or interrupts */
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
	return v->c->reg[GPR_RIP] - v->insn->length;
}

/* RIP for an exit: of the instruction being executed, or where an event was delivered. */
static inline uint64_t exit_rip(const struct vcpu *v)
{
	return v->insn ? insn_rip(v) : v->c->reg[GPR_RIP];
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
 * The tables of the other files, asked for the opcodes that opcode.c marks as theirs (OP_X87,
 * OP_SIMD, OP_SYSTEM). Each is called with prefixes, map, opcode and, if the opcode has them,
 * ModRM, displacement and far pointer filled in, and returns a handler or NULL for #UD.
 */
insn_handler *x87_lookup(const struct insn *i); /* D8..DF, 9B */
/* MMX and SSE to SSE4.2, also CRC32, MOVNTI, LDMXCSR, FXSAVE, fences, EMMS. */
insn_handler *simd_lookup(const struct insn *i, const struct cpu_model *model);
/*
 * System instructions (sysinsn.c): mode, descriptor tables, control, debug and segment registers,
 * MSRs, far transfers, interrupts, I/O. Sets *imm to the size of the immediate in bytes.
 */
insn_handler *system_lookup(const struct insn *i, unsigned code_bits, unsigned *imm);

/* Raises #UD. */
void insn_undefined(struct vcpu *v, const struct insn *i);
/* Raises #GP(0): over 15 bytes. */
void insn_too_long(struct vcpu *v, const struct insn *i);

#endif
