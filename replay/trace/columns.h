/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events to columns and back: how the payload of an event chunk is coded before zstd sees it.
 *
 * A guest does the same few things again and again: it polls a status port in a loop, acknowledges
 * the same interrupt, programs the same timer. So every place where an event comes from is a
 * `site` (kind, RIP, address, size), listed once per chunk, and both sides keep a model of what
 * follows what. An event that the model foretells in every respect costs nothing; one that it
 * misses costs a control byte and the values that were not foretold. Values that no model
 * foretells (console text, counters) are grouped by site, so that zstd sees text beside text.
 *
 * The model (predict.c) is part of the format: encoder and decoder must make the same guesses.
 * It starts anew with every chunk, so that each chunk can be read alone. FORMAT.md tells it all.
 */
#ifndef VCR_TRACE_COLUMNS_H
#define VCR_TRACE_COLUMNS_H

#include "replay/trace/format.h"
#include "replay/trace/trace.h"

/* In the order in which they lie in the payload. */
enum column {
	COLUMN_SITES,    /* the sites themselves, in the order in which they first occur */
	COLUMN_RUNS,     /* events foretold wholly before each control byte */
	COLUMN_CONTROLS, /* what was not foretold about the next event */
	COLUMN_NEXT,     /* site numbers */
	COLUMN_INSNS,    /* instructions since the event before */
	COLUMN_ADDRESS,
	COLUMN_DATA, /* grouped by site */
	COLUMN_LENGTH,
	COLUMN_BYTES,
	COLUMN_COUNT
};

/* Bits of a control byte: what is given because it was not foretold. */
#define CONTROL_SITE        0x01u
#define CONTROL_INSNS_SHIFT 1 /* two bits: 0..2 which candidate, 3 given */
#define CONTROL_INSNS_GIVEN 3u
#define CONTROL_DATA        0x08u
#define CONTROL_ADDRESS     0x10u
#define CONTROL_LENGTH      0x20u
#define CONTROL_ALL         0x3fu

/* How a site's data is coded. */
enum data_mode {
	DATA_SAME = 0,  /* as last time; given in `width` bytes when not */
	DATA_BYTES = 1, /* always given, in `width` bytes */
	DATA_DELTA = 2, /* always given, as the difference from last time */
	DATA_STRIDE =
	    3, /* always given, as the difference from last time plus the last difference */
	DATA_CLOCK = 4, /* always given, as the difference from last time plus instructions since */
	DATA_MODES
};

#define SITE_ADDRESS_VARIES 0x80u

struct site {
	uint8_t kind, size;
	uint8_t mode, width; /* of data; width is the bytes that its largest value needs */
	bool address_varies; /* address is then only the first one */
	uint64_t rip, address;
	struct cursor data_bytes; /* decoder: its part of COLUMN_DATA */
	size_t data_size;         /* encoder: the same */

	/* The model's memory of it. */
	uint64_t data, data_step, insns;
	uint64_t last_address, address_step;
	uint32_t length;
	uint32_t next; /* site that followed, plus one */
};

/* What the next site in the list is told by: the last RIP, and the last address of each kind. */
struct site_reference {
	uint64_t rip, address[EVENT_KIND_COUNT];
};

void site_reference_touch(struct site_reference *reference, const struct site *s);

#define PAIR_CANDIDATES 3

/* What is remembered about one site directly following another. */
struct pair {
	uint64_t key; /* 0: free */
	uint64_t insns[PAIR_CANDIDATES];
	uint32_t next; /* site that followed them, plus one */
	uint32_t near; /* where the pair that followed was found, to look there first */
};

struct predictor {
	struct site *site;
	uint32_t sites, site_room;
	uint32_t seen;                /* sites that have occurred; they do so in order */
	struct pair *pair, *old_pair; /* open-addressed; the other is for growing */
	uint32_t pairs, pair_mask, pair_room;
	struct pair *last; /* of the two events before, or NULL */
	uint32_t previous; /* site of the event before; `sites` at the start */
};

void predictor_free(struct predictor *p);
/* Makes room for a chunk and forgets everything. False without memory. */
bool predictor_begin(struct predictor *p, uint32_t sites, uint32_t events);
/* The pair with this key, found or added; p->last may be elsewhere then. */
struct pair *predictor_pair(struct predictor *p, uint64_t key);

/* ---- what is done once or more for every event, and so stands here ---- */

/* The likeliest site of the next event. */
static inline uint32_t predictor_site(const struct predictor *p)
{
	if (p->last && p->last->next)
		return p->last->next - 1;
	if (p->previous < p->sites && p->site[p->previous].next)
		return p->site[p->previous].next - 1;
	return p->seen < p->sites ? p->seen : 0;
}

/* The event is at site `s`: what is known about coming here from the one before. */
static inline struct pair *predictor_step(struct predictor *p, uint32_t s)
{
	uint64_t key = (uint64_t)p->previous << 32 | (s + 1);
	struct pair *pair = p->last ? &p->pair[p->last->near] : p->pair;

	if (pair->key != key)
		pair = predictor_pair(p, key);
	if (p->last) {
		p->last->next = s + 1;
		p->last->near = (uint32_t)(pair - p->pair);
	}
	if (p->previous < p->sites)
		p->site[p->previous].next = s + 1;
	if (s == p->seen)
		p->seen++;
	p->last = pair;
	p->previous = s;
	return pair;
}

/* Which candidate `insns` is, or CONTROL_INSNS_GIVEN. */
static inline unsigned pair_find(const struct pair *pair, uint64_t insns)
{
	unsigned candidate = 0;

	while (candidate < PAIR_CANDIDATES && pair->insns[candidate] != insns)
		candidate++;
	return candidate;
}

/* Moves a candidate to the front. */
static inline void pair_touch(struct pair *pair, unsigned candidate, uint64_t insns)
{
	if (candidate == PAIR_CANDIDATES)
		candidate--;
	for (; candidate; candidate--)
		pair->insns[candidate] = pair->insns[candidate - 1];
	pair->insns[0] = insns;
}

/* What the site's data would be without the stored difference (all modes but DATA_BYTES). */
static inline uint64_t site_expected_data(const struct site *s, enum data_mode mode, uint64_t insns)
{
	switch (mode) {
	case DATA_STRIDE:
		return s->data + s->data_step;
	case DATA_CLOCK:
		return s->data + (insns - s->insns);
	default:
		return s->data;
	}
}

static inline void site_touch_data(struct site *s, uint64_t data, uint64_t insns)
{
	s->data_step = data - s->data;
	s->data = data;
	s->insns = insns;
}

/* ---- encode.c ---- */

/* An event as trace_write() leaves it for the writer's thread; bytes lie in a buffer, in order. */
struct packed_event {
	uint64_t insns, rip, address, data;
	uint32_t length;
	uint8_t kind, size;
};

struct column_buffer {
	uint8_t *data;
	size_t size, room;
};

struct encoder;

struct encoder *encoder_new(void);
void encoder_free(struct encoder *n);
/*
 * Codes `count` (at least 1) events; `insns` is the position that the chunk header gives, that of
 * the first event. Returns the column lengths and columns one after the other, valid until the
 * next call; NULL without memory.
 */
const uint8_t *encoder_run(struct encoder *n, const struct packed_event *events, uint32_t count,
			   const uint8_t *bytes, size_t *size);

/* ---- decode.c ---- */

struct decoder;

struct decoder *decoder_new(void);
void decoder_free(struct decoder *d);
/* Looks at a payload, which must stay. NULL, or what is wrong with it. */
const char *decoder_begin(struct decoder *d, const uint8_t *raw, size_t size, uint32_t count,
			  uint64_t insns);
/* The next of the `count` events (number and exits are not filled in). NULL, or what is wrong. */
const char *decoder_next(struct decoder *d, struct event *event);

#endif
