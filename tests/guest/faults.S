# SPDX-License-Identifier: Apache-2.0
#
# The exceptions of 32- and 64-bit mode, each with its vector, error code, return address and, for
# page faults, CR2 (Intel SDM vol. 3A chapter 6); then a double fault through a task gate and
# through IST. #MF and #XM are in fpu.S, #AC in syscalls.S, page-fault error codes in paging.S.

.include "lib/guest.inc"
.include "lib/long.inc"
.include "lib/trap32.inc"
.include "lib/trap64.inc"

.set ABSENT, FREE		# a data segment that is not present
.set EXECUTE_ONLY, FREE + 8
.set READ_ONLY, FREE + 16
.set DOUBLE_TSS, FREE + 24
.set BEYOND, 0x1f8		# behind the GDT's limit

	.data
	.balign 8
faults_descriptors:
	descriptor 0, 0xfffff, 0xc13
	descriptor 0, 0xfffff, 0xc99
	descriptor 0, 0xfffff, 0xc91
faults_descriptors_end:
bounds:
	.long 10, 20

	.text
	bits 32
main:
	call trap_setup32
	movl $faults_descriptors, %esi
	movl $gdt + FREE, %edi
	movl $(faults_descriptors_end - faults_descriptors) / 4, %ecx
	rep movsl

	say "32-bit"
	xorl %edx, %edx
	xorl %ebx, %ebx
	fault "div by zero", divl %ebx
	movl $0x80000000, %eax
	cdq
	movl $-1, %ebx
	fault "idiv overflow", idivl %ebx
	movl $0x1234, %eax
	movb $0, %bl
	fault "aam 0", aam $0
	fault "int1", .byte 0xf1
	fault "int3", int3
	fault "int 3", .byte 0xcd, 3
	movb $0x7f, %al
	addb $1, %al
	fault "into", into
	movl $21, %eax
	fault "bound above", boundl %eax, bounds
	movl $20, %eax
	fault "bound within", boundl %eax, bounds
	fault "ud2", ud2
	fault "lock on a register", .byte 0xf0, 0x01, 0xc0
	fault "lock on a load", .byte 0xf0, 0x8b, 0x00
	movl %cr0, %eax
	orl $8, %eax
	movl %eax, %cr0
	fault "fpu with cr0.ts", fnop
	clts
	fault "int 0x81", int $0x81
	movl $ABSENT, %eax
	fault "ds not present", movl %eax, %ds
	fault "ss not present", movl %eax, %ss
	movl $EXECUTE_ONLY, %eax
	fault "ds execute only", movl %eax, %ds
	movl $READ_ONLY, %eax
	fault "ss read only", movl %eax, %ss
	xorl %eax, %eax
	fault "ss null", movl %eax, %ss
	movl $USER_DS, %eax
	fault "ss rpl 3", movl %eax, %ss
	movl $BEYOND, %eax
	fault "es behind the gdt", movl %eax, %es
	movl $BEYOND | 4, %eax
	fault "es without ldt", movl %eax, %es
	fault "jump to data", ljmp $DS32, $0
	fault "jump to null", ljmp $0, $0
	fault "ltr of data", ltr %ax
	xorl %eax, %eax
	movl %eax, %fs
	fault "read through null", movl %fs:0, %eax
	movl $0x12345678, %ecx
	fault "rdmsr of nothing", rdmsr
	fault "wrmsr of nothing", wrmsr
	fault "15 bytes", .byte 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90
	fault "16 bytes", .byte 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90

	# IRET with NT set goes to the TSS in the back link: a data segment is none.
	movw $DS32, tss
	pushfl
	orl $0x4000, (%esp)
	popfl
	fault "iret to a bad task", iretl

	# A gate that is not present: bit 1 of the error code says IDT.
	andb $0x7f, idt + 8 * 0x55 + 5
	fault "gate not present", int $0x55
	# The gate's code segment is null.
	movw $0, idt + 8 * 0x56 + 2
	fault "gate to null", int $0x56
	movw $8 * 0x60 - 1, idt_pointer
	lidt idt_pointer
	fault "behind the idt", int $0x60
	movw $256 * 16 - 1, idt_pointer
	lidt idt_pointer

	# #NP while delivering #GP is a double fault, here through a task gate.
	movl $double_tss, %eax
	movw $103, gdt + DOUBLE_TSS
	movw %ax, gdt + DOUBLE_TSS + 2
	shrl $16, %eax
	movb %al, gdt + DOUBLE_TSS + 4
	movb $0x89, gdt + DOUBLE_TSS + 5
	movl $DOUBLE_TSS << 16, idt + 8 * 8
	movl $0x8500, idt + 8 * 8 + 4
	andb $0x7f, idt + 8 * 13 + 5
	movl $BEYOND, %ecx
double_insn:
	movl %ecx, %es
	say "no double fault"
double_resume:
	orb $0x80, idt + 8 * 13 + 5
	enter_long faults_long

double_task:
	say "double fault in its own task"
	movl (%esp), %eax
	show "error"
	movl tss + 32, %eax
	subl $double_insn, %eax
	show "ip+"
	movzwl double_tss, %eax
	show "back link"
	pushfl
	popl %eax
	andl $0x4000, %eax
	show "eflags.nt"
	movl %cr0, %eax
	andl $8, %eax
	show "cr0.ts"
	movzbl gdt + TSS + 5, %eax
	show "first tss"
	movzbl gdt + DOUBLE_TSS + 5, %eax
	show "second tss"
	# Back by IRET, behind the instruction that faulted.
	movl $double_back, tss + 32
	iretl
double_back:
	movl %ecx, %eax
	show "ecx after the way back"
	clts
	jmp double_resume

	.data
	.balign 4
double_tss:
	.long 0
	.fill 6, 4, 0			# stacks of rings 0 to 2
	.long 0				# CR3, which counts only with paging
	.long double_task, 2
	.long 0, 0, 0, 0		# eax, ecx, edx, ebx
	.long double_stack_top, 0, 0, 0	# esp, ebp, esi, edi
	.long DS32, CS32, DS32, DS32, DS32, DS32
	.long 0
	.long 104 << 16
	.bss
	.skip 1024
double_stack_top:

	.text
	bits 64
faults_long:
	call trap_setup64
	say "64-bit"
	xorl %edx, %edx
	xorl %ebx, %ebx
	fault "div by zero", divq %rbx
	movq $0x8000000000000000, %rax
	cqo
	movq $-1, %rbx
	fault "idiv overflow", idivq %rbx
	fault "int3", int3
	fault "int1", .byte 0xf1
	fault "ud2", ud2
	fault "push es", .byte 0x06
	fault "aam", .byte 0xd4, 0x0a
	fault "far jump immediate", .byte 0xea, 0, 0, 0, 0, 8, 0
	fault "into", .byte 0xce
	movl $ABSENT, %eax
	fault "ds not present", movl %eax, %ds
	fault "ss not present", movl %eax, %ss
	movl $BEYOND, %eax
	fault "es behind the gdt", movl %eax, %es
	movq $0x0000800000000000, %rbx
	fault "read not canonical", movq (%rbx), %rax
	fault "write not canonical", movq %rax, (%rbx)
	movq %rbx, %rbp
	fault "stack read not canonical", movq (%rbp), %rax
	fault "fs read not canonical", movq %fs:(%rbp), %rax
	fault "jump not canonical", jmp *%rbx
	movq $0x100000123, %rcx
	fault "read not present", movq (%rcx), %rax
	fault "write not present", movq %rax, (%rcx)
	movq $0x100000ffd, %rcx
	fault "write across pages", movq %rax, (%rcx)
	fault_at "fetch not present", 0x100000000, jmp far_code
	movl $0x12345678, %ecx
	fault "rdmsr of nothing", rdmsr
	movl $0xc0000102, %ecx
	movl $0x8000, %edx
	fault "kernel gs base not canonical", wrmsr
	fault "int 0x81", int $0x81
	andb $0x7f, idt + 16 * 0x55 + 5
	fault "gate not present", int $0x55
	movw $CS32, idt + 16 * 0x56 + 2
	fault "gate to 32-bit code", int $0x56
	# IRET to a code segment that is data.
	fault_at "iret to data", faults_iret, call faults_bad_iret

	# A double fault on the stack of IST 1.
	movb $1, idt + 16 * 8 + 4
	andb $0x7f, idt + 16 * 13 + 5
	handler 8, double_long
	movl $BEYOND, %eax
double_long_insn:
	movl %eax, %es
	say "no double fault"
	finish

double_long:
	say "double fault on ist 1"
	# Above the return address and 11 saved registers: vector, error code, rip, ...
	movq 8 * 13(%rsp), %rax
	show "error"
	movq 8 * 14(%rsp), %rax
	subq $double_long_insn, %rax
	show "ip+"
	leaq 8 * 19(%rsp), %rbx
	movq $trap_stack_top - 2048, %rax
	subq %rbx, %rax
	show "stack aligned down by"
	finish

far_code:
	movq $0x100000000, %rax
	jmp *%rax

faults_bad_iret:
	movq %rsp, %rax
	pushq $DS32
	pushq %rax
	pushq $2
	pushq $DS32
	pushq $0
faults_iret:
	iretq
