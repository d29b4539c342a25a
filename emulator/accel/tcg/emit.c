/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From IR to host code: the frame of a block.
 *
 *     entry:  sub r13, N          N instructions begin; is there room before the limit?
 *             js limit
 *             ...                 the operations
 *             jcc                 an edge on the way, by its charge
 *             ...
 *             jmp / jcc           edges, once linked straight into the next block
 *     limit:  ...                 out of line: leave, the interpreter goes on to the limit
 *     charge: sub r13, M - K      K instructions of this block are not run, but M of the next one
 *             js                  to its limit
 *             jmp                 behind its entry
 *     edge:   ...                 leave, and say by which edge
 *     hand over:                  the interpreter does one instruction, then the next one's code
 *
 * Within a page one block may jump to another, for the translation of the page was valid when it
 * was entered and nothing but an instruction that ends a block takes it away. Into another page an
 * edge looks into the code TLB first, as block_enter() does.
 */
#include "emulator/accel/tcg/emit.h"

#define HOT_ALIGN 64 /* of a block that is run much: a line of the host's cache */

void emit_handover(struct emitter *e, unsigned insn, unsigned condition)
{
	if (e->handovers == EMIT_HANDOVERS) {
		e->a.full = true;
		return;
	}
	e->handover[e->handovers++] =
	    (struct handover){.jump = asm_jcc(&e->a, condition), .insn = (uint8_t)insn};
}

/* Instructions whose handlers neither look at status flags nor change them. */
static bool flags_stay(const struct insn *i)
{
	if (i->handler == insn_undefined || i->handler == insn_too_long)
		return false;
	if (i->map == MAP_0F)
		return (i->opcode == 0x01 && i->modrm == 0xf8) || /* SWAPGS */
		       i->opcode == 0xb6 || i->opcode == 0xb7 || i->opcode == 0xbe ||
		       i->opcode == 0xbf;
	if (i->map != MAP_1BYTE)
		return false;
	switch (i->opcode) {
	case 0x50 ... 0x5f: /* PUSH, POP */
	case 0x63:          /* MOVSXD; ARPL sets ZF, and is not 64-bit code */
		return i->opcode != 0x63 || i->operand == 8;
	case 0x6c ... 0x6f: /* INS, OUTS */
	case 0x88 ... 0x8b: /* MOV */
	case 0xa0 ... 0xa3:
	case 0xc6 ... 0xc7:
	case 0xe4 ... 0xe7: /* IN, OUT */
	case 0xec ... 0xef:
	case 0xfa ... 0xfb: /* CLI, STI */
	case 0xc2 ... 0xc3: /* RET */
	case 0xe8:          /* CALL */
		return true;
	case 0xff: /* CALL, JMP, PUSH */
		return (i->modrm >> 3 & 7) == 2 || (i->modrm >> 3 & 7) == 4 ||
		       (i->modrm >> 3 & 7) == 6;
	default:
		return false;
	}
}

/* C was entered: what comes behind instruction `insn` may need the host's x87 unit. */
static void emit_x87_again(struct emitter *e, unsigned insn)
{
	if (insn + 1 < e->x87_end)
		emit_x87_begin(e);
}

/* `flags`: SITE_* */
static void emit_site(struct emitter *e, unsigned insn, uint32_t flags)
{
	const struct insn *i = &e->t->block->insn[insn];

	flags |= flags_stay(i) ? SITE_FLAGS_STAY : 0;
	flags |= i->ends_block && !(flags & SITE_MODE) ? SITE_LEAVE : 0;
	asm_mov_imm(&e->a, HOST_R15,
		    insn | e->end[insn] << 8 | flags | (uint64_t)e->t->index << 32);
}

static void emit_interpret(struct emitter *e, unsigned insn, uint32_t flags)
{
	emit_site(e, insn, flags);
	asm_link(asm_call(&e->a), e->j->interpret);
}

static void emit_port(struct emitter *e, const struct ir_op *o)
{
	emit_site(e, o->insn, 0);
	if (o->a == IR_IMM)
		asm_mov_imm(&e->a, HOST_R14, o->imm);
	else
		asm_rr(&e->a, 4, ASM_0F | 0xb7, HOST_R14, HOST_RDX); /* movzx */
	asm_link(asm_call(&e->a), e->j->port);
}

/* ---- edges ---- */

/* Status flags that the host still has, of the operation that says so. */
static void emit_late_flags(struct emitter *e, unsigned late)
{
	if (late)
		emit_flags(e, &e->ir->op[late - 1]);
}

static struct jit_edge *edge_set(struct emitter *e, uint64_t rip, uint8_t *jump)
{
	struct jit_edge *edge = &e->t->edge[e->edges++];

	*edge = (struct jit_edge){.rip = rip, .from = e->t, .jump = jump};
	return edge;
}

/* Out of translated code. */
static void emit_exit(struct emitter *e, uint32_t how)
{
	asm_mov_imm(&e->a, HOST_RAX, how);
	asm_link(asm_jmp(&e->a), e->j->exit);
}

static const struct tlb_code_entry *code_tlb_slot(const struct emitter *e, uint64_t rip)
{
	const struct tlb *tlb = e->j->tlb;

	return &tlb->code[(e->t->mode & MODE_USER) != 0][rip >> PAGE_BITS & (TLB_SIZE - 1)];
}

/* A jump to RIP, by operation o: taken always, or by a condition. */
static void emit_edge(struct emitter *e, const struct ir_op *o, uint64_t rip, int condition)
{
	struct assembler *a = &e->a;
	unsigned unused = o->op == IR_EXIT ? e->ir->insns - o->insn - 1u : 0;
	uint8_t *skip = NULL, *other[2], *gpa;
	struct jit_edge *edge;

	if ((rip & PAGE_MASK) == (e->t->rip & PAGE_MASK)) {
		e->late[e->edges] = o->late;
		edge =
		    edge_set(e, rip, condition < 0 ? asm_jmp(a) : asm_jcc(a, (unsigned)condition));
		edge->unused = (uint8_t)unused;
		return;
	}
	if (condition >= 0)
		skip = asm_jcc(a, (unsigned)condition ^ 1);
	emit_late_flags(e, o->late);
	if (unused)
		asm_alu_imm(a, 8, ASM_ADD, HOST_R13, (int32_t)unused);
	asm_mov_imm(a, HOST_RAX, (uint64_t)(uintptr_t)code_tlb_slot(e, rip));
	asm_mov_imm(a, HOST_R14, rip & PAGE_MASK);
	asm_rm(a, 8, 0x3b, HOST_R14, host_at(HOST_RAX, offsetof(struct tlb_code_entry, page)));
	other[0] = asm_jcc(a, CC_NE);
	asm_byte(a, 0x49); /* mov r14, imm64 */
	asm_byte(a, 0xbe);
	gpa = a->at;
	asm_u64(a, 0);
	asm_rm(a, 8, 0x3b, HOST_R14, host_at(HOST_RAX, offsetof(struct tlb_code_entry, gpa)));
	other[1] = asm_jcc(a, CC_NE);
	edge = edge_set(e, rip, asm_jmp(a));
	/* Not linked, or not what it was linked to: out by the stub, which lies right here. */
	edge->gpa = a->full ? NULL : gpa;
	edge->stub = a->at;
	asm_link(other[0], a->at);
	asm_link(other[1], a->at);
	emit_exit(e, JIT_EXIT(JIT_EDGE, e->t->index, e->edges - 1));
	asm_link(skip, a->at);
}

static void emit_edge_stub(struct emitter *e, unsigned n)
{
	struct jit_edge *edge = &e->t->edge[n];

	if (e->late[n]) {
		edge->late = e->a.at;
		emit_late_flags(e, e->late[n]);
		edge->late_jump = edge->unused ? NULL : asm_jmp(&e->a);
	}
	if (edge->unused) {
		edge->charge = e->a.full ? NULL : e->a.at;
		asm_rr(&e->a, 8, 0x81, ASM_SUB, HOST_R13);
		asm_u32(&e->a, 0);
		asm_jcc(&e->a, CC_S);
		asm_jmp(&e->a);
	}
	edge->stub = e->a.at;
	emit_exit(e, JIT_EXIT(JIT_EDGE, e->t->index, n));
}

static void emit_edge_stubs(struct emitter *e)
{
	for (unsigned n = 0; n < e->edges; n++) {
		if (!e->t->edge[n].stub)
			emit_edge_stub(e, n);
		if (!e->a.full)
			jit_edge_reset(&e->t->edge[n]);
	}
}

/* ---- ends of blocks ---- */

static uint64_t rip_behind(const struct emitter *e, const struct ir_op *o)
{
	uint64_t rip = e->ir->rip + e->end[o->insn];

	return e->ir->code64 ? rip : (uint32_t)rip;
}

static void emit_jcc(struct emitter *e, const struct ir_op *o)
{
	emit_edge(e, o, o->imm, (int)emit_condition(e, o));
	if (o->op == IR_JCC)
		emit_edge(e, o, rip_behind(e, o), -1);
	else if (o->sinks)
		emit_late_flags(e, o->late);
}

static void emit_jcxz(struct emitter *e, const struct ir_op *o)
{
	asm_rr(&e->a, o->size, 0x85, HOST_RCX, HOST_RCX);
	emit_edge(e, o, o->imm, o->kind ? CC_NE : CC_E);
	emit_edge(e, o, rip_behind(e, o), -1);
}

static void emit_op(struct emitter *e, const struct ir_op *o)
{
	static const uint32_t call_flags[] = {
	    [IR_CALL_ON] = 0, [IR_CALL_LEAVE] = SITE_LEAVE, [IR_CALL_MODE] = SITE_MODE};

	switch (o->op) {
	case IR_INSN:
		e->insn_at[o->insn] = e->a.at;
		e->insn_host[o->insn] = o->needs_host;
		break;
	case IR_CALL:
		emit_interpret(e, o->insn, call_flags[o->kind]);
		emit_x87_again(e, o->insn);
		break;
	case IR_PORT:
		emit_port(e, o);
		emit_x87_again(e, o->insn);
		break;
	case IR_GOTO:
		e->insn_at[e->ir->insns] = e->a.at;
		e->insn_host[e->ir->insns] = o->late;
		emit_edge(e, o, o->imm, -1);
		break;
	case IR_EXIT:
	case IR_JCC:
		emit_jcc(e, o);
		break;
	case IR_JCXZ:
		emit_jcxz(e, o);
		break;
	case IR_JUMP:
		asm_rm(&e->a, 4, 0xff, 4, host_at(HOST_RBP, FRAME(target)));
		break;
	default:
		emit_alu(e, o);
		break;
	}
}

/* All handovers of an instruction come to one place, which goes on at the next instruction. */
static void emit_handovers(struct emitter *e)
{
	for (unsigned n = 0; n < e->handovers;) {
		unsigned insn = e->handover[n].insn;

		for (; n < e->handovers && e->handover[n].insn == insn; n++)
			asm_link(e->handover[n].jump, e->a.at);
		emit_interpret(e, insn, SITE_MEMORY | (e->leaves[insn] ? SITE_LEAVE : 0));
		if (!e->insn_at[insn + 1])
			continue; /* it ends the block: the call does not come back */
		emit_x87_again(e, insn);
		if (e->insn_host[insn + 1])
			asm_link(asm_call(&e->a), e->j->flags);
		asm_link(asm_jmp(&e->a), e->insn_at[insn + 1]);
	}
}

static void measure(struct emitter *e)
{
	unsigned end = 0;

	for (unsigned n = 0; n < e->ir->insns; n++) {
		end += e->t->block->insn[n].length;
		e->end[n] = end;
	}
	for (unsigned n = 0; e->ir->has_x87 && n < e->ir->ops; n++)
		if (e->ir->op[n].op == IR_X87)
			e->x87_end = e->ir->op[n].insn + 1u;
}

bool jit_emit(struct jit *j, struct jit_block *t)
{
	struct emitter e = {.j = j, .t = t, .ir = &j->ir};
	uint8_t *start, *limit;

	start = j->code_at;
	if (t->block->is_extended)
		start += -(uintptr_t)start & (HOT_ALIGN - 1);
	e.a.at = start;
	e.a.end = j->code.writable + j->code.size;
	measure(&e);
	t->entry = os_code_executable(&j->code, start);
	asm_alu_imm(&e.a, 8, ASM_SUB, HOST_R13, (int32_t)j->ir.insns);
	limit = asm_jcc(&e.a, CC_S);
	t->body = (uint8_t)(e.a.at - start);
	if (j->ir.has_float)
		emit_float_begin(&e);
	if (j->ir.has_x87)
		emit_x87_begin(&e);
	for (unsigned n = 0; n < j->ir.ops; n++)
		emit_op(&e, &j->ir.op[n]);
	asm_link(limit, e.a.at);
	t->limit = (uint16_t)(e.a.at - start);
	emit_exit(&e, JIT_EXIT(JIT_LIMIT, t->index, 0));
	emit_edge_stubs(&e);
	emit_handovers(&e);
	if (e.a.full)
		return false;
	t->size = (uint32_t)(e.a.at - start);
	j->code_at = e.a.at;
	return true;
}
