/* SPDX-License-Identifier: Apache-2.0 */
/* The instructions that an accelerator left to the interpreter ("emulated" events), counted. */
#ifndef VCR_TOOLS_EMULATED_H
#define VCR_TOOLS_EMULATED_H

#include <stdint.h>

#include "replay/trace/trace.h"

#define EMULATED_MAX 512 /* instructions counted apart; further ones count together */

struct emulated {
	uint8_t bytes[15], length;
	uint64_t count;
	char text[192]; /* disassembled */
};

struct emulated_list {
	struct emulated of[EMULATED_MAX];
	unsigned used;
	uint64_t others;
};

void emulated_count(struct emulated_list *l, const struct event *e);
/* Most first. */
void emulated_sort(struct emulated_list *l);
/* The bytes as hexadecimal digits, `between` after each but the last. */
const char *emulated_bytes(const struct emulated *i, const char *between, char text[64]);

#endif
