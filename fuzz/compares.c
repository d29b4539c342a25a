/* SPDX-License-Identifier: Apache-2.0 */
/* Comparisons that came out unequal each time; see compares.h. */
#include "fuzz/compares.h"

#include <stddef.h>

#include "fuzz/generate.h"

/* Comparisons by their place; those that find theirs taken are passed over. */
#define PLACES 4096u
/* The list of the open ones is made anew after so many runs. */
#define RUNS 64u
/* Looks for one of the last run. */
#define TRIES 12u

static struct place {
	uintptr_t at; /* 0: free */
	uint32_t run;
	bool equal; /* it was, once */
	struct compare last;
} place[PLACES];

static uint16_t open_places[PLACES];
static unsigned opened;
static uint32_t run;

bool compares_note(uintptr_t at, uint64_t is, uint64_t wanted, unsigned size)
{
	struct place *p = &place[((uint64_t)at * 0x9e3779b97f4a7c15u) >> 52];

	if (!p->at)
		p->at = at;
	if (p->at != at || p->equal)
		return true;
	p->equal = is == wanted;
	p->run = run;
	p->last.is = is;
	p->last.wanted = wanted;
	p->last.size = (uint8_t)size;
	return p->equal;
}

static void list_open(void)
{
	opened = 0;
	for (unsigned i = 0; i < PLACES; i++) {
		if (place[i].at && !place[i].equal)
			open_places[opened++] = (uint16_t)i;
	}
}

void compares_next_run(void)
{
	if (run++ % RUNS == 0)
		list_open();
}

bool compares_pick(struct random *r, struct compare *c)
{
	const struct place *p = NULL;

	for (unsigned tries = 0; opened && tries < TRIES; tries++) {
		p = &place[open_places[random_below(r, opened)]];
		if (p->run + 1 == run)
			break;
	}
	if (p)
		*c = p->last;
	return p;
}
