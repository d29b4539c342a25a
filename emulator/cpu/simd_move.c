/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MMX, SSE and SSE2 instructions that move data without arithmetic: between registers, memory
 * and general registers, with the cache hints and fences. A hint has no effect here: memory is
 * always coherent. Intel SDM vol. 2, the instruction's page; register names as there.
 */
#include "emulator/cpu/simd.h"

/* ---- 128 bits ---- */

/* MOVAPS, MOVAPD, MOVDQA */
static void movaps_load(struct vcpu *v, const struct insn *i)
{
	fpu_check_sse(v);
	*xmm_reg(v, i->reg) = xmm_read(v, i);
}

/* ... and MOVNTPS, MOVNTPD, MOVNTDQ */
static void movaps_store(struct vcpu *v, const struct insn *i)
{
	const union xmm *s = xmm_reg(v, i->reg);
	uint64_t a;

	fpu_check_sse(v);
	if (i->is_reg) {
		*xmm_reg(v, i->rm) = *s;
		return;
	}
	a = xmm_address(v, i);
	mem_write64(v, i->seg, a, s->u64[0]);
	mem_write64(v, i->seg, a + 8, s->u64[1]);
}

/* MOVUPS, MOVUPD, MOVDQU */
static void movups_load(struct vcpu *v, const struct insn *i)
{
	fpu_check_sse(v);
	*xmm_reg(v, i->reg) = xmm_read_unaligned(v, i);
}

static void movups_store(struct vcpu *v, const struct insn *i)
{
	const union xmm *s = xmm_reg(v, i->reg);
	uint64_t a, length = 16;
	uint8_t *host;

	fpu_check_sse(v);
	if (i->is_reg) {
		*xmm_reg(v, i->rm) = *s;
		return;
	}
	a = insn_address(v, i);
	host = mem_host_range(v, i->seg, a, true, &length);
	if (likely(host && length == 16))
		memcpy(host, s, 16);
	else
		mem_write_bytes(v, i->seg, a, s, 16);
}

/* ---- scalars: between registers they merge, from memory they clear the rest ---- */

static void movss_load(struct vcpu *v, const struct insn *i)
{
	uint32_t value;

	fpu_check_sse(v);
	value = xmm_read32(v, i);
	if (!i->is_reg)
		*xmm_reg(v, i->reg) = (union xmm){.u32 = {0}};
	xmm_reg(v, i->reg)->u32[0] = value;
}

static void movss_store(struct vcpu *v, const struct insn *i)
{
	uint32_t value = xmm_reg(v, i->reg)->u32[0];

	fpu_check_sse(v);
	if (i->is_reg)
		xmm_reg(v, i->rm)->u32[0] = value;
	else
		mem_write32(v, i->seg, insn_address(v, i), value);
}

static void movsd_load(struct vcpu *v, const struct insn *i)
{
	uint64_t value;

	fpu_check_sse(v);
	value = xmm_read64(v, i);
	if (!i->is_reg)
		xmm_reg(v, i->reg)->u64[1] = 0;
	xmm_reg(v, i->reg)->u64[0] = value;
}

static void movsd_store(struct vcpu *v, const struct insn *i)
{
	uint64_t value = xmm_reg(v, i->reg)->u64[0];

	fpu_check_sse(v);
	if (i->is_reg)
		xmm_reg(v, i->rm)->u64[0] = value;
	else
		mem_write64(v, i->seg, insn_address(v, i), value);
}

/* ---- 64-bit halves ---- */

/* MOVLPS, MOVLPD from memory */
static void movlps_load(struct vcpu *v, const struct insn *i)
{
	fpu_check_sse(v);
	xmm_reg(v, i->reg)->u64[0] = xmm_read64(v, i);
}

/* MOVHPS, MOVHPD from memory; MOVLHPS from a register's low half */
static void movhps_load(struct vcpu *v, const struct insn *i)
{
	fpu_check_sse(v);
	xmm_reg(v, i->reg)->u64[1] = xmm_read64(v, i);
}

/* MOVHPS, MOVHPD to memory; the low half's store is MOVSD's */
static void movhps_store(struct vcpu *v, const struct insn *i)
{
	fpu_check_sse(v);
	mem_write64(v, i->seg, insn_address(v, i), xmm_reg(v, i->reg)->u64[1]);
}

static void movhlps(struct vcpu *v, const struct insn *i)
{
	fpu_check_sse(v);
	xmm_reg(v, i->reg)->u64[0] = xmm_reg(v, i->rm)->u64[1];
}

/* MOVQ xmm, xmm/m64 */
static void movq_xmm_load(struct vcpu *v, const struct insn *i)
{
	fpu_check_sse(v);
	*xmm_reg(v, i->reg) = (union xmm){.u64 = {xmm_read64(v, i)}};
}

/* MOVQ xmm/m64, xmm */
static void movq_xmm_store(struct vcpu *v, const struct insn *i)
{
	uint64_t value = xmm_reg(v, i->reg)->u64[0];

	fpu_check_sse(v);
	if (i->is_reg)
		*xmm_reg(v, i->rm) = (union xmm){.u64 = {value}};
	else
		mem_write64(v, i->seg, insn_address(v, i), value);
}

/* ---- general registers ---- */

static void gpr_write(struct vcpu *v, const struct insn *i, uint64_t value)
{
	if (!i->rex_w)
		value = (uint32_t)value;
	if (i->is_reg)
		v->c->reg[i->rm] = value;
	else if (i->rex_w)
		mem_write64(v, i->seg, insn_address(v, i), value);
	else
		mem_write32(v, i->seg, insn_address(v, i), (uint32_t)value);
}

/* MOVD, or MOVQ with REX.W */
static void movd_xmm_load(struct vcpu *v, const struct insn *i)
{
	fpu_check_sse(v);
	*xmm_reg(v, i->reg) = (union xmm){.u64 = {gpr_read(v, i)}};
}

static void movd_xmm_store(struct vcpu *v, const struct insn *i)
{
	fpu_check_sse(v);
	gpr_write(v, i, xmm_reg(v, i->reg)->u64[0]);
}

static void movd_mm_load(struct vcpu *v, const struct insn *i)
{
	uint64_t value;

	fpu_check_mmx(v);
	value = gpr_read(v, i);
	fpu_enter_mmx(v);
	mmx_set(v, i->reg, value);
}

static void movd_mm_store(struct vcpu *v, const struct insn *i)
{
	fpu_check_mmx(v);
	gpr_write(v, i, mmx_get(v, i->reg));
	fpu_enter_mmx(v);
}

/* A store from a general register: neither MMX nor SSE has to be available. */
static void movnti(struct vcpu *v, const struct insn *i)
{
	gpr_write(v, i, v->c->reg[i->reg]);
}

static void movmskps(struct vcpu *v, const struct insn *i)
{
	const union xmm *s = xmm_reg(v, i->rm);
	uint32_t mask = 0;

	fpu_check_sse(v);
	for (unsigned n = 0; n < 4; n++)
		mask |= s->u32[n] >> 31 << n;
	v->c->reg[i->reg] = mask;
}

static void movmskpd(struct vcpu *v, const struct insn *i)
{
	const union xmm *s = xmm_reg(v, i->rm);

	fpu_check_sse(v);
	v->c->reg[i->reg] = s->u64[0] >> 63 | s->u64[1] >> 63 << 1;
}

static uint32_t byte_signs(const union xmm *s, unsigned bytes)
{
	uint32_t mask = 0;

	for (unsigned n = 0; n < bytes; n++)
		mask |= (uint32_t)(s->u8[n] >> 7) << n;
	return mask;
}

static void pmovmskb_mm(struct vcpu *v, const struct insn *i)
{
	union xmm s = {.u64 = {mmx_get(v, i->rm)}};

	fpu_check_mmx(v);
	fpu_enter_mmx(v);
	v->c->reg[i->reg] = byte_signs(&s, 8);
}

static void pmovmskb_xmm(struct vcpu *v, const struct insn *i)
{
	fpu_check_sse(v);
	v->c->reg[i->reg] = byte_signs(xmm_reg(v, i->rm), 16);
}

/* ---- MMX registers ---- */

static void movq_mm_load(struct vcpu *v, const struct insn *i)
{
	uint64_t value;

	fpu_check_mmx(v);
	value = mmx_read(v, i);
	fpu_enter_mmx(v);
	mmx_set(v, i->reg, value);
}

/* ... and MOVNTQ */
static void movq_mm_store(struct vcpu *v, const struct insn *i)
{
	uint64_t value = mmx_get(v, i->reg);

	fpu_check_mmx(v);
	if (!i->is_reg)
		mem_write64(v, i->seg, insn_address(v, i), value);
	fpu_enter_mmx(v);
	if (i->is_reg)
		mmx_set(v, i->rm, value);
}

static void movdq2q(struct vcpu *v, const struct insn *i)
{
	fpu_check_sse(v);
	fpu_check_mmx(v);
	fpu_enter_mmx(v);
	mmx_set(v, i->reg, xmm_reg(v, i->rm)->u64[0]);
}

static void movq2dq(struct vcpu *v, const struct insn *i)
{
	fpu_check_sse(v);
	fpu_check_mmx(v);
	fpu_enter_mmx(v);
	*xmm_reg(v, i->reg) = (union xmm){.u64 = {mmx_get(v, i->rm)}};
}

/* ---- byte-masked stores ---- */

/*
 * Stores the bytes of *d whose mask byte has its top bit set at DS:rDI (or the segment of an
 * override). Only these are accessed, so an all-zero mask cannot fault.
 */
static void masked_store(struct vcpu *v, const struct insn *i, const union xmm *d,
			 const union xmm *mask, unsigned bytes)
{
	uint64_t wrap = i->address == 8 ? UINT64_MAX : i->address == 4 ? UINT32_MAX : UINT16_MAX;
	uint64_t a = v->c->reg[GPR_RDI];

	for (unsigned n = 0; n < bytes; n++)
		if (mask->u8[n] & 0x80)
			mem_probe_write(v, i->seg, (a + n) & wrap, 1);
	for (unsigned n = 0; n < bytes; n++)
		if (mask->u8[n] & 0x80)
			mem_write8(v, i->seg, (a + n) & wrap, d->u8[n]);
}

static void maskmovdqu(struct vcpu *v, const struct insn *i)
{
	fpu_check_sse(v);
	masked_store(v, i, xmm_reg(v, i->reg), xmm_reg(v, i->rm), 16);
}

static void maskmovq(struct vcpu *v, const struct insn *i)
{
	union xmm d = {.u64 = {mmx_get(v, i->reg)}};
	union xmm mask = {.u64 = {mmx_get(v, i->rm)}};

	fpu_check_mmx(v);
	masked_store(v, i, &d, &mask, 8);
	fpu_enter_mmx(v);
}

/* ---- order and caches ---- */

/* LFENCE, MFENCE, SFENCE: accesses are in order already. */
static void fence(struct vcpu *v, const struct insn *i)
{
	(void)v;
	(void)i;
}

/*
 * There is no cache to flush. It faults as a load of the byte does (SDM vol. 2A, CLFLUSH), but
 * loads nothing: a device would notice.
 */
static void clflush(struct vcpu *v, const struct insn *i)
{
	mem_probe_read(v, i->seg, insn_address(v, i), 1);
}

static const struct simd_row rows[] = {
    /* opcode, flags, { none, 66, F3, F2 } */
    {0x0f10, 0, {movups_load, movups_load, movss_load, movsd_load}},
    {0x0f11, 0, {movups_store, movups_store, movss_store, movsd_store}},
    {0x0f12, SIMD_REG, {movhlps}},
    {0x0f12, SIMD_MEM, {movlps_load, movlps_load}},
    {0x0f13, SIMD_MEM, {movsd_store, movsd_store}},
    {0x0f16, SIMD_REG, {movhps_load}},
    {0x0f16, SIMD_MEM, {movhps_load, movhps_load}},
    {0x0f17, SIMD_MEM, {movhps_store, movhps_store}},
    {0x0f28, 0, {movaps_load, movaps_load}},
    {0x0f29, 0, {movaps_store, movaps_store}},
    {0x0f2b, SIMD_MEM, {movaps_store, movaps_store}},
    {0x0f50, SIMD_REG, {movmskps, movmskpd}},
    {0x0f6e, 0, {movd_mm_load, movd_xmm_load}},
    {0x0f6f, 0, {movq_mm_load, movaps_load, movups_load}},
    {0x0f77, 0, {op_emms}},
    {0x0f7e, 0, {movd_mm_store, movd_xmm_store, movq_xmm_load}},
    {0x0f7f, 0, {movq_mm_store, movaps_store, movups_store}},
    {0x0fae, SIMD_MEM | SIMD_DIGIT(0), {op_fxsave}},
    {0x0fae, SIMD_MEM | SIMD_DIGIT(1), {op_fxrstor}},
    {0x0fae, SIMD_MEM | SIMD_DIGIT(2), {op_ldmxcsr}},
    {0x0fae, SIMD_MEM | SIMD_DIGIT(3), {op_stmxcsr}},
    {0x0fae, SIMD_MEM | SIMD_DIGIT(7), {clflush}},
    {0x0fae, SIMD_REG | SIMD_DIGIT(5), {fence}},
    {0x0fae, SIMD_REG | SIMD_DIGIT(6), {fence}},
    {0x0fae, SIMD_REG | SIMD_DIGIT(7), {fence}},
    {0x0fc3, SIMD_MEM, {movnti}},
    {0x0fd6, 0, {NULL, movq_xmm_store}},
    {0x0fd6, SIMD_REG, {NULL, NULL, movq2dq, movdq2q}},
    {0x0fd7, SIMD_REG, {pmovmskb_mm, pmovmskb_xmm}},
    {0x0fe7, SIMD_MEM, {movq_mm_store, movaps_store}},
    {0x0ff7, SIMD_REG, {maskmovq, maskmovdqu}},
};

const struct simd_table simd_move_table = {rows, sizeof(rows) / sizeof(rows[0]), false};
