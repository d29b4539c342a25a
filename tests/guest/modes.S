# SPDX-License-Identifier: Apache-2.0
#
# Through every mode of the processor and back (Intel SDM vol. 3A 9.8, 9.9, 20.2; vol. 3A 2.2):
# protected 32-bit, real, "unreal", protected 16-bit, virtual-8086, 64-bit, compatibility,
# and out of long mode again.

.include "lib/guest.inc"
.include "lib/long.inc"
.include "lib/real.inc"
.include "lib/trap32.inc"
.include "lib/trap64.inc"

	.text
	bits 32
main:
	call trap_setup32
	say "protected 32-bit"
	movl %cr0, %eax
	andl $1, %eax
	show "cr0.pe"
	movl %esp, %ebx
	pushl $0x12345
	subl %esp, %ebx
	movl %ebx, %eax
	show "push size"
	popl %ebx

	call_real modes_real
	show "eax from real mode"

	say "protected 16-bit"
	movl $0x11112222, %eax
	lcall $CS16, $modes_16
	show "eax from 16-bit code"

	say "virtual-8086"
	fault_at "hlt in v86", v86_hlt, call v86_enter
	movl trap_flags, %eax
	andl $0x20000, %eax
	show "eflags.vm"
	movl trap_cs, %eax
	show "cs"
	movl v86_linear, %eax
	show "written at 1234:5678"

	enter_long modes_long

# Enters virtual-8086 code: the fault in it is what comes back.
v86_enter:
	.irp segment, gs, fs, ds, es
	pushl $0x1234
	.endr
	pushl $0		# ss
	pushl $real_stack_top
	pushl $0x23002		# VM, IOPL 3
	pushl $0		# cs
	pushl $v86_code
	iretl

	.set v86_linear, 0x12340 + 0x5678

	bits 64
modes_long:
	call trap_setup64
	say "64-bit"
	movq %rsp, %rbx
	pushq $-1
	subq %rsp, %rbx
	popq %rax
	show "pushed -1"
	movq %rbx, %rax
	show "push size"
	movl $0x80000000, %eax
	movq $0x1111111111111111, %rax
	movl $0x80000000, %eax
	show "32-bit result is zero extended"
	movw $-1, %ax
	show "16-bit result is merged"
	movl $0xc0000080, %ecx
	rdmsr
	andl $0x500, %eax
	show "efer.lma and lme"

	pushq $CS32
	pushq $modes_compat
	lretq

	bits 32
modes_compat:
	say "compatibility"
	movl %esp, %ebx
	pushl $-1
	subl %esp, %ebx
	movl %ebx, %eax
	show "push size"
	popl %ebx
	movl $7, %eax
	.byte 0x48		# DEC %eax here, REX.W in 64-bit mode
	nop
	show "byte 48 is dec"
	ljmp $CS64, $modes_again

	bits 64
modes_again:
	movl $7, %eax
	.byte 0x48
	nop
	show "byte 48 is rex.w"
	pushq $CS32
	pushq $modes_leave
	lretq

	bits 32
modes_leave:
	movl %cr0, %eax
	andl $0x7fffffff, %eax
	movl %eax, %cr0
	movl $0xc0000080, %ecx
	rdmsr
	andl $0xfffffeff, %eax
	wrmsr
	andl $0x500, %eax
	show "efer.lma and lme"
	say "protected 32-bit again"
	call_real modes_real_again
	say "done"
	finish

	.section .low, "awx"
	bits 16
modes_real:
	real_say "real"
	smsw %ax
	andl $1, %eax
	call real_puthex

	# INT through the IVT.
	movw $modes_int60, 4 * 0x60
	movw %cs, 4 * 0x60 + 2
	movl $0x1234, %eax
	int $0x60
	call real_puthex

	# Wrap within a segment is not wrap within memory: 0010:0000 is 0000:0100.
	movl $0xabcd0123, modes_word
	movw $modes_word, %ax
	shrw $4, %ax
	movw %ax, %es
	movl %es:0, %eax
	call real_puthex

	real_say "unreal"
	movl %cr0, %eax
	orb $1, %al
	movl %eax, %cr0
	movw $DS32, %bx
	movw %bx, %fs
	andb $0xfe, %al
	movl %eax, %cr0
	movl $unreal_word, %ebx
	movl %fs:(%ebx), %eax
	call real_puthex
	movl $0x600d600d, %eax
	ret

modes_int60:
	incw %ax
	iret

modes_real_again:
	real_say "real again"
	ret

# Called far with a 32-bit return address.
modes_16:
	movw %sp, %bx
	pushw %ax
	subw %sp, %bx
	popw %ax
	movw %bx, %ax
	lretl

v86_code:
	real_say "in v86"
	movl $0xcafe, %eax
	movw $0x5678, %bx
	movl %eax, (%bx)
v86_hlt:
	hlt

	.balign 16
modes_word:
	.long 0

	.data
unreal_word:
	.long 0x1badf00d
