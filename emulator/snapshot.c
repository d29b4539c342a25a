/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots; see snapshot.h. A snapshot has a pointer for every RAM page: to a counted copy, or
 * NULL for a page that was never written (and so is zero). The machine remembers which snapshot
 * its RAM descends from; the pages in its snapshot log are those that differ from it.
 */
#include "emulator/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "emulator/cpu/mem.h"
#include "emulator/machine.h"

struct page {
	uint32_t users;
	uint8_t bytes[RAM_PAGE];
};

struct snapshot {
	uint32_t users; /* its owner, and machines that descend from it */
	uint64_t insns;
	uint8_t *arena;
	size_t arena_room;
	bool tlb_empty; /* and not kept: it is most of the arena, and restored by emptying it */
	uint64_t pages;
	struct page **page;
};

static void page_put(struct page *p)
{
	if (p && --p->users == 0)
		free(p);
}

void snapshot_free(struct snapshot *s)
{
	if (!s || --s->users)
		return;
	for (uint64_t i = 0; s->page && i < s->pages; i++)
		page_put(s->page[i]);
	free(s->page);
	free(s->arena);
	free(s);
}

static void descend_from(struct machine *m, struct snapshot *s)
{
	s->users++;
	snapshot_free(m->snapshot);
	m->snapshot = s;
}

/* How much of the arena a snapshot has: the TLB lies last. */
static size_t arena_size(const struct machine *m, const struct snapshot *s)
{
	return s->tlb_empty ? m->tlb_offset : m->arena_used;
}

static struct snapshot *snapshot_new(const struct machine *m)
{
	struct snapshot *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->users = 1;
	s->pages = m->ram.pages;
	s->page = calloc(s->pages, sizeof(*s->page));
	s->arena_room = m->vcpu.tlb->empty ? m->tlb_offset : m->arena_used;
	s->arena = malloc(s->arena_room);
	if (!s->page || !s->arena) {
		snapshot_free(s);
		return NULL;
	}
	return s;
}

/* Room for one, that of `old` if it can be, sharing all pages with the machine's ancestor. */
static struct snapshot *snapshot_share(const struct machine *m, struct snapshot *old)
{
	const struct snapshot *base = m->snapshot;
	struct snapshot *s = old;

	if (!old || old->users > 1 || old->pages != m->ram.pages ||
	    old->arena_room < (m->vcpu.tlb->empty ? m->tlb_offset : m->arena_used)) {
		snapshot_free(old);
		s = snapshot_new(m);
	}
	for (uint64_t i = 0; s && i < s->pages; i++) {
		struct page *p = base ? base->page[i] : NULL;

		if (p)
			p->users++;
		page_put(s->page[i]);
		s->page[i] = p;
	}
	if (s)
		s->tlb_empty = m->vcpu.tlb->empty;
	return s;
}

struct copy {
	struct machine *m;
	struct snapshot *s;
	bool failed;
};

static void copy_page(void *opaque, uint64_t index)
{
	struct copy *c = opaque;
	struct page *p = malloc(sizeof(*p));

	if (!p) {
		c->failed = true;
		/* Stays in the log, so that the machine's RAM is still described. */
		ram_page_dirty(&c->m->ram, index);
		return;
	}
	p->users = 1;
	memcpy(p->bytes, c->m->ram.base + index * RAM_PAGE, RAM_PAGE);
	page_put(c->s->page[index]);
	c->s->page[index] = p;
}

struct snapshot *snapshot_take(struct machine *m, struct error *e)
{
	return snapshot_retake(m, NULL, e);
}

struct snapshot *snapshot_retake(struct machine *m, struct snapshot *old, struct error *e)
{
	struct copy c = {.m = m, .s = snapshot_share(m, old)};

	machine_sync(m);
	if (c.s)
		ram_log_take(&m->ram, RAM_LOG_SNAPSHOT, copy_page, &c);
	vcpu_guard_changed(&m->vcpu);
	if (!c.s || c.failed) {
		/*
		 * Pages already copied left the log but not the machine's ancestor: after a
		 * failure only a new ancestor describes RAM, so the incomplete one must not be it.
		 */
		if (c.s) {
			for (uint64_t i = 0; i < m->ram.pages; i++) {
				if (c.s->page[i] != (m->snapshot ? m->snapshot->page[i] : NULL))
					ram_page_dirty(&m->ram, i);
			}
		}
		snapshot_free(c.s);
		error_set(e, ERROR_HOST, "out of memory for a snapshot");
		return NULL;
	}
	memcpy(c.s->arena, m->arena, arena_size(m, c.s));
	c.s->insns = machine_count(m);
	descend_from(m, c.s);
	return c.s;
}

struct restore {
	struct machine *m;
	const struct snapshot *s;
};

static void restore_page(void *opaque, uint64_t index)
{
	const struct restore *r = opaque;
	struct machine *m = r->m;
	uint8_t *to = m->ram.base + index * RAM_PAGE;

	if (r->s->page[index])
		memcpy(to, r->s->page[index]->bytes, RAM_PAGE);
	else
		memset(to, 0, RAM_PAGE);
	/* Not in the snapshot log: the page is now what the snapshot has. */
	ram_log_enter(&m->ram, RAM_LOG_DIGEST, index);
	vcpu_ram_changed(&m->vcpu, index, 1);
}

void snapshot_restore(struct machine *m, struct snapshot *s)
{
	struct restore r = {.m = m, .s = s};
	const struct snapshot *from = m->snapshot;

	ram_log_take(&m->ram, RAM_LOG_SNAPSHOT, restore_page, &r);
	vcpu_guard_changed(&m->vcpu);
	for (uint64_t i = 0; from != s && i < m->ram.pages; i++) {
		if (s->page[i] != (from ? from->page[i] : NULL))
			restore_page(&r, i);
	}
	memcpy(m->arena, s->arena, arena_size(m, s));
	if (s->tlb_empty)
		tlb_flush(&m->vcpu, true);
	descend_from(m, s);
	machine_state_replaced(m);
}

uint64_t snapshot_insns(const struct snapshot *s)
{
	return s->insns;
}
