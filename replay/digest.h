/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State digests: what recording and replay compare so that not only the I/O but the state is
 * proved equal. XXH3-64 of
 *  - registers: struct cpu_regs, everything architectural in one defined order; by exits, without
 *    what processors keep in different ways (digest_registers());
 *  - arena: the machine's and the devices' state;
 *  - RAM: the sum over all pages that are not zero of the page's hash, seeded with its index + 1.
 *    Being a sum, it is kept up to date by the pages that were written.
 */
#ifndef VCR_DIGEST_H
#define VCR_DIGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "emulator/error.h"
#include "emulator/machine.h"

struct digest {
	uint64_t registers, arena, ram;
};

#define DIGEST_BYTES 24

/* Digests are taken every so many instructions, and at the end. */
#define DIGEST_INSNS (1ull << 24)

/* By exits: every so many exits. */
#define DIGEST_EXITS (1ull << 16)

/* The next count (machine_count) at which one is due. */
uint64_t digest_next_mark(const struct machine *m);

struct digester {
	struct machine *m;
	uint64_t *page_hash; /* what each page adds to the sum */
	uint64_t sum;
};

int digester_open(struct digester *d, struct machine *m, struct error *e);
void digester_close(struct digester *d);
struct digest digest_take(struct digester *d);
/* Its parts, of a machine that is in sync (machine_sync). */
uint64_t digest_registers(const struct machine *m);
uint64_t digest_ram(struct digester *d);

/*
 * What tells a place between exits from all others (EVENT_PLACE): registers and RAM. From the same
 * state everything goes on the same way, so the first place that matches is the right one. Brings
 * the machine in sync. With it the base of CS and the CPL, so that a breakpoint can be set there.
 */
#define PLACE_BYTES 25
void place_take(struct digester *d, uint8_t bytes[PLACE_BYTES]);
struct host_place place_load(uint64_t rip, const uint8_t bytes[PLACE_BYTES]);
bool place_matches(struct digester *d, uint64_t rip, const uint8_t bytes[PLACE_BYTES]);

/* Little-endian, in the order of struct digest. */
void digest_store(const struct digest *d, uint8_t bytes[DIGEST_BYTES]);
struct digest digest_load(const uint8_t bytes[DIGEST_BYTES]);

#endif
