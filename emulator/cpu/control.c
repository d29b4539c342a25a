/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control and debug registers: MOV to and from them, LMSW, CLTS (Intel SDM vol. 3A 2.5, vol. 2B
 * MOV). A write is checked whole, page-directory pointers included, before anything changes.
 */
#include "emulator/cpu/debug.h"
#include "emulator/cpu/mem.h"
#include "emulator/cpu/system.h"

#define CR0_DEFINED                                                                                \
	(CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | \
	 CR0_PG)
/*
 * SMEP, SMAP and UMIP can be turned on also when CPUID does not advertise them: the processor has
 * them, a model only does not promise them.
 */
#define CR4_DEFINED                                                                                \
	(CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE | CR4_PGE | CR4_PCE |  \
	 CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_UMIP | CR4_SMEP | CR4_SMAP)

static _Noreturn void refuse(struct vcpu *v)
{
	cpu_raise_error(v, EXC_GP, 0);
}

static void write_cr0(struct vcpu *v, uint64_t value)
{
	struct cpu *c = v->c;
	uint64_t efer = c->efer, changed;

	if (value >> 32 || ((value & CR0_PG) && !(value & CR0_PE)) ||
	    ((value & CR0_NW) && !(value & CR0_CD)))
		refuse(v);
	value = (value & CR0_DEFINED) | CR0_ET;
	changed = value ^ c->cr0;

	if ((changed & CR0_PG) && (efer & EFER_LME)) {
		if (!(value & CR0_PG)) {
			/* Paging goes off from compatibility mode only. */
			if (c->seg[SEG_CS].attr & SEG_L)
				refuse(v);
			efer &= ~(uint64_t)EFER_LMA;
		} else {
			bool tss16 = (c->tr.attr & SEG_P) && !(c->tr.attr & 8);

			if (!(c->cr4 & CR4_PAE) || (c->seg[SEG_CS].attr & SEG_L) || tss16)
				refuse(v);
			efer |= EFER_LMA;
		}
	}
	if ((value & CR0_PG) && (c->cr4 & CR4_PAE) && !(efer & EFER_LMA) &&
	    (changed & (CR0_PG | CR0_CD | CR0_NW)) && !mmu_load_pdptes(v, c->cr3))
		refuse(v);
	c->cr0 = value;
	c->efer = efer;
	if (changed & (CR0_PG | CR0_PE | CR0_WP))
		tlb_flush(v, true);
	cpu_update_mode(v);
}

static void write_cr3(struct vcpu *v, uint64_t value)
{
	struct cpu *c = v->c;

	if (cpu_long_mode(c) && value >> MAXPHYADDR)
		refuse(v);
	if ((c->cr0 & CR0_PG) && (c->cr4 & CR4_PAE) && !cpu_long_mode(c) &&
	    !mmu_load_pdptes(v, value))
		refuse(v);
	c->cr3 = value;
	tlb_flush(v, false);
}

static void write_cr4(struct vcpu *v, uint64_t value)
{
	struct cpu *c = v->c;
	uint64_t changed = value ^ c->cr4;

	if ((value & ~(uint64_t)CR4_DEFINED) || (cpu_long_mode(c) && !(value & CR4_PAE)))
		refuse(v);
	if ((c->cr0 & CR0_PG) && (value & CR4_PAE) && !cpu_long_mode(c) &&
	    (changed & (CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP)) && !mmu_load_pdptes(v, c->cr3))
		refuse(v);
	c->cr4 = value;
	if (changed & (CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP | CR4_SMAP))
		tlb_flush(v, true);
	cpu_update_mode(v);
}

/* Task priority belongs to the local APIC. */
static uint64_t access_cr8(struct vcpu *v, bool is_write, uint64_t value)
{
	struct exit e = {
	    .kind = EXIT_CR8,
	    .is_write = is_write,
	    .size = 1,
	    .data = value,
	    .rip = exit_rip(v),
	};

	if (value > 15)
		refuse(v);
	v->ops->exit(v->machine, &e);
	return e.data & 15;
}

/* Always a register operand of the mode's full width, whatever ModRM.mod and prefixes say. */
static uint64_t operand_get(const struct vcpu *v, const struct insn *i)
{
	uint64_t value = v->c->reg[i->rm];

	return v->c->code_bits == 64 ? value : (uint32_t)value;
}

static void operand_set(struct vcpu *v, const struct insn *i, uint64_t value)
{
	v->c->reg[i->rm] = v->c->code_bits == 64 ? value : (uint32_t)value;
}

void op_mov_from_cr(struct vcpu *v, const struct insn *i)
{
	const struct cpu *c = v->c;
	uint64_t value;

	require_cpl0(v);
	switch (i->reg) {
	case 0:
		value = c->cr0;
		break;
	case 2:
		value = c->cr2;
		break;
	case 3:
		value = c->cr3;
		break;
	case 4:
		value = c->cr4;
		break;
	default: /* the decoder lets no other through */
		value = access_cr8(v, false, 0);
		break;
	}
	operand_set(v, i, value);
}

void op_mov_to_cr(struct vcpu *v, const struct insn *i)
{
	uint64_t value = operand_get(v, i);

	require_cpl0(v);
	switch (i->reg) {
	case 0:
		write_cr0(v, value);
		break;
	case 2:
		v->c->cr2 = value;
		break;
	case 3:
		write_cr3(v, value);
		break;
	case 4:
		write_cr4(v, value);
		break;
	default:
		access_cr8(v, true, value);
		break;
	}
}

void op_mov_from_dr(struct vcpu *v, const struct insn *i)
{
	require_cpl0(v);
	operand_set(v, i, debug_register_read(v, i->reg));
}

void op_mov_to_dr(struct vcpu *v, const struct insn *i)
{
	require_cpl0(v);
	debug_register_write(v, i->reg, operand_get(v, i));
}

/* Can set PE but not clear it, and reaches MP, EM and TS. */
void op_lmsw(struct vcpu *v, const struct insn *i)
{
	uint64_t cr0 = v->c->cr0, value;

	require_cpl0(v);
	value = i->is_reg ? v->c->reg[i->rm] : mem_read16(v, i->seg, insn_address(v, i));
	write_cr0(v, (cr0 & ~(uint64_t)(CR0_MP | CR0_EM | CR0_TS)) | (value & 15));
}

void op_clts(struct vcpu *v, const struct insn *i)
{
	require_cpl0(v);
	v->c->cr0 &= ~(uint64_t)CR0_TS;
}
