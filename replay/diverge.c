/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a person is told when a replay diverges: where (event, position, RIP, the instruction
 * there), what was expected, what came, and the last events before it.
 */
#include <inttypes.h>
#include <string.h>

#include "emulator/accel/accel.h"
#include "emulator/cpu/cpuid.h"
#include "emulator/disasm.h"
#include "replay/session.h"

const char *replay_disassemble(struct machine *m, uint64_t rip, char *text, size_t size)
{
	uint8_t bytes[15];
	size_t n = machine_code_at(m, rip, bytes, sizeof(bytes));

	return disasm(bytes, n, m->vcpu.c->code_bits, rip, text, size);
}

static void print_event(const struct replay *r, FILE *f, const char *label, const struct event *e)
{
	char text[256];

	fprintf(f, "  %s", label);
	if (!r->machine->config.host_time) /* by exits, instructions are not counted */
		fprintf(f, " instruction %" PRIu64, e->position.insns);
	fprintf(f, " exit %" PRIu64, e->position.exits);
	if (e->rip)
		fprintf(f, " rip 0x%" PRIx64, e->rip);
	fprintf(f, ": %s\n", event_text(e, r->machine, text, sizeof(text)));
}

static void print_digest_difference(FILE *f, const struct event *expected, const struct event *came)
{
	struct digest then = digest_load(expected->bytes), now = digest_load(came->bytes);

	fprintf(f, "  state:   ");
	fprintf(f, " registers %s,", then.registers == now.registers ? "equal" : "differ");
	fprintf(f, " devices %s,", then.arena == now.arena ? "equal" : "differ");
	fprintf(f, " memory %s\n", then.ram == now.ram ? "equal" : "differs");
}

/* What instructions a guest may try when CPUID shows it. */
static const struct {
	uint32_t leaf;
	uint8_t reg, bit; /* 1 EBX, 2 ECX, 3 EDX */
	const char *name;
} features[] = {
    {1, 3, 4, "tsc"},
    {1, 2, 0, "sse3"},
    {1, 2, 1, "pclmulqdq"},
    {1, 2, 9, "ssse3"},
    {1, 2, 12, "fma"},
    {1, 2, 13, "cx16"},
    {1, 2, 19, "sse4.1"},
    {1, 2, 20, "sse4.2"},
    {1, 2, 22, "movbe"},
    {1, 2, 23, "popcnt"},
    {1, 2, 25, "aes"},
    {1, 2, 26, "xsave"},
    {1, 2, 28, "avx"},
    {1, 2, 29, "f16c"},
    {1, 2, 30, "rdrand"},
    {7, 1, 0, "fsgsbase"},
    {7, 1, 3, "bmi1"},
    {7, 1, 5, "avx2"},
    {7, 1, 8, "bmi2"},
    {7, 1, 10, "invpcid"},
    {7, 1, 16, "avx512f"},
    {7, 1, 18, "rdseed"},
    {7, 1, 19, "adx"},
    {7, 1, 29, "sha"},
    {0x80000001, 3, 27, "rdtscp"},
};

/* Recorded where CPUID could not be kept, it may have led the guest to what is not here. */
static void print_foreign_features(const struct machine *m, FILE *f)
{
	struct cpu_model own = m->vcpu.model;
	bool any = false;

	own.measured = NULL;
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
		uint32_t shown[4], here[4];

		cpuid_query(&m->vcpu.model, m->vcpu.c, features[i].leaf, 0, shown);
		cpuid_query(&own, m->vcpu.c, features[i].leaf, 0, here);
		if (!((shown[features[i].reg] & ~here[features[i].reg]) >> features[i].bit & 1))
			continue;
		fprintf(f, "%s %s",
			any ? ""
			    : "  note:     where the trace was made CPUID showed, "
			      "but this processor has not:",
			features[i].name);
		any = true;
	}
	fputs(any ? "\n" : "", f);
}

void replay_print_divergence(const struct replay *r, FILE *f)
{
	const struct event *expected = r->nothing_expected ? NULL : &r->expected.event;
	const struct event *came = r->nothing_came ? NULL : &r->came.event;
	const struct event *where = expected ? expected : came;
	uint64_t first = r->checked > HISTORY ? r->checked - HISTORY : 0;
	uint64_t rip = where ? where->rip : 0;
	bool by_exits = r->machine->config.host_time;
	struct position position;
	char text[256];

	if (!r->diverged)
		return;
	position = where ? where->position : machine_position(r->machine);
	machine_sync(r->machine);
	if ((!rip || r->astray) && r->nothing_came)
		rip = r->came.event.rip;
	if (!rip)
		rip = r->machine->vcpu.c->reg[GPR_RIP];
	fprintf(f, "diverged at event %" PRIu64 ", %s %" PRIu64 ", rip 0x%" PRIx64 ": %s\n",
		r->checked, by_exits ? "exit" : "instruction",
		by_exits ? position.exits : position.insns, rip, r->why);
	if (r->options.mode != REPLAY_DEVICES)
		fprintf(f, "  code:     0x%" PRIx64 ": %s\n", rip,
			replay_disassemble(r->machine, rip, text, sizeof(text)));
	if (expected)
		print_event(r, f, "expected:", expected);
	if (came)
		print_event(r, f, "came:    ", came);
	else
		fprintf(f, "  came:     nothing up to %s %" PRIu64 "\n",
			by_exits ? "exit" : "instruction",
			by_exits ? r->came.event.position.exits : r->came.event.position.insns);
	if (expected && came && expected->kind == EVENT_DIGEST && came->kind == EVENT_DIGEST &&
	    expected->length == DIGEST_BYTES)
		print_digest_difference(f, expected, came);
	if (r->astray)
		fprintf(
		    f,
		    "  note:     it left the recorded way after exit %" PRIu64 ": the events "
		    "before tell what it saw last; --devices and --cpu tell which side differs\n",
		    position.exits);
	if (*r->machine->accel_note)
		fprintf(f, "  note:     %s\n", r->machine->accel_note);
	if (r->machine->accel->flags & ACCEL_COUNTS_INSNS)
		print_foreign_features(r->machine, f);
	else
		fprintf(
		    f,
		    "  note:     -accel %s does not see a guest read the time stamp counter, whose "
		    "values no trace has: -accel tcg would name it\n",
		    r->machine->accel->name);
	fprintf(f, "  the %" PRIu64 " events before it:\n", r->checked - first);
	for (uint64_t i = first; i < r->checked; i++) {
		char label[32];

		snprintf(label, sizeof(label), "%8" PRIu64, i);
		print_event(r, f, label, &r->history[i % HISTORY].event);
	}
}
