/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a fuzz target is: one function that takes an input, whatever it is, and returns. It aborts
 * when it finds that a promise was broken; sanitizers find the rest. The name is libFuzzer's, so
 * that libFuzzer, AFL++ and the regression driver (regression.c) can all be linked to it.
 */
#ifndef VCR_FUZZ_H
#define VCR_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
