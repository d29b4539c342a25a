/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Multiboot 1 (Multiboot Specification 0.6.96): a kernel says by a header in its first 8 KiB
 * that it starts in 32-bit protected mode. Where it goes is said by its ELF program headers, or
 * by the address fields of the multiboot header. 64-bit ELF files are taken too, as long as
 * they start in 32-bit code.
 *
 * After the kernel, on the next page at or above 1 MiB, come the modules, each on a page of its
 * own, and after them one block with the information structure and all that it points to.
 */
#include "emulator/loader/loader.h"

#include <stdlib.h>
#include <string.h>

#define HEADER_MAGIC   0x1badb002u
#define BOOT_MAGIC     0x2badb002u
#define SEARCH         8192u
#define HEADER_SIZE    12u /* without, and with the address fields */
#define HEADER_ADDRESS 32u
#define NEEDS_KNOWN    0x7u /* of bits 0..15: page-aligned modules, memory, video mode */
#define HAS_ADDRESSES  (1u << 16)

#define INFO_SIZE  88u
#define INFO_FLAGS 0x24du /* memory, command line, modules, memory map, boot loader name */
#define MAP_ENTRY  24u
#define MODULE     16u
#define GDT_SIZE   32u

#define CODE_SELECTOR 0x08
#define DATA_SELECTOR 0x10

#define PAGE_UP(x) (((x) + RAM_PAGE - 1) & ~(uint64_t)(RAM_PAGE - 1))

struct multiboot {
	const struct image *image;
	const uint8_t *header;
	uint64_t end;  /* of all that is loaded */
	uint64_t room; /* bytes that may still be loaded: bounds the work if parts overlap */
	uint32_t entry;
};

static const uint8_t *find_header(const struct image *k)
{
	for (uint64_t at = 0; at + HEADER_SIZE <= k->size && at + HEADER_SIZE <= SEARCH; at += 4) {
		const uint8_t *h = k->data + at;

		if (loader_get32(h) == HEADER_MAGIC &&
		    loader_get32(h) + loader_get32(h + 4) + loader_get32(h + 8) == 0)
			return h;
	}
	return NULL;
}

bool multiboot_detect(const struct image *kernel)
{
	return find_header(kernel) != NULL;
}

static int damaged(const struct multiboot *b, const char *what, struct error *e)
{
	return error_set(e, ERROR_USAGE, "%s is damaged: %s", b->image->name, what);
}

/* Puts file bytes [offset, offset + size) at `gpa` and clears up to `total` bytes there. */
static int load_piece(struct machine *m, struct multiboot *b, uint64_t offset, uint64_t size,
		      uint64_t gpa, uint64_t total, struct error *e)
{
	const struct image *k = b->image;

	if (size > total || offset > k->size || size > k->size - offset)
		return damaged(b, "its parts reach beyond its end", e);
	if (!total)
		return 0;
	/* After this check the sums below cannot wrap. */
	if (gpa >= 1ull << 32 || total > (1ull << 32) - gpa || !machine_ram_at(m, gpa, total))
		return error_set(e, ERROR_USAGE,
				 "%s does not fit: it wants %llu KiB at %#llx, where there is no "
				 "such memory (give the machine more with -m)",
				 k->name, (unsigned long long)(total / 1024 + (total % 1024 != 0)),
				 (unsigned long long)gpa);
	if (total > b->room)
		return damaged(b, "its parts lie upon each other", e);
	b->room -= total;
	machine_load_bytes(m, gpa, k->data + offset, size);
	loader_zero(m, gpa + size, total - size);
	if (b->end < gpa + total)
		b->end = gpa + total;
	return 0;
}

/* ---- the address fields (3.1.3) ---- */

static int load_by_header(struct machine *m, struct multiboot *b, struct error *e)
{
	const struct image *k = b->image;
	uint64_t at = b->header - k->data, offset, size;
	uint32_t header_addr, load_addr, load_end, bss_end;

	if (k->size - at < HEADER_ADDRESS)
		return damaged(b, "its multiboot header is cut off", e);
	header_addr = loader_get32(b->header + 12);
	load_addr = loader_get32(b->header + 16);
	load_end = loader_get32(b->header + 20);
	bss_end = loader_get32(b->header + 24);
	b->entry = loader_get32(b->header + 28);
	if (load_addr > header_addr || header_addr - load_addr > at)
		return damaged(b, "its multiboot header is not where it says", e);
	offset = at - (header_addr - load_addr);
	size = load_end ? (uint64_t)load_end - load_addr : k->size - offset;
	if (load_end && load_end < load_addr)
		return damaged(b, "its multiboot header ends before it begins", e);
	if (bss_end && bss_end < load_addr + size)
		return damaged(b, "its bss ends before its data", e);
	return load_piece(m, b, offset, size, load_addr, bss_end ? bss_end - load_addr : size, e);
}

/* ---- ELF (System V ABI, chapters 4 and 5) ---- */

/* The fields of interest, which differ in place and width between the two classes. */
struct segment_header {
	uint32_t type;
	uint64_t offset, vaddr, paddr, filesz, memsz;
};

static struct segment_header get_segment(const uint8_t *p, bool wide)
{
	if (wide)
		return (struct segment_header){
		    .type = loader_get32(p),
		    .offset = loader_get64(p + 8),
		    .vaddr = loader_get64(p + 16),
		    .paddr = loader_get64(p + 24),
		    .filesz = loader_get64(p + 32),
		    .memsz = loader_get64(p + 40),
		};
	return (struct segment_header){
	    .type = loader_get32(p),
	    .offset = loader_get32(p + 4),
	    .vaddr = loader_get32(p + 8),
	    .paddr = loader_get32(p + 12),
	    .filesz = loader_get32(p + 16),
	    .memsz = loader_get32(p + 20),
	};
}

#define ELF_EXEC   2
#define ELF_DYN    3 /* position-independent; taken at the addresses that it names */
#define ELF_386    3
#define ELF_X86_64 62
#define PT_LOAD    1

static int load_elf(struct machine *m, struct multiboot *b, struct error *e)
{
	const struct image *k = b->image;
	const uint8_t *h = k->data;
	bool wide = k->size > 4 && h[4] == 2, entered = false;
	unsigned header_size = wide ? 64 : 52, entry_size = wide ? 56 : 32, count;
	uint64_t table, entry;

	if (k->size < header_size || memcmp(h, "\177ELF", 4) || (h[4] != 1 && h[4] != 2) ||
	    h[5] != 1)
		return error_set(e, ERROR_USAGE,
				 "%s has a multiboot header without addresses and is no "
				 "little-endian ELF file",
				 k->name);
	if ((loader_get16(h + 16) != ELF_EXEC && loader_get16(h + 16) != ELF_DYN) ||
	    loader_get16(h + 18) != (wide ? ELF_X86_64 : ELF_386))
		return error_set(e, ERROR_USAGE, "%s is no executable ELF file for x86", k->name);
	entry = wide ? loader_get64(h + 24) : loader_get32(h + 24);
	table = wide ? loader_get64(h + 32) : loader_get32(h + 28);
	count = loader_get16(h + (wide ? 56 : 44));
	if (loader_get16(h + (wide ? 54 : 42)) != entry_size || table > k->size ||
	    count > (k->size - table) / entry_size)
		return damaged(b, "its ELF program headers are cut off", e);
	for (unsigned i = 0; i < count; i++) {
		struct segment_header s = get_segment(h + table + i * entry_size, wide);

		if (s.type != PT_LOAD)
			continue;
		if (load_piece(m, b, s.offset, s.filesz, s.paddr, s.memsz, e))
			return -1;
		/* The entry point is a virtual address, and paging is off. */
		if (!entered && entry >= s.vaddr && entry - s.vaddr < s.memsz) {
			b->entry = entry - s.vaddr + s.paddr;
			entered = true;
		}
	}
	if (!entered)
		return damaged(b, "its entry point is in none of its segments", e);
	return 0;
}

/* ---- modules and the information structure (3.3) ---- */

/* The block that is put together here before it goes into guest memory. */
struct block {
	uint8_t *bytes;
	uint32_t base, used;
};

static uint32_t block_string(struct block *k, const char *a, const char *b)
{
	uint32_t at = k->used;
	size_t first = strlen(a), second = b ? strlen(b) : 0;

	memcpy(k->bytes + k->used, a, first);
	k->used += first;
	if (b) {
		k->bytes[k->used++] = ' ';
		memcpy(k->bytes + k->used, b, second);
		k->used += second;
	}
	k->bytes[k->used++] = 0;
	return k->base + at;
}

static uint64_t count_modules(const struct machine_config *c, uint64_t *strings)
{
	const struct image *module;
	uint64_t count = 0;

	for (; (module = machine_config_image(c, IMAGE_INITRD, count)); count++)
		*strings += strlen(module->name) + 1;
	return count;
}

static int load_modules(struct machine *m, struct multiboot *b, const struct memory_map *map,
			struct error *e)
{
	const struct image *module;

	b->end = PAGE_UP(b->end > MEMORY_MIB ? b->end : MEMORY_MIB);
	for (unsigned i = 0; (module = machine_config_image(&m->config, IMAGE_INITRD, i)); i++) {
		if (b->end > map->high_end || module->size > map->high_end - b->end)
			return error_set(
			    e, ERROR_USAGE,
			    "%s does not fit: %llu KiB of module and what comes before "
			    "it need more than %llu MiB of memory (give it more with "
			    "-m)",
			    module->name, (unsigned long long)(module->size + 1023) / 1024,
			    (unsigned long long)(map->high_end / MEMORY_MIB));
		machine_load_bytes(m, b->end, module->data, module->size);
		b->end = PAGE_UP(b->end + module->size);
	}
	return 0;
}

static void put_map(uint8_t *p, const struct memory_map *map)
{
	for (unsigned i = 0; i < map->ranges; i++, p += MAP_ENTRY) {
		loader_put32(p, MAP_ENTRY - 4);
		loader_put64(p + 4, map->range[i].base);
		loader_put64(p + 12, map->range[i].size);
		loader_put32(p + 20, map->range[i].kind);
	}
}

/* Modules lie page after page from `at`, as load_modules() put them. */
static void put_modules(struct block *k, uint32_t list, const struct machine_config *c, uint64_t at)
{
	const struct image *module;

	for (unsigned i = 0; (module = machine_config_image(c, IMAGE_INITRD, i)); i++) {
		uint8_t *p = k->bytes + list + i * MODULE;

		loader_put32(p, at);
		loader_put32(p + 4, at + module->size);
		loader_put32(p + 8, block_string(k, module->name, NULL));
		at = PAGE_UP(at + module->size);
	}
}

/* Information structure, GDT, memory map, module list, strings; entered with EBX = its start. */
static int load_info(struct machine *m, struct multiboot *b, const struct memory_map *map,
		     uint64_t first_module, struct error *e)
{
	static const char loader_name[] = "vcr";
	const char *append = m->config.append;
	uint64_t strings = strlen(b->image->name) + (append ? strlen(append) : 0) + 2;
	uint64_t modules = count_modules(&m->config, &strings);
	uint32_t list = INFO_SIZE + GDT_SIZE + map->ranges * MAP_ENTRY;
	uint64_t size = list + modules * MODULE + strings + sizeof(loader_name);
	struct block k = {.base = b->end, .used = list + modules * MODULE};
	bool fits = b->end <= map->high_end && size <= map->high_end - b->end;

	k.bytes = fits ? calloc(1, size) : NULL;
	if (!k.bytes)
		return error_set(
		    e, fits ? ERROR_HOST : ERROR_USAGE,
		    fits ? "out of memory"
			 : "-append: no memory is left for the boot information (give the "
			   "machine more with -m)");
	loader_put32(k.bytes, INFO_FLAGS);
	loader_put32(k.bytes + 4, map->low_end / 1024);
	loader_put32(k.bytes + 8, (map->high_end - MEMORY_MIB) / 1024);
	loader_put32(k.bytes + 16, block_string(&k, b->image->name, append));
	loader_put32(k.bytes + 20, modules);
	loader_put32(k.bytes + 24, k.base + list);
	loader_put32(k.bytes + 44, map->ranges * MAP_ENTRY);
	loader_put32(k.bytes + 48, k.base + INFO_SIZE + GDT_SIZE);
	loader_put32(k.bytes + 64, block_string(&k, loader_name, NULL));
	put_map(k.bytes + INFO_SIZE + GDT_SIZE, map);
	put_modules(&k, list, &m->config, first_module);
	machine_load_bytes(m, k.base, k.bytes, size);
	free(k.bytes);
	return 0;
}

/* The state of 3.2: flat segments, A20 open, interrupts off. */
static void enter(struct machine *m, const struct multiboot *b)
{
	struct cpu_regs r;

	cpu_get_regs(m->vcpu.c, &r);
	loader_protected_mode(m, &r, b->end + INFO_SIZE, CODE_SELECTOR, DATA_SELECTOR);
	memset(r.gpr, 0, sizeof(r.gpr));
	r.gpr[GPR_RAX] = BOOT_MAGIC;
	r.gpr[GPR_RBX] = b->end;
	r.rip = b->entry;
	vcpu_set_a20(&m->vcpu, true);
	cpu_set_regs(&m->vcpu, &r);
}

int multiboot_load(struct machine *m, const struct memory_map *map, struct error *e)
{
	struct multiboot b = {
	    .image = machine_config_image(&m->config, IMAGE_KERNEL, 0),
	    .room = map->high_end,
	};
	uint32_t flags;
	uint64_t first_module;

	b.header = find_header(b.image);
	if (!b.header)
		return damaged(&b, "it has no multiboot header", e);
	flags = loader_get32(b.header + 4);
	if (flags & 0xffff & ~NEEDS_KNOWN)
		return error_set(e, ERROR_USAGE,
				 "%s needs multiboot features that vcr does not have (flags %#x)",
				 b.image->name, flags & 0xffff);
	if ((flags & HAS_ADDRESSES) ? load_by_header(m, &b, e) : load_elf(m, &b, e))
		return -1;
	b.end = PAGE_UP(b.end > MEMORY_MIB ? b.end : MEMORY_MIB);
	first_module = b.end;
	if (load_modules(m, &b, map, e) || load_info(m, &b, map, first_module, e))
		return -1;
	enter(m, &b);
	return 0;
}
