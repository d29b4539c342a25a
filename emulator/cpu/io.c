/* SPDX-License-Identifier: Apache-2.0 */
/*
 * I/O instructions: IN, OUT, INS, OUTS and their permission checks (Intel SDM vol. 1 chapter 18).
 * Each item of a string is an exit of its own, and the string can stop after any item and be
 * resumed, as other string instructions can.
 */
#include "emulator/cpu/block.h"
#include "emulator/cpu/debug.h"
#include "emulator/cpu/mem.h"
#include "emulator/cpu/system.h"

/* By the bitmap, of which two bytes are read so that all bits of a misaligned access are there. */
static void check_permission(struct vcpu *v, unsigned port, unsigned size)
{
	const struct cpu *c = v->c;
	unsigned at, bits;

	if (io_is_free(c))
		return;
	if (!(c->tr.attr & SEG_P) || !(c->tr.attr & 8) || c->tr.limit < 0x67)
		cpu_raise_error(v, EXC_GP, 0);
	at = (unsigned)mem_read_system(v, c->tr.base + 0x66, 2) + port / 8;
	if (at + 1 > c->tr.limit)
		cpu_raise_error(v, EXC_GP, 0);
	bits = (unsigned)mem_read_system(v, c->tr.base + at, 2) >> (port & 7);
	if (bits & ((1u << size) - 1))
		cpu_raise_error(v, EXC_GP, 0);
}

static uint64_t port_access(struct vcpu *v, unsigned port, unsigned size, bool is_write,
			    uint64_t value)
{
	struct exit e = {
	    .kind = EXIT_PIO,
	    .is_write = is_write,
	    .size = (uint8_t)size,
	    .address = port,
	    .data = value,
	    .rip = exit_rip(v),
	};

	if (v->c->dr[7] & DR7_ANY)
		debug_io_access(v->c, port, size);
	v->ops->exit(v->machine, &e);
	return e.data;
}

/* ---- IN, OUT ---- */

static unsigned io_port(const struct vcpu *v, const struct insn *i)
{
	return i->opcode & 8 ? (uint16_t)v->c->reg[GPR_RDX] : (uint8_t)i->immediate;
}

static void op_in(struct vcpu *v, const struct insn *i)
{
	unsigned port = io_port(v, i), size = io_size(i);
	uint64_t *rax = &v->c->reg[GPR_RAX], mask = size == 1 ? 0xff : 0xffff, value;

	check_permission(v, port, size);
	value = port_access(v, port, size, false, 0);
	*rax = size == 4 ? (uint32_t)value : (*rax & ~mask) | (value & mask);
}

static void op_out(struct vcpu *v, const struct insn *i)
{
	unsigned port = io_port(v, i), size = io_size(i);
	uint64_t mask = UINT64_MAX >> (64 - 8 * size);

	check_permission(v, port, size);
	port_access(v, port, size, true, v->c->reg[GPR_RAX] & mask);
}

/* ---- INS, OUTS ---- */

static uint64_t index_get(const struct vcpu *v, const struct insn *i, unsigned reg)
{
	uint64_t value = v->c->reg[reg];

	return i->address == 8 ? value : i->address == 4 ? (uint32_t)value : (uint16_t)value;
}

static void index_set(struct vcpu *v, const struct insn *i, unsigned reg, uint64_t value)
{
	uint64_t *r = &v->c->reg[reg];

	if (i->address == 2)
		*r = (*r & ~0xffffull) | (uint16_t)value;
	else
		*r = i->address == 4 ? (uint32_t)value : value;
}

static void index_advance(struct vcpu *v, const struct insn *i, unsigned reg, unsigned size)
{
	uint64_t step = v->c->rflags & FLAG_DF ? 0 - (uint64_t)size : size;

	index_set(v, i, reg, index_get(v, i, reg) + step);
}

static void mem_write_item(struct vcpu *v, unsigned seg, uint64_t at, unsigned size, uint64_t value)
{
	if (size == 1)
		mem_write8(v, seg, at, (uint8_t)value);
	else if (size == 2)
		mem_write16(v, seg, at, (uint16_t)value);
	else
		mem_write32(v, seg, at, (uint32_t)value);
}

static uint64_t mem_read_item(struct vcpu *v, unsigned seg, uint64_t at, unsigned size)
{
	if (size == 1)
		return mem_read8(v, seg, at);
	return size == 2 ? mem_read16(v, seg, at) : mem_read32(v, seg, at);
}

/* Memory is probed first: a fault after the port was read would lose what was read. */
static void ins_item(struct vcpu *v, const struct insn *i)
{
	unsigned port = (uint16_t)v->c->reg[GPR_RDX], size = io_size(i);
	unsigned seg = v->c->code_bits == 64 ? SEG_FLAT : SEG_ES;
	uint64_t at = index_get(v, i, GPR_RDI);

	check_permission(v, port, size);
	mem_probe_write(v, seg, at, size);
	mem_write_item(v, seg, at, size, port_access(v, port, size, false, 0));
	index_advance(v, i, GPR_RDI, size);
}

static void outs_item(struct vcpu *v, const struct insn *i)
{
	unsigned port = (uint16_t)v->c->reg[GPR_RDX], size = io_size(i);

	check_permission(v, port, size);
	port_access(v, port, size, true, mem_read_item(v, i->seg, index_get(v, i, GPR_RSI), size));
	index_advance(v, i, GPR_RSI, size);
}

static void repeat(struct vcpu *v, const struct insn *i, insn_handler *item)
{
	struct cpu *c = v->c;
	uint64_t count = index_get(v, i, GPR_RCX);

	if (i->rep == REP_NONE) {
		item(v, i);
		return;
	}
	while (count) {
		item(v, i);
		index_set(v, i, GPR_RCX, --count);
		if (!count)
			break;
		/* The first item was counted by the run loop; the others are instructions too. */
		if (c->insns >= v->limit || block_stale(v)) {
			c->reg[GPR_RIP] = exit_rip(v) & c->linear_mask;
			break;
		}
		c->insns++;
	}
}

static void op_ins(struct vcpu *v, const struct insn *i)
{
	repeat(v, i, ins_item);
}

static void op_outs(struct vcpu *v, const struct insn *i)
{
	repeat(v, i, outs_item);
}

insn_handler *io_lookup(const struct insn *i, unsigned *imm)
{
	if (i->opcode < 0x70)
		return i->opcode & 2 ? op_outs : op_ins;
	if (!(i->opcode & 8))
		*imm = 1;
	return i->opcode & 2 ? op_out : op_in;
}
