/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Near jumps, calls, returns and loops (Intel SDM vol. 2, vol. 1 ch. 6.4, 7.3.8). The operand size
 * decides how RIP is cut: in 64-bit mode it is always 64 bits (a 66 prefix is ignored, as Intel's
 * processors do). A target outside the code segment, or not canonical, is #GP(0) before anything
 * has changed.
 */
#include "emulator/cpu/ops.h"

ALWAYS_INLINE uint64_t branch_check(struct vcpu *v, uint64_t target, unsigned bits)
{
	if (bits == 64) {
		if (unlikely((uint64_t)sign_extend(target, 48) != target))
			cpu_raise_error(v, EXC_GP, 0);
		return target;
	}
	target &= size_mask(bits);
	if (unlikely(target > v->c->seg[SEG_CS].limit))
		cpu_raise_error(v, EXC_GP, 0);
	return target;
}

ALWAYS_INLINE void branch_relative(struct vcpu *v, const struct insn *i, unsigned bits)
{
	v->c->reg[GPR_RIP] = branch_check(v, v->c->reg[GPR_RIP] + i->immediate, bits);
}

#define ROW_OF(name)                                                                               \
	{                                                                                          \
		NULL, name##_16, name##_32, name##_64                                              \
	}

/* ---- conditional ---- */

#define JCC_HANDLER(condition, bits)                                                               \
	static void jcc_##condition##_##bits(struct vcpu *v, const struct insn *i)                 \
	{                                                                                          \
		if (flags_condition(v->c, condition))                                              \
			branch_relative(v, i, bits);                                               \
	}
#define JCC_HANDLERS(condition)                                                                    \
	JCC_HANDLER(condition, 16)                                                                 \
	JCC_HANDLER(condition, 32)                                                                 \
	JCC_HANDLER(condition, 64)
JCC_HANDLERS(0)
JCC_HANDLERS(1)
JCC_HANDLERS(2)
JCC_HANDLERS(3)
JCC_HANDLERS(4)
JCC_HANDLERS(5)
JCC_HANDLERS(6)
JCC_HANDLERS(7)
JCC_HANDLERS(8)
JCC_HANDLERS(9)
JCC_HANDLERS(10)
JCC_HANDLERS(11)
JCC_HANDLERS(12)
JCC_HANDLERS(13)
JCC_HANDLERS(14)
JCC_HANDLERS(15)

insn_handler *const jcc_rows[16][ROW] = {
    ROW_OF(jcc_0),  ROW_OF(jcc_1),  ROW_OF(jcc_2),  ROW_OF(jcc_3),  ROW_OF(jcc_4),  ROW_OF(jcc_5),
    ROW_OF(jcc_6),  ROW_OF(jcc_7),  ROW_OF(jcc_8),  ROW_OF(jcc_9),  ROW_OF(jcc_10), ROW_OF(jcc_11),
    ROW_OF(jcc_12), ROW_OF(jcc_13), ROW_OF(jcc_14), ROW_OF(jcc_15),
};

/* E0 LOOPNE, E1 LOOPE, E2 LOOP, E3 JCXZ: the address size decides between CX, ECX and RCX. */
ALWAYS_INLINE void loop_execute(struct vcpu *v, const struct insn *i, unsigned bits)
{
	struct cpu *c = v->c;
	unsigned counter_bits = i->address * 8u;
	uint64_t count = c->reg[GPR_RCX];
	bool taken;

	if (i->opcode != 0xe3)
		count--;
	taken = (count & size_mask(counter_bits)) != 0;
	if (i->opcode == 0xe0)
		taken = taken && !flag_zf(c);
	else if (i->opcode == 0xe1)
		taken = taken && flag_zf(c);
	else if (i->opcode == 0xe3)
		taken = !taken;
	if (taken)
		branch_relative(v, i, bits);
	if (i->opcode != 0xe3)
		reg_set(v, i, GPR_RCX, counter_bits, count);
}

/* ---- unconditional ---- */

ALWAYS_INLINE void call_execute(struct vcpu *v, uint64_t target, unsigned bits)
{
	target = branch_check(v, target, bits);
	stack_push(v, bits, v->c->reg[GPR_RIP]);
	v->c->reg[GPR_RIP] = target;
}

/* C3, and C2 with how many more bytes to take from the stack. */
ALWAYS_INLINE void ret_execute(struct vcpu *v, const struct insn *i, unsigned bits)
{
	struct cpu *c = v->c;
	uint64_t sp = stack_pointer(c);
	uint64_t target = branch_check(v, mem_get_at(v, stack_seg(c), sp, bits), bits);

	stack_pointer_set(c, sp + bits / 8 + i->immediate);
	c->reg[GPR_RIP] = target;
}

#define FLOW_HANDLERS(bits)                                                                        \
	static void loop_##bits(struct vcpu *v, const struct insn *i)                              \
	{                                                                                          \
		loop_execute(v, i, bits);                                                          \
	}                                                                                          \
	static void jmp_##bits(struct vcpu *v, const struct insn *i)                               \
	{                                                                                          \
		branch_relative(v, i, bits);                                                       \
	}                                                                                          \
	static void call_##bits(struct vcpu *v, const struct insn *i)                              \
	{                                                                                          \
		call_execute(v, v->c->reg[GPR_RIP] + i->immediate, bits);                          \
	}                                                                                          \
	static void ret_##bits(struct vcpu *v, const struct insn *i)                               \
	{                                                                                          \
		ret_execute(v, i, bits);                                                           \
	}
FLOW_HANDLERS(16)
FLOW_HANDLERS(32)
FLOW_HANDLERS(64)

insn_handler *const loop_row[ROW] = ROW_OF(loop);
insn_handler *const jmp_row[ROW] = ROW_OF(jmp);
insn_handler *const call_row[ROW] = ROW_OF(call);
insn_handler *const ret_row[ROW] = ROW_OF(ret);

ALWAYS_INLINE void jmp_rm_execute(struct vcpu *v, const struct insn *i, unsigned bits, bool memory)
{
	v->c->reg[GPR_RIP] = branch_check(v, rm_get(v, i, memory, bits), bits);
}
RM_HANDLERS_WIDE(jmp_rm, jmp_rm_execute)
insn_handler *const jmp_rm_rows[2][ROW] = RM_ROWS_WIDE(jmp_rm);

ALWAYS_INLINE void call_rm_execute(struct vcpu *v, const struct insn *i, unsigned bits, bool memory)
{
	call_execute(v, rm_get(v, i, memory, bits), bits);
}
RM_HANDLERS_WIDE(call_rm, call_rm_execute)
insn_handler *const call_rm_rows[2][ROW] = RM_ROWS_WIDE(call_rm);

/* ---- BOUND: an index against a pair of signed bounds in memory; not in 64-bit mode ---- */

ALWAYS_INLINE void bound_execute(struct vcpu *v, const struct insn *i, unsigned bits)
{
	uint64_t at = insn_address(v, i), mask = i->address == 4 ? 0xffffffff : 0xffff;
	int64_t index = sign_extend(v->c->reg[i->reg], bits);
	int64_t lower = sign_extend(mem_get_at(v, i->seg, at, bits), bits);
	int64_t upper = sign_extend(mem_get_at(v, i->seg, (at + bits / 8) & mask, bits), bits);

	if (index < lower || index > upper)
		cpu_raise(v, EXC_BR);
}

static void bound_16(struct vcpu *v, const struct insn *i)
{
	bound_execute(v, i, 16);
}

static void bound_32(struct vcpu *v, const struct insn *i)
{
	bound_execute(v, i, 32);
}

insn_handler *const bound_row[ROW] = {NULL, bound_16, bound_32};
