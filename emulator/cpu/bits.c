/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shifts, rotates, bit tests and bit scans (Intel SDM vol. 2, vol. 1 ch. 7.3.5, 7.3.6). Where the
 * manual leaves flags and results undefined they are those of AMD's Zen: OF for counts other than
 * 1 is mostly what the last of that many shifts by one would give, and shifts set AF.
 */
#include "emulator/cpu/ops.h"

enum { SHIFT_ROL, SHIFT_ROR, SHIFT_RCL, SHIFT_RCR, SHIFT_SHL, SHIFT_SHR, SHIFT_SAL, SHIFT_SAR };

struct shifted {
	uint64_t value;
	bool cf, of;
};

ALWAYS_INLINE bool bit_at(uint64_t value, unsigned n)
{
	return (value >> n) & 1;
}

/* The two upper bits differ: the last step to the right changed the sign. */
ALWAYS_INLINE bool sign_changed(uint64_t value, unsigned bits)
{
	return bit_at(value, bits - 1) != bit_at(value, bits - 2);
}

/* `a` of `bits` bits, rotated by a count of 1 to 63 that the caller has masked. */
ALWAYS_INLINE struct shifted rotate(unsigned op, unsigned bits, uint64_t a, unsigned count)
{
	struct shifted s;
	unsigned left = (op == SHIFT_ROL ? count : bits - count % bits) % bits;

	s.value = left ? (a << left | a >> (bits - left)) & size_mask(bits) : a;
	if (op == SHIFT_ROL) {
		s.cf = bit_at(s.value, 0);
		s.of = s.cf != bit_at(s.value, bits - 1);
	} else {
		s.cf = bit_at(s.value, bits - 1);
		s.of = sign_changed(s.value, bits);
	}
	return s;
}

/* Through CF: a rotate of bits + 1 bits, which may come full circle. */
ALWAYS_INLINE struct shifted rotate_carry(unsigned op, unsigned bits, uint64_t a, unsigned count,
					  bool cf)
{
	struct shifted s;
	uint64_t in = cf;

	count %= bits + 1;
	if (count == 0) {
		s.value = a;
		s.cf = cf;
		s.of = op == SHIFT_RCL ? cf != bit_at(a, bits - 1) : sign_changed(a, bits);
	} else if (op == SHIFT_RCL) {
		s.value = (count < 64 ? a << count : 0) | in << (count - 1);
		if (count > 1)
			s.value |= a >> (bits + 1 - count);
		s.cf = bit_at(a, bits - count);
		s.value &= size_mask(bits);
		s.of = s.cf != bit_at(s.value, bits - 1);
	} else {
		s.value = (count < 64 ? a >> count : 0) | in << (bits - count);
		if (count > 1)
			s.value |= a << (bits + 1 - count);
		s.cf = bit_at(a, count - 1);
		s.value &= size_mask(bits);
		s.of = sign_changed(s.value, bits);
	}
	return s;
}

/* The count may exceed the size of 8- and 16-bit operands. */
ALWAYS_INLINE struct shifted shift(unsigned op, unsigned bits, uint64_t a, unsigned count)
{
	struct shifted s;
	int64_t wide = sign_extend(a, bits);

	switch (op) {
	case SHIFT_SHR:
		s.value = a >> count;
		s.cf = bit_at(a, count - 1);
		s.of = sign_changed(s.value, bits);
		break;
	case SHIFT_SAR:
		s.value = (uint64_t)(wide >> count) & size_mask(bits);
		s.cf = (wide >> (count - 1)) & 1;
		s.of = false;
		break;
	default:
		s.value = (a << count) & size_mask(bits);
		s.cf = count <= bits && bit_at(a, bits - count);
		s.of = s.cf != bit_at(s.value, bits - 1);
		break;
	}
	return s;
}

ALWAYS_INLINE void flags_set_shift(struct cpu *c, unsigned bits, uint64_t value)
{
	flags_set_logic(c, bits, value);
	c->flag_aux |= AUX_AF;
}

ALWAYS_INLINE void shift_execute(struct vcpu *v, const struct insn *i, unsigned op, unsigned bits,
				 bool memory, unsigned by)
{
	struct cpu *c = v->c;
	uint64_t a = rm_get_rmw(v, i, memory, bits);
	unsigned count = by == SHIFT_BY_1     ? 1
			 : by == SHIFT_BY_IMM ? (unsigned)i->immediate
					      : (unsigned)c->reg[GPR_RCX];
	struct shifted s;

	count &= bits == 64 ? 63 : 31;
	if (count == 0) { /* no flag changes, but a 32-bit register is still written */
		rm_set(v, i, memory, bits, a);
		return;
	}
	if (op == SHIFT_ROL || op == SHIFT_ROR)
		s = rotate(op, bits, a, count);
	else if (op == SHIFT_RCL || op == SHIFT_RCR)
		s = rotate_carry(op, bits, a, count, flag_cf(c));
	else
		s = shift(op, bits, a, count);
	rm_set(v, i, memory, bits, s.value);
	if (op >= SHIFT_SHL)
		flags_set_shift(c, bits, s.value);
	flags_set_cf_of(c, s.cf, s.of);
}

#define SHIFT_HANDLER(op, by, letter, memory, bits)                                                \
	static void shift_##op##_##by##_##letter##_##bits(struct vcpu *v, const struct insn *i)    \
	{                                                                                          \
		shift_execute(v, i, SHIFT_##op, bits, memory, SHIFT_BY_##by);                      \
	}
#define SHIFT_BY(op, by)                                                                           \
	SHIFT_HANDLER(op, by, r, false, 8)                                                         \
	SHIFT_HANDLER(op, by, r, false, 16)                                                        \
	SHIFT_HANDLER(op, by, r, false, 32)                                                        \
	SHIFT_HANDLER(op, by, r, false, 64)                                                        \
	SHIFT_HANDLER(op, by, m, true, 8)                                                          \
	SHIFT_HANDLER(op, by, m, true, 16)                                                         \
	SHIFT_HANDLER(op, by, m, true, 32)                                                         \
	SHIFT_HANDLER(op, by, m, true, 64)
#define SHIFT_OP(op)                                                                               \
	SHIFT_BY(op, IMM)                                                                          \
	SHIFT_BY(op, 1)                                                                            \
	SHIFT_BY(op, CL)
SHIFT_OP(ROL)
SHIFT_OP(ROR)
SHIFT_OP(RCL)
SHIFT_OP(RCR)
SHIFT_OP(SHL)
SHIFT_OP(SHR)
SHIFT_OP(SAR)

#define SHIFT_ROWS_BY(op, by) [SHIFT_BY_##by] = RM_ROWS(shift_##op##_##by)
#define SHIFT_ROWS(op)                                                                             \
	{                                                                                          \
		SHIFT_ROWS_BY(op, IMM), SHIFT_ROWS_BY(op, 1), SHIFT_ROWS_BY(op, CL)                \
	}
insn_handler *const shift_rows[8][SHIFT_COUNTS][2][ROW] = {
    SHIFT_ROWS(ROL), SHIFT_ROWS(ROR), SHIFT_ROWS(RCL), SHIFT_ROWS(RCR),
    SHIFT_ROWS(SHL), SHIFT_ROWS(SHR), SHIFT_ROWS(SHL), SHIFT_ROWS(SAR),
};

/* ---- SHLD and SHRD ---- */

/*
 * With 16-bit operands a count above 16 is undefined: Zen shifts as if the source followed again
 * behind itself, with CF = 0.
 */
ALWAYS_INLINE void double_execute(struct vcpu *v, const struct insn *i, bool right, unsigned bits,
				  bool memory)
{
	struct cpu *c = v->c;
	uint64_t to = rm_get_rmw(v, i, memory, bits), from = reg_get(v, i, i->reg, bits), wide;
	unsigned count = i->opcode & 1 ? (unsigned)c->reg[GPR_RCX] : (unsigned)i->immediate;
	struct shifted s;

	count &= bits == 64 ? 63 : 31;
	if (count == 0) {
		rm_set(v, i, memory, bits, to);
		return;
	}
	if (bits == 16) {
		wide = right ? from << 32 | from << 16 | to : to << 32 | from << 16 | from;
		s.value = (right ? wide >> count : wide >> (32 - count)) & 0xffff;
		s.cf = count <= 16 && bit_at(to, right ? count - 1 : 16 - count);
	} else if (right) {
		s.value = (to >> count | from << (bits - count)) & size_mask(bits);
		s.cf = bit_at(to, count - 1);
	} else {
		s.value = (to << count | from >> (bits - count)) & size_mask(bits);
		s.cf = bit_at(to, bits - count);
	}
	if (right)
		s.of = sign_changed(s.value, bits);
	else
		s.of = s.cf != (count < bits && bit_at(s.value, bits - 1));
	rm_set(v, i, memory, bits, s.value);
	flags_set_shift(c, bits, s.value);
	flags_set_cf_of(c, s.cf, s.of);
}

#define double_left(v, i, bits, memory)  double_execute(v, i, false, bits, memory)
#define double_right(v, i, bits, memory) double_execute(v, i, true, bits, memory)
RM_HANDLERS_WIDE(shld, double_left)
RM_HANDLERS_WIDE(shrd, double_right)

insn_handler *const double_shift_rows[2][2][ROW] = {
    [DOUBLE_SHLD] = RM_ROWS_WIDE(shld),
    [DOUBLE_SHRD] = RM_ROWS_WIDE(shrd),
};

/* ---- bit tests ---- */

/*
 * The bit offset in a register is signed and, with a memory operand, not limited to the operand:
 * the bit string extends before and behind it. An immediate offset stays within.
 */
ALWAYS_INLINE void bit_execute(struct vcpu *v, const struct insn *i, unsigned op, bool immediate,
			       unsigned bits, bool memory)
{
	uint64_t select, a, at = 0;
	int64_t offset =
	    immediate ? (int64_t)(i->immediate & (bits - 1)) : sign_extend(v->c->reg[i->reg], bits);

	if (memory) {
		at = insn_address(v, i) + (uint64_t)((offset >> 3) & -(int64_t)(bits / 8));
		if (i->address < 8)
			at &= i->address == 4 ? 0xffffffffu : 0xffffu;
		a = op == BIT_BT ? mem_get_at(v, i->seg, at, bits)
				 : mem_get_rmw_at(v, i->seg, at, bits);
	} else {
		a = reg_get(v, i, i->rm, bits);
	}
	select = 1ull << (offset & (bits - 1));
	if (op != BIT_BT) {
		uint64_t r = op == BIT_BTS ? a | select : op == BIT_BTR ? a & ~select : a ^ select;

		if (memory)
			mem_set_at(v, i->seg, at, bits, r);
		else
			reg_set(v, i, i->rm, bits, r);
	}
	flags_set_cf_of(v->c, a & select, flag_of(v->c));
}

#define bit_bt(v, i, bits, memory)      bit_execute(v, i, BIT_BT, false, bits, memory)
#define bit_bts(v, i, bits, memory)     bit_execute(v, i, BIT_BTS, false, bits, memory)
#define bit_btr(v, i, bits, memory)     bit_execute(v, i, BIT_BTR, false, bits, memory)
#define bit_btc(v, i, bits, memory)     bit_execute(v, i, BIT_BTC, false, bits, memory)
#define bit_bt_imm(v, i, bits, memory)  bit_execute(v, i, BIT_BT, true, bits, memory)
#define bit_bts_imm(v, i, bits, memory) bit_execute(v, i, BIT_BTS, true, bits, memory)
#define bit_btr_imm(v, i, bits, memory) bit_execute(v, i, BIT_BTR, true, bits, memory)
#define bit_btc_imm(v, i, bits, memory) bit_execute(v, i, BIT_BTC, true, bits, memory)
RM_HANDLERS_WIDE(bt, bit_bt)
RM_HANDLERS_WIDE(bts, bit_bts)
RM_HANDLERS_WIDE(btr, bit_btr)
RM_HANDLERS_WIDE(btc, bit_btc)
RM_HANDLERS_WIDE(bt_imm, bit_bt_imm)
RM_HANDLERS_WIDE(bts_imm, bit_bts_imm)
RM_HANDLERS_WIDE(btr_imm, bit_btr_imm)
RM_HANDLERS_WIDE(btc_imm, bit_btc_imm)

insn_handler *const bit_rows[4][2][ROW] = {
    [BIT_BT] = RM_ROWS_WIDE(bt),
    [BIT_BTS] = RM_ROWS_WIDE(bts),
    [BIT_BTR] = RM_ROWS_WIDE(btr),
    [BIT_BTC] = RM_ROWS_WIDE(btc),
};
insn_handler *const bit_imm_rows[4][2][ROW] = {
    [BIT_BT] = RM_ROWS_WIDE(bt_imm),
    [BIT_BTS] = RM_ROWS_WIDE(bts_imm),
    [BIT_BTR] = RM_ROWS_WIDE(btr_imm),
    [BIT_BTC] = RM_ROWS_WIDE(btc_imm),
};

/* ---- bit scans and counts ---- */

/*
 * Of 0 there is no index: ZF is set and the destination keeps its value, all 64 bits of it. The
 * other flags, undefined, follow the index.
 */
ALWAYS_INLINE void scan_execute(struct vcpu *v, const struct insn *i, bool reverse, unsigned bits,
				bool memory)
{
	uint64_t a = rm_get(v, i, memory, bits), index;

	if (a == 0) {
		flags_set_status(v->c, FLAG_ZF | FLAG_PF);
		return;
	}
	index = (uint64_t)(reverse ? 63 - __builtin_clzll(a) : __builtin_ctzll(a));
	flags_set_logic(v->c, bits, index);
	flags_set_zf(v->c, false);
	reg_set(v, i, i->reg, bits, index);
}

ALWAYS_INLINE void popcnt_execute(struct vcpu *v, const struct insn *i, unsigned bits, bool memory)
{
	uint64_t a = rm_get(v, i, memory, bits);

	flags_set_status(v->c, a == 0 ? FLAG_ZF : 0);
	reg_set(v, i, i->reg, bits, (uint64_t)__builtin_popcountll(a));
}

#define scan_forward(v, i, bits, memory) scan_execute(v, i, false, bits, memory)
#define scan_reverse(v, i, bits, memory) scan_execute(v, i, true, bits, memory)
RM_HANDLERS_WIDE(bsf, scan_forward)
RM_HANDLERS_WIDE(bsr, scan_reverse)
RM_HANDLERS_WIDE(popcnt, popcnt_execute)

insn_handler *const bsf_rows[2][ROW] = RM_ROWS_WIDE(bsf);
insn_handler *const bsr_rows[2][ROW] = RM_ROWS_WIDE(bsr);
insn_handler *const popcnt_rows[2][ROW] = RM_ROWS_WIDE(popcnt);
