/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing an accelerator from a list like "kvm:tcg", as QEMU's -accel fallback does. */
#include "emulator/accel/accel.h"

#include <stdio.h>
#include <string.h>

#define PART 60 /* how much of what was typed a message shows */

const struct accel_capability accel_capabilities[] = {
    {ACCEL_COUNTS_INSNS, "counts instructions"},
    {ACCEL_SINGLE_STEP, "single-step"},
    {ACCEL_READONLY, "read-only memory"},
    {ACCEL_DIRTY_LOG, "dirty log"},
    {ACCEL_MSR_EXITS, "MSR exits"},
    {ACCEL_TSC_EXITS, "RDTSC exits"},
    {ACCEL_BOOT_REGS, "sets boot registers"},
    {0, NULL},
};

/* A piece of what was typed. */
struct word {
	const char *at;
	size_t length;
};

static bool word_is(struct word w, const char *text)
{
	return strlen(text) == w.length && !memcmp(text, w.at, w.length);
}

static int shown(struct word w)
{
	return w.length < PART ? (int)w.length : PART;
}

/* The word up to one of `ends`. */
static struct word word_until(const char *at, const char *ends)
{
	return (struct word){at, strcspn(at, ends)};
}

static const struct accel_class *find(struct word name)
{
	for (unsigned i = 0; accel_classes[i]; i++) {
		if (word_is(name, accel_classes[i]->name))
			return accel_classes[i];
	}
	return NULL;
}

/* ---- properties ---- */

static void value_copy(char value[ACCEL_VALUE], struct word w)
{
	size_t length = w.length < ACCEL_VALUE ? w.length : ACCEL_VALUE - 1;

	memcpy(value, w.at, length);
	value[length] = 0;
}

static bool property_takes(const struct accel_property *p, struct word value)
{
	char text[ACCEL_VALUE];

	if (value.length >= ACCEL_VALUE)
		return false;
	if (word_is(value, p->value))
		return true;
	for (unsigned i = 0; i < sizeof(p->also) / sizeof(p->also[0]) && p->also[i]; i++) {
		if (word_is(value, p->also[i]))
			return true;
	}
	value_copy(text, value);
	return p->check && p->check(text);
}

const char *accel_property_values(const struct accel_property *p, char *text, size_t size)
{
	size_t used;

	snprintf(text, size, "%s", p->value);
	for (unsigned i = 0; i < sizeof(p->also) / sizeof(p->also[0]) && p->also[i]; i++) {
		used = strlen(text);
		snprintf(text + used, size - used, "|%s", p->also[i]);
	}
	used = strlen(text);
	if (p->form)
		snprintf(text + used, size - used, "|%s", p->form);
	return text;
}

void accel_property_get(const struct accel_class *class, const char *properties, const char *name,
			char value[ACCEL_VALUE])
{
	*value = 0;
	for (const struct accel_property *p = class->properties; p && p->name; p++) {
		if (!strcmp(p->name, name))
			snprintf(value, ACCEL_VALUE, "%s", p->value);
	}
	while (*properties) {
		struct word property = word_until(properties, ","),
			    key = word_until(properties, "=,");

		if (word_is(key, name) && key.length < property.length)
			value_copy(value, (struct word){key.at + key.length + 1,
							property.length - key.length - 1});
		properties += property.length;
		properties += *properties == ',';
	}
}

static int property_value_check(const char *accel, const struct accel_property *p,
				struct word value, struct error *e)
{
	char values[192];

	if (property_takes(p, value))
		return 0;
	for (unsigned i = 0; p->refused[i].value; i++) {
		if (word_is(value, p->refused[i].value))
			return error_set(e, ERROR_USAGE, "-accel %s,%s=%s: %s (use %s=%s)", accel,
					 p->name, p->refused[i].value, p->refused[i].why, p->name,
					 p->value);
	}
	return error_set(e, ERROR_USAGE, "-accel %s: %s=%.*s is unknown (use %s=%s)", accel,
			 p->name, shown(value), value.at, p->name,
			 accel_property_values(p, values, sizeof(values)));
}

static int property_check(const struct accel_class *class, struct word property, struct error *e)
{
	struct word name = word_until(property.at, "=,:");
	const struct accel_property *p = class->properties;
	struct word value = {property.at + name.length + 1, property.length - name.length - 1};
	char known[256] = "", values[192];

	for (; p && p->name; p++) {
		if (word_is(name, p->name) && name.length == property.length)
			return error_set(e, ERROR_USAGE, "-accel %s: %s needs a value (%s=%s)",
					 class->name, p->name, p->name,
					 accel_property_values(p, values, sizeof(values)));
		if (word_is(name, p->name))
			return property_value_check(class->name, p, value, e);
		snprintf(known + strlen(known), sizeof(known) - strlen(known), "%s%s=%s",
			 *known ? ", " : "", p->name,
			 accel_property_values(p, values, sizeof(values)));
	}
	return error_set(e, ERROR_USAGE, "-accel %s: unknown property '%.*s' (known: %s)",
			 class->name, shown(property), property.at, *known ? known : "none");
}

/* All properties behind one name of a list. */
static int properties_check(const struct accel_class *class, const char *at, struct error *e)
{
	if (word_until(at, ":").length >= ACCEL_PROPERTIES)
		return error_set(e, ERROR_USAGE, "-accel %s: too many properties", class->name);
	while (*at == ',') {
		struct word property = word_until(++at, ",:");

		if (property_check(class, property, e))
			return -1;
		at += property.length;
	}
	return 0;
}

int accel_property_check(const char *name, const char *value, struct error *e)
{
	for (unsigned i = 0; accel_classes[i]; i++) {
		const struct accel_property *p = accel_classes[i]->properties;

		for (; p && p->name; p++) {
			if (!strcmp(p->name, name))
				return property_value_check(accel_classes[i]->name, p,
							    word_until(value, ""), e);
		}
	}
	return error_set(e, ERROR_USAGE, "no accelerator of this build has a property '%.*s'", PART,
			 name);
}

/* ---- choosing ---- */

/* Why the accelerator of this name cannot be used; NULL: it can. */
static const char *why_not(struct word name, const struct accel_class *class, char *text,
			   size_t size)
{
	if (class)
		return class->probe();
	for (const struct accel_absent *a = accel_absent; a->name; a++) {
		if (word_is(name, a->name)) {
			snprintf(text, size, "not built in: %s", a->why);
			return text;
		}
	}
	return "there is no such accelerator";
}

static void reason_add(char *list, size_t size, struct word name, const char *why)
{
	size_t used = strlen(list);

	snprintf(list + used, size - used, "%s%.*s: %s", used ? "; " : "", shown(name), name.at,
		 why);
}

/* Goes on through the list at choice->rest. */
static int choose(struct accel_choice *choice, enum error_kind kind, struct error *e)
{
	char text[256];

	while (choice->rest) {
		struct word name = word_until(choice->rest, ",:");
		const struct accel_class *class = find(name);
		const char *why = why_not(name, class, text, sizeof(text));
		struct word properties = word_until(name.at + name.length, ":");

		choice->rest = strchr(choice->rest, ':');
		if (choice->rest)
			choice->rest++;
		if (!why) {
			choice->class = class;
			snprintf(choice->properties, sizeof(choice->properties), "%.*s",
				 (int)properties.length - (properties.length != 0),
				 properties.at + (properties.length != 0));
			return 0;
		}
		if (class)
			kind = ERROR_HOST;
		reason_add(choice->passed, sizeof(choice->passed), name, why);
	}
	return error_set(e, kind, "cannot use -accel %.100s: %s (-accel tcg works everywhere)",
			 choice->list, choice->passed);
}

int accel_choose(const char *list, struct accel_choice *choice, struct error *e)
{
	memset(choice, 0, sizeof(*choice));
	choice->list = choice->rest = list;
	for (const char *at = list; at; at = strchr(at, ':')) {
		struct word name;
		const struct accel_class *class;

		at += *at == ':';
		name = word_until(at, ",:");
		if (!name.length)
			return error_set(
			    e, ERROR_USAGE,
			    "-accel '%.100s': a name is missing (-accel help lists them)", list);
		class = find(name);
		if (class && properties_check(class, at + name.length, e))
			return -1;
	}
	return choose(choice, ERROR_USAGE, e);
}

int accel_choose_next(struct accel_choice *choice, const char *why, struct error *e)
{
	reason_add(choice->passed, sizeof(choice->passed), word_until(choice->class->name, ""),
		   why);
	choice->class = NULL;
	return choose(choice, ERROR_HOST, e);
}
