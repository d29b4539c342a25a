/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compares what the host and the interpreter made of a case.
 */
#ifndef VCR_TEST_ORACLE_COMPARE_H
#define VCR_TEST_ORACLE_COMPARE_H

#include "tests/oracle/encoding.h"

struct comparison {
	const struct oracle_case *test;
	const struct encoding *encoding;
	const struct insn *insn;
	const uint8_t *image;
	bool host_is_amd;
	const struct oracle_outcome *host, *ours;
};

/* Writes the names of what differs into text, an empty string if nothing does. */
void compare_outcomes(const struct comparison *k, char *text, unsigned size);
/* Prints what went in and the differences, with values. */
void compare_print(const struct comparison *k);

#endif
