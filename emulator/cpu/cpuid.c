/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPUID and the processor models (Intel SDM vol. 2A CPUID, AMD APM vol. 3 appendix E).
 *
 * The processor says GenuineIntel, family 6, model 1Ch, stepping 10: an in-order Atom. Systems take
 * that for a processor that does not speculate, so they leave out the work-arounds for
 * speculative execution, page-table isolation above all, which would only cost time here. With that
 * vendor they also learn the frequency of the TSC from leaf 15h, and need not measure it.
 *
 * What is advertised is what every accelerator implements; nothing depends on the host.
 */
#include <string.h>

#include "emulator/cpu/cpuid.h"
#include "emulator/cpu/system.h"

#define SIGNATURE 0x000106cau

#define LEAF_MAX               0x16u
#define LEAF_EXTENDED          0x80000000u
#define LEAF_EXTENDED_MAX      0x80000008u
#define LEAF_HYPERVISOR        0x40000000u
#define LEAF_HYPERVISOR_TIMING 0x40000010u

#define BIT(n) (1u << (n))

#define FEATURE_APIC BIT(9) /* leaf 1 EDX */

/* Leaf 1 EDX, the psABI's x86-64 baseline and what an operating system expects beside it. */
#define FEATURES_1_EDX                                                                             \
	(BIT(0) /* FPU */ | BIT(1) /* VME */ | BIT(2) /* DE */ | BIT(3) /* PSE */ |                \
	 BIT(4) /* TSC */ | BIT(5) /* MSR */ | BIT(6) /* PAE */ | BIT(7) /* MCE */ |               \
	 BIT(8) /* CX8 */ | FEATURE_APIC | BIT(11) /* SEP */ | BIT(12) /* MTRR */ |                \
	 BIT(13) /* PGE */ | BIT(14) /* MCA */ | BIT(15) /* CMOV */ | BIT(16) /* PAT */ |          \
	 BIT(17) /* PSE-36 */ | BIT(19) /* CLFSH */ | BIT(23) /* MMX */ | BIT(24) /* FXSR */ |     \
	 BIT(25) /* SSE */ | BIT(26) /* SSE2 */)
/* Leaf 1 ECX: x86-64-v2. */
#define FEATURES_1_ECX_V2                                                                          \
	(BIT(0) /* SSE3 */ | BIT(9) /* SSSE3 */ | BIT(13) /* CX16 */ | BIT(19) /* SSE4.1 */ |      \
	 BIT(20) /* SSE4.2 */ | BIT(23) /* POPCNT */)
#define FEATURE_TSC          BIT(4)  /* EDX */
#define FEATURE_TSC_DEADLINE BIT(24) /* ECX */
#define FEATURES_1_ECX       (BIT(24) /* TSC-deadline timer */ | BIT(31) /* hypervisor */)

/* The TSC, the core crystal and the local APIC's bus clock all run at 1 GHz. */
#define CLOCK_HZ  1000000000u
#define CLOCK_KHZ 1000000u
#define CLOCK_MHZ 1000u

static void answer(uint32_t out[4], uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
	out[0] = a;
	out[1] = b;
	out[2] = c;
	out[3] = d;
}

static uint32_t letters(const char *text)
{
	return (uint32_t)(uint8_t)text[0] | (uint32_t)(uint8_t)text[1] << 8 |
	       (uint32_t)(uint8_t)text[2] << 16 | (uint32_t)(uint8_t)text[3] << 24;
}

/* Leaf 4: 64-byte lines, one thread. Types: 1 data, 2 instructions, 3 unified. */
static void cache_leaf(uint32_t sub, uint32_t out[4])
{
	static const struct {
		uint8_t type, level, ways;
		uint16_t sets;
	} caches[] = {
	    {1, 1, 8, 64},    /* 32 KiB */
	    {2, 1, 8, 64},    /* 32 KiB */
	    {3, 2, 16, 1024}, /* 1 MiB */
	};

	if (sub >= sizeof(caches) / sizeof(caches[0])) {
		answer(out, 0, 0, 0, 0);
		return;
	}
	answer(out, caches[sub].type | (uint32_t)caches[sub].level << 5 | BIT(8),
	       63 | (caches[sub].ways - 1u) << 22, caches[sub].sets - 1u, 0);
}

static void basic_leaf(const struct cpu_model *m, uint32_t leaf, uint32_t sub, uint32_t out[4])
{
	answer(out, 0, 0, 0, 0);
	switch (leaf) {
	case 0:
		answer(out, LEAF_MAX, letters("Genu"), letters("ntel"), letters("ineI"));
		break;
	case 1: /* CLFLUSH of 64 bytes, one logical processor, APIC ID 0 */
		answer(out, SIGNATURE, 8u << 8 | 1u << 16,
		       FEATURES_1_ECX | (m->v2 ? FEATURES_1_ECX_V2 : 0), FEATURES_1_EDX);
		if (m->no_tsc) {
			out[2] &= ~FEATURE_TSC_DEADLINE;
			out[3] &= ~FEATURE_TSC;
		}
		break;
	case 2: /* descriptor FFh: look in leaf 4 */
		answer(out, 0x0000ff01, 0, 0, 0);
		break;
	case 4:
		cache_leaf(sub, out);
		break;
	case 6: /* the local APIC's timer does not stop when the processor sleeps */
		answer(out, BIT(2), 0, 0, 0);
		break;
	case 7:
		if (sub == 0)
			answer(out, 0, (m->smep ? BIT(7) : 0) | (m->smap ? BIT(20) : 0),
			       m->umip ? BIT(2) : 0, 0);
		break;
	case 0x15: /* TSC = crystal * EBX / EAX */
		if (!m->no_tsc)
			answer(out, 1, 1, CLOCK_HZ, 0);
		break;
	case 0x16:
		answer(out, CLOCK_MHZ, CLOCK_MHZ, CLOCK_MHZ, 0);
		break;
	}
}

static void hypervisor_leaf(const struct cpu_model *m, uint32_t leaf, uint32_t out[4])
{
	answer(out, 0, 0, 0, 0);
	if (leaf == LEAF_HYPERVISOR)
		answer(out, LEAF_HYPERVISOR_TIMING, letters("vcrv"), letters("crvc"),
		       letters("rvcr"));
	else if (leaf == LEAF_HYPERVISOR_TIMING) /* TSC and bus clock in kHz */
		answer(out, m->no_tsc ? 0 : CLOCK_KHZ, CLOCK_KHZ, 0, 0);
}

static void extended_leaf(const struct cpu_model *m, uint32_t leaf, uint32_t out[4])
{
	static const char brand[48] = "vcr virtual CPU";
	const char *part = brand + (leaf - 0x80000002u) % 3 * 16;

	answer(out, 0, 0, 0, 0);
	switch (leaf) {
	case LEAF_EXTENDED:
		out[0] = LEAF_EXTENDED_MAX;
		break;
	case 0x80000001: /* LAHF in 64-bit mode; SYSCALL, NX, 1 GiB pages, long mode */
		out[2] = m->v2 ? BIT(0) : 0;
		out[3] = BIT(11) | BIT(20) | (m->pdpe1gb ? BIT(26) : 0) | BIT(29);
		break;
	case 0x80000002 ... 0x80000004:
		answer(out, letters(part), letters(part + 4), letters(part + 8),
		       letters(part + 12));
		break;
	case 0x80000006: /* L2: 1 MiB, 16 ways (code 8), lines of 64 bytes */
		out[2] = 1024u << 16 | 8u << 12 | 64;
		break;
	case 0x80000007: /* the TSC never stops or changes its rate */
		out[3] = m->no_tsc ? 0 : BIT(8);
		break;
	case 0x80000008: /* linear and physical address bits */
		out[0] = 48u << 8 | MAXPHYADDR;
		break;
	}
}

static void own_answer(const struct cpu_model *model, uint32_t leaf, uint32_t sub, uint32_t out[4])
{
	if (leaf >= LEAF_HYPERVISOR && leaf < LEAF_HYPERVISOR + 0x100)
		hypervisor_leaf(model, leaf, out);
	else if (leaf >= LEAF_EXTENDED && leaf <= LEAF_EXTENDED_MAX)
		extended_leaf(model, leaf, out);
	else /* Beyond the last leaf an Intel processor answers as for the last basic one. */
		basic_leaf(model, leaf <= LEAF_MAX ? leaf : LEAF_MAX, sub, out);
}

static bool is_outside(uint32_t leaf)
{
	return leaf > LEAF_MAX && !(leaf >= LEAF_HYPERVISOR && leaf < LEAF_HYPERVISOR + 0x100) &&
	       !(leaf >= LEAF_EXTENDED && leaf <= LEAF_EXTENDED_MAX);
}

void cpuid_query(const struct cpu_model *model, const struct cpu *c, uint32_t leaf, uint32_t sub,
		 uint32_t out[4])
{
	unsigned context = cpuid_context(c);
	const struct cpuid_entry *measured = cpuid_table_find(model->measured, context, leaf, sub);

	if (!measured && is_outside(leaf))
		measured = cpuid_table_find(model->measured, context, CPUID_OUTSIDE, 0);
	if (measured)
		memcpy(out, measured->out, sizeof(measured->out));
	else
		own_answer(model, leaf, sub, out);
	/* SDM vol. 3A 10.4.3: a disabled APIC is as if it were not there. */
	if (leaf == 1 && c->apic_off)
		out[3] &= ~FEATURE_APIC;
}

/* ---- models ---- */

static const struct cpu_model models[] = {
    {.name = "x86-64"},
    {.name = "x86-64-v2", .v2 = true},
    {.name = "max", .v2 = true, .smep = true, .smap = true, .umip = true, .pdpe1gb = true},
};

const char *const *cpu_model_names(void)
{
	static const char *const names[] = {"x86-64", "x86-64-v2", "max", NULL};

	return names;
}

static bool token_is(const char *token, size_t length, const char *word)
{
	return strlen(word) == length && !memcmp(token, word, length);
}

/* "+feature" or "-feature". */
static bool apply_feature(const char *token, size_t length, struct cpu_model *model)
{
	const struct {
		const char *name;
		bool *flag;
	} features[] = {
	    {"smep", &model->smep},
	    {"smap", &model->smap},
	    {"umip", &model->umip},
	    {"pdpe1gb", &model->pdpe1gb},
	};

	if (length == 0 || (token[0] != '+' && token[0] != '-'))
		return false;
	for (size_t n = 0; n < sizeof(features) / sizeof(features[0]); n++) {
		if (token_is(token + 1, length - 1, features[n].name)) {
			*features[n].flag = token[0] == '+';
			return true;
		}
	}
	return false;
}

int cpu_model_parse(const char *text, struct cpu_model *model)
{
	size_t length = strcspn(text, ",");
	bool found = false;

	for (size_t n = 0; n < sizeof(models) / sizeof(models[0]); n++) {
		if (token_is(text, length, models[n].name)) {
			*model = models[n];
			found = true;
		}
	}
	while (found && text[length]) {
		text += length + 1;
		length = strcspn(text, ",");
		found = apply_feature(text, length, model);
	}
	return found ? 0 : -1;
}
