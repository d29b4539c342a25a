/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the status bits of the platform's emulator; see status.h. */
#include "emulator/accel/whpx/status.h"

#include <stdio.h>

#include "emulator/accel/whpx/whpx_api.h"

static const struct {
	uint32_t bit;
	const char *name;
} status_names[] = {
    {WHV_EMULATED, "EmulationSuccessful"},
    {WHV_INTERNAL_FAILURE, "InternalEmulationFailure"},
    {WHV_IO_FAILED, "IoPortCallbackFailed"},
    {WHV_MEMORY_FAILED, "MemoryCallbackFailed"},
    {WHV_TRANSLATE_FAILED, "TranslateGvaPageCallbackFailed"},
    {WHV_TRANSLATE_MISALIGNED, "TranslateGvaPageCallbackGpaIsNotAligned"},
    {WHV_GET_FAILED, "GetVirtualProcessorRegistersCallbackFailed"},
    {WHV_SET_FAILED, "SetVirtualProcessorRegistersCallbackFailed"},
    {WHV_INTERRUPT_INTERCEPT, "InterruptCausedIntercept"},
    {WHV_CANNOT_FAULT, "GuestCannotBeFaulted"},
};

const char *whpx_status_text(uint32_t status, char *text, size_t size)
{
	size_t used = 0;

	snprintf(text, size, status ? "" : "none");
	for (size_t i = 0; i < sizeof(status_names) / sizeof(status_names[0]); i++) {
		if (status & status_names[i].bit && used < size)
			used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "",
						 status_names[i].name);
	}
	return text;
}
