/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What x87, MMX and SSE share: availability checks, the FPU image in memory, resets.
 */
#ifndef VCR_CPU_FPU_H
#define VCR_CPU_FPU_H

#include "emulator/cpu/insn.h"
#include "emulator/cpu/softfloat.h"

/* Status word. */
#define FPU_EXCEPTIONS 0x003f /* FLOAT_* */
#define FPU_STATUS_SF  0x0040 /* stack fault, with FLOAT_INVALID */
#define FPU_STATUS_ES  0x0080 /* an unmasked exception is pending */
#define FPU_STATUS_C0  0x0100
#define FPU_STATUS_C1  0x0200
#define FPU_STATUS_C2  0x0400
#define FPU_STATUS_TOP 0x3800
#define FPU_STATUS_C3  0x4000
#define FPU_STATUS_B   0x8000 /* always as ES */

/* Control word: bits that can be set, and the one that is. */
#define FPU_CONTROL_BITS 0x1f3f
#define FPU_CONTROL_ONE  0x0040

#define MXCSR_RESET 0x1f80u
#define MXCSR_DAZ   0x0040u
#define MXCSR_FTZ   0x8000u
#define MXCSR_MASK  0xffffu /* bits that exist */

/* Exceptions found before the computation: unmasked, they keep it from being done. */
#define FLOAT_BEFORE (FLOAT_INVALID | FLOAT_DENORMAL | FLOAT_DIVZERO)

static inline unsigned fpu_top(const struct fpu *f)
{
	return (f->status >> 11) & 7;
}

/* #NM, #MF as an x87 or MMX instruction finds them (CR0.EM, TS, MP, NE; pending exception). */
void fpu_check_x87(struct vcpu *v, bool waits);
void fpu_check_wait(struct vcpu *v); /* FWAIT: #NM only when CR0.MP and TS */
void fpu_check_mmx(struct vcpu *v);  /* #UD when CR0.EM, #NM, #MF */
/* #UD when CR0.EM or not CR4.OSFXSR, #NM when CR0.TS. */
void fpu_check_sse(struct vcpu *v);
/* An MMX instruction was executed: TOP = 0, all tags valid; EMMS: all empty. */
void fpu_enter_mmx(struct vcpu *v);

/* MXCSR as the environment of SSE arithmetic, and its flags back; raises #XM (or #UD) when an
 * unmasked exception is set. Call before the destination is written. */
struct float_env sse_env(const struct vcpu *v);
void sse_finish(struct vcpu *v, const struct float_env *e);

/* Power-on: FCW 0040h, MXCSR 1F80h, no register empty (SDM vol. 3A table 9-1). */
void fpu_reset(struct fpu *f);
void fpu_fninit(struct fpu *f); /* FNINIT: FCW 037Fh */
/* Loads FCW (reserved bits as the processor has them) and works out FSW.ES again. */
void fpu_set_control(struct fpu *f, uint16_t value);
void fpu_update_summary(struct fpu *f); /* FSW.ES and B from the flags and masks */

/* Handlers of fpstate.c that simd_lookup() returns (0F AE). */
void op_fxsave(struct vcpu *v, const struct insn *i);
void op_fxrstor(struct vcpu *v, const struct insn *i);
void op_ldmxcsr(struct vcpu *v, const struct insn *i);
void op_stmxcsr(struct vcpu *v, const struct insn *i);
void op_emms(struct vcpu *v, const struct insn *i);

#endif
