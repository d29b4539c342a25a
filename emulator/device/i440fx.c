/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host bridge of an Intel 440FX (82441FX data sheet, order number 290549): the way to PCI
 * configuration space, and who decodes the memory between 768 KiB and 1 MiB.
 *
 *	CF8h	configuration address: a doubleword and nothing else (3.1.1)
 *	CFCh	configuration data, in bytes, words or doublewords
 *
 *	59h-5Fh	PAM: what the guest sees of thirteen segments from C0000h on (3.2.15): reads come
 *		from RAM or from PCI, where the ROM is, and writes go to either. That is how
 *		firmware copies itself into the RAM under its ROM.
 *	72h	SMRAM: bits to write and read; there is no SMM that they could be for
 *
 * The segments are slots of the memory map that the board has made. One whose reads come from ROM
 * while its writes go to RAM is mapped as ROM; writes to it come here, through a window that is
 * open as long as there is such a segment.
 */
#include "emulator/bus/bus.h"
#include "emulator/bus/pci.h"
#include "emulator/device/device.h"
#include "emulator/device/i440fx.h"
#include "emulator/machine.h"

#define CONFIG_ADDRESS 0xcf8u
#define CONFIG_DATA    0xcfcu
#define ADDRESS_ENABLE 0x80000000u

struct i440fx {
	struct pci_function function;
	uint32_t address; /* CF8h */
	uint32_t reserved;
};

/* ---- configuration mechanism 1 ---- */

static uint64_t i440fx_address_read(struct device *d, uint64_t offset, unsigned size)
{
	const struct i440fx *s = device_state(d);

	/* Anything but a doubleword is an ordinary port access, which nobody answers. */
	return size == 4 ? s->address : UINT64_MAX;
}

static void i440fx_address_write(struct device *d, uint64_t offset, uint64_t value, unsigned size)
{
	struct i440fx *s = device_state(d);

	if (size == 4)
		s->address = (uint32_t)value & 0x80fffffcu;
}

/* True when the address register selects a place on bus 0. */
static bool i440fx_selected(const struct i440fx *s)
{
	return (s->address & ADDRESS_ENABLE) && !(s->address >> 16 & 0xff);
}

static uint64_t i440fx_data_read(struct device *d, uint64_t offset, unsigned size)
{
	const struct i440fx *s = device_state(d);

	if (!i440fx_selected(s))
		return UINT64_MAX;
	return pci_config_read(d, s->address >> 8 & 0xff, (s->address & 0xfc) + (unsigned)offset,
			       size);
}

static void i440fx_data_write(struct device *d, uint64_t offset, uint64_t value, unsigned size)
{
	const struct i440fx *s = device_state(d);

	if (i440fx_selected(s))
		pci_config_write(d, s->address >> 8 & 0xff, (s->address & 0xfc) + (unsigned)offset,
				 size, (uint32_t)value);
}

/* ---- the segments ---- */

/* Which slot_view the n-th segment has: RE and WE are two bits of half a byte. */
static unsigned i440fx_view(const struct i440fx *s, unsigned n)
{
	/* F0000h has the upper half of the first register, the lower half of which is unused. */
	unsigned half = n == I440FX_SEGMENTS - 1 ? 1 : n + 2;

	return s->function.config[I440FX_PAM + half / 2] >> half % 2 * 4 & 3;
}

uint32_t i440fx_segment_base(unsigned n)
{
	return I440FX_SEGMENTS_BASE + n * I440FX_SEGMENT_SIZE;
}

uint32_t i440fx_segment_size(unsigned n)
{
	return n == I440FX_SEGMENTS - 1 ? 4 * I440FX_SEGMENT_SIZE : I440FX_SEGMENT_SIZE;
}

static void i440fx_window_apply(struct device *d)
{
	const struct i440fx *s = device_state(d);
	struct bus *b = &d->machine->bus;
	bool on = false;

	for (unsigned n = 0; n < I440FX_SEGMENTS; n++)
		on |= i440fx_view(s, n) == SLOT_WRITE;
	for (unsigned i = 0; i < b->windows; i++) {
		if (b->window[i].region.device == d)
			b->window[i].on = on;
	}
}

static void i440fx_segments_apply(struct device *d)
{
	const struct i440fx *s = device_state(d);

	for (unsigned n = 0; n < I440FX_SEGMENTS; n++)
		device_set_view(d, i440fx_segment_base(n), i440fx_view(s, n));
	i440fx_window_apply(d);
}

static bool i440fx_write_only(struct device *d, uint64_t offset)
{
	unsigned n = (unsigned)(offset / I440FX_SEGMENT_SIZE);

	if (n >= I440FX_SEGMENTS)
		n = I440FX_SEGMENTS - 1;
	return i440fx_view(device_state(d), n) == SLOT_WRITE;
}

static void i440fx_segment_write(struct device *d, uint64_t offset, uint64_t value, unsigned size)
{
	uint8_t bytes[8];

	if (!i440fx_write_only(d, offset))
		return;
	for (unsigned i = 0; i < size; i++)
		bytes[i] = (uint8_t)(value >> 8 * i);
	device_dma_write(d, I440FX_SEGMENTS_BASE + offset, bytes, size);
}

/* ---- registers ---- */

static void i440fx_written(struct device *d, unsigned offset, unsigned size)
{
	if (offset < I440FX_PAM + I440FX_PAM_SIZE && offset + size > I440FX_PAM)
		i440fx_segments_apply(d);
}

static void i440fx_reset(struct device *d)
{
	struct i440fx *s = device_state(d);

	*s = (struct i440fx){.address = 0};
	pci_reset(d);
	i440fx_segments_apply(d);
}

static void i440fx_restored(struct device *d)
{
	pci_restored(d);
	i440fx_window_apply(d);
}

static const struct region_ops i440fx_address_ops = {
    .read = i440fx_address_read,
    .write = i440fx_address_write,
    .max_size = 4,
    .whole = true,
};

static const struct region_ops i440fx_data_ops = {
    .read = i440fx_data_read,
    .write = i440fx_data_write,
    .max_size = 4,
};

static const struct region_ops i440fx_segment_ops = {
    .write = i440fx_segment_write,
    .max_size = 8,
};

static int i440fx_realize(struct device *d, struct error *e)
{
	struct window *w;

	if (pci_attach(d, e) ||
	    device_add_ports(d, CONFIG_ADDRESS, 1, &i440fx_address_ops, "pci-address", e) ||
	    device_add_ports(d, CONFIG_DATA, 4, &i440fx_data_ops, "pci-data", e))
		return -1;
	w = bus_add_window(&d->machine->bus, d, false, &i440fx_segment_ops, "pam", e);
	if (!w)
		return -1;
	w->region.base = I440FX_SEGMENTS_BASE;
	w->region.size = I440FX_SEGMENTS_SIZE;
	return 0;
}

/* Registers that keep what is written to them, where the data sheet has them. */
static const struct pci_register i440fx_registers[] = {
    {.offset = 0x0d, .count = 1, .writable = 0xf8},                /* latency timer */
    {.offset = 0x50, .count = 2, .writable = 0xff},                /* PMC configuration */
    {.offset = 0x57, .count = 1, .reset = 0x01, .writable = 0xff}, /* DRAM control */
    {.offset = 0x58, .count = 1, .writable = 0xff},                /* DRAM timing */
    {.offset = I440FX_PAM, .count = 1, .writable = 0x70},
    {.offset = I440FX_PAM + 1, .count = 6, .writable = 0x77},
    {.offset = 0x60, .count = 8, .reset = 0x01, .writable = 0xff}, /* DRAM row boundaries */
    {.offset = 0x68, .count = 1, .writable = 0xff},                /* fixed DRAM hole */
    {.offset = 0x70, .count = 1, .writable = 0xf8},                /* multi-transaction timer */
    {.offset = 0x71, .count = 1, .reset = 0x10, .writable = 0xff}, /* CPU latency timer */
    {.offset = 0x72, .count = 1, .reset = 0x02, .writable = 0x78}, /* SMRAM */
    {.offset = 0x90, .count = 1, .writable = 0xff},                /* error command */
    {.count = 0},
};

static const struct pci_class i440fx_pci = {
    .vendor = 0x8086,
    .device = 0x1237,
    .revision = 2,
    .class_code = PCI_CLASS_HOST_BRIDGE,
    .command = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER,
    .command_writable = 0x0140, /* parity and system errors */
    .status = 0x0280,
    .registers = i440fx_registers,
    .written = i440fx_written,
};

const struct device_class i440fx_class = {
    .name = "i440fx",
    .description = "host bridge: PCI configuration, shadow RAM",
    .state_size = sizeof(struct i440fx),
    .realize = i440fx_realize,
    .reset = i440fx_reset,
    .restored = i440fx_restored,
    .pci = &i440fx_pci,
};
