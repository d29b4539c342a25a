/* SPDX-License-Identifier: Apache-2.0 */
/*
 * <setjmp.h> for guest faults, which are far too frequent to be unwound: longjmp() of 64-bit
 * Windows walks the frames that it leaves, in microseconds, needs a description of each (generated
 * code has none) and may run foreign handlers. A jump buffer without a frame makes it restore the
 * registers and no more, as elsewhere. It is for code that is C from end to end, as ours is.
 */
#ifndef VCR_HOST_JUMP_H
#define VCR_HOST_JUMP_H

#include <setjmp.h>

#if defined(_WIN64) && defined(__x86_64__)
#undef setjmp
#define setjmp(buffer) _setjmp((buffer), NULL)
#endif

#endif
