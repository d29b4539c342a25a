# SPDX-License-Identifier: Apache-2.0
#
# Debug registers and single-step (Intel SDM vol. 3B chapter 17): instruction breakpoints are
# faults, data and port breakpoints traps; DR6 says which.

.include "lib/guest.inc"
.include "lib/long.inc"
.include "lib/trap32.inc"
.include "lib/trap64.inc"

.macro breakpoint address, dr7
	movl $\address, %eax
	movq %rax, %dr0
	movl $\dr7, %eax
	movq %rax, %dr7
	movl $0xffff0ff0, %eax
	movq %rax, %dr6
.endm

.macro show_dr6
	movq %dr6, %rax
	andl $0xe00f, %eax		# BT, BS, BD, B3-B0
	show "  dr6"
.endm

.macro done
	xorl %eax, %eax
	movq %rax, %dr7
.endm

	.text
	bits 32
main:
	enter_long debug_long

	bits 64
debug_long:
	call trap_setup64
	movq %dr6, %rax
	show "dr6"
	movq %dr7, %rax
	show "dr7"

	breakpoint bp_insn, 0x402
	fault_at "instruction", bp_insn, call bp_code
	show_dr6
	# RF comes in the pushed flags; set, it lets the instruction run.
	movq trap_flags, %rax
	andl $0x10000, %eax
	show "  rf pushed"
	handler 1, count
	movl $0, counter
	pushq $DS32
	movq %rsp, %rax
	pushq %rax
	pushq $0x10002
	pushq $CS64
	pushq $bp_insn
	movq $1f, resume
	iretq
1:
	movl counter, %eax
	show "with rf, breaks"
	movl $0, counter
	movq $1f, resume
	jmp bp_code
1:
	movl counter, %eax
	show "without, and the handler sets it"
	movl $0, trap_handler + 8
	done

	breakpoint data, 0xd0402	# DR0, write, 4 bytes
	trap "write", movl %eax, data
	show_dr6
	trap "read of a write breakpoint", movl data, %eax
	trap "byte in it", movb %al, data + 3
	show_dr6
	trap "byte behind it", movb %al, data + 4
	trap "quadword over it", movq %rax, data - 4
	show_dr6
	breakpoint data, 0xb0402	# read or write, 8 bytes
	trap "read", movb data + 7, %al
	show_dr6
	movl $data, %edi
	movl $3, %ecx
	cld
	fault "rep stosb, after one", rep stosb
	movl %ecx, %eax
	show "  left"
	breakpoint data, 0xd0401	# locally enabled
	trap "locally enabled", movl %eax, data
	breakpoint data, 0xd0400
	trap "not enabled", movl %eax, data
	# DR2: its own bits.
	movl $data, %eax
	movq %rax, %dr2
	movl $0x0d000420, %eax
	movq %rax, %dr7
	trap "dr2", movl %eax, data
	show_dr6
	done

	movq %cr4, %rax
	orl $8, %eax			# DE
	movq %rax, %cr4
	breakpoint 0x80, 0x20402
	trap "port", outb %al, $0x80
	show_dr6
	trap "another port", outb %al, $0x81
	fault "dr4 with cr4.de", movq %dr4, %rax
	movq %cr4, %rax
	andl $~8, %eax
	movq %rax, %cr4
	fault "dr4 without", movq %dr4, %rax
	done

	say "single step"
	movl $0xffff0ff0, %eax
	movq %rax, %dr6
	fault_at "popf sets tf, then", step1, call step_code
	show_dr6
	fault_at "step over int3", step2, call step_int
	handler 1, count
	movl $0, counter
	pushq $0x102
	popfq
	nop
	nop
	nop
	movl $4, %ecx
	movl $buffer, %edi
	rep stosb
	pushq $2
	popfq
	movl counter, %eax
	show "steps"			# 3 nop, 2 movl, 4 of stosb, pushq, popfq
	movl $0, counter
	pushq $0x102
	popfq
	movl $DS32, %eax
	movl %eax, %ss			# no step between this and the next
	nop
	pushq $2
	popfq
	movl counter, %eax
	show "steps with mov ss"
	movl $0, trap_handler + 8

	say "general detect"
	movl $0xffff0ff0, %eax
	movq %rax, %dr6
	movl $0x2400, %eax
	movq %rax, %dr7
	fault "mov from dr0", movq %dr0, %rax
	show_dr6
	movq %dr7, %rax
	andl $0x2000, %eax
	show "  gd afterwards"
	finish

bp_code:
	nop
bp_insn:
	nop
	jmp *resume

step_code:
	pushq $0x102
	popfq
step1:
	nop
	nop

step_int:
	pushq $0x102
	popfq
step2:
	int3

count:
	incl counter
	orl $0x10000, 8 * 16(%rsp)	# RF in the flags behind return address, 11 + 2 words, RIP, CS
	ret

	.bss
	.balign 16
	.skip 16
data:
	.skip 16
buffer:
	.skip 16
resume:
	.skip 8
counter:
	.skip 4
