/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MMX, SSE and SSE2 integer arithmetic, logic, shifts and shuffles. Most instructions exist for
 * MMX and XMM registers and share one kernel. ANDPS, ORPD, UNPCKLPS and the like are here too:
 * they move bits and differ from their integer twins in encoding only.
 * Intel SDM vol. 2, the instruction's page.
 */
#include "emulator/cpu/simd.h"

/* ---- lane by lane ---- */

LANES(paddb, u8, uint8_t, a + b)
LANES(paddw, u16, uint16_t, a + b)
LANES(paddd, u32, uint32_t, a + b)
LANES(paddq, u64, uint64_t, a + b)
LANES(psubb, u8, uint8_t, a - b)
LANES(psubw, u16, uint16_t, a - b)
LANES(psubd, u32, uint32_t, a - b)
LANES(psubq, u64, uint64_t, a - b)
LANES(paddsb, u8, int8_t, SATURATE_I8(a + b))
LANES(paddsw, u16, int16_t, SATURATE_I16(a + b))
LANES(paddusb, u8, uint8_t, SATURATE_U8(a + b))
LANES(paddusw, u16, uint16_t, SATURATE_U16(a + b))
LANES(psubsb, u8, int8_t, SATURATE_I8(a - b))
LANES(psubsw, u16, int16_t, SATURATE_I16(a - b))
LANES(psubusb, u8, uint8_t, SATURATE_U8(a - b))
LANES(psubusw, u16, uint16_t, SATURATE_U16(a - b))
LANES(pavgb, u8, uint8_t, (a + b + 1) >> 1)
LANES(pavgw, u16, uint16_t, (a + b + 1) >> 1)
LANES(pminub, u8, uint8_t, a < b ? a : b)
LANES(pmaxub, u8, uint8_t, a > b ? a : b)
LANES(pminsw, u16, int16_t, a < b ? a : b)
LANES(pmaxsw, u16, int16_t, a > b ? a : b)
LANES(pcmpeqb, u8, uint8_t, a == b ? UINT8_MAX : 0)
LANES(pcmpeqw, u16, uint16_t, a == b ? UINT16_MAX : 0)
LANES(pcmpeqd, u32, uint32_t, a == b ? UINT32_MAX : 0)
LANES(pcmpgtb, u8, int8_t, a > b ? UINT8_MAX : 0)
LANES(pcmpgtw, u16, int16_t, a > b ? UINT16_MAX : 0)
LANES(pcmpgtd, u32, int32_t, a > b ? UINT32_MAX : 0)
LANES(pmullw, u16, int16_t, (a * b))
LANES(pmulhw, u16, int16_t, (a * b) >> 16)
LANES(pmulhuw, u16, uint16_t, ((uint32_t)a * b) >> 16)
LANES(pmuludq, u64, uint64_t, ((uint64_t)(uint32_t)a * (uint32_t)b))
LANES(pand, u64, uint64_t, (a & b))
LANES(pandn, u64, uint64_t, (~a & b))
LANES(por, u64, uint64_t, a | b)
LANES(pxor, u64, uint64_t, a ^ b)

/* ---- across lanes ---- */

/* The sum wraps in one case only, all four words 8000h, to 80000000h. */
SIMD_INLINE void pmaddwd(union xmm *d, const union xmm *s, unsigned bytes)
{
	for (unsigned n = 0; n < bytes / 4; n++) {
		int32_t low = (int16_t)d->u16[2 * n] * (int16_t)s->u16[2 * n];
		int32_t high = (int16_t)d->u16[2 * n + 1] * (int16_t)s->u16[2 * n + 1];

		d->u32[n] = (uint32_t)low + (uint32_t)high;
	}
}
MMX_FORM(pmaddwd)
XMM_FORM(pmaddwd)

SIMD_INLINE void psadbw(union xmm *d, const union xmm *s, unsigned bytes)
{
	for (unsigned n = 0; n < bytes / 8; n++) {
		uint64_t sum = 0;

		for (unsigned k = 8 * n; k < 8 * n + 8; k++)
			sum += d->u8[k] > s->u8[k] ? d->u8[k] - s->u8[k] : s->u8[k] - d->u8[k];
		d->u64[n] = sum;
	}
}
MMX_FORM(psadbw)
XMM_FORM(psadbw)

/* The destination's lanes fill the lower half of the result, the source's the upper half. */
#define PACK(name, from, type, to, saturate)                                                       \
	SIMD_INLINE void name(union xmm *d, const union xmm *s, unsigned bytes)                    \
	{                                                                                          \
		const unsigned lanes = bytes / sizeof(d->from[0]);                                 \
		const union xmm a = *d;                                                            \
                                                                                                   \
		for (unsigned n = 0; n < lanes; n++) {                                             \
			d->to[n] = saturate((type)a.from[n]);                                      \
			d->to[lanes + n] = saturate((type)s->from[n]);                             \
		}                                                                                  \
	}                                                                                          \
	MMX_FORM(name)                                                                             \
	XMM_FORM(name)
PACK(packsswb, u16, int16_t, u8, SATURATE_I8)
PACK(packuswb, u16, int16_t, u8, SATURATE_U8)
PACK(packssdw, u32, int32_t, u16, SATURATE_I16)

/* Interleaves the lower (half 0) or upper (half 1) halves of destination and source. */
#define UNPACK(name, lane, half)                                                                   \
	SIMD_INLINE void name(union xmm *d, const union xmm *s, unsigned bytes)                    \
	{                                                                                          \
		const unsigned lanes = bytes / sizeof(d->lane[0]) / 2;                             \
		const union xmm a = *d;                                                            \
                                                                                                   \
		for (unsigned n = 0; n < lanes; n++) {                                             \
			d->lane[2 * n] = a.lane[(half)*lanes + n];                                 \
			d->lane[2 * n + 1] = s->lane[(half)*lanes + n];                            \
		}                                                                                  \
	}                                                                                          \
	XMM_FORM(name)
UNPACK(punpcklbw, u8, 0)
UNPACK(punpcklwd, u16, 0)
UNPACK(punpckldq, u32, 0)
UNPACK(punpcklqdq, u64, 0)
UNPACK(punpckhbw, u8, 1)
UNPACK(punpckhwd, u16, 1)
UNPACK(punpckhdq, u32, 1)
UNPACK(punpckhqdq, u64, 1)
MMX_FORM(punpckhbw)
MMX_FORM(punpckhwd)
MMX_FORM(punpckhdq)

/* The lower halves' MMX forms read only the 32 bits of memory that they use. */
SIMD_INLINE void mmx_unpack_low(struct vcpu *v, const struct insn *i, simd_kernel *kernel)
{
	fpu_check_mmx(v);
	mmx_update(v, i->reg,
		   i->is_reg ? mmx_get(v, i->rm) : mem_read32(v, i->seg, insn_address(v, i)),
		   kernel);
}

#define MMX_UNPACK_LOW(name)                                                                       \
	static void name##_mm(struct vcpu *v, const struct insn *i)                                \
	{                                                                                          \
		mmx_unpack_low(v, i, name);                                                        \
	}
MMX_UNPACK_LOW(punpcklbw)
MMX_UNPACK_LOW(punpcklwd)
MMX_UNPACK_LOW(punpckldq)

/* ---- shifts: the count is 64 bits wide; one that is too large clears, or leaves the sign ---- */

SIMD_INLINE void mmx_shift_imm(struct vcpu *v, const struct insn *i, simd_kernel *kernel)
{
	fpu_check_mmx(v);
	mmx_update(v, i->rm, (uint8_t)i->immediate, kernel);
}

SIMD_INLINE void xmm_shift_imm(struct vcpu *v, const struct insn *i, simd_kernel *kernel)
{
	union xmm count = {.u64 = {(uint8_t)i->immediate}};

	fpu_check_sse(v);
	kernel(xmm_reg(v, i->rm), &count, 16);
}

#define SHIFT_IMM_MM(name)                                                                         \
	static void name##_imm_mm(struct vcpu *v, const struct insn *i)                            \
	{                                                                                          \
		mmx_shift_imm(v, i, name);                                                         \
	}
#define SHIFT_IMM_XMM(name)                                                                        \
	static void name##_imm_xmm(struct vcpu *v, const struct insn *i)                           \
	{                                                                                          \
		xmm_shift_imm(v, i, name);                                                         \
	}

/* `a` is the lane, `count` below its width; `over` is the result for a larger count. */
#define SHIFT(name, lane, type, expr, over)                                                        \
	SIMD_INLINE void name(union xmm *d, const union xmm *s, unsigned bytes)                    \
	{                                                                                          \
		const unsigned count = (unsigned)s->u64[0];                                        \
                                                                                                   \
		for (unsigned n = 0; n < bytes / sizeof(d->lane[0]); n++) {                        \
			type a = (type)d->lane[n];                                                 \
                                                                                                   \
			d->lane[n] = s->u64[0] < 8 * sizeof(a) ? (expr) : (over);                  \
		}                                                                                  \
	}                                                                                          \
	MMX_FORM(name)                                                                             \
	XMM_FORM(name)                                                                             \
	SHIFT_IMM_MM(name)                                                                         \
	SHIFT_IMM_XMM(name)
SHIFT(psrlw, u16, uint16_t, a >> count, 0)
SHIFT(psrld, u32, uint32_t, a >> count, 0)
SHIFT(psrlq, u64, uint64_t, a >> count, 0)
SHIFT(psllw, u16, uint16_t, a << count, 0)
SHIFT(pslld, u32, uint32_t, a << count, 0)
SHIFT(psllq, u64, uint64_t, a << count, 0)
SHIFT(psraw, u16, int16_t, a >> count, a < 0 ? -1 : 0)
SHIFT(psrad, u32, int32_t, a >> count, a < 0 ? -1 : 0)

/* By bytes, over the whole register. */
SIMD_INLINE void psrldq(union xmm *d, const union xmm *s, unsigned bytes)
{
	const union xmm a = *d;

	for (unsigned n = 0; n < bytes; n++)
		d->u8[n] = n + s->u64[0] < bytes ? a.u8[n + s->u64[0]] : 0;
}
SHIFT_IMM_XMM(psrldq)

SIMD_INLINE void pslldq(union xmm *d, const union xmm *s, unsigned bytes)
{
	const union xmm a = *d;

	for (unsigned n = 0; n < bytes; n++)
		d->u8[n] = n >= s->u64[0] ? a.u8[n - s->u64[0]] : 0;
}
SHIFT_IMM_XMM(pslldq)

/* ---- shuffles: two bits of the immediate choose each lane ---- */

static void pshufw(struct vcpu *v, const struct insn *i)
{
	union xmm d = {.u64 = {0}}, s = {.u64 = {0}};

	fpu_check_mmx(v);
	s.u64[0] = mmx_read(v, i);
	fpu_enter_mmx(v);
	for (unsigned n = 0; n < 4; n++)
		d.u16[n] = s.u16[(i->immediate >> 2 * n) & 3];
	mmx_set(v, i->reg, d.u64[0]);
}

static void pshufd(struct vcpu *v, const struct insn *i)
{
	union xmm s;

	fpu_check_sse(v);
	s = xmm_read(v, i);
	for (unsigned n = 0; n < 4; n++)
		xmm_reg(v, i->reg)->u32[n] = s.u32[(i->immediate >> 2 * n) & 3];
}

/* PSHUFLW (first 0) and PSHUFHW (first 4) shuffle four words and copy the others. */
SIMD_INLINE void shuffle_words(struct vcpu *v, const struct insn *i, unsigned first)
{
	union xmm s, d;

	fpu_check_sse(v);
	s = d = xmm_read(v, i);
	for (unsigned n = 0; n < 4; n++)
		d.u16[first + n] = s.u16[first + ((i->immediate >> 2 * n) & 3)];
	*xmm_reg(v, i->reg) = d;
}

static void pshuflw(struct vcpu *v, const struct insn *i)
{
	shuffle_words(v, i, 0);
}

static void pshufhw(struct vcpu *v, const struct insn *i)
{
	shuffle_words(v, i, 4);
}

static void shufps(struct vcpu *v, const struct insn *i)
{
	union xmm *d = xmm_reg(v, i->reg);
	unsigned order = (uint8_t)i->immediate;
	union xmm a, b;

	fpu_check_sse(v);
	b = xmm_read(v, i);
	a = *d;
	d->u32[0] = a.u32[order & 3];
	d->u32[1] = a.u32[order >> 2 & 3];
	d->u32[2] = b.u32[order >> 4 & 3];
	d->u32[3] = b.u32[order >> 6];
}

static void shufpd(struct vcpu *v, const struct insn *i)
{
	union xmm *d = xmm_reg(v, i->reg);
	union xmm b;

	fpu_check_sse(v);
	b = xmm_read(v, i);
	d->u64[0] = d->u64[i->immediate & 1];
	d->u64[1] = b.u64[i->immediate >> 1 & 1];
}

/* ---- one word ---- */

static uint16_t word_source(struct vcpu *v, const struct insn *i)
{
	return i->is_reg ? (uint16_t)v->c->reg[i->rm] : mem_read16(v, i->seg, insn_address(v, i));
}

static void pinsrw_mm(struct vcpu *v, const struct insn *i)
{
	union xmm d = {.u64 = {mmx_get(v, i->reg)}};

	fpu_check_mmx(v);
	d.u16[i->immediate & 3] = word_source(v, i);
	fpu_enter_mmx(v);
	mmx_set(v, i->reg, d.u64[0]);
}

static void pinsrw_xmm(struct vcpu *v, const struct insn *i)
{
	uint16_t word;

	fpu_check_sse(v);
	word = word_source(v, i);
	xmm_reg(v, i->reg)->u16[i->immediate & 7] = word;
}

static void pextrw_mm(struct vcpu *v, const struct insn *i)
{
	fpu_check_mmx(v);
	fpu_enter_mmx(v);
	v->c->reg[i->reg] = (uint16_t)(mmx_get(v, i->rm) >> 16 * (i->immediate & 3));
}

static void pextrw_xmm(struct vcpu *v, const struct insn *i)
{
	fpu_check_sse(v);
	v->c->reg[i->reg] = xmm_reg(v, i->rm)->u16[i->immediate & 7];
}

#define BOTH(name)                                                                                 \
	{                                                                                          \
		name##_mm, name##_xmm                                                              \
	}
#define IMM(name)                                                                                  \
	{                                                                                          \
		name##_imm_mm, name##_imm_xmm                                                      \
	}
#define SHIFT_GROUP(n) (SIMD_REG | SIMD_DIGIT(n))

static const struct simd_row rows[] = {
    /* opcode, flags, { none, 66, F3, F2 } */
    {0x0f14, 0, {punpckldq_xmm, punpcklqdq_xmm}}, /* UNPCKLPS, UNPCKLPD */
    {0x0f15, 0, {punpckhdq_xmm, punpckhqdq_xmm}},
    {0x0f54, 0, {pand_xmm, pand_xmm}}, /* ANDPS, ANDPD, ... */
    {0x0f55, 0, {pandn_xmm, pandn_xmm}},
    {0x0f56, 0, {por_xmm, por_xmm}},
    {0x0f57, 0, {pxor_xmm, pxor_xmm}},
    {0x0f60, 0, BOTH(punpcklbw)},
    {0x0f61, 0, BOTH(punpcklwd)},
    {0x0f62, 0, BOTH(punpckldq)},
    {0x0f63, 0, BOTH(packsswb)},
    {0x0f64, 0, BOTH(pcmpgtb)},
    {0x0f65, 0, BOTH(pcmpgtw)},
    {0x0f66, 0, BOTH(pcmpgtd)},
    {0x0f67, 0, BOTH(packuswb)},
    {0x0f68, 0, BOTH(punpckhbw)},
    {0x0f69, 0, BOTH(punpckhwd)},
    {0x0f6a, 0, BOTH(punpckhdq)},
    {0x0f6b, 0, BOTH(packssdw)},
    {0x0f6c, 0, {NULL, punpcklqdq_xmm}},
    {0x0f6d, 0, {NULL, punpckhqdq_xmm}},
    {0x0f70, 0, {pshufw, pshufd, pshufhw, pshuflw}},
    {0x0f71, SHIFT_GROUP(2), IMM(psrlw)},
    {0x0f71, SHIFT_GROUP(4), IMM(psraw)},
    {0x0f71, SHIFT_GROUP(6), IMM(psllw)},
    {0x0f72, SHIFT_GROUP(2), IMM(psrld)},
    {0x0f72, SHIFT_GROUP(4), IMM(psrad)},
    {0x0f72, SHIFT_GROUP(6), IMM(pslld)},
    {0x0f73, SHIFT_GROUP(2), IMM(psrlq)},
    {0x0f73, SHIFT_GROUP(3), {NULL, psrldq_imm_xmm}},
    {0x0f73, SHIFT_GROUP(6), IMM(psllq)},
    {0x0f73, SHIFT_GROUP(7), {NULL, pslldq_imm_xmm}},
    {0x0f74, 0, BOTH(pcmpeqb)},
    {0x0f75, 0, BOTH(pcmpeqw)},
    {0x0f76, 0, BOTH(pcmpeqd)},
    {0x0fc4, 0, BOTH(pinsrw)},
    {0x0fc5, SIMD_REG, BOTH(pextrw)},
    {0x0fc6, 0, {shufps, shufpd}},
    {0x0fd1, 0, BOTH(psrlw)},
    {0x0fd2, 0, BOTH(psrld)},
    {0x0fd3, 0, BOTH(psrlq)},
    {0x0fd4, 0, BOTH(paddq)},
    {0x0fd5, 0, BOTH(pmullw)},
    {0x0fd8, 0, BOTH(psubusb)},
    {0x0fd9, 0, BOTH(psubusw)},
    {0x0fda, 0, BOTH(pminub)},
    {0x0fdb, 0, BOTH(pand)},
    {0x0fdc, 0, BOTH(paddusb)},
    {0x0fdd, 0, BOTH(paddusw)},
    {0x0fde, 0, BOTH(pmaxub)},
    {0x0fdf, 0, BOTH(pandn)},
    {0x0fe0, 0, BOTH(pavgb)},
    {0x0fe1, 0, BOTH(psraw)},
    {0x0fe2, 0, BOTH(psrad)},
    {0x0fe3, 0, BOTH(pavgw)},
    {0x0fe4, 0, BOTH(pmulhuw)},
    {0x0fe5, 0, BOTH(pmulhw)},
    {0x0fe8, 0, BOTH(psubsb)},
    {0x0fe9, 0, BOTH(psubsw)},
    {0x0fea, 0, BOTH(pminsw)},
    {0x0feb, 0, BOTH(por)},
    {0x0fec, 0, BOTH(paddsb)},
    {0x0fed, 0, BOTH(paddsw)},
    {0x0fee, 0, BOTH(pmaxsw)},
    {0x0fef, 0, BOTH(pxor)},
    {0x0ff1, 0, BOTH(psllw)},
    {0x0ff2, 0, BOTH(pslld)},
    {0x0ff3, 0, BOTH(psllq)},
    {0x0ff4, 0, BOTH(pmuludq)},
    {0x0ff5, 0, BOTH(pmaddwd)},
    {0x0ff6, 0, BOTH(psadbw)},
    {0x0ff8, 0, BOTH(psubb)},
    {0x0ff9, 0, BOTH(psubw)},
    {0x0ffa, 0, BOTH(psubd)},
    {0x0ffb, 0, BOTH(psubq)},
    {0x0ffc, 0, BOTH(paddb)},
    {0x0ffd, 0, BOTH(paddw)},
    {0x0ffe, 0, BOTH(paddd)},
};

const struct simd_table simd_int_table = {rows, sizeof(rows) / sizeof(rows[0]), false};
