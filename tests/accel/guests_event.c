/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guests about all that is no plain access: code that changes or lies where no code should be,
 * interrupts, NMIs, HLT, MSRs, CPUID, shutdown.
 */
#include "emulator/cpu/cpuid.h"
#include "tests/accel/guest.h"

/* What the guest "cpuid" writes. */
static void cpuid_describe(const struct machine *m, struct expected *exit)
{
	static const struct {
		uint32_t leaf, reg; /* 0 to 3: EAX to EDX */
	} shown[] = {{0, 0}, {0, 1}, {0, 2},          {0, 3},          {1, 0},
		     {1, 2}, {1, 3}, {0x80000001, 3}, {0x80000008, 0}, {0x40000000, 1}};

	for (unsigned i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
		uint32_t out[4];

		cpuid_query(&m->vcpu.model, m->vcpu.c, shown[i].leaf, 0, out);
		exit[i].data = out[shown[i].reg];
	}
}

/* Handlers of REAL guests are at vector 6 (18h) of the table at 0: #UD. */
/* clang-format off */
const struct guest guests_event[] = {
	{"self-modifying code", REAL, {
		0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xc0,               /* xor ax, ax; mov ds, ax; mov es, ax */
		0xc7, 0x06, 0x00, 0x20, 0xb0, 0x11,               /* mov word [2000h], "mov al, 11h" */
		0xc7, 0x06, 0x02, 0x20, 0xe6, 0xe0,               /* mov word [2002h], "out e0h, al" */
		0xc6, 0x06, 0x04, 0x20, 0xcb,                     /* mov byte [2004h], "retf" */
		0x8e, 0xd0, 0xbc, 0x00, 0x18,                     /* mov ss, ax; mov sp, 1800h */
		0x9a, 0x00, 0x20, 0x00, 0x00,                     /* call 0:2000h */
		0xc6, 0x06, 0x01, 0x20, 0x22,                     /* mov byte [2001h], 22h */
		0x9a, 0x00, 0x20, 0x00, 0x00,                     /* call 0:2000h */
		0xfa, 0xf4 },
	  .exit = { OUT(1, 0xe0, 0x11), OUT(1, 0xe0, 0x22) } },
	{"self-modifying code across a page", PROTECTED, {
		0xbf, 0xfd, 0xcf, 0x10, 0x00,                     /* mov edi, 10cffdh */
		0xc6, 0x07, 0xb8,                                 /* mov byte ptr [edi], 0b8h */
		0xc7, 0x47, 0x01, 0x11, 0x00, 0x00, 0x00,         /* mov dword ptr [edi + 1], 11h */
		0xc7, 0x47, 0x05, 0xe7, 0xe0, 0xc3, 0x00,         /* mov dword ptr [edi + 5], 0c3e0e7h */
		0xff, 0xd7,                                       /* call edi */
		0xc6, 0x47, 0x03, 0x22,                           /* mov byte ptr [edi + 3], 22h */
		0xff, 0xd7,                                       /* call edi */
		0xfa, 0xf4,                                       /* cli; hlt */ },
	  .exit = { OUT(4, 0xe0, 0x11), OUT(4, 0xe0, 0x220011) } },
	/* Nothing is run from devices: what is fetched there is FF FF, #UD, and makes no exit. */
	{"a jump into mmio", REAL, {
		0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xd0,               /* xor ax, ax; mov ds, ax; mov ss, ax */
		0xbc, 0x00, 0x18,                                 /* mov sp, 1800h */
		0xc7, 0x06, 0x18, 0x00, 0x1a, 0x00,               /* mov word ptr [18h], offset ud */
		0xc7, 0x06, 0x1a, 0x00, 0x00, 0xf0,               /* mov word ptr [1ah], 0f000h */
		0xea, 0x23, 0x01, 0x00, 0xb8,                     /* .byte 0xea, 0x23, 0x01, 0x00, 0xb8 */
		/* ud: */
		0x58, 0xe7, 0xe0,                                 /* pop ax; out e0h, ax */
		0x58, 0xe7, 0xe0,                                 /* pop ax; out e0h, ax */
		0xfa, 0xf4,                                       /* cli; hlt */ },
	  .exit = { OUT(2, 0xe0, 0x123), OUT(2, 0xe0, 0xb800) } },
	{"an instruction that begins in ram and ends in mmio", REAL, {
		0x31, 0xc0, 0x8e, 0xd0,                           /* xor ax, ax; mov ss, ax */
		0xbc, 0x00, 0x18,                                 /* mov sp, 1800h */
		0x36, 0xc7, 0x06, 0x18, 0x00, 0x28, 0x00,         /* mov ss:[18h], word ptr offset ud */
		0x36, 0x8c, 0x0e, 0x1a, 0x00,                     /* mov ss:[1ah], cs */
		0xb8, 0x00, 0x9f, 0x8e, 0xd8,                     /* mov ax, 9f00h; mov ds, ax */
		0xc7, 0x06, 0xfd, 0x0f, 0x66, 0xb8,               /* mov word ptr [0ffdh], 0b866h */
		0xc6, 0x06, 0xff, 0x0f, 0x77,                     /* mov byte ptr [0fffh], 77h */
		0xea, 0xfd, 0x0f, 0x00, 0x9f,                     /* .byte 0xea, 0xfd, 0x0f, 0x00, 0x9f */
		/* ud: */
		0x66, 0xe7, 0xe0,                                 /* out e0h, eax */
		0x58, 0xe7, 0xe0,                                 /* pop ax; out e0h, ax */
		0xfa, 0xf4,                                       /* cli; hlt */ },
	  .exit = { OUT(4, 0xe0, 0xffffff77), OUT(2, 0xe0, 0x1003) } },
	{"an interrupt when its window is open", PROTECTED, {
		0xc7, 0x05, 0xf0, 0x00, 0xe0, 0xfe, 0xff, 0x01,
		0x00, 0x00,                                       /* mov dword ptr [0fee000f0h], 1ffh */
		0xfb, 0x90,                                       /* sti; nop */
		0xc7, 0x05, 0x00, 0x03, 0xe0, 0xfe, 0x41, 0x40,
		0x04, 0x00,                                       /* mov dword ptr [0fee00300h], 44041h */
		0xb0, 0x02, 0xe6, 0xe0,                           /* mov al, 2; out e0h, al */
		0xfa, 0xf4,                                       /* cli; hlt */
		/* handler: */
		0xb0, 0x01, 0xe6, 0xe0,                           /* mov al, 1; out e0h, al */
		0xc7, 0x05, 0xb0, 0x00, 0xe0, 0xfe, 0x00, 0x00,
		0x00, 0x00,                                       /* mov dword ptr [0fee000b0h], 0 */
		0xcf,                                             /* iret */ },
	  .exit = { STORE(4, SVR, 0x1ff), STORE(4, ICR, 0x44041), VECTOR(0x41),
		    OUT(1, 0xe0, 1), STORE(4, EOI, 0), OUT(1, 0xe0, 2) },
	  .handler = { {0x41, 28} } },
	{"an interrupt that waits until after STI and one more instruction", PROTECTED, {
		0xc7, 0x05, 0xf0, 0x00, 0xe0, 0xfe, 0xff, 0x01,
		0x00, 0x00,                                       /* mov dword ptr [0fee000f0h], 1ffh */
		0xc7, 0x05, 0x00, 0x03, 0xe0, 0xfe, 0x41, 0x40,
		0x04, 0x00,                                       /* mov dword ptr [0fee00300h], 44041h */
		0xb0, 0x01, 0xe6, 0xe0,                           /* mov al, 1; out e0h, al */
		0xfb,                                             /* sti */
		0xe6, 0xe0,                                       /* out e0h, al */
		0x40, 0xe6, 0xe0,                                 /* inc eax; out e0h, al */
		0xfa, 0xf4,                                       /* cli; hlt */
		/* handler: */
		0xc7, 0x05, 0xb0, 0x00, 0xe0, 0xfe, 0x00, 0x00,
		0x00, 0x00,                                       /* mov dword ptr [0fee000b0h], 0 */
		0xcf,                                             /* iret */ },
	  .exit = { STORE(4, SVR, 0x1ff), STORE(4, ICR, 0x44041), OUT(1, 0xe0, 1),
		    OUT(1, 0xe0, 1), VECTOR(0x41), STORE(4, EOI, 0), OUT(1, 0xe0, 2) },
	  .handler = { {0x41, 32} } },
	{"an interrupt whose window is one boundary between exits", PROTECTED, {
		0xc7, 0x05, 0xf0, 0x00, 0xe0, 0xfe, 0xff, 0x01,
		0x00, 0x00,                                       /* mov dword ptr [0fee000f0h], 1ffh */
		0xc7, 0x05, 0x00, 0x03, 0xe0, 0xfe, 0x41, 0x40,
		0x04, 0x00,                                       /* mov dword ptr [0fee00300h], 44041h */
		0xfb, 0x90, 0xfa,                                 /* sti; nop; cli */
		0xb0, 0x02, 0xe6, 0xe0,                           /* mov al, 2; out e0h, al */
		0xf4,                                             /* hlt */
		/* handler: */
		0xb0, 0x01, 0xe6, 0xe0,                           /* mov al, 1; out e0h, al */
		0xcf,                                             /* iret */ },
	  .exit = { STORE(4, SVR, 0x1ff), STORE(4, ICR, 0x44041), VECTOR(0x41),
		    OUT(1, 0xe0, 1), OUT(1, 0xe0, 2) },
	  .handler = { {0x41, 28} } },
	{"an interrupt whose window POPF opens", PROTECTED, {
		0xc7, 0x05, 0xf0, 0x00, 0xe0, 0xfe, 0xff, 0x01,
		0x00, 0x00,                                       /* mov dword ptr [0fee000f0h], 1ffh */
		0xc7, 0x05, 0x00, 0x03, 0xe0, 0xfe, 0x41, 0x40,
		0x04, 0x00,                                       /* mov dword ptr [0fee00300h], 44041h */
		0x68, 0x02, 0x02, 0x00, 0x00, 0x9d,               /* push 202h; popfd */
		0xfa,                                             /* cli */
		0xb0, 0x02, 0xe6, 0xe0,                           /* mov al, 2; out e0h, al */
		0xf4,                                             /* hlt */
		/* handler: */
		0xb0, 0x01, 0xe6, 0xe0,                           /* mov al, 1; out e0h, al */
		0xcf,                                             /* iret */ },
	  .exit = { STORE(4, SVR, 0x1ff), STORE(4, ICR, 0x44041), VECTOR(0x41),
		    OUT(1, 0xe0, 1), OUT(1, 0xe0, 2) },
	  .handler = { {0x41, 32} } },
	{"two interrupts, the higher priority first", PROTECTED, {
		0xc7, 0x05, 0xf0, 0x00, 0xe0, 0xfe, 0xff, 0x01,
		0x00, 0x00,                                       /* mov dword ptr [0fee000f0h], 1ffh */
		0xc7, 0x05, 0x00, 0x03, 0xe0, 0xfe, 0x41, 0x40,
		0x04, 0x00,                                       /* mov dword ptr [0fee00300h], 44041h */
		0xc7, 0x05, 0x00, 0x03, 0xe0, 0xfe, 0x61, 0x40,
		0x04, 0x00,                                       /* mov dword ptr [0fee00300h], 44061h */
		0xfb, 0x90, 0xfa,                                 /* sti; nop; cli */
		0xb0, 0x03, 0xe6, 0xe0,                           /* mov al, 3; out e0h, al */
		0xf4,                                             /* hlt */
		/* low: */
		0xb0, 0x01, 0xeb, 0x02,                           /* mov al, 1; jmp 1f */
		/* high: */
		0xb0, 0x02,                                       /* mov al, 2 */
		/* 1: */
		0xe6, 0xe0,                                       /* out e0h, al */
		0xc7, 0x05, 0xb0, 0x00, 0xe0, 0xfe, 0x00, 0x00,
		0x00, 0x00,                                       /* mov dword ptr [0fee000b0h], 0 */
		0xcf,                                             /* iret */ },
	  .exit = { STORE(4, SVR, 0x1ff), STORE(4, ICR, 0x44041), STORE(4, ICR, 0x44061),
		    VECTOR(0x61), OUT(1, 0xe0, 2), STORE(4, EOI, 0),
		    VECTOR(0x41), OUT(1, 0xe0, 1), STORE(4, EOI, 0), OUT(1, 0xe0, 3) },
	  .handler = { {0x41, 38}, {0x61, 42} } },
	{"an interrupt in long mode", LONG, {
		0xbb, 0x00, 0x00, 0xe0, 0xfe,                     /* mov ebx, 0fee00000h */
		0xc7, 0x83, 0xf0, 0x00, 0x00, 0x00, 0xff, 0x01,
		0x00, 0x00,                                       /* mov dword ptr [rbx + 0f0h], 1ffh */
		0xc7, 0x83, 0x00, 0x03, 0x00, 0x00, 0x41, 0x40,
		0x04, 0x00,                                       /* mov dword ptr [rbx + 300h], 44041h */
		0xfb, 0x90, 0xfa,                                 /* sti; nop; cli */
		0xb0, 0x02, 0xe6, 0xe0,                           /* mov al, 2; out e0h, al */
		0xf4,                                             /* hlt */
		/* handler: */
		0xb0, 0x01, 0xe6, 0xe0,                           /* mov al, 1; out e0h, al */
		0x48, 0xcf,                                       /* iretq */ },
	  .exit = { STORE(4, SVR, 0x1ff), STORE(4, ICR, 0x44041), VECTOR(0x41),
		    OUT(1, 0xe0, 1), OUT(1, 0xe0, 2) },
	  .handler = { {0x41, 33} } },
	{"an interrupt that waits until the task priority is lowered", LONG, {
		0xbb, 0x00, 0x00, 0xe0, 0xfe,                     /* mov ebx, 0fee00000h */
		0xc7, 0x83, 0xf0, 0x00, 0x00, 0x00, 0xff, 0x01,
		0x00, 0x00,                                       /* mov dword ptr [rbx + 0f0h], 1ffh */
		0xb8, 0x05, 0x00, 0x00, 0x00,                     /* mov eax, 5 */
		0x44, 0x0f, 0x22, 0xc0,                           /* mov cr8, rax */
		0xfb,                                             /* sti */
		0xc7, 0x83, 0x00, 0x03, 0x00, 0x00, 0x41, 0x40,
		0x04, 0x00,                                       /* mov dword ptr [rbx + 300h], 44041h */
		0xe6, 0xe0,                                       /* out e0h, al */
		0xff, 0xc8,                                       /* dec eax */
		0x44, 0x0f, 0x22, 0xc0,                           /* mov cr8, rax */
		0x90,                                             /* nop */
		0xe6, 0xe0,                                       /* out e0h, al */
		0xff, 0xc8,                                       /* dec eax */
		0x44, 0x0f, 0x22, 0xc0,                           /* mov cr8, rax */
		0x90, 0x90,                                       /* nop; nop */
		0xfa,                                             /* cli */
		0xb0, 0x02, 0xe6, 0xe0,                           /* mov al, 2; out e0h, al */
		0xf4,                                             /* hlt */
		/* handler: */
		0xb0, 0x01, 0xe6, 0xe0,                           /* mov al, 1; out e0h, al */
		0x48, 0xcf,                                       /* iretq */ },
	  .exit = { STORE(4, SVR, 0x1ff), STORE(4, ICR, 0x44041), OUT(1, 0xe0, 5),
		    OUT(1, 0xe0, 4), VECTOR(0x41), OUT(1, 0xe0, 1), OUT(1, 0xe0, 2) },
	  .handler = { {0x41, 60} } },
	{"HLT ends by an interrupt", PROTECTED, {
		0xc7, 0x05, 0xf0, 0x00, 0xe0, 0xfe, 0xff, 0x01,
		0x00, 0x00,                                       /* mov dword ptr [0fee000f0h], 1ffh */
		0xc7, 0x05, 0x20, 0x03, 0xe0, 0xfe, 0x41, 0x00,
		0x00, 0x00,                                       /* mov dword ptr [0fee00320h], 41h */
		0xc7, 0x05, 0x80, 0x03, 0xe0, 0xfe, 0x00, 0x00,
		0x01, 0x00,                                       /* mov dword ptr [0fee00380h], 10000h */
		0xfb, 0xf4,                                       /* sti; hlt */
		0xb0, 0x02, 0xe6, 0xe0,                           /* mov al, 2; out e0h, al */
		0xfa, 0xf4,                                       /* cli; hlt */
		/* handler: */
		0xb0, 0x01, 0xe6, 0xe0,                           /* mov al, 1; out e0h, al */
		0xcf,                                             /* iret */ },
	  .exit = { STORE(4, SVR, 0x1ff), STORE(4, 0xfee00320, 0x41),
		    STORE(4, 0xfee00380, 0x10000), HLT, VECTOR(0x41),
		    OUT(1, 0xe0, 1), OUT(1, 0xe0, 2) },
	  .handler = { {0x41, 38} } },
	/* IRQ 0 is input 2 of the I/O APIC, where it becomes an NMI. */
	{"HLT ends by an NMI, with interrupts off", PROTECTED, {
		0xbb, 0x00, 0x00, 0xc0, 0xfe,                     /* mov ebx, 0fec00000h */
		0xc7, 0x03, 0x14, 0x00, 0x00, 0x00,               /* mov dword ptr [ebx], 14h */
		0xc7, 0x43, 0x10, 0x00, 0x04, 0x00, 0x00,         /* mov dword ptr [ebx + 16], 400h */
		0xb0, 0x30, 0xe6, 0x43,                           /* mov al, 30h; out 43h, al */
		0x31, 0xc0, 0xe6, 0x40,                           /* xor eax, eax; out 40h, al */
		0xb0, 0x04, 0xe6, 0x40,                           /* mov al, 4; out 40h, al */
		0xf4,                                             /* hlt */
		0xb0, 0x02, 0xe6, 0xe0,                           /* mov al, 2; out e0h, al */
		0xf4,                                             /* hlt */
		/* nmi: */
		0xb0, 0x01, 0xe6, 0xe0,                           /* mov al, 1; out e0h, al */
		0xcf,                                             /* iret */ },
	  .exit = { STORE(4, 0xfec00000, 0x14), STORE(4, 0xfec00010, 0x400),
		    OUT(1, 0x43, 0x30), OUT(1, 0x40, 0), OUT(1, 0x40, 4), HLT, NMI,
		    OUT(1, 0xe0, 1), OUT(1, 0xe0, 2) },
	  .handler = { {2, 36} } },
	{"an NMI that waits for IRET of the one before", PROTECTED, {
		0x31, 0xc9,                                       /* xor ecx, ecx */
		0xc7, 0x05, 0x00, 0x03, 0xe0, 0xfe, 0x00, 0x44,
		0x00, 0x00,                                       /* mov dword ptr [0fee00300h], 4400h */
		0xb0, 0x04, 0xe6, 0xe0,                           /* mov al, 4; out e0h, al */
		0xfa, 0xf4,                                       /* cli; hlt */
		/* nmi: */
		0x41,                                             /* inc ecx */
		0x89, 0xc8, 0xe6, 0xe0,                           /* mov eax, ecx; out e0h, al */
		0x83, 0xf9, 0x02, 0x74, 0x0e,                     /* cmp ecx, 2; je 1f */
		0xc7, 0x05, 0x00, 0x03, 0xe0, 0xfe, 0x00, 0x44,
		0x00, 0x00,                                       /* mov dword ptr [0fee00300h], 4400h */
		0xb0, 0x03, 0xe6, 0xe0,                           /* mov al, 3; out e0h, al */
		/* 1: */
		0xcf,                                             /* iret */ },
	  .exit = { STORE(4, ICR, 0x4400), NMI, OUT(1, 0xe0, 1), STORE(4, ICR, 0x4400),
		    OUT(1, 0xe0, 3), NMI, OUT(1, 0xe0, 2), OUT(1, 0xe0, 4) },
	  .handler = { {2, 18} } },
	{"an NMI before an interrupt", PROTECTED, {
		0xc7, 0x05, 0xf0, 0x00, 0xe0, 0xfe, 0xff, 0x01,
		0x00, 0x00,                                       /* mov dword ptr [0fee000f0h], 1ffh */
		0xc7, 0x05, 0x00, 0x03, 0xe0, 0xfe, 0x41, 0x40,
		0x04, 0x00,                                       /* mov dword ptr [0fee00300h], 44041h */
		0xfb,                                             /* sti */
		0xc7, 0x05, 0x00, 0x03, 0xe0, 0xfe, 0x00, 0x44,
		0x00, 0x00,                                       /* mov dword ptr [0fee00300h], 4400h */
		0xb0, 0x03, 0xe6, 0xe0,                           /* mov al, 3; out e0h, al */
		0xfa, 0xf4,                                       /* cli; hlt */
		/* nmi: */
		0xb0, 0x01, 0xeb, 0x02,                           /* mov al, 1; jmp 1f */
		/* handler: */
		0xb0, 0x02,                                       /* mov al, 2 */
		/* 1: */
		0xe6, 0xe0,                                       /* out e0h, al */
		0xcf,                                             /* iret */ },
	  .exit = { STORE(4, SVR, 0x1ff), STORE(4, ICR, 0x44041), STORE(4, ICR, 0x4400),
		    NMI, OUT(1, 0xe0, 1), VECTOR(0x41), OUT(1, 0xe0, 2), OUT(1, 0xe0, 3) },
	  .handler = { {2, 37}, {0x41, 41} } },
	{"msr of the board", REAL, {
		0x66, 0xb9, 0x1b, 0x00, 0x00, 0x00,               /* mov ecx, IA32_APIC_BASE */
		0x0f, 0x32, 0x0f, 0x30,                           /* rdmsr; wrmsr */
		0xfa, 0xf4 },
	  .exit = { RDMSR(0x1b, 0xfee00900), WRMSR(0x1b, 0xfee00900) } },
	{"msr of the processor", REAL, {
		0x66, 0xb9, 0x00, 0x02, 0x00, 0x00,               /* mov ecx, IA32_MTRR_PHYSBASE0 */
		0x66, 0xb8, 0x06, 0x00, 0x00, 0x01,               /* mov eax, 1000006h */
		0x66, 0x31, 0xd2, 0x0f, 0x30,                     /* xor edx, edx; wrmsr */
		0x66, 0x31, 0xc0, 0x0f, 0x32,                     /* xor eax, eax; rdmsr */
		0x66, 0xe7, 0xe0,                                 /* out e0h, eax */
		0xfa, 0xf4 },
	  .exit = { OUT(4, 0xe0, 0x1000006) } },
	{"an MSR that is not there", PROTECTED, {
		0xb9, 0x23, 0x01, 0x00, 0x00,                     /* mov ecx, 123h */
		0x0f, 0x32,                                       /* rdmsr */
		0xe6, 0xe0,                                       /* out e0h, al */
		0xfa, 0xf4,                                       /* cli; hlt */
		/* gp: */
		0x58, 0xe7, 0xe0,                                 /* pop eax; out e0h, eax */
		0x58, 0x2d, 0x05, 0x20, 0x10, 0x00,               /* pop eax; sub eax, 102005h */
		0xe7, 0xe0,                                       /* out e0h, eax */
		0xfa, 0xf4,                                       /* cli; hlt */ },
	  .exit = { OUT(4, 0xe0, 0), OUT(4, 0xe0, 0) },
	  .handler = { {13, 11} } },
	{"cpuid", PROTECTED, {
		0x31, 0xc0, 0x0f, 0xa2,                           /* xor eax, eax; cpuid */
		0xe7, 0xe0, 0x93,                                 /* out e0h, eax; xchg eax, ebx */
		0xe7, 0xe0, 0x91,                                 /* out e0h, eax; xchg eax, ecx */
		0xe7, 0xe0, 0x92,                                 /* out e0h, eax; xchg eax, edx */
		0xe7, 0xe0,                                       /* out e0h, eax */
		0xb8, 0x01, 0x00, 0x00, 0x00, 0x0f, 0xa2,         /* mov eax, 1; cpuid */
		0xe7, 0xe0, 0x91,                                 /* out e0h, eax; xchg eax, ecx */
		0xe7, 0xe0, 0x92,                                 /* out e0h, eax; xchg eax, edx */
		0xe7, 0xe0,                                       /* out e0h, eax */
		0xb8, 0x01, 0x00, 0x00, 0x80, 0x0f, 0xa2,         /* mov eax, 80000001h; cpuid */
		0x92, 0xe7, 0xe0,                                 /* xchg eax, edx; out e0h, eax */
		0xb8, 0x08, 0x00, 0x00, 0x80, 0x0f, 0xa2,         /* mov eax, 80000008h; cpuid */
		0xe7, 0xe0,                                       /* out e0h, eax */
		0xb8, 0x00, 0x00, 0x00, 0x40, 0x0f, 0xa2,         /* mov eax, 40000000h; cpuid */
		0x93, 0xe7, 0xe0,                                 /* xchg eax, ebx; out e0h, eax */
		0xfa, 0xf4,                                       /* cli; hlt */ },
	  .exit = { OUT(4, 0xe0, 0x16), OUT(4, 0xe0, 0x756e6547), OUT(4, 0xe0, 0x6c65746e),
		    OUT(4, 0xe0, 0x49656e69), OUT(4, 0xe0, 0x106ca), OUT(4, 0xe0, 0x81000000),
		    OUT(4, 0xe0, 0x78bfbff), OUT(4, 0xe0, 0x20100800), OUT(4, 0xe0, 0x3028),
		    OUT(4, 0xe0, 0x76726376) },
	  .describe = cpuid_describe },
	{"shutdown", REAL, {
		0x0e, 0x1f,                                       /* push cs; pop ds */
		0x0f, 0x01, 0x1e, 0x20, 0x00,                     /* lidt [20h]: no limit */
		0x0f, 0x0b },                                     /* ud2 */
	  .exit = { SHUTDOWN } },
	{.name = NULL},
};
/* clang-format on */
