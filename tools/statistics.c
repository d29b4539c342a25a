/* SPDX-License-Identifier: Apache-2.0 */
/* Counting what a trace holds; see statistics.h. */
#include "tools/statistics.h"

#include <stdlib.h>
#include <string.h>

#include "emulator/cpu/cpuid.h"
#include "tools/event_line.h"
#include "tools/command.h"

#define PLACE_SLOTS (2 * STATISTICS_PLACES)

const char *const statistics_group[STATISTICS_GROUPS] = {"pio", "mmio", "msr",  "hlt",
							 "irq", "dma",  "host", "mark"};

/* ---- counting ---- */

static void count_place(struct statistics *s, const struct event *e)
{
	uint64_t h = (e->address ^ (uint64_t)e->kind << 40) * UINT64_C(0x9e3779b97f4a7c15);
	uint32_t i = (uint32_t)(h >> 40) % PLACE_SLOTS;

	for (; s->slot[i]; i = (i + 1) % PLACE_SLOTS) {
		struct place_count *p = &s->place_of[s->slot[i] - 1];

		if (p->kind == e->kind && p->address == e->address) {
			p->count++;
			return;
		}
	}
	if (s->places == STATISTICS_PLACES) {
		s->other_places++;
		return;
	}
	s->place_of[s->places] = (struct place_count){.kind = e->kind,
						      .address = e->address,
						      .count = 1,
						      .region = event_region_name(e, s->machine),
						      .device = event_device_id(e, s->machine)};
	s->slot[i] = ++s->places;
}

static void count(struct statistics *s, const struct event *e)
{
	s->events++;
	s->exits = e->position.exits + (event_kind_crossing(e->kind) == CROSSING_EXIT);
	s->insns = e->position.insns;
	s->place = event_place(e, trace_reader_info(s->reader));
	s->by_kind[e->kind]++;
	if ((event_kind_fields(e->kind) & EVENT_FIELD_S) &&
	    event_kind_crossing(e->kind) == CROSSING_EXIT)
		count_place(s, e);
	if (e->kind == EVENT_EMULATED || e->kind == EVENT_FALLBACK)
		emulated_count(&s->emulated, e);
	if (s->by_exits && (e->kind == EVENT_HOST_WAIT || e->kind == EVENT_HOST_TIME ||
			    e->kind == EVENT_HOST_DUE || e->kind == EVENT_HOST_TSC))
		s->time = e->data;
	else if (e->kind == EVENT_HOST_WAIT)
		s->time_base = e->data - e->position.insns;
	if (e->kind == EVENT_END)
		s->end = *e;
}

static unsigned group_of(unsigned kind)
{
	switch (kind) {
	case EVENT_PIO_READ:
	case EVENT_PIO_WRITE:
		return 0;
	case EVENT_MMIO_READ:
	case EVENT_MMIO_WRITE:
		return 1;
	case EVENT_MSR_READ:
	case EVENT_MSR_WRITE:
	case EVENT_CR8_READ:
	case EVENT_CR8_WRITE:
		return 2;
	default:
		break;
	}
	switch (event_kind_crossing(kind)) {
	case CROSSING_EXIT:
		return 3;
	case CROSSING_IRQ:
		return 4;
	case CROSSING_DMA:
		return 5;
	case CROSSING_HOST:
		return 6;
	default:
		return 7;
	}
}

uint64_t statistics_column_width(const struct statistics *s)
{
	return s->place / STATISTICS_COLUMNS + 1;
}

/* Which of the columns of the time line a position falls into; the last one is s->place. */
static unsigned column_of(const struct statistics *s, uint64_t place)
{
	uint64_t column = place / statistics_column_width(s);

	return column < STATISTICS_COLUMNS ? (unsigned)column : STATISTICS_COLUMNS - 1;
}

static int read_all(struct statistics *s, struct error *e)
{
	const struct trace_info *info = trace_reader_info(s->reader);
	struct event event;
	int rc;

	while ((rc = trace_read(s->reader, &event, e)) > 0) {
		count(s, &event);
		progress_show("%s events", number_text(s->events));
	}
	trace_reader_usage(s->reader, &s->usage);
	/* The time line needs to know where the end is: read again. Damage ends it as before. */
	trace_rewind(s->reader);
	for (uint64_t i = 0; i < s->events && trace_read(s->reader, &event, NULL) > 0; i++)
		s->line[group_of(event.kind)][column_of(s, event_place(&event, info))]++;
	progress_clear();
	return rc;
}

static int compare_places(const void *a, const void *b)
{
	const struct place_count *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return x->kind < y->kind ? -1 : 1;
}

/* CPUID leaf 1 EDX bit 4, as the guest began. */
static bool shows_tsc(const struct machine *m)
{
	uint32_t out[4];

	cpuid_query(&m->vcpu.model, m->vcpu.c, 1, 0, out);
	return out[3] >> 4 & 1;
}

struct statistics *statistics_read(const char *path, struct error *e)
{
	const struct replay_options names_only = {.mode = REPLAY_DEVICES};
	struct statistics *s = calloc(1, sizeof(*s));
	struct error no_names;

	if (!s) {
		error_set(e, ERROR_HOST, "out of memory");
		return NULL;
	}
	e->text[0] = 0;
	s->path = path;
	s->reader = trace_reader_open(path, e);
	if (!s->reader) {
		statistics_free(s);
		return NULL;
	}
	s->replay = replay_open(path, &names_only, &no_names);
	s->machine = s->replay ? replay_machine(s->replay) : NULL;
	s->by_exits = !strcmp(trace_reader_info(s->reader)->unit, "exits");
	s->tsc_shown =
	    s->by_exits && s->machine && !s->machine->config.tsc_exits && shows_tsc(s->machine);
	if (!read_all(s, e) && !trace_reader_complete(s->reader))
		error_set(e, ERROR_TRACE,
			  "%s: the recording was cut off, its end is missing (the numbers are of "
			  "what is whole)",
			  path);
	emulated_sort(&s->emulated);
	qsort(s->place_of, s->places, sizeof(*s->place_of), compare_places);
	return s;
}

void statistics_free(struct statistics *s)
{
	if (s->replay)
		replay_close(s->replay);
	trace_reader_close(s->reader);
	free(s);
}

/* ---- what the counts come to ---- */

double statistics_bytes_per_event(const struct statistics *s)
{
	return s->events ? (double)(s->usage.file - s->usage.head) / (double)s->events : 0;
}

double statistics_exit_rate(const struct statistics *s)
{
	uint64_t millions = s->by_exits ? s->time / 1000 : s->insns;

	return millions ? 1e6 * (double)s->exits / (double)millions : 0;
}

uint64_t statistics_time(const struct statistics *s)
{
	return s->by_exits ? s->time : s->time_base + s->insns;
}

unsigned statistics_kinds(const struct statistics *s, unsigned order[EVENT_KIND_COUNT])
{
	unsigned kinds = 0;

	for (unsigned kind = 0; kind < EVENT_KIND_COUNT; kind++) {
		unsigned at = kinds;

		if (!s->by_kind[kind])
			continue;
		for (; at && s->by_kind[order[at - 1]] < s->by_kind[kind]; at--)
			order[at] = order[at - 1];
		order[at] = kind;
		kinds++;
	}
	return kinds;
}
