/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lists of accepted differences, which lie beside their devices; see qtest.h. Bits of a read of
 * a region, from offset first to last, may differ:
 *
 *	DIFFERS              always
 *	DIFFERS_WIDE         all of them, if the read is wider than a byte
 *	DIFFERS_WHILE        as long as the last write to a register was such a one
 *	DIFFERS_STILL        if QEMU's time stands still; _UNLESS the read is the first behind a
 *write CAUSED               because of a write: it does not if that is left out CAUSED_IN because
 *of one while a register here reads as so and so CAUSED_BY_TWO        because of one behind another
 *	CAUSED_ZEROS         the same, and only bits that are zeros here
 *
 * NO_READ, NO_WRITE and NO_WRITE_WIDE have accesses left out on both sides; QEMU alone gets those
 *of FIRST_READ and FIRST_WRITE before it begins. WRITE is such a write: a register, bits and their
 * value; NOTHING is none.
 */
#include "tools/qtest.h"

#include <string.h>

#define WRITE(region, offset, mask, value)                                                         \
	(&(const struct qtest_write){region, offset, mask, value})
#define NOTHING NULL
#define DIFFERS(region, first, last, mask, reason)                                                 \
	{DEVICE,       region,  first,   last,    mask,    1,     false,                           \
	 QTEST_ALWAYS, NOTHING, NOTHING, NOTHING, NOTHING, reason},
#define DIFFERS_WIDE(region, first, last, reason)                                                  \
	{DEVICE,       region,  first,   last,    0xff,    2,     false,                           \
	 QTEST_ALWAYS, NOTHING, NOTHING, NOTHING, NOTHING, reason},
#define DIFFERS_STILL(region, first, last, mask, reason)                                           \
	{DEVICE,      region,  first,   last,    mask,    1,     false,                            \
	 QTEST_STILL, NOTHING, NOTHING, NOTHING, NOTHING, reason},
#define DIFFERS_WHILE(region, first, last, mask, written, offset, wmask, value, reason)            \
	{DEVICE, region,      first,   last,    mask,    1,                                        \
	 false,  QTEST_WHILE, NOTHING, NOTHING, NOTHING, WRITE(written, offset, wmask, value),     \
	 reason},
#define DIFFERS_STILL_UNLESS(region, first, last, mask, written, offset, wmask, value, reason)     \
	{DEVICE, region,      first,   last,    mask,    1,                                        \
	 false,  QTEST_STILL, NOTHING, NOTHING, NOTHING, WRITE(written, offset, wmask, value),     \
	 reason},
#define CAUSED(region, first, last, mask, written, offset, wmask, value, reason)                   \
	{DEVICE, region,       first,   last,    mask,    1,                                       \
	 false,  QTEST_CAUSED, NOTHING, NOTHING, NOTHING, WRITE(written, offset, wmask, value),    \
	 reason},
#define CAUSED_ZEROS(region, first, last, before, written, reason)                                 \
	{DEVICE,       region, first,   last,    0xff,    1,     true,                             \
	 QTEST_CAUSED, before, NOTHING, NOTHING, written, reason},
#define CAUSED_BY_TWO(region, first, last, mask, before, end, written, reason)                     \
	{DEVICE,       region, first, last,    mask,    1,     false,                              \
	 QTEST_CAUSED, before, end,   NOTHING, written, reason},
#define CAUSED_IN(region, first, last, mask, state, written, reason)                               \
	{DEVICE,       region,  first,   last,  mask,    1,     false,                             \
	 QTEST_CAUSED, NOTHING, NOTHING, state, written, reason},
#define NO_READ(region, first, last, reason)                                                       \
	{DEVICE,        region,  first,   last,    0,       1,     false,                          \
	 QTEST_NO_READ, NOTHING, NOTHING, NOTHING, NOTHING, reason},
#define NO_WRITE(region, first, last, wmask, value, reason)                                        \
	{DEVICE, region,         first,   last,    0,       1,                                     \
	 false,  QTEST_NO_WRITE, NOTHING, NOTHING, NOTHING, WRITE(region, first, wmask, value),    \
	 reason},
#define NO_WRITE_WIDE(region, first, last, reason)                                                 \
	{DEVICE, region,         first,   last,    0,       2,                                     \
	 false,  QTEST_NO_WRITE, NOTHING, NOTHING, NOTHING, WRITE(region, first, 0, 0),            \
	 reason},
#define FIRST_WRITE(region, offset, value, reason)                                                 \
	{DEVICE,  region,  offset,  offset,                                                        \
	 0,       1,       false,   QTEST_FIRST_WRITE,                                             \
	 NOTHING, NOTHING, NOTHING, WRITE(region, offset, 0xff, value),                            \
	 reason},
#define FIRST_READ(region, offset, reason)                                                         \
	{DEVICE,           region,  offset,  offset,  0,       1,     false,                       \
	 QTEST_FIRST_READ, NOTHING, NOTHING, NOTHING, NOTHING, reason},

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

static bool is_register(const struct qtest_write *t, const char *region, uint32_t offset)
{
	return t && (t->offset == offset || t->offset == QTEST_ANYWHERE) &&
	       !strcmp(t->region, region);
}

void qtest_write_seen(struct qtest_written *w, const char *region, uint32_t offset, uint64_t value,
		      void (*cause)(void *opaque, unsigned entry, unsigned op), void *opaque)
{
	for (unsigned i = 0; i < qtest_difference_count; i++) {
		const struct qtest_difference *d = &qtest_differences[i];
		const struct qtest_write *t = d->written, *before = d->before;

		if (is_register(t, region, offset))
			w->entry[i].last = (value & t->mask) == t->value;
		if (d->when == QTEST_CAUSED && is_register(t, region, offset) && w->entry[i].last &&
		    (!before || w->entry[i].before) && (!d->state || w->entry[i].state)) {
			cause(opaque, i, w->op);
			if (before)
				cause(opaque, i, w->entry[i].before_op);
		}
		if (is_register(d->end, region, offset) && (value & d->end->mask) == d->end->value)
			w->entry[i].before = false;
		if (is_register(before, region, offset)) {
			w->entry[i].before = (value & before->mask) == before->value;
			w->entry[i].before_op = w->op;
		}
	}
}

void qtest_read_seen(struct qtest_written *w, const char *region, uint32_t offset)
{
	for (unsigned i = 0; i < qtest_difference_count; i++) {
		const struct qtest_difference *d = &qtest_differences[i];

		if (d->when == QTEST_STILL && offset >= d->first && offset <= d->last &&
		    !strcmp(d->region, region))
			w->entry[i].last = false;
	}
}

static bool holds(const struct qtest_written *w, unsigned i)
{
	switch (qtest_differences[i].when) {
	case QTEST_ALWAYS:
		return true;
	case QTEST_WHILE:
		return w->entry[i].last;
	case QTEST_STILL:
		return w->still && !w->entry[i].last;
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

/* The bits of an access that an entry, whose time it is, is about. */
static uint64_t explains(const struct qtest_difference *d, const char *region, uint32_t offset,
			 unsigned size, uint64_t ours)
{
	if (size < d->min_size || strcmp(d->region, region) != 0)
		return 0;
	return mask_for(d, offset, size) & (d->zeros ? ~ours : UINT64_MAX);
}

uint64_t qtest_unexplained(const struct qtest_written *w, const char *region, uint32_t offset,
			   unsigned size, uint64_t ours, uint64_t theirs)
{
	uint64_t differing = ours ^ theirs;

	for (unsigned i = 0; i < qtest_difference_count && differing; i++)
		if (holds(w, i))
			differing &= ~explains(&qtest_differences[i], region, offset, size, ours);
	return differing;
}

uint64_t qtest_may_cause(unsigned entry, const char *region, uint32_t offset, unsigned size,
			 uint64_t ours)
{
	const struct qtest_difference *d = &qtest_differences[entry];

	return d->when == QTEST_CAUSED ? explains(d, region, offset, size, ours) : 0;
}

bool qtest_left_out(const char *region, uint32_t offset, unsigned size, bool is_write,
		    uint64_t value)
{
	for (unsigned i = 0; i < qtest_difference_count; i++) {
		const struct qtest_difference *d = &qtest_differences[i];

		if (d->when != (is_write ? QTEST_NO_WRITE : QTEST_NO_READ) ||
		    strcmp(d->region, region) != 0 || offset < d->first || offset > d->last ||
		    size < d->min_size)
			continue;
		if (!is_write || (value & d->written->mask) == d->written->value)
			return true;
	}
	return false;
}
