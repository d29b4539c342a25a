/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PCI functions with base address registers and interrupt pins, on a machine that is nothing but
 * a bus. Sections are those of PCI 2.3.
 */
#include "emulator/bus/pci.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "emulator/machine.h"

#define FIRST  PCI_ADDRESS(1, 0)
#define SECOND PCI_ADDRESS(2, 0)
#define THIRD  PCI_ADDRESS(5, 0)

static struct machine *m;
static _Alignas(64) uint8_t arena[8192];

/* ---- a function with a port region and a memory region ---- */

struct part {
	struct pci_function function;
	uint32_t last[2];
};

static uint64_t io_read(struct device *d, uint64_t offset, unsigned size)
{
	return 0x10 + offset;
}

static void io_write(struct device *d, uint64_t offset, uint64_t value, unsigned size)
{
	struct part *s = device_state(d);

	s->last[0] = (uint32_t)value;
}

static uint64_t memory_read(struct device *d, uint64_t offset, unsigned size)
{
	return 0x4000 + offset;
}

static void memory_write(struct device *d, uint64_t offset, uint64_t value, unsigned size)
{
	struct part *s = device_state(d);

	s->last[1] = (uint32_t)value;
}

static const struct region_ops io_ops = {.read = io_read, .write = io_write, .max_size = 4};
static const struct region_ops memory_ops = {
    .read = memory_read, .write = memory_write, .max_size = 4};

static const struct pci_register part_registers[] = {
    {.offset = 0x40, .count = 2, .reset = 0x5a, .writable = 0x0f},
    {.count = 0},
};

static const struct pci_class part_pci = {
    .vendor = 0x1234,
    .device = 0x5678,
    .revision = 9,
    .class_code = 0x078000,
    .interrupt_pin = 1,
    .command_writable =
	PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_OFF,
    .registers = part_registers,
    .bar = {{PCI_BAR_IO, 16, &io_ops, "part-io"},
	    {PCI_BAR_NONE, 0, NULL, NULL},
	    {PCI_BAR_MEMORY, 0x1000, &memory_ops, "part-memory"}},
};

static const struct device_class part_class = {
    .name = "part",
    .state_size = sizeof(struct part),
    .realize = pci_attach,
    .reset = pci_reset,
    .restored = pci_restored,
    .pci = &part_pci,
};

static bool line[4];

static void line_set(struct device *d, unsigned pin, bool level)
{
	line[pin] = level;
}

static const struct device_class line_class = {.name = "lines", .set_irq = line_set};
static struct device lines = {.class = &line_class, .id = "lines"};
static struct device part[3], host;

/* ---- */

static int setup(void **state)
{
	static const uint8_t address[3] = {FIRST, SECOND, THIRD};

	memset(arena, 0, sizeof(arena));
	memset(line, 0, sizeof(line));
	m = calloc(1, sizeof(*m));
	m->arena = arena;
	host = (struct device){.id = "host", .machine = m};
	for (unsigned i = 0; i < 4; i++)
		m->bus.intx[i] = (struct irq){&lines, i};
	for (unsigned i = 0; i < 3; i++) {
		part[i] = (struct device){.class = &part_class,
					  .machine = m,
					  .id = "part",
					  .state_offset = 1024 * (i + 1),
					  .pci_address = address[i]};
		assert_int_equal(part[i].class->realize(&part[i], NULL), 0);
		part[i].class->reset(&part[i]);
	}
	return 0;
}

static int teardown(void **state)
{
	free(m);
	return 0;
}

static uint32_t get(unsigned address, unsigned offset, unsigned size)
{
	return pci_config_read(&host, address, offset, size);
}

static void put(unsigned address, unsigned offset, unsigned size, uint32_t value)
{
	pci_config_write(&host, address, offset, size, value);
}

/* 6.1: the header; 6.1 also: reserved registers read as zeros and ignore writes. */
static void test_header(void **state)
{
	assert_int_equal(get(FIRST, 0, 4), 0x56781234);
	assert_int_equal(get(FIRST, 8, 4), 0x07800009);
	assert_int_equal(get(FIRST, 0x3d, 1), 1);
	put(FIRST, 0x3c, 4, 0xffffffff);
	assert_int_equal(get(FIRST, 0x3c, 4), 0x000001ff);
	put(FIRST, 0x44, 4, 0xffffffff);
	assert_int_equal(get(FIRST, 0x44, 4), 0);
	put(FIRST, 0x40, 4, 0xffffffff);
	assert_int_equal(get(FIRST, 0x40, 4), 0x00005f5f);
	put(FIRST, 0x04, 2, 0xffff);
	assert_int_equal(get(FIRST, 0x04, 2), 0x0407);
	assert_int_equal(get(PCI_ADDRESS(3, 0), 0, 4), 0xffffffff);
}

static void test_address_taken(void **state)
{
	struct error e = {0};
	struct device d = part[0];

	assert_int_equal(d.class->realize(&d, &e), -1);
	assert_int_equal(e.kind, ERROR_USAGE);
	assert_non_null(strstr(e.text, "01.0"));
}

/* 6.2.5.1: all ones come back as the region's size; bit 0 says which space. */
static void test_sizing(void **state)
{
	put(FIRST, 0x10, 4, 0xffffffff);
	put(FIRST, 0x14, 4, 0xffffffff);
	put(FIRST, 0x18, 4, 0xffffffff);
	assert_int_equal(get(FIRST, 0x10, 4), 0xfffffff1);
	assert_int_equal(get(FIRST, 0x14, 4), 0);
	assert_int_equal(get(FIRST, 0x18, 4), 0xfffff000);
}

/* 6.2.2: the command register switches decoding on, for each space. */
static void test_windows(void **state)
{
	const struct part *s = device_state(&part[0]);

	put(FIRST, 0x10, 4, 0xc000);
	put(FIRST, 0x18, 4, 0xfeb00000);
	assert_int_equal(bus_port_read(&m->bus, 0xc004, 1), 0xff);
	put(FIRST, 0x04, 2, PCI_COMMAND_IO);
	assert_int_equal(bus_port_read(&m->bus, 0xc004, 1), 0x14);
	assert_int_equal(bus_port_read(&m->bus, 0xc010, 1), 0xff);
	assert_int_equal(bus_memory_read(&m->bus, 0xfeb00010, 4), 0xffffffff);
	put(FIRST, 0x04, 2, PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
	assert_int_equal(bus_memory_read(&m->bus, 0xfeb00010, 4), 0x4010);
	bus_port_write(&m->bus, 0xc000, 4, 0x11223344);
	bus_memory_write(&m->bus, 0xfeb00ffc, 4, 0x55667788);
	assert_int_equal(s->last[0], 0x11223344);
	assert_int_equal(s->last[1], 0x55667788);
	/* Moved, one byte of the register at a time. */
	put(FIRST, 0x11, 1, 0xd0);
	assert_int_equal(bus_port_read(&m->bus, 0xc004, 1), 0xff);
	assert_int_equal(bus_port_read(&m->bus, 0xd004, 1), 0x14);
	/* A reset takes them away. */
	part[0].class->reset(&part[0]);
	assert_int_equal(bus_port_read(&m->bus, 0xd004, 1), 0xff);
}

static uint64_t fixed_read(struct device *d, uint64_t offset, unsigned size)
{
	return 0x99;
}

/* What is decoded on the board itself has precedence. */
static void test_fixed_first(void **state)
{
	static const struct region_ops ops = {.read = fixed_read, .max_size = 1};

	assert_int_equal(bus_add_ports(&m->bus, &lines, 0x3f8, 8, &ops, "fixed", NULL), 0);
	assert_int_equal(bus_add_memory(&m->bus, &lines, 0xfec00000, 0x800, &ops, "fixed", NULL),
			 0);
	put(FIRST, 0x10, 4, 0x3f0);
	put(FIRST, 0x18, 4, 0xfec00000);
	put(FIRST, 0x04, 2, PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
	assert_int_equal(bus_port_read(&m->bus, 0x3f4, 1), 0x14);
	assert_int_equal(bus_port_read(&m->bus, 0x3f8, 1), 0x99);
	assert_int_equal(bus_memory_read(&m->bus, 0xfec00000, 1), 0x99);
	assert_int_equal(bus_memory_read(&m->bus, 0xfec00800, 2), 0x4800);
}

/* Windows follow from the state: put the state back, and they are back. */
static void test_restored(void **state)
{
	uint8_t copy[sizeof(arena)];

	put(FIRST, 0x10, 4, 0xc000);
	put(FIRST, 0x04, 2, PCI_COMMAND_IO);
	memcpy(copy, arena, sizeof(arena));
	put(FIRST, 0x10, 4, 0xe000);
	put(SECOND, 0x10, 4, 0xd000);
	put(SECOND, 0x04, 2, PCI_COMMAND_IO);
	memcpy(arena, copy, sizeof(arena));
	for (unsigned i = 0; i < 3; i++)
		part[i].class->restored(&part[i]);
	assert_int_equal(bus_port_read(&m->bus, 0xc001, 1), 0x11);
	assert_int_equal(bus_port_read(&m->bus, 0xd001, 1), 0xff);
	assert_int_equal(bus_port_read(&m->bus, 0xe001, 1), 0xff);
}

/* 2.2.6: INTA# of slot 1 and of slot 5 share a line; slot 2 has the next one. */
static void test_interrupts(void **state)
{
	pci_set_intx(&part[0], true);
	assert_true(line[0] && !line[1] && !line[2] && !line[3]);
	pci_set_intx(&part[1], true);
	assert_true(line[0] && line[1]);
	pci_set_intx(&part[2], true);
	pci_set_intx(&part[0], false);
	assert_true(line[0]);
	/* 6.2.3: the status bit shows the pin, whatever 6.2.2's disable bit says. */
	put(THIRD, 0x04, 2, PCI_COMMAND_INTX_OFF);
	assert_false(line[0]);
	assert_int_equal(get(THIRD, 0x06, 2), 8);
	assert_int_equal(get(FIRST, 0x06, 2), 0);
	put(THIRD, 0x04, 2, 0);
	assert_true(line[0]);
	pci_set_intx(&part[2], false);
	assert_false(line[0]);
	assert_true(line[1]);
}

/* Nonsense in every register, then accesses all over: nothing but answers. */
static void test_nonsense(void **state)
{
	uint64_t seed = 1;

	for (unsigned i = 0; i < 20000; i++) {
		unsigned offset, size;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		size = 1 + (seed >> 20) % 4;
		offset = (seed >> 24 & 0xfc) + (seed >> 34) % (5 - size);
		put((unsigned)(seed >> 40), offset, size, (uint32_t)(seed >> 32));
		get((unsigned)(seed >> 40), offset, size);
		bus_port_write(&m->bus, (uint16_t)(seed >> 13), 4, seed);
		bus_memory_read(&m->bus, (uint32_t)(seed >> 17), 8);
	}
	assert_int_equal(get(FIRST, 0, 4), 0x56781234);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_header),     TEST(test_address_taken), TEST(test_sizing),
	    TEST(test_windows),    TEST(test_fixed_first),   TEST(test_restored),
	    TEST(test_interrupts), TEST(test_nonsense),
	};

	return cmocka_run_group_tests_name("bus/pci", tests, NULL, NULL);
}
