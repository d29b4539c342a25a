/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The helper process of the instruction oracle: executes instructions on the host's processor.
 *
 * There is no trampoline. The process lives in a signal handler, on a stack of its own: it puts
 * the registers of the next case into the signal's context and returns, so that the kernel loads
 * all of them, x87 and SSE included, and jumps to the instruction, in 64-bit or 32-bit code. The
 * instruction or the INT3 behind it raises the next signal, whose context is the result.
 *
 * Generated code may do anything. So the process is in strict seccomp mode: a system call that is
 * not read, write, exit or a return from a signal kills it. It is a program of its own, built
 * without sanitizers, so that next to nothing lies at the addresses that a wild access hits.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/oracle/oracle.h"

#if defined(__x86_64__) && defined(__linux__)

#include <asm/prctl.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#define STACK_SIZE  (64u << 10)
#define STUCK_TICKS 3
#define TICK_MICROS 20000

#define FLAG_ONE (1u << 1)
#define FLAG_IF  (1u << 9)
#define FLAG_NT  (1u << 14)
#define FLAG_ID  (1u << 21)

/* The XSAVE area of a signal's context: offsets, and how the kernel says that it is one. */
#define XSAVE_MAGIC_AT 464
#define XSAVE_MAGIC    0x46505853u
#define XSAVE_BV_AT    512 /* components that are not in their initial state */
#define XSAVE_X87_SSE  3ull

static struct oracle_shared *shared;
static uint8_t *data = (uint8_t *)(uintptr_t)ORACLE_DATA;
static int go_fd, done_fd;
static unsigned ticks;    /* of the timer in this case */
static uint8_t *previous; /* the last case's place in the code pages */

/* The first stack and what the kernel maps beside it: too near to 2^47, which is a good address. */
#define AREAS_MAX 4
static struct {
	unsigned long start, end;
} areas[AREAS_MAX];
static unsigned area_count;

/* From here on nothing may use thread-local storage: FS is the tests'. */

static long system_call(long number, long a, long b, long c)
{
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return result;
}

/* On the signal stack, before the first case. */
static void sandbox_enter(void)
{
	unsigned n;

	for (n = 0; n < area_count; n++)
		system_call(SYS_munmap, (long)areas[n].start, (long)(areas[n].end - areas[n].start),
			    0);
	if (system_call(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0))
		system_call(SYS_exit, 5, 0, 0);
}

static void batch_wait(void)
{
	uint8_t byte = 0;

	if (previous)
		system_call(SYS_write, done_fd, (long)&byte, 1);
	if (system_call(SYS_read, go_fd, (long)&byte, 1) != 1)
		system_call(SYS_exit, 0, 0, 0);
	memcpy(data, shared->image, ORACLE_DATA_WRITE);
}

static const int registers[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
				  REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
				  REG_R12, REG_R13, REG_R14, REG_R15};

static void outcome_store(const mcontext_t *m, int signal)
{
	struct oracle_outcome *o = &shared->outcomes[shared->at];
	unsigned n;

	for (n = 0; n < 16; n++)
		o->out.gpr[n] = (uint64_t)m->gregs[registers[n]];
	o->out.rip = (uint64_t)m->gregs[REG_RIP];
	o->out.rflags = (uint64_t)m->gregs[REG_EFL];
	memcpy(o->out.fx, m->fpregs, ORACLE_FX);
	o->vector = signal == SIGALRM ? ORACLE_TIMEOUT : (uint32_t)m->gregs[REG_TRAPNO];
	o->error = (uint32_t)m->gregs[REG_ERR];
	o->cr2 = o->vector == 14 ? (uint64_t)m->gregs[REG_CR2] : 0;
	oracle_take_changes(o, data, shared->image);
}

/* AVX and what came later go to their initial state. */
static void fx_load(uint8_t *area, const uint8_t *fx)
{
	uint64_t components = XSAVE_X87_SSE;
	uint32_t magic;

	memcpy(area, fx, ORACLE_FX);
	memcpy(&magic, area + XSAVE_MAGIC_AT, sizeof(magic));
	if (magic == XSAVE_MAGIC)
		memcpy(area + XSAVE_BV_AT, &components, sizeof(components));
}

/* The code pages hold INT3 but for the instruction, which may be cut off by their end. */
static void code_load(const struct oracle_case *c)
{
	uint8_t *to = shared->code + (c->in.rip - ORACLE_CODE);
	uint8_t *end = shared->code + ORACLE_CODE_SIZE;

	if (previous)
		memset(previous, 0xcc, end - previous < 16 ? (size_t)(end - previous) : 16);
	memcpy(to, c->code, c->length < end - to ? c->length : (size_t)(end - to));
	previous = to;
}

static void case_load(mcontext_t *m)
{
	const struct oracle_case *c = &shared->cases[shared->at];
	uint64_t selectors = (uint64_t)m->gregs[REG_CSGSFS];
	unsigned n;

	code_load(c);
	for (n = 0; n < 16; n++)
		m->gregs[registers[n]] = (greg_t)c->in.gpr[n];
	m->gregs[REG_RIP] = (greg_t)c->in.rip;
	m->gregs[REG_EFL] = (greg_t)c->in.rflags;
	m->gregs[REG_CSGSFS] =
	    (greg_t)((selectors & ~0xffffull) | (c->bits == 64 ? ORACLE_CS64 : ORACLE_CS32));
	fx_load((uint8_t *)m->fpregs, c->in.fx);
	ticks = 0;
}

static void flags_set(unsigned long flags)
{
	__asm__ volatile("push %0; popfq" ::"r"(flags | FLAG_ONE | FLAG_IF) : "cc", "memory");
}

static void on_signal(int signal, siginfo_t *info, void *context)
{
	mcontext_t *m = &((ucontext_t *)context)->uc_mcontext;

	(void)info;
	/* The instruction's AC, NT and ID are still set: the kernel does not clear them. */
	flags_set(0);
	if (signal == SIGALRM && ++ticks < STUCK_TICKS) {
		/* Nor does its return from a signal set the last two. */
		flags_set((unsigned long)m->gregs[REG_EFL] & (FLAG_NT | FLAG_ID));
		return;
	}
	if (previous) {
		outcome_store(m, signal);
		shared->at++;
	}
	if (!previous)
		sandbox_enter();
	if (!previous || shared->at == shared->end)
		batch_wait();
	case_load(m);
}

/* ---- before the first case ---- */

static int pages_map(int fd)
{
	/* Populated, or an error code would say that a page is not there yet. */
	int fixed = MAP_FIXED_NOREPLACE | MAP_POPULATE;
	void *code = (void *)(uintptr_t)ORACLE_CODE;
	void *constant = data + ORACLE_DATA_WRITE;
	off_t constant_at = offsetof(struct oracle_shared, image) + ORACLE_DATA_WRITE;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (shared == MAP_FAILED)
		return -1;
	if (mmap(code, ORACLE_CODE_SIZE, PROT_READ | PROT_EXEC, MAP_SHARED | fixed, fd, 0) != code)
		return -1;
	if (mmap(data, ORACLE_DATA_WRITE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | fixed, -1, 0) != data)
		return -1;
	return mmap(constant, ORACLE_DATA_SIZE - ORACLE_DATA_WRITE, PROT_READ, MAP_SHARED | fixed,
		    fd, constant_at) == constant
		   ? 0
		   : -1;
}

static int areas_find(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];

	if (!maps)
		return -1;
	while (area_count < AREAS_MAX && fgets(line, sizeof(line), maps))
		if ((strstr(line, "[stack]") || strstr(line, "[vdso]") || strstr(line, "[vvar")) &&
		    sscanf(line, "%lx-%lx", &areas[area_count].start, &areas[area_count].end) == 2)
			area_count++;
	fclose(maps);
	return 0;
}

static int signals_open(void)
{
	static const int signals[] = {SIGTRAP, SIGSEGV, SIGILL, SIGFPE, SIGBUS, SIGALRM};
	struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	struct itimerval timer = {{0, TICK_MICROS}, {0, TICK_MICROS}};
	stack_t stack = {.ss_size = STACK_SIZE};
	unsigned n;

	stack.ss_sp =
	    mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (stack.ss_sp == MAP_FAILED || sigaltstack(&stack, NULL))
		return -1;
	sigfillset(&action.sa_mask);
	for (n = 0; n < sizeof(signals) / sizeof(signals[0]); n++)
		if (sigaction(signals[n], &action, NULL))
			return -1;
	return setitimer(ITIMER_REAL, &timer, NULL);
}

/* usage: native MEMORY_FD GO_FD DONE_FD; closing the pipe of GO_FD ends it */
int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	go_fd = atoi(argv[2]);
	done_fd = atoi(argv[3]);
	if (pages_map(atoi(argv[1])) || areas_find())
		return 3;
	if (signals_open())
		return 4;
	system_call(SYS_arch_prctl, ARCH_SET_FS, (long)ORACLE_FS_BASE, 0);
	system_call(SYS_arch_prctl, ARCH_SET_GS, (long)ORACLE_GS_BASE, 0);
	__asm__ volatile("mov %0, %%ds; mov %0, %%es" ::"r"(ORACLE_DS));
	__asm__ volatile("int3");
	return 0;
}

#else

int main(void)
{
	return 1;
}

#endif
