/* SPDX-License-Identifier: Apache-2.0 */
/*
 * -accel tcg: the guest runs on our own processor, in software, anywhere. Instructions are
 * executed by the interpreter in emulator/cpu, which calls the machine for each exit by itself,
 * so what is left for this backend is to say so.
 */
#include "emulator/accel/accel.h"
#include "emulator/cpu/cpu.h"
#include "emulator/host.h"
#include "emulator/machine.h"

extern const struct accel_class tcg_accel_class;

static const char *tcg_probe(void)
{
	return NULL;
}

/* Instruction by instruction: a position that is only known by its registers may be any. */
static void tcg_run_to(struct vcpu *v, const struct host_place *place)
{
	const struct cpu *c = v->c;

	do {
		v->limit = c->insns + 1;
		interp_run(v);
	} while (v->limit && c->reg[GPR_RIP] != place->rip && !c->halted && !c->shutdown);
}

static const struct accel_property tcg_properties[] = {
    {.name = "thread",
     .value = "single",
     .refused = {{"multi", "a recording has one order of events, so one thread makes them"}}},
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
    .run = interp_run,
    .run_to = tcg_run_to,
    .inject = vcpu_interrupt,
    .nmi = vcpu_nmi,
    .can_interrupt = vcpu_can_interrupt,
    .can_nmi = vcpu_can_nmi,
};
