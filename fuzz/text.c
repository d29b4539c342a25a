/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations as text, one a line, for people: reproducers are shown and written this way.
 *
 *	read pit+3 size 1			read-string rtc+1 size 1 count 8
 *	write pit+3 size 1 data 0x36		write-string uart+0 size 1 count 4 bytes 61626364
 *	clock 1000				timer 0
 *	acknowledge				reset
 *	snapshot				restore
 *	host clock bytes 0000000000000000	host entropy bytes 07
 *	host char0 bytes 0d			host 9 bytes 01
 *	fill 0x1000 count 16 bytes 00ff		dma le64+8 bytes 00000000
 *	none
 */
#include "fuzz/op.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/host.h"
#include "fuzz/region.h"

static const char *const kind_names[OP_KINDS] = {
    [OP_NONE] = "none",
    [OP_READ] = "read",
    [OP_WRITE] = "write",
    [OP_READ_STRING] = "read-string",
    [OP_WRITE_STRING] = "write-string",
    [OP_CLOCK] = "clock",
    [OP_TIMER] = "timer",
    [OP_ACKNOWLEDGE] = "acknowledge",
    [OP_RESET] = "reset",
    [OP_SNAPSHOT] = "snapshot",
    [OP_RESTORE] = "restore",
    [OP_HOST] = "host",
    [OP_FILL] = "fill",
    [OP_DMA] = "dma",
};

static const char *const pointer_names[] = {
    [POINTER_NONE] = "plain",
    [POINTER_LE64] = "le64",
    [POINTER_BE64] = "be64",
    [POINTER_LE32] = "le32",
};
#define POINTERS (sizeof(pointer_names) / sizeof(*pointer_names))

/* ---- writing ---- */

static void put_region(FILE *f, const struct op *op, const struct region_table *t)
{
	/* The one that the number stands for: that it is written otherwise changes nothing. */
	const struct fuzz_region *r = t ? region_by_number(t, op->region) : NULL;

	if (r)
		fprintf(f, " %s+%" PRIu32 " size %u", r->name, op->offset, op->size);
	else
		fprintf(f, " #%u+%" PRIu32 " size %u", op->region, op->offset, op->size);
}

static void put_queue(FILE *f, unsigned queue)
{
	if (queue == QUEUE_CLOCK)
		fputs(" clock", f);
	else if (queue == QUEUE_ENTROPY)
		fputs(" entropy", f);
	else if (queue < QUEUE_CHAR + HOST_CHANNELS)
		fprintf(f, " char%u", queue - QUEUE_CHAR);
	else
		fprintf(f, " %u", queue);
}

static void put_bytes(FILE *f, const struct op *op)
{
	if (op->length)
		fputs(" bytes ", f);
	for (unsigned i = 0; i < op->length; i++)
		fprintf(f, "%02x", op->bytes[i]);
}

static void put_operands(FILE *f, const struct op *op, const struct region_table *t)
{
	switch (op->kind) {
	case OP_READ:
		put_region(f, op, t);
		break;
	case OP_WRITE:
		put_region(f, op, t);
		fprintf(f, " data 0x%" PRIx64, op->value);
		break;
	case OP_READ_STRING:
	case OP_WRITE_STRING:
		put_region(f, op, t);
		fprintf(f, " count %u", op->count);
		put_bytes(f, op);
		break;
	case OP_CLOCK:
	case OP_TIMER:
		fprintf(f, " %" PRIu64, op->value);
		break;
	case OP_HOST:
		put_queue(f, op->queue);
		put_bytes(f, op);
		break;
	case OP_FILL:
		fprintf(f, " 0x%" PRIx32 " count %u", op->offset, op->count);
		put_bytes(f, op);
		break;
	case OP_DMA:
		fprintf(f, " %s+%" PRIu32, pointer_names[op->queue % POINTERS], op->offset);
		put_bytes(f, op);
		break;
	default:
		break;
	}
}

const char *op_text(const struct op *op, const struct region_table *t, char *text, size_t size)
{
	FILE *f;

	if (!size)
		return text;
	text[0] = 0;
	f = fmemopen(text, size, "w");
	if (!f)
		return text;
	fputs(kind_names[op->kind < OP_KINDS ? op->kind : OP_NONE], f);
	put_operands(f, op, t);
	fclose(f);
	text[size - 1] = 0;
	return text;
}

/* ---- reading ---- */

struct words {
	const char *at;
	const char *line;
	struct error *e;
};

static int bad(const struct words *w, const char *why)
{
	return error_set(w->e, ERROR_USAGE, "'%.80s' is no operation: %s", w->line, why);
}

/* The next word and its length; 0 at the end of the line. */
static size_t word(struct words *w, const char **start)
{
	size_t length;

	w->at += strspn(w->at, " \t\r\n");
	*start = w->at;
	length = strcspn(w->at, " \t\r\n");
	w->at += length;
	return length;
}

static bool is_word(const char *start, size_t length, const char *text)
{
	return length == strlen(text) && !memcmp(start, text, length);
}

/* A number that ends a word or is followed by `end`; returns what is behind it, or NULL. */
static const char *number(const char *text, char end, uint64_t *value)
{
	char *rest;

	if (*text < '0' || *text > '9')
		return NULL;
	*value = strtoull(text, &rest, 0);
	return !*rest || *rest == ' ' || *rest == '\t' || *rest == '\n' || *rest == '\r' ||
		       *rest == end
		   ? rest
		   : NULL;
}

static int parse_number(struct words *w, const char *what, uint64_t max, uint64_t *value)
{
	const char *start;
	size_t length = word(w, &start);

	if (!length || !number(start, ' ', value))
		return bad(w, what);
	return *value <= max ? 0 : bad(w, "a number is too large");
}

/* "name+offset" or "#number+offset" */
static int parse_region(struct words *w, const struct region_table *t, struct op *op)
{
	const char *start, *plus;
	size_t length = word(w, &start);
	uint64_t value;

	plus = memchr(start, '+', length);
	if (!plus || !number(plus + 1, ' ', &value) || value >= 1u << 28)
		return bad(w, "expected REGION+OFFSET");
	op->offset = (uint32_t)value;
	if (*start == '#') {
		if (!number(start + 1, '+', &value) || value >= OP_REGION)
			return bad(w, "expected a region's number below 128 after '#'");
		op->region = (uint8_t)value;
	} else {
		const struct fuzz_region *r =
		    t ? region_by_name(t, start, (size_t)(plus - start)) : NULL;

		if (!r)
			return bad(w, "the target has no region of this name");
		op->region = r->number;
	}
	return 0;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static int parse_bytes(struct words *w, struct op *op)
{
	const char *start;
	size_t length = word(w, &start);

	if (length % 2 || length / 2 > OP_BYTES)
		return bad(w, "expected pairs of hexadecimal digits, at most 256, after 'bytes'");
	for (size_t i = 0; i < length; i += 2) {
		int high = hex(start[i]), low = hex(start[i + 1]);

		if (high < 0 || low < 0)
			return bad(w, "expected pairs of hexadecimal digits after 'bytes'");
		op->bytes[op->length++] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

static int parse_queue(struct words *w, struct op *op)
{
	const char *start;
	size_t length = word(w, &start);
	uint64_t value;

	if (is_word(start, length, "clock")) {
		op->queue = QUEUE_CLOCK;
	} else if (is_word(start, length, "entropy")) {
		op->queue = QUEUE_ENTROPY;
	} else if (length == 5 && !memcmp(start, "char", 4) && start[4] >= '0' &&
		   start[4] < '0' + HOST_CHANNELS) {
		op->queue = (uint8_t)(QUEUE_CHAR + start[4] - '0');
	} else if (length && number(start, ' ', &value) && value < QUEUES) {
		op->queue = (uint8_t)value;
	} else {
		return bad(w, "expected clock, entropy, char0 to char4 or a number below 16");
	}
	return 0;
}

static int parse_pointer(struct words *w, struct op *op)
{
	const char *start, *plus;
	size_t length = word(w, &start);
	uint64_t value;

	plus = memchr(start, '+', length);
	for (unsigned i = 0; plus && i < POINTERS; i++) {
		if (!is_word(start, (size_t)(plus - start), pointer_names[i]))
			continue;
		if (!number(plus + 1, ' ', &value) || value >= 0x80)
			break;
		op->queue = (uint8_t)i;
		op->offset = (uint32_t)value;
		return 0;
	}
	return bad(w, "expected plain, le64, be64 or le32 and +OFFSET below 128");
}

/* "size N", "data N", "count N" and "bytes HEX", as many as there are. */
static int parse_fields(struct words *w, struct op *op)
{
	const char *start;
	size_t length;
	uint64_t value = 0;
	int status = 0;

	while (!status && (length = word(w, &start))) {
		if (is_word(start, length, "size")) {
			status = parse_number(w, "expected a number after 'size'", 8, &value);
			op->size = (uint8_t)value;
		} else if (is_word(start, length, "data")) {
			status = parse_number(w, "expected a number after 'data'", UINT64_MAX,
					      &op->value);
		} else if (is_word(start, length, "count")) {
			status = parse_number(w, "expected a number after 'count'", 0x3fff, &value);
			op->count = (uint16_t)value;
		} else if (is_word(start, length, "bytes")) {
			status = parse_bytes(w, op);
		} else {
			status = bad(w, "expected size, data, count or bytes");
		}
	}
	return status;
}

static int parse_operands(struct words *w, const struct region_table *t, struct op *op)
{
	uint64_t value;

	switch (op->kind) {
	case OP_READ:
	case OP_WRITE:
	case OP_READ_STRING:
	case OP_WRITE_STRING:
		if (parse_region(w, t, op) || parse_fields(w, op))
			return -1;
		return op->size ? 0 : bad(w, "expected a size from 1 to 8");
	case OP_CLOCK:
	case OP_TIMER:
		return parse_number(w, "expected nanoseconds", UINT64_MAX, &op->value);
	case OP_HOST:
		return parse_queue(w, op) || parse_fields(w, op) ? -1 : 0;
	case OP_FILL:
		if (parse_number(w, "expected a guest-physical address", (1u << 28) - 1, &value))
			return -1;
		op->offset = (uint32_t)value;
		return parse_fields(w, op);
	case OP_DMA:
		return parse_pointer(w, op) || parse_fields(w, op) ? -1 : 0;
	default:
		return 0;
	}
}

int op_parse(const char *line, const struct region_table *t, struct op *op, struct error *e)
{
	struct words w = {.at = line, .line = line, .e = e};
	const char *start;
	size_t length = word(&w, &start);

	memset(op, 0, sizeof(*op));
	if (!length || *start == '#')
		return 0;
	for (unsigned kind = 0; kind < OP_KINDS; kind++) {
		if (!is_word(start, length, kind_names[kind]))
			continue;
		op->kind = (enum op_kind)kind;
		if (parse_operands(&w, t, op))
			return -1;
		if (word(&w, &start))
			return bad(&w, "there is more on the line");
		return 1;
	}
	return bad(&w, "the first word is none of them (see fuzz/README.md)");
}
