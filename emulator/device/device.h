/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a device model is. A device has
 *  - a state struct in the machine's arena: plain data, no host pointer, zeroed at creation;
 *  - a class: constant functions;
 *  - a `struct device`: the wiring, written while the board is built and constant afterwards.
 * A device file reads no clock, file, environment or random number: time, interrupt lines,
 * DMA and the outside are the calls below. It does not know whether anybody records.
 * Guest access can never end the process: misuse is ignored or answered as the data sheet says.
 */
#ifndef VCR_DEVICE_H
#define VCR_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/error.h"

struct machine;
struct device;
struct pci_class;

/* One range of ports or memory. Offsets are from the start of the region. */
struct region_ops {
	uint64_t (*read)(struct device *d, uint64_t offset, unsigned size);
	void (*write)(struct device *d, uint64_t offset, uint64_t value, unsigned size);
	/* Widest access in bytes (1, 2, 4 or 8); the bus cuts wider ones, lowest address first. */
	unsigned max_size;
	/* Accesses that begin in the region go to it as they are, even if they reach beyond it. */
	bool whole;
};

/* An interrupt (or any other) line: a value, handed to the device that drives it. */
struct irq {
	struct device *to; /* NULL: not connected */
	unsigned pin;
};

/* A `-device NAME,key=value` property that the class understands. */
struct device_property {
	const char *name;
	uint64_t value; /* the default */
	uint64_t min, max;
	const char *help;
};

#define DEVICE_PROPERTIES 8
#define DEVICE_IRQS       64

/* What ends a halt: interrupts, and what comes even if the vCPU takes none (NMI, INIT, SMI). */
enum { WAKES_INTERRUPT = 1, WAKES_NMI = 2 };

/* Bits of each byte of a piece of state. */
struct device_kept {
	uint32_t offset, size; /* size 0: behind the last piece */
	uint8_t bits;
};

struct device_class {
	const char *name; /* part number, as in -device and in traces: never changes */
	const char *description;
	size_t state_size;
	unsigned timers; /* how many timers it owns, used as 0..timers-1 */
	/* Terminated by a NULL name; values arrive in device.property[], in this order. */
	const struct device_property *properties;
	bool user; /* may be given with -device */
	/* Claims regions; called once, in board order. May be NULL. */
	int (*realize)(struct device *d, struct error *e);
	/* Power-on and hard reset: puts the state to the data sheet's reset values. */
	void (*reset)(struct device *d);
	/* What a hard reset leaves alone: it is on a battery, or not volatile. May be NULL. */
	const struct device_kept *kept;
	/* The state was replaced by a snapshot's: puts right what is derived from it. */
	void (*restored)(struct device *d);
	/* Level of input pin `pin` changed. */
	void (*set_irq)(struct device *d, unsigned pin, bool level);
	/* The level that it has now. NULL: the class does not keep it, or nobody asks. */
	bool (*get_irq)(const struct device *d, unsigned pin);
	/* Timer `index` reached its deadline (and is disarmed). */
	void (*timer)(struct device *d, unsigned index);
	/*
	 * For the interrupt controller next to the vCPU: the interrupt acknowledge cycle (returns
	 * a vector), its MSRs (false: no such MSR or a bad value) and CR8, the task priority.
	 */
	uint8_t (*acknowledge)(struct device *d);
	bool (*msr)(struct device *d, uint32_t index, bool is_write, uint64_t *value);
	void (*task_priority)(struct device *d, bool is_write, uint64_t *value);
	/* The class (vector / 16) of an interrupt that the task priority alone holds back, or 0. */
	unsigned (*held_back)(const struct device *d);
	/* For an interrupt controller: the WAKES_ that may come of it while the vCPU halts. */
	unsigned (*wakes)(const struct device *d);
	/* How many bytes the device can take from its channel now, and the bytes. */
	size_t (*char_room)(struct device *d);
	void (*char_in)(struct device *d, const uint8_t *bytes, size_t size);
	/* What a function on PCI is besides (bus/pci.h), or NULL. */
	const struct pci_class *pci;
};

struct device {
	const struct device_class *class;
	struct machine *machine;
	const char *id;                       /* unique in the machine: "i8259-0" */
	size_t state_offset;                  /* in the arena */
	unsigned timer_base;                  /* first of its timers */
	int channel;                          /* host character channel, or -1 */
	uint8_t pci_address;                  /* on PCI: device << 3 | function */
	uint64_t property[DEVICE_PROPERTIES]; /* in the order of class->properties */
	struct irq out[DEVICE_IRQS];          /* output lines; meaning by class */
	struct device *peer;                  /* a device that works beside it, set by the board */
	const void *data;                     /* constant input made by the board (fw_cfg files) */
};

/* The device's state in the arena, wherever that is mapped now. */
void *device_state(const struct device *d);

/* Virtual time in nanoseconds since power-on. */
uint64_t device_now(const struct device *d);

/* Arms timer `index` for virtual time `deadline` (fires at once if past); replaces the old one. */
void device_timer_set(struct device *d, unsigned index, uint64_t deadline);
void device_timer_cancel(struct device *d, unsigned index);
bool device_timer_pending(const struct device *d, unsigned index);

/* Drives an output line. */
void irq_set(struct irq line, bool level);
/* The level that a line was driven to last, where it leads. */
bool irq_get(struct irq line);

/* Device-initiated access to guest memory; ranges outside RAM read as ones, writes are dropped. */
void device_dma_read(struct device *d, uint64_t gpa, void *buffer, size_t size);
void device_dma_write(struct device *d, uint64_t gpa, const void *buffer, size_t size);

/*
 * What a ROM device shows (bus/bus.h), in whatever view: [gpa, gpa + size) is in its slot. What is
 * written is what the vCPU reads and executes from then on.
 */
void device_rom_read(struct device *d, uint64_t gpa, void *buffer, size_t size);
void device_rom_write(struct device *d, uint64_t gpa, const void *buffer, size_t size);

/* To and from the outside. */
int64_t device_wall_clock(struct device *d); /* ns since 1970 UTC; see host.h */
void device_char_write(struct device *d, const uint8_t *bytes, size_t size);
/* Bytes of store number `unit`, which outlives the machine, are these now; see host.h. */
void device_store(struct device *d, unsigned unit, uint64_t offset, const void *bytes, size_t size);

/* Claims addresses; called in realize. `name` appears in dumps. */
int device_add_ports(struct device *d, uint16_t base, unsigned count, const struct region_ops *ops,
		     const char *name, struct error *e);
int device_add_mmio(struct device *d, uint64_t base, uint64_t size, const struct region_ops *ops,
		    const char *name, struct error *e);

/* A ROM device: a slot with view SLOT_READ whose content is at `ram_offset`; see bus/bus.h. */
int device_add_rom(struct device *d, uint64_t gpa, uint64_t size, uint64_t ram_offset,
		   const struct region_ops *ops, const char *name, struct error *e);

/* Requests to the machine; carried out at the next instruction boundary. */
void device_request_reset(struct device *d);
/* The guest switched the machine off. */
void device_request_poweroff(struct device *d);
/* isa-debug-exit: the session ends with this exit status of the process. */
void device_request_exit(struct device *d, int status);
void device_set_a20(struct device *d, bool enabled);
/* What the guest sees of the slot at `gpa`: an enum slot_view (bus/bus.h). */
void device_set_view(struct device *d, uint64_t gpa, unsigned view);

/* vCPU lines, driven by the interrupt controllers (and NMI sources). */
void device_set_intr(struct device *d,
		     bool level); /* INTR: an interrupt wants to be acknowledged */
void device_pulse_nmi(struct device *d);

/* Every class that is built in, NULL terminated (generated from the configuration). */
extern const struct device_class *const device_classes[];
const struct device_class *device_class_find(const char *name);

#endif
