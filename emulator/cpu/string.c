/* SPDX-License-Identifier: Apache-2.0 */
/*
 * String instructions and REP (Intel SDM vol. 1 ch. 7.3.9, vol. 2 "REP"). A repeated instruction
 * can be interrupted between iterations: registers then say what is left to do, RIP points at the
 * instruction again, and it goes on from there. Each iteration counts as one instruction; the
 * run loop has counted the first of those that are done here.
 *
 * Runs of iterations that stay in one page of plain RAM are done at once. What that gives is what
 * single iterations would have given, and where a run ends (at a page, at v->limit) must not show:
 * every condition below is there for that.
 */
#include "emulator/cpu/block.h"
#include "emulator/cpu/ops.h"

/* Fewer iterations are not worth setting a run up. */
#define RUN_MIN 8

static inline uint64_t string_mask(const struct insn *i)
{
	return size_mask(i->address * 8u);
}

static inline uint64_t string_index(const struct vcpu *v, const struct insn *i, unsigned r)
{
	return v->c->reg[r] & string_mask(i);
}

static inline void string_index_set(struct vcpu *v, const struct insn *i, unsigned r,
				    uint64_t value)
{
	reg_set(v, i, r, i->address * 8u, value);
}

/* The destination is ES:rDI, whatever the prefixes say. */
static inline unsigned string_seg(const struct vcpu *v)
{
	return v->c->code_bits == 64 ? SEG_FLAT : SEG_ES;
}

static inline bool string_has_source(unsigned op)
{
	return op == STRING_MOVS || op == STRING_CMPS || op == STRING_LODS;
}

static inline bool string_has_destination(unsigned op)
{
	return op != STRING_LODS;
}

ALWAYS_INLINE void string_compare(struct cpu *c, unsigned bits, uint64_t a, uint64_t b)
{
	uint64_t r = a - b;

	flags_set_arith(c, bits, r, (~a & b) | ((~a | b) & r));
}

/* Registers move behind (or, with DF, before) `n` elements. */
ALWAYS_INLINE void string_advance(struct vcpu *v, const struct insn *i, unsigned op, unsigned bits,
				  uint64_t n)
{
	uint64_t delta = n * (bits / 8);

	if (v->c->rflags & FLAG_DF)
		delta = -delta;
	if (string_has_source(op))
		string_index_set(v, i, GPR_RSI, v->c->reg[GPR_RSI] + delta);
	if (string_has_destination(op))
		string_index_set(v, i, GPR_RDI, v->c->reg[GPR_RDI] + delta);
}

/* One iteration, of any kind. */
ALWAYS_INLINE void string_step(struct vcpu *v, const struct insn *i, unsigned op, unsigned bits)
{
	uint64_t si = string_index(v, i, GPR_RSI), di = string_index(v, i, GPR_RDI), a;

	switch (op) {
	case STRING_MOVS:
		mem_set_at(v, string_seg(v), di, bits, mem_get_at(v, i->seg, si, bits));
		break;
	case STRING_STOS:
		mem_set_at(v, string_seg(v), di, bits, v->c->reg[GPR_RAX]);
		break;
	case STRING_LODS:
		reg_set(v, i, GPR_RAX, bits, mem_get_at(v, i->seg, si, bits));
		break;
	case STRING_CMPS:
		a = mem_get_at(v, i->seg, si, bits);
		string_compare(v->c, bits, a, mem_get_at(v, string_seg(v), di, bits));
		break;
	case STRING_SCAS:
		a = v->c->reg[GPR_RAX] & size_mask(bits);
		string_compare(v->c, bits, a, mem_get_at(v, string_seg(v), di, bits));
		break;
	}
	string_advance(v, i, op, bits, 1);
}

/* ---- runs: elements at host addresses ---- */

ALWAYS_INLINE uint64_t element_load(const uint8_t *p, unsigned bits)
{
	uint64_t value = 0;

	memcpy(&value, p, bits / 8);
	return value;
}

static void run_move(uint8_t *to, const uint8_t *from, uint64_t n, unsigned size)
{
	uint64_t k, value;

	if (to <= from || to >= from + n * size) {
		memmove(to, from, n * size);
		return;
	}
	/* The destination runs into the source: what was stored is loaded again further on. */
	for (k = 0; k < n; k++, to += size, from += size) {
		memcpy(&value, from, size);
		memcpy(to, &value, size);
	}
}

static void run_fill(uint8_t *to, uint64_t value, uint64_t n, unsigned size)
{
	uint64_t k, mask = size_mask(size * 8);

	if ((value & mask) == ((value & 0xff) * 0x0101010101010101 & mask)) {
		memset(to, (int)(value & 0xff), n * size);
		return;
	}
	for (k = 0; k < n; k++, to += size)
		memcpy(to, &value, size);
}

/* Compares until the condition of the REP ends it; returns how many elements were compared. */
ALWAYS_INLINE uint64_t run_compare(struct vcpu *v, const struct insn *i, unsigned bits,
				   const uint8_t *a, const uint8_t *b, uint64_t n)
{
	uint64_t acc = v->c->reg[GPR_RAX] & size_mask(bits), x = 0, y = 0, k = 0;

	while (k < n) {
		x = a ? element_load(a + k * (bits / 8), bits) : acc;
		y = element_load(b + k * (bits / 8), bits);
		k++;
		if ((x == y) != (i->rep == REP_E))
			break;
	}
	string_compare(v->c, bits, x, y);
	return k;
}

/* How many of `n` elements from `index` on lie in its page and segment, before the index wraps. */
ALWAYS_INLINE uint64_t run_clip(struct vcpu *v, const struct insn *i, unsigned seg, uint64_t index,
				bool writes, unsigned bits, uint64_t n)
{
	const struct segment *s = &v->c->seg[seg];
	uint64_t span = writes ? s->write_span : s->read_span;
	uint64_t room = PAGE_SIZE_4K - (mem_linear(v, s, index) & ~PAGE_MASK);

	if (span > string_mask(i))
		span = string_mask(i);
	if (index >= span)
		return 0;
	if (room > span - index)
		room = span - index;
	return n < room / (bits / 8) ? n : room / (bits / 8);
}

/*
 * Source and destination, when their pages share a slot of the TLB: each iteration then translates
 * the one and, evicting it, the other. Done here in the same order, that is done for all of them,
 * unless what they store changes how the next one translates.
 */
struct sharing {
	bool shared;
	uint64_t from, to; /* linear addresses */
};

ALWAYS_INLINE struct sharing sharing_find(struct vcpu *v, unsigned op, unsigned from_seg,
					  uint64_t from, unsigned to_seg, uint64_t to)
{
	struct sharing s = {false, mem_linear(v, &v->c->seg[from_seg], from),
			    mem_linear(v, &v->c->seg[to_seg], to)};

	s.shared = string_has_source(op) && string_has_destination(op) &&
		   tlb_slot(v, s.from) == tlb_slot(v, s.to) && ((s.from ^ s.to) & PAGE_MASK);
	return s;
}

static bool sharing_stores_table(struct vcpu *v, const struct sharing *s, uint64_t ram_offset)
{
	return s->shared &&
	       (mem_walk_reads(v, s->from, ram_offset) || mem_walk_reads(v, s->to, ram_offset));
}

/*
 * Up to `n` iterations at once; returns how many, 0 when the next one must be done alone. The
 * destination's page is not touched (its dirty log, its guard) unless it will be stored to.
 */
ALWAYS_INLINE uint64_t string_run(struct vcpu *v, const struct insn *i, unsigned op, unsigned bits,
				  uint64_t n)
{
	uint64_t si = string_index(v, i, GPR_RSI), di = string_index(v, i, GPR_RDI), length;
	const unsigned size = bits / 8, seg = string_seg(v);
	bool writes = op == STRING_MOVS || op == STRING_STOS;
	struct sharing sharing;
	uint8_t *from = NULL, *to = NULL;

	if (v->c->rflags & FLAG_DF)
		return 0;
	if (string_has_source(op))
		n = run_clip(v, i, i->seg, si, false, bits, n);
	if (string_has_destination(op))
		n = run_clip(v, i, seg, di, writes, bits, n);
	if (n < RUN_MIN)
		return 0;

	sharing = sharing_find(v, op, i->seg, si, seg, di);
	if (string_has_source(op)) {
		if (sharing.shared)
			mem_probe_read(v, i->seg, si, size);
		length = n * size;
		from = mem_host_range(v, i->seg, si, false, &length);
		if (!from)
			return 0;
		n = length / size;
	}
	if (n > 0 && string_has_destination(op)) {
		if (sharing.shared && writes)
			mem_probe_write(v, seg, di, size);
		else if (sharing.shared)
			mem_probe_read(v, seg, di, size);
		length = n * size;
		to = mem_host_range(v, seg, di, writes, &length);
		/* About to overwrite this very instruction: then each iteration fetches it. */
		if (!to || block_stale(v))
			return 0;
		n = length / size;
		if (writes && sharing_stores_table(v, &sharing, (uint64_t)(to - v->ram)))
			return 0;
	}
	if (n == 0)
		return 0;

	switch (op) {
	case STRING_MOVS:
		run_move(to, from, n, size);
		break;
	case STRING_STOS:
		run_fill(to, v->c->reg[GPR_RAX], n, size);
		break;
	case STRING_LODS:
		reg_set(v, i, GPR_RAX, bits, element_load(from + (n - 1) * size, bits));
		break;
	default:
		n = run_compare(v, i, bits, from, to, n);
		break;
	}
	string_advance(v, i, op, bits, n);
	return n;
}

/* CMPS and SCAS also end when ZF is not as REPE or REPNE wants it. */
ALWAYS_INLINE bool string_ended(const struct vcpu *v, const struct insn *i, unsigned op)
{
	return (op == STRING_CMPS || op == STRING_SCAS) && flag_zf(v->c) != (i->rep == REP_E);
}

ALWAYS_INLINE void string_repeat(struct vcpu *v, const struct insn *i, unsigned op, unsigned bits)
{
	struct cpu *c = v->c;
	uint64_t count = string_index(v, i, GPR_RCX), n, allowed;

	while (count != 0) {
		/* The iteration that begins now has been counted already. */
		allowed = c->insns < v->limit ? v->limit - c->insns + 1 : 1;
		n = allowed < count ? allowed : count;
		n = n < RUN_MIN || block_stale(v) ? 0 : string_run(v, i, op, bits, n);
		if (n == 0) {
			string_step(v, i, op, bits);
			n = 1;
		}
		c->insns += n - 1;
		count -= n;
		string_index_set(v, i, GPR_RCX, count);
		if (count == 0 || string_ended(v, i, op))
			break;
		if (c->insns >= v->limit || block_stale(v)) {
			c->reg[GPR_RIP] = insn_rip(v) & c->linear_mask;
			break;
		}
		c->insns++;
	}
}

ALWAYS_INLINE void string_execute(struct vcpu *v, const struct insn *i, unsigned op, unsigned bits)
{
	if (i->rep == REP_NONE)
		string_step(v, i, op, bits);
	else
		string_repeat(v, i, op, bits);
}

#define STRING_HANDLER(op, bits)                                                                   \
	static void string_##op##_##bits(struct vcpu *v, const struct insn *i)                     \
	{                                                                                          \
		string_execute(v, i, STRING_##op, bits);                                           \
	}
#define STRING_HANDLERS(op)                                                                        \
	STRING_HANDLER(op, 8)                                                                      \
	STRING_HANDLER(op, 16)                                                                     \
	STRING_HANDLER(op, 32)                                                                     \
	STRING_HANDLER(op, 64)
STRING_HANDLERS(MOVS)
STRING_HANDLERS(CMPS)
STRING_HANDLERS(STOS)
STRING_HANDLERS(LODS)
STRING_HANDLERS(SCAS)

#define STRING_ROW(op)                                                                             \
	[STRING_##op] = {string_##op##_8, string_##op##_16, string_##op##_32, string_##op##_64}
insn_handler *const string_rows[STRING_COUNT][ROW] = {
    STRING_ROW(MOVS), STRING_ROW(CMPS), STRING_ROW(STOS), STRING_ROW(LODS), STRING_ROW(SCAS),
};
