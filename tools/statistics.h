/* SPDX-License-Identifier: Apache-2.0 */
/* What a trace holds, counted: what `vcr stat` shows. */
#ifndef VCR_TOOLS_STATISTICS_H
#define VCR_TOOLS_STATISTICS_H

#include <stdbool.h>
#include <stdint.h>

#include "replay/replay.h"
#include "tools/emulated.h"

/* Columns of the time line. */
#define STATISTICS_COLUMNS 60
/* Addresses counted apart; further ones count together. */
#define STATISTICS_PLACES 8192

/* Rows of the time line. */
#define STATISTICS_GROUPS 8
extern const char *const statistics_group[STATISTICS_GROUPS];

struct place_count {
	unsigned kind;
	uint64_t address, count;
	const char *region, *device;
};

struct statistics {
	const char *path;
	struct trace_reader *reader;
	struct replay *replay; /* whose machine has the names; NULL: none */
	struct machine *machine;

	uint64_t events, exits, insns, place;
	uint64_t by_kind[EVENT_KIND_COUNT];
	/* Most first. */
	struct place_count place_of[STATISTICS_PLACES];
	uint32_t slot[2 * STATISTICS_PLACES]; /* index plus one */
	unsigned places;
	uint64_t other_places;
	uint64_t time_base; /* virtual ns = time_base + instructions, since the last wait */
	struct event end;
	uint64_t line[STATISTICS_GROUPS][STATISTICS_COLUMNS];
	struct trace_usage usage;
	bool by_exits;  /* positions count exits, not instructions */
	uint64_t time;  /* by exits: virtual ns that was last heard of */
	bool tsc_shown; /* by exits: CPUID shows a time stamp counter that is not recorded */
	struct emulated_list emulated;
};

/*
 * Reads a trace twice, with progress. NULL: it is no trace, or there is no memory. Where the trace
 * is damaged or ends too early, the numbers are of what is whole, and `e` has text
 * (statistics_free() as ever).
 */
struct statistics *statistics_read(const char *path, struct error *e);
void statistics_free(struct statistics *s);

/* Bytes of the file, but for images, to an event. */
double statistics_bytes_per_event(const struct statistics *s);
/* For a million instructions; by exits, which do not count those, for a second of virtual time. */
double statistics_exit_rate(const struct statistics *s);
/* Virtual ns at the end. */
uint64_t statistics_time(const struct statistics *s);
/* Places of the time line to a column. */
uint64_t statistics_column_width(const struct statistics *s);
/* Kinds with events, most first; how many. */
unsigned statistics_kinds(const struct statistics *s, unsigned order[EVENT_KIND_COUNT]);

#endif
