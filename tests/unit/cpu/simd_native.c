/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts an instruction and a RET on an executable page and calls it between loading and storing
 * all registers concerned. A fault arrives as a signal, whose handler goes on at the RET; the
 * MXCSR of that moment is in the signal's context.
 */
#include <stddef.h>
#include <string.h>

#include "tests/unit/cpu/simd_native.h"

#if defined(__x86_64__) && defined(__linux__)

#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

/* The assembly below knows these offsets. */
struct native_frame {
	uint64_t xmm[4][2]; /* 0 */
	uint64_t mm[4];     /* 64 */
	uint64_t gpr[4];    /* 96 */
	uint64_t flags;     /* 128 */
	uint64_t mxcsr;     /* 136 */
	void *memory;       /* 144 */
	void *code;         /* 152 */
};
_Static_assert(offsetof(struct native_frame, code) == 152, "layout known to assembly");

void native_call(struct native_frame *f);
__asm__(".text\n"
	".type native_call, @function\n"
	"native_call:\n"
	"	push %rbp\n"
	"	push %rbx\n"
	"	sub $8, %rsp\n"
	"	mov %rdi, %rbp\n"
	"	stmxcsr (%rsp)\n"
	"	movdqu (%rbp), %xmm0\n"
	"	movdqu 16(%rbp), %xmm1\n"
	"	movdqu 32(%rbp), %xmm2\n"
	"	movdqu 48(%rbp), %xmm3\n"
	"	movq 64(%rbp), %mm0\n"
	"	movq 72(%rbp), %mm1\n"
	"	movq 80(%rbp), %mm2\n"
	"	movq 88(%rbp), %mm3\n"
	"	mov 144(%rbp), %rsi\n"
	"	mov %rsi, %rdi\n"
	"	ldmxcsr 136(%rbp)\n"
	"	pushq 128(%rbp)\n"
	"	popfq\n"
	"	mov 96(%rbp), %rax\n"
	"	mov 104(%rbp), %rcx\n"
	"	mov 112(%rbp), %rdx\n"
	"	mov 120(%rbp), %rbx\n"
	"	call *152(%rbp)\n"
	"	pushfq\n"
	"	popq 128(%rbp)\n"
	"	mov %rax, 96(%rbp)\n"
	"	mov %rcx, 104(%rbp)\n"
	"	mov %rdx, 112(%rbp)\n"
	"	mov %rbx, 120(%rbp)\n"
	"	stmxcsr 136(%rbp)\n"
	"	movdqu %xmm0, (%rbp)\n"
	"	movdqu %xmm1, 16(%rbp)\n"
	"	movdqu %xmm2, 32(%rbp)\n"
	"	movdqu %xmm3, 48(%rbp)\n"
	"	movq %mm0, 64(%rbp)\n"
	"	movq %mm1, 72(%rbp)\n"
	"	movq %mm2, 80(%rbp)\n"
	"	movq %mm3, 88(%rbp)\n"
	"	emms\n"
	"	ldmxcsr (%rsp)\n"
	"	add $8, %rsp\n"
	"	pop %rbx\n"
	"	pop %rbp\n"
	"	ret\n"
	".size native_call, . - native_call\n");

#define STATUS_FLAGS 0x8d5u
#define MXCSR_MASKS  0x1f80u

static uint8_t *code_page;
static _Alignas(64) uint8_t memory[64];
static uint8_t *volatile resume;
static volatile unsigned fault_vector;
static volatile uint32_t fault_mxcsr;

static void on_fault(int signal, siginfo_t *info, void *context)
{
	mcontext_t *m = &((ucontext_t *)context)->uc_mcontext;

	(void)info;
	fault_vector = signal == SIGFPE ? 19 : signal == SIGILL ? 6 : 13;
	fault_mxcsr = m->fpregs->mxcsr;
	m->fpregs->mxcsr |= MXCSR_MASKS;
	m->gregs[REG_RIP] = (greg_t)(uintptr_t)resume;
}

static bool page_open(void)
{
	if (!code_page) {
		void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			return false;
		code_page = p;
	}
	return true;
}

bool native_available(const char *feature)
{
	bool has;

	if (!strcmp(feature, "sse2"))
		has = true;
	else if (!strcmp(feature, "ssse3")) /* and with it SSE3 */
		has = __builtin_cpu_supports("ssse3") && __builtin_cpu_supports("sse3");
	else
		has = __builtin_cpu_supports("sse4.1") && __builtin_cpu_supports("sse4.2");
	return has && page_open();
}

unsigned native_run(struct simd_state *s, const uint8_t *bytes, unsigned length)
{
	const int signals[] = {SIGFPE, SIGSEGV, SIGILL};
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO}, old[3];
	struct native_frame f;

	memcpy(f.xmm, s->xmm, sizeof(f.xmm));
	memcpy(f.mm, s->mm, sizeof(f.mm));
	memcpy(f.gpr, s->gpr, sizeof(f.gpr));
	f.flags = s->flags | 0x202;
	f.mxcsr = s->mxcsr;
	f.memory = memory + s->offset;
	f.code = code_page;
	memcpy(memory, s->memory, sizeof(memory));
	memcpy(code_page, bytes, length);
	code_page[length] = 0xc3;
	resume = code_page + length;
	fault_vector = UINT32_MAX;
	for (unsigned n = 0; n < 3; n++)
		sigaction(signals[n], &action, &old[n]);
	native_call(&f);
	for (unsigned n = 0; n < 3; n++)
		sigaction(signals[n], &old[n], NULL);
	memcpy(s->xmm, f.xmm, sizeof(f.xmm));
	memcpy(s->mm, f.mm, sizeof(f.mm));
	memcpy(s->gpr, f.gpr, sizeof(f.gpr));
	s->flags = f.flags & STATUS_FLAGS;
	s->mxcsr = fault_vector == UINT32_MAX ? f.mxcsr : fault_mxcsr;
	memcpy(s->memory, memory, sizeof(memory));
	return fault_vector;
}

#else

bool native_available(const char *feature)
{
	(void)feature;
	return false;
}

unsigned native_run(struct simd_state *s, const uint8_t *bytes, unsigned length)
{
	(void)s;
	(void)bytes;
	(void)length;
	return 0;
}

#endif
