/* SPDX-License-Identifier: Apache-2.0 */
/* Making a failing input small. */
#ifndef VCR_MINIMISE_H
#define VCR_MINIMISE_H

#include "fuzz/op.h"

/*
 * Asks whether operations still fail in the same way: 1 yes, 0 no, -1 it cannot be told.
 */
struct minimise_judge {
	int (*fails)(struct minimise_judge *j, const struct op *ops, unsigned count);
};

/*
 * Takes out operations and then makes the operands of those left simple, as long as they fail. In
 * place; returns how many are left, or -1 as soon as the judge does.
 */
int minimise_ops(struct op *ops, unsigned count, struct minimise_judge *j);

#endif
