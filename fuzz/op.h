/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input language of the fuzz targets that drive machines: a list of operations, as bytes.
 * README.md draws it. Every byte string is an input, and a damaged byte damages the operation that
 * it is in and at most the one before, because
 *
 *	a byte of 80h and above begins an operation: its low seven bits say which;
 *	a byte below 80h is seven bits of an operand of the operation before it.
 *
 * Operands that are missing are zero, those too many are passed over. So are bytes before the
 * first operation.
 */
#ifndef VCR_FUZZ_OP_H
#define VCR_FUZZ_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/error.h"

/* Bytes that one operation can carry, operations of an input that are carried out. */
#define OP_BYTES  256u
#define OP_COUNT  4096u
#define OP_REGION 128u /* regions are numbered below this */

/* The longest encoding: opcode, fixed operands, and all bytes at 7 bits each. */
#define OP_ENCODED (1 + 8 + (OP_BYTES * 8 + 6) / 7)

enum op_kind {
	OP_NONE,         /* an opcode without meaning: nothing happens */
	OP_READ,         /* region, offset, size */
	OP_WRITE,        /* region, offset, size, value */
	OP_READ_STRING,  /* region, offset, size, count: as REP INS, REP MOVS from the region */
	OP_WRITE_STRING, /* region, offset, size, count, bytes, which are repeated */
	OP_CLOCK,        /* value: virtual ns that pass, with the vCPU halted */
	OP_TIMER,        /* to the next deadline of a timer, and value ns beyond */
	OP_ACKNOWLEDGE,  /* the vCPU takes the NMI or interrupt that is asked for, if one is */
	OP_RESET,        /* the guest resets the machine */
	OP_SNAPSHOT,     /* a place to go back to */
	OP_RESTORE,      /* back to it, or to where the input began */
	OP_HOST,         /* queue, bytes: what the outside answers next */
	OP_FILL,         /* offset: where in guest memory; count bytes of it, bytes, repeated */
	OP_DMA,          /* bytes: what devices find in memory that was not written; see below */
	OP_KINDS
};

/*
 * OP_HOST: what the bytes are. A question takes its bytes from its queue, little-endian; from an
 * empty one come zeros, and for the clock a fixed date. Numbers are in corpora: never reuse one.
 */
enum op_queue {
	QUEUE_CLOCK = 0,   /* 8 bytes: ns since 1970; the clock runs on from there */
	QUEUE_ENTROPY = 1, /* random numbers */
	QUEUE_CHAR = 2,    /* and up to HOST_CHANNELS - 1 more: bytes that arrive on a channel */
	QUEUES = 16,
};

/*
 * OP_DMA: a page of guest memory that nobody has written yet is filled with the bytes, repeated,
 * when a device first reads it. With a pointer, each repetition has the page's own guest-physical
 * address at byte `offset`, so that descriptors lead back to themselves.
 */
enum op_pointer { POINTER_NONE, POINTER_LE64, POINTER_BE64, POINTER_LE32 };

struct op {
	enum op_kind kind;
	uint8_t size;    /* of an access: 1 to 8; of a string's items: 1, 2, 4 or 8 */
	uint8_t region;  /* a region's number; the target finds one for every number */
	uint8_t queue;   /* OP_HOST: enum op_queue; OP_DMA: enum op_pointer */
	uint16_t count;  /* items of a string, bytes of a fill */
	uint16_t length; /* of bytes */
	uint32_t offset; /* in the region, below 2^28; OP_FILL: guest-physical, below 2^28 */
	uint64_t value;
	uint8_t bytes[OP_BYTES]; /* only the first `length` are set */
};

struct op_reader {
	const uint8_t *at, *end;
};

struct op_reader op_reader_start(const uint8_t *data, size_t size);
/* The next operation; false at the end. Leaves op->bytes beyond its length alone. */
bool op_next(struct op_reader *r, struct op *op);
/* Where operations begin: passes over the bytes of one, returns its first byte or NULL. */
const uint8_t *op_skip(struct op_reader *r);

/*
 * Writes the shortest encoding, which reads back as the same operation; returns its size. Fields
 * that the kind does not use are ignored; those too large are cut to what can be encoded.
 */
size_t op_encode(const struct op *op, uint8_t out[OP_ENCODED]);

/* ---- text.c: one operation a line ---- */

/* Names of the regions that a target has; see harness.h. */
struct region_table;

/*
 * As in "write pit+3 size 1 data 0x36". Without regions, `t` NULL, one is "#12". Returns `text`, cut to `size` bytes.
 */
#define OP_TEXT (2 * OP_BYTES + 100)
const char *op_text(const struct op *op, const struct region_table *t, char *text, size_t size);
/* And back: 1; 0 for a line without an operation (empty, or a '#' comment); -1 with e filled in. */
int op_parse(const char *line, const struct region_table *t, struct op *op, struct error *e);

#endif
