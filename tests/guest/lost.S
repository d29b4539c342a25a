# SPDX-License-Identifier: Apache-2.0
#
# Asks COM1 for a character until one comes, and goes a way that depends on it: "a" waits between
# exits for one tick of the timer and ends; the others never end, nor do they make an exit. For
# replays of recordings in which another character came.

.include "lib/guest.inc"
.include "lib/long.inc"
.include "lib/trap32.inc"
.include "lib/trap64.inc"
.include "lib/pic.inc"

	.text
	bits 32
main:
	enter_long lost

	bits 64
lost:
	call trap_setup64
	call pic_setup
	handler 0x20, tick
	movb $0xfe, %al
	outb %al, $PIC1 + 1
	say "ready"
	movw $COM1 + 5, %dx
1:
	inb %dx, %al
	testb $1, %al
	jz 1b
	movw $COM1, %dx
	inb %dx, %al
	movzbl %al, %r8d
	cmpb $'h', %al
	je here
	cmpb $'c', %al
	je count
	cmpb $'s', %al
	je store
	movb $0x30, %al			# PIT channel 0, mode 0: one tick in 0.8 ms
	outb %al, $0x43
	movb $0xe8, %al
	outb %al, $0x40
	movb $0x03, %al
	outb %al, $0x40
	sti
wait:
	cmpl $0, ticks			# "a"; "t" too, in a state that the recording never had
	jz wait
	cli
	say "ended"
	finish

here:
	jmp here			# the same state again at once

count:
	incq %rax			# never the same state
	jmp count

store:
	leaq buffer, %rdi		# the same states every 65,538 instructions
	movl $0x10000, %ecx
	rep stosb
	jmp store

tick:
	incl ticks
	movb $0x20, %al
	outb %al, $PIC1
	ret

	.bss
	.balign 4096
buffer:
	.skip 0x10000
ticks:
	.skip 4
