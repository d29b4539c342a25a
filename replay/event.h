/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the machine's crossings become trace events. Recorder and replay both use these, so that
 * what one writes the other expects.
 */
#ifndef VCR_REPLAY_EVENT_H
#define VCR_REPLAY_EVENT_H

#include "emulator/machine.h"
#include "replay/trace/trace.h"

struct event event_of_exit(const struct machine *m, const struct exit *x);
struct event event_of_irq(const struct machine *m, enum irq_kind kind, uint32_t value);
struct event event_of_rom(const struct machine *m, uint64_t gpa, const void *data, size_t size);
struct event event_of_dma(const struct machine *m, bool is_write, uint64_t gpa, const void *data,
			  size_t size);
/* By exits: DMA now is that of a boundary, and gets EVENT_DMA_BETWEEN before it. */
bool event_is_between(const struct machine *m);
struct event event_of_host(const struct machine *m, enum event_kind kind, uint64_t address,
			   uint64_t data, const void *bytes, size_t length);

/* Of an exit by port or memory. */
static inline enum event_kind event_kind_of_access(const struct exit *x)
{
	if (x->kind == EXIT_PIO)
		return x->is_write ? EVENT_PIO_WRITE : EVENT_PIO_READ;
	return x->is_write ? EVENT_MMIO_WRITE : EVENT_MMIO_READ;
}

/* The exit that an event of crossing EXIT records. */
struct exit event_to_exit(const struct event *e);

/*
 * One line of text about what happened, without number and position: "pio-write 0x3f8 ns16550
 * size 1 data 0x41". `m` names the device at an address; NULL: no names. Returns `text`.
 */
const char *event_text(const struct event *e, const struct machine *m, char *text, size_t size);

/* Equal in everything that is recorded? */
bool event_equal(const struct event *a, const struct event *b);

/*
 * By exits, the RIP of what the guest writes may be that of the next instruction (exit.h), and that
 * of a triple fault is nobody's.
 */
bool event_rip_agrees(const struct event *a, const struct event *b);

#endif
