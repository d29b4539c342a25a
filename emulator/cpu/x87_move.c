/* SPDX-License-Identifier: Apache-2.0 */
/*
 * x87 instructions that move data: loads, stores, constants, exchange, conditional moves, and
 * those that only turn the stack or flip a sign (Intel SDM vol. 1 8.3.3, 8.3.4).
 */
#include <string.h>

#include "emulator/cpu/flags.h"
#include "emulator/cpu/x87_impl.h"

/* ---- loads ---- */

static void load(struct vcpu *v, const struct insn *i, struct f80 value)
{
	x87_note(v, i);
	x87_push_checked(&v->c->fpu, value);
}

/*
 * A load that converts: a signalling NaN or a denormal is reported unless the stack is full. An
 * unmasked denormal is pushed all the same, so that its handler finds it in ST(0).
 */
static void load_converted(struct vcpu *v, const struct insn *i, struct f80 value,
			   const struct float_env *e)
{
	struct fpu *f = &v->c->fpu;

	x87_note(v, i);
	if (x87_is_empty(f, 7) && !x87_finish(f, e) && !x87_masks(f, e->flags & FLOAT_INVALID))
		return;
	x87_push_checked(f, value);
}

static void op_fld_m32(struct vcpu *v, const struct insn *i)
{
	struct float_env e = x87_env(&v->c->fpu);
	uint32_t a;

	x87_begin(v);
	a = mem_read32(v, i->seg, insn_address(v, i));
	load_converted(v, i, f32_to_f80(&e, a), &e);
}

static void op_fld_m64(struct vcpu *v, const struct insn *i)
{
	struct float_env e = x87_env(&v->c->fpu);
	uint64_t a;

	x87_begin(v);
	a = mem_read64(v, i->seg, insn_address(v, i));
	load_converted(v, i, f64_to_f80(&e, a), &e);
}

static void op_fld_m80(struct vcpu *v, const struct insn *i)
{
	uint8_t bytes[10];
	struct f80 a;

	x87_begin(v);
	mem_read_bytes(v, i->seg, insn_address(v, i), bytes, sizeof(bytes));
	memcpy(&a.mantissa, bytes, 8);
	memcpy(&a.sign_exponent, bytes + 8, 2);
	load(v, i, a);
}

static void op_fbld(struct vcpu *v, const struct insn *i)
{
	uint8_t bcd[10];

	x87_begin(v);
	mem_read_bytes(v, i->seg, insn_address(v, i), bcd, sizeof(bcd));
	load(v, i, f80_from_bcd(bcd));
}

#define FILD(bits, convert)                                                                        \
	static void op_fild_m##bits(struct vcpu *v, const struct insn *i)                          \
	{                                                                                          \
		struct float_env exact = {0};                                                      \
		int##bits##_t a;                                                                   \
                                                                                                   \
		x87_begin(v);                                                                      \
		a = (int##bits##_t)mem_read##bits(v, i->seg, insn_address(v, i));                  \
		load(v, i, convert(&exact, a));                                                    \
	}

FILD(16, f80_from_i32)
FILD(32, f80_from_i32)
FILD(64, f80_from_i64)

/* FLD ST(i): an empty register is noticed before a full stack. */
static void op_fld_sti(struct vcpu *v, const struct insn *i)
{
	struct fpu *f = x87_start(v, i);
	unsigned n = i->modrm & 7;

	if (!x87_is_empty(f, n))
		x87_push_checked(f, *x87_st(f, n));
	else if (x87_underflow(f))
		x87_push(f, F80_DEFAULT_NAN);
}

/* Constants have more bits than a register holds and are rounded by RC (SDM vol. 1 8.3.8). */
static void op_fld_constant(struct vcpu *v, const struct insn *i)
{
	static const struct {
		struct f80 below; /* rounded toward zero; all are positive */
		bool exact, nearest_up;
	} constant[8] = {
	    {{0x8000000000000000, 0x3fff}, true, false},  /* FLD1 */
	    {{0xd49a784bcd1b8afe, 0x4000}, false, false}, /* FLDL2T: log2(10) */
	    {{0xb8aa3b295c17f0bb, 0x3fff}, false, true},  /* FLDL2E: log2(e) */
	    {{0xc90fdaa22168c234, 0x4000}, false, true},  /* FLDPI */
	    {{0x9a209a84fbcff798, 0x3ffd}, false, true},  /* FLDLG2: log10(2) */
	    {{0xb17217f7d1cf79ab, 0x3ffe}, false, true},  /* FLDLN2: ln(2) */
	    {{0, 0}, true, false},                        /* FLDZ */
	};
	struct fpu *f = x87_start(v, i);
	unsigned n = i->modrm & 7, rounding = (f->control >> 10) & 3;
	struct f80 value = constant[n].below;

	if (!constant[n].exact &&
	    (rounding == ROUND_UP || (rounding == ROUND_NEAREST && constant[n].nearest_up)))
		value.mantissa++;
	x87_push_checked(f, value);
}

/* ---- stores ---- */

/*
 * Stores ST(0), converted to `size` bytes under `e`, or an indefinite value when it is empty. The
 * write comes first, since it may fault, and what it faults with goes before a floating-point
 * exception also where that forbids the write (SDM vol. 3A table 6-2). Neither an unmasked invalid
 * operation nor an unmasked over- or underflow stores or pops (SDM vol. 1 8.5.4, 8.5.5), nor is
 * then a result there that could be inexact; an unmasked inexact result does both.
 */
static void store(struct vcpu *v, const struct insn *i, struct float_env *e, const void *data,
		  unsigned size, bool pop)
{
	struct fpu *f = &v->c->fpu;
	bool empty = x87_is_empty(f, 0), stores;

	if (empty)
		e->flags = FLOAT_INVALID;
	stores = !(e->flags & ~e->masked & ~FLOAT_INEXACT);
	if (!stores) {
		e->flags &= (uint8_t)~FLOAT_INEXACT;
		e->rounded_up = false;
	}
	if (stores)
		mem_write_bytes(v, i->seg, insn_address(v, i), data, size);
	else
		mem_probe_write(v, i->seg, insn_address(v, i), size);
	x87_note(v, i);
	if (empty)
		x87_underflow(f);
	else
		x87_finish(f, e);
	if (stores && pop)
		x87_pop(f);
}

/* What a store looks at: an empty register converts to the indefinite value of any format. */
static struct f80 store_operand(struct fpu *f)
{
	return x87_is_empty(f, 0) ? F80_DEFAULT_NAN : *x87_st(f, 0);
}

#define FST(bits)                                                                                  \
	static void store_m##bits(struct vcpu *v, const struct insn *i, bool pop)                  \
	{                                                                                          \
		struct float_env e = x87_env(&v->c->fpu);                                          \
		uint##bits##_t value;                                                              \
                                                                                                   \
		x87_begin(v);                                                                      \
		value = f80_to_f##bits(&e, store_operand(&v->c->fpu));                             \
		store(v, i, &e, &value, sizeof(value), pop);                                       \
	}                                                                                          \
	static void op_fst_m##bits(struct vcpu *v, const struct insn *i)                           \
	{                                                                                          \
		store_m##bits(v, i, false);                                                        \
	}                                                                                          \
	static void op_fstp_m##bits(struct vcpu *v, const struct insn *i)                          \
	{                                                                                          \
		store_m##bits(v, i, true);                                                         \
	}

FST(32)
FST(64)

#define FIST(bits)                                                                                 \
	static void store_m##bits##i(struct vcpu *v, const struct insn *i, struct float_env e,     \
				     bool pop)                                                     \
	{                                                                                          \
		int##bits##_t value;                                                               \
                                                                                                   \
		x87_begin(v);                                                                      \
		value = f80_to_i##bits(&e, store_operand(&v->c->fpu));                             \
		store(v, i, &e, &value, sizeof(value), pop);                                       \
	}                                                                                          \
	static void op_fistp_m##bits(struct vcpu *v, const struct insn *i)                         \
	{                                                                                          \
		store_m##bits##i(v, i, x87_env(&v->c->fpu), true);                                 \
	}                                                                                          \
	static void op_fisttp_m##bits(struct vcpu *v, const struct insn *i)                        \
	{                                                                                          \
		struct float_env e = x87_env(&v->c->fpu);                                          \
                                                                                                   \
		e.rounding = ROUND_ZERO;                                                           \
		store_m##bits##i(v, i, e, true);                                                   \
	}

FIST(16)
FIST(32)
FIST(64)

static void op_fist_m16(struct vcpu *v, const struct insn *i)
{
	store_m16i(v, i, x87_env(&v->c->fpu), false);
}

static void op_fist_m32(struct vcpu *v, const struct insn *i)
{
	store_m32i(v, i, x87_env(&v->c->fpu), false);
}

static void op_fstp_m80(struct vcpu *v, const struct insn *i)
{
	struct float_env e = x87_env(&v->c->fpu);
	uint8_t bytes[10];
	struct f80 value;

	x87_begin(v);
	value = store_operand(&v->c->fpu);
	memcpy(bytes, &value.mantissa, 8);
	memcpy(bytes + 8, &value.sign_exponent, 2);
	store(v, i, &e, bytes, sizeof(bytes), true);
}

static void op_fbstp(struct vcpu *v, const struct insn *i)
{
	struct float_env e = x87_env(&v->c->fpu);
	uint8_t bcd[10];

	x87_begin(v);
	f80_to_bcd(&e, store_operand(&v->c->fpu), bcd);
	store(v, i, &e, bcd, sizeof(bcd), true);
}

/* ---- between registers ---- */

static void store_register(struct vcpu *v, const struct insn *i, bool pop)
{
	struct fpu *f = x87_start(v, i);

	if (x87_is_empty(f, 0) && !x87_underflow(f))
		return;
	x87_set(f, i->modrm & 7, store_operand(f));
	if (pop)
		x87_pop(f);
}

static void op_fst_sti(struct vcpu *v, const struct insn *i)
{
	store_register(v, i, false);
}

static void op_fstp_sti(struct vcpu *v, const struct insn *i)
{
	store_register(v, i, true);
}

/* D9 D8+i, an alias of FSTP ST(i) that takes no notice of an empty ST(0). */
static void op_fstp1(struct vcpu *v, const struct insn *i)
{
	struct fpu *f = x87_start(v, i);

	if (!x87_is_empty(f, 0))
		x87_set(f, i->modrm & 7, *x87_st(f, 0));
	x87_pop(f);
}

static void op_fxch(struct vcpu *v, const struct insn *i)
{
	struct fpu *f = x87_start(v, i);
	unsigned n = i->modrm & 7;
	struct f80 a, b;

	if ((x87_is_empty(f, 0) || x87_is_empty(f, n)) && !x87_underflow(f))
		return;
	a = store_operand(f);
	b = x87_is_empty(f, n) ? F80_DEFAULT_NAN : *x87_st(f, n);
	x87_set(f, n, a);
	x87_set(f, 0, b);
}

/* DA and DB, fields 0..3: below, equal, below or equal, unordered; DB negates. */
static void op_fcmov(struct vcpu *v, const struct insn *i)
{
	struct fpu *f = &v->c->fpu;
	unsigned n = i->modrm & 7;
	bool conditions[4], moves;
	uint16_t c1;

	x87_begin(v);
	c1 = f->status & FPU_STATUS_C1;
	x87_note(v, i);
	if (x87_is_empty(f, 0) || x87_is_empty(f, n)) {
		if (x87_underflow(f))
			x87_set(f, 0, F80_DEFAULT_NAN);
		return;
	}
	f->status |= c1; /* cleared by a stack fault only */
	conditions[0] = flag_cf(v->c);
	conditions[1] = flag_zf(v->c);
	conditions[2] = flag_cf(v->c) || flag_zf(v->c);
	conditions[3] = flag_pf(v->c);
	moves = conditions[(i->modrm >> 3) & 3] != (i->opcode & 1);
	if (moves)
		x87_set(f, 0, *x87_st(f, n));
}

static void op_ffree(struct vcpu *v, const struct insn *i)
{
	struct fpu *f = x87_start(v, i);

	x87_set_empty(f, i->modrm & 7);
}

static void op_ffreep(struct vcpu *v, const struct insn *i)
{
	struct fpu *f = x87_start(v, i);

	x87_set_empty(f, i->modrm & 7);
	x87_pop(f);
}

static void op_fabs(struct vcpu *v, const struct insn *i)
{
	struct fpu *f = x87_start(v, i);

	if (!x87_is_empty(f, 0))
		x87_st(f, 0)->sign_exponent &= 0x7fff;
	else if (x87_underflow(f))
		x87_set(f, 0, F80_DEFAULT_NAN);
}

static void op_fchs(struct vcpu *v, const struct insn *i)
{
	struct fpu *f = x87_start(v, i);

	if (!x87_is_empty(f, 0))
		x87_st(f, 0)->sign_exponent ^= 0x8000;
	else if (x87_underflow(f))
		x87_set(f, 0, F80_DEFAULT_NAN);
}

static void op_fincstp(struct vcpu *v, const struct insn *i)
{
	x87_rotate(x87_start(v, i), 1);
}

static void op_fdecstp(struct vcpu *v, const struct insn *i)
{
	x87_rotate(x87_start(v, i), 7);
}

/* ---- which handler ---- */

static insn_handler *const memory_table[8][8] = {
    [1] = {[0] = op_fld_m32, [2] = op_fst_m32, [3] = op_fstp_m32},
    [3] = {op_fild_m32, op_fisttp_m32, op_fist_m32, op_fistp_m32, NULL, op_fld_m80, NULL,
	   op_fstp_m80},
    [5] = {op_fld_m64, op_fisttp_m64, op_fst_m64, op_fstp_m64},
    [7] = {op_fild_m16, op_fisttp_m16, op_fist_m16, op_fistp_m16, op_fbld, op_fild_m64, op_fbstp,
	   op_fistp_m64},
};

/* D9 D8, DD C8, DF C8, DF D0 and DF D8 are aliases that the manual leaves out. */
static insn_handler *const register_table[8][8] = {
    [1] = {[0] = op_fld_sti, [1] = op_fxch, [3] = op_fstp1},
    [2] = {op_fcmov, op_fcmov, op_fcmov, op_fcmov},
    [3] = {op_fcmov, op_fcmov, op_fcmov, op_fcmov},
    [5] = {op_ffree, op_fxch, op_fst_sti, op_fstp_sti},
    [7] = {op_ffreep, op_fxch, op_fstp_sti, op_fstp_sti},
};

insn_handler *x87_move_lookup(const struct insn *i)
{
	unsigned field = (i->modrm >> 3) & 7;

	if (i->opcode == 0x9b)
		return NULL;
	if (!i->is_reg)
		return memory_table[i->opcode & 7][field];
	if (register_table[i->opcode & 7][field])
		return register_table[i->opcode & 7][field];
	if (i->opcode != 0xd9)
		return NULL;
	if (i->modrm >= 0xe8 && i->modrm <= 0xee)
		return op_fld_constant;
	switch (i->modrm) {
	case 0xe0:
		return op_fchs;
	case 0xe1:
		return op_fabs;
	case 0xf6:
		return op_fdecstp;
	case 0xf7:
		return op_fincstp;
	default:
		return NULL;
	}
}
