/* SPDX-License-Identifier: Apache-2.0 */
/* From decoded guest instructions to IR: x87. See x87.h. */
#include "emulator/accel/tcg/translate.h"
#include "emulator/accel/tcg/x87.h"

#define K       X87_KNOWN
#define ST(n)   (X87_KNOWN | X87_STORE | (n))
#define LD(n)   (X87_KNOWN | (n))
#define COMI    (X87_KNOWN | X87_FLAGS)
#define CMOV    (X87_KNOWN | X87_CMOV)
#define LOAD_CW (X87_KNOWN | X87_CONTROL | X87_LOAD_CW | 2)
#define SAVE_W  (X87_KNOWN | X87_CONTROL | X87_STORE | 2)

/* By opcode D8..DF and ModRM.reg. FISTTP is of SSE3, which the host may not have. */
static const uint16_t memory_forms[8][8] = {
    {LD(4), LD(4), LD(4), LD(4), LD(4), LD(4), LD(4), LD(4)},
    {LD(4), 0, ST(4), ST(4), 0, LOAD_CW, 0, SAVE_W},
    {LD(4), LD(4), LD(4), LD(4), LD(4), LD(4), LD(4), LD(4)},
    {LD(4), 0, ST(4), ST(4), 0, LD(10), 0, ST(10)},
    {LD(8), LD(8), LD(8), LD(8), LD(8), LD(8), LD(8), LD(8)},
    {LD(8), 0, ST(8), ST(8), 0, 0, 0, SAVE_W},
    {LD(2), LD(2), LD(2), LD(2), LD(2), LD(2), LD(2), LD(2)},
    {LD(2), 0, ST(2), ST(2), 0, LD(8), 0, ST(8)},
};

/* Of a register. Aliases that the manual does not list stay with the interpreter. */
static const uint16_t register_forms[8][8] = {
    {K, K, K, K, K, K, K, K}, {K, K},
    {CMOV, CMOV, CMOV, CMOV}, {CMOV, CMOV, CMOV, CMOV, 0, COMI, COMI},
    {K, K, 0, 0, K, K, K, K}, {0, 0, K, K, K, K},
    {K, K, 0, 0, K, K, K, K}, {0, 0, 0, 0, 0, COMI, COMI},
};

static unsigned form_of_register(const struct insn *i)
{
	switch (i->opcode << 8 | i->modrm) {
	case 0xd9e0 ... 0xd9e1: /* FCHS, FABS */
	case 0xd9e4:            /* FTST */
	case 0xd9e8 ... 0xd9ee: /* constants */
	case 0xd9fa:            /* FSQRT */
	case 0xd9fc:            /* FRNDINT */
	case 0xdae9:            /* FUCOMPP */
	case 0xded9:            /* FCOMPP */
		return X87_KNOWN;
	case 0xdfe0:
		return X87_KNOWN | X87_CONTROL | X87_TO_AX;
	default:
		return register_forms[i->opcode & 7][i->modrm >> 3 & 7];
	}
}

unsigned x87_form(const struct insn *i)
{
	if (i->map != MAP_1BYTE)
		return 0;
	if (i->opcode == 0x9b)
		return X87_KNOWN | X87_CONTROL | X87_NOTHING;
	if ((i->opcode & 0xf8) != 0xd8)
		return 0;
	return i->is_reg ? form_of_register(i) : memory_forms[i->opcode & 7][i->modrm >> 3 & 7];
}

bool x87_changes_mode(const struct insn *i)
{
	unsigned digit = i->modrm >> 3 & 7;

	if (i->map != MAP_1BYTE || (i->opcode & 0xf8) != 0xd8)
		return false;
	if (i->is_reg) /* FNCLEX, FNINIT */
		return i->opcode == 0xdb && (i->modrm == 0xe2 || i->modrm == 0xe3);
	/* FLDENV, FLDCW, FNSTENV; FRSTOR, FNSAVE */
	return (i->opcode == 0xd9 && digit >= 4 && digit <= 6) ||
	       (i->opcode == 0xdd && (digit == 4 || digit == 6));
}

/* FCMOVcc: DA with B, E, BE, U, which DB negates; as in Jcc. */
static unsigned condition_of(const struct insn *i)
{
	static const uint8_t condition[4] = {0x2, 0x4, 0x6, 0xa};

	return condition[i->modrm >> 3 & 3] | (i->opcode & 1u);
}

bool translate_x87(struct translation *t)
{
	const struct insn *i = t->i;
	unsigned form = t->ir->x87 ? x87_form(i) : 0, size = form & X87_SIZE;
	struct ir_op *o;

	if (!form)
		return false;
	if (size) {
		if (!ir_memory_possible(t))
			return false;
		ir_memory(t, size, form & X87_STORE);
	}
	o = ir_add(t, IR_X87, size, form & X87_TO_AX ? GPR_RAX : IR_NONE, size ? IR_MEM : IR_NONE);
	if (size)
		ir_set_address(t, o); /* FDP is its offset */
	o->kind = i->opcode;
	o->from = i->modrm;
	o->form = (uint16_t)form;
	if (form & X87_CMOV)
		o->condition = (uint8_t)condition_of(i);
	t->ir->has_x87 |= !(form & X87_NOTHING);
	return true;
}
