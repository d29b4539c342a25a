/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the exit kinds, as dumps and messages show them. */
#include "emulator/exit.h"

const char *exit_kind_name(enum exit_kind kind)
{
	static const char *const names[EXIT_KIND_COUNT] = {
	    [EXIT_PIO] = "pio", [EXIT_MMIO] = "mmio", [EXIT_MSR] = "msr",
	    [EXIT_CR8] = "cr8", [EXIT_HLT] = "hlt",   [EXIT_SHUTDOWN] = "shutdown",
	};

	return kind < EXIT_KIND_COUNT && names[kind] ? names[kind] : "?";
}
