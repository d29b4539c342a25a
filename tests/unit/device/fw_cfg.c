/* SPDX-License-Identifier: Apache-2.0 */
/* Firmware configuration device, after QEMU's "QEMU Firmware Configuration (fw_cfg) Device". */
#include "emulator/device/fw_cfg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/device/device_fixture.h"

extern const struct device_class fw_cfg_class;

static const uint8_t ram_size[8] = {0, 0, 0, 8};
static const uint8_t big[5000] = {[0] = 1, [4998] = 2, [4999] = 3};
static const struct fw_cfg_item item[] = {
    {.key = FW_CFG_RAM_SIZE, .data = ram_size, .size = 8},
    {.name = "etc/e820", .data = "map", .size = 3},
    {.key = 0x8002, .data = "\1\0\0\0", .size = 4},
    {.name = "etc/big", .data = big, .size = sizeof(big)},
};
static const struct fw_cfg_items items = {.item = item, .count = 4};

static int setup(void **state)
{
	struct device *d;

	fixture_open();
	d = fixture_device(&fw_cfg_class);
	d->data = &items;
	fixture_realize(d);
	return 0;
}

static void select_key(uint16_t key)
{
	fixture_port_write(0x510, 2, key);
}

static void expect(const void *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		assert_int_equal(in8(0x511), ((const uint8_t *)bytes)[i]);
}

static void test_ports(void **state)
{
	select_key(FW_CFG_SIGNATURE);
	expect("QEMU\0\0", 6); /* zeros after the end */
	select_key(FW_CFG_ID);
	expect("\3\0\0\0", 4); /* ports and DMA */
	select_key(FW_CFG_RAM_SIZE);
	expect(ram_size, 8);
	select_key(0x8002);
	expect("\1\0\0\0", 4);
	select_key(0x1234);
	expect("\0\0\0\0", 4);
	out8(0x511, 0xff); /* items cannot be written */
	select_key(FW_CFG_SIGNATURE);
	out8(0x511, 0xff);
	expect("QEMU", 4);
}

static void test_directory(void **state)
{
	uint8_t entry[64] = {0, 0, 0, 3, 0, 0x20, 0, 0};

	select_key(FW_CFG_FILE_DIR);
	expect("\0\0\0\2", 4);
	strcpy((char *)entry + 8, "etc/e820");
	expect(entry, 64);
	memset(entry, 0, sizeof(entry));
	entry[2] = sizeof(big) >> 8;
	entry[3] = sizeof(big) & 0xff;
	entry[5] = 0x21;
	strcpy((char *)entry + 8, "etc/big");
	expect(entry, 64);
	expect("\0\0", 2);
	select_key(0x20);
	expect("map\0", 4);
	select_key(0x21);
	expect("\1\0", 2);
	select_key(0x22);
	expect("\0", 1);
}

/* ---- DMA ---- */

enum { READ = 2, SKIP = 4, SELECT = 8, WRITE = 16 };

#define BLOCK 0x1000 /* the control structure */

static void be32(uint8_t *p, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* Runs an operation; returns the control field afterwards. */
static uint32_t dma(uint32_t control, uint32_t length, uint64_t address)
{
	uint8_t *p = fixture_ram() + BLOCK;

	be32(p, control);
	be32(p + 4, length);
	be32(p + 8, (uint32_t)(address >> 32));
	be32(p + 12, (uint32_t)address);
	fixture_port_write(0x514, 4, 0);
	fixture_port_write(0x518, 4, __builtin_bswap32(BLOCK));
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void test_dma_signature(void **state)
{
	assert_int_equal(fixture_port_read(0x514, 4), 0x554d4551);
	assert_int_equal(fixture_port_read(0x518, 4), 0x47464320);
	assert_int_equal(in8(0x514), 'Q');
}

static void test_dma_read(void **state)
{
	uint8_t *to = fixture_ram() + 0x2000;

	assert_int_equal(dma(0x21u << 16 | SELECT | READ, sizeof(big), 0x2000), 0);
	assert_memory_equal(to, big, sizeof(big));
	/* A selection through DMA holds for the next operation, which goes on behind it. */
	assert_int_equal(dma(0x20u << 16 | SELECT | SKIP, 1, 0), 0);
	assert_int_equal(dma(READ, 2, 0x2000), 0);
	assert_memory_equal(to, "ap", 2);
	/* The directory is one piece for the reader. */
	assert_int_equal(dma(0x19u << 16 | SELECT | READ, 132, 0x2000), 0);
	assert_memory_equal(to, "\0\0\0\2\0\0\0\3\0\x20\0\0etc/e820", 20);
	assert_memory_equal(to + 4 + 64 + 8, "etc/big", 8);
}

/* What the item has not is zeros, one page of them at most: lengths come from the guest. */
static void test_dma_bounds(void **state)
{
	uint8_t *to = fixture_ram() + 0x2000;

	memset(to, 0xee, 0x4000);
	assert_int_equal(dma(0x20u << 16 | SELECT | READ, 0xffffffff, 0x2000), 0);
	assert_memory_equal(to, "map\0\0", 5);
	assert_int_equal(to[3 + 4095], 0);
	assert_int_equal(to[3 + 4096], 0xee);
	assert_int_equal(dma(SKIP, 0xffffffff, 0), 0);
	assert_int_equal(in8(0x511), 0);
	/* To nowhere, across the end of memory and of the address space. */
	assert_int_equal(dma(0x21u << 16 | SELECT | READ, 5000, 1ull << 40), 0);
	assert_int_equal(dma(0x21u << 16 | SELECT | READ, 5000, FIXTURE_RAM_SIZE - 1), 0);
	assert_int_equal(fixture_ram()[FIXTURE_RAM_SIZE - 1], 1);
	assert_int_equal(dma(0x21u << 16 | SELECT | READ, 5000, UINT64_MAX - 1), 0);
}

static void test_dma_errors(void **state)
{
	assert_int_equal(dma(0x20u << 16 | SELECT | WRITE, 3, 0x2000), 1);
	select_key(0x20);
	expect("map", 3);
	assert_int_equal(dma(0, 100, 0x2000), 0); /* nothing to do */
	/* Narrow accesses to the address register start nothing. */
	fixture_ram()[BLOCK + 3] = 0x55;
	fixture_port_write(0x51a, 2, 0x0010);
	assert_int_equal(fixture_ram()[BLOCK + 3], 0x55);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_ports, setup),
	    cmocka_unit_test_setup(test_directory, setup),
	    cmocka_unit_test_setup(test_dma_signature, setup),
	    cmocka_unit_test_setup(test_dma_read, setup),
	    cmocka_unit_test_setup(test_dma_bounds, setup),
	    cmocka_unit_test_setup(test_dma_errors, setup),
	};

	return cmocka_run_group_tests_name("device/fw_cfg", tests, NULL, NULL);
}
