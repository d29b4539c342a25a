/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hypervisor platform as loaded: its functions, what its results mean, and a plan that makes
 * one of its calls fail, by which the ways out of every failure are tested.
 */
#ifndef VCR_WHPX_PLATFORM_H
#define VCR_WHPX_PLATFORM_H

#include "emulator/accel/whpx/whpx_api.h"
#include "emulator/error.h"

/* WHPX_CALL_WHvCreatePartition and so on. */
#define WHPX_CALL_ID(name, parameters) WHPX_CALL_##name,
enum whpx_call { WHV_FUNCTIONS(WHPX_CALL_ID) WHPX_CALLS };
#undef WHPX_CALL_ID

/* Fails the nth use of a call, from 1, with a result. */
struct whpx_fault {
	enum whpx_call call;
	uint64_t nth; /* 0: no plan */
	whv_result result;
};

struct whpx_platform {
	void *library, *emulator_library;
	bool software; /* soft/, not a hypervisor */
#define WHPX_POINTER(name, parameters) name##_fn *name;
	WHV_FUNCTIONS(WHPX_POINTER)
#undef WHPX_POINTER
	struct whpx_fault fault;
	uint64_t uses[WHPX_CALLS];
	/* The last call that failed, for messages. */
	enum whpx_call failed;
	whv_result result;
};

enum whpx_which { WHPX_ANY, WHPX_SYSTEM, WHPX_SOFTWARE };

/* Returns NULL, or the reason why there is none, with the cure. */
const char *whpx_platform_load(struct whpx_platform *p, enum whpx_which which);
void whpx_platform_unload(struct whpx_platform *p);

/* Is this use of the call to fail? Counts it. */
bool whpx_fault_due(struct whpx_platform *p, enum whpx_call call);
/* Notes how a call ended and returns that. */
whv_result whpx_result(struct whpx_platform *p, enum whpx_call call, whv_result result);

/* A call by name; its result is noted. */
#define WHPX_CALL(p, name, ...)                                                                    \
	whpx_result((p), WHPX_CALL_##name,                                                         \
		    whpx_fault_due((p), WHPX_CALL_##name) ? (p)->fault.result                      \
							  : (p)->name(__VA_ARGS__))

const char *whpx_call_name(enum whpx_call call);
/* "CALL/N/RESULT", such as WHvMapGpaRange/3/0x8007000e; false when it is none. */
bool whpx_fault_parse(const char *text, struct whpx_fault *fault);

/* The last failed call as an error: its name, the code, the platform's word for it, what to do. */
int whpx_error(const struct whpx_platform *p, const char *what, struct error *e);

#endif
