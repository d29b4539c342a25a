/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ways in and out of translated code, which are generated too, and the one place that knows the
 * host's calling conventions: System V's, and Windows' with its shadow space and more registers
 * that a callee preserves. Translated code keeps the stack aligned to 16 bytes.
 */
#include "emulator/accel/tcg/jit.h"

#ifdef _WIN32
enum { ARG0 = HOST_RCX, ARG1 = HOST_RDX, ARG2 = HOST_R8 };
static const uint8_t preserved[] = {HOST_RBX, HOST_RBP, HOST_RSI, HOST_RDI,
				    HOST_R12, HOST_R13, HOST_R14, HOST_R15};
#define SHADOW_SPACE 32
#else
enum { ARG0 = HOST_RDI, ARG1 = HOST_RSI, ARG2 = HOST_RDX };
static const uint8_t preserved[] = {HOST_RBX, HOST_RBP, HOST_R12, HOST_R13, HOST_R14, HOST_R15};
#define SHADOW_SPACE 0
#endif
#define PRESERVED (sizeof(preserved) / sizeof(preserved[0]))
/* The pushed registers and the return address are an odd number of words. */
#define STACK_ALIGN 8

const uint8_t jit_host_reg[16] = {
    [GPR_RAX] = HOST_R10,  [GPR_RCX] = HOST_RCX,  [GPR_RDX] = HOST_RDX,  [GPR_RBX] = HOST_RBX,
    [GPR_RSP] = HOST_R11,  [GPR_RBP] = HOST_R12,  [GPR_RSI] = HOST_RSI,  [GPR_RDI] = HOST_RDI,
    [GPR_R8] = HOST_R8,    [GPR_R9] = HOST_R9,    [GPR_R10] = HOST_NONE, [GPR_R11] = HOST_NONE,
    [GPR_R12] = HOST_NONE, [GPR_R13] = HOST_NONE, [GPR_R14] = HOST_NONE, [GPR_R15] = HOST_NONE,
};

/* Where the guest's registers are in C: in struct cpu, which a host register points into. */
static struct host_mem guest_reg(unsigned cpu, unsigned r)
{
	return host_at(cpu, CPU_OFFSET(reg) + (int32_t)(8 * r));
}

static struct host_mem frame_reg(unsigned r)
{
	return host_at(HOST_RBP, FRAME(reg) + (int32_t)(8 * r));
}

/* Guest registers by where they are in translated code. */
enum place_kind {
	IN_CALLERS, /* host registers that C may change */
	IN_CALLEES, /* host registers that it does not */
	IN_FRAME
};

static bool is_in(unsigned r, enum place_kind kind)
{
	if (jit_host_reg[r] == HOST_NONE)
		return kind == IN_FRAME;
	/* Of the two conventions that which preserves less. */
	return kind == (jit_host_reg[r] == HOST_RBX || jit_host_reg[r] == HOST_R12 ? IN_CALLEES
										   : IN_CALLERS);
}

/* From struct cpu, which `cpu` points into; those in the frame use rcx. */
static void load_those(struct assembler *a, enum place_kind kind, unsigned cpu)
{
	for (unsigned r = 0; r < 16; r++) {
		if (!is_in(r, kind))
			continue;
		if (kind == IN_FRAME) {
			asm_load(a, 8, HOST_RCX, guest_reg(cpu, r));
			asm_store(a, 8, frame_reg(r), HOST_RCX);
		} else {
			asm_load(a, 8, jit_host_reg[r], guest_reg(cpu, r));
		}
	}
}

static void store_those(struct assembler *a, enum place_kind kind, unsigned cpu)
{
	for (unsigned r = 0; r < 16; r++) {
		if (!is_in(r, kind))
			continue;
		if (kind == IN_FRAME)
			asm_load(a, 8, HOST_RCX, frame_reg(r));
		asm_store(a, 8, guest_reg(cpu, r), kind == IN_FRAME ? HOST_RCX : jit_host_reg[r]);
	}
}

static void load_cpu(struct assembler *a, unsigned cpu)
{
	asm_load(a, 8, cpu, host_at(HOST_RBP, FRAME(xmm)));
}

/* Uses r15, which the guest's registers are not in. */
static void guest_load(struct assembler *a)
{
	load_cpu(a, HOST_R15);
	load_those(a, IN_FRAME, HOST_R15);
	load_those(a, IN_CALLEES, HOST_R15);
	load_those(a, IN_CALLERS, HOST_R15);
	asm_load(a, 8, HOST_R13, host_at(HOST_RBP, FRAME(left)));
}

/* Uses `cpu`, which is one of the free registers, and rcx. */
static void guest_store(struct assembler *a, unsigned cpu)
{
	load_cpu(a, cpu);
	store_those(a, IN_CALLERS, cpu);
	store_those(a, IN_CALLEES, cpu);
	store_those(a, IN_FRAME, cpu);
	asm_store(a, 8, host_at(HOST_RBP, FRAME(left)), HOST_R13);
}

#define LDMXCSR 2
#define STMXCSR 3

static void mxcsr(struct assembler *a, unsigned digit, struct host_mem m)
{
	asm_rm(a, 0, ASM_0F | 0xae, digit, m);
}

/* If MXCSR is the guest's: it goes where it belongs, and C has its own again. Uses rcx. */
static void float_store(struct assembler *a, bool for_good)
{
	uint8_t *no;

	asm_rm(a, 1, 0x80, ASM_CMP, host_at(HOST_RBP, FRAME(float_loaded)));
	asm_byte(a, 0);
	no = asm_jcc(a, CC_E);
	asm_load(a, 8, HOST_RCX, host_at(HOST_RBP, FRAME(xmm)));
	mxcsr(a, STMXCSR, host_at(HOST_RCX, CPU_OFFSET(fpu.mxcsr)));
	mxcsr(a, LDMXCSR, host_at(HOST_RBP, FRAME(host_mxcsr)));
	if (for_good) {
		asm_rm(a, 1, 0xc6, 0, host_at(HOST_RBP, FRAME(float_loaded)));
		asm_byte(a, 0);
	}
	asm_link(no, a->at);
}

/* The guest's again, if it was before C. Uses rcx. */
static void float_load(struct assembler *a)
{
	uint8_t *no;

	asm_rm(a, 1, 0x80, ASM_CMP, host_at(HOST_RBP, FRAME(float_loaded)));
	asm_byte(a, 0);
	no = asm_jcc(a, CC_E);
	asm_load(a, 8, HOST_RCX, host_at(HOST_RBP, FRAME(xmm)));
	mxcsr(a, LDMXCSR, host_at(HOST_RCX, CPU_OFFSET(fpu.mxcsr)));
	asm_link(no, a->at);
}

/* Called: MXCSR is the guest's from now on. Uses rax. */
static void make_float_begin(struct assembler *a)
{
	asm_load(a, 8, HOST_RAX, host_at(HOST_RBP, FRAME(xmm)));
	mxcsr(a, LDMXCSR, host_at(HOST_RAX, CPU_OFFSET(fpu.mxcsr)));
	asm_rm(a, 1, 0xc6, 0, host_at(HOST_RBP, FRAME(float_loaded)));
	asm_byte(a, 1);
	asm_byte(a, 0xc3);
}

/* If the host's x87 unit is the guest's: its state goes into the frame, and C has its own. */
static void x87_store(struct assembler *a)
{
	uint8_t *no;

	asm_rm(a, 1, 0x80, ASM_CMP, host_at(HOST_RBP, FRAME(x87_loaded)));
	asm_byte(a, 0);
	no = asm_jcc(a, CC_E);
	asm_rm(a, 0, 0xdd, 6, host_at(HOST_RBP, FRAME(x87)));              /* fnsave */
	asm_rm(a, 0, 0xd9, 5, host_at(HOST_RBP, FRAME(host_x87_control))); /* fldcw */
	asm_rm(a, 1, 0xc6, 0, host_at(HOST_RBP, FRAME(x87_loaded)));
	asm_byte(a, X87_IN_FRAME);
	asm_link(no, a->at);
}

/* Called: the host's x87 unit is the guest's from now on. Uses rax and r15. */
static void make_x87_begin(struct assembler *a)
{
	asm_alu_imm(a, 8, ASM_SUB, HOST_RSP, 8 + SHADOW_SPACE);
	guest_store(a, HOST_R15);
	asm_rm(a, 8, 0x8d, ARG0, host_at(HOST_RBP, -FRAME_BIAS));
	asm_mov_imm(a, HOST_RAX, (uint64_t)(uintptr_t)jit_x87_load);
	asm_rr(a, 4, 0xff, 2, HOST_RAX); /* call */
	guest_load(a);
	asm_rm(a, 0, 0xdd, 4, host_at(HOST_RBP, FRAME(x87))); /* frstor */
	asm_rm(a, 1, 0xc6, 0, host_at(HOST_RBP, FRAME(x87_loaded)));
	asm_byte(a, X87_IN_HOST);
	asm_alu_imm(a, 8, ASM_ADD, HOST_RSP, 8 + SHADOW_SPACE);
	asm_byte(a, 0xc3);
}

/* uint32_t enter(struct jit_frame *f, const uint8_t *code) */
static void make_enter(struct assembler *a)
{
	for (unsigned n = 0; n < PRESERVED; n++)
		asm_rr(a, 4, 0xff, 6, preserved[n]); /* push */
	asm_alu_imm(a, 8, ASM_SUB, HOST_RSP, STACK_ALIGN);
	asm_rm(a, 8, 0x8d, HOST_RBP, host_at(ARG0, FRAME_BIAS)); /* lea */
	asm_mov_rr(a, 8, HOST_RAX, ARG1);
	guest_load(a);
	asm_rr(a, 4, 0xff, 4, HOST_RAX); /* jmp */
}

static void make_leave(struct assembler *a)
{
	asm_alu_imm(a, 8, ASM_ADD, HOST_RSP, STACK_ALIGN);
	for (unsigned n = PRESERVED; n-- > 0;)
		asm_rr(a, 4, 0x8f, 0, preserved[n]); /* pop */
	asm_byte(a, 0xc3);
}

#define CALL_STACK (8 + SHADOW_SPACE) /* in a thunk that was called, for a call of C */

/* function(frame, r15, r14). MXCSR and the x87 unit are those of C in it. Uses rcx. */
static void call_c(struct assembler *a, uint64_t function)
{
	float_store(a, false);
	x87_store(a);
	asm_rm(a, 8, 0x8d, ARG0, host_at(HOST_RBP, -FRAME_BIAS));
	asm_mov_rr(a, 8, ARG1, HOST_R15);
	asm_mov_rr(a, 8, ARG2, HOST_R14);
	asm_mov_imm(a, HOST_RAX, function);
	asm_rr(a, 4, 0xff, 2, HOST_RAX); /* call */
}

/* Out of a thunk and of translated code. */
static void leave_code(struct assembler *a)
{
	asm_alu_imm(a, 8, ASM_ADD, HOST_RSP, CALL_STACK + 8);
	asm_mov_imm(a, HOST_RAX, JIT_LEFT);
	make_leave(a);
}

/*
 * Called with the site in r15 and an address in r14: calls jit_interpret(), and returns, or leaves
 * the code. In between the stack is 8 bytes off.
 */
static void make_interpret(struct assembler *a)
{
	uint8_t *leave;

	asm_alu_imm(a, 8, ASM_SUB, HOST_RSP, CALL_STACK);
	guest_store(a, HOST_RAX);
	call_c(a, (uint64_t)(uintptr_t)jit_interpret);
	asm_rr(a, 4, 0x85, HOST_RAX, HOST_RAX);
	leave = asm_jcc(a, CC_NE);
	float_load(a);
	guest_load(a);
	asm_alu_imm(a, 8, ASM_ADD, HOST_RSP, CALL_STACK);
	asm_byte(a, 0xc3);
	asm_link(leave, a->at);
	leave_code(a);
}

/*
 * The same for jit_port(), with a port in r14. Nothing looks at the guest's registers meanwhile,
 * so those that C preserves stay where they are, unless the code is left.
 */
static void make_port(struct assembler *a, const uint8_t *interpret)
{
	uint8_t *stay, *leave;

	asm_alu_imm(a, 8, ASM_SUB, HOST_RSP, CALL_STACK);
	load_cpu(a, HOST_RAX);
	store_those(a, IN_CALLERS, HOST_RAX);
	asm_store(a, 8, host_at(HOST_RBP, FRAME(left)), HOST_R13);
	call_c(a, (uint64_t)(uintptr_t)jit_port);
	asm_alu_imm(a, 4, ASM_CMP, HOST_RAX, JIT_PORT_LEAVE);
	leave = asm_jcc(a, CC_E);
	stay = asm_jcc(a, CC_B);
	/* JIT_PORT_REFUSED: as if it had not been called. */
	float_load(a);
	load_cpu(a, HOST_RAX);
	load_those(a, IN_CALLERS, HOST_RAX);
	asm_alu_imm(a, 8, ASM_ADD, HOST_RSP, CALL_STACK);
	asm_link(asm_jmp(a), interpret);
	asm_link(stay, a->at);
	float_load(a);
	load_cpu(a, HOST_R15);
	load_those(a, IN_CALLERS, HOST_R15);
	asm_alu_imm(a, 8, ASM_ADD, HOST_RSP, CALL_STACK);
	asm_byte(a, 0xc3);
	asm_link(leave, a->at);
	load_cpu(a, HOST_RAX);
	store_those(a, IN_CALLEES, HOST_RAX);
	store_those(a, IN_FRAME, HOST_RAX);
	leave_code(a);
}

/* Called: makes the host's status flags, but for AF, those in the frame. Uses eax and r15. */
static void make_flags(struct assembler *a)
{
	uint8_t *known;

	asm_rm(a, 4, ASM_0F | 0xb7, HOST_RAX, host_at(HOST_RBP, FRAME(of))); /* movzx */
	asm_byte(a, 0xa8);                                                   /* test al, */
	asm_byte(a, STORED_OF_CALC);
	known = asm_jcc(a, CC_E);
	/* SF is bit 15 and CF bit 8. */
	asm_mov_rr(a, 4, HOST_R15, HOST_RAX);
	asm_shift_imm(a, 4, 5, HOST_R15, 7);
	asm_rr(a, 4, 0x31, HOST_RAX, HOST_R15);
	asm_shift_imm(a, 4, 5, HOST_R15, 8);
	asm_rr(a, 1, 0x88, HOST_R15, HOST_RAX); /* mov al, r15b */
	asm_link(known, a->at);
	/* ah = (ah & ~CF) | cf; then OF = al & 1, which 7Fh + 1 overflows, and the rest by SAHF. */
	asm_rr(a, 4, 0x81, ASM_AND, HOST_RAX);
	asm_u32(a, 0xfe01);
	asm_rm(a, 0, 0x0a, 4, host_at(HOST_RBP, FRAME(cf))); /* or ah, */
	asm_byte(a, 0x04);                                   /* add al, */
	asm_byte(a, 0x7f);
	asm_byte(a, 0x9e); /* sahf */
	asm_byte(a, 0xc3);
}

static const uint8_t *begin(struct assembler *a)
{
	while ((uintptr_t)a->at % 16 && !a->full)
		asm_byte(a, 0xcc);
	return a->at;
}

void jit_make_thunks(struct jit *j, struct assembler *a)
{
	const uint8_t *enter = os_code_executable(&j->code, begin(a));

	make_enter(a);
	memcpy(&j->enter, &enter, sizeof(enter));
	j->exit = begin(a);
	guest_store(a, HOST_R15);
	float_store(a, true);
	x87_store(a);
	make_leave(a);
	j->interpret = begin(a);
	make_interpret(a);
	j->port = begin(a);
	make_port(a, j->interpret);
	j->flags = begin(a);
	make_flags(a);
	j->float_begin = begin(a);
	make_float_begin(a);
	j->x87_begin = begin(a);
	make_x87_begin(a);
}
