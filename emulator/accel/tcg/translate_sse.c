/* SPDX-License-Identifier: Apache-2.0 */
/* From decoded guest instructions to IR: SSE and SSE2. See sse.h. */
#include "emulator/accel/tcg/sse.h"
#include "emulator/accel/tcg/translate.h"

#define X      16
#define U      (16 | SSE_UNALIGNED)
#define F      (16 | SSE_FLOAT)
#define FI     (16 | SSE_FLOAT | SSE_IMM)
#define F4     (4 | SSE_FLOAT)
#define F8     (8 | SSE_FLOAT)
#define XI     (16 | SSE_IMM)
#define ST(n)  ((n) | SSE_STORE)
#define TO(n)  ((n) | SSE_TO_GPR)
#define MASK   (16 | SSE_TO_GPR | SSE_REG_ONLY)
#define SHIFT  (16 | SSE_IMM | SSE_SHIFT | SSE_REG_ONLY)
#define FROM   (8 | SSE_FROM_GPR)
#define COM(n) ((n) | SSE_FLOAT | SSE_FLAGS)

/* Map 0F by mandatory prefix: none, 66, F3, F2. MMX is the interpreter's, as all that SSE3 added.
 */
static const uint16_t forms[256][4] = {
    [0x10] = {U, U, 4, 8},
    [0x11] = {ST(U), ST(U), ST(4), ST(8)},
    [0x12] = {8, 8},
    [0x13] = {ST(8), ST(8)},
    [0x14 ... 0x15] = {X, X},
    [0x16] = {8, 8},
    [0x17] = {ST(8), ST(8)},
    [0x28] = {X, X},
    [0x29] = {ST(X), ST(X)},
    [0x2a] = {0, 0, FROM | SSE_FLOAT, FROM | SSE_FLOAT},
    [0x2b] = {ST(X), ST(X)},
    [0x2c ... 0x2d] = {0, 0, TO(F4), TO(F8)},
    [0x2e ... 0x2f] = {COM(4), COM(8)},
    [0x50] = {MASK, MASK},
    [0x51] = {F, F, F4, F8},
    [0x54 ... 0x57] = {X, X},
    [0x58 ... 0x59] = {F, F, F4, F8},
    [0x5a] = {F8, F, F4, F8},
    [0x5b] = {F, F, F},
    [0x5c ... 0x5f] = {F, F, F4, F8},
    [0x60 ... 0x6d] = {0, X},
    [0x6e] = {0, FROM},
    [0x6f] = {0, X, U},
    [0x70] = {0, XI, XI, XI},
    [0x71 ... 0x73] = {0, SHIFT},
    [0x74 ... 0x76] = {0, X},
    [0x7e] = {0, 0, 8},
    [0x7f] = {0, ST(X), ST(U)},
    [0xc2] = {FI, FI, F4 | SSE_IMM, F8 | SSE_IMM},
    [0xc4] = {0, FROM | SSE_IMM | SSE_REG_ONLY},
    [0xc5] = {0, MASK | SSE_IMM},
    [0xc6] = {XI, XI},
    [0xd1 ... 0xd5] = {0, X},
    [0xd6] = {0, ST(8)},
    [0xd7] = {0, MASK},
    [0xd8 ... 0xe5] = {0, X},
    [0xe6] = {0, F, F8, F},
    [0xe7] = {0, ST(X)},
    [0xe8 ... 0xef] = {0, X},
    [0xf1 ... 0xf6] = {0, X},
    [0xf8 ... 0xfe] = {0, X},
};

unsigned sse_prefix(const struct insn *i)
{
	if (i->rep != REP_NONE)
		return i->rep == REP_E ? 2 : 3;
	return i->prefix_66;
}

unsigned sse_form(const struct insn *i)
{
	unsigned form = i->map == MAP_0F ? forms[i->opcode][sse_prefix(i)] : 0;

	return (form & SSE_REG_ONLY) && !i->is_reg ? 0 : form;
}

static struct ir_op *add_sse(struct translation *t, unsigned form, unsigned d, unsigned a)
{
	const struct insn *i = t->i;
	struct ir_op *o = ir_add(t, IR_SSE, form & SSE_SIZE, d, a);

	o->kind = i->opcode;
	o->from = (uint8_t)sse_prefix(i);
	o->form = (uint16_t)form;
	o->imm = i->immediate;
	t->ir->has_float |= form & SSE_FLOAT;
	return o;
}

/* 66 0F 7E: the low 4 or 8 bytes of a register to a general register or memory. */
static bool translate_movd_store(struct translation *t)
{
	const struct insn *i = t->i;
	unsigned size = i->rex_w ? 8 : 4;
	struct ir_op *o;

	if (!i->is_reg) {
		if (!ir_memory_possible(t))
			return false;
		ir_memory(t, size, true);
	}
	o = add_sse(t, SSE_STORE | SSE_FROM_GPR, i->is_reg ? i->rm : IR_MEM, i->reg);
	o->size = (uint8_t)size;
	return true;
}

bool translate_sse(struct translation *t)
{
	const struct insn *i = t->i;
	unsigned form = sse_form(i), a = i->rm, size;

	if (!t->ir->sse || i->map != MAP_0F)
		return false;
	if (i->opcode == 0x7e && sse_prefix(i) == 1)
		return translate_movd_store(t);
	if (!form || ((form & SSE_FLOAT) && !t->ir->sse_float))
		return false;
	size = form & SSE_SIZE;
	if (form & SSE_FROM_GPR)
		size = i->rex_w ? 8 : 4;
	if (!i->is_reg) {
		if (!ir_memory_possible(t))
			return false;
		ir_memory_aligned(t, size, form & SSE_STORE, size == 16 && !(form & SSE_UNALIGNED));
		a = IR_MEM;
	}
	add_sse(t, form, i->reg, a)->size =
	    (uint8_t)(form & (SSE_FROM_GPR | SSE_TO_GPR) ? (i->rex_w ? 8 : 4) : size);
	return true;
}
