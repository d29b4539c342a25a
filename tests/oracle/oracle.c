/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The instruction oracle: generated user-mode instructions, each executed on the host's processor
 * and on the interpreter, must have the same effect. README.md says how.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include <capstone/capstone.h>

#include "tests/oracle/compare.h"
#include "tests/oracle/emulate.h"
#include "tests/oracle/generate.h"
#include "tests/oracle/host.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#define EXIT_SKIP     77
#define DEFAULT_SEED  1
#define DEFAULT_CASES 100000
#define LONG_CASES    1500000
#define KINDS_MAX     400

/* Mismatches of one kind: the same mnemonic, the same things that differ. */
struct kind {
	char text[120];
	unsigned count;
};

struct oracle {
	struct generator generator;
	struct host host;
	struct emulate v2, baseline;
	csh capstone[2]; /* 32-bit, 64-bit */
	bool host_is_amd, host_has_v2;
	bool translate; /* ours runs it as host code */
	uint64_t first, cases;
	unsigned show; /* how many mismatches to print whole */
	char only_text[40];

	uint8_t image[ORACLE_DATA_SIZE];
	uint64_t number[ORACLE_BATCH]; /* of the cases in a batch */
	unsigned batch;
	struct oracle_outcome ours;

	uint64_t compared, faults, undefined, left_out, mismatches;
	bool covered[4][256];
	struct kind kind[KINDS_MAX];
	unsigned kinds;
};

/* ---- the host's processor ---- */

static void host_identify(struct oracle *o)
{
#if defined(__x86_64__)
	/* SSE3, SSSE3, CMPXCHG16B, SSE4.1, SSE4.2, POPCNT */
	const unsigned v2 = 1u << 0 | 1u << 9 | 1u << 13 | 1u << 19 | 1u << 20 | 1u << 23;
	unsigned a, b, c, d;

	if (__get_cpuid(0, &a, &b, &c, &d))
		o->host_is_amd = b == signature_AMD_ebx;
	if (__get_cpuid(1, &a, &b, &c, &d))
		o->host_has_v2 = (c & v2) == v2;
#endif
}

/* Can a process go to 32-bit code here? */
static bool host_has_32bit(struct oracle *o)
{
	struct oracle_shared *s = o->host.shared;

	s->cases[0].bits = 32; /* the NOP of host_open() */
	return host_run(&o->host, 1) && s->outcomes[0].vector == EXC_BP;
}

/* ---- reports ---- */

static void kind_count(struct oracle *o, const char *mnemonic, const char *what)
{
	char text[sizeof(o->kind[0].text)];
	unsigned n;

	snprintf(text, sizeof(text), "%s: %s", mnemonic, what);
	for (n = 0; n < o->kinds && strcmp(o->kind[n].text, text) != 0; n++)
		;
	if (n == KINDS_MAX)
		return;
	if (n == o->kinds)
		memcpy(o->kind[o->kinds++].text, text, sizeof(text));
	o->kind[n].count++;
}

static void case_print(const struct oracle *o, uint64_t number, const struct oracle_case *c)
{
	unsigned n;

	for (n = 0; n < c->length; n++)
		printf("%02x", c->code[n]);
	printf(" (%u-bit), --seed %llu --first %llu --cases 1", c->bits,
	       (unsigned long long)o->generator.seed, (unsigned long long)number);
	if (o->generator.only)
		printf(" --only %s", o->only_text);
	if (o->generator.bits)
		printf(" --bits %u", o->generator.bits);
	printf("\n");
}

static void mismatch(struct oracle *o, uint64_t number, const struct oracle_case *c,
		     const struct comparison *k, const char *what)
{
	cs_insn *insn;
	size_t count =
	    cs_disasm(o->capstone[c->bits == 64], c->code, c->length, c->in.rip, 1, &insn);

	kind_count(o, count ? insn->mnemonic : "(unknown)", what);
	o->mismatches++;
	if (o->mismatches <= o->show) {
		printf("\n%s %s: %s\n", count ? insn->mnemonic : "(unknown)",
		       count ? insn->op_str : "", what);
		case_print(o, number, c);
		if (k)
			compare_print(k);
	}
	if (count)
		cs_free(insn, count);
}

/* ---- cases ---- */

/* An instruction that the model lacks; too long a one is #GP(0), and the fetch may fault. */
static void check_undefined(struct oracle *o, struct emulate *e, uint64_t number,
			    const struct oracle_case *c, const char *reason)
{
	char what[80];

	emulate_run(e, c, o->image, &o->ours);
	o->undefined++;
	if (o->ours.vector == EXC_UD || (o->ours.vector == EXC_GP && c->length == 15) ||
	    (o->ours.vector == EXC_PF && (o->ours.error & 16)))
		return;
	snprintf(what, sizeof(what), "vector %u instead of #UD, %s, -cpu %s", o->ours.vector,
		 reason, e->v.model.name);
	mismatch(o, number, c, NULL, what);
}

/* Makes the next case; into the batch when the host is to run it. */
static void case_make(struct oracle *o, uint64_t number)
{
	struct oracle_case *c = &o->host.shared->cases[o->batch];
	const char *reason;
	struct encoding e;
	struct insn i;
	bool needs_v2;

	generate_case(&o->generator, number, c);
	encoding_parse(&e, c->code, c->bits);
	insn_decode(&o->v2.v.model, c->bits, c->code, 15, &i);
	needs_v2 = i.handler != insn_undefined;
	insn_decode(&o->baseline.v.model, c->bits, c->code, 15, &i);
	needs_v2 = needs_v2 && i.handler == insn_undefined;

	switch (encoding_fate(&e, c->bits, o->host_is_amd, &reason)) {
	case FATE_UNDEFINED:
		check_undefined(o, &o->v2, number, c, reason);
		break;
	case FATE_COMPARE:
		if (needs_v2)
			check_undefined(o, &o->baseline, number, c, "x86-64-v2");
		if (needs_v2 && !o->host_has_v2) {
			o->left_out++;
			break;
		}
		o->covered[e.map][e.opcode] = true;
		o->number[o->batch++] = number;
		break;
	default:
		o->left_out++;
		break;
	}
}

static bool batch_run(struct oracle *o)
{
	struct oracle_shared *s = o->host.shared;
	unsigned n;

	if (!host_run(&o->host, o->batch)) {
		fprintf(stderr, "oracle: cannot start the helper process again\n");
		return false;
	}
	for (n = 0; n < o->batch; n++) {
		const struct oracle_case *c = &s->cases[n];
		struct encoding e;
		struct insn i;
		struct comparison k = {c,       &e, &i, o->image, o->host_is_amd, &s->outcomes[n],
				       &o->ours};
		char what[80];

		encoding_parse(&e, c->code, c->bits);
		insn_decode(&o->generator.model, c->bits, c->code, 15, &i);
		emulate_run(&o->v2, c, o->image, &o->ours);
		o->faults += s->outcomes[n].vector != EXC_BP;
		compare_outcomes(&k, what, sizeof(what));
		if (what[0])
			mismatch(o, o->number[n], c, &k, what);
	}
	o->compared += o->batch;
	o->batch = 0;
	return true;
}

static bool cases_run(struct oracle *o)
{
	uint64_t number = o->first, end = o->first + o->cases;

	while (number < end) {
		uint64_t batch = number / ORACLE_BATCH;

		generate_image(o->generator.seed, batch, o->image);
		memcpy(o->host.shared->image, o->image, ORACLE_DATA_SIZE);
		emulate_set_image(&o->v2, o->image);
		emulate_set_image(&o->baseline, o->image);
		for (; number < end && number / ORACLE_BATCH == batch; number++)
			case_make(o, number);
		if (o->batch && !batch_run(o))
			return false;
	}
	return true;
}

static int report(const struct oracle *o)
{
	unsigned opcodes = 0, n;

	for (n = 0; n < 4 * 256; n++)
		opcodes += o->covered[n / 256][n % 256];
	if (o->mismatches)
		printf("\n%llu mismatches, by kind:\n", (unsigned long long)o->mismatches);
	for (n = 0; n < o->kinds; n++)
		printf("%8u %s\n", o->kind[n].count, o->kind[n].text);
	printf("%llu cases of %u opcodes compared with the host%s (%llu faults), %llu of other "
	       "processors' instructions undefined here, %llu left out: %llu mismatches\n",
	       (unsigned long long)o->compared, opcodes,
	       o->generator.bits == 64 ? " in 64-bit code" : "", (unsigned long long)o->faults,
	       (unsigned long long)o->undefined, (unsigned long long)o->left_out,
	       (unsigned long long)o->mismatches);
	return o->mismatches ? 1 : 0;
}

/* ---- command line ---- */

static const char usage[] =
    "usage: oracle [option]...\n"
    "Runs generated instructions on the host and on the interpreter and compares the results.\n"
    "  --seed N      of the generator; the same seed makes the same cases (1)\n"
    "  --cases N     how many (100000)\n"
    "  --long        1500000 cases\n"
    "  --first N     begin with case N of the seed (0)\n"
    "  --only HEX    this instruction, with the registers and data of each case\n"
    "  --jit         translated to host code, not interpreted\n"
    "  --bits N      32- or 64-bit code only\n"
    "  --show N      print the first N mismatches whole (10)\n";

static bool parse_hex(struct oracle *o, const char *text)
{
	static uint8_t code[16];
	unsigned n, byte;

	memset(code, 0xcc, sizeof(code));
	for (n = 0; n < 15 && sscanf(text + 2 * n, "%2x", &byte) == 1; n++)
		code[n] = (uint8_t)byte;
	o->generator.only = code;
	o->generator.only_length = n;
	snprintf(o->only_text, sizeof(o->only_text), "%s", text);
	return n > 0;
}

static bool parse_options(struct oracle *o, int argc, char **argv)
{
	static const struct option options[] = {
	    {"seed", required_argument, NULL, 's'},
	    {"cases", required_argument, NULL, 'c'},
	    {"first", required_argument, NULL, 'f'},
	    {"only", required_argument, NULL, 'o'},
	    {"bits", required_argument, NULL, 'b'},
	    {"show", required_argument, NULL, 'w'},
	    {"long", no_argument, NULL, 'l'},
	    {"jit", no_argument, NULL, 'j'},
	    {NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 's')
			o->generator.seed = strtoull(optarg, NULL, 0);
		else if (c == 'c')
			o->cases = strtoull(optarg, NULL, 0);
		else if (c == 'f')
			o->first = strtoull(optarg, NULL, 0);
		else if (c == 'b')
			o->generator.bits = (unsigned)strtoul(optarg, NULL, 0);
		else if (c == 'w')
			o->show = (unsigned)strtoul(optarg, NULL, 0);
		else if (c == 'j')
			o->translate = true;
		else if (c == 'l')
			o->cases = LONG_CASES;
		else if (c != 'o' || !parse_hex(o, optarg))
			return false;
	}
	return optind == argc &&
	       (!o->generator.bits || o->generator.bits == 32 || o->generator.bits == 64);
}

int main(int argc, char **argv)
{
	static struct oracle o = {.cases = DEFAULT_CASES, .show = 10};
	const char *why;
	int status;

	o.generator.seed = DEFAULT_SEED;
	if (!parse_options(&o, argc, argv)) {
		fputs(usage, stderr);
		return 2;
	}
	why = host_open(&o.host, ORACLE_HELPER);
	if (why) {
		printf("SKIP: %s\n", why);
		host_close(&o.host);
		return EXIT_SKIP;
	}
	host_identify(&o);
	if (!o.generator.bits && !host_has_32bit(&o))
		o.generator.bits = 64;
	if (cs_open(CS_ARCH_X86, CS_MODE_32, &o.capstone[0]) ||
	    cs_open(CS_ARCH_X86, CS_MODE_64, &o.capstone[1])) {
		fprintf(stderr, "oracle: capstone does not know x86\n");
		return 1;
	}
	if (!emulate_open(&o.v2, "x86-64-v2", o.translate) ||
	    !emulate_open(&o.baseline, "x86-64", o.translate)) {
		puts("SKIP: code cannot be translated on this host");
		host_close(&o.host);
		return EXIT_SKIP;
	}
	o.generator.model = o.v2.v.model;
	o.generator.image = o.image;
	status = cases_run(&o) ? report(&o) : 1;
	emulate_close(&o.v2);
	emulate_close(&o.baseline);
	cs_close(&o.capstone[0]);
	cs_close(&o.capstone[1]);
	host_close(&o.host);
	return status;
}
