/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: instructions whose operands are a device's registers. Hypervisors leave those to an
 * emulator, the platform's or ours, which has to know every instruction and what each does first.
 * One instruction is run on every backend that can be used here, from the same registers and
 * memory, and must make the same exits, change the same registers and memory, and fault alike.
 *
 * An input is
 *	0	modulo 3: 0 for 16-bit code (real mode), 1 for 32-bit (compatibility mode), 2
 *		for 64-bit
 *	1	bits 2n and 2n + 1, what data page n is: 0 and 1 a device, 2 RAM, 3 RAM that is
 *		read-only, or (bit 7 of byte 2) not there
 *	2	bits 0 to 6: where in the data pages RBX, RBP, RSI and RDI aim, in units of 16 bytes
 *		around the border of two pages; bit 7 see above
 *	3-17	the instruction; what is missing is HLT
 *	18 ...	registers, in pieces of 9 bytes: number (0 to 15), value
 *
 * Real mode has no pages: there its data lies in the video hole, which is a device, and below.
 *
 * `regress_mmio --count=N` makes N inputs, runs them all and counts what differs by backend,
 * mnemonic and kind, where a single input of a fuzzer ends the process. Its status is 1 when
 * anything differs but what a hypervisor's own emulator does.
 */
#include "fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/accel/accel.h"
#include "emulator/cpu/insn.h"
#include "emulator/disasm.h"
#include "emulator/host/quiet.h"
#include "emulator/machine.h"
#include "fuzz/code.h"
#include "tests/oracle/encoding.h"

#define HEADER   3u
#define CODE_MAX 15u
#define VALUES   (HEADER + CODE_MAX)

/* Guest-physical. Everything but the data pages is mapped where it is. */
enum {
	AT_GDT = 0x1000,
	AT_IDT = 0x2000,
	AT_STUBS = 0x3000, /* 16 bytes for each vector: HLT */
	AT_OTHER_ROOT = 0x4000,
	AT_ROOT = 0x5000,
	AT_PDPT = 0x6000,
	AT_PD = 0x7000,
	AT_PT = 0x8000,
	AT_CODE = 0x9000,
	AT_STACK = 0xb000, /* its end */
	AT_DATA = 0x10000, /* RAM of the data pages */
	AT_VIDEO = 0xa0000,
	AT_HIGH = 0x100000,
	AT_DEVICE = 0x80000000, /* nothing of the board's; all answers are ours */
	LINEAR_DATA = 0x100000, /* of the data pages, below 2 MiB */
	DATA_PAGES = 4,
};
#define DATA_SIZE (DATA_PAGES * 4096u)
#define RAM_SIZE  0x200000u
/* Of a real-mode segment: what it has of RAM, when the other half is the video hole. */
#define REAL_RAM 0x8000u

#define EXITS_MAX 64u

/* 32-bit code in compatibility mode: not every hypervisor has paging outside of long mode. */
enum { MODE_REAL, MODE_COMPATIBILITY, MODE_LONG };
static const unsigned mode_bits[] = {16, 32, 64};

/* ---- what came of an instruction ---- */

struct outcome {
	struct exit exit[EXITS_MAX];
	unsigned exits;
	bool endless; /* too many exits, or no end */
	bool gave_up; /* the backend could not go on, as it said */
	struct cpu_regs regs;
	uint8_t data[DATA_SIZE];
	uint8_t stack[512];
};

struct backend {
	const char *accel; /* as -accel takes it */
	/*
	 * The emulator is the host's, and what it gets wrong is not ours to mend: it is counted,
	 * and ends no fuzzing. One that gives up says so, and -accel whpx goes on with the
	 * interpreter.
	 */
	bool foreign;
	struct machine *m;
	struct host host;
	struct tap tap;
	struct outcome outcome;
	unsigned polls, runs;
};

static struct backend backends[] = {
    {.accel = "tcg,engine=interp"}, /* what the others are compared with */
    {.accel = "tcg,engine=jit,threshold=0"}, {.accel = "whpx,emulator=platform"},
    {.accel = "whpx,emulator=builtin"},      {.accel = "whpx,emulator=auto"},
    {.accel = "kvm", .foreign = true},
};
#define BACKENDS (sizeof(backends) / sizeof(*backends))

/* ---- an outside in which nothing happens, not even time ---- */

static struct backend *backend_of(struct host *h)
{
	return (struct backend *)(void *)((char *)h - offsetof(struct backend, host));
}

static uint64_t host_wait(struct host *h, uint64_t now, uint64_t deadline)
{
	return UINT64_MAX;
}

/* Instructions that jump to themselves have no end. */
static enum host_stop host_stop(struct host *h)
{
	return ++backend_of(h)->polls > 4 ? HOST_STOP_TIMEOUT : HOST_STOP_NONE;
}

static uint64_t host_clock(struct host *h)
{
	return 0;
}

static uint64_t host_due(struct host *h, uint64_t deadline)
{
	return 0;
}

static uint64_t host_idle(struct host *h, uint64_t deadline)
{
	return UINT64_MAX;
}

static uint64_t host_alarm(struct host *h, uint64_t deadline)
{
	return 20000000;
}

static const struct host_ops host_ops = {
    .wall_clock = quiet_wall_clock,
    .entropy = quiet_entropy,
    .char_read = quiet_char_read,
    .char_write = quiet_char_write,
    .wait = host_wait,
    .stop = host_stop,
    .clock = host_clock,
    .tsc = host_clock,
    .due = host_due,
    .idle = host_idle,
    .alarm = host_alarm,
    .boundary = quiet_boundary,
};

/* ---- backends ---- */

/* The device: what it answers depends on where and on how many accesses came before. */
static void answer(void *opaque, struct exit *e)
{
	const struct backend *b = opaque;

	if (e->kind == EXIT_SHUTDOWN)
		machine_stop(b->m, STOP_SHUTDOWN, 0);
	if (!e->is_write)
		e->data =
		    (e->address * 0x9e3779b97f4a7c15u + b->outcome.exits * 0x0101010101010101u) ^
		    0x8040201008040201u;
	if (!e->is_write && e->size < 8)
		e->data &= (1ull << 8 * e->size) - 1;
}

static void tap_exit(struct tap *t, const struct exit *e)
{
	struct backend *b = (struct backend *)(void *)((char *)t - offsetof(struct backend, tap));

	if (e->kind == EXIT_HLT)
		return;
	if (b->outcome.exits == EXITS_MAX) {
		b->outcome.endless = true;
		machine_stop(b->m, STOP_QUIT, 0);
		return;
	}
	b->outcome.exit[b->outcome.exits] = *e;
	b->outcome.exit[b->outcome.exits++].rip = 0;
}

static void tap_irq(struct tap *t, enum irq_kind kind, uint32_t value)
{
}

static void tap_dma(struct tap *t, bool is_write, uint64_t gpa, const void *data, size_t size)
{
}

static void tap_mark(struct tap *t)
{
}

static void backend_open(struct backend *b)
{
	struct machine_config c;
	struct error e;

	machine_config_init(&c);
	c.ram_size = RAM_SIZE;
	c.image[0] = (struct image){IMAGE_BIOS, strdup("mmio"), calloc(1, 0x10000), 0x10000};
	c.images = 1;
	b->host.ops = &host_ops;
	b->tap = (struct tap){.exit = tap_exit, .irq = tap_irq, .dma = tap_dma, .mark = tap_mark};
	b->m = machine_open(&c, b->accel, &b->host, &b->tap, &e);
	if (!b->m) {
		fprintf(stderr, "without %s: %s\n", b->accel, e.text);
		return;
	}
	b->m->exit_override = answer;
	b->m->exit_opaque = b;
}

/* ---- the guest's memory ---- */

static void put(struct machine *m, uint64_t gpa, const void *data, size_t size)
{
	machine_load_bytes(m, gpa, data, size);
}

static void put64(struct machine *m, uint64_t gpa, uint64_t value)
{
	put(m, gpa, &value, sizeof(value));
}

static void put_descriptors(struct machine *m, unsigned mode)
{
	static const uint64_t gdt[] = {0, 0x00af9b000000ffff, 0x00cf93000000ffff,
				       0x00cf9b000000ffff};
	uint8_t stubs[0x1000], zeros[0x1000] = {0};

	put(m, AT_GDT, gdt, sizeof(gdt));
	memset(stubs, 0xf4, sizeof(stubs));
	put(m, AT_STUBS, stubs, sizeof(stubs));
	put(m, AT_IDT, zeros, sizeof(zeros));
	for (uint64_t n = 0; n < 32; n++) {
		uint64_t to = AT_STUBS + 16 * n;

		if (mode == MODE_REAL)
			put64(m, AT_IDT + 4 * n, to >> 4 << 16);
		else
			put64(m, AT_IDT + 16 * n, (to & 0xffff) | 8 << 16 | 0x8e00ull << 32);
	}
}

static uint64_t data_entry(const uint8_t *header, unsigned n)
{
	unsigned kind = header[1] >> 2 * n & 3;
	uint64_t page = (uint64_t)n << 12;

	if (kind < 2)
		return (AT_DEVICE + page) | 0x63;
	if (kind == 2)
		return (AT_DATA + page) | 0x63;
	return header[2] & 0x80 ? 0 : (AT_DATA + page) | 0x61;
}

/*
 * The first 2 MiB in small pages. There are two roots, which are used in turn, so that nobody can
 * go by what the input before left in a TLB.
 */
static void put_pages(struct machine *m, const uint8_t *header)
{
	uint64_t pt[512];

	for (unsigned n = 0; n < 512; n++) {
		unsigned data = n - (LINEAR_DATA >> 12);

		pt[n] = data < DATA_PAGES ? data_entry(header, data) : (uint64_t)n << 12 | 0x63;
	}
	put(m, AT_PT, pt, sizeof(pt));
	put64(m, AT_PD, AT_PT | 3);
	put64(m, AT_PDPT, AT_PD | 3);
	put64(m, AT_ROOT, AT_PDPT | 3);
	put64(m, AT_OTHER_ROOT, AT_PDPT | 3);
}

static void clear(struct machine *m, uint64_t from, uint64_t to)
{
	static const uint8_t zeros[REAL_RAM];

	for (; from < to; from += sizeof(zeros))
		put(m, from, zeros, sizeof(zeros));
}

/* Some input's code went on where another accelerator's did not: it was everywhere. */
static bool wild;

/* What instructions leave beside the data pages: in real mode these are all that they reach. */
static void clear_memory(struct machine *m)
{
	clear(m, 0, wild ? AT_VIDEO : 0x10000);
	clear(m, AT_VIDEO - REAL_RAM, AT_VIDEO);
	if (wild)
		clear(m, AT_HIGH, RAM_SIZE);
}

static void put_memory(struct machine *m, unsigned mode, const uint8_t *header,
		       const uint8_t code[CODE_MAX])
{
	static uint8_t data[DATA_SIZE], halts[0x1000];
	uint64_t random = 1;

	for (unsigned n = 0; n < DATA_SIZE; n += 8) {
		uint64_t word = code_random(&random);

		memcpy(data + n, &word, 8);
	}
	memset(halts, 0xf4, sizeof(halts));
	memcpy(halts + 0x800, code, CODE_MAX);
	clear_memory(m);
	put(m, AT_CODE, halts, sizeof(halts));
	put(m, AT_DATA, data, sizeof(data));
	memset(halts, 0, sizeof(halts));
	put(m, AT_STACK - 0x1000, halts, sizeof(halts));
	put_descriptors(m, mode);
	put_pages(m, header);
}

/* ---- registers ---- */

static void set_segments(struct cpu_regs *r, unsigned mode)
{
	for (unsigned n = 0; n < 6; n++) {
		r->seg[n].base = 0;
		if (mode == MODE_REAL) {
			r->seg[n].limit = 0xffff;
			r->seg[n].attr = 0x93;
			r->seg[n].selector = 0;
		} else {
			r->seg[n].limit = 0xffffffff;
			r->seg[n].attr = 0xc093;
			r->seg[n].selector = 16;
		}
	}
	if (mode == MODE_REAL) {
		/* DS and ES are the end of RAM and the video hole behind it, where a device is. */
		r->seg[SEG_DS].selector = r->seg[SEG_ES].selector = (AT_VIDEO - REAL_RAM) >> 4;
		r->seg[SEG_DS].base = r->seg[SEG_ES].base = AT_VIDEO - REAL_RAM;
		r->seg[SEG_CS].attr = 0x9b;
	} else {
		r->seg[SEG_CS].selector = mode == MODE_LONG ? 8 : 24;
		r->seg[SEG_CS].attr = mode == MODE_LONG ? 0xa09b : 0xc09b;
	}
}

static void set_registers(const struct backend *b, unsigned mode, const uint8_t *header,
			  const uint8_t *data, size_t size)
{
	static const uint8_t pointers[] = {GPR_RBX, GPR_RBP, GPR_RSI, GPR_RDI};
	struct machine *m = b->m;
	struct cpu_regs r;
	uint64_t random = 2;

	vcpu_reset(&m->vcpu);
	cpu_get_regs(m->vcpu.c, &r);
	set_segments(&r, mode);
	for (unsigned n = 0; n < 16; n++)
		r.gpr[n] = code_random(&random) >> (n * 4 % 40);
	for (unsigned n = 0; n < sizeof(pointers); n++) {
		uint64_t at = 0x1000 * (1 + n % 2) - 0x200 + (header[2] & 0x7f) * 16u % 0x400 + n;

		r.gpr[pointers[n]] = mode == MODE_REAL ? 0x6f00 + at : LINEAR_DATA + at;
	}
	r.gpr[GPR_RCX] = 3;
	r.gpr[GPR_RSP] = AT_STACK - 0x100;
	for (size_t at = VALUES; at + 9 <= size; at += 9) {
		if (data[at] < 16)
			memcpy(&r.gpr[data[at]], data + at + 1, 8);
	}
	for (unsigned n = 0; mode != MODE_LONG && n < 16; n++)
		r.gpr[n] = n < 8 ? (uint32_t)r.gpr[n] : 0;
	r.rip = AT_CODE + 0x800;
	r.rflags = 2;
	r.gdt_base = AT_GDT;
	r.gdt_limit = 31;
	r.idt_base = AT_IDT;
	r.idt_limit = mode == MODE_REAL ? 0x3ff : 0xfff;
	if (mode != MODE_REAL) {
		r.cr0 = CR0_PE | CR0_PG | CR0_WP | CR0_ET | CR0_NE | CR0_MP;
		r.cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT;
		r.cr3 = b->runs % 2 ? AT_ROOT : AT_OTHER_ROOT;
		r.efer = EFER_LME | EFER_LMA;
	} else {
		r.cr0 = CR0_ET;
		r.cr4 = CR4_OSFXSR;
	}
	for (unsigned n = 0; n < 16; n++)
		r.xmm[n][0] = r.xmm[n][1] = code_random(&random);
	cpu_set_regs(&m->vcpu, &r);
	machine_cpu_written(m);
}

/* ---- running ---- */

static void run(struct backend *b, unsigned mode, const uint8_t *header, const uint8_t *code,
		const uint8_t *data, size_t size)
{
	struct machine *m = b->m;
	struct outcome *o = &b->outcome;
	enum stop_reason stop;

	memset(o, 0, sizeof(*o));
	b->polls = 0;
	b->runs++;
	machine_sync(m);
	put_memory(m, mode, header, code);
	set_registers(b, mode, header, data, size);
	m->stop = STOP_NONE;
	if (!m->config.host_time)
		m->until = m->vcpu.c->insns + 200;
	stop = machine_run(m);
	machine_sync(m);
	o->gave_up = stop == STOP_FAILED;
	o->endless |= stop != STOP_DEAD && stop != STOP_SHUTDOWN;
	cpu_get_regs(m->vcpu.c, &o->regs);
	memcpy(o->data, machine_ram_at(m, AT_DATA, DATA_SIZE), DATA_SIZE);
	memcpy(o->stack, machine_ram_at(m, AT_STACK - sizeof(o->stack), sizeof(o->stack)),
	       sizeof(o->stack));
}

/* ---- comparing ---- */

static bool exits_equal(const struct outcome *a, const struct outcome *b)
{
	if (a->exits != b->exits)
		return false;
	for (unsigned n = 0; n < a->exits; n++) {
		const struct exit *x = &a->exit[n], *y = &b->exit[n];

		if (x->kind != y->kind || x->is_write != y->is_write || x->size != y->size ||
		    x->address != y->address || x->data != y->data)
			return false;
	}
	return true;
}

/* What differs, or NULL. Flags are those that no instruction leaves undefined. */
static const char *difference(const struct outcome *a, const struct outcome *b)
{
	if (b->gave_up)
		return "gave up";
	/* What ran into the wild was stopped by a count, which not every accelerator has. */
	if (a->endless)
		return NULL;
	if (!exits_equal(a, b))
		return "exits";
	if (b->endless)
		return "end";
	if (a->regs.rip != b->regs.rip)
		return "fault";
	if (memcmp(a->regs.gpr, b->regs.gpr, sizeof(a->regs.gpr)))
		return "registers";
	if (memcmp(a->regs.xmm, b->regs.xmm, sizeof(a->regs.xmm)))
		return "XMM";
	if (memcmp(a->data, b->data, sizeof(a->data)))
		return "memory";
	if ((a->regs.rflags ^ b->regs.rflags) & (FLAG_DF | FLAG_TF | FLAG_IF | FLAG_ZF))
		return "flags";
	return NULL;
}

static void print_outcome(const struct backend *b)
{
	const struct outcome *o = &b->outcome;

	fprintf(stderr,
		"  %s: ends at %#llx%s, RAX %#llx RCX %#llx RSI %#llx RDI %#llx flags %#llx\n",
		b->accel, (unsigned long long)o->regs.rip, o->endless ? " (no end)" : "",
		(unsigned long long)o->regs.gpr[GPR_RAX], (unsigned long long)o->regs.gpr[GPR_RCX],
		(unsigned long long)o->regs.gpr[GPR_RSI], (unsigned long long)o->regs.gpr[GPR_RDI],
		(unsigned long long)o->regs.rflags);
	for (unsigned n = 0; n < o->exits; n++)
		fprintf(stderr, "    %s %s %#llx size %u %#llx\n", exit_kind_name(o->exit[n].kind),
			o->exit[n].is_write ? "write" : "read",
			(unsigned long long)o->exit[n].address, o->exit[n].size,
			(unsigned long long)o->exit[n].data);
}

/* ---- inputs ---- */

static bool ready;

static void open_all(void)
{
	for (unsigned n = 0; n < BACKENDS; n++)
		backend_open(&backends[n]);
	ready = true;
	if (!backends[0].m)
		exit(1);
}

/* Instructions that have a memory operand and change nothing but registers and memory. */
static bool is_wanted(unsigned mode, const uint8_t code[16], struct insn *i)
{
	static const struct cpu_model model = {.name = "x86-64"};
	unsigned bits = mode_bits[mode];
	struct encoding e;
	const char *why;
	unsigned digit;
	bool string;

	insn_decode(&model, bits, code, CODE_MAX, i);
	if (i->handler == insn_undefined || i->handler == insn_too_long)
		return false;
	digit = i->modrm >> 3 & 7;
	encoding_parse(&e, code, bits == 16 ? 32 : bits);
	if (encoding_fate(&e, bits == 16 ? 32 : bits, false, &why) != FATE_COMPARE)
		return false;
	string = i->map == MAP_1BYTE && (i->opcode & 0xf4) == 0xa4;
	/* Indirect branches end anywhere. Where the last x87 instruction was is nobody's affair. */
	if (i->map == MAP_1BYTE &&
	    ((i->opcode == 0xff && digit >= 2 && digit <= 5) ||
	     ((i->opcode == 0xd9 || i->opcode == 0xdd) && digit == 6 && !i->is_reg)))
		return false;
	/* PIO, flags from the stack, and the stack's registers are other subjects. */
	if (i->map == MAP_1BYTE &&
	    ((i->opcode >= 0x6c && i->opcode <= 0x6f) || (i->opcode >= 0xe4 && i->opcode <= 0xe7) ||
	     (i->opcode >= 0xec && i->opcode <= 0xef) || i->opcode == 0x9d || i->opcode == 0xf4 ||
	     i->opcode == 0x8e || i->opcode == 0xcc || i->opcode == 0xcd || i->opcode == 0xcf ||
	     i->opcode == 0xfb || i->opcode == 0xfa))
		return false;
	return !i->is_reg || string ||
	       (i->map == MAP_1BYTE && i->opcode >= 0xa0 && i->opcode <= 0xa3);
}

/* With operands; of those that the disassembler does not know, the opcode. */
static void mnemonic(unsigned mode, const uint8_t *code, const struct insn *i, char *text,
		     size_t size)
{
	static const char *const map[] = {
	    [MAP_1BYTE] = "", [MAP_0F] = "0f", [MAP_0F38] = "0f38", [MAP_0F3A] = "0f3a"};

	disasm(code, CODE_MAX, mode_bits[mode], 0, text, size);
	if (text[0] == '(')
		snprintf(text, size, "opcode-%s%02x", map[i->map], i->opcode);
}

/* ---- counting ---- */

#define CLASSES 500u

static struct {
	char name[120];
	unsigned count;
} classes[CLASSES];
static unsigned class_count, compared;
static bool counting, ours_differs;

static void count_class(const char *accel, const char *text, const char *what)
{
	char name[120];
	unsigned n = 0;

	snprintf(name, sizeof(name), "%s: %.*s: %s", accel, (int)strcspn(text, " "), text, what);
	while (n < class_count && strcmp(classes[n].name, name))
		n++;
	if (n == CLASSES)
		return;
	if (n == class_count)
		memcpy(classes[class_count++].name, name, sizeof(name));
	classes[n].count++;
}

/* ---- */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t header[HEADER] = {0}, code[16];
	unsigned mode;
	bool astray;
	struct insn i;
	char text[80];

	if (!ready)
		open_all();
	memcpy(header, data, size < HEADER ? size : HEADER);
	memset(code, 0xf4, sizeof(code));
	if (size > HEADER)
		memcpy(code, data + HEADER, size - HEADER < CODE_MAX ? size - HEADER : CODE_MAX);
	mode = header[0] % 3;
	if (!size || !is_wanted(mode, code, &i))
		return 0;
	/* It alone: what follows might read the time. */
	memset(code + i.length, 0xf4, sizeof(code) - i.length);
	run(&backends[0], mode, header, code, data, size);
	astray = backends[0].outcome.endless;
	compared++;
	for (unsigned n = 1; n < BACKENDS; n++) {
		const char *what;

		if (!backends[n].m)
			continue;
		run(&backends[n], mode, header, code, data, size);
		what = difference(&backends[0].outcome, &backends[n].outcome);
		astray |= what || backends[n].outcome.endless;
		if (!what)
			continue;
		mnemonic(mode, code, &i, text, sizeof(text));
		ours_differs |= !backends[n].foreign && !backends[n].outcome.gave_up;
		if (counting)
			count_class(backends[n].accel, text, what);
		if (counting || backends[n].foreign || backends[n].outcome.gave_up)
			continue;
		fprintf(stderr, "mmio: %s differs: %s: %s\n", backends[n].accel, text, what);
		print_outcome(&backends[0]);
		print_outcome(&backends[n]);
		abort();
	}
	wild = astray;
	return 0;
}

static int order(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void count_inputs(unsigned long inputs)
{
	static const struct cpu_model model = {.name = "x86-64"};

	counting = true;
	for (unsigned long n = 0; n < inputs; n++) {
		uint64_t random = n;
		uint8_t input[HEADER + CODE_MAX];

		memset(input, 0xf4, sizeof(input));
		for (unsigned i = 0; i < HEADER; i++)
			input[i] = (uint8_t)code_random(&random);
		code_insn(&random, &model, mode_bits[input[0] % 3], input + HEADER);
		LLVMFuzzerTestOneInput(input, sizeof(input));
	}
	qsort(classes, class_count, sizeof(*classes), order);
	for (unsigned n = 0; n < class_count; n++)
		printf("%8u %s\n", classes[n].count, classes[n].name);
	for (unsigned n = 1; n < BACKENDS; n++)
		printf("%8u compared with %s%s\n", backends[n].runs, backends[n].accel,
		       backends[n].m ? "" : " (not here)");
	printf("%u of %lu inputs compared, %u classes differ\n", compared, inputs, class_count);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	for (int i = 1; i < *argc; i++) {
		if (strncmp((*argv)[i], "--count=", 8))
			continue;
		count_inputs(strtoul((*argv)[i] + 8, NULL, 10));
		exit(ours_differs);
	}
	return 0;
}
