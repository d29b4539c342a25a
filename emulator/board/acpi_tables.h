/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ACPI tables of a board, built once and placed in two ways: by vcr itself for a kernel that
 * is loaded without firmware, or by firmware that takes them from fw_cfg. Until they are placed,
 * addresses in them count from the start of the tables, and checksums are zero.
 */
#ifndef VCR_ACPI_TABLES_H
#define VCR_ACPI_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ACPI_TABLES_SIZE  8192u
#define ACPI_RSDP_SIZE    36u
#define ACPI_SCRIPT_SIZE  4096u
#define ACPI_TABLES_ALIGN 64u /* of the place; the FACS comes first and wants it */
#define ACPI_POINTERS     16u
#define ACPI_CHECKSUMS    8u

/* What the tables shall describe besides what every board of this kind has. */
struct acpi_devices {
	bool i8042, fw_cfg;
	uint8_t pirq[4];              /* interrupts of PCI: those of PIRQA# to PIRQD# */
	uint32_t pci_first, pci_last; /* memory for its base address registers */
};

struct acpi_tables {
	uint8_t bytes[ACPI_TABLES_SIZE];
	size_t size;
	uint8_t rsdp[ACPI_RSDP_SIZE];
	/* The same placement as instructions for firmware: QEMU's etc/table-loader. */
	uint8_t script[ACPI_SCRIPT_SIZE];
	size_t script_size;
	/* Where in bytes[] there are addresses to be moved, and how wide they are. */
	struct {
		uint32_t offset;
		uint8_t size;
	} pointer[ACPI_POINTERS];
	unsigned pointers;
	/* Tables: each has its checksum in its tenth byte. */
	struct {
		uint32_t offset, length;
	} checksum[ACPI_CHECKSUMS];
	unsigned checksums;
};

void acpi_tables_build(struct acpi_tables *t, const struct acpi_devices *devices);

/* Fills in addresses and checksums for tables at guest-physical `base`. */
void acpi_tables_place(struct acpi_tables *t, uint32_t base);

#endif
