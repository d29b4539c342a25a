/* SPDX-License-Identifier: Apache-2.0 */
#include "emulator/cpu/insn.h"

insn_handler *x87_lookup(const struct insn *i)
{
	(void)i;
	return NULL;
}
