/* SPDX-License-Identifier: Apache-2.0 */
/* vcr replay: plays a trace back, checks it, and goes to any position in it. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "replay/replay.h"
#include "tools/command.h"
#include "tools/event_line.h"

static const char help[] =
    "usage: vcr replay [OPTIONS] FILE\n\n"
    "Plays a recorded session back and compares every exit, interrupt, DMA and state digest\n"
    "with the trace. Says \"identical\" and exits 0, or shows the first difference and exits 1.\n\n"
    "  -accel A      run the guest on tcg (default: plays back every trace) or kvm\n"
    "  --devices     drive only the device models, with the recorded exits (no CPU)\n"
    "  --cpu         drive only the CPU, with the recorded answers (no devices)\n"
    "  --until POS   stop there and show the registers\n"
    "  --from POS    show what follows only from there; -N counts back from where the replay\n"
    "                ends (its end, --until, or a divergence), which it goes back to by snapshot\n"
    "  --events      print the events from there on\n"
    "  --insns       print every instruction from there on, disassembled\n"
    "  --console     print the guest's output\n\n"
    "POS is a number of instructions: 1500000, 1_500_000, 1.5M. In a trace that a hypervisor made "
    "it\n"
    "is a number of exits, as \"vcr stat\" says.\n";

struct view {
	const char *path, *accel;
	enum replay_mode mode;
	bool has_from, from_back, has_until, events, insns, console;
	uint64_t from, until;
	bool showing; /* at or after --from */
};

enum option_code {
	OPT_DEVICES = 1000,
	OPT_CPU,
	OPT_FROM,
	OPT_UNTIL,
	OPT_EVENTS,
	OPT_INSNS,
	OPT_CONSOLE,
	OPT_ACCEL
};

static const struct option options[] = {
    {"devices", no_argument, NULL, OPT_DEVICES},
    {"cpu", no_argument, NULL, OPT_CPU},
    {"from", required_argument, NULL, OPT_FROM},
    {"until", required_argument, NULL, OPT_UNTIL},
    {"events", no_argument, NULL, OPT_EVENTS},
    {"insns", no_argument, NULL, OPT_INSNS},
    {"console", no_argument, NULL, OPT_CONSOLE},
    {"accel", required_argument, NULL, OPT_ACCEL},
    {NULL, 0, NULL, 0},
};

/* ---- what is shown ---- */

static void show_event(void *opaque, const struct replay *r, const struct event *e)
{
	const struct view *v = opaque;

	if (v->events && v->showing) {
		event_print(stdout, e, replay_machine(r));
		putchar('\n');
	}
}

static void show_output(void *opaque, unsigned channel, const uint8_t *bytes, size_t size)
{
	const struct view *v = opaque;

	if (v->console && v->showing && channel == 0)
		fwrite(bytes, 1, size, stdout);
}

static void show_progress(void *opaque, uint64_t insns)
{
	progress_show("replaying: position %s", number_text(insns));
}

static void show_registers(struct replay *r)
{
	static const char *const names[16] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp",
					      "rsi", "rdi", "r8",  "r9",  "r10", "r11",
					      "r12", "r13", "r14", "r15"};
	struct machine *m = replay_machine(r);
	struct cpu_regs regs;
	char text[256];

	cpu_get_regs(m->vcpu.c, &regs);
	if (!m->config.host_time) /* by exits, nobody counted them */
		printf("instruction %s, ", number_text(machine_position(m).insns));
	printf("exit %s, event %s, virtual time %" PRIu64 " ns\n",
	       number_text(machine_position(m).exits), number_text(replay_events(r)),
	       machine_now(m));
	for (int i = 0; i < 16; i++)
		printf("%-3s %016" PRIx64 "%s", names[i], regs.gpr[i], i % 4 == 3 ? "\n" : "  ");
	printf("rip %016" PRIx64 "  rflags %08" PRIx64 "  cr0 %08" PRIx64 "  cr2 %016" PRIx64
	       "  cr3 %016" PRIx64 "  cr4 %08" PRIx64 "  efer %04" PRIx64 "\n",
	       regs.rip, regs.rflags, regs.cr0, regs.cr2, regs.cr3, regs.cr4, regs.efer);
	printf("next: %s%s\n", replay_disassemble(m, regs.rip, text, sizeof(text)),
	       regs.halted ? " (halted)" : "");
}

static void show_instruction(struct replay *r)
{
	struct machine *m = replay_machine(r);
	uint64_t rip = m->vcpu.c->reg[GPR_RIP];
	char text[256];

	printf("%14" PRIu64 "  %016" PRIx64 "  %s\n", m->vcpu.c->insns, rip,
	       m->vcpu.c->halted ? "(halted)" : replay_disassemble(m, rip, text, sizeof(text)));
}

/* ---- moving ---- */

static enum replay_result run_shown(struct view *v, struct replay *r, uint64_t until,
				    struct error *e)
{
	enum replay_result result = REPLAY_PAUSED;

	v->showing = true;
	if (!v->insns)
		return replay_run(r, until, e);
	while (result == REPLAY_PAUSED && machine_count(replay_machine(r)) < until) {
		show_instruction(r);
		result = replay_run(r, machine_count(replay_machine(r)) + 1, e);
	}
	return result;
}

/*
 * Snapshots on the way to a position that is not known yet: at most this many, evenly spread. When
 * they are used up every second one is dropped and the distance doubles.
 */
#define LADDER      32
#define LADDER_STEP (1ull << 22)

struct ladder {
	struct {
		uint64_t insns;
		struct replay_mark *mark;
	} rung[LADDER];
	unsigned rungs;
	uint64_t step;
};

static int ladder_add(struct ladder *l, struct replay *r, struct error *e)
{
	struct replay_mark *mark = replay_mark_take(r, e);

	if (!mark)
		return -1;
	if (l->rungs == LADDER) {
		for (unsigned i = 0; i < LADDER; i++) {
			if (i % 2)
				replay_mark_free(l->rung[i].mark);
			else
				l->rung[i / 2] = l->rung[i];
		}
		l->rungs = LADDER / 2;
		l->step *= 2;
	}
	l->rung[l->rungs].insns = machine_count(replay_machine(r));
	l->rung[l->rungs++].mark = mark;
	return 0;
}

static enum replay_result climb(struct ladder *l, struct replay *r, uint64_t until, struct error *e)
{
	enum replay_result result = REPLAY_PAUSED;

	l->step = LADDER_STEP;
	do {
		uint64_t next = machine_count(replay_machine(r)) + l->step;

		if (ladder_add(l, r, e))
			return REPLAY_FAILED;
		result = replay_run(r, next < until ? next : until, e);
	} while (result == REPLAY_PAUSED && machine_count(replay_machine(r)) < until);
	return result;
}

static void ladder_free(struct ladder *l)
{
	for (unsigned i = 0; i < l->rungs; i++)
		replay_mark_free(l->rung[i].mark);
}

/* To where the replay ends, then back by v->from instructions, then forward again, shown. */
static enum replay_result run_back(struct view *v, struct replay *r, uint64_t until,
				   struct error *e)
{
	struct ladder l = {.rungs = 0};
	enum replay_result result = climb(&l, r, until, e);
	uint64_t end = machine_count(replay_machine(r)), from = end > v->from ? end - v->from : 0;
	unsigned rung = l.rungs;

	while (rung > 1 && l.rung[rung - 1].insns > from)
		rung--;
	if (result != REPLAY_FAILED && rung) {
		result = replay_mark_return(r, l.rung[rung - 1].mark, e) ? REPLAY_FAILED
									 : replay_run(r, from, e);
		if (result == REPLAY_PAUSED)
			result = run_shown(v, r, until, e);
	}
	ladder_free(&l);
	return result;
}

static enum replay_result run_view(struct view *v, struct replay *r, struct error *e)
{
	uint64_t until = v->has_until ? v->until : UINT64_MAX;
	enum replay_result result = REPLAY_PAUSED;

	if (v->from_back)
		return run_back(v, r, until, e);
	if (v->has_from)
		result = replay_run(r, v->from < until ? v->from : until, e);
	if (result == REPLAY_PAUSED)
		result = run_shown(v, r, until, e);
	return result;
}

/* ---- the command ---- */

static int conclude(const struct view *v, struct replay *r, enum replay_result result,
		    const struct error *e)
{
	const char *events = number_text(replay_events(r));
	const char *insns = number_text(machine_count(replay_machine(r)));
	const char *unit = replay_info(r)->unit;
	const struct event *end = replay_end(r);

	progress_clear();
	switch (result) {
	case REPLAY_IDENTICAL:
		printf("%s: identical: %s events, %s %s; %s\n", v->path, events, insns, unit,
		       stop_reason_text((enum stop_reason)end->address));
		return 0;
	case REPLAY_PAUSED:
		printf("%s: identical so far: %s events\n", v->path, events);
		show_registers(r);
		return 0;
	case REPLAY_INCOMPLETE:
		printf("%s: identical as far as it goes: %s events, %s %s\n", v->path, events,
		       insns, unit);
		fprintf(stderr,
			"vcr: %s: the recording was cut off, its end is missing (record again if "
			"you need the end)\n",
			v->path);
		return ERROR_TRACE;
	case REPLAY_DIVERGED:
		printf("%s: ", v->path);
		replay_print_divergence(r, stdout);
		return ERROR_DIVERGED;
	case REPLAY_FAILED:
		break;
	}
	return command_fail(e);
}

static int parse(struct view *v, int argc, char **argv)
{
	opterr = 0;
	optind = 0; /* from the start, whatever was parsed before */
	for (;;) {
		int option = getopt_long_only(argc, argv, ":", options, NULL);

		switch (option) {
		case -1:
			if (argc - optind != 1)
				return command_usage("replay", argc == optind
								   ? "which trace?"
								   : "one trace at a time");
			v->path = argv[optind];
			if (v->mode != REPLAY_MACHINE && (v->from_back || v->insns))
				return command_usage(
				    "replay", "--insns and --from -N need the whole machine, not "
					      "--devices or --cpu");
			return 0;
		case OPT_DEVICES:
			v->mode = REPLAY_DEVICES;
			break;
		case OPT_CPU:
			v->mode = REPLAY_CPU;
			break;
		case OPT_FROM:
			v->has_from = true;
			v->from_back = *optarg == '-';
			if (!position_parse(optarg + v->from_back, &v->from))
				return command_usage("replay", "--from %s: is no position", optarg);
			break;
		case OPT_UNTIL:
			v->has_until = true;
			if (!position_parse(optarg, &v->until))
				return command_usage("replay", "--until %s: is no position",
						     optarg);
			break;
		case OPT_EVENTS:
			v->events = true;
			break;
		case OPT_INSNS:
			v->insns = true;
			break;
		case OPT_CONSOLE:
			v->console = true;
			break;
		case OPT_ACCEL:
			v->accel = optarg;
			break;
		case ':':
			return command_usage("replay", "option %s needs a value", argv[optind - 1]);
		default:
			return command_usage("replay", "unknown option %s", argv[optind - 1]);
		}
	}
}

static int run(int argc, char **argv)
{
	struct view v = {.mode = REPLAY_MACHINE};
	struct replay_options o = {
	    .event = show_event, .output = show_output, .progress = show_progress, .opaque = &v};
	struct error e = {0};
	enum replay_result result;
	struct replay *r;
	int status = parse(&v, argc, argv);

	if (status)
		return status;
	o.mode = v.mode;
	o.accel = v.accel;
	r = replay_open(v.path, &o, &e);
	if (!r)
		return command_fail(&e);
	result = run_view(&v, r, &e);
	status = conclude(&v, r, result, &e);
	replay_close(r);
	return status;
}

const struct command cmd_replay = {
    .name = "replay",
    .summary = "play a trace back and check it",
    .help = help,
    .run = run,
};
