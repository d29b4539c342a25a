/* SPDX-License-Identifier: Apache-2.0 */
/* vcr stat: what a trace holds, in numbers: for a person, or as JSON. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/cpu/cpuid.h"
#include "replay/replay.h"
#include "tools/command.h"
#include "tools/emulated.h"
#include "tools/event_line.h"

static const char help[] =
    "usage: vcr stat [OPTIONS] FILE\n\n"
    "Shows what a trace is and holds: machine, images, length, events by kind and by address,\n"
    "bytes per event (the images not counted), and when in the session they happened.\n\n"
    "  --json   everything as one JSON object\n"
    "  --all    every address, not only those with the most events, and every line of the "
    "machine\n";

#define COLUMNS     60
#define SHOWN       20
#define PLACES_MAX  8192 /* addresses counted apart; further ones count together */
#define PLACE_SLOTS (2 * PLACES_MAX)

/* Rows of the time line. */
static const char *const groups[] = {"pio", "mmio", "msr",  "hlt", "irq",
				     "dma", "host", "mark", NULL};
#define GROUPS 8

struct place_count {
	unsigned kind;
	uint64_t address, count;
	const char *region, *device;
};

struct statistics {
	const char *path;
	struct trace_reader *reader;
	struct machine *machine; /* for names; NULL: none */

	uint64_t events, exits, insns, place;
	uint64_t by_kind[EVENT_KIND_COUNT];
	struct place_count place_of[PLACES_MAX];
	uint32_t slot[PLACE_SLOTS]; /* index plus one */
	unsigned places;
	uint64_t other_places;
	uint64_t time_base; /* virtual ns = time_base + instructions, since the last wait */
	struct event end;
	uint64_t line[GROUPS][COLUMNS];
	struct trace_usage usage;
	bool by_exits;  /* positions count exits, not instructions */
	uint64_t time;  /* by exits: virtual ns that was last heard of */
	bool tsc_shown; /* by exits: CPUID shows a time stamp counter that is not recorded */
	struct emulated_list emulated;
};

/* ---- counting ---- */

static void count_place(struct statistics *s, const struct event *e)
{
	uint64_t h = (e->address ^ (uint64_t)e->kind << 40) * UINT64_C(0x9e3779b97f4a7c15);
	uint32_t i = (uint32_t)(h >> 40) % PLACE_SLOTS;

	for (; s->slot[i]; i = (i + 1) % PLACE_SLOTS) {
		struct place_count *p = &s->place_of[s->slot[i] - 1];

		if (p->kind == e->kind && p->address == e->address) {
			p->count++;
			return;
		}
	}
	if (s->places == PLACES_MAX) {
		s->other_places++;
		return;
	}
	s->place_of[s->places] = (struct place_count){.kind = e->kind,
						      .address = e->address,
						      .count = 1,
						      .region = event_region_name(e, s->machine),
						      .device = event_device_id(e, s->machine)};
	s->slot[i] = ++s->places;
}

static void count(struct statistics *s, const struct event *e)
{
	s->events++;
	s->exits = e->position.exits + (event_kind_crossing(e->kind) == CROSSING_EXIT);
	s->insns = e->position.insns;
	s->place = event_place(e, trace_reader_info(s->reader));
	s->by_kind[e->kind]++;
	if ((event_kind_fields(e->kind) & EVENT_FIELD_S) &&
	    event_kind_crossing(e->kind) == CROSSING_EXIT)
		count_place(s, e);
	if (e->kind == EVENT_EMULATED || e->kind == EVENT_FALLBACK)
		emulated_count(&s->emulated, e);
	if (s->by_exits && (e->kind == EVENT_HOST_WAIT || e->kind == EVENT_HOST_TIME ||
			    e->kind == EVENT_HOST_DUE || e->kind == EVENT_HOST_TSC))
		s->time = e->data;
	else if (e->kind == EVENT_HOST_WAIT)
		s->time_base = e->data - e->position.insns;
	if (e->kind == EVENT_END)
		s->end = *e;
}

static unsigned group_of(unsigned kind)
{
	switch (kind) {
	case EVENT_PIO_READ:
	case EVENT_PIO_WRITE:
		return 0;
	case EVENT_MMIO_READ:
	case EVENT_MMIO_WRITE:
		return 1;
	case EVENT_MSR_READ:
	case EVENT_MSR_WRITE:
	case EVENT_CR8_READ:
	case EVENT_CR8_WRITE:
		return 2;
	default:
		break;
	}
	switch (event_kind_crossing(kind)) {
	case CROSSING_EXIT:
		return 3;
	case CROSSING_IRQ:
		return 4;
	case CROSSING_DMA:
		return 5;
	case CROSSING_HOST:
		return 6;
	default:
		return 7;
	}
}

/* Which of the columns of the time line a position falls into; the last one is s->place. */
static unsigned column_of(const struct statistics *s, uint64_t place)
{
	uint64_t width = s->place / COLUMNS + 1, column = place / width;

	return column < COLUMNS ? (unsigned)column : COLUMNS - 1;
}

static int read_all(struct statistics *s, struct error *e)
{
	const struct trace_info *info = trace_reader_info(s->reader);
	struct event event;
	int rc;

	while ((rc = trace_read(s->reader, &event, e)) > 0) {
		count(s, &event);
		progress_show("%s events", number_text(s->events));
	}
	trace_reader_usage(s->reader, &s->usage);
	/* The time line needs to know where the end is: read again. Damage ends it as before. */
	trace_rewind(s->reader);
	for (uint64_t i = 0; i < s->events && trace_read(s->reader, &event, NULL) > 0; i++)
		s->line[group_of(event.kind)][column_of(s, event_place(&event, info))]++;
	progress_clear();
	return rc;
}

/* ---- numbers that both forms show ---- */

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

static double bytes_per_event(const struct statistics *s)
{
	return s->events ? (double)(s->usage.file - s->usage.head) / (double)s->events : 0;
}

/* Of instructions; by exits, which do not count those, of microseconds of virtual time. */
static double exits_per_million(const struct statistics *s)
{
	uint64_t millions = s->by_exits ? s->time / 1000 : s->insns;

	return millions ? 1e6 * (double)s->exits / (double)millions : 0;
}

static uint64_t virtual_time(const struct statistics *s)
{
	return s->by_exits ? s->time : s->time_base + s->insns;
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

static int compare_places(const void *a, const void *b)
{
	const struct place_count *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return x->kind < y->kind ? -1 : 1;
}

/* Kinds with events, most first. */
static unsigned sort_kinds(const struct statistics *s, unsigned order[EVENT_KIND_COUNT])
{
	unsigned kinds = 0;

	for (unsigned kind = 0; kind < EVENT_KIND_COUNT; kind++) {
		unsigned at = kinds;

		if (!s->by_kind[kind])
			continue;
		for (; at && s->by_kind[order[at - 1]] < s->by_kind[kind]; at--)
			order[at] = order[at - 1];
		order[at] = kind;
		kinds++;
	}
	return kinds;
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
	if (virtual_time(s) || !s->by_exits)
		printf("virtual time  %.6f s\n", (double)virtual_time(s) / 1e9);
	else
		printf("virtual time  not asked for\n");
	if (s->end.kind)
		printf("end           %s\n", stop_reason_text((enum stop_reason)s->end.address));
	if (!s->by_exits)
		printf("exits         %.1f per million instructions\n", exits_per_million(s));
	else if (virtual_time(s))
		printf("exits         %.0f per second of virtual time\n", exits_per_million(s));
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
	printf("an event has  %.3f bytes\n", bytes_per_event(s));
}

static void print_kinds(const struct statistics *s)
{
	unsigned order[EVENT_KIND_COUNT], kinds = sort_kinds(s, order);

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

	printf("\ntime line     %s %s a column\n", number_text(s->place / COLUMNS + 1),
	       trace_reader_info(s->reader)->unit);
	for (unsigned g = 0; groups[g]; g++) {
		uint64_t most = 0;

		for (unsigned i = 0; i < COLUMNS; i++)
			most = s->line[g][i] > most ? s->line[g][i] : most;
		if (!most)
			continue;
		printf("%-13s |", groups[g]);
		for (unsigned i = 0; i < COLUMNS; i++) {
			uint64_t n = s->line[g][i];

			/* Anything shows: rounded up. */
			fputs(mark[(unsigned)((double)n * 8 / (double)most + 0.999999)], stdout);
		}
		printf("| at most %s\n", number_text(most));
	}
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
	       s->exits, s->events, virtual_time(s), s->tsc_shown ? "true" : "false");
	if (s->end.kind)
		text_print_json(stdout, stop_reason_text((enum stop_reason)s->end.address));
	else
		printf("null");
	printf(",\"exits_per_%s\":%.3f,\"file_bytes\":%" PRIu64 ",\"head_bytes\":%" PRIu64
	       ",\"chunks\":%" PRIu64 ",\"bytes_per_event\":%.4f",
	       s->by_exits ? "second" : "million_insns", exits_per_million(s), s->usage.file,
	       s->usage.head, s->usage.chunks, bytes_per_event(s));
}

static void print_json(const struct statistics *s)
{
	unsigned order[EVENT_KIND_COUNT], kinds = sort_kinds(s, order);

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
	       s->emulated.others, s->place / COLUMNS + 1);
	for (unsigned g = 0; groups[g]; g++) {
		printf(",\"%s\":[", groups[g]);
		for (unsigned i = 0; i < COLUMNS; i++)
			printf("%s%" PRIu64, i ? "," : "", s->line[g][i]);
		putchar(']');
	}
	printf("}}\n");
}

/* ---- the command ---- */

/* CPUID leaf 1 EDX bit 4, as the guest began. */
static bool shows_tsc(const struct machine *m)
{
	uint32_t out[4];

	cpuid_query(&m->vcpu.model, m->vcpu.c, 1, 0, out);
	return out[3] >> 4 & 1;
}

static int stat_trace(struct statistics *s, bool json, bool all)
{
	const struct replay_options names_only = {.mode = REPLAY_DEVICES};
	struct error e = {0}, no_names;
	struct replay *names;
	int rc;

	s->reader = trace_reader_open(s->path, &e);
	if (!s->reader)
		return command_fail(&e);
	names = replay_open(s->path, &names_only, &no_names);
	s->machine = names ? replay_machine(names) : NULL;
	s->by_exits = !strcmp(trace_reader_info(s->reader)->unit, "exits");
	s->tsc_shown =
	    s->by_exits && s->machine && !s->machine->config.tsc_exits && shows_tsc(s->machine);
	rc = read_all(s, &e);
	emulated_sort(&s->emulated);
	qsort(s->place_of, s->places, sizeof(*s->place_of), compare_places);
	if (json) {
		print_json(s);
	} else {
		print_head(s, all);
		print_kinds(s);
		print_places(s, all);
		print_emulated(s, all);
		print_time_line(s);
	}
	if (!rc && !trace_reader_complete(s->reader))
		rc = error_set(&e, ERROR_TRACE,
			       "%s: the recording was cut off, its end is missing (the numbers are "
			       "of what is whole)",
			       s->path);
	if (names)
		replay_close(names);
	trace_reader_close(s->reader);
	return rc ? command_fail(&e) : 0;
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {
	    {"json", no_argument, NULL, 'j'}, {"all", no_argument, NULL, 'a'}, {NULL, 0, NULL, 0}};
	bool json = false, all = false;
	struct statistics *s;
	struct error e;
	int option, status;

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
	s = calloc(1, sizeof(*s));
	if (!s) {
		error_set(&e, ERROR_HOST, "out of memory");
		return command_fail(&e);
	}
	s->path = argv[optind];
	status = stat_trace(s, json, all);
	free(s);
	return status;
}

const struct command cmd_stat = {
    .name = "stat",
    .summary = "show what a trace holds, in numbers",
    .help = help,
    .run = run,
};
