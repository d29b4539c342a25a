/* SPDX-License-Identifier: Apache-2.0 */
/*
 * That devices keep to themselves: they know the outside by struct host alone, and their state
 * means the same in another process. A run that is repeated in one process cannot show all of
 * that: a clock of seconds stands still, a pointer is the same again, and so may be what the stack
 * has where nobody wrote.
 *
 * Calls of the C library come here from what is compiled with outside.h.
 */
#define OUTSIDE_ITSELF
#include "fuzz/outside.h"

#include <inttypes.h>
#include <string.h>

#include "fuzz/harness_impl.h"

#define STACK_FILLED 16384u
/*
 * Mappings below are taken for numbers, and reservations as large as these (of sanitizers) for no
 * memory at all.
 */
#define POINTER_MIN (1ull << 32)
#define MAPPING_MAX (1ull << 36)
#define MAPPINGS    512u

struct outside {
	struct mapping {
		uint64_t start, end;
	} mapping[MAPPINGS];
	unsigned mappings;
};

/* ---- calls ---- */

static struct harness *active;

static void called(const char *function)
{
	const char *device = active ? guard_inside() : NULL;

	if (device)
		judge_object(active, "outside: %s calls %s()", device, function);
}

time_t outside_time(time_t *at)
{
	called("time");
	return time(at);
}

int outside_clock_gettime(clockid_t clock, struct timespec *at)
{
	called("clock_gettime");
	return clock_gettime(clock, at);
}

int outside_gettimeofday(struct timeval *at, void *zone)
{
	called("gettimeofday");
	return gettimeofday(at, zone);
}

int outside_rand(void)
{
	called("rand");
	return rand();
}

long outside_random(void)
{
	called("random");
	return random();
}

ssize_t outside_getrandom(void *bytes, size_t size, unsigned flags)
{
	called("getrandom");
	return getrandom(bytes, size, flags);
}

char *outside_getenv(const char *name)
{
	called("getenv");
	return getenv(name);
}

FILE *outside_fopen(const char *path, const char *mode)
{
	called("fopen");
	return fopen(path, mode);
}

/* ---- pointers ---- */

/* Where there is no such list, none is found. */
static void find_mappings(struct outside *o)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[4096];

	while (f && fgets(line, sizeof(line), f) && o->mappings < MAPPINGS) {
		struct mapping *m = &o->mapping[o->mappings];
		char readable;

		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %c", &m->start, &m->end, &readable) !=
			3 ||
		    readable != 'r' || m->start < POINTER_MIN || m->end - m->start > MAPPING_MAX)
			continue;
		/* One after the other they are one. */
		if (o->mappings && m[-1].end == m->start)
			m[-1].end = m->end;
		else
			o->mappings++;
	}
	if (f)
		fclose(f);
}

static bool is_pointer(const struct outside *o, uint64_t value)
{
	unsigned low = 0, high = o->mappings;

	if (value < POINTER_MIN)
		return false;
	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (value >= o->mapping[middle].end)
			low = middle + 1;
		else
			high = middle;
	}
	return low < o->mappings && value >= o->mapping[low].start;
}

static void add_bytes(bool given[256], const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		given[bytes[i]] = true;
}

/*
 * Whether the guest can have put the number together itself, byte by byte: devices that keep bytes
 * show it again. The lowest two bytes say little, as what is near a pointer is one too.
 */
static bool is_given(const struct harness *h, uint64_t value)
{
	struct op_reader r = op_reader_start(h->input, h->input_size);
	bool given[256] = {true};
	uint8_t bytes[8];
	struct op op;

	for (unsigned n = 0; n < OP_COUNT && op_next(&r, &op); n++) {
		memcpy(bytes, &op.value, sizeof(bytes));
		add_bytes(given, bytes, sizeof(bytes));
		add_bytes(given, op.bytes, op.length);
	}
	for (value >>= 16; value && given[value & 0xff]; value >>= 8)
		;
	return !value;
}

void outside_check(struct harness *h)
{
	const struct machine *m = h->m;

	/* A number of that size that the guest has chosen, or a time, may happen to be one. */
	if (h->wide || machine_now(m) >= POINTER_MIN)
		return;
	for (unsigned i = 0; i < m->devices; i++) {
		const struct device *d = m->device[i];
		const uint8_t *state = m->arena + d->state_offset;

		for (size_t at = 0; at + 8 <= d->class->state_size; at += 8) {
			uint64_t word;

			memcpy(&word, state + at, sizeof(word));
			if (is_pointer(h->outside, word) && !is_given(h, word))
				judge_object(h, "outside: byte %zu of the state of %s is a pointer",
					     at, d->id);
		}
	}
}

/* ---- the stack ---- */

__attribute__((noinline)) void outside_fill_stack(void)
{
	uint8_t bytes[STACK_FILLED];

	memset(bytes, 0xa5, sizeof(bytes));
	/* Or the compiler would see that nobody looks at them. */
	__asm__ volatile("" : : "r"(bytes) : "memory");
}

/* ---- */

int outside_open(struct harness *h, struct error *e)
{
	h->outside = calloc(1, sizeof(*h->outside));
	if (!h->outside)
		return error_set(e, ERROR_HOST, "out of memory");
	find_mappings(h->outside);
	active = h;
	return 0;
}

void outside_close(struct harness *h)
{
	free(h->outside);
	h->outside = NULL;
	active = NULL;
}
