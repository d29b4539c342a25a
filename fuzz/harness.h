/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The harness of the targets that drive devices: a board that is built once and put back to its
 * power-on state before each input, whose operations come to the devices as a guest's exits do.
 * What came of them is judged (judge.h).
 *
 *	bytes -> op.c -> inject.c -> machine_exit(), timers, poll, acknowledge -> devices
 *	                    |                                                       |
 *	                 judge.c <-- tap, door.c (struct host), trampolines --------'
 *
 * No instruction is executed. Each operation that a guest makes with an instruction counts as one,
 * and virtual time goes as under tcg, so that a recorder put between machine and door writes a
 * trace that replays with --devices.
 *
 * One harness can be open at a time.
 */
#ifndef VCR_FUZZ_HARNESS_H
#define VCR_FUZZ_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/machine.h"
#include "fuzz/op.h"
#include "fuzz/region.h"

struct harness;

/* ---- targets that speak the input language ---- */

/*
 * "board": everything. "pci": configuration space. The name of a device class, with '_' for '-':
 * that device, and whatever drives its input lines. Returns the n-th name, NULL behind the last.
 */
const char *harness_target_name(unsigned n);

/* ---- watching an input run ---- */

/* Any function may be NULL. */
struct harness_watch {
	/* Before an operation is carried out. */
	void (*op)(struct harness_watch *w, const struct op *op);
	/* As of struct tap: an exit was answered; an interrupt was taken ...; DMA. */
	void (*exit)(struct harness_watch *w, const struct exit *e);
	void (*irq)(struct harness_watch *w, enum irq_kind kind, uint32_t value);
	void (*dma)(struct harness_watch *w, bool is_write, uint64_t gpa, const void *data,
		    size_t size);
	/* A device sent bytes out on a channel. */
	void (*output)(struct harness_watch *w, unsigned channel, const uint8_t *bytes,
		       size_t size);
};

struct harness_options {
	/*
	 * A machine as `vcr` builds it, with nothing between the states of its devices, and inputs
	 * run once: for recorders. Without it there are guards, and some inputs run more often.
	 */
	bool plain;
	/* Every input is run again to see that it does the same, not one in 64. */
	bool thorough;
};

/* NULL with e filled in. `options` may be NULL. */
struct harness *harness_open(const char *target, const struct harness_options *options,
			     struct error *e);
void harness_close(struct harness *h);

/*
 * Carries an input out from the power-on state, judges, and returns why the machine stopped before
 * the input's end (STOP_POWEROFF, STOP_DEBUG_EXIT ...) or STOP_NONE. What the judge objects to ends
 * the process by abort(), after a line that says what it was (judge_set_objection()).
 */
enum stop_reason harness_run(struct harness *h, const uint8_t *data, size_t size);
void harness_set_watch(struct harness *h, struct harness_watch *w);

/* For recorders and those who show things: set m->host and m->tap before harness_run(). */
struct machine *harness_machine(struct harness *h);
struct host *harness_door(struct harness *h);
const struct region_table *harness_regions(const struct harness *h);

/* What a port of one byte reads as; for a register that its reads leave as it is. */
uint8_t harness_port(struct harness *h, uint16_t port);

/* Puts the machine back, without running anything: for benchmarks. Returns the bytes copied. */
size_t harness_reset(struct harness *h);

#endif
