# SPDX-License-Identifier: Apache-2.0
#
# String instructions with REP in every size, both directions and every address size; flags and
# counts when they stop early; a REP interrupted by a timer, and by a page fault, goes on where
# it was (Intel SDM vol. 2B REP).

.include "lib/guest.inc"
.include "lib/long.inc"
.include "lib/trap32.inc"
.include "lib/trap64.inc"
.include "lib/pic.inc"

.macro result name
	movq %rcx, %rax
	show "\name: rcx"
	leaq buffer, %rax
	subq %rax, %rdi
	movq %rdi, %rax
	show "\name: rdi"
.endm

	.text
	bits 32
main:
	call trap_setup32
	say "32-bit"
	# A 16-bit address size counts in CX, SI and DI only, and they wrap.
	movl $0x10003, %ecx
	movl $0x2fffe, %esi
	movl $0x34000, %edi
	cld
	addr16 rep movsb
	movl %ecx, %eax
	show "addr16: ecx"
	movl %esi, %eax
	show "addr16: esi"
	movl %edi, %eax
	show "addr16: edi"
	enter_long strings_long

	bits 64
strings_long:
	call trap_setup64
	say "64-bit"
	cld
	movabsq $0x1122334455667788, %rax
	.irp size, b, w, l, q
	movq $buffer, %rdi
	movl $5, %ecx
	rep stos\size
	pushq %rax
	result "stos\size"
	popq %rax
	.endr
	movq buffer, %rax
	show "buffer"

	movq $text, %rsi
	movq $buffer, %rdi
	movl $16, %ecx
	rep movsb
	result "movsb"
	std
	movq $text + 12, %rsi
	movq $buffer + 12, %rdi
	movl $3, %ecx
	rep movsl
	result "movsl down"
	cld
	movq buffer, %rax
	show "buffer"

	# Overlap by one byte spreads the first.
	movq $buffer, %rsi
	movq $buffer + 1, %rdi
	movl $7, %ecx
	rep movsb
	movq buffer, %rax
	show "spread"

	movq $buffer, %rdi
	movq $text, %rsi
	movl $16, %ecx
	rep movsb
	movq $text, %rsi
	movq $buffer, %rdi
	movb $'!', buffer + 9
	movl $16, %ecx
	repe cmpsb
	setb %bl
	result "repe cmpsb"
	movzbl %bl, %eax
	show "below"
	movb $'k', %al
	movq $text, %rdi
	movl $16, %ecx
	repne scasb
	setz %bl
	movq %rcx, %rax
	show "repne scasb: rcx"
	movzbl %bl, %eax
	show "found"
	movq $text, %rdi
	movl $4, %ecx
	repne scasb
	setz %bl
	movq %rcx, %rax
	show "not found: rcx"
	movzbl %bl, %eax
	show "found"

	# No iteration: flags and registers stay.
	xorl %ecx, %ecx
	movq $buffer, %rdi
	stc
	repe scasb
	setc %bl
	result "none"
	movzbl %bl, %eax
	show "carry kept"
	# A 32-bit address size takes ECX and clears the upper half of what it writes.
	movabsq $0xffffffff00000002, %rcx
	movl $buffer, %edi
	btsq $40, %rdi
	addr32 rep stosb
	movq %rcx, %rax
	show "addr32: rcx"
	movl $buffer, %eax
	subq %rax, %rdi
	movq %rdi, %rax
	show "addr32: rdi"
	movq $text, %rsi
	lodsq
	show "lodsq"
	movl $3, %ecx
	rep lodsb
	movzbl %al, %eax
	show "rep lodsb"

	say "ports"
	movl $PIC1 + 1, %edx
	movq $masks, %rsi
	movl $3, %ecx
	rep outsb
	inb %dx, %al
	movzbl %al, %eax
	show "rep outsb left"
	movq $buffer, %rdi
	movl $4, %ecx
	rep insb
	movl buffer, %eax
	show "rep insb"

	say "a page fault in the middle"
	movb $0x55, %al
	movl $0x1000, %ecx
	movq $0x100000000 - 0x10, %rdi
	fault "rep stosb", rep stosb
	movq %rcx, %rax
	show "left"
	movq %rdi, %rax
	show "rdi"
	std
	movl $0x20, %ecx
	movq $0x100000007, %rdi
	fault "downwards", rep stosb
	cld
	movq %rcx, %rax
	show "left"

	say "interrupts in the middle"
	call pic_setup
	handler 0x20, tick
	movb $0xfe, %al
	outb %al, $PIC1 + 1
	# PIT channel 0, mode 2, every 1000 clocks: about 838 microseconds.
	movb $0x34, %al
	outb %al, $0x43
	movb $0xe8, %al
	outb %al, $0x40
	movb $0x03, %al
	outb %al, $0x40
	movl $0, ticks
	sti
1:
	movb $0x5a, %al
	movl $BIG, %ecx
	movq $0x1000000, %rdi
	rep stosb
	cmpl $3, ticks
	jb 1b
	cli
	cmpq $0x1000000 + BIG, %rdi
	jne 2f
	testq %rcx, %rcx
	jne 2f
	movl $BIG, %ecx
	movq $0x1000000, %rdi
	repe scasb
	jne 2f
	say "whole"
	cmpl $0, ticks_inside
	je 2f
	say "some came inside"
2:
	finish

.set BIG, 0x200000

tick:
	incl ticks
	movq 8 * 14(%rsp), %rax		# RIP: behind the return address, 11 registers, 2 words
	cmpb $0xf3, (%rax)
	jne 1f
	incl ticks_inside
1:
	movb $0x20, %al
	outb %al, $PIC1
	ret

	.data
	.balign 16
text:
	.ascii "a quick brown fox jumps"
	.skip 9
masks:
	.byte 0x11, 0x22, 0xff
	.bss
	.balign 16
buffer:
	.skip 256
ticks:
	.skip 4
ticks_inside:
	.skip 4
