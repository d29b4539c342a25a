/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interpreter: enters a block, runs its instructions, and looks between any two of them
 * whether to go on. Guest faults come back here by longjmp.
 */
#include "emulator/cpu/interp.h"

#include "emulator/cpu/block.h"
#include "emulator/cpu/debug.h"
#include "emulator/cpu/mem.h"

void insn_undefined(struct vcpu *v, const struct insn *i)
{
	cpu_raise(v, EXC_UD);
}

/*
 * RIP goes back to the faulting instruction. A fetch that faulted counts as an attempt too, or a
 * guest whose fault handlers fault could run for ever without time passing.
 */
void interp_fault(struct vcpu *v)
{
	struct cpu *c = v->c;

	if (v->insn)
		c->reg[GPR_RIP] = insn_rip(v) & c->linear_mask;
	else
		c->insns++;
	v->insn = NULL;
	cpu_deliver_fault(v);
}

static inline __attribute__((always_inline)) void interp_insn(struct vcpu *v, const struct insn *i,
							      uint64_t mask)
{
	struct cpu *c = v->c;

	c->insns++;
	c->reg[GPR_RIP] = (c->reg[GPR_RIP] + i->length) & mask;
	v->insn = i;
	i->handler(v, i);
}

__attribute__((noinline, cold)) void interp_step(struct vcpu *v)
{
	const struct insn *i;
	bool tf;

	debug_before(v);
	if (v->c->shutdown)
		return;
	/* After that, for a breakpoint's handler does not inherit the single-step of its caller. */
	tf = v->c->rflags & FLAG_TF;
	i = block_enter(v);
	/*
	 * A string instruction is stopped after each iteration only for who could tell: not for RF,
	 * which every return from a page fault sets.
	 */
	if (tf || (v->c->dr[7] & DR7_ANY) || v->c->pending_db)
		v->blocks->end = NULL;
	interp_insn(v, i, v->c->linear_mask);
	debug_after(v, tf);
	v->insn = NULL;
}

static inline __attribute__((always_inline)) void interp_rest(struct vcpu *v, const struct insn *i)
{
	const struct cpu *c = v->c;
	const struct block_cache *cache = v->blocks;
	uint64_t mask = c->linear_mask;

	do {
		interp_insn(v, i, mask);
		i++;
	} while (i < cache->end && c->insns < v->limit);
}

void interp_block(struct vcpu *v, const struct insn *i)
{
	interp_rest(v, i);
}

void interp_extended(struct vcpu *v, const struct insn *i)
{
	const struct cpu *c = v->c;
	const struct block_cache *cache = v->blocks;
	uint64_t mask = c->linear_mask, next;

	do {
		next = (c->reg[GPR_RIP] + i->length) & mask;
		interp_insn(v, i, mask);
		i++;
	} while (i < cache->end && c->insns < v->limit && c->reg[GPR_RIP] == next);
}

static __attribute__((noinline)) void interp_loop(struct vcpu *v)
{
	const struct cpu *c = v->c;

	while (c->insns < v->limit && !c->halted && !c->shutdown) {
		v->insn = NULL;
		if (unlikely(debug_active(v)))
			interp_step(v);
		else
			interp_rest(v, block_enter(v));
	}
	v->insn = NULL;
}

void interp_run(struct vcpu *v)
{
	while (setjmp(v->fault) != 0)
		interp_fault(v);
	interp_loop(v);
}

/* ---- to a place ---- */

void interp_block_to(struct vcpu *v, const struct insn *i, uint64_t rip)
{
	const struct cpu *c = v->c;
	const struct block_cache *cache = v->blocks;
	uint64_t mask = c->linear_mask;

	do {
		interp_insn(v, i, mask);
		i++;
	} while (i < cache->end && c->insns < v->limit && c->reg[GPR_RIP] != rip);
}

static __attribute__((noinline)) void interp_loop_to(struct vcpu *v, uint64_t rip)
{
	const struct cpu *c = v->c;

	/* A handler that begins there may be where a fault led to. */
	while (c->insns < v->limit && !c->halted && !c->shutdown && c->reg[GPR_RIP] != rip) {
		v->insn = NULL;
		if (unlikely(debug_active(v)))
			interp_step(v);
		else
			interp_block_to(v, block_enter(v), rip);
	}
	v->insn = NULL;
}

bool interp_leave(struct vcpu *v, uint64_t rip)
{
	uint64_t limit = v->limit;

	if (!limit)
		return false;
	v->limit = v->c->insns + 1;
	interp_run(v);
	if (v->limit)
		v->limit = limit;
	return v->limit && v->c->reg[GPR_RIP] != rip;
}

void interp_run_to(struct vcpu *v, uint64_t rip)
{
	if (!interp_leave(v, rip))
		return;
	while (setjmp(v->fault) != 0)
		interp_fault(v);
	interp_loop_to(v, rip);
}
