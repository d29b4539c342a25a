/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every x87 instruction that computes or moves data against the host's own x87 on x86-64: the
 * same state goes in by FRSTOR, the instruction is executed, and FSW, tags, all registers, the
 * memory operand and EFLAGS are compared; for transcendental functions, registers to 1 ulp. States
 * are random: any TOP, empty registers, rounding, precision and mask bits, operands of every class.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#if defined(__x86_64__)
#include <sys/mman.h>

#include "emulator/cpu/flags.h"
#include "tests/unit/cpu/float_cases.h"
#include "tests/unit/cpu/x87_fixture.h"

#define IMAGE   108 /* FSAVE, 32-bit protected format */
#define OPERAND 16
#define CODE    32 /* bytes of host code for one instruction */

typedef uint64_t host_function(const uint8_t *before, uint8_t *after, void *operand,
			       uint64_t rflags);
static uint8_t *code;
static bool unmasks; /* states with unmasked exceptions too: host_is_amd() */

/* State in *rdi, state out *rsi, memory operand *rdx, RFLAGS in rcx and out rax. */
static void emit(uint8_t *p, unsigned opcode, unsigned modrm)
{
	static const uint8_t before[] = {0x51, 0x9d, 0xdd, 0x27}; /* push rcx; popfq; frstor */
	static const uint8_t after[] = {0x9c, 0x58,               /* pushfq; pop rax */
					0xdd, 0x36,               /* fnsave [rsi] */
					0xfc, 0xc3};              /* cld; ret */

	memcpy(p, before, sizeof(before));
	p[4] = (uint8_t)opcode;
	p[5] = (uint8_t)modrm;
	memcpy(p + 6, after, sizeof(after));
}

static unsigned code_slot(unsigned opcode, unsigned modrm)
{
	return ((opcode & 7) * 256 + modrm) * CODE;
}

static int setup(void **state)
{
	size_t size = 8 * 256 * CODE;

	unmasks = host_is_amd();
	code = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (code == MAP_FAILED)
		return -1;
	for (unsigned opcode = 0xd8; opcode <= 0xdf; opcode++)
		for (unsigned modrm = 0; modrm < 256; modrm++)
			emit(code + code_slot(opcode, modrm), opcode, modrm);
	return mprotect(code, size, PROT_READ | PROT_EXEC);
}

/* Random state with nothing pending, into the fixture and as an image. */
static void random_state(uint8_t *image, unsigned partner)
{
	struct fpu *f = fixture_fpu;
	uint16_t flags = (uint16_t)case_random() & (0x7f | 0x4700);
	uint16_t top = (uint16_t)case_below(8);

	fixture_reset();
	f->control = 0x40 | (uint16_t)(case_below(4) << 10);
	f->control |= (uint16_t)((case_below(2) ? 3 : case_below(4)) << 8);
	f->control |= case_below(2) || !unmasks ? 0x3f : (uint16_t)case_below(64);
	f->status = (uint16_t)((flags & (f->control | ~0x3fu)) | top << 11);
	f->tag = 0;
	for (unsigned n = 0; n < 8; n++) {
		f->st[n] = case_f80();
		if (case_below(12) == 0)
			f->tag |= (uint16_t)(3u << (n * 2));
	}
	f->st[(top + partner) & 7] = case_f80_near(f->st[top]);
	if (case_below(2)) /* room to push */
		f->tag |= (uint16_t)(3u << (((top + 7) & 7) * 2));

	memset(image, 0, IMAGE);
	memcpy(image, &f->control, 2);
	memcpy(image + 4, &f->status, 2);
	memcpy(image + 8, &f->tag, 2);
	for (unsigned n = 0; n < 8; n++) {
		memcpy(image + 28 + n * 10, &f->st[(top + n) & 7].mantissa, 8);
		memcpy(image + 36 + n * 10, &f->st[(top + n) & 7].sign_exponent, 2);
	}
}

/* Operands of the memory forms: any bytes, or a number of the instruction's format. */
static void random_operand(uint8_t *operand, unsigned opcode, unsigned field)
{
	for (unsigned n = 0; n < OPERAND; n++)
		operand[n] = (uint8_t)(case_random() >> 24);
	if (opcode == 0xd8 || opcode == 0xd9) {
		uint32_t a = case_f32();

		memcpy(operand, &a, sizeof(a));
	} else if (opcode == 0xdc || opcode == 0xdd) {
		uint64_t a = case_f64();

		memcpy(operand, &a, sizeof(a));
	} else if (opcode == 0xdf && field == 4) { /* BCD digits over 9 are undefined */
		for (unsigned n = 0; n < 9; n++)
			operand[n] = (uint8_t)(case_below(10) << 4 | case_below(10));
	}
}

static void print_state(const char *who, const uint8_t *image)
{
	printf("%s cw %02x%02x sw %02x%02x tag %02x%02x", who, image[1], image[0], image[5],
	       image[4], image[9], image[8]);
	for (unsigned n = 0; n < 8; n++) {
		uint64_t mantissa;
		uint16_t exponent;

		memcpy(&mantissa, image + 28 + n * 10, 8);
		memcpy(&exponent, image + 36 + n * 10, 2);
		printf(" %04x:%016llx", exponent, (unsigned long long)mantissa);
	}
	printf("\n");
}

static bool compares(unsigned opcode, unsigned modrm)
{
	unsigned field = (modrm >> 3) & 7;

	if (modrm < 0xc0)
		return !(opcode & 1) && (field == 2 || field == 3);
	return ((opcode == 0xd8 || opcode == 0xdc) && (field == 2 || field == 3)) ||
	       (opcode == 0xdd && (field == 4 || field == 5)) || (opcode == 0xde && field < 4) ||
	       (opcode == 0xd9 && modrm == 0xe4) || (opcode == 0xda && modrm == 0xe9);
}

static bool compares_to_eflags(unsigned opcode, unsigned modrm)
{
	return modrm >= 0xe8 && modrm < 0xf8 && (opcode == 0xdb || opcode == 0xdf);
}

static bool transcendental(unsigned opcode, unsigned modrm)
{
	return opcode == 0xd9 && modrm < 0x100 && modrm >= 0xf0 &&
	       (0xca0f >> (modrm & 15) & 1); /* F0..F3, F9, FB, FE, FF */
}

/* ST(0)..ST(7) of two images; `tolerance` in units of the last place. */
static bool same_registers(const uint8_t *a, const uint8_t *b, unsigned tolerance)
{
	for (unsigned n = 0; n < 8; n++, a += 10, b += 10) {
		struct f80 x, y;

		if (!memcmp(a, b, 10))
			continue;
		memcpy(&x.mantissa, a, 8);
		memcpy(&x.sign_exponent, a + 8, 2);
		memcpy(&y.mantissa, b, 8);
		memcpy(&y.sign_exponent, b + 8, 2);
		if (case_f80_distance(x, y) > tolerance)
			return false;
	}
	return true;
}

/*
 * Bits of FSW in which processors differ. After an unmasked exception in a comparison AMD's set the
 * condition codes (or EFLAGS), the Intel SDM says they are not set, and so do we. FCOMI: AMD's
 * leave C1 unless the stack faults, the SDM says 0.
 */
static uint16_t ignored(unsigned opcode, unsigned modrm, uint16_t status)
{
	if (compares_to_eflags(opcode, modrm) || transcendental(opcode, modrm))
		return FPU_STATUS_C1;
	if (compares(opcode, modrm) && (status & FPU_STATUS_ES))
		return FPU_STATUS_C0 | FPU_STATUS_C2 | FPU_STATUS_C3;
	return 0;
}

/* One instruction in one random state. */
static void check(unsigned opcode, unsigned modrm)
{
	uint8_t before[IMAGE], host[IMAGE], ours[IMAGE], operand[OPERAND], host_operand[OPERAND];
	uint32_t rflags = 0x202 | ((uint32_t)case_random() & FLAGS_STATUS);
	host_function *run;
	bool is_reg = modrm >= 0xc0;
	uint64_t host_rflags, wrong;
	uint16_t status;
	int vector;

	random_state(before, modrm & 7);
	random_operand(operand, opcode, (modrm >> 3) & 7);
	memcpy(host_operand, operand, OPERAND);
	memcpy(fixture_memory, operand, OPERAND);
	flags_set_status(&fixture_cpu, rflags);

	memcpy(&run, &(uint8_t *){code + code_slot(opcode, modrm)}, sizeof(run));
	host_rflags = run(before, host, host_operand, rflags);

	vector = fixture_x87(opcode, modrm, 0);
	assert_int_equal(vector, NO_EXCEPTION);
	status = fixture_fpu->status;
	assert_int_equal(fixture_x87(0xdd, 0x30, 64), NO_EXCEPTION); /* FNSAVE */
	memcpy(ours, fixture_memory + 64, IMAGE);

	wrong = (host_rflags ^ flags_status(&fixture_cpu)) & FLAGS_STATUS;
	if (compares_to_eflags(opcode, modrm) && (status & FPU_STATUS_ES))
		wrong = 0;
	status = ((host[4] | host[5] << 8) ^ status) & (uint16_t)~ignored(opcode, modrm, status);
	if (!status && !memcmp(host, ours, 2) && !memcmp(host + 8, ours + 8, 2) &&
	    same_registers(host + 28, ours + 28, transcendental(opcode, modrm)) &&
	    !memcmp(host_operand, fixture_memory, OPERAND) && !wrong)
		return;
	print_state("before", before);
	print_state("ours  ", ours);
	print_state("host  ", host);
	for (unsigned n = 0; n < OPERAND && !is_reg; n++)
		printf("%02x %02x %02x, ", operand[n], fixture_memory[n], host_operand[n]);
	fail_msg("%02x %02x differs, rflags %llx %x", opcode, modrm,
		 (unsigned long long)host_rflags, flags_status(&fixture_cpu));
}

/* Encodings that exist, without control instructions and D9 F0..FF. */
static bool is_covered(unsigned opcode, unsigned modrm)
{
	struct insn i = fixture_insn(opcode, modrm, 0);
	unsigned field = (modrm >> 3) & 7;

	if (!x87_lookup(&i))
		return false;
	if (!i.is_reg)
		return !(opcode == 0xd9 && field >= 4) && !(opcode == 0xdd && field >= 4);
	return (opcode << 8 | modrm) != 0xdfe0 && (opcode << 8 | modrm) != 0xdbe3 &&
	       (opcode << 8 | modrm) != 0xdbe2 && !(opcode == 0xd9 && modrm >= 0xf0);
}

static void test_register_forms(void **state)
{
	for (unsigned opcode = 0xd8; opcode <= 0xdf; opcode++)
		for (unsigned modrm = 0xc0; modrm <= 0xff; modrm++)
			for (unsigned n = 0; n < 500 && is_covered(opcode, modrm); n++)
				check(opcode, modrm);
}

static void test_memory_forms(void **state)
{
	for (unsigned opcode = 0xd8; opcode <= 0xdf; opcode++)
		for (unsigned field = 0; field < 8; field++) /* mod 0, rm 2: [rdx] */
			for (unsigned n = 0; n < 5000 && is_covered(opcode, field << 3 | 2); n++)
				check(opcode, field << 3 | 2);
}

/* FXTRACT, FPREM1, FDECSTP, FINCSTP, FPREM, FSQRT, FRNDINT, FSCALE. */
static void test_exact_functions(void **state)
{
	static const uint8_t modrm[] = {0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xfa, 0xfc, 0xfd};

	for (unsigned n = 0; n < sizeof(modrm) * 5000; n++)
		check(0xd9, modrm[n / 5000]);
}

/*
 * F2XM1, FYL2X, FPTAN, FPATAN, FYL2XP1, FSINCOS, FSIN, FCOS: random states, hence mostly special
 * values, limits and stack faults. softfloat_math.c looks at ordinary values.
 */
static void test_transcendental_functions(void **state)
{
	static const uint8_t modrm[] = {0xf0, 0xf1, 0xf2, 0xf3, 0xf9, 0xfb, 0xfe, 0xff};

	if (!host_is_amd())
		skip(); /* many of these operands are undefined in the manual */
	for (unsigned n = 0; n < sizeof(modrm) * 5000; n++)
		check(0xd9, modrm[n / 5000]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_register_forms),
	    cmocka_unit_test(test_memory_forms),
	    cmocka_unit_test(test_exact_functions),
	    cmocka_unit_test(test_transcendental_functions),
	};

	return cmocka_run_group_tests_name("x87 against the host", tests, setup, NULL);
}

#else

int main(void)
{
	return 77; /* meson: skipped */
}

#endif
