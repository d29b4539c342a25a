/* SPDX-License-Identifier: Apache-2.0 */
/*
 * -accel tcg: the guest runs on our own processor, in software, anywhere. Instructions are
 * executed by the interpreter in emulator/cpu, which calls the machine for each exit by itself,
 * so what is left for this backend is to say so.
 */
#include "emulator/accel/accel.h"
#include "emulator/cpu/cpu.h"
#include "emulator/machine.h"

extern const struct accel_class tcg_accel_class;

static const char *tcg_probe(void)
{
	return NULL;
}

const struct accel_class tcg_accel_class = {
    .name = "tcg",
    .description = "our own x86-64 processor in software, exact to the instruction",
    .flags = ACCEL_COUNTS_INSNS,
    .probe = tcg_probe,
    .run = interp_run,
    .inject = vcpu_interrupt,
    .nmi = vcpu_nmi,
};
