/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What accelerators say: one body for each guest (guest.h), run with the accelerator that the
 * command line names as -accel does. Its exits, and the interrupts among them, are compared as
 * text, so that a failure shows both lists.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "emulator/accel/accel.h"
#include "emulator/host/quiet.h"
#include "emulator/machine.h"
#include "tests/accel/guest.h"

#define SEEN_MAX  64
#define TESTS_MAX 100
#define POLLS_MAX 100
#define TEXT_MAX  (SEEN_MAX * 48)

/* ---- a machine without an outside ---- */

static struct expected seen[SEEN_MAX];
static unsigned seen_count, polls;
static uint64_t time_now; /* of the host: it goes on while the guest halts */

static void see(struct expected x)
{
	if (seen_count < SEEN_MAX)
		seen[seen_count++] = x;
}

/* Of accesses to CR8 nobody but tcg tells. */
static void tap_exit(struct tap *t, const struct exit *e)
{
	if (e->kind != EXIT_CR8)
		see((struct expected){e->kind, e->is_write, e->size, e->address, e->data});
}

static void tap_irq(struct tap *t, enum irq_kind kind, uint32_t value)
{
	if (kind == IRQ_VECTOR || kind == IRQ_NMI)
		see((struct expected){.kind = SEEN_IRQ + kind, .data = value});
}

static void tap_dma(struct tap *t, bool is_write, uint64_t gpa, const void *data, size_t size)
{
}

static void tap_mark(struct tap *t)
{
}

/* A guest that went astray: no good one is asked for so often. */
static enum host_stop stop(struct host *h)
{
	return ++polls > POLLS_MAX ? HOST_STOP_TIMEOUT : HOST_STOP_NONE;
}

static uint64_t clock_now(struct host *h)
{
	return time_now;
}

static uint64_t due(struct host *h, uint64_t deadline)
{
	return deadline <= time_now ? time_now : 0;
}

static uint64_t idle(struct host *h, uint64_t deadline)
{
	if (deadline != UINT64_MAX)
		time_now = deadline;
	return deadline;
}

static uint64_t alarm_soon(struct host *h, uint64_t deadline)
{
	return 100000000;
}

static const struct host_ops ops = {
    .wall_clock = quiet_wall_clock,
    .entropy = quiet_entropy,
    .char_read = quiet_char_read,
    .char_write = quiet_char_write,
    .wait = quiet_wait,
    .stop = stop,
    .clock = clock_now,
    .tsc = clock_now,
    .due = due,
    .idle = idle,
    .alarm = alarm_soon,
    .boundary = quiet_boundary,
};

/* ---- the images that guests start from ---- */

static void put32(uint8_t *at, uint32_t value)
{
	memcpy(at, &value, sizeof(value));
}

static void put64(uint8_t *at, uint64_t value)
{
	memcpy(at, &value, sizeof(value));
}

static void make_rom(const struct guest *g, struct image *i)
{
	static const uint8_t reset_vector[] = {0xea, 0x00, 0x00, 0x00, 0xf0}; /* jmp F000:0 */

	i->role = IMAGE_BIOS;
	i->size = 65536;
	i->data = calloc(1, i->size);
	assert_non_null(i->data);
	memcpy(i->data, g->code, sizeof(g->code));
	memcpy(i->data + 0xfff0, reset_vector, sizeof(reset_vector));
}

/* A multiboot kernel at 1 MiB: what is where in it. */
enum {
	KERNEL = 0x100000,
	AT_GDT = 0x80,
	AT_GDTR = 0xa0,
	AT_IDTR = 0xb0,
	AT_ENTRY = 0x1000,
	AT_CODE = GUEST_CODE - KERNEL,
	AT_IDT = 0x3000,
	AT_PML4 = 0x4000,
	AT_PDPT = 0x5000,
	AT_PD = 0x6000, /* four of them */
	KERNEL_SIZE = 0xa000,
	KERNEL_END = 0x10000, /* with stack and room for data, from 10C000h on */
};

/* clang-format off */
static const uint8_t enter_protected[] = {
	0x0f, 0x01, 0x1d, 0xb0, 0x00, 0x10, 0x00,         /* lidt [1000b0h] */
	0xbc, 0x00, 0xc0, 0x10, 0x00,                     /* mov esp, 10c000h */
	0xe9, 0xef, 0x0f, 0x00, 0x00,                     /* jmp 102000h */
};

static const uint8_t enter_long[] = {
	0x0f, 0x01, 0x1d, 0xb0, 0x00, 0x10, 0x00,         /* lidt [1000b0h] */
	0x0f, 0x01, 0x15, 0xa0, 0x00, 0x10, 0x00,         /* lgdt [1000a0h] */
	0xbc, 0x00, 0xc0, 0x10, 0x00,                     /* mov esp, 10c000h */
	0xb8, 0x20, 0x00, 0x00, 0x00, 0x0f, 0x22, 0xe0,   /* mov eax, 20h; mov cr4, eax */
	0xb8, 0x00, 0x40, 0x10, 0x00, 0x0f, 0x22, 0xd8,   /* mov eax, 104000h; mov cr3, eax */
	0xb9, 0x80, 0x00, 0x00, 0xc0,                     /* mov ecx, c0000080h */
	0xb8, 0x00, 0x01, 0x00, 0x00, 0x31, 0xd2,         /* mov eax, 100h; xor edx, edx */
	0x0f, 0x30,                                       /* wrmsr */
	0xb8, 0x11, 0x00, 0x00, 0x80, 0x0f, 0x22, 0xc0,   /* mov eax, 80000011h; mov cr0, eax */
	0xea, 0x00, 0x20, 0x10, 0x00, 0x08, 0x00,         /* jmp 8:102000h */
};
/* clang-format on */

/* Interrupt gates; SDM vol. 3A 6.11 and 6.14.1. */
static void put_idt(const struct guest *g, uint8_t *idt)
{
	unsigned size = g->mode == LONG ? 16 : 8;

	for (unsigned i = 0; i < GUEST_HANDLERS && g->handler[i].vector; i++) {
		uint8_t *gate = idt + g->handler[i].vector * size;
		uint32_t to = GUEST_CODE + g->handler[i].at;

		put32(gate, 8u << 16 | (to & 0xffff));
		put32(gate + 4, (to & 0xffff0000) | 0x8e00);
	}
}

/* The first 4 GiB in pages of 2 MiB. */
static void put_page_tables(uint8_t *k)
{
	put64(k + AT_PML4, (KERNEL + AT_PDPT) | 3);
	for (uint64_t i = 0; i < 4; i++)
		put64(k + AT_PDPT + 8 * i, (KERNEL + AT_PD + 4096 * i) | 3);
	for (uint64_t i = 0; i < 2048; i++)
		put64(k + AT_PD + 8 * i, i << 21 | 0x83);
}

static void make_kernel(const struct guest *g, struct image *i)
{
	uint8_t *k = calloc(1, KERNEL_SIZE);

	assert_non_null(k);
	put32(k, 0x1badb002);
	put32(k + 4, 1u << 16);
	put32(k + 8, -(0x1badb002u + (1u << 16)));
	put32(k + 12, KERNEL);
	put32(k + 16, KERNEL);
	put32(k + 20, KERNEL + KERNEL_SIZE);
	put32(k + 24, KERNEL + KERNEL_END);
	put32(k + 28, KERNEL + AT_ENTRY);
	put64(k + AT_GDT + 8, 0x00209b0000000000);  /* 64-bit code */
	put64(k + AT_GDT + 16, 0x00cf93000000ffff); /* data, which IRETQ makes SS again */
	put32(k + AT_GDTR, 23 | (uint32_t)(KERNEL + AT_GDT) << 16);
	put32(k + AT_GDTR + 4, (KERNEL + AT_GDT) >> 16);
	put32(k + AT_IDTR, 0xfff | (uint32_t)(KERNEL + AT_IDT) << 16);
	put32(k + AT_IDTR + 4, (KERNEL + AT_IDT) >> 16);
	if (g->mode == LONG)
		memcpy(k + AT_ENTRY, enter_long, sizeof(enter_long));
	else
		memcpy(k + AT_ENTRY, enter_protected, sizeof(enter_protected));
	memcpy(k + AT_CODE, g->code, sizeof(g->code));
	put_idt(g, k + AT_IDT);
	put_page_tables(k);
	i->role = IMAGE_KERNEL;
	i->size = KERNEL_SIZE;
	i->data = k;
}

/* ---- flash ---- */

/* clang-format off */
static const uint8_t flash_reset[] = {
	0xe9, 0x0d, 0xff,                                 /* jmp ff00h */
};
static const uint8_t flash_enter[] = { /* at FF00h */
	0x2e, 0x66, 0x0f, 0x01, 0x16, 0x40, 0xff,         /* lgdt cs:[ff40h] */
	0x0f, 0x20, 0xc0, 0x0c, 0x01, 0x0f, 0x22, 0xc0,   /* mov eax, cr0; or al, 1; mov cr0, eax */
	0x66, 0xea, 0x17, 0xff, 0xff, 0xff, 0x08, 0x00,   /* jmp 8:ffffff17h */
	0xb8, 0x10, 0x00, 0x00, 0x00,                     /* mov eax, 10h */
	0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0,               /* mov ds, eax; mov es, eax; mov ss, eax */
	0xbc, 0x00, 0x80, 0x00, 0x00,                     /* mov esp, 8000h */
	0xe9, 0xd4, 0x00, 0xff, 0xff,                     /* jmp ffff0000h */
};
/* clang-format on */

static void make_flash(const struct guest *g, struct machine_config *c)
{
	struct image *code = &c->image[0], *other = &c->image[1];

	code->role = other->role = IMAGE_PFLASH;
	code->size = 0x10000;
	code->data = calloc(1, code->size);
	other->size = 0x1000;
	other->data = malloc(other->size);
	other->name = strdup("the other chip");
	assert_non_null(code->data);
	assert_non_null(other->data);
	memset(other->data, 0x11, other->size);
	memcpy(code->data, g->code, sizeof(g->code));
	memcpy(code->data + 0xfff0, flash_reset, sizeof(flash_reset));
	memcpy(code->data + 0xff00, flash_enter, sizeof(flash_enter));
	put32(code->data + 0xff40, 23 | 0xff48u << 16);
	put32(code->data + 0xff44, 0xffff);
	put64(code->data + 0xff50, 0x00cf9b000000ffff);
	put64(code->data + 0xff58, 0x00cf93000000ffff);
	c->pflash[1] = PFLASH_WRITABLE;
	c->pflashes = c->images = 2;
}

static struct machine_config config_of(const struct guest *g)
{
	struct machine_config c;

	machine_config_init(&c);
	c.ram_size = 4 << 20;
	c.no_reboot = true;
	c.image[0].name = strdup(g->name);
	c.images = 1;
	if (g->mode == FLASH)
		make_flash(g, &c);
	else if (g->mode == REAL)
		make_rom(g, &c.image[0]);
	else
		make_kernel(g, &c.image[0]);
	return c;
}

/* ---- the body ---- */

static void add_text(char text[TEXT_MAX], const struct expected *x)
{
	size_t used = strlen(text);

	if (x->kind > SEEN_IRQ)
		snprintf(text + used, TEXT_MAX - used, "%s %#llx\n",
			 x->kind == SEEN_IRQ + IRQ_NMI ? "nmi" : "irq",
			 (unsigned long long)x->data);
	else
		snprintf(text + used, TEXT_MAX - used, "%s %s %#llx %u %#llx\n",
			 exit_kind_name((enum exit_kind)x->kind), x->is_write ? "write" : "read",
			 (unsigned long long)x->address, x->size, (unsigned long long)x->data);
}

static const char *accel; /* under test */
static const struct accel_class *class;

/* What has to come of a guest on this machine. */
static void expect(const struct guest *g, const struct machine *m, struct expected x[GUEST_EXITS])
{
	memcpy(x, g->exit, sizeof(g->exit));
	if (g->unlike && !strcmp(g->unlike, class->name)) {
		print_message("%s differs: %s\n", g->unlike, g->why);
		memcpy(x, g->otherwise, sizeof(g->otherwise));
	}
	if (g->describe && (m->config.cpuid || m->vcpu.model.no_tsc)) {
		print_message("%s differs: %s\n", class->name,
			      m->config.cpuid ? "CPUID answers as it likes; the machine says how"
					      : "it shows no time stamp counter");
		g->describe(m, x);
	}
}

static void test_guest(void **state)
{
	static const struct expected last = HLT;
	const struct guest *g = *state;
	struct host host = {.ops = &ops};
	struct tap tap = {.exit = tap_exit, .irq = tap_irq, .dma = tap_dma, .mark = tap_mark};
	struct machine_config c = config_of(g);
	struct error e = {0};
	struct expected x[GUEST_EXITS];
	char wanted[TEXT_MAX] = "", got[TEXT_MAX] = "";
	enum stop_reason stop;
	struct machine *m;
	bool shutdown = false;

	seen_count = 0;
	polls = 0;
	time_now = 0;
	m = machine_open(&c, accel, &host, &tap, &e);
	if (!m)
		fail_msg("%s: %s", accel, e.text);
	expect(g, m, x);
	for (unsigned i = 0; i < GUEST_EXITS && x[i].kind; i++) {
		add_text(wanted, &x[i]);
		shutdown = x[i].kind == EXIT_SHUTDOWN;
	}
	if (!shutdown)
		add_text(wanted, &last);
	stop = machine_run(m);
	machine_close(m);
	for (unsigned i = 0; i < seen_count; i++)
		add_text(got, &seen[i]);
	assert_string_equal(got, wanted);
	assert_int_equal(stop, shutdown ? STOP_SHUTDOWN : STOP_DEAD);
}

static unsigned add_tests(struct CMUnitTest *tests, unsigned n, const struct guest *g)
{
	for (; g->name; g++)
		tests[n++] = (struct CMUnitTest){.name = g->name,
						 .test_func = test_guest,
						 .initial_state = (void *)(uintptr_t)g};
	return n;
}

int main(int argc, char **argv)
{
	struct CMUnitTest tests[TESTS_MAX];
	struct accel_choice choice;
	struct error e = {0};
	unsigned n;

	accel = argc > 1 ? argv[1] : "tcg";
	if (accel_choose(accel, &choice, &e)) {
		print_message("SKIP %s\n", e.text);
		return 77;
	}
	class = choice.class;
	n = add_tests(tests, 0, guests_access);
	n = add_tests(tests, n, guests_event);
	if (device_class_find("cfi01"))
		n = add_tests(tests, n, guests_flash);
	return _cmocka_run_group_tests(accel, tests, n, NULL, NULL);
}
