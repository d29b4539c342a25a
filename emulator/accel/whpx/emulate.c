/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Instructions that exit. The platform has an emulator for them (WinHvEmulation), which reaches
 * the vCPU and the machine through five callbacks. It does not know every instruction; QEMU ends
 * there with "Failed to emulate MMIO access with EmulatorReturnStatus: 2". Here the interpreter,
 * which knows them all, executes what it leaves, and the trace says so.
 *
 * Should the platform's emulator give up after it has made exits already, the interpreter is not
 * to make them again: it gets the answers that were given then.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "emulator/accel/whpx/status.h"
#include "emulator/accel/whpx/whpx.h"
#include "emulator/cpu/debug.h"
#include "emulator/cpu/flags.h"
#include "emulator/cpu/insn.h"
#include "emulator/cpu/mem.h"
#include "emulator/cpu/segment.h"
#include "emulator/disasm.h"

#define INSN_MAX 15

/* ---- the five callbacks ---- */

static void make_exit(struct whpx *w, struct exit *e)
{
	machine_exit(w->m, e);
	if (w->made_count < WHPX_MADE)
		w->made[w->made_count++] = *e;
}

static whv_result on_io(void *context, struct whv_emulator_io *a)
{
	struct whpx *w = context;
	struct exit e = {
	    .kind = EXIT_PIO,
	    .is_write = a->is_write,
	    .size = (uint8_t)a->size,
	    .address = a->port,
	    .rip = w->exit.vp.rip,
	};

	if (a->size != 1 && a->size != 2 && a->size != 4)
		return WHV_INVALID_ARGUMENT;
	if (e.is_write)
		e.data = a->data & (UINT32_MAX >> (32 - 8 * a->size));
	make_exit(w, &e);
	if (!e.is_write)
		a->data = (uint32_t)e.data;
	return WHV_OK;
}

/* RAM that the access reaches: of the page at `gpa` on, or NULL when it is an exit. */
static uint8_t *ram_of(struct machine *m, uint64_t gpa, bool is_write)
{
	bool writable = false;
	uint64_t page = m->vcpu.ops->ram_page(m, gpa & PAGE_MASK, &writable);

	if (page == UINT64_MAX || (is_write && !writable))
		return NULL;
	return m->ram.base + page + (gpa & ~PAGE_MASK);
}

/* Within one page, as exit.h wants it. */
static void on_page(struct whpx *w, uint64_t gpa, bool is_write, uint8_t *data, uint8_t size)
{
	struct exit e = {
	    .kind = EXIT_MMIO,
	    .is_write = is_write,
	    .size = size,
	    .address = gpa,
	    .rip = w->exit.vp.rip,
	};
	const uint8_t *ram = ram_of(w->m, gpa, is_write);

	if (ram && is_write) {
		machine_dma_write(w->m, gpa, data, size);
	} else if (ram) {
		memcpy(data, ram, size);
	} else {
		if (is_write)
			memcpy(&e.data, data, size);
		make_exit(w, &e);
		if (!is_write)
			memcpy(data, &e.data, size);
	}
}

static whv_result on_memory(void *context, struct whv_emulator_memory *a)
{
	uint64_t room = PAGE_SIZE_4K - (a->gpa & ~PAGE_MASK);
	uint8_t first = a->size;

	if (!a->size || a->size > sizeof(a->data))
		return WHV_INVALID_ARGUMENT;
	if (first > room)
		first = (uint8_t)room;
	on_page(context, a->gpa, a->is_write, a->data, first);
	if (a->size > first)
		on_page(context, a->gpa + first, a->is_write, a->data + first,
			(uint8_t)(a->size - first));
	return WHV_OK;
}

static whv_result on_get(void *context, const uint32_t *names, uint32_t count,
			 union whv_value *values)
{
	struct whpx *w = context;

	return WHPX_CALL(&w->platform, WHvGetVirtualProcessorRegisters, w->partition, 0, names,
			 count, values);
}

static whv_result on_set(void *context, const uint32_t *names, uint32_t count,
			 const union whv_value *values)
{
	struct whpx *w = context;

	return WHPX_CALL(&w->platform, WHvSetVirtualProcessorRegisters, w->partition, 0, names,
			 count, values);
}

static whv_result on_translate(void *context, uint64_t gva, uint32_t flags, uint32_t *code,
			       uint64_t *gpa)
{
	struct whpx *w = context;
	struct whv_translate_result result = {.code = 0};
	whv_result called;

	/* A fault; whether platforms look at the bits above 47 is nowhere said. */
	if (!address_is_canonical(gva)) {
		*code = WHV_PAGE_NOT_PRESENT;
		return WHV_OK;
	}
	called =
	    WHPX_CALL(&w->platform, WHvTranslateGva, w->partition, 0, gva, flags, &result, gpa);
	*code = result.code;
	return called;
}

int whpx_emulator_open(struct whpx *w, struct error *e)
{
	static const struct whv_emulator_callbacks callbacks = {
	    .size = sizeof(callbacks),
	    .io = on_io,
	    .memory = on_memory,
	    .get = on_get,
	    .set = on_set,
	    .translate = on_translate,
	};

	if (w->who == WHPX_EMULATOR_BUILTIN)
		return 0;
	if (WHV_FAILED(
		WHPX_CALL(&w->platform, WHvEmulatorCreateEmulator, &callbacks, &w->emulator))) {
		w->emulator = NULL;
		return whpx_error(&w->platform, "cannot create an instruction emulator", e);
	}
	return 0;
}

void whpx_emulator_close(struct whpx *w)
{
	if (w->emulator)
		w->platform.WHvEmulatorDestroyEmulator(w->emulator);
	w->emulator = NULL;
}

/* ---- the interpreter ---- */

bool whpx_is_debugged(const struct whpx *w)
{
	return (w->exit.vp.state & WHV_VP_DEBUG_ACTIVE) || (w->exit.vp.rflags & FLAG_TF);
}

/* The instruction at RIP, as far as it lies in RAM. */
static size_t code_at(struct machine *m, uint8_t bytes[INSN_MAX])
{
	const struct cpu *c = m->vcpu.c;
	struct insn insn;
	size_t n = 0, length;

	for (; n < INSN_MAX; n++) {
		uint64_t linear = (c->seg[SEG_CS].base + c->reg[GPR_RIP] + n) & c->linear_mask, gpa;
		const uint8_t *at;

		if (!mem_debug_translate(&m->vcpu, linear, &gpa))
			break;
		at = ram_of(m, gpa, false);
		if (!at)
			break;
		bytes[n] = *at;
	}
	/* No more than the instruction has, if it is one. */
	length = insn_decode(&m->vcpu.model, c->code_bits, bytes, (unsigned)n, &insn);
	return length ? length : n;
}

/* The interpreter makes an exit that the platform's emulator has made before: same answer. */
static void exit_again(struct machine *m, struct exit *e)
{
	struct whpx *w = whpx_of(m);

	if (w->made_used < w->made_count) {
		const struct exit *made = &w->made[w->made_used++];

		if (made->kind == e->kind && made->address == e->address && made->size == e->size &&
		    made->is_write == e->is_write) {
			e->data = made->data;
			return;
		}
		w->made_used = w->made_count;
	}
	machine_exit(m, e);
}

bool whpx_interpreter_enter(struct whpx *w)
{
	if (w->cpu_newer)
		return true;
	if (!whpx_state_get(w))
		return false;
	/* The guest wrote memory behind the interpreter's back. */
	vcpu_state_replaced(&w->m->vcpu);
	w->cpu_newer = true;
	return true;
}

/* One instruction, and those after it that hold a debug trap back. */
static void step(struct whpx *w)
{
	struct vcpu *v = &w->m->vcpu;
	const struct vcpu_ops *ops = v->ops;
	struct vcpu_ops again = *ops;
	bool kicked = !v->limit;

	again.exit = exit_again;
	v->ops = &again;
	do {
		v->limit = v->c->insns + 1;
		interp_run(v);
	} while (v->limit && v->c->pending_db && !v->c->halted && !v->c->shutdown);
	v->ops = ops;
	/* A kick set the limit to 0: it holds for the run that this is part of. */
	v->limit = kicked || !v->limit ? 0 : UINT64_MAX;
	if (v->c->halted || v->c->shutdown)
		vcpu_kick(v);
}

void whpx_interpret(struct whpx *w)
{
	struct machine *m = w->m;
	uint8_t bytes[INSN_MAX];
	size_t n;

	if (!whpx_interpreter_enter(w))
		return;
	n = code_at(m, bytes);
	if (m->tap && m->tap->emulated)
		m->tap->emulated(m->tap, m->vcpu.c->reg[GPR_RIP], bytes, n);
	w->made_count = w->made_used = 0;
	step(w);
}

void whpx_interpret_delivery(struct whpx *w)
{
	const uint32_t name = WHV_PENDING_INTERRUPTION;
	struct vcpu *v = &w->m->vcpu;
	uint64_t pending, none = 0;

	if (!whpx_get(w, name, &pending) || !whpx_interpreter_enter(w) ||
	    !whpx_set(w, &name, &none, 1))
		return;
	w->exit.vp.state &= (uint16_t)~WHV_VP_INTERRUPTION_PENDING;
	v->fault_vector = (uint8_t)(pending >> WHV_PENDING_VECTOR_SHIFT);
	v->fault_has_error = pending & WHV_PENDING_HAS_ERROR;
	v->fault_error = (uint32_t)(pending >> WHV_PENDING_ERROR_SHIFT);
	switch (pending >> WHV_PENDING_TYPE_SHIFT & 7) {
	case WHV_EVENT_INTERRUPT:
		vcpu_interrupt(v, v->fault_vector);
		break;
	case WHV_EVENT_NMI:
		vcpu_nmi(v);
		break;
	default:
		cpu_deliver_fault(v);
		break;
	}
}

/* ---- what the platform's emulator did not do ---- */

/* As QEMU says it, with all that is known: for those who look for these very words. */
static void stop_as_qemu(struct whpx *w, const char *what, uint32_t status, uint64_t address)
{
	struct machine *m = w->m;
	char text[900], names[256], insn[128], hex[3 * INSN_MAX + 1] = "";
	uint8_t bytes[INSN_MAX];
	size_t n;

	if (!whpx_state_get(w))
		return;
	n = code_at(m, bytes);
	for (size_t i = 0; i < n; i++)
		snprintf(hex + 3 * i, sizeof(hex) - 3 * i, "%02x ", bytes[i]);
	if (n)
		disasm(bytes, n, m->vcpu.c->code_bits, m->vcpu.c->reg[GPR_RIP], insn, sizeof(insn));
	else
		snprintf(insn, sizeof(insn), "an instruction fetched from where no memory is");
	snprintf(text, sizeof(text),
		 "WHPX: Failed to emulate %s access with EmulatorReturnStatus: %u (%s) at rip "
		 "0x%" PRIx64 ": %s%s%s, %s 0x%" PRIx64 " (use emulator=auto)",
		 what, status, whpx_status_text(status, names, sizeof(names)),
		 m->vcpu.c->reg[GPR_RIP], n ? "bytes " : "", hex, insn,
		 *what == 'M' ? "gpa" : "port", address);
	whpx_stop(w, text);
}

static void fall_back(struct whpx *w, uint32_t status, whv_result result)
{
	struct machine *m = w->m;
	uint8_t bytes[INSN_MAX];
	size_t n;

	if (!whpx_interpreter_enter(w))
		return;
	n = code_at(m, bytes);
	if (m->tap && m->tap->fallback)
		m->tap->fallback(m->tap, m->vcpu.c->reg[GPR_RIP], m->vcpu.c->code_bits,
				 status | (uint64_t)(uint32_t)result << 32, bytes, n);
	w->made_used = 0;
	step(w);
}

/* The instruction is done: what an interrupt shadow was for is over. */
static void emulated(struct whpx *w)
{
	uint32_t name = WHV_INTERRUPT_STATE;
	uint64_t state;

	w->cpu_current = false;
	if (!w->shadow || !whpx_get(w, name, &state))
		return;
	state &= ~WHV_STATE_SHADOW;
	w->shadow = !whpx_set(w, &name, &state, 1);
}

static void judge(struct whpx *w, const char *what, whv_result result, uint32_t status,
		  uint64_t address)
{
	if (!WHV_FAILED(result) && (status & WHV_EMULATED))
		emulated(w);
	else if (w->who != WHPX_EMULATOR_PLATFORM)
		fall_back(w, WHV_FAILED(result) ? 0 : status, result);
	else if (WHV_FAILED(result))
		whpx_fail(w);
	else
		stop_as_qemu(w, what, status, address);
}

/* Nobody but the interpreter is asked: it is done. */
static bool is_builtin(struct whpx *w)
{
	w->made_count = 0;
	if (w->who == WHPX_EMULATOR_BUILTIN)
		whpx_interpret(w);
	return w->who == WHPX_EMULATOR_BUILTIN;
}

void whpx_emulate_memory(struct whpx *w)
{
	uint32_t status = 0;
	whv_result result;

	if (is_builtin(w))
		return;
	result = WHPX_CALL(&w->platform, WHvEmulatorTryMmioEmulation, w->emulator, w, &w->exit.vp,
			   &w->exit.memory, &status);
	judge(w, "MMIO", result, status, w->exit.memory.gpa);
}

void whpx_emulate_io(struct whpx *w)
{
	uint32_t status = 0;
	whv_result result;

	if (is_builtin(w))
		return;
	result = WHPX_CALL(&w->platform, WHvEmulatorTryIoEmulation, w->emulator, w, &w->exit.vp,
			   &w->exit.io, &status);
	judge(w, "PortIO", result, status, w->exit.io.port);
}
