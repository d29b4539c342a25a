/* SPDX-License-Identifier: Apache-2.0 */
/* Guest state between the frame of translated code and struct cpu. */
#ifndef VCR_TCG_HELPERS_H
#define VCR_TCG_HELPERS_H

#include "emulator/accel/tcg/jit.h"

/* Status flags. */
void jit_flags_store(struct jit_frame *f, struct cpu *c);
void jit_flags_load(struct jit_frame *f, const struct cpu *c);
/* Where instructions are left that may not have had them stored: those that raise a fault. */
void jit_flags_settle(struct jit *j);

/* From the frame, where the ways out of translated code have put it, to struct cpu. */
void jit_x87_store(struct jit_frame *f);

/* Puts what the TLB has for the page of `linear` into its shadow, if accesses need nothing else. */
void jit_shadow_fill(struct jit_frame *f, const struct vcpu *v, uint64_t linear);

#endif
