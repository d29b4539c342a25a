/* SPDX-License-Identifier: Apache-2.0 */
/* Parser of -device strings, against a list of classes of this test's own. */
#include "emulator/device/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct device_property properties[] = {
    {"iobase", 0x501, 0, 0xffff, "its first port"},
    {"iosize", 2, 1, 8, "how many ports"},
    {.name = NULL},
};
static const struct device_class gadget = {
    .name = "gadget", .user = true, .properties = properties};
static const struct device_class plain = {.name = "plain", .user = true};
static const struct device_class hidden = {.name = "hidden"};

/* Instead of the generated list. */
const struct device_class *const device_classes[] = {&gadget, &hidden, &plain, NULL};

static uint64_t value[DEVICE_PROPERTIES];
static const struct device_class *class;
static struct error error;

static void accepts(const char *text, const struct device_class *expected, uint64_t first,
		    uint64_t second)
{
	if (device_options_parse(text, &class, value, &error))
		fail_msg("%s", error.text);
	assert_ptr_equal(class, expected);
	assert_true(value[0] == first && value[1] == second);
}

static void refuses(const char *text, const char *message)
{
	assert_int_equal(device_options_parse(text, &class, value, &error), -1);
	assert_int_equal(error.kind, ERROR_USAGE);
	assert_string_equal(error.text, message);
}

static void test_accepted(void **state)
{
	accepts("gadget", &gadget, 0x501, 2);
	accepts("gadget,iobase=0xf4,iosize=4", &gadget, 0xf4, 4);
	accepts("gadget,iosize=8", &gadget, 0x501, 8);
	accepts("gadget,iobase=244", &gadget, 244, 2);
	accepts("gadget,iobase=0XfFfF", &gadget, 0xffff, 2);
	accepts("gadget,iobase=1,iobase=2", &gadget, 2, 2);
}

static void test_unknown(void **state)
{
	refuses("nothing", "-device nothing: unknown device (known: gadget, plain)");
	refuses("", "-device : unknown device (known: gadget, plain)");
	refuses("hidden", "-device hidden: unknown device (known: gadget, plain)");
	refuses("gadge", "-device gadge: unknown device (known: gadget, plain)");
	refuses("gadget,io=1", "-device gadget: unknown property 'io' (known: iobase, iosize)");
	refuses("gadget,", "-device gadget: unknown property '' (known: iobase, iosize)");
	refuses("plain,x=1", "-device plain: unknown property 'x' (known: none)");
}

static void test_values(void **state)
{
	static const char *const bad[] = {"",    "0x",      "-1", "1 ",
					  "0xg", "0x10000", "1f", "99999999999999999999"};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char text[80] = "gadget,iobase=";

		strcat(text, bad[i]);
		assert_int_equal(device_options_parse(text, &class, value, &error), -1);
		assert_non_null(strstr(error.text, "is not a number from 0 to 0xffff"));
	}
	refuses("gadget,iosize=0", "-device gadget: iosize=0 is not a number from 0x1 to 0x8 (how "
				   "many ports)");
	refuses("gadget,iobase", "-device gadget: iobase needs a value (iobase=0x501)");
}

/* However long it is, the message is one line that fits. */
static void test_long(void **state)
{
	char text[5000];

	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = 0;
	assert_int_equal(device_options_parse(text, &class, value, &error), -1);
	assert_true(strlen(error.text) < 200);
	memcpy(text, "gadget,iobase=", 14);
	assert_int_equal(device_options_parse(text, &class, value, &error), -1);
	assert_true(strlen(error.text) < 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_accepted),
	    cmocka_unit_test(test_unknown),
	    cmocka_unit_test(test_values),
	    cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests_name("device/options", tests, NULL, NULL);
}
