/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: the loaders, and what a board makes of input images. Images come from anywhere, and
 * a damaged one must be refused with a message or be loaded within the guest's memory.
 *
 * An input is a header of 8 bytes, which may be cut short, and the bytes of an image:
 *
 *	0	what the image is, modulo 5: 0 a kernel (bzImage or multiboot); 1 a kernel that
 *		firmware finds in fw_cfg; 2 firmware; 3 flash; 4 none, but what ACPI tables describe
 *	1	MiB of memory, less one, modulo 8
 *	2	bytes of command line, taken from the image's start
 *	3	initrds, modulo 4; each takes as many bytes as 4 says from what is next
 *	4	KiB / 4 of an initrd
 *	5	bit 0: firmware and flash are padded to a size that is taken; bit 1: there is a
 *		reset
 *	6 7	for ACPI
 */
#include "fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/board/acpi_tables.h"
#include "emulator/device/fw_cfg.h"
#include "emulator/host/quiet.h"
#include "emulator/loader/loader.h"
#include "emulator/machine.h"

#define HEADER 8u

static void check(bool promise)
{
	if (!promise)
		abort();
}

/* ---- the input ---- */

struct input {
	uint8_t header[HEADER];
	const uint8_t *at;
	size_t left;
};

/* Of exactly that size, so that ASan sees a byte too far. */
static uint8_t *take(struct input *in, size_t *size)
{
	uint8_t *copy;

	*size = *size < in->left ? *size : in->left;
	copy = malloc(*size ? *size : 1);
	if (!copy)
		exit(1);
	if (*size)
		memcpy(copy, in->at, *size);
	in->at += *size;
	in->left -= *size;
	return copy;
}

static void add_image(struct machine_config *c, enum image_role role, uint8_t *data, size_t size)
{
	c->image[c->images++] = (struct image){role, strdup("image"), data, size};
}

static void add_command_line(struct machine_config *c, struct input *in)
{
	size_t size = in->header[2];
	uint8_t *text = take(in, &size);

	c->append = calloc(1, size + 1);
	if (!c->append)
		exit(1);
	for (size_t i = 0; i < size; i++)
		c->append[i] = (char)(text[i] ? text[i] : ' ');
	free(text);
}

static void add_initrds(struct machine_config *c, struct input *in)
{
	for (unsigned n = in->header[3] % 4; n; n--) {
		size_t size = (size_t)in->header[4] * 4096;
		uint8_t *data = take(in, &size);

		add_image(c, IMAGE_INITRD, data, size);
	}
}

static uint8_t *take_padded(struct input *in, size_t unit, size_t *size)
{
	uint8_t *data = take(in, size), *padded;
	size_t whole = (*size / unit + 1) * unit;

	if (!(in->header[5] & 1))
		return data;
	padded = calloc(1, whole);
	if (!padded)
		exit(1);
	memcpy(padded + whole - *size, data, *size);
	free(data);
	*size = whole;
	return padded;
}

static void add_firmware(struct machine_config *c)
{
	uint8_t *data = calloc(1, FLAT_UNIT);

	if (!data)
		exit(1);
	add_image(c, IMAGE_BIOS, data, FLAT_UNIT);
}

static void configure(struct machine_config *c, struct input *in)
{
	size_t size;
	uint8_t *data;

	machine_config_init(c);
	c->ram_size = (1ull + in->header[1] % 8) << 20;
	add_command_line(c, in);
	add_initrds(c, in);
	size = in->left;
	switch (in->header[0] % 5) {
	case 0:
		data = take(in, &size);
		add_image(c, IMAGE_KERNEL, data, size);
		break;
	case 1:
		data = take(in, &size);
		add_image(c, IMAGE_KERNEL, data, size);
		add_firmware(c);
		break;
	case 2:
		data = take_padded(in, FLAT_UNIT, &size);
		add_image(c, IMAGE_BIOS, data, size);
		break;
	default:
		data = take_padded(in, 4096, &size);
		c->pflash[c->pflashes++] = PFLASH_WRITABLE;
		add_image(c, IMAGE_PFLASH, data, size);
		break;
	}
}

/* ---- what must hold ---- */

static unsigned port_read(struct machine *m, uint16_t port)
{
	struct exit e = {.kind = EXIT_PIO, .size = 1, .address = port};

	machine_exit(m, &e);
	return (unsigned)e.data;
}

static void port_select(struct machine *m, uint16_t key)
{
	struct exit e = {.kind = EXIT_PIO, .size = 2, .address = 0x510, .data = key};

	e.is_write = true;
	machine_exit(m, &e);
}

/* All items, some bytes of each, as firmware reads them. */
static void read_items(struct machine *m)
{
	for (unsigned key = 0; key < FW_CFG_FILE_FIRST + 40; key++) {
		port_select(m, (uint16_t)key);
		for (unsigned n = 0; n < 64; n++)
			port_read(m, 0x511);
	}
}

static void check_refusal(const struct error *e)
{
	size_t length = strnlen(e->text, sizeof(e->text));

	check(e->kind == ERROR_USAGE || e->kind == ERROR_HOST);
	check(length > 0 && length < sizeof(e->text) && !strchr(e->text, '\n'));
}

static void run_machine(struct input *in)
{
	static struct host host = {.ops = &quiet_ops};
	struct machine_config config;
	struct error e = {0};
	struct machine *m;

	configure(&config, in);
	m = machine_open(&config, "tcg", &host, NULL, &e);
	if (!m) {
		check_refusal(&e);
		return;
	}
	if (machine_find_device(m, "fw_cfg"))
		read_items(m);
	if (in->header[5] & 2) {
		/* What fitted at power-on fits at a reset. */
		machine_state(m)->reset_requested = true;
		machine_service_reset(m);
		check(m->stop == STOP_NONE);
	}
	machine_close(m);
}

static uint8_t sum(const uint8_t *p, size_t size)
{
	uint8_t total = 0;

	while (size--)
		total = (uint8_t)(total + *p++);
	return total;
}

static void run_acpi(struct input *in)
{
	static struct acpi_tables t;
	const uint8_t *h = in->header;
	struct acpi_devices devices = {.i8042 = h[6] & 1, .fw_cfg = h[6] & 2};
	uint32_t base = 0xf0040u + ((uint32_t)h[1] << 16);

	for (unsigned n = 0; n < 4; n++)
		devices.pirq[n] = (uint8_t)(h[2 + n % 4] % 16);
	devices.pci_first = (uint32_t)h[7] << 24;
	devices.pci_last = devices.pci_first + ((uint32_t)h[5] << 12) - 1;
	acpi_tables_build(&t, &devices);
	check(t.size <= ACPI_TABLES_SIZE && t.script_size <= ACPI_SCRIPT_SIZE);
	acpi_tables_place(&t, base);
	for (unsigned i = 0; i < t.checksums; i++) {
		check(t.checksum[i].offset + t.checksum[i].length <= t.size);
		check(sum(t.bytes + t.checksum[i].offset, t.checksum[i].length) == 0);
	}
	for (unsigned i = 0; i < t.pointers; i++) {
		uint64_t to = 0;

		check(t.pointer[i].offset + t.pointer[i].size <= t.size);
		memcpy(&to, t.bytes + t.pointer[i].offset, t.pointer[i].size);
		check(to >= base && to - base < t.size);
	}
	check(sum(t.rsdp, 20) == 0 && sum(t.rsdp, sizeof(t.rsdp)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {.at = data, .left = size};

	if (size) {
		size_t header = size < HEADER ? size : HEADER;

		memcpy(in.header, data, header);
		in.at += header;
		in.left -= header;
	}
	if (in.header[0] % 5 == 4)
		run_acpi(&in);
	else
		run_machine(&in);
	return 0;
}
