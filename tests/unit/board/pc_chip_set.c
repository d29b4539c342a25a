/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The 440FX chip set as a guest of board pc finds it: configuration mechanism 1, shadow RAM,
 * interrupt routing, reset. Register numbers and bits are those of the 82441FX, 82371SB (PIIX3)
 * and 82371AB (PIIX4) data sheets; mechanism 1 is PCI 2.3, 3.2.2.3.2.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "emulator/bus/pci.h"
#include "emulator/snapshot.h"
#include "tests/unit/board/pc_fixture.h"

#define HOST   PCI_ADDRESS(0, 0)
#define BRIDGE PCI_ADDRESS(1, 0)
#define PM     PCI_ADDRESS(1, 3)

static void select_register(unsigned address, unsigned offset)
{
	bus_port_write(&m->bus, 0xcf8, 4, 0x80000000u | address << 8 | (offset & ~3u));
}

static uint32_t config_read(unsigned address, unsigned offset, unsigned size)
{
	select_register(address, offset);
	return (uint32_t)bus_port_read(&m->bus, (uint16_t)(0xcfc + offset % 4), size);
}

static void config_write(unsigned address, unsigned offset, unsigned size, uint32_t value)
{
	select_register(address, offset);
	bus_port_write(&m->bus, (uint16_t)(0xcfc + offset % 4), size, value);
}

/* 128 KiB of firmware: byte n is n / 256 ^ n. */
static void power_on_firmware(void)
{
	static uint8_t bios[0x20000];

	for (unsigned i = 0; i < sizeof(bios); i++)
		bios[i] = (uint8_t)(i >> 8 ^ i);
	add_image(IMAGE_BIOS, bios, sizeof(bios));
	power_on();
}

static uint8_t rom_byte(uint64_t gpa)
{
	uint64_t at = gpa & 0x1ffff;

	return (uint8_t)(at >> 8 ^ at);
}

/* ---- configuration mechanism 1 ---- */

static void test_address_register(void **state)
{
	power_on_firmware();
	bus_port_write(&m->bus, 0xcf8, 4, 0xffffffff);
	/* Bits 30..24 are reserved, 1..0 are zeros. */
	assert_int_equal(bus_port_read(&m->bus, 0xcf8, 4), 0x80fffffc);
	/* Bytes and words are ordinary I/O, and nobody is there. */
	bus_port_write(&m->bus, 0xcf8, 1, 0);
	bus_port_write(&m->bus, 0xcf8, 2, 0);
	bus_port_write(&m->bus, 0xcfb, 1, 1);
	assert_int_equal(bus_port_read(&m->bus, 0xcf8, 1), 0xff);
	assert_int_equal(bus_port_read(&m->bus, 0xcf8, 2), 0xffff);
	assert_int_equal(bus_port_read(&m->bus, 0xcfb, 1), 0xff);
	assert_int_equal(bus_port_read(&m->bus, 0xcf8, 4), 0x80fffffc);
}

static void test_data_register(void **state)
{
	power_on_firmware();
	assert_int_equal(config_read(HOST, 0, 4), 0x12378086);
	assert_int_equal(config_read(HOST, 2, 2), 0x1237);
	assert_int_equal(config_read(HOST, 3, 1), 0x12);
	assert_int_equal(config_read(HOST, 1, 2), 0x3780);
	/* Beyond the four data ports nobody answers. */
	select_register(HOST, 0);
	assert_int_equal(bus_port_read(&m->bus, 0xcff, 2), 0xff12);
	/* Not enabled. */
	bus_port_write(&m->bus, 0xcf8, 4, 0);
	assert_int_equal(bus_port_read(&m->bus, 0xcfc, 4), 0xffffffff);
	/* Another bus, an empty slot, a function that is not there. */
	bus_port_write(&m->bus, 0xcf8, 4, 0x80010000);
	assert_int_equal(bus_port_read(&m->bus, 0xcfc, 4), 0xffffffff);
	assert_int_equal(config_read(PCI_ADDRESS(2, 0), 0, 4), 0xffffffff);
	assert_int_equal(config_read(PCI_ADDRESS(1, 1), 0, 4), 0xffffffff);
	config_write(PCI_ADDRESS(2, 0), 4, 4, 7);
}

/* What firmware and Linux know these parts by. */
static void test_functions(void **state)
{
	power_on_firmware();
	assert_int_equal(config_read(HOST, 8, 4), 0x06000002);
	assert_int_equal(config_read(BRIDGE, 0, 4), 0x70008086);
	assert_int_equal(config_read(BRIDGE, 8, 4), 0x06010000);
	assert_int_equal(config_read(BRIDGE, 14, 1), 0x80); /* more functions in this slot */
	assert_int_equal(config_read(PM, 0, 4), 0x71138086);
	assert_int_equal(config_read(PM, 0x40, 4), 0x601); /* PMBASE */
	assert_int_equal(config_read(PM, 0x80, 1), 1);     /* PMREGMISC: decoded */
	config_write(PM, 0x40, 4, 0xb001);
	assert_int_equal(config_read(PM, 0x40, 4), 0x601);
	/* Vendor, device and class are read-only. */
	config_write(HOST, 0, 4, 0);
	config_write(HOST, 8, 4, 0);
	assert_int_equal(config_read(HOST, 0, 4), 0x12378086);
	assert_int_equal(config_read(HOST, 8, 4), 0x06000002);
}

/* ---- shadow RAM (82441FX 3.2.15) ---- */

static uint8_t guest_read(uint64_t gpa)
{
	const uint8_t *p = machine_ram_at(m, gpa, 1);

	return p ? *p : (uint8_t)bus_memory_read(&m->bus, gpa, 1);
}

/* As a store of the guest's ends: in RAM that may be written, else on the bus. */
static void guest_write(uint64_t gpa, uint8_t value)
{
	bool writable = false;
	uint64_t page = m->vcpu.ops->ram_page(m, gpa & ~0xfffull, &writable);

	if (page != UINT64_MAX && writable)
		m->ram.base[page + (gpa & 0xfff)] = value;
	else
		bus_memory_write(&m->bus, gpa, 1, value);
}

static void test_shadow(void **state)
{
	const uint64_t at = 0xf1234;
	uint8_t rom = rom_byte(at), other = (uint8_t)~rom;

	power_on_firmware();
	assert_int_equal(config_read(HOST, 0x59, 1), 0);
	/* After reset everything goes to PCI, where the ROM is. */
	assert_int_equal(guest_read(at), rom);
	guest_write(at, other);
	assert_int_equal(guest_read(at), rom);
	/* Reads from ROM, writes to RAM: the copy under oneself. */
	config_write(HOST, 0x59, 1, 0x20);
	guest_write(at, other);
	assert_int_equal(guest_read(at), rom);
	assert_int_equal(rom, guest_read(0xfffff000 - 0xff000 + at));
	/* Reads from RAM, writes to PCI. */
	config_write(HOST, 0x59, 1, 0x10);
	assert_int_equal(guest_read(at), other);
	guest_write(at, 0x77);
	assert_int_equal(guest_read(at), other);
	/* Plain RAM. */
	config_write(HOST, 0x59, 1, 0x30);
	guest_write(at, 0x77);
	assert_int_equal(guest_read(at), 0x77);
	/* And the ROM again, unharmed. */
	config_write(HOST, 0x59, 1, 0);
	assert_int_equal(guest_read(at), rom);
}

/* Each register holds two segments of 16 KiB, the lower half the lower one. */
static void test_segments(void **state)
{
	power_on_firmware();
	for (unsigned n = 0; n < 12; n++) {
		uint64_t base = 0xc0000 + n * 0x4000;

		config_write(HOST, 0x5a + n / 2, 1, n % 2 ? 0x30 : 0x03);
		for (unsigned other = 0; other < 13; other++) {
			const struct slot *s = bus_find_slot(&m->bus, 0xc0000 + other * 0x4000);

			assert_int_equal(s->view, other == n ? SLOT_READ_WRITE : SLOT_BEHIND);
		}
		guest_write(base + 0x3fff, (uint8_t)n);
		assert_int_equal(guest_read(base + 0x3fff), n);
		config_write(HOST, 0x5a + n / 2, 1, 0);
		assert_int_equal(guest_read(base + 0x3fff),
				 base < 0xe0000 ? 0xff : rom_byte(base + 0x3fff));
	}
	/* A doubleword switches several. */
	config_write(HOST, 0x58, 4, 0x33333000);
	assert_int_equal(bus_find_slot(&m->bus, 0xf0000)->view, SLOT_READ_WRITE);
	assert_int_equal(bus_find_slot(&m->bus, 0xc0000)->view, SLOT_READ_WRITE);
	assert_int_equal(bus_find_slot(&m->bus, 0xcc000)->view, SLOT_READ_WRITE);
	assert_int_equal(bus_find_slot(&m->bus, 0xd0000)->view, SLOT_BEHIND);
	/* A reset closes them. */
	machine_reset(m);
	assert_int_equal(bus_find_slot(&m->bus, 0xf0000)->view, SLOT_BEHIND);
	assert_int_equal(config_read(HOST, 0x59, 1), 0);
}

/* A kernel without firmware finds RAM, as firmware would have left it. */
static void test_opened_for_kernel(void **state)
{
	add_kernel();
	power_on();
	for (uint64_t gpa = 0xc0000; gpa < MIB; gpa += 0x4000)
		assert_int_equal(bus_find_slot(&m->bus, gpa)->view, SLOT_READ_WRITE);
	assert_non_null(machine_ram_at(m, 0xc0000, 2 * MIB));
	assert_null(machine_ram_at(m, 0x9f000, 0x2000));
	assert_int_equal(config_read(BRIDGE, 0x60, 4), 0x0b0b0a0a);
	assert_int_equal(bus_port_read(&m->bus, 0x4d1, 1), 0x0c);
}

/* What is mapped is state: a snapshot brings it back. */
static void test_snapshot(void **state)
{
	struct snapshot *s;

	power_on_firmware();
	config_write(HOST, 0x59, 4, 0x00002030);
	s = snapshot_take(m, &error);
	assert_non_null(s);
	config_write(HOST, 0x59, 4, 0x33333300);
	snapshot_restore(m, s);
	snapshot_free(s);
	assert_int_equal(bus_find_slot(&m->bus, 0xf0000)->view, SLOT_READ_WRITE);
	assert_int_equal(bus_find_slot(&m->bus, 0xc0000)->view, SLOT_BEHIND);
	assert_int_equal(bus_find_slot(&m->bus, 0xc4000)->view, SLOT_WRITE);
	guest_write(0xc4000, 0x12);
	config_write(HOST, 0x5a, 1, 0x30);
	assert_int_equal(guest_read(0xc4000), 0x12);
}

/*
 * A guest that runs in the memory it switches: in ROM it writes PAM, and the next instruction
 * comes from RAM, which has other code there.
 */
static void test_switch_under_code(void **state)
{
	static const uint8_t rom_code[] = {
	    0x66, 0xb8, 0x58, 0, 0, 0x80, /* mov $0x80000058, %eax */
	    0xba, 0xf8, 0x0c,             /* mov $0xcf8, %dx */
	    0x66, 0xef,                   /* out %eax, (%dx) */
	    0xba, 0xfd, 0x0c,             /* mov $0xcfd, %dx */
	    0xb0, 0x30,                   /* mov $0x30, %al */
	    0xee,                         /* out %al, (%dx) */
	    0xeb, 0xfe,                   /* jmp . */
	};
	static const uint8_t ram_code[] = {
	    0xb8, 0x00, 0x20, /* mov $0x2000, %ax */
	    0xba, 0x04, 0x06, /* mov $0x604, %dx */
	    0xef,             /* out %ax, (%dx) */
	    0xf4,             /* hlt */
	};
	static const uint8_t jump[] = {0xea, 0, 0, 0, 0xf0}; /* ljmp $0xf000, $0 */
	static uint8_t bios[0x10000];

	memcpy(bios, rom_code, sizeof(rom_code));
	memcpy(bios + 0xfff0, jump, sizeof(jump));
	add_image(IMAGE_BIOS, bios, sizeof(bios));
	power_on();
	memcpy(m->ram.base + 0xf0000 + sizeof(rom_code) - 2, ram_code, sizeof(ram_code));
	m->max_insns = 1000;
	assert_int_equal(machine_run(m), STOP_POWEROFF);
}

/*
 * How firmware shadows itself: it runs in the ROM, copies it to where it is, and goes on in the
 * copy, which is RAM then.
 */
static void test_copy_under_code(void **state)
{
	static const uint8_t code[] = {
	    0x66, 0xb8, 0x58, 0,    0, 0x80, /* mov $0x80000058, %eax */
	    0xba, 0xf8, 0x0c,                /* mov $0xcf8, %dx */
	    0x66, 0xef,                      /* out %eax, (%dx) */
	    0xba, 0xfd, 0x0c,                /* mov $0xcfd, %dx */
	    0xb0, 0x20,                      /* mov $0x20, %al */
	    0xee,                            /* out %al, (%dx): write RAM, read ROM */
	    0x8c, 0xc8,                      /* mov %cs, %ax */
	    0x8e, 0xd8,                      /* mov %ax, %ds */
	    0x8e, 0xc0,                      /* mov %ax, %es */
	    0x31, 0xf6,                      /* xor %si, %si */
	    0x31, 0xff,                      /* xor %di, %di */
	    0xb9, 0x00, 0x80,                /* mov $0x8000, %cx */
	    0xfc,                            /* cld */
	    0xf3, 0xa5,                      /* rep movsw */
	    0xb0, 0x30,                      /* mov $0x30, %al */
	    0xee,                            /* out %al, (%dx): RAM */
	    0xfe, 0x06, 0x00, 0x10,          /* incb 0x1000 */
	    0xb8, 0x00, 0x20,                /* mov $0x2000, %ax */
	    0xba, 0x04, 0x06,                /* mov $0x604, %dx */
	    0xef,                            /* out %ax, (%dx) */
	    0xf4,                            /* hlt */
	};
	static const uint8_t jump[] = {0xea, 0, 0, 0, 0xf0}; /* ljmp $0xf000, $0 */
	static uint8_t bios[0x10000];

	for (unsigned i = 0; i < sizeof(bios); i++)
		bios[i] = (uint8_t)(i >> 8 ^ i);
	memcpy(bios, code, sizeof(code));
	memcpy(bios + 0xfff0, jump, sizeof(jump));
	add_image(IMAGE_BIOS, bios, sizeof(bios));
	power_on();
	m->max_insns = 100000;
	assert_int_equal(machine_run(m), STOP_POWEROFF);
	assert_int_equal(guest_read(0xf1000), (uint8_t)(bios[0x1000] + 1));
	assert_int_equal(guest_read(0xffff1000), bios[0x1000]);
	bios[0x1000]++;
	assert_memory_equal(m->ram.base + 0xf0000, bios, sizeof(bios));
}

/* ---- the ISA bridge ---- */

/* PIRQRC: bits 3..0 the interrupt, bit 7 off (82371SB 2.2.10). */
static void test_interrupt_routing(void **state)
{
	struct device *bridge, *isa;

	power_on_firmware();
	bridge = machine_find_device(m, "piix3");
	isa = machine_find_device(m, "isa-irq");
	assert_ptr_equal(bridge->out[11].to, isa);
	assert_int_equal(config_read(BRIDGE, 0x60, 4), 0x80808080);
	/* Level 10 and 11 as inputs of the slave 8259, seen in its request register. */
	bus_port_write(&m->bus, 0x4d1, 1, 0x0c);
	bus_port_write(&m->bus, 0xa0, 1, 0x0a);
	irq_set(m->bus.intx[0], true);
	assert_int_equal(bus_port_read(&m->bus, 0xa0, 1) & 0x0c, 0);
	config_write(BRIDGE, 0x60, 1, 10);
	assert_int_equal(bus_port_read(&m->bus, 0xa0, 1) & 0x0c, 4);
	config_write(BRIDGE, 0x60, 1, 11);
	assert_int_equal(bus_port_read(&m->bus, 0xa0, 1) & 0x0c, 8);
	/* Two on one line: low when neither asks. */
	config_write(BRIDGE, 0x63, 1, 11);
	irq_set(m->bus.intx[3], true);
	irq_set(m->bus.intx[0], false);
	assert_int_equal(bus_port_read(&m->bus, 0xa0, 1) & 0x0c, 8);
	irq_set(m->bus.intx[3], false);
	assert_int_equal(bus_port_read(&m->bus, 0xa0, 1) & 0x0c, 0);
}

/* CF9h resets when bit 2 goes from 0 to 1; a PCI configuration address is no such write. */
static void test_reset_control(void **state)
{
	power_on_firmware();
	bus_port_write(&m->bus, 0xcf9, 1, 0x02);
	assert_false(machine_state(m)->reset_requested);
	assert_int_equal(bus_port_read(&m->bus, 0xcf9, 1), 0x02);
	bus_port_write(&m->bus, 0xcf8, 4, 0x80000000 | 0x0600);
	assert_false(machine_state(m)->reset_requested);
	assert_int_equal(bus_port_read(&m->bus, 0xcf9, 1), 0x02);
	bus_port_write(&m->bus, 0xcf9, 1, 0x06);
	assert_true(machine_state(m)->reset_requested);
	machine_state(m)->reset_requested = false;
	bus_port_write(&m->bus, 0xcf9, 1, 0x06);
	assert_false(machine_state(m)->reset_requested);
	bus_port_write(&m->bus, 0xcf9, 1, 0x00);
	bus_port_write(&m->bus, 0xcf9, 1, 0x0e);
	assert_true(machine_state(m)->reset_requested);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_address_register), TEST(test_data_register),
	    TEST(test_functions),        TEST(test_shadow),
	    TEST(test_segments),         TEST(test_opened_for_kernel),
	    TEST(test_snapshot),         TEST(test_switch_under_code),
	    TEST(test_copy_under_code),  TEST(test_interrupt_routing),
	    TEST(test_reset_control),
	};

	return cmocka_run_group_tests_name("board/pc_chip_set", tests, NULL, NULL);
}
