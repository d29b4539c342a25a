/* SPDX-License-Identifier: Apache-2.0 */
/* The text of an instruction, for people. */
#ifndef VCR_DISASM_H
#define VCR_DISASM_H

#include <stddef.h>
#include <stdint.h>

/* The first instruction of bytes[0..n), which lie at `rip`, in code of 16, 32 or 64 bits. */
const char *disasm(const uint8_t *bytes, size_t n, unsigned code_bits, uint64_t rip, char *text,
		   size_t size);

#endif
