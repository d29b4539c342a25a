/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The model that encoder and decoder share: which site follows which, and how many instructions
 * later. Every guess that is made here is part of the format; see FORMAT.md, "The model".
 */
#include "replay/trace/columns.h"

#include <stdlib.h>

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
	memset(p, 0, sizeof(*p));
}

bool predictor_begin(struct predictor *p, uint32_t sites, uint32_t events)
{
	uint32_t pairs = 64;

	/* Each event adds one pair at most: at half full, a free place is always near. */
	while (pairs < 2 * events)
		pairs *= 2;
	if (pairs > p->pair_room) {
		free(p->pair);
		p->pair = malloc(pairs * sizeof(*p->pair));
		p->pair_room = p->pair ? pairs : 0;
	}
	if (sites > p->site_room) {
		free(p->site);
		p->site = malloc(sites * sizeof(*p->site));
		p->site_room = p->site ? sites : 0;
	}
	if (!p->pair || !p->site)
		return false;
	memset(p->pair, 0, pairs * sizeof(*p->pair));
	memset(p->site, 0, sites * sizeof(*p->site));
	p->pair_mask = pairs - 1;
	p->sites = sites;
	p->seen = 0;
	p->last = NULL;
	p->previous = sites;
	return true;
}

static struct pair *pair_get(struct predictor *p, uint32_t first, uint32_t second)
{
	uint64_t key = (uint64_t)first << 32 | (second + 1);
	uint32_t i = (uint32_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 40) & p->pair_mask;

	while (p->pair[i].key && p->pair[i].key != key)
		i = (i + 1) & p->pair_mask;
	p->pair[i].key = key;
	return &p->pair[i];
}

uint32_t predictor_site(const struct predictor *p)
{
	if (p->last && p->last->next)
		return p->last->next - 1;
	if (p->previous < p->sites && p->site[p->previous].next)
		return p->site[p->previous].next - 1;
	return p->seen < p->sites ? p->seen : 0;
}

struct pair *predictor_step(struct predictor *p, uint32_t s)
{
	struct pair *pair = pair_get(p, p->previous, s);

	if (p->last)
		p->last->next = s + 1;
	if (p->previous < p->sites)
		p->site[p->previous].next = s + 1;
	if (s == p->seen)
		p->seen++;
	p->last = pair;
	p->previous = s;
	return pair;
}

unsigned pair_find(const struct pair *pair, uint64_t insns)
{
	unsigned candidate = 0;

	while (candidate < PAIR_CANDIDATES && pair->insns[candidate] != insns)
		candidate++;
	return candidate;
}

void pair_touch(struct pair *pair, unsigned candidate, uint64_t insns)
{
	if (candidate == PAIR_CANDIDATES)
		candidate--;
	for (; candidate; candidate--)
		pair->insns[candidate] = pair->insns[candidate - 1];
	pair->insns[0] = insns;
}

uint64_t site_expected_data(const struct site *s, enum data_mode mode, uint64_t insns)
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

void site_touch_data(struct site *s, uint64_t data, uint64_t insns)
{
	s->data_step = data - s->data;
	s->data = data;
	s->insns = insns;
}
