# SPDX-License-Identifier: Apache-2.0
#
# Address line 20 by port 0x92 and by the keyboard controller: masked, FFFF:0510 is 0000:0500.
# The code that masks it runs in real mode below 1 MiB.

.include "lib/guest.inc"
.include "lib/long.inc"
.include "lib/real.inc"

	.text
	bits 32
main:
	call_real a20_real
	finish

	.section .low, "awx"
	bits 16
a20_real:
	movw $0xffff, %ax
	movw %ax, %es
	movl $0x11111111, 0x500
	movb $2, %al
	outb %al, $0x92
	real_say "on"
	movl %es:0x510, %ebx		# whatever is at 1 MiB + 0x500
	movl $0x22222222, %es:0x510
	movl 0x500, %eax
	call real_puthex
	inb $0x92, %al
	movzbl %al, %eax
	andb $2, %al
	call real_puthex

	xorb %al, %al
	outb %al, $0x92
	movl %es:0x510, %eax
	movl %eax, a20_seen
	movl $0x33333333, %es:0x510
	movl 0x500, %eax
	movl %eax, a20_low
	movb $2, %al
	outb %al, $0x92
	real_say "off by port 92"
	movl a20_seen, %eax
	call real_puthex
	movl a20_low, %eax
	call real_puthex
	movl %es:0x510, %eax
	call real_puthex

	movb $0xdd, %al
	call a20_keyboard
	movl %es:0x510, %eax
	movl %eax, a20_seen
	movb $0xdf, %al
	call a20_keyboard
	real_say "off by the keyboard controller"
	movl a20_seen, %eax
	call real_puthex
	real_say "on by the keyboard controller"
	movl %es:0x510, %eax
	call real_puthex
	movl %ebx, %es:0x510
	ret

# Writes %al to the output port: its bit 1 is A20.
a20_keyboard:
	movb %al, %ah
1:
	inb $0x64, %al
	testb $2, %al
	jnz 1b
	movb $0xd1, %al
	outb %al, $0x64
2:
	inb $0x64, %al
	testb $2, %al
	jnz 2b
	movb %ah, %al
	outb %al, $0x60
3:
	inb $0x64, %al
	testb $2, %al
	jnz 3b
	ret

a20_seen:
	.long 0
a20_low:
	.long 0
