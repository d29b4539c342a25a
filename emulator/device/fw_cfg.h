/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Firmware configuration device: where it is, its keys, and how a board hands the items in.
 * The keys are those of QEMU's fw_cfg (docs/specs/fw_cfg in its manual), numbers included.
 */
#ifndef VCR_FW_CFG_H
#define VCR_FW_CFG_H

#include <stddef.h>
#include <stdint.h>

#define FW_CFG_PORT     0x510u
#define FW_CFG_DMA_PORT 0x514u

enum fw_cfg_key {
	FW_CFG_SIGNATURE = 0x00,
	FW_CFG_ID = 0x01,
	FW_CFG_UUID = 0x02,
	FW_CFG_RAM_SIZE = 0x03,
	FW_CFG_NOGRAPHIC = 0x04,
	FW_CFG_NB_CPUS = 0x05,
	FW_CFG_KERNEL_ADDR = 0x07,
	FW_CFG_KERNEL_SIZE = 0x08,
	FW_CFG_KERNEL_CMDLINE = 0x09,
	FW_CFG_INITRD_ADDR = 0x0a,
	FW_CFG_INITRD_SIZE = 0x0b,
	FW_CFG_BOOT_DEVICE = 0x0c,
	FW_CFG_BOOT_MENU = 0x0e,
	FW_CFG_MAX_CPUS = 0x0f,
	FW_CFG_KERNEL_ENTRY = 0x10,
	FW_CFG_KERNEL_DATA = 0x11,
	FW_CFG_INITRD_DATA = 0x12,
	FW_CFG_CMDLINE_ADDR = 0x13,
	FW_CFG_CMDLINE_SIZE = 0x14,
	FW_CFG_CMDLINE_DATA = 0x15,
	FW_CFG_SETUP_ADDR = 0x16,
	FW_CFG_SETUP_SIZE = 0x17,
	FW_CFG_SETUP_DATA = 0x18,
	FW_CFG_FILE_DIR = 0x19,
	FW_CFG_FILE_FIRST = 0x20,
	FW_CFG_IRQ0_OVERRIDE = 0x8002,
};

#define FW_CFG_NAME 56 /* bytes of a file name in the directory, its NUL included */

/* Constant bytes. A file has a name and gets its key from its place among the files. */
struct fw_cfg_item {
	const char *name; /* NULL: an item with the key below */
	uint16_t key;
	const void *data;
	size_t size; /* below 4 GiB */
};

/* What device.data points to. */
struct fw_cfg_items {
	const struct fw_cfg_item *item;
	unsigned count;
};

#endif
