/* SPDX-License-Identifier: Apache-2.0 */
/* The host bridge: the memory segments that it switches, for the board that makes them. */
#ifndef VCR_I440FX_H
#define VCR_I440FX_H

#include <stdint.h>

/* Segments from C0000h on, 16 KiB each, the last one 64 KiB. */
#define I440FX_SEGMENTS      13u
#define I440FX_SEGMENT_SIZE  0x4000u
#define I440FX_SEGMENTS_BASE 0xc0000u
#define I440FX_SEGMENTS_SIZE 0x40000u

/* PAM registers in configuration space, and the value that makes all they are for RAM. */
#define I440FX_PAM      0x59u
#define I440FX_PAM_SIZE 7u
#define I440FX_PAM_RAM  0x33u

uint32_t i440fx_segment_base(unsigned n);
uint32_t i440fx_segment_size(unsigned n);

#endif
