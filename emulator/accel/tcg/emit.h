/* SPDX-License-Identifier: Apache-2.0 */
/* From IR to host code; what the emit_*.c files share. */
#ifndef VCR_TCG_EMIT_H
#define VCR_TCG_EMIT_H

#include "emulator/accel/tcg/jit.h"

#define EMIT_HANDOVERS 160

/* A jump to where an instruction is handed to the interpreter. */
struct handover {
	uint8_t *jump;
	uint8_t insn;
};

struct emitter {
	struct assembler a;
	struct jit *j;
	struct jit_block *t;
	const struct ir_block *ir;
	uint8_t *insn_at[64]; /* code of each instruction; the last: of the end of the block */
	bool leaves[64];      /* if handed over, it may change what code is specialised for */
	unsigned x87_end;     /* no instruction from here on needs the host's x87 unit */
	bool insn_host[64];   /* its code expects the flags in the host */
	unsigned end[64];     /* behind which byte of the block it ends */
	struct handover handover[EMIT_HANDOVERS];
	unsigned handovers, edges;
	unsigned late[JIT_EDGES]; /* of edges: what is stored on the way, as in struct ir_op */
};

/* ---- operands ---- */

/* Where an operand is: a host register, or memory. */
struct place {
	bool is_reg;
	uint8_t reg;
	struct host_mem mem;
};

struct place place_of(unsigned operand);
/* Opcode with a register and a place. */
void emit_place(struct emitter *e, unsigned size, unsigned opcode, unsigned reg, struct place p);
/* The operand in a host register: its own, else `scratch`, which it is loaded into. */
unsigned emit_source(struct emitter *e, const struct ir_op *o, unsigned scratch);
/*
 * A register to compute `d` in: its own; or, for a guest register in the frame, rax, loaded if
 * `loads`. emit_result() brings it there. Neither changes a flag.
 */
unsigned emit_target(struct emitter *e, unsigned d, unsigned size, bool loads);
void emit_result(struct emitter *e, unsigned d, unsigned size, unsigned reg);
void emit_move(struct emitter *e, unsigned size, unsigned d, unsigned a, uint64_t imm);

/* ---- flags ---- */

/*
 * Stores the host's flags, with the STORED_* bits that say what else holds of them; CF only when
 * `carry`. The host's flags stay. Uses rax.
 */
void emit_store_flags(struct emitter *e, unsigned stored, bool carry);
/* The same for an operation of ir_flags_late(), whose flags the host has. */
void emit_flags(struct emitter *e, const struct ir_op *o);
/* Makes a condition that can be tested on the host; returns it. */
unsigned emit_condition(struct emitter *e, const struct ir_op *o);

/* ---- operations ---- */

/* Hands the current instruction to the interpreter when the condition holds. */
void emit_handover(struct emitter *e, unsigned insn, unsigned condition);
/* The operations of emit_alu.c and emit_memory.c. */
void emit_alu(struct emitter *e, const struct ir_op *o);
void emit_address(struct emitter *e, const struct ir_op *o);
void emit_probe(struct emitter *e, const struct ir_op *o);
void emit_lookup(struct emitter *e, const struct ir_op *o);
void emit_lea(struct emitter *e, const struct ir_op *o);
/* base + (index << scale) + disp in a register, on o->address bytes. Uses rax, unless in it. */
void emit_sum(struct emitter *e, const struct ir_op *o, unsigned to);
void emit_aligned(struct emitter *e, const struct ir_op *o);
void emit_forward(struct emitter *e, const struct ir_op *o);
void emit_sse(struct emitter *e, const struct ir_op *o);
void emit_x87(struct emitter *e, const struct ir_op *o);
/* At the start of a block with floating point: MXCSR is the guest's from here on. */
void emit_float_begin(struct emitter *e);
/* The host's x87 unit is the guest's from here on, until C is entered. */
void emit_x87_begin(struct emitter *e);

#endif
