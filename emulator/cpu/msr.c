/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Model-specific registers: those that an operating system for an Intel processor of family 6
 * expects (Intel SDM vol. 4 chapter 2). What belongs to the local APIC goes out as an exit; what
 * does not exist is #GP(0).
 */
#include "emulator/cpu/mem.h"
#include "emulator/cpu/system.h"

#define MSR_P5_MC_ADDR      0x000
#define MSR_P5_MC_TYPE      0x001
#define MSR_TSC             0x010
#define MSR_PLATFORM_ID     0x017
#define MSR_APIC_BASE       0x01b
#define MSR_EBL_CR_POWERON  0x02a
#define MSR_FEATURE_CONTROL 0x03a
#define MSR_BIOS_UPDATE     0x079
#define MSR_BIOS_SIGN_ID    0x08b
#define MSR_MTRR_CAP        0x0fe
#define MSR_SYSENTER_CS     0x174
#define MSR_SYSENTER_ESP    0x175
#define MSR_SYSENTER_EIP    0x176
#define MSR_MCG_CAP         0x179
#define MSR_MCG_STATUS      0x17a
#define MSR_MCG_CTL         0x17b
#define MSR_MISC_ENABLE     0x1a0
#define MSR_DEBUGCTL        0x1d9
#define MSR_MTRR_VARIABLE   0x200 /* pairs of base and mask */
#define MSR_MTRR_FIXED_64K  0x250
#define MSR_MTRR_FIXED_16K  0x258 /* 2 */
#define MSR_MTRR_FIXED_4K   0x268 /* 8 */
#define MSR_PAT             0x277
#define MSR_MTRR_DEF_TYPE   0x2ff
#define MSR_MC_BANKS        0x400 /* CTL STATUS ADDR MISC each */
#define MSR_TSC_DEADLINE    0x6e0
#define MSR_X2APIC          0x800
#define MSR_EFER            0xc0000080
#define MSR_STAR            0xc0000081
#define MSR_LSTAR           0xc0000082
#define MSR_CSTAR           0xc0000083
#define MSR_FMASK           0xc0000084
#define MSR_FS_BASE         0xc0000100
#define MSR_GS_BASE         0xc0000101
#define MSR_KERNEL_GS_BASE  0xc0000102
#define MSR_TSC_AUX         0xc0000103

#define BASE_ENABLED (1u << 11) /* in IA32_APIC_BASE */
#define MTRR_PAIRS   8
#define MC_BANKS     4
#define MTRR_CAP     (MTRR_PAIRS | 1u << 8 | 1u << 10) /* fixed ranges, write-combining */
#define MCG_CAP      (MC_BANKS | 1u << 8)              /* MCG_CTL is there */
#define FEATURE_LOCK 1u
#define PAT_POWER_ON 0x0007040600070406ull
/* Fast strings on; branch trace store and precise event sampling unavailable. */
#define MISC_POWER_ON (1u | 1u << 11 | 1u << 12)
/*
 * Fast strings, thermal control, SpeedStep, MONITOR, CPUID limit, xTPR messages, XD disable: kept,
 * no effect.
 */
#define MISC_WRITABLE (1u | 1u << 3 | 1u << 16 | 1u << 18 | 3u << 22 | 1ull << 34)

void msr_reset(struct cpu *c)
{
	c->pat = PAT_POWER_ON;
	c->misc_enable = MISC_POWER_ON;
	c->feature_control = FEATURE_LOCK;
}

/* ---- which registers are plain storage ---- */

static bool is_apic_msr(uint32_t index)
{
	return index == MSR_APIC_BASE || index == MSR_TSC_DEADLINE ||
	       (index >= MSR_X2APIC && index <= MSR_X2APIC + 0xff);
}

static uint64_t *mtrr_fixed(struct cpu *c, uint32_t index)
{
	if (index == MSR_MTRR_FIXED_64K)
		return &c->mtrr_fixed[0];
	if (index >= MSR_MTRR_FIXED_16K && index < MSR_MTRR_FIXED_16K + 2)
		return &c->mtrr_fixed[1 + index - MSR_MTRR_FIXED_16K];
	if (index >= MSR_MTRR_FIXED_4K && index < MSR_MTRR_FIXED_4K + 8)
		return &c->mtrr_fixed[3 + index - MSR_MTRR_FIXED_4K];
	return NULL;
}

static uint64_t *mtrr_variable(struct cpu *c, uint32_t index)
{
	unsigned n = index - MSR_MTRR_VARIABLE;

	if (index < MSR_MTRR_VARIABLE || n >= 2 * MTRR_PAIRS)
		return NULL;
	return n & 1 ? &c->mtrr_mask[n / 2] : &c->mtrr_base[n / 2];
}

static uint64_t *mc_bank(struct cpu *c, uint32_t index)
{
	if (index < MSR_MC_BANKS || index >= MSR_MC_BANKS + 4 * MC_BANKS)
		return NULL;
	return &c->mc_bank[index - MSR_MC_BANKS];
}

/* Registers that hold an address and must stay canonical. */
static uint64_t *address_register(struct cpu *c, uint32_t index)
{
	switch (index) {
	case MSR_LSTAR:
		return &c->lstar;
	case MSR_CSTAR:
		return &c->cstar;
	case MSR_FS_BASE:
		return &c->seg[SEG_FS].base;
	case MSR_GS_BASE:
		return &c->seg[SEG_GS].base;
	case MSR_KERNEL_GS_BASE:
		return &c->kernel_gs_base;
	case MSR_SYSENTER_ESP:
		return &c->sysenter_esp;
	case MSR_SYSENTER_EIP:
		return &c->sysenter_eip;
	default:
		return NULL;
	}
}

/* Every register that reads as what was stored. */
static uint64_t *stored_register(struct cpu *c, uint32_t index)
{
	uint64_t *r = address_register(c, index);

	r = r ? r : mtrr_fixed(c, index);
	r = r ? r : mtrr_variable(c, index);
	r = r ? r : mc_bank(c, index);
	if (r)
		return r;
	switch (index) {
	case MSR_FEATURE_CONTROL:
		return &c->feature_control;
	case MSR_BIOS_SIGN_ID:
		return &c->bios_sign_id;
	case MSR_SYSENTER_CS:
		return &c->sysenter_cs;
	case MSR_MCG_STATUS:
		return &c->mcg_status;
	case MSR_MCG_CTL:
		return &c->mcg_ctl;
	case MSR_MISC_ENABLE:
		return &c->misc_enable;
	case MSR_DEBUGCTL:
		return &c->debugctl;
	case MSR_PAT:
		return &c->pat;
	case MSR_MTRR_DEF_TYPE:
		return &c->mtrr_def_type;
	case MSR_EFER:
		return &c->efer;
	case MSR_STAR:
		return &c->star;
	case MSR_FMASK:
		return &c->fmask;
	case MSR_TSC_AUX:
		return &c->tsc_aux;
	default:
		return NULL;
	}
}

/* ---- reading ---- */

static uint64_t msr_exit(struct vcpu *v, uint32_t index, bool is_write, uint64_t value)
{
	struct exit e = {
	    .kind = EXIT_MSR,
	    .is_write = is_write,
	    .size = 8,
	    .address = index,
	    .data = value,
	    .rip = exit_rip(v),
	};

	v->ops->exit(v->machine, &e);
	if (e.fault)
		cpu_raise_error(v, EXC_GP, 0);
	return e.data;
}

/*
 * The guest's time stamp counter can be moved, the board's clock cannot: a TSC deadline crosses
 * the edge as the virtual time of the same moment, 0 still meaning none. One that has passed
 * already is now.
 */
static uint64_t deadline_to_board(const struct vcpu *v, uint64_t deadline)
{
	uint64_t now = v->ops->now(v->machine), tsc = now + v->c->tsc_offset;

	if (!deadline)
		return 0;
	if (deadline <= tsc)
		return now ? now : 1;
	return deadline - tsc < UINT64_MAX - now ? now + (deadline - tsc) : UINT64_MAX;
}

static uint64_t deadline_from_board(const struct vcpu *v, uint64_t deadline)
{
	return deadline ? deadline + v->c->tsc_offset : 0;
}

static uint64_t msr_read(struct vcpu *v, uint32_t index)
{
	const uint64_t *stored = stored_register(v->c, index);

	if (stored)
		return *stored;
	if (index == MSR_TSC_DEADLINE)
		return deadline_from_board(v, msr_exit(v, index, false, 0));
	if (is_apic_msr(index))
		return msr_exit(v, index, false, 0);
	switch (index) {
	case MSR_TSC:
		return v->ops->now(v->machine) + v->c->tsc_offset;
	case MSR_MTRR_CAP:
		return MTRR_CAP;
	case MSR_MCG_CAP:
		return MCG_CAP;
	case MSR_P5_MC_ADDR:
	case MSR_P5_MC_TYPE:
	case MSR_PLATFORM_ID:
	case MSR_EBL_CR_POWERON:
		return 0;
	default:
		cpu_raise_error(v, EXC_GP, 0);
	}
}

/* ---- writing ---- */

/* Memory types: 0 UC, 1 WC, 4 WT, 5 WP, 6 WB; PAT has 7, UC-, too (SDM vol. 3A 11.11, 11.12). */
static bool is_memory_type(uint64_t type, bool pat)
{
	return type < 8 && (0x73u | (pat ? 0x80u : 0)) >> type & 1;
}

static bool are_memory_types(uint64_t value, bool pat)
{
	for (unsigned shift = 0; shift < 64; shift += 8)
		if (!is_memory_type((value >> shift) & 0xff, pat))
			return false;
	return true;
}

static bool mtrr_valid(uint32_t index, uint64_t value)
{
	const uint64_t beyond = ~((1ull << MAXPHYADDR) - 1);

	if (index == MSR_MTRR_DEF_TYPE)
		return !(value & ~0xcffull) && is_memory_type(value & 0xff, false);
	if (index >= MSR_MTRR_FIXED_64K)
		return are_memory_types(value, false);
	if (index & 1)
		return !(value & (beyond | 0x7ff));
	return !(value & (beyond | 0xf00)) && is_memory_type(value & 0xff, false);
}

/* LMA follows CR0.PG and is not written; LME is fixed while paging is on. */
static bool efer_write(struct vcpu *v, uint64_t value)
{
	struct cpu *c = v->c;
	uint64_t changed = (value ^ c->efer) & ~(uint64_t)EFER_LMA;

	if (value & ~(uint64_t)(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE))
		return false;
	if ((changed & EFER_LME) && (c->cr0 & CR0_PG))
		return false;
	c->efer ^= changed;
	if (changed & EFER_NXE)
		tlb_flush(v, true);
	cpu_update_mode(v);
	return true;
}

/* Registers with rules of their own; *known is cleared when it is none of them. */
static bool special_write(struct vcpu *v, uint32_t index, uint64_t value, bool *known)
{
	struct cpu *c = v->c;

	switch (index) {
	case MSR_TSC:
		c->tsc_offset = value - v->ops->now(v->machine);
		return true;
	case MSR_EFER:
		return efer_write(v, value);
	case MSR_FEATURE_CONTROL:
		if (c->feature_control & FEATURE_LOCK)
			return false;
		c->feature_control = value;
		return true;
	case MSR_MISC_ENABLE:
		c->misc_enable = (c->misc_enable & ~MISC_WRITABLE) | (value & MISC_WRITABLE);
		return true;
	case MSR_DEBUGCTL:
		/* No branch recording and no stepping by branches: the bits do not stick. */
		return true;
	case MSR_BIOS_SIGN_ID:
	case MSR_BIOS_UPDATE:
	case MSR_EBL_CR_POWERON:
		/* There is no microcode to update: its revision stays 0. */
		return true;
	case MSR_P5_MC_ADDR:
	case MSR_P5_MC_TYPE:
		return value == 0;
	case MSR_MCG_CTL:
		if (value != 0 && value != UINT64_MAX)
			return false;
		c->mcg_ctl = value;
		return true;
	case MSR_FMASK:
	case MSR_TSC_AUX:
	case MSR_SYSENTER_CS:
		*stored_register(c, index) = (uint32_t)value;
		return true;
	case MSR_PAT:
		if (!are_memory_types(value, true))
			return false;
		c->pat = value;
		return true;
	default:
		*known = false;
		return true;
	}
}

static bool msr_write(struct vcpu *v, uint32_t index, uint64_t value)
{
	struct cpu *c = v->c;
	bool known = true, done = special_write(v, index, value, &known);
	uint64_t *stored;

	if (known)
		return done;
	if (is_apic_msr(index)) {
		if (index == MSR_TSC_DEADLINE)
			value = deadline_to_board(v, value);
		msr_exit(v, index, true, value);
		if (index == MSR_APIC_BASE)
			c->apic_off = !(value & BASE_ENABLED);
		return true;
	}
	stored = stored_register(c, index);
	if (!stored)
		return false;
	if (address_register(c, index) && !address_is_canonical(value))
		return false;
	if ((mtrr_fixed(c, index) || mtrr_variable(c, index) || index == MSR_MTRR_DEF_TYPE) &&
	    !mtrr_valid(index, value))
		return false;
	/* Of a machine-check bank only CTL takes anything; the rest can be cleared. */
	if (mc_bank(c, index) && (index & 3) && value)
		return false;
	*stored = value;
	return true;
}

/* ---- instructions ---- */

void op_rdmsr(struct vcpu *v, const struct insn *i)
{
	uint64_t *reg = v->c->reg, value;

	require_cpl0(v);
	if (v->ops->intercept)
		v->ops->intercept(v->machine, VCPU_RDMSR);
	value = msr_read(v, (uint32_t)reg[GPR_RCX]);
	reg[GPR_RAX] = (uint32_t)value;
	reg[GPR_RDX] = value >> 32;
}

void op_wrmsr(struct vcpu *v, const struct insn *i)
{
	const uint64_t *reg = v->c->reg;

	require_cpl0(v);
	if (v->ops->intercept)
		v->ops->intercept(v->machine, VCPU_WRMSR);
	if (!msr_write(v, (uint32_t)reg[GPR_RCX], reg[GPR_RDX] << 32 | (uint32_t)reg[GPR_RAX]))
		cpu_raise_error(v, EXC_GP, 0);
}

/* ---- for accelerators ---- */

bool vcpu_msr(struct vcpu *v, uint32_t index, bool is_write, uint64_t *value)
{
	bool done = true;

	if (setjmp(v->fault))
		return false;
	if (is_write)
		done = msr_write(v, index, *value);
	else
		*value = msr_read(v, index);
	return done;
}
