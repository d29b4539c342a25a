/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What power-on and INIT leave in the processor (Intel SDM vol. 3A table 9-1), and the A20 line.
 */
#include "emulator/cpu/debug.h"
#include "emulator/cpu/flags.h"
#include "emulator/cpu/fpu.h"
#include "emulator/cpu/mem.h"
#include "emulator/cpu/system.h"

static void reset_segments(struct cpu *c)
{
	for (unsigned n = SEG_ES; n <= SEG_GS; n++)
		c->seg[n] = (struct segment){.limit = 0xffff, .attr = 0x93};
	c->seg[SEG_CS].selector = 0xf000;
	c->seg[SEG_CS].base = 0xffff0000;
	c->seg[SEG_CS].attr = 0x9b;
	c->ldtr = (struct segment){.limit = 0xffff, .attr = SEG_P | SYS_LDT};
	c->tr = (struct segment){.limit = 0xffff, .attr = SEG_P | SYS_TSS32_BUSY};
	c->gdtr.limit = c->idtr.limit = 0xffff;
}

/* Instructions are counted from power-on of the machine: a reset does not turn them back. */
void vcpu_reset(struct vcpu *v)
{
	struct cpu *c = v->c;
	uint64_t insns = c->insns;
	uint32_t id[4];

	memset(c, 0, sizeof(*c));
	c->insns = insns;
	reset_segments(c);
	c->cr0 = CR0_CD | CR0_NW | CR0_ET;
	c->dr[6] = DR6_FIXED;
	c->dr[7] = DR7_FIXED;
	c->rflags = FLAG_ONE;
	flags_set_status(c, 0);
	c->reg[GPR_RIP] = 0xfff0;
	cpuid_query(&v->model, c, 1, 0, id);
	c->reg[GPR_RDX] = id[0];
	c->a20 = true;
	fpu_reset(&c->fpu);
	msr_reset(c);

	v->insn = NULL;
	v->fault_in_new_task = false;
	tlb_flush(v, true);
	cpu_update_mode(v);
}

void vcpu_set_a20(struct vcpu *v, bool enabled)
{
	if (v->c->a20 == enabled)
		return;
	v->c->a20 = enabled;
	tlb_flush(v, true);
	/* Instructions come from other addresses now: leave the block that is running. */
	vcpu_kick(v);
}
