/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs one instruction natively: registers are loaded from a struct int_state, the instruction and
 * a RET are called in a page of their own, registers are stored back. An exception comes as a
 * signal and leaves by siglongjmp().
 */
#include "tests/unit/cpu/int_native.h"

#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096

#ifdef __x86_64__

static uint8_t *page;
static sigjmp_buf left;

void int_native_call(void *code, struct int_state *s);
/* RDI: code, RSI: state. Both are kept on the stack; RAX points at the state at either end. */
__asm__(".text\n"
	"int_native_call:\n"
	"	pushq %rbx; pushq %rbp; pushq %r12; pushq %r13; pushq %r14; pushq %r15\n"
	"	pushq %rsi\n"
	"	pushq %rdi\n"
	"	movq %rsi, %rax\n"
	"	pushq 128(%rax); popfq\n"
	"	movq 8(%rax), %rcx; movq 16(%rax), %rdx; movq 24(%rax), %rbx\n"
	"	movq 40(%rax), %rbp; movq 48(%rax), %rsi; movq 56(%rax), %rdi\n"
	"	movq 64(%rax), %r8; movq 72(%rax), %r9; movq 80(%rax), %r10\n"
	"	movq 88(%rax), %r11; movq 96(%rax), %r12; movq 104(%rax), %r13\n"
	"	movq 112(%rax), %r14; movq 120(%rax), %r15\n"
	"	movq (%rax), %rax\n"
	"	call *(%rsp)\n"
	"	pushfq\n"
	"	pushq %rax\n"
	"	movq 24(%rsp), %rax\n"
	"	popq (%rax); popq 128(%rax)\n"
	"	cld\n"
	"	movq %rcx, 8(%rax); movq %rdx, 16(%rax); movq %rbx, 24(%rax)\n"
	"	movq %rbp, 40(%rax); movq %rsi, 48(%rax); movq %rdi, 56(%rax)\n"
	"	movq %r8, 64(%rax); movq %r9, 72(%rax); movq %r10, 80(%rax)\n"
	"	movq %r11, 88(%rax); movq %r12, 96(%rax); movq %r13, 104(%rax)\n"
	"	movq %r14, 112(%rax); movq %r15, 120(%rax)\n"
	"	popq %rdi\n"
	"	popq %rsi\n"
	"	popq %r15; popq %r14; popq %r13; popq %r12; popq %rbp; popq %rbx\n"
	"	ret\n");

static void on_signal(int number)
{
	siglongjmp(left, number);
}

static void handle(void (*handler)(int))
{
	static const int signals[] = {SIGFPE, SIGILL, SIGSEGV, SIGBUS};
	struct sigaction a = {.sa_handler = handler};
	unsigned n;

	for (n = 0; n < sizeof(signals) / sizeof(signals[0]); n++)
		sigaction(signals[n], &a, NULL);
}

bool native_open(void)
{
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	if (page == MAP_FAILED)
		return false;
	handle(on_signal);
	return true;
}

void native_close(void)
{
	handle(SIG_DFL);
	munmap(page, PAGE);
}

bool native_run(struct int_state *s, const uint8_t *code, size_t size)
{
	memcpy(page, code, size);
	page[size] = 0xc3;
	if (sigsetjmp(left, 1))
		return false;
	int_native_call(page, s);
	return true;
}

#else

bool native_open(void)
{
	return false;
}

void native_close(void)
{
}

bool native_run(struct int_state *s, const uint8_t *code, size_t size)
{
	return false;
}

#endif
