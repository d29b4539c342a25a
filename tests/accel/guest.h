/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guests of tests/accel: a few bytes of code each, beside their disassembly, and what must
 * come of them, the same from every backend (exit.h). A guest ends with HLT while interrupts are
 * off, which nothing can end, or in a shutdown.
 */
#ifndef TESTS_ACCEL_GUEST_H
#define TESTS_ACCEL_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "emulator/exit.h"
#include "emulator/machine.h"

enum mode {
	REAL,      /* out of a ROM at F000:0000; guests put their vectors into RAM themselves */
	PROTECTED, /* flat, 32 bits, no paging, at GUEST_CODE */
	LONG,      /* the same in 64 bits, below 4 GiB mapped one to one */
	FLASH, /* flat, 32 bits, no paging, out of flash at FFFF0000; another chip is below it */
};
#define GUEST_CODE 0x102000u

/* What a tap saw: an exit, or an interrupt that the vCPU took. */
#define SEEN_IRQ EXIT_KIND_COUNT /* and enum irq_kind on top */

struct expected {
	unsigned kind;
	bool is_write;
	uint8_t size;
	uint64_t address, data;
};

/* clang-format off */
#define OUT(size, port, value)  {EXIT_PIO, true, size, port, value}
#define IN(size, port, value)   {EXIT_PIO, false, size, port, value}
#define STORE(size, gpa, value) {EXIT_MMIO, true, size, gpa, value}
#define LOAD(size, gpa, value)  {EXIT_MMIO, false, size, gpa, value}
#define RDMSR(index, value)     {EXIT_MSR, false, 8, index, value}
#define WRMSR(index, value)     {EXIT_MSR, true, 8, index, value}
#define HLT                     {EXIT_HLT, true, 0, 0, 0}
#define SHUTDOWN                {EXIT_SHUTDOWN, true, 0, 0, 0}
#define VECTOR(vector)          {SEEN_IRQ + IRQ_VECTOR, false, 0, 0, vector}
#define NMI                     {SEEN_IRQ + IRQ_NMI, false, 0, 0, 0}
/* clang-format on */

/* Registers of the local APIC. */
#define EOI 0xfee000b0
#define SVR 0xfee000f0
#define ICR 0xfee00300

#define GUEST_EXITS    32
#define GUEST_HANDLERS 2

struct guest {
	const char *name;
	enum mode mode;
	uint8_t code[128];
	struct expected exit[GUEST_EXITS]; /* up to the first of kind 0, and then HLT */
	/* Not in real mode: interrupt gates, and where in the code they lead. */
	struct {
		uint8_t vector, at;
	} handler[GUEST_HANDLERS];
	/*
	 * Puts in what the machine says of itself, where that is not what is above: by exits CPUID
	 * shows no time stamp counter, and some KVMs give other answers to it than they are told.
	 */
	void (*describe)(const struct machine *m, struct expected *exit);
	/* Where one accelerator cannot but differ: which, why, and what it shows instead. */
	const char *unlike, *why;
	struct expected otherwise[GUEST_EXITS];
};

/* Each ends with a NULL name. */
extern const struct guest guests_access[], guests_event[], guests_flash[];

#endif
