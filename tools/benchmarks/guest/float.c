/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of SSE and SSE2: scalar and packed floating point, packed integers. */
#include "guest.h"

#include <emmintrin.h>

static uint64_t bits(double x)
{
	union {
		double x;
		uint64_t bits;
	} u = {x};

	return u.bits;
}

/* Scalar doubles: the Mandelbrot set. */
static uint64_t work_sse_scalar(void)
{
	uint64_t inside = 0;

	for (int row = 0; row < 480; row++) {
		for (int column = 0; column < 640; column++) {
			double cx = column / 320.0 - 1.5, cy = row / 240.0 - 1.0, x = 0, y = 0;
			int step = 0;

			for (; step < 100 && x * x + y * y < 4; step++) {
				double next = x * x - y * y + cx;

				y = 2 * x * y + cy;
				x = next;
			}
			inside += (uint64_t)step;
		}
	}
	return inside;
}

/* Scalar doubles with square roots and divisions: bodies that attract each other. */
static uint64_t work_sse_bodies(void)
{
	enum { BODIES = 5 };
	double at[BODIES][3], speed[BODIES][3] = {0}, mass[BODIES];

	for (int i = 0; i < BODIES; i++) {
		mass[i] = 1.0 + i;
		for (int k = 0; k < 3; k++)
			at[i][k] = i * 1.7 + k * (i & 1 ? -2.3 : 1.1);
	}
	for (int step = 0; step < 120000; step++) {
		for (int i = 0; i < BODIES; i++) {
			for (int j = 0; j < BODIES; j++) {
				double d[3], square = 0.01, force;

				for (int k = 0; k < 3; k++) {
					d[k] = at[j][k] - at[i][k];
					square += d[k] * d[k];
				}
				force = mass[j] /
					(square * _mm_cvtsd_f64(_mm_sqrt_sd(_mm_setzero_pd(),
									    _mm_set_sd(square))));
				for (int k = 0; k < 3; k++)
					speed[i][k] += 0.001 * force * d[k];
			}
		}
		for (int i = 0; i < BODIES; i++)
			for (int k = 0; k < 3; k++)
				at[i][k] += 0.001 * speed[i][k];
	}
	return bits(at[0][0]) ^ bits(at[4][2]);
}

/* Packed floats: a product of matrices. */
static uint64_t work_sse_packed(void)
{
	enum { SIZE = 128, ROUNDS = 32 };
	float(*a)[SIZE] = (float(*)[SIZE])(void *)heap, (*b)[SIZE] = a + SIZE,
	(*c)[SIZE] = b + SIZE;
	uint64_t sum = 0;

	for (int i = 0; i < SIZE; i++) {
		for (int j = 0; j < SIZE; j++) {
			a[i][j] = (float)(i - j) / 64;
			b[i][j] = (float)(i * j % 31) / 8;
		}
	}
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < SIZE; i++) {
			for (int j = 0; j < SIZE; j += 4) {
				__m128 s = _mm_setzero_ps();

				for (int k = 0; k < SIZE; k++)
					s = _mm_add_ps(s, _mm_mul_ps(_mm_set1_ps(a[i][k]),
								     _mm_load_ps(&b[k][j])));
				_mm_store_ps(&c[i][j], s);
			}
		}
		a[round][round] += c[3][7] / 1024;
	}
	for (int i = 0; i < SIZE; i++)
		sum += bits((double)c[i][i]);
	return sum;
}

/* Packed integers: sums of absolute differences, saturation, shuffles, as video codecs do. */
static uint64_t work_sse_integer(void)
{
	__m128i sum = _mm_setzero_si128();
	uint64_t halves[2];

	for (int i = 0; i < 1 << 16; i++)
		heap[i] = (uint8_t)(i * 13 + (i >> 5));
	for (int round = 0; round < 6000; round++) {
		for (int i = 0; i < 1 << 15; i += 16) {
			__m128i x = _mm_load_si128((__m128i *)(void *)(heap + i));
			__m128i y =
			    _mm_loadu_si128((__m128i *)(void *)(heap + (1 << 15) + (i >> 1)));

			sum = _mm_add_epi64(sum, _mm_sad_epu8(x, y));
			x = _mm_unpacklo_epi8(_mm_adds_epu8(x, y), _mm_subs_epu8(x, y));
			sum = _mm_xor_si128(sum, _mm_madd_epi16(x, _mm_shuffle_epi32(y, 0x4e)));
		}
	}
	_mm_storeu_si128((__m128i *)(void *)halves, sum);
	return halves[0] ^ halves[1];
}

const struct row rows_float[] = {
    {"sse-scalar", work_sse_scalar},
    {"sse-bodies", work_sse_bodies},
    {"sse-packed", work_sse_packed},
    {"sse-integer", work_sse_integer},
    {NULL, NULL},
};
