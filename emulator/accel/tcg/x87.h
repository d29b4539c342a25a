/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which x87 instructions the host carries out for the guest. In a block that has any, the host's
 * x87 unit holds the guest's, registers, tags, control and status word, until C is entered. As long
 * as all exceptions are masked an instruction is then itself, with its memory operand somewhere
 * else; results and all bits of the status word are those of the interpreter on each processor.
 *
 * Not so transcendental functions and FPREM, which differ from processor to processor; they, the
 * decimal formats and what is rare stay with the interpreter. What the processor knows of the last
 * instruction (FOP, FIP, FDP), of which AMD's forget most, is noted apart from it.
 */
#ifndef VCR_TCG_X87_H
#define VCR_TCG_X87_H

#include "emulator/cpu/insn.h"

#define X87_SIZE    0x001f /* bytes of a memory operand; 0: ModRM.rm is a register */
#define X87_STORE   0x0020 /* it is written */
#define X87_KNOWN   0x0040 /* the host can */
#define X87_CONTROL 0x0080 /* it does not become the last instruction */
#define X87_FLAGS   0x0100 /* sets status flags of RFLAGS */
#define X87_CMOV    0x0200 /* looks at them */
#define X87_LOAD_CW 0x0400 /* FLDCW */
#define X87_TO_AX   0x0800 /* FNSTSW AX */
#define X87_NOTHING 0x1000 /* FWAIT: there is never anything to wait for */

/* Of an instruction; 0 when it is none of them. */
unsigned x87_form(const struct insn *i);
/* What code is specialised for may be different after it: it loads masks or pending exceptions. */
bool x87_changes_mode(const struct insn *i);

#endif
