# SPDX-License-Identifier: Apache-2.0
#
# Ring 3 in 64-bit mode: in by IRETQ, SYSRETQ and SYSEXITQ, out by SYSCALL, SYSENTER, INT and faults
# (Intel SDM vol. 2B SYSCALL, SYSRET, SYSENTER, SYSEXIT; vol. 1 19.5 for the I/O permission map;
# vol. 3A 6.15 for #AC).

.include "lib/guest.inc"
.include "lib/long.inc"
.include "lib/trap32.inc"
.include "lib/trap64.inc"

.set STAR, 0xc0000081
.set STAR_HIGH, USER_CS32 << 16 | CS32
.set LSTAR, 0xc0000082
.set FMASK, 0xc0000084
.set SYSENTER_CS, 0x174
.set SYSENTER_ESP, 0x175
.set SYSENTER_EIP, 0x176

.macro set_msr index, high, low
	movl $\index, %ecx
	movl $\high, %edx
	movl $\low, %eax
	wrmsr
.endm

# fault_at for one instruction run in ring 3.
.macro user_fault name, insn:vararg
	.pushsection .text, 1
user_code\@:
	\insn
	ud2
	.popsection
	movq $user_code\@, %r15
	fault_at "\name", user_code\@, call user_enter
.endm

	.text
	bits 32
main:
	enter_long syscalls_long

	bits 64
syscalls_long:
	call trap_setup64
	orb $0x60, idt + 16 * 0x80 + 5	# INT 0x80 for ring 3

	say "faults from ring 3"
	user_fault "nop and ud2", nop
	movq trap_cs, %rax
	show "cs"
	user_fault "hlt", hlt
	user_fault "cli", cli
	user_fault "rdmsr", rdmsr
	user_fault "mov to cr3", movq %rax, %cr3
	user_fault "mov from dr0", movq %dr0, %rax
	user_fault "lgdt", lgdt gdt_pointer
	user_fault "lmsw", lmsw %ax
	user_fault "invlpg", invlpg 0
	user_fault "swapgs", swapgs
	user_fault "sysret", sysretq
	user_fault "wbinvd", wbinvd
	user_fault "int 0x80", int $0x80
	user_fault "int 0x81", int $0x81
	user_fault "int3 below the gate", int3
	movl $DS32, %eax
	user_fault "ds of ring 0", movl %eax, %ds
	user_fault "ss of ring 0", movl %eax, %ss

	say "ports"
	user_fault "in 0x80", inb $0x80, %al
	orb $1, tss_io_map + 0x80 / 8
	user_fault "in 0x80 denied", inb $0x80, %al
	user_fault "in 0x81", inb $0x81, %al
	user_fault "inw 0x7f", inw $0x7f, %ax
	movw $tss_end - tss, tss + 102
	user_fault "in 0x81 without a map", inb $0x81, %al
	movw $104, tss + 102

	say "alignment"
	movq %cr0, %rax
	orl $0x40000, %eax
	movq %rax, %cr0
	movq $words + 1, %rbx
	movq $0x40000, user_flags
	user_fault "dword at an odd address", movl (%rbx), %eax
	user_fault "byte at an odd address", movb (%rbx), %al
	user_fault "movaps at an odd address", movaps (%rbx), %xmm0
	movq $0, user_flags
	user_fault "without eflags.ac", movl (%rbx), %eax
	pushq $0x40002
	popfq
	fault "in ring 0", movl (%rbx), %eax
	pushq $2
	popfq

	say "syscall"
	# SYSCALL: CS = 0x08, a flat code segment whatever the GDT says; SYSRET: base 0x30.
	set_msr STAR, STAR_HIGH, 0
	set_msr LSTAR, 0, syscall_entry
	set_msr FMASK, 0, 0x700		# TF, IF, DF
	movq %rsp, kernel_stack
	movq $syscall_user, %r15
	movq $0x400, user_flags		# DF
	jmp user_enter
syscall_entry:
	movq %rsp, user_stack
	movq kernel_stack, %rsp
	pushq %rcx
	pushq %r11
	movq %rcx, %rax
	subq $syscall_user, %rax
	show "rcx+"
	movq %r11, %rax
	show "r11"
	pushfq
	popq %rax
	andl $0x700, %eax
	show "flags"
	movl %cs, %eax
	show "cs"
	movl %ss, %eax
	show "ss"
	popq %r11
	popq %rcx
	cmpl $1, %edi
	je syscall_second
	sysretq
syscall_second:
	movq %rbx, %rax
	show "user flags after sysret"
	movq %rbp, %rax
	show "user cs"
	movq %r12, %rax
	show "user ss"

	say "syscall switched off"
	movl $0xc0000080, %ecx
	rdmsr
	andl $0xfffffffe, %eax
	wrmsr
	fault "syscall", syscall

	say "sysenter"
	fault "without a segment", sysenter
	set_msr SYSENTER_CS, 0, CS32
	set_msr SYSENTER_ESP, 0, stack_top-4096
	set_msr SYSENTER_EIP, 0, sysenter_entry
	movq $0, user_flags
	movq $sysenter_user, %r15
	jmp user_enter
sysenter_entry:
	leaq stack_top - 4096, %rax
	subq %rsp, %rax
	show "rsp below"
	movl %cs, %eax
	show "cs"
	movl %ss, %eax
	show "ss"
	cmpl $1, %edi
	je 1f
	movl $1, %edi
	movq $sysenter_user, %rdx
	movq $user_stack_top, %rcx
	sysexitq
1:
	movl %ebp, %eax
	show "user cs"
	movl %r12d, %eax
	show "user ss"

	say "int 0x80"
	handler 0x80, int_entry
	movl $0x1234, %ebx
	movq $int_user, %r15
	movq kernel_stack, %rsp
	fault_at "ud2 behind", int_user, call user_enter
	movl %ebx, %eax
	show "ebx"
	finish

int_entry:
	movl $0x5678, %ebx	# lost: the handler restores it
	ret

# To ring 3 at %r15, with user_flags.
user_enter:
	pushq $USER_DS
	pushq $user_stack_top
	pushq user_flags
	pushq $USER_CS
	pushq %r15
	iretq

syscall_user:
	syscall
	pushfq
	popq %rbx
	movl %cs, %ebp
	movl %ss, %r12d
	movl $1, %edi
	cld
	syscall

sysenter_user:
	movl %cs, %ebp
	movl %ss, %r12d
	sysenter

int_user:
	int $0x80
	ud2

	.bss
	.balign 16
words:
	.skip 32
user_flags:
	.skip 8
kernel_stack:
	.skip 8
user_stack:
	.skip 8
	.skip 1024
user_stack_top:
