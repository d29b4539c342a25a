/* SPDX-License-Identifier: Apache-2.0 */
/* New operations and operands; see generate.h. */
#include "fuzz/generate.h"

#include <string.h>

#include "emulator/bus/pci.h"
#include "fuzz/compares.h"
#include "fuzz/fuzz.h"

#define PAIRS 2048u

/* A register, and what was written to it. */
struct pair {
	uint8_t region, size;
	uint32_t offset;
	uint64_t value;
};

static const struct region_table *regions;
static struct pair pairs[PAIRS];
static unsigned pairs_known, pairs_next;

/* ---- random numbers ---- */

struct random random_start(uint32_t seed)
{
	struct random r = {seed * 0x9e3779b97f4a7c15u + 0x632be59bd9b4e019u};

	random_value(&r);
	return r;
}

/* xorshift64*: good enough to choose mutations, and always the same. */
uint64_t random_value(struct random *r)
{
	r->state ^= r->state >> 12;
	r->state ^= r->state << 25;
	r->state ^= r->state >> 27;
	return r->state * 0x2545f4914f6cdd1du;
}

unsigned random_below(struct random *r, unsigned n)
{
	return (unsigned)((random_value(r) >> 32) * n >> 32);
}

unsigned random_small(struct random *r, unsigned most)
{
	return random_below(r, 1 + random_below(r, most + 1));
}

/* ---- what was seen ---- */

void generate_open(const struct region_table *t)
{
	regions = t;
	pairs_known = pairs_next = 0;
}

void generate_learn(const struct op *op)
{
	struct pair *p = &pairs[pairs_next];
	const struct pair new = {op->region, op->size, op->offset, op->value};

	if (op->kind != OP_WRITE)
		return;
	for (unsigned i = 0; i < pairs_known; i++) {
		if (pairs[i].region == new.region && pairs[i].size == new.size &&pairs[i].offset ==
							 new.offset &&pairs[i].value == new.value)
			return;
	}
	*p = new;
	pairs_next = (pairs_next + 1) % PAIRS;
	pairs_known += pairs_known < PAIRS;
}

/* ---- values ---- */

static uint64_t interesting(struct random *r)
{
	static const uint64_t values[] = {
	    0,          1,          2,      3,          4,      7,      8,      9,
	    0x0a,       0x0f,       0x10,   0x12,       0x20,   0x3f,   0x40,   0x55,
	    0x7f,       0x80,       0x81,   0x99,       0xa0,   0xaa,   0xc0,   0xd0,
	    0xf0,       0xfe,       0xff,   0x100,      0x1ff,  0x200,  0x7ff,  0xfff,
	    0x1000,     0x1001,     0x7fff, 0x8000,     0xfffe, 0xffff, 0xffff, 0x10000,
	    0x10001,    0x7fffffff, 0,      0x80000000, 59,     60,     23,     24,
	    0xfffff000, 0xfffffffe, 31,     0xffffffff, 12,     13,     0,      UINT64_MAX,
	};

	return values[random_below(r, sizeof(values) / sizeof(*values))];
}

/* An address in guest memory, at the edges of pages and a little beside, in either byte order. */
static uint64_t address(struct random *r)
{
	uint64_t gpa = (uint64_t)random_below(r, 0xa0) << 12;

	if (random_one_in(r, 3))
		gpa += random_below(r, 0x1000);
	else if (random_one_in(r, 3))
		gpa -= 1 + random_below(r, 16);
	if (random_one_in(r, 3))
		return __builtin_bswap32((uint32_t)gpa);
	return random_one_in(r, 6) ? __builtin_bswap64(gpa) : gpa;
}

/*
 * What the code compared something with that never was the same: as it is, a little beside, a byte
 * of it for a register that is written in pieces, or further up for a field of one.
 */
static uint64_t compared(struct random *r)
{
	struct compare c;

	if (!compares_pick(r, &c))
		return interesting(r);
	switch (random_below(r, 8)) {
	case 0:
		return c.wanted + 1;
	case 1:
		return c.wanted - 1;
	case 2:
	case 3:
		return c.wanted >> 8 * random_below(r, c.size);
	case 4:
		return c.wanted << random_below(r, 32);
	case 5:
		return c.is;
	default:
		return c.wanted;
	}
}

/* For a number of so many bits: what is beyond them is nothing new. */
static uint64_t some_value(struct random *r, uint64_t old, unsigned bits)
{
	switch (random_below(r, 10)) {
	case 0:
		return interesting(r);
	case 1:
		return random_value(r) & 0xff;
	case 2:
		return 1ull << random_below(r, bits);
	case 3:
		return old ^ 1ull << random_below(r, random_one_in(r, 2) ? 8 : bits);
	case 4:
		return old + random_below(r, 17) - 8;
	case 5:
		return bits > 8 ? address(r) : random_value(r) & 0xff;
	case 6:
		return pairs_known ? pairs[random_below(r, pairs_known)].value : interesting(r);
	case 7:
	case 8:
		return compared(r);
	default:
		return random_value(r) >> (64 - bits) >> random_below(r, bits);
	}
}

/* From nothing to days, each order of magnitude as often as the next. */
static uint64_t some_time(struct random *r)
{
	uint64_t ns = 1;

	for (unsigned n = random_below(r, 15); n; n--)
		ns *= 10;
	return random_one_in(r, 4) ? ns : ns + random_value(r) % (9 * ns);
}

static void put_number(uint8_t *at, unsigned size, bool big, uint64_t value)
{
	for (unsigned i = 0; i < size; i++)
		at[i] = (uint8_t)(value >> 8 * (big ? size - 1 - i : i));
}

/* Changes one number among the bytes; what devices find in memory is aligned. */
static void change_number(struct random *r, struct op *op)
{
	static const uint8_t sizes[] = {1, 1, 2, 4, 4, 8};
	unsigned size = sizes[random_below(r, sizeof(sizes))];

	if (size <= op->length)
		put_number(op->bytes + random_below(r, op->length / size) * size, size,
			   random_one_in(r, 2), some_value(r, 0, 8 * size));
}

static void some_bytes(struct random *r, struct op *op, unsigned most)
{
	static const uint8_t sizes[] = {1, 1, 1, 4, 4, 8};
	unsigned size = sizes[random_below(r, sizeof(sizes))];
	uint64_t value = 0;

	if (size > most)
		size = 1;
	op->length = (uint16_t)(size * (1 + random_small(r, most / size - 1)));
	for (unsigned i = 0; i < op->length; i += size) {
		value = some_value(r, value, 8 * size);
		put_number(op->bytes + i, size, random_one_in(r, 2), value);
	}
}

/* ---- the engine's own mutations, which know what the code compared lately ---- */

static bool engine_value(struct random *r, struct op *op)
{
	uint8_t bytes[8];
	/*
	 * What was compared is kept in the size that C makes of it, and looked for in that: a byte
	 * as an int, and what came to a device's function for writes as it comes there.
	 */
	size_t size = op->size > 4 || random_one_in(r, 2) ? 8 : 4;

	/* Most of what it does to a number of 4 or 8 bytes is lost on a register of one. */
	if (!LLVMFuzzerMutate || !random_one_in(r, op->size < 4 ? 8 : 2))
		return false;
	memcpy(bytes, &op->value, sizeof(bytes));
	LLVMFuzzerMutate(bytes, size, size);
	memcpy(&op->value, bytes, sizeof(bytes));
	return true;
}

/* Bytes that there are already, or new ones. */
static void change_bytes(struct random *r, struct op *op, unsigned most)
{
	switch (op->length ? random_below(r, 4) : 0) {
	case 0:
		some_bytes(r, op, most);
		break;
	case 1:
		if (LLVMFuzzerMutate) {
			most = most > op->length ? most : op->length;
			op->length = (uint16_t)LLVMFuzzerMutate(op->bytes, op->length, most);
			break;
		}
		/* fall through */
	default:
		change_number(r, op);
		break;
	}
}

/* ---- operations ---- */

/* One of the target's own regions, four times in five. */
static const struct fuzz_region *some_region(struct random *r)
{
	const struct fuzz_region *found = NULL;
	bool own = !random_one_in(r, 5);

	if (!regions || !regions->count)
		return NULL;
	for (unsigned tries = 0; tries < 32; tries++) {
		found = &regions->region[random_below(r, regions->count)];
		if (found->own || !own)
			break;
	}
	return found;
}

static uint8_t some_size(struct random *r, const struct fuzz_region *region)
{
	static const uint8_t port_sizes[] = {1, 1, 1, 1, 1, 1, 2, 4};
	static const uint8_t memory_sizes[] = {4, 4, 4, 4, 4, 1, 2, 8};

	if (region && region->kind == EXIT_MMIO)
		return memory_sizes[random_below(r, sizeof(memory_sizes))];
	return port_sizes[random_below(r, sizeof(port_sizes))];
}

static uint32_t some_offset(struct random *r, const struct fuzz_region *region)
{
	uint64_t size = region ? region_extent(region) : 0;
	uint32_t offset;

	if (size <= 1)
		return 0;
	/* Where there is room for more, registers are at the beginning all the same. */
	if (size > 0x1000 && random_one_in(r, 2))
		size = 0x100;
	offset = random_below(r, size < UINT32_MAX ? (unsigned)size : UINT32_MAX) & 0xfffffff;
	/* Registers in memory are at multiples of 4, the local APIC's of 16. */
	if (region->kind == EXIT_MMIO && !random_one_in(r, 8))
		offset &= ~(random_one_in(r, 2) ? 3u : 15u);
	return offset;
}

/* A channel that the target listens to, half of the time. */
static uint8_t some_queue(struct random *r)
{
	const struct fuzz_region *region = some_region(r);

	if (region && region->device->channel >= 0 && random_one_in(r, 2))
		return (uint8_t)(QUEUE_CHAR + region->device->channel);
	return (uint8_t)random_below(r, QUEUE_CHAR + HOST_CHANNELS);
}

static void generate_access(struct random *r, struct op *op)
{
	const struct fuzz_region *region = some_region(r);

	op->kind = random_below(r, 8) < 5 ? OP_WRITE : OP_READ;
	op->region = region ? region->number : 0;
	op->offset = some_offset(r, region);
	op->size = some_size(r, region);
	op->value = some_value(r, 0, 8u * op->size);
	if (!random_one_in(r, 16))
		return;
	op->kind = op->kind == OP_WRITE ? OP_WRITE_STRING : OP_READ_STRING;
	op->offset &= 0x7f;
	op->size = (uint8_t)(1 << random_below(r, 3));
	op->count = (uint16_t)(1 + random_small(r, 126));
	some_bytes(r, op, 16);
}

void generate_op(struct random *r, struct op *op)
{
	static const uint8_t others[] = {
	    OP_CLOCK, OP_CLOCK, OP_CLOCK, OP_TIMER,       OP_TIMER, OP_TIMER,
	    OP_HOST,  OP_HOST,  OP_FILL,  OP_ACKNOWLEDGE, OP_DMA,   OP_ACKNOWLEDGE,
	    OP_RESET, OP_CLOCK, OP_TIMER, OP_ACKNOWLEDGE, OP_DMA,   OP_SNAPSHOT,
	};

	memset(op, 0, offsetof(struct op, bytes));
	if (!random_one_in(r, 4)) {
		if (pairs_known && random_one_in(r, 3))
			generate_pair(r, op);
		else
			generate_access(r, op);
		return;
	}
	op->kind = (enum op_kind)others[random_below(r, sizeof(others))];
	if (op->kind == OP_SNAPSHOT && random_one_in(r, 2))
		op->kind = OP_RESTORE;
	if (op->kind == OP_HOST)
		op->queue = some_queue(r);
	if (op->kind == OP_FILL)
		op->offset = random_below(r, 0xa0) << 12;
	generate_value(r, op);
}

void generate_value(struct random *r, struct op *op)
{
	switch (op->kind) {
	case OP_READ:
		generate_nudge(r, op);
		break;
	case OP_WRITE:
		if (!engine_value(r, op))
			op->value = some_value(r, op->value, 8u * op->size);
		break;
	case OP_READ_STRING:
	case OP_WRITE_STRING:
		if (!op->length || random_one_in(r, 2))
			op->count = (uint16_t)(1 + random_small(r, 126));
		change_bytes(r, op, 16);
		break;
	case OP_CLOCK:
		op->value = some_time(r);
		break;
	case OP_TIMER:
		op->value = random_one_in(r, 2) ? 0 : random_small(r, 2000);
		break;
	case OP_HOST:
		change_bytes(r, op, op->queue == QUEUE_CLOCK ? 8 : 32);
		break;
	case OP_FILL:
		if (!op->length || random_one_in(r, 2))
			op->count =
			    (uint16_t)(1 + random_small(r, random_one_in(r, 4) ? 0x2000 : 64));
		change_bytes(r, op, 64);
		break;
	case OP_DMA:
		if (!op->length || random_one_in(r, 4)) {
			op->queue = (uint8_t)random_below(r, 4);
			op->offset = random_below(r, 4) * 8;
		}
		change_bytes(r, op, 64);
		break;
	default:
		break;
	}
}

void generate_nudge(struct random *r, struct op *op)
{
	const struct fuzz_region *region = regions ? region_by_number(regions, op->region) : NULL;

	if (op->kind == OP_FILL) {
		op->offset += (random_below(r, 3) - 1) << 12;
		return;
	}
	if (op->kind < OP_READ || op->kind > OP_WRITE_STRING) {
		generate_value(r, op);
		return;
	}
	switch (random_below(r, 5)) {
	case 0:
		op->offset += random_below(r, 9) - 4;
		break;
	case 1:
		op->offset += (random_below(r, 9) - 4) * (random_one_in(r, 2) ? 4 : 16);
		break;
	case 2:
		op->size = some_size(r, region);
		break;
	case 3:
		op->kind = op->kind == OP_READ    ? OP_WRITE
			   : op->kind == OP_WRITE ? OP_READ
						  : op->kind;
		break;
	default:
		op->offset = some_offset(r, region);
		break;
	}
	op->offset &= 0xfffffff;
}

static uint64_t get_number(const uint8_t *at, unsigned size, bool big)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < size; i++)
		value |= (uint64_t)at[big ? size - 1 - i : i] << 8 * i;
	return value;
}

static void add_to_bytes(struct random *r, struct op *op, unsigned size, uint64_t by)
{
	bool big = random_one_in(r, 2);
	uint8_t *at;

	if (op->length < size)
		return;
	at = op->bytes + random_below(r, op->length / size) * size;
	put_number(at, size, big, get_number(at, size, big) + by);
}

/* By how much one side of a comparison misses the other, or nearly. */
static uint64_t miss(struct random *r, const struct compare *c)
{
	uint64_t by = random_one_in(r, 2) ? c->wanted - c->is : c->is - c->wanted;

	return by + (random_one_in(r, 3) ? random_below(r, 3) - 1ull : 0);
}

uint32_t generate_distance(struct random *r)
{
	struct compare c;
	uint32_t by;

	if (!random_one_in(r, 2) && compares_pick(r, &c))
		return (uint32_t)miss(r, &c);
	by = 1u << random_below(r, 17);
	return random_one_in(r, 2) ? by : 0 - by;
}

void generate_towards(struct random *r, struct op *op)
{
	struct compare c;
	uint64_t by;

	if (!compares_pick(r, &c)) {
		generate_value(r, op);
		return;
	}
	by = miss(r, &c);
	switch (op->kind) {
	case OP_WRITE:
		if (random_one_in(r, 2)) {
			op->value += by;
			break;
		}
		/* fall through */
	case OP_READ:
		op->offset = (uint32_t)(op->offset + by) & 0xfffffff;
		break;
	case OP_CLOCK:
	case OP_TIMER:
		op->value += by;
		break;
	case OP_READ_STRING:
		op->count = (uint16_t)(op->count + by);
		break;
	default:
		add_to_bytes(r, op, c.size, by);
		break;
	}
}

bool generate_replaced(struct op *op, const struct compare *c)
{
	uint64_t mask = c->size < 8 ? (1ull << c->size * 8) - 1 : UINT64_MAX;

	if (op->kind == OP_WRITE && ((op->value ^ c->is) & mask) == 0) {
		op->value = (op->value & ~mask) | (c->wanted & mask);
		return true;
	}
	for (unsigned at = 0; at + c->size <= op->length; at += c->size) {
		for (unsigned big = 0; big < 2; big++) {
			if (get_number(op->bytes + at, c->size, big) != (c->is & mask))
				continue;
			put_number(op->bytes + at, c->size, big, c->wanted);
			return true;
		}
	}
	return false;
}

bool generate_piece(struct op *op, const struct compare *c, unsigned *done)
{
	if (op->kind != OP_WRITE)
		return false;
	for (unsigned i = 0; i < c->size; i++) {
		if ((*done >> i & 1) || (uint8_t)op->value != (uint8_t)(c->is >> 8 * i))
			continue;
		*done |= 1u << i;
		op->value = (op->value & ~0xffull) | (uint8_t)(c->wanted >> 8 * i);
		return true;
	}
	return false;
}

unsigned generate_burst(struct random *r, struct op op[GENERATE_BURST])
{
	unsigned count = 2 + random_below(r, GENERATE_BURST - 1);
	bool same = random_one_in(r, 2);

	memset(&op[0], 0, offsetof(struct op, bytes));
	generate_access(r, &op[0]);
	for (unsigned i = 1; i < count; i++) {
		memcpy(&op[i], &op[0], offsetof(struct op, bytes));
		if (!same)
			op[i].value = some_value(r, op[i - 1].value, 8u * op[i].size);
	}
	return count;
}

void generate_pair(struct random *r, struct op *op)
{
	const struct pair *p;

	if (!pairs_known) {
		generate_nudge(r, op);
		return;
	}
	p = &pairs[random_below(r, pairs_known)];
	memset(op, 0, offsetof(struct op, bytes));
	op->kind = random_one_in(r, 6) ? OP_READ : OP_WRITE;
	op->region = p->region;
	op->offset = p->offset;
	op->size = p->size;
	op->value = p->value;
}

/* ---- windows of PCI functions ---- */

static struct op configuration_write(const struct fuzz_region *to, unsigned size, uint32_t value)
{
	struct op op = {.kind = OP_WRITE, .size = (uint8_t)size, .region = to->number};

	op.value = value;
	return op;
}

/* The offset of the base address register that is behind a window. */
static unsigned base_register(const struct fuzz_region *region)
{
	const struct pci_bar *bar = region->device->class->pci->bar;
	unsigned n = 0;

	while (n + 1 < PCI_BARS &&
	       (bar[n].kind == PCI_BAR_NONE || strcmp(bar[n].name, region->window->region.name)))
		n++;
	return PCI_BAR + 4 * n;
}

unsigned generate_window(struct random *r, struct op op[GENERATE_WINDOW])
{
	const struct fuzz_region *region = some_region(r), *address, *data;
	uint32_t function, base;

	if (!region || !region->window)
		return 0;
	address = region_by_name(regions, "pci-address", strlen("pci-address"));
	data = region_by_name(regions, "pci-data", strlen("pci-data"));
	if (!address || !data)
		return 0;
	function = 0x80000000u | (uint32_t)region->device->pci_address << 8;
	base = region->kind == EXIT_PIO ? 0xd000 : 0xd0000000;
	base += random_below(r, 16) * (uint32_t)region_extent(region);
	op[0] = configuration_write(address, 4, function | base_register(region));
	op[1] = configuration_write(data, 4, base);
	op[2] = configuration_write(address, 4, function | PCI_COMMAND);
	op[3] =
	    configuration_write(data, 2, PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	return GENERATE_WINDOW;
}
