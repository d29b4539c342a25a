/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of integer work in registers and small tables. */
#include "guest.h"

/* Additions, shifts and exclusive ors without memory. */
static uint64_t work_integer(void)
{
	uint32_t state = 1;
	uintptr_t a = 1, b = 2, c = 3;

	for (int i = 0; i < 150000000; i++) {
		a += random_next(&state);
		b ^= a + (c << 3);
		c = (c >> 1) + (b & a) - i;
	}
	return a ^ b ^ c;
}

/* Branches that go both ways: lengths of Collatz sequences. */
static uint64_t work_branches(void)
{
	uint64_t sum = 0;

	for (uint32_t start = 1; start < 1000000; start++) {
		uint32_t steps = 0;

		for (uintptr_t n = start; n != 1 && steps < 100; steps++)
			n = n & 1 ? 3 * n + 1 : n >> 1;
		sum += steps;
	}
	return sum;
}

/* Multiplications and divisions: powers modulo small numbers. */
static uint64_t work_divisions(void)
{
	uint32_t sum = 0;

	for (uint32_t m = 3; m < 2000000; m++) {
		uint32_t modulus = (m & 0xffff) | 1, power = 1, base = 7 % modulus;

		for (uint32_t e = m; e; e >>= 1) {
			if (e & 1)
				power = power * base % modulus;
			base = base * base % modulus;
		}
		sum += power;
	}
	return sum;
}

/* Bytes of a small table: the sieve of Eratosthenes. */
static uint64_t work_sieve(void)
{
	enum { LIMIT = 1 << 19, ROUNDS = 40 };
	uint64_t primes = 0;

	for (int round = 0; round < ROUNDS; round++) {
		for (uint32_t i = 0; i < LIMIT; i++)
			heap[i] = 1;
		for (uint32_t i = 2; i < LIMIT; i++) {
			if (!heap[i])
				continue;
			primes++;
			for (uint32_t multiple = 2 * i; multiple < LIMIT; multiple += i)
				heap[multiple] = 0;
		}
	}
	return primes;
}

/* A hash by table: CRC-32, reflected, polynomial 0x04c11db7. */
static uint64_t work_crc(void)
{
	static uint32_t table[256];
	uint32_t crc = ~0u;

	for (uint32_t i = 0; i < 256; i++) {
		table[i] = i;
		for (int bit = 0; bit < 8; bit++)
			table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320u : 0);
	}
	for (uint32_t i = 0; i < 1 << 20; i++)
		heap[i] = (uint8_t)(i * 167);
	for (int round = 0; round < 80; round++)
		for (uint32_t i = 0; i < 1 << 20; i++)
			crc = crc >> 8 ^ table[(crc ^ heap[i]) & 0xff];
	return crc;
}

static void sort(int32_t *low, int32_t *high)
{
	while (low < high) {
		int32_t pivot = low[(high - low) / 2], *i = low, *j = high;

		while (i <= j) {
			while (*i < pivot)
				i++;
			while (*j > pivot)
				j--;
			if (i <= j) {
				int32_t t = *i;

				*i++ = *j;
				*j-- = t;
			}
		}
		sort(low, j);
		low = i;
	}
}

static uint64_t work_sort(void)
{
	enum { COUNT = 1 << 18, ROUNDS = 12 };
	int32_t *numbers = (int32_t *)heap;
	uint32_t state = 7;
	uint64_t sum = 0;

	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < COUNT; i++)
			numbers[i] = (int32_t)random_next(&state);
		sort(numbers, numbers + COUNT - 1);
		sum = sum * 31 + (uint32_t)numbers[COUNT / 3];
	}
	return sum;
}

const struct row rows_integer[] = {
    {"integer", work_integer},
    {"branches", work_branches},
    {"divisions", work_divisions},
    {"sieve", work_sieve},
    {"crc", work_crc},
    {"sort", work_sort},
    {NULL, NULL},
};
