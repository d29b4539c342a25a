/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The opcode maps (Intel SDM vol. 2 appendix A, tables ), in their order.
 */
#include "emulator/cpu/opcode.h"

#include "emulator/cpu/ops.h"

/* Entries: one row for what has no memory form; a row each; a pair of rows; flags alone. */
#define R(row, flag_bits)                                                                          \
	{                                                                                          \
		.reg = row, .flags = flag_bits                                                     \
	}
#define R_M(reg_row, mem_row, flag_bits)                                                           \
	{                                                                                          \
		.reg = reg_row, .mem = mem_row, .flags = flag_bits                                 \
	}
#define RM(rows, flag_bits)                                                                        \
	{                                                                                          \
		.reg = rows[0], .mem = rows[1], .flags = flag_bits                                 \
	}
#define F(flag_bits)                                                                               \
	{                                                                                          \
		.flags = flag_bits                                                                 \
	}
#define GROUP(entries, flag_bits)                                                                  \
	{                                                                                          \
		.flags = flag_bits, .group = entries                                               \
	}

/* ---- groups, by ModRM.reg ---- */

#define ALU_IMM(op, lock) R_M(alu_rows[op][FORM_RI], alu_rows[op][FORM_MI], lock)
static const struct opcode group_1[8] = {
    ALU_IMM(ALU_ADD, OP_LOCK), ALU_IMM(ALU_OR, OP_LOCK),  ALU_IMM(ALU_ADC, OP_LOCK),
    ALU_IMM(ALU_SBB, OP_LOCK), ALU_IMM(ALU_AND, OP_LOCK), ALU_IMM(ALU_SUB, OP_LOCK),
    ALU_IMM(ALU_XOR, OP_LOCK), ALU_IMM(ALU_CMP, 0),
};

#define SHIFTS(by)                                                                                 \
	{                                                                                          \
		RM(shift_rows[0][by], 0), RM(shift_rows[1][by], 0), RM(shift_rows[2][by], 0),      \
		    RM(shift_rows[3][by], 0), RM(shift_rows[4][by], 0), RM(shift_rows[5][by], 0),  \
		    RM(shift_rows[6][by], 0), RM(shift_rows[7][by], 0),                            \
	}
static const struct opcode group_2_imm[8] = SHIFTS(SHIFT_BY_IMM);
static const struct opcode group_2_1[8] = SHIFTS(SHIFT_BY_1);
static const struct opcode group_2_cl[8] = SHIFTS(SHIFT_BY_CL);

/* F6 and F7: TEST has an immediate, the others have none. */
#define GROUP_3(test_imm)                                                                          \
	{                                                                                          \
		ALU_IMM(ALU_TEST, test_imm), ALU_IMM(ALU_TEST, test_imm),                          \
		    RM(unary_rows[UNARY_NOT], OP_LOCK), RM(unary_rows[UNARY_NEG], OP_LOCK),        \
		    RM(muldiv_rows[MULDIV_MUL], 0), RM(muldiv_rows[MULDIV_IMUL], 0),               \
		    RM(muldiv_rows[MULDIV_DIV], 0), RM(muldiv_rows[MULDIV_IDIV], 0),               \
	}
static const struct opcode group_3_byte[8] = GROUP_3(OP_IMM8);
static const struct opcode group_3[8] = GROUP_3(OP_IMMZ);

static const struct opcode group_4[8] = {
    RM(unary_rows[UNARY_INC], OP_LOCK),
    RM(unary_rows[UNARY_DEC], OP_LOCK),
};

static const struct opcode group_5[8] = {
    RM(unary_rows[UNARY_INC], OP_LOCK),
    RM(unary_rows[UNARY_DEC], OP_LOCK),
    RM(call_rm_rows, OP_NEAR | OP_ENDS),
    F(OP_SYSTEM | OP_ENDS),
    RM(jmp_rm_rows, OP_NEAR | OP_ENDS),
    F(OP_SYSTEM | OP_ENDS),
    RM(push_rows, OP_DEF64),
};

static const struct opcode group_1a[8] = {RM(pop_rows, OP_DEF64)};
static const struct opcode group_11[8] = {R_M(mov_rows[FORM_RI], mov_rows[FORM_MI], 0)};

static const struct opcode group_8[8] = {
    [4] = RM(bit_imm_rows[BIT_BT], 0),
    [5] = RM(bit_imm_rows[BIT_BTS], OP_LOCK),
    [6] = RM(bit_imm_rows[BIT_BTR], OP_LOCK),
    [7] = RM(bit_imm_rows[BIT_BTC], OP_LOCK),
};

static const struct opcode group_9[8] = {[1] = R_M(NULL, cmpxchg8b_row, OP_LOCK | OP_16B)};

/* ---- one byte ---- */

/* 00..3F in eights: the same six encodings of two operands for each operation. */
#define ALU_OPCODES(n, op, lock)                                                                   \
	[n] = R_M(alu_rows[op][FORM_RR], alu_rows[op][FORM_MR], OP_MODRM | OP_BYTE | (lock)),      \
	[n + 1] = R_M(alu_rows[op][FORM_RR], alu_rows[op][FORM_MR], OP_MODRM | (lock)),            \
	[n + 2] = R_M(alu_rows[op][FORM_RR], alu_rows[op][FORM_RM], OP_MODRM | OP_BYTE | OP_SWAP), \
	[n + 3] = R_M(alu_rows[op][FORM_RR], alu_rows[op][FORM_RM], OP_MODRM | OP_SWAP),           \
	[n + 4] = R(alu_rows[op][FORM_RI], OP_BYTE | OP_ACC | OP_IMM8),                            \
	[n + 5] = R(alu_rows[op][FORM_RI], OP_ACC | OP_IMMZ)

#define JCC(n)      R(jcc_rows[n], OP_NEAR | OP_ENDS | OP_IMM8)
#define JCC_NEAR(n) R(jcc_rows[n], OP_NEAR | OP_ENDS | OP_IMMZ)

/* Segment registers onto the stack; those that only exist outside 64-bit mode, and FS and GS. */
#define SEG_STACK_OLD F(OP_SYSTEM | OP_NO64)
#define SEG_STACK_NEW F(OP_SYSTEM | OP_DEF64)

static const struct opcode map_1byte[256] = {
    ALU_OPCODES(0x00, ALU_ADD, OP_LOCK),
    ALU_OPCODES(0x08, ALU_OR, OP_LOCK),
    ALU_OPCODES(0x10, ALU_ADC, OP_LOCK),
    ALU_OPCODES(0x18, ALU_SBB, OP_LOCK),
    ALU_OPCODES(0x20, ALU_AND, OP_LOCK),
    ALU_OPCODES(0x28, ALU_SUB, OP_LOCK),
    ALU_OPCODES(0x30, ALU_XOR, OP_LOCK),
    ALU_OPCODES(0x38, ALU_CMP, 0),
    [0x06] = SEG_STACK_OLD,
    [0x07] = SEG_STACK_OLD,
    [0x0e] = SEG_STACK_OLD,
    [0x16] = SEG_STACK_OLD,
    [0x17] = F(OP_SYSTEM | OP_NO64 | OP_ENDS),
    [0x1e] = SEG_STACK_OLD,
    [0x1f] = SEG_STACK_OLD,
    [0x27] = R(daa_row, OP_BYTE | OP_NO64),
    [0x2f] = R(das_row, OP_BYTE | OP_NO64),
    [0x37] = R(aaa_row, OP_BYTE | OP_NO64),
    [0x3f] = R(aas_row, OP_BYTE | OP_NO64),

    [0x40 ... 0x47] = R(unary_rows[UNARY_INC][0], OP_REG),
    [0x48 ... 0x4f] = R(unary_rows[UNARY_DEC][0], OP_REG),
    [0x50 ... 0x57] = R(push_rows[0], OP_REG | OP_DEF64),
    [0x58 ... 0x5f] = R(pop_rows[0], OP_REG | OP_DEF64),

    [0x60] = R(pusha_row, OP_NO64),
    [0x61] = R(popa_row, OP_NO64),
    [0x62] = R_M(NULL, bound_row, OP_MODRM | OP_VEX),
    [0x63] = RM(extend_rows[EXTEND_SXD], OP_MODRM),
    [0x68] = R(push_imm_row, OP_DEF64 | OP_IMMZ),
    [0x69] = RM(imul3_rows, OP_MODRM | OP_IMMZ),
    [0x6a] = R(push_imm_row, OP_DEF64 | OP_IMM8),
    [0x6b] = RM(imul3_rows, OP_MODRM | OP_IMM8),
    [0x6c] = F(OP_SYSTEM | OP_BYTE),
    [0x6d] = F(OP_SYSTEM),
    [0x6e] = F(OP_SYSTEM | OP_BYTE),
    [0x6f] = F(OP_SYSTEM),

    [0x70] = JCC(0),
    JCC(1),
    JCC(2),
    JCC(3),
    JCC(4),
    JCC(5),
    JCC(6),
    JCC(7),
    JCC(8),
    JCC(9),
    JCC(10),
    JCC(11),
    JCC(12),
    JCC(13),
    JCC(14),
    JCC(15),

    [0x80] = GROUP(group_1, OP_MODRM | OP_BYTE | OP_IMM8),
    [0x81] = GROUP(group_1, OP_MODRM | OP_IMMZ),
    [0x82] = GROUP(group_1, OP_MODRM | OP_BYTE | OP_IMM8 | OP_NO64),
    [0x83] = GROUP(group_1, OP_MODRM | OP_IMM8),
    [0x84] = R_M(alu_rows[ALU_TEST][FORM_RR], alu_rows[ALU_TEST][FORM_MR], OP_MODRM | OP_BYTE),
    [0x85] = R_M(alu_rows[ALU_TEST][FORM_RR], alu_rows[ALU_TEST][FORM_MR], OP_MODRM),
    [0x86] = RM(xchg_rows, OP_MODRM | OP_BYTE | OP_LOCK),
    [0x87] = RM(xchg_rows, OP_MODRM | OP_LOCK),
    [0x88] = R_M(mov_rows[FORM_RR], mov_rows[FORM_MR], OP_MODRM | OP_BYTE),
    [0x89] = R_M(mov_rows[FORM_RR], mov_rows[FORM_MR], OP_MODRM),
    [0x8a] = R_M(mov_rows[FORM_RR], mov_rows[FORM_RM], OP_MODRM | OP_BYTE | OP_SWAP),
    [0x8b] = R_M(mov_rows[FORM_RR], mov_rows[FORM_RM], OP_MODRM | OP_SWAP),
    [0x8c] = F(OP_MODRM | OP_SYSTEM),
    [0x8d] = R_M(NULL, lea_row, OP_MODRM),
    [0x8e] = F(OP_MODRM | OP_SYSTEM | OP_ENDS),
    [0x8f] = GROUP(group_1a, OP_MODRM),

    [0x90 ... 0x97] = R(xchg_acc_row, OP_REG | OP_ACC),
    [0x98] = R(cbw_row, 0),
    [0x99] = R(cwd_row, 0),
    [0x9a] = F(OP_SYSTEM | OP_NO64 | OP_FAR | OP_ENDS),
    [0x9b] = F(OP_X87),
    [0x9c] = F(OP_SYSTEM | OP_DEF64),
    [0x9d] = F(OP_SYSTEM | OP_DEF64 | OP_ENDS),
    [0x9e] = R(flagop_rows[FLAGOP_SAHF], OP_BYTE | OP_LAHF),
    [0x9f] = R(flagop_rows[FLAGOP_LAHF], OP_BYTE | OP_LAHF),

    [0xa0] = R(moffs_rows[0], OP_BYTE | OP_MOFFS),
    [0xa1] = R(moffs_rows[0], OP_MOFFS),
    [0xa2] = R(moffs_rows[1], OP_BYTE | OP_MOFFS),
    [0xa3] = R(moffs_rows[1], OP_MOFFS),
    [0xa4] = R(string_rows[STRING_MOVS], OP_BYTE),
    [0xa5] = R(string_rows[STRING_MOVS], 0),
    [0xa6] = R(string_rows[STRING_CMPS], OP_BYTE),
    [0xa7] = R(string_rows[STRING_CMPS], 0),
    [0xa8] = R(alu_rows[ALU_TEST][FORM_RI], OP_BYTE | OP_ACC | OP_IMM8),
    [0xa9] = R(alu_rows[ALU_TEST][FORM_RI], OP_ACC | OP_IMMZ),
    [0xaa] = R(string_rows[STRING_STOS], OP_BYTE),
    [0xab] = R(string_rows[STRING_STOS], 0),
    [0xac] = R(string_rows[STRING_LODS], OP_BYTE),
    [0xad] = R(string_rows[STRING_LODS], 0),
    [0xae] = R(string_rows[STRING_SCAS], OP_BYTE),
    [0xaf] = R(string_rows[STRING_SCAS], 0),

    [0xb0 ... 0xb7] = R(mov_rows[FORM_RI], OP_BYTE | OP_REG | OP_IMM8),
    [0xb8 ... 0xbf] = R(mov_rows[FORM_RI], OP_REG | OP_IMMV),

    [0xc0] = GROUP(group_2_imm, OP_MODRM | OP_BYTE | OP_IMM8),
    [0xc1] = GROUP(group_2_imm, OP_MODRM | OP_IMM8),
    [0xc2] = R(ret_row, OP_NEAR | OP_ENDS | OP_IMM16),
    [0xc3] = R(ret_row, OP_NEAR | OP_ENDS),
    [0xc4] = F(OP_MODRM | OP_SYSTEM | OP_VEX | OP_ENDS),
    [0xc5] = F(OP_MODRM | OP_SYSTEM | OP_VEX | OP_ENDS),
    [0xc6] = GROUP(group_11, OP_MODRM | OP_BYTE | OP_IMM8),
    [0xc7] = GROUP(group_11, OP_MODRM | OP_IMMZ),
    [0xc8] = R(enter_row, OP_DEF64 | OP_FRAME),
    [0xc9] = R(leave_row, OP_DEF64),
    [0xca] = F(OP_SYSTEM | OP_ENDS),
    [0xcb] = F(OP_SYSTEM | OP_ENDS),
    [0xcc] = F(OP_SYSTEM | OP_ENDS),
    [0xcd] = F(OP_SYSTEM | OP_ENDS),
    [0xce] = F(OP_SYSTEM | OP_NO64 | OP_ENDS),
    [0xcf] = F(OP_SYSTEM | OP_ENDS),

    [0xd0] = GROUP(group_2_1, OP_MODRM | OP_BYTE),
    [0xd1] = GROUP(group_2_1, OP_MODRM),
    [0xd2] = GROUP(group_2_cl, OP_MODRM | OP_BYTE),
    [0xd3] = GROUP(group_2_cl, OP_MODRM),
    [0xd4] = R(aam_row, OP_BYTE | OP_NO64 | OP_IMM8),
    [0xd5] = R(aad_row, OP_BYTE | OP_NO64 | OP_IMM8),
    [0xd6] = R(salc_row, OP_BYTE | OP_NO64),
    [0xd7] = R(xlat_row, OP_BYTE),
    [0xd8 ... 0xdf] = F(OP_MODRM | OP_X87),

    [0xe0 ... 0xe3] = R(loop_row, OP_NEAR | OP_ENDS | OP_IMM8),
    [0xe4] = F(OP_SYSTEM | OP_BYTE),
    [0xe5] = F(OP_SYSTEM),
    [0xe6] = F(OP_SYSTEM | OP_BYTE),
    [0xe7] = F(OP_SYSTEM),
    [0xe8] = R(call_row, OP_NEAR | OP_ENDS | OP_IMMZ),
    [0xe9] = R(jmp_row, OP_NEAR | OP_ENDS | OP_IMMZ),
    [0xea] = F(OP_SYSTEM | OP_NO64 | OP_FAR | OP_ENDS),
    [0xeb] = R(jmp_row, OP_NEAR | OP_ENDS | OP_IMM8),
    [0xec] = F(OP_SYSTEM | OP_BYTE),
    [0xed] = F(OP_SYSTEM),
    [0xee] = F(OP_SYSTEM | OP_BYTE),
    [0xef] = F(OP_SYSTEM),

    [0xf1] = F(OP_SYSTEM | OP_ENDS),
    [0xf4] = F(OP_SYSTEM | OP_ENDS),
    [0xf5] = R(flagop_rows[FLAGOP_CMC], OP_BYTE),
    [0xf6] = GROUP(group_3_byte, OP_MODRM | OP_BYTE),
    [0xf7] = GROUP(group_3, OP_MODRM),
    [0xf8] = R(flagop_rows[FLAGOP_CLC], OP_BYTE),
    [0xf9] = R(flagop_rows[FLAGOP_STC], OP_BYTE),
    [0xfa] = F(OP_SYSTEM),
    [0xfb] = F(OP_SYSTEM | OP_ENDS),
    [0xfc] = R(flagop_rows[FLAGOP_CLD], OP_BYTE),
    [0xfd] = R(flagop_rows[FLAGOP_STD], OP_BYTE),
    [0xfe] = GROUP(group_4, OP_MODRM | OP_BYTE),
    [0xff] = GROUP(group_5, OP_MODRM),
};

/* ---- 0F ---- */

#define SYSTEM_MODRM F(OP_MODRM | OP_SYSTEM | OP_ENDS)
#define SYSTEM_PLAIN F(OP_SYSTEM | OP_ENDS)
#define SIMD         F(OP_MODRM | OP_SIMD)
#define SIMD_IMM8    F(OP_MODRM | OP_SIMD | OP_IMM8)
#define HINT         R_M(nop_row, nop_row, OP_MODRM)

static const struct opcode map_0f[256] = {
    [0x00] = SYSTEM_MODRM,
    SYSTEM_MODRM,
    SYSTEM_MODRM,
    SYSTEM_MODRM,
    [0x05] = SYSTEM_PLAIN,
    SYSTEM_PLAIN,
    SYSTEM_PLAIN,
    SYSTEM_PLAIN,
    SYSTEM_PLAIN,
    [0x0b] = SYSTEM_PLAIN,
    [0x0d] = HINT,
    [0x10 ... 0x17] = SIMD,
    [0x18 ... 0x1f] = HINT,
    [0x20 ... 0x23] = F(OP_MODRM | OP_MODREG | OP_SYSTEM | OP_ENDS),
    [0x28 ... 0x2f] = SIMD,
    [0x30 ... 0x35] = SYSTEM_PLAIN,
    [0x40 ... 0x4f] = RM(cmov_rows, OP_MODRM),
    [0x50 ... 0x6f] = SIMD,
    [0x70 ... 0x73] = SIMD_IMM8,
    [0x74 ... 0x76] = SIMD,
    [0x77] = F(OP_SIMD),
    [0x7c ... 0x7f] = SIMD,
    [0x80] = JCC_NEAR(0),
    JCC_NEAR(1),
    JCC_NEAR(2),
    JCC_NEAR(3),
    JCC_NEAR(4),
    JCC_NEAR(5),
    JCC_NEAR(6),
    JCC_NEAR(7),
    JCC_NEAR(8),
    JCC_NEAR(9),
    JCC_NEAR(10),
    JCC_NEAR(11),
    JCC_NEAR(12),
    JCC_NEAR(13),
    JCC_NEAR(14),
    JCC_NEAR(15),
    [0x90 ... 0x9f] = RM(setcc_rows, OP_MODRM | OP_BYTE),
    [0xa0] = SEG_STACK_NEW,
    [0xa1] = SEG_STACK_NEW,
    [0xa2] = F(OP_SYSTEM),
    [0xa3] = RM(bit_rows[BIT_BT], OP_MODRM),
    [0xa4] = RM(double_shift_rows[DOUBLE_SHLD], OP_MODRM | OP_IMM8),
    [0xa5] = RM(double_shift_rows[DOUBLE_SHLD], OP_MODRM),
    [0xa8] = SEG_STACK_NEW,
    [0xa9] = SEG_STACK_NEW,
    [0xaa] = SYSTEM_PLAIN,
    [0xab] = RM(bit_rows[BIT_BTS], OP_MODRM | OP_LOCK),
    [0xac] = RM(double_shift_rows[DOUBLE_SHRD], OP_MODRM | OP_IMM8),
    [0xad] = RM(double_shift_rows[DOUBLE_SHRD], OP_MODRM),
    [0xae] = SIMD,
    [0xaf] = RM(imul2_rows, OP_MODRM),
    [0xb0] = RM(cmpxchg_rows, OP_MODRM | OP_BYTE | OP_LOCK),
    [0xb1] = RM(cmpxchg_rows, OP_MODRM | OP_LOCK),
    [0xb2] = SYSTEM_MODRM,
    [0xb3] = RM(bit_rows[BIT_BTR], OP_MODRM | OP_LOCK),
    [0xb4] = SYSTEM_MODRM,
    [0xb5] = SYSTEM_MODRM,
    [0xb6] = RM(extend_rows[EXTEND_ZX8], OP_MODRM),
    [0xb7] = RM(extend_rows[EXTEND_ZX16], OP_MODRM),
    [0xb8] = RM(popcnt_rows, OP_MODRM | OP_POPCNT),
    [0xb9] = SYSTEM_MODRM,
    [0xba] = GROUP(group_8, OP_MODRM | OP_IMM8),
    [0xbb] = RM(bit_rows[BIT_BTC], OP_MODRM | OP_LOCK),
    [0xbc] = RM(bsf_rows, OP_MODRM),
    [0xbd] = RM(bsr_rows, OP_MODRM),
    [0xbe] = RM(extend_rows[EXTEND_SX8], OP_MODRM),
    [0xbf] = RM(extend_rows[EXTEND_SX16], OP_MODRM),
    [0xc0] = RM(xadd_rows, OP_MODRM | OP_BYTE | OP_LOCK),
    [0xc1] = RM(xadd_rows, OP_MODRM | OP_LOCK),
    [0xc2] = SIMD_IMM8,
    [0xc3] = SIMD,
    [0xc4 ... 0xc6] = SIMD_IMM8,
    [0xc7] = GROUP(group_9, OP_MODRM),
    [0xc8 ... 0xcf] = R(bswap_row, OP_REG),
    [0xd0 ... 0xfe] = SIMD,
    [0xff] = SYSTEM_MODRM,
};

/* These have no holes: an opcode that does not exist is decoded to its end like its neighbours. */
static const struct opcode map_0f38 = SIMD, map_0f3a = SIMD_IMM8;

const struct opcode *opcode_find(unsigned map, uint8_t opcode)
{
	switch (map) {
	case MAP_1BYTE:
		return &map_1byte[opcode];
	case MAP_0F:
		return &map_0f[opcode];
	case MAP_0F38:
		return &map_0f38;
	default:
		return &map_0f3a;
	}
}
