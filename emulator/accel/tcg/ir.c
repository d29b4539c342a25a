/* SPDX-License-Identifier: Apache-2.0 */
/* Operations of the IR as text. */
#include "emulator/accel/tcg/ir.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const opcode_name[IR_OPCODES] = {
    [IR_INSN] = "insn",       [IR_MOV] = "mov",         [IR_ZX] = "zx",
    [IR_SX] = "sx",           [IR_SIGN] = "sign",       [IR_LEA] = "lea",
    [IR_ALU] = "alu",         [IR_INC] = "inc",         [IR_DEC] = "dec",
    [IR_NEG] = "neg",         [IR_NOT] = "not",         [IR_SHIFT] = "shift",
    [IR_SHCL] = "shcl",       [IR_SHD] = "shd",         [IR_IMUL] = "imul",
    [IR_IMUL3] = "imul3",     [IR_MUL] = "mul",         [IR_DIV] = "div",
    [IR_BIT] = "bit",         [IR_SCAN] = "scan",       [IR_POPCNT] = "popcnt",
    [IR_BSWAP] = "bswap",     [IR_SETCC] = "set",       [IR_CMOV] = "cmov",
    [IR_XCHG] = "xchg",       [IR_XADD] = "xadd",       [IR_CMPXCHG] = "cmpxchg",
    [IR_GETHIGH] = "gethigh", [IR_PUTHIGH] = "puthigh", [IR_CARRY] = "carry",
    [IR_ADDR] = "addr",       [IR_PROBE] = "probe",     [IR_ALIGNED] = "aligned",
    [IR_FORWARD] = "forward", [IR_SSE] = "sse",         [IR_X87] = "x87",
    [IR_LOOKUP] = "lookup",   [IR_CALL] = "call",       [IR_PORT] = "port",
    [IR_GOTO] = "goto",       [IR_EXIT] = "exit",       [IR_JCC] = "j",
    [IR_JCXZ] = "jcxz",       [IR_JUMP] = "jump",
};

static const char *const register_name[] = {"rax", "rcx", "rdx",  "rbx",   "rsp",  "rbp", "rsi",
					    "rdi", "r8",  "r9",   "r10",   "r11",  "r12", "r13",
					    "r14", "r15", "temp", "saved", "[mem]"};

static const char *const condition_name[16] = {"o", "no", "b", "ae", "e", "ne", "be", "a",
					       "s", "ns", "p", "np", "l", "ge", "le", "g"};

static const char *operation_name(const struct ir_op *o)
{
	static const char *const alu[] = {"add", "or",  "adc", "sbb", "and",
					  "sub", "xor", "cmp", "test"};
	static const char *const shift[] = {"rol", "ror", "rcl", "rcr", "shl", "shr", "shl", "sar"};
	static const char *const bit[] = {"bt", "bts", "btr", "btc"};

	switch (o->op) {
	case IR_ALU:
		return alu[o->kind];
	case IR_SHIFT:
	case IR_SHCL:
		return shift[o->kind & 7];
	case IR_SHD:
		return o->kind ? "shrd" : "shld";
	case IR_BIT:
		return bit[o->kind & 3];
	case IR_SCAN:
		return o->kind ? "bsr" : "bsf";
	case IR_MUL:
		return o->kind ? "imul" : "mul";
	case IR_DIV:
		return o->kind ? "idiv" : "div";
	case IR_JCXZ:
		return o->kind ? "jcxnz" : "jcxz";
	default:
		return opcode_name[o->op];
	}
}

/* Text that grows. */
struct line {
	char *text;
	size_t size;
};

static __attribute__((format(printf, 2, 3))) void put(struct line *l, const char *format, ...)
{
	size_t used = strlen(l->text);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(l->text + used, l->size - used, format, arguments);
	va_end(arguments);
}

static void put_operand(struct line *l, const struct ir_op *o, unsigned operand)
{
	static const char *const high[] = {"ah", "ch", "dh", "bh"};

	if (operand == IR_IMM)
		put(l, "0x%llx", (unsigned long long)o->imm);
	else if (operand >= IR_HIGH && operand < IR_HIGH + 4)
		put(l, "%s", high[operand - IR_HIGH]);
	else if (o->op == IR_SSE && operand < 16)
		put(l, "x%u", operand);
	else if (operand <= IR_MEM)
		put(l, "%s", register_name[operand]);
}

static void put_sum(struct line *l, const struct ir_op *o)
{
	static const char *const segment[] = {[SEG_FS] = "fs:", [SEG_GS] = "gs:"};

	put(l, "%s", o->seg == SEG_FS || o->seg == SEG_GS ? segment[o->seg] : "");
	if (o->base == GPR_ZERO && o->index == GPR_ZERO) {
		put(l, "0x%llx", (unsigned long long)o->imm);
		return;
	}
	if (o->base != GPR_ZERO)
		put(l, "%s", register_name[o->base]);
	if (o->index != GPR_ZERO)
		put(l, "%s%s*%u", o->base != GPR_ZERO ? " + " : "", register_name[o->index],
		    1u << o->scale);
	if (o->disp)
		put(l, " %c 0x%x", o->disp < 0 ? '-' : '+',
		    o->disp < 0 ? -(unsigned)o->disp : (unsigned)o->disp);
}

static bool has_condition(const struct ir_op *o)
{
	return o->op == IR_SETCC || o->op == IR_CMOV || o->op == IR_JCC || o->op == IR_EXIT;
}

void ir_print(const struct ir_op *o, char *text, size_t size)
{
	struct line l = {text, size};

	*text = 0;
	put(&l, "%s%s", operation_name(o), has_condition(o) ? condition_name[o->condition] : "");
	if (o->op == IR_INSN) {
		put(&l, " %u", o->insn);
		return;
	}
	if (o->size)
		put(&l, ".%u", o->size);
	if (o->op == IR_PROBE)
		put(&l, " %s", o->kind ? "write" : "read");
	if (o->op == IR_SSE)
		put(&l, " %02x/%u", o->kind, o->from);
	if (o->op == IR_X87)
		put(&l, " %02x %02x", o->kind, o->from);
	if (o->d != IR_NONE) {
		put(&l, " ");
		put_operand(&l, o, o->d);
	}
	if (o->a != IR_NONE) {
		put(&l, o->d != IR_NONE ? ", " : " ");
		put_operand(&l, o, o->a);
	}
	if (o->op == IR_LEA)
		put(&l, ", ");
	if (o->op == IR_ADDR)
		put(&l, " ");
	if (o->op == IR_ADDR || o->op == IR_LEA)
		put_sum(&l, o);
	if (o->op == IR_IMUL3 || o->op == IR_SHD)
		put(&l, ", 0x%llx", (unsigned long long)o->imm);
	if (o->op == IR_GOTO || o->op == IR_JCC || o->op == IR_EXIT || o->op == IR_JCXZ)
		put(&l, " 0x%llx", (unsigned long long)o->imm);
	if (o->stores)
		put(&l, "  ; flags stored");
	if (o->fused)
		put(&l, "  ; flags of the host");
	if (o->late)
		put(&l, "  ; flags stored behind it%s", o->sinks ? ", on both ways" : "");
}
