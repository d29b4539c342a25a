# SPDX-License-Identifier: Apache-2.0
#
# Addresses that nobody claims: reads are all ones in every width, writes are lost, in memory and
# in port space; instructions that read, change and write; SSE and string accesses; across a page.

.include "lib/guest.inc"
.include "lib/long.inc"
.include "lib/trap32.inc"
.include "lib/trap64.inc"

.set HOLE, 0xd0000000

	.text
	bits 32
main:
	enter_long mmio_long

	bits 64
mmio_long:
	call trap_setup64
	movl $HOLE, %ebx
	xorl %eax, %eax
	movb (%rbx), %al
	show "byte"
	xorl %eax, %eax
	movw 1(%rbx), %ax
	show "word"
	movl 3(%rbx), %eax
	show "dword"
	movq 5(%rbx), %rax
	show "qword"
	movq 0xffc(%rbx), %rax
	show "qword across pages"
	movsbq (%rbx), %rax
	show "sign extended"
	movups 0xff8(%rbx), %xmm0
	movq %xmm0, %rax
	show "movups, low"
	psrldq $8, %xmm0
	movq %xmm0, %rax
	show "movups, high"
	movl $0x12345678, (%rbx)
	movl (%rbx), %eax
	show "after a write"
	movl $1, %eax
	lock xaddl %eax, (%rbx)
	show "xadd"
	movl $0x5555, %eax
	xchgl %eax, (%rbx)
	show "xchg"
	movl $-1, %eax
	movl $7, %ecx
	lock cmpxchgl %ecx, (%rbx)
	setz %al
	movzbl %al, %eax
	show "cmpxchg equal"
	andl $0xf0f0, (%rbx)
	pushfq
	popq %rax
	andl $0xc5, %eax		# SF, ZF, PF, CF
	show "flags of and"
	movq %rbx, %rsi
	movq $buffer, %rdi
	movl $5, %ecx
	cld
	rep movsw
	movq buffer, %rax
	show "rep movsw, low"
	movq buffer + 8, %rax
	show "rep movsw, high"
	pushq 8(%rbx)
	popq %rax
	show "pushed"

	say "ports"
	movw $0x1234, %dx
	xorl %eax, %eax
	inb %dx, %al
	show "byte"
	xorl %eax, %eax
	inw %dx, %ax
	show "word"
	inl %dx, %eax
	show "dword"
	outl %eax, %dx
	movw $0xffff, %dx
	xorl %eax, %eax
	inb %dx, %al
	show "last port"

	say "behind the RAM"
	movl $0x8000000, %ebx		# -m 128
	movq (%rbx), %rax
	show "qword"
	movq $0x1122334455667788, %rax
	movq %rax, -4(%rbx)
	movq -4(%rbx), %rax
	show "half in it"
	finish

	.bss
	.balign 16
buffer:
	.skip 16
