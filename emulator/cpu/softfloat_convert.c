/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conversions between the formats, to and from integers and packed BCD, and rounding to an
 * integral value. Conversions to integers, SSE4.1's ROUND and x87 stores never report a denormal
 * operand (Intel SDM vol. 2, exceptions of CVTxx, ROUNDxx, FLD, FST, FIST, FRNDINT).
 */
#include "emulator/cpu/softfloat_impl.h"

static void note_denormal(struct float_env *e, struct unpacked a)
{
	if (a.denormal)
		e->flags |= FLOAT_DENORMAL;
}

/* ---- to another format ---- */

static struct unpacked convert(struct float_env *e, const struct float_format *f, struct unpacked a)
{
	if (a.kind >= KIND_QNAN)
		return float_propagate1(e, a);
	if (a.kind != KIND_FINITE)
		return a;
	return float_round_result(e, f, a.sign, a.exponent, (u128)a.significand << 64);
}

static struct unpacked convert_noting(struct float_env *e, const struct float_format *f,
				      struct unpacked a)
{
	note_denormal(e, a);
	return convert(e, f, a);
}

uint64_t f32_to_f64(struct float_env *e, uint32_t a)
{
	return f64_pack(convert_noting(e, &float_format64, f32_unpack(e, a)));
}

uint32_t f64_to_f32(struct float_env *e, uint64_t a)
{
	return f32_pack(convert_noting(e, &float_format32, f64_unpack(e, a)));
}

struct f80 f32_to_f80(struct float_env *e, uint32_t a)
{
	return f80_pack(convert_noting(e, &float_format80, f32_unpack(e, a)));
}

struct f80 f64_to_f80(struct float_env *e, uint64_t a)
{
	return f80_pack(convert_noting(e, &float_format80, f64_unpack(e, a)));
}

uint32_t f80_to_f32(struct float_env *e, struct f80 a)
{
	return f32_pack(convert(e, &float_format32, f80_unpack(a)));
}

uint64_t f80_to_f64(struct float_env *e, struct f80 a)
{
	return f64_pack(convert(e, &float_format64, f80_unpack(a)));
}

struct f80 f32_widen(uint32_t a, bool *denormal)
{
	const struct float_env plain = {0};
	struct unpacked u = f32_unpack(&plain, a);

	*denormal = u.denormal;
	return f80_pack(u);
}

struct f80 f64_widen(uint64_t a, bool *denormal)
{
	const struct float_env plain = {0};
	struct unpacked u = f64_unpack(&plain, a);

	*denormal = u.denormal;
	return f80_pack(u);
}

/* ---- to an integral value ---- */

static struct unpacked round_integral(struct float_env *e, struct unpacked a)
{
	bool inexact, up, carry;
	uint64_t value;
	int shift;

	if (a.kind >= KIND_QNAN)
		return float_propagate1(e, a);
	if (a.kind != KIND_FINITE || a.exponent >= 63)
		return a;
	value = float_round_integer(e, a, &inexact, &up, &carry);
	if (inexact)
		e->flags |= FLOAT_INEXACT;
	e->rounded_up = up;
	if (!value) /* below 2^63, so there is no carry */
		return unpacked_zero(a.sign);
	shift = __builtin_clzll(value);
	a.exponent = 63 - shift;
	a.significand = value << shift;
	return a;
}

uint32_t f32_round(struct float_env *e, uint32_t a)
{
	return f32_pack(round_integral(e, f32_unpack(e, a)));
}

uint64_t f64_round(struct float_env *e, uint64_t a)
{
	return f64_pack(round_integral(e, f64_unpack(e, a)));
}

struct f80 f80_round(struct float_env *e, struct f80 a)
{
	struct unpacked u = f80_unpack(a);

	note_denormal(e, u);
	return f80_pack(round_integral(e, u));
}

/* ---- to integers ---- */

/* Invalid gives -2^(bits-1), the integer indefinite. */
static int64_t to_integer(struct float_env *e, struct unpacked a, unsigned bits)
{
	uint64_t limit = 1ull << (bits - 1), value;
	bool inexact, up, carry;

	if (a.kind == KIND_ZERO)
		return 0;
	if (a.kind != KIND_FINITE || a.exponent > 63)
		goto invalid;
	value = float_round_integer(e, a, &inexact, &up, &carry);
	if (carry || value > limit || (value == limit && !a.sign))
		goto invalid;
	if (inexact)
		e->flags |= FLOAT_INEXACT;
	e->rounded_up = up;
	return (int64_t)(a.sign ? 0 - value : value);
invalid:
	e->flags |= FLOAT_INVALID;
	return (int64_t)(0 - limit);
}

int32_t f32_to_i32(struct float_env *e, uint32_t a)
{
	return (int32_t)to_integer(e, f32_unpack(e, a), 32);
}

int64_t f32_to_i64(struct float_env *e, uint32_t a)
{
	return to_integer(e, f32_unpack(e, a), 64);
}

int32_t f64_to_i32(struct float_env *e, uint64_t a)
{
	return (int32_t)to_integer(e, f64_unpack(e, a), 32);
}

int64_t f64_to_i64(struct float_env *e, uint64_t a)
{
	return to_integer(e, f64_unpack(e, a), 64);
}

int16_t f80_to_i16(struct float_env *e, struct f80 a)
{
	return (int16_t)to_integer(e, f80_unpack(a), 16);
}

int32_t f80_to_i32(struct float_env *e, struct f80 a)
{
	return (int32_t)to_integer(e, f80_unpack(a), 32);
}

int64_t f80_to_i64(struct float_env *e, struct f80 a)
{
	return to_integer(e, f80_unpack(a), 64);
}

/* ---- from integers ---- */

static struct unpacked from_integer(struct float_env *e, const struct float_format *f, int64_t a)
{
	uint64_t magnitude = a < 0 ? 0 - (uint64_t)a : (uint64_t)a;

	if (!a)
		return unpacked_zero(false);
	return float_round_result(e, f, a < 0, 63, (u128)magnitude << 64);
}

#define FROM_INTEGERS(type, bits)                                                                  \
	type f##bits##_from_i32(struct float_env *e, int32_t a)                                    \
	{                                                                                          \
		return f##bits##_pack(from_integer(e, &float_format##bits, a));                    \
	}                                                                                          \
	type f##bits##_from_i64(struct float_env *e, int64_t a)                                    \
	{                                                                                          \
		return f##bits##_pack(from_integer(e, &float_format##bits, a));                    \
	}

FROM_INTEGERS(uint32_t, 32)
FROM_INTEGERS(uint64_t, 64)
FROM_INTEGERS(struct f80, 80)

/* ---- packed BCD: 18 digits in 9 bytes, then the sign in bit 7 (SDM vol. 1 4.7) ---- */

struct f80 f80_from_bcd(const uint8_t bcd[10])
{
	struct float_env exact = {.precision = 64};
	uint64_t value = 0;
	struct f80 a;

	for (unsigned n = 9; n-- > 0;)
		value = value * 100 + (bcd[n] >> 4) * 10u + (bcd[n] & 15);
	a = f80_from_i64(&exact, (int64_t)value);
	if (bcd[9] & 0x80)
		a.sign_exponent |= 0x8000;
	return a;
}

void f80_to_bcd(struct float_env *e, struct f80 a, uint8_t bcd[10])
{
	static const uint8_t indefinite[10] = {0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0xff};
	const uint64_t limit = 999999999999999999;
	struct unpacked u = f80_unpack(a);
	bool inexact = false, up = false, carry;
	uint64_t value = 0;

	if (u.kind == KIND_FINITE && u.exponent < 63)
		value = float_round_integer(e, u, &inexact, &up, &carry);
	else if (u.kind != KIND_ZERO)
		value = limit + 1;
	if (value > limit) {
		e->flags |= FLOAT_INVALID;
		for (unsigned n = 0; n < 10; n++)
			bcd[n] = indefinite[n];
		return;
	}
	if (inexact)
		e->flags |= FLOAT_INEXACT;
	e->rounded_up = up;
	for (unsigned n = 0; n < 9; n++) {
		bcd[n] = (uint8_t)(value % 10 | value / 10 % 10 << 4);
		value /= 100;
	}
	bcd[9] = u.sign ? 0x80 : 0;
}
