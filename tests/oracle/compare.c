/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must be equal: the exception with its error code and CR2, RIP, general registers, RFLAGS,
 * the FXSAVE image and memory; but for what the manual leaves undefined (Intel SDM vol. 2, the
 * instruction's page; vol. 1 appendix A.3 for flags), and but for approximations.
 */
#include "tests/oracle/compare.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "emulator/cpu/flags.h"

/* ---- what is undefined ---- */

#define FLAGS_SZAP (FLAG_SF | FLAG_ZF | FLAG_AF | FLAG_PF)

/* Rotates and shifts, by their count. */
static uint32_t shift_undefined(const struct oracle_case *c, const struct insn *i)
{
	unsigned bits = 8u * i->operand, mask = bits == 64 ? 63 : 31, count = 1;
	bool is_shift = i->modrm & 0x20, is_arithmetic = (i->modrm & 0x38) == 0x38;

	if (i->opcode <= 0xc1)
		count = i->immediate & mask;
	else if (i->opcode >= 0xd2)
		count = c->in.gpr[GPR_RCX] & mask;
	if (count == 0)
		return 0;
	return (count != 1 ? FLAG_OF : 0) | (is_shift ? FLAG_AF : 0) |
	       (is_shift && !is_arithmetic && count >= bits ? FLAG_CF : 0);
}

static unsigned double_shift_count(const struct oracle_case *c, const struct insn *i)
{
	uint64_t count = i->opcode & 1 ? c->in.gpr[GPR_RCX] : i->immediate;

	return (unsigned)(count & (i->operand == 8 ? 63 : 31));
}

static bool is_double_shift(const struct insn *i)
{
	return i->map == MAP_0F && (i->opcode & 0xf6) == 0xa4;
}

static uint32_t undefined_1byte(const struct oracle_case *c, const struct insn *i)
{
	unsigned digit = i->modrm >> 3 & 7;

	switch (i->opcode) {
	case 0x08 ... 0x0d:
	case 0x20 ... 0x25:
	case 0x30 ... 0x35:
	case 0x84:
	case 0x85:
	case 0xa8:
	case 0xa9:
		return FLAG_AF;
	case 0x80 ... 0x83:
		return digit == 1 || digit == 4 || digit == 6 ? FLAG_AF : 0;
	case 0x69:
	case 0x6b:
		return FLAGS_SZAP;
	case 0x27:
	case 0x2f:
		return FLAG_OF;
	case 0x37:
	case 0x3f:
		return FLAG_OF | FLAG_SF | FLAG_ZF | FLAG_PF;
	case 0xd4:
	case 0xd5:
		return FLAG_OF | FLAG_AF | FLAG_CF;
	case 0xc0:
	case 0xc1:
	case 0xd0 ... 0xd3:
		return shift_undefined(c, i);
	case 0xf6:
	case 0xf7:
		return digit <= 1   ? FLAG_AF
		       : digit <= 3 ? 0
		       : digit <= 5 ? FLAGS_SZAP
				    : FLAGS_STATUS;
	default:
		return 0;
	}
}

static uint32_t undefined_0f(const struct oracle_case *c, const struct insn *i)
{
	unsigned count;

	switch (i->opcode) {
	case 0xa3:
	case 0xab:
	case 0xb3:
	case 0xba:
	case 0xbb:
		return FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF;
	case 0xa4:
	case 0xa5:
	case 0xac:
	case 0xad:
		count = double_shift_count(c, i);
		return count == 0 ? 0 : count == 1 ? FLAG_AF : FLAG_AF | FLAG_OF;
	case 0xaf:
		return FLAGS_SZAP;
	case 0xbc:
	case 0xbd:
		return FLAGS_STATUS & ~FLAG_ZF;
	default:
		return 0;
	}
}

static uint32_t flags_undefined(const struct comparison *k)
{
	uint32_t undefined = 0;

	/* RF in the image depends on what the kernel did with it. */
	if (k->insn->map == MAP_1BYTE)
		undefined = undefined_1byte(k->test, k->insn);
	else if (k->insn->map == MAP_0F)
		undefined = undefined_0f(k->test, k->insn);
	return undefined | FLAG_RF;
}

/* Not even the destination of a 16-bit SHLD or SHRD by more than 16 is defined. */
static bool result_undefined(const struct comparison *k)
{
	return is_double_shift(k->insn) && k->insn->operand == 2 &&
	       double_shift_count(k->test, k->insn) > 16;
}

/* ---- approximations ---- */

static bool is_x87(const struct comparison *k)
{
	return k->insn->map == MAP_1BYTE && (k->insn->opcode & 0xf8) == 0xd8;
}

/* F2XM1, FYL2X, FPTAN, FPATAN, FYL2XP1, FSINCOS, FSIN, FCOS: to 1 ulp (SDM vol. 1 8.3.10). */
static bool is_transcendental(const struct comparison *k)
{
	return is_x87(k) && k->insn->opcode == 0xd9 && k->insn->modrm >= 0xf0 &&
	       (0xca0f >> (k->insn->modrm & 15) & 1);
}

/* FCOMI, FUCOMI, FCOMIP, FUCOMIP */
static bool is_fcomi(const struct comparison *k)
{
	return is_x87(k) && (k->insn->opcode & 3) == 3 && k->insn->modrm >= 0xe8 &&
	       k->insn->modrm <= 0xf7;
}

static bool st_near(const uint8_t *a, const uint8_t *b)
{
	uint64_t x, y;
	uint16_t ex, ey;

	memcpy(&x, a, 8);
	memcpy(&y, b, 8);
	memcpy(&ex, a + 8, 2);
	memcpy(&ey, b + 8, 2);
	if (ex == ey)
		return x - y + 1 <= 2;
	/* Across a power of two. */
	return (ex == ey + 1 && x == 1ull << 63 && y == ~0ull) ||
	       (ey == ex + 1 && y == 1ull << 63 && x == ~0ull);
}

/* RCPPS, RCPSS, RSQRTPS, RSQRTSS: each within 1.5 * 2^-12 of the truth. */
static bool is_approximation(const struct comparison *k)
{
	return k->insn->map == MAP_0F && (k->insn->opcode & 0xfe) == 0x52;
}

/* Just above the denormals, a result may be zero as well. */
#define TINY 0x1.002p-126f

static bool xmm_near(const uint8_t *a, const uint8_t *b)
{
	for (unsigned n = 0; n < 16; n += 4) {
		float x, y;

		if (!memcmp(a + n, b + n, 4))
			continue;
		memcpy(&x, a + n, 4);
		memcpy(&y, b + n, 4);
		if (fabsf(x) <= TINY && fabsf(y) <= TINY && signbit(x) == signbit(y))
			continue;
		if (!isfinite(x) || !isfinite(y) || fabsf(x - y) > fabsf(x) * 3 / 4096)
			return false;
	}
	return true;
}

/* ---- comparing ---- */

/* Differences go by here, and each is put into text or printed. */
struct sink {
	char *text; /* NULL: print */
	unsigned size, length;
};

__attribute__((format(printf, 3, 4))) static void differ(struct sink *s, const char *name,
							 const char *values, ...)
{
	va_list arguments;

	if (s->text) {
		int n = snprintf(s->text + s->length, s->size - s->length, "%s%s",
				 s->length ? " " : "", name);

		if (n > 0 && s->length + (unsigned)n < s->size)
			s->length += (unsigned)n;
		return;
	}
	printf("  %-8s", name);
	va_start(arguments, values);
	vprintf(values, arguments);
	va_end(arguments);
	printf("\n");
}

static void differ_number(struct sink *s, const char *name, uint64_t in, uint64_t host,
			  uint64_t ours)
{
	if (host != ours)
		differ(s, name, "%016llx: host %016llx, ours %016llx", (unsigned long long)in,
		       (unsigned long long)host, (unsigned long long)ours);
}

static void differ_bytes(struct sink *s, const char *name, const uint8_t *in, const uint8_t *host,
			 const uint8_t *ours, unsigned size)
{
	char text[3][40] = {""};

	for (unsigned n = 0; n < size && n < 16; n++) {
		snprintf(text[0] + 2 * n, 3, "%02x", in[size - 1 - n]);
		snprintf(text[1] + 2 * n, 3, "%02x", host[size - 1 - n]);
		snprintf(text[2] + 2 * n, 3, "%02x", ours[size - 1 - n]);
	}
	differ(s, name, "%s: host %s, ours %s", text[0], text[1], text[2]);
}

static const char *const gpr_names[16] = {"RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI",
					  "R8",  "R9",  "R10", "R11", "R12", "R13", "R14", "R15"};

/* ---- faults whose order or address is the processor's choice ---- */

static bool is_memory_0f(const struct comparison *k, uint8_t opcode)
{
	return k->insn->map == MAP_0F && k->insn->opcode == opcode && !k->insn->is_reg;
}

/* FLDENV, FSTENV, FRSTOR, FSAVE, FXRSTOR, FXSAVE: up to 512 bytes, in an order of their own. */
static bool is_state_image(const struct comparison *k)
{
	unsigned digit = k->insn->modrm >> 3 & 7;

	if (k->insn->is_reg)
		return false;
	return (is_x87(k) && (k->insn->opcode == 0xd9 || k->insn->opcode == 0xdd) &&
		(digit == 4 || digit == 6)) ||
	       (is_memory_0f(k, 0xae) && digit <= 1);
}

/* FLD, FSTP, FBLD and FBSTP of 80 bits */
static bool is_extended(const struct comparison *k)
{
	unsigned digit = k->insn->modrm >> 3 & 7;

	return is_x87(k) && !k->insn->is_reg &&
	       ((k->insn->opcode == 0xdb && (digit == 5 || digit == 7)) ||
		(k->insn->opcode == 0xdf && (digit == 4 || digit == 6)));
}

/* LDMXCSR, FXRSTOR: AMD's MXCSR has a bit that is reserved in Intel's, MM. */
static bool is_amd_mxcsr(const struct comparison *k)
{
	unsigned digit = k->insn->modrm >> 3 & 7;

	return k->host_is_amd && is_memory_0f(k, 0xae) && (digit == 1 || digit == 2) &&
	       (k->host->out.fx[26] & 2);
}

static bool both_fault(const struct comparison *k)
{
	return k->host->vector != EXC_BP && k->ours->vector != EXC_BP;
}

/*
 * Both sides fault, in instructions that make several accesses of which any may come first; or
 * that may look at the address of a bit string before they come to the bit's; or whose misaligned
 * operand may be #GP as well as #AC (FXSAVE); or whose 80 bits cross the end of a segment.
 */
static bool is_order_choice(const struct comparison *k)
{
	const struct insn *i = k->insn;
	bool compares = i->map == MAP_1BYTE && (i->opcode & 0xfe) == 0xa6;
	bool calls = i->map == MAP_1BYTE && i->opcode == 0xff && (i->modrm >> 3 & 7) == 2;
	bool bits = i->map == MAP_0F && (i->opcode & 0xe7) == 0xa3 && !i->is_reg;
	bool extended = is_extended(k) && k->host->vector != k->ours->vector;

	return (compares || calls || bits || extended || is_state_image(k)) && both_fault(k);
}

/* AMD's POPA has loaded some registers when it faults; RSP is as before, so it can start again. */
static bool is_half_popped(const struct comparison *k)
{
	return k->host_is_amd && k->insn->map == MAP_1BYTE && k->insn->opcode == 0x61 &&
	       both_fault(k);
}

/* MASKMOVQ and MASKMOVDQU may fault for bytes that they do not write. */
static bool is_masked_fault(const struct comparison *k)
{
	return k->insn->map == MAP_0F && k->insn->opcode == 0xf7 && k->host->vector != EXC_BP;
}

#define LINUX_TASK_SIZE 0x7ffffffff000ull

static void compare_fault(const struct comparison *k, struct sink *s)
{
	const struct oracle_outcome *h = k->host, *o = k->ours;
	uint32_t ignored = 0;

	if (is_order_choice(k))
		return;
	if (h->vector != o->vector) {
		differ(s, "vector", "host %u, ours %u", h->vector, o->vector);
		return;
	}
	/* Linux does not tell a process whether a page that it cannot have is there. */
	if (h->vector == EXC_PF && h->cr2 >= LINUX_TASK_SIZE)
		ignored = 1;
	differ_number(s, "error", 0, h->error | ignored, o->error | ignored);
	differ_number(s, "CR2", 0, h->cr2, o->cr2);
}

static void compare_fx(const struct comparison *k, struct sink *s)
{
	const uint8_t *in = k->test->in.fx, *h = k->host->out.fx, *o = k->ours->out.fx;
	uint16_t status[2];
	char name[8];
	unsigned n;

	if (memcmp(h, o, 2))
		differ_bytes(s, "FCW", in, h, o, 2);
	memcpy(&status[0], h + 2, 2);
	memcpy(&status[1], o + 2, 2);
	/* C1 says how a result was rounded. AMD's FCOMI leaves it alone, Intel's clears it. */
	if (is_transcendental(k) || (k->host_is_amd && is_fcomi(k)))
		status[0] = (uint16_t)((status[0] & ~0x200) | (status[1] & 0x200));
	if (status[0] != status[1])
		differ_bytes(s, "FSW", in + 2, h + 2, o + 2, 2);
	if (h[4] != o[4])
		differ_bytes(s, "tags", in + 4, h + 4, o + 4, 1);
	if (memcmp(h + 24, o + 24, 4))
		differ_bytes(s, "MXCSR", in + 24, h + 24, o + 24, 4);
	for (n = 0; n < 8; n++) {
		unsigned at = ORACLE_FX_ST + 16 * n;

		if (!memcmp(h + at, o + at, 10))
			continue;
		if (is_transcendental(k) && st_near(h + at, o + at))
			continue;
		snprintf(name, sizeof(name), "ST%u", n);
		differ_bytes(s, s->text ? "ST" : name, in + at, h + at, o + at, 10);
	}
	for (n = 0; n < 16; n++) {
		unsigned at = ORACLE_FX_XMM + 16 * n;

		if (!memcmp(h + at, o + at, 16))
			continue;
		if (is_approximation(k) && xmm_near(h + at, o + at))
			continue;
		snprintf(name, sizeof(name), "XMM%u", n);
		differ_bytes(s, s->text ? "XMM" : name, in + at, h + at, o + at, 16);
	}
}

/* Memory that holds where the last x87 instruction was, which processors save or not. */
struct range {
	uint64_t first, end;
};

static void ignored_ranges(const struct comparison *k, struct range range[2])
{
	const struct insn *i = k->insn;
	uint64_t a = encoding_address(k->test, i);
	unsigned digit = i->modrm >> 3 & 7;

	range[0] = range[1] = (struct range){0, 0};
	if (i->is_reg)
		return;
	if (is_x87(k) && digit == 6 && (i->opcode == 0xd9 || i->opcode == 0xdd)) {
		range[0] = i->operand == 2 ? (struct range){a + 6, a + 14}
					   : (struct range){a + 12, a + 28};
	} else if (i->map == MAP_0F && i->opcode == 0xae && digit == 0) {
		range[0] = (struct range){a + 6, a + 24};
		range[1] = (struct range){a + 28, a + 32}; /* MXCSR_MASK */
	}
}

/* The quadword at an offset after the case, and how many entries of the list are done with. */
static uint64_t change_at(const struct oracle_outcome *o, const uint8_t *image, uint32_t offset,
			  unsigned *n)
{
	uint64_t value;

	if (*n < o->changes && *n < ORACLE_CHANGES && o->change[*n].offset == offset)
		return o->change[(*n)++].value;
	memcpy(&value, image + offset, 8);
	return value;
}

static uint32_t change_offset(const struct oracle_outcome *o, unsigned n)
{
	return n < o->changes && n < ORACLE_CHANGES ? o->change[n].offset : UINT32_MAX;
}

static void compare_memory(const struct comparison *k, struct sink *s)
{
	const struct oracle_outcome *h = k->host, *o = k->ours;
	struct range ignored[2];
	unsigned a = 0, b = 0, n;

	ignored_ranges(k, ignored);
	for (;;) {
		uint32_t at = change_offset(h, a);
		uint64_t in, host, ours;

		if (change_offset(o, b) < at)
			at = change_offset(o, b);
		if (at == UINT32_MAX)
			break;
		host = change_at(h, k->image, at, &a);
		ours = change_at(o, k->image, at, &b);
		for (n = 0; n < 8; n++) {
			uint64_t byte = ORACLE_DATA + at + n;

			if ((byte >= ignored[0].first && byte < ignored[0].end) ||
			    (byte >= ignored[1].first && byte < ignored[1].end))
				host = (host & ~(0xffull << 8 * n)) | (ours & 0xffull << 8 * n);
		}
		memcpy(&in, k->image + at, 8);
		if (host != ours && s->text) {
			differ(s, "memory", " ");
			return;
		}
		if (host != ours)
			printf("  %08x", ORACLE_DATA + at);
		differ_number(s, "", in, host, ours);
	}
}

static void compare_all(const struct comparison *k, struct sink *s)
{
	const struct oracle_state *h = &k->host->out, *o = &k->ours->out;
	uint64_t mask = k->test->bits == 64 ? ~0ull : 0xffffffff;
	uint64_t flags = ~(uint64_t)flags_undefined(k);

	if (is_masked_fault(k) || is_amd_mxcsr(k))
		return;
	compare_fault(k, s);
	if (k->host->vector >= ORACLE_TIMEOUT || result_undefined(k))
		return;
	differ_number(s, "RIP", k->test->in.rip, h->rip & mask, o->rip & mask);
	for (unsigned n = 0; n < (k->test->bits == 64 ? 16 : 8) && !is_half_popped(k); n++)
		differ_number(s, s->text ? "GPR" : gpr_names[n], k->test->in.gpr[n],
			      h->gpr[n] & mask, o->gpr[n] & mask);
	differ_number(s, "RFLAGS", k->test->in.rflags, h->rflags & flags, o->rflags & flags);
	compare_fx(k, s);
	compare_memory(k, s);
}

void compare_outcomes(const struct comparison *k, char *text, unsigned size)
{
	struct sink s = {text, size, 0};

	text[0] = 0;
	compare_all(k, &s);
}

/* ---- printing ---- */

static void print_input(const struct comparison *k)
{
	const struct oracle_state *in = &k->test->in;
	uint64_t a = encoding_address(k->test, k->insn);
	unsigned n;

	for (n = 0; n < (k->test->bits == 64 ? 16 : 8); n++)
		printf("%s%-3s %016llx",
		       n % 4 ? "  "
		       : n   ? "\n  "
			     : "  ",
		       gpr_names[n], (unsigned long long)in->gpr[n]);
	printf("\n  RIP %016llx  RFLAGS %llx  FCW %02x%02x  FSW %02x%02x  tags %02x  "
	       "MXCSR %02x%02x\n",
	       (unsigned long long)in->rip, (unsigned long long)in->rflags, in->fx[1], in->fx[0],
	       in->fx[3], in->fx[2], in->fx[4], in->fx[25], in->fx[24]);
	for (n = 0; n < 8; n++) {
		const uint8_t *p = in->fx + ORACLE_FX_ST + 16 * n;
		uint64_t mantissa;

		memcpy(&mantissa, p, 8);
		printf("%sST%u %02x%02x:%016llx",
		       n % 4 ? "  "
		       : n   ? "\n  "
			     : "  ",
		       n, p[9], p[8], (unsigned long long)mantissa);
	}
	printf("\n");
	for (n = 0; n < 16; n++) {
		uint64_t lane[2];

		memcpy(lane, in->fx + ORACLE_FX_XMM + 16 * n, 16);
		printf("%sXMM%-2u %016llx%016llx", n % 2 ? "  " : "  ", n,
		       (unsigned long long)lane[1], (unsigned long long)lane[0]);
		printf("%s", n % 2 ? "\n" : "");
	}
	if (k->insn->is_reg || a - ORACLE_DATA >= ORACLE_DATA_SIZE)
		return;
	printf("  at %llx:", (unsigned long long)a);
	for (n = 0; n < 16 && a + n < ORACLE_DATA + ORACLE_DATA_SIZE; n++)
		printf(" %02x", k->image[a + n - ORACLE_DATA]);
	printf("\n");
}

void compare_print(const struct comparison *k)
{
	struct sink s = {NULL, 0, 0};

	print_input(k);
	printf("  vector %u, error %x, CR2 %llx on the host\n", k->host->vector, k->host->error,
	       (unsigned long long)k->host->cr2);
	compare_all(k, &s);
}
