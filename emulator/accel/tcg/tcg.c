/* SPDX-License-Identifier: Apache-2.0 */
/*
 * -accel tcg: the guest runs on our own processor, in software, anywhere. Two engines execute its
 * instructions: the interpreter in emulator/cpu, and the translator beside this file, which makes
 * host code of them. What the guest does, and so what a trace says, is the same with both.
 */
#include "emulator/accel/accel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/cpu/cpu.h"
#include "emulator/host.h"
#include "emulator/machine.h"
#include "emulator/accel/tcg/tcg.h"
#ifdef __x86_64__
#include "emulator/accel/tcg/jit.h"
#endif

extern const struct accel_class tcg_accel_class;

static const char *tcg_probe(void)
{
	return NULL;
}

#ifdef __x86_64__

#define ENGINE       "jit"
#define ENGINE_OTHER "interp"

const char *tcg_translate(struct vcpu *v, unsigned threshold)
{
	return jit_open(v, threshold);
}

void tcg_translate_no_more(struct vcpu *v)
{
	if (v->translator)
		jit_close(v->translator);
}

static void check_failed(struct jit *j, const char *what)
{
	struct machine *m = j->v->machine;

	error_set(&m->failure, ERROR_HOST,
		  "the engines differ: %.400s (the block is shown above; engine=interp is right)",
		  what);
	machine_stop(m, STOP_FAILED, 0);
}

/* -d, and check=on or always. NULL, or why that cannot be. */
static const char *tcg_observe(struct vcpu *v, const struct log *l, bool check, bool always)
{
	struct jit *j = v->translator;

	if (!j)
		return check ? "only the interpreter runs" : NULL;
	j->log = *l;
	j->check_failed = check_failed;
	return check ? jit_check_open(j, always) : NULL;
}

void tcg_run(struct vcpu *v)
{
	if (v->translator)
		jit_run(v);
	else
		interp_run(v);
}

void tcg_run_to(struct vcpu *v, uint64_t rip)
{
	if (v->translator)
		jit_run_to(v, rip);
	else
		interp_run_to(v, rip);
}

#else

#define ENGINE       "interp"
#define ENGINE_OTHER NULL

const char *tcg_translate(struct vcpu *v, unsigned threshold)
{
	return "it makes x86-64 code";
}

void tcg_translate_no_more(struct vcpu *v)
{
}

static const char *tcg_observe(struct vcpu *v, const struct log *l, bool check, bool always)
{
	return check ? "only the interpreter runs" : NULL;
}

void tcg_run(struct vcpu *v)
{
	interp_run(v);
}

void tcg_run_to(struct vcpu *v, uint64_t rip)
{
	interp_run_to(v, rip);
}

#endif

static int tcg_open(struct machine *m, struct error *e)
{
	char engine[ACCEL_VALUE], threshold[ACCEL_VALUE], check[ACCEL_VALUE];
	const char *why;

	accel_property_get(&tcg_accel_class, m->accel_properties, "engine", engine);
	accel_property_get(&tcg_accel_class, m->accel_properties, "threshold", threshold);
	if (!strcmp(engine, "jit")) {
		why = tcg_translate(&m->vcpu, (unsigned)strtoul(threshold, NULL, 10));
		if (why)
			snprintf(m->accel_note, sizeof(m->accel_note),
				 "the interpreter runs the guest, for the translator cannot: %s",
				 why);
	}
	accel_property_get(&tcg_accel_class, m->accel_properties, "check", check);
	why = tcg_observe(&m->vcpu, &m->config.log, strcmp(check, "off") != 0,
			  !strcmp(check, "always"));
	if (why)
		return error_set(e, ERROR_HOST, "check=%s: %s (use check=off)", check, why);
	return 0;
}

static void tcg_close(struct machine *m)
{
	tcg_translate_no_more(&m->vcpu);
}

/* To where the place may be: whether it is, the state tells who knows that. */
static void to_place(struct vcpu *v, const struct host_place *place)
{
	tcg_run_to(v, place->rip);
}

static bool is_threshold(const char *value)
{
	size_t digits = strspn(value, "0123456789");

	return digits > 0 && digits <= 4 && !value[digits];
}

static const struct accel_property tcg_properties[] = {
    {.name = "thread",
     .value = "single",
     .refused = {{"multi", "a recording has one order of events, so one thread makes them"}}},
    {.name = "engine", .value = ENGINE, .also = {ENGINE_OTHER}},
    /* How often a block is interpreted before it is translated. */
    {.name = "threshold", .value = "12", .form = "N", .check = is_threshold},
    /* Each block by both engines when it first runs, or whenever it does. */
    {.name = "check", .value = "off", .also = {"on", "always"}},
    {.name = NULL},
};

const struct accel_class tcg_accel_class = {
    .name = "tcg",
    .description = "our own x86-64 processor in software, exact to the instruction",
    .platform = "any",
    .tested = "tests/unit/cpu, tests/guest and tests/roundtrip, everywhere",
    .flags = ACCEL_COUNTS_INSNS | ACCEL_READONLY | ACCEL_DIRTY_LOG | ACCEL_SINGLE_STEP |
	     ACCEL_MSR_EXITS | ACCEL_TSC_EXITS,
    .properties = tcg_properties,
    .probe = tcg_probe,
    .open = tcg_open,
    .close = tcg_close,
    .run = tcg_run,
    .run_to = to_place,
    .inject = vcpu_interrupt,
    .nmi = vcpu_nmi,
    .can_interrupt = vcpu_can_interrupt,
    .can_nmi = vcpu_can_nmi,
};
