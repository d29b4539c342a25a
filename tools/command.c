/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands share; see command.h. */
#include "tools/command.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/host/os.h"

int command_fail(const struct error *e)
{
	progress_clear();
	fprintf(stderr, "vcr: %s\n", e->text);
	return e->kind ? (int)e->kind : ERROR_HOST;
}

int command_usage(const char *command, const char *format, ...)
{
	va_list ap;

	fprintf(stderr, "vcr: ");
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fprintf(stderr, " (vcr %s --help)\n", command);
	return ERROR_USAGE;
}

static bool shown;

void progress_show(const char *format, ...)
{
	static uint64_t last;
	uint64_t now = os_monotonic_ns();
	va_list ap;

	if (!os_is_terminal(2) || now - last < 200000000)
		return;
	last = now;
	shown = true;
	fputs("\r", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputs("\033[K", stderr);
	fflush(stderr);
}

void progress_clear(void)
{
	if (shown)
		fputs("\r\033[K", stderr);
	shown = false;
}

const char *number_text(uint64_t n)
{
	static char buffers[4][32];
	static unsigned next;
	char digits[24], *out = buffers[next++ % 4], *o = out;
	int length = snprintf(digits, sizeof(digits), "%" PRIu64, n);

	for (int i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			*o++ = ',';
		*o++ = digits[i];
	}
	*o = 0;
	return out;
}

bool position_parse(const char *text, uint64_t *insns)
{
	char plain[40];
	size_t n = 0;
	double value;
	char *end;

	for (; *text && n < sizeof(plain) - 1; text++) {
		if (*text != '_' && *text != ',')
			plain[n++] = *text;
	}
	plain[n] = 0;
	if (*text || !n || plain[0] < '0' || plain[0] > '9')
		return false;
	*insns = strtoull(plain, &end, 0);
	if (!*end)
		return true;
	value = strtod(plain, &end);
	if (!strcmp(end, "k") || !strcmp(end, "K"))
		value *= 1e3;
	else if (!strcmp(end, "M"))
		value *= 1e6;
	else if (!strcmp(end, "G"))
		value *= 1e9;
	else
		return false;
	if (!(value >= 0 && value < 1.8e19))
		return false;
	*insns = (uint64_t)value;
	return true;
}
