/* SPDX-License-Identifier: Apache-2.0 */
/* Where the lines of -d go: the standard error, or the file of -D; those of -perfmap. */
#ifndef VCR_LOG_OUTPUT_H
#define VCR_LOG_OUTPUT_H

#include <stdio.h>

#include "emulator/error.h"
#include "emulator/log.h"

struct log_output {
	FILE *file; /* NULL: the standard error */
	FILE *perfmap;
};

/* Adds the items of "in_asm,ir,out_asm,exec" to l; "help" lists them and returns 1. */
int log_items_parse(struct log *l, const char *text, struct error *e);
/* Opens the file of -D, or the map that perf looks for, and leads l there. */
int log_output_file(struct log_output *o, const char *path, struct error *e);
int log_output_perfmap(struct log_output *o, struct log *l, struct error *e);
/* log.write, with a struct log_output. */
void log_output_write(void *opaque, enum log_item item, const char *line);
void log_output_close(struct log_output *o);

#endif
