/* SPDX-License-Identifier: Apache-2.0 */
/* Operations to and from bytes; see op.h. */
#include "fuzz/op.h"

#include <string.h>

/*
 * Opcodes, the low seven bits of a first byte. THE NUMBERS ARE IN CORPORA: never change one. Those
 * that are free do nothing; new operations take them.
 */
enum {
	CODE_READ = 0x00,         /* + size - 1 */
	CODE_WRITE = 0x08,        /* + size - 1 */
	CODE_FAR = 0x10,          /* + one of these: with four groups of offset instead of one */
	CODE_READ_STRING = 0x20,  /* + binary logarithm of size */
	CODE_WRITE_STRING = 0x24, /* + binary logarithm of size */
	CODE_CLOCK = 0x28,
	CODE_TIMER = 0x29,
	CODE_ACKNOWLEDGE = 0x2a,
	CODE_RESET = 0x2b,
	CODE_SNAPSHOT = 0x2c,
	CODE_RESTORE = 0x2d,
	CODE_HOST = 0x2e,
	CODE_FILL = 0x2f,
	CODE_DMA = 0x30,
	CODE_NEAR_READ = 0x40,  /* + region below 32: one byte */
	CODE_NEAR_WRITE = 0x60, /* + region below 32: one byte */
};

#define GROUP_BITS   7
#define OFFSET_NEAR  0x80u
#define OFFSET_LIMIT (1u << 28)
#define COUNT_LIMIT  (1u << 14)

/* ---- reading ---- */

static bool is_opcode(uint8_t byte)
{
	return byte & 0x80;
}

struct op_reader op_reader_start(const uint8_t *data, size_t size)
{
	struct op_reader r = {data, data + size};

	while (r.at < r.end && !is_opcode(*r.at))
		r.at++;
	return r;
}

const uint8_t *op_skip(struct op_reader *r)
{
	const uint8_t *first = r->at;

	if (first == r->end)
		return NULL;
	do
		r->at++;
	while (r->at < r->end && !is_opcode(*r->at));
	return first;
}

/* A number of `groups` groups, lowest first. */
static uint32_t take(struct op_reader *r, unsigned groups)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < groups && r->at < r->end && !is_opcode(*r->at); i++)
		value |= (uint32_t)*r->at++ << i * GROUP_BITS;
	return value;
}

/* A number of up to `bytes` bytes; what is beyond is left. */
static uint64_t take_value(struct op_reader *r, unsigned bytes)
{
	unsigned bits = bytes * 8;
	uint64_t value = 0;

	for (unsigned at = 0; at < bits && r->at < r->end && !is_opcode(*r->at); at += GROUP_BITS)
		value |= (uint64_t)*r->at++ << at;
	return bits < 64 ? value & ((1ull << bits) - 1) : value;
}

/* All groups that follow, as bytes; bits that fill no byte are dropped. */
static void take_bytes(struct op_reader *r, struct op *op)
{
	uint32_t bits = 0;
	unsigned have = 0;

	op->length = 0;
	for (; r->at < r->end && !is_opcode(*r->at) && op->length < OP_BYTES; r->at++) {
		bits |= (uint32_t)*r->at << have;
		have += GROUP_BITS;
		if (have >= 8) {
			op->bytes[op->length++] = (uint8_t)bits;
			bits >>= 8;
			have -= 8;
		}
	}
}

static void decode_access(struct op_reader *r, struct op *op, unsigned code)
{
	bool is_write = (code & CODE_WRITE) != 0;

	op->kind = is_write ? OP_WRITE : OP_READ;
	op->size = (uint8_t)((code & 7) + 1);
	op->region = (uint8_t)take(r, 1);
	op->offset = take(r, code & CODE_FAR ? 4 : 1);
	if (is_write)
		op->value = take_value(r, op->size);
}

static void decode_near(struct op_reader *r, struct op *op, unsigned code)
{
	op->kind = code >= CODE_NEAR_WRITE ? OP_WRITE : OP_READ;
	op->size = 1;
	op->region = code & 31;
	op->offset = take(r, 1);
	if (op->kind == OP_WRITE)
		op->value = take_value(r, 1);
}

static void decode_string(struct op_reader *r, struct op *op, unsigned code)
{
	op->kind = code >= CODE_WRITE_STRING ? OP_WRITE_STRING : OP_READ_STRING;
	op->size = (uint8_t)(1 << (code & 3));
	op->region = (uint8_t)take(r, 1);
	op->offset = take(r, 1);
	op->count = (uint16_t)take(r, 1);
	if (op->kind == OP_WRITE_STRING)
		take_bytes(r, op);
}

static void decode_other(struct op_reader *r, struct op *op, unsigned code)
{
	static const uint8_t kinds[] = {
	    [0] = OP_CLOCK,
	    [CODE_TIMER - CODE_CLOCK] = OP_TIMER,
	    [CODE_ACKNOWLEDGE - CODE_CLOCK] = OP_ACKNOWLEDGE,
	    [CODE_RESET - CODE_CLOCK] = OP_RESET,
	    [CODE_SNAPSHOT - CODE_CLOCK] = OP_SNAPSHOT,
	    [CODE_RESTORE - CODE_CLOCK] = OP_RESTORE,
	    [CODE_HOST - CODE_CLOCK] = OP_HOST,
	    [CODE_FILL - CODE_CLOCK] = OP_FILL,
	    [CODE_DMA - CODE_CLOCK] = OP_DMA,
	};

	code -= CODE_CLOCK;
	op->kind = code < sizeof(kinds) ? (enum op_kind)kinds[code] : OP_NONE;
	switch (op->kind) {
	case OP_CLOCK:
	case OP_TIMER:
		op->value = take_value(r, 8);
		break;
	case OP_HOST:
		op->queue = (uint8_t)(take(r, 1) % QUEUES);
		take_bytes(r, op);
		break;
	case OP_FILL:
		op->offset = take(r, 4);
		op->count = (uint16_t)take(r, 2);
		take_bytes(r, op);
		break;
	case OP_DMA:
		op->queue = take(r, 1) & 3;
		op->offset = take(r, 1);
		take_bytes(r, op);
		break;
	default:
		break;
	}
}

bool op_next(struct op_reader *r, struct op *op)
{
	const uint8_t *first = r->at;
	unsigned code;

	if (first == r->end)
		return false;
	code = *r->at++ & 0x7f;
	memset(op, 0, offsetof(struct op, bytes));
	if (code >= CODE_NEAR_READ)
		decode_near(r, op, code);
	else if (code < CODE_READ_STRING)
		decode_access(r, op, code);
	else if (code < CODE_CLOCK)
		decode_string(r, op, code);
	else
		decode_other(r, op, code);
	while (r->at < r->end && !is_opcode(*r->at))
		r->at++;
	return true;
}

/* ---- writing ---- */

struct op_writer {
	uint8_t *out;
	size_t size;
};

static void put(struct op_writer *w, unsigned groups, uint32_t value)
{
	for (unsigned i = 0; i < groups; i++)
		w->out[w->size++] = (value >> i * GROUP_BITS) & 0x7f;
}

static void put_value(struct op_writer *w, unsigned bytes, uint64_t value)
{
	for (unsigned at = 0; at < bytes * 8; at += GROUP_BITS)
		w->out[w->size++] = (value >> at) & 0x7f;
}

static void put_bytes(struct op_writer *w, const struct op *op)
{
	unsigned length = op->length < OP_BYTES ? op->length : OP_BYTES, have = 0;
	uint32_t bits = 0;

	for (unsigned i = 0; i < length; i++) {
		bits |= (uint32_t)op->bytes[i] << have;
		for (have += 8; have >= GROUP_BITS; have -= GROUP_BITS) {
			w->out[w->size++] = bits & 0x7f;
			bits >>= GROUP_BITS;
		}
	}
	/* The rest; and a last byte of zeros needs a group to be there at all. */
	if (have)
		w->out[w->size++] = (uint8_t)bits;
}

/* A missing group reads as zero, but for bytes, whose number it tells. */
static void drop_zeros(struct op_writer *w)
{
	while (w->size > 1 && !w->out[w->size - 1])
		w->size--;
}

static void encode_access(struct op_writer *w, const struct op *op)
{
	uint32_t offset = op->offset % OFFSET_LIMIT, region = op->region % OP_REGION;
	bool is_write = op->kind == OP_WRITE, far = offset >= OFFSET_NEAR;
	unsigned size = op->size && op->size <= 8 ? op->size : 1;

	if (size == 1 && !far && region < 32) {
		w->out[w->size++] =
		    (uint8_t)(0x80 | (is_write ? CODE_NEAR_WRITE : CODE_NEAR_READ) | region);
	} else {
		w->out[w->size++] = (uint8_t)(0x80 | (is_write ? CODE_WRITE : CODE_READ) |
					      (far ? CODE_FAR : 0) | (size - 1));
		put(w, 1, region);
	}
	put(w, far ? 4 : 1, offset);
	if (is_write)
		put_value(w, size, size < 8 ? op->value & ((1ull << size * 8) - 1) : op->value);
	drop_zeros(w);
}

static void encode_string(struct op_writer *w, const struct op *op)
{
	unsigned log = op->size >= 8 ? 3 : op->size >= 4 ? 2 : op->size >= 2;
	bool is_write = op->kind == OP_WRITE_STRING;

	w->out[w->size++] =
	    (uint8_t)(0x80 | ((is_write ? CODE_WRITE_STRING : CODE_READ_STRING) + log));
	put(w, 1, op->region % OP_REGION);
	put(w, 1, op->offset % OFFSET_NEAR);
	put(w, 1, op->count < 0x80 ? op->count : 0x7f);
	if (is_write && op->length)
		put_bytes(w, op);
	else
		drop_zeros(w);
}

static void encode_other(struct op_writer *w, const struct op *op)
{
	static const uint8_t codes[OP_KINDS] = {
	    [OP_NONE] = 0x3f,
	    [OP_CLOCK] = CODE_CLOCK,
	    [OP_TIMER] = CODE_TIMER,
	    [OP_ACKNOWLEDGE] = CODE_ACKNOWLEDGE,
	    [OP_RESET] = CODE_RESET,
	    [OP_SNAPSHOT] = CODE_SNAPSHOT,
	    [OP_RESTORE] = CODE_RESTORE,
	    [OP_HOST] = CODE_HOST,
	    [OP_FILL] = CODE_FILL,
	    [OP_DMA] = CODE_DMA,
	};

	w->out[w->size++] = 0x80 | codes[op->kind < OP_KINDS ? op->kind : OP_NONE];
	if (op->kind == OP_CLOCK || op->kind == OP_TIMER)
		put_value(w, 8, op->value);
	if (op->kind == OP_HOST)
		put(w, 1, op->queue % QUEUES);
	if (op->kind == OP_FILL) {
		put(w, 4, op->offset % OFFSET_LIMIT);
		put(w, 2, op->count < COUNT_LIMIT ? op->count : COUNT_LIMIT - 1);
	}
	if (op->kind == OP_DMA) {
		put(w, 1, op->queue & 3);
		put(w, 1, op->offset % OFFSET_NEAR);
	}
	if (op->length && (op->kind == OP_HOST || op->kind == OP_FILL || op->kind == OP_DMA))
		put_bytes(w, op);
	else
		drop_zeros(w);
}

size_t op_encode(const struct op *op, uint8_t out[OP_ENCODED])
{
	struct op_writer w = {.out = out};

	switch (op->kind) {
	case OP_READ:
	case OP_WRITE:
		encode_access(&w, op);
		break;
	case OP_READ_STRING:
	case OP_WRITE_STRING:
		encode_string(&w, op);
		break;
	default:
		encode_other(&w, op);
		break;
	}
	return w.size;
}
