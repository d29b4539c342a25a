/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our processor's side of the instruction oracle.
 */
#ifndef VCR_TEST_ORACLE_EMULATE_H
#define VCR_TEST_ORACLE_EMULATE_H

#include "emulator/cpu/cpu.h"
#include "tests/oracle/oracle.h"

#define EMULATE_PAGES 17

/* A vCPU in 64-bit or compatibility mode at CPL 3, as Linux would run it, and its RAM. */
struct emulate {
	struct vcpu v;
	struct cpu *c;
	struct cpu *start[2]; /* before each case: [0] in 32-bit, [1] in 64-bit code */
	uint8_t *ram;
	uint8_t guard[EMULATE_PAGES];
	uint8_t *previous; /* the last case's place in the code pages */
};

/*
 * model as in -cpu; the program ends when memory runs out. translate: by host code. Returns false
 * when the host does not allow that.
 */
bool emulate_open(struct emulate *e, const char *model, bool translate);
void emulate_close(struct emulate *e);
/* Data before each of the following cases; the image stays the caller's. */
void emulate_set_image(struct emulate *e, const uint8_t *image);
void emulate_run(struct emulate *e, const struct oracle_case *test, const uint8_t *image,
		 struct oracle_outcome *o);

#endif
