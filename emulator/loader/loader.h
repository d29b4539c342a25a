/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loaders put input images into guest memory and set the vCPU's registers, at power-on and again
 * at every reset. Images are not trusted: a damaged one is an ERROR_USAGE that names it.
 */
#ifndef VCR_LOADER_H
#define VCR_LOADER_H

#include <stdbool.h>
#include <stdint.h>

#include "emulator/error.h"
#include "emulator/machine.h"

/* Kinds of memory, numbered as in E820 maps (ACPI 6.3, 15.1). */
enum memory_kind { MEMORY_RAM = 1, MEMORY_RESERVED = 2 };

struct memory_range {
	uint64_t base, size;
	enum memory_kind kind;
};

#define MEMORY_RANGES 8

/* What a board tells its loaders. */
struct memory_map {
	struct memory_range range[MEMORY_RANGES]; /* ascending */
	unsigned ranges;
	uint64_t low_end;  /* end of the RAM that begins at 0 */
	uint64_t high_end; /* end of the RAM that begins at 1 MiB; at most 4 GiB */
	uint64_t rsdp;     /* where the ACPI tables begin */
};

#define MEMORY_MIB 0x100000ull

/*
 * Boots the machine's kernel image: a bzImage or a multiboot image, told apart by content. The
 * vCPU must be fresh from a reset.
 */
int loader_boot(struct machine *m, const struct memory_map *map, struct error *e);

/* bzImage (bzimage.c): Linux boot protocol 2.06 and later, by its 32-bit entry point. */
bool bzimage_detect(const struct image *kernel);
int bzimage_load(struct machine *m, const struct memory_map *map, struct error *e);

/*
 * For firmware that loads the kernel itself: copies the real-mode part with the fields filled in
 * that a boot loader owes it, and returns its size; 0 when the image is no bzImage.
 */
#define BZIMAGE_SETUP_MAX 0x20000u
struct bzimage_places {
	uint32_t setup, cmdline; /* below 1 MiB, the command line behind the real-mode part */
	uint32_t initrd, initrd_size;
};
uint64_t bzimage_fill_setup(const struct image *kernel, const struct bzimage_places *places,
			    uint8_t setup[BZIMAGE_SETUP_MAX]);
/* The first address that an initrd may not reach; 0 when the image is no bzImage. */
uint64_t bzimage_initrd_end(const struct image *kernel);

/* Multiboot 1 (multiboot.c): ELF, or with the address fields of the header. */
bool multiboot_detect(const struct image *kernel);
int multiboot_load(struct machine *m, const struct memory_map *map, struct error *e);

/* Flat firmware (flat.c). */
#define FLAT_UNIT 0x10000u /* sizes are multiples of this */
#define FLAT_MAX  0x1000000u
int flat_check(const struct image *bios, struct error *e);
int flat_load(struct machine *m, const struct image *bios, struct error *e);

/* ---- shared by the loaders (loader.c) ---- */

/* Clears guest memory; false when it is not all RAM. */
bool loader_zero(struct machine *m, uint64_t gpa, uint64_t size);

/*
 * 32-bit protected mode without paging: flat code and data segments whose descriptors lie in a
 * GDT at `gdt`, where four entries of 8 bytes are written. Selectors are 08h, 10h or 18h.
 */
bool loader_protected_mode(struct machine *m, struct cpu_regs *r, uint32_t gdt, uint16_t code,
			   uint16_t data);

/* Little-endian numbers in an image; the caller has checked the length. */
uint16_t loader_get16(const uint8_t *p);
uint32_t loader_get32(const uint8_t *p);
uint64_t loader_get64(const uint8_t *p);
void loader_put16(uint8_t *p, uint16_t value);
void loader_put32(uint8_t *p, uint32_t value);
void loader_put64(uint8_t *p, uint64_t value);

#endif
