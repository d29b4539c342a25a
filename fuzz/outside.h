/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What no device may call: in targets, their sources are compiled with this header before all
 * others, and such calls lead to outside.c, which objects. (Exchanging the functions when a
 * program is linked would catch engines and sanitizers too, which ask for the time in a signal
 * handler while a device runs.)
 */
#ifndef VCR_FUZZ_OUTSIDE_H
#define VCR_FUZZ_OUTSIDE_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/time.h>
#include <time.h>

time_t outside_time(time_t *at);
int outside_clock_gettime(clockid_t clock, struct timespec *at);
int outside_gettimeofday(struct timeval *at, void *zone);
int outside_rand(void);
long outside_random(void);
ssize_t outside_getrandom(void *bytes, size_t size, unsigned flags);
char *outside_getenv(const char *name);
FILE *outside_fopen(const char *path, const char *mode);

/* With parameters, so that fields and variables may have these names. */
#ifndef OUTSIDE_ITSELF
#define time(at)                      outside_time(at)
#define clock_gettime(clock, at)      outside_clock_gettime(clock, at)
#define gettimeofday(at, zone)        outside_gettimeofday(at, zone)
#define rand()                        outside_rand()
#define random()                      outside_random()
#define getrandom(bytes, size, flags) outside_getrandom(bytes, size, flags)
#define getenv(name)                  outside_getenv(name)
#define fopen(path, mode)             outside_fopen(path, mode)
#endif

#endif
