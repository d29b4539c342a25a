/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capabilities and partitions of the software platform. Calls must come in the documented order:
 * create, set properties, set up, map memory, create the virtual processor, run.
 */
#include <stdlib.h>
#include <string.h>

#include "emulator/accel/whpx/soft/soft.h"

#define EXTENDED (WHV_EXTENDED_CPUID | WHV_EXTENDED_MSR | WHV_EXTENDED_RDTSC)
#define MSR_EXITS                                                                                  \
	(WHV_MSR_UNHANDLED | WHV_MSR_TSC_WRITE | WHV_MSR_TSC_READ | WHV_MSR_APIC_BASE_WRITE)
#define PROCESSOR                                                                                  \
	(WHV_PROCESSOR_SSE3 | WHV_PROCESSOR_LAHF | WHV_PROCESSOR_SSSE3 | WHV_PROCESSOR_SSE4_1 |    \
	 WHV_PROCESSOR_SSE4_2 | WHV_PROCESSOR_POPCNT | WHV_PROCESSOR_CMPXCHG16B |                  \
	 WHV_PROCESSOR_PAGE_1GB | WHV_PROCESSOR_SMEP | WHV_PROCESSOR_SMAP | WHV_PROCESSOR_UMIP)
#define LIST_MAX 4096 /* entries of a list property */

/* ---- capabilities ---- */

SOFT_EXPORT whv_result WHvGetCapability(uint32_t code, void *buffer, uint32_t size,
					uint32_t *written)
{
	uint64_t value;
	uint32_t length = 8;

	switch (code) {
	case WHV_CAP_HYPERVISOR_PRESENT:
		value = 1;
		length = 4;
		break;
	case WHV_CAP_FEATURES:
		value = WHV_FEATURE_PARTIAL_UNMAP | WHV_FEATURE_DIRTY_PAGE_TRACKING;
		break;
	case WHV_CAP_EXTENDED_EXITS:
		value = EXTENDED;
		break;
	case WHV_CAP_EXCEPTION_EXITS:
		value = 0;
		break;
	case WHV_CAP_MSR_EXITS:
		value = MSR_EXITS;
		break;
	case WHV_CAP_PROCESSOR_VENDOR:
		value = WHV_VENDOR_INTEL;
		length = 4;
		break;
	case WHV_CAP_PROCESSOR_FEATURES:
		value = PROCESSOR;
		break;
	default:
		return WHV_UNKNOWN_CAPABILITY;
	}
	if (!buffer)
		return WHV_BAD_POINTER;
	if (size < length)
		return WHV_INSUFFICIENT_BUFFER;
	memcpy(buffer, &value, length);
	if (written)
		*written = length;
	return WHV_OK;
}

/* ---- partitions ---- */

SOFT_EXPORT whv_result WHvCreatePartition(whv_partition *partition)
{
	struct soft_partition *p;

	if (!partition)
		return WHV_BAD_POINTER;
	p = calloc(1, sizeof(*p));
	if (!p)
		return WHV_OUT_OF_MEMORY;
	p->features = PROCESSOR;
	*partition = p;
	return WHV_OK;
}

SOFT_EXPORT whv_result WHvSetupPartition(whv_partition partition)
{
	struct soft_partition *p = partition;

	if (!p)
		return WHV_INVALID_ARGUMENT;
	if (p->set_up || !p->processors)
		return WHV_INVALID_PARTITION_CONFIG;
	if (p->processors > 1)
		return WHV_UNSUPPORTED_PROCESSOR_CONFIG;
	p->set_up = true;
	return WHV_OK;
}

SOFT_EXPORT whv_result WHvDeletePartition(whv_partition partition)
{
	struct soft_partition *p = partition;

	if (!p)
		return WHV_INVALID_ARGUMENT;
	soft_memory_close(p);
	free(p->cpuid_exit);
	free(p->msr_action);
	free(p);
	return WHV_OK;
}

static whv_result set_number(uint64_t *to, uint64_t allowed, const void *buffer, uint32_t size)
{
	uint64_t value;

	if (size != sizeof(value))
		return WHV_INVALID_ARGUMENT;
	memcpy(&value, buffer, sizeof(value));
	if (value & ~allowed)
		return WHV_INVALID_ARGUMENT;
	*to = value;
	return WHV_OK;
}

static whv_result set_word(uint32_t *to, uint32_t most, const void *buffer, uint32_t size)
{
	uint32_t value;

	if (size != sizeof(value))
		return WHV_INVALID_ARGUMENT;
	memcpy(&value, buffer, sizeof(value));
	if (value > most)
		return WHV_INVALID_ARGUMENT;
	*to = value;
	return WHV_OK;
}

/* A copy of an array of items. */
static whv_result set_list(void **list, uint32_t *count, size_t item, const void *buffer,
			   uint32_t size)
{
	void *copy;

	if (!size || size % item || size / item > LIST_MAX)
		return WHV_INVALID_ARGUMENT;
	copy = malloc(size);
	if (!copy)
		return WHV_OUT_OF_MEMORY;
	memcpy(copy, buffer, size);
	free(*list);
	*list = copy;
	*count = (uint32_t)(size / item);
	return WHV_OK;
}

SOFT_EXPORT whv_result WHvSetPartitionProperty(whv_partition partition, uint32_t code,
					       const void *buffer, uint32_t size)
{
	struct soft_partition *p = partition;
	whv_result result;
	void *list;
	uint32_t mode;

	if (!p)
		return WHV_INVALID_ARGUMENT;
	if (!buffer)
		return WHV_BAD_POINTER;
	/* All of these are for before the partition is set up. */
	if (p->set_up)
		return WHV_INVALID_PARTITION_CONFIG;
	switch (code) {
	case WHV_PROPERTY_EXTENDED_EXITS:
		return set_number(&p->extended_exits, EXTENDED, buffer, size);
	case WHV_PROPERTY_MSR_EXITS:
		return set_number(&p->msr_exits, MSR_EXITS, buffer, size);
	case WHV_PROPERTY_PROCESSOR_FEATURES:
		return set_number(&p->features, PROCESSOR, buffer, size);
	case WHV_PROPERTY_CPUID_EXIT_LIST:
		list = p->cpuid_exit;
		result = set_list(&list, &p->cpuid_exits, sizeof(uint32_t), buffer, size);
		p->cpuid_exit = list;
		return result;
	case WHV_PROPERTY_MSR_ACTIONS:
		list = p->msr_action;
		result =
		    set_list(&list, &p->msr_actions, sizeof(struct whv_msr_action), buffer, size);
		p->msr_action = list;
		return result;
	case WHV_PROPERTY_UNIMPLEMENTED_MSR:
		return set_word(&p->msr_unimplemented, WHV_MSR_ACTION_EXIT, buffer, size);
	case WHV_PROPERTY_LOCAL_APIC:
		/* There is none, as LocalApicEmulation in the features says. */
		return set_word(&mode, WHV_APIC_NONE, buffer, size);
	case WHV_PROPERTY_PROCESSOR_COUNT:
		return set_word(&p->processors, 64, buffer, size);
	default:
		return WHV_UNKNOWN_PROPERTY;
	}
}
