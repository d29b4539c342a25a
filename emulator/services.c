/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the machine does for loaders and devices: memory as they reach it, and those calls of
 * device.h that concern the vCPU or go into a trace.
 */
#include "emulator/machine.h"

#include <string.h>

#include "emulator/accel/accel.h"
#include "emulator/cpu/mem.h"

/* ---- RAM ---- */

uint8_t *machine_ram_at(struct machine *m, uint64_t gpa, uint64_t size)
{
	const struct slot *s = bus_find_slot(&m->bus, gpa);
	uint64_t at = s ? slot_read_offset(s, gpa) : SLOT_NOTHING, end = gpa;

	if (at == SLOT_NOTHING)
		return NULL;
	/* Through the slots that follow, as long as RAM goes on as addresses do. */
	while (s && slot_read_offset(s, end) == at + (end - gpa)) {
		end = s->gpa + s->size;
		if (size <= end - gpa)
			return m->ram.base + at;
		s = bus_find_slot(&m->bus, end);
	}
	return NULL;
}

size_t machine_code_at(struct machine *m, uint64_t rip, uint8_t *bytes, size_t max)
{
	const struct cpu *c = m->vcpu.c;
	uint64_t base = c->code_bits == 64 ? 0 : c->seg[SEG_CS].base;
	size_t n = 0;

	for (; n < max; n++) {
		const uint8_t *at;
		uint64_t gpa;

		if (!mem_debug_translate(&m->vcpu, (base + rip + n) & c->linear_mask, &gpa))
			break;
		at = machine_ram_at(m, gpa, 1);
		if (!at)
			break;
		bytes[n] = *at;
	}
	return n;
}

/* Bytes [at, at + size) of RAM were changed other than by the vCPU. */
static void ram_changed(struct machine *m, uint64_t at, uint64_t size)
{
	uint64_t first = at / RAM_PAGE, last = (at + size - 1) / RAM_PAGE;

	for (uint64_t page = first; page <= last; page++)
		ram_page_dirty(&m->ram, page);
	vcpu_ram_changed(&m->vcpu, first, last - first + 1);
}

bool machine_load_bytes(struct machine *m, uint64_t gpa, const void *data, uint64_t size)
{
	uint8_t *to = size ? machine_ram_at(m, gpa, size) : NULL;

	if (!to)
		return size == 0;
	memcpy(to, data, size);
	ram_changed(m, (uint64_t)(to - m->ram.base), size);
	return true;
}

/* ---- DMA ---- */

void device_dma_read(struct device *d, uint64_t gpa, void *buffer, size_t size)
{
	struct machine *m = d->machine;
	uint8_t *out = buffer;

	memset(buffer, 0xff, size);
	for (size_t done = 0; done < size;) {
		const struct slot *s = bus_find_slot(&m->bus, gpa + done);
		uint64_t at = s ? slot_read_offset(s, gpa + done) : SLOT_NOTHING;
		uint64_t left = size - done, n;

		if (at == SLOT_NOTHING) { /* skip to the next page: slots are whole pages */
			n = RAM_PAGE - (gpa + done) % RAM_PAGE;
			done += n < left ? n : left;
			continue;
		}
		n = s->size - (gpa + done - s->gpa);
		n = n < left ? n : left;
		memcpy(out + done, m->ram.base + at, n);
		done += n;
	}
	if (m->dma_override)
		m->dma_override(m->exit_opaque, gpa, buffer, size);
	if (m->tap)
		m->tap->dma(m->tap, false, gpa, buffer, size);
}

void device_dma_write(struct device *d, uint64_t gpa, const void *buffer, size_t size)
{
	machine_dma_write(d->machine, gpa, buffer, size);
	if (d->machine->tap)
		d->machine->tap->dma(d->machine->tap, true, gpa, buffer, size);
}

void machine_dma_write(struct machine *m, uint64_t gpa, const void *buffer, size_t size)
{
	const uint8_t *in = buffer;

	for (size_t done = 0; done < size;) {
		const struct slot *s = bus_find_slot(&m->bus, gpa + done);
		uint64_t at = s ? slot_write_offset(s, gpa + done) : SLOT_NOTHING;
		uint64_t left = size - done, n;

		if (at == SLOT_NOTHING) {
			n = RAM_PAGE - (gpa + done) % RAM_PAGE;
			done += n < left ? n : left;
			continue;
		}
		n = s->size - (gpa + done - s->gpa);
		n = n < left ? n : left;
		memcpy(m->ram.base + at, in + done, n);
		ram_changed(m, at, n);
		done += n;
	}
}

/* The content of a ROM device from `gpa` on; NULL when that is none, or not `size` bytes of it. */
static uint8_t *rom_at(struct machine *m, uint64_t gpa, size_t size)
{
	const struct slot *s = bus_find_slot(&m->bus, gpa);

	if (!s || !s->device || size > s->size - (gpa - s->gpa))
		return NULL;
	return m->ram.base + s->ram_offset + (gpa - s->gpa);
}

void device_rom_read(struct device *d, uint64_t gpa, void *buffer, size_t size)
{
	const uint8_t *from = rom_at(d->machine, gpa, size);

	if (from)
		memcpy(buffer, from, size);
	else
		memset(buffer, 0xff, size);
}

void machine_rom_write(struct machine *m, uint64_t gpa, const void *buffer, size_t size)
{
	uint8_t *to = size ? rom_at(m, gpa, size) : NULL;

	if (!to)
		return;
	memcpy(to, buffer, size);
	ram_changed(m, (uint64_t)(to - m->ram.base), size);
}

void device_rom_write(struct device *d, uint64_t gpa, const void *buffer, size_t size)
{
	struct machine *m = d->machine;

	machine_rom_write(m, gpa, buffer, size);
	if (m->tap && m->tap->rom_write)
		m->tap->rom_write(m->tap, gpa, buffer, size);
}

void device_set_intr(struct device *d, bool level)
{
	struct vcpu *v = &d->machine->vcpu;

	v->c->intr = level;
	if (level)
		vcpu_kick(v);
}

void device_pulse_nmi(struct device *d)
{
	struct vcpu *v = &d->machine->vcpu;

	v->c->nmi_pending = true;
	vcpu_kick(v);
}

void device_set_a20(struct device *d, bool enabled)
{
	struct machine *m = d->machine;

	/* Hypervisors have no A20 line: by exits it is wired open. */
	if (m->vcpu.c->a20 == enabled || m->config.host_time)
		return;
	vcpu_set_a20(&m->vcpu, enabled);
	if (m->tap)
		m->tap->irq(m->tap, IRQ_A20, enabled);
}

void machine_set_view(struct machine *m, uint64_t gpa, unsigned view)
{
	const struct slot *s = bus_find_slot(&m->bus, gpa);
	unsigned index;

	if (!s || s->view == view)
		return;
	index = (unsigned)(s - m->bus.slot);
	machine_state(m)->view[index] = (uint8_t)view;
	m->bus.slot[index].view = (enum slot_view)(view & SLOT_READ_WRITE);
	m->run.size = 0;
	vcpu_map_changed(&m->vcpu);
	if (m->accel->map_changed)
		m->accel->map_changed(m);
}

void device_set_view(struct device *d, uint64_t gpa, unsigned view)
{
	struct machine *m = d->machine;
	const struct slot *s = bus_find_slot(&m->bus, gpa);

	if (!s || s->view == view)
		return;
	machine_set_view(m, gpa, view);
	if (m->tap)
		m->tap->irq(m->tap, IRQ_VIEW, (uint32_t)gpa | view);
}

bool machine_halt_is_final(const struct machine *m, bool takes_interrupts)
{
	unsigned wakes = 0;

	for (unsigned i = 0; i < m->devices; i++) {
		const struct device *d = m->device[i];

		if (d->class->wakes)
			wakes |= d->class->wakes(d);
	}
	return !(wakes & (takes_interrupts ? WAKES_INTERRUPT | WAKES_NMI : WAKES_NMI));
}

void device_request_reset(struct device *d)
{
	machine_state(d->machine)->reset_requested = true;
	vcpu_kick(&d->machine->vcpu);
}
