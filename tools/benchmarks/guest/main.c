/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The benchmark guest: runs the rows that its command line names, all without one, and marks
 * begin and end of each on COM1, where the host takes the time.
 */
#include "guest.h"

#define COM1 0x3f8

uint8_t *heap;
extern uint8_t guest_end[];

void *memset(void *to, int value, size_t size);
void *memcpy(void *to, const void *from, size_t size);
void guest_main(const uint32_t *multiboot);

/* The compiler may call these two. */
void *memset(void *to, int value, size_t size)
{
	void *at = to;

	__asm__ volatile("rep stosb" : "+D"(at), "+c"(size) : "a"(value) : "memory");
	return to;
}

void *memcpy(void *to, const void *from, size_t size)
{
	void *at = to;

	__asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(size) : : "memory");
	return to;
}

static void print(const char *text)
{
	for (; *text; text++) {
		while (!(port_read8(COM1 + 5) & 0x20))
			;
		port_write8(COM1, (uint8_t)*text);
	}
}

static void print_hex(uint64_t value)
{
	char text[17];

	for (int i = 0; i < 16; i++)
		text[i] = "0123456789abcdef"[value >> (60 - 4 * i) & 15];
	text[16] = 0;
	print(text);
}

/* Whether a command line has this word: the first, as QEMU puts the kernel's name there, counts
 * like the others. */
static int has_word(const char *line, const char *word)
{
	while (*line) {
		const char *w = word;

		while (*line == ' ')
			line++;
		while (*w && *line == *w)
			line++, w++;
		if (!*w && (!*line || *line == ' '))
			return 1;
		while (*line && *line != ' ')
			line++;
	}
	return 0;
}

static void row_run(const struct row *row)
{
	uint64_t sum;

	print("@begin ");
	print(row->name);
	print("\n");
	sum = row->work();
	print("@end ");
	print(row->name);
	print(" ");
	print_hex(sum);
	print("\n");
}

/* Touches all memory above, so that the emulator's own shows in what the host counts. */
static void memory_touch(uintptr_t end)
{
	for (uintptr_t at = (uintptr_t)heap; at + 4096 <= end; at += 4096)
		*(volatile uint8_t *)at = 0;
}

/* The multiboot information: flags, KiB below and above 1 MiB, boot device, command line. */
void guest_main(const uint32_t *multiboot)
{
	static const struct row *const files[] = {
#ifdef __x86_64__
	    rows_integer, rows_memory, rows_call, rows_float, rows_x87, rows_system,
#else
	    rows_integer,
	    rows_call,
#endif
	};
	static char
	    line[1024]; /* a copy, as the loader may have put it into what is the heap now */
	const char *from = (const char *)(uintptr_t)multiboot[4];

	for (size_t i = 0; i < sizeof(line) - 1 && from[i]; i++)
		line[i] = from[i];
	heap = guest_end;
	memory_touch((1u << 20) + (uintptr_t)multiboot[2] * 1024);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		for (const struct row *row = files[i]; row->name; row++)
			if (has_word(line, row->name) || has_word(line, "all"))
				row_run(row);
}
