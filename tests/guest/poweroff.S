# SPDX-License-Identifier: Apache-2.0
#
# ACPI soft-off: SLP_EN with the sleep type of S5 in PM1a_CNT (ACPI 6.4, 4.8.3.2).

.include "lib/guest.inc"

	.text
	bits 32
main:
	say "switching off"
	movw $PM1_CONTROL, %dx
	inw %dx, %ax
	andw $0xc3ff, %ax
	outw %ax, %dx			# the type alone does nothing
	say "still on"
	orw $0x2000, %ax
	outw %ax, %dx
1:
	cli
	hlt
	jmp 1b
