/* SPDX-License-Identifier: Apache-2.0 */
/* What a board tells its flash chips (cfi01.c). */
#ifndef VCR_DEVICE_CFI01_H
#define VCR_DEVICE_CFI01_H

#include <stdbool.h>
#include <stdint.h>

#define CFI01_BLOCK  4096u /* bytes that are erased at once */
#define CFI01_BLOCKS 4096u /* at most */
#define CFI01_MAX    (CFI01_BLOCK * CFI01_BLOCKS)

struct cfi01_config {
	uint64_t base, size; /* where it is; whole blocks, at most CFI01_MAX */
	uint64_t ram_offset; /* where its array is, in the state that it is to start with */
	unsigned unit;       /* of the host's stores: where changes are kept */
	bool read_only;      /* VPEN is tied low: nothing can be programmed, erased or locked */
};

#endif
