/* SPDX-License-Identifier: Apache-2.0 */
/*
 * edu, the PCI device on which people learn to write drivers, as QEMU specifies it (its
 * docs/specs/edu): one base address register, a pin, and DMA. Here it also tests and fuzzes a
 * board's PCI.
 *
 *	000h  identification		060h  raise: sets bits of the interrupt status (write only)
 *	004h  liveness: ~ of what	064h  acknowledge: clears such bits (write only)
 *	      was written		080h  DMA source
 *	008h  factorial			088h  DMA destination
 *	020h  status			090h  DMA count
 *	024h  interrupt status		098h  DMA command
 *
 * Registers below 80h are 32 bits wide and take no other access; those from there on take 4 bytes
 * or 8. Narrower reads give zeros, wider ones and those of no register ones. INTA# is asserted as
 * long as the interrupt status is not zero. DMA is between memory and the device's buffer, which on
 * its side has the addresses 40000h to 40FFFh and cannot be seen otherwise.
 *
 * What the specification leaves open: computing and DMA take a microsecond; DMA that goes beyond
 * the buffer, or comes when the function is no bus master, ends without moving anything. There is
 * no MSI.
 */
#include "emulator/device/device.h"

#include "emulator/bus/pci.h"

extern const struct device_class edu_class;

#define REGISTERS_SIZE 0x100000u
#define WIDE_FIRST     0x80u
#define IDENTIFICATION 0x010000edu /* version 1.0 */
#define BUFFER_BASE    0x40000u
#define BUFFER_SIZE    4096u
#define WORK_NS        1000u

enum {
	R_IDENTIFICATION = 0x00,
	R_LIVENESS = 0x04,
	R_FACTORIAL = 0x08,
	R_STATUS = 0x20,
	R_INTERRUPTS = 0x24,
	R_RAISE = 0x60,
	R_ACKNOWLEDGE = 0x64,
	R_DMA_SOURCE = 0x80,
	R_DMA_DESTINATION = 0x88,
	R_DMA_COUNT = 0x90,
	R_DMA_COMMAND = 0x98,
};

#define STATUS_COMPUTING 0x01u
#define STATUS_INTERRUPT 0x80u /* when the factorial is there */

#define COMMAND_RUN       1u
#define COMMAND_TO_MEMORY 2u
#define COMMAND_INTERRUPT 4u
#define COMMAND_MASK      (COMMAND_RUN | COMMAND_TO_MEMORY | COMMAND_INTERRUPT)

#define INTERRUPT_FACTORIAL 0x001u
#define INTERRUPT_DMA       0x100u

enum { PROPERTY_DMA_MASK };
enum { TIMER_FACTORIAL, TIMER_DMA, TIMERS };

struct edu {
	struct pci_function function;
	uint64_t dma_source, dma_destination, dma_count, dma_command;
	uint32_t liveness, factorial;
	uint32_t status, interrupts;
	uint8_t buffer[BUFFER_SIZE];
};

static void edu_set_interrupts(struct device *d, uint32_t interrupts)
{
	struct edu *s = device_state(d);

	s->interrupts = interrupts;
	pci_set_intx(d, interrupts != 0);
}

static void edu_raise(struct device *d, uint32_t interrupts)
{
	const struct edu *s = device_state(d);

	edu_set_interrupts(d, s->interrupts | interrupts);
}

/* ---- the factorial, modulo 2^32 ---- */

static void edu_compute(struct device *d)
{
	struct edu *s = device_state(d);
	uint32_t product = 1;

	/* 34 numbers in a row have 2^32 in their product: it is 0 from there on. */
	for (uint32_t n = s->factorial; n > 1 && product; n--)
		product *= n;
	s->factorial = product;
	s->status &= ~STATUS_COMPUTING;
	if (s->status & STATUS_INTERRUPT)
		edu_raise(d, INTERRUPT_FACTORIAL);
}

/* ---- DMA ---- */

/* The part of the buffer that the device's side of a transfer is, or NULL. */
static uint8_t *edu_buffer(struct edu *s, uint64_t address)
{
	uint64_t at = address - BUFFER_BASE;

	if (at > BUFFER_SIZE || s->dma_count > BUFFER_SIZE - at)
		return NULL;
	return s->buffer + at;
}

static void edu_transfer(struct device *d)
{
	struct edu *s = device_state(d);
	bool to_memory = s->dma_command & COMMAND_TO_MEMORY;
	uint8_t *here = edu_buffer(s, to_memory ? s->dma_source : s->dma_destination);
	uint64_t there = to_memory ? s->dma_destination : s->dma_source;
	uint64_t mask = d->property[PROPERTY_DMA_MASK];

	if (here && (s->function.config[PCI_COMMAND] & PCI_COMMAND_MASTER)) {
		if (to_memory)
			device_dma_write(d, there & mask, here, s->dma_count);
		else
			device_dma_read(d, there & mask, here, s->dma_count);
	}
	s->dma_command &= ~(uint64_t)COMMAND_RUN;
	if (s->dma_command & COMMAND_INTERRUPT)
		edu_raise(d, INTERRUPT_DMA);
}

/* The register, or NULL. */
static uint64_t *edu_dma_register(struct edu *s, uint64_t offset)
{
	switch (offset) {
	case R_DMA_SOURCE:
		return &s->dma_source;
	case R_DMA_DESTINATION:
		return &s->dma_destination;
	case R_DMA_COUNT:
		return &s->dma_count;
	case R_DMA_COMMAND:
		return &s->dma_command;
	default:
		return NULL;
	}
}

/* Nothing can be changed while it runs. */
static void edu_write_dma(struct device *d, uint64_t offset, uint64_t value)
{
	struct edu *s = device_state(d);
	uint64_t *to = edu_dma_register(s, offset);

	if (!to || (s->dma_command & COMMAND_RUN))
		return;
	*to = offset == R_DMA_COMMAND ? value & COMMAND_MASK : value;
	if (s->dma_command & COMMAND_RUN)
		device_timer_set(d, TIMER_DMA, device_now(d) + WORK_NS);
}

/* ---- registers ---- */

static bool edu_takes(uint64_t offset, unsigned size)
{
	return size == 4 || (size == 8 && offset >= WIDE_FIRST);
}

static uint64_t edu_read(struct device *d, uint64_t offset, unsigned size)
{
	struct edu *s = device_state(d);
	const uint64_t *dma = edu_dma_register(s, offset);

	if (size < 4)
		return 0;
	if (!edu_takes(offset, size))
		return UINT64_MAX;
	switch (offset) {
	case R_IDENTIFICATION:
		return IDENTIFICATION;
	case R_LIVENESS:
		return s->liveness;
	case R_FACTORIAL:
		return s->factorial;
	case R_STATUS:
		return s->status;
	case R_INTERRUPTS:
		return s->interrupts;
	default:
		return dma ? *dma : UINT64_MAX;
	}
}

static void edu_write(struct device *d, uint64_t offset, uint64_t value, unsigned size)
{
	struct edu *s = device_state(d);

	if (!edu_takes(offset, size))
		return;
	switch (offset) {
	case R_LIVENESS:
		s->liveness = ~(uint32_t)value;
		break;
	case R_FACTORIAL:
		if (s->status & STATUS_COMPUTING)
			break;
		s->factorial = (uint32_t)value;
		s->status |= STATUS_COMPUTING;
		device_timer_set(d, TIMER_FACTORIAL, device_now(d) + WORK_NS);
		break;
	case R_STATUS:
		s->status = (s->status & STATUS_COMPUTING) | (value & STATUS_INTERRUPT);
		break;
	case R_RAISE:
		edu_raise(d, (uint32_t)value);
		break;
	case R_ACKNOWLEDGE:
		edu_set_interrupts(d, s->interrupts & ~(uint32_t)value);
		break;
	default:
		edu_write_dma(d, offset, value);
		break;
	}
}

static void edu_timer(struct device *d, unsigned index)
{
	if (index == TIMER_FACTORIAL)
		edu_compute(d);
	else
		edu_transfer(d);
}

static void edu_reset(struct device *d)
{
	struct edu *s = device_state(d);

	*s = (struct edu){.status = 0};
	pci_reset(d);
	pci_set_intx(d, false);
}

static const struct region_ops edu_ops = {
    .read = edu_read,
    .write = edu_write,
    .max_size = 8,
};

static const struct pci_class edu_pci = {
    .vendor = 0x1234,
    .device = 0x11e8,
    .revision = 0x10,
    .class_code = PCI_CLASS_NONE,
    .interrupt_pin = 1,
    .command_writable = PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_OFF,
    .bar = {{PCI_BAR_MEMORY, REGISTERS_SIZE, &edu_ops, "edu"}},
};

static const struct device_property edu_properties[] = {
    [PROPERTY_DMA_MASK] = {"dma_mask", 0xfffffff, 0, UINT64_MAX, "address bits that its DMA has"},
    {NULL, 0, 0, 0, NULL},
};

const struct device_class edu_class = {
    .name = "edu",
    .description = "PCI device to learn and to test on: registers, interrupts, DMA",
    .state_size = sizeof(struct edu),
    .timers = TIMERS,
    .properties = edu_properties,
    .user = true,
    .realize = pci_attach,
    .reset = edu_reset,
    .restored = pci_restored,
    .timer = edu_timer,
    .pci = &edu_pci,
};
