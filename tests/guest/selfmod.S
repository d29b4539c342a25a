# SPDX-License-Identifier: Apache-2.0
#
# Code that writes code: the next instruction, the same page, another page, an instruction that
# crosses pages, the same page under another address, a page that another one replaces, REP MOVS
# over what follows it (Intel SDM vol. 3A 8.1.3, 11.6).

.include "lib/guest.inc"
.include "lib/long.inc"
.include "lib/trap32.inc"
.include "lib/trap64.inc"

.set WINDOW, 0x40000000
.set WINDOW2, 0x40001000

	.text
	bits 32
main:
	enter_long selfmod_long

	bits 64
selfmod_long:
	call trap_setup64
	movl $table + 7, directory
	movl $0, directory + 4
	movl $directory + 7, long_pdpt + 8
	movl $page + 7, table
	movl $page + 7, table + 8
	movq %cr3, %rax
	movq %rax, %cr3

	movb $2, 1f + 1
1:
	movb $1, %al
	movzbl %al, %eax
	show "next instruction"

	# Each round writes the immediate that the next round loads.
	movl $5, %ecx
	xorl %ebx, %ebx
1:
	movb $7, %al
	movzbl %al, %eax
	addl %eax, %ebx
	movb %cl, 1b + 1
	loop 1b
	movl %ebx, %eax
	show "a loop on itself"	# 7 + 5 + 4 + 3 + 2

	# An instruction becomes a longer one.
	movw $0xc0ff, 1f		# INC %eax over two NOPs
	xorl %eax, %eax
1:
	nop
	nop
	show "two nops become inc"

	movq $template, %rsi
	movq $page, %rdi
	movl $template_end - template, %ecx
	rep movsb
	call page
	show "called"
	movb $0x22, page + 1
	call page
	show "changed, called"
	movl $3, %ecx
	xorl %ebx, %ebx
1:
	movb %cl, page + 1
	call page
	addl %eax, %ebx
	loop 1b
	movl %ebx, %eax
	show "changed three times"

	# MOV $imm32, %eax with its immediate on the next page.
	movb $0xb8, page + 4095
	movl $0x01020304, page2
	movb $0xc3, page2 + 4
	call page + 4095
	show "across pages"
	movl $0x05060708, page2
	call page + 4095
	show "its second page changed"
	movb $0xb9, page + 4095		# now to %ecx
	movl $0x0a0b0c0d, page2
	xorl %eax, %eax
	call page + 4095
	movl %ecx, %eax
	show "its first page changed"

	movl $WINDOW, %edi
	call *%rdi
	show "under another address"
	movb $0x44, WINDOW2 + 1
	xorl %eax, %eax
	cpuid				# serializes
	movl $WINDOW, %edi
	call *%rdi
	show "written under a third"
	movb $0x55, page + 1
	xorl %eax, %eax
	cpuid
	movl $WINDOW, %edi
	call *%rdi
	show "written where it is"

	# Another page behind the same address.
	movq $template, %rsi
	movq $page3, %rdi
	movl $template_end - template, %ecx
	rep movsb
	movb $0x66, page3 + 1
	movl $page3 + 7, table
	movl $WINDOW, %edi
	invlpg (%rdi)
	call *%rdi
	show "another page there"

	# REP MOVSB writes over the instruction that follows it.
	movq $new_insn, %rsi
	movq $1f, %rdi
	movl $5, %ecx
	rep movsb
1:
	movl $0x11111111, %eax
	show "behind rep movsb"

	# A write that faults changes nothing.
	movl $page + 5, table		# read only
	invlpg WINDOW
	movq %cr0, %rax
	orl $0x10000, %eax
	movq %rax, %cr0
	fault "write to read-only code", movb $0x77, WINDOW + 1
	movl $WINDOW, %edi
	call *%rdi
	show "unchanged"
	finish

template:
	movb $0x11, %al
	movzbl %al, %eax
	ret
template_end:
new_insn:
	movl $0x22222222, %eax

	.bss
	.balign 4096
directory:
	.skip 4096
table:
	.skip 4096
page:
	.skip 4096
page2:
	.skip 4096
page3:
	.skip 4096
