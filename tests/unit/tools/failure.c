/* SPDX-License-Identifier: Apache-2.0 */
/* Telling crashes apart by what programs say (tools/failure.h). */
#include "tools/failure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const char asan[] =
    "INFO: Seed: 1\n==17==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x602000000051 "
    "at "
    "pc 0x55aa\nREAD of size 1\n"
    "    #0 0x55aa in __asan_memcpy (/x/fuzz_i8254+0x1)\n"
    "    #1 0x55ab in counter_read /src/i8254.c:100:3\n"
    "    #2 0x55ac in i8254_read /src/i8254.c:200:3\n"
    "    #3 0x55ad in exit_run /src/inject.c:40\n"
    "    #4 0x55ae in main /src/main.c:1\n\n"
    "0x602000000051 is located 0 bytes to the right of 1-byte region\nallocated by thread T0 "
    "here:\n"
    "    #0 0x55af in malloc (/x+0x2)\n    #1 0x55b0 in machine_open /src/machine.c:4\n";

static struct failure parse(const char *text, const char *end)
{
	struct failure f;

	failure_parse(&f, text, end);
	return f;
}

static void test_sanitizers(void **state)
{
	struct failure f = parse(asan, "");

	assert_string_equal(f.kind, "heap-buffer-overflow");
	assert_int_equal(f.frames, 2);
	assert_string_equal(f.frame[0], "counter_read");
	assert_string_equal(f.frame[1], "i8254_read");
	f = parse("../i8254.c:9:4: runtime error: shift exponent 64 is too large for 32-bit type\n"
		  "    #0 0x1 in counter_load i8254.c:9\n",
		  "");
	assert_string_equal(f.kind, "shift exponent N is too large for N-bit type");
	assert_string_equal(f.frame[0], "counter_load");
}

static void test_text(void **state)
{
	struct failure f = parse("vcr: objection: work: DMA of over 1048576 bytes\n", "");

	assert_string_equal(f.kind, "work: DMA of over N bytes");
	assert_int_equal(f.frames, 0);
	f = parse("fuzz i8254: restore: byte 12 of the state of pit is 0a and was 00\n", "");
	assert_string_equal(f.kind, "restore: byte N of the state of pit is N and was N");
	f = parse("vcr: i8254.c:12: counter_out: Assertion `mode < 6' failed.\n", "Aborted");
	assert_string_equal(f.kind, "mode < N");
	f = parse("", "Segmentation fault");
	assert_string_equal(f.kind, "Segmentation fault");
	f = parse("crash\n  #0 (/lib/x86_64-linux-gnu/libc.so.6+0x11)\n  #1 (/x/vcr+0x1234)\n",
		  "Aborted");
	assert_int_equal(f.frames, 1);
	assert_string_equal(f.frame[0], "(/x/vcr+0x1234");
}

/* The same bug at another address, with other numbers; another place; another kind. */
static void test_same(void **state)
{
	char other[sizeof(asan)];
	struct failure a = parse(asan, ""), b;

	memcpy(other, asan, sizeof(asan));
	memcpy(strstr(other, "602000000051"), "602000000099", 12);
	b = parse(other, "");
	assert_true(failure_same(&a, &b));
	assert_true(failure_hash(&a) == failure_hash(&b));
	memcpy(strstr(other, "counter_read"), "counter_rest", 12);
	b = parse(other, "");
	assert_false(failure_same(&a, &b));
	assert_true(failure_hash(&a) != failure_hash(&b));
	b = parse("", "");
	assert_false(failure_same(&a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sanitizers),
	    cmocka_unit_test(test_text),
	    cmocka_unit_test(test_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
