/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the two halves of the instruction oracle share: the processor state that goes in and comes
 * out, where code and data lie, and the memory through which the tests talk to the helper process
 * that executes instructions on the host. The helper knows nothing of the emulator, so this header
 * includes none of it.
 */
#ifndef VCR_TEST_ORACLE_H
#define VCR_TEST_ORACLE_H

#include <stdint.h>
#include <string.h>

#define ORACLE_PAGE 4096u

/*
 * Linear addresses, the same on both sides and below 4 GiB, so that 32-bit code reaches them. Code
 * pages can be read and executed, and hold INT3 around the instruction. Of the data pages the
 * last is read-only. What lies beside either is not mapped.
 */
#define ORACLE_CODE       0x10000000u
#define ORACLE_CODE_SIZE  (2 * ORACLE_PAGE)
#define ORACLE_DATA       0x20000000u
#define ORACLE_DATA_SIZE  (3 * ORACLE_PAGE)
#define ORACLE_DATA_WRITE (2 * ORACLE_PAGE) /* how much of it is writable */

/* Segment bases in 64-bit mode; in compatibility mode FS and GS are null, as Linux leaves them. */
#define ORACLE_FS_BASE 0x12345670ull
#define ORACLE_GS_BASE 0x3f0012345678ull

/* The selectors that Linux gives a process: CS of each code size, and all data segments. */
#define ORACLE_CS64 0x33
#define ORACLE_CS32 0x23
#define ORACLE_DS   0x2b

/* The architectural part of an FXSAVE image: 32 bytes of control, 8 ST, 16 XMM. */
#define ORACLE_FX     416
#define ORACLE_FX_ST  32
#define ORACLE_FX_XMM 160

struct oracle_state {
	uint64_t gpr[16]; /* RAX RCX RDX RBX RSP RBP RSI RDI R8 .. R15 */
	uint64_t rip, rflags;
	uint8_t fx[ORACLE_FX];
};

struct oracle_case {
	uint8_t code[16];
	uint8_t length;         /* of code */
	uint8_t bits;           /* 32 or 64 */
	struct oracle_state in; /* RIP is in the code pages */
};

/* Beside the vectors of exceptions, how an instruction can end. It never ends without one: INT3
 * follows it. */
enum {
	ORACLE_TIMEOUT = 256, /* goes on and on */
	ORACLE_DIED,          /* the process did: a system call, most likely */
	ORACLE_SHUTDOWN,      /* the interpreter shut down */
};

/* Aligned quadwords of the writable data that are no longer as they were. FXSAVE writes 64. */
#define ORACLE_CHANGES 80
struct oracle_change {
	uint32_t offset; /* in bytes */
	uint64_t value;
};

struct oracle_outcome {
	uint32_t vector, error;
	uint64_t cr2;     /* of a page fault, else 0 */
	uint32_t changes; /* may be above ORACLE_CHANGES: then only the first are listed */
	struct oracle_change change[ORACLE_CHANGES];
	struct oracle_state out;
};

#define ORACLE_BATCH 512

/* In a memfd. The pages come first, for the helper maps them a second time. */
struct oracle_shared {
	uint8_t code[ORACLE_CODE_SIZE];
	uint8_t image[ORACLE_DATA_SIZE]; /* data before each case */
	volatile uint32_t at;            /* the case that is running */
	uint32_t end;                    /* cases [at, end) are to be run */
	struct oracle_case cases[ORACLE_BATCH];
	struct oracle_outcome outcomes[ORACLE_BATCH];
};

/* Lists what differs between data and image, and makes it as the image again. */
static inline void oracle_take_changes(struct oracle_outcome *o, uint8_t *data,
				       const uint8_t *image)
{
	uint32_t offset, line;

	o->changes = 0;
	for (line = 0; line < ORACLE_DATA_WRITE; line += 64) {
		if (!memcmp(data + line, image + line, 64))
			continue;
		for (offset = line; offset < line + 64; offset += 8) {
			if (!memcmp(data + offset, image + offset, 8))
				continue;
			if (o->changes < ORACLE_CHANGES) {
				o->change[o->changes].offset = offset;
				memcpy(&o->change[o->changes].value, data + offset, 8);
			}
			o->changes++;
		}
		memcpy(data + line, image + line, 64);
	}
}

#endif
