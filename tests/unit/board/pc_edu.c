/* SPDX-License-Identifier: Apache-2.0 */
/*
 * -device edu on board pc, by QEMU's docs/specs/edu: that it is where a guest looks for it, its
 * registers, its interrupts up to the I/O APIC, and DMA, also with addresses that are wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "emulator/bus/pci.h"
#include "emulator/snapshot.h"
#include "tests/unit/board/pc_fixture.h"

#define FIRST  PCI_ADDRESS(3, 0)
#define SECOND PCI_ADDRESS(4, 0)
#define BASE   0xd0000000u
#define OTHER  0xd0100000u

static uint32_t config_read(unsigned address, unsigned offset, unsigned size)
{
	bus_port_write(&m->bus, 0xcf8, 4, 0x80000000u | address << 8 | (offset & ~3u));
	return (uint32_t)bus_port_read(&m->bus, (uint16_t)(0xcfc + offset % 4), size);
}

static void config_write(unsigned address, unsigned offset, unsigned size, uint32_t value)
{
	bus_port_write(&m->bus, 0xcf8, 4, 0x80000000u | address << 8 | (offset & ~3u));
	bus_port_write(&m->bus, (uint16_t)(0xcfc + offset % 4), size, value);
}

static uint64_t get(uint64_t offset, unsigned size)
{
	return bus_memory_read(&m->bus, BASE + offset, size);
}

static void put(uint64_t offset, unsigned size, uint64_t value)
{
	bus_memory_write(&m->bus, BASE + offset, size, value);
}

static void place(unsigned address, uint32_t base)
{
	config_write(address, 0x10, 4, base);
	config_write(address, 4, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static void power_on_edu(const char *device)
{
	add_kernel();
	add_device(device);
	power_on();
	place(FIRST, BASE);
}

static void pass(uint64_t ns)
{
	machine_state(m)->time_base += ns;
	machine_run_timers(m);
}

/* IRQ 11 as the slave 8259 sees it: PIRQC#, which INTA# of slot 3 leads to. */
static bool irq_asserted(void)
{
	bus_port_write(&m->bus, 0xa0, 1, 0x0a);
	return bus_port_read(&m->bus, 0xa0, 1) & 8;
}

static void test_configuration(void **state)
{
	add_kernel();
	add_device("edu");
	add_device("edu");
	power_on();
	assert_int_equal(config_read(FIRST, 0, 4), 0x11e81234);
	assert_int_equal(config_read(SECOND, 0, 4), 0x11e81234);
	assert_int_equal(config_read(FIRST, 0x3d, 1), 1);
	config_write(FIRST, 0x10, 4, UINT32_MAX);
	assert_int_equal(config_read(FIRST, 0x10, 4), 0xfff00000);
	assert_int_equal(get(0, 4), 0xffffffff);
	place(FIRST, BASE);
	place(SECOND, OTHER);
	assert_int_equal(get(0, 4), 0x010000ed);
	put(4, 4, 1);
	assert_int_equal(bus_memory_read(&m->bus, OTHER + 4, 4), 0);
	assert_int_equal(get(4, 4), 0xfffffffe);
}

/* More than a machine takes. */
static void test_too_many(void **state)
{
	add_kernel();
	for (unsigned i = 0; i < 30; i++)
		add_device("edu");
	refuses("no room for device edu");
}

static void test_registers(void **state)
{
	power_on_edu("edu");
	put(4, 4, 0x12345678);
	assert_int_equal(get(4, 4), 0xedcba987);
	/* Only as wide as they are. */
	assert_int_equal(get(4, 1), 0);
	assert_true(get(4, 8) == UINT64_MAX);
	put(4, 2, 0);
	put(4, 8, 0);
	assert_int_equal(get(4, 4), 0xedcba987);
	put(0x80, 8, 0x123456789abcull);
	assert_int_equal(get(0x80, 8), 0x123456789abcull);
	assert_int_equal(get(0x80, 4), 0x56789abc);
	put(0x80, 2, 0);
	assert_int_equal(get(0x80, 8), 0x123456789abcull);
	put(0, 4, 0);
	assert_int_equal(get(0, 4), 0x010000ed);
	assert_int_equal(get(0x60, 4), 0xffffffff);
	assert_int_equal(get(0xffff8, 8), UINT64_MAX);
}

static uint32_t factorial(uint32_t n)
{
	put(8, 4, n);
	assert_int_equal(get(0x20, 4) & 1, 1);
	put(8, 4, 3); /* not while it computes */
	pass(1000);
	assert_int_equal(get(0x20, 4) & 1, 0);
	return (uint32_t)get(8, 4);
}

static void test_factorial(void **state)
{
	power_on_edu("edu");
	assert_int_equal(factorial(0), 1);
	assert_int_equal(factorial(1), 1);
	assert_int_equal(factorial(12), 479001600);
	assert_int_equal(factorial(13), (uint32_t)6227020800);
	assert_int_equal(factorial(33), 0x80000000);
	assert_int_equal(factorial(34), 0);
	assert_int_equal(factorial(UINT32_MAX), 0);
	assert_false(irq_asserted());
	put(0x20, 4, 0xff);
	assert_int_equal(get(0x20, 4), 0x80);
	factorial(5);
	assert_true(irq_asserted());
	assert_int_equal(get(0x24, 4), 1);
}

static void test_interrupts(void **state)
{
	power_on_edu("edu");
	put(0x60, 4, 0x1001);
	assert_true(irq_asserted());
	assert_int_equal(config_read(FIRST, 6, 2) & PCI_STATUS_INTX, PCI_STATUS_INTX);
	put(0x64, 4, 0x1000);
	assert_int_equal(get(0x24, 4), 1);
	assert_true(irq_asserted());
	put(0x64, 4, 1);
	assert_false(irq_asserted());
	/* Switched off in the command register. */
	put(0x60, 4, 2);
	config_write(FIRST, 5, 1, PCI_COMMAND_INTX_OFF >> 8);
	assert_false(irq_asserted());
	config_write(FIRST, 5, 1, 0);
	assert_true(irq_asserted());
}

/* SCI and the function on one interrupt, which is high while one of them asks for it. */
static void test_shared(void **state)
{
	power_on_edu("edu");
	bus_port_write(&m->bus, 0x4d1, 1, 0x0e);
	config_write(PCI_ADDRESS(1, 0), 0x62, 1, 9);
	bus_port_write(&m->bus, 0xa0, 1, 0x0a);
	/* PM timer status, enabled, as SCI. */
	bus_port_write(&m->bus, 0xb2, 1, 0xf1);
	bus_port_write(&m->bus, 0x602, 2, 1);
	pass(3000000000);
	assert_int_equal(bus_port_read(&m->bus, 0xa0, 1) & 2, 2);
	put(0x60, 4, 1);
	put(0x64, 4, 1);
	assert_int_equal(bus_port_read(&m->bus, 0xa0, 1) & 2, 2);
	put(0x60, 4, 1);
	bus_port_write(&m->bus, 0x602, 2, 0);
	assert_int_equal(bus_port_read(&m->bus, 0xa0, 1) & 2, 2);
	put(0x64, 4, 1);
	assert_int_equal(bus_port_read(&m->bus, 0xa0, 1) & 2, 0);
	put(0x60, 4, 1);
	bus_port_write(&m->bus, 0x602, 2, 1);
	config_write(PCI_ADDRESS(1, 0), 0x62, 1, 0x80);
	assert_int_equal(bus_port_read(&m->bus, 0xa0, 1) & 2, 2);
	bus_port_write(&m->bus, 0x602, 2, 0);
	assert_int_equal(bus_port_read(&m->bus, 0xa0, 1) & 2, 0);
}

/* The line is low after a reset, and the next interrupt is seen. */
static void test_reset(void **state)
{
	power_on_edu("edu");
	put(0x60, 4, 1);
	put(8, 4, 5);
	machine_reset(m);
	bus_port_write(&m->bus, 0x4d1, 1, 0x0c);
	assert_false(irq_asserted());
	config_write(PCI_ADDRESS(1, 0), 0x62, 1, 11);
	assert_false(irq_asserted());
	place(FIRST, BASE);
	assert_int_equal(get(0x24, 4), 0);
	assert_int_equal(get(0x20, 4), 0);
	pass(100000);
	assert_int_equal(get(8, 4), 0);
	put(0x60, 4, 1);
	assert_true(irq_asserted());
}

static void transfer(uint64_t source, uint64_t destination, uint64_t count, unsigned command)
{
	put(0x80, 8, source);
	put(0x88, 8, destination);
	put(0x90, 8, count);
	put(0x98, 4, command);
	put(0x90, 8, 1); /* not while it runs */
	put(0x98, 4, 0);
	pass(1000);
	assert_int_equal(get(0x98, 4), command & 6);
}

static void test_dma(void **state)
{
	uint8_t *ram;

	power_on_edu("edu");
	ram = m->ram.base + 0x200000;
	for (unsigned i = 0; i < 4096; i++)
		ram[i] = (uint8_t)(i * 7);
	transfer(0x200000, 0x40000, 4096, 1);
	assert_false(irq_asserted());
	transfer(0x40001, 0x203000, 4095, 7);
	assert_memory_equal(ram + 0x3000, ram + 1, 4095);
	assert_true(irq_asserted());
	assert_int_equal(get(0x24, 4), 0x100);
	/* Its addresses have 28 bits. */
	transfer(0x40000, 0x1000000000204000, 16, 3);
	assert_memory_equal(ram + 0x4000, ram, 16);
}

/* Not a byte beyond the buffer, and none at all of such a transfer. */
static void test_dma_beyond(void **state)
{
	static const struct {
		uint64_t address, count;
	} wrong[] = {
	    {0x40000, 4097},       {0x40001, 4096}, {0x41000, 1},     {0x3ffff, 1},
	    {0x40000, UINT64_MAX}, {0, 16},         {UINT64_MAX, 16}, {0x41001, 0},
	};
	uint8_t zeros[4096] = {0};

	power_on_edu("edu");
	memset(m->ram.base + 0x200000, 0xcc, 16384);
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		transfer(0x200000, wrong[i].address, wrong[i].count, 1);
		transfer(wrong[i].address, 0x206000, wrong[i].count, 3);
	}
	/* Nor when it may not. */
	config_write(FIRST, 4, 1, PCI_COMMAND_MEMORY);
	transfer(0x200000, 0x40000, 4096, 1);
	config_write(FIRST, 4, 1, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	transfer(0x40000, 0x206000, 4096, 3);
	assert_memory_equal(m->ram.base + 0x206000, zeros, 4096);
}

static void test_dma_mask(void **state)
{
	power_on_edu("edu,dma_mask=0xffff");
	m->ram.base[0x1234] = 0x5a;
	transfer(0x7771234, 0x40000, 1, 1);
	transfer(0x40000, 0x9993333, 1, 3);
	assert_int_equal(m->ram.base[0x3333], 0x5a);
}

/* Where its registers are is state too. */
static void test_snapshot(void **state)
{
	struct snapshot *s;

	power_on_edu("edu");
	put(0x60, 4, 4);
	s = snapshot_take(m, &error);
	assert_non_null(s);
	place(FIRST, OTHER);
	bus_memory_write(&m->bus, OTHER + 0x64, 4, 4);
	assert_false(irq_asserted());
	snapshot_restore(m, s);
	snapshot_free(s);
	assert_int_equal(get(0x24, 4), 4);
	assert_true(irq_asserted());
	assert_int_equal(bus_memory_read(&m->bus, OTHER, 4), 0xffffffff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_configuration), TEST(test_too_many),   TEST(test_registers),
	    TEST(test_factorial),     TEST(test_interrupts), TEST(test_reset),
	    TEST(test_dma),           TEST(test_dma_beyond), TEST(test_dma_mask),
	    TEST(test_snapshot),      TEST(test_shared),
	};

	return cmocka_run_group_tests_name("board/pc_edu", tests, NULL, NULL);
}
