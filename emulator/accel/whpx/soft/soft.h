/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hypervisor platform in software: the functions of WinHvPlatform.dll that vcr's backend uses,
 * implemented over the processor in emulator/cpu, so that the backend can be run, and can fail,
 * on any machine. It keeps to what is documented (README.md of emulator/accel says what was
 * decided where nothing is), and knows nothing of the machine that uses it.
 *
 * An exit inside an instruction abandons it: handlers make all accesses before they change a
 * register (cpu.h), so what remains to be done is to put RIP back and to leave by longjmp().
 */
#ifndef VCR_WHPX_SOFT_H
#define VCR_WHPX_SOFT_H

#include "emulator/host/jump.h"
#include <stdatomic.h>

#include "emulator/accel/whpx/whpx_api.h"
#include "emulator/cpu/cpu.h"

#ifdef _WIN32
#define SOFT_EXPORT __declspec(dllexport)
#else
#define SOFT_EXPORT __attribute__((visibility("default")))
#endif

#define SOFT_DECLARE(name, parameters) SOFT_EXPORT name##_fn name;
WHV_FUNCTIONS(SOFT_DECLARE)
#undef SOFT_DECLARE

#define SOFT_PAGE 4096u

/* A range of guest-physical addresses and the host memory behind it. */
struct soft_range {
	uint64_t gpa, size;
	uint8_t *host;
	uint32_t flags; /* WHV_MAP_* */
};

/* What is known of one page of the host memory. */
struct soft_page {
	uint8_t *copy; /* as it was when instructions were last decoded from it; NULL: never */
	bool stale;    /* the guest wrote to it since */
	bool dirty;    /* the guest wrote to it since it was last asked */
};

struct soft_vp {
	struct vcpu v;
	struct cpu cpu;
	struct tlb tlb;
	bool exists;
	atomic_bool cancel;

	uint64_t pending; /* WHV_PENDING_INTERRUPTION */
	uint64_t notify;  /* WHV_DELIVERABILITY */
	uint64_t apic_base;

	jmp_buf leave; /* out of the instruction that is being executed */
	struct whv_exit_context *exit;
};

struct soft_partition {
	bool set_up;
	uint32_t processors;
	uint64_t extended_exits, msr_exits, features;
	uint32_t *cpuid_exit;
	uint32_t cpuid_exits;
	struct whv_msr_action *msr_action;
	uint32_t msr_actions, msr_unimplemented;

	struct soft_range *range; /* by ascending address, none overlap */
	unsigned ranges, range_room;
	/* All host memory lies from v.ram on, one entry of these each page. */
	struct soft_page *page;
	uint64_t pages;
	bool span_changed; /* ranges were mapped outside it */

	struct soft_vp vp;
};

/* ---- memory.c ---- */

/* The range that a guest-physical address is in, or NULL. */
const struct soft_range *soft_find(const struct soft_partition *p, uint64_t gpa);
/* For struct vcpu_ops: `m` is the struct soft_partition. */
uint64_t soft_ram_page(struct machine *m, uint64_t gpa, bool *writable);
void soft_page_dirty(struct machine *m, uint64_t page);
/* Decoded instructions of a page of RAM are forgotten if it has changed behind our back. */
void soft_page_verify(struct soft_partition *p, uint64_t page);
/* Before running: the vCPU sees the ranges as they are now. */
whv_result soft_memory_prepare(struct soft_partition *p);
void soft_memory_close(struct soft_partition *p);

/* ---- vp.c, intercept.c ---- */

extern const struct vcpu_ops soft_ops;

/* Fills in what every exit has; RIP is the vCPU's. */
void soft_exit_begin(struct soft_partition *p, enum whv_exit_reason reason);
/* Leaves an instruction that is not to be executed, with the exit that was begun. */
_Noreturn void soft_exit_leave(struct soft_partition *p);

static inline struct soft_partition *soft_of(struct machine *m)
{
	return (struct soft_partition *)(void *)m;
}

#endif
