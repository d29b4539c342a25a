/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a reset of the machine has to leave: every device, the vCPU, timers, views of memory and
 * windows of PCI as on a board that was just switched on; but for what a device's class names as
 * kept, which has to be as it was before.
 *
 * Time shows in some states after a reset. So one that is not as at power-on is compared with what
 * the same reset at the same time makes of the power-on state. That takes two restores: where time
 * shows it is done once in a while, and where it does not only when there is a difference.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/harness_impl.h"

#define PARTS (MACHINE_DEVICES + 4)
/* Where time shows, so many resets are let pass for each that is compared. */
#define CHOSEN 8u
/* To find out where it does: some time later than power-on, in no round number of anything. */
#define LATER_NS 12345678901u

/* Of the arena. */
struct part {
	const char *whose;
	size_t offset, size;
	const struct device_class *class; /* NULL: no device's state */
	bool timed;
};

struct reset {
	struct part part[PARTS];
	unsigned parts;
	struct window window[BUS_WINDOWS];
	uint8_t *fresh; /* an arena, after power-on and a reset */
	uint8_t *kept;  /* before the reset: of an arena, what is kept */
	uint8_t *after;
	bool compared; /* in this input */
};

/* ---- what a reset keeps ---- */

static void copy_bits(uint8_t *to, const uint8_t *from, const struct device_kept *k)
{
	if (k->bits == 0xff) {
		memcpy(to + k->offset, from + k->offset, k->size);
		return;
	}
	for (size_t i = k->offset; i < k->offset + k->size; i++)
		to[i] = (uint8_t)((to[i] & ~k->bits) | (from[i] & k->bits));
}

static void copy_kept(const struct reset *r, uint8_t *to, const uint8_t *from)
{
	for (const struct part *p = r->part; p < r->part + r->parts; p++) {
		const struct device_kept *k = p->class ? p->class->kept : NULL;

		for (; k && k->size; k++)
			copy_bits(to + p->offset, from + p->offset, k);
	}
}

static uint8_t kept_bits(const struct part *p, size_t at)
{
	const struct device_kept *k = p->class ? p->class->kept : NULL;

	while (k && k->size && at - k->offset >= k->size)
		k++;
	return k && k->size ? k->bits : 0;
}

static void compare_bits(struct harness *h, const struct part *p, const struct device_kept *k)
{
	const uint8_t *is = h->m->arena + p->offset, *was = h->reset->kept + p->offset;

	if (!memcmp(is + k->offset, was + k->offset, k->size))
		return;
	for (size_t at = k->offset; at < k->offset + k->size; at++) {
		if ((is[at] ^ was[at]) & k->bits)
			judge_object(h,
				     "reset: byte %zu of the state of %s is %02x after it, "
				     "and was %02x, which a reset keeps",
				     at, p->whose, is[at], was[at]);
	}
}

static void compare_kept(struct harness *h)
{
	const struct reset *r = h->reset;

	for (const struct part *p = r->part; p < r->part + r->parts; p++) {
		const struct device_kept *k = p->class ? p->class->kept : NULL;

		for (; k && k->size; k++)
			compare_bits(h, p, k);
	}
}

/* ---- comparing ---- */

static bool differs(const struct part *p, const uint8_t *a, const uint8_t *b, size_t *at)
{
	a += p->offset;
	b += p->offset;
	*at = p->size;
	if (memcmp(a, b, p->size)) {
		for (*at = 0; a[*at] == b[*at];)
			(*at)++;
	}
	return *at < p->size;
}

static void compare(struct harness *h, const uint8_t *is, const uint8_t *should)
{
	const struct reset *r = h->reset;
	size_t at;

	for (const struct part *p = r->part; p < r->part + r->parts; p++) {
		if (differs(p, is, should, &at))
			judge_object(h,
				     "reset: byte %zu of %s%s is %02x after it, and %02x when it "
				     "comes after power-on",
				     at, p->class ? "the state of " : "", p->whose,
				     is[p->offset + at], should[p->offset + at]);
	}
}

static bool same_windows(const struct harness *h)
{
	const struct bus *b = &h->m->bus;
	const struct window *was = h->reset->window;

	for (unsigned i = 0; i < b->windows; i++) {
		const struct window *is = &b->window[i];

		if (is->on != was[i].on || (is->on && is->region.base != was[i].region.base))
			return false;
	}
	return true;
}

/* ---- the reset of a board that was just switched on ---- */

/* The machine becomes that, now; what it was is in r->after. */
static void reset_fresh(struct harness *h)
{
	const struct reset *r = h->reset;
	struct machine *m = h->m;
	struct machine_state now = *machine_state(m), *s = machine_state(m);
	uint64_t insns = m->vcpu.c->insns;
	struct tap *tap = m->tap;

	memcpy(m->arena, h->start_arena, m->tlb_offset);
	copy_kept(r, m->arena, r->kept);
	s->exits = now.exits;
	s->time_base = now.time_base;
	s->halted_since = now.halted_since;
	s->reset_requested = true;
	m->vcpu.c->insns = insns;
	machine_state_replaced(m);
	/* Nobody is to hear of it. */
	m->tap = NULL;
	machine_service_reset(m);
	m->tap = tap;
}

static void compare_with_fresh(struct harness *h)
{
	static struct world world;
	struct reset *r = h->reset;
	struct machine *m = h->m;
	enum stop_reason stop = m->stop;

	world = h->world;
	memcpy(r->after, m->arena, m->tlb_offset);
	judge_begin(h);
	reset_fresh(h);
	compare(h, r->after, m->arena);
	memcpy(m->arena, r->after, m->tlb_offset);
	machine_state_replaced(m);
	judge_begin(h);
	m->stop = stop;
	h->world = world;
}

/* ---- around a reset ---- */

void reset_begins(struct harness *h)
{
	if (h->options.plain)
		return;
	guard_lift(h);
	copy_kept(h->reset, h->reset->kept, h->m->arena);
	guard_lower(h);
}

/* Whether something is other than at power-on for which time is no reason. */
static bool is_suspect(const struct harness *h, bool *timed)
{
	const struct reset *r = h->reset;
	const uint8_t *is = h->m->arena;

	*timed = false;
	for (const struct part *p = r->part; p < r->part + r->parts; p++) {
		size_t at;

		if (!differs(p, is, r->fresh, &at))
			continue;
		*timed |= p->timed;
		for (; !p->timed && at < p->size; at++) {
			if ((is[p->offset + at] ^ r->fresh[p->offset + at]) & ~kept_bits(p, at))
				return true;
		}
	}
	return false;
}

void reset_ends(struct harness *h)
{
	struct reset *r = h->reset;
	bool timed;

	if (h->options.plain)
		return;
	guard_lift(h);
	compare_kept(h);
	if (!same_windows(h))
		judge_object(h, "reset: a window of PCI is not as after power-on");
	if (is_suspect(h, &timed) ||
	    (timed && !r->compared &&
	     (h->options.thorough || (h->world.events >> 32) % CHOSEN == 0))) {
		r->compared = true;
		compare_with_fresh(h);
	}
	guard_lower(h);
}

void reset_forget(struct harness *h)
{
	if (h->reset)
		h->reset->compared = false;
}

/* ---- opening ---- */

static void add_part(struct reset *r, const char *whose, size_t offset, size_t size)
{
	r->part[r->parts++] = (struct part){.whose = whose, .offset = offset, .size = size};
}

/* All that is guest-visible and not a count of what happened. */
static void find_parts(struct reset *r, const struct machine *m)
{
	size_t insns = m->cpu_offset + offsetof(struct cpu, insns), behind = insns + 8;

	add_part(r, "the timers", offsetof(struct machine_state, timer),
		 sizeof(((struct machine_state *)0)->timer));
	add_part(r, "the views of memory", offsetof(struct machine_state, view),
		 sizeof(((struct machine_state *)0)->view));
	for (unsigned i = 0; i < m->devices; i++) {
		const struct device *d = m->device[i];

		add_part(r, d->id, d->state_offset, d->class->state_size);
		r->part[r->parts - 1].class = d->class;
	}
	add_part(r, "the vCPU", m->cpu_offset, insns - m->cpu_offset);
	add_part(r, "the vCPU behind insns", behind, m->cpu_offset + sizeof(struct cpu) - behind);
}

/* A machine that was just switched on is reset, at once and later. */
static void find_timed(struct harness *h)
{
	struct reset *r = h->reset;
	struct machine *m = h->m;
	size_t at;

	memcpy(r->kept, m->arena, m->tlb_offset);
	reset_fresh(h);
	memcpy(r->fresh, m->arena, m->tlb_offset);
	memcpy(r->window, m->bus.window, sizeof(r->window));
	machine_state(m)->time_base += LATER_NS;
	reset_fresh(h);
	for (unsigned i = 0; i < r->parts; i++)
		r->part[i].timed = differs(&r->part[i], m->arena, r->fresh, &at);
	memcpy(m->arena, h->start_arena, m->tlb_offset);
	machine_state_replaced(m);
	door_reset(h);
}

int reset_open(struct harness *h, struct error *e)
{
	struct reset *r = calloc(1, sizeof(*r));
	size_t size = h->m->tlb_offset;

	h->reset = r;
	if (r) {
		r->fresh = malloc(size);
		r->kept = malloc(size);
		r->after = malloc(size);
	}
	if (!r || !r->fresh || !r->kept || !r->after)
		return error_set(e, ERROR_HOST, "out of memory");
	find_parts(r, h->m);
	find_timed(h);
	return 0;
}

void reset_close(struct harness *h)
{
	if (!h->reset)
		return;
	free(h->reset->fresh);
	free(h->reset->kept);
	free(h->reset->after);
	free(h->reset);
	h->reset = NULL;
}
