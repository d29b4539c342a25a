# SPDX-License-Identifier: Apache-2.0
#
# One time, four clocks: the ACPI PM timer (3.579545 MHz), the PIT (1.193182 MHz), the RTC (1 Hz and
# its periodic rate) and the TSC agree. Under vcr they agree to the tick; the bounds here are
# wide enough for a machine that runs in real time.

.include "lib/guest.inc"
.include "lib/long.inc"
.include "lib/trap32.inc"
.include "lib/trap64.inc"
.include "lib/pic.inc"

.set PM_TIMER, 0x608

# Prints "name = 0x1" when %rax is within [low, high].
.macro show_within name, low, high
	movl $\low, %edi
	movl $\high, %esi
	call within
	show "\name"
.endm

	.text
	bits 32
main:
	enter_long timers_long

	bits 64
timers_long:
	call trap_setup64
	call pic_setup
	handler 0x20, pit_tick
	handler 0x28, rtc_tick

	say "pit and pm timer"
	# Channel 0, mode 2, 11932 clocks: 100.0 Hz. 20 periods are 200 ms, 715,909 PM ticks.
	movb $0x34, %al
	outb %al, $0x43
	movb $0x9c, %al
	outb %al, $0x40
	movb $0x2e, %al
	outb %al, $0x40
	movb $0xfe, %al
	outb %al, $PIC1 + 1
	movl $1, %ecx
	call sleep_ticks
	call pm_read
	movl %eax, %ebx
	rdtsc
	movl %eax, %r12d
	movl $20, %ecx
	call sleep_ticks
	rdtsc
	subl %r12d, %eax
	movl %eax, %r12d
	call pm_read
	subl %ebx, %eax
	andl $0xffffff, %eax
	show_within "20 pit periods of 10 ms in pm ticks", 680000, 760000
	movl %r12d, %eax
	show_within "in tsc ticks, were it 1 GHz", 190000000, 210000000
	movb $0xff, %al
	outb %al, $PIC1 + 1

	say "pit channel 2"
	# Mode 0, 1193 clocks, by port 0x61: the gate starts it, bit 5 is its output.
	inb $0x61, %al
	andb $0xfc, %al
	outb %al, $0x61
	movb $0xb0, %al
	outb %al, $0x43
	movb $0xa9, %al
	outb %al, $0x42
	movb $0x04, %al
	outb %al, $0x42
	call pm_read
	movl %eax, %ebx
	inb $0x61, %al
	orb $1, %al
	outb %al, $0x61
1:
	inb $0x61, %al
	testb $0x20, %al
	jz 1b
	call pm_read
	subl %ebx, %eax
	andl $0xffffff, %eax
	show_within "1 ms in pm ticks", 3500, 6000

	say "pit counter"
	# Latched counts go down, once the counter was loaded: 0 stands for 65536.
	movb $0x34, %al
	outb %al, $0x43
	xorb %al, %al
	outb %al, $0x40
	outb %al, $0x40
	xorl %r13d, %r13d
3:
	call pit_latch
	testw %ax, %ax
	jz 3b
	movl %eax, %ebx
	movl $1000, %ecx
1:
	call pit_latch
	cmpl %ebx, %eax
	ja 2f
	movl %eax, %ebx
	loop 1b
	movl $1, %r13d
2:
	movl %r13d, %eax
	show "goes down"
	# Read-back: status of channel 0 is mode 2, both bytes, not BCD.
	movb $0xe2, %al
	outb %al, $0x43
	inb $0x40, %al
	andl $0x3f, %eax
	show "status"

	say "rtc and pm timer"
	movb $0x8b, %al
	outb %al, $0x70
	movb $0x42, %al			# periodic interrupt, 24 hours
	outb %al, $0x71
	movb $0x8a, %al
	outb %al, $0x70
	movb $0x26, %al			# 1024 Hz
	outb %al, $0x71
	movb $0xfb, %al
	outb %al, $PIC1 + 1
	movb $0xfe, %al
	outb %al, $PIC2 + 1
	call rtc_acknowledge
	movl $1, %ecx
	call sleep_ticks
	call pm_read
	movl %eax, %ebx
	movl $102, %ecx
	call sleep_ticks
	call pm_read
	subl %ebx, %eax
	andl $0xffffff, %eax
	show_within "102 rtc periods of 1/1024 s in pm ticks", 340000, 375000
	# One update ended to the next.
	movb $0x8b, %al
	outb %al, $0x70
	movb $0x12, %al
	outb %al, $0x71
	call rtc_acknowledge
	movl $1, %ecx
	call sleep_ticks
	call pm_read
	movl %eax, %ebx
	movb $0x80, %al
	outb %al, $0x70
	inb $0x71, %al
	movb %al, %r14b
	movl $1, %ecx
	call sleep_ticks
	call pm_read
	subl %ebx, %eax
	andl $0xffffff, %eax
	show_within "a second in pm ticks", 3500000, 3660000
	movb $0x80, %al
	outb %al, $0x70
	inb $0x71, %al
	subb %r14b, %al
	movzbl %al, %eax
	show "the seconds register went up by"
	finish

# %eax = 1 when it was within [%edi, %esi].
within:
	cmpl %edi, %eax
	setae %cl
	cmpl %esi, %eax
	setbe %al
	andb %cl, %al
	movzbl %al, %eax
	ret

pm_read:
	movw $PM_TIMER, %dx
	inl %dx, %eax
	andl $0xffffff, %eax
	ret

pit_latch:
	xorl %eax, %eax
	outb %al, $0x43
	inb $0x40, %al
	movb %al, %dl
	inb $0x40, %al
	movb %al, %dh
	movzwl %dx, %eax
	ret

rtc_acknowledge:
	movb $0x8c, %al
	outb %al, $0x70
	inb $0x71, %al
	ret

# Sleeps for %ecx more interrupts.
sleep_ticks:
	movl $0, ticks
1:
	cmpl %ecx, ticks
	jae 2f
	sti
	hlt
	cli
	jmp 1b
2:
	ret

pit_tick:
	incl ticks
	movb $0x20, %al
	outb %al, $PIC1
	ret

rtc_tick:
	incl ticks
	call rtc_acknowledge
	movb $0x20, %al
	outb %al, $PIC2
	outb %al, $PIC1
	ret

	.bss
ticks:
	.skip 4
