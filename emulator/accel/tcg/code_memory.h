/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for host code: one piece mapped twice, once to be written and once to be executed, so
 * that no page is ever both.
 */
#ifndef VCR_TCG_CODE_MEMORY_H
#define VCR_TCG_CODE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

struct code_memory {
	uint8_t *write;
	const uint8_t *execute;
	size_t size;
#ifdef _WIN32
	void *section;
#endif
};

/* NULL, or the reason why the host does not allow it. */
const char *code_memory_open(struct code_memory *m, size_t size);
void code_memory_close(struct code_memory *m);

/* Where something written is executed. */
static inline const uint8_t *code_memory_executable(const struct code_memory *m, const uint8_t *p)
{
	return m->execute + (p - m->write);
}

#endif
