/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors as values. A function that can fail for a reason that a person must read takes a
 * `struct error *` and returns -1 (or NULL); the text says what, why and what to do, in one
 * line, without a trailing full stop or newline. The kind is the exit status of the command.
 */
#ifndef VCR_ERROR_H
#define VCR_ERROR_H

enum error_kind {
	ERROR_NONE = 0,
	ERROR_DIVERGED = 1, /* a replay or comparison found a difference */
	ERROR_USAGE = 2,    /* the command line or an input image is wrong */
	ERROR_TRACE = 3,    /* a trace is damaged, incomplete or too new */
	ERROR_HOST = 4,     /* the host refused: disk full, no memory, no /dev/kvm */
};

struct error {
	enum error_kind kind;
	char text[1024];
};

/* Fills in `e` (which may be NULL) and returns -1, so that `return error_set(...)` reads well. */
int error_set(struct error *e, enum error_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
