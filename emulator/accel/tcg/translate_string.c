/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From decoded guest instructions to IR: string instructions without a REP prefix, and forwards.
 * With one they are the interpreter's, which does many iterations at once.
 */
#include "emulator/accel/tcg/translate.h"
#include "emulator/cpu/ops.h"

/* ADDR of rSI in the instruction's segment, or of rDI in ES, and PROBE. */
static void string_memory(struct translation *t, unsigned r, unsigned seg, bool write)
{
	struct ir_op *o = ir_add(t, IR_ADDR, t->i->operand, IR_NONE, IR_NONE);

	o->base = (uint8_t)r;
	o->kind = write;
	if (seg == SEG_FS || seg == SEG_GS)
		o->seg = (uint8_t)seg;
	ir_add(t, IR_PROBE, t->i->operand, IR_NONE, IR_NONE)->kind = write;
}

bool translate_string(struct translation *t)
{
	const struct insn *i = t->i;
	unsigned size = i->operand;

	if (i->map != MAP_1BYTE || i->opcode < 0xa4 || i->opcode > 0xaf || i->opcode == 0xa8 ||
	    i->opcode == 0xa9 || i->rep != REP_NONE || i->seg == SEG_CS ||
	    i->address != (t->ir->code64 ? 8 : 4))
		return false;
	ir_add(t, IR_FORWARD, 0, IR_NONE, IR_NONE);
	switch (i->opcode & 0xfe) {
	case 0xa4: /* MOVS */
		string_memory(t, GPR_RSI, i->seg, false);
		ir_add(t, IR_MOV, size, IR_SAVED, IR_MEM);
		string_memory(t, GPR_RDI, SEG_FLAT, true);
		ir_add(t, IR_MOV, size, IR_MEM, IR_SAVED);
		break;
	case 0xa6: /* CMPS */
		string_memory(t, GPR_RSI, i->seg, false);
		ir_add(t, IR_MOV, size, IR_SAVED, IR_MEM);
		string_memory(t, GPR_RDI, SEG_FLAT, false);
		ir_add(t, IR_MOV, size, IR_TEMP, IR_SAVED);
		ir_alu(t, ALU_CMP, size, IR_TEMP, IR_MEM);
		break;
	case 0xaa: /* STOS */
		string_memory(t, GPR_RDI, SEG_FLAT, true);
		ir_add(t, IR_MOV, size, IR_MEM, GPR_RAX);
		break;
	case 0xac: /* LODS */
		string_memory(t, GPR_RSI, i->seg, false);
		ir_add(t, IR_MOV, size, GPR_RAX, IR_MEM);
		break;
	default: /* SCAS */
		string_memory(t, GPR_RDI, SEG_FLAT, false);
		ir_alu(t, ALU_CMP, size, GPR_RAX, IR_MEM);
		break;
	}
	if (i->opcode < 0xa8 || i->opcode == 0xac || i->opcode == 0xad)
		ir_advance(t, GPR_RSI, (int32_t)size);
	if (i->opcode < 0xac || i->opcode > 0xad)
		ir_advance(t, GPR_RDI, (int32_t)size);
	return true;
}
