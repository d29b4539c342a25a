/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What x87, MMX and SSE share: whether an instruction may run at all, MXCSR, and the FXSAVE
 * image. The tag word holds 0 (in use) or 3 (empty) for a register; whether a value is zero or
 * special is found when FSTENV asks, as on processors since the Pentium Pro.
 */
#include <string.h>

#include "emulator/cpu/fpu.h"
#include "emulator/cpu/mem.h"

/* ---- may it run? Intel SDM vol. 3A tables 2-2 and 13-1 ---- */

/*
 * With CR0.NE clear a pending exception is for FERR# and an external interrupt (IRQ 13 on a PC);
 * no board here has that line, so the instruction goes on.
 */
static void check_pending(struct vcpu *v)
{
	if ((v->c->fpu.status & FPU_STATUS_ES) && (v->c->cr0 & CR0_NE))
		cpu_raise(v, EXC_MF);
}

void fpu_check_x87(struct vcpu *v, bool waits)
{
	if (v->c->cr0 & (CR0_EM | CR0_TS))
		cpu_raise(v, EXC_NM);
	if (waits)
		check_pending(v);
}

void fpu_check_wait(struct vcpu *v)
{
	if ((v->c->cr0 & (CR0_MP | CR0_TS)) == (CR0_MP | CR0_TS))
		cpu_raise(v, EXC_NM);
	check_pending(v);
}

void fpu_check_mmx(struct vcpu *v)
{
	if (v->c->cr0 & CR0_EM)
		cpu_raise(v, EXC_UD);
	if (v->c->cr0 & CR0_TS)
		cpu_raise(v, EXC_NM);
	check_pending(v);
}

void fpu_check_sse(struct vcpu *v)
{
	if ((v->c->cr0 & CR0_EM) || !(v->c->cr4 & CR4_OSFXSR))
		cpu_raise(v, EXC_UD);
	if (v->c->cr0 & CR0_TS)
		cpu_raise(v, EXC_NM);
}

/* ---- state ---- */

void fpu_reset(struct fpu *f)
{
	memset(f, 0, sizeof(*f));
	f->control = 0x0040;
	f->mxcsr = MXCSR_RESET;
}

void fpu_fninit(struct fpu *f)
{
	f->control = 0x037f;
	f->status = 0;
	f->tag = 0xffff;
	f->opcode = 0;
	f->ip = f->dp = 0;
	f->cs = f->ds = 0;
}

void fpu_set_control(struct fpu *f, uint16_t value)
{
	f->control = (value & FPU_CONTROL_BITS) | FPU_CONTROL_ONE;
	fpu_update_summary(f);
}

void fpu_update_summary(struct fpu *f)
{
	f->status &= (uint16_t) ~(FPU_STATUS_ES | FPU_STATUS_B);
	if (f->status & ~f->control & FPU_EXCEPTIONS)
		f->status |= FPU_STATUS_ES | FPU_STATUS_B;
}

void fpu_enter_mmx(struct vcpu *v)
{
	v->c->fpu.status &= (uint16_t)~FPU_STATUS_TOP;
	v->c->fpu.tag = 0;
}

void op_emms(struct vcpu *v, const struct insn *i)
{
	fpu_check_mmx(v);
	v->c->fpu.status &= (uint16_t)~FPU_STATUS_TOP;
	v->c->fpu.tag = 0xffff;
}

/* ---- MXCSR (SDM vol. 1 10.2.3, 11.5) ---- */

struct float_env sse_env(const struct vcpu *v)
{
	uint32_t mxcsr = v->c->fpu.mxcsr;

	return (struct float_env){
	    .rounding = (mxcsr >> 13) & 3,
	    .masked = (mxcsr >> 7) & FPU_EXCEPTIONS,
	    .daz = mxcsr & MXCSR_DAZ,
	    .ftz = mxcsr & MXCSR_FTZ,
	};
}

void sse_finish(struct vcpu *v, const struct float_env *e)
{
	uint8_t unmasked = e->flags & ~e->masked;
	uint8_t flags = e->flags;

	/* An exception found before the computation keeps the others from being found. */
	if (unmasked & FLOAT_BEFORE)
		flags &= FLOAT_BEFORE;
	v->c->fpu.mxcsr |= flags;
	if (unmasked)
		cpu_raise(v, v->c->cr4 & CR4_OSXMMEXCPT ? EXC_XM : EXC_UD);
}

static void mxcsr_check(struct vcpu *v, uint32_t value)
{
	if (value & ~MXCSR_MASK)
		cpu_raise_error(v, EXC_GP, 0);
}

void op_ldmxcsr(struct vcpu *v, const struct insn *i)
{
	uint32_t value;

	fpu_check_sse(v);
	value = mem_read32(v, i->seg, insn_address(v, i));
	mxcsr_check(v, value);
	v->c->fpu.mxcsr = value;
}

void op_stmxcsr(struct vcpu *v, const struct insn *i)
{
	fpu_check_sse(v);
	mem_write32(v, i->seg, insn_address(v, i), v->c->fpu.mxcsr);
}

/* ---- FXSAVE and FXRSTOR: the 512 bytes of SDM vol. 1 10.5.1, table 10-2 ---- */

#define FXSAVE_SIZE 512
#define FXSAVE_ST   32
#define FXSAVE_XMM  160

static void put16(uint8_t *p, uint16_t value)
{
	p[0] = (uint8_t)value;
	p[1] = (uint8_t)(value >> 8);
}

static void put32(uint8_t *p, uint32_t value)
{
	put16(p, (uint16_t)value);
	put16(p + 2, (uint16_t)(value >> 16));
}

static void put64(uint8_t *p, uint64_t value)
{
	put32(p, (uint32_t)value);
	put32(p + 4, (uint32_t)(value >> 32));
}

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t get32(const uint8_t *p)
{
	return get16(p) | (uint32_t)get16(p + 2) << 16;
}

static uint64_t get64(const uint8_t *p)
{
	return get32(p) | (uint64_t)get32(p + 4) << 32;
}

/* Offset of the operand; it must be aligned whatever AC says. */
static uint64_t fxsave_address(struct vcpu *v, const struct insn *i)
{
	uint64_t offset = insn_address(v, i);

	if (mem_linear(v, &v->c->seg[i->seg], offset) & 15)
		cpu_raise_error(v, EXC_GP, 0);
	return offset;
}

/* XMM registers that the image has. Without CR4.OSFXSR they are left alone. */
static unsigned fxsave_xmm_count(const struct vcpu *v)
{
	if (!(v->c->cr4 & CR4_OSFXSR))
		return 0;
	return v->c->code_bits == 64 ? 16 : 8;
}

void op_fxsave(struct vcpu *v, const struct insn *i)
{
	const struct fpu *f = &v->c->fpu;
	unsigned xmm = fxsave_xmm_count(v), top = fpu_top(f);
	uint8_t image[FXSAVE_SIZE] = {0};
	uint64_t offset;

	fpu_check_x87(v, false);
	offset = fxsave_address(v, i);
	put16(image, f->control);
	put16(image + 2, f->status);
	for (unsigned n = 0; n < 8; n++) {
		uint8_t *p = image + FXSAVE_ST + n * 16;

		if (((f->tag >> (n * 2)) & 3) != 3)
			image[4] |= (uint8_t)(1u << n);
		put64(p, f->st[(top + n) & 7].mantissa);
		put16(p + 8, f->st[(top + n) & 7].sign_exponent);
	}
	put16(image + 6, f->opcode);
	if (i->rex_w) {
		put64(image + 8, f->ip);
		put64(image + 16, f->dp);
	} else {
		put32(image + 8, (uint32_t)f->ip);
		put16(image + 12, f->cs);
		put32(image + 16, (uint32_t)f->dp);
		put16(image + 20, f->ds);
	}
	put32(image + 24, f->mxcsr);
	put32(image + 28, MXCSR_MASK);
	memcpy(image + FXSAVE_XMM, f->xmm, xmm * 16);
	/* All 512 bytes must be writable, though the last of them belong to software. */
	mem_probe_write(v, i->seg, offset, FXSAVE_SIZE);
	mem_write_bytes(v, i->seg, offset, image, FXSAVE_XMM + xmm * 16);
}

void op_fxrstor(struct vcpu *v, const struct insn *i)
{
	struct fpu *f = &v->c->fpu;
	uint8_t image[FXSAVE_SIZE];
	unsigned top;

	fpu_check_x87(v, false);
	mem_read_bytes(v, i->seg, fxsave_address(v, i), image, FXSAVE_SIZE);
	mxcsr_check(v, get32(image + 24));
	f->status = get16(image + 2);
	fpu_set_control(f, get16(image));
	top = fpu_top(f);
	f->tag = 0;
	for (unsigned n = 0; n < 8; n++) {
		const uint8_t *p = image + FXSAVE_ST + n * 16;

		if (!(image[4] & (1u << n)))
			f->tag |= (uint16_t)(3u << (n * 2));
		f->st[(top + n) & 7].mantissa = get64(p);
		f->st[(top + n) & 7].sign_exponent = get16(p + 8);
	}
	f->opcode = get16(image + 6) & 0x7ff;
	if (i->rex_w) {
		f->ip = get64(image + 8);
		f->dp = get64(image + 16);
		f->cs = f->ds = 0;
	} else {
		f->ip = get32(image + 8);
		f->cs = get16(image + 12);
		f->dp = get32(image + 16);
		f->ds = get16(image + 20);
	}
	f->mxcsr = get32(image + 24);
	memcpy(f->xmm, image + FXSAVE_XMM, fxsave_xmm_count(v) * 16);
}
