# SPDX-License-Identifier: Apache-2.0
#
# Firmware in flash, with a second chip below it for variables (28F640J3A data sheet, order number
# 290667, chapter 4): from the reset vector in array mode it asks the chip of the variables what it
# is, erases and programs it, runs what it has programmed, runs an instruction of what the chip
# shows in a command mode, and from RAM puts its own chip into command modes. Then it resets the
# machine with both chips in such a mode; what was programmed is still there.

.set COM1, 0x3f8
.set CODE, 0xffff0000
.set VARS, 0xfffe0000
.set BLOCK, VARS + 0x1000	# the one that is erased and programmed
.set RESULTS, 0x9000		# what the part in RAM finds
.set IDT, 0x9100
.set CELL, 0x9200
.set RAM, 0x10000

	.section .reset, "ax"
	.code16
reset:
	jmp start

	.text
start:
	lgdtl %cs:gdt_pointer
	movl %cr0, %eax
	orb $1, %al
	movl %eax, %cr0
	ljmpl $8, $CODE + protected

	.code32
protected:
	movl $16, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl $0x8000, %esp
	cld
	cmpl $0x4b52414d, BLOCK		# "MARK"
	je after_reset

	movl $CODE + in_flash, %esi
	call puts

	# The chip of the variables, in array mode, then as its query and identifiers tell.
	movl $VARS, %esi
	call puts
	movl $VARS, %edi
	movl $CODE + query, %esi
	call puts
	movb $0x98, (%edi)
	movl $CODE + query_offsets, %ebx
	call put_bytes
	movl $CODE + identifiers, %esi
	call puts
	movb $0x90, (%edi)
	movl $CODE + identifier_offsets, %ebx
	call put_bytes
	movb $0xff, (%edi)

	# Erase a block.
	movl $BLOCK, %edi
	cmpb $0x55, 0xfff(%edi)
	jne broken
	movl $CODE + erase, %esi
	call puts
	movb $0x20, (%edi)
	movb $0xd0, (%edi)
	call put_status
	movb $0xff, (%edi)
	movl $0x1000, %ecx
	movb $0xff, %al
	repe scasb
	jne broken
	cmpb $0x55, -0x1001(%edi)	# the block before
	jne broken

	# Program byte by byte, as OVMF does: the status is not looked at in between.
	movl $CODE + program, %esi
	call puts
	movl $CODE + by_byte, %esi
	movl $BLOCK + 0x100, %edi
	call program_string
	call put_status
	movb $0xff, (%edi)
	movl $BLOCK + 0x100, %esi
	call puts

	# Write to buffer: 16 bytes by doublewords, which an 8-bit bus takes one after the other.
	movl $CODE + buffer, %esi
	call puts
	movl $BLOCK + 0x200, %edi
	movb $0xe8, (%edi)
	movb (%edi), %al
	call puthex
	movb $15, (%edi)
	movl $CODE + by_buffer, %esi
	movl $4, %ecx
	rep movsl
	movl $BLOCK + 0x200, %edi
	movb $0xd0, (%edi)
	call put_status
	movb $0x40, 0x10(%edi)
	movb $0, 0x10(%edi)
	movb $0xff, (%edi)
	movl $BLOCK + 0x200, %esi
	call puts

	# Code: MOV EAX, FFFFFFFFh; RET. Then another number over it, in place.
	movl $CODE + run, %esi
	call puts
	movl $BLOCK + 0x300, %edi
	movb $0x40, (%edi)
	movb $0xb8, (%edi)
	movb $0x40, 5(%edi)
	movb $0xc3, 5(%edi)
	movb $0xff, (%edi)
	call *%edi
	call puthex
	movb $0x40, 1(%edi)
	movb $0x12, 1(%edi)
	movb $0xff, (%edi)
	call *%edi
	call puthex
	call newline

	# A locked block.
	movl $CODE + lock, %esi
	call puts
	movl $VARS + 0x2000, %edi
	movb $0x60, (%edi)
	movb $0x01, (%edi)
	movb (%edi), %al
	call puthex
	movb $0x20, (%edi)
	movb $0xd0, (%edi)
	movb (%edi), %al
	call puthex
	movb $0x50, (%edi)
	movb $0x60, (%edi)
	movb $0xd0, (%edi)
	movb (%edi), %al
	call puthex
	movb $0x20, (%edi)
	movb $0x40, (%edi)		# no confirm
	call put_status
	movb $0x50, (%edi)

	# One instruction out of the status register, which is 80h: ADDB $0x80, 0x80808080(%eax).
	movl $CODE + fetch, %esi
	call puts
	movl $IDT + 8, %edi
	movw $stepped, (%edi)
	movw $8, 2(%edi)
	movw $0x8e00, 4(%edi)
	movw $0xffff, 6(%edi)
	lidtl CODE + idt_pointer
	movb $0x11, CELL
	movl $CELL - 0x80808080, %eax
	movl $VARS + 0x3000, %edi
	movb $0x20, (%edi)
	movb $0xd0, (%edi)		# ready, and shows it
	pushl $0x102			# TF
	pushl $8
	pushl %edi
	iretl
stepped:
	movb $0xff, (%edi)
	movb CELL, %al
	call puthex
	popl %eax
	subl %edi, %eax
	call puthex			# its length
	addl $8, %esp
	call newline

	# This chip in command modes, from RAM.
	movl $CODE + from_ram, %esi
	call puts
	movl $CODE + ram_code, %esi
	movl $RAM, %edi
	movl $ram_end - ram_code, %ecx
	rep movsb
	movl $RAM, %eax
	call *%eax
	movl $RESULTS, %esi
	movl $7, %ecx
1:
	lodsb
	call puthex
	loop 1b
	call newline

	# Leave a mark, and reset with both chips in a command mode.
	movl $CODE + mark, %esi
	movl $BLOCK, %edi
	call program_string
	movb $0x90, (%edi)
	movl $RAM + ram_reset - ram_code, %eax
	jmp *%eax

after_reset:
	movl $CODE + again, %esi
	call puts
	movl $BLOCK + 0x100, %esi
	call puts
	movb $0x10, %al
	outb %al, $0xf4
	hlt
broken:
	movl $CODE + bad, %esi
	call puts
	movb $0x11, %al
	outb %al, $0xf4
	hlt

# The string at ESI and its end, at EDI; EDI stays in the chip.
program_string:
	movb (%esi), %al
	movb $0x40, (%edi)
	movb %al, (%edi)
	incl %esi
	incl %edi
	testb %al, %al
	jnz program_string
	decl %edi
	ret

# Bytes at the offsets that EBX lists, up to FFh, of the chip at EDI.
put_bytes:
	movzbl (%ebx), %ecx
	cmpb $0xff, %cl
	je newline
	movb (%edi, %ecx), %al
	call puthex
	incl %ebx
	jmp put_bytes

# What the chip at EDI shows, and the end of the line.
put_status:
	movb (%edi), %al
	call puthex
newline:
	movb $10, %al
putc:
	pushl %edx
	movw $COM1, %dx
	outb %al, %dx
	popl %edx
	ret

# AL in hexadecimal and a space.
puthex:
	pushl %eax
	pushl %eax
	shrb $4, %al
	call digit
	popl %eax
	andb $15, %al
	call digit
	movb $' ', %al
	call putc
	popl %eax
	ret
digit:
	addb $'0', %al
	cmpb $'9', %al
	jbe putc
	addb $'a' - '9' - 1, %al
	jmp putc

puts:
	lodsb
	testb %al, %al
	jz 1f
	call putc
	jmp puts
1:
	ret

# Runs in RAM. Nothing of this chip can be used while it shows anything but its array.
ram_code:
	movl $CODE, %esi
	movl $RESULTS, %edi
	movb $0x98, (%esi)
	movb 0x20(%esi), %al
	stosb				# Q
	movl 0x21(%esi), %eax
	stosb				# Q R R Y, at an odd address
	movb %ah, %al
	stosb
	movb $0xff, (%esi)
	movb (%esi), %al
	movb %al, %ah
	movb $0x40, (%esi)		# this chip cannot be written
	movb $0x00, (%esi)
	movb (%esi), %al
	stosb
	movb $0x20, (%esi)
	movb $0xd0, (%esi)
	movb (%esi), %al
	stosb
	movb $0x50, (%esi)		# clears the status, and shows the array
	movb (%esi), %al
	subb %ah, %al
	stosb
	movb $0x90, (%esi)
	movw (%esi), %ax
	addb %ah, %al
	stosb				# 89h twice
	movb $0xff, (%esi)
	ret
ram_reset:
	movb $0x70, CODE
	movb $0x06, %al
	movw $0xcf9, %dx
	outb %al, %dx
	hlt
	jmp ram_reset
ram_end:

in_flash:
	.asciz "in flash, at the reset vector\n"
query:
	.asciz "query: "
query_offsets:
	.byte 0x20, 0x21, 0x22, 0x24, 0x26, 0x2a, 0x4e, 0x50, 0x54, 0x58, 0x5a, 0x5c, 0x5e, 0x60
	.byte 0x62, 0x64, 0x66, 0x6c, 0xff
identifiers:
	.asciz "identifiers: "
identifier_offsets:
	.byte 0, 1, 2, 4, 0xff
erase:
	.asciz "erase: "
program:
	.asciz "program: "
by_byte:
	.asciz "programmed byte by byte\n"
buffer:
	.asciz "write to buffer: "
	.balign 4
by_buffer:
	.ascii "from the buffer\n"
run:
	.asciz "code that was programmed: "
lock:
	.asciz "lock, erase, unlock, no confirm: "
fetch:
	.asciz "an instruction of the status register: "
from_ram:
	.asciz "the chip of the code, from RAM: "
mark:
	.asciz "MARK"
again:
	.asciz "after a reset\n"
bad:
	.asciz "broken\n"
	.balign 8
gdt:
	.quad 0
	.quad 0x00cf9b000000ffff
	.quad 0x00cf93000000ffff
gdt_pointer:
	.word 23
	.long CODE + gdt
idt_pointer:
	.word 15
	.long IDT
