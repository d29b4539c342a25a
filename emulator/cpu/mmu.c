/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory as the processor sees it: segment checks, page walks, the TLB, and where a
 * guest-physical address leads (Intel SDM vol. 3A chapters 3 and 4).
 *
 * Every access that the inline fast paths of mem.h cannot do comes here. It is resolved in three
 * steps, each finished for the whole access before the next begins, so that a fault leaves memory
 * untouched: the segment gives a linear range; each page of the range (there are at most two) gives
 * a place in RAM or a guest-physical address; then bytes move, or exits go out.
 *
 * Accessed bits of entries that refer to another table are set as the walk passes them; those of
 * the entry that maps the page, and its dirty bit, only when the access is allowed. That is what
 * Intel processors do.
 */
#include "emulator/cpu/mem.h"

#include "emulator/cpu/block.h"
#include "emulator/cpu/debug.h"
#include "emulator/cpu/system.h"

#define PTE_P  (1ull << 0)
#define PTE_W  (1ull << 1)
#define PTE_U  (1ull << 2)
#define PTE_A  (1ull << 5)
#define PTE_D  (1ull << 6)
#define PTE_PS (1ull << 7)
#define PTE_G  (1ull << 8)
#define PTE_NX (1ull << 63)

#define PHYS_MASK ((1ull << MAXPHYADDR) - 1)
#define FRAME     (PHYS_MASK & PAGE_MASK)

/* Page-fault error code, SDM vol. 3A 4.7. */
#define PF_P    (1u << 0)
#define PF_W    (1u << 1)
#define PF_U    (1u << 2)
#define PF_RSVD (1u << 3)
#define PF_ID   (1u << 4)

#define NOT_RAM UINT64_MAX

/* Flags of TLB entries besides TLB_GLOBAL: the size of the page that a 4 KiB entry is part of. */
#define TLB_SHIFT_BIT 8 /* bits 8..15: log2 of the page size */

enum access { ACCESS_READ, ACCESS_WRITE, ACCESS_FETCH };

/* ---- guest-physical memory ---- */

static uint64_t a20_mask(const struct cpu *c)
{
	return c->a20 ? UINT64_MAX : ~(1ull << 20);
}

/* RAM offset of a guest-physical address, or NOT_RAM. */
static uint64_t ram_offset(const struct vcpu *v, uint64_t gpa, bool *writable)
{
	uint64_t page;

	gpa &= a20_mask(v->c);
	page = v->ops->ram_page(v->machine, gpa & PAGE_MASK, writable);
	return page == NOT_RAM ? NOT_RAM : page + (gpa & ~PAGE_MASK);
}

static uint64_t mmio_read(struct vcpu *v, uint64_t gpa, unsigned size)
{
	struct exit e = {
	    .kind = EXIT_MMIO,
	    .size = (uint8_t)size,
	    .address = gpa,
	    .rip = exit_rip(v),
	};

	v->ops->exit(v->machine, &e);
	return e.data;
}

static void mmio_write(struct vcpu *v, uint64_t gpa, unsigned size, uint64_t value)
{
	struct exit e = {
	    .kind = EXIT_MMIO,
	    .is_write = true,
	    .size = (uint8_t)size,
	    .address = gpa,
	    .data = value,
	    .rip = exit_rip(v),
	};

	v->ops->exit(v->machine, &e);
}

void mem_guard(struct vcpu *v, uint64_t ram_offset, unsigned size)
{
	uint64_t page = ram_offset >> PAGE_BITS;

	if (v->guard[page] & GUARD_CODE)
		block_store(v, ram_offset, size);
	if (v->guard[page] & GUARD_CLEAN)
		v->page_dirty(v->machine, page);
}

static void ram_store(struct vcpu *v, uint64_t at, const void *data, unsigned size)
{
	if (unlikely(v->guard[at >> PAGE_BITS]))
		mem_guard(v, at, size);
	memcpy(v->ram + at, data, size);
}

/* ---- page walks ---- */

/* An entry of a paging structure and where it was found. */
struct entry {
	uint64_t value;
	uint64_t ram; /* NOT_RAM: read as all ones */
	bool writable;
};

struct walk {
	uint64_t gpa;   /* of the 4 KiB page */
	uint32_t error; /* when the walk failed */
	uint8_t shift;  /* log2 of the page size */
	bool write;     /* a store is allowed and the dirty bit is set */
	bool global;
	uint8_t tables; /* how many entries were read, and where: RAM offsets, or NOT_RAM */
	uint64_t table[4];
};

static struct entry entry_read(struct vcpu *v, uint64_t gpa, unsigned size)
{
	struct entry e = {.value = 0, .writable = false};

	e.ram = ram_offset(v, gpa, &e.writable);
	if (e.ram == NOT_RAM)
		e.value = size == 8 ? UINT64_MAX : UINT32_MAX;
	else if (size == 8)
		memcpy(&e.value, v->ram + e.ram, 8);
	else
		memcpy(&e.value, v->ram + e.ram, 4);
	return e;
}

/* Accessed and dirty are in the lowest byte; a table in ROM keeps what it has. */
static void entry_mark(struct vcpu *v, const struct entry *e, uint64_t bits)
{
	uint8_t byte = (uint8_t)(e->value | bits);

	if ((e->value & bits) != bits && e->ram != NOT_RAM && e->writable)
		ram_store(v, e->ram, &byte, 1);
}

/* Bits that must be 0 in an entry that maps or refers at this level (SDM vol. 3A 4.3 to 4.5). */
static uint64_t entry_reserved(const struct cpu *c, uint64_t entry, unsigned shift)
{
	uint64_t mask;

	if (!(c->cr4 & CR4_PAE))
		return shift == 22 && (entry & PTE_PS) && (c->cr4 & CR4_PSE) ? 1ull << 21 : 0;

	mask = 0x000fffffffffffffull & ~PHYS_MASK;
	if (!cpu_long_mode(c))
		mask |= 0x7ff0000000000000ull;
	if (!(c->efer & EFER_NXE))
		mask |= PTE_NX;
	if (shift == 39)
		mask |= PTE_PS;
	else if (shift > 12 && (entry & PTE_PS))
		mask |= ((1ull << shift) - 1) & ~0x1fffull;
	return mask;
}

static bool entry_is_leaf(const struct cpu *c, uint64_t entry, unsigned shift)
{
	if (shift == 12)
		return true;
	if (!(entry & PTE_PS))
		return false;
	return (c->cr4 & CR4_PAE) || (c->cr4 & CR4_PSE);
}

/* Guest-physical address of the 4 KiB page within the page that a leaf maps. */
static uint64_t entry_page(const struct cpu *c, uint64_t entry, unsigned shift, uint64_t linear)
{
	uint64_t inside = ((1ull << shift) - 1) & PAGE_MASK;
	uint64_t base = entry & FRAME & ~inside;

	/* PSE-36: bits 39..32 of a 4 MiB page's address are in bits 20..13. */
	if (!(c->cr4 & CR4_PAE) && shift == 22)
		base = (entry & 0xffc00000) | ((entry >> 13) & 0xff) << 32;
	return base | (linear & inside);
}

/* SDM vol. 3A 4.6.1. `rights` has W and U when every entry has them, NX when any has it. */
static bool access_allowed(const struct cpu *c, uint64_t rights, unsigned set, enum access access)
{
	bool user_page = rights & PTE_U;

	if (access == ACCESS_FETCH && (rights & PTE_NX))
		return false;
	if (set == MMU_USER)
		return user_page && (access != ACCESS_WRITE || (rights & PTE_W));
	if (access == ACCESS_FETCH)
		return !user_page || !(c->cr4 & CR4_SMEP);
	if (user_page && set == MMU_KERNEL && (c->cr4 & CR4_SMAP))
		return false;
	return access != ACCESS_WRITE || (rights & PTE_W) || !(c->cr0 & CR0_WP);
}

static bool walk_failed(const struct cpu *c, struct walk *w, unsigned set, enum access access,
			uint32_t why)
{
	bool nx = (c->efer & EFER_NXE) && (c->cr4 & CR4_PAE);

	w->error = why | (access == ACCESS_WRITE ? PF_W : 0) | (set == MMU_USER ? PF_U : 0);
	if (access == ACCESS_FETCH && (nx || (c->cr4 & CR4_SMEP)))
		w->error |= PF_ID;
	return false;
}

/* What else a walk does than to find out: check permissions, set accessed and dirty bits. */
enum walk_kind { WALK_ACCESS, WALK_CHECK, WALK_FREE };

/* Translates one page. False when the access faults; w->error then is the error code. */
static bool walk(struct vcpu *v, uint64_t linear, unsigned set, enum access access,
		 enum walk_kind kind, struct walk *w)
{
	const struct cpu *c = v->c;
	bool pae = c->cr4 & CR4_PAE;
	unsigned bits = pae ? 9 : 10, size = pae ? 8 : 4, shift;
	uint64_t rights = PTE_W | PTE_U, nx = 0, table;
	struct entry e;

	w->tables = 0;
	if (!(c->cr0 & CR0_PG)) {
		*w = (struct walk){.gpa = linear & PAGE_MASK, .shift = 12, .write = true};
		return true;
	}
	if (cpu_long_mode(c)) {
		shift = 39;
		table = c->cr3 & FRAME;
	} else if (pae) {
		table = c->pdpte[(linear >> 30) & 3];
		if (!(table & PTE_P))
			return walk_failed(c, w, set, access, 0);
		shift = 21;
		table &= FRAME;
	} else {
		shift = 22;
		table = c->cr3 & 0xfffff000;
	}

	for (;; shift -= bits) {
		uint64_t index = (linear >> shift) & ((1u << bits) - 1);

		e = entry_read(v, table + index * size, size);
		w->table[w->tables++] = e.ram;
		if (!(e.value & PTE_P))
			return walk_failed(c, w, set, access, 0);
		if (e.value & entry_reserved(c, e.value, shift))
			return walk_failed(c, w, set, access, PF_P | PF_RSVD);
		rights &= e.value;
		nx |= e.value & PTE_NX;
		if (entry_is_leaf(c, e.value, shift))
			break;
		if (kind == WALK_ACCESS)
			entry_mark(v, &e, PTE_A);
		table = e.value & FRAME;
	}

	if (kind != WALK_FREE && !access_allowed(c, rights | nx, set, access))
		return walk_failed(c, w, set, access, PF_P);
	if (kind == WALK_ACCESS)
		entry_mark(v, &e, access == ACCESS_WRITE ? PTE_A | PTE_D : PTE_A);
	w->gpa = entry_page(c, e.value, shift, linear);
	w->shift = (uint8_t)shift;
	w->write = (access == ACCESS_WRITE || (e.value & PTE_D)) &&
		   access_allowed(c, rights | nx, set, ACCESS_WRITE);
	w->global = (e.value & PTE_G) && (c->cr4 & CR4_PGE);
	return true;
}

static _Noreturn void raise_page_fault(struct vcpu *v, uint64_t linear, uint32_t error)
{
	v->c->cr2 = linear;
	cpu_raise_error(v, EXC_PF, error);
}

bool mmu_load_pdptes(struct vcpu *v, uint64_t cr3)
{
	/* SDM vol. 3A table 4-8: bits 2..1, 8..5 and those beyond MAXPHYADDR are reserved. */
	const uint64_t reserved = ~PHYS_MASK | 0x1e6;
	uint64_t pdpte[4];

	for (unsigned n = 0; n < 4; n++) {
		pdpte[n] = entry_read(v, (cr3 & 0xffffffe0) + n * 8, 8).value;
		if ((pdpte[n] & PTE_P) && (pdpte[n] & reserved))
			return false;
	}
	memcpy(v->c->pdpte, pdpte, sizeof(pdpte));
	return true;
}

bool mem_debug_translate(struct vcpu *v, uint64_t linear, uint64_t *gpa)
{
	struct walk w;

	if (!walk(v, linear, MMU_KERNEL, ACCESS_READ, WALK_FREE, &w))
		return false;
	*gpa = (w.gpa | (linear & ~PAGE_MASK)) & a20_mask(v->c);
	return true;
}

struct mem_translation mem_translate(struct vcpu *v, uint64_t linear, const struct mem_purpose *how)
{
	enum access access = how->fetch ? ACCESS_FETCH : how->write ? ACCESS_WRITE : ACCESS_READ;
	enum walk_kind kind = how->exempt ? WALK_FREE : how->mark ? WALK_ACCESS : WALK_CHECK;
	struct walk w = {.gpa = 0};

	if (!walk(v, linear, v->c->mmu_real, access, kind, &w))
		return (struct mem_translation){.error = w.error};
	return (struct mem_translation){
	    .ok = true,
	    .gpa = (w.gpa | (linear & ~PAGE_MASK)) & a20_mask(v->c),
	};
}

bool mem_walk_reads(struct vcpu *v, uint64_t linear, uint64_t ram_offset)
{
	struct walk w;

	if (!walk(v, linear, v->c->mmu_real, ACCESS_READ, true, &w))
		return true;
	for (unsigned n = 0; n < w.tables; n++) {
		if (w.table[n] != NOT_RAM && w.table[n] >> PAGE_BITS == ram_offset >> PAGE_BITS)
			return true;
	}
	return false;
}

/* ---- TLB ---- */

static const struct tlb_entry empty_data = {.read = TLB_EMPTY, .write = TLB_EMPTY};
static const struct tlb_code_entry empty_code = {.page = TLB_EMPTY};

static void tlb_forget_large(struct tlb *t)
{
	for (unsigned half = 0; half < 2; half++) {
		t->large[half].first = UINT64_MAX;
		t->large[half].last = 0;
	}
}

/* Fresh memory is full of entries for page 0. */
static void tlb_make_ready(struct tlb *t)
{
	for (unsigned n = 0; n < TLB_SIZE; n++) {
		for (unsigned set = 0; set < MMU_COUNT; set++)
			t->data[set][n] = empty_data;
		for (unsigned set = 0; set < 2; set++)
			t->code[set][n] = empty_code;
	}
	memset(t->data_filled, 0, sizeof(t->data_filled));
	memset(t->code_filled, 0, sizeof(t->code_filled));
	tlb_forget_large(t);
	t->ready = true;
}

static void filled_mark(struct tlb_filled *f, unsigned slot, uint64_t flags)
{
	uint64_t bit = 1ull << (slot & 63);
	uint64_t *in = flags & TLB_GLOBAL ? f->global : f->local;
	uint64_t *out = flags & TLB_GLOBAL ? f->local : f->global;

	in[slot / 64] |= bit;
	out[slot / 64] &= ~bit;
}

/* Takes out and returns a set of 64 slots that a flush empties. */
static uint64_t filled_take(struct tlb_filled *f, unsigned word, bool global_too)
{
	uint64_t slots = f->local[word] | (global_too ? f->global[word] : 0);

	f->local[word] = 0;
	if (global_too)
		f->global[word] = 0;
	return slots;
}

void tlb_shadow_clear(struct vcpu *v)
{
	for (unsigned set = 0; v->shadow && set < MMU_TRANSLATED; set++) {
		for (unsigned n = 0; n < TLB_SIZE; n++)
			tlb_shadow_drop(v, set, n);
	}
}

void tlb_shadow_drop_stores(struct vcpu *v)
{
	for (unsigned set = 0; v->shadow && set < MMU_TRANSLATED; set++) {
		const struct tlb_filled *f = &v->tlb->data_filled[set];

		for (unsigned word = 0; word < TLB_SIZE / 64; word++) {
			uint64_t slots = f->local[word] | f->global[word];

			for (; slots; slots &= slots - 1)
				v->shadow->entry[set][word * 64 + __builtin_ctzll(slots)].write =
				    TLB_EMPTY;
		}
	}
}

void tlb_flush(struct vcpu *v, bool global_too)
{
	struct tlb *t = v->tlb;

	if (t->empty)
		return;
	if (!t->ready) {
		tlb_make_ready(t);
		tlb_shadow_clear(v);
	}
	for (unsigned word = 0; word < TLB_SIZE / 64; word++) {
		for (unsigned set = 0; set < MMU_TRANSLATED; set++) {
			uint64_t slots = filled_take(&t->data_filled[set], word, global_too);

			for (; slots; slots &= slots - 1) {
				unsigned slot = word * 64 + (unsigned)__builtin_ctzll(slots);

				t->data[set][slot] = empty_data;
				tlb_shadow_drop(v, set, slot);
			}
		}
		for (unsigned set = 0; set < 2; set++) {
			uint64_t slots = filled_take(&t->code_filled[set], word, global_too);

			for (; slots; slots &= slots - 1)
				t->code[set][word * 64 + __builtin_ctzll(slots)] = empty_code;
		}
	}
	if (global_too) {
		tlb_forget_large(t);
		t->empty = true;
	}
}

/* Whether an entry is for the page, of whatever size, that maps `linear`. */
static bool tlb_covers(uint64_t page, uint64_t flags, uint64_t linear)
{
	unsigned shift = (flags >> TLB_SHIFT_BIT) & 63;

	return page != TLB_EMPTY && shift && (page >> shift) == (linear >> shift);
}

static void tlb_flush_slot(struct vcpu *v, unsigned slot, uint64_t linear)
{
	struct tlb *t = v->tlb;

	for (unsigned set = 0; set < MMU_TRANSLATED; set++) {
		struct tlb_entry *e = &t->data[set][slot];

		if (tlb_covers(e->read & PAGE_MASK, e->flags, linear)) {
			*e = empty_data;
			tlb_shadow_drop(v, set, slot);
		}
	}
	for (unsigned set = 0; set < 2; set++) {
		struct tlb_code_entry *e = &t->code[set][slot];

		if (tlb_covers(e->page, e->flags, linear))
			*e = empty_code;
	}
}

/*
 * SDM vol. 2A INVLPG: the whole page goes, global or not. A large page may have filled any slot,
 * so where one was cached near this address all slots are looked at.
 */
void tlb_flush_page(struct vcpu *v, uint64_t linear)
{
	struct tlb *t = v->tlb;

	if (linear < t->large[linear >> 63].first || linear > t->large[linear >> 63].last) {
		tlb_flush_slot(v, (linear >> PAGE_BITS) & (TLB_SIZE - 1), linear);
		return;
	}
	for (unsigned word = 0; word < TLB_SIZE / 64; word++) {
		uint64_t slots = 0;

		for (unsigned set = 0; set < MMU_TRANSLATED; set++)
			slots |= t->data_filled[set].local[word] | t->data_filled[set].global[word];
		for (unsigned set = 0; set < 2; set++)
			slots |= t->code_filled[set].local[word] | t->code_filled[set].global[word];
		for (; slots; slots &= slots - 1)
			tlb_flush_slot(v, word * 64 + (unsigned)__builtin_ctzll(slots), linear);
	}
}

static uint64_t tlb_flags(struct tlb *t, const struct walk *w, uint64_t linear)
{
	t->empty = false;
	if (w->shift > PAGE_BITS) {
		uint64_t inside = (1ull << w->shift) - 1;
		unsigned half = linear >> 63;

		if (t->large[half].first > (linear & ~inside))
			t->large[half].first = linear & ~inside;
		if (t->large[half].last < (linear | inside))
			t->large[half].last = linear | inside;
	}
	return (w->global ? TLB_GLOBAL : 0) | (uint64_t)w->shift << TLB_SHIFT_BIT;
}

/* ---- from linear addresses to places ---- */

struct place {
	uint64_t ram; /* NOT_RAM: go out as an exit */
	uint64_t gpa; /* valid when NOT_RAM */
};

/* Enters a translation; `ram` is the page's RAM offset, or NOT_RAM. */
static void tlb_fill(struct vcpu *v, unsigned set, uint64_t page, const struct walk *w,
		     uint64_t ram, bool writable)
{
	unsigned slot = (page >> PAGE_BITS) & (TLB_SIZE - 1);
	struct tlb_entry *t = &v->tlb->data[set][slot];

	if (ram == NOT_RAM) {
		t->read = page | TLB_OUTSIDE;
		t->write = w->write ? page | TLB_OUTSIDE : TLB_EMPTY;
		t->delta = w->gpa - page;
	} else {
		t->read = page;
		t->write = w->write && writable ? page : TLB_EMPTY;
		t->delta = ram - page;
	}
	t->flags = tlb_flags(v->tlb, w, page);
	filled_mark(&v->tlb->data_filled[set], slot, t->flags);
	tlb_shadow_drop(v, set, slot);
}

/* Translates the page of `linear`, raising #PF, and remembers it. */
static struct place locate(struct vcpu *v, uint64_t linear, unsigned set, enum access access)
{
	uint64_t page = linear & PAGE_MASK, ram;
	const struct tlb_entry *t = &v->tlb->data[set][(linear >> PAGE_BITS) & (TLB_SIZE - 1)];
	uint64_t tag = access == ACCESS_WRITE ? t->write : t->read;
	bool writable = false;
	struct walk w;

	if (tag == page)
		return (struct place){.ram = linear + t->delta};
	if (tag == (page | TLB_OUTSIDE))
		return (struct place){.ram = NOT_RAM, .gpa = linear + t->delta};
	if (!walk(v, linear, set, access, WALK_ACCESS, &w))
		raise_page_fault(v, linear, w.error);

	w.gpa &= a20_mask(v->c);
	ram = ram_offset(v, w.gpa, &writable);
	tlb_fill(v, set, page, &w, ram, writable);
	/* ROM is read like RAM, but what is written to it goes to the bus. */
	if (ram == NOT_RAM || (access == ACCESS_WRITE && !writable))
		return (struct place){.ram = NOT_RAM, .gpa = w.gpa | (linear & ~PAGE_MASK)};
	return (struct place){.ram = ram + (linear & ~PAGE_MASK)};
}

/* A range of at most 4096 bytes, in one or two pages. */
struct range {
	struct place place[2];
	unsigned size[2];
};

static void range_locate(struct vcpu *v, struct range *r, uint64_t linear, uint64_t mask,
			 unsigned size, unsigned set, enum access access)
{
	unsigned room = (unsigned)(PAGE_SIZE_4K - (linear & ~PAGE_MASK));

	r->size[0] = size < room ? size : room;
	r->size[1] = size - r->size[0];
	r->place[0] = locate(v, linear, set, access);
	if (r->size[1])
		r->place[1] = locate(v, (linear + r->size[0]) & mask, set, access);
}

static void mmio_read_bytes(struct vcpu *v, uint64_t gpa, uint8_t *data, unsigned size)
{
	for (unsigned done = 0; done < size;) {
		unsigned n = size - done < 8 ? size - done : 8;
		uint64_t value = mmio_read(v, gpa + done, n);

		memcpy(data + done, &value, n);
		done += n;
	}
}

static void place_read(struct vcpu *v, const struct place *p, uint8_t *data, unsigned size)
{
	if (p->ram != NOT_RAM)
		memcpy(data, v->ram + p->ram, size);
	else
		mmio_read_bytes(v, p->gpa, data, size);
}

static void place_write(struct vcpu *v, const struct place *p, const uint8_t *data, unsigned size)
{
	if (p->ram != NOT_RAM) {
		ram_store(v, p->ram, data, size);
		return;
	}
	for (unsigned done = 0; done < size;) {
		unsigned n = size - done < 8 ? size - done : 8;
		uint64_t value = 0;

		memcpy(&value, data + done, n);
		mmio_write(v, p->gpa + done, n, value);
		done += n;
	}
}

static void linear_read(struct vcpu *v, uint64_t linear, uint64_t mask, void *data, unsigned size,
			unsigned set, enum access access)
{
	struct range r;

	range_locate(v, &r, linear, mask, size, set, access);
	if (v->c->mmu == MMU_SLOW)
		debug_data_access(v->c, linear, size, false);
	place_read(v, &r.place[0], data, r.size[0]);
	if (r.size[1])
		place_read(v, &r.place[1], (uint8_t *)data + r.size[0], r.size[1]);
}

static void linear_write(struct vcpu *v, uint64_t linear, uint64_t mask, const void *data,
			 unsigned size, unsigned set)
{
	struct range r;

	range_locate(v, &r, linear, mask, size, set, ACCESS_WRITE);
	if (v->c->mmu == MMU_SLOW)
		debug_data_access(v->c, linear, size, true);
	place_write(v, &r.place[0], data, r.size[0]);
	if (r.size[1])
		place_write(v, &r.place[1], (const uint8_t *)data + r.size[0], r.size[1]);
}

/* ---- accesses by linear address ---- */

static uint64_t system_mask(const struct cpu *c)
{
	return cpu_long_mode(c) ? UINT64_MAX : UINT32_MAX;
}

/* Where 4 or 8 bytes of RAM are that the TLB knows; NULL: the long way, which may be an exit. */
static uint8_t *linear_ram(struct vcpu *v, uint64_t linear, unsigned size, unsigned mmu, bool write)
{
	const struct tlb_entry *t = &v->tlb->data[mmu][(linear >> PAGE_BITS) & (TLB_SIZE - 1)];
	uint64_t at = linear + t->delta;

	if (((linear + size - 1) & PAGE_MASK) != (write ? t->write : t->read) ||
	    (size != 8 && size != 4) || v->c->mmu == MMU_SLOW)
		return NULL;
	if (write && unlikely(v->guard[at >> PAGE_BITS]))
		mem_guard(v, at, size);
	return v->ram + at;
}

uint64_t mem_read_linear(struct vcpu *v, uint64_t linear, unsigned size, unsigned mmu)
{
	uint64_t mask = system_mask(v->c), value = 0;
	const uint8_t *ram = linear_ram(v, linear & mask, size, mmu, false);

	if (ram && size == 8)
		memcpy(&value, ram, 8);
	else if (ram)
		memcpy(&value, ram, 4);
	else
		linear_read(v, linear & mask, mask, &value, size, mmu, ACCESS_READ);
	return value;
}

void mem_write_linear(struct vcpu *v, uint64_t linear, unsigned size, uint64_t value, unsigned mmu)
{
	uint64_t mask = system_mask(v->c);
	uint8_t *ram = linear_ram(v, linear & mask, size, mmu, true);

	if (ram && size == 8)
		memcpy(ram, &value, 8);
	else if (ram)
		memcpy(ram, &value, 4);
	else
		linear_write(v, linear & mask, mask, &value, size, mmu);
}

uint64_t mem_read_system(struct vcpu *v, uint64_t linear, unsigned size)
{
	return mem_read_linear(v, linear, size, MMU_KERNEL);
}

void mem_write_system(struct vcpu *v, uint64_t linear, unsigned size, uint64_t value)
{
	mem_write_linear(v, linear, size, value, MMU_KERNEL);
}

void mem_probe_system(struct vcpu *v, uint64_t linear, unsigned size, bool write)
{
	uint64_t mask = system_mask(v->c);
	struct range r;

	range_locate(v, &r, linear & mask, mask, size, MMU_KERNEL,
		     write ? ACCESS_WRITE : ACCESS_READ);
}

/* ---- accesses by segment and offset ---- */

/* SDM vol. 3A table 6-7; FXSAVE and the aligned SSE moves check for themselves. */
static unsigned alignment_of(unsigned size)
{
	switch (size) {
	case 2:
	case 4:
	case 8:
	case 16:
		return size;
	case 10: /* an extended real */
		return 8;
	case 14: /* FSTENV, FSAVE with 16-bit operand size */
	case 94:
		return 2;
	case 28: /* the same with 32 bits */
	case 108:
		return 4;
	default:
		return 1;
	}
}

void mem_check_alignment(struct vcpu *v, uint64_t linear, unsigned size)
{
	const struct cpu *c = v->c;

	if (c->mmu == MMU_SLOW && c->cpl == 3 && (c->cr0 & CR0_AM) && (c->rflags & FLAG_AC) &&
	    (linear & (alignment_of(size) - 1)))
		cpu_raise_error(v, EXC_AC, 0);
}

/* Segment checks; returns the linear address. */
static uint64_t segment_resolve(struct vcpu *v, unsigned seg, uint64_t offset, unsigned size,
				bool write)
{
	const struct cpu *c = v->c;
	const struct segment *s = &c->seg[seg];
	uint64_t linear = mem_linear(v, s, offset);

	if (c->code_bits == 64) {
		if (!address_is_canonical(linear) || !address_is_canonical(linear + size - 1))
			cpu_raise_error(v, seg == SEG_SS || seg == SEG_STACK ? EXC_SS : EXC_GP, 0);
	} else if (seg < SEG_FLAT && !segment_allows(c, s, offset, size, write)) {
		cpu_raise_error(v, seg == SEG_SS || seg == SEG_STACK ? EXC_SS : EXC_GP, 0);
	}
	mem_check_alignment(v, linear, size);
	return linear;
}

/*
 * An access of at most 8 bytes that needs nothing but its exit: allowed, in one page, and that
 * page is one that the TLB knows to be outside RAM. (With breakpoints or alignment checks on,
 * v->c->mmu is a set that knows none.)
 */
static bool access_is_outside(struct vcpu *v, unsigned seg, uint64_t offset, unsigned size,
			      bool write, uint64_t *gpa)
{
	const struct segment *s = &v->c->seg[seg];
	uint64_t linear = mem_linear(v, s, offset);
	uint64_t page = (linear + size - 1) & PAGE_MASK;
	const struct tlb_entry *t = tlb_slot(v, linear);

	*gpa = linear + t->delta;
	return offset + size <= (write ? s->write_span : s->read_span) &&
	       (write ? t->write : t->read) == (page | TLB_OUTSIDE);
}

uint64_t mem_read_slow(struct vcpu *v, unsigned seg, uint64_t offset, unsigned size)
{
	uint64_t linear, value = 0, gpa;

	if (access_is_outside(v, seg, offset, size, false, &gpa))
		return mmio_read(v, gpa, size);
	linear = segment_resolve(v, seg, offset, size, false);
	linear_read(v, linear, v->c->linear_mask, &value, size, v->c->mmu_real, ACCESS_READ);
	return value;
}

uint64_t mem_read_rmw_slow(struct vcpu *v, unsigned seg, uint64_t offset, unsigned size)
{
	uint64_t linear, value = 0, gpa;
	struct range r;

	if (access_is_outside(v, seg, offset, size, true, &gpa) &&
	    access_is_outside(v, seg, offset, size, false, &gpa))
		return mmio_read(v, gpa, size);
	linear = segment_resolve(v, seg, offset, size, true);
	/* The read of a read-modify-write is allowed where its write is; ROM answers from RAM. */
	range_locate(v, &r, linear, v->c->linear_mask, size, v->c->mmu_real, ACCESS_WRITE);
	linear_read(v, linear, v->c->linear_mask, &value, size, v->c->mmu_real, ACCESS_READ);
	return value;
}

void mem_write_slow(struct vcpu *v, unsigned seg, uint64_t offset, unsigned size, uint64_t value)
{
	uint64_t linear, gpa;

	if (access_is_outside(v, seg, offset, size, true, &gpa)) {
		mmio_write(v, gpa, size, value);
		return;
	}
	linear = segment_resolve(v, seg, offset, size, true);
	linear_write(v, linear, v->c->linear_mask, &value, size, v->c->mmu_real);
}

void mem_read_bytes(struct vcpu *v, unsigned seg, uint64_t offset, void *data, unsigned size)
{
	uint64_t linear = segment_resolve(v, seg, offset, size, false);

	linear_read(v, linear, v->c->linear_mask, data, size, v->c->mmu_real, ACCESS_READ);
}

void mem_write_bytes(struct vcpu *v, unsigned seg, uint64_t offset, const void *data, unsigned size)
{
	uint64_t linear = segment_resolve(v, seg, offset, size, true);

	linear_write(v, linear, v->c->linear_mask, data, size, v->c->mmu_real);
}

void mem_probe_read(struct vcpu *v, unsigned seg, uint64_t offset, unsigned size)
{
	uint64_t linear = segment_resolve(v, seg, offset, size, false);
	struct range r;

	range_locate(v, &r, linear, v->c->linear_mask, size, v->c->mmu_real, ACCESS_READ);
}

void mem_probe_write(struct vcpu *v, unsigned seg, uint64_t offset, unsigned size)
{
	uint64_t linear = segment_resolve(v, seg, offset, size, true);
	struct range r;

	range_locate(v, &r, linear, v->c->linear_mask, size, v->c->mmu_real, ACCESS_WRITE);
}

uint8_t *mem_host_range(struct vcpu *v, unsigned seg, uint64_t offset, bool write, uint64_t *length)
{
	const struct segment *s = &v->c->seg[seg];
	uint64_t linear = mem_linear(v, s, offset), span = write ? s->write_span : s->read_span;
	uint64_t room = PAGE_SIZE_4K - (linear & ~PAGE_MASK), at;
	const struct tlb_entry *t = tlb_slot(v, linear);

	if ((write ? t->write : t->read) != (linear & PAGE_MASK) || offset >= span)
		return NULL;
	if (room > span - offset)
		room = span - offset;
	if (*length > room)
		*length = room;
	at = linear + t->delta;
	if (write && v->guard[at >> PAGE_BITS])
		mem_guard(v, at, (unsigned)*length);
	return v->ram + at;
}

/* ---- instruction fetch ---- */

/* Translates for a fetch; false with the error code of the #PF that is due. */
static bool fetch_translate(struct vcpu *v, uint64_t linear, uint64_t *gpa, uint32_t *error)
{
	bool user = v->c->cpl == 3;
	uint64_t page = linear & PAGE_MASK;
	struct tlb_code_entry *t = &v->tlb->code[user][(linear >> PAGE_BITS) & (TLB_SIZE - 1)];
	struct walk w;

	if (t->page != page) {
		if (!walk(v, linear, user ? MMU_USER : MMU_KERNEL, ACCESS_FETCH, WALK_ACCESS, &w)) {
			*error = w.error;
			return false;
		}
		if (v->ops->fetch_page)
			v->ops->fetch_page(v->machine, linear, w.gpa & a20_mask(v->c));
		t->page = page;
		t->gpa = w.gpa & a20_mask(v->c);
		t->flags = tlb_flags(v->tlb, &w, page);
		filled_mark(&v->tlb->code_filled[user], (linear >> PAGE_BITS) & (TLB_SIZE - 1),
			    t->flags);
	}
	*gpa = t->gpa;
	return true;
}

uint64_t mem_fetch_page(struct vcpu *v, uint64_t linear)
{
	uint32_t error;
	uint64_t gpa;

	if (!fetch_translate(v, linear, &gpa, &error))
		raise_page_fault(v, linear, error);
	return gpa;
}

/* Whether the byte at CS:rip is inside the code segment. */
static bool fetch_allowed(const struct cpu *c, uint64_t rip)
{
	return c->code_bits == 64 ? address_is_canonical(rip) : rip <= c->seg[SEG_CS].limit;
}

static uint64_t fetch_linear(const struct cpu *c, uint64_t rip)
{
	return c->code_bits == 64 ? rip : (uint32_t)(c->seg[SEG_CS].base + rip);
}

/*
 * No device but a ROM device is run from; elsewhere outside RAM there is nothing, which reads as
 * ones. The exits of a fetch are the instruction's that it begins, so they come at its position.
 */
static void fetch_outside(struct vcpu *v, uint64_t gpa, uint8_t *bytes, unsigned size)
{
	if (!v->ops->fetch_exits || !v->ops->fetch_exits(v->machine, gpa)) {
		memset(bytes, 0xff, size);
		return;
	}
	v->c->insns++;
	mmio_read_bytes(v, gpa, bytes, size);
	v->c->insns--;
}

unsigned mem_fetch(struct vcpu *v, uint64_t rip, uint8_t *bytes, unsigned max)
{
	unsigned done = 0;

	while (done < max) {
		uint64_t linear = fetch_linear(v->c, rip + done), gpa, ram;
		unsigned n = (unsigned)(PAGE_SIZE_4K - (linear & ~PAGE_MASK));
		uint32_t error;
		bool writable;

		if (!fetch_allowed(v->c, rip + done) || !fetch_translate(v, linear, &gpa, &error))
			break;
		n = n < max - done ? n : max - done;
		while (n > 1 && !fetch_allowed(v->c, rip + done + n - 1))
			n--;
		ram = ram_offset(v, gpa | (linear & ~PAGE_MASK), &writable);
		if (ram == NOT_RAM)
			fetch_outside(v, (gpa | (linear & ~PAGE_MASK)) & a20_mask(v->c),
				      bytes + done, n);
		else
			memcpy(bytes + done, v->ram + ram, n);
		done += n;
	}
	return done;
}

void mem_fetch_raise(struct vcpu *v, uint64_t rip)
{
	if (!fetch_allowed(v->c, rip))
		cpu_raise_error(v, EXC_GP, 0);
	mem_fetch_page(v, fetch_linear(v->c, rip));
}
