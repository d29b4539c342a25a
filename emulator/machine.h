/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine: one arena with all guest-visible state, RAM, the bus, devices, a vCPU, and the run
 * loop that ties them together. Exits come in by machine_exit(); what crosses the machine's edges
 * is shown to a tap (a recorder, a checker); the outside is reached through struct host only.
 */
#ifndef VCR_MACHINE_H
#define VCR_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/bus/bus.h"
#include "emulator/cpu/cpu.h"
#include "emulator/device/device.h"
#include "emulator/error.h"
#include "emulator/exit.h"
#include "emulator/host.h"
#include "emulator/log.h"
#include "emulator/ram.h"

struct accel_class;
struct machine;

/* ---- what a machine is made from ---- */

/* Input files. These numbers are stored in traces: never change or reuse one. */
enum image_role {
	IMAGE_KERNEL = 1,
	IMAGE_INITRD = 2, /* bzImage: the initrd; multiboot: the modules, in order */
	IMAGE_BIOS = 3,
	IMAGE_PFLASH = 4, /* what was in the flash chips at the start, in order of units */
};

struct image {
	enum image_role role;
	char *name; /* as given; a multiboot module's is "file arguments" */
	uint8_t *data;
	size_t size;
};

#define MACHINE_IMAGES  16
#define MACHINE_DEVICES 64
#define MACHINE_PFLASH  2

enum pflash_kind { PFLASH_READ_ONLY, PFLASH_WRITABLE };

/*
 * How much of what firmware does to a board is done for a kernel that starts without any. Stored in
 * traces: a session replays with what it was recorded with.
 */
enum board_setup {
	BOARD_SETUP_CHIP_SET = 1, /* memory, and the lines of PCI */
	BOARD_SETUP_TIMERS = 2,   /* the interval timer and interrupt controllers too */
	BOARD_SETUP_LATEST = BOARD_SETUP_TIMERS,
};

/*
 * How the run loop of machines by exits (run_exits.c) takes its steps at a boundary. Stored in
 * traces: a session replays as it was recorded.
 */
enum boundary_rules {
	/*
	 * Each boundary asks for the time anew, and a halt looks for input a second time: of two
	 * boundaries at one exit nobody can tell later which one an event belongs to.
	 */
	BOUNDARY_EACH = 1,
	/* The time is asked for once behind an exit and once at a place; input once a boundary. */
	BOUNDARY_PLACE = 2,
	BOUNDARY_LATEST = BOUNDARY_PLACE,
};

/* Plain data; all strings and images are owned. Everything that decides guest-visible behaviour. */
struct machine_config {
	char *board;                   /* -machine */
	char *cpu;                     /* -cpu */
	uint64_t ram_size;             /* bytes */
	char *append;                  /* kernel command line, or NULL */
	char *device[MACHINE_DEVICES]; /* -device strings */
	unsigned devices;
	bool no_reboot; /* a reset ends the session */
	/* What a kernel without firmware finds set up: an enum board_setup. */
	unsigned setup;
	/* The flash chips, by unit; each has an image. */
	enum pflash_kind pflash[MACHINE_PFLASH];
	unsigned pflashes;
	/* ROM devices are never mapped: all accesses to them exit (struct slot). */
	bool rom_exits;
	/*
	 * Virtual time is the host's clock, asked through the door; positions are counted in exits;
	 * CPUID shows no time stamp counter unless that is recorded (tsc_exits). Set by
	 * machine_open() when the accelerator does not count instructions, and by a trace that was
	 * made so.
	 */
	bool host_time;
	/* With host_time: the time stamp counter is asked through the door too, and recorded. */
	bool tsc_exits;
	/* With host_time: an enum boundary_rules. */
	unsigned boundaries;
	/*
	 * What CPUID answers where an accelerator does not let us say it (cpuid.h), or NULL.
	 * Measured by it when the machine is opened, unless this is the description of a trace's.
	 */
	struct cpuid_table *cpuid;
	bool described; /* comes from machine_config_parse() */
	/* Bytes left free behind each device's state, for those who guard them; not in the text. */
	unsigned arena_gap;
	struct log log; /* what the accelerator shall tell; not in the text either */
	struct image image[MACHINE_IMAGES];
	unsigned images;
};

void machine_config_init(struct machine_config *c); /* defaults: pc, x86-64, 128 MiB */
void machine_config_free(struct machine_config *c);
/* As "key=value" lines (images by role, name and size only), and back. Values are escaped. */
char *machine_config_format(const struct machine_config *c);
int machine_config_parse(struct machine_config *c, const char *text, struct error *e);
const struct image *machine_config_image(const struct machine_config *c, enum image_role role,
					 unsigned index);

/* ---- where in a session ---- */

struct position {
	uint64_t insns; /* instructions begun (each REP iteration is one) */
	uint64_t exits; /* exits so far */
};

/* ---- the edges, shown to a recorder or a checker ---- */

/* What an interrupt line or request did to the vCPU. Stored: never change or reuse a number. */
enum irq_kind {
	IRQ_VECTOR = 1, /* external interrupt with a vector */
	IRQ_NMI = 2,
	IRQ_RESET = 3, /* the machine was reset */
	IRQ_A20 = 4,   /* value: 0 masked, 1 enabled */
	IRQ_VIEW = 5,  /* another view of a memory slot; value: its address | enum slot_view */
	/* By exits: CR8 was changed by the guest since it was last seen, or now by the APIC. */
	IRQ_PRIORITY = 6,
	IRQ_PRIORITY_SET = 7,
};

/* Calls from outside answered by struct host. Stored: never change or reuse a number. */
enum host_call {
	HOST_CALL_CLOCK = 1,
	HOST_CALL_ENTROPY = 2,
	HOST_CALL_CHAR = 3, /* channel, bytes */
	HOST_CALL_WAIT = 4, /* virtual time after a halt */
};

struct tap {
	void (*exit)(struct tap *t, const struct exit *e); /* after it was answered */
	void (*irq)(struct tap *t, enum irq_kind kind, uint32_t value);
	void (*dma)(struct tap *t, bool is_write, uint64_t gpa, const void *data, size_t size);
	/* The content of a ROM device was changed. May be NULL. */
	void (*rom_write)(struct tap *t, uint64_t gpa, const void *data, size_t size);
	/* The accelerator could not run an instruction; the interpreter did. May be NULL. */
	void (*emulated)(struct tap *t, uint64_t rip, const uint8_t *bytes, size_t length);
	/*
	 * The accelerator's own emulator of instructions gave up; the interpreter did it.
	 * `code_bits` is the size of code there; `status` what the platform said. May be NULL.
	 */
	void (*fallback)(struct tap *t, uint64_t rip, unsigned code_bits, uint64_t status,
			 const uint8_t *bytes, size_t length);
	/* The platform takes no such interrupt vector: the interpreter delivered it. May be NULL.
	 */
	void (*vector_refused)(struct tap *t, uint8_t vector);
	/* The run loop reached the position that the tap asked for in machine->mark. */
	void (*mark)(struct tap *t);
};

/* ---- why a run ended. Stored in traces: never change or reuse a number. ---- */

enum stop_reason {
	STOP_NONE = 0,
	STOP_POWEROFF = 1,   /* soft-off */
	STOP_RESET = 2,      /* with -no-reboot */
	STOP_DEBUG_EXIT = 3, /* isa-debug-exit; stop_status is the process's exit status */
	STOP_SHUTDOWN = 4,   /* triple fault */
	STOP_DEAD = 5,       /* halted and nothing can wake it */
	STOP_QUIT = 6,       /* asked for by the person at the console, or a signal */
	STOP_TIMEOUT = 7,    /* --timeout */
	STOP_MAX_INSNS = 8,  /* --max-insns */
	STOP_FAILED = 9,     /* the host failed: output or trace not writable */
	/* Never stored: */
	STOP_PAUSED = 100, /* the position asked for was reached */
	STOP_END = 101,    /* the host has no more answers: a replay's trace ended or diverged */
};
const char *stop_reason_text(enum stop_reason r);

/* ---- the machine ---- */

/* Instructions between two looks at the host for input: 65 microseconds of virtual time. */
#define MACHINE_POLL_INSNS (1u << 16)
#define MACHINE_TIMERS     32

/* The machine's own part of the arena, at its start. */
struct machine_state {
	uint64_t exits;        /* so far */
	uint64_t time_base;    /* virtual ns = time_base + insns; by exits: the time last heard */
	uint64_t halted_since; /* virtual time at which the last halt began */
	uint64_t timer[MACHINE_TIMERS]; /* deadlines, UINT64_MAX: not armed */
	uint8_t view[BUS_SLOTS];        /* of each memory slot: enum slot_view */
	bool reset_requested;
	uint8_t reserved[7];
};

struct machine {
	struct machine_config config; /* owned */

	uint8_t *arena;
	size_t arena_size, arena_used;
	size_t cpu_offset, tlb_offset; /* the CPU and TLB parts lie last, in this order */
	struct ram ram;
	struct bus bus;
	struct device *device[MACHINE_DEVICES];
	unsigned devices;
	unsigned timers;
	struct device *intc; /* the interrupt controller next to the vCPU */
	struct ram_run run;  /* where the vCPU last found RAM */

	struct vcpu vcpu;
	const struct accel_class *accel;
	void *accel_data;
	char accel_properties[256]; /* as given to it (accel.h) */
	char accel_passed[768];     /* why not the accelerators before it (accel.h) */
	char accel_note[256];       /* where it cannot be what the description says, or "" */

	struct host *host;
	struct tap *tap;       /* may be NULL */
	enum stop_reason stop; /* why to leave machine_run(); sticky until it is set back */
	int stop_status;       /* STOP_DEBUG_EXIT: the exit status for the process */
	struct error failure;  /* STOP_FAILED: what the accelerator has to say, or ERROR_NONE */
	uint64_t next_poll;    /* insns of the next poll of the host: the next grid point */
	/*
	 * Machines by exits (run_exits.c). Stale: time was not asked yet since the last boundary or
	 * exit. Poll: look for input at this boundary. Between: this boundary is not right after
	 * an exit. Window: leave the guest as soon as it can be interrupted. Exiting: devices are
	 * answering an exit, and what they do is part of it.
	 */
	bool time_stale, poll_wanted, between, window, exiting;
	uint64_t boundaries; /* how often the accelerator came back: tells boundaries apart */
	uint64_t timed;      /* exits at the last boundary: time is asked for once behind each */
	uint64_t look;       /* insns at which to come back at the latest, where they are counted */
	/* Counts (machine_count) at which to call tap->mark(), and to leave machine_run();
	 * UINT64_MAX: never. */
	uint64_t mark, until;
	uint64_t max_insns;
	struct snapshot *snapshot; /* what RAM equals, apart from the snapshot log (snapshot.c) */
	/* Replaces the bus as what answers exits (CPU replay); NULL normally. */
	void (*exit_override)(void *opaque, struct exit *e);
	/* May change what a device gets from RAM (device replay, fuzzing); NULL normally. */
	void (*dma_override)(void *opaque, uint64_t gpa, void *buffer, size_t size);
	/* The guest executes RDTSC although CPUID shows no time stamp counter; NULL normally. */
	void (*tsc_override)(void *opaque);
	void *exit_opaque;

	/* The board's loader, run at power-on and reset: puts images in place, sets registers. */
	int (*load)(struct machine *m, struct error *e);
	void *board_data;
};

/*
 * Builds and powers on. Takes over `config` (also when it fails). The accelerator is chosen from
 * `accels` ("kvm:tcg"). Returns NULL with e filled in.
 */
struct machine *machine_open(struct machine_config *config, const char *accels, struct host *host,
			     struct tap *tap, struct error *e);
void machine_close(struct machine *m);

/* Runs until something ends it; the machine can be run again after STOP_PAUSED. */
enum stop_reason machine_run(struct machine *m);
/* The run loop of machines by exits (run_exits.c). */
enum stop_reason machine_run_by_exits(struct machine *m);
/* Ends the run at the next boundary. */
void machine_stop(struct machine *m, enum stop_reason reason, int status);

/* An accelerator's exit: shown to the devices, then to the tap. */
void machine_exit(struct machine *m, struct exit *e);

uint64_t machine_now(const struct machine *m);
/* The same for a device or the guest: by exits, the host's clock is asked. */
uint64_t machine_ask_now(struct machine *m);
/* How far the session is, in the unit of its positions: instructions, or exits. */
uint64_t machine_count(const struct machine *m);
/* Makes struct cpu and the dirty log what they are in the accelerator. */
void machine_sync(struct machine *m);
/* struct cpu was written from outside the accelerator. */
void machine_cpu_written(struct machine *m);

static inline struct machine_state *machine_state(const struct machine *m)
{
	return (struct machine_state *)(void *)m->arena;
}

static inline struct position machine_position(const struct machine *m)
{
	return (struct position){.insns = m->config.host_time ? 0 : m->vcpu.c->insns,
				 .exits = machine_state(m)->exits};
}

/* Steps of the run loop, for replays that have no vCPU (replay/). */
uint64_t machine_next_timer(const struct machine *m); /* virtual ns, UINT64_MAX: none */
void machine_run_timers(struct machine *m);           /* those due at machine_now() */
void machine_poll(struct machine *m);                 /* host input into devices */
/*
 * By exits CR8 is in the vCPU while the guest runs; the local APIC sees it (takes it) at exits and
 * boundaries, and the vCPU sees (is given) what was written to the APIC.
 */
void machine_take_priority(struct machine *m);
void machine_give_priority(struct machine *m);
/* The class of an interrupt that nothing but CR8, as last seen, holds back; 0: there is none. */
unsigned machine_held_back(const struct machine *m);
/* The vCPU's CR8 is now so low that this interrupt can come. */
bool machine_priority_opened(const struct machine *m);
void machine_set_now(struct machine *m, uint64_t now); /* by exits: time was told */
void machine_reset(struct machine *m);
void machine_service_reset(struct machine *m);  /* the reset that a device asked for, if any */
uint8_t machine_acknowledge(struct machine *m); /* a vector from the interrupt controller */

/* A device's write to RAM, as device_dma_write() does it, but not shown to the tap. */
void machine_dma_write(struct machine *m, uint64_t gpa, const void *buffer, size_t size);

/* A change of a ROM device's content, as device_rom_write() does it, not shown to the tap. */
void machine_rom_write(struct machine *m, uint64_t gpa, const void *buffer, size_t size);

/* What the guest sees of the slot at `gpa`, as device_set_view() does it, not shown to the tap. */
void machine_set_view(struct machine *m, uint64_t gpa, unsigned view);

/*
 * The vCPU, which is halted and takes interrupts or does not, will be so for ever: no interrupt
 * controller is set up to send it anything.
 */
bool machine_halt_is_final(const struct machine *m, bool takes_interrupts);

/* Puts host-side clocks of the loop in step after the state was replaced (snapshot.c). */
void machine_state_replaced(struct machine *m);

/* ---- for boards and loaders ---- */

/* The arena is now mapped at another address (same content); nothing else has to be told. */
void machine_move_arena(struct machine *m, uint8_t *arena);

/* Reserves zeroed, aligned arena space; returns its offset. Only while the board is built. */
size_t machine_arena_alloc(struct machine *m, size_t size);
/*
 * Makes a device of a class and realizes it. `id` must be unique. The returned struct may be
 * wired (out[], peer, channel, data) through `wire`, called before realize; may be NULL.
 */
struct device *machine_add_device(struct machine *m, const char *class_name, const char *id,
				  void (*wire)(struct device *d, void *opaque), void *opaque,
				  struct error *e);
struct device *machine_find_device(const struct machine *m, const char *id);
/* Copies into guest memory at power-on; false when the range is not all RAM (ROM counts). */
bool machine_load_bytes(struct machine *m, uint64_t gpa, const void *data, uint64_t size);
uint8_t *machine_ram_at(struct machine *m, uint64_t gpa, uint64_t size); /* NULL: not all RAM */
/* The bytes at CS:rip as the guest would fetch them, as many as are mapped RAM. */
size_t machine_code_at(struct machine *m, uint64_t rip, uint8_t *bytes, size_t max);

/* ---- boards ---- */

struct board_class {
	const char *name; /* -machine NAME; stored in traces */
	const char *description;
	uint64_t ram_min, ram_max;
	/* Makes RAM and slots, devices and wiring, and sets m->load and m->intc. */
	int (*build)(struct machine *m, struct error *e);
};
extern const struct board_class *const board_classes[]; /* NULL terminated, generated */

#endif
