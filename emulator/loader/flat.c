/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flat firmware (-bios): the image ends at 4 GiB, so that the reset vector FFFFFFF0h is in its
 * last 16 bytes, and its last 256 KiB are seen below 1 MiB as well. That copy is RAM, because
 * firmware for PCs unlocks and writes this area, and a board without a chip set that locks it
 * is one where it is unlocked from the start. Registers stay as reset leaves them.
 */
#include "emulator/loader/loader.h"

int flat_check(const struct image *bios, struct error *e)
{
	if (bios->size && bios->size % FLAT_UNIT == 0 && bios->size <= FLAT_MAX)
		return 0;
	return error_set(e, ERROR_USAGE,
			 "%s is no firmware image: it has %zu bytes, which must be a multiple of "
			 "64 KiB and at most 16 MiB",
			 bios->name, bios->size);
}

int flat_load(struct machine *m, const struct image *bios, struct error *e)
{
	uint64_t low = bios->size < FLAT_LOW ? bios->size : FLAT_LOW;

	if (flat_check(bios, e))
		return -1;
	if (machine_load_bytes(m, 0x100000000ull - bios->size, bios->data, bios->size) &&
	    machine_load_bytes(m, MEMORY_MIB - low, bios->data + bios->size - low, low))
		return 0;
	return error_set(e, ERROR_USAGE, "%s does not fit: board %s has no memory for firmware",
			 bios->name, m->config.board);
}
