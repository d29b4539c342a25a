/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as people and programs read them, and whose they are: shared by the commands that look
 * into a trace. A trace holds addresses, not names; those come from the machine, built again from
 * the trace's description. Where that cannot be done (NULL everywhere below), names are missing.
 */
#ifndef VCR_EVENT_LINE_H
#define VCR_EVENT_LINE_H

#include <stdio.h>

#include "emulator/machine.h"
#include "replay/trace/trace.h"

/* Of the region that an event's address lies in, or the interrupt controller; "" when unknown. */
const char *event_region_name(const struct event *e, const struct machine *m);
/* The device's id, also for characters that arrive on its channel; "" when unknown. */
const char *event_device_id(const struct event *e, const struct machine *m);
/* Does a name given by a person (id, class or region) mean the device of this event? */
bool event_is_of(const struct event *e, const struct machine *m, const char *name);
/* Is there such a device or region in the machine? */
bool machine_has_name(const struct machine *m, const char *name);

/*
 * One line in columns, without its end: number, instructions, RIP, kind, address, size, data or
 * bytes, region.
 */
void event_print(FILE *f, const struct event *e, const struct machine *m);
/* One JSON object; 64-bit values that are no counts are strings in hexadecimal. */
void event_print_json(FILE *f, const struct event *e, const struct machine *m, const char *insn);

/* A string from a trace, without what could drive a terminal. */
void text_print(FILE *f, const char *text);
void text_print_part(FILE *f, const char *text, size_t length);
/* The same as a JSON string, quotes included. */
void text_print_json(FILE *f, const char *text);

/* Where an event is, in the trace's unit. */
uint64_t event_place(const struct event *e, const struct trace_info *info);

#endif
