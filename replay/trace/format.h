/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a trace that writer and reader share: sizes, limits, markers, and how numbers are
 * put into bytes. FORMAT.md says what they mean. THESE NUMBERS ARE ON DISK: never change one
 * without a new TRACE_VERSION and a reader that still takes the old one.
 */
#ifndef VCR_TRACE_FORMAT_H
#define VCR_TRACE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define FILE_MAGIC        "\x89VCR\r\n\x1a\n" /* like PNG's: a text-mode copy breaks it visibly */
#define FILE_HEADER_SIZE  24
#define CHUNK_MARKER      0x4b484356u /* "VCHK" */
#define CHUNK_HEADER_SIZE 64
#define TRAILER_MAGIC     "VCRTAIL\n"
#define TRAILER_SIZE      32

#define CHUNK_RAW_MAX     (16u << 20)
#define CHUNK_EVENTS_MAX  (1u << 16)
#define IMAGES_TOTAL_MAX  (UINT64_C(4) << 30)
#define INFO_SIZE_MAX     (1u << 20)
#define INDEX_ENTRIES_MAX (1u << 18)

enum chunk_type { CHUNK_INFO = 1, CHUNK_IMAGE = 2, CHUNK_EVENTS = 3, CHUNK_INDEX = 4 };

/* What `count`, `number`, `insns` and `exits` hold depends on the type: see FORMAT.md. */
struct chunk_header {
	enum chunk_type type;
	uint32_t stored, raw; /* bytes of the payload in the file, and decompressed */
	uint32_t count;
	uint64_t number, insns, exits;
	uint64_t checksum; /* XXH3-64 of the stored payload */
};

void chunk_header_pack(const struct chunk_header *c, uint8_t out[CHUNK_HEADER_SIZE]);
/* False when the bytes are not a header that a version 1 writer made. */
bool chunk_header_unpack(struct chunk_header *c, const uint8_t in[CHUNK_HEADER_SIZE]);

void file_header_pack(uint32_t version, uint8_t out[FILE_HEADER_SIZE]);
enum file_header_state { FILE_HEADER_OK, FILE_HEADER_FOREIGN, FILE_HEADER_DAMAGED };
enum file_header_state file_header_unpack(uint32_t *version, const uint8_t in[FILE_HEADER_SIZE]);

void trailer_pack(uint64_t index_offset, uint64_t events, uint8_t out[TRAILER_SIZE]);
bool trailer_unpack(uint64_t *index_offset, uint64_t *events, const uint8_t in[TRAILER_SIZE]);

/* ---- little-endian numbers ---- */

static inline void le_store(uint8_t *p, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		p[i] = (uint8_t)(value >> (8 * i));
}

static inline uint64_t le_load(const uint8_t *p, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes; i++)
		value |= (uint64_t)p[i] << (8 * i);
	return value;
}

/* ---- varints: seven bits a byte, lowest first, top bit set on all but the last ---- */

#define VARINT_MAX 10

static inline unsigned varint_put(uint8_t *p, uint64_t value)
{
	unsigned n = 0;

	while (value >= 0x80) {
		p[n++] = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	p[n++] = (uint8_t)value;
	return n;
}

/* Part of a payload that is being read: never goes past `end`. */
struct cursor {
	const uint8_t *at, *end;
};

static inline size_t cursor_left(const struct cursor *c)
{
	return (size_t)(c->end - c->at);
}

static inline bool varint_get(struct cursor *c, uint64_t *value)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64 && c->at < c->end; shift += 7) {
		uint8_t byte = *c->at++;

		if (shift == 63 && byte > 1)
			return false;
		v |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*value = v;
			return true;
		}
	}
	return false;
}

/* ---- signed differences as small unsigned numbers: 0, -1, 1, -2, ... become 0, 1, 2, 3, ... ----
 */

static inline uint64_t zigzag(uint64_t difference)
{
	return difference << 1 ^ (0 - (difference >> 63));
}

static inline uint64_t unzigzag(uint64_t code)
{
	return code >> 1 ^ (0 - (code & 1));
}

/* The difference modulo 2^(8 * bytes), as a signed number of 64 bits. */
static inline uint64_t sign_extend(uint64_t value, unsigned bytes)
{
	unsigned shift = 64 - 8 * bytes;
	uint64_t sign;

	if (bytes == 0 || bytes >= 8)
		return bytes ? value : 0;
	value = value << shift >> shift;
	sign = UINT64_C(1) << (8 * bytes - 1);
	return (value ^ sign) - sign;
}

static inline uint64_t truncate_to(uint64_t value, unsigned bytes)
{
	return bytes >= 8 ? value : value & ((UINT64_C(1) << (8 * bytes)) - 1);
}

#endif
