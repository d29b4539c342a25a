/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The partition and its virtual processor. What Windows versions differ in is asked for: a
 * capability that is missing is done without where it can be, and named where it cannot.
 */
#include <string.h>

#include "emulator/accel/whpx/whpx.h"

#define CREATE "cannot create a virtual machine"

static int failed(struct whpx *w, struct error *e)
{
	return whpx_error(&w->platform, CREATE, e);
}

/* A capability that older Windows does not know counts as 0. */
static int capability(struct whpx *w, enum whv_capability code, uint64_t *value, struct error *e)
{
	uint32_t written;
	whv_result result;

	*value = 0;
	result = WHPX_CALL(&w->platform, WHvGetCapability, code, value, sizeof(*value), &written);
	return WHV_FAILED(result) && result != WHV_UNKNOWN_CAPABILITY ? failed(w, e) : 0;
}

static int set(struct whpx *w, enum whv_property code, const void *buffer, uint32_t size,
	       struct error *e)
{
	if (WHV_FAILED(
		WHPX_CALL(&w->platform, WHvSetPartitionProperty, w->partition, code, buffer, size)))
		return failed(w, e);
	return 0;
}

/* ---- exits ---- */

static int set_exits(struct whpx *w, struct error *e)
{
	const uint64_t needed = WHV_EXTENDED_CPUID | WHV_EXTENDED_MSR | WHV_EXTENDED_RDTSC;
	uint64_t exits, msrs;

	if (capability(w, WHV_CAP_EXTENDED_EXITS, &exits, e) ||
	    capability(w, WHV_CAP_MSR_EXITS, &msrs, e))
		return -1;
	msrs &= WHV_MSR_UNHANDLED | WHV_MSR_TSC_READ | WHV_MSR_TSC_WRITE | WHV_MSR_APIC_BASE_WRITE;
	if (needed & ~exits)
		return error_set(e, ERROR_HOST,
				 CREATE ": the platform has no exits for%s%s%s (Windows 10 version "
					"2004 or later is needed)",
				 exits & WHV_EXTENDED_CPUID ? "" : " CPUID",
				 exits & WHV_EXTENDED_MSR ? "" : " MSRs",
				 exits & WHV_EXTENDED_RDTSC ? "" : " RDTSC");
	exits = needed;
	if (set(w, WHV_PROPERTY_EXTENDED_EXITS, &exits, sizeof(exits), e))
		return -1;
	return msrs ? set(w, WHV_PROPERTY_MSR_EXITS, &msrs, sizeof(msrs), e) : 0;
}

/* Every leaf that vcr answers, and some after them: what is there must not come from the host. */
static int set_cpuid(struct whpx *w, struct error *e)
{
	static const struct {
		uint32_t first, last;
	} groups[] = {{0, 0x20}, {0x40000000, 0x40000010}, {0x80000000, 0x80000021}};
	uint32_t leaves[128], n = 0;

	for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++)
		for (uint32_t leaf = groups[g].first; leaf <= groups[g].last; leaf++)
			leaves[n++] = leaf;
	return set(w, WHV_PROPERTY_CPUID_EXIT_LIST, leaves, n * (uint32_t)sizeof(leaves[0]), e);
}

/*
 * MSRs that vcr answers, though the platform knows them too. Windows 11 can be told so; on
 * Windows 10 the platform answers them, and what it answers is not recorded.
 */
static int set_msrs(struct whpx *w, struct error *e)
{
	static const uint32_t own[] = {
	    0x1b,  0xfe,  0x250, 0x258, 0x259, 0x268, 0x269, 0x26a, 0x26b, 0x26c,
	    0x26d, 0x26e, 0x26f, 0x2ff, 0x200, 0x201, 0x202, 0x203, 0x204, 0x205,
	    0x206, 0x207, 0x208, 0x209, 0x20a, 0x20b, 0x20c, 0x20d, 0x20e, 0x20f,
	};
	struct whv_msr_action actions[sizeof(own) / sizeof(own[0])];
	whv_result result;

	for (size_t n = 0; n < sizeof(own) / sizeof(own[0]); n++)
		actions[n] = (struct whv_msr_action){
		    .index = own[n], .read = WHV_MSR_ACTION_EXIT, .write = WHV_MSR_ACTION_EXIT};
	result = WHPX_CALL(&w->platform, WHvSetPartitionProperty, w->partition,
			   WHV_PROPERTY_MSR_ACTIONS, actions, sizeof(actions));
	return WHV_FAILED(result) && result != WHV_UNKNOWN_PROPERTY ? failed(w, e) : 0;
}

/* ---- the processor ---- */

/* The features of -cpu, as far as the host's processor has them; all others stay as they are. */
static int set_processor(struct whpx *w, struct error *e)
{
	const struct cpu_model *model = &w->m->vcpu.model;
	const struct {
		bool wanted;
		uint64_t bits;
		const char *name;
	} features[] = {
	    {model->v2,
	     WHV_PROCESSOR_SSE3 | WHV_PROCESSOR_SSSE3 | WHV_PROCESSOR_SSE4_1 |
		 WHV_PROCESSOR_SSE4_2 | WHV_PROCESSOR_POPCNT | WHV_PROCESSOR_CMPXCHG16B |
		 WHV_PROCESSOR_LAHF,
	     "x86-64-v2"},
	    {model->smep, WHV_PROCESSOR_SMEP, "smep"},
	    {model->smap, WHV_PROCESSOR_SMAP, "smap"},
	    {model->umip, WHV_PROCESSOR_UMIP, "umip"},
	    {model->pdpe1gb, WHV_PROCESSOR_PAGE_1GB, "pdpe1gb"},
	};
	uint64_t has, use;

	if (capability(w, WHV_CAP_PROCESSOR_FEATURES, &has, e))
		return -1;
	use = has;
	for (size_t n = 0; n < sizeof(features) / sizeof(features[0]); n++) {
		if (!features[n].wanted)
			use &= ~features[n].bits;
		else if (features[n].bits & ~has)
			return error_set(e, ERROR_HOST,
					 "-cpu %.60s: the host's processor has no %s (use another "
					 "-cpu, or -accel tcg)",
					 w->m->config.cpu, features[n].name);
	}
	use &= ~WHV_PROCESSOR_RDTSCP;
	return set(w, WHV_PROPERTY_PROCESSOR_FEATURES, &use, sizeof(use), e);
}

/* ---- life cycle ---- */

int whpx_partition_open(struct whpx *w, struct error *e)
{
	uint32_t one = 1, apic = WHV_APIC_NONE;

	if (WHV_FAILED(WHPX_CALL(&w->platform, WHvCreatePartition, &w->partition))) {
		w->partition = NULL;
		return failed(w, e);
	}
	if (capability(w, WHV_CAP_FEATURES, &w->features, e) ||
	    set(w, WHV_PROPERTY_PROCESSOR_COUNT, &one, sizeof(one), e) || set_exits(w, e) ||
	    set_cpuid(w, e) || set_msrs(w, e) || set_processor(w, e))
		return -1;
	/* Without this property there is no APIC either. */
	if ((w->features & WHV_FEATURE_LOCAL_APIC) &&
	    set(w, WHV_PROPERTY_LOCAL_APIC, &apic, sizeof(apic), e))
		return -1;
	if (WHV_FAILED(WHPX_CALL(&w->platform, WHvSetupPartition, w->partition)) ||
	    WHV_FAILED(WHPX_CALL(&w->platform, WHvCreateVirtualProcessor, w->partition, 0, 0)))
		return failed(w, e);
	w->has_vp = true;
	return 0;
}

/* Nothing can be done about a failure here, and nothing depends on it any more. */
void whpx_partition_close(struct whpx *w)
{
	if (w->has_vp)
		w->platform.WHvDeleteVirtualProcessor(w->partition, 0);
	if (w->partition)
		w->platform.WHvDeletePartition(w->partition);
	w->has_vp = false;
	w->partition = NULL;
}
