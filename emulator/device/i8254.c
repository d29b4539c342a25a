/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intel 8254 programmable interval timer with what a PC hangs around it: counter 0 drives IRQ0,
 * counter 1 (memory refresh) nothing, counter 2 the speaker, whose gate and output are at port
 * 61h. Quotations and section names are from the Intel 82C54 data sheet (231244).
 *
 * No counter counts. A counter is the tick at which its count was loaded, ticks being pulses of
 * the 1.193182 MHz clock since power-on, and what it shows at any time is worked out from that.
 * So nothing drifts and nothing has to run: a timer is armed only for the next change of counter
 * 0's output, which is the only thing that anybody sees without asking.
 *
 *     write --> load on the next pulse --> start      e = tick - start, in modes 0-5:
 *       0  OUT low while e < count                    3  high in the first half of each count
 *       1  the same, from each rise of the gate       4  low when e == count
 *       2  low in the last tick of each count         5  the same, from each rise of the gate
 */
#include "emulator/device/device.h"
#include "emulator/device/ticks.h"

extern const struct device_class i8254_class;

enum { CLOCK_HZ = 1193182, REFRESH_TICKS = 18, COUNTERS = 3 };

#define NEVER INT64_MAX

/* Control Word: select in bits 7-6, access in 5-4, mode in 3-1, BCD in bit 0. */
enum { SELECT_READ_BACK = 3, ACCESS_LATCH = 0, ACCESS_LOW = 1, ACCESS_HIGH = 2, ACCESS_BOTH = 3 };

/* Read-Back Command: 0 in these bits asks for a latch, counter i is asked for by bit i + 1. */
enum { READ_BACK_NO_STATUS = 0x10, READ_BACK_NO_COUNT = 0x20 };

/* Port 61h, system control port B. Bits 2 and 3 only enable parity and channel check. */
enum { PORT61_GATE2 = 0x01, PORT61_WRITABLE = 0x0f, PORT61_REFRESH = 0x10, PORT61_OUT2 = 0x20 };

enum phase {
	PHASE_IDLE,    /* a control word, or nothing, was written: no count yet */
	PHASE_WAITING, /* modes 1 and 5: has a count, no rise of the gate yet */
	PHASE_COUNTING,
};

struct counter {
	int64_t start;     /* tick of the load of `count` */
	int64_t elapsed;   /* ticks counted before the gate stopped it */
	int64_t switch_at; /* modes 2, 3: when the count that is pending takes over */
	uint32_t count;    /* 1 to 65536 */
	uint32_t next;     /* written last; in effect unless pending */
	uint16_t latch;    /* Output Latch, when bytes of it are left */
	uint8_t latch_left;
	uint8_t status; /* latched status, when there is one */
	uint8_t status_latched;
	uint8_t mode, access, bcd;
	uint8_t gate;
	uint8_t phase;
	uint8_t stopped; /* by the gate */
	uint8_t pending;
	uint8_t switch_low; /* mode 3: `next` takes over with its low half */
	uint8_t low_before; /* mode 1: OUT was low when it was triggered again */
	uint8_t first_byte, write_second, read_second;
	uint8_t mode_high; /* 4 in modes 2 and 3, if they were chosen as 6 and 7 */
	uint8_t reserved[6];
};

struct i8254_state {
	struct counter counter[COUNTERS];
	int64_t edge; /* tick for which the timer is armed */
	uint8_t port61;
	uint8_t reserved[7];
};

static int64_t tick_now(const struct device *d)
{
	return (int64_t)ticks_at(device_now(d), CLOCK_HZ);
}

/* ---- what a counter shows ---- */

/* Below zero between a write and the clock pulse that loads it. */
static int64_t elapsed(const struct counter *c, int64_t tick)
{
	return c->stopped ? c->elapsed : tick - c->start;
}

/* How long OUT of a square wave is high: "(N + 1)/2 counts" for odd N, N/2 for even. */
static int64_t high_half(int64_t count)
{
	return (count + 1) / 2;
}

static bool counter_out(const struct counter *c, int64_t tick)
{
	int64_t e = elapsed(c, tick);

	if (c->phase != PHASE_COUNTING)
		return c->mode != 0;
	switch (c->mode) {
	case 0:
		return e >= c->count;
	case 1:
		return e < 0 ? !c->low_before : e >= c->count;
	case 2:
		return c->stopped || e < 0 || e % c->count != c->count - 1;
	case 3:
		return c->stopped || e < 0 || e % c->count < high_half(c->count);
	default:
		return e != c->count;
	}
}

/* The first tick after `tick` at which OUT changes. */
static int64_t counter_edge(const struct counter *c, int64_t tick)
{
	int64_t e = elapsed(c, tick);
	int64_t in_cycle, change;

	if (c->phase != PHASE_COUNTING || c->stopped)
		return NEVER;
	switch (c->mode) {
	case 1:
		if (e < 0 && !c->low_before)
			return c->start;
		/* fall through */
	case 0:
		return e < c->count ? c->start + c->count : NEVER;
	case 2:
	case 3:
		/* A count of 1 is illegal in mode 2, and in mode 3 makes no wave. */
		if (c->count == 1)
			return c->mode == 2 && e < 0 ? c->start : NEVER;
		change = c->mode == 2 ? c->count - 1 : high_half(c->count);
		if (e < 0)
			return c->start + change;
		in_cycle = e % c->count;
		return tick - in_cycle + (in_cycle < change ? change : c->count);
	default:
		if (e > c->count)
			return NEVER;
		return c->start + c->count + (e == c->count);
	}
}

/* The Counting Element as it is read: binary or BCD, counting on past zero where it does. */
static uint16_t counter_value(const struct counter *c, int64_t tick)
{
	int64_t modulus = c->bcd ? 10000 : 65536;
	int64_t e = elapsed(c, tick);
	int64_t v;

	if (c->phase != PHASE_COUNTING)
		return 0;
	if (e < 0)
		e = 0;
	if (c->mode == 2) {
		v = c->count - e % c->count;
	} else if (c->mode == 3) {
		/* "decremented by two on succeeding CLK pulses", from an even number */
		int64_t half = high_half(c->count);
		int64_t in_cycle = e % c->count;

		v = (c->count & ~1u) - 2 * (in_cycle < half ? in_cycle : in_cycle - half);
	} else {
		v = c->count - e;
	}
	v = (v % modulus + modulus) % modulus;
	if (c->bcd)
		v = v / 1000 << 12 | v / 100 % 10 << 8 | v / 10 % 10 << 4 | v % 10;
	return (uint16_t)v;
}

/* NULL COUNT: the count that was written last is not in the counter yet. */
static bool counter_null(const struct counter *c, int64_t tick)
{
	return c->phase != PHASE_COUNTING || c->pending || elapsed(c, tick) < 0;
}

/* ---- what happens to a counter ---- */

/* Has a pending count take over if its time has come. Before every look at a counter. */
static void counter_settle(struct counter *c, int64_t tick)
{
	if (c->mode == 1 || c->mode == 5 || !c->pending || tick < c->switch_at)
		return;
	c->start = c->switch_at - (c->switch_low ? high_half(c->next) : 0);
	c->count = c->next;
	c->pending = false;
}

/* Loads on the next clock pulse. */
static void counter_load(struct counter *c, int64_t tick)
{
	c->count = c->next;
	c->pending = false;
	c->phase = PHASE_COUNTING;
	c->start = tick + 1;
}

/*
 * A new count while a periodic mode runs waits for the end of the cycle (mode 2) or of the
 * half-cycle (mode 3).
 */
static void counter_defer(struct counter *c, int64_t tick)
{
	int64_t in_cycle = elapsed(c, tick) % c->count;
	int64_t half = high_half(c->count);

	c->pending = true;
	c->switch_low = c->mode == 3 && in_cycle < half;
	c->switch_at = tick - in_cycle + (c->switch_low ? half : c->count);
}

static void counter_write_count(struct counter *c, uint16_t value, int64_t tick)
{
	uint32_t n = value;

	if (c->bcd)
		n = (n >> 12) * 1000 + (n >> 8 & 15) * 100 + (n >> 4 & 15) * 10 + (n & 15);
	/* "zero ... is equivalent to 2^16 for binary counting and 10^4 for BCD counting" */
	c->next = n ? n : c->bcd ? 10000 : 65536;

	switch (c->mode) {
	case 1:
	case 5:
		c->pending = true;
		if (c->phase == PHASE_IDLE)
			c->phase = PHASE_WAITING;
		break;
	case 2:
	case 3:
		if (c->phase == PHASE_COUNTING && !c->stopped && elapsed(c, tick) >= 0) {
			counter_defer(c, tick);
			break;
		}
		/* fall through */
	default:
		/* "it will still be loaded on the next CLK pulse" with the gate low */
		counter_load(c, tick);
		c->stopped = !c->gate;
		c->elapsed = 0;
		break;
	}
}

static void counter_write(struct counter *c, uint8_t byte, int64_t tick)
{
	if (c->access == ACCESS_LOW) {
		counter_write_count(c, byte, tick);
	} else if (c->access == ACCESS_HIGH) {
		counter_write_count(c, (uint16_t)(byte << 8), tick);
	} else if (c->write_second) {
		c->write_second = false;
		counter_write_count(c, (uint16_t)(byte << 8 | c->first_byte), tick);
	} else {
		c->write_second = true;
		c->first_byte = byte;
		/* Mode 0: "Writing the first byte disables counting. OUT is set low immediately".
		 */
		if (c->mode == 0)
			c->phase = PHASE_IDLE;
	}
}

/* "Gate Operation": modes 0 and 4 pause, 2 and 3 start over, 1 and 5 start. */
static void counter_set_gate(struct counter *c, bool gate, int64_t tick)
{
	bool rise = gate && !c->gate;
	bool fall = !gate && c->gate;

	c->gate = gate;
	if (c->mode == 1 || c->mode == 5) {
		if (!rise || c->phase == PHASE_IDLE)
			return;
		c->low_before = !counter_out(c, tick);
		counter_load(c, tick);
	} else if (c->phase == PHASE_COUNTING && fall) {
		c->elapsed = elapsed(c, tick) > 0 ? elapsed(c, tick) : 0;
		/* "GATE has no effect on OUT" in mode 4: its strobe ends all the same. */
		if (c->mode == 4 && c->elapsed == c->count)
			c->elapsed++;
		c->stopped = true;
	} else if (c->phase == PHASE_COUNTING && rise) {
		c->stopped = false;
		if (c->mode == 2 || c->mode == 3)
			counter_load(c, tick);
		else
			c->start = tick - c->elapsed;
	}
}

static void counter_control(struct counter *c, uint8_t word)
{
	c->access = word >> 4 & 3;
	c->mode = word >> 1 & 7;
	c->mode_high = 0;
	if (c->mode > 5) {
		c->mode_high = 4; /* the high bit of modes 2 and 3 is a don't-care */
		c->mode -= 4;
	}
	c->bcd = word & 1;
	c->phase = PHASE_IDLE;
	c->stopped = false;
	c->pending = false;
	c->write_second = false;
	c->read_second = false;
	c->latch_left = 0;
	c->status_latched = false;
}

/* A latch holds until it is read: "the second Counter Latch Command is ignored". */
static void counter_latch(struct counter *c, int64_t tick)
{
	if (c->latch_left)
		return;
	c->latch = counter_value(c, tick);
	c->latch_left = c->access == ACCESS_BOTH ? 2 : 1;
}

static void counter_latch_status(struct counter *c, int64_t tick)
{
	if (c->status_latched)
		return;
	c->status_latched = true;
	c->status = (uint8_t)(counter_out(c, tick) << 7 | counter_null(c, tick) << 6 |
			      c->access << 4 | (c->mode_high | c->mode) << 1 | c->bcd);
}

static uint8_t counter_read(struct counter *c, int64_t tick)
{
	uint16_t value;
	bool high = c->access == ACCESS_HIGH;

	/* "the first read operation of that counter will return latched status" */
	if (c->status_latched) {
		c->status_latched = false;
		return c->status;
	}
	value = c->latch_left ? c->latch : counter_value(c, tick);
	if (c->latch_left)
		c->latch_left--;
	if (c->access == ACCESS_BOTH) {
		high = c->read_second;
		c->read_second = !high;
	}
	return (uint8_t)(high ? value >> 8 : value);
}

/* ---- the part on its board ---- */

static void settle(struct device *d)
{
	struct i8254_state *s = device_state(d);
	int64_t tick = tick_now(d);

	for (unsigned i = 0; i < COUNTERS; i++)
		counter_settle(&s->counter[i], tick);
}

/* After counter 0 changed: IRQ0 as it is now, and a timer for its next change. */
static void update_irq(struct device *d)
{
	struct i8254_state *s = device_state(d);
	const struct counter *c = &s->counter[0];
	int64_t tick = tick_now(d);

	irq_set(d->out[0], counter_out(c, tick));
	s->edge = counter_edge(c, tick);
	if (s->edge == NEVER)
		device_timer_cancel(d, 0);
	else
		device_timer_set(d, 0, ticks_time((uint64_t)s->edge, CLOCK_HZ));
}

static void i8254_timer(struct device *d, unsigned index)
{
	struct i8254_state *s = device_state(d);

	/* Should time have gone past the next edge too, the one of this timer is still seen. */
	irq_set(d->out[0], counter_out(&s->counter[0], s->edge));
	settle(d);
	update_irq(d);
}

static void read_back(struct i8254_state *s, uint8_t word, int64_t tick)
{
	for (unsigned i = 0; i < COUNTERS; i++) {
		if (!(word & 2 << i))
			continue;
		if (!(word & READ_BACK_NO_COUNT))
			counter_latch(&s->counter[i], tick);
		if (!(word & READ_BACK_NO_STATUS))
			counter_latch_status(&s->counter[i], tick);
	}
}

static void write_control(struct device *d, uint8_t word)
{
	struct i8254_state *s = device_state(d);
	unsigned select = word >> 6;

	if (select == SELECT_READ_BACK) {
		read_back(s, word, tick_now(d));
	} else if ((word >> 4 & 3) == ACCESS_LATCH) {
		counter_latch(&s->counter[select], tick_now(d));
	} else {
		counter_control(&s->counter[select], word);
		if (select == 0)
			update_irq(d);
	}
}

static void i8254_write(struct device *d, uint64_t offset, uint64_t value, unsigned size)
{
	struct i8254_state *s = device_state(d);

	settle(d);
	if (offset == COUNTERS) {
		write_control(d, (uint8_t)value);
		return;
	}
	counter_write(&s->counter[offset], (uint8_t)value, tick_now(d));
	if (offset == 0)
		update_irq(d);
}

static uint64_t i8254_read(struct device *d, uint64_t offset, unsigned size)
{
	struct i8254_state *s = device_state(d);

	if (offset == COUNTERS)
		return 0xff; /* the part does not drive the bus */
	settle(d);
	return counter_read(&s->counter[offset], tick_now(d));
}

static uint64_t port61_read(struct device *d, uint64_t offset, unsigned size)
{
	struct i8254_state *s = device_state(d);
	int64_t tick = tick_now(d);
	uint8_t value = s->port61;

	settle(d);
	if (tick / REFRESH_TICKS % 2)
		value |= PORT61_REFRESH;
	if (counter_out(&s->counter[2], tick))
		value |= PORT61_OUT2;
	return value;
}

static void port61_write(struct device *d, uint64_t offset, uint64_t value, unsigned size)
{
	struct i8254_state *s = device_state(d);

	settle(d);
	s->port61 = value & PORT61_WRITABLE;
	counter_set_gate(&s->counter[2], value & PORT61_GATE2, tick_now(d));
}

static const struct region_ops i8254_ops = {
    .read = i8254_read,
    .write = i8254_write,
    .max_size = 1,
};

static const struct region_ops port61_ops = {
    .read = port61_read,
    .write = port61_write,
    .max_size = 1,
};

static int i8254_realize(struct device *d, struct error *e)
{
	if (device_add_ports(d, 0x40, 4, &i8254_ops, "pit", e))
		return -1;
	return device_add_ports(d, 0x61, 1, &port61_ops, "system-control-b", e);
}

/*
 * "Prior to programming, the mode, count value, and output of all counters is undefined": here
 * they are idle with OUT low, so that nothing ticks before somebody wants it to.
 */
static void i8254_reset(struct device *d)
{
	struct i8254_state *s = device_state(d);

	*s = (struct i8254_state){.edge = NEVER};
	for (unsigned i = 0; i < COUNTERS; i++)
		s->counter[i].access = ACCESS_BOTH;
	s->counter[0].gate = true;
	s->counter[1].gate = true;
	device_timer_cancel(d, 0);
	irq_set(d->out[0], false);
}

const struct device_class i8254_class = {
    .name = "i8254",
    .description = "programmable interval timer and port 61h",
    .state_size = sizeof(struct i8254_state),
    .timers = 1,
    .realize = i8254_realize,
    .reset = i8254_reset,
    .timer = i8254_timer,
};
