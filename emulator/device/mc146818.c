/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Motorola MC146818A real-time clock, with the 128 bytes of battery-backed RAM ("CMOS") that the
 * PC keeps its set-up in. Section names are from the MC146818A data sheet (ADI-1023), the RAM
 * bytes from the IBM PC AT Technical Reference and what BIOSes since have added.
 *
 * The date comes from the host once, when software first looks at the clock, and goes on with
 * virtual time. In here time is two numbers. `phase` makes a divider chain of virtual time: its
 * nanoseconds are now + phase, its seconds are when the clock ticks, its taps are the periodic
 * interrupt. `seconds` is what to add to the divider's seconds to have seconds since 1970. The
 * ten time registers exist in RAM only while updates are stopped.
 *
 * Flags are worked out when somebody looks: which ticks, taps and alarms lie between the last
 * look (`checked`) and now? So a timer is armed only for an interrupt that is enabled and not
 * yet asserted. An update takes no time; UIP comes its 244 us before it. Daylight saving does
 * not exist.
 */
#include "emulator/device/mc146818.h"

#include "emulator/device/ticks.h"

enum { DIVIDER_HZ = 32768, SECONDS_PER_DAY = 86400, RAM_SIZE = 128, UIP_NS = 244140 };

/* "Address Map", and the PC's use of the RAM behind it. */
enum {
	RTC_SECONDS = 0x00,
	RTC_SECONDS_ALARM = 0x01,
	RTC_MINUTES = 0x02,
	RTC_MINUTES_ALARM = 0x03,
	RTC_HOURS = 0x04,
	RTC_HOURS_ALARM = 0x05,
	RTC_DAY_OF_WEEK = 0x06,
	RTC_DAY = 0x07,
	RTC_MONTH = 0x08,
	RTC_YEAR = 0x09,
	RTC_A = 0x0a,
	RTC_B = 0x0b,
	RTC_C = 0x0c,
	RTC_D = 0x0d,
	CMOS_EQUIPMENT = 0x14,
	CMOS_BASE_KIB = 0x15,     /* 15, 16: memory below 640 KiB */
	CMOS_EXTENDED_KIB = 0x17, /* 17, 18: above 1 MiB */
	CMOS_SUM_FIRST = 0x10,
	CMOS_SUM_LAST = 0x2d,
	CMOS_SUM_HIGH = 0x2e,
	CMOS_SUM_LOW = 0x2f,
	CMOS_EXTENDED_KIB_POST = 0x30, /* 30, 31: the same, as found by the self test */
	RTC_CENTURY = 0x32,
	CMOS_ABOVE_16M = 0x34,      /* 34, 35: in 64 KiB, up to 4 GiB */
	RTC_CENTURY_PS2 = 0x37,     /* another name of 32 */
	CMOS_ABOVE_4G = 0x5b,       /* 5B-5D: in 64 KiB */
	EQUIPMENT_FPU_MOUSE = 0x06, /* no diskette drive, display with its own BIOS */
};

enum { A_RATE = 0x0f, A_DIVIDER = 0x70, A_DIVIDER_32768 = 0x20, A_UIP = 0x80 };
enum { B_24H = 0x02, B_BINARY = 0x04, B_SQWE = 0x08, B_SET = 0x80 };
/* Flags in C and their enables in B have the same places. */
enum { UPDATE = 0x10, ALARM = 0x20, PERIODIC = 0x40, FLAGS = 0x70, C_IRQF = 0x80 };
enum { D_VALID = 0x80 };

struct mc146818_state {
	uint64_t phase; /* below one second */
	int64_t seconds;
	uint64_t checked; /* nanoseconds of the divider */
	uint8_t ram[RAM_SIZE];
	uint8_t index;  /* port 70h; bit 7 is the NMI mask, and nothing here raises NMIs */
	uint8_t dated;  /* the host was asked */
	uint8_t stored; /* the RAM has its contents */
	uint8_t reserved[5];
};

/* ---- calendar ---- */

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* Days from 1970-01-01 to a date whose month and day may lie outside their ranges. */
static int64_t days_of_date(int64_t year, int64_t month, int64_t day)
{
	/* Years that begin in March have their leap day last. */
	int64_t shifted = month - 3;
	int64_t y = year + floor_div(shifted, 12);
	int64_t m = shifted - 12 * floor_div(shifted, 12);
	/* From March, the months' first days are 0, 31, 61, 92, 122, 153, 184 ... */
	int64_t before = (153 * m + 2) / 5;
	int64_t leaps = floor_div(y, 4) - floor_div(y, 100) + floor_div(y, 400);

	return 365 * y + leaps + before + day - 1 - 719468; /* 0000-03-01 to 1970-01-01 */
}

struct date {
	int64_t year;
	unsigned month, day;
};

static struct date date_of_days(int64_t days)
{
	struct date date = {.year = 1970 + floor_div(days, days < 0 ? 365 : 366), .month = 1};

	while (days_of_date(date.year + 1, 1, 1) <= days)
		date.year++;
	while (date.month < 12 && days_of_date(date.year, date.month + 1, 1) <= days)
		date.month++;
	date.day = (unsigned)(days - days_of_date(date.year, date.month, 1)) + 1;
	return date;
}

/* ---- registers: binary or BCD, 12 or 24 hours ("Time, Calendar, and Alarm Locations") ---- */

static uint8_t encode(const struct mc146818_state *s, unsigned value)
{
	value %= 100;
	return (uint8_t)(s->ram[RTC_B] & B_BINARY ? value : value / 10 << 4 | value % 10);
}

static unsigned decode(const struct mc146818_state *s, uint8_t value)
{
	return s->ram[RTC_B] & B_BINARY ? value : (value >> 4) * 10u + (value & 15);
}

static uint8_t encode_hours(const struct mc146818_state *s, unsigned hours)
{
	if (s->ram[RTC_B] & B_24H)
		return encode(s, hours);
	return encode(s, hours % 12 ? hours % 12 : 12) | (hours >= 12 ? 0x80 : 0);
}

static unsigned decode_hours(const struct mc146818_state *s, uint8_t value)
{
	if (s->ram[RTC_B] & B_24H)
		return decode(s, value);
	return decode(s, value & 0x7f) % 12 + (value & 0x80 ? 12 : 0);
}

static void registers_from_seconds(struct mc146818_state *s, int64_t seconds)
{
	int64_t days = floor_div(seconds, SECONDS_PER_DAY);
	unsigned of_day = (unsigned)(seconds - days * SECONDS_PER_DAY);
	struct date date = date_of_days(days);
	int64_t century = floor_div(date.year, 100);

	s->ram[RTC_SECONDS] = encode(s, of_day % 60);
	s->ram[RTC_MINUTES] = encode(s, of_day / 60 % 60);
	s->ram[RTC_HOURS] = encode_hours(s, of_day / 3600);
	/* Sunday is 1; 1970-01-01 was a Thursday. */
	s->ram[RTC_DAY_OF_WEEK] = (uint8_t)(days + 4 - 7 * floor_div(days + 4, 7) + 1);
	s->ram[RTC_DAY] = encode(s, date.day);
	s->ram[RTC_MONTH] = encode(s, date.month);
	s->ram[RTC_YEAR] = encode(s, (unsigned)(date.year - 100 * century));
	s->ram[RTC_CENTURY] = encode(s, (unsigned)(century < 0 ? 0 : century));
}

/* Whatever the guest has stored there, some date; the day of the week follows from it. */
static int64_t seconds_from_registers(const struct mc146818_state *s)
{
	int64_t year = 100 * (int64_t)decode(s, s->ram[RTC_CENTURY]) + decode(s, s->ram[RTC_YEAR]);
	int64_t days = days_of_date(year, decode(s, s->ram[RTC_MONTH]), decode(s, s->ram[RTC_DAY]));

	return days * SECONDS_PER_DAY + decode_hours(s, s->ram[RTC_HOURS]) * 3600 +
	       decode(s, s->ram[RTC_MINUTES]) * 60 + decode(s, s->ram[RTC_SECONDS]);
}

/* ---- time ---- */

/* "Register A", DV2-DV0: three time bases; the others hold the chain in reset or test it. */
static bool divider_runs(const struct mc146818_state *s)
{
	return (s->ram[RTC_A] & A_DIVIDER) <= A_DIVIDER_32768;
}

static bool clock_runs(const struct mc146818_state *s)
{
	return divider_runs(s) && !(s->ram[RTC_B] & B_SET);
}

static uint64_t divider_now(const struct device *d)
{
	const struct mc146818_state *s = device_state(d);

	return device_now(d) + s->phase;
}

static int64_t seconds_now(const struct device *d)
{
	const struct mc146818_state *s = device_state(d);

	return s->seconds + (int64_t)(divider_now(d) / NS_PER_SECOND);
}

/* Has the divider be `fraction` ns into a second now. */
static void divider_align(struct device *d, uint64_t fraction)
{
	struct mc146818_state *s = device_state(d);

	s->phase = (fraction + NS_PER_SECOND - device_now(d) % NS_PER_SECOND) % NS_PER_SECOND;
	s->checked = divider_now(d);
}

static void set_seconds(struct device *d, int64_t seconds)
{
	struct mc146818_state *s = device_state(d);

	s->seconds = seconds - (int64_t)(divider_now(d) / NS_PER_SECOND);
}

/* Asks the host for the date when software first looks. */
static void need_date(struct device *d)
{
	struct mc146818_state *s = device_state(d);
	int64_t wall;

	if (s->dated)
		return;
	wall = device_wall_clock(d);
	if (wall < 0)
		wall = 0;
	s->dated = true;
	divider_align(d, (uint64_t)wall % NS_PER_SECOND);
	set_seconds(d, wall / NS_PER_SECOND);
}

/* ---- flags and interrupts ---- */

/* "Register A", RS3-RS0: the period in pulses of 32768 Hz, 0 for none. */
static uint64_t periodic_pulses(const struct mc146818_state *s)
{
	unsigned rate = s->ram[RTC_A] & A_RATE;

	if (!rate)
		return 0;
	return rate < 3 ? 1u << (rate + 6) : 1u << (rate - 1);
}

/* Alarm bytes from C0h up are "don't care" codes. */
static bool alarm_matches(uint8_t alarm, unsigned decoded, unsigned value)
{
	return (alarm & 0xc0) == 0xc0 || decoded == value;
}

/* The first second of the day from `from` on at which the alarm goes off, or -1. */
static int64_t alarm_in_day(const struct mc146818_state *s, unsigned from)
{
	uint8_t hours = s->ram[RTC_HOURS_ALARM];
	uint8_t minutes = s->ram[RTC_MINUTES_ALARM];
	uint8_t seconds = s->ram[RTC_SECONDS_ALARM];

	/* No use to try every second of the day. */
	if ((seconds & 0xc0) != 0xc0 && decode(s, seconds) >= 60)
		return -1;
	for (unsigned t = from; t < SECONDS_PER_DAY;) {
		if (!alarm_matches(hours, decode_hours(s, hours), t / 3600))
			t = (t / 3600 + 1) * 3600;
		else if (!alarm_matches(minutes, decode(s, minutes), t / 60 % 60))
			t = (t / 60 + 1) * 60;
		else if (!alarm_matches(seconds, decode(s, seconds), t % 60))
			t++;
		else
			return t;
	}
	return -1;
}

/* The first alarm after `seconds`; INT64_MAX when its bytes are no time at all. */
static int64_t alarm_after(const struct mc146818_state *s, int64_t seconds)
{
	int64_t day = floor_div(seconds + 1, SECONDS_PER_DAY) * SECONDS_PER_DAY;
	int64_t t = alarm_in_day(s, (unsigned)(seconds + 1 - day));

	if (t >= 0)
		return day + t;
	t = alarm_in_day(s, 0);
	return t < 0 ? INT64_MAX : day + SECONDS_PER_DAY + t;
}

/* Sets the flags of what happened since the last look. Before any change and any look. */
static void settle(struct device *d)
{
	struct mc146818_state *s = device_state(d);
	uint64_t now = divider_now(d);
	uint64_t before = s->checked;
	uint64_t pulses = periodic_pulses(s);

	if (!divider_runs(s))
		return;
	s->checked = now;
	if (pulses && ticks_at(now, DIVIDER_HZ) / pulses != ticks_at(before, DIVIDER_HZ) / pulses)
		s->ram[RTC_C] |= PERIODIC;
	if (!clock_runs(s) || now / NS_PER_SECOND == before / NS_PER_SECOND)
		return;
	s->ram[RTC_C] |= UPDATE;
	if (alarm_after(s, s->seconds + (int64_t)(before / NS_PER_SECOND)) <= seconds_now(d))
		s->ram[RTC_C] |= ALARM;
}

/* Divider time of the next interrupt that is enabled; UINT64_MAX: none. */
static uint64_t next_interrupt(const struct device *d)
{
	const struct mc146818_state *s = device_state(d);
	uint64_t now = divider_now(d);
	uint64_t pulses = periodic_pulses(s);
	uint8_t enabled = s->ram[RTC_B];
	uint64_t next = UINT64_MAX;

	if (!divider_runs(s))
		return next;
	if (enabled & PERIODIC && pulses)
		next = ticks_time((ticks_at(now, DIVIDER_HZ) / pulses + 1) * pulses, DIVIDER_HZ);
	if (!clock_runs(s))
		return next;
	if (enabled & UPDATE) {
		uint64_t update = (now / NS_PER_SECOND + 1) * NS_PER_SECOND;

		next = update < next ? update : next;
	}
	if (enabled & ALARM) {
		int64_t second = alarm_after(s, seconds_now(d));
		uint64_t alarm = UINT64_MAX;

		if (second != INT64_MAX)
			alarm = (uint64_t)(second - s->seconds) * NS_PER_SECOND;
		next = alarm < next ? alarm : next;
	}
	return next;
}

/* "Register C": IRQF = PF * PIE + AF * AIE + UF * UIE. */
static bool interrupting(const struct mc146818_state *s)
{
	return s->ram[RTC_C] & s->ram[RTC_B] & FLAGS;
}

static void update_irq(struct device *d)
{
	const struct mc146818_state *s = device_state(d);
	uint64_t next = interrupting(s) ? UINT64_MAX : next_interrupt(d);

	irq_set(d->out[0], interrupting(s));
	if (next != UINT64_MAX)
		device_timer_set(d, 0, next - s->phase);
	else if (device_timer_pending(d, 0))
		device_timer_cancel(d, 0);
}

static void mc146818_timer(struct device *d, unsigned index)
{
	settle(d);
	update_irq(d);
}

/* ---- ports ---- */

static bool is_time(unsigned index)
{
	switch (index) {
	case RTC_SECONDS:
	case RTC_MINUTES:
	case RTC_HOURS:
	case RTC_DAY_OF_WEEK:
	case RTC_DAY:
	case RTC_MONTH:
	case RTC_YEAR:
	case RTC_CENTURY:
		return true;
	}
	return false;
}

static unsigned selected(const struct mc146818_state *s)
{
	unsigned index = s->index % RAM_SIZE;

	return index == RTC_CENTURY_PS2 ? RTC_CENTURY : index;
}

/*
 * Changes A or B. When the clock stops, its registers hold the time in the format that was in
 * force; when it goes on, from them, they are read in the one that is. Another format while it
 * runs changes how the time is shown, not the time.
 */
static void write_control(struct device *d, unsigned index, uint8_t value)
{
	struct mc146818_state *s = device_state(d);
	bool ran = clock_runs(s);
	bool divided = divider_runs(s);

	if (ran)
		registers_from_seconds(s, seconds_now(d));
	s->ram[index] = value;
	/* "Register A": the first update comes half a second after the divider is let go. */
	if (!divided && divider_runs(s))
		divider_align(d, NS_PER_SECOND / 2);
	if (!ran && clock_runs(s))
		set_seconds(d, seconds_from_registers(s));
}

static void write_register(struct device *d, unsigned index, uint8_t value)
{
	struct mc146818_state *s = device_state(d);

	switch (index) {
	case RTC_A:
		write_control(d, index, value & ~A_UIP);
		break;
	case RTC_B:
		/* "UIE ... is cleared by ... the SET bit going high" */
		write_control(d, index, value & B_SET ? value & ~UPDATE : value);
		break;
	case RTC_C:
	case RTC_D:
		break;
	default:
		if (!is_time(index) || !clock_runs(s)) {
			s->ram[index] = value;
			break;
		}
		registers_from_seconds(s, seconds_now(d));
		s->ram[index] = value;
		set_seconds(d, seconds_from_registers(s));
		break;
	}
}

static uint8_t read_register(struct device *d, unsigned index)
{
	struct mc146818_state *s = device_state(d);
	uint8_t value;

	switch (index) {
	case RTC_A:
		value = s->ram[RTC_A];
		if (clock_runs(s) && NS_PER_SECOND - divider_now(d) % NS_PER_SECOND <= UIP_NS)
			value |= A_UIP;
		return value;
	case RTC_C:
		value = s->ram[RTC_C] | (interrupting(s) ? C_IRQF : 0);
		s->ram[RTC_C] = 0;
		return value;
	default:
		if (is_time(index) && clock_runs(s))
			registers_from_seconds(s, seconds_now(d));
		return s->ram[index];
	}
}

/* Does the register have to do with time? Register D and the RAM do not. */
static bool is_clock(unsigned index)
{
	return index < RTC_D || index == RTC_CENTURY;
}

static uint64_t mc146818_read(struct device *d, uint64_t offset, unsigned size)
{
	struct mc146818_state *s = device_state(d);
	unsigned index = selected(s);
	uint8_t value;

	if (offset == 0)
		return 0xff; /* the index is write-only */
	if (!is_clock(index))
		return s->ram[index];
	need_date(d);
	settle(d);
	value = read_register(d, index);
	if (index == RTC_C)
		update_irq(d);
	return value;
}

static void mc146818_write(struct device *d, uint64_t offset, uint64_t value, unsigned size)
{
	struct mc146818_state *s = device_state(d);
	unsigned index = selected(s);

	if (offset == 0) {
		s->index = (uint8_t)value;
		return;
	}
	if (is_clock(index)) {
		need_date(d);
		settle(d);
		write_register(d, index, (uint8_t)value);
		update_irq(d);
	} else {
		write_register(d, index, (uint8_t)value);
	}
}

static const struct region_ops mc146818_ops = {
    .read = mc146818_read,
    .write = mc146818_write,
    .max_size = 1,
};

static int mc146818_realize(struct device *d, struct error *e)
{
	return device_add_ports(d, 0x70, 2, &mc146818_ops, "rtc", e);
}

/* ---- power-on ---- */

static void store(struct mc146818_state *s, unsigned at, unsigned bytes, uint64_t value)
{
	uint64_t most = (1ull << 8 * bytes) - 1;

	if (value > most)
		value = most;
	for (unsigned i = 0; i < bytes; i++)
		s->ram[at + i] = (uint8_t)(value >> 8 * i);
}

/* What set-up and self test leave in the RAM: sizes, equipment, and the checksum over them. */
static void store_configuration(struct mc146818_state *s, const struct mc146818_config *c)
{
	uint64_t below = c->ram_size - c->ram_above_4g;
	uint64_t above_1m = below > 1 << 20 ? below - (1 << 20) : 0;
	uint64_t above_16m = below > 16 << 20 ? below - (16 << 20) : 0;
	unsigned sum = 0;

	s->ram[CMOS_EQUIPMENT] = EQUIPMENT_FPU_MOUSE;
	store(s, CMOS_BASE_KIB, 2, 640);
	store(s, CMOS_EXTENDED_KIB, 2, above_1m >> 10);
	store(s, CMOS_EXTENDED_KIB_POST, 2, above_1m >> 10);
	store(s, CMOS_ABOVE_16M, 2, above_16m >> 16);
	store(s, CMOS_ABOVE_4G, 3, c->ram_above_4g >> 16);
	for (unsigned i = CMOS_SUM_FIRST; i <= CMOS_SUM_LAST; i++)
		sum += s->ram[i];
	s->ram[CMOS_SUM_HIGH] = (uint8_t)(sum >> 8);
	s->ram[CMOS_SUM_LOW] = (uint8_t)sum;
}

/*
 * "RESET": enables and flags are cleared, and that is all; time and RAM live on the battery. At
 * power-on they are what the last set-up left: 32.768 kHz, 1024 Hz rate, BCD, 24 hours.
 */
static void mc146818_reset(struct device *d)
{
	struct mc146818_state *s = device_state(d);

	if (!s->stored) {
		s->stored = true;
		s->ram[RTC_A] = A_DIVIDER_32768 | 6;
		s->ram[RTC_B] = B_24H;
		s->ram[RTC_D] = D_VALID;
		store_configuration(s, d->data);
	}
	s->ram[RTC_B] &= ~(FLAGS | B_SQWE);
	s->ram[RTC_C] = 0;
	s->checked = divider_now(d);
	device_timer_cancel(d, 0);
	irq_set(d->out[0], false);
}

#define STATE(field) offsetof(struct mc146818_state, field)

/* "RESET": it "does not affect the clock, calendar, or RAM functions". */
static const struct device_kept mc146818_kept[] = {
    {STATE(phase), sizeof(uint64_t), 0xff},
    {STATE(seconds), sizeof(int64_t), 0xff},
    {STATE(ram), RTC_B, 0xff},
    {STATE(ram) + RTC_B, 1, (uint8_t) ~(FLAGS | B_SQWE)},
    {STATE(ram) + RTC_D, RAM_SIZE - RTC_D, 0xff},
    {STATE(index), 3, 0xff},
    {0}};

const struct device_class mc146818_class = {
    .name = "mc146818",
    .description = "real-time clock and CMOS RAM",
    .state_size = sizeof(struct mc146818_state),
    .timers = 1,
    .realize = mc146818_realize,
    .reset = mc146818_reset,
    .kept = mc146818_kept,
    .timer = mc146818_timer,
};
