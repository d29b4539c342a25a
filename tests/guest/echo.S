# SPDX-License-Identifier: Apache-2.0
#
# Sends what it receives on COM1 back in capitals, asleep until it comes; "q" ends it.

.include "lib/guest.inc"
.include "lib/long.inc"
.include "lib/trap32.inc"
.include "lib/trap64.inc"
.include "lib/pic.inc"

	.text
	bits 32
main:
	enter_long echo

	bits 64
echo:
	call trap_setup64
	call pic_setup
	handler 0x24, received
	movw $COM1 + 2, %dx
	movb $0x07, %al			# FIFOs on and empty, trigger at 1
	outb %al, %dx
	movw $COM1 + 4, %dx
	movb $0x0b, %al			# DTR, RTS, OUT2
	outb %al, %dx
	movw $COM1 + 1, %dx
	movb $0x01, %al			# received data
	outb %al, %dx
	movb $0xef, %al
	outb %al, $PIC1 + 1
	say "ready"
1:
	sti
	hlt
	cli
	jmp 1b

received:
	movw $COM1 + 5, %dx
	inb %dx, %al
	testb $1, %al
	jz 2f
	movw $COM1, %dx
	inb %dx, %al
	cmpb $'q', %al
	je 3f
	cmpb $'a', %al
	jb 1f
	cmpb $'z', %al
	ja 1f
	subb $'a' - 'A', %al
1:
	call putc64
	jmp received
2:
	movb $0x20, %al
	outb %al, $PIC1
	ret
3:
	finish
