/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events to columns: see columns.h. Three passes over a chunk: find the sites; choose for each how
 * its data is best coded; then walk the events in order beside the model and note what it missed.
 * The choices are the encoder's own (they travel in the site list), and integer arithmetic only,
 * so that the same events give the same bytes on every host.
 */
#include "replay/trace/columns.h"

#include <stdlib.h>

/* More addresses than this from one instruction are a range being walked, not registers. */
#define ADDRESSES_MAX 16

/* How large a slot_table is at first: most chunks need no more. A power of two. */
#define TABLE_FIRST 1024u

/* By how much of its data a site's mode is chosen: so many events, and those of them in a row. */
#define SAMPLE_EVENTS 2048u
#define SAMPLE_ROW    512u

/* Open-addressed set of sites while they are found, or of instructions (address left out). */
struct slot_table {
	uint32_t *slot; /* index plus one, 0: free */
	uint32_t mask;
};

struct origin {
	uint64_t rip;
	uint8_t kind, size;
	uint32_t addresses;
};

struct encoder {
	struct predictor model;
	struct column_buffer column[COLUMN_COUNT];
	struct column_buffer out, trial;
	bool failed; /* out of memory */

	struct slot_table by_site, by_origin;
	struct site *found; /* CHUNK_EVENTS_MAX of each of these */
	struct origin *origin;
	uint32_t *after;   /* per site: which came behind it the last time */
	uint64_t *bits;    /* per site: those that are set in any of its data */
	uint32_t *site_of; /* per event */
	uint32_t *order;   /* events sorted by site */
	uint32_t *first;   /* where in `order` each site begins */
	uint8_t *control;  /* per event: DATA bit only, in the second pass */
	uint32_t found_count, origin_count;
};

struct encoder *encoder_new(void)
{
	struct encoder *n = calloc(1, sizeof(*n));
	const size_t max = CHUNK_EVENTS_MAX;

	if (!n)
		return NULL;
	n->found = malloc(max * sizeof(*n->found));
	n->origin = malloc(max * sizeof(*n->origin));
	n->after = malloc(max * sizeof(*n->after));
	n->bits = malloc(max * sizeof(*n->bits));
	n->site_of = malloc(max * sizeof(*n->site_of));
	n->order = malloc(max * sizeof(*n->order));
	n->first = malloc((max + 1) * sizeof(*n->first));
	n->control = malloc(max);
	n->by_site.slot = malloc(2 * max * sizeof(uint32_t));
	n->by_origin.slot = malloc(2 * max * sizeof(uint32_t));
	if (!n->found || !n->origin || !n->after || !n->bits || !n->site_of || !n->order ||
	    !n->first || !n->control || !n->by_site.slot || !n->by_origin.slot) {
		encoder_free(n);
		return NULL;
	}
	return n;
}

void encoder_free(struct encoder *n)
{
	if (!n)
		return;
	for (unsigned i = 0; i < COLUMN_COUNT; i++)
		free(n->column[i].data);
	free(n->out.data);
	free(n->trial.data);
	free(n->found);
	free(n->origin);
	free(n->after);
	free(n->bits);
	free(n->site_of);
	free(n->order);
	free(n->first);
	free(n->control);
	free(n->by_site.slot);
	free(n->by_origin.slot);
	predictor_free(&n->model);
	free(n);
}

/* Room for `size` more bytes, or NULL (and n->failed). */
static uint8_t *buffer_reserve(struct encoder *n, struct column_buffer *b, size_t size)
{
	if (b->room - b->size < size) {
		size_t room = b->room ? b->room : 4096;
		uint8_t *data;

		while (room - b->size < size)
			room *= 2;
		data = realloc(b->data, room);
		if (!data) {
			n->failed = true;
			return NULL;
		}
		b->data = data;
		b->room = room;
	}
	return b->data + b->size;
}

static void put_bytes(struct encoder *n, struct column_buffer *b, const void *bytes, size_t size)
{
	uint8_t *p = size ? buffer_reserve(n, b, size) : NULL;

	if (p) {
		memcpy(p, bytes, size);
		b->size += size;
	}
}

static void put_varint(struct encoder *n, struct column_buffer *b, uint64_t value)
{
	uint8_t *p = buffer_reserve(n, b, VARINT_MAX);

	if (p)
		b->size += varint_put(p, value);
}

static void put_fixed(struct encoder *n, struct column_buffer *b, uint64_t value, unsigned width)
{
	uint8_t *p = width ? buffer_reserve(n, b, width) : NULL;

	if (p) {
		le_store(p, value, width);
		b->size += width;
	}
}

/* ---- first pass: sites ---- */

static uint32_t hash_origin(uint64_t rip, uint8_t kind, uint8_t size)
{
	uint64_t h =
	    (rip ^ (uint64_t)kind << 56 ^ (uint64_t)size << 48) * UINT64_C(0x9e3779b97f4a7c15);

	return (uint32_t)(h >> 32);
}

/* Sites of an instruction that walks a range are one for all addresses, so theirs is not in it. */
static uint32_t hash_site(const struct site *s)
{
	uint64_t address = s->address_varies ? 0 : s->address;
	uint64_t h =
	    (address + hash_origin(s->rip, s->kind, s->size)) * UINT64_C(0xd6e8feb86659fd93);

	return (uint32_t)(h >> 32);
}

static void table_reset(struct slot_table *t)
{
	t->mask = TABLE_FIRST - 1;
	memset(t->slot, 0, TABLE_FIRST * sizeof(*t->slot));
}

/* At half full; there is room for twice as many slots as events (encoder_new). */
static bool table_is_full(const struct slot_table *t, uint32_t count)
{
	return 2 * count > t->mask && t->mask + 1 < 2 * CHUNK_EVENTS_MAX;
}

static void table_widen(struct slot_table *t)
{
	t->mask = 2 * t->mask + 1;
	memset(t->slot, 0, (t->mask + 1) * sizeof(*t->slot));
}

static void table_put(struct slot_table *t, uint32_t hash, uint32_t index)
{
	uint32_t i = hash & t->mask;

	while (t->slot[i])
		i = (i + 1) & t->mask;
	t->slot[i] = index + 1;
}

static uint32_t origin_find(struct encoder *n, const struct packed_event *e)
{
	struct slot_table *t = &n->by_origin;
	uint32_t hash = hash_origin(e->rip, e->kind, e->size), i = hash & t->mask;

	for (; t->slot[i]; i = (i + 1) & t->mask) {
		const struct origin *o = &n->origin[t->slot[i] - 1];

		if (o->rip == e->rip && o->kind == e->kind && o->size == e->size)
			return t->slot[i] - 1;
	}
	n->origin[n->origin_count] =
	    (struct origin){.rip = e->rip, .kind = e->kind, .size = e->size};
	table_put(t, hash, n->origin_count++);
	if (table_is_full(t, n->origin_count)) {
		table_widen(t);
		for (uint32_t k = 0; k < n->origin_count; k++)
			table_put(
			    t, hash_origin(n->origin[k].rip, n->origin[k].kind, n->origin[k].size),
			    k);
	}
	return n->origin_count - 1;
}

/* Finds or adds the site of an event; `varies` sites are one for all addresses. */
static uint32_t site_find(struct encoder *n, const struct packed_event *e, bool varies, bool *added)
{
	const struct site wanted = {.kind = e->kind,
				    .size = e->size,
				    .rip = e->rip,
				    .address = e->address,
				    .address_varies = varies};
	struct slot_table *t = &n->by_site;
	uint32_t hash = hash_site(&wanted), i = hash & t->mask;

	*added = false;
	for (; t->slot[i]; i = (i + 1) & t->mask) {
		const struct site *s = &n->found[t->slot[i] - 1];

		if (s->rip == e->rip && s->kind == e->kind && s->size == e->size &&
		    (varies || s->address == e->address))
			return t->slot[i] - 1;
	}
	n->found[n->found_count] = wanted;
	n->after[n->found_count] = 0;
	n->bits[n->found_count] = 0;
	table_put(t, hash, n->found_count++);
	if (table_is_full(t, n->found_count)) {
		table_widen(t);
		for (uint32_t k = 0; k < n->found_count; k++)
			table_put(t, hash_site(&n->found[k]), k);
	}
	*added = true;
	return n->found_count - 1;
}

static bool site_matches(const struct site *s, const struct packed_event *e)
{
	return s->rip == e->rip && s->kind == e->kind && s->size == e->size &&
	       s->address == e->address;
}

/* The site of each event; true when an instruction has more addresses than ADDRESSES_MAX. */
static bool find_each(struct encoder *n, const struct packed_event *events, uint32_t count)
{
	bool added, any_varies = false;
	uint32_t last = 0, number;

	for (uint32_t i = 0; i < count; i++) {
		const struct packed_event *e = &events[i];

		/* Mostly that which came behind the same one the last time. */
		number = i ? n->after[last] : 0;
		if (!i || !site_matches(&n->found[number], e)) {
			number = site_find(n, e, false, &added);
			if (added)
				any_varies |=
				    ++n->origin[origin_find(n, e)].addresses > ADDRESSES_MAX;
			n->after[last] = number;
		}
		n->bits[number] |= e->data;
		n->site_of[i] = last = number;
	}
	return any_varies;
}

static void find_sites(struct encoder *n, const struct packed_event *events, uint32_t count)
{
	bool added;

	table_reset(&n->by_site);
	table_reset(&n->by_origin);
	n->found_count = n->origin_count = 0;
	if (!find_each(n, events, count))
		return;
	/* Again, with the sites of one instruction that walks a range made one. */
	table_reset(&n->by_site);
	n->found_count = 0;
	for (uint32_t i = 0; i < count; i++) {
		const struct origin *o = &n->origin[origin_find(n, &events[i])];

		n->site_of[i] = site_find(n, &events[i], o->addresses > ADDRESSES_MAX, &added);
		n->bits[n->site_of[i]] |= events[i].data;
	}
}

static void sort_by_site(struct encoder *n, uint32_t count)
{
	uint32_t sites = n->found_count;

	memset(n->first, 0, (sites + 1) * sizeof(*n->first));
	for (uint32_t i = 0; i < count; i++)
		n->first[n->site_of[i] + 1]++;
	for (uint32_t s = 0; s < sites; s++)
		n->first[s + 1] += n->first[s];
	for (uint32_t i = 0; i < count; i++)
		n->order[n->first[n->site_of[i]]++] = i;
	for (uint32_t s = sites; s; s--)
		n->first[s] = n->first[s - 1];
	n->first[0] = 0;
}

/* ---- second pass: data ---- */

/* The loop of code_data(), which the compiler makes once for each mode. */
static inline __attribute__((always_inline)) uint32_t
code_data_as(uint8_t *p, size_t *size, uint8_t *control, unsigned width, const enum data_mode mode,
	     const struct packed_event *events, const uint32_t *order, struct site s,
	     uint32_t count)
{
	uint8_t *start = p;
	uint32_t missed = 0;

	for (uint32_t i = 0; i < count; i++) {
		const struct packed_event *e = &events[order[i]];
		uint64_t expected = site_expected_data(&s, mode, e->insns);

		if (mode == DATA_BYTES) {
			le_store(p, e->data, width);
			p += width;
		} else if (mode != DATA_SAME) {
			p += varint_put(p, zigzag(sign_extend(e->data - expected, width)));
		} else if (e->data != expected) {
			le_store(p, e->data, width);
			p += width;
			missed++;
			if (control)
				control[order[i]] = CONTROL_DATA;
		}
		site_touch_data(&s, e->data, e->insns);
	}
	*size += (size_t)(p - start);
	return missed;
}

/*
 * Appends the data of one site's events [first, first + count) in one mode to `out`; returns how
 * often DATA_SAME missed, and notes it in `control` unless that is NULL.
 */
static uint32_t code_data(struct encoder *n, struct column_buffer *out, uint8_t *control,
			  unsigned width, enum data_mode mode, const struct packed_event *events,
			  const uint32_t *order, uint32_t first, uint32_t count)
{
	uint8_t *p = buffer_reserve(n, out, count * (size_t)VARINT_MAX);
	struct site s = {0};

	if (!p)
		return 0;
	for (uint32_t i = first < 2 ? 0 : first - 2; i < first; i++)
		site_touch_data(&s, events[order[i]].data, events[order[i]].insns);
	order += first;
	switch (mode) {
	case DATA_BYTES:
		return code_data_as(p, &out->size, NULL, width, DATA_BYTES, events, order, s,
				    count);
	case DATA_DELTA:
		return code_data_as(p, &out->size, NULL, width, DATA_DELTA, events, order, s,
				    count);
	case DATA_STRIDE:
		return code_data_as(p, &out->size, NULL, width, DATA_STRIDE, events, order, s,
				    count);
	case DATA_CLOCK:
		return code_data_as(p, &out->size, NULL, width, DATA_CLOCK, events, order, s,
				    count);
	default:
		return code_data_as(p, &out->size, control, width, DATA_SAME, events, order, s,
				    count);
	}
}

/* log2(n) in 1/256, good to a tenth of a bit: the fraction is taken as linear. */
static uint64_t log2_fixed(uint32_t n)
{
	unsigned whole = 31 - (unsigned)__builtin_clz(n);

	return ((uint64_t)whole << 8) + (((uint64_t)n << 8 >> whole) - 256);
}

/* What an order-0 entropy coder would need for these bytes, in 1/256 bit. */
static uint64_t entropy(const struct column_buffer *b)
{
	/* By turns: equal bytes in a row would wait for each other's count. */
	uint32_t histogram[4][256] = {0};
	uint64_t cost = 0;

	for (size_t i = 0; i < b->size; i++)
		histogram[i & 3][b->data[i]]++;
	for (unsigned i = 0; i < 256; i++) {
		uint32_t n = histogram[0][i] + histogram[1][i] + histogram[2][i] + histogram[3][i];

		if (n)
			cost += n * (log2_fixed((uint32_t)b->size) - log2_fixed(n));
	}
	return cost;
}

/* A miss also costs a control byte and a run length, about this much after zstd. */
#define MISS_COST (14u << 8)

/* What one mode would cost a sample of the data, in 1/256 bit; counts what DATA_SAME missed. */
static uint64_t mode_cost(struct encoder *n, unsigned width, enum data_mode mode,
			  const struct packed_event *events, const uint32_t *order, uint32_t count,
			  uint32_t *missed)
{
	uint32_t row = count, step = count;

	if (count > SAMPLE_EVENTS) {
		row = SAMPLE_ROW;
		step = count / (SAMPLE_EVENTS / SAMPLE_ROW);
	}
	n->trial.size = 0;
	*missed = 0;
	for (uint32_t first = 0; first + row <= count; first += step)
		*missed += code_data(n, &n->trial, NULL, width, mode, events, order, first, row);
	return entropy(&n->trial) + *missed * (uint64_t)MISS_COST;
}

static enum data_mode cheapest_mode(struct encoder *n, unsigned width,
				    const struct packed_event *events, const uint32_t *order,
				    uint32_t count)
{
	enum data_mode best = DATA_SAME;
	uint32_t missed, none;
	uint64_t best_cost = mode_cost(n, width, DATA_SAME, events, order, count, &missed);

	if (missed <= 1)
		return best;
	for (unsigned mode = DATA_SAME + 1; mode < DATA_MODES && best_cost; mode++) {
		uint64_t cost = mode_cost(n, width, mode, events, order, count, &none);

		if (cost < best_cost) {
			best_cost = cost;
			best = mode;
		}
	}
	return best;
}

static void choose_mode(struct encoder *n, struct site *s, const struct packed_event *events,
			const uint32_t *order, uint32_t count)
{
	struct column_buffer *column = &n->column[COLUMN_DATA];
	size_t before = column->size;

	for (uint64_t bits = n->bits[s - n->found]; bits; bits >>= 8)
		s->width++;
	s->mode = (uint8_t)cheapest_mode(n, s->width, events, order, count);
	code_data(n, column, n->control, s->width, s->mode, events, order, 0, count);
	s->data_size = column->size - before;
}

static void put_site(struct encoder *n, const struct site *s, struct site_reference *reference)
{
	struct column_buffer *b = &n->column[COLUMN_SITES];
	unsigned fields = event_kind_fields(s->kind);

	put_fixed(n, b, s->kind, 1);
	if (event_kind_crossing(s->kind) == CROSSING_EXIT)
		put_varint(n, b, zigzag(s->rip - reference->rip));
	if (fields & EVENT_FIELD_S)
		put_fixed(n, b, s->size, 1);
	if (fields & EVENT_FIELD_A)
		put_varint(n, b, zigzag(s->address - reference->address[s->kind]));
	put_fixed(n, b, s->mode | s->width << 3 | (s->address_varies ? SITE_ADDRESS_VARIES : 0), 1);
	if (fields & EVENT_FIELD_D)
		put_varint(n, b, s->data_size);
	site_reference_touch(reference, s);
}

/* ---- third pass: the events in order ---- */

static void code_events(struct encoder *n, const struct packed_event *events, uint32_t count,
			const uint8_t *bytes)
{
	struct predictor *p = &n->model;
	uint64_t insns = events[0].insns;
	uint32_t run = 0;

	for (uint32_t i = 0; i < count; i++) {
		const struct packed_event *e = &events[i];
		uint32_t number = n->site_of[i];
		struct site *s = &p->site[number];
		uint8_t control = n->control[i];
		unsigned candidate;
		struct pair *pair;

		if (predictor_site(p) != number) {
			control |= CONTROL_SITE;
			put_varint(n, &n->column[COLUMN_NEXT], number);
		}
		pair = predictor_step(p, number);
		candidate = pair_find(pair, e->insns - insns);
		control |= (uint8_t)(candidate << CONTROL_INSNS_SHIFT);
		if (candidate == CONTROL_INSNS_GIVEN)
			put_varint(n, &n->column[COLUMN_INSNS], e->insns - insns);
		pair_touch(pair, candidate, e->insns - insns);
		insns = e->insns;
		if (s->address_varies) {
			uint64_t expected = s->last_address + s->address_step;

			if (e->address != expected) {
				control |= CONTROL_ADDRESS;
				put_varint(n, &n->column[COLUMN_ADDRESS],
					   zigzag(e->address - expected));
			}
			s->address_step = e->address - s->last_address;
			s->last_address = e->address;
		}
		if (e->length != s->length) {
			control |= CONTROL_LENGTH;
			put_varint(n, &n->column[COLUMN_LENGTH], e->length);
			s->length = e->length;
		}
		put_bytes(n, &n->column[COLUMN_BYTES], bytes, e->length);
		bytes += e->length;
		if (control) {
			put_varint(n, &n->column[COLUMN_RUNS], run);
			put_fixed(n, &n->column[COLUMN_CONTROLS], control, 1);
			run = 0;
		} else {
			run++;
		}
	}
}

const uint8_t *encoder_run(struct encoder *n, const struct packed_event *events, uint32_t count,
			   const uint8_t *bytes, size_t *size)
{
	struct site_reference reference = {0};

	n->failed = false;
	for (unsigned i = 0; i < COLUMN_COUNT; i++)
		n->column[i].size = 0;
	n->out.size = 0;
	memset(n->control, 0, count);
	find_sites(n, events, count);
	sort_by_site(n, count);
	for (uint32_t s = 0; s < n->found_count; s++) {
		choose_mode(n, &n->found[s], events, &n->order[n->first[s]],
			    n->first[s + 1] - n->first[s]);
		put_site(n, &n->found[s], &reference);
	}
	if (!predictor_begin(&n->model, n->found_count, count))
		return NULL;
	memcpy(n->model.site, n->found, n->found_count * sizeof(*n->found));
	for (uint32_t s = 0; s < n->found_count; s++)
		n->model.site[s].last_address = n->model.site[s].address;
	code_events(n, events, count, bytes);

	put_varint(n, &n->out, n->found_count);
	for (unsigned i = 0; i < COLUMN_COUNT; i++)
		put_varint(n, &n->out, n->column[i].size);
	for (unsigned i = 0; i < COLUMN_COUNT; i++)
		put_bytes(n, &n->out, n->column[i].data, n->column[i].size);
	*size = n->out.size;
	return n->failed ? NULL : n->out.data;
}
