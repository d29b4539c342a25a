/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots: going back, going on elsewhere, and that neither shows in a trace. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "emulator/host/os.h"
#include "emulator/snapshot.h"
#include "replay/digest.h"
#include "replay/record.h"
#include "replay/replay.h"
#include "tests/unit/replay/session_fixture.h"

#define LENGTH 400000

static struct machine *machine(struct host *host, struct tap *tap)
{
	struct machine_config config = fixture_config();
	struct error e;
	struct machine *m = machine_open(&config, "tcg", host, tap, &e);

	assert_non_null(m);
	return m;
}

static bool digests_equal(struct digest a, struct digest b)
{
	return a.registers == b.registers && a.arena == b.arena && a.ram == b.ram;
}

/* Maps the arena somewhere else and makes the old place inaccessible. */
static void move_arena(struct machine *m, const struct snapshot *s)
{
	uint8_t *old = m->arena;
	uint8_t *new = os_memory_map(m->arena_size);

	assert_non_null(new);
	/* Only the restore fills it in. */
	machine_move_arena(m, new);
	os_memory_unmap(old, m->arena_size);
	snapshot_restore(m, (struct snapshot *)s);
}

static void record(const char *path, bool moved)
{
	struct recorder *r = recorder_new(fixture_host());
	struct machine *m = machine(recorder_host(r), recorder_tap(r));
	struct error e;
	enum stop_reason reason;

	assert_int_equal(recorder_start(r, m, path, &e), 0);
	m->max_insns = LENGTH;
	m->until = LENGTH / 2 + 123;
	assert_int_equal(machine_run(m), STOP_PAUSED);
	if (moved) {
		struct snapshot *s = snapshot_take(m, &e);

		assert_non_null(s);
		move_arena(m, s);
		snapshot_free(s);
	}
	m->until = UINT64_MAX;
	reason = machine_run(m);
	assert_int_equal(reason, STOP_MAX_INSNS);
	assert_int_equal(recorder_finish(r, reason, 0, &e), 0);
	recorder_free(r);
	machine_close(m);
}

static size_t slurp(const char *path, char **data)
{
	FILE *f = fopen(path, "rb");
	long size;

	assert_non_null(f);
	fseek(f, 0, SEEK_END);
	size = ftell(f);
	rewind(f);
	*data = malloc((size_t)size);
	assert_int_equal(fread(*data, 1, (size_t)size, f), size);
	fclose(f);
	return (size_t)size;
}

static void forget(char *path)
{
	unlink(path);
	free(path);
}

/* The proof that the arena holds no host pointer: the trace is the same to the byte. */
static void test_moved_arena_goes_on(void **state)
{
	char *a = fixture_path("stayed.vcr"), *b = fixture_path("moved.vcr"), *da, *db;
	size_t sa, sb;

	record(a, false);
	record(b, true);
	sa = slurp(a, &da);
	sb = slurp(b, &db);
	assert_int_equal(sa, sb);
	assert_memory_equal(da, db, sa);
	free(da);
	free(db);
	forget(a);
	forget(b);
}

/* Many snapshots, visited in any order: each time the same state comes back and goes on alike. */
static void test_any_order(void **state)
{
	enum { COUNT = 12 };
	static const unsigned order[] = {3, 11, 0, 7, 7, 2, 10, 1, 0, 11};
	struct machine *m = machine(fixture_host(), NULL);
	struct snapshot *s[COUNT];
	struct digest at[COUNT + 1];
	struct digester d;
	struct error e;

	assert_int_equal(digester_open(&d, m, &e), 0);
	for (unsigned i = 0; i < COUNT; i++) {
		m->until = i * 25000 + i;
		assert_int_equal(machine_run(m), STOP_PAUSED);
		s[i] = snapshot_take(m, &e);
		assert_non_null(s[i]);
		at[i] = digest_take(&d);
	}
	m->until = COUNT * 25000 + COUNT;
	assert_int_equal(machine_run(m), STOP_PAUSED);
	at[COUNT] = digest_take(&d);
	for (unsigned i = 0; i < COUNT; i++)
		assert_false(digests_equal(at[i], at[i + 1]));
	for (unsigned i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		unsigned n = order[i];

		snapshot_restore(m, s[n]);
		assert_true(digests_equal(digest_take(&d), at[n]));
		m->until = (n + 1) * 25000 + n + 1;
		assert_int_equal(machine_run(m), STOP_PAUSED);
		assert_true(digests_equal(digest_take(&d), at[n + 1]));
	}
	for (unsigned i = 0; i < COUNT; i++)
		snapshot_free(s[i]);
	digester_close(&d);
	machine_close(m);
}

static void test_replay_goes_back(void **state)
{
	struct replay_options o = {.mode = REPLAY_MACHINE};
	char *path = fixture_path("session.vcr");
	struct replay_mark *mark;
	struct cpu_regs first, second;
	struct replay *r;
	struct error e;

	record(path, false);
	r = replay_open(path, &o, &e);
	assert_non_null(r);
	assert_int_equal(replay_run(r, 100001, &e), REPLAY_PAUSED);
	mark = replay_mark_take(r, &e);
	assert_non_null(mark);
	assert_int_equal(replay_run(r, 300007, &e), REPLAY_PAUSED);
	cpu_get_regs(replay_machine(r)->vcpu.c, &first);
	for (int times = 0; times < 3; times++) {
		assert_int_equal(replay_mark_return(r, mark, &e), 0);
		assert_int_equal(replay_machine(r)->vcpu.c->insns, 100001);
		assert_int_equal(replay_run(r, 300007, &e), REPLAY_PAUSED);
		cpu_get_regs(replay_machine(r)->vcpu.c, &second);
		assert_memory_equal(&first, &second, sizeof(first));
	}
	assert_int_equal(replay_run(r, UINT64_MAX, &e), REPLAY_IDENTICAL);
	/* And back from the end. */
	assert_int_equal(replay_mark_return(r, mark, &e), 0);
	assert_int_equal(replay_run(r, UINT64_MAX, &e), REPLAY_IDENTICAL);
	replay_mark_free(mark);
	replay_close(r);
	forget(path);
}

static void test_devices_and_cpu_alone(void **state)
{
	static const enum replay_mode modes[] = {REPLAY_MACHINE, REPLAY_DEVICES, REPLAY_CPU};
	char *path = fixture_path("session.vcr");

	record(path, false);
	for (int i = 0; i < 3; i++) {
		struct replay_options o = {.mode = modes[i]};
		struct error e;
		struct replay *r = replay_open(path, &o, &e);

		assert_non_null(r);
		assert_int_equal(replay_run(r, UINT64_MAX, &e), REPLAY_IDENTICAL);
		assert_true(replay_events(r) > 1000);
		replay_close(r);
	}
	forget(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_moved_arena_goes_on),
	    cmocka_unit_test(test_any_order),
	    cmocka_unit_test(test_replay_goes_back),
	    cmocka_unit_test(test_devices_and_cpu_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
