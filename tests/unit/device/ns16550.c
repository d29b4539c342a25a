/* SPDX-License-Identifier: Apache-2.0 */
/* ns16550: quotations and sections are from the PC16550D data sheet (TL/C/8652). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "emulator/device/ns16550.h"
#include "tests/unit/device/device_fixture.h"

enum { BASE = 0x3f8, RBR = BASE, THR = BASE, IER = BASE + 1, IIR = BASE + 2, FCR = BASE + 2 };
enum { LCR = BASE + 3, MCR = BASE + 4, LSR = BASE + 5, MSR = BASE + 6, SCR = BASE + 7 };
enum { IRQ = 0 };

/* Ten bits at 115200 baud, four times, in nanoseconds (rounded down). */
#define TIMEOUT_8N1 (40ull * 1000000000 / 115200)

static const struct ns16550_config config = {BASE};
static struct device *uart;

static int setup(void **state)
{
	fixture_open();
	uart = fixture_device(&ns16550_class);
	uart->data = &config;
	uart->channel = 0;
	uart->out[0] = fixture_line(IRQ);
	fixture_realize(uart);
	return 0;
}

/* As a driver opens it: 115200 8N1, FIFOs with trigger level 8, OUT2. */
static void open_port(uint8_t ier)
{
	out8(LCR, 0x83);
	out8(RBR, 1);
	out8(IER, 0);
	out8(LCR, 0x03);
	out8(FCR, 0x87);
	out8(MCR, 0x0b);
	out8(IER, ier);
}

/* Table III, "UART Reset Configuration". */
static void test_reset_values(void **state)
{
	assert_int_equal(in8(IER), 0x00);
	assert_int_equal(in8(IIR), 0x01);
	assert_int_equal(in8(LCR), 0x00);
	assert_int_equal(in8(MCR), 0x00);
	assert_int_equal(in8(LSR), 0x60);
	assert_int_equal(in8(MSR) & 0x0f, 0x00);
	assert_false(fixture_level(IRQ));
}

/* Registers keep the bits they have: IER 4, MCR 5, FCR shows as IIR bits 7-6; DLAB banks. */
static void test_registers(void **state)
{
	out8(IER, 0xff);
	assert_int_equal(in8(IER), 0x0f);
	out8(MCR, 0xef);
	assert_int_equal(in8(MCR), 0x0f);
	out8(SCR, 0x5a);
	assert_int_equal(in8(SCR), 0x5a);
	out8(LCR, 0x80);
	out8(RBR, 0x34);
	out8(IER, 0x12);
	assert_int_equal(in8(RBR), 0x34);
	assert_int_equal(in8(IER), 0x12);
	out8(LCR, 0x00);
	assert_int_equal(in8(IER), 0x0f);
	assert_int_equal(in8(IIR) & 0xc0, 0x00);
	out8(FCR, 0x01);
	assert_int_equal(in8(IIR) & 0xc0, 0xc0);
	out8(FCR, 0xc0); /* bit 0 off: nothing else is programmed */
	assert_int_equal(in8(IIR) & 0xc0, 0x00);
	/* LSR and MSR are read-only. */
	out8(LSR, 0xff);
	out8(MSR, 0xff);
	assert_int_equal(in8(LSR), 0x60);
}

static void test_transmit(void **state)
{
	open_port(0);
	out8(THR, 'h');
	out8(THR, 'i');
	assert_string_equal(fixture_output(0, NULL), "hi");
	assert_int_equal(in8(LSR), 0x60);
	/* Section 8.3 bit 6: under break "the serial output is forced to the spacing state". */
	out8(LCR, 0x43);
	out8(THR, 'x');
	out8(LCR, 0x03);
	out8(THR, '!');
	assert_string_equal(fixture_output(0, NULL), "hi!");
}

/*
 * Table IV: THRE is reset by "reading the IIR Register (if source of interrupt) or writing into
 * the Transmitter Holding Register"; enabling it with THR empty asks at once.
 */
static void test_thre_interrupt(void **state)
{
	open_port(0x02);
	assert_true(fixture_level(IRQ));
	assert_int_equal(in8(IIR), 0xc2);
	assert_false(fixture_level(IRQ));
	assert_int_equal(in8(IIR), 0xc1);
	out8(THR, 'a');
	assert_true(fixture_level(IRQ));
	assert_int_equal(fixture_rises(IRQ), 2);
	/* Another byte while it asks: down and up, an edge for the interrupt controller. */
	out8(THR, 'b');
	assert_int_equal(fixture_rises(IRQ), 3);
	out8(IER, 0x00);
	assert_false(fixture_level(IRQ));
	out8(IER, 0x02);
	assert_int_equal(in8(IIR), 0xc2);
}

/* The FIFOs off: one byte at a time, RDA as soon as it is there. */
static void test_receive_16450(void **state)
{
	out8(MCR, 0x08);
	out8(IER, 0x01);
	assert_int_equal(fixture_char_in(uart, "ab", 2), 1);
	assert_true(fixture_level(IRQ));
	assert_int_equal(in8(IIR), 0x04);
	assert_int_equal(in8(LSR), 0x61);
	assert_int_equal(fixture_char_in(uart, "b", 1), 0);
	assert_int_equal(in8(RBR), 'a');
	assert_false(fixture_level(IRQ));
	assert_int_equal(in8(LSR), 0x60);
	assert_int_equal(fixture_char_in(uart, "b", 1), 1);
	assert_int_equal(in8(RBR), 'b');
	/* An empty RBR shows what it held. */
	assert_int_equal(in8(RBR), 'b');
}

/* Section 8.4.1: trigger levels 1, 4, 8 and 14. */
static void test_trigger_levels(void **state)
{
	static const uint8_t levels[] = {1, 4, 8, 14};

	for (unsigned i = 0; i < 4; i++) {
		open_port(0x01);
		out8(FCR, (uint8_t)(i << 6 | 0x03));
		for (unsigned n = 1; n < levels[i]; n++) {
			assert_int_equal(fixture_char_in(uart, "x", 1), 1);
			assert_false(fixture_level(IRQ));
		}
		assert_int_equal(fixture_char_in(uart, "x", 1), 1);
		assert_true(fixture_level(IRQ));
		assert_int_equal(in8(IIR), 0xc4);
		/* "cleared when the FIFO drops below the trigger level" */
		in8(RBR);
		assert_false(fixture_level(IRQ));
	}
}

/* The FIFO takes 16 bytes and gives them in order; "RCVR FIFO reset" empties it. */
static void test_fifo(void **state)
{
	open_port(0);
	assert_int_equal(fixture_char_in(uart, "0123456789abcdefgh", 18), 16);
	for (const char *c = "0123456789"; *c; c++)
		assert_int_equal(in8(RBR), *c);
	assert_int_equal(fixture_char_in(uart, "ghijklmnopq", 11), 10);
	for (const char *c = "abcdefghij"; *c; c++)
		assert_int_equal(in8(RBR), *c);
	assert_int_equal(in8(LSR), 0x61);
	out8(FCR, 0x03);
	assert_int_equal(in8(LSR), 0x60);
	assert_int_equal(fixture_char_in(uart, "z", 1), 1);
	out8(FCR, 0x00); /* section 8.4.1: changing the mode clears the FIFOs */
	assert_int_equal(in8(LSR), 0x60);
}

/*
 * Section 8.4.2: the timeout interrupt comes when bytes below the trigger level lie for four
 * character times, counted from the last byte or the last read; reading a byte resets it.
 */
static void test_timeout(void **state)
{
	open_port(0x01);
	fixture_char_in(uart, "abc", 3);
	fixture_advance(TIMEOUT_8N1 - 1);
	assert_false(fixture_level(IRQ));
	fixture_char_in(uart, "d", 1);
	fixture_advance(TIMEOUT_8N1 - 1);
	assert_false(fixture_level(IRQ));
	assert_int_equal(in8(RBR), 'a');
	fixture_advance(TIMEOUT_8N1 - 1);
	assert_false(fixture_level(IRQ));
	fixture_advance(1);
	assert_true(fixture_level(IRQ));
	assert_int_equal(in8(IIR), 0xcc);
	assert_int_equal(in8(RBR), 'b');
	assert_false(fixture_level(IRQ));
	fixture_advance(TIMEOUT_8N1);
	assert_true(fixture_level(IRQ));
	in8(RBR);
	in8(RBR);
	fixture_advance(10 * TIMEOUT_8N1);
	assert_false(fixture_level(IRQ));
}

/* The time follows baud rate and frame: 300 baud, eight bits, parity, two stop bits. */
static void test_timeout_baud(void **state)
{
	uint64_t four = 4ull * 12 * 384 * 1000000000 / 115200;

	open_port(0x01);
	out8(LCR, 0x8f);
	out8(RBR, 0x80);
	out8(IER, 0x01);
	out8(LCR, 0x0f);
	fixture_char_in(uart, "a", 1);
	fixture_advance(four - 1);
	assert_false(fixture_level(IRQ));
	fixture_advance(1);
	assert_true(fixture_level(IRQ));
}

/* A timer runs only while its interrupt can come; enabled late, it is there at once. */
static void test_timeout_lazy(void **state)
{
	open_port(0x00);
	fixture_char_in(uart, "a", 1);
	assert_true(fixture_next_deadline() == UINT64_MAX);
	fixture_advance(2 * TIMEOUT_8N1);
	out8(IER, 0x01);
	assert_int_equal(in8(IIR), 0xcc);
	assert_true(fixture_level(IRQ));
	assert_true(fixture_next_deadline() == UINT64_MAX);
}

/*
 * Section 8.6 bit 4, loopback: "the transmitter ... is looped back into the receiver", modem
 * outputs become inputs, and OUT2 is held inactive, so that no interrupt leaves the part.
 */
static void test_loopback(void **state)
{
	open_port(0x01);
	out8(FCR, 0x07);
	out8(MCR, 0x1b);
	out8(THR, 0xa5);
	assert_string_equal(fixture_output(0, NULL), "");
	assert_int_equal(in8(LSR), 0x61);
	assert_int_equal(in8(IIR), 0xc4);
	assert_false(fixture_level(IRQ));
	assert_int_equal(in8(RBR), 0xa5);
	assert_int_equal(fixture_char_in(uart, "x", 1), 0);
	out8(MCR, 0x0b);
	assert_int_equal(fixture_char_in(uart, "x", 1), 1);
	assert_int_equal(in8(RBR), 'x');
}

/* Section 8.6 and 8.7: RTS-CTS, DTR-DSR, OUT1-RI, OUT2-DCD, with their deltas. */
static void test_loopback_modem(void **state)
{
	in8(MSR);
	out8(MCR, 0x10);
	assert_int_equal(in8(MSR), 0x0b); /* CTS, DSR and DCD went away */
	assert_int_equal(in8(MSR), 0x00);
	out8(MCR, 0x12);
	assert_int_equal(in8(MSR), 0x11);
	out8(MCR, 0x11);
	assert_int_equal(in8(MSR), 0x23);
	out8(MCR, 0x14);
	assert_int_equal(in8(MSR), 0x42); /* TERI is for the end of RI only */
	out8(MCR, 0x18);
	assert_int_equal(in8(MSR), 0x8c);
	out8(MCR, 0x18);
	assert_int_equal(in8(MSR), 0x80);
	out8(MCR, 0x00);
	assert_int_equal(in8(MSR), 0xb3);
}

/* Table IV: modem status is the lowest priority, reset by reading MSR. */
static void test_modem_interrupt(void **state)
{
	open_port(0x08);
	out8(MCR, 0x1b);
	out8(MCR, 0x0b);
	in8(MSR);
	out8(MCR, 0x18);
	out8(MCR, 0x08);
	assert_true(fixture_level(IRQ));
	assert_int_equal(in8(IIR), 0xc0);
	in8(MSR);
	assert_false(fixture_level(IRQ));
	assert_int_equal(in8(IIR), 0xc1);
}

/* Section 8.5 bit 1: overrun; with FIFOs the new byte is lost, without them the old one. */
static void test_overrun(void **state)
{
	out8(MCR, 0x10);
	out8(IER, 0x05);
	out8(THR, 'a');
	out8(THR, 'b');
	assert_int_equal(in8(IIR), 0x06);
	assert_int_equal(in8(LSR), 0x63);
	assert_int_equal(in8(LSR), 0x61);
	assert_int_equal(in8(IIR), 0x04);
	assert_int_equal(in8(RBR), 'b');

	out8(FCR, 0x01);
	for (unsigned i = 0; i < 17; i++)
		out8(THR, (uint8_t)('A' + i));
	assert_int_equal(in8(LSR), 0x63);
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(in8(RBR), 'A' + i);
	assert_int_equal(in8(LSR), 0x60);
}

/*
 * Section 8.5 bits 4 and 7: a break is a zero character whose bit shows when it comes to the top
 * of the FIFO; bit 7 says before that there is one.
 */
static void test_break(void **state)
{
	open_port(0x04);
	out8(MCR, 0x1b);
	out8(THR, 'a');
	out8(LCR, 0x43);
	assert_int_equal(in8(LSR), 0xe1);
	assert_int_equal(in8(IIR), 0xc1);
	assert_int_equal(in8(RBR), 'a');
	assert_int_equal(in8(IIR), 0xc6);
	assert_int_equal(in8(LSR), 0xf1);
	assert_int_equal(in8(LSR), 0x61);
	assert_int_equal(in8(RBR), 0x00);
	assert_int_equal(in8(LSR), 0x60);
}

/* On a PC, OUT2 gates the interrupt. */
static void test_out2(void **state)
{
	open_port(0x01);
	out8(MCR, 0x03);
	out8(FCR, 0x03);
	fixture_char_in(uart, "a", 1);
	fixture_advance(TIMEOUT_8N1);
	assert_int_equal(in8(IIR), 0xcc);
	assert_false(fixture_level(IRQ));
	out8(MCR, 0x0b);
	assert_true(fixture_level(IRQ));
}

/* Table IV: line status, received data, THRE, modem status, in this order. */
static void test_priority(void **state)
{
	out8(IER, 0x0f);
	out8(MCR, 0x10);
	out8(THR, 'a');
	out8(THR, 'b');
	assert_int_equal(in8(IIR), 0x06);
	in8(LSR);
	assert_int_equal(in8(IIR), 0x04);
	in8(RBR);
	assert_int_equal(in8(IIR), 0x02);
	assert_int_equal(in8(IIR), 0x00);
	in8(MSR);
	assert_int_equal(in8(IIR), 0x01);
}

/* A divisor of zero, which the data sheet does not define, divides nothing here. */
static void test_divisor_zero(void **state)
{
	open_port(0x01);
	out8(LCR, 0x83);
	out8(RBR, 0);
	out8(LCR, 0x03);
	fixture_char_in(uart, "a", 1);
	fixture_advance(TIMEOUT_8N1);
	assert_true(fixture_level(IRQ));
}

static void test_random_use(void **state)
{
	static const uint16_t ports[] = {RBR, IER, IIR, LCR, MCR, LSR, MSR, SCR};

	fixture_random_use(uart, ports, sizeof(ports) / sizeof(ports[0]), 200000, 1000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_reset_values, setup),
	    cmocka_unit_test_setup(test_registers, setup),
	    cmocka_unit_test_setup(test_transmit, setup),
	    cmocka_unit_test_setup(test_thre_interrupt, setup),
	    cmocka_unit_test_setup(test_receive_16450, setup),
	    cmocka_unit_test_setup(test_trigger_levels, setup),
	    cmocka_unit_test_setup(test_fifo, setup),
	    cmocka_unit_test_setup(test_timeout, setup),
	    cmocka_unit_test_setup(test_timeout_baud, setup),
	    cmocka_unit_test_setup(test_timeout_lazy, setup),
	    cmocka_unit_test_setup(test_loopback, setup),
	    cmocka_unit_test_setup(test_loopback_modem, setup),
	    cmocka_unit_test_setup(test_modem_interrupt, setup),
	    cmocka_unit_test_setup(test_overrun, setup),
	    cmocka_unit_test_setup(test_break, setup),
	    cmocka_unit_test_setup(test_out2, setup),
	    cmocka_unit_test_setup(test_priority, setup),
	    cmocka_unit_test_setup(test_divisor_zero, setup),
	    cmocka_unit_test_setup(test_random_use, setup),
	};

	return cmocka_run_group_tests_name("device/ns16550", tests, NULL, NULL);
}
