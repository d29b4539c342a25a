/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold whatever a guest does; see judge.h. guard.c sees to states and lines. */
#include "fuzz/judge.h"

#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "fuzz/harness_impl.h"

/* Processor time for one operation: TICKS_MAX ticks. Some microseconds are usual. */
#define TICK_MICROS 250000
#define TICKS_MAX   8u

/*
 * One input in so many is run more than once; and so many pages are looked at then, of RAM and of
 * the TLB, which is most of the arena: others by later inputs, or all when files are judged.
 */
#define CHOSEN        64u
#define PAGES_CHECKED 16u

static void (*objection)(void *opaque, const char *text);
static void *objection_opaque;

void judge_set_objection(void (*function)(void *opaque, const char *text), void *opaque)
{
	objection = function;
	objection_opaque = opaque;
}

void judge_object(struct harness *h, const char *format, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (objection) {
		objection(objection_opaque, text);
		return;
	}
	fprintf(stderr, "fuzz %s: %s\n", h->target, text);
	abort();
}

/* ---- work ---- */

void judge_work(struct harness *h)
{
	if (h->work.calls == CALLS_MAX)
		judge_object(h, "work: devices called each other %u times in one operation",
			     CALLS_MAX);
	if (h->work.dma > DMA_MAX) {
		h->work.dma = 0;
		judge_object(h, "work: DMA of over %u bytes in one operation", DMA_MAX);
	}
	if (h->work.output > OUTPUT_MAX) {
		h->work.output = 0;
		judge_object(h, "work: output of over %u bytes in one operation", OUTPUT_MAX);
	}
}

/*
 * A device that loops without a call: the timer of processor time strikes in its midst, so that
 * the stack of the abort is the device's.
 */
static struct harness *timed;

static void on_tick(int signal)
{
	static const char text[] = "fuzz: work: an operation does not end\n";
	static uint64_t seen;
	static unsigned ticks;

	if (!timed || !timed->ticks_op || timed->ticks_op != seen) {
		seen = timed ? timed->ticks_op : 0;
		ticks = 0;
	} else if (++ticks == TICKS_MAX) {
		if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
			_exit(1);
		abort();
	}
}

static void tick_start(void)
{
	const struct itimerval every = {{0, TICK_MICROS}, {0, TICK_MICROS}};

	if (timed)
		setitimer(ITIMER_VIRTUAL, &every, NULL);
}

int judge_open(struct harness *h, struct error *e)
{
	struct sigaction action = {.sa_handler = on_tick, .sa_flags = SA_RESTART};
	static bool forks;

	/* A fork server's children inherit no timer. */
	if (!forks && pthread_atfork(NULL, NULL, tick_start))
		return error_set(e, ERROR_HOST, "out of memory");
	forks = true;
	timed = h;
	sigaction(SIGVTALRM, &action, NULL);
	tick_start();
	return 0;
}

void judge_close(struct harness *h)
{
	const struct itimerval never = {{0, 0}, {0, 0}};

	if (timed != h)
		return;
	setitimer(ITIMER_VIRTUAL, &never, NULL);
	timed = NULL;
}

/* ---- events ---- */

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
	return hash ^ hash >> 29;
}

void judge_event(struct harness *h, unsigned kind, uint64_t a, uint64_t b)
{
	h->world.events = mix(mix(mix(h->world.events, kind), a), b);
}

static uint64_t mix_bytes(uint64_t hash, const uint8_t *p, size_t size)
{
	uint64_t word;

	for (; size >= 8; size -= 8, p += 8) {
		memcpy(&word, p, 8);
		hash = mix(hash, word);
	}
	for (; size; size--)
		hash = mix(hash, *p++);
	return hash;
}

void judge_bytes(struct harness *h, const void *bytes, size_t size)
{
	h->world.events = mix_bytes(h->world.events, bytes, size);
}

static struct harness *harness_of(struct tap *t)
{
	return (struct harness *)(void *)((char *)t - offsetof(struct harness, tap));
}

static void tap_exit(struct tap *t, const struct exit *e)
{
	struct harness *h = harness_of(t);

	judge_event(h, e->kind | e->fault << 8, e->address, e->data);
	if (h->watch && h->watch->exit)
		h->watch->exit(h->watch, e);
}

static void tap_irq(struct tap *t, enum irq_kind kind, uint32_t value)
{
	struct harness *h = harness_of(t);

	judge_event(h, 0x200 + kind, value, 0);
	if (h->watch && h->watch->irq)
		h->watch->irq(h->watch, kind, value);
}

static void tap_dma(struct tap *t, bool is_write, uint64_t gpa, const void *data, size_t size)
{
	struct harness *h = harness_of(t);

	judge_event(h, 0x300 + is_write, gpa, size);
	judge_bytes(h, data, size);
	if (is_write)
		door_page_written(h, gpa, size);
	h->work.dma += (unsigned)size;
	judge_call(h);
	if (h->watch && h->watch->dma)
		h->watch->dma(h->watch, is_write, gpa, data, size);
}

static void tap_rom_write(struct tap *t, uint64_t gpa, const void *data, size_t size)
{
	struct harness *h = harness_of(t);

	judge_event(h, 0x302, gpa, size);
	judge_bytes(h, data, size);
	h->work.dma += (unsigned)size;
	judge_call(h);
}

static void tap_mark(struct tap *t)
{
}

const struct tap judge_tap = {
    .exit = tap_exit,
    .irq = tap_irq,
    .dma = tap_dma,
    .rom_write = tap_rom_write,
    .mark = tap_mark,
};

/* ---- runs that are repeated ---- */

bool judge_chooses(const uint8_t *data, size_t size)
{
	return (mix_bytes(size, data, size) >> 32) % CHOSEN == 0;
}

/* Of the arena's bytes up to `end` the first that is not as it was, or `end`. */
static size_t arena_difference(const struct harness *h, size_t at, size_t end)
{
	const struct machine *m = h->m;

	if (!memcmp(m->arena + at, h->start_arena + at, end - at))
		return end;
	while (at < end && m->arena[at] == h->start_arena[at])
		at++;
	return at;
}

/* Whose state a byte of the arena is; the offset becomes one in that. */
static const char *owner(const struct machine *m, size_t *offset)
{
	for (unsigned i = 0; i < m->devices; i++) {
		const struct device *d = m->device[i];

		if (*offset - d->state_offset >= d->class->state_size)
			continue;
		*offset -= d->state_offset;
		return d->id;
	}
	if (*offset < m->cpu_offset)
		return "no device";
	*offset -= m->cpu_offset;
	return "the CPU";
}

static void check_arena(struct harness *h, size_t start, size_t end)
{
	const struct machine *m = h->m;
	size_t at = arena_difference(h, start, end), in_state = at;
	const char *whose;

	if (at == end)
		return;
	whose = owner(m, &in_state);
	judge_object(h, "restore: byte %zu of the state of %s is %02x and was %02x", in_state,
		     whose, m->arena[at], h->start_arena[at]);
}

/* A page of RAM, or as much of the TLB. */
static void check_page(struct harness *h, uint64_t page)
{
	const struct machine *m = h->m;
	uint64_t at = page * RAM_PAGE;

	if (page >= m->ram.pages) {
		at = m->tlb_offset + (page - m->ram.pages) * RAM_PAGE;
		check_arena(h, at, at + RAM_PAGE < m->arena_used ? at + RAM_PAGE : m->arena_used);
	} else if (memcmp(m->ram.base + at, h->start_ram + at, RAM_PAGE)) {
		judge_object(h, "restore: page %llx of RAM is not what it was",
			     (unsigned long long)page);
	}
}

void judge_restored(struct harness *h)
{
	const struct machine *m = h->m;
	uint64_t pages = m->ram.pages + (m->arena_used - m->tlb_offset + RAM_PAGE - 1) / RAM_PAGE;
	uint64_t n = h->options.thorough ? pages : PAGES_CHECKED;

	guard_lift(h);
	check_arena(h, 0, m->tlb_offset);
	for (; n; n--)
		check_page(h, h->page_checked++ % pages);
	guard_lower(h);
}
