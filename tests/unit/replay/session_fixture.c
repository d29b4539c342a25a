/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/replay/session_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "emulator/host/quiet.h"
#include "tests/unit/temporary.h"

static int64_t wall_clock(struct host *h)
{
	return 1767225600000000000; /* 2026-01-01 00:00 UTC */
}

static void entropy(struct host *h, void *buffer, size_t size)
{
	memset(buffer, 0x5a, size);
}

struct host *fixture_host(void)
{
	static const struct host_ops ops = {
	    .wall_clock = wall_clock,
	    .entropy = entropy,
	    .char_read = quiet_char_read,
	    .char_write = quiet_char_write,
	    .wait = quiet_wait,
	    .stop = quiet_stop,
	};
	static struct host host = {.ops = &ops};

	return &host;
}

/* clang-format off */
/* Real-mode code at F000:0000. */
static const uint8_t code[] = {
	0xfa,                               /*       cli */
	0x31, 0xc0,                         /*       xor ax, ax */
	0x8e, 0xd8,                         /*       mov ds, ax */
	0x8e, 0xd0,                         /*       mov ss, ax */
	0xbc, 0x00, 0x70,                   /*       mov sp, 7000h */
	0xc7, 0x06, 0x20, 0x00, 0x80, 0x00, /*       mov word [20h], 0080h: vector 8 */
	0xc7, 0x06, 0x22, 0x00, 0x00, 0xf0, /*       mov word [22h], F000h */
	0xb0, 0x11, 0xe6, 0x20,             /*       i8259: ICW1 */
	0xb0, 0x08, 0xe6, 0x21,             /*       ICW2: vectors from 8 */
	0xb0, 0x04, 0xe6, 0x21,             /*       ICW3 */
	0xb0, 0x01, 0xe6, 0x21,             /*       ICW4 */
	0xb0, 0xfe, 0xe6, 0x21,             /*       only IRQ 0 */
	0xb0, 0x34, 0xe6, 0x43,             /*       i8254: counter 0, mode 2 */
	0xb0, 0x40, 0xe6, 0x40,             /*       every 64 ticks, 53.6 us */
	0xb0, 0x00, 0xe6, 0x40,
	0xfb,                               /*       sti */
	0xe4, 0x40,                         /* loop: in al, 40h */
	0x8b, 0x1e, 0x00, 0x60,             /*       mov bx, [6000h] */
	0x81, 0xe3, 0xff, 0x3f,             /*       and bx, 3fffh */
	0x88, 0x87, 0x00, 0x80,             /*       mov [bx+8000h], al */
	0xff, 0x06, 0x00, 0x60,             /*       inc word [6000h] */
	0xe6, 0x80,                         /*       out 80h, al */
	0xa8, 0x0f,                         /*       test al, 0fh */
	0x75, 0x01,                         /*       jnz past the hlt */
	0xf4,                               /*       hlt */
	0xeb, 0xe5,                         /*       jmp loop */
};

/* At F000:0080: the handler of IRQ 0. */
static const uint8_t handler[] = {
	0x50,                   /* push ax */
	0xff, 0x06, 0x02, 0x60, /* inc word [6002h] */
	0xb0, 0x20, 0xe6, 0x20, /* end of interrupt */
	0x58,                   /* pop ax */
	0xcf,                   /* iret */
};
/* clang-format on */

struct machine_config fixture_config(void)
{
	static const uint8_t reset_vector[] = {0xea, 0x00, 0x00, 0x00, 0xf0}; /* jmp F000:0000 */
	struct machine_config c;
	struct image *bios = &c.image[0];

	machine_config_init(&c);
	c.ram_size = 1 << 20;
	bios->role = IMAGE_BIOS;
	bios->name = strdup("fixture");
	bios->size = 65536;
	bios->data = calloc(1, bios->size);
	memcpy(bios->data, code, sizeof(code));
	memcpy(bios->data + 0x80, handler, sizeof(handler));
	memcpy(bios->data + 0xfff0, reset_vector, sizeof(reset_vector));
	c.images = 1;
	return c;
}

char *fixture_path(const char *name)
{
	const char *folder = temporary_folder();
	size_t room = strlen(folder) + strlen(name) + 40;
	char *path = malloc(room);

	if (!path)
		abort();
	snprintf(path, room, "%s/vcr-test-%ld-%s", folder, (long)getpid(), name);
	return path;
}
