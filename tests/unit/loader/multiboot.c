/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Multiboot loader, with images made here. Section numbers are those of the Multiboot
 * Specification 0.6.96.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/loader/loader_fixture.h"

#define MIB       0x100000ull
#define MAGIC     0x1badb002u
#define ADDRESSES 0x10000u
#define IMAGE     0x3000u
#define HEADER    0x200u  /* of the multiboot header in the file */
#define TEXT      0x1000u /* of the loaded bytes in the file */
#define TEXT_SIZE 0x800u
#define BSS_SIZE  0x1800u

static uint8_t image[IMAGE];
static struct fixture f;

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static void put_header(unsigned at, uint32_t flags)
{
	loader_put32(image + at, MAGIC);
	loader_put32(image + at + 4, flags);
	loader_put32(image + at + 8, 0u - MAGIC - flags);
}

/* Program header number `n` of a 32-bit file. */
static uint8_t *segment32(unsigned n)
{
	return image + 52 + 32 * n;
}

/* ELF32 with one segment: linked at C0100000h, loaded at 1 MiB, entry 10h bytes in. */
static void make_elf32(void)
{
	uint8_t *s = segment32(0);

	memset(image, 0, sizeof(image));
	memcpy(image, "\177ELF\1\1\1", 7);
	put16(image + 16, 2);
	put16(image + 18, 3);
	loader_put32(image + 24, 0xc0100010);
	loader_put32(image + 28, 52);
	put16(image + 42, 32);
	put16(image + 44, 1);
	loader_put32(s, 1);
	loader_put32(s + 4, TEXT);
	loader_put32(s + 8, 0xc0100000);
	loader_put32(s + 12, 0x100000);
	loader_put32(s + 16, TEXT_SIZE);
	loader_put32(s + 20, TEXT_SIZE + BSS_SIZE);
	for (unsigned i = TEXT; i < IMAGE; i++)
		image[i] = (uint8_t)(i * 3 + 1);
	put_header(HEADER, 3);
}

static void make_elf64(void)
{
	uint8_t *s = image + 64;

	make_elf32();
	memset(image + 16, 0, HEADER - 16);
	image[4] = 2;
	put16(image + 16, 2);
	put16(image + 18, 62);
	loader_put64(image + 24, 0x100020);
	loader_put64(image + 32, 64);
	put16(image + 54, 56);
	put16(image + 56, 1);
	loader_put32(s, 1);
	loader_put64(s + 8, TEXT);
	loader_put64(s + 16, 0x100000);
	loader_put64(s + 24, 0x100000);
	loader_put64(s + 32, TEXT_SIZE);
	loader_put64(s + 40, TEXT_SIZE + BSS_SIZE);
}

/* No ELF: address fields that load the file from TEXT on to 2 MiB. */
static void make_flat(void)
{
	make_elf32();
	memset(image, 0, 512);
	put_header(HEADER, ADDRESSES);
	loader_put32(image + HEADER + 12, 0x200000 + HEADER);
	loader_put32(image + HEADER + 16, 0x200000);
	loader_put32(image + HEADER + 20, 0x202000);
	loader_put32(image + HEADER + 24, 0x204000);
	loader_put32(image + HEADER + 28, 0x200400);
}

static int setup(void **state)
{
	fixture_open(&f, 16 * MIB);
	make_elf32();
	fixture_kernel(&f, image, IMAGE);
	return 0;
}

static int teardown(void **state)
{
	fixture_close(&f);
	return 0;
}

static void reload(void)
{
	fixture_kernel(&f, image, IMAGE);
}

static void assert_zero(uint64_t gpa, uint64_t size)
{
	const uint8_t *p = fixture_at(&f, gpa, size);

	for (uint64_t i = 0; i < size; i++)
		assert_int_equal(p[i], 0);
}

/* 3.2, "Machine state"; the entry point is a virtual address in a segment. */
static void test_elf32(void **state)
{
	fixture_boots(&f);
	fixture_check_protected_mode(&f, 0x08, 0x10);
	assert_int_equal(f.regs.gpr[GPR_RAX], 0x2badb002);
	assert_int_equal(f.regs.rip, 0x100010);
	assert_memory_equal(fixture_at(&f, MIB, TEXT_SIZE), image + TEXT, TEXT_SIZE);
	assert_zero(MIB + TEXT_SIZE, BSS_SIZE);
}

static void test_elf64(void **state)
{
	make_elf64();
	reload();
	fixture_boots(&f);
	assert_int_equal(f.regs.rip, 0x100020);
	assert_memory_equal(fixture_at(&f, MIB, TEXT_SIZE), image + TEXT, TEXT_SIZE);
	assert_zero(MIB + TEXT_SIZE, BSS_SIZE);
}

/* 3.1.3, "The address fields of Multiboot header". */
static void test_address_fields(void **state)
{
	make_flat();
	reload();
	fixture_boots(&f);
	assert_int_equal(f.regs.rip, 0x200400);
	assert_memory_equal(fixture_at(&f, 0x200000, 0x2000), image, 0x2000);
	assert_zero(0x202000, 0x2000);
	/* Zeros mean: the rest of the file, and no bss. */
	loader_put32(image + HEADER + 20, 0);
	loader_put32(image + HEADER + 24, 0);
	reload();
	fixture_boots(&f);
	assert_memory_equal(fixture_at(&f, 0x200000, IMAGE), image, IMAGE);
}

/* 3.3, "Boot information format". */
static void test_information(void **state)
{
	uint32_t info, map, modules;

	fixture_append(&f, "a b");
	fixture_image(&f, IMAGE_INITRD, "one x=1", "11111", 5);
	fixture_image(&f, IMAGE_INITRD, "two", "", 0);
	fixture_image(&f, IMAGE_INITRD, "three", image, IMAGE);
	fixture_boots(&f);
	info = (uint32_t)f.regs.gpr[GPR_RBX];
	assert_int_equal(fixture_get32(&f, info), 0x24d);
	assert_int_equal(fixture_get32(&f, info + 4), 639);
	assert_int_equal(fixture_get32(&f, info + 8), 15 * 1024);
	assert_string_equal((char *)fixture_at(&f, fixture_get32(&f, info + 16), 16), "kernel a b");
	assert_string_equal((char *)fixture_at(&f, fixture_get32(&f, info + 64), 4), "vcr");

	assert_int_equal(fixture_get32(&f, info + 44), 3 * 24);
	map = fixture_get32(&f, info + 48);
	assert_int_equal(fixture_get32(&f, map), 20);
	assert_true(fixture_get64(&f, map + 4) == 0);
	assert_true(fixture_get64(&f, map + 12) == 0x9fc00);
	assert_int_equal(fixture_get32(&f, map + 20), 1);
	assert_int_equal(fixture_get32(&f, map + 24 + 20), 2);
	assert_true(fixture_get64(&f, map + 48 + 4) == MIB);

	assert_int_equal(fixture_get32(&f, info + 20), 3);
	modules = fixture_get32(&f, info + 24);
	for (unsigned i = 0; i < 3; i++) {
		static const char *const names[] = {"one x=1", "two", "three"};
		static const uint32_t sizes[] = {5, 0, IMAGE};
		uint32_t start = fixture_get32(&f, modules + i * 16);

		assert_int_equal(start % 4096, 0);
		assert_true(start >= MIB + TEXT_SIZE + BSS_SIZE);
		assert_int_equal(fixture_get32(&f, modules + i * 16 + 4) - start, sizes[i]);
		assert_string_equal(
		    (char *)fixture_at(&f, fixture_get32(&f, modules + i * 16 + 8), 8), names[i]);
		assert_int_equal(fixture_get32(&f, modules + i * 16 + 12), 0);
	}
	assert_memory_equal(fixture_at(&f, fixture_get32(&f, modules), 5), "11111", 5);
	assert_memory_equal(fixture_at(&f, fixture_get32(&f, modules + 32), IMAGE), image, IMAGE);
}

/* 3.1: four-byte aligned, whole within the first 8192 bytes, magic + flags + checksum == 0. */
static void test_header_search(void **state)
{
	static const struct {
		unsigned at;
		bool found;
	} places[] = {{HEADER + 4, true}, {HEADER + 2, false}, {8180, true}, {8184, false}};

	for (unsigned i = 0; i < sizeof(places) / sizeof(*places); i++) {
		make_elf32();
		memset(image + HEADER, 0, 12);
		put_header(places[i].at, 0);
		reload();
		if (places[i].found)
			fixture_boots(&f);
		else
			fixture_refuses(&f, "is no kernel that vcr can boot");
	}
	make_elf32();
	image[HEADER + 8]++;
	reload();
	fixture_refuses(&f, "is no kernel that vcr can boot");
}

static void test_refused(void **state)
{
	put_header(HEADER, 0x8);
	reload();
	fixture_refuses(&f, "multiboot features");
	make_elf32();
	image[1] = 'X';
	reload();
	fixture_refuses(&f, "no little-endian ELF");
	make_elf32();
	put16(image + 18, 40);
	reload();
	fixture_refuses(&f, "no executable ELF file for x86");
	make_elf32();
	put16(image + 44, 0xffff);
	reload();
	fixture_refuses(&f, "program headers are cut off");
	make_elf32();
	loader_put32(image + 28, 0xfffffff0);
	reload();
	fixture_refuses(&f, "program headers are cut off");
	make_elf32();
	loader_put32(image + 24, 0x100010);
	reload();
	fixture_refuses(&f, "entry point");
	make_elf32();
	loader_put32(segment32(0) + 4, 0xffffff00);
	reload();
	fixture_refuses(&f, "beyond its end");
	make_elf32();
	loader_put32(segment32(0) + 20, TEXT_SIZE - 1);
	reload();
	fixture_refuses(&f, "beyond its end");
}

/* Segments where there is no RAM, and sums that would wrap. */
static void test_no_such_memory(void **state)
{
	static const uint32_t places[] = {0x9ff00, 0xa0000, 16 * MIB - 0x800, 0xfffff000};

	for (unsigned i = 0; i < sizeof(places) / sizeof(*places); i++) {
		make_elf32();
		loader_put32(segment32(0) + 12, places[i]);
		reload();
		fixture_refuses(&f, "no such memory");
	}
	make_elf32();
	loader_put32(segment32(0) + 20, 0xffffffff);
	reload();
	fixture_refuses(&f, "no such memory");
	make_elf64();
	loader_put64(image + 64 + 24, UINT64_MAX - 16);
	reload();
	fixture_refuses(&f, "no such memory");
	loader_put64(image + 64 + 24, MIB);
	loader_put64(image + 64 + 40, UINT64_MAX);
	reload();
	fixture_refuses(&f, "no such memory");
}

/* Thousands of segments over the same memory would keep the loader busy for hours. */
static void test_overlapping_segments(void **state)
{
	put16(image + 44, 8);
	memset(image + HEADER, 0, 12);
	put_header(0x400, 0);
	for (unsigned i = 1; i < 8; i++) {
		memcpy(segment32(i), segment32(0), 32);
		loader_put32(segment32(i) + 20, 4 * MIB);
	}
	reload();
	fixture_refuses(&f, "lie upon each other");
}

static void test_address_fields_refused(void **state)
{
	static const struct {
		unsigned field;
		uint32_t value;
		const char *what;
	} cases[] = {
	    {12, 0x1fffff, "not where it says"},     {12, 0x300000, "not where it says"},
	    {20, 0x1ff000, "ends before it begins"}, {20, 0x204000, "beyond its end"},
	    {24, 0x201fff, "bss ends before"},       {24, 0xffffffff, "no such memory"},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		make_flat();
		loader_put32(image + HEADER + cases[i].field, cases[i].value);
		reload();
		fixture_refuses(&f, cases[i].what);
	}
	make_flat();
	memcpy(image + 512 - 12, image + HEADER, 12);
	fixture_kernel(&f, image, 512);
	fixture_refuses(&f, "header is cut off");
}

static void test_module_too_big(void **state)
{
	size_t size = 15 * MIB;
	uint8_t *module = calloc(1, size);

	fixture_image(&f, IMAGE_INITRD, "module", module, size);
	free(module);
	fixture_refuses(&f, "module does not fit");
}

static void test_truncated(void **state)
{
	void (*const make[])(void) = {make_elf32, make_elf64, make_flat};
	static const size_t needed[] = {TEXT + TEXT_SIZE, TEXT + TEXT_SIZE, 0x2000};

	for (unsigned i = 0; i < 3; i++) {
		make[i]();
		for (size_t size = 0; size < IMAGE; size += size < 0x300 ? 1 : 253) {
			fixture_kernel(&f, image, size);
			assert_int_equal(fixture_boot(&f), size < needed[i] ? -1 : 0);
		}
	}
}

static void test_damaged_bytes(void **state)
{
	static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
	unsigned refused = 0;

	for (unsigned at = 0; at < 52 + 64; at++) {
		for (unsigned i = 0; i < sizeof(values); i++) {
			if (i % 2)
				make_elf32();
			else
				make_elf64();
			image[at] = values[i];
			reload();
			refused += fixture_boot(&f) != 0;
		}
	}
	assert_true(refused > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_elf32, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_elf64, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_address_fields, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_information, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_header_search, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_no_such_memory, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_overlapping_segments, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_address_fields_refused, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_module_too_big, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_truncated, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_damaged_bytes, setup, teardown),
	};

	return cmocka_run_group_tests_name("loader/multiboot", tests, NULL, NULL);
}
