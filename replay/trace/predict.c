/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The model that encoder and decoder share: which site follows which, and how many instructions
 * later. Every guess that is made here is part of the format; see FORMAT.md, "The model".
 */
#include "replay/trace/columns.h"

#include <stdlib.h>

/* How large the table of pairs is at first: most chunks need no more. A power of two. */
#define PAIRS_FIRST 1024u

void site_reference_touch(struct site_reference *reference, const struct site *s)
{
	if (event_kind_crossing(s->kind) == CROSSING_EXIT)
		reference->rip = s->rip;
	reference->address[s->kind] = s->address;
}

void predictor_free(struct predictor *p)
{
	free(p->site);
	free(p->pair);
	free(p->old_pair);
	memset(p, 0, sizeof(*p));
}

/* Room for the most that can be needed; what is not used of it costs nothing. */
static bool pairs_reserve(struct predictor *p, uint32_t events)
{
	uint32_t room = PAIRS_FIRST;

	/* Each event adds one pair at most: at half full, a free place is always near. */
	while (room < 2 * events)
		room *= 2;
	if (room <= p->pair_room)
		return true;
	free(p->pair);
	free(p->old_pair);
	p->pair = malloc(room * sizeof(*p->pair));
	p->old_pair = malloc(room / 2 * sizeof(*p->pair));
	p->pair_room = p->pair && p->old_pair ? room : 0;
	return p->pair_room;
}

bool predictor_begin(struct predictor *p, uint32_t sites, uint32_t events)
{
	if (sites > p->site_room) {
		free(p->site);
		p->site = malloc(sites * sizeof(*p->site));
		p->site_room = p->site ? sites : 0;
	}
	if (!pairs_reserve(p, events) || !p->site)
		return false;
	memset(p->pair, 0, PAIRS_FIRST * sizeof(*p->pair));
	memset(p->site, 0, sites * sizeof(*p->site));
	p->pairs = 0;
	p->pair_mask = PAIRS_FIRST - 1;
	p->sites = sites;
	p->seen = 0;
	p->last = NULL;
	p->previous = sites;
	return true;
}

/* The pair's place, or the free one for it. */
static struct pair *pair_slot(const struct predictor *p, uint64_t key)
{
	uint32_t i = (uint32_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 40) & p->pair_mask;

	while (p->pair[i].key && p->pair[i].key != key)
		i = (i + 1) & p->pair_mask;
	return &p->pair[i];
}

static void pairs_grow(struct predictor *p)
{
	uint32_t size = p->pair_mask + 1;
	uint64_t last = p->last ? p->last->key : 0;

	memcpy(p->old_pair, p->pair, size * sizeof(*p->pair));
	memset(p->pair, 0, 2 * size * sizeof(*p->pair));
	p->pair_mask = 2 * size - 1;
	for (uint32_t i = 0; i < size; i++)
		if (p->old_pair[i].key)
			*pair_slot(p, p->old_pair[i].key) = p->old_pair[i];
	if (last)
		p->last = pair_slot(p, last);
}

struct pair *predictor_pair(struct predictor *p, uint64_t key)
{
	struct pair *pair = pair_slot(p, key);

	if (pair->key)
		return pair;
	if (2 * p->pairs > p->pair_mask && 2 * (p->pair_mask + 1) <= p->pair_room) {
		pairs_grow(p);
		pair = pair_slot(p, key);
	}
	p->pairs++;
	pair->key = key;
	return pair;
}
