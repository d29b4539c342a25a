/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of control flow that is not known ahead: calls, returns, pointers to functions, switches. */
#include "guest.h"

static __attribute__((noinline)) uint32_t fibonacci(uint32_t n)
{
	return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

static uint64_t work_calls(void)
{
	return fibonacci(36);
}

#define STEP(name, expression)                                                                     \
	static __attribute__((noinline)) uint32_t step_##name(uint32_t x)                          \
	{                                                                                          \
		return expression;                                                                 \
	}

STEP(add, x + 0x1234567)
STEP(rotate, x << 7 | x >> 25)
STEP(multiply, x * 2654435761u)
STEP(invert, ~x)
STEP(fold, x ^ x >> 15)
STEP(swap, __builtin_bswap32(x))
STEP(negate, -x)
STEP(mix, x ^ x << 11)

static uint64_t work_indirect_calls(void)
{
	static uint32_t (*const volatile steps[])(uint32_t) = {
	    step_add,  step_rotate, step_multiply, step_invert,
	    step_fold, step_swap,   step_negate,   step_mix,
	};
	uint32_t x = 1;

	for (uint32_t i = 0; i < 15000000; i++)
		x = steps[(x >> 5 ^ i) & 7](x);
	return x;
}

/* A little machine of bytecode whose interpreter is a switch. */
static uint64_t work_switch(void)
{
	static const uint8_t program[] = {3, 0, 1, 5, 2, 4, 7, 0, 6, 1, 3, 2, 8, 5, 4, 9};
	uint32_t x = 1, y = 2;

	for (uint32_t i = 0; i < 25000000; i++) {
		switch (program[(i ^ (x & 3)) & 15]) {
		case 0:
			x += y;
			break;
		case 1:
			y ^= x;
			break;
		case 2:
			x = x << 3 | x >> 29;
			break;
		case 3:
			y += 77;
			break;
		case 4:
			x -= y >> 2;
			break;
		case 5:
			y = ~y;
			break;
		case 6:
			x *= 5;
			break;
		case 7:
			y = y >> 1 | x << 31;
			break;
		case 8:
			x ^= 0x5555;
			break;
		default:
			y -= x;
			break;
		}
	}
	return (uint64_t)x << 32 | y;
}

const struct row rows_call[] = {
    {"calls", work_calls},
    {"indirect-calls", work_indirect_calls},
    {"switch", work_switch},
    {NULL, NULL},
};
