/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine for tests of the loaders, with memory and registers but no devices and no CPU that
 * runs: it implements what loaders call of machine.h and cpu.h. Memory is laid out as on a PC:
 * RAM from 0 to A0000h, from C0000h to 1 MiB, and from 1 MiB on; ROM below 4 GiB.
 */
#ifndef VCR_TESTS_LOADER_FIXTURE_H
#define VCR_TESTS_LOADER_FIXTURE_H

#include <stddef.h>
#include <stdint.h>

#include "emulator/loader/loader.h"
#include "emulator/machine.h"

#define FIXTURE_RSDP 0xf0000u
#define FIXTURE_ROM  0x20000u /* bytes of ROM */

struct fixture {
	struct machine m;
	struct memory_map map;
	struct cpu_regs regs; /* what the loader has set */
	bool entered;         /* registers were set */
	struct error error;
};

/* Memory is filled with a pattern at first, so that what a loader has not cleared shows. */
void fixture_open(struct fixture *f, uint64_t ram_size);
void fixture_close(struct fixture *f);

/* Adds a copy of an image in an allocation of exactly its size. */
void fixture_image(struct fixture *f, enum image_role role, const char *name, const void *data,
		   size_t size);
/* Sets or replaces the kernel. */
void fixture_kernel(struct fixture *f, const void *data, size_t size);
void fixture_append(struct fixture *f, const char *text);

/* Runs the loader of the kernel image; 0 or -1 with f->error. */
int fixture_boot(struct fixture *f);
/* The same, which must succeed, or must fail with a text that holds `what`. */
void fixture_boots(struct fixture *f);
void fixture_refuses(struct fixture *f, const char *what);

/* Guest memory; the test fails when it is not RAM. */
uint8_t *fixture_at(struct fixture *f, uint64_t gpa, uint64_t size);
uint32_t fixture_get32(struct fixture *f, uint64_t gpa);
uint64_t fixture_get64(struct fixture *f, uint64_t gpa);

/* Flat 32-bit segments without paging, with their descriptors in the GDT. */
void fixture_check_protected_mode(struct fixture *f, uint16_t code, uint16_t data);

#endif
