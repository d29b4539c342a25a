# SPDX-License-Identifier: Apache-2.0
#
# PC16550D on COM1, mostly in loopback (data sheet 8.6.7): scratch and divisor, data through the
# FIFO, its trigger and time-out interrupts, the transmitter's interrupt, overrun, modem lines
# and their changes. Results are kept and printed at the end, when the line is back in use.

.include "lib/guest.inc"
.include "lib/long.inc"
.include "lib/trap32.inc"
.include "lib/trap64.inc"
.include "lib/pic.inc"

.set DATA, COM1
.set IER, COM1 + 1
.set IIR, COM1 + 2
.set FCR, COM1 + 2
.set LCR, COM1 + 3
.set MCR, COM1 + 4
.set LSR, COM1 + 5
.set MSR, COM1 + 6
.set SCR, COM1 + 7

.macro put register, value
	movw $\register, %dx
	movb $\value, %al
	outb %al, %dx
.endm

.macro get register
	movw $\register, %dx
	inb %dx, %al
	movzbl %al, %eax
.endm

# Keeps %eax to be shown under this name.
.macro keep name
	.pushsection .rodata, 1
keep_name\@:
	.asciz "\name = 0x"
	.popsection
	movq kept_next, %rdi
	movq $keep_name\@, (%rdi)
	movq %rax, 8(%rdi)
	addq $16, kept_next
.endm

	.text
	bits 32
main:
	enter_long serial_long

	bits 64
serial_long:
	call trap_setup64
	call pic_setup
	movq $kept, kept_next
	handler 0x24, serial_interrupt

	put SCR, 0x5a
	get SCR
	keep "scratch"
	get IER
	keep "ier"
	put LCR, 0x83
	put DATA, 0x01
	put IER, 0x00
	get DATA
	keep "divisor low"
	get IER
	keep "divisor high"
	put LCR, 0x03
	get LCR
	keep "lcr"
	put FCR, 0x00
	get IIR
	keep "iir without fifo"
	put FCR, 0x87			# on, cleared, trigger at 8
	get IIR
	keep "iir with fifo"
	get LSR
	keep "lsr empty"

	# Modem lines in loopback: OUT2, OUT1, DTR, RTS to DCD, RI, DSR, CTS.
	put MCR, 0x10
	get MSR
	get MSR
	keep "msr: no lines"
	put MCR, 0x1f
	get MSR
	keep "msr: all lines"
	get MSR
	keep "msr: read again"
	put MCR, 0x1b			# RI: only its trailing edge counts
	get MSR
	keep "msr: ri fell"
	put MCR, 0x13
	get MSR
	keep "msr: dcd fell"

	# One byte through the loop.
	put DATA, 'A'
	call wait_ready
	get DATA
	keep "looped"
	get LSR
	andl $0x1f, %eax
	keep "lsr after reading"

	# Sixteen fit, the seventeenth overruns; the first sixteen stay.
	movl $17, %ebx
	movb $'a', %bh
1:
	call wait_empty
	movw $DATA, %dx
	movb %bh, %al
	outb %al, %dx
	incb %bh
	decb %bl
	jnz 1b
	call wait_empty
	movl overrun, %eax
	keep "overrun seen after 17"
	get LSR
	andl $0x1f, %eax
	keep "lsr read again"
	get DATA
	keep "first"
	movl $14, %ebx
1:
	get DATA
	decl %ebx
	jnz 1b
	get DATA
	keep "sixteenth"
	get LSR
	andl $0x1f, %eax
	keep "lsr when read"

	# In loopback OUT2 does not let the line out to the PIC: the register is asked.
	put FCR, 0x87
	put IER, 0x01
	movl $7, %ebx
1:
	call wait_empty
	put DATA, 'x'
	decl %ebx
	jnz 1b
	call wait_empty
	call wait_timeout
	keep "iir below the trigger, later"
	get DATA			# that ends the time-out
	get IIR
	keep "iir after a read"
	put DATA, 'y'
	call wait_empty
	put DATA, 'y'
	call wait_empty
	get IIR
	keep "iir at the trigger"
	get DATA
	get IIR
	keep "iir below it again"
	put FCR, 0x83
	get IIR
	keep "iir when cleared"
	put IER, 0x0d
	put MCR, 0x11
	get IIR
	keep "iir modem status"
	get MSR
	keep "msr"
	put IER, 0x02
	get IIR
	keep "iir transmitter empty"
	get IIR
	keep "iir read again"
	put IER, 0x00

	# Out of loopback, the transmitter's interrupt through the PIC.
	put MCR, 0x0b
	movb $0xef, %al
	outb %al, $PIC1 + 1
	movl $0, interrupts
	put IER, 0x02
	sti
1:
	hlt
	cmpl $5, interrupts
	jb 1b
	cli
	put IER, 0x00
	movl interrupts, %eax
	keep "interrupts"

	movb $'\n', %al
	call putc64
	movq $kept, %rbx
1:
	cmpq kept_next, %rbx
	jae 2f
	movq (%rbx), %rdi
	call puts64
	movq 8(%rbx), %rax
	call puthex64
	movb $'\n', %al
	call putc64
	addq $16, %rbx
	jmp 1b
2:
	finish

# The transmitter takes a character each time that it asks for one.
serial_interrupt:
	movl interrupts, %ebx
	incl interrupts
	get IIR
	cmpl $4, %ebx
	jae 1f
	movb hello(%rbx), %al
	movw $DATA, %dx
	outb %al, %dx
1:
	movb $0x20, %al
	outb %al, $PIC1
	ret

wait_ready:
	get LSR
	testb $1, %al
	jz wait_ready
	ret

wait_empty:
	get LSR
	movb %al, %cl
	testb $0x40, %al
	jz wait_empty
	movzbl %cl, %eax
	testb $2, %al
	jz 1f
	orb $2, overrun
1:
	ret

# Four character times without a read or a new character: 0.35 ms at 115,200 baud.
wait_timeout:
	movl $2000000, %ecx
1:
	get IIR
	cmpl $0xcc, %eax
	je 2f
	loop 1b
2:
	ret

	.data
hello:
	.ascii "TEXT"
	.bss
	.balign 16
interrupts:
	.skip 4
overrun:
	.skip 4
kept_next:
	.skip 8
kept:
	.skip 16 * 64
