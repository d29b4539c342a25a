/* SPDX-License-Identifier: Apache-2.0 */
/* The text of an instruction, by capstone; see disasm.h. */
#include "emulator/disasm.h"

#include <stdio.h>

#include <capstone/capstone.h>

const char *disasm(const uint8_t *bytes, size_t n, unsigned code_bits, uint64_t rip, char *text,
		   size_t size)
{
	cs_mode mode = code_bits == 64 ? CS_MODE_64 : code_bits == 32 ? CS_MODE_32 : CS_MODE_16;
	cs_insn *insn = NULL;
	csh capstone;

	snprintf(text, size, n ? "(not an instruction)" : "(no code mapped)");
	if (cs_open(CS_ARCH_X86, mode, &capstone) != CS_ERR_OK)
		return text;
	if (n && cs_disasm(capstone, bytes, n, rip, 1, &insn) == 1)
		snprintf(text, size, "%s %s", insn->mnemonic, insn->op_str);
	if (insn)
		cs_free(insn, 1);
	cs_close(&capstone);
	return text;
}
