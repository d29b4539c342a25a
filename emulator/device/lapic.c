/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The local APIC of the only processor (Intel SDM vol. 3A chapter 10), in xAPIC mode: 32-bit
 * registers 16 bytes apart in one page. It sits next to the vCPU and drives its INTR pin: the
 * level is high while an accepted vector outranks the processor priority, or while the 8259
 * asks on LINT0 and is let through.
 *
 * The timer counts a bus clock of 1 GHz, so one tick before the divider is one nanosecond of
 * virtual time. The current count is computed from the time at which it was loaded; a machine
 * timer runs only while an expiry would be seen.
 *
 * Out of reset LINT0 is unmasked in ExtINT mode, not masked as the part has it. That is the
 * virtual wire mode in which firmware hands a PC over (MultiProcessor Specification 1.4,
 * 3.6.2.2), and kernels that are loaded without firmware expect it.
 *
 * Not offered: x2APIC mode, relocation (the base address in IA32_APIC_BASE is read-only), SMI.
 */
#include "emulator/device/lapic.h"

#include <string.h>

#define MSR_APIC_BASE    0x1bu
#define MSR_TSC_DEADLINE 0x6e0u

#define BASE_BSP     0x100u
#define BASE_ENABLE  0x800u
#define BASE_ADDRESS 0xfffffff000ull /* 40 bits of physical address */

/* Register numbers: the offset divided by 16. */
enum {
	R_ID = 0x02,
	R_VERSION = 0x03,
	R_TPR = 0x08,
	R_APR = 0x09,
	R_PPR = 0x0a,
	R_EOI = 0x0b,
	R_LDR = 0x0d,
	R_DFR = 0x0e,
	R_SVR = 0x0f,
	R_ISR = 0x10,
	R_TMR = 0x18,
	R_IRR = 0x20,
	R_ESR = 0x28,
	R_ICR_LOW = 0x30,
	R_ICR_HIGH = 0x31,
	R_LVT = 0x32,
	R_INITIAL = 0x38,
	R_CURRENT = 0x39,
	R_DIVIDE = 0x3e,
};

enum { LVT_TIMER, LVT_THERMAL, LVT_PERFORMANCE, LVT_LINT0, LVT_LINT1, LVT_ERROR, LVT_COUNT };

/* Version 14h: an APIC on the processor's chip; the highest LVT entry is in bits 23..16. */
#define VERSION (0x14u | (LVT_COUNT - 1) << 16)

#define LVT_VECTOR      0xffu
#define LVT_MODE(lvt)   ((enum lapic_mode)((lvt) >> 8 & 7))
#define LVT_REMOTE_IRR  (1u << 14)
#define LVT_LEVEL       (1u << 15)
#define LVT_MASKED      (1u << 16)
#define TIMER_MODE(lvt) ((lvt) >> 17 & 3)
enum { TIMER_ONE_SHOT, TIMER_PERIODIC, TIMER_DEADLINE };

#define SVR_ENABLE 0x100u

#define ESR_SEND_VECTOR    (1u << 5)
#define ESR_RECEIVE_VECTOR (1u << 6)
#define ESR_REGISTER       (1u << 7)

/* Which bits of each LVT entry can be written. */
static const uint32_t lvt_writable[LVT_COUNT] = {
    [LVT_TIMER] = 0x000700ff, [LVT_THERMAL] = 0x000107ff, [LVT_PERFORMANCE] = 0x000107ff,
    [LVT_LINT0] = 0x0001a7ff, [LVT_LINT1] = 0x0001a7ff,   [LVT_ERROR] = 0x000100ff,
};

struct lapic {
	uint64_t base;        /* IA32_APIC_BASE */
	uint64_t deadline;    /* IA32_TSC_DEADLINE, 0: not armed */
	uint64_t count_start; /* virtual time at which the initial count was (re)loaded */
	uint32_t irr[8], isr[8], tmr[8];
	uint32_t id, tpr, ldr, dfr, svr;
	uint32_t esr, esr_pending; /* as read, and what the next write to ESR makes readable */
	uint32_t icr_low, icr_high;
	uint32_t lvt[LVT_COUNT];
	uint32_t initial, divide;
	uint8_t counting; /* one-shot and periodic: the count has not stopped at 0 */
	uint8_t lint[2];  /* levels of the pins */
	uint8_t extint;   /* an ExtINT message of the I/O APIC waits to be acknowledged */
};

static bool lapic_hw_enabled(const struct lapic *s)
{
	return s->base & BASE_ENABLE;
}

static bool lapic_enabled(const struct lapic *s)
{
	return lapic_hw_enabled(s) && (s->svr & SVR_ENABLE);
}

/* ---- the 256-bit registers ---- */

static void vector_set(uint32_t *set, uint8_t vector)
{
	set[vector / 32] |= 1u << vector % 32;
}

static void vector_clear(uint32_t *set, uint8_t vector)
{
	set[vector / 32] &= ~(1u << vector % 32);
}

static bool vector_test(const uint32_t *set, uint8_t vector)
{
	return set[vector / 32] >> vector % 32 & 1;
}

/* The highest vector in the set, or -1. */
static int vector_highest(const uint32_t *set)
{
	for (int word = 7; word >= 0; word--)
		if (set[word])
			return word * 32 + 31 - __builtin_clz(set[word]);
	return -1;
}

/* ---- priorities (SDM vol. 3A 10.8.3.1) ---- */

static uint32_t lapic_ppr(const struct lapic *s)
{
	int in_service = vector_highest(s->isr);
	uint32_t isrv = in_service < 0 ? 0 : (uint32_t)in_service;

	return (s->tpr & 0xf0) >= (isrv & 0xf0) ? s->tpr : isrv & 0xf0;
}

static uint32_t lapic_apr(const struct lapic *s)
{
	int highest = vector_highest(s->irr);
	uint32_t irrv = highest < 0 ? 0 : (uint32_t)highest & 0xf0;
	uint32_t ppr = lapic_ppr(s);

	return irrv > (ppr & 0xf0) ? irrv : ppr;
}

/* The vector that would interrupt the processor now, or -1. */
static int lapic_pending(const struct lapic *s)
{
	int vector = vector_highest(s->irr);

	if (!lapic_enabled(s) || vector < 0 || (vector & 0xf0) <= (int)(lapic_ppr(s) & 0xf0))
		return -1;
	return vector;
}

/* Does the 8259 ask for an interrupt, and does the APIC let it through? */
static bool lapic_external(const struct lapic *s)
{
	uint32_t lvt = s->lvt[LVT_LINT0];

	if (s->lint[LAPIC_LINT0] &&
	    (!lapic_hw_enabled(s) || (!(lvt & LVT_MASKED) && LVT_MODE(lvt) == LAPIC_EXTINT)))
		return true;
	return s->extint;
}

static void lapic_update(struct device *d)
{
	const struct lapic *s = device_state(d);

	device_set_intr(d, lapic_pending(s) >= 0 || lapic_external(s));
}

/* ---- accepting interrupts ---- */

/* Enters a vector; does not update INTR. */
static bool lapic_accept(struct lapic *s, uint8_t vector, bool level_triggered)
{
	if (!lapic_enabled(s))
		return false;
	vector_set(s->irr, vector);
	if (level_triggered)
		vector_set(s->tmr, vector);
	else
		vector_clear(s->tmr, vector);
	return true;
}

static void lapic_error(struct lapic *s, uint32_t bit)
{
	uint32_t lvt = s->lvt[LVT_ERROR];

	s->esr_pending |= bit;
	/* An error vector below 16 would be an error itself, without end: it is only noted. */
	if (lvt & LVT_MASKED)
		return;
	if ((lvt & LVT_VECTOR) < 16)
		s->esr_pending |= ESR_RECEIVE_VECTOR;
	else
		lapic_accept(s, lvt & LVT_VECTOR, false);
}

bool lapic_deliver(struct device *d, uint8_t vector, enum lapic_mode mode, bool level_triggered,
		   bool level)
{
	struct lapic *s = device_state(d);
	bool accepted = true;

	if (!lapic_hw_enabled(s))
		return false;
	switch (mode) {
	case LAPIC_FIXED:
	case LAPIC_LOWEST: /* the only processor has the lowest priority */
		if (!level)
			break;
		if (vector < 16)
			lapic_error(s, ESR_RECEIVE_VECTOR);
		else
			accepted = lapic_accept(s, vector, level_triggered);
		break;
	case LAPIC_NMI:
		if (level)
			device_pulse_nmi(d);
		break;
	case LAPIC_INIT:
		/* INIT of the only processor: the board starts over, as its firmware would. */
		if (level)
			device_request_reset(d);
		break;
	case LAPIC_EXTINT:
		s->extint = level;
		break;
	case LAPIC_SMI:
	case LAPIC_STARTUP: /* ignored by a processor that does not wait for it */
		break;
	}
	lapic_update(d);
	return accepted;
}

bool lapic_is_destination(const struct device *d, uint8_t destination, bool logical)
{
	const struct lapic *s = device_state(d);
	uint8_t ldr = s->ldr >> 24;

	if (destination == 0xff)
		return true;
	if (!logical)
		return destination == s->id >> 24;
	if (s->dfr >> 28 == 0xf) /* flat model */
		return destination & ldr;
	return destination >> 4 == ldr >> 4 && (destination & ldr & 0xf); /* cluster model */
}

/* A local interrupt source fires. */
static void lapic_fire(struct device *d, unsigned index)
{
	struct lapic *s = device_state(d);
	uint32_t lvt = s->lvt[index];
	bool level = index == LVT_LINT0 && (lvt & LVT_LEVEL);

	if (lvt & LVT_MASKED)
		return;
	switch (index == LVT_TIMER ? LAPIC_FIXED : LVT_MODE(lvt)) {
	case LAPIC_FIXED:
		if (level) {
			if (lvt & LVT_REMOTE_IRR)
				return;
			s->lvt[index] |= LVT_REMOTE_IRR;
		}
		lapic_deliver(d, lvt & LVT_VECTOR, LAPIC_FIXED, level, true);
		break;
	case LAPIC_NMI:
		lapic_deliver(d, 0, LAPIC_NMI, false, true);
		break;
	case LAPIC_INIT:
		lapic_deliver(d, 0, LAPIC_INIT, false, true);
		break;
	default: /* ExtINT is a level: lapic_external(); SMI and reserved modes do nothing */
		break;
	}
}

/* The interrupt command register was written (SDM vol. 3A 10.6.1). */
static void lapic_send(struct device *d)
{
	struct lapic *s = device_state(d);
	uint8_t vector = s->icr_low & 0xff;
	enum lapic_mode mode = LVT_MODE(s->icr_low);
	bool level = s->icr_low >> 14 & 1, to_self;

	switch (s->icr_low >> 18 & 3) {
	case 0:
		to_self = lapic_is_destination(d, s->icr_high >> 24, s->icr_low >> 11 & 1);
		break;
	case 1: /* self */
	case 2: /* all */
		to_self = true;
		break;
	default: /* all others: there are none */
		to_self = false;
		break;
	}
	if ((mode == LAPIC_FIXED || mode == LAPIC_LOWEST) && vector < 16) {
		lapic_error(s, ESR_SEND_VECTOR);
		return;
	}
	if (mode == LAPIC_INIT && !level)
		return; /* INIT level de-assert does nothing since the Pentium 4 */
	if (to_self && mode != LAPIC_EXTINT)
		lapic_deliver(d, vector, mode, false, true);
}

static void lapic_eoi(struct device *d)
{
	struct lapic *s = device_state(d);
	uint32_t *lint0 = &s->lvt[LVT_LINT0];
	int vector = vector_highest(s->isr);

	if (vector < 0)
		return;
	vector_clear(s->isr, vector);
	if (!vector_test(s->tmr, vector))
		return;
	if ((*lint0 & LVT_REMOTE_IRR) && (int)(*lint0 & LVT_VECTOR) == vector) {
		*lint0 &= ~LVT_REMOTE_IRR;
		if (s->lint[LAPIC_LINT0])
			lapic_fire(d, LVT_LINT0);
	}
	irq_set((struct irq){d->out[LAPIC_OUT_EOI].to, d->out[LAPIC_OUT_EOI].pin + vector}, true);
}

/* ---- timer (SDM vol. 3A 10.5.4) ---- */

/* Nanoseconds per count. */
static uint64_t lapic_divisor(const struct lapic *s)
{
	unsigned code = (s->divide & 3) | (s->divide >> 1 & 4);

	return 1ull << ((code + 1) & 7);
}

static uint32_t lapic_current(const struct lapic *s, uint64_t now)
{
	uint64_t ticks = (now - s->count_start) / lapic_divisor(s);

	if (TIMER_MODE(s->lvt[LVT_TIMER]) >= TIMER_DEADLINE || !s->counting || !s->initial)
		return 0;
	if (TIMER_MODE(s->lvt[LVT_TIMER]) == TIMER_PERIODIC)
		return s->initial - ticks % s->initial;
	return ticks >= s->initial ? 0 : s->initial - ticks;
}

/* Makes count_start the start of the period that `now` is in, or stops an expired count. */
static void lapic_settle(struct lapic *s, uint64_t now)
{
	uint32_t current = lapic_current(s, now);

	if (!current)
		s->counting = false;
	else if (TIMER_MODE(s->lvt[LVT_TIMER]) == TIMER_PERIODIC) {
		uint64_t period = s->initial * lapic_divisor(s);

		s->count_start += (now - s->count_start) / period * period;
	}
}

/* Arms the machine timer for the next expiry that the guest can notice. */
static void lapic_arm(struct device *d)
{
	const struct lapic *s = device_state(d);
	uint64_t now = device_now(d);
	uint32_t lvt = s->lvt[LVT_TIMER];

	if (TIMER_MODE(lvt) == TIMER_DEADLINE) {
		if (s->deadline)
			device_timer_set(d, 0, s->deadline);
		else
			device_timer_cancel(d, 0);
	} else if (!(lvt & LVT_MASKED) && lapic_current(s, now)) {
		uint64_t divisor = lapic_divisor(s);
		uint64_t into = (now - s->count_start) % divisor;

		device_timer_set(d, 0, now - into + lapic_current(s, now) * divisor);
	} else {
		device_timer_cancel(d, 0);
	}
}

static void lapic_timer(struct device *d, unsigned index)
{
	struct lapic *s = device_state(d);
	uint64_t now = device_now(d);

	if (TIMER_MODE(s->lvt[LVT_TIMER]) == TIMER_DEADLINE) {
		s->deadline = 0;
	} else {
		lapic_settle(s, now);
		lapic_arm(d);
	}
	lapic_fire(d, LVT_TIMER);
}

static void lapic_write_lvt(struct device *d, unsigned index, uint32_t value)
{
	struct lapic *s = device_state(d);
	uint32_t old = s->lvt[index];

	value &= lvt_writable[index];
	if (!(s->svr & SVR_ENABLE))
		value |= LVT_MASKED;
	if (index == LVT_TIMER) {
		lapic_settle(s, device_now(d));
		/* To or from deadline mode, both kinds of timer are disarmed. */
		if ((TIMER_MODE(old) == TIMER_DEADLINE) != (TIMER_MODE(value) == TIMER_DEADLINE)) {
			s->deadline = 0;
			s->counting = false;
		}
		s->lvt[index] = value;
		lapic_arm(d);
		return;
	}
	if (value & LVT_LEVEL)
		value |= old & LVT_REMOTE_IRR;
	s->lvt[index] = value;
	if (index == LVT_LINT0 && (value & LVT_LEVEL) && s->lint[LAPIC_LINT0])
		lapic_fire(d, LVT_LINT0);
}

/* ---- registers ---- */

static uint32_t lapic_read_register(struct device *d, unsigned number)
{
	struct lapic *s = device_state(d);

	switch (number) {
	case R_ID:
		return s->id;
	case R_VERSION:
		return VERSION;
	case R_TPR:
		return s->tpr;
	case R_APR:
		return lapic_apr(s);
	case R_PPR:
		return lapic_ppr(s);
	case R_EOI:
		return 0;
	case R_LDR:
		return s->ldr;
	case R_DFR:
		return s->dfr;
	case R_SVR:
		return s->svr;
	case R_ISR ... R_ISR + 7:
		return s->isr[number - R_ISR];
	case R_TMR ... R_TMR + 7:
		return s->tmr[number - R_TMR];
	case R_IRR ... R_IRR + 7:
		return s->irr[number - R_IRR];
	case R_ESR:
		return s->esr;
	case R_ICR_LOW:
		return s->icr_low;
	case R_ICR_HIGH:
		return s->icr_high;
	case R_LVT ... R_LVT + LVT_COUNT - 1:
		return s->lvt[number - R_LVT];
	case R_INITIAL:
		return s->initial;
	case R_CURRENT:
		return lapic_current(s, device_now(d));
	case R_DIVIDE:
		return s->divide;
	default:
		lapic_error(s, ESR_REGISTER);
		return 0;
	}
}

static uint64_t lapic_read(struct device *d, uint64_t offset, unsigned size)
{
	const struct lapic *s = device_state(d);
	uint32_t value;

	if (!lapic_hw_enabled(s))
		return UINT64_MAX; /* the page belongs to nobody */
	if (offset % 16 >= 4)
		return 0; /* between the registers; undefined in the manual */
	value = lapic_read_register(d, offset / 16);
	lapic_update(d);
	return value >> offset % 4 * 8;
}

static void lapic_write_register(struct device *d, unsigned number, uint32_t value)
{
	struct lapic *s = device_state(d);

	switch (number) {
	case R_ID:
		s->id = value & 0xff000000;
		break;
	case R_TPR:
		s->tpr = value & 0xff;
		break;
	case R_EOI:
		lapic_eoi(d);
		break;
	case R_LDR:
		s->ldr = value & 0xff000000;
		break;
	case R_DFR:
		s->dfr = value | 0x0fffffff;
		break;
	case R_SVR:
		s->svr = value & 0x3ff;
		if (!(s->svr & SVR_ENABLE))
			for (unsigned i = 0; i < LVT_COUNT; i++)
				s->lvt[i] |= LVT_MASKED;
		lapic_arm(d);
		break;
	case R_ESR:
		s->esr = s->esr_pending;
		s->esr_pending = 0;
		break;
	case R_ICR_LOW:
		s->icr_low = value & 0x000ccfff;
		lapic_send(d);
		break;
	case R_ICR_HIGH:
		s->icr_high = value & 0xff000000;
		break;
	case R_LVT ... R_LVT + LVT_COUNT - 1:
		lapic_write_lvt(d, number - R_LVT, value);
		break;
	case R_INITIAL:
		if (TIMER_MODE(s->lvt[LVT_TIMER]) == TIMER_DEADLINE)
			break;
		s->initial = value;
		s->count_start = device_now(d);
		s->counting = value != 0;
		lapic_arm(d);
		break;
	case R_DIVIDE: {
		uint64_t now = device_now(d);
		uint32_t current;

		lapic_settle(s, now);
		current = lapic_current(s, now);
		s->divide = value & 0xb;
		/*
		 * The count goes on from where it is, at the new rate. A count that would have
		 * begun before power-on wraps; only differences of times are ever used.
		 */
		if (current)
			s->count_start = now - (s->initial - current) * lapic_divisor(s);
		lapic_arm(d);
		break;
	}
	case R_VERSION:
	case R_APR:
	case R_PPR:
	case R_ISR ... R_ISR + 7:
	case R_TMR ... R_TMR + 7:
	case R_IRR ... R_IRR + 7:
	case R_CURRENT:
		break; /* read-only */
	default:
		lapic_error(s, ESR_REGISTER);
		break;
	}
}

static void lapic_write(struct device *d, uint64_t offset, uint64_t value, unsigned size)
{
	const struct lapic *s = device_state(d);

	if (!lapic_hw_enabled(s) || size != 4 || offset % 16)
		return;
	lapic_write_register(d, offset / 16, value);
	lapic_update(d);
}

/* ---- pins ---- */

static void lapic_set_irq(struct device *d, unsigned pin, bool level)
{
	struct lapic *s = device_state(d);

	if (pin > LAPIC_LINT1)
		return;
	if (level == s->lint[pin])
		return;
	s->lint[pin] = level;
	if (level && lapic_hw_enabled(s))
		lapic_fire(d, pin == LAPIC_LINT0 ? LVT_LINT0 : LVT_LINT1);
	else if (level && pin == LAPIC_LINT1)
		device_pulse_nmi(d); /* a disabled APIC leaves the processor's NMI pin */
	lapic_update(d);
}

/* ---- towards the vCPU ---- */

static uint8_t lapic_acknowledge(struct device *d)
{
	struct lapic *s = device_state(d);
	int vector = lapic_pending(s);

	if (vector >= 0) {
		vector_clear(s->irr, vector);
		vector_set(s->isr, vector);
	} else if (lapic_external(s) && d->peer) {
		s->extint = false;
		vector = d->peer->class->acknowledge(d->peer);
	} else {
		/* The request went away before it was acknowledged (SDM vol. 3A 10.9). */
		vector = s->svr & 0xff;
	}
	lapic_update(d);
	return vector;
}

/*
 * Sets everything as power-up does (10.4.7.1), but IA32_APIC_BASE and the levels of the pins,
 * which belong to those who drive them.
 */
static void lapic_clear(struct device *d)
{
	struct lapic *s = device_state(d);
	struct lapic old = *s;

	memset(s, 0, sizeof(*s));
	s->base = old.base;
	memcpy(s->lint, old.lint, sizeof(s->lint));
	s->dfr = 0xffffffff;
	s->svr = 0xff;
	for (unsigned i = 0; i < LVT_COUNT; i++)
		s->lvt[i] = LVT_MASKED;
	s->lvt[LVT_LINT0] = LAPIC_EXTINT << 8;
	device_timer_cancel(d, 0);
}

static bool lapic_write_base(struct device *d, uint64_t value)
{
	struct lapic *s = device_state(d);
	bool was = lapic_hw_enabled(s);
	uint32_t tpr = s->tpr;

	if (value & ~(BASE_ADDRESS | BASE_BSP | BASE_ENABLE))
		return false;
	s->base = LAPIC_BASE | BASE_BSP | (value & BASE_ENABLE);
	if (was && !lapic_hw_enabled(s)) {
		lapic_clear(d); /* the state is lost; CR8 still holds the task priority */
		s->tpr = tpr;
	}
	lapic_update(d);
	return true;
}

static bool lapic_msr(struct device *d, uint32_t index, bool is_write, uint64_t *value)
{
	struct lapic *s = device_state(d);

	switch (index) {
	case MSR_APIC_BASE:
		if (is_write)
			return lapic_write_base(d, *value);
		*value = s->base;
		return true;
	case MSR_TSC_DEADLINE:
		/* In the other modes it reads 0 and ignores writes. */
		if (!is_write) {
			*value = s->deadline;
		} else if (TIMER_MODE(s->lvt[LVT_TIMER]) == TIMER_DEADLINE) {
			s->deadline = *value;
			lapic_arm(d);
		}
		return true;
	default: /* the x2APIC registers among them */
		return false;
	}
}

static void lapic_task_priority(struct device *d, bool is_write, uint64_t *value)
{
	struct lapic *s = device_state(d);

	if (is_write) {
		s->tpr = (*value & 0xf) << 4;
		lapic_update(d);
	} else {
		*value = s->tpr >> 4;
	}
}

/* Nothing is wired to LINT1; what goes through LINT0 to the 8259's vector is the 8259's. */
static unsigned lapic_wakes(const struct device *d)
{
	const struct lapic *s = device_state(d);
	uint32_t lint0 = s->lvt[LVT_LINT0];
	unsigned wakes = 0;

	if (!lapic_hw_enabled(s))
		return 0;
	if (!(s->lvt[LVT_TIMER] & LVT_MASKED) || (!(lint0 & LVT_MASKED) && !LVT_MODE(lint0)))
		wakes |= WAKES_INTERRUPT;
	if (!(lint0 & LVT_MASKED) && LVT_MODE(lint0) != LAPIC_FIXED &&
	    LVT_MODE(lint0) != LAPIC_EXTINT)
		wakes |= WAKES_NMI;
	return wakes;
}

static unsigned lapic_held_back(const struct device *d)
{
	const struct lapic *s = device_state(d);
	int vector = vector_highest(s->irr), in_service = vector_highest(s->isr);

	if (!lapic_enabled(s) || vector < 0 || lapic_pending(s) >= 0 ||
	    vector / 16 <= in_service / 16)
		return 0;
	return (unsigned)vector / 16;
}

static void lapic_reset(struct device *d)
{
	struct lapic *s = device_state(d);

	s->base = LAPIC_BASE | BASE_BSP | BASE_ENABLE;
	lapic_clear(d);
	lapic_update(d);
}

static const struct region_ops lapic_ops = {
    .read = lapic_read,
    .write = lapic_write,
    .max_size = 4,
};

static int lapic_realize(struct device *d, struct error *e)
{
	return device_add_mmio(d, LAPIC_BASE, LAPIC_SIZE, &lapic_ops, "lapic", e);
}

const struct device_class lapic_class = {
    .name = "lapic",
    .description = "local APIC (xAPIC)",
    .state_size = sizeof(struct lapic),
    .timers = 1,
    .realize = lapic_realize,
    .reset = lapic_reset,
    .set_irq = lapic_set_irq,
    .timer = lapic_timer,
    .acknowledge = lapic_acknowledge,
    .msr = lapic_msr,
    .task_priority = lapic_task_priority,
    .held_back = lapic_held_back,
    .wakes = lapic_wakes,
};
