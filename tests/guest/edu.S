# SPDX-License-Identifier: Apache-2.0
#
# -device edu, as a driver finds and uses it: configuration space, a base address register, its
# registers, a factorial with an interrupt at its end, and DMA to the device and back.

.include "lib/guest.inc"
.include "lib/long.inc"
.include "lib/trap32.inc"
.include "lib/trap64.inc"
.include "lib/pic.inc"

.set PCI_ADDRESS, 0xcf8
.set PCI_DATA, 0xcfc
.set EDU, 0xd0000000		# where this guest puts it
.set BUFFER, 0x40000		# as its DMA sees it
.set SIZE, 4096
.set SOURCE, 0x400000		# in RAM
.set COPY, 0x410000

# A register of the configuration space at %ebx.
.macro config_read register
	leal 0x80000000 + \register(%rbx), %eax
	movl $PCI_ADDRESS, %edx
	outl %eax, %dx
	movl $PCI_DATA, %edx
	inl %dx, %eax
.endm

.macro config_write register, value
	leal 0x80000000 + \register(%rbx), %eax
	movl $PCI_ADDRESS, %edx
	outl %eax, %dx
	movl $PCI_DATA, %edx
	movl $\value, %eax
	outl %eax, %dx
.endm

.macro edu_write register, value
	movl $\value, \register(%rbp)
.endm

# Sleeps until the interrupt has come that often.
.macro sleep_until count
	cli
sleep_more\@:
	cmpl $\count, counter
	jae sleep_done\@
	sti
	hlt
	cli
	jmp sleep_more\@
sleep_done\@:
.endm

# Moves all of the buffer; command 5 or 7: run, interrupt, to memory.
.macro transfer source, destination, command
	movq $\source, 0x80(%rbp)
	movq $\destination, 0x88(%rbp)
	movq $SIZE, 0x90(%rbp)
	movl $\command, 0x98(%rbp)
.endm

	.text
	bits 32
main:
	enter_long edu_long

	bits 64
edu_long:
	call trap_setup64
	call pic_setup
	handler 0x2b, edu_interrupt
	movb $0xfb, %al			# IRQ 11, and the cascade
	outb %al, $PIC1 + 1
	movb $0xf7, %al
	outb %al, $PIC2 + 1

	say "configuration"
	movl $0, %ebx
1:
	config_read 0
	cmpl $0x11e81234, %eax
	je 2f
	addl $0x800, %ebx
	cmpl $0x10000, %ebx
	jb 1b
	say "there is no edu"
	finish
2:
	config_read 8
	show "class and revision"
	config_write 0x10, 0xffffffff
	config_read 0x10
	show "size of its registers"
	config_write 0x10, EDU
	config_read 0x3c
	andl $0xff00, %eax
	show "pin"
	movl $EDU, %ebp
	movl (%rbp), %eax
	show "before it is switched on"
	config_write 4, 6			# memory, bus master

	say "registers"
	movl (%rbp), %eax
	show "identification"
	edu_write 4, 0x12345678
	movl 4(%rbp), %eax
	show "liveness"
	edu_write 8, 10
1:
	movl 0x20(%rbp), %eax
	testl $1, %eax
	jnz 1b
	movl 8(%rbp), %eax
	show "10!"

	say "interrupts"
	edu_write 0x20, 0x80
	edu_write 8, 12
	sleep_until 1
	movl 8(%rbp), %eax
	show "12!"
	movl reason, %eax
	show "reason"
	edu_write 0x60, 0x1234
	sleep_until 2
	movl reason, %eax
	show "raised"
	movl 0x24(%rbp), %eax
	show "after acknowledge"
	config_read 4
	testl $0x80000, %eax
	setnz %al
	movzbl %al, %eax
	show "pin asserted"

	say "dma"
	movl $SOURCE, %edi
	movl $SIZE, %ecx
1:
	imull $37, %ecx, %eax
	stosb
	loop 1b
	transfer SOURCE, BUFFER, 5
	sleep_until 3
	movl reason, %eax
	show "to the device"
	transfer BUFFER, COPY, 7
	sleep_until 4
	movl reason, %eax
	show "and back"
	movl $SOURCE, %esi
	movl $COPY, %edi
	movl $SIZE, %ecx
	repe cmpsb
	setz %al
	movzbl %al, %eax
	show "the same"
	finish

edu_interrupt:
	incl counter
	movl 0x24(%rbp), %eax
	movl %eax, reason
	movl %eax, 0x64(%rbp)
	movb $0x20, %al
	outb %al, $PIC2
	outb %al, $PIC1
	ret

	.bss
	.balign 4
counter:
	.skip 4
reason:
	.skip 4
