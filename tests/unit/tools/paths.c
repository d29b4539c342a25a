/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths on the command line reach the file system as they were typed, drive letters, backslashes,
 * colons and all, while what has colons and commas of its own is taken apart as before. The same
 * on every system: a trace's reproducer may be typed anywhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "emulator/host/win32_path.h"
#include "tests/unit/temporary.h"
#include "tools/options.h"

#define WORDS 16

static struct session_options o;
static struct error error;

/* Parses a command line: words up to a NULL. */
static int parse(const char *word, ...)
{
	static char text[WORDS][600];
	char *argv[WORDS + 1] = {text[0]};
	int argc = 1;
	va_list ap;

	options_free(&o);
	memset(&error, 0, sizeof(error));
	strcpy(text[0], "record");
	va_start(ap, word);
	for (; word; word = va_arg(ap, const char *)) {
		assert_true(argc < WORDS && strlen(word) < sizeof(text[0]));
		strcpy(text[argc], word);
		argv[argc] = text[argc];
		argc++;
	}
	va_end(ap);
	return options_parse(&o, argc, argv, &error);
}

static const char *const paths[] = {
    "C:\\vm\\x",
    "C:/vm/x",
    "c:x",
    "/c/vm/x",
    "..\\vm\\x",
    "\\\\server\\share\\x",
    "//server/share/x",
    "\\\\?\\C:\\vm\\x",
    "C:\\Program Files\\x",
    "C:\\vm\\a=b;c&d%e~1",
    "C:\\vm\\Z\303\274rich",
    "host:/vm/x",
};

#define PATHS (sizeof(paths) / sizeof(paths[0]))

/* A file that is missing is named whole, so what was looked for is what was typed. */
static void test_images(void **state)
{
	static const char *const options[] = {"-kernel", "-bios", "-pflash"};
	char want[300];

	for (size_t i = 0; i < PATHS; i++) {
		for (size_t n = 0; n < 3; n++) {
			assert_int_equal(parse(options[n], paths[i], NULL), -1);
			snprintf(want, sizeof(want), "%s %s: ", options[n], paths[i]);
			if (!strstr(error.text, want))
				fail_msg("no '%s' in: %s", want, error.text);
		}
	}
}

static void test_output(void **state)
{
	for (size_t i = 0; i < PATHS; i++) {
		assert_int_equal(parse("-o", paths[i], NULL), -1); /* nothing to run */
		assert_string_equal(o.output, paths[i]);
	}
}

static void test_serial(void **state)
{
	static const char *const prefix[] = {"file:", "file;"};
	char text[300];

	for (size_t i = 0; i < PATHS; i++) {
		for (size_t n = 0; n < 2; n++) {
			snprintf(text, sizeof(text), "%s%s", prefix[n], paths[i]);
			parse("-serial", "none", "-serial", text, "-debugcon", text, NULL);
			assert_int_equal(o.live.channel[0].kind, LIVE_NONE);
			for (unsigned channel = 1; channel < 3; channel++) {
				assert_int_equal(o.live.channel[channel].kind, LIVE_FILE);
				assert_string_equal(o.live.channel[channel].path, paths[i]);
			}
		}
	}
	assert_int_equal(parse("-serial", "C:/vm/x", NULL), -1);
	assert_non_null(strstr(error.text, "unknown channel 'C:/vm/x'"));
}

/* Colons and commas that are no path's. */
static void test_lists(void **state)
{
	parse("-accel", "kvm:tcg", "-accel", "whpx,emulator=auto:tcg", NULL);
	assert_string_equal(o.accel, "kvm:tcg:whpx,emulator=auto:tcg");
	parse("-machine", "pc,accel=kvm:tcg", NULL);
	assert_string_equal(o.accel, "kvm:tcg");
	parse("-device", "a,b=c:d", "-device", "x,y=C:\\z", "-append", "root=/dev/vda \\ a:b,c",
	      NULL);
	assert_string_equal(o.machine.device[0], "a,b=c:d");
	assert_string_equal(o.machine.device[1], "x,y=C:\\z");
	assert_string_equal(o.machine.append, "root=/dev/vda \\ a:b,c");
}

/* Makes a file of this name in the temporary folder. */
static void make(char path[300], const char *name)
{
	FILE *f;

	snprintf(path, 300, "%s/vcr-paths-%ld %s", temporary_folder(), (long)getpid(), name);
	f = fopen(path, "wb");
	assert_non_null(f);
	fputs(name, f);
	fclose(f);
}

/* -initrd takes arguments behind a space, and names with spaces and commas all the same. */
static void test_modules(void **state)
{
	char a[300], b[300], comma[300], both[1000];

	make(a, "a");
	make(b, "b c");
	make(comma, "d,e");
	snprintf(both, sizeof(both), "%s x=1 y,%s,%s z:/w", a, b, a);
	assert_int_equal(parse("-kernel", a, "-initrd", both, NULL), 0);
	assert_int_equal(o.machine.images, 4);
	assert_int_equal(o.machine.image[1].size, 1);
	assert_string_equal(o.machine.image[1].name + strlen(a), " x=1 y");
	assert_int_equal(o.machine.image[2].size, 3);
	assert_string_equal(o.machine.image[2].name, b);
	assert_int_equal(o.machine.image[3].size, 1);
	assert_string_equal(o.machine.image[3].name + strlen(a), " z:/w");
	assert_int_equal(parse("-kernel", a, "-initrd", comma, NULL), 0);
	assert_string_equal(o.machine.image[1].name, comma);
	unlink(a);
	assert_int_equal(parse("-kernel", b, "-initrd", "Z:\\missing\\x with words", NULL), -1);
	assert_non_null(strstr(error.text, "-initrd Z:\\missing\\x: "));
	unlink(b);
	unlink(comma);
}

/* Which paths may be meant as MSYS2's shell writes drives. */
static void test_drives(void **state)
{
	char folder[WIN32_PATH_DRIVE_MAX], drive[32];

	assert_true(win32_path_names_drive("/c/vm/x", folder));
	assert_string_equal(folder, "/c");
	win32_path_on_drive("/c/vm/x", drive);
	assert_string_equal(drive, "c:/vm/x");
	assert_true(win32_path_names_drive("/Z", folder));
	win32_path_on_drive("/Z", drive);
	assert_string_equal(drive, "Z:/");
	for (size_t i = 0; i < PATHS; i++)
		assert_int_equal(win32_path_names_drive(paths[i], folder), i == 3);
	assert_false(win32_path_names_drive("/cc/x", folder));
	assert_false(win32_path_names_drive("/1/x", folder));
	assert_false(win32_path_names_drive("/", folder));
	assert_false(win32_path_names_drive("", folder));
}

static int teardown(void **state)
{
	options_free(&o);
	memset(&o, 0, sizeof(o));
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(test_images, teardown),
	    cmocka_unit_test_teardown(test_output, teardown),
	    cmocka_unit_test_teardown(test_serial, teardown),
	    cmocka_unit_test_teardown(test_lists, teardown),
	    cmocka_unit_test_teardown(test_modules, teardown),
	    cmocka_unit_test_teardown(test_drives, teardown),
	};

	return cmocka_run_group_tests_name("tools/paths", tests, NULL, NULL);
}
