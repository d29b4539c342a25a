/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What accelerators say: one body per behaviour, a few guest bytes beside their disassembly and
 * the exits that must come of them, the same from every backend (exit.h). The guests run in real
 * mode out of a ROM at F000:0000 and end with CLI; HLT, which nothing can end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "emulator/accel/accel.h"
#include "emulator/machine.h"

#define EXITS 64

struct expected {
	enum exit_kind kind;
	bool is_write;
	uint8_t size;
	uint64_t address, data;
};

struct guest {
	const char *name;
	uint8_t code[96];
	struct expected exit[16]; /* up to the first of kind 0, and then HLT */
};

#define OUT(size, port, value)                                                                     \
	{                                                                                          \
		EXIT_PIO, true, size, port, value                                                  \
	}
#define IN(size, port, value)                                                                      \
	{                                                                                          \
		EXIT_PIO, false, size, port, value                                                 \
	}
#define STORE(size, gpa, value)                                                                    \
	{                                                                                          \
		EXIT_MMIO, true, size, gpa, value                                                  \
	}
#define LOAD(size, gpa, value)                                                                     \
	{                                                                                          \
		EXIT_MMIO, false, size, gpa, value                                                 \
	}

/* Nobody claims port 5000h or the video hole: reads are all ones. */
/* clang-format off */
static const struct guest guests[] = {
	{"pio", {
		0xba, 0x00, 0x50,                   /* mov dx, 5000h */
		0x66, 0xb8, 0x44, 0x33, 0x22, 0x11, /* mov eax, 11223344h */
		0xee, 0xef, 0x66, 0xef,             /* out dx, al / ax / eax */
		0xe6, 0x90,                         /* out 90h, al */
		0xec, 0xed, 0x66, 0xed,             /* in al / ax / eax, dx */
		0xfa, 0xf4 },
	  { OUT(1, 0x5000, 0x44), OUT(2, 0x5000, 0x3344), OUT(4, 0x5000, 0x11223344),
	    OUT(1, 0x90, 0x44),
	    IN(1, 0x5000, 0xff), IN(2, 0x5000, 0xffff), IN(4, 0x5000, 0xffffffff) } },
	{"string pio", {
		0xba, 0x00, 0x50,                   /* mov dx, 5000h */
		0x0e, 0x1f,                         /* push cs; pop ds */
		0x31, 0xf6, 0xfc,                   /* xor si, si; cld */
		0xb9, 0x03, 0x00, 0xf3, 0x6e,       /* mov cx, 3; rep outsb */
		0xb9, 0x02, 0x00, 0xf3, 0x6f,       /* mov cx, 2; rep outsw */
		0x31, 0xc0, 0x8e, 0xc0,             /* xor ax, ax; mov es, ax */
		0xbf, 0x00, 0x20,                   /* mov di, 2000h */
		0xb9, 0x03, 0x00, 0xf3, 0x6c,       /* mov cx, 3; rep insb */
		0x6d,                               /* insw */
		0xfa, 0xf4 },
	  { OUT(1, 0x5000, 0xba), OUT(1, 0x5000, 0x00), OUT(1, 0x5000, 0x50),
	    OUT(2, 0x5000, 0x1f0e), OUT(2, 0x5000, 0xf631),
	    IN(1, 0x5000, 0xff), IN(1, 0x5000, 0xff), IN(1, 0x5000, 0xff),
	    IN(2, 0x5000, 0xffff) } },
	{"mmio", {
		0xb8, 0x00, 0xb8, 0x8e, 0xd8,       /* mov ax, b800h; mov ds, ax */
		0x66, 0xb8, 0x44, 0x33, 0x22, 0x11, /* mov eax, 11223344h */
		0xa2, 0x00, 0x00,                   /* mov [0], al */
		0xa3, 0x02, 0x00,                   /* mov [2], ax */
		0x66, 0xa3, 0x04, 0x00,             /* mov [4], eax */
		0xa0, 0x00, 0x00,                   /* mov al, [0] */
		0xa1, 0x02, 0x00,                   /* mov ax, [2] */
		0x66, 0xa1, 0x04, 0x00,             /* mov eax, [4] */
		0xfa, 0xf4 },
	  { STORE(1, 0xb8000, 0x44), STORE(2, 0xb8002, 0x3344), STORE(4, 0xb8004, 0x11223344),
	    LOAD(1, 0xb8000, 0xff), LOAD(2, 0xb8002, 0xffff), LOAD(4, 0xb8004, 0xffffffff) } },
	{"read-modify-write on mmio", {
		0xb8, 0x00, 0xb8, 0x8e, 0xd8,       /* mov ax, b800h; mov ds, ax */
		0x83, 0x06, 0x10, 0x00, 0x03,       /* add word [10h], 3 */
		0xf6, 0x16, 0x20, 0x00,             /* not byte [20h] */
		0xfa, 0xf4 },
	  { LOAD(2, 0xb8010, 0xffff), STORE(2, 0xb8010, 2),
	    LOAD(1, 0xb8020, 0xff), STORE(1, 0xb8020, 0) } },
	{"string move to mmio", {
		0xb8, 0x00, 0xb8, 0x8e, 0xc0,       /* mov ax, b800h; mov es, ax */
		0x31, 0xff, 0xfc,                   /* xor di, di; cld */
		0xb0, 0x5a,                         /* mov al, 5ah */
		0xb9, 0x03, 0x00, 0xf3, 0xaa,       /* mov cx, 3; rep stosb */
		0xfa, 0xf4 },
	  { STORE(1, 0xb8000, 0x5a), STORE(1, 0xb8001, 0x5a), STORE(1, 0xb8002, 0x5a) } },
	{"sse moves on mmio", {
		0x66, 0xb8, 0x00, 0x02, 0x00, 0x00, /* mov eax, OSFXSR */
		0x0f, 0x22, 0xe0,                   /* mov cr4, eax */
		0xb8, 0x00, 0xb8, 0x8e, 0xd8,       /* mov ax, b800h; mov ds, ax */
		0x0f, 0x10, 0x06, 0x20, 0x00,       /* movups xmm0, [20h] */
		0x0f, 0x11, 0x06, 0x40, 0x00,       /* movups [40h], xmm0 */
		0xfa, 0xf4 },
	  { LOAD(8, 0xb8020, UINT64_MAX), LOAD(8, 0xb8028, UINT64_MAX),
	    STORE(8, 0xb8040, UINT64_MAX), STORE(8, 0xb8048, UINT64_MAX) } },
	{"mmio across a page", {
		0xb8, 0x00, 0xb8, 0x8e, 0xd8,       /* mov ax, b800h; mov ds, ax */
		0x66, 0xb8, 0x44, 0x33, 0x22, 0x11, /* mov eax, 11223344h */
		0x66, 0xa3, 0xfe, 0x0f,             /* mov [ffeh], eax */
		0x66, 0xa1, 0xfd, 0x0f,             /* mov eax, [ffdh] */
		0xfa, 0xf4 },
	  { STORE(2, 0xb8ffe, 0x3344), STORE(2, 0xb9000, 0x1122),
	    LOAD(3, 0xb8ffd, 0xffffff), LOAD(1, 0xb9000, 0xff) } },
	{"msr of the board", {
		0x66, 0xb9, 0x1b, 0x00, 0x00, 0x00, /* mov ecx, IA32_APIC_BASE */
		0x0f, 0x32, 0x0f, 0x30,             /* rdmsr; wrmsr */
		0xfa, 0xf4 },
	  { {EXIT_MSR, false, 8, 0x1b, 0xfee00900}, {EXIT_MSR, true, 8, 0x1b, 0xfee00900} } },
	{"msr of the processor", {
		0x66, 0xb9, 0x00, 0x02, 0x00, 0x00, /* mov ecx, IA32_MTRR_PHYSBASE0 */
		0x66, 0xb8, 0x06, 0x00, 0x00, 0x01, /* mov eax, 1000006h */
		0x66, 0x31, 0xd2, 0x0f, 0x30,       /* xor edx, edx; wrmsr */
		0x66, 0x31, 0xc0, 0x0f, 0x32,       /* xor eax, eax; rdmsr */
		0x66, 0xe7, 0x90,                   /* out 90h, eax */
		0xfa, 0xf4 },
	  { OUT(4, 0x90, 0x1000006) } },
	{"self-modifying code", {
		0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xc0, /* xor ax, ax; mov ds, ax; mov es, ax */
		0xc7, 0x06, 0x00, 0x20, 0xb0, 0x11, /* mov word [2000h], "mov al, 11h" */
		0xc7, 0x06, 0x02, 0x20, 0xe6, 0x90, /* mov word [2002h], "out 90h, al" */
		0xc6, 0x06, 0x04, 0x20, 0xcb,       /* mov byte [2004h], "retf" */
		0x8e, 0xd0, 0xbc, 0x00, 0x18,       /* mov ss, ax; mov sp, 1800h */
		0x9a, 0x00, 0x20, 0x00, 0x00,       /* call 0:2000h */
		0xc6, 0x06, 0x01, 0x20, 0x22,       /* mov byte [2001h], 22h */
		0x9a, 0x00, 0x20, 0x00, 0x00,       /* call 0:2000h */
		0xfa, 0xf4 },
	  { OUT(1, 0x90, 0x11), OUT(1, 0x90, 0x22) } },
	{"shutdown", {
		0x0e, 0x1f,                         /* push cs; pop ds */
		0x0f, 0x01, 0x1e, 0x20, 0x00,       /* lidt [20h]: no limit */
		0x0f, 0x0b },                       /* ud2 */
	  { {EXIT_SHUTDOWN, true, 0, 0, 0} } },
};
/* clang-format on */

/* ---- a machine without an outside ---- */

static struct exit seen[EXITS];
static unsigned seen_count;

static void tap_exit(struct tap *t, const struct exit *e)
{
	if (seen_count < EXITS)
		seen[seen_count++] = *e;
}

static void tap_irq(struct tap *t, enum irq_kind kind, uint32_t value)
{
}

static void tap_dma(struct tap *t, bool is_write, uint64_t gpa, const void *data, size_t size)
{
}

static void tap_mark(struct tap *t)
{
}

static int64_t wall_clock(struct host *h)
{
	return 0;
}

static void entropy(struct host *h, void *buffer, size_t size)
{
	memset(buffer, 0, size);
}

static size_t char_read(struct host *h, unsigned channel, uint8_t *buffer, size_t max)
{
	return 0;
}

static void char_write(struct host *h, unsigned channel, const uint8_t *buffer, size_t size)
{
}

static uint64_t wait(struct host *h, uint64_t now, uint64_t deadline)
{
	return deadline;
}

static enum host_stop stop(struct host *h)
{
	return HOST_STOP_NONE;
}

static uint64_t clock_now(struct host *h)
{
	return 0;
}

static uint64_t due(struct host *h, uint64_t deadline)
{
	return 0;
}

static uint64_t idle(struct host *h, uint64_t deadline)
{
	return UINT64_MAX;
}

static uint64_t alarm_never(struct host *h, uint64_t deadline)
{
	return UINT64_MAX;
}

static enum host_boundary boundary(struct host *h, bool again, uint64_t *rip)
{
	return again ? HOST_BOUNDARY_LATER : HOST_BOUNDARY_HERE;
}

static const struct host_ops ops = {
    .wall_clock = wall_clock,
    .entropy = entropy,
    .char_read = char_read,
    .char_write = char_write,
    .wait = wait,
    .stop = stop,
    .clock = clock_now,
    .due = due,
    .idle = idle,
    .alarm = alarm_never,
    .boundary = boundary,
};

static struct machine_config config_of(const struct guest *g)
{
	static const uint8_t reset_vector[] = {0xea, 0x00, 0x00, 0x00, 0xf0}; /* jmp F000:0 */
	struct machine_config c;
	struct image *bios = &c.image[0];

	machine_config_init(&c);
	c.ram_size = 1 << 20;
	c.no_reboot = true;
	bios->role = IMAGE_BIOS;
	bios->name = strdup(g->name);
	bios->size = 65536;
	bios->data = calloc(1, bios->size);
	memcpy(bios->data, g->code, sizeof(g->code));
	memcpy(bios->data + 0xfff0, reset_vector, sizeof(reset_vector));
	c.images = 1;
	return c;
}

static const char *accel; /* under test */

static void test_guest(void **state)
{
	const struct guest *g = *state;
	struct host host = {.ops = &ops};
	struct tap tap = {.exit = tap_exit, .irq = tap_irq, .dma = tap_dma, .mark = tap_mark};
	struct machine_config c = config_of(g);
	struct error e = {0};
	struct machine *m;
	bool shutdown = g->exit[0].kind == EXIT_SHUTDOWN;
	unsigned n = 0;

	seen_count = 0;
	m = machine_open(&c, accel, &host, &tap, &e);
	if (!m)
		fail_msg("%s: %s", accel, e.text);
	assert_int_equal(machine_run(m), shutdown ? STOP_SHUTDOWN : STOP_DEAD);
	machine_close(m);
	for (; g->exit[n].kind; n++) {
		const struct expected *x = &g->exit[n];

		assert_true(n < seen_count);
		assert_int_equal(seen[n].kind, x->kind);
		assert_int_equal(seen[n].is_write, x->is_write);
		assert_int_equal(seen[n].size, x->size);
		assert_int_equal(seen[n].address, x->address);
		assert_int_equal(seen[n].data, x->data);
	}
	if (!shutdown)
		assert_int_equal(seen[n++].kind, EXIT_HLT);
	assert_int_equal(seen_count, n);
}

int main(int argc, char **argv)
{
	enum { COUNT = sizeof(guests) / sizeof(guests[0]) };
	struct CMUnitTest tests[COUNT];
	struct accel_choice choice;
	struct error e = {0};

	accel = argc > 1 ? argv[1] : "tcg";
	if (accel_choose(accel, &choice, &e)) {
		print_message("SKIP %s\n", e.text);
		return 77;
	}
	for (unsigned i = 0; i < COUNT; i++)
		tests[i] = (struct CMUnitTest){.name = guests[i].name,
					       .test_func = test_guest,
					       .initial_state = (void *)(uintptr_t)&guests[i]};
	return cmocka_run_group_tests_name(accel, tests, NULL, NULL);
}
