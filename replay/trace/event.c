/* SPDX-License-Identifier: Apache-2.0 */
/* What the kinds of events.def are called, and which fields they have. */
#include "replay/trace/trace.h"

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

const struct event_kind_traits event_kinds[EVENT_KIND_COUNT] = {
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
	return kind < EVENT_KIND_COUNT ? event_kinds[kind].name : NULL;
}

unsigned event_kind_find(const char *name)
{
	for (unsigned kind = 0; kind < EVENT_KIND_COUNT; kind++)
		if (event_kinds[kind].name && !strcmp(event_kinds[kind].name, name))
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
