/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Board pc for tests, on an outside in which nothing happens: a test fills in `config`, has the
 * machine powered on (or refused), and looks at `m`. One machine at a time.
 */
#ifndef VCR_TESTS_PC_FIXTURE_H
#define VCR_TESTS_PC_FIXTURE_H

#include <stddef.h>
#include <stdint.h>

#include "emulator/machine.h"

#define MIB 0x100000ull
#define GIB 0x40000000ull

extern struct machine_config config;
extern struct machine *m;
extern struct error error;
extern struct host host;
/* What came out, as pairs of channel ('0', '1', '2') and byte. */
extern char output[64];
extern size_t output_size;

/* For every test: config is as machine_config_init() leaves it, and the machine is closed. */
int setup(void **state);
int teardown(void **state);
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

void add_image(enum image_role role, const void *data, size_t size);
/* A multiboot kernel at 1 MiB with this code; and one that switches off. */
void add_code(const uint8_t *code, size_t size);
void add_kernel(void);
void add_device(const char *text);

void power_on(void);
/* It cannot be powered on, and the message has `what` in it. */
void refuses(const char *what);

#define POWER_OFF                                                                                  \
	0x66, 0xb8, 0x00, 0x20,     /* mov $0x2000, %ax */                                         \
	    0x66, 0xba, 0x04, 0x06, /* mov $0x604, %dx */                                          \
	    0x66, 0xef,             /* out %ax, (%dx) */                                           \
	    0xf4                    /* hlt */

#endif
