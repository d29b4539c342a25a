/* SPDX-License-Identifier: Apache-2.0 */
/* Emitter of ACPI machine language; see aml.h. Numbers of sections are those of ACPI 6.3. */
#include "emulator/board/aml.h"

#include <string.h>

enum {
	AML_ZERO = 0x00,
	AML_ONE = 0x01,
	AML_NAME = 0x08,
	AML_BYTE = 0x0a,
	AML_WORD = 0x0b,
	AML_DWORD = 0x0c,
	AML_STRING = 0x0d,
	AML_SCOPE = 0x10,
	AML_BUFFER = 0x11,
	AML_PACKAGE = 0x12,
	AML_EXTENDED = 0x5b,
	AML_DEVICE = 0x82,
};

void aml_bytes(struct aml *a, const void *bytes, size_t size)
{
	if (size > a->room - a->size) {
		a->overflow = true;
		return;
	}
	memcpy(a->bytes + a->size, bytes, size);
	a->size += size;
}

static void aml_byte(struct aml *a, uint8_t byte)
{
	aml_bytes(a, &byte, 1);
}

/* Leaves one byte for the PkgLength; aml_close() makes room when it needs more. */
static size_t aml_open(struct aml *a)
{
	size_t mark = a->size;

	aml_byte(a, 0);
	return mark;
}

void aml_close(struct aml *a, size_t mark)
{
	uint8_t length[3];
	size_t body, extra, total;

	if (a->overflow)
		return;
	/*
	 * 20.2.4: the length counts its own bytes. One byte holds up to 63; otherwise bits 7..6
	 * of the first say how many follow, and its low four bits are the least significant.
	 */
	body = a->size - mark - 1;
	extra = body + 1 < 0x40 ? 0 : body + 2 < 0x1000 ? 1 : 2;
	total = body + 1 + extra;
	if (extra > a->room - a->size || total >= 0x100000) {
		a->overflow = true;
		return;
	}
	length[0] = extra ? extra << 6 | (total & 0xf) : total;
	length[1] = total >> 4;
	length[2] = total >> 12;
	memmove(a->bytes + mark + 1 + extra, a->bytes + mark + 1, body);
	memcpy(a->bytes + mark, length, 1 + extra);
	a->size += extra;
}

/* NameString (20.2.2): one segment of four characters. */
static void aml_name_string(struct aml *a, const char *name)
{
	aml_bytes(a, name, strlen(name));
}

size_t aml_open_scope(struct aml *a, const char *name)
{
	size_t mark;

	aml_byte(a, AML_SCOPE);
	mark = aml_open(a);
	aml_name_string(a, name);
	return mark;
}

size_t aml_open_device(struct aml *a, const char *name)
{
	size_t mark;

	aml_byte(a, AML_EXTENDED);
	aml_byte(a, AML_DEVICE);
	mark = aml_open(a);
	aml_name_string(a, name);
	return mark;
}

size_t aml_open_package(struct aml *a, uint8_t count)
{
	size_t mark;

	aml_byte(a, AML_PACKAGE);
	mark = aml_open(a);
	aml_byte(a, count);
	return mark;
}

void aml_name(struct aml *a, const char *name)
{
	aml_byte(a, AML_NAME);
	aml_name_string(a, name);
}

void aml_integer(struct aml *a, uint32_t value)
{
	uint8_t bytes[4] = {value, value >> 8, value >> 16, value >> 24};

	if (value <= 1) {
		aml_byte(a, value ? AML_ONE : AML_ZERO);
	} else if (value <= 0xff) {
		aml_byte(a, AML_BYTE);
		aml_bytes(a, bytes, 1);
	} else if (value <= 0xffff) {
		aml_byte(a, AML_WORD);
		aml_bytes(a, bytes, 2);
	} else {
		aml_byte(a, AML_DWORD);
		aml_bytes(a, bytes, 4);
	}
}

void aml_string(struct aml *a, const char *text)
{
	aml_byte(a, AML_STRING);
	aml_bytes(a, text, strlen(text) + 1);
}

static unsigned hex_digit(char c)
{
	return c <= '9' ? c - '0' : c - 'A' + 10;
}

/* Three letters of five bits and four hexadecimal digits, big-endian (19.3.4). */
void aml_eisa_id(struct aml *a, const char *id)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < 3; i++)
		value = value << 5 | (id[i] & 0x1f);
	for (unsigned i = 3; i < 7; i++)
		value = value << 4 | hex_digit(id[i]);
	aml_integer(a, __builtin_bswap32(value));
}

static void resource(struct aml_resources *r, const void *bytes, size_t size)
{
	if (size > sizeof(r->bytes) - r->size)
		return;
	memcpy(r->bytes + r->size, bytes, size);
	r->size += size;
}

/* I/O port descriptor (6.4.2.5): 16-bit decode, minimum, maximum, alignment, length. */
void aml_io(struct aml_resources *r, uint16_t base, uint8_t count)
{
	uint8_t bytes[8] = {0x47, 1, base, base >> 8, base, base >> 8, 1, count};

	resource(r, bytes, sizeof(bytes));
}

/* IRQ descriptor without flags (6.4.2.1): high true, edge sensitive. */
void aml_irq(struct aml_resources *r, unsigned irq)
{
	uint8_t bytes[3] = {0x22, 1u << irq, 1u << irq >> 8};

	resource(r, bytes, sizeof(bytes));
}

/* Address space descriptors (6.4.3.5): produced, positively decoded, both ends fixed. */
#define ADDRESS_MEMORY 0
#define ADDRESS_IO     1
#define ADDRESS_BUS    2
#define ADDRESS_FIXED  0x0c

static void put_numbers(uint8_t *p, unsigned size, uint32_t first, uint32_t last)
{
	/* Granularity, first, last, translation, length. */
	uint32_t number[5] = {0, first, last, 0, last - first + 1};

	for (unsigned i = 0; i < 5 * size; i++)
		p[i] = (uint8_t)(number[i / size] >> 8 * (i % size));
}

static void address_words(struct aml_resources *r, uint8_t type, uint8_t flags, uint16_t first,
			  uint16_t last)
{
	uint8_t bytes[16] = {0x88, 13, 0, type, ADDRESS_FIXED, flags};

	put_numbers(bytes + 6, 2, first, last);
	resource(r, bytes, sizeof(bytes));
}

void aml_bus_numbers(struct aml_resources *r, uint8_t first, uint8_t last)
{
	address_words(r, ADDRESS_BUS, 0, first, last);
}

void aml_io_window(struct aml_resources *r, uint16_t first, uint16_t last)
{
	address_words(r, ADDRESS_IO, 3, first, last); /* ISA and other addresses */
}

void aml_memory_window(struct aml_resources *r, uint32_t first, uint32_t last)
{
	uint8_t bytes[26] = {0x87, 23, 0, ADDRESS_MEMORY, ADDRESS_FIXED, 1}; /* writable */

	put_numbers(bytes + 6, 4, first, last);
	resource(r, bytes, sizeof(bytes));
}

void aml_resource_template(struct aml *a, struct aml_resources *r)
{
	static const uint8_t end[2] = {0x79, 0}; /* 6.4.2.9; checksum 0: not used */
	size_t mark;

	resource(r, end, sizeof(end));
	aml_byte(a, AML_BUFFER);
	mark = aml_open(a);
	aml_integer(a, r->size);
	aml_bytes(a, r->bytes, r->size);
	aml_close(a, mark);
}
