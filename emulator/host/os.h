/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operating system, as far as its systems differ: posix.c and win32.c implement this and
 * nothing else of vcr asks which one it runs on (but kvm/, which only Linux has). Threads are
 * those of <pthread.h> on both: mingw-w64 brings them.
 *
 * Paths, arguments and names are UTF-8 on Windows, bytes elsewhere. Files are bytes everywhere,
 * and so are the standard streams: what vcr prints has the same line ends on every system.
 *
 * Calls that fail return -1, NULL or false; os_error() then says why.
 */
#ifndef VCR_HOST_OS_H
#define VCR_HOST_OS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Why the last call of this thread failed, in the system's words, on one line. */
const char *os_error(void);
/* The same for a code of the system's own, an errno or what GetLastError() returned. */
const char *os_error_text(unsigned long code);
/* What the failure was about, where a caller tells a person what to do. */
enum os_failure {
	OS_FAILURE_OTHER,
	OS_FAILURE_NAME, /* there is no such file, or it may not be read */
	OS_FAILURE_FULL, /* no room left on the disk */
};
enum os_failure os_failure(void);

/* ---- the program ---- */

/*
 * The first call of main(): puts UTF-8 arguments in place of main's, makes the standard streams
 * binary, and the console, until the program ends, one of UTF-8 and of escape sequences.
 */
int os_start(int *argc, char ***argv);
/* The path of this program's file, into a buffer of `room` bytes. */
int os_program_path(char *path, size_t room);
/* The host's processor architecture as uname(1) names it: "x86_64". "" where it is not known. */
void os_machine_name(char *name, size_t room);
/* Is a FILE's descriptor (0, 1, 2) a terminal? */
bool os_is_terminal(int descriptor);

/* ---- shared libraries ---- */

/* One of the operating system's own, by name: never a file of the current folder. NULL: none. */
void *os_library_system(const char *name);
/* A file, by its path. */
void *os_library_open(const char *path);
void *os_library_symbol(void *library, const char *name);
void os_library_close(void *library);

/* ---- clocks and chance ---- */

uint64_t os_monotonic_ns(void);
/* Since 1970-01-01 UTC. */
int64_t os_wall_ns(void);
/* By how much local time is ahead of UTC then. */
int64_t os_local_offset_ns(int64_t wall_ns);
int os_entropy(void *buffer, size_t size);

/* ---- memory ---- */

/* Zeros, at a page boundary; pages that are never touched cost nothing. NULL on failure. */
void *os_memory_map(size_t size);
void os_memory_unmap(void *memory, size_t size);
/* The same, for what is filled from its beginning on: in large pages where the host has them. */
void *os_memory_map_large(size_t size);

/*
 * Memory for generated code, mapped twice: written through one address and executed through the
 * other, since systems refuse pages that are both. Zeros at first.
 */
struct os_code {
	uint8_t *writable;
	const uint8_t *executable;
	size_t size; /* as asked for, rounded up to whole pages */
	void *handle;
};
int os_code_map(struct os_code *code, size_t size);
void os_code_unmap(struct os_code *code);
/* Where something written is executed. */
static inline const uint8_t *os_code_executable(const struct os_code *code, const uint8_t *written)
{
	return code->executable + (written - code->writable);
}

/* ---- files ---- */

typedef intptr_t os_file; /* a file descriptor or a HANDLE */
#define OS_FILE_NONE ((os_file)-1)

enum os_file_kind { OS_FILE_REGULAR, OS_FILE_DIRECTORY, OS_FILE_OTHER };

/* For reading. `wait`: a named pipe is opened when it has a writer, else at once and empty. */
os_file os_file_open(const char *path, bool wait);
/* For writing; what was in it is gone. */
os_file os_file_create(const char *path);
int os_file_info(os_file file, enum os_file_kind *kind, uint64_t *size);
/* A file that is there, for writing into it. */
os_file os_file_open_to_write(const char *path);
/* How many bytes; 0 at the end. */
ptrdiff_t os_file_read(os_file file, void *buffer, size_t size);
ptrdiff_t os_file_read_at(os_file file, void *buffer, size_t size, uint64_t offset);
/*
 * How many bytes of them were written; 0 when a signal came or the other end takes none for a
 * while: try again, or give up.
 */
ptrdiff_t os_file_write(os_file file, const void *buffer, size_t size);
ptrdiff_t os_file_write_at(os_file file, const void *buffer, size_t size, uint64_t offset);
/* Network file systems report a full disk here at the latest. */
int os_file_close(os_file file);
os_file os_standard_output(void);

/* ---- standard input ---- */

/*
 * Opens it for one reader thread. A terminal becomes raw until os_input_close(): every key is
 * read as it is pressed, Ctrl-C is a byte, nothing is echoed.
 */
struct os_input;
struct os_input *os_input_open(void);
bool os_input_is_terminal(const struct os_input *input);
/* Waits for bytes; 0 at the end, on failure and after os_input_cancel(). */
size_t os_input_read(struct os_input *input, void *buffer, size_t size);
/* From another thread: the read that waits, and all later ones, return 0. */
void os_input_cancel(struct os_input *input);
void os_input_close(struct os_input *input);

/* ---- being told to stop ---- */

/* From here on SIGINT and SIGTERM, or Ctrl-C and the like of a console, set a flag. */
void os_stop_catch(void);
bool os_stop_requested(void);
/* As it was before os_stop_catch(). */
void os_stop_release(void);

/* ---- threads ---- */

/* pthread_create() of a thread that signals never interrupt. */
int os_thread_start(pthread_t *thread, void *(*run)(void *), void *opaque);

#endif
