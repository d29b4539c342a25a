/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast a target is: fuzz_TARGET --speed=OPERATIONS, for tools/bench. Generated inputs of that
 * many operations, always the same, are run without the engine's own work around them; and resets
 * alone, beside a copy of as many bytes. Times are those of this thread on the processor.
 */
#include "fuzz/speed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fuzz/generate.h"

#define INPUTS  256u
#define SECONDS 1.0
#define RESETS  20000u

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

struct inputs {
	uint8_t *bytes[INPUTS];
	size_t size[INPUTS];
};

static void make_inputs(struct inputs *in, unsigned operations)
{
	uint8_t *bytes = malloc((size_t)operations * OP_ENCODED);

	for (unsigned i = 0; bytes && i < INPUTS; i++) {
		struct random random = random_start(i);

		in->size[i] = 0;
		for (unsigned n = 0; n < operations; n++) {
			struct op op;

			generate_op(&random, &op);
			in->size[i] += op_encode(&op, bytes + in->size[i]);
		}
		in->bytes[i] = malloc(in->size[i]);
		if (in->bytes[i])
			memcpy(in->bytes[i], bytes, in->size[i]);
	}
	free(bytes);
}

/* Runs a second. */
static double executions(struct harness *h, const struct inputs *in)
{
	unsigned long runs = 0;
	double start = seconds(), spent;

	do {
		for (unsigned i = 0; i < INPUTS; i++)
			harness_run(h, in->bytes[i], in->bytes[i] ? in->size[i] : 0);
		runs += INPUTS;
		spent = seconds() - start;
	} while (spent < SECONDS);
	return (double)runs / spent;
}

static double reset_time(struct harness *h, size_t *bytes)
{
	double start = seconds();

	for (unsigned n = 0; n < RESETS; n++)
		*bytes = harness_reset(h);
	return (seconds() - start) / RESETS;
}

static double copy_time(size_t bytes)
{
	uint8_t *from = calloc(1, bytes), *to = calloc(1, bytes);
	double start = seconds();

	for (unsigned n = 0; from && to && n < RESETS; n++) {
		memcpy(to, from, bytes);
		/* Or the compiler would see that nobody looks at it. */
		__asm__ volatile("" : : "r"(to) : "memory");
	}
	start = (seconds() - start) / RESETS;
	free(from);
	free(to);
	return start;
}

bool speed_wanted(int argc, char **argv, unsigned *operations)
{
	static const char option[] = "--speed=";

	for (int i = 1; i < argc; i++) {
		if (strncmp(argv[i], option, sizeof(option) - 1))
			continue;
		*operations = (unsigned)strtoul(argv[i] + sizeof(option) - 1, NULL, 10);
		return *operations > 0 && *operations <= OP_COUNT;
	}
	return false;
}

void speed_print(struct harness *h, unsigned operations)
{
	struct inputs in = {{NULL}, {0}};
	size_t bytes = 0;
	double runs, reset;

	make_inputs(&in, operations);
	executions(h, &in);
	runs = executions(h, &in);
	reset = reset_time(h, &bytes);
	printf("operations %u executions/s %.0f reset %.0f ns of %zu bytes, copied in %.0f ns\n",
	       operations, runs, reset * 1e9, bytes, copy_time(bytes) * 1e9);
	for (unsigned i = 0; i < INPUTS; i++)
		free(in.bytes[i]);
}
