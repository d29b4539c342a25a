/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ACPI tables of board pc (ACPI 6.3 chapter 5): what an operating system has to know and
 * cannot find out. In the order in which they lie:
 *
 *	FACS	global lock and waking vector, unused
 *	DSDT	\_S5 (soft-off), the processor, PCI with the ISA devices behind its bridge
 *	FADT	revision 5: fixed hardware of acpi_pm.c, reset register
 *	MADT	the processor's APIC, the I/O APIC, IRQ 0 on input 2, which are levels
 *	RSDT, XSDT	where FADT and MADT are
 *
 * and the RSDP, which is placed on its own. Offsets in comments are those of the tables.
 */
#include "emulator/board/acpi_tables.h"

#include <assert.h>
#include <string.h>

#include "emulator/board/aml.h"
#include "emulator/device/acpi_pm.h"
#include "emulator/device/fw_cfg.h"
#include "emulator/device/ioapic.h"
#include "emulator/device/lapic.h"
#include "emulator/device/piix3.h"

#define HEADER_SIZE   36u
#define FACS_SIZE     64u
#define FADT_SIZE     268u
#define FADT_FLAGS    0x465u /* WBINVD, PROC_C1, no sleep button, no RTC wake-up, reset register */
#define BOOT_ARCH     0x0001u
#define BOOT_8042     0x0002u
#define BOOT_NO_VGA   0x0004u
#define SPACE_IO      1
#define PCI_SLOTS     32u
#define MADT_PCAT     1       /* there is an 8259 pair too */
#define MADT_OVERRIDE 10u     /* size of an interrupt source override */
#define LEVEL_HIGH    0x000du /* MPS INTI flags: active high, level-triggered */
#define FILE_TABLES   "etc/acpi/tables"
#define FILE_RSDP     "etc/acpi/rsdp"

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = v;
	p[1] = v >> 8;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v);
	put16(p + 2, v >> 16);
}

static void put64(uint8_t *p, uint64_t v)
{
	put32(p, v);
	put32(p + 4, v >> 32);
}

static uint64_t get(const uint8_t *p, unsigned size)
{
	uint64_t value = 0;

	while (size--)
		value = value << 8 | p[size];
	return value;
}

/* Makes the bytes sum up to zero by changing the one at `at`. */
static void checksum(uint8_t *at, const uint8_t *start, size_t length)
{
	uint8_t sum = 0;

	*at = 0;
	while (length--)
		sum += *start++;
	*at = -sum;
}

/* ---- tables ---- */

/* Room for a table of `size` bytes. How much the tables need depends on nothing from outside. */
static uint8_t *table_begin(struct acpi_tables *t, size_t size)
{
	uint8_t *table = t->bytes + t->size;

	assert(size <= sizeof(t->bytes) - t->size);
	memset(table, 0, size);
	return table;
}

/* System description table header (5.2.6); returns the table's offset. */
static uint32_t table_end(struct acpi_tables *t, const char *signature, uint8_t revision,
			  size_t size)
{
	uint8_t *table = t->bytes + t->size;
	uint32_t offset = t->size;

	memcpy(table, signature, 4);
	put32(table + 4, size);
	table[8] = revision;
	memcpy(table + 10, "VCR   ", 6);
	memcpy(table + 16, "VCRPC   ", 8);
	put32(table + 24, 1);
	memcpy(table + 28, "VCR ", 4);
	put32(table + 32, 1);
	t->checksum[t->checksums].offset = offset;
	t->checksum[t->checksums].length = size;
	t->checksums++;
	t->size += (size + 7) & ~(size_t)7;
	return offset;
}

/* The table at `offset` is pointed at from `field` within the tables. */
static void pointer(struct acpi_tables *t, const uint8_t *field, uint8_t size, uint32_t offset)
{
	uint32_t at = field - t->bytes;

	put32(t->bytes + at, offset);
	t->pointer[t->pointers].offset = at;
	t->pointer[t->pointers].size = size;
	t->pointers++;
}

static uint32_t build_facs(struct acpi_tables *t)
{
	uint8_t *p = table_begin(t, FACS_SIZE);
	uint32_t offset = t->size;

	memcpy(p, "FACS", 4);
	put32(p + 4, FACS_SIZE);
	p[32] = 2; /* version */
	t->size += FACS_SIZE;
	return offset;
}

/* ---- DSDT ---- */

static void isa_device(struct aml *a, const char *name, const char *hid, uint8_t uid,
		       struct aml_resources *resources)
{
	size_t device = aml_open_device(a, name);

	aml_name(a, "_HID");
	aml_eisa_id(a, hid);
	aml_name(a, "_UID");
	aml_integer(a, uid);
	aml_name(a, "_CRS");
	aml_resource_template(a, resources);
	aml_close(a, device);
}

static void serial_port(struct aml *a, const char *name, uint8_t uid, uint16_t base, unsigned irq)
{
	struct aml_resources r = {.size = 0};

	aml_io(&r, base, 8);
	aml_irq(&r, irq);
	isa_device(a, name, "PNP0501", uid, &r);
}

static void dsdt_isa_devices(struct aml *a, const struct acpi_devices *devices)
{
	struct aml_resources pic = {.size = 0}, timer = {.size = 0}, rtc = {.size = 0};
	struct aml_resources keyboard = {.size = 0}, mouse = {.size = 0}, fixed = {.size = 0};

	aml_io(&pic, 0x20, 2);
	aml_io(&pic, 0xa0, 2);
	aml_io(&pic, 0x4d0, 2);
	aml_irq(&pic, 2);
	isa_device(a, "PIC_", "PNP0000", 0, &pic);

	aml_io(&timer, 0x40, 4);
	aml_irq(&timer, 0);
	isa_device(a, "TMR_", "PNP0100", 0, &timer);

	aml_io(&rtc, 0x70, 2);
	aml_irq(&rtc, 8);
	isa_device(a, "RTC_", "PNP0B00", 0, &rtc);

	serial_port(a, "COM1", 1, 0x3f8, 4);
	serial_port(a, "COM2", 2, 0x2f8, 3);

	if (devices->i8042) {
		aml_io(&keyboard, 0x60, 1);
		aml_io(&keyboard, 0x64, 1);
		aml_irq(&keyboard, 1);
		isa_device(a, "KBD_", "PNP0303", 0, &keyboard);
		aml_irq(&mouse, 12);
		isa_device(a, "MOU_", "PNP0F13", 0, &mouse);
	}

	/* Ports that belong to the board and that nobody else may be given. */
	aml_io(&fixed, ACPI_PM_BASE, ACPI_PM_SIZE);
	aml_io(&fixed, ACPI_PM_SMI_PORT, 2);
	isa_device(a, "SYSR", "PNP0C02", 0, &fixed);
}

static void dsdt_fw_cfg(struct aml *a)
{
	struct aml_resources r = {.size = 0};
	size_t device = aml_open_device(a, "FWCF");

	aml_name(a, "_HID");
	aml_string(a, "QEMU0002");
	aml_name(a, "_STA");
	aml_integer(a, 0x0b); /* present, decoding, working, not shown in a user interface */
	aml_name(a, "_CRS");
	aml_io(&r, FW_CFG_PORT, 12);
	aml_resource_template(a, &r);
	aml_close(a, device);
}

/*
 * _PRT (6.2.13): device and pin to a fixed interrupt. Slots are rotated against each other, as
 * pci.c has it.
 */
static void dsdt_pci_routes(struct aml *a, const uint8_t pirq[4])
{
	size_t table, entry;

	aml_name(a, "_PRT");
	table = aml_open_package(a, (PCI_SLOTS - 1) * 4);
	for (unsigned slot = 1; slot < PCI_SLOTS; slot++) {
		for (unsigned pin = 0; pin < 4; pin++) {
			entry = aml_open_package(a, 4);
			aml_integer(a, slot << 16 | 0xffff); /* every function of it */
			aml_integer(a, pin);
			aml_integer(a, 0);
			aml_integer(a, pirq[(slot + pin + 3) % 4]);
			aml_close(a, entry);
		}
	}
	aml_close(a, table);
}

static void dsdt_pci(struct aml *a, const struct acpi_devices *devices)
{
	struct aml_resources r = {.size = 0};
	size_t host = aml_open_device(a, "PCI0"), bridge;

	aml_name(a, "_HID");
	aml_eisa_id(a, "PNP0A03");
	aml_name(a, "_UID");
	aml_integer(a, 0);
	aml_bus_numbers(&r, 0, 0xff);
	aml_io(&r, 0xcf8, 8);
	aml_io_window(&r, 0, 0xcf7);
	aml_io_window(&r, 0xd00, 0xffff);
	aml_memory_window(&r, devices->pci_first, devices->pci_last);
	aml_name(a, "_CRS");
	aml_resource_template(a, &r);
	dsdt_pci_routes(a, devices->pirq);

	bridge = aml_open_device(a, "ISA_");
	aml_name(a, "_ADR");
	aml_integer(a, 1 << 16); /* device 1, function 0 */
	dsdt_isa_devices(a, devices);
	aml_close(a, bridge);
	aml_close(a, host);
}

static uint32_t build_dsdt(struct acpi_tables *t, const struct acpi_devices *devices)
{
	struct aml a = {.bytes = t->bytes + t->size, .room = sizeof(t->bytes) - t->size};
	static const uint8_t header[HEADER_SIZE];
	size_t package, scope, processor;

	aml_bytes(&a, header, sizeof(header));
	/* 7.4.2: SLP_TYP for PM1a and PM1b, two reserved values. */
	aml_name(&a, "_S5_");
	package = aml_open_package(&a, 4);
	aml_integer(&a, ACPI_PM_S5_TYPE);
	for (unsigned i = 1; i < 4; i++)
		aml_integer(&a, 0);
	aml_close(&a, package);

	scope = aml_open_scope(&a, "_SB_");
	processor = aml_open_device(&a, "CPU0");
	aml_name(&a, "_HID");
	aml_string(&a, "ACPI0007");
	aml_name(&a, "_UID");
	aml_integer(&a, 0);
	aml_close(&a, processor);
	if (devices->fw_cfg)
		dsdt_fw_cfg(&a);
	dsdt_pci(&a, devices);
	aml_close(&a, scope);
	assert(!a.overflow);
	return table_end(t, "DSDT", 2, a.size);
}

/* ---- FADT (5.2.9) ---- */

/* Generic address structure (5.2.3.2) of an I/O register. */
static void put_register(uint8_t *p, uint16_t port, uint8_t bits, uint8_t access)
{
	p[0] = SPACE_IO;
	p[1] = bits;
	p[2] = 0;
	p[3] = access;
	put64(p + 4, port);
}

static uint32_t build_fadt(struct acpi_tables *t, const struct acpi_devices *devices, uint32_t facs,
			   uint32_t dsdt)
{
	uint8_t *p = table_begin(t, FADT_SIZE);

	pointer(t, p + 36, 4, facs);
	pointer(t, p + 40, 4, dsdt);
	p[45] = 0;        /* preferred power profile: unspecified */
	put16(p + 46, 9); /* SCI_INT */
	put32(p + 48, ACPI_PM_SMI_PORT);
	p[52] = ACPI_PM_ENABLE;
	p[53] = ACPI_PM_DISABLE;
	put32(p + 56, ACPI_PM_BASE);
	put32(p + 64, ACPI_PM_CONTROL);
	put32(p + 76, ACPI_PM_TIMER);
	p[88] = 4; /* PM1_EVT_LEN, PM1_CNT_LEN, PM_TMR_LEN */
	p[89] = 2;
	p[91] = 4;
	put16(p + 96, 0xffff); /* latencies of C2 and C3: not supported */
	put16(p + 98, 0xffff);
	p[108] = 0x32; /* CMOS index of the century */
	put16(p + 109, BOOT_ARCH | BOOT_NO_VGA | (devices->i8042 ? BOOT_8042 : 0));
	put32(p + 112, FADT_FLAGS);
	put_register(p + 116, PIIX3_RESET_PORT, 8, 1);
	p[128] = PIIX3_RESET;
	p[131] = 1; /* minor version: 5.1 */
	pointer(t, p + 140, 8, dsdt);
	put_register(p + 148, ACPI_PM_BASE, 32, 2);
	put_register(p + 172, ACPI_PM_CONTROL, 16, 2);
	put_register(p + 208, ACPI_PM_TIMER, 32, 3);
	return table_end(t, "FACP", 5, FADT_SIZE);
}

/* ---- MADT (5.2.12) ---- */

static uint32_t build_madt(struct acpi_tables *t, const struct acpi_devices *devices)
{
	const uint8_t entries[] = {
	    0, 8,  0,    0, 1, 0, 0,    0,                         /* processor 0 has APIC 0 */
	    1, 12, 0,    0, 0, 0, 0xc0, 0xfe, 0,          0, 0, 0, /* I/O APIC 0 from interrupt 0 */
	    2, 10, 0,    0, 2, 0, 0,    0,    0,          0,       /* IRQ 0 is input 2 */
	    2, 10, 0,    9, 9, 0, 0,    0,    LEVEL_HIGH, 0,       /* IRQ 9 is SCI */
	    4, 6,  0xff, 0, 0, 1,                                  /* NMI on LINT1 of all */
	};
	unsigned levels = 0, overrides = 0;
	_Static_assert(IOAPIC_BASE == 0xfec00000, "the I/O APIC's entry has its address");
	uint8_t *p = table_begin(t, HEADER_SIZE + 8 + sizeof(entries) + 4 * MADT_OVERRIDE);

	put32(p + 36, LAPIC_BASE);
	put32(p + 40, MADT_PCAT);
	memcpy(p + 44, entries, sizeof(entries));
	/* The interrupts of PCI, each once. */
	for (unsigned i = 0; i < 4; i++)
		levels |= 1u << devices->pirq[i];
	for (uint8_t irq = 0; irq < 16; irq++) {
		const uint8_t entry[MADT_OVERRIDE] = {2, 10, 0, irq, irq, 0, 0, 0, LEVEL_HIGH, 0};

		if (levels >> irq & 1)
			memcpy(p + 44 + sizeof(entries) + MADT_OVERRIDE * overrides++, entry,
			       sizeof(entry));
	}
	return table_end(t, "APIC", 3,
			 HEADER_SIZE + 8 + sizeof(entries) + MADT_OVERRIDE * overrides);
}

static uint32_t build_root(struct acpi_tables *t, const char *signature, uint8_t width,
			   const uint32_t *table, unsigned count)
{
	uint8_t *p = table_begin(t, HEADER_SIZE + width * count);

	for (unsigned i = 0; i < count; i++)
		pointer(t, p + HEADER_SIZE + width * i, width, table[i]);
	return table_end(t, signature, 1, HEADER_SIZE + width * count);
}

/* ---- the script for firmware ---- */

/*
 * Commands of 128 bytes: a number, then its arguments. File names have 56 bytes.
 *	1 allocate	file, u32 alignment, u8 zone (1: anywhere, 2: F0000h..FFFFFh)
 *	2 add pointer	file to change, file pointed at, u32 offset, u8 size
 *	3 add checksum	file, u32 offset of the result, u32 start, u32 length
 */
static uint8_t *script_command(struct acpi_tables *t, uint32_t command, const char *file)
{
	uint8_t *p = t->script + t->script_size;

	memset(p, 0, 128);
	put32(p, command);
	memcpy(p + 4, file, strlen(file));
	t->script_size += 128;
	return p + 4 + FW_CFG_NAME;
}

static void script_allocate(struct acpi_tables *t, const char *file, uint32_t align, uint8_t zone)
{
	uint8_t *p = script_command(t, 1, file);

	put32(p, align);
	p[4] = zone;
}

static void script_pointer(struct acpi_tables *t, const char *file, uint32_t offset, uint8_t size)
{
	uint8_t *p = script_command(t, 2, file);

	memcpy(p, FILE_TABLES, sizeof(FILE_TABLES));
	put32(p + FW_CFG_NAME, offset);
	p[FW_CFG_NAME + 4] = size;
}

static void script_checksum(struct acpi_tables *t, const char *file, uint32_t at, uint32_t start,
			    uint32_t length)
{
	uint8_t *p = script_command(t, 3, file);

	put32(p, at);
	put32(p + 4, start);
	put32(p + 8, length);
}

static void build_script(struct acpi_tables *t)
{
	_Static_assert((2 + ACPI_POINTERS + 2 + ACPI_CHECKSUMS + 2) * 128 <= ACPI_SCRIPT_SIZE,
		       "the script fits");
	script_allocate(t, FILE_TABLES, ACPI_TABLES_ALIGN, 1);
	script_allocate(t, FILE_RSDP, 16, 2);
	for (unsigned i = 0; i < t->pointers; i++)
		script_pointer(t, FILE_TABLES, t->pointer[i].offset, t->pointer[i].size);
	for (unsigned i = 0; i < t->checksums; i++)
		script_checksum(t, FILE_TABLES, t->checksum[i].offset + 9, t->checksum[i].offset,
				t->checksum[i].length);
	script_pointer(t, FILE_RSDP, 16, 4);
	script_pointer(t, FILE_RSDP, 24, 8);
	script_checksum(t, FILE_RSDP, 8, 0, 20);
	script_checksum(t, FILE_RSDP, 32, 0, ACPI_RSDP_SIZE);
}

/* ---- */

void acpi_tables_build(struct acpi_tables *t, const struct acpi_devices *devices)
{
	uint32_t facs, dsdt, table[2], rsdt, xsdt;

	memset(t, 0, sizeof(*t));
	facs = build_facs(t);
	dsdt = build_dsdt(t, devices);
	table[0] = build_fadt(t, devices, facs, dsdt);
	table[1] = build_madt(t, devices);
	rsdt = build_root(t, "RSDT", 4, table, 2);
	xsdt = build_root(t, "XSDT", 8, table, 2);

	/* RSDP (5.2.5.3), revision 2. */
	memcpy(t->rsdp, "RSD PTR ", 8);
	memcpy(t->rsdp + 9, "VCR   ", 6);
	t->rsdp[15] = 2;
	put32(t->rsdp + 16, rsdt);
	put32(t->rsdp + 20, ACPI_RSDP_SIZE);
	put64(t->rsdp + 24, xsdt);
	build_script(t);
}

void acpi_tables_place(struct acpi_tables *t, uint32_t base)
{
	for (unsigned i = 0; i < t->pointers; i++) {
		uint8_t *p = t->bytes + t->pointer[i].offset;

		put32(p, get(p, 4) + base);
	}
	for (unsigned i = 0; i < t->checksums; i++) {
		uint8_t *table = t->bytes + t->checksum[i].offset;

		checksum(table + 9, table, t->checksum[i].length);
	}
	put32(t->rsdp + 16, get(t->rsdp + 16, 4) + base);
	put64(t->rsdp + 24, get(t->rsdp + 24, 8) + base);
	checksum(t->rsdp + 8, t->rsdp, 20);
	checksum(t->rsdp + 32, t->rsdp, ACPI_RSDP_SIZE);
}
