/* SPDX-License-Identifier: Apache-2.0 */
/* How the machine's crossings become trace events; see event.h. */
#include "replay/event.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	enum event_kind read, write;
} exit_events[EXIT_KIND_COUNT] = {
    [EXIT_PIO] = {EVENT_PIO_READ, EVENT_PIO_WRITE},
    [EXIT_MMIO] = {EVENT_MMIO_READ, EVENT_MMIO_WRITE},
    [EXIT_MSR] = {EVENT_MSR_READ, EVENT_MSR_WRITE},
    [EXIT_CR8] = {EVENT_CR8_READ, EVENT_CR8_WRITE},
    [EXIT_HLT] = {EVENT_HLT, EVENT_HLT},
    [EXIT_SHUTDOWN] = {EVENT_SHUTDOWN, EVENT_SHUTDOWN},
};

struct event event_of_exit(const struct machine *m, const struct exit *x)
{
	enum event_kind kind = x->is_write ? exit_events[x->kind].write : exit_events[x->kind].read;
	unsigned fields = event_kind_fields(kind);

	return (struct event){.kind = kind,
			      .position = machine_position(m),
			      .rip = x->rip,
			      .address = fields & EVENT_FIELD_A ? x->address : 0,
			      .size = fields & EVENT_FIELD_A && !x->fault ? x->size : 0,
			      .data = fields & EVENT_FIELD_D ? x->data : 0};
}

struct event event_of_irq(const struct machine *m, enum irq_kind kind, uint32_t value)
{
	static const enum event_kind kinds[] = {
	    [IRQ_VECTOR] = EVENT_IRQ,
	    [IRQ_NMI] = EVENT_NMI,
	    [IRQ_RESET] = EVENT_RESET,
	    [IRQ_A20] = EVENT_A20,
	    [IRQ_VIEW] = EVENT_VIEW,
	    [IRQ_PRIORITY] = EVENT_PRIORITY,
	    [IRQ_PRIORITY_SET] = EVENT_PRIORITY_SET,
	};

	return (struct event){.kind = kinds[kind], .position = machine_position(m), .data = value};
}

struct event event_of_dma(const struct machine *m, bool is_write, uint64_t gpa, const void *data,
			  size_t size)
{
	return (struct event){.kind = is_write ? EVENT_DMA_WRITE : EVENT_DMA_READ,
			      .position = machine_position(m),
			      .address = gpa,
			      .bytes = data,
			      .length = size};
}

bool event_is_between(const struct machine *m)
{
	return m->config.host_time && !m->exiting;
}

struct event event_of_rom(const struct machine *m, uint64_t gpa, const void *data, size_t size)
{
	return (struct event){.kind = EVENT_ROM_WRITE,
			      .position = machine_position(m),
			      .address = gpa,
			      .bytes = data,
			      .length = size};
}

struct event event_of_host(const struct machine *m, enum event_kind kind, uint64_t address,
			   uint64_t data, const void *bytes, size_t length)
{
	return (struct event){.kind = kind,
			      .position = machine_position(m),
			      .address = address,
			      .data = data,
			      .bytes = bytes,
			      .length = length};
}

struct exit event_to_exit(const struct event *e)
{
	struct exit x = {.address = e->address, .size = e->size, .data = e->data, .rip = e->rip};

	for (unsigned kind = 1; kind < EXIT_KIND_COUNT; kind++) {
		if (exit_events[kind].read == e->kind || exit_events[kind].write == e->kind) {
			x.kind = (enum exit_kind)kind;
			x.is_write = exit_events[kind].read != e->kind;
		}
	}
	if (x.kind == EXIT_MSR) {
		x.fault = x.size == 0;
		x.size = 8;
	} else if (x.kind == EXIT_CR8) {
		x.size = 1;
	}
	return x;
}

bool event_rip_agrees(const struct event *a, const struct event *b)
{
	enum { LONGEST = 15 };
	bool exact =
	    a->kind == EVENT_PIO_READ || a->kind == EVENT_MMIO_READ || a->kind == EVENT_MSR_READ;
	uint64_t d = a->rip - b->rip;

	if (a->rip == b->rip || a->kind == EVENT_SHUTDOWN)
		return true;
	/* In 16-bit code IP wraps. */
	if (!(a->rip >> 16) && !(b->rip >> 16))
		d = (uint64_t)(int64_t)(int16_t)d;
	return !exact && d + LONGEST <= 2 * LONGEST;
}

bool event_equal(const struct event *a, const struct event *b)
{
	return a->kind == b->kind && a->position.insns == b->position.insns &&
	       a->position.exits == b->position.exits && a->rip == b->rip &&
	       a->address == b->address && a->size == b->size && a->data == b->data &&
	       a->length == b->length && (!a->length || !memcmp(a->bytes, b->bytes, a->length));
}

#define TEXT_BYTES_SHOWN 24

static const char *region_name(const struct event *e, const struct machine *m)
{
	const struct region *r = NULL;

	if (m && (e->kind == EVENT_PIO_READ || e->kind == EVENT_PIO_WRITE))
		r = bus_find_port(&m->bus, (uint16_t)e->address);
	else if (m && (e->kind == EVENT_MMIO_READ || e->kind == EVENT_MMIO_WRITE))
		r = bus_find_memory(&m->bus, e->address);
	return r ? r->name : NULL;
}

/* What is left of a buffer that text is put into; text that does not fit is cut. */
struct line {
	char *at;
	size_t room;
};

static void line_add(struct line *l, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void line_add(struct line *l, const char *format, ...)
{
	va_list ap;
	size_t n;

	va_start(ap, format);
	n = (size_t)vsnprintf(l->at, l->room, format, ap);
	va_end(ap);
	n = n < l->room ? n : l->room - 1;
	l->at += n;
	l->room -= n;
}

const char *event_text(const struct event *e, const struct machine *m, char *text, size_t size)
{
	const char *kind = event_kind_name(e->kind), *name = region_name(e, m);
	unsigned fields = event_kind_fields(e->kind);
	struct line l = {text, size};

	if (!size)
		return text;
	line_add(&l, "%s", kind ? kind : "?");
	if (e->kind == EVENT_END) {
		line_add(&l, " %s", stop_reason_text((enum stop_reason)e->address));
		if (e->data)
			line_add(&l, " status %" PRIu64, e->data);
		return text;
	}
	if (fields & EVENT_FIELD_A)
		line_add(&l, " 0x%" PRIx64, e->address);
	if (name)
		line_add(&l, " %s", name);
	if (fields & EVENT_FIELD_S)
		line_add(&l, e->size ? " size %u" : " #GP", e->size);
	if (fields & EVENT_FIELD_D)
		line_add(&l, " data 0x%" PRIx64, e->data);
	if (fields & EVENT_FIELD_B) {
		line_add(&l, " %zu bytes", e->length);
		for (size_t i = 0; i < e->length && i < TEXT_BYTES_SHOWN; i++)
			line_add(&l, " %02x", e->bytes[i]);
		if (e->length > TEXT_BYTES_SHOWN)
			line_add(&l, " ...");
	}
	return text;
}
