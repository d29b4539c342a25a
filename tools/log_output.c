/* SPDX-License-Identifier: Apache-2.0 */
/* Where the lines of -d go; see log_output.h. */
#include "tools/log_output.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const struct {
	enum log_item item;
	const char *name, *what;
} items[] = {
    {LOG_IN_ASM, "in_asm", "guest code of each block that is translated"},
    {LOG_IR, "ir", "its intermediate representation"},
    {LOG_OUT_ASM, "out_asm", "its host code"},
    {LOG_EXEC, "exec", "each translated block that is entered"},
    {LOG_CHECK, "check", "at the end, how much the self-check has compared"},
};
#define ITEMS (sizeof(items) / sizeof(items[0]))

static unsigned item_find(const char *name, size_t length)
{
	for (unsigned i = 0; i < ITEMS; i++) {
		if (strlen(items[i].name) == length && !memcmp(items[i].name, name, length))
			return items[i].item;
	}
	return 0;
}

int log_items_parse(struct log *l, const char *text, struct error *e)
{
	if (!strcmp(text, "help") || !strcmp(text, "?")) {
		for (unsigned i = 0; i < ITEMS; i++)
			printf("%-10s %s\n", items[i].name, items[i].what);
		return 1;
	}
	for (;;) {
		size_t length = strcspn(text, ",");
		unsigned item = item_find(text, length);

		if (!item)
			return error_set(e, ERROR_USAGE,
					 "-d: unknown item '%.*s' (-d help lists them)",
					 length < 60 ? (int)length : 60, text);
		l->items |= item;
		if (!text[length])
			return 0;
		text += length + 1;
	}
}

static int open_file(FILE **file, const char *path, struct error *e)
{
	if (*file)
		fclose(*file);
	*file = fopen(path, "w");
	if (!*file)
		return error_set(e, ERROR_HOST, "%.200s: %s (it is to be written)", path,
				 strerror(errno));
	return 0;
}

int log_output_file(struct log_output *o, const char *path, struct error *e)
{
	return open_file(&o->file, path, e);
}

int log_output_perfmap(struct log_output *o, struct log *l, struct error *e)
{
	char path[64];

	snprintf(path, sizeof(path), "/tmp/perf-%ld.map", (long)getpid());
	l->items |= LOG_PERFMAP;
	return open_file(&o->perfmap, path, e);
}

void log_output_write(void *opaque, enum log_item item, const char *line)
{
	struct log_output *o = opaque;
	FILE *file = item == LOG_PERFMAP ? o->perfmap : o->file;

	fprintf(file ? file : stderr, "%s\n", line);
}

void log_output_close(struct log_output *o)
{
	if (o->file)
		fclose(o->file);
	if (o->perfmap)
		fclose(o->perfmap);
	memset(o, 0, sizeof(*o));
}
