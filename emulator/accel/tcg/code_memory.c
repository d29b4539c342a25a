/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for host code, mapped twice; see code_memory.h. */
#include "emulator/accel/tcg/code_memory.h"

#include <string.h>

#ifdef _WIN32
#include <windows.h>

const char *code_memory_open(struct code_memory *m, size_t size)
{
	memset(m, 0, sizeof(*m));
	m->section = CreateFileMappingW(INVALID_HANDLE_VALUE, NULL, PAGE_EXECUTE_READWRITE, 0,
					(DWORD)size, NULL);
	if (!m->section)
		return "the host gives no memory that code may be in";
	m->write = MapViewOfFile(m->section, FILE_MAP_WRITE, 0, 0, size);
	m->execute = MapViewOfFile(m->section, FILE_MAP_READ | FILE_MAP_EXECUTE, 0, 0, size);
	m->size = size;
	if (m->write && m->execute)
		return NULL;
	code_memory_close(m);
	return "the host does not let generated code be executed";
}

void code_memory_close(struct code_memory *m)
{
	if (m->write)
		UnmapViewOfFile(m->write);
	if (m->execute)
		UnmapViewOfFile(m->execute);
	if (m->section)
		CloseHandle(m->section);
	memset(m, 0, sizeof(*m));
}

#else
#include <sys/mman.h>
#include <unistd.h>

static void *map(int fd, size_t size, int protection)
{
	void *p = mmap(NULL, size, protection, MAP_SHARED, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

const char *code_memory_open(struct code_memory *m, size_t size)
{
	int fd = memfd_create("vcr-code", MFD_CLOEXEC);

	memset(m, 0, sizeof(*m));
	if (fd < 0)
		return "the host has no memfd_create()";
	m->size = size;
	if (ftruncate(fd, (off_t)size) == 0) {
		m->write = map(fd, size, PROT_READ | PROT_WRITE);
		m->execute = map(fd, size, PROT_READ | PROT_EXEC);
	}
	close(fd);
	if (m->write && m->execute)
		return NULL;
	code_memory_close(m);
	return "the host does not let generated code be executed";
}

void code_memory_close(struct code_memory *m)
{
	if (m->write)
		munmap(m->write, m->size);
	if (m->execute)
		munmap((void *)(uintptr_t)m->execute, m->size);
	memset(m, 0, sizeof(*m));
}
#endif
