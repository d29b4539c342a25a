/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The intermediate representation: what a guest block does, in operations of x86 that both sides
 * have, but without its encodings, its memory (addresses are checked and translated one operation
 * at a time), its stack or its program counter.
 *
 * An operation is `d = d op a` on `size` bytes; as on the processor 4 bytes clear the upper half
 * of a register and 1 or 2 leave the rest alone. Operands are guest registers by number, and
 *
 *     temp    a value between two operations of one guest instruction
 *     saved   the same, but kept by PROBE
 *     [mem]   the memory cell that the last PROBE allowed
 *     ah..bh  the second byte of a register; as a source only
 *     imm
 *
 * Memory goes ADDR (the linear address), PROBE (is it RAM that may be read or written here?), then
 * any operation with [mem]. Where PROBE says no, the whole guest instruction is handed to the
 * interpreter. So nothing that the guest can see may change in an instruction before its last
 * PROBE; the same holds for the other operations that can hand over (CHECK, DIV, LOOKUP).
 *
 * Status flags are not operands: ir_flags() says which an operation sets and reads. Where they are
 * kept is decided by optimise.c.
 */
#ifndef VCR_TCG_IR_H
#define VCR_TCG_IR_H

#include "emulator/cpu/insn.h"

enum { /* operands; below are guest registers */
       IR_TEMP = 16,
       IR_SAVED,
       IR_MEM,
       IR_IMM,
       IR_HIGH, /* AH; CH, DH and BH follow */
       IR_NONE = 0xff
};

enum ir_opcode {
	IR_INSN,  /* guest instruction number `insn` begins */
	IR_MOV,   /* d = a */
	IR_ZX,    /* d = a, zero-extended from `from` bytes; d is a register */
	IR_SX,    /* d = a, sign-extended from `from` bytes; d is a register */
	IR_SIGN,  /* rDX = all bits the sign of rAX */
	IR_LEA,   /* d = base + (index << scale) + disp */
	IR_ALU,   /* d = d kind a; kind is ALU_* (CMP and TEST write no d) */
	IR_INC,   /* d = d + 1 */
	IR_DEC,   /* d = d - 1 */
	IR_NEG,   /* d = -d */
	IR_NOT,   /* d = ~d */
	IR_SHIFT, /* d = d shifted by imm, which is neither 0 nor more than fits; kind: ModRM.reg */
	IR_SHCL,  /* d = d shifted by CL, of 4 or 8 bytes; kind: ModRM.reg */
	IR_SHD,   /* d = d shifted by imm, filled from a; kind: 0 left (SHLD), 1 right */
	IR_IMUL,  /* d = d * a, signed */
	IR_IMUL3, /* d = a * imm, signed */
	IR_MUL,   /* rDX:rAX = rAX * a; kind: 0 unsigned, 1 signed */
	IR_DIV,   /* rAX, rDX = rDX:rAX / a; kind as for MUL; hands over when it may fault */
	IR_BIT,   /* bit number a of d; kind: BIT_* */
	IR_SCAN,  /* d = index of the lowest (kind 0) or highest (1) bit set of a */
	IR_POPCNT,  /* d = how many bits of a are set */
	IR_BSWAP,   /* bytes of d reversed */
	IR_SETCC,   /* d = condition, one byte */
	IR_CMOV,    /* d = a if condition */
	IR_XCHG,    /* d and register a exchanged */
	IR_XADD,    /* [mem] and register a: sum and old value */
	IR_CMPXCHG, /* [mem] compared with rAX, register a stored if equal */
	IR_GETHIGH, /* temp = second byte of register a */
	IR_PUTHIGH, /* second byte of register d = temp */
	IR_CARRY,   /* CF = kind: 0, 1, 2 complement */
	IR_ADDR,    /* linear address = segment base + base + (index << scale) + disp */
	IR_PROBE,   /* `size` bytes there, for kind: 0 reading, 1 writing or both */
	IR_ALIGNED, /* hands over unless the linear address is a multiple of `size` */
	IR_FORWARD, /* hands over if RFLAGS.DF is set */
	IR_SSE, /* guest instruction `kind`, of XMM registers d and a (ModRM.reg and .rm); sse.h */
	IR_X87, /* guest instruction `kind` with ModRM `from`; x87.h */
	IR_LOOKUP, /* the host code for RIP = temp; hands over when it is not known */
	IR_CALL,   /* this guest instruction is the interpreter's; kind: IR_CALL_* */
	IR_PORT,   /* this guest instruction is IN or OUT, of port a or else imm */
	IR_GOTO,   /* the block ends, to RIP imm */
	IR_EXIT,   /* the block ends, to RIP imm, if condition */
	IR_JCC,    /* the block ends, to RIP imm if condition, else to the next instruction */
	IR_JCXZ,   /* the same; kind 0: if rCX of `size` bytes is 0, kind 1: if it is not */
	IR_JUMP,   /* the block ends, to what LOOKUP found */
	IR_OPCODES
};

enum {
	IR_CALL_ON,    /* and then the next one */
	IR_CALL_LEAVE, /* the block ends, and the code is left */
	IR_CALL_MODE,  /* the next one, unless what code is specialised for is no longer so */
};

struct ir_op {
	uint8_t op, size, kind, from;
	uint8_t d, a;
	uint8_t base, index, scale, seg; /* GPR_ZERO for none; SEG_* */
	uint8_t address;                 /* of ADDR and LEA: bytes, 4 or 8 */
	uint8_t insn;
	uint8_t condition;
	/* Set by ir_optimise(). */
	bool stores;     /* the flags it sets are needed in the frame */
	bool fused;      /* the flags it reads are those that the host has */
	bool needs_host; /* INSN: flags in the host cross this boundary */
	/* GOTO, JCC, EXIT: 1 + the operation whose flags are to be stored on the way out. */
	uint16_t late;
	bool sinks;    /* EXIT: and also on the way on */
	uint16_t form; /* of SSE and X87: SSE_*, X87_* */
	int32_t disp;
	uint64_t imm;
};

#define IR_OPS_MAX   640 /* a block has at most 48 instructions */
#define IR_KILLS_MAX 16

struct ir_block {
	uint64_t rip;
	unsigned insns, ops, edges;
	bool code64;
	bool sse;       /* no SSE instruction faults for the state of CR0 and CR4 */
	bool sse_float; /* and none of its exceptions is unmasked */
	bool x87;       /* no x87 instruction faults, all its exceptions are masked */
	bool has_x87;   /* there is an operation for the host's x87 unit */
	bool has_float; /* there is an operation that needs MXCSR */
	bool full;      /* did not fit */
	/*
	 * So many instructions from the first on set all status flags, with nothing before that
	 * could look at them; 0 if that is not so, or not soon.
	 */
	unsigned kills;
	struct ir_op op[IR_OPS_MAX];
};

/* Sets of status flags. */
#define IR_CF  0x01
#define IR_PF  0x02
#define IR_AF  0x04
#define IR_ZF  0x08
#define IR_SF  0x10
#define IR_OF  0x20
#define IR_ALL 0x3f

struct ir_flags {
	uint8_t sets;        /* flags that get a new value */
	uint8_t host;        /* those of them that the host then has, whatever its model */
	uint8_t reads;       /* flags that it looks at, in the host if fused */
	uint8_t reads_frame; /* flags that it looks at in the frame */
	bool maybe;          /* it sets them, or leaves all as they were */
	bool clobbers;       /* the host's flags are lost */
	bool observes;       /* all flags must be in the frame before it */
	bool leaves;         /* or, of these, may be stored behind it, where the block ends */
};

struct ir_flags ir_flags(const struct ir_op *o);
/*
 * The flags of the operation of which it can be seen in the host's alone what is to be stored in
 * the frame, by emit_flags().
 */
uint8_t ir_flags_late(const struct ir_op *o);
/* Which of the flags a condition (the low four bits of Jcc) looks at. */
uint8_t ir_condition_flags(unsigned condition);

/* Decides which flags are stored, and which conditions are the host's. */
void ir_optimise(struct ir_block *b);

/* One operation as text, for -d ir and the self-check. */
void ir_print(const struct ir_op *o, char *text, size_t size);

#endif
