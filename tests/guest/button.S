# SPDX-License-Identifier: Apache-2.0
#
# Asleep until somebody presses the power button, twice: the ACPI event is counted, cleared and said
# (ACPI 6.3, 4.8.3.1). What is typed in between comes in its place.

.include "lib/guest.inc"
.include "lib/long.inc"
.include "lib/trap32.inc"
.include "lib/trap64.inc"
.include "lib/pic.inc"

.set PM1_STATUS, 0x600
.set PM1_ENABLE, 0x602
.set SMI_COMMAND, 0xb2
.set POWER_BUTTON, 0x100

	.text
	bits 32
main:
	enter_long button

	bits 64
button:
	call trap_setup64
	call pic_setup
	handler 0x24, received
	handler 0x29, pressed
	movw $COM1 + 4, %dx
	movb $0x0b, %al			# DTR, RTS, OUT2
	outb %al, %dx
	movw $COM1 + 1, %dx
	movb $0x01, %al			# received data
	outb %al, %dx
	movb $0xf1, %al			# ACPI on: SCI_EN
	outb %al, $SMI_COMMAND
	movw $PM1_ENABLE, %dx
	movw $POWER_BUTTON, %ax
	outw %ax, %dx
	movw $0x4d1, %dx		# IRQ 9 is SCI, by level
	movb $0x02, %al
	outb %al, %dx
	movb $0xeb, %al			# IRQ 4 and the cascade
	outb %al, $PIC1 + 1
	movb $0xfd, %al
	outb %al, $PIC2 + 1
	say "ready"
1:
	sti
	hlt
	cli
	cmpb $2, presses
	jb 1b
	finish

received:
	call drain
	movb $0x20, %al
	outb %al, $PIC1
	ret

drain:
	movw $COM1 + 5, %dx
	inb %dx, %al
	testb $1, %al
	jz 1f
	movw $COM1, %dx
	inb %dx, %al
	call putc64
	jmp drain
1:
	ret

pressed:
	call drain			# IRQ 9 goes before IRQ 4
	movw $PM1_STATUS, %dx
	inw %dx, %ax
	testw $POWER_BUTTON, %ax
	jz 1f
	movw $POWER_BUTTON, %ax
	outw %ax, %dx
	incb presses
	say "pressed"
1:
	movb $0x20, %al
	outb %al, $PIC2
	outb %al, $PIC1
	ret

	.data
presses:
	.byte 0
