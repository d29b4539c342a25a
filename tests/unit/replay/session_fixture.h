/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small session without a host: firmware of a few instructions that polls a timer, writes to
 * memory and ports, takes timer interrupts and halts.
 */
#ifndef VCR_TEST_SESSION_FIXTURE_H
#define VCR_TEST_SESSION_FIXTURE_H

#include "emulator/machine.h"

/* A door whose answers are constants; a halt ends at its deadline. */
struct host *fixture_host(void);
/* Board pc with 1 MiB and the firmware; to be handed to machine_open(). */
struct machine_config fixture_config(void);
/* A file name in a fresh temporary directory; the caller frees it. */
char *fixture_path(const char *name);

#endif
