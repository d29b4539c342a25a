# SPDX-License-Identifier: Apache-2.0
#
# What firmware would have left running, as kernels rely on it that are started without any: the
# interval timer counts (Linux's KASLR reads it for entropy, and waits for ever for a count that
# never comes: arch/x86/lib/kaslr.c), the interrupt controllers are masked, and the timer's interrupt
# comes once it is wanted, without anybody having programmed the timer.

.set TIMER_TICKS, 1
.include "lib/guest.inc"
.include "lib/long.inc"
.include "lib/trap32.inc"
.include "lib/trap64.inc"
.include "lib/pic.inc"

# %eax: the status of a counter, %ecx: its count (82C54 data sheet, "Read-Back Command").
.macro read_counter number
	movb $0xc0 | 2 << \number, %al
	outb %al, $0x43
	inb $0x40 + \number, %al
	movzbl %al, %ebx
	inb $0x40 + \number, %al
	movzbl %al, %ecx
	.if \number == 0
	inb $0x40 + \number, %al
	movb %al, %ch
	.endif
	movl %ebx, %eax
.endm

	.text
	bits 32
main:
	enter_long started_long

	bits 64
started_long:
	call trap_setup64
	say "the interval timer"
1:
	read_counter 0
	testb $0x40, %al
	jnz 1b
	andl $0x3f, %eax
	show "counter 0"
	movl %ecx, %esi
2:
	read_counter 0
	cmpl %ecx, %esi
	je 2b
	say "counts"
	read_counter 1
	andl $0x7f, %eax
	show "counter 1"

	say "the interrupt controllers"
	xorl %eax, %eax
	inb $PIC1 + 1, %al
	show "mask of the master"
	inb $PIC2 + 1, %al
	show "mask of the slave"
	call pic_setup
	handler 0x20, started_tick
	movb $0xfe, %al
	outb %al, $PIC1 + 1
3:
	sti
	hlt
	cli
	cmpl $3, ticks
	jb 3b
	say "the timer ticks"
	finish

started_tick:
	pushq %rax
	incl ticks
	movb $0x20, %al
	outb %al, $PIC1
	popq %rax
	ret

	.data
	.align 4
ticks:	.long 0
