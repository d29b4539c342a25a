/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's x87 state between struct cpu and the image that the thunks give to FRSTOR and take
 * from FNSAVE: 28 bytes of environment as in 32-bit protected mode, then ST(0) to ST(7) (Intel SDM
 * vol. 1 8.1.10).
 */
#include <string.h>

#include "emulator/accel/tcg/helpers.h"
#include "emulator/cpu/x87_impl.h"

enum { CONTROL = 0, STATUS = 4, TAG = 8, REGISTERS = 28 };

static void put16(uint8_t *image, unsigned at, uint16_t value)
{
	memcpy(image + at, &value, sizeof(value));
}

static uint16_t get16(const uint8_t *image, unsigned at)
{
	uint16_t value;

	memcpy(&value, image + at, sizeof(value));
	return value;
}

void jit_x87_load(struct jit_frame *f)
{
	struct fpu *fpu = &f->jit->v->c->fpu;

	memset(f->x87, 0, REGISTERS);
	put16(f->x87, CONTROL, fpu->control);
	put16(f->x87, STATUS, fpu->status);
	put16(f->x87, TAG, fpu->tag);
	for (unsigned n = 0; n < 8; n++) {
		const struct f80 *st = x87_st(fpu, n);

		memcpy(f->x87 + REGISTERS + 10 * n, &st->mantissa, 8);
		memcpy(f->x87 + REGISTERS + 10 * n + 8, &st->sign_exponent, 2);
	}
	f->x87_last = f->x87_last_memory = X87_NO_NOTE;
}

/* RIP of the instruction that a note is of, as insn_rip() has it. */
static uint64_t note_rip(const struct jit_block *t, unsigned insn, uint64_t mask)
{
	uint64_t rip = t->rip;

	for (unsigned n = 0; n <= insn; n++)
		rip += t->block->insn[n].length;
	return (rip & mask) - t->block->insn[insn].length;
}

static void notes_store(const struct jit_frame *f, struct cpu *c)
{
	const struct jit_block *t;
	const struct insn *i;

	if (f->x87_last != X87_NO_NOTE) {
		t = f->jit->block[X87_NOTE_BLOCK(f->x87_last)];
		i = &t->block->insn[X87_NOTE_INSN(f->x87_last)];
		c->fpu.opcode = x87_opcode(i);
		c->fpu.ip = note_rip(t, X87_NOTE_INSN(f->x87_last), c->linear_mask);
		c->fpu.cs = c->seg[SEG_CS].selector;
	}
	if (f->x87_last_memory != X87_NO_NOTE) {
		t = f->jit->block[X87_NOTE_BLOCK(f->x87_last_memory)];
		i = &t->block->insn[X87_NOTE_INSN(f->x87_last_memory)];
		c->fpu.dp = f->x87_address;
		c->fpu.ds = c->seg[x87_data_segment(i)].selector;
	}
}

void jit_x87_store(struct jit_frame *f)
{
	struct cpu *c = f->jit->v->c;
	struct fpu *fpu = &c->fpu;
	uint16_t tag = get16(f->x87, TAG);

	fpu->control = get16(f->x87, CONTROL);
	fpu->status = get16(f->x87, STATUS);
	/* Of what is there struct fpu does not say more (fpstate.c). */
	fpu->tag = (tag & tag >> 1 & 0x5555) * 3;
	for (unsigned n = 0; n < 8; n++) {
		struct f80 *st = x87_st(fpu, n);

		memcpy(&st->mantissa, f->x87 + REGISTERS + 10 * n, 8);
		memcpy(&st->sign_exponent, f->x87 + REGISTERS + 10 * n + 8, 2);
	}
	notes_store(f, c);
	f->x87_loaded = X87_IN_CPU;
}
