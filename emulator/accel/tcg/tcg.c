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
#ifdef __x86_64__
#include "emulator/accel/tcg/jit.h"
#endif

extern const struct accel_class tcg_accel_class;

static const char *tcg_probe(void)
{
	return NULL;
}

#ifdef __x86_64__

static int tcg_open(struct machine *m, struct error *e)
{
	const char *why;
	char value[ACCEL_VALUE];
	struct jit *j;

	accel_property_get(&tcg_accel_class, m->accel_properties, "engine", value);
	if (strcmp(value, "jit"))
		return 0;
	j = jit_open(&m->vcpu, &why);
	if (!j) {
		snprintf(m->accel_note, sizeof(m->accel_note), "engine=interp, because %s", why);
		return 0;
	}
	m->accel_data = j;
	accel_property_get(&tcg_accel_class, m->accel_properties, "threshold", value);
	j->threshold = (unsigned)strtoul(value, NULL, 10);
	return 0;
}

static void tcg_close(struct machine *m)
{
	jit_close(m->accel_data);
	m->accel_data = NULL;
}

static void tcg_run(struct vcpu *v)
{
	if (v->translator)
		jit_run(v);
	else
		interp_run(v);
}

#define ENGINE       "interp"
#define ENGINE_OTHER "jit"

#else

static int tcg_open(struct machine *m, struct error *e)
{
	return 0;
}

static void tcg_close(struct machine *m)
{
}

#define tcg_run      interp_run
#define ENGINE       "interp"
#define ENGINE_OTHER NULL

#endif

/* Instruction by instruction: a position that is only known by its registers may be any. */
static void tcg_run_to(struct vcpu *v, const struct host_place *place)
{
	const struct cpu *c = v->c;

	do {
		v->limit = c->insns + 1;
		interp_run(v);
	} while (v->limit && c->reg[GPR_RIP] != place->rip && !c->halted && !c->shutdown);
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
    .run_to = tcg_run_to,
    .inject = vcpu_interrupt,
    .nmi = vcpu_nmi,
    .can_interrupt = vcpu_can_interrupt,
    .can_nmi = vcpu_can_nmi,
};
