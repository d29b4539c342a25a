/* SPDX-License-Identifier: Apache-2.0 */
/* The operating system is Linux or another POSIX one; see os.h. */
#include "emulator/host/os.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

const char *os_error(void)
{
	return strerror(errno);
}

const char *os_error_text(unsigned long code)
{
	return strerror((int)code);
}

enum os_failure os_failure(void)
{
	switch (errno) {
	case ENOENT:
	case ENOTDIR:
	case EACCES:
		return OS_FAILURE_NAME;
	case ENOSPC:
		return OS_FAILURE_FULL;
	default:
		return OS_FAILURE_OTHER;
	}
}

/* ---- the program ---- */

int os_start(int *argc, char ***argv)
{
	return 0;
}

int os_program_path(char *path, size_t room)
{
	ssize_t length = readlink("/proc/self/exe", path, room - 1);

	if (length <= 0)
		return -1;
	path[length] = 0;
	return 0;
}

void *os_library_system(const char *name)
{
	return strchr(name, '/') ? NULL : dlopen(name, RTLD_NOW | RTLD_LOCAL);
}

void *os_library_open(const char *path)
{
	/* Without a slash it would be looked for elsewhere too. */
	return strchr(path, '/') ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
}

void *os_library_symbol(void *library, const char *name)
{
	return dlsym(library, name);
}

void os_library_close(void *library)
{
	if (library)
		dlclose(library);
}

void os_machine_name(char *name, size_t room)
{
	struct utsname u;

	snprintf(name, room, "%s", uname(&u) ? "" : u.machine);
}

bool os_is_terminal(int descriptor)
{
	return isatty(descriptor);
}

/* ---- clocks and chance ---- */

static int64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

uint64_t os_monotonic_ns(void)
{
	return (uint64_t)clock_ns(CLOCK_MONOTONIC);
}

int64_t os_wall_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

int64_t os_local_offset_ns(int64_t wall_ns)
{
	time_t seconds = (time_t)(wall_ns / 1000000000);
	struct tm local;

	return localtime_r(&seconds, &local) ? (int64_t)local.tm_gmtoff * 1000000000 : 0;
}

int os_entropy(void *buffer, size_t size)
{
	uint8_t *at = buffer;

	while (size) {
		ssize_t n = getrandom(at, size, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

/* ---- memory ---- */

void *os_memory_map(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

void os_memory_unmap(void *memory, size_t size)
{
	munmap(memory, size);
}

void *os_memory_map_large(size_t size)
{
	void *p = os_memory_map(size);

#ifdef MADV_HUGEPAGE
	if (p)
		(void)madvise(p, size, MADV_HUGEPAGE); /* a wish, which may be in vain */
#endif
	return p;
}

int os_code_map(struct os_code *code, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *writable = MAP_FAILED, *executable = MAP_FAILED;
	int fd = memfd_create("code", MFD_CLOEXEC), why;

	if (fd < 0)
		return -1;
	size = (size + page - 1) & ~(page - 1);
	if (!ftruncate(fd, (off_t)size))
		writable = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (writable != MAP_FAILED)
		executable = mmap(NULL, size, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	why = errno;
	close(fd);
	if (executable == MAP_FAILED) {
		if (writable != MAP_FAILED)
			munmap(writable, size);
		errno = why;
		return -1;
	}
	*code = (struct os_code){.writable = writable, .executable = executable, .size = size};
	return 0;
}

void os_code_unmap(struct os_code *code)
{
	if (!code->size)
		return;
	munmap(code->writable, code->size);
	munmap((void *)code->executable, code->size);
	memset(code, 0, sizeof(*code));
}

/* ---- files ---- */

os_file os_file_open(const char *path, bool wait)
{
	return open(path, O_RDONLY | O_CLOEXEC | (wait ? 0 : O_NONBLOCK));
}

os_file os_file_create(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
}

os_file os_file_open_to_write(const char *path)
{
	return open(path, O_WRONLY | O_CLOEXEC);
}

int os_file_info(os_file file, enum os_file_kind *kind, uint64_t *size)
{
	struct stat st;

	if (fstat((int)file, &st))
		return -1;
	*kind = S_ISREG(st.st_mode)   ? OS_FILE_REGULAR
		: S_ISDIR(st.st_mode) ? OS_FILE_DIRECTORY
				      : OS_FILE_OTHER;
	*size = (uint64_t)st.st_size;
	return 0;
}

ptrdiff_t os_file_read(os_file file, void *buffer, size_t size)
{
	ssize_t n;

	do {
		n = read((int)file, buffer, size);
	} while (n < 0 && errno == EINTR);
	return n;
}

ptrdiff_t os_file_read_at(os_file file, void *buffer, size_t size, uint64_t offset)
{
	ssize_t n;

	do {
		n = pread((int)file, buffer, size, (off_t)offset);
	} while (n < 0 && errno == EINTR);
	return n;
}

static ptrdiff_t written(os_file file, ssize_t n)
{
	if (n < 0 && errno == EAGAIN) {
		struct pollfd p = {.fd = (int)file, .events = POLLOUT};

		poll(&p, 1, 1000);
		return 0;
	}
	if (n < 0 && errno == EINTR)
		return 0;
	if (n == 0)
		errno = EIO;
	return n > 0 ? n : -1;
}

ptrdiff_t os_file_write(os_file file, const void *buffer, size_t size)
{
	return written(file, write((int)file, buffer, size));
}

ptrdiff_t os_file_write_at(os_file file, const void *buffer, size_t size, uint64_t offset)
{
	return written(file, pwrite((int)file, buffer, size, (off_t)offset));
}

int os_file_close(os_file file)
{
	return close((int)file);
}

os_file os_standard_output(void)
{
	return STDOUT_FILENO;
}

/* ---- standard input ---- */

struct os_input {
	int wake_pipe[2]; /* closing the write end ends the read */
	bool terminal;
	struct termios saved;
};

static void terminal_raw(struct os_input *input)
{
	struct termios raw;

	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &input->saved))
		return;
	raw = input->saved;
	raw.c_iflag &=
	    ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
	raw.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	raw.c_cflag = (raw.c_cflag & ~(tcflag_t)(CSIZE | PARENB)) | CS8;
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	input->terminal = !tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

struct os_input *os_input_open(void)
{
	struct os_input *input = calloc(1, sizeof(*input));

	if (!input)
		return NULL;
	if (pipe(input->wake_pipe)) {
		free(input);
		return NULL;
	}
	terminal_raw(input);
	return input;
}

bool os_input_is_terminal(const struct os_input *input)
{
	return input->terminal;
}

size_t os_input_read(struct os_input *input, void *buffer, size_t size)
{
	for (;;) {
		struct pollfd p[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
				      {.fd = input->wake_pipe[0], .events = POLLIN}};
		ssize_t n;

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return 0;
		if (p[1].revents)
			return 0;
		if (!p[0].revents)
			continue;
		n = read(STDIN_FILENO, buffer, size);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		return n > 0 ? (size_t)n : 0;
	}
}

void os_input_cancel(struct os_input *input)
{
	close(input->wake_pipe[1]);
	input->wake_pipe[1] = -1;
}

void os_input_close(struct os_input *input)
{
	if (!input)
		return;
	if (input->terminal)
		tcsetattr(STDIN_FILENO, TCSANOW, &input->saved);
	for (int i = 0; i < 2; i++) {
		if (input->wake_pipe[i] >= 0)
			close(input->wake_pipe[i]);
	}
	free(input);
}

/* ---- being told to stop ---- */

static volatile sig_atomic_t stop_signal;
static struct sigaction saved_int, saved_term;

static void on_signal(int number)
{
	stop_signal = number;
}

void os_stop_catch(void)
{
	struct sigaction action = {.sa_handler = on_signal};

	stop_signal = 0;
	sigaction(SIGINT, &action, &saved_int);
	sigaction(SIGTERM, &action, &saved_term);
	/* A closed pipe is a failed write, and not the end of the process. */
	signal(SIGPIPE, SIG_IGN);
}

bool os_stop_requested(void)
{
	return stop_signal;
}

void os_stop_release(void)
{
	sigaction(SIGINT, &saved_int, NULL);
	sigaction(SIGTERM, &saved_term, NULL);
}

/* ---- threads ---- */

int os_thread_start(pthread_t *thread, void *(*run)(void *), void *opaque)
{
	sigset_t all, old;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(thread, NULL, run, opaque);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!rc)
		return 0;
	errno = rc;
	return -1;
}
