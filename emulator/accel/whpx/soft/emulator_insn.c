/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The instructions that the software platform's emulator knows. The reach is narrow on purpose, as
 * that of WinHvEmulation is: moves of general registers and immediates, sign and zero extension,
 * the plain arithmetic of compilers, XCHG, MOVS and STOS within a page, IN, OUT, INS and OUTS.
 * No LOCK prefix, no stack, no SSE, no bit tests, nothing across a page.
 */
#include "emulator/accel/whpx/soft/emulator.h"

#define PAGE 4096u

static uint64_t mask_of(unsigned size)
{
	return UINT64_MAX >> (64 - 8 * size);
}

/* ---- registers ---- */

/* AH to BH: byte registers 4 to 7 without REX. */
static bool is_high(const struct insn *i, unsigned reg, unsigned size)
{
	return size == 1 && !i->rex && reg >= 4 && reg < 8;
}

static uint64_t register_get(const struct emulation *e, unsigned reg, unsigned size)
{
	if (is_high(&e->insn, reg, size))
		return e->reg[reg - 4] >> 8 & 0xff;
	return e->reg[reg] & mask_of(size);
}

static void register_set(struct emulation *e, unsigned reg, unsigned size, uint64_t value)
{
	unsigned shift = 0;
	uint64_t mask = mask_of(size);

	if (is_high(&e->insn, reg, size)) {
		reg -= 4;
		shift = 8;
	}
	if (size == 4)
		e->reg[reg] = value & mask;
	else
		e->reg[reg] = (e->reg[reg] & ~(mask << shift)) | (value & mask) << shift;
	e->changed |= 1u << reg;
}

static uint64_t sign_extend(uint64_t value, unsigned size)
{
	unsigned shift = 64 - 8 * size;

	return (uint64_t)((int64_t)(value << shift) >> shift);
}

/* ---- the memory operand ---- */

static uint64_t operand_offset(const struct emulation *e)
{
	const struct insn *i = &e->insn;
	uint64_t a =
	    e->reg[i->base] + (e->reg[i->index] << i->scale) + (uint64_t)(int64_t)i->displacement;

	return a & mask_of(i->address);
}

static bool load(struct emulation *e, unsigned size, uint64_t *value)
{
	return emulation_load(e, e->insn.seg, operand_offset(e), size, value);
}

static bool store(struct emulation *e, unsigned size, uint64_t value)
{
	return emulation_store(e, e->insn.seg, operand_offset(e), size, value & mask_of(size));
}

/* ---- arithmetic ---- */

enum { ALU_ADD = 0, ALU_OR = 1, ALU_AND = 4, ALU_SUB = 5, ALU_XOR = 6, ALU_CMP = 7 };

static void set_flags(struct emulation *e, uint64_t result, unsigned size, bool carry, bool adjust,
		      bool overflow)
{
	uint64_t sign = 1ull << (8 * size - 1);

	e->rflags &= ~(uint64_t)FLAGS_STATUS;
	e->rflags |= (carry ? FLAG_CF : 0) | (adjust ? FLAG_AF : 0) | (overflow ? FLAG_OF : 0) |
		     (result & sign ? FLAG_SF : 0) | (result ? 0 : FLAG_ZF) |
		     (__builtin_parity((unsigned)result & 0xff) ? 0 : FLAG_PF);
}

/* False for those with a carry in, which are not known. */
static bool alu(struct emulation *e, unsigned op, uint64_t a, uint64_t b, unsigned size,
		uint64_t *result)
{
	uint64_t mask = mask_of(size), sign = 1ull << (8 * size - 1), r;

	a &= mask;
	b &= mask;
	switch (op) {
	case ALU_ADD:
		r = (a + b) & mask;
		set_flags(e, r, size, r < a, (a ^ b ^ r) & 0x10, ~(a ^ b) & (a ^ r) & sign);
		break;
	case ALU_SUB:
	case ALU_CMP:
		r = (a - b) & mask;
		set_flags(e, r, size, a < b, (a ^ b ^ r) & 0x10, (a ^ b) & (a ^ r) & sign);
		break;
	case ALU_OR:
	case ALU_AND:
	case ALU_XOR:
		r = op == ALU_OR ? a | b : op == ALU_AND ? a & b : a ^ b;
		set_flags(e, r, size, false, false, false);
		break;
	default:
		return emulation_fail(e, WHV_INTERNAL_FAILURE);
	}
	*result = r;
	return true;
}

/* Memory and a value, the result to memory (but for CMP). */
static bool alu_to_memory(struct emulation *e, unsigned op, uint64_t value)
{
	unsigned size = e->insn.operand;
	uint64_t a = 0, r = 0;

	if (op == 2 || op == 3)
		return emulation_fail(e, WHV_INTERNAL_FAILURE);
	return load(e, size, &a) && alu(e, op, a, value, size, &r) &&
	       (op == ALU_CMP || store(e, size, r));
}

static bool alu_to_register(struct emulation *e, unsigned op)
{
	unsigned size = e->insn.operand;
	uint64_t b = 0, r = 0;

	if (op == 2 || op == 3)
		return emulation_fail(e, WHV_INTERNAL_FAILURE);
	if (!load(e, size, &b) || !alu(e, op, register_get(e, e->insn.reg, size), b, size, &r))
		return false;
	if (op != ALU_CMP)
		register_set(e, e->insn.reg, size, r);
	return true;
}

static bool test(struct emulation *e, uint64_t value)
{
	uint64_t a = 0, r = 0;

	return load(e, e->insn.operand, &a) && alu(e, ALU_AND, a, value, e->insn.operand, &r);
}

static bool not(struct emulation * e)
{
	uint64_t a = 0;

	return load(e, e->insn.operand, &a) && store(e, e->insn.operand, ~a);
}

/* ---- moves ---- */

static bool move_to_register(struct emulation *e)
{
	uint64_t value = 0;

	if (!load(e, e->insn.operand, &value))
		return false;
	register_set(e, e->insn.reg, e->insn.operand, value);
	return true;
}

static bool move_from_register(struct emulation *e)
{
	return store(e, e->insn.operand, register_get(e, e->insn.reg, e->insn.operand));
}

static bool move_extended(struct emulation *e, unsigned from, bool is_signed)
{
	uint64_t value = 0;

	if (!load(e, from, &value))
		return false;
	register_set(e, e->insn.reg, e->insn.operand, is_signed ? sign_extend(value, from) : value);
	return true;
}

/* A0 to A3: RAX and an address in the instruction. */
static bool move_offset(struct emulation *e)
{
	const struct insn *i = &e->insn;
	uint64_t value = register_get(e, GPR_RAX, i->operand);

	if (i->opcode & 2)
		return emulation_store(e, i->seg, i->immediate, i->operand, value);
	if (!emulation_load(e, i->seg, i->immediate, i->operand, &value))
		return false;
	register_set(e, GPR_RAX, i->operand, value);
	return true;
}

static bool exchange(struct emulation *e)
{
	uint64_t old = 0, value = register_get(e, e->insn.reg, e->insn.operand);

	if (!load(e, e->insn.operand, &old) || !store(e, e->insn.operand, value))
		return false;
	register_set(e, e->insn.reg, e->insn.operand, old);
	return true;
}

/* ---- strings: one item a call, and RIP stays while there are more ---- */

static uint64_t index_get(const struct emulation *e, unsigned reg)
{
	return e->reg[reg] & mask_of(e->insn.address);
}

/* By address size, as register_set() does by operand size; there are no 8-bit addresses. */
static void index_add(struct emulation *e, unsigned reg, uint64_t value)
{
	register_set(e, reg, e->insn.address, e->reg[reg] + value);
}

static uint64_t items_left(const struct emulation *e)
{
	return e->insn.rep == REP_NONE ? 1 : index_get(e, GPR_RCX);
}

/* All that is left lies in one page. */
static bool in_page(const struct emulation *e, unsigned seg, unsigned reg, unsigned size)
{
	uint64_t first = (e->segment_base[seg] + index_get(e, reg)) % PAGE;
	uint64_t others = items_left(e) - 1;

	if (first + size > PAGE || others > PAGE)
		return false;
	if (e->rflags & FLAG_DF)
		return others * size <= first;
	return first + (others + 1) * size <= PAGE;
}

static unsigned string_segment(const struct emulation *e)
{
	return e->code_bits == 64 ? SEG_FLAT : SEG_ES;
}

static void string_step(struct emulation *e, bool source, bool destination, unsigned size)
{
	uint64_t step = e->rflags & FLAG_DF ? 0 - (uint64_t)size : size;

	if (source)
		index_add(e, GPR_RSI, step);
	if (destination)
		index_add(e, GPR_RDI, step);
	if (e->insn.rep == REP_NONE)
		return;
	index_add(e, GPR_RCX, UINT64_MAX);
	if (index_get(e, GPR_RCX)) {
		e->reg[GPR_RIP] -= e->insn.length;
		if (e->code_bits != 64)
			e->reg[GPR_RIP] = (uint32_t)e->reg[GPR_RIP];
	}
}

static bool string_move(struct emulation *e)
{
	unsigned size = e->insn.operand, to = string_segment(e);
	uint64_t value = 0;

	if (!items_left(e) || !in_page(e, e->insn.seg, GPR_RSI, size) ||
	    !in_page(e, to, GPR_RDI, size))
		return emulation_fail(e, WHV_INTERNAL_FAILURE);
	if (!emulation_load(e, e->insn.seg, index_get(e, GPR_RSI), size, &value) ||
	    !emulation_store(e, to, index_get(e, GPR_RDI), size, value))
		return false;
	string_step(e, true, true, size);
	return true;
}

static bool string_store(struct emulation *e)
{
	unsigned size = e->insn.operand, to = string_segment(e);

	if (!items_left(e) || !in_page(e, to, GPR_RDI, size))
		return emulation_fail(e, WHV_INTERNAL_FAILURE);
	if (!emulation_store(e, to, index_get(e, GPR_RDI), size, register_get(e, GPR_RAX, size)))
		return false;
	string_step(e, false, true, size);
	return true;
}

/* ---- the table ---- */

static bool memory_0f(struct emulation *e)
{
	switch (e->insn.opcode) {
	case 0xb6:
		return move_extended(e, 1, false);
	case 0xb7:
		return move_extended(e, 2, false);
	case 0xbe:
		return move_extended(e, 1, true);
	case 0xbf:
		return move_extended(e, 2, true);
	default:
		return emulation_fail(e, WHV_INTERNAL_FAILURE);
	}
}

/* F6 and F7: TEST with an immediate, NOT. */
static bool memory_group3(struct emulation *e)
{
	switch (e->insn.modrm >> 3 & 7) {
	case 0:
		return test(e, e->insn.immediate);
	case 2:
		return not(e);
	default:
		return emulation_fail(e, WHV_INTERNAL_FAILURE);
	}
}

bool emulate_memory(struct emulation *e)
{
	const struct insn *i = &e->insn;

	if (i->lock || i->handler == insn_undefined)
		return emulation_fail(e, WHV_INTERNAL_FAILURE);
	switch (i->opcode) { /* those without ModRM */
	case 0xa0 ... 0xa3:
		if (i->map == MAP_1BYTE)
			return move_offset(e);
		break;
	case 0xa4 ... 0xa5:
		if (i->map == MAP_1BYTE)
			return string_move(e);
		break;
	case 0xaa ... 0xab:
		if (i->map == MAP_1BYTE)
			return string_store(e);
		break;
	}
	if (i->is_reg)
		return emulation_fail(e, WHV_INTERNAL_FAILURE);
	if (i->map == MAP_0F)
		return memory_0f(e);
	if (i->map != MAP_1BYTE)
		return emulation_fail(e, WHV_INTERNAL_FAILURE);
	if (i->opcode < 0x40 && (i->opcode & 7) < 2)
		return alu_to_memory(e, i->opcode >> 3, register_get(e, i->reg, i->operand));
	if (i->opcode < 0x40 && (i->opcode & 7) < 4)
		return alu_to_register(e, i->opcode >> 3);
	switch (i->opcode) {
	case 0x63:
		return e->code_bits == 64 ? move_extended(e, i->operand == 2 ? 2 : 4, true)
					  : emulation_fail(e, WHV_INTERNAL_FAILURE);
	case 0x80 ... 0x83:
		return alu_to_memory(e, i->modrm >> 3 & 7, i->immediate);
	case 0x84 ... 0x85:
		return test(e, register_get(e, i->reg, i->operand));
	case 0x86 ... 0x87:
		return exchange(e);
	case 0x88 ... 0x89:
		return move_from_register(e);
	case 0x8a ... 0x8b:
		return move_to_register(e);
	case 0xc6 ... 0xc7:
		return store(e, i->operand, i->immediate);
	case 0xf6 ... 0xf7:
		return memory_group3(e);
	default:
		return emulation_fail(e, WHV_INTERNAL_FAILURE);
	}
}

/* ---- ports ---- */

static bool string_port(struct emulation *e, unsigned port, unsigned size)
{
	bool is_write = e->insn.opcode & 2;
	unsigned seg = is_write ? e->insn.seg : string_segment(e);
	unsigned reg = is_write ? GPR_RSI : GPR_RDI;
	uint64_t value = 0;

	if (!items_left(e) || !in_page(e, seg, reg, size))
		return emulation_fail(e, WHV_INTERNAL_FAILURE);
	if (is_write && !emulation_load(e, seg, index_get(e, reg), size, &value))
		return false;
	if (!emulation_port(e, is_write, port, size, &value))
		return false;
	if (!is_write && !emulation_store(e, seg, index_get(e, reg), size, value))
		return false;
	string_step(e, is_write, !is_write, size);
	return true;
}

bool emulate_io(struct emulation *e, unsigned port)
{
	const struct insn *i = &e->insn;
	unsigned size = i->operand == 8 ? 4 : i->operand;
	uint64_t value = register_get(e, GPR_RAX, size);
	bool is_string = i->opcode >= 0x6c && i->opcode <= 0x6f;
	bool is_plain = (i->opcode & 0xf4) == 0xe4;

	if (i->map != MAP_1BYTE || !(is_string || is_plain))
		return emulation_fail(e, WHV_INTERNAL_FAILURE);
	if (is_string)
		return string_port(e, port, size);
	if (!emulation_port(e, i->opcode & 2, port, size, &value))
		return false;
	if (!(i->opcode & 2))
		register_set(e, GPR_RAX, size, value);
	return true;
}
