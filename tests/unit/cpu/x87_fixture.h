/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One processor with nothing around it, for tests of x87 and FPU state instructions: its memory
 * is an array that ends in a fault, and an exception comes back as a number. The functions that
 * mmu.c, exception.c and decode.c have in vcr are defined here, so nothing of those is linked.
 */
#ifndef VCR_TESTS_X87_FIXTURE_H
#define VCR_TESTS_X87_FIXTURE_H

#include <string.h>

#include "emulator/cpu/fpu.h"
#include "emulator/cpu/mem.h"

#define FIXTURE_MEMORY 4096 /* beyond is #PF */
#define FIXTURE_RIP    0x401000ull
#define NO_EXCEPTION   -1

static struct cpu fixture_cpu;
static struct tlb fixture_tlb;
static struct vcpu fixture_vcpu = {.c = &fixture_cpu, .tlb = &fixture_tlb};
static uint8_t fixture_memory[FIXTURE_MEMORY];
static struct fpu *const fixture_fpu = &fixture_cpu.fpu;

_Noreturn void cpu_raise_error(struct vcpu *v, unsigned vector, uint32_t error)
{
	v->fault_vector = (uint8_t)vector;
	v->fault_error = error;
	longjmp(v->fault, 1);
}

_Noreturn void cpu_raise(struct vcpu *v, unsigned vector)
{
	cpu_raise_error(v, vector, 0);
}

void insn_undefined(struct vcpu *v, const struct insn *i)
{
	cpu_raise(v, EXC_UD);
}

static uint8_t *fixture_at(struct vcpu *v, uint64_t offset, unsigned size)
{
	if (offset > FIXTURE_MEMORY || size > FIXTURE_MEMORY - offset)
		cpu_raise(v, EXC_PF);
	return fixture_memory + offset;
}

void mem_read_bytes(struct vcpu *v, unsigned seg, uint64_t offset, void *data, unsigned size)
{
	memcpy(data, fixture_at(v, offset, size), size);
}

void mem_write_bytes(struct vcpu *v, unsigned seg, uint64_t offset, const void *data, unsigned size)
{
	memcpy(fixture_at(v, offset, size), data, size);
}

void mem_probe_write(struct vcpu *v, unsigned seg, uint64_t offset, unsigned size)
{
	fixture_at(v, offset, size);
}

uint64_t mem_read_slow(struct vcpu *v, unsigned seg, uint64_t offset, unsigned size)
{
	uint64_t value = 0;

	memcpy(&value, fixture_at(v, offset, size), size);
	return value;
}

void mem_write_slow(struct vcpu *v, unsigned seg, uint64_t offset, unsigned size, uint64_t value)
{
	memcpy(fixture_at(v, offset, size), &value, size);
}

void mem_guard(struct vcpu *v, uint64_t ram_offset, unsigned size)
{
}

/* 32-bit protected mode, SSE enabled, FNINIT done. Segment spans of 0 keep to the slow path. */
static inline void fixture_reset(void)
{
	memset(&fixture_cpu, 0, sizeof(fixture_cpu));
	memset(fixture_memory, 0, sizeof(fixture_memory));
	fixture_cpu.cr0 = CR0_PE | CR0_NE | CR0_ET | CR0_MP;
	fixture_cpu.cr4 = CR4_OSFXSR | CR4_OSXMMEXCPT;
	fixture_cpu.code_bits = 32;
	fixture_cpu.linear_mask = 0xffffffff;
	fixture_cpu.seg[SEG_CS].selector = 0x1b;
	fixture_cpu.seg[SEG_DS].selector = 0x23;
	fpu_fninit(fixture_fpu);
	fixture_fpu->mxcsr = MXCSR_RESET;
}

/* Runs a handler on an instruction; returns the vector that it raised, or NO_EXCEPTION. */
static inline int fixture_run(insn_handler *handler, struct insn *i)
{
	if (!handler)
		return EXC_UD;
	fixture_vcpu.insn = i;
	fixture_cpu.reg[GPR_RIP] = FIXTURE_RIP + i->length;
	if (setjmp(fixture_vcpu.fault))
		return fixture_vcpu.fault_vector;
	handler(&fixture_vcpu, i);
	return NO_EXCEPTION;
}

/* An x87 instruction whose memory operand, if any, is at DS:offset. */
static inline struct insn fixture_insn(unsigned opcode, unsigned modrm, uint32_t offset)
{
	return (struct insn){
	    .displacement = (int32_t)offset,
	    .length = 2,
	    .opcode = (uint8_t)opcode,
	    .map = MAP_1BYTE,
	    .modrm = (uint8_t)modrm,
	    .reg = (modrm >> 3) & 7,
	    .rm = modrm & 7,
	    .base = GPR_ZERO,
	    .index = GPR_ZERO,
	    .seg = SEG_DS,
	    .operand = 4,
	    .address = 4,
	    .is_reg = modrm >= 0xc0,
	};
}

static inline int fixture_x87(unsigned opcode, unsigned modrm, uint32_t offset)
{
	struct insn i = fixture_insn(opcode, modrm, offset);

	return fixture_run(x87_lookup(&i), &i);
}

#endif
