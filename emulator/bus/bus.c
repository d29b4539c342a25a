/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Address decoding; see bus.h. Ports are looked up in a table, memory regions and slots by binary
 * search. Where nobody answers, who comes next is looked up too, so that an access to nothing
 * costs one search and not one for each of its bytes.
 */
#include "emulator/bus/bus.h"

#include <string.h>

static struct region *region_new(struct bus *b, struct device *d, uint64_t base, uint64_t size,
				 const struct region_ops *ops, const char *name, struct error *e)
{
	struct region *r;

	if (b->regions == BUS_REGIONS) {
		error_set(e, ERROR_USAGE, "no room for %s at 0x%llx: a board takes %d regions",
			  name, (unsigned long long)base, BUS_REGIONS);
		return NULL;
	}
	r = &b->region[b->regions++];
	*r = (struct region){.device = d, .ops = ops, .name = name, .base = base, .size = size};
	return r;
}

int bus_add_ports(struct bus *b, struct device *d, uint16_t base, unsigned count,
		  const struct region_ops *ops, const char *name, struct error *e)
{
	if (!count || base + count > 65536)
		return error_set(e, ERROR_USAGE, "%s: ports 0x%x+%u do not fit (0 to 0xffff)", name,
				 base, count);
	for (unsigned p = base; p < base + count; p++) {
		if (b->port[p])
			return error_set(e, ERROR_USAGE,
					 "%s: port 0x%x is taken by %s (choose another iobase)",
					 name, p, b->region[b->port[p] - 1].name);
	}
	if (!region_new(b, d, base, count, ops, name, e))
		return -1;
	memset(b->port + base, (int)b->regions, count);
	return 0;
}

int bus_add_memory(struct bus *b, struct device *d, uint64_t base, uint64_t size,
		   const struct region_ops *ops, const char *name, struct error *e)
{
	unsigned at = 0;
	struct region *r;

	for (; at < b->memories && b->memory[at]->base < base; at++)
		;
	if (!size || base + size < base ||
	    (at > 0 && b->memory[at - 1]->base + b->memory[at - 1]->size > base) ||
	    (at < b->memories && b->memory[at]->base < base + size))
		return error_set(e, ERROR_USAGE, "%s: memory 0x%llx+0x%llx is taken", name,
				 (unsigned long long)base, (unsigned long long)size);
	r = region_new(b, d, base, size, ops, name, e);
	if (!r)
		return -1;
	for (unsigned i = b->memories; i > at; i--)
		b->memory[i] = b->memory[i - 1];
	b->memory[at] = r;
	b->memories++;
	return 0;
}

int bus_add_slot(struct bus *b, uint64_t gpa, uint64_t size, uint64_t ram_offset, bool rom,
		 struct error *e)
{
	unsigned at = 0;

	for (; at < b->slots && b->slot[at].gpa < gpa; at++)
		;
	if (!size || b->slots == BUS_SLOTS || gpa + size < gpa ||
	    (at > 0 && b->slot[at - 1].gpa + b->slot[at - 1].size > gpa) ||
	    (at < b->slots && b->slot[at].gpa < gpa + size))
		return error_set(e, ERROR_USAGE, "memory slot 0x%llx+0x%llx does not fit",
				 (unsigned long long)gpa, (unsigned long long)size);
	memmove(b->slot + at + 1, b->slot + at, (b->slots - at) * sizeof(*b->slot));
	b->slot[at] = (struct slot){.gpa = gpa,
				    .size = size,
				    .ram_offset = ram_offset,
				    .behind = SLOT_NOTHING,
				    .view = rom ? SLOT_READ : SLOT_READ_WRITE};
	b->slots++;
	return 0;
}

int bus_add_rom_device(struct bus *b, struct device *d, uint64_t gpa, uint64_t size,
		       uint64_t ram_offset, bool exits, const struct region_ops *ops,
		       const char *name, struct error *e)
{
	struct region *r;
	struct slot *s;

	if (bus_add_slot(b, gpa, size, ram_offset, true, e))
		return -1;
	r = region_new(b, d, gpa, size, ops, name, e);
	if (!r)
		return -1;
	s = &b->slot[bus_find_slot(b, gpa) - b->slot];
	s->device = r;
	s->exits = exits;
	return 0;
}

void bus_set_behind(struct bus *b, uint64_t gpa, uint64_t ram_offset)
{
	const struct slot *s = bus_find_slot(b, gpa);

	if (s)
		b->slot[s - b->slot].behind = ram_offset;
}

struct window *bus_add_window(struct bus *b, struct device *d, bool port,
			      const struct region_ops *ops, const char *name, struct error *e)
{
	struct window *w;

	if (b->windows == BUS_WINDOWS) {
		error_set(e, ERROR_USAGE, "no room for %s: a board takes %d PCI windows", name,
			  BUS_WINDOWS);
		return NULL;
	}
	w = &b->window[b->windows++];
	*w = (struct window){.region = {.device = d, .ops = ops, .name = name}, .port = port};
	return w;
}

static const struct region *find_window(const struct bus *b, bool port, uint64_t address)
{
	for (unsigned i = 0; i < b->windows; i++) {
		const struct window *w = &b->window[i];

		if (w->on && w->port == port && address >= w->region.base &&
		    address - w->region.base < w->region.size)
			return &w->region;
	}
	return NULL;
}

const struct region *bus_find_port(const struct bus *b, uint16_t port)
{
	return b->port[port] ? &b->region[b->port[port] - 1] : find_window(b, true, port);
}

/* The first memory region, or slot, that ends above `gpa`. */
static unsigned memory_index(const struct bus *b, uint64_t gpa)
{
	unsigned low = 0, high = b->memories;

	while (low < high) {
		unsigned middle = (low + high) / 2;
		const struct region *r = b->memory[middle];

		if (gpa >= r->base && gpa - r->base >= r->size)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static unsigned slot_index(const struct bus *b, uint64_t gpa)
{
	unsigned low = 0, high = b->slots;

	while (low < high) {
		unsigned middle = (low + high) / 2;
		const struct slot *s = &b->slot[middle];

		if (gpa >= s->gpa && gpa - s->gpa >= s->size)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct region *bus_find_fixed(const struct bus *b, uint64_t gpa)
{
	unsigned i = memory_index(b, gpa);

	return i < b->memories && gpa >= b->memory[i]->base ? b->memory[i] : NULL;
}

/* Where no fixed region is. */
static const struct region *find_behind_fixed(const struct bus *b, uint64_t gpa)
{
	const struct slot *s = bus_find_slot(b, gpa);

	return s && s->device ? s->device : find_window(b, false, gpa);
}

const struct region *bus_find_memory(const struct bus *b, uint64_t gpa)
{
	const struct region *r = bus_find_fixed(b, gpa);

	return r ? r : find_behind_fixed(b, gpa);
}

const struct slot *bus_find_slot(const struct bus *b, uint64_t gpa)
{
	unsigned i = slot_index(b, gpa);

	return i < b->slots && gpa >= b->slot[i].gpa ? &b->slot[i] : NULL;
}

uint64_t slot_read_offset(const struct slot *s, uint64_t gpa)
{
	uint64_t at = s->view & SLOT_READ ? s->ram_offset : s->behind;

	return at == SLOT_NOTHING ? SLOT_NOTHING : at + (gpa - s->gpa);
}

uint64_t slot_write_offset(const struct slot *s, uint64_t gpa)
{
	return s->view & SLOT_WRITE ? s->ram_offset + (gpa - s->gpa) : SLOT_NOTHING;
}

bool bus_find_run(const struct bus *b, uint64_t gpa, struct ram_run *run)
{
	const struct slot *s = bus_find_slot(b, gpa);
	uint64_t first, end;

	if (!s || s->exits || slot_read_offset(s, gpa) == SLOT_NOTHING)
		return false;
	first = s->gpa;
	end = s->gpa + s->size;
	for (unsigned i = 0; i < b->memories; i++) {
		const struct region *r = b->memory[i];

		/* A device region over RAM wins: its page is not RAM. */
		if (gpa >= r->base && gpa - r->base < r->size)
			return false;
		if (r->base > gpa && r->base < end)
			end = r->base;
		else if (r->base < gpa && r->base + r->size > first)
			first = r->base + r->size;
	}
	*run =
	    (struct ram_run){.gpa = first,
			     .size = end - first,
			     .ram_offset = slot_read_offset(s, first),
			     /* Read in one place and written in another: like ROM, writes exit. */
			     .writable = slot_write_offset(s, gpa) == slot_read_offset(s, gpa)};
	return true;
}

static uint64_t ones(unsigned size)
{
	return size >= 8 ? UINT64_MAX : (1ull << (size * 8)) - 1;
}

/* How many of `size` bytes at `offset` go to the region in one call. */
static unsigned piece(const struct region *r, uint64_t offset, unsigned size)
{
	unsigned n = size;

	if (n > r->ops->max_size)
		n = r->ops->max_size;
	if (n > r->size - offset && !r->ops->whole)
		n = 1;
	return n;
}

static unsigned gap_up_to(unsigned gap, uint64_t address, uint64_t next)
{
	return next - address < gap ? (unsigned)(next - address) : gap;
}

/* Nobody answers at `gpa`: how many bytes from there, 8 at most, are surely nobody's. */
static unsigned gap_memory(const struct bus *b, uint64_t gpa)
{
	unsigned i = memory_index(b, gpa), gap = 8;

	if (i < b->memories)
		gap = gap_up_to(gap, gpa, b->memory[i]->base);
	/* In a slot without a device, the end of the slot is the next place to ask. */
	i = slot_index(b, gpa);
	if (i < b->slots && gpa >= b->slot[i].gpa)
		gap = gap_up_to(gap, gpa, b->slot[i].gpa + b->slot[i].size);
	else if (i < b->slots)
		gap = gap_up_to(gap, gpa, b->slot[i].gpa);
	for (i = 0; i < b->windows; i++) {
		const struct window *w = &b->window[i];

		if (w->on && !w->port && w->region.base > gpa)
			gap = gap_up_to(gap, gpa, w->region.base);
	}
	return gap;
}

/*
 * The two loops below are made once for ports and once for memory: most accesses are one call of
 * one device, and then all that is left of them is to find it.
 */
#define EACH_SPACE static inline __attribute__((always_inline))

EACH_SPACE const struct region *find(struct bus *b, bool port, uint64_t address)
{
	const struct region *r = b->recent;

	if (port)
		return address < 65536 ? bus_find_port(b, (uint16_t)address) : NULL;
	/* Fixed regions stay what they are, and come first. */
	if (r && address - r->base < r->size)
		return r;
	r = bus_find_fixed(b, address);
	if (r)
		b->recent = r;
	return r ? r : find_behind_fixed(b, address);
}

EACH_SPACE uint64_t access_read(struct bus *b, bool port, uint64_t address, unsigned size)
{
	uint64_t value = 0;

	for (unsigned done = 0; done < size;) {
		const struct region *r = find(b, port, address + done);
		uint64_t part = UINT64_MAX;
		unsigned n = 1;

		if (r) {
			uint64_t offset = address + done - r->base;

			n = piece(r, offset, size - done);
			if (r->ops->read)
				part = r->ops->read(r->device, offset, n);
		} else if (!port && done + 1 < size) {
			n = gap_memory(b, address + done);
			n = n < size - done ? n : size - done;
		}
		value |= (part & ones(n)) << (done * 8);
		done += n;
	}
	return value;
}

EACH_SPACE void access_write(struct bus *b, bool port, uint64_t address, unsigned size,
			     uint64_t value)
{
	for (unsigned done = 0; done < size;) {
		const struct region *r = find(b, port, address + done);
		unsigned n = 1;

		if (r) {
			uint64_t offset = address + done - r->base;

			n = piece(r, offset, size - done);
			if (r->ops->write)
				r->ops->write(r->device, offset, (value >> (done * 8)) & ones(n),
					      n);
		} else if (!port && done + 1 < size) {
			n = gap_memory(b, address + done);
		}
		done += n;
	}
}

uint64_t bus_port_read(struct bus *b, uint16_t port, unsigned size)
{
	return access_read(b, true, port, size);
}

void bus_port_write(struct bus *b, uint16_t port, unsigned size, uint64_t value)
{
	access_write(b, true, port, size, value);
}

uint64_t bus_memory_read(struct bus *b, uint64_t gpa, unsigned size)
{
	return access_read(b, false, gpa, size);
}

void bus_memory_write(struct bus *b, uint64_t gpa, unsigned size, uint64_t value)
{
	access_write(b, false, gpa, size, value);
}
