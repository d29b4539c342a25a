/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PUSH, POP and stack frames (Intel SDM vol. 1 ch. 6.2, 6.6; vol. 2). A fault leaves RSP as it
 * was: it is written last.
 */
#include "emulator/cpu/ops.h"

ALWAYS_INLINE void push_execute(struct vcpu *v, const struct insn *i, unsigned bits, bool memory)
{
	stack_push(v, bits, rm_get(v, i, memory, bits));
}
RM_HANDLERS_WIDE(push, push_execute)
insn_handler *const push_rows[2][ROW] = RM_ROWS_WIDE(push);

#define PUSH_IMM_HANDLER(bits)                                                                     \
	static void push_imm_##bits(struct vcpu *v, const struct insn *i)                          \
	{                                                                                          \
		stack_push(v, bits, i->immediate);                                                 \
	}
PUSH_IMM_HANDLER(16)
PUSH_IMM_HANDLER(32)
PUSH_IMM_HANDLER(64)
insn_handler *const push_imm_row[ROW] = {NULL, push_imm_16, push_imm_32, push_imm_64};

/* A memory destination that is addressed by RSP uses its new value; POP RSP pops into RSP. */
ALWAYS_INLINE void pop_execute(struct vcpu *v, const struct insn *i, unsigned bits, bool memory)
{
	struct cpu *c = v->c;
	uint64_t old = c->reg[GPR_RSP], at;
	uint64_t value = mem_get_at(v, stack_seg(c), stack_pointer(c), bits);

	stack_pointer_set(c, old + bits / 8);
	if (memory) {
		at = insn_address(v, i);
		c->reg[GPR_RSP] = old;
		mem_set_at(v, i->seg, at, bits, value);
		stack_pointer_set(c, old + bits / 8);
	} else {
		reg_set(v, i, i->rm, bits, value);
	}
}
RM_HANDLERS_WIDE(pop, pop_execute)
insn_handler *const pop_rows[2][ROW] = RM_ROWS_WIDE(pop);

/* ---- PUSHA and POPA; not in 64-bit mode ---- */

ALWAYS_INLINE void pusha_execute(struct vcpu *v, unsigned bits)
{
	struct cpu *c = v->c;
	uint64_t old = c->reg[GPR_RSP], mask = stack_mask(c);
	unsigned r;

	for (r = GPR_RAX; r <= GPR_RDI; r++)
		mem_set_at(v, SEG_SS, (old - (r + 1) * (bits / 8)) & mask, bits, c->reg[r]);
	stack_pointer_set(c, old - 8 * (bits / 8));
}

ALWAYS_INLINE void popa_execute(struct vcpu *v, const struct insn *i, unsigned bits)
{
	struct cpu *c = v->c;
	uint64_t old = c->reg[GPR_RSP], mask = stack_mask(c), value[8];
	unsigned r;

	for (r = GPR_RDI + 1; r-- > GPR_RAX;)
		value[r] = mem_get_at(v, SEG_SS, (old + (7 - r) * (bits / 8)) & mask, bits);
	for (r = GPR_RAX; r <= GPR_RDI; r++)
		if (r != GPR_RSP)
			reg_set(v, i, r, bits, value[r]);
	stack_pointer_set(c, old + 8 * (bits / 8));
}

static void pusha_16(struct vcpu *v, const struct insn *i)
{
	pusha_execute(v, 16);
}

static void pusha_32(struct vcpu *v, const struct insn *i)
{
	pusha_execute(v, 32);
}

static void popa_16(struct vcpu *v, const struct insn *i)
{
	popa_execute(v, i, 16);
}

static void popa_32(struct vcpu *v, const struct insn *i)
{
	popa_execute(v, i, 32);
}

insn_handler *const pusha_row[ROW] = {NULL, pusha_16, pusha_32};
insn_handler *const popa_row[ROW] = {NULL, popa_16, popa_32};

/* ---- frames ---- */

/*
 * The immediate is the size of the frame, and in bits 16..20 the nesting level: how many frame
 * pointers of enclosing procedures are copied. The memory at the final RSP must be writable.
 */
ALWAYS_INLINE void enter_execute(struct vcpu *v, const struct insn *i, unsigned bits)
{
	struct cpu *c = v->c;
	unsigned level = (i->immediate >> 16) & 31, seg = stack_seg(c), k;
	uint64_t mask = stack_mask(c), sp = stack_pointer(c), bp = c->reg[GPR_RBP], frame;

	sp = (sp - bits / 8) & mask;
	mem_set_at(v, seg, sp, bits, bp);
	/* At operand size 32 it is all of ESP, also where only SP moves (SDM vol. 2A ENTER). */
	frame = (c->reg[GPR_RSP] & ~mask) | sp;
	if (level > 0) {
		for (k = 1; k < level; k++) {
			bp -= bits / 8;
			sp = (sp - bits / 8) & mask;
			mem_set_at(v, seg, sp, bits, mem_get_at(v, seg, bp & mask, bits));
		}
		sp = (sp - bits / 8) & mask;
		mem_set_at(v, seg, sp, bits, frame);
	}
	sp = (sp - (i->immediate & 0xffff)) & mask;
	mem_probe_write(v, seg, sp, bits / 8);
	reg_set(v, i, GPR_RBP, bits, frame);
	stack_pointer_set(c, sp);
}

ALWAYS_INLINE void leave_execute(struct vcpu *v, const struct insn *i, unsigned bits)
{
	struct cpu *c = v->c;
	uint64_t frame = c->reg[GPR_RBP] & stack_mask(c);
	uint64_t value = mem_get_at(v, stack_seg(c), frame, bits);

	stack_pointer_set(c, frame + bits / 8);
	reg_set(v, i, GPR_RBP, bits, value);
}

#define FRAME_HANDLERS(bits)                                                                       \
	static void enter_##bits(struct vcpu *v, const struct insn *i)                             \
	{                                                                                          \
		enter_execute(v, i, bits);                                                         \
	}                                                                                          \
	static void leave_##bits(struct vcpu *v, const struct insn *i)                             \
	{                                                                                          \
		leave_execute(v, i, bits);                                                         \
	}
FRAME_HANDLERS(16)
FRAME_HANDLERS(32)
FRAME_HANDLERS(64)

insn_handler *const enter_row[ROW] = {NULL, enter_16, enter_32, enter_64};
insn_handler *const leave_row[ROW] = {NULL, leave_16, leave_32, leave_64};
