/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a machine is made from, as a value and as text. The text travels in every trace, so its
 * keys are stored and never change meaning: one "key=value" a line, backslash and newline in
 * values escaped as \\ and \n, keys in a fixed order, so that equal machines have equal texts.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/cpu/cpuid.h"
#include "emulator/machine.h"

void machine_config_init(struct machine_config *c)
{
	memset(c, 0, sizeof(*c));
	c->board = strdup("pc");
	c->cpu = strdup("x86-64");
	c->ram_size = 128ull << 20;
	c->setup = BOARD_SETUP_LATEST;
	c->boundaries = BOUNDARY_LATEST;
}

void machine_config_free(struct machine_config *c)
{
	free(c->board);
	free(c->cpu);
	free(c->append);
	free(c->cpuid);
	for (unsigned i = 0; i < c->devices; i++)
		free(c->device[i]);
	for (unsigned i = 0; i < c->images; i++) {
		free(c->image[i].name);
		free(c->image[i].data);
	}
	memset(c, 0, sizeof(*c));
}

const struct image *machine_config_image(const struct machine_config *c, enum image_role role,
					 unsigned index)
{
	for (unsigned i = 0; i < c->images; i++) {
		if (c->image[i].role == role && index-- == 0)
			return &c->image[i];
	}
	return NULL;
}

/* Text that grows; `data` is NULL once there was no memory for it. */
struct text {
	char *data;
	size_t used, room;
};

static void add(struct text *t, char c)
{
	if (t->data && t->used == t->room) {
		char *larger = realloc(t->data, t->room * 2);

		if (!larger)
			free(t->data);
		t->data = larger;
		t->room *= 2;
	}
	if (t->data)
		t->data[t->used++] = c;
}

static void put(struct text *t, const char *key, const char *value)
{
	while (*key)
		add(t, *key++);
	add(t, '=');
	for (; *value; value++) {
		if (*value == '\\' || *value == '\n')
			add(t, '\\');
		add(t, *value == '\n' ? 'n' : *value);
	}
	add(t, '\n');
}

char *machine_config_format(const struct machine_config *c)
{
	struct text t = {.data = malloc(256), .room = 256};
	char number[24];

	put(&t, "machine", c->board);
	put(&t, "cpu", c->cpu);
	snprintf(number, sizeof(number), "%" PRIu64, c->ram_size);
	put(&t, "memory", number);
	if (c->append)
		put(&t, "append", c->append);
	for (unsigned i = 0; i < c->devices; i++)
		put(&t, "device", c->device[i]);
	for (unsigned i = 0; i < c->pflashes; i++)
		put(&t, "pflash", c->pflash[i] == PFLASH_WRITABLE ? "writable" : "read-only");
	if (c->rom_exits)
		put(&t, "rom-device", "off");
	/* Traces from before this was a question have no such line: theirs is the first. */
	if (c->setup > BOARD_SETUP_CHIP_SET && machine_config_image(c, IMAGE_KERNEL, 0)) {
		snprintf(number, sizeof(number), "%u", c->setup);
		put(&t, "setup", number);
	}
	if (c->no_reboot)
		put(&t, "no-reboot", "on");
	if (c->host_time)
		put(&t, "time", "host");
	if (c->tsc_exits)
		put(&t, "tsc", "exits");
	if (c->host_time && c->boundaries > BOUNDARY_EACH) {
		snprintf(number, sizeof(number), "%u", c->boundaries);
		put(&t, "boundaries", number);
	}
	for (unsigned i = 0; c->cpuid && i < c->cpuid->entries; i++) {
		char entry[CPUID_ENTRY_TEXT];

		cpuid_entry_write(&c->cpuid->entry[i], entry);
		put(&t, "cpuid", entry);
	}
	add(&t, 0);
	return t.data;
}

static char *unescape(const char *value, size_t length)
{
	char *out = malloc(length + 1), *o = out;

	if (!out)
		return NULL;
	for (size_t i = 0; i < length; i++) {
		if (value[i] == '\\' && i + 1 < length) {
			i++;
			*o++ = value[i] == 'n' ? '\n' : value[i];
		} else {
			*o++ = value[i];
		}
	}
	*o = 0;
	return out;
}

static int cpuid_set(struct machine_config *c, const char *value, struct error *e)
{
	struct cpuid_entry entry;

	if (!cpuid_entry_read(value, &entry))
		return error_set(e, ERROR_TRACE,
				 "machine description: not an answer of CPUID: %.60s", value);
	if (!cpuid_table_add(&c->cpuid, &entry))
		return 0;
	return error_set(e, ERROR_TRACE,
			 "machine description: no room for over %d answers of CPUID",
			 CPUID_ENTRIES);
}

/* How things were done when the trace was made, from 1 to what this vcr knows. */
static int rules_set(unsigned *rules, unsigned latest, const char *key, const char *value,
		     struct error *e)
{
	unsigned long n = strtoul(value, NULL, 10);

	if (n < 1 || n > latest)
		return error_set(e, ERROR_TRACE,
				 "machine description: %s is %.20s, and this vcr knows 1 to %u "
				 "(made by a newer vcr?)",
				 key, value, latest);
	*rules = (unsigned)n;
	return 0;
}

/* Takes over `value`. */
static int config_set(struct machine_config *c, const char *key, size_t key_length, char *value,
		      struct error *e)
{
	char **string = NULL;
	bool known = true;

#define KEY(text) (key_length == strlen(text) && !memcmp(key, text, key_length))
	if (KEY("machine")) {
		string = &c->board;
	} else if (KEY("cpu")) {
		string = &c->cpu;
	} else if (KEY("append")) {
		string = &c->append;
	} else if (KEY("device")) {
		if (c->devices == MACHINE_DEVICES) {
			free(value);
			return error_set(e, ERROR_TRACE, "machine description: over %d devices",
					 MACHINE_DEVICES);
		}
		c->device[c->devices++] = value;
		return 0;
	} else if (KEY("pflash")) {
		if (c->pflashes == MACHINE_PFLASH) {
			free(value);
			return error_set(e, ERROR_TRACE, "machine description: over %d flash chips",
					 MACHINE_PFLASH);
		}
		c->pflash[c->pflashes++] =
		    strcmp(value, "writable") ? PFLASH_READ_ONLY : PFLASH_WRITABLE;
	} else if (KEY("rom-device")) {
		c->rom_exits = !strcmp(value, "off");
	} else if (KEY("memory")) {
		c->ram_size = strtoull(value, NULL, 10);
	} else if (KEY("setup") || KEY("boundaries")) {
		int result =
		    KEY("setup")
			? rules_set(&c->setup, BOARD_SETUP_LATEST, "setup", value, e)
			: rules_set(&c->boundaries, BOUNDARY_LATEST, "boundaries", value, e);

		free(value);
		return result;
	} else if (KEY("no-reboot")) {
		c->no_reboot = !strcmp(value, "on");
	} else if (KEY("time")) {
		c->host_time = !strcmp(value, "host");
	} else if (KEY("tsc")) {
		c->tsc_exits = !strcmp(value, "exits");
	} else if (KEY("cpuid")) {
		int result = cpuid_set(c, value, e);

		free(value);
		return result;
	} else {
		known = false;
	}
#undef KEY
	if (string) {
		free(*string);
		*string = value;
		return 0;
	}
	free(value);
	if (!known)
		return error_set(e, ERROR_TRACE,
				 "machine description: unknown key '%.*s' (made by a newer vcr?)",
				 (int)(key_length > 40 ? 40 : key_length), key);
	return 0;
}

int machine_config_parse(struct machine_config *c, const char *text, struct error *e)
{
	machine_config_init(c);
	c->described = true;
	c->setup = BOARD_SETUP_CHIP_SET;
	c->boundaries = BOUNDARY_EACH;
	while (*text) {
		size_t line = strcspn(text, "\n");
		const char *equals = memchr(text, '=', line);
		char *value;

		if (!equals) {
			machine_config_free(c);
			return error_set(e, ERROR_TRACE, "machine description: line without '='");
		}
		value = unescape(equals + 1, (size_t)(text + line - equals - 1));
		if (!value || config_set(c, text, (size_t)(equals - text), value, e)) {
			machine_config_free(c);
			return value ? -1 : error_set(e, ERROR_HOST, "out of memory");
		}
		text += line + (text[line] == '\n');
	}
	return 0;
}
