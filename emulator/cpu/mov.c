/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moves: MOV in all its forms, extensions, XCHG, LEA, BSWAP, conditional moves and sets, and what
 * does nothing at all (Intel SDM vol. 2, vol. 1 ch. 7.3.1). None of them touches a flag.
 */
#include "emulator/cpu/ops.h"

ALWAYS_INLINE void mov_execute(struct vcpu *v, const struct insn *i, unsigned bits, unsigned form)
{
	switch (form) {
	case FORM_RR:
		reg_set(v, i, i->rm, bits, reg_get(v, i, i->reg, bits));
		break;
	case FORM_MR:
		rm_set(v, i, true, bits, reg_get(v, i, i->reg, bits));
		break;
	case FORM_RM:
		reg_set(v, i, i->reg, bits, mem_get(v, i, bits));
		break;
	case FORM_RI:
		reg_set(v, i, i->rm, bits, i->immediate);
		break;
	case FORM_MI:
		rm_set(v, i, true, bits, i->immediate);
		break;
	}
}

#define MOV_HANDLER(form, bits)                                                                    \
	static void mov_##form##_##bits(struct vcpu *v, const struct insn *i)                      \
	{                                                                                          \
		mov_execute(v, i, bits, FORM_##form);                                              \
	}
#define MOV_FORM(form)                                                                             \
	MOV_HANDLER(form, 8)                                                                       \
	MOV_HANDLER(form, 16)                                                                      \
	MOV_HANDLER(form, 32)                                                                      \
	MOV_HANDLER(form, 64)
MOV_FORM(RR)
MOV_FORM(MR)
MOV_FORM(RM)
MOV_FORM(RI)
MOV_FORM(MI)

#define MOV_ROW(form)                                                                              \
	[FORM_##form] = {mov_##form##_8, mov_##form##_16, mov_##form##_32, mov_##form##_64}
insn_handler *const mov_rows[FORM_COUNT][ROW] = {
    MOV_ROW(RR), MOV_ROW(MR), MOV_ROW(RM), MOV_ROW(RI), MOV_ROW(MI),
};

/* A0..A3: the accumulator and an address that is part of the instruction. */
#define MOFFS_HANDLERS(bits)                                                                       \
	static void moffs_load_##bits(struct vcpu *v, const struct insn *i)                        \
	{                                                                                          \
		reg_set(v, i, GPR_RAX, bits, mem_get_at(v, i->seg, i->immediate, bits));           \
	}                                                                                          \
	static void moffs_store_##bits(struct vcpu *v, const struct insn *i)                       \
	{                                                                                          \
		mem_set_at(v, i->seg, i->immediate, bits, v->c->reg[GPR_RAX]);                     \
	}
MOFFS_HANDLERS(8)
MOFFS_HANDLERS(16)
MOFFS_HANDLERS(32)
MOFFS_HANDLERS(64)

insn_handler *const moffs_rows[2][ROW] = {
    {moffs_load_8, moffs_load_16, moffs_load_32, moffs_load_64},
    {moffs_store_8, moffs_store_16, moffs_store_32, moffs_store_64},
};

/* ---- extensions ---- */

ALWAYS_INLINE void extend_execute(struct vcpu *v, const struct insn *i, unsigned bits, bool memory,
				  unsigned from, bool is_signed)
{
	uint64_t value = rm_get(v, i, memory, from);

	if (is_signed)
		value = (uint64_t)sign_extend(value, from);
	reg_set(v, i, i->reg, bits, value);
}

#define extend_zx8(v, i, bits, memory)  extend_execute(v, i, bits, memory, 8, false)
#define extend_zx16(v, i, bits, memory) extend_execute(v, i, bits, memory, 16, false)
#define extend_sx8(v, i, bits, memory)  extend_execute(v, i, bits, memory, 8, true)
#define extend_sx16(v, i, bits, memory) extend_execute(v, i, bits, memory, 16, true)
/* MOVSXD without REX.W moves 32 bits, or 16 (SDM vol. 2, MOVSXD). */
#define extend_sxd(v, i, bits, memory) extend_execute(v, i, bits, memory, bits < 32 ? 16 : 32, true)
RM_HANDLERS_WIDE(movzx8, extend_zx8)
RM_HANDLERS_WIDE(movzx16, extend_zx16)
RM_HANDLERS_WIDE(movsx8, extend_sx8)
RM_HANDLERS_WIDE(movsx16, extend_sx16)
RM_HANDLERS_WIDE(movsxd, extend_sxd)

insn_handler *const extend_rows[EXTEND_COUNT][2][ROW] = {
    [EXTEND_ZX8] = RM_ROWS_WIDE(movzx8), [EXTEND_ZX16] = RM_ROWS_WIDE(movzx16),
    [EXTEND_SX8] = RM_ROWS_WIDE(movsx8), [EXTEND_SX16] = RM_ROWS_WIDE(movsx16),
    [EXTEND_SXD] = RM_ROWS_WIDE(movsxd),
};

static void cbw_16(struct vcpu *v, const struct insn *i)
{
	reg_set(v, i, GPR_RAX, 16, (uint64_t)sign_extend(v->c->reg[GPR_RAX], 8));
}

static void cbw_32(struct vcpu *v, const struct insn *i)
{
	reg_set(v, i, GPR_RAX, 32, (uint64_t)sign_extend(v->c->reg[GPR_RAX], 16));
}

static void cbw_64(struct vcpu *v, const struct insn *i)
{
	v->c->reg[GPR_RAX] = (uint64_t)sign_extend(v->c->reg[GPR_RAX], 32);
}

insn_handler *const cbw_row[ROW] = {NULL, cbw_16, cbw_32, cbw_64};

#define CWD_HANDLER(bits)                                                                          \
	static void cwd_##bits(struct vcpu *v, const struct insn *i)                               \
	{                                                                                          \
		bool negative = (v->c->reg[GPR_RAX] >> (bits - 1)) & 1;                            \
                                                                                                   \
		reg_set(v, i, GPR_RDX, bits, negative ? ~0ull : 0);                                \
	}
CWD_HANDLER(16)
CWD_HANDLER(32)
CWD_HANDLER(64)

insn_handler *const cwd_row[ROW] = {NULL, cwd_16, cwd_32, cwd_64};

/* ---- exchanges and addresses ---- */

ALWAYS_INLINE void xchg_execute(struct vcpu *v, const struct insn *i, unsigned bits, bool memory)
{
	uint64_t a = rm_get_rmw(v, i, memory, bits);

	rm_set(v, i, memory, bits, reg_get(v, i, i->reg, bits));
	reg_set(v, i, i->reg, bits, a);
}
RM_HANDLERS(xchg, xchg_execute)
insn_handler *const xchg_rows[2][ROW] = RM_ROWS(xchg);

/* 90..97; XCHG of the accumulator with itself is NOP and leaves RAX's upper half alone. */
#define XCHG_ACC_HANDLER(bits)                                                                     \
	static void xchg_acc_##bits(struct vcpu *v, const struct insn *i)                          \
	{                                                                                          \
		if (i->rm != GPR_RAX)                                                              \
			xchg_r_##bits(v, i);                                                       \
	}
XCHG_ACC_HANDLER(16)
XCHG_ACC_HANDLER(32)
XCHG_ACC_HANDLER(64)

insn_handler *const xchg_acc_row[ROW] = {NULL, xchg_acc_16, xchg_acc_32, xchg_acc_64};

#define LEA_HANDLER(bits)                                                                          \
	static void lea_##bits(struct vcpu *v, const struct insn *i)                               \
	{                                                                                          \
		reg_set(v, i, i->reg, bits, insn_address(v, i));                                   \
	}
LEA_HANDLER(16)
LEA_HANDLER(32)
LEA_HANDLER(64)

insn_handler *const lea_row[ROW] = {NULL, lea_16, lea_32, lea_64};

/* With a 16-bit operand the result is undefined; processors clear the register's low word. */
static void bswap_16(struct vcpu *v, const struct insn *i)
{
	reg_set(v, i, i->rm, 16, 0);
}

static void bswap_32(struct vcpu *v, const struct insn *i)
{
	reg_set(v, i, i->rm, 32, __builtin_bswap32((uint32_t)v->c->reg[i->rm]));
}

static void bswap_64(struct vcpu *v, const struct insn *i)
{
	v->c->reg[i->rm] = __builtin_bswap64(v->c->reg[i->rm]);
}

insn_handler *const bswap_row[ROW] = {NULL, bswap_16, bswap_32, bswap_64};

/* DS:[rBX + AL], with the decoder's operand size of one byte. */
static void xlat(struct vcpu *v, const struct insn *i)
{
	uint64_t at = v->c->reg[GPR_RBX] + (v->c->reg[GPR_RAX] & 0xff);

	if (i->address < 8)
		at &= i->address == 4 ? 0xffffffffu : 0xffffu;
	reg_set(v, i, GPR_RAX, 8, mem_read8(v, i->seg, at));
}

insn_handler *const xlat_row[ROW] = {xlat};

/* D6, undocumented for long: AL = CF ? FF : 0. */
static void salc(struct vcpu *v, const struct insn *i)
{
	reg_set(v, i, GPR_RAX, 8, flag_cf(v->c) ? 0xff : 0);
}

insn_handler *const salc_row[ROW] = {salc};

/* NOP, PAUSE, prefetches and the other hints: their memory operand is never touched. */
static void nop(struct vcpu *v, const struct insn *i)
{
}

insn_handler *const nop_row[ROW] = {nop, nop, nop, nop};

/* ---- conditional ---- */

/* The source is read whatever the condition, and a 32-bit destination always zero-extended. */
ALWAYS_INLINE void cmov_execute(struct vcpu *v, const struct insn *i, unsigned bits, bool memory)
{
	uint64_t value = rm_get(v, i, memory, bits);

	if (!flags_condition(v->c, i->opcode))
		value = reg_get(v, i, i->reg, bits);
	reg_set(v, i, i->reg, bits, value);
}
RM_HANDLERS_WIDE(cmov, cmov_execute)
insn_handler *const cmov_rows[2][ROW] = RM_ROWS_WIDE(cmov);

static void setcc_r(struct vcpu *v, const struct insn *i)
{
	reg_set(v, i, i->rm, 8, flags_condition(v->c, i->opcode));
}

static void setcc_m(struct vcpu *v, const struct insn *i)
{
	rm_set(v, i, true, 8, flags_condition(v->c, i->opcode));
}

insn_handler *const setcc_rows[2][ROW] = {{setcc_r}, {setcc_m}};
