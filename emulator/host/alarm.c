/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An alarm on a thread; see alarm.h. It is set far more often than it rings, so setting it later
 * than before does not wake the thread, which finds out when it wakes.
 */
#include "emulator/host/alarm.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "emulator/host/os.h"

struct host_alarm {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t at;    /* when to ring, of os_monotonic_ns(); UINT64_MAX: never */
	uint64_t sleep; /* until when the thread sleeps */
	bool quit;
	void (*ring)(void *opaque);
	void *opaque;
};

/* Sleeps until the alarm's time or a change. The lock is held. */
static void sleep_until(struct host_alarm *a, uint64_t now)
{
	uint64_t ns = a->at - now, wall;
	struct timespec until;

	a->sleep = a->at;
	if (a->at == UINT64_MAX) {
		pthread_cond_wait(&a->changed, &a->lock);
		return;
	}
	wall = (uint64_t)os_wall_ns() + ns;
	until = (struct timespec){.tv_sec = (time_t)(wall / 1000000000),
				  .tv_nsec = (long)(wall % 1000000000)};
	pthread_cond_timedwait(&a->changed, &a->lock, &until);
}

static void *alarm_thread(void *opaque)
{
	struct host_alarm *a = opaque;

	pthread_mutex_lock(&a->lock);
	while (!a->quit) {
		uint64_t now = os_monotonic_ns();

		if (now < a->at) {
			sleep_until(a, now);
			continue;
		}
		a->at = UINT64_MAX;
		pthread_mutex_unlock(&a->lock);
		a->ring(a->opaque);
		pthread_mutex_lock(&a->lock);
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

struct host_alarm *host_alarm_new(void (*ring)(void *opaque), void *opaque)
{
	struct host_alarm *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->ring = ring;
	a->opaque = opaque;
	a->at = a->sleep = UINT64_MAX;
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->changed, NULL);
	if (!pthread_create(&a->thread, NULL, alarm_thread, a))
		return a;
	pthread_cond_destroy(&a->changed);
	pthread_mutex_destroy(&a->lock);
	free(a);
	return NULL;
}

void host_alarm_free(struct host_alarm *a)
{
	if (!a)
		return;
	pthread_mutex_lock(&a->lock);
	a->quit = true;
	pthread_cond_signal(&a->changed);
	pthread_mutex_unlock(&a->lock);
	pthread_join(a->thread, NULL);
	pthread_cond_destroy(&a->changed);
	pthread_mutex_destroy(&a->lock);
	free(a);
}

void host_alarm_in(struct host_alarm *a, uint64_t ns)
{
	uint64_t now = ns == UINT64_MAX ? 0 : os_monotonic_ns();

	pthread_mutex_lock(&a->lock);
	a->at = ns < UINT64_MAX - now ? now + ns : UINT64_MAX;
	if (a->at < a->sleep)
		pthread_cond_signal(&a->changed);
	pthread_mutex_unlock(&a->lock);
}
