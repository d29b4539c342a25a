/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's own answer to integer instructions. Apart from int_host.c because the system's headers
 * name the registers as emulator/cpu/cpu.h does.
 */
#ifndef VCR_TEST_INT_NATIVE_H
#define VCR_TEST_INT_NATIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct int_state {
	uint64_t reg[16]; /* in the order of their numbers; RSP is left alone */
	uint64_t flags;
};

/* False when the host cannot run such code. */
bool native_open(void);
void native_close(void);
/*
 * Executes one instruction on the state; returns false when the host raised an exception.
 */
bool native_run(struct int_state *s, const uint8_t *code, size_t size);

#endif
