/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs inputs that a target's own mutator makes out of nothing, without a fuzzer: so many a second
 * as the target takes, the same ones every time, in every build.
 */
#include "fuzz/fuzz.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define INPUT_MAX 4096

static volatile uint64_t running;

/* The target found something, has said what, and aborts; here is how to see it again. */
static void on_abort(int number)
{
	char text[80];
	int size = snprintf(text, sizeof(text), "to see it again: --first %llu --inputs 1\n",
			    (unsigned long long)running);

	if (write(STDERR_FILENO, text, (size_t)size) < 0)
		_exit(2);
	signal(number, SIG_DFL);
	raise(number);
}

static int usage(const char *name)
{
	fprintf(stderr,
		"usage: %s [--first N] [--inputs N] [--write FILE]\n"
		"Runs inputs made by the target's mutator from the numbers N and up (0, 1000).\n"
		"With --write the first of them goes into FILE, too.\n",
		name);
	return 2;
}

static int write_input(const char *path, const uint8_t *data, size_t size)
{
	FILE *f = fopen(path, "wb");
	int status = !f || fwrite(data, 1, size, f) != size;

	if (f)
		status |= fclose(f) != 0;
	if (status)
		perror(path);
	return status;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"first", required_argument, NULL, 'f'},
	    {"inputs", required_argument, NULL, 'i'},
	    {"write", required_argument, NULL, 'w'},
	    {NULL, 0, NULL, 0},
	};
	uint64_t first = 0, inputs = 1000;
	const char *path = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'f')
			first = strtoull(optarg, NULL, 0);
		else if (c == 'i')
			inputs = strtoull(optarg, NULL, 0);
		else if (c == 'w')
			path = optarg;
		else
			return usage(argv[0]);
	}
	if (optind != argc)
		return usage(argv[0]);
	signal(SIGABRT, on_abort);
	signal(SIGSEGV, on_abort);
	for (running = first; running < first + inputs; running++) {
		static uint8_t data[INPUT_MAX];
		size_t size = LLVMFuzzerCustomMutator(data, 0, sizeof(data), (unsigned)running);

		if (path && running == first && write_input(path, data, size))
			return 1;
		LLVMFuzzerTestOneInput(data, size);
	}
	printf("%llu inputs\n", (unsigned long long)inputs);
	return 0;
}
