/* SPDX-License-Identifier: Apache-2.0 */
/* Mutations by what was compared: what is offered, and that inputs come to it. */
#include "fuzz/mutate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fuzz/compares.h"
#include "fuzz/generate.h"

#define TRIES 20000u

enum { PLACE_SOLVED = 0x1000, PLACE_OPEN = 0x2000, PLACE_WIDE = 0x3000 };

/* Mutates one input, each time from the beginning, until it writes the value. */
static bool comes_to(const struct op *op, unsigned ops, uint64_t value, uintptr_t place,
		     uint64_t is, unsigned size)
{
	for (uint32_t seed = 1; seed <= TRIES; seed++) {
		uint8_t bytes[4096];
		size_t used = 0, written = 0;
		struct op_reader r;
		struct op got;
		uint64_t whole = 0;

		for (unsigned i = 0; i < ops; i++)
			used += op_encode(&op[i], bytes + used);
		compares_note(place, is, value, size);
		used = mutate(bytes, used, sizeof(bytes), seed);
		r = op_reader_start(bytes, used);
		while (op_next(&r, &got)) {
			if (got.kind != OP_WRITE)
				continue;
			if (got.value == value)
				return true;
			whole |= got.value << 8 * (written++ % 8);
		}
		if (ops > 1 && written == ops && whole == value)
			return true;
	}
	return false;
}

static void test_offered(void **state)
{
	struct random r = random_start(1);
	struct compare c;

	assert_false(compares_pick(&r, &c));
	compares_note(PLACE_SOLVED, 1, 2, 4);
	compares_note(PLACE_SOLVED, 2, 2, 4);
	compares_note(PLACE_SOLVED, 3, 2, 4);
	compares_note(PLACE_OPEN, 7, 0xc35a, 2);
	for (unsigned n = 0; n < 100; n++)
		compares_next_run();
	for (unsigned n = 0; n < 100; n++) {
		assert_true(compares_pick(&r, &c));
		assert_int_equal(c.is, 7);
		assert_int_equal(c.wanted, 0xc35a);
		assert_int_equal(c.size, 2);
	}
}

static void test_replaced(void **state)
{
	const struct compare c = {.is = 0x1234, .wanted = 0x5678, .size = 2};
	struct op op = {.kind = OP_WRITE, .size = 4, .value = 0xabcd1234};
	unsigned done = 0;

	assert_true(generate_replaced(&op, &c));
	assert_int_equal(op.value, 0xabcd5678);
	assert_false(generate_replaced(&op, &c));
	op = (struct op){.kind = OP_FILL, .length = 4, .bytes = {0x99, 0x99, 0x12, 0x34}};
	assert_true(generate_replaced(&op, &c));
	assert_memory_equal(op.bytes, "\x99\x99\x56\x78", 4);

	op = (struct op){.kind = OP_WRITE, .size = 1, .value = 0x12};
	assert_true(generate_piece(&op, &c, &done));
	assert_int_equal(op.value, 0x56);
	op.value = 0x12;
	assert_false(generate_piece(&op, &c, &done));
	op.value = 0x34;
	assert_true(generate_piece(&op, &c, &done));
	assert_int_equal(op.value, 0x78);
}

/* Numbers that no chance finds. */
static void test_mutated(void **state)
{
	const struct op word = {.kind = OP_WRITE, .size = 8, .value = 5};
	const struct op pieces[] = {{.kind = OP_WRITE, .size = 1, .value = 0x34},
				    {.kind = OP_WRITE, .size = 1, .value = 0x12}};

	assert_true(comes_to(&word, 1, 0x123456789abcdef0, PLACE_WIDE, 5, 8));
	assert_true(comes_to(pieces, 2, 0xc35a, PLACE_OPEN, 0x1234, 2));
}

/* Accesses that belong together move together, here by what a comparison missed. */
static void test_shifted(void **state)
{
	const struct op at[] = {{.kind = OP_WRITE, .size = 1, .offset = 100, .value = 1},
				{.kind = OP_WRITE, .size = 1, .offset = 101, .value = 2}};
	bool found = false;

	for (uint32_t seed = 1; seed <= TRIES && !found; seed++) {
		uint8_t bytes[4096];
		size_t used = op_encode(&at[0], bytes);
		struct op_reader r;
		struct op a, b;

		used += op_encode(&at[1], bytes + used);
		compares_note(PLACE_OPEN, 2000, 3234, 4);
		used = mutate(bytes, used, sizeof(bytes), seed);
		r = op_reader_start(bytes, used);
		found = op_next(&r, &a) && op_next(&r, &b) && a.offset == 1334 && b.offset == 1335;
	}
	assert_true(found);
}

static void test_burst(void **state)
{
	struct random r = random_start(3);
	static struct op op[GENERATE_BURST];
	unsigned count = generate_burst(&r, op), most = 0;

	for (unsigned tries = 0; tries < 100; tries++, count = generate_burst(&r, op)) {
		assert_in_range(count, 2, GENERATE_BURST);
		for (unsigned i = 1; i < count; i++) {
			assert_int_equal(op[i].kind, op[0].kind);
			assert_int_equal(op[i].region, op[0].region);
			assert_int_equal(op[i].offset, op[0].offset);
			assert_int_equal(op[i].size, op[0].size);
		}
		most = count > most ? count : most;
	}
	assert_true(most > 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_offered), cmocka_unit_test(test_replaced),
	    cmocka_unit_test(test_mutated), cmocka_unit_test(test_shifted),
	    cmocka_unit_test(test_burst),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
