# SPDX-License-Identifier: Apache-2.0
#
# A greeting from protected, real and 64-bit mode: the smallest tour of the machine, and what
# tools/demo records.

.include "lib/guest.inc"
.include "lib/long.inc"
.include "lib/real.inc"

	.text
	bits 32
main:
	say "Hello from 32-bit protected mode."
	call_real hello_real
	say "Back in protected mode, on to long mode."
	enter_long hello_long

	bits 64
hello_long:
	say "Hello from 64-bit mode."
	movl $0x80000001, %eax
	cpuid
	btl $29, %edx
	jnc 1f
	say "CPUID agrees: this processor has long mode."
1:
	finish

	.section .low, "awx"
	bits 16
hello_real:
	real_say "Hello from real mode."
	ret
