/* SPDX-License-Identifier: Apache-2.0 */
/*
 * x87 control instructions: control and status word, environment and state images, FWAIT. They
 * leave FOP, FIP and FDP alone. The image has four shapes, by operand size and by real (or
 * virtual-8086) or protected mode: Intel SDM vol. 1 8.1.10, figures 8-9 to 8-12.
 */
#include <string.h>

#include "emulator/cpu/x87_impl.h"

static void op_fwait(struct vcpu *v, const struct insn *i)
{
	fpu_check_wait(v);
}

/* FNOP is no control instruction, but changes nothing else, not even C1. */
static void op_fnop(struct vcpu *v, const struct insn *i)
{
	uint16_t status;

	x87_begin(v);
	status = v->c->fpu.status;
	x87_note(v, i);
	v->c->fpu.status = status;
}

/* FENI, FDISI, FSETPM: meant something to an 8087 or 80287 only. */
static void op_ignored(struct vcpu *v, const struct insn *i)
{
	fpu_check_x87(v, false);
}

static void op_fninit(struct vcpu *v, const struct insn *i)
{
	fpu_check_x87(v, false);
	fpu_fninit(&v->c->fpu);
}

static void op_fnclex(struct vcpu *v, const struct insn *i)
{
	fpu_check_x87(v, false);
	v->c->fpu.status &=
	    FPU_STATUS_TOP | FPU_STATUS_C0 | FPU_STATUS_C1 | FPU_STATUS_C2 | FPU_STATUS_C3;
}

static void op_fldcw(struct vcpu *v, const struct insn *i)
{
	x87_begin(v);
	fpu_set_control(&v->c->fpu, mem_read16(v, i->seg, insn_address(v, i)));
}

static void op_fnstcw(struct vcpu *v, const struct insn *i)
{
	fpu_check_x87(v, false);
	mem_write16(v, i->seg, insn_address(v, i), v->c->fpu.control);
}

static void op_fnstsw_m16(struct vcpu *v, const struct insn *i)
{
	fpu_check_x87(v, false);
	mem_write16(v, i->seg, insn_address(v, i), v->c->fpu.status);
}

static void op_fnstsw_ax(struct vcpu *v, const struct insn *i)
{
	fpu_check_x87(v, false);
	v->c->reg[GPR_RAX] = (v->c->reg[GPR_RAX] & ~0xffffull) | v->c->fpu.status;
}

/* ---- environment ---- */

/* The tag word as it is stored: valid, zero, special or empty by what the registers hold. */
static uint16_t full_tag(const struct fpu *f)
{
	uint16_t tag = f->tag;

	for (unsigned n = 0; n < 8; n++) {
		unsigned exponent = f->st[n].sign_exponent & 0x7fff;
		unsigned class = 0;

		if (((tag >> (n * 2)) & 3) == 3)
			continue;
		if (exponent == 0 && f->st[n].mantissa == 0)
			class = 1;
		else if (exponent == 0 || exponent == 0x7fff || !(f->st[n].mantissa >> 63))
			class = 2;
		tag |= (uint16_t)(class << (n * 2));
	}
	return tag;
}

struct environment {
	uint32_t word[7]; /* in the order of the image, each 16 or 32 bits there */
};

static bool is_protected(const struct vcpu *v)
{
	return (v->c->cr0 & CR0_PE) && !(v->c->rflags & FLAG_VM);
}

static unsigned environment_size(const struct insn *i)
{
	return i->operand == 2 ? 14 : 28;
}

static void environment_store(const struct vcpu *v, const struct insn *i, uint8_t *image)
{
	const struct fpu *f = &v->c->fpu;
	bool wide = i->operand != 2;
	/* The upper halves of the 16-bit fields of a 32-bit image are stored as ones. */
	uint32_t fill = wide ? 0xffff0000 : 0;
	struct environment e = {{f->control | fill, f->status | fill, full_tag(f) | fill}};

	if (is_protected(v)) {
		e.word[3] = (uint32_t)f->ip;
		e.word[4] = f->cs | (uint32_t)f->opcode << 16;
		e.word[5] = (uint32_t)f->dp;
		e.word[6] = f->ds | fill;
	} else {
		/* Linear addresses; the upper part lies above the opcode. */
		uint32_t ip = (uint32_t)(f->ip + ((uint32_t)f->cs << 4));
		uint32_t dp = (uint32_t)(f->dp + ((uint32_t)f->ds << 4));

		e.word[3] = (ip & 0xffff) | fill;
		e.word[4] = (ip >> 16) << 12 | f->opcode;
		e.word[5] = (dp & 0xffff) | fill;
		e.word[6] = (dp >> 16) << 12;
	}
	for (unsigned n = 0; n < 7; n++) {
		uint16_t narrow = (uint16_t)e.word[n];

		if (wide)
			memcpy(image + n * 4, &e.word[n], 4);
		else
			memcpy(image + n * 2, &narrow, 2);
	}
}

static void environment_load(struct vcpu *v, const struct insn *i, const uint8_t *image)
{
	struct fpu *f = &v->c->fpu;
	struct environment e;
	uint16_t narrow;

	for (unsigned n = 0; n < 7; n++) {
		if (i->operand != 2) {
			memcpy(&e.word[n], image + n * 4, 4);
		} else {
			memcpy(&narrow, image + n * 2, 2);
			e.word[n] = narrow;
		}
	}
	f->status = (uint16_t)e.word[1];
	fpu_set_control(f, (uint16_t)e.word[0]);
	f->tag = 0;
	for (unsigned n = 0; n < 8; n++)
		if (((e.word[2] >> (n * 2)) & 3) == 3)
			f->tag |= (uint16_t)(3u << (n * 2));
	if (is_protected(v)) {
		f->ip = e.word[3];
		f->cs = (uint16_t)e.word[4];
		/* The 16-bit protected image has no opcode. */
		f->opcode = i->operand == 2 ? 0 : (e.word[4] >> 16) & 0x7ff;
		f->dp = e.word[5];
		f->ds = (uint16_t)e.word[6];
	} else {
		f->ip = (e.word[3] & 0xffff) | ((e.word[4] >> 12) & 0xffff) << 16;
		f->opcode = e.word[4] & 0x7ff;
		f->dp = (e.word[5] & 0xffff) | ((e.word[6] >> 12) & 0xffff) << 16;
		f->cs = f->ds = 0;
	}
}

static void op_fnstenv(struct vcpu *v, const struct insn *i)
{
	struct fpu *f = &v->c->fpu;
	uint8_t image[28];

	fpu_check_x87(v, false);
	environment_store(v, i, image);
	mem_write_bytes(v, i->seg, insn_address(v, i), image, environment_size(i));
	fpu_set_control(f, f->control | FPU_EXCEPTIONS);
}

static void op_fldenv(struct vcpu *v, const struct insn *i)
{
	uint8_t image[28];

	x87_begin(v);
	mem_read_bytes(v, i->seg, insn_address(v, i), image, environment_size(i));
	environment_load(v, i, image);
}

/* ---- state: the environment, then ST(0)..ST(7) ---- */

static void op_fnsave(struct vcpu *v, const struct insn *i)
{
	struct fpu *f = &v->c->fpu;
	unsigned at = environment_size(i);
	uint8_t image[28 + 80];

	fpu_check_x87(v, false);
	environment_store(v, i, image);
	for (unsigned n = 0; n < 8; n++, at += 10) {
		memcpy(image + at, &x87_st(f, n)->mantissa, 8);
		memcpy(image + at + 8, &x87_st(f, n)->sign_exponent, 2);
	}
	mem_write_bytes(v, i->seg, insn_address(v, i), image, at);
	fpu_fninit(f);
}

static void op_frstor(struct vcpu *v, const struct insn *i)
{
	struct fpu *f = &v->c->fpu;
	unsigned at = environment_size(i);
	uint8_t image[28 + 80];

	x87_begin(v);
	mem_read_bytes(v, i->seg, insn_address(v, i), image, at + 80);
	environment_load(v, i, image);
	for (unsigned n = 0; n < 8; n++, at += 10) {
		memcpy(&x87_st(f, n)->mantissa, image + at, 8);
		memcpy(&x87_st(f, n)->sign_exponent, image + at + 8, 2);
	}
}

/* ---- which handler ---- */

static insn_handler *memory_lookup(const struct insn *i)
{
	unsigned field = (i->modrm >> 3) & 7;

	switch (i->opcode << 4 | field) {
	case 0xd94:
		return op_fldenv;
	case 0xd95:
		return op_fldcw;
	case 0xd96:
		return op_fnstenv;
	case 0xd97:
		return op_fnstcw;
	case 0xdd4:
		return op_frstor;
	case 0xdd6:
		return op_fnsave;
	case 0xdd7:
		return op_fnstsw_m16;
	default:
		return NULL;
	}
}

insn_handler *x87_control_lookup(const struct insn *i)
{
	if (i->opcode == 0x9b)
		return op_fwait;
	if (!i->is_reg)
		return memory_lookup(i);
	switch (i->opcode << 8 | i->modrm) {
	case 0xd9d0:
		return op_fnop;
	case 0xdbe0:
	case 0xdbe1:
	case 0xdbe4:
		return op_ignored;
	case 0xdbe2:
		return op_fnclex;
	case 0xdbe3:
		return op_fninit;
	case 0xdfe0:
		return op_fnstsw_ax;
	default:
		return NULL;
	}
}
