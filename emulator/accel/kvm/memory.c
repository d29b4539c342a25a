/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest memory as KVM slots. The map is derived from the question that the interpreter's MMU asks
 * too (vcpu_ops.ram_page), so both see the same: RAM, ROM, which KVM maps read-only so that a write
 * exits, and everything else, where every access does. A ROM device is now the one and now the
 * other (bus.h), so a change of the map touches only the slots that it concerns.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "emulator/accel/kvm/kvm.h"

#define POINTS (2 * (BUS_SLOTS + BUS_REGIONS))

/* Page-aligned addresses between which nothing changes. */
static int compare(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x < y ? -1 : x > y;
}

static unsigned points_collect(const struct bus *b, uint64_t point[POINTS])
{
	unsigned n = 0;

	for (unsigned i = 0; i < b->slots; i++) {
		point[n++] = b->slot[i].gpa;
		point[n++] = b->slot[i].gpa + b->slot[i].size;
	}
	for (unsigned i = 0; i < b->memories; i++) {
		uint64_t end = b->memory[i]->base + b->memory[i]->size;

		point[n++] = b->memory[i]->base & ~(uint64_t)(RAM_PAGE - 1);
		point[n++] = (end + RAM_PAGE - 1) & ~(uint64_t)(RAM_PAGE - 1);
	}
	qsort(point, n, sizeof(*point), compare);
	return n;
}

static bool begins_device(const struct bus *b, uint64_t gpa)
{
	const struct slot *s = bus_find_slot(b, gpa);

	return s && s->device && s->gpa == gpa;
}

/* What should be mapped, neighbours that continue one another joined. */
static unsigned mappings_derive(struct machine *m, struct kvm_mapping out[KVM_SLOTS])
{
	uint64_t point[POINTS];
	unsigned points = points_collect(&m->bus, point), n = 0;

	for (unsigned i = 0; i + 1 < points; i++) {
		uint64_t gpa = point[i], size = point[i + 1] - gpa, at;
		struct kvm_mapping *last = n ? &out[n - 1] : NULL;
		bool writable = false;

		if (!size)
			continue;
		at = m->vcpu.ops->ram_page(m, gpa, &writable);
		if (at == UINT64_MAX)
			continue;
		/* A ROM device comes and goes by itself. */
		if (last && last->gpa + last->size == gpa && last->rom == !writable &&
		    last->ram_offset + last->size == at && !begins_device(&m->bus, gpa))
			last->size += size;
		else if (n < KVM_SLOTS)
			out[n++] = (struct kvm_mapping){
			    .gpa = gpa, .size = size, .ram_offset = at, .rom = !writable};
	}
	return n;
}

static int slot_set(struct kvm *k, unsigned index, const struct kvm_mapping *g, bool on,
		    struct error *e)
{
	struct kvm_userspace_memory_region r = {
	    .slot = index,
	    .flags = (g->rom         ? KVM_MEM_READONLY
		      : k->log_dirty ? KVM_MEM_LOG_DIRTY_PAGES
				     : 0),
	    .guest_phys_addr = g->gpa,
	    .memory_size = on ? g->size : 0,
	    .userspace_addr = (uintptr_t)(k->m->ram.base + g->ram_offset),
	};

	if (!kvm_ioctl(k->vm, KVM_SET_USER_MEMORY_REGION, &r))
		return 0;
	return error_set(e, ERROR_HOST,
			 "KVM refuses %llu KiB of guest memory at 0x%llx: %s (use a smaller -m, or "
			 "-accel tcg)",
			 (unsigned long long)(g->size >> 10), (unsigned long long)g->gpa,
			 strerror(errno));
}

static bool mapping_in(const struct kvm_mapping *g, const struct kvm_mapping *list, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (list[i].gpa == g->gpa && list[i].size == g->size &&
		    list[i].ram_offset == g->ram_offset && list[i].rom == g->rom)
			return true;
	}
	return false;
}

/* Puts a mapping into a slot that is free: the first of size 0, or one more. */
static int mapping_add(struct kvm *k, const struct kvm_mapping *g, struct error *e)
{
	unsigned i = 0;

	while (i < k->mappings && k->mapping[i].size)
		i++;
	if (i == KVM_SLOTS)
		return error_set(e, ERROR_HOST, "the guest's memory map has over %d pieces",
				 KVM_SLOTS);
	if (slot_set(k, i, g, true, e))
		return -1;
	k->mapping[i] = *g;
	if (i == k->mappings)
		k->mappings++;
	return 0;
}

/* Makes KVM's slots what they should be. */
int kvm_map(struct kvm *k, struct error *e)
{
	struct kvm_mapping want[KVM_SLOTS];
	unsigned n = mappings_derive(k->m, want);
	uint64_t largest = 0;

	for (unsigned i = 0; i < k->mappings; i++) {
		struct kvm_mapping *g = &k->mapping[i];

		if (!g->size || mapping_in(g, want, n))
			continue;
		if (slot_set(k, i, g, false, e))
			return -1;
		*g = (struct kvm_mapping){.size = 0};
	}
	for (unsigned i = 0; i < n; i++) {
		if (!mapping_in(&want[i], k->mapping, k->mappings) && mapping_add(k, &want[i], e))
			return -1;
		if (want[i].size > largest)
			largest = want[i].size;
	}
	free(k->bitmap);
	k->bitmap = calloc(largest / RAM_PAGE / 64 + 1, sizeof(*k->bitmap));
	return k->bitmap ? 0 : error_set(e, ERROR_HOST, "out of memory");
}

void kvm_map_changed(struct machine *m)
{
	struct kvm *k = kvm_of(m);
	struct error e = {0};

	if (!k)
		return;
	kvm_collect_dirty(k);
	if (kvm_map(k, &e)) {
		m->failure = e;
		machine_stop(m, STOP_FAILED, 0);
	}
}

/* ---- dirty pages ---- */

static void collect_slot(struct kvm *k, unsigned index)
{
	const struct kvm_mapping *g = &k->mapping[index];
	uint64_t words = (g->size / RAM_PAGE + 63) / 64;
	struct kvm_dirty_log log = {.slot = index, .dirty_bitmap = k->bitmap};

	memset(k->bitmap, 0, words * sizeof(*k->bitmap));
	if (kvm_ioctl(k->vm, KVM_GET_DIRTY_LOG, &log)) {
		kvm_fail(k, "KVM_GET_DIRTY_LOG");
		return;
	}
	for (uint64_t word = 0; word < words; word++) {
		for (uint64_t bits = k->bitmap[word]; bits; bits &= bits - 1)
			ram_page_dirty(&k->m->ram, g->ram_offset / RAM_PAGE + word * 64 +
						       (unsigned)__builtin_ctzll(bits));
	}
}

void kvm_collect_dirty(struct kvm *k)
{
	for (unsigned i = 0; k->log_dirty && i < k->mappings; i++) {
		if (k->mapping[i].size && !k->mapping[i].rom)
			collect_slot(k, i);
	}
}

/* Nothing was reported so far, so every page may have been written. */
int kvm_log_dirty(struct machine *m, struct error *e)
{
	struct kvm *k = kvm_of(m);

	if (k->log_dirty)
		return 0;
	k->log_dirty = true;
	for (unsigned i = 0; i < k->mappings; i++) {
		if (k->mapping[i].size && !k->mapping[i].rom &&
		    slot_set(k, i, &k->mapping[i], true, e))
			return -1;
	}
	return 0;
}
