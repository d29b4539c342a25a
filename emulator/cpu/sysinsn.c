/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System instructions: descriptor tables, segment registers, HLT, INVLPG, time stamps, and the
 * table that the decoder asks for all of the system half. Anything that may change mode, mapping
 * or interrupts ends a block; that is so for every handler found here.
 */
#include "emulator/cpu/flags.h"
#include "emulator/cpu/mem.h"
#include "emulator/cpu/system.h"

/* ---- operands ---- */

static unsigned source16(struct vcpu *v, const struct insn *i)
{
	return i->is_reg ? (uint16_t)v->c->reg[i->rm] : mem_read16(v, i->seg, insn_address(v, i));
}

static void register_set(struct cpu *c, unsigned reg, unsigned size, uint64_t value)
{
	if (size == 2)
		c->reg[reg] = (c->reg[reg] & ~0xffffull) | (uint16_t)value;
	else
		c->reg[reg] = size == 4 ? (uint32_t)value : value;
}

/* A register takes `value` at operand size, memory always 16 bits of it. */
static void store_selector(struct vcpu *v, const struct insn *i, uint64_t value)
{
	if (i->is_reg)
		register_set(v->c, i->rm, i->operand, value);
	else
		mem_write16(v, i->seg, insn_address(v, i), (uint16_t)value);
}

static void set_zf(struct cpu *c, bool on)
{
	flags_set_status(c, (flags_status(c) & ~FLAG_ZF) | (on ? FLAG_ZF : 0));
}

/* CR4.UMIP keeps the addresses of system tables from user programs (SDM vol. 3A 2.5). */
static void check_umip(struct vcpu *v)
{
	if ((v->c->cr4 & CR4_UMIP) && v->c->cpl)
		cpu_raise_error(v, EXC_GP, 0);
}

static void require_protected(struct vcpu *v)
{
	if (!cpu_protected(v->c))
		cpu_raise(v, EXC_UD);
}

/* ---- descriptor tables ---- */

static void store_table(struct vcpu *v, const struct insn *i, const struct table *t)
{
	unsigned size = v->c->code_bits == 64 ? 10 : 6;
	uint8_t bytes[10];

	check_umip(v);
	memcpy(bytes, &t->limit, 2);
	memcpy(bytes + 2, &t->base, 8);
	mem_write_bytes(v, i->seg, insn_address(v, i), bytes, size);
}

static void load_table(struct vcpu *v, const struct insn *i, struct table *t)
{
	bool wide = v->c->code_bits == 64;
	uint8_t bytes[10];
	uint64_t base = 0;

	require_cpl0(v);
	mem_read_bytes(v, i->seg, insn_address(v, i), bytes, wide ? 10 : 6);
	memcpy(&base, bytes + 2, wide ? 8 : 4);
	if (!wide && i->operand == 2)
		base &= 0xffffff;
	if (!address_is_canonical(base))
		cpu_raise_error(v, EXC_GP, 0);
	memcpy(&t->limit, bytes, 2);
	t->base = base;
}

static void op_sgdt(struct vcpu *v, const struct insn *i)
{
	store_table(v, i, &v->c->gdtr);
}

static void op_sidt(struct vcpu *v, const struct insn *i)
{
	store_table(v, i, &v->c->idtr);
}

static void op_lgdt(struct vcpu *v, const struct insn *i)
{
	load_table(v, i, &v->c->gdtr);
}

static void op_lidt(struct vcpu *v, const struct insn *i)
{
	load_table(v, i, &v->c->idtr);
}

static void op_sldt(struct vcpu *v, const struct insn *i)
{
	require_protected(v);
	check_umip(v);
	store_selector(v, i, v->c->ldtr.selector);
}

static void op_str(struct vcpu *v, const struct insn *i)
{
	require_protected(v);
	check_umip(v);
	store_selector(v, i, v->c->tr.selector);
}

static void op_smsw(struct vcpu *v, const struct insn *i)
{
	check_umip(v);
	store_selector(v, i, v->c->cr0);
}

static void op_lldt(struct vcpu *v, const struct insn *i)
{
	require_protected(v);
	require_cpl0(v);
	segment_load_ldtr(v, source16(v, i));
}

static void op_ltr(struct vcpu *v, const struct insn *i)
{
	require_protected(v);
	require_cpl0(v);
	segment_load_tr(v, source16(v, i));
}

static void op_verr(struct vcpu *v, const struct insn *i)
{
	require_protected(v);
	set_zf(v->c, selector_verify(v, source16(v, i), false));
}

static void op_verw(struct vcpu *v, const struct insn *i)
{
	require_protected(v);
	set_zf(v->c, selector_verify(v, source16(v, i), true));
}

static void op_lar(struct vcpu *v, const struct insn *i)
{
	uint32_t attributes;
	bool valid;

	require_protected(v);
	valid = selector_lar(v, source16(v, i), &attributes);
	if (valid)
		register_set(v->c, i->reg, i->operand, attributes);
	set_zf(v->c, valid);
}

static void op_lsl(struct vcpu *v, const struct insn *i)
{
	uint32_t limit;
	bool valid;

	require_protected(v);
	valid = selector_lsl(v, source16(v, i), &limit);
	if (valid)
		register_set(v->c, i->reg, i->operand, limit);
	set_zf(v->c, valid);
}

static void op_arpl(struct vcpu *v, const struct insn *i)
{
	unsigned rpl = v->c->reg[i->reg] & 3, selector;
	bool raise;

	require_protected(v);
	if (i->is_reg)
		selector = (uint16_t)v->c->reg[i->rm];
	else
		selector = mem_read16(v, i->seg, insn_address(v, i)); /* need not be writable */
	raise = (selector & 3) < rpl;
	if (raise && i->is_reg)
		register_set(v->c, i->rm, 2, (selector & ~3u) | rpl);
	else if (raise)
		mem_write16(v, i->seg, insn_address(v, i), (uint16_t)((selector & ~3u) | rpl));
	set_zf(v->c, raise);
}

/* ---- segment registers ---- */

/* No interrupt, and no #DB trap, until after the instruction that loads the stack pointer. */
static void shadow_stack_load(struct cpu *c)
{
	c->shadow = c->insns;
	c->shadow_debug = true;
}

static void op_mov_from_sreg(struct vcpu *v, const struct insn *i)
{
	store_selector(v, i, v->c->seg[(i->modrm >> 3) & 7].selector);
}

static void op_mov_to_sreg(struct vcpu *v, const struct insn *i)
{
	unsigned seg = (i->modrm >> 3) & 7;

	segment_load(v, seg, source16(v, i));
	cpu_update_mode(v);
	if (seg == SEG_SS)
		shadow_stack_load(v->c);
}

static unsigned opcode_sreg(const struct insn *i)
{
	/* 06 0E 16 1E and 0F A0, 0F A8, and the pops one above. */
	return i->map == MAP_1BYTE ? i->opcode >> 3 : i->opcode < 0xa8 ? SEG_FS : SEG_GS;
}

static void op_push_sreg(struct vcpu *v, const struct insn *i)
{
	struct frame f = frame_current(v, 0);

	frame_push(v, &f, stack_operand(v->c, i), v->c->seg[opcode_sreg(i)].selector);
	frame_commit_pointer(v->c, &f);
}

static void op_pop_sreg(struct vcpu *v, const struct insn *i)
{
	struct frame f = frame_current(v, 0);
	unsigned seg = opcode_sreg(i);

	segment_load(v, seg, (unsigned)frame_pop(v, &f, stack_operand(v->c, i)));
	frame_commit_pointer(v->c, &f);
	cpu_update_mode(v);
	if (seg == SEG_SS)
		shadow_stack_load(v->c);
}

/* LES LDS LSS LFS LGS: offset and selector from memory. */
static void op_load_far_pointer(struct vcpu *v, const struct insn *i)
{
	static const uint8_t two_byte[] = {SEG_SS, 0, SEG_FS, SEG_GS}; /* 0F B2, B4, B5 */
	unsigned seg = i->opcode == 0xc4   ? SEG_ES
		       : i->opcode == 0xc5 ? SEG_DS
					   : two_byte[i->opcode - 0xb2];
	uint8_t bytes[10];
	uint64_t offset = 0;
	uint16_t selector;

	mem_read_bytes(v, i->seg, insn_address(v, i), bytes, i->operand + 2u);
	memcpy(&offset, bytes, i->operand);
	memcpy(&selector, bytes + i->operand, 2);
	segment_load(v, seg, selector);
	register_set(v->c, i->reg, i->operand, offset);
	cpu_update_mode(v);
}

static void op_swapgs(struct vcpu *v, const struct insn *i)
{
	struct cpu *c = v->c;
	uint64_t base = c->seg[SEG_GS].base;

	require_cpl0(v);
	c->seg[SEG_GS].base = c->kernel_gs_base;
	c->kernel_gs_base = base;
}

/* ---- the rest ---- */

static void op_hlt(struct vcpu *v, const struct insn *i)
{
	struct exit e = {.kind = EXIT_HLT, .is_write = true, .rip = exit_rip(v)};

	require_cpl0(v);
	v->ops->exit(v->machine, &e);
	v->c->halted = true;
	vcpu_kick(v);
}

static void op_invlpg(struct vcpu *v, const struct insn *i)
{
	require_cpl0(v);
	tlb_flush_page(v, mem_linear(v, &v->c->seg[i->seg], insn_address(v, i)));
}

/* There are no caches to write back or forget. */
static void op_cache_control(struct vcpu *v, const struct insn *i)
{
	require_cpl0(v);
}

static void op_rdtsc(struct vcpu *v, const struct insn *i)
{
	struct cpu *c = v->c;
	uint64_t tsc;

	if ((c->cr4 & CR4_TSD) && c->cpl)
		cpu_raise_error(v, EXC_GP, 0);
	if (!v->ops->tsc_read || !v->ops->tsc_read(v->machine, &tsc))
		tsc = v->ops->now(v->machine) + c->tsc_offset;
	c->reg[GPR_RAX] = (uint32_t)tsc;
	c->reg[GPR_RDX] = tsc >> 32;
}

/* There are no performance counters. */
static void op_rdpmc(struct vcpu *v, const struct insn *i)
{
	cpu_raise_error(v, EXC_GP, 0);
}

static void op_cpuid(struct vcpu *v, const struct insn *i)
{
	struct cpu *c = v->c;
	uint32_t out[4];

	if (v->ops->intercept)
		v->ops->intercept(v->machine, VCPU_CPUID);
	cpuid_query(&v->model, c, (uint32_t)c->reg[GPR_RAX], (uint32_t)c->reg[GPR_RCX], out);
	c->reg[GPR_RAX] = out[0];
	c->reg[GPR_RBX] = out[1];
	c->reg[GPR_RCX] = out[2];
	c->reg[GPR_RDX] = out[3];
}

/* ---- lookup ---- */

static insn_handler *lookup_group6(const struct insn *i) /* 0F 00 */
{
	static insn_handler *const ops[8] = {op_sldt, op_str,  op_lldt, op_ltr,
					     op_verr, op_verw, NULL,    NULL};

	return ops[(i->modrm >> 3) & 7];
}

static insn_handler *lookup_group7(const struct insn *i, unsigned code_bits) /* 0F 01 */
{
	static insn_handler *const memory[8] = {op_sgdt, op_sidt, op_lgdt, op_lidt,
						op_smsw, NULL,    op_lmsw, op_invlpg};

	if (!i->is_reg)
		return memory[(i->modrm >> 3) & 7];
	switch (i->modrm) {
	case 0xca:
		return op_clac;
	case 0xcb:
		return op_stac;
	case 0xe0 ... 0xe7:
		return op_smsw;
	case 0xf0 ... 0xf7:
		return op_lmsw;
	case 0xf8:
		return code_bits == 64 ? op_swapgs : NULL;
	default: /* VMX, MONITOR, XGETBV, RDTSCP and others that no model has */
		return NULL;
	}
}

/* CR1, CR5..7, CR9..15 and DR8..15 do not exist, which counts before the privilege level does. */
static bool has_control_register(const struct insn *i)
{
	return 0x11d >> i->reg & 1;
}

static bool has_debug_register(const struct insn *i)
{
	return i->reg < 8;
}

static insn_handler *lookup_0f(const struct insn *i, unsigned code_bits)
{
	switch (i->opcode) {
	case 0x00:
		return lookup_group6(i);
	case 0x01:
		return lookup_group7(i, code_bits);
	case 0x02:
		return op_lar;
	case 0x03:
		return op_lsl;
	case 0x05:
		return op_syscall;
	case 0x06:
		return op_clts;
	case 0x07:
		return op_sysret;
	case 0x08:
	case 0x09:
		return op_cache_control;
	case 0x20:
		return has_control_register(i) ? op_mov_from_cr : NULL;
	case 0x21:
		return has_debug_register(i) ? op_mov_from_dr : NULL;
	case 0x22:
		return has_control_register(i) ? op_mov_to_cr : NULL;
	case 0x23:
		return has_debug_register(i) ? op_mov_to_dr : NULL;
	case 0x30:
		return op_wrmsr;
	case 0x31:
		return op_rdtsc;
	case 0x32:
		return op_rdmsr;
	case 0x33:
		return op_rdpmc;
	case 0x34:
		return op_sysenter;
	case 0x35:
		return op_sysexit;
	case 0xa0:
	case 0xa8:
		return op_push_sreg;
	case 0xa1:
	case 0xa9:
		return op_pop_sreg;
	case 0xa2:
		return op_cpuid;
	case 0xb2:
	case 0xb4:
	case 0xb5:
		return i->is_reg ? NULL : op_load_far_pointer;
	default: /* UD0, UD1, UD2, RSM */
		return NULL;
	}
}

/* Not in 64-bit mode. */
static insn_handler *lookup_legacy(const struct insn *i)
{
	switch (i->opcode) {
	case 0x06:
	case 0x0e:
	case 0x16:
	case 0x1e:
		return op_push_sreg;
	case 0x07:
	case 0x17:
	case 0x1f:
		return op_pop_sreg;
	case 0x63:
		return op_arpl;
	case 0x9a:
		return op_far_call_immediate;
	case 0xc4:
	case 0xc5:
		return i->is_reg ? NULL : op_load_far_pointer;
	case 0xce:
		return op_into;
	case 0xea:
		return op_far_jump_immediate;
	default:
		return NULL;
	}
}

static insn_handler *lookup_1byte(const struct insn *i, unsigned code_bits, unsigned *imm)
{
	unsigned reg = (i->modrm >> 3) & 7;

	switch (i->opcode) {
	case 0x6c ... 0x6f:
	case 0xe4 ... 0xe7:
	case 0xec ... 0xef:
		return io_lookup(i, imm);
	case 0x8c:
		return reg <= SEG_GS ? op_mov_from_sreg : NULL;
	case 0x8e:
		return reg <= SEG_GS && reg != SEG_CS ? op_mov_to_sreg : NULL;
	case 0x9c:
		return op_pushf;
	case 0x9d:
		return op_popf;
	case 0xca:
		*imm = 2;
		return op_far_return;
	case 0xcb:
		return op_far_return;
	case 0xcc:
		return op_int3;
	case 0xcd:
		*imm = 1;
		return op_int;
	case 0xcf:
		return op_iret;
	case 0xf1:
		return op_icebp;
	case 0xf4:
		return op_hlt;
	case 0xfa:
		return op_cli;
	case 0xfb:
		return op_sti;
	case 0xff:
		if (i->is_reg)
			return NULL;
		return reg == 3 ? op_far_call_memory : reg == 5 ? op_far_jump_memory : NULL;
	default:
		return code_bits == 64 ? NULL : lookup_legacy(i);
	}
}

insn_handler *system_lookup(const struct insn *i, unsigned code_bits, unsigned *imm)
{
	*imm = 0;
	if (i->map == MAP_1BYTE)
		return lookup_1byte(i, code_bits, imm);
	return i->map == MAP_0F ? lookup_0f(i, code_bits) : NULL;
}
