/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The x86-64 processor, without any accelerator.
 *
 * Two structures, kept apart on purpose:
 *  - struct cpu is the guest-visible (and microarchitectural) state. It lives in the machine's
 *    arena: plain data, no host pointer, copied as bytes by snapshots.
 *  - struct vcpu is the host's side: where RAM is mapped, the decoded-block cache, how to reach
 *    the machine. All of it can be made again from the state.
 *
 * Handlers have the shape `void op(struct vcpu *v, const struct insn *i)`. A guest fault is
 * raised with cpu_raise(), which does not return; so a handler finishes every access that can
 * fault before it changes a register, RIP included. While a handler runs, reg[GPR_RIP] is the
 * address of the next instruction.
 */
#ifndef VCR_CPU_H
#define VCR_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/exit.h"
#include "emulator/host/jump.h"

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

enum {
	GPR_RAX,
	GPR_RCX,
	GPR_RDX,
	GPR_RBX,
	GPR_RSP,
	GPR_RBP,
	GPR_RSI,
	GPR_RDI,
	GPR_R8,
	GPR_R9,
	GPR_R10,
	GPR_R11,
	GPR_R12,
	GPR_R13,
	GPR_R14,
	GPR_R15,
	GPR_RIP,  /* so that RIP-relative operands need no special case */
	GPR_ZERO, /* always 0: "no base", "no index" */
	GPR_COUNT
};

/*
 * In the order of the sreg field. The last two have base 0 and no limit: SEG_FLAT is 64-bit mode's
 * ES, CS and DS, SEG_STACK its SS, where a non-canonical address is #SS(0) instead of #GP(0).
 */
enum { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS, SEG_FLAT, SEG_STACK, SEG_COUNT };

/* Exception vectors, Intel SDM vol. 3A table 6-1. */
enum {
	EXC_DE = 0,
	EXC_DB = 1,
	EXC_NMI = 2,
	EXC_BP = 3,
	EXC_OF = 4,
	EXC_BR = 5,
	EXC_UD = 6,
	EXC_NM = 7,
	EXC_DF = 8,
	EXC_TS = 10,
	EXC_NP = 11,
	EXC_SS = 12,
	EXC_GP = 13,
	EXC_PF = 14,
	EXC_MF = 16,
	EXC_AC = 17,
	EXC_MC = 18,
	EXC_XM = 19,
};

#define FLAG_CF      (1u << 0)
#define FLAG_ONE     (1u << 1) /* always set */
#define FLAG_PF      (1u << 2)
#define FLAG_AF      (1u << 4)
#define FLAG_ZF      (1u << 6)
#define FLAG_SF      (1u << 7)
#define FLAG_TF      (1u << 8)
#define FLAG_IF      (1u << 9)
#define FLAG_DF      (1u << 10)
#define FLAG_OF      (1u << 11)
#define FLAG_IOPL    (3u << 12)
#define FLAG_NT      (1u << 14)
#define FLAG_RF      (1u << 16)
#define FLAG_VM      (1u << 17)
#define FLAG_AC      (1u << 18)
#define FLAG_VIF     (1u << 19)
#define FLAG_VIP     (1u << 20)
#define FLAG_ID      (1u << 21)
#define FLAGS_STATUS (FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF)

#define CR0_PE (1u << 0)
#define CR0_MP (1u << 1)
#define CR0_EM (1u << 2)
#define CR0_TS (1u << 3)
#define CR0_ET (1u << 4)
#define CR0_NE (1u << 5)
#define CR0_WP (1u << 16)
#define CR0_AM (1u << 18)
#define CR0_NW (1u << 29)
#define CR0_CD (1u << 30)
#define CR0_PG (1u << 31)

#define CR4_VME        (1u << 0)
#define CR4_PVI        (1u << 1)
#define CR4_TSD        (1u << 2)
#define CR4_DE         (1u << 3)
#define CR4_PSE        (1u << 4)
#define CR4_PAE        (1u << 5)
#define CR4_MCE        (1u << 6)
#define CR4_PGE        (1u << 7)
#define CR4_PCE        (1u << 8)
#define CR4_OSFXSR     (1u << 9)
#define CR4_OSXMMEXCPT (1u << 10)
#define CR4_UMIP       (1u << 11)
#define CR4_SMEP       (1u << 20)
#define CR4_SMAP       (1u << 21)

#define EFER_SCE (1u << 0)
#define EFER_LME (1u << 8)
#define EFER_LMA (1u << 10)
#define EFER_NXE (1u << 11)

/* Attributes as in a descriptor's high doubleword, bits 8..23, shifted down by 8. */
#define SEG_TYPE     0x000f
#define SEG_ACCESSED 0x0001
#define SEG_RW       0x0002 /* data: writable; code: readable */
#define SEG_EC       0x0004 /* data: expand-down; code: conforming */
#define SEG_CODE     0x0008
#define SEG_S        0x0010 /* code or data, not a system segment */
#define SEG_DPL(a)   (((a) >> 5) & 3)
#define SEG_P        0x0080
#define SEG_AVL      0x1000
#define SEG_L        0x2000
#define SEG_DB       0x4000
#define SEG_G        0x8000

struct segment {
	uint64_t base;
	/*
	 * Derived by segment_update(): an access of n bytes at offset o is surely allowed when
	 * o + n <= span. 0 sends every access to the slow path, which knows all the rules;
	 * UINT64_MAX in 64-bit mode, where limits are not checked.
	 */
	uint64_t read_span, write_span;
	uint32_t limit; /* in bytes, granularity applied */
	uint16_t selector;
	uint16_t attr;
};

struct table { /* GDTR, IDTR */
	uint64_t base;
	uint16_t limit;
};

/* An 80-bit extended value: bits 63..0 with explicit integer bit; sign and 15-bit exponent. */
struct f80 {
	uint64_t mantissa;
	uint16_t sign_exponent;
};

/* A 128-bit XMM register. */
union xmm {
	uint8_t u8[16];
	uint16_t u16[8];
	uint32_t u32[4];
	uint64_t u64[2];
};

struct fpu {
	struct f80 st[8];         /* physical registers R0..R7; MMX registers are their mantissas */
	uint16_t control, status; /* TOP is in status, bits 11..13 */
	uint16_t tag;             /* two bits a register as FSTENV stores it: 3 is empty */
	uint16_t opcode;          /* last instruction: 11 bits */
	uint64_t ip, dp;
	uint16_t cs, ds;
	uint32_t mxcsr;
	union xmm xmm[16];
};

/*
 * The software TLB is state: which translations are cached is visible to a guest that changes a
 * page table without invalidating, and by which accessed bits get set. So it is in the arena
 * (offsets, no pointers), and a restored snapshot goes on exactly. It is left out of digests.
 */
#define TLB_BITS 11
#define TLB_SIZE (1u << TLB_BITS)

struct tlb_entry {
	/*
	 * Linear page address when a load may go straight to RAM; with TLB_OUTSIDE when it is
	 * translated but goes out as an exit; else TLB_EMPTY.
	 */
	uint64_t read;
	uint64_t write; /* the same for a store: page writable, dirty bit already set */
	uint64_t delta; /* linear address + delta = offset into RAM; outside: physical address */
	uint64_t flags; /* TLB_GLOBAL */
};

struct tlb_code_entry {
	uint64_t page; /* linear page address or TLB_EMPTY */
	uint64_t gpa;  /* guest-physical page address */
	uint64_t flags;
};

#define TLB_EMPTY   1ull /* never equal to a page address */
#define TLB_OUTSIDE 2ull /* nor is a page address with this */
#define TLB_GLOBAL  1ull

/* Which set of translations an access uses. */
enum {
	MMU_USER,       /* CPL 3 */
	MMU_KERNEL,     /* CPL 0..2, or an implicit supervisor access; SMAP holds */
	MMU_KERNEL_AC,  /* CPL 0..2 with EFLAGS.AC: SMAP is off for explicit accesses */
	MMU_TRANSLATED, /* how many have a TLB */
	/*
	 * Alignment checks or data breakpoints are on: a set that is never filled, so that
	 * every access takes the slow path, which checks them.
	 */
	MMU_SLOW = MMU_TRANSLATED,
	MMU_COUNT
};

/* Which slots are filled, so that a flush costs what was filled and not the size of the TLB. */
struct tlb_filled {
	uint64_t local[TLB_SIZE / 64], global[TLB_SIZE / 64];
};

struct tlb {
	struct tlb_entry data[MMU_COUNT][TLB_SIZE];
	struct tlb_code_entry code[2][TLB_SIZE]; /* [CPL == 3] */
	struct tlb_filled data_filled[MMU_TRANSLATED], code_filled[2];
	/* Linear addresses that pages over 4 KiB were cached for, by bit 63; first > last: none. */
	struct {
		uint64_t first, last;
	} large[2];
	bool ready; /* false in fresh memory: all of it is to be emptied */
	bool empty; /* and nothing has been cached since: as any other that is empty */
};

/*
 * What a translator may take from the TLB without looking further: the host's side of it, made from
 * entries of struct tlb and gone before they are. `write` is there only while the page's guard is
 * 0.
 */
struct tlb_shadow_entry {
	uint64_t read, write; /* as in struct tlb_entry */
	uint64_t addend;      /* linear address + addend = host address */
	uint64_t unused;
};

/* Architectural state. */
struct cpu {
	uint64_t reg[GPR_COUNT];

	/*
	 * Status flags, kept lazily (flags.h): the result sign-extended to 64 bits and what else
	 * is needed. The other bits of RFLAGS are in rflags, whose status bits are always 0.
	 */
	uint64_t flag_result, flag_aux;
	uint64_t rflags;

	uint64_t insns; /* instructions begun since power-on; each REP iteration is one */

	struct segment seg[SEG_COUNT];
	struct segment ldtr, tr;
	struct table gdtr, idtr;
	uint64_t cr0, cr2, cr3, cr4, efer;
	uint64_t cr8;      /* only by exits: else it is the local APIC's alone */
	uint64_t dr[8];    /* 4 and 5 unused */
	uint64_t pdpte[4]; /* PAE paging's, loaded with CR3 (SDM vol. 3A 4.4.1) */

	/* Derived from the above by cpu_update_mode(). */
	uint64_t linear_mask; /* 0xffffffff outside 64-bit mode */
	uint8_t cpl;
	uint8_t mmu;       /* TLB set in use, may be MMU_SLOW */
	uint8_t mmu_real;  /* the set whose permissions hold: never MMU_SLOW */
	uint8_t code_bits; /* 16, 32 or 64 */
	bool stack32;      /* SS.B; in 64-bit mode RSP is used whole */

	/* Between instructions. */
	bool halted;
	bool intr; /* INTR line, level */
	bool nmi_pending, nmi_blocked;
	bool shutdown;
	bool a20;            /* false: address bit 20 is forced to 0 */
	uint64_t shadow;     /* == insns: after STI or MOV SS, no interrupt at this boundary */
	bool shadow_debug;   /* the shadow is MOV SS's and also holds #DB traps back */
	uint64_t pending_db; /* DR6 bits of a #DB trap to deliver at this boundary */

	/* MSRs. */
	uint64_t star, lstar, cstar, fmask, kernel_gs_base;
	uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
	uint64_t pat, tsc_aux, tsc_offset, misc_enable, mtrr_def_type, mtrr_fixed[11];
	uint64_t mtrr_base[8], mtrr_mask[8], mcg_status, mcg_ctl, mc_bank[4 * 4];
	uint64_t debugctl, bios_sign_id, feature_control;
	bool apic_off; /* IA32_APIC_BASE has the APIC disabled, so CPUID does not show it */

	struct fpu fpu;
};

struct tlb_shadow {
	struct tlb_shadow_entry entry[MMU_TRANSLATED][TLB_SIZE];
};

struct insn;
struct machine;
struct block;
struct block_cache;
struct cpuid_table;
struct vcpu;

/* What a processor model offers: CPUID's answer and what the decoder accepts. */
struct cpu_model {
	const char *name; /* x86-64, x86-64-v2, max */
	bool v2;          /* SSE3, SSSE3, SSE4.1, SSE4.2, POPCNT, CMPXCHG16B, LAHF in 64-bit mode */
	bool smep, smap, umip, pdpe1gb; /* advertised */
	bool no_tsc;                    /* the time stamp counter is not advertised */
	/* What CPUID answers instead (cpuid.h); NULL: nothing. Not owned. */
	const struct cpuid_table *measured;
};

/* RDMSR (is_write false) or WRMSR for an accelerator; false: #GP(0). */
bool vcpu_msr(struct vcpu *v, uint32_t index, bool is_write, uint64_t *value);

/* Instructions that a hypervisor may want to see before they are executed. */
enum vcpu_intercept { VCPU_CPUID, VCPU_RDMSR, VCPU_WRMSR };

/* How a vCPU reaches the machine. `machine` is handed back to each. */
struct vcpu_ops {
	/* Carries an exit out; for reads fills in e->data. */
	void (*exit)(struct machine *m, struct exit *e);
	/* RDTSC: virtual nanoseconds now; the TSC runs at 1 GHz. */
	uint64_t (*now)(struct machine *m);
	/*
	 * RDTSC is being executed: true when *tsc is what it gives, false when that is now(). May
	 * be NULL.
	 */
	bool (*tsc_read)(struct machine *m, uint64_t *tsc);
	/*
	 * RAM offset of a guest-physical page (address multiple of 4096), or UINT64_MAX when it is
	 * not RAM. *writable is false for ROM, which is read and executed like RAM.
	 */
	uint64_t (*ram_page)(struct machine *m, uint64_t gpa, bool *writable);
	/*
	 * A page that is not RAM: instructions can be fetched there, by exits like those of a load.
	 * NULL: nowhere; then what is fetched is ones.
	 */
	bool (*fetch_exits)(struct machine *m, uint64_t gpa);
	/*
	 * The rest is for a vCPU that plays the part of a hypervisor's (accel/whpx/soft). These may
	 * leave the instruction by longjmp(), as cpu_raise() does; nothing of it was done yet. May
	 * be NULL.
	 */
	/* Such an instruction is about to be executed, and is allowed to. */
	void (*intercept)(struct machine *m, enum vcpu_intercept what);
	/* Instructions will be fetched from this guest-physical page, for the first time since its
	 * translation was forgotten. */
	void (*fetch_page)(struct machine *m, uint64_t linear, uint64_t gpa);
};

/* Bits of guard[]: what has to happen before the next store to a RAM page. Shared with ram.h. */
#define GUARD_CODE  1 /* holds decoded instructions: invalidate those */
#define GUARD_CLEAN 2 /* not yet in the dirty log: enter it */

struct vcpu {
	struct cpu *c;   /* in the arena */
	struct tlb *tlb; /* in the arena */
	uint8_t *ram;    /* host mapping of all RAM and ROM */
	uint64_t ram_size;
	uint8_t *guard; /* one byte per RAM page, GUARD_*; 0 means store freely */
	/* Leave the interpreter at the first boundary where c->insns >= limit; 0 leaves at once. */
	uint64_t limit;
	const struct insn *insn; /* being executed */
	jmp_buf fault;           /* where cpu_raise() goes */
	struct block_cache *blocks;
	const struct vcpu_ops *ops;
	struct machine *machine;
	struct cpu_model model;
	/* The page's GUARD_CLEAN must be cleared and the page entered in the dirty log. */
	void (*page_dirty)(struct machine *m, uint64_t ram_page_index);
	/* Exception being raised, from cpu_raise() to delivery. */
	uint8_t fault_vector;
	bool fault_has_error;
	uint32_t fault_error;
	/* The fault belongs to the task just switched to, not to what caused the switch (task.c).
	 */
	bool fault_in_new_task;
	uint64_t debug_rip; /* RIP at the last debug_before() */
	/* A translator's; all NULL without one. */
	void *translator;
	struct tlb_shadow *shadow;
	void (*translations_forget)(struct vcpu *v, struct block *b); /* a decoded block goes */
};

/* ---- life cycle (reset.c) ---- */

/* Resolves "-cpu NAME[,+feature,-feature]"; returns 0 or -1 when a name is not known. */
int cpu_model_parse(const char *text, struct cpu_model *model);
const char *const *cpu_model_names(void); /* NULL terminated, for help */

/* Power-on or INIT state (Intel SDM vol. 3A table 9-1); execution starts at FFFFFFF0h. */
void vcpu_reset(struct vcpu *v);
/* Host-side caches: made once, forgotten when the arena or RAM was replaced underneath. */
int vcpu_open(struct vcpu *v);
void vcpu_close(struct vcpu *v);
void vcpu_state_replaced(struct vcpu *v);
/* Guest-physical addresses lead elsewhere now: what was translated and decoded is forgotten. */
void vcpu_map_changed(struct vcpu *v);
/* RAM pages [first, first + count) changed other than by this vCPU's stores (DMA, restore). */
void vcpu_ram_changed(struct vcpu *v, uint64_t first, uint64_t count);
void vcpu_set_a20(struct vcpu *v, bool enabled);
/* Bits of guard[] were set. */
void vcpu_guard_changed(struct vcpu *v);

/* ---- run (interp.c) ---- */

/*
 * Executes until c->insns >= v->limit, or v->limit was set to 0 by vcpu_kick(), or the vCPU
 * halted or shut down (after its exit was carried out). Single-step and breakpoint traps are
 * delivered inside. The caller delivers interrupts between calls.
 */
void interp_run(struct vcpu *v);
/*
 * As interp_run(), or to where the next instruction is at CS:rip, whichever comes first. An
 * instruction at least, or an iteration of it: so it also goes on from there.
 */
void interp_run_to(struct vcpu *v, uint64_t rip);
/* Leave interp_run() after the current instruction. Called from within exits. */
static inline void vcpu_kick(struct vcpu *v)
{
	v->limit = 0;
}

/* ---- interrupts, at an instruction boundary (exception.c) ---- */

bool vcpu_can_interrupt(const struct vcpu *v); /* RFLAGS.IF and no shadow */
bool vcpu_can_nmi(const struct vcpu *v);
void vcpu_interrupt(struct vcpu *v, uint8_t vector); /* external; ends a halt */
void vcpu_nmi(struct vcpu *v);

/* ---- faults (exception.c) ---- */

_Noreturn void cpu_raise(struct vcpu *v, unsigned vector);
_Noreturn void cpu_raise_error(struct vcpu *v, unsigned vector, uint32_t error);
/*
 * Delivers the exception that cpu_raise() left in v->fault_*, with double and triple fault
 * rules. RIP must be that of the faulting instruction. Called by the run loop.
 */
void cpu_deliver_fault(struct vcpu *v);

/* ---- mode ---- */

/* After any change of CR0, CR4, EFER, CS, SS, CPL, RFLAGS.AC/VM or DR7: derives the rest. */
void cpu_update_mode(struct vcpu *v);

/* All of RFLAGS, and setting it (raw: no privilege rules), in flags.h. */

/* ---- architectural view (regs.c) ---- */

/* Everything architectural, in one flat defined order, for digests, dumps and other backends. */
struct cpu_regs {
	uint64_t gpr[16], rip, rflags;
	struct {
		uint64_t base;
		uint32_t limit;
		uint16_t selector, attr;
	} seg[6], ldtr, tr;
	uint64_t gdt_base, idt_base;
	uint64_t gdt_limit, idt_limit;
	uint64_t cr0, cr2, cr3, cr4, cr8_unused, efer;
	uint64_t dr[8];
	uint64_t star, lstar, cstar, fmask, kernel_gs_base;
	uint64_t sysenter_cs, sysenter_esp, sysenter_eip, pat, tsc_aux;
	uint64_t fpu_control, fpu_status, fpu_tag, fpu_opcode, fpu_ip, fpu_dp, mxcsr;
	uint64_t st[8][2];
	uint64_t xmm[16][2];
	uint64_t halted, nmi_blocked, shadowed;
};
void cpu_get_regs(const struct cpu *c, struct cpu_regs *r);
/* Sets them and derives everything else. */
void cpu_set_regs(struct vcpu *v, const struct cpu_regs *r);

#endif
