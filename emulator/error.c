/* SPDX-License-Identifier: Apache-2.0 */
/* Errors as values; see error.h. */
#include "emulator/error.h"

#include <stdarg.h>
#include <stdio.h>

int error_set(struct error *e, enum error_kind kind, const char *format, ...)
{
	if (e) {
		va_list ap;

		va_start(ap, format);
		e->kind = kind;
		vsnprintf(e->text, sizeof(e->text), format, ap);
		va_end(ap);
	}
	return -1;
}
