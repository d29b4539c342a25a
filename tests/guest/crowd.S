# SPDX-License-Identifier: Apache-2.0
#
# A timer at 500 Hz and COM1 under a flood of input, with interrupts mostly off and exits in plenty:
# so both often come to the same exit. Ticks and characters are added up, in stretches that halt,
# that wait between exits, and that only make exits; "q" ends it and shows that something came.

.include "lib/guest.inc"
.include "lib/long.inc"
.include "lib/trap32.inc"
.include "lib/trap64.inc"
.include "lib/pic.inc"

	.text
	bits 32
main:
	enter_long crowd

	bits 64
crowd:
	call trap_setup64
	call pic_setup
	handler 0x20, tick
	handler 0x24, received
	movb $0x34, %al			# PIT channel 0, mode 2, 2386 clocks: 500 Hz
	outb %al, $0x43
	movb $0x52, %al
	outb %al, $0x40
	movb $0x09, %al
	outb %al, $0x40
	movw $COM1 + 2, %dx
	movb $0x07, %al			# FIFOs on and empty, trigger at 1
	outb %al, %dx
	movw $COM1 + 4, %dx
	movb $0x0b, %al			# DTR, RTS, OUT2
	outb %al, %dx
	movw $COM1 + 1, %dx
	movb $0x01, %al			# received data
	outb %al, %dx
	movb $0xee, %al
	outb %al, $PIC1 + 1
	say "ready"
again:
	movl $20, %ebx			# exits, interrupts off
1:
	outb %al, $0x80
	decl %ebx
	jnz 1b
	sti
	outb %al, $0x80			# one exit at which they may come
	cli
	movl ticks, %ebx		# no exit until a tick
	sti
1:
	cmpl ticks, %ebx
	jz 1b
	cli
	outb %al, $0x80
	sti
	hlt
	cli
	jmp again

tick:
	incl ticks
	movb $0x20, %al
	outb %al, $PIC1
	ret

received:
	movw $COM1 + 5, %dx
	inb %dx, %al
	testb $1, %al
	jz 1f
	movw $COM1, %dx
	inb %dx, %al
	cmpb $'q', %al
	je 2f
	movzbl %al, %eax
	addl %eax, sum
	jmp received
1:
	movb $0x20, %al
	outb %al, $PIC1
	ret
2:
	movb $0x20, %al
	outb %al, $PIC1
	cmpl $0, ticks
	je 3f
	cmpl $0, sum
	je 3f
	say "ticks and characters came"
3:
	finish

	.bss
	.balign 16
ticks:
	.skip 4
sum:
	.skip 4
