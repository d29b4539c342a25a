/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The judge of fuzzing: a device with bugs, one behind each of its ports, and what is said of them.
 * Each is tried in a process of its own, as sanitizers and the judge end it.
 */
#include "fuzz/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fuzz/harness.h"
#include "fuzz/outside.h"

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif

/* ---- the device ---- */

extern const struct device_class planted_class;

enum {
	BUG_NONE,
	BUG_BEYOND,  /* writes behind its state */
	BUG_FOREIGN, /* writes into another device's state */
	BUG_CALLS,   /* drives a line without end */
	BUG_OUTPUT,  /* sends bytes without end */
	BUG_RING,    /* follows descriptors without end */
	BUG_LOOP,    /* loops without a call */
	BUG_OUTSIDE, /* keeps state outside of the arena */
	BUG_RESTORE, /* `restored` changes what was restored */
	BUG_SHARED,  /* drives a line that another device drives too */
	BUG_CLOCK,   /* asks the C library for the time of day */
	BUG_POINTER, /* keeps a pointer in its state */
	BUG_RAISED,  /* has a line of its own, which it never lowers */
	BUG_STACK,   /* looks at what it never wrote */
	BUG_KEPT,    /* a reset does not put its bytes back */
	BUG_LOST,    /* a reset clears what it is said to keep */
	BUG_STORE,   /* changes what outlives the machine, wherever the byte says */
	BUG_BUSY,    /* none: from then on bytes and restores make it do what is just allowed */
	BUGS
};

struct planted {
	uint8_t scratch[20];
	uint64_t word;
	uint8_t forgotten, battery[3];
};

static unsigned kept_outside;
static bool bad_restore, busy;

static void run_ring(struct device *d)
{
	uint64_t descriptor = 0x3000;

	while (descriptor)
		device_dma_read(d, descriptor, &descriptor, sizeof(descriptor));
}

static uint8_t sum(volatile uint8_t *bytes)
{
	uint8_t total = 0;

	for (unsigned i = 0; i < 512; i++)
		total = (uint8_t)(total * 3 + bytes[i]);
	return total;
}

/* More than half of the calls that one look at the machine may cause. */
static void be_busy(struct device *d)
{
	for (unsigned n = 0; n < 2500; n++)
		irq_set(d->out[3], false);
}

static void planted_write(struct device *d, uint64_t offset, uint64_t value, unsigned size)
{
	struct planted *s = device_state(d);
	volatile uint8_t *state = (volatile uint8_t *)s;
	static const uint8_t byte = 'x';

	s->scratch[0] = (uint8_t)value;
	switch (offset) {
	case BUG_BEYOND:
		state[64 + value % 32] = 1;
		break;
	case BUG_FOREIGN:
		*(volatile uint8_t *)device_state(machine_find_device(d->machine, "i8254")) = 1;
		break;
	case BUG_CALLS:
		for (unsigned n = 0; n < 100000; n++)
			irq_set(d->out[1], n & 1);
		break;
	case BUG_OUTPUT:
		for (unsigned n = 0; n < 100000; n++)
			device_char_write(d, &byte, 1);
		break;
	case BUG_RING:
		run_ring(d);
		break;
	case BUG_LOOP:
		while (state[0] == value)
			state[1]++;
		break;
	case BUG_OUTSIDE:
		kept_outside += 3;
		break;
	case BUG_RESTORE:
		bad_restore = true;
		break;
	case BUG_SHARED:
		irq_set(d->out[0], value & 1);
		break;
	case BUG_CLOCK:
		s->word = time(NULL) > 0;
		break;
	case BUG_POINTER:
		s->word = value ? (uintptr_t)d : 0;
		break;
	case BUG_RAISED:
		irq_set(d->out[2], true);
		break;
	case BUG_KEPT:
		s->forgotten = (uint8_t)value;
		break;
	case BUG_LOST:
		s->battery[value % 2] = (uint8_t)value;
		break;
	case BUG_STORE:
		device_store(d, value >> 7, value << 8 & 0x7f00, &byte,
			     1 + !!(value & 1) * 0x10000u);
		break;
	case BUG_BUSY:
		busy = true;
		break;
	default:
		break;
	}
}

/* The compiler is not to see it. */
static uint8_t (*volatile never_written)(volatile uint8_t *bytes) = sum;

static uint64_t planted_read(struct device *d, uint64_t offset, unsigned size)
{
	volatile uint8_t bytes[512];

	if (offset == BUG_STACK)
		return never_written(bytes);
	return offset == BUG_OUTSIDE ? kept_outside : 0;
}

static const struct region_ops planted_ops = {
    .read = planted_read, .write = planted_write, .max_size = 1};

static int planted_realize(struct device *d, struct error *e)
{
	struct device *isa = machine_find_device(d->machine, "isa-irq");

	d->out[0] = (struct irq){isa, 4};
	d->out[1] = (struct irq){isa, 5};
	d->out[2] = (struct irq){isa, 6};
	d->out[3] = (struct irq){isa, 16}; /* which it does not have */
	d->channel = 2;
	return device_add_ports(d, 0x5000, BUGS, &planted_ops, "planted", e);
}

static void planted_reset(struct device *d)
{
	struct planted *s = device_state(d);

	memset(s->scratch, 0, sizeof(s->scratch));
	s->word = 0;
	s->battery[1] = 0;
}

static const struct device_kept planted_kept[] = {
    {offsetof(struct planted, battery), sizeof(((struct planted *)0)->battery), 0x7f}, {0}};

static void planted_restored(struct device *d)
{
	struct planted *s = device_state(d);

	if (bad_restore)
		s->scratch[7]++;
	if (busy)
		be_busy(d);
}

static size_t planted_char_room(struct device *d)
{
	return 1;
}

static void planted_char_in(struct device *d, const uint8_t *bytes, size_t size)
{
	if (busy)
		be_busy(d);
}

const struct device_class planted_class = {
    .name = "planted",
    .description = "bugs",
    .state_size = sizeof(struct planted),
    .user = true,
    .realize = planted_realize,
    .reset = planted_reset,
    .kept = planted_kept,
    .restored = planted_restored,
    .char_room = planted_char_room,
    .char_in = planted_char_in,
};

/* ---- trying it ---- */

static size_t assemble(const struct harness *h, const char *text, uint8_t *bytes)
{
	size_t size = 0;

	while (*text) {
		char line[256];
		size_t length = strcspn(text, "\n");
		struct error e;
		struct op op;

		snprintf(line, sizeof(line), "%.*s", (int)length, text);
		if (op_parse(line, harness_regions(h), &op, &e) == 1)
			size += op_encode(&op, bytes + size);
		else
			fprintf(stderr, "%s\n", e.text);
		text += length + (text[length] == '\n');
	}
	return size;
}

/* In the child. */
static void run(const char *text)
{
	const struct harness_options options = {.thorough = true};
	struct error e;
	struct harness *h = harness_open("board", &options, &e);
	uint8_t bytes[4096];

	if (!h) {
		fprintf(stderr, "%s\n", e.text);
		_exit(9);
	}
	harness_run(h, bytes, assemble(h, text, bytes));
	harness_close(h);
	_exit(0);
}

/* The input ends its process, after it wrote a text; or, with none, does not. */
static void ends_with(const char *input, const char *text)
{
	char said[65536];
	size_t size = 0;
	ssize_t n;
	int fds[2], status;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (!pid) {
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		run(input);
	}
	close(fds[1]);
	while ((n = read(fds[0], said + size, sizeof(said) - 1 - size)) > 0)
		size += (size_t)n;
	close(fds[0]);
	said[size] = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!text) {
		if (status)
			fail_msg("status %x: %s", status, said);
		return;
	}
	if (!status || (WIFEXITED(status) && WEXITSTATUS(status) == 9))
		fail_msg("nothing was found: status %x: %s", status, said);
	if (!strstr(said, text))
		fail_msg("expected '%s' in: %s", text, said);
}

static void test_nothing(void **state)
{
	ends_with("write planted+0 size 1 data 1\n"
		  "read planted+0 size 1\n"
		  "clock 1000\n"
		  "snapshot\n"
		  "reset\n"
		  "restore\n"
		  "write planted+0 size 1 data 2\n",
		  NULL);
}

static void test_beyond(void **state)
{
#ifdef WITH_ASAN
	ends_with("write planted+1 size 1 data 1\n", "use-after-poison");
#else
	ends_with("write planted+1 size 1 data 1\n", "own state: the bytes behind the state of");
#endif
}

static void test_foreign(void **state)
{
#ifdef WITH_ASAN
	ends_with("write planted+2 size 1 data 1\n", "use-after-poison");
#else
	printf("SKIP: only a build with ASan sees it\n");
	skip();
#endif
}

static void test_calls(void **state)
{
	ends_with("write planted+3 size 1 data 1\n", "work: devices called each other");
}

static void test_output(void **state)
{
	ends_with("write planted+4 size 1 data 1\n", "work: ");
}

static void test_ring(void **state)
{
	/* Memory of zeros ends the ring, memory that points at itself does not. */
	ends_with("write planted+5 size 1 data 1\n", NULL);
	ends_with("dma le64+0 bytes 0000000000000000\n"
		  "write planted+5 size 1 data 1\n",
		  "work: ");
}

static void test_loop(void **state)
{
	ends_with("write planted+6 size 1 data 1\n", "work: an operation does not end");
}

static void test_outside(void **state)
{
	ends_with("write planted+7 size 1 data 1\n"
		  "read planted+7 size 1\n",
		  "determinism: ");
	/* Not before the middle, so only the detour shows it. */
	ends_with("read planted+0 size 1\n"
		  "read planted+0 size 1\n"
		  "read planted+0 size 1\n"
		  "write planted+7 size 1 data 1\n"
		  "read planted+7 size 1\n",
		  "determinism: ");
}

static void test_restore(void **state)
{
	ends_with("write planted+8 size 1 data 1\n", "restore: byte 7 of the state of planted-");
}

static void test_lines(void **state)
{
	ends_with("write planted+9 size 1 data 1\n"
		  "write planted+9 size 1 data 0\n",
		  NULL);
	ends_with("write planted+9 size 1 data 1\n"
		  "write uart+4 size 1 data 8\n"
		  "write uart+1 size 1 data 2\n"
		  "read uart+2 size 1\n"
		  "write uart+1 size 1 data 0\n",
		  "lines: input 4 of isa-irq is low, and its drivers ask for high");
}

static void test_reset(void **state)
{
	ends_with("write planted+12 size 1 data 1\n", NULL);
	ends_with("write planted+12 size 1 data 1\n"
		  "reset\n",
		  "lines: input 6 of isa-irq is high after a reset");
	/* What was put back was never raised. */
	ends_with("snapshot\n"
		  "write planted+12 size 1 data 1\n"
		  "restore\n"
		  "reset\n",
		  NULL);
}

static void test_kept(void **state)
{
	ends_with("write planted+14 size 1 data 5\n", NULL);
	ends_with("write planted+14 size 1 data 5\n"
		  "write planted+14 size 1 data 0\n"
		  "reset\n",
		  NULL);
	ends_with("write planted+14 size 1 data 5\n"
		  "reset\n",
		  "is 05 after it, and 00 when it comes after power-on");
	/* One that is kept, one that is not, and a bit that is not said to be. */
	ends_with("write planted+15 size 1 data 6\n"
		  "reset\n",
		  NULL);
	ends_with("write planted+15 size 1 data 7\n"
		  "reset\n",
		  "is 00 after it, and was 07, which a reset keeps");
	ends_with("write planted+15 size 1 data 0x86\n"
		  "reset\n",
		  "is 86 after it, and 06 when it comes after power-on");
}

static void test_store(void **state)
{
	if (!device_class_find("cfi01")) {
		printf("SKIP: this build has no flash chips\n");
		skip();
	}
	ends_with("write planted+16 size 1 data 0x10\n", NULL);
	ends_with("write planted+16 size 1 data 0x11\n",
		  "store: bytes 1100 to 11101 are changed of unit 0, which has 10000");
	ends_with("write planted+16 size 1 data 0x90\n",
		  "store: unit 1 is changed, which is read-only");
}

/* A device that keeps bytes, given those of a pointer one by one. */
static void test_given_pointer(void **state)
{
	char text[1024];
	size_t at = 0;

	for (unsigned i = 0; i < 8; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at,
				       "write rtc+0 size 1 data %u\n"
				       "write rtc+1 size 1 data %u\n",
				       0x58 + i,
				       (unsigned)((uintptr_t)&kept_outside >> i * 8 & 0xff));
	ends_with(text, NULL);
}

static void test_calls_outside(void **state)
{
	ends_with("write planted+10 size 1 data 1\n", " calls time()");
}

static void test_pointer(void **state)
{
	ends_with("write planted+11 size 1 data 0\n", NULL);
	ends_with("write planted+11 size 1 data 1\n", "outside: byte 24 of the state of planted-");
}

static void test_stack(void **state)
{
	ends_with("read planted+13 size 1\n", "determinism: ");
}

/* What a restore makes devices do is not counted to the operation before it. */
static void test_busy(void **state)
{
	ends_with("write planted+17 size 1 data 1\n"
		  "host char2 bytes 01\n"
		  "restore\n"
		  "read planted+0 size 1\n"
		  "host char2 bytes 01\n",
		  NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_nothing), cmocka_unit_test(test_beyond),
	    cmocka_unit_test(test_foreign), cmocka_unit_test(test_calls),
	    cmocka_unit_test(test_output),  cmocka_unit_test(test_ring),
	    cmocka_unit_test(test_loop),    cmocka_unit_test(test_outside),
	    cmocka_unit_test(test_restore), cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_reset),   cmocka_unit_test(test_calls_outside),
	    cmocka_unit_test(test_pointer), cmocka_unit_test(test_stack),
	    cmocka_unit_test(test_busy),    cmocka_unit_test(test_kept),
	    cmocka_unit_test(test_store),   cmocka_unit_test(test_given_pointer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
