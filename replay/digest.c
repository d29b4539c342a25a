/* SPDX-License-Identifier: Apache-2.0 */
/* State digests; see digest.h. */
#include "replay/digest.h"

#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

int digester_open(struct digester *d, struct machine *m, struct error *e)
{
	d->m = m;
	d->sum = 0;
	d->page_hash = calloc(m->ram.pages, sizeof(*d->page_hash));
	return d->page_hash ? 0 : error_set(e, ERROR_HOST, "out of memory");
}

void digester_close(struct digester *d)
{
	free(d->page_hash);
	d->page_hash = NULL;
}

static bool is_zero(const uint8_t *page)
{
	uint64_t first;

	memcpy(&first, page, sizeof(first));
	return !first && !memcmp(page, page + sizeof(first), RAM_PAGE - sizeof(first));
}

static void hash_page(void *opaque, uint64_t index)
{
	struct digester *d = opaque;
	const uint8_t *page = d->m->ram.base + index * RAM_PAGE;
	uint64_t hash = is_zero(page) ? 0 : XXH3_64bits_withSeed(page, RAM_PAGE, index + 1);

	d->sum += hash - d->page_hash[index];
	d->page_hash[index] = hash;
}

struct digest digest_take(struct digester *d)
{
	struct machine *m = d->m;
	struct cpu_regs regs;
	struct digest result;

	cpu_get_regs(m->vcpu.c, &regs);
	ram_log_take(&m->ram, RAM_LOG_DIGEST, hash_page, d);
	result.registers = XXH3_64bits(&regs, sizeof(regs));
	result.arena = XXH3_64bits(m->arena, m->cpu_offset);
	result.ram = d->sum;
	return result;
}

uint64_t digest_next_mark(const struct machine *m)
{
	return (m->vcpu.c->insns / DIGEST_INSNS + 1) * DIGEST_INSNS;
}

static void store64(uint8_t *to, uint64_t value)
{
	for (int i = 0; i < 8; i++)
		to[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t load64(const uint8_t *from)
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value |= (uint64_t)from[i] << (8 * i);
	return value;
}

void digest_store(const struct digest *d, uint8_t bytes[DIGEST_BYTES])
{
	store64(bytes, d->registers);
	store64(bytes + 8, d->arena);
	store64(bytes + 16, d->ram);
}

struct digest digest_load(const uint8_t bytes[DIGEST_BYTES])
{
	return (struct digest){
	    .registers = load64(bytes), .arena = load64(bytes + 8), .ram = load64(bytes + 16)};
}
