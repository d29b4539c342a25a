/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flash chip against its data sheet: 3 Volt Intel StrataFlash Memory 28F128J3A, 28F640J3A,
 * 28F320J3A, order number 290667; sections and tables are its. What departs from it is said in
 * cfi01.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "emulator/bus/bus.h"
#include "emulator/device/cfi01.h"
#include "tests/unit/device/device_fixture.h"

extern const struct device_class cfi01_class;

#define SIZE   (5 * CFI01_BLOCK)
#define BASE   (0x100000000ull - SIZE)
#define SECOND (BASE + CFI01_BLOCK) /* a block in the middle */

static struct device *flash;
static struct cfi01_config config;

static void open_with(bool read_only)
{
	fixture_open();
	config =
	    (struct cfi01_config){.base = BASE, .size = SIZE, .unit = 1, .read_only = read_only};
	for (unsigned i = 0; i < FIXTURE_ROM_SIZE; i++)
		fixture_rom()[i] = (uint8_t)(i * 7 + (i >> 8));
	flash = fixture_device(&cfi01_class);
	flash->data = &config;
	fixture_realize(flash);
}

static int setup(void **state)
{
	open_with(false);
	return 0;
}

static uint8_t get(uint64_t gpa)
{
	return (uint8_t)fixture_memory_read(gpa, 1);
}

static void put(uint64_t gpa, uint8_t value)
{
	fixture_memory_write(gpa, 1, value);
}

static uint8_t status(void)
{
	put(BASE, 0x70);
	return get(BASE);
}

static void erase(uint64_t gpa)
{
	put(gpa, 0x20);
	put(gpa, 0xd0);
}

static void program(uint64_t gpa, uint8_t value)
{
	put(gpa, 0x40);
	put(gpa, value);
}

/* Reset leaves read array (4.1) and status register 80h (table 16: only SR.7 is set). */
static void test_reset(void **state)
{
	assert_int_equal(fixture_view(), SLOT_READ);
	assert_int_equal(get(SECOND + 3), fixture_rom()[CFI01_BLOCK + 3]);
	assert_int_equal(fixture_memory_read(SECOND, 4),
			 fixture_rom()[CFI01_BLOCK] | fixture_rom()[CFI01_BLOCK + 1] << 8 |
			     fixture_rom()[CFI01_BLOCK + 2] << 16 |
			     (uint32_t)fixture_rom()[CFI01_BLOCK + 3] << 24);
	assert_int_equal(status(), 0x80);
	assert_int_equal(fixture_view(), SLOT_BEHIND);
	put(SECOND, 0x20); /* in the middle of a command */
	flash->class->reset(flash);
	assert_int_equal(fixture_view(), SLOT_READ);
	put(SECOND, 0xd0);
	assert_int_equal(get(SECOND), fixture_rom()[CFI01_BLOCK]);
	assert_int_not_equal(fixture_rom()[CFI01_BLOCK], 0xff);
}

/* 4.3: A0 is not looked at; manufacturer, device and each block's lock configuration. */
static void test_identifiers(void **state)
{
	put(BASE, 0x90);
	assert_int_equal(get(BASE), 0x89);
	assert_int_equal(get(BASE + 1), 0x89);
	assert_int_equal(get(BASE + 2), 0x16);
	assert_int_equal(get(BASE + 3), 0x16);
	assert_int_equal(get(SECOND + 4), 0);
	put(SECOND, 0x60);
	put(SECOND, 0x01);
	put(BASE, 0x90);
	assert_int_equal(get(BASE + 4), 0);
	assert_int_equal(get(SECOND + 4), 1);
	put(BASE, 0xff);
	assert_int_equal(get(BASE), fixture_rom()[0]);
	assert_int_equal(fixture_view(), SLOT_READ);
}

/* 4.2, by bytes: each entry of the query twice. */
static uint8_t query(unsigned offset)
{
	uint8_t value = get(BASE + (uint64_t)offset * 2);

	assert_int_equal(get(BASE + (uint64_t)offset * 2 + 1), value);
	return value;
}

static void test_query(void **state)
{
	put(BASE, 0x98);
	assert_int_equal(query(0x00), 0x89);
	assert_int_equal(query(0x10), 'Q');
	assert_int_equal(query(0x11), 'R');
	assert_int_equal(query(0x12), 'Y');
	assert_int_equal(query(0x13) | query(0x14) << 8, 0x0001); /* Intel/Sharp extended */
	assert_int_equal(query(0x15) | query(0x16) << 8, 0x0031); /* where its table is */
	assert_int_equal(query(0x1b), 0x27);                      /* 2.7 V in BCD */
	assert_int_equal(1u << query(0x27), 8 * CFI01_BLOCK);     /* at least the size */
	assert_int_equal(query(0x28), 0x02);                      /* x8 and x16 */
	assert_int_equal(1u << query(0x2a), 32);                  /* the write buffer */
	assert_int_equal(query(0x2c), 1);
	assert_int_equal((query(0x2d) | query(0x2e) << 8) + 1, SIZE / CFI01_BLOCK);
	assert_int_equal((query(0x2f) | query(0x30) << 8) * 256, CFI01_BLOCK);
	/* 4.2.7, table 12 */
	assert_int_equal(query(0x31), 'P');
	assert_int_equal(query(0x32), 'R');
	assert_int_equal(query(0x33), 'I');
	assert_int_equal(query(0x34), '1');
	assert_int_equal(query(0x36), 0x08); /* legacy lock and unlock, no suspend */
	assert_int_equal(query(0x3b), 0x01); /* lock-bits */
	assert_int_equal(query(0x40), 0);
	assert_int_equal(query(0x7ff), 0);
}

/* 4.9: 40h or 10h; ones become zeros and not the other way round, without an error. */
static void test_program(void **state)
{
	unsigned unit;
	uint64_t offset;

	fixture_rom()[CFI01_BLOCK + 5] = 0xf3;
	put(SECOND + 5, 0x40);
	assert_int_equal(get(SECOND + 5), 0x80); /* the setup shows the status register */
	put(SECOND + 5, 0x3c);
	assert_int_equal(get(SECOND + 5), 0x80); /* and so does its end */
	assert_int_equal(fixture_rom()[CFI01_BLOCK + 5], 0x30);
	assert_int_equal(fixture_stored(&unit, &offset), 1);
	assert_int_equal(unit, 1);
	assert_int_equal(offset, CFI01_BLOCK + 5);
	put(SECOND + 5, 0x10);
	put(SECOND + 5, 0xff);
	assert_int_equal(get(SECOND + 5), 0x80);
	assert_int_equal(fixture_rom()[CFI01_BLOCK + 5], 0x30);
	assert_int_equal(fixture_stored(&unit, &offset), 1); /* nothing changed */
	put(SECOND, 0xff);
	assert_int_equal(get(SECOND + 5), 0x30);
}

/* 4.6: a whole block becomes FFh; a second cycle other than D0h sets SR.4 and SR.5. */
static void test_erase(void **state)
{
	unsigned unit;
	uint64_t offset;

	erase(SECOND + 77);
	assert_int_equal(get(SECOND), 0x80);
	for (unsigned i = 0; i < CFI01_BLOCK; i++)
		assert_int_equal(fixture_rom()[CFI01_BLOCK + i], 0xff);
	assert_int_not_equal(fixture_rom()[CFI01_BLOCK - 1], 0xff);
	assert_int_equal(fixture_rom()[2 * CFI01_BLOCK], (uint8_t)(2 * CFI01_BLOCK * 7 + 32));
	assert_int_equal(fixture_stored(&unit, &offset), CFI01_BLOCK);
	assert_int_equal(offset, CFI01_BLOCK);
	put(BASE, 0x20);
	put(BASE, 0x40);
	assert_int_equal(get(BASE), 0xb0);
	assert_int_equal(fixture_rom()[0], 0);
	assert_int_equal(fixture_stored(&unit, &offset), CFI01_BLOCK);
	/* 4.5: errors stay until they are cleared. */
	erase(SECOND);
	assert_int_equal(get(BASE), 0xb0);
	put(BASE, 0x50);
	assert_int_equal(fixture_view(), SLOT_READ);
	erase(SECOND);
	assert_int_equal(get(BASE), 0x80);
}

/* How OVMF finds out that it runs from flash; see cfi01.c on SR.7. */
static void test_detection(void **state)
{
	uint8_t before = get(SECOND);

	put(SECOND, 0x50);
	assert_int_equal(get(SECOND), before);
	put(SECOND, 0x70);
	assert_int_equal(get(SECOND), 0);
	put(SECOND, 0xff);
	assert_int_equal(status(), 0x80);
}

/* 4.8: count, data in any order within it, confirm; the first address says where. */
static void test_write_buffer(void **state)
{
	unsigned unit;
	uint64_t offset;

	erase(SECOND);
	put(SECOND, 0xe8);
	assert_int_equal(get(SECOND), 0x80); /* XSR.7: there is a buffer */
	put(SECOND, 3);
	put(SECOND + 0x11, 0xa0); /* need not be aligned */
	put(SECOND + 0x14, 0xa3);
	put(SECOND + 0x12, 0xa1);
	put(SECOND + 0x13, 0xa2);
	assert_int_equal(fixture_rom()[CFI01_BLOCK + 0x11], 0xff);
	put(SECOND, 0xd0);
	assert_int_equal(get(SECOND), 0x80);
	assert_memory_equal(fixture_rom() + CFI01_BLOCK + 0x10, "\xff\xa0\xa1\xa2\xa3\xff", 6);
	assert_int_equal(fixture_stored(&unit, &offset), CFI01_BLOCK + 4);
	assert_int_equal(offset, CFI01_BLOCK + 0x11);
}

static void buffer(uint64_t block, uint8_t count, uint64_t first, uint64_t second, uint8_t confirm)
{
	put(BASE, 0x50);
	put(block, 0xe8);
	put(block, count);
	if (count < 32) {
		put(first, 0);
		put(second, 0);
		put(block, confirm);
	}
}

/* What is not as 4.8 says ends the command with SR.4 and SR.5 and changes nothing. */
static void test_write_buffer_misuse(void **state)
{
	static uint8_t before[SIZE];
	uint64_t end = SECOND + CFI01_BLOCK;

	memcpy(before, fixture_rom(), SIZE);
	buffer(SECOND, 32, 0, 0, 0); /* larger than the buffer */
	assert_int_equal(get(SECOND), 0xb0);
	buffer(SECOND, 255, 0, 0, 0);
	assert_int_equal(get(SECOND), 0xb0);
	buffer(SECOND, 1, SECOND, SECOND + 1, 0x70); /* no confirm */
	assert_int_equal(get(SECOND), 0xb0);
	buffer(SECOND, 1, SECOND, SECOND + 1, 0xff);
	assert_int_equal(get(SECOND), 0xb0);
	put(BASE, 0x50);
	put(SECOND, 0xe8);
	put(SECOND, 1);
	put(end - 1, 0); /* across the border of its block */
	assert_int_equal(get(SECOND), 0xb0);
	put(BASE, 0x50);
	put(SECOND, 0xe8);
	put(SECOND, 1);
	put(BASE, 0); /* in another block */
	assert_int_equal(get(SECOND), 0xb0);
	put(BASE, 0x50);
	put(SECOND, 0xe8);
	put(SECOND, 1);
	put(SECOND + 8, 0);
	put(SECOND + 10, 0); /* beyond the count */
	assert_int_equal(get(SECOND), 0xb0);
	put(BASE, 0x50);
	put(SECOND, 0xe8);
	put(SECOND, 1);
	put(SECOND + 8, 0);
	put(SECOND + 7, 0); /* before the start */
	assert_int_equal(get(SECOND), 0xb0);
	assert_memory_equal(fixture_rom(), before, SIZE);
}

/* 4.13, 4.14: one block at a time is locked, all together are unlocked. */
static void test_lock(void **state)
{
	uint8_t before = fixture_rom()[CFI01_BLOCK];

	put(SECOND, 0x60);
	put(SECOND, 0x01);
	assert_int_equal(get(SECOND), 0x80);
	program(SECOND, 0);
	assert_int_equal(get(SECOND), 0x92); /* SR.4, SR.1 */
	put(SECOND, 0x50);
	erase(SECOND);
	assert_int_equal(get(SECOND), 0xa2); /* SR.5, SR.1 */
	assert_int_equal(fixture_rom()[CFI01_BLOCK], before);
	put(SECOND, 0x50);
	erase(BASE);
	assert_int_equal(get(SECOND), 0x80);
	flash->class->reset(flash); /* lock-bits are not volatile */
	erase(SECOND);
	assert_int_equal(get(SECOND), 0xa2);
	put(SECOND, 0x50);
	put(BASE, 0x60);
	put(BASE, 0xd0);
	assert_int_equal(get(SECOND), 0x80);
	erase(SECOND);
	assert_int_equal(get(SECOND), 0x80);
	assert_int_equal(fixture_rom()[CFI01_BLOCK], 0xff);
	put(BASE, 0x60);
	put(BASE, 0x2f); /* lock-down: other chips have that */
	assert_int_equal(get(SECOND), 0xb0);
}

/* VPEN low (4.6, 4.9, 4.13, 4.14): nothing changes, and SR.3 says why. */
static void test_read_only(void **state)
{
	unsigned unit;
	uint64_t offset;
	uint8_t before;

	open_with(true);
	before = get(SECOND);
	program(SECOND, 0);
	assert_int_equal(get(SECOND), 0x98);
	put(SECOND, 0x50);
	erase(SECOND);
	assert_int_equal(get(SECOND), 0xa8);
	buffer(SECOND, 1, SECOND, SECOND + 1, 0xd0);
	assert_int_equal(get(SECOND), 0x98);
	put(SECOND, 0x50);
	put(SECOND, 0x60);
	put(SECOND, 0x01);
	assert_int_equal(get(SECOND), 0x98);
	put(SECOND, 0x50);
	put(SECOND, 0x60);
	put(SECOND, 0xd0);
	assert_int_equal(get(SECOND), 0xa8);
	put(SECOND, 0xff);
	assert_int_equal(get(SECOND), before);
	assert_int_equal(fixture_stored(&unit, &offset), 0);
}

/* Commands of two cycles that have no effect here still take their second one. */
static void test_other_commands(void **state)
{
	put(SECOND, 0xb8); /* 4.12, STS */
	put(SECOND, 0x20);
	assert_int_equal(get(SECOND), 0x80);
	put(SECOND, 0xc0); /* 4.15, there is no protection register */
	put(SECOND, 0x20);
	assert_int_equal(get(SECOND), 0x92);
	put(SECOND, 0xd0);
	assert_int_equal(fixture_view(), SLOT_READ);
	put(SECOND, 0xb0); /* nothing to suspend */
	assert_int_equal(fixture_view(), SLOT_READ);
	put(SECOND, 0x00);
	assert_int_equal(get(SECOND), fixture_rom()[CFI01_BLOCK]);
}

/* The bus has 8 bits: wide accesses are as many of a byte, lowest address first. */
static void test_widths(void **state)
{
	erase(SECOND);
	fixture_memory_write(SECOND, 2, 0x5a40); /* program 5A at the second byte */
	assert_int_equal(fixture_rom()[CFI01_BLOCK], 0xff);
	assert_int_equal(fixture_rom()[CFI01_BLOCK + 1], 0x5a);
	put(SECOND, 0xff);
	assert_int_equal(fixture_memory_read(SECOND, 8), 0xffffffffffff5affull);
	put(SECOND, 0x90);
	assert_int_equal(fixture_memory_read(BASE, 4), 0x16168989);
	/* Erase and its confirm in two blocks: the second address counts, as any in the block. */
	fixture_memory_write(SECOND + CFI01_BLOCK - 1, 4, 0xffffd020);
	assert_int_equal(fixture_rom()[CFI01_BLOCK + 1], 0x5a);
	assert_int_equal(fixture_rom()[2 * CFI01_BLOCK], 0xff);
	/* Beyond the chip there is nothing. */
	fixture_memory_write(BASE - 4, 8, 0x7070707070707070ull);
	assert_int_equal(fixture_memory_read(BASE - 4, 8), 0x80808080ffffffffull);
}

/* Anything in any order: bytes outside the chip never change, sanitizers see the rest. */
static void test_random_use(void **state)
{
	static const uint8_t commands[] = {0x10, 0x20, 0x40, 0x50, 0x60, 0x70, 0x90, 0x98,
					   0xb0, 0xb8, 0xc0, 0xd0, 0xe8, 0xff, 0x01, 0x1f};
	static const unsigned sizes[] = {1, 1, 1, 2, 4, 8};
	uint32_t seed = 1;

	memset(fixture_rom() + SIZE, 0x5c, 64);
	for (unsigned i = 0; i < 200000; i++) {
		uint64_t value, gpa;
		unsigned size;

		seed = seed * 1664525u + 1013904223u;
		gpa = BASE + (seed >> 8) % SIZE;
		if (seed >> 28 < 8) /* close to the borders of blocks */
			gpa = BASE + (seed >> 8) % 5 * CFI01_BLOCK + (seed >> 16) % 64;
		size = sizes[(seed >> 3) % 6];
		value = commands[(seed >> 20) % 16] * 0x0101010101010101ull;
		if (seed >> 31)
			value ^= seed;
		if (seed & 0x40)
			fixture_memory_write(gpa, size, value);
		else
			fixture_memory_read(gpa, size);
	}
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(fixture_rom()[SIZE + i], 0x5c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_reset, setup),
	    cmocka_unit_test_setup(test_identifiers, setup),
	    cmocka_unit_test_setup(test_query, setup),
	    cmocka_unit_test_setup(test_program, setup),
	    cmocka_unit_test_setup(test_erase, setup),
	    cmocka_unit_test_setup(test_detection, setup),
	    cmocka_unit_test_setup(test_write_buffer, setup),
	    cmocka_unit_test_setup(test_write_buffer_misuse, setup),
	    cmocka_unit_test_setup(test_lock, setup),
	    cmocka_unit_test_setup(test_read_only, setup),
	    cmocka_unit_test_setup(test_other_commands, setup),
	    cmocka_unit_test_setup(test_widths, setup),
	    cmocka_unit_test_setup(test_random_use, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
