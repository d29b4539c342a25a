/* SPDX-License-Identifier: Apache-2.0 */
/* What device.h offers to device models, apart from what needs the machine (services.c). */
#include "emulator/device/device.h"

#include <string.h>

#include "emulator/machine.h"

const struct device_class *device_class_find(const char *name)
{
	for (unsigned i = 0; device_classes[i]; i++) {
		if (!strcmp(device_classes[i]->name, name))
			return device_classes[i];
	}
	return NULL;
}

void *device_state(const struct device *d)
{
	return d->machine->arena + d->state_offset;
}

uint64_t device_now(const struct device *d)
{
	return machine_ask_now(d->machine);
}

void device_timer_set(struct device *d, unsigned index, uint64_t deadline)
{
	struct machine *m = d->machine;

	machine_state(m)->timer[d->timer_base + index] = deadline;
	/* The vCPU may be running towards a later limit: have the loop work it out again. */
	vcpu_kick(&m->vcpu);
}

void device_timer_cancel(struct device *d, unsigned index)
{
	machine_state(d->machine)->timer[d->timer_base + index] = UINT64_MAX;
}

bool device_timer_pending(const struct device *d, unsigned index)
{
	return machine_state(d->machine)->timer[d->timer_base + index] != UINT64_MAX;
}

void irq_set(struct irq line, bool level)
{
	if (line.to && line.to->class->set_irq)
		line.to->class->set_irq(line.to, line.pin, level);
}

bool irq_get(struct irq line)
{
	return line.to && line.to->class->get_irq && line.to->class->get_irq(line.to, line.pin);
}

int64_t device_wall_clock(struct device *d)
{
	return d->machine->host->ops->wall_clock(d->machine->host);
}

void device_char_write(struct device *d, const uint8_t *bytes, size_t size)
{
	if (d->channel >= 0)
		d->machine->host->ops->char_write(d->machine->host, (unsigned)d->channel, bytes,
						  size);
}

void device_store(struct device *d, unsigned unit, uint64_t offset, const void *bytes, size_t size)
{
	struct host *h = d->machine->host;

	if (h->ops->store)
		h->ops->store(h, unit, offset, bytes, size);
}

int device_add_ports(struct device *d, uint16_t base, unsigned count, const struct region_ops *ops,
		     const char *name, struct error *e)
{
	return bus_add_ports(&d->machine->bus, d, base, count, ops, name, e);
}

int device_add_mmio(struct device *d, uint64_t base, uint64_t size, const struct region_ops *ops,
		    const char *name, struct error *e)
{
	return bus_add_memory(&d->machine->bus, d, base, size, ops, name, e);
}

int device_add_rom(struct device *d, uint64_t gpa, uint64_t size, uint64_t ram_offset,
		   const struct region_ops *ops, const char *name, struct error *e)
{
	return bus_add_rom_device(&d->machine->bus, d, gpa, size, ram_offset,
				  d->machine->config.rom_exits, ops, name, e);
}

void device_request_poweroff(struct device *d)
{
	machine_stop(d->machine, STOP_POWEROFF, 0);
}

void device_request_exit(struct device *d, int status)
{
	machine_stop(d->machine, STOP_DEBUG_EXIT, status);
}
