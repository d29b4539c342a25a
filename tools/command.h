/* SPDX-License-Identifier: Apache-2.0 */
/* A command of vcr: one file each, with its help text inside; vcr.c lists them. */
#ifndef VCR_COMMAND_H
#define VCR_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "emulator/error.h"

struct command {
	const char *name;
	const char *summary; /* one line for `vcr --help` */
	const char *help;    /* the whole text of `vcr NAME --help` */
	/* argv[0] is the command's name; returns the exit status. */
	int (*run)(int argc, char **argv);
};

extern const struct command cmd_record, cmd_run, cmd_replay, cmd_dump, cmd_stat, cmd_diff,
    cmd_verify, cmd_accel, cmd_capabilities, cmd_compare;
/* Where there is a fuzz harness (VCR_FUZZ). */
extern const struct command cmd_repro, cmd_import, cmd_export, cmd_qtest, cmd_minimise, cmd_fuzz;

/* Prints "vcr: TEXT" to standard error and returns the error's exit status. */
int command_fail(const struct error *e);
/* For a wrong command line: points at --help too; returns 2. */
int command_usage(const char *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Progress on a terminal, nothing when standard error is none: "\rTEXT", some times a second. */
void progress_show(const char *format, ...) __attribute__((format(printf, 1, 2)));
void progress_clear(void);

/* "1,234,567"; one of four static buffers. */
const char *number_text(uint64_t n);

/* An instruction count: "1500000", "1_500_000", "1.5M", "2G". */
bool position_parse(const char *text, uint64_t *insns);

#endif
