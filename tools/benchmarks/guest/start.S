/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What brings a benchmark guest from multiboot to guest_main(): flat segments, paging with big
 * pages one to one, SSE and x87 on, vectors for the rows that raise interrupts. Assembled twice,
 * as 64-bit and as 32-bit guest.
 */
#define CODE32 0x08
#define DATA   0x10
#define CODE64 0x18

#define DEBUG_EXIT 0xf4

	.section .multiboot, "a"
	.balign 4
	.long 0x1badb002, 3, -(0x1badb002 + 3)

	.data
	.balign 16
gdt:
	.quad 0
	.quad 0x00cf9b000000ffff /* CODE32 */
	.quad 0x00cf93000000ffff /* DATA */
	.quad 0x00af9b000000ffff /* CODE64 */
gdt_pointer:
	.word . - gdt - 1
	.long gdt, 0

	.bss
	.balign 4096
	.global page_root
page_root:
	.skip 4096
#ifdef __x86_64__
page_directory_pointers:
	.skip 4096
page_directories:
	.skip 4 * 4096
#endif
	.skip 65536
stack_top:

	.text
	.code32
	.global start
start:
	movl $stack_top, %esp
	movl %ebx, %ebp
	cld
	lgdt gdt_pointer
	ljmp $CODE32, $1f
1:
	movl $DATA, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %fs
	movl %eax, %gs
	movl %eax, %ss
	movl %cr4, %eax
#ifdef __x86_64__
	movl $page_directory_pointers + 3, page_root
	movl $page_directories + 3, %eax
	movl $page_directory_pointers, %edi
	movl $4, %ecx
2:
	movl %eax, (%edi)
	addl $4096, %eax
	addl $8, %edi
	loop 2b
	movl $0x83, %eax /* 2 MiB, writable, present */
	movl $page_directories, %edi
	movl $2048, %ecx
3:
	movl %eax, (%edi)
	addl $0x200000, %eax
	addl $8, %edi
	loop 3b
	movl $0x620, %eax /* PAE, OSFXSR, OSXMMEXCPT */
	movl %eax, %cr4
	movl $0xc0000080, %ecx /* EFER: LME */
	movl $0x100, %eax
	xorl %edx, %edx
	wrmsr
#else
	movl $0x83, %eax /* 4 MiB, writable, present */
	movl $page_root, %edi
	movl $1024, %ecx
2:
	movl %eax, (%edi)
	addl $0x400000, %eax
	addl $4, %edi
	loop 2b
	movl $0x610, %eax /* PSE, OSFXSR, OSXMMEXCPT */
	movl %eax, %cr4
#endif
	movl $page_root, %eax
	movl %eax, %cr3
	movl $0x80000033, %eax /* PG, NE, ET, MP, PE */
	movl %eax, %cr0
	fninit
#ifdef __x86_64__
	ljmp $CODE64, $4f
	.code64
4:
	movl %ebp, %edi
	call guest_main
#else
	pushl $0
	pushl $0
	pushl $0
	pushl %ebp
	call guest_main
#endif
	movb $0x10, %al /* the emulator's exit status is (0x10 << 1) | 1 */
	outb %al, $DEBUG_EXIT
5:
	cli
	hlt
	jmp 5b

/* Handlers: an interrupt that counts itself, and a fault that skips the two bytes of UD2. */
	.global vector_count, vector_skip
	.global interrupts_taken
	.data
	.balign 8
interrupts_taken:
	.quad 0
	.text
#ifdef __x86_64__
vector_count:
	incq interrupts_taken
	iretq
vector_skip:
	addq $2, (%rsp)
	iretq
#else
vector_count:
	incl interrupts_taken
	iretl
vector_skip:
	addl $2, (%esp)
	iretl
#endif
	.section .note.GNU-stack, "", @progbits
