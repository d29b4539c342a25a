/* SPDX-License-Identifier: Apache-2.0 */
/* A place for the files of a test: $TMPDIR, the same of Windows, or /tmp. */
#ifndef VCR_TEST_TEMPORARY_H
#define VCR_TEST_TEMPORARY_H

#include <stdlib.h>

static inline const char *temporary_folder(void)
{
	const char *const variable[] = {"TMPDIR", "TEMP"};

	for (unsigned i = 0; i < 2; i++) {
		const char *value = getenv(variable[i]);

		if (value && *value)
			return value;
	}
	return "/tmp";
}

#endif
