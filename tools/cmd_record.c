/* SPDX-License-Identifier: Apache-2.0 */
/* vcr record and vcr run: a live session, with and without writing it down. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "emulator/accel/accel.h"
#include "emulator/machine.h"
#include "replay/record.h"
#include "tools/command.h"
#include "tools/options.h"

/* Says how the session ended, on standard error so that the guest's output stays clean. */
static void report(struct machine *m, enum stop_reason reason, const char *output)
{
	fprintf(stderr, "vcr: %s after ", stop_reason_text(reason));
	if (!m->config.host_time)
		fprintf(stderr, "%s instructions and ", number_text(machine_position(m).insns));
	fprintf(stderr, "%s exits", number_text(machine_position(m).exits));
	if (reason == STOP_DEBUG_EXIT)
		fprintf(stderr, ", with status %d", m->stop_status);
	machine_sync(m);
	if (reason == STOP_SHUTDOWN || reason == STOP_DEAD)
		fprintf(stderr, " at rip 0x%" PRIx64, m->vcpu.c->reg[GPR_RIP]);
	if (output)
		fprintf(stderr, "; recorded in %s", output);
	fputc('\n', stderr);
}

static int exit_status(const struct machine *m, enum stop_reason reason)
{
	if (reason == STOP_DEBUG_EXIT)
		return m->stop_status & 0xff;
	return reason == STOP_FAILED ? ERROR_HOST : 0;
}

/* Runs a machine to its end; the recorder may be NULL. */
static int run_machine(struct session_options *o, struct machine *m, struct host *live,
		       struct recorder *r)
{
	struct error e = {0};
	enum stop_reason reason;
	int status;

	if (o->max_insns != UINT64_MAX && !(m->accel->flags & ACCEL_COUNTS_INSNS)) {
		error_set(&e, ERROR_USAGE,
			  "--max-insns: -accel %s does not count instructions (use --timeout, or "
			  "-accel tcg)",
			  m->accel->name);
		return command_fail(&e);
	}
	m->max_insns = o->max_insns;
	if (r && recorder_start(r, m, o->output, &e))
		return command_fail(&e);
	reason = machine_run(m);
	status = exit_status(m, reason);
	live_flush(live);
	if (r && recorder_finish(r, reason, m->stop_status, &e))
		return command_fail(&e);
	if (live_failure(live)->kind)
		return command_fail(live_failure(live));
	if (reason == STOP_FAILED && m->failure.kind)
		return command_fail(&m->failure);
	report(m, reason, o->output);
	return status;
}

static int session(struct session_options *o)
{
	struct error e = {0};
	struct host *live = live_open(&o->live, &e);
	struct recorder *r = NULL;
	struct machine *m = NULL;
	int status;

	if (live && o->output) {
		r = recorder_new(live);
		if (!r)
			error_set(&e, ERROR_HOST, "out of memory");
	}
	if (live && (r || !o->output))
		m = machine_open(&o->machine, o->accel, r ? recorder_host(r) : live,
				 r ? recorder_tap(r) : NULL, &e);
	if (m && *m->accel_passed)
		fprintf(stderr, "vcr: using -accel %s, because %s\n", m->accel->name,
			m->accel_passed);
	status = m ? run_machine(o, m, live, r) : 0;
	machine_close(m);
	recorder_free(r);
	live_close(live);
	return e.kind ? command_fail(&e) : status;
}

static int parse_and_run(int argc, char **argv, bool record)
{
	struct session_options o;
	struct error e = {0};
	int status = 0;

	if (options_parse(&o, argc, argv, &e))
		status = command_fail(&e);
	else if (o.listed)
		status = 0;
	else if (record && !o.output)
		status = command_usage("record", "where to? give -o FILE");
	else if (!record && o.output)
		status = command_usage("run", "-o is for vcr record; vcr run writes nothing");
	else
		status = session(&o);
	options_free(&o);
	return status;
}

static int run_record(int argc, char **argv)
{
	return parse_and_run(argc, argv, true);
}

static int run_run(int argc, char **argv)
{
	return parse_and_run(argc, argv, false);
}

const struct command cmd_record = {
    .name = "record",
    .summary = "run a guest and record the session",
    .help =
	"usage: vcr record [OPTIONS] -o FILE\n\n"
	"Runs a guest and records every vCPU exit, interrupt, DMA and answer from outside in\n"
	"FILE, with the images it was started from. Options take one dash or two.\n\n" OPTIONS_HELP,
    .run = run_record,
};

const struct command cmd_run = {
    .name = "run",
    .summary = "run a guest, recording nothing",
    .help = "usage: vcr run [OPTIONS]\n\n"
	    "Runs a guest. Options take one dash or two.\n\n" OPTIONS_HELP,
    .run = run_run,
};
