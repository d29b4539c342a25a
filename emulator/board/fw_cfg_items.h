/* SPDX-License-Identifier: Apache-2.0 */
/* What a PC-like board offers to firmware through fw_cfg. */
#ifndef VCR_FW_CFG_ITEMS_H
#define VCR_FW_CFG_ITEMS_H

#include "emulator/board/acpi_tables.h"
#include "emulator/device/fw_cfg.h"
#include "emulator/loader/loader.h"
#include "emulator/machine.h"

#define FW_CFG_BOARD_ITEMS 40
#define E820_ENTRY         20 /* u64 base, u64 size, u32 kind, without padding */

struct fw_cfg_board {
	struct fw_cfg_items items; /* for device.data */
	struct fw_cfg_item item[FW_CFG_BOARD_ITEMS];
	uint8_t number[FW_CFG_BOARD_ITEMS][8];
	uint8_t e820[2 * E820_ENTRY];
	uint8_t setup[BZIMAGE_SETUP_MAX]; /* the kernel's real-mode part, filled in */
};

/* Images, map and tables must live as long as the machine. */
void fw_cfg_board_build(struct fw_cfg_board *b, const struct machine_config *config,
			const struct memory_map *map, const struct acpi_tables *acpi);

#endif
