/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The firmware configuration device of QEMU, read-only: firmware and kernels ask it for the
 * memory map, ACPI tables, kernel and initrd. An item is selected by its 16-bit key at port
 * 510h and read byte by byte at 511h, or by DMA: the guest puts the big-endian address of a
 * control structure into 514h (high half) and 518h (low half, which starts the operation).
 *
 *	control structure, all big-endian	u32 control   bit 0 error, 1 read, 2 skip, 3 select,
 *							      4 write; key in bits 31..16
 *						u32 length
 *						u64 address
 *
 * Items are constants of the board (device.data); only the selection is state. Key 19h is the
 * directory of the named items, made up as it is read. Lengths come from the guest and can be
 * up to 4 GiB: a read moves what the item has left and then pads with a page of zeros at most,
 * so the work that an operation can cause is bounded by what the item holds.
 */
#include "emulator/device/fw_cfg.h"

#include <string.h>

#include "emulator/device/device.h"

#define ID_PORTS 1u
#define ID_DMA   2u

#define DMA_ERROR  (1u << 0)
#define DMA_READ   (1u << 1)
#define DMA_SKIP   (1u << 2)
#define DMA_SELECT (1u << 3)
#define DMA_WRITE  (1u << 4)

#define DIRECTORY_ENTRY 64u
#define PAD             4096u
#define CHUNK           65536u

struct fw_cfg {
	uint64_t offset; /* of the next byte in the selected item */
	uint32_t dma_high;
	uint16_t key;
};

static void put_be16(uint8_t *p, uint16_t v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static void put_be32(uint8_t *p, uint32_t v)
{
	put_be16(p, v >> 16);
	put_be16(p + 2, v);
}

static uint32_t get_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

/* ---- items ---- */

static const struct fw_cfg_item *fw_cfg_file(const struct device *d, unsigned index)
{
	const struct fw_cfg_items *items = d->data;

	for (unsigned i = 0; items && i < items->count; i++)
		if (items->item[i].name && index-- == 0)
			return &items->item[i];
	return NULL;
}

static unsigned fw_cfg_file_count(const struct device *d)
{
	const struct fw_cfg_items *items = d->data;
	unsigned files = 0;

	for (unsigned i = 0; items && i < items->count; i++)
		files += items->item[i].name != NULL;
	return files;
}

/* The bytes behind a key; signature and ID are the device's own. Size 0: no such item. */
static const uint8_t *fw_cfg_item(const struct device *d, uint16_t key, uint64_t *size)
{
	static const uint8_t signature[4] = {'Q', 'E', 'M', 'U'};
	static const uint8_t id[4] = {ID_PORTS | ID_DMA, 0, 0, 0};
	const struct fw_cfg_items *items = d->data;
	const struct fw_cfg_item *found = NULL;

	*size = sizeof(id);
	if (key == FW_CFG_SIGNATURE)
		return signature;
	if (key == FW_CFG_ID)
		return id;
	if (key >= FW_CFG_FILE_FIRST)
		found = fw_cfg_file(d, key - FW_CFG_FILE_FIRST);
	for (unsigned i = 0; !found && items && i < items->count; i++)
		if (!items->item[i].name && items->item[i].key == key)
			found = &items->item[i];
	*size = found ? found->size : 0;
	return found ? found->data : NULL;
}

/* Entry `index` of the directory: size, key, a reserved word, the name. */
static void fw_cfg_directory_entry(const struct device *d, unsigned index,
				   uint8_t entry[DIRECTORY_ENTRY])
{
	const struct fw_cfg_item *file = fw_cfg_file(d, index);
	size_t length = strnlen(file->name, FW_CFG_NAME - 1);

	memset(entry, 0, DIRECTORY_ENTRY);
	put_be32(entry, file->size);
	put_be16(entry + 4, FW_CFG_FILE_FIRST + index);
	memcpy(entry + 8, file->name, length);
}

static uint64_t fw_cfg_size(const struct device *d)
{
	const struct fw_cfg *s = device_state(d);
	uint64_t size;

	if (s->key == FW_CFG_FILE_DIR)
		return 4 + (uint64_t)fw_cfg_file_count(d) * DIRECTORY_ENTRY;
	fw_cfg_item(d, s->key, &size);
	return size;
}

/*
 * Points *bytes at what the selected item has at `offset`, which is within it, and returns how
 * many bytes lie there in one piece. `piece` is room for a piece that has to be made up.
 */
static uint64_t fw_cfg_piece(const struct device *d, uint64_t offset,
			     uint8_t piece[DIRECTORY_ENTRY], const uint8_t **bytes)
{
	const struct fw_cfg *s = device_state(d);
	uint64_t size;

	if (s->key != FW_CFG_FILE_DIR) {
		*bytes = fw_cfg_item(d, s->key, &size) + offset;
		return size - offset;
	}
	if (offset < 4) {
		put_be32(piece, fw_cfg_file_count(d));
		*bytes = piece + offset;
		return 4 - offset;
	}
	offset -= 4;
	fw_cfg_directory_entry(d, offset / DIRECTORY_ENTRY, piece);
	*bytes = piece + offset % DIRECTORY_ENTRY;
	return DIRECTORY_ENTRY - offset % DIRECTORY_ENTRY;
}

static void fw_cfg_select(struct device *d, uint16_t key)
{
	struct fw_cfg *s = device_state(d);

	s->key = key;
	s->offset = 0;
}

/* ---- 510h and 511h ---- */

static uint64_t fw_cfg_read(struct device *d, uint64_t offset, unsigned size)
{
	struct fw_cfg *s = device_state(d);
	uint8_t piece[DIRECTORY_ENTRY];
	const uint8_t *bytes;

	if (offset != 1 || s->offset >= fw_cfg_size(d))
		return 0;
	fw_cfg_piece(d, s->offset, piece, &bytes);
	s->offset++;
	return *bytes;
}

static void fw_cfg_write(struct device *d, uint64_t offset, uint64_t value, unsigned size)
{
	/* Bytes to 511h would be written into the item, and are ignored since QEMU 2.4. */
	if (offset == 0 && size == 2)
		fw_cfg_select(d, value);
}

/* ---- DMA ---- */

/* Copies the next bytes of the item to guest memory; what the item has not reads as zeros. */
static void fw_cfg_dma_read(struct device *d, uint64_t gpa, uint32_t length)
{
	static const uint8_t zeros[PAD];
	struct fw_cfg *s = device_state(d);
	uint64_t size = fw_cfg_size(d);

	while (length && s->offset < size) {
		uint8_t piece[DIRECTORY_ENTRY];
		const uint8_t *bytes;
		uint64_t n = fw_cfg_piece(d, s->offset, piece, &bytes);

		n = n < length ? n : length;
		n = n < CHUNK ? n : CHUNK;
		device_dma_write(d, gpa, bytes, n);
		gpa += n;
		length -= n;
		s->offset += n;
	}
	if (length)
		device_dma_write(d, gpa, zeros, length < PAD ? length : PAD);
}

static void fw_cfg_dma(struct device *d, uint64_t gpa)
{
	struct fw_cfg *s = device_state(d);
	uint8_t block[16], answer[4];
	uint32_t control, length, result = 0;
	uint64_t address;

	device_dma_read(d, gpa, block, sizeof(block));
	control = get_be32(block);
	length = get_be32(block + 4);
	address = (uint64_t)get_be32(block + 8) << 32 | get_be32(block + 12);

	if (control & DMA_SELECT)
		fw_cfg_select(d, control >> 16);
	if (control & DMA_READ) {
		fw_cfg_dma_read(d, address, length);
	} else if (control & DMA_WRITE) {
		result = DMA_ERROR; /* nothing here can be written */
	} else if (control & DMA_SKIP) {
		uint64_t size = fw_cfg_size(d);
		uint64_t left = s->offset < size ? size - s->offset : 0;

		s->offset += length < left ? length : left;
	}
	put_be32(answer, result);
	device_dma_write(d, gpa, answer, sizeof(answer));
}

static uint64_t fw_cfg_dma_port_read(struct device *d, uint64_t offset, unsigned size)
{
	static const char signature[8] = {'Q', 'E', 'M', 'U', ' ', 'C', 'F', 'G'};
	uint64_t value = 0;

	for (unsigned i = 0; i < size && offset + i < sizeof(signature); i++)
		value |= (uint64_t)(uint8_t)signature[offset + i] << i * 8;
	return value;
}

static void fw_cfg_dma_port_write(struct device *d, uint64_t offset, uint64_t value, unsigned size)
{
	struct fw_cfg *s = device_state(d);
	uint32_t half = __builtin_bswap32(value);

	if (size != 4)
		return;
	if (offset == 0) {
		s->dma_high = half;
	} else if (offset == 4) {
		uint64_t gpa = (uint64_t)s->dma_high << 32 | half;

		s->dma_high = 0; /* so that a guest with 32-bit addresses need not write it */
		fw_cfg_dma(d, gpa);
	}
}

/* ---- */

static void fw_cfg_reset(struct device *d)
{
	struct fw_cfg *s = device_state(d);

	*s = (struct fw_cfg){0};
}

static const struct region_ops fw_cfg_ops = {
    .read = fw_cfg_read,
    .write = fw_cfg_write,
    .max_size = 2,
};

static const struct region_ops fw_cfg_dma_ops = {
    .read = fw_cfg_dma_port_read,
    .write = fw_cfg_dma_port_write,
    .max_size = 4,
};

static int fw_cfg_realize(struct device *d, struct error *e)
{
	if (device_add_ports(d, FW_CFG_PORT, 2, &fw_cfg_ops, "fw_cfg", e) ||
	    device_add_ports(d, FW_CFG_DMA_PORT, 8, &fw_cfg_dma_ops, "fw_cfg-dma", e))
		return -1;
	return 0;
}

const struct device_class fw_cfg_class = {
    .name = "fw_cfg",
    .description = "firmware configuration (QEMU fw_cfg with DMA)",
    .state_size = sizeof(struct fw_cfg),
    .realize = fw_cfg_realize,
    .reset = fw_cfg_reset,
};
