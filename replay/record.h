/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recording: a host door that passes every question on to another door and writes the answer down,
 * and a tap that writes down what crosses the machine's other edges.
 */
#ifndef VCR_RECORD_H
#define VCR_RECORD_H

#include "emulator/error.h"
#include "emulator/host.h"
#include "emulator/machine.h"

struct recorder;

/* A recorder in front of `host`, which stays the caller's. NULL: out of memory. */
struct recorder *recorder_new(struct host *host);
struct host *recorder_host(struct recorder *r);
struct tap *recorder_tap(struct recorder *r);
/* How a trace's producer ends when it was no session with a guest but a fuzz input (vcr import). */
#define RECORDER_IMPORT " import"
/* Says so in the trace; before recorder_start(). */
void recorder_mark_import(struct recorder *r);
/* Creates the trace of a machine that was just opened with that host and tap. */
int recorder_start(struct recorder *r, struct machine *m, const char *path, struct error *e);
/* Ends a chunk: what came so far can be read even if this process dies now. */
void recorder_flush(struct recorder *r);
/* Writes the end and closes the trace; call once after a successful start. */
int recorder_finish(struct recorder *r, enum stop_reason reason, int status, struct error *e);
/* After machine_close(): the machine has its door. */
void recorder_free(struct recorder *r);

#endif
