/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs files, and all files in directories, through a fuzz target, without a fuzzer: so every
 * build, with any compiler and sanitizer, tests the inputs that were once found worth keeping.
 */
#include "fuzz/fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Not every target has one. */
#pragma weak LLVMFuzzerInitialize

static unsigned files;

static int fail(const char *path)
{
	fprintf(stderr, "%s: %s\n", path, strerror(errno));
	return 1;
}

static int run_file(const char *path, size_t size)
{
	/* Of exactly that size, so that ASan sees a byte too far. */
	uint8_t *data = malloc(size ? size : 1);
	FILE *f = fopen(path, "rb");
	int status = 0;

	if (!data || !f || fread(data, 1, size, f) != size) {
		status = fail(path);
	} else {
		/* Seen when the target aborts. */
		fprintf(stderr, "%s (%zu bytes)\n", path, size);
		LLVMFuzzerTestOneInput(data, size);
		files++;
	}
	if (f)
		fclose(f);
	free(data);
	return status;
}

static int run_path(const char *path)
{
	struct dirent **entry;
	struct stat st = {0}; /* MemorySanitizer of clang 14 does not see what stat() writes */
	int status = 0, entries;

	if (stat(path, &st))
		return fail(path);
	if (!S_ISDIR(st.st_mode))
		return run_file(path, (size_t)st.st_size);
	entries = scandir(path, &entry, NULL, alphasort);
	if (entries < 0)
		return fail(path);
	for (int i = 0; i < entries; i++) {
		char *inner = NULL;

		if (entry[i]->d_name[0] != '.') {
			if (asprintf(&inner, "%s/%s", path, entry[i]->d_name) < 0)
				status = 1;
			else
				status |= run_path(inner);
		}
		free(inner);
		free(entry[i]);
	}
	free(entry);
	return status;
}

int main(int argc, char **argv)
{
	int status = 0;

	if (LLVMFuzzerInitialize)
		LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++)
		status |= run_path(argv[i]);
	printf("%u files\n", files);
	return status;
}
