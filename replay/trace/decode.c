/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Columns to events: see columns.h. The payload's checksum was right, but that only shows that
 * somebody computed it: every number in it is still checked here before it is used.
 */
#include "replay/trace/columns.h"

#include <stdlib.h>

struct decoder {
	struct predictor model;
	struct cursor column[COLUMN_COUNT];
	uint32_t left; /* events */
	uint64_t run;  /* events before the next control byte */
	uint64_t insns;
};

struct decoder *decoder_new(void)
{
	return calloc(1, sizeof(struct decoder));
}

void decoder_free(struct decoder *d)
{
	if (d)
		predictor_free(&d->model);
	free(d);
}

/* Cuts `size` bytes off the front of a cursor. */
static bool cursor_cut(struct cursor *from, uint64_t size, struct cursor *piece)
{
	if (size > cursor_left(from))
		return false;
	piece->at = from->at;
	from->at += size;
	piece->end = from->at;
	return true;
}

static bool get_fixed(struct cursor *c, uint64_t *value, unsigned width)
{
	if (cursor_left(c) < width)
		return false;
	*value = le_load(c->at, width);
	c->at += width;
	return true;
}

static bool get_site(struct cursor *c, struct cursor *data, struct site *s,
		     struct site_reference *reference)
{
	uint64_t value;
	unsigned fields;

	if (!get_fixed(c, &value, 1) || !event_kind_name((unsigned)value))
		return false;
	s->kind = (uint8_t)value;
	fields = event_kind_fields(s->kind);
	if (event_kind_crossing(s->kind) == CROSSING_EXIT) {
		if (!varint_get(c, &value))
			return false;
		s->rip = reference->rip + unzigzag(value);
	}
	if (fields & EVENT_FIELD_S) {
		if (!get_fixed(c, &value, 1))
			return false;
		s->size = (uint8_t)value;
	}
	if (fields & EVENT_FIELD_A) {
		if (!varint_get(c, &value))
			return false;
		s->address = reference->address[s->kind] + unzigzag(value);
	}
	if (!get_fixed(c, &value, 1))
		return false;
	s->mode = value & 7;
	s->width = value >> 3 & 15;
	s->address_varies = value & SITE_ADDRESS_VARIES;
	if (s->mode >= DATA_MODES || s->width > 8)
		return false;
	if (s->address_varies && !(fields & EVENT_FIELD_A))
		return false;
	s->last_address = s->address;
	site_reference_touch(reference, s);
	if (!(fields & EVENT_FIELD_D))
		return !s->mode && !s->width;
	return varint_get(c, &value) && cursor_cut(data, value, &s->data_bytes);
}

const char *decoder_begin(struct decoder *d, const uint8_t *raw, size_t size, uint32_t count,
			  uint64_t insns)
{
	struct site_reference reference = {0};
	struct cursor in = {raw, raw + size};
	struct cursor data;
	uint64_t length[COLUMN_COUNT], sites;

	if (!varint_get(&in, &sites) || !sites || sites > count)
		return "its number of sites is impossible";
	for (unsigned i = 0; i < COLUMN_COUNT; i++)
		if (!varint_get(&in, &length[i]))
			return "its column lengths are cut short";
	for (unsigned i = 0; i < COLUMN_COUNT; i++)
		if (!cursor_cut(&in, length[i], &d->column[i]))
			return "a column is longer than the chunk";
	if (cursor_left(&in))
		return "it has bytes after its last column";
	if (!predictor_begin(&d->model, (uint32_t)sites, count))
		return "there is no memory to decode it";
	data = d->column[COLUMN_DATA];
	for (uint32_t s = 0; s < sites; s++)
		if (!get_site(&d->column[COLUMN_SITES], &data, &d->model.site[s], &reference))
			return "its list of sites is invalid";
	if (cursor_left(&d->column[COLUMN_SITES]) || cursor_left(&data))
		return "its list of sites does not fill its column";
	d->column[COLUMN_DATA].at = d->column[COLUMN_DATA].end;
	d->left = count;
	d->insns = insns;
	d->run = 0;
	if (cursor_left(&d->column[COLUMN_CONTROLS]) &&
	    !varint_get(&d->column[COLUMN_RUNS], &d->run))
		return "its runs are invalid";
	return NULL;
}

/* The control byte of the next event. */
static bool next_control(struct decoder *d, uint8_t *control)
{
	struct cursor *c = &d->column[COLUMN_CONTROLS];

	*control = 0;
	if (!cursor_left(c))
		return true;
	if (d->run) {
		d->run--;
		return true;
	}
	*control = *c->at++;
	if (cursor_left(c) && !varint_get(&d->column[COLUMN_RUNS], &d->run))
		return false;
	return *control && !(*control & ~CONTROL_ALL);
}

static bool next_data(struct site *s, uint8_t control, uint64_t insns, uint64_t *data)
{
	uint64_t expected = site_expected_data(s, s->mode, insns);
	uint64_t code;

	if (s->mode == DATA_SAME && !(control & CONTROL_DATA)) {
		*data = expected;
	} else if (s->mode == DATA_SAME || s->mode == DATA_BYTES) {
		if (!get_fixed(&s->data_bytes, data, s->width))
			return false;
	} else {
		if (!varint_get(&s->data_bytes, &code))
			return false;
		*data = truncate_to(expected + unzigzag(code), s->width);
	}
	site_touch_data(s, *data, insns);
	return true;
}

/* Everything that was stored must have been used, or encoder and decoder disagree. */
static const char *decoder_end(const struct decoder *d)
{
	for (unsigned i = 0; i < COLUMN_COUNT; i++)
		if (cursor_left(&d->column[i]))
			return "a column is longer than its events";
	for (uint32_t s = 0; s < d->model.sites; s++)
		if (cursor_left(&d->model.site[s].data_bytes))
			return "the data of a site is longer than its events";
	return NULL;
}

const char *decoder_next(struct decoder *d, struct event *event)
{
	struct predictor *p = &d->model;
	uint64_t number, step, value;
	unsigned candidate, fields;
	struct cursor bytes;
	struct pair *pair;
	struct site *s;
	uint8_t control;

	if (!next_control(d, &control))
		return "its control bytes are invalid";
	number = predictor_site(p);
	if (control & CONTROL_SITE && !varint_get(&d->column[COLUMN_NEXT], &number))
		return "its site numbers are cut short";
	if (number >= p->sites || number > p->seen)
		return "it has a site number out of turn";
	s = &p->site[number];
	fields = event_kind_fields(s->kind);

	pair = predictor_step(p, (uint32_t)number);
	candidate = control >> CONTROL_INSNS_SHIFT & 3;
	if (candidate != CONTROL_INSNS_GIVEN)
		step = pair->insns[candidate];
	else if (!varint_get(&d->column[COLUMN_INSNS], &step))
		return "its positions are cut short";
	pair_touch(pair, candidate, step);
	if (d->insns + step < d->insns)
		return "its positions overflow";
	d->insns += step;

	*event = (struct event){
	    .kind = s->kind,
	    .size = s->size,
	    .position.insns = d->insns,
	    .rip = s->rip,
	    .address = s->address,
	};
	if (s->address_varies) {
		value = 0;
		if (control & CONTROL_ADDRESS && !varint_get(&d->column[COLUMN_ADDRESS], &value))
			return "its addresses are cut short";
		event->address = s->last_address + s->address_step + unzigzag(value);
		s->address_step = event->address - s->last_address;
		s->last_address = event->address;
	}
	if (fields & EVENT_FIELD_D && !next_data(s, control, d->insns, &event->data))
		return "its data is cut short";
	if (fields & EVENT_FIELD_B) {
		value = s->length;
		if (control & CONTROL_LENGTH && !varint_get(&d->column[COLUMN_LENGTH], &value))
			return "its lengths are cut short";
		if (value > EVENT_BYTES_MAX || !cursor_cut(&d->column[COLUMN_BYTES], value, &bytes))
			return "the bytes of an event are cut short";
		s->length = (uint32_t)value;
		event->bytes = bytes.at;
		event->length = value;
	}
	return --d->left ? NULL : decoder_end(d);
}
