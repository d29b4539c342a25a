/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The opcode map of MMX and SSE to SSE4.2: finds the handler of an instruction in the tables of
 * the simd_*.c files. A combination of opcode, mandatory prefix and operand kind that has no
 * row is an invalid opcode, also where some processors ignore the prefix: the manual reserves
 * it (Intel SDM vol. 2A 2.1.1, 3.1.1.2).
 */
#include "emulator/cpu/simd.h"

static const struct simd_table *const simd_tables[] = {
    &simd_move_table, &simd_int_table,  &simd_float_table,  &simd_convert_table,
    &simd_sse3_table, &simd_sse4_table, &simd_string_table,
};

static unsigned simd_prefix(const struct insn *i)
{
	if (i->rep)
		return i->rep == REP_E ? SIMD_F3 : SIMD_F2;
	return i->prefix_66 ? SIMD_66 : SIMD_NONE;
}

static bool simd_row_fits(const struct simd_row *r, const struct insn *i)
{
	if (r->flags & (i->is_reg ? SIMD_MEM : SIMD_REG))
		return false;
	if ((r->flags & SIMD_DIGIT(0)) && ((i->modrm >> 3) & 7) != r->flags >> 8)
		return false;
	return true;
}

insn_handler *simd_lookup(const struct insn *i, const struct cpu_model *model)
{
	static const uint8_t escape[] = {[MAP_0F] = 0x0f, [MAP_0F38] = 0x38, [MAP_0F3A] = 0x3a};
	uint16_t opcode = (uint16_t)(escape[i->map] << 8 | i->opcode);
	unsigned prefix = simd_prefix(i);

	if (i->lock)
		return NULL;
	for (unsigned t = 0; t < sizeof(simd_tables) / sizeof(simd_tables[0]); t++) {
		const struct simd_table *table = simd_tables[t];

		if (table->v2 && !model->v2)
			continue;
		for (unsigned n = 0; n < table->rows; n++) {
			const struct simd_row *r = &table->row[n];

			if (r->opcode != opcode || !r->op[prefix] || !simd_row_fits(r, i))
				continue;
			return r->op[prefix];
		}
	}
	return NULL;
}
