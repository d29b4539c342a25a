/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loops that translated code goes round in without the run loop: blocks that are linked, entered
 * without flags, extended behind conditional jumps and left in the middle. Wherever a run stops,
 * the processor must be the one that the interpreter gives.
 */
#include <string.h>

#include "emulator/accel/tcg/jit.h"
#include "emulator/accel/tcg/tcg.h"
#include "tests/unit/cpu/cpu_fixture.h"

#define STEPS 6000

static struct cpu_fixture f[2]; /* the second has the translator */

/* clang-format off */
static const struct loop {
	const char *name;
	uint8_t code[48];
	unsigned size;
} loops[] = {
	/* Comparisons that the next block forgets; jumps that go both ways. */
	{"compare",
	 {0xa8, 0x01,                         /* 00: test al, 1 */
	  0x75, 0x05,                         /*     jne 9 */
	  0x48, 0xd1, 0xe8,                   /*     shr rax, 1 */
	  0xeb, 0x05,                         /*     jmp 0eh */
	  0x48, 0x8d, 0x44, 0x40, 0x01,       /* 09: lea rax, [rax + rax * 2 + 1] */
	  0x83, 0xc2, 0x01,                   /* 0e: add edx, 1 */
	  0x48, 0x83, 0xf8, 0x01,             /*     cmp rax, 1 */
	  0x75, 0xe9,                         /*     jne 0 */
	  0xb8, 0x1b, 0x00, 0x00, 0x00,       /*     mov eax, 27 */
	  0xeb, 0xe2}, 0x1e},                 /*     jmp 0 */
	/* CF that INC and DEC leave alone, shifts, and conditions of all kinds of flags. */
	{"carry",
	 {0x01, 0xd8,                         /* 00: add eax, ebx */
	  0xff, 0xc9,                         /*     dec ecx */
	  0x74, 0x08,                         /*     je 0eh */
	  0x11, 0xc2,                         /*     adc edx, eax */
	  0xff, 0xc6,                         /*     inc esi */
	  0x78, 0x02,                         /*     js 0eh */
	  0xeb, 0xf2,                         /*     jmp 0 */
	  0xc1, 0xfa, 0x03,                   /* 0e: sar edx, 3 */
	  0x70, 0xed,                         /*     jo 0 */
	  0xd1, 0xe3,                         /*     shl ebx, 1 */
	  0x72, 0x02,                         /*     jb 19h */
	  0xf7, 0xd8,                         /*     neg eax */
	  0x83, 0xcb, 0x41,                   /* 19: or ebx, 41h */
	  0xb9, 0x05, 0x00, 0x00, 0x00,       /*     mov ecx, 5 */
	  0xeb, 0xdd}, 0x23},                 /*     jmp 0 */
	/* Flags over accesses to memory, and behind jumps that are not taken. */
	{"memory",
	 {0x39, 0x04, 0x8f,                   /* 00: cmp [rdi + rcx * 4], eax */
	  0x76, 0x06,                         /*     jbe 0bh */
	  0x89, 0x04, 0x8f,                   /*     mov [rdi + rcx * 4], eax */
	  0x0f, 0x94, 0xc3,                   /*     sete bl */
	  0x0f, 0xa3, 0xc8,                   /* 0b: bt eax, ecx */
	  0x73, 0x03,                         /*     jae 13h */
	  0x83, 0xf0, 0x5b,                   /*     xor eax, 5bh */
	  0x05, 0x67, 0x45, 0x23, 0x01,       /* 13: add eax, 1234567h */
	  0xff, 0xc1,                         /*     inc ecx */
	  0x83, 0xe1, 0x07,                   /*     and ecx, 7 */
	  0x75, 0xe1,                         /*     jne 0 */
	  0x6b, 0xd0, 0x03,                   /*     imul edx, eax, 3 */
	  0x31, 0x17,                         /*     xor [rdi], edx */
	  0xeb, 0xda}, 0x26},                 /*     jmp 0 */
	/* Stores to code that only the longer block has. */
	{"store to code",
	 {0xff, 0xc1,                         /* 00: inc ecx */
	  0xf6, 0xc1, 0x1f,                   /*     test cl, 1fh */
	  0x75, 0x04,                         /*     jne 0bh */
	  0xfe, 0x03,                         /*     inc byte [rbx] */
	  0xeb, 0xf5,                         /*     jmp 0 */
	  0x83, 0xc0, 0x00,                   /* 0b: add eax, 0: at rbx is the number */
	  0x7a, 0xf0,                         /*     jp 0 */
	  0x83, 0xf0, 0x11,                   /*     xor eax, 11h */
	  0xeb, 0xeb}, 0x15},                 /*     jmp 0 */
	{"store behind a jump",
	 {0xff, 0xc1,                         /* 00: inc ecx */
	  0xf6, 0xc1, 0x1f,                   /*     test cl, 1fh */
	  0x74, 0x07,                         /*     je 0eh */
	  0x90, 0x90,                         /*     nop, nop */
	  0x83, 0xc0, 0x00,                   /*     add eax, 0: at rbx is the number */
	  0xeb, 0xf2,                         /*     jmp 0 */
	  0xfe, 0x43, 0xfe,                   /* 0e: inc byte [rbx - 2] */
	  0xfe, 0x4b, 0xfe,                   /*     dec byte [rbx - 2] */
	  0xfe, 0x03,                         /*     inc byte [rbx] */
	  0xeb, 0xe8}, 0x18},                 /*     jmp 0 */
};
/* clang-format on */

static void begin(const struct loop *l)
{
	for (unsigned n = 0; n < 2; n++) {
		fixture_open(&f[n], 64, "x86-64-v2");
		tcg_translate_no_more(&f[n].v);
		if (n && tcg_translate(&f[n].v, 1))
			skip();
		fixture_load(&f[n], l->code, l->size);
		f[n].c->reg[GPR_RAX] = 27;
		f[n].c->reg[GPR_RBX] = strcmp(l->name, "carry") == 0 ? 3 : FIXTURE_CODE;
		f[n].c->reg[GPR_RBX] += strcmp(l->name, "store to code") == 0 ? 0x0d : 0;
		f[n].c->reg[GPR_RBX] += strcmp(l->name, "store behind a jump") == 0 ? 0x0b : 0;
		f[n].c->reg[GPR_RCX] = 5;
		f[n].c->reg[GPR_RDI] = FIXTURE_DATA;
	}
}

static bool has_extended(const struct jit *j)
{
	for (uint32_t n = 0; n < j->blocks; n++)
		if (j->block[n] && j->block[n]->block->is_extended)
			return true;
	return false;
}

static void compare(const struct loop *l, uint64_t limit)
{
	struct cpu_regs is, should;

	cpu_get_regs(f[0].c, &should);
	cpu_get_regs(f[1].c, &is);
	if (f[1].c->insns != limit || memcmp(&is, &should, sizeof(is)) != 0)
		fail_msg("%s: at %llu of %llu RIP 0x%llx, not 0x%llx, RFLAGS 0x%llx, not 0x%llx",
			 l->name, (unsigned long long)f[1].c->insns, (unsigned long long)limit,
			 (unsigned long long)is.rip, (unsigned long long)should.rip,
			 (unsigned long long)is.rflags, (unsigned long long)should.rflags);
}

/* Runs of all lengths from 1 on, most of them with many rounds of the loop. */
static void test_stops_anywhere(void **state)
{
	for (unsigned n = 0; n < sizeof(loops) / sizeof(loops[0]); n++) {
		bool extended = false;
		uint64_t limit;

		begin(&loops[n]);
		limit = f[0].c->insns;
		for (unsigned step = 0; step < STEPS; step++) {
			limit += step % 3 ? step * 7919u % 331 + 1 : step / 3 % 40 + 1;
			for (unsigned side = 0; side < 2; side++) {
				f[side].v.limit = limit;
				tcg_run(&f[side].v);
			}
			compare(&loops[n], limit);
			extended |= has_extended(f[1].v.translator);
		}
		assert_memory_equal(f[0].ram, f[1].ram, FIXTURE_RAM);
		assert_true(extended);
		fixture_close(&f[0]);
		fixture_close(&f[1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_stops_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
