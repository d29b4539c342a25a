/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The closed vocabulary of vCPU exits, shared by every backend. A backend translates what it
 * has into these and nothing else, so that a trace does not depend on who made it:
 *
 *  - string I/O and hypervisor exits with a repeat count are one exit per item;
 *  - an MMIO access of more than 8 bytes, or across a page, is several exits in ascending
 *    order of address, each of at most 8 bytes and within one 4 KiB page;
 *  - MSR exits are only for the MSRs that belong to the board (the local APIC's); all others
 *    are CPU state, and CPUID is a constant of the machine: neither crosses the edge;
 *  - a value of IA32_TSC_DEADLINE crosses as virtual time, whatever the guest has made of its
 *    time stamp counter.
 */
#ifndef VCR_EXIT_H
#define VCR_EXIT_H

#include <stdbool.h>
#include <stdint.h>

/* These numbers are stored in traces: never change or reuse one. */
enum exit_kind {
	EXIT_PIO = 1,      /* address: port 0..0xffff; size 1, 2 or 4 */
	EXIT_MMIO = 2,     /* address: guest-physical; size 1..8 */
	EXIT_MSR = 3,      /* address: MSR index; size 8 */
	EXIT_CR8 = 4,      /* MOV to or from CR8, the local APIC's task priority; size 1 */
	EXIT_HLT = 5,      /* the vCPU waits for an interrupt */
	EXIT_SHUTDOWN = 6, /* triple fault (Intel SDM vol. 3A 6.15, "Interrupt 8") */
	EXIT_KIND_COUNT
};

struct exit {
	enum exit_kind kind;
	bool is_write;
	bool fault;   /* set by the machine: an MSR it does not have; the vCPU raises #GP(0) */
	uint8_t size; /* bytes */
	uint64_t address;
	uint64_t data; /* written by the guest, or the answer; upper bytes zero */
	/*
	 * Of the instruction, CS-relative. A hypervisor that does not count instructions may have
	 * gone on to the next one already when it tells of a write (KVM, mostly); its RIP of a
	 * read is the instruction's, its RIP of EXIT_SHUTDOWN anything.
	 */
	uint64_t rip;
};

const char *exit_kind_name(enum exit_kind kind);

#endif
