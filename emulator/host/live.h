/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The live door: the machine's outside is this host. Character channels are connected to the
 * console, to a file or to nothing; the clocks are the host's; flash chips have files that are
 * written as the guest programs them.
 */
#ifndef VCR_HOST_LIVE_H
#define VCR_HOST_LIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "emulator/error.h"
#include "emulator/host.h"

enum live_channel_kind { LIVE_NONE, LIVE_STDIO, LIVE_FILE };

struct live_options {
	struct {
		enum live_channel_kind kind;
		const char *path; /* LIVE_FILE: output goes there, nothing comes in */
	} channel[HOST_CHANNELS];
	const char *store[HOST_STORES]; /* files that follow what changes, or NULL */
	bool pace_real;                 /* a halted guest waits in real time */
	bool base_fixed;                /* the wall clock starts at base_ns instead of now */
	int64_t base_ns;                /* since 1970 UTC */
	bool local_time;                /* the wall clock shows local time */
	double timeout;                 /* seconds of real time until HOST_STOP_TIMEOUT; 0: none */
};

/* Reads "stdio", "none" or "file:PATH" into a channel. */
int live_channel_parse(struct live_options *o, unsigned channel, const char *text, struct error *e);

/*
 * Opens files and starts reading standard input when a channel wants it (a terminal is put in
 * raw mode until live_close()). SIGINT and SIGTERM become HOST_STOP_QUIT.
 */
struct host *live_open(const struct live_options *o, struct error *e);
/* Writes out what the guest sent so far (otherwise done at polls). */
void live_flush(struct host *h);
/* The failure behind HOST_STOP_FAILED; kind is ERROR_NONE when there was none. */
const struct error *live_failure(const struct host *h);
void live_close(struct host *h);

#endif
