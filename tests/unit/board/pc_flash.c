/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flash on board pc: where the chips are, what of them is mapped, and what outlives a reset, a
 * snapshot and the description of the machine. The chip itself is tested in device/cfi01.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "emulator/snapshot.h"
#include "tests/unit/board/pc_fixture.h"

#define CODE_SIZE 0x10000u
#define VARS_SIZE 0x3000u
#define CODE      (0x100000000ull - CODE_SIZE)
#define VARS      (CODE - VARS_SIZE)

static void add_flash(size_t size, uint8_t fill, enum pflash_kind kind)
{
	uint8_t *bytes = malloc(size);

	memset(bytes, fill, size);
	bytes[size - 16] = 0xf4;
	add_image(IMAGE_PFLASH, bytes, size);
	config.pflash[config.pflashes++] = kind;
	free(bytes);
}

static void power_on_flash(void)
{
	add_flash(CODE_SIZE, 0xc0, PFLASH_READ_ONLY);
	add_flash(VARS_SIZE, 0x5a, PFLASH_WRITABLE);
	power_on();
}

static void put(uint64_t gpa, uint8_t value)
{
	bus_memory_write(&m->bus, gpa, 1, value);
}

/* Is the page mapped for reading, and only for that? */
static bool is_mapped(uint64_t gpa)
{
	bool writable = true;
	uint64_t at = m->vcpu.ops->ram_page(m, gpa, &writable);

	assert_true(at == UINT64_MAX || !writable);
	return at != UINT64_MAX;
}

/* The first chip ends at 4 GiB, the second one where the first begins. */
static void test_places(void **state)
{
	power_on_flash();
	assert_int_equal(*machine_ram_at(m, 0xfffffff0, 1), 0xf4);
	assert_int_equal(*machine_ram_at(m, CODE, 1), 0xc0);
	assert_int_equal(*machine_ram_at(m, CODE - 16, 1), 0xf4);
	assert_int_equal(*machine_ram_at(m, VARS, 1), 0x5a);
	assert_null(bus_find_slot(&m->bus, VARS - 1));
	assert_true(is_mapped(CODE) && is_mapped(VARS) && is_mapped(CODE - 4096));
	assert_int_equal(m->vcpu.c->reg[GPR_RIP], 0xfff0);
	/* The end of the first is seen below 1 MiB as well. */
	assert_int_equal(*machine_ram_at(m, 0xffff0, 1), 0xf4);
	assert_null(machine_ram_at(m, 0xeffff, 1));
}

/* Only a chip that shows its array is mapped, and the other one stays as it is. */
static void test_views(void **state)
{
	power_on_flash();
	put(VARS + 0x1000, 0x90);
	assert_false(is_mapped(VARS) || is_mapped(VARS + 0x2000));
	assert_true(is_mapped(CODE));
	assert_int_equal(bus_memory_read(&m->bus, VARS, 2), 0x8989);
	assert_null(machine_ram_at(m, VARS, 1));
	put(VARS, 0xff);
	assert_true(is_mapped(VARS));
	put(CODE, 0x70);
	assert_false(is_mapped(CODE));
	assert_int_equal(*machine_ram_at(m, 0xffff0, 1), 0xf4);
}

/* What is programmed is in the array at once; a read-only chip stays as it is. */
static void test_programming(void **state)
{
	power_on_flash();
	put(VARS + 5, 0x40);
	put(VARS + 5, 0x0f);
	put(VARS, 0xff);
	assert_int_equal(*machine_ram_at(m, VARS + 5, 1), 0x0a);
	put(CODE + 5, 0x40);
	put(CODE + 5, 0x0f);
	assert_int_equal(bus_memory_read(&m->bus, CODE, 1), 0x98);
	put(CODE, 0xff);
	assert_int_equal(*machine_ram_at(m, CODE + 5, 1), 0xc0);
}

/* A device's DMA is no command and programs nothing, whatever the chip shows. */
static void test_dma(void **state)
{
	struct device *d;
	uint8_t bytes[4] = {0, 0, 0, 0};

	power_on_flash();
	d = machine_find_device(m, "pflash1");
	assert_non_null(d);
	device_dma_write(d, VARS, bytes, 4);
	device_dma_read(d, VARS, bytes, 4);
	assert_memory_equal(bytes, "\x5a\x5a\x5a\x5a", 4);
	put(VARS, 0x70);
	device_dma_write(d, VARS, "\x20\xd0\x20\xd0", 4);
	device_dma_read(d, VARS, bytes, 4);
	assert_memory_equal(bytes, "\xff\xff\xff\xff", 4);
	put(VARS, 0xff);
	assert_int_equal(*machine_ram_at(m, VARS, 1), 0x5a);
	/* The content of ROM devices ends with them. */
	device_rom_write(d, CODE - 2, "\0\0\0\0", 4);
	device_rom_write(d, 0x1000, "\0", 1);
	assert_int_equal(*machine_ram_at(m, CODE - 2, 1), 0x5a);
	device_rom_read(d, CODE - 2, bytes, 4);
	assert_memory_equal(bytes, "\xff\xff\xff\xff", 4);
}

/* A reset maps the arrays again and leaves what is in them. */
static void test_reset(void **state)
{
	power_on_flash();
	put(VARS, 0x40);
	put(VARS, 0x00);
	put(CODE, 0x98);
	machine_state(m)->reset_requested = true;
	machine_service_reset(m);
	assert_true(is_mapped(CODE) && is_mapped(VARS));
	assert_int_equal(*machine_ram_at(m, VARS, 1), 0);
	assert_int_equal(*machine_ram_at(m, VARS + 1, 1), 0x5a);
}

static void test_snapshot(void **state)
{
	struct snapshot *s;

	power_on_flash();
	put(VARS, 0x40);
	put(VARS, 0x0f);
	put(VARS, 0x90);
	s = snapshot_take(m, &error);
	assert_non_null(s);
	put(VARS + 0x1000, 0x20);
	put(VARS + 0x1000, 0xd0);
	put(VARS, 0xff);
	assert_int_equal(*machine_ram_at(m, VARS + 0x1000, 1), 0xff);
	snapshot_restore(m, s);
	assert_false(is_mapped(VARS));
	assert_int_equal(bus_memory_read(&m->bus, VARS, 1), 0x89);
	put(VARS, 0xff);
	assert_int_equal(*machine_ram_at(m, VARS + 0x1000, 1), 0x5a);
	assert_int_equal(*machine_ram_at(m, VARS, 1), 0x0a);
	snapshot_free(s);
}

/* rom-device=off: never mapped, but read and fetched from all the same. */
static void test_never_mapped(void **state)
{
	config.rom_exits = true;
	power_on_flash();
	assert_false(is_mapped(CODE) || is_mapped(VARS));
	assert_int_equal(bus_memory_read(&m->bus, VARS, 8), 0x5a5a5a5a5a5a5a5aull);
	assert_true(m->vcpu.ops->fetch_exits(m, 0xfffff000));
	assert_false(m->vcpu.ops->fetch_exits(m, 0x1000));
	assert_false(m->vcpu.ops->fetch_exits(m, VARS - 4096));
	/* The HLT at the reset vector: nothing can end it. */
	assert_int_equal(machine_run(m), STOP_DEAD);
	assert_int_equal(m->vcpu.c->insns, 1);
}

static void test_description(void **state)
{
	struct machine_config again;
	char *text;

	add_flash(CODE_SIZE, 0, PFLASH_READ_ONLY);
	add_flash(VARS_SIZE, 0, PFLASH_WRITABLE);
	config.rom_exits = true;
	text = machine_config_format(&config);
	assert_int_equal(machine_config_parse(&again, text, &error), 0);
	assert_int_equal(again.pflashes, 2);
	assert_int_equal(again.pflash[0], PFLASH_READ_ONLY);
	assert_int_equal(again.pflash[1], PFLASH_WRITABLE);
	assert_true(again.rom_exits);
	free(text);
	machine_config_free(&again);
	machine_config_free(&config);
	assert_int_equal(
	    machine_config_parse(&again, "pflash=writable\npflash=x\npflash=x\n", &error), -1);
	assert_non_null(strstr(error.text, "flash chips"));
}

/* As a damaged trace may have it: more chips than images. */
static void test_no_image(void **state)
{
	add_flash(CODE_SIZE, 0, PFLASH_READ_ONLY);
	config.pflashes = 2;
	refuses("flash chip 1 has no image");
}

static void test_sizes(void **state)
{
	add_flash(CODE_SIZE + 1, 0, PFLASH_READ_ONLY);
	refuses("65537 bytes");
}

static void test_too_much(void **state)
{
	add_flash(16 << 20, 0, PFLASH_READ_ONLY);
	add_flash(4096, 0, PFLASH_WRITABLE);
	refuses("16 MiB");
}

static void test_all_of_it(void **state)
{
	add_flash((16 << 20) - 4096, 0xc0, PFLASH_READ_ONLY);
	add_flash(4096, 0x5a, PFLASH_WRITABLE);
	power_on();
	assert_int_equal(*machine_ram_at(m, 0xff000000, 1), 0x5a);
	assert_int_equal(*machine_ram_at(m, 0xff001000, 1), 0xc0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_places),       TEST(test_views),       TEST(test_programming),
	    TEST(test_dma),          TEST(test_reset),       TEST(test_snapshot),
	    TEST(test_never_mapped), TEST(test_description), TEST(test_no_image),
	    TEST(test_sizes),        TEST(test_too_much),    TEST(test_all_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
