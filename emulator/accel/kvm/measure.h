/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this host's KVM does in ways that its interface does not tell: CPUID that is not answered
 * as it was told, interrupt windows, breakpoints and changes of the task priority that are missed.
 */
#ifndef VCR_ACCEL_KVM_MEASURE_H
#define VCR_ACCEL_KVM_MEASURE_H

#include <stdbool.h>
#include <stdint.h>

#include "emulator/error.h"

struct cpuid_table;
struct kvm_probe;
struct machine;

struct kvm_manners {
	struct cpuid_table *cpuid; /* the answers that differ, or NULL; to be freed */
	bool misses_windows;       /* those of a few instructions between STI and CLI */
	bool misses_priorities;    /* MOV to CR8 makes no exit, however far it lowers it */
	bool misses_breakpoints;   /* of KVM_SET_GUEST_DEBUG, in 64-bit code at CPL 3 */
};

/*
 * Runs a few instructions in a virtual machine of their own, made from the device. `m` is for
 * what CPUID should answer. 0, or -1 with e filled in.
 */
int kvm_measure(int device, const struct machine *m, struct kvm_manners *out, struct error *e);

/* ---- cpuid.c ---- */

/* Tells a vCPU that never ran what CPUID answers. */
int kvm_set_cpuid(int vcpu, const struct machine *m, struct error *e);
/* The answers of the probe's vCPU that are not those that m would give. */
int kvm_measure_cpuid(struct kvm_probe *p, const struct machine *m, struct cpuid_table **table,
		      struct error *e);

/* ---- measure.c, for cpuid.c ---- */

/* What CPUID answers there, executed in one of the contexts of cpuid.h. */
int kvm_probe_cpuid(struct kvm_probe *p, unsigned context, uint32_t leaf, uint32_t sub,
		    uint32_t out[4], struct error *e);

#endif
