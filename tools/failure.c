/* SPDX-License-Identifier: Apache-2.0 */
/* Reading what a program said when it failed; see failure.h. */
#include "tools/failure.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

/* ---- what kind ---- */

/* Copies a line, with N for each number, which differ from run to run. */
static void copy_text(char to[FAILURE_TEXT], const char *from, const char *until)
{
	size_t length = strcspn(from, until), n = 0;

	for (size_t i = 0; i < length && n + 1 < FAILURE_TEXT;) {
		bool word = i && (isalnum((unsigned char)from[i - 1]) || from[i - 1] == '_');

		if (!word && isdigit((unsigned char)from[i])) {
			to[n++] = 'N';
			while (i < length && (isxdigit((unsigned char)from[i]) || from[i] == 'x'))
				i++;
		} else {
			to[n++] = from[i++];
		}
	}
	to[n] = 0;
}

/* The marks of those who report, from the surest to the vaguest; what follows says what it was. */
static const struct {
	const char *mark, *until;
} reports[] = {
    {"objection: ", "\n"},
    {"fuzz: work: ", "\n"},
    {"Assertion `", "'\n"},
    {"runtime error: ", "\n"},
    {"ERROR: AddressSanitizer: ", " \n"},
    {"WARNING: MemorySanitizer: ", " \n"},
    {"ERROR: libFuzzer: ", "\n"},
};

static void find_kind(struct failure *f, const char *text, const char *end)
{
	const char *line = strncmp(text, "fuzz ", 5) ? strstr(text, "\nfuzz ") : text;
	const char *at;

	/* "fuzz i8254: work: ...", as targets print an objection */
	if (line && (at = strstr(line, ": "))) {
		copy_text(f->kind, at + 2, "\n");
		return;
	}
	for (unsigned i = 0; i < sizeof(reports) / sizeof(*reports); i++) {
		at = strstr(text, reports[i].mark);
		if (!at)
			continue;
		copy_text(f->kind, at + strlen(reports[i].mark), reports[i].until);
		return;
	}
	copy_text(f->kind, end, "\n");
}

/* ---- where ---- */

/* Frames of those who report, and of the C library on the way there. */
static bool is_reporter(const char *name)
{
	static const char *const whole[] = {"raise",        "abort",      "gsignal", "pthread_kill",
					    "judge_object", "judge_call", "on_tick", "memcpy",
					    "memmove",      "memset",     "memcmp",  "objection"};
	static const char *const begin[] = {
	    "__", "fuzzer::", "std::", "(/lib", "(/usr/lib", "_start"};

	for (unsigned i = 0; i < sizeof(whole) / sizeof(*whole); i++)
		if (!strcmp(name, whole[i]))
			return true;
	for (unsigned i = 0; i < sizeof(begin) / sizeof(*begin); i++)
		if (!strncmp(name, begin[i], strlen(begin[i])))
			return true;
	return false;
}

/* Those of the harness and below: how the device was come to. */
static bool is_bottom(const char *name)
{
	return !strncmp(name, "harness_", 8) || !strncmp(name, "inject_", 7) ||
	       !strcmp(name, "exit_run") || !strcmp(name, "access_run") ||
	       !strcmp(name, "boundary") || !strcmp(name, "LLVMFuzzerTestOneInput") ||
	       !strcmp(name, "main");
}

/* "    #3 0x55d2 in i8254_write ../i8254.c:412:3" or "(/path/vcr+0x1234)": a name to compare. */
static bool frame_name(const char *line, char name[FAILURE_TEXT])
{
	const char *in = strstr(line, " in "), *end = strchr(line, '\n');
	const char *module = strchr(line, '(');

	if (in && (!end || in < end)) {
		snprintf(name, FAILURE_TEXT, "%.*s", (int)strcspn(in + 4, " \n"), in + 4);
		return true;
	}
	if (!module || (end && module > end))
		return false;
	snprintf(name, FAILURE_TEXT, "%.*s", (int)strcspn(module, " )\n"), module);
	return true;
}

static void find_frames(struct failure *f, const char *text)
{
	bool begun = false;

	for (const char *line = text; line; line = strchr(line, '\n')) {
		char name[FAILURE_TEXT] = "";

		line += *line == '\n';
		if (line[strspn(line, " ")] != '#') {
			/* The first stack alone: the others say who allocated or freed. */
			if (begun)
				return;
			continue;
		}
		begun = true;
		if (!frame_name(line, name) || (!f->frames && is_reporter(name)))
			continue;
		if (is_bottom(name) || f->frames == FAILURE_FRAMES)
			return;
		memcpy(f->frame[f->frames++], name, sizeof(name));
	}
}

void failure_parse(struct failure *f, const char *text, const char *end)
{
	memset(f, 0, sizeof(*f));
	find_kind(f, text, end);
	find_frames(f, text);
}

bool failure_same(const struct failure *a, const struct failure *b)
{
	bool same = a->frames == b->frames && !strcmp(a->kind, b->kind);

	for (unsigned i = 0; same && i < a->frames; i++)
		same = !strcmp(a->frame[i], b->frame[i]);
	return same;
}

uint64_t failure_hash(const struct failure *f)
{
	uint64_t hash = XXH3_64bits(f->kind, strlen(f->kind));

	for (unsigned i = 0; i < f->frames; i++)
		hash = XXH3_64bits_withSeed(f->frame[i], strlen(f->frame[i]), hash);
	return hash;
}
