/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Board pc as a guest finds it: memory, ports, interrupt routes, what is left in low memory for
 * a kernel, and what is refused. The addresses are those of emulator/board/README.md.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "emulator/device/fw_cfg.h"
#include "emulator/device/ioapic.h"
#include "emulator/device/lapic.h"
#include "emulator/loader/loader.h"
#include "tests/unit/board/pc_fixture.h"

static uint64_t ram64(uint64_t gpa)
{
	const uint8_t *p = machine_ram_at(m, gpa, 8);

	assert_non_null(p);
	return loader_get64(p);
}

static bool is_ram(uint64_t gpa)
{
	const struct slot *s = bus_find_slot(&m->bus, gpa);

	return s && s->view == SLOT_READ_WRITE;
}

/* ---- memory ---- */

static void test_memory(void **state)
{
	add_kernel();
	config.ram_size = 4 * GIB;
	power_on();
	assert_true(is_ram(0) && is_ram(0x9ffff));
	assert_false(is_ram(0xa0000) || is_ram(0xbffff));
	assert_true(is_ram(0xc0000) && is_ram(3 * GIB - 1));
	assert_false(is_ram(3 * GIB) || is_ram(4 * GIB - 1));
	assert_true(is_ram(4 * GIB) && is_ram(5 * GIB - 1));
	assert_false(is_ram(5 * GIB));
}

static void test_small_memory(void **state)
{
	add_kernel();
	config.ram_size = MIB;
	refuses("give the machine more with -m");
}

static void test_memory_limits(void **state)
{
	add_kernel();
	config.ram_size = 65 * GIB;
	refuses("-m");
}

/* ---- firmware ---- */

/* The reset vector is in ROM, whose end is seen below 1 MiB too. */
static void test_firmware(void **state)
{
	uint8_t *bios = calloc(1, 0x40000);

	memset(bios + 0x20000, 0x90, 0x20000);
	bios[0x3fff0] = 0xf4;
	add_image(IMAGE_BIOS, bios, 0x40000);
	free(bios);
	power_on();
	assert_int_equal(*machine_ram_at(m, 0xfffffff0, 1), 0xf4);
	assert_int_equal(bus_find_slot(&m->bus, 0xfffc0000)->view, SLOT_READ);
	assert_null(bus_find_slot(&m->bus, 0xfffbffff));
	assert_int_equal(*machine_ram_at(m, 0xffff0, 1), 0xf4);
	assert_int_equal(*machine_ram_at(m, 0xe0000, 1), 0x90);
	assert_false(is_ram(0xe0000));
	assert_null(machine_ram_at(m, 0xdffff, 1));
	assert_int_equal(m->vcpu.c->seg[SEG_CS].base, 0xffff0000);
	assert_int_equal(m->vcpu.c->reg[GPR_RIP], 0xfff0);
}

static void test_firmware_size(void **state)
{
	uint8_t bios[1000] = {0};

	add_image(IMAGE_BIOS, bios, sizeof(bios));
	refuses("multiple of 64 KiB");
}

static void test_nothing_to_boot(void **state)
{
	refuses("-kernel FILE, -bios FILE or -pflash FILE");
}

static void test_initrd_alone(void **state)
{
	uint8_t bios[0x10000] = {0};

	add_image(IMAGE_BIOS, bios, sizeof(bios));
	add_image(IMAGE_INITRD, "x", 1);
	refuses("-initrd needs a kernel");
}

/* ---- what a kernel finds ---- */

/* The RSDP is where one looks for it (ACPI 6.3, 5.2.5.1), and leads to the XSDT. */
static void test_acpi_in_memory(void **state)
{
	uint64_t xsdt;

	add_kernel();
	power_on();
	assert_true(ram64(0xf0000) == 0x2052545020445352ull); /* "RSD PTR " */
	xsdt = ram64(0xf0000 + 24);
	assert_memory_equal(machine_ram_at(m, xsdt, 4), "XSDT", 4);
	assert_int_equal(loader_get16(machine_ram_at(m, 0x40e, 2)), 0x9fc0);
	assert_int_equal(loader_get16(machine_ram_at(m, 0x413, 2)), 639);
}

/* A reset loads everything anew. */
static void test_reset(void **state)
{
	add_kernel();
	power_on();
	memset(machine_ram_at(m, MIB, 64), 0, 64);
	memset(machine_ram_at(m, 0xf0000, 64), 0, 64);
	m->vcpu.c->reg[GPR_RIP] = 0;
	machine_reset(m);
	assert_int_equal(m->load(m, &error), 0);
	assert_int_equal(m->vcpu.c->reg[GPR_RIP], 0x100020);
	assert_int_equal(*machine_ram_at(m, 0x10002a, 1), 0xf4);
	assert_true(ram64(0xf0000) == 0x2052545020445352ull);
}

/* From power-on through the kernel's entry to soft-off. */
static void test_run(void **state)
{
	add_kernel();
	power_on();
	assert_int_equal(machine_run(m), STOP_POWEROFF);
}

/* ---- the local APIC's deadline ---- */

static uint64_t deadline_seen;

static void tap_exit(struct tap *t, const struct exit *e)
{
	if (e->kind == EXIT_MSR && e->is_write)
		deadline_seen = e->data;
}

static void tap_irq(struct tap *t, enum irq_kind kind, uint32_t value)
{
}

static void tap_dma(struct tap *t, bool is_write, uint64_t gpa, const void *data, size_t size)
{
}

/* The guest sees its own counter, the board virtual time (exit.h). */
static void test_deadline_of_moved_tsc(void **state)
{
	static const uint8_t code[] = {
	    0xb9,      0x10, 0,    0, 0,                         /* mov $0x10, %ecx */
	    0xba,      0,    1,    0, 0,                         /* mov $0x100, %edx */
	    0x31,      0xc0,                                     /* xor %eax, %eax */
	    0x0f,      0x30,                                     /* wrmsr */
	    0xc7,      0x05, 0xf0, 0, 0xe0, 0xfe, 0xff, 1, 0, 0, /* movl $0x1ff, SVR */
	    0xc7,      0x05, 0x20, 3, 0xe0, 0xfe, 0x40, 0, 4, 0, /* movl $0x40040, LVT */
	    0xb9,      0xe0, 6,    0, 0,                         /* mov $0x6e0, %ecx */
	    0xb8,      0,    0,    0, 0x10,                      /* mov $0x10000000, %eax */
	    0x0f,      0x30,                                     /* wrmsr */
	    0x0f,      0x32,                                     /* rdmsr */
	    0x89,      0xc3,                                     /* mov %eax, %ebx */
	    0x89,      0xd6,                                     /* mov %edx, %esi */
	    POWER_OFF,
	};
	struct tap tap = {.exit = tap_exit, .irq = tap_irq, .dma = tap_dma};
	bool armed = false;

	add_code(code, sizeof(code));
	m = machine_open(&config, "tcg", &host, &tap, &error);
	assert_non_null(m);
	assert_int_equal(machine_run(m), STOP_POWEROFF);
	assert_int_equal(m->vcpu.c->reg[GPR_RSI], 0x100);
	assert_int_equal(m->vcpu.c->reg[GPR_RBX], 0x10000000);
	assert_in_range(deadline_seen, 0x10000000, 0x10000000 + 20);
	for (unsigned i = 0; i < m->timers && !armed; i++)
		armed = machine_state(m)->timer[i] == deadline_seen;
	assert_true(armed);
}

/* ---- halts ---- */

/* Runs code that halts; for ever, though the interval timer goes on. */
static void expect_final(const uint8_t *code, size_t size)
{
	add_code(code, size);
	power_on();
	assert_true(machine_next_timer(m) != UINT64_MAX);
	assert_int_equal(machine_run(m), STOP_DEAD);
	assert_true(machine_now(m) < 1000000);
}

static void test_halt_without_interrupts(void **state)
{
	static const uint8_t code[] = {0xf4}; /* hlt */

	expect_final(code, sizeof(code));
}

static void test_halt_with_all_masked(void **state)
{
	static const uint8_t code[] = {
	    0xfb, 0xf4, /* sti; hlt */
	};

	expect_final(code, sizeof(code));
}

/* The timer's output arrives at LINT0 by way of the 8259, and as an NMI from there. */
static void test_halt_with_nmi(void **state)
{
	static const uint8_t code[] = {
	    0xb0, 0xfe, 0xe6, 0x21,             /* mov $0xfe, %al; out %al, $0x21 */
	    0xb8, 0xf0, 0x00, 0xe0, 0xfe,       /* mov $0xfee000f0, %eax: SVR, enable */
	    0xc7, 0x00, 0xff, 0x01, 0x00, 0x00, /* movl $0x1ff, (%eax) */
	    0xb8, 0x50, 0x03, 0xe0, 0xfe,       /* mov $0xfee00350, %eax: LVT LINT0 */
	    0xc7, 0x00, 0x00, 0x04, 0x00, 0x00, /* movl $0x400, (%eax) */
	    0xf4,                               /* hlt */
	};

	add_code(code, sizeof(code));
	power_on();
	/* No IDT: the NMI ends in a triple fault. */
	assert_int_equal(machine_run(m), STOP_SHUTDOWN);
	assert_in_range(machine_now(m), 1, 100000000);
}

/* ---- what a kernel finds ticking ---- */

static void test_setup(void **state)
{
	add_kernel();
	power_on();
	bus_port_write(&m->bus, 0x43, 1, 0xc2); /* counter 0: status and count */
	assert_int_equal(bus_port_read(&m->bus, 0x40, 1) & 0x3f, 0x36);
	assert_int_equal(bus_port_read(&m->bus, 0x21, 1), 0xfb);
	assert_int_equal(bus_port_read(&m->bus, 0xa1, 1), 0xff);
}

/* A trace from before: nothing is programmed. */
static void test_setup_of_old(void **state)
{
	add_kernel();
	config.setup = BOARD_SETUP_CHIP_SET;
	power_on();
	bus_port_write(&m->bus, 0x43, 1, 0xc2);
	assert_int_equal(bus_port_read(&m->bus, 0x40, 1) & 0x4f, 0x40); /* NULL COUNT */
	assert_int_equal(bus_port_read(&m->bus, 0x21, 1), 0);
	assert_true(machine_next_timer(m) == UINT64_MAX);
}

/* What a description says of it: nothing is the first, and there may be a third one day. */
static void test_setup_described(void **state)
{
	struct machine_config other;
	struct error e;
	char *text;

	add_kernel();
	text = machine_config_format(&config);
	assert_non_null(strstr(text, "\nsetup=2\n"));
	assert_int_equal(machine_config_parse(&other, text, &e), 0);
	assert_int_equal(other.setup, BOARD_SETUP_TIMERS);
	machine_config_free(&other);
	free(text);
	assert_int_equal(machine_config_parse(&other, "machine=pc\n", &e), 0);
	assert_int_equal(other.setup, BOARD_SETUP_CHIP_SET);
	machine_config_free(&other);
	assert_int_equal(machine_config_parse(&other, "setup=3\n", &e), -1);
	assert_non_null(strstr(e.text, "made by a newer vcr?"));
	assert_int_equal(machine_config_parse(&other, "setup=x\n", &e), -1);
	config.setup = BOARD_SETUP_CHIP_SET;
	text = machine_config_format(&config);
	assert_null(strstr(text, "setup"));
	free(text);
	machine_config_free(&config);
}

/* The same for how boundaries between exits are taken, which instructions do not have. */
static void test_boundaries_described(void **state)
{
	struct machine_config other;
	struct error e;
	char *text;

	text = machine_config_format(&config);
	assert_null(strstr(text, "boundaries"));
	free(text);
	config.host_time = true;
	text = machine_config_format(&config);
	assert_non_null(strstr(text, "\nboundaries=2\n"));
	assert_int_equal(machine_config_parse(&other, text, &e), 0);
	assert_int_equal(other.boundaries, BOUNDARY_PLACE);
	machine_config_free(&other);
	free(text);
	assert_int_equal(machine_config_parse(&other, "time=host\n", &e), 0);
	assert_int_equal(other.boundaries, BOUNDARY_EACH);
	machine_config_free(&other);
	assert_int_equal(machine_config_parse(&other, "boundaries=3\n", &e), -1);
	assert_non_null(strstr(e.text, "made by a newer vcr?"));
	machine_config_free(&config);
}

/* ---- devices ---- */

static void out(uint16_t port, uint8_t value)
{
	bus_port_write(&m->bus, port, 1, value);
}

static uint32_t fw_cfg_number(uint16_t key)
{
	uint32_t value = 0;

	bus_port_write(&m->bus, 0x510, 2, key);
	for (unsigned i = 0; i < 4; i++)
		value |= (uint32_t)bus_port_read(&m->bus, 0x511, 1) << 8 * i;
	return value;
}

static void test_fw_cfg(void **state)
{
	add_kernel();
	power_on();
	if (!machine_find_device(m, "fw_cfg"))
		skip();
	assert_int_equal(fw_cfg_number(FW_CFG_SIGNATURE), 0x554d4551);
	assert_int_equal(fw_cfg_number(FW_CFG_RAM_SIZE), 128 * MIB);
	assert_int_equal(fw_cfg_number(FW_CFG_NB_CPUS), 1);
	assert_int_equal(fw_cfg_number(FW_CFG_KERNEL_SIZE), 128);
	assert_int_equal(fw_cfg_number(FW_CFG_FILE_DIR), 0x06000000);
}

/* How large the file `name` is, which it selects; -1: not there. */
static long fw_cfg_open(const char *name)
{
	uint8_t entry[64];
	unsigned count;

	count = __builtin_bswap32(fw_cfg_number(FW_CFG_FILE_DIR));
	while (count--) {
		for (unsigned i = 0; i < sizeof(entry); i++)
			entry[i] = (uint8_t)bus_port_read(&m->bus, 0x511, 1);
		if (strcmp((char *)entry + 8, name))
			continue;
		bus_port_write(&m->bus, 0x510, 2, (uint64_t)entry[4] << 8 | entry[5]);
		return entry[2] << 8 | entry[3];
	}
	return -1;
}

static uint64_t fw_cfg_next(unsigned size)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < size; i++)
		value |= bus_port_read(&m->bus, 0x511, 1) << 8 * i;
	return value;
}

/* As in QEMU: the RAM below and above 4 GiB, and nothing else. */
static void test_fw_cfg_e820(void **state)
{
	add_kernel();
	config.ram_size = 4 * GIB;
	power_on();
	if (!machine_find_device(m, "fw_cfg"))
		skip();
	assert_int_equal(fw_cfg_open("etc/e820"), 40);
	assert_true(fw_cfg_next(8) == 0 && fw_cfg_next(8) == 3 * GIB && fw_cfg_next(4) == 1);
	assert_true(fw_cfg_next(8) == 4 * GIB && fw_cfg_next(8) == GIB && fw_cfg_next(4) == 1);
	assert_int_equal(fw_cfg_open("etc/acpi/rsdp"), 36);
	assert_true(fw_cfg_next(8) == 0x2052545020445352ull);
	assert_true(fw_cfg_open("etc/acpi/tables") > 500);
	assert_true(fw_cfg_open("etc/table-loader") % 128 == 0);
	assert_true(fw_cfg_open("bootorder") >= 0);
	assert_int_equal(fw_cfg_open("etc/nothing"), -1);
}

/* A channel's digit and a byte. */
static bool was_output(const char pair[2])
{
	for (size_t i = 0; i + 1 < output_size; i += 2) {
		if (!memcmp(output + i, pair, 2))
			return true;
	}
	return false;
}

/* Serial ports and debug console are on their own channels. */
static void test_channels(void **state)
{
	add_kernel();
	power_on();
	out(0x3f8, 'a');
	out(0x2f8, 'b');
	if (machine_find_device(m, "debugcon"))
		out(0x402, 'c');
	machine_run(m);
	assert_true(output_size >= 4);
	assert_true(was_output("0a"));
	assert_true(was_output("1b"));
	if (machine_find_device(m, "debugcon"))
		assert_true(was_output("2c"));
}

static void mmio_write(uint64_t gpa, uint32_t value)
{
	bus_memory_write(&m->bus, gpa, 4, value);
}

/* 8259s with vectors 20h and 28h, everything masked but the cascade. */
static void pic_init(void)
{
	out(0x20, 0x11);
	out(0x21, 0x20);
	out(0x21, 0x04);
	out(0x21, 0x01);
	out(0xa0, 0x11);
	out(0xa1, 0x28);
	out(0xa1, 0x02);
	out(0xa1, 0x01);
	out(0x21, 0xfb);
	out(0xa1, 0xff);
}

/* Every ISA line through the 8259 pair and the virtual wire to the vCPU. */
static void test_isa_through_8259(void **state)
{
	struct device *isa;

	add_kernel();
	power_on();
	isa = machine_find_device(m, "isa-irq");
	for (unsigned irq = 0; irq < 16; irq++) {
		if (irq == 2)
			continue;
		pic_init();
		out(irq < 8 ? 0x21 : 0xa1,
		    (uint8_t)(irq < 8 ? 0xfb & ~(1 << irq) : 0xff & ~(1 << (irq - 8))));
		irq_set((struct irq){isa, irq}, false);
		irq_set((struct irq){isa, irq}, true);
		assert_true(m->vcpu.c->intr);
		assert_int_equal(machine_acknowledge(m), 0x20 + irq);
		irq_set((struct irq){isa, irq}, false);
		assert_false(m->vcpu.c->intr);
	}
}

/* Every ISA line through the I/O APIC; IRQ 0 is input 2. */
static void test_isa_through_ioapic(void **state)
{
	struct device *isa;

	add_kernel();
	power_on();
	isa = machine_find_device(m, "isa-irq");
	pic_init();
	mmio_write(LAPIC_BASE + 0xf0, 0x1ff);
	mmio_write(LAPIC_BASE + 0x350, 0x10700);
	for (unsigned pin = 0; pin < 24; pin++) {
		mmio_write(IOAPIC_BASE, 0x10 + 2 * pin);
		mmio_write(IOAPIC_BASE + 0x10, 0x40 + pin);
	}
	for (unsigned irq = 0; irq < 16; irq++) {
		if (irq == 2)
			continue;
		irq_set((struct irq){isa, irq}, false);
		irq_set((struct irq){isa, irq}, true);
		assert_true(m->vcpu.c->intr);
		assert_int_equal(machine_acknowledge(m), 0x40 + (irq ? irq : 2));
		mmio_write(LAPIC_BASE + 0xb0, 0);
		assert_false(m->vcpu.c->intr);
	}
}

static void test_user_device(void **state)
{
	if (!device_class_find("isa-debug-exit"))
		skip();
	add_kernel();
	add_device("isa-debug-exit,iobase=0xf4,iosize=4");
	add_device("isa-debug-exit,iobase=0xf8,iosize=4");
	power_on();
	assert_non_null(bus_find_port(&m->bus, 0xf4));
	assert_non_null(bus_find_port(&m->bus, 0xfb));
	assert_null(bus_find_port(&m->bus, 0xfc));
}

static void test_user_device_taken(void **state)
{
	if (!device_class_find("isa-debug-exit"))
		skip();
	add_kernel();
	add_device("isa-debug-exit,iobase=0x3f8");
	refuses("0x3f8");
}

static void test_user_device_unknown(void **state)
{
	add_kernel();
	add_device("floppy");
	refuses("-device floppy: unknown device");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_memory),
	    TEST(test_small_memory),
	    TEST(test_memory_limits),
	    TEST(test_firmware),
	    TEST(test_firmware_size),
	    TEST(test_nothing_to_boot),
	    TEST(test_initrd_alone),
	    TEST(test_acpi_in_memory),
	    TEST(test_reset),
	    TEST(test_run),
	    TEST(test_deadline_of_moved_tsc),
	    TEST(test_halt_without_interrupts),
	    TEST(test_halt_with_all_masked),
	    TEST(test_halt_with_nmi),
	    TEST(test_setup),
	    TEST(test_setup_of_old),
	    TEST(test_setup_described),
	    TEST(test_boundaries_described),
	    TEST(test_fw_cfg),
	    TEST(test_fw_cfg_e820),
	    TEST(test_channels),
	    TEST(test_isa_through_8259),
	    TEST(test_isa_through_ioapic),
	    TEST(test_user_device),
	    TEST(test_user_device_taken),
	    TEST(test_user_device_unknown),
	};

	return cmocka_run_group_tests_name("board/pc", tests, NULL, NULL);
}
