/* SPDX-License-Identifier: Apache-2.0 */
/* PCI bus 0; see pci.h. Numbers of sections are those of PCI 2.3. */
#include "emulator/bus/pci.h"

#include <string.h>

#include "emulator/machine.h"

#define BAR_IO 1u

static struct pci_function *pci_function(const struct device *d)
{
	return device_state(d);
}

static uint32_t config_get(const struct device *d, unsigned offset, unsigned size)
{
	const uint8_t *config = pci_function(d)->config;
	uint32_t value = 0;

	for (unsigned i = 0; i < size; i++)
		value |= (uint32_t)config[offset + i] << 8 * i;
	return value;
}

static void config_put(struct device *d, unsigned offset, unsigned size, uint32_t value)
{
	uint8_t *config = pci_function(d)->config;

	for (unsigned i = 0; i < size; i++)
		config[offset + i] = (uint8_t)(value >> 8 * i);
}

/* ---- base address registers ---- */

/* The window of a function's n-th base address register. */
static struct window *bar_window(struct device *d, unsigned n)
{
	struct bus *b = &d->machine->bus;

	for (unsigned i = 0; i < b->windows; i++) {
		struct window *w = &b->window[i];

		if (w->region.device == d && n-- == 0)
			return w;
	}
	return NULL;
}

/* Puts all of a function's windows where configuration space says. */
static void bars_apply(struct device *d)
{
	const struct pci_class *class = d->class->pci;
	uint32_t command = config_get(d, PCI_COMMAND, 2);
	unsigned n = 0;

	for (unsigned i = 0; i < PCI_BARS; i++) {
		const struct pci_bar *bar = &class->bar[i];
		bool io = bar->kind == PCI_BAR_IO;
		struct window *w;
		uint32_t base;

		if (bar->kind == PCI_BAR_NONE)
			continue;
		w = bar_window(d, n++);
		base = config_get(d, PCI_BAR + 4 * i, 4) & ~(bar->size - 1);
		w->region.base = base;
		w->region.size = bar->size;
		/* At address 0 a function is not placed yet (6.2.5.1). */
		w->on = base && (command & (io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY));
	}
}

static int bars_attach(struct device *d, struct error *e)
{
	for (unsigned i = 0; i < PCI_BARS; i++) {
		const struct pci_bar *bar = &d->class->pci->bar[i];

		if (bar->kind != PCI_BAR_NONE &&
		    !bus_add_window(&d->machine->bus, d, bar->kind == PCI_BAR_IO, bar->ops,
				    bar->name, e))
			return -1;
	}
	return 0;
}

/* ---- configuration space ---- */

int pci_attach(struct device *d, struct error *e)
{
	struct bus *b = &d->machine->bus;

	if (b->function[d->pci_address])
		return error_set(e, ERROR_USAGE, "%s: PCI address %02x.%x is taken by %s", d->id,
				 d->pci_address >> 3, d->pci_address & 7,
				 b->function[d->pci_address]->id);
	b->function[d->pci_address] = d;
	b->present[b->functions++] = d;
	return bars_attach(d, e);
}

void pci_reset(struct device *d)
{
	const struct pci_class *class = d->class->pci;
	struct pci_function *f = pci_function(d);

	memset(f, 0, sizeof(*f));
	config_put(d, PCI_VENDOR, 2, class->vendor);
	config_put(d, PCI_DEVICE, 2, class->device);
	config_put(d, PCI_COMMAND, 2, class->command);
	config_put(d, PCI_STATUS, 2, class->status);
	config_put(d, PCI_REVISION, 4, class->revision | class->class_code << 8);
	f->config[PCI_HEADER_TYPE] = class->header_type;
	f->config[PCI_INTERRUPT_PIN] = class->interrupt_pin;
	for (unsigned i = 0; i < PCI_BARS; i++)
		f->config[PCI_BAR + 4 * i] = class->bar[i].kind == PCI_BAR_IO ? BAR_IO : 0;
	for (const struct pci_register *r = class->registers; r && r->count; r++)
		memset(f->config + r->offset, r->reset, r->count);
	bars_apply(d);
}

void pci_restored(struct device *d)
{
	bars_apply(d);
}

/* Which bits of one byte of configuration space a guest can change. */
static uint8_t writable(const struct pci_class *class, unsigned offset)
{
	unsigned bar = (offset - PCI_BAR) / 4;

	if (offset == PCI_COMMAND || offset == PCI_COMMAND + 1)
		return (uint8_t)(class->command_writable >> 8 * (offset - PCI_COMMAND));
	if (offset == PCI_INTERRUPT_LINE)
		return class->interrupt_pin ? 0xff : 0;
	/* The bits above a region's size: that is how it tells it (6.2.5.1). */
	if (offset >= PCI_BAR && bar < PCI_BARS && class->bar[bar].kind != PCI_BAR_NONE)
		return (uint8_t)(~(class->bar[bar].size - 1) >> 8 * (offset % 4));
	for (const struct pci_register *r = class->registers; r && r->count; r++) {
		if (offset >= r->offset && offset - r->offset < r->count)
			return r->writable;
	}
	return 0;
}

uint32_t pci_config_read(struct device *host, unsigned address, unsigned offset, unsigned size)
{
	const struct device *d = host->machine->bus.function[address % BUS_FUNCTIONS];

	return d ? config_get(d, offset, size) : UINT32_MAX;
}

static void intx_apply(struct device *d);

void pci_config_write(struct device *host, unsigned address, unsigned offset, unsigned size,
		      uint32_t value)
{
	struct device *d = host->machine->bus.function[address % BUS_FUNCTIONS];
	uint8_t *config;

	if (!d)
		return;
	config = pci_function(d)->config;
	for (unsigned i = 0; i < size; i++) {
		uint8_t mask = writable(d->class->pci, offset + i);

		config[offset + i] =
		    (uint8_t)((config[offset + i] & ~mask) | ((value >> 8 * i) & mask));
	}
	if (offset < PCI_BAR + 4 * PCI_BARS)
		bars_apply(d);
	if (offset <= PCI_COMMAND + 1)
		intx_apply(d);
	if (d->class->pci->written)
		d->class->pci->written(d, offset, size);
}

/* ---- interrupts ---- */

/*
 * The line that a function's pin is wired to: slots are rotated against each other, so that
 * functions with one interrupt spread over the four lines; slot 1 has INTA# on line 0.
 */
static unsigned intx_line(const struct device *d)
{
	unsigned pin = d->class->pci->interrupt_pin;

	return ((d->pci_address >> 3) + pin + 2) % 4;
}

static bool intx_asserted(const struct device *d)
{
	return pci_function(d)->intx && !(config_get(d, PCI_COMMAND, 2) & PCI_COMMAND_INTX_OFF);
}

/* Gives the line of a function the level that all who share it ask for. */
static void intx_apply(struct device *d)
{
	const struct bus *b = &d->machine->bus;
	unsigned line = intx_line(d);
	bool level = false;

	if (!d->class->pci->interrupt_pin)
		return;
	for (unsigned i = 0; i < b->functions; i++) {
		const struct device *other = b->present[i];

		if (other->class->pci->interrupt_pin && intx_line(other) == line)
			level |= intx_asserted(other);
	}
	irq_set(b->intx[line], level);
}

void pci_set_intx(struct device *d, bool level)
{
	struct pci_function *f = pci_function(d);

	f->intx = level;
	f->config[PCI_STATUS] =
	    (uint8_t)((f->config[PCI_STATUS] & ~PCI_STATUS_INTX) | (level ? PCI_STATUS_INTX : 0));
	intx_apply(d);
}
