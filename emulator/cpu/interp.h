/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interpreter's steps, for a run loop that runs some blocks in another way. They may raise
 * guest faults: v->fault has to be set, and leads to interp_fault().
 */
#ifndef VCR_CPU_INTERP_H
#define VCR_CPU_INTERP_H

#include "emulator/cpu/insn.h"

/* Delivers the fault that was raised while v->insn was executed, or fetched when that is NULL. */
void interp_fault(struct vcpu *v);
/* One instruction, or one iteration of it, with breakpoints and single-step. */
void interp_step(struct vcpu *v);
/* From i, which block_enter() returned, to the end of its block or the limit. */
void interp_block(struct vcpu *v, const struct insn *i);
/* The same for a block of block_extend(), which a conditional jump in it may end. */
void interp_extended(struct vcpu *v, const struct insn *i);
/* As interp_block(), but not beyond where the next instruction is at CS:rip. */
void interp_block_to(struct vcpu *v, const struct insn *i, uint64_t rip);
/*
 * Begins the way to CS:rip, as interp_run() would: with one instruction, or one iteration. False
 * when it ends there. Sets v->fault.
 */
bool interp_leave(struct vcpu *v, uint64_t rip);

#endif
