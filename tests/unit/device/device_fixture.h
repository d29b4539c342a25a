/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine for tests of one or a few devices, with no CPU: it implements the calls of
 * emulator/device/device.h. A test reaches ports and memory by number, sees output lines and
 * requests, moves virtual time (which fires timers in order), and feeds bytes into channels.
 *
 * There is one machine at a time; fixture_open() starts it anew. State lives in an arena that is
 * moved to another address, and the old one overwritten, whenever time moves or a port is
 * accessed: a device that keeps a pointer into the arena fails its tests.
 */
#ifndef VCR_TESTS_DEVICE_FIXTURE_H
#define VCR_TESTS_DEVICE_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/device/device.h"

#define FIXTURE_LINES    64
#define FIXTURE_RAM_SIZE (1u << 20)
#define FIXTURE_ROM_SIZE (1u << 18)

/* A new empty machine at virtual time 0: no device, RAM zero, wall clock 0, no input or output. */
void fixture_open(void);

/*
 * Adds a device with the default properties. The test may then wire it (out[], peer, channel,
 * data, property[]); fixture_realize() claims its addresses and resets it.
 */
struct device *fixture_device(const struct device_class *class);
void fixture_realize(struct device *d);
/* Both, for a device that needs no wiring. */
struct device *fixture_add(const struct device_class *class);

/* Port and memory accesses as a guest makes them; unclaimed ones read as all ones. */
uint64_t fixture_port_read(uint16_t port, unsigned size);
void fixture_port_write(uint16_t port, unsigned size, uint64_t value);
uint64_t fixture_memory_read(uint64_t gpa, unsigned size);
void fixture_memory_write(uint64_t gpa, unsigned size, uint64_t value);
/* The usual case, one byte. */
uint8_t in8(uint16_t port);
void out8(uint16_t port, uint8_t value);

/* Lines 0..FIXTURE_LINES-1 to connect outputs to, and what they have seen. */
struct irq fixture_line(unsigned line);
bool fixture_level(unsigned line);
unsigned fixture_rises(unsigned line);     /* changes from low to high */
unsigned fixture_falls(unsigned line);     /* changes from high to low */
uint64_t fixture_rise_time(unsigned line); /* virtual time of the last one */
uint64_t fixture_fall_time(unsigned line);

/* Virtual time in nanoseconds. Moving it runs the timers on the way, each at its deadline. */
uint64_t fixture_now(void);
void fixture_advance(uint64_t ns);
void fixture_advance_to(uint64_t time);
uint64_t fixture_next_deadline(void); /* UINT64_MAX: no timer is armed */

/* Offers bytes to a device as its channel's input; returns how many it took. */
size_t fixture_char_in(struct device *d, const void *bytes, size_t size);
/* Everything that was written to a channel so far, NUL terminated; size may be NULL. */
const char *fixture_output(unsigned channel, size_t *size);

/*
 * What a hostile guest and a busy world do: `count` accesses to `ports`, input bytes, changes of
 * input lines, acknowledges and steps of time up to `step` ns, in an order that is random but
 * always the same. Fails when a timer is left armed in the past; sanitizers see the rest.
 */
void fixture_random_use(struct device *d, const uint16_t *ports, unsigned ports_count,
			unsigned count, uint64_t step);

void fixture_set_wall_clock(int64_t ns); /* what device_wall_clock() answers */
unsigned fixture_wall_clock_calls(void);

/*
 * Where the one ROM device, whose RAM offset is 0, has its content. The fixture maps nothing: reads
 * go to the device in any view.
 */
uint8_t *fixture_rom(void);
unsigned fixture_view(void); /* the last one that a device set; SLOT_READ at the start */
/* What device_store() was told: bytes in all, and the last call's unit and offset. */
size_t fixture_stored(unsigned *unit, uint64_t *offset);

uint8_t *fixture_ram(void); /* what DMA reaches, from guest-physical 0 */

/* What devices asked of the machine. */
unsigned fixture_resets(void);
unsigned fixture_poweroffs(void);
bool fixture_exited(int *status);
bool fixture_a20(void); /* enabled at start */
bool fixture_intr(void);
unsigned fixture_nmis(void);

#endif
