# SPDX-License-Identifier: Apache-2.0
#
# What a multiboot 1 loader hands over (specification 3.3): command line, memory, modules.

.include "lib/guest.inc"

	.text
	bits 32
main:
	movl multiboot_magic, %eax
	show "magic"
	movl multiboot_info, %ebx
	movl (%ebx), %eax
	andl $0x4d, %eax		# memory, command line, modules, memory map
	show "flags"
	movl 4(%ebx), %eax
	cmpl $630, %eax
	setae %al
	movzbl %al, %eax
	show "at least 630 KiB below 1 MiB"
	# The first word of the command line is the image's name.
	movl 16(%ebx), %esi
	call skip_word
	call put_text
	movl 20(%ebx), %eax
	show "modules"
	movl 24(%ebx), %edi
	movl 20(%ebx), %ecx
1:
	jecxz 2f
	pushl %ecx
	movl 4(%edi), %eax
	subl (%edi), %eax
	show "size"
	movl (%edi), %eax
	andl $0xfff, %eax
	show "offset in its page"
	movl 8(%edi), %esi
	call skip_word
	call put_text
	movl (%edi), %esi
	movl (%esi), %eax
	show "starts with"
	addl $16, %edi
	popl %ecx
	decl %ecx
	jmp 1b
2:
	# The memory map's RAM adds up to all of it, but for what lies below 1 MiB.
	movl 48(%ebx), %esi
	movl 44(%ebx), %ecx
	addl %esi, %ecx
	xorl %edi, %edi
3:
	cmpl %ecx, %esi
	jae 4f
	cmpl $1, 20(%esi)
	jne 5f
	cmpl $0x100000, 4(%esi)
	jb 5f
	movl 4(%esi), %edi
	addl 12(%esi), %edi
5:
	addl (%esi), %esi
	addl $4, %esi
	jmp 3b
4:
	movl %edi, %eax
	cmpl $0x7f00000, %eax
	seta %al
	movzbl %al, %eax
	show "ram ends in the last MiB"
	finish

skip_word:
	lodsb
	testb %al, %al
	jz 1f
	cmpb $' ', %al
	jne skip_word
	ret
1:
	decl %esi
	ret

# The string at %esi, in quotes.
put_text:
	movb $'"', %al
	call putc32
1:
	lodsb
	testb %al, %al
	jz 2f
	call putc32
	jmp 1b
2:
	movb $'"', %al
	call putc32
	movb $'\n', %al
	call putc32
	ret
