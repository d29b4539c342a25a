/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the interpreter does for KVM, on the vCPU's state: instructions that KVM cannot emulate,
 * the rest of a repeated one, the way to an interrupt window or a lowered task priority that KVM
 * would miss, and, as it sees every instruction, the last part of the way to a place.
 *
 * The state stays with struct cpu until KVM is entered the next time, so that a stretch of
 * instructions costs the way to and fro once.
 */
#include "emulator/accel/kvm/kvm.h"
#include "emulator/cpu/flags.h"
#include "emulator/cpu/insn.h"
#include "emulator/cpu/mem.h"

/* False after kvm_fail(). */
static bool take_state(struct kvm *k)
{
	if (k->cpu_newer)
		return true;
	if (!kvm_state_get(k))
		return false;
	/* The guest wrote memory behind the interpreter's back. */
	vcpu_state_replaced(&k->m->vcpu);
	k->cpu_newer = true;
	return true;
}

/* One instruction, or more of them while a trap of a debug register is held back. */
static void one(struct vcpu *v)
{
	do {
		/* An exit has another opinion. */
		v->machine->between = true;
		v->limit = v->c->insns + 1;
		interp_run(v);
	} while (v->limit && v->c->pending_db && !v->c->halted && !v->c->shutdown);
}

/* Goes on as long as `more` says so. A kick from before, or in between, stays one. */
static void interpret(struct kvm *k, bool (*more)(const struct kvm *k, uint64_t rip), uint64_t rip)
{
	struct vcpu *v = &k->m->vcpu;
	bool kicked = !v->limit;

	do
		one(v);
	while (v->limit && !v->c->halted && !v->c->shutdown && more && more(k, rip));
	v->limit = kicked || !v->limit || v->c->halted || v->c->shutdown ? 0 : UINT64_MAX;
}

/* ---- single instructions ---- */

static size_t code_at(struct machine *m, uint8_t bytes[15])
{
	return machine_code_at(m, m->vcpu.c->reg[GPR_RIP], bytes, 15);
}

/* Tells of the instruction that `n` bytes begin with. */
static void show(struct machine *m, const uint8_t *bytes, size_t n)
{
	const struct vcpu *v = &m->vcpu;
	struct insn insn;
	unsigned length;

	if (!m->tap || !m->tap->emulated)
		return;
	length = insn_decode(&v->model, v->c->code_bits, bytes, (unsigned)n, &insn);
	m->tap->emulated(m->tap, v->c->reg[GPR_RIP], bytes, length ? length : n);
}

void kvm_emulate(struct kvm *k)
{
	uint8_t bytes[15];

	if (!take_state(k))
		return;
	show(k->m, bytes, code_at(k->m, bytes));
	interpret(k, NULL, 0);
}

/* A string instruction with a repeat prefix? */
static bool is_repeat(const uint8_t *bytes, size_t n, bool long_mode)
{
	bool repeat = false;

	for (size_t i = 0; i < n; i++) {
		uint8_t b = bytes[i];

		if (b == 0xf2 || b == 0xf3)
			repeat = true;
		else if (b != 0x66 && b != 0x67 && (b & 0xe7) != 0x26 && (b & 0xfe) != 0x64 &&
			 !(long_mode && (b & 0xf0) == 0x40))
			return repeat && ((b >= 0x6c && b <= 0x6f) || (b >= 0xa4 && b <= 0xa7) ||
					  (b >= 0xaa && b <= 0xaf));
	}
	return false;
}

static bool is_still_at(const struct kvm *k, uint64_t rip)
{
	return k->m->vcpu.c->reg[GPR_RIP] == rip;
}

static bool in_shadow(const struct kvm *k, uint64_t rip)
{
	const struct cpu *c = k->m->vcpu.c;

	return c->insns && c->shadow == c->insns;
}

void kvm_settle(struct kvm *k)
{
	const struct cpu *c = k->m->vcpu.c;
	uint8_t bytes[15];
	size_t n;

	if (!kvm_state_get(k))
		return;
	if (in_shadow(k, 0)) {
		if (take_state(k))
			interpret(k, in_shadow, 0);
		return;
	}
	n = code_at(k->m, bytes);
	if (!is_repeat(bytes, n, c->code_bits == 64) || !take_state(k))
		return;
	show(k->m, bytes, n);
	interpret(k, is_still_at, c->reg[GPR_RIP]);
}

/* ---- stretches ---- */

static bool window_is_closed(const struct kvm *k, uint64_t rip)
{
	return !vcpu_can_interrupt(&k->m->vcpu) && (!alarm_rang(k->alarm) || in_shadow(k, 0));
}

void kvm_interpret_to_window(struct kvm *k)
{
	if (take_state(k))
		interpret(k, window_is_closed, 0);
}

static bool priority_is_closed(const struct kvm *k, uint64_t rip)
{
	return !machine_priority_opened(k->m) && (!alarm_rang(k->alarm) || in_shadow(k, 0));
}

void kvm_interpret_to_priority(struct kvm *k)
{
	if (take_state(k))
		interpret(k, priority_is_closed, 0);
}

static bool is_elsewhere(const struct kvm *k, uint64_t rip)
{
	return k->m->vcpu.c->reg[GPR_RIP] != rip && !alarm_rang(k->alarm);
}

void kvm_interpret_one(struct kvm *k)
{
	if (take_state(k))
		interpret(k, NULL, 0);
}

void kvm_interpret_to(struct kvm *k, uint64_t rip)
{
	if (take_state(k))
		interpret(k, is_elsewhere, rip);
}

void kvm_interpret_injected(struct kvm *k)
{
	struct vcpu *v = &k->m->vcpu;

	if (!take_state(k))
		return;
	if (k->injected == INJECTED_NMI)
		vcpu_nmi(v);
	else
		vcpu_interrupt(v, (uint8_t)k->injected);
	k->injected = INJECTED_NONE;
}
