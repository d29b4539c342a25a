/* SPDX-License-Identifier: Apache-2.0 */
/* Which loader takes a kernel, and what the loaders have in common. */
#include "emulator/loader/loader.h"

#include <string.h>

int loader_boot(struct machine *m, const struct memory_map *map, struct error *e)
{
	const struct image *kernel = machine_config_image(&m->config, IMAGE_KERNEL, 0);

	if (bzimage_detect(kernel))
		return bzimage_load(m, map, e);
	if (multiboot_detect(kernel))
		return multiboot_load(m, map, e);
	return error_set(e, ERROR_USAGE, "%s is no kernel that vcr can boot (bzImage or multiboot)",
			 kernel->name);
}

bool loader_zero(struct machine *m, uint64_t gpa, uint64_t size)
{
	static const uint8_t zeros[RAM_PAGE];

	if (size && !machine_ram_at(m, gpa, size))
		return false;
	while (size) {
		uint64_t n = size < sizeof(zeros) ? size : sizeof(zeros);

		machine_load_bytes(m, gpa, zeros, n);
		gpa += n;
		size -= n;
	}
	return true;
}

#define CODE_SEGMENT                                                                               \
	0xc09b              /* attributes: 4 KiB units, 32-bit, present, code, readable, accessed  \
			     */
#define DATA_SEGMENT 0xc093 /* the same for data, writable */

/* A descriptor of base 0 and limit FFFFFh (SDM vol. 3A 3.4.5). */
static void put_descriptor(uint8_t *p, uint16_t attributes)
{
	loader_put64(p, 0x000f00000000ffffull | (uint64_t)attributes << 40);
}

bool loader_protected_mode(struct machine *m, struct cpu_regs *r, uint32_t gdt, uint16_t code,
			   uint16_t data)
{
	uint8_t table[32] = {0};

	put_descriptor(table + code, CODE_SEGMENT);
	put_descriptor(table + data, DATA_SEGMENT);
	if (!machine_load_bytes(m, gdt, table, sizeof(table)))
		return false;
	r->gdt_base = gdt;
	r->gdt_limit = sizeof(table) - 1;
	for (unsigned i = SEG_ES; i <= SEG_GS; i++) {
		r->seg[i].base = 0;
		r->seg[i].limit = 0xffffffff;
		r->seg[i].selector = i == SEG_CS ? code : data;
		r->seg[i].attr = i == SEG_CS ? CODE_SEGMENT : DATA_SEGMENT;
	}
	r->cr0 = CR0_PE | CR0_ET;
	r->rflags = FLAG_ONE;
	return true;
}

uint16_t loader_get16(const uint8_t *p)
{
	return p[0] | p[1] << 8;
}

uint32_t loader_get32(const uint8_t *p)
{
	return loader_get16(p) | (uint32_t)loader_get16(p + 2) << 16;
}

uint64_t loader_get64(const uint8_t *p)
{
	return loader_get32(p) | (uint64_t)loader_get32(p + 4) << 32;
}

void loader_put16(uint8_t *p, uint16_t value)
{
	p[0] = value;
	p[1] = value >> 8;
}

void loader_put32(uint8_t *p, uint32_t value)
{
	loader_put16(p, value);
	loader_put16(p + 2, value >> 16);
}

void loader_put64(uint8_t *p, uint64_t value)
{
	loader_put32(p, value);
	loader_put32(p + 4, value >> 32);
}
