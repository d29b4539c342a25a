/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the KVM backend share; private to this folder. */
#ifndef VCR_ACCEL_KVM_H
#define VCR_ACCEL_KVM_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

#include "emulator/accel/kvm/alarm.h"
#include "emulator/accel/kvm/measure.h"
#include "emulator/error.h"
#include "emulator/machine.h"

#define KVM_SLOTS 128

/* One memory slot as KVM knows it. */
struct kvm_mapping {
	uint64_t gpa, size;
	uint64_t ram_offset;
	bool rom;
};

struct kvm {
	struct machine *m;
	int device, vm, vcpu; /* file descriptors, -1: not open */
	struct kvm_run *run;
	size_t run_size;

	struct kvm_manners manners;

	struct kvm_alarm *alarm;
	uint64_t alarm_for; /* the timer deadline that the alarm was set for */
	bool alarm_set;

	/* Which side has the vCPU's state: struct cpu alone, KVM alone, or both the same. */
	bool cpu_newer, cpu_current;
	bool stepping; /* come back after each instruction, whoever executed it */
	bool patient;  /* an alarm came between exits: wait a little for an exit */

	struct kvm_mapping mapping[KVM_SLOTS];
	unsigned mappings;
	bool log_dirty;
	uint64_t *bitmap; /* room for the largest slot's dirty log */
};

static inline struct kvm *kvm_of(const struct machine *m)
{
	return m->accel_data;
}

/* ioctl() on the VM or vCPU that tries again after a signal. */
int kvm_ioctl(int fd, unsigned long request, void *argument);
/* The session cannot go on: `what` is the call that failed, with errno. */
void kvm_fail(struct kvm *k, const char *what);

/* ---- state.c ---- */

/* struct cpu from KVM, and KVM from struct cpu. False after kvm_fail(). */
bool kvm_state_get(struct kvm *k);
bool kvm_state_put(struct kvm *k);
/* Asks KVM to leave to us all MSRs but those that it must keep. */
int kvm_filter_msrs(struct kvm *k, struct error *e);

/* ---- memory.c ---- */

int kvm_map(struct kvm *k, struct error *e);
/* Enters what the guest wrote since the last call in the dirty log of m->ram. */
void kvm_collect_dirty(struct kvm *k);
int kvm_log_dirty(struct machine *m, struct error *e);
void kvm_map_changed(struct machine *m);

/* ---- exits.c ---- */

/* Carries out the exit in k->run. True when the accelerator has to come back to the run loop. */
bool kvm_exit(struct kvm *k);

/*
 * When the guest stands at a repeated string instruction, executes all of it. Some KVMs leave
 * such an instruction with memory ahead of the registers, a state that no other backend has.
 */
bool kvm_finish_repeat(struct kvm *k);

#endif
