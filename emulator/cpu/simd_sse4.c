/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SSE4.1, and PCMPGTQ of SSE4.2: blends, extensions, insertions and extractions, dot products,
 * rounding. Offered by model x86-64-v2 only; the string instructions are in simd_string.c.
 * Intel SDM vol. 2, the instruction's page.
 */
#include "emulator/cpu/flags.h"
#include "emulator/cpu/simd.h"

/* ---- lane by lane ---- */

LANES_XMM(pminsb, u8, int8_t, a < b ? a : b)
LANES_XMM(pmaxsb, u8, int8_t, a > b ? a : b)
LANES_XMM(pminuw, u16, uint16_t, a < b ? a : b)
LANES_XMM(pmaxuw, u16, uint16_t, a > b ? a : b)
LANES_XMM(pminsd, u32, int32_t, a < b ? a : b)
LANES_XMM(pmaxsd, u32, int32_t, a > b ? a : b)
LANES_XMM(pminud, u32, uint32_t, a < b ? a : b)
LANES_XMM(pmaxud, u32, uint32_t, a > b ? a : b)
LANES_XMM(pcmpeqq, u64, uint64_t, a == b ? UINT64_MAX : 0)
LANES_XMM(pcmpgtq, u64, int64_t, a > b ? UINT64_MAX : 0)
LANES_XMM(pmulld, u32, uint32_t, (a * b))
/* Signed product of the lower halves of 64-bit lanes. */
LANES_XMM(pmuldq, u64, int64_t, ((int64_t)(int32_t)a * (int32_t)b))

SIMD_INLINE void packusdw(union xmm *d, const union xmm *s, unsigned bytes)
{
	const union xmm a = *d;

	for (unsigned n = 0; n < bytes / 4; n++) {
		d->u16[n] = SATURATE_U16((int32_t)a.u32[n]);
		d->u16[bytes / 4 + n] = SATURATE_U16((int32_t)s->u32[n]);
	}
}
XMM_FORM(packusdw)

/* The smallest word and, in the next lane, the lowest index at which it stands. */
SIMD_INLINE void phminposuw(union xmm *d, const union xmm *s, unsigned bytes)
{
	uint16_t at = 0;

	for (uint16_t n = 1; n < bytes / 2; n++)
		if (s->u16[n] < s->u16[at])
			at = n;
	*d = (union xmm){.u16 = {s->u16[at], at}};
}
XMM_FORM(phminposuw)

/* Extends as many low lanes of an xmm/m64, /m32 or /m16 as fill the register. */
#define EXTEND(name, bits, type, to)                                                               \
	static void name(struct vcpu *v, const struct insn *i)                                     \
	{                                                                                          \
		union xmm d;                                                                       \
		type s[16 / sizeof(d.to[0])];                                                      \
		uint64_t low;                                                                      \
                                                                                                   \
		fpu_check_sse(v);                                                                  \
		low = i->is_reg ? xmm_reg(v, i->rm)->u64[0]                                        \
				: mem_read##bits(v, i->seg, insn_address(v, i));                   \
		memcpy(s, &low, sizeof(s));                                                        \
		for (unsigned n = 0; n < sizeof(s) / sizeof(s[0]); n++)                            \
			d.to[n] = s[n];                                                            \
		*xmm_reg(v, i->reg) = d;                                                           \
	}
EXTEND(pmovsxbw, 64, int8_t, u16)
EXTEND(pmovsxbd, 32, int8_t, u32)
EXTEND(pmovsxbq, 16, int8_t, u64)
EXTEND(pmovsxwd, 64, int16_t, u32)
EXTEND(pmovsxwq, 32, int16_t, u64)
EXTEND(pmovsxdq, 64, int32_t, u64)
EXTEND(pmovzxbw, 64, uint8_t, u16)
EXTEND(pmovzxbd, 32, uint8_t, u32)
EXTEND(pmovzxbq, 16, uint8_t, u64)
EXTEND(pmovzxwd, 64, uint16_t, u32)
EXTEND(pmovzxwq, 32, uint16_t, u64)
EXTEND(pmovzxdq, 64, uint32_t, u64)

/* ---- blends: lane n is the source's where `chosen` ---- */

#define BLEND(name, lane, chosen)                                                                  \
	static void name(struct vcpu *v, const struct insn *i)                                     \
	{                                                                                          \
		const union xmm mask = *xmm_reg(v, 0); /* implicit operand */                      \
		union xmm *d = xmm_reg(v, i->reg), s;                                              \
                                                                                                   \
		(void)mask;                                                                        \
		fpu_check_sse(v);                                                                  \
		s = xmm_read(v, i);                                                                \
		for (unsigned n = 0; n < sizeof(s) / sizeof(s.lane[0]); n++)                       \
			if (chosen)                                                                \
				d->lane[n] = s.lane[n];                                            \
	}
BLEND(pblendvb, u8, mask.u8[n] >> 7)
BLEND(blendvps, u32, mask.u32[n] >> 31)
BLEND(blendvpd, u64, mask.u64[n] >> 63)
BLEND(pblendw, u16, i->immediate >> n & 1)
BLEND(blendps, u32, i->immediate >> n & 1)
BLEND(blendpd, u64, i->immediate >> n & 1)

/* ---- insertions and extractions ---- */

#define INSERT(name, bits, lanes)                                                                  \
	static void name(struct vcpu *v, const struct insn *i)                                     \
	{                                                                                          \
		uint##bits##_t value;                                                              \
                                                                                                   \
		fpu_check_sse(v);                                                                  \
		value = i->is_reg ? (uint##bits##_t)v->c->reg[i->rm]                               \
				  : mem_read##bits(v, i->seg, insn_address(v, i));                 \
		xmm_reg(v, i->reg)->u##bits[i->immediate & ((lanes)-1)] = value;                   \
	}
INSERT(pinsrb, 8, 16)
INSERT(insert32, 32, 4)
INSERT(insert64, 64, 2)

static void pinsrd(struct vcpu *v, const struct insn *i)
{
	if (i->rex_w)
		insert64(v, i);
	else
		insert32(v, i);
}

/* To a general register zero-extended, whatever REX.W says. */
#define EXTRACT(name, bits, lanes)                                                                 \
	static void name(struct vcpu *v, const struct insn *i)                                     \
	{                                                                                          \
		uint##bits##_t value = xmm_reg(v, i->reg)->u##bits[i->immediate & ((lanes)-1)];    \
                                                                                                   \
		fpu_check_sse(v);                                                                  \
		if (i->is_reg)                                                                     \
			v->c->reg[i->rm] = value;                                                  \
		else                                                                               \
			mem_write##bits(v, i->seg, insn_address(v, i), value);                     \
	}
EXTRACT(pextrb, 8, 16)
EXTRACT(pextrw, 16, 8)
EXTRACT(extractps, 32, 4)
EXTRACT(extract64, 64, 2)

static void pextrd(struct vcpu *v, const struct insn *i)
{
	if (i->rex_w)
		extract64(v, i);
	else
		extractps(v, i);
}

/* Immediate: source lane (of a register) in bits 7..6, destination lane 5..4, lanes to clear. */
static void insertps(struct vcpu *v, const struct insn *i)
{
	union xmm *d = xmm_reg(v, i->reg);
	uint32_t value;

	fpu_check_sse(v);
	if (i->is_reg)
		value = xmm_reg(v, i->rm)->u32[i->immediate >> 6 & 3];
	else
		value = mem_read32(v, i->seg, insn_address(v, i));
	d->u32[i->immediate >> 4 & 3] = value;
	for (unsigned n = 0; n < 4; n++)
		if (i->immediate >> n & 1)
			d->u32[n] = 0;
}

/* MOVNTDQA: the hint has no effect. */
static void movntdqa(struct vcpu *v, const struct insn *i)
{
	fpu_check_sse(v);
	*xmm_reg(v, i->reg) = xmm_read(v, i);
}

/* ---- tests and sums ---- */

static void ptest(struct vcpu *v, const struct insn *i)
{
	const union xmm *d = xmm_reg(v, i->reg);
	bool zero, carry;
	union xmm s;

	fpu_check_sse(v);
	s = xmm_read(v, i);
	zero = !((s.u64[0] & d->u64[0]) | (s.u64[1] & d->u64[1]));
	carry = !((s.u64[0] & ~d->u64[0]) | (s.u64[1] & ~d->u64[1]));
	flags_set_status(v->c, (zero ? FLAG_ZF : 0) | (carry ? FLAG_CF : 0));
}

/*
 * Eight sums of absolute differences of four bytes: a sliding window of the destination, from
 * byte 0 or 4, against one block of the source.
 */
static void mpsadbw(struct vcpu *v, const struct insn *i)
{
	unsigned window = (i->immediate >> 2 & 1) * 4, block = (i->immediate & 3) * 4;
	union xmm s, a, d;

	fpu_check_sse(v);
	s = xmm_read(v, i);
	a = *xmm_reg(v, i->reg);
	for (unsigned n = 0; n < 8; n++) {
		int sum = 0;

		for (unsigned k = 0; k < 4; k++) {
			int difference = a.u8[window + n + k] - s.u8[block + k];

			sum += difference < 0 ? -difference : difference;
		}
		d.u16[n] = (uint16_t)sum;
	}
	*xmm_reg(v, i->reg) = d;
}

/* ---- floating point ---- */

/*
 * Dot products: bits 7..4 of the immediate choose the lanes to multiply, 3..0 those that get
 * the sum. Each step's exceptions are raised before the next step begins.
 */
static void dpps(struct vcpu *v, const struct insn *i)
{
	union xmm s, a, d = {.u64 = {0}};
	struct float_env e;
	uint32_t low, high;

	fpu_check_sse(v);
	s = xmm_read(v, i);
	a = *xmm_reg(v, i->reg);
	e = sse_env(v);
	for (unsigned n = 0; n < 4; n++)
		a.u32[n] = i->immediate >> (4 + n) & 1 ? f32_mul(&e, a.u32[n], s.u32[n]) : 0;
	sse_finish(v, &e);
	low = f32_add(&e, a.u32[0], a.u32[1]);
	high = f32_add(&e, a.u32[2], a.u32[3]);
	sse_finish(v, &e);
	low = f32_add(&e, low, high);
	sse_finish(v, &e);
	for (unsigned n = 0; n < 4; n++)
		d.u32[n] = i->immediate >> n & 1 ? low : 0;
	*xmm_reg(v, i->reg) = d;
}

static void dppd(struct vcpu *v, const struct insn *i)
{
	union xmm s, a, d = {.u64 = {0}};
	struct float_env e;
	uint64_t sum;

	fpu_check_sse(v);
	s = xmm_read(v, i);
	a = *xmm_reg(v, i->reg);
	e = sse_env(v);
	for (unsigned n = 0; n < 2; n++)
		a.u64[n] = i->immediate >> (4 + n) & 1 ? f64_mul(&e, a.u64[n], s.u64[n]) : 0;
	sse_finish(v, &e);
	sum = f64_add(&e, a.u64[0], a.u64[1]);
	sse_finish(v, &e);
	for (unsigned n = 0; n < 2; n++)
		d.u64[n] = i->immediate >> n & 1 ? sum : 0;
	*xmm_reg(v, i->reg) = d;
}

/*
 * ROUNDPS and the like. Immediate: rounding in bits 1..0, or MXCSR's with bit 2; bit 3 keeps
 * inexact from being reported.
 */
static struct float_env round_env(struct vcpu *v, const struct insn *i)
{
	struct float_env e = sse_env(v);

	if (!(i->immediate & 4))
		e.rounding = i->immediate & 3;
	return e;
}

static void round_finish(struct vcpu *v, const struct insn *i, struct float_env *e)
{
	if (i->immediate & 8)
		e->flags &= ~FLOAT_INEXACT;
	sse_finish(v, e);
}

#define ROUND(name, read, lane, lanes, function)                                                   \
	static void name(struct vcpu *v, const struct insn *i)                                     \
	{                                                                                          \
		union xmm d = *xmm_reg(v, i->reg), s;                                              \
		struct float_env e;                                                                \
                                                                                                   \
		fpu_check_sse(v);                                                                  \
		s = read(v, i);                                                                    \
		e = round_env(v, i);                                                               \
		for (unsigned n = 0; n < (lanes); n++)                                             \
			d.lane[n] = function(&e, s.lane[n]);                                       \
		round_finish(v, i, &e);                                                            \
		*xmm_reg(v, i->reg) = d;                                                           \
	}

static union xmm read_single(struct vcpu *v, const struct insn *i)
{
	return (union xmm){.u32 = {xmm_read32(v, i)}};
}

static union xmm read_double(struct vcpu *v, const struct insn *i)
{
	return (union xmm){.u64 = {xmm_read64(v, i)}};
}

ROUND(roundps, xmm_read, u32, 4, f32_round)
ROUND(roundpd, xmm_read, u64, 2, f64_round)
ROUND(roundss, read_single, u32, 1, f32_round)
ROUND(roundsd, read_double, u64, 1, f64_round)

#define ONLY_66(handler)                                                                           \
	{                                                                                          \
		NULL, handler                                                                      \
	}

static const struct simd_row rows[] = {
    /* opcode, flags, { none, 66 } */
    {0x3810, 0, ONLY_66(pblendvb)},
    {0x3814, 0, ONLY_66(blendvps)},
    {0x3815, 0, ONLY_66(blendvpd)},
    {0x3817, 0, ONLY_66(ptest)},
    {0x3820, 0, ONLY_66(pmovsxbw)},
    {0x3821, 0, ONLY_66(pmovsxbd)},
    {0x3822, 0, ONLY_66(pmovsxbq)},
    {0x3823, 0, ONLY_66(pmovsxwd)},
    {0x3824, 0, ONLY_66(pmovsxwq)},
    {0x3825, 0, ONLY_66(pmovsxdq)},
    {0x3828, 0, ONLY_66(pmuldq_xmm)},
    {0x3829, 0, ONLY_66(pcmpeqq_xmm)},
    {0x382a, SIMD_MEM, ONLY_66(movntdqa)},
    {0x382b, 0, ONLY_66(packusdw_xmm)},
    {0x3830, 0, ONLY_66(pmovzxbw)},
    {0x3831, 0, ONLY_66(pmovzxbd)},
    {0x3832, 0, ONLY_66(pmovzxbq)},
    {0x3833, 0, ONLY_66(pmovzxwd)},
    {0x3834, 0, ONLY_66(pmovzxwq)},
    {0x3835, 0, ONLY_66(pmovzxdq)},
    {0x3837, 0, ONLY_66(pcmpgtq_xmm)},
    {0x3838, 0, ONLY_66(pminsb_xmm)},
    {0x3839, 0, ONLY_66(pminsd_xmm)},
    {0x383a, 0, ONLY_66(pminuw_xmm)},
    {0x383b, 0, ONLY_66(pminud_xmm)},
    {0x383c, 0, ONLY_66(pmaxsb_xmm)},
    {0x383d, 0, ONLY_66(pmaxsd_xmm)},
    {0x383e, 0, ONLY_66(pmaxuw_xmm)},
    {0x383f, 0, ONLY_66(pmaxud_xmm)},
    {0x3840, 0, ONLY_66(pmulld_xmm)},
    {0x3841, 0, ONLY_66(phminposuw_xmm)},
    {0x3a08, 0, ONLY_66(roundps)},
    {0x3a09, 0, ONLY_66(roundpd)},
    {0x3a0a, 0, ONLY_66(roundss)},
    {0x3a0b, 0, ONLY_66(roundsd)},
    {0x3a0c, 0, ONLY_66(blendps)},
    {0x3a0d, 0, ONLY_66(blendpd)},
    {0x3a0e, 0, ONLY_66(pblendw)},
    {0x3a14, 0, ONLY_66(pextrb)},
    {0x3a15, 0, ONLY_66(pextrw)},
    {0x3a16, 0, ONLY_66(pextrd)},
    {0x3a17, 0, ONLY_66(extractps)},
    {0x3a20, 0, ONLY_66(pinsrb)},
    {0x3a21, 0, ONLY_66(insertps)},
    {0x3a22, 0, ONLY_66(pinsrd)},
    {0x3a40, 0, ONLY_66(dpps)},
    {0x3a41, 0, ONLY_66(dppd)},
    {0x3a42, 0, ONLY_66(mpsadbw)},
};

const struct simd_table simd_sse4_table = {rows, sizeof(rows) / sizeof(rows[0]), true};
