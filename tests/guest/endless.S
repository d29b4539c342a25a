# SPDX-License-Identifier: Apache-2.0
#
# Never ends: computes, prints and sleeps in turns, so that a trace of it grows steadily. For the
# tests of how sessions are ended from outside.

.include "lib/guest.inc"
.include "lib/long.inc"
.include "lib/trap32.inc"
.include "lib/trap64.inc"
.include "lib/pic.inc"

	.text
	bits 32
main:
	enter_long endless

	bits 64
endless:
	call trap_setup64
	call pic_setup
	handler 0x20, tick
	movb $0xfe, %al
	outb %al, $PIC1 + 1
	movb $0x34, %al			# PIT channel 0, mode 2, 11932 clocks: 100 Hz
	outb %al, $0x43
	movb $0x9c, %al
	outb %al, $0x40
	movb $0x2e, %al
	outb %al, $0x40
	movl $0x12345678, %ebx
again:
	# Xorshift over 64 KiB: pages get dirty in no order.
	movl $2000, %ecx
1:
	movl %ebx, %eax
	shll $13, %eax
	xorl %eax, %ebx
	movl %ebx, %eax
	shrl $17, %eax
	xorl %eax, %ebx
	movl %ebx, %eax
	shll $5, %eax
	xorl %eax, %ebx
	movzwl %bx, %eax
	addl %ebx, work(%rax)
	loop 1b
	movl %ebx, %eax
	show "random"
	sti
	hlt
	cli
	jmp again

tick:
	movb $0x20, %al
	outb %al, $PIC1
	ret

	.bss
	.balign 4096
work:
	.skip 65536 + 4
