/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/cpu/insn.h"

insn_handler *simd_lookup(const struct insn *i, const struct cpu_model *model, bool *imm8)
{
	(void)i;
	(void)model;
	(void)imm8;
	return NULL;
}
