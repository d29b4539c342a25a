/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How libFuzzer reaches the mutations of mutate.c, and how these find the recorded seeds: in the
 * folders that libFuzzer was given. Other engines call none of it.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "fuzz/fuzz.h"
#include "fuzz/mutate.h"

#define LEARN_FILES 4096u
#define LEARN_BYTES 65536u
/*
 * Inputs do not grow beyond, in bytes: about a hundred operations. Longer ones take longer to run
 * and reach little that they do not; libFuzzer itself lets them grow as far as it may.
 */
#define GROWTH_MAX 320u

static size_t limit(size_t max, size_t size)
{
	size_t growth = size > GROWTH_MAX ? size : GROWTH_MAX;

	return max < growth ? max : growth;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	max = limit(max, size);
	if (LLVMFuzzerMutate && seed % 4 == 0)
		return LLVMFuzzerMutate(data, size, max);
	return mutate(data, size, max, seed);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
				 uint8_t *out, size_t max, unsigned seed)
{
	return mutate_cross(a, a_size, b, b_size, out, limit(max, a_size), seed);
}

static void learn_file(const char *folder, const char *name)
{
	static uint8_t bytes[LEARN_BYTES];
	char *path = NULL;
	FILE *f;

	if (asprintf(&path, "%s/%s", folder, name) < 0)
		return;
	f = fopen(path, "rb");
	if (f) {
		mutate_learn(bytes, fread(bytes, 1, sizeof(bytes), f));
		fclose(f);
	}
	free(path);
}

void mutate_learn_arguments(int argc, char **argv)
{
	struct dirent **entry;

	for (int i = 1; i < argc; i++) {
		int files = argv[i][0] == '-' ? -1 : scandir(argv[i], &entry, NULL, alphasort);

		if (files < 0)
			continue; /* an option, or a file to be run once */
		for (int n = 0; n < files; n++) {
			if (n < (int)LEARN_FILES && entry[n]->d_name[0] != '.')
				learn_file(argv[i], entry[n]->d_name);
			free(entry[n]);
		}
		free(entry);
	}
}
