# SPDX-License-Identifier: Apache-2.0
#
# An exception that cannot be delivered, nor the double fault that it turns into: the processor
# shuts down (Intel SDM vol. 3A 6.15, "Interrupt 8").

.include "lib/guest.inc"

	.text
	bits 32
main:
	say "an IDT of no length, and INT3"
	lidt no_idt
	int3
	say "still running"
	finish

	.data
no_idt:
	.word 0
	.long 0
