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
#define ACCEL_READONLY	   (1u << 1) /* ROM is mapped: only writes to it exit */
#define ACCEL_DIRTY_LOG	   (1u << 2) /* the hypervisor says which pages were written */
#define ACCEL_SINGLE_STEP  (1u << 3) /* run_to() stops at an instruction */
#define ACCEL_MSR_EXITS	   (1u << 4) /* MSRs are answered by us */

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
	/*
	 * Runs at least one instruction, and until RIP is `rip`, or until run() would come back.
	 */
	void (*run_to)(struct vcpu *v, uint64_t rip);
	void (*inject)(struct vcpu *v, uint8_t vector);
	void (*nmi)(struct vcpu *v);
	bool (*can_interrupt)(const struct vcpu *v);
	bool (*can_nmi)(const struct vcpu *v);
	/* Makes struct cpu and the dirty log what they are in the hypervisor. NULL: they always are. */
	void (*sync)(struct machine *m);
	/* struct cpu was written: it holds from now on. May be NULL. */
	void (*cpu_written)(struct machine *m);
	/* From now on sync() has to report written pages. May be NULL. */
	int (*log_dirty)(struct machine *m, struct error *e);
	/* What the guest sees of the memory slots of m->bus is another now. May be NULL. */
	void (*map_changed)(struct machine *m);
};

/* Every accelerator that is built in, NULL terminated. */
extern const struct accel_class *const accel_classes[];

/* The first usable one of a list "a:b:c"; says why each was passed over. */
const struct accel_class *accel_choose(const char *list, struct error *e);

#endif
