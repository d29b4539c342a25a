/* SPDX-License-Identifier: Apache-2.0 */
/* The lists of accepted differences, which lie beside their devices; see qtest.h. */
#include "tools/qtest.h"

#include <string.h>

#define ENTRY(region, first, last, mask, size, when, written, offset, wmask, value, reason)        \
	{DEVICE, region,  first,  last,  mask,  size,  false,                                      \
	 when,   written, offset, wmask, value, reason},
#define DIFFERS(region, first, last, mask, reason)                                                 \
	ENTRY(region, first, last, mask, 1, QTEST_ALWAYS, "", 0, 0, 0, reason)
#define DIFFERS_WIDE(region, first, last, reason)                                                  \
	ENTRY(region, first, last, 0xff, 2, QTEST_ALWAYS, "", 0, 0, 0, reason)
#define DIFFERS_AFTER(region, first, last, mask, written, offset, wmask, value, reason)            \
	ENTRY(region, first, last, mask, 1, QTEST_AFTER, written, offset, wmask, value, reason)
#define DIFFERS_WHILE(region, first, last, mask, written, offset, wmask, value, reason)            \
	ENTRY(region, first, last, mask, 1, QTEST_WHILE, written, offset, wmask, value, reason)
#define DIFFERS_UNTIL(region, first, last, mask, written, offset, wmask, value, reason)            \
	ENTRY(region, first, last, mask, 1, QTEST_UNTIL, written, offset, wmask, value, reason)
#define DIFFERS_ZEROS(region, first, last, written, offset, wmask, value, reason)                  \
	{DEVICE,      region,  first,  last,  0xff,  1,     true,                                  \
	 QTEST_AFTER, written, offset, wmask, value, reason},
#define DIFFERS_STILL(region, first, last, mask, reason)                                           \
	ENTRY(region, first, last, mask, 1, QTEST_STILL, "", 0, 0, 0, reason)
#define NO_READ(region, first, last, reason)                                                       \
	ENTRY(region, first, last, 0, 1, QTEST_NO_READ, "", 0, 0, 0, reason)
#define NO_WRITE(region, first, last, wmask, value, reason)                                        \
	ENTRY(region, first, last, 0, 1, QTEST_NO_WRITE, "", 0, wmask, value, reason)

const struct qtest_difference qtest_differences[] = {
#define DEVICE "i8259"
#include "emulator/device/i8259_qemu.def"
#undef DEVICE
#define DEVICE "i8254"
#include "emulator/device/i8254_qemu.def"
#undef DEVICE
#define DEVICE "mc146818"
#include "emulator/device/mc146818_qemu.def"
#undef DEVICE
#define DEVICE "ns16550"
#include "emulator/device/ns16550_qemu.def"
#undef DEVICE
#define DEVICE "i8042"
#include "emulator/device/i8042_qemu.def"
#undef DEVICE
#define DEVICE "ioapic"
#include "emulator/device/ioapic_qemu.def"
#undef DEVICE
#define DEVICE "fw_cfg"
#include "emulator/device/fw_cfg_qemu.def"
#undef DEVICE
#define DEVICE "cfi01"
#include "emulator/device/cfi01_qemu.def"
#undef DEVICE
#define DEVICE "i440fx"
#include "emulator/device/i440fx_qemu.def"
#undef DEVICE
#define DEVICE "edu"
#include "emulator/device/edu_qemu.def"
#undef DEVICE
};
const unsigned qtest_difference_count = sizeof(qtest_differences) / sizeof(*qtest_differences);

_Static_assert(sizeof(qtest_differences) / sizeof(*qtest_differences) <= QTEST_DIFFERENCES,
	       "struct qtest_written has no room for so many");

void qtest_write_seen(struct qtest_written *w, const char *region, uint32_t offset, uint64_t value)
{
	for (unsigned i = 0; i < qtest_difference_count; i++) {
		const struct qtest_difference *d = &qtest_differences[i];

		if ((d->written_offset != offset && d->written_offset != QTEST_ANYWHERE) ||
		    strcmp(d->written, region) != 0)
			continue;
		w->last[i] = (value & d->written_mask) == d->written_value;
		w->ever[i] |= w->last[i];
	}
}

static bool holds(const struct qtest_written *w, unsigned i)
{
	switch (qtest_differences[i].when) {
	case QTEST_ALWAYS:
		return true;
	case QTEST_AFTER:
		return w->ever[i];
	case QTEST_WHILE:
		return w->last[i];
	case QTEST_UNTIL:
		return !w->ever[i];
	case QTEST_STILL:
		return w->still;
	default:
		return false;
	}
}

/* The mask of an entry, for the bytes of an access: of one register, or of each byte of several. */
static uint64_t mask_for(const struct qtest_difference *d, uint32_t offset, unsigned size)
{
	uint64_t mask = 0;

	if (d->first == d->last)
		return offset == d->first ? d->mask : 0;
	for (unsigned i = 0; i < size && i < 8; i++) {
		if (offset + i >= d->first && offset + i <= d->last)
			mask |= (d->mask & 0xff) << i * 8;
	}
	return mask;
}

const struct qtest_difference *qtest_explain(const struct qtest_written *w, const char *region,
					     uint32_t offset, unsigned size, uint64_t ours,
					     uint64_t theirs)
{
	uint64_t differing = ours ^ theirs;
	const struct qtest_difference *found = NULL;

	for (unsigned i = 0; i < qtest_difference_count && differing; i++) {
		const struct qtest_difference *d = &qtest_differences[i];
		uint64_t mask;

		if (strcmp(d->region, region) != 0 || size < d->min_size || !holds(w, i))
			continue;
		mask = mask_for(d, offset, size) & (d->zeros ? ~ours : UINT64_MAX);
		if (mask & differing)
			found = d;
		differing &= ~mask;
	}
	return differing ? NULL : found;
}

bool qtest_left_out(const char *region, uint32_t offset, bool is_write, uint64_t value)
{
	for (unsigned i = 0; i < qtest_difference_count; i++) {
		const struct qtest_difference *d = &qtest_differences[i];

		if (d->when != (is_write ? QTEST_NO_WRITE : QTEST_NO_READ) ||
		    strcmp(d->region, region) != 0 || offset < d->first || offset > d->last)
			continue;
		if (!is_write || (value & d->written_mask) == d->written_value)
			return true;
	}
	return false;
}
