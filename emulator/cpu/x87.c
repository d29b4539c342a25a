/* SPDX-License-Identifier: Apache-2.0 */
/*
 * x87: what all its instructions share, arithmetic and comparisons, and the choice of a handler.
 * Exceptions follow Intel SDM vol. 1 ch. 8.4 to 8.7: a masked one gives its default result; an
 * unmasked one sets ES, and the next waiting instruction raises #MF. Encodings that the manual
 * does not list but all processors execute (aliases of FCOM, FXCH, FSTP) are executed too.
 */
#include "emulator/cpu/x87_impl.h"
#include "emulator/cpu/flags.h"

/* ---- shared ---- */

void x87_begin(struct vcpu *v)
{
	fpu_check_x87(v, true);
}

uint16_t x87_opcode(const struct insn *i)
{
	return (uint16_t)((i->opcode & 7) << 8 | i->modrm);
}

/* 64-bit mode's flat segments have no selector. */
unsigned x87_data_segment(const struct insn *i)
{
	if (i->seg == SEG_FLAT)
		return SEG_DS;
	return i->seg == SEG_STACK ? SEG_SS : i->seg;
}

void x87_note(struct vcpu *v, const struct insn *i)
{
	struct fpu *f = &v->c->fpu;

	f->opcode = x87_opcode(i);
	f->ip = insn_rip(v);
	f->cs = v->c->seg[SEG_CS].selector;
	if (!i->is_reg) {
		f->dp = insn_address(v, i);
		f->ds = v->c->seg[x87_data_segment(i)].selector;
	}
	f->status &= (uint16_t)~FPU_STATUS_C1;
}

bool x87_underflow(struct fpu *f)
{
	x87_signal(f, FLOAT_INVALID | FPU_STATUS_SF);
	return x87_masks(f, FLOAT_INVALID);
}

bool x87_overflow(struct fpu *f)
{
	x87_signal(f, FLOAT_INVALID | FPU_STATUS_SF | FPU_STATUS_C1);
	return x87_masks(f, FLOAT_INVALID);
}

void x87_push_checked(struct fpu *f, struct f80 value)
{
	if (x87_is_empty(f, 7))
		x87_push(f, value);
	else if (x87_overflow(f))
		x87_push(f, F80_DEFAULT_NAN);
}

/* ---- arithmetic ---- */

/* The operation field of the opcode or ModRM; 2 and 3 compare. */
enum { OP_ADD, OP_MUL, OP_COM, OP_COMP, OP_SUB, OP_SUBR, OP_DIV, OP_DIVR };

static unsigned operation(const struct insn *i)
{
	return (i->modrm >> 3) & 7;
}

static struct f80 arithmetic(struct float_env *e, unsigned op, struct f80 a, struct f80 b)
{
	switch (op) {
	case OP_ADD:
		return f80_add(e, a, b);
	case OP_MUL:
		return f80_mul(e, a, b);
	case OP_SUB:
		return f80_sub(e, a, b);
	case OP_SUBR:
		return f80_sub(e, b, a);
	case OP_DIV:
		return f80_div(e, a, b);
	default:
		return f80_div(e, b, a);
	}
}

/* ST(destination) = ST(0) op ST(i). */
static void arithmetic_registers(struct fpu *f, const struct insn *i, unsigned destination,
				 bool pop)
{
	unsigned n = i->modrm & 7;
	struct float_env e = x87_env(f);
	struct f80 result = F80_DEFAULT_NAN;

	if (x87_is_empty(f, 0) || x87_is_empty(f, n)) {
		if (!x87_underflow(f))
			return;
	} else {
		e.precision = x87_precision(f);
		result = arithmetic(&e, operation(i), *x87_st(f, 0), *x87_st(f, n));
		if (!x87_finish(f, &e))
			return;
	}
	x87_set(f, destination, result);
	if (pop)
		x87_pop(f);
}

static void op_arithmetic_st0(struct vcpu *v, const struct insn *i)
{
	arithmetic_registers(x87_start(v, i), i, 0, false);
}

static void op_arithmetic_sti(struct vcpu *v, const struct insn *i)
{
	arithmetic_registers(x87_start(v, i), i, i->modrm & 7, false);
}

static void op_arithmetic_pop(struct vcpu *v, const struct insn *i)
{
	arithmetic_registers(x87_start(v, i), i, i->modrm & 7, true);
}

/* ---- comparisons ---- */

struct comparison {
	bool quiet;     /* FUCOM: a quiet NaN is no exception */
	bool to_eflags; /* FCOMI */
	uint8_t pops;
	bool b_denormal; /* in memory, before it was widened */
};

static void set_order(struct vcpu *v, enum float_order order, bool to_eflags)
{
	struct fpu *f = &v->c->fpu;
	bool less = order == FLOAT_LESS || order == FLOAT_UNORDERED;
	bool equal = order == FLOAT_EQUAL || order == FLOAT_UNORDERED;
	bool unordered = order == FLOAT_UNORDERED;

	if (to_eflags)
		flags_set_status(v->c, (less ? FLAG_CF : 0) | (equal ? FLAG_ZF : 0) |
					   (unordered ? FLAG_PF : 0));
	else
		x87_set_conditions(f, FPU_STATUS_C0 | FPU_STATUS_C2 | FPU_STATUS_C3,
				   (uint16_t)((less ? FPU_STATUS_C0 : 0) |
					      (equal ? FPU_STATUS_C3 : 0) |
					      (unordered ? FPU_STATUS_C2 : 0)));
}

/*
 * ST(0) with b, which was found not to be there when b_empty. An unmasked exception keeps it from
 * popping, but the result is there.
 */
static void compare(struct vcpu *v, struct f80 b, bool b_empty, struct comparison how)
{
	struct fpu *f = &v->c->fpu;
	struct float_env e = x87_env(f);
	enum float_order order = FLOAT_UNORDERED;
	bool finished;

	if (b_empty || x87_is_empty(f, 0)) {
		finished = x87_underflow(f);
	} else {
		order = f80_compare(&e, *x87_st(f, 0), b, how.quiet);
		if (how.b_denormal && order != FLOAT_UNORDERED)
			e.flags |= FLOAT_DENORMAL;
		finished = x87_finish(f, &e);
	}
	set_order(v, order, how.to_eflags);
	while (finished && how.pops--)
		x87_pop(f);
}

static void compare_register(struct vcpu *v, const struct insn *i, struct comparison how)
{
	struct fpu *f = x87_start(v, i);
	unsigned n = i->modrm & 7;

	compare(v, *x87_st(f, n), x87_is_empty(f, n), how);
}

static void op_fcom(struct vcpu *v, const struct insn *i)
{
	compare_register(v, i, (struct comparison){0});
}

static void op_fcomp(struct vcpu *v, const struct insn *i)
{
	compare_register(v, i, (struct comparison){.pops = 1});
}

static void op_fcompp(struct vcpu *v, const struct insn *i)
{
	compare_register(v, i, (struct comparison){.pops = 2});
}

static void op_fucom(struct vcpu *v, const struct insn *i)
{
	compare_register(v, i, (struct comparison){.quiet = true});
}

static void op_fucomp(struct vcpu *v, const struct insn *i)
{
	compare_register(v, i, (struct comparison){.quiet = true, .pops = 1});
}

static void op_fucompp(struct vcpu *v, const struct insn *i)
{
	compare_register(v, i, (struct comparison){.quiet = true, .pops = 2});
}

static void op_fcomi(struct vcpu *v, const struct insn *i)
{
	compare_register(v, i, (struct comparison){.to_eflags = true});
}

static void op_fcomip(struct vcpu *v, const struct insn *i)
{
	compare_register(v, i, (struct comparison){.to_eflags = true, .pops = 1});
}

static void op_fucomi(struct vcpu *v, const struct insn *i)
{
	compare_register(v, i, (struct comparison){.quiet = true, .to_eflags = true});
}

static void op_fucomip(struct vcpu *v, const struct insn *i)
{
	compare_register(v, i, (struct comparison){.quiet = true, .to_eflags = true, .pops = 1});
}

static void op_ftst(struct vcpu *v, const struct insn *i)
{
	x87_start(v, i);
	compare(v, (struct f80){0}, false, (struct comparison){0});
}

static void op_fxam(struct vcpu *v, const struct insn *i)
{
	struct fpu *f = x87_start(v, i);
	struct f80 a = *x87_st(f, 0);
	unsigned exponent = a.sign_exponent & 0x7fff;
	bool integer = a.mantissa >> 63;
	uint16_t class;

	if (x87_is_empty(f, 0))
		class = FPU_STATUS_C3 | FPU_STATUS_C0;
	else if (exponent == 0)
		class = a.mantissa ? FPU_STATUS_C3 | FPU_STATUS_C2 : FPU_STATUS_C3;
	else if (!integer)
		class = 0; /* unsupported */
	else if (exponent == 0x7fff)
		class = a.mantissa << 1 ? FPU_STATUS_C0 : FPU_STATUS_C2 | FPU_STATUS_C0;
	else
		class = FPU_STATUS_C2;
	if (a.sign_exponent >> 15)
		class |= FPU_STATUS_C1;
	x87_set_conditions(f, FPU_STATUS_C0 | FPU_STATUS_C1 | FPU_STATUS_C2 | FPU_STATUS_C3, class);
}

/* ---- arithmetic and comparisons with memory ---- */

/* An arithmetic operation meets a NaN or nonsense in ST(0), beside which a denormal is nothing. */
static bool is_number(struct f80 a)
{
	unsigned exponent = a.sign_exponent & 0x7fff;

	if (exponent == 0)
		return true;
	return a.mantissa == 1ull << 63 || (exponent != 0x7fff && a.mantissa >> 63);
}

/* ST(0) = ST(0) op b. */
static void arithmetic_memory(struct vcpu *v, const struct insn *i, struct f80 b, bool denormal)
{
	struct fpu *f = &v->c->fpu;
	struct float_env e = x87_env(f);
	unsigned op = operation(i);
	struct f80 a = *x87_st(f, 0), result = F80_DEFAULT_NAN;

	x87_note(v, i);
	if (op == OP_COM || op == OP_COMP) {
		compare(v, b, false,
			(struct comparison){.pops = op == OP_COMP, .b_denormal = denormal});
		return;
	}
	if (x87_is_empty(f, 0)) {
		if (!x87_underflow(f))
			return;
	} else {
		e.precision = x87_precision(f);
		result = arithmetic(&e, op, a, b);
		if (denormal && is_number(a) && !(e.flags & FLOAT_DIVZERO))
			e.flags |= FLOAT_DENORMAL;
		if (!x87_finish(f, &e))
			return;
	}
	x87_set(f, 0, result);
}

static void op_arithmetic_m32(struct vcpu *v, const struct insn *i)
{
	bool denormal;
	struct f80 b;

	x87_begin(v);
	b = f32_widen(mem_read32(v, i->seg, insn_address(v, i)), &denormal);
	arithmetic_memory(v, i, b, denormal);
}

static void op_arithmetic_m64(struct vcpu *v, const struct insn *i)
{
	bool denormal;
	struct f80 b;

	x87_begin(v);
	b = f64_widen(mem_read64(v, i->seg, insn_address(v, i)), &denormal);
	arithmetic_memory(v, i, b, denormal);
}

static void op_arithmetic_m16i(struct vcpu *v, const struct insn *i)
{
	struct float_env exact = {0};
	int16_t b;

	x87_begin(v);
	b = (int16_t)mem_read16(v, i->seg, insn_address(v, i));
	arithmetic_memory(v, i, f80_from_i32(&exact, b), false);
}

static void op_arithmetic_m32i(struct vcpu *v, const struct insn *i)
{
	struct float_env exact = {0};
	int32_t b;

	x87_begin(v);
	b = (int32_t)mem_read32(v, i->seg, insn_address(v, i));
	arithmetic_memory(v, i, f80_from_i32(&exact, b), false);
}

/* ---- which handler ---- */

/* Register forms of D8..DF by the operation field; NULL: see elsewhere, or #UD. */
static insn_handler *const register_table[8][8] = {
    [0] = {op_arithmetic_st0, op_arithmetic_st0, op_fcom, op_fcomp, op_arithmetic_st0,
	   op_arithmetic_st0, op_arithmetic_st0, op_arithmetic_st0},
    [3] = {[5] = op_fucomi, [6] = op_fcomi},
    [4] = {op_arithmetic_sti, op_arithmetic_sti, op_fcom, op_fcomp, op_arithmetic_sti,
	   op_arithmetic_sti, op_arithmetic_sti, op_arithmetic_sti},
    [5] = {[4] = op_fucom, [5] = op_fucomp},
    [6] = {op_arithmetic_pop, op_arithmetic_pop, op_fcomp, NULL, op_arithmetic_pop,
	   op_arithmetic_pop, op_arithmetic_pop, op_arithmetic_pop},
    [7] = {[5] = op_fucomip, [6] = op_fcomip},
};

static insn_handler *register_lookup(const struct insn *i)
{
	insn_handler *handler = register_table[i->opcode & 7][operation(i)];

	if (handler)
		return handler;
	switch (i->opcode << 8 | i->modrm) {
	case 0xd9e4:
		return op_ftst;
	case 0xd9e5:
		return op_fxam;
	case 0xdae9:
		return op_fucompp;
	case 0xded9:
		return op_fcompp;
	}
	if (i->opcode == 0xd9 && i->modrm >= 0xf0)
		handler = x87_math_lookup(i->modrm);
	return handler;
}

insn_handler *x87_lookup(const struct insn *i)
{
	static insn_handler *const memory_table[8] = {
	    [0] = op_arithmetic_m32,
	    [2] = op_arithmetic_m32i,
	    [4] = op_arithmetic_m64,
	    [6] = op_arithmetic_m16i,
	};
	insn_handler *handler = NULL;

	if (i->opcode != 0x9b)
		handler = i->is_reg ? register_lookup(i) : memory_table[i->opcode & 7];
	if (!handler)
		handler = x87_move_lookup(i);
	if (!handler)
		handler = x87_control_lookup(i);
	return handler;
}
