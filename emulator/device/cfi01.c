/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flash memory with the Common Flash Interface and Intel's basic and scalable command sets, as the
 * 3 Volt Intel StrataFlash parts 28F320J3A, 28F640J3A and 28F128J3A have them (data sheet, order
 * number 290667; numbers of sections and tables are its), on an 8-bit bus: BYTE# is low, so wider
 * accesses are as many of a byte, and address line A0 is not looked at in identifiers and query.
 *
 * The array is a slot of the memory map (bus/bus.h): while the chip shows it, reads and fetches go
 * to it directly; after any other command they come here.
 *
 * Where this is another part than those, the query says so:
 * - Blocks are 4 KiB and there are as many as the board's image has, since firmware for PCs counts
 *   on that. The query's device size is the next power of two; its erase region is exact.
 * - There is no protection register. Programming it fails as if it were locked.
 * - The write state machine is done before the next access, so nothing is ever there to suspend.
 *
 * One thing departs from the data sheet. After Clear Status Register, SR.7 reads 0 until the next
 * command other than Read Status Register, where a real chip has 1. Firmware for virtual PCs
 * (edk2's OVMF) tells flash from ROM and RAM by just that, and would keep its variables in RAM.
 */
#include "emulator/device/cfi01.h"

#include <string.h>

#include "emulator/bus/bus.h"
#include "emulator/device/device.h"

/* Commands, chapter 4. */
enum {
	CMD_PROGRAM_ALTERNATE = 0x10,
	CMD_ERASE = 0x20,
	CMD_PROGRAM = 0x40,
	CMD_CLEAR_STATUS = 0x50,
	CMD_LOCK = 0x60,
	CMD_READ_STATUS = 0x70,
	CMD_READ_ID = 0x90,
	CMD_QUERY = 0x98,
	CMD_CONFIGURATION = 0xb8,
	CMD_PROTECTION = 0xc0,
	CMD_CONFIRM = 0xd0,
	CMD_BUFFER = 0xe8,
};

/* Second cycles of CMD_LOCK. */
enum { LOCK_SET = 0x01, LOCK_READ_CONFIGURATION = 0x03, LOCK_CLEAR_ALL = CMD_CONFIRM };

/* Status register, table 16. */
enum {
	SR_READY = 0x80,
	SR_ERASE = 0x20,   /* erase or clear lock-bits failed */
	SR_PROGRAM = 0x10, /* program or set lock-bit failed; with SR_ERASE: improper sequence */
	SR_VOLTAGE = 0x08, /* VPEN was low */
	SR_LOCKED = 0x02,  /* the block's lock-bit is set */
	SR_SEQUENCE = SR_ERASE | SR_PROGRAM,
};

#define XSR_AVAILABLE 0x80 /* extended status register, table 17: the write buffer is free */
#define BUFFER        32u  /* bytes */

/* What a read gives. In the arena: part of snapshots and digests. */
enum { SHOW_ARRAY, SHOW_STATUS, SHOW_ID, SHOW_QUERY, SHOW_BUFFER_STATUS };

/* What the next write is, when not a command. */
enum {
	CYCLE_COMMAND,
	CYCLE_PROGRAM,
	CYCLE_ERASE,
	CYCLE_LOCK,
	CYCLE_CONFIGURATION,
	CYCLE_PROTECTION,
	CYCLE_BUFFER_COUNT,
	CYCLE_BUFFER_FIRST,
	CYCLE_BUFFER_DATA,
	CYCLE_BUFFER_CONFIRM,
};

struct cfi01 {
	uint8_t show, cycle, status;
	uint8_t count; /* of bytes for the write buffer, less one */
	uint8_t left;  /* how many of them are still to come */
	uint8_t reserved[3];
	uint32_t start; /* where the buffer goes */
	uint32_t block; /* the write to buffer's block, by its first byte */
	uint8_t buffer[BUFFER];
	uint8_t lock[CFI01_BLOCKS / 8]; /* lock-bits; they outlive a reset, as the array does */
};

static const struct cfi01_config *cfi01_config(const struct device *d)
{
	return d->data;
}

/* ---- what reads give ---- */

static bool cfi01_locked(const struct cfi01 *s, uint32_t offset)
{
	uint32_t block = offset / CFI01_BLOCK;

	return s->lock[block / 8] >> block % 8 & 1;
}

/* 4.3: by word, and for the lock configuration by word of a block. */
static uint8_t cfi01_id(const struct device *d, uint32_t offset)
{
	const struct cfi01 *s = device_state(d);
	uint64_t size = cfi01_config(d)->size;

	switch (offset % CFI01_BLOCK / 2) {
	case 0:
		return 0x89; /* Intel */
	case 1:              /* of the smallest part that holds so much */
		return size <= 4u << 20 ? 0x16 : size <= 8u << 20 ? 0x17 : 0x18;
	case 2:
		return cfi01_locked(s, offset);
	default:
		return 0;
	}
}

static uint8_t log2_up(uint64_t n)
{
	uint8_t bits = 0;

	while (1ull << bits < n)
		bits++;
	return bits;
}

/* 4.2: identifiers first, then from 10h on this table, by word. */
static uint8_t cfi01_query(const struct device *d, uint32_t offset)
{
	uint64_t size = cfi01_config(d)->size;
	unsigned last_block = (unsigned)(size / CFI01_BLOCK - 1);
	const uint8_t table[] = {
	    /* 10h: "QRY", command set 0001h, its table at 31h, and no other */
	    'Q', 'R', 'Y', 0x01, 0x00, 0x31, 0x00, 0x00, 0x00, 0x00, 0x00,
	    /* 1Bh: VCC 2.7 to 3.6 V, no VPP; 2^n us to program a byte and a buffer, 2^n
	     * ms to erase a block, no chip erase; at most 2^n times as long */
	    0x27, 0x36, 0x00, 0x00, 0x07, 0x07, 0x0a, 0x00, 0x04, 0x04, 0x04, 0x00,
	    /* 27h: size, x8 and x16, write buffer, one region of equal blocks */
	    log2_up(size), 0x02, 0x00, log2_up(BUFFER), 0x00, 0x01, (uint8_t)last_block,
	    (uint8_t)(last_block >> 8), CFI01_BLOCK / 256 & 0xff, CFI01_BLOCK / 256 >> 8,
	    /* 31h (4.2.7): version 1.1; of the features only legacy lock and unlock, and no
	     * command while suspended; lock-bits; 3.3 V */
	    'P', 'R', 'I', '1', '1', 0x08, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x33, 0x00};
	uint32_t word = offset % CFI01_BLOCK / 2;

	if (word < 0x10)
		return cfi01_id(d, offset);
	return word - 0x10 < sizeof(table) ? table[word - 0x10] : 0;
}

static uint64_t cfi01_read(struct device *d, uint64_t offset, unsigned size)
{
	const struct cfi01 *s = device_state(d);
	uint8_t byte;

	switch (s->show) {
	case SHOW_STATUS:
		return s->status;
	case SHOW_BUFFER_STATUS:
		return XSR_AVAILABLE;
	case SHOW_ID:
		return cfi01_id(d, (uint32_t)offset);
	case SHOW_QUERY:
		return cfi01_query(d, (uint32_t)offset);
	default: /* the array; only where that is not mapped */
		device_rom_read(d, cfi01_config(d)->base + offset, &byte, 1);
		return byte;
	}
}

static void cfi01_show(struct device *d, uint8_t show)
{
	struct cfi01 *s = device_state(d);

	s->show = show;
	device_set_view(d, cfi01_config(d)->base, show == SHOW_ARRAY ? SLOT_READ : SLOT_BEHIND);
}

/* ---- what the write state machine does ---- */

/* A command ends with these error bits; then reads give the status register (4.6, 4.8, 4.9). */
static void cfi01_end(struct device *d, uint8_t errors)
{
	struct cfi01 *s = device_state(d);

	s->cycle = CYCLE_COMMAND;
	s->status |= errors;
	cfi01_show(d, SHOW_STATUS);
}

static void cfi01_change(struct device *d, uint32_t offset, const uint8_t *bytes, unsigned size)
{
	const struct cfi01_config *c = cfi01_config(d);

	device_rom_write(d, c->base + offset, bytes, size);
	device_store(d, c->unit, offset, bytes, size);
}

/* Ones can become zeros; the other way round nothing happens, which is no error (4.9). */
static void cfi01_program(struct device *d, uint32_t offset, const uint8_t *bytes, unsigned size)
{
	const struct cfi01_config *c = cfi01_config(d);
	struct cfi01 *s = device_state(d);
	uint8_t now[BUFFER], then[BUFFER];
	bool changed = false;

	if (c->read_only) {
		cfi01_end(d, SR_PROGRAM | SR_VOLTAGE);
	} else if (cfi01_locked(s, offset)) {
		cfi01_end(d, SR_PROGRAM | SR_LOCKED);
	} else {
		device_rom_read(d, c->base + offset, now, size);
		for (unsigned i = 0; i < size; i++) {
			then[i] = now[i] & bytes[i];
			changed |= then[i] != now[i];
		}
		if (changed)
			cfi01_change(d, offset, then, size);
		cfi01_end(d, 0);
	}
}

static void cfi01_erase(struct device *d, uint32_t offset)
{
	uint8_t erased[CFI01_BLOCK];

	if (cfi01_config(d)->read_only) {
		cfi01_end(d, SR_ERASE | SR_VOLTAGE);
	} else if (cfi01_locked(device_state(d), offset)) {
		cfi01_end(d, SR_ERASE | SR_LOCKED);
	} else {
		memset(erased, 0xff, sizeof(erased));
		cfi01_change(d, offset - offset % CFI01_BLOCK, erased, sizeof(erased));
		cfi01_end(d, 0);
	}
}

/* 4.13 and 4.14; the read configuration register (4.11) has nothing that shows here. */
static void cfi01_lock(struct device *d, uint32_t offset, uint8_t how)
{
	struct cfi01 *s = device_state(d);
	uint32_t block = offset / CFI01_BLOCK;
	bool read_only = cfi01_config(d)->read_only;
	uint8_t errors = 0;

	if (how == LOCK_SET && read_only)
		errors = SR_PROGRAM | SR_VOLTAGE;
	else if (how == LOCK_SET)
		s->lock[block / 8] |= (uint8_t)(1u << block % 8);
	else if (how == LOCK_CLEAR_ALL && read_only)
		errors = SR_ERASE | SR_VOLTAGE;
	else if (how == LOCK_CLEAR_ALL)
		memset(s->lock, 0, sizeof(s->lock));
	else if (how != LOCK_READ_CONFIGURATION)
		errors = SR_SEQUENCE;
	cfi01_end(d, errors);
}

/* ---- write to buffer (4.8) ---- */

static void cfi01_buffer_count(struct device *d, uint8_t count)
{
	struct cfi01 *s = device_state(d);

	if (count >= BUFFER) {
		cfi01_end(d, SR_SEQUENCE);
		return;
	}
	s->count = count;
	s->left = (uint8_t)(count + 1);
	memset(s->buffer, 0xff, sizeof(s->buffer));
	s->cycle = CYCLE_BUFFER_FIRST;
	cfi01_show(d, SHOW_STATUS);
}

/* The first byte gives the address where the buffer goes; all are within `count` bytes of that. */
static void cfi01_buffer_data(struct device *d, uint32_t offset, uint8_t value)
{
	struct cfi01 *s = device_state(d);

	if (s->cycle == CYCLE_BUFFER_FIRST) {
		s->start = offset;
		s->cycle = CYCLE_BUFFER_DATA;
	}
	if (s->start < s->block || s->start + s->count >= s->block + CFI01_BLOCK ||
	    offset < s->start || offset - s->start > s->count) {
		cfi01_end(d, SR_SEQUENCE);
		return;
	}
	s->buffer[offset - s->start] = value;
	if (--s->left == 0)
		s->cycle = CYCLE_BUFFER_CONFIRM;
}

static void cfi01_buffer_confirm(struct device *d, uint32_t offset, uint8_t value)
{
	const struct cfi01 *s = device_state(d);

	if (value == CMD_CONFIRM && offset - s->block < CFI01_BLOCK)
		cfi01_program(d, s->start, s->buffer, s->count + 1u);
	else
		cfi01_end(d, SR_SEQUENCE);
}

/* ---- commands ---- */

static void cfi01_setup(struct device *d, uint8_t cycle, uint8_t show)
{
	struct cfi01 *s = device_state(d);

	s->cycle = cycle;
	cfi01_show(d, show);
}

static void cfi01_command(struct device *d, uint32_t offset, uint8_t command)
{
	struct cfi01 *s = device_state(d);

	if (command == CMD_CLEAR_STATUS)
		s->status = 0;
	else if (command != CMD_READ_STATUS)
		s->status |= SR_READY;
	switch (command) {
	case CMD_PROGRAM:
	case CMD_PROGRAM_ALTERNATE:
		cfi01_setup(d, CYCLE_PROGRAM, SHOW_STATUS);
		break;
	case CMD_ERASE:
		cfi01_setup(d, CYCLE_ERASE, SHOW_STATUS);
		break;
	case CMD_LOCK:
		cfi01_setup(d, CYCLE_LOCK, SHOW_STATUS);
		break;
	case CMD_CONFIGURATION:
		cfi01_setup(d, CYCLE_CONFIGURATION, SHOW_STATUS);
		break;
	case CMD_PROTECTION:
		cfi01_setup(d, CYCLE_PROTECTION, SHOW_STATUS);
		break;
	case CMD_BUFFER:
		s->block = offset - offset % CFI01_BLOCK;
		cfi01_setup(d, CYCLE_BUFFER_COUNT, SHOW_BUFFER_STATUS);
		break;
	case CMD_READ_STATUS:
		cfi01_show(d, SHOW_STATUS);
		break;
	case CMD_READ_ID:
		cfi01_show(d, SHOW_ID);
		break;
	case CMD_QUERY:
		cfi01_show(d, SHOW_QUERY);
		break;
	default: /* read array; what is reserved; suspend and resume of nothing */
		cfi01_show(d, SHOW_ARRAY);
		break;
	}
}

static void cfi01_write(struct device *d, uint64_t at, uint64_t value, unsigned size)
{
	struct cfi01 *s = device_state(d);
	uint32_t offset = (uint32_t)at;
	uint8_t byte = (uint8_t)value;

	switch (s->cycle) {
	case CYCLE_PROGRAM:
		cfi01_program(d, offset, &byte, 1);
		break;
	case CYCLE_ERASE:
		if (byte == CMD_CONFIRM)
			cfi01_erase(d, offset);
		else
			cfi01_end(d, SR_SEQUENCE);
		break;
	case CYCLE_LOCK:
		cfi01_lock(d, offset, byte);
		break;
	case CYCLE_CONFIGURATION: /* 4.12: of the STS pin, which leads nowhere */
		cfi01_end(d, 0);
		break;
	case CYCLE_PROTECTION:
		cfi01_end(d, SR_PROGRAM | SR_LOCKED);
		break;
	case CYCLE_BUFFER_COUNT:
		cfi01_buffer_count(d, byte);
		break;
	case CYCLE_BUFFER_FIRST:
	case CYCLE_BUFFER_DATA:
		cfi01_buffer_data(d, offset, byte);
		break;
	case CYCLE_BUFFER_CONFIRM:
		cfi01_buffer_confirm(d, offset, byte);
		break;
	default:
		cfi01_command(d, offset, byte);
		break;
	}
}

/* ---- the chip ---- */

/* RP#: read array, status register 80h. Array and lock-bits stay. */
static void cfi01_reset(struct device *d)
{
	struct cfi01 *s = device_state(d);

	s->cycle = CYCLE_COMMAND;
	s->status = SR_READY;
	s->count = s->left = 0;
	s->start = s->block = 0;
	memset(s->buffer, 0xff, sizeof(s->buffer));
	cfi01_show(d, SHOW_ARRAY);
}

static const struct region_ops cfi01_ops = {
    .read = cfi01_read,
    .write = cfi01_write,
    .max_size = 1,
};

static int cfi01_realize(struct device *d, struct error *e)
{
	const struct cfi01_config *c = cfi01_config(d);

	return device_add_rom(d, c->base, c->size, c->ram_offset, &cfi01_ops, d->id, e);
}

static const struct device_kept cfi01_kept[] = {
    {offsetof(struct cfi01, lock), sizeof(((struct cfi01 *)0)->lock), 0xff}, {0}};

const struct device_class cfi01_class = {
    .name = "cfi01",
    .description = "flash memory with the Intel command set",
    .state_size = sizeof(struct cfi01),
    .realize = cfi01_realize,
    .reset = cfi01_reset,
    .kept = cfi01_kept,
};
