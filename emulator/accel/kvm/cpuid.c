/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPUID: telling KVM what to answer, and looking whether it does.
 *
 * A KVM with VMX or SVM does. One that runs guests without them may add bits that the host has, to
 * kernels, and runs user code as it is, so that the host's processor answers. A few questions in
 * every context tell one kind from the other; only the second is asked everything.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "emulator/accel/kvm/measure.h"
#include "emulator/cpu/cpuid.h"
#include "emulator/machine.h"

#define TOLD_MAX 128 /* answers that KVM is told; it takes at least 256 */
#define SUBS     8   /* subleaves that are asked for */

#define BASIC      0u
#define HYPERVISOR 0x40000000u
#define EXTENDED   0x80000000u

/* ---- what it should answer ---- */

/* A vCPU that is in this context, as far as cpuid_context() looks. */
static struct cpu cpu_in(unsigned context)
{
	return (struct cpu){
	    .efer = context == CPUID_LEGACY ? 0 : EFER_LMA,
	    .cpl = context & (CPUID_USER | CPUID_COMPAT) ? 3 : 0,
	    .code_bits = context & (CPUID_USER | CPUID_KERNEL) ? 64 : 32,
	};
}

static void wanted(const struct machine *m, unsigned context, uint32_t leaf, uint32_t sub,
		   uint32_t out[4])
{
	const struct cpu c = cpu_in(context);

	cpuid_query(&m->vcpu.model, &c, leaf, sub, out);
}

/* ---- telling KVM ---- */

struct told {
	struct kvm_cpuid2 head;
	struct kvm_cpuid_entry2 entry[TOLD_MAX];
};

static void tell(struct told *t, const struct machine *m, uint32_t leaf, uint32_t sub)
{
	uint32_t out[4];

	if (t->head.nent == TOLD_MAX)
		return;
	wanted(m, CPUID_KERNEL, leaf, sub, out);
	t->entry[t->head.nent++] = (struct kvm_cpuid_entry2){
	    .function = leaf,
	    .index = sub,
	    .flags = cpuid_is_indexed(leaf) ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
	    .eax = out[0],
	    .ebx = out[1],
	    .ecx = out[2],
	    .edx = out[3],
	};
}

/* Leaves from `first` to the last one that its answer names, `most` at most. */
static void tell_range(struct told *t, const struct machine *m, uint32_t first, unsigned most)
{
	uint32_t out[4], last;

	wanted(m, CPUID_KERNEL, first, 0, out);
	last = out[0] - first < most ? out[0] : first + most;
	for (uint32_t leaf = first; leaf <= last; leaf++) {
		/* Cache descriptions by number until one is empty. */
		unsigned subs = leaf == 4 ? 4 : 1;

		for (uint32_t sub = 0; sub < subs; sub++)
			tell(t, m, leaf, sub);
	}
}

int kvm_set_cpuid(int vcpu, const struct machine *m, struct error *e)
{
	struct told t = {.head = {.nent = 0}};

	tell_range(&t, m, BASIC, 0x20);
	tell(&t, m, HYPERVISOR, 0);
	tell(&t, m, HYPERVISOR + 0x10, 0);
	tell_range(&t, m, EXTENDED, 0x20);
	if (!ioctl(vcpu, KVM_SET_CPUID2, &t))
		return 0;
	return error_set(e, ERROR_HOST, "KVM refuses this -cpu: KVM_SET_CPUID2: %s",
			 strerror(errno));
}

/* ---- asking it ---- */

struct questions {
	struct kvm_probe *p;
	const struct machine *m;
	struct cpuid_table **table;
	struct error *e;
};

/*
 * Where the host's processor answers, the number of the one that happens to run is in it (APIC ID).
 * That is no property of the machine: it is taken to be what it should be.
 */
static void forget_processor(uint32_t leaf, const uint32_t want[4], uint32_t out[4])
{
	if (leaf == 1) {
		out[1] = (out[1] & 0x00ffffff) | (want[1] & 0xff000000);
	} else if (leaf == 0xb || leaf == 0x1f || leaf == 0x80000026) {
		out[3] = want[3];
	} else if (leaf == 0x8000001e) {
		out[0] = want[0];
		out[1] = want[1];
	}
}

/* 1: as it should be, 0: otherwise, -1: failed. */
static int ask(const struct questions *q, unsigned context, uint32_t leaf, uint32_t sub,
	       uint32_t out[4])
{
	uint32_t want[4];

	if (kvm_probe_cpuid(q->p, context, leaf, sub, out, q->e))
		return -1;
	wanted(q->m, context, leaf, sub, want);
	forget_processor(leaf, want, out);
	return !memcmp(want, out, sizeof(want));
}

static int ask_and_enter(const struct questions *q, unsigned context, uint32_t leaf, uint32_t sub)
{
	struct cpuid_entry entry = {.contexts = (uint8_t)context, .leaf = leaf, .sub = sub};
	int same = ask(q, context, leaf, sub, entry.out);

	if (same < 0)
		return -1;
	if (!same && cpuid_table_add(q->table, &entry))
		return error_set(q->e, ERROR_HOST, "no room for what KVM answers to CPUID");
	return 0;
}

/* All of a range: what the processor has by its own words, and `least` leaves at least. */
static int ask_range(const struct questions *q, unsigned context, uint32_t first, unsigned least,
		     unsigned most)
{
	uint32_t out[4], last;

	if (ask(q, context, first, 0, out) < 0)
		return -1;
	last = out[0] - first < most ? out[0] : first + least;
	last = last < first + least ? first + least : last;
	for (uint32_t leaf = first; leaf <= last; leaf++) {
		unsigned subs = cpuid_is_indexed(leaf) ? SUBS : 1;

		for (uint32_t sub = 0; sub < subs; sub++) {
			if (ask_and_enter(q, context, leaf, sub))
				return -1;
		}
	}
	return 0;
}

/* A few leaves that a KVM which adds something would have added it to. */
static int is_honest(const struct questions *q, unsigned context)
{
	static const uint32_t leaves[] = {
	    0, 1, 7, 0xd, HYPERVISOR, EXTENDED, EXTENDED + 1, EXTENDED + 8};
	int same = 1;

	for (unsigned i = 0; same == 1 && i < sizeof(leaves) / sizeof(leaves[0]); i++) {
		uint32_t out[4];

		same = ask(q, context, leaves[i], 0, out);
	}
	return same;
}

int kvm_measure_cpuid(struct kvm_probe *p, const struct machine *m, struct cpuid_table **table,
		      struct error *e)
{
	const struct questions q = {p, m, table, e};

	for (unsigned context = CPUID_LEGACY; context <= CPUID_COMPAT; context <<= 1) {
		int honest = is_honest(&q, context);

		if (honest < 0)
			return -1;
		if (honest)
			continue;
		if (ask_range(&q, context, BASIC, 0x16, 0x3f) ||
		    ask_and_enter(&q, context, CPUID_OUTSIDE, 0) ||
		    ask_range(&q, context, HYPERVISOR, 0x10, 0x1f) ||
		    ask_range(&q, context, EXTENDED, 8, 0x3f))
			return -1;
	}
	return 0;
}
