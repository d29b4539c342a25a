/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cpu/simd_fixture.h"

#include <stdio.h>
#include <string.h>

#include "emulator/cpu/flags.h"

#define RAM_SIZE 65536u
#define MEMORY   0x1000u /* where simd_state.memory is for the guest */

struct cpu simd_cpu;
struct cpu_model simd_model;
unsigned simd_exits;

static struct tlb tlb;
static uint8_t ram[RAM_SIZE];
static uint8_t guard[RAM_SIZE / 4096];

/* ---- a processor with 64 KiB of RAM, mapped one to one ---- */

int simd_setup(void **state)
{
	struct cpu *c = &simd_cpu;

	(void)state;
	simd_exits = 0;
	simd_model = (struct cpu_model){.name = "x86-64-v2", .v2 = true};
	memset(c, 0, sizeof(*c));
	c->rflags = FLAG_ONE;
	c->cr0 = CR0_PE | CR0_ET | CR0_NE | CR0_MP;
	c->cr4 = CR4_OSFXSR | CR4_OSXMMEXCPT;
	c->efer = EFER_LME | EFER_LMA;
	c->linear_mask = UINT64_MAX;
	c->code_bits = 64;
	c->mmu = c->mmu_real = MMU_KERNEL;
	for (unsigned n = 0; n < SEG_COUNT; n++)
		c->seg[n].read_span = c->seg[n].write_span = UINT64_MAX;
	for (unsigned n = 0; n < MMU_COUNT; n++)
		for (unsigned slot = 0; slot < TLB_SIZE; slot++)
			tlb.data[n][slot] =
			    (struct tlb_entry){.read = TLB_EMPTY, .write = TLB_EMPTY};
	for (unsigned page = 0; page < RAM_SIZE / 4096; page++)
		tlb.data[MMU_KERNEL][page] =
		    (struct tlb_entry){.read = page * 4096, .write = page * 4096};
	fpu_reset(&c->fpu);
	fpu_fninit(&c->fpu);
	return 0;
}

struct simd_state simd_zero(void)
{
	return (struct simd_state){.mxcsr = 0x1f80};
}

static uint64_t ram_page(struct machine *m, uint64_t gpa, bool *writable)
{
	(void)m;
	*writable = true;
	return gpa < RAM_SIZE ? gpa : UINT64_MAX;
}

static void exit_count(struct machine *m, struct exit *e)
{
	(void)m;
	simd_exits++;
	e->data = UINT64_MAX;
}

static void load_state(struct cpu *c, const struct simd_state *s)
{
	memcpy(c->fpu.xmm, s->xmm, sizeof(s->xmm));
	for (unsigned n = 0; n < 4; n++) {
		c->fpu.st[n].mantissa = s->mm[n];
		c->reg[n] = s->gpr[n];
	}
	c->reg[GPR_RSI] = c->reg[GPR_RDI] = MEMORY + s->offset;
	c->fpu.mxcsr = (uint32_t)s->mxcsr;
	flags_set_status(c, (uint32_t)s->flags);
	memcpy(ram + MEMORY, s->memory, sizeof(s->memory));
}

static void store_state(const struct cpu *c, struct simd_state *s)
{
	memcpy(s->xmm, c->fpu.xmm, sizeof(s->xmm));
	for (unsigned n = 0; n < 4; n++) {
		s->mm[n] = c->fpu.st[n].mantissa;
		s->gpr[n] = c->reg[n];
	}
	s->mxcsr = c->fpu.mxcsr;
	s->flags = flags_status(c);
	memcpy(s->memory, ram + MEMORY, sizeof(s->memory));
}

unsigned simd_run(struct simd_state *s, const uint8_t *bytes, unsigned length)
{
	static const struct vcpu_ops ops = {.exit = exit_count, .ram_page = ram_page};
	static struct insn insn;
	static struct vcpu v;
	static unsigned vector;

	v = (struct vcpu){.c = &simd_cpu,
			  .tlb = &tlb,
			  .ram = ram,
			  .ram_size = RAM_SIZE,
			  .guard = guard,
			  .ops = &ops,
			  .model = simd_model};
	memset(&insn, 0, sizeof(insn));
	load_state(&simd_cpu, s);
	assert_int_equal(insn_decode(&simd_model, 64, bytes, length, &insn), length);
	simd_cpu.reg[GPR_RIP] = length;
	v.insn = &insn;
	vector = NO_FAULT;
	if (setjmp(v.fault))
		vector = v.fault_vector;
	else
		insn.handler(&v, &insn);
	store_state(&simd_cpu, s);
	return vector;
}

void simd_check_vectors(const struct simd_vector *vectors, size_t count, bool mmx)
{
	for (const struct simd_vector *t = vectors; t < vectors + count; t++) {
		struct simd_state s = simd_zero();
		uint64_t *result = mmx ? &s.mm[1] : s.xmm[1];

		memcpy(mmx ? &s.mm[1] : s.xmm[1], t->a, mmx ? 8 : 16);
		memcpy(mmx ? &s.mm[2] : s.xmm[2], t->b, mmx ? 8 : 16);
		if (simd_run(&s, t->code, t->length) != NO_FAULT)
			fail_msg("%s: raised an exception", t->text);
		if (result[0] != t->result[0] || (!mmx && result[1] != t->result[1]))
			fail_msg("%s: %016llx %016llx, expected %016llx %016llx", t->text,
				 (unsigned long long)(mmx ? 0 : result[1]),
				 (unsigned long long)result[0], (unsigned long long)t->result[1],
				 (unsigned long long)t->result[0]);
	}
}

/* ---- operands: random ones and those at the edges, always the same sequence ---- */

static uint64_t random_state;

static uint64_t random64(void)
{
	uint64_t x;

	random_state += 0x9e3779b97f4a7c15;
	x = random_state;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static unsigned random_below(unsigned limit)
{
	return (unsigned)(random64() >> 33) % limit;
}

static uint32_t special32(void)
{
	/* Zero, denormals, normals at the edges, one and neighbours, 2^31, 2^63, infinity, NaNs. */
	static const uint32_t values[] = {
	    0x00000000, 0x00000001, 0x00400000, 0x007fffff, 0x00800000, 0x00ffffff,
	    0x3effffff, 0x3f000000, 0x3f7fffff, 0x3f800000, 0x3f800001, 0x3fc00000,
	    0x40200000, 0x4b000001, 0x4effffff, 0x4f000000, 0x5f000000, 0x7f000000,
	    0x7f7fffff, 0x7f800000, 0x7f800001, 0x7fbfffff, 0x7fc00000, 0x7fd12345,
	};

	return values[random_below(sizeof(values) / sizeof(values[0]))] | (uint32_t)random64()
									      << 31;
}

static uint64_t special64(void)
{
	static const uint64_t values[] = {
	    0x0000000000000000, 0x0000000000000001, 0x0008000000000000, 0x000fffffffffffff,
	    0x0010000000000000, 0x3690000000000000, 0x369fffffffffffff, 0x3810000000000000,
	    0x380fffffffffffff, 0x3fdfffffffffffff, 0x3fe0000000000000, 0x3feffffffffffff0,
	    0x3ff0000000000000, 0x3ff0000000000001, 0x3ff8000000000000, 0x4004000000000000,
	    0x41dfffffffe00000, 0x41dfffffffc00000, 0x41e0000000000000, 0x43e0000000000000,
	    0x47efffffe0000000, 0x47effffff0000000, 0x7fe0000000000000, 0x7fefffffffffffff,
	    0x7ff0000000000000, 0x7ff0000000000001, 0x7ff8000000000000, 0x7ff8123456789abc,
	};

	return values[random_below(sizeof(values) / sizeof(values[0]))] | random64() << 63;
}

/* Values of like magnitude, so that sums cancel and quotients are near one. */
static uint32_t moderate32(void)
{
	return (uint32_t)(random64() & 0x807fffff) | (120 + random_below(16)) << 23;
}

static uint64_t moderate64(void)
{
	return (random64() & 0x800fffffffffffff) | (uint64_t)(1014 + random_below(20)) << 52;
}

static uint64_t random_lanes(void)
{
	static const uint8_t bytes[] = {0x00, 0x01, 0x7f, 0x80, 0x81, 0xff};
	uint64_t value = 0;

	switch (random_below(7)) {
	case 0:
		return random64();
	case 1:
		return special32() | (uint64_t)special32() << 32;
	case 2:
		return moderate32() | (uint64_t)moderate32() << 32;
	case 3:
		return special64();
	case 4:
		return moderate64();
	case 5: /* small numbers: shift counts, string elements with ends */
		return random64() & 0x4f00000000000003;
	default:
		for (unsigned n = 0; n < 8; n++)
			value = value << 8 | bytes[random_below(sizeof(bytes))];
		return value;
	}
}

static uint64_t random_gpr(void)
{
	switch (random_below(4)) {
	case 0:
		return (uint64_t)random_below(40) - 20; /* lengths of strings */
	case 1:
		return (uint32_t)random64();
	case 2:
		return random64() >> random_below(64);
	default:
		return random64();
	}
}

static struct simd_state random_operands(bool mxcsr)
{
	struct simd_state s = simd_zero();

	for (unsigned n = 0; n < 4; n++) {
		s.xmm[n][0] = random_lanes();
		s.xmm[n][1] = random_lanes();
		s.mm[n] = random_lanes();
		s.gpr[n] = random_gpr();
	}
	for (unsigned n = 0; n < 8; n++) {
		uint64_t value = random_lanes();

		memcpy(s.memory + 8 * n, &value, 8);
	}
	s.flags = random64() & FLAGS_STATUS;
	s.offset = random_below(8) ? 0 : random_below(16);
	if (mxcsr) {
		s.mxcsr = 0x1f80 | (random64() & 0x603f); /* rounding and flags */
		if (!random_below(4))
			s.mxcsr |= random64() & 0x8040; /* FTZ, DAZ */
		if (!random_below(4))
			s.mxcsr &= ~(random64() & 0x1f80); /* masks */
	}
	return s;
}

/* ---- comparison ---- */

static unsigned encode(const struct simd_op *op, unsigned prefix, bool reg_form, bool rex_w,
		       uint8_t *bytes)
{
	static const uint8_t prefix_byte[] = {0, 0x66, 0xf3, 0xf2};
	unsigned reg = op->digit ? op->digit - 1u : random_below(4), n = 0;

	if (prefix)
		bytes[n++] = prefix_byte[prefix];
	if (rex_w)
		bytes[n++] = 0x48;
	bytes[n++] = 0x0f;
	if (op->opcode >> 8 != 0x0f)
		bytes[n++] = (uint8_t)(op->opcode >> 8);
	bytes[n++] = (uint8_t)op->opcode;
	/* [rsi] is mod 0, rm 6. */
	bytes[n++] = (uint8_t)(reg << 3 | (reg_form ? 0xc0 | random_below(4) : 6));
	if (op->flags & F_IMM)
		bytes[n++] = (uint8_t)random64();
	return n;
}

static void print_state(const char *title, const struct simd_state *s, unsigned vector)
{
	printf("%s: vector %d flags %03x mxcsr %04x offset %u\n", title, (int)vector,
	       (unsigned)s->flags, (unsigned)s->mxcsr, (unsigned)s->offset);
	for (unsigned n = 0; n < 4; n++)
		printf("  xmm%u %016llx %016llx  mm%u %016llx  gpr%u %016llx\n", n,
		       (unsigned long long)s->xmm[n][1], (unsigned long long)s->xmm[n][0], n,
		       (unsigned long long)s->mm[n], n, (unsigned long long)s->gpr[n]);
	printf("  memory");
	for (unsigned n = 0; n < sizeof(s->memory); n++)
		printf("%s%02x", n % 16 ? "" : " ", s->memory[n]);
	printf("\n");
}

static bool compare_once(const uint8_t *bytes, unsigned length, bool mxcsr)
{
	struct simd_state before = random_operands(mxcsr), ours = before, host = before;
	unsigned our_vector, host_vector;

	our_vector = simd_run(&ours, bytes, length);
	host_vector = native_run(&host, bytes, length);
	if (our_vector == host_vector && !memcmp(&ours, &host, sizeof(ours)))
		return true;
	printf("differs from the host:");
	for (unsigned n = 0; n < length; n++)
		printf(" %02x", bytes[n]);
	printf("\n");
	print_state("before", &before, NO_FAULT);
	print_state("ours", &ours, our_vector);
	print_state("host", &host, host_vector);
	return false;
}

#define CASES 600 /* for each encoding in each form */

static bool compare_form(const struct simd_op *op, unsigned prefix, bool reg_form, bool rex_w)
{
	uint8_t bytes[16];

	for (unsigned n = 0; n < CASES; n++) {
		unsigned length = encode(op, prefix, reg_form, rex_w, bytes);

		if (!compare_once(bytes, length, op->flags & F_MXCSR))
			return false;
	}
	return true;
}

void simd_compare_host(const struct simd_op *ops, size_t count, const char *feature)
{
	unsigned bad = 0;

	if (!native_available(feature))
		skip();
	random_state = 1;
	for (const struct simd_op *op = ops; op < ops + count; op++)
		for (unsigned prefix = 0; prefix < 4; prefix++) {
			if (!(op->prefixes >> prefix & 1))
				continue;
			for (unsigned rex_w = 0; rex_w <= !!(op->flags & F_REXW); rex_w++) {
				if (op->flags & F_REG)
					bad += !compare_form(op, prefix, true, rex_w);
				if (op->flags & F_MEM)
					bad += !compare_form(op, prefix, false, rex_w);
			}
		}
	assert_int_equal(bad, 0);
}
