/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Board "pc": a PC with the 440FX chip set, ACPI and APICs. All its addresses and interrupts are
 * in pc_devices() and pc_memory(); README.md draws them.
 *
 * With -bios or -pflash, firmware starts at the reset vector and finds kernel, ACPI tables and
 * memory map in fw_cfg. Without, vcr itself does what firmware would have done: it sets up the chip
 * set, leaves the ACPI tables and a BIOS data area in low memory and enters the kernel.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/board/acpi_tables.h"
#include "emulator/board/fw_cfg_items.h"
#include "emulator/bus/pci.h"
#include "emulator/device/cfi01.h"
#include "emulator/device/i440fx.h"
#include "emulator/device/i8259.h"
#include "emulator/device/ioapic.h"
#include "emulator/device/lapic.h"
#include "emulator/device/mc146818.h"
#include "emulator/device/ns16550.h"
#include "emulator/device/options.h"
#include "emulator/device/piix3.h"
#include "emulator/loader/loader.h"
#include "emulator/machine.h"

#define GIB 0x40000000ull

#define LOW_END   0xa0000ull /* conventional memory; above it, the video hole */
#define ROM_LOW   0x20000ull /* how much of the end of the ROM is also seen below 1 MiB */
#define LOW_SPLIT (3 * GIB)  /* RAM below 4 GiB ends here at the latest */
#define HIGH_BASE (4 * GIB)  /* the rest of the RAM */
#define FLASH_MAX 0x1000000u /* all flash: above it are the APICs */

/* What vcr leaves in low memory for a kernel that it starts itself. */
#define BIOS_DATA   0x400u
#define EBDA        0x9fc00u /* extended BIOS data area, 1 KiB */
#define RSDP_BASE   0xf0000u
#define TABLES_BASE 0xf0040u
#define BIOS_AREA   0xf0000u /* reserved in the memory map, up to 1 MiB */

#define CHANNEL_DEBUG    2
#define CHANNEL_KEYBOARD 3 /* which nobody sits at, live */
#define USER_NAME        40

/* Interrupts of PIRQA# to PIRQD#; firmware for PCs chooses the same ones. */
static const uint8_t pirq[PIIX3_PIRQS] = {10, 10, 11, 11};

/* Host-side constants of one machine, in one allocation. */
struct pc {
	struct memory_map map;
	struct acpi_tables acpi;   /* for firmware to place */
	struct acpi_tables placed; /* at TABLES_BASE */
	struct mc146818_config rtc;
	struct fw_cfg_board fw_cfg;
	struct cfi01_config pflash[MACHINE_PFLASH];
	char user_id[MACHINE_DEVICES][USER_NAME];
};

/* ---- memory ---- */

static void map_add(struct memory_map *map, uint64_t base, uint64_t end, enum memory_kind kind)
{
	if (base < end)
		map->range[map->ranges++] = (struct memory_range){base, end - base, kind};
}

/*
 * 768 KiB to 1 MiB: RAM that the host bridge switches, with the end of the ROM behind it. `rom` is
 * that ROM's RAM offset and size.
 */
static int pc_segments(struct bus *bus, uint64_t rom, uint64_t rom_size, struct error *e)
{
	uint64_t low = rom_size < ROM_LOW ? rom_size : ROM_LOW;

	for (unsigned n = 0; n < I440FX_SEGMENTS; n++) {
		uint64_t base = i440fx_segment_base(n), from_end = MEMORY_MIB - base;

		if (bus_add_slot(bus, base, i440fx_segment_size(n), base, false, e))
			return -1;
		if (from_end <= low)
			bus_set_behind(bus, base, rom + rom_size - from_end);
	}
	return 0;
}

/*
 * Unit 0 ends at 4 GiB, so that the reset vector is in it; unit 1 ends where unit 0 begins. Returns
 * the size of both. Their arrays lie in this order too, from RAM offset `at` on.
 */
static uint64_t pc_place_flash(struct pc *pc, const struct machine_config *c, uint64_t at)
{
	uint64_t all = 0;

	for (unsigned i = 0; i < c->pflashes; i++) {
		uint64_t size = machine_config_image(c, IMAGE_PFLASH, i)->size;

		pc->pflash[i] = (struct cfi01_config){
		    .base = HIGH_BASE - all - size,
		    .size = size,
		    .ram_offset = at + all,
		    .unit = i,
		    .read_only = c->pflash[i] == PFLASH_READ_ONLY,
		};
		all += size;
	}
	return all;
}

/* What the chips hold when the machine is switched on for the first time. */
static void pc_fill_flash(struct machine *m, const struct pc *pc)
{
	for (unsigned i = 0; i < m->config.pflashes; i++) {
		const struct cfi01_config *flash = &pc->pflash[i];

		memcpy(m->ram.base + flash->ram_offset,
		       machine_config_image(&m->config, IMAGE_PFLASH, i)->data, flash->size);
		for (uint64_t at = 0; at < flash->size; at += RAM_PAGE)
			ram_page_dirty(&m->ram, (flash->ram_offset + at) / RAM_PAGE);
	}
}

/*
 * RAM offset and guest-physical address are the same below 3 GiB; ROM comes after all RAM, then
 * flash. There is one or the other at 4 GiB; its end is what is seen below 1 MiB.
 */
static int pc_memory(struct machine *m, struct pc *pc, const struct image *bios, struct error *e)
{
	struct bus *bus = &m->bus;
	uint64_t size = m->config.ram_size, rom = bios ? bios->size : 0;
	uint64_t low = size < LOW_SPLIT ? size : LOW_SPLIT, high = size - low;
	uint64_t flash = pc_place_flash(pc, &m->config, size);

	if (ram_open(&m->ram, size + rom + flash, e) ||
	    bus_add_slot(bus, 0, LOW_END, 0, false, e) ||
	    pc_segments(bus, size, rom ? rom : pc->pflash[0].size, e) ||
	    (low > MEMORY_MIB &&
	     bus_add_slot(bus, MEMORY_MIB, low - MEMORY_MIB, MEMORY_MIB, false, e)) ||
	    (high && bus_add_slot(bus, HIGH_BASE, high, low, false, e)) ||
	    (rom && bus_add_slot(bus, HIGH_BASE - rom, rom, size, true, e)))
		return -1;
	pc_fill_flash(m, pc);
	rom += flash;

	map_add(&pc->map, 0, EBDA, MEMORY_RAM);
	map_add(&pc->map, EBDA, LOW_END, MEMORY_RESERVED);
	map_add(&pc->map, BIOS_AREA, MEMORY_MIB, MEMORY_RESERVED);
	map_add(&pc->map, MEMORY_MIB, low, MEMORY_RAM);
	map_add(&pc->map, HIGH_BASE - rom, HIGH_BASE, MEMORY_RESERVED);
	map_add(&pc->map, HIGH_BASE, HIGH_BASE + high, MEMORY_RAM);
	pc->map.low_end = EBDA;
	pc->map.high_end = low;
	pc->map.rsdp = RSDP_BASE;
	pc->rtc = (struct mc146818_config){.ram_size = size, .ram_above_4g = high};
	return 0;
}

/* ---- devices ---- */

/*
 * Adds devices until one fails; after that, and for a device that is left out, it hands out a
 * scratch device, so that wiring needs no checks.
 */
struct builder {
	struct machine *m;
	struct error *e;
	bool failed;
	struct device scratch;
};

struct wiring {
	const void *data;
	int channel;
	const uint64_t *property;
	uint8_t pci_address;
};

static void wire(struct device *d, void *opaque)
{
	const struct wiring *w = opaque;

	d->data = w->data;
	d->channel = w->channel;
	d->pci_address = w->pci_address;
	if (w->property)
		memcpy(d->property, w->property, sizeof(d->property));
}

static struct device *add(struct builder *b, const char *class, const char *id, const void *data,
			  int channel)
{
	struct wiring w = {.data = data, .channel = channel};
	struct device *d = NULL;

	if (!b->failed)
		d = machine_add_device(b->m, class, id, wire, &w, b->e);
	b->failed |= !d;
	return d ? d : &b->scratch;
}

/* A device that the board can do without. */
static struct device *add_if_built_in(struct builder *b, const char *class, const void *data,
				      int channel)
{
	return device_class_find(class) ? add(b, class, class, data, channel) : &b->scratch;
}

static struct device *add_pci(struct builder *b, const char *class, uint8_t address)
{
	struct wiring w = {.channel = -1, .pci_address = address};
	struct device *d = NULL;

	if (!b->failed)
		d = machine_add_device(b->m, class, class, wire, &w, b->e);
	b->failed |= !d;
	return d ? d : &b->scratch;
}

static int pc_devices(struct machine *m, struct pc *pc, struct error *e)
{
	static const struct i8259_config master_config = {0x20, 0x4d0, 0xf8, false};
	static const struct i8259_config slave_config = {0xa0, 0x4d1, 0xde, true};
	static const struct ns16550_config com1_config = {0x3f8}, com2_config = {0x2f8};
	struct builder b = {.m = m, .e = e};

	/* Interrupts: the 8259 pair asks through LINT0, the I/O APIC sends messages. */
	struct device *lapic = add(&b, "lapic", "lapic", NULL, -1);              /* FEE00000 */
	struct device *ioapic = add(&b, "ioapic", "ioapic", NULL, -1);           /* FEC00000 */
	struct device *master = add(&b, "i8259", "i8259-0", &master_config, -1); /* 20, 4D0 */
	struct device *slave = add(&b, "i8259", "i8259-1", &slave_config, -1);   /* A0, 4D1 */
	struct device *isa = add(&b, "isa-irq", "isa-irq", NULL, -1);

	m->intc = lapic;
	lapic->peer = master;
	lapic->out[LAPIC_OUT_EOI] = (struct irq){ioapic, IOAPIC_EOI};
	ioapic->peer = lapic;
	master->peer = slave;
	master->out[0] = (struct irq){lapic, LAPIC_LINT0};
	slave->out[0] = (struct irq){master, 2};
	for (unsigned n = 0; n < 16; n++) {
		if (n == 2)
			continue; /* the cascade */
		isa->out[n] = (struct irq){n < 8 ? master : slave, n % 8};
		isa->out[16 + n] = (struct irq){ioapic, n ? n : 2}; /* IRQ 0 is input 2 */
	}

	/* PCI bus 0; its interrupt lines are the bridge's PIRQs. */
	add_pci(&b, "i440fx", PCI_ADDRESS(0, 0));                        /* CF8, CFC */
	struct device *bridge = add_pci(&b, "piix3", PCI_ADDRESS(1, 0)); /* CF9 */
	add_pci(&b, "piix4-pm", PCI_ADDRESS(1, 3));

	for (unsigned n = 0; n < PIIX3_PIRQS; n++)
		m->bus.intx[n] = (struct irq){bridge, n};
	for (unsigned n = 0; n < 16; n++)
		bridge->out[n] = (struct irq){isa, n};

	struct device *pit = add(&b, "i8254", "i8254", NULL, -1);           /* 40, 61 */
	struct device *rtc = add(&b, "mc146818", "mc146818", &pc->rtc, -1); /* 70 */
	struct device *com1 = add(&b, "ns16550", "ns16550-0", &com1_config, 0);
	struct device *com2 = add(&b, "ns16550", "ns16550-1", &com2_config, 1);
	struct device *pm = add(&b, "acpi-pm", "acpi-pm", NULL, HOST_CHANNEL_BUTTON); /* 600, B2 */
	struct device *kbd = add_if_built_in(&b, "i8042", NULL, CHANNEL_KEYBOARD);    /* 60, 64 */

	pit->out[0] = (struct irq){bridge, PIIX3_ISA + 0};
	kbd->out[0] = (struct irq){bridge, PIIX3_ISA + 1};
	com2->out[0] = (struct irq){bridge, PIIX3_ISA + 3};
	com1->out[0] = (struct irq){bridge, PIIX3_ISA + 4};
	rtc->out[0] = (struct irq){bridge, PIIX3_ISA + 8};
	pm->out[0] = (struct irq){bridge, PIIX3_ISA + 9};
	kbd->out[1] = (struct irq){bridge, PIIX3_ISA + 12};

	add_if_built_in(&b, "port80", NULL, -1);              /* 80 */
	add_if_built_in(&b, "port92", NULL, -1);              /* 92 */
	add_if_built_in(&b, "debugcon", NULL, CHANNEL_DEBUG); /* 402 */
	add_if_built_in(&b, "fw_cfg", &pc->fw_cfg.items, -1); /* 510, 514 */

	/* Flash, from the top down to 4 GiB - 16 MiB. */
	for (unsigned i = 0; i < m->config.pflashes; i++)
		add(&b, "cfi01", i ? "pflash1" : "pflash0", &pc->pflash[i], -1);
	return b.failed ? -1 : 0;
}

/* Functions on PCI take slots in their order; 2 is where boards have a display. */
static int pc_free_slot(const struct machine *m, uint8_t *address, struct error *e)
{
	for (unsigned slot = 3; slot < BUS_FUNCTIONS / 8; slot++) {
		*address = PCI_ADDRESS(slot, 0);
		if (!m->bus.function[*address])
			return 0;
	}
	return error_set(e, ERROR_USAGE, "-device: no slot of the PCI bus is free (give fewer)");
}

/* The devices of -device. */
static int pc_user_devices(struct machine *m, struct pc *pc, struct error *e)
{
	for (unsigned i = 0; i < m->config.devices; i++) {
		uint64_t property[DEVICE_PROPERTIES] = {0};
		struct wiring w = {.channel = -1, .property = property};
		const struct device_class *class;

		if (device_options_parse(m->config.device[i], &class, property, e))
			return -1;
		if (class->pci && pc_free_slot(m, &w.pci_address, e))
			return -1;
		snprintf(pc->user_id[i], USER_NAME, "%s-%u", class->name, i);
		if (!machine_add_device(m, class->name, pc->user_id[i], wire, &w, e))
			return -1;
	}
	return 0;
}

/* ---- starting ---- */

/* As a guest does it: through configuration mechanism 1. */
static void pci_put8(struct machine *m, unsigned address, unsigned offset, uint8_t value)
{
	bus_port_write(&m->bus, 0xcf8, 4, 0x80000000u | address << 8 | (offset & ~3u));
	bus_port_write(&m->bus, (uint16_t)(0xcfc + offset % 4), 1, value);
}

/* What firmware leaves in the chip set: RAM up to 1 MiB, and the interrupts of PCI as levels. */
static void set_up_chip_set(struct machine *m)
{
	unsigned levels = 0;

	for (unsigned n = 0; n < I440FX_PAM_SIZE; n++)
		pci_put8(m, PCI_ADDRESS(0, 0), I440FX_PAM + n, I440FX_PAM_RAM);
	for (unsigned n = 0; n < PIIX3_PIRQS; n++) {
		pci_put8(m, PCI_ADDRESS(1, 0), PIIX3_PIRQ + n, pirq[n]);
		levels |= 1u << pirq[n];
	}
	bus_port_write(&m->bus, 0x4d0, 1, levels & 0xff);
	bus_port_write(&m->bus, 0x4d1, 1, levels >> 8);
}

/*
 * What firmware leaves in timers and interrupt controllers: the interval timer goes round 18.2
 * times a second on IRQ 0, and 66,288 times for memory refresh; interrupts come as vectors 08h and
 * 70h, all masked but the cascade: a kernel may be long in enabling interrupts, and has no use for
 * one of ours then. Kernels read counter 0 for entropy before they program it, and wait for its
 * count.
 */
static void set_up_timers(struct machine *m)
{
	static const struct {
		uint16_t port;
		uint8_t value;
	} writes[] = {
	    {0x43, 0x36}, {0x40, 0x00}, {0x40, 0x00}, /* counter 0: mode 3, 65,536 */
	    {0x43, 0x54}, {0x41, 0x12},               /* counter 1: mode 2, 18 */
	    {0x20, 0x11}, {0x21, 0x08}, {0x21, 0x04}, {0x21, 0x01}, {0x21, 0xfb}, /* ICW1-4, OCW1 */
	    {0xa0, 0x11}, {0xa1, 0x70}, {0xa1, 0x02}, {0xa1, 0x01}, {0xa1, 0xff},
	};

	for (unsigned i = 0; i < sizeof(writes) / sizeof(writes[0]); i++)
		bus_port_write(&m->bus, writes[i].port, 1, writes[i].value);
}

/* The parts of the BIOS data area that operating systems read without asking a BIOS. */
static void put_bios_data(struct machine *m)
{
	uint8_t data[256] = {0};
	static const uint8_t ebda_kib = 1;

	loader_put16(data + 0x00, 0x3f8); /* COM1, COM2 */
	loader_put16(data + 0x02, 0x2f8);
	loader_put16(data + 0x0e, EBDA >> 4);
	loader_put16(data + 0x13, EBDA / 1024); /* KiB of conventional memory */
	machine_load_bytes(m, BIOS_DATA, data, sizeof(data));
	machine_load_bytes(m, EBDA, &ebda_kib, 1);
}

static int pc_load(struct machine *m, struct error *e)
{
	const struct pc *pc = m->board_data;
	const struct image *bios = machine_config_image(&m->config, IMAGE_BIOS, 0);

	if (bios)
		return flat_load(m, bios, e);
	if (m->config.pflashes)
		return 0;
	set_up_chip_set(m);
	if (m->config.setup >= BOARD_SETUP_TIMERS)
		set_up_timers(m);
	put_bios_data(m);
	machine_load_bytes(m, RSDP_BASE, pc->placed.rsdp, sizeof(pc->placed.rsdp));
	machine_load_bytes(m, TABLES_BASE, pc->placed.bytes, pc->placed.size);
	return loader_boot(m, &pc->map, e);
}

static int check_flash(const struct machine_config *c, const struct image *bios, struct error *e)
{
	uint64_t all = 0;

	if (bios && c->pflashes)
		return error_set(e, ERROR_USAGE,
				 "-bios and -pflash are both firmware (give one of them)");
	for (unsigned i = 0; i < c->pflashes; i++) {
		const struct image *image = machine_config_image(c, IMAGE_PFLASH, i);

		if (!image)
			return error_set(e, ERROR_USAGE, "flash chip %u has no image", i);
		if (!image->size || image->size % CFI01_BLOCK || image->size > FLASH_MAX)
			return error_set(e, ERROR_USAGE,
					 "%s is no flash image: it has %zu bytes, which must be a "
					 "multiple of 4 KiB and at most 16 MiB",
					 image->name, image->size);
		all += image->size;
		if (all > FLASH_MAX)
			return error_set(e, ERROR_USAGE,
					 "%s does not fit: all flash together has at most 16 MiB",
					 image->name);
	}
	return 0;
}

static int check_images(const struct machine *m, const struct image *bios, struct error *e)
{
	const struct image *kernel = machine_config_image(&m->config, IMAGE_KERNEL, 0);

	if ((bios && flat_check(bios, e)) || check_flash(&m->config, bios, e))
		return -1;
	if (!bios && !kernel && !m->config.pflashes)
		return error_set(e, ERROR_USAGE,
				 "nothing to boot (give -kernel FILE, -bios FILE or -pflash FILE)");
	if (!kernel && machine_config_image(&m->config, IMAGE_INITRD, 0))
		return error_set(e, ERROR_USAGE, "-initrd needs a kernel (give -kernel FILE)");
	return 0;
}

static int pc_build(struct machine *m, struct error *e)
{
	const struct image *bios = machine_config_image(&m->config, IMAGE_BIOS, 0);
	struct pc *pc = calloc(1, sizeof(*pc));
	struct acpi_devices devices = {
	    .i8042 = device_class_find("i8042"),
	    .fw_cfg = device_class_find("fw_cfg"),
	    .pci_first = LOW_SPLIT,
	    .pci_last = IOAPIC_BASE - 1,
	};

	if (!pc)
		return error_set(e, ERROR_HOST, "out of memory");
	memcpy(devices.pirq, pirq, sizeof(pirq));
	m->board_data = pc;
	m->load = pc_load;
	acpi_tables_build(&pc->acpi, &devices);
	pc->placed = pc->acpi;
	acpi_tables_place(&pc->placed, TABLES_BASE);
	if (check_images(m, bios, e) || pc_memory(m, pc, bios, e))
		return -1;
	fw_cfg_board_build(&pc->fw_cfg, &m->config, &pc->map, &pc->acpi);
	return pc_devices(m, pc, e) || pc_user_devices(m, pc, e) ? -1 : 0;
}

const struct board_class pc_board_class = {
    .name = "pc",
    .description = "PC with the 440FX chip set, APICs and ACPI",
    .ram_min = 1ull << 20,
    .ram_max = 64 * GIB,
    .build = pc_build,
};
