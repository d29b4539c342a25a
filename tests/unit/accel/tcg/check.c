/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does check=on find a translator that is wrong? Each case is right guest code, in whose host code
 * a defect is planted as soon as it has been written out for -d out_asm, which is before it first
 * runs: one number in it becomes another. What the guest then does wrong is first seen without the
 * check; with it the run must stop, name what differs, and show guest code, IR and host code.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/accel/tcg/jit.h"
#include "emulator/accel/tcg/tcg.h"
#include "tests/unit/cpu/cpu_fixture.h"

#define MARK 0x5a6b7c8du /* in guest code: the number that is changed in host code */
#define PAGE 0xb000u     /* where the cases load and store */

struct planted {
	uint8_t code[24];
	unsigned size, insns;
	uint32_t from, to;
	const char *differs;
};

struct session {
	struct cpu_fixture f;
	const struct planted *defect; /* NULL: none */
	unsigned planted;
	uint8_t *code; /* of the case */
	char log[1 << 16];
	char report[500];
};

static struct session s;

static void plant(const struct jit *j)
{
	uint8_t *at = s.code;
	const uint8_t *end = j->code_at;

	for (; s.defect && at + sizeof(s.defect->from) <= end; at++) {
		if (memcmp(at, &s.defect->from, sizeof(s.defect->from)) != 0)
			continue;
		memcpy(at, &s.defect->to, sizeof(s.defect->to));
		s.planted++;
	}
}

static void log_write(void *opaque, enum log_item item, const char *line)
{
	size_t used = strlen(s.log);

	snprintf(s.log + used, sizeof(s.log) - used, "%s\n", line);
	if (item == LOG_OUT_ASM)
		plant(opaque);
}

static void check_failed(struct jit *j, const char *what)
{
	snprintf(s.report, sizeof(s.report), "%s", what);
	vcpu_kick(j->v);
}

/* Stores to both pages, so that they are in the TLB: else the interpreter does what is wrong. */
static void warm_up(void)
{
	fixture_load(&s.f, CODE(0xbb, 0x00, 0xb0, 0x00, 0x00,       /* mov ebx, 0b000h */
				0x89, 0x03,                         /* mov [rbx], eax */
				0x89, 0x83, 0x00, 0x10, 0x00, 0x00, /* mov [rbx + 1000h], eax */
				0xeb, 0x00));
	s.f.v.limit = s.f.c->insns + 4;
	tcg_run(&s.f.v);
}

static struct jit *begin(const struct planted *p, bool defective, bool check)
{
	struct jit *j;

	memset(&s, 0, sizeof(s));
	fixture_open(&s.f, 64, "x86-64-v2");
	tcg_translate_no_more(&s.f.v);
	if (tcg_translate(&s.f.v, 0))
		skip();
	j = s.f.v.translator;
	j->log = (struct log){.items = LOG_OUT_ASM | LOG_CHECK, .write = log_write, .opaque = j};
	j->check_failed = check_failed;
	assert_true(!check || !jit_check_open(j, false));
	warm_up();
	s.defect = defective ? p : NULL;
	s.code = j->code_at;
	fixture_load(&s.f, p->code, p->size);
	s.f.c->reg[GPR_RBX] = PAGE;
	s.f.c->reg[GPR_RAX] = s.f.c->reg[GPR_RSI] = MARK;
	fixture_poke(&s.f, PAGE, 4, 0x11111111);
	fixture_poke(&s.f, PAGE + 0x100, 4, 0x22222222);
	return j;
}

static void turn(const struct planted *p)
{
	s.f.c->reg[GPR_RIP] = FIXTURE_CODE;
	s.f.v.limit = s.f.c->insns + p->insns;
	tcg_run(&s.f.v);
}

/* What a guest can see of a run: registers, two pages, how far it came. */
static uint64_t digest(void)
{
	struct cpu_regs r;
	uint64_t sum = s.f.c->insns;
	const uint8_t *at = (const uint8_t *)&r;

	cpu_get_regs(s.f.c, &r);
	for (size_t n = 0; n < sizeof(r); n++)
		sum = sum * 31 + at[n];
	for (uint64_t n = PAGE; n < PAGE + 0x2000; n++)
		sum = sum * 31 + s.f.ram[n];
	return sum;
}

/* clang-format off */
static const struct planted defects[] = {
	{{0xb8, 0x8d, 0x7c, 0x6b, 0x5a,                    /* mov eax, 5a6b7c8dh */
	  0xeb, 0x00}, 7, 2, MARK, MARK + 1, "registers; RAX 0x5a6b7c8d, translated 0x5a6b7c8e"},
	{{0x81, 0xfe, 0x8d, 0x7c, 0x6b, 0x5a,              /* cmp esi, 5a6b7c8dh */
	  0xeb, 0x00}, 8, 2, MARK, MARK + 0x100, "registers; RFLAGS"},
	{{0xc7, 0x03, 0x8d, 0x7c, 0x6b, 0x5a,              /* mov dword [rbx], 5a6b7c8dh */
	  0xeb, 0x00}, 8, 2, MARK, MARK + 1, "memory"},
	{{0x89, 0x83, 0x34, 0x02, 0x00, 0x00,              /* mov [rbx + 234h], eax */
	  0xeb, 0x00}, 8, 2, 0x234, 0x1234, "which pages are stored to"},
	{{0x8b, 0x03,                                      /* mov eax, [rbx] */
	  0x8b, 0x93, 0x34, 0x12, 0x00, 0x40,              /* mov edx, [rbx + 40001234h] */
	  0xeb, 0x00}, 10, 3, 0x40001234, 0x234, "the fault"},
	{{0x90, 0x90, 0x90, 0xeb, 0x00}, 5, 4,             /* sub r13, 4: it counts 3 */
	  0x04ed8349, 0x03ed8349, "registers; RIP 0x8005, translated 0x8007"},
	{{0x8b, 0x83, 0x34, 0x32, 0x00, 0x00,              /* mov eax, [rbx + 3234h]: another page */
	  0x85, 0xc0,                                      /* test eax, eax */
	  0xb8, 0x07, 0x00, 0x00, 0x00,                    /* mov eax, 7 */
	  0xeb, 0x00}, 15, 4, 0x3234, 0x234, "the TLB"},
};
/* clang-format on */
#define DEFECTS (sizeof(defects) / sizeof(defects[0]))

static void test_defects_are_found(void **state)
{
	for (unsigned n = 0; n < DEFECTS; n++) {
		const struct planted *p = &defects[n];
		char where[60];

		begin(p, true, true);
		turn(p);
		if (!s.report[0])
			turn(p);
		assert_int_equal(s.planted, 1);
		snprintf(where, sizeof(where), "block at RIP 0x%x: ", FIXTURE_CODE);
		if (strncmp(s.report, where, strlen(where)) != 0 ||
		    strncmp(s.report + strlen(where), p->differs, strlen(p->differs)) != 0)
			fail_msg("%u: '%s', expected '%s'", n, s.report, p->differs);
		fixture_close(&s.f);
	}
}

/* Guest code, IR, host code, in this order; the host code that is wrong, not another. */
static void test_report_shows_the_block(void **state)
{
	const char *in, *ir, *out;

	begin(&defects[0], true, true);
	s.log[0] = '\0';
	turn(&defects[0]);
	in = strstr(s.log, "IN: 0x8000, 2 instructions\n0x00008000:  b88d7c6b5a");
	ir = strstr(s.log, "IR:\n insn 0\n    mov.4 rax, 0x5a6b7c8d\n insn 1\n    goto 0x8007\n");
	assert_non_null(in);
	assert_non_null(ir);
	out = strstr(ir, "OUT: ");
	assert_non_null(out);
	assert_non_null(strstr(out, "mov r10d, 0x5a6b7c8e"));
	assert_true(in < ir);
	fixture_close(&s.f);
}

/* Without the check the same defects go through, and change what the guest does. */
static void test_defects_bite(void **state)
{
	for (unsigned n = 0; n < DEFECTS; n++) {
		uint64_t right;

		begin(&defects[n], false, false);
		turn(&defects[n]);
		turn(&defects[n]);
		right = digest();
		fixture_close(&s.f);
		begin(&defects[n], true, false);
		turn(&defects[n]);
		turn(&defects[n]);
		assert_int_equal(s.planted, 1);
		assert_string_equal(s.report, "");
		/* But for the TLB: what is in it shows only later. */
		if (strcmp(defects[n].differs, "the TLB") != 0 && digest() == right)
			fail_msg("%u: nothing came of it", n);
		fixture_close(&s.f);
	}
}

static void test_right_code_passes(void **state)
{
	for (unsigned n = 0; n < DEFECTS; n++) {
		uint64_t right;

		begin(&defects[n], false, false);
		turn(&defects[n]);
		turn(&defects[n]);
		right = digest();
		fixture_close(&s.f);
		begin(&defects[n], false, true);
		turn(&defects[n]);
		turn(&defects[n]);
		assert_string_equal(s.report, "");
		assert_int_equal(digest(), right);
		fixture_close(&s.f);
	}
}

/* IN twice: the device is asked twice, not four times, and the block is compared all the same. */
static void test_devices_are_asked_once(void **state)
{
	static const struct planted in = {{0xe5, 0x40,              /* in eax, 40h */
					   0x89, 0xc2,              /* mov edx, eax */
					   0xe5, 0x40, 0xeb, 0x00}, /* in eax, 40h */
					  8,
					  4,
					  0,
					  0,
					  ""};

	begin(&in, false, true);
	s.f.answer = 0x31415926;
	turn(&in);
	assert_string_equal(s.report, "");
	assert_int_equal(s.f.exit_count, 2);
	assert_int_equal(s.f.c->reg[GPR_RDX], 0x31415926);
	jit_check_close(s.f.v.translator);
	assert_non_null(strstr(s.log, "check: 2 blocks ran by both engines, 2 times, 8 "
				      "instructions; 0 blocks could not\n"));
	fixture_close(&s.f);
}

/* A defect that shows with some registers only is found when they come. */
static void test_checked_more_than_once(void **state)
{
	static const struct planted p = {
	    {0x81, 0xfe, 0x8d, 0x7c, 0x6b, 0x5a, 0xeb, 0x00}, 8, 2, MARK, MARK + 0x100, ""};

	begin(&p, true, true);
	s.f.c->reg[GPR_RSI] = 1; /* neither */
	turn(&p);
	assert_string_equal(s.report, "");
	s.f.c->reg[GPR_RSI] = MARK;
	turn(&p);
	assert_non_null(strstr(s.report, "registers; RFLAGS"));
	fixture_close(&s.f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_defects_are_found),
	    cmocka_unit_test(test_report_shows_the_block),
	    cmocka_unit_test(test_defects_bite),
	    cmocka_unit_test(test_right_code_passes),
	    cmocka_unit_test(test_devices_are_asked_once),
	    cmocka_unit_test(test_checked_more_than_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
