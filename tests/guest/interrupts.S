# SPDX-License-Identifier: Apache-2.0
#
# Interrupts by every way into the processor: the i8259s with their priorities, the I/O APIC, the
# local APIC's timer in its three modes, interrupts to self, NMI; the task priority, CR8, the
# interrupt shadows of STI and MOV SS.

.include "lib/guest.inc"
.include "lib/long.inc"
.include "lib/trap32.inc"
.include "lib/trap64.inc"
.include "lib/pic.inc"
.include "lib/apic.inc"

.macro out port, value
	movb $\value, %al
	outb %al, $\port
.endm

# PIT channel 0 in mode `mode`, count 200 (168 microseconds).
.macro pit mode
	out 0x43, 0x30 | (\mode << 1)
	out 0x40, 0xc8
	out 0x40, 0x00
.endm

# Sleeps until `count` interrupts have come.
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

# An interrupt to self may take some time.
.macro delay
	movl $1000, %ecx
delay_more\@:
	loop delay_more\@
.endm

.macro restart
	movl $0, counter
.endm

	.text
	bits 32
main:
	enter_long interrupts_long

	bits 64
interrupts_long:
	call trap_setup64
	call pic_setup

	say "i8259"
	handler 0x20, pic_count
	out PIC1 + 1, 0xfe
	restart
	pit 2
	sleep_until 3
	movl counter, %eax
	show "ticks"
	out PIC1 + 1, 0xff
	pit 0
	movl $0x100000, %ecx
1:
	out PIC1, 0x0a			# read IRR
	inb $PIC1, %al
	testb $1, %al
	jnz 2f
	loop 1b
2:
	movzbl %al, %eax
	andl $1, %eax
	show "requested though masked"
	handler 0x20, pic_in_service
	restart
	out PIC1 + 1, 0xfe
	sti
	nop
	nop
	cli
	movl counter, %eax
	show "came when unmasked"
	movl seen, %eax
	show "in service"
	out PIC1, 0x0b			# read ISR
	inb $PIC1, %al
	movzbl %al, %eax
	show "in service after eoi"
	inb $PIC1 + 1, %al
	movzbl %al, %eax
	show "mask"
	# Nothing is requested: INTA would find the spurious level 7; poll says no interrupt.
	out PIC1, 0x0c
	inb $PIC1, %al
	andl $0x80, %eax
	show "poll"
	out PIC1 + 1, 0xff

	say "shadows"
	handler 0x20, pic_shadow
	pit 0
	movl $0x100000, %ecx
1:
	out PIC1, 0x0a
	inb $PIC1, %al
	testb $1, %al
	jnz 2f
	loop 1b
2:
	out PIC1 + 1, 0xfe
	restart
	xorl %ebx, %ebx
	sti
	incl %ebx			# runs before the interrupt
	incl %ebx
	cli
	movl seen, %eax
	show "instructions after sti"
	out PIC1 + 1, 0xff

	say "local apic"
	movl $0x1b, %ecx
	rdmsr
	andl $0xfffff900, %eax
	show "apic base"
	apic_read LAPIC_ID
	show "id"
	apic_write LAPIC_SVR, 0x1ff
	apic_write LAPIC_TPR, 0
	apic_write LAPIC_DIVIDE, 0xb	# by 1
	handler 0x40, apic_count
	apic_write LAPIC_LVT_TIMER, 0x40
	restart
	apic_write LAPIC_INITIAL, 200000
	sleep_until 1
	apic_read LAPIC_CURRENT
	show "one-shot: left"
	movl counter, %eax
	show "came"
	apic_write LAPIC_LVT_TIMER, 0x20040
	restart
	apic_write LAPIC_INITIAL, 300000
	sleep_until 4
	apic_write LAPIC_INITIAL, 0
	movl counter, %eax
	show "periodic"
	apic_write LAPIC_LVT_TIMER, 0x10040
	restart
	apic_write LAPIC_INITIAL, 1000
1:
	apic_read LAPIC_CURRENT
	testl %eax, %eax
	jnz 1b
	sti
	nop
	cli
	movl counter, %eax
	show "masked"

	movl $1, %eax
	cpuid
	btl $24, %ecx
	jnc 1f
	apic_write LAPIC_LVT_TIMER, 0x40040
	restart
	rdtsc
	addl $2000000, %eax
	adcl $0, %edx
	movl $TSC_DEADLINE, %ecx
	wrmsr
	movl %eax, %esi
	sleep_until 1
	rdtsc
	subl %esi, %eax
	cmpl $0x7fffffff, %eax
	setb %al
	movzbl %al, %eax
	show "deadline passed"
	movl $TSC_DEADLINE, %ecx
	rdmsr
	orl %edx, %eax
	show "deadline cleared"
1:

	say "to self"
	handler 0x51, apic_count
	handler 0x62, apic_count
	restart
	apic_write LAPIC_ICR, 0x40051
	sti
	nop
	cli
	movl counter, %eax
	show "shorthand self"
	restart
	apic_read LAPIC_ID
	movl $LAPIC_ICR_HIGH, %edi
	movl %eax, (%rdi)
	apic_write LAPIC_ICR, 0x51
	sti
	nop
	cli
	movl counter, %eax
	show "by id"
	restart
	movl $LAPIC_ICR_HIGH, %edi
	movl $0x33000000, (%rdi)
	apic_write LAPIC_ICR, 0x51
	sti
	nop
	cli
	movl counter, %eax
	show "to nobody"

	apic_write LAPIC_TPR, 0x50
	restart
	apic_write LAPIC_ICR, 0x40051
	sti
	nop
	cli
	movl counter, %eax
	show "below the priority"
	apic_read LAPIC_IRR + 0x20
	show "its irr"
	movq %cr8, %rax
	show "cr8"
	apic_write LAPIC_ICR, 0x40062
	sti
	nop
	cli
	movl counter, %eax
	show "above"
	xorl %eax, %eax
	movq %rax, %cr8
	sti
	nop
	cli
	movl counter, %eax
	show "after cr8 = 0"
	apic_read LAPIC_TPR
	show "tpr"

	# The higher of two first; the lower waits for its end.
	handler 0x51, apic_low
	handler 0x62, apic_high
	restart
	apic_write LAPIC_ICR, 0x40051
	apic_write LAPIC_ICR, 0x40062
	sti
	nop
	cli
	movl order, %eax
	show "order"
	movl seen, %eax
	show "isr in the higher"

	say "nmi"
	handler 2, nmi_count
	restart
	apic_read LAPIC_ID
	movl $LAPIC_ICR_HIGH, %edi
	movl %eax, (%rdi)
	apic_write LAPIC_ICR, 0x4400
	delay
	movl counter, %eax
	show "with interrupts off"
	handler 2, nmi_nest
	restart
	movl $LAPIC_ICR, %edi
	movl $0x4400, (%rdi)
	delay
	movl counter, %eax
	show "another inside"
	movl seen, %eax
	show "held back until iret"

	say "i/o apic"
	ioapic_read 1
	andl $0xff0000, %eax
	show "last pin"
	handler 0x70, apic_count
	ioapic_write 0x15, 0
	ioapic_write 0x14, 0x70		# pin 2: the PIT
	restart
	pit 2
	sleep_until 2
	ioapic_write 0x14, 0x10070
	movl counter, %eax
	show "edge"
	ioapic_read 0x14
	show "entry"
	restart
	pit 2
	movl $0x10000, %ecx
1:
	inb $0x80, %al
	loop 1b
	sti
	nop
	cli
	movl counter, %eax
	show "masked"
	finish

pic_count:
	incl counter
	out PIC1, 0x20
	ret
pic_in_service:
	incl counter
	out PIC1, 0x0b
	inb $PIC1, %al
	movzbl %al, %eax
	movl %eax, seen
	out PIC1, 0x20
	ret
pic_shadow:
	incl counter
	movq 8 * 10(%rsp), %rbx		# the interrupted %rbx
	movl %ebx, seen
	out PIC1, 0x20
	ret
apic_count:
	incl counter
	apic_write LAPIC_EOI, 0
	ret
apic_high:
	shll $4, order
	orl $2, order
	apic_read LAPIC_ISR + 0x30
	movl %eax, seen
	sti
	nop
	nop
	cli
	apic_write LAPIC_EOI, 0
	ret
apic_low:
	shll $4, order
	orl $1, order
	apic_write LAPIC_EOI, 0
	ret
nmi_count:
	incl counter
	ret
nmi_nest:
	incl counter
	cmpl $1, counter
	jne 1f
	movl $LAPIC_ICR, %edi
	movl $0x4400, (%rdi)
	delay
	movl counter, %eax
	movl %eax, seen
1:
	ret

	.bss
counter:
	.skip 4
seen:
	.skip 4
order:
	.skip 4
