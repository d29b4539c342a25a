/* SPDX-License-Identifier: Apache-2.0 */
/* Guest state between the frame of translated code and struct cpu. */
#ifndef VCR_TCG_HELPERS_H
#define VCR_TCG_HELPERS_H

#include "emulator/accel/tcg/jit.h"

/* General registers and status flags; not RIP and the count of instructions. */
void jit_frame_store(struct jit_frame *f, struct cpu *c);
void jit_frame_load(struct jit_frame *f, const struct cpu *c);

/* Puts what the TLB has for the page of `linear` into its shadow, if accesses need nothing else. */
void jit_shadow_fill(struct jit_frame *f, const struct vcpu *v, uint64_t linear);

#endif
