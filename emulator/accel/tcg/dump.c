/* SPDX-License-Identifier: Apache-2.0 */
/* What was translated, and into what, for -d and for perf. */
#include <stdarg.h>
#include <stdio.h>

#include "emulator/accel/tcg/jit.h"
#include "emulator/disasm.h"

static __attribute__((format(printf, 3, 4))) void say(const struct jit *j, enum log_item item,
						      const char *format, ...)
{
	char text[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	j->log.write(j->log.opaque, item, text);
}

/* One instruction: address, bytes, text. */
static void say_insn(const struct jit *j, enum log_item item, uint64_t rip, const uint8_t *bytes,
		     unsigned length, unsigned bits)
{
	char text[128], hex[40] = "";

	for (unsigned n = 0; n < length && n < 15; n++)
		snprintf(hex + 2 * n, sizeof(hex) - 2 * n, "%02x", bytes[n]);
	say(j, item, "0x%08llx:  %-22s %s", (unsigned long long)rip, hex,
	    disasm(bytes, length, bits, rip, text, sizeof(text)));
}

static void dump_guest(const struct jit *j, const struct jit_block *t)
{
	const uint8_t *bytes = j->v->ram + t->block->ram_offset;
	uint64_t rip = t->rip;

	say(j, LOG_IN_ASM, "----------------");
	say(j, LOG_IN_ASM, "IN: 0x%llx, %u instructions", (unsigned long long)rip, t->insns);
	for (unsigned n = 0; n < t->insns; n++) {
		unsigned length = t->block->insn[n].length;

		say_insn(j, LOG_IN_ASM, rip, bytes, length, t->block->code_bits);
		rip += length;
		bytes += length;
	}
}

static void dump_ir(const struct jit *j)
{
	char text[160];

	say(j, LOG_IR, "IR:");
	for (unsigned n = 0; n < j->ir.ops; n++) {
		ir_print(&j->ir.op[n], text, sizeof(text));
		say(j, LOG_IR, j->ir.op[n].op == IR_INSN ? " %s" : "    %s", text);
	}
}

/* Host code as it was made, its jumps not linked yet. */
static void dump_host(const struct jit *j, const struct jit_block *t)
{
	struct insn i;
	unsigned length;

	say(j, LOG_OUT_ASM, "OUT: %u bytes", t->size);
	for (uint32_t at = 0; at < t->size; at += length) {
		unsigned left = t->size - at < 15 ? t->size - at : 15;

		length = insn_decode(&j->v->model, 64, t->entry + at, left, &i);
		if (length == 0)
			break;
		say_insn(j, LOG_OUT_ASM, (uintptr_t)t->entry + at, t->entry + at, length, 64);
	}
}

void jit_dump_block(const struct jit *j, const struct jit_block *t)
{
	if (log_wants(&j->log, LOG_IN_ASM))
		dump_guest(j, t);
	if (log_wants(&j->log, LOG_IR))
		dump_ir(j);
	if (log_wants(&j->log, LOG_OUT_ASM))
		dump_host(j, t);
	if (log_wants(&j->log, LOG_PERFMAP))
		say(j, LOG_PERFMAP, "%llx %x guest_0x%llx", (unsigned long long)(uintptr_t)t->entry,
		    t->size, (unsigned long long)t->rip);
}

void jit_dump_entry(const struct jit *j, const struct jit_block *t)
{
	say(j, LOG_EXEC, "exec: 0x%llx at instruction %llu, physical 0x%llx, mode 0x%x",
	    (unsigned long long)t->rip, (unsigned long long)j->v->c->insns,
	    (unsigned long long)t->gpa, t->mode);
}
