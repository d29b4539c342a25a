/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An outside in which nothing happens: for machines that are looked at without one, in tests and
 * fuzz targets. Those who need something else in a place take the rest from here.
 */
#ifndef VCR_HOST_QUIET_H
#define VCR_HOST_QUIET_H

#include "emulator/host.h"

/* 1970, no entropy, silent channels; a halt lasts until its timer; the session does not end. */
extern const struct host_ops quiet_ops;

int64_t quiet_wall_clock(struct host *h);
void quiet_entropy(struct host *h, void *buffer, size_t size);
size_t quiet_char_read(struct host *h, unsigned channel, uint8_t *buffer, size_t max);
void quiet_char_write(struct host *h, unsigned channel, const uint8_t *buffer, size_t size);
uint64_t quiet_wait(struct host *h, uint64_t now, uint64_t deadline);
enum host_stop quiet_stop(struct host *h);
/* Steps are taken at each boundary, once; not in quiet_ops. */
enum host_boundary quiet_boundary(struct host *h, bool again, struct host_place *place);

#endif
