/* SPDX-License-Identifier: Apache-2.0 */
/* The live door: input from a pipe, its escapes, and what wakes a halted guest. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "emulator/host/live.h"
#include "tests/unit/temporary.h"

#define MS 1000000ull

/* Standard input of this process becomes a pipe; returns its other end. */
static int feed_stdin(void)
{
	int ends[2];

#ifdef _WIN32
	assert_int_equal(_pipe(ends, 4096, _O_BINARY), 0);
#else
	assert_int_equal(pipe(ends), 0);
#endif
	assert_true(dup2(ends[0], STDIN_FILENO) >= 0);
	close(ends[0]);
	return ends[1];
}

static struct host *door(bool pace_real)
{
	struct live_options o = {.pace_real = pace_real};
	struct error e = {0};
	struct host *h;

	o.channel[0].kind = LIVE_STDIO;
	h = live_open(&o, &e);
	assert_non_null(h);
	return h;
}

static void say(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/* Polls as a machine whose device has room for `max` bytes; returns how many came. */
static size_t poll_door(struct host *h, char *text, size_t max)
{
	size_t n = max ? h->ops->char_read(h, 0, (uint8_t *)text, max) : 0;

	h->ops->stop(h);
	return n;
}

/* Input wakes a halted guest; once it was taken, the guest sleeps to its deadline again. */
static void test_wait_real(void **state)
{
	int in = feed_stdin();
	struct host *h = door(true);
	char text[8];

	say(in, "abc");
	assert_true(h->ops->wait(h, 0, 60000 * MS) < 60000 * MS);
	assert_int_equal(poll_door(h, text, 2), 2);
	assert_memory_equal(text, "ab", 2);
	/* "c" is left, but the device was offered it: only time goes on. */
	assert_int_equal(h->ops->wait(h, 100, 100 + 30 * MS), 100 + 30 * MS);
	assert_int_equal(poll_door(h, text, 8), 1);
	assert_int_equal(h->ops->wait(h, 200, 200 + 30 * MS), 200 + 30 * MS);
	/* A device without room is woken by new bytes once, and not again and again. */
	say(in, "d");
	assert_true(h->ops->wait(h, 300, 60000 * MS) < 60000 * MS);
	poll_door(h, text, 0);
	assert_int_equal(h->ops->wait(h, 300, 300 + 30 * MS), 300 + 30 * MS);
	live_close(h);
	close(in);
}

static void test_wait_virtual(void **state)
{
	int in = feed_stdin();
	struct host *h = door(false);
	char text[8];

	assert_int_equal(h->ops->wait(h, 5, 1ull << 60), 1ull << 60);
	/* Without a timer only input can wake the guest, and then no time has passed. */
	say(in, "x");
	assert_int_equal(h->ops->wait(h, 5, UINT64_MAX), 5);
	assert_int_equal(poll_door(h, text, 8), 1);
	/* And when standard input has ended, nothing can. */
	close(in);
	assert_true(h->ops->wait(h, 5, UINT64_MAX) == UINT64_MAX);
	live_close(h);
}

/* Ctrl-A Ctrl-A is one Ctrl-A; Ctrl-A x from a pipe ends the session after what was before it. */
static void test_escape(void **state)
{
	int in = feed_stdin();
	struct host *h = door(false);
	char text[8];

	say(in, "1\001\0012\001x");
	assert_int_equal(h->ops->wait(h, 5, UINT64_MAX), 5);
	while (!poll_door(h, text, 1))
		;
	assert_int_equal(text[0], '1');
	assert_int_equal(h->ops->stop(h), HOST_STOP_NONE);
	while (!poll_door(h, text, 1))
		;
	assert_int_equal(text[0], 1);
	while (!poll_door(h, text, 1))
		;
	assert_int_equal(text[0], '2');
	while (h->ops->stop(h) == HOST_STOP_NONE)
		poll_door(h, text, 1);
	assert_int_equal(h->ops->stop(h), HOST_STOP_QUIT);
	live_close(h);
	close(in);
}

/* Ctrl-A p from a pipe presses the power button after what was before it, and wakes the guest. */
static void test_button(void **state)
{
	int in = feed_stdin();
	struct host *h = door(false);
	uint8_t byte = 0;
	char text[8];

	assert_int_equal(h->ops->char_read(h, HOST_CHANNEL_BUTTON, &byte, 1), 0);
	say(in, "1\001p");
	assert_int_equal(h->ops->wait(h, 5, UINT64_MAX), 5);
	assert_int_equal(h->ops->char_read(h, HOST_CHANNEL_BUTTON, &byte, 1), 0);
	assert_int_equal(poll_door(h, text, 8), 1);
	assert_int_equal(text[0], '1');
	assert_int_equal(h->ops->wait(h, 5, UINT64_MAX), 5);
	assert_int_equal(h->ops->char_read(h, HOST_CHANNEL_BUTTON, &byte, 1), 1);
	assert_int_equal(h->ops->char_read(h, HOST_CHANNEL_BUTTON, &byte, 1), 0);
	assert_int_equal(h->ops->stop(h), HOST_STOP_NONE);
	live_close(h);
	close(in);
}

static void assert_file(const char *path, const char *bytes)
{
	FILE *f = fopen(path, "rb");
	char got[64] = {0};

	assert_non_null(f);
	assert_int_equal(fread(got, 1, sizeof(got), f), strlen(bytes));
	fclose(f);
	assert_string_equal(got, bytes);
}

/* What a guest programs is in the file at the next poll, or when the door is closed. */
static void test_store(void **state)
{
	char path[256];
	struct live_options o = {.store = {NULL, path}};
	struct error e = {0};
	struct host *h;
	int file;

	snprintf(path, sizeof(path), "%s/vcr-store-XXXXXX", temporary_folder());
	file = mkstemp(path);
	assert_true(file >= 0);
	say(file, "0123456789");
	close(file);
	h = live_open(&o, &e);
	assert_non_null(h);
	h->ops->store(h, 1, 2, "a", 1);
	h->ops->store(h, 1, 3, "b", 1); /* goes on where the one before ended */
	h->ops->store(h, 1, 7, "c", 1);
	h->ops->store(h, 0, 0, "lost", 4); /* has no file */
	h->ops->stop(h);
	assert_file(path, "01ab456c89");
	h->ops->store(h, 1, 0, "last", 4);
	h->ops->store(h, 1, 2, "!", 1);
	live_close(h);
	assert_file(path, "la!t456c89");
	unlink(path);
	assert_null(live_open(&o, &e));
	assert_int_equal(e.kind, ERROR_USAGE);
	assert_non_null(strstr(e.text, path));
}

static atomic_uint woken;

static void count_wake(void *opaque)
{
	assert_ptr_equal(opaque, &woken);
	atomic_fetch_add(&woken, 1);
}

/* Who listens hears of input as it comes, without asking; and nothing once he does not. */
static void test_listen(void **state)
{
	const struct timespec pause = {.tv_nsec = MS};
	int in = feed_stdin();
	struct host *h = door(true);
	char text[8];

	atomic_store(&woken, 0);
	h->ops->listen(h, count_wake, &woken);
	say(in, "a");
	for (unsigned i = 0; i < 30000 && !atomic_load(&woken); i++)
		nanosleep(&pause, NULL);
	assert_int_equal(atomic_load(&woken), 1);
	assert_int_equal(poll_door(h, text, 8), 1);
	h->ops->listen(h, NULL, NULL);
	say(in, "b");
	for (unsigned i = 0; i < 30000 && !poll_door(h, text, 8); i++)
		nanosleep(&pause, NULL);
	assert_int_equal(text[0], 'b');
	assert_int_equal(atomic_load(&woken), 1);
	close(in);
	live_close(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_wait_real), cmocka_unit_test(test_wait_virtual),
	    cmocka_unit_test(test_escape),    cmocka_unit_test(test_button),
	    cmocka_unit_test(test_store),     cmocka_unit_test(test_listen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
