/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: the devices of a board (README.md has the language of its inputs). It is built once
 * for each device class, alone (FUZZ_TARGET is its name), for PCI configuration ("pci"), and for
 * the board as a whole ("board").
 */
#include "fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "fuzz/harness.h"
#include "fuzz/mutate.h"
#include "fuzz/speed.h"

static struct harness *harness;
static struct harness_options options;

/* Files are run to see whether they fail, by people and by minimisers: they are judged in full. */
static bool runs_files(int argc, char **argv)
{
	struct stat st = {0}; /* MSan may not know what stat() writes */

	for (int i = 1; i < argc; i++) {
		if (argv[i][0] != '-' && !stat(argv[i], &st) && S_ISREG(st.st_mode))
			return true;
	}
	return false;
}

static void open_harness(void)
{
	struct error e;

	harness = harness_open(FUZZ_TARGET, &options, &e);
	if (harness)
		return;
	fprintf(stderr, "fuzz %s: %s\n", FUZZ_TARGET, e.text);
	exit(1);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	unsigned operations;

	options.thorough = runs_files(*argc, *argv);
	open_harness();
	mutate_open(harness_regions(harness));
	if (speed_wanted(*argc, *argv, &operations)) {
		speed_print(harness, operations);
		exit(0);
	}
	mutate_learn_arguments(*argc, *argv);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!harness)
		open_harness();
	harness_run(harness, data, size);
	return 0;
}
