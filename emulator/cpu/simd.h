/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the MMX and SSE files share: the rows of their opcode tables, access to operands, and
 * the frame of an instruction "destination = destination op source". A handler checks that the
 * unit is available, reads its source (which can fault), computes, and writes its destination
 * last. Lanes are those of union xmm; lane 0 is the least significant.
 */
#ifndef VCR_CPU_SIMD_H
#define VCR_CPU_SIMD_H

#include "emulator/cpu/fpu.h"
#include "emulator/cpu/mem.h"

/* ---- opcode tables ---- */

/* Columns: the mandatory prefix. F2 and F3 win over 66 (Intel SDM vol. 2A 2.1.2). */
enum { SIMD_NONE, SIMD_66, SIMD_F3, SIMD_F2, SIMD_PREFIXES };

#define SIMD_REG      0x01                /* only with a register as r/m operand */
#define SIMD_MEM      0x02                /* only with memory */
#define SIMD_DIGIT(n) (0x08 | ((n) << 8)) /* only with this ModRM.reg: "/n" in the manual */

/* One line of the opcode map. An opcode may have several: the first that fits counts. */
struct simd_row {
	uint16_t opcode; /* the last escape byte and the opcode: 0F58h, 3800h, 3A0Fh */
	uint16_t flags;
	insn_handler *op[SIMD_PREFIXES];
};

struct simd_table {
	const struct simd_row *row;
	unsigned rows;
	bool v2; /* only on a model with SSE3 to SSE4.2 */
};

extern const struct simd_table simd_move_table, simd_int_table, simd_float_table,
    simd_convert_table, simd_sse3_table, simd_sse4_table, simd_string_table;

/* ---- operands ---- */

#define SIMD_INLINE static inline __attribute__((always_inline))

static inline union xmm *xmm_reg(struct vcpu *v, unsigned n)
{
	return &v->c->fpu.xmm[n];
}

/* Address of a 128-bit operand that must be aligned: #GP(0) otherwise. */
static inline uint64_t xmm_address(struct vcpu *v, const struct insn *i)
{
	uint64_t a = insn_address(v, i);

	if (unlikely(mem_linear(v, &v->c->seg[i->seg], a) & 15))
		cpu_raise_error(v, EXC_GP, 0);
	return a;
}

/* xmm/m128, aligned. Two halves do: an aligned operand lies in one page. */
static inline union xmm xmm_read(struct vcpu *v, const struct insn *i)
{
	union xmm x;
	uint64_t a;

	if (i->is_reg)
		return *xmm_reg(v, i->rm);
	a = xmm_address(v, i);
	x.u64[0] = mem_read64(v, i->seg, a);
	x.u64[1] = mem_read64(v, i->seg, a + 8);
	return x;
}

/* xmm/m128 for the few instructions without alignment check; plain RAM is the usual case. */
static inline union xmm xmm_read_unaligned(struct vcpu *v, const struct insn *i)
{
	uint64_t a, length = 16;
	const uint8_t *host;
	union xmm x;

	if (i->is_reg)
		return *xmm_reg(v, i->rm);
	a = insn_address(v, i);
	host = mem_host_range(v, i->seg, a, false, &length);
	if (likely(host && length == 16))
		memcpy(&x, host, 16);
	else
		mem_read_bytes(v, i->seg, a, &x, 16);
	return x;
}

/* xmm/m64, xmm/m32: the low lane, no alignment check. */
static inline uint64_t xmm_read64(struct vcpu *v, const struct insn *i)
{
	return i->is_reg ? xmm_reg(v, i->rm)->u64[0] : mem_read64(v, i->seg, insn_address(v, i));
}

static inline uint32_t xmm_read32(struct vcpu *v, const struct insn *i)
{
	return i->is_reg ? xmm_reg(v, i->rm)->u32[0] : mem_read32(v, i->seg, insn_address(v, i));
}

/* r/m32, or r/m64 with REX.W. */
static inline uint64_t gpr_read(struct vcpu *v, const struct insn *i)
{
	if (i->rex_w)
		return i->is_reg ? v->c->reg[i->rm] : mem_read64(v, i->seg, insn_address(v, i));
	return i->is_reg ? (uint32_t)v->c->reg[i->rm] : mem_read32(v, i->seg, insn_address(v, i));
}

/* MM0..MM7 are the mantissas of R0..R7; REX does not reach them. */
static inline uint64_t mmx_get(const struct vcpu *v, unsigned n)
{
	return v->c->fpu.st[n & 7].mantissa;
}

/* Sign and exponent become all ones (SDM vol. 3A 12.2). */
static inline void mmx_set(struct vcpu *v, unsigned n, uint64_t value)
{
	v->c->fpu.st[n & 7] = (struct f80){.mantissa = value, .sign_exponent = 0xffff};
}

/* mm/m64 */
static inline uint64_t mmx_read(struct vcpu *v, const struct insn *i)
{
	return i->is_reg ? mmx_get(v, i->rm) : mem_read64(v, i->seg, insn_address(v, i));
}

/* ---- destination = destination op source ---- */

/*
 * What an instruction computes, on the first `bytes` (8 for MMX, 16 for XMM) of *d and *s, with
 * the result in *d. *d and *s are never the same object.
 */
typedef void simd_kernel(union xmm *d, const union xmm *s, unsigned bytes);

SIMD_INLINE void xmm_binary(struct vcpu *v, const struct insn *i, simd_kernel *kernel)
{
	union xmm s;

	fpu_check_sse(v);
	s = xmm_read(v, i);
	kernel(xmm_reg(v, i->reg), &s, 16);
}

SIMD_INLINE void mmx_update(struct vcpu *v, unsigned reg, uint64_t source, simd_kernel *kernel)
{
	union xmm d = {.u64 = {mmx_get(v, reg)}};
	union xmm s = {.u64 = {source}};

	fpu_enter_mmx(v);
	kernel(&d, &s, 8);
	mmx_set(v, reg, d.u64[0]);
}

SIMD_INLINE void mmx_binary(struct vcpu *v, const struct insn *i, simd_kernel *kernel)
{
	fpu_check_mmx(v);
	mmx_update(v, i->reg, mmx_read(v, i), kernel);
}

/* Handlers NAME_mm and NAME_xmm of kernel NAME. */
#define MMX_FORM(name)                                                                             \
	static void name##_mm(struct vcpu *v, const struct insn *i)                                \
	{                                                                                          \
		mmx_binary(v, i, name);                                                            \
	}
#define XMM_FORM(name)                                                                             \
	static void name##_xmm(struct vcpu *v, const struct insn *i)                               \
	{                                                                                          \
		xmm_binary(v, i, name);                                                            \
	}

/* A kernel that computes `expr` from lanes a and b, both of `type`. */
#define LANES_KERNEL(name, lane, type, expr)                                                       \
	SIMD_INLINE void name(union xmm *d, const union xmm *s, unsigned bytes)                    \
	{                                                                                          \
		for (unsigned n = 0; n < bytes / sizeof(d->lane[0]); n++) {                        \
			type a = (type)d->lane[n], b = (type)s->lane[n];                           \
                                                                                                   \
			(void)a;                                                                   \
			d->lane[n] = (expr);                                                       \
		}                                                                                  \
	}
#define LANES_XMM(name, lane, type, expr)                                                          \
	LANES_KERNEL(name, lane, type, expr)                                                       \
	XMM_FORM(name)
#define LANES(name, lane, type, expr)                                                              \
	LANES_XMM(name, lane, type, expr)                                                          \
	MMX_FORM(name)

static inline int simd_clamp(int64_t value, int low, int high)
{
	return value < low ? low : value > high ? high : (int)value;
}

#define SATURATE_I8(x)  simd_clamp((x), INT8_MIN, INT8_MAX)
#define SATURATE_U8(x)  simd_clamp((x), 0, UINT8_MAX)
#define SATURATE_I16(x) simd_clamp((x), INT16_MIN, INT16_MAX)
#define SATURATE_U16(x) simd_clamp((x), 0, UINT16_MAX)

#endif
