/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the integer instructions share: operands by size and form, the stack, conditions; and the
 * rows of handlers that the decoder's tables pick from. The helpers take the size in bits as a
 * constant and are always inlined, so that each handler is straight-line code for its size.
 */
#ifndef VCR_CPU_OPS_H
#define VCR_CPU_OPS_H

#include "emulator/cpu/flags.h"
#include "emulator/cpu/insn.h"
#include "emulator/cpu/mem.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* ---- registers ---- */

/* AH, CH, DH and BH are registers 4..7 of an instruction without REX. */
ALWAYS_INLINE uint8_t *reg_byte(struct vcpu *v, const struct insn *i, unsigned r)
{
	unsigned high = i->rex ? 0 : r >> 2;

	return (uint8_t *)&v->c->reg[r - 4 * high] + high;
}

ALWAYS_INLINE uint64_t reg_get(struct vcpu *v, const struct insn *i, unsigned r, unsigned bits)
{
	switch (bits) {
	case 8:
		return *reg_byte(v, i, r);
	case 16:
		return (uint16_t)v->c->reg[r];
	case 32:
		return (uint32_t)v->c->reg[r];
	default:
		return v->c->reg[r];
	}
}

/* A 32-bit result clears the upper half; smaller ones leave the rest (SDM vol. 1 3.4.1.1). */
ALWAYS_INLINE void reg_set(struct vcpu *v, const struct insn *i, unsigned r, unsigned bits,
			   uint64_t value)
{
	uint64_t *reg = &v->c->reg[r];

	switch (bits) {
	case 8:
		*reg_byte(v, i, r) = (uint8_t)value;
		break;
	case 16:
		*reg = (*reg & ~0xffffull) | (uint16_t)value;
		break;
	case 32:
		*reg = (uint32_t)value;
		break;
	default:
		*reg = value;
		break;
	}
}

/* ---- memory at seg:offset ---- */

ALWAYS_INLINE uint64_t mem_get_at(struct vcpu *v, unsigned seg, uint64_t offset, unsigned bits)
{
	switch (bits) {
	case 8:
		return mem_read8(v, seg, offset);
	case 16:
		return mem_read16(v, seg, offset);
	case 32:
		return mem_read32(v, seg, offset);
	default:
		return mem_read64(v, seg, offset);
	}
}

ALWAYS_INLINE uint64_t mem_get_rmw_at(struct vcpu *v, unsigned seg, uint64_t offset, unsigned bits)
{
	switch (bits) {
	case 8:
		return mem_read_rmw8(v, seg, offset);
	case 16:
		return mem_read_rmw16(v, seg, offset);
	case 32:
		return mem_read_rmw32(v, seg, offset);
	default:
		return mem_read_rmw64(v, seg, offset);
	}
}

ALWAYS_INLINE void mem_set_at(struct vcpu *v, unsigned seg, uint64_t offset, unsigned bits,
			      uint64_t value)
{
	switch (bits) {
	case 8:
		mem_write8(v, seg, offset, (uint8_t)value);
		break;
	case 16:
		mem_write16(v, seg, offset, (uint16_t)value);
		break;
	case 32:
		mem_write32(v, seg, offset, (uint32_t)value);
		break;
	default:
		mem_write64(v, seg, offset, value);
		break;
	}
}

ALWAYS_INLINE uint64_t mem_get(struct vcpu *v, const struct insn *i, unsigned bits)
{
	return mem_get_at(v, i->seg, insn_address(v, i), bits);
}

/* ---- the ModRM.rm operand; `memory` is a constant: which of the two the handler is for ---- */

ALWAYS_INLINE uint64_t rm_get(struct vcpu *v, const struct insn *i, bool memory, unsigned bits)
{
	return memory ? mem_get(v, i, bits) : reg_get(v, i, i->rm, bits);
}

/* Reads what rm_set() will write: a memory operand must be writable. */
ALWAYS_INLINE uint64_t rm_get_rmw(struct vcpu *v, const struct insn *i, bool memory, unsigned bits)
{
	return memory ? mem_get_rmw_at(v, i->seg, insn_address(v, i), bits)
		      : reg_get(v, i, i->rm, bits);
}

ALWAYS_INLINE void rm_set(struct vcpu *v, const struct insn *i, bool memory, unsigned bits,
			  uint64_t value)
{
	if (memory)
		mem_set_at(v, i->seg, insn_address(v, i), bits, value);
	else
		reg_set(v, i, i->rm, bits, value);
}

ALWAYS_INLINE int64_t sign_extend(uint64_t value, unsigned bits)
{
	return (int64_t)(value << (64 - bits)) >> (64 - bits);
}

ALWAYS_INLINE uint64_t size_mask(unsigned bits)
{
	return ~0ull >> (64 - bits);
}

/* ---- stack: RSP, ESP or SP by mode and SS.B (SDM vol. 1 6.2.3) ---- */

static inline uint64_t stack_mask(const struct cpu *c)
{
	return c->code_bits == 64 ? ~0ull : c->stack32 ? 0xffffffffu : 0xffffu;
}

static inline unsigned stack_seg(const struct cpu *c)
{
	return c->code_bits == 64 ? SEG_STACK : SEG_SS;
}

static inline uint64_t stack_pointer(const struct cpu *c)
{
	return c->reg[GPR_RSP] & stack_mask(c);
}

static inline void stack_pointer_set(struct cpu *c, uint64_t value)
{
	uint64_t mask = stack_mask(c);

	/* A 32-bit stack pointer is written as any 32-bit register is. */
	c->reg[GPR_RSP] = (mask == 0xffff ? c->reg[GPR_RSP] & ~mask : 0) | (value & mask);
}

ALWAYS_INLINE void stack_push(struct vcpu *v, unsigned bits, uint64_t value)
{
	struct cpu *c = v->c;
	uint64_t to = (c->reg[GPR_RSP] - bits / 8) & stack_mask(c);

	mem_set_at(v, stack_seg(c), to, bits, value);
	stack_pointer_set(c, to);
}

/* ---- conditions: the low four bits of Jcc, SETcc and CMOVcc (SDM vol. 2 appendix B.1.4.7) ---- */

/* Sets ZF, leaving the others. */
static inline void flags_set_zf(struct cpu *c, bool zf)
{
	flags_set_status(c, (flags_status(c) & ~FLAG_ZF) | (zf ? FLAG_ZF : 0));
}

ALWAYS_INLINE bool flags_condition(const struct cpu *c, unsigned condition)
{
	bool holds = false;

	switch ((condition >> 1) & 7) {
	case 0:
		holds = flag_of(c);
		break;
	case 1:
		holds = flag_cf(c);
		break;
	case 2:
		holds = flag_zf(c);
		break;
	case 3:
		holds = flag_cf(c) || flag_zf(c);
		break;
	case 4:
		holds = flag_sf(c);
		break;
	case 5:
		holds = flag_pf(c);
		break;
	case 6:
		holds = flag_sf(c) != flag_of(c);
		break;
	case 7:
		holds = flag_zf(c) || flag_sf(c) != flag_of(c);
		break;
	}
	return holds != (condition & 1);
}

/*
 * ---- handlers ----
 *
 * A row has a handler for each operand size of 1, 2, 4 and 8 bytes. Where [2] stands before the
 * row, it is one for a register and one for memory as the ModRM.rm operand.
 */
#define ROW 4

/*
 * Handlers name_r_BITS and name_m_BITS for each operand size out of one inlined function or macro
 * body(v, i, bits, memory), and the two rows of them.
 */
#define RM_HANDLER(name, letter, memory, bits, body)                                               \
	static void name##_##letter##_##bits(struct vcpu *v, const struct insn *i)                 \
	{                                                                                          \
		body(v, i, bits, memory);                                                          \
	}
#define RM_HANDLERS_WIDE(name, body)                                                               \
	RM_HANDLER(name, r, false, 16, body)                                                       \
	RM_HANDLER(name, r, false, 32, body)                                                       \
	RM_HANDLER(name, r, false, 64, body)                                                       \
	RM_HANDLER(name, m, true, 16, body)                                                        \
	RM_HANDLER(name, m, true, 32, body)                                                        \
	RM_HANDLER(name, m, true, 64, body)
#define RM_HANDLERS(name, body)                                                                    \
	RM_HANDLER(name, r, false, 8, body)                                                        \
	RM_HANDLER(name, m, true, 8, body)                                                         \
	RM_HANDLERS_WIDE(name, body)
#define RM_ROWS_WIDE(name)                                                                         \
	{                                                                                          \
		{NULL, name##_r_16, name##_r_32, name##_r_64},                                     \
		    {NULL, name##_m_16, name##_m_32, name##_m_64},                                 \
	}
#define RM_ROWS(name)                                                                              \
	{                                                                                          \
		{name##_r_8, name##_r_16, name##_r_32, name##_r_64},                               \
		    {name##_m_8, name##_m_16, name##_m_32, name##_m_64},                           \
	}

/* How the operands of a two-operand instruction lie: destination, source. */
enum { FORM_RR, FORM_MR, FORM_RM, FORM_RI, FORM_MI, FORM_COUNT };

enum alu_op {
	ALU_ADD,
	ALU_OR,
	ALU_ADC,
	ALU_SBB,
	ALU_AND,
	ALU_SUB,
	ALU_XOR,
	ALU_CMP, /* as encoded */
	ALU_TEST,
	ALU_COUNT
};

/* alu.c */
extern insn_handler *const alu_rows[ALU_COUNT][FORM_COUNT][ROW];
enum { UNARY_INC, UNARY_DEC, UNARY_NOT, UNARY_NEG, UNARY_COUNT };
extern insn_handler *const unary_rows[UNARY_COUNT][2][ROW];
extern insn_handler *const xadd_rows[2][ROW], *const cmpxchg_rows[2][ROW];
extern insn_handler *const cmpxchg8b_row[ROW]; /* with REX.W CMPXCHG16B */
extern insn_handler *const daa_row[ROW], *const das_row[ROW], *const aaa_row[ROW],
								  *const aas_row[ROW];
enum {
	FLAGOP_CLC,
	FLAGOP_STC,
	FLAGOP_CMC,
	FLAGOP_CLD,
	FLAGOP_STD,
	FLAGOP_LAHF,
	FLAGOP_SAHF,
	FLAGOP_COUNT
};
extern insn_handler *const flagop_rows[FLAGOP_COUNT][ROW];

/* mov.c */
extern insn_handler *const mov_rows[FORM_COUNT][ROW];
extern insn_handler *const moffs_rows[2][ROW]; /* load, store */
enum { EXTEND_ZX8, EXTEND_ZX16, EXTEND_SX8, EXTEND_SX16, EXTEND_SXD, EXTEND_COUNT };
extern insn_handler *const extend_rows[EXTEND_COUNT][2][ROW];
extern insn_handler *const xchg_rows[2][ROW], *const xchg_acc_row[ROW];
extern insn_handler *const lea_row[ROW],
    *const bswap_row[ROW], *const xlat_row[ROW], *const salc_row[ROW], *const nop_row[ROW],
									   *const cbw_row[ROW],
									       *const cwd_row[ROW];
extern insn_handler *const cmov_rows[2][ROW], *const setcc_rows[2][ROW];

/* stack.c */
extern insn_handler *const push_rows[2][ROW], *const pop_rows[2][ROW];
extern insn_handler *const push_imm_row[ROW],
    *const pusha_row[ROW], *const popa_row[ROW], *const enter_row[ROW], *const leave_row[ROW];

/* flow.c */
extern insn_handler *const jcc_rows[16][ROW];
extern insn_handler *const jmp_row[ROW], *const call_row[ROW], *const ret_row[ROW];
extern insn_handler *const jmp_rm_rows[2][ROW], *const call_rm_rows[2][ROW];
extern insn_handler *const loop_row[ROW]; /* LOOPNE, LOOPE, LOOP, JCXZ */
extern insn_handler *const bound_row[ROW];

/* bits.c */
enum { SHIFT_BY_IMM, SHIFT_BY_1, SHIFT_BY_CL, SHIFT_COUNTS };
/* By ModRM.reg: ROL ROR RCL RCR SHL SHR SHL SAR. */
extern insn_handler *const shift_rows[8][SHIFT_COUNTS][2][ROW];
enum { DOUBLE_SHLD, DOUBLE_SHRD };
extern insn_handler *const double_shift_rows[2][2][ROW]; /* by CL when the opcode is odd */
enum { BIT_BT, BIT_BTS, BIT_BTR, BIT_BTC };
extern insn_handler *const bit_rows[4][2][ROW], *const bit_imm_rows[4][2][ROW];
extern insn_handler *const bsf_rows[2][ROW], *const bsr_rows[2][ROW], *const popcnt_rows[2][ROW];

/* muldiv.c */
enum { MULDIV_MUL, MULDIV_IMUL, MULDIV_DIV, MULDIV_IDIV };
extern insn_handler *const muldiv_rows[4][2][ROW];
extern insn_handler *const imul2_rows[2][ROW], *const imul3_rows[2][ROW];
extern insn_handler *const aam_row[ROW], *const aad_row[ROW];

/* string.c */
enum { STRING_MOVS, STRING_CMPS, STRING_STOS, STRING_LODS, STRING_SCAS, STRING_COUNT };
extern insn_handler *const string_rows[STRING_COUNT][ROW];

#endif
