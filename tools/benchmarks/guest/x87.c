/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of x87: extended precision, once by the four operations, once with square roots. */
#include "guest.h"

static uint64_t work_x87(void)
{
	uint64_t inside = 0;

	for (int row = 0; row < 200; row++) {
		for (int column = 0; column < 300; column++) {
			long double cx = column / 150.0L - 1.5L, cy = row / 100.0L - 1.0L, x = 0,
				    y = 0;
			int step = 0;

			for (; step < 80 && x * x + y * y < 4; step++) {
				long double next = x * x - y * y + cx;

				y = 2 * x * y + cy;
				x = next;
			}
			inside += (uint64_t)step;
		}
	}
	return inside;
}

static uint64_t work_x87_root(void)
{
	long double sum = 0;

	for (int i = 1; i < 3000000; i++) {
		long double root;

		__asm__("fsqrt" : "=t"(root) : "0"((long double)i));
		sum += 1 / root;
	}
	return (uint64_t)(sum * 1e9L);
}

const struct row rows_x87[] = {{"x87", work_x87}, {"x87-root", work_x87_root}, {NULL, NULL}};
