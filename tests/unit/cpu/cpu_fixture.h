/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vCPU with 4 MiB of RAM at 0 and nothing else, at CPL 0 in flat segments, to run code bytes in:
 * real mode with CS = DS = SS = 0, 32-bit protected mode without paging, or 64-bit mode with the
 * first 16 MiB identity-mapped. Addresses from 4 MiB on are MMIO, whose accesses are recorded as
 * exits. Every vector's handler is a HLT, so a fault shows as a halt at a known place.
 */
#ifndef VCR_TEST_CPU_FIXTURE_H
#define VCR_TEST_CPU_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "emulator/cpu/cpu.h"
#include "emulator/cpu/flags.h"

#define FIXTURE_RAM   0x400000u
#define FIXTURE_STUBS 0x6000u /* 16 bytes for each of 256 vectors */
#define FIXTURE_CODE  0x8000u /* where code goes */
#define FIXTURE_DATA  0xa000u /* free for tests, up to the stack */
#define FIXTURE_STACK 0xf000u /* RSP at first */
#define FIXTURE_MMIO  0x800000u
#define FIXTURE_EXITS 256

struct cpu_fixture {
	struct vcpu v;
	struct cpu *c;
	uint8_t *ram;
	struct exit exits[FIXTURE_EXITS];
	unsigned exit_count;
	unsigned kick_exit;   /* the exit, from 1 on, that asks to leave; 0: none */
	uint64_t answer;      /* to reads by exits */
	unsigned dirty_pages; /* how often a page was reported dirty */
};

/* bits: 16, 32 or 64; model as in -cpu. */
void fixture_open(struct cpu_fixture *f, unsigned bits, const char *model);
void fixture_close(struct cpu_fixture *f);

/* Puts code at FIXTURE_CODE, and RIP there; RSP is FIXTURE_STACK again. */
void fixture_load(struct cpu_fixture *f, const void *code, size_t size);
/*
 * Runs up to n instructions. Returns the vector of the first fault, or -1. After a fault, what
 * was saved on the stack is had by the next two.
 */
int fixture_run(struct cpu_fixture *f, uint64_t n);
uint64_t fixture_fault_rip(const struct cpu_fixture *f);
uint64_t fixture_fault_error(const struct cpu_fixture *f);

/* Loads code and runs its n instructions, which must not fault. */
void fixture_do(struct cpu_fixture *f, const void *code, size_t size, uint64_t n);

/* Code bytes as arguments: fixture_do(f, CODE(0x90), 1). */
#define CODE(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

/* Little-endian memory. */
uint64_t fixture_peek(const struct cpu_fixture *f, uint64_t address, unsigned size);
void fixture_poke(struct cpu_fixture *f, uint64_t address, unsigned size, uint64_t value);

static inline void fixture_set_flags(struct cpu_fixture *f, uint32_t status)
{
	flags_set_status(f->c, status);
}

static inline uint32_t fixture_flags(const struct cpu_fixture *f)
{
	return flags_status(f->c);
}

#endif
