/* SPDX-License-Identifier: Apache-2.0 */
/* From decoded guest instructions to IR: the frame, and operands. See translate.h. */
#include "emulator/accel/tcg/translate.h"

#include "emulator/accel/tcg/x87.h"

#include <string.h>

/* ---- giving operations ---- */

struct ir_op *ir_add(struct translation *t, unsigned op, unsigned size, unsigned d, unsigned a)
{
	static struct ir_op nowhere;
	struct ir_block *b = t->ir;
	struct ir_op *o = &nowhere;

	if (b->ops < IR_OPS_MAX)
		o = &b->op[b->ops++];
	else
		b->full = true;
	*o = (struct ir_op){
	    .op = (uint8_t)op,
	    .size = (uint8_t)size,
	    .d = (uint8_t)d,
	    .a = (uint8_t)a,
	    .base = GPR_ZERO,
	    .index = GPR_ZERO,
	    .seg = SEG_FLAT,
	    .address = t->ir->code64 ? 8 : 4,
	    .insn = (uint8_t)t->n,
	};
	return o;
}

void ir_add_imm(struct translation *t, unsigned op, unsigned size, unsigned d, uint64_t imm)
{
	ir_add(t, op, size, d, IR_IMM)->imm = imm;
}

struct ir_op *ir_alu(struct translation *t, unsigned kind, unsigned size, unsigned d, unsigned a)
{
	struct ir_op *o = ir_add(t, IR_ALU, size, d, a);

	o->kind = (uint8_t)kind;
	return o;
}

void ir_advance(struct translation *t, unsigned r, int32_t disp)
{
	struct ir_op *o = ir_add(t, IR_LEA, t->ir->code64 ? 8 : 4, r, IR_NONE);

	o->base = (uint8_t)r;
	o->disp = disp;
}

/* ---- byte registers ---- */

static bool is_high(const struct translation *t, unsigned r, unsigned size)
{
	return size == 1 && !t->i->rex && r >= 4 && r < 8;
}

unsigned ir_source(const struct translation *t, unsigned r, unsigned size)
{
	return is_high(t, r, size) ? IR_HIGH + (r - 4) : r;
}

unsigned ir_byte_begin(struct translation *t, unsigned r, unsigned size, bool reads)
{
	if (!is_high(t, r, size))
		return r;
	if (reads)
		ir_add(t, IR_GETHIGH, 1, IR_TEMP, r - 4);
	return IR_TEMP;
}

void ir_byte_done(struct translation *t, unsigned r, unsigned d)
{
	if (d == IR_TEMP)
		ir_add(t, IR_PUTHIGH, 1, r - 4, IR_TEMP);
}

/* ---- memory operands ---- */

/* Flat segments are all the same here: a fault is the interpreter's to name. */
static unsigned segment_of(unsigned seg)
{
	return seg == SEG_FS || seg == SEG_GS ? seg : SEG_FLAT;
}

/* Not with 16-bit addresses, nor in the code segment, which is not flat for stores. */
bool ir_memory_possible(const struct translation *t)
{
	return t->i->address >= 4 && t->i->seg != SEG_CS;
}

void ir_set_address(const struct translation *t, struct ir_op *o)
{
	const struct insn *i = t->i;

	o->address = i->address;
	o->base = i->base;
	o->index = i->index;
	o->scale = i->scale;
	o->disp = i->displacement;
	if (i->base == GPR_RIP)
		o->base = GPR_ZERO;
	if (o->base == GPR_ZERO && o->index == GPR_ZERO) {
		o->imm = (uint64_t)(int64_t)i->displacement + (i->base == GPR_RIP ? t->next : 0);
		o->disp = 0;
		if (i->address == 4)
			o->imm = (uint32_t)o->imm;
	}
}

static void add_probe(struct translation *t, unsigned size, bool write)
{
	ir_add(t, IR_PROBE, size, IR_NONE, IR_NONE)->kind = write;
}

void ir_memory(struct translation *t, unsigned size, bool write)
{
	ir_memory_aligned(t, size, write, false);
}

void ir_memory_aligned(struct translation *t, unsigned size, bool write, bool aligned)
{
	struct ir_op *o = ir_add(t, IR_ADDR, size, IR_NONE, IR_NONE);

	ir_set_address(t, o);
	o->seg = (uint8_t)segment_of(t->i->seg);
	o->kind = write;
	if (aligned)
		ir_add(t, IR_ALIGNED, size, IR_NONE, IR_NONE);
	add_probe(t, size, write);
}

void ir_memory_at(struct translation *t, unsigned base, int32_t disp, unsigned size, bool write)
{
	struct ir_op *o = ir_add(t, IR_ADDR, size, IR_NONE, IR_NONE);

	o->base = (uint8_t)base;
	o->disp = disp;
	o->kind = write;
	add_probe(t, size, write);
}

/* ---- moves, and what has no better place ---- */

static bool translate_lea(struct translation *t)
{
	struct ir_op *o;

	if (!ir_memory_possible(t))
		return false;
	o = ir_add(t, IR_LEA, t->i->operand, t->i->reg, IR_NONE);
	ir_set_address(t, o);
	return true;
}

/* A0..A3: the accumulator and an address in the instruction. */
static bool translate_moffs(struct translation *t)
{
	const struct insn *i = t->i;
	bool store = i->opcode & 2;
	struct ir_op *o;

	if (!ir_memory_possible(t))
		return false;
	o = ir_add(t, IR_ADDR, i->operand, IR_NONE, IR_NONE);
	o->imm = i->address == 4 ? (uint32_t)i->immediate : i->immediate;
	o->seg = (uint8_t)segment_of(i->seg);
	o->kind = store;
	add_probe(t, i->operand, store);
	if (store)
		ir_add(t, IR_MOV, i->operand, IR_MEM, GPR_RAX);
	else
		ir_add(t, IR_MOV, i->operand, GPR_RAX, IR_MEM);
	return true;
}

/* 88..8B, B0..BF, C6, C7. */
static bool translate_mov(struct translation *t)
{
	const struct insn *i = t->i;
	unsigned size = i->operand, d;
	bool immediate = i->opcode >= 0xb0;

	if (i->is_reg) {
		d = ir_byte_begin(t, i->rm, size, false);
		if (immediate)
			ir_add_imm(t, IR_MOV, size, d, i->immediate);
		else
			ir_add(t, IR_MOV, size, d, ir_source(t, i->reg, size));
		ir_byte_done(t, i->rm, d);
		return true;
	}
	if (!ir_memory_possible(t))
		return false;
	if (immediate) {
		ir_memory(t, size, true);
		ir_add_imm(t, IR_MOV, size, IR_MEM, i->immediate);
	} else if (i->opcode & 2) {
		ir_memory(t, size, false);
		d = ir_byte_begin(t, i->reg, size, false);
		ir_add(t, IR_MOV, size, d, IR_MEM);
		ir_byte_done(t, i->reg, d);
	} else {
		ir_memory(t, size, true);
		ir_add(t, IR_MOV, size, IR_MEM, ir_source(t, i->reg, size));
	}
	return true;
}

/* MOVZX, MOVSX, MOVSXD. */
static bool translate_extend(struct translation *t, unsigned op, unsigned from)
{
	const struct insn *i = t->i;
	unsigned a = IR_MEM;

	if (i->is_reg) {
		a = ir_source(t, i->rm, from);
	} else {
		if (!ir_memory_possible(t))
			return false;
		ir_memory(t, from, false);
	}
	ir_add(t, op, i->operand, i->reg, a)->from = (uint8_t)from;
	return true;
}

static bool translate_xchg(struct translation *t)
{
	const struct insn *i = t->i;

	if (i->operand == 1 && !i->rex)
		return false; /* perhaps of AH to BH */
	if (!i->is_reg) {
		if (!ir_memory_possible(t))
			return false;
		ir_memory(t, i->operand, true);
	}
	ir_add(t, IR_XCHG, i->operand, i->is_reg ? i->rm : IR_MEM, i->reg);
	return true;
}

/* CBW, CWDE, CDQE; CWD, CDQ, CQO. */
static bool translate_widen(struct translation *t)
{
	const struct insn *i = t->i;

	if (i->opcode == 0x98) {
		ir_add(t, IR_SX, i->operand, GPR_RAX, GPR_RAX)->from = i->operand / 2;
		return true;
	}
	if (i->operand == 2)
		return false;
	ir_add(t, IR_SIGN, i->operand, GPR_RDX, GPR_RAX);
	return true;
}

static bool translate_push(struct translation *t, unsigned a)
{
	const struct insn *i = t->i;
	unsigned size = i->operand;

	if (a == IR_MEM) {
		if (!ir_memory_possible(t))
			return false;
		ir_memory(t, size, false);
		ir_add(t, IR_MOV, size, IR_SAVED, IR_MEM);
		a = IR_SAVED;
	}
	ir_memory_at(t, GPR_RSP, -(int32_t)size, size, true);
	ir_add(t, IR_MOV, size, IR_MEM, a)->imm = i->immediate;
	ir_advance(t, GPR_RSP, -(int32_t)size);
	return true;
}

static bool translate_pop(struct translation *t)
{
	const struct insn *i = t->i;

	ir_memory_at(t, GPR_RSP, 0, i->operand, false);
	ir_advance(t, GPR_RSP, i->operand);
	ir_add(t, IR_MOV, i->operand, i->rm, IR_MEM);
	return true;
}

static bool translate_leave(struct translation *t)
{
	unsigned size = t->i->operand;

	if (size != (t->ir->code64 ? 8 : 4))
		return false;
	ir_memory_at(t, GPR_RBP, 0, size, false);
	ir_add(t, IR_MOV, size, GPR_RSP, GPR_RBP);
	ir_advance(t, GPR_RSP, (int32_t)size);
	ir_add(t, IR_MOV, size, GPR_RBP, IR_MEM);
	return true;
}

/* IN, OUT: opcode bit 3 is where the port is, bit 1 which of them. */
static bool translate_port(struct translation *t)
{
	const struct insn *i = t->i;

	if (i->opcode & 8)
		ir_add(t, IR_PORT, 2, IR_NONE, GPR_RDX);
	else
		ir_add_imm(t, IR_PORT, 2, IR_NONE, (uint8_t)i->immediate);
	return true;
}

static bool translate_one_byte(struct translation *t)
{
	const struct insn *i = t->i;

	switch (i->opcode) {
	case 0x50 ... 0x57:
		return translate_push(t, i->rm);
	case 0x58 ... 0x5f:
		return translate_pop(t);
	case 0x63:
		if (!t->ir->code64)
			return false;
		return translate_extend(t, IR_SX, i->operand < 4 ? 2 : 4);
	case 0x68:
	case 0x6a:
		return translate_push(t, IR_IMM);
	case 0x86:
	case 0x87:
		return translate_xchg(t);
	case 0x88 ... 0x8b:
	case 0xb0 ... 0xbf:
	case 0xc6:
	case 0xc7:
		return translate_mov(t);
	case 0x8d:
		return translate_lea(t);
	case 0x90 ... 0x97:
		if (i->rm != GPR_RAX)
			ir_add(t, IR_XCHG, i->operand, i->rm, i->reg);
		return true;
	case 0x98:
	case 0x99:
		return translate_widen(t);
	case 0xa0 ... 0xa3:
		return translate_moffs(t);
	case 0xc9:
		return translate_leave(t);
	case 0xe4 ... 0xe7:
	case 0xec ... 0xef:
		return translate_port(t);
	case 0xff:
		if ((i->modrm >> 3 & 7) == 6)
			return translate_push(t, i->is_reg ? i->rm : IR_MEM);
		return false;
	default:
		return false;
	}
}

static bool translate_0f(struct translation *t)
{
	const struct insn *i = t->i;

	switch (i->opcode) {
	case 0x0d: /* hints */
	case 0x18 ... 0x1f:
		return true;
	case 0xb6:
		return translate_extend(t, IR_ZX, 1);
	case 0xb7:
		return translate_extend(t, IR_ZX, 2);
	case 0xbe:
		return translate_extend(t, IR_SX, 1);
	case 0xbf:
		return translate_extend(t, IR_SX, 2);
	case 0xc8 ... 0xcf:
		if (i->operand == 2)
			return false;
		ir_add(t, IR_BSWAP, i->operand, i->rm, IR_NONE);
		return true;
	default:
		return false;
	}
}

static bool translate_move(struct translation *t)
{
	if (t->i->map == MAP_1BYTE)
		return translate_one_byte(t);
	return t->i->map == MAP_0F && translate_0f(t);
}

/* ---- blocks ---- */

/*
 * Instructions that change what code is specialised for, or the frame has a copy of, though they do
 * not end a block: loads of segment registers, FXRSTOR and LDMXCSR, masks of x87 exceptions.
 */
static bool changes_mode(const struct insn *i)
{
	if (x87_changes_mode(i))
		return true;
	if (i->map == MAP_1BYTE)
		return i->opcode == 0x07 || i->opcode == 0x17 || i->opcode == 0x1f;
	return i->map == MAP_0F && (i->opcode == 0xa1 || i->opcode == 0xa9 || i->opcode == 0xae);
}

/*
 * Instructions that do end a block, but leave alone where code is and what the TLBs have: POPF,
 * CLI, STI, SWAPGS. When an interrupt can be taken now, they ask to leave by the limit.
 */
static bool ends_for_mode(const struct insn *i)
{
	if (i->map == MAP_1BYTE)
		return i->opcode == 0x9d || i->opcode == 0xfa || i->opcode == 0xfb;
	return i->map == MAP_0F && i->opcode == 0x01 && i->modrm == 0xf8;
}

static unsigned call_kind(const struct insn *i)
{
	if (i->handler == insn_undefined || i->handler == insn_too_long)
		return IR_CALL_LEAVE;
	if (i->ends_block && !ends_for_mode(i))
		return IR_CALL_LEAVE;
	return i->ends_block || changes_mode(i) ? IR_CALL_MODE : IR_CALL_ON;
}

static void translate_insn(struct translation *t)
{
	const struct insn *i = t->i;
	struct ir_op *o;

	ir_add(t, IR_INSN, 0, IR_NONE, IR_NONE);
	if (i->handler != insn_undefined && i->handler != insn_too_long &&
	    (translate_move(t) || translate_integer(t) || translate_bits(t) || translate_flow(t) ||
	     translate_string(t) || translate_sse(t) || translate_x87(t)))
		return;
	o = ir_add(t, IR_CALL, 0, IR_NONE, IR_NONE);
	o->kind = (uint8_t)call_kind(i);
	t->ended = o->kind == IR_CALL_LEAVE;
}

static unsigned edges_of(const struct ir_op *o)
{
	switch (o->op) {
	case IR_GOTO:
	case IR_EXIT:
		return 1;
	case IR_JCC:
	case IR_JCXZ:
		return 2;
	default:
		return 0;
	}
}

void ir_translate(struct ir_block *ir, const struct block *b, uint64_t rip)
{
	struct translation t = {.ir = ir, .next = rip};

	ir->rip = rip;
	ir->ops = 0;
	ir->has_float = ir->has_x87 = false;
	ir->full = false;
	ir->code64 = b->code_bits == 64;
	for (t.n = 0; t.n < b->count && !t.ended; t.n++) {
		t.i = &b->insn[t.n];
		t.last = t.n + 1 == b->count;
		t.rip = t.next;
		t.next = (t.rip + t.i->length) & (ir->code64 ? UINT64_MAX : UINT32_MAX);
		translate_insn(&t);
	}
	ir->insns = t.n;
	if (!t.ended)
		ir_add(&t, IR_GOTO, 0, IR_NONE, IR_NONE)->imm = t.next;
	ir->edges = 0;
	for (unsigned n = 0; n < ir->ops; n++)
		ir->edges += edges_of(&ir->op[n]);
}
