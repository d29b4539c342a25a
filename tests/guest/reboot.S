# SPDX-License-Identifier: Apache-2.0
#
# Resets by every register that has one: port 0x92, 0xcf9, the keyboard controller; then soft-off.
# CMOS memory, which a reset leaves alone, counts the boots.

.include "lib/guest.inc"

.set MAGIC, 0x51
.set COUNT, 0x52

.macro cmos_read index
	movb $\index, %al
	outb %al, $0x70
	inb $0x71, %al
	movzbl %al, %eax
.endm

	.text
	bits 32
main:
	cmos_read MAGIC
	cmpb $0x77, %al
	je 1f
	movb $MAGIC, %al
	outb %al, $0x70
	movb $0x77, %al
	outb %al, $0x71
	movb $COUNT, %al
	outb %al, $0x70
	movb $0, %al
	outb %al, $0x71
1:
	cmos_read COUNT
	show "resets"
	movl %eax, %ebx
	movb $COUNT, %al
	outb %al, $0x70
	movb %bl, %al
	incb %al
	outb %al, $0x71
	cmpl $0, fresh			# the image is loaded anew each time
	jne broken
	movl $1, fresh

	cmpb $1, %bl
	jb by_92
	je by_cf9
	cmpb $3, %bl
	jb by_keyboard

	say "soft-off"
	movw $PM1_CONTROL, %dx
	movw $0x2000, %ax
	outw %ax, %dx
	jmp stop

by_92:
	say "port 92"
	movb $1, %al
	outb %al, $0x92
	jmp stop
by_cf9:
	say "port cf9"
	movw $0xcf9, %dx
	movb $2, %al
	outb %al, %dx
	movb $6, %al
	outb %al, %dx
	jmp stop
by_keyboard:
	say "keyboard controller"
	movb $0xfe, %al
	outb %al, $0x64
stop:
	cli
	hlt
	jmp stop
broken:
	say "memory as it was"
	finish

	.data
fresh:
	.long 0
