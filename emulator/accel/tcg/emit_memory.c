/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From IR to host code: addresses. PROBE is mem.h's fast path on the shadow of the TLB, whose
 * entries are there only for what may be accessed without anything else to do; LOOKUP is
 * block_enter()'s on the jump cache.
 */
#include "emulator/accel/tcg/emit.h"

void emit_sum(struct emitter *e, const struct ir_op *o, unsigned to)
{
	struct host_mem m = {HOST_NONE, HOST_NONE, o->scale, o->disp};
	struct place p;

	if (o->base == GPR_ZERO && o->index == GPR_ZERO) {
		asm_mov_imm(&e->a, to, o->address == 4 ? (uint32_t)o->imm : o->imm);
		return;
	}
	if (o->base != GPR_ZERO) {
		p = place_of(o->base);
		if (!p.is_reg)
			asm_load(&e->a, 8, to, p.mem);
		m.base = p.is_reg ? p.reg : (uint8_t)to;
	}
	if (o->index != GPR_ZERO) {
		p = place_of(o->index);
		if (!p.is_reg)
			asm_load(&e->a, 8, HOST_RAX, p.mem);
		m.index = p.is_reg ? p.reg : HOST_RAX;
	}
	if (m.base != HOST_NONE && m.index == HOST_NONE && m.disp == 0)
		asm_mov_rr(&e->a, o->address, to, m.base);
	else
		asm_rm(&e->a, o->address, 0x8d, to, m); /* lea */
}

void emit_lea(struct emitter *e, const struct ir_op *o)
{
	struct ir_op sum = *o;
	unsigned to = jit_host_reg[o->d];

	/* Of the sum no more is needed than the result has. */
	if (o->size == 4)
		sum.address = 4;
	/* The base may have to be loaded before the index is used. */
	if (to == HOST_NONE || o->size < 4 ||
	    (o->index == o->d && o->base != GPR_ZERO && !place_of(o->base).is_reg))
		to = HOST_R15;
	emit_sum(e, &sum, to);
	if (to == HOST_R15)
		emit_result(e, o->d, o->size, to);
}

void emit_address(struct emitter *e, const struct ir_op *o)
{
	unsigned n = o->seg == SEG_GS;

	emit_sum(e, o, HOST_R14);
	if (o->seg == SEG_FLAT)
		return;
	if (e->ir->code64) {
		asm_rm(&e->a, 8, 0x03, HOST_R14, host_at(HOST_RBP, FRAME(base[n])));
		return;
	}
	/* offset + size must not be beyond the span; the linear address has 32 bits. */
	asm_rm(&e->a, 8, 0x8d, HOST_RAX, host_at(HOST_R14, o->size));
	asm_rm(&e->a, 8, 0x3b, HOST_RAX, host_at(HOST_RBP, FRAME(span[n][o->kind])));
	emit_handover(e, o->insn, CC_A);
	asm_rm(&e->a, 4, 0x03, HOST_R14, host_at(HOST_RBP, FRAME(base[n])));
}

void emit_aligned(struct emitter *e, const struct ir_op *o)
{
	asm_rr(&e->a, 1, 0xf6, 0, HOST_R14); /* test */
	asm_byte(&e->a, o->size - 1u);
	emit_handover(e, o->insn, CC_NE);
}

void emit_forward(struct emitter *e, const struct ir_op *o)
{
	asm_load(&e->a, 8, HOST_RAX, host_at(HOST_RBP, FRAME(xmm)));
	asm_rm(&e->a, 4, 0xf7, 0, host_at(HOST_RAX, CPU_OFFSET(rflags))); /* test */
	asm_u32(&e->a, FLAG_DF);
	emit_handover(e, o->insn, CC_NE);
}

#define SHADOW_SHIFT 5 /* log2 of the size of an entry */
_Static_assert(sizeof(struct tlb_shadow_entry) == 1 << SHADOW_SHIFT, "indexed by a shift");

/* The address that is probed, if it is in the instruction or relative to RIP, and in one page. */
static bool is_known(const struct ir_op *probe, uint64_t *address)
{
	const struct ir_op *o = probe - 1;

	if (o->op == IR_ALIGNED)
		o--;
	*address = o->imm;
	return o->op == IR_ADDR && o->base == GPR_ZERO && o->index == GPR_ZERO &&
	       o->seg == SEG_FLAT && (*address & ~PAGE_MASK) + probe->size <= PAGE_SIZE_4K;
}

/* So its slot is known, too. */
static void emit_probe_known(struct emitter *e, const struct ir_op *o, uint64_t address)
{
	struct assembler *a = &e->a;
	unsigned slot = address >> PAGE_BITS & (TLB_SIZE - 1);
	int32_t entry = FRAME(shadow.entry[e->t->mode & MODE_MMU][slot]);
	uint64_t page = address & PAGE_MASK;
	struct host_mem allowed =
	    host_at(HOST_RBP, entry + (int32_t)(o->kind ? offsetof(struct tlb_shadow_entry, write)
							: offsetof(struct tlb_shadow_entry, read)));

	if ((uint64_t)(int64_t)(int32_t)page == page) {
		asm_rm(a, 8, 0x81, ASM_CMP, allowed);
		asm_u32(a, (uint32_t)page);
	} else {
		asm_mov_imm(a, HOST_R15, page);
		asm_rm(a, 8, 0x3b, HOST_R15, allowed);
	}
	emit_handover(e, o->insn, CC_NE);
	asm_rm(a, 8, 0x03, HOST_R14,
	       host_at(HOST_RBP, entry + (int32_t)offsetof(struct tlb_shadow_entry, addend)));
}

void emit_probe(struct emitter *e, const struct ir_op *o)
{
	unsigned set = e->t->mode & MODE_MMU;
	int32_t table = FRAME(shadow.entry[set]);
	struct host_mem m = {HOST_RBP, HOST_RAX, 0, table};
	uint64_t address;

	if (is_known(o, &address)) {
		emit_probe_known(e, o, address);
		return;
	}
	asm_mov_rr(&e->a, 4, HOST_RAX, HOST_R14);
	asm_shift_imm(&e->a, 4, 5, HOST_RAX, PAGE_BITS - SHADOW_SHIFT);
	asm_alu_imm(&e->a, 4, ASM_AND, HOST_RAX, (TLB_SIZE - 1) << SHADOW_SHIFT);
	/* The last byte's page must be the one that is there. */
	asm_rm(&e->a, 8, 0x8d, HOST_R15, host_at(HOST_R14, o->size - 1));
	asm_alu_imm(&e->a, 8, ASM_AND, HOST_R15, -(int32_t)PAGE_SIZE_4K);
	m.disp = table + (int32_t)(o->kind ? offsetof(struct tlb_shadow_entry, write)
					   : offsetof(struct tlb_shadow_entry, read));
	asm_rm(&e->a, 8, 0x3b, HOST_R15, m);
	emit_handover(e, o->insn, CC_NE);
	m.disp = table + (int32_t)offsetof(struct tlb_shadow_entry, addend);
	asm_rm(&e->a, 8, 0x03, HOST_R14, m);
}

_Static_assert(sizeof(struct jit_jump) == 32, "indexed by a shift");

static struct host_mem jump_field(size_t offset)
{
	return (struct host_mem){HOST_RBP, HOST_RAX, 0, FRAME(jump) + (int32_t)offset};
}

/* The slot's RIP must be it, and its page still be where the code TLB says. */
void emit_lookup(struct emitter *e, const struct ir_op *o)
{
	struct assembler *a = &e->a;

	asm_mov_rr(a, 4, HOST_RAX, HOST_R15);
	asm_shift_imm(a, 4, 5, HOST_RAX, 12);
	asm_rr(a, 4, 0x31, HOST_R15, HOST_RAX);
	asm_alu_imm(a, 4, ASM_AND, HOST_RAX, JUMPS - 1);
	asm_shift_imm(a, 4, 4, HOST_RAX, 5);
	asm_rm(a, 8, 0x39, HOST_R15, jump_field(offsetof(struct jit_jump, rip)));
	emit_handover(e, o->insn, CC_NE);
	asm_load(a, 8, HOST_R14, jump_field(offsetof(struct jit_jump, tlb)));
	asm_rm(a, 8, 0x33, HOST_R15, host_at(HOST_R14, offsetof(struct tlb_code_entry, page)));
	asm_shift_imm(a, 8, 5, HOST_R15, PAGE_BITS);
	emit_handover(e, o->insn, CC_NE);
	asm_load(a, 8, HOST_R15, host_at(HOST_R14, offsetof(struct tlb_code_entry, gpa)));
	asm_rm(a, 8, 0x33, HOST_R15, jump_field(offsetof(struct jit_jump, gpa_mode)));
	asm_alu_imm(a, 8, ASM_CMP, HOST_R15, e->t->mode);
	emit_handover(e, o->insn, CC_NE);
	asm_load(a, 8, HOST_RAX, jump_field(offsetof(struct jit_jump, code)));
	asm_store(a, 8, host_at(HOST_RBP, FRAME(target)), HOST_RAX);
}
