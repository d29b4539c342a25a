/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing an accelerator from a list like "kvm:tcg", as QEMU's -accel fallback does. */
#include "emulator/accel/accel.h"

#include <stdio.h>
#include <string.h>

static const struct accel_class *find(const char *name, size_t length)
{
	for (unsigned i = 0; accel_classes[i]; i++) {
		if (strlen(accel_classes[i]->name) == length &&
		    !memcmp(accel_classes[i]->name, name, length))
			return accel_classes[i];
	}
	return NULL;
}

const struct accel_class *accel_choose(const char *list, struct error *e)
{
	char reasons[768] = "";
	size_t used = 0;
	enum error_kind kind = ERROR_USAGE;

	for (const char *name = list; name;) {
		size_t length = strcspn(name, ":");
		const struct accel_class *class = find(name, length);
		const char *why = class ? class->probe() : "not built in";

		if (!why)
			return class;
		if (class)
			kind = ERROR_HOST;
		if (used < sizeof(reasons))
			used += (size_t)snprintf(reasons + used, sizeof(reasons) - used,
						 "%s%.*s: %s", used ? "; " : "",
						 (int)(length > 64 ? 64 : length), name, why);
		name = name[length] ? name + length + 1 : NULL;
	}
	error_set(e, kind, "cannot use -accel %.100s: %s (-accel tcg works everywhere)", list,
		  reasons);
	return NULL;
}
