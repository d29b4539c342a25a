/* SPDX-License-Identifier: Apache-2.0 */
/* Measuring a target on the harness; see speed.c. */
#ifndef VCR_FUZZ_SPEED_H
#define VCR_FUZZ_SPEED_H

#include <stdbool.h>

#include "fuzz/harness.h"

/* Whether the arguments have --speed=OPERATIONS. */
bool speed_wanted(int argc, char **argv, unsigned *operations);
/* Measures and prints a line. generate_open() has been called. */
void speed_print(struct harness *h, unsigned operations);

#endif
