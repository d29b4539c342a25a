/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What x87, MMX and SSE share: availability checks, the FPU image in memory, resets.
 */
#ifndef VCR_CPU_FPU_H
#define VCR_CPU_FPU_H

#include "emulator/cpu/insn.h"
#include "emulator/cpu/softfloat.h"

/* #NM, #MF as an x87 or MMX instruction finds them (CR0.EM, TS, MP, NE; pending exception). */
void fpu_check_x87(struct vcpu *v, bool waits);
void fpu_check_mmx(struct vcpu *v); /* #UD when CR0.EM, #NM, #MF */
/* #UD when CR0.EM or not CR4.OSFXSR, #NM when CR0.TS. */
void fpu_check_sse(struct vcpu *v);
/* An MMX instruction was executed: TOP = 0, all tags valid; EMMS: all empty. */
void fpu_enter_mmx(struct vcpu *v);

/* MXCSR as the environment of SSE arithmetic, and its flags back; raises #XM (or #UD) when an
 * unmasked exception is set. Call before the destination is written. */
struct float_env sse_env(const struct vcpu *v);
void sse_finish(struct vcpu *v, const struct float_env *e);

void fpu_reset(struct fpu *f);	/* power-on: FCW 0040h, MXCSR 1F80h (SDM vol. 3A table 9-1) */
void fpu_fninit(struct fpu *f); /* FNINIT: FCW 037Fh */

/* Handlers of fpstate.c that simd_lookup() returns (0F AE). */
void op_fxsave(struct vcpu *v, const struct insn *i);
void op_fxrstor(struct vcpu *v, const struct insn *i);
void op_ldmxcsr(struct vcpu *v, const struct insn *i);
void op_stmxcsr(struct vcpu *v, const struct insn *i);
void op_emms(struct vcpu *v, const struct insn *i);

#endif
