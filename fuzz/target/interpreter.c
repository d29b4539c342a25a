/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: both engines of tcg, the interpreter and the translator, against the host's
 * processor, with what tests/oracle has for it: an instruction is executed natively in a helper
 * process and on an engine, with the same registers and memory, and everything that comes out must
 * be equal. What the manual leaves
 * undefined, and where processors differ, is known to compare.c and encoding.c there.
 *
 * An input is
 *	0	bit 0: 64-bit code, else 32-bit; bit 1: the translator, where there is one
 *	1 2	number of a set of registers, which aim at the data pages
 *	3-17	the instruction; what is missing is INT3
 *	18 ...	registers, in pieces of 9 bytes: number (0 to 15, 16 the flags), value
 *
 * Where no instruction can be executed natively (another architecture, no seccomp), every input
 * passes, after a line that says so.
 */
#include "fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "tests/oracle/compare.h"
#include "tests/oracle/emulate.h"
#include "tests/oracle/generate.h"
#include "tests/oracle/host.h"

#define SEED     1
#define CODE     3u
#define CODE_MAX 15u
#define VALUES   (CODE + CODE_MAX)
/* Status flags and DF: no mode changes. */
#define FLAGS_FREE 0xcd5u

static struct {
	struct host host;
	struct emulate interpreter, translator;
	bool has_translator;
	struct generator generator;
	uint8_t image[ORACLE_DATA_SIZE];
	uint8_t code[16];
	bool ready, absent, host_is_amd, host_has_v2, has_32bit;
} oracle;

static void host_identify(void)
{
#if defined(__x86_64__)
	/* SSE3, SSSE3, CMPXCHG16B, SSE4.1, SSE4.2, POPCNT */
	const unsigned v2 = 1u << 0 | 1u << 9 | 1u << 13 | 1u << 19 | 1u << 20 | 1u << 23;
	unsigned a, b, c, d;

	if (__get_cpuid(0, &a, &b, &c, &d))
		oracle.host_is_amd = b == signature_AMD_ebx;
	if (__get_cpuid(1, &a, &b, &c, &d))
		oracle.host_has_v2 = (c & v2) == v2;
#endif
	oracle.host.shared->cases[0].bits = 32; /* the NOP of host_open() */
	oracle.has_32bit =
	    host_run(&oracle.host, 1) && oracle.host.shared->outcomes[0].vector == EXC_BP;
}

static void oracle_open(void)
{
	const char *why = host_open(&oracle.host, ORACLE_HELPER), *model;

	oracle.ready = true;
	if (why) {
		fprintf(stderr, "SKIP: %s\n", why);
		oracle.absent = true;
		return;
	}
	host_identify();
	model = oracle.host_has_v2 ? "x86-64-v2" : "x86-64";
	emulate_open(&oracle.interpreter, model, false);
	oracle.has_translator = emulate_open(&oracle.translator, model, true);
	generate_image(SEED, 0, oracle.image);
	memcpy(oracle.host.shared->image, oracle.image, sizeof(oracle.image));
	emulate_set_image(&oracle.interpreter, oracle.image);
	if (oracle.has_translator)
		emulate_set_image(&oracle.translator, oracle.image);
	oracle.generator = (struct generator){.seed = SEED,
					      .model = oracle.interpreter.v.model,
					      .only = oracle.code,
					      .only_length = CODE_MAX,
					      .image = oracle.image};
}

/* The case that an input stands for; false when there is none to be compared. */
static bool make_case(struct oracle_case *c, const uint8_t *data, size_t size)
{
	size_t length = size > CODE ? size - CODE : 0;
	struct encoding e;
	const char *reason;

	memset(oracle.code, 0xcc, sizeof(oracle.code));
	if (length)
		memcpy(oracle.code, data + CODE, length < CODE_MAX ? length : CODE_MAX);
	oracle.generator.bits = size && (data[0] & 1) ? 64 : 32;
	if (oracle.generator.bits == 32 && !oracle.has_32bit)
		return false;
	generate_case(&oracle.generator, size > 2 ? data[1] | (uint64_t)data[2] << 8 : 0, c);
	for (size_t at = VALUES; at + 9 <= size; at += 9) {
		uint64_t value;

		memcpy(&value, data + at + 1, 8);
		if (data[at] < 16)
			c->in.gpr[data[at]] = oracle.generator.bits == 64 ? value : (uint32_t)value;
		else if (data[at] == 16)
			c->in.rflags =
			    (c->in.rflags & ~(uint64_t)FLAGS_FREE) | (value & FLAGS_FREE);
	}
	encoding_parse(&e, c->code, c->bits);
	return encoding_fate(&e, c->bits, oracle.host_is_amd, &reason) == FATE_COMPARE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct oracle_case *c;
	struct oracle_outcome ours;
	struct encoding e;
	struct insn i;
	struct comparison k = {NULL, &e, &i, oracle.image, false, NULL, &ours};
	bool translate;
	char what[80];

	if (!oracle.ready)
		oracle_open();
	if (oracle.absent)
		return 0;
	c = &oracle.host.shared->cases[0];
	if (!make_case(c, data, size) || !host_run(&oracle.host, 1))
		return 0;
	k.test = c;
	k.host_is_amd = oracle.host_is_amd;
	k.host = &oracle.host.shared->outcomes[0];
	encoding_parse(&e, c->code, c->bits);
	insn_decode(&oracle.generator.model, c->bits, c->code, CODE_MAX, &i);
	translate = size && (data[0] & 2) && oracle.has_translator;
	emulate_run(translate ? &oracle.translator : &oracle.interpreter, c, oracle.image, &ours);
	compare_outcomes(&k, what, sizeof(what));
	if (!what[0])
		return 0;
	printf("%s: %s differs from the host\n", translate ? "translator" : "interpreter", what);
	compare_print(&k);
	fflush(stdout);
	abort();
}
