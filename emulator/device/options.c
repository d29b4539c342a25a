/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parser of -device strings, as QEMU users write them. It works on the classes that are built
 * in, so that its messages list what this program really has.
 */
#include "emulator/device/options.h"

#include <stdio.h>
#include <string.h>

#define PART 60 /* how much of what was typed a message shows */

/* Appends `name` to a list for people; a list that is too long is cut. */
static void list_add(char *list, size_t size, const char *name)
{
	size_t used = strlen(list);

	snprintf(list + used, size - used, "%s%s", used ? ", " : "", name);
}

static int unknown_device(const char *name, int length, struct error *e)
{
	char list[512] = "";

	for (unsigned i = 0; device_classes[i]; i++) {
		if (device_classes[i]->user)
			list_add(list, sizeof(list), device_classes[i]->name);
	}
	return error_set(e, ERROR_USAGE, "-device %.*s: unknown device (known: %s)",
			 length < PART ? length : PART, name, *list ? list : "none");
}

static int unknown_property(const struct device_class *class, const char *name, int length,
			    struct error *e)
{
	const struct device_property *p = class->properties;
	char list[256] = "";

	for (; p && p->name; p++)
		list_add(list, sizeof(list), p->name);
	return error_set(e, ERROR_USAGE, "-device %s: unknown property '%.*s' (known: %s)",
			 class->name, length < PART ? length : PART, name, *list ? list : "none");
}

/* The value of a digit, or 16 and more when it is none. */
static unsigned digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

static bool parse_number(const char *text, size_t length, uint64_t *value)
{
	unsigned base = 10;

	if (length > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		base = 16;
		text += 2;
		length -= 2;
	}
	*value = 0;
	for (size_t i = 0; i < length; i++) {
		unsigned digit = digit_value(text[i]);

		if (digit >= base || *value > (UINT64_MAX - digit) / base)
			return false;
		*value = *value * base + digit;
	}
	return length > 0;
}

static int parse_property(const struct device_class *class, const char *text, size_t length,
			  uint64_t property[DEVICE_PROPERTIES], struct error *e)
{
	const char *equals = memchr(text, '=', length);
	size_t name = equals ? (size_t)(equals - text) : length;
	unsigned i = 0;

	for (; class->properties && class->properties[i].name; i++) {
		const struct device_property *p = &class->properties[i];
		size_t rest = length - name - 1;

		if (strlen(p->name) != name || memcmp(p->name, text, name))
			continue;
		if (!equals)
			return error_set(e, ERROR_USAGE, "-device %s: %s needs a value (%s=%#llx)",
					 class->name, p->name, p->name,
					 (unsigned long long)p->value);
		if (!parse_number(equals + 1, rest, &property[i]) || property[i] < p->min ||
		    property[i] > p->max)
			return error_set(
			    e, ERROR_USAGE,
			    "-device %s: %s=%.*s is not a number from %#llx to %#llx (%s)",
			    class->name, p->name, rest < PART ? (int)rest : PART, equals + 1,
			    (unsigned long long)p->min, (unsigned long long)p->max, p->help);
		return 0;
	}
	return unknown_property(class, text, name < PART ? (int)name : PART, e);
}

int device_options_parse(const char *text, const struct device_class **class,
			 uint64_t property[DEVICE_PROPERTIES], struct error *e)
{
	size_t length = strcspn(text, ",");

	*class = NULL;
	for (unsigned i = 0; device_classes[i]; i++) {
		const char *name = device_classes[i]->name;

		if (device_classes[i]->user && strlen(name) == length &&
		    !memcmp(name, text, length))
			*class = device_classes[i];
	}
	if (!*class)
		return unknown_device(text, length < PART ? (int)length : PART, e);
	for (unsigned i = 0; (*class)->properties && (*class)->properties[i].name; i++)
		property[i] = (*class)->properties[i].value;
	while (text[length] == ',') {
		text += length + 1;
		length = strcspn(text, ",");
		if (parse_property(*class, text, length, property, e))
			return -1;
	}
	return 0;
}
