/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carries operations out on a machine: what the run loop of run_insns.c and a guest would do, in
 * their order, without a vCPU. An instruction counts one; after it come the steps of a boundary.
 */
#include <string.h>

#include "fuzz/harness_impl.h"

/* A halt is that many timers long at most, so that no operation takes long. */
#define HALT_TIMERS 16u
/* Virtual time ends here, in 146 years. */
#define TIME_END ((uint64_t)1 << 62)
/* Snapshots that an input can take. */
#define MARKS_MAX 16u

/* ---- boundaries and instructions ---- */

/* Whether the machine was reset: the vCPU is somewhere else then. */
static bool boundary(struct harness *h)
{
	judge_begin(h);
	machine_run_timers(h->m);
	judge_begin(h);
	if (!machine_state(h->m)->reset_requested)
		return false;
	reset_begins(h);
	machine_service_reset(h->m);
	lines_reset(h);
	reset_ends(h);
	return true;
}

static bool exit_run(struct harness *h, struct exit e)
{
	struct machine *m = h->m;

	judge_begin(h);
	m->vcpu.c->insns++;
	h->exit = &e;
	machine_exit(m, &e);
	h->exit = NULL;
	return boundary(h);
}

uint8_t harness_port(struct harness *h, uint16_t port)
{
	const struct exit e = {.kind = EXIT_PIO, .address = port, .size = 1}, *was = h->exit;
	uint64_t value;

	h->exit = &e;
	value = bus_port_read(&h->m->bus, port, 1);
	h->exit = was;
	return (uint8_t)value;
}

/* ---- accesses ---- */

/* The exits of one access, as backends make them (exit.h). Returns as boundary(). */
static bool access_run(struct harness *h, const struct fuzz_region *r, uint64_t offset,
		       unsigned size, bool is_write, uint64_t data)
{
	struct exit e = {.kind = r->kind, .is_write = is_write, .data = is_write ? data : 0};
	unsigned in_page;
	bool reset = false;

	e.address = region_base(r) + offset;
	switch (r->kind) {
	case EXIT_PIO:
		e.address &= 0xffff;
		e.size = size >= 4 ? 4 : size >= 2 ? 2 : 1;
		break;
	case EXIT_MSR:
		e.size = 8;
		break;
	case EXIT_CR8:
		e.address = 0;
		e.size = 1;
		e.data &= 15; /* MOV to CR8 of more is a fault and no exit */
		break;
	default:
		e.size = (uint8_t)size;
		break;
	}
	if (e.size < 8)
		e.data &= (1ull << e.size * 8) - 1;
	in_page = RAM_PAGE - (unsigned)(e.address % RAM_PAGE);
	if (r->kind == EXIT_MMIO && e.size > in_page) {
		struct exit second = e;

		second.address += in_page;
		second.size = (uint8_t)(e.size - in_page);
		second.data >>= in_page * 8;
		e.size = (uint8_t)in_page;
		e.data &= (1ull << e.size * 8) - 1;
		reset = exit_run(h, e);
		e = second;
	}
	return exit_run(h, e) || reset;
}

static void access_op(struct harness *h, const struct op *op)
{
	const struct fuzz_region *r = region_by_number(&h->regions, op->region);
	uint64_t size = r ? region_size(r) : 0;

	if (size)
		access_run(h, r, op->offset % size, op->size, op->kind == OP_WRITE, op->value);
}

static uint64_t item(const struct op *op, unsigned n)
{
	uint64_t value = 0;

	for (unsigned i = 0; op->length && i < op->size; i++)
		value |= (uint64_t)op->bytes[(n * op->size + i) % op->length] << i * 8;
	return value;
}

/*
 * REP INS and OUTS stay at their port; REP MOVS goes on through memory. None goes on when one of
 * its items resets the machine.
 */
static void string_op(struct harness *h, const struct op *op)
{
	const struct fuzz_region *r = region_by_number(&h->regions, op->region);
	uint64_t size = r ? region_size(r) : 0, offset = size ? op->offset % size : 0;

	for (unsigned n = 0; size && n < op->count && h->m->stop == STOP_NONE; n++) {
		if (access_run(h, r, offset, op->size, op->kind == OP_WRITE_STRING, item(op, n)))
			return;
		/* The region may be a window that was moved just now. */
		size = region_size(r);
		if (size && r->kind == EXIT_MMIO)
			offset = (offset + op->size) % size;
	}
}

/* ---- time and interrupts ---- */

static void halt_until(struct harness *h, uint64_t until)
{
	struct machine *m = h->m;

	exit_run(h, (struct exit){.kind = EXIT_HLT});
	h->halt_until = until < TIME_END ? until : TIME_END;
	for (unsigned n = 0; n < HALT_TIMERS && m->stop == STOP_NONE; n++) {
		uint64_t now = machine_now(m), deadline = machine_next_timer(m), wake;

		judge_begin(h);
		machine_halt_is_final(m, true); /* asked where no timer runs; it changes nothing */
		machine_poll(m);
		if (m->stop != STOP_NONE || now >= h->halt_until)
			return;
		wake = m->host->ops->wait(m->host, now, deadline);
		if (wake > now)
			machine_state(m)->time_base += (wake < deadline ? wake : deadline) - now;
		boundary(h);
	}
}

static void clock_op(struct harness *h, uint64_t from, uint64_t ns)
{
	halt_until(h, ns < TIME_END - from ? from + ns : TIME_END);
}

static void timer_op(struct harness *h, uint64_t ns)
{
	uint64_t deadline = machine_next_timer(h->m), now = machine_now(h->m);

	if (deadline == UINT64_MAX || deadline > TIME_END)
		deadline = now < TIME_END ? now : TIME_END;
	clock_op(h, deadline > now ? deadline : now, ns);
}

static void acknowledge_op(struct harness *h)
{
	struct machine *m = h->m;
	struct cpu *c = m->vcpu.c;

	judge_begin(h);
	/* Hypervisors ask this before they go on: a class, or none. */
	if (machine_held_back(m) > 15)
		judge_object(h, "interrupts: one of no class is held back");
	if (c->nmi_pending) {
		c->nmi_pending = false;
		m->tap->irq(m->tap, IRQ_NMI, 0);
	} else if (c->intr) {
		m->tap->irq(m->tap, IRQ_VECTOR, machine_acknowledge(m));
	}
}

/* The guest asks the chip set for it, where there is one to be asked. */
static void reset_op(struct harness *h)
{
	static const uint8_t values[] = {0x02, 0x06};
	struct exit e = {.kind = EXIT_PIO, .is_write = true, .size = 1, .address = h->reset_port};

	if (h->reset_port == UINT64_MAX) {
		machine_state(h->m)->reset_requested = true;
		boundary(h);
		return;
	}
	for (unsigned i = 0; i < sizeof(values) && h->m->stop == STOP_NONE; i++) {
		e.data = values[i];
		exit_run(h, e);
	}
}

/* ---- snapshots ---- */

static void snapshot_op(struct harness *h)
{
	struct snapshot *s;

	if (h->marks++ >= MARKS_MAX)
		return;
	s = harness_snapshot(h);
	if (!s)
		return;
	harness_forget(h, h->mark);
	h->mark = s;
	h->mark_world = h->world;
}

static void restore_op(struct harness *h)
{
	guard_lift(h);
	judge_begin(h);
	snapshot_restore(h->m, h->mark ? h->mark : h->start);
	guard_lower(h);
	if (h->mark)
		h->world = h->mark_world;
	else
		door_reset(h);
	/* What happened since has happened, though nobody remembers. */
	judge_event(h, 0x104, 0, 0);
}

/* ---- memory ---- */

static void fill_op(struct harness *h, const struct op *op)
{
	static uint8_t bytes[1 << 14];
	uint64_t ram = h->m->bus.slots ? h->m->bus.slot[0].size : 0,
		 gpa = ram ? op->offset % ram : 0;
	unsigned count = op->count;

	if (count > ram - gpa)
		count = (unsigned)(ram - gpa);
	for (unsigned i = 0; i < count; i++)
		bytes[i] = op->length ? op->bytes[i % op->length] : 0;
	door_page_written(h, gpa, count);
	machine_load_bytes(h->m, gpa, bytes, count);
}

static void dma_op(struct harness *h, const struct op *op)
{
	struct world *w = &h->world;

	w->pointer = (enum op_pointer)op->queue;
	w->pattern_offset = (uint8_t)op->offset;
	w->pattern_length = op->length;
	memcpy(w->pattern, op->bytes, op->length);
}

/* ---- all of them ---- */

static bool gives_wide(const struct op *op)
{
	return ((op->kind == OP_WRITE || op->kind == OP_WRITE_STRING) && op->size == 8) ||
	       (op->kind == OP_HOST && op->queue == QUEUE_CLOCK);
}

void inject_op(struct harness *h, const struct op *op)
{
	h->wide |= gives_wide(op);
	switch (op->kind) {
	case OP_READ:
	case OP_WRITE:
		access_op(h, op);
		break;
	case OP_READ_STRING:
	case OP_WRITE_STRING:
		string_op(h, op);
		break;
	case OP_CLOCK:
		clock_op(h, machine_now(h->m) < TIME_END ? machine_now(h->m) : TIME_END, op->value);
		break;
	case OP_TIMER:
		timer_op(h, op->value);
		break;
	case OP_ACKNOWLEDGE:
		acknowledge_op(h);
		break;
	case OP_RESET:
		reset_op(h);
		break;
	case OP_SNAPSHOT:
		snapshot_op(h);
		break;
	case OP_RESTORE:
		restore_op(h);
		break;
	case OP_HOST:
		door_queue(h, op->queue, op->bytes, op->length);
		judge_begin(h);
		if (op->queue >= QUEUE_CHAR)
			machine_poll(h->m);
		break;
	case OP_FILL:
		fill_op(h, op);
		break;
	case OP_DMA:
		dma_op(h, op);
		break;
	default:
		break;
	}
}

struct place inject_ops(struct harness *h, struct place p, unsigned until)
{
	struct op op;

	while (p.ops < until && h->m->stop == STOP_NONE && op_next(&p.reader, &op)) {
		p.ops++;
		h->ticks_op++;
		if (h->watch && h->watch->op)
			h->watch->op(h->watch, &op);
		if (h->fill_stack)
			outside_fill_stack();
		inject_op(h, &op);
		guard_check(h);
		lines_check(h);
	}
	return p;
}
