/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lazy status flags. An arithmetic instruction stores its result, sign-extended to 64 bits, in
 * flag_result, and in flag_aux the carries that cannot be had from the result:
 *
 *   bit 63      CF
 *   bit 62      carry into the sign bit: OF = bit 63 ^ bit 62
 *   bits 15..8  parity delta: PF is the even parity of (result ^ delta) & 0xff
 *   bit 3       AF
 *   bit 0       sign delta: SF = sign(result) ^ delta
 *
 * ZF is result == 0. The deltas are 0 except after an instruction that sets flags to arbitrary
 * values (POPF, SAHF, IRET). The carry-out vector of a + b = r is (a & b) | ((a | b) & ~r), that
 * of a - b = r is (~a & b) | ((~a | b) & r), with a borrow or carry in already inside r.
 */
#ifndef VCR_CPU_FLAGS_H
#define VCR_CPU_FLAGS_H

#include "emulator/cpu/cpu.h"

#define AUX_CF (1ull << 63)
#define AUX_PO (1ull << 62)
#define AUX_AF (1ull << 3)
#define AUX_SD (1ull << 0)

/* Result of `bits` bits with the carry-out vector `carry`. */
static inline void flags_set_arith(struct cpu *c, unsigned bits, uint64_t result, uint64_t carry)
{
	c->flag_result = (uint64_t)((int64_t)(result << (64 - bits)) >> (64 - bits));
	c->flag_aux = ((carry << (64 - bits)) & (AUX_CF | AUX_PO)) | (carry & AUX_AF);
}

/* Logic instructions: CF = OF = 0; AF is undefined, 0 here. */
static inline void flags_set_logic(struct cpu *c, unsigned bits, uint64_t result)
{
	c->flag_result = (uint64_t)((int64_t)(result << (64 - bits)) >> (64 - bits));
	c->flag_aux = 0;
}

static inline bool flag_cf(const struct cpu *c)
{
	return c->flag_aux >> 63;
}

static inline bool flag_of(const struct cpu *c)
{
	return ((c->flag_aux >> 63) ^ (c->flag_aux >> 62)) & 1;
}

static inline bool flag_zf(const struct cpu *c)
{
	return c->flag_result == 0;
}

static inline bool flag_sf(const struct cpu *c)
{
	return (c->flag_result >> 63) ^ (c->flag_aux & AUX_SD);
}

static inline bool flag_af(const struct cpu *c)
{
	return c->flag_aux & AUX_AF;
}

static inline bool flag_pf(const struct cpu *c)
{
	return !__builtin_parity((c->flag_result ^ (c->flag_aux >> 8)) & 0xff);
}

/* Sets CF and OF, leaving the others. */
static inline void flags_set_cf_of(struct cpu *c, bool cf, bool of)
{
	c->flag_aux =
	    (c->flag_aux & ~(AUX_CF | AUX_PO)) | (cf ? AUX_CF : 0) | (cf != of ? AUX_PO : 0);
}

static inline uint32_t flags_status(const struct cpu *c)
{
	return (flag_cf(c) ? FLAG_CF : 0) | (flag_pf(c) ? FLAG_PF : 0) |
	       (flag_af(c) ? FLAG_AF : 0) | (flag_zf(c) ? FLAG_ZF : 0) |
	       (flag_sf(c) ? FLAG_SF : 0) | (flag_of(c) ? FLAG_OF : 0);
}

/* Sets the six status flags to arbitrary values. */
static inline void flags_set_status(struct cpu *c, uint32_t flags)
{
	bool zf = flags & FLAG_ZF;

	/* Low byte 0 has even parity, sign 0: the deltas then say the rest. */
	c->flag_result = zf ? 0 : 0x100;
	c->flag_aux = (flags & FLAG_CF ? AUX_CF : 0) |
		      (!(flags & FLAG_CF) != !(flags & FLAG_OF) ? AUX_PO : 0) |
		      (flags & FLAG_PF ? 0 : 1ull << 8) | (flags & FLAG_AF ? AUX_AF : 0) |
		      (flags & FLAG_SF ? AUX_SD : 0);
}

/* RFLAGS whole. */
static inline uint64_t cpu_rflags(const struct cpu *c)
{
	return c->rflags | FLAG_ONE | flags_status(c);
}

/* Sets RFLAGS whole, raw; the caller then calls cpu_update_mode() if AC, VM or TF may differ. */
static inline void cpu_set_rflags(struct cpu *c, uint64_t value)
{
	c->rflags = (value & 0x3f7fd5 & ~(uint64_t)FLAGS_STATUS) | FLAG_ONE;
	flags_set_status(c, (uint32_t)value);
}

#endif
