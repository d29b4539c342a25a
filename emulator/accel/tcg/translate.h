/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From decoded guest instructions to IR. What is not known here becomes IR_CALL: the interpreter
 * carries that one instruction out, and stays the definition of it.
 */
#ifndef VCR_TCG_TRANSLATE_H
#define VCR_TCG_TRANSLATE_H

#include "emulator/accel/tcg/ir.h"
#include "emulator/cpu/block.h"

/*
 * Translates block `b`, which begins at RIP `rip`. Its code is 64-bit, or 32-bit with a flat code
 * segment and flat ES, DS and SS. ir->sse, ir->sse_float and ir->x87 are the
 * caller's to set.
 */
void ir_translate(struct ir_block *ir, const struct block *b, uint64_t rip);

/* ---- between the translate_*.c files ---- */

struct translation {
	struct ir_block *ir;
	const struct insn *i;
	uint64_t rip, next; /* of this instruction and of what follows it */
	unsigned n;         /* its number */
	bool last;          /* nothing is decoded behind it */
	bool ended;         /* an operation that ends the block was given */
};

/* Each gives the operations of t->i, or returns false having given none. */
bool translate_integer(struct translation *t);
bool translate_bits(struct translation *t);
bool translate_flow(struct translation *t);
bool translate_sse(struct translation *t);
bool translate_x87(struct translation *t);
bool translate_string(struct translation *t);

struct ir_op *ir_add(struct translation *t, unsigned op, unsigned size, unsigned d, unsigned a);
void ir_add_imm(struct translation *t, unsigned op, unsigned size, unsigned d, uint64_t imm);
struct ir_op *ir_alu(struct translation *t, unsigned kind, unsigned size, unsigned d, unsigned a);
/* ADDR of the instruction's memory operand, and PROBE; false when only the interpreter can. */
bool ir_memory_possible(const struct translation *t);
void ir_memory(struct translation *t, unsigned size, bool write);
/* base, index, scale and displacement of that operand. */
void ir_set_address(const struct translation *t, struct ir_op *o);
/* The same, where an address that is no multiple of the size faults if `aligned`. */
void ir_memory_aligned(struct translation *t, unsigned size, bool write, bool aligned);
/* ADDR of register + displacement in the stack segment or a flat one, and PROBE. */
void ir_memory_at(struct translation *t, unsigned base, int32_t disp, unsigned size, bool write);
/* Register r of an instruction as a source operand: bytes 4..7 without REX are AH to BH. */
unsigned ir_source(const struct translation *t, unsigned r, unsigned size);
/* The register that an operation on byte register r works in; ir_byte_done() puts it back. */
unsigned ir_byte_begin(struct translation *t, unsigned r, unsigned size, bool reads);
void ir_byte_done(struct translation *t, unsigned r, unsigned d);
/* register += disp without flags */
void ir_advance(struct translation *t, unsigned r, int32_t disp);

#endif
