/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ACPI tables. Offsets and meanings are those of ACPI 6.3 chapter 5; the machine language is
 * given to ACPICA's iasl where that is installed (Debian acpica-tools).
 */
#include "emulator/board/acpi_tables.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "emulator/device/acpi_pm.h"
#include "emulator/device/piix3.h"

#define BASE 0xf0040u

static struct acpi_tables tables;
static const struct acpi_devices all = {
    .i8042 = true,
    .fw_cfg = true,
    .pirq = {10, 10, 11, 5},
    .pci_first = 0xc0000000,
    .pci_last = 0xfebfffff,
};

static int setup(void **state)
{
	acpi_tables_build(&tables, &all);
	acpi_tables_place(&tables, BASE);
	return 0;
}

static uint64_t get(const uint8_t *p, unsigned size)
{
	uint64_t value = 0;

	while (size--)
		value = value << 8 | p[size];
	return value;
}

static uint8_t sum(const uint8_t *p, size_t size)
{
	uint8_t total = 0;

	while (size--)
		total += *p++;
	return total;
}

/* The table at a guest-physical address, whole and with its checksum. */
static const uint8_t *table_at(uint64_t gpa, const char *signature)
{
	const uint8_t *p = tables.bytes + (gpa - BASE);

	assert_true(gpa >= BASE && gpa - BASE + 36 <= tables.size);
	assert_memory_equal(p, signature, 4);
	assert_true(gpa - BASE + get(p + 4, 4) <= tables.size);
	assert_int_equal(sum(p, get(p + 4, 4)), 0);
	return p;
}

/* RSDP 5.2.5.3, RSDT 5.2.7, XSDT 5.2.8: both lead to the same tables. */
static void test_roots(void **state)
{
	const uint8_t *rsdt, *xsdt;

	assert_memory_equal(tables.rsdp, "RSD PTR ", 8);
	assert_int_equal(sum(tables.rsdp, 20), 0);
	assert_int_equal(sum(tables.rsdp, 36), 0);
	assert_int_equal(tables.rsdp[15], 2);
	rsdt = table_at(get(tables.rsdp + 16, 4), "RSDT");
	xsdt = table_at(get(tables.rsdp + 24, 8), "XSDT");
	assert_int_equal(get(rsdt + 4, 4), 36 + 2 * 4);
	assert_int_equal(get(xsdt + 4, 4), 36 + 2 * 8);
	for (unsigned i = 0; i < 2; i++)
		assert_true(get(rsdt + 36 + 4 * i, 4) == get(xsdt + 36 + 8 * i, 8));
}

static const uint8_t *fadt(void)
{
	return table_at(get(table_at(get(tables.rsdp + 24, 8), "XSDT") + 36, 8), "FACP");
}

/* FADT 5.2.9. */
static void test_fadt(void **state)
{
	const uint8_t *p = fadt(), *facs;

	assert_int_equal(get(p + 4, 4), 268);
	assert_int_equal(p[8], 5);
	table_at(get(p + 40, 4), "DSDT");
	assert_true(get(p + 40, 4) == get(p + 140, 8));
	facs = tables.bytes + (get(p + 36, 4) - BASE);
	assert_memory_equal(facs, "FACS", 4);
	assert_int_equal(get(p + 36, 4) % 64, 0);
	assert_int_equal(get(facs + 4, 4), 64);
	assert_int_equal(get(p + 46, 2), 9);
	assert_int_equal(get(p + 48, 4), 0xb2);
	assert_int_equal(p[52], ACPI_PM_ENABLE);
	assert_int_equal(get(p + 56, 4), 0x600);
	assert_int_equal(get(p + 64, 4), 0x604);
	assert_int_equal(get(p + 76, 4), 0x608);
	assert_int_equal(get(p + 109, 2), 7);
	assert_true(get(p + 112, 4) & 1 << 10); /* RESET_REG_SUP */
	assert_false(get(p + 112, 4) & 1 << 8); /* the timer has 24 bits */
	assert_memory_equal(p + 116, "\1\x08\0\1\xf9\x0c\0\0\0\0\0\0", 12);
	assert_int_equal(p[128], PIIX3_RESET);
	assert_true(get(p + 152, 8) == 0x600);
	assert_true(get(p + 176, 8) == 0x604);
	assert_true(get(p + 212, 8) == 0x608);
}

/* MADT 5.2.12: entries fill the table exactly. */
static void test_madt(void **state)
{
	const uint8_t *p =
	    table_at(get(table_at(get(tables.rsdp + 24, 8), "XSDT") + 44, 8), "APIC");
	const uint8_t *end = p + get(p + 4, 4);
	unsigned count[5] = {0};

	assert_int_equal(get(p + 36, 4), 0xfee00000);
	assert_int_equal(get(p + 40, 4), 1);
	for (p += 44; p < end; p += p[1]) {
		assert_true(p[0] < 5 && p[1] >= 6 && p + p[1] <= end);
		count[p[0]]++;
		if (p[0] == 0)
			assert_int_equal(get(p + 4, 4), 1); /* enabled */
		if (p[0] == 1)
			assert_int_equal(get(p + 4, 4), 0xfec00000);
		if (p[0] == 2 && p[3] == 0)
			assert_int_equal(get(p + 4, 4), 2);
		/* SCI and the interrupts of PCI: active high, level-triggered. */
		if (p[0] == 2 && p[3] != 0)
			assert_int_equal(get(p + 8, 2), 0x0d);
	}
	assert_ptr_equal(p, end);
	assert_int_equal(count[0], 1);
	assert_int_equal(count[1], 1);
	assert_int_equal(count[2], 5); /* 0, 5, 9, 10, 11 */
	assert_int_equal(count[4], 1);
}

/* ---- what firmware does with etc/table-loader ---- */

static uint8_t *script_file(struct acpi_tables *t, const uint8_t *name)
{
	if (!strcmp((const char *)name, "etc/acpi/tables"))
		return t->bytes;
	assert_string_equal((const char *)name, "etc/acpi/rsdp");
	return t->rsdp;
}

static void script_run(struct acpi_tables *t, const uint8_t *command)
{
	const uint8_t *a = command + 4;
	uint8_t *file = script_file(t, a);

	switch (get(command, 4)) {
	case 1:
		assert_int_equal(BASE % get(a + 56, 4), 0);
		break;
	case 2: {
		uint8_t *p = file + get(a + 112, 4);
		uint64_t value = get(p, a[116]) + BASE;

		assert_ptr_equal(script_file(t, a + 56), t->bytes);
		for (unsigned i = 0; i < a[116]; i++)
			p[i] = (uint8_t)(value >> 8 * i);
		break;
	}
	case 3: {
		uint8_t *at = file + get(a + 56, 4);

		*at = (uint8_t)(*at - sum(file + get(a + 60, 4), get(a + 64, 4)));
		break;
	}
	default:
		fail_msg("unknown command");
	}
}

/* The script leads to the very tables that the board places itself. */
static void test_script(void **state)
{
	struct acpi_tables t;

	acpi_tables_build(&t, &all);
	assert_int_equal(t.script_size % 128, 0);
	for (size_t at = 0; at < t.script_size; at += 128)
		script_run(&t, t.script + at);
	assert_memory_equal(t.bytes, tables.bytes, t.size);
	assert_memory_equal(t.rsdp, tables.rsdp, ACPI_RSDP_SIZE);
}

/* ---- the machine language ---- */

static bool contains(const uint8_t *p, size_t size, const char *what, size_t length)
{
	for (size_t i = 0; i + length <= size; i++) {
		if (!memcmp(p + i, what, length))
			return true;
	}
	return false;
}

/* 7.4.2 \_S5 as bytes, and what is left out is not there. */
static void test_dsdt(void **state)
{
	static const struct acpi_devices none;
	const uint8_t *p = table_at(get(fadt() + 40, 4), "DSDT");

	assert_memory_equal(p + 36, "\x08_S5_\x12\x06\x04\0\0\0\0", 12);
	assert_true(contains(p, get(p + 4, 4), "KBD_", 4));
	assert_true(contains(p, get(p + 4, 4), "FWCF", 4));
	acpi_tables_build(&tables, &none);
	acpi_tables_place(&tables, BASE);
	p = table_at(get(fadt() + 40, 4), "DSDT");
	assert_false(contains(p, get(p + 4, 4), "KBD_", 4));
	assert_false(contains(p, get(p + 4, 4), "FWCF", 4));
	assert_int_equal(get(fadt() + 109, 2) & 2, 0);
}

/*
 * 6.2.13 _PRT: device 2's INTA# is on the second line and its INTD# on the first, so that slots
 * are rotated. 6.4.3.5 descriptors: the memory window and its length.
 */
static void test_pci(void **state)
{
	const uint8_t *p = table_at(get(fadt() + 40, 4), "DSDT");
	size_t size = get(p + 4, 4);

	assert_true(contains(p, size, "\x12\x0b\4\x0c\xff\xff\1\0\0\0\x0a\x0a", 12));
	assert_true(contains(p, size, "\x12\x0b\4\x0c\xff\xff\2\0\0\0\x0a\x0a", 12));
	assert_true(contains(p, size, "\x12\x0c\4\x0c\xff\xff\2\0\x0a\3\0\x0a\x0a", 13));
	assert_true(contains(p, size, "\x12\x0b\4\x0c\xff\xff\2\0\1\0\x0a\x0b", 12));
	assert_true(contains(p, size,
			     "\x87\x17\0\0\x0c\1\0\0\0\0\0\0\0\xc0\xff\xff\xbf\xfe"
			     "\0\0\0\0\0\0\xc0\x3e",
			     26));
}

/* Disassembled and compiled again by iasl without a remark, the DSDT is the same. */
static void test_iasl(void **state)
{
	const uint8_t *p = table_at(get(fadt() + 40, 4), "DSDT");
	size_t size = get(p + 4, 4);
	char directory[] = "/tmp/vcr-acpi-XXXXXX", command[512];
	uint8_t again[ACPI_TABLES_SIZE];
	FILE *file;
	int status;

	if (system("command -v iasl >/dev/null 2>&1")) {
		print_message("SKIP: iasl is not installed (Debian acpica-tools)\n");
		skip();
	}
	assert_non_null(mkdtemp(directory));
	snprintf(command, sizeof(command), "%s/dsdt.aml", directory);
	file = fopen(command, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(p, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
	snprintf(command, sizeof(command),
		 "cd %s && iasl -d dsdt.aml >log 2>&1 && iasl -we -p again dsdt.dsl >>log 2>&1 && "
		 "grep -q '0 Errors, 0 Warnings, 0 Remarks' log || { cat log; exit 1; }",
		 directory);
	status = system(command);
	snprintf(command, sizeof(command), "%s/again.aml", directory);
	file = fopen(command, "rb");
	if (file) {
		memset(again, 0, sizeof(again));
		assert_int_equal(fread(again, 1, sizeof(again), file), size);
		fclose(file);
		assert_memory_equal(again + 36, p + 36, size - 36);
	}
	snprintf(command, sizeof(command), "rm -r %s", directory);
	assert_int_equal(system(command), 0);
	assert_int_equal(status, 0);
	assert_non_null(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_roots, setup), cmocka_unit_test_setup(test_fadt, setup),
	    cmocka_unit_test_setup(test_madt, setup),  cmocka_unit_test_setup(test_script, setup),
	    cmocka_unit_test_setup(test_dsdt, setup),  cmocka_unit_test_setup(test_pci, setup),
	    cmocka_unit_test_setup(test_iasl, setup),
	};

	return cmocka_run_group_tests_name("board/acpi_tables", tests, NULL, NULL);
}
