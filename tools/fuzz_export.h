/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz inputs in the languages of others, for vcr export. */
#ifndef VCR_FUZZ_EXPORT_H
#define VCR_FUZZ_EXPORT_H

#include <stdio.h>

#include "tools/fuzz_input.h"

/* QEMU's qtest commands, a line each, for a QEMU with the accelerator qtest. */
int export_qtest(const struct fuzz_input *in, FILE *f, struct error *e);

/*
 * A test in the style of tests/unit: runs the input on the harness and checks that reads answer as
 * they do now, and that the judge does not object. Of an input that ends the process, it checks
 * the reads before that.
 */
int export_c(const struct fuzz_input *in, const char *path, FILE *f, struct error *e);

#endif
