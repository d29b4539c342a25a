# SPDX-License-Identifier: Apache-2.0
#
# Accesses to device memory by instructions that a hypervisor's own emulator of instructions often
# does not know: SSE moves, MOVNTI, CMPXCHG, XADD, bit tests, the stack, strings across a page, and
# one that is fetched from where no memory is. Each must do what it does on a processor.

.include "lib/guest.inc"
.include "lib/long.inc"
.include "lib/trap32.inc"
.include "lib/trap64.inc"

.set HOLE, 0xd0000000
.set VGA, 0xb8000
.set RAM_END, 0x8000000			# -m 128: behind it nobody is

	.text
	bits 32
main:
	enter_long fallback_long

	bits 64
fallback_long:
	call trap_setup64
	movl $HOLE, %ebx

	movups (%rbx), %xmm0
	movups %xmm0, 0x40(%rbx)
	movq %xmm0, %rax
	show "movups"
	movdqu 8(%rbx), %xmm1
	movdqu %xmm1, 0x60(%rbx)
	movhlps %xmm1, %xmm1
	movq %xmm1, %rax
	show "movdqu"
	movdqa 0x10(%rbx), %xmm2
	movq %xmm2, %rax
	show "movdqa"
	movl $0x1234, %eax
	movnti %eax, (%rbx)
	movl (%rbx), %eax
	show "movnti"
	movl $-1, %eax
	movl $7, %ecx
	lock cmpxchgl %ecx, (%rbx)
	setz %al
	movzbl %al, %eax
	show "cmpxchg equal"
	movl $1, %eax
	movl $7, %ecx
	cmpxchgl %ecx, (%rbx)
	show "cmpxchg different"
	movl $1, %eax
	lock xaddl %eax, (%rbx)
	show "xadd"
	btsl $3, (%rbx)
	setc %al
	movzbl %al, %eax
	show "bts"
	xorl %eax, %eax
	setz (%rbx)
	incl (%rbx)
	shll $1, (%rbx)
	addl $1, %eax
	adcl (%rbx), %eax
	show "adc"
	movq $2, %rax
	mulq (%rbx)
	show "mul"
	cmoveq (%rbx), %rax
	cmovneq (%rbx), %rax
	show "cmov"
	fninit
	fildl (%rbx)
	fistpl buffer
	movl buffer, %eax
	show "fild"

	pushq 8(%rbx)
	popq %rax
	show "push from mmio"
	movq $0x1122334455667788, %rax
	pushq %rax
	popq 8(%rbx)
	movq %rsp, %rbp
	leaq 0x800(%rbx), %rsp
	popq %rax
	movq %rbp, %rsp
	show "pop from mmio"

	# From RAM into what lies behind it, and back: the move crosses a page between them.
	movl $RAM_END - 12, %edi
	movq %rdi, %rsi
	movl $0x11111111, (%rdi)
	movl $0x22222222, 4(%rdi)
	movl $0x33333333, 8(%rdi)
	movq $text, %rsi
	movl $8, %ecx
	cld
	rep movsl
	movl RAM_END - 12, %eax
	show "rep movs, in RAM"
	movl RAM_END - 4, %eax
	show "rep movs, last in RAM"
	movl RAM_END, %eax
	show "rep movs, behind it"
	movl $RAM_END - 6, %esi
	movq $buffer, %rdi
	movl $3, %ecx
	rep movsl
	movl buffer, %eax
	show "one item in RAM"
	movl buffer + 4, %eax
	show "one item in both"
	movl buffer + 8, %eax
	show "one item behind"
	std
	movl $VGA + 0x1004, %edi
	movl $4, %ecx
	movl $0x5a5a5a5a, %eax
	rep stosl
	cld
	movl %edi, %eax
	show "stos downwards"

	# There is no code: what is fetched are ones, which are no instruction.
	movl $HOLE + 0x100, %eax
	fault_at "a jump into nothing", HOLE + 0x100, jmp *%rax
	finish

	.section .rodata
text:
	.ascii "0123456789abcdefghijklmnopqrstuv"
	.bss
	.balign 16
buffer:
	.skip 16
