/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operating system is Windows; see os.h. Calls are those of the Win32 API, each documented
 * under its name in Microsoft's API reference. Paths and arguments go through their wide forms,
 * so that no code page of the machine can change a name; nothing expands wildcards or backslashes.
 */
#include "emulator/host/os.h"

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <bcrypt.h>
#include <fcntl.h>
#include <io.h>
#include <shellapi.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/host/win32_path.h"

/* ---- errors ---- */

static __thread DWORD failed_with;

static int fail_with(DWORD why)
{
	failed_with = why;
	return -1;
}

/* Before anything that may change the last error. */
static int fail(void)
{
	return fail_with(GetLastError());
}

const char *os_error(void)
{
	return os_error_text(failed_with);
}

const char *os_error_text(unsigned long code)
{
	static __thread char text[512];
	const DWORD flags = FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS |
			    FORMAT_MESSAGE_MAX_WIDTH_MASK; /* no line ends */
	WCHAR wide[256];
	DWORD n;
	int length;

	/* In English, as all of a message is; in the user's language where Windows has no other. */
	n = FormatMessageW(flags, NULL, code, MAKELANGID(LANG_ENGLISH, SUBLANG_ENGLISH_US),
			   wide, 256, NULL);
	if (!n)
		n = FormatMessageW(flags, NULL, code, 0, wide, 256, NULL);
	while (n && (wide[n - 1] == L' ' || wide[n - 1] == L'.'))
		n--;
	length =
	    n ? WideCharToMultiByte(CP_UTF8, 0, wide, (int)n, text, sizeof(text) - 1, NULL, NULL)
	      : 0;
	text[length] = 0;
	if (!length)
		snprintf(text, sizeof(text), "Windows error %lu", code);
	return text;
}

enum os_failure os_failure(void)
{
	switch (failed_with) {
	case ERROR_FILE_NOT_FOUND:
	case ERROR_PATH_NOT_FOUND:
	case ERROR_INVALID_NAME:
	case ERROR_BAD_PATHNAME:
	case ERROR_INVALID_DRIVE:
	case ERROR_ACCESS_DENIED:
		return OS_FAILURE_NAME;
	case ERROR_DISK_FULL:
	case ERROR_HANDLE_DISK_FULL:
		return OS_FAILURE_FULL;
	default:
		return OS_FAILURE_OTHER;
	}
}

/* ---- text ---- */

/* In malloced memory; NULL with the failure set. */
static WCHAR *wide_text(const char *text)
{
	int n = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, NULL, 0);
	WCHAR *wide = n > 0 ? malloc((size_t)n * sizeof(*wide)) : NULL;

	if (!wide) {
		fail_with(n > 0 ? ERROR_NOT_ENOUGH_MEMORY : ERROR_INVALID_NAME);
		return NULL;
	}
	MultiByteToWideChar(CP_UTF8, 0, text, -1, wide, n);
	return wide;
}

static char *utf8_text(const WCHAR *wide)
{
	int n = WideCharToMultiByte(CP_UTF8, 0, wide, -1, NULL, 0, NULL, NULL);
	char *text = n > 0 ? malloc((size_t)n) : NULL;

	if (text)
		WideCharToMultiByte(CP_UTF8, 0, wide, -1, text, n, NULL, NULL);
	else
		fail_with(ERROR_NOT_ENOUGH_MEMORY);
	return text;
}

/* ---- the program ---- */

struct console {
	HANDLE handle;
	DWORD mode;
	bool changed;
};

static struct console consoles[2];
static UINT saved_code_page;
static atomic_bool stop_caught, stop_requested;

static void console_restore(void)
{
	for (int i = 0; i < 2; i++) {
		if (consoles[i].changed)
			SetConsoleMode(consoles[i].handle, consoles[i].mode);
		consoles[i].changed = false;
	}
	if (saved_code_page)
		SetConsoleOutputCP(saved_code_page);
	saved_code_page = 0;
}

/* The console belongs to the shell, too, which wants it back as it was. */
static BOOL WINAPI on_control(DWORD event)
{
	if (!stop_caught) {
		console_restore();
		return FALSE;
	}
	stop_requested = true;
	/* The process is ended when this returns: main() has until then to finish. */
	if (event != CTRL_C_EVENT && event != CTRL_BREAK_EVENT)
		Sleep(10000);
	return TRUE;
}

static void console_start(void)
{
	const DWORD which[2] = {STD_OUTPUT_HANDLE, STD_ERROR_HANDLE};
	bool any = false;

	for (int i = 0; i < 2; i++) {
		struct console *c = &consoles[i];

		c->handle = GetStdHandle(which[i]);
		if (!GetConsoleMode(c->handle, &c->mode))
			continue;
		any = true;
		c->changed = SetConsoleMode(c->handle, c->mode | ENABLE_PROCESSED_OUTPUT |
							   ENABLE_VIRTUAL_TERMINAL_PROCESSING);
	}
	if (any) {
		saved_code_page = GetConsoleOutputCP();
		SetConsoleOutputCP(CP_UTF8);
		atexit(console_restore);
	}
	SetConsoleCtrlHandler(on_control, TRUE);
}

int os_start(int *argc, char ***argv)
{
	int count;
	WCHAR **wide = CommandLineToArgvW(GetCommandLineW(), &count);
	char **text = wide ? calloc((size_t)count + 1, sizeof(*text)) : NULL;

	if (!text)
		return fail_with(ERROR_NOT_ENOUGH_MEMORY);
	for (int i = 0; i < count; i++) {
		text[i] = utf8_text(wide[i]);
		if (!text[i])
			return -1;
	}
	LocalFree(wide);
	*argc = count;
	*argv = text;
	for (int descriptor = 0; descriptor < 3; descriptor++)
		_setmode(descriptor, _O_BINARY);
	console_start();
	return 0;
}

int os_program_path(char *path, size_t room)
{
	WCHAR wide[4096];
	DWORD n = GetModuleFileNameW(NULL, wide, 4096);
	int length;

	if (!n || n == 4096)
		return fail();
	length = WideCharToMultiByte(CP_UTF8, 0, wide, -1, path, (int)room, NULL, NULL);
	return length > 0 ? 0 : fail();
}

void os_machine_name(char *name, size_t room)
{
	SYSTEM_INFO info;

	GetNativeSystemInfo(&info);
	switch (info.wProcessorArchitecture) {
	case PROCESSOR_ARCHITECTURE_AMD64:
		snprintf(name, room, "x86_64");
		break;
	case PROCESSOR_ARCHITECTURE_ARM64:
		snprintf(name, room, "aarch64");
		break;
	default:
		snprintf(name, room, "%s", "");
	}
}

bool os_is_terminal(int descriptor)
{
	const DWORD which[3] = {STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE};
	DWORD mode;

	return descriptor >= 0 && descriptor < 3 &&
	       GetConsoleMode(GetStdHandle(which[descriptor]), &mode);
}

/* ---- clocks and chance ---- */

uint64_t os_monotonic_ns(void)
{
	LARGE_INTEGER now, hz;
	uint64_t n, f;

	QueryPerformanceFrequency(&hz);
	QueryPerformanceCounter(&now);
	n = (uint64_t)now.QuadPart;
	f = (uint64_t)hz.QuadPart;
	return n / f * 1000000000 + n % f * 1000000000 / f;
}

/* FILETIME counts 100 ns since 1601-01-01 UTC. */
#define EPOCH_1970 116444736000000000ll

static int64_t filetime_ns(const FILETIME *t)
{
	return ((int64_t)((uint64_t)t->dwHighDateTime << 32 | t->dwLowDateTime) - EPOCH_1970) * 100;
}

int64_t os_wall_ns(void)
{
	FILETIME t;

	GetSystemTimePreciseAsFileTime(&t);
	return filetime_ns(&t);
}

int64_t os_local_offset_ns(int64_t wall_ns)
{
	/* Whole seconds: a SYSTEMTIME has no more than milliseconds. */
	int64_t utc_ns = wall_ns - wall_ns % 1000000000;
	uint64_t ticks = (uint64_t)(utc_ns / 100 + EPOCH_1970);
	FILETIME t = {.dwLowDateTime = (DWORD)ticks, .dwHighDateTime = (DWORD)(ticks >> 32)};
	SYSTEMTIME utc, local;

	if (!FileTimeToSystemTime(&t, &utc) ||
	    !SystemTimeToTzSpecificLocalTime(NULL, &utc, &local) ||
	    !SystemTimeToFileTime(&local, &t))
		return 0;
	return filetime_ns(&t) - utc_ns;
}

int os_entropy(void *buffer, size_t size)
{
	uint8_t *at = buffer;

	while (size) {
		ULONG n = size < 1u << 20 ? (ULONG)size : 1u << 20;

		if (BCryptGenRandom(NULL, at, n, BCRYPT_USE_SYSTEM_PREFERRED_RNG))
			return fail_with(ERROR_GEN_FAILURE);
		at += n;
		size -= n;
	}
	return 0;
}

/* ---- memory ---- */

void *os_memory_map(size_t size)
{
	void *p = VirtualAlloc(NULL, size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);

	if (!p)
		fail();
	return p;
}

void os_memory_unmap(void *memory, size_t size)
{
	VirtualFree(memory, 0, MEM_RELEASE);
}

/* Large pages are for those whom the administrator allows to lock memory. */
void *os_memory_map_large(size_t size)
{
	return os_memory_map(size);
}

int os_code_map(struct os_code *code, size_t size)
{
	SYSTEM_INFO info;
	HANDLE mapping;
	void *writable, *executable;

	GetSystemInfo(&info);
	size = (size + info.dwPageSize - 1) & ~((size_t)info.dwPageSize - 1);
	mapping = CreateFileMappingW(INVALID_HANDLE_VALUE, NULL, PAGE_EXECUTE_READWRITE,
				     (DWORD)((uint64_t)size >> 32), (DWORD)size, NULL);
	if (!mapping)
		return fail();
	writable = MapViewOfFile(mapping, FILE_MAP_READ | FILE_MAP_WRITE, 0, 0, size);
	executable =
	    writable ? MapViewOfFile(mapping, FILE_MAP_READ | FILE_MAP_EXECUTE, 0, 0, size) : NULL;
	if (!executable) {
		fail();
		if (writable)
			UnmapViewOfFile(writable);
		CloseHandle(mapping);
		return -1;
	}
	*code = (struct os_code){
	    .writable = writable, .executable = executable, .size = size, .handle = mapping};
	return 0;
}

void os_code_unmap(struct os_code *code)
{
	if (!code->size)
		return;
	UnmapViewOfFile(code->executable);
	UnmapViewOfFile(code->writable);
	CloseHandle(code->handle);
	memset(code, 0, sizeof(*code));
}

/* ---- files ---- */

#define PIECE (1u << 30) /* one call reads or writes at most so much */

static bool folder_exists(const char *path)
{
	WCHAR *wide = wide_text(path);
	DWORD attributes = wide ? GetFileAttributesW(wide) : INVALID_FILE_ATTRIBUTES;

	free(wide);
	return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY);
}

/* Names of 260 and more characters are taken in full and marked only (Maximum Path Length). */
static WCHAR *wide_path_long(WCHAR *wide)
{
	DWORD room = GetFullPathNameW(wide, 0, NULL, NULL) + 8, n;
	WCHAR *full = malloc(room * sizeof(*full));

	if (!full) {
		free(wide);
		fail_with(ERROR_NOT_ENOUGH_MEMORY);
		return NULL;
	}
	memcpy(full, L"\\\\?\\", 4 * sizeof(*full));
	n = GetFullPathNameW(wide, room - 4, full + 4, NULL);
	if (full[4] == L'\\' && full[5] == L'\\') {
		/* \\server\share is \\?\UNC\server\share */
		memmove(full + 8, full + 6, (n - 1) * sizeof(*full));
		memcpy(full + 4, L"UNC\\", 4 * sizeof(*full));
	}
	free(wide);
	return full;
}

static WCHAR *wide_path(const char *path)
{
	char native[WIN32_PATH_DRIVE_MAX];
	WCHAR *wide;
	size_t length;

	if (win32_path_names_drive(path, native) && !folder_exists(native)) {
		char *drive = malloc(strlen(path) + 2);

		if (!drive) {
			fail_with(ERROR_NOT_ENOUGH_MEMORY);
			return NULL;
		}
		win32_path_on_drive(path, drive);
		wide = wide_text(drive);
		free(drive);
	} else {
		wide = wide_text(path);
	}
	length = wide ? wcslen(wide) : 0;
	return length >= MAX_PATH - 12 && wcsncmp(wide, L"\\\\?\\", 4) ? wide_path_long(wide)
								       : wide;
}

static os_file file_open(const char *path, DWORD access, DWORD share, DWORD how, DWORD flags)
{
	WCHAR *wide = wide_path(path);
	HANDLE h;

	if (!wide)
		return OS_FILE_NONE;
	h = CreateFileW(wide, access, share, NULL, how, flags, NULL);
	if (h == INVALID_HANDLE_VALUE)
		fail();
	free(wide);
	return (os_file)h;
}

os_file os_file_open(const char *path, bool wait)
{
	/* With this flag directories, too, so that they can be named as such. */
	return file_open(path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
			 OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS);
}

os_file os_file_create(const char *path)
{
	return file_open(path, GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_DELETE, CREATE_ALWAYS,
			 FILE_ATTRIBUTE_NORMAL);
}

os_file os_file_open_to_write(const char *path)
{
	return file_open(path, GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_DELETE, OPEN_EXISTING,
			 FILE_ATTRIBUTE_NORMAL);
}

int os_file_info(os_file file, enum os_file_kind *kind, uint64_t *size)
{
	BY_HANDLE_FILE_INFORMATION info;

	*kind = OS_FILE_OTHER;
	*size = 0;
	if (GetFileType((HANDLE)file) != FILE_TYPE_DISK)
		return 0;
	if (!GetFileInformationByHandle((HANDLE)file, &info))
		return fail();
	*kind =
	    info.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY ? OS_FILE_DIRECTORY : OS_FILE_REGULAR;
	*size = (uint64_t)info.nFileSizeHigh << 32 | info.nFileSizeLow;
	return 0;
}

static ptrdiff_t file_read(os_file file, void *buffer, size_t size, OVERLAPPED *at)
{
	DWORD n = 0;

	if (ReadFile((HANDLE)file, buffer, size < PIECE ? (DWORD)size : PIECE, &n, at))
		return n;
	fail();
	return failed_with == ERROR_BROKEN_PIPE || failed_with == ERROR_HANDLE_EOF ? 0 : -1;
}

ptrdiff_t os_file_read(os_file file, void *buffer, size_t size)
{
	return file_read(file, buffer, size, NULL);
}

ptrdiff_t os_file_read_at(os_file file, void *buffer, size_t size, uint64_t offset)
{
	OVERLAPPED at = {.Offset = (DWORD)offset, .OffsetHigh = (DWORD)(offset >> 32)};

	return file_read(file, buffer, size, &at);
}

static ptrdiff_t file_write(os_file file, const void *buffer, size_t size, OVERLAPPED *at)
{
	DWORD n = 0;

	if (!WriteFile((HANDLE)file, buffer, size < PIECE ? (DWORD)size : PIECE, &n, at))
		return fail();
	if (!n)
		Sleep(10); /* a pipe that does not block, and is full */
	return n;
}

ptrdiff_t os_file_write(os_file file, const void *buffer, size_t size)
{
	return file_write(file, buffer, size, NULL);
}

ptrdiff_t os_file_write_at(os_file file, const void *buffer, size_t size, uint64_t offset)
{
	OVERLAPPED at = {.Offset = (DWORD)offset, .OffsetHigh = (DWORD)(offset >> 32)};

	return file_write(file, buffer, size, &at);
}

int os_file_close(os_file file)
{
	return CloseHandle((HANDLE)file) ? 0 : fail();
}

os_file os_standard_output(void)
{
	return (os_file)GetStdHandle(STD_OUTPUT_HANDLE);
}

/* ---- standard input ---- */

/*
 * A console is waited for together with the order to stop. Anything else is read by a thread of its
 * own, since no read of a pipe can be relied on to be interrupted (under wine none can): if need be
 * it is left behind, and what both know lives until the last of them lets go.
 */
struct os_input {
	HANDLE in, cancelled;
	bool console;
	DWORD saved_mode;
	WCHAR high; /* the first half of a surrogate pair */

	LONG owners;
	HANDLE thread, filled, emptied;
	size_t count;       /* of bytes; both are the thread's until it says filled, and again */
	uint8_t bytes[512]; /* when it is told emptied */
	size_t have, taken; /* the reader's */
	bool ended;
};

static void input_release(struct os_input *input)
{
	const HANDLE handle[] = {input->cancelled, input->thread, input->filled, input->emptied};

	if (InterlockedDecrement(&input->owners))
		return;
	for (size_t i = 0; i < sizeof(handle) / sizeof(handle[0]); i++) {
		if (handle[i])
			CloseHandle(handle[i]);
	}
	free(input);
}

static DWORD WINAPI input_thread(void *opaque)
{
	struct os_input *input = opaque;
	const HANDLE either[2] = {input->cancelled, input->emptied};
	DWORD n;

	do {
		if (!ReadFile(input->in, input->bytes, sizeof(input->bytes), &n, NULL))
			n = 0;
		input->count = n;
		SetEvent(input->filled);
	} while (n && WaitForMultipleObjects(2, either, FALSE, INFINITE) == WAIT_OBJECT_0 + 1);
	input_release(input);
	return 0;
}

static bool input_start(struct os_input *input)
{
	input->cancelled = CreateEventW(NULL, TRUE, FALSE, NULL);
	if (!input->cancelled)
		return false;
	input->in = GetStdHandle(STD_INPUT_HANDLE);
	/* Windows before 10 knows no sequences for arrow keys: they are not sent then. */
	input->console = GetConsoleMode(input->in, &input->saved_mode) &&
			 (SetConsoleMode(input->in, ENABLE_VIRTUAL_TERMINAL_INPUT) ||
			  SetConsoleMode(input->in, 0));
	if (input->console)
		return true;
	input->filled = CreateEventW(NULL, FALSE, FALSE, NULL);
	input->emptied = CreateEventW(NULL, FALSE, FALSE, NULL);
	if (!input->filled || !input->emptied)
		return false;
	input->owners++;
	input->thread = CreateThread(NULL, 0, input_thread, input, 0, NULL);
	if (!input->thread)
		input->owners--;
	return input->thread;
}

struct os_input *os_input_open(void)
{
	struct os_input *input = calloc(1, sizeof(*input));

	if (!input) {
		fail_with(ERROR_NOT_ENOUGH_MEMORY);
		return NULL;
	}
	input->owners = 1;
	if (input_start(input))
		return input;
	fail();
	input_release(input);
	return NULL;
}

bool os_input_is_terminal(const struct os_input *input)
{
	return input->console;
}

/* Adds a key's character as UTF-8; returns how many bytes. */
static size_t put_key(struct os_input *input, const KEY_EVENT_RECORD *key, char *out)
{
	WCHAR c = key->uChar.UnicodeChar, both[2] = {input->high, c};
	int n;

	/* Alt and digits give a character when Alt is let go. */
	if (!c || (!key->bKeyDown && key->wVirtualKeyCode != VK_MENU))
		return 0;
	input->high = IS_HIGH_SURROGATE(c) ? c : 0;
	if (input->high)
		return 0;
	n = IS_LOW_SURROGATE(c) && both[0]
		? WideCharToMultiByte(CP_UTF8, 0, both, 2, out, 4, NULL, NULL)
		: WideCharToMultiByte(CP_UTF8, 0, &c, 1, out, 4, NULL, NULL);
	return n > 0 ? (size_t)n : 0;
}

static size_t console_read(struct os_input *input, char *buffer, size_t size)
{
	const HANDLE either[2] = {input->cancelled, input->in};
	INPUT_RECORD record[32];
	size_t used = 0;
	DWORD n, most = size / 4 < 32 ? (DWORD)(size / 4) : 32;

	while (!used) {
		if (WaitForMultipleObjects(2, either, FALSE, INFINITE) != WAIT_OBJECT_0 + 1 ||
		    !ReadConsoleInputW(input->in, record, most, &n))
			return 0;
		for (DWORD i = 0; i < n; i++) {
			if (record[i].EventType == KEY_EVENT)
				used += put_key(input, &record[i].Event.KeyEvent, buffer + used);
		}
	}
	return used;
}

size_t os_input_read(struct os_input *input, void *buffer, size_t size)
{
	const HANDLE either[2] = {input->cancelled, input->filled};
	size_t n;

	if (input->console)
		return console_read(input, buffer, size);
	if (input->ended)
		return 0;
	if (input->taken == input->have) {
		if (WaitForMultipleObjects(2, either, FALSE, INFINITE) != WAIT_OBJECT_0 + 1)
			return 0;
		input->have = input->count;
		input->taken = 0;
	}
	n = input->have - input->taken < size ? input->have - input->taken : size;
	memcpy(buffer, input->bytes + input->taken, n);
	input->taken += n;
	input->ended = !n;
	if (n && input->taken == input->have)
		SetEvent(input->emptied);
	return n;
}

void os_input_cancel(struct os_input *input)
{
	SetEvent(input->cancelled);
}

void os_input_close(struct os_input *input)
{
	if (!input)
		return;
	if (input->console)
		SetConsoleMode(input->in, input->saved_mode);
	SetEvent(input->cancelled);
	if (input->thread) {
		/* Mostly it ends now; better not in the middle of the process's own end. */
		CancelSynchronousIo(input->thread);
		WaitForSingleObject(input->thread, 50);
	}
	input_release(input);
}

/* ---- being told to stop ---- */

void os_stop_catch(void)
{
	stop_requested = false;
	stop_caught = true;
}

bool os_stop_requested(void)
{
	return atomic_load_explicit(&stop_requested, memory_order_relaxed);
}

void os_stop_release(void)
{
	stop_caught = false;
}

/* ---- shared libraries ---- */

void *os_library_system(const char *name)
{
	return LoadLibraryExA(name, NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
}

void *os_library_open(const char *path)
{
	WCHAR *wide = wide_path(path);
	void *library = wide ? LoadLibraryExW(wide, NULL, LOAD_WITH_ALTERED_SEARCH_PATH) : NULL;

	free(wide);
	return library;
}

void *os_library_symbol(void *library, const char *name)
{
	FARPROC address = GetProcAddress(library, name);
	void *symbol;

	memcpy(&symbol, &address, sizeof(symbol));
	return symbol;
}

void os_library_close(void *library)
{
	if (library)
		FreeLibrary(library);
}

/* ---- threads ---- */

int os_thread_start(pthread_t *thread, void *(*run)(void *), void *opaque)
{
	return pthread_create(thread, NULL, run, opaque) ? fail_with(ERROR_MAX_THRDS_REACHED) : 0;
}
