/* SPDX-License-Identifier: Apache-2.0 */
/* The masks of whpx_api.h are the bit fields of the Windows headers (see whpx/api_check.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "emulator/accel/whpx/whpx_api.h"

#include <windows.h>

#include <winhvplatform.h>

#include <winhvemulation.h>

/* Setting the field to 1 sets the lowest bit of the mask, and no other. */
#define BIT(mask, type, field)                                                                     \
	do {                                                                                       \
		type value;                                                                        \
		uint64_t word = 0;                                                                 \
                                                                                                   \
		memset(&value, 0, sizeof(value));                                                  \
		value.field = 1;                                                                   \
		memcpy(&word, &value, sizeof(value) < 8 ? sizeof(value) : 8);                      \
		assert_int_equal(word, (uint64_t)(mask) & (0 - (uint64_t)(mask)));                 \
	} while (0)

static void test_capabilities(void **state)
{
	BIT(WHV_FEATURE_PARTIAL_UNMAP, WHV_CAPABILITY_FEATURES, PartialUnmap);
	BIT(WHV_FEATURE_LOCAL_APIC, WHV_CAPABILITY_FEATURES, LocalApicEmulation);
	BIT(WHV_FEATURE_XSAVE, WHV_CAPABILITY_FEATURES, Xsave);
	BIT(WHV_FEATURE_DIRTY_PAGE_TRACKING, WHV_CAPABILITY_FEATURES, DirtyPageTracking);
	BIT(WHV_EXTENDED_CPUID, WHV_EXTENDED_VM_EXITS, X64CpuidExit);
	BIT(WHV_EXTENDED_MSR, WHV_EXTENDED_VM_EXITS, X64MsrExit);
	BIT(WHV_EXTENDED_EXCEPTION, WHV_EXTENDED_VM_EXITS, ExceptionExit);
	BIT(WHV_EXTENDED_RDTSC, WHV_EXTENDED_VM_EXITS, X64RdtscExit);
	BIT(WHV_MSR_UNHANDLED, WHV_X64_MSR_EXIT_BITMAP, UnhandledMsrs);
	BIT(WHV_MSR_TSC_WRITE, WHV_X64_MSR_EXIT_BITMAP, TscMsrWrite);
	BIT(WHV_MSR_TSC_READ, WHV_X64_MSR_EXIT_BITMAP, TscMsrRead);
	BIT(WHV_MSR_APIC_BASE_WRITE, WHV_X64_MSR_EXIT_BITMAP, ApicBaseMsrWrite);
	BIT(WHV_PROCESSOR_SSE3, WHV_PROCESSOR_FEATURES, Sse3Support);
	BIT(WHV_PROCESSOR_LAHF, WHV_PROCESSOR_FEATURES, LahfSahfSupport);
	BIT(WHV_PROCESSOR_SSSE3, WHV_PROCESSOR_FEATURES, Ssse3Support);
	BIT(WHV_PROCESSOR_SSE4_1, WHV_PROCESSOR_FEATURES, Sse4_1Support);
	BIT(WHV_PROCESSOR_SSE4_2, WHV_PROCESSOR_FEATURES, Sse4_2Support);
	BIT(WHV_PROCESSOR_POPCNT, WHV_PROCESSOR_FEATURES, PopCntSupport);
	BIT(WHV_PROCESSOR_CMPXCHG16B, WHV_PROCESSOR_FEATURES, Cmpxchg16bSupport);
	BIT(WHV_PROCESSOR_PAGE_1GB, WHV_PROCESSOR_FEATURES, Page1GbSupport);
	BIT(WHV_PROCESSOR_SMEP, WHV_PROCESSOR_FEATURES, SmepSupport);
	BIT(WHV_PROCESSOR_SMAP, WHV_PROCESSOR_FEATURES, SmapSupport);
	BIT(WHV_PROCESSOR_RDTSCP, WHV_PROCESSOR_FEATURES, RdtscpSupport);
	BIT(WHV_PROCESSOR_UMIP, WHV_PROCESSOR_FEATURES, UmipSupport);
}

static void test_events(void **state)
{
	typedef WHV_X64_PENDING_INTERRUPTION_REGISTER pending;

	BIT(WHV_PENDING, pending, InterruptionPending);
	BIT(1ull << WHV_PENDING_TYPE_SHIFT, pending, InterruptionType);
	BIT(WHV_PENDING_HAS_ERROR, pending, DeliverErrorCode);
	BIT(1ull << WHV_PENDING_VECTOR_SHIFT, pending, InterruptionVector);
	BIT(1ull << WHV_PENDING_ERROR_SHIFT, pending, ErrorCode);
	BIT(WHV_STATE_SHADOW, WHV_X64_INTERRUPT_STATE_REGISTER, InterruptShadow);
	BIT(WHV_STATE_NMI_MASKED, WHV_X64_INTERRUPT_STATE_REGISTER, NmiMasked);
	BIT(WHV_NOTIFY_NMI, WHV_X64_DELIVERABILITY_NOTIFICATIONS_REGISTER, NmiNotification);
	BIT(WHV_NOTIFY_INTERRUPT, WHV_X64_DELIVERABILITY_NOTIFICATIONS_REGISTER,
	    InterruptNotification);
	BIT(1ull << WHV_NOTIFY_PRIORITY_SHIFT, WHV_X64_DELIVERABILITY_NOTIFICATIONS_REGISTER,
	    InterruptPriority);
}

static void test_exits(void **state)
{
	WHV_VP_EXIT_CONTEXT theirs;
	struct whv_vp_context ours;

	BIT(WHV_VP_CPL_MASK, WHV_X64_VP_EXECUTION_STATE, Cpl);
	BIT(WHV_VP_CR0_PE, WHV_X64_VP_EXECUTION_STATE, Cr0Pe);
	BIT(WHV_VP_CR0_AM, WHV_X64_VP_EXECUTION_STATE, Cr0Am);
	BIT(WHV_VP_EFER_LMA, WHV_X64_VP_EXECUTION_STATE, EferLma);
	BIT(WHV_VP_DEBUG_ACTIVE, WHV_X64_VP_EXECUTION_STATE, DebugActive);
	BIT(WHV_VP_INTERRUPTION_PENDING, WHV_X64_VP_EXECUTION_STATE, InterruptionPending);
	BIT(WHV_VP_INTERRUPT_SHADOW, WHV_X64_VP_EXECUTION_STATE, InterruptShadow);
	BIT(WHV_ACCESS_TYPE_MASK, WHV_MEMORY_ACCESS_INFO, AccessType);
	BIT(WHV_ACCESS_UNMAPPED, WHV_MEMORY_ACCESS_INFO, GpaUnmapped);
	BIT(WHV_ACCESS_GVA_VALID, WHV_MEMORY_ACCESS_INFO, GvaValid);
	BIT(WHV_IO_WRITE, WHV_X64_IO_PORT_ACCESS_INFO, IsWrite);
	BIT(1u << WHV_IO_SIZE_SHIFT, WHV_X64_IO_PORT_ACCESS_INFO, AccessSize);
	BIT(WHV_IO_STRING, WHV_X64_IO_PORT_ACCESS_INFO, StringOp);
	BIT(WHV_IO_REPEAT, WHV_X64_IO_PORT_ACCESS_INFO, RepPrefix);
	BIT(1, WHV_X64_MSR_ACCESS_INFO, IsWrite);
	BIT(1, WHV_X64_RDTSC_INFO, IsRdtscp);
	memset(&theirs, 0, sizeof(theirs));
	theirs.InstructionLength = 5;
	theirs.Cr8 = 9;
	memcpy(&ours, &theirs, sizeof(ours));
	assert_int_equal(ours.length_cr8, 0x95);
}

static void test_emulator(void **state)
{
	typedef WHV_EMULATOR_STATUS status;

	BIT(WHV_EMULATED, status, EmulationSuccessful);
	BIT(WHV_INTERNAL_FAILURE, status, InternalEmulationFailure);
	BIT(WHV_IO_FAILED, status, IoPortCallbackFailed);
	BIT(WHV_MEMORY_FAILED, status, MemoryCallbackFailed);
	BIT(WHV_TRANSLATE_FAILED, status, TranslateGvaPageCallbackFailed);
	BIT(WHV_TRANSLATE_MISALIGNED, status, TranslateGvaPageCallbackGpaIsNotAligned);
	BIT(WHV_GET_FAILED, status, GetVirtualProcessorRegistersCallbackFailed);
	BIT(WHV_SET_FAILED, status, SetVirtualProcessorRegistersCallbackFailed);
	BIT(WHV_INTERRUPT_INTERCEPT, status, InterruptCausedIntercept);
	BIT(WHV_CANNOT_FAULT, status, GuestCannotBeFaulted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_capabilities),
	    cmocka_unit_test(test_events),
	    cmocka_unit_test(test_exits),
	    cmocka_unit_test(test_emulator),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
