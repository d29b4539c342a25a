/* SPDX-License-Identifier: Apache-2.0 */
/* The engines of -accel tcg, for a vCPU with or without a machine around it. */
#ifndef VCR_TCG_H
#define VCR_TCG_H

#include <stdint.h>

struct vcpu;

/*
 * Gives a vCPU, which vcpu_open() has opened, the translator; a block is translated when it was
 * interpreted `threshold` times. NULL, or the reason why that cannot be on this host.
 */
const char *tcg_translate(struct vcpu *v, unsigned threshold);
/* Takes it away again; before vcpu_close(). */
void tcg_translate_no_more(struct vcpu *v);
/* interp_run(), by the translator where there is one. */
void tcg_run(struct vcpu *v);
/* So interp_run_to(). */
void tcg_run_to(struct vcpu *v, uint64_t rip);

#endif
