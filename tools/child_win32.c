/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes on Windows; see child.h. A thread reads each output, since pipes cannot be waited
 * for.
 */
#include "tools/child.h"

#include <process.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#include "emulator/host/os.h"

struct stream {
	HANDLE read, write, thread;
	char *text;
	size_t used;
};

static unsigned __stdcall stream_read(void *opaque)
{
	struct stream *s = opaque;
	char bytes[4096];
	DWORD n;

	while (ReadFile(s->read, bytes, sizeof(bytes), &n, NULL) && n) {
		size_t room = CHILD_TEXT - s->used;
		size_t take = n < room ? n : room;

		memcpy(s->text + s->used, bytes, take);
		s->used += take;
	}
	return 0;
}

static bool stream_open(struct stream *s)
{
	SECURITY_ATTRIBUTES inherit = {.nLength = sizeof(inherit), .bInheritHandle = TRUE};

	s->text = calloc(1, CHILD_TEXT + 1);
	return s->text && CreatePipe(&s->read, &s->write, &inherit, 0) &&
	       SetHandleInformation(s->read, HANDLE_FLAG_INHERIT, 0);
}

static void close_handle(HANDLE *h)
{
	if (*h && *h != INVALID_HANDLE_VALUE)
		CloseHandle(*h);
	*h = NULL;
}

/* One argument as programs take command lines apart: backslashes count before a quote only. */
static size_t quote(char *to, const char *word)
{
	char *at = to;
	size_t slashes = 0;

	*at++ = '"';
	for (; *word; word++) {
		if (*word == '"') {
			memset(at, '\\', slashes + 1);
			at += slashes + 1;
		}
		slashes = *word == '\\' ? slashes + 1 : 0;
		*at++ = *word;
	}
	memset(at, '\\', slashes);
	at += slashes;
	*at++ = '"';
	*at++ = ' ';
	*at = 0;
	return (size_t)(at - to);
}

static wchar_t *wide(const char *text)
{
	int n = MultiByteToWideChar(CP_UTF8, 0, text, -1, NULL, 0);
	wchar_t *out = malloc((size_t)(n > 0 ? n : 1) * sizeof(*out));

	if (out && n > 0)
		MultiByteToWideChar(CP_UTF8, 0, text, -1, out, n);
	return out;
}

static wchar_t *command_line(const char *const argv[])
{
	size_t room = 1;
	char *line, *at;
	wchar_t *out;

	for (unsigned i = 0; argv[i]; i++)
		room += 2 * strlen(argv[i]) + 3;
	line = at = calloc(1, room);
	if (!line)
		return NULL;
	for (unsigned i = 0; argv[i]; i++)
		at += quote(at, argv[i]);
	out = wide(line);
	free(line);
	return out;
}

static bool start(const char *const argv[], struct stream s[2], PROCESS_INFORMATION *p)
{
	SECURITY_ATTRIBUTES inherit = {.nLength = sizeof(inherit), .bInheritHandle = TRUE};
	HANDLE nothing = CreateFileW(L"NUL", GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE,
				     &inherit, OPEN_EXISTING, 0, NULL);
	STARTUPINFOW how = {.cb = sizeof(how),
			    .dwFlags = STARTF_USESTDHANDLES,
			    .hStdInput = nothing,
			    .hStdOutput = s[0].write,
			    .hStdError = s[1].write};
	wchar_t *line = command_line(argv), *path = wide(argv[0]);
	bool good =
	    line && path && CreateProcessW(path, line, NULL, NULL, TRUE, 0, NULL, NULL, &how, p);

	free(line);
	free(path);
	close_handle(&nothing);
	return good;
}

int child_run(const char *const argv[], double seconds, struct child_result *r, struct error *e)
{
	struct stream s[2] = {{.used = 0}, {.used = 0}};
	PROCESS_INFORMATION p = {0};
	bool good = stream_open(&s[0]) && stream_open(&s[1]) && start(argv, s, &p);
	DWORD why = good ? 0 : GetLastError(), status = 0;

	close_handle(&s[0].write);
	close_handle(&s[1].write);
	for (int i = 0; i < 2 && good; i++)
		s[i].thread = (HANDLE)_beginthreadex(NULL, 0, stream_read, &s[i], 0, NULL);
	if (good) {
		*r = (struct child_result){.end = CHILD_EXITED};
		if (WaitForSingleObject(p.hProcess, (DWORD)(seconds * 1000)) == WAIT_TIMEOUT) {
			r->end = CHILD_TIMEOUT;
			TerminateProcess(p.hProcess, 1);
			WaitForSingleObject(p.hProcess, INFINITE);
		}
		GetExitCodeProcess(p.hProcess, &status);
		r->status = status;
		/* An exception that nobody took: 0xC0000005 and such. */
		if (r->end == CHILD_EXITED && status >= 0xc0000000u)
			r->end = CHILD_CRASHED;
		r->out = s[0].text;
		r->err = s[1].text;
	}
	for (int i = 0; i < 2; i++) {
		if (s[i].thread)
			WaitForSingleObject(s[i].thread, INFINITE);
		close_handle(&s[i].thread);
		close_handle(&s[i].read);
	}
	close_handle(&p.hThread);
	close_handle(&p.hProcess);
	if (good)
		return 0;
	free(s[0].text);
	free(s[1].text);
	return error_set(e, ERROR_HOST, "cannot run %s: %s", argv[0], os_error_text(why));
}

const char *child_crash_text(unsigned status)
{
	static char text[40];

	snprintf(text, sizeof(text), "exception 0x%08x", status);
	return text;
}

void child_result_free(struct child_result *r)
{
	free(r->out);
	free(r->err);
	*r = (struct child_result){.end = CHILD_EXITED};
}
