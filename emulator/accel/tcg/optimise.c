/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which status flags are worth keeping. Nearly every arithmetic instruction sets them and nearly
 * none of them are looked at. Going through a block from its end, three things are known of each
 * flag: whether something further on needs it in the frame (a place where the guest's state can be
 * seen: an access that may be handed to the interpreter, the end of the block), whether a condition
 * further on can still find it in the host's own flags, or neither; then it is not kept at all.
 * Where the block ends the host mostly has them still: then they are stored behind the jump, on the
 * way to a block that may need them.
 */
#include "emulator/accel/tcg/ir.h"

#include "emulator/accel/tcg/sse.h"
#include "emulator/accel/tcg/x87.h"
#include "emulator/cpu/ops.h"

uint8_t ir_condition_flags(unsigned condition)
{
	static const uint8_t flags[8] = {
	    IR_OF, IR_CF, IR_ZF, IR_CF | IR_ZF, IR_SF, IR_PF, IR_SF | IR_OF, IR_ZF | IR_SF | IR_OF,
	};

	return flags[condition >> 1 & 7];
}

/*
 * Rotates leave all but CF and OF. Where OF has to be worked out afterwards, or a count may be 0,
 * the host's flags are of no more use.
 */
static struct ir_flags flags_of_shift(const struct ir_op *o)
{
	struct ir_flags f = {.sets = IR_ALL, .clobbers = true};
	bool rotates = o->op != IR_SHD && o->kind < 2;
	bool right = o->op == IR_SHD ? o->kind : o->kind == 5;

	if (rotates)
		f.sets = IR_CF | IR_OF;
	if (o->op == IR_SHCL)
		f.maybe = true;
	else if (!rotates && !(right && (o->op == IR_SHD || o->imm == 1)))
		f.host = IR_CF | IR_ZF | IR_SF | IR_PF;
	return f;
}

static struct ir_flags flags_of_alu(const struct ir_op *o)
{
	struct ir_flags f = {.sets = IR_ALL, .host = IR_ALL, .clobbers = true};

	if (o->kind == ALU_ADC || o->kind == ALU_SBB)
		f.reads = IR_CF;
	/* AF after logic is undefined for the host, and 0 for us. */
	if (o->kind == ALU_AND || o->kind == ALU_OR || o->kind == ALU_XOR || o->kind == ALU_TEST)
		f.host &= (uint8_t)~IR_AF;
	return f;
}

struct ir_flags ir_flags(const struct ir_op *o)
{
	struct ir_flags f = {0};

	switch (o->op) {
	case IR_ALU:
		return flags_of_alu(o);
	case IR_SHIFT:
	case IR_SHCL:
	case IR_SHD:
		return flags_of_shift(o);
	case IR_NEG:
	case IR_XADD:
	case IR_CMPXCHG:
		return (struct ir_flags){.sets = IR_ALL, .host = IR_ALL, .clobbers = true};
	case IR_INC:
	case IR_DEC:
		f.sets = f.host = IR_ALL & ~IR_CF;
		f.clobbers = true;
		return f;
	case IR_IMUL:
	case IR_IMUL3:
	case IR_MUL:
		return (struct ir_flags){.sets = IR_CF | IR_OF, .clobbers = true};
	case IR_DIV:
		return (struct ir_flags){
		    .sets = IR_AF | IR_SF | IR_ZF | IR_PF, .clobbers = true, .observes = true};
	case IR_BIT:
		return (struct ir_flags){.sets = IR_CF, .host = IR_CF, .clobbers = true};
	case IR_SCAN:
		return (struct ir_flags){.sets = IR_ALL, .clobbers = true};
	case IR_POPCNT:
		return (struct ir_flags){.sets = IR_ALL, .host = IR_ALL, .clobbers = true};
	case IR_CARRY:
		f.sets = IR_CF;
		f.reads_frame = o->kind == 2 ? IR_CF : 0;
		f.clobbers = o->kind == 2;
		return f;
	case IR_SETCC:
	case IR_CMOV:
		f.reads = ir_condition_flags(o->condition);
		return f;
	case IR_EXIT:
	case IR_JCC:
		f.reads = ir_condition_flags(o->condition);
		f.observes = f.leaves = true;
		return f;
	case IR_GOTO:
		f.observes = f.leaves = true;
		return f;
	case IR_PUTHIGH:
		f.clobbers = true;
		return f;
	case IR_ADDR:
		/* A segment base is added, and outside 64-bit mode its limit looked at. */
		f.clobbers = f.observes = o->seg != SEG_FLAT;
		return f;
	case IR_SSE:
		if (o->form & SSE_FLAGS)
			return (struct ir_flags){.sets = IR_ALL, .host = IR_ALL, .clobbers = true};
		return f;
	case IR_X87:
		if (o->form & X87_FLAGS)
			return (struct ir_flags){.sets = IR_ALL, .host = IR_ALL, .clobbers = true};
		if (o->form & X87_CMOV)
			f.reads = ir_condition_flags(o->condition);
		f.clobbers = o->form & (X87_CMOV | X87_LOAD_CW);
		f.observes = o->form & X87_LOAD_CW;
		return f;
	case IR_PROBE:
	case IR_ALIGNED:
	case IR_FORWARD:
	case IR_LOOKUP:
	case IR_CALL:
	case IR_PORT:
	case IR_JCXZ:
	case IR_JUMP:
		f.clobbers = f.observes = true;
		return f;
	default:
		return f;
	}
}

/* SHLD makes flags as SHL does, but nothing looks at them: as all that is rare, it is left out. */
uint8_t ir_flags_late(const struct ir_op *o)
{
	struct ir_flags f = ir_flags(o);

	return f.host && !f.maybe && o->op != IR_SHD ? f.sets : 0;
}

/* Going backwards: what is wanted of the flags from here on. */
struct wanted {
	uint8_t frame; /* there */
	uint8_t host;  /* in the host, by the readers below */
	uint8_t late;  /* in the host, by the ways out below, which can put them into the frame */
	struct ir_op *reader[8], *way_out[8];
	unsigned readers, ways_out;
	bool no_late; /* not by the next way out */
};

/* The ways out cannot store flags after all: they are to be there already. */
static void late_to_frame(struct wanted *w)
{
	w->frame |= w->late;
	w->late = 0;
	w->ways_out = 0;
}

/* The readers cannot have the host's flags after all: they look into the frame. */
static void readers_to_frame(struct wanted *w)
{
	for (unsigned n = 0; n < w->readers; n++)
		w->reader[n]->fused = false;
	w->frame |= w->host;
	w->host = 0;
	w->readers = 0;
	/* A look there is the end of the host's flags. */
	late_to_frame(w);
}

/* What an operation, number `index`, means to flags that the ways out behind it are to store. */
static void optimise_late(struct wanted *w, const struct ir_op *o, unsigned index)
{
	struct ir_flags f = ir_flags(o);
	uint8_t sets = ir_flags_late(o);

	if (!f.clobbers && !(f.sets & w->late))
		return;
	/* They need not if the flags are stored here anyway. */
	for (unsigned n = 0; sets && !(sets & w->frame) && n < w->ways_out; n++)
		w->way_out[n]->late = (uint16_t)(index + 1);
	w->late &= (uint8_t)~sets;
	late_to_frame(w);
}

/*
 * Here the block can be left. What is wanted in the frame further on is better stored behind the
 * jump, too: perhaps it is taken often.
 */
static void optimise_way_out(struct wanted *w, struct ir_op *o)
{
	if (w->no_late || w->ways_out == sizeof(w->way_out) / sizeof(w->way_out[0])) {
		w->frame = IR_ALL;
		return;
	}
	o->sinks = w->frame;
	w->frame = 0;
	w->late = IR_ALL;
	w->way_out[w->ways_out++] = o;
}

static void optimise_op(struct wanted *w, struct ir_op *o, unsigned index)
{
	struct ir_flags f = ir_flags(o);

	if (o->op == IR_INSN) {
		o->needs_host = w->host || w->late;
		return;
	}
	if (f.clobbers && (w->host & ~f.host))
		readers_to_frame(w);
	if (f.clobbers) {
		/* What the readers want is made right here. */
		w->host = 0;
		w->readers = 0;
	} else if (w->host & f.sets) {
		readers_to_frame(w);
	}
	if (w->late)
		optimise_late(w, o, index);
	if (f.sets & w->frame) {
		o->stores = true;
		if (!f.maybe)
			w->frame &= (uint8_t)~f.sets;
	}
	if (f.leaves)
		optimise_way_out(w, o);
	else if (f.observes)
		w->frame = IR_ALL;
	w->frame |= f.reads_frame;
	if (f.reads && w->readers < sizeof(w->reader) / sizeof(w->reader[0])) {
		o->fused = true;
		w->host |= f.reads;
		w->reader[w->readers++] = o;
	} else if (f.reads) {
		/* Its own look into the frame may cost the others the host's flags. */
		readers_to_frame(w);
		w->frame |= f.reads;
	}
}

/* After how many instructions nothing is left of the flags that there were; 0: too many. */
static unsigned find_kill(const struct ir_block *b)
{
	uint8_t set = 0;

	for (unsigned n = 0; n < b->ops && b->op[n].insn < IR_KILLS_MAX; n++) {
		struct ir_flags f = ir_flags(&b->op[n]);

		set |= f.maybe ? 0 : f.sets;
		if (set == IR_ALL)
			return b->op[n].insn + 1u;
	}
	return 0;
}

static void optimise(struct ir_block *b, bool late_at_end)
{
	struct wanted w = {.frame = 0, .no_late = !late_at_end};

	for (unsigned n = b->ops; n-- > 0;) {
		b->op[n].stores = b->op[n].fused = b->op[n].sinks = false;
		b->op[n].late = 0;
		optimise_op(&w, &b->op[n], n);
		w.no_late = false;
	}
	readers_to_frame(&w);
	b->kills = w.frame ? 0 : find_kill(b);
}

void ir_optimise(struct ir_block *b)
{
	const struct ir_op *end = b->ops ? &b->op[b->ops - 1] : NULL;

	optimise(b, true);
	/* A loop that needs flags at its beginning would go by where they are stored each time. */
	if (!b->kills && end && end->late && end->op == IR_JCC && end->imm == b->rip)
		optimise(b, false);
}
