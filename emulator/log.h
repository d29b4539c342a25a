/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the emulator can tell of its own work while a guest runs, as QEMU's -d does. Lines go to
 * whoever asked for them; nothing of this is part of a session or of a trace.
 */
#ifndef VCR_LOG_H
#define VCR_LOG_H

#include <stdbool.h>

enum log_item {
	LOG_IN_ASM = 1 << 0,  /* guest code of each block that is translated */
	LOG_IR = 1 << 1,      /* its operations, after optimisation */
	LOG_OUT_ASM = 1 << 2, /* its host code */
	LOG_EXEC = 1 << 3,    /* each block that is entered; they are not linked then */
	LOG_PERFMAP = 1 << 4, /* "START SIZE name" of host code, for perf */
	LOG_CHECK = 1 << 5,   /* how much the self-check has compared, at the end */
};

struct log {
	unsigned items; /* LOG_* that are wanted */
	void (*write)(void *opaque, enum log_item item, const char *line);
	void *opaque;
};

static inline bool log_wants(const struct log *l, enum log_item item)
{
	return (l->items & item) != 0;
}

#endif
