/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linux bzImage, by the 32-bit boot protocol (Linux, Documentation/arch/x86/boot.rst: "The
 * Real-Mode Kernel Header" and "32-bit Boot Protocol"). The real-mode part of the image is not
 * run: its setup header goes into the boot parameters ("zero page"), with the memory map that
 * the setup code would have asked the BIOS for.
 *
 * Where things go:
 *
 *	008000h  GDT
 *	010000h  boot parameters, one page; the stack is below
 *	020000h  command line
 *	100000h  protected-mode kernel, or at its preferred address if it is relocatable
 *	   ...   as high as the kernel and the RAM allow: initrd
 */
#include "emulator/loader/loader.h"

#include <stdlib.h>
#include <string.h>

#define AT_GDT      0x8000u
#define AT_PARAMS   0x10000u
#define AT_CMDLINE  0x20000u
#define AT_KERNEL   0x100000u
#define CMDLINE_END 0x90000u

#define BOOT_CS 0x10
#define BOOT_DS 0x18

/* Offsets in the image, and the same in the boot parameters. */
enum {
	H_SETUP_SECTS = 0x1f1,
	H_SYSSIZE = 0x1f4,
	H_BOOT_FLAG = 0x1fe,
	H_JUMP = 0x200,
	H_MAGIC = 0x202,
	H_VERSION = 0x206,
	H_TYPE_OF_LOADER = 0x210,
	H_LOADFLAGS = 0x211,
	H_CODE32_START = 0x214,
	H_RAMDISK_IMAGE = 0x218,
	H_RAMDISK_SIZE = 0x21c,
	H_HEAP_END_PTR = 0x224,
	H_CMD_LINE_PTR = 0x228,
	H_INITRD_ADDR_MAX = 0x22c,
	H_KERNEL_ALIGNMENT = 0x230,
	H_RELOCATABLE = 0x234,
	H_CMDLINE_SIZE = 0x238,
	H_PREF_ADDRESS = 0x258,
	H_INIT_SIZE = 0x260,
	H_END = 0x290, /* where the boot parameters go on with something else */
};
/* Offsets in the boot parameters (arch/x86/include/uapi/asm/bootparam.h). */
enum {
	P_ACPI_RSDP = 0x070,
	P_E820_ENTRIES = 0x1e8,
	P_E820_TABLE = 0x2d0,
	P_SIZE = 0x1000,
};

#define MIN_HEADER       (H_CMDLINE_SIZE + 4) /* protocol 2.06 ends here */
#define LOADED_HIGH      0x01
#define CAN_USE_HEAP     0x80
#define LOADER_UNDEFINED 0xff
#define E820_ENTRY       20
#define SECTOR           512u

struct bzimage {
	const struct image *image;
	uint16_t version;
	uint8_t header[P_SIZE]; /* the boot parameters in the making */
	const uint8_t *code;    /* the protected-mode part */
	uint64_t code_size;
	uint64_t load;  /* where it goes */
	uint64_t start; /* where it will run, after it has moved itself */
	uint64_t end;   /* of what it needs there until it reads the memory map */
};

bool bzimage_detect(const struct image *kernel)
{
	return kernel->size >= H_VERSION + 2 &&
	       loader_get16(kernel->data + H_BOOT_FLAG) == 0xaa55 &&
	       !memcmp(kernel->data + H_MAGIC, "HdrS", 4);
}

/* How much of the image is the real-mode part. */
static uint64_t setup_size(const struct image *kernel)
{
	uint64_t sectors = kernel->data[H_SETUP_SECTS], size;

	size = ((sectors ? sectors : 4) + 1) * SECTOR; /* 0 means 4, and the boot sector */
	return size < kernel->size ? size : kernel->size;
}

uint64_t bzimage_fill_setup(const struct image *kernel, const struct bzimage_places *places,
			    uint8_t setup[BZIMAGE_SETUP_MAX])
{
	uint64_t size = bzimage_detect(kernel) ? setup_size(kernel) : 0;

	if (size < MIN_HEADER)
		return 0;
	memcpy(setup, kernel->data, size);
	setup[H_TYPE_OF_LOADER] = LOADER_UNDEFINED;
	setup[H_LOADFLAGS] |= CAN_USE_HEAP;
	/* Relative to the real-mode part; its stack takes the last 200h bytes. */
	loader_put16(setup + H_HEAP_END_PTR, places->cmdline - places->setup - 0x200);
	loader_put32(setup + H_CMD_LINE_PTR, places->cmdline);
	loader_put32(setup + H_RAMDISK_IMAGE, places->initrd);
	loader_put32(setup + H_RAMDISK_SIZE, places->initrd_size);
	return size;
}

uint64_t bzimage_initrd_end(const struct image *kernel)
{
	if (!bzimage_detect(kernel) || kernel->size < MIN_HEADER)
		return 0;
	return (uint64_t)loader_get32(kernel->data + H_INITRD_ADDR_MAX) + 1;
}

/* Checks the image against itself and copies the setup header. */
static int parse(struct bzimage *b, struct error *e)
{
	const struct image *k = b->image;
	uint64_t setup = setup_size(k), header_end, whole;

	b->version = loader_get16(k->data + H_VERSION);
	if (b->version < 0x206)
		return error_set(e, ERROR_USAGE,
				 "%s: boot protocol %u.%02u is too old (2.06 is needed, which is "
				 "Linux 2.6.22)",
				 k->name, b->version >> 8, b->version & 0xff);
	header_end = H_MAGIC + k->data[H_JUMP + 1];
	if (header_end < MIN_HEADER || k->size < header_end || setup < header_end)
		return error_set(e, ERROR_USAGE, "%s is damaged: its setup header is cut off",
				 k->name);
	header_end = header_end < H_END ? header_end : H_END;
	memcpy(b->header + H_SETUP_SECTS, k->data + H_SETUP_SECTS, header_end - H_SETUP_SECTS);
	if (!(b->header[H_LOADFLAGS] & LOADED_HIGH))
		return error_set(e, ERROR_USAGE,
				 "%s is a zImage, which vcr cannot boot (use a bzImage)", k->name);
	b->code = k->data + setup;
	b->code_size = k->size - setup;
	whole = (uint64_t)loader_get32(b->header + H_SYSSIZE) * 16;
	/* The size is in paragraphs, rounded up. */
	if (!b->code_size || b->code_size + 15 < whole)
		return error_set(
		    e, ERROR_USAGE,
		    "%s is cut off: it has %llu bytes of the %llu that its header names", k->name,
		    (unsigned long long)k->size, (unsigned long long)(setup + whole));
	return 0;
}

/* Where the kernel goes, and what memory it needs until it reads the memory map. */
static int place_kernel(struct bzimage *b, const struct memory_map *map, struct error *e)
{
	uint64_t align = loader_get32(b->header + H_KERNEL_ALIGNMENT);
	uint64_t need = b->code_size;

	b->load = b->start = AT_KERNEL;
	if (b->version >= 0x20a) {
		uint64_t preferred = loader_get64(b->header + H_PREF_ADDRESS);
		uint64_t init_size = loader_get32(b->header + H_INIT_SIZE);

		if (!align || (align & (align - 1)) || preferred < AT_KERNEL ||
		    preferred >= 1ull << 32)
			return error_set(
			    e, ERROR_USAGE,
			    "%s is damaged: it wants to run at %#llx, aligned to %#llx",
			    b->image->name, (unsigned long long)preferred,
			    (unsigned long long)align);
		need = init_size > need ? init_size : need;
		b->start = preferred;
		if (b->header[H_RELOCATABLE])
			b->load = b->start = (preferred + align - 1) & ~(align - 1);
	}
	b->end = b->start + need;
	if (b->end > map->high_end || b->load + b->code_size > map->high_end)
		return error_set(e, ERROR_USAGE,
				 "%s does not fit: it needs %llu MiB of memory and the machine has "
				 "%llu (give it more with -m)",
				 b->image->name,
				 (unsigned long long)((b->end + MEMORY_MIB - 1) / MEMORY_MIB),
				 (unsigned long long)(map->high_end / MEMORY_MIB));
	return 0;
}

static int load_initrd(struct machine *m, struct bzimage *b, const struct memory_map *map,
		       struct error *e)
{
	const struct image *initrd = machine_config_image(&m->config, IMAGE_INITRD, 0);
	uint64_t top = (uint64_t)loader_get32(b->header + H_INITRD_ADDR_MAX) + 1, at;

	loader_put32(b->header + H_RAMDISK_IMAGE, 0);
	loader_put32(b->header + H_RAMDISK_SIZE, 0);
	if (!initrd || !initrd->size)
		return 0;
	if (machine_config_image(&m->config, IMAGE_INITRD, 1))
		return error_set(e, ERROR_USAGE, "-initrd: %s takes one initrd", b->image->name);
	top = top < map->high_end ? top : map->high_end;
	at = initrd->size < top ? (top - initrd->size) & ~(uint64_t)(RAM_PAGE - 1) : 0;
	if (at < b->end || at < b->load + b->code_size)
		return error_set(
		    e, ERROR_USAGE,
		    "%s does not fit: %llu KiB of initrd and the kernel need more than "
		    "%llu MiB of memory (give it more with -m)",
		    initrd->name, (unsigned long long)(initrd->size + 1023) / 1024,
		    (unsigned long long)(map->high_end / MEMORY_MIB));
	loader_put32(b->header + H_RAMDISK_IMAGE, at);
	loader_put32(b->header + H_RAMDISK_SIZE, initrd->size);
	machine_load_bytes(m, at, initrd->data, initrd->size);
	return 0;
}

static int load_cmdline(struct machine *m, struct bzimage *b, struct error *e)
{
	const char *text = m->config.append ? m->config.append : "";
	uint64_t length = strlen(text), max = loader_get32(b->header + H_CMDLINE_SIZE);

	if (max > CMDLINE_END - AT_CMDLINE - 1)
		max = CMDLINE_END - AT_CMDLINE - 1;
	if (length > max)
		return error_set(
		    e, ERROR_USAGE, "-append: %llu characters, but %s takes %llu at most",
		    (unsigned long long)length, b->image->name, (unsigned long long)max);
	machine_load_bytes(m, AT_CMDLINE, text, length + 1);
	loader_put32(b->header + H_CMD_LINE_PTR, AT_CMDLINE);
	return 0;
}

static void put_memory_map(struct bzimage *b, const struct memory_map *map)
{
	for (unsigned i = 0; i < map->ranges; i++) {
		uint8_t *entry = b->header + P_E820_TABLE + i * E820_ENTRY;

		loader_put64(entry, map->range[i].base);
		loader_put64(entry + 8, map->range[i].size);
		loader_put32(entry + 16, map->range[i].kind);
	}
	b->header[P_E820_ENTRIES] = map->ranges;
	if (b->version >= 0x20e)
		loader_put64(b->header + P_ACPI_RSDP, map->rsdp);
}

static int load(struct machine *m, struct bzimage *b, const struct memory_map *map, struct error *e)
{
	struct cpu_regs r;

	if (parse(b, e) || place_kernel(b, map, e) || load_initrd(m, b, map, e) ||
	    load_cmdline(m, b, e))
		return -1;
	put_memory_map(b, map);
	b->header[H_TYPE_OF_LOADER] = LOADER_UNDEFINED;
	loader_put32(b->header + H_CODE32_START, b->load);
	cpu_get_regs(m->vcpu.c, &r);
	if (!loader_protected_mode(m, &r, AT_GDT, BOOT_CS, BOOT_DS) ||
	    !machine_load_bytes(m, AT_PARAMS, b->header, P_SIZE) ||
	    !machine_load_bytes(m, b->load, b->code, b->code_size))
		return error_set(e, ERROR_USAGE, "%s does not fit into the memory of board %s",
				 b->image->name, m->config.board);
	memset(r.gpr, 0, sizeof(r.gpr));
	r.gpr[GPR_RSI] = AT_PARAMS;
	r.gpr[GPR_RSP] = AT_PARAMS;
	r.rip = b->load;
	cpu_set_regs(&m->vcpu, &r);
	return 0;
}

int bzimage_load(struct machine *m, const struct memory_map *map, struct error *e)
{
	struct bzimage *b = calloc(1, sizeof(*b));
	int result;

	if (!b)
		return error_set(e, ERROR_HOST, "out of memory");
	b->image = machine_config_image(&m->config, IMAGE_KERNEL, 0);
	result = load(m, b, map, e);
	free(b);
	return result;
}
