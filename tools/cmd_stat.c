/* SPDX-License-Identifier: Apache-2.0 */
/* vcr stat: what a trace holds, in numbers: for a person, or as JSON. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/command.h"
#include "tools/event_line.h"
#include "tools/statistics.h"

static const char help[] =
    "usage: vcr stat [OPTIONS] FILE\n\n"
    "Shows what a trace is and holds: machine, images, length, events by kind and by address,\n"
    "bytes per event (the images not counted), and when in the session they happened.\n\n"
    "  --json   everything as one JSON object\n"
    "  --all    every address, not only those with the most events, and every line of the "
    "machine\n";

/* Addresses and instructions, unless --all is given. */
#define SHOWN 20

/* ---- what both forms show ---- */

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

static const char *role_name(enum image_role role)
{
	switch (role) {
	case IMAGE_KERNEL:
		return "kernel";
	case IMAGE_INITRD:
		return "initrd";
	case IMAGE_PFLASH:
		return "pflash";
	case IMAGE_BIOS:
		return "bios";
	}
	return "image";
}

/* ---- as text ---- */

/* What CPUID answers may be a hundred lines. */
static void print_machine(const char *text, bool all)
{
	unsigned hidden = 0;

	while (*text) {
		size_t n = strcspn(text, "\n");

		if (!all && !strncmp(text, "cpuid=", 6)) {
			hidden++;
		} else {
			fputs("              ", stdout);
			text_print_part(stdout, text, n);
			putchar('\n');
		}
		text += n + (text[n] == '\n');
	}
	if (hidden)
		printf(
		    "              and %u answers of CPUID that the accelerator gave (--all shows "
		    "them)\n",
		    hidden);
}

static void print_length(const struct statistics *s)
{
	if (s->by_exits)
		printf("length        %s exits, %s events\n", number_text(s->exits),
		       number_text(s->events));
	else
		printf("length        %s instructions, %s exits, %s events\n",
		       number_text(s->insns), number_text(s->exits), number_text(s->events));
	if (statistics_time(s) || !s->by_exits)
		printf("virtual time  %.6f s\n", (double)statistics_time(s) / 1e9);
	else
		printf("virtual time  not asked for\n");
	if (s->end.kind)
		printf("end           %s\n", stop_reason_text((enum stop_reason)s->end.address));
	if (!s->by_exits)
		printf("exits         %.1f per million instructions\n", statistics_exit_rate(s));
	else if (statistics_time(s))
		printf("exits         %.0f per second of virtual time\n", statistics_exit_rate(s));
	if (s->tsc_shown)
		printf("warning       CPUID showed the guest a time stamp counter, and what RDTSC "
		       "gave "
		       "it is not\n              in the trace: a replay on tcg stops at the first "
		       "RDTSC\n");
}

static void print_head(const struct statistics *s, bool all)
{
	const struct trace_info *info = trace_reader_info(s->reader);

	printf("trace         %s: version %" PRIu32 ", %s\n", s->path, info->version,
	       trace_reader_complete(s->reader) ? "complete" : "cut off: its end is missing");
	printf("made by       ");
	text_print(stdout, info->producer);
	printf(" with accelerator ");
	text_print(stdout, info->accel);
	printf(", positions in %s\nmachine\n", info->unit);
	print_machine(info->machine, all);
	for (unsigned i = 0; i < trace_reader_images(s->reader); i++) {
		const struct image *image = trace_reader_image(s->reader, i);

		printf("%-13s ", role_name(image->role));
		text_print(stdout, image->name);
		printf(" (%s bytes)\n", number_text(image->size));
	}
	print_length(s);
	printf("file          %s bytes: %s of images and description, %s of events in %s chunks\n",
	       number_text(s->usage.file), number_text(s->usage.head),
	       number_text(s->usage.file - s->usage.head), number_text(s->usage.chunks));
	printf("an event has  %.3f bytes\n", statistics_bytes_per_event(s));
}

static void print_kinds(const struct statistics *s)
{
	unsigned order[EVENT_KIND_COUNT], kinds = statistics_kinds(s, order);

	printf("\n%-14s %12s %6s\n", "kind", "events", "%");
	for (unsigned i = 0; i < kinds; i++)
		printf("%-14s %12s %6.2f\n", event_kind_name(order[i]),
		       number_text(s->by_kind[order[i]]), percent(s->by_kind[order[i]], s->events));
}

static void print_places(struct statistics *s, bool all)
{
	unsigned shown = all || s->places < SHOWN ? s->places : SHOWN;
	uint64_t left = s->other_places;

	if (!s->places)
		return;
	printf("\n%-14s %12s %6s  %-12s %s\n", "address", "events", "%", "kind", "device");
	for (unsigned i = 0; i < s->places; i++) {
		const struct place_count *p = &s->place_of[i];

		if (i >= shown) {
			left += p->count;
			continue;
		}
		printf("%#-14" PRIx64 " %12s %6.2f  %-12s", p->address, number_text(p->count),
		       percent(p->count, s->events), event_kind_name(p->kind));
		if (*p->device)
			printf(" %s%s%s", p->device, strcmp(p->device, p->region) ? " " : "",
			       strcmp(p->device, p->region) ? p->region : "");
		putchar('\n');
	}
	if (left)
		printf("%-14s %12s %6.2f%s\n", "others", number_text(left),
		       percent(left, s->events), all ? "" : "  (--all shows them)");
}

static void print_emulated(const struct statistics *s, bool all)
{
	const struct emulated_list *l = &s->emulated;
	unsigned shown = all || l->used < SHOWN ? l->used : SHOWN;
	uint64_t left = l->others;
	char bytes[64];

	if (!l->used)
		return;
	printf("\n%-34s %12s %6s  %s\n", "left to the interpreter", "events", "%", "bytes");
	for (unsigned i = 0; i < l->used; i++) {
		const struct emulated *e = &l->of[i];

		if (i < shown)
			printf("%-34s %12s %6.2f  %s\n", e->text, number_text(e->count),
			       percent(e->count, s->events), emulated_bytes(e, " ", bytes));
		else
			left += e->count;
	}
	if (left)
		printf("%-34s %12s %6.2f%s\n", "others", number_text(left),
		       percent(left, s->events), all ? "" : "  (--all shows them)");
}

static bool is_utf8(void)
{
	const char *const variable[] = {"LC_ALL", "LC_CTYPE", "LANG"};

	for (unsigned i = 0; i < 3; i++) {
		const char *value = getenv(variable[i]);

		if (value && *value)
			return strstr(value, "UTF-8") || strstr(value, "utf8");
	}
	return false;
}

static void print_time_line(const struct statistics *s)
{
	static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	static const char *const ascii[] = {" ", ".", ":", "-", "=", "+", "*", "#", "@"};
	const char *const *mark = is_utf8() ? blocks : ascii;

	printf("\ntime line     %s %s a column\n", number_text(statistics_column_width(s)),
	       trace_reader_info(s->reader)->unit);
	for (unsigned g = 0; g < STATISTICS_GROUPS; g++) {
		uint64_t most = 0;

		for (unsigned i = 0; i < STATISTICS_COLUMNS; i++)
			most = s->line[g][i] > most ? s->line[g][i] : most;
		if (!most)
			continue;
		printf("%-13s |", statistics_group[g]);
		for (unsigned i = 0; i < STATISTICS_COLUMNS; i++) {
			uint64_t n = s->line[g][i];

			/* Anything shows: rounded up. */
			fputs(mark[(unsigned)((double)n * 8 / (double)most + 0.999999)], stdout);
		}
		printf("| at most %s\n", number_text(most));
	}
}

static void print_text(struct statistics *s, bool all)
{
	print_head(s, all);
	print_kinds(s);
	print_places(s, all);
	print_emulated(s, all);
	print_time_line(s);
}

/* ---- as JSON ---- */

static void print_json_head(const struct statistics *s)
{
	const struct trace_info *info = trace_reader_info(s->reader);

	printf("{\"file\":");
	text_print_json(stdout, s->path);
	printf(",\"version\":%" PRIu32 ",\"complete\":%s,\"producer\":", info->version,
	       trace_reader_complete(s->reader) ? "true" : "false");
	text_print_json(stdout, info->producer);
	printf(",\"accel\":");
	text_print_json(stdout, info->accel);
	printf(",\"unit\":");
	text_print_json(stdout, info->unit);
	printf(",\"machine\":");
	text_print_json(stdout, info->machine);
	printf(",\"images\":[");
	for (unsigned i = 0; i < trace_reader_images(s->reader); i++) {
		const struct image *image = trace_reader_image(s->reader, i);

		printf("%s{\"role\":\"%s\",\"name\":", i ? "," : "", role_name(image->role));
		text_print_json(stdout, image->name);
		printf(",\"size\":%zu}", image->size);
	}
	if (s->by_exits)
		printf("],\"insns\":null");
	else
		printf("],\"insns\":%" PRIu64, s->insns);
	printf(",\"exits\":%" PRIu64 ",\"events\":%" PRIu64 ",\"virtual_ns\":%" PRIu64
	       ",\"tsc_shown\":%s,\"end\":",
	       s->exits, s->events, statistics_time(s), s->tsc_shown ? "true" : "false");
	if (s->end.kind)
		text_print_json(stdout, stop_reason_text((enum stop_reason)s->end.address));
	else
		printf("null");
	printf(",\"exits_per_%s\":%.3f,\"file_bytes\":%" PRIu64 ",\"head_bytes\":%" PRIu64
	       ",\"chunks\":%" PRIu64 ",\"bytes_per_event\":%.4f",
	       s->by_exits ? "second" : "million_insns", statistics_exit_rate(s), s->usage.file,
	       s->usage.head, s->usage.chunks, statistics_bytes_per_event(s));
}

static void print_json(const struct statistics *s)
{
	unsigned order[EVENT_KIND_COUNT], kinds = statistics_kinds(s, order);

	print_json_head(s);
	printf(",\"kinds\":{");
	for (unsigned i = 0; i < kinds; i++)
		printf("%s\"%s\":%" PRIu64, i ? "," : "", event_kind_name(order[i]),
		       s->by_kind[order[i]]);
	printf("},\"addresses\":[");
	for (unsigned i = 0; i < s->places; i++) {
		const struct place_count *p = &s->place_of[i];

		printf("%s{\"kind\":\"%s\",\"address\":\"0x%" PRIx64 "\",\"device\":", i ? "," : "",
		       event_kind_name(p->kind), p->address);
		text_print_json(stdout, p->device);
		printf(",\"region\":");
		text_print_json(stdout, p->region);
		printf(",\"events\":%" PRIu64 "}", p->count);
	}
	printf("],\"other_addresses\":%" PRIu64 ",\"emulated\":[", s->other_places);
	for (unsigned i = 0; i < s->emulated.used; i++) {
		const struct emulated *e = &s->emulated.of[i];
		char bytes[64];

		printf("%s{\"instruction\":", i ? "," : "");
		text_print_json(stdout, e->text);
		printf(",\"bytes\":\"%s\",\"events\":%" PRIu64 "}", emulated_bytes(e, "", bytes),
		       e->count);
	}
	printf("],\"other_emulated\":%" PRIu64 ",\"time_line\":{\"width\":%" PRIu64,
	       s->emulated.others, statistics_column_width(s));
	for (unsigned g = 0; g < STATISTICS_GROUPS; g++) {
		printf(",\"%s\":[", statistics_group[g]);
		for (unsigned i = 0; i < STATISTICS_COLUMNS; i++)
			printf("%s%" PRIu64, i ? "," : "", s->line[g][i]);
		putchar(']');
	}
	printf("}}\n");
}

/* ---- the command ---- */

static int run(int argc, char **argv)
{
	static const struct option options[] = {
	    {"json", no_argument, NULL, 'j'}, {"all", no_argument, NULL, 'a'}, {NULL, 0, NULL, 0}};
	bool json = false, all = false;
	struct statistics *s;
	struct error e;
	int option;

	opterr = 0;
	optind = 0; /* from the start, whatever was parsed before */
	while ((option = getopt_long_only(argc, argv, "", options, NULL)) != -1) {
		if (option == '?')
			return command_usage("stat", "unknown option %s", argv[optind - 1]);
		json |= option == 'j';
		all |= option == 'a';
	}
	if (argc - optind != 1)
		return command_usage("stat",
				     argc == optind ? "which trace?" : "one trace at a time");
	s = statistics_read(argv[optind], &e);
	if (!s)
		return command_fail(&e);
	if (json)
		print_json(s);
	else
		print_text(s, all);
	statistics_free(s);
	return *e.text ? command_fail(&e) : 0;
}

const struct command cmd_stat = {
    .name = "stat",
    .summary = "show what a trace holds, in numbers",
    .help = help,
    .run = run,
};
