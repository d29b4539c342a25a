/* SPDX-License-Identifier: Apache-2.0 */
/* Loading the hypervisor platform, and what its results mean; see platform.h. */
#include "emulator/accel/whpx/platform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/host/os.h"

#define SYSTEM_PLATFORM "WinHvPlatform.dll"
#define SYSTEM_EMULATOR "WinHvEmulation.dll"
#ifdef _WIN32
#define SOFT_PLATFORM SYSTEM_PLATFORM
#define SOFT_EMULATOR SYSTEM_EMULATOR
#else
#define SOFT_PLATFORM "libvcr_whpx_soft.so"
#define SOFT_EMULATOR SOFT_PLATFORM
#endif

/* ---- calls ---- */

static const char *const call_names[WHPX_CALLS] = {
#define WHPX_CALL_NAME(name, parameters) [WHPX_CALL_##name] = #name,
    WHV_FUNCTIONS(WHPX_CALL_NAME)
#undef WHPX_CALL_NAME
};

const char *whpx_call_name(enum whpx_call call)
{
	return call_names[call];
}

bool whpx_fault_due(struct whpx_platform *p, enum whpx_call call)
{
	return ++p->uses[call] == p->fault.nth && p->fault.call == call;
}

whv_result whpx_result(struct whpx_platform *p, enum whpx_call call, whv_result result)
{
	if (WHV_FAILED(result)) {
		p->failed = call;
		p->result = result;
	}
	return result;
}

bool whpx_fault_parse(const char *text, struct whpx_fault *fault)
{
	const char *slash = strchr(text, '/');
	char *end;
	unsigned long long code;

	if (!slash)
		return false;
	for (unsigned call = 0; call < WHPX_CALLS; call++) {
		if (strlen(call_names[call]) != (size_t)(slash - text) ||
		    memcmp(call_names[call], text, (size_t)(slash - text)))
			continue;
		fault->call = (enum whpx_call)call;
		fault->nth = strtoull(slash + 1, &end, 10);
		if (!fault->nth || *end != '/')
			return false;
		code = strtoull(end + 1, &end, 16);
		fault->result = WHV_FAILURE((uint32_t)code);
		return !*end && code <= UINT32_MAX && WHV_FAILED(fault->result);
	}
	return false;
}

/* ---- results ---- */

#define CURE_FEATURE                                                                               \
	"turn on the Windows feature 'Windows Hypervisor Platform' and restart, or use -accel tcg"
#define CURE_MEMORY "use a smaller -m, or -accel tcg"
#define CURE_RIGHTS "run as a member of Hyper-V Administrators, or use -accel tcg"
#define CURE_OTHER  "use -accel tcg"

static const struct {
	whv_result result;
	const char *name, *cure;
} results[] = {
    {WHV_INVALID_ARGUMENT, "E_INVALIDARG", CURE_OTHER},
    {WHV_OUT_OF_MEMORY, "E_OUTOFMEMORY", CURE_MEMORY},
    {WHV_ACCESS_DENIED, "E_ACCESSDENIED", CURE_RIGHTS},
    {WHV_NOT_IMPLEMENTED, "E_NOTIMPL", CURE_OTHER},
    {WHV_BAD_POINTER, "E_POINTER", CURE_OTHER},
    {WHV_FAIL, "E_FAIL", CURE_OTHER},
    {WHV_UNEXPECTED, "E_UNEXPECTED", CURE_OTHER},
    {WHV_UNKNOWN_CAPABILITY, "WHV_E_UNKNOWN_CAPABILITY",
     "this Windows is too old: version 1803 or later is needed, or use -accel tcg"},
    {WHV_INSUFFICIENT_BUFFER, "WHV_E_INSUFFICIENT_BUFFER", CURE_OTHER},
    {WHV_UNKNOWN_PROPERTY, "WHV_E_UNKNOWN_PROPERTY",
     "this Windows is too old: version 1809 or later is needed, or use -accel tcg"},
    {WHV_UNSUPPORTED_HYPERVISOR_CONFIG, "WHV_E_UNSUPPORTED_HYPERVISOR_CONFIG", CURE_FEATURE},
    {WHV_INVALID_PARTITION_CONFIG, "WHV_E_INVALID_PARTITION_CONFIG",
     "use kernel-irqchip=off, or -accel tcg"},
    {WHV_GPA_RANGE_NOT_FOUND, "WHV_E_GPA_RANGE_NOT_FOUND", CURE_OTHER},
    {WHV_VP_ALREADY_EXISTS, "WHV_E_VP_ALREADY_EXISTS", CURE_OTHER},
    {WHV_VP_DOES_NOT_EXIST, "WHV_E_VP_DOES_NOT_EXIST", CURE_OTHER},
    {WHV_INVALID_VP_STATE, "WHV_E_INVALID_VP_STATE", CURE_OTHER},
    {WHV_INVALID_VP_REGISTER_NAME, "WHV_E_INVALID_VP_REGISTER_NAME", CURE_OTHER},
    {WHV_UNSUPPORTED_PROCESSOR_CONFIG, "WHV_E_UNSUPPORTED_PROCESSOR_CONFIG",
     "use -cpu x86-64, or -accel tcg"},
    {WHV_HV_INVALID_PARAMETER, "ERROR_HV_INVALID_PARAMETER",
     "use kernel-irqchip=off, or -accel tcg"},
    {WHV_HV_NOT_PRESENT, "ERROR_HV_NOT_PRESENT", CURE_FEATURE},
};

int whpx_error(const struct whpx_platform *p, const char *what, struct error *e)
{
	const char *name = "a code that vcr has no word for", *cure = CURE_OTHER;

	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
		if (results[i].result == p->result) {
			name = results[i].name;
			cure = results[i].cure;
		}
	}
	return error_set(e, ERROR_HOST, "%s: %s: 0x%08x, %s (%s)", what, call_names[p->failed],
			 (unsigned)p->result, name, cure);
}

/* ---- loading ---- */

/* How many there are; they come first in the order of calls. */
#define WHPX_ONE(name, parameters) +1
enum { PLATFORM_FUNCTIONS = WHV_PLATFORM_FUNCTIONS(WHPX_ONE) };
#undef WHPX_ONE

/* Functions that older Windows lacks and the backend can do without. */
static bool is_optional(enum whpx_call call)
{
	return call == WHPX_CALL_WHvQueryGpaRangeDirtyBitmap;
}

/* Finds every function; the name of one that is needed and not there, or NULL. */
static const char *find_functions(struct whpx_platform *p)
{
	void *symbol;

#define WHPX_FIND(name, parameters)                                                                \
	symbol = os_library_symbol(                                                                \
	    (int)WHPX_CALL_##name < (int)PLATFORM_FUNCTIONS ? p->library : p->emulator_library,    \
	    #name);                                                                                \
	if (!symbol && !is_optional(WHPX_CALL_##name))                                             \
		return #name;                                                                      \
	memcpy(&p->name, &symbol, sizeof(symbol));
	WHV_FUNCTIONS(WHPX_FIND)
#undef WHPX_FIND
	return NULL;
}

void whpx_platform_unload(struct whpx_platform *p)
{
	os_library_close(p->emulator_library);
	os_library_close(p->library);
	p->library = p->emulator_library = NULL;
}

/* A hypervisor is there and is willing; else why not. */
static const char *ask_presence(struct whpx_platform *p)
{
	static char reason[256];
	int32_t present = 0;
	uint32_t written;

	if (WHV_FAILED(WHPX_CALL(p, WHvGetCapability, WHV_CAP_HYPERVISOR_PRESENT, &present,
				 sizeof(present), &written))) {
		struct error e;

		whpx_error(p, "the hypervisor platform does not answer", &e);
		snprintf(reason, sizeof(reason), "%.255s", e.text);
		return reason;
	}
	return present ? NULL : "no hypervisor is running (" CURE_FEATURE ")";
}

/* From the folder of the program: beside it, installed, or in a build folder. */
static const char *const places[] = {
    "",
    ("../" VCR_LIBRARY_FOLDER "/"),
    "../emulator/accel/whpx/",
    "../../emulator/accel/whpx/",
    "../../tools/",
};

static void *open_own(const char *name)
{
	char program[4096], path[4352];
	void *library = NULL;
	size_t folder;

	if (os_program_path(program, sizeof(program)))
		return NULL;
	folder = strlen(program);
	while (folder && !strchr("/\\", program[folder - 1]))
		folder--;
	for (size_t i = 0; folder && i < sizeof(places) / sizeof(places[0]) && !library; i++) {
		snprintf(path, sizeof(path), "%.*s%s%s", (int)folder, program, places[i], name);
		library = os_library_open(path);
	}
	return library;
}

static const char *load(struct whpx_platform *p, bool software)
{
	static char reason[128];
	const char *missing, *why;

	p->software = software;
	p->library = software ? open_own(SOFT_PLATFORM) : os_library_system(SYSTEM_PLATFORM);
	p->emulator_library =
	    software ? open_own(SOFT_EMULATOR) : os_library_system(SYSTEM_EMULATOR);
	if (!p->library || !p->emulator_library) {
		whpx_platform_unload(p);
		return software ? "the software platform's library is not beside vcr (build it "
				  "with -Dwhpx=enabled)"
				: "there is no WinHvPlatform.dll (" CURE_FEATURE ")";
	}
	missing = find_functions(p);
	if (missing)
		snprintf(reason, sizeof(reason),
			 "%s has no %s (Windows 10 version 1803 or later is needed)",
			 SYSTEM_PLATFORM, missing);
	why = missing ? reason : ask_presence(p);
	if (why)
		whpx_platform_unload(p);
	return why;
}

const char *whpx_platform_load(struct whpx_platform *p, enum whpx_which which)
{
	const char *why = NULL, *software;

#ifndef _WIN32
	if (which == WHPX_SYSTEM)
		return "only Windows has a hypervisor platform of the system";
	which = WHPX_SOFTWARE;
#endif
	if (which != WHPX_SOFTWARE) {
		why = load(p, false);
		if (!why || which == WHPX_SYSTEM)
			return why;
	}
	software = load(p, true);
	/* The system's reason is the one to be told, when neither can be had. */
	return software && why ? why : software;
}
