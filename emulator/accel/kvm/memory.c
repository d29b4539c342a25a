/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest memory as KVM slots; ROM is mapped read-only. A ROM device comes and goes (memory_map.h),
 * so a change of the map touches only the slots that it concerns. KVM waits some milliseconds at
 * each slot, and firmware makes a dozen changes in a row (the segments of a host bridge, a reset):
 * so KVM learns of them when it is entered next.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "emulator/accel/kvm/kvm.h"

static int slot_set(struct kvm *k, unsigned index, const struct memory_mapping *g, bool on,
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

/* Puts a mapping into a slot that is free: the first of size 0, or one more. */
static int mapping_add(struct kvm *k, const struct memory_mapping *g, struct error *e)
{
	unsigned i = 0;

	while (i < k->mappings && k->mapping[i].size)
		i++;
	if (i == MEMORY_MAPPINGS)
		return error_set(e, ERROR_HOST, "the guest's memory map has over %d pieces",
				 MEMORY_MAPPINGS);
	if (slot_set(k, i, g, true, e))
		return -1;
	k->mapping[i] = *g;
	if (i == k->mappings)
		k->mappings++;
	return 0;
}

int kvm_map(struct kvm *k, struct error *e)
{
	struct memory_mapping want[MEMORY_MAPPINGS];
	unsigned n = memory_map_derive(k->m, want);
	uint64_t largest = 0;

	for (unsigned i = 0; i < k->mappings; i++) {
		struct memory_mapping *g = &k->mapping[i];

		if (!g->size || memory_mapping_in(g, want, n))
			continue;
		if (slot_set(k, i, g, false, e))
			return -1;
		*g = (struct memory_mapping){.size = 0};
	}
	for (unsigned i = 0; i < n; i++) {
		if (!memory_mapping_in(&want[i], k->mapping, k->mappings) &&
		    mapping_add(k, &want[i], e))
			return -1;
		if (want[i].size > largest)
			largest = want[i].size;
	}
	k->map_stale = false;
	free(k->bitmap);
	k->bitmap = calloc(largest / RAM_PAGE / 64 + 1, sizeof(*k->bitmap));
	return k->bitmap ? 0 : error_set(e, ERROR_HOST, "out of memory");
}

void kvm_map_changed(struct machine *m)
{
	if (kvm_of(m))
		kvm_of(m)->map_stale = true;
}

bool kvm_map_apply(struct kvm *k)
{
	struct error e = {0};

	kvm_collect_dirty(k);
	if (!kvm_map(k, &e))
		return true;
	k->m->failure = e;
	machine_stop(k->m, STOP_FAILED, 0);
	return false;
}

/* ---- dirty pages ---- */

static void collect_slot(struct kvm *k, unsigned index)
{
	const struct memory_mapping *g = &k->mapping[index];
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

/*
 * Nothing was reported so far, so every page may have been written. A slot that is to go is left
 * alone, and one that is to come is made with its log.
 */
int kvm_log_dirty(struct machine *m, struct error *e)
{
	struct memory_mapping want[MEMORY_MAPPINGS];
	unsigned n = memory_map_derive(m, want);
	struct kvm *k = kvm_of(m);

	if (k->log_dirty)
		return 0;
	k->log_dirty = true;
	for (unsigned i = 0; i < k->mappings; i++) {
		const struct memory_mapping *g = &k->mapping[i];

		if (g->size && !g->rom && memory_mapping_in(g, want, n) &&
		    slot_set(k, i, g, true, e))
			return -1;
	}
	return k->map_stale ? kvm_map(k, e) : 0;
}
