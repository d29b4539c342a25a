/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exits: from the one call that every accelerator makes to whatever in the machine answers, with
 * the tap beside it. The task priority is here too, as by exits no exit tells of it.
 */
#include "emulator/machine.h"

static void dispatch_pio(struct machine *m, struct exit *e)
{
	if (e->is_write)
		bus_port_write(&m->bus, (uint16_t)e->address, e->size, e->data);
	else
		e->data = bus_port_read(&m->bus, (uint16_t)e->address, e->size);
}

static void dispatch_mmio(struct machine *m, struct exit *e)
{
	if (e->is_write)
		bus_memory_write(&m->bus, e->address, e->size, e->data);
	else
		e->data = bus_memory_read(&m->bus, e->address, e->size);
}

static void dispatch_msr(struct machine *m, struct exit *e)
{
	const struct device *d = m->intc;

	e->fault = !d || !d->class->msr ||
		   !d->class->msr(m->intc, (uint32_t)e->address, e->is_write, &e->data);
	if (e->fault && !e->is_write)
		e->data = 0;
}

static void dispatch_cr8(struct machine *m, struct exit *e)
{
	if (m->intc && m->intc->class->task_priority)
		m->intc->class->task_priority(m->intc, e->is_write, &e->data);
	else if (!e->is_write)
		e->data = 0;
}

static void dispatch_hlt(struct machine *m, struct exit *e)
{
	machine_state(m)->halted_since = machine_now(m);
}

static void dispatch_shutdown(struct machine *m, struct exit *e)
{
	machine_stop(m, STOP_SHUTDOWN, 0);
}

static uint64_t task_priority(struct machine *m, bool is_write, uint64_t value)
{
	if (m->intc && m->intc->class->task_priority)
		m->intc->class->task_priority(m->intc, is_write, &value);
	return value;
}

void machine_take_priority(struct machine *m)
{
	uint64_t cr8 = m->vcpu.c->cr8;

	if (!m->config.host_time || m->exit_override || task_priority(m, false, 0) == cr8)
		return;
	if (m->tap)
		m->tap->irq(m->tap, IRQ_PRIORITY, (uint32_t)cr8);
	task_priority(m, true, cr8);
}

void machine_give_priority(struct machine *m)
{
	uint64_t priority;

	if (!m->config.host_time || m->exit_override)
		return;
	priority = task_priority(m, false, 0);
	if (priority == m->vcpu.c->cr8)
		return;
	m->vcpu.c->cr8 = priority;
	if (m->tap)
		m->tap->irq(m->tap, IRQ_PRIORITY_SET, (uint32_t)priority);
}

unsigned machine_held_back(const struct machine *m)
{
	return m->intc && m->intc->class->held_back ? m->intc->class->held_back(m->intc) : 0;
}

bool machine_priority_opened(const struct machine *m)
{
	return machine_held_back(m) > m->vcpu.c->cr8;
}

/* Carries an exit out, and shows it. */
static inline __attribute__((always_inline)) void exit_answer(struct machine *m, struct exit *e)
{
	static void (*const dispatch[EXIT_KIND_COUNT])(struct machine *, struct exit *) = {
	    [EXIT_PIO] = dispatch_pio, [EXIT_MMIO] = dispatch_mmio,
	    [EXIT_MSR] = dispatch_msr, [EXIT_CR8] = dispatch_cr8,
	    [EXIT_HLT] = dispatch_hlt, [EXIT_SHUTDOWN] = dispatch_shutdown,
	};

	m->between = false;
	if (m->exit_override)
		m->exit_override(m->exit_opaque, e);
	else if (e->kind == EXIT_PIO)
		dispatch_pio(m, e);
	else if (e->kind == EXIT_MMIO)
		dispatch_mmio(m, e);
	else
		dispatch[e->kind](m, e);
	if (m->tap)
		m->tap->exit(m->tap, e);
	machine_state(m)->exits++;
}

static void exit_by_exits(struct machine *m, struct exit *e)
{
	/* A hypervisor does not tell of every access to CR8: by exits it is the vCPU's own. */
	if (e->kind == EXIT_CR8) {
		if (e->is_write)
			m->vcpu.c->cr8 = e->data;
		else
			e->data = m->vcpu.c->cr8;
		return;
	}
	machine_take_priority(m);
	m->time_stale = true;
	m->exiting = true;
	exit_answer(m, e);
	m->exiting = false;
	machine_give_priority(m);
	if (machine_state(m)->exits >= m->mark || machine_state(m)->exits >= m->until)
		vcpu_kick(&m->vcpu);
}

void machine_exit(struct machine *m, struct exit *e)
{
	if (m->config.host_time) {
		exit_by_exits(m, e);
		return;
	}
	m->time_stale = false;
	exit_answer(m, e);
}
