/* SPDX-License-Identifier: Apache-2.0 */
/* Building the board of a target, and running inputs on it; see harness.h. */
#include "fuzz/harness.h"

#include <stdlib.h>
#include <string.h>

#include "emulator/bus/pci.h"
#include "fuzz/harness_impl.h"

/* As little as the board takes: RAM is where devices' DMA goes, and nothing else. */
#define RAM_SIZE (1u << 20)
/*
 * The board wants something to start; nothing is started. Two chips, as firmware has them, or a
 * ROM of the first one's size on a board that can have none.
 */
static const struct {
	enum pflash_kind kind;
	size_t size;
} flash[] = {{PFLASH_WRITABLE, 0x10000}, {PFLASH_READ_ONLY, 0x4000}};
/* From a source of interrupts to the local APIC: PIIX3, ISA line, slave 8259, master 8259. */
#define DRIVES_DEPTH 4u
/* Between the states of devices. */
#define GAP 64u

/* ---- targets ---- */

/* Those that are not the name of a device class. */
static const char *const wide_targets[] = {"board", "pci"};
#define WIDE (sizeof(wide_targets) / sizeof(*wide_targets))

const char *harness_target_name(unsigned n)
{
	static char name[64];
	unsigned classes = 0;

	if (n < WIDE)
		return wide_targets[n];
	while (device_classes[classes])
		classes++;
	if (n - WIDE >= classes)
		return NULL;
	memset(name, 0, sizeof(name));
	strncpy(name, device_classes[n - WIDE]->name, sizeof(name) - 1);
	for (char *c = name; *c; c++)
		*c = *c == '-' ? '_' : *c;
	return name;
}

static bool is_target(const char *target, const struct device *d)
{
	const char *name = d->class->name;

	for (; *name && *target; name++, target++) {
		if ((*name == '-' ? '_' : *name) != *target)
			return false;
	}
	return !*name && !*target;
}

static bool drives(const char *target, const struct device *from, unsigned depth);

static bool is_or_drives(const char *target, const struct device *d, unsigned depth)
{
	return d && (is_target(target, d) || (depth && drives(target, d, depth - 1)));
}

/*
 * Does `from`, or what it leads to, drive a device of the target? By an output; by its pin on PCI,
 * all of which end at one device; or by messages and acknowledges, for which there is no line.
 */
static bool drives(const char *target, const struct device *from, unsigned depth)
{
	const struct pci_class *pci = from->class->pci;

	for (unsigned i = 0; i < DEVICE_IRQS; i++) {
		if (is_or_drives(target, from->out[i].to, depth))
			return true;
	}
	return (pci && pci->interrupt_pin &&
		is_or_drives(target, from->machine->bus.intx[0].to, depth)) ||
	       is_or_drives(target, from->peer, depth);
}

/* Is a function on PCI of the target, or drives it? Then that has configuration space. */
static bool wants_configuration(const struct harness *h)
{
	for (unsigned i = 0; i < h->m->devices; i++) {
		const struct device *d = h->m->device[i];

		if (d->class->pci && is_or_drives(h->target, d, DRIVES_DEPTH + 1))
			return true;
	}
	return false;
}

/* Ends the session at a single write, so only its own target has it. */
static bool ends_session(const struct device *d)
{
	return !strcmp(d->class->name, "isa-debug-exit");
}

/*
 * A device's target has its regions, and those of devices that drive its inputs, also through
 * others in between (an ISA line, the 8259s): its interrupts have to come from somewhere. What
 * drives it from PCI has to be switched on there.
 */
static int select_regions(struct harness *h, struct error *e)
{
	struct region_table *t = &h->regions;
	bool keep[OP_REGION] = {false}, board = !strcmp(h->target, "board");
	bool pci = !strcmp(h->target, "pci"), found = board || pci;
	bool configuration = wants_configuration(h);

	for (unsigned i = 0; i < h->m->devices; i++)
		found |= is_target(h->target, h->m->device[i]);
	if (!found)
		return error_set(e, ERROR_USAGE,
				 "%.60s is no fuzz target: no device of this name is on the board",
				 h->target);
	regions_of_machine(t, h->m);
	for (unsigned i = 0; i < t->count; i++) {
		struct fuzz_region *r = &t->region[i];

		if (board)
			r->own = !ends_session(r->device);
		else if (pci)
			r->own = r->device->class->pci != NULL;
		else
			r->own = is_target(h->target, r->device);
		keep[i] = !board && !pci && !ends_session(r->device) &&
			  drives(h->target, r->device, DRIVES_DEPTH);
		/* It is behind the host bridge's registers. */
		keep[i] |= configuration && r->device->class->pci && !strncmp(r->name, "pci-", 4);
	}
	regions_select(t, keep);
	return 0;
}

/* ---- the machine ---- */

/* Every device that a user can add, where it is by itself. */
static void add_user_devices(struct machine_config *c)
{
	for (unsigned i = 0; device_classes[i] && c->devices < MACHINE_DEVICES; i++) {
		if (device_classes[i]->user)
			c->device[c->devices++] = strdup(device_classes[i]->name);
	}
}

/* Erased. Without memory for it, opening the machine says that it has nothing to boot. */
static void add_image(struct machine_config *c, enum image_role role, size_t size)
{
	uint8_t *data = malloc(size);

	if (!data)
		return;
	memset(data, 0xff, size);
	c->image[c->images++] =
	    (struct image){.role = role, .name = strdup("fuzz"), .data = data, .size = size};
}

static void add_firmware(struct machine_config *c)
{
	if (!device_class_find("cfi01")) {
		add_image(c, IMAGE_BIOS, flash[0].size);
		return;
	}
	for (unsigned i = 0; i < sizeof(flash) / sizeof(*flash); i++) {
		c->pflash[c->pflashes++] = flash[i].kind;
		add_image(c, IMAGE_PFLASH, flash[i].size);
	}
}

static int open_machine(struct harness *h, struct error *e)
{
	struct machine_config config;

	machine_config_init(&config);
	config.ram_size = RAM_SIZE;
	config.arena_gap = h->options.plain ? 0 : GAP;
	/* All accesses exit, so that the chips see them in any state. */
	config.rom_exits = true;
	add_firmware(&config);
	add_user_devices(&config);
	/* The translator would keep up what nobody uses. */
	h->m = machine_open(&config, "tcg,engine=interp", &h->door, NULL, e);
	if (!h->m)
		return -1;
	h->m->tap = &h->tap;
	h->m->dma_override = door_dma;
	h->m->exit_opaque = h;
	/* Whatever there is, nobody runs it. */
	h->m->load = NULL;
	return 0;
}

static int take_start(struct harness *h, struct error *e)
{
	h->start_arena = malloc(h->m->arena_used);
	h->start_ram = malloc(h->m->ram.size);
	if (!h->start_arena || !h->start_ram)
		return error_set(e, ERROR_HOST, "out of memory");
	h->start = snapshot_take(h->m, e);
	if (!h->start)
		return -1;
	memcpy(h->start_arena, h->m->arena, h->m->arena_used);
	memcpy(h->start_ram, h->m->ram.base, h->m->ram.size);
	return 0;
}

struct harness *harness_open(const char *target, const struct harness_options *options,
			     struct error *e)
{
	struct harness *h = calloc(1, sizeof(*h));
	const struct region *reset;

	if (!h) {
		error_set(e, ERROR_HOST, "out of memory");
		return NULL;
	}
	h->target = target;
	if (options)
		h->options = *options;
	h->door.ops = &door_ops;
	h->tap = judge_tap;
	door_reset(h);
	if (open_machine(h, e) || select_regions(h, e) || guard_open(h, e) || lines_open(h, e) ||
	    outside_open(h, e) || take_start(h, e) || reset_open(h, e) || judge_open(h, e)) {
		harness_close(h);
		return NULL;
	}
	reset = bus_find_port(&h->m->bus, 0xcf9);
	h->reset_port = reset && reset->base == 0xcf9 ? 0xcf9 : UINT64_MAX;
	guard_lower(h);
	return h;
}

void harness_close(struct harness *h)
{
	if (!h)
		return;
	judge_close(h);
	if (h->m)
		guard_lift(h);
	guard_close(h);
	lines_close(h);
	outside_close(h);
	reset_close(h);
	snapshot_free(h->mark);
	snapshot_free(h->start);
	for (unsigned i = 0; i < SPARES; i++)
		snapshot_free(h->spare[i]);
	free(h->start_arena);
	free(h->start_ram);
	machine_close(h->m);
	free(h);
}

void harness_set_watch(struct harness *h, struct harness_watch *w)
{
	h->watch = w;
}

struct machine *harness_machine(struct harness *h)
{
	return h->m;
}

struct host *harness_door(struct harness *h)
{
	return &h->door;
}

const struct region_table *harness_regions(const struct harness *h)
{
	return &h->regions;
}

/* ---- snapshots ---- */

/* Memory that malloc() has never given out costs more than all that is copied there. */
struct snapshot *harness_snapshot(struct harness *h)
{
	struct snapshot *s = h->spare[0];

	memmove(h->spare, h->spare + 1, sizeof(h->spare) - sizeof(*h->spare));
	h->spare[SPARES - 1] = NULL;
	guard_lift(h);
	s = snapshot_retake(h->m, s, NULL);
	guard_lower(h);
	return s;
}

/* The machine may descend from it until the next input, so the first is not the next to be taken.
 */
void harness_forget(struct harness *h, struct snapshot *s)
{
	unsigned i = 0;

	while (i < SPARES && h->spare[i])
		i++;
	if (i < SPARES)
		h->spare[i] = s;
	else
		snapshot_free(s);
}

/* ---- inputs ---- */

/* Nothing but the arena was changed: no memory, no mapping, nothing that devices derive. */
static bool only_arena_changed(const struct harness *h)
{
	const struct machine *m = h->m;
	const struct machine_state *start = (const void *)h->start_arena;

	return m->snapshot == h->start && !m->ram.listed[RAM_LOG_SNAPSHOT] && m->vcpu.tlb->empty &&
	       !memcmp(machine_state(m)->view, start->view, sizeof(start->view)) &&
	       !guard_derived(h);
}

size_t harness_reset(struct harness *h)
{
	struct machine *m = h->m;

	judge_begin(h);
	if (only_arena_changed(h)) {
		guard_copy(m->arena, h->start_arena, m->tlb_offset);
		m->stop = STOP_NONE;
	} else {
		guard_lift(h);
		snapshot_restore(m, h->start);
		guard_lower(h);
	}
	guard_reset(h);
	reset_forget(h);
	if (h->mark)
		harness_forget(h, h->mark);
	h->mark = NULL;
	h->marks = 0;
	h->wide = false;
	door_reset(h);
	return m->tlb_offset;
}

/* How an input ended: what two runs of it must have in common. */
struct ending {
	uint64_t events;
	enum stop_reason stop;
};

static struct ending ending(struct harness *h)
{
	struct ending end = {.stop = h->m->stop};

	guard_lift(h);
	judge_bytes(h, h->m->arena, h->m->tlb_offset);
	outside_check(h);
	guard_lower(h);
	end.events = h->world.events;
	return end;
}

/* Runs the rest of an input and puts everything back to where it stands now. */
static void detour(struct harness *h, struct place from)
{
	static struct world world, mark_world;
	struct snapshot *s, *mark = h->mark;
	unsigned marks = h->marks;

	s = harness_snapshot(h);
	if (!s)
		return;
	world = h->world;
	mark_world = h->mark_world;
	h->mark = NULL;
	inject_ops(h, from, OP_COUNT);
	harness_forget(h, h->mark);
	guard_lift(h);
	judge_begin(h);
	snapshot_restore(h->m, s);
	guard_lower(h);
	harness_forget(h, s);
	h->world = world;
	h->mark_world = mark_world;
	h->mark = mark;
	h->marks = marks;
}

/* Once more, with the machine saved in the middle, run to the end, and put back. */
static struct ending run_with_detour(struct harness *h, const uint8_t *data, size_t size,
				     unsigned ops)
{
	struct place middle = {.reader = op_reader_start(data, size)};
	struct harness_watch *watch = h->watch;

	harness_reset(h);
	judge_restored(h);
	h->watch = NULL;
	h->fill_stack = true;
	middle = inject_ops(h, middle, ops / 2);
	if (h->m->stop == STOP_NONE) {
		detour(h, middle);
		inject_ops(h, middle, OP_COUNT);
	}
	h->fill_stack = false;
	h->watch = watch;
	return ending(h);
}

enum stop_reason harness_run(struct harness *h, const uint8_t *data, size_t size)
{
	struct place start = {.reader = op_reader_start(data, size)}, end;
	struct ending first, second;

	h->input = data;
	h->input_size = size;
	harness_reset(h);
	end = inject_ops(h, start, OP_COUNT);
	if (h->options.plain || (!h->options.thorough && !judge_chooses(data, size)))
		return h->m->stop;
	first = ending(h);
	second = run_with_detour(h, data, size, end.ops);
	if (first.stop != second.stop || first.events != second.events)
		judge_object(h, "determinism: the input has other events when it is run again");
	return first.stop;
}
