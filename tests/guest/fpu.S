# SPDX-License-Identifier: Apache-2.0
#
# x87, MMX and SSE: arithmetic in the three precisions, exceptions masked (status word) and not
# (#MF at the next waiting instruction, #XM), FXSAVE and FXRSTOR, CR0.EM, CR0.TS and CR4.OSFXSR
# (Intel SDM vol. 1 chapters 8 to 11; vol. 3A 2.5, 6.15).

.include "lib/guest.inc"
.include "lib/long.inc"
.include "lib/trap32.inc"
.include "lib/trap64.inc"

# Shows the double at the top of the stack and pops it.
.macro show_st name
	fstpl scratch
	movq scratch, %rax
	show "\name"
.endm

.macro show_status name
	fnstsw %ax
	movzwl %ax, %eax
	andl $0xff, %eax
	show "\name"
	fnclex
.endm

.macro control word
	movw $\word, scratch
	fldcw scratch
.endm

.macro mxcsr value
	movl $\value, scratch
	ldmxcsr scratch
.endm

	.text
	bits 32
main:
	enter_long fpu_long

	bits 64
fpu_long:
	call trap_setup64
	movq %cr0, %rax
	andl $~0xc, %eax		# EM, TS
	orl $0x22, %eax			# NE, MP
	movq %rax, %cr0
	fninit
	fnstcw scratch
	movzwl scratch, %eax
	show "control word"
	fnstsw %ax
	movzwl %ax, %eax
	show "status word"

	say "x87"
	fldl two
	fsqrt
	show_st "sqrt 2"
	fld1
	fldl three
	fdivrp
	fstpt scratch
	movq scratch, %rax
	show "1/3 in extended: mantissa"
	movzwl scratch + 8, %eax
	show "its exponent"
	control 0x27f
	fld1
	fdivl three
	fstpt scratch
	movq scratch, %rax
	show "1/3 in double"
	control 0x07f
	fld1
	fdivl three
	fstpt scratch
	movq scratch, %rax
	show "1/3 in single"
	control 0xf7f			# towards zero, extended
	fldl minus_2_5
	fistpl scratch
	movl scratch, %eax
	show "-2.5 towards zero"
	control 0x77f			# down
	fldl minus_2_5
	fistpl scratch
	movl scratch, %eax
	show "-2.5 down"
	control 0x37f
	fldl minus_2_5
	fistpl scratch
	movl scratch, %eax
	show "-2.5 to even"
	fldpi
	fstpt scratch
	movq scratch, %rax
	show "pi"
	fbld bcd
	fistpq scratch
	movq scratch, %rax
	show "fbld"
	fldl three
	fldl ten
	fprem
	show_st "10 rem 3"
	fstp %st(0)
	fld1
	fldl ten
	fscale
	show_st "10 scaled by 1"
	fstp %st(0)
	fldl ten
	fxtract
	show_st "significand of 10"
	show_st "exponent of 10"
	fldz
	fxam
	fnstsw %ax
	andl $0x4700, %eax
	show "fxam of 0"
	fstp %st(0)
	fldl two
	fcompl three
	fnstsw %ax
	andl $0x4500, %eax
	show "2 against 3"

	say "x87, masked"
	fnclex
	fld1
	fdivl zero
	show_status "1/0"
	show_st "1/0"
	fldz
	fdivl zero
	show_status "0/0"
	show_st "0/0"
	fnclex
	fld1
	fdivl three
	show_status "1/3"
	fstp %st(0)
	fnclex
	fstp %st(0)
	show_status "empty"
	fninit
	.rept 9
	fld1
	.endr
	show_status "nine pushed"
	fninit

	say "x87, not masked"
	control 0x37b			# zero divide
	fld1
	fault "1/0", fdivl zero
	fault "at the next", fld1
	fnstsw %ax
	movzwl %ax, %eax
	andl $0xc0ff, %eax
	show "status"
	fault "fnop", fnop
	fault "fnstsw does not wait", fnstsw %ax
	fault "fwait", fwait
	fnclex
	fault "cleared", fwait
	fninit

	say "mmx"
	fninit
	fld1
	movq bytes, %mm0
	paddusb bytes, %mm0
	movq %mm0, %rax
	show "paddusb"
	fnstenv scratch
	movzwl scratch + 8, %eax
	show "tag word"
	movzwl scratch + 4, %eax
	andl $0x3800, %eax
	show "top"
	emms
	fnstenv scratch
	movzwl scratch + 8, %eax
	show "tag word after emms"

	say "sse"
	stmxcsr scratch
	movl scratch, %eax
	show "mxcsr"
	movsd two, %xmm0
	sqrtsd %xmm0, %xmm0
	movq %xmm0, %rax
	show "sqrt 2"
	movsd one, %xmm0
	divsd three, %xmm0
	movq %xmm0, %rax
	show "1/3"
	stmxcsr scratch
	movl scratch, %eax
	show "mxcsr"
	mxcsr 0x5f80			# up
	movsd one, %xmm0
	divsd three, %xmm0
	movq %xmm0, %rax
	show "1/3 up"
	cvtsd2si minus_2_5, %rax
	show "-2.5 up"
	mxcsr 0x1f80
	cvtsd2si minus_2_5, %rax
	show "-2.5 to even"
	cvttsd2si huge, %rax
	show "1e300 as integer"
	movsd one, %xmm0
	divsd zero, %xmm0
	movq %xmm0, %rax
	show "1/0"
	stmxcsr scratch
	movl scratch, %eax
	show "mxcsr"
	mxcsr 0x1f80
	movsd denormal, %xmm0
	addsd denormal, %xmm0
	movq %xmm0, %rax
	show "denormal sum"
	mxcsr 0x9fc0			# flush to zero, denormals are zero
	movsd denormal, %xmm0
	addsd one, %xmm0
	movq %xmm0, %rax
	show "1 + denormal as zero"
	mxcsr 0x1d80			# zero divide not masked
	movsd one, %xmm0
	fault "1/0", divsd zero, %xmm0
	movq %xmm0, %rax
	show "destination kept"
	stmxcsr scratch
	movl scratch, %eax
	show "mxcsr"
	mxcsr 0x1f80
	fault "ldmxcsr of a reserved bit", ldmxcsr reserved
	fault "movaps, not aligned", movaps bytes + 1, %xmm0
	fault "movups, not aligned", movups bytes + 1, %xmm0

	say "saved and restored"
	fninit
	fldl ten
	movq two, %xmm7
	mxcsr 0x3f80
	fxsave64 area
	fninit
	pxor %xmm7, %xmm7
	mxcsr 0x1f80
	fxrstor64 area
	show_st "st0"
	movq %xmm7, %rax
	show "xmm7"
	stmxcsr scratch
	movl scratch, %eax
	show "mxcsr"
	movzwl area, %eax
	show "its control word"
	movzbl area + 4, %eax
	show "its tag byte"
	movl area + 28, %eax
	andl $0xffff, %eax
	show "mxcsr mask"
	movl $0x10000, area + 24
	fault "fxrstor of a bad mxcsr", fxrstor64 area
	fault "fxsave, not aligned", fxsave64 area + 8

	say "switched off"
	mxcsr 0x1f80
	movq %cr0, %rax
	orl $8, %eax			# TS
	movq %rax, %cr0
	fault "fld1 with ts", fld1
	fault "fwait with ts and mp", fwait
	fault "sse with ts", addps %xmm0, %xmm0
	fault "mmx with ts", emms
	clts
	movq %cr0, %rax
	orl $4, %eax			# EM
	movq %rax, %cr0
	fault "fld1 with em", fld1
	fault "sse with em", addps %xmm0, %xmm0
	fault "mmx with em", paddb %mm0, %mm0
	movq %cr0, %rax
	andl $~4, %eax
	movq %rax, %cr0
	movq %cr4, %rax
	andl $~0x200, %eax		# OSFXSR
	movq %rax, %cr4
	fault "sse without osfxsr", addps %xmm0, %xmm0
	fault "movnti does not need it", movnti %eax, scratch
	movq %cr4, %rax
	orl $0x200, %eax
	andl $~0x400, %eax		# OSXMMEXCPT
	movq %rax, %cr4
	mxcsr 0x1d80
	movsd one, %xmm0
	fault "1/0 without osxmmexcpt", divsd zero, %xmm0
	finish

	.section .rodata
	.balign 16
zero:
	.double 0.0
one:
	.double 1.0
two:
	.double 2.0
three:
	.double 3.0
ten:
	.double 10.0
minus_2_5:
	.double -2.5
huge:
	.double 1e300
denormal:
	.quad 0x000fffffffffffff
bcd:
	.byte 0x89, 0x67, 0x45, 0x23, 0x01, 0, 0, 0, 0, 0x80
	.balign 16
bytes:
	.byte 0x10, 0x80, 0xff, 0x7f, 0, 1, 2, 3
	.skip 16
reserved:
	.long 0x10000

	.bss
	.balign 16
scratch:
	.skip 32
	.balign 16
area:
	.skip 512 + 16
