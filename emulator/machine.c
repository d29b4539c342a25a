/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine: building it, its time and position, and what the vCPU asks of it. Exits are in
 * dispatch.c, what it does for devices and loaders in services.c, the run loops in run_insns.c and
 * run_exits.c.
 */
#include "emulator/machine.h"

#include <stdlib.h>
#include <string.h>

#include "emulator/accel/accel.h"
#include "emulator/host/os.h"
#include "emulator/snapshot.h"

#define ARENA_SIZE (1u << 20)

const char *stop_reason_text(enum stop_reason r)
{
	switch (r) {
	case STOP_NONE:
		return "running";
	case STOP_POWEROFF:
		return "the guest powered off";
	case STOP_RESET:
		return "the guest asked for a reset";
	case STOP_DEBUG_EXIT:
		return "the guest ended the session through isa-debug-exit";
	case STOP_SHUTDOWN:
		return "triple fault";
	case STOP_DEAD:
		return "the guest halted and nothing can wake it";
	case STOP_QUIT:
		return "ended from outside";
	case STOP_TIMEOUT:
		return "the time limit was reached";
	case STOP_MAX_INSNS:
		return "the instruction limit was reached";
	case STOP_FAILED:
		return "the host could not go on";
	case STOP_PAUSED:
		return "the position asked for was reached";
	case STOP_END:
		return "the trace ends here";
	}
	return "unknown";
}

uint64_t machine_count(const struct machine *m)
{
	return m->config.host_time ? machine_state(m)->exits : m->vcpu.c->insns;
}

uint64_t machine_now(const struct machine *m)
{
	return machine_state(m)->time_base + (m->config.host_time ? 0 : m->vcpu.c->insns);
}

void machine_set_now(struct machine *m, uint64_t now)
{
	if (now > machine_state(m)->time_base)
		machine_state(m)->time_base = now;
	m->time_stale = false;
}

uint64_t machine_ask_now(struct machine *m)
{
	if (m->time_stale)
		machine_set_now(m, m->host->ops->clock(m->host));
	return machine_now(m);
}

void machine_sync(struct machine *m)
{
	if (m->accel->sync)
		m->accel->sync(m);
}

void machine_cpu_written(struct machine *m)
{
	if (m->accel->cpu_written)
		m->accel->cpu_written(m);
}

/* ---- what the vCPU asks of the machine ---- */

static uint64_t ram_page(struct machine *m, uint64_t gpa, bool *writable)
{
	const struct ram_run *run = &m->run;

	if (gpa - run->gpa >= run->size && !bus_find_run(&m->bus, gpa, &m->run))
		return UINT64_MAX;
	*writable = run->writable;
	return run->ram_offset + (gpa - run->gpa);
}

static void page_dirty(struct machine *m, uint64_t page)
{
	ram_page_dirty(&m->ram, page);
}

/* A guest that waits by reading its time stamp counter must see it go on, so it asks each time. */
static uint64_t tsc_now(struct machine *m)
{
	if (!m->config.tsc_exits)
		return machine_ask_now(m);
	machine_set_now(m, m->host->ops->tsc(m->host));
	return machine_now(m);
}

static bool tsc_read(struct machine *m, uint64_t *tsc)
{
	if (m->tsc_override)
		m->tsc_override(m->exit_opaque);
	else if (m->accel->tsc)
		*tsc = m->accel->tsc(m);
	return !m->tsc_override && m->accel->tsc;
}

static bool fetch_exits(struct machine *m, uint64_t gpa)
{
	const struct slot *s = bus_find_slot(&m->bus, gpa);

	return s && s->device && !bus_find_fixed(&m->bus, gpa);
}

static const struct vcpu_ops vcpu_ops = {
    .exit = machine_exit,
    .now = tsc_now,
    .tsc_read = tsc_read,
    .ram_page = ram_page,
    .fetch_exits = fetch_exits,
};

/* ---- building ---- */

size_t machine_arena_alloc(struct machine *m, size_t size)
{
	size_t at = m->arena_used;

	m->arena_used += ((size + 63) & ~(size_t)63) + m->config.arena_gap;
	return at;
}

static const struct board_class *board_find(const char *name)
{
	for (unsigned i = 0; board_classes[i]; i++) {
		if (!strcmp(board_classes[i]->name, name))
			return board_classes[i];
	}
	return NULL;
}

static int check_ram_size(const struct board_class *b, uint64_t size, struct error *e)
{
	if (size >= b->ram_min && size <= b->ram_max && size % (1u << 20) == 0)
		return 0;
	return error_set(e, ERROR_USAGE,
			 "-m %llu bytes: board %s takes %llu MiB to %llu MiB, in whole MiB",
			 (unsigned long long)size, b->name, (unsigned long long)(b->ram_min >> 20),
			 (unsigned long long)(b->ram_max >> 20));
}

static int arena_open(struct machine *m, struct error *e)
{
	m->arena = os_memory_map(ARENA_SIZE);
	if (!m->arena)
		return error_set(e, ERROR_HOST, "cannot map the machine's state: %s", os_error());
	m->arena_size = ARENA_SIZE;
	machine_arena_alloc(m, sizeof(struct machine_state));
	for (int i = 0; i < MACHINE_TIMERS; i++)
		machine_state(m)->timer[i] = UINT64_MAX;
	return 0;
}

/* A reset and the loader have set the vCPU's registers, which not every hypervisor is given. */
static void boot_registers(struct machine *m)
{
	if (!(m->accel->flags & ACCEL_BOOT_REGS))
		machine_cpu_written(m);
}

/* What depends on the accelerator before anything runs. */
static void accel_chosen(struct machine *m, const struct accel_choice *choice, bool host_time)
{
	m->accel = choice->class;
	memcpy(m->accel_passed, choice->passed, sizeof(m->accel_passed));
	memcpy(m->accel_properties, choice->properties, sizeof(m->accel_properties));
	m->config.host_time = host_time || !(m->accel->flags & ACCEL_COUNTS_INSNS);
	if (!m->config.described)
		m->config.tsc_exits = m->config.host_time && (m->accel->flags & ACCEL_TSC_EXITS);
	/* One that is not recorded is better not used. */
	m->vcpu.model.no_tsc = m->config.host_time && !m->config.tsc_exits;
	m->vcpu.model.measured = m->config.cpuid;
}

/* Opens the chosen accelerator, or the first one behind it in the list that opens. */
static int accel_open(struct machine *m, struct accel_choice *choice, bool host_time,
		      struct error *e)
{
	for (;;) {
		struct error why = {0};

		accel_chosen(m, choice, host_time);
		if (!m->accel->open || !m->accel->open(m, &why))
			return 0;
		m->accel->close(m);
		if (accel_choose_next(choice, why.text, e))
			return -1;
	}
}

static int build(struct machine *m, const struct board_class *board, struct accel_choice *choice,
		 struct error *e)
{
	bool host_time = m->config.host_time;
	struct vcpu *v = &m->vcpu;

	accel_chosen(m, choice, host_time);
	if (arena_open(m, e))
		return -1;
	/* Exits may come as early as a reset, so the vCPU's state must be there before devices. */
	v->machine = m;
	v->ops = &vcpu_ops;
	v->page_dirty = page_dirty;
	if (board->build(m, e))
		return -1;
	m->cpu_offset = machine_arena_alloc(m, sizeof(struct cpu));
	m->tlb_offset = machine_arena_alloc(m, sizeof(struct tlb));
	if (m->arena_used > m->arena_size)
		return error_set(e, ERROR_USAGE, "too many devices: their state is over %u KiB",
				 ARENA_SIZE >> 10);
	machine_move_arena(m, m->arena);
	for (unsigned i = 0; i < m->bus.slots; i++)
		machine_state(m)->view[i] = (uint8_t)m->bus.slot[i].view;
	v->ram = m->ram.base;
	v->ram_size = m->ram.size;
	v->guard = m->ram.guard;
	if (vcpu_open(v))
		return error_set(e, ERROR_HOST, "out of memory");
	if (accel_open(m, choice, host_time, e))
		return -1;
	machine_reset(m);
	if (m->load && m->load(m, e))
		return -1;
	boot_registers(m);
	m->next_poll = MACHINE_POLL_INSNS;
	return 0;
}

struct machine *machine_open(struct machine_config *config, const char *accels, struct host *host,
			     struct tap *tap, struct error *e)
{
	struct machine *m = calloc(1, sizeof(*m));
	const struct board_class *board;
	struct accel_choice choice;

	if (!m) {
		machine_config_free(config);
		error_set(e, ERROR_HOST, "out of memory");
		return NULL;
	}
	m->config = *config;
	memset(config, 0, sizeof(*config));
	m->host = host;
	m->mark = m->until = m->max_insns = m->look = m->timed = UINT64_MAX;
	if (accel_choose(accels, &choice, e))
		goto fail;
	if (cpu_model_parse(m->config.cpu, &m->vcpu.model)) {
		error_set(e, ERROR_USAGE, "unknown -cpu %.100s (-cpu help lists the models)",
			  m->config.cpu);
		goto fail;
	}
	board = board_find(m->config.board);
	if (!board) {
		error_set(e, ERROR_USAGE,
			  "unknown -machine %.100s (-machine help lists the boards)",
			  m->config.board);
		goto fail;
	}
	if (check_ram_size(board, m->config.ram_size, e) || build(m, board, &choice, e))
		goto fail;
	m->tap = tap;
	return m;
fail:
	machine_close(m);
	return NULL;
}

void machine_close(struct machine *m)
{
	if (!m)
		return;
	if (m->accel && m->accel->close)
		m->accel->close(m);
	if (m->vcpu.c)
		vcpu_close(&m->vcpu);
	for (unsigned i = 0; i < m->devices; i++)
		free(m->device[i]);
	free(m->board_data);
	snapshot_free(m->snapshot);
	ram_close(&m->ram);
	if (m->arena)
		os_memory_unmap(m->arena, m->arena_size);
	machine_config_free(&m->config);
	free(m);
}

void machine_move_arena(struct machine *m, uint8_t *arena)
{
	m->arena = arena;
	m->vcpu.c = (struct cpu *)(void *)(arena + m->cpu_offset);
	m->vcpu.tlb = (struct tlb *)(void *)(arena + m->tlb_offset);
}

struct device *machine_add_device(struct machine *m, const char *class_name, const char *id,
				  void (*wire)(struct device *d, void *opaque), void *opaque,
				  struct error *e)
{
	const struct device_class *class = device_class_find(class_name);
	struct device *d;

	if (!class) {
		error_set(e, ERROR_USAGE, "device %.60s is not built in (-device help lists them)",
			  class_name);
		return NULL;
	}
	if (m->devices == MACHINE_DEVICES || m->timers + class->timers > MACHINE_TIMERS) {
		error_set(e, ERROR_USAGE, "no room for device %.60s", class_name);
		return NULL;
	}
	d = calloc(1, sizeof(*d));
	if (!d) {
		error_set(e, ERROR_HOST, "out of memory");
		return NULL;
	}
	d->class = class;
	d->machine = m;
	d->id = id;
	d->channel = -1;
	d->state_offset = machine_arena_alloc(m, class->state_size);
	d->timer_base = m->timers;
	for (unsigned i = 0; class->properties && class->properties[i].name; i++)
		d->property[i] = class->properties[i].value;
	m->timers += class->timers;
	m->device[m->devices++] = d;
	if (m->arena_used > m->arena_size) {
		error_set(e, ERROR_USAGE, "no room for the state of device %.60s", class_name);
		return NULL;
	}
	if (wire)
		wire(d, opaque);
	if (class->realize && class->realize(d, e))
		return NULL;
	return d;
}

struct device *machine_find_device(const struct machine *m, const char *id)
{
	for (unsigned i = 0; i < m->devices; i++) {
		if (!strcmp(m->device[i]->id, id))
			return m->device[i];
	}
	return NULL;
}

/* ---- reset, stop ---- */

void machine_reset(struct machine *m)
{
	struct machine_state *s = machine_state(m);

	s->reset_requested = false;
	for (unsigned i = 0; i < m->timers; i++)
		s->timer[i] = UINT64_MAX;
	vcpu_reset(&m->vcpu);
	for (unsigned i = 0; i < m->devices; i++) {
		if (m->device[i]->class->reset)
			m->device[i]->class->reset(m->device[i]);
	}
}

void machine_service_reset(struct machine *m)
{
	if (!machine_state(m)->reset_requested)
		return;
	if (m->config.no_reboot) {
		machine_stop(m, STOP_RESET, 0);
		return;
	}
	if (m->tap)
		m->tap->irq(m->tap, IRQ_RESET, 0);
	machine_reset(m);
	/* The images fitted at power-on, so they fit now. */
	if (m->load && m->load(m, NULL))
		machine_stop(m, STOP_FAILED, 0);
	boot_registers(m);
}

void machine_stop(struct machine *m, enum stop_reason reason, int status)
{
	if (m->stop == STOP_NONE) {
		m->stop = reason;
		m->stop_status = status;
	}
	vcpu_kick(&m->vcpu);
}
