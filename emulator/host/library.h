/* SPDX-License-Identifier: Apache-2.0 */
/* Shared libraries that are loaded while running: a hypervisor platform's (accel/whpx). */
#ifndef VCR_HOST_LIBRARY_H
#define VCR_HOST_LIBRARY_H

#include <stddef.h>

/*
 * Loads a library of this system's own by its name; NULL when there is none. What the operating
 * system has is found, never a file in the current folder.
 */
void *host_library_open_system(const char *name);
/* Loads one that belongs to vcr: beside the program, or where it was installed or built. */
void *host_library_open_own(const char *name);
void *host_library_symbol(void *library, const char *name);
void host_library_close(void *library);

#endif
