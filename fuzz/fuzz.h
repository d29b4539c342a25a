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
/* Once, before the first input; may look at the arguments. Not every target has one. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
/* libFuzzer only (libfuzzer.c). */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
				 uint8_t *out, size_t max, unsigned seed);

/* Of libFuzzer itself, where it is there. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max) __attribute__((weak));

#endif
