# SPDX-License-Identifier: Apache-2.0
#
# MC146818: what date the machine starts with (-rtc base=2026-01-01, a Thursday), the data modes,
# setting the time, the alarm, the flags of register C, CMOS memory (data sheet, "Registers").

.include "lib/guest.inc"
.include "lib/long.inc"
.include "lib/trap32.inc"
.include "lib/trap64.inc"
.include "lib/pic.inc"

.macro cmos_read index
	movb $\index, %al
	outb %al, $0x70
	inb $0x71, %al
	movzbl %al, %eax
.endm

.macro cmos_write index, value
	movb $\index, %al
	outb %al, $0x70
	movb $\value, %al
	outb %al, $0x71
.endm

.macro show_cmos name, index
	cmos_read \index
	show "\name"
.endm

	.text
	bits 32
main:
	enter_long rtc_long

	bits 64
rtc_long:
	call trap_setup64
	call pic_setup
	handler 0x28, rtc_updated
	movb $0xfb, %al
	outb %al, $PIC1 + 1
	movb $0xfe, %al
	outb %al, $PIC2 + 1
	show_cmos "hours", 4
	show_cmos "minutes", 2
	show_cmos "day", 7
	show_cmos "month", 8
	show_cmos "year", 9
	show_cmos "century", 0x32
	show_cmos "weekday", 6
	show_cmos "register d", 0x0d
	cmos_read 0x0b
	andl $0x87, %eax
	show "register b"
	cmos_read 0x0a
	andl $0x7f, %eax
	show "register a"

	say "cmos memory"
	cmos_write 0x55, 0xa5
	cmos_write 0x56, 0x5a
	show_cmos "55", 0x55
	show_cmos "56", 0x56
	cmos_write 0x0d, 0
	show_cmos "register d is read only", 0x0d

	say "set to 23:59:59 on 2024-02-28, BCD, 24 hours"
	cmos_write 0x0b, 0x82
	cmos_write 0x00, 0x59
	cmos_write 0x02, 0x59
	cmos_write 0x04, 0x23
	cmos_write 0x06, 0x04
	cmos_write 0x07, 0x28
	cmos_write 0x08, 0x02
	cmos_write 0x09, 0x24
	cmos_write 0x32, 0x20
	cmos_write 0x0b, 0x02
	show_cmos "seconds", 0
	# An alarm one second later: midnight, and don't-care hours (11xxxxxx).
	cmos_write 0x01, 0x00
	cmos_write 0x03, 0x00
	cmos_write 0x05, 0xc0
	cmos_read 0x0c
	cmos_write 0x0b, 0x12		# interrupt when an update ended
	sti
	hlt
	cli
	movzbl flags, %eax
	andl $0xb0, %eax		# IRQF, AF, UF
	show "register c: alarm and update"
	cmos_read 0x0c
	andl $0xb0, %eax
	show "read again"
	cmos_write 0x0b, 0x02
	show_cmos "seconds", 0
	show_cmos "minutes", 2
	show_cmos "hours", 4
	show_cmos "day", 7
	show_cmos "month", 8
	show_cmos "weekday", 6

	say "binary, 12 hours"
	cmos_write 0x0b, 0x84
	cmos_write 0x00, 30
	cmos_write 0x02, 59
	cmos_write 0x04, 0x8c		# 12 p.m.
	cmos_write 0x06, 5
	cmos_write 0x07, 29
	cmos_write 0x08, 2
	cmos_write 0x09, 24
	cmos_write 0x32, 20
	cmos_write 0x0b, 0x04
	show_cmos "hours", 4
	show_cmos "minutes", 2
	show_cmos "seconds", 0
	show_cmos "day", 7
	finish

rtc_updated:
	cmos_read 0x0c
	movb %al, flags
	movb $0x20, %al
	outb %al, $PIC2
	outb %al, $PIC1
	ret

	.bss
flags:
	.skip 1
