/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flat firmware (-bios): the image ends at 4 GiB, so that the reset vector FFFFFFF0h is in its
 * last 16 bytes. That its end is seen below 1 MiB as well is the board's affair. Registers stay
 * as reset leaves them.
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
	if (flat_check(bios, e))
		return -1;
	if (machine_load_bytes(m, 0x100000000ull - bios->size, bios->data, bios->size))
		return 0;
	return error_set(e, ERROR_USAGE, "%s does not fit: board %s has no memory for firmware",
			 bios->name, m->config.board);
}
