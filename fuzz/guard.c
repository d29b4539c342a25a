/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may write where. The harness puts itself between devices: each
 * device's class is replaced by a copy whose functions lead through here. So it is known at any
 * time which device runs.
 *
 * Under ASan all device state is poisoned except that of the devices on the call stack, of those
 * that they are wired to as one, and configuration space for functions on PCI; the guards between
 * states always are. Without ASan, guards are looked at after each input.
 */
#include <stdlib.h>
#include <string.h>

#include "emulator/bus/pci.h"
#include "fuzz/harness_impl.h"

/* Devices may be compiled with it and this not: it is given then (meson.build). */
#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif

#ifdef WITH_ASAN
#include <sanitizer/asan_interface.h>
#endif

#define NOBODY  MACHINE_DEVICES
#define REGIONS 16u

/*
 * What ASan knows about a piece of memory: a byte for each eight, eight of them at once. It is
 * looked up and changed several times for each operation.
 */
struct shade {
	uint64_t *at;
	uint64_t last;  /* the last of them when the piece can be used */
	unsigned words; /* for 64 bytes each */
};

struct wrapped_region {
	struct region *region;
	bool port;
	const struct region_ops *real;
	struct region_ops ops;
};

/* What each call asks for comes first, as near together as can be. */
struct wrapped {
	struct device_class class; /* first: what the device points to */
	const struct device_class *real;
	unsigned index, regions;
	uint64_t group;     /* itself, and who it is wired to as one; by index */
	uint64_t functions; /* of which it uses configuration space: all on PCI, if it is */
	struct shade shade, configuration;
	struct wrapped_region region[REGIONS];
	struct pci_class pci; /* class.pci */
};

/* What is so while a device runs, and was before. */
struct inside {
	unsigned device; /* index of the one that runs, or NOBODY */
	/* What can be used, by index: whole states; configuration space. */
	uint64_t open, configured;
};

struct guard {
	struct wrapped device[MACHINE_DEVICES];
	struct inside now;
	bool lifted;
	struct shade states;    /* all devices' states with the guards between them */
	uint64_t ran, restored; /* devices, by index, since the last restore; with that function */
};

static struct harness *active;

static struct wrapped *wrapped(const struct device *d)
{
	return (struct wrapped *)(uintptr_t)d->class;
}

/* ---- what may be used ---- */

#define FORBIDDEN 0xf7f7f7f7f7f7f7f7u /* ASan's value for memory that the program poisoned */

/* `start` is a multiple of 64, as the arena's parts are. */
static struct shade shade_of(const uint8_t *start, size_t size)
{
	struct shade s = {0};
#ifdef WITH_ASAN
	size_t scale, offset, left = size % 64;

	__asan_get_shadow_mapping(&scale, &offset);
	s.at = (uint64_t *)(((uintptr_t)start >> scale) + offset);
	s.words = (unsigned)((size + 63) / 64);
	/* Bytes 0: eight bytes can be used; n: only the first n. */
	if (left) {
		s.last = FORBIDDEN << left / 8 * 8;
		if (left % 8)
			s.last = (s.last & ~(0xffull << left / 8 * 8)) | (uint64_t)(left % 8)
									     << left / 8 * 8;
	}
#endif
	return s;
}

typedef uint64_t two_words __attribute__((vector_size(16), aligned(8), may_alias));

/*
 * As __asan_poison_memory_region() and back, of which there are several for each operation. Not by
 * memset(), which would be ASan's.
 */
__attribute__((no_sanitize("address"))) static void shade(const struct shade *s, bool forbid)
{
	uint64_t value = forbid ? FORBIDDEN : 0, *at = s->at;
	unsigned i = 0, words = s->words;

	for (; i + 2 <= words; i += 2)
		*(volatile two_words *)&at[i] = (two_words){value, value};
	if (i < words)
		*(volatile uint64_t *)&at[i] = value;
	if (words && !forbid)
		*(volatile uint64_t *)&at[words - 1] = s->last;
}

/* ---- who runs ---- */

static void open_states(const struct guard *g, uint64_t whole, uint64_t configuration)
{
	for (; configuration; configuration &= configuration - 1)
		shade(&g->device[__builtin_ctzll(configuration)].configuration, false);
	for (; whole; whole &= whole - 1)
		shade(&g->device[__builtin_ctzll(whole)].shade, false);
}

static void close_states(const struct guard *g, uint64_t whole, uint64_t configuration)
{
	for (; whole; whole &= whole - 1)
		shade(&g->device[__builtin_ctzll(whole)].shade, true);
	for (; configuration; configuration &= configuration - 1)
		shade(&g->device[__builtin_ctzll(configuration)].configuration, true);
}

/* Several times for each operation, so that the compiler is not asked. */
static inline __attribute__((always_inline)) struct inside enter(const struct device *d)
{
	struct guard *g = active->guard;
	const struct wrapped *w = wrapped(d);
	struct inside before = g->now;

	g->now.device = w->index;
	g->now.open |= w->group;
	g->now.configured |= w->functions;
	g->ran |= 1ull << w->index;
	if (!g->lifted)
		open_states(g, g->now.open & ~before.open,
			    g->now.configured & ~(before.configured | before.open));
	judge_call(active);
	return before;
}

static inline __attribute__((always_inline)) void leave(struct inside before)
{
	struct guard *g = active->guard;
	uint64_t closed = g->now.open & ~before.open;

	if (!g->lifted) {
		close_states(g, closed,
			     g->now.configured & ~(before.configured | before.open | closed));
		/* They were closed as a whole. */
		open_states(g, 0, closed & before.configured);
	}
	g->now = before;
}

/* ---- what leads through here ---- */

static void wrap_reset(struct device *d)
{
	struct inside before = enter(d);

	wrapped(d)->real->reset(d);
	leave(before);
}

static void wrap_restored(struct device *d)
{
	struct inside before = enter(d);

	wrapped(d)->real->restored(d);
	leave(before);
}

static void wrap_set_irq(struct device *d, unsigned pin, bool level)
{
	struct inside before;

	lines_driven(active, active->guard->now.device, wrapped(d)->index, pin, level);
	before = enter(d);
	wrapped(d)->real->set_irq(d, pin, level);
	leave(before);
}

static bool wrap_get_irq(const struct device *d, unsigned pin)
{
	struct inside before = enter(d);
	bool level = wrapped(d)->real->get_irq(d, pin);

	leave(before);
	return level;
}

static void wrap_timer(struct device *d, unsigned index)
{
	struct inside before = enter(d);

	wrapped(d)->real->timer(d, index);
	leave(before);
}

static uint8_t wrap_acknowledge(struct device *d)
{
	struct inside before = enter(d);
	uint8_t vector = wrapped(d)->real->acknowledge(d);

	leave(before);
	return vector;
}

static bool wrap_msr(struct device *d, uint32_t index, bool is_write, uint64_t *value)
{
	struct inside before = enter(d);
	bool known = wrapped(d)->real->msr(d, index, is_write, value);

	leave(before);
	return known;
}

static void wrap_task_priority(struct device *d, bool is_write, uint64_t *value)
{
	struct inside before = enter(d);

	wrapped(d)->real->task_priority(d, is_write, value);
	leave(before);
}

static unsigned wrap_held_back(const struct device *d)
{
	struct inside before = enter(d);
	unsigned class = wrapped(d)->real->held_back(d);

	leave(before);
	return class;
}

static unsigned wrap_wakes(const struct device *d)
{
	struct inside before = enter(d);
	unsigned wakes = wrapped(d)->real->wakes(d);

	leave(before);
	return wakes;
}

static size_t wrap_char_room(struct device *d)
{
	struct inside before = enter(d);
	size_t room = wrapped(d)->real->char_room(d);

	leave(before);
	return room;
}

static void wrap_char_in(struct device *d, const uint8_t *bytes, size_t size)
{
	struct inside before = enter(d);

	wrapped(d)->real->char_in(d, bytes, size);
	leave(before);
}

static void wrap_written(struct device *d, unsigned offset, unsigned size)
{
	struct inside before = enter(d);

	wrapped(d)->real->pci->written(d, offset, size);
	leave(before);
}

/* Of the device's regions the one that the exit is for, or a part of it. */
static const struct wrapped_region *region_of(const struct device *d, uint64_t offset)
{
	const struct wrapped *w = wrapped(d);
	const struct exit *e = active->exit;
	unsigned n = 0;

	for (; e && n < w->regions; n++) {
		const struct wrapped_region *r = &w->region[n];

		if (r->port == (e->kind == EXIT_PIO) &&
		    r->region->base + offset - e->address < e->size)
			break;
	}
	return &w->region[n < w->regions ? n : 0];
}

static uint64_t wrap_read(struct device *d, uint64_t offset, unsigned size)
{
	const struct wrapped_region *r = region_of(d, offset);
	struct inside before = enter(d);
	uint64_t value = r->real->read(d, offset, size);

	leave(before);
	return value;
}

static void wrap_write(struct device *d, uint64_t offset, uint64_t value, unsigned size)
{
	const struct wrapped_region *r = region_of(d, offset);
	struct inside before = enter(d);

	r->real->write(d, offset, value, size);
	leave(before);
}

static void wrap_region(struct region *region, bool port)
{
	struct wrapped *w = wrapped(region->device);
	struct wrapped_region *r = &w->region[w->regions];

	if (w->regions == REGIONS)
		return;
	w->regions++;
	r->region = region;
	r->port = port;
	r->real = region->ops;
	r->ops = *region->ops;
	r->ops.read = r->ops.read ? wrap_read : NULL;
	r->ops.write = r->ops.write ? wrap_write : NULL;
	region->ops = &r->ops;
}

static void wrap_regions(struct bus *b)
{
	for (unsigned i = 0; i < b->regions; i++)
		wrap_region(&b->region[i], region_is_port(b, &b->region[i]));
	for (unsigned i = 0; i < b->windows; i++)
		wrap_region(&b->window[i].region, b->window[i].port);
}

static void unwrap(struct wrapped *w, struct device *d)
{
	d->class = w->real;
	for (unsigned i = 0; i < w->regions; i++)
		w->region[i].region->ops = w->region[i].real;
}

static void wrap(struct wrapped *w, struct device *d, unsigned index)
{
	struct device_class *c = &w->class;

	w->real = d->class;
	w->index = index;
	w->group = 1ull << index;
	w->shade = shade_of(d->machine->arena + d->state_offset, d->class->state_size);
	if (d->class->pci)
		w->configuration =
		    shade_of(d->machine->arena + d->state_offset, sizeof(struct pci_function));
	*c = *d->class;
	c->reset = c->reset ? wrap_reset : NULL;
	c->restored = c->restored ? wrap_restored : NULL;
	c->set_irq = c->set_irq ? wrap_set_irq : NULL;
	c->get_irq = c->get_irq ? wrap_get_irq : NULL;
	c->timer = c->timer ? wrap_timer : NULL;
	c->acknowledge = c->acknowledge ? wrap_acknowledge : NULL;
	c->msr = c->msr ? wrap_msr : NULL;
	c->task_priority = c->task_priority ? wrap_task_priority : NULL;
	c->wakes = c->wakes ? wrap_wakes : NULL;
	c->held_back = c->held_back ? wrap_held_back : NULL;
	c->char_room = c->char_room ? wrap_char_room : NULL;
	c->char_in = c->char_in ? wrap_char_in : NULL;
	if (c->pci) {
		w->pci = *c->pci;
		w->pci.written = c->pci->written ? wrap_written : NULL;
		c->pci = &w->pci;
	}
	d->class = c;
}

/* ---- opening ---- */

/* Peers touch each other's state; functions on PCI what bus/pci.c keeps there. */
static void find_groups(struct guard *g, const struct machine *m)
{
	uint64_t functions = 0;

	for (unsigned i = 0; i < m->devices; i++) {
		if (m->device[i]->class->pci)
			functions |= 1ull << i;
	}
	for (unsigned i = 0; i < m->devices; i++) {
		const struct device *d = m->device[i];

		if (functions >> i & 1)
			g->device[i].functions = functions & ~(1ull << i);
		if (d->peer)
			g->device[i].group |= 1ull << wrapped(d->peer)->index;
	}
}

int guard_open(struct harness *h, struct error *e)
{
	struct machine *m = h->m;
	struct guard *g = calloc(1, sizeof(*g));
	size_t first = (sizeof(struct machine_state) + 63) & ~(size_t)63;

	if (!g)
		return error_set(e, ERROR_HOST, "out of memory");
	h->guard = g;
	g->now.device = NOBODY;
	g->lifted = true;
	g->states = shade_of(m->arena + first, m->cpu_offset - first);
	for (unsigned i = 0; i < m->devices; i++)
		wrap(&g->device[i], m->device[i], i);
	wrap_regions(&m->bus);
	for (unsigned i = 0; i < m->devices && i < MACHINE_DEVICES; i++)
		g->restored |= (uint64_t)(m->device[i]->class->restored != NULL) << i;
	find_groups(g, m);
	active = h;
	return 0;
}

void guard_close(struct harness *h)
{
	struct guard *g = h->guard;

	if (!g)
		return;
	for (unsigned i = 0; i < h->m->devices; i++)
		unwrap(&g->device[i], h->m->device[i]);
	free(g);
	h->guard = NULL;
	active = NULL;
}

bool guard_derived(const struct harness *h)
{
	return h->guard->ran & h->guard->restored;
}

/* ASan would look at every byte of a memcpy(). */
__attribute__((no_sanitize("address"))) void guard_copy(void *to, const void *from, size_t size)
{
#if defined(WITH_ASAN) && defined(__x86_64__)
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
#elif defined(WITH_ASAN)
	const uint8_t *f = from;

	for (volatile uint8_t *t = to; size; size--)
		*t++ = *f++;
#else
	memcpy(to, from, size);
#endif
}

void guard_reset(struct harness *h)
{
	h->guard->ran = 0;
}

void guard_lift(struct harness *h)
{
	if (!h->guard || h->guard->lifted)
		return;
	h->guard->lifted = true;
	shade(&h->guard->states, false);
}

void guard_lower(struct harness *h)
{
	if (!h->guard)
		return;
	h->guard->lifted = false;
	shade(&h->guard->states, true);
}

/* ---- checking ---- */

void guard_check(struct harness *h)
{
#ifndef WITH_ASAN
	static const uint8_t zeros[64];
	const struct machine *m = h->m;
	size_t gap = m->config.arena_gap < sizeof(zeros) ? m->config.arena_gap : sizeof(zeros);

	for (unsigned i = 0; gap && i < m->devices; i++) {
		const struct device *d = m->device[i];
		size_t end = (d->state_offset + d->class->state_size + 63) & ~(size_t)63;

		if (memcmp(m->arena + end, zeros, gap))
			judge_object(h, "own state: the bytes behind the state of %s were written",
				     d->id);
	}
#endif
}

const char *guard_inside(void)
{
	unsigned inside = active ? active->guard->now.device : NOBODY;

	return inside == NOBODY ? NULL : active->m->device[inside]->id;
}
