/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fixed-size pieces of a trace: file header, chunk headers, trailer. Each has a checksum of
 * its own, so that no length in one is believed before it is known to be what a writer wrote.
 */
#include "replay/trace/format.h"

#include <xxhash.h>

void file_header_pack(uint32_t version, uint8_t out[FILE_HEADER_SIZE])
{
	memcpy(out, FILE_MAGIC, 8);
	le_store(out + 8, version, 4);
	le_store(out + 12, 0, 4);
	le_store(out + 16, XXH3_64bits(out, 16), 8);
}

enum file_header_state file_header_unpack(uint32_t *version, const uint8_t in[FILE_HEADER_SIZE])
{
	if (memcmp(in, FILE_MAGIC, 8))
		return FILE_HEADER_FOREIGN;
	if (le_load(in + 16, 8) != XXH3_64bits(in, 16))
		return FILE_HEADER_DAMAGED;
	*version = (uint32_t)le_load(in + 8, 4);
	return FILE_HEADER_OK;
}

void chunk_header_pack(const struct chunk_header *c, uint8_t out[CHUNK_HEADER_SIZE])
{
	le_store(out, CHUNK_MARKER, 4);
	le_store(out + 4, c->type, 4);
	le_store(out + 8, c->stored, 4);
	le_store(out + 12, c->raw, 4);
	le_store(out + 16, c->count, 4);
	le_store(out + 20, 0, 4);
	le_store(out + 24, c->number, 8);
	le_store(out + 32, c->insns, 8);
	le_store(out + 40, c->exits, 8);
	le_store(out + 48, c->checksum, 8);
	le_store(out + 56, XXH3_64bits(out, 56), 8);
}

bool chunk_header_unpack(struct chunk_header *c, const uint8_t in[CHUNK_HEADER_SIZE])
{
	uint32_t type = (uint32_t)le_load(in + 4, 4);

	if (le_load(in, 4) != CHUNK_MARKER || le_load(in + 56, 8) != XXH3_64bits(in, 56))
		return false;
	if (type < CHUNK_INFO || type > CHUNK_INDEX || le_load(in + 20, 4))
		return false;
	c->type = (enum chunk_type)type;
	c->stored = (uint32_t)le_load(in + 8, 4);
	c->raw = (uint32_t)le_load(in + 12, 4);
	c->count = (uint32_t)le_load(in + 16, 4);
	c->number = le_load(in + 24, 8);
	c->insns = le_load(in + 32, 8);
	c->exits = le_load(in + 40, 8);
	c->checksum = le_load(in + 48, 8);
	return true;
}

void trailer_pack(uint64_t index_offset, uint64_t events, uint8_t out[TRAILER_SIZE])
{
	memcpy(out, TRAILER_MAGIC, 8);
	le_store(out + 8, index_offset, 8);
	le_store(out + 16, events, 8);
	le_store(out + 24, XXH3_64bits(out, 24), 8);
}

bool trailer_unpack(uint64_t *index_offset, uint64_t *events, const uint8_t in[TRAILER_SIZE])
{
	if (memcmp(in, TRAILER_MAGIC, 8) || le_load(in + 24, 8) != XXH3_64bits(in, 24))
		return false;
	*index_offset = le_load(in + 8, 8);
	*events = le_load(in + 16, 8);
	return true;
}
