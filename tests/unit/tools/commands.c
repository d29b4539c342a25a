/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands that look into traces (dump, stat, diff, verify): what they print, and their exit
 * statuses, as their help texts and vcr(1) promise: 0, 1 a difference, 2 usage, 3 bad trace.
 */
#include "tests/unit/trace/sample.h"

#include "tools/command.h"

#include <fcntl.h>

#define OUTPUT 65536

static char out[OUTPUT], err[OUTPUT];

static void slurp(FILE *f, char *text)
{
	size_t n;

	rewind(f);
	n = fread(text, 1, OUTPUT - 1, f);
	text[n] = '\0';
	fclose(f);
}

/* Runs a command with its output caught in `out` and `err`; returns its exit status. */
static int run(const struct command *command, ...)
{
	char *argv[16] = {strdup(command->name)};
	int saved_out, saved_err, argc = 1, status;
	FILE *to_out = tmpfile(), *to_err = tmpfile();
	const char *word;
	va_list ap;

	assert_true(to_out && to_err);
	va_start(ap, command);
	while ((word = va_arg(ap, const char *)))
		argv[argc++] = strdup(word);
	va_end(ap);
	fflush(stdout);
	fflush(stderr);
	saved_out = dup(1);
	saved_err = dup(2);
	dup2(fileno(to_out), 1);
	dup2(fileno(to_err), 2);
	status = command->run(argc, argv);
	fflush(stdout);
	fflush(stderr);
	dup2(saved_out, 1);
	dup2(saved_err, 2);
	close(saved_out);
	close(saved_err);
	slurp(to_out, out);
	slurp(to_err, err);
	for (int i = 0; i < argc; i++)
		free(argv[i]);
	return status;
}

static unsigned count_lines(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void assert_says(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in:\n%s", part, text);
}

/* One line on standard error, from vcr. */
static void assert_error(const char *part)
{
	assert_int_equal(count_lines(err), 1);
	assert_int_equal(strncmp(err, "vcr: ", 5), 0);
	assert_says(err, part);
}

/* ---- traces ---- */

static const uint8_t typed[] = "ls\r";
static const struct event events[] = {
    {.kind = EVENT_PIO_READ,
     .size = 1,
     .position = {100, 0},
     .rip = 0xfff0,
     .address = 0x1234,
     .data = 0x60},
    {.kind = EVENT_PIO_WRITE,
     .size = 2,
     .position = {110, 1},
     .rip = 0xfff3,
     .address = 0x1236,
     .data = 0xab},
    {.kind = EVENT_HLT, .position = {120, 2}, .rip = 0xfff5},
    {.kind = EVENT_HOST_WAIT, .position = {120, 3}, .data = 1000120},
    {.kind = EVENT_IRQ, .position = {120, 3}, .data = 0xec},
    {.kind = EVENT_HOST_CHAR, .position = {130, 3}, .address = 9, .bytes = typed, .length = 3},
    {.kind = EVENT_END, .position = {140, 3}, .address = STOP_QUIT},
};

#define EVENTS (sizeof(events) / sizeof(*events))

/* By exits: what KVM left to the interpreter, once as 16-bit and twice as 64-bit code. */
static const uint8_t add_ax[] = {0x01, 0x07}, add_r8[] = {0x4c, 0x01, 0x07};
static const struct event by_exits[EVENTS] = {
    {.kind = EVENT_PIO_READ, .size = 1, .rip = 0xfff0, .address = 0x1234, .data = 0x60},
    {.kind = EVENT_EMULATED, .position = {0, 1}, .address = 0x7c00, .bytes = add_ax, .length = 2},
    {.kind = EVENT_EMULATED, .position = {0, 1}, .address = 0x8000, .bytes = add_r8, .length = 3},
    {.kind = EVENT_EMULATED, .position = {0, 1}, .address = 0x9000, .bytes = add_r8, .length = 3},
    {.kind = EVENT_HLT, .position = {0, 1}, .rip = 0xfff5},
    {.kind = EVENT_HOST_WAIT, .position = {0, 2}, .data = 500000},
    {.kind = EVENT_END, .position = {0, 2}, .address = STOP_QUIT},
};

#define FIRMWARE 65536

static char whole[64], other[64], cut[64], exits[64];

static void make(char *path, const struct event *event, const char *producer)
{
	struct machine_config config;
	struct trace_info info = sample_info();
	struct trace_writer *w;
	struct error e;

	strcpy(path, sample_path());
	/* A machine that can be built again, for the names of its devices. */
	machine_config_init(&config);
	if (event == by_exits) {
		info.version = TRACE_VERSION_EXITS;
		info.accel = (char *)"kvm";
		info.unit = (char *)"exits";
		config.host_time = true;
	}
	config.image[0] = (struct image){IMAGE_BIOS, strdup("rom"), malloc(FIRMWARE), FIRMWARE};
	config.images = 1;
	assert_non_null(config.image[0].data);
	memset(config.image[0].data, 0xf4, FIRMWARE);
	info.machine = machine_config_format(&config);
	info.producer = strdup(producer);
	w = trace_writer_open(path, &info, config.image, 1, &e);
	assert_non_null(w);
	for (size_t i = 0; i < EVENTS; i++) {
		trace_write(w, &event[i]);
		if (i == 4)
			trace_writer_flush(w);
	}
	assert_int_equal(trace_writer_close(w, &e), 0);
	free(info.machine);
	free(info.producer);
	machine_config_free(&config);
}

static int setup(void **state)
{
	struct event changed[EVENTS];
	uint8_t *data;
	size_t size;
	FILE *f;

	make(whole, events, "vcr \033[31mtest\"");
	memcpy(changed, events, sizeof(events));
	changed[5].length = 2;
	make(other, changed, "vcr test");
	make(exits, by_exits, "vcr test");
	data = read_file(whole, &size);
	strcpy(cut, sample_path());
	f = fopen(cut, "wb");
	assert_non_null(f);
	/* Into the second event chunk, past which lie index and trailer. */
	assert_int_equal(fwrite(data, 1, size - 200, f), size - 200);
	fclose(f);
	free(data);
	return 0;
}

static int teardown(void **state)
{
	unlink(whole);
	unlink(other);
	unlink(cut);
	unlink(exits);
	return 0;
}

/* ---- tests ---- */

static void test_dump(void **state)
{
	assert_int_equal(run(&cmd_dump, whole, NULL), 0);
	assert_string_equal(
	    out, "       0           100             fff0 pio-read         0x1234 1 0x60\n"
		 "       1           110             fff3 pio-write        0x1236 2 0x00ab\n"
		 "       2           120             fff5 hlt\n"
		 "       3           120                - host-wait    1000120 ns\n"
		 "       4           120                - irq          0xec  lapic\n"
		 "       5           130                - host-char    channel 9 3 bytes 6c730d "
		 "\"ls.\"\n"
		 "       6           140                - end          ended from outside\n");
	assert_string_equal(err, "");
}

static void test_dump_json(void **state)
{
	assert_int_equal(run(&cmd_dump, "-json", whole, "--kind=pio-read,host-char", NULL), 0);
	assert_string_equal(
	    out,
	    "{\"number\":0,\"insns\":100,\"exits\":0,\"kind\":\"pio-read\",\"rip\":\"0xfff0\","
	    "\"address\":\"0x1234\",\"size\":1,\"data\":\"0x60\"}\n"
	    "{\"number\":5,\"insns\":130,\"exits\":3,\"kind\":\"host-char\",\"address\":\"0x9\","
	    "\"bytes\":\"6c730d\"}\n");
}

static void test_dump_filters(void **state)
{
	assert_int_equal(run(&cmd_dump, whole, "--kind", "pio", NULL), 0);
	assert_int_equal(count_lines(out), 2);
	assert_int_equal(run(&cmd_dump, whole, "--kind", "exit", NULL), 0);
	assert_int_equal(count_lines(out), 3);
	assert_int_equal(run(&cmd_dump, whole, "--kind", "host,irq", NULL), 0);
	assert_int_equal(count_lines(out), 3);
	assert_int_equal(run(&cmd_dump, whole, "-address", "0x1235-0x1236", NULL), 0);
	assert_int_equal(count_lines(out), 1);
	assert_int_equal(run(&cmd_dump, whole, "--address", "0x1234", NULL), 0);
	assert_int_equal(count_lines(out), 1);
	assert_int_equal(run(&cmd_dump, whole, "--from", "111", "--until", "130", NULL), 0);
	assert_int_equal(count_lines(out), 4);
	assert_int_equal(run(&cmd_dump, whole, "--from", "1M", NULL), 0);
	assert_int_equal(count_lines(out), 0);
	assert_int_equal(run(&cmd_dump, whole, "--device", "lapic", NULL), 0);
	assert_int_equal(count_lines(out), 1);
	assert_int_equal(run(&cmd_dump, "--kind", "help", NULL), 0);
	assert_says(out, "mmio-write");
}

static void test_dump_usage(void **state)
{
	assert_int_equal(run(&cmd_dump, NULL), 2);
	assert_error("which trace");
	assert_int_equal(run(&cmd_dump, whole, other, NULL), 2);
	assert_int_equal(run(&cmd_dump, whole, "--frobnicate", NULL), 2);
	assert_error("--frobnicate");
	assert_int_equal(run(&cmd_dump, whole, "--kind", "pio-reads", NULL), 2);
	assert_error("pio-reads");
	assert_int_equal(run(&cmd_dump, whole, "--kind", "pio,", NULL), 2);
	assert_int_equal(run(&cmd_dump, whole, "--address", "serial", NULL), 2);
	assert_error("serial");
	assert_int_equal(run(&cmd_dump, whole, "--address", "5-4", NULL), 2);
	assert_int_equal(run(&cmd_dump, whole, "--from", "soon", NULL), 2);
	assert_error("--from soon");
	assert_int_equal(run(&cmd_dump, whole, "--device", "toaster", NULL), 2);
	assert_error("toaster");
	assert_int_equal(run(&cmd_dump, whole, "--from", NULL), 2);
	assert_error("needs a value");
}

static void test_verify(void **state)
{
	assert_int_equal(run(&cmd_verify, whole, NULL), 0);
	assert_int_equal(count_lines(out), 1);
	assert_says(out, ": whole, 7 events, 140 instructions, 1 image, 2 chunks");
	assert_int_equal(run(&cmd_verify, cut, NULL), 3);
	assert_error("5 events up to instruction 120 are whole");
	assert_int_equal(run(&cmd_verify, cut, whole, NULL), 3);
	assert_says(out, "whole, 7 events");
	assert_int_equal(run(&cmd_verify, "/nonexistent.vcr", NULL), 2);
	assert_error("/nonexistent.vcr");
	assert_int_equal(run(&cmd_verify, "/dev/null", NULL), 2);
	assert_int_equal(run(&cmd_verify, NULL), 2);
	assert_int_equal(run(&cmd_verify, "--all", whole, NULL), 2);
}

/* What is cut off is shown as far as it goes, and told. */
static void test_cut(void **state)
{
	assert_int_equal(run(&cmd_dump, cut, NULL), 3);
	assert_int_equal(count_lines(out), 5);
	assert_error("cut off");
	assert_int_equal(run(&cmd_stat, cut, NULL), 3);
	assert_says(out, "5 events");
	assert_error("cut off");
}

static void test_diff(void **state)
{
	assert_int_equal(run(&cmd_diff, whole, whole, NULL), 0);
	assert_string_equal(out, "the same: 7 events\n");
	/* Who produced it is no difference. */
	assert_int_equal(run(&cmd_diff, whole, other, NULL), 1);
	assert_int_equal(count_lines(out), 1 + 5 + 2);
	assert_says(out, "the first 5 events are the same");
	assert_says(out, "\n-        5 ");
	assert_says(out, "2 bytes 6c73 \"ls\"");
	assert_int_equal(run(&cmd_diff, whole, cut, NULL), 1);
	assert_says(out, "ends");
	assert_int_equal(run(&cmd_diff, cut, cut, NULL), 3);
	assert_error("cut off");
	assert_int_equal(run(&cmd_diff, whole, NULL), 2);
	assert_int_equal(run(&cmd_diff, whole, "/dev/null", NULL), 2);
}

static void test_stat(void **state)
{
	assert_int_equal(run(&cmd_stat, whole, NULL), 0);
	assert_says(out, "version 1, complete");
	assert_says(out, "140 instructions, 3 exits, 7 events");
	assert_says(out, "virtual time  0.001000 s"); /* 1000120 - 120 + 140 ns */
	assert_says(out, "ended from outside");
	assert_says(out, "pio-read");
	assert_says(out, "0x1236");
	/* Nothing from a trace may drive the terminal. */
	assert_null(strchr(out, '\033'));
	assert_int_equal(run(&cmd_stat, whole, "--json", NULL), 0);
	assert_int_equal(count_lines(out), 1);
	assert_says(out, "\"producer\":\"vcr \\u001b[31mtest\\\"\"");
	assert_says(out, "\"virtual_ns\":1000140");
	assert_says(out, "\"kinds\":{");
	assert_int_equal(run(&cmd_stat, NULL), 2);
}

/* Positions in exits: instructions were not counted, and nothing says that there were 0. */
static void test_exits(void **state)
{
	assert_int_equal(run(&cmd_stat, exits, NULL), 0);
	assert_says(out, "version 2, complete");
	assert_says(out, "length        2 exits, 7 events\n");
	assert_says(out, "virtual time  0.000500 s\n");
	assert_says(out, "exits         4000 per second of virtual time\n");
	assert_null(strstr(out, " instructions"));
	assert_null(strstr(out, "warning"));
	assert_says(out, "add qword ptr [rdi], r8                       2  28.57  4c 01 07\n");
	assert_says(out, "add word ptr [bx], ax                         1  14.29  01 07\n");
	assert_int_equal(run(&cmd_stat, exits, "--json", NULL), 0);
	assert_says(out, "\"insns\":null,\"exits\":2,\"events\":7,\"virtual_ns\":500000,"
			 "\"tsc_shown\":false");
	assert_says(out, "\"exits_per_second\":4000.000");
	assert_says(out, "\"emulated\":[{\"instruction\":\"add qword ptr [rdi], r8\","
			 "\"bytes\":\"4c0107\",\"events\":2},{");
	assert_int_equal(run(&cmd_verify, exits, NULL), 0);
	assert_says(out, ": whole, 7 events, 2 exits, 1 image, 2 chunks");
	assert_int_equal(run(&cmd_diff, whole, exits, NULL), 1);
	assert_says(out, "the unit of positions");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_dump),         cmocka_unit_test(test_dump_json),
	    cmocka_unit_test(test_dump_filters), cmocka_unit_test(test_dump_usage),
	    cmocka_unit_test(test_verify),       cmocka_unit_test(test_cut),
	    cmocka_unit_test(test_diff),         cmocka_unit_test(test_stat),
	    cmocka_unit_test(test_exits),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
