/* SPDX-License-Identifier: Apache-2.0 */
/* Shared libraries on Windows; see library.h. */
#include "emulator/host/library.h"

#include <stdio.h>
#include <string.h>
#include <windows.h>

void *host_library_open_system(const char *name)
{
	return LoadLibraryExA(name, NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
}

void *host_library_open_own(const char *name)
{
	char path[MAX_PATH + 64];
	DWORD length = GetModuleFileNameA(NULL, path, MAX_PATH);
	char *slash;

	if (!length || length >= MAX_PATH)
		return NULL;
	slash = strrchr(path, '\\');
	if (!slash)
		return NULL;
	snprintf(slash + 1, sizeof(path) - (size_t)(slash + 1 - path), "%s", name);
	return LoadLibraryA(path);
}

void *host_library_symbol(void *library, const char *name)
{
	void *symbol;
	FARPROC address = GetProcAddress(library, name);

	memcpy(&symbol, &address, sizeof(symbol));
	return symbol;
}

void host_library_close(void *library)
{
	if (library)
		FreeLibrary(library);
}
