/* SPDX-License-Identifier: Apache-2.0 */
/* Reading whole input files; see file.h. */
#include "emulator/host/file.h"

#include <stdlib.h>

#include "emulator/host/os.h"

/* What a message is about. */
struct input {
	const char *what, *path;
	os_file file;
};

/* Reads to the end, or past `max`, into malloced memory. `room`: how much is expected. */
static int read_all(const struct input *in, size_t room, size_t max, uint8_t **data, size_t *size,
		    struct error *e)
{
	uint8_t *buffer = NULL;
	size_t used = 0;
	ptrdiff_t n;

	do {
		if (!buffer || used == room) {
			uint8_t *larger;

			room = buffer ? room * 2 : room;
			larger = realloc(buffer, room);
			if (!larger) {
				free(buffer);
				return error_set(e, ERROR_HOST, "%s %s: out of memory", in->what,
						 in->path);
			}
			buffer = larger;
		}
		n = os_file_read(in->file, buffer + used, room - used);
		if (n > 0)
			used += (size_t)n;
	} while (n > 0 && used <= max);
	if (n >= 0 && used <= max) {
		*data = buffer;
		*size = used;
		return 0;
	}
	free(buffer);
	return n < 0 ? error_set(e, ERROR_USAGE, "%s %s: %s", in->what, in->path, os_error())
		     : error_set(e, ERROR_USAGE, "%s %s: over %zu MiB (is it the right file?)",
				 in->what, in->path, max >> 20);
}

int file_read(const char *what, const char *path, size_t max, uint8_t **data, size_t *size,
	      struct error *e)
{
	struct input in = {what, path, os_file_open(path, true)};
	enum os_file_kind kind;
	uint64_t expected;
	size_t room = 1 << 16;
	int rc;

	if (in.file == OS_FILE_NONE)
		return error_set(e, ERROR_USAGE, "%s %s: %s", what, path, os_error());
	if (!os_file_info(in.file, &kind, &expected)) {
		if (kind == OS_FILE_DIRECTORY) {
			os_file_close(in.file);
			return error_set(e, ERROR_USAGE, "%s %s: is a directory (give a file)",
					 what, path);
		}
		if (kind == OS_FILE_REGULAR && expected > 0 && expected <= max)
			room = (size_t)expected + 1;
	}
	rc = read_all(&in, room, max, data, size, e);
	os_file_close(in.file);
	return rc;
}
