/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of what a kernel does: ports, device memory, interrupts, page tables, code that is patched.
 */
#include "guest.h"

#define IOAPIC 0xfec00000u
#define LAPIC  0xfee00000u

struct gate {
	uint64_t low, high;
};

extern const uint8_t vector_count[], vector_skip[];
extern volatile uint64_t interrupts_taken;
extern uint64_t page_root[];

static struct gate idt[256] __attribute__((aligned(16)));

static void gate_set(int vector, const uint8_t *handler)
{
	uint64_t at = (uintptr_t)handler;

	idt[vector].low = (at & 0xffff) | 0x18u << 16 | 0x8e00ull << 32 | (at >> 16 & 0xffff) << 48;
	idt[vector].high = at >> 32;
}

static void idt_load(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) pointer = {sizeof(idt) - 1, (uintptr_t)idt};

	gate_set(6, vector_skip);
	gate_set(0x40, vector_count);
	__asm__ volatile("lidt %0" : : "m"(pointer));
}

static uint64_t work_pio_write(void)
{
	for (int i = 0; i < 6000000; i++)
		port_write8(0x80, (uint8_t)i);
	return 0;
}

/* The system control port, without the bits that follow the timer. */
static uint64_t work_pio_read(void)
{
	uint64_t sum = 0;

	for (int i = 0; i < 4000000; i++)
		sum += port_read8(0x61) & 0x0f;
	return sum;
}

/* The I/O APIC's index and data: a redirection entry that stays masked. */
static uint64_t work_mmio(void)
{
	volatile uint32_t *index = (uint32_t *)(uintptr_t)IOAPIC, *data = index + 4;
	uint64_t sum = 0;

	*index = 0x10 + 2 * 20;
	for (uint32_t i = 0; i < 3000000; i++) {
		*data = 0x10000 | (i & 0xff);
		sum += *data;
	}
	return sum;
}

/* The local APIC's task priority. */
static uint64_t work_mmio_lapic(void)
{
	volatile uint32_t *priority = (uint32_t *)(uintptr_t)(LAPIC + 0x80);
	uint64_t sum = 0;

	for (uint32_t i = 0; i < 2000000; i++) {
		*priority = i & 0xf0;
		sum += *priority;
	}
	return sum;
}

static uint64_t work_interrupts(void)
{
	idt_load();
	interrupts_taken = 0;
	for (int i = 0; i < 2000000; i++)
		__asm__ volatile("int $0x40" : : : "memory");
	return interrupts_taken;
}

static uint64_t work_faults(void)
{
	idt_load();
	for (int i = 0; i < 2000000; i++)
		__asm__ volatile("ud2" : : : "memory");
	return 0;
}

/* Maps 2 MiB by small pages at this address, above what start.S maps. */
#define WINDOW 0x8000000000ull

static volatile uint64_t *window_map(void)
{
	uint64_t *tables = (uint64_t *)heap; /* pointers, directory, table */

	for (int i = 0; i < 3 * 512; i++)
		tables[i] = 0;
	page_root[1] = (uintptr_t)tables | 3;
	tables[0] = (uintptr_t)(tables + 512) | 3;
	tables[512] = (uintptr_t)(tables + 1024) | 3;
	for (uint32_t i = 0; i < 512; i++)
		tables[1024 + i] = ((uintptr_t)heap + (1 << 20) + i * 4096) | 3;
	__asm__ volatile("mov %%cr3, %%rax\n\tmov %%rax, %%cr3" : : : "rax", "memory");
	return (volatile uint64_t *)WINDOW;
}

/* Page walks: CR3 is written, and then a few pages are used, as on a switch of address spaces. */
static uint64_t work_tlb_flush(void)
{
	volatile uint64_t *window = window_map();
	uint64_t sum = 0;

	for (uint32_t i = 0; i < 200000; i++) {
		__asm__ volatile("mov %%cr3, %%rax\n\tmov %%rax, %%cr3" : : : "rax", "memory");
		for (uint32_t k = 0; k < 8; k++) {
			window[(i + k * 3) % 512 * 512] += i;
			sum += window[(i + k) % 512 * 512];
		}
	}
	return sum;
}

/* INVLPG after a change of one entry: what a page fault handler does. */
static uint64_t work_invlpg(void)
{
	volatile uint64_t *window = window_map();
	volatile uint64_t *table = (uint64_t *)heap + 1024;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < 1000000; i++) {
		volatile uint64_t *page = window + i % 64 * 512;

		table[i % 64] = ((uintptr_t)heap + (1 << 20) + i % 512 * 4096) | 3;
		__asm__ volatile("invlpg (%0)" : : "r"(page) : "memory");
		*page += i;
		sum += *page;
	}
	return sum;
}

/* More pages than a TLB holds, again and again. */
static uint64_t work_page_walks(void)
{
	uint64_t *tables = (uint64_t *)heap, sum = 0;
	volatile uint64_t *window = (volatile uint64_t *)WINDOW;

	/* 16 tables of 512 pages, which lie over the same memory. */
	for (int i = 0; i < 18 * 512; i++)
		tables[i] = 0;
	page_root[1] = (uintptr_t)tables | 3;
	tables[0] = (uintptr_t)(tables + 512) | 3;
	for (uint32_t i = 0; i < 16; i++)
		tables[512 + i] = (uintptr_t)(tables + 1024 + i * 512) | 3;
	for (uint32_t i = 0; i < 16 * 512; i++)
		tables[1024 + i] = ((uintptr_t)heap + (1 << 20) + i % 1024 * 4096) | 3;
	__asm__ volatile("mov %%cr3, %%rax\n\tmov %%rax, %%cr3" : : : "rax", "memory");
	for (uint32_t round = 0; round < 400; round++)
		for (uint32_t i = 0; i < 16 * 512; i++)
			sum += window[i * 512 + i % 512]++;
	return sum;
}

/* A function whose immediate operand is written before each call: INT3 patches and the like. */
__asm__(".section .patched, \"awx\"\n"
	"patched:\n\tmovl $0, %eax\n\tret\n"
	".text");
extern uint8_t patched[];

static uint64_t work_patched_code(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < 100000; i++) {
		uint32_t value;

		*(volatile uint32_t *)(void *)(patched + 1) = i;
		__asm__ volatile("call patched" : "=a"(value) : : "memory");
		sum += value;
	}
	return sum;
}

/* Data on the page of the code that writes it. */
__asm__(".section .patched, \"awx\"\n"
	"near_code:\n\taddl $1, near_data(%rip)\n\tmovl near_data(%rip), %eax\n\tret\n"
	"\t.balign 64\nnear_data:\n\t.long 0\n"
	".text");

static uint64_t work_data_by_code(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < 3000000; i++) {
		uint32_t value;

		__asm__ volatile("call near_code" : "=a"(value) : : "memory");
		sum += value;
	}
	return sum;
}

const struct row rows_system[] = {
    {"pio-write", work_pio_write},       {"pio-read", work_pio_read},
    {"mmio-ioapic", work_mmio},          {"mmio-lapic", work_mmio_lapic},
    {"interrupts", work_interrupts},     {"faults", work_faults},
    {"tlb-flush", work_tlb_flush},       {"invlpg", work_invlpg},
    {"page-walks", work_page_walks},     {"patched-code", work_patched_code},
    {"data-by-code", work_data_by_code}, {NULL, NULL},
};
