# SPDX-License-Identifier: Apache-2.0
#
# The firmware configuration device (QEMU docs/specs/fw_cfg.rst): signature, revision, the file
# directory, reading by port and by DMA.

.include "lib/guest.inc"

.set SELECT, 0x510
.set DATA, 0x511
.set DMA, 0x514

.macro select key
	movw $SELECT, %dx
	movw $\key, %ax
	outw %ax, %dx
.endm

	.text
	bits 32
main:
	cld
	select 0
	movw $DATA, %dx
	movl $buffer, %edi
	movl $4, %ecx
	rep insb
	movl buffer, %eax
	show "signature"
	inb %dx, %al
	movzbl %al, %eax
	show "behind it"
	select 1
	movw $DATA, %dx
	movl $buffer, %edi
	movl $4, %ecx
	rep insb
	movl buffer, %eax
	show "revision"
	movw $DMA, %dx
	inl %dx, %eax
	show "dma register, upper half"
	movw $DMA + 4, %dx
	inl %dx, %eax
	show "dma register, lower half"

	# Select 0 and read 8 bytes: control 0x0a, big endian.
	movl $0x0a000000, command
	movl $0x08000000, command + 4
	movl $0, command + 8
	movl $buffer, %eax
	bswapl %eax
	movl %eax, command + 12
	movl $-1, buffer
	movl $-1, buffer + 4
	movl $command, %eax
	bswapl %eax
	movw $DMA + 4, %dx
	outl %eax, %dx
	movl command, %eax
	show "dma done"
	movl buffer, %eax
	show "signature by dma"
	movl buffer + 4, %eax
	show "behind it"

	# The directory is not empty, and its names are sorted or not, but end in zeros.
	select 0x19
	movw $DATA, %dx
	movl $buffer, %edi
	movl $4 + 64, %ecx
	rep insb
	movl buffer, %eax
	bswapl %eax
	testl %eax, %eax
	setnz %al
	movzbl %al, %eax
	show "has files"
	movzbl buffer + 4 + 63, %eax
	show "a name ends in"
	select 0x3fff
	movw $DATA, %dx
	inb %dx, %al
	movzbl %al, %eax
	show "no such item"
	finish

	.bss
	.balign 16
command:
	.skip 16
buffer:
	.skip 128
