/* SPDX-License-Identifier: Apache-2.0 */
/* Events as text and JSON, with the names of the devices that they belong to; see event_line.h. */
#include "tools/event_line.h"

#include <inttypes.h>
#include <string.h>

#include "emulator/accel/whpx/status.h"

#define BYTES_SHOWN 24

/* ---- whose ---- */

static const struct region *find_region(const struct event *e, const struct machine *m)
{
	switch (e->kind) {
	case EVENT_PIO_READ:
	case EVENT_PIO_WRITE:
		return bus_find_port(&m->bus, (uint16_t)e->address);
	case EVENT_MMIO_READ:
	case EVENT_MMIO_WRITE:
		return bus_find_memory(&m->bus, e->address);
	default:
		return NULL;
	}
}

static const struct device *find_device(const struct event *e, const struct machine *m)
{
	const struct region *r = find_region(e, m);

	if (r)
		return r->device;
	switch (e->kind) {
	case EVENT_MSR_READ:
	case EVENT_MSR_WRITE:
	case EVENT_CR8_READ:
	case EVENT_CR8_WRITE:
	case EVENT_IRQ:
		return m->intc;
	case EVENT_HOST_CHAR:
		for (unsigned i = 0; i < m->devices; i++)
			if (m->device[i]->channel >= 0 &&
			    (uint64_t)m->device[i]->channel == e->address)
				return m->device[i];
		return NULL;
	default:
		return NULL;
	}
}

const char *event_device_id(const struct event *e, const struct machine *m)
{
	const struct device *d = m ? find_device(e, m) : NULL;

	return d ? d->id : "";
}

const char *event_region_name(const struct event *e, const struct machine *m)
{
	const struct region *r = m ? find_region(e, m) : NULL;

	return r ? r->name : event_device_id(e, m);
}

static bool device_is(const struct device *d, const char *name)
{
	return d && (!strcmp(d->id, name) || !strcmp(d->class->name, name));
}

bool event_is_of(const struct event *e, const struct machine *m, const char *name)
{
	const struct region *r = m ? find_region(e, m) : NULL;

	return m && (device_is(find_device(e, m), name) || (r && !strcmp(r->name, name)));
}

bool machine_has_name(const struct machine *m, const char *name)
{
	for (unsigned i = 0; i < m->devices; i++)
		if (device_is(m->device[i], name))
			return true;
	for (unsigned i = 0; i < m->bus.regions; i++)
		if (!strcmp(m->bus.region[i].name, name))
			return true;
	return false;
}

/* ---- text ---- */

static void print_bytes(FILE *f, const struct event *e)
{
	size_t shown = e->length < BYTES_SHOWN ? e->length : BYTES_SHOWN;

	fprintf(f, " %zu bytes", e->length);
	for (size_t i = 0; i < shown; i++)
		fprintf(f, "%s%02x", i % 8 ? "" : " ", e->bytes[i]);
	if (shown < e->length)
		fputs("...", f);
	if (e->kind != EVENT_HOST_CHAR)
		return;
	fputs(" \"", f);
	for (size_t i = 0; i < shown; i++)
		fputc(e->bytes[i] >= 0x20 && e->bytes[i] < 0x7f ? e->bytes[i] : '.', f);
	fputc('"', f);
}

/* What the platform's emulator said of an instruction, by name. */
static void print_fallback(FILE *f, const struct event *e)
{
	char names[320];

	fprintf(f, " %#10" PRIx64 " %s", e->address,
		whpx_status_text((uint32_t)e->data, names, sizeof(names)));
	if (e->data >> 32)
		fprintf(f, " HRESULT 0x%08" PRIx64, e->data >> 32);
	print_bytes(f, e);
}

void event_print(FILE *f, const struct event *e, const struct machine *m)
{
	unsigned fields = event_kind_fields(e->kind);
	enum event_crossing crossing = event_kind_crossing(e->kind);
	const char *region = event_region_name(e, m);
	/* Machines whose time is the host's count exits. */
	uint64_t place = m && m->config.host_time ? e->position.exits : e->position.insns;

	fprintf(f, "%8" PRIu64 " %13" PRIu64 " ", e->number, place);
	if (crossing == CROSSING_EXIT)
		fprintf(f, "%16" PRIx64, e->rip);
	else
		fprintf(f, "%16s", "-");
	fprintf(f, fields ? " %-12s" : " %s", event_kind_name(e->kind));
	if (e->kind == EVENT_END) {
		fprintf(f, " %s", stop_reason_text((enum stop_reason)e->address));
		if (e->data)
			fprintf(f, ", status %" PRIu64, e->data);
		return;
	}
	if (e->kind == EVENT_FALLBACK) {
		print_fallback(f, e);
		return;
	}
	if (e->kind == EVENT_HOST_CHAR)
		fprintf(f, " channel %" PRIu64, e->address);
	else if (fields & EVENT_FIELD_A)
		fprintf(f, " %#10" PRIx64, e->address);
	if (fields & EVENT_FIELD_S)
		fprintf(f, " %u", e->size);
	if (fields & EVENT_FIELD_D && crossing == CROSSING_HOST)
		fprintf(f, " %" PRIu64 " ns", e->data);
	else if (fields & EVENT_FIELD_S)
		fprintf(f, " 0x%0*" PRIx64, e->size <= 8 ? 2 * e->size : 16, e->data);
	else if (fields & EVENT_FIELD_D)
		fprintf(f, " 0x%02" PRIx64, e->data);
	if (fields & EVENT_FIELD_S && !e->size)
		fputs(" #GP", f);
	if (fields & EVENT_FIELD_B)
		print_bytes(f, e);
	if (*region)
		fprintf(f, "  %s", region);
}

void text_print_part(FILE *f, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		uint8_t c = (uint8_t)text[i];

		fputc(c < 0x20 || c == 0x7f ? '?' : c, f);
	}
}

void text_print(FILE *f, const char *text)
{
	text_print_part(f, text, strlen(text));
}

/* ---- JSON ---- */

/* RFC 8259: bytes that are no UTF-8 must not get into it, so all above ASCII becomes \u00XX. */
void text_print_json(FILE *f, const char *text)
{
	fputc('"', f);
	for (; *text; text++) {
		uint8_t c = (uint8_t)*text;

		if (c == '"' || c == '\\')
			fprintf(f, "\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			fprintf(f, "\\u%04x", c);
		else
			fputc(c, f);
	}
	fputc('"', f);
}

void event_print_json(FILE *f, const struct event *e, const struct machine *m, const char *insn)
{
	unsigned fields = event_kind_fields(e->kind);

	fprintf(f,
		"{\"number\":%" PRIu64 ",\"insns\":%" PRIu64 ",\"exits\":%" PRIu64
		",\"kind\":\"%s\"",
		e->number, e->position.insns, e->position.exits, event_kind_name(e->kind));
	if (event_kind_crossing(e->kind) == CROSSING_EXIT)
		fprintf(f, ",\"rip\":\"0x%" PRIx64 "\"", e->rip);
	if (fields & EVENT_FIELD_A)
		fprintf(f, ",\"address\":\"0x%" PRIx64 "\"", e->address);
	if (fields & EVENT_FIELD_S)
		fprintf(f, ",\"size\":%u", e->size);
	if (fields & EVENT_FIELD_D)
		fprintf(f, ",\"data\":\"0x%" PRIx64 "\"", e->data);
	if (fields & EVENT_FIELD_B) {
		fputs(",\"bytes\":\"", f);
		for (size_t i = 0; i < e->length; i++)
			fprintf(f, "%02x", e->bytes[i]);
		fputc('"', f);
	}
	if (e->kind == EVENT_FALLBACK) {
		char names[320];

		fputs(",\"status\":", f);
		text_print_json(f, whpx_status_text((uint32_t)e->data, names, sizeof(names)));
	}
	if (*event_region_name(e, m)) {
		fputs(",\"device\":", f);
		text_print_json(f, event_device_id(e, m));
		fputs(",\"region\":", f);
		text_print_json(f, event_region_name(e, m));
	}
	if (*insn) {
		fputs(",\"insn\":", f);
		text_print_json(f, insn);
	}
	fputc('}', f);
}

uint64_t event_place(const struct event *e, const struct trace_info *info)
{
	return strcmp(info->unit, "exits") ? e->position.insns : e->position.exits;
}
