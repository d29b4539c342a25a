/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots of a machine, in this process: a copy of the arena and the RAM pages that were written
 * since the snapshot before. Pages are shared between snapshots, so many can be kept.
 */
#ifndef VCR_SNAPSHOT_H
#define VCR_SNAPSHOT_H

#include <stdint.h>

#include "emulator/error.h"

struct machine;
struct snapshot;

/* Between two runs of the machine. NULL with e filled in when there is no memory. */
struct snapshot *snapshot_take(struct machine *m, struct error *e);
/* The same, in the memory of one that is not needed any more, for those who take many. */
struct snapshot *snapshot_retake(struct machine *m, struct snapshot *old, struct error *e);
/* Puts the machine back; it goes on from there as if nothing had happened. */
void snapshot_restore(struct machine *m, struct snapshot *s);
/* The count (machine_count) when it was taken. */
uint64_t snapshot_insns(const struct snapshot *s);
/* May be NULL. The machine may go on after the last snapshot is freed, and the other way round. */
void snapshot_free(struct snapshot *s);

#endif
