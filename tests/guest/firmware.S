# SPDX-License-Identifier: Apache-2.0
#
# A flat firmware image: from the reset vector at F000:FFF0 under 4 GiB (Intel SDM vol. 3A 9.1.4)
# to where it is seen below 1 MiB, to flat protected mode with a GDT in ROM. There it copies itself
# into the RAM under the ROM: writes go to RAM first and reads still come from ROM, then both are
# RAM (82441FX data sheet 3.2.15, PAM0).

.set COM1, 0x3f8

	.section .reset, "ax"
	.code16
reset:
	jmp start			# near: still under 4 GiB

	.text
start:
	movw %cs, %ax
	cmpw $0xf000, %ax
	jne broken
	movw $on_top, %si
	call puts
	ljmp $0xf000, $below		# now CS is 0xf0000
below:
	movw $in_copy, %si
	call puts
	lgdtl %cs:gdt_pointer
	movl %cr0, %eax
	orb $1, %al
	movl %eax, %cr0
	ljmpl $8, $0xf0000 + protected
	.code32
protected:
	movl $16, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl $0x7000, %esp
	# ROM: writes are lost.
	notb 0xffff0000 + in_copy
	cmpb $'b', 0xffff0000 + in_copy
	jne broken32
	# The image twice: below 1 MiB and below 4 GiB.
	movl $0xf0000, %esi
	movl $0xffff0000, %edi
	movl $0x4000, %ecx
	cld
	repe cmpsl
	jne broken32
	movl $0xf0000 + twice, %esi
	call puts32
	# Not yet RAM: writes are lost here too.
	notb 0xf0000 + in_copy
	cmpb $'b', 0xf0000 + in_copy
	jne broken32
	movl $0x80000058, %eax		# host bridge, PAM0 is 59h
	movw $0xcf8, %dx
	outl %eax, %dx
	movw $0xcfd, %dx
	movb $0x20, %al
	outb %al, %dx
	movl $0xf0000, %esi
	movl %esi, %edi
	movl $0x4000, %ecx
	rep movsl
	notb 0xf0000 + in_copy		# reads ROM, writes RAM
	cmpb $'b', 0xf0000 + in_copy
	jne broken32
	movb $0x30, %al
	outb %al, %dx
	cmpb $'b' ^ 0xff, 0xf0000 + in_copy
	jne broken32
	notb 0xf0000 + in_copy
	movl $0xf0000, %esi
	movl $0xffff0000, %edi
	movl $0x4000, %ecx
	repe cmpsl
	jne broken32
	movl $0xf0000 + shadow, %esi
	call puts32
	movb $0x10, %al
	outb %al, $0xf4
	hlt
puts32:
	movw $COM1, %dx
1:
	lodsb
	testb %al, %al
	jz 2f
	outb %al, %dx
	jmp 1b
2:
	ret
broken32:
	movb $0x11, %al
	outb %al, $0xf4
	hlt

	.code16
puts:
	movw $COM1, %dx
1:
	lodsb %cs:(%si), %al
	testb %al, %al
	jz 2f
	outb %al, %dx
	jmp 1b
2:
	ret
broken:
	movb $0x11, %al
	outb %al, $0xf4
	hlt

on_top:
	.asciz "at the reset vector\n"
in_copy:
	.asciz "below 1 MiB\n"
twice:
	.asciz "flat, and the same in both places\n"
shadow:
	.asciz "in the RAM under it\n"
	.balign 8
gdt:
	.quad 0
	.quad 0x00cf9b000000ffff
	.quad 0x00cf93000000ffff
gdt_pointer:
	.word 23
	.long 0xf0000 + gdt
