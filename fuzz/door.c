/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outside of a machine that is fuzzed: struct host, answered from the input (OP_HOST), and
 * guest memory that no one has written, made up from it when a device reads it (OP_DMA).
 */
#include <string.h>

#include "fuzz/harness_impl.h"

/* 2026-01-01 00:00:00 UTC */
#define CLOCK_START (1767225600ll * 1000000000)
/* Pages that are made up for one input; those beyond stay as they are. */
#define GENERATED_MAX 64u

static struct harness *harness_of(struct host *host)
{
	return (struct harness *)(void *)((char *)host - offsetof(struct harness, door));
}

void door_reset(struct harness *h)
{
	struct world *w = &h->world;

	memset(w, 0, offsetof(struct world, pattern));
	w->clock = CLOCK_START;
	for (unsigned i = 0; i < QUEUES; i++)
		w->queue[i].first = w->queue[i].end = 0;
	h->halt_until = 0;
}

/* ---- answers ---- */

/* Up to `max` bytes of a queue; returns how many there were. */
static size_t answer(struct harness *h, unsigned queue, uint8_t *to, size_t max)
{
	struct answer_queue *q = &h->world.queue[queue];
	size_t n = (size_t)(q->end - q->first);

	n = n < max ? n : max;
	memcpy(to, q->bytes + q->first, n);
	q->first = (uint16_t)(q->first + n);
	if (q->first == q->end)
		q->first = q->end = 0;
	return n;
}

void door_queue(struct harness *h, unsigned queue, const uint8_t *bytes, unsigned length)
{
	struct answer_queue *q = &h->world.queue[queue];

	if (q->first) {
		memmove(q->bytes, q->bytes + q->first, (size_t)(q->end - q->first));
		q->end = (uint16_t)(q->end - q->first);
		q->first = 0;
	}
	if (length > QUEUE_BYTES - q->end)
		length = QUEUE_BYTES - q->end;
	memcpy(q->bytes + q->end, bytes, length);
	q->end = (uint16_t)(q->end + length);
}

static int64_t door_wall_clock(struct host *host)
{
	struct harness *h = harness_of(host);
	uint64_t now = machine_now(h->m);
	uint8_t bytes[8] = {0};
	uint64_t told = 0;

	if (answer(h, QUEUE_CLOCK, bytes, sizeof(bytes))) {
		for (unsigned i = 0; i < 8; i++)
			told |= (uint64_t)bytes[i] << i * 8;
		h->world.clock = (int64_t)(told - now);
	}
	judge_event(h, 0x100, (uint64_t)h->world.clock + now, 0);
	return (int64_t)((uint64_t)h->world.clock + now);
}

static void door_entropy(struct host *host, void *buffer, size_t size)
{
	struct harness *h = harness_of(host);
	uint8_t *to = buffer;
	size_t n = answer(h, QUEUE_ENTROPY, to, size);

	/* A device may wait for a number it likes, so what follows is not always the same. */
	for (; n < size; n++) {
		h->world.random = h->world.random * 6364136223846793005u + 1442695040888963407u;
		to[n] = (uint8_t)(h->world.random >> 56);
	}
	judge_event(h, 0x101, size, 0);
	judge_bytes(h, buffer, size);
}

static size_t door_char_read(struct host *host, unsigned channel, uint8_t *buffer, size_t max)
{
	struct harness *h = harness_of(host);
	size_t n = answer(h, QUEUE_CHAR + channel % HOST_CHANNELS, buffer, max);

	if (n) {
		judge_event(h, 0x102, channel, n);
		judge_bytes(h, buffer, n);
	}
	return n;
}

static void door_char_write(struct host *host, unsigned channel, const uint8_t *buffer, size_t size)
{
	struct harness *h = harness_of(host);

	judge_event(h, 0x103, channel, size);
	judge_bytes(h, buffer, size);
	h->work.output += (unsigned)size;
	judge_call(h);
	if (h->watch && h->watch->output)
		h->watch->output(h->watch, channel, buffer, size);
}

/* What outlives the machine has a size, and may not be the guest's to change. */
static void check_store(struct harness *h, unsigned unit, uint64_t offset, size_t size)
{
	const struct machine_config *c = &h->m->config;
	const struct image *i =
	    unit < c->pflashes ? machine_config_image(c, IMAGE_PFLASH, unit) : NULL;

	if (!i || offset > i->size || size > i->size - offset)
		judge_object(h, "store: bytes %llx to %llx are changed of unit %u, which has %llx",
			     (unsigned long long)offset, (unsigned long long)(offset + size), unit,
			     (unsigned long long)(i ? i->size : 0));
	else if (c->pflash[unit] == PFLASH_READ_ONLY)
		judge_object(h, "store: unit %u is changed, which is read-only", unit);
}

static void door_store(struct host *host, unsigned unit, uint64_t offset, const void *bytes,
		       size_t size)
{
	struct harness *h = harness_of(host);

	check_store(h, unit, offset, size);
	judge_event(h, 0x105, offset, size | (uint64_t)unit << 32);
	h->work.output += (unsigned)size;
	judge_call(h);
}

static uint64_t door_wait(struct host *host, uint64_t now, uint64_t deadline)
{
	struct harness *h = harness_of(host);

	if (deadline < now)
		return now;
	return h->halt_until < deadline ? h->halt_until : deadline;
}

static enum host_stop door_stop(struct host *host)
{
	return HOST_STOP_NONE;
}

const struct host_ops door_ops = {
    .wall_clock = door_wall_clock,
    .entropy = door_entropy,
    .char_read = door_char_read,
    .char_write = door_char_write,
    .wait = door_wait,
    .store = door_store,
    .stop = door_stop,
};

/* ---- memory ---- */

static bool page_test(const struct harness *h, uint64_t page)
{
	return page >= RAM_PAGES || (h->world.written[page / 64] >> page % 64 & 1);
}

static void page_set(struct harness *h, uint64_t page)
{
	if (page < RAM_PAGES)
		h->world.written[page / 64] |= 1ull << page % 64;
}

/* RAM page of a guest-physical address that reads and writes come to, or UINT64_MAX. */
static uint64_t ram_page_at(const struct harness *h, uint64_t gpa)
{
	const struct slot *s = bus_find_slot(&h->m->bus, gpa);
	uint64_t at = s ? slot_read_offset(s, gpa) : SLOT_NOTHING;

	return at == SLOT_NOTHING || slot_write_offset(s, gpa) != at ? UINT64_MAX : at / RAM_PAGE;
}

void door_page_written(struct harness *h, uint64_t gpa, uint64_t size)
{
	uint64_t first = gpa / RAM_PAGE, pages = (gpa % RAM_PAGE + size + RAM_PAGE - 1) / RAM_PAGE;

	/* More than there are need not be looked at: work is bounded (judge.c). */
	for (uint64_t i = 0; size && i < pages && i < 2 * RAM_PAGES; i++) {
		uint64_t page = ram_page_at(h, (first + i) * RAM_PAGE);

		if (page != UINT64_MAX)
			page_set(h, page);
	}
}

static void put_pointer(const struct world *w, uint8_t *page, unsigned at, uint64_t gpa)
{
	unsigned size = w->pointer == POINTER_LE32 ? 4 : 8;

	for (unsigned i = 0; i < size && at + i < RAM_PAGE; i++) {
		unsigned shift = w->pointer == POINTER_BE64 ? 8 * (7 - i) : 8 * i;

		page[at + i] = (uint8_t)(gpa >> shift);
	}
}

/* Gives the page at a guest-physical address the pattern for its content. */
static void page_generate(struct harness *h, uint64_t gpa)
{
	const struct world *w = &h->world;
	uint8_t page[RAM_PAGE];

	for (unsigned at = 0; at < RAM_PAGE; at += w->pattern_length) {
		unsigned n = RAM_PAGE - at < w->pattern_length ? RAM_PAGE - at : w->pattern_length;

		memcpy(page + at, w->pattern, n);
	}
	for (unsigned at = w->pattern_offset; w->pointer && at < RAM_PAGE; at += w->pattern_length)
		put_pointer(w, page, at, gpa);
	machine_load_bytes(h->m, gpa, page, sizeof(page));
}

void door_dma(void *opaque, uint64_t gpa, void *buffer, size_t size)
{
	struct harness *h = opaque;
	uint8_t *to = buffer;

	for (size_t done = 0, n; done < size; done += n) {
		uint64_t at = gpa + done, page = ram_page_at(h, at);

		n = RAM_PAGE - at % RAM_PAGE;
		n = n < size - done ? n : size - done;
		if (page == UINT64_MAX || page_test(h, page) || !h->world.pattern_length ||
		    h->world.generated == GENERATED_MAX)
			continue;
		h->world.generated++;
		page_set(h, page);
		page_generate(h, at - at % RAM_PAGE);
		memcpy(to + done, h->m->ram.base + page * RAM_PAGE + at % RAM_PAGE, n);
	}
}
