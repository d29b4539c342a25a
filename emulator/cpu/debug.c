/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Debug registers, breakpoints and single-step (Intel SDM vol. 3B chapter 17).
 *
 * Traps are collected in pending_db as the bits that they set in DR6, and delivered as one #DB at
 * the end of the instruction, or one instruction later in the shadow of a load of SS. Instruction
 * breakpoints are faults, looked for before the instruction. EFLAGS.RF is consumed where it is
 * looked at: a fault pushes it as 1 anyway, and an instruction that completes would clear it.
 */
#include "emulator/cpu/debug.h"

#include "emulator/cpu/mem.h"
#include "emulator/cpu/system.h"

/* The R/W field of DR7. */
enum { BREAK_EXECUTE, BREAK_WRITE, BREAK_IO, BREAK_ACCESS };

struct breakpoint {
	bool enabled;
	unsigned kind;
	uint64_t address, length;
};

static struct breakpoint breakpoint_get(const struct cpu *c, unsigned n)
{
	static const uint8_t length[4] = {1, 2, 8, 4};
	unsigned field = (unsigned)(c->dr[7] >> (16 + 4 * n));
	struct breakpoint b = {
	    .enabled = c->dr[7] >> (2 * n) & 3,
	    .kind = field & 3,
	    .length = length[field >> 2 & 3],
	};

	/* The low bits of an address are not looked at: the range is aligned. */
	b.address = c->dr[n] & ~(b.length - 1);
	return b;
}

static bool overlaps(const struct breakpoint *b, uint64_t address, unsigned size)
{
	return address < b->address + b->length && b->address < address + size;
}

bool debug_watches_data(const struct cpu *c)
{
	if (!(c->dr[7] & DR7_ANY))
		return false;
	for (unsigned n = 0; n < 4; n++) {
		struct breakpoint b = breakpoint_get(c, n);

		if (b.enabled && (b.kind & 1))
			return true;
	}
	return false;
}

void debug_data_access(struct cpu *c, uint64_t linear, unsigned size, bool write)
{
	if (!(c->dr[7] & DR7_ANY))
		return;
	for (unsigned n = 0; n < 4; n++) {
		struct breakpoint b = breakpoint_get(c, n);

		if (b.enabled && (b.kind == BREAK_ACCESS || (b.kind == BREAK_WRITE && write)) &&
		    overlaps(&b, linear, size))
			c->pending_db |= 1u << n;
	}
}

void debug_io_access(struct cpu *c, unsigned port, unsigned size)
{
	if (!(c->cr4 & CR4_DE))
		return;
	for (unsigned n = 0; n < 4; n++) {
		struct breakpoint b = breakpoint_get(c, n);

		if (b.enabled && b.kind == BREAK_IO && overlaps(&b, port, size))
			c->pending_db |= 1u << n;
	}
}

static unsigned execute_hits(const struct cpu *c)
{
	uint64_t rip = c->reg[GPR_RIP];
	uint64_t linear = c->code_bits == 64 ? rip : (uint32_t)(c->seg[SEG_CS].base + rip);
	unsigned hits = 0;

	for (unsigned n = 0; n < 4; n++) {
		struct breakpoint b = breakpoint_get(c, n);

		if (b.enabled && b.kind == BREAK_EXECUTE && c->dr[n] == linear)
			hits |= 1u << n;
	}
	return hits;
}

/* ---- delivery ---- */

/* MOV SS and POP SS hold #DB back until the next instruction is done (SDM vol. 3A 6.8.3). */
static bool held_back(const struct cpu *c)
{
	return c->shadow_debug && c->shadow == c->insns;
}

static void deliver(struct vcpu *v, uint64_t bits)
{
	struct cpu *c = v->c;

	c->pending_db = 0;
	c->dr[6] = (c->dr[6] & ~0xfull) | bits;
	/* Not EVENT_FAULT for a breakpoint on an instruction: it leaves RF for the handler to set.
	 */
	event_deliver_outside(v, &(struct event){.kind = EVENT_TRAP, .vector = EXC_DB});
}

void debug_before(struct vcpu *v)
{
	struct cpu *c = v->c;
	unsigned hits;

	if (!held_back(c)) {
		if (c->pending_db)
			deliver(v, c->pending_db);
		hits = c->rflags & FLAG_RF || !(c->dr[7] & DR7_ANY) ? 0 : execute_hits(c);
		if (hits)
			deliver(v, hits);
	}
	c->rflags &= ~(uint64_t)FLAG_RF;
	v->debug_rip = c->reg[GPR_RIP];
}

static bool is_string_insn(const struct insn *i)
{
	return i->map == MAP_1BYTE && ((i->opcode >= 0x6c && i->opcode <= 0x6f) ||
				       (i->opcode >= 0xa4 && i->opcode <= 0xa7) ||
				       (i->opcode >= 0xaa && i->opcode <= 0xaf));
}

/* Whether an instruction that began with TF set ends in a single-step trap. */
static bool single_steps(const struct cpu *c, const struct insn *i)
{
	/* INT n, INT3, INTO, INT1 saved TF and cleared it, and go on in their handler. */
	if (i && i->map == MAP_1BYTE && (i->opcode == 0xf1 || (i->opcode & 0xfc) == 0xcc) &&
	    i->opcode != 0xcf)
		return c->rflags & FLAG_TF;
	/* SYSCALL is stepped only when FMASK leaves TF alone; SYSRET sees to it itself. */
	if (i && i->map == MAP_0F && i->opcode == 0x05)
		return c->rflags & FLAG_TF;
	if (i && i->map == MAP_0F && i->opcode == 0x07)
		return false;
	/* A load of SS is not stepped at all, while its data breakpoints are only held back. */
	return !held_back(c);
}

void debug_after(struct vcpu *v, bool tf_before)
{
	struct cpu *c = v->c;
	const struct insn *i = v->insn;

	/* Between two iterations RF keeps the breakpoint on a string instruction from hitting
	 * again. */
	if (i && i->rep != REP_NONE && is_string_insn(i) && c->reg[GPR_RIP] == v->debug_rip)
		c->rflags |= FLAG_RF;
	if (tf_before && single_steps(c, i))
		c->pending_db |= DR6_BS;
	if (c->pending_db && !held_back(c))
		deliver(v, c->pending_db);
}

/* ---- MOV to and from debug registers ---- */

/* DR4 and DR5 are DR6 and DR7 unless CR4.DE makes them #UD; DR7.GD guards them all. */
static unsigned register_number(struct vcpu *v, unsigned n)
{
	struct cpu *c = v->c;

	if (n > 7 || ((n == 4 || n == 5) && (c->cr4 & CR4_DE)))
		cpu_raise(v, EXC_UD);
	if (c->dr[7] & DR7_GD) {
		c->dr[6] |= DR6_BD;
		cpu_raise(v, EXC_DB);
	}
	return n == 4 || n == 5 ? n + 2 : n;
}

uint64_t debug_register_read(struct vcpu *v, unsigned n)
{
	return v->c->dr[register_number(v, n)];
}

void debug_register_write(struct vcpu *v, unsigned n, uint64_t value)
{
	struct cpu *c = v->c;

	n = register_number(v, n);
	if (n >= 6 && value >> 32)
		cpu_raise_error(v, EXC_GP, 0);
	if (n == 6)
		value = (value & 0xe00f) | DR6_FIXED;
	else if (n == 7)
		value = (value & 0xffff2bff) | DR7_FIXED;
	c->dr[n] = value;
	cpu_update_mode(v);
}
