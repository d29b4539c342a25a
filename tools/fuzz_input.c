/* SPDX-License-Identifier: Apache-2.0 */
/* Reading fuzz inputs; see fuzz_input.h. */
#include "tools/fuzz_input.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "replay/trace/format.h"

/* No input is longer, even with each operation as long as one can be. */
#define INPUT_MAX     ((size_t)OP_COUNT * OP_ENCODED)
#define LINE_MAX_TEXT 1024

/* ---- targets ---- */

bool fuzz_target_known(const char *name)
{
	const char *known;

	for (unsigned n = 0; (known = harness_target_name(n)); n++)
		if (!strcmp(known, name))
			return true;
	return false;
}

int fuzz_target_check(const char *name, struct error *e)
{
	if (fuzz_target_known(name))
		return 0;
	return error_set(e, ERROR_USAGE,
			 "%.80s is no target whose inputs are operations (board, pci, or a device "
			 "class with _ for -, as i8254)",
			 name);
}

/* "i8254" of ".../i8254/FILE"; "" when there is none. */
static void target_of_path(const char *path, char name[TARGET_NAME])
{
	char whole[PATH_MAX];
	char *slash;

	name[0] = 0;
	if (!realpath(path, whole))
		return;
	slash = strrchr(whole, '/');
	if (!slash)
		return;
	*slash = 0;
	slash = strrchr(whole, '/');
	if (slash && strlen(slash + 1) < TARGET_NAME)
		memcpy(name, slash + 1, strlen(slash + 1) + 1);
}

static int find_target(struct fuzz_input *in, const char *path, const char *target, struct error *e)
{
	if (target) {
		if (fuzz_target_check(target, e))
			return -1;
		snprintf(in->target, sizeof(in->target), "%s", target);
		return 0;
	}
	target_of_path(path, in->target);
	if (fuzz_target_known(in->target))
		return 0;
	return error_set(e, ERROR_USAGE,
			 "%s: which target is it for? Its folder is not named after one whose "
			 "inputs are operations (give --target NAME: board, pci, i8254 ...)",
			 path);
}

/* ---- files ---- */

static int read_whole(struct fuzz_input *in, const char *path, struct error *e)
{
	FILE *f;
	struct stat st;

	if (stat(path, &st))
		return error_set(e, ERROR_USAGE, "%s: %s", path, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return error_set(e, ERROR_USAGE,
				 "%s: is a folder, and no fuzz input (give one of its files)",
				 path);
	f = fopen(path, "rb");
	if (!f)
		return error_set(e, ERROR_USAGE, "%s: %s", path, strerror(errno));
	in->data = malloc(INPUT_MAX + 1);
	if (in->data)
		in->size = fread(in->data, 1, INPUT_MAX + 1, f);
	if (!in->data || ferror(f)) {
		error_set(e, ERROR_HOST, "%s: %s", path,
			  in->data ? strerror(errno) : "out of memory");
		fclose(f);
		return -1;
	}
	fclose(f);
	/* A string, should it be text; what fills all the room is refused below. */
	if (in->size <= INPUT_MAX)
		in->data[in->size] = 0;
	return 0;
}

int fuzz_file_write(const char *path, const void *data, size_t size, struct error *e)
{
	FILE *f = fopen(path, "wb");
	struct stat st;
	bool good;
	int why;

	if (!f)
		return error_set(e, ERROR_HOST, "cannot write %s: %s", path, strerror(errno));
	good = fwrite(data, 1, size, f) == size;
	good = !fclose(f) && good;
	if (good)
		return 0;
	why = errno;
	/* A part of it would be another input. */
	if (!stat(path, &st) && S_ISREG(st.st_mode))
		remove(path);
	return error_set(e, ERROR_HOST, "cannot write %s: %s", path, strerror(why));
}

/* ---- what is an input ---- */

static bool is_text(const struct fuzz_input *in)
{
	for (size_t i = 0; i < in->size; i++) {
		uint8_t c = in->data[i];

		if (c >= 0x7f || (c < 0x20 && c != '\t' && c != '\n' && c != '\r'))
			return false;
	}
	return true;
}

/* Makes bytes of text. */
static int parse_text(struct fuzz_input *in, const char *path, struct error *e)
{
	struct harness *h = harness_open(in->target, NULL, e);
	uint8_t *out = malloc(in->size + OP_ENCODED), *larger;
	size_t used = 0, room = in->size + OP_ENCODED;
	const char *at = (const char *)in->data, *end = at + in->size;
	int parsed = h ? 0 : -1;

	if (h && !out)
		parsed = error_set(e, ERROR_HOST, "out of memory");
	for (unsigned line = 1; parsed >= 0 && at < end; line++) {
		char text[LINE_MAX_TEXT];
		size_t length = strcspn(at, "\n");
		struct op op;
		struct error why = {0};

		snprintf(text, sizeof(text), "%.*s",
			 (int)(length < sizeof(text) ? length : sizeof(text)), at);
		at += length + (at + length < end);
		parsed = op_parse(text, harness_regions(h), &op, &why);
		if (parsed < 0)
			error_set(e, ERROR_USAGE, "%s: is no fuzz input: line %u: %s", path, line,
				  why.text);
		if (parsed <= 0)
			continue;
		if (room - used < OP_ENCODED) {
			room *= 2;
			larger = realloc(out, room);
			if (!larger) {
				parsed = error_set(e, ERROR_HOST, "out of memory");
				break;
			}
			out = larger;
		}
		used += op_encode(&op, out + used);
	}
	harness_close(h);
	if (parsed < 0) {
		free(out);
		return -1;
	}
	free(in->data);
	in->data = out;
	in->size = used;
	return 0;
}

static unsigned count_ops(const struct fuzz_input *in)
{
	struct op_reader r = op_reader_start(in->data, in->size);
	unsigned n = 0;

	while (op_skip(&r))
		n++;
	return n;
}

static int check_bytes(const struct fuzz_input *in, const char *path, struct error *e)
{
	static const struct {
		const char *magic;
		size_t size;
		const char *what;
	} others[] = {
	    {FILE_MAGIC, 8, "a trace (vcr export makes inputs of it)"},
	    {"\x7f"
	     "ELF",
	     4, "an ELF file"},
	    {"\x1f\x8b", 2, "compressed with gzip"},
	    {"\x28\xb5\x2f\xfd", 4, "compressed with zstd"},
	};

	if (!in->size)
		return error_set(e, ERROR_USAGE, "%s: is empty, and no fuzz input", path);
	for (unsigned i = 0; i < sizeof(others) / sizeof(*others); i++) {
		if (in->size >= others[i].size &&
		    !memcmp(in->data, others[i].magic, others[i].size))
			return error_set(e, ERROR_USAGE, "%s: is %s, and no fuzz input", path,
					 others[i].what);
	}
	if (in->size > INPUT_MAX)
		return error_set(e, ERROR_USAGE,
				 "%s: is larger than a fuzz input can be (%zu bytes)", path,
				 INPUT_MAX);
	return 0;
}

int fuzz_input_load(struct fuzz_input *in, const char *path, const char *target, struct error *e)
{
	*in = (struct fuzz_input){0};
	if (read_whole(in, path, e) || check_bytes(in, path, e) ||
	    find_target(in, path, target, e) || (is_text(in) && parse_text(in, path, e))) {
		fuzz_input_free(in);
		return -1;
	}
	in->ops = count_ops(in);
	if (in->ops)
		return 0;
	fuzz_input_free(in);
	return error_set(e, ERROR_USAGE,
			 "%s: is no fuzz input: there is no operation in it (fuzz/README.md has "
			 "the format)",
			 path);
}

void fuzz_input_free(struct fuzz_input *in)
{
	free(in->data);
	in->data = NULL;
}

/* ---- operations ---- */

struct op *fuzz_input_ops(const uint8_t *data, size_t size, unsigned *count)
{
	struct op_reader r = op_reader_start(data, size);
	struct op *ops;
	unsigned n = 0;

	while (n < OP_COUNT && op_skip(&r))
		n++;
	ops = calloc(n + 1, sizeof(*ops));
	if (!ops)
		return NULL;
	r = op_reader_start(data, size);
	for (unsigned i = 0; i < n; i++)
		op_next(&r, &ops[i]);
	*count = n;
	return ops;
}

uint8_t *fuzz_ops_encode(const struct op *ops, unsigned count, size_t *size)
{
	uint8_t *data = malloc((size_t)count * OP_ENCODED + 1);

	*size = 0;
	for (unsigned i = 0; data && i < count; i++)
		*size += op_encode(&ops[i], data + *size);
	return data;
}
