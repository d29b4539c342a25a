/* SPDX-License-Identifier: Apache-2.0 */
/* Taking the vCPU out of KVM_RUN; see alarm.h. */
#include "emulator/accel/kvm/alarm.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ALARM (SIGRTMIN + 1)

struct kvm_alarm {
	timer_t timer;
	volatile sig_atomic_t rang;
	volatile uint8_t *flag;
	pid_t thread;
};

/* The one alarm of this process; a signal handler has no other way to find it. */
static struct kvm_alarm *volatile current;

static void on_alarm(int number)
{
	struct kvm_alarm *a = current;

	if (!a)
		return;
	a->rang = 1;
	*a->flag = 1;
}

struct kvm_alarm *alarm_new(volatile uint8_t *flag)
{
	struct kvm_alarm *a = calloc(1, sizeof(*a));
	struct sigaction action = {.sa_handler = on_alarm};
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID};

	if (!a)
		return NULL;
	a->flag = flag;
	a->thread = (pid_t)syscall(SYS_gettid);
	event.sigev_signo = ALARM;
	event._sigev_un._tid = a->thread;
	sigaction(ALARM, &action, NULL);
	if (timer_create(CLOCK_MONOTONIC, &event, &a->timer)) {
		free(a);
		return NULL;
	}
	current = a;
	return a;
}

void alarm_free(struct kvm_alarm *a)
{
	if (!a)
		return;
	if (current == a)
		current = NULL;
	timer_delete(a->timer);
	free(a);
}

void alarm_in(struct kvm_alarm *a, uint64_t ns)
{
	struct itimerspec t = {.it_value = {0}};

	if (ns != UINT64_MAX) {
		t.it_value.tv_sec = (time_t)(ns / 1000000000);
		t.it_value.tv_nsec = (long)(ns % 1000000000) + (ns ? 0 : 1);
	}
	timer_settime(a->timer, 0, &t, NULL);
}

void alarm_ring(struct kvm_alarm *a)
{
	syscall(SYS_tgkill, getpid(), a->thread, ALARM);
}

bool alarm_rang(const struct kvm_alarm *a)
{
	return a->rang;
}

void alarm_clear(struct kvm_alarm *a)
{
	a->rang = 0;
}
