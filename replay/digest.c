/* SPDX-License-Identifier: Apache-2.0 */
/* State digests; see digest.h. */
#include "replay/digest.h"

#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "emulator/accel/accel.h"

int digester_open(struct digester *d, struct machine *m, struct error *e)
{
	d->m = m;
	d->sum = 0;
	d->page_hash = calloc(m->ram.pages, sizeof(*d->page_hash));
	if (!d->page_hash)
		return error_set(e, ERROR_HOST, "out of memory");
	return m->accel->log_dirty ? m->accel->log_dirty(m, e) : 0;
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

/* A segment register's hidden part, as far as every processor has the same. */
static void normalise_segment(uint64_t *base, uint32_t *limit, uint16_t *attr, bool real)
{
	if (real) {
		*attr = 0;
	} else if (!(*attr & SEG_P)) {
		*base = 0;
		*limit = 0;
		*attr = 0;
	} else {
		*attr &= (uint16_t) ~(SEG_AVL | SEG_ACCESSED);
	}
}

/*
 * Backends that agree on all that a guest can see still differ in what they keep of a null
 * segment, in RF inside a repeated instruction (kvm.c), in the last x87 instruction's address
 * (which some processors keep only after an exception), and in when a shadow of STI ends.
 */
static void normalise(struct cpu_regs *r)
{
	bool real = !(r->cr0 & CR0_PE) || (r->rflags & FLAG_VM);
	bool wide = (r->efer & EFER_LMA) && (r->seg[SEG_CS].attr & SEG_L);

	for (unsigned n = 0; n < 6; n++) {
		uint64_t base = r->seg[n].base;
		uint16_t attr = r->seg[n].attr;

		/* In 64-bit mode these have no base but FS and GS, and no limit. */
		if (wide && n != SEG_CS) {
			base = n >= SEG_FS ? base : 0;
			r->seg[n].limit = 0;
			attr = n == SEG_SS ? attr & (uint16_t)(3 << 5) : 0;
		} else {
			if (!real && !(r->seg[n].selector & ~3u))
				attr = 0;
			normalise_segment(&base, &r->seg[n].limit, &attr, real);
		}
		r->seg[n].base = base;
		r->seg[n].attr = attr;
	}
	normalise_segment(&r->ldtr.base, &r->ldtr.limit, &r->ldtr.attr, !(r->ldtr.selector & ~3u));
	normalise_segment(&r->tr.base, &r->tr.limit, &r->tr.attr, !(r->tr.selector & ~3u));
	r->rflags &= ~(uint64_t)FLAG_RF;
	/* Only whether a register is empty; the rest of a tag follows from its content. */
	for (unsigned n = 0; n < 8; n++) {
		if ((r->fpu_tag >> (2 * n) & 3) != 3)
			r->fpu_tag &= ~(3ull << (2 * n));
	}
	r->fpu_ip = r->fpu_dp = r->fpu_opcode = 0;
	r->shadowed = 0;
}

uint64_t digest_registers(const struct machine *m)
{
	struct cpu_regs regs;

	cpu_get_regs(m->vcpu.c, &regs);
	if (m->config.host_time)
		normalise(&regs);
	return XXH3_64bits(&regs, sizeof(regs));
}

uint64_t digest_ram(struct digester *d)
{
	ram_log_take(&d->m->ram, RAM_LOG_DIGEST, hash_page, d);
	vcpu_guard_changed(&d->m->vcpu);
	return d->sum;
}

struct digest digest_take(struct digester *d)
{
	struct machine *m = d->m;

	machine_sync(m);
	return (struct digest){
	    .registers = digest_registers(m),
	    .arena = XXH3_64bits(m->arena, m->cpu_offset),
	    .ram = digest_ram(d),
	};
}

uint64_t digest_next_mark(const struct machine *m)
{
	if (m->config.host_time)
		return (machine_count(m) / DIGEST_EXITS + 1) * DIGEST_EXITS;
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

/* What CS adds to RIP: nothing in 64-bit mode. */
static uint64_t code_base(const struct vcpu *v)
{
	return v->c->code_bits == 64 ? 0 : v->c->seg[SEG_CS].base;
}

void place_take(struct digester *d, uint8_t bytes[PLACE_BYTES])
{
	machine_sync(d->m);
	store64(bytes, digest_registers(d->m));
	store64(bytes + 8, digest_ram(d));
	store64(bytes + 16, code_base(&d->m->vcpu));
	bytes[24] = d->m->vcpu.c->cpl;
}

struct host_place place_load(uint64_t rip, const uint8_t bytes[PLACE_BYTES])
{
	return (struct host_place){
	    .rip = rip, .linear = load64(bytes + 16) + rip, .cpl = bytes[24]};
}

bool place_matches(struct digester *d, uint64_t rip, const uint8_t bytes[PLACE_BYTES])
{
	machine_sync(d->m);
	return d->m->vcpu.c->reg[GPR_RIP] == rip && digest_registers(d->m) == load64(bytes) &&
	       digest_ram(d) == load64(bytes + 8);
}
