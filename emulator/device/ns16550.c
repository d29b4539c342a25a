/* SPDX-License-Identifier: Apache-2.0 */
/*
 * National Semiconductor 16550A UART, the serial port of a PC. Quotations and section numbers
 * are from the PC16550D data sheet (TL/C/8652).
 *
 * The transmitter takes no time: a byte written is out when the write ends, so THRE and TEMT
 * always read 1, and what a driver sees of it is the interrupt that says so again. The receiver
 * has its real depth and time: 16 bytes or 1, trigger levels, and the timeout interrupt four
 * character times after the last byte came or was read, which is a deadline and needs a timer
 * only while that interrupt is enabled. Input that finds no room waits in the channel, so only
 * loopback can overrun.
 *
 * Word length and parity count for that time alone: the channel carries bytes, and software that
 * never programs LCR (whose reset value means five bits) expects them whole.
 */
#include "emulator/device/ns16550.h"

#include "emulator/device/ticks.h"

#include <string.h>

enum { FIFO_DEPTH = 16, MAX_BAUD = 115200 };

enum {
	REG_DATA = 0, /* RBR, THR; DLL under DLAB */
	REG_IER = 1,  /* DLM under DLAB */
	REG_IIR = 2,  /* FCR when written */
	REG_LCR = 3,
	REG_MCR = 4,
	REG_LSR = 5,
	REG_MSR = 6,
	REG_SCR = 7,
	GPR_COUNT = 8,
};

enum { IER_RECEIVE = 0x01, IER_TRANSMIT = 0x02, IER_LINE = 0x04, IER_MODEM = 0x08, IER_MASK = 15 };

/* Table IV, "Interrupt Control Functions", by falling priority. */
enum {
	IIR_LINE = 0x06,
	IIR_TIMEOUT = 0x0c,
	IIR_RECEIVE = 0x04,
	IIR_TRANSMIT = 0x02,
	IIR_MODEM = 0x00,
	IIR_NONE = 0x01,
	IIR_FIFO = 0xc0,
};

enum { FCR_ENABLE = 0x01, FCR_CLEAR_RECEIVER = 0x02, FCR_TRIGGER = 0xc0, FCR_KEPT = 0xc9 };

enum { LCR_LENGTH = 0x03, LCR_STOP = 0x04, LCR_PARITY = 0x08, LCR_BREAK = 0x40, LCR_DLAB = 0x80 };

enum {
	MCR_DTR = 0x01,
	MCR_RTS = 0x02,
	MCR_OUT1 = 0x04,
	MCR_OUT2 = 0x08,
	MCR_LOOP = 0x10,
	MCR_MASK = 0x1f,
};

enum {
	LSR_READY = 0x01,
	LSR_OVERRUN = 0x02,
	LSR_BREAK = 0x10,
	LSR_ERRORS = 0x1e,
	LSR_THRE = 0x20,
	LSR_TEMT = 0x40,
	LSR_FIFO_ERROR = 0x80,
};

enum {
	MSR_DCTS = 0x01,
	MSR_DDSR = 0x02,
	MSR_TERI = 0x04,
	MSR_DDCD = 0x08,
	MSR_CTS = 0x10,
	MSR_DSR = 0x20,
	MSR_RI = 0x40,
	MSR_DCD = 0x80,
	/* What is at the other end of the cable is there and ready. */
	MSR_CONNECTED = MSR_CTS | MSR_DSR | MSR_DCD,
};

struct ns16550_state {
	uint64_t timeout_at; /* of the receiver, while it holds bytes */
	uint16_t divisor;
	uint8_t data[FIFO_DEPTH];
	uint8_t error[FIFO_DEPTH]; /* LSR bits that came with each byte */
	uint8_t head, count;       /* count is at most 1 when the FIFOs are off */
	uint8_t rbr;               /* read last */
	uint8_t overrun;
	uint8_t ier, fcr, lcr, mcr, scr;
	uint8_t modem; /* MSR bits 7-4 */
	uint8_t delta; /* MSR bits 3-0 */
	uint8_t thre_pending;
	uint8_t reserved[2];
};

/* ---- interrupts ---- */

/* Section 8.4.1: the trigger level of the receiver FIFO. */
static unsigned trigger_level(const struct ns16550_state *s)
{
	static const uint8_t levels[] = {1, 4, 8, 14};

	return s->fcr & FCR_ENABLE ? levels[s->fcr >> 6] : 1;
}

static uint8_t line_status(const struct ns16550_state *s)
{
	uint8_t lsr = LSR_THRE | LSR_TEMT;

	if (s->overrun)
		lsr |= LSR_OVERRUN;
	if (!s->count)
		return lsr;
	/* "revealed to the CPU when its associated character is at the top of the FIFO" */
	lsr |= LSR_READY | s->error[s->head];
	for (unsigned i = 0; i < s->count && s->fcr & FCR_ENABLE; i++) {
		if (s->error[(s->head + i) % FIFO_DEPTH])
			lsr |= LSR_FIFO_ERROR;
	}
	return lsr;
}

static uint8_t interrupt_id(const struct device *d)
{
	const struct ns16550_state *s = device_state(d);

	if (s->ier & IER_LINE && line_status(s) & LSR_ERRORS)
		return IIR_LINE;
	if (s->ier & IER_RECEIVE && s->count) {
		if (s->fcr & FCR_ENABLE && device_now(d) >= s->timeout_at)
			return IIR_TIMEOUT;
		if (s->count >= trigger_level(s))
			return IIR_RECEIVE;
	}
	if (s->ier & IER_TRANSMIT && s->thre_pending)
		return IIR_TRANSMIT;
	if (s->ier & IER_MODEM && s->delta)
		return IIR_MODEM;
	return IIR_NONE;
}

/*
 * OUT2 gates the interrupt onto the bus (IBM PC AT Technical Reference, "Serial/Parallel
 * Adapter"); in loopback the part holds that pin inactive.
 */
static void update_irq(struct device *d)
{
	const struct ns16550_state *s = device_state(d);
	bool gate = (s->mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2;
	bool waiting = s->ier & IER_RECEIVE && s->fcr & FCR_ENABLE && s->count &&
		       s->count < trigger_level(s) && device_now(d) < s->timeout_at;

	irq_set(d->out[0], gate && interrupt_id(d) != IIR_NONE);
	if (waiting)
		device_timer_set(d, 0, s->timeout_at);
	else if (device_timer_pending(d, 0))
		device_timer_cancel(d, 0);
}

static void ns16550_timer(struct device *d, unsigned index)
{
	update_irq(d);
}

/* ---- the receiver ---- */

/* Section 8.4.2, "Receiver FIFO timeout": from now, four characters with start and stop bits. */
static void restart_timeout(struct device *d)
{
	struct ns16550_state *s = device_state(d);
	uint64_t bits =
	    1 + 5 + (s->lcr & LCR_LENGTH) + !!(s->lcr & LCR_PARITY) + 1 + !!(s->lcr & LCR_STOP);
	uint64_t divisor = s->divisor ? s->divisor : 1;

	s->timeout_at = device_now(d) + 4 * bits * divisor * NS_PER_SECOND / MAX_BAUD;
}

static void receive(struct device *d, uint8_t byte, uint8_t error)
{
	struct ns16550_state *s = device_state(d);
	unsigned depth = s->fcr & FCR_ENABLE ? FIFO_DEPTH : 1;
	unsigned at;

	restart_timeout(d);
	if (s->count == depth) {
		s->overrun = true;
		/* "The character in the shift register is overwritten" with FIFOs, RBR without. */
		if (depth > 1)
			return;
		s->count = 0;
	}
	at = (s->head + s->count) % FIFO_DEPTH;
	s->data[at] = byte;
	s->error[at] = error;
	s->count++;
}

static uint8_t read_rbr(struct device *d)
{
	struct ns16550_state *s = device_state(d);

	if (s->count) {
		s->rbr = s->data[s->head];
		s->head = (s->head + 1) % FIFO_DEPTH;
		s->count--;
		restart_timeout(d);
		update_irq(d);
	}
	return s->rbr;
}

static size_t ns16550_char_room(struct device *d)
{
	const struct ns16550_state *s = device_state(d);

	/* Section 8.6: in loopback "the receiver Serial Input (SIN) is disconnected". */
	if (s->mcr & MCR_LOOP)
		return 0;
	return (s->fcr & FCR_ENABLE ? FIFO_DEPTH : 1) - s->count;
}

static void ns16550_char_in(struct device *d, const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		receive(d, bytes[i], 0);
	update_irq(d);
}

/* ---- registers ---- */

/* "Writing to THR" resets the interrupt; the byte leaves and THRE asks again: a new edge. */
static void write_thr(struct device *d, uint8_t byte)
{
	struct ns16550_state *s = device_state(d);

	s->thre_pending = false;
	update_irq(d);
	if (s->mcr & MCR_LOOP)
		receive(d, byte, 0);
	else if (!(s->lcr & LCR_BREAK))
		device_char_write(d, &byte, 1);
	s->thre_pending = true;
}

/* Section 8.4: "This interrupt is enabled" with the register empty: it asks at once. */
static void write_ier(struct ns16550_state *s, uint8_t value)
{
	uint8_t old = s->ier;

	s->ier = value & IER_MASK;
	if ((old ^ s->ier) & IER_TRANSMIT)
		s->thre_pending = !!(s->ier & IER_TRANSMIT);
}

/* Section 8.4.1: "This bit must be a 1 when other FCR bits are written to". */
static void write_fcr(struct ns16550_state *s, uint8_t value)
{
	if (!(value & FCR_ENABLE))
		value = 0;
	if ((value ^ s->fcr) & FCR_ENABLE || value & FCR_CLEAR_RECEIVER)
		s->count = 0;
	s->fcr = value & FCR_KEPT;
}

static void write_lcr(struct device *d, uint8_t value)
{
	struct ns16550_state *s = device_state(d);
	bool begins = value & ~s->lcr & LCR_BREAK;

	s->lcr = value;
	/* Looped back, a break is a zero character with the break bit. */
	if (begins && s->mcr & MCR_LOOP)
		receive(d, 0, LSR_BREAK);
}

/* Section 8.7: the modem lines, and what of them changed; RI counts when it ends. */
static void set_modem(struct ns16550_state *s, uint8_t lines)
{
	uint8_t changed = lines ^ s->modem;

	if (changed & MSR_CTS)
		s->delta |= MSR_DCTS;
	if (changed & MSR_DSR)
		s->delta |= MSR_DDSR;
	if (changed & MSR_RI & ~lines)
		s->delta |= MSR_TERI;
	if (changed & MSR_DCD)
		s->delta |= MSR_DDCD;
	s->modem = lines;
}

/* Section 8.6, bit 4: in loopback the outputs are the inputs. */
static void write_mcr(struct ns16550_state *s, uint8_t value)
{
	uint8_t lines = MSR_CONNECTED;

	s->mcr = value & MCR_MASK;
	if (value & MCR_LOOP)
		lines =
		    (uint8_t)((value & MCR_RTS ? MSR_CTS : 0) | (value & MCR_DTR ? MSR_DSR : 0) |
			      (value & MCR_OUT1 ? MSR_RI : 0) | (value & MCR_OUT2 ? MSR_DCD : 0));
	set_modem(s, lines);
}

static void write_divisor(struct ns16550_state *s, uint64_t offset, uint8_t value)
{
	if (offset == REG_DATA)
		s->divisor = (uint16_t)((s->divisor & 0xff00) | value);
	else
		s->divisor = (uint16_t)((s->divisor & 0x00ff) | value << 8);
}

static void ns16550_write(struct device *d, uint64_t offset, uint64_t value, unsigned size)
{
	struct ns16550_state *s = device_state(d);
	uint8_t byte = (uint8_t)value;

	if (s->lcr & LCR_DLAB && offset <= REG_IER) {
		write_divisor(s, offset, byte);
		return;
	}
	switch (offset) {
	case REG_DATA:
		write_thr(d, byte);
		break;
	case REG_IER:
		write_ier(s, byte);
		break;
	case REG_IIR:
		write_fcr(s, byte);
		break;
	case REG_LCR:
		write_lcr(d, byte);
		break;
	case REG_MCR:
		write_mcr(s, byte);
		break;
	case REG_SCR:
		s->scr = byte;
		return;
	default:
		return; /* LSR and MSR are written in factory tests only */
	}
	update_irq(d);
}

/* Section 8.5: reading IIR resets the transmit interrupt if that is what it shows. */
static uint8_t read_iir(struct device *d)
{
	struct ns16550_state *s = device_state(d);
	uint8_t id = interrupt_id(d);

	if (id == IIR_TRANSMIT) {
		s->thre_pending = false;
		update_irq(d);
	}
	return s->fcr & FCR_ENABLE ? id | IIR_FIFO : id;
}

static uint8_t read_lsr(struct device *d)
{
	struct ns16550_state *s = device_state(d);
	uint8_t lsr = line_status(s);

	if (lsr & LSR_ERRORS) {
		s->overrun = false;
		s->error[s->head] = 0;
		update_irq(d);
	}
	return lsr;
}

static uint8_t read_msr(struct device *d)
{
	struct ns16550_state *s = device_state(d);
	uint8_t msr = s->modem | s->delta;

	if (s->delta) {
		s->delta = 0;
		update_irq(d);
	}
	return msr;
}

static uint64_t ns16550_read(struct device *d, uint64_t offset, unsigned size)
{
	const struct ns16550_state *s = device_state(d);

	switch (offset) {
	case REG_DATA:
		return s->lcr & LCR_DLAB ? s->divisor & 0xff : read_rbr(d);
	case REG_IER:
		return s->lcr & LCR_DLAB ? s->divisor >> 8 : s->ier;
	case REG_IIR:
		return read_iir(d);
	case REG_LCR:
		return s->lcr;
	case REG_MCR:
		return s->mcr;
	case REG_LSR:
		return read_lsr(d);
	case REG_MSR:
		return read_msr(d);
	default:
		return s->scr;
	}
}

static const struct region_ops ns16550_ops = {
    .read = ns16550_read,
    .write = ns16550_write,
    .max_size = 1,
};

static int ns16550_realize(struct device *d, struct error *e)
{
	const struct ns16550_config *c = d->data;

	return device_add_ports(d, c->base, GPR_COUNT, &ns16550_ops, "uart", e);
}

/* Table III, "Master Reset"; the divisor, which reset leaves alone, begins at 9600 baud. */
static void ns16550_reset(struct device *d)
{
	struct ns16550_state *s = device_state(d);

	memset(s, 0, sizeof(*s));
	s->divisor = MAX_BAUD / 9600;
	s->modem = MSR_CONNECTED;
	device_timer_cancel(d, 0);
	irq_set(d->out[0], false);
}

const struct device_class ns16550_class = {
    .name = "ns16550",
    .description = "serial port (16550A UART)",
    .state_size = sizeof(struct ns16550_state),
    .timers = 1,
    .realize = ns16550_realize,
    .reset = ns16550_reset,
    .timer = ns16550_timer,
    .char_room = ns16550_char_room,
    .char_in = ns16550_char_in,
};
