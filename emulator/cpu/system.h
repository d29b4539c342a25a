/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the system half of the processor share: linear accesses, events, control
 * transfers between segments and tasks, MSRs, I/O.
 */
#ifndef VCR_CPU_SYSTEM_H
#define VCR_CPU_SYSTEM_H

#include "emulator/cpu/cpuid.h"
#include "emulator/cpu/insn.h"
#include "emulator/cpu/segment.h"

/* ---- linear accesses with a given TLB set (mmu.c); size 1..8 ---- */

uint64_t mem_read_linear(struct vcpu *v, uint64_t linear, unsigned size, unsigned mmu);
void mem_write_linear(struct vcpu *v, uint64_t linear, unsigned size, uint64_t value, unsigned mmu);
/* #AC(0) when alignment is checked and that access to user data is not aligned. */
void mem_check_alignment(struct vcpu *v, uint64_t linear, unsigned size);
/* Faults as a supervisor's implicit write of that range would. */
void mem_probe_system(struct vcpu *v, uint64_t linear, unsigned size, bool write);
/*
 * Loads the page-directory-pointer registers of PAE paging (SDM vol. 3A 4.4.1) from a CR3 value;
 * false when an entry has a reserved bit set, and then nothing is changed.
 */
bool mmu_load_pdptes(struct vcpu *v, uint64_t cr3);
/* Physical addresses have this many bits. */
#define MAXPHYADDR 40

/* ---- events (exception.c) ---- */

enum event_kind {
	EVENT_EXTERNAL, /* INTR and NMI */
	EVENT_FAULT,    /* RF is set in the image of RFLAGS */
	EVENT_TRAP,     /* hardware exceptions that are traps or leave RF as it is: #DB */
	EVENT_SOFTWARE, /* INT n, INT3, INTO: gate DPL is checked, EXT is 0 */
	EVENT_ICEBP,    /* INT1: EXT is 1, gate DPL is not checked */
};

struct event {
	enum event_kind kind;
	uint8_t vector;
	bool has_error;
	uint32_t error;
};

/* Delivers in the current mode; raises whatever goes wrong. RIP is the return address. */
void event_deliver(struct vcpu *v, const struct event *e);
/* The same, with faults on the way delivered too: to be called between instructions. */
void event_deliver_outside(struct vcpu *v, const struct event *e);
unsigned event_ext(const struct event *e);
/* RFLAGS as a delivery saves it. */
uint64_t event_flags(const struct cpu *c, const struct event *e);
void op_iret(struct vcpu *v, const struct insn *i);
void op_int(struct vcpu *v, const struct insn *i);
void op_int3(struct vcpu *v, const struct insn *i);
void op_into(struct vcpu *v, const struct insn *i);
void op_icebp(struct vcpu *v, const struct insn *i);

/* ---- control transfers (far.c, iret.c) ---- */

void op_far_jump_immediate(struct vcpu *v, const struct insn *i);
void op_far_jump_memory(struct vcpu *v, const struct insn *i);
void op_far_call_immediate(struct vcpu *v, const struct insn *i);
void op_far_call_memory(struct vcpu *v, const struct insn *i);
void op_far_return(struct vcpu *v, const struct insn *i); /* CA, CB */
/*
 * Checks a code segment for a far return or IRET: RPL of the selector is the new CPL. Returns
 * what CS becomes.
 */
struct segment far_check_return(struct vcpu *v, unsigned selector);
/* SS for such a return to code segment cs, which may be null when that is 64-bit code. */
struct segment far_check_return_stack(struct vcpu *v, unsigned selector, const struct segment *cs);
/* #GP(error) when rip is outside a code segment that is about to be loaded. */
void far_check_target(struct vcpu *v, const struct segment *cs, uint64_t rip, uint32_t error);

/* ---- tasks (task.c) ---- */

enum task_reason { TASK_JUMP, TASK_CALL, TASK_EVENT, TASK_RETURN };
/*
 * Switches to the task of a TSS selector whose descriptor d has been read and found to be a
 * TSS of the right kind. For an event with an error code that is pushed on the new stack.
 */
void task_switch(struct vcpu *v, unsigned selector, const struct descriptor *d,
		 enum task_reason reason, const struct event *e);
/* Through a task gate descriptor, by JMP, CALL or an event. */
void task_gate(struct vcpu *v, const struct descriptor *gate, enum task_reason reason,
	       const struct event *e);
/* IRET with NT set. */
void task_return(struct vcpu *v);
/* Stack pointer for a privilege level from the current TSS (16- or 32-bit). */
void task_stack(struct vcpu *v, unsigned cpl, unsigned ext, unsigned *ss, uint64_t *sp);
/* An RSPn (index 0..2) or ISTn (index 3..9) of a 64-bit TSS. */
uint64_t task_stack64(struct vcpu *v, unsigned index, unsigned ext);

/* ---- control registers and modes (control.c) ---- */

void op_mov_from_cr(struct vcpu *v, const struct insn *i);
void op_mov_to_cr(struct vcpu *v, const struct insn *i);
void op_mov_from_dr(struct vcpu *v, const struct insn *i);
void op_mov_to_dr(struct vcpu *v, const struct insn *i);
void op_lmsw(struct vcpu *v, const struct insn *i);
void op_clts(struct vcpu *v, const struct insn *i);

/* ---- RFLAGS under privilege rules (sysflags.c) ---- */

void op_cli(struct vcpu *v, const struct insn *i);
void op_sti(struct vcpu *v, const struct insn *i);
void op_pushf(struct vcpu *v, const struct insn *i);
void op_popf(struct vcpu *v, const struct insn *i);
void op_clac(struct vcpu *v, const struct insn *i);
void op_stac(struct vcpu *v, const struct insn *i);

/* ---- fast system calls (syscall.c) ---- */

void op_syscall(struct vcpu *v, const struct insn *i);
void op_sysret(struct vcpu *v, const struct insn *i);
void op_sysenter(struct vcpu *v, const struct insn *i);
void op_sysexit(struct vcpu *v, const struct insn *i);

/* Leaves the interpreter when an interrupt that was waiting for IF, or an NMI, can now be taken. */
static inline void cpu_poll_interrupts(struct vcpu *v)
{
	const struct cpu *c = v->c;

	if ((c->intr && (c->rflags & FLAG_IF)) || (c->nmi_pending && !c->nmi_blocked))
		vcpu_kick(v);
}

static inline void require_cpl0(struct vcpu *v)
{
	if (v->c->cpl)
		cpu_raise_error(v, EXC_GP, 0);
}

/* Bytes that a push or pop moves: in 64-bit mode 8 unless an operand-size prefix says 2. */
static inline unsigned stack_operand(const struct cpu *c, const struct insn *i)
{
	return c->code_bits != 64 ? i->operand : i->prefix_66 && !i->rex_w ? 2 : 8;
}

/* ---- MSRs (msr.c), I/O (io.c), CPUID (cpuid.c) ---- */

void op_rdmsr(struct vcpu *v, const struct insn *i);
void op_wrmsr(struct vcpu *v, const struct insn *i);
/* PAT and MTRR power-on values. */
void msr_reset(struct cpu *c);

insn_handler *io_lookup(const struct insn *i, unsigned *imm); /* 6C..6F, E4..E7, EC..EF */
/* Bytes that an I/O instruction moves: there is no 64-bit I/O, REX.W changes nothing. */
static inline unsigned io_size(const struct insn *i)
{
	return i->operand == 8 ? 4 : i->operand;
}
/*
 * SDM vol. 1 18.5: above IOPL, and always in virtual-8086 mode, the permission bitmap of the TSS
 * decides which ports may be accessed; this is whether there is no need to look at it.
 */
static inline bool io_is_free(const struct cpu *c)
{
	return !(c->cr0 & CR0_PE) || (!cpu_virtual8086(c) && c->cpl <= cpu_iopl(c));
}

#endif
