/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State digests: what recording and replay compare so that not only the I/O but the state is
 * proved equal. XXH3-64 of
 *  - registers: struct cpu_regs, everything architectural in one defined order;
 *  - arena: the machine's and the devices' state;
 *  - RAM: the sum over all pages that are not zero of the page's hash, seeded with its index + 1.
 *    Being a sum, it is kept up to date by the pages that were written.
 */
#ifndef VCR_DIGEST_H
#define VCR_DIGEST_H

#include <stdint.h>

#include "emulator/error.h"
#include "emulator/machine.h"

struct digest {
	uint64_t registers, arena, ram;
};

#define DIGEST_BYTES 24

/* Digests are taken every so many instructions, and at the end. */
#define DIGEST_INSNS (1ull << 24)

/* The next instruction count at which one is due. */
uint64_t digest_next_mark(const struct machine *m);

struct digester {
	struct machine *m;
	uint64_t *page_hash; /* what each page adds to the sum */
	uint64_t sum;
};

int digester_open(struct digester *d, struct machine *m, struct error *e);
void digester_close(struct digester *d);
struct digest digest_take(struct digester *d);

/* Little-endian, in the order of struct digest. */
void digest_store(const struct digest *d, uint8_t bytes[DIGEST_BYTES]);
struct digest digest_load(const uint8_t bytes[DIGEST_BYTES]);

#endif
