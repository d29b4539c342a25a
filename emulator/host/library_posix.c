/* SPDX-License-Identifier: Apache-2.0 */
/* Shared libraries on POSIX systems; see library.h. */
#include "emulator/host/library.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void *host_library_open_system(const char *name)
{
	return dlopen(name, RTLD_NOW | RTLD_LOCAL);
}

/* From the folder of the program: installed, then where programs are in a build folder. */
#define BUILT "emulator/accel/whpx/"
static const char *const places[] = {
    "", "../" VCR_LIBRARY_FOLDER "/", "../" BUILT, "../../" BUILT, "../../../" BUILT,
};

void *host_library_open_own(const char *name)
{
	char program[PATH_MAX], path[2 * PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
	void *library = NULL;
	char *slash;

	if (length <= 0)
		return NULL;
	program[length] = 0;
	slash = strrchr(program, '/');
	if (!slash)
		return NULL;
	slash[1] = 0;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && !library; i++) {
		snprintf(path, sizeof(path), "%s%s%s", program, places[i], name);
		if (!access(path, R_OK))
			library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	}
	return library;
}

void *host_library_symbol(void *library, const char *name)
{
	return dlsym(library, name);
}

void host_library_close(void *library)
{
	if (library)
		dlclose(library);
}
