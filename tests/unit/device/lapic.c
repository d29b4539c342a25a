/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Local APIC. Section numbers are those of the Intel SDM vol. 3A, chapter 10 (Advanced
 * Programmable Interrupt Controller).
 */
#include "emulator/device/lapic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/device/device_fixture.h"

extern const struct device_class lapic_class;

enum {
	ID = 0x20,
	VERSION = 0x30,
	TPR = 0x80,
	APR = 0x90,
	PPR = 0xa0,
	EOI = 0xb0,
	LDR = 0xd0,
	DFR = 0xe0,
	SVR = 0xf0,
	ISR = 0x100,
	TMR = 0x180,
	IRR = 0x200,
	ESR = 0x280,
	ICR_LOW = 0x300,
	ICR_HIGH = 0x310,
	LVT_TIMER = 0x320,
	LVT_LINT0 = 0x350,
	LVT_LINT1 = 0x360,
	LVT_ERROR = 0x370,
	INITIAL = 0x380,
	CURRENT = 0x390,
	DIVIDE = 0x3e0,
};

#define MASKED       0x10000u
#define PERIODIC     0x20000u
#define TSC_DEADLINE 0x40000u
#define MSR_BASE     0x1b
#define MSR_DEADLINE 0x6e0

static struct device *lapic;

/* An 8259 that always answers with vector 08h, and counts how often it was asked. */
static unsigned pic_acknowledges;

static uint8_t pic_acknowledge(struct device *d)
{
	pic_acknowledges++;
	return 0x08;
}

static const struct device_class pic_class = {.name = "pic", .acknowledge = pic_acknowledge};
static struct device pic = {.class = &pic_class};

/* Where EOI messages go: a count for each vector. */
static unsigned eois[256];

static void eoi_set_irq(struct device *d, unsigned pin, bool level)
{
	assert_true(pin >= 1000 && pin < 1256 && level);
	eois[pin - 1000]++;
}

static const struct device_class eoi_class = {.name = "eoi", .set_irq = eoi_set_irq};
static struct device eoi_listener = {.class = &eoi_class};

static uint32_t get(unsigned reg)
{
	return (uint32_t)fixture_memory_read(LAPIC_BASE + reg, 4);
}

static void put(unsigned reg, uint32_t value)
{
	fixture_memory_write(LAPIC_BASE + reg, 4, value);
}

static uint64_t msr_get(uint32_t index)
{
	uint64_t value = 0;

	assert_true(lapic_class.msr(lapic, index, false, &value));
	return value;
}

static bool msr_put(uint32_t index, uint64_t value)
{
	return lapic_class.msr(lapic, index, true, &value);
}

static uint8_t acknowledge(void)
{
	return lapic_class.acknowledge(lapic);
}

static bool bit_set(unsigned base, unsigned vector)
{
	return get(base + vector / 32 * 16) >> vector % 32 & 1;
}

static int setup(void **state)
{
	fixture_open();
	pic_acknowledges = 0;
	memset(eois, 0, sizeof(eois));
	lapic = fixture_device(&lapic_class);
	lapic->peer = &pic;
	lapic->out[LAPIC_OUT_EOI] = (struct irq){&eoi_listener, 1000};
	fixture_realize(lapic);
	return 0;
}

static int setup_enabled(void **state)
{
	setup(state);
	put(SVR, 0x1ff);
	put(LVT_LINT0, MASKED);
	return 0;
}

/* 10.4.7.1, "Local APIC State After Power-Up or Reset"; LINT0 is the virtual wire instead. */
static void test_reset_values(void **state)
{
	assert_int_equal(get(ID), 0);
	assert_int_equal(get(VERSION), 0x00050014);
	assert_int_equal(get(TPR), 0);
	assert_int_equal(get(PPR), 0);
	assert_int_equal(get(LDR), 0);
	assert_int_equal(get(DFR), 0xffffffff);
	assert_int_equal(get(SVR), 0xff);
	assert_int_equal(get(ICR_LOW), 0);
	assert_int_equal(get(LVT_TIMER), MASKED);
	assert_int_equal(get(LVT_LINT0), 0x700);
	assert_int_equal(get(LVT_LINT1), MASKED);
	assert_int_equal(get(LVT_ERROR), MASKED);
	assert_int_equal(get(INITIAL), 0);
	assert_int_equal(get(CURRENT), 0);
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(get(ISR + i * 16), 0);
		assert_int_equal(get(IRR + i * 16), 0);
	}
	assert_int_equal(msr_get(MSR_BASE), 0xfee00900);
	assert_false(fixture_intr());
}

/* 10.6.1: fixed interrupt to self by shorthand, by ID, to all; not to all others. */
static void test_self_ipi(void **state)
{
	put(ICR_LOW, 0x44041);
	assert_true(fixture_intr());
	assert_true(bit_set(IRR, 0x41));
	assert_int_equal(acknowledge(), 0x41);
	assert_false(bit_set(IRR, 0x41));
	assert_true(bit_set(ISR, 0x41));
	assert_false(fixture_intr());
	put(EOI, 0);
	assert_false(bit_set(ISR, 0x41));

	put(ICR_HIGH, 0);
	put(ICR_LOW, 0x4042);
	assert_int_equal(acknowledge(), 0x42);
	put(EOI, 0);
	put(ICR_HIGH, 0x5u << 24);
	put(ICR_LOW, 0x4043);
	assert_false(fixture_intr());
	put(ICR_LOW, 0x84044);
	assert_int_equal(acknowledge(), 0x44);
	put(EOI, 0);
	put(ICR_LOW, 0xc4045);
	assert_false(fixture_intr());
	/* The delivery status bit always reads idle. */
	assert_int_equal(get(ICR_LOW), 0xc4045);
}

/* 10.6.2.2: logical destinations in the flat and the cluster model. */
static void test_logical_destination(void **state)
{
	put(LDR, 0x02000000);
	assert_true(lapic_is_destination(lapic, 0x02, true));
	assert_true(lapic_is_destination(lapic, 0x83, true));
	assert_false(lapic_is_destination(lapic, 0x05, true));
	assert_true(lapic_is_destination(lapic, 0xff, true));
	put(DFR, 0x0fffffff);
	put(LDR, 0x31000000);
	assert_true(lapic_is_destination(lapic, 0x33, true));
	assert_false(lapic_is_destination(lapic, 0x32, true));
	assert_false(lapic_is_destination(lapic, 0x21, true));
	put(ID, 0x07000000);
	assert_true(lapic_is_destination(lapic, 7, false));
	assert_false(lapic_is_destination(lapic, 0, false));
}

/* 10.8.3.1: only a higher priority class than that of TPR and ISR interrupts. */
static void test_priorities(void **state)
{
	put(TPR, 0x45);
	assert_int_equal(get(PPR), 0x45);
	put(ICR_LOW, 0x4404f);
	assert_false(fixture_intr());
	put(ICR_LOW, 0x44050);
	assert_true(fixture_intr());
	assert_int_equal(acknowledge(), 0x50);
	assert_int_equal(get(PPR), 0x50);
	put(ICR_LOW, 0x44061);
	assert_true(fixture_intr());
	assert_int_equal(acknowledge(), 0x61);
	put(EOI, 0); /* ends the highest */
	assert_false(bit_set(ISR, 0x61));
	assert_true(bit_set(ISR, 0x50));
	put(EOI, 0);
	assert_int_equal(get(PPR), 0x45);
	put(TPR, 0x30);
	assert_true(fixture_intr());
	assert_int_equal(acknowledge(), 0x4f);
}

/* 10.8.6: CR8 is bits 7..4 of the task priority. */
static void test_cr8(void **state)
{
	uint64_t value = 9;

	lapic_class.task_priority(lapic, true, &value);
	assert_int_equal(get(TPR), 0x90);
	put(TPR, 0x2f);
	lapic_class.task_priority(lapic, false, &value);
	assert_int_equal(value, 2);
	value = 15;
	lapic_class.task_priority(lapic, true, &value);
	put(ICR_LOW, 0x440ff);
	assert_false(fixture_intr());
	value = 14;
	lapic_class.task_priority(lapic, true, &value);
	assert_true(fixture_intr());
}

/* What only the task priority holds back: not an APIC that is off, nor a vector in service. */
static void test_held_back(void **state)
{
	assert_int_equal(lapic_class.held_back(lapic), 0);
	put(TPR, 0x50);
	put(ICR_LOW, 0x44041);
	assert_int_equal(lapic_class.held_back(lapic), 4);
	put(ICR_LOW, 0x44052);
	assert_int_equal(lapic_class.held_back(lapic), 5);
	put(TPR, 0x4f);
	assert_int_equal(lapic_class.held_back(lapic), 0);
	assert_int_equal(acknowledge(), 0x52);
	put(TPR, 0x80);
	assert_int_equal(lapic_class.held_back(lapic), 0);
	put(EOI, 0);
	assert_int_equal(lapic_class.held_back(lapic), 4);
	put(SVR, 0xff);
	assert_int_equal(lapic_class.held_back(lapic), 0);
}

/* 10.9: the spurious vector, without a bit in the ISR. */
static void test_spurious(void **state)
{
	put(SVR, 0x1e7);
	assert_int_equal(acknowledge(), 0xe7);
	assert_false(bit_set(ISR, 0xe7));
}

/* 10.4.7.2: software disable masks the LVT, refuses fixed messages, keeps IRR and ISR. */
static void test_software_disable(void **state)
{
	put(LVT_TIMER, 0x31);
	put(ICR_LOW, 0x44041);
	put(SVR, 0xff);
	assert_int_equal(get(LVT_TIMER), MASKED | 0x31);
	assert_true(bit_set(IRR, 0x41));
	assert_false(fixture_intr());
	put(LVT_TIMER, 0x32);
	assert_int_equal(get(LVT_TIMER), MASKED | 0x32);
	assert_false(lapic_deliver(lapic, 0x55, LAPIC_FIXED, false, true));
	put(ICR_LOW, 0x4400 | 0x40000); /* NMI still gets through */
	assert_int_equal(fixture_nmis(), 1);
	put(SVR, 0x1ff);
	assert_true(fixture_intr());
	assert_false(bit_set(IRR, 0x55));
}

/* 10.5.1 and MP specification 3.6.2.2: ExtINT fetches the 8259's vector. */
static void test_virtual_wire(void **state)
{
	lapic_class.set_irq(lapic, LAPIC_LINT0, true);
	assert_true(fixture_intr());
	assert_int_equal(acknowledge(), 0x08);
	assert_int_equal(pic_acknowledges, 1);
	lapic_class.set_irq(lapic, LAPIC_LINT0, false);
	assert_false(fixture_intr());
	put(SVR, 0x1ff);
	put(LVT_LINT0, MASKED | 0x700);
	lapic_class.set_irq(lapic, LAPIC_LINT0, true);
	assert_false(fixture_intr());
	put(LVT_LINT0, 0x700);
	assert_true(fixture_intr());
	/* The APIC's own vectors go first. */
	put(ICR_LOW, 0x44041);
	assert_int_equal(acknowledge(), 0x41);
	assert_true(fixture_intr());
	assert_int_equal(acknowledge(), 0x08);
}

/* 10.4.3: hardware disable leaves the pins of the processor, and CR8. */
static void test_hardware_disable(void **state)
{
	put(SVR, 0x1ff);
	put(LVT_LINT0, MASKED);
	put(TPR, 0x50);
	assert_true(msr_put(MSR_BASE, 0xfee00100));
	assert_int_equal(get(VERSION), 0xffffffff);
	lapic_class.set_irq(lapic, LAPIC_LINT0, true);
	assert_true(fixture_intr());
	assert_int_equal(acknowledge(), 0x08);
	assert_true(msr_put(MSR_BASE, 0xfee00900));
	assert_int_equal(get(SVR), 0xff);
	assert_int_equal(get(TPR), 0x50);
	/* Reserved bits and x2APIC mode are refused; the address cannot be changed. */
	assert_false(msr_put(MSR_BASE, 0xfee00d00));
	assert_false(msr_put(MSR_BASE, 0xfee00901));
	assert_false(msr_put(MSR_BASE, 1ull << 40 | 0xfee00900));
	assert_true(msr_put(MSR_BASE, 0x42000900));
	assert_int_equal(msr_get(MSR_BASE), 0xfee00900);
	assert_false(msr_put(0x802, 0));
}

/* 10.5.1: LINT1 as NMI, on the rising edge; LINT0 fixed and level-triggered with remote IRR. */
static void test_lint_modes(void **state)
{
	put(LVT_LINT1, 0x400);
	lapic_class.set_irq(lapic, LAPIC_LINT1, true);
	lapic_class.set_irq(lapic, LAPIC_LINT1, true);
	assert_int_equal(fixture_nmis(), 1);

	put(LVT_LINT0, 0x8060);
	lapic_class.set_irq(lapic, LAPIC_LINT0, true);
	assert_int_equal(get(LVT_LINT0), 0xc060);
	assert_int_equal(acknowledge(), 0x60);
	assert_false(fixture_intr());
	put(EOI, 0); /* the line is still high */
	assert_true(fixture_intr());
	assert_int_equal(acknowledge(), 0x60);
	lapic_class.set_irq(lapic, LAPIC_LINT0, false);
	put(EOI, 0);
	assert_int_equal(get(LVT_LINT0), 0x8060);
	assert_false(fixture_intr());
}

/* 10.8.4 and 10.8.5: TMR follows the trigger mode, and only level EOIs are broadcast. */
static void test_eoi_broadcast(void **state)
{
	lapic_deliver(lapic, 0x21, LAPIC_FIXED, true, true);
	assert_true(bit_set(TMR, 0x21));
	assert_int_equal(acknowledge(), 0x21);
	assert_int_equal(eois[0x21], 0);
	put(EOI, 0);
	assert_int_equal(eois[0x21], 1);
	lapic_deliver(lapic, 0x22, LAPIC_LOWEST, false, true);
	assert_int_equal(acknowledge(), 0x22);
	put(EOI, 0);
	assert_int_equal(eois[0x22], 0);
	put(EOI, 0); /* nothing in service */
}

/* 10.5.3: errors show after a write to ESR, and raise the error interrupt. */
static void test_errors(void **state)
{
	put(LVT_ERROR, 0x77);
	put(ICR_LOW, 0x4400f); /* vector 15 cannot be sent */
	assert_int_equal(acknowledge(), 0x77);
	put(EOI, 0);
	assert_int_equal(get(ESR), 0);
	put(ESR, 0);
	assert_int_equal(get(ESR), 0x20);
	lapic_deliver(lapic, 3, LAPIC_FIXED, false, true);
	get(0x3f0); /* no such register */
	put(ESR, 0);
	assert_int_equal(get(ESR), 0xc0);
	put(ESR, 0);
	assert_int_equal(get(ESR), 0);
	/* An error interrupt that is an error itself does not go round for ever. */
	put(LVT_ERROR, 0x00);
	get(0x3f0);
	put(ESR, 0);
	assert_int_equal(get(ESR), 0xc0);
}

/* 10.5.4: one-shot, with every divide value. The bus clock is 1 GHz. */
static void test_timer_one_shot(void **state)
{
	static const struct {
		uint8_t code;
		unsigned divisor;
	} divide[] = {{0, 2}, {1, 4}, {2, 8}, {3, 16}, {8, 32}, {9, 64}, {10, 128}, {11, 1}};

	put(LVT_TIMER, 0x40);
	for (unsigned i = 0; i < sizeof(divide) / sizeof(*divide); i++) {
		unsigned n = divide[i].divisor;

		put(DIVIDE, divide[i].code);
		put(INITIAL, 1000);
		assert_int_equal(get(CURRENT), 1000);
		fixture_advance(400 * n);
		assert_int_equal(get(CURRENT), 600);
		fixture_advance(600 * n - 1);
		assert_int_equal(get(CURRENT), 1);
		assert_false(fixture_intr());
		fixture_advance(1);
		assert_true(fixture_intr());
		assert_int_equal(get(CURRENT), 0);
		assert_int_equal(acknowledge(), 0x40);
		put(EOI, 0);
		fixture_advance(100000 * n);
		assert_false(fixture_intr());
		assert_int_equal(get(INITIAL), 1000);
	}
}

static void test_timer_periodic(void **state)
{
	put(DIVIDE, 0xb);
	put(LVT_TIMER, PERIODIC | 0x40);
	put(INITIAL, 1000);
	for (unsigned i = 0; i < 5; i++) {
		fixture_advance(999);
		assert_false(fixture_intr());
		fixture_advance(1);
		assert_true(fixture_intr());
		assert_int_equal(get(CURRENT), 1000);
		assert_int_equal(acknowledge(), 0x40);
		put(EOI, 0);
	}
	/* Masked, it goes on counting, and nothing has to wake up for it. */
	put(LVT_TIMER, PERIODIC | MASKED | 0x40);
	assert_true(fixture_next_deadline() == UINT64_MAX);
	fixture_advance(1250);
	assert_false(fixture_intr());
	assert_int_equal(get(CURRENT), 750);
	put(LVT_TIMER, PERIODIC | 0x40);
	fixture_advance(750);
	assert_true(fixture_intr());
	/* An initial count of 0 stops it. */
	put(INITIAL, 0);
	assert_true(fixture_next_deadline() == UINT64_MAX);
	assert_int_equal(get(CURRENT), 0);
}

/* A change of mode or divider leaves the count where it is; a stopped count stays stopped. */
static void test_timer_changes(void **state)
{
	put(DIVIDE, 0xb);
	put(LVT_TIMER, PERIODIC | 0x40);
	put(INITIAL, 1000);
	fixture_advance(2300);
	assert_int_equal(get(CURRENT), 700);
	put(LVT_TIMER, 0x40);
	assert_int_equal(get(CURRENT), 700);
	put(DIVIDE, 0x0);
	assert_int_equal(get(CURRENT), 700);
	fixture_advance(200);
	assert_int_equal(get(CURRENT), 600);
	fixture_advance(1200);
	assert_int_equal(get(CURRENT), 0);
	put(LVT_TIMER, PERIODIC | 0x40);
	assert_int_equal(get(CURRENT), 0);
}

/* 10.5.4.1: TSC-deadline mode. */
static void test_timer_deadline(void **state)
{
	fixture_advance(5000);
	assert_true(msr_put(MSR_DEADLINE, 6000)); /* ignored outside the mode */
	assert_int_equal(msr_get(MSR_DEADLINE), 0);
	put(LVT_TIMER, TSC_DEADLINE | 0x40);
	assert_true(msr_put(MSR_DEADLINE, 6000));
	assert_int_equal(msr_get(MSR_DEADLINE), 6000);
	put(INITIAL, 10); /* ignored in this mode */
	assert_int_equal(get(CURRENT), 0);
	fixture_advance(999);
	assert_false(fixture_intr());
	fixture_advance(1);
	assert_true(fixture_intr());
	assert_int_equal(msr_get(MSR_DEADLINE), 0);
	assert_int_equal(acknowledge(), 0x40);
	put(EOI, 0);
	/* In the past: at once. Zero disarms. Far in the future: no overflow. */
	msr_put(MSR_DEADLINE, 1);
	fixture_advance(0);
	assert_int_equal(acknowledge(), 0x40);
	put(EOI, 0);
	msr_put(MSR_DEADLINE, 7000);
	msr_put(MSR_DEADLINE, 0);
	assert_true(fixture_next_deadline() == UINT64_MAX);
	msr_put(MSR_DEADLINE, UINT64_MAX);
	fixture_advance(1000000);
	assert_false(fixture_intr());
	/* Leaving the mode disarms it. */
	put(LVT_TIMER, 0x40);
	assert_true(fixture_next_deadline() == UINT64_MAX);
	put(LVT_TIMER, TSC_DEADLINE | 0x40);
	assert_int_equal(msr_get(MSR_DEADLINE), 0);
}

/* 10.6.1: NMI and INIT by ICR; start-up and INIT de-assert do nothing. */
static void test_other_ipis(void **state)
{
	put(ICR_LOW, 0x44400);
	assert_int_equal(fixture_nmis(), 1);
	put(ICR_HIGH, 0);
	put(ICR_LOW, 0x8500); /* INIT level de-assert */
	put(ICR_LOW, 0x4608);
	assert_int_equal(fixture_resets(), 0);
	put(ICR_LOW, 0xc4500); /* to the others: there are none */
	assert_int_equal(fixture_resets(), 0);
	put(ICR_LOW, 0x4500);
	assert_int_equal(fixture_resets(), 1);
}

/* 10.4.1: registers take aligned 32-bit accesses. */
static void test_access_sizes(void **state)
{
	fixture_memory_write(LAPIC_BASE + TPR, 1, 0x30);
	assert_int_equal(get(TPR), 0);
	put(TPR, 0x30);
	assert_int_equal(fixture_memory_read(LAPIC_BASE + VERSION + 2, 1), 0x05);
	assert_int_equal(fixture_memory_read(LAPIC_BASE + TPR + 4, 4), 0);
	assert_int_equal(fixture_memory_read(LAPIC_BASE + TPR, 8), 0x30);
	put(VERSION, 0xdeadbeef);
	assert_int_equal(get(VERSION), 0x00050014);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_reset_values, setup),
	    cmocka_unit_test_setup(test_self_ipi, setup_enabled),
	    cmocka_unit_test_setup(test_logical_destination, setup_enabled),
	    cmocka_unit_test_setup(test_priorities, setup_enabled),
	    cmocka_unit_test_setup(test_cr8, setup_enabled),
	    cmocka_unit_test_setup(test_held_back, setup_enabled),
	    cmocka_unit_test_setup(test_spurious, setup_enabled),
	    cmocka_unit_test_setup(test_software_disable, setup_enabled),
	    cmocka_unit_test_setup(test_virtual_wire, setup),
	    cmocka_unit_test_setup(test_hardware_disable, setup),
	    cmocka_unit_test_setup(test_lint_modes, setup_enabled),
	    cmocka_unit_test_setup(test_eoi_broadcast, setup_enabled),
	    cmocka_unit_test_setup(test_errors, setup_enabled),
	    cmocka_unit_test_setup(test_timer_one_shot, setup_enabled),
	    cmocka_unit_test_setup(test_timer_periodic, setup_enabled),
	    cmocka_unit_test_setup(test_timer_changes, setup_enabled),
	    cmocka_unit_test_setup(test_timer_deadline, setup_enabled),
	    cmocka_unit_test_setup(test_other_ipis, setup_enabled),
	    cmocka_unit_test_setup(test_access_sizes, setup_enabled),
	};

	return cmocka_run_group_tests_name("device/lapic", tests, NULL, NULL);
}
