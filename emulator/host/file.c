/* SPDX-License-Identifier: Apache-2.0 */
/* Reading whole input files; see file.h. */
#include "emulator/host/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int file_read(const char *what, const char *path, size_t max, uint8_t **data, size_t *size,
	      struct error *e)
{
	FILE *f = fopen(path, "rb");
	size_t room = 1 << 16, used = 0;
	uint8_t *buffer = NULL;
	struct stat st;

	if (!f)
		return error_set(e, ERROR_USAGE, "%s %s: %s", what, path, strerror(errno));
	if (!fstat(fileno(f), &st)) {
		if (S_ISDIR(st.st_mode)) {
			fclose(f);
			return error_set(e, ERROR_USAGE, "%s %s: is a directory (give a file)",
					 what, path);
		}
		if (S_ISREG(st.st_mode) && st.st_size > 0 && (uint64_t)st.st_size <= max)
			room = (size_t)st.st_size + 1;
	}
	for (;;) {
		uint8_t *larger;

		if (!buffer || used == room) {
			room = buffer ? room * 2 : room;
			larger = realloc(buffer, room);
			if (!larger) {
				free(buffer);
				fclose(f);
				return error_set(e, ERROR_HOST, "%s %s: out of memory", what, path);
			}
			buffer = larger;
		}
		used += fread(buffer + used, 1, room - used, f);
		if (used < room || used > max)
			break;
	}
	if (ferror(f) || used > max) {
		int why = errno;
		bool failed = ferror(f);

		free(buffer);
		fclose(f);
		return failed ? error_set(e, ERROR_USAGE, "%s %s: %s", what, path, strerror(why))
			      : error_set(e, ERROR_USAGE,
					  "%s %s: over %zu MiB (is it the right file?)", what, path,
					  max >> 20);
	}
	fclose(f);
	*data = buffer;
	*size = used;
	return 0;
}
