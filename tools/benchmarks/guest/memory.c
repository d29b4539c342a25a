/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of memory: chains of pointers, and copies by string instructions and by loops. */
#include "guest.h"

struct node {
	struct node *next;
	uint64_t value;
};

/* Follows a cycle through count nodes in random order (Sattolo's shuffle makes one cycle). */
static uint64_t chase(uint32_t count, uint32_t steps)
{
	struct node *nodes = (struct node *)heap, *at = nodes;
	uint32_t state = 11;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < count; i++)
		nodes[i] = (struct node){&nodes[i], i};
	for (uint32_t i = count - 1; i > 0; i--) {
		uint32_t j = random_next(&state) % i;
		struct node *t = nodes[i].next;

		nodes[i].next = nodes[j].next;
		nodes[j].next = t;
	}
	for (uint32_t i = 0; i < steps; i++) {
		sum = sum * 3 + at->value;
		at = at->next;
	}
	return sum;
}

static uint64_t work_chase_near(void)
{
	return chase(1 << 10, 80000000);
}

static uint64_t work_chase_far(void)
{
	return chase(HEAP_SIZE / 4 / sizeof(struct node), 6000000);
}

static uint64_t heap_sum(uint32_t size)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < size; i += 64)
		sum = sum * 31 + heap[i];
	return sum;
}

static void heap_fill(uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		heap[i] = (uint8_t)(i * 7 + (i >> 8));
}

/* REP MOVSB and MOVSQ, REP STOSQ, in pieces from a few bytes to a few pages. */
static uint64_t work_rep_copy(void)
{
	heap_fill(1 << 20);
	for (uint32_t i = 0; i < 600000; i++) {
		const uint8_t *from = heap + i * 61 % 500000;
		uint8_t *to = heap + 600000 + i * 97 % 300000;
		size_t count = i % 16 ? i % 256 : i % 16384;

		__asm__ volatile("rep movsb" : "+S"(from), "+D"(to), "+c"(count) : : "memory");
		count = i % 128;
		__asm__ volatile("rep movsq" : "+S"(from), "+D"(to), "+c"(count) : : "memory");
		count = i % 32;
		__asm__ volatile("rep stosq" : "+D"(to), "+c"(count) : "a"((uint64_t)i) : "memory");
	}
	return heap_sum(1 << 20);
}

/* REPNE SCASB and REPE CMPSB, as strlen() and memcmp() of old. */
static uint64_t work_rep_scan(void)
{
	uint64_t sum = 0;

	heap_fill(1 << 16);
	for (uint32_t i = 0; i < 1 << 16; i++)
		heap[(1 << 16) + i] = heap[i] |= 1;
	for (uint32_t i = 0; i < 900000; i++) {
		const uint8_t *a = heap + i % 4096, *b = heap + (1 << 16) + i % 4096;
		size_t count = i % 128 + 8;

		__asm__ volatile("cmpb %%al, %%al\n\trepe cmpsb"
				 : "+S"(a), "+D"(b), "+c"(count)
				 :
				 : "memory", "cc");
		sum += count + (uintptr_t)(a - heap);
		count = 200;
		__asm__ volatile("repne scasb" : "+D"(b), "+c"(count) : "a"(0) : "memory", "cc");
		sum += count;
	}
	return sum;
}

/* LODSB and STOSB one at a time: the shape of old text code. */
static uint64_t work_lods_stos(void)
{
	heap_fill(1 << 16);
	for (int round = 0; round < 2000; round++) {
		const uint8_t *from = heap;
		uint8_t *to = heap + (1 << 16);
		uintptr_t count = 1 << 16;

		__asm__ volatile("1:\n\tlodsb\n\txorb $0x20, %%al\n\tstosb\n\tdec %2\n\tjnz 1b"
				 : "+S"(from), "+D"(to), "+r"(count)
				 :
				 : "rax", "memory", "cc");
	}
	return heap_sum(1 << 17);
}

/* A string copy and a string compare of bytes in C. */
static uint64_t work_string_loop(void)
{
	uint64_t sum = 0;

	heap_fill(1 << 12);
	for (uint32_t i = 0; i < 1 << 12; i++)
		heap[i] |= 1;
	heap[4095] = 0;
	for (uint32_t i = 0; i < 30000; i++) {
		volatile uint8_t *to = heap + 8192;
		const uint8_t *from = heap + i % 2048;

		while ((*to++ = *from++))
			;
		sum += (uintptr_t)(to - heap);
	}
	return sum + heap_sum(1 << 14);
}

/* Quadwords there and back: a move of memory by loads and stores. */
static uint64_t work_copy_loop(void)
{
	heap_fill(1 << 16);
	for (int round = 0; round < 12000; round++) {
		volatile uint64_t *from = (uint64_t *)heap, *to = (uint64_t *)(heap + (1 << 16));

		for (int i = 0; i < 1 << 13; i++)
			to[i] = from[i] + (uint64_t)round;
	}
	return heap_sum(1 << 17);
}

const struct row rows_memory[] = {
    {"chase-near", work_chase_near}, {"chase-far", work_chase_far},
    {"rep-copy", work_rep_copy},     {"rep-scan", work_rep_scan},
    {"lods-stos", work_lods_stos},   {"string-loop", work_string_loop},
    {"copy-loop", work_copy_loop},   {NULL, NULL},
};
