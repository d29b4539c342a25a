/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer against the host: places that cannot be written, full disks, a process that is killed
 * while it records; and against callers that break the contract of trace.h.
 */
#include "tests/unit/trace/sample.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

static struct trace_writer *open_writer(const char *path, struct error *e)
{
	struct trace_info info = sample_info();

	return trace_writer_open(path, &info, NULL, 0, e);
}

static void test_unwritable(void **state)
{
	struct error e;

	assert_null(open_writer("/nonexistent/place/x.vcr", &e));
	assert_int_equal(e.kind, ERROR_HOST);
	assert_non_null(strstr(e.text, "/nonexistent/place/x.vcr"));
	assert_null(open_writer("/", &e));
	assert_int_equal(e.kind, ERROR_HOST);
}

static void test_no_such_trace(void **state)
{
	struct error e;

	assert_null(trace_reader_open("/nonexistent/x.vcr", &e));
	assert_int_equal(e.kind, ERROR_USAGE);
	assert_null(trace_reader_open("/", &e));
	assert_int_equal(e.kind, ERROR_USAGE);
	assert_null(trace_reader_open("/dev/zero", &e));
	assert_int_equal(e.kind, ERROR_USAGE);
}

static void test_dev_full(void **state)
{
	struct error e;

	if (access("/dev/full", W_OK))
		skip();
	assert_null(open_writer("/dev/full", &e));
	assert_int_equal(e.kind, ERROR_HOST);
	assert_non_null(strstr(e.text, strerror(ENOSPC)));
}

/* Writes until told to stop; the events are numbered by their data. */
static uint64_t write_many(struct trace_writer *w, uint64_t count)
{
	uint64_t i;

	for (i = 0; i < count && !trace_writer_failed(w); i++) {
		struct event e = {.kind = EVENT_HOST_ENTROPY,
				  .position.insns = i,
				  .bytes = sample_bytes + i * 211 % 1000000,
				  .length = 200};

		trace_write(w, &e);
	}
	return i;
}

static uint64_t count_events(const char *path, bool *complete)
{
	struct trace_reader *r;
	struct event got;
	struct error e;
	uint64_t n = 0;
	int rc;

	r = trace_reader_open(path, &e);
	if (!r)
		fail_msg("%s", e.text);
	while ((rc = trace_read(r, &got, &e)) > 0) {
		assert_int_equal(got.position.insns, n);
		assert_int_equal(got.length, 200);
		assert_memory_equal(got.bytes, sample_bytes + n * 211 % 1000000, 200);
		n++;
	}
	if (rc)
		fail_msg("%s", e.text);
	*complete = trace_reader_complete(r);
	trace_reader_close(r);
	return n;
}

/* A disk that is full after 3 MB: told once, at the latest by close; what is whole can be read. */
static void test_full_disk(void **state)
{
	char *path = sample_path();
	struct rlimit old, small;
	struct trace_writer *w;
	struct error e;
	bool complete;
	uint64_t n;

	random_events(NULL, 0, 1);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = 3000000;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	w = open_writer(path, &e);
	assert_non_null(w);
	n = write_many(w, 200000);
	assert_true(trace_writer_failed(w));
	assert_true(n < 200000);
	assert_int_equal(trace_writer_close(w, &e), -1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(e.kind, ERROR_HOST);
	assert_non_null(strstr(e.text, path));
	n = count_events(path, &complete);
	assert_false(complete);
	assert_true(n > 1000);
	unlink(path);
}

/* Waits until the file has `size` bytes, half a minute at most. */
static void wait_for_size(const char *path, off_t size)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	struct stat st;

	for (unsigned i = 0; i < 30000; i++) {
		if (!stat(path, &st) && st.st_size >= size)
			return;
		nanosleep(&pause, NULL);
	}
	fail_msg("the writer does not write");
}

/* SIGKILL at any moment: what the file holds is right, up to its last whole chunk. */
static void test_kill(void **state)
{
	char *path = sample_path();

	random_events(NULL, 0, 1);
	for (unsigned round = 0; round < 5; round++) {
		struct error e;
		bool complete;
		int status;
		pid_t pid;

		assert_int_equal(truncate(path, 0), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (!pid) {
			struct trace_writer *w = open_writer(path, &e);

			if (w)
				write_many(w, UINT64_MAX);
			_exit(1);
		}
		wait_for_size(path, 1500000 + 777777 * (off_t)round);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		assert_true(count_events(path, &complete) > 5000);
		assert_false(complete);
	}
	unlink(path);
}

/* A flushed chunk reaches the file without a close. */
static void test_flush(void **state)
{
	char *path = sample_path();
	struct error e;
	bool complete;
	int status;
	pid_t pid;

	random_events(NULL, 0, 1);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		struct trace_writer *w = open_writer(path, &e);
		struct timespec pause = {.tv_nsec = 1000000};
		struct trace_reader *r;
		uint64_t n = 0;

		if (!w)
			_exit(1);
		write_many(w, 500);
		trace_writer_flush(w);
		/* The thread needs a moment; then the trace reads from outside. */
		for (unsigned i = 0; i < 20000 && n < 500; i++) {
			struct event got;

			nanosleep(&pause, NULL);
			r = trace_reader_open(path, &e);
			for (n = 0; r && trace_read(r, &got, &e) > 0;)
				n++;
			trace_reader_close(r);
		}
		_exit(n == 500 ? 7 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	assert_int_equal(count_events(path, &complete), 500);
	assert_false(complete);
	unlink(path);
}

/* Events that break the rules of trace.h end the recording with an error; what was before stays. */
static void test_refused(void **state)
{
	const struct event bad[] = {
	    {.kind = (enum event_kind)11, .position.insns = 1000},
	    {.kind = (enum event_kind)200, .position.insns = 1000},
	    {.kind = EVENT_HLT, .position.insns = 498},
	    {.kind = EVENT_DMA_READ, .position.insns = 1000, .length = EVENT_BYTES_MAX + 1},
	};

	random_events(NULL, 0, 1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char *path = sample_path();
		struct error e;
		struct trace_writer *w = open_writer(path, &e);
		bool complete;

		assert_non_null(w);
		write_many(w, 500);
		trace_write(w, &bad[i]);
		assert_true(trace_writer_failed(w));
		assert_int_equal(trace_writer_close(w, &e), -1);
		assert_non_null(strstr(e.text, "event 500"));
		assert_int_equal(count_events(path, &complete), 500);
		assert_false(complete);
		unlink(path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_unwritable), cmocka_unit_test(test_no_such_trace),
	    cmocka_unit_test(test_dev_full),   cmocka_unit_test(test_full_disk),
	    cmocka_unit_test(test_kill),       cmocka_unit_test(test_flush),
	    cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
