/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An accelerator runs a vCPU until it has something to say. It calls machine_exit() for each
 * exit, in guest order, and goes on; what it must not do is decide anything.
 */
#ifndef VCR_ACCEL_H
#define VCR_ACCEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/error.h"

struct host_place;
struct machine;
struct vcpu;

/* Capability flags; accel_capabilities[] has words for them. */
#define ACCEL_COUNTS_INSNS (1u << 0) /* positions are instruction counts, time follows them */
#define ACCEL_READONLY     (1u << 1) /* ROM is mapped: only writes to it exit */
#define ACCEL_DIRTY_LOG    (1u << 2) /* the hypervisor says which pages were written */
#define ACCEL_SINGLE_STEP  (1u << 3) /* run_to() stops at an instruction */
#define ACCEL_MSR_EXITS    (1u << 4) /* MSRs are answered by us */
#define ACCEL_TSC_EXITS    (1u << 5) /* so is RDTSC */
/* The hypervisor sets boot registers by itself: what a reset and a loader put there is not it. */
#define ACCEL_BOOT_REGS (1u << 6)

#define ACCEL_VALUE      96  /* longest value of a property, with its end */
#define ACCEL_PROPERTIES 256 /* all that are given to one accelerator */

/* A `-accel NAME,key=value` property, as QEMU users give them. */
struct accel_property {
	const char *name;
	const char *value;   /* the one that holds when none is given */
	const char *also[3]; /* others that are taken; ends with NULL */
	struct {
		const char *value, *why;
	} refused[3]; /* ends with a NULL value */
	/* For more values than can be listed: their form, and whether this is one. */
	const char *form;
	bool (*check)(const char *value);
};

struct accel_class {
	const char *name; /* as in -accel; stored in traces */
	const char *description;
	const char *platform; /* where it runs, in a word or two */
	const char *tested;   /* how, and where that can be done */
	uint32_t flags;
	const struct accel_property *properties; /* ends with a NULL name; may be NULL */
	/* NULL when usable on this host, else the reason why not (one clause, with the cure). */
	const char *(*probe)(void);
	/* What a user should know of it on this host, or NULL. May be NULL itself. */
	const char *(*remark)(void);
	int (*open)(struct machine *m, struct error *e);
	void (*close)(struct machine *m);
	/* Runs until v->limit, a kick, a halt or a shutdown. */
	void (*run)(struct vcpu *v);
	/*
	 * Runs to the place, or until run() would come back. An instruction at least, unless
	 * what was injected is delivered first: then its handler's first instruction may be the
	 * place.
	 */
	void (*run_to)(struct vcpu *v, const struct host_place *place);
	void (*inject)(struct vcpu *v, uint8_t vector);
	void (*nmi)(struct vcpu *v);
	bool (*can_interrupt)(const struct vcpu *v);
	bool (*can_nmi)(const struct vcpu *v);
	/* Makes struct cpu and the dirty log what they are in the hypervisor. NULL: they always
	 * are. */
	void (*sync)(struct machine *m);
	/*
	 * What RDTSC gives where guests execute it without us, for those that the interpreter
	 * executes in between. NULL: it is always us.
	 */
	uint64_t (*tsc)(struct machine *m);
	/* struct cpu was written: it holds from now on. May be NULL. */
	void (*cpu_written)(struct machine *m);
	/* From now on sync() has to report written pages. May be NULL. */
	int (*log_dirty)(struct machine *m, struct error *e);
	/* What the guest sees of the memory slots of m->bus is another now. May be NULL. */
	void (*map_changed)(struct machine *m);
};

/* Every accelerator that is built in, NULL terminated. */
extern const struct accel_class *const accel_classes[];

/* One that vcr knows but that this build lacks, and why. Ends with a NULL name (generated). */
struct accel_absent {
	const char *name, *platform, *why;
};
extern const struct accel_absent accel_absent[];

/* Words for the capability flags, in their order; ends with a NULL name. */
struct accel_capability {
	uint32_t flag;
	const char *name;
};
extern const struct accel_capability accel_capabilities[];

/* What came of a list of accelerators. */
struct accel_choice {
	const struct accel_class *class;
	char passed[768]; /* why not those before it: "kvm: REASON; whpx: REASON", or "" */
	char properties[ACCEL_PROPERTIES]; /* "key=value,key=value", as given to the chosen one */
	const char *list; /* what it was chosen from, and what is left of that behind it */
	const char *rest;
};

/*
 * Chooses the first usable one of a list "a:b,key=value:c". Properties of all that are built in
 * are checked, chosen or not. Returns 0, or -1 with e filled in.
 */
int accel_choose(const char *list, struct accel_choice *choice, struct error *e);
/* The chosen one turned out not to be usable, because of `why`: the next one of the same list. */
int accel_choose_next(struct accel_choice *choice, const char *why, struct error *e);
/* A property's value from a choice's properties: the last that was given, else the default. */
void accel_property_get(const struct accel_class *class, const char *properties, const char *name,
			char value[ACCEL_VALUE]);
/* "a, b or c": the values that a property takes. */
const char *accel_property_values(const struct accel_property *p, char *text, size_t size);
/* Whether some accelerator takes this value of a property; 0, or -1 with e filled in. */
int accel_property_check(const char *name, const char *value, struct error *e);

#endif
