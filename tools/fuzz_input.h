/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz inputs as files, for the commands that take one: reading it, and knowing its target. */
#ifndef VCR_FUZZ_INPUT_H
#define VCR_FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/error.h"
#include "fuzz/harness.h"

#define TARGET_NAME 64

struct fuzz_input {
	char target[TARGET_NAME];
	uint8_t *data;
	size_t size;
	unsigned ops;
};

/*
 * Reads an input: bytes as engines keep them, or text, one operation a line (fuzz/op.h). `target`
 * NULL: that of the folder that the file is in, as in corpora/crashes/TARGET/FILE. Says clearly
 * what is no input: a folder, an empty file, a trace. 0, or -1 with e filled in.
 */
int fuzz_input_load(struct fuzz_input *in, const char *path, const char *target, struct error *e);
void fuzz_input_free(struct fuzz_input *in);

/* Is this one of harness_target_name()? */
bool fuzz_target_known(const char *name);
/* The same with an error: "NAME is no fuzz target". */
int fuzz_target_check(const char *name, struct error *e);

/* Operations of an input, at most OP_COUNT; the caller frees them. NULL: out of memory. */
struct op *fuzz_input_ops(const uint8_t *data, size_t size, unsigned *count);
/* And back; the caller frees them. NULL: out of memory. */
uint8_t *fuzz_ops_encode(const struct op *ops, unsigned count, size_t *size);

/* Writes a whole file. 0, or -1 with e filled in. */
int fuzz_file_write(const char *path, const void *data, size_t size, struct error *e);

#endif
