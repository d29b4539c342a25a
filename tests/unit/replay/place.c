/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What finds an event by exits again: the place of one between exits, and how far the RIP of one
 * right after an exit may be off.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "replay/digest.h"
#include "replay/event.h"
#include "tests/unit/replay/session_fixture.h"

#define SOMEWHERE 20 /* instructions */

static struct machine *m;
static struct digester digester;

static int setup(void **state)
{
	struct machine_config config = fixture_config();
	struct error e = {0};

	m = machine_open(&config, "tcg", fixture_host(), NULL, &e);
	if (!m || digester_open(&digester, m, &e))
		return -1;
	m->until = SOMEWHERE;
	return machine_run(m) != STOP_PAUSED;
}

static int teardown(void **state)
{
	digester_close(&digester);
	machine_close(m);
	return 0;
}

static void test_place(void **state)
{
	uint8_t place[PLACE_BYTES], *ram = machine_ram_at(m, 0x5000, 1);
	uint64_t rip = m->vcpu.c->reg[GPR_RIP];
	struct host_place loaded;

	place_take(&digester, place);
	assert_true(place_matches(&digester, rip, place));
	loaded = place_load(rip, place);
	assert_true(loaded.rip == rip);
	assert_true(loaded.linear == m->vcpu.c->seg[SEG_CS].base + rip);
	assert_int_equal(loaded.cpl, 0);

	/* The same instruction with another register, and in other memory, is another place. */
	m->vcpu.c->reg[GPR_RSI] ^= 1;
	assert_false(place_matches(&digester, rip, place));
	m->vcpu.c->reg[GPR_RSI] ^= 1;
	assert_true(place_matches(&digester, rip, place));
	*ram ^= 1;
	ram_page_dirty(&m->ram, 0x5000 / RAM_PAGE);
	assert_false(place_matches(&digester, rip, place));
	*ram ^= 1;
	ram_page_dirty(&m->ram, 0x5000 / RAM_PAGE);
	assert_true(place_matches(&digester, rip, place));
}

/* A guest that comes by with RIP elsewhere is not asked for the rest. */
static void test_place_rip(void **state)
{
	uint64_t rip = m->vcpu.c->reg[GPR_RIP];
	uint8_t place[PLACE_BYTES];

	place_take(&digester, place);
	assert_false(place_matches(&digester, rip + 1, place));
	m->vcpu.c->reg[GPR_RIP]++;
	assert_false(place_matches(&digester, rip, place));
	m->vcpu.c->reg[GPR_RIP]--;
	assert_true(place_matches(&digester, rip, place));
}

static bool agrees(enum event_kind kind, uint64_t a, uint64_t b)
{
	struct event x = {.kind = kind, .rip = a}, y = {.kind = kind, .rip = b};

	return event_rip_agrees(&x, &y) && event_rip_agrees(&y, &x);
}

static void test_rip(void **state)
{
	static const enum event_kind reads[] = {EVENT_PIO_READ, EVENT_MMIO_READ, EVENT_MSR_READ};
	static const enum event_kind writes[] = {EVENT_PIO_WRITE, EVENT_MMIO_WRITE, EVENT_HLT};

	for (unsigned i = 0; i < 3; i++) {
		assert_true(agrees(reads[i], 0x100000, 0x100000));
		assert_false(agrees(reads[i], 0x100000, 0x100001));
		assert_true(agrees(writes[i], 0x100000, 0x10000f));
		assert_false(agrees(writes[i], 0x100000, 0x100010));
		/* At the end of a 16-bit segment the next instruction is at its beginning. */
		assert_true(agrees(writes[i], 0xffff, 0x0002));
		assert_false(agrees(writes[i], 0xffff, 0x0010));
		assert_false(agrees(writes[i], 0x1ffff, 0x0002));
	}
	assert_true(agrees(EVENT_SHUTDOWN, 0, 0x123456789abc));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_place, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_place_rip, setup, teardown),
	    cmocka_unit_test(test_rip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
