/* SPDX-License-Identifier: Apache-2.0 */
/* An outside in which nothing happens; see quiet.h. */
#include "emulator/host/quiet.h"

#include <string.h>

int64_t quiet_wall_clock(struct host *h)
{
	return 0;
}

void quiet_entropy(struct host *h, void *buffer, size_t size)
{
	memset(buffer, 0, size);
}

size_t quiet_char_read(struct host *h, unsigned channel, uint8_t *buffer, size_t max)
{
	return 0;
}

void quiet_char_write(struct host *h, unsigned channel, const uint8_t *buffer, size_t size)
{
}

uint64_t quiet_wait(struct host *h, uint64_t now, uint64_t deadline)
{
	return deadline;
}

enum host_stop quiet_stop(struct host *h)
{
	return HOST_STOP_NONE;
}

enum host_boundary quiet_boundary(struct host *h, bool again, struct host_place *place)
{
	return again ? HOST_BOUNDARY_LATER : HOST_BOUNDARY_HERE;
}

const struct host_ops quiet_ops = {
    .wall_clock = quiet_wall_clock,
    .entropy = quiet_entropy,
    .char_read = quiet_char_read,
    .char_write = quiet_char_write,
    .wait = quiet_wait,
    .stop = quiet_stop,
};
