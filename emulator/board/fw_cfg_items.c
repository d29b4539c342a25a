/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fw_cfg items of a board: sizes and counts, memory map, ACPI tables, and a kernel in the
 * parts and at the addresses that QEMU's boot ROMs and firmware such as qboot expect.
 */
#include "emulator/board/fw_cfg_items.h"

#include <string.h>

#define SETUP_ADDRESS   0x10000u
#define CMDLINE_ADDRESS 0x20000u
#define KERNEL_ADDRESS  0x100000u
/* Firmware puts its tables at the end of the RAM below 4 GiB; the initrd stays clear of them. */
#define FIRMWARE_ROOM 0x40000u

static void put_le(uint8_t *p, uint64_t value, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		p[i] = value >> i * 8;
}

static void item_bytes(struct fw_cfg_board *b, uint16_t key, const void *data, size_t size)
{
	b->item[b->items.count++] = (struct fw_cfg_item){.key = key, .data = data, .size = size};
}

static void item_number(struct fw_cfg_board *b, uint16_t key, uint64_t value, unsigned size)
{
	uint8_t *p = b->number[b->items.count];

	put_le(p, value, size);
	item_bytes(b, key, p, size);
}

static void item_file(struct fw_cfg_board *b, const char *name, const void *data, size_t size)
{
	item_bytes(b, 0, data, size);
	b->item[b->items.count - 1].name = name;
}

/* Where the initrd shall go; 0 when it does not fit. */
static uint64_t initrd_address(const struct image *kernel, const struct image *initrd,
			       const struct memory_map *map)
{
	uint64_t end = bzimage_initrd_end(kernel);
	uint64_t top = map->high_end > FIRMWARE_ROOM ? map->high_end - FIRMWARE_ROOM : 0;

	if (end && end < top)
		top = end;
	if (top <= KERNEL_ADDRESS || initrd->size > top - KERNEL_ADDRESS)
		return 0;
	return (top - initrd->size) & ~(uint64_t)(RAM_PAGE - 1);
}

static void add_kernel(struct fw_cfg_board *b, const struct machine_config *config,
		       const struct memory_map *map)
{
	const struct image *kernel = machine_config_image(config, IMAGE_KERNEL, 0);
	const struct image *initrd = machine_config_image(config, IMAGE_INITRD, 0);
	const char *append = config->append ? config->append : "";
	struct bzimage_places places = {.setup = SETUP_ADDRESS, .cmdline = CMDLINE_ADDRESS};
	uint64_t setup;

	if (!kernel)
		return;
	places.initrd = initrd ? initrd_address(kernel, initrd, map) : 0;
	places.initrd_size = places.initrd ? initrd->size : 0;
	setup = bzimage_fill_setup(kernel, &places, b->setup);
	item_number(b, FW_CFG_SETUP_ADDR, SETUP_ADDRESS, 4);
	item_number(b, FW_CFG_SETUP_SIZE, setup, 4);
	item_bytes(b, FW_CFG_SETUP_DATA, b->setup, setup);
	item_number(b, FW_CFG_KERNEL_ADDR, KERNEL_ADDRESS, 4);
	item_number(b, FW_CFG_KERNEL_SIZE, kernel->size - setup, 4);
	item_bytes(b, FW_CFG_KERNEL_DATA, kernel->data + setup, kernel->size - setup);
	item_number(b, FW_CFG_CMDLINE_ADDR, CMDLINE_ADDRESS, 4);
	item_number(b, FW_CFG_CMDLINE_SIZE, strlen(append) + 1, 4);
	item_bytes(b, FW_CFG_CMDLINE_DATA, append, strlen(append) + 1);
	if (!places.initrd)
		return;
	item_number(b, FW_CFG_INITRD_ADDR, places.initrd, 4);
	item_number(b, FW_CFG_INITRD_SIZE, places.initrd_size, 4);
	item_bytes(b, FW_CFG_INITRD_DATA, initrd->data, initrd->size);
}

/*
 * The RAM below and above 4 GiB, as if the first piece had no hole below 1 MiB: that is how QEMU
 * tells it, and firmware cuts out what it knows about.
 */
static void add_memory_map(struct fw_cfg_board *b, uint64_t ram_size, uint64_t low)
{
	uint64_t piece[2][2] = {{0, low}, {1ull << 32, ram_size - low}};
	unsigned count = ram_size > low ? 2 : 1;

	for (unsigned i = 0; i < count; i++) {
		uint8_t *p = b->e820 + i * E820_ENTRY;

		put_le(p, piece[i][0], 8);
		put_le(p + 8, piece[i][1], 8);
		put_le(p + 16, MEMORY_RAM, 4);
	}
	item_file(b, "etc/e820", b->e820, count * E820_ENTRY);
}

void fw_cfg_board_build(struct fw_cfg_board *b, const struct machine_config *config,
			const struct memory_map *map, const struct acpi_tables *acpi)
{
	b->items = (struct fw_cfg_items){.item = b->item};
	item_number(b, FW_CFG_RAM_SIZE, config->ram_size, 8);
	item_number(b, FW_CFG_NOGRAPHIC, 1, 2);
	item_number(b, FW_CFG_NB_CPUS, 1, 2);
	item_number(b, FW_CFG_MAX_CPUS, 1, 2);
	item_number(b, FW_CFG_BOOT_MENU, 0, 2);
	item_number(b, FW_CFG_IRQ0_OVERRIDE, 1, 4);
	add_kernel(b, config, map);
	/* Files by name, as the directory of QEMU has them. */
	item_file(b, "bootorder", "", 1);
	item_file(b, "etc/acpi/rsdp", acpi->rsdp, sizeof(acpi->rsdp));
	item_file(b, "etc/acpi/tables", acpi->bytes, acpi->size);
	item_file(b, "etc/boot-fail-wait", "\377\377\377\377", 4); /* for ever */
	add_memory_map(b, config->ram_size, map->high_end);
	item_file(b, "etc/table-loader", acpi->script, acpi->script_size);
}
