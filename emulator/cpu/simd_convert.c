/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SSE and SSE2 conversions between integers, single and double precision. A value that an
 * integer cannot hold is invalid and gives the "integer indefinite", which softfloat.h returns.
 * Names are the manual's: a second T truncates whatever MXCSR.RC says. Intel SDM vol. 2A, CVT*.
 */
#include "emulator/cpu/simd.h"

/* The environment with the rounding of a CVT (false) or CVTT (true) instruction. */
static struct float_env convert_env(struct vcpu *v, bool truncate)
{
	struct float_env e = sse_env(v);

	if (truncate)
		e.rounding = ROUND_ZERO;
	return e;
}

/* ---- MMX registers ---- */

/*
 * The turn from x87 to MMX state comes before an unmasked exception of the conversion is raised.
 * CVTPI2PS and CVTPI2PD from memory are no MMX instructions: they leave the x87 state alone and
 * take no #MF. Intel's manual says so of CVTPI2PD only; AMD's processors do it in both, and so
 * do we, since no program can tell except one that meant to use x87.
 */
static uint64_t read_mmx_operand(struct vcpu *v, const struct insn *i)
{
	fpu_check_sse(v);
	if (i->is_reg)
		fpu_check_mmx(v);
	return mmx_read(v, i);
}

static void cvtpi2ps(struct vcpu *v, const struct insn *i)
{
	union xmm s = {.u64 = {read_mmx_operand(v, i)}}, d;
	struct float_env e = sse_env(v);

	for (unsigned n = 0; n < 2; n++)
		d.u32[n] = f32_from_i32(&e, (int32_t)s.u32[n]);
	if (i->is_reg)
		fpu_enter_mmx(v);
	sse_finish(v, &e);
	xmm_reg(v, i->reg)->u64[0] = d.u64[0];
}

/* Exact: there are no flags to report. */
static void cvtpi2pd(struct vcpu *v, const struct insn *i)
{
	union xmm s = {.u64 = {read_mmx_operand(v, i)}};
	struct float_env e = sse_env(v);

	if (i->is_reg)
		fpu_enter_mmx(v);
	for (unsigned n = 0; n < 2; n++)
		xmm_reg(v, i->reg)->u64[n] = f64_from_i32(&e, (int32_t)s.u32[n]);
}

SIMD_INLINE void ps_to_pi(struct vcpu *v, const struct insn *i, bool truncate)
{
	union xmm s = {.u64 = {0}};
	struct float_env e;

	fpu_check_sse(v);
	fpu_check_mmx(v);
	s.u64[0] = xmm_read64(v, i);
	e = convert_env(v, truncate);
	for (unsigned n = 0; n < 2; n++)
		s.u32[n] = (uint32_t)f32_to_i32(&e, s.u32[n]);
	fpu_enter_mmx(v);
	sse_finish(v, &e);
	mmx_set(v, i->reg, s.u64[0]);
}

SIMD_INLINE void pd_to_pi(struct vcpu *v, const struct insn *i, bool truncate)
{
	union xmm s, d = {.u64 = {0}};
	struct float_env e;

	fpu_check_sse(v);
	fpu_check_mmx(v);
	s = xmm_read(v, i);
	e = convert_env(v, truncate);
	for (unsigned n = 0; n < 2; n++)
		d.u32[n] = (uint32_t)f64_to_i32(&e, s.u64[n]);
	fpu_enter_mmx(v);
	sse_finish(v, &e);
	mmx_set(v, i->reg, d.u64[0]);
}

/* ---- general registers: 32 bits, or 64 with REX.W ---- */

#define FROM_GPR(name, bits)                                                                       \
	static void name(struct vcpu *v, const struct insn *i)                                     \
	{                                                                                          \
		struct float_env e;                                                                \
		uint##bits##_t d;                                                                  \
		uint64_t s;                                                                        \
                                                                                                   \
		fpu_check_sse(v);                                                                  \
		s = gpr_read(v, i);                                                                \
		e = sse_env(v);                                                                    \
		d = i->rex_w ? f##bits##_from_i64(&e, (int64_t)s)                                  \
			     : f##bits##_from_i32(&e, (int32_t)s);                                 \
		sse_finish(v, &e);                                                                 \
		xmm_reg(v, i->reg)->u##bits[0] = d;                                                \
	}
FROM_GPR(cvtsi2ss, 32)
FROM_GPR(cvtsi2sd, 64)

#define TO_GPR(name, bits, truncate)                                                               \
	static void name(struct vcpu *v, const struct insn *i)                                     \
	{                                                                                          \
		struct float_env e;                                                                \
		uint##bits##_t s;                                                                  \
		uint64_t d;                                                                        \
                                                                                                   \
		fpu_check_sse(v);                                                                  \
		s = xmm_read##bits(v, i);                                                          \
		e = convert_env(v, truncate);                                                      \
		d = i->rex_w ? (uint64_t)f##bits##_to_i64(&e, s)                                   \
			     : (uint32_t)f##bits##_to_i32(&e, s);                                  \
		sse_finish(v, &e);                                                                 \
		v->c->reg[i->reg] = d;                                                             \
	}
TO_GPR(cvtss2si, 32, false)
TO_GPR(cvttss2si, 32, true)
TO_GPR(cvtsd2si, 64, false)
TO_GPR(cvttsd2si, 64, true)

/* ---- XMM registers ---- */

/*
 * `lanes` values b of the source are converted by `expr`; a destination that they do not fill
 * is zero in the rest.
 */
#define CONVERT(name, read, from, to, lanes, truncate, expr)                                       \
	static void name(struct vcpu *v, const struct insn *i)                                     \
	{                                                                                          \
		union xmm d = {.u64 = {0}}, s;                                                     \
		struct float_env e;                                                                \
                                                                                                   \
		fpu_check_sse(v);                                                                  \
		s = read(v, i);                                                                    \
		e = convert_env(v, truncate);                                                      \
		for (unsigned n = 0; n < (lanes); n++) {                                           \
			d.to[n] = expr(&e, s.from[n]);                                             \
		}                                                                                  \
		sse_finish(v, &e);                                                                 \
		*xmm_reg(v, i->reg) = d;                                                           \
	}

/* xmm/m64: no alignment check, and only the low half of a register. */
static union xmm read_half(struct vcpu *v, const struct insn *i)
{
	return (union xmm){.u64 = {xmm_read64(v, i)}};
}

CONVERT(cvtps2pd, read_half, u32, u64, 2, false, f32_to_f64)
CONVERT(cvtpd2ps, xmm_read, u64, u32, 2, false, f64_to_f32)
CONVERT(cvtdq2ps, xmm_read, u32, u32, 4, false, f32_from_i32)
CONVERT(cvtdq2pd, read_half, u32, u64, 2, false, f64_from_i32)
CONVERT(cvtps2dq, xmm_read, u32, u32, 4, false, f32_to_i32)
CONVERT(cvttps2dq, xmm_read, u32, u32, 4, true, f32_to_i32)
CONVERT(cvtpd2dq, xmm_read, u64, u32, 2, false, f64_to_i32)
CONVERT(cvttpd2dq, xmm_read, u64, u32, 2, true, f64_to_i32)

static void cvtss2sd(struct vcpu *v, const struct insn *i)
{
	struct float_env e;
	uint32_t s;
	uint64_t d;

	fpu_check_sse(v);
	s = xmm_read32(v, i);
	e = sse_env(v);
	d = f32_to_f64(&e, s);
	sse_finish(v, &e);
	xmm_reg(v, i->reg)->u64[0] = d;
}

static void cvtsd2ss(struct vcpu *v, const struct insn *i)
{
	struct float_env e;
	uint64_t s;
	uint32_t d;

	fpu_check_sse(v);
	s = xmm_read64(v, i);
	e = sse_env(v);
	d = f64_to_f32(&e, s);
	sse_finish(v, &e);
	xmm_reg(v, i->reg)->u32[0] = d;
}

static void cvtps2pi(struct vcpu *v, const struct insn *i)
{
	ps_to_pi(v, i, false);
}

static void cvttps2pi(struct vcpu *v, const struct insn *i)
{
	ps_to_pi(v, i, true);
}

static void cvtpd2pi(struct vcpu *v, const struct insn *i)
{
	pd_to_pi(v, i, false);
}

static void cvttpd2pi(struct vcpu *v, const struct insn *i)
{
	pd_to_pi(v, i, true);
}

static const struct simd_row rows[] = {
    /* opcode, flags, { none, 66, F3, F2 } */
    {0x0f2a, 0, {cvtpi2ps, cvtpi2pd, cvtsi2ss, cvtsi2sd}},
    {0x0f2c, 0, {cvttps2pi, cvttpd2pi, cvttss2si, cvttsd2si}},
    {0x0f2d, 0, {cvtps2pi, cvtpd2pi, cvtss2si, cvtsd2si}},
    {0x0f5a, 0, {cvtps2pd, cvtpd2ps, cvtss2sd, cvtsd2ss}},
    {0x0f5b, 0, {cvtdq2ps, cvtps2dq, cvttps2dq}},
    {0x0fe6, 0, {NULL, cvttpd2dq, cvtdq2pd, cvtpd2dq}},
};

const struct simd_table simd_convert_table = {rows, sizeof(rows) / sizeof(rows[0]), false};
