/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the KVM backend share; private to this folder. */
#ifndef VCR_ACCEL_KVM_H
#define VCR_ACCEL_KVM_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

#include "emulator/accel/kvm/alarm.h"
#include "emulator/accel/kvm/measure.h"
#include "emulator/accel/memory_map.h"
#include "emulator/error.h"
#include "emulator/host.h"
#include "emulator/machine.h"

#define INJECTED_NONE (-1)
#define INJECTED_NMI  256

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
	bool events_known; /* run->s.regs.events is of now */
	int injected;      /* since the guest last ran: a vector, INJECTED_NMI or INJECTED_NONE */
	bool patient;      /* an alarm came between exits: wait a little for an exit */

	/* The place that run_to() looks for, and how often the guest was there in another state. */
	struct host_place place;
	uint64_t place_exits;
	unsigned place_hits;

	struct memory_mapping mapping[MEMORY_MAPPINGS];
	unsigned mappings;
	bool map_stale; /* the slots are not yet what the machine's map is */
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
/* What is on its way to the guest, and what holds it back: as KVM last left the guest. */
const struct kvm_vcpu_events *kvm_events(struct kvm *k);
/* Asks KVM to leave to us all MSRs but those that it must keep. */
int kvm_filter_msrs(struct kvm *k, struct error *e);

/* ---- memory.c ---- */

/* Makes KVM's slots what they should be. */
int kvm_map(struct kvm *k, struct error *e);
/* The same on the way into the guest. False after a failure, which is the session's. */
bool kvm_map_apply(struct kvm *k);
/* Enters what the guest wrote since the last call in the dirty log of m->ram. */
void kvm_collect_dirty(struct kvm *k);
int kvm_log_dirty(struct machine *m, struct error *e);
void kvm_map_changed(struct machine *m);

/* ---- exits.c ---- */

/* Carries out the exit in k->run. True when the accelerator has to come back to the run loop. */
bool kvm_exit(struct kvm *k);

/* ---- emulate.c ---- */

/* The instruction that KVM gave up on. */
void kvm_emulate(struct kvm *k);
/*
 * Brings a guest that was interrupted anywhere to where all backends have the same state.
 *  - At a repeated string instruction all of it is executed. Some KVMs leave such an instruction
 *    with memory ahead of the registers.
 *  - In the shadow of STI or MOV SS, so is the instruction in it. Processors differ in whether an
 *    STI with interrupts already on has a shadow.
 */
void kvm_settle(struct kvm *k);
/* Up to where an interrupt can be taken, an exit kicks, or the alarm rings. */
void kvm_interpret_to_window(struct kvm *k);
/* Up to where CR8 no longer holds back the interrupt that it does now, an exit kicks, or likewise.
 */
void kvm_interpret_to_priority(struct kvm *k);
void kvm_interpret_one(struct kvm *k);
/* At least one instruction, and on to `rip`, or to where an exit kicks or the alarm rings. */
void kvm_interpret_to(struct kvm *k, uint64_t rip);
/* Delivers what was injected since the guest last ran. */
void kvm_interpret_injected(struct kvm *k);

/* ---- kvm.c, place.c ---- */

/* In KVM, until the run loop is wanted. */
void kvm_enter(struct kvm *k);
/* An alarm that rang has done its work: the next one is set. */
void kvm_alarm_renew(struct kvm *k);
void kvm_run_to(struct vcpu *v, const struct host_place *place);

#endif
