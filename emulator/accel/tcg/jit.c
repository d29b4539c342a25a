/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The run loop of the translator, and its blocks: found, made, linked, forgotten.
 *
 * Each turn of the loop enters a block as the interpreter does, with the same lookups in the code
 * TLB and the same faults; then runs the translation of it, and all that it is linked to, or
 * interprets it: when it is not hot yet, or would go beyond the limit. So nothing depends on which
 * of the two it was.
 */
#include "emulator/accel/tcg/jit.h"

#include <stdio.h>
#include <stdlib.h>

#include "emulator/accel/tcg/helpers.h"
#include "emulator/accel/tcg/translate.h"
#include "emulator/cpu/debug.h"
#include "emulator/cpu/fpu.h"
#include "emulator/cpu/interp.h"

#define CODE_SIZE   (16u << 20)
#define CODE_MARGIN (64u << 10)  /* more than any block needs */
#define MXCSR_MASKS 0x1f80u      /* of all exceptions */
#define FAR_LIMIT   (1ull << 40) /* a limit beyond is as good as none */
#define SAMPLES     4            /* a block that was so often what ran at a limit is extended */

/* A guest may well jump to NO_RIP: that matches here, and then not in the page. */
static const struct tlb_code_entry nowhere = {.page = 0};
static const struct jit_jump no_jump = {.rip = NO_RIP, .tlb = &nowhere};

/* ---- linking ---- */

/* `sub r13, insns; js limit; jmp body`, as emit_edge_stub() gives it. */
static void charge_set(uint8_t *charge, int32_t insns, const uint8_t *limit, const uint8_t *body)
{
	memcpy(charge + 3, &insns, sizeof(insns));
	asm_link(charge + 9, limit);
	asm_link(charge + 14, body);
}

static void edge_link(struct jit *j, struct jit_edge *e, struct jit_block *to)
{
	uint8_t *entry = j->code.writable + (to->entry - j->code.executable), *direct = entry;
	uint64_t page = to->gpa & PAGE_MASK;

	if (e->gpa)
		memcpy(e->gpa, &page, sizeof(page));
	if (e->charge) {
		charge_set(e->charge, to->insns - e->unused, entry + to->limit, entry + to->body);
		direct = e->charge;
	}
	asm_link(e->jump, e->late && !to->kills ? e->late : direct);
	asm_link(e->late_jump, direct);
	e->to = to;
	e->next = to->incoming;
	e->link = &to->incoming;
	if (e->next)
		e->next->link = &e->next;
	to->incoming = e;
}

void jit_edge_reset(const struct jit_edge *e)
{
	if (e->charge)
		charge_set(e->charge, -e->unused, e->stub, e->stub);
	asm_link(e->jump, e->late ? e->late : e->charge ? e->charge : e->stub);
	asm_link(e->late_jump, e->stub);
}

static void edge_unlink(struct jit_edge *e)
{
	if (!e->to)
		return;
	jit_edge_reset(e);
	*e->link = e->next;
	if (e->next)
		e->next->link = e->link;
	e->to = NULL;
}

static void edges_unlink(struct jit_block *t)
{
	for (unsigned n = 0; n < t->edges; n++)
		edge_unlink(&t->edge[n]);
}

static struct jit_block **page_of(struct jit *j, uint64_t rip)
{
	return &j->page[rip >> PAGE_BITS & (JIT_PAGES - 1)];
}

static void page_enter(struct jit *j, struct jit_block *t)
{
	struct jit_block **page = page_of(j, t->rip);

	t->neighbour = *page;
	t->neighbour_link = page;
	if (*page)
		(*page)->neighbour_link = &t->neighbour;
	*page = t;
}

static void page_leave(struct jit_block *t)
{
	*t->neighbour_link = t->neighbour;
	if (t->neighbour)
		t->neighbour->neighbour_link = t->neighbour_link;
}

/* The code of a dead block may still be running, to the end of an instruction; it goes later. */
static void block_kill(struct jit *j, struct jit_block *t)
{
	struct jit_jump *jump = &j->frame->jump[jit_jump_slot(t->rip)];

	if (jump->code == t->entry)
		*jump = no_jump;
	while (t->incoming)
		edge_unlink(t->incoming);
	edges_unlink(t);
	if (j->last && j->last->from == t)
		j->last = NULL;
	page_leave(t);
	t->dead = true;
	t->next = j->dead;
	j->dead = t;
	j->block[t->index] = NULL;
}

/* Called by block.c when a decoded block goes. */
static void translations_forget(struct vcpu *v, struct block *b)
{
	struct jit *j = v->translator;
	struct jit_block *t, *next;

	for (t = b->translations; t; t = next) {
		next = t->next;
		block_kill(j, t);
	}
	b->translations = NULL;
}

/* One translation goes, and its decoded block stays. */
static void translation_drop(struct jit *j, struct jit_block *t)
{
	struct jit_block *first = t->block->translations, **link = &first;

	while (*link != t)
		link = &(*link)->next;
	*link = t->next;
	t->block->translations = first;
	block_kill(j, t);
}

static void dead_free(struct jit *j)
{
	while (j->dead) {
		struct jit_block *t = j->dead;

		j->dead = t->next;
		free(t);
	}
}

/* Everything that was translated. Not while any of it is running. */
static void jit_forget(struct jit *j)
{
	for (uint32_t n = 0; n < j->blocks; n++) {
		struct jit_block *t = j->block[n];

		if (!t)
			continue;
		t->block->translations = NULL;
		free(t);
		j->block[n] = NULL;
	}
	dead_free(j);
	for (unsigned n = 0; n < JUMPS; n++)
		j->frame->jump[n] = no_jump;
	memset(j->page, 0, sizeof(j->page));
	j->blocks = 0;
	j->code_at = j->code_start;
	j->last = NULL;
}

/* ---- finding and making ---- */

static bool segment_is_flat(const struct segment *s)
{
	return s->base == 0 && s->read_span > UINT32_MAX && s->write_span > UINT32_MAX;
}

bool jit_mode_now(const struct cpu *c, unsigned *mode)
{
	*mode = c->mmu | (c->cpl == 3 ? MODE_USER : 0);
	if (c->mmu >= MMU_TRANSLATED)
		return false;
	if (!(c->cr0 & (CR0_EM | CR0_TS)) && (c->cr4 & CR4_OSFXSR))
		*mode |= MODE_SSE | ((c->fpu.mxcsr & MXCSR_MASKS) == MXCSR_MASKS ? MODE_FLOAT : 0);
	if (!(c->cr0 & (CR0_EM | CR0_TS)) && !(c->fpu.status & FPU_STATUS_ES) &&
	    (c->fpu.control & FPU_EXCEPTIONS) == FPU_EXCEPTIONS)
		*mode |= MODE_X87;
	if (c->code_bits == 64) {
		*mode |= MODE_CODE64;
		return true;
	}
	return c->code_bits == 32 && c->stack32 && c->seg[SEG_CS].base == 0 &&
	       c->seg[SEG_CS].limit == UINT32_MAX && segment_is_flat(&c->seg[SEG_SS]) &&
	       segment_is_flat(&c->seg[SEG_DS]) && segment_is_flat(&c->seg[SEG_ES]);
}

/* What a translation is found by. */
struct jit_key {
	uint64_t rip, gpa;
	unsigned mode;
};

static void ir_make(struct jit *j, const struct block *b, const struct jit_key *at)
{
	j->ir.sse = at->mode & MODE_SSE;
	j->ir.sse_float = at->mode & MODE_FLOAT;
	j->ir.x87 = at->mode & MODE_X87;
	ir_translate(&j->ir, b, at->rip);
	ir_optimise(&j->ir);
}

static struct jit_key key_of(const struct jit_block *t)
{
	return (struct jit_key){.rip = t->rip, .gpa = t->gpa, .mode = t->mode};
}

/* Whether the place to stop at is in a block that begins at `rip`. */
static bool has_stop(const struct jit *j, const struct block *b, uint64_t rip)
{
	return j->stop - rip < b->bytes;
}

static struct jit_block *translation_of(const struct block *b, uint64_t rip, unsigned mode)
{
	struct jit_block *t = b ? b->translations : NULL;

	while (t && (t->rip != rip || t->mode != mode))
		t = t->next;
	return t;
}

static struct jit_block *block_make(struct jit *j, struct block *b, const struct jit_key *at)
{
	struct jit_block *t;

	if (j->blocks == JIT_BLOCKS ||
	    j->code.writable + j->code.size - j->code_at < (ptrdiff_t)CODE_MARGIN)
		jit_forget(j);
	ir_make(j, b, at);
	t = calloc(1, sizeof(*t) + j->ir.edges * sizeof(t->edge[0]));
	if (!t)
		return NULL;
	t->block = b;
	t->rip = at->rip;
	t->gpa = at->gpa;
	t->mode = (uint8_t)at->mode;
	t->index = j->blocks;
	t->checks = jit_check_times(j);
	t->edges = j->ir.edges;
	t->insns = (uint8_t)j->ir.insns;
	t->kills = j->ir.kills != 0;
	if (j->ir.full || !jit_emit(j, t)) {
		free(t);
		return NULL;
	}
	if (unlikely(j->log.items))
		jit_dump_block(j, t);
	j->block[j->blocks++] = t;
	t->next = b->translations;
	b->translations = t;
	page_enter(j, t);
	if (has_stop(j, b, t->rip))
		j->stop_clear = false;
	return t;
}

/*
 * Puts a translation that goes on behind conditional jumps in the place of one that does not: in
 * code that is run much they are worth that it is longer, and that parts of it are in others, too.
 */
static struct jit_block *translation_extend(struct jit *j, struct jit_block *t)
{
	struct block *b = block_extend(j->v, t->block);
	struct jit_key at = key_of(t);

	if (!b || t->block->is_extended || (unlikely(j->stopping) && has_stop(j, b, at.rip)))
		return t;
	translation_drop(j, t);
	return block_make(j, b, &at);
}

/* The translation of the block that was just entered; NULL when it is to be interpreted. */
static struct jit_block *block_find(struct jit *j)
{
	struct vcpu *v = j->v;
	const struct cpu *c = v->c;
	struct block *b = v->blocks->running;
	struct jit_key at = {.rip = c->reg[GPR_RIP]};
	struct jit_block *t;

	if (!b || !jit_mode_now(c, &at.mode) || (unlikely(j->stopping) && has_stop(j, b, at.rip)))
		return NULL;
	t = translation_of(b->other, at.rip, at.mode);
	if (!t)
		t = translation_of(b, at.rip, at.mode);
	if (t)
		return j->threshold ? t : translation_extend(j, t);
	if (b->heat < j->threshold) {
		b->heat++;
		return NULL;
	}
	at.gpa = v->tlb->code[c->cpl == 3][at.rip >> PAGE_BITS & (TLB_SIZE - 1)].gpa |
		 (at.rip & ~PAGE_MASK);
	return block_make(j, b, &at);
}

/* So that an indirect jump to it finds it. Page 0 is what an empty TLB entry looks like. */
static void jump_enter(struct jit *j, const struct jit_block *t)
{
	const struct tlb *tlb = j->v->tlb;

	if (t->rip < PAGE_SIZE_4K)
		return;
	j->frame->jump[jit_jump_slot(t->rip)] = (struct jit_jump){
	    .rip = t->rip,
	    .tlb = &tlb->code[(t->mode & MODE_USER) != 0][t->rip >> PAGE_BITS & (TLB_SIZE - 1)],
	    .gpa_mode = (t->gpa & PAGE_MASK) | t->mode,
	    .code = t->entry,
	};
}

/* ---- running ---- */

void jit_segments_load(struct jit_frame *f, const struct cpu *c)
{
	for (unsigned n = 0; n < 2; n++) {
		const struct segment *s = &c->seg[SEG_FS + n];

		f->base[n] = s->base;
		f->span[n][0] = s->read_span;
		f->span[n][1] = s->write_span;
	}
}

void jit_interpret_block(struct vcpu *v, struct block *b)
{
	v->blocks->running = b;
	v->blocks->end = b->insn + b->count;
	if (b->is_extended)
		interp_extended(v, b->insn);
	else
		interp_block(v, b->insn);
}

/*
 * A block was what ran at a limit, as what runs much often is. The longer a block the sooner it
 * does not fit; so one that is extended already gives the sample to one of those behind it.
 */
static void sample(struct jit *j, struct jit_block *t)
{
	t->samples++;
	if (t->block->is_extended && t->edges)
		t = t->edge[t->samples % t->edges].to;
	else if (t->samples % SAMPLES)
		return;
	if (t && !t->block->is_extended)
		translation_extend(j, t);
}

/*
 * The code was left at the beginning of a block that does not fit before the limit. The interpreter
 * goes on right here, for the flags may be none if this block kills those.
 */
static void limit_meet(struct jit *j, struct jit_block *t)
{
	struct vcpu *v = j->v;
	struct block *b = t->block;

	if (v->c->insns >= v->limit)
		return;
	sample(j, t);
	jit_interpret_block(v, b);
}

static void code_run(struct jit *j, const uint8_t *code, uint64_t limit)
{
	struct jit_frame *f = j->frame;
	struct vcpu *v = j->v;
	struct cpu *c = v->c;
	struct jit_block *t;
	uint32_t left;

	f->limit = limit - c->insns > FAR_LIMIT ? c->insns + FAR_LIMIT : limit;
	f->left = (int64_t)(f->limit - c->insns);
	f->xmm = c->fpu.xmm;
	f->float_loaded = 0;
	f->x87_loaded = X87_IN_CPU;
	jit_segments_load(f, c);
	jit_flags_load(f, c);
	left = j->enter(f, code);
	if (unlikely(f->x87_loaded))
		jit_x87_store(f);
	v->insn = NULL;
	if (JIT_EXIT_HOW(left) == JIT_LEFT)
		return;
	t = j->block[JIT_EXIT_BLOCK(left)];
	jit_flags_store(f, c);
	if (JIT_EXIT_HOW(left) == JIT_LIMIT) {
		c->reg[GPR_RIP] = t->rip;
		c->insns = f->limit - (uint64_t)(f->left + t->insns);
		limit_meet(j, t);
	} else {
		j->last = &t->edge[JIT_EXIT_EDGE(left)];
		c->reg[GPR_RIP] = j->last->rip;
		c->insns = f->limit - (uint64_t)f->left;
	}
}

/*
 * What the block is linked to may be entered without flags, for it kills them. Where it does not
 * fit the interpreter must come that far. So code runs to IR_KILLS_MAX before the limit, and nearer
 * to it one block alone.
 */
void jit_block_run(struct jit *j, struct jit_block *t)
{
	struct vcpu *v = j->v;
	uint64_t end = v->c->insns + t->insns;

	if (v->limit - end >= IR_KILLS_MAX) {
		code_run(j, t->entry, v->limit - IR_KILLS_MAX);
		return;
	}
	edges_unlink(t);
	code_run(j, t->entry, end);
}

/*
 * Runs the code at RIP if it can be found as LOOKUP finds it, and if there is nothing to be done
 * but to run it: no edge to be linked, nothing to be shown or checked on the way, no limit in it.
 */
static bool jump_run(struct jit *j)
{
	const struct cpu *c = j->v->c;
	uint64_t rip = c->reg[GPR_RIP], limit = j->v->limit;
	const struct jit_jump *jump = &j->frame->jump[jit_jump_slot(rip)];
	unsigned mode;

	if (jump->rip != rip || j->last || j->check || j->stopping ||
	    log_wants(&j->log, LOG_EXEC) || !jit_mode_now(c, &mode))
		return false;
	if (limit - c->insns < 2 * IR_KILLS_MAX)
		return false;
	if (jump->tlb->page != (rip & PAGE_MASK) || (jump->tlb->gpa ^ jump->gpa_mode) != mode)
		return false;
	code_run(j, jump->code, limit - IR_KILLS_MAX);
	return true;
}

/* check=on: stops with all that is known of the block when the engines differ. */
static void check_block(struct jit *j, struct jit_block *t)
{
	const char *what = jit_check(j, t);
	struct jit_key at = key_of(t);
	struct log log = j->log;
	char text[400], where[440];

	if (!what)
		return;
	j->log.items |= LOG_IN_ASM | LOG_IR | LOG_OUT_ASM;
	ir_make(j, t->block, &at);
	if (j->log.write)
		jit_dump_block(j, t);
	j->log = log;
	jit_check_describe(j, what, text, sizeof(text));
	snprintf(where, sizeof(where), "block at RIP 0x%llx: %s", (unsigned long long)t->rip, text);
	j->check_failed(j, where);
}

static void jit_turn(struct jit *j)
{
	struct vcpu *v = j->v;
	const struct insn *i;
	struct jit_block *t;
	struct jit_edge *last;

	v->insn = NULL;
	if (unlikely(debug_active(v))) {
		j->last = NULL;
		interp_step(v);
		return;
	}
	if (jump_run(j))
		return;
	i = block_enter(v);
	t = block_find(j);
	last = j->last;
	j->last = NULL;
	if (!t || t->insns > v->limit - v->c->insns) {
		if (unlikely(j->stopping))
			interp_block_to(v, i, j->stop);
		else
			interp_block(v, i);
		return;
	}
	if (unlikely(t->checks)) {
		check_block(j, t);
		return;
	}
	if (unlikely(log_wants(&j->log, LOG_EXEC))) {
		jit_dump_entry(j, t);
		jit_block_run(j, t);
		return;
	}
	if (last && last->rip == t->rip && last->from->mode == t->mode && last->to != t) {
		edge_unlink(last);
		edge_link(j, last, t);
	}
	jump_enter(j, t);
	jit_block_run(j, t);
}

static bool is_over(const struct jit *j)
{
	const struct vcpu *v = j->v;
	const struct cpu *c = v->c;

	return c->insns >= v->limit || c->halted || c->shutdown ||
	       (j->stopping && c->reg[GPR_RIP] == j->stop);
}

static __attribute__((noinline)) void jit_loop(struct jit *j)
{
	struct vcpu *v = j->v;

	while (!is_over(j)) {
		if (unlikely(j->dead != NULL))
			dead_free(j);
		jit_turn(j);
	}
	v->insn = NULL;
}

void jit_run(struct vcpu *v)
{
	struct jit *j = v->translator;

	if (j->tlb != v->tlb) { /* code has addresses in it */
		jit_forget(j);
		j->tlb = v->tlb;
	}
	while (setjmp(v->fault) != 0) {
		jit_flags_settle(j);
		interp_fault(v);
	}
	j->last = NULL;
	jit_loop(j);
}

/*
 * Blocks that run over the place are not there as long as it is looked for: they would be entered
 * from others, without a look at where they are.
 */
static void stop_set(struct jit *j, uint64_t rip)
{
	struct jit_block *t, *next;

	if (j->stop_clear && j->stop == rip)
		return;
	j->stop = rip;
	j->stop_clear = true;
	for (t = *page_of(j, rip); t; t = next) {
		next = t->neighbour;
		if (has_stop(j, t->block, t->rip))
			translation_drop(j, t);
	}
}

void jit_run_to(struct vcpu *v, uint64_t rip)
{
	struct jit *j = v->translator;

	if (!interp_leave(v, rip))
		return;
	stop_set(j, rip);
	j->stopping = true;
	jit_run(v);
	j->stopping = false;
}

/* ---- life cycle ---- */

const char *jit_open(struct vcpu *v, unsigned threshold)
{
	struct jit *j = calloc(1, sizeof(*j));
	struct assembler a;
	const char *why = "out of memory";

	if (!j)
		return why;
	j->v = v;
	j->threshold = threshold;
	j->frame = calloc(1, sizeof(*j->frame));
	if (j->frame)
		why = os_code_map(&j->code, CODE_SIZE) ? os_error() : NULL;
	if (why) {
		free(j->frame);
		free(j);
		return why;
	}
	a = (struct assembler){.at = j->code.writable, .end = j->code.writable + j->code.size};
	jit_make_thunks(j, &a);
	j->code_start = j->code_at = a.at;
	j->frame->jit = j;
	j->frame->host_mxcsr = __builtin_ia32_stmxcsr();
	__asm__("fnstcw %0" : "=m"(j->frame->host_x87_control));
	jit_forget(j);
	v->translator = j;
	v->translations_forget = translations_forget;
	v->shadow = &j->frame->shadow;
	tlb_shadow_clear(v);
	return NULL;
}

void jit_close(struct jit *j)
{
	jit_forget(j);
	j->v->translator = NULL;
	j->v->translations_forget = NULL;
	j->v->shadow = NULL;
	os_code_unmap(&j->code);
	jit_check_close(j);
	free(j->frame);
	free(j);
}
