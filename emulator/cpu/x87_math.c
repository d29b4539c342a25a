/* SPDX-License-Identifier: Apache-2.0 */
/*
 * x87 instructions D9 F0..FF: the handlers of square root, remainders, scaling, rounding and the
 * transcendental functions. The values are worked out by softfloat; here are the stack, the
 * condition codes and the exceptions.
 */
#include "emulator/cpu/x87_impl.h"

typedef struct f80 unary_function(struct float_env *e, struct f80 a);
typedef struct f80 binary_function(struct float_env *e, struct f80 a, struct f80 b);

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

insn_handler *x87_math_lookup(uint8_t modrm)
{
	switch (modrm) {
	case 0xf4:
		return op_fxtract;
	case 0xf5:
		return op_fprem1;
	case 0xf8:
		return op_fprem;
	case 0xfa:
		return op_fsqrt;
	case 0xfc:
		return op_frndint;
	case 0xfd:
		return op_fscale;
	default:
		return NULL;
	}
}
