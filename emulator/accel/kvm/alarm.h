/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A timer of the host's that takes the vCPU out of KVM_RUN. Apart from kvm.h, as <signal.h> and
 * emulator/cpu/cpu.h both have a GPR_RAX.
 */
#ifndef VCR_ACCEL_KVM_ALARM_H
#define VCR_ACCEL_KVM_ALARM_H

#include <stdbool.h>
#include <stdint.h>

struct kvm_alarm;

/* For the calling thread. When it rings, 1 is written to *flag. NULL with errno set. */
struct kvm_alarm *alarm_new(volatile uint8_t *flag);
void alarm_free(struct kvm_alarm *a);
/* Rings once, in so many nanoseconds; UINT64_MAX: not at all. */
void alarm_in(struct kvm_alarm *a, uint64_t ns);
/* Rings now; from any thread. */
void alarm_ring(struct kvm_alarm *a);
bool alarm_rang(const struct kvm_alarm *a);
void alarm_clear(struct kvm_alarm *a);

#endif
