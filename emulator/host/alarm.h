/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An alarm that rings on a thread of its own: for accelerators whose vCPU another thread has to
 * stop. (Under KVM a signal does; accel/kvm/alarm.h.)
 */
#ifndef VCR_HOST_ALARM_H
#define VCR_HOST_ALARM_H

#include <stdint.h>

struct host_alarm;

/* ring() is called on the alarm's thread. Returns NULL when there can be no thread. */
struct host_alarm *host_alarm_new(void (*ring)(void *opaque), void *opaque);
void host_alarm_free(struct host_alarm *a);
/* Rings once in `ns` nanoseconds, and not when it was set to before; UINT64_MAX: never. */
void host_alarm_in(struct host_alarm *a, uint64_t ns);

#endif
