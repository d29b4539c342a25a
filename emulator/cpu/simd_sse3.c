/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SSE3 and SSSE3: horizontal and alternating arithmetic, duplicating moves, byte shuffles.
 * Offered by model x86-64-v2 only. Intel SDM vol. 2, the instruction's page.
 */
#include "emulator/cpu/simd.h"

/* ---- SSE3, floating point ---- */

/* ADDSUBPS, ADDSUBPD: subtracts in even lanes and adds in odd ones. */
#define ADDSUB(name, lane, float, lanes)                                                           \
	static void name(struct vcpu *v, const struct insn *i)                                     \
	{                                                                                          \
		union xmm d = *xmm_reg(v, i->reg), s;                                              \
		struct float_env e;                                                                \
                                                                                                   \
		fpu_check_sse(v);                                                                  \
		s = xmm_read(v, i);                                                                \
		e = sse_env(v);                                                                    \
		for (unsigned n = 0; n < (lanes); n++)                                             \
			d.lane[n] = n & 1 ? float##_add(&e, d.lane[n], s.lane[n])                  \
					  : float##_sub(&e, d.lane[n], s.lane[n]);                 \
		sse_finish(v, &e);                                                                 \
		*xmm_reg(v, i->reg) = d;                                                           \
	}
ADDSUB(addsubps, u32, f32, 4)
ADDSUB(addsubpd, u64, f64, 2)

/* Neighbours: those of the destination make the lower half, the source's the upper half. */
#define HORIZONTAL(name, lane, lanes, op)                                                          \
	static void name(struct vcpu *v, const struct insn *i)                                     \
	{                                                                                          \
		const union xmm a = *xmm_reg(v, i->reg);                                           \
		union xmm d, s;                                                                    \
		struct float_env e;                                                                \
                                                                                                   \
		fpu_check_sse(v);                                                                  \
		s = xmm_read(v, i);                                                                \
		e = sse_env(v);                                                                    \
		for (unsigned n = 0; n < (lanes) / 2; n++) {                                       \
			d.lane[n] = op(&e, a.lane[2 * n], a.lane[2 * n + 1]);                      \
			d.lane[(lanes) / 2 + n] = op(&e, s.lane[2 * n], s.lane[2 * n + 1]);        \
		}                                                                                  \
		sse_finish(v, &e);                                                                 \
		*xmm_reg(v, i->reg) = d;                                                           \
	}
HORIZONTAL(haddps, u32, 4, f32_add)
HORIZONTAL(haddpd, u64, 2, f64_add)
HORIZONTAL(hsubps, u32, 4, f32_sub)
HORIZONTAL(hsubpd, u64, 2, f64_sub)

/* ---- SSE3, moves ---- */

static void movsldup(struct vcpu *v, const struct insn *i)
{
	union xmm s;

	fpu_check_sse(v);
	s = xmm_read(v, i);
	*xmm_reg(v, i->reg) = (union xmm){.u32 = {s.u32[0], s.u32[0], s.u32[2], s.u32[2]}};
}

static void movshdup(struct vcpu *v, const struct insn *i)
{
	union xmm s;

	fpu_check_sse(v);
	s = xmm_read(v, i);
	*xmm_reg(v, i->reg) = (union xmm){.u32 = {s.u32[1], s.u32[1], s.u32[3], s.u32[3]}};
}

static void movddup(struct vcpu *v, const struct insn *i)
{
	uint64_t s;

	fpu_check_sse(v);
	s = xmm_read64(v, i);
	*xmm_reg(v, i->reg) = (union xmm){.u64 = {s, s}};
}

static void lddqu(struct vcpu *v, const struct insn *i)
{
	fpu_check_sse(v);
	*xmm_reg(v, i->reg) = xmm_read_unaligned(v, i);
}

/* ---- SSSE3 ---- */

/* Each byte of the source chooses a byte of the destination, or zero by its top bit. */
SIMD_INLINE void pshufb(union xmm *d, const union xmm *s, unsigned bytes)
{
	const union xmm a = *d;

	for (unsigned n = 0; n < bytes; n++)
		d->u8[n] = s->u8[n] & 0x80 ? 0 : a.u8[s->u8[n] & (bytes - 1)];
}
MMX_FORM(pshufb)
XMM_FORM(pshufb)

#define PAIRWISE(name, lane, type, expr)                                                           \
	SIMD_INLINE void name(union xmm *d, const union xmm *s, unsigned bytes)                    \
	{                                                                                          \
		const unsigned half = bytes / sizeof(type) / 2;                                    \
		const union xmm from = *d;                                                         \
                                                                                                   \
		for (unsigned n = 0; n < 2 * half; n++) {                                          \
			const union xmm *x = n < half ? &from : s;                                 \
			type a = (type)x->lane[2 * (n % half)];                                    \
			type b = (type)x->lane[2 * (n % half) + 1];                                \
                                                                                                   \
			d->lane[n] = (expr);                                                       \
		}                                                                                  \
	}                                                                                          \
	MMX_FORM(name)                                                                             \
	XMM_FORM(name)
PAIRWISE(phaddw, u16, uint16_t, a + b)
PAIRWISE(phaddd, u32, uint32_t, a + b)
PAIRWISE(phaddsw, u16, int16_t, SATURATE_I16(a + b))
PAIRWISE(phsubw, u16, uint16_t, a - b)
PAIRWISE(phsubd, u32, uint32_t, a - b)
PAIRWISE(phsubsw, u16, int16_t, SATURATE_I16(a - b))

/* Unsigned bytes of the destination times signed bytes of the source. */
SIMD_INLINE void pmaddubsw(union xmm *d, const union xmm *s, unsigned bytes)
{
	for (unsigned n = 0; n < bytes / 2; n++)
		d->u16[n] = SATURATE_I16(d->u8[2 * n] * (int8_t)s->u8[2 * n] +
					 d->u8[2 * n + 1] * (int8_t)s->u8[2 * n + 1]);
}
MMX_FORM(pmaddubsw)
XMM_FORM(pmaddubsw)

/* Unsigned lanes, so that negating the most negative value gives it again. */
LANES(psignb, u8, uint8_t, b & 0x80 ? -a : b ? a : 0)
LANES(psignw, u16, uint16_t, b & 0x8000 ? -a : b ? a : 0)
LANES(psignd, u32, uint32_t, b & 0x80000000 ? -a : b ? a : 0)
LANES(pabsb, u8, uint8_t, b & 0x80 ? -b : b)
LANES(pabsw, u16, uint16_t, b & 0x8000 ? -b : b)
LANES(pabsd, u32, uint32_t, b & 0x80000000 ? -b : b)
LANES(pmulhrsw, u16, int16_t, (((a * b) >> 14) + 1) >> 1)

/* Bytes `from` onwards of the source followed by the destination. */
static void align_right(union xmm *d, const union xmm *s, unsigned bytes, unsigned from)
{
	const union xmm a = *d;

	for (unsigned n = 0; n < bytes; n++) {
		unsigned at = from + n;

		d->u8[n] = at < bytes ? s->u8[at] : at < 2 * bytes ? a.u8[at - bytes] : 0;
	}
}

static void palignr_mm(struct vcpu *v, const struct insn *i)
{
	union xmm d = {.u64 = {mmx_get(v, i->reg)}}, s = {.u64 = {0}};

	fpu_check_mmx(v);
	s.u64[0] = mmx_read(v, i);
	fpu_enter_mmx(v);
	align_right(&d, &s, 8, (uint8_t)i->immediate);
	mmx_set(v, i->reg, d.u64[0]);
}

static void palignr_xmm(struct vcpu *v, const struct insn *i)
{
	union xmm s;

	fpu_check_sse(v);
	s = xmm_read(v, i);
	align_right(xmm_reg(v, i->reg), &s, 16, (uint8_t)i->immediate);
}

#define BOTH(name)                                                                                 \
	{                                                                                          \
		name##_mm, name##_xmm                                                              \
	}

static const struct simd_row rows[] = {
    /* opcode, flags, { none, 66, F3, F2 } */
    {0x0f12, 0, {NULL, NULL, movsldup, movddup}},
    {0x0f16, 0, {NULL, NULL, movshdup}},
    {0x0f7c, 0, {NULL, haddpd, NULL, haddps}},
    {0x0f7d, 0, {NULL, hsubpd, NULL, hsubps}},
    {0x0fd0, 0, {NULL, addsubpd, NULL, addsubps}},
    {0x0ff0, SIMD_MEM, {NULL, NULL, NULL, lddqu}},
    {0x3800, 0, BOTH(pshufb)},
    {0x3801, 0, BOTH(phaddw)},
    {0x3802, 0, BOTH(phaddd)},
    {0x3803, 0, BOTH(phaddsw)},
    {0x3804, 0, BOTH(pmaddubsw)},
    {0x3805, 0, BOTH(phsubw)},
    {0x3806, 0, BOTH(phsubd)},
    {0x3807, 0, BOTH(phsubsw)},
    {0x3808, 0, BOTH(psignb)},
    {0x3809, 0, BOTH(psignw)},
    {0x380a, 0, BOTH(psignd)},
    {0x380b, 0, BOTH(pmulhrsw)},
    {0x381c, 0, BOTH(pabsb)},
    {0x381d, 0, BOTH(pabsw)},
    {0x381e, 0, BOTH(pabsd)},
    {0x3a0f, 0, BOTH(palignr)},
};

const struct simd_table simd_sse3_table = {rows, sizeof(rows) / sizeof(rows[0]), true};
