/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operand values: the borders of integer types, every class of floating-point number, numbers
 * whose sums and quotients are near the borders of rounding, and plain random bits.
 */
#include "tests/oracle/values.h"

#include <string.h>

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* splitmix64: any state is good, so the state may be a hash. */
uint64_t random_next(struct random *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

struct random random_start(uint64_t seed, uint64_t number)
{
	struct random r = {seed};

	r.state = random_next(&r) ^ number;
	r.state = random_next(&r);
	return r;
}

uint64_t value_integer(struct random *r)
{
	static const uint64_t borders[] = {
	    0,
	    1,
	    2,
	    0x7f,
	    0x80,
	    0xff,
	    0x100,
	    0x7fff,
	    0x8000,
	    0xffff,
	    0x10000,
	    0x7fffffff,
	    0x80000000,
	    0xffffffff,
	    0x100000000,
	    0x7fffffffffffffff,
	    0x8000000000000000,
	    0xffffffffffffffff,
	    0xfffffffffffffffe,
	    0x5555555555555555,
	    0xaaaaaaaaaaaaaaaa,
	    0x8080808080808080,
	    0x7fff80007fff8000,
	};
	uint64_t value = random_next(r);

	switch (random_below(r, 8)) {
	case 0:
	case 1:
		return borders[random_below(r, LENGTH(borders))];
	case 2: /* small, of either sign */
		return (uint64_t)((int64_t)value >> 56);
	case 3:
		return value >> random_below(r, 64);
	case 4:
		return 1ull << (value & 63);
	case 5:
		return borders[random_below(r, LENGTH(borders))] + (uint64_t)(value % 5) - 2;
	default:
		return value;
	}
}

uint32_t value_f32(struct random *r)
{
	static const uint32_t special[] = {
	    0x00000000, 0x80000000, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000, 0x7fc00000,
	    0xffc00000, 0x7f800001, 0xffa00001, 0x00000001, 0x807fffff, 0x00800000, 0x7f7fffff,
	    0x3f000000, 0x40000000, 0x4f000000, 0xcf000000, 0x5f000000, 0xdf000000, 0x4effffff,
	};
	uint32_t value = (uint32_t)(random_next(r) >> 32);

	switch (random_below(r, 4)) {
	case 0:
		return special[random_below(r, LENGTH(special))];
	case 1: /* near 1, so that sums cancel */
		return (value & 0x807fffff) | (0x7au + random_below(r, 10)) << 23;
	case 2: /* few bits of significand: halfway cases */
		return (value & 0x80000000) | (0x60u + random_below(r, 64)) << 23 |
		       (value & 0x00700000) | random_below(r, 2);
	default:
		return value;
	}
}

uint64_t value_f64(struct random *r)
{
	static const uint64_t special[] = {
	    0x0000000000000000, 0x8000000000000000, 0x3ff0000000000000, 0xbff0000000000000,
	    0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000000, 0xfff8000000000000,
	    0x7ff0000000000001, 0xfff4000000000001, 0x0000000000000001, 0x800fffffffffffff,
	    0x0010000000000000, 0x7fefffffffffffff, 0x3fe0000000000000, 0x4000000000000000,
	    0x41e0000000000000, 0xc1e0000000000000, 0x43e0000000000000, 0xc3e0000000000000,
	    0x41dfffffffc00000, 0x47efffffffffffff, 0x36a0000000000000, 0x3810000000000000,
	};
	uint64_t value = random_next(r);

	switch (random_below(r, 5)) {
	case 0:
		return special[random_below(r, LENGTH(special))];
	case 1:
		return (value & 0x800fffffffffffff) | (0x3fbull + random_below(r, 10)) << 52;
	case 2: /* around what a float can hold */
		return (value & 0x800fffffe0000001) | (0x360ull + random_below(r, 0x130)) << 52;
	case 3:
		return (value & 0x8000000000000000) | (0x3f0ull + random_below(r, 80)) << 52 |
		       (value & 0x000e000000000000) | random_below(r, 2);
	default:
		return value;
	}
}

void value_f80(struct random *r, uint8_t *to)
{
	static const struct {
		uint16_t exponent;
		uint64_t mantissa;
	} special[] = {
	    {0x0000, 0},
	    {0x0000, 1},
	    {0x0000, 0x7fffffffffffffff},
	    {0x0000, 0x8000000000000000}, /* pseudo-denormal */
	    {0x0001, 0x8000000000000000},
	    {0x7ffe, 0xffffffffffffffff},
	    {0x7fff, 0x8000000000000000},
	    {0x7fff, 0xc000000000000000},
	    {0x7fff, 0xa000000000000001},
	    {0x7fff, 0},                  /* pseudo-infinity */
	    {0x7fff, 0x4000000000000001}, /* pseudo-NaN */
	    {0x4000, 0x4000000000000000}, /* unnormal */
	    {0x3fff, 0x8000000000000000},
	    {0x3ffe, 0x8000000000000000},
	    {0x4000, 0xc90fdaa22168c235},
	    {0x403e, 0x8000000000000000},
	    {0x401e, 0x8000000000000000},
	    {0x400e, 0x8000000000000000},
	    {0x3c01, 0x8000000000000000},
	    {0x3f81, 0x8000000000000000},
	};
	uint64_t mantissa = random_next(r);
	uint16_t exponent = (uint16_t)random_next(r);
	unsigned n;

	switch (random_below(r, 6)) {
	case 0:
	case 1:
		n = random_below(r, LENGTH(special));
		mantissa = special[n].mantissa;
		exponent = special[n].exponent | (exponent & 0x8000);
		break;
	case 2: /* near 1 */
		mantissa |= 1ull << 63;
		exponent = (uint16_t)((exponent & 0x8000) | (0x3ff8 + random_below(r, 16)));
		break;
	case 3: /* integers and halves */
		mantissa = (mantissa << (40 + random_below(r, 24))) | 1ull << 63;
		exponent = (uint16_t)((exponent & 0x8000) | (0x3ffe + random_below(r, 68)));
		break;
	case 4: /* where float and double overflow, underflow and round */
		mantissa = (mantissa & 0xffffff8000000c01) | 1ull << 63;
		exponent = (uint16_t)((exponent & 0x8000) |
				      (random_below(r, 2) ? 0x3f60 + random_below(r, 0x130)
							  : 0x3bc0 + random_below(r, 0x840)));
		break;
	default:
		if (random_below(r, 4))
			mantissa |= 1ull << 63;
		break;
	}
	memcpy(to, &mantissa, 8);
	memcpy(to + 8, &exponent, 2);
}

void value_xmm(struct random *r, uint8_t *to)
{
	unsigned kind = random_below(r, 6), n;

	for (n = 0; n < 2; n++) {
		uint64_t value = 0;

		switch (kind) {
		case 0:
		case 1:
			value = value_f32(r) | (uint64_t)value_f32(r) << 32;
			break;
		case 2:
		case 3:
			value = value_f64(r);
			break;
		case 4:
			value = value_integer(r);
			break;
		default: /* text with ends in it: strings, and lanes that are often equal */
			for (unsigned k = 0; k < 64; k += 8)
				value |= (uint64_t) "\0aabcz\xff\x80"[random_below(r, 8)] % 256
					 << k;
			break;
		}
		memcpy(to + 8 * n, &value, 8);
	}
}
