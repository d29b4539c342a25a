/* SPDX-License-Identifier: Apache-2.0 */
/* vcr dump: the events of a trace as text or JSON, all of them or those asked for. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/disasm.h"
#include "replay/replay.h"
#include "tools/command.h"
#include "tools/event_line.h"

static const char help[] =
    "usage: vcr dump [OPTIONS] FILE\n\n"
    "Prints the events of a trace, one a line: number, instructions begun, RIP, kind, address,\n"
    "size, data, and the device or region that the address belongs to.\n\n"
    "  --json           one JSON object a line\n"
    "  --kind K[,K...]  only these: pio-read, or pio for both directions; exit, irq, dma, host,\n"
    "                   mark for all of a group (vcr dump --kind help lists them)\n"
    "  --device NAME    only those of a device (ns16550-0, or ns16550 for all) or region\n"
    "  --address A[-B]  only ports, guest-physical addresses or MSRs from A to B: 0x3f8-0x3ff\n"
    "  --from POS       only from this position on\n"
    "  --until POS      only up to this position\n"
    "  --disasm         add the instruction at RIP; replays the session, since code is not in "
    "it\n\n"
    "POS is a number of instructions: 1500000, 1_500_000, 1.5M.\n"
    "A trace that was cut off is printed as far as it goes, and the exit status is 3.\n";

struct filter {
	const char *path, *device;
	bool json, disasm, by_kind, by_address;
	bool kind[EVENT_KIND_COUNT];
	uint64_t first_address, last_address, from, until;
};

enum option_code {
	OPT_JSON = 1000,
	OPT_KIND,
	OPT_DEVICE,
	OPT_ADDRESS,
	OPT_FROM,
	OPT_UNTIL,
	OPT_DISASM
};

static const struct option options[] = {
    {"json", no_argument, NULL, OPT_JSON},
    {"kind", required_argument, NULL, OPT_KIND},
    {"device", required_argument, NULL, OPT_DEVICE},
    {"address", required_argument, NULL, OPT_ADDRESS},
    {"from", required_argument, NULL, OPT_FROM},
    {"until", required_argument, NULL, OPT_UNTIL},
    {"disasm", no_argument, NULL, OPT_DISASM},
    {NULL, 0, NULL, 0},
};

/* ---- filters ---- */

static const char *const crossings[] = {
    [CROSSING_EXIT] = "exit", [CROSSING_IRQ] = "irq",   [CROSSING_DMA] = "dma",
    [CROSSING_HOST] = "host", [CROSSING_MARK] = "mark",
};

static void list_kinds(void)
{
	for (unsigned kind = 0; kind < EVENT_KIND_COUNT; kind++)
		if (event_kind_name(kind))
			printf("%-13s %s\n", event_kind_name(kind),
			       crossings[event_kind_crossing(kind)]);
}

/* "pio-read" is one kind, "pio" the kinds that begin so, "exit" a group. */
static bool add_kind(struct filter *f, const char *name, size_t length)
{
	bool found = false;

	for (unsigned pass = 0; pass < 2 && !found; pass++) {
		for (unsigned kind = 0; kind < EVENT_KIND_COUNT; kind++) {
			const char *full = event_kind_name(kind);
			const char *group = crossings[event_kind_crossing(kind)];

			if (!full)
				continue;
			if (pass == 0 ? !strncmp(full, name, length) && !full[length]
				      : (!strncmp(full, name, length) && full[length] == '-') ||
					    (!strncmp(group, name, length) && !group[length]))
				found = f->kind[kind] = true;
		}
	}
	return found;
}

static int parse_kinds(struct filter *f, const char *list)
{
	f->by_kind = true;
	while (true) {
		size_t length = strcspn(list, ",");

		if (!length || !add_kind(f, list, length))
			return command_usage("dump",
					     "--kind %.*s: no such kind (--kind help lists them)",
					     (int)length, list);
		if (!list[length])
			return 0;
		list += length + 1;
	}
}

static int parse_address(struct filter *f, const char *text)
{
	char *end;

	errno = 0;
	f->by_address = true;
	f->first_address = f->last_address = strtoull(text, &end, 0);
	if (end != text && *end == '-' && end[1]) {
		text = end + 1;
		f->last_address = strtoull(text, &end, 0);
	}
	if (errno || end == text || *end || f->last_address < f->first_address)
		return command_usage("dump", "--address %s: is no address or range, as 0x3f8-0x3ff",
				     optarg);
	return 0;
}

static bool wanted(const struct filter *f, const struct event *e, const struct trace_info *info,
		   const struct machine *m)
{
	uint64_t place = event_place(e, info);

	if (f->by_kind && !f->kind[e->kind])
		return false;
	if (f->by_address && (!(event_kind_fields(e->kind) & EVENT_FIELD_A) ||
			      e->kind == EVENT_END || e->kind == EVENT_HOST_CHAR ||
			      e->address < f->first_address || e->address > f->last_address))
		return false;
	if (f->device && !event_is_of(e, m, f->device))
		return false;
	return place >= f->from && place <= f->until;
}

/* ---- printing ---- */

static void print(const struct filter *f, const struct event *e, struct machine *m)
{
	char text[128];

	text[0] = '\0';
	if (f->disasm && event_kind_crossing(e->kind) == CROSSING_EXIT)
		replay_disassemble(m, e->rip, text, sizeof(text));
	/* This one brings its code along. */
	if (f->disasm && e->kind == EVENT_FALLBACK && e->length)
		disasm(e->bytes, e->length, e->size, e->address, text, sizeof(text));
	else if (f->disasm && e->kind == EVENT_FALLBACK)
		snprintf(text, sizeof(text), "(fetched from where no memory is)");
	if (f->json) {
		event_print_json(stdout, e, m, text);
		fputc('\n', stdout);
		return;
	}
	event_print(stdout, e, m);
	if (*text)
		printf("  ; %s", text);
	fputc('\n', stdout);
}

static int dump_trace(const struct filter *f, struct trace_reader *r, struct machine *m,
		      struct error *e)
{
	const struct trace_info *info = trace_reader_info(r);
	struct event event;
	int rc;

	if (f->from && trace_seek(r, f->from, e))
		return command_fail(e);
	while ((rc = trace_read(r, &event, e)) > 0) {
		if (event_place(&event, info) > f->until)
			return 0;
		if (wanted(f, &event, info, m))
			print(f, &event, m);
	}
	if (rc < 0)
		return command_fail(e);
	if (trace_reader_complete(r))
		return 0;
	error_set(e, ERROR_TRACE,
		  "%s: the recording was cut off, its end is missing (what was whole is printed)",
		  f->path);
	return command_fail(e);
}

static void print_replayed(void *opaque, const struct replay *r, const struct event *event)
{
	const struct filter *f = opaque;

	if (wanted(f, event, replay_info(r), replay_machine(r)))
		print(f, event, replay_machine(r));
}

static int dump_replayed(struct filter *f, struct error *e)
{
	const struct replay_options o = {
	    .mode = REPLAY_MACHINE, .event = print_replayed, .opaque = f};
	struct replay *r = replay_open(f->path, &o, e);
	enum replay_result result;
	int status = 0;

	if (!r)
		return command_fail(e);
	/* Until the first position after it, so that all events at it are seen. */
	result = replay_run(r, f->until < UINT64_MAX ? f->until + 1 : UINT64_MAX, e);
	if (result == REPLAY_FAILED) {
		status = command_fail(e);
	} else if (result == REPLAY_DIVERGED) {
		fflush(stdout);
		fprintf(stderr, "vcr: %s: ", f->path);
		replay_print_divergence(r, stderr);
		status = ERROR_DIVERGED;
	} else if (result == REPLAY_INCOMPLETE) {
		error_set(e, ERROR_TRACE,
			  "%s: the recording was cut off, its end is missing (what was whole is "
			  "printed)",
			  f->path);
		status = command_fail(e);
	}
	replay_close(r);
	return status;
}

/* ---- the command ---- */

static int parse_option(struct filter *f, int option, char **argv)
{
	switch (option) {
	case OPT_JSON:
		f->json = true;
		return 0;
	case OPT_DISASM:
		f->disasm = true;
		return 0;
	case OPT_DEVICE:
		f->device = optarg;
		return 0;
	case OPT_KIND:
		return parse_kinds(f, optarg);
	case OPT_ADDRESS:
		return parse_address(f, optarg);
	case OPT_FROM:
	case OPT_UNTIL:
		if (position_parse(optarg, option == OPT_FROM ? &f->from : &f->until))
			return 0;
		return command_usage("dump", "--%s %s: is no position",
				     option == OPT_FROM ? "from" : "until", optarg);
	case ':':
		return command_usage("dump", "option %s needs a value", argv[optind - 1]);
	default:
		return command_usage("dump", "unknown option %s", argv[optind - 1]);
	}
}

static int run(int argc, char **argv)
{
	const struct replay_options names_only = {.mode = REPLAY_DEVICES};
	struct filter f = {.until = UINT64_MAX};
	struct trace_reader *r;
	struct replay *names;
	struct error e = {0};
	int option, status = 0;

	opterr = 0;
	optind = 0; /* from the start, whatever was parsed before */
	while ((option = getopt_long_only(argc, argv, ":", options, NULL)) != -1) {
		if (option == OPT_KIND && !strcmp(optarg, "help")) {
			list_kinds();
			return 0;
		}
		status = parse_option(&f, option, argv);
		if (status)
			return status;
	}
	if (argc - optind != 1)
		return command_usage("dump",
				     argc == optind ? "which trace?" : "one trace at a time");
	f.path = argv[optind];
	r = trace_reader_open(f.path, &e);
	if (!r)
		return command_fail(&e);
	names = replay_open(f.path, &names_only, &e);
	if (f.device && !names)
		status = command_fail(&e);
	else if (f.device && !machine_has_name(replay_machine(names), f.device))
		status = command_usage("dump", "--device %s: the machine of %s has none", f.device,
				       f.path);
	else if (!f.disasm)
		status = dump_trace(&f, r, names ? replay_machine(names) : NULL, &e);
	if (names)
		replay_close(names);
	trace_reader_close(r);
	if (f.disasm && !status)
		status = dump_replayed(&f, &e);
	return status;
}

const struct command cmd_dump = {
    .name = "dump",
    .summary = "print the events of a trace",
    .help = help,
    .run = run,
};
