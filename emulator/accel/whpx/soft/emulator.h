/* SPDX-License-Identifier: Apache-2.0 */
/* What the two halves of the software platform's instruction emulator share. */
#ifndef VCR_WHPX_SOFT_EMULATOR_H
#define VCR_WHPX_SOFT_EMULATOR_H

#include "emulator/accel/whpx/soft/soft.h"
#include "emulator/cpu/insn.h"

/* One instruction being emulated: registers as got, to be set when all went well. */
struct emulation {
	const struct whv_emulator_callbacks *callbacks;
	void *context;
	uint32_t status; /* WHV_*_FAILED and so on; 0: well so far */
	struct insn insn;
	unsigned code_bits;
	uint64_t reg[GPR_COUNT];
	uint64_t rflags;
	uint64_t segment_base[SEG_COUNT];
	uint32_t changed; /* a bit each general register */
};

/* Each notes a failure in status and returns whether all is well. */
bool emulation_fail(struct emulation *e, uint32_t status);
/* Guest memory at a segment and offset, `size` 1 to 8 bytes within one page. */
bool emulation_load(struct emulation *e, unsigned seg, uint64_t offset, unsigned size,
		    uint64_t *value);
bool emulation_store(struct emulation *e, unsigned seg, uint64_t offset, unsigned size,
		     uint64_t value);
/* A port. */
bool emulation_port(struct emulation *e, bool is_write, unsigned port, unsigned size,
		    uint64_t *value);

/* The instructions that the emulator knows (emulator_insn.c). */
bool emulate_memory(struct emulation *e);
bool emulate_io(struct emulation *e, unsigned port);

#endif
