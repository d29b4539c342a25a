/* SPDX-License-Identifier: Apache-2.0 */
/* Reading whole input files. */
#ifndef VCR_HOST_FILE_H
#define VCR_HOST_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/error.h"

/*
 * Reads a regular file (or pipe) of at most `max` bytes into malloced memory. `what` names its
 * role in messages: "-kernel".
 */
int file_read(const char *what, const char *path, size_t max, uint8_t **data, size_t *size,
	      struct error *e);

#endif
