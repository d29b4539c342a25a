/* SPDX-License-Identifier: Apache-2.0 */
/* vcr verify: is a trace whole? Reads every byte of it and says so in one line. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "replay/trace/trace.h"
#include "tools/command.h"
#include "tools/event_line.h"

static const char help[] =
    "usage: vcr verify FILE...\n\n"
    "Reads traces from end to end and checks every checksum, image, event and the index, without\n"
    "replaying. Prints one line for each that is whole and exits 0; says what is wrong with the\n"
    "others and exits 3. (Whether a session replays identically is told by vcr replay.)\n";

static int verify(const char *path)
{
	struct trace_reader *r;
	struct trace_usage usage;
	struct error e = {0};
	struct event event;
	uint64_t events = 0, place = 0;
	const char *unit;
	int rc;

	r = trace_reader_open(path, &e);
	if (!r)
		return command_fail(&e);
	unit = strcmp(trace_reader_info(r)->unit, "exits") ? "instruction" : "exit";
	while ((rc = trace_read(r, &event, &e)) > 0) {
		progress_show("%s: %s events", path, number_text(events));
		place = event_place(&event, trace_reader_info(r));
		events++;
	}
	progress_clear();
	trace_reader_usage(r, &usage);
	if (!rc && !trace_reader_complete(r))
		rc = error_set(&e, ERROR_TRACE,
			       "%s: cut off at byte %" PRIu64 ": %s events up to %s %s are "
			       "whole, the end is missing (record again if you need it)",
			       path, usage.file, number_text(events), unit, number_text(place));
	if (!rc)
		printf("%s: whole, %s events, %s %ss, %u image%s, %s chunk%s, %s bytes\n", path,
		       number_text(events), number_text(place), unit, trace_reader_images(r),
		       trace_reader_images(r) == 1 ? "" : "s", number_text(usage.chunks),
		       usage.chunks == 1 ? "" : "s", number_text(usage.file));
	trace_reader_close(r);
	return rc ? command_fail(&e) : 0;
}

static int run(int argc, char **argv)
{
	static const struct option none[] = {{NULL, 0, NULL, 0}};
	int status = 0;

	opterr = 0;
	optind = 0; /* from the start, whatever was parsed before */
	if (getopt_long_only(argc, argv, "", none, NULL) != -1)
		return command_usage("verify", "unknown option %s", argv[optind - 1]);
	if (optind == argc)
		return command_usage("verify", "which trace?");
	for (; optind < argc; optind++) {
		int one = verify(argv[optind]);

		/* The worst of several: the host's failures come before bad traces. */
		status = one > status ? one : status;
	}
	return status;
}

const struct command cmd_verify = {
    .name = "verify",
    .summary = "check that a trace is whole",
    .help = help,
    .run = run,
};
