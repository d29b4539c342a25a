/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The I/O APIC, Intel 82093AA (data sheet 290566): 24 inputs, each with a redirection entry
 * that says which message the local APIC gets. Registers are reached through an index and a
 * data window.
 *
 * Edges on a masked pin are lost, as the data sheet says of the interrupt mask bit; the lines of
 * the board keep their level, so a masked level is delivered when it is unmasked. The board's
 * lines are all active high, and an entry that is programmed active low sees them inverted.
 */
#include "emulator/device/ioapic.h"

#include "emulator/device/device.h"
#include "emulator/device/lapic.h"

enum { OFFSET_SELECT = 0x00, OFFSET_WINDOW = 0x10 };
enum { INDEX_ID = 0, INDEX_VERSION = 1, INDEX_ARBITRATION = 2, INDEX_REDIRECTION = 0x10 };

/* Version 11h, number of the last entry in bits 23..16. */
#define VERSION (0x11u | (IOAPIC_PINS - 1) << 16)

/* Redirection entries (data sheet 3.2.4). */
#define ENTRY_VECTOR     0xffull
#define ENTRY_MODE(e)    ((enum lapic_mode)((e) >> 8 & 7))
#define ENTRY_LOGICAL    (1ull << 11)
#define ENTRY_LOW        (1ull << 13) /* active low */
#define ENTRY_REMOTE_IRR (1ull << 14)
#define ENTRY_LEVEL      (1ull << 15)
#define ENTRY_MASKED     (1ull << 16)
#define ENTRY_WRITABLE   0xff0000000001afffull
#define ENTRY_DEST(e)    ((uint8_t)((e) >> 56))

struct ioapic {
	uint64_t entry[IOAPIC_PINS];
	uint32_t id;
	uint32_t lines; /* levels of the input pins, bit by bit */
	uint8_t index;
};

static bool ioapic_asserted(const struct ioapic *s, unsigned pin)
{
	bool line = s->lines >> pin & 1;

	return line != !!(s->entry[pin] & ENTRY_LOW);
}

/* Sends the message of an entry; false when nobody accepted it. */
static bool ioapic_send(struct device *d, unsigned pin, bool level)
{
	const struct ioapic *s = device_state(d);
	uint64_t entry = s->entry[pin];

	if (!d->peer || !lapic_is_destination(d->peer, ENTRY_DEST(entry), entry & ENTRY_LOGICAL))
		return false;
	return lapic_deliver(d->peer, entry & ENTRY_VECTOR, ENTRY_MODE(entry), entry & ENTRY_LEVEL,
			     level);
}

/* A level-triggered pin that may want service. */
static void ioapic_service(struct device *d, unsigned pin)
{
	struct ioapic *s = device_state(d);
	uint64_t entry = s->entry[pin];

	if (!(entry & ENTRY_LEVEL) || (entry & (ENTRY_MASKED | ENTRY_REMOTE_IRR)) ||
	    !ioapic_asserted(s, pin))
		return;
	/* Remote IRR means that an EOI will come: of the level-triggered modes, these two. */
	if (ENTRY_MODE(entry) == LAPIC_FIXED || ENTRY_MODE(entry) == LAPIC_LOWEST)
		s->entry[pin] |= ENTRY_REMOTE_IRR;
	if (!ioapic_send(d, pin, true))
		s->entry[pin] &= ~ENTRY_REMOTE_IRR;
}

static void ioapic_eoi(struct device *d, uint8_t vector)
{
	struct ioapic *s = device_state(d);

	for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
		if (!(s->entry[pin] & ENTRY_REMOTE_IRR) || (s->entry[pin] & ENTRY_VECTOR) != vector)
			continue;
		s->entry[pin] &= ~ENTRY_REMOTE_IRR;
		ioapic_service(d, pin);
	}
}

static void ioapic_set_irq(struct device *d, unsigned pin, bool level)
{
	struct ioapic *s = device_state(d);
	bool was;

	if (pin >= IOAPIC_EOI && pin < IOAPIC_EOI + 256) {
		ioapic_eoi(d, pin - IOAPIC_EOI);
		return;
	}
	if (pin >= IOAPIC_PINS)
		return;
	was = ioapic_asserted(s, pin);
	s->lines = (s->lines & ~(1u << pin)) | (uint32_t)level << pin;
	if (was == ioapic_asserted(s, pin))
		return;
	if (s->entry[pin] & ENTRY_LEVEL)
		ioapic_service(d, pin);
	else if (!was && !(s->entry[pin] & ENTRY_MASKED))
		ioapic_send(d, pin, true);
	/* An 8259 takes its request back by lowering the line. */
	if (was && ENTRY_MODE(s->entry[pin]) == LAPIC_EXTINT && !(s->entry[pin] & ENTRY_MASKED))
		ioapic_send(d, pin, false);
}

static uint32_t ioapic_read_register(const struct ioapic *s)
{
	unsigned entry = (s->index - INDEX_REDIRECTION) / 2;

	switch (s->index) {
	case INDEX_ID:
	case INDEX_ARBITRATION: /* loaded with the ID */
		return s->id;
	case INDEX_VERSION:
		return VERSION;
	default:
		if (s->index < INDEX_REDIRECTION || entry >= IOAPIC_PINS)
			return 0;
		return s->entry[entry] >> (s->index & 1 ? 32 : 0);
	}
}

static uint64_t ioapic_read(struct device *d, uint64_t offset, unsigned size)
{
	const struct ioapic *s = device_state(d);
	uint32_t value;

	switch (offset & ~3ull) {
	case OFFSET_SELECT:
		value = s->index;
		break;
	case OFFSET_WINDOW:
		value = ioapic_read_register(s);
		break;
	default:
		value = 0;
		break;
	}
	return value >> offset % 4 * 8;
}

static void ioapic_write_entry(struct device *d, unsigned pin, bool high, uint32_t value)
{
	struct ioapic *s = device_state(d);
	uint64_t *entry = &s->entry[pin];
	uint64_t mask = high ? 0xffffffff00000000ull : 0xffffffffull;
	uint64_t wide = high ? (uint64_t)value << 32 : value;

	*entry = (*entry & ~(mask & ENTRY_WRITABLE)) | (wide & mask & ENTRY_WRITABLE);
	if (!(*entry & ENTRY_LEVEL))
		*entry &= ~ENTRY_REMOTE_IRR; /* it has a meaning for levels only */
	ioapic_service(d, pin);
}

static void ioapic_write(struct device *d, uint64_t offset, uint64_t value, unsigned size)
{
	struct ioapic *s = device_state(d);

	if (offset == OFFSET_SELECT) {
		s->index = value;
	} else if (offset == OFFSET_WINDOW && size == 4) {
		if (s->index == INDEX_ID)
			s->id = value & 0x0f000000;
		else if (s->index >= INDEX_REDIRECTION &&
			 s->index < INDEX_REDIRECTION + 2 * IOAPIC_PINS)
			ioapic_write_entry(d, (s->index - INDEX_REDIRECTION) / 2, s->index & 1,
					   value);
	}
}

/* The levels of the lines stay: they belong to those who drive them. */
static void ioapic_reset(struct device *d)
{
	struct ioapic *s = device_state(d);

	s->index = 0;
	s->id = 0;
	for (unsigned pin = 0; pin < IOAPIC_PINS; pin++)
		s->entry[pin] = ENTRY_MASKED;
}

static unsigned ioapic_wakes(const struct device *d)
{
	const struct ioapic *s = device_state(d);
	unsigned wakes = 0;

	for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
		enum lapic_mode mode = ENTRY_MODE(s->entry[pin]);

		if (s->entry[pin] & ENTRY_MASKED)
			continue;
		wakes |= mode == LAPIC_FIXED || mode == LAPIC_LOWEST || mode == LAPIC_EXTINT
			     ? WAKES_INTERRUPT
			     : WAKES_NMI;
	}
	return wakes;
}

static const struct region_ops ioapic_ops = {
    .read = ioapic_read,
    .write = ioapic_write,
    .max_size = 4,
};

static int ioapic_realize(struct device *d, struct error *e)
{
	return device_add_mmio(d, IOAPIC_BASE, IOAPIC_SIZE, &ioapic_ops, "ioapic", e);
}

const struct device_class ioapic_class = {
    .name = "ioapic",
    .description = "I/O APIC (82093AA)",
    .state_size = sizeof(struct ioapic),
    .realize = ioapic_realize,
    .reset = ioapic_reset,
    .set_irq = ioapic_set_irq,
    .wakes = ioapic_wakes,
};
