/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inputs made of a recorded session: what a guest did to the registers that a target has, cut into
 * pieces of some dozen operations, each of which shows something that none before it did.
 */
#ifndef VCR_FUZZ_SEEDS_H
#define VCR_FUZZ_SEEDS_H

#include "fuzz/harness.h"
#include "replay/trace/trace.h"

/*
 * Reads the trace from its start to its end and hands every input over; the bytes stay valid only
 * during the call. Returns how many, or -1 with e filled in where the trace is damaged. Accesses
 * to addresses that the target's board has not are left out. No byte of an image gets into an
 * input, but what a device read from memory does.
 */
int seeds_of_trace(const struct harness *h, struct trace_reader *r,
		   void (*input)(void *opaque, const uint8_t *bytes, size_t size), void *opaque,
		   struct error *e);

/*
 * One operation of one event, as far as there is one; position and time are up to the caller. Used
 * by seeds_of_trace(). False: the event is none of a guest's, or not for these regions.
 */
bool seeds_op_of_event(const struct region_table *t, const struct event *event, struct op *op);

#endif
