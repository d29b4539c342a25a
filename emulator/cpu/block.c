/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decoded-block cache (block.h). Blocks hang off the RAM page that they were decoded from, in
 * buckets by where in the page they begin; a bitmap of 64-byte granules tells quickly whether a
 * store comes near any of them. In front of that lies a direct-mapped table by guest-physical
 * address, which is all that a warm loop touches.
 */
#include "emulator/cpu/block.h"

#include <stdlib.h>
#include <string.h>

#include "emulator/cpu/mem.h"

#define BLOCK_INSNS 48
#define BLOCK_MEMORY                                                                               \
	(32u << 20) /* of all blocks and their pages; above it everything is forgotten */
#define FRONT_NONE     UINT64_MAX
#define INSN_BYTES_MAX 15
#define GRANULE_BITS   6
#define GRANULES       (RAM_PAGE_SIZE >> GRANULE_BITS)
#define RAM_PAGE_SIZE  4096u
/* No block is longer, so none that begins more granules before a byte can hold it. */
#define BLOCK_GRANULES ((BLOCK_INSNS * INSN_BYTES_MAX >> GRANULE_BITS) + 1)

struct code_page {
	uint64_t granules; /* that hold bytes of blocks */
	unsigned blocks;
	struct block *bucket[GRANULES];
};

/* ---- forgetting ---- */

static size_t block_size(const struct block *b)
{
	return sizeof(*b) + b->count * sizeof(b->insn[0]);
}

static struct block_front *front_slot(struct block_cache *cache, uint64_t key)
{
	return &cache->front[(key ^ key >> BLOCK_FRONT_BITS) & (BLOCK_FRONT - 1)];
}

static void front_remove(struct block_cache *cache, struct block *b)
{
	struct block_front *f = front_slot(cache, b->key);

	if (f->key == b->key)
		f->key = FRONT_NONE;
	b->key = FRONT_NONE;
}

/* The block is out of its page's bucket; the one that is running stays valid until it is left. */
static void block_free(struct vcpu *v, struct block *b)
{
	struct block_cache *cache = v->blocks;

	front_remove(cache, b);
	if (b->other)
		b->other->other = NULL;
	if (b->translations)
		v->translations_forget(v, b);
	cache->bytes -= block_size(b);
	if (b == cache->running) {
		cache->end = NULL;
		free(cache->zombie);
		cache->zombie = b;
	} else {
		free(b);
	}
}

static void page_forget(struct vcpu *v, uint64_t page)
{
	struct block_cache *cache = v->blocks;
	struct code_page *p = cache->page[page];
	struct block *b, *next;
	unsigned g;

	if (!p)
		return;
	for (g = 0; g < GRANULES; g++) {
		for (b = p->bucket[g]; b; b = next) {
			next = b->next;
			block_free(v, b);
		}
	}
	free(p);
	cache->bytes -= sizeof(*p);
	cache->page[page] = NULL;
	v->guard[page] &= (uint8_t)~GUARD_CODE;
}

static void blocks_forget(struct vcpu *v)
{
	uint64_t page;

	/* Machines that execute nothing are restored and remapped often. */
	if (!v->blocks->bytes)
		return;
	for (page = 0; page < v->blocks->pages; page++)
		page_forget(v, page);
}

static uint64_t granule_bits(uint64_t offset, uint64_t size)
{
	unsigned first = (unsigned)(offset >> GRANULE_BITS);
	unsigned last = (unsigned)((offset + size - 1) >> GRANULE_BITS);

	return (~0ull << first) & (~0ull >> (63 - last));
}

static void page_map_granules(struct code_page *p)
{
	const struct block *b;
	unsigned g;

	p->granules = 0;
	for (g = 0; g < GRANULES; g++)
		for (b = p->bucket[g]; b; b = b->next)
			p->granules |= granule_bits(b->ram_offset % RAM_PAGE_SIZE, b->bytes);
}

/* Forgets the blocks of one page that overlap the bytes from `offset` on. */
static void page_store(struct vcpu *v, uint64_t page, unsigned offset, unsigned size)
{
	struct block_cache *cache = v->blocks;
	struct code_page *p = cache->page[page];
	unsigned g, last = (offset + size - 1) >> GRANULE_BITS;
	bool hit = false;

	if (!p || !(p->granules & granule_bits(offset, size)))
		return;
	g = offset >> GRANULE_BITS;
	for (g = g < BLOCK_GRANULES ? 0 : g - BLOCK_GRANULES; g <= last; g++) {
		struct block **link = &p->bucket[g], *b;

		while ((b = *link)) {
			unsigned at = (unsigned)(b->ram_offset % RAM_PAGE_SIZE);

			if (at >= offset + size || offset >= at + b->bytes) {
				link = &b->next;
				continue;
			}
			*link = b->next;
			p->blocks--;
			block_free(v, b);
			hit = true;
		}
	}
	if (!hit)
		return;
	if (p->blocks == 0)
		page_forget(v, page);
	else
		page_map_granules(p);
}

void block_store(struct vcpu *v, uint64_t ram_offset, uint64_t size)
{
	while (size > 0) {
		uint64_t page = ram_offset / RAM_PAGE_SIZE;
		unsigned offset = (unsigned)(ram_offset % RAM_PAGE_SIZE);
		unsigned part =
		    size < RAM_PAGE_SIZE - offset ? (unsigned)size : RAM_PAGE_SIZE - offset;

		if (page >= v->blocks->pages)
			return;
		page_store(v, page, offset, part);
		ram_offset += part;
		size -= part;
	}
}

void vcpu_ram_changed(struct vcpu *v, uint64_t first, uint64_t count)
{
	uint64_t page, end = first + count;

	if (end > v->blocks->pages)
		end = v->blocks->pages;
	for (page = first; page < end; page++)
		page_forget(v, page);
}

/* ---- decoding ---- */

static bool is_conditional_jump(const struct insn *i)
{
	if (i->handler == insn_undefined || i->handler == insn_too_long)
		return false;
	return (i->map == MAP_1BYTE && i->opcode >= 0x70 && i->opcode <= 0x7f) ||
	       (i->map == MAP_0F && i->opcode >= 0x80 && i->opcode <= 0x8f);
}

/* Does an extended block go on behind it? Not where it is a loop: this jump is taken mostly. */
static bool is_passed(const struct insn *i, unsigned bytes)
{
	return is_conditional_jump(i) && i->immediate + bytes != 0;
}

/* Decodes a block at a RAM offset; NULL when its first instruction does not end in this page. */
static struct block *block_decode(const struct vcpu *v, uint64_t ram_offset, unsigned code_bits,
				  bool extended)
{
	struct insn insn[BLOCK_INSNS];
	unsigned offset = (unsigned)(ram_offset % RAM_PAGE_SIZE), bytes = 0, count = 0;
	const uint8_t *code = v->ram + ram_offset;
	struct block *b;

	while (count < BLOCK_INSNS) {
		unsigned available = RAM_PAGE_SIZE - offset - bytes;
		unsigned length;

		if (available == 0)
			break;
		length = insn_decode(&v->model, code_bits, code + bytes,
				     available < INSN_BYTES_MAX ? available : INSN_BYTES_MAX,
				     &insn[count]);
		if (length == 0)
			break;
		bytes += length;
		count++;
		if (insn[count - 1].ends_block && !(extended && is_passed(&insn[count - 1], bytes)))
			break;
	}
	if (count == 0)
		return NULL;
	b = malloc(sizeof(*b) + count * sizeof(insn[0]));
	if (!b)
		return NULL;
	*b = (struct block){
	    .ram_offset = ram_offset,
	    .bytes = (uint16_t)bytes,
	    .count = (uint8_t)count,
	    .code_bits = (uint8_t)code_bits,
	    .is_extended = extended,
	    .key = FRONT_NONE,
	};
	memcpy(b->insn, insn, count * sizeof(insn[0]));
	return b;
}

/* To its page, which is there. */
static void page_add(struct block_cache *cache, struct code_page *p, struct block *b)
{
	unsigned offset = (unsigned)(b->ram_offset % RAM_PAGE_SIZE);
	struct block **bucket = &p->bucket[offset >> GRANULE_BITS];

	b->next = *bucket;
	*bucket = b;
	p->blocks++;
	p->granules |= granule_bits(offset, b->bytes);
	cache->bytes += block_size(b);
}

/* The block at a RAM offset, decoded if need be; NULL when it has to be done without one. */
static struct block *block_get(struct vcpu *v, uint64_t ram_offset)
{
	struct block_cache *cache = v->blocks;
	uint64_t page = ram_offset / RAM_PAGE_SIZE;
	unsigned g = (unsigned)(ram_offset % RAM_PAGE_SIZE) >> GRANULE_BITS;
	struct code_page *p = cache->page[page];
	struct block *b;

	if (p) {
		for (b = p->bucket[g]; b; b = b->next)
			if (b->ram_offset == ram_offset && b->code_bits == v->c->code_bits &&
			    !b->is_extended)
				return b;
	}
	if (cache->bytes > BLOCK_MEMORY) {
		blocks_forget(v);
		p = NULL;
	}
	b = block_decode(v, ram_offset, v->c->code_bits, false);
	if (!b)
		return NULL;
	if (!p) {
		p = calloc(1, sizeof(*p));
		if (!p) {
			free(b);
			return NULL;
		}
		cache->page[page] = p;
		cache->bytes += sizeof(*p);
		v->guard[page] |= GUARD_CODE;
		tlb_shadow_drop_stores(v);
	}
	page_add(cache, p, b);
	return b;
}

struct block *block_extend(struct vcpu *v, struct block *b)
{
	struct block_cache *cache = v->blocks;
	struct block *longer;

	if (b->other || b->is_extended)
		return b->other;
	if (!is_passed(&b->insn[b->count - 1], b->bytes) || cache->bytes > BLOCK_MEMORY)
		return NULL;
	longer = block_decode(v, b->ram_offset, b->code_bits, true);
	if (!longer)
		return NULL;
	if (longer->count == b->count) {
		free(longer);
		return NULL;
	}
	longer->other = b;
	b->other = longer;
	page_add(cache, cache->page[b->ram_offset / RAM_PAGE_SIZE], longer);
	return longer;
}

/*
 * An instruction that crosses a page or does not lie in RAM: fetched as the processor does each
 * time, and the second page only when the instruction goes on there.
 */
static const struct insn *single_enter(struct vcpu *v, unsigned in_page)
{
	struct block_cache *cache = v->blocks;
	uint64_t rip = v->c->reg[GPR_RIP];
	uint8_t bytes[INSN_BYTES_MAX];
	unsigned max = in_page < INSN_BYTES_MAX ? in_page : INSN_BYTES_MAX;
	unsigned got = mem_fetch(v, rip, bytes, max);

	cache->end = NULL;
	cache->running = NULL;
	if (insn_decode(&v->model, v->c->code_bits, bytes, got, &cache->single) != 0)
		return &cache->single;
	if (got == max && max < INSN_BYTES_MAX) {
		uint64_t next = (rip + got) & v->c->linear_mask;

		got += mem_fetch(v, next, bytes + got, INSN_BYTES_MAX - got);
		if (insn_decode(&v->model, v->c->code_bits, bytes, got, &cache->single) != 0)
			return &cache->single;
	}
	mem_fetch_raise(v, (rip + got) & v->c->linear_mask);
	/* Not reached: the fetch stopped there for a reason. */
	cpu_raise_error(v, EXC_GP, 0);
}

static __attribute__((noinline)) uint64_t enter_translate(struct vcpu *v, uint64_t linear)
{
	mem_fetch_raise(v, v->c->reg[GPR_RIP]);
	return mem_fetch_page(v, linear & PAGE_MASK);
}

static __attribute__((noinline)) struct block *enter_slow(struct vcpu *v, uint64_t gpa,
							  uint64_t key)
{
	struct block_front *f = front_slot(v->blocks, key);
	bool writable;
	uint64_t page = v->ops->ram_page(v->machine, gpa & PAGE_MASK, &writable);
	struct block *b;

	if (page == UINT64_MAX)
		return NULL;
	b = block_get(v, page + (gpa & ~PAGE_MASK));
	if (!b)
		return NULL;
	/* Of two addresses for the same RAM the last one counts. */
	front_remove(v->blocks, b);
	b->key = key;
	*f = (struct block_front){.key = key, .block = b};
	return b;
}

const struct insn *block_enter(struct vcpu *v)
{
	struct block_cache *cache = v->blocks;
	const struct cpu *c = v->c;
	uint64_t rip = c->reg[GPR_RIP], linear, gpa, key;
	const struct tlb_code_entry *t;
	const struct block_front *f;
	struct block *b;

	linear = c->code_bits == 64 ? rip : (c->seg[SEG_CS].base + rip) & c->linear_mask;
	t = &v->tlb->code[c->cpl == 3][(linear >> PAGE_BITS) & (TLB_SIZE - 1)];
	gpa = likely(t->page == (linear & PAGE_MASK)) ? t->gpa : enter_translate(v, linear);
	gpa |= linear & ~PAGE_MASK;

	/* Code sizes 16, 32 and 64 as 1, 2 and 4: the address has at most 52 bits. */
	key = gpa << 3 | c->code_bits >> 4;
	f = front_slot(cache, key);
	b = likely(f->key == key) ? f->block : enter_slow(v, gpa, key);
	if (unlikely(!b || (c->code_bits != 64 && rip + b->bytes - 1 > c->seg[SEG_CS].limit)))
		return single_enter(v, RAM_PAGE_SIZE - (unsigned)(linear & ~PAGE_MASK));
	cache->running = b;
	cache->end = b->insn + b->count;
	return b->insn;
}

/* ---- life cycle ---- */

int vcpu_open(struct vcpu *v)
{
	struct block_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return -1;
	cache->pages = v->ram_size / RAM_PAGE_SIZE;
	cache->page = calloc(cache->pages ? cache->pages : 1, sizeof(cache->page[0]));
	if (!cache->page) {
		free(cache);
		return -1;
	}
	memset(cache->front, 0xff, sizeof(cache->front));
	v->blocks = cache;
	return 0;
}

void vcpu_close(struct vcpu *v)
{
	if (!v->blocks)
		return;
	v->blocks->running = NULL;
	blocks_forget(v);
	free(v->blocks->zombie);
	free(v->blocks->page);
	free(v->blocks);
	v->blocks = NULL;
}

void vcpu_state_replaced(struct vcpu *v)
{
	blocks_forget(v);
	tlb_shadow_clear(v);
}

void vcpu_guard_changed(struct vcpu *v)
{
	tlb_shadow_drop_stores(v);
}

void vcpu_map_changed(struct vcpu *v)
{
	/* There are no blocks yet while a machine is being built. */
	if (v->blocks)
		blocks_forget(v);
	tlb_flush(v, true);
	vcpu_kick(v);
}
