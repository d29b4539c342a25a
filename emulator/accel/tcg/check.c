/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The self-check of check=on: when a translated block runs for the first times, the interpreter has
 * run it just before, from the same state, and all that it changed must come out the same: the
 * processor, the count of instructions, the TLB, memory, what was asked of the machine, or the
 * fault that it ended in.
 *
 * Memory is put back between the two runs. While they run every page is guarded, so the first store
 * to each comes by check_dirty(), which keeps what was in it. In the second run only pages that the
 * first one stored to are open. The machine is asked once: the second run must ask the same, and
 * gets the answers that the first one got. What a device may do besides (DMA, the A20 line, another
 * memory map) is not undone, so a block that made it do so is not run again: what the interpreter
 * did holds, and the block is checked the next time.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "emulator/accel/tcg/helpers.h"
#include "emulator/accel/tcg/jit.h"
#include "emulator/cpu/flags.h"
#include "emulator/cpu/interp.h"

#define CHECK_TIMES   16 /* with other registers, other things may go wrong */
#define CHECK_TRIES   16 /* after so many that could not be compared, it goes unchecked */
#define CHECK_PAGES   64 /* stored to by one block; more are not checked */
#define NOWHERE       0xa5
#define CHECK_ANSWERS 64 /* likewise of the machine */

struct check_page {
	uint64_t page;
	uint8_t before[PAGE_SIZE_4K], after[PAGE_SIZE_4K];
};

/* A call of vcpu_ops, what it gave, and what else the machine did to the vCPU meanwhile. */
struct answer {
	enum { ASKED_EXIT, ASKED_NOW, ASKED_TSC } what;
	uint64_t insns; /* when */
	struct exit asked, given;
	uint64_t value;
	bool is_value; /* of ASKED_TSC */
	bool intr, nmi_pending;
	uint64_t limit;
};

/* How a run of the block ended. */
struct outcome {
	struct cpu cpu;
	bool kicked;
	bool fault;
	uint8_t vector;
	bool has_error;
	uint32_t error;
};

struct check {
	bool always;
	struct cpu cpu; /* before */
	struct tlb tlb;
	uint8_t *guard; /* as it was, for all pages */
	uint64_t pages;
	struct outcome interp, jit;
	struct tlb interp_tlb;
	unsigned stored;
	struct check_page page[CHECK_PAGES];
	unsigned asked, answered; /* by the first run, and of these by the second */
	struct answer answer[CHECK_ANSWERS];
	bool second;     /* the run of the translation */
	bool impossible; /* to be run twice */
	bool stray;      /* the translation stored to another page */
	uint8_t
	    nowhere[PAGE_SIZE_4K]; /* which stores to pages that the first run left alone change */
	bool strange;              /* it asked for something else */
	const struct vcpu_ops *ops;
	struct vcpu_ops ops_checked;
	void (*page_dirty)(struct machine *m, uint64_t page);
	uint64_t blocks, runs, insns, given_up; /* for the summary */
};

static struct check *check_of(const struct vcpu *v)
{
	struct jit *j = v->translator;

	return j->check;
}

/* ---- guards ---- */

/* Of eight pages at a time: there is one for each page of RAM, and this is done for each check. */
#define EIGHT(bits) (UINT64_C(0x0101010101010101) * (bits))

static uint64_t guards_get(const uint8_t *guard, uint64_t page)
{
	uint64_t eight;

	memcpy(&eight, guard + page, sizeof(eight));
	return eight;
}

static void guards_set(uint8_t *guard, uint64_t page, uint64_t eight)
{
	memcpy(guard + page, &eight, sizeof(eight));
}

static void guard_all(struct vcpu *v, struct check *k)
{
	uint64_t page = 0;

	memcpy(k->guard, v->guard, k->pages);
	for (; page + 8 <= k->pages; page += 8)
		guards_set(v->guard, page, guards_get(v->guard, page) | EIGHT(GUARD_CLEAN));
	for (; page < k->pages; page++)
		v->guard[page] |= GUARD_CLEAN;
	tlb_shadow_drop_stores(v);
}

/* Guards as the blocks decoded since want them; pages that were stored to enter the dirty log. */
static void guard_restore(struct vcpu *v, const struct check *k)
{
	uint64_t page = 0;

	for (; page + 8 <= k->pages; page += 8)
		guards_set(v->guard, page,
			   (guards_get(v->guard, page) & EIGHT(GUARD_CODE)) |
			       (guards_get(k->guard, page) & EIGHT(GUARD_CLEAN)));
	for (; page < k->pages; page++)
		v->guard[page] =
		    (uint8_t)((v->guard[page] & GUARD_CODE) | (k->guard[page] & GUARD_CLEAN));
	for (unsigned n = 0; n < k->stored; n++)
		if (v->guard[k->page[n].page] & GUARD_CLEAN)
			k->page_dirty(v->machine, k->page[n].page);
	tlb_shadow_clear(v);
}

static bool guard_is_everywhere(const struct vcpu *v, const struct check *k)
{
	uint64_t page = 0, all = EIGHT(GUARD_CLEAN);

	for (; page + 8 <= k->pages; page += 8)
		all &= guards_get(v->guard, page);
	for (; page < k->pages; page++)
		if (!(v->guard[page] & GUARD_CLEAN))
			return false;
	return all == EIGHT(GUARD_CLEAN);
}

/* ---- what the runs call ---- */

/* The machine is only known by its pointer here; one check runs at a time in a thread. */
static _Thread_local struct vcpu *checked;

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

/* Is being asked; NULL when there is no room, or when the second run asks as the first did not. */
static struct answer *answer_next(struct check *k, const struct vcpu *v, int what)
{
	struct answer *a;

	if (k->second) {
		a = k->answered < k->asked ? &k->answer[k->answered++] : NULL;
		if (a && (int)a->what == what && a->insns == v->c->insns)
			return a;
		k->strange = true;
		return NULL;
	}
	if (k->asked == CHECK_ANSWERS) {
		k->impossible = true;
		return NULL;
	}
	a = &k->answer[k->asked++];
	*a = (struct answer){.what = what, .insns = v->c->insns};
	return a;
}

/* Of state in the arena, whose padding never changes: copies of it have the same. */
static bool bytes_differ(const void *a, const void *b, size_t size)
{
	return memcmp(a, b, size);
}

static bool exit_is(const struct exit *a, const struct exit *b)
{
	return a->kind == b->kind && a->is_write == b->is_write && a->size == b->size &&
	       a->address == b->address && a->rip == b->rip && (!a->is_write || a->data == b->data);
}

/* The machine carries it out; what it does besides answering is found out. */
static void exit_observe(struct vcpu *v, struct check *k, struct machine *m, struct exit *e)
{
	bool was_empty = v->tlb->empty;
	struct cpu before;

	memcpy(&before, v->c, sizeof(before));
	for (unsigned n = 0; n < k->stored; n++)
		v->guard[k->page[n].page] |= GUARD_CLEAN;
	k->ops->exit(m, e);
	if (!guard_is_everywhere(v, k) || (v->tlb->empty && !was_empty))
		k->impossible = true;
	for (unsigned n = 0; n < k->stored; n++)
		v->guard[k->page[n].page] &= (uint8_t)~GUARD_CLEAN;
	before.intr = v->c->intr;
	before.nmi_pending = v->c->nmi_pending;
	if (bytes_differ(&before, v->c, sizeof(before)))
		k->impossible = true;
}

static void check_exit(struct machine *m, struct exit *e)
{
	struct vcpu *v = checked;
	struct check *k = check_of(v);
	struct answer *a = answer_next(k, v, ASKED_EXIT);

	if (!k->second) {
		if (a)
			a->asked = *e;
		exit_observe(v, k, m, e);
		if (!a)
			return;
		a->given = *e;
		a->intr = v->c->intr;
		a->nmi_pending = v->c->nmi_pending;
		a->limit = v->limit;
		return;
	}
	if (!a || !exit_is(&a->asked, e)) {
		k->strange = true;
		return;
	}
	*e = a->given;
	v->c->intr = a->intr;
	v->c->nmi_pending = a->nmi_pending;
	v->limit = a->limit;
}

static uint64_t check_now(struct machine *m)
{
	struct vcpu *v = checked;
	struct check *k = check_of(v);
	struct answer *a = answer_next(k, v, ASKED_NOW);

	if (!a)
		return k->second ? 0 : k->ops->now(m);
	if (!k->second)
		a->value = k->ops->now(m);
	return a->value;
}

static bool check_tsc_read(struct machine *m, uint64_t *value)
{
	struct vcpu *v = checked;
	struct check *k = check_of(v);
	struct answer *a = answer_next(k, v, ASKED_TSC);

	if (!a)
		return !k->second && k->ops->tsc_read(m, value);
	if (!k->second)
		a->is_value = k->ops->tsc_read(m, &a->value);
	if (a->is_value)
		*value = a->value;
	return a->is_value;
}

/* ---- the two runs ---- */

static void outcome_take(const struct vcpu *v, struct outcome *o, bool fault)
{
	memcpy(&o->cpu, v->c, sizeof(o->cpu));
	o->kicked = v->limit == 0;
	o->fault = fault;
	o->vector = v->fault_vector;
	o->has_error = v->fault_has_error;
	o->error = v->fault_error;
	if (fault && v->insn)
		o->cpu.reg[GPR_RIP] = insn_rip(v) & v->c->linear_mask;
}

/* Runs the block by one engine, to its end and no further. A fault is noted, and not delivered. */
static __attribute__((noinline)) void run_caught(struct jit *j, struct jit_block *t,
						 struct outcome *o)
{
	struct check *k = j->check;
	struct vcpu *v = j->v;
	jmp_buf outer;

	memcpy(&outer, &v->fault, sizeof(outer));
	if (setjmp(v->fault)) {
		jit_flags_settle(j);
		outcome_take(v, o, true);
	} else {
		if (k->second)
			jit_block_run(j, t);
		else
			jit_interpret_block(v, t->block);
		/* Iterations of REP count, so the code may have been left before the limit. */
		while (k->second && v->limit && v->c->insns < k->interp.cpu.insns)
			interp_block(v, block_enter(v));
		outcome_take(v, o, false);
	}
	memcpy(&v->fault, &outer, sizeof(outer));
}

/*
 * What the TLB has, translated code shall find by itself. A store where the first run made none
 * would be handed over, and so come out right; therefore such pages lead nowhere every other time.
 * They cannot be read then, since an entry has one address for both.
 */
static void shadow_prepare(struct jit *j, struct check *k, bool stores_lead_nowhere)
{
	struct vcpu *v = j->v;

	tlb_shadow_clear(v);
	memset(k->nowhere, NOWHERE, sizeof(k->nowhere));
	for (unsigned slot = 0; v->c->mmu < MMU_TRANSLATED && slot < TLB_SIZE; slot++) {
		const struct tlb_entry *t = &v->tlb->data[v->c->mmu][slot];
		struct tlb_shadow_entry *s = &j->frame->shadow.entry[v->c->mmu][slot];

		jit_shadow_fill(j->frame, v, t->read);
		if (!stores_lead_nowhere || (t->write & ~PAGE_MASK) ||
		    !(v->guard[(t->write + t->delta) >> PAGE_BITS] & GUARD_CLEAN))
			continue;
		s->read = TLB_EMPTY;
		s->write = t->write;
		s->addend = (uint64_t)(uintptr_t)k->nowhere - t->write;
	}
}

static bool nowhere_is_changed(const struct check *k)
{
	for (unsigned n = 0; n < sizeof(k->nowhere); n++)
		if (k->nowhere[n] != NOWHERE)
			return true;
	return false;
}

static void state_restore(struct jit *j, struct check *k)
{
	struct vcpu *v = j->v;

	for (unsigned n = 0; n < k->stored; n++) {
		uint8_t *ram = v->ram + k->page[n].page * PAGE_SIZE_4K;

		memcpy(k->page[n].after, ram, PAGE_SIZE_4K);
		memcpy(ram, k->page[n].before, PAGE_SIZE_4K);
	}
	memcpy(v->c, &k->cpu, sizeof(k->cpu));
	memcpy(&k->interp_tlb, v->tlb, sizeof(k->interp_tlb));
	memcpy(v->tlb, &k->tlb, sizeof(k->tlb));
}

/* ---- comparing ---- */

/* All of the processor: the status flags, which are kept in several ways, as one of them. */
static bool cpu_is(const struct cpu *a, const struct cpu *b)
{
	struct cpu x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	flags_set_status(&x, flags_status(a));
	flags_set_status(&y, flags_status(b));
	return !bytes_differ(&x, &y, sizeof(x));
}

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
	if (!cpu_is(&a->cpu, &b->cpu))
		return "the processor's inner state";
	if (k->strange || k->answered != k->asked || a->kicked != b->kicked)
		return "what the machine is asked";
	if (bytes_differ(&k->interp_tlb, v->tlb, sizeof(k->interp_tlb)))
		return "the TLB";
	if (k->stray || nowhere_is_changed(k))
		return "which pages are stored to";
	for (unsigned n = 0; n < k->stored; n++)
		if (memcmp(k->page[n].after, v->ram + k->page[n].page * PAGE_SIZE_4K, PAGE_SIZE_4K))
			return "memory";
	return NULL;
}

/* ---- a block ---- */

static void check_begin(struct vcpu *v, struct check *k)
{
	memcpy(&k->cpu, v->c, sizeof(k->cpu));
	memcpy(&k->tlb, v->tlb, sizeof(k->tlb));
	k->stored = k->asked = k->answered = 0;
	k->second = k->impossible = k->stray = k->strange = false;
	k->ops = v->ops;
	k->ops_checked = *v->ops;
	k->ops_checked.exit = check_exit;
	k->ops_checked.now = check_now;
	if (k->ops->tsc_read)
		k->ops_checked.tsc_read = check_tsc_read;
	k->page_dirty = v->page_dirty;
	checked = v;
	v->ops = &k->ops_checked;
	v->page_dirty = check_dirty;
	guard_all(v, k);
}

/* One time less to go; not for a block that is gone. */
static void check_count(struct check *k, struct jit_block *t)
{
	if (k->second) {
		k->blocks += t->checks_done == 0;
		k->runs++;
		k->insns += k->jit.cpu.insns - k->cpu.insns;
		t->checks_done = 1;
	} else if (t->check_tries++ == CHECK_TRIES) {
		t->checks = 0;
		k->given_up++;
	}
	if (k->second && --t->checks == 0 && k->always)
		t->checks = CHECK_TIMES;
}

const char *jit_check(struct jit *j, struct jit_block *t)
{
	struct vcpu *v = j->v;
	struct check *k = j->check;
	uint64_t limit = v->limit, end = v->c->insns + t->insns;
	const char *what = NULL;
	bool fault;

	check_begin(v, k);
	v->limit = end;
	run_caught(j, t, &k->interp);
	fault = k->interp.fault;
	if (!k->impossible && !t->dead) {
		state_restore(j, k);
		shadow_prepare(j, k, t->checks & 1);
		k->second = true;
		v->limit = end;
		run_caught(j, t, &k->jit);
		what = compare(v, k);
		fault = k->jit.fault;
	}
	if (!t->dead)
		check_count(k, t);
	v->ops = k->ops;
	v->page_dirty = k->page_dirty;
	v->limit = v->limit ? limit : 0;
	guard_restore(v, k);
	j->last = NULL;
	/* The fault that was held back. */
	if (!what && fault)
		longjmp(v->fault, 1);
	v->insn = NULL;
	return what;
}

uint8_t jit_check_times(const struct jit *j)
{
	return j->check ? CHECK_TIMES : 0;
}

const char *jit_check_open(struct jit *j, bool always)
{
	struct check *k = calloc(1, sizeof(*k));

	if (!k)
		return "out of memory";
	k->always = always;
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
	struct check *k = j->check;
	char text[160];

	if (!k)
		return;
	snprintf(text, sizeof(text),
		 "check: %" PRIu64 " blocks ran by both engines, %" PRIu64 " times, %" PRIu64
		 " instructions; %" PRIu64 " blocks could not",
		 k->blocks, k->runs, k->insns, k->given_up);
	if (log_wants(&j->log, LOG_CHECK))
		j->log.write(j->log.opaque, LOG_CHECK, text);
	free(k->guard);
	free(k);
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
