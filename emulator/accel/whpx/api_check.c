/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compares whpx_api.h with the Windows headers, where those are: every size, offset and value that
 * vcr relies on. It has no code; that it compiles is the check. Bit fields have no constant value
 * in C: tests/unit/accel/whpx_bits.c compares those.
 */
#include <stddef.h>

#include "emulator/accel/whpx/whpx_api.h"

#include <windows.h>

#include <winhvplatform.h>

#include <winhvemulation.h>

#define SIZE(ours, theirs) _Static_assert(sizeof(ours) == sizeof(theirs), #theirs)
#define MEMBER(ours, m, theirs, n)                                                                 \
	_Static_assert(offsetof(ours, m) == offsetof(theirs, n) &&                                 \
			   sizeof(((ours *)0)->m) == sizeof(((theirs *)0)->n),                     \
		       #theirs "." #n)
#define VALUE(ours, theirs) _Static_assert((uint32_t)(ours) == (uint32_t)(theirs), #theirs)

/* ---- results ---- */

SIZE(whv_result, HRESULT);
VALUE(WHV_INVALID_ARGUMENT, E_INVALIDARG);
VALUE(WHV_OUT_OF_MEMORY, E_OUTOFMEMORY);
VALUE(WHV_ACCESS_DENIED, E_ACCESSDENIED);
VALUE(WHV_NOT_IMPLEMENTED, E_NOTIMPL);
VALUE(WHV_BAD_POINTER, E_POINTER);
VALUE(WHV_FAIL, E_FAIL);
VALUE(WHV_UNEXPECTED, E_UNEXPECTED);

/* ---- capabilities and properties ---- */

VALUE(WHV_CAP_HYPERVISOR_PRESENT, WHvCapabilityCodeHypervisorPresent);
VALUE(WHV_CAP_FEATURES, WHvCapabilityCodeFeatures);
VALUE(WHV_CAP_EXTENDED_EXITS, WHvCapabilityCodeExtendedVmExits);
VALUE(WHV_CAP_EXCEPTION_EXITS, WHvCapabilityCodeExceptionExitBitmap);
VALUE(WHV_CAP_MSR_EXITS, WHvCapabilityCodeX64MsrExitBitmap);
VALUE(WHV_CAP_PROCESSOR_VENDOR, WHvCapabilityCodeProcessorVendor);
VALUE(WHV_CAP_PROCESSOR_FEATURES, WHvCapabilityCodeProcessorFeatures);
VALUE(WHV_VENDOR_INTEL, WHvProcessorVendorIntel);

VALUE(WHV_PROPERTY_EXTENDED_EXITS, WHvPartitionPropertyCodeExtendedVmExits);
VALUE(WHV_PROPERTY_EXCEPTION_EXITS, WHvPartitionPropertyCodeExceptionExitBitmap);
VALUE(WHV_PROPERTY_MSR_EXITS, WHvPartitionPropertyCodeX64MsrExitBitmap);
VALUE(WHV_PROPERTY_PROCESSOR_FEATURES, WHvPartitionPropertyCodeProcessorFeatures);
VALUE(WHV_PROPERTY_CPUID_EXIT_LIST, WHvPartitionPropertyCodeCpuidExitList);
VALUE(WHV_PROPERTY_LOCAL_APIC, WHvPartitionPropertyCodeLocalApicEmulationMode);
VALUE(WHV_PROPERTY_MSR_ACTIONS, WHvPartitionPropertyCodeMsrActionList);
VALUE(WHV_PROPERTY_UNIMPLEMENTED_MSR, WHvPartitionPropertyCodeUnimplementedMsrAction);
VALUE(WHV_PROPERTY_PROCESSOR_COUNT, WHvPartitionPropertyCodeProcessorCount);
VALUE(WHV_APIC_NONE, WHvX64LocalApicEmulationModeNone);
VALUE(WHV_APIC_XAPIC, WHvX64LocalApicEmulationModeXApic);
VALUE(WHV_APIC_X2APIC, WHvX64LocalApicEmulationModeX2Apic);
VALUE(WHV_MSR_ACTION_DEFAULT, WHvMsrActionArchitectureDefault);
VALUE(WHV_MSR_ACTION_IGNORE, WHvMsrActionIgnoreWriteReadZero);
VALUE(WHV_MSR_ACTION_EXIT, WHvMsrActionExit);
SIZE(struct whv_msr_action, WHV_MSR_ACTION_ENTRY);
MEMBER(struct whv_msr_action, index, WHV_MSR_ACTION_ENTRY, Index);
MEMBER(struct whv_msr_action, read, WHV_MSR_ACTION_ENTRY, ReadAction);
MEMBER(struct whv_msr_action, write, WHV_MSR_ACTION_ENTRY, WriteAction);

/* ---- memory ---- */

VALUE(WHV_MAP_READ, WHvMapGpaRangeFlagRead);
VALUE(WHV_MAP_WRITE, WHvMapGpaRangeFlagWrite);
VALUE(WHV_MAP_EXECUTE, WHvMapGpaRangeFlagExecute);
VALUE(WHV_MAP_TRACK_DIRTY, WHvMapGpaRangeFlagTrackDirtyPages);
VALUE(WHV_TRANSLATE_READ, WHvTranslateGvaFlagValidateRead);
VALUE(WHV_TRANSLATE_WRITE, WHvTranslateGvaFlagValidateWrite);
VALUE(WHV_TRANSLATE_EXECUTE, WHvTranslateGvaFlagValidateExecute);
VALUE(WHV_TRANSLATE_EXEMPT, WHvTranslateGvaFlagPrivilegeExempt);
VALUE(WHV_TRANSLATE_SET_TABLE, WHvTranslateGvaFlagSetPageTableBits);
VALUE(WHV_TRANSLATED, WHvTranslateGvaResultSuccess);
VALUE(WHV_PAGE_NOT_PRESENT, WHvTranslateGvaResultPageNotPresent);
VALUE(WHV_PRIVILEGE_VIOLATION, WHvTranslateGvaResultPrivilegeViolation);
VALUE(WHV_INVALID_PAGE_TABLE, WHvTranslateGvaResultInvalidPageTableFlags);
VALUE(WHV_GPA_UNMAPPED, WHvTranslateGvaResultGpaUnmapped);
VALUE(WHV_GPA_NO_READ, WHvTranslateGvaResultGpaNoReadAccess);
VALUE(WHV_GPA_NO_WRITE, WHvTranslateGvaResultGpaNoWriteAccess);
SIZE(struct whv_translate_result, WHV_TRANSLATE_GVA_RESULT);
MEMBER(struct whv_translate_result, code, WHV_TRANSLATE_GVA_RESULT, ResultCode);

/* ---- registers ---- */

VALUE(WHV_RAX, WHvX64RegisterRax);
VALUE(WHV_RCX, WHvX64RegisterRcx);
VALUE(WHV_RDX, WHvX64RegisterRdx);
VALUE(WHV_RBX, WHvX64RegisterRbx);
VALUE(WHV_RSP, WHvX64RegisterRsp);
VALUE(WHV_RSI, WHvX64RegisterRsi);
VALUE(WHV_RDI, WHvX64RegisterRdi);
VALUE(WHV_RAX + 5, WHvX64RegisterRbp);
VALUE(WHV_RAX + 8, WHvX64RegisterR8);
VALUE(WHV_R15, WHvX64RegisterR15);
VALUE(WHV_RIP, WHvX64RegisterRip);
VALUE(WHV_RFLAGS, WHvX64RegisterRflags);
VALUE(WHV_ES, WHvX64RegisterEs);
VALUE(WHV_CS, WHvX64RegisterCs);
VALUE(WHV_SS, WHvX64RegisterSs);
VALUE(WHV_DS, WHvX64RegisterDs);
VALUE(WHV_FS, WHvX64RegisterFs);
VALUE(WHV_GS, WHvX64RegisterGs);
VALUE(WHV_LDTR, WHvX64RegisterLdtr);
VALUE(WHV_TR, WHvX64RegisterTr);
VALUE(WHV_IDTR, WHvX64RegisterIdtr);
VALUE(WHV_GDTR, WHvX64RegisterGdtr);
VALUE(WHV_CR0, WHvX64RegisterCr0);
VALUE(WHV_CR2, WHvX64RegisterCr2);
VALUE(WHV_CR3, WHvX64RegisterCr3);
VALUE(WHV_CR4, WHvX64RegisterCr4);
VALUE(WHV_CR8, WHvX64RegisterCr8);
VALUE(WHV_DR0, WHvX64RegisterDr0);
VALUE(WHV_DR3, WHvX64RegisterDr3);
VALUE(WHV_DR6, WHvX64RegisterDr6);
VALUE(WHV_DR7, WHvX64RegisterDr7);
VALUE(WHV_XMM0, WHvX64RegisterXmm0);
VALUE(WHV_XMM15, WHvX64RegisterXmm15);
VALUE(WHV_FP0, WHvX64RegisterFpMmx0);
VALUE(WHV_FP7, WHvX64RegisterFpMmx7);
VALUE(WHV_FP_STATUS, WHvX64RegisterFpControlStatus);
VALUE(WHV_XMM_STATUS, WHvX64RegisterXmmControlStatus);
VALUE(WHV_TSC, WHvX64RegisterTsc);
VALUE(WHV_EFER, WHvX64RegisterEfer);
VALUE(WHV_KERNEL_GS_BASE, WHvX64RegisterKernelGsBase);
VALUE(WHV_APIC_BASE, WHvX64RegisterApicBase);
VALUE(WHV_PAT, WHvX64RegisterPat);
VALUE(WHV_SYSENTER_CS, WHvX64RegisterSysenterCs);
VALUE(WHV_SYSENTER_EIP, WHvX64RegisterSysenterEip);
VALUE(WHV_SYSENTER_ESP, WHvX64RegisterSysenterEsp);
VALUE(WHV_STAR, WHvX64RegisterStar);
VALUE(WHV_LSTAR, WHvX64RegisterLstar);
VALUE(WHV_CSTAR, WHvX64RegisterCstar);
VALUE(WHV_SFMASK, WHvX64RegisterSfmask);
VALUE(WHV_TSC_AUX, WHvX64RegisterTscAux);
VALUE(WHV_PENDING_INTERRUPTION, WHvRegisterPendingInterruption);
VALUE(WHV_INTERRUPT_STATE, WHvRegisterInterruptState);
VALUE(WHV_DELIVERABILITY, WHvX64RegisterDeliverabilityNotifications);
VALUE(WHV_INTERNAL_ACTIVITY, WHvRegisterInternalActivityState);

SIZE(union whv_value, WHV_REGISTER_VALUE);
_Static_assert(_Alignof(union whv_value) == _Alignof(WHV_REGISTER_VALUE), "alignment");
SIZE(struct whv_segment, WHV_X64_SEGMENT_REGISTER);
MEMBER(struct whv_segment, base, WHV_X64_SEGMENT_REGISTER, Base);
MEMBER(struct whv_segment, limit, WHV_X64_SEGMENT_REGISTER, Limit);
MEMBER(struct whv_segment, selector, WHV_X64_SEGMENT_REGISTER, Selector);
MEMBER(struct whv_segment, attributes, WHV_X64_SEGMENT_REGISTER, Attributes);
SIZE(struct whv_table, WHV_X64_TABLE_REGISTER);
MEMBER(struct whv_table, limit, WHV_X64_TABLE_REGISTER, Limit);
MEMBER(struct whv_table, base, WHV_X64_TABLE_REGISTER, Base);
SIZE(struct whv_fp_status, WHV_X64_FP_CONTROL_STATUS_REGISTER);
MEMBER(struct whv_fp_status, control, WHV_X64_FP_CONTROL_STATUS_REGISTER, FpControl);
MEMBER(struct whv_fp_status, status, WHV_X64_FP_CONTROL_STATUS_REGISTER, FpStatus);
MEMBER(struct whv_fp_status, tag, WHV_X64_FP_CONTROL_STATUS_REGISTER, FpTag);
MEMBER(struct whv_fp_status, last_opcode, WHV_X64_FP_CONTROL_STATUS_REGISTER, LastFpOp);
MEMBER(struct whv_fp_status, last_rip, WHV_X64_FP_CONTROL_STATUS_REGISTER, LastFpRip);
SIZE(struct whv_xmm_status, WHV_X64_XMM_CONTROL_STATUS_REGISTER);
MEMBER(struct whv_xmm_status, last_rdp, WHV_X64_XMM_CONTROL_STATUS_REGISTER, LastFpRdp);
MEMBER(struct whv_xmm_status, mxcsr, WHV_X64_XMM_CONTROL_STATUS_REGISTER, XmmStatusControl);
MEMBER(struct whv_xmm_status, mxcsr_mask, WHV_X64_XMM_CONTROL_STATUS_REGISTER,
       XmmStatusControlMask);
VALUE(WHV_EVENT_INTERRUPT, WHvX64PendingInterrupt);
VALUE(WHV_EVENT_NMI, WHvX64PendingNmi);
VALUE(WHV_EVENT_EXCEPTION, WHvX64PendingException);

/* ---- exits ---- */

VALUE(WHV_EXIT_NONE, WHvRunVpExitReasonNone);
VALUE(WHV_EXIT_MEMORY, WHvRunVpExitReasonMemoryAccess);
VALUE(WHV_EXIT_IO, WHvRunVpExitReasonX64IoPortAccess);
VALUE(WHV_EXIT_UNRECOVERABLE_EXCEPTION, WHvRunVpExitReasonUnrecoverableException);
VALUE(WHV_EXIT_INVALID_REGISTER, WHvRunVpExitReasonInvalidVpRegisterValue);
VALUE(WHV_EXIT_UNSUPPORTED_FEATURE, WHvRunVpExitReasonUnsupportedFeature);
VALUE(WHV_EXIT_INTERRUPT_WINDOW, WHvRunVpExitReasonX64InterruptWindow);
VALUE(WHV_EXIT_HALT, WHvRunVpExitReasonX64Halt);
VALUE(WHV_EXIT_APIC_EOI, WHvRunVpExitReasonX64ApicEoi);
VALUE(WHV_EXIT_SYNIC_SINT, WHvRunVpExitReasonSynicSintDeliverable);
VALUE(WHV_EXIT_MSR, WHvRunVpExitReasonX64MsrAccess);
VALUE(WHV_EXIT_CPUID, WHvRunVpExitReasonX64Cpuid);
VALUE(WHV_EXIT_EXCEPTION, WHvRunVpExitReasonException);
VALUE(WHV_EXIT_RDTSC, WHvRunVpExitReasonX64Rdtsc);
VALUE(WHV_EXIT_APIC_SMI, WHvRunVpExitReasonX64ApicSmiTrap);
VALUE(WHV_EXIT_HYPERCALL, WHvRunVpExitReasonHypercall);
VALUE(WHV_EXIT_APIC_INIT_SIPI, WHvRunVpExitReasonX64ApicInitSipiTrap);
VALUE(WHV_EXIT_APIC_WRITE, WHvRunVpExitReasonX64ApicWriteTrap);
VALUE(WHV_EXIT_CANCELED, WHvRunVpExitReasonCanceled);
VALUE(WHV_ACCESS_READ, WHvMemoryAccessRead);
VALUE(WHV_ACCESS_WRITE, WHvMemoryAccessWrite);
VALUE(WHV_ACCESS_EXECUTE, WHvMemoryAccessExecute);

SIZE(struct whv_vp_context, WHV_VP_EXIT_CONTEXT);
MEMBER(struct whv_vp_context, state, WHV_VP_EXIT_CONTEXT, ExecutionState);
MEMBER(struct whv_vp_context, reserved, WHV_VP_EXIT_CONTEXT, Reserved);
MEMBER(struct whv_vp_context, cs, WHV_VP_EXIT_CONTEXT, Cs);
MEMBER(struct whv_vp_context, rip, WHV_VP_EXIT_CONTEXT, Rip);
MEMBER(struct whv_vp_context, rflags, WHV_VP_EXIT_CONTEXT, Rflags);
SIZE(struct whv_memory_access, WHV_MEMORY_ACCESS_CONTEXT);
MEMBER(struct whv_memory_access, insn_length, WHV_MEMORY_ACCESS_CONTEXT, InstructionByteCount);
MEMBER(struct whv_memory_access, insn, WHV_MEMORY_ACCESS_CONTEXT, InstructionBytes);
MEMBER(struct whv_memory_access, info, WHV_MEMORY_ACCESS_CONTEXT, AccessInfo);
MEMBER(struct whv_memory_access, gpa, WHV_MEMORY_ACCESS_CONTEXT, Gpa);
MEMBER(struct whv_memory_access, gva, WHV_MEMORY_ACCESS_CONTEXT, Gva);
SIZE(struct whv_io_access, WHV_X64_IO_PORT_ACCESS_CONTEXT);
MEMBER(struct whv_io_access, insn_length, WHV_X64_IO_PORT_ACCESS_CONTEXT, InstructionByteCount);
MEMBER(struct whv_io_access, insn, WHV_X64_IO_PORT_ACCESS_CONTEXT, InstructionBytes);
MEMBER(struct whv_io_access, info, WHV_X64_IO_PORT_ACCESS_CONTEXT, AccessInfo);
MEMBER(struct whv_io_access, port, WHV_X64_IO_PORT_ACCESS_CONTEXT, PortNumber);
MEMBER(struct whv_io_access, rax, WHV_X64_IO_PORT_ACCESS_CONTEXT, Rax);
MEMBER(struct whv_io_access, rcx, WHV_X64_IO_PORT_ACCESS_CONTEXT, Rcx);
MEMBER(struct whv_io_access, rsi, WHV_X64_IO_PORT_ACCESS_CONTEXT, Rsi);
MEMBER(struct whv_io_access, rdi, WHV_X64_IO_PORT_ACCESS_CONTEXT, Rdi);
MEMBER(struct whv_io_access, ds, WHV_X64_IO_PORT_ACCESS_CONTEXT, Ds);
MEMBER(struct whv_io_access, es, WHV_X64_IO_PORT_ACCESS_CONTEXT, Es);
SIZE(struct whv_msr_access, WHV_X64_MSR_ACCESS_CONTEXT);
MEMBER(struct whv_msr_access, is_write, WHV_X64_MSR_ACCESS_CONTEXT, AccessInfo);
MEMBER(struct whv_msr_access, index, WHV_X64_MSR_ACCESS_CONTEXT, MsrNumber);
MEMBER(struct whv_msr_access, rax, WHV_X64_MSR_ACCESS_CONTEXT, Rax);
MEMBER(struct whv_msr_access, rdx, WHV_X64_MSR_ACCESS_CONTEXT, Rdx);
SIZE(struct whv_cpuid_access, WHV_X64_CPUID_ACCESS_CONTEXT);
MEMBER(struct whv_cpuid_access, rax, WHV_X64_CPUID_ACCESS_CONTEXT, Rax);
MEMBER(struct whv_cpuid_access, rcx, WHV_X64_CPUID_ACCESS_CONTEXT, Rcx);
MEMBER(struct whv_cpuid_access, rdx, WHV_X64_CPUID_ACCESS_CONTEXT, Rdx);
MEMBER(struct whv_cpuid_access, rbx, WHV_X64_CPUID_ACCESS_CONTEXT, Rbx);
MEMBER(struct whv_cpuid_access, default_rax, WHV_X64_CPUID_ACCESS_CONTEXT, DefaultResultRax);
MEMBER(struct whv_cpuid_access, default_rcx, WHV_X64_CPUID_ACCESS_CONTEXT, DefaultResultRcx);
MEMBER(struct whv_cpuid_access, default_rdx, WHV_X64_CPUID_ACCESS_CONTEXT, DefaultResultRdx);
MEMBER(struct whv_cpuid_access, default_rbx, WHV_X64_CPUID_ACCESS_CONTEXT, DefaultResultRbx);
SIZE(struct whv_exception, WHV_VP_EXCEPTION_CONTEXT);
MEMBER(struct whv_exception, insn, WHV_VP_EXCEPTION_CONTEXT, InstructionBytes);
MEMBER(struct whv_exception, info, WHV_VP_EXCEPTION_CONTEXT, ExceptionInfo);
MEMBER(struct whv_exception, type, WHV_VP_EXCEPTION_CONTEXT, ExceptionType);
MEMBER(struct whv_exception, error, WHV_VP_EXCEPTION_CONTEXT, ErrorCode);
MEMBER(struct whv_exception, parameter, WHV_VP_EXCEPTION_CONTEXT, ExceptionParameter);
SIZE(struct whv_unsupported_feature, WHV_X64_UNSUPPORTED_FEATURE_CONTEXT);
MEMBER(struct whv_unsupported_feature, code, WHV_X64_UNSUPPORTED_FEATURE_CONTEXT, FeatureCode);
MEMBER(struct whv_unsupported_feature, parameter, WHV_X64_UNSUPPORTED_FEATURE_CONTEXT,
       FeatureParameter);
SIZE(struct whv_rdtsc, WHV_X64_RDTSC_CONTEXT);
MEMBER(struct whv_rdtsc, tsc_aux, WHV_X64_RDTSC_CONTEXT, TscAux);
MEMBER(struct whv_rdtsc, virtual_offset, WHV_X64_RDTSC_CONTEXT, VirtualOffset);
MEMBER(struct whv_rdtsc, tsc, WHV_X64_RDTSC_CONTEXT, Tsc);
MEMBER(struct whv_rdtsc, reference_time, WHV_X64_RDTSC_CONTEXT, ReferenceTime);
MEMBER(struct whv_rdtsc, is_rdtscp, WHV_X64_RDTSC_CONTEXT, RdtscInfo);
SIZE(struct whv_exit_context, WHV_RUN_VP_EXIT_CONTEXT);
MEMBER(struct whv_exit_context, reason, WHV_RUN_VP_EXIT_CONTEXT, ExitReason);
MEMBER(struct whv_exit_context, vp, WHV_RUN_VP_EXIT_CONTEXT, VpContext);
MEMBER(struct whv_exit_context, memory, WHV_RUN_VP_EXIT_CONTEXT, MemoryAccess);
MEMBER(struct whv_exit_context, io, WHV_RUN_VP_EXIT_CONTEXT, IoPortAccess);
MEMBER(struct whv_exit_context, msr, WHV_RUN_VP_EXIT_CONTEXT, MsrAccess);
MEMBER(struct whv_exit_context, cpuid, WHV_RUN_VP_EXIT_CONTEXT, CpuidAccess);
MEMBER(struct whv_exit_context, exception, WHV_RUN_VP_EXIT_CONTEXT, VpException);
MEMBER(struct whv_exit_context, window_type, WHV_RUN_VP_EXIT_CONTEXT, InterruptWindow);
MEMBER(struct whv_exit_context, cancel_reason, WHV_RUN_VP_EXIT_CONTEXT, CancelReason);
MEMBER(struct whv_exit_context, eoi_vector, WHV_RUN_VP_EXIT_CONTEXT, ApicEoi);
MEMBER(struct whv_exit_context, unsupported, WHV_RUN_VP_EXIT_CONTEXT, UnsupportedFeature);
MEMBER(struct whv_exit_context, rdtsc, WHV_RUN_VP_EXIT_CONTEXT, ReadTsc);

/* ---- the emulator ---- */

SIZE(struct whv_emulator_memory, WHV_EMULATOR_MEMORY_ACCESS_INFO);
MEMBER(struct whv_emulator_memory, gpa, WHV_EMULATOR_MEMORY_ACCESS_INFO, GpaAddress);
MEMBER(struct whv_emulator_memory, is_write, WHV_EMULATOR_MEMORY_ACCESS_INFO, Direction);
MEMBER(struct whv_emulator_memory, size, WHV_EMULATOR_MEMORY_ACCESS_INFO, AccessSize);
MEMBER(struct whv_emulator_memory, data, WHV_EMULATOR_MEMORY_ACCESS_INFO, Data);
SIZE(struct whv_emulator_io, WHV_EMULATOR_IO_ACCESS_INFO);
MEMBER(struct whv_emulator_io, is_write, WHV_EMULATOR_IO_ACCESS_INFO, Direction);
MEMBER(struct whv_emulator_io, port, WHV_EMULATOR_IO_ACCESS_INFO, Port);
MEMBER(struct whv_emulator_io, size, WHV_EMULATOR_IO_ACCESS_INFO, AccessSize);
MEMBER(struct whv_emulator_io, data, WHV_EMULATOR_IO_ACCESS_INFO, Data);
SIZE(struct whv_emulator_callbacks, WHV_EMULATOR_CALLBACKS);
MEMBER(struct whv_emulator_callbacks, size, WHV_EMULATOR_CALLBACKS, Size);
MEMBER(struct whv_emulator_callbacks, io, WHV_EMULATOR_CALLBACKS, WHvEmulatorIoPortCallback);
MEMBER(struct whv_emulator_callbacks, memory, WHV_EMULATOR_CALLBACKS, WHvEmulatorMemoryCallback);
MEMBER(struct whv_emulator_callbacks, get, WHV_EMULATOR_CALLBACKS,
       WHvEmulatorGetVirtualProcessorRegisters);
MEMBER(struct whv_emulator_callbacks, set, WHV_EMULATOR_CALLBACKS,
       WHvEmulatorSetVirtualProcessorRegisters);
MEMBER(struct whv_emulator_callbacks, translate, WHV_EMULATOR_CALLBACKS,
       WHvEmulatorTranslateGvaPage);
