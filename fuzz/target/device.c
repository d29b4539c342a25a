/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: the devices of a board (README.md has the language of its inputs). It is built once
 * for each device class, alone (FUZZ_TARGET is its name), for PCI configuration ("pci"), and for
 * the board as a whole ("board").
 */
#include "fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>

#include "fuzz/harness.h"
#include "fuzz/mutate.h"
#include "fuzz/speed.h"

static struct harness *harness;

static void open_harness(void)
{
	struct error e;

	harness = harness_open(FUZZ_TARGET, NULL, &e);
	if (harness)
		return;
	fprintf(stderr, "fuzz %s: %s\n", FUZZ_TARGET, e.text);
	exit(1);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	unsigned operations;

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
