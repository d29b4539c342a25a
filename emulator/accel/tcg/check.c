/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The self-check of check=on: the first time a translated block runs, the interpreter has run it
 * just before, from the same state, and all that it changed must come out the same: registers, the
 * count of instructions, the TLB, memory, or the fault that it ended in.
 *
 * Memory is put back between the two runs. While they run every page is guarded, so the first store
 * to each comes by check_page(), which keeps what was in it. In the second run only pages that the
 * first one stored to are open. A block that leaves the processor, by I/O or MMIO, cannot be run
 * twice: what the interpreter did holds, and the block is checked when it next runs without.
 */
#include <stdio.h>
#include <stdlib.h>

#include "emulator/accel/tcg/helpers.h"
#include "emulator/accel/tcg/jit.h"
#include "emulator/cpu/interp.h"

#define CHECK_PAGES 64 /* stored to by one block; more are not checked */

struct check_page {
	uint64_t page;
	uint8_t before[PAGE_SIZE_4K], after[PAGE_SIZE_4K];
};

/* How a run of the block ended. */
struct outcome {
	struct cpu cpu;
	struct tlb tlb;
	bool fault;
	uint8_t vector;
	bool has_error;
	uint32_t error;
};

struct check {
	struct cpu cpu; /* before */
	struct tlb tlb;
	uint8_t *guard; /* as it was, for all pages */
	uint64_t pages;
	struct outcome interp, jit;
	unsigned stored;
	struct check_page page[CHECK_PAGES];
	bool second;     /* the run of the translation */
	bool impossible; /* there was an exit, or too many pages */
	bool stray;      /* the translation stored to another page */
	const struct vcpu_ops *ops;
	struct vcpu_ops ops_checked;
	void (*page_dirty)(struct machine *m, uint64_t page);
};

static struct check *check_of(const struct vcpu *v)
{
	struct jit *j = v->translator;

	return j->check;
}

/* ---- what the runs call ---- */

/* The machine is only known by its pointer here; one check runs at a time in a thread. */
static _Thread_local struct vcpu *checked;

static void check_exit(struct machine *m, struct exit *e)
{
	struct check *k = check_of(checked);

	k->impossible = true;
	k->ops->exit(m, e);
}

static bool check_tsc_read(struct machine *m, uint64_t *value)
{
	struct check *k = check_of(checked);

	k->impossible = true;
	return k->ops->tsc_read(m, value);
}

static void check_dirty(struct machine *m, uint64_t page)
{
	struct vcpu *v = checked;
	struct check *k = check_of(v);

	v->guard[page] &= (uint8_t)~GUARD_CLEAN;
	if (k->second) {
		k->stray = true;
		return;
	}
	if (k->stored == CHECK_PAGES) {
		k->impossible = true;
		return;
	}
	k->page[k->stored].page = page;
	memcpy(k->page[k->stored++].before, v->ram + page * PAGE_SIZE_4K, PAGE_SIZE_4K);
}

/* ---- the two runs ---- */

static void guard_all(struct vcpu *v, const struct check *k)
{
	for (uint64_t page = 0; page < k->pages; page++)
		v->guard[page] |= GUARD_CLEAN;
	tlb_shadow_drop_stores(v);
}

/* Guards as the blocks decoded since want them; pages that were stored to enter the dirty log. */
static void guard_restore(struct vcpu *v, const struct check *k)
{
	for (uint64_t page = 0; page < k->pages; page++)
		v->guard[page] =
		    (uint8_t)((v->guard[page] & GUARD_CODE) | (k->guard[page] & GUARD_CLEAN));
	for (unsigned n = 0; n < k->stored; n++)
		if (v->guard[k->page[n].page] & GUARD_CLEAN)
			k->page_dirty(v->machine, k->page[n].page);
	tlb_shadow_clear(v);
}

static void outcome_take(const struct vcpu *v, struct outcome *o, bool fault)
{
	o->cpu = *v->c;
	o->tlb = *v->tlb;
	o->fault = fault;
	o->vector = v->fault_vector;
	o->has_error = v->fault_has_error;
	o->error = v->fault_error;
	if (fault && v->insn)
		o->cpu.reg[GPR_RIP] = insn_rip(v) & v->c->linear_mask;
}

/* Runs the block by one engine. A fault is noted, and not delivered. */
static __attribute__((noinline)) void run_caught(struct jit *j, struct jit_block *t,
						 const struct insn *i, struct outcome *o)
{
	struct vcpu *v = j->v;
	jmp_buf outer;

	memcpy(&outer, &v->fault, sizeof(outer));
	if (setjmp(v->fault)) {
		jit_flags_settle(j);
		outcome_take(v, o, true);
	} else {
		if (t)
			jit_block_run(j, t);
		else
			interp_block(v, i);
		/* Iterations of REP count, so the code may have been left before the limit. */
		while (t && v->c->insns < v->limit)
			interp_block(v, block_enter(v));
		outcome_take(v, o, false);
	}
	memcpy(&v->fault, &outer, sizeof(outer));
}

static void state_restore(struct jit *j, struct check *k)
{
	struct vcpu *v = j->v;

	for (unsigned n = 0; n < k->stored; n++) {
		uint8_t *ram = v->ram + k->page[n].page * PAGE_SIZE_4K;

		memcpy(k->page[n].after, ram, PAGE_SIZE_4K);
		memcpy(ram, k->page[n].before, PAGE_SIZE_4K);
	}
	*v->c = k->cpu;
	*v->tlb = k->tlb;
	/* What the TLB has, translated code shall find by itself. */
	tlb_shadow_clear(v);
	for (unsigned slot = 0; slot < TLB_SIZE; slot++)
		jit_shadow_fill(j->frame, v, v->tlb->data[v->c->mmu][slot].read);
}

/* ---- comparing ---- */

static const char *compare(struct vcpu *v, const struct check *k)
{
	const struct outcome *a = &k->interp, *b = &k->jit;
	struct cpu_regs x, y;

	if (a->fault != b->fault || (a->fault && (a->vector != b->vector || a->error != b->error ||
						  a->has_error != b->has_error)))
		return "the fault";
	if (a->cpu.insns != b->cpu.insns)
		return "the count of instructions";
	cpu_get_regs(&a->cpu, &x);
	cpu_get_regs(&b->cpu, &y);
	if (memcmp(&x, &y, sizeof(x)))
		return "registers";
	if (memcmp(&a->tlb, &b->tlb, sizeof(a->tlb)))
		return "the TLB";
	if (k->stray)
		return "which pages are stored to";
	for (unsigned n = 0; n < k->stored; n++)
		if (memcmp(k->page[n].after, v->ram + k->page[n].page * PAGE_SIZE_4K, PAGE_SIZE_4K))
			return "memory";
	return NULL;
}

/* ---- a block ---- */

const char *jit_check(struct jit *j, struct jit_block *t, const struct insn *i)
{
	struct vcpu *v = j->v;
	struct check *k = j->check;
	uint64_t limit = v->limit;
	const char *what = NULL;

	k->cpu = *v->c;
	k->tlb = *v->tlb;
	memcpy(k->guard, v->guard, k->pages);
	k->stored = 0;
	k->second = k->impossible = k->stray = false;
	k->ops = v->ops;
	k->ops_checked = *v->ops;
	k->ops_checked.exit = check_exit;
	if (k->ops->tsc_read)
		k->ops_checked.tsc_read = check_tsc_read;
	k->page_dirty = v->page_dirty;
	checked = v;
	v->ops = &k->ops_checked;
	v->page_dirty = check_dirty;
	guard_all(v, k);
	/* To the end of the block and no further. */
	v->limit = v->c->insns + t->insns;
	run_caught(j, NULL, i, &k->interp);
	if (!k->impossible && !t->dead && v->limit) {
		state_restore(j, k);
		k->second = true;
		run_caught(j, t, i, &k->jit);
		what = compare(v, k);
		t->checked = true;
	}
	limit = v->limit ? limit : 0;
	v->ops = k->ops;
	v->page_dirty = k->page_dirty;
	v->limit = limit;
	guard_restore(v, k);
	j->last = NULL;
	/* The fault that was held back. */
	if (!what && (t->checked ? k->jit.fault : k->interp.fault))
		longjmp(v->fault, 1);
	v->insn = NULL;
	return what;
}

const char *jit_check_open(struct jit *j)
{
	struct check *k = calloc(1, sizeof(*k));

	if (!k)
		return "out of memory";
	k->pages = j->v->ram_size / PAGE_SIZE_4K;
	k->guard = malloc(k->pages);
	if (!k->guard) {
		free(k);
		return "out of memory";
	}
	j->check = k;
	return NULL;
}

void jit_check_close(struct jit *j)
{
	if (j->check)
		free(j->check->guard);
	free(j->check);
	j->check = NULL;
}

/* ---- what differed, for the message ---- */

void jit_check_describe(const struct jit *j, const char *what, char *text, size_t size)
{
	static const char *const name[16] = {"RAX", "RCX", "RDX", "RBX", "RSP", "RBP",
					     "RSI", "RDI", "R8",  "R9",  "R10", "R11",
					     "R12", "R13", "R14", "R15"};
	const struct check *k = j->check;
	struct cpu_regs x, y;
	size_t used;

	cpu_get_regs(&k->interp.cpu, &x);
	cpu_get_regs(&k->jit.cpu, &y);
	snprintf(text, size, "%s", what);
	for (unsigned r = 0; r < 16; r++) {
		used = strlen(text);
		if (x.gpr[r] != y.gpr[r])
			snprintf(text + used, size - used, "; %s 0x%llx, translated 0x%llx",
				 name[r], (unsigned long long)x.gpr[r],
				 (unsigned long long)y.gpr[r]);
	}
	used = strlen(text);
	if (x.rflags != y.rflags)
		snprintf(text + used, size - used, "; RFLAGS 0x%llx, translated 0x%llx",
			 (unsigned long long)x.rflags, (unsigned long long)y.rflags);
	used = strlen(text);
	if (x.rip != y.rip)
		snprintf(text + used, size - used, "; RIP 0x%llx, translated 0x%llx",
			 (unsigned long long)x.rip, (unsigned long long)y.rip);
}
