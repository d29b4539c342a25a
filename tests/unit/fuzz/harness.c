/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fuzz harness: targets and regions of the board, operations and what they do to devices, the
 * answers of the door, memory that is made up.
 */
#include "fuzz/harness.h"
#include "fuzz/mutate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fuzz/judge.h"

static struct harness *h;
static char objection[512];

static void object(void *opaque, const char *text)
{
	if (!objection[0])
		snprintf(objection, sizeof(objection), "%s", text);
}

static void open_target(const char *target)
{
	struct error e;

	h = harness_open(target, NULL, &e);
	if (!h)
		fail_msg("%s", e.text);
}

static int setup(void **state)
{
	h = NULL;
	objection[0] = 0;
	judge_set_objection(object, NULL);
	return 0;
}

static int teardown(void **state)
{
	judge_set_objection(NULL, NULL);
	harness_close(h);
	return 0;
}

/* ---- what an input does ---- */

static struct {
	struct harness_watch watch;
	unsigned ops, exits, irqs, dmas;
	uint64_t data[16]; /* of exits that read */
	unsigned reads;
	uint32_t vector[16];
	char output[16];
	size_t outputs;
	uint8_t dma[16];
} seen;

static void watch_op(struct harness_watch *w, const struct op *op)
{
	seen.ops++;
}

static void watch_exit(struct harness_watch *w, const struct exit *e)
{
	seen.exits++;
	if (!e->is_write && e->kind != EXIT_HLT && seen.reads < 16)
		seen.data[seen.reads++] = e->data;
}

static void watch_irq(struct harness_watch *w, enum irq_kind kind, uint32_t value)
{
	if (kind == IRQ_VECTOR && seen.irqs < 16)
		seen.vector[seen.irqs++] = value;
}

static void watch_dma(struct harness_watch *w, bool is_write, uint64_t gpa, const void *data,
		      size_t size)
{
	if (!is_write && !seen.dmas++)
		memcpy(seen.dma, data, size < sizeof(seen.dma) ? size : sizeof(seen.dma));
}

static void watch_output(struct harness_watch *w, unsigned channel, const uint8_t *bytes,
			 size_t size)
{
	while (size-- && seen.outputs < sizeof(seen.output))
		seen.output[seen.outputs++] = (char)*bytes++;
}

/* Lines of text, as in text.c. */
static enum stop_reason run(const char *text)
{
	static uint8_t bytes[65536];
	size_t size = 0;

	memset(&seen, 0, sizeof(seen));
	seen.watch = (struct harness_watch){.op = watch_op,
					    .exit = watch_exit,
					    .irq = watch_irq,
					    .dma = watch_dma,
					    .output = watch_output};
	harness_set_watch(h, &seen.watch);
	while (*text) {
		char line[256];
		size_t length = strcspn(text, "\n");
		struct error e;
		struct op op;
		int rc;

		snprintf(line, sizeof(line), "%.*s", (int)length, text);
		rc = op_parse(line, harness_regions(h), &op, &e);
		if (rc < 0)
			fail_msg("%s", e.text);
		if (rc)
			size += op_encode(&op, bytes + size);
		text += length + (text[length] == '\n');
	}
	return harness_run(h, bytes, size);
}

/* ---- targets and regions ---- */

/* A new device needs no more than to be on the board, but its regions need numbers that stay. */
static void test_every_region_has_a_number(void **state)
{
	struct error e;
	const struct region_table *t;
	struct machine *m;
	static struct region_table all;

	h = harness_open("board", NULL, &e);
	assert_non_null(h);
	m = harness_machine(h);
	regions_of_machine(&all, m);
	for (unsigned i = 0; i < all.count; i++) {
		if (!all.region[i].listed)
			fail_msg("give region \"%s\" the next number in fuzz/regions.def",
				 all.region[i].name);
		for (unsigned n = 0; n < i; n++)
			assert_int_not_equal(all.region[i].number, all.region[n].number);
	}
	t = harness_regions(h);
	for (unsigned n = 0; n < OP_REGION; n++)
		assert_non_null(region_by_number(t, n));
	for (unsigned i = 0; i < t->count; i++)
		assert_ptr_equal(region_by_number(t, t->region[i].number), &t->region[i]);
}

static void test_every_device_has_a_target(void **state)
{
	unsigned n = 0;
	const char *name;

	for (; (name = harness_target_name(n)); n++) {
		struct error e;

		h = harness_open(name, NULL, &e);
		if (!h)
			fail_msg("%s (is it on a board?)", e.text);
		assert_true(harness_regions(h)->count > 0);
		harness_close(h);
		h = NULL;
	}
	for (unsigned i = 0; device_classes[i]; i++)
		n--;
	assert_int_equal(n, 2); /* board and pci */
}

/* Four writes with the right values in the right order: the mutator makes them of nothing. */
static void test_window_is_found(void **state)
{
	const struct fuzz_region *edu;
	uint8_t input[512];
	unsigned seed = 0;

	if (!device_class_find("edu")) {
		print_message("SKIP: there is no edu in this configuration\n");
		skip();
	}
	open_target("edu");
	mutate_open(harness_regions(h));
	edu = region_by_name(harness_regions(h), "edu", 3);
	assert_non_null(edu);
	do {
		assert_true(seed < 1000);
		harness_run(h, input, mutate(input, 0, sizeof(input), seed++));
	} while (!edu->window->on);
	mutate_open(NULL);
}

static void test_no_such_target(void **state)
{
	struct error e;

	assert_null(harness_open("i8255", NULL, &e));
	assert_int_equal(e.kind, ERROR_USAGE);
	assert_non_null(strstr(e.text, "i8255"));
}

/* ---- operations ---- */

static void test_accesses(void **state)
{
	open_target("board");
	assert_int_equal(run("write rtc+0 size 1 data 0x0f\n"
			     "write rtc+1 size 1 data 0x5a\n"
			     "read rtc+1 size 1\n"
			     "read rtc+0 size 2\n"
			     "write lapic+128 size 4 data 0x50\n"
			     "read cr8+0 size 1\n"
			     "read apic-base+0 size 8\n"),
			 STOP_NONE);
	assert_int_equal(seen.ops, 7);
	assert_int_equal(seen.exits, 7);
	assert_int_equal(seen.data[0], 0x5a);
	assert_int_equal(seen.data[1] >> 8, 0x5a);
	assert_int_equal(seen.data[2], 5);
	assert_int_equal(seen.data[3], 0xfee00900);
}

static void test_strings(void **state)
{
	if (!device_class_find("fw_cfg"))
		skip();
	open_target("board");
	run("write-string uart+0 size 1 count 5 bytes 6162\n"
	    "read-string fw_cfg+1 size 1 count 3\n");
	assert_int_equal(seen.exits, 8);
	assert_memory_equal(seen.output, "ababa", 5);
	/* The item of key 0 is the signature. */
	assert_int_equal(seen.data[0], 'Q');
	assert_int_equal(seen.data[2], 'M');
}

/* A page boundary makes two exits of an access, as exit.h has it. */
static void test_page_crossing(void **state)
{
	open_target("board");
	run("read lapic+4094 size 4\n");
	assert_int_equal(seen.exits, 2);
}

#define PIC_SETUP                                                                                  \
	"write pic-master+0 size 1 data 0x11\n"                                                    \
	"write pic-master+1 size 1 data 0x20\n"                                                    \
	"write pic-master+1 size 1 data 4\n"                                                       \
	"write pic-master+1 size 1 data 1\n"                                                       \
	"write pic-master+1 size 1 data 0xfe\n"                                                    \
	"write lapic+240 size 4 data 0x1ff\n"                                                      \
	"write lapic+848 size 4 data 0x700\n"

static void test_interrupts(void **state)
{
	open_target("board");
	run(PIC_SETUP "acknowledge\n"
		      "write pit+3 size 1 data 0x34\n"
		      "write pit+0 size 1 data 0xa9\n"
		      "write pit+0 size 1 data 4\n"
		      "clock 990000\n"
		      "acknowledge\n"
		      "clock 20000\n"
		      "acknowledge\n"
		      "write pic-master+0 size 1 data 0x20\n"
		      "timer 0\n"
		      "timer 0\n"
		      "acknowledge\n");
	assert_int_equal(seen.irqs, 2);
	assert_int_equal(seen.vector[0], 0x20);
	assert_int_equal(seen.vector[1], 0x20);
}

static void test_reset(void **state)
{
	open_target("board");
	run("write rtc+0 size 1 data 0x0a\n"
	    "write lapic+240 size 4 data 0x1ff\n"
	    "reset\n"
	    "read lapic+240 size 4\n");
	assert_int_equal(seen.data[0], 0xff);
}

static void test_snapshots(void **state)
{
	open_target("board");
	run("write lapic+128 size 4 data 0x10\n"
	    "snapshot\n"
	    "write lapic+128 size 4 data 0x20\n"
	    "restore\n"
	    "read lapic+128 size 4\n"
	    "write lapic+128 size 4 data 0x30\n"
	    "restore\n"
	    "read lapic+128 size 4\n");
	assert_int_equal(seen.data[0], 0x10);
	assert_int_equal(seen.data[1], 0x10);
	/* With none, to where the input began. */
	run("write lapic+128 size 4 data 0x30\n"
	    "restore\n"
	    "read lapic+128 size 4\n");
	assert_int_equal(seen.data[0], 0);
}

static void test_power_off_ends_it(void **state)
{
	open_target("board");
	assert_int_equal(run("write acpi-pm+4 size 2 data 0x2000\n"
			     "read pit+0 size 1\n"),
			 STOP_POWEROFF);
	assert_int_equal(seen.ops, 1);
	/* And the next input begins anew. */
	assert_int_equal(run("read pit+0 size 1\n"), STOP_NONE);
}

static void test_answers(void **state)
{
	open_target("board");
	run("host char0 bytes 41\n"
	    "timer 0\n"
	    "read uart+0 size 1\n");
	assert_int_equal(seen.data[0], 'A');
	/* More than there is room for waits; and is gone with the input. */
	run("host char0 bytes 4142\n"
	    "timer 0\n"
	    "read uart+0 size 1\n"
	    "clock 0\n"
	    "timer 0\n"
	    "read uart+0 size 1\n");
	assert_int_equal(seen.data[0], 'A');
	assert_int_equal(seen.data[1], 'B');
	run("timer 0\n"
	    "read uart+5 size 1\n");
	assert_int_equal(seen.data[0] & 1, 0);
}

static void test_made_up_memory(void **state)
{
	static const uint8_t pointer[8] = {0, 0, 0, 0, 0, 0, 0x30, 0};

	if (!device_class_find("fw_cfg"))
		skip();
	open_target("fw_cfg");
	/* The control structure is read from 3000h. */
	run("dma plain+0 bytes 0102030405060708\n"
	    "write fw_cfg-dma+4 size 4 data 0x00300000\n");
	assert_int_equal(seen.dmas, 1);
	assert_memory_equal(seen.dma, "\1\2\3\4\5\6\7\10\1\2\3\4\5\6\7\10", 16);
	/* One that points at itself. */
	run("dma be64+8 bytes 00000002000000040000000000000000\n"
	    "write fw_cfg-dma+4 size 4 data 0x00300000\n");
	assert_memory_equal(seen.dma + 8, pointer, 8);
	/* What the guest has written is left alone. */
	run("dma plain+0 bytes 01\n"
	    "fill 0x3000 count 4 bytes aabb\n"
	    "write fw_cfg-dma+4 size 4 data 0x00300000\n");
	assert_memory_equal(seen.dma, "\xaa\xbb\xaa\xbb\0\0\0\0", 8);
	assert_string_equal(objection, "");
}

/* Bytes that nobody made, and many of them. */
static void test_any_input(void **state)
{
	static uint8_t bytes[200000];
	uint32_t random = 1;

	open_target("board");
	for (size_t i = 0; i < sizeof(bytes); i++) {
		random = random * 1664525 + 1013904223;
		bytes[i] = (uint8_t)(random >> 24);
	}
	harness_run(h, bytes, 0);
	for (size_t size = 1; size < 2000; size += 37)
		harness_run(h, bytes + size, size);
	harness_run(h, bytes, sizeof(bytes));
	assert_string_equal(objection, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_every_region_has_a_number),
	    TEST(test_every_device_has_a_target),
	    TEST(test_no_such_target),
	    TEST(test_window_is_found),
	    TEST(test_accesses),
	    TEST(test_strings),
	    TEST(test_page_crossing),
	    TEST(test_interrupts),
	    TEST(test_reset),
	    TEST(test_snapshots),
	    TEST(test_power_off_ends_it),
	    TEST(test_answers),
	    TEST(test_made_up_memory),
	    TEST(test_any_input),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
