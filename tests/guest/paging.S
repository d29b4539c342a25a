# SPDX-License-Identifier: Apache-2.0
#
# Address translation (Intel SDM vol. 3A chapter 4): 32-bit paging with 4 MiB pages, PAE paging
# with execute-disable, 4-level paging with 2 MiB and 1 GiB pages; accessed and dirty bits; WP,
# SMEP, SMAP, UMIP; INVLPG, global pages, a switch of CR3; the error codes of page faults.

.include "lib/guest.inc"
.include "lib/long.inc"
.include "lib/trap32.inc"
.include "lib/trap64.inc"

.set P, 1
.set W, 2
.set U, 4
.set A, 0x20
.set D, 0x40
.set PS, 0x80
.set G, 0x100
.set NX_HIGH, 0x80000000	# bit 63, as the upper half of an entry

.set WINDOW, 0x40000000		# where the pages under test appear; in 64-bit mode:
.set WINDOW64, 0x100000000
.set GIANT, 0x140000000		# a 1 GiB page: physical memory from 0

# The entry of a page table that maps the n-th page of the window, 4 and 8 bytes wide.
.macro map32 n, entry
	movl $\entry, table + 4 * (\n)
	invlpg WINDOW + 4096 * (\n)
.endm

.macro map64 n, entry, high=0
	movl $\entry, table + 8 * (\n)
	movl $\high, table + 8 * (\n) + 4
	.if BITS == 64
	movq $WINDOW64 + 4096 * (\n), %rdi
	invlpg (%rdi)
	.else
	invlpg WINDOW + 4096 * (\n)
	.endif
.endm

.macro cr4_set bits
	.if BITS == 64
	movq %cr4, %rax
	orl $\bits, %eax
	movq %rax, %cr4
	.else
	movl %cr4, %eax
	orl $\bits, %eax
	movl %eax, %cr4
	.endif
.endm

.macro cr4_clear bits
	.if BITS == 64
	movq %cr4, %rax
	andl $~(\bits), %eax
	movq %rax, %cr4
	.else
	movl %cr4, %eax
	andl $~(\bits), %eax
	movl %eax, %cr4
	.endif
.endm

# Bits of a paging-structure entry.
.macro show_entry name, entry, mask
	movl \entry, %eax
	andl $\mask, %eax
	show "\name"
.endm

# fault_at for one instruction run in ring 3, in the user page.
.macro user_fault name, insn:vararg
	.pushsection .text, 1
user_code\@:
	\insn
	ud2
	.balign 16
	.skip 16
	.popsection
	movq $user_code\@, %rsi
	fault_at "\name", USER_PAGE, call user_enter
.endm
.set USER_PAGE, WINDOW64 + 8 * 4096

	.text
	bits 32
main:
	call trap_setup32
	movl $0x11111111, page_a
	movl $0x22222222, page_b
	movb $0xc3, page_code		# RET
	movl $0x44444444, 0x400000

	say "32-bit paging"
	movl $P | W | U | PS, tables
	movl $table + (P | W | U), tables + 4 * (WINDOW >> 22)
	movl $0x400000 + (P | W | PS), tables + 4 * (WINDOW >> 22) + 4
	movl $page_a + (P | W), table
	movl $page_b + P, table + 4
	movl $0, table + 8
	movl $page_a + (P | W), table + 12
	cr4_set 0x10			# PSE
	movl $tables, %eax
	movl %eax, %cr3
	movl %cr0, %eax
	orl $0x80000000, %eax
	movl %eax, %cr0

	movl WINDOW, %eax
	show "page a"
	show_entry "accessed", table, A | D
	movl $0x33333333, WINDOW
	show_entry "accessed and dirty", table, A | D
	show_entry "directory entry", tables+4*(WINDOW>>22), A
	movl page_a, %eax
	show "page a written"
	movl WINDOW + 0x400000, %eax
	show "4 MiB page"
	show_entry "its directory entry", tables+4*(WINDOW>>22)+4, A | D
	movl %eax, WINDOW + 0x400004
	show_entry "after a write", tables+4*(WINDOW>>22)+4, A | D

	movl $0x55555555, WINDOW + 4096 + 4
	movl page_b + 4, %eax
	show "written to a read-only page without wp"
	show_entry "its entry", table+4, A | D
	movl %cr0, %eax
	orl $0x10000, %eax		# WP
	movl %eax, %cr0
	fault "write to a read-only page", movl %eax, WINDOW + 4096
	fault "read of no page", movl WINDOW + 0x2468, %eax
	fault "write of no page", movl %eax, WINDOW + 0x2468
	fault "write across into no page", movl %eax, WINDOW + 0x3ffe
	fault "read of no table", movl 0x80000000, %eax
	fault "push into no page", pushl 0x80000000
	fault_at "fetch from no page", WINDOW + 0x2000, jmp code_at_2
	fault_at "call into no page", WINDOW + 0x2000, call code_at_2

	map32 0, page_b + (P | W)
	movl WINDOW, %eax
	show "after invlpg"
	cr4_set 0x80			# PGE
	map32 0, page_b + (P | W | G)
	movl WINDOW, %eax
	movl $page_a + (P | W | G), table
	cr4_clear 0x80
	movl WINDOW, %eax
	show "global page after cr4.pge went off"
	movl tables, %eax
	movl %eax, tables2
	movl $table2 + (P | W | U), tables2 + 4 * (WINDOW >> 22)
	movl $page_b + (P | W), table2
	movl $tables2, %eax
	movl %eax, %cr3
	movl WINDOW, %eax
	show "with another cr3"
	movl $tables, %eax
	movl %eax, %cr3
	movl WINDOW, %eax
	show "with the first"
	movl %cr0, %eax
	andl $0x7fffffff, %eax
	movl %eax, %cr0

	say "PAE paging"
	call clear_tables
	movl $tables + P, pdpt
	movl $tables2 + P, pdpt + 8 * (WINDOW >> 30)
	movl $P | W | U | PS, tables
	movl $table + (P | W | U), tables2
	movl $0x400000 + (P | W | PS), tables2 + 8
	movl $NX_HIGH, tables2 + 12
	movl $page_a + (P | W), table
	movl $page_code + (P | W), table + 8
	movl $page_code + (P | W), table + 16
	movl $NX_HIGH, table + 20
	cr4_set 0x20			# PAE
	movl $pdpt, %eax
	movl %eax, %cr3
	movl %cr0, %eax
	orl $0x80000000, %eax
	movl %eax, %cr0
	movl WINDOW, %eax
	show "page a"
	show_entry "accessed", table, A | D
	movl $0x66666666, WINDOW
	show_entry "accessed and dirty", table, A | D
	fault "bit 63 without nxe", movl WINDOW + 0x2000, %eax
	movl $0xc0000080, %ecx
	rdmsr
	orl $0x800, %eax		# NXE
	wrmsr
	map64 2, page_code + (P | W), NX_HIGH
	movl WINDOW + 0x2000, %eax
	andl $0xff, %eax
	show "bit 63 with nxe"
	movl $WINDOW + 0x1000, %ebx
	call *%ebx
	say "executed a page"
	movl $WINDOW + 0x2000, %ebx
	fault_at "fetch from an nx page", WINDOW + 0x2000, call *%ebx
	movl $WINDOW + 0x200000, %ebx
	fault_at "fetch from an nx 2 MiB page", WINDOW + 0x200000, call *%ebx
	movl (%ebx), %eax
	show "2 MiB page"
	map64 3, 0
	fault "read of no page", movl WINDOW + 0x3000, %eax
	fault "write to no directory", movl %eax, 0x80000000
	movl $tables2 + (P | W), pdpt + 8 * (WINDOW >> 30)
	movl $pdpt, %eax
	fault "reserved bit in a pdpte", movl %eax, %cr3
	movl $tables2 + P, pdpt + 8 * (WINDOW >> 30)
	movl %cr0, %eax
	andl $0x7fffffff, %eax
	movl %eax, %cr0
	call clear_tables
	movl $0x11111111, page_a
	enter_long paging_long

clear_tables:
	xorl %eax, %eax
	movl $tables, %edi
	movl $(tables_end - tables) / 4, %ecx
	rep stosl
	ret

	.set code_at_2, WINDOW + 0x2000

	bits 64
paging_long:
	call trap_setup64
	say "4-level paging"
	# The first 2 MiB, where we are, for ring 0 only.
	andl $~U, long_pd
	movl $tables + (P | W | U), long_pdpt + 8 * 4
	movl $P | W | PS, long_pdpt + 8 * 5
	movl $table + (P | W | U), tables
	map64 0, page_a + (P | W)
	map64 1, page_code + (P | W | U)
	map64 2, page_code + (P | W), NX_HIGH
	map64 3, page_b + (P | U)
	map64 4, page_b + (P | W | U)
	map64 5, page_b + P
	map64 6, page_b + (P | W), 0x00080000
	map64 8, user_page + (P | W | U)
	movq %cr3, %rax
	movq %rax, %cr3
	movq %cr0, %rax
	andl $~0x10000, %eax		# not WP, not yet
	movq %rax, %cr0

	movq $WINDOW64, %rbx
	movq (%rbx), %rax
	show "page a"
	show_entry "accessed", table, A | D
	movl $0x77777777, (%rbx)
	show_entry "accessed and dirty", table, A | D
	show_entry "directory entry", tables, A | D
	show_entry "pointer entry", long_pdpt+8*4, A
	show_entry "pml4 entry", long_pml4, A
	movabsq $GIANT + page_a, %rax
	movl (%rax), %eax
	show "through a 1 GiB page"
	show_entry "its entry", long_pdpt+8*5, A | D
	movabsq $GIANT + page_b, %rax
	lock incl (%rax)
	show_entry "after a write", long_pdpt+8*5, A | D

	movl $0x5555, 5 * 4096 + 4(%rbx)
	say "wrote to a read-only page without wp"
	movq %cr0, %rax
	orl $0x10000, %eax
	movq %rax, %cr0
	fault "write with wp", movl %eax, 5 * 4096 + 4(%rbx)
	fault "or with wp", orl $0, 5 * 4096 + 4(%rbx)
	fault "cmpxchg with wp, not equal", cmpxchgl %ecx, 5 * 4096(%rbx)
	fault "read of no page", movl 7 * 4096(%rbx), %eax
	fault "reserved bit", movl 6 * 4096(%rbx), %eax
	fault "reserved bit, write", movl %eax, 6 * 4096(%rbx)
	leaq 2 * 4096(%rbx), %rcx
	fault_at "fetch from an nx page", WINDOW64 + 0x2000, call *%rcx
	leaq 4096(%rbx), %rcx
	call *%rcx
	say "executed a user page"

	say "ring 3"
	user_fault "nop", nop
	user_fault "read of a ring 0 page", movl (%rbx), %eax
	user_fault "write to a ring 0 page", movl %eax, (%rbx)
	user_fault "write to a read-only page", movl %eax, 3 * 4096(%rbx)
	user_fault "read of it", movl 3 * 4096(%rbx), %eax
	user_fault "read of no page", movl 7 * 4096(%rbx), %eax
	user_fault "write to no page", movl %eax, 7 * 4096(%rbx)
	user_fault "reserved bit", movl 6 * 4096(%rbx), %eax
	movq $0x1000, %rcx
	fault_at "fetch from a ring 0 page", 0x1000, call user_enter_at

	say "smep"
	cr4_set 0x100000
	leaq 4096(%rbx), %rcx
	fault_at "fetch from a user page", WINDOW64 + 0x1000, call *%rcx
	cr4_clear 0x100000

	say "smap"
	cr4_set 0x200000
	fault "read of a user page", movl 4 * 4096(%rbx), %eax
	fault "write to a user page", movl %eax, 4 * 4096(%rbx)
	stac
	fault "read with eflags.ac", movl 4 * 4096(%rbx), %eax
	clac
	fault "read again", movl 4 * 4096(%rbx), %eax
	cr4_clear 0x200000

	say "umip"
	user_fault "smsw", smsw %ax
	cr4_set 0x800
	user_fault "smsw with umip", smsw %ax
	user_fault "sgdt", sgdt 4 * 4096(%rbx)
	user_fault "sidt", sidt 4 * 4096(%rbx)
	user_fault "sldt", sldt %ax
	user_fault "str", str %ax
	fault "str in ring 0", str %ax
	cr4_clear 0x800

	say "changes"
	movq $WINDOW64, %rbx
	movl $0x12121212, page_a
	movl $0x34343434, page_b
	map64 0, page_b + (P | W)
	movl (%rbx), %eax
	show "after invlpg"
	movl $page_a + (P | W), table
	movq %cr3, %rax
	movq %rax, %cr3
	movl (%rbx), %eax
	show "after mov to cr3"
	cr4_set 0x80
	map64 0, page_b + (P | W | G)
	movl (%rbx), %eax
	movl $page_a + (P | W | G), table
	invlpg (%rbx)
	movl (%rbx), %eax
	show "global page after invlpg"
	movl $page_b + (P | W | G), table
	cr4_clear 0x80
	movl (%rbx), %eax
	show "after cr4.pge went off"
	finish

# To ring 3: at the code at %rsi, copied to the user page; or at %rcx.
user_enter:
	movq $user_page, %rdi
	movl $32, %ecx
	cld
	rep movsb
	movq $USER_PAGE, %rcx
user_enter_at:
	pushq $USER_DS
	pushq $0
	pushq $2
	pushq $USER_CS
	pushq %rcx
	iretq

	.bss
	.balign 4096
tables:
	.skip 4096
tables2:
	.skip 4096
table:
	.skip 4096
table2:
	.skip 4096
pdpt:
	.skip 4096
tables_end:
page_a:
	.skip 4096
page_b:
	.skip 4096
page_code:
	.skip 4096
user_page:
	.skip 4096
