/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How an accelerator is chosen: the order of the list, the reasons for those passed over,
 * properties, and that boot registers are left alone where the hypervisor sets them. The tables
 * of what is built in are this file's own, so that nothing depends on the host.
 */
#include "emulator/accel/accel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "emulator/machine.h"

static unsigned writes, closes; /* calls of cpu_written(), and of close_busy() */

static const char *probe_good(void)
{
	return NULL;
}

static const char *probe_gone(void)
{
	return "/dev/gone: no such device (load its module)";
}

static void cpu_written(struct machine *m)
{
	writes++;
}

static const struct accel_property properties[] = {
    {.name = "irqchip", .value = "off", .refused = {{"on", "it cannot be recorded"}}},
    {.name = "colour", .value = "blue"},
    {.name = NULL},
};

static const struct accel_class gone = {
    .name = "gone", .probe = probe_gone, .properties = properties};
static const struct accel_class good = {
    .name = "good", .probe = probe_good, .flags = ACCEL_COUNTS_INSNS, .cpu_written = cpu_written};
static const struct accel_class own = {.name = "own",
				       .probe = probe_good,
				       .flags = ACCEL_COUNTS_INSNS | ACCEL_BOOT_REGS,
				       .properties = properties,
				       .cpu_written = cpu_written};
/* Looks usable, and then is not. */
static int open_busy(struct machine *m, struct error *e)
{
	assert_true(m->config.host_time);
	return error_set(e, ERROR_HOST, "cannot create a virtual machine: busy");
}

static void close_busy(struct machine *m)
{
	closes++;
}

static const struct accel_class busy = {
    .name = "busy", .probe = probe_good, .open = open_busy, .close = close_busy};
const struct accel_class *const accel_classes[] = {&gone, &good, &own, &busy, NULL};
const struct accel_absent accel_absent[] = {{"away", "elsewhere", "it needs the moon"},
					    {NULL, NULL, NULL}};

static int board_build(struct machine *m, struct error *e)
{
	return ram_open(&m->ram, MACHINE_DEVICES * RAM_PAGE, e) ||
	       bus_add_slot(&m->bus, 0, MACHINE_DEVICES * RAM_PAGE, 0, false, e);
}

static const struct board_class board = {
    .name = "pc", .ram_min = 1, .ram_max = UINT64_MAX, .build = board_build};
const struct board_class *const board_classes[] = {&board, NULL};
const struct device_class *const device_classes[] = {NULL};

static struct accel_choice choice;
static struct error error;

static int setup(void **state)
{
	memset(&choice, 0, sizeof(choice));
	memset(&error, 0, sizeof(error));
	writes = 0;
	return 0;
}

static void chooses(const char *list, const struct accel_class *class, const char *passed)
{
	if (accel_choose(list, &choice, &error))
		fail_msg("%s: %s", list, error.text);
	assert_ptr_equal(choice.class, class);
	assert_string_equal(choice.passed, passed);
}

static void refuses(const char *list, enum error_kind kind, const char *text)
{
	memset(&error, 0, sizeof(error));
	assert_int_equal(accel_choose(list, &choice, &error), -1);
	assert_int_equal(error.kind, kind);
	if (!strstr(error.text, text))
		fail_msg("no '%s' in: %s", text, error.text);
}

static void test_order(void **state)
{
	chooses("good", &good, "");
	chooses("own:good", &own, "");
	chooses("gone:own:good", &own, "gone: /dev/gone: no such device (load its module)");
	chooses("away:good", &good, "away: not built in: it needs the moon");
	chooses("goo:gone:good", &good,
		"goo: there is no such accelerator; "
		"gone: /dev/gone: no such device (load its module)");
}

static void test_nothing_usable(void **state)
{
	refuses("gone", ERROR_HOST, "/dev/gone: no such device");
	refuses("gone:away", ERROR_HOST, "needs the moon");
	refuses("away", ERROR_USAGE, "needs the moon");
	refuses("steam", ERROR_USAGE, "steam");
	refuses("", ERROR_USAGE, "a name is missing");
	refuses(":::", ERROR_USAGE, "a name is missing");
}

/* Those of all in the list are checked, also of what is not usable or comes later. */
static void test_properties(void **state)
{
	chooses("own,irqchip=off", &own, "");
	chooses("own,irqchip=off,colour=blue:good", &own, "");
	chooses("gone,irqchip=off:good", &good,
		"gone: /dev/gone: no such device (load its module)");
	refuses("own,irqchip=on", ERROR_USAGE,
		"-accel own,irqchip=on: it cannot be recorded (use irqchip=off)");
	refuses("gone,irqchip=on:good", ERROR_USAGE, "it cannot be recorded");
	refuses("good:own,colour=red", ERROR_USAGE, "colour=red is unknown (use colour=blue)");
	refuses("own,shape=round", ERROR_USAGE, "unknown property 'shape=round' (known: irqchip=");
	refuses("own,irqchip", ERROR_USAGE, "irqchip needs a value (irqchip=off)");
	refuses("own,", ERROR_USAGE, "unknown property ''");
	refuses("good,irqchip=off", ERROR_USAGE, "(known: none)");
	assert_int_equal(accel_property_check("irqchip", "off", &error), 0);
	assert_int_equal(accel_property_check("irqchip", "on", &error), -1);
	assert_int_equal(accel_property_check("shape", "round", &error), -1);
}

/* However long what was typed is, the message is whole and ends. */
static void test_long_list(void **state)
{
	char list[20000];

	memset(list, 'x', sizeof(list) - 1);
	list[sizeof(list) - 1] = 0;
	refuses(list, ERROR_USAGE, "xxx: there is no such accelerator");
	for (unsigned i = 2; i < sizeof(list) - 1; i += 3)
		list[i] = ':';
	refuses(list, ERROR_USAGE, "xx: there is no such accelerator; xx: ");
	assert_true(strlen(error.text) < sizeof(error.text));
}

static unsigned writes_of(const char *accel)
{
	struct machine_config config;
	struct machine *m;
	struct host host = {.ops = NULL};
	unsigned total;

	writes = 0;
	machine_config_init(&config);
	m = machine_open(&config, accel, &host, NULL, &error);
	if (!m)
		fail_msg("%s", error.text);
	machine_state(m)->reset_requested = true;
	machine_service_reset(m);
	total = writes;
	machine_close(m);
	return total;
}

/* At power-on and at the reset: once each, or not at all. */
static void test_boot_registers(void **state)
{
	assert_int_equal(writes_of("good"), 2);
	assert_int_equal(writes_of("own"), 0);
}

static struct machine *opened(const char *accel)
{
	static struct host host;
	struct machine_config config;

	closes = 0;
	machine_config_init(&config);
	return machine_open(&config, accel, &host, NULL, &error);
}

/* What cannot be opened is passed over too, and leaves nothing behind. */
static void test_open_fails(void **state)
{
	struct machine *m = opened("gone:busy:good");

	assert_non_null(m);
	assert_ptr_equal(m->accel, &good);
	assert_false(m->config.host_time);
	assert_true(closes >= 1);
	assert_string_equal(m->accel_passed, "gone: /dev/gone: no such device (load its module); "
					     "busy: cannot create a virtual machine: busy");
	machine_close(m);
	assert_null(opened("busy"));
	assert_int_equal(error.kind, ERROR_HOST);
	assert_non_null(strstr(error.text, "-accel busy: busy: cannot create a virtual machine"));
	assert_null(opened("busy:steam"));
}

static void test_capability_words(void **state)
{
	uint32_t all = 0;

	for (const struct accel_capability *c = accel_capabilities; c->name; c++) {
		assert_int_equal(all & c->flag, 0);
		all |= c->flag;
	}
	assert_int_equal(all, ACCEL_COUNTS_INSNS | ACCEL_READONLY | ACCEL_DIRTY_LOG |
				  ACCEL_SINGLE_STEP | ACCEL_MSR_EXITS | ACCEL_TSC_EXITS |
				  ACCEL_BOOT_REGS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_order, setup),
	    cmocka_unit_test_setup(test_nothing_usable, setup),
	    cmocka_unit_test_setup(test_properties, setup),
	    cmocka_unit_test_setup(test_long_list, setup),
	    cmocka_unit_test_setup(test_boot_registers, setup),
	    cmocka_unit_test_setup(test_open_fails, setup),
	    cmocka_unit_test_setup(test_capability_words, setup),
	};

	return cmocka_run_group_tests_name("accel", tests, NULL, NULL);
}
