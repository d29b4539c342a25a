/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operands for floating point tests: a fixed pseudo-random sequence in which the interesting
 * ones (zeros, denormals, limits, infinities, NaNs, few significant bits, neighbours of powers of
 * two) are as frequent as arbitrary bit patterns.
 */
#ifndef VCR_TESTS_FLOAT_CASES_H
#define VCR_TESTS_FLOAT_CASES_H

#include <stdint.h>

#include "emulator/cpu/softfloat.h"

static uint64_t case_state = 0x9e3779b97f4a7c15;

/* xorshift64* */
static inline uint64_t case_random(void)
{
	case_state ^= case_state >> 12;
	case_state ^= case_state << 25;
	case_state ^= case_state >> 27;
	return case_state * 0x2545f4914f6cdd1d;
}

static inline unsigned case_below(unsigned n)
{
	return (unsigned)((case_random() >> 32) % n);
}

/* A fraction of `bits` bits: few ones, few zeros, a single bit, or anything. */
static inline uint64_t case_fraction(unsigned bits)
{
	uint64_t mask = ~0ull >> (64 - bits);

	switch (case_below(6)) {
	case 0:
		return 0;
	case 1:
		return mask;
	case 2:
		return 1ull << case_below(bits);
	case 3:
		return (case_random() << case_below(bits)) & mask;
	case 4:
		return mask - case_below(4);
	default:
		return case_random() & mask;
	}
}

/* An exponent field whose largest value is `top`. */
static inline unsigned case_exponent(unsigned top)
{
	unsigned bias = top >> 1;

	switch (case_below(8)) {
	case 0:
		return 0;
	case 1:
		return top;
	case 2:
		return 1 + case_below(3);
	case 3:
		return top - 1 - case_below(3);
	case 4:
		return bias - 34 + case_below(68);
	case 5:
		return bias - 3 + case_below(6);
	case 6: /* products of these are near the limits */
		return (case_below(2) ? bias / 2 : bias + bias / 2) - 34 + case_below(68);
	default:
		return case_below(top + 1);
	}
}

static inline uint32_t case_f32(void)
{
	uint32_t sign = (uint32_t)case_below(2) << 31;

	return sign | case_exponent(0xff) << 23 | (uint32_t)case_fraction(23);
}

static inline uint64_t case_f64(void)
{
	uint64_t sign = (uint64_t)case_below(2) << 63;

	return sign | (uint64_t)case_exponent(0x7ff) << 52 | case_fraction(52);
}

/* One in 16 has the integer bit wrong for its exponent: pseudo-denormals, unnormals and so on. */
static inline struct f80 case_f80(void)
{
	unsigned exponent = case_exponent(0x7fff);
	uint64_t integer = (exponent != 0) ^ (case_below(16) == 0);

	return (struct f80){
	    .mantissa = integer << 63 | case_fraction(63),
	    .sign_exponent = (uint16_t)(case_below(2) << 15 | exponent),
	};
}

/* A second operand: often near the first, so that differences cancel. */
static inline uint32_t case_f32_near(uint32_t a)
{
	return case_below(4) ? case_f32() : (a + case_below(9) - 4) ^ case_below(2) << 31;
}

static inline uint64_t case_f64_near(uint64_t a)
{
	return case_below(4) ? case_f64() : (a + case_below(9) - 4) ^ (uint64_t)case_below(2) << 63;
}

static inline struct f80 case_f80_near(struct f80 a)
{
	if (case_below(4))
		return case_f80();
	a.mantissa += case_below(9) - 4;
	a.sign_exponent ^= (uint16_t)(case_below(2) << 15);
	if (case_below(2))
		a.sign_exponent ^= (uint16_t)case_below(4);
	return a;
}

/* How many representable numbers apart two finite numbers of the same sign are; else many. */
static inline uint64_t case_f80_distance(struct f80 a, struct f80 b)
{
	int exponents = (a.sign_exponent & 0x7fff) - (b.sign_exponent & 0x7fff);
	unsigned __int128 x, y, distance;

	if ((a.sign_exponent ^ b.sign_exponent) >> 15 || exponents > 1 || exponents < -1)
		return UINT64_MAX;
	/* A denormal's exponent field counts like that of the smallest normal numbers. */
	x = ((unsigned __int128)(a.sign_exponent & 0x7fff) << 63) + (a.mantissa << 1 >> 1);
	y = ((unsigned __int128)(b.sign_exponent & 0x7fff) << 63) + (b.mantissa << 1 >> 1);
	distance = x > y ? x - y : y - x;
	return distance >> 64 ? UINT64_MAX : (uint64_t)distance;
}

#if defined(__x86_64__)
#include <cpuid.h>
#include <string.h>

/*
 * What the manuals leave open, and some of what they say, differs between makers; the x87 tests
 * against the host were made on AMD processors and ask for less elsewhere.
 */
static inline bool host_is_amd(void)
{
	unsigned a, b, c, d;
	char vendor[12];

	if (!__get_cpuid(0, &a, &b, &c, &d))
		return false;
	memcpy(vendor, &b, 4);
	memcpy(vendor + 4, &d, 4);
	memcpy(vendor + 8, &c, 4);
	return !memcmp(vendor, "AuthenticAMD", 12) || !memcmp(vendor, "HygonGenuine", 12);
}
#endif

#endif
