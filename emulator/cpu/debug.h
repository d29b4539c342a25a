/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Debug registers, breakpoints and single-step (Intel SDM vol. 3B chapter 17). The interpreter
 * asks debug_active() where it starts a block; while it says true, each instruction is run alone
 * between debug_before() and debug_after().
 */
#ifndef VCR_CPU_DEBUG_H
#define VCR_CPU_DEBUG_H

#include "emulator/cpu/cpu.h"

#define DR6_FIXED 0xffff0ff0u /* bits that read as 1 */
#define DR6_BD    (1u << 13)
#define DR6_BS    (1u << 14)
#define DR6_BT    (1u << 15)
#define DR7_FIXED 0x400u
#define DR7_GD    (1u << 13)
#define DR7_ANY   0xffu /* L0 G0 .. L3 G3 */

static inline bool debug_active(const struct vcpu *v)
{
	const struct cpu *c = v->c;

	return (c->rflags & (FLAG_TF | FLAG_RF)) || (c->dr[7] & DR7_ANY) || c->pending_db;
}

/*
 * At an instruction boundary: delivers a trap that is due, or the fault of an instruction
 * breakpoint at CS:RIP, and takes EFLAGS.RF, which has done its work. RIP may be a handler's after
 * that.
 */
void debug_before(struct vcpu *v);
/*
 * After an instruction that did not fault: the traps of single-step (tf_before: TF as it was
 * when the instruction began), data and I/O breakpoints.
 */
void debug_after(struct vcpu *v, bool tf_before);

/* Whether any data breakpoint is enabled: every access then has to be looked at. */
bool debug_watches_data(const struct cpu *c);
/* Notes a data access or an I/O access that hits a breakpoint. */
void debug_data_access(struct cpu *c, uint64_t linear, unsigned size, bool write);
void debug_io_access(struct cpu *c, unsigned port, unsigned size);

/* MOV from and to DR0-7, after the privilege checks; raise #UD, #GP, #DB as they do. */
uint64_t debug_register_read(struct vcpu *v, unsigned n);
void debug_register_write(struct vcpu *v, unsigned n, uint64_t value);

#endif
