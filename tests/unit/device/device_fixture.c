/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine for device tests: see device_fixture.h. It is small on purpose, so that a failing
 * test points at the device and not at the machine.
 */
#include "tests/unit/device/device_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "emulator/bus/bus.h"

#define DEVICES      32
#define REGIONS      64
#define TIMERS       64
#define ARENA_SIZE   (1u << 16)
#define OUTPUT_SIZE  (1u << 16)
#define CHANNELS     4
#define STATE_ALIGN  64
#define ARENA_POISON 0xa5

struct fixture_region {
	struct device *device;
	const struct region_ops *ops;
	uint64_t base, size;
	bool memory;
};

struct fixture_line {
	unsigned rises, falls;
	uint64_t rise_time, fall_time;
	bool level;
};

static struct {
	struct device device[DEVICES];
	unsigned devices;
	struct fixture_region region[REGIONS];
	unsigned regions;
	uint64_t deadline[TIMERS];
	struct device *timer_owner[TIMERS];
	unsigned timers;
	_Alignas(STATE_ALIGN) uint8_t arena[2][ARENA_SIZE];
	unsigned arena_now; /* which of the two is the arena */
	size_t arena_used;
	uint64_t now;
	struct fixture_line line[FIXTURE_LINES];
	char output[CHANNELS][OUTPUT_SIZE];
	size_t output_size[CHANNELS];
	int64_t wall_clock;
	unsigned wall_clock_calls;
	uint8_t ram[FIXTURE_RAM_SIZE];
	uint8_t rom[FIXTURE_ROM_SIZE];
	uint64_t rom_base; /* of the one ROM device */
	unsigned view;
	size_t stored;
	unsigned store_unit;
	uint64_t store_offset;
	unsigned resets, poweroffs, nmis;
	bool exited, a20, intr;
	int exit_status;
} fx;

/* ---- lines that end in the test ---- */

static void line_set(struct device *d, unsigned pin, bool level)
{
	struct fixture_line *l = &fx.line[pin];

	if (level && !l->level) {
		l->rises++;
		l->rise_time = fx.now;
	} else if (!level && l->level) {
		l->falls++;
		l->fall_time = fx.now;
	}
	l->level = level;
}

static const struct device_class line_class = {.name = "test-lines", .set_irq = line_set};
static struct device line_device = {.class = &line_class, .id = "test-lines", .channel = -1};

struct irq fixture_line(unsigned line)
{
	assert_true(line < FIXTURE_LINES);
	return (struct irq){.to = &line_device, .pin = line};
}

bool fixture_level(unsigned line)
{
	return fx.line[line].level;
}

unsigned fixture_rises(unsigned line)
{
	return fx.line[line].rises;
}

unsigned fixture_falls(unsigned line)
{
	return fx.line[line].falls;
}

uint64_t fixture_rise_time(unsigned line)
{
	return fx.line[line].rise_time;
}

uint64_t fixture_fall_time(unsigned line)
{
	return fx.line[line].fall_time;
}

/* ---- devices ---- */

void fixture_open(void)
{
	memset(&fx, 0, sizeof(fx));
	fx.a20 = true;
	fx.view = SLOT_READ;
}

struct device *fixture_device(const struct device_class *class)
{
	struct device *d = &fx.device[fx.devices];

	assert_true(fx.devices < DEVICES);
	fx.devices++;
	*d = (struct device){.class = class, .id = class->name, .channel = -1};
	for (unsigned i = 0; class->properties && class->properties[i].name; i++)
		d->property[i] = class->properties[i].value;
	d->state_offset = fx.arena_used;
	fx.arena_used += (class->state_size + STATE_ALIGN - 1) / STATE_ALIGN * STATE_ALIGN;
	assert_true(fx.arena_used <= ARENA_SIZE);
	d->timer_base = fx.timers;
	assert_true(fx.timers + class->timers <= TIMERS);
	for (unsigned i = 0; i < class->timers; i++) {
		fx.deadline[fx.timers] = UINT64_MAX;
		fx.timer_owner[fx.timers++] = d;
	}
	return d;
}

void fixture_realize(struct device *d)
{
	struct error e = {0};

	if (d->class->realize && d->class->realize(d, &e))
		fail_msg("%s: %s", d->id, e.text);
	if (d->class->reset)
		d->class->reset(d);
}

struct device *fixture_add(const struct device_class *class)
{
	struct device *d = fixture_device(class);

	fixture_realize(d);
	return d;
}

void *device_state(const struct device *d)
{
	return fx.arena[fx.arena_now] + d->state_offset;
}

static void arena_move(void)
{
	unsigned old = fx.arena_now;

	fx.arena_now = !old;
	memcpy(fx.arena[fx.arena_now], fx.arena[old], fx.arena_used);
	memset(fx.arena[old], ARENA_POISON, fx.arena_used);
}

void irq_set(struct irq line, bool level)
{
	if (line.to)
		line.to->class->set_irq(line.to, line.pin, level);
}

bool irq_get(struct irq line)
{
	return line.to && line.to->class->get_irq && line.to->class->get_irq(line.to, line.pin);
}

/* ---- time ---- */

uint64_t device_now(const struct device *d)
{
	return fx.now;
}

static uint64_t *timer_at(const struct device *d, unsigned index)
{
	assert_true(index < d->class->timers);
	return &fx.deadline[d->timer_base + index];
}

void device_timer_set(struct device *d, unsigned index, uint64_t deadline)
{
	*timer_at(d, index) = deadline;
}

void device_timer_cancel(struct device *d, unsigned index)
{
	*timer_at(d, index) = UINT64_MAX;
}

bool device_timer_pending(const struct device *d, unsigned index)
{
	return *timer_at(d, index) != UINT64_MAX;
}

static unsigned timer_first(void)
{
	unsigned first = 0;

	for (unsigned i = 1; i < fx.timers; i++) {
		if (fx.deadline[i] < fx.deadline[first])
			first = i;
	}
	return first;
}

uint64_t fixture_now(void)
{
	return fx.now;
}

uint64_t fixture_next_deadline(void)
{
	return fx.timers ? fx.deadline[timer_first()] : UINT64_MAX;
}

void fixture_advance_to(uint64_t time)
{
	assert_true(time >= fx.now);
	while (fixture_next_deadline() <= time && fixture_next_deadline() != UINT64_MAX) {
		unsigned first = timer_first();
		struct device *d = fx.timer_owner[first];

		if (fx.deadline[first] > fx.now)
			fx.now = fx.deadline[first];
		fx.deadline[first] = UINT64_MAX;
		arena_move();
		d->class->timer(d, first - d->timer_base);
	}
	fx.now = time;
}

void fixture_advance(uint64_t ns)
{
	fixture_advance_to(fx.now + ns);
}

/* ---- addresses ---- */

static int region_add(struct device *d, uint64_t base, uint64_t size, const struct region_ops *ops,
		      bool memory, struct error *e)
{
	for (unsigned i = 0; i < fx.regions; i++) {
		const struct fixture_region *r = &fx.region[i];

		if (r->memory == memory && base < r->base + r->size && r->base < base + size)
			return error_set(e, ERROR_USAGE, "addresses overlap those of %s",
					 r->device->id);
	}
	assert_true(fx.regions < REGIONS);
	fx.region[fx.regions++] = (struct fixture_region){d, ops, base, size, memory};
	return 0;
}

int device_add_ports(struct device *d, uint16_t base, unsigned count, const struct region_ops *ops,
		     const char *name, struct error *e)
{
	if (base + count > 0x10000)
		return error_set(e, ERROR_USAGE, "ports end beyond 0xffff");
	return region_add(d, base, count, ops, false, e);
}

int device_add_mmio(struct device *d, uint64_t base, uint64_t size, const struct region_ops *ops,
		    const char *name, struct error *e)
{
	return region_add(d, base, size, ops, true, e);
}

int device_add_rom(struct device *d, uint64_t gpa, uint64_t size, uint64_t ram_offset,
		   const struct region_ops *ops, const char *name, struct error *e)
{
	assert_true(ram_offset == 0 && size <= FIXTURE_ROM_SIZE);
	fx.rom_base = gpa;
	return region_add(d, gpa, size, ops, true, e);
}

static const struct fixture_region *region_find(uint64_t address, bool memory)
{
	for (unsigned i = 0; i < fx.regions; i++) {
		const struct fixture_region *r = &fx.region[i];

		if (r->memory == memory && address >= r->base && address - r->base < r->size)
			return r;
	}
	return NULL;
}

/* The widest piece of an access that its region takes in one go. */
static unsigned access_piece(const struct fixture_region *r, uint64_t address, unsigned size)
{
	unsigned piece = size;

	if (!r)
		return 1;
	while (piece > r->ops->max_size || (piece & (piece - 1)) ||
	       piece > r->base + r->size - address)
		piece--;
	return piece;
}

static uint64_t access_read(uint64_t address, unsigned size, bool memory)
{
	uint64_t value = 0;

	arena_move();
	for (unsigned done = 0, piece; done < size; done += piece) {
		const struct fixture_region *r = region_find(address + done, memory);
		uint64_t part = 0xff;

		piece = access_piece(r, address + done, size - done);
		if (r)
			part = r->ops->read(r->device, address + done - r->base, piece);
		if (piece < 8)
			part &= (1ull << (8 * piece)) - 1;
		value |= part << (8 * done);
	}
	fixture_advance(0);
	return value;
}

static void access_write(uint64_t address, unsigned size, uint64_t value, bool memory)
{
	arena_move();
	for (unsigned done = 0, piece; done < size; done += piece) {
		const struct fixture_region *r = region_find(address + done, memory);
		uint64_t part = value >> (8 * done);

		piece = access_piece(r, address + done, size - done);
		if (piece < 8)
			part &= (1ull << (8 * piece)) - 1;
		if (r)
			r->ops->write(r->device, address + done - r->base, part, piece);
	}
	fixture_advance(0);
}

uint64_t fixture_port_read(uint16_t port, unsigned size)
{
	return access_read(port, size, false);
}

void fixture_port_write(uint16_t port, unsigned size, uint64_t value)
{
	access_write(port, size, value, false);
}

uint64_t fixture_memory_read(uint64_t gpa, unsigned size)
{
	return access_read(gpa, size, true);
}

void fixture_memory_write(uint64_t gpa, unsigned size, uint64_t value)
{
	access_write(gpa, size, value, true);
}

uint8_t in8(uint16_t port)
{
	return (uint8_t)fixture_port_read(port, 1);
}

void out8(uint16_t port, uint8_t value)
{
	fixture_port_write(port, 1, value);
}

/* ---- memory and the outside ---- */

uint8_t *fixture_ram(void)
{
	return fx.ram;
}

void device_dma_read(struct device *d, uint64_t gpa, void *buffer, size_t size)
{
	uint8_t *to = buffer;

	for (size_t i = 0; i < size; i++)
		to[i] = gpa + i < FIXTURE_RAM_SIZE ? fx.ram[gpa + i] : 0xff;
}

void device_dma_write(struct device *d, uint64_t gpa, const void *buffer, size_t size)
{
	const uint8_t *from = buffer;

	for (size_t i = 0; i < size; i++) {
		if (gpa + i < FIXTURE_RAM_SIZE)
			fx.ram[gpa + i] = from[i];
	}
}

uint8_t *fixture_rom(void)
{
	return fx.rom;
}

unsigned fixture_view(void)
{
	return fx.view;
}

size_t fixture_stored(unsigned *unit, uint64_t *offset)
{
	*unit = fx.store_unit;
	*offset = fx.store_offset;
	return fx.stored;
}

void device_rom_read(struct device *d, uint64_t gpa, void *buffer, size_t size)
{
	assert_true(gpa >= fx.rom_base && gpa - fx.rom_base + size <= FIXTURE_ROM_SIZE);
	memcpy(buffer, fx.rom + (gpa - fx.rom_base), size);
}

void device_rom_write(struct device *d, uint64_t gpa, const void *buffer, size_t size)
{
	assert_true(gpa >= fx.rom_base && gpa - fx.rom_base + size <= FIXTURE_ROM_SIZE);
	memcpy(fx.rom + (gpa - fx.rom_base), buffer, size);
}

void device_set_view(struct device *d, uint64_t gpa, unsigned view)
{
	assert_true(gpa == fx.rom_base);
	fx.view = view;
}

void device_store(struct device *d, unsigned unit, uint64_t offset, const void *bytes, size_t size)
{
	assert_memory_equal(bytes, fx.rom + offset, size);
	fx.stored += size;
	fx.store_unit = unit;
	fx.store_offset = offset;
}

void fixture_set_wall_clock(int64_t ns)
{
	fx.wall_clock = ns;
}

unsigned fixture_wall_clock_calls(void)
{
	return fx.wall_clock_calls;
}

int64_t device_wall_clock(struct device *d)
{
	fx.wall_clock_calls++;
	return fx.wall_clock;
}

void device_char_write(struct device *d, const uint8_t *bytes, size_t size)
{
	size_t *used;

	if (d->channel < 0)
		return;
	assert_true(d->channel < CHANNELS);
	used = &fx.output_size[d->channel];
	assert_true(*used + size < OUTPUT_SIZE);
	memcpy(fx.output[d->channel] + *used, bytes, size);
	*used += size;
}

const char *fixture_output(unsigned channel, size_t *size)
{
	if (size)
		*size = fx.output_size[channel];
	return fx.output[channel];
}

size_t fixture_char_in(struct device *d, const void *bytes, size_t size)
{
	size_t room = d->class->char_room(d);

	if (room > size)
		room = size;
	if (room)
		d->class->char_in(d, bytes, room);
	fixture_advance(0);
	return room;
}

/* ---- everything at once ---- */

void fixture_random_use(struct device *d, const uint16_t *ports, unsigned ports_count,
			unsigned count, uint64_t step)
{
	uint64_t seed = 1;

	for (unsigned i = 0; i < count; i++) {
		uint16_t port;
		uint8_t byte;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		port = ports[(seed >> 16) % ports_count];
		byte = (uint8_t)(seed >> 40);
		switch (seed >> 60) {
		case 0 ... 6:
			out8(port, byte);
			break;
		case 7 ... 11:
			in8(port);
			break;
		case 12:
			if (d->class->char_room)
				fixture_char_in(d, &byte, 1);
			break;
		case 13:
			if (d->class->set_irq)
				d->class->set_irq(d, byte % 8, byte & 0x80);
			break;
		case 14:
			if (d->class->acknowledge)
				d->class->acknowledge(d);
			break;
		default:
			fixture_advance((seed >> 16) % step);
			break;
		}
		assert_true(fixture_next_deadline() > fixture_now());
	}
}

/* ---- requests ---- */

void device_request_reset(struct device *d)
{
	fx.resets++;
}

unsigned fixture_resets(void)
{
	return fx.resets;
}

void device_request_poweroff(struct device *d)
{
	fx.poweroffs++;
}

unsigned fixture_poweroffs(void)
{
	return fx.poweroffs;
}

void device_request_exit(struct device *d, int status)
{
	fx.exited = true;
	fx.exit_status = status;
}

bool fixture_exited(int *status)
{
	if (status)
		*status = fx.exit_status;
	return fx.exited;
}

void device_set_a20(struct device *d, bool enabled)
{
	fx.a20 = enabled;
}

bool fixture_a20(void)
{
	return fx.a20;
}

void device_set_intr(struct device *d, bool level)
{
	fx.intr = level;
}

bool fixture_intr(void)
{
	return fx.intr;
}

void device_pulse_nmi(struct device *d)
{
	fx.nmis++;
}

unsigned fixture_nmis(void)
{
	return fx.nmis;
}
