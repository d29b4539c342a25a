/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One input on our devices and on QEMU's, side by side; see qtest.h. It is carried out here, each
 * access that comes of it is put to a QEMU, and what that answers is compared.
 *
 * Where the two do otherwise, on purpose, their states may part, and any later read may tell. So a
 * difference that a write explains has to be gone when that write is: then the input is compared
 * without it, from the start, with nothing left to excuse. A defect stays visible that way.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/fuzz_input.h"
#include "tools/qtest.h"

/* What a device writes by DMA in one access: so often, so much at a time is compared. */
#define DMA_COUNT 8u
#define DMA_MAX   4096u

/* The entries that an operation is a cause of, as bits. */
struct causes {
	uint64_t entry[QTEST_DIFFERENCES / 64];
};

struct dma {
	uint64_t gpa;
	size_t size;
	uint8_t bytes[DMA_MAX];
};

/* A read, or DMA, that differs. */
struct found {
	bool any, dma;
	unsigned op, access; /* index of the operation; of its accesses, which */
	const char *region;
	uint32_t offset;
	unsigned size;
	uint64_t ours, theirs, bits;
};

struct beside {
	struct harness_watch watch;
	struct qtest_job *job;
	struct qtest *q;
	uint64_t told; /* virtual ns, by QEMU's clock */
	bool failed;   /* e says why */
	struct error e;
	unsigned *place;       /* of each operation that is carried out: where it is in job->ops */
	unsigned begun;        /* operations */
	unsigned access;       /* of this operation */
	struct causes *causes; /* of each of job->ops */
	struct qtest_written written;
	struct dma dma[DMA_COUNT]; /* of the exit */
	unsigned dmas;
	bool reset; /* since the last exit */
	unsigned reads, accepted;
	struct found found;
};

static struct beside *of_watch(struct harness_watch *w)
{
	return (struct beside *)(void *)w;
}

/* Index in job->ops of the operation that is carried out. */
static unsigned current(const struct beside *b)
{
	return b->begun ? b->place[b->begun - 1] : 0;
}

/* ---- one access ---- */

static bool ask(struct beside *b, const char *command, char *answer, size_t size)
{
	if (!b->failed)
		b->failed = qtest_ask(b->q, command, answer, size, &b->e) != 0;
	return !b->failed;
}

static void move_clock(struct beside *b)
{
	uint64_t now = machine_now(harness_machine(b->job->h));
	char command[64], answer[64];

	if (!b->job->clock) {
		/* The instruction that was counted takes no time. */
		machine_state(harness_machine(b->job->h))->time_base--;
		return;
	}
	if (now <= b->told || b->found.any)
		return;
	snprintf(command, sizeof(command), "clock_step %" PRIu64, now - b->told);
	if (ask(b, command, answer, sizeof(answer)))
		b->told = now;
}

static void compare_read(struct beside *b, const struct exit *e, const struct fuzz_region *r,
			 const char *answer)
{
	uint64_t mask = e->size < 8 ? (1ull << e->size * 8) - 1 : UINT64_MAX;
	uint64_t theirs = strtoull(answer, NULL, 16) & mask, ours = e->data & mask;
	const char *name = r ? r->name : "";
	uint32_t offset = r ? (uint32_t)(e->address - region_base(r)) : 0;
	uint64_t bits;

	b->reads++;
	if (ours == theirs)
		return;
	bits = qtest_unexplained(&b->written, name, offset, e->size, ours, theirs);
	if (!bits) {
		b->accepted++;
		return;
	}
	b->found = (struct found){.any = true,
				  .op = current(b),
				  .access = b->access,
				  .region = name,
				  .offset = offset,
				  .size = e->size,
				  .ours = ours,
				  .theirs = theirs,
				  .bits = bits};
}

static bool is_overwritten(const struct beside *b, unsigned n, uint64_t gpa)
{
	for (n++; n < b->dmas; n++)
		if (gpa - b->dma[n].gpa < b->dma[n].size)
			return true;
	return false;
}

static void compare_dma_bytes(struct beside *b, const char *region, unsigned n, const char *answer)
{
	const struct dma *dma = &b->dma[n];

	for (size_t i = 0; i < dma->size && !b->found.any; i++) {
		char digits[5]; /* the answer is "0x", and two of them a byte */
		uint64_t theirs;

		snprintf(digits, sizeof(digits), "0x%.2s",
			 strlen(answer) >= 2 * i + 4 ? answer + 2 * i + 2 : "");
		theirs = strtoull(digits, NULL, 16);
		if (theirs == dma->bytes[i] || is_overwritten(b, n, dma->gpa + i))
			continue;
		if (!qtest_unexplained(&b->written, region, (uint32_t)i, 1, dma->bytes[i],
				       theirs)) {
			b->accepted++;
			continue;
		}
		b->found = (struct found){.any = true,
					  .dma = true,
					  .op = current(b),
					  .access = b->access,
					  .region = region,
					  .offset = (uint32_t)i,
					  .size = 1,
					  .ours = dma->bytes[i],
					  .theirs = theirs,
					  .bits = dma->bytes[i] ^ theirs};
	}
}

/*
 * What a device wrote to memory has to be in QEMU's; above 640 KiB are other things there. In lists
 * of differences the bytes that an access to a region makes a device write are those of
 * "REGION/DMA", and "REGION/last DMA".
 */
static void compare_dma(struct beside *b, const struct fuzz_region *r)
{
	static char answer[2 * DMA_MAX + 10];
	static char region[REGION_NAME + 16];
	char command[80];

	for (unsigned n = 0; n < b->dmas; n++) {
		const struct dma *dma = &b->dma[n];

		snprintf(region, sizeof(region), "%s/%sDMA", r ? r->name : "",
			 n + 1 == b->dmas ? "last " : "");
		if (dma->gpa > 0xa0000 - DMA_MAX)
			continue;
		snprintf(command, sizeof(command), "read 0x%" PRIx64 " 0x%zx", dma->gpa, dma->size);
		if (ask(b, command, answer, sizeof(answer)))
			compare_dma_bytes(b, region, n, answer);
	}
}

static void is_cause(void *opaque, unsigned entry, unsigned op)
{
	struct beside *b = opaque;

	b->causes[op].entry[entry / 64] |= 1ull << entry % 64;
}

/* What is on QEMU's side only, so that both begin alike. */
static void begin_alike(struct beside *b)
{
	const struct region_table *t = harness_regions(b->job->h);
	char command[128], answer[128];

	for (unsigned i = 0; i < qtest_difference_count; i++) {
		const struct qtest_difference *d = &qtest_differences[i];
		const struct fuzz_region *r;
		struct exit e = {
		    .kind = EXIT_PIO,
		    .size = 1,
		    .data = d->written ? d->written->value : 0,
		};

		if (d->when != QTEST_FIRST_READ && d->when != QTEST_FIRST_WRITE)
			continue;
		r = region_by_name(t, d->region, strlen(d->region));
		if (!r)
			continue;
		e.is_write = d->when == QTEST_FIRST_WRITE;
		e.address = region_base(r) + d->first;
		qtest_of_exit(&e, command, sizeof(command));
		ask(b, command, answer, sizeof(answer));
	}
}

/* What the next write finds. Reads of these registers change nothing. */
static void look_at_state(struct beside *b)
{
	const struct region_table *t = harness_regions(b->job->h);

	for (unsigned i = 0; i < qtest_difference_count; i++) {
		const struct qtest_write *s = qtest_differences[i].state;
		const struct fuzz_region *r =
		    s ? region_by_name(t, s->region, strlen(s->region)) : NULL;
		uint8_t now;

		if (!r)
			continue;
		now = harness_port(b->job->h, (uint16_t)(region_base(r) + s->offset));
		b->written.entry[i].state = (now & s->mask) == s->value;
	}
}

/* Puts an access to QEMU as well, and compares. */
static void compare_exit(struct beside *b, const struct exit *e, const struct fuzz_region *r)
{
	char command[128], answer[128];

	if (!qtest_of_exit(e, command, sizeof(command)) || !ask(b, command, answer, sizeof(answer)))
		return;
	if (!e->is_write) {
		compare_read(b, e, r, answer);
		if (r)
			qtest_read_seen(&b->written, r->name,
					(uint32_t)(e->address - region_base(r)));
	}
	if (b->dmas)
		compare_dma(b, r);
}

/*
 * When a difference was found nothing is compared any more, but what may be a cause of others is
 * still collected: what is left out is left out of all the input, which saves runs.
 */
static void exit_done(struct harness_watch *w, const struct exit *e)
{
	struct beside *b = of_watch(w);
	const struct fuzz_region *r = region_at(harness_regions(b->job->h), e->kind, e->address);

	move_clock(b);
	b->access++;
	if (b->reset)
		begin_alike(b);
	b->reset = false;
	if (!b->found.any)
		compare_exit(b, e, r);
	if (e->is_write && r) {
		b->written.op = current(b);
		qtest_write_seen(&b->written, r->name, (uint32_t)(e->address - region_base(r)),
				 e->data, is_cause, b);
	}
	look_at_state(b);
	b->dmas = 0;
}

static void dma_done(struct harness_watch *w, bool is_write, uint64_t gpa, const void *data,
		     size_t size)
{
	struct beside *b = of_watch(w);
	struct dma *dma = &b->dma[b->dmas];

	if (!is_write || size > DMA_MAX || b->dmas == DMA_COUNT)
		return;
	dma->gpa = gpa;
	dma->size = size;
	memcpy(dma->bytes, data, size);
	b->dmas++;
}

static void op_begins(struct harness_watch *w, const struct op *op)
{
	static char command[QTEST_COMMAND];
	struct beside *b = of_watch(w);
	char answer[16];

	b->begun++;
	b->access = 0;
	if (!b->found.any && qtest_of_fill(b->job->h, op, command))
		ask(b, command, answer, sizeof(answer));
}

/* QEMU resets itself, before it answers to the next command. */
static void irq_done(struct harness_watch *w, enum irq_kind kind, uint32_t value)
{
	struct beside *b = of_watch(w);

	if (kind == IRQ_RESET && !b->found.any)
		b->reset = true;
}

/* ---- the whole input ---- */

/* Carries out those operations that are not left out. -1: b->e says why it cannot be. */
static int carry_out(struct beside *b, const bool *left_out)
{
	struct qtest_job *job = b->job;
	struct op *ops = malloc((job->count + 1) * sizeof(*ops));
	uint8_t *data = NULL;
	unsigned count = 0;
	size_t size = 0;

	for (unsigned i = 0; i < job->count && ops; i++) {
		if (left_out[i])
			continue;
		b->place[count] = i;
		ops[count++] = job->ops[i];
	}
	if (ops)
		data = fuzz_ops_encode(ops, count, &size);
	free(ops);
	if (!data)
		return error_set(&b->e, ERROR_HOST, "out of memory");
	b->q = qtest_open(job->qemu, job->clock, &b->e);
	if (!b->q) {
		free(data);
		return -1;
	}
	b->begun = b->access = 0;
	b->told = 0;
	b->reads = b->accepted = 0;
	b->found.any = b->reset = false;
	b->dmas = 0;
	b->written = (struct qtest_written){.still = !job->clock};
	memset(b->causes, 0, (job->count + 1) * sizeof(*b->causes));
	begin_alike(b);
	harness_set_watch(job->h, &b->watch);
	harness_run(job->h, data, size);
	harness_set_watch(job->h, NULL);
	qtest_close(b->q);
	free(data);
	return b->failed ? -1 : 0;
}

/* Leaves out what is a cause by an entry. */
static void leave_out(const struct causes *causes, unsigned count, unsigned entry, bool *left)
{
	for (unsigned i = 0; i < count; i++)
		left[i] |= causes[i].entry[entry / 64] >> entry % 64 & 1;
}

static void print_found(const struct qtest_job *job, const struct found *f)
{
	if (f->dma)
		printf("%s: operation %u: byte %" PRIu32 " of %s: 0x%02" PRIx64
		       " here, QEMU's 0x%02" PRIx64 "\n",
		       job->path, f->op + 1, f->offset, f->region, f->ours, f->theirs);
	else
		printf("%s: operation %u: read %s+%" PRIu32 " size %u: 0x%0*" PRIx64
		       " here, QEMU's 0x%0*" PRIx64 "\n",
		       job->path, f->op + 1, f->region, f->offset, f->size, 2 * (int)f->size,
		       f->ours, 2 * (int)f->size, f->theirs);
}

/* Is what was found in one run found in another? */
static bool is_found(const struct found *f, const struct found *in)
{
	return in->any && in->op == f->op && in->access == f->access;
}

/* An entry that may be behind what was found, and the last operation before that it is about. */
struct suspect {
	unsigned entry, op;
	uint64_t mask; /* the bits that it explains */
};

static int compare_suspects(const void *a, const void *b)
{
	const struct suspect *x = a, *y = b;

	return x->op != y->op ? (x->op < y->op ? 1 : -1) : (int)x->entry - (int)y->entry;
}

/* Those who were there last come first. Returns how many. */
static unsigned find_suspects(const struct beside *b, const struct causes *causes,
			      struct suspect suspects[QTEST_DIFFERENCES])
{
	const struct found *f = &b->found;
	unsigned n = 0;

	for (unsigned i = 0; i < qtest_difference_count; i++) {
		struct suspect s = {.entry = i};
		unsigned op = f->op + 1;

		s.mask = qtest_may_cause(i, f->region, f->offset, f->size, f->ours);
		while (s.mask & f->bits && op && !(causes[op - 1].entry[i / 64] >> i % 64 & 1))
			op--;
		s.op = op;
		if (s.mask & f->bits && op)
			suspects[n++] = s;
	}
	qsort(suspects, n, sizeof(*suspects), compare_suspects);
	return n;
}

static void print_accepted(const struct qtest_job *job, const struct found *f,
			   const struct suspect *s)
{
	if (!job->show_accepted)
		return;
	print_found(job, f);
	printf("    accepted: %s: %s\n", qtest_differences[s->entry].device,
	       qtest_differences[s->entry].reason);
}

/*
 * Tries to do without the writes that entries are about which may be behind what b->found has: of
 * one entry after the other, or, `together`, of more and more. 1: then it is not found, and what b
 * has is of the input without them; 0: it always is; -1: b->e says why not.
 */
static int try_without(struct beside *b, bool *left, bool together)
{
	const struct qtest_job *job = b->job;
	const struct found f = b->found;
	const size_t places = job->count + 1u;
	struct causes *causes = malloc(places * sizeof(*causes));
	bool *before = malloc(places * sizeof(*before));
	struct suspect suspects[QTEST_DIFFERENCES];
	uint64_t covered = 0; /* bits, by the entries that are tried */
	unsigned count;
	int result = 0;

	if (!causes || !before) {
		free(causes);
		free(before);
		return error_set(&b->e, ERROR_HOST, "out of memory");
	}
	memcpy(causes, b->causes, places * sizeof(*causes));
	memcpy(before, left, places * sizeof(*before));
	count = find_suspects(b, causes, suspects);
	for (unsigned n = 0; n < count && !result; n++) {
		leave_out(causes, job->count, suspects[n].entry, left);
		covered = (together ? covered : 0) | suspects[n].mask;
		/* Each run takes a QEMU: 1, 2, 4 ... together, and all. */
		if (f.bits & ~covered || (together && n & (n + 1) && n + 1 < count))
			continue;
		if (carry_out(b, left))
			result = -1;
		else if (!is_found(&f, &b->found))
			result = 1;
		if (result == 1)
			print_accepted(job, &f, &suspects[n]);
		if (!result && !together)
			memcpy(left, before, places * sizeof(*before));
	}
	if (!result) {
		memcpy(left, before, places * sizeof(*before));
		memcpy(b->causes, causes, places * sizeof(*causes));
		b->found = f;
	}
	free(causes);
	free(before);
	return result;
}

/* Looks for what explains b->found, and does without it from then on. As try_without(). */
static int explain(struct beside *b, bool *left)
{
	int result = try_without(b, left, false);

	return result ? result : try_without(b, left, true);
}

int qtest_beside(struct qtest_job *job, struct error *e)
{
	struct beside *b = calloc(1, sizeof(*b));
	bool *left = calloc(2 * (job->count + 1), sizeof(*left));
	bool *taken = left ? left + job->count + 1 : NULL; /* what there is to compare */
	unsigned explained = 0;
	int result;

	if (b) {
		b->watch = (struct harness_watch){
		    .op = op_begins, .exit = exit_done, .irq = irq_done, .dma = dma_done};
		b->job = job;
		b->place = calloc(job->count + 1, sizeof(*b->place));
		b->causes = calloc(job->count + 1, sizeof(*b->causes));
	}
	if (!b || !left || !b->place || !b->causes) {
		result = error_set(e, ERROR_HOST, "out of memory");
	} else {
		for (unsigned i = 0; i < job->count; i++)
			left[i] = !(taken[i] = qtest_takes(job->h, &job->ops[i], job->clock));
		result = carry_out(b, left);
		while (!result && b->found.any) {
			result = explain(b, left);
			if (result <= 0)
				break;
			explained++;
			result = 0;
		}
		job->reads = b->reads;
		job->accepted = b->accepted + explained;
		for (unsigned i = 0; i < job->count; i++)
			job->left_out += left[i] && taken[i];
		job->differs = !result && b->found.any;
		if (job->differs)
			print_found(job, &b->found);
		if (result)
			*e = b->e;
	}
	if (b) {
		free(b->place);
		free(b->causes);
	}
	free(b);
	free(left);
	return result;
}
