/* SPDX-License-Identifier: Apache-2.0 */
/* Board pc for tests: see pc_fixture.h. */
#include "tests/unit/board/pc_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "emulator/host/quiet.h"
#include "emulator/loader/loader.h"

/* ---- an outside that only hears ---- */

char output[64];
size_t output_size;

static void host_char_write(struct host *h, unsigned channel, const uint8_t *buffer, size_t size)
{
	while (size-- && output_size + 2 < sizeof(output)) {
		output[output_size++] = (char)('0' + channel);
		output[output_size++] = (char)*buffer++;
	}
}

static const struct host_ops host_ops = {
    .wall_clock = quiet_wall_clock,
    .entropy = quiet_entropy,
    .char_read = quiet_char_read,
    .char_write = host_char_write,
    .wait = quiet_wait,
    .stop = quiet_stop,
};
struct host host = {.ops = &host_ops};

/* ---- machines ---- */

struct machine_config config;
struct machine *m;
struct error error;

void add_image(enum image_role role, const void *data, size_t size)
{
	uint8_t *copy = malloc(size);

	memcpy(copy, data, size);
	config.image[config.images++] = (struct image){role, strdup("image"), copy, size};
}

/* A multiboot kernel at 1 MiB with this code. */
void add_code(const uint8_t *code, size_t size)
{
	static const uint32_t header[8] = {0x1badb002, 0x10000, 0xe4514ffe, 0x100000,
					   0x100000,   0,       0,          0x100020};
	uint8_t kernel[128] = {0};

	assert_true(size <= sizeof(kernel) - 32);
	for (unsigned i = 0; i < 8; i++)
		loader_put32(kernel + 4 * i, header[i]);
	memcpy(kernel + 32, code, size);
	add_image(IMAGE_KERNEL, kernel, sizeof(kernel));
}

void add_kernel(void)
{
	static const uint8_t code[] = {POWER_OFF};

	add_code(code, sizeof(code));
}

void add_device(const char *text)
{
	config.device[config.devices++] = strdup(text);
}

int setup(void **state)
{
	memset(&error, 0, sizeof(error));
	output_size = 0;
	m = NULL;
	machine_config_init(&config);
	return 0;
}

int teardown(void **state)
{
	machine_close(m);
	return 0;
}

void power_on(void)
{
	m = machine_open(&config, "tcg", &host, NULL, &error);
	if (!m)
		fail_msg("%s", error.text);
}

void refuses(const char *what)
{
	m = machine_open(&config, "tcg", &host, NULL, &error);
	assert_null(m);
	assert_int_equal(error.kind, ERROR_USAGE);
	if (!strstr(error.text, what))
		fail_msg("expected '%s' in: %s", what, error.text);
}
