/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the WHPX backend share; private to this folder. */
#ifndef VCR_ACCEL_WHPX_H
#define VCR_ACCEL_WHPX_H

#include <stdatomic.h>

#include "emulator/accel/memory_map.h"
#include "emulator/accel/whpx/platform.h"
#include "emulator/host/alarm.h"
#include "emulator/machine.h"

#define WHPX_BITMAP_BYTES 4096
#define WHPX_MADE         64

/* Who executes instructions that exit: -accel whpx,emulator=... */
enum whpx_emulator { WHPX_EMULATOR_AUTO, WHPX_EMULATOR_PLATFORM, WHPX_EMULATOR_BUILTIN };

struct whpx {
	struct whv_exit_context exit; /* the last one */
	struct machine *m;
	struct whpx_platform platform;
	whv_partition partition;
	whv_emulator emulator;
	struct host_alarm *alarm;
	uint64_t features; /* WHV_FEATURE_* */

	/* As the platform has them: CR8 and WHV_DELIVERABILITY. */
	uint64_t cr8, notify;
	uint64_t alarm_for;   /* the timer deadline that the alarm was set for */
	uint64_t spurious_at; /* RIP of the last of these: */
	unsigned spurious;    /* cancellations in a row that nobody asked for */

	enum whpx_emulator who;
	/* Exits that the platform's emulator made before it gave up: not to be made again. */
	unsigned made_count, made_used;
	struct exit made[WHPX_MADE];

	struct memory_mapping mapping[MEMORY_MAPPINGS];
	bool mapping_tracked[MEMORY_MAPPINGS]; /* its dirty pages are known to the platform */
	unsigned mappings;
	bool log_dirty;
	bool ran; /* the guest, since its dirty pages were collected */

	/* Which side has the vCPU's state: struct cpu alone, the platform alone, or both the same.
	 */
	bool cpu_newer, cpu_current;
	bool shadow; /* of STI or MOV SS, after the last exit */
	bool has_vp;
	bool alarm_set;
	bool unheeded; /* it told of a window for a priority, and nothing came of that yet */
	bool patient;  /* an alarm came between exits: wait a little for an exit */
	atomic_bool rang;
};

static inline struct whpx *whpx_of(const struct machine *m)
{
	return m->accel_data;
}

/* The session cannot go on, because the last call of the platform failed. */
void whpx_fail(struct whpx *w);
/* The same for another reason, which `text` is. */
void whpx_stop(struct whpx *w, const char *text);

/* ---- state.c ---- */

/* struct cpu from the platform, and the platform from struct cpu. False after whpx_fail(). */
bool whpx_state_get(struct whpx *w);
bool whpx_state_put(struct whpx *w);
/* One or more registers; false after whpx_fail(). */
bool whpx_get(struct whpx *w, uint32_t name, uint64_t *value);
bool whpx_set(struct whpx *w, const uint32_t *names, const uint64_t *values, uint32_t count);

/* ---- partition.c ---- */

int whpx_partition_open(struct whpx *w, struct error *e);
void whpx_partition_close(struct whpx *w);

/* ---- memory.c ---- */

int whpx_map(struct whpx *w, struct error *e);
/* Enters what the guest wrote since the last call in the dirty log of m->ram. */
void whpx_collect_dirty(struct whpx *w);
int whpx_log_dirty(struct machine *m, struct error *e);
void whpx_map_changed(struct machine *m);

/* ---- exits.c ---- */

/* Carries out the exit in w->exit. True when the accelerator has to come back to the run loop. */
bool whpx_exit(struct whpx *w);

/* ---- emulate.c ---- */

int whpx_emulator_open(struct whpx *w, struct error *e);
void whpx_emulator_close(struct whpx *w);
/* A memory or port exit: the platform's emulator first, as `emulator=` says. */
void whpx_emulate_memory(struct whpx *w);
void whpx_emulate_io(struct whpx *w);
/* From here on struct cpu is what holds, and the interpreter can go on. False: whpx_fail(). */
bool whpx_interpreter_enter(struct whpx *w);
/* The instruction at RIP by the interpreter. */
void whpx_interpret(struct whpx *w);
/* The event that was being delivered when an exit came of it, by the interpreter. */
void whpx_interpret_delivery(struct whpx *w);
/* Breakpoints or single-step are on, of which the platform's emulator knows nothing. */
bool whpx_is_debugged(const struct whpx *w);

#endif
