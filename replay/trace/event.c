/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kinds of events.def are called and which fields they have, and events as text: the one
 * form that dumps, comparisons and divergence reports share.
 */
#include "replay/trace/trace.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define A    EVENT_FIELD_A
#define S    EVENT_FIELD_S
#define D    EVENT_FIELD_D
#define B    EVENT_FIELD_B
#define EXIT CROSSING_EXIT
#define IRQ  CROSSING_IRQ
#define DMA  CROSSING_DMA
#define HOST CROSSING_HOST
#define MARK CROSSING_MARK

static const struct {
	const char *name;
	enum event_crossing crossing;
	unsigned fields;
} kinds[EVENT_KIND_COUNT] = {
#define EVENT(number, NAME, text, where, used) [number] = {text, where, used},
#include "replay/trace/events.def"
#undef EVENT
};

#undef A
#undef S
#undef D
#undef B

const char *event_kind_name(unsigned kind)
{
	return kind < EVENT_KIND_COUNT ? kinds[kind].name : NULL;
}

enum event_crossing event_kind_crossing(unsigned kind)
{
	return kind < EVENT_KIND_COUNT ? kinds[kind].crossing : CROSSING_MARK;
}

unsigned event_kind_fields(unsigned kind)
{
	return kind < EVENT_KIND_COUNT ? kinds[kind].fields : 0;
}

unsigned event_kind_find(const char *name)
{
	for (unsigned kind = 0; kind < EVENT_KIND_COUNT; kind++)
		if (kinds[kind].name && !strcmp(kinds[kind].name, name))
			return kind;
	return 0;
}

void trace_info_free(struct trace_info *i)
{
	free(i->producer);
	free(i->accel);
	free(i->unit);
	free(i->machine);
	memset(i, 0, sizeof(*i));
}

bool event_equal(const struct event *a, const struct event *b)
{
	return a->kind == b->kind && a->size == b->size && a->position.insns == b->position.insns &&
	       a->position.exits == b->position.exits && a->rip == b->rip &&
	       a->address == b->address && a->data == b->data && a->length == b->length &&
	       (!a->length || !memcmp(a->bytes, b->bytes, a->length));
}

/* Appends to a buffer that may be too small; `*used` never passes its end. */
static void __attribute__((format(printf, 4, 5)))
append(char *buffer, size_t size, size_t *used, const char *format, ...)
{
	va_list ap;
	int n;

	if (*used >= size)
		return;
	va_start(ap, format);
	n = vsnprintf(buffer + *used, size - *used, format, ap);
	va_end(ap);
	if (n > 0)
		*used = (size_t)n < size - *used ? *used + (size_t)n : size;
}

#define BYTES_SHOWN 24

static void append_bytes(char *buffer, size_t size, size_t *used, const struct event *e)
{
	size_t shown = e->length < BYTES_SHOWN ? e->length : BYTES_SHOWN;

	append(buffer, size, used, " %zu:", e->length);
	for (size_t i = 0; i < shown; i++)
		append(buffer, size, used, "%s%02x", i % 8 ? "" : " ", e->bytes[i]);
	if (shown < e->length)
		append(buffer, size, used, "...");
	if (event_kind_crossing(e->kind) == CROSSING_MARK || !shown)
		return;
	append(buffer, size, used, "  \"");
	for (size_t i = 0; i < shown; i++) {
		uint8_t c = e->bytes[i];

		append(buffer, size, used, "%c", c >= 0x20 && c < 0x7f && c != '"' ? c : '.');
	}
	append(buffer, size, used, "\"");
}

void event_format(const struct event *e, const char *region, char *buffer, size_t size)
{
	unsigned fields = event_kind_fields(e->kind);
	const char *name = event_kind_name(e->kind);
	size_t used = 0;

	if (!size)
		return;
	buffer[0] = '\0';
	append(buffer, size, &used, "%9" PRIu64 " %14" PRIu64 " ", e->number, e->position.insns);
	if (event_kind_crossing(e->kind) == CROSSING_EXIT)
		append(buffer, size, &used, "%016" PRIx64, e->rip);
	else
		append(buffer, size, &used, "%16s", "-");
	append(buffer, size, &used, " %-12s", name ? name : "?");
	if (e->kind == EVENT_END)
		append(buffer, size, &used, " %s:", stop_reason_text((enum stop_reason)e->address));
	else if (e->kind == EVENT_HOST_CHAR)
		append(buffer, size, &used, " channel %" PRIu64, e->address);
	else if (fields & EVENT_FIELD_A)
		append(buffer, size, &used, " %#10" PRIx64, e->address);
	else
		append(buffer, size, &used, " %10s", "");
	if (fields & EVENT_FIELD_S)
		append(buffer, size, &used, " %u", e->size);
	if (e->kind == EVENT_END || event_kind_crossing(e->kind) == CROSSING_HOST) {
		if (fields & EVENT_FIELD_D)
			append(buffer, size, &used, " %" PRIu64, e->data);
	} else if (fields & EVENT_FIELD_D) {
		append(buffer, size, &used, " 0x%0*" PRIx64, e->size ? 2 * e->size : 2, e->data);
	}
	if (fields & EVENT_FIELD_B)
		append_bytes(buffer, size, &used, e);
	if (region && *region)
		append(buffer, size, &used, "  %s", region);
}
