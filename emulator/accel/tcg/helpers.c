/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between translated code and C: guest state goes from the frame to struct cpu and back, and the
 * interpreter carries out what translated code hands over.
 */
#include "emulator/accel/tcg/helpers.h"

#include "emulator/cpu/debug.h"
#include "emulator/cpu/flags.h"
#include "emulator/cpu/system.h"

/* ---- flags ---- */

static uint32_t frame_flags(const struct jit_frame *f)
{
	uint32_t flags = f->status & (FLAG_SF | FLAG_ZF | FLAG_AF | FLAG_PF);
	bool of = f->of & STORED_OF;

	if (f->of & STORED_AF_SET)
		flags |= FLAG_AF;
	if (f->of & STORED_AF_0)
		flags &= ~FLAG_AF;
	if (f->of & STORED_OF_CALC)
		of = !(f->status & FLAG_SF) != !(f->status & FLAG_CF);
	return flags | (of ? FLAG_OF : 0) | (f->cf ? FLAG_CF : 0);
}

void jit_flags_store(struct jit_frame *f, struct cpu *c)
{
	flags_set_status(c, frame_flags(f));
	f->flags_here = false;
}

void jit_flags_load(struct jit_frame *f, const struct cpu *c)
{
	uint32_t flags = flags_status(c);

	f->of = flags & FLAG_OF ? STORED_OF : 0;
	f->status = (uint8_t)flags;
	f->cf = flags & FLAG_CF ? 1 : 0;
}

/* ---- the shadow of the TLB ---- */

void jit_shadow_fill(struct jit_frame *f, const struct vcpu *v, uint64_t linear)
{
	unsigned slot = linear >> PAGE_BITS & (TLB_SIZE - 1);
	uint64_t page = linear & PAGE_MASK;
	const struct tlb_entry *t;
	struct tlb_shadow_entry *s;

	if (v->c->mmu >= MMU_TRANSLATED)
		return;
	t = &v->tlb->data[v->c->mmu][slot];
	s = &f->shadow.entry[v->c->mmu][slot];
	if (t->read != page)
		return;
	s->read = page;
	s->write = TLB_EMPTY;
	if (t->write == page && !v->guard[(page + t->delta) >> PAGE_BITS])
		s->write = page;
	s->addend = (uint64_t)(uintptr_t)v->ram + t->delta;
}

/* ---- handing over ---- */

/* Whether the TLB has the page as one that is not RAM: then there is nothing to be filled in. */
static bool is_outside(const struct vcpu *v, uint64_t linear)
{
	const struct tlb_entry *t = &v->tlb->data[v->c->mmu][linear >> PAGE_BITS & (TLB_SIZE - 1)];

	return t->read == ((linear & PAGE_MASK) | TLB_OUTSIDE);
}

void jit_flags_settle(struct jit *j)
{
	if (j->frame->flags_here)
		jit_flags_store(j->frame, j->v->c);
}

/* After an instruction that may change what code is specialised for: did it? */
static bool mode_changed(struct jit *j, const struct jit_block *t)
{
	unsigned mode;

	jit_segments_load(j->frame, j->v->c);
	return debug_active(j->v) || !jit_mode_now(j->v->c, &mode) || mode != t->mode;
}

uint32_t jit_interpret(struct jit_frame *f, uint64_t site, uint64_t linear)
{
	struct jit *j = f->jit;
	struct jit_block *t = j->block[SITE_BLOCK(site)];
	struct vcpu *v = j->v;
	struct cpu *c = v->c;
	unsigned n = SITE_INSN(site);
	int64_t after = t->insns - (int64_t)n - 1;
	const struct insn *i = &t->block->insn[n];
	uint64_t next = (t->rip + SITE_END(site)) & c->linear_mask;
	bool leave = site & SITE_LEAVE;

	if (unlikely(f->x87_loaded))
		jit_x87_store(f);
	f->flags_here = site & SITE_FLAGS_STAY;
	if (!f->flags_here)
		jit_flags_store(f, c);
	c->insns = f->limit - (uint64_t)(f->left + after);
	c->reg[GPR_RIP] = next;
	v->insn = i;
	v->blocks->running = t->block;
	v->blocks->end = t->block->insn + t->block->count;
	i->handler(v, i);
	if ((site & SITE_MEMORY) && !is_outside(v, linear))
		jit_shadow_fill(f, v, linear);
	f->left = (int64_t)(f->limit - c->insns) - after;
	if ((site & SITE_MODE) && mode_changed(j, t))
		leave = true;
	if (leave || t->dead || c->reg[GPR_RIP] != next || f->left < 0 || c->insns >= v->limit) {
		jit_flags_settle(j);
		return 1;
	}
	if (!f->flags_here)
		jit_flags_load(f, c);
	f->flags_here = false;
	return 0;
}

/* A boundary as in jit_interpret(), but neither flags nor RAM's side of things are involved. */
uint32_t jit_port(struct jit_frame *f, uint64_t site, uint64_t port)
{
	struct jit *j = f->jit;
	const struct jit_block *t = j->block[SITE_BLOCK(site)];
	struct vcpu *v = j->v;
	struct cpu *c = v->c;
	unsigned n = SITE_INSN(site);
	const struct insn *i = &t->block->insn[n];
	struct exit e = {
	    .kind = EXIT_PIO,
	    .is_write = i->opcode & 2,
	    .size = (uint8_t)io_size(i),
	    .address = port,
	};
	uint64_t *rax = &c->reg[GPR_RAX], mask = UINT64_MAX >> (64 - 8 * e.size);

	if (unlikely(f->x87_loaded))
		jit_x87_store(f);
	if (!io_is_free(c) || (c->dr[7] & DR7_ANY))
		return JIT_PORT_REFUSED;
	c->insns = f->limit - (uint64_t)(f->left + t->insns - n - 1);
	c->reg[GPR_RIP] = (t->rip + SITE_END(site)) & c->linear_mask;
	v->insn = i;
	e.rip = insn_rip(v);
	if (e.is_write)
		e.data = *rax & mask;
	v->ops->exit(v->machine, &e);
	if (!e.is_write)
		*rax = e.size == 4 ? (uint32_t)e.data : (*rax & ~mask) | (e.data & mask);
	if (!t->dead && c->insns < v->limit)
		return JIT_PORT_DONE;
	jit_flags_store(f, c);
	return JIT_PORT_LEAVE;
}
