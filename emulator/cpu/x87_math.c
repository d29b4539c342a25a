/* SPDX-License-Identifier: Apache-2.0 */
/*
 * x87 instructions D9 F0..FF: the handlers of square root, remainders, scaling, rounding and the
 * transcendental functions. The values are worked out by softfloat; here are the stack, the
 * condition codes and the exceptions.
 */
#include "emulator/cpu/x87_impl.h"

typedef struct f80 unary_function(struct float_env *e, struct f80 a);
typedef struct f80 binary_function(struct float_env *e, struct f80 a, struct f80 b);
typedef bool angle_function(struct float_env *e, struct f80 a, struct f80 *r);

/* ST(0) = function(ST(0)). */
static void unary(struct vcpu *v, const struct insn *i, unary_function *function, bool precise)
{
	struct fpu *f = x87_start(v, i);
	struct float_env e = x87_env(f);
	struct f80 result = F80_DEFAULT_NAN;

	if (precise)
		e.precision = x87_precision(f);
	if (x87_is_empty(f, 0)) {
		if (!x87_underflow(f))
			return;
	} else {
		result = function(&e, *x87_st(f, 0));
		if (!x87_finish(f, &e))
			return;
	}
	x87_set(f, 0, result);
}

static void op_fsqrt(struct vcpu *v, const struct insn *i)
{
	unary(v, i, f80_sqrt, true);
}

static void op_frndint(struct vcpu *v, const struct insn *i)
{
	unary(v, i, f80_round, false);
}

/* ST(0) = ST(0) * 2^ST(1); nothing is popped. */
static void op_fscale(struct vcpu *v, const struct insn *i)
{
	struct fpu *f = x87_start(v, i);
	struct float_env e = x87_env(f);
	struct f80 result = F80_DEFAULT_NAN;

	if (x87_is_empty(f, 0) || x87_is_empty(f, 1)) {
		if (!x87_underflow(f))
			return;
	} else {
		result = f80_scale(&e, *x87_st(f, 0), *x87_st(f, 1));
		if (!x87_finish(f, &e))
			return;
	}
	x87_set(f, 0, result);
}

/* Quotient bits 0, 1 and 2 go to C1, C3 and C0; without a quotient C3 and C0 stay. */
static void partial_remainder(struct vcpu *v, const struct insn *i, bool nearest)
{
	struct fpu *f = x87_start(v, i);
	struct float_env e = x87_env(f);
	struct f80 result = F80_DEFAULT_NAN;
	struct f80_quotient q = {.complete = true};

	x87_set_conditions(f, FPU_STATUS_C2, 0);
	if (x87_is_empty(f, 0) || x87_is_empty(f, 1)) {
		if (!x87_underflow(f))
			return;
	} else {
		result = f80_rem(&e, *x87_st(f, 0), *x87_st(f, 1), nearest, &q);
		if (!x87_finish(f, &e))
			return;
	}
	x87_set_conditions(
	    f, FPU_STATUS_C1 | FPU_STATUS_C2,
	    (uint16_t)((q.low & 1 ? FPU_STATUS_C1 : 0) | (q.complete ? 0 : FPU_STATUS_C2)));
	if (q.exists)
		x87_set_conditions(
		    f, FPU_STATUS_C0 | FPU_STATUS_C3,
		    (uint16_t)((q.low & 2 ? FPU_STATUS_C3 : 0) | (q.low & 4 ? FPU_STATUS_C0 : 0)));
	x87_set(f, 0, result);
}

static void op_fprem(struct vcpu *v, const struct insn *i)
{
	partial_remainder(v, i, false);
}

static void op_fprem1(struct vcpu *v, const struct insn *i)
{
	partial_remainder(v, i, true);
}

/* Needs an operand and a free register; true when there are both. Else the masked response. */
static bool ready_to_push(struct fpu *f)
{
	bool masked;

	if (!x87_is_empty(f, 0) && x87_is_empty(f, 7))
		return true;
	masked = x87_is_empty(f, 0) ? x87_underflow(f) : x87_overflow(f);
	if (masked) {
		x87_set(f, 0, F80_DEFAULT_NAN);
		x87_push(f, F80_DEFAULT_NAN);
	}
	return false;
}

static void op_fxtract(struct vcpu *v, const struct insn *i)
{
	struct fpu *f = x87_start(v, i);
	struct float_env e = x87_env(f);
	struct f80 significand, exponent;

	if (!ready_to_push(f))
		return;
	significand = f80_extract(&e, *x87_st(f, 0), &exponent);
	if (!x87_finish(f, &e))
		return;
	x87_set(f, 0, exponent);
	x87_push(f, significand);
}

/* ---- transcendental functions ---- */

static void op_f2xm1(struct vcpu *v, const struct insn *i)
{
	unary(v, i, f80_exp2m1, false);
}

/* ST(1) = function(a, b), then pop; the operands are ST(0) and ST(1), FPATAN's ST(1) and ST(0). */
static void binary_pop(struct vcpu *v, const struct insn *i, binary_function *function,
		       unsigned first)
{
	struct fpu *f = x87_start(v, i);
	struct float_env e = x87_env(f);
	struct f80 result = F80_DEFAULT_NAN;

	if (x87_is_empty(f, 0) || x87_is_empty(f, 1)) {
		if (!x87_underflow(f))
			return;
	} else {
		result = function(&e, *x87_st(f, first), *x87_st(f, !first));
		if (!x87_finish(f, &e))
			return;
	}
	x87_set(f, 1, result);
	x87_pop(f);
}

static void op_fyl2x(struct vcpu *v, const struct insn *i)
{
	binary_pop(v, i, f80_ylog2x, 0);
}

static void op_fyl2xp1(struct vcpu *v, const struct insn *i)
{
	binary_pop(v, i, f80_ylog2xp1, 0);
}

static void op_fpatan(struct vcpu *v, const struct insn *i)
{
	binary_pop(v, i, f80_atan2, 1);
}

static void out_of_range(struct fpu *f)
{
	x87_set_conditions(f, FPU_STATUS_C2, FPU_STATUS_C2);
}

/* ST(0) = function(ST(0)), or C2 when the angle is out of range. */
static void angle(struct vcpu *v, const struct insn *i, angle_function *function)
{
	struct fpu *f = x87_start(v, i);
	struct float_env e = x87_env(f);
	struct f80 result = F80_DEFAULT_NAN;

	x87_set_conditions(f, FPU_STATUS_C2, 0);
	if (x87_is_empty(f, 0)) {
		if (!x87_underflow(f))
			return;
	} else {
		if (!function(&e, *x87_st(f, 0), &result)) {
			out_of_range(f);
			return;
		}
		if (!x87_finish(f, &e))
			return;
	}
	x87_set(f, 0, result);
}

static void op_fsin(struct vcpu *v, const struct insn *i)
{
	angle(v, i, f80_sin);
}

static void op_fcos(struct vcpu *v, const struct insn *i)
{
	angle(v, i, f80_cos);
}

static void op_fsincos(struct vcpu *v, const struct insn *i)
{
	struct fpu *f = x87_start(v, i);
	struct float_env e = x87_env(f);
	struct f80 sine, cosine;

	x87_set_conditions(f, FPU_STATUS_C2, 0);
	if (!ready_to_push(f))
		return;
	if (!f80_sin(&e, *x87_st(f, 0), &sine) || !f80_cos(&e, *x87_st(f, 0), &cosine)) {
		out_of_range(f);
		return;
	}
	if (!x87_finish(f, &e))
		return;
	x87_set(f, 0, sine);
	x87_push(f, cosine);
}

/* The tangent, then 1, for which a NaN stands in when there is no tangent. */
static void op_fptan(struct vcpu *v, const struct insn *i)
{
	struct fpu *f = x87_start(v, i);
	struct float_env e = x87_env(f);
	struct f80 tangent;

	x87_set_conditions(f, FPU_STATUS_C2, 0);
	if (!ready_to_push(f))
		return;
	if (!f80_tan(&e, *x87_st(f, 0), &tangent)) {
		out_of_range(f);
		return;
	}
	if (!x87_finish(f, &e))
		return;
	x87_set(f, 0, tangent);
	x87_push(f, (tangent.sign_exponent & 0x7fff) == 0x7fff ? tangent : F80_ONE);
}

insn_handler *x87_math_lookup(uint8_t modrm)
{
	/* F6 and F7 are FDECSTP and FINCSTP, in x87_move.c. */
	static insn_handler *const table[16] = {
	    op_f2xm1, op_fyl2x,   op_fptan, op_fpatan,  op_fxtract, op_fprem1, NULL,    NULL,
	    op_fprem, op_fyl2xp1, op_fsqrt, op_fsincos, op_frndint, op_fscale, op_fsin, op_fcos,
	};

	return table[modrm & 15];
}
