/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interrupt lines, as their ends are told of them: guard.c shows each call. A line that several
 * devices drive is to have the level that they ask for, all together; and after a reset of the
 * machine, as after power-on, all are low: who raised one has lowered it.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/harness_impl.h"

#define PINS   128u
#define WIRES  (sizeof(((struct world *)0)->line_high) * 8)
#define SHARED (sizeof(((struct world *)0)->line_levels) / sizeof(uint32_t))

/* Of line_levels: the level that the line's end was told last; below it, one bit a driver. */
#define DELIVERED (1u << 31)
#define DRIVERS   31u

/* An input pin, and who drives it. */
struct wire {
	const struct device *to;
	unsigned pin;
	uint8_t driver[DRIVERS]; /* by index */
	unsigned drivers;
	unsigned shared; /* index + 1 in line_levels, of those with several */
};

struct lines {
	struct wire wire[WIRES];
	unsigned wires;
	uint8_t at[MACHINE_DEVICES][PINS]; /* index + 1 */
	unsigned shared;
	bool driven; /* a shared one, in this operation */
};

static unsigned index_of(const struct machine *m, const struct device *d)
{
	unsigned i = 0;

	while (i < m->devices && m->device[i] != d)
		i++;
	return i;
}

/* ---- what is wired to what ---- */

static struct wire *find_wire(struct lines *l, const struct machine *m, struct irq out)
{
	struct wire *w = l->wire;

	while (w < l->wire + l->wires && (w->to != out.to || w->pin != out.pin))
		w++;
	if (w == l->wire + WIRES || out.pin >= PINS)
		return NULL;
	if (w == l->wire + l->wires) {
		l->wires++;
		w->to = out.to;
		w->pin = out.pin;
		l->at[index_of(m, out.to)][out.pin] = (uint8_t)l->wires;
	}
	return w;
}

static void add_driver(struct lines *l, const struct machine *m, unsigned from, struct irq out)
{
	struct wire *w = out.to ? find_wire(l, m, out) : NULL;

	if (!w || w->drivers == DRIVERS)
		return;
	w->driver[w->drivers++] = (uint8_t)from;
	if (w->drivers == 2 && l->shared < SHARED)
		w->shared = ++l->shared;
}

int lines_open(struct harness *h, struct error *e)
{
	const struct machine *m = h->m;

	h->lines = calloc(1, sizeof(*h->lines));
	if (!h->lines)
		return error_set(e, ERROR_HOST, "out of memory");
	for (unsigned i = 0; i < m->devices; i++) {
		for (unsigned n = 0; n < DEVICE_IRQS; n++)
			add_driver(h->lines, m, i, m->device[i]->out[n]);
	}
	/* PCI interrupts are shared in bus/pci.c: what comes out of that is one driver. */
	for (unsigned n = 0; n < sizeof(m->bus.intx) / sizeof(*m->bus.intx); n++)
		add_driver(h->lines, m, MACHINE_DEVICES, m->bus.intx[n]);
	return 0;
}

void lines_close(struct harness *h)
{
	free(h->lines);
	h->lines = NULL;
}

/* ---- what they carry ---- */

void lines_driven(struct harness *h, unsigned from, unsigned to, unsigned pin, bool level)
{
	struct lines *l = h->lines;
	unsigned at = pin < PINS ? l->at[to][pin] : 0;
	uint64_t bit = 1ull << (at - 1) % 64, *high;
	const struct wire *w;
	uint32_t *levels;

	if (!at)
		return;
	high = &h->world.line_high[(at - 1) / 64];
	*high = level ? *high | bit : *high & ~bit;
	w = &l->wire[at - 1];
	if (!w->shared)
		return;
	levels = &h->world.line_levels[w->shared - 1];
	l->driven = true;
	*levels = level ? *levels | DELIVERED : *levels & ~DELIVERED;
	for (unsigned i = 0; i < w->drivers; i++) {
		if (w->driver[i] == from)
			*levels = level ? *levels | 1u << i : *levels & ~(1u << i);
	}
}

void lines_check(struct harness *h)
{
	struct lines *l = h->lines;

	if (!l->driven)
		return;
	l->driven = false;
	for (unsigned i = 0; i < l->wires; i++) {
		const struct wire *w = &l->wire[i];
		uint32_t levels = w->shared ? h->world.line_levels[w->shared - 1] : 0;

		if (!(levels & ~DELIVERED) == !(levels & DELIVERED))
			continue;
		h->world.line_levels[w->shared - 1] ^= DELIVERED;
		judge_object(h, "lines: input %u of %s is %s, and its drivers ask for %s", w->pin,
			     w->to->id, levels & DELIVERED ? "high" : "low",
			     levels & DELIVERED ? "low" : "high");
	}
}

void lines_reset(struct harness *h)
{
	const struct lines *l = h->lines;

	/* Lines that only pass on what came in are wired first, so the last is nearest the cause.
	 */
	for (unsigned i = l->wires; i-- > 0;) {
		if (!(h->world.line_high[i / 64] >> i % 64 & 1))
			continue;
		memset(h->world.line_high, 0, sizeof(h->world.line_high));
		judge_object(h, "lines: input %u of %s is high after a reset", l->wire[i].pin,
			     l->wire[i].to->id);
	}
}
