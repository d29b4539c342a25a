/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ISA bridge of an Intel 440FX, function 0 of a PIIX3 (82371SB data sheet, order number
 * 290550): leads the interrupts of PCI to those of ISA, and has the reset control register.
 *
 *	60h-63h	PIRQRC: the ISA interrupt of PIRQA# to PIRQD#, or bit 7: none (2.2.10)
 *	CF9h	reset control: a reset begins when bit 2 goes from 0 to 1 (2.5.6)
 *
 * What the other registers switch on or off on a PIIX3 is always there on this board.
 *
 * Input pins 0..3 are PIRQA# to PIRQD#, true while asserted; pin PIIX3_ISA + n is what ISA devices
 * ask of ISA interrupt n; out[n] is that interrupt, high while one of them or a PIRQ asks for it.
 */
#include "emulator/device/piix3.h"

#include "emulator/bus/pci.h"
#include "emulator/device/device.h"

#define PIRQ_OFF     0x80u
#define ISA_IRQS     16u
#define IRQ_ROUTABLE 0xdef8u /* not 0, 1, 2, 8 and 13, which the board has for itself */
#define RESET_CPU    (1u << 2)

struct piix3 {
	struct pci_function function;
	uint8_t asserted; /* PIRQs, one bit each */
	uint8_t reset_control;
	uint16_t driven; /* ISA interrupts that are high because of them */
	uint16_t isa;    /* those of `driven` that ISA devices ask for, too */
	uint8_t reserved[2];
};

/* PIRQs begin to ask for an ISA interrupt, or no longer do; what ISA devices ask stays. */
static void piix3_share(struct device *d, unsigned irq, bool begin)
{
	struct piix3 *s = device_state(d);
	bool isa = begin ? irq_get(d->out[irq]) : s->isa >> irq & 1;

	s->isa = (uint16_t)((s->isa & ~(1u << irq)) | (unsigned)(begin && isa) << irq);
	irq_set(d->out[irq], begin || isa);
}

static void piix3_route(struct device *d)
{
	struct piix3 *s = device_state(d);
	unsigned levels = 0, changed;

	for (unsigned n = 0; n < PIIX3_PIRQS; n++) {
		uint8_t route = s->function.config[PIIX3_PIRQ + n];

		if ((s->asserted >> n & 1) && !(route & PIRQ_OFF))
			levels |= 1u << (route & 15);
	}
	levels &= IRQ_ROUTABLE;
	changed = levels ^ s->driven;
	s->driven = (uint16_t)levels;
	for (unsigned irq = 0; irq < ISA_IRQS; irq++) {
		if (changed >> irq & 1)
			piix3_share(d, irq, levels >> irq & 1);
	}
}

/* An ISA device drives its interrupt. */
static void piix3_set_isa(struct device *d, unsigned irq, bool level)
{
	struct piix3 *s = device_state(d);

	if (s->driven >> irq & 1)
		s->isa = (uint16_t)((s->isa & ~(1u << irq)) | (unsigned)level << irq);
	else
		irq_set(d->out[irq], level);
}

static void piix3_set_irq(struct device *d, unsigned pin, bool level)
{
	struct piix3 *s = device_state(d);

	if (pin >= PIIX3_ISA && pin < PIIX3_ISA + ISA_IRQS)
		piix3_set_isa(d, pin - PIIX3_ISA, level);
	if (pin >= PIIX3_PIRQS)
		return;
	s->asserted = (uint8_t)((s->asserted & ~(1u << pin)) | (unsigned)level << pin);
	piix3_route(d);
}

static void piix3_written(struct device *d, unsigned offset, unsigned size)
{
	if (offset < PIIX3_PIRQ + PIIX3_PIRQS && offset + size > PIIX3_PIRQ)
		piix3_route(d);
}

/* ---- reset control ---- */

static uint64_t piix3_reset_read(struct device *d, uint64_t offset, unsigned size)
{
	const struct piix3 *s = device_state(d);

	return s->reset_control;
}

static void piix3_reset_write(struct device *d, uint64_t offset, uint64_t value, unsigned size)
{
	struct piix3 *s = device_state(d);
	bool start = (value & RESET_CPU) && !(s->reset_control & RESET_CPU);

	s->reset_control = value & 0x0e;
	if (start)
		device_request_reset(d);
}

static const struct region_ops piix3_reset_ops = {
    .read = piix3_reset_read,
    .write = piix3_reset_write,
    .max_size = 1,
};

/* ---- */

static int piix3_realize(struct device *d, struct error *e)
{
	if (pci_attach(d, e))
		return -1;
	return device_add_ports(d, PIIX3_RESET_PORT, 1, &piix3_reset_ops, "reset-control", e);
}

static void piix3_reset(struct device *d)
{
	struct piix3 *s = device_state(d);

	s->asserted = 0;
	s->reset_control = 0;
	piix3_route(d); /* lowers what it has driven */
	pci_reset(d);
}

static const struct pci_register piix3_registers[] = {
    {.offset = 0x4c, .count = 1, .reset = 0x4d, .writable = 0xff}, /* I/O recovery timer */
    {.offset = 0x4e, .count = 1, .reset = 0x03, .writable = 0xff}, /* X-bus chip select */
    {.offset = 0x4f, .count = 1, .writable = 0x01},
    {.offset = PIIX3_PIRQ, .count = PIIX3_PIRQS, .reset = PIRQ_OFF, .writable = 0x8f},
    {.offset = 0x69, .count = 1, .reset = 0x02, .writable = 0xfe}, /* top of memory */
    {.offset = 0x6a, .count = 1, .writable = 0xff},                /* miscellaneous status */
    {.offset = 0x70, .count = 2, .reset = 0x80, .writable = 0xef}, /* MB interrupt routing */
    {.offset = 0x76, .count = 2, .reset = 0x0c, .writable = 0x8f}, /* MB DMA */
    {.offset = 0x78, .count = 2, .writable = 0xff},                /* programmable chip select */
    {.offset = 0x80, .count = 1, .writable = 0x7f},                /* APIC base address */
    {.offset = 0x82, .count = 1, .writable = 0x0f},                /* deterministic latency */
    {.offset = 0xa0, .count = 1, .reset = 0x08, .writable = 0x1f}, /* SMI control */
    {.offset = 0xa2, .count = 2, .writable = 0xff},                /* SMI enable */
    {.offset = 0xa4, .count = 4, .writable = 0xff},                /* system events */
    {.offset = 0xa8, .count = 1, .reset = 0x0f, .writable = 0xff}, /* fast-off timer */
    {.offset = 0xac, .count = 1, .writable = 0xff},                /* clock scaling */
    {.offset = 0xae, .count = 1, .writable = 0xff},
    {.count = 0},
};

static const struct pci_class piix3_pci = {
    .vendor = 0x8086,
    .device = 0x7000,
    .class_code = PCI_CLASS_ISA_BRIDGE,
    .header_type = PCI_HEADER_MULTIFUNCTION,
    .command = PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER,
    .command_writable = 0x0008, /* special cycles */
    .status = 0x0200,
    .registers = piix3_registers,
    .written = piix3_written,
};

const struct device_class piix3_class = {
    .name = "piix3",
    .description = "ISA bridge: PCI interrupt routing, reset control",
    .state_size = sizeof(struct piix3),
    .realize = piix3_realize,
    .reset = piix3_reset,
    .restored = pci_restored,
    .set_irq = piix3_set_irq,
    .pci = &piix3_pci,
};
