/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes cases for the instruction oracle.
 */
#ifndef VCR_TEST_ORACLE_GENERATE_H
#define VCR_TEST_ORACLE_GENERATE_H

#include "emulator/cpu/cpu.h"
#include "tests/oracle/encoding.h"
#include "tests/oracle/oracle.h"

struct generator {
	uint64_t seed;
	struct cpu_model model; /* whose instructions' lengths are known */
	unsigned bits;          /* 32, 64, or 0 for both */
	const uint8_t *only;    /* this instruction and no other */
	unsigned only_length;
	const uint8_t *image; /* data of the current batch */
};

/* ORACLE_DATA_SIZE bytes of data for a batch. */
void generate_image(uint64_t seed, uint64_t batch, uint8_t *image);
/* Case `number` is always the same for one seed and one image. */
void generate_case(const struct generator *g, uint64_t number, struct oracle_case *c);

#endif
