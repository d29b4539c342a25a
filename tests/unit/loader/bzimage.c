/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bzImage loader, with images made here. What is checked is what Linux's
 * Documentation/arch/x86/boot.rst says of the setup header and the 32-bit boot protocol, and
 * zero-page.rst of the boot parameters.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/loader/loader_fixture.h"

#define MIB       0x100000ull
#define PARAMS    0x10000u
#define SETUP     (3 * 512u) /* two setup sectors and the boot sector */
#define CODE_SIZE 4096u
#define IMAGE     (SETUP + CODE_SIZE)
#define PREFERRED (16 * MIB)
#define INIT_SIZE (8 * MIB)

static uint8_t image[IMAGE];
static struct fixture f;

/* A relocatable bzImage of the given protocol version that prefers 16 MiB and needs 8 MiB. */
static void make_image(uint16_t version)
{
	memset(image, 0, SETUP);
	for (unsigned i = 0; i < CODE_SIZE; i++)
		image[SETUP + i] = (uint8_t)(i * 7 + 1);
	image[0x1f1] = 2;
	loader_put32(image + 0x1f4, CODE_SIZE / 16);
	image[0x1fe] = 0x55;
	image[0x1ff] = 0xaa;
	image[0x200] = 0xeb;
	image[0x201] = 0x66; /* the header ends at 268h */
	memcpy(image + 0x202, "HdrS", 4);
	image[0x206] = (uint8_t)version;
	image[0x207] = (uint8_t)(version >> 8);
	image[0x211] = 1;
	loader_put32(image + 0x214, 0x100000);
	loader_put32(image + 0x22c, 0x7fffffff);
	loader_put32(image + 0x230, 0x200000);
	image[0x234] = 1;
	loader_put32(image + 0x238, 255);
	loader_put64(image + 0x258, PREFERRED);
	loader_put32(image + 0x260, INIT_SIZE);
}

static int setup(void **state)
{
	fixture_open(&f, 32 * MIB);
	make_image(0x20f);
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

/* "32-bit Boot Protocol": registers, segments, where things are. */
static void test_entry(void **state)
{
	fixture_append(&f, "console=ttyS0 quiet");
	fixture_boots(&f);
	fixture_check_protected_mode(&f, 0x10, 0x18);
	assert_int_equal(f.regs.rip, PREFERRED);
	assert_int_equal(f.regs.gpr[GPR_RSI], PARAMS);
	assert_int_equal(f.regs.gpr[GPR_RBX], 0);
	assert_int_equal(f.regs.gpr[GPR_RBP], 0);
	assert_int_equal(f.regs.gpr[GPR_RDI], 0);
	assert_memory_equal(fixture_at(&f, PREFERRED, CODE_SIZE), image + SETUP, CODE_SIZE);
	assert_string_equal((char *)fixture_at(&f, fixture_get32(&f, PARAMS + 0x228), 256),
			    "console=ttyS0 quiet");
}

/* The boot parameters: header copied, the rest zero but for what a boot loader fills in. */
static void test_boot_parameters(void **state)
{
	const uint8_t *p;

	fixture_boots(&f);
	p = fixture_at(&f, PARAMS, 4096);
	assert_memory_equal(p + 0x1f1, image + 0x1f1, 0x210 - 0x1f1);
	assert_int_equal(p[0x210], 0xff); /* type_of_loader: undefined */
	assert_int_equal(loader_get32(p + 0x214), PREFERRED);
	assert_int_equal(loader_get32(p + 0x218), 0);
	assert_int_equal(loader_get32(p + 0x21c), 0);
	assert_memory_equal(p + 0x22c, image + 0x22c, 0x268 - 0x22c);
	assert_int_equal(p[0x268], 0); /* behind the header's end */
	assert_int_equal(p[0x1ef], 0); /* sentinel */
	assert_int_equal(p[0x1e8], 3);
	assert_true(loader_get64(p + 0x2d0 + 40) == MIB);
	assert_true(loader_get64(p + 0x2d0 + 48) == 31 * MIB);
	assert_int_equal(loader_get32(p + 0x2d0 + 56), 1);
	assert_true(loader_get64(p + 0x70) == FIXTURE_RSDP);
}

/* acpi_rsdp_addr is from protocol 2.14 on. */
static void test_rsdp_version(void **state)
{
	make_image(0x20d);
	reload();
	fixture_boots(&f);
	assert_true(fixture_get64(&f, PARAMS + 0x70) == 0);
}

/* 2.06 knows no preferred address; a kernel that cannot move goes to 1 MiB. */
static void test_not_relocatable(void **state)
{
	make_image(0x206);
	reload();
	fixture_boots(&f);
	assert_int_equal(f.regs.rip, MIB);
	make_image(0x20c);
	image[0x234] = 0;
	reload();
	fixture_boots(&f);
	assert_int_equal(f.regs.rip, MIB);
	assert_memory_equal(fixture_at(&f, MIB, CODE_SIZE), image + SETUP, CODE_SIZE);
}

static void test_initrd(void **state)
{
	uint8_t initrd[5000];
	uint32_t at;

	memset(initrd, 0x3c, sizeof(initrd));
	fixture_image(&f, IMAGE_INITRD, "initrd", initrd, sizeof(initrd));
	fixture_boots(&f);
	at = fixture_get32(&f, PARAMS + 0x218);
	assert_int_equal(at, 32 * MIB - 8192); /* as high as pages allow */
	assert_int_equal(fixture_get32(&f, PARAMS + 0x21c), sizeof(initrd));
	assert_memory_equal(fixture_at(&f, at, sizeof(initrd)), initrd, sizeof(initrd));
	/* Not above initrd_addr_max, which is the highest address that it may occupy. */
	loader_put32(image + 0x22c, 28 * MIB - 1);
	reload();
	fixture_boots(&f);
	assert_int_equal(fixture_get32(&f, PARAMS + 0x218), 28 * MIB - 8192);
	loader_put32(image + 0x22c, 25 * MIB - 1);
	fixture_kernel(&f, image, IMAGE);
	fixture_boots(&f);
	/* Never into the kernel. */
	loader_put32(image + 0x22c, 24 * MIB + 100);
	reload();
	fixture_refuses(&f, "initrd does not fit");
	loader_put32(image + 0x22c, 0);
	reload();
	fixture_refuses(&f, "initrd does not fit");
}

static void test_initrd_too_big(void **state)
{
	size_t size = 8 * MIB + 1;
	uint8_t *initrd = calloc(1, size);

	fixture_image(&f, IMAGE_INITRD, "initrd", initrd, size);
	free(initrd);
	fixture_refuses(&f, "initrd does not fit");
	assert_non_null(strstr(f.error.text, "-m"));
}

static void test_command_line_length(void **state)
{
	char text[300];

	memset(text, 'x', sizeof(text));
	text[255] = 0;
	fixture_append(&f, text);
	fixture_boots(&f);
	text[255] = 'x';
	text[256] = 0;
	fixture_append(&f, text);
	fixture_refuses(&f, "-append: 256 characters");
}

static void test_memory_too_small(void **state)
{
	loader_put32(image + 0x260, 16 * MIB + 1);
	reload();
	fixture_refuses(&f, "needs 33 MiB of memory");
	loader_put32(image + 0x260, 16 * MIB);
	reload();
	fixture_boots(&f);
	/* -m 1: there is no memory above 1 MiB. */
	fixture_close(&f);
	fixture_open(&f, MIB);
	make_image(0x206);
	reload();
	fixture_refuses(&f, "-m");
}

static void test_refused(void **state)
{
	make_image(0x205);
	reload();
	fixture_refuses(&f, "boot protocol 2.05 is too old");
	make_image(0x20f);
	image[0x211] = 0;
	reload();
	fixture_refuses(&f, "zImage");
	make_image(0x20f);
	image[0x201] = 0x20;
	reload();
	fixture_refuses(&f, "setup header is cut off");
	make_image(0x20f);
	loader_put32(image + 0x230, 0x300000);
	reload();
	fixture_refuses(&f, "damaged");
	make_image(0x20f);
	loader_put64(image + 0x258, UINT64_MAX - 4096);
	reload();
	fixture_refuses(&f, "damaged");
	make_image(0x20f);
	image[0x1f1] = 255;
	reload();
	fixture_refuses(&f, "cut off");
	make_image(0x20f);
	memcpy(image + 0x202, "HdrX", 4);
	reload();
	fixture_refuses(&f, "is no kernel that vcr can boot (bzImage or multiboot)");
}

/* For firmware: the real-mode part, with what "The Real-Mode Kernel Header" asks of a loader. */
static void test_filled_setup(void **state)
{
	static uint8_t setup_part[BZIMAGE_SETUP_MAX];
	const struct bzimage_places places = {0x10000, 0x20000, 0x7000000, 5000};
	const struct image *kernel = machine_config_image(&f.m.config, IMAGE_KERNEL, 0);

	assert_int_equal(bzimage_fill_setup(kernel, &places, setup_part), SETUP);
	assert_int_equal(setup_part[0x210], 0xff);
	assert_int_equal(setup_part[0x211], 0x81);
	assert_int_equal(loader_get16(setup_part + 0x224), 0xfe00);
	assert_int_equal(loader_get32(setup_part + 0x228), 0x20000);
	assert_int_equal(loader_get32(setup_part + 0x218), 0x7000000);
	assert_int_equal(loader_get32(setup_part + 0x21c), 5000);
	assert_memory_equal(setup_part + 0x22c, image + 0x22c, SETUP - 0x22c);
	assert_true(bzimage_initrd_end(kernel) == 0x80000000);
	for (size_t size = 0; size < SETUP; size++) {
		fixture_kernel(&f, image, size);
		assert_true(bzimage_fill_setup(kernel, &places, setup_part) <= size);
		assert_true(bzimage_initrd_end(kernel) == (size < 0x23c ? 0 : 0x80000000));
	}
}

/* An image that ends anywhere is refused. */
static void test_truncated(void **state)
{
	for (size_t size = 0; size < IMAGE; size += size < SETUP + 64 ? 1 : 509) {
		fixture_kernel(&f, image, size);
		if (!fixture_boot(&f) && size + 16 <= IMAGE)
			fail_msg("booted %zu bytes of %u", size, IMAGE);
	}
}

/* No byte of the header can do harm (under ASan and UBSan, this is what the test is for). */
static void test_damaged_bytes(void **state)
{
	static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
	unsigned refused = 0;

	for (unsigned at = 0x1f1; at < 0x290; at++) {
		for (unsigned i = 0; i < sizeof(values); i++) {
			make_image(0x20f);
			image[at] = values[i];
			reload();
			refused += fixture_boot(&f) != 0;
		}
	}
	assert_true(refused > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_entry, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_boot_parameters, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_rsdp_version, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_not_relocatable, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_initrd, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_initrd_too_big, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_command_line_length, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_memory_too_small, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_filled_setup, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_truncated, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_damaged_bytes, setup, teardown),
	};

	return cmocka_run_group_tests_name("loader/bzimage", tests, NULL, NULL);
}
