/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Instructions by their encoding, as far as the oracle has to know them: what must not be run on
 * the host, what this processor does not have, and where processors are known to differ.
 */
#ifndef VCR_TEST_ORACLE_ENCODING_H
#define VCR_TEST_ORACLE_ENCODING_H

#include "emulator/cpu/insn.h"
#include "tests/oracle/oracle.h"

/* Maps as in emulator/cpu/insn.h. */
struct encoding {
	uint8_t map, opcode;
	uint8_t at;        /* index of the byte behind the opcode */
	uint8_t modrm;     /* that byte, whether it is a ModRM or not */
	uint8_t mandatory; /* PREFIX_*: what SIMD instructions take for a part of the opcode */
	bool has_66, has_rep, lock, rex_w;
};

/* The last two say for a rule: it is there, alone or not. */
enum {
	PREFIX_NONE = 1,
	PREFIX_66 = 2,
	PREFIX_F3 = 4,
	PREFIX_F2 = 8,
	PREFIX_WITH_66 = 16,
	PREFIX_LOCK = 32,
};

/* code has at least 16 bytes */
void encoding_parse(struct encoding *e, const uint8_t *code, unsigned bits);

enum fate {
	FATE_COMPARE,
	FATE_UNDEFINED, /* #UD on this processor; the host may have it, and is not asked */
	FATE_EXCLUDED,  /* not run */
	FATE_DIFFERS,   /* not compared: this host is known to behave in another way */
};

/* *reason is why, unless it is to be compared. */
enum fate encoding_fate(const struct encoding *e, unsigned bits, bool host_is_amd,
			const char **reason);

/* Linear address of the memory operand, as far as the decoder found one. */
uint64_t encoding_address(const struct oracle_case *c, const struct insn *i);

#endif
