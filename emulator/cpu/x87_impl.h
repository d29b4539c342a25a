/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the x87_*.c files share: the register stack, and the common course of an instruction:
 *
 *	x87_begin()	#NM, #MF of an earlier instruction
 *	memory read	may fault; nothing has changed yet
 *	x87_note()	this is now the last instruction (FOP, FIP, FDP); C1 = 0
 *	x87_underflow()	an operand is empty
 *	compute		with x87_env()
 *	x87_finish()	flags into FSW; says whether the result counts
 *
 * A store notes itself and raises its flags only after the write, which may fault.
 */
#ifndef VCR_CPU_X87_IMPL_H
#define VCR_CPU_X87_IMPL_H

#include "emulator/cpu/fpu.h"
#include "emulator/cpu/mem.h"

#define F80_DEFAULT_NAN ((struct f80){0xc000000000000000, 0xffff})
#define F80_ONE         ((struct f80){0x8000000000000000, 0x3fff})

static inline struct f80 *x87_st(struct fpu *f, unsigned n)
{
	return &f->st[(fpu_top(f) + n) & 7];
}

static inline bool x87_is_empty(const struct fpu *f, unsigned n)
{
	return ((f->tag >> (((fpu_top(f) + n) & 7) * 2)) & 3) == 3;
}

static inline void x87_set_empty(struct fpu *f, unsigned n)
{
	f->tag |= (uint16_t)(3u << (((fpu_top(f) + n) & 7) * 2));
}

static inline void x87_set(struct fpu *f, unsigned n, struct f80 value)
{
	/* Not the struct: its padding is part of the arena, whose bytes must be reproducible. */
	x87_st(f, n)->mantissa = value.mantissa;
	x87_st(f, n)->sign_exponent = value.sign_exponent;
	f->tag &= (uint16_t) ~(3u << (((fpu_top(f) + n) & 7) * 2));
}

static inline void x87_rotate(struct fpu *f, unsigned by)
{
	unsigned top = (fpu_top(f) + by) & 7;

	f->status = (uint16_t)((f->status & ~FPU_STATUS_TOP) | top << 11);
}

static inline void x87_pop(struct fpu *f)
{
	x87_set_empty(f, 0);
	x87_rotate(f, 1);
}

static inline void x87_push(struct fpu *f, struct f80 value)
{
	x87_rotate(f, 7);
	x87_set(f, 0, value);
}

static inline void x87_set_conditions(struct fpu *f, uint16_t which, uint16_t value)
{
	f->status = (uint16_t)((f->status & ~which) | value);
}

static inline bool x87_masks(const struct fpu *f, uint8_t exceptions)
{
	return (f->control & exceptions) == exceptions;
}

/* What FOP becomes, and the segment register behind a memory operand, whose selector FDS does. */
uint16_t x87_opcode(const struct insn *i);
unsigned x87_data_segment(const struct insn *i);

void x87_begin(struct vcpu *v);
void x87_note(struct vcpu *v, const struct insn *i);
/* For an instruction without memory operand. */
static inline struct fpu *x87_start(struct vcpu *v, const struct insn *i)
{
	x87_begin(v);
	x87_note(v, i);
	return &v->c->fpu;
}

/* The control word as an environment of full precision; arithmetic sets .precision by PC. */
static inline struct float_env x87_env(const struct fpu *f)
{
	return (struct float_env){
	    .rounding = (f->control >> 10) & 3,
	    .masked = f->control & FPU_EXCEPTIONS,
	    .precision = 64,
	};
}

static inline uint8_t x87_precision(const struct fpu *f)
{
	static const uint8_t bits[4] = {24, 64, 53, 64};

	return bits[(f->control >> 8) & 3];
}

/* ORs exception and condition bits into FSW and sets ES when one is unmasked. */
static inline void x87_signal(struct fpu *f, uint16_t bits)
{
	f->status |= bits;
	if (bits & ~f->control & FPU_EXCEPTIONS)
		f->status |= FPU_STATUS_ES | FPU_STATUS_B;
}

/*
 * Raises the environment's flags. False when an unmasked exception was found before the
 * computation: then nothing may be written or popped.
 */
static inline bool x87_finish(struct fpu *f, const struct float_env *e)
{
	if (e->flags & ~e->masked & FLOAT_BEFORE) {
		x87_signal(f, e->flags & FLOAT_BEFORE);
		return false;
	}
	x87_signal(f, (uint16_t)(e->flags | (e->rounded_up ? FPU_STATUS_C1 : 0)));
	return true;
}

/* Stack faults. True when the exception is masked, so that the default NaN is the result. */
bool x87_underflow(struct fpu *f);
bool x87_overflow(struct fpu *f);
/* Pushes a value, or the default NaN onto a full stack. */
void x87_push_checked(struct fpu *f, struct f80 value);

/* ---- handlers, by file ---- */

insn_handler *x87_math_lookup(uint8_t modrm);           /* x87_math.c: D9 F0..FF */
insn_handler *x87_move_lookup(const struct insn *i);    /* x87_move.c */
insn_handler *x87_control_lookup(const struct insn *i); /* x87_control.c */

#endif
