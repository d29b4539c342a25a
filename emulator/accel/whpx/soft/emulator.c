/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The software platform's WinHvEmulation: the functions, and the way in and out of an instruction.
 * All that it knows of the guest comes through the user's five callbacks.
 */
#include "emulator/accel/whpx/soft/emulator.h"

#include <stdlib.h>
#include <string.h>

#define PAGE      4096u
#define FLAG_RF64 ((uint64_t)FLAG_RF)

/* All that is ever asked for: RAX to R15, RIP, RFLAGS, ES to GS. */
#define NAMES (WHV_GS + 1)

bool emulation_fail(struct emulation *e, uint32_t status)
{
	e->status |= status;
	return false;
}

/* ---- memory and ports ---- */

static bool translate(struct emulation *e, uint64_t linear, uint32_t flags, uint64_t *gpa)
{
	uint32_t code = WHV_PAGE_NOT_PRESENT;
	uint64_t page = 0;

	if (WHV_FAILED(e->callbacks->translate(e->context, linear & ~(uint64_t)(PAGE - 1), flags,
					       &code, &page)))
		return emulation_fail(e, WHV_TRANSLATE_FAILED);
	if (page % PAGE)
		return emulation_fail(e, WHV_TRANSLATE_MISALIGNED);
	/* A fault is due, which this emulator cannot raise. */
	if (code != WHV_TRANSLATED)
		return emulation_fail(e, WHV_CANNOT_FAULT);
	*gpa = page | (linear & (PAGE - 1));
	return true;
}

static bool access_memory(struct emulation *e, unsigned seg, uint64_t offset, unsigned size,
			  bool is_write, uint64_t *value)
{
	struct whv_emulator_memory a = {.is_write = is_write, .size = (uint8_t)size};
	uint64_t linear = e->segment_base[seg] + offset;

	if (e->code_bits != 64)
		linear = (uint32_t)linear;
	if (linear % PAGE + size > PAGE)
		return emulation_fail(e, WHV_INTERNAL_FAILURE);
	if (!translate(e, linear, is_write ? WHV_TRANSLATE_WRITE : WHV_TRANSLATE_READ, &a.gpa))
		return false;
	memcpy(a.data, value, size);
	if (WHV_FAILED(e->callbacks->memory(e->context, &a)))
		return emulation_fail(e, WHV_MEMORY_FAILED);
	if (!is_write) {
		*value = 0;
		memcpy(value, a.data, size);
	}
	return true;
}

bool emulation_load(struct emulation *e, unsigned seg, uint64_t offset, unsigned size,
		    uint64_t *value)
{
	*value = 0;
	return access_memory(e, seg, offset, size, false, value);
}

bool emulation_store(struct emulation *e, unsigned seg, uint64_t offset, unsigned size,
		     uint64_t value)
{
	return access_memory(e, seg, offset, size, true, &value);
}

bool emulation_port(struct emulation *e, bool is_write, unsigned port, unsigned size,
		    uint64_t *value)
{
	struct whv_emulator_io a = {
	    .is_write = is_write,
	    .port = (uint16_t)port,
	    .size = (uint16_t)size,
	    .data = (uint32_t)*value,
	};

	if (WHV_FAILED(e->callbacks->io(e->context, &a)))
		return emulation_fail(e, WHV_IO_FAILED);
	*value = a.data;
	return true;
}

/* ---- registers ---- */

static bool begin(struct emulation *e, const struct whv_vp_context *vp, const uint8_t *bytes,
		  unsigned length)
{
	static const struct cpu_model model = {.v2 = true};
	uint32_t names[NAMES];
	union whv_value values[NAMES];

	if (vp->state & WHV_VP_INTERRUPTION_PENDING)
		return emulation_fail(e, WHV_INTERRUPT_INTERCEPT);
	for (uint32_t n = 0; n < NAMES; n++)
		names[n] = n;
	if (WHV_FAILED(e->callbacks->get(e->context, names, NAMES, values)))
		return emulation_fail(e, WHV_GET_FAILED);
	e->code_bits = (vp->state & WHV_VP_EFER_LMA) && (vp->cs.attributes & SEG_L) ? 64
		       : vp->cs.attributes & SEG_DB                                 ? 32
										    : 16;
	if (!insn_decode(&model, e->code_bits, bytes, length, &e->insn))
		return emulation_fail(e, WHV_INTERNAL_FAILURE);
	for (unsigned n = 0; n < 16; n++)
		e->reg[n] = values[n].reg;
	e->reg[GPR_RIP] = values[WHV_RIP].reg + e->insn.length;
	if (e->code_bits != 64)
		e->reg[GPR_RIP] = (uint32_t)e->reg[GPR_RIP];
	e->rflags = values[WHV_RFLAGS].reg & ~FLAG_RF64;
	for (unsigned n = SEG_ES; n <= SEG_GS; n++)
		e->segment_base[n] = values[WHV_ES + n].segment.base;
	return true;
}

static bool finish(struct emulation *e)
{
	uint32_t names[NAMES], count = 0;
	union whv_value values[NAMES];

	memset(values, 0, sizeof(values));
	for (uint32_t n = 0; n < 16; n++) {
		if (e->changed >> n & 1) {
			names[count] = n;
			values[count++].reg = e->reg[n];
		}
	}
	names[count] = WHV_RIP;
	values[count++].reg = e->reg[GPR_RIP];
	names[count] = WHV_RFLAGS;
	values[count++].reg = e->rflags;
	if (WHV_FAILED(e->callbacks->set(e->context, names, count, values)))
		return emulation_fail(e, WHV_SET_FAILED);
	return true;
}

/* ---- the functions ---- */

struct soft_emulator {
	struct whv_emulator_callbacks callbacks;
};

SOFT_EXPORT whv_result WHvEmulatorCreateEmulator(const struct whv_emulator_callbacks *callbacks,
						 whv_emulator *emulator)
{
	struct soft_emulator *s;

	if (!callbacks || !emulator || callbacks->size != sizeof(*callbacks) || !callbacks->io ||
	    !callbacks->memory || !callbacks->get || !callbacks->set || !callbacks->translate)
		return WHV_INVALID_ARGUMENT;
	s = malloc(sizeof(*s));
	if (!s)
		return WHV_OUT_OF_MEMORY;
	s->callbacks = *callbacks;
	*emulator = s;
	return WHV_OK;
}

SOFT_EXPORT whv_result WHvEmulatorDestroyEmulator(whv_emulator emulator)
{
	if (!emulator)
		return WHV_INVALID_ARGUMENT;
	free(emulator);
	return WHV_OK;
}

static struct emulation emulation_of(const struct soft_emulator *s, void *context)
{
	return (struct emulation){.callbacks = &s->callbacks, .context = context};
}

SOFT_EXPORT whv_result WHvEmulatorTryIoEmulation(whv_emulator emulator, void *context,
						 const struct whv_vp_context *vp,
						 const struct whv_io_access *access,
						 uint32_t *status)
{
	const struct soft_emulator *s = emulator;
	struct emulation e;
	bool done;

	if (!s || !vp || !access || !status || access->insn_length > WHV_INSN_BYTES)
		return WHV_INVALID_ARGUMENT;
	e = emulation_of(s, context);
	done = begin(&e, vp, access->insn, access->insn_length) && emulate_io(&e, access->port) &&
	       finish(&e);
	*status = done ? WHV_EMULATED : e.status;
	return WHV_OK;
}

SOFT_EXPORT whv_result WHvEmulatorTryMmioEmulation(whv_emulator emulator, void *context,
						   const struct whv_vp_context *vp,
						   const struct whv_memory_access *access,
						   uint32_t *status)
{
	const struct soft_emulator *s = emulator;
	struct emulation e;
	bool done;

	if (!s || !vp || !access || !status || access->insn_length > WHV_INSN_BYTES)
		return WHV_INVALID_ARGUMENT;
	e = emulation_of(s, context);
	/* Of an instruction that could not be fetched there are no bytes: decoding fails. */
	done = begin(&e, vp, access->insn, access->insn_length) && emulate_memory(&e) && finish(&e);
	*status = done ? WHV_EMULATED : e.status;
	return WHV_OK;
}
