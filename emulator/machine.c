/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine: building it, and the run loop.
 *
 * The loop's order at one position is part of what a trace means, and the same in every mode:
 * stop, mark, timers, host poll, reset, NMI, interrupt, halt, run. Each step is a function of the
 * machine's state and of what the host answers.
 */
#include "emulator/machine.h"

#include <stdlib.h>
#include <string.h>

#include "emulator/accel/accel.h"
#include "emulator/host/os.h"
#include "emulator/snapshot.h"

#define ARENA_SIZE (1u << 20)
/* Instructions between two looks at the host for input: 65 microseconds of virtual time. */
#define POLL_INSNS (1u << 16)
/*
 * Halted with interrupts off, only an NMI can wake the vCPU; when none came for so much virtual
 * time, none will.
 */
#define DEAD_HALT_NS 10000000000ull

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

struct position machine_position(const struct machine *m)
{
	return (struct position){.insns = m->config.host_time ? 0 : m->vcpu.c->insns,
				 .exits = machine_state(m)->exits};
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

/* ---- exits ---- */

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

void machine_exit(struct machine *m, struct exit *e)
{
	static void (*const dispatch[EXIT_KIND_COUNT])(struct machine *, struct exit *) = {
	    [EXIT_PIO] = dispatch_pio, [EXIT_MMIO] = dispatch_mmio,
	    [EXIT_MSR] = dispatch_msr, [EXIT_CR8] = dispatch_cr8,
	    [EXIT_HLT] = dispatch_hlt, [EXIT_SHUTDOWN] = dispatch_shutdown,
	};

	/* A hypervisor does not tell of every access to CR8: by exits it is the vCPU's own. */
	if (m->config.host_time && e->kind == EXIT_CR8) {
		if (e->is_write)
			m->vcpu.c->cr8 = e->data;
		else
			e->data = m->vcpu.c->cr8;
		return;
	}
	machine_take_priority(m);
	m->between = false;
	m->time_stale = m->config.host_time;
	if (m->exit_override)
		m->exit_override(m->exit_opaque, e);
	else
		dispatch[e->kind](m, e);
	if (m->tap)
		m->tap->exit(m->tap, e);
	machine_state(m)->exits++;
	machine_give_priority(m);
	if (m->config.host_time &&
	    (machine_state(m)->exits >= m->mark || machine_state(m)->exits >= m->until))
		vcpu_kick(&m->vcpu);
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
	m->next_poll = POLL_INSNS;
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
	m->mark = m->until = m->max_insns = UINT64_MAX;
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

/* ---- devices' calls (device.h) that need the loop ---- */

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

void device_request_reset(struct device *d)
{
	machine_state(d->machine)->reset_requested = true;
	vcpu_kick(&d->machine->vcpu);
}

void machine_stop(struct machine *m, enum stop_reason reason, int status)
{
	if (m->stop == STOP_NONE) {
		m->stop = reason;
		m->stop_status = status;
	}
	vcpu_kick(&m->vcpu);
}

/* ---- the run loop ---- */

uint64_t machine_next_timer(const struct machine *m)
{
	const struct machine_state *s = machine_state(m);
	uint64_t next = UINT64_MAX;

	for (unsigned i = 0; i < m->timers; i++) {
		if (s->timer[i] < next)
			next = s->timer[i];
	}
	return next;
}

static struct device *timer_owner(struct machine *m, unsigned timer)
{
	for (unsigned i = 0; i < m->devices; i++) {
		struct device *d = m->device[i];

		if (timer - d->timer_base < d->class->timers)
			return d;
	}
	return NULL;
}

void machine_run_timers(struct machine *m)
{
	struct machine_state *s = machine_state(m);
	uint64_t now = machine_now(m);

	/*
	 * Earliest deadline first, lowest timer first among equals. A device that arms a timer in
	 * the past from its own callback gets it at the next instruction, so this ends.
	 */
	for (unsigned round = 0; round < MACHINE_TIMERS; round++) {
		unsigned due = m->timers;
		struct device *d;

		for (unsigned i = 0; i < m->timers; i++) {
			if (s->timer[i] <= now && (due == m->timers || s->timer[i] < s->timer[due]))
				due = i;
		}
		if (due == m->timers)
			return;
		s->timer[due] = UINT64_MAX;
		d = timer_owner(m, due);
		d->class->timer(d, due - d->timer_base);
	}
}

static uint64_t next_grid_point(const struct machine *m)
{
	return (m->vcpu.c->insns / POLL_INSNS + 1) * POLL_INSNS;
}

void machine_state_replaced(struct machine *m)
{
	m->stop = STOP_NONE;
	m->next_poll = next_grid_point(m);
	for (unsigned i = 0; i < m->bus.slots; i++)
		m->bus.slot[i].view = (enum slot_view)machine_state(m)->view[i];
	m->run.size = 0;
	for (unsigned i = 0; i < m->devices; i++) {
		if (m->device[i]->class->restored)
			m->device[i]->class->restored(m->device[i]);
	}
	vcpu_state_replaced(&m->vcpu);
	if (m->accel->map_changed)
		m->accel->map_changed(m);
	machine_cpu_written(m);
}

void machine_poll(struct machine *m)
{
	enum host_stop stop;

	m->next_poll = next_grid_point(m);
	for (unsigned i = 0; i < m->devices; i++) {
		struct device *d = m->device[i];
		uint8_t bytes[64];
		size_t room;

		if (d->channel < 0 || !d->class->char_room)
			continue;
		room = d->class->char_room(d);
		room = room < sizeof(bytes) ? room : sizeof(bytes);
		if (room)
			room = m->host->ops->char_read(m->host, (unsigned)d->channel, bytes, room);
		if (room)
			d->class->char_in(d, bytes, room);
	}
	stop = m->host->ops->stop(m->host);
	if (stop == HOST_STOP_QUIT)
		machine_stop(m, STOP_QUIT, 0);
	else if (stop == HOST_STOP_TIMEOUT)
		machine_stop(m, STOP_TIMEOUT, 0);
	else if (stop == HOST_STOP_FAILED)
		machine_stop(m, STOP_FAILED, 0);
	else if (stop == HOST_STOP_END)
		machine_stop(m, STOP_END, 0);
}

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

uint8_t machine_acknowledge(struct machine *m)
{
	return m->intc && m->intc->class->acknowledge ? m->intc->class->acknowledge(m->intc) : 0;
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

/* The vCPU is halted: input may wake it; else virtual time goes on to where the host says. */
static void halt(struct machine *m)
{
	struct machine_state *s = machine_state(m);
	uint64_t now = machine_now(m), deadline, wake;

	machine_poll(m);
	if (m->stop != STOP_NONE || m->vcpu.c->nmi_pending ||
	    (m->vcpu.c->intr && vcpu_can_interrupt(&m->vcpu)))
		return;
	deadline = machine_next_timer(m);
	if (!(m->vcpu.c->rflags & FLAG_IF) &&
	    (deadline == UINT64_MAX || now - s->halted_since > DEAD_HALT_NS)) {
		machine_stop(m, STOP_DEAD, 0);
		return;
	}
	wake = m->host->ops->wait(m->host, now, deadline);
	if (wake == UINT64_MAX)
		machine_stop(m, STOP_DEAD, 0);
	else if (wake > now)
		s->time_base += (wake < deadline ? wake : deadline) - now;
}

/* Up to where the vCPU may run before the loop has something to do. */
static uint64_t run_limit(struct machine *m)
{
	const struct cpu *c = m->vcpu.c;
	const struct machine_state *s = machine_state(m);
	uint64_t timer = machine_next_timer(m);
	uint64_t limit = m->next_poll;

	if (timer != UINT64_MAX && timer - s->time_base < limit)
		limit = timer - s->time_base;
	if (m->mark < limit)
		limit = m->mark;
	if (m->until < limit)
		limit = m->until;
	if (m->max_insns < limit)
		limit = m->max_insns;
	/* In the shadow of STI or MOV SS: one instruction, then look again. */
	if ((c->intr || c->nmi_pending) && c->shadow == c->insns && c->insns + 1 < limit)
		limit = c->insns + 1;
	/* A timer that was armed in the past by its own callback: one instruction further on. */
	return limit > c->insns ? limit : c->insns + 1;
}

enum stop_reason machine_run(struct machine *m)
{
	struct vcpu *v = &m->vcpu;

	if (m->config.host_time)
		return machine_run_by_exits(m);
	for (;;) {
		struct cpu *c = v->c;

		if (m->stop != STOP_NONE)
			return m->stop;
		if (c->insns >= m->mark && m->tap)
			m->tap->mark(m->tap);
		machine_run_timers(m);
		if (c->insns >= m->next_poll)
			machine_poll(m);
		machine_service_reset(m);
		if (c->insns >= m->max_insns)
			machine_stop(m, STOP_MAX_INSNS, 0);
		if (m->stop != STOP_NONE)
			continue;
		if (c->insns >= m->until)
			return STOP_PAUSED;
		if (c->nmi_pending && vcpu_can_nmi(v)) {
			c->nmi_pending = false;
			if (m->tap)
				m->tap->irq(m->tap, IRQ_NMI, 0);
			m->accel->nmi(v);
		} else if (c->intr && vcpu_can_interrupt(v)) {
			uint8_t vector = machine_acknowledge(m);

			if (m->tap)
				m->tap->irq(m->tap, IRQ_VECTOR, vector);
			m->accel->inject(v, vector);
		}
		if (m->stop != STOP_NONE)
			continue; /* the delivery itself ended in a triple fault */
		if (c->halted) {
			halt(m);
			continue;
		}
		v->limit = run_limit(m);
		m->accel->run(v);
	}
}
