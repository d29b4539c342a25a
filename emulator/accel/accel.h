/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An accelerator runs a vCPU until it has something to say. It calls machine_exit() for each
 * exit, in guest order, and goes on; what it must not do is decide anything.
 */
#ifndef VCR_ACCEL_H
#define VCR_ACCEL_H

#include <stdbool.h>
#include <stdint.h>

#include "emulator/error.h"

struct machine;
struct vcpu;

/* Capability flags. */
#define ACCEL_COUNTS_INSNS (1u << 0) /* positions are instruction counts, time follows them */

struct accel_class {
	const char *name; /* as in -accel; stored in traces */
	const char *description;
	uint32_t flags;
	/* NULL when usable on this host, else the reason why not (one clause, with the cure). */
	const char *(*probe)(void);
	int (*open)(struct machine *m, struct error *e);
	void (*close)(struct machine *m);
	/* Runs until v->limit, a kick, a halt or a shutdown. */
	void (*run)(struct vcpu *v);
	void (*inject)(struct vcpu *v, uint8_t vector);
	void (*nmi)(struct vcpu *v);
};

/* Every accelerator that is built in, NULL terminated. */
extern const struct accel_class *const accel_classes[];

/* The first usable one of a list "a:b:c"; says why each was passed over. */
const struct accel_class *accel_choose(const char *list, struct error *e);

#endif
