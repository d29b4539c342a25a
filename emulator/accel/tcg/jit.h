/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The translator's run time: what translated code and C share, and how blocks are found, linked
 * and forgotten.
 *
 * Host registers in translated code:
 *
 *     rcx rdx rbx rsi rdi r8 r9   the guest's registers of that name
 *     r10 r11 r12                 the guest's RAX, RSP, RBP
 *     r13                         how many instructions may still begin before the limit
 *     rbp                         struct jit_frame, 128 bytes into it
 *     rax r14 r15                 free; r14 is the address, r15 IR_TEMP
 *
 * The guest's R10 to R15 are in the frame, as are its status flags. So at every boundary of guest
 * instructions its state is in known places, blocks follow each other without moving anything, and
 * C is entered from anywhere by storing sixteen registers.
 */
#ifndef VCR_TCG_JIT_H
#define VCR_TCG_JIT_H

#include "emulator/accel/tcg/assembler.h"
#include "emulator/accel/tcg/ir.h"
#include "emulator/cpu/block.h"
#include "emulator/cpu/mem.h"
#include "emulator/log.h"
#include "emulator/host/os.h"

#define JUMP_BITS 12
#define JUMPS     (1u << JUMP_BITS)
#define NO_RIP    (1ull << 63) /* not canonical: never a RIP */

/* What LOOKUP looks in: by RIP, and valid only while the code TLB says what it said. */
struct jit_jump {
	uint64_t rip;
	const struct tlb_code_entry *tlb;
	uint64_t gpa_mode; /* guest-physical page, and mode in the low bits */
	const uint8_t *code;
};

/*
 * Status flags as the host gives them. CF is apart, because so many instructions leave it alone or
 * change nothing else. `of` says where OF and AF are, for those that the host leaves undefined.
 */
#define STORED_OF      0x01 /* OF is set */
#define STORED_OF_CALC 0x20 /* OF is CF ^ SF, both as in `status` */
#define STORED_AF_SET  0x40 /* AF is set, whatever `status` has */
#define STORED_AF_0    0x80 /* AF is clear, whatever `status` has */

struct jit_frame {
	uint64_t reg[16];               /* of those that have no host register */
	uint8_t of, status, cf, unused; /* `status`: as LAHF gives it */
	int64_t left;                   /* r13 while in C */
	uint64_t saved;                 /* IR_SAVED */
	union xmm *xmm;                 /* in struct cpu, which is reached from there */
	uint8_t float_loaded;           /* MXCSR is the guest's, not that of C */
	bool flags_here;                /* while in C: the flags are, and those of struct cpu old */
	uint8_t x87_loaded;             /* where the guest's x87 state is: X87_IN_* */
	uint16_t host_x87_control;      /* that of C */
	uint32_t host_mxcsr;            /* likewise */
	uint32_t x87_last;              /* what became the last x87 instruction: X87_NOTE() */
	uint32_t x87_last_memory;       /* the last one with a memory operand */
	uint64_t x87_address;           /* of that */
	uint32_t x87_word;              /* for FLDCW */
	const uint8_t *target;          /* from LOOKUP to JUMP */
	uint64_t base[2];               /* of FS and GS */
	uint64_t span[2][2];            /* of FS and GS, for reading and for writing */
	uint64_t limit;                 /* where `left` is 0 */
	struct jit *jit;
	uint8_t x87[108]; /* for FNSAVE and FRSTOR */
	struct tlb_shadow shadow;
	struct jit_jump jump[JUMPS];
};

#define FRAME_BIAS 128
#define JIT_EDGES  64 /* of one block, at most */

enum { X87_IN_CPU, X87_IN_HOST, X87_IN_FRAME };

/* An instruction, until it is needed where it was and with what opcode. */
#define X87_NOTE(block, insn) ((uint32_t)(block) << 6 | (insn))
#define X87_NOTE_BLOCK(note)  ((note) >> 6)
#define X87_NOTE_INSN(note)   ((note)&63)
#define X87_NO_NOTE           UINT32_MAX

/* A jump out of a block, to a known RIP. */
struct jit_edge {
	uint64_t rip;
	struct jit_block *from, *to;   /* `to`: linked */
	struct jit_edge *next, **link; /* among those that lead to the same block */
	uint8_t *jump;                 /* displacement of the jump */
	uint8_t *stub;                 /* where it leads while it is not linked */
	uint8_t *late, *late_jump;     /* where flags are stored on the way, and the jump behind */
	uint8_t *charge; /* where `unused` and what the target takes are made up for */
	uint8_t unused;  /* instructions of the block that it leaves out */
	uint8_t *gpa;    /* into another page: where the target's page is written */
};

struct jit_block {
	struct jit_block *next; /* of the same decoded block */
	struct block *block;
	uint64_t rip, gpa; /* of the first byte */
	uint32_t index;    /* in jit.block[] */
	uint8_t insns, mode;
	bool kills; /* all flags, before anything looks at them: they need not be stored for it */
	bool dead;
	uint8_t samples; /* how often it was what ran when a sample was taken */
	uint8_t body;    /* so far behind the entry is the code past the look at the limit */
	uint16_t limit;  /* and the way out when it does not fit */
	uint8_t checks;  /* check=on: how often the interpreter is to do the same */
	uint8_t checks_done, check_tries;
	const uint8_t *entry; /* to be executed */
	uint32_t size;        /* of its code */
	struct jit_edge *incoming;
	struct jit_block *neighbour, **neighbour_link; /* in jit.page[] */
	unsigned edges;
	struct jit_edge edge[];
};

/* What code is specialised for, besides its address. */
#define MODE_MMU    0x03 /* MMU_*: which TLB */
#define MODE_USER   0x04 /* CPL 3: which code TLB */
#define MODE_CODE64 0x08
#define MODE_SSE    0x10 /* SSE is enabled */
#define MODE_FLOAT  0x20 /* and all its exceptions are masked */
#define MODE_X87    0x40 /* x87 is enabled, all its exceptions are masked, none is pending */

#define JIT_BLOCKS (1u << 17)
#define JIT_PAGES  (1u << 12)

struct jit {
	struct vcpu *v;
	struct jit_frame *frame;
	struct os_code code;
	uint8_t *code_start, *code_at; /* behind the thunks; what is free */
	uint32_t (*enter)(struct jit_frame *f, const uint8_t *code);
	/* Thunks, as they are written. */
	const uint8_t *exit, *interpret, *port, *flags, *float_begin, *x87_begin;
	const struct tlb *tlb; /* that code was made for */
	unsigned threshold;    /* how often a block is interpreted before it is translated */
	struct jit_edge *last; /* left by this one: to be linked to what comes next */
	struct jit_block *dead;
	struct log log;
	struct check *check; /* of check=on, or NULL */
	void (*check_failed)(struct jit *j, const char *what);
	struct ir_block ir;
	bool stopping;   /* where the next instruction is at `stop`: no block is run beyond */
	bool stop_clear; /* none was translated that does, since that was looked for */
	uint64_t stop;
	uint32_t blocks;
	struct jit_block *block[JIT_BLOCKS];
	struct jit_block *page[JIT_PAGES]; /* by the page of their RIP; several pages share one */
};

/* What jit.enter() returns: how the code was left, and in the bits above that where. */
enum {
	JIT_LEFT,  /* jit_interpret() did: struct cpu is right */
	JIT_EDGE,  /* by that edge of the block */
	JIT_LIMIT, /* at the beginning of a block that does not fit before the limit */
};
#define JIT_EXIT(how, block, edge)                                                                 \
	((uint32_t)(how) | (uint32_t)(edge) << 2 | (uint32_t)(block) << 8)
#define JIT_EXIT_HOW(exit)   ((exit)&3)
#define JIT_EXIT_EDGE(exit)  ((exit) >> 2 & (JIT_EDGES - 1))
#define JIT_EXIT_BLOCK(exit) ((exit) >> 8)

/* Makes a translator for a vCPU, v->translator; NULL, or the reason why not. */
const char *jit_open(struct vcpu *v, unsigned threshold);
void jit_close(struct jit *j);
void jit_run(struct vcpu *v);
void jit_run_to(struct vcpu *v, uint64_t rip); /* as interp_run_to() */

/* ---- between the files of the run time ---- */

/* What code is specialised for now; false when it is not translated at all (jit.c). */
bool jit_mode_now(const struct cpu *c, unsigned *mode);
/* FS and GS, of which the frame has a copy. */
void jit_segments_load(struct jit_frame *f, const struct cpu *c);

/* The thunks: how translated code is entered and left (thunks.c). */
void jit_make_thunks(struct jit *j, struct assembler *a);
/* Runs a block by its code, and all that is linked to it. */
void jit_block_run(struct jit *j, struct jit_block *t);
/* Interprets a block that begins at RIP. May raise a guest fault. */
void jit_interpret_block(struct vcpu *v, struct block *b);
/*
 * Runs a block by both engines; NULL, or what came out differently. May raise a guest fault
 * (check.c).
 */
const char *jit_check(struct jit *j, struct jit_block *t);
/* NULL, or the reason why not; `always`: not only the first times. */
const char *jit_check_open(struct jit *j, bool always);
uint8_t jit_check_times(const struct jit *j); /* what a new block begins with */
void jit_check_close(struct jit *j);
/* Both values of what differed last. */
void jit_check_describe(const struct jit *j, const char *what, char *text, size_t size);
/* For -d and perf: what was just translated, from j->ir; a block that is entered (dump.c). */
void jit_dump_block(const struct jit *j, const struct jit_block *t);
void jit_dump_entry(const struct jit *j, const struct jit_block *t);
/* The edge leads out of the code, to the run loop. */
void jit_edge_reset(const struct jit_edge *e);
/* Host code for j->ir (emit.c). False when there is no room. */
bool jit_emit(struct jit *j, struct jit_block *t);
/*
 * Called by translated code: the interpreter carries out one instruction; `linear` is an address
 * that it accesses, if the site says so. Returns 0 to go on with the next one; else the code is
 * left.
 */
uint32_t jit_interpret(struct jit_frame *f, uint64_t site, uint64_t linear);

/* Also called by it: the guest's x87 state is put into the frame for the host's unit. */
void jit_x87_load(struct jit_frame *f);

/*
 * The same for IN and OUT, straight to the machine: one access of a port. JIT_PORT_REFUSED: it did
 * nothing, for there are permissions or breakpoints to look at.
 */
uint32_t jit_port(struct jit_frame *f, uint64_t site, uint64_t port);
enum { JIT_PORT_DONE, JIT_PORT_LEAVE, JIT_PORT_REFUSED };

/*
 * A site: the number of the instruction, behind which byte of the block it ends, the index of the
 * block; and whether the code cannot be gone on with after it, whether it has nothing to do with
 * status flags, so that they may stay in the frame unless it faults, whether it was handed over
 * for the address that comes with it, and whether it can change what code is specialised for.
 */
#define SITE_INSN(site)  ((site)&0xff)
#define SITE_END(site)   ((site) >> 8 & 0xffff)
#define SITE_BLOCK(site) ((site) >> 32)
#define SITE_FLAGS_STAY  (1u << 24)
#define SITE_MEMORY      (1u << 25)
#define SITE_LEAVE       (1u << 26)
#define SITE_MODE        (1u << 27)

static inline int32_t frame_offset(size_t offset)
{
	return (int32_t)offset - FRAME_BIAS;
}
#define FRAME(member) frame_offset(offsetof(struct jit_frame, member))

/* Of a member of struct cpu, from jit_frame.xmm. */
#define CPU_OFFSET(member)                                                                         \
	((int32_t)offsetof(struct cpu, member) - (int32_t)offsetof(struct cpu, fpu.xmm))

extern const uint8_t jit_host_reg[16]; /* of guest registers; HOST_NONE for those in the frame */

/* The jump-cache slot of a RIP. */
static inline unsigned jit_jump_slot(uint64_t rip)
{
	return (unsigned)(rip ^ rip >> 12) & (JUMPS - 1);
}

#endif
