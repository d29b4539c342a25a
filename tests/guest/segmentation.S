# SPDX-License-Identifier: Apache-2.0
#
# Segments in 32-bit mode: limits, expand-down, types and privileges of data segments, conforming
# code, call gates through rings, LAR, LSL, VERR, VERW and ARPL, the LDT, and tasks (Intel SDM
# vol. 3A chapters 5 and 7). QEMU's TCG does not check limits; what is expected of those lines
# comes from the manual.

.include "lib/guest.inc"
.include "lib/real.inc"
.include "lib/trap32.inc"

.set SMALL, FREE		# data, 0x1000 to 0x1fff
.set DOWN, FREE + 8		# expand-down data: offsets above 0xfff
.set DOWN16, FREE + 16		# the same, 16 bits: 0x1000 to 0xffff
.set CONFORM, FREE + 24		# conforming code, DPL 0
.set READ_ONLY, FREE + 32
.set CALL_GATE, FREE + 40	# to ring 0, for ring 3, two parameters
.set CALL_GATE0, FREE + 48	# the same for ring 0 only
.set LDT, FREE + 56
.set TASK, FREE + 64
.set TASK_GATE, FREE + 72
.set PAGES, FREE + 80		# data with a limit in pages: 0 to 0x1fff
.set EXECUTE_ONLY, FREE + 88

.macro user_fault name, insn:vararg
	.pushsection .text, 1
user_code\@:
	\insn
	ud2
	.popsection
	movl $user_code\@, %esi
	fault_at "\name", user_code\@, call user_enter
.endm

	.data
	.balign 8
descriptors:
	descriptor 0x1000, 0xfff, 0x493
	descriptor 0, 0xfff, 0x497
	descriptor 0, 0xfff, 0x097
	descriptor 0, 0xfffff, 0xc9f
	descriptor 0, 0xfffff, 0xc91
	.quad 0, 0			# the gates, below
	descriptor 0, 15, 0x082		# the LDT, its base below
	.quad 0
	.quad 0x0000850000000000 | (TASK << 16)
	descriptor 0, 1, 0xc93
	descriptor 0, 0xfffff, 0xc99
descriptors_end:
	.balign 8
local_table:
	descriptor 0, 0xfffff, 0xc93
	descriptor 0, 0xfffff, 0xcf3

	.text
	bits 32
main:
	call trap_setup32
	movl $descriptors, %esi
	movl $gdt + FREE, %edi
	movl $(descriptors_end - descriptors) / 4, %ecx
	rep movsl
	movl $gate_target, %eax
	movl %eax, gdt + CALL_GATE
	movw $CS32, gdt + CALL_GATE + 2
	movl %eax, gdt + CALL_GATE + 4
	movw $0xec02, gdt + CALL_GATE + 4
	movl %eax, gdt + CALL_GATE0
	movw $CS32, gdt + CALL_GATE0 + 2
	movl %eax, gdt + CALL_GATE0 + 4
	movw $0x8c00, gdt + CALL_GATE0 + 4
	movl $local_table, %eax
	movw %ax, gdt + LDT + 2
	shrl $16, %eax
	movb %al, gdt + LDT + 4
	movl $0xabcdef01, 0x1ffc

	say "limits"
	movl $SMALL, %eax
	movl %eax, %fs
	fault "dword at the end", movl %fs:0xffc, %eax
	show "its value"
	fault "dword across the end", movl %fs:0xffd, %eax
	fault "word across the end", movw %fs:0xfff, %ax
	fault "byte at the end", movb %fs:0xfff, %al
	fault "byte behind the end", movb %fs:0x1000, %al
	fault "write behind the end", movb %al, %fs:0x1000
	fault "last address", movl %fs:0xffffffff, %eax
	movl $PAGES, %eax
	movl %eax, %fs
	fault "in pages: the end", movl %fs:0x1ffc, %eax
	fault "in pages: behind", movl %fs:0x1ffd, %eax
	movl $DOWN, %eax
	movl %eax, %fs
	fault "expand-down: below", movl %fs:0xfff, %eax
	fault "expand-down: within", movl %fs:0x1ffc, %eax
	movl $DOWN16, %eax
	movl %eax, %fs
	fault "expand-down 16: below", movl %fs:0xffc, %eax
	fault "expand-down 16: within", movl %fs:0x1ffc, %eax
	fault "expand-down 16: the end", movl %fs:0xfffc, %eax
	fault "expand-down 16: behind", movl %fs:0xfffd, %eax
	movl $SMALL, %eax
	movl %eax, %fs
	movl $0xffc, %ebx
	movl $2, %ecx
	movl $buffer, %edi
	cld
	movl %ebx, %esi
	fault "rep movsl out of a segment", rep movsl %fs:(%esi), (%edi)
	movl %ecx, %eax
	show "left over"
	subl %ebx, %esi
	movl %esi, %eax
	show "gone on by"
	call_real real_limit
	show "real mode: word at ffff, vector"

	say "types"
	movl $READ_ONLY, %eax
	movl %eax, %fs
	fault "read of read-only", movl %fs:0x1000, %eax
	fault "write of read-only", movl %eax, %fs:0x1000
	fault "write of code", movl %eax, %cs:0x1000
	movl $CONFORM, %eax
	movl %eax, %fs
	fault "read of conforming code", movl %fs:0x1ffc, %eax
	movl $EXECUTE_ONLY, %eax
	fault "load of execute-only", movl %eax, %fs
	movl $TSS, %eax
	fault "load of a tss", movl %eax, %fs
	xorl %eax, %eax
	movl %eax, %fs
	say "null loaded"
	fault "read through null", movl %fs:0x1000, %eax

	say "questions"
	xorl %eax, %eax
	movl $DS32, %ecx
	larl %ecx, %eax
	show "lar of data"
	movl $SMALL, %ecx
	lsll %ecx, %eax
	show "lsl of small"
	movl $PAGES, %ecx
	lsll %ecx, %eax
	show "lsl of pages"
	movl $CALL_GATE, %ecx
	larl %ecx, %eax
	andl $0xff00, %eax
	show "lar of a call gate"
	movl $0x1234, %eax
	lsll %ecx, %eax
	setz %al
	show "lsl of a call gate"
	movl $READ_ONLY, %ecx
	verr %cx
	setz %al
	movzbl %al, %eax
	show "verr of read-only"
	verw %cx
	setz %al
	show "verw of read-only"
	movl $EXECUTE_ONLY, %ecx
	verr %cx
	setz %al
	show "verr of execute-only"
	movl $0x10, %eax
	movl $0x0b, %ecx
	arpl %cx, %ax
	show "arpl"

	say "ldt"
	movl $LDT, %eax
	lldt %ax
	movl $4, %eax
	movl %eax, %fs
	movl %fs:0x1ffc, %eax
	show "through the ldt"
	movl $0x14, %eax
	fault "behind the ldt", movl %eax, %fs
	sldt %eax
	show "sldt"
	xorl %eax, %eax
	lldt %ax
	movl $4, %eax
	fault "no ldt", movl %eax, %fs
	movl $DS32, %eax
	fault "lldt of data", lldt %ax

	say "ring 3"
	user_fault "ud2", nop
	movl trap_cs, %eax
	show "cs"
	movl $DS32, %eax
	user_fault "ds of ring 0", movl %eax, %ds
	user_fault "far call to ring 0", lcall $CS32, $gate_target
	user_fault "call gate of ring 0", lcall $CALL_GATE0, $0
	movl $conforming_user, %esi
	fault_at "far jump to conforming code", conforming, call user_enter
	movl trap_cs, %eax
	show "cs"
	fault_at "call gate", user_gate, call user_gate_enter
	show "parameters added"
	movl %ebx, %eax
	show "cs in the gate"
	movl %ecx, %eax
	show "pushed cs"
	movl %edx, %eax
	show "esp moved in ring 3"

	say "conforming code in ring 0"
	lcall $CONFORM, $conforming_call
	show "cs"
	lcall $CALL_GATE0, $0
	show "gate within ring 0, cs"

	say "tasks"
	movl $task_state, %eax
	movw $103, gdt + TASK
	movw %ax, gdt + TASK + 2
	shrl $16, %eax
	movb %al, gdt + TASK + 4
	movb $0x89, gdt + TASK + 5
	movb $0, gdt + TASK + 6
	movb %ah, gdt + TASK + 7
	movl $0x1001, %ebx
	lcall $TASK, $0
	say "back from the call"
	movl %ebx, %eax
	show "ebx"
	movzbl gdt + TSS + 5, %eax
	show "this task"
	movzbl gdt + TASK + 5, %eax
	show "that task"
	lcall $TASK_GATE, $0
	say "back from the gate"
	movl task_runs, %eax
	show "runs"
	movl task_state + 36, %eax
	andl $0x4000, %eax
	show "nt in its flags"
	clts
	movl $TSS, %eax
	fault "call of a busy task", lcall $TSS, $0
	andb $0x7f, gdt + TASK + 5
	fault "call of an absent task", lcall $TASK, $0
	orb $0x80, gdt + TASK + 5
	movw $102, gdt + TASK
	fault "call of a short task", lcall $TASK, $0
	finish

gate_target:
	movl %cs, %eax
	movl 4(%esp), %ecx
	testl $3, %ecx
	jz 1f
	movl %eax, %ebx
	movl 8(%esp), %eax
	addl 12(%esp), %eax
	lretl $8
1:
	lretl

conforming:
	ud2

conforming_call:
	movl %cs, %eax
	lretl

# To ring 3 at %esi.
user_enter:
	pushl $USER_DS
	pushl $user_stack_top
	pushl $0x3002		# IOPL 3
	pushl $USER_CS32
	pushl %esi
	iretl

conforming_user:
	ljmp $CONFORM, $conforming

user_gate_enter:
	movl $user_gate_code, %esi
	jmp user_enter
user_gate_code:
	movl $USER_DS, %eax
	movl %eax, %ds
	movl %esp, %edx
	pushl $0x100
	pushl $0x23
	lcall $CALL_GATE, $0
	subl %esp, %edx
user_gate:
	ud2

task_entry:
	say "in the task"
	strl %eax
	show "tr"
	movzwl task_state, %eax
	show "back link"
	movl tss + 52, %eax
	show "ebx of the first task"
	pushfl
	popl %eax
	andl $0x4000, %eax
	show "nt"
	incl task_runs
	movl $0x2002, %ebx
	iretl
	jmp task_entry

	.section .low, "awx"
	bits 16
real_limit:
	movw $real_gp, 4 * 13
	movw $0, 4 * 13 + 2
	movl $0, %eax
	movw $0xffff, %bx
	movw %sp, real_sp
	movw (%bx), %cx
	ret
real_gp:
	movw real_sp, %sp
	movl $13, %eax
	ret
real_sp:
	.word 0

	.bss
	.balign 16
buffer:
	.skip 16
task_runs:
	.skip 4
	.skip 1024
user_stack_top:
	.skip 1024
task_stack_top:

	.data
	.balign 4
task_state:
	.long 0
	.fill 6, 4, 0
	.long 0
	.long task_entry, 2
	.long 0, 0, 0, 0
	.long task_stack_top, 0, 0, 0
	.long DS32, CS32, DS32, DS32, DS32, DS32
	.long 0
	.long 104 << 16
