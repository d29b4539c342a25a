/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Windows Hypervisor Platform as far as vcr uses it: WinHvPlatform.dll and WinHvEmulation.dll,
 * from Microsoft's API documentation ("Windows Hypervisor Platform API definitions", "Windows
 * Hypervisor Platform instruction emulator"). Written anew, under names of our own, because the
 * same backend and the same software platform (soft/) are built where there is no Windows header;
 * where there is one, api_check.c compares every size, offset and value that is here.
 *
 * Structures are the documented ones to the byte. Bit fields are masks, since how a compiler lays
 * out bit fields is not for a binary interface to rely on.
 */
#ifndef VCR_WHPX_API_H
#define VCR_WHPX_API_H

#include <stdbool.h>
#include <stdint.h>

/* ---- results ---- */

/* An HRESULT: negative when a call failed. */
typedef int32_t whv_result;

#define WHV_OK             ((whv_result)0)
#define WHV_FAILURE(code)  ((whv_result)(code))
#define WHV_FAILED(result) ((result) < 0)

#define WHV_INVALID_ARGUMENT              WHV_FAILURE(0x80070057u) /* E_INVALIDARG */
#define WHV_OUT_OF_MEMORY                 WHV_FAILURE(0x8007000eu) /* E_OUTOFMEMORY */
#define WHV_ACCESS_DENIED                 WHV_FAILURE(0x80070005u) /* E_ACCESSDENIED */
#define WHV_NOT_IMPLEMENTED               WHV_FAILURE(0x80004001u) /* E_NOTIMPL */
#define WHV_BAD_POINTER                   WHV_FAILURE(0x80004003u) /* E_POINTER */
#define WHV_FAIL                          WHV_FAILURE(0x80004005u) /* E_FAIL */
#define WHV_UNEXPECTED                    WHV_FAILURE(0x8000ffffu) /* E_UNEXPECTED */
#define WHV_UNKNOWN_CAPABILITY            WHV_FAILURE(0x80370300u)
#define WHV_INSUFFICIENT_BUFFER           WHV_FAILURE(0x80370301u)
#define WHV_UNKNOWN_PROPERTY              WHV_FAILURE(0x80370302u)
#define WHV_UNSUPPORTED_HYPERVISOR_CONFIG WHV_FAILURE(0x80370303u)
#define WHV_INVALID_PARTITION_CONFIG      WHV_FAILURE(0x80370304u)
#define WHV_GPA_RANGE_NOT_FOUND           WHV_FAILURE(0x80370305u)
#define WHV_VP_ALREADY_EXISTS             WHV_FAILURE(0x80370306u)
#define WHV_VP_DOES_NOT_EXIST             WHV_FAILURE(0x80370307u)
#define WHV_INVALID_VP_STATE              WHV_FAILURE(0x80370308u)
#define WHV_INVALID_VP_REGISTER_NAME      WHV_FAILURE(0x80370309u)
#define WHV_UNSUPPORTED_PROCESSOR_CONFIG  WHV_FAILURE(0x80370310u)
/* The hypervisor's own codes come through under facility 0x35. */
#define WHV_HV_INVALID_PARAMETER WHV_FAILURE(0xc0350005u)
#define WHV_HV_NOT_PRESENT       WHV_FAILURE(0xc0351000u)

/* ---- capabilities ---- */

enum whv_capability {
	WHV_CAP_HYPERVISOR_PRESENT = 0x0000, /* int32_t */
	WHV_CAP_FEATURES = 0x0001,           /* uint64_t, WHV_FEATURE_* */
	WHV_CAP_EXTENDED_EXITS = 0x0002,     /* uint64_t, WHV_EXTENDED_* */
	WHV_CAP_EXCEPTION_EXITS = 0x0003,    /* uint64_t, a bit each vector */
	WHV_CAP_MSR_EXITS = 0x0004,          /* uint64_t, WHV_MSR_* */
	WHV_CAP_PROCESSOR_VENDOR = 0x1000,   /* uint32_t */
	WHV_CAP_PROCESSOR_FEATURES = 0x1001, /* uint64_t, WHV_PROCESSOR_* */
};

#define WHV_FEATURE_PARTIAL_UNMAP       (1ull << 0)
#define WHV_FEATURE_LOCAL_APIC          (1ull << 1)
#define WHV_FEATURE_XSAVE               (1ull << 2)
#define WHV_FEATURE_DIRTY_PAGE_TRACKING (1ull << 3)

#define WHV_EXTENDED_CPUID     (1ull << 0)
#define WHV_EXTENDED_MSR       (1ull << 1)
#define WHV_EXTENDED_EXCEPTION (1ull << 2)
#define WHV_EXTENDED_RDTSC     (1ull << 3)

#define WHV_MSR_UNHANDLED       (1ull << 0)
#define WHV_MSR_TSC_WRITE       (1ull << 1)
#define WHV_MSR_TSC_READ        (1ull << 2)
#define WHV_MSR_APIC_BASE_WRITE (1ull << 3)

#define WHV_VENDOR_INTEL 1u

/* Those of the processor features that vcr's processor models differ in. */
#define WHV_PROCESSOR_SSE3       (1ull << 0)
#define WHV_PROCESSOR_LAHF       (1ull << 1)
#define WHV_PROCESSOR_SSSE3      (1ull << 2)
#define WHV_PROCESSOR_SSE4_1     (1ull << 3)
#define WHV_PROCESSOR_SSE4_2     (1ull << 4)
#define WHV_PROCESSOR_POPCNT     (1ull << 7)
#define WHV_PROCESSOR_CMPXCHG16B (1ull << 8)
#define WHV_PROCESSOR_PAGE_1GB   (1ull << 15)
#define WHV_PROCESSOR_SMEP       (1ull << 23)
#define WHV_PROCESSOR_SMAP       (1ull << 35)
#define WHV_PROCESSOR_RDTSCP     (1ull << 38)
#define WHV_PROCESSOR_UMIP       (1ull << 58)

/* ---- partitions ---- */

typedef void *whv_partition;

enum whv_property {
	WHV_PROPERTY_EXTENDED_EXITS = 0x0001,     /* uint64_t, WHV_EXTENDED_* */
	WHV_PROPERTY_EXCEPTION_EXITS = 0x0002,    /* uint64_t */
	WHV_PROPERTY_MSR_EXITS = 0x0005,          /* uint64_t, WHV_MSR_* */
	WHV_PROPERTY_PROCESSOR_FEATURES = 0x1001, /* uint64_t, WHV_PROCESSOR_* */
	WHV_PROPERTY_CPUID_EXIT_LIST = 0x1003,    /* uint32_t[] */
	WHV_PROPERTY_LOCAL_APIC = 0x1005,         /* uint32_t, WHV_APIC_* */
	WHV_PROPERTY_MSR_ACTIONS = 0x100f,        /* struct whv_msr_action[]; Windows 11 */
	WHV_PROPERTY_UNIMPLEMENTED_MSR = 0x1010,  /* uint32_t, WHV_MSR_ACTION_*; Windows 11 */
	WHV_PROPERTY_PROCESSOR_COUNT = 0x1fff,    /* uint32_t */
};

enum { WHV_APIC_NONE, WHV_APIC_XAPIC, WHV_APIC_X2APIC };

enum { WHV_MSR_ACTION_DEFAULT, WHV_MSR_ACTION_IGNORE, WHV_MSR_ACTION_EXIT };

struct whv_msr_action {
	uint32_t index;
	uint8_t read, write;
	uint16_t reserved;
};

#define WHV_MAP_READ        1u
#define WHV_MAP_WRITE       2u
#define WHV_MAP_EXECUTE     4u
#define WHV_MAP_TRACK_DIRTY 8u

#define WHV_TRANSLATE_READ      0x01u
#define WHV_TRANSLATE_WRITE     0x02u
#define WHV_TRANSLATE_EXECUTE   0x04u
#define WHV_TRANSLATE_EXEMPT    0x08u /* from privilege checks */
#define WHV_TRANSLATE_SET_TABLE 0x10u /* accessed and dirty bits */

enum whv_translation {
	WHV_TRANSLATED = 0,
	WHV_PAGE_NOT_PRESENT = 1,
	WHV_PRIVILEGE_VIOLATION = 2,
	WHV_INVALID_PAGE_TABLE = 3,
	WHV_GPA_UNMAPPED = 4,
	WHV_GPA_NO_READ = 5,
	WHV_GPA_NO_WRITE = 6,
};

struct whv_translate_result {
	uint32_t code; /* enum whv_translation */
	uint32_t reserved;
};

/* ---- registers ---- */

enum {
	WHV_RAX = 0x0000, /* to R15 in the order of their encoding */
	WHV_RSP = 0x0004,
	WHV_RSI = 0x0006,
	WHV_RDI = 0x0007,
	WHV_R15 = 0x000f,
	WHV_RCX = 0x0001,
	WHV_RDX = 0x0002,
	WHV_RBX = 0x0003,
	WHV_RIP = 0x0010,
	WHV_RFLAGS = 0x0011,
	WHV_ES = 0x0012, /* CS, SS, DS, FS, GS follow */
	WHV_CS = 0x0013,
	WHV_SS = 0x0014,
	WHV_DS = 0x0015,
	WHV_FS = 0x0016,
	WHV_GS = 0x0017,
	WHV_LDTR = 0x0018,
	WHV_TR = 0x0019,
	WHV_IDTR = 0x001a,
	WHV_GDTR = 0x001b,
	WHV_CR0 = 0x001c,
	WHV_CR2 = 0x001d,
	WHV_CR3 = 0x001e,
	WHV_CR4 = 0x001f,
	WHV_CR8 = 0x0020,
	WHV_DR0 = 0x0021, /* to DR3 */
	WHV_DR3 = 0x0024,
	WHV_DR6 = 0x0025,
	WHV_DR7 = 0x0026,
	WHV_XMM0 = 0x1000, /* to XMM15 */
	WHV_XMM15 = 0x100f,
	WHV_FP0 = 0x1010, /* to FP7 */
	WHV_FP7 = 0x1017,
	WHV_FP_STATUS = 0x1018,
	WHV_XMM_STATUS = 0x1019,
	WHV_TSC = 0x2000,
	WHV_EFER = 0x2001,
	WHV_KERNEL_GS_BASE = 0x2002,
	WHV_APIC_BASE = 0x2003,
	WHV_PAT = 0x2004,
	WHV_SYSENTER_CS = 0x2005,
	WHV_SYSENTER_EIP = 0x2006,
	WHV_SYSENTER_ESP = 0x2007,
	WHV_STAR = 0x2008,
	WHV_LSTAR = 0x2009,
	WHV_CSTAR = 0x200a,
	WHV_SFMASK = 0x200b,
	WHV_TSC_AUX = 0x207b,
};
/* Beyond what an enumerator can hold in C11. */
#define WHV_PENDING_INTERRUPTION 0x80000000u
#define WHV_INTERRUPT_STATE      0x80000001u
#define WHV_DELIVERABILITY       0x80000004u /* what to be told of */
#define WHV_INTERNAL_ACTIVITY    0x80000005u

struct whv_segment {
	uint64_t base;
	uint32_t limit;
	uint16_t selector;
	uint16_t attributes; /* as struct segment.attr */
};

struct whv_table {
	uint16_t pad[3];
	uint16_t limit;
	uint64_t base;
};

struct whv_fp_status {
	uint16_t control, status;
	uint8_t tag; /* a bit each register: not empty */
	uint8_t reserved;
	uint16_t last_opcode;
	uint64_t last_rip;
};

struct whv_xmm_status {
	uint64_t last_rdp;
	uint32_t mxcsr, mxcsr_mask;
};

union whv_value {
	uint64_t u64[2];
	uint64_t reg; /* of registers with up to 64 bits */
	struct whv_segment segment;
	struct whv_table table;
	struct whv_fp_status fp_status;
	struct whv_xmm_status xmm_status;
} __attribute__((aligned(16)));

/* WHV_PENDING_INTERRUPTION */
#define WHV_PENDING              (1ull << 0)
#define WHV_PENDING_TYPE_SHIFT   1 /* 3 bits, enum whv_event_type */
#define WHV_PENDING_HAS_ERROR    (1ull << 4)
#define WHV_PENDING_VECTOR_SHIFT 16
#define WHV_PENDING_ERROR_SHIFT  32

enum whv_event_type { WHV_EVENT_INTERRUPT = 0, WHV_EVENT_NMI = 2, WHV_EVENT_EXCEPTION = 3 };

/* WHV_INTERRUPT_STATE */
#define WHV_STATE_SHADOW     (1ull << 0)
#define WHV_STATE_NMI_MASKED (1ull << 1)

/* WHV_DELIVERABILITY */
#define WHV_NOTIFY_NMI       (1ull << 0)
#define WHV_NOTIFY_INTERRUPT (1ull << 1)
/* The interrupt's class, vector / 16: told when CR8 is below that, too. 0: whatever CR8 is. */
#define WHV_NOTIFY_PRIORITY_SHIFT 2
#define WHV_NOTIFY_PRIORITY       (15ull << WHV_NOTIFY_PRIORITY_SHIFT)

/* ---- exits ---- */

enum whv_exit_reason {
	WHV_EXIT_NONE = 0x0000,
	WHV_EXIT_MEMORY = 0x0001,
	WHV_EXIT_IO = 0x0002,
	WHV_EXIT_UNRECOVERABLE_EXCEPTION = 0x0004,
	WHV_EXIT_INVALID_REGISTER = 0x0005,
	WHV_EXIT_UNSUPPORTED_FEATURE = 0x0006,
	WHV_EXIT_INTERRUPT_WINDOW = 0x0007,
	WHV_EXIT_HALT = 0x0008,
	WHV_EXIT_APIC_EOI = 0x0009,
	WHV_EXIT_SYNIC_SINT = 0x000a,
	WHV_EXIT_MSR = 0x1000,
	WHV_EXIT_CPUID = 0x1001,
	WHV_EXIT_EXCEPTION = 0x1002,
	WHV_EXIT_RDTSC = 0x1003,
	WHV_EXIT_APIC_SMI = 0x1004,
	WHV_EXIT_HYPERCALL = 0x1005,
	WHV_EXIT_APIC_INIT_SIPI = 0x1006,
	WHV_EXIT_APIC_WRITE = 0x1007,
	WHV_EXIT_CANCELED = 0x2001,
};

/* whv_vp_context.state */
#define WHV_VP_CPL_MASK             3u
#define WHV_VP_CR0_PE               (1u << 2)
#define WHV_VP_CR0_AM               (1u << 3)
#define WHV_VP_EFER_LMA             (1u << 4)
#define WHV_VP_DEBUG_ACTIVE         (1u << 5)
#define WHV_VP_INTERRUPTION_PENDING (1u << 6)
#define WHV_VP_INTERRUPT_SHADOW     (1u << 12)

struct whv_vp_context {
	uint16_t state;     /* WHV_VP_* */
	uint8_t length_cr8; /* bits 0-3: length of the instruction; bits 4-7: CR8 */
	uint8_t reserved;
	uint32_t reserved2;
	struct whv_segment cs;
	uint64_t rip, rflags;
};

/* Of an exit, what the instruction was, if known. */
#define WHV_INSN_BYTES 16

/* whv_memory_access.info */
#define WHV_ACCESS_TYPE_MASK 3u
#define WHV_ACCESS_UNMAPPED  (1u << 2)
#define WHV_ACCESS_GVA_VALID (1u << 3)

enum { WHV_ACCESS_READ, WHV_ACCESS_WRITE, WHV_ACCESS_EXECUTE };

struct whv_memory_access {
	uint8_t insn_length;
	uint8_t reserved[3];
	uint8_t insn[WHV_INSN_BYTES];
	uint32_t info;
	uint64_t gpa, gva;
};

/* whv_io_access.info */
#define WHV_IO_WRITE      (1u << 0)
#define WHV_IO_SIZE_SHIFT 1 /* 3 bits: bytes */
#define WHV_IO_STRING     (1u << 4)
#define WHV_IO_REPEAT     (1u << 5)

struct whv_io_access {
	uint8_t insn_length;
	uint8_t reserved[3];
	uint8_t insn[WHV_INSN_BYTES];
	uint32_t info;
	uint16_t port;
	uint16_t reserved2[3];
	uint64_t rax, rcx, rsi, rdi;
	struct whv_segment ds, es;
};

struct whv_msr_access {
	uint32_t is_write; /* bit 0 */
	uint32_t index;
	uint64_t rax, rdx;
};

struct whv_cpuid_access {
	uint64_t rax, rcx, rdx, rbx;
	uint64_t default_rax, default_rcx, default_rdx, default_rbx;
};

struct whv_exception {
	uint8_t insn_length;
	uint8_t reserved[3];
	uint8_t insn[WHV_INSN_BYTES];
	uint32_t info; /* bit 0: there is an error code; bit 1: by software */
	uint8_t type;  /* the vector */
	uint8_t reserved2[3];
	uint32_t error;
	uint64_t parameter;
};

struct whv_unsupported_feature {
	uint32_t code, reserved;
	uint64_t parameter;
};

struct whv_rdtsc {
	uint64_t tsc_aux, virtual_offset, tsc, reference_time;
	uint64_t is_rdtscp; /* bit 0 */
};

struct whv_exit_context {
	uint32_t reason; /* enum whv_exit_reason */
	uint32_t reserved;
	struct whv_vp_context vp;
	union {
		struct whv_memory_access memory;
		struct whv_io_access io;
		struct whv_msr_access msr;
		struct whv_cpuid_access cpuid;
		struct whv_exception exception;
		uint32_t window_type; /* enum whv_event_type */
		uint32_t cancel_reason;
		uint32_t eoi_vector;
		struct whv_unsupported_feature unsupported;
		struct whv_rdtsc rdtsc;
		uint8_t whole[176];
	};
} __attribute__((aligned(16)));

/* ---- the emulator ---- */

#define WHV_EMULATED             (1u << 0)
#define WHV_INTERNAL_FAILURE     (1u << 1)
#define WHV_IO_FAILED            (1u << 2)
#define WHV_MEMORY_FAILED        (1u << 3)
#define WHV_TRANSLATE_FAILED     (1u << 4)
#define WHV_TRANSLATE_MISALIGNED (1u << 5)
#define WHV_GET_FAILED           (1u << 6)
#define WHV_SET_FAILED           (1u << 7)
#define WHV_INTERRUPT_INTERCEPT  (1u << 8)
#define WHV_CANNOT_FAULT         (1u << 9)

struct whv_emulator_memory {
	uint64_t gpa;
	uint8_t is_write;
	uint8_t size; /* 1 to 8 */
	uint8_t data[8];
};

struct whv_emulator_io {
	uint8_t is_write;
	uint16_t port;
	uint16_t size; /* 1, 2 or 4 */
	uint32_t data;
};

struct whv_emulator_callbacks {
	uint32_t size; /* of this structure */
	uint32_t reserved;
	whv_result (*io)(void *context, struct whv_emulator_io *access);
	whv_result (*memory)(void *context, struct whv_emulator_memory *access);
	whv_result (*get)(void *context, const uint32_t *names, uint32_t count,
			  union whv_value *values);
	whv_result (*set)(void *context, const uint32_t *names, uint32_t count,
			  const union whv_value *values);
	/* Of a page: gva and *gpa are multiples of 4096. */
	whv_result (*translate)(void *context, uint64_t gva, uint32_t flags, uint32_t *code,
				uint64_t *gpa);
};

typedef void *whv_emulator;

/* ---- functions: WHV_FUNCTION(library, name, parameters) ---- */

#define WHV_PLATFORM_FUNCTIONS(F)                                                                  \
	F(WHvGetCapability, (uint32_t code, void *buffer, uint32_t size, uint32_t *written))       \
	F(WHvCreatePartition, (whv_partition * partition))                                         \
	F(WHvSetupPartition, (whv_partition partition))                                            \
	F(WHvDeletePartition, (whv_partition partition))                                           \
	F(WHvSetPartitionProperty,                                                                 \
	  (whv_partition partition, uint32_t code, const void *buffer, uint32_t size))             \
	F(WHvMapGpaRange,                                                                          \
	  (whv_partition partition, void *source, uint64_t gpa, uint64_t size, uint32_t flags))    \
	F(WHvUnmapGpaRange, (whv_partition partition, uint64_t gpa, uint64_t size))                \
	F(WHvTranslateGva, (whv_partition partition, uint32_t vp, uint64_t gva, uint32_t flags,    \
			    struct whv_translate_result * result, uint64_t * gpa))                 \
	F(WHvCreateVirtualProcessor, (whv_partition partition, uint32_t vp, uint32_t flags))       \
	F(WHvDeleteVirtualProcessor, (whv_partition partition, uint32_t vp))                       \
	F(WHvRunVirtualProcessor,                                                                  \
	  (whv_partition partition, uint32_t vp, void *exit_context, uint32_t size))               \
	F(WHvCancelRunVirtualProcessor, (whv_partition partition, uint32_t vp, uint32_t flags))    \
	F(WHvGetVirtualProcessorRegisters,                                                         \
	  (whv_partition partition, uint32_t vp, const uint32_t *names, uint32_t count,            \
	   union whv_value *values))                                                               \
	F(WHvSetVirtualProcessorRegisters,                                                         \
	  (whv_partition partition, uint32_t vp, const uint32_t *names, uint32_t count,            \
	   const union whv_value *values))                                                         \
	F(WHvQueryGpaRangeDirtyBitmap, (whv_partition partition, uint64_t gpa, uint64_t size,      \
					uint64_t * bitmap, uint32_t bitmap_size))

#define WHV_EMULATOR_FUNCTIONS(F)                                                                  \
	F(WHvEmulatorCreateEmulator,                                                               \
	  (const struct whv_emulator_callbacks *callbacks, whv_emulator *emulator))                \
	F(WHvEmulatorDestroyEmulator, (whv_emulator emulator))                                     \
	F(WHvEmulatorTryIoEmulation,                                                               \
	  (whv_emulator emulator, void *context, const struct whv_vp_context *vp,                  \
	   const struct whv_io_access *access, uint32_t *status))                                  \
	F(WHvEmulatorTryMmioEmulation,                                                             \
	  (whv_emulator emulator, void *context, const struct whv_vp_context *vp,                  \
	   const struct whv_memory_access *access, uint32_t *status))

#define WHV_FUNCTIONS(F) WHV_PLATFORM_FUNCTIONS(F) WHV_EMULATOR_FUNCTIONS(F)

/* typedef whv_result WHvSetupPartition_fn(whv_partition partition); and so on. */
#define WHV_FUNCTION_TYPE(name, parameters) typedef whv_result name##_fn parameters;
WHV_FUNCTIONS(WHV_FUNCTION_TYPE)
#undef WHV_FUNCTION_TYPE

#endif
